//! Bodies that were compressed, unpacked within bounds.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use hyper::body::Bytes;

/// Why a body was not unpacked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unexpanded {
    NoRoom,
    TooLarge,
    Damaged,
    Unknown,
}

impl Unexpanded {
    pub(super) fn status(self) -> u16 {
        match self {
            Self::NoRoom => 429,
            Self::TooLarge => 413,
            Self::Damaged => 400,
            Self::Unknown => 415,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NoRoom => "there is no room for more now",
            Self::TooLarge => "the body unpacks to more than is allowed",
            Self::Damaged => "the body does not unpack",
            Self::Unknown => "only gzip and zstd are unpacked",
        }
    }
}

/// Bytes that are unpacked between two looks at the bounds.
const STEP: usize = 64 * 1024;

/// The body as it was before its encoding. `take` is asked for room before it is used.
pub(super) fn expand(
    body: &Bytes,
    encoding: &str,
    most: usize,
    take: impl FnMut(u64) -> bool,
) -> Result<Bytes, Unexpanded> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "identity" | "" if body.len() <= most => Ok(body.clone()),
        "identity" | "" => Err(Unexpanded::TooLarge),
        "gzip" | "x-gzip" => unpack(MultiGzDecoder::new(&body[..]), most, take),
        "zstd" => {
            let mut decoder = zstd::Decoder::with_buffer(&body[..]).map_err(|_| Unexpanded::Damaged)?;
            // A window above 8 MiB need not be supported (RFC 8878, 3.1.1.1.2).
            decoder.window_log_max(23).map_err(|_| Unexpanded::Damaged)?;
            unpack(decoder, most, take)
        }
        _ => Err(Unexpanded::Unknown),
    }
}

fn unpack(
    mut packed: impl Read,
    most: usize,
    mut take: impl FnMut(u64) -> bool,
) -> Result<Bytes, Unexpanded> {
    let mut out = Vec::new();
    let mut step = vec![0; STEP];
    loop {
        let read = packed.read(&mut step).map_err(|_| Unexpanded::Damaged)?;
        let Some(bytes) = step.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(out.into()) };
        if out.len() + read > most {
            return Err(Unexpanded::TooLarge);
        }
        if !take(read as u64) {
            return Err(Unexpanded::NoRoom);
        }
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zstd(bytes: &[u8]) -> Bytes {
        zstd::encode_all(bytes, 3).unwrap().into()
    }

    #[test]
    fn what_was_packed_comes_back() {
        let text = b"one\ntwo\n".repeat(50_000);
        for (body, encoding) in
            [(gzip(&text), "gzip"), (zstd(&text), "ZSTD"), (text.clone().into(), "identity")]
        {
            assert_eq!(expand(&body, encoding, text.len(), |_| true).unwrap(), text, "{encoding}");
            assert_eq!(expand(&body, encoding, text.len() - 1, |_| true), Err(Unexpanded::TooLarge));
        }
        let twice = [gzip(b"a"), gzip(b"b")].concat().into();
        assert_eq!(expand(&twice, "gzip", 10, |_| true).unwrap(), b"ab"[..]);
        assert_eq!(expand(&text.into(), "br", 10, |_| true), Err(Unexpanded::Unknown));
    }

    #[test]
    fn a_bomb_takes_no_more_than_it_may() {
        let zeros = vec![0; 64 << 20];
        for (body, encoding) in [(gzip(&zeros), "gzip"), (zstd(&zeros), "zstd")] {
            assert!(body.len() < 100_000);
            let mut taken = 0;
            let refused = expand(&body, encoding, 1 << 20, |bytes| {
                taken += bytes;
                true
            });
            assert_eq!(refused, Err(Unexpanded::TooLarge));
            assert!(taken <= 1 << 20);
            assert_eq!(expand(&body, encoding, 1 << 30, |_| false), Err(Unexpanded::NoRoom));
        }
    }

    #[test]
    fn damaged_bodies_are_refused() {
        for (body, encoding) in [(gzip(b"some text"), "gzip"), (zstd(b"some text"), "zstd")] {
            for length in 1..body.len() {
                assert_eq!(expand(&body.slice(..length), encoding, 100, |_| true), Err(Unexpanded::Damaged));
            }
            assert_eq!(
                expand(&Bytes::from_static(b"garbage"), encoding, 100, |_| true),
                Err(Unexpanded::Damaged)
            );
        }
    }
}

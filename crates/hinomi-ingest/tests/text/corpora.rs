//! Corpora that may be absent.

use std::path::PathBuf;

/// A file of an archive: path and bytes.
pub(crate) type File = (String, Vec<u8>);

/// The files of `l_vendor_formats/<name>.tar.zst`, or `None` (with a message) when the corpora are not there.
pub(crate) fn files(name: &str) -> Option<Vec<File>> {
    let root = std::env::var_os("HINOMI_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let path = root.join("l_vendor_formats").join(format!("{name}.tar.zst"));
    let Ok(packed) = std::fs::read(&path) else {
        println!("SKIPPED: {} is not there; set HINOMI_CORPORA", path.display());
        return None;
    };
    let tar = zstd::decode_all(packed.as_slice()).unwrap();
    Some(members(&tar))
}

/// Regular files of a tar archive (ustar, GNU and pax long names).
fn members(tar: &[u8]) -> Vec<File> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut long_name: Option<String> = None;
    while let Some(header) = tar.get(at..at + 512) {
        if header[0] == 0 {
            break;
        }
        let text = |range: std::ops::Range<usize>| {
            let field = &header[range];
            let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).into_owned()
        };
        let size = usize::from_str_radix(text(124..136).trim(), 8).unwrap_or(0);
        let body = tar[at + 512..at + 512 + size].to_vec();
        let name = text(0..100);
        let prefix = text(345..500);
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        match header[156] {
            b'L' => long_name = Some(String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned()),
            b'x' => {
                let pax = String::from_utf8_lossy(&body).into_owned();
                let path = pax.lines().find_map(|l| l.split_once(" path=").map(|(_, p)| p.to_owned()));
                long_name = path.or(long_name);
            }
            b'0' | 0 => out.push((long_name.take().unwrap_or(name), body)),
            _ => long_name = None,
        }
        at += 512 + size.div_ceil(512) * 512;
    }
    out
}

/// True for the half of the files on which mappings must not be improved.
pub(crate) fn held_out(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    hinomi_model::Digest::of(name.as_bytes()).as_bytes()[0] >> 4 & 1 == 1
}

//! Lines of a unit, and their bytes as text.

use std::borrow::Cow;

/// Longer lines are cut: no log writes them, and every copy of one costs memory.
pub(crate) const MAX_LINE: usize = 1 << 20;

/// A line: where it starts, its bytes without the line end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) offset: usize,
    pub(crate) bytes: &'a [u8],
}

/// Splits at `\n`; a `\r` before it belongs to the line end.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(from..).filter(|r| !r.is_empty())?;
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..length)?;
        let offset = from;
        from += length + 1;
        Some(Line { offset, bytes: line.strip_suffix(b"\r").unwrap_or(line) })
    })
}

/// How a line became text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reading {
    Utf8,
    /// Japanese Windows code page 932.
    Cp932,
    /// Some bytes were replaced.
    Lossy,
}

/// Reads a line as UTF-8, else as CP932 if every byte fits, else with replacements.
pub(crate) fn text(bytes: &[u8]) -> (Cow<'_, str>, Reading) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), Reading::Utf8);
    }
    if let Some(text) = encoding_rs::SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes)
        && !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\r' | '\n'))
    {
        return (Cow::Owned(text.into_owned()), Reading::Cp932);
    }
    (String::from_utf8_lossy(bytes), Reading::Lossy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_they_like() {
        let found: Vec<_> = lines(b"a\r\n\nb\0c\nlast").map(|l| (l.offset, l.bytes.to_vec())).collect();
        assert_eq!(found, [(0, b"a".to_vec()), (3, vec![]), (4, b"b\0c".to_vec()), (8, b"last".to_vec())]);
        assert_eq!(lines(b"").count(), 0);
    }

    #[test]
    fn bytes_become_text() {
        assert_eq!(text("火の見".as_bytes()), ("火の見".into(), Reading::Utf8));
        assert_eq!(text(b"\x89\xce\x82\xcc\x8c\xa9"), ("火の見".into(), Reading::Cp932));
        assert_eq!(text(b"a\xffb").1, Reading::Lossy);
    }
}

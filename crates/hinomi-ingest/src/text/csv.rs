//! Comma-separated values (RFC 4180), with any one-byte delimiter.

use std::borrow::Cow;

/// The cells of one record.
pub(crate) fn cells(line: &str, delimiter: u8) -> Vec<Cow<'_, str>> {
    let mut out = Vec::new();
    let mut rest = line;
    loop {
        let (cell, after) = cell(rest, delimiter);
        out.push(cell);
        match after {
            Some(after) if out.len() < 4096 => rest = after,
            _ => return out,
        }
    }
}

fn cell(text: &str, delimiter: u8) -> (Cow<'_, str>, Option<&str>) {
    if let Some(inner) = text.strip_prefix('"')
        && let Some((value, after)) = quoted(inner)
    {
        let after = if delimiter == b' ' { after } else { after.trim_start_matches(' ') };
        if after.is_empty() {
            return (value, None);
        }
        if after.as_bytes().first() == Some(&delimiter) {
            return (value, after.get(1..));
        }
    }
    match memchr::memchr(delimiter, text.as_bytes()) {
        Some(at) => (Cow::Borrowed(text.get(..at).unwrap_or_default()), text.get(at + 1..)),
        None => (Cow::Borrowed(text), None),
    }
}

fn quoted(inner: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut from = 0;
    loop {
        let at = from + inner.get(from..)?.find('"')?;
        if inner.as_bytes().get(at + 1) == Some(&b'"') {
            from = at + 2;
            continue;
        }
        let value = inner.get(..at)?;
        let value = if value.contains("\"\"") {
            Cow::Owned(value.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(value)
        };
        return Some((value, inner.get(at + 1..)?));
    }
}

/// True when a quoted cell of `line` goes on in the next line.
pub(crate) fn is_open(line: &[u8]) -> bool {
    memchr::memchr_iter(b'"', line).count() % 2 == 1
}

/// The delimiter of a header line: every cell must look like a column name, and there must be three.
pub(crate) fn header_delimiter(line: &str) -> Option<u8> {
    let line = line.trim_start_matches('\u{feff}');
    [b',', b'\t', b';', b'|'].into_iter().find(|&delimiter| {
        let names = cells(line, delimiter);
        let mut seen = std::collections::HashSet::new();
        names.len() >= 3 && names.iter().all(|n| is_column_name(n) && seen.insert(n.trim().to_lowercase()))
    })
}

fn is_column_name(text: &str) -> bool {
    let text = text.trim();
    let sane = |c: char| {
        c.is_alphanumeric()
            || matches!(
                c,
                ' ' | '_' | '-' | '.' | '/' | '(' | ')' | '#' | '%' | '@' | '*' | '\u{3000}'
                    ..='\u{30ff}' | '（' | '）'
            )
    };
    (1..=64).contains(&text.chars().count())
        && text.chars().any(char::is_alphabetic)
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(sane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_empty_cells() {
        assert_eq!(cells(r#"a,"b,""c""",,d"#, b','), ["a", "b,\"c\"", "", "d"]);
        assert_eq!(cells("", b','), [""]);
        assert_eq!(cells(r#""open,b"#, b','), ["\"open", "b"]);
    }

    #[test]
    fn headers_have_names() {
        assert_eq!(header_delimiter("time,user,source ip"), Some(b','));
        assert_eq!(header_delimiter("日時;利用者;接続元"), Some(b';'));
        assert_eq!(header_delimiter("2026-01-31,bob,192.0.2.1"), None);
        assert_eq!(header_delimiter("a,a,b"), None);
        assert_eq!(header_delimiter("Hello, dear, world: it = x"), None);
    }
}

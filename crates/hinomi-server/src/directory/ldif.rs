//! Entries as LDIF (RFC 2849).

use std::io::{self, Write};

use base64::Engine as _;

use super::message::Entry;

/// Letters of a line before it is folded.
const WIDTH: usize = 76;

pub(super) fn write(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    line("dn", &entry.name, out)?;
    for (name, values) in &entry.attributes {
        // A name that could be something else is not written.
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b';' | b'.' | b'=' | b'*');
        if name.is_empty() || !name.bytes().all(is_name) {
            continue;
        }
        for value in values {
            line(name, value, out)?;
        }
    }
    writeln!(out)
}

fn line(name: &str, value: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let text = match std::str::from_utf8(value).ok().filter(|text| is_safe(text)) {
        Some(text) => format!("{name}: {text}"),
        None => format!("{name}:: {}", base64::engine::general_purpose::STANDARD.encode(value)),
    };
    let (first, rest) = text.as_bytes().split_at(text.len().min(WIDTH));
    out.write_all(first)?;
    for part in rest.chunks(WIDTH - 1) {
        out.write_all(b"\n ")?;
        out.write_all(part)?;
    }
    writeln!(out)
}

/// A SAFE-STRING that no reader takes for anything else: ASCII without controls, no space at either end.
fn is_safe(text: &str) -> bool {
    let ends = text.starts_with([' ', ':', '<']) || text.ends_with(' ');
    !ends && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_encoded_and_long_lines_are_folded() {
        let entry = Entry {
            name: b"cn=x".to_vec(),
            attributes: vec![
                (
                    "member".to_owned(),
                    vec![vec![b'a'; 150], "é".as_bytes().to_vec(), b" x".to_vec(), b"a\nb".to_vec()],
                ),
                ("bad name:".to_owned(), vec![b"x".to_vec()]),
                ("empty".to_owned(), vec![Vec::new()]),
            ],
        };
        let mut out = Vec::new();
        write(&entry, &mut out).unwrap();
        let long = format!("member: {}\n {}\n {}", "a".repeat(68), "a".repeat(75), "a".repeat(7));
        let expected = format!("dn: cn=x\n{long}\nmember:: w6k=\nmember:: IHg=\nmember:: YQpi\nempty: \n\n");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

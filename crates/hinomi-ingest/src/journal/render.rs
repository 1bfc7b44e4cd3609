//! An entry as the object that `journalctl -o json --all` prints: printable text as a string, anything else as an array of
//! byte values, a field that comes more than once as an array.

use super::entry::Field;

/// Writes an object. Fields are put in order of their names; those of one name stay in theirs.
pub(super) fn object(fields: &mut [Field<'_>], out: &mut Vec<u8>) {
    fields.sort_by_key(|field| field.name);
    out.push(b'{');
    for (number, same) in fields.chunk_by(|a, b| a.name == b.name).enumerate() {
        let Some(first) = same.first() else { continue };
        if number > 0 {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(first.name);
        out.extend_from_slice(b"\":");
        match same {
            [only] => value(only.value, out),
            several => list(several.iter(), out, |field, out| value(field.value, out)),
        }
    }
    out.push(b'}');
}

fn list<T>(items: impl Iterator<Item = T>, out: &mut Vec<u8>, mut write: impl FnMut(T, &mut Vec<u8>)) {
    out.push(b'[');
    for (number, item) in items.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn value(bytes: &[u8], out: &mut Vec<u8>) {
    if !is_printable(bytes) {
        return list(bytes.iter(), out, |byte, out| out.extend_from_slice(byte.to_string().as_bytes()));
    }
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// UTF-8 without control characters other than tabs and line feeds, of either set of them.
pub(super) fn is_printable(bytes: &[u8]) -> bool {
    let plain = |c: char| !c.is_control() || matches!(c, '\t' | '\n');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(plain))
}

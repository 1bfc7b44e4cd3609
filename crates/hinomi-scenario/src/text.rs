//! Escaping of what is put into lines.

/// Appends `text` as the inside of a JSON string.
pub(crate) fn push_json(out: &mut Vec<u8>, text: &[u8]) {
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    if text.iter().all(|&b| plain(b)) {
        out.extend_from_slice(text);
        return;
    }
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.push(b'0' + (byte >> 4));
                let low = byte & 15;
                out.push(if low < 10 { b'0' + low } else { b'a' + low - 10 });
            }
            _ => out.push(byte),
        }
    }
}

/// Appends `text`, escaped if the format is JSON.
pub(crate) fn push(out: &mut Vec<u8>, text: &[u8], json: bool) {
    if json { push_json(out, text) } else { out.extend_from_slice(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_read_back() {
        for text in ["", "plain 日本", "a\"b\\c\n\r\t\u{1}\u{1f}", r"C:\x"] {
            let mut out = vec![b'"'];
            push_json(&mut out, text.as_bytes());
            out.push(b'"');
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}

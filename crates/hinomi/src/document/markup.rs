//! Text made safe for HTML: content of logs is an intruder's.

use super::claim::Said2;
use crate::render::harmless;

/// Escapes text for element content and double-quoted attributes; control and bidirectional characters are made
/// visible first.
pub(crate) fn escape(text: &str) -> String {
    let text = harmless(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Both languages; a style shows one of them.
pub(super) fn both(said: &Said2) -> String {
    if said.en == said.ja {
        return escape(&said.en);
    }
    format!("<span lang=\"en\">{}</span><span lang=\"ja\">{}</span>", escape(&said.en), escape(&said.ja))
}

/// Both languages from two literals.
pub(super) fn word(en: &str, ja: &str) -> String {
    both(&Said2::new(en, ja))
}

/// JSON that can stand inside a script element: no character that could end it or that a browser may reorder.
pub(super) fn embedded(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<'
            | '>'
            | '&'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// Standard base64 with padding (RFC 4648).
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let at = |n: usize| chunk.get(n).copied().map_or(0, u32::from);
        let group = (at(0) << 16) | (at(1) << 8) | at(2);
        for position in 0..4usize {
            let index = (group >> (18 - 6 * position)) & 63;
            let letter = ALPHABET.get(index as usize).copied().map_or('=', char::from);
            out.push(if position <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_log_is_markup() {
        let hostile = "</td><script>alert(1)</script>\"'\u{202e}gpj.exe\u{1b}[2J";
        let safe = escape(hostile);
        assert!(!safe.contains(['<', '>', '"', '\'', '\u{202e}', '\u{1b}']), "{safe}");
        assert!(safe.contains("&lt;script&gt;") && safe.contains("U+202E"));
        let json = embedded(&serde_json::to_string(hostile).unwrap());
        assert!(!json.contains(['<', '>', '&', '\u{202e}']), "{json}");
        let back: String = serde_json::from_str(&json).unwrap();
        assert_eq!(back, hostile);
    }

    #[test]
    fn base64_of_the_specification() {
        // RFC 4648, section 10.
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in vectors {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}

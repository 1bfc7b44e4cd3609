//! Names as they are shown and cited.
//!
//! # Invariants
//! A shown name has no control characters and nothing that reorders or hides text; what cannot be shown is written
//! as `%XX` of its bytes. Names are never used to create files, so `..`, drive letters and leading slashes are kept
//! as the archive states them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::BuildHasher;
use std::path::Path;

/// Longest name kept, in bytes.
const LONGEST: usize = 4096;

/// Ending of the inner name of a member that was transcoded from UTF-16.
pub(crate) const UTF16: &str = "!utf16";

/// A path on disk as shown.
pub(crate) fn of_path(path: &Path) -> String {
    shown(path.as_os_str().as_encoded_bytes(), Encoding::Utf8)
}

/// How to read a name that is not UTF-8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    /// Windows-31J, which Japanese Windows writes into ZIP archives without saying so.
    Cp932,
}

/// The printable form of a name.
pub(crate) fn shown(bytes: &[u8], fallback: Encoding) -> String {
    let bytes = bytes.get(..LONGEST.min(bytes.len())).unwrap_or_default();
    if std::str::from_utf8(bytes).is_err() && fallback == Encoding::Cp932 {
        let (text, _, damaged) = encoding_rs::SHIFT_JIS.decode(bytes);
        if !damaged {
            return printable(&text).into_owned();
        }
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&printable(chunk.valid()));
        percent(chunk.invalid(), &mut out);
    }
    out
}

fn printable(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (b' '..0x7f).contains(&b)) || !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_hidden(char) {
            percent(char.encode_utf8(&mut [0; 4]).as_bytes(), &mut out);
        } else {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

fn percent(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "%{byte:02X}");
    }
}

/// Controls, direction marks and overrides, separators, zero-width and tag characters.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Tells members of one archive with equal names apart: the second `a` becomes `a (2)`.
#[derive(Default)]
pub(crate) struct Names {
    used: HashMap<u64, u32>,
    hasher: foldhash::quality::RandomState,
}

impl Names {
    pub(crate) fn unique(&mut self, name: String) -> String {
        // A name that looks transcoded would be ambiguous in a citation.
        let name = if name.ends_with(UTF16) { format!("{name}_") } else { name };
        let key = self.hasher.hash_one(&name);
        let Some(count) = self.used.get(&key).copied() else {
            self.used.insert(key, 1);
            return name;
        };
        let mut count = count;
        loop {
            count = count.saturating_add(1);
            let candidate = format!("{name} ({count})");
            let candidate_key = self.hasher.hash_one(&candidate);
            if count == u32::MAX || !self.used.contains_key(&candidate_key) {
                self.used.insert(key, count);
                self.used.insert(candidate_key, 1);
                return candidate;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_without_tricks() {
        let check = |bytes: &[u8], expected: &str| assert_eq!(shown(bytes, Encoding::Cp932), expected);
        check(b"C%3A/Windows/Security.evtx", "C%3A/Windows/Security.evtx");
        check(b"../../etc/passwd", "../../etc/passwd");
        check(b"a\x1b[31m\n", "a%1B[31m%0A");
        check("log\u{202e}gpj.exe".as_bytes(), "log%E2%80%AEgpj.exe");
        check(&[0x93, 0xfa, 0x96, 0x7b, b'.', b'l', b'o', b'g'], "日本.log");
        check(&[b'x', 0xff, 0xfe], "x%FF%FE");
        assert_eq!(shown(&[b'a'; 10_000], Encoding::Utf8).len(), LONGEST);
    }

    #[test]
    fn equal_names_are_told_apart() {
        let mut names = Names::default();
        let got: Vec<_> = ["a", "a (2)", "a", "a", "b!utf16"].map(|n| names.unique(n.to_owned())).into();
        assert_eq!(got, ["a", "a (2)", "a (3)", "a (4)", "b!utf16_"]);
    }
}

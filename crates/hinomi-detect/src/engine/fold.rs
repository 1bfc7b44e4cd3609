//! Case folding shared by patterns and values.

/// Appends the folded form of `text` to `out`: ASCII letters and every other letter in lower case by the simple
/// mapping of Unicode, plus `ſ` as `s` so that regular expressions' own folding is never stricter.
pub(crate) fn fold_into(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(text.as_bytes());
    let Some(copied) = out.get_mut(start..) else { return };
    if copied.is_ascii() {
        copied.make_ascii_lowercase();
        return;
    }
    out.truncate(start);
    let mut buffer = [0u8; 4];
    for c in text.chars() {
        match c {
            'ſ' => out.push(b's'),
            _ => c.to_lowercase().for_each(|l| out.extend_from_slice(l.encode_utf8(&mut buffer).as_bytes())),
        }
    }
}

/// The folded form of `text`.
pub(crate) fn fold(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_ascii_and_the_rest() {
        assert_eq!(fold("PowerShell.EXE"), b"powershell.exe");
        assert_eq!(fold("ÄÖ ＰＳ K ſ"), "äö ｐｓ k s".as_bytes());
    }
}

//! Words of a text, as the index and searches know them.
//!
//! A text is **folded**: compatibility forms become one (NFKC: full-width letters, half-width katakana, ligatures), then
//! letters become lower case (Unicode's full mapping). The folded text is cut into words: runs of letters and digits. Scripts
//! that put no spaces between words (Han, kana, Hangul) are indexed by pairs of neighbouring characters instead, and by the
//! character itself where it stands alone.
//!
//! # Invariants
//! Every word that [`required`] demands of a term is among the words that [`each`] finds in any text that contains the term
//! as a searcher means it ([`contains`]); so an index of words never hides a match.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

/// Hash of one word.
pub type TokenHash = u64;

/// The folded form of a text.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|b| !b.is_ascii()).unwrap_or(rest.len());
        // What follows may join the last sign before it, and no other: an accent, for instance.
        let plain = if ascii < rest.len() { ascii.saturating_sub(1) } else { ascii };
        let (own, after) = rest.split_at(plain);
        folded.extend(own.bytes().map(|b| char::from(b.to_ascii_lowercase())));
        let begin = ascii - plain;
        let length =
            after.bytes().skip(begin).position(|b| b.is_ascii()).map_or(after.len(), |at| begin + at);
        let (other, after) = after.split_at(length);
        folded.extend(other.nfkc().flat_map(char::to_lowercase));
        rest = after;
    }
    Cow::Owned(folded)
}

/// Whether words of this script are not parted by spaces.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3040..=0x30FF | 0x3100..=0x312F | 0x31A0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x1B000..=0x1B16F
        | 0x20000..=0x3FFFF)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() && !is_unspaced(c)
}

/// Calls `found` with the hash of every word of a text that is folded already.
pub fn each(folded: &str, mut found: impl FnMut(TokenHash)) {
    if folded.is_ascii() {
        let words = folded.as_bytes().split(|b| !b.is_ascii_alphanumeric());
        words.filter(|w| !w.is_empty()).for_each(|w| found(hash(w)));
        return;
    }
    let mut previous: Option<char> = None;
    let mut start: Option<usize> = None;
    let mut paired = false;
    for (at, c) in folded.char_indices().chain([(folded.len(), '\0')]) {
        if is_word(c) {
            start = start.or(Some(at));
        } else if let Some(from) = start.take() {
            found(hash(folded.get(from..at).unwrap_or_default().as_bytes()));
        }
        let unspaced = is_unspaced(c) && c.is_alphanumeric();
        match (previous, unspaced) {
            (Some(before), true) => {
                found(hash_chars(&[before, c]));
                paired = true;
            }
            (Some(before), false) if !paired => found(hash_chars(&[before])),
            _ => {}
        }
        if !unspaced {
            paired = false;
        }
        previous = unspaced.then_some(c);
    }
}

/// The words that any text must hold that contains the folded `term`, for an index to look up. `open_start` and `open_end`
/// say that the term may begin or end inside a word, as behind a wildcard.
pub fn required(term: &str, open_start: bool, open_end: bool) -> Vec<TokenHash> {
    let inner = trimmed(term, open_start, open_end);
    let mut hashes = Vec::new();
    // A lone character of an unspaced script stands beside others in most texts, where only its pairs are known.
    let lone = |piece: &str| piece.chars().count() == 1;
    for piece in pieces(inner) {
        if piece.chars().next().is_some_and(is_unspaced) {
            if !lone(piece) {
                each(piece, |hash| hashes.push(hash));
            }
        } else {
            hashes.push(hash(piece.as_bytes()));
        }
    }
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// Without the words at its ends that may be parts of longer ones.
fn trimmed(term: &str, open_start: bool, open_end: bool) -> &str {
    let mut inner = term;
    if open_start {
        inner = inner.trim_start_matches(is_word);
    }
    if open_end {
        inner = inner.trim_end_matches(is_word);
    }
    inner
}

/// Runs of word characters and runs of characters of unspaced scripts.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let first = rest.chars().next()?;
        let unspaced = is_unspaced(first);
        let same = |c: char| c.is_alphanumeric() && is_unspaced(c) == unspaced;
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// Where a folded term first ends in a folded text, not in the middle of a word: where the term begins or ends with a letter or
/// digit, the text has none beside it. Unspaced scripts have no such ends.
pub fn end_of(text: &str, term: &str, open_start: bool, open_end: bool) -> Option<usize> {
    let (Some(first), Some(last)) = (term.chars().next(), term.chars().next_back()) else { return Some(0) };
    let closed_start = !open_start && is_word(first);
    let closed_end = !open_end && is_word(last);
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|t| t.find(term)) {
        let at = from + found;
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + term.len()..).and_then(|t| t.chars().next());
        let inside = closed_start && before.is_some_and(is_word) || closed_end && after.is_some_and(is_word);
        if !inside {
            return Some(at + term.len());
        }
        from = at + text.get(at..).and_then(|t| t.chars().next()).map_or(1, char::len_utf8);
    }
    None
}

/// Stands for a field among words: no word of a text has its hash but by chance. The name is in lower case.
pub fn of_field(lower: &str) -> TokenHash {
    hash(format!("\0{lower}").as_bytes())
}

/// Hashes that no generator made alike: splitmix64.
#[cfg(test)]
pub(crate) fn scattered(seed: u64) -> TokenHash {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn hash_chars(chars: &[char]) -> TokenHash {
    let mut buffer = [0u8; 8];
    let mut used = 0;
    for c in chars {
        if let Some(room) = buffer.get_mut(used..) {
            used += c.encode_utf8(room).len();
        }
    }
    hash(buffer.get(..used).unwrap_or_default())
}

/// A hash that is part of the format: 64 bits by multiplication and folding of 8 bytes at a time (after wyhash's mixer).
fn hash(word: &[u8]) -> TokenHash {
    const A: u64 = 0xa076_1d64_78bd_642f;
    const B: u64 = 0xe703_7ed1_a0b4_28db;
    let mix = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let mut state = A ^ word.len() as u64;
    for piece in word.chunks(8) {
        let mut eight = [0u8; 8];
        for (to, from) in eight.iter_mut().zip(piece) {
            *to = *from;
        }
        state = mix(state ^ u64::from_le_bytes(eight), B);
    }
    mix(state ^ A, B ^ word.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> std::collections::BTreeSet<TokenHash> {
        let mut all = std::collections::BTreeSet::new();
        each(&fold(text), |hash| {
            all.insert(hash);
        });
        all
    }

    #[track_caller]
    fn finds(text: &str, term: &str, expected: bool) {
        let (text, term) = (fold(text), fold(term));
        assert_eq!(end_of(&text, &term, false, false).is_some(), expected, "{term:?} in {text:?}");
        if expected {
            let all = words(&text);
            assert!(required(&term, false, false).iter().all(|h| all.contains(h)), "{term:?} in {text:?}");
        }
    }

    #[test]
    fn folding_in_pieces_is_folding_the_whole() {
        // Accents that join, marks that change places, Hangul in parts, wide and narrow forms, ligatures, signs that grow.
        let signs = [
            "a", "E", "=", " ", "\u{301}", "\u{323}", "\u{338}", "\u{1100}", "\u{1161}", "\u{11a8}", "Ｅ",
            "ｶ", "ﾞ", "カ", "\u{3099}", "ﬁ", "İ", "ſ", "K", "ß", "Å", "①", "㌔", "倉", "\u{200e}", "ΑΣ", "Z",
        ];
        let mut state = 1u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(signs[(state >> 33) as usize % signs.len()]);
            }
            let whole: String = text.nfkc().flat_map(char::to_lowercase).collect();
            assert_eq!(fold(&text), whole, "{text:?}");
        }
    }

    #[test]
    fn words_are_whole_and_any_case_and_width() {
        finds(r"C:\Temp\Evil.EXE /run", "evil.exe", true);
        finds(r"C:\Temp\Evil.EXE /run", "vil.exe", false);
        finds("Ｅｖｉｌ ｶﾞｲﾄﾞ", "evil", true);
        finds("ｶﾞｲﾄﾞ", "ガイド", true);
        finds("ﬁle", "file", true);
        finds("aab aab-x", "aab-x", true);
    }

    #[test]
    fn unspaced_scripts_are_found_anywhere() {
        finds("倉庫管理システムへの不正アクセス", "不正アクセス", true);
        finds("倉庫管理システムへの不正アクセス", "正規", false);
        finds("倉庫", "倉", true);
        finds("東京tower三丁目", "tower", true);
        finds("東京tower三丁目", "京tower三", true);
        finds("は", "は", true);
    }

    #[test]
    fn open_ends_need_no_word_that_may_be_longer() {
        let text = fold(r"C:\Windows\System32\rundll32.exe shell32.dll,Control");
        let all = words(&text);
        for (term, open_start, open_end) in [
            ("dll32.exe shell", true, true),
            ("32.exe", true, false),
            ("shell32.d", false, true),
            ("unspecific", true, true),
        ] {
            if end_of(&text, term, open_start, open_end).is_some() {
                assert!(required(term, open_start, open_end).iter().all(|h| all.contains(h)), "{term}");
            }
        }
        assert!(end_of(&text, "dll32.exe shell", true, true).is_some());
        assert_eq!(required("dll32.exe shell", true, true).len(), 1);
    }
}

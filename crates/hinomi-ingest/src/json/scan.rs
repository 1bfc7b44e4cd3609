//! The lexical level: where strings, numbers and whole values end, and what escapes mean.
//!
//! # Invariants
//! Every function returns an offset inside its input or `None`; nothing recurses.

use memchr::{memchr, memchr2};

/// Byte at `at`, or NUL past the end (no JSON token starts with NUL).
#[inline]
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The part of `text` between two offsets, empty when they are out of range.
#[inline]
pub(super) fn part(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end).unwrap_or_default()
}

/// First offset at or after `at` that is not JSON white space.
#[inline]
pub(super) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(byte(text, at), b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

/// Offset of the quote that ends the string whose content starts at `start`, and whether it holds a backslash.
#[inline]
pub(super) fn string_end(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let found = start + memchr2(b'"', b'\\', text.get(start..)?)?;
    if byte(text, found) == b'"' {
        return Some((found, false));
    }
    escaped_string_end(text, start, found + 2).map(|end| (end, true))
}

/// Like [`string_end`] for a string with escapes: `from` is after the first escaped byte.
///
/// Looks for quotes only and counts the backslashes before each, because text such as a Windows message holds
/// many escapes and few quotes.
fn escaped_string_end(text: &[u8], start: usize, mut from: usize) -> Option<usize> {
    loop {
        let quote = from + memchr(b'"', text.get(from..)?)?;
        let before = part(text, start, quote);
        let backslashes = before.iter().rev().take_while(|&&b| b == b'\\').count();
        if backslashes % 2 == 0 {
            return Some(quote);
        }
        from = quote + 1;
    }
}

/// Bytes of numbers and bare words.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would refuse")]
static WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        word[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'+' | b'-' | b'.');
        byte += 1;
    }
    word
};

/// End of the run of bytes a number or a bare word may consist of.
#[inline]
pub(super) fn word_end(text: &[u8], mut at: usize) -> usize {
    while WORD.get(usize::from(byte(text, at))) == Some(&true) {
        at += 1;
    }
    at
}

/// True for the numbers of RFC 8259 section 6.
pub(super) fn is_number(word: &[u8]) -> bool {
    let digits = |rest: &mut &[u8]| {
        let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        *rest = rest.get(count..).unwrap_or_default();
        count
    };
    let mut rest = word.strip_prefix(b"-").unwrap_or(word);
    let leading_zero = rest.first() == Some(&b'0');
    let whole = digits(&mut rest);
    if whole == 0 || (leading_zero && whole > 1) {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = fraction;
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        rest = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    rest.is_empty()
}

/// Offset after the value that starts at `at`, by quotes and brackets alone: the inside of objects and arrays is
/// not checked. `None` when the value does not end.
pub(super) fn skip_value(text: &[u8], at: usize) -> Option<usize> {
    match byte(text, at) {
        b'"' => string_end(text, at + 1).map(|(end, _)| end + 1),
        b'{' | b'[' => skip_nested(text, at),
        _ => {
            let end = word_end(text, at);
            (end > at).then_some(end)
        }
    }
}

fn skip_nested(text: &[u8], mut at: usize) -> Option<usize> {
    let mut open = 0usize;
    loop {
        match text.get(at)? {
            b'"' => at = string_end(text, at + 1)?.0,
            b'{' | b'[' => open += 1,
            b'}' | b']' => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// True when a string between `start` and `end` holds a raw line break, which RFC 8259 section 7 forbids: two
/// lines, the first of them cut off inside a string, can look like one object.
pub(super) fn breaks_a_string(text: &[u8], start: usize, end: usize) -> bool {
    let mut at = start;
    while at < end {
        let Some(quote) = memchr(b'"', part(text, at, end)) else { return false };
        let inside = at + quote + 1;
        let Some((close, _)) = string_end(text, inside) else { return true };
        if memchr(b'\n', part(text, inside, close)).is_some() {
            return true;
        }
        at = close + 1;
    }
    false
}

/// What [`unescape`] had to repair.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Repaired(pub(super) bool);

/// Appends the text of a string's raw bytes to `out`, which receives valid UTF-8 whatever the input: lone
/// surrogates, invalid UTF-8 and unknown escapes become U+FFFD (unknown escapes keep their letter).
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Repaired {
    let mut repaired = Repaired(false);
    let valid = std::str::from_utf8(raw).is_ok();
    let mut rest = raw;
    let append_utf8 = |bytes: &[u8], out: &mut Vec<u8>| {
        if valid {
            out.extend_from_slice(bytes);
            return false;
        }
        append_lossy(bytes, out)
    };
    // Escapes come in rows: `\r\n\t\t`.
    let next = |rest: &[u8]| if rest.first() == Some(&b'\\') { Some(0) } else { memchr(b'\\', rest) };
    while let Some(at) = next(rest) {
        let (plain, escape) = rest.split_at(at);
        repaired.0 |= append_utf8(plain, out);
        let letter = byte(escape, 1);
        let taken = match letter {
            b'u' => {
                let (taken, bad) = append_unicode(escape, out);
                repaired.0 |= bad;
                taken
            }
            b'b' => push(out, 8),
            b'f' => push(out, 12),
            b'n' => push(out, b'\n'),
            b'r' => push(out, b'\r'),
            b't' => push(out, b'\t'),
            b'"' | b'\\' | b'/' => push(out, letter),
            _ => {
                repaired.0 = true;
                out.extend_from_slice("\u{fffd}".as_bytes());
                1
            }
        };
        rest = escape.get(taken..).unwrap_or_default();
    }
    repaired.0 |= append_utf8(rest, out);
    repaired
}

fn push(out: &mut Vec<u8>, byte: u8) -> usize {
    out.push(byte);
    2
}

/// Appends bytes as UTF-8, replacing what is invalid; says whether it had to.
fn append_lossy(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    if std::str::from_utf8(bytes).is_ok() {
        out.extend_from_slice(bytes);
        return false;
    }
    out.extend_from_slice(String::from_utf8_lossy(bytes).as_bytes());
    true
}

/// Appends the character of `\uXXXX` (or a surrogate pair of two); says how many bytes it took and whether it was
/// malformed.
fn append_unicode(escape: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
    let Some(first) = hex4(escape.get(2..6)) else {
        out.extend_from_slice("\u{fffd}".as_bytes());
        return (2, true);
    };
    let second = match first {
        0xd800..=0xdbff if escape.get(6..8) == Some(b"\\u") => hex4(escape.get(8..12)),
        _ => None,
    };
    let (code, taken) = match second {
        Some(low @ 0xdc00..=0xdfff) => (0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00), 12),
        _ => (first, 6),
    };
    let character = char::from_u32(code);
    let mut buffer = [0u8; 4];
    out.extend_from_slice(character.unwrap_or('\u{fffd}').encode_utf8(&mut buffer).as_bytes());
    (taken, character.is_none())
}

fn hex4(digits: Option<&[u8]>) -> Option<u32> {
    digits?.iter().try_fold(0u32, |value, &digit| Some(value * 16 + (digit as char).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_the_first_quote_that_is_not_escaped() {
        let check = |text: &str, expected: Option<(usize, bool)>| {
            assert_eq!(string_end(text.as_bytes(), 0), expected, "{text}");
        };
        check(r#"abc" "#, Some((3, false)));
        check(r#"a\"b" "#, Some((4, true)));
        check(r#"C:\\" "#, Some((4, true)));
        check(r#"C:\\\" x\n" "#, Some((10, true)));
        check(r#"open \""#, None);
        check("", None);
    }

    #[test]
    fn escapes_become_text_and_damage_becomes_a_replacement() {
        let check = |raw: &[u8], expected: &str, repaired: bool| {
            let mut out = Vec::new();
            assert_eq!(unescape(raw, &mut out), Repaired(repaired), "{raw:?}");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check(br#"a\"\\\/\b\f\n\r\tz"#, "a\"\\/\u{8}\u{c}\n\r\tz", false);
        check(br"\u30ed\uD83D\uDE00", "ロ😀", false);
        check(br"\ud83d!", "\u{fffd}!", true);
        check(br"\ud83d\u0041", "\u{fffd}A", true);
        check(br"\udc00", "\u{fffd}", true);
        check(br"\u12", "\u{fffd}12", true);
        check(br"\q", "\u{fffd}q", true);
        check(b"a\xffb", "a\u{fffd}b", true);
        check(b"\\", "\u{fffd}", true);
        check(b"nul \\u0000", "nul \0", false);
    }

    #[test]
    fn numbers_of_the_grammar() {
        for good in ["0", "-0", "10", "1.5", "1e9", "-2.25E-3", "123456789012345678901234567890"] {
            assert!(is_number(good.as_bytes()), "{good}");
        }
        for bad in ["", "-", "01", "1.", ".5", "1e", "NaN", "0x10", "+1", "1-2"] {
            assert!(!is_number(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn values_are_skipped_by_brackets_outside_strings() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(skip_value(text.as_bytes(), 0), expected, "{text}");
        };
        check(r#"{"a":"}\"]","b":[1,{}]},"#, Some(23));
        check(r#""x",1"#, Some(3));
        check("-12.5e3,", Some(7));
        check("[[[[", None);
        check("", None);
    }
}

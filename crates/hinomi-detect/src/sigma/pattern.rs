//! Values with wildcards, and the transformations that modifiers apply to them.

use super::ast::{Pattern, Place, Token};

/// A value on its way through the modifiers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text {
    /// Text with wildcards.
    Tokens(Vec<Token>),
    /// Bytes of another encoding; they carry no wildcards.
    Bytes(Vec<u8>),
}

/// Encodings of UTF-16 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Utf16 {
    /// `wide`, `utf16le`
    Little,
    /// `utf16be`
    Big,
    /// `utf16`: byte order mark, then little endian.
    Marked,
}

/// Most alternatives one value may expand to.
pub(crate) const MAX_ALTERNATIVES: usize = 4096;

/// What a Windows command line accepts before an option, as far as `windash` is concerned.
const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];

/// Reads the escapes of the specification: `*` and `?` are wildcards, a backslash before `*`, `?` or a backslash
/// takes its meaning away, any other backslash is itself.
pub(crate) fn parse(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut literal = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let wildcard = match c {
            '\\' => {
                literal.push(chars.next_if(|next| matches!(next, '\\' | '*' | '?')).unwrap_or('\\'));
                continue;
            }
            '*' => Token::Many,
            '?' => Token::One,
            _ => {
                literal.push(c);
                continue;
            }
        };
        if !literal.is_empty() {
            tokens.push(Token::Literal(std::mem::take(&mut literal)));
        }
        push_wildcard(&mut tokens, wildcard);
    }
    if !literal.is_empty() {
        tokens.push(Token::Literal(literal));
    }
    tokens
}

fn push_wildcard(tokens: &mut Vec<Token>, wildcard: Token) {
    if wildcard != Token::Many || tokens.last() != Some(&Token::Many) {
        tokens.push(wildcard);
    }
}

/// Opens the anchored text at its start, its end or both.
pub(crate) fn place(mut tokens: Vec<Token>, place: Place) -> Vec<Token> {
    if matches!(place, Place::Start | Place::Anywhere) {
        push_wildcard(&mut tokens, Token::Many);
    }
    if matches!(place, Place::End | Place::Anywhere) && tokens.first() != Some(&Token::Many) {
        tokens.insert(0, Token::Many);
    }
    tokens
}

/// The bytes of a value without wildcards; `None` when it has some.
fn bytes(text: Text) -> Option<Vec<u8>> {
    match text {
        Text::Bytes(bytes) => Some(bytes),
        Text::Tokens(tokens) => match tokens.as_slice() {
            [] => Some(Vec::new()),
            [Token::Literal(literal)] => Some(literal.as_bytes().to_vec()),
            _ => None,
        },
    }
}

/// UTF-16; `None` when the value has wildcards or was encoded before.
pub(crate) fn utf16(text: Text, order: Utf16) -> Option<Text> {
    let text = match text {
        Text::Tokens(_) => String::from_utf8(bytes(text)?).ok()?,
        Text::Bytes(_) => return None,
    };
    let mut out = Vec::with_capacity(text.len() * 2 + 2);
    if order == Utf16::Marked {
        out.extend([0xff, 0xfe]);
    }
    for unit in text.encode_utf16() {
        out.extend(if order == Utf16::Big { unit.to_be_bytes() } else { unit.to_le_bytes() });
    }
    Some(Text::Bytes(out))
}

/// Base64 of the whole value; `None` when it has wildcards.
pub(crate) fn base64(text: Text) -> Option<Text> {
    Some(Text::Tokens(literal(&encode_base64(&bytes(text)?))))
}

/// The parts of the value's Base64 that do not depend on what surrounds it, at each of the three offsets it can
/// have inside a longer text; `None` when it has wildcards.
pub(crate) fn base64_offset(text: Text) -> Option<Vec<Text>> {
    let value = bytes(text)?;
    let at_offset = |offset: usize| {
        let mut padded = vec![0u8; offset];
        padded.extend(&value);
        let encoded = encode_base64(&padded);
        // Six bits to a character: characters that share bits with what stands before or after are cut.
        let start = (offset * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        Text::Tokens(literal(encoded.get(start..end.max(start)).unwrap_or_default()))
    };
    Some((0..3).map(at_offset).collect())
}

fn literal(text: &str) -> Vec<Token> {
    if text.is_empty() { Vec::new() } else { vec![Token::Literal(text.to_owned())] }
}

fn encode_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, at| word << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for position in 0..4 {
            let six = (word >> (18 - 6 * position)) & 63;
            let known = position <= chunk.len();
            let symbol = ALPHABET.get(six as usize).filter(|_| known).copied().unwrap_or(b'=');
            out.push(char::from(symbol));
        }
    }
    out
}

/// Every permutation of the dashes that introduce an option: those that stand before a word and not inside one.
/// `None` when there are more than [`MAX_ALTERNATIVES`].
pub(crate) fn windash(tokens: &[Token]) -> Option<Vec<Vec<Token>>> {
    let mut all: Vec<Vec<Token>> = vec![Vec::with_capacity(tokens.len())];
    for token in tokens {
        let Token::Literal(text) = token else {
            all.iter_mut().for_each(|tokens| tokens.push(token.clone()));
            continue;
        };
        let variants = dash_variants(text)?;
        if all.len() * variants.len() > MAX_ALTERNATIVES {
            return None;
        }
        let longer = |tokens: &Vec<Token>| {
            let extended = variants.iter().map(|v| [tokens.as_slice(), &literal(v)].concat());
            extended.collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    Some(all)
}

fn dash_variants(text: &str) -> Option<Vec<String>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut all = vec![String::with_capacity(text.len())];
    let mut chars = text.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        let introduces = !before.is_some_and(is_word) && chars.peek().copied().is_some_and(is_word);
        if DASHES.contains(&c) && introduces {
            if all.len() * DASHES.len() > MAX_ALTERNATIVES {
                return None;
            }
            let with = |text: &String| DASHES.map(|dash| format!("{text}{dash}"));
            all = all.iter().flat_map(with).collect();
        } else {
            all.iter_mut().for_each(|text| text.push(c));
        }
        before = Some(c);
    }
    Some(all)
}

/// The finished pattern; `None` when bytes of another encoding are not text.
pub(crate) fn finish(text: Text) -> Option<Pattern> {
    match text {
        Text::Tokens(tokens) => Some(Pattern(tokens)),
        Text::Bytes(bytes) => Some(Pattern(literal(&String::from_utf8(bytes).ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tokens: &[Token]) -> String {
        let one = |t: &Token| match t {
            Token::Literal(text) => format!("<{text}>"),
            Token::Many => "*".into(),
            Token::One => "?".into(),
        };
        tokens.iter().map(one).collect()
    }

    #[test]
    fn escapes_follow_the_specification() {
        // The five statements of the section «Escaping», then edges.
        for (text, expected) in [
            (r"a\b", r"<a\b>"),
            (r"a\\b", r"<a\b>"),
            (r"\*x\?", "<*x?>"),
            (r"\\*", r"<\>*"),
            (r"\\\*", r"<\*>"),
            (r"\\\x", r"<\\x>"),
            (r"\\\\x", r"<\\x>"),
            ("a**?*", "<a>*?*"),
            ("", ""),
            (r"x\", r"<x\>"),
        ] {
            assert_eq!(shown(&parse(text)), expected, "{text}");
        }
    }

    #[test]
    fn places_do_not_double_wildcards() {
        for (text, at, expected) in [
            ("x", Place::Anywhere, "*<x>*"),
            ("*x", Place::Anywhere, "*<x>*"),
            ("x", Place::Start, "<x>*"),
            ("x", Place::End, "*<x>"),
            ("", Place::Anywhere, "*"),
            (r"x\*", Place::Start, "<x*>*"),
        ] {
            assert_eq!(shown(&place(parse(text), at)), expected, "{text}");
        }
    }

    #[test]
    fn base64_matches_rfc_4648_section_10() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode_base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn every_offset_of_a_longer_text_holds_one_of_the_three_parts() {
        for value in ["foo", "http://", "ab", "日本", "/bin/sh"] {
            let parts = base64_offset(Text::Tokens(parse(value))).unwrap();
            for (offset, part) in parts.iter().enumerate() {
                let Text::Tokens(tokens) = part else { unreachable!() };
                let [Token::Literal(part)] = tokens.as_slice() else { panic!("{tokens:?}") };
                for tail in ["", "~", "\u{7f}!", "zzz"] {
                    let whole = encode_base64(format!("{}{value}{tail}", "\u{1}".repeat(offset)).as_bytes());
                    assert!(whole.contains(part.as_str()), "{value} at {offset} in {whole}: {part}");
                }
            }
        }
    }

    #[test]
    fn dashes_change_only_where_they_introduce_a_word() {
        let count = |text: &str| windash(&parse(text)).map(|all| all.len());
        assert_eq!(count(" -enc "), Some(5));
        assert_eq!(count("-a /b"), Some(25));
        assert_eq!(count("a-b"), Some(1));
        assert_eq!(count("--x"), Some(5));
        assert_eq!(count("- x"), Some(1));
        assert_eq!(count("* –x*"), Some(5));
        assert_eq!(count(&" -a".repeat(6)), None);
        let all = windash(&parse("-x")).unwrap();
        let texts: Vec<_> = all.iter().map(|tokens| shown(tokens)).collect();
        assert_eq!(texts, ["<-x>", "</x>", "<–x>", "<—x>", "<―x>"]);
    }

    #[test]
    fn utf16_byte_orders() {
        let encoded = |order| utf16(Text::Tokens(parse("cmd")), order);
        assert_eq!(encoded(Utf16::Little), Some(Text::Bytes(b"c\0m\0d\0".to_vec())));
        assert_eq!(encoded(Utf16::Big), Some(Text::Bytes(b"\0c\0m\0d".to_vec())));
        assert_eq!(encoded(Utf16::Marked), Some(Text::Bytes(b"\xff\xfec\0m\0d\0".to_vec())));
        assert_eq!(utf16(Text::Tokens(parse("c*")), Utf16::Little), None);
        assert_eq!(finish(encoded(Utf16::Marked).unwrap()), None);
    }
}

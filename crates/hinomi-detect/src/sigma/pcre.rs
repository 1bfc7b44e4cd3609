//! Regular expressions as rule authors write them (PCRE) to the syntax of Rust's `regex`.
//!
//! Matching must take linear time, so lookaround, backreferences, atomic groups, possessive quantifiers and
//! recursion are refused. Everything else keeps PCRE's default meaning: `\d`, `\w`, `\s` and `\b` are ASCII, `$`
//! also matches before a final line break, braces that are no quantifier and brackets inside classes are literal.
//! Expressions are parsed here to report mistakes, and compiled elsewhere.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use regex_syntax::hir::{Hir, HirKind};

use super::error::{Problem, excerpt};

/// Longest expression.
const MAX_BYTES: usize = 16 << 10;
/// Bound on the states an expression unfolds to, roughly.
const MAX_STATES: u64 = 50_000;

const DIGITS: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\t\n\x0B\f\r\x20";
const HORIZONTAL: &str = r"\t\x20\xA0\u1680\u180E\u2000-\u200A\u202F\u205F\u3000";
const VERTICAL: &str = r"\n\x0B\f\r\u0085\u2028\u2029";

/// Translates and checks `pattern`.
pub(crate) fn translate(pattern: &str, multi_line: bool) -> Result<String, Problem> {
    if pattern.len() > MAX_BYTES {
        return Err(Problem::TooLarge { what: "bytes of a regular expression", limit: MAX_BYTES });
    }
    let translator = Translator {
        chars: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 16),
        // An inline `m` changes `$` somewhere inside; Rust's reading is kept then.
        dollar_before_break: !multi_line && !sets_multi_line(pattern),
    };
    let translated = translator.run().map_err(|refusal| match refusal {
        Refusal::Feature(feature) => Problem::RegexFeature { pattern: excerpt(pattern), feature },
        Refusal::Malformed(reason) => Problem::Regex { pattern: excerpt(pattern), reason: reason.to_owned() },
    })?;
    let parsed = regex_syntax::ParserBuilder::new().nest_limit(128).build().parse(&translated);
    let hir = parsed.map_err(|error| {
        let reason = match &error {
            regex_syntax::Error::Parse(e) => e.kind().to_string(),
            regex_syntax::Error::Translate(e) => e.kind().to_string(),
            _ => error.to_string(),
        };
        Problem::Regex { pattern: excerpt(pattern), reason }
    })?;
    if states(&hir) > MAX_STATES {
        return Err(Problem::TooLarge { what: "states of a regular expression", limit: MAX_STATES as usize });
    }
    Ok(translated)
}

fn sets_multi_line(pattern: &str) -> bool {
    pattern.split("(?").skip(1).any(|group| {
        let flags = group.split([':', ')', '-']).next().unwrap_or_default();
        flags.contains('m') && flags.chars().all(|c| c.is_ascii_alphabetic())
    })
}

fn states(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Repetition(r) => {
            let times = r.max.unwrap_or(r.min).max(1);
            states(&r.sub).saturating_mul(u64::from(times)).saturating_add(1)
        }
        HirKind::Capture(c) => states(&c.sub).saturating_add(1),
        HirKind::Concat(all) | HirKind::Alternation(all) => {
            all.iter().fold(1, |sum, one| sum.saturating_add(states(one)))
        }
        HirKind::Literal(l) => l.0.len() as u64,
        _ => 1,
    }
}

enum Refusal {
    Feature(&'static str),
    Malformed(&'static str),
}

struct Translator<'a> {
    chars: Peekable<Chars<'a>>,
    out: String,
    dollar_before_break: bool,
}

impl Translator<'_> {
    fn run(mut self) -> Result<String, Refusal> {
        while let Some(c) = self.chars.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '$' if self.dollar_before_break => self.out.push_str(r"(?:\n?\z)"),
                '{' => match self.quantifier() {
                    Some(text) => {
                        self.out.push_str(&text);
                        self.after_quantifier()?;
                    }
                    None => self.out.push_str(r"\{"),
                },
                '}' | ']' => self.out.extend(['\\', c]),
                '*' | '+' | '?' => {
                    self.out.push(c);
                    self.after_quantifier()?;
                }
                _ => self.out.push(c),
            }
        }
        Ok(self.out)
    }

    fn rest(&self) -> String {
        self.chars.clone().take(24).collect()
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.chars.next();
        }
    }

    /// After `{`: the quantifier with its braces, consumed, or `None` when the brace is literal.
    fn quantifier(&mut self) -> Option<String> {
        let rest = self.rest();
        let (inner, _) = rest.split_once('}')?;
        let (low, high) = inner.split_once(',').unwrap_or((inner, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if low.is_empty() || !digits(low) || !digits(high) {
            return None;
        }
        let text = format!("{{{inner}}}");
        self.skip(inner.len() + 1);
        Some(text)
    }

    fn after_quantifier(&mut self) -> Result<(), Refusal> {
        match self.chars.peek() {
            Some('+') => Err(Refusal::Feature("a possessive quantifier")),
            Some('?') => {
                self.chars.next();
                self.out.push('?');
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// After `(`.
    fn group(&mut self) -> Result<(), Refusal> {
        let rest = self.rest();
        if rest.starts_with('*') {
            return Err(Refusal::Feature("a backtracking verb"));
        }
        let Some(kind) = rest.strip_prefix('?') else {
            self.out.push('(');
            return Ok(());
        };
        if kind.starts_with('#') {
            self.chars.by_ref().find(|c| *c == ')');
            return Ok(());
        }
        let refused = [
            ("=", "lookahead"),
            ("!", "negative lookahead"),
            ("<=", "lookbehind"),
            ("<!", "negative lookbehind"),
            (">", "an atomic group"),
            ("|", "a branch reset group"),
            ("(", "a conditional group"),
            ("P=", "a backreference"),
            ("P>", "recursion"),
            ("&", "recursion"),
            ("R", "recursion"),
            ("C", "a callout"),
        ];
        if let Some((_, feature)) = refused.iter().find(|(start, _)| kind.starts_with(start)) {
            return Err(Refusal::Feature(feature));
        }
        if kind.starts_with(|c: char| c.is_ascii_digit() || c == '+') {
            return Err(Refusal::Feature("recursion"));
        }
        self.out.push('(');
        Ok(())
    }

    /// After a backslash outside a class.
    fn escape(&mut self) -> Result<(), Refusal> {
        let Some(c) = self.chars.next() else { return Err(Refusal::Malformed("it ends in a backslash")) };
        match c {
            '1'..='9' | 'k' | 'g' => return Err(Refusal::Feature("a backreference")),
            'G' => return Err(Refusal::Feature(r"\G")),
            'R' => return Err(Refusal::Feature(r"\R")),
            'X' | 'C' => return Err(Refusal::Feature(r"\X or \C")),
            'K' | 'E' => {}
            'Q' => self.quoted(),
            'b' => self.out.push_str(r"(?-u:\b)"),
            'Z' => self.out.push_str(r"(?:\n?\z)"),
            'N' => self.out.push_str(r"[^\n]"),
            'A' | 'B' | 'z' => self.out.extend(['\\', c]),
            _ => match shorthand(c) {
                Some((set, negated)) => {
                    let start = if negated { "[^" } else { "[" };
                    self.out.extend([start, set, "]"]);
                }
                None => self.character(c)?,
            },
        }
        Ok(())
    }

    /// `\Q…\E`: everything between is literal.
    fn quoted(&mut self) {
        let text: String = self.chars.clone().collect();
        let inner = text.split_once(r"\E").map_or(text.as_str(), |(inner, _)| inner);
        regex_syntax::escape_into(inner, &mut self.out);
        self.skip(inner.chars().count() + 2);
    }

    /// An escape that stands for one character, inside or outside a class.
    fn character(&mut self, c: char) -> Result<(), Refusal> {
        match c {
            'a' | 'f' | 'n' | 'r' | 't' => self.out.extend(['\\', c]),
            'e' => self.out.push_str(r"\x1B"),
            'p' | 'P' => {
                self.out.extend(['\\', c]);
                self.braced();
            }
            'c' => {
                let control =
                    self.chars.next().filter(char::is_ascii).map(|c| c.to_ascii_uppercase() as u8 ^ 64);
                let control = control.ok_or(Refusal::Malformed(r"\c without a character"))?;
                let _ = write!(self.out, r"\x{{{control:X}}}");
            }
            '0' => {
                let mut value = 0;
                for _ in 0..2 {
                    let digit = self.chars.next_if(|d| d.is_digit(8)).and_then(|d| d.to_digit(8));
                    value = digit.map_or(value, |d| value * 8 + d);
                }
                let _ = write!(self.out, r"\x{{{value:X}}}");
            }
            'x' => self.hexadecimal(),
            _ if c.is_alphanumeric() => return Err(Refusal::Malformed("an escape PCRE does not know")),
            _ if regex_syntax::is_meta_character(c) => self.out.extend(['\\', c]),
            ' ' => self.out.push_str(r"\x20"),
            _ => self.out.push(c),
        }
        Ok(())
    }

    /// Copies `{…}` when it follows.
    fn braced(&mut self) {
        if self.chars.peek() == Some(&'{') {
            for c in self.chars.by_ref() {
                self.out.push(c);
                if c == '}' {
                    return;
                }
            }
        }
    }

    /// After `\x`: one or two digits, or any number in braces.
    fn hexadecimal(&mut self) {
        if self.chars.peek() == Some(&'{') {
            self.out.push_str(r"\x");
            self.braced();
            return;
        }
        let mut value = 0;
        for _ in 0..2 {
            let digit = self.chars.next_if(char::is_ascii_hexdigit).and_then(|d| d.to_digit(16));
            value = digit.map_or(value, |d| value * 16 + d);
        }
        let _ = write!(self.out, r"\x{{{value:X}}}");
    }

    /// After `[`.
    fn class(&mut self) -> Result<(), Refusal> {
        self.out.push('[');
        if self.chars.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        let mut after_set = false;
        while let Some(c) = self.chars.next() {
            let is_set = match c {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.named_class() => true,
                '\\' => self.class_escape()?,
                '-' if after_set || first || self.set_follows() => {
                    self.out.push_str(r"\-");
                    false
                }
                '-' if self.chars.peek() != Some(&']') => {
                    self.out.push('-');
                    if self.chars.next_if_eq(&'-').is_some() {
                        self.out.push_str(r"\-");
                    }
                    false
                }
                '[' | ']' | '&' | '~' | '-' | '^' => {
                    self.out.extend(['\\', c]);
                    false
                }
                _ => {
                    self.out.push(c);
                    false
                }
            };
            first = false;
            after_set = is_set;
        }
        Err(Refusal::Malformed("a class is not closed"))
    }

    /// Whether the next item of a class stands for several characters.
    fn set_follows(&self) -> bool {
        let mut ahead = self.chars.clone();
        match (ahead.next(), ahead.next()) {
            (Some('\\'), Some(c)) => shorthand(c).is_some() || matches!(c, 'p' | 'P'),
            (Some('['), Some(':')) => true,
            _ => false,
        }
    }

    /// `[:alpha:]` after its `[`, copied when it is one.
    fn named_class(&mut self) -> bool {
        let rest = self.rest();
        let name = rest.strip_prefix(':').and_then(|r| r.split_once(":]")).map(|(name, _)| name);
        let is_name = |n: &&str| n.trim_start_matches('^').bytes().all(|b| b.is_ascii_lowercase());
        let Some(name) = name.filter(is_name) else { return false };
        let _ = write!(self.out, "[:{name}:]");
        self.skip(name.len() + 3);
        true
    }

    /// After a backslash inside a class; true when it stands for several characters.
    fn class_escape(&mut self) -> Result<bool, Refusal> {
        let Some(c) = self.chars.next() else { return Err(Refusal::Malformed("it ends in a backslash")) };
        match (c, shorthand(c)) {
            (_, Some((set, false))) => self.out.push_str(set),
            (_, Some((set, true))) => self.out.extend(["[^", set, "]"]),
            ('b', _) => self.out.push_str(r"\x08"),
            ('1'..='9', _) => return Err(Refusal::Malformed("a digit escape in a class")),
            ('Q' | 'E', _) => return Err(Refusal::Feature(r"\Q in a class")),
            _ => {
                self.character(c)?;
                return Ok(matches!(c, 'p' | 'P'));
            }
        }
        Ok(c != 'b')
    }
}

/// The characters a shorthand escape stands for, and whether it stands for all others.
fn shorthand(c: char) -> Option<(&'static str, bool)> {
    let set = match c.to_ascii_lowercase() {
        'd' => DIGITS,
        'w' => WORD,
        's' => SPACE,
        'h' => HORIZONTAL,
        'v' => VERTICAL,
        _ => return None,
    };
    Some((set, c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translated_expressions_match_as_pcre_does() {
        // (expression, text, whether PCRE finds it).
        for (pattern, text, expected) in [
            (r"a\/b\<c\>", "a/b<c>", true),
            (r"foo$", "foo\n", true),
            (r"foo$", "foo\nx", false),
            (r"(foo|bar$)x?", "bar\n", true),
            (r"\w", "é", false),
            (r"[\w-.]x", "-x", true),
            (r"[\w-.]x", "+x", false),
            (r"[+--]x", "-x", true),
            (r"[+--]x", ",x", true),
            (r"[[a]x", "[x", true),
            (r"[]a]x", "]x", true),
            (r"[^]a]x", "]x", false),
            (r"[a&&b]x", "&x", true),
            (r"[a-\d]x", "-x", true),
            (r"[a-\d]x", "5x", true),
            (r"[[:alpha:]-]x", "-x", true),
            (r"a{b", "a{b", true),
            (r"a{,3}", "a{,3}", true),
            (r"a{2}", "caab", true),
            (r"a}b]", "a}b]", true),
            (r"\x4F\x{4f}\x9", "OO\t", true),
            (r"\0x", "\0x", true),
            (r"\Qa.b\E+", "a.bb", true),
            (r"\Qa.b\E", "axb", false),
            (r"a(?#comment)b", "ab", true),
            (r"[^\W\d]x", "ax", true),
            (r"[^\W\d]x", "5x", false),
            (r"\h\v", "\u{3000}\u{2028}", true),
            (r"a\bb", "ab", false),
            (r"\p{Lu}[\p{Ll}]\pN", "Aa1", true),
            (r"^\s*\S+$", " \u{a0}x", true),
            (r"(?i)AbC", "aBc", true),
            (r"(?m)a$", "a\nb", true),
        ] {
            let translated = translate(pattern, false).unwrap_or_else(|p| panic!("{pattern}: {p}"));
            let regex = regex::Regex::new(&translated).unwrap();
            assert_eq!(regex.is_match(text), expected, "{pattern} as {translated} on {text:?}");
        }
    }

    #[test]
    fn what_needs_backtracking_is_refused_with_its_name() {
        for (pattern, feature) in [
            ("a(?=b)", "lookahead"),
            ("(?!x)y", "negative lookahead"),
            ("(?<=a)b", "lookbehind"),
            ("(?<!a)b", "negative lookbehind"),
            (r"(a)\1", "a backreference"),
            (r"(?P<n>a)(?P=n)", "a backreference"),
            ("a++b", "a possessive quantifier"),
            ("a{2}+b", "a possessive quantifier"),
            ("(?>a)b", "an atomic group"),
            ("(?R)", "recursion"),
        ] {
            let found = translate(pattern, false);
            assert_eq!(found, Err(Problem::RegexFeature { pattern: pattern.into(), feature }), "{pattern}");
        }
    }

    #[test]
    fn malformed_and_exploding_expressions_are_refused() {
        for pattern in ["(", "a)", "[a", r"x\", "*", r"\y", "(?'n'a)"] {
            let found = translate(pattern, false);
            assert!(matches!(found, Err(Problem::Regex { .. })), "{pattern}: {found:?}");
        }
        for pattern in ["(a{1000}){1000}".to_owned(), "a".repeat(20_000)] {
            assert!(matches!(translate(&pattern, false), Err(Problem::TooLarge { .. })));
        }
    }
}

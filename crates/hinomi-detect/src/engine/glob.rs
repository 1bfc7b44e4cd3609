//! Matching of one text against one pattern with wildcards.

use crate::sigma::{Pattern, Token};

use super::fold::fold;

/// A pattern prepared for one kind of case handling.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Glob {
    tokens: Vec<GlobToken>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum GlobToken {
    Literal(Box<[u8]>),
    Many,
    One,
}

impl Glob {
    /// Prepares `pattern`; unless `cased`, the texts given to [`Glob::matches`] must be folded.
    pub(crate) fn new(pattern: &Pattern, cased: bool) -> Self {
        let mut tokens: Vec<GlobToken> = Vec::with_capacity(pattern.0.len());
        for token in &pattern.0 {
            match token {
                Token::Literal(text) if text.is_empty() => {}
                Token::Literal(text) => {
                    let bytes = if cased { text.as_bytes().to_vec() } else { fold(text) };
                    if let Some(GlobToken::Literal(last)) = tokens.last_mut() {
                        *last = [last, bytes.as_slice()].concat().into();
                    } else {
                        tokens.push(GlobToken::Literal(bytes.into()));
                    }
                }
                Token::Many if tokens.last() == Some(&GlobToken::Many) => {}
                Token::Many => tokens.push(GlobToken::Many),
                Token::One => tokens.push(GlobToken::One),
            }
        }
        Self { tokens }
    }

    /// The longest literal, which every matching text contains.
    pub(crate) fn anchor(&self) -> Option<&[u8]> {
        let literals = self.tokens.iter().filter_map(|t| match t {
            GlobToken::Literal(bytes) => Some(&**bytes),
            _ => None,
        });
        literals.max_by_key(|bytes| bytes.len())
    }

    /// What kind of simple test the pattern is, if it is one.
    pub(crate) fn simple(&self) -> Simple<'_> {
        use GlobToken::{Literal, Many};
        match self.tokens.as_slice() {
            [] => Simple::Whole(b""),
            [Many] => Simple::Any,
            [Literal(l)] => Simple::Whole(l),
            [Literal(l), Many] => Simple::Start(l),
            [Many, Literal(l)] => Simple::End(l),
            [Many, Literal(l), Many] => Simple::Anywhere(l),
            _ => Simple::No,
        }
    }

    /// Whether the whole of `text` matches. Greedy with one backtrack point: O(text × pattern) at worst.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let (mut token, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let advanced = match self.tokens.get(token) {
                None if at == text.len() => return true,
                None => None,
                // Whatever follows does.
                Some(GlobToken::Many) if token + 1 == self.tokens.len() => return true,
                Some(GlobToken::Many) => {
                    retry = Some((token + 1, at));
                    Some(at)
                }
                Some(GlobToken::One) => next_char(text, at),
                Some(GlobToken::Literal(l)) => {
                    text.get(at..).is_some_and(|rest| rest.starts_with(l)).then_some(at + l.len())
                }
            };
            if let Some(next) = advanced {
                at = next;
                token += 1;
                continue;
            }
            let Some((after, from)) = retry else { return false };
            let Some(from) = self.resume(after, text, from) else { return false };
            retry = Some((after, from));
            (token, at) = (after, from);
        }
    }

    /// The next place after `from` at which the part following a `*` may start.
    fn resume(&self, after: usize, text: &[u8], from: usize) -> Option<usize> {
        let next = next_char(text, from)?;
        match self.tokens.get(after) {
            Some(GlobToken::Literal(l)) => {
                memchr::memmem::find(text.get(next..)?, l).map(|found| next + found)
            }
            _ => Some(next),
        }
    }
}

/// Patterns that need no wildcard matching.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Simple<'p> {
    Any,
    Whole(&'p [u8]),
    Start(&'p [u8]),
    End(&'p [u8]),
    Anywhere(&'p [u8]),
    No,
}

/// Start of the character after the one at `at`; `None` at the end.
fn next_char(text: &[u8], at: usize) -> Option<usize> {
    let mut next = at + 1;
    if at >= text.len() {
        return None;
    }
    while text.get(next).is_some_and(|b| b & 0xC0 == 0x80) {
        next += 1;
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern(
            text.chars()
                .map(|c| match c {
                    '*' => Token::Many,
                    '?' => Token::One,
                    c => Token::Literal(c.to_string()),
                })
                .collect(),
        )
    }

    #[test]
    fn wildcards() {
        let check = |p: &str, text: &str, expected: bool| {
            assert_eq!(Glob::new(&pattern(p), true).matches(text.as_bytes()), expected, "{p} on {text}");
        };
        check("", "", true);
        check("", "a", false);
        check("*", "", true);
        check("a*b*c", "a--b--b--c", true);
        check("a*b*c", "a--b--b--", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("?", "語", true);
        check("*.ps1", "x.ps1.ps1", true);
        check("*ab", "aab", true);
        check("*a?c*e", "zabdabce", true);
        check("a*", "b", false);
        check("**", "x", true);
        check("a?*", "a", false);
        check("*a?*", "xay", true);
        check("*a*b*", "xaybz", true);
        check("*a*b*", "xbya", false);
    }

    #[test]
    fn long_texts_do_not_blow_up() {
        let text = vec![b'a'; 20_000];
        assert!(!Glob::new(&pattern("*a*a*a*a*a*b"), true).matches(&text));
    }
}

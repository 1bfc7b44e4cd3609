//! What a searcher types.
//!
//! ```text
//! term …            all terms must hold
//! text              a word or phrase in any field, any case and width
//! "two words"       with spaces
//! field:text        in this field
//! field:"two words" with spaces
//! field=text        the whole field, any case and width
//! -term             does not hold
//! *                 in a text: anything, also parts of words
//! ```

use crate::index::token::{self, TokenHash};

/// One condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term {
    /// Name of the field as typed; any field when absent.
    pub field: Option<String>,
    /// The field has to be the text, not only hold it.
    pub whole: bool,
    /// The condition must not hold.
    pub negated: bool,
    pattern: Pattern,
}

/// Folded pieces of a text between its asterisks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Pattern {
    pieces: Vec<String>,
    open_start: bool,
    open_end: bool,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let pieces: Vec<String> =
            text.split('*').filter(|p| !p.is_empty()).map(|p| token::fold(p).into_owned()).collect();
        Self { pieces, open_start: text.starts_with('*'), open_end: text.ends_with('*') }
    }

    /// Each piece and whether its ends may lie inside words.
    fn ends(&self) -> impl Iterator<Item = (&str, bool, bool)> {
        let last = self.pieces.len().saturating_sub(1);
        self.pieces
            .iter()
            .enumerate()
            .map(move |(at, piece)| (piece.as_str(), at > 0 || self.open_start, at < last || self.open_end))
    }

    fn is_in(&self, folded: &str) -> bool {
        let mut rest = folded;
        // The first place of a piece leaves most room for those behind it.
        self.ends().all(|(piece, open_start, open_end)| {
            let end = token::end_of(rest, piece, open_start, open_end);
            rest = end.and_then(|end| rest.get(end..)).unwrap_or_default();
            end.is_some()
        })
    }

    fn is_whole(&self, folded: &str) -> bool {
        let Some((first, others)) = self.pieces.split_first() else {
            return self.open_start || folded.is_empty();
        };
        let mut rest = folded;
        if !self.open_start {
            let Some(after) = rest.strip_prefix(first.as_str()) else { return false };
            rest = after;
        } else if let Some(at) = rest.find(first.as_str()).filter(|_| !others.is_empty()) {
            rest = rest.get(at + first.len()..).unwrap_or_default();
        } else {
            return others.is_empty()
                && if self.open_end {
                    rest.contains(first.as_str())
                } else {
                    rest.ends_with(first.as_str())
                };
        }
        let Some((last, middle)) = others.split_last() else { return self.open_end || rest.is_empty() };
        for piece in middle {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = rest.get(at + piece.len()..).unwrap_or_default();
        }
        if self.open_end { rest.contains(last.as_str()) } else { rest.ends_with(last.as_str()) }
    }
}

impl Term {
    /// Whether a value holds, before negation. The value is folded.
    pub fn accepts(&self, folded: &str) -> bool {
        if self.whole { self.pattern.is_whole(folded) } else { self.pattern.is_in(folded) }
    }

    /// The words that a block must hold for the term to hold in it; none for a negated term.
    pub fn words(&self) -> Vec<TokenHash> {
        if self.negated {
            return Vec::new();
        }
        let pieces = self.pattern.ends();
        let mut words: Vec<TokenHash> =
            pieces.flat_map(|(piece, start, end)| token::required(piece, start, end)).collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Whether any value at all holds.
    pub fn is_any(&self) -> bool {
        self.pattern.pieces.is_empty()
    }
}

/// The terms of a search; `None` when a quotation mark is not closed.
pub fn parse(text: &str) -> Option<Vec<Term>> {
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let negated = rest.starts_with('-') && rest.len() > 1;
        rest = if negated { rest.get(1..).unwrap_or_default() } else { rest };
        let (field, whole) = match field_of(rest) {
            Some((name, whole, after)) => {
                rest = after;
                (Some(name.to_owned()), whole)
            }
            None => (None, false),
        };
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        terms.push(Term { field, whole, negated, pattern: Pattern::new(value) });
        rest = after.trim_start();
    }
    Some(terms)
}

/// `name:` or `name=` at the beginning of a term. A drive letter, an address or a URL is no name.
fn field_of(term: &str) -> Option<(&str, bool, &str)> {
    let at = term.find([':', '=', '"', '*', '\\', '/']).filter(|at| *at > 1)?;
    let (name, rest) = term.split_at(at);
    let whole = match rest.chars().next()? {
        ':' => false,
        '=' => true,
        _ => return None,
    };
    let after = rest.get(1..)?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '@' | '{' | '}');
    let starts = name.chars().next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '@'));
    let addressed = after.starts_with("//") || after.starts_with(':') || after.is_empty();
    (starts && name.chars().all(is_name) && !addressed).then_some((name, whole, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Term {
        let mut terms = parse(text).unwrap();
        assert_eq!(terms.len(), 1, "{text:?}");
        terms.remove(0)
    }

    #[test]
    fn terms_as_people_type_them() {
        let terms =
            parse(r#"Image:powershell -User:"local service" C:\Temp https://x.example EventID=4688 "a b""#)
                .unwrap();
        let fields: Vec<Option<&str>> = terms.iter().map(|t| t.field.as_deref()).collect();
        assert_eq!(fields, [Some("Image"), Some("User"), None, None, Some("EventID"), None]);
        assert_eq!(
            terms.iter().map(|t| t.negated).collect::<Vec<_>>(),
            [false, true, false, false, false, false]
        );
        assert!(terms[4].whole && !terms[0].whole);
        assert_eq!(parse("\"open"), None);
        assert_eq!(one("fe80::1").field, None);
    }

    #[track_caller]
    fn holds(term: &str, value: &str, expected: bool) {
        let term = one(term);
        let folded = token::fold(value);
        assert_eq!(term.accepts(&folded), expected, "{term:?} {value:?}");
        if expected {
            let mut words = std::collections::BTreeSet::new();
            token::each(&folded, |w| {
                words.insert(w);
            });
            assert!(term.words().iter().all(|w| words.contains(w)), "{term:?} {value:?}");
        }
    }

    #[test]
    fn asterisks_open_words() {
        let path = r"C:\Windows\System32\rundll32.exe";
        holds("rundll32", path, true);
        holds("dll32", path, false);
        holds("*dll32", path, true);
        holds("rund*exe", path, true);
        holds("exe*rund", path, false);
        holds("rund*exe", "xrund.exe rund", false);
        holds("rund*exe", "xrund.exe rund.exe", true);
        holds("x=*rundll32.exe", path, false);
        holds("xx=*rundll32.exe", path, true);
        holds("xx=c:*32*.exe", path, true);
        holds("xx=rundll32.exe", path, false);
        holds("xx=c:*", path, true);
        holds("xx=*", path, true);
        holds("不正", "倉庫の不正アクセス", true);
    }
}

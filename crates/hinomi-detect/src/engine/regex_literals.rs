//! Literals that every match of a regular expression must contain.

use regex_syntax::hir::{Hir, HirKind};

/// Shorter literals are in too many values to be worth waiting for.
const SHORTEST: usize = 3;
/// More alternatives than this are not worth indexing.
const MOST: usize = 64;

/// Literals of which every text that `pattern` matches contains one, ignoring case; `None` when there are none.
pub(crate) fn required_literals(pattern: &str) -> Option<Vec<String>> {
    // Case is ignored by whoever looks for the literals, so a leading flag may go: classes would hide letters.
    let pattern = pattern.strip_prefix("(?i)").unwrap_or(pattern);
    let hir = regex_syntax::parse(pattern).ok()?;
    let literals = required(&hir)?;
    let texts: Option<Vec<String>> = literals.into_iter().map(|l| String::from_utf8(l).ok()).collect();
    texts.filter(|texts| texts.iter().all(|t| t.is_ascii()))
}

fn required(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(literal) => (literal.0.len() >= SHORTEST).then(|| vec![literal.0.to_vec()]),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min >= 1 => required(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(required).max_by_key(|set| weight(set)),
        HirKind::Alternation(parts) => {
            let sets: Option<Vec<_>> = parts.iter().map(required).collect();
            let all: Vec<Vec<u8>> = sets?.into_iter().flatten().collect();
            (all.len() <= MOST).then_some(all)
        }
        _ => None,
    }
}

/// Prefers long shortest members, then few members.
fn weight(set: &[Vec<u8>]) -> (usize, usize) {
    (set.iter().map(Vec::len).min().unwrap_or(0), usize::MAX - set.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_must_be_there() {
        let check = |pattern: &str, expected: Option<&[&str]>| {
            let found = required_literals(pattern);
            assert_eq!(
                found.as_ref().map(|f| f.iter().map(String::as_str).collect::<Vec<_>>()).as_deref(),
                expected
            );
        };
        check(r"a.*(abcd|efg)+\d", Some(&["abcd", "efg"]));
        check(r"(?i)powershell\s+-e", Some(&["powershell"]));
        check(r"[a-z]{20}", None);
        check(r"(abc)?x", None);
        check(r"ab|cde", None);
    }
}

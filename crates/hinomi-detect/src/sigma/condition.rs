//! The condition language: `selection and not 1 of filter_*`.
//!
//! # Trust
//! Length, number of words and nesting are bounded.

use super::error::{Problem, excerpt};

/// A condition as written, names not yet resolved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Name(String),
    /// `1 of pattern` or `all of pattern`; the pattern `them` means every selection not starting with `_`.
    Of {
        all: bool,
        pattern: String,
    },
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
}

const MAX_WORDS: usize = 4096;
const MAX_DEPTH: usize = 64;

/// Reads a condition. `or` binds least, then `and`, then `not`.
pub(crate) fn parse(condition: &str) -> Result<Expression, Problem> {
    let refuse = |reason: String| Problem::Condition { condition: excerpt(condition), reason };
    if condition.contains('|') {
        return Err(Problem::Aggregation { condition: excerpt(condition) });
    }
    let words = words(condition);
    if words.len() > MAX_WORDS {
        return Err(Problem::TooLarge { what: "words in a condition", limit: MAX_WORDS });
    }
    let mut parser = Parser { words: &words, at: 0, depth: 0 };
    let expression = parser.or().map_err(refuse)?;
    match parser.peek() {
        None => Ok(expression),
        Some(word) => Err(refuse(format!("unexpected {:?}", excerpt(word)))),
    }
}

fn words(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if matches!(first, '(' | ')') {
            1
        } else {
            rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')')).unwrap_or(rest.len())
        };
        let (word, after) = rest.split_at(end);
        out.push(word);
        rest = after.trim_start();
    }
    out
}

struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next_if(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Expression, String> {
        let mut all = vec![self.and()?];
        while self.next_if("or") {
            all.push(self.and()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::Any(all) })
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut all = vec![self.not()?];
        while self.next_if("and") {
            all.push(self.not()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::All(all) })
    }

    fn not(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep"));
        }
        let result = if self.next_if("not") {
            self.not().map(|inner| Expression::Not(Box::new(inner)))
        } else {
            self.primary()
        };
        self.depth -= 1;
        result
    }

    fn primary(&mut self) -> Result<Expression, String> {
        let Some(word) = self.peek() else { return Err("it ends where a selection was expected".into()) };
        self.at += 1;
        if word == "(" {
            let inner = self.or()?;
            return if self.next_if(")") { Ok(inner) } else { Err("a parenthesis is not closed".into()) };
        }
        if word == ")" || ["and", "or", "of"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword)) {
            return Err(format!("{word:?} stands where a selection was expected"));
        }
        if !self.next_if("of") {
            return Ok(Expression::Name(word.to_owned()));
        }
        let all = match word.to_ascii_lowercase().as_str() {
            "all" => true,
            "1" | "any" => false,
            _ => return Err(format!("{:?} of: only 1 and all are defined", excerpt(word))),
        };
        let pattern = self.peek().filter(|p| !matches!(*p, "(" | ")")).ok_or("`of` needs a pattern")?;
        self.at += 1;
        Ok(Expression::Of { all, pattern: pattern.to_owned() })
    }
}

/// Whether `name` matches a pattern in which `*` stands for any text.
pub(crate) fn name_matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expression: &Expression) -> String {
        let joined = |all: &[Expression], by: &str| {
            format!("({})", all.iter().map(shown).collect::<Vec<_>>().join(by))
        };
        match expression {
            Expression::Name(name) => name.clone(),
            Expression::Of { all, pattern } => format!("{}:{pattern}", if *all { "all" } else { "1" }),
            Expression::All(all) => joined(all, "&"),
            Expression::Any(all) => joined(all, "|"),
            Expression::Not(inner) => format!("!{}", shown(inner)),
        }
    }

    #[test]
    fn precedence_and_quantifiers() {
        for (text, expected) in [
            ("a or b and not c or d", "(a|(b&!c)|d)"),
            ("not a and b", "(!a&b)"),
            ("not (a or b)", "!(a|b)"),
            ("not not a", "!!a"),
            ("1 of sel* and not all of them", "(1:sel*&!all:them)"),
            ("any of x_*_y", "1:x_*_y"),
            ("A AND (b OR c)", "(A&(b|c))"),
            ("(a)and(b)", "(a&b)"),
            ("all", "all"),
            ("1\n of\tthem", "1:them"),
        ] {
            assert_eq!(parse(text).map(|e| shown(&e)), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_does_not_follow_the_grammar_is_refused() {
        for text in ["", "a b", "a and", "(a", "a)", "2 of x*", "1 of", "and a", "not", "1 of (a)", "of"] {
            assert!(matches!(parse(text), Err(Problem::Condition { .. })), "{text}");
        }
        assert!(matches!(parse("a | count() by b > 5"), Err(Problem::Aggregation { .. })));
        assert!(parse(&"(".repeat(10_000)).is_err());
        assert!(parse(&"not ".repeat(5000)).is_err());
        assert!(parse(&vec!["a"; 5000].join(" and ")).is_err());
        assert!(parse(&vec!["a"; 1000].join(" and ")).is_ok());
    }

    #[test]
    fn patterns_of_names() {
        for (pattern, name, expected) in [
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "a", false),
            ("a*b*c", "aXbYc", true),
            ("ab*b", "ab", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
        ] {
            assert_eq!(name_matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}

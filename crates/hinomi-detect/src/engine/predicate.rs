//! Predicates: the distinct tests of all rules, and expressions over them.

use std::sync::OnceLock;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_columns::FieldId;
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;

use super::commonness::literal_share;
use super::field_matcher::{FieldMatcher, FieldMatcherBuilder};
use super::fold::fold;
use super::glob::Glob;
use super::regex_literals::required_literals;
use crate::sigma::{self, Pattern, Patterns, Place, Test, Token};

/// Number of a predicate: one test on one field, whichever rules make it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct PredicateId(pub(crate) u32);

impl PredicateId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The pseudo-field of keywords: any value of the event.
pub(crate) const ANY_FIELD: FieldId = FieldId(u32::MAX);

/// A boolean expression over predicates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    All(Box<[Expression]>),
    Any(Box<[Expression]>),
    Not(Box<Expression>),
    Predicate(PredicateId),
}

impl Expression {
    /// Three-valued evaluation (Kleene): `None` is a predicate not decided yet.
    pub(crate) fn evaluate(&self, truth: &mut impl FnMut(PredicateId) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Predicate(id) => truth(*id),
            Self::Not(inner) => inner.evaluate(truth).map(|held| !held),
            Self::All(parts) => Self::fold_parts(parts, false, truth),
            Self::Any(parts) => Self::fold_parts(parts, true, truth),
        }
    }

    /// The value `decisive` of one part decides; otherwise its opposite, unless a part is undecided.
    fn fold_parts(
        parts: &[Self],
        decisive: bool,
        truth: &mut impl FnMut(PredicateId) -> Option<bool>,
    ) -> Option<bool> {
        let mut result = Some(!decisive);
        for part in parts {
            match part.evaluate(truth) {
                Some(held) if held == decisive => return Some(decisive),
                Some(_) => {}
                None => result = None,
            }
        }
        result
    }

    /// Calls `visit` for every predicate.
    pub(crate) fn visit(&self, visit: &mut impl FnMut(PredicateId)) {
        match self {
            Self::Predicate(id) => visit(*id),
            Self::Not(inner) => inner.visit(visit),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|p| p.visit(visit)),
        }
    }
}

/// A test that is made only for rows whose other predicates leave a rule undecided.
#[derive(Debug)]
pub(crate) enum Lazy {
    Regex { source: sigma::Regex, compiled: Compiled },
    FieldRef { other: FieldId, place: Place, cased: bool },
}

/// A regular expression, compiled when it is first needed.
///
/// On a text of ASCII, classes of all of Unicode mean what they mean in ASCII, and tables for the rest of Unicode are
/// most of what compiling costs. An expression that names other characters has no form for ASCII: two of them, the long
/// s and the Kelvin sign, are letters of ASCII when case is ignored.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    ascii: OnceLock<Option<Box<Regex>>>,
    any: OnceLock<Option<Box<Regex>>>,
}

impl Compiled {
    /// An expression too large to compile matches nothing.
    fn is_match(&self, source: &sigma::Regex, value: &str) -> bool {
        if value.is_ascii()
            && let Some(regex) = self.ascii.get_or_init(|| Self::of_ascii(source))
        {
            return regex.is_match(value);
        }
        self.any.get_or_init(|| Self::build(source, true)).as_ref().is_some_and(|regex| regex.is_match(value))
    }

    fn of_ascii(source: &sigma::Regex) -> Option<Box<Regex>> {
        if names_characters(&source.pattern) { None } else { Self::build(source, false) }
    }

    /// Only whether it matches is asked: places and groups are not compiled for.
    fn build(source: &sigma::Regex, unicode: bool) -> Option<Box<Regex>> {
        let syntax = syntax::Config::new()
            .unicode(unicode)
            .utf8(unicode)
            .case_insensitive(source.ignore_case)
            .multi_line(source.multi_line)
            .dot_matches_new_line(source.dot_all);
        let config = Regex::config()
            .utf8_empty(unicode)
            .nfa_size_limit(Some(REGEX_SIZE_LIMIT))
            .onepass(false)
            .backtrack(false)
            .which_captures(WhichCaptures::None);
        let built = Regex::builder().syntax(syntax).configure(config).build(&source.pattern);
        built.ok().map(Box::new)
    }
}

/// Whether an expression may name characters beyond `\xff`, by themselves or by their numbers.
fn names_characters(pattern: &str) -> bool {
    let mut escapes = pattern.match_indices('\\').filter_map(|(at, _)| pattern.as_bytes().get(at + 1..));
    let is_number = |escape: &[u8]| match escape {
        [b'x', next, ..] => *next == b'{',
        [b'u' | b'U', next, ..] => *next == b'{' || next.is_ascii_hexdigit(),
        _ => false,
    };
    !pattern.is_ascii() || escapes.any(is_number)
}

/// Upper bound of one compiled expression.
const REGEX_SIZE_LIMIT: usize = 4 << 20;

impl Lazy {
    /// Matches a regular expression.
    pub(crate) fn is_match(&self, value: &str) -> bool {
        let Self::Regex { source, compiled } = self else { return false };
        compiled.is_match(source, value)
    }
}

/// Whether `other` stands at `place` of `value`.
pub(crate) fn relates(value: &str, other: &str, place: Place, cased: bool) -> bool {
    let (value, other) = if cased {
        (value.as_bytes().to_vec(), other.as_bytes().to_vec())
    } else {
        (fold(value), fold(other))
    };
    match place {
        Place::Whole => value == other,
        Place::Start => value.starts_with(&other),
        Place::End => value.ends_with(&other),
        Place::Anywhere => memchr::memmem::find(&value, &other).is_some(),
    }
}

#[derive(Debug)]
pub(crate) struct Predicate {
    pub(crate) field: FieldId,
    pub(crate) lazy: Option<Lazy>,
    /// Estimated share of events for which it holds.
    pub(crate) share: f64,
}

/// Every predicate of a rule set, by number.
#[derive(Debug, Default)]
pub(crate) struct Predicates {
    pub(crate) all: Vec<Predicate>,
    matches: HashMap<(FieldId, Patterns), PredicateId, RandomState>,
    others: HashMap<(FieldId, String), PredicateId, RandomState>,
    builders: HashMap<FieldId, FieldMatcherBuilder, RandomState>,
}

impl Predicates {
    /// The expression for one test of `field`. A regular expression becomes «its required literal and itself».
    pub(crate) fn test(
        &mut self,
        field: FieldId,
        test: &Test,
        other: impl FnOnce(&str) -> FieldId,
    ) -> Expression {
        match test {
            Test::Match(patterns) => Expression::Predicate(self.patterns(field, patterns)),
            Test::Regex(regex) => self.regex(field, regex),
            Test::FieldRef { other: name, place, cased } => {
                let other = other(name);
                self.lazy(field, test, || Lazy::FieldRef { other, place: *place, cased: *cased })
            }
            _ => Expression::Predicate(self.eager(field, test)),
        }
    }

    /// A regular expression on `field`, behind its required literals when it has any.
    pub(crate) fn regex(&mut self, field: FieldId, regex: &sigma::Regex) -> Expression {
        let itself = self.lazy(field, &Test::Regex(regex.clone()), || Lazy::Regex {
            source: regex.clone(),
            compiled: Compiled::default(),
        });
        let Some(literals) = required_literals(&regex.pattern) else { return itself };
        let any = literals.into_iter().map(|l| Pattern(vec![Token::Many, Token::Literal(l), Token::Many]));
        let hint = self.patterns(field, &Patterns { any: any.collect(), cased: false });
        Expression::All(Box::new([Expression::Predicate(hint), itself]))
    }

    /// The predicate of alternatives of text, or of keywords when `field` is [`ANY_FIELD`].
    pub(crate) fn patterns(&mut self, field: FieldId, patterns: &Patterns) -> PredicateId {
        if let Some(&id) = self.matches.get(&(field, patterns.clone())) {
            return id;
        }
        let share = patterns.any.iter().map(pattern_share).sum::<f64>().min(1.0);
        let id = self.push(Predicate { field, lazy: None, share });
        self.builders.entry(field).or_default().add_patterns(id, patterns);
        self.matches.insert((field, patterns.clone()), id);
        id
    }

    fn eager(&mut self, field: FieldId, test: &Test) -> PredicateId {
        let key = (field, format!("{test:?}"));
        if let Some(&id) = self.others.get(&key) {
            return id;
        }
        let share = if matches!(test, Test::Absent | Test::Exists(_)) { 0.9 } else { 0.3 };
        let id = self.push(Predicate { field, lazy: None, share });
        self.builders.entry(field).or_default().add(id, test);
        self.others.insert(key, id);
        id
    }

    fn lazy(&mut self, field: FieldId, test: &Test, make: impl FnOnce() -> Lazy) -> Expression {
        let key = (field, format!("{test:?}"));
        if let Some(&id) = self.others.get(&key) {
            return Expression::Predicate(id);
        }
        let id = self.push(Predicate { field, lazy: Some(make()), share: 1.0 });
        self.others.insert(key, id);
        Expression::Predicate(id)
    }

    fn push(&mut self, predicate: Predicate) -> PredicateId {
        self.all.push(predicate);
        PredicateId(self.all.len() as u32 - 1)
    }

    pub(crate) fn get(&self, id: PredicateId) -> Option<&Predicate> {
        self.all.get(id.index())
    }

    /// Builds the matchers of all fields, and that of keywords.
    pub(crate) fn build_matchers(
        &mut self,
        field_count: usize,
    ) -> (Vec<Option<FieldMatcher>>, Option<FieldMatcher>) {
        let mut matchers: Vec<Option<FieldMatcher>> = (0..field_count).map(|_| None).collect();
        let mut keywords = None;
        for (field, builder) in std::mem::take(&mut self.builders) {
            if field == ANY_FIELD {
                keywords = Some(builder.build(field.0));
            } else if let Some(slot) = matchers.get_mut(field.index()) {
                *slot = Some(builder.build(field.0));
            }
        }
        (matchers, keywords)
    }
}

fn pattern_share(pattern: &Pattern) -> f64 {
    match Glob::new(pattern, false).anchor() {
        None => 0.9,
        Some(anchor) => literal_share(anchor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whatever may mean something else without Unicode, besides what rules hold.
    const PATTERNS: [&str; 23] = [
        r"[^a-y]",
        r"\W\w+",
        r"\bk\b",
        r"s\B.",
        r"^\S+\s\D",
        r"[[:^ascii:]]",
        r"[^\x00-\x7f]",
        r"[\x80-\xff]s?",
        r"[\x{80}-\x{10FFFF}]",
        r"\u{17F}",
        r"\u017Fx?",
        r"\U0000212A",
        r"[\x{17F}-\x{180}]",
        r"ſ|K",
        r"[a-ſ]k",
        r"[\D--[a-z]]",
        r"[\w&&[^a-s]]{2}",
        r"\p{Lu}s",
        r"\P{L}",
        r"(?u:\w)\x41",
        r"(?-u:\w)s",
        r"é*k$",
        r"(?:a|k|s){2,3}(?i:S)",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// The form for ASCII and the one for any text decide as the crate `regex` does.
        #[test]
        fn ascii_needs_no_unicode(
            values in prop::collection::vec("[ -~\n\t\x00\x0b]{0,12}|[aksAKS \n]{0,8}", 40),
            flags in 0..8_u8,
        ) {
            for pattern in PATTERNS {
                let pattern = pattern.to_owned();
                let [ignore_case, multi_line, dot_all] = [1, 2, 4].map(|bit| flags & bit != 0);
                let source = sigma::Regex { pattern, ignore_case, multi_line, dot_all };
                let mut plain = regex::RegexBuilder::new(&source.pattern);
                plain.case_insensitive(ignore_case).multi_line(multi_line).dot_matches_new_line(dot_all);
                let (plain, any) = (plain.build().unwrap(), Compiled::build(&source, true).unwrap());
                let compiled = Compiled::default();
                for value in &values {
                    let found = [compiled.is_match(&source, value), any.is_match(value.as_str())];
                    prop_assert_eq!(found, [plain.is_match(value); 2], "{:?} on {:?}", source, value);
                }
            }
        }
    }
}

//! What a condition of a claim is made of, after parsing.

use std::fmt;

use super::check::{Check, Relation};
use super::path::Path;

/// A condition over an item of a document; its answer is yes, no or unknown.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The one value at a path passes.
    At(Path, Vec<Check>),
    /// Of the values at a path, some, every or none pass.
    Among(Quantifier, Path, Box<Condition>),
    /// A number of items, compared.
    Count(Number, Relation, Number),
    /// Values compared as sets.
    Set(Set, SetRelation, Set),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Quantifier {
    Some,
    Every,
    No,
}

/// A number that a condition compares.
#[derive(Clone, Debug)]
pub(super) enum Number {
    Literal(f64),
    /// The items at a path that pass, each counted once, or once per value of a path from there.
    Count {
        path: Path,
        filter: Option<Box<Condition>>,
        distinct: Option<Path>,
    },
}

/// A set of texts.
#[derive(Clone, Debug)]
pub(super) enum Set {
    Literal(Vec<String>),
    /// The values at `take` of the items at a path that pass.
    Values {
        path: Path,
        filter: Option<Box<Condition>>,
        take: Option<Path>,
    },
    /// What the exception register lists for this claim in a scope (users, groups, applications …).
    Exempt(String),
    Union(Vec<Set>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SetRelation {
    /// Every member of the first is in the second.
    Within,
    /// Every member of the second is in the first.
    Covers,
    /// They share nothing.
    Apart,
}

impl Condition {
    /// Every path in it, with those of its parts.
    pub(super) fn paths<'c>(&'c self, found: &mut Vec<&'c Path>) {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().for_each(|one| one.paths(found)),
            Self::Not(inner) => inner.paths(found),
            Self::At(path, _) => found.push(path),
            Self::Among(_, path, inner) => {
                found.push(path);
                inner.paths(found);
            }
            Self::Count(left, _, right) => {
                left.paths(found);
                right.paths(found);
            }
            Self::Set(left, _, right) => {
                left.paths(found);
                right.paths(found);
            }
        }
    }

    /// How many conditions it is made of.
    pub(super) fn size(&self) -> usize {
        1 + match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().map(Self::size).sum(),
            Self::Not(inner) | Self::Among(_, _, inner) => inner.size(),
            Self::At(_, checks) => checks.len(),
            Self::Count(..) | Self::Set(..) => 2,
        }
    }
}

impl Number {
    fn paths<'c>(&'c self, found: &mut Vec<&'c Path>) {
        if let Self::Count { path, filter, distinct } = self {
            found.push(path);
            found.extend(distinct);
            if let Some(filter) = filter {
                filter.paths(found);
            }
        }
    }
}

impl Set {
    fn paths<'c>(&'c self, found: &mut Vec<&'c Path>) {
        match self {
            Self::Values { path, filter, take } => {
                found.push(path);
                found.extend(take);
                if let Some(filter) = filter {
                    filter.paths(found);
                }
            }
            Self::Union(sets) => sets.iter().for_each(|set| set.paths(found)),
            Self::Literal(_) | Self::Exempt(_) => {}
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(number) => write!(f, "{number}"),
            Self::Count { path, .. } => write!(f, "the number of {}", path.text),
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(texts) if texts.len() > 6 => write!(f, "the {} listed values", texts.len()),
            Self::Literal(texts) => write!(f, "[{}]", texts.join(", ")),
            Self::Values { path, .. } => write!(f, "the values of {}", path.text),
            Self::Exempt(scope) => write!(f, "the registered exceptions for {scope}"),
            Self::Union(sets) => {
                let shown: Vec<String> = sets.iter().map(Set::to_string).collect();
                f.write_str(&shown.join(" and "))
            }
        }
    }
}

impl fmt::Display for SetRelation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Within => "within",
            Self::Covers => "covers",
            Self::Apart => "apart from",
        })
    }
}

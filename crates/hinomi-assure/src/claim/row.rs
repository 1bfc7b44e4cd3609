//! What is judged: attributes by name, of which some are not known.

use std::borrow::Cow;

use hinomi_model::Timestamp;

use crate::inventory::Place;
use crate::{Session, Truth};

/// An attribute.
#[derive(Clone, PartialEq, Debug)]
pub enum Value<'a> {
    /// Known to have no value.
    Absent,
    /// Nothing says what it is.
    Unknown,
    /// Words, at least one.
    Words(Vec<Cow<'a, str>>),
    /// Yes, no, or not known.
    Truth(Truth),
    /// A number.
    Number(f64),
    /// A number that is this or greater.
    AtLeast(f64),
    /// A moment.
    Time(Timestamp),
}

impl<'a> Value<'a> {
    /// One word, or none.
    pub fn word(word: Option<&'a str>) -> Self {
        word.map_or(Self::Absent, |w| Self::Words(vec![Cow::Borrowed(w)]))
    }

    /// Words, or none.
    pub fn words(words: &'a [String]) -> Self {
        if words.is_empty() {
            return Self::Absent;
        }
        Self::Words(words.iter().map(|w| Cow::Borrowed(w.as_str())).collect())
    }

    /// As words; `None` when nothing is known.
    pub fn texts(&self) -> Option<Vec<Cow<'a, str>>> {
        match self {
            Self::Absent => Some(Vec::new()),
            Self::Unknown | Self::Truth(Truth::Unknown) | Self::AtLeast(_) => None,
            Self::Words(words) => Some(words.clone()),
            Self::Truth(truth) => Some(vec![Cow::Borrowed(if *truth == Truth::True { "yes" } else { "no" })]),
            Self::Number(number) => Some(vec![Cow::Owned(number.to_string())]),
            Self::Time(time) => Some(vec![Cow::Owned(time.to_string())]),
        }
    }
}

/// Something that a claim judges.
pub trait Row {
    /// The value of an attribute; [`Value::Absent`] for names that it does not have.
    fn attribute(&self, name: &str) -> Value<'_>;

    /// What all attributes under a prefix such as `account.` come from: rows with the same answer have the same values there.
    /// `None` where that cannot be said.
    fn behind(&self, _prefix: &str) -> Option<usize> {
        None
    }

    /// The sign-in that it is, if it is one.
    fn session(&self) -> Option<&Session> {
        None
    }

    /// Events that show it.
    fn events(&self) -> Vec<usize> {
        Vec::new()
    }

    /// The entry of the list that it is about.
    fn place(&self) -> Option<&Place> {
        None
    }
}

//! Walks a claim file, knowing at every step where it is, so that a mistake is reported with file, place and reason.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::path::{Path, PathError};

/// A mistake in a claim file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}: {place}: {reason}")]
pub struct ClaimFileError {
    /// The file.
    pub file: String,
    /// Where in it, as a JSON pointer; empty for the whole file.
    pub place: String,
    /// What is wrong.
    pub reason: Mistake,
}

/// What is wrong in a claim file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Mistake {
    /// Not YAML at all.
    #[error("not YAML: {0}")]
    NotYaml(String),
    /// Something else stands where a list, a text … must stand.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A key that must be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A key that means nothing here.
    #[error("`{0}` means nothing here; known are {1}")]
    UnknownKey(String, String),
    /// None or several of the keys that say what a condition is.
    #[error("exactly one of {0} must be given, not {1}")]
    OneOf(&'static str, usize),
    /// A path that is none.
    #[error("`{0}` is no path: {1}")]
    NoPath(String, String),
    /// A path with a wildcard where one value is meant.
    #[error("`{0}` leads to many values: say `some`, `every` or `no`")]
    ManyValues(String),
    /// A pattern that is none, or too large.
    #[error("no usable pattern: {0}")]
    Pattern(String),
    /// A name that nothing here has.
    #[error("no {0} is named `{1}`")]
    UnknownName(&'static str, String),
    /// A name given twice.
    #[error("{0} `{1}` exists already")]
    Duplicate(&'static str, String),
    /// A condition that says nothing about the value.
    #[error("no check is given: {0}")]
    NoCheck(&'static str),
    /// Support must not follow from absence.
    #[error("`exists` is for recognising and choosing; a requirement on absent data is unknown by itself")]
    ExistsInRequirement,
    /// Too large or too deep.
    #[error("more than {1} {0}")]
    TooMany(&'static str, usize),
}

/// A value in a claim file and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Reader<'v> {
    pub(super) file: &'v str,
    pub(super) place: String,
    pub(super) value: &'v Value,
}

pub(super) type Parsed<T> = Result<T, ClaimFileError>;

impl<'v> Reader<'v> {
    pub(super) fn fail<T>(&self, reason: Mistake) -> Parsed<T> {
        Err(ClaimFileError { file: self.file.to_owned(), place: self.place.clone(), reason })
    }

    fn within(&self, key: &str, value: &'v Value) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self { file: self.file, place: format!("{}/{key}", self.place), value }
    }

    pub(super) fn map(&self) -> Parsed<&'v Map<String, Value>> {
        self.value.as_object().map_or_else(|| self.fail(Mistake::Expected("a map")), Ok)
    }

    /// The members of a map.
    pub(super) fn members(&self) -> Parsed<Vec<(&'v str, Self)>> {
        let members = self.map()?.iter();
        Ok(members.map(|(key, value)| (key.as_str(), self.within(key, value))).collect())
    }

    pub(super) fn items(&self) -> Parsed<Vec<Self>> {
        let Some(items) = self.value.as_array() else { return self.fail(Mistake::Expected("a list")) };
        Ok(items.iter().enumerate().map(|(i, item)| self.within(&i.to_string(), item)).collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.as_object()?.get(key)?;
        Some(self.within(key, value))
    }

    pub(super) fn need(&self, key: &'static str) -> Parsed<Self> {
        self.map()?;
        self.get(key).map_or_else(|| self.fail(Mistake::Missing(key)), Ok)
    }

    /// Refuses keys that mean nothing, which are mostly typing errors.
    pub(super) fn only(&self, known: &[&str]) -> Parsed<()> {
        match self.map()?.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => self.fail(Mistake::UnknownKey(key.clone(), known.join(", "))),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self) -> Parsed<&'v str> {
        match self.value.as_str() {
            Some(text) if !text.is_empty() => Ok(text),
            _ => self.fail(Mistake::Expected("a text")),
        }
    }

    pub(super) fn texts(&self) -> Parsed<Vec<String>> {
        self.items()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    pub(super) fn flag(&self) -> Parsed<bool> {
        self.value.as_bool().map_or_else(|| self.fail(Mistake::Expected("true or false")), Ok)
    }

    pub(super) fn number(&self) -> Parsed<f64> {
        let number = self.value.as_f64().filter(|number| number.is_finite());
        number.map_or_else(|| self.fail(Mistake::Expected("a number")), Ok)
    }

    pub(super) fn path(&self) -> Parsed<Path> {
        let text = self.text()?;
        Path::parse(text)
            .or_else(|error: PathError| self.fail(Mistake::NoPath(text.to_owned(), error.to_string())))
    }

    /// A path without wildcards.
    pub(super) fn single_path(&self) -> Parsed<Path> {
        let path = self.path()?;
        if path.is_many() { self.fail(Mistake::ManyValues(path.text)) } else { Ok(path) }
    }

    /// A value that serde knows, such as a text in both languages.
    pub(super) fn read<T: DeserializeOwned>(&self, what: &'static str) -> Parsed<T> {
        T::deserialize(self.value).or_else(|_| self.fail(Mistake::Expected(what)))
    }
}

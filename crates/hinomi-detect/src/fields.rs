//! What is kept of an event's fields.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use serde::{Serialize, Serializer};

/// Fields of an event, shared by everything that is said of it.
///
/// Hundreds of thousands of events may be kept: names are shared by events that have the same ones, and values stand in one piece.
///
/// # Invariants
/// In order of name; a name stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    names: Names,
    /// The values behind each other.
    text: Arc<str>,
    /// Where each value ends.
    ends: Arc<[u32]>,
}

/// Names of fields in order, each once.
type Names = Arc<[Box<str>]>;

impl Fields {
    /// Fields that are in order of name, each once; `names` knows lists of names that others have.
    pub fn of_ordered<'a>(
        fields: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        names: &mut KnownNames,
    ) -> Self {
        let names = names.shared(fields.clone().map(|(name, _)| name));
        Self::of_values(names, fields.map(|(_, value)| value))
    }

    fn of_values<'a>(names: Names, values: impl Iterator<Item = &'a str>) -> Self {
        let mut text = String::new();
        let ends = values.map(|value| {
            text.push_str(value);
            u32::try_from(text.len()).unwrap_or(u32::MAX)
        });
        let ends: Vec<u32> = ends.collect();
        Self { names, text: text.into(), ends: ends.into() }
    }

    /// The value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        let at = self.names.binary_search_by(|known| known.as_ref().cmp(name)).ok()?;
        Some(self.at(at))
    }

    fn at(&self, at: usize) -> &str {
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        self.text.get(start..end(at)).unwrap_or_default()
    }

    /// Names and values.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.names.iter().enumerate().map(|(at, name)| (name.as_ref(), self.at(at)))
    }

    /// Whether both are one, not only alike.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.text, &other.text) && Arc::ptr_eq(&self.ends, &other.ends)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Lists of names that events have in common.
#[derive(Debug, Default)]
pub struct KnownNames {
    lists: HashTable<Names>,
    hashing: RandomState,
}

/// Most lists that are known; further ones take the place of all of them.
const MOST_LISTS: usize = 4096;

impl KnownNames {
    fn shared<'a>(&mut self, names: impl Iterator<Item = &'a str> + Clone) -> Names {
        let Self { lists, hashing } = self;
        let mut hash = hashing.build_hasher();
        names.clone().for_each(|name| name.hash(&mut hash));
        let hash = hash.finish();
        let is_same = |known: &Names| known.iter().map(AsRef::as_ref).eq(names.clone());
        if let Some(known) = lists.find(hash, is_same) {
            return Arc::clone(known);
        }
        if lists.len() >= MOST_LISTS {
            lists.clear();
        }
        let list: Names = names.map(Box::from).collect();
        let hash_of = |list: &Names| {
            let mut hash = hashing.build_hasher();
            list.iter().for_each(|name| name.as_ref().hash(&mut hash));
            hash.finish()
        };
        lists.insert_unique(hash, Arc::clone(&list), hash_of);
        list
    }
}

/// Of a name that comes again, the first value stays.
impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let fields: Vec<(N, V)> = fields.into_iter().collect();
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
        fields.sort_by_key(|(name, _)| *name);
        fields.dedup_by_key(|(name, _)| *name);
        let names = fields.iter().map(|(name, _)| Box::from(*name));
        Self::of_values(names.collect(), fields.iter().map(|(_, value)| *value))
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.pairs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_their_order_and_stand_once() {
        let fields: Fields = [("b", "2"), ("a", "1"), ("b", "3")].into_iter().collect();
        assert_eq!(fields.pairs().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        assert_eq!(["a", "b", "c"].map(|name| fields.value(name)), [Some("1"), Some("2"), None]);
        assert_eq!(serde_json::to_string(&fields).unwrap(), r#"{"a":"1","b":"2"}"#);
        assert!(fields.is(&fields.clone()) && !fields.is(&[("a", "1"), ("b", "2")].into_iter().collect()));
    }

    #[test]
    fn names_are_shared_and_values_stand_apart() {
        let mut names = KnownNames::default();
        let one = Fields::of_ordered([("a", "12"), ("b", "")].into_iter(), &mut names);
        let two = Fields::of_ordered([("a", "1"), ("b", "2")].into_iter(), &mut names);
        let three = Fields::of_ordered([("a", "1"), ("c", "2")].into_iter(), &mut names);
        assert!(Arc::ptr_eq(&one.names, &two.names) && !Arc::ptr_eq(&two.names, &three.names));
        assert_ne!(one, two, "the same text, cut elsewhere");
        assert_eq!(two, [("b", "2"), ("a", "1")].into_iter().collect());
        let shown = |fields: &Fields| fields.pairs().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>();
        assert_eq!([&one, &two, &three].map(shown), [["a=12", "b="], ["a=1", "b=2"], ["a=1", "c=2"]]);
    }
}

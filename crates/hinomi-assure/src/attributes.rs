//! A few texts by name.

use std::sync::Arc;

/// Texts by name, in order of names. There are few of each and many of these, so they lie side by side.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attributes(Vec<(Arc<str>, String)>);

impl Attributes {
    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, text)| text.as_str())
    }

    /// Sets the text of a name, in place of another.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, text: String) {
        let name = name.into();
        let at = self.0.partition_point(|(known, _)| *known < name);
        match self.0.get_mut(at).filter(|(known, _)| *known == name) {
            Some((_, known)) => *known = text,
            None => self.0.insert(at, (name, text)),
        }
    }

    /// Takes over what another has and this has not.
    pub fn complete(&mut self, other: Self) {
        for (name, text) in other.0 {
            if self.get(&name).is_none() {
                self.insert(name, text);
            }
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (&**name, text.as_str()))
    }
}

impl<N: Into<Arc<str>>> FromIterator<(N, String)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, String)>>(all: I) -> Self {
        let mut attributes = Self::default();
        all.into_iter().for_each(|(name, text)| attributes.insert(name, text));
        attributes
    }
}

#[cfg(test)]
mod tests {
    use super::Attributes;

    #[test]
    fn names_have_one_text_and_come_in_order() {
        let said = [("b", "1"), ("a", "2"), ("b", "3")].map(|(name, text)| (name, text.to_owned()));
        let mut attributes: Attributes = said.into_iter().collect();
        attributes.complete([("a", "9"), ("c", "4")].map(|(n, t)| (n, t.to_owned())).into_iter().collect());
        assert_eq!(attributes.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3"), ("c", "4")]);
        assert_eq!((attributes.get("b"), attributes.get("d"), attributes.len()), (Some("3"), None, 3));
        assert!(!attributes.is_empty());
    }
}

//! A rule that matched an event.

use std::ops::Deref;
use std::sync::Arc;

use hinomi_detect::RuleIndex;
use hinomi_ingest::Member;
use hinomi_model::{Digest, Piece, Timestamp};
use serde::{Serialize, Serializer};

/// One match.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The rule.
    pub rule: RuleIndex,
    /// Position of its unit in the input.
    pub(super) ordinal: u64,
    /// The event, shared by all rules that matched it.
    pub event: Arc<Event>,
}

/// What is kept of an event that some rule matched.
#[derive(Clone, Debug)]
pub struct Event {
    /// Stated time.
    pub time: Option<Timestamp>,
    /// The log it stands in.
    pub member: Arc<Member>,
    /// Offset of its record in the unpacked log.
    pub offset: u64,
    /// Length of its bytes.
    pub length: u32,
    /// Number inside the record.
    pub sub: u32,
    /// The source's own number.
    pub sequence: Option<u64>,
    /// Digest of its bytes.
    pub digest: Digest,
    /// What of the file is cited with it, when not all of it.
    pub piece: Option<Piece>,
    /// Host it names.
    pub host: String,
    /// Windows channel, or the kind of log.
    pub channel: String,
    /// Account whose credentials were used, as far as the event says.
    pub account: String,
    /// Fields that rules read or that tell the story.
    pub fields: Fields,
}

/// Fields of an event, shared by everything that is said of it.
///
/// # Invariants
/// In order of name; a name stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Arc<[(Box<str>, Box<str>)]>);

impl Fields {
    /// Fields that are in order of name, each once.
    pub(super) fn of_ordered(fields: Vec<(Box<str>, Box<str>)>) -> Self {
        Self(fields.into())
    }

    /// The value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        let at = self.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value.as_ref())
    }

    /// Names and values.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

impl Deref for Fields {
    type Target = [(Box<str>, Box<str>)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Of a name that comes again, the first value stays.
impl<N: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value.into()));
        let mut fields: Vec<(Box<str>, Box<str>)> = fields.collect();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields.dedup_by(|again, first| again.0 == first.0);
        Self::of_ordered(fields)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.pairs())
    }
}

impl Event {
    /// Adds, under the name that rules use, what this event calls otherwise.
    pub(super) fn add_aliases<'a>(&mut self, aliases: impl Iterator<Item = &'a (String, String)>) {
        for (name, physical) in aliases {
            if self.field(name).is_none()
                && let Some(value) = self.field(physical)
            {
                self.fields = self.fields.pairs().chain([(name.as_str(), value)]).collect();
            }
        }
    }

    /// Value of a field, `None` when absent or not kept.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.value(name)
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
    }

    #[test]
    fn an_alias_is_added_once_and_only_for_what_is_there() {
        let fields = [("User", "op1")].into_iter().collect();
        let mut event = Event { fields, ..Event::unknown() };
        let aliases = [("Account", "User"), ("Account", "Other"), ("User", "Other"), ("None", "Absent")];
        let aliases = aliases.map(|(name, physical)| (name.to_owned(), physical.to_owned()));
        event.add_aliases(aliases.iter());
        assert_eq!(event.fields.pairs().collect::<Vec<_>>(), [("Account", "op1"), ("User", "op1")]);
    }
}

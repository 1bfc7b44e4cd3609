//! A rule that matched an event.

use std::sync::Arc;

use hinomi_detect::{Fields, KnownNames, RuleIndex};
use hinomi_ingest::Member;
use hinomi_model::{Digest, Piece, Timestamp};

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

impl Event {
    /// Adds, under the name that rules use, what this event calls otherwise.
    pub(super) fn add_aliases<'a>(
        &mut self,
        aliases: impl Iterator<Item = &'a (String, String)>,
        names: &mut KnownNames,
    ) {
        let mut added: Vec<(&str, &str)> = Vec::new();
        for (name, physical) in aliases {
            let known = |name: &str| added.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            if known(name).or_else(|| self.field(name)).is_none()
                && let Some(value) = self.field(physical).or_else(|| known(physical))
            {
                added.push((name, value));
            }
        }
        if !added.is_empty() {
            added.extend(self.fields.pairs());
            added.sort_unstable();
            self.fields = Fields::of_ordered(added.iter().copied(), names);
        }
    }

    /// Number of the outer file, and name of the log inside.
    pub(crate) fn log(&self) -> (u32, &str) {
        (self.member.file, &self.member.inner)
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
    fn an_alias_is_added_once_and_only_for_what_is_there() {
        let fields = [("User", "op1")].into_iter().collect();
        let mut event = Event { fields, ..Event::unknown() };
        let aliases = [("Account", "User"), ("Account", "Other"), ("User", "Other"), ("None", "Absent")];
        let aliases = aliases.map(|(name, physical)| (name.to_owned(), physical.to_owned()));
        event.add_aliases(aliases.iter(), &mut KnownNames::default());
        assert_eq!(event.fields.pairs().collect::<Vec<_>>(), [("Account", "op1"), ("User", "op1")]);
    }
}

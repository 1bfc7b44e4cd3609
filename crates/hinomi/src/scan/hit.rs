//! A rule that matched an event.

use std::sync::Arc;

use hinomi_detect::RuleIndex;
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
    /// Fields that rules read or that tell the story, in order of name.
    pub fields: Vec<(Box<str>, Box<str>)>,
}

impl Event {
    /// Adds, under the name that rules use, what this event calls otherwise.
    pub(super) fn add_aliases<'a>(&mut self, aliases: impl Iterator<Item = &'a (String, String)>) {
        for (name, physical) in aliases {
            if self.field(name).is_none()
                && let Some(value) = self.field(physical).map(Box::from)
            {
                self.fields.push((name.as_str().into(), value));
                self.fields.sort();
            }
        }
    }

    /// Value of a field, `None` when absent or not kept.
    pub fn field(&self, name: &str) -> Option<&str> {
        let at = self.fields.binary_search_by(|(n, _)| n.as_ref().cmp(name)).ok()?;
        self.fields.get(at).map(|(_, value)| value.as_ref())
    }
}

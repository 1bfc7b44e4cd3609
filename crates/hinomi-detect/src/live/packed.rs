//! An event as it waits for correlations: its texts in one piece, since hundreds of thousands may wait.

use hinomi_model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::Event;
use crate::correlate::MatchedEvent;
use crate::saved;

/// Texts that every event has: reference, host, account, channel.
const OWN: usize = 4;

/// An [`Event`], packed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Packed {
    #[serde(with = "saved::maybe_time")]
    time: Option<Timestamp>,
    #[serde(with = "saved::digest")]
    digest: Digest,
    /// Its texts behind each other: the [`OWN`], then name and value of each field.
    text: Box<str>,
    /// Where each text ends.
    ends: Box<[u32]>,
}

impl Packed {
    pub(super) fn new(event: &Event) -> Self {
        let own = [&*event.reference, &event.host, &event.account, &event.channel];
        let fields = event.fields.iter().flat_map(|(name, value)| [&**name, &**value]);
        let (mut text, mut ends) = (String::new(), Vec::with_capacity(OWN + 2 * event.fields.len()));
        for part in own.into_iter().chain(fields) {
            text.push_str(part);
            ends.push(text.len() as u32);
        }
        Self { time: event.time, digest: event.digest, text: text.into(), ends: ends.into() }
    }

    pub(super) fn unpacked(&self) -> Event {
        let own = |at| self.text(at).to_owned();
        let fields = (0..self.fields()).map(|at| (self.name(at).into(), self.value(at).into()));
        Event {
            time: self.time,
            digest: self.digest,
            reference: own(0),
            host: own(1),
            account: own(2),
            channel: own(3),
            fields: fields.collect(),
        }
    }

    fn text(&self, at: usize) -> &str {
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        self.text.get(start..end(at)).unwrap_or_default()
    }

    fn fields(&self) -> usize {
        self.ends.len().saturating_sub(OWN) / 2
    }

    fn name(&self, field: usize) -> &str {
        self.text(OWN + 2 * field)
    }

    fn value(&self, field: usize) -> &str {
        self.text(OWN + 2 * field + 1)
    }
}

impl MatchedEvent for Packed {
    fn time(&self) -> Option<Timestamp> {
        self.time
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn field(&self, name: &str) -> Option<&str> {
        let found = (0..self.fields()).find(|at| self.name(*at) == name)?;
        Some(self.value(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_back_as_they_were() {
        let field = |name: &str, value: &str| (Box::from(name), Box::from(value));
        let full = Event {
            time: Some(Timestamp::from_nanos(7)),
            digest: Digest::of(b"x"),
            reference: "log:a/1/2@3".to_owned(),
            host: "サーバー".to_owned(),
            account: String::new(),
            channel: "Security".to_owned(),
            fields: vec![field("EventID", "4625"), field("Leer", ""), field("名前", "値")],
        };
        let packed = Packed::new(&full);
        assert_eq!(packed.unpacked(), full);
        assert_eq!(packed.field("名前"), Some("値"));
        assert_eq!(packed.field("Leer"), Some(""));
        assert_eq!(packed.field("Security"), None);
        assert_eq!((packed.time(), packed.digest()), (full.time, full.digest));

        let bare = Event { time: None, fields: Vec::new(), reference: String::new(), ..full };
        let packed = Packed::new(&bare);
        assert_eq!(packed.unpacked(), bare);
        assert_eq!(packed.field(""), None);
    }
}

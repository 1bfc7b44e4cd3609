//! What policy leaves say: how long records are kept, what may not be erased, and what sources promise.
//!
//! A policy leaf is one change. Whatever is in force at a leaf is the changes before it, applied in order, so that a
//! weaker rule or a withdrawn promise is evidence itself.
//!
//! # Invariants
//! - A change that contradicts what is in force (a second hold of one name, lifting what does not stand) is refused when
//!   it is recorded and found by verification if it is in the log all the same.
//! - Holds and incidents never disappear: they are lifted and closed, with a date.

use std::collections::BTreeMap;

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::LedgerError;
use crate::completeness::{Day, Promise};
use crate::leaf::Policy;
use crate::retention::{Extent, Hold, Retention, Rules};

/// Version of the form of a change; it grows when a field changes its meaning.
pub const POLICY_VERSION: u32 = 1;

/// What is stated about a source.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// How it numbers, whether it sends again, how often it is heard.
    pub promise: Promise,
    /// Who answers for it.
    pub owner: String,
    /// Retention class of its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// One change of what is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PolicyChange {
    /// The rules of retention, all of them.
    Retention(Rules),
    /// Something may not be erased.
    Hold {
        /// Its name; one name is used once.
        name: String,
        /// What it concerns.
        extent: Extent,
        /// Why.
        reason: String,
        /// Who ordered it.
        owner: String,
    },
    /// A hold ends with the day on which this was recorded.
    Release {
        /// Name of the hold.
        name: String,
        /// Why.
        reason: String,
        /// Who ordered it.
        owner: String,
    },
    /// An incident touches a source.
    Incident {
        /// The incident.
        name: String,
        /// The source.
        source: String,
        /// First day of receipt that is touched.
        first: Day,
        /// Last one.
        last: Day,
    },
    /// An incident was closed.
    IncidentClosed {
        /// The incident.
        name: String,
    },
    /// What is stated about a source, or that nothing is stated any more.
    Source {
        /// The source.
        source: String,
        /// What is stated.
        declared: Option<Declared>,
    },
}

/// A change as a leaf holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// When it was recorded, by the clock of the ledger.
    pub at: Timestamp,
    /// The change.
    pub change: PolicyChange,
}

#[derive(Serialize, Deserialize)]
struct Document<T> {
    schema_version: u32,
    recorded_ns: u64,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize, Deserialize)]
struct HoldFields {
    hold: String,
    extent: Extent,
    reason: String,
    owner: String,
}

#[derive(Serialize, Deserialize)]
struct ReleaseFields {
    hold: String,
    reason: String,
    owner: String,
}

#[derive(Serialize, Deserialize)]
struct IncidentFields {
    incident: String,
    source: String,
    first: Day,
    last: Day,
}

#[derive(Serialize, Deserialize)]
struct ClosedFields {
    incident: String,
}

#[derive(Serialize, Deserialize)]
struct SourceFields {
    source: String,
    declared: Option<Declared>,
}

fn malformed(what: &'static str) -> LedgerError {
    LedgerError::Malformed { kind: "policy", what }
}

fn write<T: Serialize>(recorded_ns: u64, content: T) -> Result<Vec<u8>, LedgerError> {
    let document = Document { schema_version: POLICY_VERSION, recorded_ns, content };
    serde_json::to_vec(&document).map_err(|_| malformed("it cannot be written"))
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<(Timestamp, T), LedgerError> {
    let document: Document<T> =
        serde_json::from_slice(bytes).map_err(|_| malformed("its document is not of this form"))?;
    if document.schema_version != POLICY_VERSION {
        return Err(malformed("its document has an unknown version"));
    }
    let at = i64::try_from(document.recorded_ns).map_err(|_| malformed("its time is none"))?;
    Ok((Timestamp::from_nanos(at), document.content))
}

impl Recorded {
    /// The leaf of a change.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when it cannot be written.
    pub(crate) fn leaf(change: &PolicyChange, recorded_ns: u64) -> Result<Policy, LedgerError> {
        let (kind, document) = match change.clone() {
            PolicyChange::Retention(rules) => ("retention", write(recorded_ns, rules)?),
            PolicyChange::Hold { name: hold, extent, reason, owner } => {
                ("hold", write(recorded_ns, HoldFields { hold, extent, reason, owner })?)
            }
            PolicyChange::Release { name: hold, reason, owner } => {
                ("release", write(recorded_ns, ReleaseFields { hold, reason, owner })?)
            }
            PolicyChange::Incident { name: incident, source, first, last } => {
                ("incident", write(recorded_ns, IncidentFields { incident, source, first, last })?)
            }
            PolicyChange::IncidentClosed { name: incident } => {
                ("incident-closed", write(recorded_ns, ClosedFields { incident })?)
            }
            PolicyChange::Source { source, declared } => {
                ("source", write(recorded_ns, SourceFields { source, declared })?)
            }
        };
        Ok(Policy { change: kind.to_owned(), document })
    }

    /// Reads a leaf.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`].
    pub fn read(leaf: &Policy) -> Result<Self, LedgerError> {
        let bytes = &leaf.document;
        let (at, change) = match leaf.change.as_str() {
            "retention" => {
                let (at, rules) = read(bytes)?;
                (at, PolicyChange::Retention(rules))
            }
            "hold" => {
                let (at, HoldFields { hold, extent, reason, owner }) = read(bytes)?;
                (at, PolicyChange::Hold { name: hold, extent, reason, owner })
            }
            "release" => {
                let (at, ReleaseFields { hold, reason, owner }) = read(bytes)?;
                (at, PolicyChange::Release { name: hold, reason, owner })
            }
            "incident" => {
                let (at, IncidentFields { incident, source, first, last }) = read(bytes)?;
                (at, PolicyChange::Incident { name: incident, source, first, last })
            }
            "incident-closed" => {
                let (at, ClosedFields { incident }) = read(bytes)?;
                (at, PolicyChange::IncidentClosed { name: incident })
            }
            "source" => {
                let (at, SourceFields { source, declared }) = read(bytes)?;
                (at, PolicyChange::Source { source, declared })
            }
            _ => return Err(malformed("its kind is unknown")),
        };
        Ok(Self { at, change })
    }
}

/// Everything in force.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InForce {
    /// What keeps records, and how long.
    pub retention: Retention,
    /// What is stated about sources.
    pub sources: BTreeMap<String, Declared>,
    /// Whether rules of retention were ever recorded; the default ones hold until then.
    pub recorded: bool,
}

impl InForce {
    /// Applies one change.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when the change contradicts itself or what is in force; nothing is changed then.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), LedgerError> {
        let today = Day::of(recorded.at);
        let mut next = self.retention.clone();
        match recorded.change.clone() {
            PolicyChange::Retention(rules) => {
                next.set_rules(rules);
                next.check()?;
                self.recorded = true;
            }
            PolicyChange::Hold { name, extent, reason, owner } => {
                if name.trim().is_empty() {
                    return Err(malformed("a hold has no name"));
                }
                let hold = Hold { extent, reason, owner, placed: today, lifted: None };
                if next.holds.insert(name, hold).is_some() {
                    return Err(malformed("there was a hold of this name already"));
                }
                next.check()?;
            }
            PolicyChange::Release { name, reason, owner } => {
                if reason.trim().is_empty() || owner.trim().is_empty() {
                    return Err(malformed("a hold is lifted without a reason or by nobody"));
                }
                match next.holds.get_mut(&name) {
                    Some(hold) if hold.lifted.is_none() => hold.lifted = Some(today),
                    _ => return Err(malformed("no hold of this name stands")),
                }
            }
            PolicyChange::Incident { name, source, first, last } => {
                if name.trim().is_empty() || source.is_empty() || last < first {
                    return Err(malformed("an incident without a name, a source or days"));
                }
                next.touch(&name, &source, first, last);
            }
            PolicyChange::IncidentClosed { name } => match next.incidents.get_mut(&name) {
                Some(incident) if incident.closed.is_none() => incident.closed = Some(today),
                _ => return Err(malformed("no incident of this name is open")),
            },
            PolicyChange::Source { source, declared: Some(declared) } => {
                check_declared(&source, &declared)?;
                self.sources.insert(source, declared);
            }
            PolicyChange::Source { source, declared: None } => {
                if self.sources.remove(&source).is_none() {
                    return Err(malformed("nothing was stated about this source"));
                }
            }
        }
        self.retention = next;
        Ok(())
    }
}

fn check_declared(source: &str, declared: &Declared) -> Result<(), LedgerError> {
    if source.is_empty() || crate::completeness::is_built_in(source) {
        return Err(malformed("a source that nobody may state anything about"));
    }
    if declared.owner.trim().is_empty() {
        return Err(malformed("a source has no owner"));
    }
    if declared.promise.heard_every_ns.is_some_and(|every| every <= 0) {
        return Err(malformed("a source is to be heard all the time"));
    }
    match declared.promise.numbering {
        Some(numbering) if numbering.first >= numbering.last => {
            Err(malformed("a source counts over no numbers"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::completeness::Numbering;

    fn at(day: i32) -> u64 {
        Day(day).start().as_nanos() as u64 + 5
    }

    fn apply(force: &mut InForce, day: i32, change: &PolicyChange) -> Result<(), LedgerError> {
        let leaf = Recorded::leaf(change, at(day)).unwrap();
        let recorded = Recorded::read(&leaf).unwrap();
        assert_eq!(&recorded.change, change);
        force.apply(&recorded)
    }

    fn hold(name: &str) -> PolicyChange {
        let extent = Extent { sources: Some(vec!["fw".into()]), first: Some(Day(5)), last: None };
        PolicyChange::Hold { name: name.into(), extent, reason: "suit 7".into(), owner: "counsel".into() }
    }

    fn release(name: &str) -> PolicyChange {
        PolicyChange::Release { name: name.into(), reason: "settled".into(), owner: "counsel".into() }
    }

    fn source(declared: Option<Declared>) -> PolicyChange {
        PolicyChange::Source { source: "fw".into(), declared }
    }

    #[test]
    fn the_form_of_a_hold_is_fixed() {
        let leaf = Recorded::leaf(&hold("H1"), 7).unwrap();
        let text = r#"{"schema_version":1,"recorded_ns":7,"hold":"H1","extent":{"sources":["fw"],"first":5},"reason":"suit 7","owner":"counsel"}"#;
        assert_eq!((leaf.change.as_str(), std::str::from_utf8(&leaf.document).unwrap()), ("hold", text));
        let changed =
            |from: &str, to: &str| Policy { document: text.replace(from, to).into_bytes(), ..leaf.clone() };
        for bad in [
            changed("\"schema_version\":1", "\"schema_version\":2"),
            changed("\"reason\":\"suit 7\",", ""),
            changed("\"first\":5", "\"fist\":5"),
            changed("\"recorded_ns\":7", "\"recorded_ns\":18446744073709551615"),
            Policy { change: "other".into(), ..leaf.clone() },
            Policy { change: "release ".into(), ..leaf.clone() },
            Policy { document: b"{}".to_vec(), ..leaf.clone() },
        ] {
            assert!(Recorded::read(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn holds_are_placed_once_and_lifted_once() {
        let mut force = InForce::default();
        assert!(apply(&mut force, 10, &release("H1")).is_err());
        apply(&mut force, 10, &hold("H1")).unwrap();
        assert!(apply(&mut force, 11, &hold("H1")).is_err());
        assert_eq!(force.retention.holds_on("fw", Day(6), Day(9_000)).collect::<Vec<_>>(), ["H1"]);
        apply(&mut force, 12, &release("H1")).unwrap();
        assert!(apply(&mut force, 12, &release("H1")).is_err());
        assert!(apply(&mut force, 13, &hold("H1")).is_err(), "the history of a name stays");
        assert_eq!(force.retention.holds_on("fw", Day(6), Day(13)).count(), 0);
        assert!(apply(&mut force, 1, &hold("  ")).is_err());
        let nobody = PolicyChange::Release { name: "H2".into(), reason: " ".into(), owner: "counsel".into() };
        apply(&mut force, 14, &hold("H2")).unwrap();
        assert!(apply(&mut force, 14, &nobody).is_err());
        assert_eq!(force.retention.holds_on("fw", Day(6), Day(15)).collect::<Vec<_>>(), ["H2"]);
    }

    #[test]
    fn incidents_open_close_and_open_again() {
        let mut force = InForce::default();
        let touch =
            PolicyChange::Incident { name: "I".into(), source: "fw".into(), first: Day(3), last: Day(4) };
        let close = PolicyChange::IncidentClosed { name: "I".into() };
        assert!(apply(&mut force, 5, &close).is_err());
        apply(&mut force, 5, &touch).unwrap();
        apply(&mut force, 6, &close).unwrap();
        assert!(apply(&mut force, 7, &close).is_err());
        apply(&mut force, 8, &touch).unwrap();
        assert_eq!(force.retention.incidents["I"].closed, None, "what is touched again is open again");
        let backwards =
            PolicyChange::Incident { name: "I".into(), source: "fw".into(), first: Day(4), last: Day(3) };
        assert!(apply(&mut force, 8, &backwards).is_err());
    }

    #[test]
    fn sources_are_stated_with_an_owner_and_withdrawn_once() {
        let mut force = InForce::default();
        let declared = Declared {
            promise: Promise {
                numbering: Some(Numbering::SYSLOG),
                redelivers: true,
                heard_every_ns: Some(1),
            },
            owner: "network team".into(),
            class: None,
        };
        assert!(apply(&mut force, 1, &source(None)).is_err());
        apply(&mut force, 1, &source(Some(declared.clone()))).unwrap();
        assert_eq!(force.sources["fw"], declared);
        let broken: [fn(&mut Declared); 3] = [
            |d| d.owner = " ".into(),
            |d| d.promise.heard_every_ns = Some(0),
            |d| d.promise.numbering = Some(Numbering { first: 5, last: 5, wraps: true }),
        ];
        for breaking in broken {
            let mut bad = declared.clone();
            breaking(&mut bad);
            assert!(apply(&mut force, 1, &source(Some(bad))).is_err());
        }
        let own = PolicyChange::Source { source: "hinomi:clock".into(), declared: Some(declared) };
        assert!(apply(&mut force, 1, &own).is_err());
        apply(&mut force, 2, &source(None)).unwrap();
        assert!(force.sources.is_empty());
    }

    proptest! {
        /// Whatever a leaf holds is read or refused; what is refused changes nothing.
        #[test]
        fn any_document_is_read_or_refused(
            kind in prop_oneof!["[a-z-]{0,16}", Just("hold".to_owned()), Just("source".to_owned())],
            document in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..80),
                r#"\{"schema_version":1,"recorded_ns":[0-9]{1,20},"hold":"[a-z]?","extent":\{\},"reason":"x?","owner":"y"\}"#
                    .prop_map(String::into_bytes),
            ],
        ) {
            let mut force = InForce::default();
            if let Ok(recorded) = Recorded::read(&Policy { change: kind, document })
                && force.apply(&recorded).is_err()
            {
                prop_assert_eq!(force, InForce::default());
            }
        }
    }
}

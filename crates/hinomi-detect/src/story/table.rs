//! The table of the story: fields, weights, observers, stages and the logs that settle them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::entity::{Entity, EntityKind, Role};
use super::lost::{Loss, LossRule, Shown, lost};

/// Number of a stage, in the order of the table.
pub type StageId = u8;

/// A text in both languages.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// English.
    pub en: String,
    /// Japanese.
    pub ja: String,
}

/// Everything that is data about stories.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoryTable {
    /// Version of the table.
    pub version: u32,
    pub(super) points: Points,
    pub(super) fields: Vec<FieldRule>,
    pub(super) own_addresses: Vec<OwnAddress>,
    pub(super) nothing: Vec<String>,
    pub(super) system_logons: Vec<String>,
    pub(super) system_accounts: Vec<String>,
    pub(super) local_accounts: Vec<String>,
    refused: Vec<Refused>,
    pub(super) observers: Vec<Observer>,
    /// Tags of rules that say that a record of what happened was removed.
    erasing: Vec<String>,
    /// Detections that say that records are missing.
    lost_records: Vec<LossRule>,
    stages: Vec<Stage>,
    /// Channels that a host with any of some other channels must have.
    pub expected: Vec<Expected>,
}

/// Points that shared things give.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Points {
    pub(super) join: u32,
    pub(super) same_event: u32,
    pub(super) same_process: u32,
    pub(super) parent_process: u32,
    pub(super) sibling_process: u32,
    pub(super) process_number: u32,
    pub(super) logon: u32,
    pub(super) account: u32,
    pub(super) address: u32,
    pub(super) file: u32,
    pub(super) network: u32,
    pub(super) host: u32,
    pub(super) same_act: u32,
    pub(super) rare: u32,
    pub(super) erased: u32,
}

/// A field and what it names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldRule {
    pub(super) field: String,
    pub(super) names: EntityKind,
    #[serde(default)]
    pub(super) role: Role,
    /// Channel → event ids; the entry applies to these only.
    #[serde(default)]
    pub(super) only: BTreeMap<String, Vec<u32>>,
}

/// Events that say that a sign-in was refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    #[serde(default)]
    field: Option<String>,
    /// Values that say so.
    #[serde(default)]
    is: Vec<String>,
    /// The value that says otherwise.
    #[serde(default)]
    but: Option<String>,
    /// Channel → event ids; the entry applies to these only.
    #[serde(default)]
    only: BTreeMap<String, Vec<u32>>,
}

impl Refused {
    fn says<'a>(&self, channel: &str, event_id: &str, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        if !applies(&self.only, channel, event_id) {
            return false;
        }
        let Some(field) = &self.field else { return true };
        let Some(value) = value(field) else { return false };
        let other = self.but.as_ref().is_some_and(|b| !b.eq_ignore_ascii_case(value));
        other || self.is.iter().any(|i| i.eq_ignore_ascii_case(value))
    }
}

/// Whether an entry for some events applies to one; an empty list applies to all.
pub(super) fn applies(only: &BTreeMap<String, Vec<u32>>, channel: &str, event_id: &str) -> bool {
    let named = |(c, ids): (&String, &Vec<u32>)| {
        c.eq_ignore_ascii_case(channel) && ids.iter().any(|id| event_id.parse() == Ok(*id))
    };
    only.is_empty() || only.iter().any(named)
}

/// A pair of fields that says which address a host has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnAddress {
    pub(super) host: String,
    pub(super) address: String,
    #[serde(default)]
    pub(super) when: Option<FieldIs>,
}

/// A condition on a field.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldIs {
    pub(super) field: String,
    pub(super) is: String,
}

/// Events in which the host only observes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Observer {
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    event_ids: Vec<u32>,
}

/// A stage of an intrusion: a tactic of ATT&CK.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Name in tags of rules.
    pub id: String,
    /// Name for people.
    pub name: Text,
    #[serde(default)]
    other_names: Vec<String>,
    /// Logs that would show it.
    #[serde(default)]
    pub settled_by: Vec<Settles>,
}

/// A log that would show a stage.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settles {
    /// The log.
    pub log: Text,
    /// What it would have shown.
    pub shows: Text,
    /// True when each host of an incident must have it.
    pub scope: Scope,
    /// Channels or kinds, with `*` at the end.
    pub sources: Vec<String>,
}

/// Where a settling log must exist.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Anywhere.
    Any,
    /// On each host of the incident.
    Host,
}

/// Channels that must exist.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// A host that has one of these channels …
    pub when: Vec<String>,
    /// … must have each of these.
    pub channels: Vec<String>,
}

/// The table cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("story table: {0}")]
pub struct StoryTableError(#[from] serde_yaml_ng::Error);

impl Settles {
    /// Whether a channel or kind of log is one of those that settle it.
    pub fn is_told_by(&self, name: &str) -> bool {
        self.sources.iter().any(|pattern| glob(pattern, name))
    }
}

impl StoryTable {
    /// The table that ships with the program.
    ///
    /// # Errors
    /// When the table does not parse, which a test excludes.
    pub fn bundled() -> Result<Self, StoryTableError> {
        Self::parse(include_str!("../../../../mappings/story.yaml"))
    }

    /// Parses a table.
    ///
    /// # Errors
    /// When `text` is not such a table.
    pub fn parse(text: &str) -> Result<Self, StoryTableError> {
        Ok(serde_yaml_ng::from_str(text)?)
    }

    /// Every field that must be kept with a detection for its story.
    pub fn fields(&self) -> Vec<&str> {
        let own = self
            .own_addresses
            .iter()
            .flat_map(|o| [Some(&o.host), Some(&o.address), o.when.as_ref().map(|w| &w.field)]);
        let refused = self.refused.iter().filter_map(|r| r.field.as_ref());
        let named = self.fields.iter().map(|f| &f.field).chain(own.flatten()).chain(refused);
        let mut all: Vec<&str> = named.map(String::as_str).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Fields that name where something came from, first choice first.
    pub fn source_address_fields(&self) -> impl Iterator<Item = &str> {
        let from = |f: &&FieldRule| f.names == EntityKind::Address && f.role == Role::Source;
        self.fields.iter().filter(from).map(|f| f.field.as_str())
    }

    /// The bare name of an account, `None` for a machine's or the system's own.
    pub fn account_name(&self, account: &str) -> Option<String> {
        Entity::of(EntityKind::Account, account, "", self).map(|e| e.name)
    }

    /// Fields that name accounts.
    pub fn account_fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|f| f.names == EntityKind::Account).map(|f| f.field.as_str())
    }

    /// Stages in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// A stage by number.
    pub fn stage(&self, id: StageId) -> Option<&Stage> {
        self.stages.get(usize::from(id))
    }

    /// The stages that tags of a rule name, in order.
    pub fn stages_of<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<StageId> {
        let mut found: Vec<StageId> = names.filter_map(|name| self.stage_named(name)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether tags of a rule, without their prefix, say that a record of what happened was removed.
    pub fn erases<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        names.any(|name| self.erasing.iter().any(|e| e.eq_ignore_ascii_case(name)))
    }

    /// What a detection says is missing, given the fields of its event.
    pub fn lost<'v>(&self, shown: Shown<'_>, value: impl Fn(&str) -> Option<&'v str>) -> Option<Loss<'_>> {
        lost(&self.lost_records, shown, value)
    }

    fn stage_named(&self, name: &str) -> Option<StageId> {
        let name = name.replace('_', "-").to_lowercase();
        let named = |s: &Stage| s.id == name || s.other_names.contains(&name);
        self.stages.iter().position(named).and_then(|at| StageId::try_from(at).ok())
    }

    /// Whether the host that wrote such an event only saw what others did.
    pub(super) fn observes(&self, channel: &str, event_id: &str) -> bool {
        self.observers.iter().any(|o| {
            let place = o.channel.as_ref().is_some_and(|c| c.eq_ignore_ascii_case(channel))
                || o.kind.as_ref().is_some_and(|k| glob(k, channel));
            place && (o.event_ids.is_empty() || o.event_ids.iter().any(|id| event_id.parse() == Ok(*id)))
        })
    }

    /// Whether such an event says that a sign-in was refused.
    pub(super) fn refuses<'a>(
        &self,
        channel: &str,
        event_id: &str,
        value: impl Fn(&str) -> Option<&'a str>,
    ) -> bool {
        self.refused.iter().any(|r| r.says(channel, event_id, &value))
    }

    pub(super) fn is_system_account(&self, name: &str) -> bool {
        self.system_accounts.iter().any(|pattern| glob(pattern, name))
    }

    pub(super) fn is_nothing(&self, value: &str) -> bool {
        self.nothing.iter().any(|n| n.eq_ignore_ascii_case(value))
    }
}

/// Equality, or equality of the start when the pattern ends in `*`; any case.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.get(..start.len()).is_some_and(|t| t.eq_ignore_ascii_case(start)),
        None => pattern.eq_ignore_ascii_case(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_table_parses_and_knows_the_stages() {
        let table = StoryTable::bundled().unwrap();
        assert_eq!(table.stages().len(), 14);
        let order = table.stages_of(["impact", "initial_access", "Stealth", "t1059"].into_iter());
        let ids: Vec<&str> = order.iter().map(|&s| table.stage(s).unwrap().id.as_str()).collect();
        assert_eq!(ids, ["initial-access", "defense-evasion", "impact"]);
    }

    #[test]
    fn observers_are_told_by_channel_and_event_or_by_kind() {
        let table = StoryTable::bundled().unwrap();
        assert!(table.observes("Security", "4769"));
        assert!(!table.observes("Security", "4688"));
        assert!(table.observes("zeek/conn", ""));
        assert!(!table.observes("linux/sshd", ""));
    }
}

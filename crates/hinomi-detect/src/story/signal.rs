//! One detection as the story sees it.

use hashbrown::HashMap;
use hinomi_model::{Digest, Level, Timestamp};

use super::entity::{Entity, EntityId, EntityKind, Role};
use super::table::{FieldRule, StageId, StoryTable, applies};
use crate::Fields;

/// What a caller states of a detection.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Level of the rule.
    pub level: Level,
    /// Id of the rule.
    pub rule: &'a str,
    /// Names of stages and techniques in the rule's tags.
    pub stages: Vec<StageId>,
    /// True when one event shows it; false when a pattern over several events was counted.
    pub direct: bool,
    /// True when it says that the record of what happened was removed.
    pub erases: bool,
    /// Time of the first event.
    pub first: Option<Timestamp>,
    /// Time of the last event.
    pub last: Option<Timestamp>,
    /// Its events, or the first of them.
    pub events: Vec<EventFacts<'a>>,
}

/// What a caller states of an event of a detection.
#[derive(Debug, Clone, Copy)]
pub struct EventFacts<'a> {
    /// Digest of its bytes.
    pub digest: Digest,
    /// Host that wrote it.
    pub host: &'a str,
    /// The log it stands in: what is unique on one host only is so in one log, when no host is named.
    pub log: &'a str,
    /// Account whose credentials were used; `None` when there is none or many unrelated things run under it.
    pub account: Option<&'a str>,
    /// Channel or kind of log.
    pub channel: &'a str,
    /// Fields.
    pub fields: &'a Fields,
}

impl EventFacts<'_> {
    /// Whether both state the same, and do so of the very same fields.
    fn is(&self, other: &Self) -> bool {
        self.fields.is(other.fields)
            && self.digest == other.digest
            && (self.host, self.log, self.account, self.channel)
                == (other.host, other.log, other.account, other.channel)
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.value(name)
    }
}

/// A detection inside the story.
#[derive(Debug, Clone)]
pub(super) struct Signal {
    pub(super) level: Level,
    pub(super) rule: u32,
    pub(super) stages: Vec<StageId>,
    pub(super) direct: bool,
    pub(super) erases: bool,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    /// In order, without repetition.
    pub(super) named: Vec<(EntityId, Role)>,
    /// Orders signals of the same time independently of their arrival.
    pub(super) key: Digest,
}

/// Things named per detection; a pattern over thousands of hosts names the first.
pub(super) const MOST_NAMED: usize = 96;

/// Numbers entities and rules.
#[derive(Debug, Default)]
pub(super) struct Interner<'f> {
    /// The last event and what it names: rules that fire on one event come one after the other.
    last: Option<(EventFacts<'f>, Vec<(EntityId, Role)>)>,
    pub(super) entities: Vec<Entity>,
    index: HashMap<Entity, EntityId, foldhash::fast::RandomState>,
    rules: HashMap<String, u32, foldhash::fast::RandomState>,
    /// The table's entries for fields by the field's name, once one was asked for.
    by_field: Vec<usize>,
}

impl<'f> Interner<'f> {
    pub(super) fn entity(&mut self, entity: Entity) -> EntityId {
        if let Some(&id) = self.index.get(&entity) {
            return id;
        }
        let id = self.entities.len() as EntityId;
        self.entities.push(entity.clone());
        self.index.insert(entity, id);
        id
    }

    pub(super) fn known(&self, entity: &Entity) -> Option<EntityId> {
        self.index.get(entity).copied()
    }

    fn rule(&mut self, id: &str) -> u32 {
        if let Some(&known) = self.rules.get(id) {
            return known;
        }
        let next = self.rules.len() as u32;
        self.rules.insert(id.to_owned(), next);
        next
    }

    pub(super) fn signal(&mut self, facts: &Facts<'f>, table: &StoryTable) -> Signal {
        let mut named: Vec<(EntityId, Role)> = Vec::new();
        for event in &facts.events {
            if named.len() >= MOST_NAMED {
                break;
            }
            self.names_of(event, table, &mut named);
        }
        named.sort_unstable();
        named.dedup();
        named.truncate(MOST_NAMED);
        let key = facts.events.first().map_or_else(|| Digest::of(facts.rule.as_bytes()), |e| e.digest);
        Signal {
            level: facts.level,
            rule: self.rule(facts.rule),
            stages: facts.stages.clone(),
            direct: facts.direct,
            erases: facts.erases,
            first: facts.first.or(facts.last),
            last: facts.last.or(facts.first),
            named,
            key,
        }
    }

    /// Adds what an event names.
    fn names_of(&mut self, event: &EventFacts<'f>, table: &StoryTable, named: &mut Vec<(EntityId, Role)>) {
        if let Some((last, known)) = &self.last
            && last.is(event)
        {
            return named.extend(known);
        }
        let from = named.len();
        self.name(event, table, named);
        self.last = Some((*event, named.get(from..).unwrap_or_default().to_vec()));
    }

    /// The table's entries for fields that the event has, in the table's order, with the values.
    fn present<'e>(
        &mut self,
        event: &EventFacts<'e>,
        table: &'e StoryTable,
    ) -> Vec<(&'e FieldRule, &'e str)> {
        if self.by_field.len() != table.fields.len() {
            self.by_field = (0..table.fields.len()).collect();
            self.by_field.sort_by_key(|&at| table.fields.get(at).map(|rule| &rule.field));
        }
        let mut found: Vec<(usize, &FieldRule, &str)> = Vec::new();
        let mut fields = event.fields.pairs().peekable();
        for (at, rule) in self.by_field.iter().filter_map(|&at| Some((at, table.fields.get(at)?))) {
            while fields.next_if(|(name, _)| *name < rule.field.as_str()).is_some() {}
            let Some((name, value)) = fields.peek() else { break };
            if *name == rule.field {
                found.push((at, rule, value));
            }
        }
        found.sort_unstable_by_key(|(at, ..)| *at);
        found.into_iter().map(|(_, rule, value)| (rule, value)).collect()
    }

    fn name(&mut self, event: &EventFacts<'_>, table: &StoryTable, named: &mut Vec<(EntityId, Role)>) {
        let present = self.present(event, table);
        let event_id = event.field("EventID").unwrap_or_default();
        let place = if event.host.is_empty() { event.log } else { event.host };
        let mut add = |kind, value: &str, role| {
            if let Some(entity) = Entity::of(kind, value, place, table) {
                named.push((self.entity(entity), role));
            }
        };
        let observed = table.observes(event.channel, event_id);
        add(EntityKind::Host, event.host, if observed { Role::Observer } else { Role::Own });
        let refused = table.refuses(event.channel, event_id, |name| event.field(name));
        let acts = if refused { Role::Target } else { Role::Own };
        if let Some(account) = event.account {
            add(EntityKind::Account, account, acts);
        }
        add(EntityKind::Event, &event.digest.to_string(), Role::Own);
        let mut done: Vec<(&str, EntityKind)> = Vec::new();
        for (rule, value) in present {
            if applies(&rule.only, event.channel, event_id)
                && !done.contains(&(rule.field.as_str(), rule.names))
            {
                done.push((&rule.field, rule.names));
                let account = rule.names == EntityKind::Account && rule.role == Role::Own;
                add(rule.names, value, if account { acts } else { rule.role });
            }
        }
    }
}

//! One entity out of what several lists say of it.
//!
//! Rows are joined by their names, and their attributes by rules that are data: people's lists say who answers for
//! something, exports say what is. Where lists contradict each other, both statements stay, with their places and days.
//!
//! # Invariants
//! - Only what was known at the moment asked for is used.
//! - Names join on a reason, as in [`super::resolve`]; what is ambiguous stays apart.
//! - Every row is in exactly one entity.

mod contradiction;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Timestamp;
use serde::Deserialize;

use super::{Entity, EntityKind, Inventory, Validity};
use contradiction::contradictions;

/// How the statements of several lists become one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeRules {
    /// Classes of lists whose name for an entity is taken, first to last.
    naming: Vec<String>,
    /// Moments of which the newest counts.
    newest: Vec<String>,
    /// Attributes of which every value of every list counts.
    all: Vec<String>,
    /// Attributes of which `yes` outweighs.
    yes: Vec<String>,
    /// Attributes for which exports come before lists that people keep.
    observed: Vec<String>,
    /// Attributes on which lists that differ contradict each other.
    compare: Vec<String>,
}

/// Kinds that several lists speak of.
const JOINED: [EntityKind; 5] =
    [EntityKind::Account, EntityKind::Host, EntityKind::Exposure, EntityKind::Supplier, EntityKind::Copy];

/// Attributes that joining adds.
const LISTS: &str = "lists";
pub(crate) const CONTRADICTION: &str = "contradiction";

impl Inventory {
    /// What all lists together say, as known at `known`: one entity per thing, in versions that do not overlap.
    #[must_use]
    pub fn joined(&self, rules: &MergeRules, known: Timestamp) -> Self {
        let mut joined = Self::default();
        let mut by_kind: BTreeMap<EntityKind, Vec<&Entity>> = BTreeMap::new();
        for row in self.rows().filter(|row| row.known_from.is_none_or(|from| from <= known)) {
            by_kind.entry(row.kind).or_default().push(row);
        }
        // Exposed services are told apart by the hosts that offer them, which come before them.
        for (kind, rows) in by_kind {
            let hosts =
                if kind == EntityKind::Exposure { names::hosts(&joined) } else { names::Hosts::new() };
            if !JOINED.contains(&kind) {
                rows.into_iter().for_each(|row| joined.add(row.clone()));
                continue;
            }
            for group in names::groups(kind, &rows, &hosts) {
                let rows: Vec<&Entity> = group.into_iter().filter_map(|at| rows.get(at).copied()).collect();
                Merge { rules, rows: &rows, known }.versions().into_iter().for_each(|e| joined.add(e));
            }
        }
        joined
    }
}

/// The rows of one entity.
struct Merge<'m> {
    rules: &'m MergeRules,
    rows: &'m [&'m Entity],
    known: Timestamp,
}

impl Merge<'_> {
    /// A version per stretch of time in which the same rows hold.
    fn versions(&self) -> Vec<Entity> {
        let bounds = self.rows.iter().flat_map(|row| [row.valid.from, row.valid.until]).flatten();
        let bounds: BTreeSet<Timestamp> = bounds.collect();
        let starts = std::iter::once(None).chain(bounds.iter().copied().map(Some));
        let ends = bounds.iter().copied().map(Some).chain([None]);
        starts.zip(ends).filter_map(|(from, until)| self.version(Validity { from, until })).collect()
    }

    fn version(&self, valid: Validity) -> Option<Entity> {
        // Nothing begins or ends inside of the stretch: what holds at its first moment, or before its last, holds in all of it.
        let inside = valid.from.or(valid.until.map(|end| Timestamp::from_nanos(end.as_nanos() - 1)));
        let inside = inside.unwrap_or(self.known);
        let mut latest: BTreeMap<&str, &Entity> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.valid.holds_at(inside)) {
            let said = latest.entry(row.list.name.as_str()).or_insert(row);
            if (said.known_from, said.valid.from, &said.place) <= (row.known_from, row.valid.from, &row.place)
            {
                *said = row;
            }
        }
        let mut holding: Vec<&Entity> = latest.into_values().collect();
        holding.sort_by_key(|row| (self.rank(row), std::cmp::Reverse(row.known_from), row.place.clone()));
        let first = *holding.first()?;
        let mut entity = (*first).clone();
        entity.valid = valid;
        entity.known_from = None;
        entity.aliases = self.aliases(&entity.id);
        entity.attributes = self.attributes(&holding);
        entity.seen_in =
            holding.iter().filter(|r| !r.list.is_register).map(|r| r.list.class.clone()).collect();
        entity.is_registered = holding.iter().any(|row| row.list.is_register);
        let contradictions = contradictions(self.rules, self.rows, &holding, inside);
        if !contradictions.is_empty() {
            entity.attributes.insert(CONTRADICTION.to_owned(), contradictions);
        }
        let lists: BTreeSet<&str> = holding.iter().map(|row| row.list.name.as_str()).collect();
        entity.attributes.insert(LISTS.to_owned(), lists.into_iter().map(str::to_owned).collect());
        Some(entity)
    }

    fn rank(&self, row: &Entity) -> usize {
        self.rules.naming.iter().position(|class| *class == row.list.class).unwrap_or(usize::MAX)
    }

    /// Every other name of every row, of whatever time: a name once used still means it.
    fn aliases(&self, id: &str) -> Vec<String> {
        let mut seen = BTreeSet::from([id.to_lowercase()]);
        let names = self.rows.iter().flat_map(|row| row.names());
        names.filter(|name| seen.insert(name.to_lowercase())).map(str::to_owned).collect()
    }

    fn attributes(&self, holding: &[&Entity]) -> BTreeMap<String, Vec<String>> {
        let names: BTreeSet<&String> = holding.iter().flat_map(|row| row.attributes.keys()).collect();
        names.into_iter().map(|name| (name.clone(), self.values(name, holding))).collect()
    }

    fn values(&self, name: &str, holding: &[&Entity]) -> Vec<String> {
        let has = |list: &[String]| list.iter().any(|n| n == name);
        let mut said: Vec<&[String]> =
            holding.iter().map(|row| row.values(name)).filter(|values| !values.is_empty()).collect();
        let every = said.iter().copied().flatten();
        if has(&self.rules.newest) {
            let dated = every.filter_map(|text| Some((super::day(text, false)?, text)));
            return dated.max_by_key(|(time, _)| *time).map(|(_, text)| text.clone()).into_iter().collect();
        }
        if has(&self.rules.all) {
            let mut seen = BTreeSet::new();
            return every.filter(|value| seen.insert(value.to_lowercase())).cloned().collect();
        }
        if has(&self.rules.yes) && every.clone().any(|value| value == "yes") {
            return vec!["yes".to_owned()];
        }
        if has(&self.rules.observed) {
            let mut observed = holding.iter().filter(|row| !row.list.is_register).map(|row| row.values(name));
            if let Some(values) = observed.find(|values| !values.is_empty()) {
                return values.to_vec();
            }
        }
        if said.is_empty() { Vec::new() } else { said.remove(0).to_vec() }
    }
}

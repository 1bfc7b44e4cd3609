//! Matches and earlier occurrences to the items of one correlation, by group.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hinomi_model::{Digest, Timestamp};

use super::plan::{Plan, is_named};
use super::{BaseMatch, Diagnosis, Limits, MatchedEvent, Occurrence};
use crate::sigma::{Correlation, Meta};

/// What takes part in a window.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub time: Timestamp,
    digest: Digest,
    number: u64,
    /// Positions of the referred rules that it stands for, ascending.
    pub rules: Vec<usize>,
    /// Values of the counted fields; empty when the correlation counts none.
    pub values: Vec<String>,
    /// Matches behind it, by position among those given.
    pub matches: Vec<usize>,
    pub more: u64,
}

/// Group values to items, by (time, digest, number).
pub(super) type Groups = BTreeMap<Vec<String>, Vec<Item>>;

pub(super) struct Gatherer<'a, E> {
    correlations: &'a [Correlation],
    inner: Vec<Vec<Option<usize>>>,
    matches: &'a [BaseMatch<'a, E>],
    /// Positions of matches with a time, by (time, digest, number, rule).
    sorted: Vec<usize>,
    /// Place of every match in `sorted`.
    rank: Vec<usize>,
    /// (correlation, field, rule) → names of the field in events of the rule.
    names: BTreeMap<(usize, String, String), Rc<[String]>>,
}

impl<'a, E: MatchedEvent> Gatherer<'a, E> {
    pub(super) fn new(
        correlations: &'a [Correlation],
        plans: &[Plan<'_>],
        matches: &'a [BaseMatch<'a, E>],
    ) -> Self {
        let mut inner = vec![Vec::new(); correlations.len()];
        for plan in plans {
            if let Some(slot) = inner.get_mut(plan.index) {
                slot.clone_from(&plan.inner);
            }
        }
        let mut sorted: Vec<usize> = (0..matches.len()).collect();
        sorted.sort_by_cached_key(|at| {
            let found = matches.get(*at);
            found.map(|m| (m.event.time(), m.event.digest(), m.number, m.rule.id.clone()))
        });
        let mut rank = vec![0; matches.len()];
        for (place, at) in sorted.iter().enumerate() {
            if let Some(slot) = rank.get_mut(*at) {
                *slot = place;
            }
        }
        Self { correlations, inner, matches, sorted, rank, names: BTreeMap::new() }
    }

    /// Brings the matches of occurrences into order.
    pub(super) fn order(&self, occurrences: &mut [Occurrence]) {
        for occurrence in occurrences {
            occurrence.matches.sort_by_key(|at| self.rank.get(*at).copied());
        }
    }

    /// The items of `plan`, by group.
    pub(super) fn groups(
        &mut self,
        plan: &Plan<'_>,
        earlier: &[Occurrence],
        limits: &Limits,
        diagnosis: &mut Diagnosis,
    ) -> Groups {
        let mut groups = Groups::new();
        let mut add = |key: Vec<String>, item: Item, diagnosis: &mut Diagnosis| {
            if groups.len() >= limits.groups && !groups.contains_key(&key) {
                diagnosis.over_limit += 1;
                return;
            }
            let items = groups.entry(key).or_default();
            match items.last_mut() {
                // The same event through another rule.
                Some(last) if last.number == item.number && last.time == item.time => last.absorb(item),
                _ => items.push(item),
            }
        };
        let mut feeding = self.occurrence_items(plan, earlier, limits, diagnosis);
        feeding.sort_by(|a, b| a.1.time.cmp(&b.1.time).then_with(|| a.1.number.cmp(&b.1.number)));
        for (key, item) in self.base_items(plan, diagnosis).into_iter().chain(feeding) {
            add(key, item, diagnosis);
        }
        for items in groups.values_mut() {
            items.sort_by_key(|item| (item.time, item.digest, item.number));
        }
        groups
    }

    /// Items of rules, in order.
    fn base_items(&mut self, plan: &Plan<'_>, diagnosis: &mut Diagnosis) -> Vec<(Vec<String>, Item)> {
        let references = &plan.correlation.rules;
        let mut positions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut items = Vec::new();
        for place in 0..self.sorted.len() {
            let at = self.sorted.get(place).copied().unwrap_or_default();
            let Some(found) = self.matches.get(at) else { continue };
            let rules = positions.entry(&found.rule.id).or_insert_with(|| {
                let named = references.iter().enumerate().filter(|(_, name)| is_named(found.rule, name));
                named.map(|(position, _)| position).collect()
            });
            if rules.is_empty() {
                continue;
            }
            let Some(time) = found.event.time() else {
                diagnosis.without_time += 1;
                continue;
            };
            let Some(group) = self.texts(plan.index, &plan.correlation.group_by, at) else {
                diagnosis.without_group += 1;
                continue;
            };
            let Some(values) = self.texts(plan.index, &plan.values, at) else {
                diagnosis.without_value += 1;
                continue;
            };
            let digest = found.event.digest();
            let (rules, number) = (rules.clone(), found.number);
            items.push((group, Item { time, digest, number, rules, values, matches: vec![at], more: 0 }));
        }
        items
    }

    /// Items of the correlations that `plan` refers to: one for every group their matches belong to.
    fn occurrence_items(
        &mut self,
        plan: &Plan<'_>,
        earlier: &[Occurrence],
        limits: &Limits,
        diagnosis: &mut Diagnosis,
    ) -> Vec<(Vec<String>, Item)> {
        let mut items = Vec::new();
        for (number, occurrence) in earlier.iter().enumerate() {
            let named = plan.inner.iter().enumerate().filter(|(_, i)| **i == Some(occurrence.correlation));
            let rules: Vec<usize> = named.map(|(position, _)| position).collect();
            if rules.is_empty() {
                continue;
            }
            let mut keys: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
            for &at in &occurrence.matches {
                let group = self.texts(plan.index, &plan.correlation.group_by, at);
                let values = self.texts(plan.index, &plan.values, at);
                if let (Some(group), Some(values)) = (group, values) {
                    keys.entry(group).or_insert(values);
                }
            }
            diagnosis.without_group += u64::from(keys.is_empty());
            diagnosis.over_limit += keys.len().saturating_sub(limits.fan_out) as u64;
            let first = occurrence.matches.first().and_then(|at| self.matches.get(*at));
            let Some(digest) = first.map(|m| m.event.digest()) else { continue };
            for (group, values) in keys.into_iter().take(limits.fan_out) {
                let item = Item {
                    time: occurrence.fired,
                    digest,
                    // Numbers of events count from 0: these count from the other end.
                    number: u64::MAX - number as u64,
                    rules: rules.clone(),
                    values,
                    matches: occurrence.matches.clone(),
                    more: occurrence.more,
                };
                items.push((group, item));
            }
        }
        items
    }

    /// The texts of `fields` in a match, as the correlation names them; `None` when one is missing.
    fn texts(&mut self, correlation: usize, fields: &[String], at: usize) -> Option<Vec<String>> {
        let found = self.matches.get(at)?;
        let mut texts = Vec::with_capacity(fields.len());
        for field in fields {
            let names = self.names(correlation, field, found.rule);
            texts.push(names.iter().find_map(|name| found.event.field(name))?.to_owned());
        }
        Some(texts)
    }

    /// The names under which events of `rule` may hold what the correlation calls `field`. Remembered, because
    /// correlations can refer to each other in very many ways.
    fn names(&mut self, correlation: usize, field: &str, rule: &Meta) -> Rc<[String]> {
        let key = (correlation, field.to_owned(), rule.id.clone());
        if let Some(known) = self.names.get(&key) {
            return Rc::clone(known);
        }
        let mut names: Vec<String> = Vec::new();
        let inner = self.inner.get(correlation).cloned().unwrap_or_default();
        let correlations = self.correlations;
        let references = correlations.get(correlation).map(|c| (&c.rules, c.aliases.get(field)));
        for (position, reference) in references.iter().flat_map(|(rules, _)| rules.iter().enumerate()) {
            let own = references.and_then(|(_, aliases)| aliases?.get(reference));
            let name = own.map_or(field, String::as_str);
            match inner.get(position).copied().flatten() {
                Some(deeper) => names.extend(self.names(deeper, name, rule).iter().cloned()),
                None if is_named(rule, reference) => names.push(name.to_owned()),
                None => {}
            }
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let names: Rc<[String]> = names.into();
        self.names.insert(key, Rc::clone(&names));
        names
    }
}

impl Item {
    fn absorb(&mut self, other: Self) {
        self.rules.extend(other.rules);
        self.rules.sort_unstable();
        self.rules.dedup();
        self.matches.extend(other.matches);
        self.more += other.more;
    }
}

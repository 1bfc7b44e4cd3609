//! From matches and occurrences to the items of correlations.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::item::Item;
use super::plan::Plan;
use super::{Diagnosis, Limits, MatchedEvent, Matches, Occurrence, Seen};
use crate::sigma::Correlation;

/// Which plans a rule feeds, by position, and as which of their referred rules.
type Feeds = Rc<[(usize, Vec<usize>)]>;

/// Knows who refers to what, and under which names fields stand.
#[derive(Debug, Default)]
pub(super) struct Routes {
    correlations: Vec<Correlation>,
    /// By correlation: for each referred name, the correlation it names, if it is one.
    inner: Vec<Vec<Option<usize>>>,
    /// Rule id → what it feeds.
    feeds: BTreeMap<String, Feeds>,
    /// (correlation, field, rule) → names of the field in events of the rule. Remembered, because correlations can refer
    /// to each other in very many ways.
    names: BTreeMap<(usize, String, String), Rc<[String]>>,
}

/// Group values and the item.
pub(super) type Grouped = (Vec<String>, Item);

impl Routes {
    pub(super) fn new(correlations: &[Correlation], plans: &[Plan]) -> Self {
        let mut inner = vec![Vec::new(); correlations.len()];
        for plan in plans {
            if let Some(slot) = inner.get_mut(plan.index) {
                slot.clone_from(&plan.inner);
            }
        }
        Self { correlations: correlations.to_vec(), inner, ..Self::default() }
    }

    /// What a rule feeds.
    pub(super) fn feeds<E>(&mut self, plans: &[Plan], seen: &Seen<'_, E>) -> Feeds {
        if let Some(known) = self.feeds.get(seen.rule) {
            return Rc::clone(known);
        }
        let positions = |plan: &Plan| {
            let references = plan.correlation.rules.iter().enumerate();
            references.filter(|(_, name)| seen.is_named(name)).map(|(at, _)| at).collect::<Vec<_>>()
        };
        let fed = plans.iter().enumerate().map(|(at, plan)| (at, positions(plan)));
        let feeds: Feeds = fed.filter(|(_, rules)| !rules.is_empty()).collect();
        self.feeds.insert(seen.rule.to_owned(), Rc::clone(&feeds));
        feeds
    }

    /// The item of a match for a plan.
    pub(super) fn item<M: Matches + ?Sized>(
        &mut self,
        plan: &Plan,
        rules: &[usize],
        handle: usize,
        matches: &M,
        diagnosis: &mut Diagnosis,
    ) -> Option<Grouped> {
        let seen = matches.at(handle)?;
        let Some(time) = seen.event.time() else {
            diagnosis.without_time += 1;
            return None;
        };
        let Some(group) = self.texts(plan.index, &plan.correlation.group_by, &seen) else {
            diagnosis.without_group += 1;
            return None;
        };
        let Some(values) = self.texts(plan.index, &plan.values, &seen) else {
            diagnosis.without_value += 1;
            return None;
        };
        let (digest, number) = (seen.event.digest(), seen.number);
        Some((
            group,
            Item { time, digest, number, rules: rules.to_vec(), values, matches: vec![handle], more: 0 },
        ))
    }

    /// Items of an occurrence for a plan that refers to its correlation: one for every group its matches belong to.
    pub(super) fn items_of<M: Matches + ?Sized>(
        &mut self,
        plan: &Plan,
        occurrence: &Occurrence,
        number: u64,
        matches: &M,
        (limits, diagnosis): (&Limits, &mut Diagnosis),
    ) -> Vec<Grouped> {
        let named = plan.inner.iter().enumerate().filter(|(_, i)| **i == Some(occurrence.correlation));
        let rules: Vec<usize> = named.map(|(position, _)| position).collect();
        let first = occurrence.matches.first().and_then(|at| matches.at(*at));
        let Some(digest) = first.map(|m| m.event.digest()).filter(|_| !rules.is_empty()) else {
            return Vec::new();
        };
        let mut keys: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
        for seen in occurrence.matches.iter().filter_map(|at| matches.at(*at)) {
            let group = self.texts(plan.index, &plan.correlation.group_by, &seen);
            let values = self.texts(plan.index, &plan.values, &seen);
            if let (Some(group), Some(values)) = (group, values) {
                keys.entry(group).or_insert(values);
            }
        }
        diagnosis.without_group += u64::from(keys.is_empty());
        diagnosis.over_limit += keys.len().saturating_sub(limits.fan_out) as u64;
        let item = |(group, values)| {
            let item = Item {
                time: occurrence.fired,
                digest,
                // Numbers of events count from 0: these count from the other end.
                number: u64::MAX - number,
                rules: rules.clone(),
                values,
                matches: occurrence.matches.clone(),
                more: occurrence.more,
            };
            (group, item)
        };
        keys.into_iter().take(limits.fan_out).map(item).collect()
    }

    /// The texts of `fields` in a match, as the correlation names them; `None` when one is missing.
    fn texts<E: MatchedEvent>(
        &mut self,
        correlation: usize,
        fields: &[String],
        seen: &Seen<'_, E>,
    ) -> Option<Vec<String>> {
        let mut texts = Vec::with_capacity(fields.len());
        for field in fields {
            let names = self.names(correlation, field, seen);
            texts.push(names.iter().find_map(|name| seen.event.field(name))?.to_owned());
        }
        Some(texts)
    }

    /// The names under which events of the rule may hold what the correlation calls `field`.
    fn names<E>(&mut self, correlation: usize, field: &str, seen: &Seen<'_, E>) -> Rc<[String]> {
        let key = (correlation, field.to_owned(), seen.rule.to_owned());
        if let Some(known) = self.names.get(&key) {
            return Rc::clone(known);
        }
        let mut names: Vec<String> = Vec::new();
        let inner = self.inner.get(correlation).cloned().unwrap_or_default();
        let (references, aliases) = match self.correlations.get(correlation) {
            Some(c) => (c.rules.clone(), c.aliases.get(field).cloned()),
            None => (Vec::new(), None),
        };
        for (position, reference) in references.iter().enumerate() {
            let own = aliases.as_ref().and_then(|aliases| aliases.get(reference));
            let name = own.map_or(field, String::as_str);
            match inner.get(position).copied().flatten() {
                Some(deeper) => names.extend(self.names(deeper, name, seen).iter().cloned()),
                None if seen.is_named(reference) => names.push(name.to_owned()),
                None => {}
            }
        }
        let mut known = BTreeSet::new();
        names.retain(|name| known.insert(name.clone()));
        let names: Rc<[String]> = names.into();
        self.names.insert(key, Rc::clone(&names));
        names
    }
}

impl<E> Seen<'_, E> {
    /// Whether `reference` means the rule.
    fn is_named(&self, reference: &str) -> bool {
        self.rule == reference || self.name == Some(reference)
    }
}

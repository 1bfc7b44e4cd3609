//! All correlations of a pack, advanced in time.

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::lane::{Found, Horizon, Lane};
use super::plan::{self, CorrelateError, Plan};
use super::route::Routes;
use super::{Diagnosis, Limits, MatchedEvent as _, Matches, Occurrence};
use crate::sigma::Correlation;

const END: Timestamp = Timestamp::from_nanos(i64::MAX);

/// Correlations and their state. Matches are added in any order, but none whose time is behind what was advanced to.
#[derive(Debug)]
pub struct Correlator {
    plans: Vec<Plan>,
    errors: Vec<CorrelateError>,
    routes: Routes,
    /// One for each plan.
    lanes: Vec<Lane>,
    limits: Limits,
    /// Occurrences that became items.
    fed: u64,
    correlations: usize,
}

/// The state of correlations, without what they are: each with a name that its owner gave.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SavedLanes {
    fed: u64,
    lanes: Vec<(String, Lane)>,
}

impl Correlator {
    /// Without any match yet.
    pub fn new(correlations: &[Correlation], limits: Limits) -> Self {
        let (plans, errors) = plan::plan(correlations);
        let lanes = plans.iter().map(|_| Lane::default()).collect();
        let routes = Routes::new(correlations, &plans);
        Self { plans, errors, routes, lanes, limits, fed: 0, correlations: correlations.len() }
    }

    /// Correlations that cannot be evaluated.
    pub fn errors(&self) -> &[CorrelateError] {
        &self.errors
    }

    /// What could not be taken into account, one for each correlation.
    pub fn diagnoses(&self) -> Vec<Diagnosis> {
        let mut all = vec![Diagnosis::default(); self.correlations];
        for (plan, lane) in self.plans.iter().zip(&self.lanes) {
            all.get_mut(plan.index).into_iter().for_each(|slot| *slot = lane.diagnosis);
        }
        all
    }

    /// Takes a match in; false when no correlation has a use for it.
    pub fn add<M: Matches + ?Sized>(&mut self, handle: usize, matches: &M) -> bool {
        let Some(seen) = matches.at(handle) else { return false };
        let mut used = false;
        for (at, rules) in self.routes.feeds(&self.plans, &seen).iter() {
            let (Some(plan), Some(lane)) = (self.plans.get(*at), self.lanes.get_mut(*at)) else { continue };
            let item = self.routes.item(plan, rules, handle, matches, &mut lane.diagnosis);
            used |= item.is_some();
            item.into_iter().for_each(|item| lane.add(item, &self.limits));
        }
        used
    }

    /// Says that all matches up to a time were added. Returns what fired since, each as it fired, by (fired, correlation,
    /// group).
    pub fn advance<M: Matches + ?Sized>(&mut self, until: Timestamp, matches: &M) -> Vec<Occurrence> {
        let mut all = Vec::new();
        for at in 0..self.plans.len() {
            let lag = self.plans.get(at).map_or(0, |plan| plan.lag_ns);
            let to = Timestamp::from_nanos(until.as_nanos().saturating_sub(lag));
            let mut found = Found::default();
            self.advance_plan(at, Horizon { items: to, windows: to }, matches, &mut found);
            all.append(&mut found.opened);
        }
        put_in_order(&mut all, matches);
        all
    }

    /// As [`Correlator::advance`], but each occurrence is told when it is over, with all that extended it.
    pub(super) fn advance_whole<M: Matches + ?Sized>(
        &mut self,
        until: Timestamp,
        matches: &M,
        over: &mut Vec<Occurrence>,
    ) {
        let observed = self.limits.observed_until.unwrap_or(END);
        for at in 0..self.plans.len() {
            let lag = self.plans.get(at).map_or(0, |plan| plan.lag_ns);
            let to = Timestamp::from_nanos(until.as_nanos().saturating_sub(lag));
            let mut found = Found { closed: Some(Vec::new()), ..Found::default() };
            self.advance_plan(at, Horizon { items: to, windows: to.min(observed) }, matches, &mut found);
            over.extend(found.closed.into_iter().flatten());
        }
    }

    /// Says that all matches were added. Returns what fired, `over` and what [`Correlator::advance_whole`] had not told yet, each
    /// with all that extended it; windows that end after `observed_until` stay undecided.
    pub fn finish<M: Matches + ?Sized>(
        &mut self,
        matches: &M,
        observed_until: Option<Timestamp>,
        mut over: Vec<Occurrence>,
    ) -> Vec<Occurrence> {
        let to = Horizon { items: END, windows: observed_until.unwrap_or(END) };
        for at in 0..self.plans.len() {
            let mut found = Found { closed: Some(Vec::new()), ..Found::default() };
            self.advance_plan(at, to, matches, &mut found);
            if let (Some(plan), Some(lane)) = (self.plans.get(at), self.lanes.get_mut(at)) {
                lane.finish(plan, &mut found);
            }
            over.extend(found.closed.into_iter().flatten());
        }
        put_in_order(&mut over, matches);
        over
    }

    /// Advances one correlation and hands what fired to those that refer to it.
    fn advance_plan<M: Matches + ?Sized>(&mut self, at: usize, to: Horizon, matches: &M, found: &mut Found) {
        let Self { plans, routes, lanes, limits, fed, .. } = self;
        let (Some(plan), Some(lane)) = (plans.get(at), lanes.get_mut(at)) else { return };
        lane.advance(plan, to, limits, found);
        sort_matches(&mut found.opened, matches);
        for occurrence in &found.opened {
            for (outer, lane) in plans.iter().zip(lanes.iter_mut()).skip(at + 1) {
                if !outer.inner.contains(&Some(plan.index)) {
                    continue;
                }
                let with = (&*limits, &mut lane.diagnosis);
                for item in routes.items_of(outer, occurrence, *fed, matches, with) {
                    lane.add(item, limits);
                }
            }
            *fed += 1;
        }
    }

    /// Handles of all matches that may still be needed.
    pub fn handles(&self) -> impl Iterator<Item = usize> {
        self.lanes.iter().flat_map(Lane::handles)
    }

    /// Gives the state away; `names` has a name for each correlation.
    pub fn into_saved(self, names: &[String]) -> SavedLanes {
        let name = |plan: &Plan| names.get(plan.index).cloned().unwrap_or_default();
        let lanes = self.plans.iter().map(name).zip(self.lanes).collect();
        SavedLanes { fed: self.fed, lanes }
    }

    /// What [`Correlator::into_saved`] would give, while the state stays.
    pub fn saved(&self, names: &[String]) -> impl Serialize {
        let name = |plan: &Plan| names.get(plan.index).cloned().unwrap_or_default();
        let lanes = self.plans.iter().map(name).zip(&self.lanes).collect();
        SavedView { fed: self.fed, lanes }
    }

    /// Takes over the state of correlations that have the same names.
    pub fn restore(&mut self, saved: SavedLanes, names: &[String]) {
        self.fed = saved.fed;
        let mut lanes: std::collections::BTreeMap<String, Lane> = saved.lanes.into_iter().collect();
        for (plan, slot) in self.plans.iter().zip(&mut self.lanes) {
            if let Some(lane) = names.get(plan.index).and_then(|name| lanes.remove(name)) {
                *slot = lane;
            }
        }
    }
}

/// [`SavedLanes`] that borrows.
#[derive(Serialize)]
struct SavedView<'a> {
    fed: u64,
    lanes: Vec<(String, &'a Lane)>,
}

/// Brings the matches of occurrences into order: those they fired with first, each part by (time, digest, number, rule).
fn sort_matches<M: Matches + ?Sized>(occurrences: &mut [Occurrence], matches: &M) {
    for occurrence in occurrences {
        let middle = occurrence.fired_with.min(occurrence.matches.len());
        let (fired, later) = occurrence.matches.split_at_mut(middle);
        for part in [fired, later] {
            part.sort_by_cached_key(|at| {
                let seen = matches.at(*at);
                seen.map(|s| (s.event.time(), s.event.digest(), s.number, s.rule.to_owned()))
            });
        }
    }
}

fn put_in_order<M: Matches + ?Sized>(all: &mut [Occurrence], matches: &M) {
    sort_matches(all, matches);
    all.sort_by_cached_key(|o| (o.fired, o.correlation, o.group.clone(), o.number));
}

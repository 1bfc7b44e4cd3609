//! The state of one correlation: what waits for its time, and the windows of its groups.

use std::collections::{BTreeMap, VecDeque};

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::aggregate::{self, Aggregate};
use super::item::{Item, settle};
use super::plan::{Goal, Plan};
use super::route::Grouped;
use super::{Diagnosis, Limits, Occurrence};
use crate::saved;

/// How far time has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    /// All items up to here are known.
    pub items: Timestamp,
    /// Windows that end by here are complete.
    pub windows: Timestamp,
}

/// What advancing found.
#[derive(Default, Debug)]
pub(super) struct Found {
    /// Occurrences as they fired.
    pub opened: Vec<Occurrence>,
    /// Whole occurrences, if wanted.
    pub closed: Option<Vec<Occurrence>>,
}

/// State of one correlation.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Lane {
    #[serde(with = "saved::pairs")]
    groups: BTreeMap<Vec<String>, Group>,
    /// Items whose time has not come.
    #[serde(with = "Pending")]
    pending: BTreeMap<Timestamp, Vec<Grouped>>,
    /// Items in groups and pending.
    items: usize,
    /// Groups when those that fell silent were last dropped.
    swept: usize,
    pub(super) diagnosis: Diagnosis,
}

/// How [`Lane::pending`] is saved.
struct Pending;

impl Pending {
    fn serialize<S: serde::Serializer>(
        pending: &BTreeMap<Timestamp, Vec<Grouped>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(pending.values().flatten())
    }

    fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<Timestamp, Vec<Grouped>>, D::Error> {
        let mut pending: BTreeMap<Timestamp, Vec<Grouped>> = BTreeMap::new();
        for (key, item) in Vec::<Grouped>::deserialize(from)? {
            pending.entry(item.time).or_default().push((key, item));
        }
        Ok(pending)
    }
}

/// Windows of one group.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Group {
    items: VecDeque<Item>,
    /// What is known of the items; made again from them after loading.
    #[serde(skip)]
    aggregate: Option<Aggregate>,
    open: Option<Occurrence>,
    /// Number of the next occurrence.
    number: u64,
    /// End of the last complete window.
    #[serde(with = "saved::maybe_time")]
    ended: Option<Timestamp>,
}

impl Lane {
    /// Takes an item in, to be looked at when its time has come.
    pub(super) fn add(&mut self, (key, item): Grouped, limits: &Limits) {
        if self.items >= limits.items {
            self.diagnosis.over_limit += 1;
            return;
        }
        self.items += 1;
        // Most instants have one item.
        self.pending.entry(item.time).or_insert_with(|| Vec::with_capacity(1)).push((key, item));
    }

    /// Looks at everything up to the horizon.
    pub(super) fn advance(&mut self, plan: &Plan, to: Horizon, limits: &Limits, found: &mut Found) {
        while let Some(entry) = self.pending.first_entry().filter(|e| *e.key() <= to.items) {
            let (now, arrived) = entry.remove_entry();
            let mut groups: BTreeMap<Vec<String>, Vec<Item>> = BTreeMap::new();
            for (key, item) in arrived {
                groups.entry(key).or_default().push(item);
            }
            for (key, items) in groups {
                self.arrive(plan, key, now, items, (to, limits), found);
            }
        }
        self.decide(plan, to, limits, found);
        if self.groups.len() > 2 * self.swept + 64 {
            self.sweep(plan, to.items, found);
        }
    }

    /// All items of one instant of one group.
    fn arrive(
        &mut self,
        plan: &Plan,
        key: Vec<String>,
        now: Timestamp,
        items: Vec<Item>,
        (to, limits): (Horizon, &Limits),
        found: &mut Found,
    ) {
        let given = items.len();
        let mut instant = settle(items);
        if matches!(plan.goal, Goal::Sum(_) | Goal::Average(_) | Goal::Percentile(..)) {
            let all = instant.len();
            instant.retain(|item| aggregate::units(item).is_some());
            self.diagnosis.without_value += (all - instant.len()) as u64;
            if instant.is_empty() {
                // Nothing came at this instant: no window is looked at because of it.
                self.items = self.items.saturating_sub(given);
                return;
            }
        }
        if self.groups.len() >= limits.groups && !self.groups.contains_key(&key) {
            // As of this instant, however far the horizon is: what is dropped must not depend on it.
            let past = Horizon { items: Timestamp::from_nanos(now.as_nanos().saturating_sub(1)), ..to };
            self.decide(plan, past, limits, found);
            self.sweep(plan, now, found);
            if self.groups.len() >= limits.groups {
                self.diagnosis.over_limit += instant.len() as u64;
                self.items = self.items.saturating_sub(given);
                return;
            }
        }
        let group = self.groups.entry(key.clone()).or_default();
        let report = Report { plan, key: &key, limits };
        let before = group.items.len() + given;
        if plan.rising {
            group.slide(&report, now, instant, found);
        } else {
            group.follow(&report, now, instant, (to, &mut self.diagnosis), found);
        }
        self.items = (self.items + group.items.len()).saturating_sub(before);
    }

    /// Decides windows that are complete.
    fn decide(&mut self, plan: &Plan, to: Horizon, limits: &Limits, found: &mut Found) {
        if plan.rising {
            return;
        }
        for (key, group) in &mut self.groups {
            let over = group.window_end(plan).is_some_and(|end| end <= to.items && end <= to.windows);
            if over {
                self.items = self.items.saturating_sub(group.items.len());
                group.complete(&Report { plan, key, limits }, (to, &mut self.diagnosis), found);
            }
        }
    }

    /// Drops groups of which nothing is left within the time span before `now`: what is dropped here would be found empty
    /// when its next item arrives.
    fn sweep(&mut self, plan: &Plan, now: Timestamp, found: &mut Found) {
        let start = before(now, plan);
        let items = &mut self.items;
        self.groups.retain(|_, group| {
            let last = group.items.back().map(|item| item.time).max(group.open.as_ref().map(|o| o.last));
            let undecided = !plan.rising && !group.items.is_empty();
            let lives = undecided || last.max(group.ended).is_some_and(|last| last >= start);
            if !lives {
                *items = items.saturating_sub(group.items.len());
                found.close(group.open.take());
            }
            lives
        });
        self.swept = self.groups.len();
    }

    /// Ends what is open: nothing more will come.
    pub(super) fn finish(&mut self, plan: &Plan, found: &mut Found) {
        for group in std::mem::take(&mut self.groups).into_values() {
            self.diagnosis.open_windows += u64::from(!plan.rising && !group.items.is_empty());
            found.close(group.open);
        }
        self.items = 0;
    }

    /// Handles of all matches that may still be needed.
    pub(super) fn handles(&self) -> impl Iterator<Item = usize> {
        let waiting = self.pending.values().flatten().map(|(_, item)| item);
        let inside = self.groups.values().flat_map(|group| &group.items);
        waiting.chain(inside).flat_map(|item| item.matches.iter().copied())
    }
}

/// The beginning of the window that ends at `now`.
fn before(now: Timestamp, plan: &Plan) -> Timestamp {
    Timestamp::from_nanos(now.as_nanos().saturating_sub(plan.correlation.timespan_ns))
}

impl Found {
    fn close(&mut self, occurrence: Option<Occurrence>) {
        if let Some(closed) = &mut self.closed {
            closed.extend(occurrence);
        }
    }
}

/// What all occurrences of a group share.
struct Report<'a> {
    plan: &'a Plan,
    key: &'a [String],
    limits: &'a Limits,
}

impl Report<'_> {
    /// An occurrence of these items.
    fn open<'i>(&self, number: u64, items: impl Iterator<Item = &'i Item>) -> Option<Occurrence> {
        let mut items = items.peekable();
        let first = items.peek()?.time;
        let fields = self.plan.correlation.group_by.iter().cloned();
        let mut occurrence = Occurrence {
            correlation: self.plan.index,
            group: fields.zip(self.key.iter().cloned()).collect(),
            matches: Vec::new(),
            more: 0,
            fired_with: 0,
            number,
            first,
            fired: first,
            last: first,
            alerts: self.plan.alerts,
        };
        self.extend(&mut occurrence, items);
        occurrence.fired = occurrence.last;
        occurrence.fired_with = occurrence.matches.len();
        Some(occurrence)
    }

    fn extend<'i>(&self, occurrence: &mut Occurrence, items: impl Iterator<Item = &'i Item>) {
        for item in items {
            occurrence.more += item.more;
            for &at in &item.matches {
                if occurrence.matches.len() < self.limits.kept {
                    occurrence.matches.push(at);
                } else {
                    occurrence.more += 1;
                }
            }
            occurrence.last = item.time;
        }
    }
}

impl Group {
    /// One window that follows the items, for rising conditions.
    fn slide(&mut self, report: &Report<'_>, now: Timestamp, instant: Vec<Item>, found: &mut Found) {
        let (plan, start) = (report.plan, before(now, report.plan));
        let aggregate =
            self.aggregate.get_or_insert_with(|| Aggregate::of(plan, self.items.make_contiguous()));
        while let Some(item) = self.items.pop_front_if(|item| item.time < start) {
            aggregate.remove(plan, &item);
        }
        if self.open.as_ref().is_some_and(|occurrence| occurrence.last < start) {
            found.close(self.open.take());
        }
        if self.items.is_empty() && self.open.is_none() {
            self.number = 0;
        }
        aggregate.add(plan, now, &instant);
        match (aggregate.holds(plan, start), &mut self.open) {
            (true, Some(occurrence)) if found.closed.is_some() => report.extend(occurrence, instant.iter()),
            (true, Some(occurrence)) => occurrence.last = now,
            (true, None) => {
                let opened = report.open(self.number, self.items.iter().chain(&instant));
                self.number += 1;
                found.opened.extend(opened.clone());
                self.open = opened;
                if let (None, Some(open)) = (&found.closed, &mut self.open) {
                    // It was handed out, and nobody asks for it again.
                    open.matches = Vec::new();
                }
            }
            (false, _) => found.close(self.open.take()),
        }
        self.items.extend(instant);
    }

    /// Windows that follow one another, for conditions that only a complete window can meet.
    fn follow(
        &mut self,
        report: &Report<'_>,
        now: Timestamp,
        instant: Vec<Item>,
        (to, diagnosis): (Horizon, &mut Diagnosis),
        found: &mut Found,
    ) {
        if self.window_end(report.plan).is_some_and(|end| now > end) {
            self.complete(report, (to, diagnosis), found);
        }
        if self.items.is_empty() && self.ended.is_some_and(|ended| ended < before(now, report.plan)) {
            self.number = 0;
        }
        self.items.extend(instant);
    }

    /// When the window that is open ends.
    fn window_end(&self, plan: &Plan) -> Option<Timestamp> {
        let first = self.items.front()?.time.as_nanos();
        Some(Timestamp::from_nanos(first.saturating_add(plan.correlation.timespan_ns)))
    }

    /// The window that is open ends: nothing more comes into it.
    fn complete(
        &mut self,
        report: &Report<'_>,
        (to, diagnosis): (Horizon, &mut Diagnosis),
        found: &mut Found,
    ) {
        let end = self.window_end(report.plan);
        let items: Vec<Item> = std::mem::take(&mut self.items).into();
        if end.is_some_and(|end| to.windows < end) {
            diagnosis.open_windows += 1;
        } else if aggregate::complete(report.plan, &items) {
            let occurrence = report.open(self.number, items.iter());
            self.number += 1;
            found.opened.extend(occurrence.clone());
            found.close(occurrence);
        }
        self.ended = end;
    }
}

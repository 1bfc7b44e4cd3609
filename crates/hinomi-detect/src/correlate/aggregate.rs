//! What is known of the items in a window, kept up to date as items come and go.

use std::collections::BTreeMap;

use super::chain::Chain;
use super::item::Item;
use super::plan::{Goal, Plan, holds};
use hinomi_model::Timestamp;

/// Units of a number: sums are exact to six decimals, so that taking an item out undoes putting it in.
const UNITS: f64 = 1e6;

/// State of one window, of one plan: whoever calls hands in the same plan each time.
#[derive(Debug)]
pub(super) struct Aggregate {
    items: usize,
    distinct: BTreeMap<Vec<String>, usize>,
    sum: i128,
    /// Items per referred rule.
    rules: Vec<usize>,
    chains: Vec<Chain>,
}

impl Aggregate {
    fn new(plan: &Plan) -> Self {
        let chains = match &plan.goal {
            Goal::Chains(chains) => chains.iter().map(|steps| Chain::new(steps)).collect(),
            _ => Vec::new(),
        };
        Self {
            items: 0,
            distinct: BTreeMap::new(),
            sum: 0,
            rules: vec![0; plan.correlation.rules.len()],
            chains,
        }
    }

    /// The state of a window that holds these items, which are in order.
    pub(super) fn of(plan: &Plan, items: &[Item]) -> Self {
        let mut aggregate = Self::new(plan);
        for instant in items.chunk_by(|a, b| a.time == b.time) {
            instant.first().into_iter().for_each(|i| aggregate.add(plan, i.time, instant));
        }
        aggregate
    }

    /// Puts in all items of one instant.
    pub(super) fn add(&mut self, plan: &Plan, time: Timestamp, items: &[Item]) {
        for item in items {
            self.items += 1;
            match &plan.goal {
                Goal::Distinct(_) => *self.distinct.entry(item.values.clone()).or_insert(0) += 1,
                Goal::Sum(_) => self.sum = self.sum.saturating_add(units(item).unwrap_or(0)),
                Goal::Rules(_) => self.count_rules(item, |count| *count += 1),
                _ => {}
            }
        }
        self.chains.iter_mut().for_each(|chain| chain.advance(time, items));
    }

    /// Takes one item out.
    pub(super) fn remove(&mut self, plan: &Plan, item: &Item) {
        self.items = self.items.saturating_sub(1);
        match &plan.goal {
            Goal::Distinct(_) => {
                if let Some(count) = self.distinct.get_mut(&item.values) {
                    *count -= 1;
                    if *count == 0 {
                        self.distinct.remove(&item.values);
                    }
                }
            }
            Goal::Sum(_) => self.sum = self.sum.saturating_sub(units(item).unwrap_or(0)),
            Goal::Rules(_) => self.count_rules(item, |count| *count = count.saturating_sub(1)),
            _ => {}
        }
    }

    fn count_rules(&mut self, item: &Item, change: impl Fn(&mut usize)) {
        for position in &item.rules {
            self.rules.get_mut(*position).into_iter().for_each(&change);
        }
    }

    /// Whether the goal is met by the items in the window, which begins at `start`. Averages and percentiles are
    /// not kept here: see [`complete`].
    pub(super) fn holds(&self, plan: &Plan, start: Timestamp) -> bool {
        match &plan.goal {
            Goal::Events(condition) => holds(condition, self.items as f64),
            Goal::Distinct(condition) => holds(condition, self.distinct.len() as f64),
            Goal::Sum(condition) => holds(condition, self.sum as f64 / UNITS),
            Goal::Rules(goal) => {
                let occurs = |at: usize| self.rules.get(at).is_some_and(|count| *count > 0);
                goal.holds(&occurs, self.rules.iter().filter(|count| **count > 0).count())
            }
            Goal::Chains(_) => self.chains.iter().any(|chain| chain.is_complete_since(start)),
            Goal::Average(_) | Goal::Percentile(..) => false,
        }
    }
}

/// Whether the goal is met by a complete window.
pub(super) fn complete(plan: &Plan, items: &[Item]) -> bool {
    let numbers = || items.iter().filter_map(units);
    match &plan.goal {
        Goal::Average(condition) => {
            let (sum, count) = numbers().fold((0i128, 0u32), |(s, n), v| (s.saturating_add(v), n + 1));
            count > 0 && holds(condition, sum as f64 / UNITS / f64::from(count))
        }
        Goal::Percentile(percentile, condition) => {
            let mut sorted: Vec<i128> = numbers().collect();
            sorted.sort_unstable();
            let rank = (percentile / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
            sorted.get(rank - 1).is_some_and(|value| holds(condition, *value as f64 / UNITS))
        }
        _ => items.first().is_some_and(|first| Aggregate::of(plan, items).holds(plan, first.time)),
    }
}

/// The number of an item in units, `None` when its value is not one.
pub(super) fn units(item: &Item) -> Option<i128> {
    let text = item.values.first()?.trim();
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = match hexadecimal {
        Some(digits) => u64::from_str_radix(digits, 16).ok()? as f64,
        None => text.parse::<f64>().ok().filter(|n| n.is_finite())?,
    };
    if let (None, Ok(whole)) = (hexadecimal, text.parse::<i64>()) {
        return Some(i128::from(whole) * 1_000_000);
    }
    Some((number * UNITS).round() as i128)
}

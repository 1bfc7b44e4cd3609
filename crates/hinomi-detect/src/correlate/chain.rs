//! Rules in a given order, for `temporal_ordered`.

use hinomi_model::Timestamp;

use super::item::Item;

/// Follows one list of rules through time.
///
/// # Invariants
/// `latest[n]` is the latest time at which a chain of different items could start that has met the first
/// `n` + 1 steps by now, times not decreasing.
#[derive(Debug)]
pub(super) struct Chain {
    steps: Vec<usize>,
    latest: Vec<Option<Timestamp>>,
}

impl Chain {
    pub(super) fn new(steps: &[usize]) -> Self {
        Self { steps: steps.to_vec(), latest: vec![None; steps.len()] }
    }

    /// Takes in all items of one instant. Several steps may be met within the instant, by different items.
    pub(super) fn advance(&mut self, time: Timestamp, items: &[Item]) {
        let items = &self.useful(items);
        let before = self.latest.clone();
        // From every state before the instant (0: nothing met yet), as far as the instant's items carry.
        for met in 0..self.steps.len() {
            let start = match met.checked_sub(1) {
                None => Some(time),
                Some(last) => before.get(last).copied().flatten(),
            };
            let Some(start) = start else { continue };
            let mut assignment = Assignment { items, taken: vec![None; items.len()] };
            for (slot, step) in self.latest.iter_mut().zip(&self.steps).skip(met) {
                if !assignment.place(*step) {
                    break;
                }
                *slot = (*slot).max(Some(start));
            }
        }
    }

    /// Rules of the items that matter: of those that meet a step, as many as there are steps.
    fn useful<'i>(&self, items: &'i [Item]) -> Vec<&'i [usize]> {
        let mut kept = vec![0; self.steps.len()];
        let mut useful = Vec::new();
        for item in items {
            let mut wanted = false;
            for (count, step) in kept.iter_mut().zip(&self.steps) {
                if *count < self.steps.len() && item.rules.contains(step) {
                    *count += 1;
                    wanted = true;
                }
            }
            if wanted {
                useful.push(item.rules.as_slice());
            }
        }
        useful
    }

    /// Whether a chain is complete that started at `start` or later.
    pub(super) fn is_complete_since(&self, start: Timestamp) -> bool {
        self.latest.last().is_some_and(|latest| latest.is_some_and(|time| time >= start))
    }
}

/// Steps assigned to different items of one instant.
struct Assignment<'a> {
    items: &'a [&'a [usize]],
    taken: Vec<Option<usize>>,
}

impl Assignment<'_> {
    /// Finds an item for one more step, moving earlier steps to other items if need be (augmenting paths).
    fn place(&mut self, step: usize) -> bool {
        let mut tried = vec![false; self.items.len()];
        self.find(step, &mut tried)
    }

    fn find(&mut self, step: usize, tried: &mut [bool]) -> bool {
        for (at, item) in self.items.iter().enumerate() {
            let open = tried.get(at) == Some(&false) && item.contains(&step);
            if !open {
                continue;
            }
            if let Some(tried) = tried.get_mut(at) {
                *tried = true;
            }
            let holder = self.taken.get(at).copied().flatten();
            if holder.is_none_or(|other| self.find(other, tried)) {
                if let Some(slot) = self.taken.get_mut(at) {
                    *slot = Some(step);
                }
                return true;
            }
        }
        false
    }
}

//! Matches that correlations may still need, by handle.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Event;
use super::packed::Packed;
use crate::correlate::{Matches, Seen};
use crate::saved;
use crate::sigma::Meta;

/// Matches beyond which unused ones are looked for.
const FIRST_SWEEP: usize = 4096;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Arena {
    /// Rules that were ever kept here: id and `name`.
    rules: Vec<(String, Option<String>)>,
    #[serde(with = "saved::pairs")]
    events: BTreeMap<u64, Packed>,
    #[serde(with = "saved::pairs")]
    matches: BTreeMap<usize, Match>,
    next: usize,
    /// Matches left by the last sweep.
    swept: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Match {
    rule: usize,
    /// Number of the event.
    number: u64,
}

impl Arena {
    pub(super) fn len(&self) -> usize {
        self.matches.len()
    }

    /// Keeps an event; returns a handle for each rule that matched it.
    pub(super) fn add<'m>(
        &mut self,
        event: &Event,
        number: u64,
        metas: impl Iterator<Item = &'m Meta>,
    ) -> Vec<usize> {
        self.events.insert(number, Packed::new(event));
        let mut handles = Vec::new();
        for meta in metas {
            let named = |(id, name): &(String, Option<String>)| *id == meta.id && *name == meta.name;
            let rule = self.rules.iter().position(named).unwrap_or_else(|| {
                self.rules.push((meta.id.clone(), meta.name.clone()));
                self.rules.len() - 1
            });
            self.matches.insert(self.next, Match { rule, number });
            handles.push(self.next);
            self.next += 1;
        }
        handles
    }

    /// Forgets matches nobody has a use for; `all`: they are all of their event.
    pub(super) fn discard(&mut self, number: u64, unused: &[usize], all: bool) {
        for handle in unused {
            self.matches.remove(handle);
        }
        if all {
            self.events.remove(&number);
        }
    }

    pub(super) fn event(&self, handle: usize) -> Option<Event> {
        self.events.get(&self.matches.get(&handle)?.number).map(Packed::unpacked)
    }

    pub(super) fn wants_sweep(&self) -> bool {
        self.matches.len() > 2 * self.swept + FIRST_SWEEP
    }

    /// Forgets all but what is needed.
    pub(super) fn sweep(&mut self, needed: impl Iterator<Item = usize>) {
        let needed: BTreeSet<usize> = needed.collect();
        self.matches.retain(|handle, _| needed.contains(handle));
        let events: BTreeSet<u64> = self.matches.values().map(|m| m.number).collect();
        self.events.retain(|number, _| events.contains(number));
        self.swept = self.matches.len();
    }
}

impl Matches for Arena {
    type Event = Packed;

    fn at(&self, handle: usize) -> Option<Seen<'_, Packed>> {
        let found = self.matches.get(&handle)?;
        let (rule, name) = self.rules.get(found.rule)?;
        let event = self.events.get(&found.number)?;
        Some(Seen { rule, name: name.as_deref(), event, number: found.number })
    }
}

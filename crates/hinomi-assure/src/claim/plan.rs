//! A condition put to many rows: parts that depend on an entry of a list only are found out once for each entry.

use std::collections::BTreeSet;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::condition::all;
use super::{Condition, Row};
use crate::Truth;

/// A condition and what is known of its parts.
pub(crate) struct Plan<'c> {
    parts: Vec<Part<'c>>,
}

/// Entries that a part depends on, as [`Row::behind`] tells them apart.
type Behind = [usize; 2];

struct Part<'c> {
    condition: &'c Condition,
    /// Prefixes of all its attributes; `None` where one has no prefix, or there are too many.
    prefixes: Option<Vec<&'c str>>,
    known: HashMap<Behind, Truth, RandomState>,
}

impl<'c> Plan<'c> {
    /// For a condition that is a list of parts, each by itself.
    pub(crate) fn of(condition: &'c Condition) -> Self {
        let parts = match condition {
            Condition::All(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        Self { parts: parts.iter().map(Part::of).collect() }
    }

    /// Whether it holds for a row, as [`Condition::holds`] says.
    pub(crate) fn holds(&mut self, row: &dyn Row) -> Truth {
        all(self.parts.iter_mut().map(|part| part.holds(row)))
    }
}

impl<'c> Part<'c> {
    fn of(condition: &'c Condition) -> Self {
        let prefix = |name: &'c str| name.split_once('.').map(|(prefix, _)| prefix);
        let prefixes: Option<BTreeSet<&str>> = condition.attributes().into_iter().map(prefix).collect();
        let prefixes = prefixes.map(|p| p.into_iter().collect::<Vec<_>>());
        let prefixes = prefixes.filter(|p| p.len() <= Behind::default().len());
        Self { condition, prefixes, known: HashMap::default() }
    }

    fn holds(&mut self, row: &dyn Row) -> Truth {
        let Some(behind) = self.behind(row) else { return self.condition.holds(row) };
        *self.known.entry(behind).or_insert_with(|| self.condition.holds(row))
    }

    fn behind(&self, row: &dyn Row) -> Option<Behind> {
        let mut behind = Behind::default();
        for (prefix, of) in self.prefixes.as_ref()?.iter().zip(&mut behind) {
            *of = row.behind(prefix)?;
        }
        Some(behind)
    }
}

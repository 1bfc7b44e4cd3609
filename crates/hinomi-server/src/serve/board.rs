//! Figures of what runs beside the receivers, shown with theirs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Makes whole lines in the text format of Prometheus, at once.
pub type Exposition = Box<dyn Fn() -> String + Send + Sync>;

/// Where whatever runs beside the receivers puts its figures.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<BTreeMap<&'static str, Exposition>>>);

impl Board {
    /// Replaces the figures of one part: whole lines in the text format of Prometheus.
    pub fn put(&self, part: &'static str, lines: String) {
        self.show(part, Box::new(move || lines.clone()));
    }

    /// Replaces the figures of one part by what `lines` makes whenever somebody asks.
    pub fn show(&self, part: &'static str, lines: Exposition) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(part, lines);
    }

    /// All of them.
    pub(super) fn all(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().map(|lines| lines()).collect()
    }
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

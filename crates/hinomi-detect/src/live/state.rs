//! Saved state: everything that detection knows between two leaves.
//!
//! State is saved rather than made again from the leaves of the longest window: a brute force that has gone on for a week
//! is one open occurrence, however short its window, and only its beginning says so.

use serde::{Deserialize, Serialize};

use super::arena::Arena;
use super::backlog::{Backlog, Waiting};
use super::recent::Recent;
use super::{Bounds, Live, Tally, fingerprints, limits, wanted};
use crate::Engine;
use crate::correlate::{Correlator, SavedLanes};
use crate::saved;
use hinomi_model::Timestamp;

/// Version of the saved form.
pub const STATE_VERSION: u32 = 2;

/// State that cannot be taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoadError {
    /// Another version wrote it.
    #[error("the state has version {found}, not {STATE_VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It belongs to other rules.
    #[error("the state is that of other rules")]
    OtherRules,
}

/// The saved form of [`Live`].
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedState {
    version: u32,
    lateness_ns: i64,
    #[serde(with = "saved::maybe_time")]
    received: Option<Timestamp>,
    correlator: SavedLanes,
    backlog: SavedLanes,
    waiting: Option<Waiting>,
    arena: Arena,
    recent: Recent,
    tally: Tally,
    names: Vec<String>,
}

/// [`SavedState`] that borrows.
#[derive(Serialize)]
struct StateView<'a, M: Serialize, B: Serialize> {
    version: u32,
    lateness_ns: i64,
    #[serde(with = "saved::maybe_time")]
    received: Option<Timestamp>,
    correlator: M,
    backlog: B,
    waiting: Option<Waiting>,
    arena: &'a Arena,
    recent: Recent,
    tally: Tally,
    names: &'a [String],
}

impl Live {
    /// The state, to be written down.
    pub fn saved(&self) -> impl Serialize {
        StateView {
            version: STATE_VERSION,
            lateness_ns: self.lateness_ns,
            received: self.received,
            correlator: self.correlator.saved(&self.names),
            backlog: self.backlog.correlator.saved(&self.names),
            waiting: self.backlog.waiting,
            arena: &self.arena,
            recent: self.recent.clone(),
            tally: self.tally,
            names: &self.names,
        }
    }

    /// Takes state over.
    ///
    /// # Errors
    /// [`LoadError`] when it is not the state of these rules.
    pub fn load(saved: SavedState, engine: &Engine, bounds: Bounds) -> Result<Self, LoadError> {
        if saved.version != STATE_VERSION {
            return Err(LoadError::Version { found: saved.version });
        }
        let names = fingerprints(engine);
        if names != saved.names {
            return Err(LoadError::OtherRules);
        }
        let restored = |lanes: SavedLanes| {
            let mut correlator = Correlator::new(engine.correlations(), limits(&bounds));
            correlator.restore(lanes, &names);
            correlator
        };
        let mut backlog = Backlog::new(restored(saved.backlog));
        backlog.waiting = saved.waiting;
        Ok(Self {
            lateness_ns: saved.lateness_ns,
            bounds,
            received: saved.received,
            correlator: restored(saved.correlator),
            backlog,
            arena: saved.arena,
            recent: saved.recent,
            tally: saved.tally,
            names,
            wanted: wanted(engine),
        })
    }
}

//! Incidents of a data directory at work: live detections, joined.
//!
//! A detection stands alone in the decision ledger; the story joins them. It is told again when there are new ones, beside
//! the answers, from the detections themselves and from what their events say beyond: of those only the blocks that
//! detections cite are read again.
//!
//! # Invariants
//! - The newest [`MOST`] detections are told, and that older ones are left out is said.
//! - An incident is called by the detection of it that was decided first, so its id stays while it grows. Where two become
//!   one, each id of a detection still leads to it.
//! - One pass reads [`linked::MOST_LEAVES`] blocks at most; what is left is read by the next, and the story told meanwhile.
//! - What people did about an incident is found by every id that the incident has or had; see [`crate::casework`].
//! - Names are as logs have them in here, and masked where they leave (`mask`).
//!
//! # Not here
//! What logs are missing: the ledger's own completeness says so.

mod followed;
mod known;
mod linked;
mod mask;
mod shown;
mod told;
mod worked;

pub(super) use shown::known as techniques_known;
pub(super) use shown::{
    Detections, Fact, Incident, IncidentRow, Incidents, Kinds, Scene, found, kinds, rows,
};
pub(super) use told::Story;
pub(super) use worked::{Brief, ClockRow, DecisionRow, Details, NoteRow, briefs, details, ids_of, name};

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use self::known::Detected;
use self::linked::Links;
use super::Refused;
use super::rulebook::Rules;
use crate::live::in_force;

/// Detections that are told, the newest.
const MOST: usize = 50_000;

/// Keeps the story.
#[derive(Debug)]
pub(super) struct Teller {
    data: PathBuf,
    story: Mutex<Option<Arc<Story>>>,
    work: Mutex<Work>,
    /// How often it was told.
    times: AtomicU64,
}

/// What goes from one telling to the next.
#[derive(Debug, Default)]
struct Work {
    detected: Detected,
    links: Links,
    rules: Option<Arc<Rules>>,
}

impl Teller {
    pub(super) fn new(data: PathBuf) -> Self {
        Self { data, story: Mutex::default(), work: Mutex::default(), times: AtomicU64::new(0) }
    }

    /// How often it was told: another number, another story.
    pub(super) fn told(&self) -> u64 {
        self.times.load(Ordering::Relaxed)
    }

    /// The story as it was told last.
    pub(super) fn story(&self) -> Result<Arc<Story>, Refused> {
        let story = self.story.lock().unwrap_or_else(PoisonError::into_inner).clone();
        story.ok_or_else(|| Refused::Failed("detections are still being read".to_owned()))
    }

    /// Tells it again if there is something new. True when more is to be read than this pass did.
    pub(super) fn tell(&self) -> Result<bool, Refused> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let came = work.detected.read_on(&self.data)?;
        let told = self.story.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if came.activated || work.rules.is_none() {
            work.rules = rules(&self.data)?;
        }
        let Work { detected, links, rules } = &mut *work;
        let rules = rules.clone().unwrap_or_default();
        let read = links.read_on(&self.data, detected, &rules)?;
        if came.any || came.activated || read || !told {
            let story = Arc::new(told::tell(detected, links, rules)?);
            *self.story.lock().unwrap_or_else(PoisonError::into_inner) = Some(story);
            self.times.fetch_add(1, Ordering::Relaxed);
        }
        Ok(links.is_behind())
    }
}

fn rules(data: &Path) -> Result<Option<Arc<Rules>>, Refused> {
    let failed = |error: &dyn std::fmt::Display| Refused::Failed(error.to_string());
    let Some(pack) = in_force(data).map_err(|error| failed(&error))? else { return Ok(None) };
    Rules::of(&pack).map(|rules| Some(Arc::new(rules))).map_err(|error| failed(&error))
}

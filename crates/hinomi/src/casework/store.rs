//! What is kept below `DIR/cases`: the state and the steps since it was saved (see [`crate::kept`]), and the steps on their
//! way into the decision ledger.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::CaseworkError;
use super::desk::Desk;
use super::step::Step;
use crate::kept::{self, Files, KeptError, fault};
use crate::live::{CASES, noted};
use crate::outbox::{Numbered, Outbox};

const HEADER: &str = "hinomi cases 1 ";
/// Steps are joined into the state when the file has so many bytes.
const MOST_STEPS: u64 = 4 << 20;
/// Steps that wait for the decision ledger: none is dropped, since people make them, and there is a bound on what they keep.
const MOST_WAITING: usize = usize::MAX;

/// What is saved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    desk: Desk,
    /// Steps that are not in the decision ledger, as far as is known.
    unrecorded: VecDeque<Step>,
}

impl Numbered for Step {
    fn number(&self) -> u64 {
        self.number
    }
}

/// The files, open for writing.
#[derive(Debug)]
pub(super) struct Store {
    files: Files,
    outbox: Arc<Outbox<Step>>,
}

/// What a start finds.
pub(super) struct Found {
    pub(super) store: Store,
    pub(super) desk: Desk,
    /// What was lost, if something was.
    pub(super) loss: Option<String>,
}

/// Opens the folder in a data directory, and makes whole what is there: the state, the steps behind it, and those that only
/// the decision ledger has. What is damaged is put aside.
pub(super) fn open(data: &Path) -> Result<Found, CaseworkError> {
    let folder = super::folder(data);
    kept::make_folder(&folder)?;
    let (saved, mut loss) = match read(&folder) {
        Ok(saved) => (saved, None),
        Err(KeptError::Damaged { path, what }) => {
            let aside = path.with_extension("damaged");
            std::fs::rename(&path, &aside).map_err(fault(&path))?;
            // Steps behind a state that is gone say nothing by themselves; the decision ledger has them.
            kept::replace(&folder, "steps", b"")?;
            (None, Some(format!("{}: {what}; it is kept as {}", path.display(), aside.display())))
        }
        Err(error) => return Err(error.into()),
    };
    let Saved { mut desk, unrecorded } = saved.unwrap_or_default();
    for bytes in noted(data, CASES, desk.next_step())? {
        match serde_json::from_slice::<Step>(&bytes) {
            Ok(step) if step.number >= desk.next_step() => desk.apply(&step),
            Ok(_) => {}
            Err(_) => {
                let what = "the decision ledger has a step that this program does not know";
                loss = loss.or(Some(what.to_owned()));
            }
        }
    }
    let outbox = Arc::new(Outbox::new(CASES, MOST_WAITING, unrecorded));
    let mut store = Store { files: Files::open(&folder, HEADER)?, outbox };
    store.save(&desk)?;
    Ok(Found { store, desk, loss })
}

impl Store {
    /// Keeps steps; they are on disk when it returns, and on their way into the decision ledger.
    pub(super) fn keep(&mut self, before: &Desk, steps: &[Step]) -> Result<(), KeptError> {
        if self.files.length() >= MOST_STEPS {
            self.save(before)?;
        }
        self.files.keep(&steps)?;
        self.outbox.add(steps.iter().cloned());
        Ok(())
    }

    pub(super) fn outbox(&self) -> Arc<Outbox<Step>> {
        self.outbox.clone()
    }

    /// Replaces the state and forgets the steps.
    fn save(&mut self, desk: &Desk) -> Result<(), KeptError> {
        self.files.save(&Saved { desk: desk.clone(), unrecorded: self.outbox.waiting() })
    }
}

/// State and steps of a folder; `None` when there is no state.
fn read(folder: &Path) -> Result<Option<Saved>, KeptError> {
    let Some(mut saved) = kept::state::<Saved>(folder, HEADER)? else { return Ok(None) };
    for step in kept::groups::<Vec<Step>>(folder).into_iter().flatten() {
        // The state knows it: the crash came between saving and forgetting.
        if step.number >= saved.desk.next_step() {
            saved.desk.apply(&step);
            saved.unrecorded.push_back(step);
        }
    }
    Ok(Some(saved))
}

//! What is kept below `DIR/alerts`: the state, the steps since it was saved, and what this installation is called.
//!
//! | file | content |
//! |---|---|
//! | `state`, `steps` | see [`crate::kept`] |
//! | `zone` | name of the zone in which alerts are told |
//! | `identity` | beginning of the ids of messages, and what pseudonyms are made with; random, made once |

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use hinomi_alert::{Cursors, Desk, Step};
use hinomi_model::{Digest, Entropy};
use serde::{Deserialize, Serialize};

use super::{AlertsError, folder};
use crate::kept::{self, Files, KeptError, fault};
use crate::live::{ALERTS, noted};

const HEADER: &str = "hinomi alerts 1 ";
/// Steps are joined into the state when the file has so many bytes.
const MOST_STEPS: u64 = 8 << 20;
/// How often a state that changes is read again.
const TRIES: u32 = 10;

/// What is saved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) desk: Desk,
    pub(super) cursors: Cursors,
    /// Steps that are not in the decision ledger, as far as is known.
    pub(super) unrecorded: VecDeque<Step>,
}

/// A group of steps.
#[derive(Serialize, Deserialize)]
struct Group {
    cursors: Cursors,
    steps: Vec<Step>,
}

/// What this installation is called.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) instance: String,
    pub(super) secret: String,
}

/// The files, open for writing.
#[derive(Debug)]
pub(super) struct Store(Files);

/// What a start finds.
pub(super) struct Found {
    pub(super) store: Store,
    pub(super) saved: Saved,
    /// Nothing was saved before.
    pub(super) first: bool,
    /// What was lost or cannot be saved, if something was.
    pub(super) loss: Option<String>,
}

impl Store {
    /// Opens the folder in a data directory, and makes whole what is there: the state, the steps behind it, and those that
    /// only the decision ledger has.
    pub(super) fn open(data: &Path) -> Result<Found, AlertsError> {
        let folder = folder(data);
        kept::make_folder(&folder)?;
        let (saved, mut loss) = match read(&folder) {
            Ok(saved) => (saved, None),
            Err(KeptError::Damaged { path, what }) => {
                let aside = path.with_extension("damaged");
                std::fs::rename(&path, &aside).map_err(fault(&path))?;
                (None, Some(format!("{}: {what}; it is kept as {}", path.display(), aside.display())))
            }
            Err(error) => return Err(error.into()),
        };
        let first = saved.is_none();
        let mut saved = saved.unwrap_or_else(|| Saved { desk: Desk::new(), ..Saved::default() });
        saved.desk = saved.desk.restored();
        // Receiving must begin whatever the other ledger is like.
        match noted(data, ALERTS, saved.desk.next_step()) {
            Ok(steps) => catch_up(&mut saved.desk, &steps),
            Err(error) => loss = loss.or(Some(format!("the decision ledger cannot be read: {error}"))),
        }
        let mut store = Self(Files::open(&folder, HEADER)?);
        if let Err(error) = store.save(&saved) {
            loss = loss.or(Some(error.to_string()));
        }
        Ok(Found { store, saved, first, loss })
    }

    /// Keeps steps; they are on disk when it returns.
    pub(super) fn keep(&mut self, cursors: Cursors, steps: Vec<Step>) -> Result<(), AlertsError> {
        Ok(self.0.keep(&Group { cursors, steps })?)
    }

    /// Whether the steps should be joined into the state.
    pub(super) fn is_long(&self) -> bool {
        self.0.length() >= MOST_STEPS
    }

    /// Replaces the state and forgets the steps.
    pub(super) fn save(&mut self, saved: &Saved) -> Result<(), AlertsError> {
        Ok(self.0.save(saved)?)
    }
}

/// What pseudonyms are made with, in alerts and on pages.
pub(crate) fn pseudonym_secret(data: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], AlertsError> {
    let folder = folder(data);
    kept::make_folder(&folder)?;
    Ok(*Digest::of(identity(data, entropy)?.secret.as_bytes()).as_bytes())
}

/// What is called what here.
pub(super) fn identity(data: &Path, entropy: &dyn Entropy) -> Result<Identity, AlertsError> {
    let path = folder(data).join("identity");
    let damaged = || KeptError::Damaged { path: path.clone(), what: "it is damaged" };
    match std::fs::read(&path) {
        Ok(bytes) => return Ok(serde_json::from_slice(&bytes).map_err(|_| damaged())?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fault(&path)(error).into()),
    }
    let mut drawn = [0; 40];
    entropy.fill(&mut drawn).map_err(fault(&path))?;
    let digits: String = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
    let (instance, secret) = digits.split_at(16);
    let identity = Identity { instance: instance.to_owned(), secret: secret.to_owned() };
    kept::replace(&folder(data), "identity", &serde_json::to_vec(&identity).unwrap_or_default())?;
    Ok(identity)
}

/// The zone in which alerts are told, for [`zone`].
pub(super) fn save_zone(data: &Path, name: &str) -> Result<(), AlertsError> {
    Ok(kept::replace(&folder(data), "zone", format!("{name}\n").as_bytes())?)
}

/// The zone in which the server tells alerts, if it said so and anybody knows it.
pub fn zone(data: &Path) -> Option<jiff::tz::TimeZone> {
    let name = std::fs::read_to_string(folder(data).join("zone")).ok()?;
    jiff::tz::TimeZone::get(name.trim()).ok()
}

/// Steps that the ledger has and the files have not.
fn catch_up(desk: &mut Desk, steps: &[Vec<u8>]) {
    for step in steps.iter().filter_map(|bytes| serde_json::from_slice::<Step>(bytes).ok()) {
        desk.apply(&step);
    }
}

/// State and steps of a folder; `None` when there is no state.
fn read(folder: &Path) -> Result<Option<Saved>, KeptError> {
    let Some(mut saved) = kept::state::<Saved>(folder, HEADER)? else { return Ok(None) };
    saved.desk = saved.desk.restored();
    for group in kept::groups::<Group>(folder) {
        for step in group.steps {
            // The state knows it: the crash came between saving and forgetting.
            if step.number >= saved.desk.next_step() {
                saved.desk.apply(&step);
                saved.unrecorded.push_back(step);
            }
        }
        saved.cursors.decisions = saved.cursors.decisions.max(group.cursors.decisions);
        saved.cursors.evidence = saved.cursors.evidence.max(group.cursors.evidence);
    }
    Ok(Some(saved))
}

/// All alerts, as others may see them while a server works.
#[derive(Clone, Debug)]
pub struct View {
    /// The alerts and messages on their way.
    pub desk: Desk,
}

/// Reads the alerts of a data directory; `None` when there were never any.
///
/// # Errors
/// [`AlertsError`] when what is kept cannot be read.
pub fn view(data: &Path) -> Result<Option<View>, AlertsError> {
    let folder = folder(data);
    // A server may join the steps into the state in between.
    let stamp =
        || std::fs::metadata(folder.join("state")).map(|found| (found.ino(), found.mtime_nsec())).ok();
    let mut before = stamp();
    for _ in 0..TRIES {
        let found = read(&folder)?;
        let after = stamp();
        if before == after {
            return Ok(found.map(|saved| View { desk: saved.desk }));
        }
        before = after;
    }
    Err(KeptError::Damaged { path: folder, what: "it changes all the time" }.into())
}

#[cfg(test)]
mod tests {
    use hinomi_alert::{Fact, Moment};

    use super::*;

    fn step(number: u64) -> Step {
        let fact = Fact::OnShift { rota: "ops".to_owned(), people: vec![number.to_string()] };
        Step { number, at: Moment::from_millis(1), fact }
    }

    #[test]
    fn what_was_kept_is_there_wherever_a_crash_cuts() {
        let folder = tempfile::tempdir().unwrap();
        let Found { mut store, mut saved, first, loss } = Store::open(folder.path()).unwrap();
        assert!(first && loss.is_none());
        for number in 0..20 {
            saved.desk.apply(&step(number));
            let cursors = Cursors { decisions: number, evidence: 0 };
            store.keep(cursors, vec![step(number)]).unwrap();
        }
        drop(store);
        let path = folder.path().join("alerts/steps");
        let whole = std::fs::read(&path).unwrap();
        let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count() as u64 - 1;
        for cut in (0..=whole.len()).rev().step_by(7) {
            std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut as u64).unwrap();
            let view = view(folder.path()).unwrap().unwrap();
            assert_eq!(view.desk.next_step(), lines(&whole[..cut]), "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_state_is_put_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let path = folder.path().join("alerts/state");
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        kept::replace(&folder.path().join("alerts"), "state", &bytes).unwrap();
        let found = Store::open(folder.path()).unwrap();
        assert!(found.loss.unwrap().contains("damaged") && found.first);
        assert!(folder.path().join("alerts/state.damaged").is_file());
    }
}

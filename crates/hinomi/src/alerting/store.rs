//! What is kept below `DIR/alerts`: the state, the steps since it was saved, and what this installation is called.
//!
//! | file | content |
//! |---|---|
//! | `state` | a line with version and SHA-256, then the state as JSON |
//! | `steps` | a line for each group of steps: the first 16 digits of the SHA-256 of what follows, and JSON |
//! | `zone` | name of the zone in which alerts are told |
//! | `identity` | beginning of the ids of messages, and what pseudonyms are made with; random, made once |

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hinomi_alert::{Cursors, Desk, Step};
use hinomi_model::{Digest, Entropy};
use serde::{Deserialize, Serialize};

use super::{AlertsError, folder};
use crate::live::{ALERTS, noted};

const HEADER: &str = "hinomi alerts 1 ";
/// Steps are joined into the state when the file has so many bytes.
const MOST_STEPS: u64 = 8 << 20;
/// How often a state that changes is read again.
const TRIES: u32 = 10;
/// Digits of a digest before a line of steps.
const DIGITS: usize = 16;

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
pub(super) struct Store {
    folder: PathBuf,
    steps: File,
    length: u64,
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> AlertsError {
    move |source| AlertsError::File { path: path.to_owned(), source }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

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
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(fault(&folder))?;
        let (saved, mut loss) = match read(&folder) {
            Ok(saved) => (saved, None),
            Err(AlertsError::Damaged { path, what }) => {
                let aside = path.with_extension("damaged");
                std::fs::rename(&path, &aside).map_err(fault(&path))?;
                (None, Some(format!("{}: {what}; it is kept as {}", path.display(), aside.display())))
            }
            Err(error) => return Err(error),
        };
        let first = saved.is_none();
        let mut saved = saved.unwrap_or_else(|| Saved { desk: Desk::new(), ..Saved::default() });
        saved.desk = saved.desk.restored();
        // Receiving must begin whatever the other ledger is like.
        match noted(data, ALERTS, saved.desk.next_step()) {
            Ok(steps) => catch_up(&mut saved.desk, &steps),
            Err(error) => loss = loss.or(Some(format!("the decision ledger cannot be read: {error}"))),
        }
        let path = folder.join("steps");
        let steps = private().create(true).append(true).open(&path).map_err(fault(&path))?;
        let mut store = Self { folder, steps, length: 0 };
        if let Err(error) = store.save(&saved) {
            loss = loss.or(Some(error.to_string()));
        }
        Ok(Found { store, saved, first, loss })
    }

    /// Keeps steps; they are on disk when it returns.
    pub(super) fn keep(&mut self, cursors: Cursors, steps: Vec<Step>) -> Result<(), AlertsError> {
        let path = self.folder.join("steps");
        let body = serde_json::to_string(&Group { cursors, steps }).unwrap_or_default();
        let line = format!("{} {body}\n", short_digest(body.as_bytes()));
        self.steps.write_all(line.as_bytes()).and_then(|()| self.steps.sync_data()).map_err(fault(&path))?;
        self.length += line.len() as u64;
        Ok(())
    }

    /// Whether the steps should be joined into the state.
    pub(super) fn is_long(&self) -> bool {
        self.length >= MOST_STEPS
    }

    /// Replaces the state and forgets the steps. A crash leaves the old state with all steps, or the new one, which knows
    /// the steps that it holds.
    pub(super) fn save(&mut self, saved: &Saved) -> Result<(), AlertsError> {
        let path = self.folder.join("state");
        let body = serde_json::to_vec(saved).unwrap_or_default();
        let next = path.with_extension("new");
        let mut file = private().write(true).create(true).truncate(true).open(&next).map_err(fault(&next))?;
        file.write_all(format!("{HEADER}{}\n", Digest::of(&body)).as_bytes()).map_err(fault(&next))?;
        file.write_all(&body).and_then(|()| file.sync_all()).map_err(fault(&next))?;
        std::fs::rename(&next, &path).map_err(fault(&path))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(fault(&self.folder))?;
        self.steps.set_len(0).map_err(fault(&self.folder))?;
        self.length = 0;
        Ok(())
    }
}

/// What pseudonyms are made with, in alerts and on pages.
pub(crate) fn pseudonym_secret(data: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], AlertsError> {
    let folder = folder(data);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(fault(&folder))?;
    Ok(*Digest::of(identity(data, entropy)?.secret.as_bytes()).as_bytes())
}

/// What is called what here.
pub(super) fn identity(data: &Path, entropy: &dyn Entropy) -> Result<Identity, AlertsError> {
    let path = folder(data).join("identity");
    let damaged = || AlertsError::Damaged { path: path.clone(), what: "it is damaged" };
    match std::fs::read(&path) {
        Ok(bytes) => return serde_json::from_slice(&bytes).map_err(|_| damaged()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fault(&path)(error)),
    }
    let mut drawn = [0; 40];
    entropy.fill(&mut drawn).map_err(fault(&path))?;
    let digits: String = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
    let (instance, secret) = digits.split_at(16);
    let identity = Identity { instance: instance.to_owned(), secret: secret.to_owned() };
    let next = path.with_extension("new");
    let body = serde_json::to_vec(&identity).unwrap_or_default();
    let mut file = private().write(true).create(true).truncate(true).open(&next).map_err(fault(&next))?;
    file.write_all(&body).and_then(|()| file.sync_all()).map_err(fault(&next))?;
    std::fs::rename(&next, &path).map_err(fault(&path))?;
    Ok(identity)
}

/// The zone in which alerts are told, for [`zone`].
pub(super) fn save_zone(data: &Path, name: &str) -> Result<(), AlertsError> {
    let path = folder(data).join("zone");
    let next = path.with_extension("new");
    let mut file = private().write(true).create(true).truncate(true).open(&next).map_err(fault(&next))?;
    file.write_all(format!("{name}\n").as_bytes()).map_err(fault(&next))?;
    std::fs::rename(&next, &path).map_err(fault(&path))
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

fn short_digest(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    digest.get(..DIGITS).unwrap_or_default().to_owned()
}

/// State and steps of a folder; `None` when there is no state.
fn read(folder: &Path) -> Result<Option<Saved>, AlertsError> {
    let path = folder.join("state");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(&path)(error)),
    };
    let damaged = |what| AlertsError::Damaged { path: path.clone(), what };
    let rest = bytes.strip_prefix(HEADER.as_bytes()).ok_or_else(|| damaged("it is of another version"))?;
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("it is cut off"))?;
    let (digest, body) = (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default());
    if digest != Digest::of(body).to_string().as_bytes() {
        return Err(damaged("it is damaged"));
    }
    let mut saved: Saved = serde_json::from_slice(body).map_err(|_| damaged("it is of another form"))?;
    saved.desk = saved.desk.restored();
    follow_steps(&mut saved, &std::fs::read(folder.join("steps")).unwrap_or_default());
    Ok(Some(saved))
}

/// Takes over what was kept behind the state, up to where a crash cut it off.
fn follow_steps(saved: &mut Saved, bytes: &[u8]) {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(body) = line.strip_suffix(b"\n").and_then(|line| line.get(DIGITS + 1..)) else { return };
        if line.get(..DIGITS) != Some(short_digest(body).as_bytes()) {
            return;
        }
        let Ok(group) = serde_json::from_slice::<Group>(body) else { return };
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
    Err(AlertsError::Damaged { path: folder, what: "it changes all the time" })
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
        drop(std::fs::remove_file(&path));
        let mut file = private().write(true).create(true).truncate(true).open(&path).unwrap();
        file.write_all(&bytes).unwrap();
        let found = Store::open(folder.path()).unwrap();
        assert!(found.loss.unwrap().contains("damaged") && found.first);
        assert!(folder.path().join("alerts/state.damaged").is_file());
    }
}

//! What is kept below `DIR/access`: the state, the steps since it was saved, and the key of this installation.
//!
//! | file | content |
//! |---|---|
//! | `state` | a line with version and SHA-256, then the state as JSON |
//! | `steps` | a line for each group of steps: the first 16 digits of the SHA-256 of what follows, and JSON |
//! | `key` | 64 hexadecimal digits: challenges and cookies of devices are made with it; random, made once |
//! | `lock` | held by the process that changes accounts |
//!
//! Hashes of passwords and secrets of generators are in `state` and `steps`, which only their owner can read, and not in the
//! decision ledger.

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_access::{Keep, Kept, Key, NotKept, Registry, Step};
use hinomi_model::{Digest, Entropy};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::notes::Outbox;
use super::{AccessError, folder};
use crate::live::{ACCESS, noted};

const HEADER: &str = "hinomi access 1 ";
/// Steps are joined into the state when the file has so many bytes.
const MOST_STEPS: u64 = 4 << 20;
/// Digits of a digest before a line of steps.
const DIGITS: usize = 16;

/// What is saved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    registry: Registry,
    /// Steps that are not in the decision ledger, as far as is known.
    unrecorded: VecDeque<Step>,
}

/// Hears of steps that were kept.
pub(super) type Heard = Box<dyn Fn(&Step) + Send>;

/// The files, open for writing.
pub(super) struct Store {
    folder: PathBuf,
    steps: File,
    length: u64,
    outbox: Arc<Outbox>,
    heard: Heard,
    _lock: File,
}

/// What a start finds.
pub(super) struct Found {
    pub(super) store: Store,
    pub(super) registry: Registry,
    pub(super) key: Key,
    pub(super) outbox: Arc<Outbox>,
    /// Steps that only the decision ledger had.
    pub(super) caught_up: usize,
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> AccessError {
    move |source| AccessError::File { path: path.to_owned(), source }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Opens the folder in a data directory, and makes whole what is there: the state, the steps behind it, and those that only
/// the decision ledger has. What is damaged opens nothing.
pub(super) fn open(data: &Path, entropy: &dyn Entropy, heard: Heard) -> Result<Found, AccessError> {
    let folder = folder(data);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(fault(&folder))?;
    let lock = lock(&folder)?;
    let mut saved = read(&folder)?.unwrap_or_default();
    let mut caught_up = 0;
    for bytes in noted(data, ACCESS, saved.registry.next_step())? {
        let Ok(step) = serde_json::from_slice::<Step>(&bytes) else {
            let what = "the decision ledger has a step that this program does not know";
            return Err(AccessError::Damaged { path: folder, what });
        };
        saved.registry.apply(&Kept { step, material: None });
        caught_up += 1;
    }
    let key = key(&folder, entropy)?;
    let path = folder.join("steps");
    let steps = private().create(true).append(true).open(&path).map_err(fault(&path))?;
    let outbox = Arc::new(Outbox::default());
    outbox.add(saved.unrecorded);
    let mut store = Store { folder, steps, length: 0, outbox: outbox.clone(), heard, _lock: lock };
    store.save(&saved.registry)?;
    Ok(Found { store, registry: saved.registry, key, outbox, caught_up })
}

fn lock(folder: &Path) -> Result<File, AccessError> {
    let path = folder.join("lock");
    let file = private().create(true).append(true).open(&path).map_err(fault(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(AccessError::Busy { path }),
        Err(error) => Err(fault(&path)(error.into())),
    }
}

/// Writes a file whole, or leaves it as it was.
fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), AccessError> {
    let path = folder.join(name);
    let next = path.with_extension("new");
    let mut file = private().write(true).create(true).truncate(true).open(&next).map_err(fault(&next))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fault(&next))?;
    std::fs::rename(&next, &path).map_err(fault(&path))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault(folder))
}

fn key(folder: &Path, entropy: &dyn Entropy) -> Result<Key, AccessError> {
    let path = folder.join("key");
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let digest: Result<Digest, _> = text.trim_end().parse();
            let damaged = AccessError::Damaged { path, what: "it is damaged" };
            Ok(Key::new(*digest.map_err(|_| damaged)?.as_bytes()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes).map_err(fault(&path))?;
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            replace(folder, "key", format!("{text}\n").as_bytes())?;
            Ok(Key::new(bytes))
        }
        Err(error) => Err(fault(&path)(error)),
    }
}

impl Store {
    /// Replaces the state and forgets the steps. A crash leaves the old state with all steps, or the new one, which knows
    /// the steps that it holds.
    fn save(&mut self, registry: &Registry) -> Result<(), AccessError> {
        let saved = Saved { registry: registry.clone(), unrecorded: self.outbox.waiting() };
        let body = serde_json::to_vec(&saved).unwrap_or_default();
        let whole = [format!("{HEADER}{}\n", Digest::of(&body)).as_bytes(), &body].concat();
        replace(&self.folder, "state", &whole)?;
        self.steps.set_len(0).map_err(fault(&self.folder))?;
        self.length = 0;
        Ok(())
    }

    fn write(&mut self, steps: &[Kept]) -> Result<(), AccessError> {
        let body = serde_json::to_string(steps).unwrap_or_default();
        let line = format!("{} {body}\n", short_digest(body.as_bytes()));
        let written = self.steps.write_all(line.as_bytes()).and_then(|()| self.steps.sync_data());
        if let Err(error) = written {
            // Half a line would hide the lines behind it.
            let _ = self.steps.set_len(self.length);
            return Err(fault(&self.folder.join("steps"))(error));
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

impl Keep for Store {
    fn keep(&mut self, registry: &Registry, steps: &[Kept]) -> Result<(), NotKept> {
        let failed = |error: AccessError| NotKept(error.to_string());
        if self.length >= MOST_STEPS {
            self.save(registry).map_err(failed)?;
        }
        self.write(steps).map_err(failed)?;
        self.outbox.add(steps.iter().map(|kept| kept.step.clone()));
        for kept in steps {
            (self.heard)(&kept.step);
        }
        Ok(())
    }
}

fn short_digest(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    digest.get(..DIGITS).unwrap_or_default().to_owned()
}

/// State and steps of a folder; `None` when there is neither.
fn read(folder: &Path) -> Result<Option<Saved>, AccessError> {
    let path = folder.join("state");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(&path)(error)),
    };
    let damaged = |what| AccessError::Damaged { path: path.clone(), what };
    let rest = bytes.strip_prefix(HEADER.as_bytes()).ok_or_else(|| damaged("it is of another version"))?;
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("it is cut off"))?;
    let (digest, body) = (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default());
    if digest != Digest::of(body).to_string().as_bytes() {
        return Err(damaged("it is damaged"));
    }
    let mut saved: Saved = serde_json::from_slice(body).map_err(|_| damaged("it is of another form"))?;
    follow_steps(&mut saved, &std::fs::read(folder.join("steps")).unwrap_or_default());
    Ok(Some(saved))
}

/// How many accounts a data directory knows; `None` when it knows nothing of accounts. Changes nothing.
///
/// # Errors
/// When what is there is damaged or cannot be read.
pub fn known_accounts(data: &Path) -> Result<Option<usize>, AccessError> {
    Ok(read(&super::folder(data))?.map(|saved| saved.registry.accounts().count()))
}

/// Takes over what was kept behind the state, up to where a crash cut it off.
fn follow_steps(saved: &mut Saved, bytes: &[u8]) {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(body) = line.strip_suffix(b"\n").and_then(|line| line.get(DIGITS + 1..)) else { return };
        if line.get(..DIGITS) != Some(short_digest(body).as_bytes()) {
            return;
        }
        let Ok(group) = serde_json::from_slice::<Vec<Kept>>(body) else { return };
        for kept in group {
            if kept.step.number >= saved.registry.next_step() {
                saved.registry.apply(&kept);
                saved.unrecorded.push_back(kept.step);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hinomi_access::{Gate, Moment, Name, Principal, Role, Roles, Site};
    use hinomi_testkit::seeded::SeededEntropy;

    use super::*;

    fn gate(data: &Path) -> Gate {
        let found = open(data, &SeededEntropy::new(1), Box::new(|_| {})).unwrap();
        let site = Site {
            name: "test".to_owned(),
            origin: "http://localhost:1".to_owned(),
            relying_party: "localhost".to_owned(),
        };
        Gate::new(found.registry, site, found.key, [0; 32], Box::new(found.store))
    }

    fn invite(gate: &mut Gate, number: u64) -> String {
        let name: Name = format!("p{number}").parse().unwrap();
        let wanted = (&name, "Somebody", &Roles::from([Role::Viewer]));
        let root = Principal::command_line(None);
        let now = Moment::from_seconds(1_000);
        let link = gate.invite(&root, wanted, now, &SeededEntropy::new(number + 100)).unwrap();
        link.text.reveal().to_owned()
    }

    #[test]
    fn what_was_kept_is_there_wherever_a_crash_cuts() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = gate(folder.path());
        let links: Vec<String> = (0..10).map(|number| invite(&mut one, number)).collect();
        drop(one);
        let path = folder.path().join("access/steps");
        let whole = std::fs::read(&path).unwrap();
        let text = String::from_utf8(whole.clone()).unwrap();
        assert!(links.iter().all(|link| !text.contains(link)), "the text of a link is kept");
        let whole_lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count() - 1;
        let state = std::fs::read(folder.path().join("access/state")).unwrap();
        for cut in (0..=whole.len()).rev().step_by(101) {
            std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut as u64).unwrap();
            assert_eq!(
                gate(folder.path()).registry().accounts().count(),
                whole_lines(&whole[..cut]),
                "cut at {cut}"
            );
            // The start joined steps and state: put both back.
            replace(&folder.path().join("access"), "state", &state).unwrap();
            replace(&folder.path().join("access"), "steps", &whole[..cut]).unwrap();
        }
    }

    #[test]
    fn what_is_damaged_opens_nothing_and_two_never_write() {
        let folder = tempfile::tempdir().unwrap();
        let one = gate(folder.path());
        let again = || open(folder.path(), &SeededEntropy::new(1), Box::new(|_| {})).err().unwrap();
        assert!(matches!(again(), AccessError::Busy { .. }));
        drop(one);
        let path = folder.path().join("access");
        let state = std::fs::read(path.join("state")).unwrap();
        for at in (0..state.len()).step_by(5) {
            let mut bent = state.clone();
            bent[at] ^= 1;
            replace(&path, "state", &bent).unwrap();
            assert!(matches!(again(), AccessError::Damaged { .. }), "byte {at}");
        }
        replace(&path, "state", &state).unwrap();
        replace(&path, "key", b"short\n").unwrap();
        assert!(matches!(again(), AccessError::Damaged { .. }));
    }
}

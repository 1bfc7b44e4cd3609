//! What is kept below `DIR/access`: the state, the steps since it was saved, and the key of this installation.
//!
//! | file | content |
//! |---|---|
//! | `state`, `steps` | see [`crate::kept`] |
//! | `key` | 64 hexadecimal digits: challenges and cookies of devices are made with it; random, made once |
//! | `lock` | held by the process that changes accounts |
//!
//! Hashes of passwords and secrets of generators are in `state` and `steps`, which only their owner can read, and not in the
//! decision ledger.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use hinomi_access::{Keep, Kept, Key, NotKept, Registry, Step};
use hinomi_model::{Digest, Entropy};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{AccessError, folder};
use crate::kept::{self, Files, KeptError, fault, private};
use crate::live::{ACCESS, noted};
use crate::outbox::{Numbered, Outbox};

const HEADER: &str = "hinomi access 1 ";
/// Steps are joined into the state when the file has so many bytes.
const MOST_STEPS: u64 = 4 << 20;
/// Steps that wait for the decision ledger; beyond that the oldest are dropped. Failures to sign in are written once a minute.
const MOST_WAITING: usize = 100_000;
/// Steps that wait while searches are still answered: whoever searches does not push out what was done with accounts.
const MOST_WAITING_TO_READ: usize = MOST_WAITING / 2;

/// What is saved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    registry: Registry,
    /// Steps that are not in the decision ledger, as far as is known.
    unrecorded: VecDeque<Step>,
}

impl Numbered for Step {
    fn number(&self) -> u64 {
        self.number
    }
}

/// Hears of steps that were kept.
pub(super) type Heard = Box<dyn Fn(&Step) + Send>;

/// The files, open for writing.
pub(super) struct Store {
    files: Files,
    outbox: Arc<Outbox<Step>>,
    heard: Heard,
    _lock: File,
}

/// What a start finds.
pub(super) struct Found {
    pub(super) store: Store,
    pub(super) registry: Registry,
    pub(super) key: Key,
    pub(super) outbox: Arc<Outbox<Step>>,
    /// Steps that only the decision ledger had.
    pub(super) caught_up: usize,
}

/// Opens the folder in a data directory, and makes whole what is there: the state, the steps behind it, and those that only
/// the decision ledger has. What is damaged opens nothing.
pub(super) fn open(data: &Path, entropy: &dyn Entropy, heard: Heard) -> Result<Found, AccessError> {
    let folder = folder(data);
    kept::make_folder(&folder)?;
    let lock = lock(&folder)?;
    let mut saved = read(&folder)?.unwrap_or_default();
    let mut caught_up = 0;
    for bytes in noted(data, ACCESS, saved.registry.next_step())? {
        let Ok(step) = serde_json::from_slice::<Step>(&bytes) else {
            let what = "the decision ledger has a step that this program does not know";
            return Err(KeptError::Damaged { path: folder, what }.into());
        };
        saved.registry.apply(&Kept { step, material: None });
        caught_up += 1;
    }
    let (key, new) = key(&folder, entropy)?;
    if new {
        saved.registry.key_is_lost();
    }
    let outbox = Arc::new(Outbox::new(ACCESS, MOST_WAITING, saved.unrecorded));
    let files = Files::open(&folder, HEADER)?;
    let mut store = Store { files, outbox: outbox.clone(), heard, _lock: lock };
    store.save(&saved.registry)?;
    Ok(Found { store, registry: saved.registry, key, outbox, caught_up })
}

fn lock(folder: &Path) -> Result<File, AccessError> {
    let path = folder.join("lock");
    let file = private().create(true).append(true).open(&path).map_err(fault(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(AccessError::Busy { path }),
        Err(error) => Err(fault(&path)(error.into()).into()),
    }
}

/// The key, and whether it was made just now.
fn key(folder: &Path, entropy: &dyn Entropy) -> Result<(Key, bool), AccessError> {
    let path = folder.join("key");
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let digest: Result<Digest, _> = text.trim_end().parse();
            let damaged = KeptError::Damaged { path, what: "it is damaged" };
            Ok((Key::new(*digest.map_err(|_| damaged)?.as_bytes()), false))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes).map_err(fault(&path))?;
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            kept::replace(folder, "key", format!("{text}\n").as_bytes())?;
            Ok((Key::new(bytes), true))
        }
        Err(error) => Err(fault(&path)(error).into()),
    }
}

impl Store {
    /// Replaces the state and forgets the steps.
    fn save(&mut self, registry: &Registry) -> Result<(), KeptError> {
        self.files.save(&Saved { registry: registry.clone(), unrecorded: self.outbox.waiting() })
    }
}

impl Keep for Store {
    fn keep(&mut self, registry: &Registry, steps: &[Kept]) -> Result<(), NotKept> {
        let failed = |error: KeptError| NotKept(error.to_string());
        let reads = steps.iter().any(|kept| kept.step.fact.is_reading());
        if reads && self.outbox.counts().0 >= MOST_WAITING_TO_READ {
            let why = "so many steps wait for the decision ledger that nothing more is read: is it written?";
            return Err(NotKept(why.to_owned()));
        }
        if self.files.length() >= MOST_STEPS {
            self.save(registry).map_err(failed)?;
        }
        self.files.keep(&steps).map_err(failed)?;
        self.outbox.add(steps.iter().map(|kept| kept.step.clone()));
        for kept in steps {
            (self.heard)(&kept.step);
        }
        Ok(())
    }
}

/// State and steps of a folder; `None` when there is no state.
fn read(folder: &Path) -> Result<Option<Saved>, KeptError> {
    let Some(mut saved) = kept::state::<Saved>(folder, HEADER)? else { return Ok(None) };
    for kept in kept::groups::<Vec<Kept>>(folder).into_iter().flatten() {
        // The state knows it: the crash came between saving and forgetting.
        if kept.step.number >= saved.registry.next_step() {
            saved.registry.apply(&kept);
            saved.unrecorded.push_back(kept.step);
        }
    }
    Ok(Some(saved))
}

/// How many accounts a data directory knows, and the names of those whose secrets are lost; `None` when it knows nothing of
/// accounts. Changes nothing.
///
/// # Errors
/// When what is there is damaged or cannot be read.
pub fn known_accounts(data: &Path) -> Result<Option<(usize, Vec<String>)>, AccessError> {
    Ok(read(&super::folder(data))?.map(|Saved { registry, .. }| {
        let lost = registry.accounts().filter(|account| registry.must_enrol(account));
        (registry.accounts().count(), lost.map(|account| account.name.to_string()).collect())
    }))
}

/// Whether a data directory has an active account of a name. Changes nothing.
///
/// # Errors
/// When what is there is damaged or cannot be read.
pub fn is_active(data: &Path, name: &str) -> Result<bool, AccessError> {
    let now = crate::clock::now().into();
    let saved = read(&super::folder(data))?.unwrap_or_default();
    Ok(saved.registry.named(name).is_some_and(|account| account.is_active(now)))
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
            kept::replace(&folder.path().join("access"), "state", &state).unwrap();
            kept::replace(&folder.path().join("access"), "steps", &whole[..cut]).unwrap();
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
            kept::replace(&path, "state", &bent).unwrap();
            assert!(matches!(again(), AccessError::Kept(KeptError::Damaged { .. })), "byte {at}");
        }
        kept::replace(&path, "state", &state).unwrap();
        kept::replace(&path, "key", b"short\n").unwrap();
        assert!(matches!(again(), AccessError::Kept(KeptError::Damaged { .. })));
    }

    #[test]
    fn while_too_much_waits_for_the_decision_ledger_nothing_more_is_read() {
        use hinomi_access::{Actor, Fact};

        use crate::live::Notes as _;

        let folder = tempfile::tempdir().unwrap();
        let found = open(folder.path(), &SeededEntropy::new(1), Box::new(|_| {})).unwrap();
        let (mut store, registry) = (found.store, found.registry);
        let kept = |number, fact| {
            let step = Step { number, at: Moment::from_seconds(1), actor: Actor::Nobody, fact };
            Kept { step, material: None }
        };
        let search = || Fact::Sought { operation: "search".to_owned(), what: "x".to_owned() };
        let failure = Fact::TokenExpired { token: "t1".parse().unwrap() };
        let many: Vec<Kept> = (0..MOST_WAITING_TO_READ as u64).map(|number| kept(number, search())).collect();
        store.keep(&registry, &many).unwrap();
        let next = MOST_WAITING_TO_READ as u64;
        assert!(store.keep(&registry, &[kept(next, search())]).is_err());
        store.keep(&registry, &[kept(next, failure)]).unwrap();
        // As soon as the ledger has some of them, searches are answered again.
        found.outbox.durable(2);
        store.keep(&registry, &[kept(next + 1, search())]).unwrap();
        assert_eq!(found.outbox.counts(), (MOST_WAITING_TO_READ, 0));
    }
}

//! The birth of a ledger, and the file that says what it is.
//!
//! The file `format` has four lines: `hinomi ledger 1`, the number of the ledger in hexadecimal, its origin, and the
//! verifier key of its first signer. It repeats leaf 0.
//!
//! # Invariants
//! While the file `creating` is there, nothing was ever accepted, and creating may begin again.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use hinomi_model::{Disk, DiskLock};

use super::core::Core;
use super::watching::Own;
use crate::LedgerError;
use crate::checkpoint::Origin;
use crate::files::{self, io_error, numbered, numbered_path};
use crate::keys::{KeyRing, create_signer};
use crate::leaf::{Genesis, Leaf};
use crate::log_state::LogState;
use crate::note::{Algorithm, VerifierKey};
use crate::options::{Creation, Options, Places, Surroundings};
use crate::publish::Publisher;
use crate::wal::{FORMAT, Opening, WalWriter};

const FIRST_LINE: &str = "hinomi ledger ";

/// What a ledger is, as its format file says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Random number of the ledger.
    pub ledger: [u8; 16],
    /// Origin of its checkpoints.
    pub origin: Origin,
    /// Its first signer.
    pub signer: VerifierKey,
}

impl Identity {
    /// The format file.
    pub(crate) fn encode(&self) -> String {
        let number: String = self.ledger.iter().map(|b| format!("{b:02x}")).collect();
        format!("{FIRST_LINE}{FORMAT}\n{number}\n{}\n{}\n", self.origin, self.signer)
    }

    /// As the first leaf of the log says it.
    pub(crate) fn of_genesis(genesis: &Genesis) -> Result<Self, LedgerError> {
        let bad = |what| LedgerError::Malformed { kind: "first leaf", what };
        let origin = Origin::new(&genesis.origin).map_err(|_| bad("the origin"))?;
        let signer = genesis.signer.parse().map_err(|_| bad("the verifier key"))?;
        Ok(Self { ledger: genesis.ledger, origin, signer })
    }

    fn decode(path: &Path, text: &str) -> Result<Self, LedgerError> {
        let damaged = |what| LedgerError::Damaged { path: path.to_owned(), offset: 0, what };
        let mut lines = text.lines();
        let first = lines.next().and_then(|l| l.strip_prefix(FIRST_LINE));
        let format: u32 = first.and_then(|n| n.parse().ok()).ok_or_else(|| damaged("its first line"))?;
        if format > FORMAT {
            return Err(LedgerError::Newer { path: path.to_owned(), found: format, supported: FORMAT });
        }
        let number = lines.next().filter(|n| n.len() == 32).and_then(|n| u128::from_str_radix(n, 16).ok());
        let ledger = number.ok_or_else(|| damaged("the number of the ledger"))?.to_be_bytes();
        let origin = Origin::new(lines.next().unwrap_or_default()).map_err(|_| damaged("the origin"))?;
        let signer = lines.next().unwrap_or_default().parse().map_err(|_| damaged("the verifier key"))?;
        let identity = Self { ledger, origin, signer };
        // One spelling, or a changed file could pass.
        if identity.encode() == text { Ok(identity) } else { Err(damaged("it has another form")) }
    }
}

/// Reads what a ledger is.
pub(crate) fn load_identity(disk: &dyn Disk, places: &Places) -> Result<Identity, LedgerError> {
    let path = places.format();
    let bytes = match disk.read(&path, 4096) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LedgerError::Missing { what: "ledger", name: places.evidence.display().to_string() });
        }
        other => other.map_err(io_error("read", &path))?,
    };
    let damaged = LedgerError::Damaged { path: path.clone(), offset: 0, what: "it is not text" };
    Identity::decode(&path, std::str::from_utf8(&bytes).map_err(|_| damaged)?)
}

/// Takes the lock of a ledger.
pub(crate) fn lock_folder(disk: &dyn Disk, places: &Places) -> Result<Box<dyn DiskLock>, LedgerError> {
    let path = places.lock();
    match disk.lock(&path) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(LedgerError::Locked { path }),
        other => other.map_err(io_error("lock", &path)),
    }
}

/// Makes the folders and files of a new ledger with its first leaf.
pub(crate) fn create(
    around: &Surroundings,
    places: &Places,
    creation: &Creation,
    options: &Options,
) -> Result<(), LedgerError> {
    let disk = &*around.disk;
    let exists = |path: &Path| disk.exists(path).map_err(io_error("look for", path));
    if exists(&places.format())? && !exists(&places.creating())? {
        return Err(LedgerError::Refused { why: "there is a ledger already" });
    }
    for folder in [&places.evidence, &places.keys] {
        let parents: Vec<&Path> = folder.ancestors().skip(1).collect();
        for parent in parents.into_iter().rev().filter(|p| !p.as_os_str().is_empty()) {
            ensure_parent(disk, parent)?;
        }
    }
    files::ensure_dir(disk, &places.evidence, 0o755)?;
    begin_again(disk, places)?;
    files::ensure_dir(disk, &places.keys, 0o700)?;
    check_modes(disk, places)?;
    for folder in [places.wal(), places.segments(), places.log()] {
        files::ensure_dir(disk, &folder, 0o755)?;
    }
    if !disk.exists(&places.lock()).map_err(io_error("look for", &places.lock()))? {
        files::create(disk, &places.lock(), 0o600, &[])?;
    }
    let _lock = lock_folder(disk, places)?;
    let identity = first_leaf(around, places, creation, options)?;
    files::replace(disk, &places.format(), 0o644, identity.encode().as_bytes(), true)?;
    files::remove(disk, &places.creating())?;
    files::sync_dir(disk, &places.evidence)
}

/// A folder above the ledger, which may be that of an attempt that failed before its name was durable. Folders that this
/// user may not open are somebody else's.
fn ensure_parent(disk: &dyn Disk, folder: &Path) -> Result<(), LedgerError> {
    if !disk.exists(folder).map_err(io_error("look for", folder))? {
        return files::ensure_dir(disk, folder, 0o700);
    }
    match files::sync_dir(disk, files::folder_of(folder)) {
        Err(LedgerError::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// Ends a creation whose last steps failed: the format file may be in memory only.
pub(crate) fn finish_creation(
    disk: &dyn Disk,
    places: &Places,
    identity: &Identity,
) -> Result<(), LedgerError> {
    let marker = places.creating();
    if disk.exists(&marker).map_err(io_error("look for", &marker))? {
        files::replace(disk, &places.format(), 0o644, identity.encode().as_bytes(), true)?;
        files::remove(disk, &marker)?;
        files::sync_dir(disk, &places.evidence)?;
    }
    Ok(())
}

/// Removes what an interrupted creation left.
fn begin_again(disk: &dyn Disk, places: &Places) -> Result<(), LedgerError> {
    let marker = places.creating();
    if !disk.exists(&marker).map_err(io_error("look for", &marker))? {
        let wal = places.wal();
        if disk.exists(&wal).map_err(io_error("look for", &wal))? {
            let why = "there are files of a ledger whose format file is missing";
            return Err(LedgerError::Refused { why });
        }
        // Beginning anew would destroy what alone can read and continue a ledger whose evidence is lost or not restored yet.
        if disk.exists(&places.signer()).map_err(io_error("look for", &places.signer()))? {
            let why = "there are keys of a ledger whose evidence is missing";
            return Err(LedgerError::Refused { why });
        }
        return files::create(disk, &marker, 0o600, &[]);
    }
    // A checkpoint of the first attempt must not come back after a crash, beside the log of the second.
    for path in [places.format(), wal_of(places), places.checkpoint()] {
        let folder = files::folder_of(&path);
        if disk.exists(folder).map_err(io_error("look for", folder))? {
            files::remove(disk, &path)?;
            files::sync_dir(disk, folder)?;
        }
    }
    if disk.exists(&places.keys).map_err(io_error("look for", &places.keys))? {
        files::shred(disk, &places.signer())?;
        for ending in [".kek", ".ring"] {
            for number in numbered(disk, &places.keys, ending)? {
                files::shred(disk, &numbered_path(&places.keys, number, ending))?;
            }
        }
    }
    Ok(())
}

fn wal_of(places: &Places) -> std::path::PathBuf {
    crate::wal::wal_path(&places.wal(), 1)
}

fn first_leaf(
    around: &Surroundings,
    places: &Places,
    creation: &Creation,
    options: &Options,
) -> Result<Identity, LedgerError> {
    let disk = &*around.disk;
    let origin = Origin::new(&creation.origin)?;
    let mut ledger = [0; 16];
    around.entropy.fill(&mut ledger).map_err(io_error("get random bytes for", &places.evidence))?;
    let signer = create_signer(disk, &places.signer(), &creation.origin, &*around.entropy)?;
    KeyRing::create(disk, &places.keys, ledger, &*around.entropy)?;
    let identity = Identity { ledger, origin: origin.clone(), signer: signer.verifier(Algorithm::Ed25519) };
    let opening = Opening { ledger, created_ns: around.now_ns(), state: LogState::default() };
    let wal = WalWriter::create(disk, &places.wal(), 1, 0, &opening, options.tick_bytes)?;
    let genesis = Genesis {
        ledger,
        format: FORMAT,
        created_ns: around.now_ns(),
        origin: creation.origin.clone(),
        signer: identity.signer.to_string(),
        eraser: creation.eraser.unwrap_or_default(),
    };
    let mut core = Core {
        around: around.clone(),
        options: options.clone(),
        ledger,
        origin,
        signer,
        next_signer: None,
        wal,
        state: LogState::default(),
        finished: Vec::new(),
        publisher: Publisher::new(around.disk.clone(), places.log()),
        open: BTreeMap::new(),
        closed: Vec::new(),
        leaves: vec![Leaf::Genesis(genesis)],
        leaf_cells: Vec::new(),
        block_cells: BTreeMap::new(),
        has_records: false,
        signed: (0, String::new()),
        watch: None,
        own: Own::default(),
    };
    core.tick(Vec::new())?;
    core.wal.trim()?;
    Ok(identity)
}

/// Keys are for their owner alone.
pub(crate) fn check_modes(disk: &dyn Disk, places: &Places) -> Result<(), LedgerError> {
    let folder = disk.metadata(&places.keys).map_err(io_error("look at", &places.keys))?;
    if folder.mode & 0o077 != 0 {
        return Err(LedgerError::Refused {
            why: "others can enter the folder of keys (it must have mode 0700)",
        });
    }
    for entry in disk.list(&places.keys).map_err(io_error("list", &places.keys))? {
        let path = places.keys.join(&entry.name);
        let file = disk.metadata(&path).map_err(io_error("look at", &path))?;
        if file.mode & 0o077 != 0 {
            return Err(LedgerError::Refused { why: "others can read a key file (it must have mode 0600)" });
        }
        if file.owner != folder.owner {
            return Err(LedgerError::Refused { why: "a key file has another owner than its folder" });
        }
    }
    Ok(())
}

//! A vault: a second place that pulls the evidence, believes only what it has checked, and keeps it where the primary's
//! credentials do not reach.
//!
//! A pull reads the signed checkpoint, the leaves up to it, the data keys sealed to this vault and the bytes of the
//! records; decrypts every frame, recomputes every block's root, and only then says that it holds the checkpoint, in a
//! cosignature that others can use as an anchor.
//!
//! # Invariants
//! - What is held never shrinks and never changes. A primary that shows less or something else gets an alarm, and its
//!   contradicting checkpoint is kept as evidence.
//! - The cosignature is made after everything it speaks of was synced.
//! - Every alarm is in the journal before it is returned.
//!
//! # Trust
//! The source is the machine that an intruder wants to own, reached over a network that he may own. Whoever has the
//! primary can append lies and can stop showing anything; both are noticed or stated. He cannot take back what was
//! pulled.
//!
//! # Not here
//! HTTP (`hinomi-server`), watching without holding (`witness`), copies in object stores (`objects`).

mod alarm;
mod blocks;
mod dir;
mod directory;
mod erasure;
mod follow;
mod handed;
mod history;
mod keys;
mod leaves;
mod pull;
mod restart;
mod sealed;
mod segments;
mod source;
mod succession;
mod view;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Clock, Disk, Entropy};

use crate::checkpoint::VerifiedCheckpoint;
use crate::error::LedgerError;
use crate::keys::VaultRecipient;
use crate::leaf::{Genesis, Leaf, SegmentSealed};
use crate::note::{Algorithm, KeyName, SignerKey, VerifierKey};

pub use alarm::{Alarm, Lost, Trouble};
pub use dir::Pinned;
pub use directory::DirectorySource;
pub use handed::hand_back;
pub use keys::is_vault;
pub use restart::Restart;
pub use sealed::SealedEntry;
pub use source::{CHUNK, FileName, KEYS_AT_ONCE, Listed, MAX_FILES, Source};
pub use view::WitnessView;

use blocks::Blocks;
use dir::{State, VaultDir};
pub(crate) use handed::{HandedKey, handed};
pub(crate) use keys::KeyStore;
use leaves::LeafStore;

/// How a vault behaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How long the primary may be out of reach before that is an alarm, in nanoseconds.
    pub unreachable_ns: u64,
    /// How long its log may stand still before that is an alarm.
    pub silence_ns: u64,
    /// How far the clocks of primary and vault may differ.
    pub clock_slack_ns: u64,
    /// How long an approved erasure waits for somebody to object.
    pub erasure_delay_ns: u64,
    /// Bytes that stay free on the vault's disk.
    pub reserve_bytes: u64,
    /// Hold new records even if their key is not sealed to this vault: as ciphertext that it cannot check.
    pub accept_unsealed: bool,
}

const SECOND: u64 = 1_000_000_000;

impl Default for Policy {
    fn default() -> Self {
        Self {
            unreachable_ns: 45 * SECOND,
            silence_ns: 900 * SECOND,
            clock_slack_ns: 120 * SECOND,
            erasure_delay_ns: 7 * 86_400 * SECOND,
            reserve_bytes: 1 << 30,
            accept_unsealed: false,
        }
    }
}

/// What a pull did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pulled {
    /// Leaves held before.
    pub before: u64,
    /// Leaves held now.
    pub held: u64,
    /// Leaves that the primary shows; `None` if it shows nothing believable.
    pub shown: Option<u64>,
    /// Records checked.
    pub records: u64,
    /// Bytes fetched.
    pub bytes: u64,
    /// Everything that is wrong now, news or not.
    pub troubles: Vec<Trouble>,
    /// The part that was not in the journal before.
    pub news: Vec<Alarm>,
}

/// What a vault is and how far it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Which log, and whose signatures.
    pub pinned: Pinned,
    /// The key its cosignatures verify with.
    pub cosigner: VerifierKey,
    /// The key that the primary seals data keys to.
    pub recipient: VaultRecipient,
    /// The last checkpoint held, with the vault's cosignature.
    pub held: Option<VerifiedCheckpoint>,
    /// Last contact with the primary, nanoseconds since 1970; 0 for never.
    pub pulled_ns: u64,
    /// When its log last grew.
    pub grown_ns: u64,
    /// Blocks held without being able to look into them.
    pub opaque_blocks: u64,
    /// The newest lines of the journal, oldest first.
    pub alarms: Vec<Alarm>,
}

/// A vault at work.
#[derive(Debug)]
pub struct Vault {
    dir: VaultDir,
    clock: Arc<dyn Clock>,
    policy: Policy,
    signer: SignerKey,
    pinned: Pinned,
    state: State,
    leaves: LeafStore,
    keys: KeyStore,
    blocks: Blocks,
    genesis: Option<Genesis>,
    /// Leaves of segments below the given leaf.
    segment_leaves: (u64, BTreeMap<u64, SegmentSealed>),
    journal: alarm::Journal,
}

impl Vault {
    /// Sets up a vault that cosigns as `name` and keeps the log `pinned`.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when the folder already holds one; [`LedgerError::Io`].
    pub fn create(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
        folder: &Path,
        name: &KeyName,
        pinned: &Pinned,
    ) -> Result<Self, LedgerError> {
        drop(VaultDir::create(disk.clone(), entropy, folder, name, pinned)?);
        Self::open(disk, clock, folder, Policy::default())
    }

    /// Opens a vault and takes its lock.
    ///
    /// # Errors
    /// [`LedgerError::Locked`], [`LedgerError::Damaged`] when its memory or its copy of the log is not what it wrote.
    pub fn open(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        folder: &Path,
        policy: Policy,
    ) -> Result<Self, LedgerError> {
        let dir = VaultDir::open_unchecked(disk.clone(), folder)?;
        restart::finish(&disk, folder)?;
        let signer = dir.signer()?;
        let pinned = dir.pinned()?;
        let state = dir.state(&signer.verifier(Algorithm::CosignatureV1))?;
        let leaves = LeafStore::new(disk.clone(), dir.log());
        let keys = KeyStore::new(disk, dir.folder.join("keys"), dir.vault_key()?);
        let journal = alarm::Journal::load(&dir)?;
        let blocks = Blocks::default();
        let segment_leaves = (0, BTreeMap::new());
        let mut vault = Self {
            segment_leaves,
            dir,
            clock,
            policy,
            signer,
            pinned,
            state,
            leaves,
            keys,
            blocks,
            genesis: None,
            journal,
        };
        vault.check_own_log()?;
        Ok(vault)
    }

    /// Compares the copy's tree with the checkpoint that this vault says it holds.
    fn check_own_log(&mut self) -> Result<(), LedgerError> {
        let Some(held) = &self.state.held else { return Ok(()) };
        let (size, root) = (held.size(), *held.root());
        if self.leaves.tree(size, size)?.root() != root {
            let what = "the copy of the log is not the one that was cosigned";
            return Err(LedgerError::Damaged { path: self.dir.log(), offset: 0, what });
        }
        self.load_genesis(size)
    }

    fn load_genesis(&mut self, size: u64) -> Result<(), LedgerError> {
        if self.genesis.is_none() && size > 0 {
            match self.leaves.leaf(0, size)? {
                Leaf::Genesis(genesis) => self.genesis = Some(genesis),
                _ => {
                    return Err(LedgerError::Malformed { kind: "log", what: "its first leaf is no genesis" });
                }
            }
        }
        Ok(())
    }

    fn ledger(&self) -> [u8; 16] {
        self.genesis.as_ref().map(|g| g.ledger).unwrap_or_default()
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.clock.now().as_nanos()).unwrap_or(0)
    }

    /// Trusts further keys of the log (after a rotation that happened out of sight), or fewer.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] without a key.
    pub fn pin(&mut self, keys: Vec<VerifierKey>) -> Result<(), LedgerError> {
        let pinned = Pinned { origin: self.pinned.origin.clone(), keys };
        self.dir.pin(&pinned)?;
        self.pinned = pinned;
        Ok(())
    }

    /// Where the copy lies: the same files as the primary's folder of evidence.
    pub fn evidence(&self) -> PathBuf {
        self.dir.evidence()
    }

    /// What this vault shows to the primary's publication, which knows only its SHA-256.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when others than the owner may read it.
    pub fn token(&self) -> Result<zeroize::Zeroizing<[u8; 32]>, LedgerError> {
        self.dir.token()
    }

    /// What this vault is and how far it is.
    pub fn status(&self) -> Status {
        Status {
            pinned: self.pinned.clone(),
            cosigner: self.signer.verifier(Algorithm::CosignatureV1),
            recipient: self.keys.vault().recipient(),
            held: self.state.held.clone(),
            pulled_ns: self.state.pulled_ns,
            grown_ns: self.state.grown_ns,
            opaque_blocks: self.state.opaque,
            alarms: self.journal.newest().to_vec(),
        }
    }
}

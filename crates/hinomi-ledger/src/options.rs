//! Where a ledger lives and how it is tuned.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Clock, Disk, Entropy};

use crate::keys::VaultRecipient;

/// What a ledger needs of the machine.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// The time of day, for dates of keys, erasures and the ledger's own records.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

impl Surroundings {
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.clock.now().as_nanos()).unwrap_or(0)
    }
}

/// The two folders of a ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Places {
    /// Write-ahead log, segments, published log. Holds no secret.
    pub evidence: PathBuf,
    /// Keys, for their owner alone.
    pub keys: PathBuf,
}

impl Places {
    /// The folders of a ledger named `name` in a data directory.
    pub fn in_data_dir(data: &Path, name: &str) -> Self {
        Self { evidence: data.join(name), keys: data.join("keys").join(name) }
    }

    pub(crate) fn wal(&self) -> PathBuf {
        self.evidence.join("wal")
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.evidence.join("segments")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.evidence.join("log")
    }

    pub(crate) fn format(&self) -> PathBuf {
        self.evidence.join("format")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.evidence.join("lock")
    }

    pub(crate) fn creating(&self) -> PathBuf {
        self.evidence.join("creating")
    }

    pub(crate) fn signer(&self) -> PathBuf {
        self.keys.join("signer")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.log().join("checkpoint")
    }
}

/// How a ledger works. The defaults are for a server; nothing here changes what the format means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Longest time from the first record of a block to its signed checkpoint, less the time that both take.
    pub tick_ns: u64,
    /// How long the committer waits for more records before it writes and syncs.
    pub gather_ns: u64,
    /// Bytes at which a block is closed before its tick.
    pub block_bytes: u64,
    /// Bytes at which a write-ahead file is sealed.
    pub wal_bytes: u64,
    /// Age at which a write-ahead file is sealed, if anything is in it.
    pub wal_age_ns: u64,
    /// Bytes accepted and not yet durable, above which callers wait.
    pub queue_bytes: u64,
    /// Space kept for leaves, checkpoints and seals when records may take no more.
    pub tick_bytes: u64,
    /// Threads that hash, compress and encrypt. 0: none, nor any other thread; the caller drives with
    /// [`crate::Ledger::commit`] and [`crate::Ledger::tick`].
    pub threads: usize,
    /// Level of zstd for what comes in.
    pub level: i32,
    /// Level of zstd for segments, which are written once and kept for years. Where packing falls behind, frames are copied as
    /// they came in instead.
    pub packed_level: i32,
    /// Vaults that every data key is sealed to. A scope whose key is sealed otherwise gets a new one when the ledger is
    /// opened; what was sealed before stays as it is.
    pub vaults: Vec<VaultRecipient>,
    /// Classes that wait first when the disk fills up.
    pub low_priority: Vec<String>,
    /// Whether the ledger watches its sources: findings of completeness and ticks of the clock become records.
    pub watch: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tick_ns: 500_000_000,
            gather_ns: 2_000_000,
            block_bytes: 4 << 20,
            wal_bytes: 256 << 20,
            wal_age_ns: 86_400_000_000_000,
            queue_bytes: 48 << 20,
            tick_bytes: 8 << 20,
            threads: 2,
            level: 3,
            packed_level: 9,
            vaults: Vec::new(),
            low_priority: Vec::new(),
            watch: true,
        }
    }
}

/// What a new ledger is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Creation {
    /// Origin line of the checkpoints and name of the signing key, for example `logs.example.jp/evidence`.
    pub origin: String,
    /// Ed25519 public key of whoever may approve erasures; without it nothing can be erased.
    pub eraser: Option<[u8; 32]>,
}

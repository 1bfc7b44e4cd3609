//! Ledgers in temporary folders with a fixed clock and repeatable chance.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use hinomi_ledger::{Creation, FileDisk, Ledger, Options, Places, Record, Recovery, Surroundings};
use hinomi_model::{Clock, Entropy, Timestamp};
use sha2::{Digest as _, Sha256};

/// 2026-01-02T03:04:05Z.
pub const NOON: u64 = 1_767_323_045_000_000_000;

#[derive(Debug)]
pub struct TestClock(pub AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// SHA-256 in counter mode.
#[derive(Debug)]
pub struct Seeded(pub AtomicU64, pub u64);

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        for chunk in buffer.chunks_mut(32) {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            let block =
                Sha256::new().chain_update(self.1.to_be_bytes()).chain_update(n.to_be_bytes()).finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

pub fn around(seed: u64) -> Surroundings {
    Surroundings {
        disk: Arc::new(FileDisk),
        clock: Arc::new(TestClock(AtomicI64::new(NOON as i64))),
        entropy: Arc::new(Seeded(AtomicU64::new(0), seed)),
    }
}

/// A ledger in a folder of its own.
pub struct Home {
    pub folder: tempfile::TempDir,
    pub places: Places,
    pub around: Surroundings,
    pub options: Options,
}

impl Home {
    pub fn new(options: Options) -> Self {
        Self::with(options, None)
    }

    pub fn with(options: Options, eraser: Option<[u8; 32]>) -> Self {
        Self::seeded(options, eraser, 1)
    }

    /// Another seed gives another ledger and other keys.
    pub fn seeded(options: Options, eraser: Option<[u8; 32]>, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::in_data_dir(&folder.path().join("data"), "evidence");
        let around = around(seed);
        let creation = Creation { origin: "logs.example.jp/evidence".to_owned(), eraser };
        Ledger::create(&around, &places, &creation, &options).unwrap();
        Self { folder, places, around, options }
    }

    pub fn open(&self) -> (Ledger, Recovery) {
        Ledger::open(self.around.clone(), self.places.clone(), self.options.clone()).unwrap()
    }
}

/// No threads, small bounds, no records of its own.
pub fn inline() -> Options {
    Options { threads: 0, queue_bytes: 1 << 20, tick_bytes: 64 << 10, watch: false, ..Options::default() }
}

pub fn record(at: u64, text: &str) -> Record {
    Record { received_ns: NOON + at, sequence: None, bytes: text.as_bytes().to_vec() }
}

/// Changes a file as an intruder would: with the means of the system.
#[expect(clippy::disallowed_methods, reason = "an intruder asks nobody")]
pub fn rewrite(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

//! The computer that the ledger of a schedule runs on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::{Options, Places, Surroundings};
use hinomi_model::Timestamp;
use hinomi_testkit::disk::{Fault, MemoryDisk, When};
use hinomi_testkit::seeded::{ManualClock, Seeded, SeededEntropy};

use crate::promises::Promises;

/// 2026-03-04T23:59:50Z: soon a new day begins.
const START: i64 = 1_772_668_790_000_000_000;

/// A mistake in the writer, planted by letting the disk not do what it says.
#[derive(Clone, Debug)]
pub struct Mutation {
    pub when: When,
    pub fault: Fault,
}

/// What happened in a number of schedules, to see that something did.
#[derive(Default, Debug)]
pub struct Totals {
    pub lives: u64,
    pub crashes: u64,
    pub kills: u64,
    pub errors: u64,
    pub full: u64,
    pub interrupted_openings: u64,
    pub interrupted_creations: u64,
    pub dropped_tails: u64,
    pub recovered_records: u64,
    pub acknowledged: u64,
    pub refused: u64,
    pub rotations: u64,
    pub erasures: u64,
    pub damages: u64,
    pub findings: u64,
    pub states: u64,
    pub erased_before_the_end: u64,
    pub leaves: u64,
    pub steps: u64,
}

impl Totals {
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.lives, other.lives),
            (&mut self.crashes, other.crashes),
            (&mut self.kills, other.kills),
            (&mut self.errors, other.errors),
            (&mut self.full, other.full),
            (&mut self.interrupted_openings, other.interrupted_openings),
            (&mut self.interrupted_creations, other.interrupted_creations),
            (&mut self.dropped_tails, other.dropped_tails),
            (&mut self.recovered_records, other.recovered_records),
            (&mut self.acknowledged, other.acknowledged),
            (&mut self.refused, other.refused),
            (&mut self.rotations, other.rotations),
            (&mut self.erasures, other.erasures),
            (&mut self.damages, other.damages),
            (&mut self.findings, other.findings),
            (&mut self.states, other.states),
            (&mut self.erased_before_the_end, other.erased_before_the_end),
            (&mut self.leaves, other.leaves),
            (&mut self.steps, other.steps),
        ];
        for (sum, more) in pairs {
            *sum += more;
        }
    }

    pub fn assert_that_something_happened(&self, schedules: u64) {
        let often = schedules / 50;
        for (what, number) in [
            ("crashes", self.crashes),
            ("kills", self.kills),
            ("errors", self.errors),
            ("full disks", self.full),
            ("interrupted openings", self.interrupted_openings),
            ("interrupted creations", self.interrupted_creations),
            ("dropped tails", self.dropped_tails),
            ("recovered records", self.recovered_records),
            ("acknowledged records", self.acknowledged),
            ("rotations", self.rotations),
            ("erasures", self.erasures),
            ("damages", self.damages),
            ("findings", self.findings),
            ("states", self.states),
        ] {
            assert!(number > often, "only {number} {what} in {schedules} schedules");
        }
    }
}

/// A computer, its ledger's promises, and the dice.
#[derive(Debug)]
pub struct World {
    pub random: Seeded,
    pub disk: MemoryDisk,
    pub clock: Arc<ManualClock>,
    pub entropy: Arc<SeededEntropy>,
    pub places: Places,
    pub options: Options,
    pub promises: Promises,
    pub totals: Totals,
    pub mutation: Option<Mutation>,
    pub next_line: u64,
    /// Last number of each source.
    pub numbers: BTreeMap<&'static str, u64>,
}

impl World {
    pub fn new(seed: u64, mutation: Option<Mutation>) -> Self {
        let mut random = Seeded::new(seed ^ 0x5eed);
        let disk = MemoryDisk::new(random.next_u64());
        disk.watch("log/checkpoint");
        let block_bytes = 1 << (8 + random.below(6));
        let options = Options {
            threads: 0,
            block_bytes,
            wal_bytes: 1 << (11 + random.below(5)),
            queue_bytes: 16 << 10,
            tick_bytes: 32 << 10,
            level: 1,
            packed_level: 1,
            ..Options::default()
        };
        Self {
            entropy: Arc::new(SeededEntropy::new(random.next_u64())),
            random,
            disk,
            clock: Arc::new(ManualClock::new(Timestamp::from_nanos(START))),
            places: Places::in_data_dir(Path::new("data"), "evidence"),
            options,
            promises: Promises::default(),
            totals: Totals::default(),
            mutation,
            next_line: 0,
            numbers: BTreeMap::new(),
        }
    }

    pub fn surroundings(&self) -> Surroundings {
        Surroundings {
            disk: Arc::new(self.disk.clone()),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    /// Plants the mistake, if there is one, again: healing the disk takes it away.
    pub fn plant(&self) {
        if let Some(mutation) = &self.mutation {
            self.disk.plan(mutation.when.clone(), mutation.fault);
        }
    }
}

//! Ledgers whose times of receipt are chosen, and what was decided over them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hinomi::live::DECISIONS;
use hinomi_columns::{Projection, Store};
use hinomi_ingest::AnyDecoder;
use hinomi_ingest::intake::{Intake, Item, Options as Reading, Root};
use hinomi_ledger::{
    Creation, FileDisk, Ledger, Options, Places, Reader, Record, Surroundings, SystemClock, SystemEntropy,
};
use hinomi_model::{Diagnostics, Timestamp};
use serde_json::Value;

/// A small generator (Knuth's constants), so that a failure can be repeated.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A line of a log, and when it is received.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) source: String,
    pub(super) time_ns: i64,
    pub(super) bytes: Vec<u8>,
}

/// The lines of every log below a folder, with the times they state; a line without one has that of the line before.
pub(super) fn lines_of(folder: &Path) -> Vec<Line> {
    let far = Timestamp::from_nanos(4_000_000_000_000_000_000);
    let mut intake = Intake::new(vec![Root::Path(folder.to_owned())], Reading::at(far));
    let mut logs: BTreeMap<String, (Vec<u8>, BTreeMap<usize, i64>)> = BTreeMap::new();
    let mut decoder = AnyDecoder::default();
    let mut store = Store::new(&Projection::of(["x"]));
    while let Some(item) = intake.next() {
        let Item::Unit(format, unit) = item else { continue };
        let name = unit.member.place().strip_prefix(folder.to_str().unwrap()).unwrap().to_owned();
        let (bytes, times) = logs.entry(name).or_default();
        decoder.decode(format, &unit, &mut store, &mut Diagnostics::default());
        for row in store.batches().flat_map(|batch| batch.rows().iter().copied()) {
            let at = unit.offset as usize + row.offset as usize;
            times.extend(row.time.map(|time| (at, time.as_nanos())));
        }
        bytes.extend_from_slice(&unit.bytes);
        store.reset();
    }
    logs.remove("/truth.json");
    let mut all = Vec::new();
    for (source, (bytes, times)) in logs {
        let first = *times.values().next().unwrap_or(&0);
        let (mut at, mut now) = (0, first);
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            now = times.range(at..at + line.len()).next().map_or(now, |(_, time)| *time);
            at += line.len();
            all.push(Line { source: source.clone(), time_ns: now, bytes: line.to_vec() });
        }
    }
    all
}

/// Lines in the order of their receipt, up to so many seconds after their time. Each source keeps its order, and hands in
/// together what it wrote in one instant, as the records of one audit event are.
pub(super) fn delayed(lines: Vec<Line>, most: u64, dice: &mut Dice) -> Vec<Line> {
    let mut newest: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut received: Vec<Line> = lines
        .into_iter()
        .map(|line| {
            let (written, last) = newest.entry(line.source.clone()).or_insert((i64::MIN, i64::MIN));
            if *written != line.time_ns {
                *last = (*last).max(line.time_ns + dice.below(most * 1_000_000_000) as i64);
            }
            *written = line.time_ns;
            Line { time_ns: *last, ..line }
        })
        .collect();
    received.sort_by_key(|line| line.time_ns);
    received
}

/// A ledger that is written leaf by leaf.
pub(super) struct Recording {
    ledger: Ledger,
    newest: u64,
    shift: u64,
    /// Span of receipts that one leaf may hold.
    together_ns: i64,
}

impl Recording {
    pub(super) fn create(data: &Path) -> Self {
        let around = Surroundings {
            disk: Arc::new(FileDisk),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        // Without threads and without its own records: leaves are what is handed in, and no clock is in them.
        let options = Options { threads: 0, watch: false, ..Options::default() };
        let places = Places::in_data_dir(data, "evidence");
        let creation = Creation { origin: "test/live".to_owned(), eraser: None };
        Ledger::create(&around, &places, &creation, &options).unwrap();
        let (ledger, _) = Ledger::open(around, places, options).unwrap();
        Self { ledger, newest: 0, shift: 0, together_ns: 1_000_000_000 }
    }

    /// Takes lines in, in leaves of one source each: what is received within a second (or [`Recording::gather`]), at most `most`
    /// lines, together, as a ledger does.
    pub(super) fn take(&mut self, lines: &[Line], most: u64, dice: &mut Dice) {
        let mut rest = lines;
        while !rest.is_empty() {
            let near = rest.partition_point(|line| line.time_ns < rest[0].time_ns + self.together_ns);
            let count = (1 + dice.below(most) as usize).min(near);
            let (part, after) = rest.split_at(count);
            rest = after;
            let mut sources: BTreeMap<&str, Vec<Record>> = BTreeMap::new();
            for line in part {
                let received_ns = line.time_ns as u64 + self.shift;
                self.newest = self.newest.max(received_ns);
                let record = Record { received_ns, sequence: None, bytes: line.bytes.clone() };
                sources.entry(&line.source).or_default().push(record);
            }
            for (source, records) in sources {
                self.ledger.append(source, "security-evidence", records).unwrap();
            }
            self.ledger.tick().unwrap();
        }
    }

    /// From now on a leaf may hold what is received within so many seconds.
    pub(super) fn gather(&mut self, seconds: i64) {
        self.together_ns = seconds * 1_000_000_000;
    }

    /// Everything that follows is received so many seconds later.
    pub(super) fn later(&mut self, seconds: u64) {
        self.shift += seconds * 1_000_000_000;
    }

    /// Time passes: something that nobody has rules for is received.
    pub(super) fn pause(&mut self, seconds: u64) {
        let received_ns = self.newest + seconds * 1_000_000_000;
        let record = Record { received_ns, sequence: None, bytes: b"still here\nstill here\n".to_vec() };
        self.ledger.append("/keepalive", "security-evidence", vec![record]).unwrap();
        self.ledger.tick().unwrap();
    }

    pub(super) fn close(self) {
        self.ledger.close().unwrap();
    }
}

/// The detections in the decision ledger, in order.
pub(super) fn detections(data: &Path) -> Vec<Value> {
    let reader = Reader::open(Arc::new(FileDisk), Places::in_data_dir(data, DECISIONS), true).unwrap();
    let blocks = reader.blocks(0, reader.size()).map(Result::unwrap);
    let records = blocks.filter(|b| b.block.scope.source == "detections").flat_map(|b| b.records);
    let numbered: Vec<(Option<u64>, Value)> =
        records.map(|r| (r.sequence, serde_json::from_slice(&r.bytes).unwrap())).collect();
    assert!((0..).zip(&numbered).all(|(n, (sequence, _))| *sequence == Some(n)), "numbers have gaps");
    numbered.into_iter().map(|(_, detection)| detection).collect()
}

/// Leaf, number and id of each.
pub(super) fn decided(data: &Path) -> Vec<(u64, u64, String)> {
    let number = |d: &Value, name: &str| d["decided"][name].as_u64().unwrap();
    let one = |d: Value| (number(&d, "leaf"), number(&d, "index"), d["id"].as_str().unwrap().to_owned());
    detections(data).into_iter().map(one).collect()
}

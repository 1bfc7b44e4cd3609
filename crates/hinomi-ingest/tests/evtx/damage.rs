//! Truncated, flipped and joined files: nothing panics, and every record that the independent reader still reads
//! is read.

use std::collections::BTreeMap;

use hinomi_columns::{Batch, Projection, Store};

use crate::builder::{self, Body, Chunk, Part, Value, element, event, string, text, values};
use crate::corpus::{Sample, decode, samples};

/// Xorshift: the same damage in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// How often each record occurs, by the number and the time in its header: damage behind the header does not
/// change who it is.
type Records = BTreeMap<(u64, i128), usize>;

/// From 1601 to 1970.
const NANOS_TO_1970: i128 = 11_644_473_600_000_000_000;

fn theirs(bytes: &[u8]) -> Records {
    let mut found = Records::new();
    let Ok(mut parser) = evtx::EvtxParser::from_buffer(bytes.to_vec()) else { return found };
    for record in parser.records_json_bytes().flatten() {
        let time = record.timestamp.as_nanosecond();
        *found.entry((record.event_record_id, time)).or_default() += 1;
    }
    found
}

fn ours(bytes: &[u8]) -> Records {
    let mut store = Store::new(&Projection::of(["EventRecordID", "TimeCreated"]));
    // One unit, so that the rows' offsets are those in the file.
    decode(bytes, bytes.len(), &mut store);
    let mut found = Records::new();
    for row in store.batches().flat_map(Batch::rows) {
        let header = |at: usize| {
            let from = row.offset as usize + at;
            u64::from_le_bytes(bytes[from..from + 8].try_into().unwrap())
        };
        let time = i128::from(header(16)) * 100 - NANOS_TO_1970;
        *found.entry((header(8), time)).or_default() += 1;
    }
    found
}

/// Records that only the independent reader found.
fn lost(bytes: &[u8]) -> Vec<(u64, i128)> {
    let ours = ours(bytes);
    let missing =
        |(record, count): (_, usize)| (ours.get(&record).copied().unwrap_or(0) < count).then_some(record);
    theirs(bytes).into_iter().filter_map(missing).collect()
}

/// Every tenth file in the ordinary run, all of them with `HINOMI_SOAK`.
fn chosen(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    let step = hinomi_testkit::soak::rounds(10, 1);
    samples.iter().step_by(step)
}

#[test]
fn truncated_files_keep_their_records() {
    let Some(samples) = samples() else { return };
    let mut dice = Dice(0x5eed_0001);
    let (mut files, mut failures) = (0, Vec::new());
    for sample in chosen(&samples) {
        let rounds = if sample.bytes.len() > 1 << 20 { 2 } else { 20 };
        for _ in 0..rounds {
            let length = 4096 + dice.below(sample.bytes.len() - 4096);
            files += 1;
            let lost = lost(&sample.bytes[..length]);
            if !lost.is_empty() {
                failures.push(format!("{} cut at {length}: {lost:?}", sample.name));
            }
        }
    }
    println!("{files} truncated files");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn flipped_bits_cost_no_record_that_is_still_readable() {
    let Some(samples) = samples() else { return };
    let mut dice = Dice(0x5eed_0002);
    let (mut files, mut failures) = (0, Vec::new());
    for sample in chosen(&samples) {
        let rounds = if sample.bytes.len() > 1 << 20 { 1 } else { 5 };
        for _ in 0..rounds {
            let mut bytes = sample.bytes.clone();
            let flips: Vec<usize> = (0..8).map(|_| 4096 + dice.below(bytes.len() - 4096)).collect();
            for &at in &flips {
                bytes[at] ^= 1 << dice.below(8);
            }
            files += 1;
            let lost = lost(&bytes);
            if !lost.is_empty() {
                let mut store = Store::new(&Projection::of([""; 0]));
                let said = decode(&bytes, bytes.len(), &mut store).into_sorted();
                failures.push(format!("{} flipped at {flips:?}: {lost:?} {said:?}", sample.name));
            }
        }
    }
    println!("{files} files with flipped bits");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn joined_files_hold_the_records_of_both() {
    let Some(samples) = samples() else { return };
    let mut dice = Dice(0x5eed_0003);
    let chosen: Vec<&Sample> = chosen(&samples).collect();
    let mut pairs = 0;
    for pair in chosen.windows(2) {
        let (first, second) = (&pair[0].bytes, &pair[1].bytes);
        // A run of foreign bytes of any length in between, as in a carved image.
        let mut joined = first.clone();
        joined.extend((0..dice.below(5000)).map(|_| 0xa5));
        joined.extend_from_slice(second);
        let mut expected = ours(first);
        for (record, count) in ours(second) {
            *expected.entry(record).or_default() += count;
        }
        assert_eq!(ours(&joined), expected, "{} and {}", pair[0].name, pair[1].name);
        pairs += 1;
    }
    println!("{pairs} joined pairs");
}

/// A chunk with a bit of everything.
fn varied() -> Vec<u8> {
    let data = |name: &str, part| element("Data").attribute("Name", text(name)).with(part);
    let payload = element("EventData")
        .child(data("A", Part::Value(3, false)))
        .child(data("B", Part::Value(4, true)).depends_on(4))
        .child(element("Data").with(Part::Value(5, false)));
    let inner = Body::Template(
        element("Report").child(element("Leaf").with(Part::Value(0, false))),
        vec![string("leaf")],
    );
    let mut chunk = Chunk::new();
    for number in 1..20_u64 {
        let more = [string("some text"), Value::Raw(0x13, vec![1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0])];
        let array = Value::Raw(0x81, builder::utf16("x\0y\0"));
        let all = values(number as u16, number, 132_669_792_000_000_000, more.into_iter().chain([array]));
        chunk.record(number, 132_669_792_000_000_000, &Body::Template(event(payload.clone()), all));
        let user = event(element("UserData").with(Part::Value(3, false)));
        let all = values(1, number + 100, 132_669_792_000_000_000, [Value::Fragment(inner.clone())]);
        chunk.record(number + 100, 132_669_792_000_000_000, &Body::Template(user, all));
    }
    chunk.finish()
}

#[test]
fn thousands_of_mutations_neither_panic_nor_run_away() {
    let sound = varied();
    let used = 512 + sound[512..].iter().rposition(|b| *b != 0).unwrap();
    let mut dice = Dice(0x5eed_0004);
    let rounds = hinomi_testkit::soak::rounds(3_000, 200_000);
    let mut rows = 0;
    for _ in 0..rounds {
        let mut bytes = sound.clone();
        for _ in 0..=dice.below(12) {
            let at = dice.below(used);
            match dice.below(5) {
                0 => bytes[at] ^= 1 << dice.below(8),
                1 => bytes[at] = 0xff,
                2 => bytes[at] = dice.below(256) as u8,
                3 => {
                    let (from, length) = (dice.below(used), dice.below(64));
                    bytes.copy_within(from..from + length, at.min(used - 64));
                }
                _ => bytes[at] = bytes[at].wrapping_add(1),
            }
        }
        if dice.below(10) == 0 {
            bytes.truncate(dice.below(used));
        }
        let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
        decode(&bytes, 1 << 16, &mut store);
        rows += store.row_count();
        assert!(store.row_count() <= 2000 && store.bytes() < 64 << 20, "bounded by the input");
    }
    println!("{rounds} mutations, {rows} records read");
    assert!(rows > rounds, "most records survive");
}

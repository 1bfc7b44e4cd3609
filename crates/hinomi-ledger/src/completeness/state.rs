//! The state of completeness as records of [`STATE_SOURCE`], and from the newest of them, and the leaves behind it, back
//! to the state.
//!
//! A state is cut into records: a line of JSON that says of which leaves it is the state, which part this is and how many
//! there are, and then a piece of JSON. The last part has the number of leaves as its sequence: when it is in the log, so
//! are the others.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{STATE_SOURCE, Watch};
use crate::LedgerError;
use crate::leaf::{Block, Leaf};
use crate::records::Record;

/// Version of the form of a state. One of another version is passed over.
const STATE_VERSION: u32 = 1;
/// Parts of one state.
const MAX_PARTS: u32 = 65_536;

#[derive(Serialize, Deserialize)]
struct Head {
    schema_version: u32,
    /// Leaves that it is the state of.
    leaves: u64,
    part: u32,
    parts: u32,
}

fn malformed(what: &'static str) -> LedgerError {
    LedgerError::Malformed { kind: "state of completeness", what }
}

/// The records that hold a state, which is that of the leaves before `leaves`; pieces of about `bytes` bytes.
pub(crate) fn parts(
    watch: &Watch,
    leaves: u64,
    received_ns: u64,
    bytes: usize,
) -> Result<Vec<Record>, LedgerError> {
    let whole = serde_json::to_vec(watch).map_err(|_| malformed("it cannot be written"))?;
    let pieces: Vec<&[u8]> = whole.chunks(bytes.max(1)).collect();
    let parts = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    if parts > MAX_PARTS {
        let (found, bound) = (u64::from(parts), u64::from(MAX_PARTS));
        return Err(LedgerError::TooLarge { what: "state of completeness", found, bound });
    }
    let record = |(part, piece): (u32, &&[u8])| {
        let head = Head { schema_version: STATE_VERSION, leaves, part, parts };
        let mut bytes = serde_json::to_vec(&head).map_err(|_| malformed("it cannot be written"))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(piece);
        Ok(Record { received_ns, sequence: (part + 1 == parts).then_some(leaves), bytes })
    };
    (0..).zip(&pieces).map(record).collect()
}

/// What a state is computed from: leaves of a log, and the records of its blocks.
pub(crate) trait View {
    /// The leaves that can be looked at.
    fn range(&self) -> Range<u64>;

    /// A leaf; `None` if it is of no concern here.
    fn leaf(&self, index: u64) -> Result<Option<Leaf>, LedgerError>;

    /// The records of a block; `None` if they cannot be read any more.
    fn records(&self, index: u64, block: &Block) -> Result<Option<Vec<Record>>, LedgerError>;
}

/// The state as of the end of a view. `None` if the view does not reach back to a state, nor to the first leaf.
pub(crate) fn rebuild(view: &dyn View) -> Result<Option<Watch>, LedgerError> {
    let range = view.range();
    let (mut watch, from) = match newest(view)? {
        Some((watch, leaves)) => (watch, leaves),
        None if range.start == 0 => (Watch::default(), 0),
        None => return Ok(None),
    };
    for index in from.max(range.start)..range.end {
        let Some(leaf) = view.leaf(index)? else { continue };
        let records = match &leaf {
            Leaf::Block(block) => view.records(index, block)?,
            _ => None,
        };
        watch.feed(index, &leaf, records.as_deref());
    }
    Ok(Some(watch))
}

/// The newest state that is whole in a view, and of how many leaves it is.
fn newest(view: &dyn View) -> Result<Option<(Watch, u64)>, LedgerError> {
    let range = view.range();
    // Of the states that were met: how many leaves, and the pieces so far.
    let mut met: BTreeMap<u64, BTreeMap<u32, Vec<u8>>> = BTreeMap::new();
    for index in range.clone().rev() {
        let Some(Leaf::Block(block)) = view.leaf(index)? else { continue };
        if block.scope.source != STATE_SOURCE {
            continue;
        }
        for record in view.records(index, &block)?.unwrap_or_default().into_iter().rev() {
            let Some((head, piece)) = split(record.bytes) else { continue };
            // The leaves that it speaks of end before itself, and what follows them has to be in the view.
            if head.leaves > index || head.leaves < range.start {
                continue;
            }
            let pieces = met.entry(head.leaves).or_default();
            pieces.insert(head.part, piece);
            if pieces.len() as u64 == u64::from(head.parts)
                && let Some(mut watch) = join(met.remove(&head.leaves).unwrap_or_default())
            {
                watch.restored(head.leaves);
                return Ok(Some((watch, head.leaves)));
            }
        }
    }
    Ok(None)
}

fn split(mut bytes: Vec<u8>) -> Option<(Head, Vec<u8>)> {
    let end = memchr::memchr(b'\n', &bytes)?;
    let head: Head = serde_json::from_slice(bytes.get(..end)?).ok()?;
    let piece = bytes.split_off(end + 1);
    let sound = head.schema_version == STATE_VERSION && head.part < head.parts && head.parts <= MAX_PARTS;
    sound.then_some((head, piece))
}

fn join(pieces: BTreeMap<u32, Vec<u8>>) -> Option<Watch> {
    let whole: Vec<u8> = pieces.into_values().flatten().collect();
    serde_json::from_slice(&whole).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::leaf::{BlockId, DataKeyId, Scope};

    /// A log whose records are all at hand.
    struct List(Vec<(Leaf, Option<Vec<Record>>)>, u64);

    impl View for List {
        fn range(&self) -> Range<u64> {
            self.1..self.0.len() as u64
        }

        fn leaf(&self, index: u64) -> Result<Option<Leaf>, LedgerError> {
            assert!(index >= self.1, "looked before the view");
            Ok(self.0.get(index as usize).map(|(leaf, _)| leaf.clone()))
        }

        fn records(&self, index: u64, _: &Block) -> Result<Option<Vec<Record>>, LedgerError> {
            Ok(self.0.get(index as usize).and_then(|(_, records)| records.clone()))
        }
    }

    fn block(source: &str, records: Vec<Record>) -> (Leaf, Option<Vec<Record>>) {
        let times = || records.iter().map(|r| r.received_ns);
        let block = Block {
            key: DataKeyId([0; 16]),
            block: BlockId([0; 16]),
            scope: Scope { source: source.to_owned(), class: "c".to_owned(), day: 0 },
            first_ns: times().min().unwrap_or(0),
            last_ns: times().max().unwrap_or(0),
            count: records.len() as u32,
            bytes: 0,
            root: [0; 32],
            previous: None,
        };
        (Leaf::Block(block), Some(records))
    }

    fn record(seconds: u64, sequence: Option<u64>) -> Record {
        Record { received_ns: seconds * 1_000_000_000, sequence, bytes: Vec::new() }
    }

    fn watch(log: &[(Leaf, Option<Vec<Record>>)]) -> Watch {
        rebuild(&List(log.to_vec(), 0)).unwrap().unwrap()
    }

    /// Puts the state of all leaves so far behind them, cut into pieces, some blocks of which may be lost.
    fn add_state(log: &mut Vec<(Leaf, Option<Vec<Record>>)>, bytes: usize, keep: usize) -> usize {
        let records = parts(&watch(log), log.len() as u64, 9, bytes).unwrap();
        let count = records.len();
        for chunk in records.chunks(2).take(keep) {
            log.push(block(STATE_SOURCE, chunk.to_vec()));
        }
        count
    }

    #[test]
    fn a_state_that_is_not_whole_is_passed_over() {
        let mut log = vec![block("fw", vec![record(1, Some(5))])];
        let first_at = log.len() as u64;
        assert!(add_state(&mut log, 60, usize::MAX) > 4);
        log.push(block("fw", vec![record(2, Some(6)), record(3, Some(9))]));
        let expected = watch(&log);
        assert_eq!(expected.kept(), first_at);
        // Of the next one the end is missing: the one before counts.
        add_state(&mut log, 60, 1);
        assert_eq!(newest(&List(log.clone(), 0)).unwrap().unwrap().1, first_at);
        assert_eq!(watch(&log), expected);
        // What lies before the newest state need not be there any more.
        assert_eq!(rebuild(&List(log.clone(), first_at)).unwrap().unwrap(), expected);
        assert_eq!(rebuild(&List(log.clone(), first_at + 1)).unwrap(), None);
    }

    #[test]
    fn forged_states_are_not_taken() {
        let log = vec![block("fw", vec![record(1, Some(5))])];
        let good = parts(&Watch::default(), 1, 9, 1 << 20).unwrap();
        let text = String::from_utf8(good[0].bytes.clone()).unwrap();
        for (from, to) in [
            ("\"schema_version\":1", "\"schema_version\":2"),
            ("\"leaves\":1", "\"leaves\":2"),
            ("\"leaves\":1", "\"leaves\":18446744073709551615"),
            ("\"parts\":1", "\"parts\":2"),
            ("\"parts\":1", "\"parts\":0"),
            ("\"next\":0", "\"next\":-1"),
            ("\n", " "),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            let mut log = log.clone();
            log.push(block(STATE_SOURCE, vec![Record { bytes: changed.into_bytes(), ..good[0].clone() }]));
            assert!(newest(&List(log, 0)).unwrap().is_none(), "{from} as {to}");
        }
    }

    proptest! {
        /// From any state in the log the rest leads to what all of it leads to.
        #[test]
        fn states_shorten_the_way_and_do_not_change_the_end(
            steps in prop::collection::vec((0..6_u8, 0..4_u64, prop::option::of(0..30_u64)), 1..30),
            bytes in 20..4000_usize,
        ) {
            let mut log = Vec::new();
            let mut plain = Vec::new();
            let mut now = 0;
            for (kind, gap, number) in steps {
                now += gap * 50;
                let next = match kind {
                    0 => block(super::super::CLOCK_SOURCE, vec![record(now, Some(gap))]),
                    1 => {
                        add_state(&mut log, bytes, 1 + gap as usize * 40);
                        continue;
                    }
                    2 => (block("vpn", vec![record(now, number)]).0, None),
                    3 => block("vpn", vec![record(now, number), record(now + 1, None)]),
                    _ => block("fw", vec![record(now, number)]),
                };
                log.push(next.clone());
                plain.push(next);
            }
            let mut found = watch(&log);
            found.restored(0);
            let mut expected = watch(&plain);
            expected.restored(0);
            prop_assert_eq!(found, expected);
        }
    }
}

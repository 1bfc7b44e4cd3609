//! When the records of a block came and how their source numbered them: all that completeness needs of them.
//!
//! # Invariants
//! The arrivals of a block are a function of its records in their order, however they were cut into frames: what the
//! write path sees and what is read back later are the same.
//!
//! # Trust
//! Numbers come from the source. A chunk of a Windows event log states the range of its events itself; a range that a
//! chunk cannot hold is not believed.

use hinomi_model::Timestamp;

use crate::records::Record;

/// First bytes of a chunk of a Windows event log; the numbers of its first and last event stand at offsets 24 and 32,
/// little-endian (MS-EVEN6; the same in every version of the format).
const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";
/// An event takes at least 28 bytes of the 65,536 of its chunk.
const EVENTS_PER_CHUNK: u64 = 65_536 / 28;

/// Records that came at one time, with consecutive numbers or with none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    pub at: Timestamp,
    /// Numbers of the first and the last event.
    pub numbers: Option<(u64, u64)>,
    /// How many records.
    pub records: u64,
}

/// The arrivals of consecutive records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Arrivals(Vec<Run>);

impl Arrivals {
    pub(crate) fn of(records: &[Record]) -> Self {
        let mut all = Self::default();
        records.iter().for_each(|record| {
            let at = Timestamp::from_nanos(i64::try_from(record.received_ns).unwrap_or(i64::MAX));
            all.push(Run { at, numbers: numbers_of(record), records: 1 });
        });
        all
    }

    /// Takes in those of the records that follow.
    pub(crate) fn extend(&mut self, next: &Self) {
        next.0.iter().for_each(|run| self.push(*run));
    }

    pub(crate) fn runs(&self) -> &[Run] {
        &self.0
    }

    fn push(&mut self, run: Run) {
        if let Some(last) = self.0.last_mut()
            && last.at == run.at
        {
            let joined = match (last.numbers, run.numbers) {
                (None, None) => Some(None),
                (Some((first, end)), Some((next, to))) if end.checked_add(1) == Some(next) => {
                    Some(Some((first, to)))
                }
                _ => None,
            };
            if let Some(numbers) = joined {
                *last = Run { numbers, records: last.records + run.records, ..*last };
                return;
            }
        }
        self.0.push(run);
    }
}

/// Numbers of the events of a chunk of a Windows event log, as it states them; `None` if it has none, or is none.
pub fn chunk_numbers(bytes: &[u8]) -> Option<(u64, u64)> {
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?));
    let (first, last) = (number(24)?, number(32)?);
    let plausible = first > 0 && first <= last && last - first < EVENTS_PER_CHUNK;
    (bytes.starts_with(CHUNK_MAGIC) && plausible).then_some((first, last))
}

/// Numbers of the first and the last event in a record: one number, unless it is a chunk that begins with it.
fn numbers_of(record: &Record) -> Option<(u64, u64)> {
    let number = record.sequence?;
    Some(chunk_numbers(&record.bytes).filter(|(first, _)| *first == number).unwrap_or((number, number)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(received_ns: u64, sequence: Option<u64>) -> Record {
        Record { received_ns, sequence, bytes: Vec::new() }
    }

    fn run(at: i64, numbers: Option<(u64, u64)>, records: u64) -> Run {
        Run { at: Timestamp::from_nanos(at), numbers, records }
    }

    fn chunk(first: u64, last: u64) -> Vec<u8> {
        let mut bytes = CHUNK_MAGIC.to_vec();
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(&first.to_le_bytes());
        bytes.extend_from_slice(&last.to_le_bytes());
        bytes
    }

    #[test]
    fn what_follows_at_the_same_time_is_one_run() {
        let records =
            [record(5, None), record(5, None), record(6, None), record(6, Some(1)), record(6, Some(2))];
        let expected = [run(5, None, 2), run(6, None, 1), run(6, Some((1, 2)), 2)];
        assert_eq!(Arrivals::of(&records).runs(), expected);
        let apart = [record(6, Some(2)), record(6, Some(4)), record(7, Some(5)), record(7, Some(5))];
        let expected = [
            run(6, Some((2, 2)), 1),
            run(6, Some((4, 4)), 1),
            run(7, Some((5, 5)), 1),
            run(7, Some((5, 5)), 1),
        ];
        assert_eq!(Arrivals::of(&apart).runs(), expected);
        let end = [record(1, Some(u64::MAX)), record(1, Some(0))];
        assert_eq!(Arrivals::of(&end).runs().len(), 2);
    }

    #[test]
    fn chunks_state_their_numbers_and_are_not_believed_blindly() {
        assert_eq!(chunk_numbers(&chunk(91, 180)), Some((91, 180)));
        for (first, last) in [(0, 0), (0, 5), (9, 8), (1, u64::MAX), (1, 1 + EVENTS_PER_CHUNK), (u64::MAX, 0)]
        {
            assert_eq!(chunk_numbers(&chunk(first, last)), None, "{first}..{last}");
        }
        assert_eq!(chunk_numbers(&chunk(1, 2)[..39]), None);
        assert_eq!(chunk_numbers(b"ElfFile\0"), None);
        let mut numbered = record(1, Some(91));
        numbered.bytes = chunk(91, 180);
        assert_eq!(numbers_of(&numbered), Some((91, 180)));
        numbered.sequence = Some(7);
        assert_eq!(numbers_of(&numbered), Some((7, 7)), "the receiver's number counts");
        numbered.sequence = None;
        assert_eq!(numbers_of(&numbered), None);
    }

    proptest! {
        /// However a block is cut into frames, its arrivals are the same, and none is lost.
        #[test]
        fn frames_do_not_matter(
            numbers in prop::collection::vec((0..3_u64, prop::option::of(0..6_u64)), 0..40),
            cut in 0..40_usize,
        ) {
            let records: Vec<Record> = numbers.iter().map(|(at, number)| record(*at, *number)).collect();
            let whole = Arrivals::of(&records);
            let (a, b) = records.split_at(cut.min(records.len()));
            let mut parts = Arrivals::of(a);
            parts.extend(&Arrivals::of(b));
            prop_assert_eq!(&parts, &whole);
            prop_assert_eq!(whole.runs().iter().map(|r| r.records).sum::<u64>(), records.len() as u64);
        }
    }
}

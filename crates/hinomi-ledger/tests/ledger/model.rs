//! The ledger against a naive model: a list of what was appended to each source.

use std::collections::BTreeMap;

use hinomi_ledger::{Leaf, Ledger, Options, Reader, Record};
use proptest::prelude::*;

use crate::support::{Home, NOON, inline};

#[derive(Clone, Debug)]
enum Step {
    Append { source: u8, class: u8, day: u8, records: Vec<(Vec<u8>, Option<u64>)> },
    Commit,
    Tick,
    Reopen,
    Pack,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![
        "[a-z ]{0,60}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..200),
        (1usize..5000).prop_map(|n| vec![b'x'; n]),
    ];
    let record = (bytes, prop_oneof![Just(None), (0..u64::MAX).prop_map(Some)]);
    let append = (0..3u8, 0..2u8, 0..2u8, prop::collection::vec(record, 0..12))
        .prop_map(|(source, class, day, records)| Step::Append { source, class, day, records });
    prop_oneof![6 => append, 2 => Just(Step::Commit), 3 => Just(Step::Tick), 1 => Just(Step::Reopen), 1 => Just(Step::Pack)]
}

type Model = BTreeMap<(String, String), Vec<Record>>;

/// Everything that the reader gives back, by source and class, in order of leaves.
fn read_all(home: &Home) -> Model {
    let reader = Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap();
    let mut out = Model::new();
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for block in reader.blocks(0, reader.size()) {
        let block = block.unwrap();
        let scope = &block.block.scope;
        assert_eq!(block.block.previous, last.get(&scope.source).copied(), "the chain of a source");
        last.insert(scope.source.clone(), block.leaf);
        let days: Vec<u64> = block.records.iter().map(|r| r.received_ns / 86_400_000_000_000).collect();
        assert!(days.iter().all(|d| *d == u64::from(scope.day)), "{days:?} in {scope:?}");
        let of_source = out.entry((scope.source.clone(), scope.class.clone())).or_default();
        of_source.extend(block.records);
    }
    assert!(matches!(reader.leaf(0).unwrap(), Leaf::Genesis(_)));
    out
}

/// Records of two days interleave in blocks, so they are compared per day.
fn by_day(model: &Model) -> BTreeMap<(String, String, u64), Vec<Record>> {
    let mut out: BTreeMap<_, Vec<Record>> = BTreeMap::new();
    for ((source, class), records) in model {
        for record in records {
            let day = record.received_ns / 86_400_000_000_000;
            out.entry((source.clone(), class.clone(), day)).or_default().push(record.clone());
        }
    }
    out
}

fn play(steps: &[Step], options: Options) {
    let home = Home::new(options);
    let mut ledger: Option<Ledger> = Some(home.open().0);
    let mut model = Model::new();
    let mut now = NOON;
    for step in steps {
        let open = ledger.as_ref().unwrap();
        match step {
            Step::Append { source, class, day, records } => {
                let (source, class) = (format!("source {source}"), format!("class {class}"));
                now += 1000;
                let at = now + u64::from(*day) * 86_400_000_000_000;
                let records: Vec<Record> = records
                    .iter()
                    .map(|(bytes, sequence)| Record {
                        received_ns: at,
                        sequence: *sequence,
                        bytes: bytes.clone(),
                    })
                    .collect();
                open.append(&source, &class, records.clone()).unwrap();
                if !records.is_empty() {
                    model.entry((source, class)).or_default().extend(records);
                }
            }
            Step::Commit => open.commit().unwrap(),
            Step::Tick => open.tick().unwrap(),
            Step::Pack => open.pack().unwrap(),
            Step::Reopen => {
                ledger.take().unwrap().close().unwrap();
                let (again, recovery) = home.open();
                assert_eq!((recovery.dropped_bytes, recovery.open_blocks), (0, 0));
                ledger = Some(again);
            }
        }
    }
    ledger.as_ref().unwrap().tick().unwrap();
    assert_eq!(by_day(&read_all(&home)), by_day(&model));
    ledger.take().unwrap().close().unwrap();
    assert_eq!(by_day(&read_all(&home)), by_day(&model));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_was_appended_is_read_back(
        steps in prop::collection::vec(step(), 1..40),
        wal_bytes in prop_oneof![Just(4096u64), Just(30_000), Just(1 << 28)],
        block_bytes in prop_oneof![Just(300u64), Just(20_000), Just(4 << 20)],
    ) {
        play(&steps, Options { wal_bytes, block_bytes, ..inline() });
    }
}

#[test]
fn packed_files_are_gone_and_their_records_are_not() {
    let home = Home::new(Options { wal_bytes: 10_000, ..inline() });
    let (ledger, _) = home.open();
    for i in 0..60u64 {
        let bytes: Vec<u8> = (0..2000u64).map(|n| ((n * (i + 7) * 2_654_435_761) >> 13) as u8).collect();
        let record = Record { received_ns: NOON + i, sequence: Some(i), bytes };
        ledger.append("fw", "security", vec![record]).unwrap();
        ledger.tick().unwrap();
    }
    let list = |folder: &str| std::fs::read_dir(home.places.evidence.join(folder)).unwrap().count();
    let before = list("wal");
    assert!(before > 5, "{before} files");
    ledger.pack().unwrap();
    assert_eq!((list("wal"), list("segments")), (1, before - 1));
    let reader = Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap();
    let sequences: Vec<u64> =
        reader.blocks(0, reader.size()).flat_map(|b| b.unwrap().records).filter_map(|r| r.sequence).collect();
    assert_eq!(sequences, (0..60).collect::<Vec<_>>());
}

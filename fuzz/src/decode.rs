//! Reads whatever it is given as an investigation does, and forgets it.

use hinomi_columns::{Projection, Store};
use hinomi_ingest::AnyDecoder;
use hinomi_ingest::intake::{Intake, Item, Options, Root};
use hinomi_model::{Diagnostics, NANOS_PER_SECOND, Timestamp};

/// Decodes all units; every row lies in its unit.
pub fn decode(root: Root) {
    let mut intake =
        Intake::new(vec![root], Options::at(Timestamp::from_nanos(1_790_000_000 * NANOS_PER_SECOND)));
    let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
    let mut decoder = AnyDecoder::default();
    while let Some(item) = intake.next() {
        let Item::Unit(format, unit) = item else { continue };
        decoder.decode(format, &unit, &mut store, &mut Diagnostics::default());
        for batch in store.batches() {
            for row in batch.rows() {
                let end = row.offset + u64::from(row.length);
                assert!(end <= unit.bytes.len() as u64, "a row of {} bytes ends at {end}", unit.bytes.len());
            }
        }
        store.reset();
        intake.recycle(unit.bytes);
    }
}

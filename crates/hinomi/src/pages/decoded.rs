//! What is read from one event of the ledger: its fields and its bytes.
//!
//! The block is decoded again, together with some before and after it of the same source: some events lean on what came before
//! (a header, the beginning of a log), some go on in what comes next. An event that leans on more is not read, and nothing is said of it.
//!
//! # Invariants
//! Five blocks at most are decoded for an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use hinomi_columns::{Batch, FieldId, Projection, Store, ValueId, well_known};
use hinomi_ingest::intake::{Intake, Item, Options};
use hinomi_ingest::{AnyDecoder, Unit};
use hinomi_ledger::{Leaf, LedgerError, Reader};
use hinomi_model::{Diagnostics, Digest, EvidencePlace, EvidenceRef};

use super::Refused;
use super::evidence::Evidence;
use crate::clock;
use crate::recorded::{Recorded, open_reader};
use crate::scan::whole_text_of;

/// Leaves on either side among which the next block of the source is looked for.
const LOOKED_AT: u64 = 64;
/// Blocks after the event's own that are decoded with it.
const MOST_AFTER: usize = 3;
/// Fields that are told.
const MOST_FIELDS: usize = 500;
/// Bytes of a value that are told.
const LONGEST_VALUE: usize = 4096;

/// An event as its decoder reads it.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// Names and values, as the log has them.
    pub(super) fields: BTreeMap<String, String>,
    /// Its bytes, if they are those that the reference names; they may go on in the next records.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Decodes with a view of its own, so that no other answer waits.
#[derive(Debug, Default)]
pub(super) struct Decoding(Mutex<Option<Reader>>);

impl Decoding {
    /// The cited event; empty when the decoder finds none there.
    pub(super) fn read(&self, evidence: &Evidence, reference: &EvidenceRef) -> Result<Decoded, Refused> {
        let EvidencePlace::Log { leaf, .. } = reference.place else { return Ok(Decoded::default()) };
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = match slot.take() {
            Some(mut reader) => {
                reader.refresh()?;
                reader
            }
            None => open_reader(evidence.data())?,
        };
        let mut leaves = BTreeSet::from([leaf]);
        leaves.extend(beside(&reader, leaf)?);
        let recorded = Recorded::of_leaves(evidence.data(), reader, &leaves)?;
        let decoded = decoded(&recorded, reference);
        *slot = Recorded::into_reader(recorded);
        Ok(decoded)
    }
}

/// The blocks of the same source on both sides of one.
fn beside(reader: &Reader, leaf: u64) -> Result<Vec<u64>, LedgerError> {
    let Leaf::Block(block) = reader.leaf(leaf)? else { return Ok(Vec::new()) };
    let is_of_it = |other: u64| {
        Ok(matches!(reader.leaf(other)?, Leaf::Block(other) if other.scope.source == block.scope.source))
    };
    let mut found = Vec::new();
    for earlier in (leaf.saturating_sub(LOOKED_AT)..leaf).rev() {
        if is_of_it(earlier)? {
            found.push(earlier);
            break;
        }
    }
    let end = reader.size().min(leaf.saturating_add(1 + LOOKED_AT));
    let most = found.len() + MOST_AFTER;
    for later in leaf.saturating_add(1)..end {
        if found.len() < most && is_of_it(later)? {
            found.push(later);
        }
    }
    Ok(found)
}

fn decoded(recorded: &Arc<Recorded>, reference: &EvidenceRef) -> Decoded {
    let mut intake = Intake::new(recorded.roots(), Options::at(clock::now()));
    let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
    let mut decoder = AnyDecoder::default();
    while let Some(item) = intake.next() {
        let Item::Unit(format, unit) = item else { continue };
        decoder.decode(format, &unit, &mut store, &mut Diagnostics::default());
        for batch in store.batches() {
            let row = (0..batch.rows().len()).find(|row| is_cited(recorded, &unit, batch, *row, reference));
            if let Some(row) = row {
                return Decoded {
                    fields: fields(&store, batch, row),
                    bytes: bytes(&unit, batch, row, reference),
                };
            }
        }
        store.reset();
    }
    Decoded::default()
}

fn is_cited(recorded: &Recorded, unit: &Unit, batch: &Batch, row: usize, reference: &EvidenceRef) -> bool {
    let Some(header) = batch.rows().get(row).filter(|header| header.sub == reference.sub) else {
        return false;
    };
    let place = recorded.locate(&unit.member.path, unit.offset + header.offset);
    place.is_some_and(|(place, offset)| place == reference.place && offset == reference.offset)
}

/// The event's bytes, if they are those that the reference names.
fn bytes(unit: &Unit, batch: &Batch, row: usize, reference: &EvidenceRef) -> Option<Vec<u8>> {
    let header = batch.rows().get(row)?;
    let from = usize::try_from(header.offset).ok()?;
    let bytes = unit.bytes.get(from..from.checked_add(header.length as usize)?)?;
    (Digest::of(bytes) == reference.event).then(|| bytes.to_vec())
}

fn fields(store: &Store, batch: &Batch, row: usize) -> BTreeMap<String, String> {
    let shape = batch.shape();
    let shared = [
        (well_known::CHANNEL, shape.channel),
        (well_known::PROVIDER, shape.provider),
        (well_known::EVENT_ID, shape.event_id),
    ];
    let own = batch.fields().iter().filter(|field| **field != well_known::RAW);
    let own = own.map(|&field| (field, batch.cell(row, field)));
    let told = shared.into_iter().chain(own).filter_map(|(field, value)| {
        let value = text(store, field, value)?;
        Some((store.fields().name(field).to_owned(), value))
    });
    told.take(MOST_FIELDS).collect()
}

/// The text of a value, which may be cut; `None` when there is none.
fn text(store: &Store, field: FieldId, value: ValueId) -> Option<String> {
    let whole = whole_text_of(store, field, value)?;
    let cut = whole.get(..whole.floor_char_boundary(LONGEST_VALUE)).unwrap_or_default();
    Some(if cut.len() < whole.len() { format!("{cut}…") } else { whole.into_owned() })
}

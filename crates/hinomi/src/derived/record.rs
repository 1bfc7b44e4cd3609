//! From offsets in the joined records of a ledger back to records.

use std::cell::RefCell;
use std::sync::Arc;

use hinomi_query::derive::Place;

use crate::recorded::{BlockAround, Recorded};

/// The ledger that units come from.
pub(super) struct Records {
    ledger: Arc<Recorded>,
}

impl Records {
    pub(super) fn new(ledger: Arc<Recorded>) -> Self {
        Self { ledger }
    }

    /// The stream that was read under a name, if it is the ledger's.
    pub(super) fn stream<'r>(&'r self, name: &'r str) -> Option<StreamPlaces<'r>> {
        let source = self.ledger.source_of(name)?;
        Some(StreamPlaces { ledger: &self.ledger, name, source, block: RefCell::new(None) })
    }
}

/// Records of one stream, looked up from ever growing offsets for the most part.
pub(super) struct StreamPlaces<'r> {
    ledger: &'r Recorded,
    name: &'r str,
    source: &'r str,
    /// The block looked at last, with the offsets at which its records begin.
    block: RefCell<Option<(BlockAround, Vec<u64>)>>,
}

impl StreamPlaces<'_> {
    /// Name of the source in the ledger.
    pub(super) fn source(&self) -> &str {
        self.source
    }

    pub(super) fn place(&self, offset: u64) -> Place {
        self.look_up(offset).unwrap_or(Place { record: None, offset })
    }

    fn look_up(&self, offset: u64) -> Option<Place> {
        let mut held = self.block.borrow_mut();
        let holds = |(block, starts): &(BlockAround, Vec<u64>)| {
            offset >= block.start && starts.last().is_some_and(|end| offset < *end)
        };
        if !held.as_ref().is_some_and(holds) {
            let block = self.ledger.block_around(self.name, offset)?;
            let mut at = block.start;
            let mut starts = vec![at];
            starts.extend(block.lengths.iter().map(|length| {
                at += u64::from(*length);
                at
            }));
            *held = Some((block, starts));
        }
        let (block, starts) = held.as_ref()?;
        let record = starts.partition_point(|start| *start <= offset).checked_sub(1)?;
        let rest = offset - starts.get(record)?;
        Some(Place { record: Some((block.leaf, u32::try_from(record).ok()?)), offset: rest })
    }
}

//! Evidence in, gists out: which words stretches of a ledger hold, without deriving them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use hinomi_columns::{Projection, Store};
use hinomi_ingest::AnyDecoder;
use hinomi_ingest::intake::{Intake, Item, Options};
use hinomi_model::Diagnostics;
use hinomi_query::derive::{Gist, GistBuilder};
use hinomi_query::{Mapping, QueryError};

use super::Piece;
use crate::recorded::Recorded;

/// Bytes of values that are remembered from one stretch to the next.
const STORE_BYTES: usize = 32 << 20;
/// Units on their way from the reader to the decoder.
const AHEAD: usize = 4;

/// What a stretch holds, and how much of it could not be read.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) gist: Gist,
    pub(crate) losses: u64,
}

/// Makes gists of one stretch after the other. One thread reads, another decodes.
#[derive(Debug)]
pub(crate) struct Outliner {
    mapping: Mapping,
    decoder: AnyDecoder,
    store: Store,
    builder: GistBuilder,
}

impl Outliner {
    /// # Errors
    /// When the bundled mapping does not parse, which a test excludes.
    pub(crate) fn new() -> Result<Self, QueryError> {
        Ok(Self {
            mapping: Mapping::bundled()?,
            decoder: AnyDecoder::default(),
            store: Store::new(&Projection::of([""; 0]).and_all_others()),
            builder: GistBuilder::default(),
        })
    }

    /// The gist of what was chosen of a ledger: of the events that deriving the same would write.
    ///
    /// # Errors
    /// [`QueryError::Engine`] when decoding broke off.
    pub(crate) fn outline(
        &mut self,
        recorded: &Arc<Recorded>,
        reading: Options,
    ) -> Result<Outline, QueryError> {
        let mut intake = Intake::new(recorded.roots(), reading);
        let mut read = Diagnostics::default();
        let (units, queue) = sync_channel::<Piece>(AHEAD);
        let (buffers, returned) = sync_channel::<Vec<u8>>(AHEAD * 2);
        let decoded = std::thread::scope(|scope| {
            let this = &mut *self;
            let decoding = scope.spawn(move || this.decode(&queue, &buffers));
            while let Some(item) = intake.next() {
                returned.try_iter().for_each(|buffer| intake.recycle(buffer));
                if let Item::Unit(format, unit) = item
                    && units.send((format, unit)).is_err()
                {
                    break;
                }
                read.append(&mut intake.take_diagnostics());
            }
            drop(units);
            decoding.join()
        });
        read.append(&mut intake.take_diagnostics());
        read.append(&mut recorded.take_losses());
        let Ok(mut decoded) = decoded else {
            // What a broken decoder holds is not used again.
            *self = Self::new()?;
            return Err(QueryError::Engine("a decoder failed; please report it".to_owned()));
        };
        read.append(&mut decoded);
        let losses = read.entries().iter().map(|d| 1 + d.repeated).sum();
        Ok(Outline { gist: self.builder.finish(), losses })
    }

    fn decode(&mut self, queue: &Receiver<Piece>, buffers: &SyncSender<Vec<u8>>) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        while let Ok((format, unit)) = queue.recv() {
            self.store.drop_rows();
            if self.store.bytes() > STORE_BYTES {
                self.store.reset();
            }
            self.decoder.decode(format, &unit, &mut self.store, &mut diagnostics);
            self.builder.absorb(&self.store, &self.mapping);
            // A full return channel only means that the buffer is dropped.
            let _ = buffers.try_send(unit.bytes);
        }
        self.store.drop_rows();
        diagnostics
    }
}

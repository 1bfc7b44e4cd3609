//! The decoders under one roof.

use hinomi_columns::Store;
use hinomi_model::Diagnostics;

use crate::intake::Format;
use crate::{Decode, EvtxDecoder, TextDecoder, Unit};

/// One decoder per format. It remembers ids of the store it writes to: use one per [`Store`].
#[derive(Debug, Default)]
pub struct AnyDecoder {
    evtx: EvtxDecoder,
    text: TextDecoder,
}

impl AnyDecoder {
    /// Appends every event of `unit` to `store` and every loss to `diagnostics`.
    pub fn decode(&mut self, format: Format, unit: &Unit, store: &mut Store, diagnostics: &mut Diagnostics) {
        match format {
            Format::Evtx => self.evtx.decode(unit, store, diagnostics),
            Format::Json | Format::Text => self.text.decode(unit, store, diagnostics),
        }
    }
}

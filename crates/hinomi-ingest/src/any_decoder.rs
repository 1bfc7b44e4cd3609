//! The decoders under one roof.

use hinomi_columns::Store;
use hinomi_model::Diagnostics;

use crate::intake::Format;
use crate::{Decode, EvtxDecoder, JsonDecoder, TextDecoder, Unit};

/// One decoder per format. It remembers ids of the store it writes to: use one per [`Store`].
#[derive(Debug)]
pub struct AnyDecoder {
    evtx: EvtxDecoder,
    json: JsonDecoder,
    text: TextDecoder,
}

impl Default for AnyDecoder {
    fn default() -> Self {
        Self { evtx: EvtxDecoder::default(), json: JsonDecoder::new(), text: TextDecoder::default() }
    }
}

impl AnyDecoder {
    /// Whether the last EVTX unit held text of one byte per character beside UTF-16.
    pub fn holds_narrow_text(&self) -> bool {
        self.evtx.holds_narrow_text()
    }

    /// Appends every event of `unit` to `store` and every loss to `diagnostics`.
    pub fn decode(&mut self, format: Format, unit: &Unit, store: &mut Store, diagnostics: &mut Diagnostics) {
        match format {
            Format::Evtx => self.evtx.decode(unit, store, diagnostics),
            Format::Json => self.json.decode(unit, store, diagnostics),
            Format::Text => self.text.decode(unit, store, diagnostics),
        }
    }
}

//! The decoders under one roof.

use hinomi_columns::Store;
use hinomi_model::Diagnostics;

use crate::intake::Format;
use crate::{Decode, EvtxDecoder, FlowDecoder, JournalDecoder, JsonDecoder, TextDecoder, Unit};

/// One decoder per format, made when its format is first met. It remembers ids of the store it writes to: use one
/// per [`Store`].
#[derive(Debug, Default)]
pub struct AnyDecoder {
    evtx: EvtxDecoder,
    journal: Option<Box<JournalDecoder>>,
    json: Option<Box<JsonDecoder>>,
    text: Option<Box<TextDecoder>>,
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
            Format::Flow => FlowDecoder.decode(unit, store, diagnostics),
            Format::Journal => {
                let journal = self.journal.get_or_insert_with(|| Box::new(JournalDecoder::new()));
                journal.decode(unit, store, diagnostics);
            }
            Format::Json => {
                let json = self.json.get_or_insert_with(|| Box::new(JsonDecoder::new()));
                json.decode(unit, store, diagnostics);
            }
            Format::Text => {
                self.text.get_or_insert_default().decode(unit, store, diagnostics);
            }
        }
    }
}

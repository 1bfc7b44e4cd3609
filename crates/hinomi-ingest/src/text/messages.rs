//! Messages that come without their line: the journal of systemd keeps who wrote them in fields of their own.
//!
//! # Invariants
//! - A message means what it would mean in a line of the same program: the same mapping, kind and fields.
//! - What the source says in fields of its own stays; a message adds to it.

use hinomi_columns::Store;
use hinomi_model::KindId;

use super::catalogue::Catalogue;
use super::decoder::{header_fields, meaning};
use super::envelope::{Envelope, Framing};
use super::event::{Cells, Event, Ids};
use super::names::fixed;
use super::template::Captures;

/// A message and who wrote it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) program: String,
    pub(crate) pid: String,
    pub(crate) message: String,
}

/// Takes messages apart. One serves one [`Store`]: it remembers field ids.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    ids: Ids,
    scratch: (Captures, Vec<u16>),
}

impl Messages {
    /// Adds what a message means to the cells of its event; the kind, where a mapping knows the message.
    pub(crate) fn read(&mut self, sent: &Sent, store: &mut Store, cells: &mut Cells) -> Option<KindId> {
        let catalogue = Catalogue::bundled();
        let envelope = Envelope {
            framing: Framing::Syslog,
            program: &sent.program,
            pid: &sent.pid,
            message: &sent.message,
            ..Envelope::default()
        };
        let mut event = Event::roomy();
        header_fields(&envelope, &mut event);
        let found = meaning(catalogue, &envelope, &mut event, &mut self.scratch);
        // The text stays where the source has it.
        event.remove(fixed::MESSAGE);
        self.ids.further_cells(&catalogue.names, &event, store, cells);
        found.map(|(kind, _)| self.ids.static_kind(kind, store))
    }
}

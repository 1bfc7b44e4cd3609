//! Text logs: syslog in its variants, time-stamped lines, CEF, LEEF, `key=value`, CSV, Zeek and W3C tables,
//! Linux audit records. What messages mean is data: `mappings/text/*.yaml`.
//!
//! # Invariants
//! - Every line that is not a header is a row, whether or not it is understood; `_raw` holds its text.
//! - A host comes from what a line says, never from the name of its file.
//!
//! # Trust
//! Lines are hostile. Templates are matched with a bound on steps, lines and fields have bounds, and nothing
//! is evaluated.
//!
//! # Not here
//! JSON inside lines (`json`), Windows event logs (`evtx`).

mod apply;
mod audit;
mod catalogue;
mod clock;
mod csv;
mod decoder;
mod envelope;
mod event;
mod lines;
mod mapping;
mod messages;
mod names;
mod pairs;
mod recognise;
mod stamp;
mod table;
mod tabular;
mod template;
#[cfg(test)]
mod tests;

pub use catalogue::MappingError;
pub use decoder::TextDecoder;
pub(crate) use messages::{Messages, Sent};
pub(crate) use recognise::is_open_audit_event;
pub use recognise::{Recognition, TextFormat, recognise, text_cut};
pub use template::TemplateError;

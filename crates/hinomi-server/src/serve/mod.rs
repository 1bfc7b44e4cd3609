//! The server that receives: its configuration, its listeners, its health, and what it writes about itself.
//!
//! # Invariants
//! - A configuration is checked whole before anything of it takes effect.
//! - Without a configuration nothing listens beyond this machine.
//! - Stopping refuses what is new, finishes what was begun, and ends in bounded time as long as the disk writes.
//!
//! # Not here
//! Receiving (`receive`); opening the ledger and signals (`hinomi`).

mod admin;
mod alert_sinks;
mod alerting;
mod assure_section;
mod board;
mod configuration;
mod inspection;
mod journal;
mod page_section;
mod service;
mod watched;

pub use alerting::{Alerting, FindingsSection};
pub use assure_section::AssureSection;
pub use board::{Board, Exposition};
pub use configuration::{BUNDLED, Configuration, ConfigurationError, DetectionSection, EXAMPLE};
pub use inspection::{Certificate, Endpoint, Inspection};
pub use journal::{Journal, JournalFormat};
pub use service::{Listening, Renewed, Service, Started};

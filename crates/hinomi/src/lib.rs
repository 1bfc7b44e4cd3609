//! What the `hinomi` command does: scanning, reports and their rendering.
//!
//! # Not here
//! Parsing (`hinomi-ingest`), rules (`hinomi-detect`).

pub mod access;
pub mod alerting;
mod apart;
pub mod args;
pub mod assure;
pub mod attack;
pub mod casework;
mod clock;
pub mod command;
mod correlated;
#[cfg(feature = "query")]
pub mod derived;
pub mod document;
pub mod exit;
pub mod exports;
mod framing;
pub mod japanese;
pub mod judge;
pub mod kept;
pub mod live;
pub mod measure;
mod outbox;
pub mod pages;
pub mod reach;
pub mod recorded;
pub mod render;
mod repeats;
pub mod report;
pub mod rulebook;
pub mod scan;
pub mod staging;
pub mod suppress;
pub mod trial;

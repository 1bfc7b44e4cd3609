//! The program as its users run it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests fail by panicking and write their own scratch files"
)]

mod assure;
mod attack_names;
mod case;
mod casework;
mod configuration;
mod corpora;
#[cfg(feature = "query")]
mod derived;
mod directory;
mod document;
mod exits;
mod export;
mod incidents;
mod isolation;
mod japanese;
mod judged;
mod ledger;
mod live;
mod output;
mod pages;
mod pieces;
#[cfg(feature = "query")]
mod query;
mod reach;
mod recorded;
mod retention;
#[cfg(feature = "query")]
mod searches;
mod sources;
mod support;
mod trial;
mod two_intrusions;
mod vaults;

//! JSON logs: lines, arrays, envelopes, objects printed over many lines.
//!
//! # Invariants
//! - One pass over the bytes: no tree is built, and a value nobody reads is neither unescaped nor copied.
//! - Kinds of logs are data (`mappings/json/*.yaml`); no vendor is named in code.
//! - A damaged object costs itself only: reading goes on at the next one.
//!
//! # Trust
//! Bytes may have been written by an intruder: depth, size, number of names and of kinds are bounded.
//!
//! # Not here
//! Opening and unpacking files; which of several formats a file has.

mod catalogue;
mod clock;
mod cut;
mod decoder;
mod envelope;
mod event;
mod finish;
mod mapping;
mod resync;
mod scan;
#[cfg(test)]
mod tests;
mod trie;
mod value;
mod wide;

pub use cut::{JsonCut, JsonCutState, MAX_OBJECT, json_cut};
pub use decoder::JsonDecoder;
pub(crate) use decoder::Place;

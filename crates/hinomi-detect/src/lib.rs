//! Rules, compiled once, evaluated over columns.
//!
//! # Not here
//! Files, clocks, threads (`hinomi`); parsing of logs (`hinomi-ingest`).

pub mod sigma;

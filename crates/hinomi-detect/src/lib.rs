//! Rules, compiled once, evaluated over columns.
//!
//! # Not here
//! Files, clocks, threads (`hinomi`); parsing of logs (`hinomi-ingest`).

pub mod completeness;
pub mod correlate;
mod engine;
pub mod sigma;
pub mod story;

pub use engine::{
    CompileError, Depth, Engine, EngineRule, Evaluator, FilterId, KeywordPrefilter, LogSourceError,
    LogSources, RawEncoding, RuleIndex,
};

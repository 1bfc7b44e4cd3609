//! Rules, compiled once, evaluated over columns.
//!
//! # Not here
//! Files, clocks, threads (`hinomi`); parsing of logs (`hinomi-ingest`).

pub mod completeness;
pub mod correlate;
mod detection;
mod engine;
mod fields;
pub mod live;
mod saved;
pub mod sigma;
pub mod story;

pub use detection::detection_id;
pub use engine::{
    CompileError, Depth, Engine, EngineRule, Evaluator, FilterId, KeywordPrefilter, LogSourceError,
    LogSources, RawEncoding, RuleIndex,
};
pub use fields::{Fields, KnownNames};

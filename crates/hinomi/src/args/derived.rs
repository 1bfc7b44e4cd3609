//! Arguments of `hinomi derive`, `hinomi query`, `hinomi search` and `hinomi verify derived`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{FormatName, Lang};

/// Arguments of `derive`.
#[derive(Debug, Args)]
pub struct Derive {
    /// Folders, files, archives, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Folder of derived data; what was derived there before is replaced
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Zone of times that state none, for instance Asia/Tokyo
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Take every log to be of this format
    #[arg(long, value_enum)]
    pub format: Option<FormatName>,
    /// Writers; the same number makes the same files again. Default: all cores
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<NonZeroU32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
    /// Language; default: that of the environment
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// Where derived data is.
#[derive(Debug, Args)]
pub struct DerivedAt {
    /// Folder made by `hinomi derive`, or the data directory of a ledger, whose derived data is brought up to date first
    #[arg(long = "in", value_name = "DIR")]
    pub folder: PathBuf,
    /// Of a ledger: ask what was derived so far, without what came since
    #[arg(long)]
    pub as_is: bool,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
    /// Language; default: that of the environment
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
    /// Zone of shown and given times, for instance Asia/Tokyo
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
}

/// Shape of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum RowShape {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// A JSON object a line
    Jsonl,
    /// CSV with a line of names
    Csv,
}

/// Arguments of `search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Where
    #[command(flatten)]
    pub at: DerivedAt,
    /// Terms; all have to hold. Put -- before a first term that begins with -
    #[arg(required = true, value_name = "TERMS")]
    pub terms: Vec<String>,
    /// Only events from this time on (RFC 3339, or a date in --tz)
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Most events shown
    #[arg(long, short, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Show the earliest events instead of the latest
    #[arg(long)]
    pub earliest: bool,
    /// Shape of the output
    #[arg(long, short, value_enum, default_value = "table", value_name = "SHAPE")]
    pub output: RowShape,
    /// Seconds after which the search ends with what it found
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,
}

/// Arguments of `query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// Where
    #[command(flatten)]
    pub at: DerivedAt,
    /// One SELECT; - reads it from standard input
    #[arg(value_name = "SQL", required_unless_present = "tables")]
    pub sql: Option<String>,
    /// List the tables and their columns instead
    #[arg(long)]
    pub tables: bool,
    /// Report of investigate --json or assure --json, for the tables of detections, incidents, claims and sessions
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// Make these reports now, of the evidence behind the derived data, as far as the query needs them
    #[arg(long)]
    pub judge: bool,
    /// Shape of the output
    #[arg(long, short, value_enum, default_value = "table", value_name = "SHAPE")]
    pub output: RowShape,
    /// Most rows handed out
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub max_rows: usize,
    /// MiB of memory that answering may take; beyond them the query ends with an error
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=1 << 20))]
    pub memory: u64,
    /// Seconds that answering may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

/// Arguments of `iceberg`.
#[derive(Debug, Args)]
pub struct IcebergArgs {
    /// Where
    #[command(flatten)]
    pub at: DerivedAt,
    /// URL of the folder of derived data as the engine that reads it sees it, for instance `s3://bucket/derived`
    #[arg(long, value_name = "URL")]
    pub location: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `verify derived`.
#[derive(Debug, Args)]
pub struct VerifyDerived {
    /// Where
    #[command(flatten)]
    pub at: DerivedAt,
    /// Derive everything again into a temporary folder and compare
    #[arg(long)]
    pub rebuild: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rules run`.
#[derive(Debug, Args)]
pub struct RulesRun {
    /// Rule files or folders, or `bundled`
    #[arg(required = true, value_name = "RULE|bundled")]
    pub rules: Vec<String>,
    /// Where
    #[command(flatten)]
    pub at: DerivedAt,
    /// Only events between two times (RFC 3339, or dates in --tz); either side may be left out
    #[arg(long, value_name = "FROM..UNTIL")]
    pub over: Option<String>,
    /// Values for %placeholder% in rules
    #[arg(long, value_name = "FILE")]
    pub placeholders: Vec<PathBuf>,
    /// Most matches shown; all are counted
    #[arg(long, short, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Shape of the output
    #[arg(long, short, value_enum, default_value = "table", value_name = "SHAPE")]
    pub output: RowShape,
}

//! Arguments of every verb that judges observed events.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{ColorChoice, FormatName, Lang};

/// How logs are read, and how results are shown.
#[derive(Debug, Args)]
pub struct Reading {
    /// Observation rules beside the bundled ones (YAML); a folder or a file
    #[arg(long, value_name = "DIR")]
    pub observations: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// Language of the output; taken from the environment by default
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
    /// Zone in which days begin, and of logs that state none, for instance Asia/Tokyo
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Only events from this time on (RFC 3339, or a date in --tz)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Take every log to be of this format
    #[arg(long, value_enum)]
    pub format: Option<FormatName>,
    /// Worker threads; default: all cores
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Most observed events kept
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    pub max_observations: u64,
    /// Colours
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
}

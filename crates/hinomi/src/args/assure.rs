//! Arguments of `assure`.

use std::path::PathBuf;

use clap::Args;

use super::{ColorChoice, FormatName, Lang};

/// Arguments of `assure`.
#[derive(Debug, Args)]
pub struct Assure {
    /// Folders, files, archives or data directories of ledgers with logs; exported settings (JSON) among them are
    /// recognised
    #[arg(required_unless_present = "exports", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Exports of settings, collections of a directory, lists of edges and of stored secrets, recognised by what they hold;
    /// a folder or a file. Repeat for several
    #[arg(long, short, value_name = "DIR")]
    pub exports: Vec<PathBuf>,
    /// Lists of accounts, hosts, suppliers, segments, logs, backups and exceptions (CSV); a folder or a file. Repeat for
    /// several
    #[arg(long, short, value_name = "DIR")]
    pub inventory: Vec<PathBuf>,
    /// Claims to judge beside the bundled ones (YAML); a folder or a file
    #[arg(long, value_name = "DIR")]
    pub claims: Vec<PathBuf>,
    /// Observation rules beside the bundled ones (YAML); a folder or a file
    #[arg(long, value_name = "DIR")]
    pub observations: Vec<PathBuf>,
    /// Use only what the lists said up to this time (RFC 3339, or a date in --tz): what was believed then
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// Write a page; its name's ending says what: .html (self-contained, one page for the board and one per supplier) or
    /// .csv or .xlsx (a row per verdict). Repeat for several
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// Names of accounts that lack a protection, in full: they are a shopping list for an intruder
    #[arg(long)]
    pub show_names: bool,
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
    pub jobs: Option<std::num::NonZeroUsize>,
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

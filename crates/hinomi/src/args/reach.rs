//! Arguments of `reach`.

use std::path::PathBuf;

use clap::Args;

use super::{ColorChoice, FormatName, Lang};

/// Arguments of `reach`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Reach {
    /// Folders, files, archives or data directories of ledgers with logs: what was reached in fact
    #[arg(value_name = "PATH", required_unless_present_any = ["exports", "inventory"])]
    pub paths: Vec<PathBuf>,
    /// Collections of a directory (JSON), lists of edges (from,kind,to) and of stored secrets (host,secret,account); a folder
    /// or a file. Repeat for several
    #[arg(long, short, value_name = "DIR")]
    pub exports: Vec<PathBuf>,
    /// Lists of accounts, hosts, suppliers and backups (CSV); a folder or a file. Repeat for several
    #[arg(long, short, value_name = "DIR")]
    pub inventory: Vec<PathBuf>,
    /// Who must not get through: supplier:NAME, suppliers, kind:KIND, or a name; by default all suppliers, or all accounts
    /// where there is none. Repeat or separate by commas
    #[arg(long, value_name = "WHO")]
    pub from: Vec<String>,
    /// What must not be reached: tier0, backups, kind:KIND, or a name. Repeat or separate by commas
    #[arg(long, value_name = "WHAT", default_value = "tier0,backups")]
    pub to: Vec<String>,
    /// Exports of an earlier time, to compare with
    #[arg(long, value_name = "DIR")]
    pub before: Vec<PathBuf>,
    /// Walk ways through the network as well
    #[arg(long)]
    pub network: bool,
    /// Observation rules beside the bundled ones (YAML); a folder or a file
    #[arg(long, value_name = "DIR")]
    pub observations: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// Write a self-contained page (.html). Repeat for several
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// Names of accounts in pages, in full: ways to what is protected are a map for an intruder
    #[arg(long)]
    pub show_names: bool,
    /// Language of the output; taken from the environment by default
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
    /// Zone of logs that state none, for instance Asia/Tokyo
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

//! Arguments of `assure`.

use std::path::PathBuf;

use clap::Args;

use super::Reading;

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
    /// Use only what the lists said up to this time (RFC 3339, or a date in --tz): what was believed then
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
    /// Write a page; its name's ending says what: .html (self-contained, one page for the board and one per supplier) or
    /// .csv or .xlsx (a row per verdict). Repeat for several
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// List sign-ins in the JSON, the latest up to this number, with what is known of a second factor
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "100000", default_value_t = 0)]
    pub sessions: usize,
    /// Names of accounts that lack a protection, in full: they are a shopping list for an intruder
    #[arg(long)]
    pub show_names: bool,
    /// Low priority, and no more memory than this: what a server asks for
    #[arg(long, value_name = "MIB", hide = true)]
    pub confined: Option<u64>,
    /// How logs are read, and how results are shown.
    #[command(flatten)]
    pub reading: Reading,
}

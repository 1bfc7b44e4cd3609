//! Arguments of `reach`.

use std::path::PathBuf;

use clap::Args;

use super::Reading;

/// Arguments of `reach`.
#[derive(Debug, Args)]
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
    /// Write a self-contained page (.html). Repeat for several
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// Names of accounts in pages, in full: ways to what is protected are a map for an intruder
    #[arg(long)]
    pub show_names: bool,
    /// How logs are read, and how results are shown.
    #[command(flatten)]
    pub reading: Reading,
}

//! Arguments of `hinomi doctor`.

use std::path::PathBuf;

use clap::Args;

use super::Lang;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Data directory of the ledger
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration of `hinomi serve`
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Unit of systemd; default: the installed hinomi.service
    #[arg(long, value_name = "FILE")]
    pub unit: Option<PathBuf>,
    /// One JSON document instead of a line for each check
    #[arg(long)]
    pub json: bool,
    /// Language; default: that of the environment
    #[arg(long, value_enum, value_name = "LANG")]
    pub lang: Option<Lang>,
}

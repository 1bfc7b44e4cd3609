//! Arguments of `hinomi serve` and `hinomi config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::health::HealthArgs;
use super::{DetectArgs, NewLedger};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Data directory; a new ledger is made when there is none
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Configuration (TOML), as `hinomi config example` prints one; without it nothing listens beyond this machine
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Bring derived data up to date every so many seconds, at low priority, so that searches and queries have what was
    /// received; 0 leaves it alone
    #[cfg(feature = "query")]
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub derive: u32,
    /// Only receive: evaluate no rules. `hinomi detect follow` can do that in a process of its own
    #[arg(long)]
    pub no_detect: bool,
    /// What is looked for while records arrive, and how
    #[command(flatten)]
    pub how: DetectArgs,
    /// How sources are watched
    #[command(flatten)]
    pub health: HealthArgs,
    /// What a new ledger is
    #[command(flatten)]
    pub new: NewLedger,
}

/// Verbs on configurations.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Read a configuration and the certificates it names, and say what is wrong; exits with 2 if anything is
    Check {
        /// The configuration
        file: PathBuf,
    },
    /// Print a configuration that shows every key
    Example,
    /// Make a token for a sender and print it, once; DIR/tokens.txt keeps its SHA-256
    #[command(after_help = "Example:\n  hinomi config token web01 --data /var/lib/hinomi\n\n\
        A server at work knows it once it gets SIGHUP.")]
    Token {
        /// Who it is for; part of the names of sources
        name: String,
        /// Data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

//! Arguments of `hinomi alert`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hinomi_alert::AlertId;

use super::LedgerData;

/// Verbs on alerts.
#[derive(Debug, Subcommand)]
pub enum AlertVerb {
    /// Say that somebody takes care of alerts, so that nobody else is woken for them
    #[command(
        after_help = "Example:\n  hinomi alert ack A17 --by aoki --note 'planned maintenance, ticket 4711' --data /var/lib/hinomi"
    )]
    Ack(AlertAck),
    /// List alerts, those that nobody has acknowledged first
    #[command(after_help = "Examples:\n  hinomi alert list --data /var/lib/hinomi\n  \
        hinomi alert list --data /var/lib/hinomi --all --json\n\n\
        Exit code 1: there are alerts that nobody has acknowledged.")]
    List {
        /// Where
        #[command(flatten)]
        at: LedgerData,
        /// Also those that were acknowledged
        #[arg(long)]
        all: bool,
    },
    /// Print an alert, with what to look at next
    #[command(after_help = "Example:\n  hinomi alert show A17 --data /var/lib/hinomi --lang ja")]
    Show {
        /// Which, such as A17
        alert: AlertId,
        /// Where
        #[command(flatten)]
        at: LedgerData,
    },
    /// Send a message that is marked as a test, and wait until it has arrived
    #[command(after_help = "Example:\n  hinomi alert test mail --by aoki --data /var/lib/hinomi\n\n\
        Exit code 4: it did not arrive.")]
    Test {
        /// Name of the sink
        sink: String,
        /// Who asks, for whoever reads it
        #[arg(long, value_name = "NAME", default_value = "an administrator")]
        by: String,
        /// Data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

/// Arguments of `alert ack`.
#[derive(Debug, Args)]
pub struct AlertAck {
    /// Which, such as A17
    #[arg(required = true, value_name = "ALERT")]
    pub alerts: Vec<AlertId>,
    /// Who takes care
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// What should be remembered
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

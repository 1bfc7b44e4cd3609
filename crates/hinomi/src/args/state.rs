//! Arguments of `hinomi state`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Lang;

/// Verbs on the state of a server.
#[derive(Debug, Subcommand)]
pub enum StateVerb {
    /// Make a recovery key, to be kept away from the server, and print the recipient that backups are sealed to
    #[command(
        after_help = "Example:\n  hinomi state key --out recovery.key      # on another machine; only this key opens backups\n  \
        echo hnr1… >> /var/lib/hinomi/recovery.txt  # on the server: what it printed"
    )]
    Key {
        /// The new file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Write what a server needs to go on elsewhere into one sealed file; the server may be at work
    #[command(
        after_help = "Examples:\n  hinomi state backup --data /var/lib/hinomi --config /etc/hinomi/hinomi.toml --to /mnt/backup\n  \
        hinomi state backup --data /var/lib/hinomi --to state.hnb --recipient hnr1… --with-evidence\n\n\
        Evidence itself is what vaults are for; --with-evidence takes it as well. docs/backup.md says what is in it."
    )]
    Backup(StateBackup),
    /// Put a backup into a new data directory, after everything in it was checked
    #[command(
        after_help = "Examples:\n  hinomi state restore --from state.hnb --key recovery.key --verify     # only a rehearsal\n  \
        hinomi state restore --from state.hnb --key recovery.key --data /var/lib/hinomi\n\n\
        Exit codes: 0 everything holds, 3 the file cannot be read, 4 something does not hold."
    )]
    Restore(StateRestore),
    /// Let a restored ledger go on, once nobody outside has seen more of it than it holds
    #[command(after_help = "Examples:\n  hinomi state resume --data /var/lib/hinomi --anchor /mnt/vault\n  \
        hinomi state resume --data /var/lib/hinomi --without-anchor 'the vault burnt as well, case 12'\n\n\
        Exit code 4: somebody has seen more. hinomi ledger repair brings it from there.")]
    Resume(StateResume),
}

/// Arguments of `state backup`.
#[derive(Debug, Args)]
pub struct StateBackup {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The new file, or a folder to make one in
    #[arg(long, value_name = "FILE|DIR")]
    pub to: PathBuf,
    /// Who can open it, as `hinomi state key` printed it; default: the lines of DIR/recovery.txt
    #[arg(long, value_name = "RECIPIENT")]
    pub recipient: Vec<String>,
    /// Configuration of `hinomi serve`, taken with the files that it names
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take the evidence, too
    #[arg(long)]
    pub with_evidence: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Language
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// Arguments of `state restore`.
#[derive(Debug, Args)]
pub struct StateRestore {
    /// The backup
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// The recovery key
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Data directory to make; it must be empty or missing
    #[arg(long, value_name = "DIR", required_unless_present = "verify", conflicts_with = "verify")]
    pub data: Option<PathBuf>,
    /// Restore into a scratch folder, check everything, and remove it again
    #[arg(long)]
    pub verify: bool,
    /// Where the scratch folder is made; default: the system's folder for temporary files. It will hold keys for the time
    #[arg(long, value_name = "DIR", requires = "verify")]
    pub scratch: Option<PathBuf>,
    /// Restore although something in it does not hold
    #[arg(long)]
    pub anyway: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Language
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// Arguments of `state resume`.
#[derive(Debug, Args)]
pub struct StateResume {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// What somebody outside has seen last: the folder of a vault, or a signed checkpoint; repeat for several
    #[arg(long, value_name = "DIR|FILE", required_unless_present = "without_anchor")]
    pub anchor: Vec<PathBuf>,
    /// Go on without asking anybody outside; the reason is recorded in the ledger
    #[arg(long, value_name = "REASON", conflicts_with = "anchor")]
    pub without_anchor: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Language
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

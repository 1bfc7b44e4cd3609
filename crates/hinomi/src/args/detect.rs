//! Arguments of `hinomi detect`.

use clap::{Args, Subcommand};

use super::{LedgerData, RuleArgs};

/// Verbs on detection while records arrive.
#[derive(Debug, Subcommand)]
pub enum Detect {
    /// Follow a ledger: evaluate the rules while records arrive, write each detection into the decision ledger once, and
    /// print it
    #[command(after_help = "Examples:\n  hinomi detect follow --data /var/lib/hinomi\n  \
        hinomi detect follow --data /var/lib/hinomi --rules bundled --rules /etc/hinomi/rules --json\n  \
        hinomi detect follow --data ./case --once\n\n\
        Rule files are read again when they change; where they cannot be used the old rules stay in force. What is\n\
        found depends on the records alone, not on when and in what steps this runs. See docs/live.md.")]
    Follow(FollowArgs),
    /// Find everything again with the rules that were in force, and compare it with what is written
    #[command(
        after_help = "Exit code 4: what is written does not follow from the evidence and the rules in force."
    )]
    Replay(LedgerData),
}

/// Arguments of `detect follow`.
#[derive(Debug, Args)]
pub struct FollowArgs {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// What is looked for, and how
    #[command(flatten)]
    pub how: DetectArgs,
    /// End when everything recorded so far is looked at
    #[arg(long)]
    pub once: bool,
    /// End before this leaf
    #[arg(long, value_name = "LEAF")]
    pub until: Option<u64>,
}

/// What is looked for while records arrive, and how.
#[derive(Debug, Args)]
pub struct DetectArgs {
    /// Rules
    #[command(flatten)]
    pub pack: RuleArgs,
    /// How much later than its own time, in seconds, an event may be received and still be correlated with others of
    /// that time. Correlations fire this much later [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub lateness: Option<u32>,
    /// Zone of times that state none [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
}

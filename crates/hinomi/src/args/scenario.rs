//! Arguments of `hinomi scenario`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Verbs on scenarios.
#[derive(Debug, Subcommand)]
pub enum Scenario {
    /// Write the logs of an organisation and a case, and the truth about them
    #[command(after_help = "Examples:\n  hinomi scenario render quiet-contractor --out /var/tmp/case\n  \
        hinomi scenario render quiet-contractor --out /var/tmp/year --without-case --days 365 --events 20M\n  \
        hinomi scenario render mine/scenarios/case.yaml --out /var/tmp/v7 --variant 7")]
    Render(RenderArgs),
    /// List the bundled scenarios
    List,
}

/// Arguments of `scenario render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Name of a bundled scenario, or a file; what it names is looked for beside it
    #[arg(value_name = "NAME|FILE")]
    pub scenario: String,
    /// Folder to write to; it must be empty or not exist
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// Size and seeds
    #[command(flatten)]
    pub shape: RenderShape,
    /// Folder with the recordings that steps splice
    #[arg(long, value_name = "DIR")]
    pub recordings: Option<PathBuf>,
}

/// Size and seeds of a rendering.
#[derive(Debug, Clone, Args)]
pub struct RenderShape {
    /// Seed of the background
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Seed of a variant of the case: other tools, names, hours and pace
    #[arg(long, value_name = "N")]
    pub variant: Option<u64>,
    /// Days instead of the scenario's own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: Option<u32>,
    /// Hosts instead of the organisation's own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub hosts: Option<u32>,
    /// About so many lines; K and M are understood
    #[arg(long, value_name = "N", value_parser = amount)]
    pub events: Option<u64>,
    /// Background and ordinary work only, without the case
    #[arg(long)]
    pub without_case: bool,
    /// Without background: the case and the work that resembles it
    #[arg(long, conflicts_with = "without_case")]
    pub without_background: bool,
}

impl RenderShape {
    /// What the renderer takes.
    pub fn request(&self) -> hinomi_scenario::Request {
        hinomi_scenario::Request {
            seed: self.seed,
            variant: self.variant,
            days: self.days,
            hosts: self.hosts,
            events: self.events,
            without_case: self.without_case,
            without_background: self.without_background,
        }
    }
}

fn amount(text: &str) -> Result<u64, String> {
    let (digits, scale) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (text.trim_end_matches(['K', 'k']), 1_000),
        Some(b'M' | b'm') => (text.trim_end_matches(['M', 'm']), 1_000_000),
        _ => (text, 1),
    };
    let number = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(scale));
    number.filter(|n| *n > 0).ok_or_else(|| "a number such as 20M or 500000".to_owned())
}

//! Arguments of `hinomi trial`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::RenderShape;

/// Verbs on trials.
#[derive(Debug, Subcommand)]
pub enum Trial {
    /// Run recorded or rendered attacks through the whole program and measure what was detected, when and with how much noise
    #[command(
        after_help = "Examples:\n  hinomi trial run --set corpus --labels trials/windows.labels.jsonl --markdown table.md\n  \
        hinomi trial run --scenario quiet-contractor --without-background --variants 20\n  \
        hinomi trial run --rendered /var/tmp/case --baseline trials/case.baseline.json\n  \
        hinomi trial run --scenario quiet-contractor --without-background --without backup"
    )]
    Run(Box<TrialArgs>),
}

/// Arguments of `trial run`.
#[derive(Debug, Args)]
pub struct TrialArgs {
    /// What is tried
    #[command(flatten)]
    pub subject: TrialSubject,
    /// Labels of the set, one JSON object a line; default: labels.jsonl in its folder
    #[arg(long, value_name = "FILE", requires = "set")]
    pub labels: Option<PathBuf>,
    /// Variants of the scenario instead of the case itself; their seeds come from the digest of the rules
    #[arg(long, value_name = "N", requires = "scenario", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub variants: Option<u32>,
    /// Size and seed of the rendering
    #[command(flatten)]
    pub shape: RenderShape,
    /// Folder for renderings; default: a temporary one. They are removed afterwards
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// Folder with the recordings that steps splice
    #[arg(long, value_name = "DIR")]
    pub recordings: Option<PathBuf>,
    /// Sigma rules: a file, a folder, or `bundled`; repeat to combine
    #[arg(long, short, value_name = "DIR|bundled")]
    pub rules: Vec<String>,
    /// Leave out the rules of a family (a folder or file of the pack), a tag or an id; repeat for several
    #[arg(long, value_name = "FAMILY|TAG|ID")]
    pub without: Vec<String>,
    /// Lowest level that counts as a detection
    #[arg(long, value_name = "LEVEL", default_value = "low", value_parser = super::level)]
    pub min_level: hinomi_model::Level,
    /// Most detections kept, and twenty times as many matches that only feed correlations; further ones are counted and reach
    /// no correlation
    #[arg(long, value_name = "N", default_value_t = 250_000)]
    pub max_detections: u64,
    /// Compare with this file and exit with 4 when a figure is worse
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the figures to the baseline file instead of comparing
    #[arg(long, requires = "baseline")]
    pub update_baseline: bool,
    /// Append a line of JSON with the figures to this file
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Write an ATT&CK Navigator layer of techniques whose trial fired
    #[arg(long, value_name = "FILE")]
    pub navigator: Option<PathBuf>,
    /// Write a table in Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Worker threads; default: all cores
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
}

/// What is tried: one of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct TrialSubject {
    /// Folder of recordings with labels
    #[arg(long, value_name = "DIR")]
    pub set: Option<PathBuf>,
    /// Name of a bundled scenario, or a file
    #[arg(long, value_name = "NAME|FILE")]
    pub scenario: Option<String>,
    /// Folder that `scenario render` wrote
    #[arg(long, value_name = "DIR")]
    pub rendered: Option<PathBuf>,
}

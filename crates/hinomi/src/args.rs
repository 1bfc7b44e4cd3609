//! The command line's arguments.

mod access;
mod alert;
mod assure;
#[cfg(feature = "query")]
mod derived;
mod detect;
mod doctor;
mod health;
mod inventory;
mod ledger;
mod reach;
mod reading;
mod scenario;
mod serve;
mod state;
mod trial;
mod trust;
mod upload;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hinomi_model::Level;

pub use access::{AccessAt, AccessVerb};
pub use alert::{AlertAck, AlertVerb};
pub use assure::Assure;
#[cfg(feature = "query")]
pub use derived::{Derive, DerivedAt, IcebergArgs, QueryArgs, RowShape, RulesRun, SearchArgs, VerifyDerived};
pub use detect::{Detect, DetectArgs, FollowArgs};
pub use doctor::Doctor;
pub use health::HealthArgs;
pub use inventory::{InventoryVerb, Ldap};
#[cfg(feature = "query")]
pub use ledger::LedgerReindex;
pub use ledger::{
    CustodyAdd, CustodyKey, HoldVerb, Ledger, LedgerAppend, LedgerData, LedgerErase, LedgerExport,
    LedgerRepair, LedgerRepeats, LedgerSources, LedgerTail, NewLedger, Prove, RetentionVerb, VerifyBundle,
    VerifyExport, VerifyLedger,
};
pub use reach::Reach;
pub use reading::Reading;
pub use scenario::{RenderArgs, RenderShape, Scenario};
pub use serve::{ConfigVerb, Serve};
pub use state::{StateBackup, StateRestore, StateResume, StateVerb};
pub use trial::{Trial, TrialArgs, TrialSubject};
pub use trust::{CheckDepth, CopyArgs, ListenArgs, LogArgs, PullArgs, VaultVerb, WitnessVerb};
pub use upload::Upload;

/// Finds quiet intrusions in the logs you already have, and cites every line it speaks of.
#[derive(Debug, Parser)]
#[command(name = "hinomi", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 nothing found, 1 a detection or an incident at or above --fail-on, 2 usage, 3 input unreadable, \
                        nothing to judge, or matches that correlations lack, 4 verification failed, 5 internal error."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read logs, evaluate rules over every event, and print what fired and what is missing
    #[command(
        after_help = "Examples:\n  hinomi investigate ./collected\n  hinomi investigate triage.zip --lang ja\n  \
        hinomi investigate /var/log --rules bundled --rules ~/sigma/rules/linux --json > report.json\n  \
        zcat auth.log.gz | hinomi investigate - --tz Asia/Tokyo"
    )]
    Investigate(Box<Investigate>),
    /// Judge claims about accounts, suppliers, hosts and logs by what the logs show
    #[command(after_help = "Examples:\n  hinomi assure ./collected --inventory ./lists --tz Asia/Tokyo\n  \
        hinomi assure /var/lib/hinomi --inventory accounts.csv --json > verdicts.json\n  \
        hinomi assure ./collected --exports ./tenant --report board.html\n\n\
        A claim is supported, contradicted, excepted, or unknown: where no log shows it, it is never fine. Exit code 1: \
        something is contradicted and no valid exception covers it.")]
    Assure(Box<Assure>),
    /// Say who can reach tier 0 and the backups, by which ways, and which edges to cut
    #[command(after_help = "Examples:\n  hinomi reach --exports ./collection --from kind:account\n  \
        hinomi reach ./collected --exports ./exports --inventory ./lists --from supplier:Kitano --report reach.html\n  \
        hinomi reach --exports ./exports/november --before ./exports/october --json\n\n\
        Exit code 1: a way to what is protected exists. What was not exported is unknown, never safe.")]
    Reach(Box<Reach>),
    /// Fetch what inventories need from where it is kept
    #[command(subcommand)]
    Inventory(InventoryVerb),
    /// Make derived data of logs: Parquet files and an index of words, for search and SQL
    #[cfg(feature = "query")]
    #[command(
        after_help = "Examples:\n  hinomi derive ./collected --to ./derived\n  hinomi derive case.zip --to ./derived --tz Asia/Tokyo\n\n\
        Of ledgers derived data is made by `hinomi ledger reindex`, and brought up to date by every search and query."
    )]
    Derive(Derive),
    /// Find events by words in any field, or in the fields that are named
    #[cfg(feature = "query")]
    #[command(
        after_help = "Examples:\n  hinomi search --in ./derived rundll32\n  hinomi search --in /var/lib/hinomi 'CommandLine:\"-enc\" host:ws5' --from 2026-11-01\n  \
        hinomi search --in ./derived '不正アクセス -src_ip:10.0.0.5'\n  hinomi search --in ./derived 'Image=*\\rundll32.exe' --output jsonl\n\n\
        A text matches whole words in any case and width; * opens its ends. field=text matches the whole field, -term excludes."
    )]
    Search(SearchArgs),
    /// Ask a question in SQL
    #[cfg(feature = "query")]
    #[command(
        after_help = "Examples:\n  hinomi query --in ./derived \"SELECT host, count(*) AS n FROM events WHERE event_id = '4625' GROUP BY host ORDER BY n DESC\"\n  \
        hinomi query --in /var/lib/hinomi \"SELECT time, host, Image FROM events WHERE CommandLine LIKE '%-enc%' AND time >= '2026-11-01'\" --output csv\n  \
        hinomi query --in ./derived --tables\n\n\
        Names of fields in any case; nothing can be written or opened. Memory, time and rows are bounded. Exit code 2: refused, \
        3: a bound was reached."
    )]
    Query(QueryArgs),
    /// Describe derived data as an Apache Iceberg table, for other engines
    #[cfg(feature = "query")]
    #[command(
        after_help = "Examples:\n  hinomi iceberg --in ./derived\n  hinomi iceberg --in /var/lib/hinomi --location s3://evidence/derived"
    )]
    Iceberg(IcebergArgs),
    /// The process that answers a query
    #[cfg(feature = "query")]
    #[command(hide = true)]
    AnswerQuery,
    /// Check evidence, and documents against what they speak of
    #[command(subcommand)]
    Verify(Verify),
    /// Check, explain and list rules
    #[command(subcommand)]
    Rules(Rules),
    /// Render organisations and cases into logs, with the truth about them
    #[command(subcommand)]
    Scenario(Scenario),
    /// Measure what is detected, how soon, and with how much noise
    #[command(subcommand)]
    Trial(Trial),
    /// Cosign the checkpoints of ledgers that only ever grow, on a machine of its own
    #[command(subcommand)]
    Witness(WitnessVerb),
    /// Keep a checked copy of a ledger where the primary's credentials do not reach
    #[command(subcommand)]
    Vault(VaultVerb),
    /// Receive what senders deliver, and keep it as evidence
    #[command(
        after_help = "Examples:\n  hinomi serve --data /var/lib/hinomi --config /etc/hinomi/hinomi.toml\n  \
        hinomi serve --data ./trial      # listens on this machine only: syslog 5514, http 9200, pages 9080, health and figures 9180\n\n\
        Runs until SIGTERM or SIGINT; SIGHUP reads tokens, certificates, what is looked for, who is told and promises of sources again. What is acknowledged is durable; docs/receivers.md says who is told what."
    )]
    Serve(Serve),
    /// Hand files and archives of logs to a server, which keeps them as evidence
    #[command(
        after_help = "Example:\n  hinomi upload triage-ws07.zip Security.evtx --to https://logs.example.jp:9200 --token-file token --tls-ca ca.pem\n\n\
        What is said to be kept is durable. A server that asks to come later is asked again. Exit code 3: something in a file could not \
        be read; 4: the server refused."
    )]
    Upload(Upload),
    /// Check configurations of `serve`, and make tokens for senders
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Back up and restore what a server needs beside its evidence
    #[command(subcommand)]
    State(StateVerb),
    /// Invite, list and end accounts of the pages; make tokens for programs and the code for the envelope
    #[command(subcommand)]
    Access(AccessVerb),
    /// Acknowledge, list and try alerts
    #[command(subcommand)]
    Alert(AlertVerb),
    /// Check an installation: rights, disk, clock, certificates, listeners, ledger, rules, unit, and say what to do
    #[command(
        after_help = "Example:\n  hinomi doctor --data /var/lib/hinomi --config /etc/hinomi/hinomi.toml\n\n\
        Changes nothing. Exit codes: 0 nothing is wrong, 1 warnings, 4 failures. What cannot be found out is unknown."
    )]
    Doctor(Doctor),
    /// Detect while records arrive
    #[command(subcommand)]
    Detect(Detect),
    /// Keep records as evidence that cannot silently change, and read them
    #[command(subcommand)]
    Ledger(Ledger),
    /// Write a bundle that proves one record of a ledger to anyone
    #[command(after_help = "Example:\n  hinomi prove --data ./case log:hinomi/1f/12/0 > bundle.json")]
    Prove(Prove),
    /// Print shell completions
    Completions {
        /// Shell to print them for
        shell: clap_complete::Shell,
        /// Language; default: that of the environment
        #[arg(long, value_enum)]
        lang: Option<Lang>,
    },
    /// Print a manual page in roff
    #[command(after_help = "Examples:\n  hinomi man | man -l -\n  hinomi man ledger create | man -l -\n  \
                            hinomi man --out /usr/local/share/man/man1")]
    Man {
        /// The command; none: hinomi itself
        #[arg(value_name = "COMMAND")]
        of: Vec<String>,
        /// Write the pages of all commands to this folder
        #[arg(long, value_name = "FOLDER", conflicts_with = "of")]
        out: Option<PathBuf>,
        /// Language; default: that of the environment
        #[arg(long, value_enum)]
        lang: Option<Lang>,
    },
    /// Print the JSON Schema of `investigate --json`
    Schema,
}

/// Output of `investigate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Timeline and summary for people
    Terminal,
    /// One JSON document
    Json,
    /// One JSON object per detection, source and diagnostic, a line each
    Jsonl,
    /// CSV as Timesketch imports it
    Timesketch,
}

/// What events are cited by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cite {
    /// The piece of the file around the event, of event logs and JSON that are not packed; otherwise the file
    Pieces,
    /// The file, as `sha256sum` does
    Files,
}

/// Language of the output for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
pub enum Lang {
    /// English
    En,
    /// 日本語
    Ja,
}

impl Lang {
    /// That of the environment, as programs with message catalogues take it.
    pub fn of_environment() -> Self {
        let named = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let named = named.iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty());
        if named.is_some_and(|value| value.starts_with("ja")) { Self::Ja } else { Self::En }
    }
}

/// Format that logs are taken to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// Windows event logs
    Evtx,
    /// Datagrams of `NetFlow` and IPFIX
    Flow,
    /// Entries of the systemd journal, as `journalctl -o export` writes them
    Journal,
    /// JSON in any arrangement
    Json,
    /// Lines of text
    Text,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Default)]
pub enum ColorChoice {
    /// When standard output is a terminal and `NO_COLOR` is not set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorChoice {
    /// Whether to use colours; `to_terminal` says whether a person's terminal shows them.
    pub fn on(self, to_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => to_terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }
}

/// Rules and what goes with them.
#[derive(Debug, Args)]
pub struct RuleArgs {
    /// Sigma rules: a file, a folder, or `bundled`; repeat to combine. Without it the bundled pack is used
    #[arg(long, short, value_name = "DIR|bundled")]
    pub rules: Vec<String>,
    /// Values for %placeholder% in rules (YAML map of lists)
    #[arg(long, value_name = "FILE")]
    pub placeholders: Vec<PathBuf>,
    /// Indicators to search in every field: one a line, text after a comma is a note
    #[arg(long, value_name = "FILE")]
    pub ioc: Vec<PathBuf>,
}

/// Arguments of `investigate`.
#[derive(Debug, Args)]
pub struct Investigate {
    /// Folders, files, archives, data directories of ledgers, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What is looked for
    #[command(flatten)]
    pub pack: RuleArgs,
    /// Detections to hide, each entry with owner, reason and expiry (YAML)
    #[arg(long, value_name = "FILE")]
    pub suppress: Option<PathBuf>,
    /// Print one JSON document (same as --output json)
    #[arg(long)]
    pub json: bool,
    /// Shape of the output
    #[arg(long, short, value_enum, default_value = "terminal", value_name = "SHAPE")]
    pub output: OutputFormat,
    /// Write the output to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Write a report; its name's ending says what: .html (self-contained, can be verified), .md, .csv (a row per
    /// step), .json (ATT&CK Navigator layer). Repeat for several
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// What the SHA-256 in citations is of; --report always takes whole files
    #[arg(long, value_enum, default_value = "pieces", value_name = "WHAT")]
    pub cite: Cite,
    /// Language of the output; taken from the environment by default
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
    /// Zone of local times in the output and of logs that state none, for instance Asia/Tokyo
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Only events from this time on (RFC 3339, or a date in --tz)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only this host, with or without its domain; repeat for several
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Take every log to be of this format
    #[arg(long, value_enum)]
    pub format: Option<FormatName>,
    /// Lowest level shown in the timeline
    #[arg(long, value_name = "LEVEL", default_value = "low", value_parser = level)]
    pub min_level: Level,
    /// Exit with 1 when an incident reaches this level
    #[arg(long, value_name = "LEVEL", default_value = "high", value_parser = level)]
    pub fail_on: Level,
    /// Of ledgers: keep the sources that incidents at or above --fail-on cite, under this name, until `ledger retention
    /// close` ends it. Recorded in the ledger; without this nothing is written there
    #[arg(long, value_name = "CASE")]
    pub keep: Option<String>,
    /// Worker threads from the first byte on; default: one, and all cores once 16 MiB were read
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Most detections kept, and twenty times as many matches that only feed correlations; further ones are counted
    #[arg(long, value_name = "N", default_value_t = 250_000)]
    pub max_detections: u64,
    /// Colours
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
    /// Show every detection in the timeline instead of folding repeated ones
    #[arg(long, short)]
    pub all: bool,
}

/// What to verify.
#[derive(Debug, Subcommand)]
pub enum Verify {
    /// Read every cited event of an HTML report again, put it to its rule again, and make every sentence again; or make
    /// everything that `investigate --json` found again; exits with 4 if anything does not hold
    #[command(
        after_help = "Examples:\n  hinomi verify report case.html ./collected\n  hinomi verify report case.json ./collected -r ~/sigma/rules -r bundled"
    )]
    Report(VerifyReport),
    /// Read a whole ledger and say what does not fit; exits with 3 without an anchor from outside, 4 on damage
    #[command(
        after_help = "Examples:\n  hinomi verify ledger --data /var/lib/hinomi --anchor checkpoint.saved\n  \
        hinomi verify ledger --data ./case --leaves 100..200 --json"
    )]
    Ledger(VerifyLedger),
    /// Compare derived data with what was registered, and with --rebuild make it again from the evidence and compare; exits
    /// with 4 when anything differs
    #[cfg(feature = "query")]
    #[command(
        after_help = "Examples:\n  hinomi verify derived --in ./derived\n  hinomi verify derived --in /var/lib/hinomi --rebuild"
    )]
    Derived(VerifyDerived),
    /// Follow the proof of one record, offline; exits with 3 when only the bundle names the key, 4 when it does not hold
    #[command(after_help = "Example:\n  hinomi verify bundle bundle.json --key hinomi/1f+8a30a1d8+AbC…")]
    Bundle(VerifyBundle),
    /// Check every record of an export, what is missing in it and its chain of custody, offline; exits with 3 when
    /// something is missing or only the export names the key, 4 when it does not hold
    #[command(after_help = "Example:\n  hinomi verify export ./for-police --key hinomi/1f+8a30a1d8+AbC…")]
    Export(VerifyExport),
}

/// Arguments of `verify report`.
#[derive(Debug, Args)]
pub struct VerifyReport {
    /// The report (HTML), or the output of `investigate --json`
    pub report: PathBuf,
    /// Folders, files, archives or data directories of ledgers that hold the sources, wherever they are now
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What the report was made with
    #[command(flatten)]
    pub pack: RuleArgs,
    /// The suppressions that a document of --json was made with; without them what it says is hidden is only counted, and
    /// the exit code is 3
    #[arg(long, value_name = "FILE")]
    pub suppress: Option<PathBuf>,
    /// Worker threads; default: all cores
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Language; default: that of the environment
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// Verbs on rules.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Load rules and report each one that cannot be used; exits with 3 if there is any
    Check {
        /// Files or folders, or `bundled`
        #[arg(required = true, value_name = "PATH|bundled")]
        rules: Vec<String>,
        /// Values for %placeholder% in rules
        #[arg(long, value_name = "FILE")]
        placeholders: Vec<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Language; default: that of the environment
        #[arg(long, value_enum)]
        lang: Option<Lang>,
    },
    /// Say why a rule matches an event, or which part does not hold
    Explain {
        /// Rule file, or the id of a bundled rule
        rule: String,
        /// A file with the event (any log format); every event in it is explained
        event: PathBuf,
        /// Language
        #[arg(long, value_enum)]
        lang: Option<Lang>,
    },
    /// Run the positive and benign examples inside rule files; exits with 4 if any fails
    Test {
        /// Files or folders, or `bundled`
        #[arg(required = true, value_name = "PATH|bundled")]
        rules: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Language; default: that of the environment
        #[arg(long, value_enum)]
        lang: Option<Lang>,
    },
    /// Evaluate rules over derived data of months and years; exits with 1 when any matches
    #[cfg(feature = "query")]
    #[command(
        after_help = "Examples:\n  hinomi rules run new-rule.yml --in /var/lib/hinomi --over 2026-01-01..\n  \
        hinomi rules run ./rules --in ./derived --over 2026-03-01..2026-04-01 --output jsonl\n\n\
        The matches are those of hinomi investigate with the same rules; only what a rule cannot match is not read."
    )]
    Run(RulesRun),
    /// List the loaded rules
    List {
        /// Files or folders, or `bundled`
        #[arg(value_name = "PATH|bundled", default_value = "bundled")]
        rules: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|e: hinomi_model::LevelError| e.to_string())
}

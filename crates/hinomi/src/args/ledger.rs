//! Arguments of `hinomi ledger`, `hinomi prove` and `hinomi verify ledger|bundle`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ColorChoice, Lang};

/// Verbs on a ledger.
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Make a new, empty ledger and print its key, which vaults and witnesses have to know
    #[command(
        after_help = "Example:\n  hinomi ledger create --data /var/lib/hinomi --origin logs.example.jp/evidence\n\n\
        Set up the vault next and put the credential that `hinomi vault init` prints into DIR/vaults.txt: from then on\n\
        new keys are sealed to it. What is recorded before that, the vault holds without being able to check it."
    )]
    Create {
        /// Where
        #[command(flatten)]
        at: LedgerData,
        /// What it is
        #[command(flatten)]
        new: NewLedger,
    },
    /// Keep files as evidence: every line, or every chunk of a Windows event log, becomes a record
    #[command(after_help = "Examples:\n  hinomi ledger append --data /var/lib/hinomi /var/log/auth.log\n  \
        hinomi ledger append --data ./case --source fw01 --class network firewall.log\n  \
        journalctl -o json | hinomi ledger append --data ./case --source web01 -\n  \
        hinomi ledger append --data ./case collected.zip   # every file in it becomes a source")]
    Append(LedgerAppend),
    /// Print the last records
    Tail(LedgerTail),
    /// Say what the ledger holds, by source, class and day
    Stats(LedgerData),
    /// Write records for somebody outside, who can prove each of them and through whose hands they went
    #[command(
        after_help = "Examples:\n  hinomi ledger export --data D --out for-police --case 2026-17 --by s.aoki --reason 'request of 2 November' \\\n    \
        --source web01 --from 2026-11-01 --to 2026-11-03\n  \
        hinomi ledger custody for-police --key aoki.key --action 'handed over' --note 'to officer K. Mori, on a sealed disk'"
    )]
    Export(LedgerExport),
    /// Make a key with which somebody signs a chain of custody
    CustodyKey(CustodyKey),
    /// Add an entry to the chain of custody of an export
    Custody(CustodyAdd),
    /// Say for every source and day whether everything, something, nothing or nobody knows what was received
    #[command(after_help = "Examples:\n  hinomi ledger sources --data /var/lib/hinomi\n  \
        hinomi ledger sources --data ./case --from 2026-10-01 --to 2026-10-31 --json\n\n\
        What sources promise is stated in DIR/sources.yaml, or with --sources when records are appended.")]
    Sources(LedgerSources),
    /// Say which records came again: a request whose answer was lost is sent again, and kept twice
    #[command(after_help = "Example:\n  hinomi ledger repeats --data /var/lib/hinomi --json\n\n\
        Reads every record of the sources that send requests. Exit code 0, whatever is found.")]
    Repeats(LedgerRepeats),
    /// How long records are kept, why, and what is due
    #[command(subcommand)]
    Retention(RetentionVerb),
    /// What may not be erased, whoever approves it
    #[command(subcommand)]
    Hold(HoldVerb),
    /// Change the signing key: the old one endorses the new one in the log and is destroyed
    RotateKey {
        /// Where
        #[command(flatten)]
        at: LedgerData,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Make a key that approves erasures; keep its file off this machine
    ErasureKey {
        /// New file for the private key
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Write the order to erase one source on one day, or carry out an approved order
    #[command(
        after_help = "Examples:\n  hinomi ledger erase --data D --source web01 --day 2026-11-02 --reason 'request 12' > order\n  \
        hinomi ledger approve --key erasure.key order > approved     # where the key is kept\n  \
        hinomi ledger erase --data D --approval approved"
    )]
    Erase(LedgerErase),
    /// Bring derived data (Parquet files and an index of words) up to date: what is new, what is to be joined, what was derived
    /// with another mapping; or make everything again
    #[cfg(feature = "query")]
    #[command(
        after_help = "Examples:\n  hinomi ledger reindex --data /var/lib/hinomi\n  hinomi ledger reindex --data /var/lib/hinomi --all\n  \
        hinomi ledger reindex --data /var/lib/hinomi --watch 300   # in the background, at low priority"
    )]
    Reindex(LedgerReindex),
    /// Replace damaged files from a vault's copy, after checking that they belong there; what was there is kept, and the log
    /// records each replacement. Exits with 4 while something is left that the copy cannot mend
    #[command(
        after_help = "Examples:\n  hinomi ledger repair --data /var/lib/hinomi --from /mnt/vault --dry-run\n  \
        hinomi ledger repair --data /var/lib/hinomi --from /mnt/vault --name vault.example.jp/1\n\n\
        Keys cannot be repaired: no copy has them. Damaged files are kept in DIR/evidence.damaged."
    )]
    Repair(LedgerRepair),
    /// Sign an order to erase
    Approve {
        /// Private key made by `ledger erasure-key`
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The order
        order: PathBuf,
    },
}

/// Where a ledger is.
#[derive(Debug, Args)]
pub struct LedgerData {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Language; default: that of the environment
    #[arg(long, value_name = "LANG")]
    pub lang: Option<Lang>,
}

/// Arguments of `ledger append`.
#[derive(Debug, Args)]
pub struct LedgerAppend {
    /// Data directory; a new ledger is made when there is none
    #[command(flatten)]
    pub at: LedgerData,
    /// Files, folders, archives, or `-` for standard input; what is compressed or archived is kept unpacked
    #[arg(required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Keep compressed files and archives byte for byte instead; what is in them cannot be searched then
    #[arg(long)]
    pub as_is: bool,
    /// Name of the source; default: the file's name, for folders and archives with the way to it
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Retention class; default: the one stated for the source, else security-evidence
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// What sources are and promise (YAML); default: sources.yaml in the data directory. What changed becomes evidence
    #[arg(long, value_name = "FILE")]
    pub sources: Option<PathBuf>,
    /// Field of a line that holds the number its source gave it: of JSON, with dots between levels, or NAME=number
    #[arg(long, value_name = "NAME", conflicts_with = "sequence_regex")]
    pub sequence_field: Option<String>,
    /// Pattern whose first group is the number that its source gave a line
    #[arg(long, value_name = "REGEX")]
    pub sequence_regex: Option<String>,
    /// What a new ledger is
    #[command(flatten)]
    pub new: NewLedger,
}

/// What a new ledger is.
#[derive(Debug, Args)]
pub struct NewLedger {
    /// Name of a new ledger, as its checkpoints state it; default: hinomi/ and a random number
    #[arg(long, value_name = "NAME")]
    pub origin: Option<String>,
    /// Public key that approves erasures in a new ledger, as `ledger erasure-key` printed it; without it nothing in it
    /// can ever be erased
    #[arg(long, value_name = "KEY")]
    pub erasure_key: Option<String>,
}

/// Arguments of `ledger sources`.
#[derive(Debug, Args)]
pub struct LedgerSources {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// First day of receipt (UTC), for example 2026-11-02; default: 13 days before the last one
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// Last day of receipt; default: today
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
    /// Colours
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
}

/// Arguments of `ledger repeats`.
#[derive(Debug, Args)]
pub struct LedgerRepeats {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// First leaf that is read
    #[arg(long, value_name = "LEAF", default_value_t = 0)]
    pub since_leaf: u64,
    /// Also sources that send no requests, whose equal lines mostly happened twice
    #[arg(long)]
    pub all: bool,
}

/// Verbs on retention.
#[derive(Debug, Subcommand)]
pub enum RetentionVerb {
    /// Print the rules in force, and the incidents that keep sources
    Show(LedgerData),
    /// Record rules: purpose, owner and days to keep of each class (YAML)
    #[command(after_help = "Example of a file:\n  classes:\n    security-evidence:\n      \
        purpose: detecting, investigating and explaining security incidents\n      owner: security team\n      \
        keep_days: 400\n  incident_days_before: 400\n  incident_days_after: 400")]
    Set {
        /// Where
        #[command(flatten)]
        at: LedgerData,
        /// The rules
        policy: PathBuf,
    },
    /// List what is due to be erased, and why every other day is kept; erases nothing
    Due(LedgerData),
    /// An incident touches sources: they are kept until it is closed, and for the time after that the rules say
    Touch {
        /// Where
        #[command(flatten)]
        at: LedgerData,
        /// Name of the incident
        #[arg(long, value_name = "ID")]
        incident: String,
        /// A source that it touches; repeat for several
        #[arg(long, value_name = "NAME", required = true)]
        source: Vec<String>,
        /// First day of receipt (UTC) that it touches
        #[arg(long, value_name = "DAY")]
        from: String,
        /// Last day; default: the first
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
    },
    /// An incident was closed
    Close {
        /// Where
        #[command(flatten)]
        at: LedgerData,
        /// Name of the incident
        #[arg(long, value_name = "ID")]
        incident: String,
    },
}

/// Verbs on legal holds.
#[derive(Debug, Subcommand)]
pub enum HoldVerb {
    /// Place a hold; without sources or days it covers everything
    #[command(
        after_help = "Example:\n  hinomi ledger hold add --data D 'suit 7' --reason 'ordered by the court' \
        --owner counsel \\\n      --source mail01 --from 2026-10-01 --to 2026-10-31"
    )]
    Add {
        /// Where
        #[command(flatten)]
        at: LedgerData,
        /// Its name; a name is used once
        name: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who ordered it
        #[arg(long, value_name = "NAME")]
        owner: String,
        /// A source that it covers; repeat for several
        #[arg(long, value_name = "NAME")]
        source: Vec<String>,
        /// First day of receipt (UTC) that it covers
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// Last day
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
    },
    /// Lift a hold; it holds through today
    Lift {
        /// Where
        #[command(flatten)]
        at: LedgerData,
        /// Its name
        name: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who ordered it
        #[arg(long, value_name = "NAME")]
        owner: String,
    },
    /// Print all holds, the lifted ones too
    List(LedgerData),
}

/// Arguments of `ledger tail`.
#[derive(Debug, Args)]
pub struct LedgerTail {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// How many records
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub records: usize,
    /// Also what the ledger keeps of itself: ticks of its clock, findings about sources, its state
    #[arg(long)]
    pub own: bool,
}

/// Arguments of `ledger erase`.
#[derive(Debug, Args)]
pub struct LedgerErase {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// An order that the erasure key signed: carry it out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["source", "day", "reason"])]
    pub approval: Option<PathBuf>,
    /// Source to erase
    #[arg(long, value_name = "NAME", required_unless_present = "approval")]
    pub source: Option<String>,
    /// Its retention class
    #[arg(long, value_name = "NAME", default_value = "security-evidence")]
    pub class: String,
    /// Day of receipt (UTC), for example 2026-11-02
    #[arg(long, value_name = "DAY", required_unless_present = "approval")]
    pub day: Option<String>,
    /// Why: the law, the request, the ticket
    #[arg(long, value_name = "TEXT", required_unless_present = "approval")]
    pub reason: Option<String>,
}

/// Arguments of `ledger export`.
#[derive(Debug, Args)]
pub struct LedgerExport {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// New folder
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Only this source; repeat for several. Without it all but the ledger's own (hinomi:completeness and others)
    #[arg(long, value_name = "NAME")]
    pub source: Vec<String>,
    /// First day of receipt (UTC), for example 2026-11-02
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// Last day of receipt
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
    /// The case it belongs to
    #[arg(long, value_name = "TEXT")]
    pub case: String,
    /// Who exports
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// Why: the request, the law
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Arguments of `ledger custody-key`.
#[derive(Debug, Args)]
pub struct CustodyKey {
    /// Whose it is; no space, no plus sign
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// New file for the private key
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `ledger custody`.
#[derive(Debug, Args)]
pub struct CustodyAdd {
    /// The export
    pub export: PathBuf,
    /// Private key made by `ledger custody-key`
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// What was done: received, handed over, copied, examined
    #[arg(long, value_name = "TEXT")]
    pub action: String,
    /// To or from whom, on what, in what condition
    #[arg(long, value_name = "TEXT")]
    pub note: String,
}

/// Arguments of `verify export`.
#[derive(Debug, Args)]
pub struct VerifyExport {
    /// The export
    pub export: PathBuf,
    /// Verifier key of the ledger, known from elsewhere
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,
    /// Verifier key of a witness or vault whose cosignature is wanted
    #[arg(long, value_name = "KEY")]
    pub witness: Vec<String>,
    /// Verifier key of somebody in the chain of custody
    #[arg(long, value_name = "KEY")]
    pub holder: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Language; default: that of the environment
    #[arg(long, value_name = "LANG")]
    pub lang: Option<Lang>,
}

/// Arguments of `ledger repair`.
#[derive(Debug, Args)]
pub struct LedgerRepair {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// Folder of a vault, or a copy of its folder `evidence`
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// What the log calls the copy; default: the vault's name, else the folder
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Data keys that the vault handed back (`hinomi vault hand-back`), where the key ring lacks some
    #[arg(long, value_name = "FILE", requires = "key")]
    pub keys: Option<PathBuf>,
    /// The recovery key that opens them
    #[arg(long, value_name = "FILE", requires = "keys")]
    pub key: Option<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `prove`.
#[derive(Debug, Args)]
pub struct Prove {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// The record: log:<origin>/<leaf>/<record>…, as `ledger tail` prints it
    pub reference: String,
}

/// Arguments of `verify ledger`.
#[derive(Debug, Args)]
pub struct VerifyLedger {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// A checkpoint kept elsewhere: a saved file, or the folder of a vault; repeat for several
    #[arg(long, value_name = "FILE|VAULT")]
    pub anchor: Vec<PathBuf>,
    /// Verifier key of a witness or vault: every anchor has to carry its cosignature
    #[arg(long, value_name = "KEY", requires = "anchor")]
    pub witness: Vec<String>,
    /// Verifier key that the ledger must have begun with; default: the one it names itself
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Only open the records of these leaves, for example 100..200
    #[arg(long, value_name = "FROM..TO")]
    pub leaves: Option<String>,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
}

/// Arguments of `verify bundle`.
#[derive(Debug, Args)]
pub struct VerifyBundle {
    /// The bundle
    pub bundle: PathBuf,
    /// Verifier key of the ledger, known from elsewhere: the first or any later one
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,
    /// Fingerprint of such a key, as a new ledger prints it
    #[arg(long, value_name = "FINGERPRINT")]
    pub fingerprint: Vec<String>,
    /// Verifier key of a witness or vault whose cosignature is wanted
    #[arg(long, value_name = "KEY")]
    pub witness: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Language; default: that of the environment
    #[arg(long, value_name = "LANG")]
    pub lang: Option<Lang>,
}

/// `hinomi ledger reindex`.
#[cfg(feature = "query")]
#[derive(Debug, Args)]
pub struct LedgerReindex {
    /// Where
    #[command(flatten)]
    pub at: LedgerData,
    /// Make everything again, not only what is due
    #[arg(long)]
    pub all: bool,
    /// Stay, at low priority, and look every so many seconds for what is due
    #[arg(long, value_name = "SECONDS", conflicts_with = "all")]
    pub watch: Option<std::num::NonZeroU32>,
    /// Zone of times that state none
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Writers; the same number makes the same files again. Default: as before, else all cores
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<std::num::NonZeroU32>,
}

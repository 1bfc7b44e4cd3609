//! Arguments of `witness` and `vault`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Lang;

/// Verbs of a witness.
#[derive(Debug, Subcommand)]
pub enum WitnessVerb {
    /// Set up a witness: a folder with a new key
    #[command(
        after_help = "Example:\n  hinomi witness init /var/lib/hinomi-witness --name witness.example.jp/1"
    )]
    Init {
        /// Folder to create
        dir: PathBuf,
        /// Name it cosigns under, by custom an address without scheme
        #[arg(long)]
        name: String,
    },
    /// Watch a log: from now on its checkpoints are cosigned if they continue each other
    #[command(
        after_help = "Example:\n  hinomi witness watch /var/lib/hinomi-witness \\\n    --log logs.example.jp/evidence+8a30a1d8+AbC…"
    )]
    Watch {
        /// Folder of the witness
        dir: PathBuf,
        /// Which log
        #[command(flatten)]
        log: LogArgs,
    },
    /// Answer add-checkpoint requests (C2SP tlog-witness)
    #[command(
        after_help = "Example:\n  hinomi witness serve /var/lib/hinomi-witness --listen 192.0.2.7:8443 \\\n    --tls-cert cert.pem --tls-key key.pem"
    )]
    Serve {
        /// Folder of the witness
        dir: PathBuf,
        /// Where to listen
        #[command(flatten)]
        listen: ListenArgs,
    },
    /// Show what it watches and how far it is
    Status {
        /// Folder of the witness
        dir: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Verbs of a vault.
#[derive(Debug, Subcommand)]
pub enum VaultVerb {
    /// Set up a vault: a folder with new keys, and what the primary has to know of it
    #[command(
        after_help = "Example:\n  hinomi vault init /var/lib/hinomi-vault --name vault.example.jp/1 \\\n    --log logs.example.jp/evidence+8a30a1d8+AbC…"
    )]
    Init {
        /// Folder to create
        dir: PathBuf,
        /// Name it cosigns under, by custom an address without scheme
        #[arg(long)]
        name: String,
        /// Which log
        #[command(flatten)]
        log: LogArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// On the primary: show the ledger to its vaults, read-only
    #[command(
        after_help = "Example:\n  hinomi vault publish --data /var/lib/hinomi --listen 192.0.2.5:8444 \\\n    --credentials vaults.txt --tls-cert cert.pem --tls-key key.pem\n\n\
        The file of credentials has the line that `hinomi vault init` printed, for each vault. As DIR/vaults.txt it\n\
        also says to whom new keys are sealed."
    )]
    Publish {
        /// Data directory of the ledger
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The vaults that may read; default: vaults.txt in the data directory
        #[arg(long, value_name = "FILE")]
        credentials: Option<PathBuf>,
        /// Where to listen
        #[command(flatten)]
        listen: ListenArgs,
    },
    /// Pull: check what the primary shows, hold it, cosign it; exits with 4 when something is wrong, 3 when the primary is out of reach
    #[command(
        after_help = "Examples:\n  hinomi vault pull /var/lib/hinomi-vault --from https://192.0.2.5:8444 --ca primary.pem --watch\n  \
        hinomi vault pull /mnt/vault --from /var/lib/hinomi --json"
    )]
    Pull(Box<PullArgs>),
    /// Copy sealed evidence into an object store with Object Lock, after proving that it keeps what it is told to keep; check all copies and put back what is gone
    #[command(
        after_help = "Example:\n  hinomi vault copy /var/lib/hinomi-vault --to https://s3.example.com/evidence --keys s3.txt \\\n    --second https://other.example.net/evidence --second-keys other.txt --ca ca.pem --check content\n\n\
        A file of keys has three lines: access key, secret key, region. Exits with 4 when the store does not refuse\n\
        what it must refuse, or when copies were gone or altered, also if they could be put back."
    )]
    Copy(Box<CopyArgs>),
    /// Show what is held and every alarm so far; exits with 4 while the newest pull found something wrong
    Status {
        /// Folder of the vault
        dir: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Language
        #[arg(long, value_enum)]
        lang: Option<Lang>,
    },
    /// Trust these keys of the log from now on, and no others
    Trust {
        /// Folder of the vault
        dir: PathBuf,
        /// Verifier keys of the log
        #[arg(long = "log", value_name = "VKEY", required = true)]
        keys: Vec<String>,
    },
    /// After somebody looked at a rollback or fork: end this copy, keep it untouched under `past/`, and begin another
    #[command(
        after_help = "Example:\n  hinomi vault restart /var/lib/hinomi-vault --name vault.example.jp/2 \\\n    --reason 'case 17: primary rebuilt after intrusion, report 2026-11'\n\n\
        The new copy has another name and cosigning key: no cosigner ever signs two histories of a log. Token and\n\
        recipient stay. If the primary was only put back to an earlier state and has not gone on, repair it instead:\n\
        hinomi ledger repair brings it to where this vault is."
    )]
    Restart {
        /// Folder of the vault
        dir: PathBuf,
        /// Name that the new copy is cosigned under; not one that was used before
        #[arg(long)]
        name: String,
        /// Why, for the vault's history
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Object to an approved erasure that waits: this vault keeps its key
    Object {
        /// Folder of the vault
        dir: PathBuf,
        /// Leaf of the erasure, as the alarm names it
        leaf: u64,
    },
    /// Hand data keys back to a primary that lost its own: sealed to a recovery key of its owner, without those that an order
    /// erased
    #[command(
        after_help = "Examples:\n  hinomi vault hand-back /var/lib/hinomi-vault --to hnr1… --out keys.hnk\n  \
        hinomi ledger repair --data /var/lib/hinomi --from /mnt/vault --keys keys.hnk --key recovery.key   # on the primary"
    )]
    HandBack {
        /// Folder of the vault
        dir: PathBuf,
        /// Who can open the file, as `hinomi state key` printed it; ask its owner over another way than the one the request
        /// came by
        #[arg(long, value_name = "RECIPIENT")]
        to: String,
        /// The new file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// How much of each copy is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CheckDepth {
    /// That the store says it has it, and how long it is locked
    Presence,
    /// Every byte
    Content,
}

/// Arguments of `vault copy`.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Folder of the vault
    pub dir: PathBuf,
    /// Object store and bucket
    #[arg(long, value_name = "URL/BUCKET")]
    pub to: String,
    /// File with its keys
    #[arg(long, value_name = "FILE")]
    pub keys: PathBuf,
    /// Another store, under another administrator: copied to as well, and restored from
    #[arg(long, value_name = "URL/BUCKET", requires = "second_keys")]
    pub second: Option<String>,
    /// File with its keys
    #[arg(long, value_name = "FILE", requires = "second")]
    pub second_keys: Option<PathBuf>,
    /// Certificates to trust for both (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Use plain HTTP although an address is not loopback
    #[arg(long, conflicts_with = "ca")]
    pub plain_http: bool,
    /// Prefix of every object
    #[arg(long, default_value = "hinomi")]
    pub prefix: String,
    /// Days that copies are locked
    #[arg(long, value_name = "DAYS", default_value_t = 400)]
    pub retain: u64,
    /// How much of each copy is checked
    #[arg(long, value_enum, default_value = "presence")]
    pub check: CheckDepth,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Language
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// Which log.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// Verifier key of the log (C2SP signed-note), as the ledger printed it; repeat for several
    #[arg(long = "log", value_name = "VKEY", required = true)]
    pub keys: Vec<String>,
    /// Origin line of its checkpoints, if it differs from the key's name
    #[arg(long)]
    pub origin: Option<String>,
}

/// Where to listen.
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// Address and port
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: SocketAddr,
    /// Certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Serve without TLS although the address is not loopback
    #[arg(long, conflicts_with = "tls_cert")]
    pub plain_http: bool,
}

/// Arguments of `vault pull`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct PullArgs {
    /// Folder of the vault
    pub dir: PathBuf,
    /// The primary: address of its publication, or its data directory
    #[arg(long, value_name = "URL|DIR")]
    pub from: String,
    /// Certificates to trust for it (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Use plain HTTP although the address is not loopback
    #[arg(long, conflicts_with = "ca")]
    pub plain_http: bool,
    /// Keep pulling, every so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "30", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub watch: Option<u64>,
    /// Show what is held to this witness and compare views
    #[arg(long, value_name = "URL", requires = "witness_key")]
    pub witness: Option<String>,
    /// Verifier key of the witness
    #[arg(long, value_name = "VKEY", requires = "witness")]
    pub witness_key: Option<String>,
    /// Certificates to trust for the witness (PEM)
    #[arg(long, value_name = "FILE", requires = "witness")]
    pub witness_ca: Option<PathBuf>,
    /// Ask the witness over plain HTTP although it is not on this machine: what it answers is signed
    #[arg(long, requires = "witness", conflicts_with = "witness_ca")]
    pub witness_plain_http: bool,
    /// Alarm when the primary was out of reach for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 45)]
    pub unreachable: u64,
    /// Alarm when its log stood still for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub silence: u64,
    /// Days that an approved erasure waits for somebody to object
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub erasure_delay: u64,
    /// Mebibytes that stay free on this disk
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub reserve: u64,
    /// Hold new records even if their key is not sealed to this vault
    #[arg(long)]
    pub accept_unsealed: bool,
    /// Run this program for each new alarm, with the alarm as JSON on its standard input
    #[arg(long, value_name = "PROGRAM")]
    pub on_alarm: Option<PathBuf>,
    /// Print JSON, one object per pull
    #[arg(long)]
    pub json: bool,
    /// Language
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

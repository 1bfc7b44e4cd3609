//! Arguments of `inventory`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Verbs of inventories.
#[derive(Debug, Subcommand)]
pub enum InventoryVerb {
    /// Read a directory over LDAPS and write what inventories need of it as LDIF; nothing is written to the directory
    #[command(
        after_help = "Example:\n  hinomi inventory ldap --url ldaps://dc1.corp.example.jp --bind reader@corp.example.jp \\\n    \
        --password-file ./reader.secret --ca corp-ca.pem -o lists/directory.ldif"
    )]
    Ldap(Ldap),
}

/// Arguments of `inventory ldap`.
#[derive(Debug, Args)]
pub struct Ldap {
    /// The directory, `ldaps://host[:port]`; its certificate must name the host
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// Who signs in: a distinguished name, or user@domain. An account without rights beyond reading is enough
    #[arg(long, value_name = "NAME")]
    pub bind: String,
    /// File with the password, which a line end may follow
    #[arg(long, value_name = "FILE")]
    pub password_file: PathBuf,
    /// Certificates (PEM) in one of which the directory's must end; those of the system are not used
    #[arg(long, value_name = "FILE")]
    pub ca: PathBuf,
    /// Where to begin; by default the base that the directory names as its own
    #[arg(long, value_name = "DN")]
    pub base: Option<String>,
    /// File to write
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

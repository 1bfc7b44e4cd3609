//! Arguments of `hinomi upload`.

use std::path::PathBuf;

use clap::Args;

use super::Lang;

/// Arguments of `upload`.
#[derive(Debug, Args)]
pub struct Upload {
    /// Files and archives
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Address of a server that receives
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// File that holds a token and nothing else
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// Authorities that the server's certificate may be of (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Allow plain HTTP to another machine
    #[arg(long, conflicts_with = "tls_ca")]
    pub plain_http: bool,
    /// Print the server's answers, as JSON
    #[arg(long)]
    pub json: bool,
    /// Language of the output; by default that of the environment
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

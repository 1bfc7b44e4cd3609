//! Arguments of `hinomi access`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Lang;

/// Where accounts are.
#[derive(Debug, Args)]
pub struct AccessAt {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// How the pages are called, for links that are made while no server is at work
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,
    /// Language; default from the environment
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// Verbs on accounts.
#[derive(Debug, Subcommand)]
pub enum AccessVerb {
    /// List accounts
    #[command(after_help = "Example:\n  hinomi access list --data /var/lib/hinomi")]
    List {
        /// Where
        #[command(flatten)]
        at: AccessAt,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a link for the first administrator, who enrols a passkey there; the link before is void
    #[command(after_help = "Example:\n  hinomi access first --data /var/lib/hinomi\n\n\
        Only as long as there is no administrator. The link counts for a day, once.")]
    First {
        /// Where
        #[command(flatten)]
        at: AccessAt,
    },
    /// Print a link for somebody new, who enrols a passkey there, or a password with a generator of codes
    #[command(
        after_help = "Example:\n  hinomi access invite aoki --display 'Aoki Y.' --role analyst --data /var/lib/hinomi\n\n\
        The link counts for three days, once. Before it is used the account may nothing."
    )]
    Invite {
        /// What one signs in with
        name: String,
        /// What is shown; default NAME
        #[arg(long, value_name = "TEXT")]
        display: Option<String>,
        /// What the account may; may be given more than once
        #[arg(
            long = "role",
            value_name = "ROLE",
            required = true,
            help = "viewer, analyst, responder, auditor, administrator or privacy_officer; may be given more than once"
        )]
        roles: Vec<String>,
        /// Where
        #[command(flatten)]
        at: AccessAt,
    },
    /// Let somebody who was invited come through the identity provider, without the link
    #[command(after_help = "Example:\n  hinomi access invite aoki --role analyst --data /var/lib/hinomi\n  \
        hinomi access expect aoki --issuer https://id.example.jp/realms/main --subject 7f3c0e55 --data /var/lib/hinomi\n\n\
        Issuer and subject (sub) as the provider writes them; addresses of mail are never compared. The provider has to say\n\
        that it verified a second factor. Whoever is here already links their identity on the page of factors.")]
    Expect {
        /// Whose account
        name: String,
        /// The provider, as in [pages.oidc]
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// What the provider calls them (sub)
        #[arg(long, value_name = "TEXT")]
        subject: String,
        /// Where
        #[command(flatten)]
        at: AccessAt,
    },
    /// Print a link with which somebody who lost all factors enrols anew; the factors before are void then
    #[command(after_help = "Example:\n  hinomi access link aoki --data /var/lib/hinomi\n\n\
        The link counts for a day, once. Everybody with an eye on the journal or the decision ledger sees that it was made.")]
    Link {
        /// Whose
        name: String,
        /// Where
        #[command(flatten)]
        at: AccessAt,
    },
    /// End an account: its rights, factors, sessions and tokens
    #[command(after_help = "Example:\n  hinomi access revoke aoki --data /var/lib/hinomi")]
    Revoke {
        /// Which
        name: String,
        /// Where
        #[command(flatten)]
        at: AccessAt,
    },
    /// Print a token for a program; it never may more than its owner
    #[command(
        after_help = "Example:\n  hinomi access token aoki --for dashboard --scope read --days 90 --data /var/lib/hinomi\n  \
        curl -H \"Authorization: Bearer $TOKEN\" https://hinomi.example.jp/api/v1/today"
    )]
    Token {
        /// Whose
        name: String,
        /// What it is called
        #[arg(long = "for", value_name = "TEXT")]
        token: String,
        /// What it is for; may be given more than once
        #[arg(
            long = "scope",
            value_name = "SCOPE",
            required = true,
            help = "read, search, audit_read or accounts_read; may be given more than once"
        )]
        scopes: Vec<String>,
        /// For how many days, at most 366
        #[arg(long, value_name = "DAYS", default_value_t = 90)]
        days: i64,
        /// Where
        #[command(flatten)]
        at: AccessAt,
    },
    /// Print a code for a sealed envelope; the code before is void
    #[command(after_help = "Example:\n  hinomi access break-glass --data /var/lib/hinomi | lp\n\n\
        Whoever opens the envelope enrols a passkey with the code, and is an administrator for one hour. That is a critical\n\
        alert. The code counts for a year, once.")]
    BreakGlass {
        /// Where
        #[command(flatten)]
        at: AccessAt,
    },
}

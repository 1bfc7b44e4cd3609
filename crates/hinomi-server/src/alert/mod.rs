//! Ways out for alerts: webhooks, mail and syslog.
//!
//! # Invariants
//! - One call is one attempt, and ends in bounded time. Whether there is another is decided elsewhere.
//! - Certificates are checked. Without TLS nothing leaves this machine unless `plain` says so.
//! - No error holds a secret: neither passwords nor addresses of webhooks, whose paths are secrets.
//!
//! # Trust
//! The other side may be an intruder: answers are bounded, redirects are not followed, and what it says is made harmless
//! before it is kept.
//!
//! # Not here
//! What is sent, to whom and when (`hinomi-alert`); keeping it until it was sent (`hinomi`).

mod heartbeat;
mod mail;
mod roots;
mod secret;
mod syslog;
mod webhook;
mod wire;

use std::path::PathBuf;

use hinomi_alert::{Letter, Moment, Outcome};

use crate::error::ServerError;

pub use heartbeat::Heartbeat;
pub(crate) use mail::is_address as is_mail_address;
pub use mail::{Encryption, Mail, MailSetup};
pub use secret::{Secret, SecretSource};
pub use syslog::{Syslog, SyslogSetup, Transport};
pub use webhook::{Shape, Webhook, WebhookSetup};

/// What a sink is made from.
#[derive(Clone, Debug)]
pub enum Setup {
    /// Requests.
    Webhook(WebhookSetup),
    /// Mail.
    Mail(MailSetup),
    /// Syslog to another collector.
    Syslog(SyslogSetup),
}

/// A sink that can be sent to.
#[derive(Debug)]
pub enum Channel {
    /// Requests.
    Webhook(Webhook),
    /// Mail.
    Mail(Mail),
    /// Syslog to another collector.
    Syslog(Syslog),
}

impl Setup {
    /// Reads secrets and certificates.
    ///
    /// # Errors
    /// [`ServerError`] that names the file and never what is in it.
    pub fn open(&self) -> Result<Channel, ServerError> {
        Ok(match self {
            Self::Webhook(setup) => Channel::Webhook(Webhook::open(setup)?),
            Self::Mail(setup) => Channel::Mail(Mail::open(setup)?),
            Self::Syslog(setup) => Channel::Syslog(Syslog::open(setup)?),
        })
    }
}

impl Channel {
    /// Tries once.
    pub fn send(&self, letter: &Letter, now: Moment) -> Outcome {
        match self {
            Self::Webhook(webhook) => webhook.send(letter, now),
            Self::Mail(mail) => mail.send(letter, now),
            Self::Syslog(syslog) => syslog.send(letter),
        }
    }
}

/// Host and port of a server that is no web server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    /// Name or address; with TLS the certificate has to name it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// File of the authorities to believe; without it those of the system.
    pub ca: Option<PathBuf>,
}

fn again(why: impl Into<String>) -> Outcome {
    Outcome::Again { why: why.into(), after: None }
}

/// Whether a host is this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

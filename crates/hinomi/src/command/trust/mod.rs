//! `hinomi witness` and `hinomi vault`: the places outside the primary that make its evidence believable.

mod copy;
mod pull;
mod vault;
mod witness;
mod words;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::LedgerError;
use hinomi_ledger::checkpoint::Origin;
use hinomi_ledger::note::VerifierKey;
use hinomi_server::http::{Handler, Running, Server};
use hinomi_server::listen::{Bounds, ServerTls, trusted_roots};
use hinomi_server::{Client, ServerError, Trust};

use crate::args::{ListenArgs, LogArgs};
use crate::exit::{Exit, Failure};

pub(super) use vault::run as run_vault;
pub(super) use witness::run as run_witness;

fn ledger_failure(error: LedgerError) -> Failure {
    let exit = match &error {
        LedgerError::Refused { .. } | LedgerError::Locked { .. } | LedgerError::Malformed { .. } => {
            Exit::Usage
        }
        LedgerError::Damaged { .. } | LedgerError::NotAuthentic { .. } => Exit::Failed,
        _ => Exit::Unreadable,
    };
    let cause = std::error::Error::source(&error).map(|s| format!(": {s}")).unwrap_or_default();
    Failure::new(exit, format!("{error}{cause}"))
}

pub(super) fn server_failure(error: ServerError) -> Failure {
    let mut causes = String::new();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        causes.push_str(&format!(": {next}"));
        cause = next.source();
    }
    let own = if let ServerError::Part { source, .. } = &error { source } else { &error };
    let exit = match own {
        ServerError::Address { .. } | ServerError::Credential { .. } | ServerError::Tls { .. } => Exit::Usage,
        _ => Exit::Unreadable,
    };
    Failure::new(exit, format!("{error}{causes}"))
}

fn verifier_key(text: &str) -> Result<VerifierKey, Failure> {
    text.parse().map_err(|e| {
        Failure::new(Exit::Usage, format!("{text}: {e}"))
            .hint("a verifier key has the form name+keyid+base64")
    })
}

fn log_keys(log: &LogArgs) -> Result<(Origin, Vec<VerifierKey>), Failure> {
    let keys = log.keys.iter().map(|k| verifier_key(k)).collect::<Result<Vec<_>, _>>()?;
    let name = keys.first().map(|k| k.name().to_string()).unwrap_or_default();
    let origin = Origin::new(log.origin.as_deref().unwrap_or(&name)).map_err(ledger_failure)?;
    Ok((origin, keys))
}

/// Starts a server as the arguments ask, and refuses plain HTTP on an open address unless that was asked for.
fn start<H: Handler>(listen: &ListenArgs, bounds: Bounds, handler: Arc<H>) -> Result<Running, Failure> {
    let tls = match (&listen.tls_cert, &listen.tls_key) {
        (Some(certificate), Some(key)) => {
            let files = ServerTls { certificate, key, clients: None };
            Some(files.load(Some(b"http/1.1")).map_err(server_failure)?)
        }
        _ if listen.plain_http || is_loopback(listen.listen) => None,
        _ => {
            let message = format!("{} is not loopback, and there is no certificate", listen.listen);
            return Err(Failure::new(Exit::Usage, message).hint("--tls-cert and --tls-key, or --plain-http"));
        }
    };
    let server = Server::bind(listen.listen, tls, bounds, handler).map_err(server_failure)?;
    server.start().map_err(server_failure)
}

/// A failure to open a folder, with what to do where another process has it.
fn unopened(error: LedgerError, in_use: &str) -> Failure {
    let is_locked = matches!(error, LedgerError::Locked { .. });
    let failure = ledger_failure(error);
    if is_locked { failure.hint(in_use) } else { failure }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}

/// Whom to believe at this address. Plain HTTP to another machine has to be asked for.
fn trust_for(url: &str, ca: Option<&Path>, plain_http: bool) -> Result<Trust, Failure> {
    let host = url.strip_prefix("http://").and_then(|r| r.split(['/', ':']).next());
    let local = matches!(host, Some("localhost" | "127.0.0.1")) || url.starts_with("http://[::1]");
    match ca {
        Some(path) => Ok(Trust::Roots(trusted_roots(path).map_err(server_failure)?)),
        None if url.starts_with("http://") && !local && !plain_http => {
            let message = format!("{url} is neither https nor this machine");
            Err(Failure::new(Exit::Usage, message)
                .hint("--ca and an https address, or plain HTTP if asked for"))
        }
        None => Ok(Trust::Plain),
    }
}

/// A client as the arguments ask, for requests that take long.
pub(super) fn patient_client(url: &str, ca: Option<&Path>, plain_http: bool) -> Result<Client, Failure> {
    Client::patient(url, trust_for(url, ca, plain_http)?).map_err(server_failure)
}

/// A client as the arguments ask.
fn client(url: &str, ca: Option<&Path>, plain_http: bool) -> Result<Client, Failure> {
    Client::new(url, trust_for(url, ca, plain_http)?).map_err(server_failure)
}

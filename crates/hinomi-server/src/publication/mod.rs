//! A ledger shown to its vaults, read-only, over HTTP.
//!
//! ```text
//! GET /checkpoint            the signed checkpoint
//! GET /tile/…                tiles and entry bundles (C2SP tlog-tiles)
//! GET /files                 `<length> <name>` per file of evidence
//! GET /file/<name>           bytes of a file, with `Range: bytes=a-b`
//! GET /keys?from=<ordinal>   data keys sealed to the vault that asks
//! ```
//!
//! # Invariants
//! - Nothing is ever changed, and nothing outside the list above can be named.
//! - Each vault has a token of its own; here only its SHA-256 is kept, and it gives the keys sealed to that vault alone.
//!
//! # Trust
//! Whoever has a token can read ciphertext and the leaves, which name sources and times. Records stay closed to all but
//! the vault that the keys are sealed to.

mod client;
mod credentials;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use hinomi_ledger::LedgerError;
use hinomi_ledger::tlog::Tile;
use hinomi_ledger::vault::{CHUNK, DirectorySource, FileName, Source as _};

pub use client::HttpSource;
pub use credentials::{Credential, Credentials};

use crate::http::{Handler, Request, Response};

/// Shows one ledger.
#[derive(Debug)]
pub struct Publication {
    source: DirectorySource,
    credentials: Credentials,
    keys: Arc<Mutex<()>>,
}

impl Publication {
    /// Shows the ledger behind `source` to the vaults in `credentials`.
    pub fn new(source: DirectorySource, credentials: Credentials) -> Self {
        Self { source, credentials, keys: Arc::default() }
    }

    fn answer(&self, request: &Request, vault: &Credential) -> Result<Response, LedgerError> {
        let mut source = self.source.clone();
        let path = request.path.strip_prefix('/').unwrap_or_default();
        if path == "checkpoint" {
            let mut response = Response::bytes(200, source.checkpoint()?);
            response.content_type = "text/plain; charset=utf-8";
            return Ok(response);
        }
        if path == "files" {
            let mut text = String::new();
            for file in source.files()? {
                let _ = writeln!(text, "{} {}", file.len, file.name);
            }
            return Ok(Response::text(200, text));
        }
        if path == "keys" {
            let from = request.query.strip_prefix("from=").and_then(|n| n.parse().ok());
            let Some(from) = from else { return Ok(Response::text(400, "keys?from=<ordinal>\n")) };
            // The ring is read whole; one reader at a time keeps that bounded.
            let _one = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bytes = Vec::new();
            for entry in source.keys(vault.recipient, from)? {
                bytes.extend(entry.encode()?);
            }
            return Ok(Response::bytes(200, bytes));
        }
        if let Some(name) = path.strip_prefix("file/") {
            let Ok(name) = name.parse::<FileName>() else { return Ok(nothing()) };
            let Some((from, len)) = request.header("range").and_then(range) else {
                return Ok(Response::text(416, "Range: bytes=<first>-<last>, at most 1 MiB\n"));
            };
            return Ok(Response::bytes(206, source.read(name, from, len)?));
        }
        match Tile::parse(path) {
            Some(tile) => Ok(Response::bytes(200, source.tile(tile)?)),
            None => Ok(nothing()),
        }
    }
}

fn nothing() -> Response {
    Response::text(404, "there is nothing here\n")
}

/// First byte and number of bytes of `bytes=a-b`; at most [`CHUNK`].
fn range(text: &str) -> Option<(u64, u32)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let len = last.checked_sub(first)?.checked_add(1)?;
    u32::try_from(len).ok().filter(|len| *len <= CHUNK).map(|len| (first, len))
}

impl Handler for Publication {
    fn handle(&self, request: Request) -> Response {
        let Some(vault) = request.header("authorization").and_then(|a| self.credentials.vault_of(a)) else {
            let mut response = Response::text(401, "a vault's token is needed\n");
            response.headers.push(("www-authenticate", "Bearer".to_owned()));
            return response;
        };
        if request.method != "GET" {
            return Response::text(405, "GET\n");
        }
        match self.answer(&request, vault) {
            Ok(response) => response,
            Err(LedgerError::Missing { .. }) => nothing(),
            // What went wrong here is for this machine's administrator, not for whoever asks.
            Err(_) => Response::text(503, "the ledger cannot be read now\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_bounded() {
        assert_eq!(range("bytes=0-0"), Some((0, 1)));
        assert_eq!(range("bytes=10-1048585"), Some((10, CHUNK)));
        for bad in [
            "bytes=10-1048586",
            "bytes=5-4",
            "bytes=-5",
            "bytes=5-",
            "bytes=0-18446744073709551615",
            "0-1",
            "bytes=0-1,3-4",
        ] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}

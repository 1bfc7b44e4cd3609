//! A witness behind HTTP (C2SP tlog-witness): `POST add-checkpoint`, and for people `GET` of what it watches.
//!
//! # Not here
//! What it answers and why: `hinomi_ledger::witness`.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use hinomi_ledger::LedgerError;
use hinomi_ledger::note::VerifierKey;
use hinomi_ledger::vault::WitnessView;
use hinomi_ledger::witness::{MAX_REQUEST_BYTES, Witness};

use crate::client::Client;
use crate::http::{Handler, Request, Response};
use crate::listen::Bounds;

/// The bounds of a witness's server.
pub fn bounds() -> Bounds {
    Bounds { body_bytes: MAX_REQUEST_BYTES, ..Bounds::default() }
}

/// Puts a witness behind HTTP.
#[derive(Debug)]
pub struct WitnessService(Mutex<Witness>);

impl WitnessService {
    /// A service of `witness`.
    pub fn new(witness: Witness) -> Self {
        Self(Mutex::new(witness))
    }
}

impl Handler for WitnessService {
    fn handle(&self, request: Request) -> Response {
        // One request at a time: comparing with the last checkpoint and replacing it is one step.
        let mut witness = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/add-checkpoint") => {
                let answer = witness.add_checkpoint(&request.body);
                let (status, content_type) = (answer.status(), answer.content_type());
                Response { status, content_type, headers: Vec::new(), body: answer.body().into_bytes() }
            }
            ("GET", "/" | "/logs") => {
                let mut text = format!("{}\n", witness.verifier());
                for (origin, size, root) in witness.logs() {
                    let _ = writeln!(text, "{size} {root} {origin}");
                }
                Response::text(200, text)
            }
            (_, "/add-checkpoint") => Response::text(405, "POST a checkpoint\n"),
            _ => Response::text(404, "there is nothing here\n"),
        }
    }
}

/// A witness reached over HTTP.
#[derive(Debug)]
pub struct HttpWitness {
    client: Client,
    key: VerifierKey,
}

impl HttpWitness {
    /// The witness behind `client`, whose cosignatures `key` verifies.
    pub fn new(client: Client, key: VerifierKey) -> Self {
        Self { client, key }
    }
}

impl WitnessView for HttpWitness {
    fn key(&self) -> &VerifierKey {
        &self.key
    }

    fn add_checkpoint(&mut self, body: &[u8]) -> Result<(u16, Vec<u8>), LedgerError> {
        let answer = self.client.send("POST", "/add-checkpoint", &[], body, MAX_ANSWER);
        let peer = || self.client.base().to_owned();
        let answer = answer.map_err(|e| LedgerError::Unreachable { peer: peer(), what: e.to_string() })?;
        Ok((answer.status, answer.body))
    }
}

/// Longest answer of a witness.
const MAX_ANSWER: u64 = 64 * 1024;

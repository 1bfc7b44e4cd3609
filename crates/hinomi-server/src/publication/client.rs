//! A vault's side of a publication.

use hinomi_ledger::tlog::Tile;
use hinomi_ledger::vault::{CHUNK, FileName, KEYS_AT_ONCE, Listed, MAX_FILES, SealedEntry, Source};
use hinomi_ledger::{LedgerError, VaultRecipient};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::error::ServerError;

/// Longest list of files: a name and a length take less than 60 bytes.
const MAX_LIST: u64 = 60 * MAX_FILES as u64;
const MAX_CHECKPOINT: u64 = 64 * 1024;
/// Longest bundle: 256 of the longest leaves.
const MAX_TILE: u64 = 256 * (65_535 + 2);
const MAX_KEYS: u64 = 1024 * KEYS_AT_ONCE as u64;

/// A ledger behind a publication.
pub struct HttpSource {
    client: Client,
    authorization: Zeroizing<String>,
}

impl HttpSource {
    /// Asks through `client` with a vault's token.
    pub fn new(client: Client, token: &[u8; 32]) -> Self {
        let mut authorization = Zeroizing::new(String::with_capacity(80));
        authorization.push_str("Bearer ");
        for byte in token {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
            authorization.push(digit(byte >> 4));
            authorization.push(digit(byte & 15));
        }
        Self { client, authorization }
    }

    fn ask(&self, path: &str, range: Option<&str>, limit: u64) -> Result<Vec<u8>, LedgerError> {
        let mut headers = vec![("authorization", self.authorization.as_str())];
        headers.extend(range.map(|range| ("range", range)));
        let expected: &[u16] = if range.is_some() { &[206] } else { &[200] };
        let peer = self.client.base().to_owned();
        match self.client.expect(expected, "GET", path, &headers, limit) {
            Ok(answer) => Ok(answer.body),
            Err(ServerError::Status { status: 404, .. }) => {
                Err(LedgerError::Missing { what: "file", name: path.to_owned() })
            }
            Err(ServerError::Protocol { what, .. }) => Err(LedgerError::Malformed { kind: "answer", what }),
            Err(error) => Err(LedgerError::Unreachable { peer, what: error.to_string() }),
        }
    }
}

fn malformed(what: &'static str) -> LedgerError {
    LedgerError::Malformed { kind: "answer", what }
}

impl Source for HttpSource {
    fn peer(&self) -> String {
        self.client.base().to_owned()
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, LedgerError> {
        self.ask("/checkpoint", None, MAX_CHECKPOINT).map_err(|error| match error {
            LedgerError::Missing { .. } => {
                LedgerError::Unreachable { peer: self.peer(), what: "it shows no checkpoint".to_owned() }
            }
            other => other,
        })
    }

    fn files(&mut self) -> Result<Vec<Listed>, LedgerError> {
        let text =
            String::from_utf8(self.ask("/files", None, MAX_LIST)?).map_err(|_| malformed("no text"))?;
        let listed = text.lines().map(|line| {
            let (len, name) = line.split_once(' ').ok_or_else(|| malformed("a line of the list of files"))?;
            let len = len.parse().map_err(|_| malformed("the length of a file"))?;
            Ok(Listed { name: name.parse()?, len })
        });
        listed.collect()
    }

    fn read(&mut self, name: FileName, offset: u64, len: u32) -> Result<Vec<u8>, LedgerError> {
        let len = u64::from(len.min(CHUNK)).max(1);
        let last = offset.checked_add(len - 1).ok_or_else(|| malformed("a place beyond any file"))?;
        self.ask(&format!("/file/{name}"), Some(&format!("bytes={offset}-{last}")), len)
    }

    fn tile(&mut self, tile: Tile) -> Result<Vec<u8>, LedgerError> {
        self.ask(&format!("/{tile}"), None, MAX_TILE)
    }

    fn keys(&mut self, _: VaultRecipient, from: u64) -> Result<Vec<SealedEntry>, LedgerError> {
        let bytes = self.ask(&format!("/keys?from={from}"), None, MAX_KEYS)?;
        SealedEntry::decode_all(&bytes, KEYS_AT_ONCE)
    }
}

impl std::fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSource").field("client", &self.client).finish_non_exhaustive()
    }
}

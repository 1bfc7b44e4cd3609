//! Object stores that speak S3 with Object Lock.
//!
//! # Trust
//! The answers decide whether evidence is believed to be safe, so nothing is assumed from a status alone: locks are read
//! back per version, and an attempted deletion counts as refused only if the version is still there afterwards (see
//! `hinomi_ledger::objects`).
//!
//! # Not here
//! What is copied and when it is checked: `hinomi_ledger::objects`.

mod sign;

use std::io::Read;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hinomi_ledger::LedgerError;
use hinomi_ledger::objects::{LockMode, ObjectStore, Refusal, StoredObject};
use hinomi_model::{Clock, Digest, Timestamp};
use zeroize::Zeroizing;

use crate::client::{Answered, Client};
use crate::error::ServerError;
use sign::{Signing, percent_encode};

const MAX_ANSWER: u64 = 64 * 1024;
const SECOND: i64 = 1_000_000_000;

/// Who asks an object store.
pub struct S3Keys {
    /// Access key.
    pub access: String,
    /// Secret key.
    pub secret: Zeroizing<String>,
    /// Region, `us-east-1` where the store knows none.
    pub region: String,
}

impl std::fmt::Debug for S3Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Keys")
            .field("access", &self.access)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl S3Keys {
    /// Reads a file of three lines: access key, secret key, region.
    ///
    /// # Errors
    /// [`ServerError::Credential`].
    pub fn parse(path: &std::path::Path, text: &str) -> Result<Self, ServerError> {
        let mut lines = text.lines();
        let mut next = || lines.next().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned);
        let (Some(access), Some(secret)) = (next(), next()) else {
            let what = "access key, secret key and region, a line each".to_owned();
            return Err(ServerError::Credential { path: path.to_owned(), what });
        };
        let region = next().unwrap_or_else(|| "us-east-1".to_owned());
        Ok(Self { access, secret: Zeroizing::new(secret), region })
    }
}

/// A bucket.
#[derive(Debug)]
pub struct S3Store {
    client: Client,
    bucket: String,
    keys: S3Keys,
    clock: Arc<dyn Clock>,
}

impl S3Store {
    /// The bucket `bucket` of the store behind `client` (path style).
    ///
    /// # Errors
    /// [`ServerError::Address`] for a name that is no bucket's.
    pub fn new(
        client: Client,
        bucket: &str,
        keys: S3Keys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServerError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(plain) {
            return Err(ServerError::Address { url: bucket.to_owned(), what: "it is no name of a bucket" });
        }
        Ok(Self { client, bucket: bucket.to_owned(), keys, clock })
    }

    /// Creates the bucket with Object Lock.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`].
    pub fn create_bucket(&mut self) -> Result<(), LedgerError> {
        let headers = [("x-amz-bucket-object-lock-enabled", "true".to_owned())];
        let answer = self.ask("PUT", "", &[], &headers, b"")?;
        if answer.status == 200 { Ok(()) } else { Err(self.refused(&answer)) }
    }

    fn path(&self, key: &str, query: &[(&str, &str)]) -> (String, String) {
        let path =
            if key.is_empty() { format!("/{}", self.bucket) } else { format!("/{}/{key}", self.bucket) };
        let mut pairs: Vec<String> =
            query.iter().map(|(n, v)| format!("{}={}", percent_encode(n), percent_encode(v))).collect();
        pairs.sort();
        (path, pairs.join("&"))
    }

    fn headers(
        &self,
        method: &str,
        path: &str,
        query: &str,
        extra: &[(&str, String)],
        sha256: &Digest,
    ) -> Vec<(String, String)> {
        let host = self.client.base().split_once("://").map_or("", |(_, rest)| rest).to_owned();
        let signing = Signing { keys: &self.keys, now: self.clock.now(), method, path, query };
        signing.headers(&host, extra, sha256)
    }

    fn ask(
        &self,
        method: &str,
        key: &str,
        query: &[(&str, &str)],
        extra: &[(&str, String)],
        body: &[u8],
    ) -> Result<Answered, LedgerError> {
        let (path, query) = self.path(key, query);
        let headers = self.headers(method, &path, &query, extra, &Digest::of(body));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let url = if query.is_empty() { path } else { format!("{path}?{query}") };
        self.client.send(method, &url, &headers, body, MAX_ANSWER).map_err(|e| self.silent(&e))
    }

    fn silent(&self, error: &ServerError) -> LedgerError {
        LedgerError::Unreachable { peer: self.name(), what: error.to_string() }
    }

    fn refused(&self, answer: &Answered) -> LedgerError {
        let said: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        LedgerError::Unreachable { peer: self.name(), what: format!("status {}: {said}", answer.status) }
    }

    /// Whether a change that must not happen was refused: any answer but success, or silence about nothing.
    fn refusal(&self, answer: &Answered) -> Result<Refusal, LedgerError> {
        match answer.status {
            200..=299 => Ok(Refusal::Done),
            400..=499 => Ok(Refusal::Refused),
            _ => Err(self.refused(answer)),
        }
    }
}

/// RFC 3339 in whole seconds, as the lock headers want it.
fn date(ns: u64) -> String {
    let ((year, month, day), (hour, minute, second), _) = Timestamp::from_nanos(ns as i64).to_civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

impl ObjectStore for S3Store {
    fn name(&self) -> String {
        format!("{}/{}", self.client.base(), self.bucket)
    }

    fn lock_configured(&mut self) -> Result<bool, LedgerError> {
        let answer = self.ask("GET", "", &[("object-lock", "")], &[], b"")?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let versions = self.ask("GET", "", &[("versioning", "")], &[], b"")?;
        let versions = String::from_utf8_lossy(&versions.body).into_owned();
        Ok(answer.status == 200
            && text.contains("<ObjectLockEnabled>Enabled</ObjectLockEnabled>")
            && versions.contains("<Status>Enabled</Status>"))
    }

    fn put(
        &mut self,
        key: &str,
        body: &mut dyn Read,
        len: u64,
        sha256: &Digest,
        until_ns: u64,
    ) -> Result<String, LedgerError> {
        let extra = [
            ("x-amz-checksum-sha256", STANDARD.encode(sha256.as_bytes())),
            ("x-amz-object-lock-mode", "COMPLIANCE".to_owned()),
            ("x-amz-object-lock-retain-until-date", date(until_ns)),
        ];
        let (path, query) = self.path(key, &[]);
        let headers = self.headers("PUT", &path, &query, &extra, sha256);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = self.client.upload("PUT", &path, &headers, (body, len), MAX_ANSWER);
        let answer = answer.map_err(|e| self.silent(&e))?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        Ok(answer.header("x-amz-version-id").unwrap_or_default().to_owned())
    }

    fn head(&mut self, key: &str, version: &str) -> Result<Option<StoredObject>, LedgerError> {
        let answer = self.ask("HEAD", key, &[("versionId", version)], &[], b"")?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.refused(&answer)),
        }
        let mode = match answer.header("x-amz-object-lock-mode") {
            Some("COMPLIANCE") => LockMode::Compliance,
            Some("GOVERNANCE") => LockMode::Governance,
            _ => LockMode::None,
        };
        let until = answer.header("x-amz-object-lock-retain-until-date").unwrap_or_default();
        let until = Timestamp::parse_iso(until.as_bytes(), false).map_or(0, Timestamp::as_nanos);
        let until_ns = u64::try_from(until / SECOND * SECOND).unwrap_or(0);
        let len = answer.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
        Ok(Some(StoredObject { len, mode, until_ns }))
    }

    fn get(
        &mut self,
        key: &str,
        version: &str,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), LedgerError>,
    ) -> Result<bool, LedgerError> {
        let (path, query) = self.path(key, &[("versionId", version)]);
        let headers = self.headers("GET", &path, &query, &[], &Digest::of(b""));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut inner = |piece: &[u8]| sink(piece).map_err(ServerError::Ledger);
        let answer = self.client.download(&format!("{path}?{query}"), &headers, &mut inner);
        match answer {
            Ok(None) => Ok(true),
            Ok(Some(answer)) if answer.status == 404 => Ok(false),
            // The entry is there and the bytes are not: for whoever needs them that is the same.
            Ok(Some(answer)) if (500..600).contains(&answer.status) => Ok(false),
            Ok(Some(answer)) => Err(self.refused(&answer)),
            Err(ServerError::Ledger(error)) => Err(error),
            Err(error) => Err(self.silent(&error)),
        }
    }

    fn try_delete(&mut self, key: &str, version: &str) -> Result<Refusal, LedgerError> {
        let answer = self.ask("DELETE", key, &[("versionId", version)], &[], b"")?;
        self.refusal(&answer)
    }

    fn try_retain(
        &mut self,
        key: &str,
        version: &str,
        mode: LockMode,
        until_ns: u64,
    ) -> Result<Refusal, LedgerError> {
        let mode = if mode == LockMode::Compliance { "COMPLIANCE" } else { "GOVERNANCE" };
        let body = format!(
            "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{mode}</Mode>\
             <RetainUntilDate>{}</RetainUntilDate></Retention>",
            date(until_ns)
        );
        let extra = [("x-amz-checksum-sha256", STANDARD.encode(Digest::of(body.as_bytes()).as_bytes()))];
        let query = [("retention", ""), ("versionId", version)];
        let answer = self.ask("PUT", key, &query, &extra, body.as_bytes())?;
        self.refusal(&answer)
    }
}

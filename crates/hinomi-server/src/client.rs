//! An HTTP client for hostile servers: bounded time, bounded answers, no redirects, no proxies from the environment.
//!
//! # Trust
//! The other side may be an intruder. Nothing is followed, nothing is decompressed, and an answer longer than the
//! caller allows is an error, not a truncated answer.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use ureq::SendBody;
use ureq::http::request::Builder;
use ureq::http::{Method, Request};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::error::ServerError;

/// Whose certificates a client believes.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Only chains that end in one of these.
    Roots(Vec<CertificateDer<'static>>),
    /// No TLS: loopback, or networks whose owner said so.
    Plain,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// HTTP status, whatever it is.
    pub status: u16,
    /// Headers in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answered {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

/// Time for a connection, and for a whole request.
const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_mins(1);
/// The same where somebody waits in front of a screen.
const QUICK: Duration = Duration::from_secs(8);
/// The same for requests that carry whole segments.
const PATIENT: Duration = Duration::from_hours(1);

impl Client {
    /// A client of the server at `base` (`https://host:port/prefix`).
    ///
    /// # Errors
    /// [`ServerError::Address`] for another scheme, or plain HTTP to another machine without [`Trust::Plain`].
    pub fn new(base: &str, trust: Trust) -> Result<Self, ServerError> {
        Self::build(base, trust, WHOLE)
    }

    /// As [`Client::new`], for requests that carry whole segments.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn patient(base: &str, trust: Trust) -> Result<Self, ServerError> {
        Self::build(base, trust, PATIENT)
    }

    /// As [`Client::new`], where somebody waits in front of a screen.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn quick(base: &str, trust: Trust) -> Result<Self, ServerError> {
        Self::build(base, trust, QUICK)
    }

    fn build(base: &str, trust: Trust, whole: Duration) -> Result<Self, ServerError> {
        let unusable = |what| ServerError::Address { url: shown(base), what };
        let base = base.trim_end_matches('/');
        let secure = base.starts_with("https://");
        if !secure && !base.starts_with("http://") {
            return Err(unusable("it begins with neither https:// nor http://"));
        }
        if base.contains('@') || base.contains('?') || base.contains('#') {
            return Err(unusable("user names, queries and fragments do not belong into it"));
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent("hinomi")
            .timeout_connect(Some(CONNECT.min(whole / 2)))
            .timeout_global(Some(whole))
            .max_response_header_size(16 * 1024)
            .max_idle_connections(2);
        match trust {
            Trust::Roots(roots) if secure => {
                let roots: Vec<Certificate<'static>> =
                    roots.iter().map(|r| Certificate::from_der(r).to_owned()).collect();
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let tls = TlsConfig::builder()
                    .root_certs(RootCerts::from(roots))
                    .unversioned_rustls_crypto_provider(provider)
                    .build();
                config = config.tls_config(tls).https_only(true);
            }
            Trust::Plain if !secure => {}
            Trust::Roots(_) => return Err(unusable("certificates were given, but it is plain HTTP")),
            Trust::Plain => return Err(unusable("https needs the certificates to trust")),
        }
        Ok(Self { agent: config.build().new_agent(), base: base.to_owned() })
    }

    /// Where it asks.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request and reads an answer of at most `limit` bytes, whatever its status.
    ///
    /// # Errors
    /// [`ServerError::NoAnswer`], or [`ServerError::Protocol`] when the answer is longer than `limit`.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        limit: u64,
    ) -> Result<Answered, ServerError> {
        let request = self.request(method, path, headers)?.body(body).map_err(|e| self.broken(path, &e))?;
        let answer = self.agent.run(request).map_err(|e| self.broken(path, &e))?;
        self.answered(path, answer, limit)
    }

    /// Sends `len` bytes of a reader and reads an answer of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn upload(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        (body, len): (&mut dyn Read, u64),
        limit: u64,
    ) -> Result<Answered, ServerError> {
        let request = self.request(method, path, headers)?.header("content-length", len.to_string());
        let mut body = body.take(len);
        let request = request.body(SendBody::from_reader(&mut body));
        let request = request.map_err(|e| self.broken(path, &e))?;
        let answer = self.agent.run(request).map_err(|e| self.broken(path, &e))?;
        self.answered(path, answer, limit)
    }

    /// Sends a request and hands the body of a 200 answer to `sink` piece by piece; another answer is returned whole.
    ///
    /// # Errors
    /// As [`Client::send`], and whatever `sink` returns.
    pub fn download<E: From<ServerError>>(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        sink: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Option<Answered>, E> {
        let request = self.request("GET", path, headers)?.body(()).map_err(|e| self.broken(path, &e))?;
        let mut answer = self.agent.run(request).map_err(|e| self.broken(path, &e))?;
        if answer.status().as_u16() != 200 {
            return Ok(Some(self.answered(path, answer, 64 * 1024)?));
        }
        let mut reader = answer.body_mut().as_reader();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = reader.read(&mut buffer).map_err(|e| self.broken(path, &e))?;
            if read == 0 {
                return Ok(None);
            }
            sink(buffer.get(..read).unwrap_or_default())?;
        }
    }

    fn broken(&self, path: &str, what: &dyn std::fmt::Display) -> ServerError {
        ServerError::NoAnswer { url: shown(&format!("{}{path}", self.base)), what: what.to_string() }
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<Builder, ServerError> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|e| self.broken(path, &e))?;
        let url = format!("{}{path}", self.base);
        let mut request = Request::builder().method(method).uri(url).header("accept-encoding", "identity");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request)
    }

    fn answered(
        &self,
        path: &str,
        mut answer: ureq::http::Response<ureq::Body>,
        limit: u64,
    ) -> Result<Answered, ServerError> {
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into()));
        let headers = headers.collect();
        let status = answer.status().as_u16();
        // The library's limit is met by a body of just that length, so it gets one more.
        match answer.body_mut().with_config().limit(limit.saturating_add(1)).read_to_vec() {
            Ok(body) if body.len() as u64 <= limit => Ok(Answered { status, headers, body }),
            Ok(_) | Err(ureq::Error::BodyExceedsLimit(_)) => {
                let url = shown(&format!("{}{path}", self.base));
                Err(ServerError::Protocol { url, what: "the answer is longer than allowed" })
            }
            Err(other) => Err(self.broken(path, &other)),
        }
    }

    /// As [`Client::send`], for requests that only `status` answers.
    ///
    /// # Errors
    /// [`ServerError::Status`] for any other.
    pub fn expect(
        &self,
        status: &[u16],
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        limit: u64,
    ) -> Result<Answered, ServerError> {
        let answer = self.send(method, path, headers, &[], limit)?;
        if status.contains(&answer.status) {
            return Ok(answer);
        }
        let (url, said) =
            (shown(&format!("{}{path}", self.base)), shown(&String::from_utf8_lossy(&answer.body)));
        Err(ServerError::Status { url, status: answer.status, said })
    }
}

/// The beginning of a text from outside, fit for a terminal.
fn shown(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

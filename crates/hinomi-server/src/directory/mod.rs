//! Reading of a directory over LDAPS: a simple bind, and every entry below a base as LDIF. Nothing is ever written to it.
//!
//! # Invariants
//! - A password leaves only over TLS whose certificate ends in a root that the caller gave and names the host that was asked.
//!
//! # Trust
//! The server may be an intruder. Messages, entries and the time between two of them are bounded; referrals are counted and
//! never followed.
//!
//! # Not here
//! What entries mean: `hinomi-assure`.

mod ldif;
mod message;

use std::io::{self, Read as _, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::ber;
use crate::error::ServerError;
use message::{Answer, Outcome, Scope};

/// Port of LDAP over TLS.
const PORT: u16 = 636;
/// Time for a connection, and between two parts of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of one message.
const LARGEST_MESSAGE: usize = 32 << 20;
/// Entries of one page, which directories allow by default up to a thousand.
const PAGE: u32 = 500;
/// Entries of one export.
const MOST_ENTRIES: u64 = 5_000_000;
/// What the result codes mean that the caller can do something about (RFC 4511, 4.1.9).
const MEANINGS: [(i64, &str); 5] = [
    (4, "the directory gives no more entries: its limit of size is lower than what the base holds"),
    (8, "it wants stronger authentication"),
    (32, "there is no such base"),
    (49, "the name or the password is wrong"),
    (50, "this account may not read it"),
];

/// What was exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exported {
    /// Entries written.
    pub entries: u64,
    /// Parts of the directory that other servers hold; they were not asked.
    pub referrals: u64,
}

/// A connection on which somebody has signed in.
pub struct Directory {
    url: String,
    stream: StreamOwned<ClientConnection, TcpStream>,
    last: u32,
}

impl Directory {
    /// Connects to `ldaps://host[:port]`, whose certificate must end in one of `roots`, and signs in.
    ///
    /// # Errors
    /// [`ServerError::Address`] for any other address, [`ServerError::Network`], [`ServerError::Tls`], or
    /// [`ServerError::Refused`] when the directory does not accept the name and password.
    pub fn bind(
        url: &str,
        roots: Vec<CertificateDer<'static>>,
        name: &str,
        password: &[u8],
    ) -> Result<Self, ServerError> {
        let (host, port) = address(url)?;
        // RFC 4513, 5.1.2: a name without a password is nobody, and would be let in as such.
        if password.is_empty() {
            return Err(ServerError::Refused {
                url: url.to_owned(),
                what: "the password is empty".to_owned(),
            });
        }
        let stream = connect(url, &host, port, roots)?;
        let mut directory = Self { url: url.to_owned(), stream, last: 0 };
        let id = directory.next();
        directory.send(&message::bind(id, name, password))?;
        match directory.answer(id)? {
            Answer::Bound(Outcome { code: 0, .. }) => Ok(directory),
            Answer::Bound(outcome) => Err(directory.refused(outcome)),
            _ => Err(directory.broken("no answer to the bind")),
        }
    }

    /// Writes every entry below `base` with these attributes; without a base, that which the directory names as its own.
    ///
    /// # Errors
    /// [`ServerError`] for everything that keeps the export from being whole.
    pub fn export(
        &mut self,
        base: Option<&str>,
        attributes: &[String],
        out: &mut dyn Write,
    ) -> Result<Exported, ServerError> {
        let base = match base {
            Some(base) => base.to_owned(),
            None => self.own_base()?,
        };
        let mut exported = Exported::default();
        let mut cookie = Vec::new();
        loop {
            let id = self.next();
            self.send(&message::search(id, (&base, Scope::Below), attributes, (PAGE, &cookie)))?;
            match self.page(id, out, &mut exported)? {
                next if next.is_empty() => return Ok(exported),
                next => cookie = next,
            }
        }
    }

    /// Reads one page; returns where the next one begins.
    fn page(
        &mut self,
        id: u32,
        out: &mut dyn Write,
        exported: &mut Exported,
    ) -> Result<Vec<u8>, ServerError> {
        loop {
            match self.answer(id)? {
                Answer::Entry(entry) => {
                    exported.entries += 1;
                    if exported.entries > MOST_ENTRIES {
                        return Err(self.broken("it never stops sending entries"));
                    }
                    ldif::write(&entry, out).map_err(|e| self.network("write what was read from", e))?;
                }
                Answer::Reference => exported.referrals += 1,
                Answer::Done(Outcome { code: 0, .. }, next) => return Ok(next),
                Answer::Done(outcome, _) => return Err(self.refused(outcome)),
                Answer::Bound(_) | Answer::Other => return Err(self.broken("not an answer to a search")),
            }
        }
    }

    /// The base that the directory calls its own.
    fn own_base(&mut self) -> Result<String, ServerError> {
        let id = self.next();
        let wanted = ["defaultNamingContext".to_owned(), "namingContexts".to_owned()];
        self.send(&message::search(id, ("", Scope::Entry), &wanted, (0, &[])))?;
        let mut found = None;
        loop {
            match self.answer(id)? {
                Answer::Entry(entry) => {
                    let named = |name: &String| {
                        let of_name = entry.attributes.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
                        String::from_utf8(of_name?.1.first()?.clone()).ok()
                    };
                    found = wanted.iter().find_map(named);
                }
                Answer::Done(Outcome { code: 0, .. }, _) => {
                    return found.ok_or_else(|| self.broken("it names no base: give one"));
                }
                Answer::Done(outcome, _) => return Err(self.refused(outcome)),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    fn send(&mut self, message: &[u8]) -> Result<(), ServerError> {
        let sent = self.stream.write_all(message).and_then(|()| self.stream.flush());
        sent.map_err(|e| failed(&self.url, e))
    }

    /// The next message, which has to answer this one.
    fn answer(&mut self, id: u32) -> Result<Answer, ServerError> {
        let bytes = self.message()?;
        match message::answer(&bytes) {
            Some((number, answer)) if number == i64::from(id) => Ok(answer),
            // RFC 4511, 4.4.1: the server says why it ends the connection.
            Some((0, _)) => Err(self.broken("it ended the connection")),
            Some(_) => Err(self.broken("an answer to another message")),
            None => Err(self.broken("not LDAP")),
        }
    }

    fn message(&mut self) -> Result<Vec<u8>, ServerError> {
        let mut bytes = vec![0; 2];
        self.read_exact(&mut bytes, 0)?;
        let more =
            bytes.get(1).map_or(0, |first| if *first < 0x80 { 0 } else { usize::from(first & 0x7f).min(8) });
        bytes.resize(2 + more, 0);
        self.read_exact(&mut bytes, 2)?;
        let length = bytes.get(1..).and_then(ber::length);
        let (length, header) = length.ok_or_else(|| self.broken("not LDAP"))?;
        if length > LARGEST_MESSAGE {
            return Err(self.broken("a message is larger than allowed"));
        }
        bytes.resize(1 + header + length, 0);
        self.read_exact(&mut bytes, 1 + header)?;
        Ok(bytes)
    }

    /// Fills what follows `from`.
    fn read_exact(&mut self, bytes: &mut [u8], from: usize) -> Result<(), ServerError> {
        let wanted = bytes.get_mut(from..).unwrap_or_default();
        self.stream.read_exact(wanted).map_err(|e| failed(&self.url, e))
    }

    fn refused(&self, outcome: Outcome) -> ServerError {
        let meaning = MEANINGS.iter().find(|(code, _)| *code == outcome.code).map(|(_, meaning)| *meaning);
        let said: String = outcome.said.chars().filter(|c| !c.is_control()).take(200).collect();
        let what = format!("{} (result {}: {said})", meaning.unwrap_or("it refused"), outcome.code);
        ServerError::Refused { url: self.url.clone(), what }
    }

    fn broken(&self, what: &'static str) -> ServerError {
        ServerError::Protocol { url: self.url.clone(), what }
    }

    fn network(&self, action: &'static str, source: io::Error) -> ServerError {
        ServerError::Network { action, peer: self.url.clone(), source }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Good manners; whether it arrives changes nothing.
        let id = self.next();
        let _ = self.send(&message::unbind(id));
    }
}

/// Host and port of `ldaps://host[:port]`.
fn address(url: &str) -> Result<(String, u16), ServerError> {
    let unusable = |what| ServerError::Address { url: url.to_owned(), what };
    if url.starts_with("ldap://") {
        return Err(unusable("the password would be sent in the clear: write ldaps://"));
    }
    let rest =
        url.strip_prefix("ldaps://").ok_or_else(|| unusable("write ldaps://host or ldaps://host:port"))?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '@', '#']) {
        return Err(unusable("nothing but a host and a port belongs into it"));
    }
    let bracketed = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(PORT), str::parse).map_err(|_| unusable("the port is no number"))?;
    if host.is_empty() { Err(unusable("it names no host")) } else { Ok((host.to_owned(), port)) }
}

fn connect(
    url: &str,
    host: &str,
    port: u16,
    roots: Vec<CertificateDer<'static>>,
) -> Result<StreamOwned<ClientConnection, TcpStream>, ServerError> {
    let tls = |what: String| ServerError::Tls { what };
    let network = |source| ServerError::Network { action: "connect to", peer: url.to_owned(), source };
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root).map_err(|e| tls(e.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| tls(e.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|e| tls(e.to_string()))?;
    let session = ClientConnection::new(Arc::new(config), name).map_err(|e| tls(e.to_string()))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in std::net::ToSocketAddrs::to_socket_addrs(&(host, port)).map_err(network)? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).map_err(network)?;
                stream.set_write_timeout(Some(PATIENCE)).map_err(network)?;
                return Ok(StreamOwned::new(session, stream));
            }
            Err(error) => last = error,
        }
    }
    Err(network(last))
}

/// Why bytes did not come or go: TLS, or the network.
fn failed(url: &str, error: io::Error) -> ServerError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(tls) => ServerError::Tls { what: format!("{url}: {tls}") },
        None => ServerError::Network { action: "talk to", peer: url.to_owned(), source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_one_host_over_tls() {
        let of = |url: &str| address(url).map_err(|e| e.to_string());
        assert_eq!(of("ldaps://dc1.example"), Ok(("dc1.example".to_owned(), 636)));
        assert_eq!(of("ldaps://dc1.example:3269/"), Ok(("dc1.example".to_owned(), 3269)));
        assert_eq!(of("ldaps://[2001:db8::1]:636"), Ok(("2001:db8::1".to_owned(), 636)));
        for (url, said) in [
            ("ldap://dc1.example", "in the clear"),
            ("https://dc1.example", "write ldaps://"),
            ("ldaps://user@dc1", "nothing but a host"),
            ("ldaps://dc1/dc=x", "nothing but a host"),
            ("ldaps://dc1:x", "no number"),
            ("ldaps://:636", "no host"),
        ] {
            assert!(of(url).unwrap_err().contains(said), "{url}");
        }
    }
}

//! Syslog to another collector: RFC 5424 over UDP (RFC 5426), TCP with counts (RFC 6587) and TLS (RFC 5425).
//!
//! Nothing acknowledges syslog. Over TCP and TLS each message has a connection of its own, which is closed in order, so that
//! a collector that is gone is noticed; over UDP nothing is.

use std::io::{self, Write as _};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use hinomi_alert::{Letter, Outcome};
use hinomi_model::Level;
use rustls::ClientConfig;

use super::wire::Wire;
use super::{Server, again, is_this_machine, roots};
use crate::error::ServerError;

/// Facility «security/authorization messages».
const FACILITY: u8 = 4;
/// Longest message in a datagram, and over a stream.
const LONGEST_DATAGRAM: usize = 2_048;
const LONGEST: usize = 64 * 1024;
/// How long the other side may take to close.
const FAREWELL: Duration = Duration::from_secs(5);

/// What carries it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

/// What a way to a collector is made from.
#[derive(Clone, Debug)]
pub struct SyslogSetup {
    /// Where.
    pub server: Server,
    /// What carries it.
    pub transport: Transport,
    /// Without TLS to other machines, too.
    pub plain: bool,
}

/// A way to a collector.
#[derive(Debug)]
pub struct Syslog {
    setup: SyslogSetup,
    config: Option<Arc<ClientConfig>>,
}

impl Syslog {
    pub(super) fn open(setup: &SyslogSetup) -> Result<Self, ServerError> {
        let server = &setup.server;
        let encrypted = setup.transport == Transport::Tls;
        if !encrypted && !setup.plain && !is_this_machine(&server.host) {
            let what = "without TLS it needs plain = true";
            return Err(ServerError::Address { url: server.host.clone(), what });
        }
        let config = encrypted.then(|| roots::client(server.ca.as_deref())).transpose()?;
        Ok(Self { setup: setup.clone(), config })
    }

    pub(super) fn send(&self, letter: &Letter) -> Outcome {
        let Server { host, port, .. } = &self.setup.server;
        match self.hand_over(letter) {
            Ok(()) => Outcome::Sent,
            Err(error) => again(format!("{host}:{port}: {error}")),
        }
    }

    fn hand_over(&self, letter: &Letter) -> io::Result<()> {
        let server = &self.setup.server;
        if self.setup.transport == Transport::Udp {
            let message = message(letter, LONGEST_DATAGRAM);
            let address = (server.host.as_str(), server.port);
            let v6 = std::net::ToSocketAddrs::to_socket_addrs(&address)?.next().is_some_and(|a| a.is_ipv6());
            let socket = UdpSocket::bind(if v6 { "[::]:0" } else { "0.0.0.0:0" })?;
            return socket.send_to(message.as_bytes(), address).map(drop);
        }
        let message = message(letter, LONGEST);
        let mut wire = Wire::connect(server, self.config.as_ref())?;
        wire.write_all(format!("{} {message}", message.len()).as_bytes())?;
        wire.finish(FAREWELL)
    }
}

/// The message: its fields as JSON without the text, or the subject where that is too long.
fn message(letter: &Letter, longest: usize) -> String {
    let severity = match letter.level {
        Level::Critical => 2,
        Level::High => 3,
        Level::Medium => 4,
        Level::Low => 5,
        Level::Informational => 6,
    };
    let mut fields = letter.fields.clone();
    fields.as_object_mut().map(|all| all.remove("text"));
    let part = |name: &str| fields.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let graphic = |text: &str| {
        let kept: String = text.chars().filter(char::is_ascii_graphic).take(200).collect();
        if kept.is_empty() { "-".to_owned() } else { kept }
    };
    let (host, time, purpose) = (graphic(part("site")), graphic(part("sent")), graphic(part("purpose")));
    let head = format!("<{}>1 {time} {host} hinomi - {purpose} - \u{feff}", FACILITY * 8 + severity);
    let whole = format!("{head}{fields}");
    if whole.len() <= longest {
        return whole;
    }
    let room = longest.saturating_sub(head.len() + 8);
    let mut subject = letter.subject.clone();
    while subject.len() > room {
        subject.pop();
    }
    format!("{head}{subject}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_have_the_form_of_the_specification() {
        let mut letter = Letter {
            id: "i-1".to_owned(),
            subject: "火".repeat(2_000),
            text: "not sent".to_owned(),
            level: Level::Critical,
            mail: None,
            fields: json!({"site": "a b\nc", "sent": "2026-11-22T21:00:00Z", "purpose": "alert", "text": "not sent"}),
        };
        let said = message(&letter, LONGEST);
        let (head, json) = said.split_once('\u{feff}').unwrap();
        assert_eq!(head, "<34>1 2026-11-22T21:00:00Z abc hinomi - alert - ");
        assert!(!json.contains("not sent") && !json.contains('\n'));
        letter.fields = json!({ "subject": "x".repeat(100_000) });
        for longest in [LONGEST_DATAGRAM, LONGEST] {
            let said = message(&letter, longest);
            assert!(said.len() <= longest && said.contains("火"), "{}", said.len());
        }
    }
}

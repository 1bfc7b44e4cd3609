//! Mail over SMTP (RFC 5321), with STARTTLS (RFC 3207) or TLS from the first byte (RFC 8314).
//!
//! # Invariants
//! - A password is sent over TLS, to this machine, or where `plain` allows it.
//! - What came before STARTTLS counts for nothing: bytes that follow its answer at once end the conversation.

mod conversation;
mod message;

use std::sync::Arc;

use hinomi_alert::{Letter, Moment, Outcome};
use rustls::ClientConfig;

use super::roots;
use super::secret::{Secret, SecretSource};
use super::wire::Wire;
use super::{Server, again, is_this_machine};
use crate::error::ServerError;
use conversation::{Conversation, SmtpError};

/// How the conversation is kept secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// TLS after greeting, or nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// None.
    None,
}

/// What a way for mail is made from.
#[derive(Clone, Debug)]
pub struct MailSetup {
    /// Where.
    pub server: Server,
    /// TLS.
    pub tls: Encryption,
    /// Name and password.
    pub login: Option<(String, SecretSource)>,
    /// Sender.
    pub from: String,
    /// Recipients, unless a person has an address.
    pub to: Vec<String>,
    /// Without TLS to other machines, too.
    pub plain: bool,
}

/// A way for mail.
#[derive(Debug)]
pub struct Mail {
    setup: MailSetup,
    config: Option<Arc<ClientConfig>>,
    password: Option<Secret>,
}

/// Whether a text can be an address of mail. Only the ASCII form of RFC 5321 without quotes is taken.
pub(crate) fn is_address(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && !"<>()[]\\,;:\"".contains(c);
    let parts = text.rsplit_once('@');
    text.len() <= 254 && text.chars().all(fits) && parts.is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
}

impl Mail {
    pub(super) fn open(setup: &MailSetup) -> Result<Self, ServerError> {
        let config = match setup.tls {
            Encryption::None if setup.plain || is_this_machine(&setup.server.host) => None,
            Encryption::None => {
                let url = setup.server.host.clone();
                return Err(ServerError::Address { url, what: "without TLS it needs plain = true" });
            }
            _ => Some(roots::client(setup.server.ca.as_deref())?),
        };
        let password = setup.login.as_ref().map(|(_, source)| source.read()).transpose()?;
        Ok(Self { setup: setup.clone(), config, password })
    }

    pub(super) fn send(&self, letter: &Letter, now: Moment) -> Outcome {
        let to = letter.mail.as_ref().map_or(self.setup.to.as_slice(), std::slice::from_ref);
        if to.is_empty() {
            return Outcome::Refused {
                why: "neither the sink nor the person has an address of mail".to_owned(),
            };
        }
        match self.converse(letter, to, now) {
            Ok(()) => Outcome::Sent,
            Err(SmtpError::Refused(why)) => Outcome::Refused { why },
            Err(SmtpError::Again(why)) => again(why),
            Err(SmtpError::Network(error)) => {
                again(format!("{}:{}: {error}", self.setup.server.host, self.setup.server.port))
            }
        }
    }

    fn converse(&self, letter: &Letter, to: &[String], now: Moment) -> Result<(), SmtpError> {
        let server = &self.setup.server;
        let at_once = self.config.as_ref().filter(|_| self.setup.tls == Encryption::Implicit);
        let mut talk = Conversation::begin(Wire::connect(server, at_once)?)?;
        let domain = self.setup.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        talk.hello(domain)?;
        if let (Encryption::Starttls, Some(config)) = (self.setup.tls, &self.config) {
            talk = talk.start_tls(server, config)?;
            talk.hello(domain)?;
        }
        if let (Some((name, _)), Some(password)) = (&self.setup.login, &self.password) {
            talk.log_in(name, password)?;
        }
        let taken = talk.envelope(&self.setup.from, to)?;
        talk.data(&message::write(letter, &self.setup.from, &taken, domain, now))?;
        talk.quit();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use hinomi_model::Level;

    use super::*;

    fn letter() -> Letter {
        Letter {
            id: "i-1".to_owned(),
            subject: "s".to_owned(),
            text: ".\nt\n".to_owned(),
            level: Level::High,
            mail: None,
            fields: serde_json::Value::Null,
        }
    }

    /// Sends a letter to a server that says these pieces, one after each line that it reads; and what it read.
    fn converse(says: &'static [&'static [u8]], tls: Encryption) -> (Outcome, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut heard = Vec::new();
            for piece in says {
                if stream.write_all(piece).is_err() {
                    break;
                }
                match lines.next() {
                    Some(Ok(line)) => heard.push(line),
                    _ => break,
                }
            }
            heard
        });
        let server = Server { host: "127.0.0.1".to_owned(), port, ca: None };
        let password = SecretSource::Given("geheim".to_owned());
        let setup = MailSetup {
            server,
            tls,
            login: Some(("hinomi".to_owned(), password)),
            from: "a@example.jp".to_owned(),
            to: vec!["b@example.jp".to_owned()],
            plain: false,
        };
        let config = (tls != Encryption::None).then(|| roots::client(None)).transpose();
        let Ok(config) = config else {
            println!("SKIPPED: the system has no list of authorities");
            return (again("skipped"), Vec::new());
        };
        let password = Some(setup.login.as_ref().unwrap().1.read().unwrap());
        let mail = Mail { setup, config, password };
        let outcome = mail.send(&letter(), Moment::default());
        (outcome, serving.join().unwrap())
    }

    #[test]
    fn hostile_servers_get_neither_time_nor_memory_nor_passwords() {
        const LONG: &[u8] = &[b'2'; 16_384];
        const MANY: &[u8] = &[b'\n'; 4_096];
        let cases: [(&'static [&'static [u8]], Encryption); 8] = [
            (&[LONG], Encryption::None),
            (&[MANY], Encryption::None),
            (&[b"HTTP/1.1 400 Bad Request\r\n\r\n"], Encryption::None),
            (&[b"\xff\xfe\r\n"], Encryption::None),
            (&[b"554 go away\r\n"], Encryption::None),
            (&[b"220 a\r\n", b"250-a\r\n250 AUTH NTLM\r\n"], Encryption::None),
            // Without STARTTLS nothing is sent; nor when something is said between it and TLS.
            (&[b"220 a\r\n", b"250 a\r\n", b"502 no\r\n"], Encryption::Starttls),
            (&[b"220 a\r\n", b"250 a\r\n", b"220 go\r\n250 AUTH PLAIN\r\n"], Encryption::Starttls),
        ];
        for (says, tls) in cases {
            let (outcome, heard) = converse(says, tls);
            assert!(matches!(outcome, Outcome::Again { .. }), "{outcome:?}");
            assert!(!heard.iter().any(|line| line.starts_with("AUTH")), "{heard:?}");
            assert!(!format!("{outcome:?}").contains("geheim"));
        }
    }

    #[test]
    fn a_password_that_a_server_repeats_is_not_kept() {
        let says: &[&[u8]] =
            &[b"220 a\r\n", b"250-a\r\n250 AUTH PLAIN\r\n", b"535 AGhpbm9taQBnZWhlaW0= geheim is wrong\r\n"];
        let (outcome, heard) = converse(says, Encryption::None);
        assert_eq!(outcome, again("AUTH was answered 535"));
        assert_eq!(heard.last().map(String::as_str), Some("AUTH PLAIN AGhpbm9taQBnZWhlaW0="));
    }
}

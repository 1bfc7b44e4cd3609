//! The client's side of a conversation.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use zeroize::Zeroizing;

use super::super::Server;
use super::super::secret::Secret;
use super::super::wire::Wire;

/// Longest line of a reply; RFC 5321 allows 512 bytes.
const LONGEST_LINE: usize = 2_048;
/// Most lines of a reply.
const MOST_LINES: usize = 128;

/// Why mail was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SmtpError {
    /// The connection.
    #[error(transparent)]
    Network(#[from] io::Error),
    /// Not now, or not us.
    #[error("{0}")]
    Again(String),
    /// Never this message.
    #[error("{0}")]
    Refused(String),
}

/// A reply: its code and its lines.
#[derive(Debug)]
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// Code and first line, harmless: what was sent is not in it, unless the other side repeats it.
    fn shown(&self, to: &str) -> String {
        let said = self.lines.first().map(String::as_str).unwrap_or_default();
        let said: String = said.chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{to} was answered {} {said}", self.code)
    }
}

pub(super) struct Conversation {
    wire: Wire,
    buffer: Vec<u8>,
    /// What the other side can, in upper case.
    extensions: Vec<String>,
}

impl Conversation {
    /// Waits for the greeting.
    pub(super) fn begin(wire: Wire) -> Result<Self, SmtpError> {
        let mut talk = Self { wire, buffer: Vec::new(), extensions: Vec::new() };
        let greeting = talk.reply()?;
        if greeting.is_positive() {
            Ok(talk)
        } else {
            Err(SmtpError::Again(greeting.shown("the connection")))
        }
    }

    pub(super) fn hello(&mut self, domain: &str) -> Result<(), SmtpError> {
        let reply = self.ask(&format!("EHLO {domain}"))?;
        if !reply.is_positive() {
            return Err(SmtpError::Again(reply.shown("EHLO")));
        }
        self.extensions = reply.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    pub(super) fn start_tls(
        mut self,
        server: &Server,
        config: &Arc<ClientConfig>,
    ) -> Result<Self, SmtpError> {
        let reply = self.ask("STARTTLS")?;
        if reply.code != 220 {
            return Err(SmtpError::Again(reply.shown("STARTTLS")));
        }
        if !self.buffer.is_empty() {
            return Err(SmtpError::Again("something was said between STARTTLS and TLS".to_owned()));
        }
        let wire = self.wire.encrypt(server, config)?;
        Ok(Self { wire, buffer: Vec::new(), extensions: Vec::new() })
    }

    /// AUTH PLAIN (RFC 4616), or LOGIN where that is all there is.
    pub(super) fn log_in(&mut self, name: &str, password: &Secret) -> Result<(), SmtpError> {
        let offered = self.extensions.iter().find_map(|line| line.strip_prefix("AUTH "));
        let offers = |method: &str| offered.unwrap_or_default().split(' ').any(|m| m == method);
        let (plain, login) = (offers("PLAIN"), offers("LOGIN"));
        let reply = if plain {
            let token = Zeroizing::new(format!("\0{name}\0{}", password.reveal()));
            self.ask(&Zeroizing::new(format!("AUTH PLAIN {}", STANDARD.encode(token.as_bytes()))))?
        } else if login {
            let mut reply = self.ask("AUTH LOGIN")?;
            for word in [name, password.reveal()] {
                if reply.code == 334 {
                    reply = self.ask(&Zeroizing::new(STANDARD.encode(word)))?;
                }
            }
            reply
        } else {
            return Err(SmtpError::Again("neither AUTH PLAIN nor AUTH LOGIN is offered".to_owned()));
        };
        if reply.code == 235 {
            return Ok(());
        }
        // The password is wrong for every message; the next may find it mended.
        Err(SmtpError::Again(format!("AUTH was answered {}", reply.code)))
    }

    /// Sender and recipients; those that were taken. One that is refused does not keep others from being told.
    pub(super) fn envelope(&mut self, from: &str, to: &[String]) -> Result<Vec<String>, SmtpError> {
        let reply = self.ask(&format!("MAIL FROM:<{from}>"))?;
        accepted(&reply, "MAIL")?;
        let (mut taken, mut refusal) = (Vec::new(), None);
        for recipient in to {
            let reply = self.ask(&format!("RCPT TO:<{recipient}>"))?;
            match accepted(&reply, &format!("RCPT {recipient}")) {
                Ok(()) => taken.push(recipient.clone()),
                // One who may be told later outweighs one who never may.
                Err(again @ SmtpError::Again(_)) => refusal = Some(again),
                Err(error) => drop(refusal.get_or_insert(error)),
            }
        }
        match refusal {
            Some(error) if taken.is_empty() => Err(error),
            _ => Ok(taken),
        }
    }

    pub(super) fn data(&mut self, message: &str) -> Result<(), SmtpError> {
        let reply = self.ask("DATA")?;
        if reply.code != 354 {
            return accepted(&reply, "DATA").and(Err(SmtpError::Again(reply.shown("DATA"))));
        }
        self.wire.write_all(stuffed(message).as_bytes())?;
        self.wire.write_all(b".\r\n")?;
        self.wire.flush()?;
        let reply = self.reply()?;
        accepted(&reply, "the message")
    }

    /// The message was taken; how the conversation ends does not matter.
    pub(super) fn quit(mut self) {
        let _ = self.ask("QUIT");
    }

    fn ask(&mut self, line: &str) -> Result<Reply, SmtpError> {
        self.wire.write_all(Zeroizing::new(format!("{line}\r\n")).as_bytes())?;
        self.wire.flush()?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Reply, SmtpError> {
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            let code = line.get(..3).and_then(|digits| digits.parse().ok());
            let Some(code) = code.filter(|code| (200..600).contains(code)) else {
                return Err(SmtpError::Again("what answers does not speak SMTP".to_owned()));
            };
            let more = line.as_bytes().get(3) == Some(&b'-');
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if !more {
                return Ok(Reply { code, lines });
            }
            if lines.len() >= MOST_LINES {
                return Err(SmtpError::Again("an answer has too many lines".to_owned()));
            }
        }
    }

    fn line(&mut self) -> Result<String, SmtpError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(SmtpError::Again("a line of an answer is too long".to_owned()));
            }
            let mut piece = [0; 1024];
            let read = self.wire.read(&mut piece)?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.buffer.extend_from_slice(piece.get(..read).unwrap_or_default());
        }
    }
}

fn accepted(reply: &Reply, to: &str) -> Result<(), SmtpError> {
    match reply.code {
        200..400 => Ok(()),
        400..500 => Err(SmtpError::Again(reply.shown(to))),
        _ => Err(SmtpError::Refused(reply.shown(to))),
    }
}

/// Lines that begin with a dot get another (RFC 5321, 4.5.2).
fn stuffed(message: &str) -> String {
    let dotted = message.replace("\r\n.", "\r\n..");
    if dotted.starts_with('.') { format!(".{dotted}") } else { dotted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_stuffed() {
        assert_eq!(stuffed(".\r\na.\r\n..b\r\n"), "..\r\na.\r\n...b\r\n");
    }
}

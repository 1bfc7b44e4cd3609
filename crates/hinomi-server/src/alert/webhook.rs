//! Requests to a webhook: our own form, signed, or the form that chat programs take.
//!
//! The signature is that of Standard Webhooks 1.0: HMAC-SHA256 over `ID.TIMESTAMP.BODY`, in Base64 behind `v1,`.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hinomi_alert::{Letter, Moment, Outcome};
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::roots::authorities;
use super::secret::{Secret, SecretSource};
use super::{again, is_this_machine};
use crate::client::{Answered, Client, Trust};
use crate::error::ServerError;

/// Longest answer that is read.
const LONGEST_ANSWER: u64 = 16 * 1024;
/// Longest text for chats.
const LONGEST_TEXT: usize = 30_000;

/// Form of the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Our own, in `docs/alerts.md`.
    #[default]
    Hinomi,
    /// `{"text": …}`, as chat programs take it.
    Slack,
}

/// What a webhook is made from.
#[derive(Clone, Debug)]
pub struct WebhookSetup {
    /// Where; its path may be a secret.
    pub url: SecretSource,
    /// Form of the body.
    pub shape: Shape,
    /// What is signed with.
    pub secret: Option<SecretSource>,
    /// File of the authorities to believe; without it those of the system.
    pub ca: Option<PathBuf>,
    /// Without TLS to other machines, too.
    pub plain: bool,
}

/// A webhook.
#[derive(Debug)]
pub struct Webhook {
    place: Place,
    shape: Shape,
    secret: Option<Secret>,
}

/// A client and a path that is not shown.
#[derive(Debug)]
pub(super) struct Place {
    client: Client,
    path: Secret,
}

impl Place {
    /// Takes an address apart.
    pub(super) fn open(
        url: &SecretSource,
        ca: Option<&std::path::Path>,
        plain: bool,
    ) -> Result<Self, ServerError> {
        let url = url.read()?;
        let url = url.reveal();
        let unusable = |what| ServerError::Address { url: "the address of a webhook".to_owned(), what };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| unusable("it has no scheme"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
            _ => authority,
        };
        if authority.contains('@') || path.contains('#') || host.is_empty() {
            return Err(unusable("names of users and fragments do not belong into it, and a host does"));
        }
        let trust = match scheme {
            "https" => Trust::Roots(authorities(ca)?),
            "http" if plain || is_this_machine(host) => Trust::Plain,
            "http" => return Err(unusable("http to another machine needs plain = true")),
            _ => return Err(unusable("it begins with neither https:// nor http://")),
        };
        let client = Client::new(&format!("{scheme}://{authority}"), trust)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { client, path: SecretSource::Given(path).read()? })
    }

    pub(super) fn request(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answered, String> {
        let sent = self.client.send(method, self.path.reveal(), headers, body, LONGEST_ANSWER);
        sent.map_err(|error| match error {
            // The address is in these, and what the library says may repeat it.
            ServerError::NoAnswer { what, .. } => {
                format!("no answer from {}: {}", self.client.base(), what.replace(self.path.reveal(), "/…"))
            }
            ServerError::Protocol { what, .. } => format!("{}: {what}", self.client.base()),
            _ => format!("{} cannot be asked", self.client.base()),
        })
    }
}

impl Webhook {
    pub(super) fn open(setup: &WebhookSetup) -> Result<Self, ServerError> {
        let place = Place::open(&setup.url, setup.ca.as_deref(), setup.plain)?;
        let secret = setup.secret.as_ref().map(SecretSource::read).transpose()?;
        Ok(Self { place, shape: setup.shape, secret })
    }

    pub(super) fn send(&self, letter: &Letter, now: Moment) -> Outcome {
        let body = match self.shape {
            Shape::Hinomi => letter.fields.to_string(),
            Shape::Slack => json!({ "text": chat_text(letter) }).to_string(),
        };
        let timestamp = now.as_millis().div_euclid(1_000).to_string();
        let signature = self.secret.as_ref().map(|secret| sign(secret, &letter.id, &timestamp, &body));
        let mut headers = vec![
            ("content-type", "application/json"),
            ("webhook-id", letter.id.as_str()),
            ("webhook-timestamp", timestamp.as_str()),
        ];
        headers.extend(signature.as_deref().map(|signature| ("webhook-signature", signature)));
        match self.place.request("POST", &headers, body.as_bytes()) {
            Ok(answer) => outcome(&answer, now),
            Err(why) => again(why),
        }
    }
}

/// The signature of a message. A secret that begins with `whsec_` is Base64 behind that, any other is taken as it is.
fn sign(secret: &Secret, id: &str, timestamp: &str, body: &str) -> String {
    let text = secret.reveal();
    let decoded = text.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = zeroize::Zeroizing::new(decoded.unwrap_or_else(|| text.as_bytes().to_vec()));
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn chat_text(letter: &Letter) -> String {
    let whole = format!("{}\n```\n{}\n```", letter.subject, letter.text.trim_end().replace("```", "'''"));
    let cut: String = whole.chars().take(LONGEST_TEXT).collect();
    cut.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn outcome(answer: &Answered, now: Moment) -> Outcome {
    let why = format!("it answered {}", answer.status);
    match answer.status {
        200..=299 => Outcome::Sent,
        // What is wrong with these is the message, and will be the next time.
        400 | 410 | 413 | 415 | 422 => Outcome::Refused { why },
        _ => Outcome::Again { why, after: answer.header("retry-after").and_then(|text| asked(text, now)) },
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn asked(text: &str, now: Moment) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Moment::from(date.timestamp()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of Standard Webhooks (its reference libraries test with it).
    #[test]
    fn signs_as_the_specification_does() {
        let secret = SecretSource::Given("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()).read().unwrap();
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn answers() {
        let now =
            Moment::from(jiff::fmt::rfc2822::parse("Sun, 22 Nov 2026 21:00:00 GMT").unwrap().timestamp());
        let answered = |status, after: &str| {
            let headers = vec![("retry-after".to_owned(), after.to_owned())];
            outcome(&Answered { status, headers, body: Vec::new() }, now)
        };
        assert_eq!(answered(204, ""), Outcome::Sent);
        assert!(matches!(answered(422, "5"), Outcome::Refused { .. }));
        for (status, text, expected) in [
            (429, "120", Some(120)),
            (503, "Sun, 22 Nov 2026 21:01:30 GMT", Some(90)),
            (503, "Sun, 22 Nov 2026 20:01:30 GMT", Some(0)),
            (500, "soon", None),
            (302, "", None),
            (401, "", None),
        ] {
            let Outcome::Again { after, .. } = answered(status, text) else { panic!("{status}") };
            assert_eq!(after.map(|d| d.as_secs()), expected, "{status} {text}");
        }
    }

    #[test]
    fn addresses() {
        let open = |url: &str, plain| {
            Place::open(&SecretSource::Given(url.to_owned()), None, plain)
                .map(drop)
                .map_err(|e| e.to_string())
        };
        assert!(open("http://127.0.0.1:1/x", false).is_ok());
        assert!(open("http://[::1]:1/x", false).is_ok());
        assert!(open("http://192.0.2.1/secret-path", true).is_ok());
        for url in [
            "http://192.0.2.1/secret-path",
            "http://localhost.example.com/secret-path",
            "http://127.0.0.1@192.0.2.1/secret-path",
            "ftp://127.0.0.1/secret-path",
            "secret-path",
            "https:///secret-path",
        ] {
            let error = open(url, false).unwrap_err();
            assert!(!error.contains("secret-path"), "{error}");
        }
    }
}

//! What this server asks a provider, and what it remembers of the answers.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hinomi_access::{Expected, Moment, ProviderFault, ProviderKeys, ProviderReturn, ProviderTrip, Verified};
use hinomi_model::{Digest, Entropy};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::credential::{self, Proven};
use super::description::{Description, Endpoint, Sent};
use super::setting::ProviderSetup;
use crate::client::{Answered, Trust};
use crate::error::ServerError;
use crate::listen::trusted_roots;
use crate::pages::passwords::{Place, Places};
use crate::serve::Journal;

/// Most bytes of each answer.
const DESCRIPTION: u64 = 64 << 10;
const KEYS: u64 = 256 << 10;
const TOKEN: u64 = 64 << 10;
/// Seconds that an answer is remembered; that nothing is asked after a failure; between two looks for a key that was unknown.
const REMEMBERED: i64 = 3_600;
const AFTER_FAILURE: i64 = 5;
const NEW_KEY: i64 = 30;

/// The one provider, as far as it is known.
#[derive(Debug)]
pub struct Provider {
    setup: ProviderSetup,
    /// Where people come back to.
    back: String,
    journal: Option<Journal>,
    known: Mutex<Known>,
    places: Places,
}

#[derive(Debug, Default)]
struct Known {
    description: Option<(Arc<Description>, Moment)>,
    keys: Option<(Arc<ProviderKeys>, Moment)>,
    failed: Option<Moment>,
}

/// What somebody who looks from outside finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Seconds by which the clock of the provider is ahead of this one's, if it says what time it is.
    pub clock_ahead: Option<i64>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

/// Text within an address or a form (RFC 3986, section 2.3).
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

impl Provider {
    /// A provider that nothing was asked of yet. People come back to `origin`.
    pub fn new(setup: ProviderSetup, origin: &str, journal: Option<Journal>) -> Self {
        let back = format!("{origin}{}", super::answers::BACK);
        Self { setup, back, journal, known: Mutex::default(), places: Places::default() }
    }

    /// What is configured.
    pub(super) fn setup(&self) -> &ProviderSetup {
        &self.setup
    }

    /// What stands on the button.
    pub fn name(&self) -> &str {
        &self.setup.name
    }

    /// A place for a conversation; `None` when too many others talk.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        self.places.take(false)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says it in the journal, where whoever can do something about it reads it; secrets are never in it.
    fn failed(&self, what: &'static str, why: &dyn std::error::Error, fault: ProviderFault) -> ProviderFault {
        if let Some(journal) = &self.journal {
            let why = why.source().map_or(why.to_string(), |source| format!("{why}: {source}"));
            journal.repeated(what, &[("issuer", &self.setup.issuer), ("why", &why)]);
        }
        fault
    }

    fn trust(&self) -> Result<Trust, ProviderFault> {
        let roots = trusted_roots(&self.setup.ca);
        let roots =
            roots.map_err(|e| self.failed("authorities of the provider", &e, ProviderFault::Description))?;
        Ok(Trust::Roots(roots))
    }

    fn fetch(&self, from: &Endpoint, most: u64) -> Result<Answered, ProviderFault> {
        let answered = from.client.expect(&[200], "GET", &from.path, &[("accept", "application/json")], most);
        answered.map_err(|error| {
            let fault = if matches!(error, ServerError::NoAnswer { .. }) {
                ProviderFault::NoAnswer
            } else {
                ProviderFault::Description
            };
            self.failed("the identity provider", &error, fault)
        })
    }

    fn ask_description(&self) -> Result<(Description, Answered), ProviderFault> {
        let trust = self.trust()?;
        let issuer = self.setup.issuer.trim_end_matches('/');
        let at = Endpoint::parse(&format!("{issuer}/.well-known/openid-configuration"), &trust)?;
        let answered = self.fetch(&at, DESCRIPTION)?;
        Ok((Description::parse(&answered.body, &self.setup.issuer, &trust)?, answered))
    }

    /// Where things are there. Nobody waits for a provider that did not answer a moment ago.
    fn description(&self, now: Moment) -> Result<Arc<Description>, ProviderFault> {
        {
            let known = self.known();
            let fresh = |at: Moment, seconds: i64| (0..seconds).contains(&now.since(at));
            if let Some((description, at)) = &known.description
                && fresh(*at, REMEMBERED)
            {
                return Ok(description.clone());
            }
            if known.failed.is_some_and(|at| fresh(at, AFTER_FAILURE)) {
                return Err(ProviderFault::NoAnswer);
            }
        }
        let asked = self.ask_description();
        let mut known = self.known();
        match asked {
            Ok((description, _)) => {
                let description = Arc::new(description);
                *known = Known { description: Some((description.clone(), now)), ..Known::default() };
                Ok(description)
            }
            Err(fault) => {
                known.failed = Some(now);
                Err(fault)
            }
        }
    }

    /// Its keys, not older than so many seconds.
    fn keys(&self, of: &Description, seconds: i64, now: Moment) -> Result<Arc<ProviderKeys>, ProviderFault> {
        if let Some((keys, at)) = &self.known().keys
            && (0..seconds).contains(&now.since(*at))
        {
            return Ok(keys.clone());
        }
        let keys = Arc::new(ProviderKeys::parse(&self.fetch(&of.keys, KEYS)?.body)?);
        self.known().keys = Some((keys.clone(), now));
        Ok(keys)
    }

    /// Where the browser of somebody goes.
    pub(super) fn way(&self, trip: &ProviderTrip, now: Moment) -> Result<String, ProviderFault> {
        let challenge = URL_SAFE_NO_PAD.encode(Digest::of(trip.verifier.reveal().as_bytes()).as_bytes());
        let acr: Vec<&str> = self.setup.second_factor.acr().collect();
        Ok(self.description(now)?.way(&Sent {
            client: &self.setup.client,
            back: &self.back,
            state: &trip.state,
            nonce: &trip.nonce,
            challenge: &challenge,
            acr: &acr.join(" "),
            anew: trip.anew,
        }))
    }

    /// Who came, by the code that they brought. `issuer` is who the browser says sent them.
    pub(super) fn who(
        &self,
        (code, issuer): (&str, Option<&str>),
        returned: &ProviderReturn,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<Verified, ProviderFault> {
        let description = self.description(now)?;
        // Before the code is shown to anybody (RFC 9207, section 2.4).
        let named = issuer.map_or(!description.names_itself, |issuer| issuer == self.setup.issuer);
        if !named {
            return Err(ProviderFault::Issuer);
        }
        let token = self.exchange(&description, (code, returned), (now, entropy))?;
        let expected = Expected {
            issuer: &self.setup.issuer,
            client: &self.setup.client,
            nonce: &returned.nonce,
            second_factor: &self.setup.second_factor,
            anew: returned.anew,
            now,
        };
        let keys = self.keys(&description, REMEMBERED, now)?;
        match Verified::check(&token, &keys, &expected) {
            // It may have begun to sign with a new one.
            Err(ProviderFault::Key) => {
                Verified::check(&token, &*self.keys(&description, NEW_KEY, now)?, &expected)
            }
            checked => checked,
        }
    }

    /// The token for a code.
    fn exchange(
        &self,
        description: &Description,
        (code, returned): (&str, &ProviderReturn),
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<Zeroizing<String>, ProviderFault> {
        let at = &description.token;
        let proven = credential::prove(&self.setup, (description.secret_in, &at.address), now, entropy);
        let proven = proven.map_err(|e| self.failed("proof of this server", &e, ProviderFault::Refused))?;
        let body = self.form(code, returned, &proven);
        let mut headers =
            vec![("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        headers.extend(proven.header.as_ref().map(|header| ("authorization", header.as_str())));
        let answered = at.client.send("POST", &at.path, &headers, body.as_bytes(), TOKEN);
        let answered =
            answered.map_err(|e| self.failed("the identity provider", &e, ProviderFault::NoAnswer))?;
        if answered.status != 200 {
            let (url, status) = (at.address.clone(), answered.status);
            let said = Self::harmless(&answered.body);
            let error = ServerError::Status { url, status, said };
            return Err(self.failed("the identity provider gives no token", &error, ProviderFault::Refused));
        }
        let body = Zeroizing::new(answered.body);
        let read: TokenAnswer = serde_json::from_slice(&body).map_err(|_| ProviderFault::Form)?;
        Ok(Zeroizing::new(read.id_token))
    }

    /// The code of an error (RFC 6749, section 5.2), and nothing else of what was said: it may hold what was sent.
    fn harmless(body: &[u8]) -> String {
        #[derive(Deserialize)]
        struct Said {
            error: String,
        }
        let code = serde_json::from_slice::<Said>(body).map(|said| said.error).unwrap_or_default();
        code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect()
    }

    fn form(&self, code: &str, returned: &ProviderReturn, proven: &Proven) -> Zeroizing<String> {
        let mut body = Zeroizing::new(String::new());
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.back),
            ("code_verifier", returned.verifier.reveal()),
        ];
        let proofs = proven.fields.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in fields.into_iter().chain(proofs) {
            let joint = if body.is_empty() { "" } else { "&" };
            body.push_str(&format!("{joint}{name}={}", *Zeroizing::new(encoded(value))));
        }
        body
    }

    /// Looks at the provider from outside: does it answer, is it who it should be, does it have keys, what time is it there.
    ///
    /// # Errors
    /// What is wrong.
    pub fn look(&self, now: Moment) -> Result<Seen, ProviderFault> {
        let (description, answered) = self.ask_description()?;
        self.keys(&description, 0, now)?;
        let there = answered.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        Ok(Seen { clock_ahead: there.map(|there| there.timestamp().as_second() - now.as_seconds()) })
    }
}

//! What a token of a provider has to say (`OpenID` Connect Core 1.0, section 3.1.3.7).

use serde::Deserialize;

use super::{Evidence, Identity, ProviderFault, ProviderKeys, SecondFactor, jws};
use crate::key::same;
use crate::moment::Moment;

/// Seconds that clocks may differ.
const SKEW: i64 = 60;
/// Seconds between making a token and showing it.
const FRESH: i64 = 600;
/// Most values of `aud` and `amr`.
const MOST: usize = 32;

/// What a token is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The one provider.
    pub issuer: &'a str,
    /// What this server is called there.
    pub client: &'a str,
    /// What was sent along with the request.
    pub nonce: &'a str,
    /// What shows two factors.
    pub second_factor: &'a SecondFactor,
    /// The person was to be asked anew, since then.
    pub anew: Option<Moment>,
    /// The time.
    pub now: Moment,
}

/// A provider said who somebody is, a moment ago, to this server, for this sign-in. Only checking a token makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    pub(crate) identity: Identity,
    /// What shows that two factors were verified.
    pub(crate) evidence: Option<Evidence>,
    /// When the provider asked the person, if it says so.
    pub(crate) asked: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: OneOrMore,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    auth_time: Option<f64>,
    amr: Option<Vec<String>>,
    acr: Option<String>,
}

impl Verified {
    /// Checks a token.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(token: &str, keys: &ProviderKeys, expected: &Expected<'_>) -> Result<Self, ProviderFault> {
        let payload = jws::open(token, keys)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| ProviderFault::Form)?;
        if claims.iss != expected.issuer {
            return Err(ProviderFault::Issuer);
        }
        claims.made_for(expected.client)?;
        let nonce = claims.nonce.as_deref().unwrap_or_default();
        if !same(nonce.as_bytes(), expected.nonce.as_bytes()) {
            return Err(ProviderFault::Nonce);
        }
        claims.in_time(expected.now)?;
        let asked = claims.asked(expected)?;
        let identity = Identity::new(&claims.iss, &claims.sub).map_err(|_| ProviderFault::Form)?;
        let amr = claims.amr.unwrap_or_default();
        if amr.len() > MOST {
            return Err(ProviderFault::Form);
        }
        let evidence = expected.second_factor.shown(&amr, claims.acr.as_deref());
        Ok(Self { identity, evidence, asked })
    }
}

impl Claims {
    /// For this server; when for others, too, it has to be the one that asked.
    fn made_for(&self, client: &str) -> Result<(), ProviderFault> {
        let all = match &self.aud {
            OneOrMore::One(one) => std::slice::from_ref(one),
            OneOrMore::More(more) => more.as_slice(),
        };
        let for_us = all.len() <= MOST && all.iter().any(|one| one == client);
        let asked_by_us = match &self.azp {
            Some(party) => party == client,
            None => all.len() == 1,
        };
        if for_us && asked_by_us { Ok(()) } else { Err(ProviderFault::Audience) }
    }

    fn in_time(&self, now: Moment) -> Result<(), ProviderFault> {
        let (ends, made) = (seconds(self.exp)?, seconds(self.iat)?);
        let begins = self.nbf.map(seconds).transpose()?.unwrap_or(made);
        let age = now.since(made);
        let good = now.since(ends) < SKEW && (-SKEW..=FRESH).contains(&age) && now.since(begins) >= -SKEW;
        if good { Ok(()) } else { Err(ProviderFault::Time) }
    }

    fn asked(&self, expected: &Expected<'_>) -> Result<Option<Moment>, ProviderFault> {
        let asked = self.auth_time.map(seconds).transpose()?;
        if asked.is_some_and(|asked| expected.now.since(asked) < -SKEW) {
            return Err(ProviderFault::Time);
        }
        let anew = |began: Moment| asked.is_some_and(|asked| asked.since(began) >= -SKEW);
        if expected.anew.is_none_or(anew) { Ok(asked) } else { Err(ProviderFault::NotAnew) }
    }
}

/// Seconds since 1970, which may have a fraction; beyond the years of people it is none.
fn seconds(number: f64) -> Result<Moment, ProviderFault> {
    let sensible = (0.0..253_402_300_800.0).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the years up to 9999, fractions are meant to go"
    )]
    let whole = number as i64;
    if sensible { Ok(Moment::from_seconds(whole)) } else { Err(ProviderFault::Form) }
}

//! What of a token shows that the provider verified two factors (`amr`: RFC 8176; `acr`: named by each provider).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Combinations that count without configuration. `mfa` says it itself; the others are two different kinds: something known
/// (`pwd`, `pin`) or a part of the body (`fpt`, `face`) together with something held (`otp`, `hwk`, `swk`, `sc`). Messages and
/// calls to telephones (`sms`, `tel`) are not among them: they are handed to somebody else too easily.
const USUAL: [&str; 10] =
    ["mfa", "pwd+otp", "pwd+hwk", "pwd+swk", "pwd+sc", "pin+hwk", "pin+swk", "pin+sc", "fpt+hwk", "face+hwk"];
/// Most combinations and values; longest value.
const MOST: usize = 64;
const LONGEST: usize = 200;

/// Which values of a token show two factors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecondFactor {
    /// Each is a set of methods that have to be there together.
    amr: Vec<BTreeSet<String>>,
    /// Each alone.
    acr: BTreeSet<String>,
}

/// What of a token showed it, for the record: `amr otp+pwd`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence(String);

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_value(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

impl SecondFactor {
    /// Values as they are configured: `pwd+otp` stands for both together.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(amr: &[String], acr: &[String]) -> Result<Self, &'static str> {
        if amr.len() + acr.len() > MOST {
            return Err("64 values are enough");
        }
        if !amr.iter().flat_map(|one| one.split('+')).chain(acr.iter().map(String::as_str)).all(is_value) {
            return Err("values are visible ASCII, those that have to be there together joined by +");
        }
        let set = |one: &String| one.split('+').map(str::to_owned).collect();
        Ok(Self { amr: amr.iter().map(set).collect(), acr: acr.iter().cloned().collect() })
    }

    /// Values of `acr` to ask a provider for.
    pub fn acr(&self) -> impl Iterator<Item = &str> {
        self.acr.iter().map(String::as_str)
    }

    /// What shows two factors, if anything does.
    pub fn shown(&self, amr: &[String], acr: Option<&str>) -> Option<Evidence> {
        if let Some(acr) = acr.filter(|acr| self.acr.contains(*acr)) {
            return Some(Evidence(format!("acr {acr}")));
        }
        let there: BTreeSet<&str> = amr.iter().map(String::as_str).collect();
        let all = |set: &&BTreeSet<String>| set.iter().all(|one| there.contains(one.as_str()));
        let set = self.amr.iter().find(all)?;
        Some(Evidence(format!("amr {}", set.iter().map(String::as_str).collect::<Vec<_>>().join("+"))))
    }
}

impl Default for SecondFactor {
    fn default() -> Self {
        let set = |one: &&str| one.split('+').map(str::to_owned).collect();
        Self { amr: USUAL.iter().map(set).collect(), acr: BTreeSet::new() }
    }
}

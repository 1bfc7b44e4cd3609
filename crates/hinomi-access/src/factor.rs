//! What an account is proven with.
//!
//! # Invariants
//! - Each [`Factor`] is two factors in one: a passkey that its device opens only to its user, a password together with a
//!   generator of codes, or an identity at a provider, which counts alone only where the provider says that it verified two.
//!   It is made by verifying it (`gate`), or read from what was kept; there is no other way.
//! - One that stands alone is always left: an identity whose provider never said so is none.

use serde::{Deserialize, Serialize};

use crate::id::FactorId;
use crate::moment::Moment;
use crate::provider::Identity;
use crate::refusal::Refusal;
use crate::secret::{decode, encode};
use crate::webauthn::{PublicKey, Registered};

/// Most factors of an account.
const MOST: usize = 10;

/// Kind of a factor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// A passkey.
    Passkey,
    /// A password and a generator of codes.
    PasswordTotp,
    /// An identity at a provider.
    Provider,
}

impl FactorKind {
    /// As in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::PasswordTotp => "password_totp",
            Self::Provider => "provider",
        }
    }
}

/// A passkey. Its key is public.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Passkey {
    pub(crate) id: FactorId,
    pub(crate) label: String,
    #[serde(with = "as_text")]
    pub(crate) credential: Vec<u8>,
    pub(crate) key: PublicKey,
    pub(crate) counter: u32,
    pub(crate) backup_eligible: bool,
    pub(crate) backed_up: bool,
    pub(crate) created: Moment,
    pub(crate) last_used: Option<Moment>,
    /// What its device knows the account by, in base64url. It follows from the key of the installation, and is kept so that
    /// the passkey outlives that key; those made before it was kept do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) handle: Option<String>,
}

/// A password and a generator. Hash and secret are kept elsewhere ([`crate::Material`]).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PasswordFactor {
    pub(crate) id: FactorId,
    pub(crate) created: Moment,
    pub(crate) last_used: Option<Moment>,
    /// The last step whose code was used.
    pub(crate) last_step: i64,
}

/// An identity at a provider. What its provider says of two factors is looked at each time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProviderFactor {
    pub(crate) id: FactorId,
    pub(crate) identity: Identity,
    pub(crate) created: Moment,
    pub(crate) last_used: Option<Moment>,
    /// The provider said that it verified two factors when this was made.
    pub(crate) stands_alone: bool,
}

impl ProviderFactor {
    /// Who it is there.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// A factor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Factor {
    /// A passkey.
    Passkey(Passkey),
    /// A password and a generator of codes.
    PasswordTotp(PasswordFactor),
    /// An identity at a provider.
    Provider(ProviderFactor),
}

impl Passkey {
    pub(crate) fn new(
        id: FactorId,
        (label, handle): (&str, &[u8]),
        registered: Registered,
        now: Moment,
    ) -> Self {
        let Registered { credential, key, counter, backup_eligible, backed_up } = registered;
        let label = label.to_owned();
        let (created, last_used, handle) = (now, None, Some(encode(handle)));
        Self { id, label, credential, key, counter, backup_eligible, backed_up, created, last_used, handle }
    }
}

impl Factor {
    /// Its id.
    pub fn id(&self) -> FactorId {
        match self {
            Self::Passkey(passkey) => passkey.id,
            Self::PasswordTotp(password) => password.id,
            Self::Provider(provider) => provider.id,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> FactorKind {
        match self {
            Self::Passkey(_) => FactorKind::Passkey,
            Self::PasswordTotp(_) => FactorKind::PasswordTotp,
            Self::Provider(_) => FactorKind::Provider,
        }
    }

    /// What its owner calls it; of an identity, what the provider calls it.
    pub fn label(&self) -> &str {
        match self {
            Self::Passkey(passkey) => &passkey.label,
            Self::PasswordTotp(_) => "",
            Self::Provider(provider) => provider.identity.subject(),
        }
    }

    /// Since when.
    pub fn created(&self) -> Moment {
        match self {
            Self::Passkey(passkey) => passkey.created,
            Self::PasswordTotp(password) => password.created,
            Self::Provider(provider) => provider.created,
        }
    }

    /// When it was used last.
    pub fn last_used(&self) -> Option<Moment> {
        match self {
            Self::Passkey(passkey) => passkey.last_used,
            Self::PasswordTotp(password) => password.last_used,
            Self::Provider(provider) => provider.last_used,
        }
    }

    /// Whether a passkey is copied to other devices, as it said last.
    pub fn backed_up(&self) -> Option<bool> {
        match self {
            Self::Passkey(passkey) => Some(passkey.backed_up),
            Self::PasswordTotp(_) | Self::Provider(_) => None,
        }
    }

    /// Whether somebody can sign in with this and nothing else.
    pub(crate) fn stands_alone(&self) -> bool {
        match self {
            Self::Passkey(_) | Self::PasswordTotp(_) => true,
            Self::Provider(provider) => provider.stands_alone,
        }
    }

    /// It was used: a counter of a device, or a step of a generator.
    pub(crate) fn used(&mut self, at: Moment, count: i64, backed: bool) {
        match self {
            Self::Passkey(passkey) => {
                passkey.last_used = Some(at);
                passkey.counter = u32::try_from(count).unwrap_or(passkey.counter);
                passkey.backed_up = backed && passkey.backup_eligible;
            }
            Self::PasswordTotp(password) => {
                password.last_used = Some(at);
                password.last_step = password.last_step.max(count);
            }
            Self::Provider(provider) => provider.last_used = Some(at),
        }
    }
}

/// One or more factors: there is no way to have none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Factor>", into = "Vec<Factor>")]
pub struct Factors(Vec<Factor>);

/// A list of factors that is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an account that is active has a factor")]
pub struct NoFactor;

impl TryFrom<Vec<Factor>> for Factors {
    type Error = NoFactor;

    fn try_from(factors: Vec<Factor>) -> Result<Self, NoFactor> {
        if factors.is_empty() { Err(NoFactor) } else { Ok(Self(factors)) }
    }
}

impl From<Factors> for Vec<Factor> {
    fn from(factors: Factors) -> Self {
        factors.0
    }
}

impl Factors {
    /// The first one.
    pub(crate) fn first(factor: Factor) -> Self {
        Self(vec![factor])
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Factor> {
        self.0.iter()
    }

    /// Whether there is room for one more.
    pub(crate) fn has_room(&self) -> bool {
        self.0.len() < MOST
    }

    pub(crate) fn add(&mut self, factor: Factor) {
        self.0.push(factor);
    }

    /// Whether a factor can go: never the last one that stands alone.
    pub(crate) fn can_remove(&self, id: FactorId) -> Result<(), Refusal> {
        if !self.0.iter().any(|factor| factor.id() == id) {
            return Err(Refusal::NotFound);
        }
        let stays = self.0.iter().any(|factor| factor.id() != id && factor.stands_alone());
        if stays { Ok(()) } else { Err(Refusal::LastFactor) }
    }

    pub(crate) fn remove(&mut self, id: FactorId) {
        if self.can_remove(id).is_ok() {
            self.0.retain(|factor| factor.id() != id);
        }
    }

    pub(crate) fn get_mut(&mut self, id: FactorId) -> Option<&mut Factor> {
        self.0.iter_mut().find(|factor| factor.id() == id)
    }

    /// The passkey of a credential.
    pub(crate) fn passkey(&self, credential: &[u8]) -> Option<&Passkey> {
        self.0.iter().find_map(|factor| match factor {
            Factor::Passkey(passkey) if passkey.credential == credential => Some(passkey),
            _ => None,
        })
    }

    /// The password, if there is one.
    pub(crate) fn password(&self) -> Option<&PasswordFactor> {
        self.0.iter().find_map(|factor| match factor {
            Factor::PasswordTotp(password) => Some(password),
            Factor::Passkey(_) | Factor::Provider(_) => None,
        })
    }
}

impl Factors {
    /// The identity at a provider, if it is linked.
    pub(crate) fn provider(&self, identity: &Identity) -> Option<&ProviderFactor> {
        self.0.iter().find_map(|factor| match factor {
            Factor::Provider(provider) if provider.identity == *identity => Some(provider),
            _ => None,
        })
    }

    /// Whether somebody can be asked here.
    pub(crate) fn has_local(&self) -> bool {
        self.0.iter().any(|factor| !matches!(factor, Factor::Provider(_)))
    }
}

/// Bytes as base64url.
mod as_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::{decode, encode};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        decode(&text).ok_or_else(|| D::Error::custom("no base64url"))
    }
}

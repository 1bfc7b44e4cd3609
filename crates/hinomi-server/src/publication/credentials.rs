//! Which vaults may read, and how they prove who they are.

use std::path::Path;

use hinomi_ledger::VaultRecipient;
use hinomi_model::Digest;

use crate::error::ServerError;

/// A vault that may read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// Its name, for people.
    pub name: String,
    /// SHA-256 of its token.
    pub token: Digest,
    /// The key that data keys are sealed to.
    pub recipient: VaultRecipient,
}

/// The vaults that may read: `<name> <SHA-256 of the token> <recipient>` a line, `#` for remarks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Credentials(Vec<Credential>);

/// Bytes in hexadecimal.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    text.parse::<Digest>().ok().map(|d| *d.as_bytes())
}

impl Credentials {
    /// Reads a list of vaults.
    ///
    /// # Errors
    /// [`ServerError::Credential`] with the line that is not one.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ServerError> {
        let mut all = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_whitespace();
            let credential = match (words.next(), words.next(), words.next().and_then(unhex), words.next()) {
                (Some(name), Some(token), Some(recipient), None) => token.parse().ok().map(|token| {
                    Credential { name: name.to_owned(), token, recipient: VaultRecipient(recipient) }
                }),
                _ => None,
            };
            let what = format!("line {} is not a name, a SHA-256 and a recipient", number + 1);
            all.push(credential.ok_or(ServerError::Credential { path: path.to_owned(), what })?);
        }
        Ok(Self(all))
    }

    /// The vaults, as listed.
    pub fn iter(&self) -> impl Iterator<Item = &Credential> {
        self.0.iter()
    }

    /// The vault whose token an `Authorization` header carries.
    pub(super) fn vault_of(&self, authorization: &str) -> Option<&Credential> {
        let token = unhex(authorization.strip_prefix("Bearer ")?)?;
        // Digests are compared: how long that takes says nothing about a token that was not guessed whole.
        let digest = Digest::of(&token);
        self.0.iter().find(|c| c.token == digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_its_own_vault_only() {
        let token = |n: u8| [n; 32];
        let hex = |b: [u8; 32]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let text = format!(
            "# vaults\nv1 {} {}\n\nv2 {} {}\n",
            Digest::of(&token(1)),
            hex([7; 32]),
            Digest::of(&token(2)),
            hex([8; 32])
        );
        let all = Credentials::parse(Path::new("c"), &text).unwrap();
        let of = |a: String| all.vault_of(&a).map(|c| c.name.clone());
        assert_eq!(of(format!("Bearer {}", hex(token(2)))).as_deref(), Some("v2"));
        for bad in [
            format!("Bearer {}", hex(token(3))),
            format!("Bearer {}", Digest::of(&token(1))),
            format!("Basic {}", hex(token(1))),
            "Bearer ".to_owned(),
            String::new(),
        ] {
            assert_eq!(of(bad), None);
        }
        assert!(Credentials::parse(Path::new("c"), "v1 abc def").is_err());
        assert!(Credentials::parse(Path::new("c"), &format!("{text}v3")).is_err());
    }
}

//! Tokens of senders: who they are for is kept here, and their SHA-256, never they themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use hinomi_model::{Digest, Entropy};

/// A name and the SHA-256 of its token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Who it was given to.
    pub name: String,
    /// SHA-256 of its text.
    pub sha256: Digest,
}

/// What is wrong with a list of tokens.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// A line that is not a name and a SHA-256.
    #[error("line {line} is not a name and a SHA-256")]
    Line {
        /// Which.
        line: usize,
    },
    /// A name that could not be part of a source's name.
    #[error("{name}: a name has 1 to 64 letters, digits, dots, dashes and underscores")]
    Name {
        /// Which.
        name: String,
    },
    /// One token for two names.
    #[error("{first} and {second} have the same token")]
    Shared {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// No random numbers.
    #[error("random bytes: {what}")]
    Random {
        /// What the system said.
        what: String,
    },
}

/// Whether a name can be part of the name of a source.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

/// The tokens that are accepted now; replaced as a whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokensInForce(Arc<RwLock<Tokens>>);

impl TokensInForce {
    pub(crate) fn new(tokens: Tokens) -> Self {
        Self(Arc::new(RwLock::new(tokens)))
    }

    pub(crate) fn replace(&self, tokens: Tokens) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// Whom a token was given to.
    pub(crate) fn holder(&self, token: &str) -> Option<String> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.holder(token).map(str::to_owned)
    }
}

/// A set of tokens.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tokens(BTreeMap<[u8; 32], String>);

impl Token {
    /// A new token for `name`: what is kept, and the token, which is shown once. 160 random bits.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn generate(name: &str, entropy: &dyn Entropy) -> Result<(Self, String), TokenError> {
        if !is_name(name) {
            return Err(TokenError::Name { name: name.to_owned() });
        }
        let mut secret = [0; 20];
        entropy.fill(&mut secret).map_err(|e| TokenError::Random { what: e.to_string() })?;
        let text: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        Ok((Self { name: name.to_owned(), sha256: Digest::of(text.as_bytes()) }, text))
    }

    /// Reads a file of tokens: `<name> <SHA-256>` a line, `#` for remarks.
    ///
    /// # Errors
    /// [`TokenError`] with the line.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, TokenError> {
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let token = |(at, line): (usize, &str)| {
            let mut words = line.split_whitespace();
            match (words.next(), words.next().and_then(|w| w.parse().ok()), words.next()) {
                (Some(name), Some(sha256), None) if is_name(name) => {
                    Ok(Self { name: name.to_owned(), sha256 })
                }
                _ => Err(TokenError::Line { line: at + 1 }),
            }
        };
        lines.map(token).collect()
    }

    /// The line that [`Token::parse_all`] reads.
    pub fn line(&self) -> String {
        format!("{} {}\n", self.name, self.sha256)
    }
}

impl Tokens {
    /// These tokens.
    ///
    /// # Errors
    /// [`TokenError`] for names that are none, and tokens that two names share.
    pub fn new(tokens: impl IntoIterator<Item = Token>) -> Result<Self, TokenError> {
        let mut all = BTreeMap::new();
        for Token { name, sha256 } in tokens {
            if !is_name(&name) {
                return Err(TokenError::Name { name });
            }
            let before = all.insert(*sha256.as_bytes(), name.clone());
            if let Some(first) = before.filter(|first| *first != name) {
                return Err(TokenError::Shared { first, second: name });
            }
        }
        Ok(Self(all))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whom a token was given to.
    fn holder(&self, token: &str) -> Option<&str> {
        // Digests are compared: how long that takes says nothing about a token that was not guessed whole.
        self.0.get(Digest::of(token.as_bytes()).as_bytes()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use hinomi_ledger::SystemEntropy;

    use super::*;

    #[test]
    fn a_token_is_known_by_its_digest_only() {
        let (token, text) = Token::generate("web01", &SystemEntropy).unwrap();
        let read = Token::parse_all(&format!("# senders\n\n{}", token.line())).unwrap();
        assert_eq!(read, std::slice::from_ref(&token));
        assert!(!token.line().contains(&text));
        let tokens = Tokens::new(read).unwrap();
        assert_eq!(tokens.holder(&text), Some("web01"));
        for bad in ["", &token.sha256.to_string(), &text[1..]] {
            assert_eq!(tokens.holder(bad), None);
        }
    }

    #[test]
    fn lists_that_make_no_sense_are_refused() {
        assert_eq!(Token::parse_all("a\n"), Err(TokenError::Line { line: 1 }));
        let sha256 = Digest::of(b"x");
        assert_eq!(Token::parse_all(&format!("a {sha256}\nb {sha256} c")), Err(TokenError::Line { line: 2 }));
        let token = |name: &str| Token { name: name.to_owned(), sha256 };
        assert!(matches!(Tokens::new([token("a"), token("b")]), Err(TokenError::Shared { .. })));
        assert!(matches!(Tokens::new([token("a/b")]), Err(TokenError::Name { .. })));
        assert!(Token::generate("", &SystemEntropy).is_err());
    }
}

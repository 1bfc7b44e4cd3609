//! Secrets: read from a file or the environment, never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::ServerError;

/// Longest secret.
const LONGEST: u64 = 4_096;

/// Where a secret is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SecretSource {
    /// In a file; blanks at its ends are no part of it.
    File(PathBuf),
    /// In a variable of the environment.
    Environment(String),
    /// In the configuration itself; only for what need not be secret.
    Given(String),
}

/// A secret.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl SecretSource {
    /// Reads it.
    ///
    /// # Errors
    /// [`ServerError::Credential`] when it is missing, empty, no text or too long.
    pub fn read(&self) -> Result<Secret, ServerError> {
        let unusable = |path: &Path, what: &str| ServerError::Credential {
            path: path.to_owned(),
            what: what.to_owned(),
        };
        let (named, text) = match self {
            Self::Given(text) => (PathBuf::from("the configuration"), text.clone()),
            Self::Environment(name) => {
                let named = PathBuf::from(format!("${name}"));
                let text = std::env::var(name).map_err(|_| unusable(&named, "it is not set, or no text"))?;
                (named, text)
            }
            Self::File(path) => {
                let length = std::fs::metadata(path).map_err(|e| unusable(path, &e.to_string()))?.len();
                if length > LONGEST {
                    return Err(unusable(path, "it is too long for a secret"));
                }
                (path.clone(), std::fs::read_to_string(path).map_err(|e| unusable(path, &e.to_string()))?)
            }
        };
        let text = Zeroizing::new(text);
        let secret = text.trim();
        if secret.is_empty() || secret.contains(char::is_control) {
            return Err(unusable(&named, "it is empty, or has more than one line"));
        }
        Ok(Secret(Zeroizing::new(secret.to_owned())))
    }
}

impl Secret {
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let source = SecretSource::File(path.clone());
        assert!(source.read().is_err());
        #[expect(clippy::disallowed_methods, reason = "a test writes its own scratch files")]
        for (content, expected) in
            [("hunter2\n", Some("hunter2")), ("\n", None), ("a\nb", None), (&"x".repeat(5_000), None)]
        {
            std::fs::write(&path, content).unwrap();
            let read = source.read();
            assert_eq!(read.as_ref().ok().map(Secret::reveal), expected);
            let shown = format!("{read:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert!(SecretSource::Environment("HINOMI_NO_SUCH_VARIABLE".to_owned()).read().is_err());
    }
}

//! What has to be known of a provider beforehand.

use std::path::PathBuf;

use hinomi_access::SecondFactor;

use super::credential;
use crate::error::ServerError;
use crate::listen::trusted_roots;

/// A provider, and what this server is called there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderSetup {
    /// `https://…`, letter for letter as in its tokens.
    pub issuer: String,
    /// What this server is called there.
    pub client: String,
    /// What stands on the button.
    pub name: String,
    /// How this server proves itself there.
    pub credential: ClientCredential,
    /// PEM file of the authorities that its certificate ends in.
    pub ca: PathBuf,
    /// What of a token shows two factors.
    pub second_factor: SecondFactor,
}

/// How this server proves itself. The files are read each time, so that they can be replaced while it works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientCredential {
    /// A secret that both know, in a file.
    Secret(PathBuf),
    /// A key that only this server has (RFC 7523): PEM file of a P-256 or RSA key, and what the provider calls it.
    Key(PathBuf, Option<String>),
}

impl ProviderSetup {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ServerError::Credential`].
    pub fn check_files(&self) -> Result<(), ServerError> {
        trusted_roots(&self.ca)?;
        credential::check(&self.credential)
    }
}

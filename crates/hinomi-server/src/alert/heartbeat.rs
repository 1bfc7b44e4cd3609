//! A sign of life for a service outside, which tells somebody when it no longer comes.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::SecretSource;
use super::webhook::Place;
use crate::error::ServerError;

/// Where signs of life go.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// Name, for messages.
    pub name: String,
    /// Where; its path may be a secret.
    pub url: SecretSource,
    /// How often.
    pub every: Duration,
    /// File of the authorities to believe; without it those of the system.
    pub ca: Option<PathBuf>,
    /// Without TLS to other machines, too.
    pub plain: bool,
}

impl Heartbeat {
    /// Opens it: what is returned sends one sign of life each time it is called, and says why that failed.
    ///
    /// # Errors
    /// As [`super::Setup::open`].
    pub fn open(&self) -> Result<impl Fn() -> Result<(), String> + Send + use<>, ServerError> {
        let place = Place::open(&self.url, self.ca.as_deref(), self.plain)?;
        Ok(move || match place.request("POST", &[("content-type", "text/plain")], b"alive\n")?.status {
            200..=299 => Ok(()),
            status => Err(format!("it answered {status}")),
        })
    }
}

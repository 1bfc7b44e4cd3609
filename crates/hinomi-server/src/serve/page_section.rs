//! `[pages]`: where pages are.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::configuration::{Configuration, TlsSection};
use crate::pages::{PagesAt, PagesSetup, Place};

/// A section.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PagesSection {
    at: SocketAddr,
    origin: Option<String>,
    tls: Option<TlsSection>,
    plain: bool,
}

impl Default for PagesSection {
    fn default() -> Self {
        Self { at: PagesAt::default().at, origin: None, tls: None, plain: false }
    }
}

impl PagesSection {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        let outside = !self.at.ip().is_loopback();
        if outside && self.tls.is_none() && !self.plain {
            return Err(
                "pages.tls: others could read along; pages.plain = true allows it behind a proxy with TLS"
                    .to_owned(),
            );
        }
        if self.tls.as_ref().is_some_and(|tls| tls.clients.is_some()) {
            return Err("pages.tls.clients: people sign in with passkeys, not with certificates".to_owned());
        }
        match &self.origin {
            None if outside || self.tls.is_some() => {
                Err("pages.origin: say what people type, such as \"https://hinomi.example.jp\"".to_owned())
            }
            None => Ok(()),
            Some(origin) => {
                let place = Place::parse(origin).map_err(|why| format!("pages.origin: {why}"))?;
                if self.tls.is_some() && !place.secure {
                    return Err("pages.origin: with TLS it begins with https://".to_owned());
                }
                Ok(())
            }
        }
    }

    /// Relative paths are meant from `folder`.
    pub(super) fn anchor(&mut self, folder: &Path) {
        if let Some(tls) = &mut self.tls {
            tls.certificate = folder.join(&tls.certificate);
            tls.key = folder.join(&tls.key);
        }
    }

    fn setup(&self) -> PagesSetup {
        let tls = self.tls.as_ref();
        let files = |tls: &TlsSection| -> (PathBuf, PathBuf) { (tls.certificate.clone(), tls.key.clone()) };
        PagesSetup { at: PagesAt { at: self.at, origin: self.origin.clone() }, tls: tls.map(files) }
    }
}

impl Configuration {
    /// Where pages are, if there are any.
    pub fn pages(&self) -> Option<PagesSetup> {
        self.pages.as_ref().map(|pages| pages.as_ref().setup())
    }
}

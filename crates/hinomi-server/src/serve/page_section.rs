//! `[pages]`: where pages are.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hinomi_access::{Identity, SecondFactor};
use serde::Deserialize;

use super::configuration::{Configuration, TlsSection};
use crate::pages::{ClientCredential, PagesAt, PagesSetup, Place, ProviderSetup};

/// A section.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PagesSection {
    at: SocketAddr,
    origin: Option<String>,
    tls: Option<TlsSection>,
    plain: bool,
    oidc: Option<ProviderSection>,
}

/// `[pages.oidc]`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderSection {
    issuer: String,
    client_id: String,
    name: Option<String>,
    client_secret_file: Option<PathBuf>,
    client_key: Option<PathBuf>,
    client_key_id: Option<String>,
    ca: PathBuf,
    amr: Option<Vec<String>>,
    acr: Option<Vec<String>>,
}

impl Default for PagesSection {
    fn default() -> Self {
        Self { at: PagesAt::default().at, origin: None, tls: None, plain: false, oidc: None }
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
        if let Some(oidc) = &self.oidc {
            oidc.setup()?;
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
        if let Some(oidc) = &mut self.oidc {
            let files = [Some(&mut oidc.ca), oidc.client_secret_file.as_mut(), oidc.client_key.as_mut()];
            for file in files.into_iter().flatten() {
                *file = folder.join(&*file);
            }
        }
    }

    fn setup(&self) -> PagesSetup {
        let tls = self.tls.as_ref();
        let files = |tls: &TlsSection| -> (PathBuf, PathBuf) { (tls.certificate.clone(), tls.key.clone()) };
        let at = PagesAt { at: self.at, origin: self.origin.clone() };
        // What does not make sense was refused when the configuration was read.
        let provider = self.oidc.as_ref().and_then(|oidc| oidc.setup().ok());
        PagesSetup { at, tls: tls.map(files), provider }
    }
}

impl ProviderSection {
    /// The provider, or what is wrong with the section.
    fn setup(&self) -> Result<ProviderSetup, String> {
        let good = self.issuer.starts_with("https://") && !self.issuer.contains(['?', '#', '@']);
        Identity::new(&self.issuer, "x").ok().filter(|_| good).ok_or(
            "pages.oidc.issuer: begins with https://, as the provider writes it, without query or fragment",
        )?;
        let visible =
            |text: &str| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !visible(&self.client_id) {
            return Err("pages.oidc.client_id: visible ASCII".to_owned());
        }
        let name = self.name.as_deref().unwrap_or("OpenID Connect").trim();
        if name.is_empty() || name.chars().count() > 40 || name.chars().any(char::is_control) {
            return Err("pages.oidc.name: at most 40 characters, for a button".to_owned());
        }
        let credential = match (&self.client_secret_file, &self.client_key) {
            (Some(secret), None) if self.client_key_id.is_none() => ClientCredential::Secret(secret.clone()),
            (None, Some(key)) => ClientCredential::Key(key.clone(), self.client_key_id.clone()),
            _ => return Err("pages.oidc: client_secret_file, or client_key (and client_key_id)".to_owned()),
        };
        let second_factor = match (&self.amr, &self.acr) {
            (None, None) => SecondFactor::default(),
            (amr, acr) => {
                SecondFactor::parse(amr.as_deref().unwrap_or_default(), acr.as_deref().unwrap_or_default())
                    .map_err(|what| format!("pages.oidc.amr, acr: {what}"))?
            }
        };
        let (issuer, client) = (self.issuer.clone(), self.client_id.clone());
        Ok(ProviderSetup {
            issuer,
            client,
            name: name.to_owned(),
            credential,
            ca: self.ca.clone(),
            second_factor,
        })
    }
}

impl Configuration {
    /// Where pages are, if there are any.
    pub fn pages(&self) -> Option<PagesSetup> {
        self.pages.as_ref().map(|pages| pages.as_ref().setup())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(oidc: &str) -> Result<Option<ProviderSetup>, String> {
        let text = format!(
            "[[listen]]\nname = \"a\"\nat = \"127.0.0.1:1\"\nreceive = [\"syslog-tcp\"]\n[pages]\n[pages.oidc]\n\
             issuer = \"https://id.example.jp/a\"\nclient_id = \"hinomi\"\nca = \"ca.pem\"\n{oidc}"
        );
        let read =
            Configuration::parse(&text, Path::new("/etc/hinomi")).map_err(|error| error.to_string())?;
        Ok(read.pages().and_then(|pages| pages.provider))
    }

    #[test]
    fn a_provider_is_read_whole_or_the_key_that_is_wrong_is_named() {
        let read = parse("client_secret_file = \"secret\"").unwrap().unwrap();
        assert_eq!(read.ca, Path::new("/etc/hinomi/ca.pem"));
        assert_eq!(read.credential, ClientCredential::Secret("/etc/hinomi/secret".into()));
        assert_eq!((read.name.as_str(), read.second_factor), ("OpenID Connect", SecondFactor::default()));
        let keyed = parse("client_key = \"/k.pem\"\nclient_key_id = \"1\"\nname = \"社内 ID\"\namr = []")
            .unwrap()
            .unwrap();
        assert_eq!(keyed.credential, ClientCredential::Key("/k.pem".into(), Some("1".to_owned())));
        assert_ne!(keyed.second_factor, SecondFactor::default());
        for (oidc, named) in [
            ("", "client_secret_file"),
            ("client_secret_file = \"a\"\nclient_key = \"b\"", "client_secret_file"),
            ("client_secret_file = \"a\"\nclient_key_id = \"b\"", "client_secret_file"),
            ("client_secret_file = \"a\"\nname = \"\"", "pages.oidc.name"),
            ("client_secret_file = \"a\"\namr = [\"pwd+\"]", "pages.oidc.amr"),
            ("client_secret_file = \"a\"\nclient_secret = \"b\"", "client_secret"),
        ] {
            assert!(parse(oidc).unwrap_err().contains(named), "{oidc}");
        }
        let section = |issuer: &str| ProviderSection {
            issuer: issuer.to_owned(),
            client_id: "hinomi".to_owned(),
            name: None,
            client_secret_file: Some("a".into()),
            client_key: None,
            client_key_id: None,
            ca: "ca.pem".into(),
            amr: None,
            acr: None,
        };
        assert!(section("https://id.example.jp").setup().is_ok());
        for issuer in [
            "http://id.example.jp",
            "https://a@id.example.jp",
            "https://id.example.jp?x",
            "https://id.example.jp#x",
            "",
        ] {
            assert!(section(issuer).setup().unwrap_err().contains("pages.oidc.issuer"), "{issuer}");
        }
    }
}

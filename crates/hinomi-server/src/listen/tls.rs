//! TLS with one provider: certificates and keys from PEM files, and the names in certificates of clients.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::ber::{self, SEQUENCE};
use crate::error::ServerError;

/// What a server shows, and what it asks of its clients.
#[derive(Clone, Copy, Debug)]
pub struct ServerTls<'p> {
    /// PEM file of its certificate chain.
    pub certificate: &'p Path,
    /// PEM file of its private key.
    pub key: &'p Path,
    /// PEM file of the authorities whose certificates clients have to show; without it none are asked for.
    pub clients: Option<&'p Path>,
}

/// What new connections are shown and asked for; replaced as a whole while the server works.
#[derive(Clone, Debug)]
pub(crate) struct TlsInForce(Arc<RwLock<Arc<ServerConfig>>>);

impl TlsInForce {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// Connections that are open keep what they were met with.
    pub(crate) fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn unusable(path: &Path, what: impl ToString) -> ServerError {
    ServerError::Credential { path: path.to_owned(), what: what.to_string() }
}

pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|e| unusable(path, e))?.collect();
    let all = all.map_err(|e| unusable(path, e))?;
    if all.is_empty() { Err(unusable(path, "it holds no certificate")) } else { Ok(all) }
}

fn roots(path: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), ServerError> {
    let all = certificates(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in &all {
        roots.add(certificate.clone()).map_err(|e| unusable(path, e))?;
    }
    Ok((roots, all))
}

impl ServerTls<'_> {
    /// Reads the files. `protocol` is what is spoken inside (ALPN), if that has a name.
    ///
    /// # Errors
    /// [`ServerError::Credential`] or [`ServerError::Tls`].
    pub fn load(&self, protocol: Option<&[u8]>) -> Result<Arc<ServerConfig>, ServerError> {
        let chain = certificates(self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(self.key).map_err(|e| unusable(self.key, e))?;
        let tls = |e: rustls::Error| ServerError::Tls { what: e.to_string() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients: Arc<dyn ClientCertVerifier> = match self.clients {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(path) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?.0), provider.clone());
                verifier.build().map_err(|e| unusable(path, e))?
            }
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(tls)?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .map_err(|e| {
                unusable(self.key, format!("it does not go with {}: {e}", self.certificate.display()))
            })?;
        config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
        Ok(Arc::new(config))
    }
}

/// The certificates in `path`, as the only authorities to be trusted.
///
/// # Errors
/// [`ServerError::Credential`].
pub fn trusted_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    Ok(roots(path)?.1)
}

/// The name of whoever showed these certificates, which were verified: the first DNS name, else the common name, else the
/// beginning of the SHA-256 of the certificate.
pub(super) fn name_of(certificates: Option<&[CertificateDer<'static>]>) -> Option<Arc<str>> {
    let certificate = certificates?.first()?;
    let fields = fields(certificate).unwrap_or_default();
    let name = dns_name(fields).or_else(|| common_name(fields));
    let name = name.and_then(|name| std::str::from_utf8(name).ok()).filter(|name| !name.is_empty());
    Some(name.map_or_else(
        || {
            let digest = hinomi_model::Digest::of(certificate).to_string();
            format!("sha256:{}", digest.get(..16).unwrap_or_default()).into()
        },
        Arc::from,
    ))
}

/// What follows the issuer in a certificate (RFC 5280, 4.1).
pub(super) fn fields(certificate: &[u8]) -> Option<&[u8]> {
    let outer = ber::read_as(certificate, SEQUENCE)?;
    let mut rest = ber::read_as(outer.content, SEQUENCE)?.content;
    // Version, serial number, signature, issuer.
    for _ in 0..4 {
        rest = ber::read(rest)?.rest;
    }
    Some(rest)
}

pub(super) const OBJECT_ID: u8 = 0x06;
const SET: u8 = 0x31;
pub(super) const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17.
pub(super) const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// The alternative of a name that is a DNS name.
pub(super) const DNS_NAME: u8 = 0x82;

/// The elements one after the other, until one that is none.
pub(super) fn elements(mut bytes: &[u8]) -> impl Iterator<Item = ber::Element<'_>> {
    std::iter::from_fn(move || {
        let element = ber::read(bytes)?;
        bytes = element.rest;
        Some(element)
    })
}

fn dns_name(fields: &[u8]) -> Option<&[u8]> {
    let extensions = elements(fields).find(|element| element.tag == EXTENSIONS)?;
    let extensions = ber::read_as(extensions.content, SEQUENCE)?;
    let names = elements(extensions.content).find_map(|extension| {
        let id = ber::read_as(extension.content, OBJECT_ID)?;
        let value = elements(id.rest).find(|element| element.tag == ber::OCTETS)?;
        (id.content == ALTERNATIVE_NAMES).then_some(value.content)
    })?;
    let names = ber::read_as(names, SEQUENCE)?;
    elements(names.content).find(|name| name.tag == DNS_NAME).map(|name| name.content)
}

fn common_name(fields: &[u8]) -> Option<&[u8]> {
    // Validity, subject.
    let subject = elements(fields).nth(1)?;
    let sets = elements(subject.content).filter(|set| set.tag == SET);
    let common = sets.filter_map(|set| {
        let pair = ber::read_as(set.content, SEQUENCE)?;
        let id = ber::read_as(pair.content, OBJECT_ID)?;
        (id.content == COMMON_NAME).then(|| ber::read(id.rest).map(|value| value.content))?
    });
    common.last()
}

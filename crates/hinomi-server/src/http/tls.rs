//! TLS with one provider: certificates and keys from PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};

use crate::error::ServerError;

fn unusable(path: &Path, what: impl ToString) -> ServerError {
    ServerError::Credential { path: path.to_owned(), what: what.to_string() }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|e| unusable(path, e))?.collect();
    let all = all.map_err(|e| unusable(path, e))?;
    if all.is_empty() { Err(unusable(path, "it holds no certificate")) } else { Ok(all) }
}

/// The set-up of a server that shows the certificate chain in `certificate` and holds the private key in `key`.
///
/// # Errors
/// [`ServerError::Credential`] or [`ServerError::Tls`].
pub fn server_tls(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, ServerError> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| unusable(key, e))?;
    let tls = |e: rustls::Error| ServerError::Tls { what: e.to_string() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(tls)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The certificates in `path`, as the only authorities to be trusted.
///
/// # Errors
/// [`ServerError::Credential`].
pub fn trusted_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let all = certificates(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in &all {
        roots.add(certificate.clone()).map_err(|e| unusable(path, e))?;
    }
    Ok(all)
}

//! Authorities to believe: those of a file, or those of the system.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::ServerError;
use crate::listen::trusted_roots;

/// Where systems keep them.
const OF_SYSTEMS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The authorities of `ca`, or of the system.
pub(super) fn authorities(ca: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    if let Some(path) = ca {
        return trusted_roots(path);
    }
    let found = OF_SYSTEMS.iter().map(Path::new).find(|path| path.is_file());
    let none =
        || ServerError::Tls { what: "the system has no list of authorities; name one with ca".to_owned() };
    let path = found.ok_or_else(none)?;
    let read = CertificateDer::pem_file_iter(path).map_err(|_| none())?;
    // A list of hundreds may hold one that cannot be used.
    Ok(read.filter_map(Result::ok).collect())
}

/// TLS as a client that believes these.
pub(super) fn client(ca: Option<&Path>) -> Result<Arc<ClientConfig>, ServerError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(ca)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| ServerError::Tls { what: e.to_string() })?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

//! The listener of the pages.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::provider::ProviderSetup;
use super::service::Pages;
use super::setting::PagesAt;
use crate::error::ServerError;
use crate::http::{Running, Server};
use crate::listen::{Bounds, Listener, ServerTls, TlsInForce};

/// Largest body of a request: there are no uploads here.
const LARGEST: usize = 256 << 10;

/// Where pages listen, and with which certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PagesSetup {
    /// Address and name.
    pub at: PagesAt,
    /// Certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// People can come through this identity provider, too.
    pub provider: Option<ProviderSetup>,
}

/// A listener that is bound, before anybody is let in.
#[derive(Debug)]
pub struct Bound {
    listener: Listener,
    bounds: Bounds,
}

/// Pages at work. Dropping it stops them.
#[derive(Debug)]
pub struct Serving {
    running: Running,
    tls: Option<TlsInForce>,
}

impl PagesSetup {
    fn load(&self) -> Result<Option<Arc<rustls::ServerConfig>>, ServerError> {
        let load = |(certificate, key): &(PathBuf, PathBuf)| {
            ServerTls { certificate, key, clients: None }.load(Some(b"http/1.1"))
        };
        self.tls.as_ref().map(load).transpose()
    }

    /// Reads the files.
    ///
    /// # Errors
    /// [`ServerError::Credential`] or [`ServerError::Tls`].
    pub fn check_files(&self) -> Result<(), ServerError> {
        self.load()?;
        self.provider.as_ref().map_or(Ok(()), ProviderSetup::check_files)
    }

    /// Binds the address.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn bind(&self) -> Result<Bound, ServerError> {
        let bounds = Bounds {
            head: Duration::from_secs(15),
            body: Duration::from_secs(15),
            connection: Duration::from_mins(10),
            body_bytes: LARGEST,
            // A house behind one proxy comes from one address, and each browser holds a connection open for events.
            connections: 512,
            connections_per_address: 384,
            ..Bounds::default()
        };
        Ok(Bound { listener: Listener::bind(self.at.at, self.load()?, bounds)?, bounds })
    }
}

impl Bound {
    /// The port is a real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Lets people in.
    ///
    /// # Errors
    /// [`ServerError::Network`] when the system gives no threads.
    pub fn start(self, pages: Pages) -> Result<Serving, ServerError> {
        let tls = self.listener.tls().cloned();
        let running = Server::on(self.listener, self.bounds, Arc::new(pages)).start()?;
        Ok(Serving { running, tls })
    }
}

impl Serving {
    /// Where they listen.
    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Shows new connections the certificate that is in the files now.
    ///
    /// # Errors
    /// [`ServerError`]; everything stays as it was then.
    pub fn renew(&self, setup: &PagesSetup) -> Result<(), ServerError> {
        if let (Some(tls), Some(config)) = (&self.tls, setup.load()?) {
            tls.replace(config);
        }
        Ok(())
    }
}

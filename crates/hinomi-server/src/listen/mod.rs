//! Listening for connections: who is let in, with TLS or without, and how all of them are ended.
//!
//! # Invariants
//! Everything a stranger can make a listener hold is bounded: connections in total and per address, and the time for a
//! handshake. A handshake that fails ends one connection.

mod bounds;
mod tls;
mod validity;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

pub use bounds::Bounds;
pub(crate) use bounds::{Guest, Guests};
pub(crate) use tls::TlsInForce;
pub use tls::{ServerTls, trusted_roots};
pub(crate) use validity::{Validity, validity};

use crate::error::ServerError;

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) encrypted: bool,
    /// The name in the certificate that it showed, if one was asked for and holds.
    pub(crate) certificate: Option<Arc<str>>,
}

/// What is done with connections.
pub(crate) trait Connections: Send + Sync + 'static {
    /// Carries on with one until it ends, soon after `stop` says so.
    fn converse<S>(
        self: Arc<Self>,
        stream: S,
        peer: Peer,
        guest: Guest,
        stop: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// A connection was let in.
    fn let_in(&self) {}

    /// A connection was not let in.
    fn turned_away(&self, address: SocketAddr, why: &str) {
        let _ = (address, why);
    }
}

/// A bound address.
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsInForce>,
    bounds: Bounds,
}

impl Listener {
    /// Binds `address`.
    ///
    /// # Errors
    /// [`ServerError::Network`].
    pub(crate) fn bind(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        bounds: Bounds,
    ) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Network { action: "listen on", peer: address.to_string(), source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, tls: tls.map(TlsInForce::new), bounds })
    }

    /// What new connections are shown, if that is anything.
    pub(crate) fn tls(&self) -> Option<&TlsInForce> {
        self.tls.as_ref()
    }

    /// Where it listens; the port is a real one when 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until told to stop. Those that are open then go on for as long as their `converse` does.
    pub(crate) async fn accept(self, mut stop: watch::Receiver<bool>, connections: Arc<impl Connections>) {
        let Ok(listener) = tokio::net::TcpListener::from_std(self.listener) else { return };
        let guests = Guests::default();
        let tls = self.tls;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, address)) = accepted else {
                // Out of descriptors: others have to leave first.
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            let Some(guest) = guests.admit(address.ip(), &self.bounds) else {
                connections.turned_away(address, "too many connections");
                continue;
            };
            let acceptor = tls.as_ref().map(TlsInForce::acceptor);
            let (handshake, stop) = (self.bounds.head, stop.clone());
            let connections = connections.clone();
            tokio::spawn(async move {
                let Some(tls) = acceptor else {
                    connections.let_in();
                    let peer = Peer { address, encrypted: false, certificate: None };
                    return connections.converse(stream, peer, guest, stop).await;
                };
                match timeout(handshake, tls.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        connections.let_in();
                        let certificate = tls::name_of(stream.get_ref().1.peer_certificates());
                        let peer = Peer { address, encrypted: true, certificate };
                        connections.converse(stream, peer, guest, stop).await;
                    }
                    Ok(Err(error)) => connections.turned_away(address, &format!("TLS: {error}")),
                    Err(_) => connections.turned_away(address, "TLS: it took too long"),
                }
            });
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

//! A connection that ends in bounded time, with or without TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio::time::Instant;

use super::Server;

/// Time to reach an address.
const CONNECT: Duration = Duration::from_secs(10);
/// Time for everything on one connection.
const WHOLE: Duration = Duration::from_mins(1);

/// A stream whose every call ends by the same deadline.
pub(super) struct Timed {
    stream: TcpStream,
    deadline: Instant,
}

/// A connection.
pub(super) enum Wire {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Timed {
    fn connect(server: &Server) -> io::Result<Self> {
        let deadline = Instant::now() + WHOLE;
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in (server.host.as_str(), server.port).to_socket_addrs()?.take(4) {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(stream) => return Ok(Self { stream, deadline }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::TimedOut, "it takes too long"));
        }
        Ok(Some(left))
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Wire {
    /// Connects; with `tls` the certificate has to name the host.
    pub(super) fn connect(server: &Server, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let plain = Self::Plain(Timed::connect(server)?);
        match tls {
            Some(config) => plain.encrypt(server, config),
            None => Ok(plain),
        }
    }

    /// Begins TLS on a connection.
    pub(super) fn encrypt(self, server: &Server, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let Self::Plain(mut timed) = self else { return Ok(self) };
        let host = server.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let mut connection = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut timed)?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, timed))))
    }

    /// Says that nothing follows, and waits until the other side has closed or has been silent for `patience`.
    pub(super) fn finish(mut self, patience: Duration) -> io::Result<()> {
        self.flush()?;
        if let Self::Tls(tls) = &mut self {
            tls.conn.send_close_notify();
            tls.flush()?;
        }
        let timed = match &mut self {
            Self::Plain(timed) => timed,
            Self::Tls(tls) => &mut tls.sock,
        };
        timed.stream.shutdown(Shutdown::Write)?;
        timed.deadline = Instant::now() + patience;
        let mut buffer = [0; 1024];
        loop {
            match timed.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(timed) => timed.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

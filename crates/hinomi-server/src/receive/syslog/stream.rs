//! Syslog over TCP and TLS.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::framing::Frames;
use crate::listen::{Connections, Guest, Peer};
use crate::receive::{Port, Receiving, Sender, Source, count};

/// Bytes that are read at once.
const READ: usize = 64 * 1024;

/// Receives what comes on connections.
pub(crate) struct Streams {
    pub(crate) receiving: Arc<Receiving>,
    pub(crate) port: Arc<Port>,
    /// The longest message; a longer one is cut.
    pub(crate) longest: usize,
    /// Time without a byte after which a connection is closed.
    pub(crate) idle: Duration,
}

/// Why a connection is not read any more.
enum End {
    Closed,
    Idle,
    Broken,
    Refused,
}

async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut into = ReadBuf::new(buffer);
    std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut into)).await?;
    Ok(into.filled().len())
}

impl Connections for Streams {
    /// Receives from one connection until it ends.
    async fn converse<S>(self: Arc<Self>, stream: S, peer: Peer, guest: Guest, stop: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.receive(stream, &peer, stop).await;
        drop(guest);
    }

    fn let_in(&self) {
        count(&self.port.counted.connections);
    }

    fn turned_away(&self, address: SocketAddr, why: &str) {
        self.receiving.turn_away(&self.port, address.ip(), why);
    }
}

impl Streams {
    async fn receive(
        &self,
        mut stream: impl AsyncRead + Unpin,
        peer: &Peer,
        mut stop: watch::Receiver<bool>,
    ) {
        let way = if peer.encrypted { "tls" } else { "tcp" };
        let sender = Sender { way, name: peer.certificate.as_deref(), address: peer.address.ip() };
        let source = self.receiving.sources.of(&self.port, sender);
        let mut frames = Frames::new(self.longest);
        let mut buffer = vec![0; READ];
        let end = loop {
            let read = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break End::Closed,
                read = timeout(self.idle, read(&mut stream, &mut buffer)) => read,
            };
            let Ok(read) = read else { break End::Idle };
            let bytes = read.ok().and_then(|length| buffer.get(..length)).unwrap_or_default();
            if bytes.is_empty() {
                break End::Closed;
            }
            let mut messages = Vec::new();
            let whole = frames.take(bytes, &mut messages);
            self.port.counted.oversized.fetch_add(frames.take_cut(), Ordering::Relaxed);
            if !self.hand_in(&source, messages).await {
                break End::Refused;
            }
            if whole.is_err() {
                break End::Broken;
            }
        };
        if !matches!(end, End::Refused) {
            // An unfinished message is evidence too.
            self.hand_in(&source, frames.rest().into_iter().collect()).await;
        }
        self.tell(&end, peer.address);
    }

    /// Hands in messages, as soon as their source may; false when the ledger takes nothing any more.
    async fn hand_in(&self, source: &Arc<Source>, messages: Vec<Vec<u8>>) -> bool {
        if messages.is_empty() {
            return true;
        }
        let count = messages.len() as u64;
        let (records, room) = self.receiving.records(messages);
        let held = self.receiving.budget.wait(source, room).await;
        let wait = source.pace.spend(count, room, Instant::now());
        let mut pending = self.receiving.intake.submit(&self.port, source, records, held);
        if pending.was_refused() {
            return false;
        }
        sleep(wait).await;
        true
    }

    fn tell(&self, end: &End, address: SocketAddr) {
        let why = match end {
            End::Closed => return,
            End::Idle => "nothing came for too long",
            End::Broken => {
                count(&self.port.counted.malformed);
                "a count of bytes was expected"
            }
            End::Refused => "the ledger takes nothing any more",
        };
        self.receiving.complain("a connection was closed", &self.port, address.ip(), why);
    }
}

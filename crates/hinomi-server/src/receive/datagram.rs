//! Syslog and flows over UDP: a datagram is a record, as it came.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::receive::{Port, Receiving, Sender};

/// The longest datagram.
const LONGEST: usize = 65_536;
/// Datagrams that are handed in together at most.
const AT_ONCE: usize = 1_024;
/// Their bytes.
const BYTES_AT_ONCE: usize = 1 << 20;

/// Receives until told to stop.
pub(crate) async fn receive(
    receiving: Arc<Receiving>,
    port: Arc<Port>,
    socket: UdpSocket,
    mut stop: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; LONGEST];
    loop {
        let first = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            first = socket.recv_from(&mut buffer) => first,
        };
        let Ok((length, from)) = first else {
            // An error of an earlier answer, which there is none of, or no memory: neither ends the service.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let mut batch = BTreeMap::new();
        let (mut count, mut bytes) = (0, 0);
        let mut next = Some((length, from));
        while let Some((length, from)) = next {
            gather(&mut batch, &buffer, length, from);
            count += 1;
            bytes += length;
            let more = count < AT_ONCE && bytes < BYTES_AT_ONCE;
            next = if more { socket.try_recv_from(&mut buffer).ok() } else { None };
        }
        for (address, messages) in batch {
            hand_in(&receiving, &port, address, messages);
        }
    }
}

fn gather(batch: &mut BTreeMap<IpAddr, Vec<Vec<u8>>>, buffer: &[u8], length: usize, from: SocketAddr) {
    if let Some(message) = buffer.get(..length).filter(|m| !m.is_empty()) {
        batch.entry(from.ip()).or_default().push(message.to_vec());
    }
}

fn hand_in(receiving: &Receiving, port: &Arc<Port>, address: IpAddr, messages: Vec<Vec<u8>>) {
    // Not said twice of syslog: `udp`, but `netflow`.
    let way = port.kind.strip_prefix("syslog-").unwrap_or(port.kind);
    let source = receiving.sources.of(port, Sender { way, name: None, address });
    let count = messages.len() as u64;
    let (records, room) = receiving.records(messages);
    let debt = source.pace.debt(Instant::now());
    let held = receiving.budget.hold(&source, room).filter(|_| debt.is_zero());
    let Some(held) = held else {
        // The sender cannot be told to wait.
        port.counted.dropped.fetch_add(count, Ordering::Relaxed);
        source.refused.fetch_add(count, Ordering::Relaxed);
        let why = if debt.is_zero() { "too much of it is on its way" } else { "above its rate" };
        receiving.complain("datagrams were dropped", port, address, why);
        return;
    };
    source.pace.spend(count, room, Instant::now());
    drop(receiving.intake.submit(port, &source, records, held));
}

//! Between a sender and the server: notes which requests were acknowledged, whatever the sender makes of it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::PATIENCE;

/// Bodies of requests that were answered with 200.
pub(crate) type Acknowledged = Arc<Mutex<Vec<Vec<u8>>>>;

/// Listens on a port of its own for as long as the test runs.
pub(crate) fn start(server: SocketAddr) -> (u16, Acknowledged) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, acknowledged) = (listener.local_addr().unwrap().port(), Acknowledged::default());
    let noted = acknowledged.clone();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let noted = noted.clone();
            thread::spawn(move || carry(client, server, &noted));
        }
    });
    (port, acknowledged)
}

/// Carries requests and answers until either side is gone.
fn carry(mut client: TcpStream, server: SocketAddr, acknowledged: &Acknowledged) -> Option<()> {
    let mut server = TcpStream::connect(server).ok()?;
    server.set_read_timeout(Some(PATIENCE)).ok()?;
    loop {
        let (head, body) = message(&mut client, false)?;
        server.write_all(&[&head[..], &body].concat()).ok()?;
        let (answer, said) = message(&mut server, head.starts_with(b"HEAD"))?;
        if answer.starts_with(b"HTTP/1.1 200") {
            // Before the sender knows it.
            acknowledged.lock().unwrap().push(body);
        }
        client.write_all(&[answer, said].concat()).ok()?;
    }
}

/// One whole message: its head, and its body unless it has none.
fn message(stream: &mut TcpStream, without_body: bool) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; if without_body { 0 } else { length.unwrap_or(0) }];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

//! What strangers can do to the server, and hostile servers to the client.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hinomi_server::http::{Handler, Request, Response, Running, Server};
use hinomi_server::listen::Bounds;
use hinomi_server::{Client, ServerError, Trust};

/// Says what it was asked.
struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request) -> Response {
        if request.path == "/panic" {
            unreachable!("a handler with a fault");
        }
        Response::text(200, format!("{} {} {}", request.method, request.path, request.body.len()))
    }
}

fn serve(bounds: Bounds) -> (Running, SocketAddr) {
    let server = Server::bind(([127, 0, 0, 1], 0).into(), None, bounds, Arc::new(Echo)).unwrap();
    let address = server.address();
    (server.start().unwrap(), address)
}

fn quick() -> Bounds {
    Bounds {
        head: Duration::from_millis(400),
        body: Duration::from_millis(400),
        connection: Duration::from_secs(3),
        body_bytes: 1000,
        connections_per_address: 8,
        ..Bounds::default()
    }
}

/// Sends bytes and reads until the server closes or two seconds pass.
fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let _ = stream.write_all(bytes);
    let mut out = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        out.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn client(address: SocketAddr) -> Client {
    Client::new(&format!("http://{address}"), Trust::Plain).unwrap()
}

#[test]
fn requests_within_the_bounds_are_answered_and_others_are_not() {
    let (_running, address) = serve(quick());
    let client = client(address);
    let said = |a: hinomi_server::Answered| String::from_utf8(a.body).unwrap();
    assert_eq!(said(client.send("POST", "/a", &[], &[7; 1000], 100).unwrap()), "POST /a 1000");
    assert_eq!(client.send("POST", "/a", &[], &[7; 1001], 100).unwrap().status, 413);
    assert_eq!(client.send("GET", "/panic", &[], &[], 100).unwrap().status, 500);
    assert_eq!(said(client.send("GET", "/after", &[], &[], 100).unwrap()), "GET /after 0", "it goes on");
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    assert!(!raw(address, long.as_bytes()).contains("200 OK"));
    let many: String = (0..5000).map(|n| format!("x-{n}: 1\r\n")).collect();
    assert!(!raw(address, format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes()).contains("200 OK"));
    let chunked = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n7d1\r\n{}\r\n0\r\n\r\n",
        "a".repeat(2001)
    );
    assert!(raw(address, chunked.as_bytes()).contains("413"));
    let two = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    assert!(!raw(address, two.as_bytes()).contains("POST / 4"));
    assert!(!raw(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").contains("200 OK"));
}

#[test]
fn slow_senders_are_cut_off_and_others_are_served_meanwhile() {
    let (_running, address) = serve(quick());
    let slow: Vec<TcpStream> = (0..7)
        .map(|n| {
            let mut stream = TcpStream::connect(address).unwrap();
            let half = if n % 2 == 0 {
                "GET / HTTP/1.1\r\nx: "
            } else {
                "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n"
            };
            stream.write_all(half.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(client(address).send("GET", "/", &[], &[], 100).unwrap().status, 200);
    let began = Instant::now();
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_secs(4))).unwrap();
        // Drip bytes all the while: the time counts from the beginning, not from the last byte.
        let mut writer = stream.try_clone().unwrap();
        thread::spawn(move || {
            while writer.write_all(b"a").is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(ended.is_ok() || !matches!(ended.unwrap_err().kind(), std::io::ErrorKind::WouldBlock));
    }
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[test]
fn one_address_gets_its_share_of_connections() {
    let (_running, address) =
        serve(Bounds { head: Duration::from_secs(20), connection: Duration::from_secs(20), ..quick() });
    let open: Vec<TcpStream> = (0..12).map(|_| TcpStream::connect(address).unwrap()).collect();
    thread::sleep(Duration::from_millis(500));
    let closed = |mut stream: &TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let read = stream.read(&mut [0; 1]).map_err(|e| e.kind());
        matches!(read, Ok(0) | Err(std::io::ErrorKind::ConnectionReset))
    };
    let refused = open.iter().filter(|s| closed(s)).count();
    assert_eq!(refused, 4, "of 12 at a bound of 8");
}

/// A server that answers every request with the same bytes, as slowly as told.
fn hostile(bytes: Vec<u8>, pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let bytes = bytes.clone();
            thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.read(&mut [0; 4096]);
                for piece in bytes.chunks(64 * 1024) {
                    if stream.write_all(piece).is_err() {
                        return;
                    }
                    thread::sleep(pause);
                }
            });
        }
    });
    address
}

#[test]
fn a_client_believes_no_length_and_follows_nothing() {
    let body = |n: usize| {
        [format!("HTTP/1.1 200 OK\r\ncontent-length: {n}\r\n\r\n").into_bytes(), vec![b'a'; n]].concat()
    };
    let address = hostile(body(5000), Duration::ZERO);
    assert_eq!(client(address).send("GET", "/", &[], &[], 5000).unwrap().body.len(), 5000);
    let error = client(address).send("GET", "/", &[], &[], 4999).unwrap_err();
    assert!(matches!(error, ServerError::Protocol { .. }), "{error}");
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 20 << 20]].concat();
    let error = client(hostile(endless, Duration::ZERO)).send("GET", "/", &[], &[], 1 << 20).unwrap_err();
    assert!(matches!(error, ServerError::Protocol { .. }), "{error}");
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    assert!(
        client(hostile(short, Duration::ZERO)).send("GET", "/", &[], &[], 1000).is_err(),
        "half an answer is none"
    );
    let elsewhere = hostile(body(4), Duration::ZERO);
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n")
        .into_bytes();
    assert_eq!(client(hostile(moved, Duration::ZERO)).send("GET", "/", &[], &[], 1000).unwrap().status, 302);
    let head = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 1 << 20], b"\r\n\r\n".to_vec()].concat();
    assert!(client(hostile(head, Duration::ZERO)).send("GET", "/", &[], &[], 1000).is_err());
    assert!(Client::new("http://user:pw@127.0.0.1/", Trust::Plain).is_err());
    assert!(Client::new("https://127.0.0.1/", Trust::Plain).is_err(), "no TLS without anybody to trust");
    assert!(Client::new("ftp://127.0.0.1/", Trust::Plain).is_err());
}

//! What receivers take: events per second and per second of processor time of the server, the time until a request is
//! acknowledged, and memory. `HINOMI_BENCH_SECONDS` per receiver (default 5), `HINOMI_BENCH_ONLY` for some of them,
//! `HINOMI_BENCH_PROGRAM` for another build of the program.
//!
//! Lines are those of the recorded example case, each with a number of its own. Sender and server share the machine, so
//! that events per second are what both reach together.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement fails by panicking and reads the clock"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use support::{Server, TOKEN, logs};

mod support;

const CONNECTIONS: usize = 4;
const LINES: usize = 500;
/// Bodies that take turns, so that not every one packs like the one before.
const BODIES: usize = 32;

/// How lines are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Delimited,
    Counted,
    Datagrams,
    Requests { path: &'static str, packed: bool },
}

const WAYS: [(&str, Way); 9] = [
    ("syslog-tcp, lines", Way::Delimited),
    ("syslog-tcp, counted", Way::Counted),
    ("syslog-udp", Way::Datagrams),
    ("ndjson", Way::Requests { path: "/ndjson", packed: false }),
    ("ndjson, zstd", Way::Requests { path: "/ndjson", packed: true }),
    ("_bulk", Way::Requests { path: "/_bulk", packed: false }),
    ("collector events", Way::Requests { path: "/services/collector", packed: false }),
    ("collector raw", Way::Requests { path: "/services/collector/raw", packed: false }),
    ("otlp, json", Way::Requests { path: "/v1/logs", packed: false }),
];

/// Lines of the example case.
fn lines() -> Vec<String> {
    let text = |path: &PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let lines: Vec<String> =
        logs().iter().flat_map(|p| text(p).lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

/// Lines with a number of their own, in the form that a way of sending has for them.
fn body(way: Way, lines: &[String], number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    if way == (Way::Requests { path: "/v1/logs", packed: false }) {
        out.extend(b"{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"host.name\",\"value\":{\"stringValue\":\"w\"}}]},\"scopeLogs\":[{\"logRecords\":[");
    }
    for n in 0..LINES {
        let at = number * LINES + n;
        let line =
            format!("{} n={}", lines[at * 7919 % lines.len()], at.wrapping_mul(2_654_435_761) % 10_000_019);
        let quoted = serde_json::Value::from(line.as_str()).to_string();
        let text = match way {
            Way::Delimited | Way::Datagrams => format!("<134>{line}\n"),
            Way::Counted => format!("{} <134>{line}", line.len() + 5),
            Way::Requests { path: "/_bulk", .. } => {
                format!("{{\"create\":{{}}}}\n{{\"message\":{quoted}}}\n")
            }
            Way::Requests { path: "/services/collector", .. } => {
                format!("{{\"event\":{quoted},\"host\":\"w\"}}")
            }
            Way::Requests { path: "/services/collector/raw", .. } => format!("{line}\n"),
            Way::Requests { path: "/v1/logs", .. } => {
                let comma = if n == 0 { "" } else { "," };
                format!(
                    "{comma}{{\"timeUnixNano\":\"1795392000123456789\",\"severityText\":\"INFO\",\"body\":{{\"stringValue\":{quoted}}}}}"
                )
            }
            Way::Requests { .. } => format!("{{\"message\":{quoted}}}\n"),
        };
        out.extend(text.as_bytes());
    }
    match way {
        Way::Requests { path: "/v1/logs", .. } => {
            out.extend(b"]}]}]}");
            out
        }
        Way::Requests { packed: true, .. } => zstd::encode_all(&out[..], 3).unwrap(),
        _ => out,
    }
}

/// Sends until the time is over; the times until each request was acknowledged, in microseconds.
fn send(way: Way, server: (SocketAddr, SocketAddr), bodies: &[Vec<u8>], until: Instant) -> Vec<u64> {
    let mut times = Vec::new();
    let (http, syslog) = server;
    match way {
        Way::Datagrams => {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let messages: Vec<&[u8]> =
                bodies.iter().flat_map(|b| b.split(|c| *c == b'\n')).filter(|m| !m.is_empty()).collect();
            for (at, message) in messages.iter().cycle().enumerate() {
                let _ = socket.send_to(message, syslog);
                // Not faster than 40,000 a second: nobody tells a sender of datagrams to wait.
                if at % 100 == 0 {
                    thread::sleep(Duration::from_millis(10));
                    if Instant::now() >= until {
                        break;
                    }
                }
            }
        }
        Way::Delimited | Way::Counted => {
            let mut stream = TcpStream::connect(syslog).unwrap();
            for body in bodies.iter().cycle() {
                stream.write_all(body).unwrap();
                if Instant::now() >= until {
                    break;
                }
            }
        }
        Way::Requests { path, packed } => {
            let mut stream = TcpStream::connect(http).unwrap();
            stream.set_nodelay(true).unwrap();
            let encoding = if packed { "content-encoding: zstd\r\n" } else { "" };
            for body in bodies.iter().cycle() {
                let head = format!(
                    "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n{encoding}content-length: {}\r\n\r\n",
                    body.len()
                );
                let since = Instant::now();
                stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
                assert!(answer(&mut stream).starts_with("HTTP/1.1 200"));
                times.push(since.elapsed().as_micros() as u64);
                if Instant::now() >= until {
                    break;
                }
            }
        }
    }
    times
}

/// Reads one answer and gives its head.
fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8_192];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "closed");
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if bytes.len() >= end + 4 + length.unwrap() {
            return String::from_utf8_lossy(&bytes[..end]).into_owned();
        }
    }
}

fn main() {
    let seconds = std::env::var("HINOMI_BENCH_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(5);
    let only = std::env::var("HINOMI_BENCH_ONLY").unwrap_or_default();
    let lines = lines();
    let bytes = lines.iter().map(String::len).sum::<usize>() / lines.len();
    println!(
        "{} lines of {bytes} bytes on average, {CONNECTIONS} connections, {LINES} a request, {seconds} s each",
        lines.len()
    );
    println!(
        "{:22} {:>10} {:>12} {:>9} {:>9} {:>12}",
        "", "events/s", "events/cpu s", "p50 ms", "p99 ms", "MiB now/most"
    );
    for (name, way) in WAYS.into_iter().filter(|(name, _)| name.contains(&only)) {
        let bodies: Vec<Vec<u8>> = (0..BODIES).map(|n| body(way, &lines, n)).collect();
        let server = Server::start("\"syslog-tcp\", \"syslog-udp\"", "", &[], Stdio::null());
        let (cpu, since) = (server.cpu(), Instant::now());
        let until = since + Duration::from_secs(seconds);
        let at = (server.http, server.syslog);
        let mut times: Vec<u64> = thread::scope(|scope| {
            let senders: Vec<_> =
                (0..CONNECTIONS).map(|_| scope.spawn(|| send(way, at, &bodies, until))).collect();
            senders.into_iter().flat_map(|s| s.join().unwrap()).collect()
        });
        // What was sent without acknowledgement is waited for.
        let mut events = server.durable();
        loop {
            thread::sleep(Duration::from_millis(100));
            let now = server.durable();
            if now == events {
                break;
            }
            events = now;
        }
        let elapsed = since.elapsed().as_secs_f64() - 0.1;
        let used = server.cpu() - cpu;
        times.sort_unstable();
        let share = |n: usize| {
            times.get(times.len() * n / 100).map_or("-".to_owned(), |us| format!("{:.1}", *us as f64 / 1e3))
        };
        let (now, most) = server.memory();
        println!(
            "{name:22} {:>10.0} {:>12.0} {:>9} {:>9} {:>12}",
            events as f64 / elapsed,
            events as f64 / used,
            share(50),
            share(99),
            format!("{now}/{most}")
        );
    }
}

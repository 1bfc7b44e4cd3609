//! Somebody who is signed in to the pages of a server.

#![allow(dead_code, reason = "each measurement needs a part")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hinomi_testkit::authenticator::Authenticator;
use serde_json::{Value, json};

/// A session.
pub struct Visitor {
    at: SocketAddr,
    origin: String,
    session: String,
}

/// The program that is measured.
pub fn program() -> Command {
    let other = std::env::var("HINOMI_BENCH_PROGRAM");
    Command::new(other.as_deref().unwrap_or(env!("CARGO_BIN_EXE_hinomi")))
}

pub fn run(args: &[&str]) -> String {
    let done = program().args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Seconds of processor time that a process has used.
pub fn cpu(process: u32) -> f64 {
    times(&format!("/proc/{process}/stat"), 11)
}

/// Seconds of processor time of processes that this one waited for.
pub fn cpu_of_children() -> f64 {
    times("/proc/self/stat", 13)
}

fn times(path: &str, from: usize) -> f64 {
    let stat = std::fs::read_to_string(path).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[from..from + 2].iter().map(|f| f.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

impl Visitor {
    /// The first administrator of a data directory, enrolled just now.
    pub fn first(at: SocketAddr, origin: &str, data: &Path) -> Self {
        for _ in 0..600 {
            if TcpStream::connect(at).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let args = ["access", "first", "--data", data.to_str().unwrap()];
        // A server that begins holds the accounts for a moment.
        let waited = (0..100).find_map(|_| {
            let done = program().args(args).output().unwrap();
            let first = done.status.success().then(|| String::from_utf8(done.stdout).unwrap());
            if first.is_none() {
                std::thread::sleep(Duration::from_millis(100));
            }
            first
        });
        let first = waited.unwrap_or_else(|| run(&args));
        let link = first.lines().next().unwrap().rsplit('/').next().unwrap().to_owned();
        let mut visitor = Self { at, origin: origin.to_owned(), session: String::new() };
        visitor.session = visitor.enrol(&link);
        visitor
    }

    /// The cookie.
    pub fn session(&self) -> &str {
        &self.session
    }

    fn send(&self, method: &str, path: &str, body: &str) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.at).unwrap();
        let (host, origin) = (self.origin.trim_start_matches("http://"), &self.origin);
        let (session, length) = (&self.session, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\nconnection: close\r\nx-hinomi: 1\r\n\
             content-type: application/json\r\ncookie: {session}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head, answer[end + 4..].to_vec())
    }

    fn enrol(&self, link: &str) -> String {
        let device = Authenticator::p256(&self.origin, "localhost");
        let link = json!({ "link": link });
        let (_, _, options) = self.send("POST", "/api/v1/enrolment/passkey/options", &link.to_string());
        let options: Value = serde_json::from_slice(&options).unwrap();
        let made: Value = serde_json::from_str(&device.make(options["challenge"].as_str().unwrap())).unwrap();
        let body = json!({ "link": link["link"], "attestation": made }).to_string();
        let (status, head, _) = self.send("POST", "/api/v1/enrolment/passkey", &body);
        assert_eq!(status, 200, "{head}");
        let cookie = head.lines().find(|l| l.to_lowercase().starts_with("set-cookie: hinomi=")).unwrap();
        cookie.split_once(": ").unwrap().1.split(';').next().unwrap().to_owned()
    }

    /// The answer and how long it took, in milliseconds.
    pub fn ask(&self, path: &str) -> (Value, f64) {
        let begun = Instant::now();
        let (status, _, body) = self.send("GET", path, "");
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        (serde_json::from_slice(&body).unwrap(), took)
    }

    /// The next answer of a search that is not through with what is not derived: `None` when it is.
    pub fn look_on(&self, path: &str, answer: &Value) -> Option<Value> {
        if answer["is_outdated"] == true {
            return Some(self.ask(path).0);
        }
        let goes_on = answer["is_scanning"] == true || answer["is_counted"] == false;
        let snapshot = answer["snapshot"].as_str().unwrap();
        goes_on.then(|| self.ask(&format!("{path}&snapshot={snapshot}")).0)
    }

    /// Asks until something is found, for so long: the time, and whether it was.
    pub fn find(&self, path: &str, patience: Duration) -> (Duration, bool) {
        let begun = Instant::now();
        let mut answer = self.ask(path).0;
        while answer["matches"] == 0 && begun.elapsed() < patience {
            answer = self.look_on(path, &answer).unwrap_or_else(|| {
                std::thread::sleep(Duration::from_millis(50));
                self.ask(path).0
            });
        }
        (begun.elapsed(), answer["matches"] != 0)
    }
}

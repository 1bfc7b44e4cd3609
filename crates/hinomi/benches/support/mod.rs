//! A server to be measured, as a process of its own.

#![allow(dead_code, reason = "each measurement needs a part")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";

pub struct Server {
    pub child: Child,
    folder: tempfile::TempDir,
    pub http: SocketAddr,
    pub syslog: SocketAddr,
    pub admin: SocketAddr,
    pub pages: SocketAddr,
}

fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Server {
    /// Starts one that listens for requests and for syslog in the `ways` that are named; `log`: the table of that name.
    /// Waits until it takes connections.
    pub fn start(ways: &str, log: &str, arguments: &[String], journal: Stdio) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let (http, syslog, admin, pages) = (free(), free(), free(), free());
        let digest = hinomi_model::Digest::of(TOKEN.as_bytes());
        let text = format!(
            "[log]\n{log}\n[admin]\nat = \"{admin}\"\n[pages]\nat = \"{pages}\"\n[[token]]\nname = \"bench\"\nsha256 = \"{digest}\"\n\
             [[listen]]\nname = \"h\"\nat = \"{http}\"\nreceive = [\"http\"]\n\
             [[listen]]\nname = \"n\"\nat = \"{syslog}\"\nreceive = [{ways}]\n"
        );
        let file = folder.path().join("hinomi.toml");
        std::fs::write(&file, text).unwrap();
        let program = std::env::var("HINOMI_BENCH_PROGRAM");
        let mut command = Command::new(program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_hinomi")));
        command.arg("serve").arg("--data").arg(folder.path().join("data")).arg("--config").arg(&file);
        let child = command.args(arguments).stderr(journal).spawn().unwrap();
        while TcpStream::connect(http).is_err() || TcpStream::connect(admin).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        Self { child, folder, http, syslog, admin, pages }
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Seconds of processor time that it has used.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|f| f.parse::<u64>().unwrap()).sum();
        ticks as f64 / 100.0
    }

    /// Its memory in MiB now and at most.
    pub fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find(|l| l.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// Events that are durable.
    pub fn durable(&self) -> u64 {
        let text = self.ask("/metrics");
        let lines = text.lines().filter(|l| l.starts_with("hinomi_events_total{"));
        lines.map(|l| l.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// What it answers about itself.
    pub fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = &self.folder;
    }
}

fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|e| e == "log") || path.ends_with("syslog") {
            out.push(path);
        }
    }
}

/// The logs of the example case, in order of their names.
pub fn logs() -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/case"), &mut files);
    files.sort();
    files
}

//! Starting the server, sending to it, and reading what it kept.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hinomi_ledger::{FileDisk, Places, Reader};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A server at work in a folder of its own.
pub(crate) struct Served {
    pub(crate) folder: TempDir,
    child: Child,
    /// Lines that it wrote about itself since its last start.
    said: Vec<Value>,
    lines: std::sync::mpsc::Receiver<Value>,
}

/// A free port. Others could take it before it is used; then the server says so and the test fails.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hinomi"));
    command.args(args).env_clear().env("LC_ALL", "C.UTF-8");
    command
}

/// The token of the sender `tests`.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";

impl Served {
    /// Starts a server with these listeners.
    pub(crate) fn start(configuration: &str) -> Self {
        let folder = TempDir::new().unwrap();
        write_configuration(folder.path(), configuration);
        Self::start_in(folder)
    }

    pub(crate) fn start_in(folder: TempDir) -> Self {
        Self::start_as(folder, &[])
    }

    /// As [`Served::start_in`], with a command before the server's that changes what it may do.
    pub(crate) fn start_as(folder: TempDir, before: &[&str]) -> Self {
        let (child, lines) = spawn(folder.path(), before);
        let mut served = Self { folder, child, said: Vec::new(), lines };
        served.wait_until_started();
        served
    }

    /// Lines that it has written about itself since its last start.
    pub(crate) fn said_so_far(&mut self) -> &[Value] {
        self.said.extend(self.lines.try_iter());
        &self.said
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says that everything configured is at work.
    fn wait_until_started(&mut self) {
        let configured = std::fs::read_to_string(self.folder.path().join("hinomi.toml")).unwrap();
        let begins = |line: &&str| line.contains("receive =") || line.contains("[[watch]]");
        let configured: String = configured.lines().filter(begins).collect();
        let kinds = ["\"syslog-", "\"http", "\"netflow", "[[watch]]"];
        let expected: usize = kinds.iter().map(|kind| configured.matches(kind).count()).sum();
        let begun = ["listening", "watching"];
        let said =
            |said: &[Value], message: &str| said.iter().filter(|line| line["message"] == message).count();
        while begun.iter().map(|message| said(&self.said, message)).sum::<usize>() < expected
            || said(&self.said, "health and figures") == 0
        {
            let line = self.lines.recv_timeout(PATIENCE);
            self.said.push(line.unwrap_or_else(|_| panic!("it said only {:?}", self.said)));
        }
    }

    /// The next line with this message that was not waited for before.
    pub(crate) fn wait_for_line(&mut self, message: &str) -> Value {
        loop {
            if let Some(at) = self.said.iter().position(|line| line["message"] == message) {
                return self.said.remove(at);
            }
            let line = self.lines.recv_timeout(PATIENCE);
            self.said.push(line.unwrap_or_else(|_| panic!("no {message:?} in {:?}", self.said)));
        }
    }

    /// Asks it to read its files again, and waits for what it says to that.
    pub(crate) fn read_again(&mut self, message: &str) -> Value {
        let done = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
        self.wait_for_line(message)
    }

    fn address(&self, message: &str, name: &str, protocol: &str) -> SocketAddr {
        let is = |line: &&Value| {
            line["message"] == message
                && (name.is_empty() || line["listener"] == name && line["protocol"] == protocol)
        };
        let line = self.said.iter().find(is).unwrap_or_else(|| panic!("no {name} {protocol}"));
        line["at"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn at(&self, name: &str, protocol: &str) -> SocketAddr {
        self.address("listening", name, protocol)
    }

    /// What the admin listener answers: status and body.
    pub(crate) fn admin(&self, path: &str) -> (u16, String) {
        let answer = ask(self.address("health and figures", "", ""), "GET", path, &[], b"");
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    /// A figure, added up over all its labels that contain `label`.
    pub(crate) fn figure(&self, name: &str, label: &str) -> u64 {
        let text = self.admin("/metrics").1;
        let of = |line: &str| {
            let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            let whole = labels.is_empty() || labels.starts_with('{');
            (whole && labels.contains(label)).then(|| value.parse::<f64>().unwrap() as u64)
        };
        text.lines().filter_map(of).sum()
    }

    /// Waits until a figure has reached a value.
    pub(crate) fn await_figure(&self, name: &str, label: &str, at_least: u64) {
        let since = Instant::now();
        while self.figure(name, label) < at_least {
            assert!(since.elapsed() < PATIENCE, "{name} {label}: {} of {at_least}", self.figure(name, label));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it said since its start, with what comes until `enough` says so.
    pub(crate) fn said_until(&mut self, enough: impl Fn(&[Value]) -> bool) -> &[Value] {
        let since = Instant::now();
        while !enough(&self.said) {
            assert!(since.elapsed() < PATIENCE, "it said only {:#?}", self.said);
            self.said.extend(self.lines.recv_timeout(Duration::from_millis(100)));
        }
        &self.said
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        let (child, lines) = spawn(self.folder.path(), &[]);
        (self.child, self.lines, self.said) = (child, lines, Vec::new());
        self.wait_until_started();
    }

    /// Asks it to stop, and says with which code it ended.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let done = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(done.success());
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(since.elapsed() < PATIENCE, "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it and reads the records of every source, without those of the ledger itself.
    pub(crate) fn records(&mut self) -> BTreeMap<String, Vec<Vec<u8>>> {
        assert_eq!(self.terminate(), Some(0));
        records(&self.data())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a configuration with these listeners; health and figures are at a port of the system's choice.
pub(crate) fn write_configuration(folder: &Path, listeners: &str) {
    let token = token_section();
    let text = format!("[log]\nformat = \"json\"\n[admin]\nat = \"127.0.0.1:0\"\n{token}{listeners}");
    std::fs::write(folder.join("hinomi.toml"), text).unwrap();
}

/// The section of a configuration that knows [`TOKEN`].
pub(crate) fn token_section() -> String {
    let digest = hinomi_model::Digest::of(TOKEN.as_bytes());
    format!("[[token]]\nname = \"tests\"\nsha256 = \"{digest}\"\n")
}

/// Further arguments of servers that are started in a folder.
pub(crate) fn write_arguments(folder: &Path, arguments: &str) {
    std::fs::write(folder.join("arguments"), arguments).unwrap();
}

fn spawn(folder: &Path, before: &[&str]) -> (Child, std::sync::mpsc::Receiver<Value>) {
    let more = std::fs::read_to_string(folder.join("arguments")).unwrap_or_default();
    let (data, config) = (folder.join("data"), folder.join("hinomi.toml"));
    let mut args = vec!["serve", "--data", data.to_str().unwrap(), "--config", config.to_str().unwrap()];
    // What derivation takes has bounds and a test of its own.
    if cfg!(feature = "query") {
        args.extend(["--derive", "0"]);
    }
    args.extend(more.split_whitespace());
    let mut command = command(&args);
    if let Some((program, more)) = before.split_first() {
        let server = command.get_program().to_owned();
        command = Command::new(program);
        command.args(more).arg(server).args(&args).env_clear().env("LC_ALL", "C.UTF-8");
    }
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let said = serde_json::from_str(&line).unwrap_or_else(|_| Value::from(line));
            // Nobody may be listening any more; the pipe has to be emptied all the same.
            let _ = sender.send(said);
        }
    });
    (child, lines)
}

/// The records of a ledger by source.
pub(crate) fn records(data: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let places = Places::in_data_dir(data, "evidence");
    let reader = Reader::open(Arc::new(FileDisk), places, true).unwrap();
    let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for block in reader.blocks(0, reader.size()) {
        let block = block.unwrap();
        let source = block.block.scope.source;
        if !source.starts_with("hinomi:") {
            all.entry(source).or_default().extend(block.records.into_iter().map(|r| r.bytes));
        }
    }
    all
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One request on a connection of its own.
pub(crate) fn ask(at: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_ask(at, method, path, headers, body).unwrap()
}

/// As [`ask`], of a server that may be gone.
pub(crate) fn try_ask(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    // A server may answer before it has read everything.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: answer[end + 4..].to_vec() })
}

/// As [`ask`], with the token.
pub(crate) fn send(at: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    let mut all = vec![("authorization", bearer.as_str())];
    all.extend(headers);
    ask(at, "POST", path, &all, body)
}

/// Certificates of an authority, a server on this machine and a client named `web01.example.jp`, or `None` after saying
/// that the test is skipped.
pub(crate) fn certificates(folder: &Path) -> Option<()> {
    let script = r#"set -e
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj "/CN=tests" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
sign() {
    openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj "/CN=$2"
    printf "subjectAltName=$3\n" > $1.ext
    openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $1.pem -days 20 -extfile $1.ext
}
sign server server IP:127.0.0.1,DNS:localhost
sign client client DNS:web01.example.jp
"#;
    let done = Command::new("sh").args(["-c", script]).current_dir(folder).output().unwrap();
    if !done.status.success() {
        println!("SKIPPED: needs openssl: {}", String::from_utf8_lossy(&done.stderr));
        return None;
    }
    Some(())
}

/// A program of another maker that a test runs; stopped when dropped.
pub(crate) struct Sender(Child);

impl Sender {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a program is, or `None` after saying that the test is skipped.
pub(crate) fn program(names: &[&str]) -> Option<PathBuf> {
    let found = names.iter().map(PathBuf::from).find(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: {} is not installed", names.join(" or "));
    }
    found
}

/// The process's memory now, in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

//! The server at work while what stands outside it is away: a witness, the publication, the vault.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, Served, TOKEN, ask, command, free_port, records, write_configuration};

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a part of the program that listens, and waits until it does.
fn listening(args: &[&str], at: &str) -> Running {
    let running = Running(command(args).stdout(Stdio::null()).spawn().unwrap());
    let (at, since): (SocketAddr, _) = (at.parse().unwrap(), Instant::now());
    while std::net::TcpStream::connect(at).is_err() {
        assert!(since.elapsed() < PATIENCE, "{args:?} does not listen");
        thread::sleep(Duration::from_millis(20));
    }
    running
}

fn told(args: &[&str]) -> Value {
    let output = command(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A vault and a witness of one ledger.
struct Anchors {
    vault: String,
    data: String,
    published: String,
    witness: String,
    witness_at: String,
    witness_key: String,
}

impl Anchors {
    /// For a new ledger in `folder/data`, whose keys are sealed to the vault from the first record on.
    fn of(folder: &Path) -> Self {
        let path = |name: &str| folder.join(name).display().to_string();
        let (data, vault, witness) = (path("data"), path("vault"), path("witness"));
        let made = told(&["ledger", "create", "--data", &data, "--origin", "test/anchors", "--json"]);
        let log = made["verifier_key"].as_str().unwrap();
        let init = told(&["vault", "init", &vault, "--name", "vault.example.jp/1", "--log", log, "--json"]);
        let credential = init["credential"].as_str().unwrap();
        std::fs::write(folder.join("data/vaults.txt"), format!("{credential}\n")).unwrap();
        let init = ["witness", "init", &witness, "--name", "witness.example.jp/1"];
        let witness_key =
            String::from_utf8(command(&init).output().unwrap().stdout).unwrap().trim().to_owned();
        assert!(command(&["witness", "watch", &witness, "--log", log]).status().unwrap().success());
        let at = || format!("127.0.0.1:{}", free_port());
        Self { vault, data, published: at(), witness, witness_at: at(), witness_key }
    }

    fn start_witness(&self) -> Running {
        let serve = ["witness", "serve", &self.witness, "--listen", &self.witness_at, "--plain-http"];
        listening(&serve, &self.witness_at)
    }

    fn publish(&self) -> Running {
        let publish = ["vault", "publish", "--data", &self.data, "--listen", &self.published, "--plain-http"];
        listening(&publish, &self.published)
    }

    /// What a pull says and with which code it ends.
    fn pull(&self) -> (Option<i32>, Value) {
        let (from, witness) = (format!("http://{}", self.published), format!("http://{}", self.witness_at));
        let pull = [
            "vault",
            "pull",
            &self.vault,
            "--from",
            &from,
            "--plain-http",
            "--reserve",
            "0",
            "--json",
            "--witness",
            &witness,
            "--witness-key",
            &self.witness_key,
            "--witness-plain-http",
        ];
        let output = command(&pull).output().unwrap();
        let said = serde_json::from_slice(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said.unwrap_or_else(|_| panic!("{error}")))
    }

    /// Who signed what the vault holds.
    fn signatures(&self) -> usize {
        let status = told(&["vault", "status", &self.vault, "--json"]);
        status["checkpoint"].as_str().unwrap().matches('\u{2014}').count()
    }
}

/// Sends numbered lines until it is told to stop; every request has to be acknowledged. How many lines were.
fn deliver(at: SocketAddr, stop: &AtomicBool) -> usize {
    let bearer = format!("Bearer {TOKEN}");
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let body: String = (sent..sent + 50).map(|n| format!("message number {n} \n")).collect();
        let answer = ask(at, "POST", "/ndjson", &[("authorization", &bearer)], body.as_bytes());
        assert_eq!(answer.status, 200, "the server does not depend on its anchors");
        sent += 50;
        thread::sleep(Duration::from_millis(5));
    }
    sent
}

#[test]
fn receiving_goes_on_while_witness_publication_and_vault_are_away() {
    let folder = TempDir::new().unwrap();
    let anchors = Anchors::of(folder.path());
    write_configuration(
        folder.path(),
        "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n",
    );
    let mut served = Served::start_in(folder);
    let at = served.at("h", "http");
    let stop = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let sender = scope.spawn(|| deliver(at, &stop));
        fail_in_turn(&served, &anchors);
        stop.store(true, Ordering::Relaxed);
        sender.join().unwrap()
    });
    assert_eq!(served.terminate(), Some(0));
    // The vault was away for most of the time; one pull later it has everything.
    let publishing = anchors.publish();
    let witness = anchors.start_witness();
    let (code, last) = anchors.pull();
    assert_eq!((code, last["held"].as_u64()), (Some(0), last["shown"].as_u64()), "{last}");
    assert!(last["held"].is_u64() && last["witness"].is_null(), "{last}");
    drop((publishing, witness));
    let records = records(&served.data());
    assert_eq!(records["h/ndjson/tests@127.0.0.1"].len(), sent);
    let tail = command(&["ledger", "stats", "--data", &anchors.vault, "--json"]).output().unwrap();
    let stats: Value = serde_json::from_slice(&tail.stdout).unwrap();
    let rows = stats["rows"].as_array().unwrap();
    let held: u64 = rows
        .iter()
        .filter(|row| row["source"] == "h/ndjson/tests@127.0.0.1")
        .map(|row| row["records"].as_u64().unwrap())
        .sum();
    assert_eq!(held, sent as u64, "records that the vault holds");
}

/// Everything at work, then without the witness, then without the publication, then everything again.
fn fail_in_turn(served: &Served, anchors: &Anchors) {
    let await_more = || {
        let now = served.figure("hinomi_events_total", "");
        served.await_figure("hinomi_events_total", "", now + 200);
        assert_eq!(served.admin("/readyz").0, 200);
    };
    let (witness, publishing) = (anchors.start_witness(), anchors.publish());
    await_more();
    let (code, whole) = anchors.pull();
    assert_eq!((code, whole["witness"].is_null()), (Some(0), true), "{whole}");
    assert_eq!(anchors.signatures(), 3, "log, vault and witness");

    drop(witness);
    await_more();
    let since = Instant::now();
    let (code, without) = loop {
        let (code, pulled) = anchors.pull();
        // What is durable is shown with the next checkpoint.
        if pulled["held"].as_u64() > whole["held"].as_u64() || since.elapsed() > PATIENCE {
            break (code, pulled);
        }
    };
    assert_eq!(code, Some(0), "the absence of a witness is no fault of the primary: {without}");
    assert!(without["witness"].is_string() && without["held"].as_u64() > whole["held"].as_u64(), "{without}");
    assert_eq!(anchors.signatures(), 2, "log and vault");

    drop(publishing);
    await_more();
    let (code, away) = anchors.pull();
    assert_eq!((code, &away["held"], away["shown"].is_null()), (Some(3), &without["held"], true), "{away}");

    let (witness, publishing) = (anchors.start_witness(), anchors.publish());
    let (code, again) = anchors.pull();
    assert_eq!((code, again["witness"].is_null()), (Some(0), true), "{again}");
    assert_eq!(anchors.signatures(), 3, "the witness goes on where it was");
    drop((witness, publishing));
    await_more();
}

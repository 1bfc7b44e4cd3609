//! The state of a server at work goes into a sealed file and comes back on a machine that has nothing.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, Served, command, records, send, write_configuration};

const LISTEN: &str = "[[listen]]\nname = \"in\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n";
const RULE: &str = "title: A marker\nid: 6f0a5f3c-53d5-4c1e-9d6b-0c1f2b7a9e77\nstatus: test\nauthor: tests\nlevel: high\n\
    logsource:\n  product: windows\ndetection:\n  words:\n    - 'marker'\n  condition: words\n";

fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn json(args: &[&str], code: i32) -> Value {
    let output = run(&[args, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{args:?}: {said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fails(args: &[&str], code: i32, word: &str) {
    let output = run(args);
    let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(word), "{word:?} is not in {said}");
}

/// A folder with a recovery key beside the server's data.
struct Kit {
    folder: TempDir,
    recipient: String,
}

impl Kit {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = folder.path().join("key");
        let output = run(&["state", "key", "--out", key.to_str().unwrap()]);
        assert!(output.status.success());
        let recipient = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        Self { folder, recipient }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn backup(&self, data: &Path, name: &str, more: &[&str]) -> Value {
        let (to, data) = (self.path(name), data.to_str().unwrap());
        let args = ["state", "backup", "--data", data, "--to", &to, "--recipient", &self.recipient];
        json(&[&args[..], more].concat(), 0)
    }

    fn restore(&self, name: &str, data: &Path, code: i32) -> Value {
        let (from, key) = (self.path(name), self.path("key"));
        json(&["state", "restore", "--from", &from, "--key", &key, "--data", data.to_str().unwrap()], code)
    }
}

/// Lines of JSON, one in ten of which is something that [`RULE`] fires on.
fn lines(from: u64, to: u64) -> Vec<u8> {
    let line = |n: u64| {
        let word = if n.is_multiple_of(10) { "marker" } else { "nothing" };
        format!(
            "{{\"@timestamp\":\"2026-11-22T21:00:00Z\",\"Channel\":\"Security\",\"EventID\":4624,\"Computer\":\"h{}\",\
             \"TargetUserName\":\"m{n}\",\"message\":\"{word}\"}}\n",
            n % 5
        )
    };
    (from..to).map(line).collect::<String>().into_bytes()
}

/// A server with a rule of its own.
fn served() -> Served {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("own.yml"), RULE).unwrap();
    write_configuration(folder.path(), &format!("[detection]\nrules = [\"own.yml\"]\n{LISTEN}"));
    Served::start_in(folder)
}

/// Sends lines until it is told to stop, again where they were not acknowledged. How many were.
fn sender(at: &dyn Fn() -> SocketAddr, stop: &AtomicBool, acknowledged: &AtomicU64) {
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        if send(at(), "/ndjson", &[], &lines(n, n + 50)).status == 200 {
            n += 50;
            acknowledged.store(n, Ordering::SeqCst);
        }
    }
}

fn texts(data: &Path) -> Vec<String> {
    let all = records(data).into_values().flatten();
    all.map(|bytes| String::from_utf8(bytes).unwrap()).collect()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn replayed(data: &Path) -> Value {
    json(&["detect", "replay", "--data", data.to_str().unwrap()], 0)
}

#[test]
fn a_server_at_work_comes_back_from_its_backup_and_goes_on() {
    let kit = Kit::new();
    let mut served = served();
    let at = served.at("in", "http");
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = std::thread::scope(|scope| {
        scope.spawn(|| sender(&|| at, &stop, &acknowledged));
        wait_until("nothing is received", || acknowledged.load(Ordering::SeqCst) >= 500);
        let before = acknowledged.load(Ordering::SeqCst);
        let config = served.folder.path().join("hinomi.toml");
        let made =
            kit.backup(&served.data(), "b.hnb", &["--with-evidence", "--config", config.to_str().unwrap()]);
        assert_eq!(made["with_evidence"], true);
        stop.store(true, Ordering::SeqCst);
        before
    });
    let mode = std::fs::metadata(kit.path("b.hnb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The machine burns.
    served.kill();
    std::fs::remove_dir_all(served.data()).unwrap();
    let (from, key) = (kit.path("b.hnb"), kit.path("key"));
    let tried = json(&["state", "restore", "--from", &from, "--key", &key, "--verify"], 0);
    assert!(tried["restored_to"].is_null() && !served.data().exists());
    let restored = kit.restore("b.hnb", &served.data(), 0);
    assert_eq!(
        (&restored["holds"], &restored["waits_for_resume"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    let outside = served.data().join("outside").join(served.folder.path().strip_prefix("/").unwrap());
    assert!(outside.join("hinomi.toml").exists() && outside.join("own.yml").exists(), "{outside:?}");
    // What was acknowledged before the backup began is there, once and in order, and the server goes on.
    served.restart();
    assert_eq!(
        send(served.at("in", "http"), "/ndjson", &[], b"{\"message\":\"after the fire\"}\n").status,
        200
    );
    // Detection catches up when the machine lets it.
    wait_until("detection does not go on", || replayed(&served.data())["same"].as_u64() > Some(50));
    assert_eq!(served.terminate(), Some(0));
    let kept = texts(&served.data());
    let sent = String::from_utf8(lines(0, kept.len() as u64 - 1)).unwrap();
    assert!(kept.iter().map(String::as_str).take(kept.len() - 1).eq(sent.lines()), "lines as they were sent");
    assert!(kept.len() as u64 > before, "{} of {before}", kept.len());
    assert!(kept.last().unwrap().contains("after the fire"));
    // Detections are those of the whole, found once each, and the log says what happened.
    let again = replayed(&served.data());
    assert!(again["same"].as_u64() > Some(50) && again["differences"] == serde_json::json!([]), "{again:#}");
    let verified = json(&["verify", "ledger", "--data", served.data().to_str().unwrap()], 3);
    assert!(verified["remarks"].to_string().contains("repaired from backup of 20"), "{verified:#}");
}

/// A server with some lines, stopped, and its backup with the evidence.
fn stopped(kit: &Kit, lines: &[u8], with_evidence: bool) -> Served {
    let mut served = served();
    assert_eq!(send(served.at("in", "http"), "/ndjson", &[], lines).status, 200);
    assert_eq!(served.terminate(), Some(0));
    let more: &[&str] = if with_evidence { &["--with-evidence"] } else { &[] };
    kit.backup(&served.data(), "b.hnb", more);
    served
}

/// Files below a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        }
        all.insert(entry.path().display().to_string());
    }
    all
}

#[test]
fn what_is_damaged_cut_foreign_or_newer_is_refused_and_puts_nothing_in_place() {
    let kit = Kit::new();
    let served = stopped(&kit, &lines(0, 40), true);
    let whole = std::fs::read(kit.path("b.hnb")).unwrap();
    let (bad, key, to) = (kit.path("bad.hnb"), kit.path("key"), kit.path("to"));
    let restore = ["state", "restore", "--from", &bad, "--key", &key, "--data", &to];
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..24 {
        let mut bytes = whole.clone();
        let at = random(bytes.len());
        if round % 3 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << random(8);
        }
        std::fs::write(&bad, &bytes).unwrap();
        let output = run(&restore);
        let code = output.status.code();
        // A bit of the recipient makes it somebody else's file.
        assert!(matches!(code, Some(2 | 3)), "{round}: {code:?} {}", String::from_utf8_lossy(&output.stderr));
        assert!(!Path::new(&to).exists(), "round {round}, byte {at}");
    }
    std::fs::write(&bad, [&b"HnB9"[..], &whole[4..]].concat()).unwrap();
    fails(&restore, 3, "format 9; this program reads up to 1");
    std::fs::write(&bad, b"not a backup at all").unwrap();
    fails(&restore, 3, "sealed file");
    // Another key, a folder in use, a backup that is there.
    let (from, other) = (kit.path("b.hnb"), kit.path("other"));
    assert!(run(&["state", "key", "--out", &other]).status.success());
    fails(&["state", "restore", "--from", &from, "--key", &other, "--data", &to], 2, "sealed to other keys");
    let data = served.data().display().to_string();
    fails(&["state", "restore", "--from", &from, "--key", &key, "--data", &data], 2, "not empty");
    let recipient = kit.recipient.as_str();
    let backup = ["state", "backup", "--data", &data, "--recipient", recipient, "--to"];
    fails(&[&backup[..], &[&from]].concat(), 2, "there already");
    fails(&["state", "backup", "--data", &data, "--to", &to], 2, "never written in clear");
    fails(&["state", "backup", "--data", &data, "--to", &to, "--recipient", "hnr1abc"], 2, "misspelt");
}

#[test]
fn an_unfinished_backup_leaves_nothing_under_its_name() {
    let kit = Kit::new();
    // What does not pack.
    let noise = |n: u64| format!("{}\n", hinomi_model::Digest::of(&n.to_be_bytes()));
    let served = stopped(&kit, (0..4_000).map(noise).collect::<String>().as_bytes(), true);
    let before = files(kit.folder.path());
    let (data, to) = (served.data().display().to_string(), kit.path("small.hnb"));
    // A limit on the length of files fails in the middle, as a full disk does.
    let script = format!(
        "ulimit -f 24; trap '' XFSZ; exec {} state backup --data {data} --with-evidence --recipient {} --to {to}",
        env!("CARGO_BIN_EXE_hinomi"),
        kit.recipient
    );
    let output =
        std::process::Command::new("sh").args(["-c", &script]).env("LC_ALL", "C.UTF-8").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("File too large"), "{said}");
    assert_eq!(files(kit.folder.path()), before);
}

#[test]
fn keys_come_from_the_backup_evidence_and_younger_keys_from_the_vault() {
    let kit = Kit::new();
    let mut served = served();
    let data = served.data().display().to_string();
    let places = hinomi_ledger::Places::in_data_dir(&served.data(), "evidence");
    let reader = hinomi_ledger::Reader::open(std::sync::Arc::new(hinomi_ledger::FileDisk), places, false);
    let log = reader.unwrap().identity().signer.to_string();
    let vault = kit.path("vault");
    let init = json(&["vault", "init", &vault, "--name", "vault.example.jp/1", "--log", &log], 0);
    assert_eq!(served.terminate(), Some(0));
    let credential = init["credential"].as_str().unwrap();
    std::fs::write(served.data().join("vaults.txt"), format!("{credential}\n")).unwrap();
    served.restart();
    let more = |served: &Served, from, to| {
        assert_eq!(send(served.at("in", "http"), "/ndjson", &[], &lines(from, to)).status, 200);
    };
    let pull = |code: i32| json(&["vault", "pull", &vault, "--from", &data, "--reserve", "0"], code);
    more(&served, 0, 50);
    kit.backup(&served.data(), "b.hnb", &[]);
    kit.backup(&served.data(), "e.hnb", &["--with-evidence"]);
    // After the backup a source begins, with keys that the backup cannot have.
    assert_eq!(
        send(served.at("in", "http"), "/_bulk", &[("x", "y")], b"{\"index\":{}}\n{\"a\":1}\n").status,
        200
    );
    more(&served, 50, 80);
    assert_eq!(served.terminate(), Some(0));
    let kept = texts(&served.data());
    pull(0);
    std::fs::remove_dir_all(served.data()).unwrap();
    // With the older evidence alone the ledger would go back behind what the vault has seen: it waits, and says so.
    let waits = kit.restore("e.hnb", &served.data(), 0);
    assert_eq!(waits["waits_for_resume"], true);
    let line = kit.path("line");
    std::fs::write(&line, "a line\n").unwrap();
    fails(&["ledger", "append", "--data", &data, &line], 2, "may have seen more");
    fails(&["state", "resume", "--data", &data, "--anchor", &vault], 4, "ROLLBACK");
    fails(&["ledger", "append", "--data", &data, &line], 2, "may have seen more");
    std::fs::remove_dir_all(served.data()).unwrap();
    // Keys from the backup, evidence and younger keys from the vault.
    assert_eq!(kit.restore("b.hnb", &served.data(), 0)["with_evidence"], false);
    let config = served.folder.path().join("hinomi.toml").display().to_string();
    fails(&["serve", "--data", &data, "--config", &config], 2, "ledger repair");
    assert!(served.data().join("keys/evidence/signer").exists());
    let handed = kit.path("keys.hnk");
    assert!(run(&["vault", "hand-back", &vault, "--to", &kit.recipient, "--out", &handed]).status.success());
    let key = kit.path("key");
    let repair = ["ledger", "repair", "--data", &data, "--from", &vault, "--keys", &handed, "--key", &key];
    let repaired = json(&repair, 0);
    assert!(repaired["keys"].as_u64() > Some(0), "{repaired:#}");
    json(&["state", "resume", "--data", &data, "--anchor", &vault], 0);
    // It goes on where the vault is, with every record, and the vault sees one history.
    served.restart();
    assert_eq!(
        send(served.at("in", "http"), "/ndjson", &[], b"{\"message\":\"after the fire\"}\n").status,
        200
    );
    assert_eq!(served.terminate(), Some(0));
    let now: BTreeSet<String> = texts(&served.data()).into_iter().collect();
    assert!(kept.iter().all(|line| now.contains(line)) && now.len() == kept.len() + 1);
    let pulled = pull(0);
    assert_eq!(pulled["troubles"].as_array().map_or(0, Vec::len), 0, "{pulled:#}");
    replayed(&served.data());
}

#[test]
fn doctor_knows_how_old_the_last_backup_is() {
    let kit = Kit::new();
    let mut served = served();
    let data = served.data().display().to_string();
    let backup = || {
        let output = run(&["doctor", "--data", &data, "--json"]);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = found["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["check"] == "backup").unwrap()
    };
    assert_eq!(backup()["state"], "unknown", "nothing is wrong with a new one");
    kit.backup(&served.data(), "b.hnb", &[]);
    let found = backup();
    assert_eq!(
        (found["state"].as_str(), found["text"].as_str().unwrap().starts_with("0 hours")),
        (Some("ok"), true)
    );
    assert_eq!(served.terminate(), Some(0));
    std::fs::remove_file(served.data().join("last-backup.json")).unwrap();
    let month = std::time::SystemTime::now() - Duration::from_hours(24 * 30);
    let signer =
        std::fs::File::options().append(true).open(served.data().join("keys/evidence/signer")).unwrap();
    signer.set_modified(month).unwrap();
    assert_eq!(backup()["state"], "warn");
    let old = "{\"at\":\"2026-01-01T00:00:00Z\",\"to\":\"x\",\"leaves\":1}";
    std::fs::write(served.data().join("last-backup.json"), old).unwrap();
    assert_eq!(backup()["state"], "warn");
}

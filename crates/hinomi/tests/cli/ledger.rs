//! A ledger from its first record to its erasure, as a user lives it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{hinomi, stdout};

/// An empty folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ledger").join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn run(args: &[&str], code: i32) -> String {
    let output = hinomi(args);
    let said = (stdout(&output), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said:?}");
    said.0
}

fn json(args: &[&str], code: i32) -> Value {
    serde_json::from_str(&run(&[args, &["--json"]].concat(), code)).unwrap()
}

/// Records of all sources, the ledger's own among them.
fn records(data: &str) -> u64 {
    let rows = json(&["ledger", "stats", "--data", data], 0);
    rows["rows"].as_array().unwrap().iter().map(|row| row["records"].as_u64().unwrap()).sum()
}

struct Case {
    at: PathBuf,
    data: String,
    key: String,
    fingerprint: String,
}

/// Three lines of one source and a binary file, in a ledger with an erasure key.
fn case(name: &str) -> Case {
    let at = folder(name);
    let (log, image) = (at.join("auth.log"), at.join("image.bin"));
    std::fs::write(&log, "first line\nsecond line\nthird line\n").unwrap();
    std::fs::write(&image, vec![0u8; 150_000]).unwrap();
    let eraser = at.join("eraser").display().to_string();
    let public = run(&["ledger", "erasure-key", "--out", &eraser], 0);
    let data = at.join("data").display().to_string();
    let (log, image) = (log.display().to_string(), image.display().to_string());
    let append =
        ["ledger", "append", "--data", &data, "--origin", "test/1", "--erasure-key", public.trim(), &log];
    let made = json(&append, 0);
    assert_eq!((made["created"].as_bool(), made["records"].as_u64()), (Some(true), Some(3)));
    let more = json(&["ledger", "append", "--data", &data, &image], 0);
    assert_eq!((more["created"].as_bool(), more["records"].as_u64()), (Some(false), Some(3)));
    let said = |name: &str| made[name].as_str().unwrap().to_owned();
    Case { at, data, key: said("verifier_key"), fingerprint: said("fingerprint") }
}

#[test]
fn what_was_appended_is_read_proven_and_verified() {
    let case = case("life");
    let data = case.data.as_str();
    let rows = json(&["ledger", "stats", "--data", data], 0);
    let of_others = |row: &&Value| !row["source"].as_str().unwrap().starts_with("hinomi:");
    let rows: Vec<&Value> = rows["rows"].as_array().unwrap().iter().filter(of_others).collect();
    let row = |n: usize| {
        (rows[n]["source"].as_str().unwrap(), rows[n]["records"].as_u64(), rows[n]["bytes"].as_u64())
    };
    assert_eq!(row(0), ("auth.log", Some(3), Some(34)));
    assert_eq!(row(1), ("image.bin", Some(3), Some(150_000)));
    let tail = run(&["ledger", "tail", "--data", data, "-n", "6", "--json"], 0);
    let second = tail
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap())
        .find(|r| r["text"] == "second line\n");
    let reference = second.unwrap()["reference"].as_str().unwrap().to_owned();
    let bundle = case.at.join("bundle.json");
    std::fs::write(&bundle, run(&["prove", "--data", data, &reference], 0)).unwrap();
    let file = bundle.display().to_string();
    let proven = json(&["verify", "bundle", &file, "--key", &case.key], 0);
    assert_eq!(
        (proven["text"].as_str(), proven["source"].as_str()),
        (Some("second line\n"), Some("auth.log"))
    );
    // The fingerprint that the ledger printed is as good as the key, another one is not.
    json(&["verify", "bundle", &file, "--fingerprint", &case.fingerprint], 0);
    run(&["verify", "bundle", &file, "--fingerprint", "0000"], 4);
    // Nobody vouches for the key: that is no proof yet.
    assert_eq!(json(&["verify", "bundle", &file], 3)["signer_known"], false);
    let forged = std::fs::read_to_string(&bundle).unwrap().replace("c2Vjb25kIGxpbmUK", "c2Vjb25kIGxpbmQK");
    std::fs::write(&bundle, forged).unwrap();
    run(&["verify", "bundle", &file, "--key", &case.key], 4);
}

#[test]
fn damage_and_rollback_are_found_and_an_anchor_is_asked_for() {
    let case = case("damage");
    let data = case.data.as_str();
    let alone = json(&["verify", "ledger", "--data", data], 3);
    assert_eq!(alone["verdict"], "internally consistent only");
    let anchor = case.at.join("checkpoint.saved");
    std::fs::copy(case.at.join("data/evidence/log/checkpoint"), &anchor).unwrap();
    let anchor = anchor.display().to_string();
    let held = json(&["verify", "ledger", "--data", data, "--anchor", &anchor, "--key", &case.key], 0);
    assert_eq!(
        (held["anchored_size"].as_u64(), held["records"].as_u64()),
        (held["size"].as_u64(), Some(records(data)))
    );
    // One byte in the middle of the write-ahead log.
    let wal = std::fs::read_dir(case.at.join("data/evidence/wal")).unwrap().next().unwrap().unwrap().path();
    let sound = std::fs::read(&wal).unwrap();
    let used = sound.iter().rposition(|&b| b != 0).unwrap();
    let mut bytes = sound.clone();
    bytes[used / 2] ^= 1;
    std::fs::write(&wal, bytes).unwrap();
    let damaged = json(&["verify", "ledger", "--data", data, "--anchor", &anchor], 4);
    let named = damaged["findings"].as_array().unwrap().iter().any(|f| f["path"].as_str() == wal.to_str());
    assert!(named, "{damaged:#}");
    std::fs::write(&wal, sound).unwrap();
    run(&["verify", "ledger", "--data", data, "--anchor", &anchor], 0);
}

#[test]
fn an_earlier_state_put_back_is_found_against_the_anchor() {
    let case = case("rollback");
    let before = case.at.join("before");
    let copy = |from: &Path, to: &Path| {
        let _ = std::fs::remove_dir_all(to);
        assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    };
    let live = PathBuf::from(&case.data);
    copy(&live, &before);
    let log = case.at.join("auth.log").display().to_string();
    json(&["ledger", "append", "--data", &case.data, &log], 0);
    let anchor = case.at.join("checkpoint.saved");
    std::fs::copy(live.join("evidence/log/checkpoint"), &anchor).unwrap();
    copy(&before, &live);
    // In itself the old state is sound.
    json(&["verify", "ledger", "--data", &case.data], 3);
    let found = json(&["verify", "ledger", "--data", &case.data, "--anchor", anchor.to_str().unwrap()], 4);
    assert!(found["findings"][0]["what"].as_str().unwrap().contains("rolled back"), "{found:#}");
}

#[test]
fn one_day_of_one_source_is_erased_by_an_approved_order_only() {
    let case = case("erasure");
    let data = case.data.as_str();
    let stats = json(&["ledger", "stats", "--data", data], 0);
    let day = stats["rows"][0]["day"].as_str().unwrap().to_owned();
    let order = case.at.join("order");
    let erase =
        ["ledger", "erase", "--data", data, "--source", "auth.log", "--day", &day, "--reason", "request 12"];
    std::fs::write(&order, run(&erase, 0)).unwrap();
    let order_path = order.display().to_string();
    // The order itself is no approval, nor is one that another key signed.
    run(&["ledger", "erase", "--data", data, "--approval", &order_path], 3);
    let stranger = case.at.join("stranger").display().to_string();
    run(&["ledger", "erasure-key", "--out", &stranger], 0);
    let foreign = case.at.join("foreign");
    std::fs::write(&foreign, run(&["ledger", "approve", "--key", &stranger, &order_path], 0)).unwrap();
    run(&["ledger", "erase", "--data", data, "--approval", foreign.to_str().unwrap()], 4);
    let eraser = case.at.join("eraser").display().to_string();
    let approved = case.at.join("approved");
    std::fs::write(&approved, run(&["ledger", "approve", "--key", &eraser, &order_path], 0)).unwrap();
    let done = json(&["ledger", "erase", "--data", data, "--approval", approved.to_str().unwrap()], 0);
    assert_eq!(done["keys"], 1);
    let tail = run(&["ledger", "tail", "--data", data, "-n", "100", "--json"], 0);
    assert!(!tail.contains("second line"));
    assert_eq!(tail.lines().count(), 3, "the other source is still there");
    let verified = json(&["verify", "ledger", "--data", data], 3);
    assert_eq!(
        (verified["records"].as_u64(), verified["erased_blocks"].as_u64()),
        (Some(records(data) - 3), Some(1))
    );
    assert_eq!(json(&["ledger", "stats", "--data", data], 0)["rows"][0]["erased"], true);
}

#[test]
fn mistakes_are_explained() {
    let at = folder("mistakes");
    let data = at.join("none").display().to_string();
    let output = hinomi(&["ledger", "stats", "--data", &data]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ledger append"));
    let case = case("mistakes-case");
    run(&["ledger", "append", "--data", &case.data, "--origin", "other/1", "Cargo.toml"], 2);
    run(&["ledger", "append", "--data", &case.data, "no such file"], 3);
    run(&["prove", "--data", &case.data, "log:other/1/1/0"], 2);
    run(&["prove", "--data", &case.data, "log:test/1/9999/0"], 3);
}

#[test]
fn a_damaged_ledger_is_repaired_from_a_vault() {
    let case = case("repair");
    let data = case.data.as_str();
    let vault = case.at.join("vault").display().to_string();
    run(&["vault", "init", &vault, "--name", "vault.example.jp/1", "--log", &case.key], 0);
    run(&["vault", "pull", &vault, "--from", data, "--reserve", "0", "--accept-unsealed"], 0);
    let wal = case.at.join("data/evidence/wal/0000000000000001.wal");
    let sound = std::fs::read(&wal).unwrap();
    let mut bytes = sound.clone();
    let middle = sound.iter().rposition(|&b| b != 0).unwrap() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&wal, &bytes).unwrap();
    std::fs::remove_file(case.at.join("data/evidence/format")).unwrap();
    let mend = ["ledger", "repair", "--data", data, "--from", &vault];
    let planned = json(&[&mend[..], &["--dry-run"]].concat(), 0);
    let named: Vec<&str> =
        planned["files"].as_array().unwrap().iter().map(|f| f["file"].as_str().unwrap()).collect();
    assert_eq!(named, ["format", "wal/0000000000000001.wal"], "{planned:#}");
    assert_eq!(std::fs::read(&wal).unwrap(), bytes, "a dry run changes nothing");
    let done = json(&mend, 0);
    assert_eq!((done["recorded"].as_bool(), done["files"].as_array().unwrap().len()), (Some(true), 2));
    assert_eq!(done["files"][0]["from"], "vault.example.jp/1");
    let kept = case.at.join("data/evidence.damaged/wal_0000000000000001.wal.0");
    assert_eq!(std::fs::read(kept).unwrap(), bytes);
    let found = json(&["verify", "ledger", "--data", data], 3);
    assert_eq!(found["records"].as_u64(), Some(records(data)), "{found:#}");
    assert!(found["remarks"].to_string().contains("repaired from vault.example.jp/1"), "{found:#}");
    // Nothing is left to do, and a folder that is no copy is refused.
    assert_eq!(json(&mend, 0)["files"].as_array().unwrap().len(), 0);
    run(&["ledger", "repair", "--data", data, "--from", &case.at.display().to_string()], 3);
}

#[test]
fn a_vault_begins_a_new_copy_after_a_fork() {
    let case = case("restart");
    let (data, live) = (case.data.as_str(), PathBuf::from(&case.data));
    let vault = case.at.join("vault").display().to_string();
    run(&["vault", "init", &vault, "--name", "vault.example.jp/1", "--log", &case.key], 0);
    let pull = ["vault", "pull", &vault, "--from", data, "--reserve", "0", "--accept-unsealed"];
    let before = case.at.join("before");
    assert!(std::process::Command::new("cp").arg("-a").args([&live, &before]).status().unwrap().success());
    let log = case.at.join("auth.log").display().to_string();
    json(&["ledger", "append", "--data", data, &log], 0);
    run(&pull, 0);
    // Back to before, and on with something else.
    std::fs::remove_dir_all(&live).unwrap();
    std::fs::rename(&before, &live).unwrap();
    let other = case.at.join("other.log");
    std::fs::write(&other, "what is said to have happened\n").unwrap();
    json(&["ledger", "append", "--data", data, other.to_str().unwrap()], 0);
    json(&["ledger", "append", "--data", data, other.to_str().unwrap()], 0);
    run(&pull, 4);
    let restart = ["vault", "restart", &vault, "--reason", "looked at, report 7", "--name"];
    run(&[&restart[..], &["vault.example.jp/1"]].concat(), 2);
    let done = json(&[&restart[..], &["vault.example.jp/2"]].concat(), 0);
    assert_eq!(done["ended"]["reason"], "looked at, report 7");
    run(&pull, 0);
    let status = json(&["vault", "status", &vault], 0);
    assert_eq!(
        (status["history"][0]["past"].as_u64(), status["verifier_key"] == done["verifier_key"]),
        (Some(1), true)
    );
    assert!(case.at.join("vault/past/1/evidence/log/checkpoint").exists());
}

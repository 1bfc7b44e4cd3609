//! Keys sealed to a vault from the first record on, what the vault can do with its copy alone, a changed signing key, and
//! copies in an object store.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hinomi_ledger::objects::ObjectStore as _;
use hinomi_ledger::{
    Ledger, Options, Places, Record, Surroundings, SystemClock, SystemEntropy, VaultRecipient,
};
use hinomi_model::Clock as _;
use hinomi_server::s3::{S3Keys, S3Store};
use hinomi_server::{Client, Trust};
use hinomi_testkit::object_store::{ACCESS, SECRET, Seaweed, weed};
use serde_json::Value;

use crate::support::{hinomi, stdout};

fn run(args: &[&str], code: i32) -> String {
    let output = hinomi(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
    stdout(&output) + &error
}

fn json(args: &[&str], code: i32) -> Value {
    serde_json::from_str(&run(&[args, &["--json"]].concat(), code)).unwrap()
}

/// A new ledger and a vault for it; nothing is recorded yet.
struct Pair {
    at: PathBuf,
    data: String,
    vault: String,
    recipient: String,
}

impl Pair {
    fn new(name: &str) -> Self {
        let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vaults").join(name);
        let _ = std::fs::remove_dir_all(&at);
        std::fs::create_dir_all(&at).unwrap();
        let path = |name: &str| at.join(name).display().to_string();
        let (data, vault, eraser) = (path("data"), path("vault"), path("eraser"));
        let public = run(&["ledger", "erasure-key", "--out", &eraser], 0);
        let create =
            ["ledger", "create", "--data", &data, "--origin", "test/1", "--erasure-key", public.trim()];
        let made = json(&create, 0);
        run(&create, 2);
        let key = made["verifier_key"].as_str().unwrap();
        let init = json(&["vault", "init", &vault, "--name", "vault.example.jp/1", "--log", key], 0);
        let credential = init["credential"].as_str().unwrap();
        std::fs::write(at.join("data/vaults.txt"), format!("{credential}\n")).unwrap();
        let recipient = init["recipient"].as_str().unwrap().to_owned();
        Self { at, data, vault, recipient }
    }

    fn file(&self, name: &str, text: &[u8]) -> String {
        let path = self.at.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn append(&self, name: &str, text: &[u8]) -> Value {
        let path = self.file(name, text);
        json(&["ledger", "append", "--data", &self.data, &path], 0)
    }

    fn pull(&self, code: i32) -> Value {
        let pull =
            ["vault", "pull", &self.vault, "--from", &self.data, "--reserve", "0", "--erasure-delay", "0"];
        json(&pull, code)
    }

    /// Carries out the erasure of a source's only day.
    fn erase(&self, source: &str) {
        let stats = json(&["ledger", "stats", "--data", &self.data], 0);
        let row = stats["rows"].as_array().unwrap().iter().find(|row| row["source"] == source).unwrap();
        let day = row["day"].as_str().unwrap();
        let erase = ["ledger", "erase", "--data", &self.data];
        let order =
            run(&[&erase[..], &["--source", source, "--day", day, "--reason", "request 5"]].concat(), 0);
        let order = self.file("order", order.as_bytes());
        let eraser = self.at.join("eraser").display().to_string();
        let approved = run(&["ledger", "approve", "--key", &eraser, &order], 0);
        let approved = self.file("approved", approved.as_bytes());
        run(&[&erase[..], &["--approval", &approved]].concat(), 0);
    }
}

#[test]
fn a_vault_checks_and_reads_all_that_was_sealed_to_it() {
    let pair = Pair::new("sealed");
    let appended = pair.append("auth.log", b"first line\nsecond line\n");
    assert_eq!(appended["sealed_to"][0], "vault.example.jp/1");
    pair.pull(0);
    let status = json(&["vault", "status", &pair.vault], 0);
    assert_eq!((status["opaque_blocks"].as_u64(), status["alarms"].as_array().unwrap().len()), (Some(0), 0));
    // The primary is gone: the vault answers alone.
    std::fs::rename(&pair.data, pair.at.join("lost")).unwrap();
    let tail = run(&["ledger", "tail", "--data", &pair.vault, "--json"], 0);
    assert!(tail.contains("first line") && tail.contains("second line"), "{tail}");
    let reference: Value = serde_json::from_str(tail.lines().next().unwrap()).unwrap();
    let proof = run(&["prove", "--data", &pair.vault, reference["reference"].as_str().unwrap()], 0);
    let proof = pair.file("bundle.json", proof.as_bytes());
    let proven = json(&["verify", "bundle", &proof], 3);
    assert_eq!((proven["holds"].as_bool(), proven["text"].as_str()), (Some(true), Some("first line\n")));
    let sources = json(&["ledger", "sources", "--data", &pair.vault], 0);
    assert_eq!(sources["sources"][0]["source"], "auth.log");
    let read = json(&["investigate", &pair.vault, "-q"], 0);
    assert_eq!(read["ledgers"][0]["unreadable_blocks"].as_u64(), Some(0), "{read:#}");
    assert!(read["summary"]["events"].as_u64() >= Some(2));
    // It is no place to write.
    let line = pair.file("line", b"a line\n");
    assert!(run(&["ledger", "append", "--data", &pair.vault, &line], 2).contains("its own pulls"));
    assert!(run(&["verify", "ledger", "--data", &pair.vault], 2).contains("--anchor"));
}

#[test]
fn a_vault_that_comes_later_checks_what_comes_after_it() {
    let pair = Pair::new("later");
    let vaults = pair.at.join("data/vaults.txt");
    let credential = std::fs::read_to_string(&vaults).unwrap();
    std::fs::remove_file(&vaults).unwrap();
    assert_eq!(pair.append("auth.log", b"before the vault\n")["sealed_to"], serde_json::json!([]));
    std::fs::write(&vaults, credential).unwrap();
    pair.append("auth.log", b"with the vault\n");
    // The first pull takes what was there, and says how much of it cannot be looked into; the next ones need every key.
    assert!(pair.pull(0)["new_opaque_blocks"].as_u64() > Some(0));
    let opaque = json(&["vault", "status", &pair.vault], 0)["opaque_blocks"].as_u64().unwrap();
    assert!(opaque > 0);
    let output = hinomi(&["ledger", "tail", "--data", &pair.vault]);
    let (text, said) = (stdout(&output), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(text.contains("with the vault") && !text.contains("before the vault"), "{text}");
    assert!(said.contains("not sealed to this vault"), "{said}");
    pair.append("auth.log", b"later\n");
    pair.pull(0);
    assert_eq!(json(&["vault", "status", &pair.vault], 0)["opaque_blocks"].as_u64(), Some(opaque));
    // Somebody stops sealing: nothing new is accepted.
    std::fs::remove_file(&vaults).unwrap();
    pair.append("auth.log", b"unseen\n");
    assert!(pair.pull(4).to_string().contains("not_sealed"));
    assert!(!run(&["ledger", "tail", "--data", &pair.vault], 0).contains("unseen"));
}

#[test]
fn a_file_of_vaults_must_be_right_and_its_owners() {
    let pair = Pair::new("file");
    let (vaults, line) = (pair.at.join("data/vaults.txt"), pair.file("line", b"a line\n"));
    let append = ["ledger", "append", "--data", &pair.data, &line];
    let sound = std::fs::read_to_string(&vaults).unwrap();
    std::fs::write(&vaults, format!("# remark\n{sound}vault.example.jp/2 no key\n")).unwrap();
    assert!(run(&append, 2).contains("line 3"));
    std::fs::write(&vaults, sound).unwrap();
    std::fs::set_permissions(&vaults, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(run(&append, 2).contains("others can write"));
    std::fs::set_permissions(&vaults, std::fs::Permissions::from_mode(0o644)).unwrap();
    run(&append, 0);
}

#[test]
fn anchors_hold_over_a_change_of_the_signing_key_and_may_be_a_vault() {
    let pair = Pair::new("rotated");
    pair.append("auth.log", b"first line\n");
    let saved = pair.at.join("saved").display().to_string();
    std::fs::copy(pair.at.join("data/evidence/log/checkpoint"), &saved).unwrap();
    let rotate = ["ledger", "rotate-key", "--data", &pair.data, "--reason"];
    run(&[&rotate[..], &[" "]].concat(), 2);
    let new = json(&[&rotate[..], &["yearly"]].concat(), 0);
    pair.append("auth.log", b"second line\n");
    pair.pull(0);
    let verify = ["verify", "ledger", "--data", &pair.data, "--anchor"];
    assert_eq!(json(&[&verify[..], &[&saved]].concat(), 0)["verdict"], "anchored");
    // With its cosignature a checkpoint is as good as the vault, wherever it lay.
    let cosigner = json(&["vault", "status", &pair.vault], 0)["verifier_key"].as_str().unwrap().to_owned();
    let found = json(&[&verify[..], &[&pair.vault, "--witness", &cosigner]].concat(), 0);
    assert!(found["anchored_size"].as_u64() > Some(3), "{found:#}");
    assert!(run(&[&verify[..], &[&saved, "--witness", &cosigner]].concat(), 4).contains("cosigned"));
    // The vault followed to the new key by itself.
    let status = json(&["vault", "status", &pair.vault], 0);
    assert!(status["log_keys"].as_array().unwrap().contains(&new["verifier_key"]), "{status:#}");
}

/// Fills the ledger of a pair with several segments, two sources by turns.
fn fill(pair: &Pair) {
    let around = Surroundings {
        disk: Arc::new(hinomi_ledger::FileDisk),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let recipient: Vec<u8> =
        (0..32).map(|n| u8::from_str_radix(&pair.recipient[2 * n..2 * n + 2], 16).unwrap()).collect();
    let options = Options {
        threads: 0,
        wal_bytes: 32 << 10,
        vaults: vec![VaultRecipient(recipient.try_into().unwrap())],
        ..Options::default()
    };
    let places = Places::in_data_dir(Path::new(&pair.data), "evidence");
    let (ledger, _) = Ledger::open(around, places, options).unwrap();
    for round in 0..60_u32 {
        for source in ["mail01", "fw01"] {
            let record = |n: u32| {
                // Digits that do not compress.
                let noise: String = (0..40)
                    .map(|i| (round * 7 + n * 13 + i).wrapping_mul(2_654_435_761).to_string())
                    .collect();
                let bytes = format!("{source} round {round} {n} {noise}\n").into_bytes();
                Record { received_ns: SystemClock.now().as_nanos() as u64, sequence: None, bytes }
            };
            ledger.append(source, "security-evidence", (0..4).map(record).collect()).unwrap();
        }
        ledger.tick().unwrap();
    }
    ledger.pack().unwrap();
    ledger.close().unwrap();
}

struct Store {
    seaweed: Seaweed,
    keys: String,
}

impl Store {
    fn start(pair: &Pair, weed: &Path, name: &str) -> Self {
        let seaweed = Seaweed::start(weed, &pair.at.join(name));
        let keys = pair.file(&format!("{name}.keys"), format!("{ACCESS}\n{SECRET}\nus-east-1\n").as_bytes());
        Self { seaweed, keys }
    }

    fn s3(&self) -> S3Store {
        let keys = S3Keys {
            access: ACCESS.to_owned(),
            secret: SECRET.to_owned().into(),
            region: "us-east-1".to_owned(),
        };
        let client = Client::patient(&self.seaweed.s3(), Trust::Plain).unwrap();
        S3Store::new(client, "evidence", keys, Arc::new(SystemClock)).unwrap()
    }

    fn make_bucket(&self) {
        let began = Instant::now();
        while let Err(error) = self.s3().create_bucket() {
            let waited = began.elapsed();
            assert!(waited < Duration::from_mins(3), "no store: {error}\n{}", self.seaweed.log());
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn address(&self) -> String {
        format!("{}/evidence", self.seaweed.s3())
    }
}

#[test]
fn copies_in_object_stores_are_restored_and_end_with_their_keys() {
    let Some(weed) = weed() else { return };
    let pair = Pair::new("objects");
    let (one, two) = (Store::start(&pair, &weed, "a"), Store::start(&pair, &weed, "b"));
    fill(&pair);
    pair.pull(0);
    one.make_bucket();
    two.make_bucket();
    let (to, second) = (one.address(), two.address());
    let copy = [
        "vault",
        "copy",
        &pair.vault,
        "--to",
        &to,
        "--keys",
        &one.keys,
        "--second",
        &second,
        "--second-keys",
        &two.keys,
        "--check",
        "content",
    ];
    let done = json(&copy, 0);
    let segments = std::fs::read_dir(pair.at.join("vault/evidence/segments")).unwrap().count() as u64;
    assert!(segments > 3);
    for store in done["stores"].as_array().unwrap() {
        assert_eq!(store["immutable"], true, "{done:#}");
        assert!(store["copied_objects"].as_u64().unwrap() > segments, "segments, and what the ledger is");
    }
    assert_eq!(json(&copy, 0)["stores"][0]["copied_objects"], 0, "once");
    // Below the API: everything of one store. The vault's own copy puts it back.
    one.seaweed.delete_below("evidence/hinomi");
    let found = json(&copy, 4);
    assert_eq!(
        found["stores"][0]["faults"].as_array().unwrap().len() as u64,
        done["stores"][0]["copied_objects"]
    );
    assert_eq!(found["stores"][0]["lost"].as_array().unwrap().len(), 0, "{found:#}");
    assert_eq!(found["stores"][1]["faults"].as_array().unwrap().len(), 0);
    json(&copy, 0);
    // A copy that lies somewhere, and the keys of today, open everything.
    let segment = fetched(&pair, &mut one.s3());
    let before = read_with_copies(&pair, &segment);
    assert!(before.contains("mail01 round 0 ") && before.contains("fw01 round 0 "), "{before}");
    // After the erasure the same bytes open nothing of that source, neither with the primary's keys nor the vault's.
    pair.erase("mail01");
    pair.pull(0);
    let after = read_with_copies(&pair, &segment);
    assert!(!after.contains("mail01 round") && after.contains("fw01 round 0 "), "{after}");
    let held = run(&["ledger", "tail", "--data", &pair.vault, "-n", "1000"], 0);
    assert!(!held.contains("mail01 round") && held.contains("fw01 round"));
    assert_eq!(fetched(&pair, &mut one.s3()), segment, "the copy itself is locked and stays");
}

/// The first segment, as the store has it.
fn fetched(pair: &Pair, store: &mut S3Store) -> Vec<u8> {
    let journal = std::fs::read_to_string(pair.at.join("vault/copies")).unwrap();
    let of_store = journal.lines().rev().filter(|line| line.starts_with(&store.name()));
    let columns: Vec<Vec<&str>> = of_store.map(|line| line.split('\t').collect()).collect();
    let line = columns.iter().find(|c| c[1].ends_with("segments/0000000000000001.seg")).unwrap();
    let mut bytes = Vec::new();
    let mut sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    assert!(store.get(line[1], line[2], &mut sink).unwrap());
    bytes
}

/// What the primary's keys open in the ledger when its first segment is the one from the store.
fn read_with_copies(pair: &Pair, segment: &[u8]) -> String {
    std::fs::write(pair.at.join("data/evidence/segments/0000000000000001.seg"), segment).unwrap();
    run(&["ledger", "tail", "--data", &pair.data, "-n", "1000"], 0)
}

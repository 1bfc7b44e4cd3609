//! Records handed to somebody outside: provable one by one, with what is missing and whose hands they went through.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{hinomi, stdout};

struct Scene {
    at: PathBuf,
    data: String,
    out: String,
    key: String,
}

fn run(args: &[&str], code: i32) -> String {
    let output = hinomi(args);
    let said = (stdout(&output), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said:?}");
    if code == 4 { said.1 } else { said.0 }
}

fn json(args: &[&str], code: i32) -> Value {
    serde_json::from_str(&run(&[args, &["--json"]].concat(), code)).unwrap()
}

impl Scene {
    /// Two sources, appended in turns, so that each has several blocks; one of them exported.
    fn new(name: &str) -> Self {
        let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("export").join(name);
        let _ = fs::remove_dir_all(&at);
        fs::create_dir_all(&at).unwrap();
        let path = |name: &str| at.join(name).display().to_string();
        let (data, log, eraser) = (path("data"), path("web.log"), path("eraser"));
        let public = run(&["ledger", "erasure-key", "--out", &eraser], 0);
        let mut key = String::new();
        for round in 0..3 {
            fs::write(&log, format!("line {round} a\nline {round} b\r\n")).unwrap();
            let mut args = vec!["ledger", "append", "--data", &data, "--source", "web"];
            if round == 0 {
                args.extend(["--origin", "test/export", "--erasure-key", public.trim()]);
            }
            args.push(&log);
            let made = json(&args, 0);
            made["verifier_key"].as_str().unwrap().clone_into(&mut key);
            run(&["ledger", "append", "--data", &data, "--source", "db", &log], 0);
        }
        let out = path("out");
        Self { at, data, out, key }
    }

    fn export(&self, code: i32, more: &[&str]) {
        let args = [
            &["ledger", "export", "--data", &self.data, "--out", &self.out, "--case", "2026-17", "--by"][..],
            &["s.aoki", "--reason", "request of the police"],
            more,
        ];
        run(&args.concat(), code);
    }

    fn verify(&self, code: i32) -> String {
        run(&["verify", "export", &self.out, "--key", &self.key], code)
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.out).join(name)
    }

    /// Changes a file, which must be found out, and puts it back.
    fn rejects(&self, name: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let path = self.file(name);
        let before = fs::read(&path).unwrap();
        let after = change(&before);
        assert_ne!(before, after);
        fs::write(&path, after).unwrap();
        let said = self.verify(4);
        fs::write(&path, before).unwrap();
        said
    }
}

#[test]
fn an_export_proves_every_record_without_the_ledger() {
    let scene = Scene::new("whole");
    scene.export(0, &["--source", "web"]);
    fs::rename(&scene.data, scene.at.join("gone")).unwrap();
    assert_eq!(
        fs::read(scene.file("records/0001")).unwrap(),
        b"line 0 a\nline 0 b\r\nline 1 a\nline 1 b\r\nline 2 a\nline 2 b\r\n"
    );
    let found = json(&["verify", "export", &scene.out, "--key", &scene.key], 0);
    assert_eq!((found["records"].as_u64(), found["unbroken_sources"].as_u64()), (Some(6), Some(1)));
    assert_eq!((found["by"].as_str(), found["case"].as_str()), (Some("s.aoki"), Some("2026-17")));
    // Nobody vouches for the key: that is no proof yet.
    assert_eq!(json(&["verify", "export", &scene.out], 3)["signer_known"], false);
    // A key of the same name that is another.
    let other = Scene::new("whole-other");
    assert!(run(&["verify", "export", &scene.out, "--key", &other.key], 4).contains("export.bundle.json"));
}

#[test]
fn whatever_is_changed_in_an_export_is_found() {
    let scene = Scene::new("changed");
    scene.export(0, &[]);
    let replaced = |from: &'static str, to: &'static str| {
        move |bytes: &[u8]| String::from_utf8_lossy(bytes).replacen(from, to, 1).into_bytes()
    };
    assert!(scene.rejects("records/0002", replaced("line 1", "line 7")).contains("records"));
    assert!(scene.rejects("records/0002", replaced("line 0 a\n", "")).contains("records"));
    assert!(scene.rejects("records/0002", |b| [b, b"line 9\n"].concat()).contains("not what"));
    assert!(scene.rejects("manifest.json", replaced("s.aoki", "m.mori")).contains("keeps a record"));
    assert!(scene.rejects("manifest.json", replaced("2026-17", "2026-18")).contains("keeps a record"));
    assert!(
        scene.rejects("blocks.jsonl", replaced("\"received_ns\":1", "\"received_ns\":2")).contains("leaf")
    );
    assert!(scene.rejects("proofs.jsonl", replaced("\"leaf\":", "\"leaf\":9")).contains("proofs.jsonl"));
    scene.rejects("export.bundle.json", replaced("test/export", "test/expork"));
    // A block left out, with its records: the digests that the ledger keeps no longer fit.
    scene.rejects("blocks.jsonl", |bytes| {
        let at = bytes.iter().position(|b| *b == b'\n').unwrap();
        bytes[at + 1..].to_vec()
    });
    scene.verify(0);
}

#[test]
fn what_was_erased_is_named_with_its_time_and_number() {
    let scene = Scene::new("erased");
    let day = json(&["ledger", "stats", "--data", &scene.data], 0);
    let rows = day["rows"].as_array().unwrap().clone();
    let day = rows.iter().find(|r| r["source"] == "web").unwrap()["day"].as_str().unwrap().to_owned();
    let path = |name: &str| scene.at.join(name).display().to_string();
    let order = run(
        &[
            "ledger",
            "erase",
            "--data",
            &scene.data,
            "--source",
            "web",
            "--day",
            &day,
            "--reason",
            "request 12",
        ],
        0,
    );
    fs::write(path("order"), order).unwrap();
    let approved = run(&["ledger", "approve", "--key", &path("eraser"), &path("order")], 0);
    fs::write(path("approved"), approved).unwrap();
    run(&["ledger", "erase", "--data", &scene.data, "--approval", &path("approved")], 0);
    scene.export(3, &[]);
    let found = json(&["verify", "export", &scene.out, "--key", &scene.key], 3);
    let missing = found["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 3);
    assert!(missing.iter().all(|m| m["source"] == "web" && m["records"] == 2));
    assert!(missing[0]["why"].as_str().unwrap().starts_with("erased by order"));
    // A lie about how many are missing: the leaf says otherwise.
    let lie = scene.rejects("manifest.json", |b| {
        String::from_utf8_lossy(b).replacen("erased by order", "never received", 1).into_bytes()
    });
    assert!(lie.contains("keeps a record"));
}

#[test]
fn a_chain_of_custody_is_signed_bound_and_cannot_be_shortened_in_the_middle() {
    let scene = Scene::new("custody");
    scene.export(0, &[]);
    let path = |name: &str| scene.at.join(name).display().to_string();
    let mut holders = Vec::new();
    for (name, action) in [("aoki", "handed over"), ("mori", "received"), ("mori", "examined")] {
        if !Path::new(&path(name)).exists() {
            holders.push(
                run(&["ledger", "custody-key", "--name", name, "--out", &path(name)], 0).trim().to_owned(),
            );
        }
        let add =
            ["ledger", "custody", &scene.out, "--key", &path(name), "--action", action, "--note", "disk 7"];
        run(&add, 0);
    }
    let args = [
        "verify",
        "export",
        &scene.out,
        "--key",
        &scene.key,
        "--holder",
        &holders[0],
        "--holder",
        &holders[1],
    ];
    let chain = json(&args, 0)["custody"].as_array().unwrap().clone();
    let said: Vec<_> =
        chain.iter().map(|e| (e["signer"].as_str().unwrap(), e["action"].as_str().unwrap())).collect();
    assert_eq!(said, [("aoki", "handed over"), ("mori", "received"), ("mori", "examined")]);
    assert!(chain.iter().all(|e| e["signer_known"] == true));
    let one = json(&["verify", "export", &scene.out, "--key", &scene.key, "--holder", &holders[0]], 0);
    assert_eq!(one["custody"][1]["signer_known"], false);
    // An entry altered: its signature no longer holds, and the next no longer follows.
    let altered = scene.rejects("custody/0002.note", |b| {
        String::from_utf8_lossy(b).replacen("received", "returned", 1).into_bytes()
    });
    assert!(altered.contains("entry 3"), "{altered}");
    let last = scene.file("custody/0003.note");
    let note = fs::read_to_string(&last).unwrap();
    fs::write(&last, note.replacen("examined", "copied", 1)).unwrap();
    assert!(run(&args, 4).contains("entry 3"));
    fs::write(&last, note).unwrap();
    fs::remove_file(scene.file("custody/0001.note")).unwrap();
    assert!(scene.verify(4).contains("entry 1"));
}

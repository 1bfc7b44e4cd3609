//! The calendar source × day, from what was appended to what is shown.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{hinomi, stdout};

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sources").join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn run(args: &[&str]) -> String {
    let output = hinomi(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&run(&[args, &["--json"]].concat())).unwrap()
}

struct Case {
    at: PathBuf,
    data: String,
}

impl Case {
    fn new(name: &str) -> Self {
        let at = folder(name);
        let data = at.join("data").display().to_string();
        Self { at, data }
    }

    fn file(&self, name: &str, text: &[u8]) -> String {
        let path = self.at.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Appends lines `n=…` of a source that numbers them.
    fn lines(&self, source: &str, numbers: impl IntoIterator<Item = u64>) {
        let text: String = numbers.into_iter().map(|n| format!("n={n} something happened\n")).collect();
        let file = self.file("lines", text.as_bytes());
        run(&["ledger", "append", "--data", &self.data, "--source", source, "--sequence-field", "n", &file]);
    }

    fn calendar(&self) -> Value {
        json(&["ledger", "sources", "--data", &self.data])
    }
}

fn source<'v>(calendar: &'v Value, name: &str) -> &'v Value {
    let all = calendar["sources"].as_array().unwrap();
    all.iter().find(|source| source["source"] == name).unwrap()
}

/// State of the last day, which is today.
fn today(calendar: &Value, name: &str) -> (String, u64) {
    let cell = source(calendar, name)["days"].as_array().unwrap().last().unwrap();
    (cell["state"].as_str().unwrap().to_owned(), cell["missing_numbers"].as_u64().unwrap())
}

fn gaps(calendar: &Value) -> Vec<(u64, u64)> {
    let all = calendar["findings"].as_array().unwrap().iter().map(|f| &f["what"]);
    let gaps = all.filter(|what| what["finding"] == "gap");
    gaps.map(|what| (what["first"].as_u64().unwrap(), what["last"].as_u64().unwrap())).collect()
}

#[test]
fn a_gap_survives_a_kill_and_is_shown() {
    let case = Case::new("killed");
    case.lines("fw01", 1..=10);
    // Numbers 5,001 to 5,100 follow; the process is killed once they are durable.
    let mut child = Command::new(env!("CARGO_BIN_EXE_hinomi"))
        .args(["ledger", "append", "--data", &case.data, "--source", "fw01", "--sequence-field", "n", "-"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // Batches are handed in when four megabytes have come.
    let filling = "x".repeat(50_000);
    (5_001..=5_100).for_each(|n| writeln!(input, "n={n} {filling}").unwrap());
    let wal = Path::new(&case.data).join("evidence/log/checkpoint");
    let before = std::fs::read(&wal).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while std::fs::read(&wal).unwrap() == before || size(&case.data) < 8 {
        assert!(std::time::Instant::now() < deadline, "nothing was committed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Opened again: the ledger recovers, and the next lines confirm the jump in the numbers.
    case.lines("fw01", 5_085..=5_110);
    let calendar = case.calendar();
    let (state, missing) = today(&calendar, "fw01");
    assert_eq!((state.as_str(), missing), ("partial", 4_990), "{calendar:#}");
    assert_eq!(gaps(&calendar), [(11, 5_000)]);
    let finding =
        calendar["findings"].as_array().unwrap().iter().find(|f| f["what"]["finding"] == "gap").unwrap();
    // The finding is evidence itself: it can be proven.
    let reference = finding["reference"].as_str().unwrap();
    let bundle = run(&["prove", "--data", &case.data, reference]);
    let file = case.file("bundle", bundle.as_bytes());
    let proven = hinomi(&["verify", "bundle", &file, "--json"]);
    let proven: Value = serde_json::from_slice(&proven.stdout).unwrap();
    assert_eq!(
        (proven["source"].as_str(), proven["holds"].as_bool()),
        (Some("hinomi:completeness"), Some(true))
    );
    // Looking again, and opening again, finds nothing anew.
    case.lines("vpn", [2]);
    assert_eq!(gaps(&case.calendar()), [(11, 5_000)]);
    for lang in ["ja", "en"] {
        let page = run(&["ledger", "sources", "--data", &case.data, "--lang", lang]);
        let row = page.lines().find(|line| line.starts_with("fw01 ")).unwrap();
        assert!(row.ends_with('~'), "{page}");
        assert!(page.contains(reference), "{page}");
    }
}

fn size(data: &str) -> u64 {
    let note = std::fs::read_to_string(Path::new(data).join("evidence/log/checkpoint")).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// What is no gap is not shown as one: late, doubled, sent again; and is not shown as fine either.
#[test]
fn a_source_without_gaps_has_none() {
    let case = Case::new("benign");
    let sources = case.file(
        "sources.yaml",
        b"schema_version: 1\nsources:\n  fw01:\n    owner: network team\n    numbering: counter\n    redelivers: true\n",
    );
    let with = |numbers: &[u64]| {
        let text: String = numbers.iter().map(|n| format!("n={n}\n")).collect();
        let file = case.file("lines", text.as_bytes());
        let args = ["ledger", "append", "--data", &case.data, "--source", "fw01", "--sequence-field", "n"];
        run(&[&args[..], &["--sources", &sources, &file]].concat());
    };
    with(&[0, 1, 2, 4]);
    with(&[3, 5, 5, 6]);
    with(&[4, 5, 6, 7]);
    with(&[1, 0]);
    let calendar = case.calendar();
    assert_eq!(gaps(&calendar), []);
    let what: Vec<&str> = calendar["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|f| f["what"]["finding"].as_str())
        .collect();
    assert!(what.iter().all(|w| *w == "appeared" || *w == "not_running"), "{what:?}");
    assert_eq!(today(&calendar, "fw01"), ("unknown".to_owned(), 0), "the day is not over");
    assert_eq!(source(&calendar, "fw01")["owner"], "network team");
}

#[test]
fn promises_are_evidence_and_broken_ones_are_shown() {
    let case = Case::new("promises");
    let stated = |every: &str| {
        let text = format!(
            "schema_version: 1\nsources:\n  beat:\n    owner: platform team\n    heard_every: {every}\n"
        );
        case.file("sources.yaml", text.as_bytes())
    };
    let line = case.file("line", b"alive\n");
    let append = |sources: &str| {
        json(&["ledger", "append", "--data", &case.data, "--source", "beat", "--sources", sources, &line])
    };
    assert_eq!(append(&stated("1s"))["stated_sources"], 1);
    assert_eq!(append(&stated("1s"))["stated_sources"], 0);
    std::thread::sleep(std::time::Duration::from_millis(2_200));
    let calendar = case.calendar();
    assert_eq!(today(&calendar, "beat").0, "partial", "{calendar:#}");
    append(&stated("1s"));
    let calendar = case.calendar();
    let found: Vec<&str> = calendar["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|f| f["what"]["finding"].as_str())
        .collect();
    assert!(found.contains(&"silent") && found.contains(&"resumed"), "{found:?}");
    // A weaker promise does not make the past whole, and is recorded.
    assert_eq!(append(&stated("9d"))["stated_sources"], 1);
    assert_eq!(today(&case.calendar(), "beat").0, "partial");
    assert_eq!(source(&case.calendar(), "beat")["promise"]["heard_every_ns"], 9 * 86_400_000_000_000_u64);
}

#[test]
fn hostile_names_are_harmless_and_the_ledgers_own_are_refused() {
    let case = Case::new("hostile");
    let line = case.file("line", b"x\n");
    let name = "\u{1b}[2J\u{202e}fw";
    run(&["ledger", "append", "--data", &case.data, "--source", name, &line]);
    let page = run(&["ledger", "sources", "--data", &case.data]);
    assert!(
        page.contains("<1B>[2J<U+202E>fw") && !page.contains('\u{1b}') && !page.contains('\u{202e}'),
        "{page}"
    );
    assert_eq!(today(&case.calendar(), name).0, "unknown");
    for own in ["hinomi:completeness", "hinomi:clock", "hinomi:x"] {
        let refused = hinomi(&["ledger", "append", "--data", &case.data, "--source", own, &line]);
        assert_eq!(refused.status.code(), Some(2), "{own}");
    }
    let long = "é".repeat(200);
    let refused = hinomi(&["ledger", "append", "--data", &case.data, "--source", &long, &line]);
    assert_eq!(refused.status.code(), Some(2));
}

/// Chunks of a Windows event log say which events they hold.
#[test]
fn chunks_of_event_logs_are_numbered_by_their_headers() {
    let case = Case::new("chunks");
    let chunk = |first: u64, last: u64| {
        let mut bytes = b"ElfChnk\0".to_vec();
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(&first.to_le_bytes());
        bytes.extend_from_slice(&last.to_le_bytes());
        bytes.resize(65_536, 0);
        bytes
    };
    let log = |chunks: &[(u64, u64)]| {
        let mut bytes = b"ElfFile\0".to_vec();
        bytes.resize(4_096, 0);
        chunks.iter().for_each(|(first, last)| bytes.extend(chunk(*first, *last)));
        bytes
    };
    let file = case.file("Security.evtx", &log(&[(9_001, 9_090), (9_091, 9_180), (9_300, 9_400)]));
    let done = json(&["ledger", "append", "--data", &case.data, &file]);
    assert_eq!((done["records"].as_u64(), done["numbered_records"].as_u64()), (Some(4), Some(3)));
    let (state, missing) = today(&case.calendar(), "Security.evtx");
    assert_eq!((state.as_str(), missing), ("partial", 119));
    // A log that has wrapped is not in order: no gap is made up, and nothing is called complete.
    let file = case.file("wrapped.evtx", &log(&[(5_000, 5_090), (5_091, 5_180), (4_000, 4_090)]));
    let done = json(&["ledger", "append", "--data", &case.data, &file]);
    assert_eq!(
        (done["numbered_records"].as_u64(), done["wrapped_files"][0].as_str()),
        (Some(2), Some("wrapped.evtx"))
    );
    assert_eq!(today(&case.calendar(), "wrapped.evtx"), ("unknown".to_owned(), 0));
}

#[test]
fn mistakes_are_explained() {
    let case = Case::new("mistakes");
    case.lines("fw", [1]);
    let code = |args: &[&str]| hinomi(args).status.code();
    let at = ["ledger", "sources", "--data", &case.data];
    for wrong in [
        &["--from", "2026-13-01"][..],
        &["--from", "yesterday"],
        &["--from", "2026-02-02", "--to", "2026-02-01"],
        &["--from", "1970-01-01"],
    ] {
        assert_eq!(code(&[&at[..], wrong].concat()), Some(2), "{wrong:?}");
    }
    let bad = case.file("bad.yaml", b"schema_version: 1\nsources:\n  fw: {}\n");
    assert_eq!(code(&["ledger", "append", "--data", &case.data, "--sources", &bad, &bad]), Some(2));
    let none = ["ledger", "sources", "--data", &case.data, "--from", "2020-01-01", "--to", "2020-01-31"];
    let calendar = json(&none);
    let cells = source(&calendar, "fw")["days"].as_array().unwrap();
    assert_eq!(cells.len(), 31);
    assert!(cells.iter().all(|cell| cell["state"] == "unknown"), "days before it was known are not fine");
}

//! Searches over leaves that nobody derived find what searches over derived data find.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hinomi_ledger::note::{Algorithm, KeyName, SignerKey};
use hinomi_ledger::{
    Creation, ERASER_NAME, FileDisk, Ledger, Options, Places, Record, Scope, Surroundings, SystemClock,
    SystemEntropy,
};
use hinomi_testkit::seeded::Seeded;
use hinomi_testkit::soak;

use super::*;
use crate::derived::DERIVED;
use crate::framing::frames;
use crate::pages::tests::Plain;

const PATIENCE_NS: i64 = 60 * NANOS_PER_SECOND;
/// 2026-11-21.
const RECEIVED: u64 = 1_795_000_000_000_000_000;

fn eraser() -> SignerKey {
    SignerKey::from_seed(KeyName::new(ERASER_NAME).unwrap(), &[9; 32])
}

/// A ledger of files: a leaf of each, in this order.
fn ledger(folder: &Path, files: &[Vec<u8>]) -> Ledger {
    let around = Surroundings {
        disk: Arc::new(FileDisk),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let options = Options { watch: false, ..Options::default() };
    let places = Places::in_data_dir(folder, "evidence");
    let eraser = Some(*eraser().verifier(Algorithm::Ed25519).public());
    let creation = Creation { origin: "test/searches".to_owned(), eraser };
    Ledger::create(&around, &places, &creation, &options).unwrap();
    let (ledger, _) = Ledger::open(around, places, options).unwrap();
    for (number, file) in files.iter().enumerate() {
        append(&ledger, &format!("file{number}"), file);
    }
    ledger
}

fn append(ledger: &Ledger, source: &str, file: &[u8]) {
    let record = |bytes| Record { received_ns: RECEIVED, sequence: None, bytes };
    let mut records = Vec::new();
    frames(file, |batch| {
        records.extend(batch.into_iter().map(record));
        Ok(())
    })
    .unwrap();
    ledger.append(source, "hinomi", records).unwrap().wait().unwrap();
}

/// Nothing is derived but what a search asks for, and each leaf is a group.
const LAZY: Bounds = Bounds { at_once: 0, in_a_group: 1, held: 64 << 20 };
/// Everything is derived at once.
const EAGER: Bounds = Bounds { at_once: u64::MAX, in_a_group: 1, held: u64::MAX };

fn ask(searching: &Searching, query: &str) -> Result<serde_json::Value, Refused> {
    let asked = Asked {
        operation: "search",
        by: "tests",
        names: &Plain,
        parts: &[],
        query,
        body: b"",
        version: None,
        japanese: false,
    };
    searching.search(&asked).map(|found| serde_json::to_value(found).unwrap())
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// An answer of a search that is through with everything, and how often it was asked.
fn through(searching: &Searching, query: &str) -> Result<(serde_json::Value, u32), Refused> {
    let begun = Since::now();
    let mut answer = ask(searching, query)?;
    for asked in 1.. {
        assert!(begun.ns() < PATIENCE_NS, "{query}: {answer:#}");
        if answer["is_outdated"] == true && answer["is_scanning"] == false {
            answer = ask(searching, query)?;
        } else if answer["is_scanning"] == true || answer["is_counted"] == false {
            let snapshot = answer["snapshot"].as_str().unwrap().to_owned();
            answer = ask(searching, &format!("{query}&snapshot={snapshot}"))?;
        } else {
            return Ok((answer, asked));
        }
    }
    unreachable!()
}

/// References of all that a text finds, and the values of the fields.
fn found(searching: &Searching, text: &str) -> Option<(BTreeSet<String>, Vec<String>)> {
    let query = format!("limit=500&q={}", encoded(text));
    // A field that no event has.
    let (mut answer, _) = match through(searching, &query) {
        Err(Refused::Senseless(why)) if why.contains("no event has a field") => return None,
        answer => answer.unwrap(),
    };
    assert_eq!(answer["unsearched"]["records"], 0, "{text}: {answer:#}");
    let snapshot = answer["snapshot"].as_str().unwrap().to_owned();
    let (mut references, mut values) = (BTreeSet::new(), Vec::new());
    loop {
        for event in answer["events"].as_array().unwrap() {
            references.insert(event["reference"].as_str().unwrap().to_owned());
            values.push(event["raw"].as_str().unwrap().to_owned());
            let fields = event["fields"].as_object().unwrap().values();
            values.extend(fields.filter_map(|value| value.as_str().map(str::to_owned)));
        }
        let events = answer["events"].as_array().unwrap().len() as u64;
        let seen = answer["offset"].as_u64().unwrap() + events;
        assert!(events > 0 || seen >= answer["matches"].as_u64().unwrap(), "{text}: {answer:#}");
        if seen >= answer["matches"].as_u64().unwrap() {
            return Some((references, values));
        }
        answer = ask(searching, &format!("{query}&snapshot={snapshot}&offset={seen}")).unwrap();
    }
}

/// Logs in which words stand otherwise than people type them.
fn written_otherwise() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 8] = [
        br#"{"@timestamp":"2026-11-20T01:02:03Z","Hostname":"ws1","CommandLine":"\u0065vil\u002eexe \"a\\b\" C:\\Temp","User":"CORP\\mika","Nested":{"Inner":"value one","List":["alpha","beta"]}}
{"@timestamp":"2026-11-20T01:02:04Z","Hostname":"ws2","CommandLine":"plain words","Number":1234567,"Yes":true}
"#,
        // CP932: "ログオン 失敗" behind a name.
        b"2026-11-20T01:02:03Z ws3 app[4]: name=\x83\x8d\x83\x4f\x83\x49\x83\x93 \x8e\xb8\x94\x73 tail\n",
        "2026-11-20T01:02:03Z ws4 app[4]: Ｆｕｌｌ ｗｉｄｔｈ ｶﾞｲﾄﾞ 倉庫の不正アクセス straße İstanbul\n".as_bytes(),
        b"type=SYSCALL msg=audit(1795000000.123:77): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 auid=1000 uid=0 gid=0 comm=\"sh\" exe=\"/usr/bin/dash\" key=\"exec\"\n\
          type=EXECVE msg=audit(1795000000.123:77): argc=2 a0=\"sh\" a1=2F746D702F6578706C6F6974\n\
          type=PROCTITLE msg=audit(1795000000.123:77): proctitle=2F62696E2F7368002D63\n",
        b"<134>1 2026-11-20T01:02:03Z fw1 CEF - - - CEF:0|Maker|Wall|1|100|blocked \\| pipe|5|src=192.0.2.7 msg=a\\=b request=http://example.com/a%20b\n",
        b"Nov 20 01:02:03 srv1 sshd[77]: Accepted publickey for root from 192.0.2.9 port 4022 ssh2\n",
        b"time,host,message\n2026-11-20T01:02:03Z,ws5,\"quoted \"\"inner\"\" text, with comma\"\n",
        b"<Event><System><Computer>ws6</Computer></System><Data>one &amp; two &#x41;bc</Data></Event>\n",
    ];
    texts.iter().map(|text| text.to_vec()).collect()
}

/// The first lines of the logs of the example case.
fn case() -> Vec<Vec<u8>> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_none_or(|end| end != "json" && end != "gz") {
                out.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/case"), &mut paths);
    let lines = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.split_inclusive(|b| *b == b'\n').take(20).flatten().copied().collect::<Vec<u8>>()
    };
    paths.iter().map(lines).filter(|file| !file.is_empty()).collect()
}

/// Small files of corpora of other makers' formats, when they are there.
fn corpora() -> Vec<Vec<u8>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let root = std::env::var_os("HINOMI_CORPORA").map_or_else(beside, PathBuf::from);
    let mut files = Vec::new();
    for name in ["plaso_parser_samples", "ossec_rule_tests", "crowdsec_logs", "ocsf_examples"] {
        let path = root.join("l_vendor_formats").join(format!("{name}.tar.zst"));
        let Ok(packed) = std::fs::read(&path) else {
            println!("SKIPPED: {} is not there; set HINOMI_CORPORA", path.display());
            continue;
        };
        let tar = zstd::decode_all(packed.as_slice()).unwrap();
        let mut small = members(&tar);
        small.retain(|file| (40..80_000).contains(&file.len()));
        let taken = soak::rounds(3, 12);
        let step = (small.len() / taken).max(1);
        files.extend(small.into_iter().step_by(step).take(taken));
    }
    files
}

/// Contents of the regular files of a tar archive.
fn members(tar: &[u8]) -> Vec<Vec<u8>> {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(header) = tar.get(at..at + 512).filter(|header| header[0] != 0) {
        let size = String::from_utf8_lossy(&header[124..135]).into_owned();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        if matches!(header[156], 0 | b'0') {
            out.push(tar[at + 512..at + 512 + size].to_vec());
        }
        at += 512 + size.div_ceil(512) * 512;
    }
    out
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_all(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

/// A search made of values that events have.
fn made_of(values: &[String], seeded: &mut Seeded) -> String {
    let word = |seeded: &mut Seeded| {
        let value = &values[seeded.index(values.len())];
        let words: Vec<&str> =
            value.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
        if words.is_empty() { "none".to_owned() } else { words[seeded.index(words.len())].to_owned() }
    };
    let one = word(seeded);
    match seeded.index(9) {
        0 => {
            let value = values[seeded.index(values.len())].replace(['"', '*'], " ");
            let start = value.floor_char_boundary(seeded.index(value.len().max(1)));
            let end = value.floor_char_boundary((start + 2 + seeded.index(30)).min(value.len()));
            format!("\"{}\"", &value[start..end.max(start)])
        }
        1 => format!("{}*", one.chars().take(4).collect::<String>()),
        2 => format!("*{}", one.chars().skip(1).collect::<String>()),
        3 => format!("{one} {}", word(seeded)),
        4 => format!("{one} -{}", word(seeded)),
        5 => one.chars().map(|c| if c.is_ascii_alphabetic() { c.to_ascii_uppercase() } else { c }).collect(),
        6 => one
            .chars()
            .map(|c| if c.is_ascii_graphic() { char::from_u32(u32::from(c) + 0xfee0).unwrap() } else { c })
            .collect(),
        7 => format!("message:{one}"),
        _ => one,
    }
}

#[test]
fn what_is_not_derived_is_found_as_what_is() {
    let folder = tempfile::tempdir().unwrap();
    let files = [written_otherwise(), case(), corpora()].concat();
    ledger(folder.path(), &files).close().unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_all(folder.path(), copy.path());
    let lazy = Searching::bounded(folder.path().to_owned(), None, Bounds { in_a_group: 8 << 10, ..LAZY });
    let eager = Searching::bounded(copy.path().to_owned(), None, EAGER);
    let (everything, values) = found(&eager, "*").unwrap();
    assert!(
        everything.len() > 150 && values.len() > 300,
        "{} events, {} values",
        everything.len(),
        values.len()
    );
    let mut seeded = Seeded::new(7);
    let (mut hits, mut derived, mut asked, mut groups) = (0, 0, 0, 0);
    let rounds = soak::rounds(8, 600);
    let fixed =
        ["evil.exe", "失敗", "ガイド", "/tmp/exploit", "Abc", "*", "host:ws2", "nowhere", "nofield:x"];
    let made = (0..rounds).map(|_| made_of(&values, &mut seeded));
    for text in fixed.iter().map(|text| (*text).to_owned()).chain(made) {
        let expected = found(&eager, &text);
        let got = found(&lazy, &text);
        let own = lazy.standing.forget_found();
        groups = groups.max(own);
        derived += own;
        asked += 1;
        let place = |found: Option<(BTreeSet<String>, Vec<String>)>| {
            found.map(|(references, _)| references).unwrap_or_default()
        };
        let (expected, got) = (place(expected), place(got));
        assert_eq!(got, expected, "{text:?}");
        hits += usize::from(!expected.is_empty());
    }
    // Most searches find something, and most groups are not derived for one; `*` needs all of them.
    assert!(hits * 2 > rounds, "{hits} of {rounds} searches found something");
    assert!(
        groups > 5 && derived * 2 < asked * groups,
        "{derived} of {asked} times {groups} groups were derived"
    );
}

#[test]
fn hostile_leaves_stall_nothing_and_are_not_lost_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let plain = |word: &str| format!("2026-11-20T01:02:03Z ws4 app[4]: {word} end\n").into_bytes();
    let long = [plain("a").as_slice(), b"longword ", &vec![b'y'; 4 << 20], b"\n"].concat();
    let archive = [&b"PK\x03\x04"[..], &vec![7; 30_000]].concat();
    let damaged = [&b"ElfFile\0"[..], &vec![0; 4088], b"ElfChnk\0", &vec![0xa5; 65_528]].concat();
    let junk: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let files = [plain("oldestword"), long, archive, damaged, junk, vec![b'{'; 100_000], plain("newestword")];
    ledger(folder.path(), &files).close().unwrap();
    let searching = Searching::bounded(folder.path().to_owned(), None, LAZY);
    for word in ["oldestword", "newestword", "longword"] {
        let (references, _) = found(&searching, word).unwrap();
        assert_eq!(references.len(), 1, "{word}");
    }
    let (answer, _) = through(&searching, "q=nowherehere").unwrap();
    assert_eq!((&answer["matches"], &answer["unsearched"]["records"]), (&0.into(), &0.into()), "{answer:#}");
    // What could not be read is counted, though nothing of it was derived.
    assert!(answer["coverage"]["losses"].as_u64() > Some(0), "{answer:#}");
    assert_eq!(answer["is_complete"], false);
}

#[test]
fn what_is_more_than_is_held_stays_unsearched_and_narrower_words_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = |n: usize| {
        let line = |m: usize| format!("2026-11-20T01:02:{m:02}Z ws{n} app[4]: common file{n} line{n}x{m}\n");
        (0..50).map(line).collect::<String>().into_bytes()
    };
    let files: Vec<Vec<u8>> = (0..8).map(file).collect();
    ledger(folder.path(), &files).close().unwrap();
    let searching = Searching::bounded(folder.path().to_owned(), None, Bounds { held: 7_500, ..LAZY });
    let (answer, _) = through(&searching, "q=common").unwrap();
    let (matches, left) =
        (answer["matches"].as_u64().unwrap(), answer["unsearched"]["records"].as_u64().unwrap());
    assert!(matches >= 100 && left >= 100 && matches + left == 400, "{answer:#}");
    assert!(answer["events"][0]["raw"].as_str().unwrap().contains("file7"), "{answer:#}");
    assert_eq!((&answer["is_scanning"], &answer["is_complete"]), (&false.into(), &false.into()));
    let (answer, _) = through(&searching, "q=common%20line0x7").unwrap();
    assert_eq!((&answer["matches"], &answer["unsearched"]["records"]), (&1.into(), &0.into()), "{answer:#}");
    let (answer, _) = through(&searching, "q=common&until=2026-11-20T01:00:00Z").unwrap();
    assert_eq!((&answer["matches"], &answer["unsearched"]["records"]), (&0.into(), &0.into()), "{answer:#}");
    // A snapshot goes on as it is when what it has went to make room for others.
    let (first, _) = through(&searching, "q=file7&limit=10").unwrap();
    through(&searching, "q=file0").unwrap();
    through(&searching, "q=file1").unwrap();
    through(&searching, "q=file2").unwrap();
    let snapshot = first["snapshot"].as_str().unwrap();
    let next = ask(&searching, &format!("q=file7&limit=10&offset=40&snapshot={snapshot}")).unwrap();
    let last = next["events"][9]["raw"].as_str().unwrap();
    assert!(last.ends_with("line7x0"), "{next:#}");
}

/// Asks until a word finds so many events.
fn until_found(searching: &Searching, word: &str, events: usize) {
    let begun = Since::now();
    while found(searching, word).unwrap().0.len() != events {
        assert!(begun.ns() < PATIENCE_NS, "{word}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_comes_meanwhile_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let line = |word: &str| format!("2026-11-20T01:02:03Z ws4 app[4]: {word} end\n").into_bytes();
    let ledger = ledger(folder.path(), &[line("first"), line("second")]);
    let searching = Searching::bounded(folder.path().to_owned(), None, LAZY);
    until_found(&searching, "second", 1);
    append(&ledger, "late", &line("third"));
    until_found(&searching, "third", 1);
    assert_eq!(found(&searching, "first").unwrap().0.len(), 1);
    ledger.close().unwrap();
}

/// What is searched and what lines are read from are two views of one ledger, and either may be ahead.
#[test]
fn what_came_after_the_evidence_was_looked_at_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let line = |word: &str| format!("2026-11-20T01:02:03Z ws4 app[4]: {word} end\n").into_bytes();
    let ledger = ledger(folder.path(), &[line("first"), line("second")]);
    let searching = Searching::bounded(folder.path().to_owned(), None, LAZY);
    until_found(&searching, "second", 1);
    // Until a new view has it; the view of the evidence is older then, that of searches will be newer.
    std::thread::sleep(Duration::from_millis(1100));
    let size = |evidence: &Evidence| evidence.with(|opened| Ok(opened.reader.size())).unwrap();
    let known = size(&searching.evidence);
    append(&ledger, "late", &line("third"));
    while size(&Evidence::new(folder.path().to_owned())) == known {
        std::thread::sleep(Duration::from_millis(5));
    }
    until_found(&searching, "third", 1);
    ledger.close().unwrap();
}

/// Whatever was found of it before, and wherever it was derived to.
#[test]
fn what_is_erased_is_gone_at_the_next_look() {
    const NS_PER_DAY: u64 = 86_400_000_000_000;
    let folder = tempfile::tempdir().unwrap();
    let line = |word: &str| format!("2026-11-20T01:02:03Z ws4 app[4]: shared {word} end\n").into_bytes();
    let ledger = ledger(folder.path(), &[line("kept"), line("erasedword"), line("last")]);
    let searching = Searching::bounded(folder.path().to_owned(), None, LAZY);
    until_found(&searching, "erasedword", 1);
    until_found(&searching, "last", 1);
    let (before, _) = through(&searching, "q=shared&limit=1").unwrap();
    assert_eq!(before["matches"], 3, "{before:#}");
    let derived = || -> BTreeSet<PathBuf> {
        let fresh = std::fs::read_dir(folder.path().join(DERIVED).join(fresh::FRESH)).unwrap();
        fresh.map(|entry| entry.unwrap().path()).collect()
    };
    let old = derived();
    assert!(!old.is_empty());
    let day = (RECEIVED / NS_PER_DAY) as u32;
    let scope = Scope { source: "file1".to_owned(), class: "hinomi".to_owned(), day };
    let order = ledger.erasure_order(&scope, "request 9").unwrap();
    ledger.erase(order.approve(&eraser()).unwrap().as_bytes()).unwrap();
    until_found(&searching, "erasedword", 0);
    let (references, values) = found(&searching, "shared").unwrap();
    assert_eq!(references.len(), 2, "{values:?}");
    assert!(values.iter().all(|value| !value.contains("erasedword")), "{values:?}");
    // What somebody has open goes on without it, or not at all.
    let snapshot = before["snapshot"].as_str().unwrap();
    let on = ask(&searching, &format!("q=shared&limit=10&offset=0&snapshot={snapshot}"));
    assert!(!format!("{on:?}").contains("erasedword"), "{on:?}");
    assert!(old.is_disjoint(&derived()), "{old:?}");
    ledger.close().unwrap();
}

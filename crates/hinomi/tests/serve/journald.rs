//! systemd-journal-upload, unmodified, and bodies near to what it sends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use hinomi_columns::{Projection, Store, ValueKind};
use hinomi_ingest::{Decode, JournalDecoder, JsonDecoder, Unit};
use hinomi_model::Diagnostics;
use hinomi_testkit::seeded::Seeded;
use tempfile::TempDir;

use crate::senders::numbers;
use crate::support::{PATIENCE, Served, TOKEN, certificates, command, free_port, program, send};

const REMOTE: &str = "/lib/systemd/systemd-journal-remote";
const UPLOAD: &str = "/lib/systemd/systemd-journal-upload";
const JOURNALCTL: &str = "/usr/bin/journalctl";
const KIND: [(&str, &str); 1] = [("content-type", "application/vnd.fdo.journal")];

/// Entries with these numbers in the export format: some with values of many lines, some with bytes that are no text.
fn export(numbers: std::ops::Range<usize>) -> Vec<u8> {
    let mut out = Vec::new();
    for n in numbers {
        let time = 1_772_413_323_000_000_u64 + n as u64 * 1_000;
        let head = format!(
            "__REALTIME_TIMESTAMP={time}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID=0123456789abcdef0123456789abcdef\n\
             _HOSTNAME=web1\nSYSLOG_IDENTIFIER={}\n_PID={n}\n",
            1_000_000 + n * 1_000,
            ["sshd", "app", "sudo"][n % 3]
        );
        out.extend_from_slice(head.as_bytes());
        let value = match n % 5 {
            0 => format!("message number {n} \n\n__CURSOR=forged\n\nof \u{706b}\n").into_bytes(),
            1 => [format!("message number {n} ").as_bytes(), b"\x1b[1m\xff\0"].concat(),
            _ => {
                out.extend_from_slice(format!("MESSAGE=message number {n} \"quoted\" \\\n\n").as_bytes());
                continue;
            }
        };
        out.extend_from_slice(&binary("MESSAGE", &value));
        out.push(b'\n');
    }
    out
}

fn binary(name: &str, value: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b"\n", &(value.len() as u64).to_le_bytes(), value, b"\n"].concat()
}

/// A journal of the real kind in a folder, or `None` after saying that the test is skipped.
fn journal(folder: &Path) -> Option<PathBuf> {
    for needed in [REMOTE, UPLOAD, JOURNALCTL] {
        program(&[needed])?;
    }
    Some(folder.join("sent.journal"))
}

/// Writes entries to a journal.
fn write(journal: &Path, entries: &[u8]) {
    let mut remote = Command::new(REMOTE);
    let mut remote = remote
        .arg("--output")
        .arg(journal)
        .arg("-")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    remote.stdin.take().unwrap().write_all(entries).unwrap();
    assert!(remote.wait().unwrap().success());
}

/// Runs the uploader until it ends.
fn upload(journal: &Path, url: &str, more: &[&str]) -> Output {
    let mut upload = Command::new(UPLOAD);
    upload.arg(format!("--url={url}")).arg(format!("--file={}", journal.display())).args(more);
    upload.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Each event as kind and fields, in order.
fn events(decoder: &mut impl Decode, bytes: &[u8]) -> Vec<BTreeMap<String, Vec<String>>> {
    let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
    let mut diagnostics = Diagnostics::default();
    decoder.decode(&Unit::whole("j", bytes.to_vec()), &mut store, &mut diagnostics);
    assert!(diagnostics.entries().is_empty(), "{:?}", diagnostics.entries());
    let mut events = Vec::new();
    for batch in store.batches() {
        let kind = store.kinds().kind(batch.shape().kind).unwrap().name();
        for (row, header) in batch.rows().iter().enumerate() {
            let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for field in batch.fields() {
                let (dictionary, value) = (store.dictionary(*field).unwrap(), batch.cell(row, *field));
                let texts = match dictionary.kind(value) {
                    ValueKind::List => {
                        dictionary.elements(value).map(|e| dictionary.str(e).to_owned()).collect()
                    }
                    _ => vec![dictionary.str(value).to_owned()],
                };
                fields.insert(store.fields().name(*field).to_owned(), texts);
            }
            fields.insert("kind".to_owned(), vec![kind.clone()]);
            fields.insert("time".to_owned(), vec![format!("{:?}", header.time)]);
            events.push((header.offset, fields));
        }
    }
    events.sort_by_key(|(offset, _)| *offset);
    events.into_iter().map(|(_, fields)| fields).collect()
}

fn listen(at: &str, more: &str) -> String {
    format!("[[listen]]\nname = \"h\"\nat = \"{at}\"\nreceive = [\"http\"]\n{more}")
}

#[test]
fn entries_come_as_they_are_in_the_journal_and_read_as_its_own_json() {
    let folder = TempDir::new().unwrap();
    let Some(journal) = journal(folder.path()) else { return };
    write(&journal, &export(0..1_000));
    let mut served = Served::start(&listen("127.0.0.1:0", ""));
    let url = format!("http://any:{TOKEN}@{}", served.at("h", "http"));
    let done = upload(&journal, &url, &["--follow=no"]);
    assert!(done.status.success(), "{}", said(&done));
    let records = served.records();
    let records = &records["h/journal/tests@127.0.0.1"];
    assert_eq!(numbers(records), (0..1_000).collect::<Vec<_>>());
    let print = |form: &str| {
        let printed = Command::new(JOURNALCTL)
            .args(["--quiet", "--all", "--utc", "-o", form, "--file"])
            .arg(&journal)
            .output()
            .unwrap();
        printed.stdout
    };
    let received = events(&mut JournalDecoder::new(), &records.concat());
    let printed = events(&mut JsonDecoder::new(), &print("json"));
    assert_eq!(received.len(), 1_000);
    for (received, printed) in received.iter().zip(&printed) {
        assert_eq!(received, printed);
    }
    assert_eq!(events(&mut JournalDecoder::new(), &print("export")), printed, "a file of it reads alike");
    investigated(&served.data(), folder.path(), &print("export"));
}

/// What is received, and a file of the same, is found by rules.
fn investigated(data: &Path, folder: &Path, export: &[u8]) {
    std::fs::write(folder.join("journal.export"), export).unwrap();
    let rule = "title: forged\nid: 5a3b1c1e-5a57-4a0e-8d4e-111111111111\nstatus: test\nlevel: high\n\
        logsource: {product: linux}\ndetection: {a: {MESSAGE|contains: \"__CURSOR=forged\"}, condition: a}\n";
    std::fs::write(folder.join("rule.yml"), rule).unwrap();
    let rules = folder.join("rule.yml");
    for what in [data, &folder.join("journal.export")] {
        let args = ["investigate", what.to_str().unwrap(), "--rules", rules.to_str().unwrap(), "--json"];
        let report = command(&args).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
        assert_eq!(report["summary"]["events"], 1_000, "{report:#}");
        assert_eq!(report["summary"]["detections"]["high"], 200, "{report:#}");
    }
}

#[test]
fn a_certificate_does_as_well_as_a_token() {
    let folder = TempDir::new().unwrap();
    let (Some(journal), Some(())) = (journal(folder.path()), certificates(folder.path())) else { return };
    write(&journal, &export(0..50));
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (ca, certificate, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let mut served = Served::start(&format!(
        "[[listen]]\nname = \"s\"\nat = \"127.0.0.1:0\"\nreceive = [\"https\"]\nby_address = false\n\
         tls = {{ certificate = {:?}, key = {:?}, clients = {ca:?} }}\n",
        file("server.pem"),
        file("server.key")
    ));
    let url = format!("https://{}", served.at("s", "https"));
    let with = [format!("--key={key}"), format!("--cert={certificate}"), format!("--trust={ca}")];
    let done = upload(&journal, &url, &[&with[0], &with[1], &with[2], "--follow=no"]);
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(numbers(&served.records()["s/journal/web01.example.jp"]), (0..50).collect::<Vec<_>>());
}

#[test]
fn killed_while_it_receives_nothing_that_the_uploader_ticked_off_is_missing() {
    const PART: usize = 3_000;
    let folder = TempDir::new().unwrap();
    let Some(journal) = journal(folder.path()) else { return };
    let port = free_port();
    let mut served = Served::start(&listen(&format!("127.0.0.1:{port}"), "events_per_second = 2500\n"));
    let url = format!("http://any:{TOKEN}@127.0.0.1:{port}");
    let state = folder.path().join("state");
    let save = format!("--save-state={}", state.display());
    let (mut broken, mut sent) = (0, 0);
    for round in 0..4 {
        write(&journal, &export(sent..sent + PART));
        sent += PART;
        if round % 2 == 1 {
            let ticked_off = std::fs::read_to_string(&state).unwrap();
            std::thread::scope(|scope| {
                let running = scope.spawn(|| upload(&journal, &url, &["--follow=no", &save]));
                served.await_figure("hinomi_source_events_total", "h/journal", (PART / 10) as u64);
                served.kill();
                broken += usize::from(!running.join().unwrap().status.success());
            });
            assert_eq!(
                std::fs::read_to_string(&state).unwrap(),
                ticked_off,
                "nothing of it was acknowledged"
            );
            served.restart();
        }
        let done = upload(&journal, &url, &["--follow=no", &save]);
        assert!(done.status.success(), "{}", said(&done));
        // What it has ticked off now outlives what comes next.
        served.kill();
        served.restart();
    }
    assert_eq!(broken, 2, "uploads broke off");
    let came = numbers(&served.records()["h/journal/tests@127.0.0.1"]);
    let kept: BTreeSet<usize> = came.iter().copied().collect();
    assert_eq!(kept, (0..sent).collect());
    let again = came.len() - kept.len();
    println!("{sent} entries, none missing, {again} are repetitions");
    let data = served.data();
    let said = command(&["ledger", "repeats", "--data", data.to_str().unwrap(), "--json"]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    // This uploader sends the entry at its saved place once more whenever it goes on.
    let count = |name: &str| said["sources"][0][name].as_u64().unwrap();
    assert_eq!((count("again_in_runs") + count("again_alone"), count("runs")), (again as u64, 2), "{said:#}");
}

#[test]
fn an_entry_too_large_for_a_record_is_kept_in_blocks_and_read_as_one() {
    let folder = TempDir::new().unwrap();
    let mut served = Served::start(&format!("[limits]\nmessage_kib = 64\n{}", listen("127.0.0.1:0", "")));
    let large = binary("MESSAGE", &[&b"\n\n\xff"[..], &vec![b'x'; 1 << 20], b"needle"].concat());
    let entry = |n: u32, more: &[u8]| {
        [format!("__REALTIME_TIMESTAMP=177241332300000{n}\n_HOSTNAME=web1\n").as_bytes(), more, b"\n"]
            .concat()
    };
    let body = [entry(1, b"MESSAGE=a\n"), entry(2, &large), entry(3, b"MESSAGE=c\n")].concat();
    let answer = send(served.at("h", "http"), "/upload", &KIND, &body);
    assert_eq!((answer.status, answer.json()["kept"].as_u64()), (200, Some(2 + 17)));
    let records = served.records();
    let records = &records["h/journal/tests@127.0.0.1"];
    assert_eq!(records.concat(), body);
    assert_eq!(records[1].len(), 65_536);
    let rule = "title: needle\nid: 5a3b1c1e-5a57-4a0e-8d4e-111111111112\nstatus: test\nlevel: high\n\
        logsource: {product: linux}\ndetection: {a: {MESSAGE|endswith: needle}, condition: a}\n";
    std::fs::write(folder.path().join("rule.yml"), rule).unwrap();
    let rules = folder.path().join("rule.yml");
    let data = served.data();
    let report =
        command(&["investigate", data.to_str().unwrap(), "--rules", rules.to_str().unwrap(), "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&{ report }.output().unwrap().stdout).unwrap();
    assert_eq!(
        (&report["summary"]["events"], &report["summary"]["detections"]["high"]),
        (&3.into(), &1.into())
    );
}

#[test]
fn entries_are_looked_at_while_they_arrive() {
    let folder = TempDir::new().unwrap();
    let rule = "title: A needle\nid: 5a3b1c1e-5a57-4a0e-8d4e-111111111113\nstatus: test\nlevel: high\n\
        logsource: {product: linux}\ndetection: {a: {MESSAGE|contains: \"needle 7\"}, condition: a}\n";
    std::fs::write(folder.path().join("rule.yml"), rule).unwrap();
    let detection = format!("[detection]\nrules = [{:?}]\n", folder.path().join("rule.yml"));
    let mut served = Served::start(&format!("{detection}{}", listen("127.0.0.1:0", "")));
    let at = served.at("h", "http");
    for n in 0..9_u32 {
        let head = format!("__REALTIME_TIMESTAMP=177241332300000{n}\n_HOSTNAME=web1\n");
        let message = binary("MESSAGE", format!("two lines\n\nneedle {n}").as_bytes());
        let body = [head.as_bytes(), &message, b"\n"].concat();
        assert_eq!(send(at, "/upload", &KIND, &body).status, 200);
    }
    let line = served.wait_for_line("detection");
    assert_eq!((&line["title"], &line["host"]), (&"A needle".into(), &"web1".into()), "{line}");
    assert!(line["evidence"].as_str().unwrap().starts_with("log:hinomi/"), "{line}");
}

#[test]
fn what_is_no_journal_is_refused_and_what_came_before_is_kept() {
    let mut served = Served::start(&listen("127.0.0.1:0", ""));
    let at = served.at("h", "http");
    assert_eq!(send(at, "/upload", &[], b"A=1\n\n").status, 415);
    let packed = [KIND[0], ("content-encoding", "gzip")];
    assert_eq!(send(at, "/upload", &packed, b"A=1\n\n").status, 415);
    assert_eq!(send(at, "/upload", &KIND, b"A=1\n\n{\"not\":1}\n").status, 400);
    assert_eq!(send(at, "/upload", &KIND, b"B=1\n\nA\n\x09\0\0").status, 400, "it ends inside a field");
    assert_eq!(send(at, "/upload", &KIND, b"").json()["kept"], 0);
    assert_eq!(send(at, "/upload", &KIND, b"C=1\n").json()["kept"], 1);
    let sound = export(0..30);
    let mut random = Seeded::new(3);
    let rounds = hinomi_testkit::soak::rounds(100, 5_000);
    for _ in 0..rounds {
        let mut body = sound.clone();
        for _ in 0..=random.below(4) {
            if body.is_empty() {
                break;
            }
            let at = random.index(body.len());
            match random.below(3) {
                0 => body[at] = random.next_u64() as u8,
                1 => drop(body.drain(at..(at + random.index(500)).min(body.len()))),
                _ => body.truncate(at + 1),
            }
        }
        let status = send(at, "/upload", &KIND, &body).status;
        assert!(matches!(status, 200 | 400), "{status}");
    }
    assert_eq!(served.admin("/healthz").0, 200);
    let records = served.records();
    let records = &records["h/journal/tests@127.0.0.1"];
    assert_eq!(records[..3], [b"A=1\n\n".to_vec(), b"B=1\n\n".to_vec(), b"C=1\n\n".to_vec()]);
    assert!(records.iter().all(|record| record.ends_with(b"\n\n")), "whole entries only");
}

#[test]
fn a_body_without_end_is_kept_while_it_comes() {
    let mut served = Served::start(&format!(
        "[limits]\nbody_mib = 1\nunpacked_mib = 4\nmemory_mib = 48\nsource_memory_mib = 16\n{}",
        listen("127.0.0.1:0", "")
    ));
    let mut stream = TcpStream::connect(served.at("h", "http")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /upload HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ntransfer-encoding: chunked\r\n\
         content-type: application/vnd.fdo.journal\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let since = Instant::now();
    let piece = export(0..500);
    let rounds = 60;
    for _ in 0..rounds {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).unwrap();
        stream.write_all(&[&piece[..], b"\r\n"].concat()).unwrap();
    }
    // Far more than a body that is read whole may have, and durable before it ends.
    served.await_figure("hinomi_source_events_total", "h/journal", rounds * 500);
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = [0; 512];
    let read = stream.read(&mut answer).unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
    println!("{} bytes in {:?}", piece.len() * rounds as usize, since.elapsed());
    let sent = piece.repeat(rounds as usize);
    assert!(served.records()["h/journal/tests@127.0.0.1"].concat() == sent, "byte for byte");
}

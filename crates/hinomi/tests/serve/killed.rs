//! The server killed again and again under load: what it acknowledged is there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::proxy;
use crate::senders::{Rsyslog, bulk_action, numbers};
use crate::support::{Served, TOKEN, command, free_port, try_ask};

const KILLS: usize = 10;
const PER_REQUEST: usize = 100;

/// A sender of our own: numbered lines, each request again until it is acknowledged. How many requests were
/// acknowledged, and how often one had to be sent again.
fn deliver(at: std::net::SocketAddr, stop: &AtomicBool) -> (usize, usize) {
    let bearer = format!("Bearer {TOKEN}");
    let (mut acknowledged, mut again) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let body = (0..PER_REQUEST).fold(String::new(), |mut body, n| {
            let _ = writeln!(body, "message number {} ", acknowledged * PER_REQUEST + n);
            body
        });
        let answer = try_ask(at, "POST", "/ndjson", &[("authorization", &bearer)], body.as_bytes());
        if answer.is_some_and(|answer| answer.status == 200) {
            acknowledged += 1;
            // No more than repetitions are looked for in: 200,000 records.
            thread::sleep(Duration::from_millis(2));
        } else {
            again += 1;
            thread::sleep(Duration::from_millis(20));
        }
    }
    (acknowledged, again)
}

/// Fails when something acknowledged is missing, and says how many records are repetitions.
fn all_came(what: &str, records: &[Vec<u8>], acknowledged: &BTreeSet<usize>, identified: u64) {
    let came = numbers(records);
    let kept: BTreeSet<usize> = came.iter().copied().collect();
    let missing: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(missing.is_empty(), "{what}: {} are missing, first {:?}", missing.len(), missing.first());
    let (count, again) = (acknowledged.len(), came.len() - kept.len());
    println!("{what}: {count} acknowledged, none missing, {again} records are repetitions");
    assert_eq!(identified, again as u64, "{what}: repetitions are known");
}

/// Records of a source that came again, as the ledger says.
fn came_again(served: &Served, source: &str) -> u64 {
    let data = served.data();
    let done = command(&["ledger", "repeats", "--data", data.to_str().unwrap(), "--json"]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let of = said["sources"].as_array().unwrap().iter().find(|of| of["source"] == source).unwrap();
    assert_eq!(of["not_compared"], 0);
    of["again_in_runs"].as_u64().unwrap() + of["again_alone"].as_u64().unwrap()
}

#[test]
fn killed_ten_times_under_load_nothing_acknowledged_is_missing() {
    let port = free_port();
    let mut served = Served::start(&format!(
        "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:{port}\"\nreceive = [\"http\"]\n"
    ));
    let at = served.at("h", "http");
    let (proxy, noted) = proxy::start(at);
    let rsyslog = Rsyslog::prepare(&["imfile", "omelasticsearch"], "", &bulk_action(proxy));
    let running = rsyslog.as_ref().map(Rsyslog::start);
    let (stop, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (acknowledged, again) = thread::scope(|scope| {
        let own = scope.spawn(|| deliver(at, &stop));
        let writer = rsyslog.as_ref().map(|rsyslog| scope.spawn(|| write_on(rsyslog, &stop, &written)));
        for kill in 0..KILLS {
            thread::sleep(Duration::from_millis(400 + 137 * (kill as u64 % 4)));
            served.kill();
            served.restart();
        }
        thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        writer.into_iter().for_each(|writer| writer.join().unwrap());
        own.join().unwrap()
    });
    assert!(
        acknowledged > 2 * KILLS && again >= KILLS / 2,
        "{acknowledged} acknowledged, {again} sent again"
    );
    if running.is_some() {
        wait_for_rsyslog(&served);
    }
    drop(running);
    let records = served.records();
    let own = (0..acknowledged * PER_REQUEST).collect();
    let source = "h/ndjson/tests@127.0.0.1";
    all_came("own sender", &records[source], &own, came_again(&served, source));
    if rsyslog.is_some() {
        let documents = noted.lock().unwrap().iter().flat_map(|body| documents(body)).collect::<Vec<_>>();
        let noted: BTreeSet<usize> = numbers(&documents).into_iter().collect();
        let source = "h/bulk/tests@127.0.0.1";
        all_came("rsyslog", &records[source], &noted, came_again(&served, source));
        let written = written.load(Ordering::Relaxed);
        // When a connection breaks, this sender tries the messages of its batch one by one and gives some up.
        println!("rsyslog: {} of {written} lines were never delivered by it", written - noted.len());
        assert!(noted.len() * 100 > written * 99);
    }
}

/// The documents in a body.
fn documents(body: &[u8]) -> Vec<Vec<u8>> {
    let lines = body.split(|b| *b == b'\n').filter(|line| line.starts_with(b"{\"message\""));
    lines.map(<[u8]>::to_vec).collect()
}

/// Writes numbered lines for rsyslog to read.
fn write_on(rsyslog: &Rsyslog, stop: &AtomicBool, written: &AtomicUsize) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(rsyslog.input()).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let from = written.load(Ordering::Relaxed);
        let lines: String = (from..from + 200).map(|n| format!("message number {n} of many\n")).collect();
        file.write_all(lines.as_bytes()).unwrap();
        written.store(from + 200, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until nothing more comes from rsyslog, which tries again after a second at first, and later after longer.
fn wait_for_rsyslog(served: &Served) {
    let count = || served.figure("hinomi_source_events_total", "h/bulk");
    let (mut last, mut quiet) = (count(), 0);
    while quiet < 24 {
        thread::sleep(Duration::from_millis(500));
        let now = count();
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
    }
}

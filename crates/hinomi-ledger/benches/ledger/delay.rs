//! How long a single event waits for its acknowledgement, and for the checkpoint that covers it.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use hinomi_ledger::{Options, Record, Ticket};

use crate::lines::lines;
use crate::measure::{Home, now_ns, percentile};

pub fn run() {
    let lines = lines(64 << 20);
    println!("delay: events handed in one by one; milliseconds");
    for (rate, seconds) in [(50, 10), (5_000, 5), (0, 5)] {
        at_rate(&lines, rate, seconds);
    }
}

/// Hands in `rate` events a second (as many as it takes for 0).
fn at_rate(lines: &[Vec<u8>], rate: u64, seconds: u64) {
    let options = Options { threads: 2, ..Options::default() };
    let home = Home::new(&options);
    let ledger = home.open(&options);
    let (to_ack, acks) = mpsc::channel::<(Instant, Ticket)>();
    let (to_commit, commits) = mpsc::channel::<(Instant, Ticket)>();
    let acknowledged = std::thread::spawn(move || {
        let mut delays = Vec::new();
        for (since, ticket) in acks {
            ticket.wait().unwrap();
            delays.push(since.elapsed());
            to_commit.send((since, ticket)).unwrap();
        }
        delays
    });
    let committed = std::thread::spawn(move || {
        let mut delays = Vec::new();
        for (since, ticket) in commits {
            ticket.wait_committed().unwrap();
            delays.push(since.elapsed());
        }
        delays
    });
    let start = Instant::now();
    let mut sent = 0_u64;
    while start.elapsed() < Duration::from_secs(seconds) {
        let due = Duration::from_nanos((sent * 1_000_000_000).checked_div(rate).unwrap_or(0));
        if let Some(early) = due.checked_sub(start.elapsed()) {
            std::thread::sleep(early);
        }
        let bytes = lines[sent as usize % lines.len()].clone();
        let record = Record { received_ns: now_ns(), sequence: None, bytes };
        let since = Instant::now();
        let ticket = ledger.append("source", "security-evidence", vec![record]).unwrap();
        to_ack.send((since, ticket)).unwrap();
        sent += 1;
    }
    let wall = start.elapsed();
    drop(to_ack);
    let mut acks = acknowledged.join().unwrap();
    let mut commits = committed.join().unwrap();
    ledger.close().unwrap();
    acks.sort_unstable();
    commits.sort_unstable();
    println!(
        "  {:>7.0} events/s: acknowledged p50 {:>7.2} p99 {:>7.2} max {:>7.2}; checkpoint p50 {:>7.1} p99 {:>7.1} max \
         {:>7.1}",
        sent as f64 / wall.as_secs_f64(),
        percentile(&acks, 50),
        percentile(&acks, 99),
        percentile(&acks, 100),
        percentile(&commits, 50),
        percentile(&commits, 99),
        percentile(&commits, 100)
    );
}

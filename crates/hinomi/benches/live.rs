//! From a line that is sent to a detection that is told: lines of several kinds at a stated rate into `hinomi serve`, with
//! marked commands among them, and beside them how the server fares.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `HINOMI_BENCH_RATE` | events a second; 0: as many as the server takes | 20,000 |
//! | `HINOMI_BENCH_SECONDS` | for so long | 20 |
//! | `HINOMI_BENCH_JSON` | a file of JSON lines to send beside those of the example case | none |
//! | `HINOMI_BENCH_SHARE` | hundredths of all events that are such lines | 50 |
//! | `HINOMI_BENCH_PROGRAM` | another build of the program | this one |
//! | `HINOMI_BENCH_RULES` | a folder of rules instead of the bundled ones | none |
//! | `HINOMI_BENCH_SEARCH` | seconds between two searches; 0: nobody searches | 2 |
//! | `HINOMI_BENCH_DERIVE` | seconds between two derivations, as `--derive` | 60 |
//!
//! Senders and server share the machine. Every line carries a number of its own. Each of four senders has one syslog
//! connection for each log of the case and one for requests with JSON lines; the delay of a detection is taken from the
//! sending of its line to the line of the server's journal.
//!
//! Marked commands hold a word of their own, which somebody who is signed in searches meanwhile, the latest that was acknowledged first: the
//! delay of a search is taken from the acknowledgement to the answer that has the line. At the end the first one is searched.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement fails by panicking and reads the clock"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use support::{Server, TOKEN, logs};

mod support;
#[cfg(feature = "query")]
#[path = "support/visitor.rs"]
mod visitor;

/// Events of one turn of the sender.
const TURN: usize = 400;
/// Turns of a sender between two marked commands.
const MARKED: usize = 20;
const SENDERS: usize = 4;

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(default)
}

/// When marked commands were sent, and when they were told.
#[derive(Default)]
struct Marks {
    sent: Vec<Instant>,
    /// The last that was acknowledged, and when.
    acknowledged: Option<(usize, Instant)>,
    told: BTreeMap<usize, Instant>,
    detections: usize,
}

/// What searches found.
#[derive(Default)]
struct Searches {
    /// Milliseconds from acknowledgement to answer.
    delays: Vec<u64>,
    asked: usize,
    /// Answers, and the longest of them in milliseconds.
    answers: Vec<u64>,
}

/// The word of a marked command that nothing else holds.
fn word(number: usize) -> String {
    format!("word{number}mark")
}

/// Longest time that a search is asked again.
const PATIENCE: Duration = Duration::from_mins(1);

/// Searches what was acknowledged last, until everything was sent.
#[cfg(feature = "query")]
fn search(
    visitor: &visitor::Visitor,
    marks: &Mutex<Marks>,
    every: u64,
    until: &dyn Fn() -> bool,
) -> Searches {
    let mut searches = Searches::default();
    while !until() {
        let turn = Instant::now();
        let last = marks.lock().unwrap().acknowledged;
        if let Some((number, acknowledged)) = last {
            searches.asked += 1;
            let path = format!("/api/v1/search?limit=10&q={}", word(number));
            let mut answer = timed(visitor, &path, &mut searches.answers);
            while answer["matches"] == 0 && acknowledged.elapsed() < PATIENCE {
                // Without the snapshot: what came a moment ago counts, and what was looked at is not looked at again.
                thread::sleep(Duration::from_millis(20));
                answer = timed(visitor, &path, &mut searches.answers);
            }
            if answer["matches"] != 0 {
                searches.delays.push(acknowledged.elapsed().as_micros() as u64);
            }
        }
        thread::sleep(Duration::from_secs(every).saturating_sub(turn.elapsed()));
    }
    searches
}

#[cfg(feature = "query")]
fn timed(visitor: &visitor::Visitor, path: &str, answers: &mut Vec<u64>) -> serde_json::Value {
    let (answer, took) = visitor.ask(path);
    answers.push((took * 1e3) as u64);
    answer
}

#[cfg(feature = "query")]
fn tell(searches: Searches, visitor: &visitor::Visitor) {
    let Searches { mut delays, asked, mut answers } = searches;
    delays.sort_unstable();
    answers.sort_unstable();
    println!(
        "searches of marked commands: {} of {asked} found, from acknowledgement p50 {:.0} ms, p99 {:.0} ms, slowest {:.0} ms; \
         {} answers, p50 {:.0} ms, p99 {:.0} ms",
        delays.len(),
        share(&delays, 50),
        share(&delays, 99),
        delays.last().map_or(f64::NAN, |us| *us as f64 / 1e3),
        answers.len(),
        share(&answers, 50),
        share(&answers, 99)
    );
    let path = format!("/api/v1/search?limit=10&q={}", word(0));
    let first = visitor.ask(&path).0;
    let (took, is_found) = visitor.find(&path, Duration::from_mins(20));
    println!(
        "the first marked command, {} records unsearched at first: {} after {:.1} s",
        first["unsearched"]["records"],
        if is_found { "found" } else { "NOT FOUND" },
        took.as_secs_f64()
    );
}

/// Reads the journal and notes what is told of marked commands.
fn listen(journal: impl std::io::Read, marks: &Mutex<Marks>) {
    for line in BufReader::new(journal).lines().map_while(Result::ok) {
        if !line.contains("\"message\":\"detection\"") {
            if line.contains("\"warn\"") {
                eprintln!("{line}");
            }
            continue;
        }
        let now = Instant::now();
        let mut marks = marks.lock().unwrap();
        marks.detections += 1;
        let at = line.find("marked-").and_then(|at| {
            let rest = &line[at + 7..];
            rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
        });
        if let Some(number) = at {
            marks.told.entry(number).or_insert(now);
        }
    }
}

/// A number that makes a line another one than the same line before, and packs badly.
fn scattered(at: usize) -> usize {
    at.wrapping_mul(2_654_435_761) % 100_000_007
}

/// A log of the example case that is sent line by line.
struct Log {
    stream: TcpStream,
    lines: Vec<Vec<u8>>,
    next: usize,
}

impl Log {
    fn all(syslog: SocketAddr) -> Vec<Self> {
        let log = |path: &PathBuf| {
            let bytes = std::fs::read(path).unwrap();
            let lines: Vec<Vec<u8>> =
                bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect();
            Self { stream: TcpStream::connect(syslog).unwrap(), lines, next: 0 }
        };
        logs().iter().map(log).filter(|log| log.lines.len() > 50).collect()
    }

    fn send(&mut self, count: usize) {
        let mut out = Vec::new();
        for _ in 0..count {
            out.extend_from_slice(&self.lines[self.next % self.lines.len()]);
            out.extend_from_slice(format!(" n={}\n", scattered(self.next)).as_bytes());
            self.next += 1;
        }
        self.stream.write_all(&out).unwrap();
    }
}

/// JSON lines, sent as requests.
struct Requests {
    stream: TcpStream,
    lines: Vec<Vec<u8>>,
    next: usize,
    times: Vec<u64>,
}

impl Requests {
    fn new(http: SocketAddr) -> Self {
        let file = std::env::var("HINOMI_BENCH_JSON");
        let bytes = file.map(|file| std::fs::read(file).unwrap()).unwrap_or_default();
        let lines = bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect();
        let stream = TcpStream::connect(http).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, lines, next: 0, times: Vec::new() }
    }

    fn send(&mut self, count: usize, marked: Option<&str>) {
        let mut body = Vec::new();
        for _ in 0..count {
            let number = format!("{{\"BenchNumber\":{},", scattered(self.next));
            body.extend_from_slice(number.as_bytes());
            body.extend_from_slice(&self.lines[self.next % self.lines.len()][1..]);
            body.push(b'\n');
            self.next += 1;
        }
        body.extend_from_slice(marked.unwrap_or_default().as_bytes());
        let head = format!(
            "POST /ndjson HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let since = Instant::now();
        self.stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        let head = answer(&mut self.stream);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        self.times.push(since.elapsed().as_micros() as u64);
    }
}

/// Reads one answer and gives its head.
fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8_192];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "closed");
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if bytes.len() >= end + 4 + length.unwrap() {
            return String::from_utf8_lossy(&bytes[..end]).into_owned();
        }
    }
}

/// A command that a bundled rule knows, on a host of its own.
fn marked(number: usize) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let time = jiff::Timestamp::from_nanosecond(now.as_nanos() as i128).unwrap();
    let event = serde_json::json!({
        "@timestamp": time.to_string(),
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "SourceName": "Microsoft-Windows-Sysmon",
        "EventID": 1,
        "Hostname": format!("marked-{number}"),
        "Image": "C:\\Windows\\System32\\vssadmin.exe",
        "OriginalFileName": "VSSADMIN.EXE",
        "CommandLine": "vssadmin.exe delete shadows /all /quiet",
        "Word": word(number),
        "ParentImage": "C:\\Windows\\System32\\cmd.exe",
        "User": "EXAMPLE\\mika",
    });
    format!("{event}\n")
}

/// How fast, how long and what share of requests.
struct Pace {
    rate: usize,
    seconds: u64,
    share: usize,
}

/// What one sender did.
#[derive(Default)]
struct Done {
    sent: usize,
    times: Vec<u64>,
    most: u64,
}

/// One of [`SENDERS`], from `first` on in lines and marks.
fn drive(server: &Server, marks: &Mutex<Marks>, pace: &Pace, first: usize) -> Done {
    let mut requests = Requests::new(server.http);
    let mut logs = Log::all(server.syslog);
    requests.next = first * 1_000_003;
    logs.iter_mut().for_each(|log| log.next = first * 1_000_003);
    let json = if requests.lines.is_empty() { 0 } else { TURN * pace.share / 100 };
    let (since, mut done) = (Instant::now(), Done::default());
    for turn in 0.. {
        if since.elapsed().as_secs() >= pace.seconds {
            break;
        }
        let mark = (turn % MARKED == 0).then(|| {
            let mut marks = marks.lock().unwrap();
            marks.sent.push(Instant::now());
            (marks.sent.len() - 1, marked(marks.sent.len() - 1))
        });
        if json > 0 || mark.is_some() {
            requests.send(json, mark.as_ref().map(|(_, line)| line.as_str()));
        }
        if let Some((number, _)) = &mark {
            marks.lock().unwrap().acknowledged = Some((*number, Instant::now()));
        }
        let count = logs.len();
        logs[turn % count].send(TURN - json);
        done.sent += TURN + usize::from(mark.is_some());
        if turn % 100 == 0 {
            done.most = done.most.max(server.memory().0);
        }
        if pace.rate > 0 {
            let due = since + Duration::from_secs_f64((done.sent * SENDERS) as f64 / pace.rate as f64);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
    done.times = requests.times;
    done
}

fn share(sorted: &[u64], hundredth: usize) -> f64 {
    sorted.get(sorted.len() * hundredth / 100).map_or(f64::NAN, |us| *us as f64 / 1e3)
}

/// Says what came of it: how many events, how long they were sent, and how long until all were durable.
fn report(
    (sent, elapsed, durable): (usize, Duration, Duration),
    acknowledged: &mut [u64],
    marks: &Marks,
    used: f64,
) {
    let delay = |(number, told): (&usize, &Instant)| (*told - marks.sent[*number]).as_micros() as u64;
    let mut delays: Vec<u64> = marks.told.iter().map(delay).collect();
    delays.sort_unstable();
    acknowledged.sort_unstable();
    let (rate, durable) = (sent as f64 / elapsed.as_secs_f64(), sent as f64 / durable.as_secs_f64());
    println!(
        "{sent} events, {rate:.0}/s sent, {durable:.0}/s durable, {:.0} per CPU second",
        sent as f64 / used
    );
    println!(
        "requests acknowledged: p50 {:.1} ms, p99 {:.1} ms",
        share(acknowledged, 50),
        share(acknowledged, 99)
    );
    println!(
        "marked commands: {} of {} told, p50 {:.0} ms, p99 {:.0} ms, slowest {:.0} ms; {} detections in all",
        marks.told.len(),
        marks.sent.len(),
        share(&delays, 50),
        share(&delays, 99),
        delays.last().map_or(f64::NAN, |us| *us as f64 / 1e3),
        marks.detections
    );
}

/// A server whose journal is heard.
fn started(marks: &Arc<Mutex<Marks>>) -> Server {
    let rules = std::env::var("HINOMI_BENCH_RULES").map(|rules| vec!["--rules".to_owned(), rules]);
    let mut arguments = rules.unwrap_or_default();
    if cfg!(feature = "query") {
        arguments.extend(["--derive".to_owned(), setting("HINOMI_BENCH_DERIVE", 60).to_string()]);
    }
    let (ways, log) = ("\"syslog-tcp\"", "format = \"json\"");
    let mut server = Server::start(ways, log, &arguments, Stdio::piped());
    let (journal, heard) = (server.child.stderr.take().unwrap(), Arc::clone(marks));
    thread::spawn(move || listen(journal, &heard));
    server
}

fn main() {
    let pace = Pace {
        rate: setting("HINOMI_BENCH_RATE", 20_000),
        seconds: setting("HINOMI_BENCH_SECONDS", 20),
        share: setting("HINOMI_BENCH_SHARE", 50),
    };
    #[cfg(feature = "query")]
    let every: u64 = setting("HINOMI_BENCH_SEARCH", 2);
    let marks = Arc::<Mutex<Marks>>::default();
    let server = started(&marks);
    #[cfg(feature = "query")]
    let visitor = visitor::Visitor::first(
        server.pages,
        &format!("http://localhost:{}", server.pages.port()),
        &server.data(),
    );
    let is_over = AtomicBool::new(false);
    let cpu = server.cpu();
    let began = Instant::now();
    #[cfg(feature = "query")]
    let mut searched = None;
    let mut elapsed = Duration::ZERO;
    let senders: Vec<Done> = thread::scope(|scope| {
        #[cfg(feature = "query")]
        let searching = (every > 0).then(|| {
            let (visitor, marks, is_over) = (&visitor, &*marks, &is_over);
            scope.spawn(move || search(visitor, marks, every, &|| is_over.load(Ordering::Relaxed)))
        });
        let start = |first| {
            scope.spawn({
                let (server, marks, pace) = (&server, &*marks, &pace);
                move || drive(server, marks, pace, first)
            })
        };
        let all: Vec<_> = (0..SENDERS).map(start).collect();
        let done = all.into_iter().map(|sender| sender.join().unwrap()).collect();
        elapsed = began.elapsed();
        is_over.store(true, Ordering::Relaxed);
        #[cfg(feature = "query")]
        {
            searched = searching.map(|searching| searching.join().unwrap());
        }
        done
    });
    let sent: usize = senders.iter().map(|done| done.sent).sum();
    let most = senders.iter().map(|done| done.most).max().unwrap();
    let mut acknowledged: Vec<u64> = senders.into_iter().flat_map(|done| done.times).collect();
    let since = Instant::now();
    while server.durable() < sent as u64 && since.elapsed().as_secs() < 60 {
        thread::sleep(Duration::from_millis(50));
    }
    let durable = began.elapsed();
    let asked = Instant::now();
    assert!(server.ask("/healthz").starts_with("HTTP/1.1 200"));
    let health = asked.elapsed();
    let done = |marks: &Marks| marks.told.len() == marks.sent.len();
    while !done(&marks.lock().unwrap()) && since.elapsed().as_secs() < 120 {
        thread::sleep(Duration::from_millis(50));
    }
    let used = server.cpu() - cpu;
    let (now, peak) = server.memory();
    let marks = marks.lock().unwrap();
    report((sent, elapsed, durable), &mut acknowledged, &marks, used);
    println!("memory: {most} MiB most while sending, {now} now, {peak} peak; health answered in {health:?}");
    #[cfg(feature = "query")]
    if let Some(searched) = searched {
        tell(searched, &visitor);
    }
}

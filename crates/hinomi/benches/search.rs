//! Searches of pages over a large ledger: through HTTP, with the session of somebody who is signed in.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `HINOMI_BENCH_EVENTS` | events that are made | 200,000 |
//! | `HINOMI_BENCH_DATA` | a data directory of such events to use as it is | a new one |
//! | `HINOMI_BENCH_ROUNDS` | rounds of the 60 searches | 2 |
//! | `HINOMI_BENCH_PROGRAM` | another build of the program | this one |
//! | `HINOMI_BENCH_STAY` | seconds that the server stays afterwards, for a browser; its address and a link for a second account are printed | 0 |
//!
//! The first answer of each search is measured, as a page asks for it: the latest 100 events. What is not counted by then is read on with the
//! same snapshot, and that is measured too. The ratio is to a search of the same words that the index cannot help, in the same run.
//!
//! Before that, a server that derives nothing (300,000 events at most) is asked for a word that stands once, in the oldest leaf; what that takes is held against
//! deriving the same events.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement fails by panicking and reads the clock"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use visitor::{Visitor, cpu, cpu_of_children, encoded, program, run};

#[path = "support/made.rs"]
mod made;
#[path = "support/visitor.rs"]
mod visitor;

/// Longest time that matches are counted.
const COUNTED: Duration = Duration::from_secs(20);

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(default)
}

/// A ledger of so many events.
fn make(data: &Path, events: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut files: BTreeMap<&str, std::fs::File> = BTreeMap::new();
    for (name, _) in made::SOURCES {
        files.insert(name, std::fs::File::create(folder.path().join(name)).unwrap());
    }
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut line = String::new();
    for number in 0..events {
        line.clear();
        let source = made::line(number, events, &mut line);
        let text = texts.entry(source).or_default();
        text.push_str(&line);
        if text.len() > 1 << 20 || number + 1 == events {
            files.get_mut(source).unwrap().write_all(std::mem::take(text).as_bytes()).unwrap();
        }
    }
    for (source, text) in texts {
        files.get_mut(source).unwrap().write_all(text.as_bytes()).unwrap();
    }
    let at = data.to_str().unwrap();
    for (name, _) in made::SOURCES {
        let file = folder.path().join(name);
        run(&["ledger", "append", "--data", at, "--source", name, file.to_str().unwrap()]);
    }
}

/// A server that derives nothing: what is found, how fast, and how long deriving all of it takes.
fn underived(data: &Path, events: u64) {
    let bytes: u64 = {
        let mut line = String::new();
        let length = |number| {
            line.clear();
            made::line(number, events, &mut line);
            line.len() as u64
        };
        (0..events).map(length).sum()
    };
    let mb = bytes as f64 / 1e6;
    let world = World::begin(data, &["--derive", "0"]);
    let (visitor, process) = (&world.visitor, world.child.id());
    let (first, took) = visitor.ask("/api/v1/search?limit=100&q=user123");
    println!(
        "underived, {events} events, {mb:.0} MB: a common word {took:.0} ms, {} matches at once, {} of {events} records unsearched",
        first["matches"], first["unsearched"]["records"]
    );
    let stands_once = |from: u64| {
        let mut line = String::new();
        let near = (from..events).find(|number| {
            line.clear();
            made::line(*number, events, &mut line) == "windows" && line.contains("\"EventID\":1,")
        });
        format!("/api/v1/search?limit=100&q={}", encoded(&format!("{:x}", near.unwrap_or_default())))
    };
    let before = cpu(process);
    let (took, is_found) = visitor.find(&stands_once(1000), Duration::from_mins(10));
    let used = cpu(process) - before;
    assert!(is_found);
    println!(
        "a word of the oldest leaf: found after {:.2} s, {used:.2} s of processor, {:.0} MB per second of processor",
        took.as_secs_f64(),
        mb / used
    );
    let (again, is_found) = visitor.find(&stands_once(2000), Duration::from_mins(10));
    assert!(is_found);
    let (nowhere, answer) = {
        let since = Instant::now();
        let path = "/api/v1/search?limit=100&q=nothingofthekind";
        let mut answer = visitor.ask(path).0;
        while let Some(next) = visitor.look_on(path, &answer) {
            answer = next;
        }
        (since.elapsed(), answer)
    };
    println!(
        "another one: {:.0} ms; a word that is nowhere: {:.0} ms, {} records unsearched",
        again.as_secs_f64() * 1e3,
        nowhere.as_secs_f64() * 1e3,
        answer["unsearched"]["records"]
    );
    drop(world);
    let (before, since) = (cpu_of_children(), Instant::now());
    run(&["ledger", "reindex", "--data", data.to_str().unwrap(), "--tz", "UTC"]);
    let derived = cpu_of_children() - before;
    println!(
        "deriving all of it: {:.2} s, {derived:.2} s of processor: {:.1} times as much",
        since.elapsed().as_secs_f64(),
        derived / used
    );
}

/// A server with pages, and a session there.
struct World {
    child: Child,
    origin: String,
    visitor: Visitor,
    _folder: tempfile::TempDir,
}

impl World {
    fn begin(data: &Path, further: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hinomi.toml");
        std::fs::write(
            &file,
            "[log]\nformat = \"json\"\n[admin]\nat = \"127.0.0.1:0\"\n[pages]\nat = \"127.0.0.1:0\"\n\
             [[listen]]\nname = \"n\"\nat = \"127.0.0.1:0\"\nreceive = [\"syslog-tcp\"]\n",
        )
        .unwrap();
        let args =
            ["serve", "--data", data.to_str().unwrap(), "--config", file.to_str().unwrap(), "--no-detect"];
        let mut child =
            program().args(args).args(further).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said = lines
            .by_ref()
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .find(|said| said["message"] == "pages")
            .unwrap();
        // The pipe has to be emptied.
        std::thread::spawn(move || lines.for_each(drop));
        let (at, origin) = (said["at"].as_str().unwrap().parse().unwrap(), said["origin"].as_str().unwrap());
        let visitor = Visitor::first(at, origin, data);
        Self { child, origin: origin.to_owned(), visitor, _folder: folder }
    }

    /// Reads on until all is counted, or for long enough; milliseconds.
    fn count_on(&self, path: &str, mut answer: Value) -> (u64, bool, f64) {
        let begun = Instant::now();
        while answer["is_counted"] == false && begun.elapsed() < COUNTED {
            let snapshot = answer["snapshot"].as_str().unwrap().to_owned();
            answer = self.visitor.ask(&format!("{path}&snapshot={snapshot}")).0;
        }
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        (answer["matches"].as_u64().unwrap(), answer["is_counted"] == true, took)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Ten searches of each of six kinds: words that stand once, common words, fields, windows of time, nothing, almost everything.
fn searches(events: u64) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for n in 0..10u64 {
        let at = events / 11 * (n + 1);
        let mut line = String::new();
        let near = (at..events).find(|number| {
            line.clear();
            made::line(*number, events, &mut line) == "windows" && line.contains("\"EventID\":1,")
        });
        let word = near.map(|number| format!("{number:x}")).unwrap_or_default();
        all.push(("needle", format!("q={}", encoded(&word))));
        let common = [
            "rundll32.exe",
            "powershell",
            "kerberos",
            "sshd",
            "invoice",
            "議事録",
            "error",
            "publickey",
            "systemctl",
            "203.0.113.7",
        ];
        all.push(("common", format!("q={}", encoded(common[n as usize]))));
        let field = [
            "host:ws007",
            "EventID=4624",
            "account:user123",
            "kind:squid",
            "LogonType=3",
            "Image:7z.exe",
            "host:srv009",
            "level:ERROR",
            "ParentImage:reg.exe",
            "-kind:windows host:app03",
        ];
        all.push(("field", format!("q={}", encoded(field[n as usize]))));
        let day = 10 + n * 7;
        let (month, day) = (8 + day / 31, day % 31 + 1);
        let day = day.min(30);
        all.push(("window", format!("q=powershell&from=2026-{month:02}-{day:02}T03:00:00Z&until=2026-{month:02}-{day:02}T05:00:00Z")));
        all.push(("nothing", format!("q={}", encoded(&format!("nothing{n}ofthekind")))));
        let broad = ["a", "e", "*e*", "10", "com", "kind:windows", "*", "-nothing", "user", "http"];
        all.push(("broad", format!("q={}", encoded(broad[n as usize]))));
    }
    all
}

fn share(sorted: &[f64], hundredths: usize) -> f64 {
    sorted[(sorted.len() * hundredths / 100).min(sorted.len() - 1)]
}

fn line(name: &str, mut times: Vec<f64>) {
    if times.is_empty() {
        return;
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{name:<22} {:>5} answers: p50 {:>6.0} ms, p95 {:>6.0} ms, at most {:>6.0} ms",
        times.len(),
        share(&times, 50),
        share(&times, 95),
        times[times.len() - 1]
    );
}

/// How long the same matches take to be counted with the index and by looking at everything.
fn with_and_without_index(world: &World) {
    let begun = Instant::now();
    let path = "/api/v1/search?limit=100&q=systemctl";
    let (matches, _, _) = world.count_on(path, world.visitor.ask(path).0);
    let indexed = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let path = "/api/v1/search?limit=100&q=*ystemctl*";
    let (scanned, done, _) = world.count_on(path, world.visitor.ask(path).0);
    let scan = begun.elapsed().as_secs_f64();
    assert!(!done || scanned == matches, "{scanned} {matches}");
    println!(
        "{matches} matches counted in {indexed:.2} s; by a scan {}{scan:.2} s: {:.1} times",
        if done { "" } else { "more than " },
        scan / indexed
    );
}

fn main() {
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    let events = setting("HINOMI_BENCH_EVENTS", 200_000);
    let own = tempfile::tempdir().unwrap();
    let given = std::env::var("HINOMI_BENCH_DATA").ok().map(PathBuf::from);
    let data = given.clone().unwrap_or_else(|| own.path().join("data"));
    if given.is_none() {
        let (beside, few) = (own.path().join("underived"), events.min(300_000));
        make(&beside, few);
        underived(&beside, few);
        make(&data, events);
        run(&["ledger", "reindex", "--data", data.to_str().unwrap(), "--tz", "UTC"]);
    }
    let world = World::begin(&data, &[]);
    let begun = Instant::now();
    let (first, took) = world.visitor.ask("/api/v1/search?q=*&limit=1");
    println!(
        "first search {took:.0} ms after {:.1} s; {}",
        begun.elapsed().as_secs_f64(),
        first["unsearched"]
    );
    let (mut answers, mut histograms): (BTreeMap<&str, Vec<f64>>, Vec<f64>) = (BTreeMap::new(), Vec::new());
    let (mut counted, mut settled, mut whole) = (Vec::new(), 0, 0);
    for round in 0..setting("HINOMI_BENCH_ROUNDS", 2) {
        for (kind, query) in searches(events) {
            let path = format!("/api/v1/search?limit=100&{query}");
            let (answer, took) = world.visitor.ask(&path);
            answers.entry(kind).or_default().push(took);
            whole += u64::from(answer["is_counted"] == true);
            settled += u64::from(answer["is_counted"] == true || answer["reachable"].as_u64() >= Some(100));
            let snapshot = answer["snapshot"].as_str().unwrap();
            let (_, took) =
                world.visitor.ask(&format!("/api/v1/search/histogram?{query}&snapshot={snapshot}"));
            histograms.push(took);
            if round == 0 && ["needle", "nothing", "window"].contains(&kind) {
                counted.push(world.count_on(&path, answer).2);
            }
        }
    }
    let all: Vec<f64> = answers.values().flatten().copied().collect();
    println!(
        "{} searches: {settled} with all events of the page at once, {whole} counted at once",
        all.len()
    );
    for (kind, times) in answers {
        line(kind, times);
    }
    line("all searches", all);
    line("histograms", histograms);
    line("counted: needle, none, window", counted);
    with_and_without_index(&world);
    let stay = setting("HINOMI_BENCH_STAY", 0);
    if stay > 0 {
        println!("{} {}", world.origin, world.visitor.session());
        std::thread::sleep(Duration::from_secs(stay));
    }
}

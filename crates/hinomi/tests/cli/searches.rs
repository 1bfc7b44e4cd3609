//! Searches of pages: they find what the command line finds, also what came a moment ago, and every line stands in the ledger.

use std::path::Path;
use std::time::{Duration, Instant};

use hinomi::pages::Refused;
use serde_json::Value;

use crate::live::{case, scratch};
use crate::pages::{Masked, Pages, Plain};
use crate::support::{command, hinomi, list, text};

const PATIENCE: Duration = Duration::from_mins(1);

/// A text as it stands behind a question mark.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A search that is read on until all is counted.
fn counted(pages: &Pages, query: &str) -> Value {
    let begun = Instant::now();
    let mut answer = pages.answer("search", query, "");
    while answer["is_counted"] == false {
        assert!(begun.elapsed() < PATIENCE, "{answer:#}");
        let snapshot = text(&answer, "snapshot");
        answer = pages.answer("search", &format!("{query}&snapshot={snapshot}"), "");
    }
    answer
}

fn append(data: &Path, source: &str, lines: &str) {
    let file = data.with_extension("lines");
    std::fs::write(&file, lines).unwrap();
    let (at, file) = (data.to_str().unwrap(), file.to_str().unwrap());
    let output = hinomi(&["ledger", "append", "--data", at, "--source", source, file]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

fn on_the_command_line(data: &Path, words: &str) -> Value {
    let at = data.to_str().unwrap();
    let found =
        command(&["search", "--in", at, "-q", "-o", "json", "-l", "10000", "--", words]).output().unwrap();
    serde_json::from_slice(&found.stdout).unwrap()
}

#[test]
fn pages_find_what_the_command_line_finds_before_and_after_it_is_derived() {
    let data = case("searches", 3);
    let words = [
        "ctr-adm01",
        "status:NT_STATUS_OK",
        "Accepted publickey",
        "rclone -GET",
        "nothingofthekind",
        "*admin*",
    ];
    let fresh = Pages::of(&data);
    let early: Vec<Value> =
        words.iter().map(|q| counted(&fresh, &format!("limit=500&q={}", encoded(q)))).collect();
    assert_eq!(early[0]["unsearched"]["records"], 0, "{:#}", early[0]["unsearched"]);
    drop(fresh);
    let told: Vec<Value> = words.iter().map(|q| on_the_command_line(&data, q)).collect();
    let pages = Pages::of(&data);
    for ((q, early), told) in words.iter().zip(&early).zip(&told) {
        let answer = counted(&pages, &format!("limit=500&q={}", encoded(q)));
        assert_eq!(answer["matches"], told["matches"], "{q}");
        assert_eq!(early["matches"], told["matches"], "{q}: before it was derived");
        let places = |answer: &Value| -> Vec<String> {
            let place = |event: &Value| text(event, "reference").split('@').next().unwrap().to_owned();
            let mut places: Vec<String> = list(answer, "events").iter().map(place).collect();
            places.sort();
            places
        };
        let mut known: Vec<String> =
            list(told, "events").iter().map(|event| text(event, "evidence").to_owned()).collect();
        known.sort();
        if known.len() <= 500 {
            assert_eq!(places(&answer), known, "{q}");
            assert_eq!(places(early), known, "{q}");
        }
        let times: Vec<&str> =
            list(&answer, "events").iter().filter_map(|event| event["time"].as_str()).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "{q}: {times:?}");
        let histogram = pages.answer("readHistogram", &format!("buckets=60&q={}", encoded(q)), "");
        let sum: u64 = list(&histogram, "counts").iter().map(|n| n.as_u64().unwrap_or(0)).sum();
        assert!(list(&histogram, "counts").len() <= 60 && sum <= histogram["matches"].as_u64().unwrap());
    }
    // Every line stands in the ledger as it is shown, with the digest of the reference.
    let answer = counted(&pages, "limit=40&q=ctr-adm01");
    assert!(list(&answer, "events").len() == 40);
    for event in list(&answer, "events") {
        let reference = text(event, "reference");
        let record = pages.answer("readRecord", &format!("reference={}", encoded(reference)), "");
        assert_eq!(
            record["event_length"].as_u64(),
            Some(text(event, "raw").len() as u64),
            "{event:#} {record:#}"
        );
        assert!(text(event, "raw").to_lowercase().contains("ctr-adm01"), "{event:#}");
        assert_eq!(event["source"], record["source"]);
    }
}

#[test]
fn pages_of_an_answer_stay_while_records_come_and_a_new_search_has_them() {
    let data = scratch("searches-stay").join("data");
    let line = |n: u64| {
        format!("2026-11-02T08:{:02}:{:02}Z ws{} sshd[7]: needle number{n} end\n", n / 60, n % 60, n % 3)
    };
    append(&data, "a", &(0..500).map(line).collect::<String>());
    let pages = Pages::of(&data);
    let first = counted(&pages, "q=needle&limit=200");
    assert_eq!((&first["matches"], first["next"].is_string()), (&Value::from(500), true));
    append(&data, "a", &(500..900).map(line).collect::<String>());
    let mut seen: Vec<String> = Vec::new();
    let mut answer = first.clone();
    loop {
        seen.extend(list(&answer, "events").iter().map(|event| text(event, "raw").to_owned()));
        let Some(next) = answer["next"].as_str() else { break };
        answer = pages.answer("search", &format!("q=needle&limit=200&after={next}"), "");
        assert_eq!(answer["snapshot"], first["snapshot"]);
    }
    let expected: Vec<String> = (0..500).rev().map(|n| line(n).trim_end().to_owned()).collect();
    assert_eq!(seen, expected);
    // A moment later, and without anybody who derives.
    let begun = Instant::now();
    loop {
        let answer = counted(&pages, "q=needle&limit=1");
        if answer["matches"] == 900 {
            assert!(text(&answer["events"][0], "raw").contains("number899"));
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
    // Somebody derives: nothing is there twice, and what comes behind it is there, too.
    assert_eq!(on_the_command_line(&data, "needle")["matches"], 900);
    append(&data, "a", &(900..950).map(line).collect::<String>());
    let begun = Instant::now();
    loop {
        let answer = counted(&pages, "q=needle&limit=1");
        let matches = answer["matches"].as_u64().unwrap();
        assert!(matches <= 950 && begun.elapsed() < PATIENCE, "{answer:#}");
        if matches == 950 && answer["unsearched"]["records"] == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let snapshot = text(&first, "snapshot");
    let middle = pages.answer("search", &format!("q=needle&limit=3&offset=250&snapshot={snapshot}"), "");
    assert!(text(&middle["events"][0], "raw").contains("number249 "), "{middle:#}");
    let oldest = counted(
        &pages,
        "q=needle&limit=2&order=earliest&from=2026-11-02T08:01:00Z&until=2026-11-02T08:02:00Z",
    );
    assert_eq!(oldest["matches"], 60);
    assert!(text(&oldest["events"][0], "raw").contains("number60 "));
}

#[test]
fn names_of_accounts_go_through_those_that_may_be_seen() {
    let data = case("searches-names", 4);
    let pages = Pages::of(&data);
    let mut masked = 0;
    for names in [&Plain as &dyn hinomi::pages::Shown, &Masked] {
        let first = counted(&pages, "q=account:*&limit=1");
        let query = format!("q=account:*&limit=100&offset=0&snapshot={}", text(&first, "snapshot"));
        let answer = pages.ask("search", &query, "", names).unwrap();
        pages.check("search", &answer);
        let accounts: Vec<&str> =
            list(&answer, "events").iter().filter_map(|event| event["fields"]["account"].as_str()).collect();
        assert!(!accounts.is_empty());
        masked = accounts.iter().filter(|name| name.starts_with("account-")).count();
        assert!(masked == 0 || masked == accounts.len());
    }
    assert!(masked > 0);
}

#[test]
fn what_strangers_ask_is_refused_or_answered_and_never_breaks() {
    let data = case("searches-hostile", 6);
    let pages = Pages::of(&data);
    let long = format!("q={}", "a".repeat(8193));
    let many = format!("q={}", encoded(&"-x:y ".repeat(1000)));
    for query in [
        "",
        "q=%22open",
        "q=nofield_of_this_kind:x",
        "q=a&order=random",
        "q=a&offset=1",
        "q=a&snapshot=other",
        "q=a&after=x",
        "q=a&after=a:b",
        "q=a&limit=0",
        "q=a&limit=501",
        "q=a&from=yesterday",
        "q=a&from=9999-12-31T23:59:59Z",
        "q=a&until=0001-01-01T00:00:00Z",
        "q=%ff",
        "q=a&after=1-1:99999999999999999999",
        long.as_str(),
        many.as_str(),
    ] {
        let answer = pages.ask("search", query, "", &Plain);
        assert!(matches!(answer, Err(Refused::Senseless(_))), "{query}: {answer:?}");
    }
    for query in [
        "q=",
        "q=*",
        "q=***",
        "q=-",
        "q=%00",
        "q=host:*",
        "q=a&from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        "q=%E2%80%AE%F0%9F%94%A5",
        "q=a%20-a",
    ] {
        pages.answer("search", query, "");
        let histogram = pages.ask("readHistogram", query, "", &Plain);
        let histogram = histogram.unwrap_or_else(|error| panic!("{query}: {error}"));
        pages.check("readHistogram", &histogram);
        assert!(list(&histogram, "counts").len() <= 120);
    }
    for query in ["q=a&buckets=0", "q=a&buckets=501", "q=a&buckets=x"] {
        assert!(
            matches!(pages.ask("readHistogram", query, "", &Plain), Err(Refused::Senseless(_))),
            "{query}"
        );
    }
}

/// Derived data that the ledger does not name is none.
#[test]
fn derived_data_that_was_exchanged_is_not_searched() {
    let data = scratch("searches-exchanged").join("data");
    append(&data, "a", "2026-11-02T08:00:00Z ws1 sshd[7]: first event\n");
    assert_eq!(on_the_command_line(&data, "first")["matches"], 1);
    let manifest = data.join("derived/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"losses\":0", "\"losses\":7")).unwrap();
    let pages = Pages::of(&data);
    let answer = counted(&pages, "q=first");
    assert_eq!(
        (&answer["matches"], &answer["unsearched"]["records"]),
        (&Value::from(0), &Value::Null),
        "{answer:#}"
    );
    assert_eq!(answer["is_complete"], false);
}

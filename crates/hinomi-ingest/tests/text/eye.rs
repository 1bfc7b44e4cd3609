//! Lines read by eye before the mappings were run on them; the labels hold digests only.

use std::collections::HashMap;

use super::corpora::{File, files, held_out};
use super::{Table, rows};

const LABELS: &str = include_str!("labels.tsv");

/// Shares measured when this test was written, rounded down.
const BOUNDS: &[(bool, &str, f64)] = &[
    (false, "time", 0.92),
    (false, "user", 1.0),
    (false, "source", 1.0),
    (false, "action", 1.0),
    (false, "outcome", 0.96),
    (true, "time", 0.96),
    (true, "user", 0.91),
    (true, "source", 0.98),
    (true, "action", 0.88),
    (true, "outcome", 0.93),
];

#[test]
fn lines_read_by_eye() {
    let (Some(wazuh), Some(crowdsec)) = (files("wazuh_rule_tests_v4_14"), files("crowdsec_logs")) else {
        return;
    };
    let by_path: HashMap<String, &File> = wazuh
        .iter()
        .map(|f| (format!("wazuh_rule_tests_v4_14/{}", f.0), f))
        .chain(crowdsec.iter().map(|f| (format!("crowdsec_logs/{}", f.0), f)))
        .collect();
    let mut table = Table::default();
    let mut judged = 0;
    for label in LABELS.lines().filter(|l| !l.starts_with('#')) {
        let parts: Vec<&str> = label.split('\t').collect();
        let [path, number, time, user, source, action, outcome] = parts[..] else { panic!("{label}") };
        let Some((_, bytes)) = by_path.get(path) else { panic!("{path} is not in the corpus") };
        let line = bytes.split(|&b| b == b'\n').nth(number.parse::<usize>().unwrap() - 1).unwrap();
        let line = if path.contains("wazuh") { after_equals(line) } else { line };
        let row = rows::decode(line, "UTC", "2026-11-01T00:00:00Z");
        let (half, miss) = (held_out(path), format!("{path}:{number}"));
        let product = path.rsplit('/').next().unwrap_or(path);
        judged += 1;
        let mut judge = |what, expected: &str, right: bool| {
            if expected != "*" {
                table.judge(product, half, what, right, &miss);
            }
        };
        judge("time", time, time_is(&row, time));
        judge("user", user, text_is(row.get("user.name"), user));
        judge("source", source, text_is(row.source(), source));
        judge("action", action, class_of(row.get("activity_name")) == action);
        judge("outcome", outcome, row.outcome() == outcome);
    }
    assert_eq!(judged, 100);
    table.check("eye", BOUNDS);
}

/// `log 1 pass = <line>`.
fn after_equals(line: &[u8]) -> &[u8] {
    let at = line.iter().position(|&b| b == b'=').unwrap() + 1;
    line[at..].trim_ascii_start()
}

fn digest(text: &str) -> String {
    hinomi_model::Digest::of(text.as_bytes()).to_string()[..12].to_owned()
}

fn text_is(found: &str, expected: &str) -> bool {
    if expected == "-" { found.is_empty() } else { digest(found) == expected }
}

/// A time is right to two seconds; without a year in the line, the year is not judged.
fn time_is(row: &rows::Row, expected: &str) -> bool {
    let Some(time) = row.time else { return expected == "-" };
    (-2..=2).any(|shift: i64| {
        let shifted =
            hinomi_model::Timestamp::from_nanos(time.as_nanos() + shift * 1_000_000_000).to_string();
        let second = &shifted[..19];
        digest(second) == expected || digest(&format!("-{}", &second[4..])) == expected
    })
}

/// Activities as the labels group them.
fn class_of(activity: &str) -> &'static str {
    match activity {
        "Logon" | "Authentication" => "logon",
        "Logoff" => "logoff",
        "Open" => "open",
        "Request" => "web",
        "Traffic" | "Connect" | "Close" => "traffic",
        "Threat" => "threat",
        "Privilege Use" => "privilege",
        "Change" | "Enable" => "config",
        "Launch" => "process",
        "Send" | "Receive" => "mail",
        _ => "-",
    }
}

//! Shapes of the output: schema, determinism, languages, harmlessness.

use crate::support::{case_report, follows_schema, hinomi, list, report, root, stdout};

#[test]
fn the_report_follows_the_published_schema() {
    follows_schema(case_report()).unwrap();
    let mut broken = case_report().clone();
    broken["detections"][0]["level"] = "loud".into();
    assert!(follows_schema(&broken).is_err(), "the schema must be able to fail");
}

#[test]
fn the_same_input_gives_the_same_bytes_whatever_the_threads() {
    let run = |jobs: &str, shape: &str| {
        hinomi(&["investigate", "-q", "examples/case", "--jobs", jobs, "-o", shape]).stdout
    };
    for shape in ["json", "jsonl", "terminal", "timesketch"] {
        let one = run("1", shape);
        assert!(!one.is_empty());
        assert!(one == run("1", shape) && one == run("3", shape), "{shape} differs");
    }
}

#[test]
fn both_languages_say_the_same_numbers() {
    let numbers = |lang: &str| {
        let text = stdout(&hinomi(&[
            "investigate",
            "-q",
            "examples/case",
            "--lang",
            lang,
            "--tz",
            "Asia/Tokyo",
            "--all",
        ]));
        let timeline: Vec<String> = text
            .lines()
            .filter(|l| l.starts_with("  ") && l.get(4..5) == Some(":") && l.get(7..8) == Some(":"))
            .filter_map(|l| l.get(2..10).map(str::to_owned))
            .collect();
        (timeline, text.contains("火の見"))
    };
    let (english, japanese) = (numbers("en"), numbers("ja"));
    assert!(!english.0.is_empty());
    assert_eq!(english, japanese);
    let japanese = stdout(&hinomi(&["investigate", "-q", "examples/case", "--lang", "ja"]));
    assert!(japanese.contains("時系列") && japanese.contains("欠けているもの"), "{japanese}");
}

#[test]
fn no_escape_sequence_of_a_log_reaches_the_terminal() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    std::fs::create_dir_all(&folder).unwrap();
    let line = "Jan 10 01:02:03 fs\u{1b}[2J01 sudo: a\u{202e}b : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/rm -rf \u{1b}]0;x\u{7} /var/log\n";
    std::fs::write(folder.join("auth.log"), line).unwrap();
    let rule = "title: \"e\\u001B[31mvil\"\nid: 3f0c2a54-5d2f-4f7e-9b1c-1d2e3f4a5b6c\nlogsource: {product: linux}\n\
                detection:\n  k: ['COMMAND']\n  condition: k\nlevel: high\n";
    std::fs::write(folder.join("rule.yml"), rule).unwrap();
    let rules = folder.join("rule.yml");
    let output = hinomi(&[
        "investigate",
        "-q",
        folder.to_str().unwrap(),
        "-r",
        rules.to_str().unwrap(),
        "--color",
        "never",
    ]);
    let text = stdout(&output);
    assert!(text.contains("vil"), "the rule fired: {text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text:?}");
}

#[test]
fn the_window_and_the_host_narrow_the_report() {
    let all = list(case_report(), "detections").len();
    let one_host = report(&["examples/case", "--tz", "Asia/Tokyo", "--host", "gw01"]);
    let hosts: std::collections::BTreeSet<_> =
        list(&one_host, "detections").iter().map(|d| d["host"].as_str().unwrap()).collect();
    // Events that name no host may be of any host and stay.
    assert_eq!(hosts.into_iter().collect::<Vec<_>>(), ["", "gw01"]);
    let none = report(&["examples/case", "--tz", "Asia/Tokyo", "--until", "2001-01-01"]);
    assert!(list(&none, "detections").len() < all);
}

#[test]
fn timesketch_starts_with_the_columns_it_needs() {
    let text = stdout(&hinomi(&["investigate", "-q", "examples/case", "-o", "timesketch"]));
    assert!(text.starts_with("message,datetime,timestamp_desc,"));
    assert!(text.lines().count() > 1);
}

#[test]
fn standard_input_is_read_and_cited() {
    use std::io::Write as _;
    let log = std::fs::read(root().join("examples/case/gw01/var/log/auth.log")).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_hinomi"))
        .args(["investigate", "-", "--json", "-q"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&log).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let reference = report["detections"][0]["evidence"][0]["reference"].as_str().unwrap();
    assert!(reference.starts_with(&format!("file:{}/", hinomi_model::Digest::of(&log))), "{reference}");
}

#[test]
fn indicators_are_found_in_any_field() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("indicators");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ioc.txt");
    std::fs::write(&file, "# seen elsewhere\n203.0.113[.]77, scanner\nnot-in-any-log.example\n").unwrap();
    let report = report(&["examples/case", "--tz", "Asia/Tokyo", "--ioc", file.to_str().unwrap()]);
    let titles: std::collections::BTreeSet<_> = list(&report, "detections")
        .iter()
        .filter(|d| d["rule_id"].as_str().unwrap().starts_with("indicator-"))
        .map(|d| d["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles.into_iter().collect::<Vec<_>>(), ["Indicator 203.0.113.77 appears"]);
    let known = list(case_report(), "detections").len();
    assert!(list(&report, "detections").len() > known, "the bundled rules still run");
}

#[test]
fn a_suppression_hides_counts_and_expires() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("suppress");
    std::fs::create_dir_all(&folder).unwrap();
    let rule = list(case_report(), "detections")[0]["rule_id"].as_str().unwrap();
    let of_rule =
        |r: &serde_json::Value| list(r, "detections").iter().filter(|d| d["rule_id"] == rule).count();
    let with = |expires: &str| {
        let file = folder.join(format!("until-{expires}.yaml"));
        let entry = format!("{{name: n, owner: o, reason: r, expires: '{expires}', rule: {rule}}}");
        std::fs::write(&file, format!("suppressions:\n  - {entry}\n")).unwrap();
        report(&["examples/case", "--tz", "Asia/Tokyo", "--suppress", file.to_str().unwrap()])
    };
    let (active, expired) = (with("2200-01-01"), with("2001-01-01"));
    assert_eq!(of_rule(&active), 0);
    assert_eq!(active["suppressions"][0]["hidden"], of_rule(case_report()));
    assert_eq!(of_rule(&expired), of_rule(case_report()));
    assert_eq!(expired["suppressions"][0]["expired"], true);
}

#[test]
fn explaining_agrees_with_detecting() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("explain");
    std::fs::create_dir_all(&folder).unwrap();
    let rule = "title: t\nid: 7e0c2a54-5d2f-4f7e-9b1c-1d2e3f4a5b6c\nlogsource: {product: windows, service: security}\n\
                detection:\n  s: {EventID: 4624, LogonType: [3, 10]}\n  f: {IpAddress|cidr: 10.0.0.0/8}\n  condition: s and not f\n";
    std::fs::write(folder.join("rule.yml"), rule).unwrap();
    let event = |ip: &str| {
        format!(
            "{{\"Channel\":\"Security\",\"Computer\":\"a\",\"EventID\":4624,\"LogonType\":\"10\",\"IpAddress\":\"{ip}\"}}\n"
        )
    };
    std::fs::write(folder.join("events.json"), event("192.0.2.7") + &event("10.1.2.3")).unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let text = stdout(&hinomi(&["rules", "explain", &file("rule.yml"), &file("events.json")]));
    let verdicts: Vec<_> = text.lines().filter(|l| l.starts_with("  →")).map(str::trim).collect();
    assert_eq!(verdicts, ["→ matches", "→ does not match"], "{text}");
    assert!(text.contains("[10.1.2.3]"), "the value that decided is shown: {text}");
}

/// A field that is kept only where its bytes may match is still matched, in each of its forms.
#[test]
fn bulky_fields_are_matched() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("bulky");
    std::fs::create_dir_all(&folder).unwrap();
    let rule = |id: u8, test: &str| {
        format!(
            "title: t{id}\nid: 7e0c2a54-5d2f-4f7e-9b1c-0000000000{id:02}\nlogsource: {{product: windows, service: security}}\n\
             detection:\n  s: {{EventID: 4624}}\n  m: {test}\n  condition: s and m\n---\n"
        )
    };
    let rules = rule(1, "{Message|contains: 'Needle in'}")
        + &rule(2, "{Message|re: 'in\\s+a'}")
        + &rule(3, "{Message|endswith: hay}")
        + &rule(4, "{Message: null}");
    std::fs::write(folder.join("rules.yml"), rules).unwrap();
    let event = |message: &str| {
        format!(
            "{{\"Channel\":\"Security\",\"Computer\":\"a\",\"EventID\":4624,\"Message\":\"{message}\"}}\n"
        )
    };
    let lines = event("a needle IN a stack") + &event("only hay") + &event("nothing");
    std::fs::write(folder.join("events.json"), lines).unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let report = report(&[&file("events.json"), "-r", &file("rules.yml"), "--min-level", "informational"]);
    let mut found: Vec<_> = list(&report, "detections")
        .iter()
        .map(|d| (d["title"].as_str().unwrap().to_owned(), d["evidence"][0]["offset"].as_u64().unwrap()))
        .collect();
    found.sort();
    let second = event("a needle IN a stack").len() as u64;
    let expected = [("t1", 0), ("t3", second)].map(|(t, o)| (t.to_owned(), o));
    assert_eq!(found, expected, "the regular expression is case sensitive: IN is not in");
}

/// Ordinary work that only feeds correlations fills the bound on matches long before the one act that matters.
#[test]
fn building_blocks_never_crowd_out_what_raises_something() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("crowded");
    std::fs::create_dir_all(&folder).unwrap();
    let failed = |n: u32| {
        format!(
            "Jan 10 01:02:{n:02} bastion01 sshd[811]: Failed password for op{n} from 203.0.113.9 port 50022 ssh2\n"
        )
    };
    let wiped = "Jan 10 01:03:00 bastion01 sudo:     op1 : TTY=pts/0 ; PWD=/home/op1 ; USER=root ; COMMAND=/usr/bin/rm -f /var/log/auth.log\n";
    let log: String = (0..40).map(failed).chain([wiped.to_owned()]).collect();
    std::fs::write(folder.join("auth.log"), log).unwrap();
    let all = report(&[folder.to_str().unwrap()]);
    let few = report(&[folder.to_str().unwrap(), "--max-detections", "5"]);
    let wiping = |report: &serde_json::Value| {
        list(report, "detections")
            .iter()
            .filter(|d| d["title"].as_str().unwrap().contains("sudo record"))
            .count()
    };
    assert_eq!((wiping(&all), wiping(&few)), (1, 1));
    assert!(few["summary"]["unlisted"].as_u64() > Some(0), "the bound was reached");
}

/// Logs are often allocated ahead: what follows the last event holds none, and must not repeat those before it.
#[test]
fn an_empty_rest_repeats_nothing() {
    let line = b"Jan 10 12:00:00 web1 sshd[7]: Failed password for root from 192.0.2.7 port 4711 ssh2\n";
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty-rest");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, first, filler) in [
        ("auth.log", &line[..], b"\n"),
        ("events.json", br#"{"EventID":1,"Channel":"Security","Computer":"pc"}"#, b" "),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, [first, &filler.repeat(12 << 20)].concat()).unwrap();
        for jobs in ["1", "2"] {
            let report = report(&[path.to_str().unwrap(), "--jobs", jobs]);
            assert_eq!(report["summary"]["events"], 1, "{name}");
        }
    }
}

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

/// The same machine recorded again and again, from other states: its numbers come several times, at other times.
#[test]
fn recordings_that_overlap_tell_the_same_whatever_the_threads() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("overlapping-recordings");
    std::fs::create_dir_all(&folder).unwrap();
    for recording in 0..24_u64 {
        let event = |n: u64| {
            // Some begin where others end, some in the midst of others.
            let number = recording % 12 * 20 + recording / 20 * 7 + n;
            let second = recording * 997 % 3000 + n;
            let time = format!("2026-03-02T10:{:02}:{:02}Z", second / 60, second % 60);
            let id = 4000 + if recording < 12 { 0 } else { n % 3 };
            format!(
                r#"{{"EventID":{id},"Channel":"Security","Computer":"pc","EventRecordID":{number},"@timestamp":"{time}"}}"#
            ) + "\n"
        };
        std::fs::write(folder.join(format!("{recording:02}.json")), (0..20).map(event).collect::<String>())
            .unwrap();
    }
    let read = |jobs: &str| {
        let run = hinomi(&["investigate", "-q", folder.to_str().unwrap(), "--jobs", jobs, "--json"]);
        serde_json::from_slice::<serde_json::Value>(&run.stdout).unwrap()["sources"].take()
    };
    let one = read("1");
    assert_eq!(one[0]["seen"], 480);
    assert!(!list(&one[0], "clock_jumps").is_empty(), "{one}");
    for _ in 0..5 {
        assert_eq!(read("3"), one);
    }
}

/// A bound on what is kept is no all-clear, and what is kept tells the same whoever kept it.
#[test]
fn correlations_that_lack_matches_say_so() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("left-out");
    std::fs::create_dir_all(&folder).unwrap();
    let line = |n: u64, what: &str, address: &str| {
        format!(
            "2026-11-02T{:02}:{:02}:{:02}Z web1 sshd[7]: {what} password for op1 from {address} port 4022 ssh2\n",
            n / 3600,
            n / 60 % 60,
            n % 60
        )
    };
    let kinds = ["Failed", "Accepted", "Failed", "Failed"];
    let noise = (0..300_u64).map(|n| line(n * 60, kinds[n as usize % 4], &format!("198.51.100.{}", n % 250)));
    let guessed = (0..40).map(|n| line(20_000 + n, "Failed", "203.0.113.9"));
    let log: String = noise.chain(guessed).chain([line(20_050, "Accepted", "203.0.113.9")]).collect();
    for (name, text) in [("a.log", log.as_str()), ("b.log", &log.replace("web1", "web2"))] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let run = |more: &[&str]| {
        let mut args = vec!["investigate", "-q", folder.to_str().unwrap(), "--json"];
        args.extend_from_slice(more);
        let output = hinomi(&args);
        (output.status.code(), serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap())
    };
    let lacks = |report: &serde_json::Value| {
        list(report, "diagnostics").iter().any(|d| d["place"] == "--max-detections")
    };
    let (code, all) = run(&[]);
    assert_eq!((code, lacks(&all)), (Some(1), false));
    // The number that it says is enough is.
    let (_, few) = run(&["--max-detections", "3"]);
    let said = list(&few, "diagnostics").iter().find(|d| d["place"] == "--max-detections").unwrap();
    let words: Vec<&str> = said["message"].as_str().unwrap().rsplit(' ').collect();
    assert!(!lacks(&run(&["--max-detections", words[2]]).1), "{said}");
    let (code, few) = run(&["--max-detections", "20"]);
    assert_eq!((code, lacks(&few)), (Some(3), true), "{:#}", few["summary"]);
    // Also where the bound is reached in the midst of a file, whose lines are of several kinds.
    for bound in ["1", "7", "16", "20", "35"] {
        let of = |jobs: &str| run(&["--max-detections", bound, "--jobs", jobs]).1;
        assert_eq!(of("1"), of("3"), "--max-detections {bound}");
    }
    let inverted =
        hinomi(&["investigate", folder.to_str().unwrap(), "--since", "2026-11-03", "--until", "2026-11-02"]);
    assert_eq!(inverted.status.code(), Some(2));
}

/// What stands outside of the window is not missing.
#[test]
fn a_window_makes_no_gaps() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("window-gaps");
    std::fs::create_dir_all(&folder).unwrap();
    let event = |n: u64| {
        // Neighbours change places by the clock.
        let second = if n.is_multiple_of(2) { n + 3 } else { n };
        let time = format!("2026-03-02T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60);
        format!(
            r#"{{"EventID":1,"Channel":"Security","Computer":"pc","EventRecordID":{n},"@timestamp":"{time}"}}"#
        ) + "\n"
    };
    let write = |lost: std::ops::Range<u64>| {
        let text: String = (0..7200).filter(|n| !lost.contains(n)).map(event).collect();
        std::fs::write(folder.join("log.json"), text).unwrap();
    };
    let missing = |more: &[&str]| {
        let mut args = vec![folder.to_str().unwrap()];
        args.extend_from_slice(more);
        report(&args)["sources"][0]["missing"].as_u64().unwrap()
    };
    let (early, late) = (["--until", "2026-03-02T01:00:01Z"], ["--since", "2026-03-02T01:00:01Z"]);
    write(0..0);
    assert_eq!([missing(&[]), missing(&early), missing(&late)], [0, 0, 0]);
    write(100..110);
    assert_eq!([missing(&[]), missing(&early), missing(&late)], [10, 10, 0]);
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
    let short = report(&["examples/case", "--tz", "Asia/Tokyo", "--until", "2026-11-22T07:40"]);
    assert!((1..all).contains(&list(&short, "detections").len()));
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
fn an_indicator_is_not_found_inside_another() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("indicator-edges");
    std::fs::create_dir_all(&folder).unwrap();
    let found = |indicator: &str, text: &str| {
        let list = folder.join("ioc.txt");
        // As an editor on Windows writes it.
        std::fs::write(&list, format!("\u{feff}{indicator}\r\n")).unwrap();
        let log = folder.join("app.log");
        std::fs::write(&log, format!("2026-11-02T08:00:00Z ws1 app[7]: {text}\n")).unwrap();
        let report = report(&[log.to_str().unwrap(), "--ioc", list.to_str().unwrap()]);
        self::list(&report, "detections")
            .iter()
            .any(|d| d["rule_id"].as_str().unwrap().starts_with("indicator-"))
    };
    for (indicator, inside, not) in [
        (
            "10.1.2.3",
            &["to 10.1.2.3", "10.1.2.3:443 up", "src=10.1.2.3.", "::ffff:10.1.2.3"][..],
            &["10.1.2.34", "110.1.2.3", "10.1.2.3.4"][..],
        ),
        ("2001:db8::7", &["from [2001:DB8::7]:443"], &["2001:db8::77", "12001:db8::7"]),
        (
            "evil[.]example",
            &["GET http://evil.example/x", "EVIL.example", "cdn.evil.example", "seen evil.example."],
            &["notevil.example", "my-evil.example", "evil.example.com", "evil.examples"],
        ),
        ("drop.exe", &[r"C:\Temp\drop.exe", "drop.exe -q"], &["raindrop.exe"]),
        ("c0ffee", &["sha1 c0ffee00", "c0ffee"], &["c0ffe"]),
    ] {
        inside.iter().for_each(|text| assert!(found(indicator, text), "{indicator} in {text}"));
        not.iter().for_each(|text| assert!(!found(indicator, text), "{indicator} in {text}"));
    }
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
    let text =
        stdout(&hinomi(&["rules", "explain", &file("rule.yml"), &file("events.json"), "--lang", "en"]));
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

/// A span in which nothing was read is no all-clear, and the terminal says what was asked for.
#[test]
fn a_span_without_events_is_unknown() {
    let case = ["investigate", "-q", "examples/case", "--since", "2030-01-01", "--lang"];
    for (lang, says) in [("en", "nothing can be said of it"), ("ja", "何も判断できません")] {
        let output = hinomi(&[&case[..], &[lang]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains(says) && text.contains("2030-01-01"), "{text}");
    }
    // What is handed on says so, too.
    let handed = ["html", "md"].map(|ending| format!("{}/empty-span.{ending}", env!("CARGO_TARGET_TMPDIR")));
    hinomi(&[&case[..], &["en", "--report", &handed[0], "--report", &handed[1]]].concat());
    for path in &handed {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.contains("nothing can be said of it") && !text.contains("No incident was found"),
            "{path}"
        );
    }
    assert_eq!(hinomi(&["verify", "report", &handed[0], "examples/case"]).status.code(), Some(0));
    let silent = [&case[..], &["ja", "--host", "gw01", "--host", "fs01"]].concat();
    let output = hinomi(&silent);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(
        text.contains("--host gw01  ") && text.contains("この期間にこのホストのイベントはありません"),
        "{text}"
    );
    let hosts =
        hinomi(&["investigate", "-q", "examples/case", "--host", "gw01.corp.example", "--lang", "en"]);
    let text = String::from_utf8(hosts.stdout).unwrap();
    assert!(text.contains("only: gw01.corp.example") && text.contains("gw01  "), "{text}");
}

/// Whatever could not be read is told in the language of the reader.
#[test]
fn losses_are_told_in_japanese() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("losses-ja");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let line = "Jan 10 12:00:00 web1 sshd[7]: Failed password for root from 192.0.2.7 port 4711 ssh2\n";
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write("zoneless.log", line.as_bytes());
    write("latin.log", &[line.as_bytes(), b"Jan 10 12:00:01 web1 sshd[7]: \xff\xfe\xfd x\n"].concat());
    write("broken.json", b"{\"EventID\":1,\"Channel\":\"Security\"}\n{\"EventID\":,\"x\":1}\n{\"a\":1}\n");
    write("cut.json", b"{\"EventID\":1,\"Channel\":\"Security\"}\n{\"EventID\":2,\"Chan");
    write(
        "random.bin",
        &(0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>(),
    );
    write("archive.zip", b"PK\x03\x04\x14\x00\x01\x00\x08\x00aaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    write("archive.bz2", b"BZh91AY&SYaaaaaaaaaaaaaaaaaaaaaaaa");
    write("empty-array.json", b"[");
    std::os::unix::fs::symlink("/etc/hostname", folder.join("away.log")).unwrap();
    let asked = |lang| hinomi(&["investigate", "-q", folder.to_str().unwrap(), "--lang", lang]);
    let text = String::from_utf8(asked("ja").stdout).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.contains('@')).collect();
    assert!(told.len() >= 7, "{text}");
    for line in told {
        let (_, said) = line.rsplit_once('@').unwrap();
        assert!(!said.is_ascii(), "told in English: {line}");
        let words = said.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2).count();
        assert!(words <= 3, "told in English: {line}");
    }
}

/// Sign-ins that only the journal of a host has count as those of its log do.
#[test]
fn sign_ins_of_a_journal_are_those_of_a_log() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal-only");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let message = |n: u64| match n {
        12 => "Accepted password for op1 from 203.0.113.9 port 4022 ssh2".to_owned(),
        n => format!("Failed password for op1 from 203.0.113.9 port {} ssh2", 4000 + n),
    };
    let entry = |n: u64| {
        let micros = 1_793_613_600_300_000 + n * 1_000_000;
        let entry = serde_json::json!({
            "__REALTIME_TIMESTAMP": micros.to_string(), "_HOSTNAME": "web1", "SYSLOG_IDENTIFIER": "sshd",
            "SYSLOG_PID": (70 + n).to_string(), "MESSAGE": message(n),
        });
        format!("{entry}\n")
    };
    let line = |n: u64| format!("2026-11-02T10:00:{n:02}.300000Z web1 sshd[{}]: {}\n", 70 + n, message(n));
    let found = |name: &str, text: String| -> Vec<serde_json::Value> {
        std::fs::write(folder.join(name), text).unwrap();
        let report = report(&[folder.join(name).to_str().unwrap()]);
        let said =
            |d: &serde_json::Value| ["rule_id", "time", "host", "account", "level"].map(|key| d[key].clone());
        let mut found: Vec<_> =
            list(&report, "detections").iter().map(|d| serde_json::json!(said(d))).collect();
        // Those of one moment come in order of their bytes.
        found.sort_by_key(ToString::to_string);
        found
    };
    let of_log = found("auth.log", (0..13).map(line).collect());
    assert!(of_log.iter().any(|d| d[4] == "high"), "{of_log:?}");
    assert_eq!(found("journal.json", (0..13).map(entry).collect()), of_log);
}

/// A log that was collected twice, whole or in part, raises no count; lines that one log holds twice do.
#[test]
fn copies_of_a_log_are_counted_once() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("copies");
    let rules = "title: f\nid: 7e0c2a54-5d2f-4f7e-9b1c-0000000000f1\nname: f\nlogsource: {product: linux, service: sshd}\n\
                 detection:\n  s: {status: Failure}\n  condition: s\n---\n\
                 title: many\nid: 7e0c2a54-5d2f-4f7e-9b1c-0000000000f2\nlevel: high\ncorrelation:\n  type: event_count\n  rules: [f]\n  \
                 group-by: [src_endpoint.ip]\n  timespan: 10m\n  condition: {gte: 6}\n";
    let line = |n: u64| {
        format!(
            "2026-11-02T10:00:{n:02}Z web1 sshd[7]: Failed password for op1 from 203.0.113.9 port 4022 ssh2\n"
        )
    };
    let lines = |numbers: &[u64]| numbers.iter().map(|n| line(*n)).collect::<String>();
    let counted = |logs: &[(&str, String)]| -> Vec<(String, usize)> {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("logs")).unwrap();
        std::fs::write(folder.join("rules.yml"), rules).unwrap();
        for (name, text) in logs {
            std::fs::write(folder.join("logs").join(name), text).unwrap();
        }
        let (logs, rules) = (folder.join("logs"), folder.join("rules.yml"));
        let report = report(&[logs.to_str().unwrap(), "-r", rules.to_str().unwrap()]);
        let many = list(&report, "detections").iter().filter(|d| d["title"] == "many");
        many.map(|d| (d["id"].as_str().unwrap().to_owned(), list(d, "evidence").len())).collect()
    };
    let five = lines(&[1, 2, 3, 4, 5]);
    assert_eq!(counted(&[("a.log", five.clone())]), []);
    assert_eq!(counted(&[("a.log", five.clone()), ("b.log", five.clone())]), [], "a copy");
    // Six are in none of them, and the whole is told as if it had been in one.
    let one = counted(&[("a.log", lines(&[1, 2, 3, 4, 5, 6]))]);
    assert_eq!(one.len(), 1);
    assert_eq!(counted(&[("a.log", five.clone()), ("b.log", lines(&[3, 4, 5, 6]))]), one, "they overlap");
    assert_eq!(counted(&[("a.log", lines(&[3, 4, 5, 6])), ("b.log", five.clone())]), one, "in any order");
    // One log says the same twice: two events, also where a copy has one of them.
    let twice = counted(&[("a.log", lines(&[1, 2, 3, 4, 5, 5]))]);
    assert_eq!(twice.len(), 1);
    assert_eq!(counted(&[("a.log", lines(&[1, 2, 3, 4, 5, 5])), ("b.log", five.clone())]), twice);
    assert_eq!(counted(&[("a.log", five.clone()), ("b.log", lines(&[1, 2, 3, 4, 5, 5]))]), twice);
    // Hosts that say the same are several.
    let other = five.replace("web1", "web2");
    assert_eq!(counted(&[("a.log", five), ("b.log", other)]).len(), 1);
}

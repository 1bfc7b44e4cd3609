//! A company of a few machines: what the renderer promises.

use hinomi_model::Timestamp;
use hinomi_scenario::{Library, Recorded, Request, SpliceSource, StepKind, render};
use serde_json::{Value, json};

use super::{Memory, cited, rendered};

const ORGANISATION: &str = r"
version: 1
name: tiny
sector: {en: a test, ja: 試験}
utc_offset: '+09:00'
holidays: ['2026-06-03']
constants: {domain: tiny.example}
formats: [formats.yaml]
shapes:
  day: {hours: '0 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0', saturday: 0, sunday: 0, holiday: 0}
roles:
  - {role: desk, name: 'pc<n:2>', count: 3, elastic: true, network: 10.0.0.0/16, logs: [events], attributes: {fqdn: '<name>.<domain>'}}
  - {role: server, name: srv, network: 10.1.0.0/24, logs: [events, sys], attributes: {fqdn: '<name>.<domain>'}}
  - {role: mute, name: mute, network: 10.2.0.0/24, logs: [sys], attributes: {fqdn: '<name>.<domain>'}}
  - {role: person, name: 'p<n>', count: 5}
lists:
  runs: [{say: one}, {say: 'two <@draw:hex:2>'}]
noise:
  - name: work
    per: {pc: desk}
    rate: 40
    shape: day
    bind: {user: 'person@pc', srv: server}
    draw: {run: 'list:runs'}
    emit:
      - {on: pc, event: events/run, with: {command: '<run.say>'}}
      - {on: srv, event: events/run, after: 1s..3000s, with: {command: 'again \<run.say>', channel: Other}}
  - name: clockwork
    per: {srv: server}
    every: 6h
    emit: [{on: srv, event: sys/tick}]
";

const FORMATS: &str = r#"
version: 1
formats:
  events:
    file: events.ndjson
    json: true
    counter: '<channel>'
    frame: '{"t":"<@utc>","n":<@seq>,"c":"<channel>","h":"<host.fqdn|upper>",<@body>}'
    set: {channel: Main, user: '<user.name>'}
    events:
      run: '"u":"<user>","do":"<command>"'
  sys:
    file: sys.log
    frame: '<<13><@syslog> <host.name> <@body>'
    events: {tick: 'tick <@draw:1..9>'}
"#;

const CASE: &str = r"
version: 1
name: small
title: {en: A small case, ja: 小さな事例}
organisation: organisation.yaml
start: '2026-06-01'
days: 7
cast: {thief: 'person#2', victim: server, dumb: mute}
choices: {tool: [{name: alpha}, {name: beta}, {name: gamma}]}
variant: {shift_hours: [5], pace_percent: [50]}
steps:
  - {id: S1, stage: access, techniques: [T1078], day: 2, at: '23:30', what: {en: takes, ja: 取る}, account: thief, bind: {user: thief}, emit: [{on: victim, event: events/run, repeat: '5', every: 1s, with: {command: 'take <tool.name>'}}]}
  - {id: S2, stage: hide, techniques: [T1070], day: 4, at: '01:00', what: {en: hides, ja: 隠す}, account: thief, bind: {user: thief}, emit: [{on: victim, event: events/run, with: {command: hide, channel: Other}}, {on: dumb, event: events/run, with: {command: unseen}}]}
losses:
  - {hosts: [victim], format: events, counter: Main, until: S2, numbered: true, why: {en: cleared, ja: 消去}}
";

fn library(case: &str) -> Library {
    let read = |file: &str| {
        Some(match file {
            "case.yaml" => case.to_owned(),
            "organisation.yaml" => ORGANISATION.to_owned(),
            "formats.yaml" => FORMATS.to_owned(),
            _ => return None,
        })
    };
    Library::load("case.yaml", &read).unwrap()
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    std::str::from_utf8(bytes).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let library = library(CASE);
    let request = Request { seed: 4, ..Request::default() };
    let (first, again) = (rendered(&library, &request), rendered(&library, &request));
    assert_eq!(first.0, again.0);
    assert_eq!(serde_json::to_string(&first.1).unwrap(), serde_json::to_string(&again.1).unwrap());
    let other = rendered(&library, &Request { seed: 5, ..request });
    assert_ne!(first.0["pc01/events.ndjson"], other.0["pc01/events.ndjson"]);
}

#[test]
fn lines_are_in_order_numbered_without_gaps_and_in_working_hours() {
    let (files, truth) = rendered(&library(CASE), &Request { seed: 4, ..Request::default() });
    let pc = lines(&files["pc02/events.ndjson"]);
    assert!(pc.len() > 60, "{}", pc.len());
    for pair in pc.windows(2) {
        assert!(pair[0]["t"].as_str() <= pair[1]["t"].as_str());
        assert_eq!(pair[0]["n"].as_u64().unwrap() + 1, pair[1]["n"].as_u64().unwrap());
    }
    for line in &pc {
        let time = line["t"].as_str().unwrap();
        let hour: u32 = time[11..13].parse().unwrap();
        assert!(hour < 8, "nine to five in Japan is before eight in UTC: {time}");
        let day: u32 = time[8..10].parse().unwrap();
        assert!(![3, 6, 7].contains(&day), "a holiday or a weekend: {time}");
        assert_eq!(line["h"], "PC02.TINY.EXAMPLE");
    }
    let whole: usize = files.values().map(|b| b.iter().filter(|c| **c == b'\n').count()).sum();
    assert_eq!(truth.events, whole as u64);
    assert_eq!(truth.bytes, files.values().map(|b| b.len() as u64).sum::<u64>());
    assert!(String::from_utf8_lossy(&files["srv/sys.log"]).starts_with("<13>Jun  1 "));
}

#[test]
fn parts_of_an_occurrence_agree() {
    let (files, _) = rendered(&library(CASE), &Request { seed: 4, without_case: true, ..Request::default() });
    let said: Vec<Value> = (1..=3).flat_map(|n| lines(&files[&format!("pc{n:02}/events.ndjson")])).collect();
    let answered = lines(&files["srv/events.ndjson"]);
    let mut matched = 0;
    for answer in answered.iter().filter(|l| l["c"] == "Other") {
        let text = answer["do"].as_str().unwrap().strip_prefix("again \\").unwrap();
        matched += usize::from(
            said.iter().any(|s| s["u"] == answer["u"] && s["do"].as_str().unwrap()[..3] == text[..3]),
        );
    }
    assert!(matched > 100 && matched == answered.iter().filter(|l| l["c"] == "Other").count());
}

#[test]
fn what_was_cleared_is_gone_and_the_numbers_show_it() {
    let (files, truth) = rendered(&library(CASE), &Request { seed: 4, ..Request::default() });
    let step = |id: &str| truth.steps.iter().find(|s| s.id == id).unwrap();
    assert_eq!((step("S1").visible, step("S1").lost, step("S1").evidence.len()), (false, 5, 0));
    let hidden = step("S2");
    assert_eq!(
        (hidden.visible, hidden.lost, hidden.evidence.len()),
        (true, 1, 1),
        "the mute host has no such log"
    );
    let line: Value = serde_json::from_str(cited(&files, &hidden.evidence[0])).unwrap();
    assert_eq!((line["do"].as_str(), line["u"].as_str()), (Some("hide"), Some("p2")));
    assert_eq!(hidden.start, "2026-06-04T16:00:00.000000000Z");
    let main: Vec<Value> =
        lines(&files["srv/events.ndjson"]).into_iter().filter(|l| l["c"] == "Main").collect();
    assert!(main.iter().all(|l| l["t"].as_str().unwrap() >= "2026-06-04T16:00:00"));
    assert_eq!((truth.losses.len(), truth.losses[0].lines), (1, 5));
}

#[test]
fn a_variant_takes_other_tools_and_hours_and_keeps_the_order() {
    let library = library(CASE);
    let names: std::collections::BTreeSet<usize> = (0..20)
        .map(|v| {
            let request =
                Request { seed: 4, variant: Some(v), without_background: true, ..Request::default() };
            let (_, truth) = rendered(&library, &request);
            let times: Vec<(&str, &str)> =
                truth.steps.iter().map(|s| (s.id.as_str(), s.start.as_str())).collect();
            // Five hours later, and half the 25.5 hours from one to the other.
            let expected =
                [("S1", "2026-06-03T19:30:00.000000000Z"), ("S2", "2026-06-04T08:15:00.000000000Z")];
            assert_eq!(times, expected);
            truth.choices["tool"]
        })
        .collect();
    assert_eq!(names.len(), 3, "all rows are drawn: {names:?}");
    let (_, plain) = rendered(&library, &Request { seed: 4, ..Request::default() });
    assert_eq!(plain.choices["tool"], 0);
}

#[test]
fn size_and_hosts_as_asked() {
    let library = library(CASE);
    let request =
        Request { seed: 1, hosts: Some(40), events: Some(30_000), days: Some(5), ..Request::default() };
    let (_, truth) = rendered(&library, &request);
    assert_eq!(truth.hosts.len(), 40);
    assert!((28_000..32_000).contains(&truth.events), "{}", truth.events);
    assert!(truth.steps.iter().all(|s| s.kind == StepKind::Attack && s.visible || s.id == "S1"));
}

#[test]
fn mistakes_are_named() {
    let check = |from: &str, to: &str, expected: &str| {
        let library = library(&CASE.replace(from, to));
        let error = render(&library, &Request::default(), &mut super::NoRecordings, &mut Memory::default());
        let message = error.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check("<tool.name>", "<tool.nam>", "S1: choice \"tool.nam\" is not defined");
    check("events/run, repeat", "events/fly, repeat", "event \"events/fly\"");
    check("23:30", "25:30", "\"25:30\" is not a time of day");
    check("'person#2'", "ghost", "role \"ghost\"");
    check("until: S2", "until: S9", "step \"S9\"");
    check("'take <tool.name>'", "'<command>'", "more than 10 templates inside each other");
}

struct Tape(Vec<Recorded>);

impl SpliceSource for Tape {
    fn events(&mut self, recording: &str) -> Result<Vec<Recorded>, String> {
        if recording == "tape.json" { Ok(self.0.clone()) } else { Err("no such tape".to_owned()) }
    }
}

#[test]
fn recordings_move_to_the_scenario() {
    let splice =
        "emit: [], splice: [{recording: tape.json, hosts: [victim], accounts: [thief], format: events}]}";
    let at = CASE.find("emit: [{on: victim, event: events/run, repeat").unwrap();
    let end = at + CASE[at..].find('\n').unwrap();
    let library = library(&format!("{}{splice}{}", &CASE[..at], &CASE[end..]));
    let event = |seconds: i64, text: &str| Recorded {
        time: Some(Timestamp::from_nanos((1_588_413_600 + seconds) * 1_000_000_000)),
        host: "WS1.lab.local".to_owned(),
        account: r"LAB\bob".to_owned(),
        fields: json!({
            "When": format!("2020-05-02 10:00:{seconds:02}.500"),
            "Who": r"LAB\Bob", "Where": "ws1.LAB.local", "Ip": "172.16.4.4", "Text": text, "Id": 4624,
        })
        .as_object()
        .unwrap()
        .clone(),
    };
    let mut memory = Memory::default();
    let mut tape = Tape(vec![event(0, "bobcat at ws1"), event(7, "2020 bob")]);
    let request = Request { seed: 4, without_background: true, ..Request::default() };
    let truth = render(&library, &request, &mut tape, &mut memory).unwrap();
    // The log of that day was cleared later: spliced lines are lost like any other.
    assert_eq!(truth.steps[0].lost, 2);
    let mut memory = Memory::default();
    let kept = library_without_losses(&CASE[..at], splice, &CASE[end..]);
    let truth = render(&kept, &request, &mut tape, &mut memory).unwrap();
    let first = cited(&memory.0, &truth.steps[0].evidence[0]);
    let line: Value = serde_json::from_str(first).unwrap();
    let expected = json!({
        "When": "2026-06-03 14:30:00.500", "Who": r"TINY\p2", "Where": "srv.tiny.example", "Ip": "10.1.0.10",
        "Text": "bobcat at srv", "Id": 4624,
    });
    assert_eq!(line, expected);
    let failing = render(&kept, &request, &mut super::NoRecordings, &mut Memory::default()).unwrap_err();
    assert!(failing.to_string().contains("tape.json is not here"), "{failing}");
}

fn library_without_losses(before: &str, splice: &str, after: &str) -> Library {
    let after = after.split("losses:").next().unwrap();
    library(&format!("{before}{splice}{after}"))
}

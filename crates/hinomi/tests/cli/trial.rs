//! `hinomi scenario` and `hinomi trial`: figures come from what really fired, and go when the rules go.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::support::{corpora, hinomi, list, report, root, stdout, text, unpacked};

/// A new folder for one test.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trial-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A set of three recordings: two attacks, and ordinary work.
fn set(name: &str) -> PathBuf {
    let folder = scratch(name);
    let cleared = "{\"@timestamp\":\"2026-01-10T01:02:03Z\",\"Channel\":\"Security\",\"Provider_Name\":\"Microsoft-Windows-Eventlog\",\"EventID\":1102,\"Computer\":\"srv1.example.jp\",\"SubjectUserName\":\"op1\"}\n";
    let started = "{\"@timestamp\":\"2026-01-10T01:01:33Z\",\"Channel\":\"Security\",\"Provider_Name\":\"Microsoft-Windows-Security-Auditing\",\"EventID\":4688,\"Computer\":\"srv1.example.jp\",\"SubjectUserName\":\"op1\",\"NewProcessName\":\"C:\\\\Windows\\\\System32\\\\notepad.exe\",\"CommandLine\":\"notepad.exe\"}\n";
    std::fs::write(folder.join("cleared.json"), format!("{started}{cleared}")).unwrap();
    std::fs::write(folder.join("other.json"), cleared).unwrap();
    std::fs::write(folder.join("quiet.json"), started).unwrap();
    let labels = [
        json!({"capture": "cleared.json", "techniques": ["T1070.001"], "group": "logs"}),
        json!({"capture": "other.json", "techniques": ["T1486"], "group": "impact"}),
        json!({"capture": "quiet.json", "techniques": ["T1059"], "group": "execution"}),
        json!({"capture": "quiet.json", "benign": true}),
    ];
    let lines: String = labels.iter().map(|l| format!("{l}\n")).collect();
    std::fs::write(folder.join("labels.jsonl"), lines).unwrap();
    folder
}

fn run(args: &[&str]) -> (Option<i32>, Value) {
    let output = hinomi(&[&["trial", "run", "--json"], args].concat());
    let text = stdout(&output);
    // What is worse follows the document.
    let mut documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let document = documents.next().map_or(Value::Null, Result::unwrap_or_default);
    (output.status.code(), document)
}

fn verdicts(document: &Value) -> Vec<(String, String)> {
    let outcomes = list(&document["trials"], "outcomes");
    outcomes.iter().map(|o| (text(o, "procedure").to_owned(), text(o, "verdict").to_owned())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_set_is_judged_by_technique_and_misses_stay_in_the_figures() {
    let folder = set("judged");
    let (code, document) = run(&["--set", shown(&folder)]);
    assert_eq!(code, Some(0));
    let expected = [("cleared.json", "detected"), ("other.json", "other"), ("quiet.json", "missed")];
    assert_eq!(verdicts(&document), pairs(&expected));
    let figures = &document["figures"];
    assert_eq!((&figures["total"]["executed"], &figures["total"]["detected"]), (&json!(3), &json!(1)));
    assert_eq!(document["trials"]["outcomes"][0]["delay_seconds"], json!(30.0));
    assert_eq!(figures["delay_seconds"]["median"], Value::Null, "two of three were never detected");
    assert_eq!(figures["by_technique"]["T1070.001"], json!({"executed": 1, "detected": 1}));
    assert_eq!(figures["noise"]["events"], json!(1));
    assert_eq!(figures["noise"]["alerts_per_10k_events"], json!(0.0));
    let untested: Vec<&str> = list(figures, "untested").iter().filter_map(Value::as_str).collect();
    assert!(untested.contains(&"T1003.003") && !untested.contains(&"T1070.001"), "{untested:?}");
}

#[test]
fn rules_left_out_turn_detections_into_misses() {
    let folder = set("ablation");
    for part in ["windows", "security_log_cleared", "attack.t1070.001"] {
        let (code, document) = run(&["--set", shown(&folder), "--without", part]);
        assert_eq!(code, Some(0), "{part}");
        assert_eq!(verdicts(&document)[0].1, "missed", "{part}");
        assert_eq!(document["figures"]["total"]["detected"], json!(0), "{part}");
    }
    let (code, _) = run(&["--set", shown(&folder), "--without", "nonsense"]);
    assert_eq!(code, Some(2), "an ablation of nothing would prove nothing");
}

#[test]
fn a_worse_figure_fails_against_the_baseline_and_history_and_layer_are_written() {
    let folder = set("baseline");
    let file = |name: &str| shown(&folder.join(name)).to_owned();
    let (baseline, history, layer) = (file("base.json"), file("history.jsonl"), file("layer.json"));
    let common =
        ["--set", shown(&folder), "--baseline", &baseline, "--history", &history, "--navigator", &layer];
    assert_eq!(run(&[&common[..], &["--update-baseline"]].concat()).0, Some(0));
    assert_eq!(run(&common).0, Some(0));
    let worse = hinomi(&[&["trial", "run"], &common[..], &["--without", "security_log_cleared"]].concat());
    assert_eq!(worse.status.code(), Some(4));
    assert!(stdout(&worse).contains("worse: cleared.json: was detected, is missed"), "{}", stdout(&worse));
    let lines: Vec<Value> = std::fs::read_to_string(&history)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["procedures"]["cleared.json"], "missed");
    // The layer of the last run: executed, but nothing fired.
    let layer: Value = serde_json::from_str(&std::fs::read_to_string(&layer).unwrap()).unwrap();
    let cleared = list(&layer, "techniques").iter().find(|t| t["techniqueID"] == "T1070.001").unwrap();
    assert_eq!(cleared["score"], 0);
}

#[test]
fn a_recording_that_is_not_there_is_an_error_not_a_miss() {
    let folder = set("absent");
    std::fs::remove_file(folder.join("other.json")).unwrap();
    assert_eq!(run(&["--set", shown(&folder)]).0, Some(3));
}

#[test]
fn a_scenario_is_rendered_investigated_and_judged_by_its_truth() {
    let work = scratch("scenario");
    let case = ["--scenario", "quiet-contractor", "--without-background", "--work", shown(&work)];
    let (code, whole) = run(&case);
    assert_eq!(code, Some(0));
    let of = |document: &Value, step: &str| {
        let named = verdicts(document).into_iter().find(|(p, _)| p.ends_with(step));
        named.map(|(_, v)| v).unwrap()
    };
    assert_eq!(of(&whole, "A16"), "detected", "backup jobs deleted in the console");
    // Erased logs keep a step from being seen, and it stays in the denominator.
    assert_eq!(of(&whole, "A13"), "invisible");
    assert_eq!(whole["figures"]["total"]["executed"], json!(23));
    let (_, less) = run(&[&case[..], &["--without", "backup"]].concat());
    assert_eq!(of(&less, "A16"), "missed");
    assert_eq!(std::fs::read_dir(&work).unwrap().count(), 0, "renderings are removed");
}

#[test]
fn renderings_are_the_same_byte_for_byte_and_never_mixed() {
    let folder = scratch("render");
    let (one, two) = (folder.join("one"), folder.join("two"));
    for out in [&one, &two] {
        let args = [
            "scenario",
            "render",
            "quiet-contractor",
            "--out",
            shown(out),
            "--without-background",
            "--variant",
            "5",
        ];
        assert_eq!(hinomi(&args).status.code(), Some(0));
    }
    let read = |out: &Path| std::fs::read(out.join("truth.json")).unwrap();
    assert_eq!(read(&one), read(&two));
    let truth: Value = serde_json::from_slice(&read(&one)).unwrap();
    for file in list(&truth, "files") {
        let path = text(file, "path");
        assert_eq!(std::fs::read(one.join(path)).unwrap(), std::fs::read(two.join(path)).unwrap(), "{path}");
    }
    let again = hinomi(&["scenario", "render", "quiet-contractor", "--out", shown(&one)]);
    assert_eq!(again.status.code(), Some(2), "the folder is not empty");
    assert_eq!(
        hinomi(&["scenario", "render", "no-such", "--out", shown(&folder.join("x"))]).status.code(),
        Some(3)
    );
    assert!(stdout(&hinomi(&["scenario", "list"])).contains("quiet-contractor\t"));
}

/// A copy of the bundled scenarios in which one step is a recording.
fn spliced(folder: &Path, splice: &str) -> PathBuf {
    let scenarios = root().join("scenarios");
    for kind in ["organisations", "formats"] {
        std::fs::create_dir_all(folder.join(kind)).unwrap();
        for entry in std::fs::read_dir(scenarios.join(kind)).unwrap().map(Result::unwrap) {
            std::fs::copy(entry.path(), folder.join(kind).join(entry.file_name())).unwrap();
        }
    }
    let case = std::fs::read_to_string(scenarios.join("supplier-cloud.yaml")).unwrap();
    let (head, steps) = case.split_once("\nsteps:\n").unwrap();
    let step = format!(
        "\nsteps:\n  - id: R01\n    stage: credential-access\n    techniques: [T1003]\n    day: 1\n    at: '02:00'\n    \
         what: {{en: a recording, ja: 録画}}\n    host: srv\n    bind: {{srv: database-server#1, user: administrator#1, nsm: wire-sensor}}\n    \
         splice: [{splice}]\n"
    );
    let file = folder.join("case.yaml");
    std::fs::write(&file, format!("{head}{step}{steps}")).unwrap();
    file
}

/// Renders with a splice; gives the folder and the truth of the spliced step.
fn splice(name: &str, recordings: &Path, splice: &str) -> (PathBuf, Value) {
    let folder = scratch(name);
    let (case, out) = (spliced(&folder, splice), folder.join("out"));
    let args = [
        "scenario",
        "render",
        shown(&case),
        "--out",
        shown(&out),
        "--without-background",
        "--recordings",
        shown(recordings),
    ];
    let output = hinomi(&args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let truth: Value = serde_json::from_slice(&std::fs::read(out.join("truth.json")).unwrap()).unwrap();
    let step = list(&truth, "steps").iter().find(|s| s["id"] == "R01").unwrap().clone();
    (out, step)
}

/// Every line of the step, read back.
fn lines_of(out: &Path, step: &Value) -> Vec<Value> {
    let line = |evidence: &Value| {
        let bytes = std::fs::read(out.join(text(evidence, "file"))).unwrap();
        let start = usize::try_from(evidence["offset"].as_u64().unwrap()).unwrap();
        let end = start + usize::try_from(evidence["length"].as_u64().unwrap()).unwrap();
        serde_json::from_slice(&bytes[start..end]).unwrap()
    };
    list(step, "evidence").iter().map(line).collect()
}

#[test]
fn recorded_windows_events_move_to_the_scenarios_hosts_and_time_and_are_detected_there() {
    let Some(folder) = unpacked("a_windows_attack/evtx_to_mitre_attack") else { return };
    let recording =
        "TA0006-Credential Access/T1003-Credential dumping/ID1-LSASS dump with LSASSY (SYSMON).evtx";
    let spec = format!("{{recording: '{recording}', hosts: [srv], accounts: [user], format: sensor}}");
    let (out, step) = splice("splice-evtx", &folder, &spec);
    let lines = lines_of(&out, &step);
    assert!(!lines.is_empty());
    for line in &lines {
        assert_eq!(line["Computer"], "mdb01.minato.example.jp", "{line}");
        assert!(text(line, "@timestamp").starts_with("2026-10-01T17:"), "two at night in Japan: {line}");
        assert!(
            !line.to_string().to_lowercase().contains("offsec"),
            "the recording's domain is gone: {line}"
        );
    }
    // The spliced events are events like any other: rules fire on them, at the scenario's time and host.
    let report = report(&[shown(&out.join("mdb01"))]);
    let found = list(&report, "detections");
    assert!(
        found
            .iter()
            .any(|d| d["host"] == "mdb01.minato.example.jp" && text(d, "time").starts_with("2026-10-01T17:"))
    );
}

#[test]
fn recorded_json_and_sensor_records_are_spliced() {
    let Some(corpora) = corpora() else { return };
    let folder = corpora
        .join("a_windows_attack/security_datasets_atomic_2019_2021/atomic/windows/credential_access/host");
    let spec = "{recording: empire_shell_reg_dump_sam.zip, hosts: [srv], accounts: [user], format: windows}";
    let (out, step) = splice("splice-json", &folder, spec);
    let lines = lines_of(&out, &step);
    assert!(lines.len() > 100, "{}", lines.len());
    assert!(
        lines.iter().all(|l| !l.to_string().to_lowercase().contains("theshire")),
        "the recording's domain is gone"
    );
    let Some(folder) = unpacked("d_network/apt29_day2_zeek") else { return };
    let recording = "datasets/compound/apt29/day2/zeek/combined_zeek.log";
    let spec = format!("{{recording: {recording}, hosts: [nsm], accounts: [user], format: wire}}");
    let (out, step) = splice("splice-zeek", &folder, &spec);
    // Records without a time stand first and fill the list of evidence, so the file itself is read.
    let log = std::fs::read_to_string(out.join("mnsm01/zeek-conn.ndjson")).unwrap();
    let values = log.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    let times: Vec<f64> = values.filter_map(|l| l["ts"].as_f64()).collect();
    // From two at night in Japan, for as long as the recording went on.
    assert!(times.len() > 100 && times.iter().all(|t| (1_790_874_000.0..1_790_960_400.0).contains(t)));
    assert!(text(&step, "end") > text(&step, "start"));
}

/// The committed figures of the scenarios hold. Recorded sets are compared by `trials/measure.sh`.
#[test]
fn no_figure_of_a_scenario_is_worse_than_its_baseline() {
    let work = scratch("baselines");
    for case in ["quiet-contractor", "web-break-in", "supplier-cloud"] {
        let baseline = format!("trials/{case}.baseline.json");
        let args =
            ["--scenario", case, "--without-background", "--work", shown(&work), "--baseline", &baseline];
        let output = hinomi(&[&["trial", "run"], &args[..]].concat());
        let said = stdout(&output);
        let worse: Vec<&str> = said.lines().filter(|l| l.starts_with("worse:")).collect();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{case}: {worse:#?}\nif intended: trials/measure.sh --update"
        );
    }
}

#[test]
fn without_a_family_of_rules_the_committed_baseline_fails() {
    let work = scratch("ablated");
    let args = ["--scenario", "quiet-contractor", "--without-background", "--work", shown(&work)];
    let against = ["--baseline", "trials/quiet-contractor.baseline.json", "--without", "backup"];
    let output = hinomi(&[&["trial", "run"], &args[..], &against[..]].concat());
    assert_eq!(output.status.code(), Some(4), "{}", stdout(&output));
    let said = stdout(&output);
    for lost in ["quiet-contractor A16", "quiet-contractor A17"] {
        assert!(said.lines().any(|l| l.starts_with("worse:") && l.contains(lost)), "{lost}: {said}");
    }
}

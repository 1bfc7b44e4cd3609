//! Derived data of files and ledgers: made, asked, checked, made again.

use std::path::{Path, PathBuf};

use hinomi_detect::sigma::Document;
use serde_json::Value;

use crate::support::{hinomi, stdout};

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("derived").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(args: &[&str], code: i32) -> String {
    let output = hinomi(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    stdout(&output) + &said
}

fn json(args: &[&str]) -> Value {
    serde_json::from_slice(&hinomi(args).stdout).unwrap()
}

/// Lines of a syslog file: six hosts, the needle in one line.
fn log(folder: &Path) -> PathBuf {
    let path = folder.join("auth.log");
    let lines: String = (0..600)
        .map(|n| {
            let what = if n == 417 {
                "Accepted password for 山田太郎 from 203.0.113.77 port 50022 ssh2".to_owned()
            } else {
                format!("Failed password for root from 198.51.100.{} port {} ssh2", n % 250, 40_000 + n)
            };
            format!(
                "2026-10-{:02}T08:{:02}:{:02}Z web{} sshd[{}]: {what}\n",
                1 + n / 100,
                n / 60 % 60,
                n % 60,
                n % 6,
                1000 + n
            )
        })
        .collect();
    std::fs::write(&path, lines).unwrap();
    path
}

#[test]
fn files_are_searched_by_words_and_every_answer_states_its_coverage() {
    let folder = scratch("files");
    let path = log(&folder).display().to_string();
    let to = folder.join("derived").display().to_string();
    let made = json(&["derive", &path, "--to", &to, "--json", "-q"]);
    assert_eq!(made["events"], 600);
    for text in ["山田", "203.0.113.77", "山田太郎 \"port 50022\"", "accepted", "*epted"] {
        let answer = json(&["search", "--in", &to, "-o", "json", text]);
        assert_eq!(answer["matches"], 1, "{text}: {answer:#}");
        let line = std::fs::read_to_string(&path).unwrap().lines().position(|l| l.contains("山田")).unwrap();
        let offset: usize =
            std::fs::read_to_string(&path).unwrap().lines().take(line).map(|l| l.len() + 1).sum();
        assert_eq!(answer["events"][0]["evidence"], format!("{path}#{offset}.0"));
        assert_eq!(answer["coverage"]["first"], "2026-10-01");
        assert_eq!(answer["coverage"]["last"], "2026-10-06");
    }
    assert_eq!(json(&["search", "--in", &to, "-o", "json", "ccepted"])["matches"], 0);
    let late = json(&["search", "--in", &to, "-o", "json", "Failed", "--from", "2026-10-06", "--limit", "3"]);
    assert_eq!(late["events"].as_array().unwrap().len(), 3);
    assert!(late["events"][0]["time"].as_str().unwrap().starts_with("2026-10-06"));
    let outside = run(&["search", "--in", &to, "Failed", "--from", "2026-10-06", "--until", "2026-10-09"], 0);
    assert!(outside.contains("from 2026-10-07 to 2026-10-08 (2 days)"), "{outside}");
    let japanese = run(&["search", "--in", &to, "山田", "--lang", "ja"], 0);
    assert!(japanese.contains("該当 1 件"), "{japanese}");
    let unknown = run(&["search", "--in", &to, "Nope:x"], 2);
    assert!(unknown.contains("no event has a field") && unknown.contains("docs/query.md"), "{unknown}");
}

#[test]
fn derived_data_is_made_again_the_same_and_damage_is_found() {
    let folder = scratch("verify");
    let path = log(&folder).display().to_string();
    let to = folder.join("derived");
    let shown = to.display().to_string();
    run(&["derive", &path, "--to", &shown, "-q"], 0);
    run(&["derive", &path, "--to", &shown, "-q"], 0);
    assert!(run(&["verify", "derived", "--in", &shown, "--rebuild", "-q"], 0).contains("600 events"));
    let manifest: Value = serde_json::from_slice(&std::fs::read(to.join("manifest.json")).unwrap()).unwrap();
    let file = to.join(manifest["files"][0]["path"].as_str().unwrap());
    let sound = std::fs::read(&file).unwrap();
    let mut altered = sound.clone();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(&file, altered).unwrap();
    run(&["verify", "derived", "--in", &shown], 4);
    run(&["search", "--in", &shown, "Failed"], 4);
    std::fs::write(&file, sound).unwrap();
    run(&["verify", "derived", "--in", &shown], 0);
    // The evidence is another now.
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap().replacen("Failed", "Fooled", 1)).unwrap();
    run(&["verify", "derived", "--in", &shown], 0);
    assert!(run(&["verify", "derived", "--in", &shown, "--rebuild", "-q"], 4).contains("something else"));
}

#[test]
fn other_files_in_the_folder_are_never_touched() {
    let folder = scratch("others");
    let path = log(&folder).display().to_string();
    std::fs::create_dir(folder.join("mine")).unwrap();
    std::fs::write(folder.join("mine/notes.txt"), "kept").unwrap();
    let said = run(&["derive", &path, "--to", &folder.join("mine").display().to_string(), "-q"], 2);
    assert!(said.contains("holds other files"), "{said}");
    assert_eq!(std::fs::read_to_string(folder.join("mine/notes.txt")).unwrap(), "kept");
}

#[test]
fn a_ledger_answers_with_what_was_just_received_and_cites_records() {
    let folder = scratch("ledger");
    let path = log(&folder).display().to_string();
    let data = folder.join("data").display().to_string();
    run(&["ledger", "append", "--data", &data, &path], 0);
    let answer = json(&["search", "--in", &data, "-q", "-o", "json", "山田"]);
    assert_eq!(answer["matches"], 1, "{answer:#}");
    let cited = answer["events"][0]["evidence"].as_str().unwrap().to_owned();
    let record = cited.split('#').next().unwrap();
    let bundle: Value = serde_json::from_str(&run(&["prove", "--data", &data, record], 0)).unwrap();
    assert!(bundle["record"].is_object(), "{bundle:#}");
    let more = folder.join("more.log");
    std::fs::write(
        &more,
        "2026-10-07T08:00:00Z web9 sshd[1]: Accepted password for 鈴木 from 203.0.113.78 port 1 ssh2\n",
    )
    .unwrap();
    run(&["ledger", "append", "--data", &data, &more.display().to_string()], 0);
    assert_eq!(json(&["search", "--in", &data, "-q", "--as-is", "-o", "json", "鈴木"])["matches"], 0);
    assert_eq!(json(&["search", "--in", &data, "-q", "-o", "json", "鈴木"])["matches"], 1);
    assert_eq!(json(&["search", "--in", &data, "-q", "-o", "json", "Accepted"])["matches"], 2);
    run(&["verify", "derived", "--in", &data, "--rebuild", "-q"], 0);
    // Asking again adds nothing to the ledger.
    let stats = |data: &str| json(&["ledger", "stats", "--data", data, "--json"]);
    let before = stats(&data);
    run(&["search", "--in", &data, "-q", "Accepted"], 0);
    assert_eq!(stats(&data), before);
    // Another manifest than the one that the ledger names is refused, however sound it looks.
    let manifest = folder.join("data/derived/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"losses\":0", "\"losses\":1")).unwrap();
    let refused = run(&["search", "--in", &data, "-q", "Accepted"], 4);
    assert!(refused.contains("not the one that the ledger names"), "{refused}");
    run(&["verify", "derived", "--in", &data], 4);
    run(&["ledger", "reindex", "--data", &data, "--all"], 0);
    assert_eq!(json(&["search", "--in", &data, "-q", "-o", "json", "Accepted"])["matches"], 2);
    run(&["verify", "ledger", "--data", &data], 3);
}

/// A ledger with one line per call, asked after each.
fn append(folder: &Path, data: &str, number: u32) {
    let more = folder.join("more.log");
    let line = format!(
        "2026-10-07T08:00:{number:02}Z web9 sshd[1]: Accepted password for user{number} from 203.0.113.78 port 1 ssh2\n"
    );
    std::fs::write(&more, line).unwrap();
    run(&["ledger", "append", "--data", data, &more.display().to_string()], 0);
}

fn manifest(data: &str) -> Value {
    let path = Path::new(data).join("derived/manifest.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn however_often_a_ledger_is_asked_its_derived_files_stay_few() {
    let folder = scratch("few");
    let data = folder.join("data").display().to_string();
    for number in 0..20 {
        append(&folder, &data, number);
        let answer = json(&["search", "--in", &data, "-q", "-o", "json", "Accepted"]);
        assert_eq!(answer["matches"], number + 1);
    }
    let manifest = manifest(&data);
    let runs = manifest["runs"].as_array().unwrap().len();
    // Twenty questions found something new; a run is at least twice as long as the next.
    assert!(runs <= 6, "{runs} runs");
    assert!(manifest["files"].as_array().unwrap().len() <= 2 * runs);
    run(&["verify", "derived", "--in", &data, "--rebuild", "-q"], 0);
}

/// Names a manifest in the ledger, as the program does when it registers one.
fn name_manifest(data: &str, text: &str) {
    use hinomi_ledger::{
        FileDisk, Ledger, Options, Places, Record, Surroundings, SystemClock, SystemEntropy,
    };
    let around = Surroundings {
        disk: std::sync::Arc::new(FileDisk),
        clock: std::sync::Arc::new(SystemClock),
        entropy: std::sync::Arc::new(SystemEntropy),
    };
    let places = Places::in_data_dir(Path::new(data), "evidence");
    let (ledger, _) = Ledger::open(around, places, Options::default()).unwrap();
    let digest = hinomi_model::Digest::of(text.as_bytes()).to_string();
    let bytes = serde_json::json!({"manifest": digest}).to_string().into_bytes();
    let record = Record { received_ns: 1_800_000_000_000_000_000, sequence: None, bytes };
    ledger.append("hinomi:derived", "hinomi", vec![record]).unwrap().wait().unwrap();
    ledger.close().unwrap();
}

#[test]
fn what_another_mapping_made_answers_until_it_is_made_again() {
    let folder = scratch("mappings");
    let data = folder.join("data").display().to_string();
    // A run that is much longer than what follows stays a run of its own.
    (0..20).for_each(|number| append(&folder, &data, number));
    run(&["ledger", "reindex", "--data", &data], 0);
    // As an older program would have left it: the manifest says so, and the ledger names it.
    let current = manifest(&data)["runs"][0]["mapping"].clone();
    let mut older = manifest(&data);
    older["runs"][0]["mapping"] = "older".into();
    let text = older.to_string();
    std::fs::write(Path::new(&data).join("derived/manifest.json"), &text).unwrap();
    name_manifest(&data, &text);
    append(&folder, &data, 20);
    let said = run(&["search", "--in", &data, "-q", "Accepted"], 0);
    assert!(said.contains("user7") && said.contains("user20"), "{said}");
    assert!(said.contains("20 events stand in columns of another mapping"), "{said}");
    assert_eq!(manifest(&data)["runs"].as_array().unwrap().len(), 2);
    run(&["verify", "derived", "--in", &data, "--rebuild", "-q"], 3);
    run(&["ledger", "reindex", "--data", &data], 0);
    let mappings: Vec<Value> =
        manifest(&data)["runs"].as_array().unwrap().iter().map(|r| r["mapping"].clone()).collect();
    assert!(mappings.iter().all(|m| *m == current), "{mappings:?}");
    let said = run(&["search", "--in", &data, "-q", "Accepted"], 0);
    assert!(said.contains("user7") && said.contains("user20") && !said.contains("another mapping"), "{said}");
    run(&["verify", "derived", "--in", &data, "--rebuild", "-q"], 0);
}

#[test]
fn a_registration_that_was_interrupted_is_finished_by_the_next_question() {
    let folder = scratch("interrupted");
    let data = folder.join("data").display().to_string();
    append(&folder, &data, 1);
    run(&["ledger", "reindex", "--data", &data], 0);
    let derived = Path::new(&data).join("derived");
    // The disk fails before anything is promised.
    std::fs::create_dir(derived.join("manifest.json.partial")).unwrap();
    append(&folder, &data, 2);
    run(&["search", "--in", &data, "-q", "Accepted"], 3);
    std::fs::remove_dir(derived.join("manifest.json.partial")).unwrap();
    assert!(run(&["search", "--in", &data, "-q", "Accepted"], 0).contains("user2"));
    // The process ends after the ledger got the name of the manifest.
    let mut next = manifest(&data);
    next["lanes"] = (next["lanes"].as_u64().unwrap() + 1).into();
    std::fs::write(derived.join("manifest.json.partial"), next.to_string()).unwrap();
    name_manifest(&data, &next.to_string());
    assert!(run(&["search", "--in", &data, "-q", "Accepted"], 0).contains("user2"));
    assert_eq!(manifest(&data), next);
    assert!(!derived.join("manifest.json.partial").exists());
}

#[test]
fn a_first_derivation_that_was_interrupted_can_be_begun_again() {
    let folder = scratch("again");
    let path = log(&folder).display().to_string();
    let to = folder.join("to");
    std::fs::create_dir_all(to.join("events/family=x/month=y")).unwrap();
    std::fs::write(to.join("events/family=x/month=y/a-0-0000.parquet.partial"), "PAR1").unwrap();
    run(&["derive", &path, "--to", &to.display().to_string(), "-q"], 0);
    assert!(!to.join("events/family=x/month=y/a-0-0000.parquet.partial").exists());
    std::fs::create_dir_all(folder.join("mine/events")).unwrap();
    std::fs::write(folder.join("mine/events/own.parquet"), "PAR1").unwrap();
    run(&["derive", &path, "--to", &folder.join("mine").display().to_string(), "-q"], 2);
    assert!(folder.join("mine/events/own.parquet").exists());
}

#[test]
fn bundled_rules_run_over_history_and_name_those_that_cannot() {
    let folder = scratch("bundled");
    let shown = folder.join("to").display().to_string();
    run(&["derive", "examples/case", "--to", &shown, "-q"], 0);
    let answer = json(&["rules", "run", "bundled", "--in", &shown, "-q", "-o", "json"]);
    assert!(answer["counts"].as_array().unwrap().len() > 5, "{answer:#}");
    assert!(answer["notes"].to_string().contains("cannot answer exists"), "{}", answer["notes"]);
    let csv = run(&["rules", "run", "bundled", "--in", &shown, "-q", "-o", "csv"], 1);
    assert!(csv.lines().next().unwrap().starts_with("time,evidence,rule_id,rule,"), "{csv}");
    // A file that is gone is named, and is no fault of the program.
    let gone = gone(&folder.join("to/events"));
    let said = run(&["rules", "run", "bundled", "--in", &shown, "-q"], 4);
    assert!(said.contains(&gone) && said.contains("is gone"), "{said}");
}

/// Removes one Parquet file and returns its name.
fn gone(folder: &Path) -> String {
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "parquet") {
                std::fs::remove_file(&path).unwrap();
                return path.file_name().unwrap().to_string_lossy().into_owned();
            }
        }
    }
    panic!("no file")
}

#[test]
fn while_another_process_derives_questions_are_answered_from_what_there_is() {
    let folder = scratch("busy");
    let data = folder.join("data").display().to_string();
    append(&folder, &data, 1);
    run(&["ledger", "reindex", "--data", &data], 0);
    let lock = std::fs::File::options().write(true).open(Path::new(&data).join("derived/lock")).unwrap();
    lock.lock().unwrap();
    append(&folder, &data, 2);
    let said = run(&["search", "--in", &data, "-q", "Accepted"], 0);
    assert!(said.contains("user1") && !said.contains("user2") && said.contains("not up to date"), "{said}");
    run(&["ledger", "reindex", "--data", &data], 2);
    drop(lock);
    assert!(run(&["search", "--in", &data, "-q", "Accepted"], 0).contains("user2"));
}

#[test]
fn derived_data_follows_a_ledger_in_the_background() {
    let folder = scratch("watch");
    let data = folder.join("data").display().to_string();
    append(&folder, &data, 1);
    let mut watching =
        crate::support::command(&["ledger", "reindex", "--data", &data, "--watch", "1", "--json"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
    let found = |user: &str| {
        (0..300).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            let output = hinomi(&["search", "--in", &data, "-q", "--as-is", "-o", "json", user]);
            serde_json::from_slice::<Value>(&output.stdout).is_ok_and(|answer| answer["matches"] == 1)
        })
    };
    let first = found("user1");
    append(&folder, &data, 2);
    let second = found("user2");
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert!(first && second, "{first} {second}");
}

/// Matches as (rule, source, offset, number in the record).
type Places = std::collections::BTreeMap<(String, String, u64, u32), u64>;

/// All matches; fewer are the first of all, whichever thread comes to them.
fn in_order(
    archive: &hinomi_query::Archive,
    engine: &hinomi_detect::Engine,
    name: &str,
) -> hinomi::derived::Hunted {
    use hinomi::derived::{Hunt, hunt};
    let window = hinomi_detect::completeness::Window::default();
    let hunt = |limit, threads| {
        let needed = hinomi_query::Needed::Anything;
        hunt(&Hunt { archive, engine, needed, window, limit, threads }).unwrap()
    };
    let found = hunt(10_000_000, 2);
    let times: Vec<_> =
        found.matches.iter().map(|m| m.time.map_or(i64::MAX, hinomi_model::Timestamp::as_nanos)).collect();
    assert!(times.is_sorted());
    for threads in [1, 2, 3] {
        let few = hunt(7, threads);
        assert!(few.matches.iter().eq(found.matches.iter().take(7)), "{name}: {threads} threads");
        assert_eq!(few.counts, found.counts);
    }
    found
}

/// A rule that matches, asked alone, for which blocks are left out by the words that it needs, finds as many as among all rules. Returns how many
/// rules were asked, and of how many rows none had to be read.
fn alone(
    archive: &hinomi_query::Archive,
    documents: &[Document],
    sources: &hinomi_detect::LogSources,
    all: &std::collections::BTreeMap<String, u64>,
) -> (usize, u64) {
    use hinomi::derived::{Hunt, hunt, needed};
    let (mut asked, mut left_out) = (0, 0);
    for document in documents {
        let Document::Rule(rule) = document else { continue };
        let Some(&expected) = all.get(&rule.meta.id) else { continue };
        let one = vec![document.clone()];
        let needed = needed(&one, sources);
        let (engine, _) = hinomi_detect::Engine::compile(one, sources, &[]);
        if needed == hinomi_query::Needed::Anything {
            continue;
        }
        let window = hinomi_detect::completeness::Window::default();
        let found = hunt(&Hunt { archive, engine: &engine, needed, window, limit: 0, threads: 1 }).unwrap();
        let count: u64 = found.counts.values().sum();
        assert_eq!(count, expected, "{}: {} rows were left out", rule.meta.id, found.rows_left_out);
        asked += 1;
        left_out += found.rows_left_out;
    }
    (asked, left_out)
}

/// Where the events of matches stand.
fn places(
    archive: &hinomi_query::Archive,
    found: &hinomi::derived::Hunted,
    id: &dyn Fn(hinomi_detect::RuleIndex) -> String,
) -> Places {
    let files: Vec<_> = archive.files().iter().collect();
    let rows = found.matches.iter().map(|m| (m.file, m.row)).collect();
    let events = hinomi_query::search::events_at(&files, &rows).unwrap();
    let mut places = Places::new();
    for found in &found.matches {
        let event = &events[&(found.file, found.row)];
        let number = |name: &str| event.field(name).unwrap().parse().unwrap();
        let source = event.field("source").unwrap().to_owned();
        let place = (id(found.rule), source, number("offset"), number("sub") as u32);
        *places.entry(place).or_default() += 1;
    }
    places
}

/// What the engine finds in the evidence and in derived columns.
fn both_ways(name: &str, inputs: &[PathBuf], rules: &[String]) -> (Places, Places) {
    use hinomi::derived::{Job, derive};
    use hinomi::rulebook::{RuleSource, Rulebook};
    use hinomi::scan::{Digests, Limits, Request, ScanProgress, Subjects, scan};
    use hinomi_detect::sigma::Placeholders;
    use hinomi_ingest::intake::{Options, Root};
    use hinomi_query::{Archive, Input, Manifest, Mapping, Run, derive as writing};

    let sources: Vec<RuleSource> = rules
        .iter()
        .map(|r| if r == "bundled" { RuleSource::Bundled } else { RuleSource::Path(r.into()) })
        .collect();
    let book = Rulebook::load(&sources, &Placeholders::default()).unwrap();
    let log_sources = hinomi_detect::LogSources::bundled().unwrap();
    let documents = book.documents.clone();
    let (engine, _) = hinomi_detect::Engine::compile(book.documents, &log_sources, &[]);
    let roots = || inputs.iter().cloned().map(Root::Path).collect::<Vec<_>>();
    let reading = || Options::at(hinomi_model::Timestamp::from_nanos(1_700_000_000_000_000_000));
    let subjects = Subjects::keeping(Vec::new()).unwrap();
    let request = Request {
        roots: roots(),
        ledgers: Vec::new(),
        reading: reading(),
        engine: &engine,
        subjects: &subjects,
        window: hinomi_detect::completeness::Window::default(),
        hosts: Vec::new(),
        threads: 2,
        sampled: std::collections::BTreeMap::new(),
        limits: Limits { hits: 10_000_000, ..Limits::default() },
        digests: Digests::Files,
    };
    let id = |rule| engine.rule(rule).unwrap().meta.id.clone();
    let mut from_evidence = Places::new();
    for hit in scan(request, &ScanProgress::default()).hits {
        let place = (id(hit.rule), hit.event.member.place(), hit.event.offset, hit.event.sub);
        *from_evidence.entry(place).or_default() += 1;
    }
    let folder = scratch(name);
    let mapping = std::sync::Arc::new(Mapping::bundled().unwrap());
    let job = Job {
        roots: roots(),
        ledger: None,
        reading: reading(),
        lanes: 2,
        folder: folder.clone(),
        prefix: "a".to_owned(),
        mapping: std::sync::Arc::clone(&mapping),
        limits: writing::LaneLimits { rows: 20_000, ..writing::LaneLimits::default() },
        stop: std::sync::Arc::default(),
    };
    let made = derive(job, &ScanProgress::default()).unwrap();
    let mut manifest = Manifest::new(2, Input::Paths { paths: Vec::new(), zone: "UTC".to_owned() });
    manifest.add(Run::new(0, &mapping, Vec::new(), 0), made.files);
    writing::register(&folder, &manifest, None).unwrap();
    let archive = Archive::open(&folder).unwrap();
    let found = in_order(&archive, &engine, name);
    let counts = found.counts.iter().map(|(rule, count)| (id(*rule), *count)).collect();
    let (asked, left_out) = alone(&archive, &documents, &log_sources, &counts);
    assert!(
        asked > 0 && left_out > archive.manifest().rows(),
        "{name}: {asked} rules, {left_out} rows left out"
    );
    println!(
        "{name}: {asked} rules alone, of {} rows each {left_out} left out in all",
        archive.manifest().rows()
    );
    let from_columns = places(&archive, &found, &id);
    (from_evidence, from_columns)
}

#[track_caller]
fn the_same(name: &str, inputs: &[PathBuf], rules: &[String], at_least: usize) {
    let (from_evidence, from_columns) = both_ways(name, inputs, rules);
    assert!(from_evidence.len() >= at_least, "{name}: only {} matches to compare", from_evidence.len());
    let missing: Vec<_> =
        from_evidence.iter().filter(|(k, _)| !from_columns.contains_key(k)).take(5).collect();
    let surplus: Vec<_> =
        from_columns.iter().filter(|(k, _)| !from_evidence.contains_key(k)).take(5).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "{name}: missing {missing:#?}, surplus {surplus:#?}");
    assert_eq!(from_evidence, from_columns);
}

#[test]
fn rules_match_the_same_over_columns_as_over_evidence() {
    let root = crate::support::root();
    the_same("hunt-case", &[root.join("examples/case")], &["bundled".to_owned()], 20);
}

#[test]
fn public_rules_match_the_same_over_columns_as_over_recorded_attacks() {
    use crate::support::unpacked;
    let (Some(events), Some(rules)) =
        (unpacked("a_windows_attack/evtx_to_mitre_attack"), unpacked("sigma_rules"))
    else {
        return;
    };
    // Rules that tell fields without value from missing ones are refused by the command.
    let mut wanted = Vec::new();
    let mut folders = vec![rules];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yml")
                && !std::fs::read_to_string(&path).unwrap_or_default().contains("|exists")
            {
                wanted.push(path.display().to_string());
            }
        }
    }
    wanted.sort();
    the_same("hunt-public", &[events], &wanted, 1000);
}

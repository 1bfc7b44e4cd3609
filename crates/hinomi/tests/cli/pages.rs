//! What pages read of a data directory: the form is the contract's, and the content what the ledgers hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hinomi::judge::Judge;
use hinomi::pages::{Asked, Reading, Refused, Shown};
use hinomi_ledger::{Bundle, FileDisk, Places, Reader};
use serde_json::Value;

use crate::live::{case, follow, options, scratch};
use crate::support::{hinomi, list, report, root, text};

const PATIENCE: Duration = Duration::from_mins(1);

/// Shows names as logs have them.
#[derive(Debug)]
pub(crate) struct Plain;

impl Shown for Plain {
    fn account(&self, name: &str, _: Option<&str>) -> String {
        name.to_owned()
    }
}

/// Shows nothing of a name but that there is one.
#[derive(Debug)]
pub(crate) struct Masked;

impl Shown for Masked {
    fn account(&self, name: &str, _: Option<&str>) -> String {
        if name.is_empty() { String::new() } else { "account-000000000000".to_owned() }
    }
}

/// A data directory, and the contract that answers are compared with.
pub(crate) struct Pages {
    pub(crate) reading: Reading,
    data: PathBuf,
    contract: Value,
}

impl Pages {
    pub(crate) fn of(data: &Path) -> Self {
        Self::judged(data, None)
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// What is said of claims, this judge knows.
    pub(crate) fn judged(data: &Path, judge: Option<Arc<Judge>>) -> Self {
        let contract = std::fs::read(root().join("api/openapi.json")).unwrap();
        let contract = serde_json::from_slice(&contract).unwrap();
        let reading = Reading::start(data.to_owned(), None, judge).unwrap();
        Self { reading, data: data.to_owned(), contract }
    }

    pub(crate) fn ask(
        &self,
        operation: &str,
        query: &str,
        id: &str,
        names: &dyn Shown,
    ) -> Result<Value, Refused> {
        let parts = [("id", id)];
        let japanese = false;
        let asked = Asked {
            operation,
            by: "tests",
            names,
            parts: &parts,
            query,
            body: b"{}",
            version: None,
            japanese,
        };
        self.reading.answer(&asked)
    }

    /// An answer, which has the form that the contract names.
    pub(crate) fn answer(&self, operation: &str, query: &str, id: &str) -> Value {
        let answer = self.ask(operation, query, id, &Plain).unwrap_or_else(|e| panic!("{operation}: {e}"));
        self.check(operation, &answer);
        answer
    }

    pub(crate) fn check(&self, operation: &str, answer: &Value) {
        let paths = self.contract["paths"].as_object().unwrap();
        let methods = paths.iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().iter().map(move |(method, of)| (path, method, of))
        });
        let (path, method, of) =
            methods.into_iter().find(|(_, _, of)| of["operationId"] == operation).unwrap();
        let status = if of["responses"].get("200").is_some() { "200" } else { "201" };
        let escaped = path.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D");
        let pointer = format!(
            "contract.json#/paths/{escaped}/{method}/responses/{status}/content/application~1json/schema"
        );
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.set_default_draft(boon::Draft::V2020_12);
        compiler.enable_format_assertions();
        compiler.add_resource("contract.json", self.contract.clone()).unwrap();
        let schema = compiler.compile(&pointer, &mut schemas).unwrap();
        if let Err(error) = schemas.validate(answer, schema) {
            panic!("{operation}: {error:#}\n{answer:#}");
        }
    }

    /// Waits until incidents were told of all that is there.
    pub(crate) fn told(&self) -> Value {
        let begun = Instant::now();
        loop {
            match self.ask("listIncidents", "limit=500", "", &Plain) {
                Ok(answer) => {
                    self.check("listIncidents", &answer);
                    return answer;
                }
                Err(Refused::Failed(_)) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => panic!("{error}; {:?}", self.reading.fault()),
            }
        }
    }
}

pub(crate) fn reader(data: &Path) -> Reader {
    Reader::open(std::sync::Arc::new(FileDisk), Places::in_data_dir(data, "evidence"), true).unwrap()
}

/// A ledger of a source that numbers its lines, 4,990 of which are missing.
fn numbered(name: &str) -> PathBuf {
    let folder = scratch(name);
    let (data, file) = (folder.join("data"), folder.join("lines"));
    let (at, from) = (data.to_str().unwrap(), file.to_str().unwrap());
    // Numbers 11 to 5,000 never come.
    for numbers in [1..=10, 5_001..=5_100, 5_101..=5_110] {
        let lines: String = numbers.map(|n| format!("n={n} happened\n")).collect();
        std::fs::write(&file, lines).unwrap();
        let append = ["ledger", "append", "--data", at, "--source", "fw/01 ä", "--sequence-field", "n", from];
        let output = hinomi(&append);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    data
}

#[test]
fn the_ledger_its_sources_and_the_gap_are_told() {
    let data = numbered("pages-ledger");
    let pages = Pages::of(&data);
    let ledger = pages.answer("readLedger", "", "");
    let own = reader(&data);
    assert_eq!(ledger["size"], own.size());
    assert_eq!(text(&ledger["checkpoint"], "note"), own.note().to_string());
    assert!(ledger["records"].as_u64().unwrap() > 120);
    // Nobody outside: everything since the first day could be unmade.
    assert_eq!(ledger["exposure"]["records"], ledger["records"]);
    let checkpoints = pages.answer("listCheckpoints", "", "");
    assert_eq!(checkpoints["items"][0]["size"], own.size());
    assert_eq!(list(&checkpoints, "items").len(), 1);
    let sources = pages.answer("listSources", "", "");
    let source = list(&sources, "items").iter().find(|s| s["source"] == "fw/01 ä").unwrap();
    assert_eq!((&source["records"], &source["numbered"]), (&Value::from(120), &Value::from(true)));
    let days = list(source, "days");
    assert_eq!(days.len(), 14);
    let missing: u64 = days.iter().map(|day| day["missing_numbers"].as_u64().unwrap()).sum();
    assert_eq!(missing, 4_990);
    let gap = list(&sources, "findings").iter().find(|f| f["finding"] == "gap").unwrap();
    assert!(text(&gap["text"], "en").contains("5000") && text(&gap["text"], "ja").contains("5000"), "{gap}");
    let rhythm = pages.answer("readRhythm", "source=fw/01%20%C3%A4", "");
    let hours: u64 = list(&rhythm, "received").iter().map(|hour| hour["records"].as_u64().unwrap()).sum();
    assert_eq!((list(&rhythm, "received").len(), hours), (168, 120));
    let today = pages.answer("readToday", "zone=Asia/Tokyo", "");
    assert_eq!(today["headline"]["state"], "unknown", "no rules were evaluated: {today:#}");
    assert!(list(&today, "answers").iter().all(|answer| answer["answer"] == "unknown"));
    assert_eq!(today["sources"]["unjudged"], 1);
    pages.answer("listAlerts", "", "");
    pages.answer("readHealth", "", "");
}

#[test]
fn a_record_comes_back_as_it_was_received_and_is_proven() {
    let data = numbered("pages-record");
    let pages = Pages::of(&data);
    let shown = hinomi(&["ledger", "tail", "--data", data.to_str().unwrap(), "--json", "-n", "500"]);
    let lines = String::from_utf8(shown.stdout).unwrap();
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let third = records.iter().find(|record| text(record, "text").starts_with("n=3 ")).unwrap();
    let reference = text(third, "reference").replace('#', "%23").replace('@', "%40");
    let query = format!("reference={reference}");
    let record = pages.answer("readRecord", &query, "");
    assert_eq!(text(&record, "bytes"), "bj0zIGhhcHBlbmVkCg==");
    assert_eq!((&record["sequence"], &record["event_length"]), (&Value::from(3), &Value::from(13)));
    let after = text(&record, "after").replace('#', "%23");
    let next = pages.answer("readRecord", &format!("reference={after}"), "");
    assert_eq!(next["sequence"], 4);
    assert_eq!(next["before"], record["reference"]);
    let proof = pages.answer("readProof", &query, "");
    let bundle = Bundle::from_json(proof.to_string().as_bytes()).unwrap();
    let proven = bundle.verify(&[reader(&data).identity().signer.clone()], &[]).unwrap();
    assert_eq!(proven.record.bytes, b"n=3 happened\n");
    // Strangers write references.
    let origin = reader(&data).identity().origin.to_string();
    let sha = "0".repeat(64);
    let far = format!("reference=log:{origin}/18446744073709551615/4294967295%230.0@{sha}");
    let other = format!("reference=log:other/0/0%230.0@{sha}");
    let missing = format!("reference=log:{origin}/0/0%230.0@{sha}");
    for query in [&far, &other, &missing] {
        for operation in ["readRecord", "readProof"] {
            assert!(matches!(pages.ask(operation, query, "", &Plain), Err(Refused::NotFound)), "{query}");
        }
    }
    for query in ["", "reference=", "reference=log:", "reference=%ff", "reference=file:x"] {
        let answer = pages.ask("readRecord", query, "", &Plain);
        assert!(matches!(answer, Err(Refused::Senseless(_))), "{query}");
    }
}

/// Reads the events that detections cite on their own: nothing that a detection shows is missing, and the bytes are those that the
/// reference names. How many were read.
fn read_alone(pages: &Pages, report: &Value) -> usize {
    let mut read = BTreeSet::new();
    for detection in list(report, "detections") {
        let Some(cited) = list(detection, "evidence").first() else { continue };
        let reference = text(cited, "reference");
        if !read.insert(reference.to_owned()) {
            continue;
        }
        let asked = reference.replace('#', "%23").replace('@', "%40").replace('+', "%2B");
        let record = pages.answer("readRecord", &format!("reference={asked}"), "");
        let values: Vec<&str> =
            record["fields"].as_object().unwrap().values().filter_map(Value::as_str).collect();
        // What is shown of a correlation may be of another of its events.
        let alone = detection.get("first_time").is_none_or(Value::is_null);
        for (name, value) in detection["fields"].as_object().unwrap().iter().filter(|_| alone) {
            let value = value.as_str().unwrap();
            assert!(
                values.iter().any(|v| v.starts_with(value)),
                "{reference}: {name} = {value}\n{values:#?}"
            );
        }
        let bytes = STANDARD.decode(text(&record, "bytes")).unwrap();
        let at = |name: &str| {
            usize::try_from(record[name].as_u64().unwrap_or_else(|| panic!("{record:#}"))).unwrap()
        };
        let event = &bytes[at("offset")..at("offset") + at("event_length")];
        assert!(reference.ends_with(&format!("@{}", hinomi_model::Digest::of(event))), "{reference}");
    }
    read.len()
}

#[test]
fn what_is_read_from_a_cited_event_is_told_with_its_bytes() {
    let data = case("pages-fields", 7);
    let at = data.to_str().unwrap();
    let read = read_alone(&Pages::of(&data), &report(&[at, "--tz", "UTC"]));
    assert!(read > 20, "{read}");
}

#[test]
fn an_event_inside_a_binary_log_is_read_alone() {
    let Some(logs) = crate::support::unpacked("a_windows_attack/evtx_to_mitre_attack") else { return };
    let folder = scratch("pages-binary");
    let (at, mut kept) = (folder.join("data"), 0);
    let at = at.to_str().unwrap();
    let mut folders = vec![logs];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            folders.sort();
        } else if path.extension().is_some_and(|e| e == "evtx") && kept < 40 {
            kept += 1;
            let append = [
                "ledger",
                "append",
                "--data",
                at,
                "--source",
                &format!("log-{kept}"),
                path.to_str().unwrap(),
            ];
            assert_eq!(hinomi(&append).status.code(), Some(0));
        }
    }
    let read =
        read_alone(&Pages::of(Path::new(at)), &report(&[at, "--tz", "UTC", "--min-level", "informational"]));
    assert!(read > 20, "{read}");
}

#[test]
fn live_detections_are_joined_as_investigate_joins_them() {
    let data = case("pages-incidents", 5);
    let summary = follow(options(&data));
    let pages = Pages::of(&data);
    let incidents = pages.told();
    let all = list(&incidents, "items");
    // The same detections; what joins them may be less than with all events at hand, never something else.
    let whole = report(&[data.to_str().unwrap(), "--tz", "UTC"]);
    let worst = |all: &[Value]| all.iter().filter(|i| i["severity"] == "high").count();
    assert_eq!(worst(all), worst(list(&whole, "incidents")));
    let core = |incident: &Value| -> BTreeSet<String> {
        list(incident, "detections").iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let parts: Vec<BTreeSet<String>> = list(&whole, "incidents").iter().map(core).collect();
    let mut listed = BTreeSet::new();
    for row in all {
        let id = text(row, "id");
        let incident = pages.answer("readIncident", "zone=Asia/Tokyo", id);
        assert!(!text(&incident["headline"], "ja").is_empty());
        let detections = pages.answer("listIncidentDetections", "", id);
        assert_eq!(detections["total"], row["detections"]);
        let ids: Vec<&str> = list(&detections, "items").iter().map(|d| text(d, "id")).collect();
        listed.extend(ids.iter().map(|id| (*id).to_owned()));
        let strong = list(&detections, "items").iter().filter(|d| d["weak"] == false).map(|d| text(d, "id"));
        let strong: BTreeSet<String> = strong.map(str::to_owned).collect();
        let same = parts.iter().any(|part| strong.is_subset(part));
        assert!(same, "{id} joins what belongs apart: {strong:?}\n{parts:?}");
        // Whatever an incident was called, it is found by each of its detections.
        for one in &ids {
            assert_eq!(pages.ask("readIncident", "", one, &Plain).unwrap()["id"], row["id"]);
        }
        for step in list(&incident, "steps") {
            assert!(
                text(&step["text"], "en").ends_with('.') && !text(&step["text"], "ja").is_empty(),
                "{step}"
            );
        }
    }
    gaps_and_clients(&pages, all, &whole);
    let strong = parts.iter().flatten().collect::<BTreeSet<_>>();
    assert!(strong.iter().all(|id| listed.contains(*id)), "a detection is in no incident");
    assert!(summary.detections as usize >= listed.len());
    rules_and_today(&pages, summary.detections);
    nothing_of_names(&pages, all);
    assert!(matches!(pages.ask("readIncident", "", "0", &Plain), Err(Refused::NotFound)));
    assert!(matches!(pages.ask("readIncident", "", "%ff", &Plain), Err(Refused::NotFound)));
    assert!(matches!(pages.ask("nothing", "", "", &Plain), Err(Refused::NotAvailable(_))));
}

/// Where detections say that records are missing, there is a gap as in the report of all; a computer that only signed in from
/// somewhere is a client and no host of the incident.
fn gaps_and_clients(pages: &Pages, all: &[Value], whole: &Value) {
    let gravest = pages.answer("readIncident", "zone=Asia/Tokyo", text(&all[0], "id"));
    let kinds = [("cleared", "emptied"), ("stopped", "stopped")];
    for (kind, lost) in kinds {
        let gaps: BTreeSet<(&str, bool, bool)> = list(&gravest, "gaps")
            .iter()
            .filter(|gap| gap["kind"] == kind)
            .map(|gap| (text(gap, "host"), gap["from"].is_null(), gap["to"].is_null()))
            .collect();
        let said = list(whole, "incidents").iter().flat_map(|i| list(i, "lost_records"));
        let said: BTreeSet<(&str, bool, bool)> = said
            .filter(|span| span["lost"] == lost)
            .map(|span| (text(span, "host"), span["from"].is_null(), span["to"].is_null()))
            .collect();
        assert!(!said.is_empty() && gaps == said, "{kind}: {gaps:?}, not {said:?}");
    }
    for gap in list(&gravest, "gaps") {
        assert!(!text(&gap["text"], "ja").is_empty());
    }
    let clients = |incident: &Value| -> Vec<String> {
        let of = list(incident, "entities").iter().filter(|e| e["kind"] == "client");
        of.map(|e| text(e, "name").to_owned()).collect()
    };
    assert_eq!(clients(&gravest), ["laptop"]);
    let named = list(whole, "incidents").iter().flat_map(clients).collect::<Vec<_>>();
    assert_eq!(named, ["laptop"]);
    for incident in all.iter().chain(list(whole, "incidents")) {
        assert!(!incident["hosts"].to_string().to_lowercase().contains("laptop"), "{incident}");
    }
}

/// Every detection is counted with its rule, and its rule has the text that was in force.
fn rules_and_today(pages: &Pages, detections: u64) {
    let mut fired: BTreeMap<String, u64> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let query = format!("limit=500&from=2000-01-01T00:00:00Z{after}");
        let rules = pages.answer("listRules", &query, "");
        for rule in list(&rules, "items").iter().filter(|rule| !rule["fired"].is_null()) {
            fired.insert(text(rule, "id").to_owned(), rule["fired"]["count"].as_u64().unwrap());
        }
        match rules["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(fired.values().sum::<u64>(), detections);
    let rule = pages.answer("readRule", "", fired.keys().next().unwrap());
    let digest = hinomi_model::Digest::of(text(&rule, "text").as_bytes());
    assert_eq!(digest.to_string(), text(&rule, "sha256"));
    let today = pages.answer("readToday", "", "");
    assert_eq!(today["headline"]["state"], "burning");
}

/// Accounts that events name appear nowhere when they are masked.
fn nothing_of_names(pages: &Pages, all: &[Value]) {
    let mut accounts: BTreeSet<String> = BTreeSet::new();
    for row in all {
        let names = list(row, "accounts").iter().map(|name| name.as_str().unwrap().to_lowercase());
        accounts.extend(names.map(|name| name.rsplit('\\').next().unwrap().to_owned()));
    }
    let people: Vec<&String> =
        accounts.iter().filter(|name| name.len() > 4 && !name.ends_with('$')).collect();
    assert!(!people.is_empty(), "{accounts:?}");
    let mut said = pages.ask("listIncidents", "limit=500", "", &Masked).unwrap().to_string();
    for row in all {
        let id = text(row, "id");
        for operation in ["readIncident", "listIncidentDetections"] {
            said.push_str(&pages.ask(operation, "", id, &Masked).unwrap().to_string());
        }
    }
    let said = said.to_lowercase();
    for name in people {
        let at = said.find(name.as_str());
        let around = at.map(|at| &said[said.floor_char_boundary(at.saturating_sub(80))..at + name.len()]);
        assert_eq!(around, None, "{name}");
    }
}

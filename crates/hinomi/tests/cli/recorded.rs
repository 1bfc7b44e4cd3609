//! A ledger as input: the same answers as from the files, cited as records that can be proven.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hinomi_model::{Digest, EvidencePlace, EvidenceRef};
use serde_json::Value;

use crate::support::{case_report, follows_schema, hinomi, report};

fn run(args: &[&str], codes: &[i32]) -> Vec<u8> {
    let output = hinomi(args);
    let code = output.status.code().unwrap();
    assert!(codes.contains(&code), "{args:?}: {code} {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out.sort();
    out
}

/// The recorded case in a ledger: every file is a source of its own.
struct Kept {
    folder: PathBuf,
    data: String,
}

impl Kept {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let data = folder.join("data").display().to_string();
        run(&["ledger", "append", "--data", &data, "examples/case"], &[0]);
        Self { folder, data }
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// What was found, without where: rule, time, host, account, number of cited events.
fn found(report: &Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for d in report["detections"].as_array().unwrap() {
        let cited = d["evidence"].as_array().unwrap().len();
        let key = format!("{} {} {} {} {cited}", d["rule_id"], d["time"], d["host"], d["account"]);
        *counts.entry(key).or_default() += 1;
    }
    counts
}

#[test]
fn a_ledger_answers_as_its_files_do_and_cites_records_that_can_be_proven() {
    let kept = Kept::new("same");
    let recorded = report(&[&kept.data, "--tz", "Asia/Tokyo"]);
    assert_eq!(found(&recorded), found(case_report()));
    assert_eq!(recorded["summary"]["events"], case_report()["summary"]["events"]);
    assert_eq!(
        recorded["incidents"].as_array().unwrap().len(),
        case_report()["incidents"].as_array().unwrap().len()
    );
    follows_schema(&recorded).unwrap();
    let ledger = &recorded["ledgers"][0];
    assert_eq!((ledger["unreadable_blocks"].as_u64(), ledger["erased_blocks"].as_u64()), (Some(0), Some(0)));
    let (mut proven, mut whole) = (0, 0);
    for evidence in
        recorded["detections"].as_array().unwrap().iter().flat_map(|d| d["evidence"].as_array().unwrap())
    {
        let text = evidence["reference"].as_str().unwrap();
        let reference: EvidenceRef = text.parse().unwrap();
        assert!(matches!(reference.place, EvidencePlace::Log { .. }), "{text}");
        if proven % 8 == 0 {
            let bundle = kept.path("bundle.json");
            std::fs::write(&bundle, run(&["prove", "--data", &kept.data, text], &[0])).unwrap();
            let said = run(&["verify", "bundle", &bundle, "--json"], &[3]);
            let said: Value = serde_json::from_slice(&said).unwrap();
            let (at, length) = (reference.offset as usize, evidence["length"].as_u64().unwrap() as usize);
            let record = said["text"].as_str().unwrap().as_bytes();
            // An event may go on in the next records.
            if let Some(event) = record.get(at..at + length) {
                assert_eq!(Digest::of(event), reference.event, "{text}");
                whole += 1;
            }
        }
        proven += 1;
    }
    assert!(proven > 30 && whole >= 5, "{proven} {whole}");
}

/// Runs the program, which must find something; what it says on standard error.
fn found_with(args: &[&str]) -> String {
    let output = hinomi(&[&["investigate", "-o", "jsonl"], args].concat());
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_incident_keeps_the_sources_that_it_touches_once_a_case_is_named() {
    let kept = Kept::new("kept");
    let show = ["ledger", "retention", "show", "--json", "--data", &kept.data];
    let shown = || -> Value { serde_json::from_slice(&run(&show, &[0])).unwrap() };
    let stats = || run(&["ledger", "stats", "--data", &kept.data, "--json"], &[0]);
    // Whoever only looks changes nothing, and is told what could be done.
    let before = stats();
    let said = found_with(&[&kept.data]);
    assert!(said.contains("--keep CASE"), "{said}");
    assert!(found_with(&[&kept.data, "--lang", "ja"]).contains("--keep"));
    assert!(!found_with(&[&kept.data, "-q"]).contains("--keep"));
    assert_eq!(stats(), before);
    assert_eq!(shown()["incidents"], serde_json::json!({}));
    // The sources that are kept are those that incidents of this level cite.
    let report = report(&[&kept.data]);
    let incidents = report["incidents"].as_array().unwrap().iter();
    let members: Vec<&Value> = incidents
        .filter(|i| matches!(i["level"].as_str(), Some("high" | "critical")))
        .flat_map(|i| i["detections"].as_array().unwrap())
        .collect();
    let detections = report["detections"].as_array().unwrap().iter().filter(|d| members.contains(&&d["id"]));
    let places =
        detections.flat_map(|d| d["evidence"].as_array().unwrap()).map(|e| e["place"].as_str().unwrap());
    let name = |place: &str| {
        place.strip_prefix(&format!("{}:", kept.data)).unwrap().rsplit_once(' ').unwrap().0.to_owned()
    };
    let cited: std::collections::BTreeSet<String> = places.map(name).collect();
    let said = found_with(&[&kept.data, "--keep", "2026-17"]);
    assert!(said.contains(&format!("case 2026-17 keeps {} sources", cited.len())), "{said}");
    let incident = &shown()["incidents"]["2026-17"];
    let sources = incident["sources"].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned());
    assert_eq!(sources.collect::<std::collections::BTreeSet<_>>(), cited);
    assert!(cited.len() > 1);
    let due = run(&["ledger", "retention", "due", "--data", &kept.data], &[0]);
    assert_eq!(String::from_utf8_lossy(&due).matches("open incident 2026-17").count(), cited.len());
    // Once more: nothing is recorded twice. After its end a case that goes on is open again.
    assert!(found_with(&[&kept.data, "--keep", "2026-17"]).contains("(0 recorded now)"));
    run(&["ledger", "retention", "close", "--incident", "2026-17", "--data", &kept.data], &[0]);
    let said = found_with(&[&kept.data, "--keep", "2026-17"]);
    assert!(said.contains(&format!("({} recorded now)", cited.len())), "{said}");
    assert_eq!(shown()["incidents"]["2026-17"]["closed"], Value::Null);
}

fn verify(report: &str, data: &str, code: i32) -> String {
    String::from_utf8(run(&["verify", "report", report, data], &[code])).unwrap()
}

#[test]
fn a_report_on_a_ledger_holds_while_the_ledger_grows_and_fails_when_it_is_another() {
    let kept = Kept::new("report");
    let report = kept.path("report.html");
    run(&["investigate", &kept.data, "-q", "--tz", "Asia/Tokyo", "--report", &report], &[1]);
    assert!(verify(&report, &kept.data, 0).starts_with("holds"));
    let more = kept.path("more.log");
    std::fs::write(&more, "2026-03-01T00:00:00Z web01 app: one more line\n").unwrap();
    run(&["ledger", "append", "--data", &kept.data, "--source", "later", &more], &[0]);
    assert!(verify(&report, &kept.data, 0).starts_with("holds"));
    // The same files in another ledger are other records.
    let other = Kept::new("report-other");
    assert!(verify(&report, &other.data, 4).contains("not among the given paths"));
    // The report altered: another record is cited.
    let text = std::fs::read_to_string(&report).unwrap();
    let (at, _) = text.match_indices("\"reference\":\"log:").next().unwrap();
    let number = text[at..].find('#').map(|n| at + n).unwrap();
    let altered = kept.path("altered.html");
    std::fs::write(&altered, format!("{}9{}", &text[..number], &text[number..])).unwrap();
    assert!(verify(&altered, &kept.data, 4).contains("does not hold"));
}

const OPENS: &str = "<script type=\"application/json\" id=\"hinomi-data\">";

#[test]
fn every_way_to_alter_a_report_or_the_ledger_it_cites_is_rejected() {
    let kept = Kept::new("altered");
    let report = kept.path("report.html");
    run(&["investigate", &kept.data, "-q", "--tz", "Asia/Tokyo", "--report", &report], &[1]);
    assert!(verify(&report, &kept.data, 0).starts_with("holds"));
    let text = std::fs::read_to_string(&report).unwrap();
    let altered = kept.path("altered.html");
    // A sentence; then the same in every place, the data included.
    std::fs::write(&altered, text.replacen("ctr-adm01", "ctr-adm02", 1)).unwrap();
    assert!(verify(&altered, &kept.data, 4).contains("is not what its data says"));
    std::fs::write(&altered, text.replace("ctr-adm01", "ctr-adm02")).unwrap();
    assert!(verify(&altered, &kept.data, 4).contains("is said to be \"ctr-adm02\""));
    // Two citations of different rules exchange the records they point to.
    let (before, rest) = text.split_once(OPENS).unwrap();
    let (data, after) = rest.split_once("</script>").unwrap();
    let mut data: Value = serde_json::from_str(data).unwrap();
    let citations = data["citations"].as_array_mut().unwrap();
    let differs =
        |c: &Value| c["rule"] != citations[0]["rule"] && c["reference"] != citations[0]["reference"];
    let other = citations.iter().position(differs).unwrap();
    let kept_reference = citations[0]["reference"].clone();
    citations[0]["reference"] = citations[other]["reference"].clone();
    citations[other]["reference"] = kept_reference;
    std::fs::write(&altered, format!("{before}{OPENS}{data}</script>{after}")).unwrap();
    assert!(verify(&altered, &kept.data, 4).contains("citation [1]"));
    // The ledger is gone; then another one of its name stands in its place.
    let aside = kept.path("aside");
    std::fs::rename(&kept.data, &aside).unwrap();
    std::fs::create_dir(&kept.data).unwrap();
    assert!(verify(&report, &kept.data, 4).contains("not among the given paths"));
    std::fs::remove_dir(&kept.data).unwrap();
    let line = kept.path("line.log");
    std::fs::write(&line, "2026-03-01T00:00:00Z web01 app: one line\n").unwrap();
    run(&["ledger", "append", "--data", &kept.data, "--source", "auth.log", &line], &[0]);
    verify(&report, &kept.data, 4);
    // A byte of every block of records: whichever is cited does not hold any more.
    std::fs::remove_dir_all(&kept.data).unwrap();
    std::fs::rename(&aside, &kept.data).unwrap();
    assert!(verify(&report, &kept.data, 0).starts_with("holds"));
    let wal = files(&Path::new(&kept.data).join("evidence/wal")).pop().unwrap();
    let mut bytes = std::fs::read(&wal).unwrap();
    let middle = bytes.len() / 2;
    (middle..bytes.len()).step_by(2000).for_each(|at| bytes[at] ^= 1);
    std::fs::write(&wal, bytes).unwrap();
    let said = String::from_utf8(run(&["verify", "report", &report, &kept.data], &[3, 4])).unwrap();
    assert!(!said.starts_with("holds"), "{said}");
}

/// What a document says of a ledger's size is not believed: the tree settles it.
#[test]
fn a_document_on_a_ledger_is_held_to_what_the_ledger_was() {
    let kept = Kept::new("json");
    let document = kept.path("d.json");
    run(&["investigate", &kept.data, "-q", "--tz", "Asia/Tokyo", "--json", "--output-file", &document], &[1]);
    assert!(verify(&document, &kept.data, 0).contains("totals, sources and losses made again"));
    let altered = kept.path("altered.json");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut said: Value = serde_json::from_str(&std::fs::read_to_string(&document).unwrap()).unwrap();
        change(&mut said);
        std::fs::write(&altered, said.to_string()).unwrap();
        verify(&altered, &kept.data, 4)
    };
    let emptied = with(&|said| {
        said["ledgers"][0]["size"] = 0.into();
        for list in ["detections", "incidents", "sources"] {
            said[list] = serde_json::json!([]);
        }
    });
    assert!(emptied.contains("ledger"), "{emptied}");
    with(&|said| {
        let size = said["ledgers"][0]["size"].as_u64().unwrap();
        said["ledgers"][0]["size"] = (size - 1).into();
        said["sources"] = serde_json::json!([]);
    });
    with(&|said| said["ledgers"] = serde_json::json!([]));
    // What came since may be missing, and it is said that less is compared then.
    let more = kept.path("more.log");
    std::fs::write(&more, "2026-03-01T00:00:00Z web01 app: one more line\n").unwrap();
    run(&["ledger", "append", "--data", &kept.data, "--source", "later", &more], &[0]);
    let said = verify(&document, &kept.data, 0);
    assert!(said.contains("where a ledger has grown"), "{said}");
}

#[test]
fn a_damaged_block_is_a_diagnostic_and_the_rest_is_read() {
    let kept = Kept::new("damaged");
    let whole = report(&[&kept.data, "--tz", "Asia/Tokyo"]);
    let wal = files(&Path::new(&kept.data).join("evidence/wal")).pop().unwrap();
    let mut bytes = std::fs::read(&wal).unwrap();
    // In the body of some frame of records; its neighbours are intact.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&wal, bytes).unwrap();
    let report = report(&[&kept.data, "--tz", "Asia/Tokyo"]);
    let lost = report["ledgers"][0]["unreadable_blocks"].as_u64().unwrap();
    assert!(lost >= 1);
    let said = report["diagnostics"].as_array().unwrap().iter().filter(|d| d["kind"] == "unreadable").count();
    assert!(said >= 1);
    let events = |r: &Value| r["summary"]["events"].as_u64().unwrap();
    assert!(events(&report) > 0 && events(&report) < events(&whole));
}

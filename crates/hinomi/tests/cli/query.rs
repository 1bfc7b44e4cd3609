//! Questions in SQL, asked as people ask them.

use std::path::Path;

use serde_json::Value;

use crate::support::{hinomi, root, stdout};

/// The recorded case, derived.
fn case(name: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("query").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    let shown = folder.display().to_string();
    let made = hinomi(&["derive", "examples/case", "--tz", "Asia/Tokyo", "--to", &shown, "-q"]);
    assert_eq!(made.status.code(), Some(0));
    shown
}

fn ask(folder: &str, sql: &str, more: &[&str], code: i32) -> (String, String) {
    let output = hinomi(&[&["query", "--in", folder, sql][..], more].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{sql}: {said}");
    (stdout(&output), said)
}

fn rows(folder: &str, sql: &str, more: &[&str]) -> Vec<Value> {
    let (text, _) = ask(folder, sql, &[&["-o", "jsonl"], more].concat(), 0);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_answer_has_the_form_asked_for_and_states_its_coverage() {
    let folder = case("forms");
    let sql = "SELECT host, count(*) AS n FROM events WHERE kind = 'linux/sshd' GROUP BY Host ORDER BY n DESC LIMIT 2";
    let (table, said) = ask(&folder, sql, &[], 0);
    assert!(table.starts_with("host"), "{table}");
    assert!(said.contains("2 rows;") && said.contains("Coverage"), "{said}");
    let (csv, _) = ask(&folder, sql, &["-o", "csv"], 0);
    assert_eq!((csv.lines().next(), csv.lines().count()), (Some("host,n"), 3));
    let (text, said) = ask(&folder, sql, &["-o", "json", "--lang", "ja"], 0);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert!(document["coverage"]["sources"].as_u64() > Some(10) && said.is_empty(), "{document:#} {said}");
    assert_eq!(document["rows"], Value::Array(rows(&folder, sql, &[])));
    let (_, said) = ask(&folder, sql, &["--max-rows", "1", "--lang", "ja"], 0);
    assert!(said.contains("先頭の 1 行のみ表示"), "{said}");
    let events = "SELECT count(*) AS n FROM events";
    let (_, all) = ask(&folder, events, &[], 0);
    assert!(all.contains("could hold events"), "{all}");
    let (names, _) = ask(&folder, "SELECT name FROM fields WHERE name LIKE 'auth_factor%'", &[], 0);
    assert!(names.contains("auth_factors"), "{names}");
}

#[test]
fn what_cannot_be_asked_is_refused_with_a_way_out() {
    let folder = case("refused");
    for (sql, says) in [
        ("DROP TABLE events", "only SELECT"),
        ("SELECT * FROM read_parquet('x')", "functions cannot stand"),
        ("SELECT * FROM '/etc/passwd'", "there is no table"),
        ("SELECT nothing FROM events", "there is no column nothing"),
        ("SELECT * FROM detections", "no report has detections"),
        ("SELECT cast(host AS bigint) FROM events", "Cannot cast"),
        ("SELEC 1", "Expected"),
    ] {
        let (out, said) = ask(&folder, sql, &[], 2);
        assert!(out.is_empty() && said.contains(says) && said.contains("hint: "), "{sql}: {out} {said}");
    }
}

#[test]
fn an_answer_that_outgrows_its_bounds_ends_with_a_word_about_them() {
    let folder = case("bounds");
    let grown = "SELECT array_agg(repeat(host, 2000000)) FROM events";
    let (_, said) = ask(&folder, grown, &["--memory", "64"], 3);
    assert!(said.contains("memory") && said.contains("64 MiB"), "{said}");
    let long = "SELECT count(*) FROM events a, events b, events c, events d \
                WHERE a.\"offset\" + b.\"offset\" = c.\"offset\" * 7 + d.\"offset\" * 3 + 1";
    let started = std::time::Instant::now();
    ask(&folder, long, &["--timeout", "2"], 3);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    // The verb that answers is not for people.
    assert_eq!(hinomi(&["answer-query"]).status.code(), Some(2));
}

#[test]
fn verdicts_are_tables_beside_the_events_they_rest_on() {
    let folder = case("judged");
    let judge = ["--judge", "-q"];
    // Every cited event is found among the derived ones, once.
    let sql = "SELECT count(*) AS all_, count(e.kind) AS found FROM evidence v LEFT JOIN events e \
               ON e.source = v.source AND e.\"offset\" = v.\"offset\" AND e.sub = v.sub";
    let counts = rows(&folder, sql, &judge);
    assert!(counts[0]["found"].as_u64() > Some(50) && counts[0]["found"] == counts[0]["all_"], "{counts:?}");
    let sql = "SELECT i.ID, count(*) AS n FROM incidents i JOIN incident_detections x ON x.incident = i.id \
               JOIN detections d ON D.id = x.detection GROUP BY i.id ORDER BY n DESC";
    let incidents = rows(&folder, sql, &judge);
    let report = crate::support::case_report();
    let largest =
        report["incidents"].as_array().unwrap().iter().map(|i| i["detections"].as_array().unwrap().len());
    assert_eq!(incidents[0]["n"].as_u64(), largest.max().map(|n| n as u64), "{incidents:?}");
    let saved = Path::new(&folder).with_extension("report.json");
    std::fs::write(&saved, report.to_string()).unwrap();
    assert_eq!(rows(&folder, sql, &["--report", &saved.display().to_string()]), incidents);
    let sql = "SELECT account, hosts FROM sessions WHERE access = 'remote' AND second_factor = 'disproven'";
    let sessions = rows(&folder, sql, &judge);
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert!(sessions[0]["account"].as_str().unwrap().starts_with("ctr-adm01"), "{sessions:?}");
    let claims = rows(&folder, "SELECT DISTINCT outcome FROM claims ORDER BY outcome", &judge);
    assert!(claims.iter().any(|c| c["outcome"] == "contradicted"), "{claims:?}");
    let (_, said) = ask(&folder, sql, &["--report", "/nowhere.json"], 3);
    assert!(said.contains("--report /nowhere.json"), "{said}");
}

#[test]
fn an_iceberg_table_names_all_files_where_the_reader_sees_them() {
    let folder = case("iceberg");
    let output = hinomi(&["iceberg", "--in", &folder, "--location", "s3://evidence/derived/", "--json"]);
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let path = Path::new(made["metadata"].as_str().unwrap());
    let table: Value = serde_json::from_slice(&std::fs::read(root().join(path)).unwrap()).unwrap();
    assert_eq!((&table["format-version"], &table["location"]), (&2.into(), &"s3://evidence/derived".into()));
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(Path::new(&folder).join("manifest.json")).unwrap()).unwrap();
    let data = std::fs::read(Path::new(&folder).join("metadata/1-m0.avro")).unwrap();
    let holds = |text: &str| data.windows(text.len()).any(|w| w == text.as_bytes());
    for file in manifest["files"].as_array().unwrap() {
        let url = format!("s3://evidence/derived/{}", file["path"].as_str().unwrap());
        assert!(holds(&url), "{url}");
    }
    // A second time is a newer version of the same table.
    hinomi(&["iceberg", "--in", &folder]);
    let hint = std::fs::read_to_string(Path::new(&folder).join("metadata/version-hint.text")).unwrap();
    assert_eq!(hint, "2");
    // What was written beside the files disturbs nobody.
    assert_eq!(hinomi(&["verify", "derived", "--in", &folder, "-q"]).status.code(), Some(0));
    assert_eq!(hinomi(&["derive", "examples/case", "--to", &folder, "-q"]).status.code(), Some(0));
}

#[test]
fn other_engines_read_the_same_rows_from_the_same_files() {
    let Some(python) = std::env::var_os("HINOMI_ENGINES_PYTHON") else {
        println!("SKIPPED: HINOMI_ENGINES_PYTHON does not name a Python with duckdb and pyiceberg");
        return;
    };
    let folder = case("engines");
    let output = std::process::Command::new(python)
        .arg(root().join("tests/engines/compare.py"))
        .args([&folder, "duckdb", "iceberg"])
        .env("HINOMI", env!("CARGO_BIN_EXE_hinomi"))
        .current_dir(root())
        .output()
        .unwrap();
    let said = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("DuckDB: 13 queries") && said.contains("all equal"),
        "{said}"
    );
}

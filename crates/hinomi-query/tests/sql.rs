//! Questions in SQL: the names in them, what they leave unread, what may not be asked.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and write their own scratch files"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hinomi_columns::{Projection, Row, Store};
use hinomi_model::{LogKind, Timestamp};
use hinomi_query::derive::{Lane, LaneLimits, Place, UnitPlace, register};
use hinomi_query::sql::{Limits, Question, Rows, ask, json_rows};
use hinomi_query::{Archive, Input, Manifest, Mapping, QueryError, Run};
use serde_json::{Value, json};

const EVENTS: u64 = 30_000;

/// Two kinds of log; names in two spellings; a field in one event alone; the needle in one event.
fn write(folder: &Path) -> Arc<Archive> {
    let mapping = Arc::new(Mapping::bundled().unwrap());
    let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
    let kinds = ["conn", "auth"].map(|service| LogKind {
        product: "linux".to_owned(),
        service: service.to_owned(),
        categories: Vec::new(),
    });
    let mut lane =
        Lane::new(folder.to_owned(), "a-0".to_owned(), Arc::clone(&mapping), LaneLimits::default());
    for n in 0..EVENTS {
        let mut fields = vec![
            ("Computer".to_owned(), format!("ws{}", n % 5)),
            (if n % 3 == 0 { "user" } else { "User" }.to_owned(), format!("u{}", n % 4)),
            ("id.orig_h".to_owned(), format!("10.0.{}.{}", n % 3, n % 200)),
            ("orig_bytes".to_owned(), (n % 1000).to_string()),
        ];
        if n % 3 == 0 {
            fields.push(("Family".to_owned(), "x".to_owned()));
        }
        if n == 17_003 {
            fields.push(("Single".to_owned(), "倉庫の needle-4711 here".to_owned()));
        }
        let mut cells = Vec::new();
        for (name, value) in &fields {
            let id = store.field(name).unwrap();
            cells.push((id, store.dictionary_mut(id).text(value)));
        }
        let kind = store.kind(&kinds[(n % 2) as usize]);
        let time = Timestamp::from_nanos((1_700_000_000 + n as i64) * 1_000_000_000);
        store.push(kind, Row { time: Some(time), sequence: None, offset: n, length: 1, sub: 0 }, &mut cells);
    }
    let place = |row: &Row| Place { record: None, offset: row.offset };
    lane.absorb(&mut store, &UnitPlace { source: "test", place: &place }).unwrap();
    let (files, coverage) = lane.finish(&mut store).unwrap();
    let mut manifest = Manifest::new(1, Input::Paths { paths: Vec::new(), zone: "UTC".to_owned() });
    manifest.add(Run::new(0, &mapping, coverage, 0), files);
    register(folder, &manifest, None).unwrap();
    Arc::new(Archive::open(folder).unwrap())
}

fn answer(archive: &Arc<Archive>, sql: &str, limits: Limits) -> Result<Rows, QueryError> {
    ask(archive, &Question { sql: sql.to_owned(), reports: Vec::new(), limits })
}

fn rows(archive: &Arc<Archive>, sql: &str) -> Vec<Value> {
    let limits = Limits { threads: 2, ..Limits::default() };
    match answer(archive, sql, limits) {
        Ok(rows) => {
            let rows = json_rows(&rows.batches).unwrap();
            rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
        }
        Err(error) => panic!("{sql}: {error}"),
    }
}

#[test]
fn times_are_truncated_as_the_engine_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let archive = write(folder.path());
    for unit in ["second", "minute", "HOUR", "day", "week", "month", "quarter", "year"] {
        for years in [0, 60] {
            // In nanoseconds it is the engine's own function.
            let sql = format!(
                "SELECT count(*) AS n, count(DISTINCT date_trunc('{unit}', t)) AS distinct FROM \
                 (SELECT time - INTERVAL '{years} years' AS t FROM events) WHERE date_trunc('{unit}', t) = \
                 date_trunc('{unit}', arrow_cast(t, 'Timestamp(Nanosecond, Some(\"UTC\"))'))"
            );
            let row = &rows(&archive, &sql)[0];
            assert_eq!(row["n"], EVENTS, "{unit}");
            assert!(row["distinct"].as_u64().unwrap() < EVENTS || unit == "second", "{unit}: {row}");
        }
    }
}

#[test]
fn names_mean_the_fields_of_vendors_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let archive = write(folder.path());
    let count = |sql: &str| rows(&archive, sql)[0]["n"].as_u64().unwrap();
    assert_eq!(count("SELECT count(*) AS n FROM events"), EVENTS);
    for sql in [
        "SELECT count(*) AS n FROM events WHERE User = 'u1'",
        "select count(*) as n from EVENTS where user = 'u1'",
        "SELECT count(*) AS n FROM events e WHERE e.USER LIKE '%1'",
        "SELECT count(*) AS n FROM events WHERE matches(\"User\", 'U1')",
    ] {
        assert_eq!(count(sql), EVENTS / 4, "{sql}");
    }
    assert_eq!(count("SELECT count(*) AS n FROM events WHERE id.orig_h = '10.0.1.1'"), 50);
    assert_eq!(count("SELECT count(*) AS n FROM events WHERE src_ip = '10.0.1.1'"), 50);
    assert_eq!(
        count("SELECT sum(bytes_out) AS n FROM events WHERE kind = 'linux/auth' AND bytes_out < 4"),
        30 * 4
    );
    assert_eq!(
        count("WITH t AS (SELECT Computer AS c FROM events) SELECT count(*) AS n FROM t WHERE c = 'ws2'"),
        EVENTS / 5
    );
    let top = rows(
        &archive,
        "SELECT computer AS Host, count(*) AS n FROM events GROUP BY Host ORDER BY n DESC, Host LIMIT 1",
    );
    let pair = ask(
        &archive,
        &Question {
            sql: "SELECT b.host, a.kind, a.host FROM events a JOIN events b ON a.\"offset\" = b.\"offset\" LIMIT 1".to_owned(),
            reports: Vec::new(),
            limits: Limits::default(),
        },
    );
    let line = serde_json::to_string(&json_rows(&pair.unwrap().batches).unwrap()[0]).unwrap();
    assert!(
        line.starts_with(r#"{"host":"ws"#)
            && line.contains(r#""kind":"linux"#)
            && line.contains(r#""host_2":"ws"#),
        "{line}"
    );
    assert_eq!(top, [json!({"Host": "ws0", "n": 6000})]);
    let all = rows(&archive, "SELECT * FROM events ORDER BY time LIMIT 1");
    assert_eq!((&all[0]["host"], &all[0]["time"]), (&json!("ws0"), &json!("2023-11-14T22:13:20Z")));
    assert_eq!(count("SELECT sum(events) AS n FROM sources"), EVENTS);
    assert_eq!(count("SELECT count(*) AS n FROM fields WHERE name = 'Single'"), 1);
    assert_eq!(count("SELECT sum(events) AS n FROM files"), EVENTS);
    // A field of a vendor may be named like a column of another table.
    assert_eq!(
        count(
            "SELECT count(*) AS n FROM fields f JOIN files g ON g.family = f.family WHERE f.name = 'Family'"
        ),
        2
    );
    assert_eq!(count("SELECT count(*) AS n FROM events WHERE Family = 'x'"), 10_000);
    assert_eq!(
        count(
            "SELECT count(DISTINCT e.family) AS n FROM events e JOIN files f ON f.path <> e.Family WHERE F.Family LIKE '%auth%'"
        ),
        1
    );
}

#[test]
fn a_needle_is_found_without_reading_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let archive = write(folder.path());
    for condition in [
        "Single LIKE '%needle-4711%'",
        "Single LIKE '%庫の needle%'",
        "matches(Single, '倉庫')",
        "Single = '倉庫の needle-4711 here'",
        "Single IS NOT NULL",
    ] {
        let sql = format!("SELECT \"offset\" FROM events WHERE {condition}");
        assert_eq!(rows(&archive, &sql), [json!({"offset": 17003})], "{condition}");
    }
    let limits = Limits { threads: 1, ..Limits::default() };
    let rows =
        answer(&archive, "SELECT 1 AS one FROM events WHERE Computer = 'ws0 nowhere'", limits).unwrap();
    assert_eq!((rows.count(), rows.files.map(|f| f.0)), (0, Some(0)));
    let sql =
        "SELECT count(*) FROM events WHERE time >= '2023-11-15T00:00:00Z' AND time < '2023-11-15T01:00:00Z'";
    let rows = answer(&archive, sql, limits).unwrap();
    assert_eq!((rows.since, rows.until), (Some(1_700_006_400_000_000), Some(1_700_010_000_000_000)));
}

#[test]
fn only_questions_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let archive = write(folder.path());
    let outside = folder.path().join("outside.csv");
    std::fs::write(&outside, "a\n1\n").unwrap();
    let outside = outside.display();
    let file = archive.files()[0].path().display().to_string();
    for sql in [
        format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{outside}'"),
        format!("COPY (SELECT 1) TO '{outside}'"),
        format!("COPY events TO '{outside}' STORED AS CSV"),
        format!("SELECT * FROM '{outside}'"),
        format!("SELECT * FROM '{file}'"),
        format!("SELECT * FROM read_parquet('{file}')"),
        format!("SELECT * FROM read_csv('{outside}')"),
        format!("SELECT * FROM parquet_metadata('{file}')"),
        "SET datafusion.execution.target_partitions = 1".to_owned(),
        "RESET ALL".to_owned(),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "CREATE VIEW v AS SELECT 1".to_owned(),
        "INSERT INTO events SELECT * FROM events".to_owned(),
        "INSERT INTO sources VALUES ('a','b','c',1)".to_owned(),
        "DELETE FROM sources".to_owned(),
        "UPDATE sources SET host = 'x'".to_owned(),
        "DROP TABLE events".to_owned(),
        "SELECT 1; DROP TABLE events".to_owned(),
        "SELECT 1; SELECT 2".to_owned(),
        "EXPLAIN ANALYZE SELECT 1".to_owned(),
        "SHOW TABLES".to_owned(),
        "SHOW ALL".to_owned(),
        "SELECT * FROM information_schema.tables".to_owned(),
        "SELECT * FROM datafusion.public.events".to_owned(),
        "SELECT * FROM generate_series(1, 1000000000000)".to_owned(),
        "SELECT * FROM range(1, 1000000000000)".to_owned(),
        "SELECT 1 INTO t FROM events".to_owned(),
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t".to_owned(),
        "PREPARE p AS SELECT 1".to_owned(),
        "BEGIN".to_owned(),
        String::new(),
        "SELECT".to_owned(),
        "SELECT nothing FROM events".to_owned(),
        "SELECT ".to_owned() + &"(".repeat(5000),
    ] {
        let before = std::fs::read_dir(folder.path()).unwrap().count();
        let refused = answer(&archive, &sql, Limits { threads: 1, ..Limits::default() });
        assert!(refused.is_err(), "{sql} was answered");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before, "{sql}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("outside.csv")).unwrap(), "a\n1\n");
}

#[test]
fn answers_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let archive = write(folder.path());
    let limits = Limits { memory: 64 << 20, time: Duration::from_secs(2), rows: 10, threads: 2 };
    let cut = answer(&archive, "SELECT * FROM events", limits).unwrap();
    assert!(cut.is_cut && cut.count() == 10);
    for sql in [
        "SELECT count(*) FROM events a, events b, events c WHERE a.\"offset\" + b.\"offset\" = c.\"offset\" * 2 + 1",
        "SELECT a.host, b.host, c.host FROM events a CROSS JOIN events b CROSS JOIN events c ORDER BY a.time, b.time, c.time",
    ] {
        let refused = answer(&archive, sql, limits);
        assert!(
            matches!(refused, Err(QueryError::Limit(_) | QueryError::Refused { .. })),
            "{sql}: {refused:?}"
        );
    }
}

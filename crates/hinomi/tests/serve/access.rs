//! Accounts of a server at work: the first link, a real browser's passkey, what is written down, and a stop at any time.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hinomi_testkit::authenticator::{Authenticator, totp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, PATIENCE, Served, ask, command, write_configuration};

const CONFIGURATION: &str = "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n\
                             [pages]\nat = \"127.0.0.1:0\"\n";

/// A server with pages.
pub(crate) struct World {
    pub(crate) served: Served,
    at: SocketAddr,
    pub(crate) origin: String,
}

fn world() -> World {
    let folder = TempDir::new().unwrap();
    write_configuration(folder.path(), CONFIGURATION);
    begin(Served::start_in(folder))
}

pub(crate) fn begin(mut served: Served) -> World {
    let line = served.wait_for_line("pages");
    let at = line["at"].as_str().unwrap().parse().unwrap();
    let origin = line["origin"].as_str().unwrap().to_owned();
    World { served, at, origin }
}

pub(crate) fn run(data: &Path, args: &[&str]) -> (Option<i32>, String) {
    let (verb, rest) = args.split_first().unwrap();
    let data = data.to_str().unwrap();
    let mut all = vec!["access", verb];
    all.extend(rest);
    all.extend(["--data", data]);
    let output = command(&all).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// The secret of a link that a command printed.
pub(crate) fn secret(printed: &str) -> String {
    printed.lines().next().unwrap().rsplit('/').next().unwrap().to_owned()
}

impl World {
    fn host(&self) -> String {
        self.origin.trim_start_matches("http://").to_owned()
    }

    pub(crate) fn send(&self, method: &str, path: &str, cookie: &str, body: &Value) -> Answer {
        let (host, body) = (self.host(), body.to_string());
        // The helper names a host of its own first; ours comes by a request written out.
        let headers = [
            ("x-hinomi", "1"),
            ("origin", self.origin.as_str()),
            ("content-type", "application/json"),
            ("cookie", cookie),
        ];
        raw(self.at, method, path, &host, &headers, &body)
    }

    /// Enrols a password and a generator with a link.
    fn enrol_password(&self, link: &str) {
        let offer =
            self.send("POST", "/api/v1/enrolment/password/options", "", &json!({ "link": link })).json();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let code = totp(offer["secret"].as_str().unwrap(), now as i64);
        let body = json!({ "link": link, "password": "a long enough sentence", "code": code });
        let enrolled = self.send("POST", "/api/v1/enrolment/password", "", &body);
        assert_eq!(enrolled.status, 200, "{}", String::from_utf8_lossy(&enrolled.body));
    }

    /// Enrols with a link; the cookie of the session.
    pub(crate) fn enrol(&self, link: &str, device: &Authenticator) -> String {
        let options = self.send("POST", "/api/v1/enrolment/passkey/options", "", &json!({ "link": link }));
        assert_eq!(options.status, 200, "{}", options.head);
        let challenge = options.json()["challenge"].as_str().unwrap().to_owned();
        let made: Value = serde_json::from_str(&device.make(&challenge)).unwrap();
        let body = json!({ "link": link, "attestation": made });
        let enrolled = self.send("POST", "/api/v1/enrolment/passkey", "", &body);
        assert_eq!(enrolled.status, 200, "{}", String::from_utf8_lossy(&enrolled.body));
        cookie(&enrolled.head)
    }
}

fn cookie(head: &str) -> String {
    let line = head.lines().find(|line| line.to_lowercase().starts_with("set-cookie: hinomi=")).unwrap();
    line.split_once(": ").unwrap().1.split(';').next().unwrap().to_owned()
}

pub(crate) fn raw(
    at: SocketAddr,
    method: &str,
    path: &str,
    host: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: answer[end + 4..].to_vec() }
}

/// Actions in the decision ledger, once there are so many.
pub(crate) fn recorded(data: &Path, at_least: usize) -> Vec<String> {
    use std::sync::Arc;

    use hinomi_ledger::{FileDisk, Places, Reader};
    let since = Instant::now();
    loop {
        let read = || {
            let reader =
                Reader::open(Arc::new(FileDisk), Places::in_data_dir(data, "decisions"), true).ok()?;
            let mut actions = Vec::new();
            for block in reader.blocks(0, reader.size()) {
                let block = block.ok()?;
                if block.block.scope.source == "access" {
                    for record in block.records {
                        let step: Value = serde_json::from_slice(&record.bytes).unwrap();
                        assert_eq!(step["number"].as_u64(), Some(actions.len() as u64));
                        actions.push(step["action"].as_str().unwrap().to_owned());
                    }
                }
            }
            Some(actions)
        };
        let found = read().unwrap_or_default();
        if found.len() >= at_least {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "only {found:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn accounts_live_through_a_kill_and_a_lost_folder_and_every_step_is_recorded() {
    let mut world = world();
    let data = world.served.data();
    let (code, first) = run(&data, &["first"]);
    assert_eq!(code, Some(0), "{first}");
    assert!(first.starts_with(&format!("{}/#/enrol/hl_", world.origin)), "{first}");
    let mut device = Authenticator::p256(&world.origin, "localhost");
    let link = json!({ "link": secret(&first) });
    let options = world.send("POST", "/api/v1/enrolment/passkey/options", "", &link);
    device.user = Some(options.json()["user"]["id"].as_str().unwrap().to_owned());
    let session = world.enrol(&secret(&first), &device);
    assert_eq!(world.send("GET", "/api/v1/accounts", &session, &Value::Null).status, 200);
    assert_eq!(run(&data, &["first"]).0, Some(2), "there is an administrator");
    let (_, invited) = run(&data, &["invite", "aoki", "--role", "analyst"]);
    drop(world.enrol(&secret(&invited), &Authenticator::ed25519(&world.origin, "localhost")));
    assert_eq!(run(&data, &["revoke", "aoki"]).0, Some(0));
    let said = format!("{:?}", world.served.said_so_far());
    assert!(!said.contains(&secret(&first)) && !said.contains(&secret(&invited)), "a journal holds no link");
    let (_, invited) = run(&data, &["invite", "sato", "--role", "viewer"]);
    world.enrol_password(&secret(&invited));
    let actions = recorded(&data, 10);
    let three = ["invited", "link_made", "enrolled"];
    assert_eq!(actions, [&three[..], &three, &["disabled"], &three].concat());
    // Killed, and the folder of the accounts is gone: the ledger knows who is there, and who is no more.
    world.served.kill();
    std::fs::remove_dir_all(data.join("access")).unwrap();
    world.served.restart();
    let world = begin(world.served);
    let (_, listed) = run(&data, &["list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let states: Vec<&str> =
        listed.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["active", "disabled", "must_enrol"], "a generator's secret is nowhere else");
    let (_, listed) = run(&data, &["list", "--lang", "ja"]);
    assert!(listed.contains("認証情報が失われています"), "{listed}");
    let output = command(&["doctor", "--data", data.to_str().unwrap(), "--lang", "en"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("1 of 3 accounts cannot sign in, their secrets are lost: sato"), "{said}");
    let (_, refused) = run(&data, &["first", "--lang", "ja"]);
    assert!(refused.contains("管理者はすでにいます"), "{refused}");
    assert_eq!(run(&data, &["first"]).0, Some(2), "nobody becomes a first administrator");
    // The name of the place holds the port, which is another one now: the device is told.
    device.origin.clone_from(&world.origin);
    let options = world.send("POST", "/api/v1/session/passkey/options", "", &Value::Null).json();
    let proof: Value = serde_json::from_str(&device.sign(options["challenge"].as_str().unwrap())).unwrap();
    let signed_in = world.send("POST", "/api/v1/session/passkey", "", &proof);
    assert_eq!(signed_in.json()["name"], "admin", "{}", String::from_utf8_lossy(&signed_in.body));
    assert_eq!(recorded(&data, 11).last().map(String::as_str), Some("signed_in"));
}

#[test]
fn commands_work_while_no_server_does_and_never_beside_one_unasked() {
    let folder = TempDir::new().unwrap();
    write_configuration(folder.path(), CONFIGURATION);
    let mut world = begin(Served::start_in(folder));
    let data = world.served.data();
    assert_eq!(world.served.terminate(), Some(0));
    let origin = "https://hinomi.example.jp";
    let (code, printed) = run(&data, &["invite", "aoki", "--role", "viewer", "--origin", origin]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.starts_with("https://hinomi.example.jp/#/enrol/hl_"));
    assert_eq!(run(&data, &["invite", "aoki", "--role", "viewer"]).0, Some(2));
    assert_eq!(run(&data, &["invite", "Mori!", "--role", "viewer"]).0, Some(2));
    assert_eq!(run(&data, &["invite", "mori", "--role", "king"]).0, Some(2));
    let (code, sealed) = run(&data, &["break-glass"]);
    assert_eq!((code, sealed.contains("/#/enrol/bg_")), (Some(0), true));
    // A damaged folder opens nothing, and receiving goes on.
    let state = data.join("access/state");
    let mut bytes = std::fs::read(&state).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    std::fs::write(&state, bytes).unwrap();
    assert_eq!(run(&data, &["list"]).0, Some(4));
    world.served.restart();
    world.served.wait_for_line("there are no pages");
    assert_eq!(world.served.admin("/readyz").0, 200);
}

/// What a real browser makes of the contract: enrolling, signing out, signing in, proving anew, with a passkey of its own.
#[test]
fn a_real_browser_enrols_a_passkey_and_signs_in_with_it() {
    let ready = |program: &str| {
        Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success())
    };
    for program in ["python3", "chromium", "chromedriver"] {
        if !ready(program) {
            println!("SKIPPED: {program} is not installed");
            return;
        }
    }
    let world = world();
    let (_, first) = run(&world.served.data(), &["first"]);
    let script = world.served.folder.path().join("passkey.py");
    std::fs::write(&script, include_str!("passkey.py")).unwrap();
    let link = secret(&first);
    let driven = Command::new("timeout")
        .args(["120", "python3"])
        .arg(&script)
        .args([&world.origin, &link])
        .arg(world.served.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&driven.stdout).into_owned();
    assert!(driven.status.success(), "{said}\n{}", String::from_utf8_lossy(&driven.stderr));
    let told: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(told["enrolled"]["name"], "admin");
    assert_eq!(told["signed_out"]["signed_in"], false);
    assert_eq!(told["signed_in"]["name"], "admin");
    assert_eq!(told["stepped_up"]["signed_in"], true);
    assert_eq!(told["unverified"], 401, "a device that does not verify its user is one factor");
    assert_eq!(told["cookies"], "", "scripts do not see cookies");
    let actions = recorded(&world.served.data(), 7);
    assert_eq!(actions[2..], ["enrolled", "signed_out", "signed_in", "signed_in", "sign_in_failed"]);
}

/// What a server at work holds is read from outside, by whoever has the right scope.
#[test]
fn evidence_is_answered_to_whoever_may_see_it() {
    let world = world();
    let data = world.served.data();
    let (_, first) = run(&data, &["first"]);
    world.enrol(&secret(&first), &Authenticator::p256(&world.origin, "localhost"));
    let (_, token) = run(&data, &["token", "admin", "--for", "t", "--scope", "read"]);
    let bearer = format!("Bearer {}", token.lines().next().unwrap());
    let get =
        |path: &str| raw(world.at, "GET", path, &world.host(), &[("authorization", bearer.as_str())], "");
    let ledger = get("/api/v1/ledger");
    assert_eq!(ledger.status, 200, "{}", String::from_utf8_lossy(&ledger.body));
    assert!(ledger.json()["checkpoint"]["note"].as_str().unwrap().ends_with('\n'));
    for path in
        ["/api/v1/today?zone=Asia/Tokyo", "/api/v1/sources", "/api/v1/alerts", "/api/v1/ledger/checkpoints"]
    {
        let answer = get(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    // Incidents are there once they were told, also when there are none; so are claims once they were judged: without
    // evidence nothing of them is decided.
    judged(&get);
    assert_eq!(get("/api/v1/incidents").json()["items"], json!([]));
    let claims = get("/api/v1/claims").json();
    assert!(claims["items"].as_array().unwrap().len() >= 40, "{claims}");
    assert_eq!(claims["judged"]["events"], 0);
    for path in ["/api/v1/exceptions", "/api/v1/suppliers", "/api/v1/board", "/api/v1/coverage"] {
        assert_eq!(get(path).status, 200, "{path}");
    }
    let cases = [
        ("/api/v1/claims/none", 404),
        ("/api/v1/questions?kind=planet&name=x", 400),
        ("/api/v1/questions?day=2026-02-30", 400),
        ("/api/v1/incidents/none", 404),
        ("/api/v1/sources?from=x", 400),
        ("/api/v1/today?zone=Nowhere", 400),
        ("/api/v1/records?reference=x", 403),
    ];
    for (path, status) in cases {
        assert_eq!(get(path).status, status, "{path}");
    }
    assert_eq!(raw(world.at, "GET", "/api/v1/ledger", &world.host(), &[], "").status, 401);
}

/// Waits until claims were judged and incidents told for the first time.
fn judged(get: &dyn Fn(&str) -> Answer) {
    let begun = Instant::now();
    for path in ["/api/v1/claims", "/api/v1/incidents"] {
        loop {
            let answer = get(path);
            if answer.status == 200 {
                break;
            }
            let said = String::from_utf8_lossy(&answer.body);
            assert!(answer.status == 503, "{path}: {said}");
            assert!(begun.elapsed() < PATIENCE, "{path}: {said}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What was done with hunts, in the decision ledger, once there are so many.
fn hunted(data: &Path, at_least: usize) -> Vec<Value> {
    use std::sync::Arc;

    use hinomi_ledger::{FileDisk, Places, Reader};
    let since = Instant::now();
    loop {
        let places = Places::in_data_dir(data, "decisions");
        let read = Reader::open(Arc::new(FileDisk), places, true).ok().map(|reader| {
            let blocks = reader.blocks(0, reader.size()).map(Result::unwrap);
            let records = blocks.filter(|block| block.block.scope.source == "hunts").flat_map(|b| b.records);
            records.map(|record| serde_json::from_slice(&record.bytes).unwrap()).collect::<Vec<Value>>()
        });
        match read {
            Some(steps) if steps.len() >= at_least => return steps,
            steps => assert!(since.elapsed() < PATIENCE, "only {steps:?}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn hunts_are_saved_and_removed_and_both_are_written_down() {
    let mut world = world();
    let (_, first) = run(&world.served.data(), &["first"]);
    let session = world.enrol(&secret(&first), &Authenticator::p256(&world.origin, "localhost"));
    let hunt = json!({ "name": "遠隔操作", "language": "terms", "question": "rclone -host:dc01" });
    let saved = world.send("POST", "/api/v1/hunts", &session, &hunt);
    assert_eq!(saved.status, 201, "{}", saved.head);
    let (saved, version) = (saved.json(), saved.json()["version"].as_u64().unwrap());
    assert_eq!((&saved["question"], saved["owner"].as_str().is_some()), (&hunt["question"], true));
    let listed = world.send("GET", "/api/v1/hunts", &session, &Value::Null);
    assert_eq!(listed.json()["items"], json!([saved]), "{}", listed.head);
    let path = format!("/api/v1/hunts/{}", saved["id"].as_str().unwrap());
    assert_eq!(world.send("DELETE", &path, &session, &Value::Null).status, 428);
    let host = world.host();
    let remove = |tag: &str| {
        let headers = [("x-hinomi", "1"), ("cookie", session.as_str()), ("if-match", tag)];
        raw(world.at, "DELETE", &path, &host, &headers, "").status
    };
    assert_eq!(remove(&format!("\"{}\"", version + 1)), 412);
    assert_eq!(remove(&format!("\"{version}\"")), 204);
    assert_eq!(remove(&format!("\"{version}\"")), 404);
    let steps = hunted(&world.served.data(), 2);
    let told: Vec<_> = steps.iter().map(|step| (&step["step"], &step["by"])).collect();
    assert_eq!(told, [(&json!("saved"), &saved["owner"]), (&json!("removed"), &saved["owner"])]);
    assert_eq!(world.served.terminate(), Some(0));
}

/// Whoever narrows a search by what an incident states has to find it there.
#[cfg(feature = "query")]
#[test]
fn searches_take_times_without_a_zone_as_detection_does() {
    let folder = TempDir::new().unwrap();
    write_configuration(folder.path(), &format!("{CONFIGURATION}[detection]\nzone = \"Asia/Tokyo\"\n"));
    let log = folder.path().join("auth.log");
    std::fs::write(
        &log,
        "Jan 22 07:44:50 gw01 sshd[7]: Accepted password for aoki from 192.0.2.7 port 40 ssh2\n",
    )
    .unwrap();
    let data = folder.path().join("data");
    let kept = command(&["ledger", "append", "--data", data.to_str().unwrap(), log.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(kept.status.success(), "{}", String::from_utf8_lossy(&kept.stderr));
    let world = begin(Served::start_in(folder));
    let (_, first) = run(&world.served.data(), &["first"]);
    let session = world.enrol(&secret(&first), &Authenticator::p256(&world.origin, "localhost"));
    let since = Instant::now();
    let time = loop {
        let found = world.send("GET", "/api/v1/search?q=aoki", &session, &Value::Null).json();
        if let Some(time) = found["events"][0]["time"].as_str() {
            break time.to_owned();
        }
        assert!(since.elapsed() < PATIENCE, "{found}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(time.ends_with("-01-21T22:44:50Z") || time.contains("-01-21T22:44:50."), "{time}");
}

/// A server that nobody derives for.
#[cfg(feature = "query")]
#[test]
fn searches_and_queries_answer_what_came_a_moment_ago() {
    let world = world();
    let (_, first) = run(&world.served.data(), &["first"]);
    let session = world.enrol(&secret(&first), &Authenticator::p256(&world.origin, "localhost"));
    let line = "{\"@timestamp\": \"2026-10-07T08:00:00Z\", \"host\": \"ws5\", \"word\": \"needle\"}\n";
    let inlet = world.served.at("h", "http");
    assert_eq!(crate::support::send(inlet, "/ndjson", &[], line.as_bytes()).status, 200);
    let since = Instant::now();
    let found = loop {
        let found = world.send("GET", "/api/v1/search?q=needle", &session, &Value::Null);
        assert_eq!(found.status, 200, "{}", String::from_utf8_lossy(&found.body));
        if found.json()["matches"] == 1 {
            break found.json();
        }
        assert!(since.elapsed() < PATIENCE, "{found:?}", found = found.json());
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(found["events"][0]["raw"], line.trim_end());
    // Who looked for what is written down, once for all pages of a search.
    let sought = || {
        let audit = world.send("GET", "/api/v1/audit?limit=500", &session, &Value::Null).json();
        let items = audit["items"].as_array().unwrap().clone();
        let of = |item: &&Value| item["action"] == "sought";
        items.iter().filter(of).map(|item| item["details"].to_string()).collect::<Vec<_>>()
    };
    let noted = sought();
    assert!(noted.iter().all(|what| what.contains("needle")) && !noted.is_empty(), "{noted:?}");
    let (snapshot, reference) =
        (found["snapshot"].as_str().unwrap(), found["events"][0]["reference"].as_str().unwrap());
    let further = format!("/api/v1/search?q=needle&snapshot={snapshot}&offset=0");
    assert_eq!(world.send("GET", &further, &session, &Value::Null).status, 200);
    let renewed = |q: &str, of: &str| {
        let path = format!("/api/v1/search?q={q}&renews={of}");
        world.send("GET", &path, &session, &Value::Null).status
    };
    assert_eq!(renewed("needle", snapshot), 200);
    // Nobody looks for something else under the name of a search that was written down.
    assert_eq!((renewed("pin", snapshot), renewed("needle", "s1")), (400, 400));
    assert_eq!(sought().len(), noted.len());
    let record = format!("/api/v1/records?reference={}", reference.replace('#', "%23").replace('@', "%40"));
    assert_eq!(world.send("GET", &record, &session, &Value::Null).status, 200);
    assert!(sought().iter().any(|what| what.contains(reference)), "{:?}", sought());
    let ask = |sql: &str| world.send("POST", "/api/v1/query", &session, &json!({ "sql": sql }));
    let table = ask("SELECT word, count(*) AS n FROM events GROUP BY word");
    assert_eq!(table.status, 200, "{}", String::from_utf8_lossy(&table.body));
    assert_eq!(table.json()["rows"], json!([["needle", 1]]));
    let begun = Instant::now();
    for (sql, status) in [
        ("DROP TABLE events", 400),
        ("SELECT * FROM '/etc/passwd'", 400),
        ("SELECT nofield FROM events", 400),
        ("SELECT repeat(repeat(word, 100000), 100000) FROM events", 400),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r", 400),
        ("", 400),
    ] {
        let answer = ask(sql);
        assert_eq!(answer.status, status, "{sql}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(world.send("GET", "/api/v1/search?q=needle", "", &Value::Null).status, 401);
    assert_eq!(
        world.send("GET", "/api/v1/health", &session, &Value::Null).status,
        200,
        "it is still at work"
    );
}

/// A tool of other makers sends what the contract allows, and much that it does not: nothing answers 5xx, and all is as the
/// contract says.
#[test]
fn what_a_fuzzer_makes_of_the_contract_never_ends_in_a_fault() {
    let tool = std::env::var("HINOMI_SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".to_owned());
    let there = Command::new(&tool).arg("--version").output().is_ok_and(|done| done.status.success());
    if !there {
        println!("SKIPPED: schemathesis is not installed");
        return;
    }
    let world = world();
    let (_, first) = run(&world.served.data(), &["first"]);
    let session = world.enrol(&secret(&first), &Authenticator::p256(&world.origin, "localhost"));
    judged(&|path| world.send("GET", path, &session, &Value::Null));
    let contract = world.served.folder.path().join("contract.json");
    let text = world.send("GET", "/api/v1/openapi.json", "", &Value::Null);
    std::fs::write(&contract, text.body).unwrap();
    let cookie = format!("Cookie: {session}");
    let checks =
        "not_a_server_error,content_type_conformance,status_code_conformance,response_schema_conformance";
    let mut run = Command::new("timeout");
    run.args(["150", &tool, "run"]).arg(&contract).args(["--url", &world.origin, "--checks", checks]);
    run.args(["-H", &cookie, "-H", "X-Hinomi: 1", "--phases", "coverage,fuzzing", "--max-examples", "2"]);
    // What the read model does not answer yet says so with 501, which the tool takes for a fault.
    let judging = [
        "readAnswers",
        "readBoard",
        "readCoverage",
        "listClaims",
        "listExceptions",
        "listSuppliers",
        "readToday",
    ];
    let answered = ["listHunts", "saveHunt", "removeHunt"].into_iter();
    let searches = ["search", "readHistogram", "query"].into_iter().filter(|_| cfg!(feature = "query"));
    for operation in judging.into_iter().chain(answered).chain(searches) {
        run.args(["--include-operation-id", operation]);
    }
    run.args([
        "--include-tag",
        "access",
        "--exclude-operation-id",
        "signOut",
        "--seed",
        "1",
        "--workers",
        "1",
    ]);
    let done = run.arg("--no-shrink").current_dir(world.served.folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    let cases =
        said.lines().find_map(|line| line.trim().strip_suffix(" passed")?.split(' ').next()?.parse().ok());
    assert!(cases.is_some_and(|cases: u32| cases > 500), "{said}");
    assert_eq!(ask(world.at, "GET", "/api/v1/session", &[], b"").status, 421, "another host");
    assert_eq!(world.send("GET", "/api/v1/session", "", &Value::Null).status, 200);
}

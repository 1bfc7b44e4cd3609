//! Answers about claims while a server works: the same as `hinomi assure`, and other ones where evidence is taken away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hinomi::judge::{Judge, Judgement, Order};
use hinomi::pages::Refused;
use hinomi_server::serve::AssureSection;
use serde_json::Value;

use crate::live::{follow, options, scratch};
use crate::pages::{Masked, Pages, Plain};
use crate::support::{command, hinomi, list, root, text};

const PATIENCE: Duration = Duration::from_mins(1);
const DAY: &str = "2026-11-22";
/// Accounts of the recorded case that logs or lists name.
const ACCOUNTS: [&str; 5] = ["ctr-adm01", "k.mori", "s.aoki", "backup-svc", "administrator@corp"];

/// A ledger of an example with its lists, changed before anything is kept, and looked at by detection.
fn kept(name: &str, example: &str, change: impl Fn(&Path)) -> PathBuf {
    let folder = scratch(name);
    for (from, to) in [(format!("examples/{example}"), "logs"), ("examples/lists".to_owned(), "lists")] {
        let done = Command::new("cp").arg("-a").arg(root().join(from)).arg(folder.join(to)).status().unwrap();
        assert!(done.success());
    }
    // The journal repeats what the plain logs hold.
    let _ = std::fs::remove_file(folder.join("logs/gw01/journal.json.gz"));
    change(&folder);
    let data = folder.join("data");
    let (at, logs) = (data.to_str().unwrap(), folder.join("logs"));
    let output = hinomi(&["ledger", "append", "--data", at, "--json", logs.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    follow(options(&data));
    folder
}

/// The recorded case as it is, kept and looked at once; each test has a copy of its own.
fn case(name: &str) -> PathBuf {
    static WHOLE: OnceLock<PathBuf> = OnceLock::new();
    let whole = WHOLE.get_or_init(|| kept("judged-case", "case", |_| {}));
    let folder = scratch(name);
    for part in ["data", "lists"] {
        let done = Command::new("cp").arg("-a").arg(whole.join(part)).arg(&folder).status().unwrap();
        assert!(done.success());
    }
    folder
}

fn order(folder: &Path) -> Order {
    Order {
        program: env!("CARGO_BIN_EXE_hinomi").into(),
        data: folder.join("data"),
        section: AssureSection { inventory: vec![folder.join("lists")], ..AssureSection::default() },
        zone: "Asia/Tokyo".to_owned(),
    }
}

fn judge(order: Order) -> Arc<Judge> {
    Arc::new(Judge::start(order, Box::new(|_| {})).unwrap())
}

/// Waits for something that a judge knows.
fn wait<T>(judge: &Judge, what: impl Fn(&hinomi::judge::Known) -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = what(&judge.known()) {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", judge.known().fault);
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn result(judge: &Judge) -> Arc<Judgement> {
    wait(judge, |known| known.last.clone())
}

/// Pages over a judged ledger.
fn pages(folder: &Path) -> Pages {
    let judge = judge(order(folder));
    result(&judge);
    let pages = Pages::judged(&folder.join("data"), Some(judge));
    pages.told();
    pages
}

/// The grade of one of the four questions.
fn grade(pages: &Pages, query: &str, question: &str) -> String {
    let answers = pages.answer("readAnswers", query, "");
    let answer = list(&answers, "answers").iter().find(|answer| answer["question"] == question).unwrap();
    text(answer, "answer").to_owned()
}

/// What `hinomi assure --json` says of the same ledger and lists.
fn assured(folder: &Path) -> Value {
    let (data, lists) = (folder.join("data"), folder.join("lists"));
    let args = ["assure", data.to_str().unwrap(), "--inventory", lists.to_str().unwrap()];
    let output = command(&args).args(["--json", "--quiet", "--tz", "Asia/Tokyo"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn answers_are_those_of_assure_and_follow_the_contract() {
    let folder = case("judged-same");
    let pages = pages(&folder);
    let assured = assured(&folder);
    let claims = pages.answer("listClaims", "", "");
    let expected: BTreeMap<&str, (Value, &Value)> = list(&assured, "claims")
        .iter()
        .map(|claim| {
            let outcome =
                if claim["outcome"].is_null() { "not-applicable".into() } else { claim["outcome"].clone() };
            (text(claim, "id"), (outcome, &claim["entities"]))
        })
        .collect();
    let items = list(&claims, "items").iter();
    let found: BTreeMap<&str, (Value, &Value)> =
        items.map(|claim| (text(claim, "id"), (claim["outcome"].clone(), &claim["entities"]))).collect();
    assert_eq!(found, expected);
    assert_eq!(claims["judged"]["leaves"], assured["ledgers"][0]["leaves"]);
    assert_eq!(claims["judged"]["events"], assured["events"]);
    for claim in list(&assured, "claims") {
        let verdicts = pages.answer("readClaim", "limit=500", text(claim, "id"));
        let outcomes = |of: &Value, key: &str| -> Vec<(Value, Value)> {
            list(of, key).iter().map(|one| (one["entity"].clone(), one["outcome"].clone())).collect()
        };
        assert_eq!(outcomes(&verdicts, "items"), outcomes(claim, "verdicts"), "{}", claim["id"]);
    }
    let ended = pages.answer("listExceptions", "", "");
    assert_eq!(list(&ended, "items").len(), list(&assured, "exceptions").len());
    let first = &list(&ended, "items")[0];
    assert_eq!((&first["id"], &first["state"]), (&"EX-2025-04".into(), &"ended".into()), "the loudest first");
    let suppliers = pages.answer("listSuppliers", "", "");
    let supplier = &list(&suppliers, "items")[0];
    assert_eq!(supplier["sessions"], assured["suppliers"][0]["sessions"]);
    assert!(text(&list(supplier, "reaches")[0]["text"], "en").starts_with("With its accounts, 1 of 2"));
    let board = pages.answer("readBoard", "", "");
    assert_eq!(board["copies"][0]["last_restore"], Value::Null);
    assert_eq!(list(&board, "frameworks").len(), list(&assured, "coverage").len());
    pages.answer("readToday", "", "");
    covered(&pages);
    nothing_of_names(&pages);
}

/// Only what a trial proved, a rule in force names and a log here could show is proven.
fn covered(pages: &Pages) {
    let matrix = pages.answer("readCoverage", "", "");
    let all: Vec<&Value> =
        list(&matrix, "tactics").iter().flat_map(|tactic| list(tactic, "techniques")).collect();
    let of = |state: &str| all.iter().filter(|one| one["state"] == state).count();
    assert!(of("proven") > 5 && of("blind") > 50 && of("missed") > 0, "{} {}", of("proven"), of("blind"));
    assert!(
        all.iter().all(|one| one["state"] != "proven" || one["rules"].as_u64() > one["unheard"].as_u64())
    );
    // The case has no logs of Windows: LSASS is read there by nobody who would see it.
    let deaf = all.iter().filter(|one| one["detected"].as_u64() > Some(0) && one["state"] == "blind");
    assert!(deaf.count() > 0, "proven where no log comes");
}

/// Names of accounts appear nowhere when they are masked.
fn nothing_of_names(pages: &Pages) {
    let ask = |operation: &str, query: &str, id: &str| pages.ask(operation, query, id, &Masked).unwrap();
    let mut said = String::new();
    for operation in ["listClaims", "listExceptions", "listSuppliers", "readBoard", "readAnswers"] {
        said.push_str(&ask(operation, "", "").to_string());
    }
    said.push_str(&ask("readToday", "", "")["answers"].to_string());
    for claim in list(&ask("listClaims", "", ""), "items") {
        said.push_str(&ask("readClaim", "limit=500", text(claim, "id")).to_string());
    }
    let said = said.to_lowercase();
    assert!(said.contains("account-000000000000"));
    for name in ACCOUNTS {
        let at = said.find(name);
        let around = at.map(|at| &said[said.floor_char_boundary(at.saturating_sub(120))..at + name.len()]);
        assert_eq!(around, None, "{name}");
    }
}

/// Removes lines with a word from every plain log.
fn without(folder: &Path, word: &str) {
    let script = format!("grep -rlI '{word}' . | xargs -r sed -i '/{word}/d'");
    let done = Command::new("sh").args(["-c", &script]).current_dir(folder.join("logs")).status().unwrap();
    assert!(done.success());
}

#[test]
fn without_the_evidence_nothing_is_shown_as_fine() {
    let whole = pages(&case("judged-whole"));
    let of_mori = |pages: &Pages| {
        let verdicts = pages.answer("readClaim", "", "remote-second-factor");
        let own = list(&verdicts, "items").iter().find(|verdict| verdict["entity"] == "k.mori").cloned();
        own.map(|verdict| text(&verdict, "outcome").to_owned())
    };
    assert_eq!(of_mori(&whole).as_deref(), Some("supported"));
    // What the list says of a factor is no evidence: without the log of checks nobody knows.
    let blind = pages(&kept("judged-no-factor", "case", |folder| without(folder, "google_authenticator")));
    assert_eq!(of_mori(&blind).as_deref(), Some("unknown"));
    let asked = format!("kind=account&name=k.mori&day={DAY}");
    assert_eq!(grade(&whole, &asked, "stopped"), "partly");
    assert_eq!(grade(&blind, &asked, "stopped"), "unknown");
    // The supplier's account came in without a factor that day.
    assert_eq!(grade(&whole, &format!("kind=account&name=ctr-adm01&day={DAY}"), "stopped"), "no");
    assert_eq!(grade(&whole, "", "stopped"), "no");
    // A day and names of which nothing was read.
    for asked in
        ["day=2020-01-01", "kind=account&name=nobody", "kind=host&name=nowhere", "kind=backup&name=none"]
    {
        for question in ["noticed", "stopped", "restore", "explain"] {
            assert_eq!(grade(&whole, asked, question), "unknown", "{asked} {question}");
        }
    }
    for senseless in ["kind=account", "name=x", "kind=planet&name=x", "day=2026-13-01", "kind=host&name="] {
        let refused = whole.ask("readAnswers", senseless, "", &Plain);
        assert!(matches!(refused, Err(Refused::Senseless(_))), "{senseless}: {refused:?}");
    }
}

#[test]
fn a_host_whose_logs_are_gone_could_not_have_been_seen() {
    let asked = format!("kind=host&name=fs01&day={DAY}");
    let whole = pages(&case("judged-host"));
    assert_eq!(grade(&whole, &asked, "noticed"), "partly");
    assert_ne!(grade(&whole, &asked, "explain"), "unknown");
    let gone = pages(&kept("judged-no-host", "case", |folder| {
        std::fs::remove_dir_all(folder.join("logs/fs01")).unwrap();
        let _ = std::fs::remove_file(folder.join("logs/log01/var/log/remote/fs01.log"));
    }));
    assert_ne!(grade(&gone, &asked, "noticed"), "partly");
    assert_ne!(grade(&gone, &asked, "explain"), "yes");
}

/// The list of backup copies, with when one was last restored.
fn restored(folder: &Path, day: &str) {
    let text = "バックアップ名,責任者,保管先,バックアップ用アカウント,最終復元日,変更不可\n";
    let row = format!("fs01 restic,情報システム部,bk01,backup-svc,{day},有\n");
    std::fs::write(folder.join("lists/backups.csv"), format!("{text}{row}")).unwrap();
}

#[test]
fn a_restore_counts_until_its_record_is_gone() {
    let today = jiff::Timestamp::from_second(hinomi_now()).unwrap().to_string();
    let recent = today.get(..10).unwrap().to_owned();
    let restored_of = |name: &str, day: &str| {
        let folder = case(name);
        restored(&folder, day);
        let pages = pages(&folder);
        let claims = pages.answer("listClaims", "", "");
        let claim =
            list(&claims, "items").iter().find(|claim| claim["id"] == "copies-restored").unwrap().clone();
        let board = pages.answer("readBoard", "", "");
        (text(&claim, "outcome").to_owned(), board["copies"][0]["last_restore"].is_string(), pages)
    };
    let (outcome, dated, _) = restored_of("judged-restored", &recent);
    assert_eq!((outcome.as_str(), dated), ("supported", true));
    let (outcome, dated, pages) = restored_of("judged-not-restored", "");
    assert_eq!((outcome.as_str(), dated), ("unknown", false));
    // As a whole it is no: an account that is not the backups' was signed in on their server.
    assert_eq!(grade(&pages, "", "restore"), "no");
    assert_eq!(grade(&pages, "kind=backup&name=fs01%20restic", "restore"), "unknown");
    let (outcome, ..) = restored_of("judged-restored-long-ago", "2019-01-01");
    assert_eq!(outcome, "contradicted");
}

fn hinomi_now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the list names a day of this year")]
    let now = std::time::SystemTime::now();
    i64::try_from(now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

#[test]
fn ordinary_work_contradicts_less_than_the_intrusion() {
    let open = |folder: &Path| {
        let pages = pages(folder);
        let suppliers = pages.answer("listSuppliers", "", "");
        let claims = list(&list(&suppliers, "items")[0], "claims").clone();
        let named = claims.iter().filter(|claim| claim["outcome"] == "contradicted");
        named.map(|claim| text(claim, "id").to_owned()).collect::<Vec<_>>()
    };
    let (case, benign) = (open(&case("judged-intrusion")), open(&kept("judged-benign", "benign", |_| {})));
    assert!(case.contains(&"supplier-networks".to_owned()), "{case:?}");
    assert!(!benign.contains(&"supplier-networks".to_owned()), "{benign:?}");
}

#[test]
fn a_failure_is_told_and_the_last_result_stays() {
    let folder = case("judged-failure");
    let first = {
        let judge = judge(order(&folder));
        result(&judge).run.clone()
    };
    // Another start has it at once, and a list that is none is told with its name.
    std::fs::write(folder.join("lists/more.csv"), b"\x00\x01\x02 nothing,of,this\n\xff\xfe").unwrap();
    let judge = judge(order(&folder));
    let fault = wait(&judge, |known| known.fault.clone());
    assert!(fault.why.contains("more.csv"), "{}", fault.why);
    assert_eq!(result(&judge).run, first);
    let pages = Pages::judged(&folder.join("data"), Some(judge.clone()));
    let claims = pages.answer("listClaims", "", "");
    assert!(text(&claims["judged"]["fault"], "why").contains("more.csv"));
    std::fs::remove_file(folder.join("lists/more.csv")).unwrap();
    wait(&judge, |known| known.fault.is_none().then_some(()));
    assert_ne!(result(&judge).run, first);
}

#[test]
fn without_a_result_nothing_is_an_empty_list() {
    let folder = case("judged-none");
    let none = Pages::judged(&folder.join("data"), None);
    assert!(matches!(none.ask("listClaims", "", "", &Plain), Err(Refused::NotAvailable(_))));
    assert_eq!(grade(&none, "", "noticed"), "unknown");
    let broken = judge(Order { program: "/bin/false".into(), ..order(&folder) });
    let why = wait(&broken, |known| known.fault.clone()).why;
    assert!(!why.is_empty());
    let pages = Pages::judged(&folder.join("data"), Some(broken));
    assert!(matches!(pages.ask("listExceptions", "", "", &Plain), Err(Refused::Failed(_))));
    assert_eq!(grade(&pages, "", "stopped"), "unknown");
    let small = AssureSection { memory_mib: 1, ..order(&folder).section };
    let starved = judge(Order { section: small, ..order(&folder) });
    let why = wait(&starved, |known| known.fault.clone()).why;
    assert!(why.contains("1 MiB") && why.contains("assure.memory_mib"), "{why}");
}

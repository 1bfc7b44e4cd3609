//! `hinomi assure` on logs that real programs wrote, and on the same logs with something taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{hinomi, root};

const LISTS: &str = "examples/lists";

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("assure").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A copy of a folder without the files whose path ends so.
fn copy(from: &Path, to: &Path, without: &[&str]) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target, without);
        } else if !without.iter().any(|end| path.ends_with(end)) {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// The lists without one of them.
fn lists_without(name: &str, without: &[&str]) -> PathBuf {
    let folder = scratch(name);
    copy(&root().join(LISTS), &folder, without);
    folder
}

fn assess(logs: &str, lists: &str) -> Value {
    let output = hinomi(&["assure", logs, "--inventory", lists, "--tz", "Asia/Tokyo", "--json"]);
    let code = output.status.code().unwrap();
    assert!([0, 1].contains(&code), "{code} {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn claim<'r>(report: &'r Value, id: &str) -> &'r Value {
    report["claims"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap()
}

fn verdict<'r>(report: &'r Value, id: &str, entity: &str) -> &'r Value {
    let verdicts = claim(report, id)["verdicts"].as_array().unwrap();
    verdicts.iter().find(|v| v["entity"] == entity).unwrap_or(&Value::Null)
}

/// Claim and entity → outcome.
fn outcomes(report: &Value) -> BTreeMap<(String, String), String> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let claims = report["claims"].as_array().unwrap();
    let of = |c: &Value| -> Vec<((String, String), String)> {
        let verdicts = c["verdicts"].as_array().unwrap();
        verdicts.iter().map(|v| ((text(&c["id"]), text(&v["entity"])), text(&v["outcome"]))).collect()
    };
    claims.iter().flat_map(of).collect()
}

const FACTOR: &str = "remote-second-factor";
const SUPPLIER: &str = "ctr-adm01";

/// The list says that the supplier's account is protected by a second factor. The gateway, the VPN and the authentication
/// server let it in without one, and their lines are cited; everybody else's sign-ins are supported.
#[test]
fn a_suppliers_session_without_second_factor_is_found_whatever_the_list_says() {
    let lists = lists_without("no-exceptions", &["exceptions.csv"]);
    let report = assess("examples/case", &lists.display().to_string());
    let supplier = verdict(&report, FACTOR, SUPPLIER);
    assert_eq!(supplier["outcome"], "contradicted");
    assert_eq!(verdict(&report, FACTOR, "k.mori")["outcome"], "supported");
    assert_eq!(verdict(&report, FACTOR, "s.aoki")["outcome"], "supported");
    let cited: Vec<String> = supplier["grounds"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|g| g["evidence"].as_array().unwrap())
        // Offsets in packed logs are those of what is in them.
        .filter(|e| !e["place"].as_str().unwrap().contains("journal.json"))
        .map(|e| {
            let bytes = std::fs::read(root().join(e["place"].as_str().unwrap())).unwrap();
            let from = usize::try_from(e["offset"].as_u64().unwrap()).unwrap();
            let line = bytes[from..].split(|b| *b == b'\n').next().unwrap();
            String::from_utf8_lossy(line).into_owned()
        })
        .collect();
    for part in
        ["Accepted password for ctr-adm01 from 203.0.113.77", "username 'ctr-adm01'", "Login OK: [ctr-adm01]"]
    {
        assert!(cited.iter().any(|line| line.contains(part)), "{part}: {cited:#?}");
    }
}

/// The same hosts and accounts on an ordinary day, on which the supplier uses a second factor.
#[test]
fn with_the_factor_the_same_claim_is_supported() {
    let report = assess("examples/benign", LISTS);
    let verdicts = claim(&report, FACTOR)["verdicts"].as_array().unwrap();
    assert!(verdicts.iter().any(|v| v["entity"] == SUPPLIER));
    for verdict in verdicts {
        assert_eq!(verdict["outcome"], "supported", "{verdict:#}");
    }
    assert_eq!(claim(&report, "supplier-networks")["outcome"], "supported");
}

/// Without the log that names one-time codes nothing is known, for the supplier and for everybody else, and that log is named.
#[test]
fn without_the_log_of_factors_every_such_session_is_unknown() {
    let logs = scratch("no-factors");
    copy(
        &root().join("examples/case"),
        &logs,
        &["gw01/var/log/auth.log", "gw01/journal.json.gz", "remote/gw01.log"],
    );
    let report = assess(&logs.display().to_string(), LISTS);
    let verdicts = claim(&report, FACTOR)["verdicts"].as_array().unwrap();
    assert!(verdicts.iter().any(|v| v["entity"] == SUPPLIER), "the VPN's own log is still there");
    for verdict in verdicts {
        assert_eq!(verdict["outcome"], "unknown", "{verdict:#}");
        // Of a session that only ends no log of factors would say more.
        let reasons = verdict["grounds"].as_array().unwrap().iter().map(|ground| &ground["reasons"][0]);
        let of_factors: Vec<&Value> = reasons.filter(|r| r["value"] != "beginning-not-read").collect();
        for reason in of_factors.iter().map(|reason| &reason["text"]) {
            assert!(reason["en"].as_str().unwrap().contains("RADIUS with its PAM log"), "{reason}");
            assert!(reason["ja"].as_str().unwrap().contains("PAM ログ"), "{reason}");
        }
        assert!(verdict["entity"] != SUPPLIER || !of_factors.is_empty(), "{verdict:#}");
    }
}

/// The proxy's log shows a server sending to a store that no list allows; on the ordinary day it sends to the agreed one. Without
/// the list nothing says what is allowed, and without the proxy's log nothing is seen: neither is support.
#[test]
fn a_server_that_sends_elsewhere_is_shown_by_the_proxy() {
    const OUTBOUND: &str = "outbound-only-allowed";
    let attack = assess("examples/case", LISTS);
    let sent = verdict(&attack, OUTBOUND, "fs01");
    assert_eq!(sent["outcome"], "contradicted");
    let evidence = &sent["grounds"][0]["evidence"][0];
    assert!(evidence["place"].as_str().unwrap().ends_with("px01/var/log/squid/access.log"), "{evidence}");
    assert_eq!(verdict(&assess("examples/benign", LISTS), OUTBOUND, "fs01")["outcome"], "supported");

    let unstated = lists_without("no-segments", &["segments.csv"]);
    let unstated = assess("examples/case", &unstated.display().to_string());
    assert_eq!(verdict(&unstated, OUTBOUND, "fs01")["outcome"], "unknown");

    let blind = scratch("no-proxy");
    copy(&root().join("examples/case"), &blind, &["squid/access.log", "remote/px01.log"]);
    let blind = assess(&blind.display().to_string(), LISTS);
    let supported =
        claim(&blind, OUTBOUND)["verdicts"].as_array().unwrap().iter().any(|v| v["outcome"] == "supported");
    assert!(!supported && claim(&blind, OUTBOUND)["outcome"] != "supported");
}

/// Contradictions without a valid exception, whoever they are about.
fn open(report: &Value) -> BTreeMap<(String, String), String> {
    let mut all = outcomes(report);
    all.retain(|_, outcome| ["contradicted", "expired-exception"].contains(&outcome.as_str()));
    all
}

/// Lists and logs of a small organisation: what is found is what its recording script did (`truth.json`) and what was written
/// into the lists to be found; nothing else, within a minute.
#[test]
fn exactly_the_planted_exceptions_appear() {
    let begun = std::time::Instant::now();
    let pair = |(claim, entity, outcome): (&str, &str, &str)| {
        ((claim.to_owned(), entity.to_owned()), outcome.to_owned())
    };
    // In the lists: a log that is kept for 90 days, a host that sends no logs of its own, a laptop on no list whose exception
    // nobody signed. On every day: backups that run with a key from the server they save.
    let always = [
        ("sources-kept-long-enough", "freeradius/radiusd @ gw01", "contradicted"),
        ("hosts-logged", "log01", "contradicted"),
        ("hosts-registered", "laptop", "contradicted"),
        ("service-accounts-not-interactive", "backup-svc", "contradicted"),
        ("administration-hosts", "backup-svc", "contradicted"),
    ];
    let case = [
        // S02 and S03: a password alone, from an unknown network, while the supplier works; its exception ended last year.
        ("remote-second-factor", SUPPLIER, "expired-exception"),
        ("supplier-networks", SUPPLIER, "contradicted"),
        ("privileged-accounts-personal", SUPPLIER, "contradicted"),
        // S04 and S06: on from the intruder's own computer.
        ("administration-hosts", SUPPLIER, "contradicted"),
        // S19: on the backup server, where the log has only the end of its session.
        ("backup-credentials-apart", SUPPLIER, "contradicted"),
        // S13 and S17: uploads through the proxy.
        ("outbound-only-allowed", "fs01", "contradicted"),
    ];
    // R07: the administrator asks the directory from the file server.
    let benign = [("administration-hosts", "s.aoki", "contradicted")];
    for (logs, more) in [("examples/case", &case[..]), ("examples/benign", &benign[..])] {
        let planted: BTreeMap<_, _> = always.iter().chain(more).copied().map(pair).collect();
        assert_eq!(open(&assess(logs, LISTS)), planted, "{logs}");
    }
    assert!(begun.elapsed().as_secs() < 60);
}

/// S21 empties the logs of the backup server while the supplier's account is signed in there: how that session began is not known,
/// so nothing about it is supported. On the ordinary day every session has its beginning.
#[test]
fn a_session_whose_beginning_was_erased_is_unknown_with_the_reason() {
    let unbegun = |report: &Value| -> BTreeSet<(String, String)> {
        let verdicts = report["claims"].as_array().unwrap().iter().flat_map(|claim| {
            let id = claim["id"].as_str().unwrap().to_owned();
            claim["verdicts"].as_array().unwrap().iter().map(move |verdict| (id.clone(), verdict))
        });
        let says = |verdict: &Value| verdict["grounds"].to_string().contains("beginning-not-read");
        let of = verdicts.filter(|(_, verdict)| says(verdict));
        of.map(|(claim, verdict)| (claim, verdict["entity"].as_str().unwrap().to_owned())).collect()
    };
    let attack = assess("examples/case", LISTS);
    let found = unbegun(&attack);
    let of = |claim: &str| (claim.to_owned(), SUPPLIER.to_owned());
    for claim in ["legacy-protocols-unused", "supplier-hours"] {
        assert!(found.contains(&of(claim)), "{claim}: {found:?}");
        assert_eq!(verdict(&attack, claim, SUPPLIER)["outcome"], "unknown", "{claim}");
    }
    assert!(found.iter().all(|(_, entity)| entity == SUPPLIER), "{found:?}");
    assert_eq!(unbegun(&assess("examples/benign", LISTS)), BTreeSet::new());
}

/// What lists say of settings is no evidence: turning every «second factor: yes» into «no», and the reverse, changes no verdict.
#[test]
fn flipping_configuration_alone_changes_no_verdict() {
    let lists = lists_without("flipped", &[]);
    let accounts = lists.join("accounts.csv");
    let text = std::fs::read_to_string(&accounts).unwrap();
    let flip = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells[5] = match cells[5] {
            "有" => "無",
            "無" => "有",
            other => other,
        };
        cells.join(",")
    };
    let flipped: Vec<String> = text.lines().map(flip).collect();
    assert_ne!(flipped.join("\n"), text.trim_end());
    std::fs::write(&accounts, flipped.join("\n")).unwrap();
    let hosts = lists.join("hosts.csv");
    let edr = std::fs::read_to_string(&hosts).unwrap().replace(",有", ",無");
    std::fs::write(&hosts, edr).unwrap();
    let before = outcomes(&assess("examples/case", LISTS));
    assert!(before.len() > 30, "{}", before.len());
    assert_eq!(outcomes(&assess("examples/case", &lists.display().to_string())), before);
}

/// An exception that ended is not a contradiction nobody knew of, and not fine either; one without owner covers nothing.
#[test]
fn exceptions_have_an_owner_and_an_end() {
    let report = assess("examples/case", LISTS);
    let supplier = verdict(&report, FACTOR, SUPPLIER);
    assert_eq!(supplier["outcome"], "expired-exception");
    assert_eq!(supplier["exceptions"][0], "EX-2025-04");
    let administrator = verdict(&report, "accounts-registered", "administrator@corp");
    assert_eq!(administrator["outcome"], "excepted");
    let exceptions = report["exceptions"].as_array().unwrap();
    let of = |id: &str| exceptions.iter().find(|e| e["id"] == id).unwrap();
    assert!(of("EX-2025-04")["after_end"].as_u64().unwrap() > 0);
    assert_eq!(of("EX-2025-04")["ended"], true);
    assert_eq!(of("EX-2026-01")["covers"], 1);
    let lacking = of("EX-2026-02");
    assert_eq!(lacking["lacks"], serde_json::json!(["owner"]));
    // What it has is shown, its end too.
    assert_eq!((&lacking["claim"], &lacking["entity"]), (&"hosts-registered".into(), &"laptop".into()));
    assert_eq!(lacking["reason"], "検査用端末");
    assert!(lacking["until"].as_str().unwrap().starts_with("2027-03-31"), "{lacking}");
    assert_eq!(verdict(&report, "hosts-registered", "laptop")["outcome"], "contradicted");
}

/// Without a list nothing is unregistered, it is unknown; and nothing becomes supported by leaving lists out.
#[test]
fn without_lists_what_needs_them_is_unknown() {
    let lists = scratch("none");
    let report = assess("examples/case", &lists.display().to_string());
    for claim in report["claims"].as_array().unwrap() {
        let reads_lists = !claim["unlisted"].as_array().unwrap().is_empty();
        if reads_lists {
            assert_eq!(claim["outcome"], "unknown", "{claim:#}");
        }
    }
    // No list is needed for this; the account goes by the fullest of its names.
    assert_eq!(verdict(&report, FACTOR, "ctr-adm01@corp")["outcome"], "contradicted");
}

fn is_workbook(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "xlsx")
}

/// The texts of a workbook, read by a program that shares nothing with the one that wrote it.
fn sheets(path: &str) -> String {
    const READ: &str = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
        print(''.join(z.read(n).decode() for n in z.namelist() if n.endswith('.xml')))";
    let output = std::process::Command::new("python3").args(["-c", READ, path]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("委託先") && text.contains("北野システム") && !text.contains("<f>"), "{text}");
    text
}

/// The page for the board numbers accounts unless asked, and never speaks of people.
#[test]
fn pages_keep_names_of_weak_accounts_to_themselves() {
    let folder = scratch("pages");
    let run = |name: &str, more: &[&str]| {
        let path = folder.join(name).display().to_string();
        let mut args =
            vec!["assure", "examples/case", "--inventory", LISTS, "--tz", "Asia/Tokyo", "--report", &path];
        args.extend(more);
        assert_eq!(hinomi(&args).status.code(), Some(1));
        if is_workbook(name) { sheets(&path) } else { std::fs::read_to_string(&path).unwrap() }
    };
    for name in ["en.html", "ja.html", "t.csv", "ja.xlsx"] {
        let lang = if name.starts_with("ja") { "ja" } else { "en" };
        let hidden = run(name, &["--lang", lang]);
        assert!(!hidden.contains(SUPPLIER), "{name}");
        assert!(run(name, &["--lang", lang, "--show-names"]).contains(SUPPLIER), "{name}");
        // A workbook names its own schemas.
        let outside = !is_workbook(name) && hidden.contains("http://");
        assert!(!outside && !hidden.contains("<script"), "{name}: nothing from outside");
    }
}

/// Unusable lists and claims are refused with the file and the way out, not left out.
#[test]
fn what_cannot_be_used_is_refused() {
    let folder = scratch("bad");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let prices = write("prices.csv", "price,colour\n1,red\n");
    let claim = write("claim.yaml", "id: x\nversion: 1\n");
    let cases: [(&[&str], &str); 4] = [
        (&["--inventory", &prices], "no column names accounts"),
        (&["--inventory", "/nonexistent"], "/nonexistent"),
        (&["--claims", &claim], "missing field"),
        (&["--report", "x.pdf"], "unknown ending"),
    ];
    for (args, said) in cases {
        let output = hinomi(&[&["assure", "examples/benign"], args].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(said), "{args:?}: {error}");
        assert!([2, 3].contains(&output.status.code().unwrap()), "{args:?}");
    }
}

/// What a file is, its content says; each is named with what was read of it, and one that is no list says so.
#[test]
fn every_file_of_a_folder_is_accounted_for() {
    let folder = scratch("mixed");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "a.bin",
        "dn: CN=mika,DC=corp\nobjectClass: user\nsAMAccountName: mika\n\ndn: CN=x\nchangetype: delete\n",
    );
    write(
        "b",
        r#"{"value":[{"id":"1","computerDnsName":"fs01","healthStatus":"Active","lastSeen":"2026-01-01T00:00:00Z"}]}"#,
    );
    write("c.csv", "host,owner\nfs01,it\n");
    write("readme.md", "# Notes\n");
    let lists = folder.display().to_string();
    let report = assess("examples/benign", &lists);
    let said: Vec<(Value, Value, Value)> = report["lists"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (l["form"].clone(), l["kinds"].clone(), l["refused"].clone()))
        .collect();
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(
        said,
        [
            ("LDIF".into(), json(r#"{"account":1}"#), 1.into()),
            ("JSON".into(), json(r#"{"host":1}"#), 0.into()),
            ("CSV".into(), json(r#"{"host":1}"#), 0.into()),
            (Value::Null, json("{}"), 0.into()),
        ]
    );
    let shown = hinomi(&["assure", "examples/benign", "--inventory", &lists, "-q", "--lang", "en"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for part in ["LDIF · 1 accounts · 1 refused", "JSON · 1 hosts · as of 2026-01-01", "no list: not used"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn every_bundled_observation_rule_passes_its_examples() {
    let output = hinomi(&["rules", "test", "observations"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

//! `hinomi assure` on exported settings: what they say stands beside what logs show and never changes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{hinomi, list, root, text, unpacked};

/// An account of the policies' exclusions, as the directory writes it.
const EXCLUDED: &str = "0b9a7c52-3d41-4f0e-8a6b-5c2d9e1f7a30";
const PASSWORD_ONLY: &str = "r.ito@example.jp";
const CLAIM: &str = "entra-second-factor-for-all";

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("configuration").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("logs")).unwrap();
    std::fs::create_dir_all(folder.join("exports")).unwrap();
    std::fs::create_dir_all(folder.join("lists")).unwrap();
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// The answer of a directory's interface: one policy that asks everybody for a second factor.
fn policies(state: &str, excluded: &[&str]) -> Value {
    let policy = json!({
        "id": "p1", "displayName": "Second factor for all", "state": state,
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["All"], "excludeApplications": []},
            "users": {
                "includeUsers": ["All"], "excludeUsers": excluded, "excludeGroups": [], "excludeRoles": [],
                "excludeGuestsOrExternalUsers": {"guestOrExternalUserTypes": null}
            },
            "locations": {"includeLocations": [], "excludeLocations": []},
            "platforms": {"includePlatforms": [], "excludePlatforms": []},
            "devices": {"deviceFilter": {"rule": null}},
            "signInRiskLevels": [], "userRiskLevels": []
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"],
            "authenticationStrength": {"allowedCombinations": [], "requirementsSatisfied": null}}
    });
    json!({"@odata.context": "https://directory.example/v1.0/$metadata#identity/conditionalAccess/policies", "value": [policy]})
}

/// A sign-in as the directory logs it.
fn sign_in(minute: u32, account: &str, requirement: &str) -> String {
    json!({
        "time": format!("2026-11-20T01:{minute:02}:00Z"), "operationName": "Sign-in activity", "category": "SignInLogs",
        "tenantId": "t", "resultType": "0", "callerIpAddress": "203.0.113.9",
        "properties": {"userPrincipalName": account, "userId": account, "ipAddress": "203.0.113.9",
            "authenticationRequirement": requirement, "status": {"errorCode": 0}, "isInteractive": true}
    })
    .to_string()
}

fn logs(requirement: &str) -> String {
    let lines = [
        sign_in(1, "m.kato@example.jp", "multiFactorAuthentication"),
        sign_in(5, PASSWORD_ONLY, requirement),
        sign_in(9, "m.kato@example.jp", "multiFactorAuthentication"),
    ];
    lines.join("\n") + "\n"
}

/// A folder with logs and an export of settings.
fn case(name: &str, requirement: &str, settings: &Value) -> PathBuf {
    let folder = scratch(name);
    write(&folder, "logs/signins.json", &logs(requirement));
    write(&folder, "exports/policies.json", &settings.to_string());
    folder
}

fn run(folder: &Path, more: &[&str]) -> (Option<i32>, String) {
    let logs = folder.join("logs").display().to_string();
    let output = hinomi(&[&["assure", &logs, "-q", "--known-at", "2026-11-22"], more].concat());
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn report(folder: &Path, more: &[&str]) -> Value {
    let exports = folder.join("exports").display().to_string();
    let args = [&["--json", "--exports", &exports], more].concat();
    let (code, out) = run(folder, &args);
    assert!(matches!(code, Some(0 | 1)), "{code:?}");
    serde_json::from_str(&out).unwrap()
}

fn configured<'r>(report: &'r Value, id: &str) -> &'r Value {
    list(&report["configuration"], "claims").iter().find(|c| c["id"] == id).unwrap()
}

/// Claim and entity → outcome and days, of evidence alone.
fn evidence(report: &Value) -> BTreeMap<(String, String), String> {
    let of = |claim: &Value| -> Vec<_> {
        let key = |v: &Value| (text(claim, "id").to_owned(), text(v, "entity").to_owned());
        list(claim, "verdicts").iter().map(|v| (key(v), v.to_string())).collect()
    };
    list(report, "claims").iter().flat_map(of).collect()
}

/// The policy asks everybody for a second factor, and one account signs in without: neither the policy's claim nor the
/// evidence alone says so. Both sides are cited down to the bytes.
#[test]
fn a_policy_that_says_otherwise_than_the_log_is_a_finding_with_both_sides_cited() {
    let settings = policies("enabled", &[]);
    let folder = case("disagree", "singleFactorAuthentication", &settings);
    let report = report(&folder, &[]);
    assert_eq!(configured(&report, CLAIM)["outcome"], "supported");
    let found = list(&report, "disagreements");
    assert_eq!(found.len(), 1, "{found:#?}");
    let (says, shows) = (&found[0]["says"], &found[0]["shows"]);
    assert_eq!((text(says, "claim"), text(shows, "claim")), (CLAIM, "remote-second-factor"));
    assert_eq!((text(shows, "entity"), text(shows, "outcome")), (PASSWORD_ONLY, "contradicted"));
    let place = list(says, "places").iter().find(|p| text(p, "pointer").ends_with("/state")).unwrap();
    let stands = settings.pointer(text(place, "pointer")).unwrap();
    assert_eq!((stands.to_string().as_str(), stands), (text(place, "value"), &json!("enabled")));
    let event = &list(shows, "evidence")[0];
    let bytes = std::fs::read(text(event, "place")).unwrap();
    let line = String::from_utf8_lossy(&bytes[usize::try_from(event["offset"].as_u64().unwrap()).unwrap()..]);
    assert!(line.lines().next().unwrap().contains(PASSWORD_ONLY), "{line}");
    assert!(text(event, "reference").starts_with("file:"));
}

/// The benign twin: everybody signs in as the policy says.
#[test]
fn where_both_agree_nothing_is_found() {
    let folder = case("agree", "multiFactorAuthentication", &policies("enabled", &[]));
    let report = report(&folder, &[]);
    assert_eq!(configured(&report, CLAIM)["outcome"], "supported");
    assert!(list(&report, "disagreements").is_empty());
}

/// Switching the policy off, leaving an account out, or taking the export away changes no verdict of evidence.
#[test]
fn configuration_changes_no_verdict_of_evidence() {
    let on = case("on", "singleFactorAuthentication", &policies("enabled", &[]));
    let before = evidence(&report(&on, &[]));
    assert!(before.keys().any(|(_, entity)| entity == PASSWORD_ONLY));
    // The logs stay where they are: places are part of what is compared.
    for (settings, expected) in [
        (Some(policies("disabled", &[])), "contradicted"),
        (Some(policies("enabled", &[EXCLUDED])), "contradicted"),
        (None, "unknown"),
    ] {
        match settings {
            Some(settings) => write(&on, "exports/policies.json", &settings.to_string()),
            None => std::fs::remove_file(on.join("exports/policies.json")).unwrap(),
        }
        let report = report(&on, &[]);
        assert_eq!(configured(&report, CLAIM)["outcome"], expected);
        assert!(list(&report, "disagreements").is_empty(), "nothing is declared any more");
        assert_eq!(evidence(&report), before);
    }
}

/// The reference case: the list says that the supplier's account uses a second factor; the gateway's log shows that it came in
/// without. With a list that says the truth there is nothing to disagree on.
#[test]
fn a_list_that_says_otherwise_than_the_gateway_is_a_finding() {
    let folder = scratch("case");
    let lists = folder.join("lists");
    for entry in std::fs::read_dir(root().join("examples/lists")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, lists.join(path.file_name().unwrap())).unwrap();
    }
    let judged = || {
        let lists = lists.display().to_string();
        let output =
            hinomi(&["assure", "examples/case", "--inventory", &lists, "--tz", "Asia/Tokyo", "--json", "-q"]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let report = judged();
    let found = list(&report, "disagreements");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(text(&found[0]["shows"], "entity"), "ctr-adm01");
    let place = &found[0]["says"]["places"][0];
    let accounts = std::fs::read_to_string(text(place, "document")).unwrap();
    let line = accounts.lines().nth(usize::try_from(place["line"].as_u64().unwrap()).unwrap() - 1).unwrap();
    assert!(line.starts_with("ctr-adm01,"), "{line}");
    let honest = accounts.replace(
        "ctr-adm01,物流部,委託先,北野システム,有,有,",
        "ctr-adm01,物流部,委託先,北野システム,有,無,",
    );
    assert_ne!(honest, accounts);
    write(&lists, "accounts.csv", &honest);
    assert!(list(&judged(), "disagreements").is_empty());
}

/// Settings are found among the logs as well, and an unknown export that was given is said.
#[test]
fn exports_are_recognised_by_what_they_hold() {
    let folder = case("among", "multiFactorAuthentication", &policies("enabled", &[]));
    std::fs::rename(folder.join("exports/policies.json"), folder.join("logs/anything.json")).unwrap();
    write(&folder, "exports/prices.json", "{\"prices\": [1, 2]}");
    let report = report(&folder, &[]);
    assert_eq!(configured(&report, CLAIM)["outcome"], "supported");
    let kinds: Vec<&str> =
        list(&report["configuration"], "documents").iter().map(|d| text(d, "kind")).collect();
    assert_eq!(kinds, ["entra-conditional-access-answer"]);
    let said: Vec<&str> = list(&report, "diagnostics").iter().filter_map(Value::as_str).collect();
    assert!(said.iter().any(|d| d.contains("prices.json") && d.contains("no known kind")), "{said:?}");
}

/// A claim that nothing answers is unknown, also in the framework's totals.
#[test]
fn what_no_export_holds_is_unknown_and_stays_in_the_total() {
    let folder = case("coverage", "multiFactorAuthentication", &policies("enabled", &[]));
    let report = report(&folder, &[]);
    let storage = configured(&report, "aws-storage-not-public");
    assert_eq!(storage["outcome"], "unknown");
    assert_eq!(storage["judgements"][0]["because"][0]["reason"], "no-document");
    let category = list(&report, "coverage").iter().find(|c| c["category"] == "PR.AA").unwrap();
    let counted: u64 =
        category["configuration"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    let claims = list(&report["configuration"], "claims");
    let answering = claims.iter().filter(|c| c["controls"]["csf"].to_string().contains("PR.AA-"));
    assert_eq!(counted, answering.count() as u64);
    assert!(category["configuration"]["unknown"].as_u64().unwrap() > 0);
    assert!(category["evidence"]["supported"].as_u64().unwrap_or_default() <= 1);
    assert_eq!(list(&report, "coverage").len(), 22, "categories without any claim are there");
}

/// The register's exceptions count for configuration too, under the same rules, and lists say who answers.
#[test]
fn exceptions_and_owners_come_from_the_lists() {
    let folder = case("register", "multiFactorAuthentication", &policies("enabled", &[EXCLUDED]));
    let lists = folder.join("lists").display().to_string();
    write(&folder, "lists/services.csv", "service,owner\nentra-conditional-access-answer,Identity team\n");
    let register = |owner: &str, until: &str| {
        let head = "exception,claim,entity,owner,reason,valid until";
        write(
            &folder,
            "lists/ex.csv",
            &format!("{head}\nEX-9,{CLAIM},users: {EXCLUDED},{owner},break glass,{until}\n"),
        );
        report(&folder, &["--inventory", &lists])
    };
    for (owner, until, outcome) in [
        ("CISO", "2027-01-31", "excepted"),
        ("CISO", "2026-11-01", "expired-exception"),
        ("", "2027-01-31", "contradicted"),
    ] {
        let report = register(owner, until);
        let claim = configured(&report, CLAIM);
        assert_eq!(claim["outcome"], outcome, "{owner} {until}");
        assert_eq!(claim["judgements"][0]["owner"], "Identity team");
        let exception = list(&report, "exceptions").iter().find(|e| e["id"] == "EX-9").unwrap();
        assert_eq!(list(exception, "lacks").is_empty(), !owner.is_empty(), "{exception}");
        assert_eq!(exception["covers"].as_u64().unwrap(), u64::from(outcome == "excepted"));
    }
}

/// Who is left out of a policy is a shopping list like any other.
#[test]
fn pages_say_what_is_configured_without_naming_accounts() {
    let folder = case("pages", "singleFactorAuthentication", &policies("enabled", &[EXCLUDED]));
    let exports = folder.join("exports").display().to_string();
    let page = |name: &str, more: &[&str]| {
        let path = folder.join(name).display().to_string();
        let (code, _) = run(&folder, &[&["--exports", &exports, "--report", &path], more].concat());
        assert_eq!(code, Some(1));
        std::fs::read_to_string(&path).unwrap()
    };
    for (name, lang, said) in [
        ("en.html", "en", "What configuration says"),
        ("ja.html", "ja", "設定の記述"),
        ("t.csv", "en", "configuration"),
    ] {
        let hidden = page(name, &["--lang", lang]);
        assert!(hidden.contains(said), "{name}");
        assert!(!hidden.contains(EXCLUDED) && !hidden.contains(PASSWORD_ONLY), "{name}");
        let shown = page(name, &["--lang", lang, "--show-names"]);
        assert!(shown.contains(EXCLUDED) && shown.contains(PASSWORD_ONLY), "{name}");
    }
}

/// An organisation's own claims about its own exports, without a line of program.
#[test]
fn own_claims_about_own_exports() {
    let folder = case("own", "multiFactorAuthentication", &policies("enabled", &[]));
    write(&folder, "exports/gate.json", r#"{"model": "GX-2", "tunnels": [{"name": "a", "factors": 1}]}"#);
    let pack = "
kinds:
  - id: gate
    title: {en: Settings of a gateway, ja: ゲートウェイの設定}
    recognise: {at: /model, matches: ^GX-}
    parts: {tunnels: {at: /tunnels, list: true}}
claims:
  - {id: gate-two-factors, title: {en: Two factors, ja: 二要素}, rationale: {en: r, ja: r}, each: $tunnels/*,
     label: /name, require: {at: /factors, at_least: 2}, answers: {csf: [PR.AA-03]}}
";
    write(&folder, "gate.yaml", pack);
    let claims = folder.join("gate.yaml").display().to_string();
    let read = report(&folder, &["--claims", &claims]);
    assert_eq!(configured(&read, "gate-two-factors")["outcome"], "contradicted");
    write(&folder, "gate.yaml", &pack.replace("at_least", "no_such_check"));
    let (code, _) = run(&folder, &["--claims", &claims]);
    assert_eq!(code, Some(2), "a wrong claim is refused, not left out");
}

/// Exports of two tenants that others published: every value that is cited stands where its pointer says.
#[test]
fn citations_of_published_exports_lead_to_their_values() {
    let Some(corpus) = unpacked("n_control_audit/scubagear_m365_exports") else { return };
    let stubs = corpus.join("PowerShell/ScubaGear/Testing/Unit/PowerShell");
    let mut checked = 0;
    for export in ["RunRego/RunRegoStubs", "CreateReport/CreateReportStubs"] {
        let path = stubs.join(export).join("ProviderSettingsExport.json");
        let bytes = std::fs::read(&path).unwrap();
        let settings: Value =
            serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).unwrap();
        let output = hinomi(&["assure", "--exports", &path.display().to_string(), "--json", "-q"]);
        assert_eq!(output.status.code(), Some(1));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(list(&report["configuration"], "documents").len(), 1);
        let judgements = list(&report["configuration"], "claims").iter().flat_map(|c| list(c, "judgements"));
        for because in judgements.flat_map(|j| list(j, "because")).filter(|b| b["reason"] == "found") {
            let (pointer, shown) = (text(&because["place"], "pointer"), text(&because["place"], "shown"));
            let stands = settings.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")).to_string();
            let beginning = shown.trim_end_matches('…');
            assert!(stands.starts_with(beginning), "{pointer}: {stands} {shown}");
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}

//! Cookies, sessions and forged requests.

use hinomi_access::Role;
use serde_json::{Value, json};

use crate::world::{Browser, ORIGIN, request, world};

const NONE: Value = Value::Null;

#[test]
fn cookies_are_bound_to_the_host_and_out_of_reach_of_scripts() {
    let world = world();
    let link = world.link("aoki", &[Role::Viewer]);
    let (browser, _) = world.enrol(&link);
    assert_eq!(browser.cookies.len(), 2);
    let mut device = world.somebody("mori", &[Role::Viewer]).1;
    let answered = world.sign_in(&mut Browser::default(), &mut device);
    let cookies: Vec<&String> =
        answered.response.headers.iter().filter(|(name, _)| *name == "set-cookie").map(|(_, c)| c).collect();
    assert_eq!(cookies.len(), 2);
    for cookie in cookies {
        for part in ["__Host-hinomi", "; Path=/;", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
            assert!(cookie.contains(part), "{cookie} lacks {part}");
        }
        assert!(!cookie.to_lowercase().contains("domain"));
    }
}

/// Fixation: whoever plants an id in a browser does not learn the id that is signed in.
#[test]
fn an_id_that_was_planted_is_never_the_one_that_is_signed_in() {
    let world = world();
    let (mut own, mut device) = world.somebody("aoki", &[Role::Analyst]);
    let first = own.session().unwrap().to_owned();
    // One that nobody knows, and a real one of an intruder.
    let (intruder, _) = world.somebody("mori", &[Role::Viewer]);
    for planted in ["A".repeat(43), intruder.session().unwrap().to_owned()] {
        let mut browser = Browser { cookies: vec![("__Host-hinomi".to_owned(), planted.clone())] };
        let answered = world.sign_in(&mut browser, &mut device);
        assert_eq!(answered.body["name"], "aoki");
        assert_ne!(browser.session().unwrap(), planted);
        let mut with_planted = Browser { cookies: vec![("__Host-hinomi".to_owned(), planted)] };
        let seen = world.ask(&mut with_planted, "GET", "/api/v1/session", &NONE);
        assert_ne!(seen.body["name"], "aoki");
    }
    // Proving anew gives a new id, too, and ends the old one.
    let options = world.ask(&mut own, "POST", "/api/v1/session/step-up/options", &NONE);
    let proof: Value =
        serde_json::from_str(&device.sign(options.body["challenge"].as_str().unwrap())).unwrap();
    assert_eq!(
        world.ask(&mut own, "POST", "/api/v1/session/step-up", &json!({ "assertion": proof })).status,
        200
    );
    assert_ne!(own.session().unwrap(), first);
    let mut old = Browser { cookies: vec![("__Host-hinomi".to_owned(), first)] };
    assert_eq!(world.ask(&mut old, "GET", "/api/v1/session", &NONE).body["signed_in"], false);
    // Two cookies of the name are a trick: neither counts.
    let both = format!("__Host-hinomi={}; __Host-hinomi=x", own.session().unwrap());
    assert_eq!(world.send(&request("GET", "/api/v1/factors").with("cookie", &both)).code(), "not_signed_in");
}

#[test]
fn what_another_site_makes_a_browser_send_changes_nothing() {
    let world = world();
    let (admin, _) = world.somebody("admin", &[Role::Administrator]);
    let wanted = json!({ "name": "aoki", "display": "A", "roles": ["administrator"] }).to_string();
    let forged = |change: &dyn Fn(hinomi_server::http::Request) -> hinomi_server::http::Request| {
        let plain =
            request("POST", "/api/v1/accounts").with("cookie", &admin.header()).with_body(wanted.clone());
        let plain =
            plain.with("content-type", "application/json").with("x-hinomi", "1").with("origin", ORIGIN);
        world.send(&change(plain.with("sec-fetch-site", "same-origin")))
    };
    let evil = "https://evil.example";
    assert_eq!(forged(&|r| r.with("origin", evil)).code(), "cross_site");
    assert_eq!(forged(&|r| r.with("origin", "null")).code(), "cross_site");
    assert_eq!(forged(&|r| r.with("origin", "https://evil.hinomi.example.jp")).code(), "cross_site");
    assert_eq!(forged(&|r| r.with("sec-fetch-site", "cross-site")).code(), "cross_site");
    assert_eq!(forged(&|r| r.with("sec-fetch-site", "same-site")).code(), "cross_site");
    assert_eq!(forged(&|r| r.with("x-hinomi", "")).code(), "cross_site");
    // A form can send text/plain without asking the browser's leave.
    assert_eq!(forged(&|r| r.with("content-type", "text/plain")).code(), "media_type");
    assert_eq!(forged(&|r| r.with("host", "evil.example")).code(), "wrong_host");
    // Every change, not this one only.
    for row in hinomi_server::pages::routes().filter(|row| row.method != "GET") {
        let asked = request(row.method, row.path).with("cookie", &admin.header()).with("origin", evil);
        assert_eq!(world.send(&asked).code(), "cross_site", "{} {}", row.method, row.path);
    }
    assert_eq!(forged(&|r| r).status, 201);
}

#[test]
fn names_of_an_incident_are_shown_once_somebody_else_agreed_and_that_is_written_down() {
    let world = world();
    let (mut asker, _) = world.somebody("aoki", &[Role::Analyst]);
    let (officer, _) = world.somebody("mori", &[Role::PrivacyOfficer]);
    let name = |browser: &mut Browser| {
        world.ask(browser, "GET", "/api/v1/today", &NONE).body["name"].as_str().unwrap().to_owned()
    };
    assert!(name(&mut asker).starts_with("account-"));
    let wanted =
        json!({ "scope": { "kind": "incident", "incident": "i-1" }, "reason": "case 1", "hours": 1 });
    let request = world.ask(&mut asker, "POST", "/api/v1/unmask", &wanted);
    let target = format!("/api/v1/unmask/{}/decision", request.body["id"].as_str().unwrap());
    let decision = json!({ "decision": "approve", "reason": "needed" });
    let approved = world.send(&officer.request("POST", &target, &decision).with("if-match", "\"1\""));
    assert_eq!(approved.status, 200, "{}", approved.body);
    let steps = world.memory.0.lock().unwrap().len();
    assert_eq!(name(&mut asker), "sato");
    let kept = world.memory.0.lock().unwrap().clone();
    assert_eq!(kept.len(), steps + 1);
    assert!(serde_json::to_string(&kept[steps].step).unwrap().contains("unmask_used"));
    assert!(name(&mut officer.clone()).starts_with("account-"), "for whoever asked only");
    world.pass(3_600);
    let mut later = world.somebody("sato", &[Role::Viewer]).0;
    assert!(name(&mut later).starts_with("account-"));
}

#[test]
fn who_did_what_is_there_for_an_auditor_without_secrets() {
    let world = world();
    let (mut admin, _) = world.somebody("admin", &[Role::Administrator]);
    let wanted = json!({ "name": "aoki", "display": "A", "roles": ["analyst"] });
    let invited = world.ask(&mut admin, "POST", "/api/v1/accounts", &wanted);
    let link = invited.body["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let (mut auditor, _) = world.somebody("auditor", &[Role::Auditor]);
    let audit = world.ask(&mut auditor, "GET", "/api/v1/audit?limit=500", &NONE);
    let text = audit.body.to_string();
    assert!(!text.contains(&link) && !text.contains("digest") && !text.contains(admin.session().unwrap()));
    let actions: Vec<&str> = audit.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    for action in ["invited", "link_made", "enrolled"] {
        assert!(actions.contains(&action), "{action}");
    }
    let newest = &audit.body["items"][0];
    assert_eq!((&newest["action"], &newest["name"]), (&"enrolled".into(), &"auditor".into()));
}

//! What strangers send.

use hinomi_access::Role;
use hinomi_testkit::seeded::Seeded;
use serde_json::{Value, json};

use crate::world::{Browser, ORIGIN, request, world};

const PROMISED: [&str; 7] = [
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "cache-control",
    "strict-transport-security",
];

#[test]
fn rubbish_is_answered_with_a_problem_and_never_with_a_fault() {
    let world = world();
    let (browser, _) = world.somebody("everything", &Role::all().collect::<Vec<_>>());
    let mut chance = Seeded::new(20);
    let paths: Vec<(&str, &str)> = hinomi_server::pages::routes().map(|row| (row.method, row.path)).collect();
    let pieces =
        ["{", "}", "[", "\"", "link", ":", "\\u0000", "null", "1e999", "-", "あ", "\\ud800", ",", "a1", "f0"];
    for round in 0..6_000 {
        let (method, path) = paths[chance.index(paths.len())];
        let part =
            ["a1", "a999999999999999999999", "..", "%2e%2e", "", "あ", "a-1", "{account}"][chance.index(8)];
        let path: String = path
            .split('/')
            .map(|piece| if piece.starts_with('{') { part } else { piece })
            .collect::<Vec<_>>()
            .join("/");
        let query =
            ["", "?after=1", "?after=-1", "?limit=99999999999999999999", "?x", "?after=%00"][chance.index(6)];
        let body: String = (0..chance.index(12)).map(|_| pieces[chance.index(pieces.len())]).collect();
        let match_header = ["\"1\"", "*", "W/\"1\"", "\"\"", "\"99999999999999999999\""][chance.index(5)];
        let asked = request(method, &format!("{path}{query}"))
            .with("x-hinomi", "1")
            .with("origin", ORIGIN)
            .with("content-type", "application/json")
            .with("if-match", match_header)
            .with_body(body);
        let asked = if chance.chance(50) { asked.with("cookie", &browser.header()) } else { asked };
        let answered = world.send(&asked);
        assert!(
            answered.status < 500,
            "round {round}: {method} {path}{query}: {} {}",
            answered.status,
            answered.body
        );
        if answered.status >= 400 {
            assert_eq!(answered.response.content_type, "application/problem+json");
            assert!(!answered.code().is_empty());
        }
        for header in PROMISED {
            assert!(answered.header(header).is_some(), "{method} {path} lacks {header}");
        }
    }
}

#[test]
fn headers_that_make_no_sense_are_no_way_in() {
    let world = world();
    for value in ["Bearer", "Bearer ", "Basic YTpi", "bearer ht_x", "Bearer \u{e9}", &"B".repeat(9_000)] {
        let answered = world.send(&request("GET", "/api/v1/accounts").with("authorization", value));
        assert_eq!(answered.status, 401, "{value:.20}");
    }
    for cookie in ["__Host-hinomi=", "__Host-hinomi", ";;;=", &format!("__Host-hinomi={}", "x".repeat(9_000))]
    {
        let answered = world.send(&request("GET", "/api/v1/accounts").with("cookie", cookie));
        assert_eq!(answered.code(), "not_signed_in", "{cookie:.20}");
    }
    let wrong = world.send(&request("PUT", "/api/v1/accounts"));
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, POST")));
    assert_eq!(world.send(&request("GET", "/api/v1/accounts/")).status, 404);
    assert_eq!(world.send(&request("GET", "/api/v2/session")).status, 404);
}

#[test]
fn problems_are_told_in_the_language_that_is_asked_for() {
    let world = world();
    let asked = |language: &str| {
        world.send(&request("GET", "/api/v1/accounts").with("accept-language", language)).body["title"]
            .clone()
    };
    assert_eq!(asked("ja,en;q=0.8"), json!("サインインしていません"));
    assert_eq!(asked("fr, en-GB"), json!("Nobody is signed in"));
    assert_eq!(asked(""), json!("Nobody is signed in"));
}

/// Names that are there and names that are not are answered alike.
#[test]
fn a_stranger_does_not_learn_which_accounts_there_are() {
    let world = world();
    drop(world.somebody("aoki", &[Role::Viewer]));
    let mut stranger = Browser::default();
    let mut ask = |name: &str| {
        let proof = json!({ "name": name, "password": "lighthouse on a hill", "code": "123456" });
        let answered = world.ask(&mut stranger, "POST", "/api/v1/session/password", &proof);
        (answered.status, answered.body)
    };
    assert_eq!(ask("aoki"), ask("nobody"));
    let options = world.ask(&mut stranger, "POST", "/api/v1/session/passkey/options", &Value::Null);
    assert_eq!(options.body["allowCredentials"], json!([]));
}

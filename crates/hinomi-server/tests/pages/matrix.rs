//! Every role at every endpoint. What is expected comes from the contract (`x-needs`) and from the table of roles in
//! docs/accounts.md, not from the code that decides.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_access::Role;
use hinomi_server::pages::{CONTRACT, routes};
use serde_json::{Value, json};

use crate::world::{Browser, request, world};

/// Rights by role, read from the table in the document: `| role | right, right |`.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let text = include_str!("../../../../docs/accounts.md");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.trim().strip_prefix("| `")?.split('|');
        let role = cells.next()?.trim().trim_matches('`').to_owned();
        let rights = cells.next()?.split(',').map(|right| right.trim().trim_matches('`').to_owned());
        Role::named(&role).map(|_| (role, rights.collect()))
    });
    rows.collect()
}

fn operations() -> Vec<(String, String, Value)> {
    let contract: Value = serde_json::from_str(CONTRACT).unwrap();
    let mut all = Vec::new();
    for (path, methods) in contract["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation.get("operationId").is_some() {
                all.push((method.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    all
}

/// The path with ids that are nobody's.
fn concrete(path: &str) -> String {
    path.replace("{account}", "a999")
        .replace("{factor}", "f999")
        .replace("{token}", "t999")
        .replace("{unmask}", "u999")
        .replace("{id}", "x1")
        .replace("{clock}", "c1")
}

#[test]
fn each_role_reaches_what_the_document_says_and_nothing_else() {
    let world = world();
    let rights = documented();
    assert_eq!(rights.len(), Role::all().count(), "docs/accounts.md has a row for each role");
    let people: Vec<(Role, Browser)> = Role::all()
        .map(|role| (role, world.somebody(&format!("p-{}", role.name().replace('_', "-")), &[role]).0))
        .collect();
    let mut checked = 0;
    for (method, path, operation) in operations() {
        let needs = operation["x-needs"].as_str().unwrap();
        for (role, browser) in &people {
            // Signing out would end the session that the other rows need.
            if operation["operationId"] == "signOut" {
                continue;
            }
            let asked =
                browser.clone().request(&method, &concrete(&path), &json!({})).with("if-match", "\"1\"");
            let answered = world.send(&asked);
            let may = needs == "anyone" || needs == "signed_in" || rights[role.name()].contains(needs);
            let refused = answered.code() == "forbidden" || answered.status == 401;
            assert_eq!(
                !may,
                refused,
                "{method} {path} by {}: {} {}",
                role.name(),
                answered.status,
                answered.body
            );
            checked += 1;
        }
        // Nobody, and somebody whose session is of another time.
        let mut stranger = Browser::default();
        for _ in 0..2 {
            let answered = world
                .send(&stranger.request(&method, &concrete(&path), &json!({})).with("if-match", "\"1\""));
            assert_eq!(
                needs != "anyone",
                answered.code() == "not_signed_in",
                "{method} {path}: {}",
                answered.body
            );
            stranger.cookies = vec![("__Host-hinomi".to_owned(), "A".repeat(43))];
        }
    }
    assert!(checked > 150, "{checked} rows");
}

#[test]
fn a_token_reaches_what_its_scopes_say_and_never_changes_accounts() {
    let world = world();
    let everything: Vec<Role> = Role::all().collect();
    let (mut browser, _) = world.somebody("everything", &everything);
    for scope in ["read", "search", "audit_read", "accounts_read"] {
        let wanted = json!({ "name": scope, "scopes": [scope], "days": 1 });
        let made = world.ask(&mut browser, "POST", "/api/v1/tokens", &wanted);
        assert_eq!(made.status, 201, "{}", made.body);
        let secret = made.body["secret"].as_str().unwrap().to_owned();
        for (method, path, operation) in operations() {
            let needs = operation["x-needs"].as_str().unwrap();
            let asked = request(&method, &concrete(&path))
                .with("authorization", &format!("Bearer {secret}"))
                .with("if-match", "\"1\"")
                .with("content-type", "application/json")
                .with_body("{}");
            let answered = world.send(&asked);
            let refused = answered.code() == "forbidden" || answered.status == 401;
            let may = needs == "anyone" || needs == scope;
            assert_eq!(!may, refused, "{method} {path} with {scope}: {}", answered.body);
        }
    }
}

/// A row of the table without a row in the contract would be an endpoint that nobody has looked at, and the other way round
/// one that nobody has.
#[test]
fn the_contract_and_the_table_of_routes_are_the_same() {
    let told: BTreeSet<(String, String, String, String)> = operations()
        .into_iter()
        .map(|(method, path, operation)| {
            let text = |key: &str| operation[key].as_str().unwrap().to_owned();
            (method, path, text("operationId"), text("x-needs"))
        })
        .collect();
    let listed: BTreeSet<(String, String, String, String)> = routes()
        .map(|row| {
            (row.method.to_owned(), row.path.to_owned(), row.operation.to_owned(), row.needs.to_owned())
        })
        .collect();
    assert_eq!(told, listed);
    for (method, path, operation) in operations() {
        let needs = operation["x-needs"].as_str().unwrap();
        let security = operation["security"].as_array().unwrap();
        let cookie = security.iter().any(|way| way.get("cookie").is_some());
        assert_eq!(cookie, needs != "anyone", "{method} {path}");
        for way in security.iter().filter_map(|way| way.get("token")) {
            assert_eq!(way, &json!([needs]), "{method} {path}");
        }
    }
}

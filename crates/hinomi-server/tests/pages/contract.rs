//! What is answered has the form that the contract says, and codes are those that it lists.

use std::collections::BTreeSet;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use hinomi_access::Role;
use hinomi_server::pages::{CONTRACT, Code};
use hinomi_testkit::authenticator::totp;
use serde_json::{Value, json};

use crate::world::{Answered, Browser, World, world};

/// Schemas of the contract.
struct Contract {
    document: Value,
    schemas: Schemas,
    compiler: Compiler,
}

impl Contract {
    fn new() -> Self {
        let document: Value = serde_json::from_str(CONTRACT).unwrap();
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        compiler.add_resource("file:///contract.json", document.clone()).unwrap();
        Self { document, schemas: Schemas::new(), compiler }
    }

    fn compile(&mut self, pointer: &str) -> SchemaIndex {
        self.compiler.compile(&format!("file:///contract.json#{pointer}"), &mut self.schemas).unwrap()
    }

    /// An answer of an operation: its status is listed, and its body has the form.
    fn check(&mut self, method: &str, path: &str, answered: &Answered) {
        let escaped = path.replace('~', "~0").replace('/', "~1");
        let method = method.to_lowercase();
        let status = answered.status;
        let mut pointer = format!("/paths/{escaped}/{method}/responses/{status}");
        let mut response = self
            .document
            .pointer(&pointer)
            .unwrap_or_else(|| panic!("{method} {path}: {status} is not in the contract: {}", answered.body));
        if let Some(reference) = response["$ref"].as_str() {
            pointer = reference.trim_start_matches('#').to_owned();
            response = self.document.pointer(&pointer).unwrap();
        }
        let Some(content) = response.get("content").and_then(Value::as_object) else {
            assert!(answered.response.body.is_empty(), "{method} {path}");
            return;
        };
        let kind = answered.response.content_type;
        assert!(content.contains_key(kind), "{method} {path}: {kind}");
        let schema = self.compile(&format!("{pointer}/content/{}/schema", kind.replace('/', "~1")));
        if let Err(error) = self.schemas.validate(&answered.body, schema) {
            panic!("{method} {path} {status}: {error}\n{}", answered.body);
        }
    }
}

#[test]
fn codes_and_statuses_are_those_of_the_contract() {
    let document: Value = serde_json::from_str(CONTRACT).unwrap();
    let listed: BTreeSet<&str> = document["components"]["schemas"]["ProblemCode"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap())
        .collect();
    // A handler that fails altogether says `internal`.
    let ours: BTreeSet<&str> = Code::all().map(Code::name).chain(["internal"]).collect();
    assert_eq!(ours, listed);
}

/// Walks through what people do, each answer compared with the contract.
struct Walk {
    world: World,
    contract: Contract,
}

const NONE: Value = Value::Null;
const PASSWORD: &str = "lighthouse on a hill";

impl Walk {
    fn new() -> Self {
        Self { world: world(), contract: Contract::new() }
    }

    /// Asks at a path of the contract, whose parts are filled with `part`.
    fn go(&mut self, browser: &mut Browser, ask: (&str, &str, &str), body: &Value, status: u16) -> Answered {
        let (method, path, part) = ask;
        let target = filled(path, part);
        let bare = path.split('?').next().unwrap();
        let answered = self.world.ask(browser, method, &format!("/api/v1{target}"), body);
        assert_eq!(answered.status, status, "{method} {target}: {}", answered.body);
        self.contract.check(method, &format!("/api/v1{bare}"), &answered);
        answered
    }

    /// … with a version.
    fn change(
        &mut self,
        browser: &Browser,
        ask: (&str, &str, &str),
        body: &Value,
        (version, status): (u64, u16),
    ) {
        let (method, path, part) = ask;
        let asked = browser.request(method, &format!("/api/v1{}", filled(path, part)), body);
        let answered = self.world.send(&asked.with("if-match", &format!("\"{version}\"")));
        assert_eq!(answered.status, status, "{method} {path}: {}", answered.body);
        self.contract.check(method, &format!("/api/v1{path}"), &answered);
    }

    /// An administrator with a password.
    fn administrator(&mut self) -> (Browser, String) {
        let link = self.world.link("admin", &[Role::Administrator, Role::Responder]);
        let mut browser = Browser::default();
        let with_link = json!({ "link": link });
        self.go(&mut browser, ("POST", "/enrolment", ""), &with_link, 200);
        self.go(&mut browser, ("POST", "/enrolment/passkey/options", ""), &with_link, 200);
        let offer = self.go(&mut browser, ("POST", "/enrolment/password/options", ""), &with_link, 200);
        let code = totp(offer.body["secret"].as_str().unwrap(), self.world.now().as_seconds());
        let enrol = |password: &str| json!({ "link": link, "password": password, "code": code });
        self.go(&mut browser, ("POST", "/enrolment/password", ""), &enrol("password1234"), 400);
        let begun = self.go(&mut browser, ("POST", "/enrolment/password", ""), &enrol(PASSWORD), 200);
        assert_eq!((&begun.body["name"], &begun.body["signed_in"]), (&json!("admin"), &json!(true)));
        (browser, code)
    }
}

fn filled(path: &str, part: &str) -> String {
    match (path.find('{'), path.find('}')) {
        (Some(from), Some(to)) => format!("{}{part}{}", &path[..from], &path[to + 1..]),
        _ => path.to_owned(),
    }
}

#[test]
fn answers_about_sessions_have_the_form_of_the_contract() {
    let mut walk = Walk::new();
    let mut stranger = Browser::default();
    walk.go(&mut stranger, ("GET", "/session", ""), &NONE, 200);
    walk.go(&mut stranger, ("DELETE", "/session", ""), &NONE, 401);
    walk.go(&mut stranger, ("POST", "/session/passkey/options", ""), &NONE, 200);
    let wrong = json!({ "name": "nobody", "password": "x", "code": "000000" });
    walk.go(&mut stranger, ("POST", "/session/password", ""), &wrong, 401);
    walk.go(&mut stranger, ("POST", "/session/password", ""), &json!({ "name": 1 }), 400);
    walk.go(&mut stranger, ("POST", "/session/password", ""), &NONE, 415);
    walk.go(&mut stranger, ("POST", "/enrolment", ""), &json!({ "link": "hl_none" }), 404);
    let (mut admin, code) = walk.administrator();
    let factors = walk.go(&mut admin, ("GET", "/factors", ""), &NONE, 200);
    let factor = factors.body["items"][0]["id"].as_str().unwrap();
    walk.go(&mut admin, ("DELETE", "/factors/{factor}", factor), &NONE, 409);
    walk.go(&mut admin, ("POST", "/factors/passkey/options", ""), &NONE, 200);
    walk.go(&mut admin, ("POST", "/session/step-up/options", ""), &NONE, 200);
    // The code was used when the generator was enrolled.
    let proof = json!({ "password": PASSWORD, "code": code });
    walk.go(&mut admin, ("POST", "/session/step-up", ""), &proof, 401);
    let (_, mut device) = walk.world.somebody("aoki", &[Role::Viewer]);
    let signed_in = walk.world.sign_in(&mut Browser::default(), &mut device);
    walk.contract.check("POST", "/api/v1/session/passkey", &signed_in);
    walk.go(&mut admin, ("DELETE", "/session", ""), &NONE, 204);
}

#[test]
fn answers_about_accounts_have_the_form_of_the_contract() {
    let mut walk = Walk::new();
    let (mut admin, _) = walk.administrator();
    let wanted = json!({ "name": "aoki", "display": "青木", "roles": ["analyst"] });
    let invited = walk.go(&mut admin, ("POST", "/accounts", ""), &wanted, 201);
    walk.go(&mut admin, ("POST", "/accounts", ""), &wanted, 409);
    let wrong = json!({ "name": "A", "display": "x", "roles": ["analyst"] });
    walk.go(&mut admin, ("POST", "/accounts", ""), &wrong, 400);
    let page = walk.go(&mut admin, ("GET", "/accounts?limit=1", ""), &NONE, 200);
    let next = format!("/accounts?limit=1&after={}", page.body["next"].as_str().unwrap());
    walk.go(&mut admin, ("GET", &next, ""), &NONE, 200);
    walk.go(&mut admin, ("GET", "/accounts?limit=501", ""), &NONE, 400);
    let id = invited.body["account"]["id"].as_str().unwrap();
    let one = "/accounts/{account}";
    let read = walk.go(&mut admin, ("GET", one, id), &NONE, 200);
    assert_eq!(read.header("etag"), Some("\"1\""));
    walk.go(&mut admin, ("GET", one, "a999"), &NONE, 404);
    let roles = json!({ "roles": ["viewer"] });
    walk.go(&mut admin, ("PATCH", one, id), &roles, 428);
    walk.change(&admin, ("PATCH", one, id), &roles, (1, 200));
    walk.change(&admin, ("PATCH", one, id), &roles, (1, 412));
    walk.change(&admin, ("POST", "/accounts/{account}/link", id), &NONE, (2, 201));
    walk.change(&admin, ("POST", "/accounts/{account}/disable", id), &NONE, (2, 200));
    walk.change(&admin, ("POST", "/accounts/{account}/disable", id), &NONE, (2, 412));
}

#[test]
fn answers_about_tokens_names_and_the_audit_have_the_form_of_the_contract() {
    let mut walk = Walk::new();
    let (mut admin, _) = walk.administrator();
    let wanted = json!({ "name": "t", "scopes": ["read"], "days": 3 });
    let made = walk.go(&mut admin, ("POST", "/tokens", ""), &wanted, 201);
    walk.go(&mut admin, ("GET", "/tokens", ""), &NONE, 200);
    let token = made.body["token"]["id"].as_str().unwrap();
    walk.go(&mut admin, ("DELETE", "/tokens/{token}", token), &NONE, 204);
    let scope = json!({ "kind": "incident", "incident": "i-1" });
    let wanted = json!({ "scope": scope, "reason": "case 1", "hours": 4 });
    let request = walk.go(&mut admin, ("POST", "/unmask", ""), &wanted, 201);
    walk.go(&mut admin, ("POST", "/unmask", ""), &wanted, 409);
    walk.go(&mut admin, ("GET", "/unmask", ""), &NONE, 200);
    let decide = ("POST", "/unmask/{unmask}/decision", request.body["id"].as_str().unwrap());
    let decision = json!({ "decision": "approve", "reason": "mine" });
    walk.go(&mut admin, decide, &decision, 428);
    walk.change(&admin, decide, &decision, (1, 409));
    let (mut officer, _) = walk.world.somebody("officer", &[Role::PrivacyOfficer]);
    walk.change(&officer, decide, &decision, (1, 200));
    walk.go(&mut officer, ("GET", "/audit", ""), &NONE, 200);
    walk.go(&mut officer, ("GET", "/openapi.json", ""), &NONE, 200);
}

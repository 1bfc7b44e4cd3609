//! Pages in memory, with a clock that stands still, and people with devices.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use hinomi_access::{Gate, Keep, Kept, Key, NotKept, Principal, Registry, Role, Roles};
use hinomi_model::{Clock as _, Timestamp};
use hinomi_server::http::{Request, Response};
use hinomi_server::pages::{Around, Marks, Pages, Place, Problem, Question, ReadModel, Told, Topic};
use hinomi_testkit::authenticator::Authenticator;
use hinomi_testkit::seeded::{ManualClock, SeededEntropy};
use serde_json::{Value, json};

pub const ORIGIN: &str = "https://hinomi.example.jp";
pub const HOST: &str = "hinomi.example.jp";
const START: i64 = 1_800_000_000;

/// Keeps steps in memory.
#[derive(Clone, Default)]
pub struct Memory(pub Arc<Mutex<Vec<Kept>>>);

impl Keep for Memory {
    fn keep(&mut self, _: &Registry, steps: &[Kept]) -> Result<(), NotKept> {
        self.0.lock().unwrap().extend_from_slice(steps);
        Ok(())
    }
}

/// Answers with the name of whoever is asked for, masked or not; incidents change when somebody counts on.
#[derive(Default)]
struct Echo(Arc<AtomicU64>);

impl ReadModel for Echo {
    fn read(&self, question: &Question<'_>) -> Result<Told, Problem> {
        let name = question.names.account("sato", Some("i-1"));
        Ok(Told::ok(json!({ "operation": question.operation, "name": name })))
    }

    fn marks(&self) -> Marks {
        let mut marks = Marks::default();
        marks.set(Topic::Incidents, self.0.load(Ordering::Relaxed));
        marks
    }
}

pub struct World {
    pub pages: Pages,
    pub gate: Arc<Mutex<Gate>>,
    pub memory: Memory,
    pub clock: Arc<ManualClock>,
    pub entropy: Arc<SeededEntropy>,
    pub changes: Arc<AtomicU64>,
}

/// Somebody with a browser.
#[derive(Default, Clone)]
pub struct Browser {
    pub cookies: Vec<(String, String)>,
}

pub struct Answered {
    pub status: u16,
    pub body: Value,
    pub response: Response,
}

impl Answered {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

pub fn world() -> World {
    let clock = Arc::new(ManualClock::new(Timestamp::from_nanos(START * 1_000_000_000)));
    let (entropy, memory) = (Arc::new(SeededEntropy::new(11)), Memory::default());
    let place = Place::parse(ORIGIN).unwrap();
    let keep = Box::new(memory.clone());
    let gate = Gate::new(Registry::default(), place.site("test"), Key::new([1; 32]), [2; 32], keep);
    let gate = Arc::new(Mutex::new(gate));
    let changes = Arc::new(AtomicU64::new(0));
    let around =
        Around { clock: clock.clone(), entropy: entropy.clone(), reads: Arc::new(Echo(changes.clone())) };
    World { pages: Pages::new(gate.clone(), place, around), gate, memory, clock, entropy, changes }
}

pub fn request(method: &str, target: &str) -> Request {
    Request::new(method, target, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))).with("host", HOST)
}

impl World {
    pub fn now(&self) -> hinomi_access::Moment {
        self.clock.now().into()
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(seconds * 1_000_000_000);
    }

    pub fn send(&self, request: &Request) -> Answered {
        let response = self.pages.handle(request);
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        Answered { status: response.status, body, response }
    }

    /// As a page of this server asks.
    pub fn ask(&self, browser: &mut Browser, method: &str, target: &str, body: &Value) -> Answered {
        let answered = self.send(&browser.request(method, target, body));
        browser.take(&answered.response);
        answered
    }

    /// A link for an account with these roles.
    pub fn link(&self, name: &str, roles: &[Role]) -> String {
        let roles: Roles = roles.iter().copied().collect();
        let wanted = (&name.parse().unwrap(), name, &roles);
        let root = Principal::command_line(None);
        let made = self.gate.lock().unwrap().invite(&root, wanted, self.now(), &*self.entropy).unwrap();
        made.text.reveal().to_owned()
    }

    /// Enrols a new device with a link.
    pub fn enrol(&self, link: &str) -> (Browser, Authenticator) {
        let (mut browser, device) = (Browser::default(), Authenticator::p256(ORIGIN, HOST));
        let link = json!({ "link": link });
        let options = self.ask(&mut browser, "POST", "/api/v1/enrolment/passkey/options", &link);
        assert_eq!(options.status, 200, "{}", options.body);
        let made: Value =
            serde_json::from_str(&device.make(options.body["challenge"].as_str().unwrap())).unwrap();
        let body = json!({ "link": link["link"], "attestation": made, "label": "phone" });
        let enrolled = self.ask(&mut browser, "POST", "/api/v1/enrolment/passkey", &body);
        assert_eq!(enrolled.status, 200, "{}", enrolled.body);
        (browser, device)
    }

    /// Somebody with these roles, signed in a moment ago.
    pub fn somebody(&self, name: &str, roles: &[Role]) -> (Browser, Authenticator) {
        self.enrol(&self.link(name, roles))
    }

    pub fn sign_in(&self, browser: &mut Browser, device: &mut Authenticator) -> Answered {
        let options = self.ask(browser, "POST", "/api/v1/session/passkey/options", &Value::Null);
        let proof: Value =
            serde_json::from_str(&device.sign(options.body["challenge"].as_str().unwrap())).unwrap();
        self.ask(browser, "POST", "/api/v1/session/passkey", &proof)
    }
}

impl Browser {
    pub fn request(&self, method: &str, target: &str, body: &Value) -> Request {
        let mut request = request(method, target);
        if method != "GET" {
            request =
                request.with("x-hinomi", "1").with("origin", ORIGIN).with("sec-fetch-site", "same-origin");
        }
        if !body.is_null() {
            request = request.with("content-type", "application/json").with_body(body.to_string());
        }
        if self.cookies.is_empty() { request } else { request.with("cookie", &self.header()) }
    }

    pub fn header(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    pub fn session(&self) -> Option<&str> {
        self.cookies.iter().find(|(name, _)| name == "__Host-hinomi").map(|(_, value)| value.as_str())
    }

    fn take(&mut self, response: &Response) {
        for (_, cookie) in response.headers.iter().filter(|(name, _)| *name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

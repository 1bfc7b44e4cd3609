//! Coming through an identity provider that is good, wrong, slow, gone or taken over.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hinomi_access::{Identity, Principal, Role, Roles, SecondFactor};
use hinomi_model::Digest;
use hinomi_server::listen::ServerTls;
use hinomi_server::pages::{ClientCredential, Provider, ProviderSetup};
use hinomi_testkit::authenticator::{Authenticator, base64url, totp};
use hinomi_testkit::token_signer::{TokenSigner, token_with_secret};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::world::{Answered, Browser, ORIGIN, World, world};

const NONE: Value = Value::Null;
const BEGIN: &str = "/api/v1/session/provider";
const RETURN: &str = "/api/v1/session/provider/return";
const OPTIONS: &str = "/api/v1/session/provider/factor/options";
const FACTOR: &str = "/api/v1/session/provider/factor";

/// How an address of the provider answers.
#[derive(Clone, PartialEq)]
enum Says {
    /// As it should.
    Good,
    /// This status and body.
    This(u16, String),
    /// Somewhere else.
    Redirect,
    /// Nothing, as long as the test goes on.
    Nothing,
    /// A byte now and then.
    Drip,
}

/// Makes a token of a payload.
type Sign = Box<dyn Fn(&Signers, &str) -> String + Send>;

struct Behaviour {
    description: Says,
    keys: Says,
    token: Says,
    /// What a token is made of: kind of signature, payload.
    sign: Sign,
    payload: Value,
    requests: Vec<String>,
    /// Further fields of the description.
    more: Value,
}

struct Signers {
    now: TokenSigner,
    next: TokenSigner,
    rsa: TokenSigner,
    rotated: bool,
}

impl Signers {
    fn shown(&self) -> String {
        let second = if self.rotated { &self.next } else { &self.rsa };
        format!("{{\"keys\":[{},{}]}}", self.now.public(), second.public())
    }
}

type Shared = Arc<Mutex<(Behaviour, Signers)>>;

struct Hostile {
    shared: Shared,
    issuer: String,
    folder: tempfile::TempDir,
}

/// An authority and a certificate for localhost; `None` where openssl is missing.
fn certificates(folder: &Path) -> Option<()> {
    let script = "set -e\nopenssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem \
        -days 30 -subj /CN=tests -addext basicConstraints=critical,CA:TRUE\n\
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout id.key -out id.csr -subj /CN=localhost\n\
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > id.ext\n\
        openssl x509 -req -in id.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out id.pem -days 20 -extfile id.ext\n";
    let done = Command::new("sh").args(["-c", script]).current_dir(folder).output();
    let made = done.is_ok_and(|done| done.status.success());
    if !made {
        println!("SKIPPED: needs openssl");
    }
    made.then_some(())
}

fn hostile() -> Option<Hostile> {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path())?;
    let (certificate, key) = (folder.path().join("id.pem"), folder.path().join("id.key"));
    let tls = ServerTls { certificate: &certificate, key: &key, clients: None }.load(None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let signers = Signers {
        now: TokenSigner::p256("one"),
        next: TokenSigner::p256("two"),
        rsa: TokenSigner::rsa("rsa"),
        rotated: false,
    };
    let behaviour = Behaviour {
        description: Says::Good,
        keys: Says::Good,
        token: Says::Good,
        sign: Box::new(|signers, payload| signers.now.token(payload)),
        payload: NONE,
        requests: Vec::new(),
        more: json!({}),
    };
    let shared: Shared = Arc::new(Mutex::new((behaviour, signers)));
    let (at, of) = (issuer.clone(), shared.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (tls, at, of) = (tls.clone(), at.clone(), of.clone());
            std::thread::spawn(move || serve(stream, tls, &at, &of));
        }
    });
    Some(Hostile { shared, issuer, folder })
}

/// One request, one answer.
fn serve(stream: TcpStream, tls: Arc<ServerConfig>, issuer: &str, shared: &Shared) -> Option<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(tls).unwrap(), stream);
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_lowercase()
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
        if body.len() < length {
            continue;
        }
        let (says, usual) = answer(&text, issuer, shared);
        let (status, body) = match says {
            Says::Good => (200, usual),
            Says::This(status, body) => (status, body),
            Says::Redirect => (302, String::new()),
            Says::Nothing => {
                std::thread::sleep(Duration::from_secs(30));
                return None;
            }
            Says::Drip => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").ok()?;
                loop {
                    stream.write_all(b" ").ok()?;
                    stream.flush().ok()?;
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nlocation: {issuer}/elsewhere\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        stream.conn.send_close_notify();
        return stream.flush().ok();
    }
}

fn answer(request: &str, issuer: &str, shared: &Shared) -> (Says, String) {
    let mut shared = shared.lock().unwrap();
    shared.0.requests.push(request.to_owned());
    let (behaviour, signers) = (&shared.0, &shared.1);
    if request.starts_with("GET /.well-known/openid-configuration") {
        let mut body = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "authorization_response_iss_parameter_supported": true,
        });
        body.as_object_mut().unwrap().extend(behaviour.more.as_object().unwrap().clone());
        (behaviour.description.clone(), body.to_string())
    } else if request.starts_with("GET /jwks") {
        (behaviour.keys.clone(), signers.shown())
    } else {
        let token = (behaviour.sign)(signers, &behaviour.payload.to_string());
        let body = json!({ "access_token": "secret-access", "token_type": "Bearer", "id_token": token });
        (behaviour.token.clone(), body.to_string())
    }
}

/// What the browser was sent there with.
struct Trip {
    state: String,
    nonce: String,
    challenge: String,
    address: String,
}

struct Met {
    world: World,
    hostile: Hostile,
}

fn met() -> Option<Met> {
    met_with(SecondFactor::default())
}

fn met_with(second_factor: SecondFactor) -> Option<Met> {
    let (hostile, mut world) = (hostile()?, world());
    let secret = hostile.folder.path().join("secret");
    std::fs::write(&secret, "s3cret +&\n").unwrap();
    let setup = ProviderSetup {
        issuer: hostile.issuer.clone(),
        client: "hinomi".to_owned(),
        name: "Example ID".to_owned(),
        credential: ClientCredential::Secret(secret),
        ca: hostile.folder.path().join("ca.pem"),
        second_factor,
    };
    setup.check_files().unwrap();
    world.pages = world.pages.with_provider(Some(Provider::new(setup, ORIGIN, None)));
    Some(Met { world, hostile })
}

impl Met {
    fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.hostile.shared.lock().unwrap().0);
    }

    fn leave(&self, browser: &mut Browser, wish: &Value) -> Trip {
        let answered = self.world.ask(browser, "POST", BEGIN, wish);
        assert_eq!(answered.status, 200, "{}", answered.body);
        let address = answered.body["address"].as_str().unwrap().to_owned();
        let field = |name: &str| {
            let part = address.split(&format!("&{name}=")).nth(1).unwrap();
            part.split('&').next().unwrap().to_owned()
        };
        Trip { state: field("state"), nonce: field("nonce"), challenge: field("code_challenge"), address }
    }

    /// What a good token says.
    fn payload(&self, trip: &Trip, subject: &str) -> Value {
        let now = self.world.now().as_seconds();
        json!({
            "iss": self.hostile.issuer, "sub": subject, "aud": "hinomi", "iat": now, "exp": now + 300,
            "nonce": trip.nonce, "auth_time": now, "amr": ["pwd", "otp"],
        })
    }

    /// Somebody comes back.
    fn come(&self, browser: &mut Browser, trip: &Trip) -> Answered {
        let body = json!({ "state": trip.state, "code": "the-code", "iss": self.hostile.issuer });
        self.world.ask(browser, "POST", RETURN, &body)
    }

    /// There and back as a subject, with what is changed about the token.
    fn through(&self, browser: &mut Browser, wish: &Value, subject: &str, change: &Value) -> Answered {
        let trip = self.leave(browser, wish);
        let mut payload = self.payload(&trip, subject);
        payload.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.behave(|behaviour| behaviour.payload = payload);
        self.come(browser, &trip)
    }

    /// Somebody whose account is linked with a subject, by invitation.
    fn linked(&self, name: &str, subject: &str) -> Browser {
        let mut browser = Browser::default();
        let link = self.world.link(name, &[Role::Analyst]);
        let came = self.through(&mut browser, &json!({ "wish": "enrol", "link": link }), subject, &json!({}));
        assert_eq!(came.body["outcome"], "signed_in", "{}", came.body);
        browser
    }

    fn actions(&self) -> String {
        let steps = self.world.memory.0.lock().unwrap();
        steps.iter().map(|kept| serde_json::to_string(&kept.step).unwrap() + "\n").collect()
    }
}

const SIGN_IN: &str = "{\"wish\":\"sign_in\"}";

fn sign_in() -> Value {
    serde_json::from_str(SIGN_IN).unwrap()
}

#[test]
fn an_invitation_links_an_identity_and_the_provider_signs_in_with_two_factors() {
    let Some(met) = met() else { return };
    let mut first = met.linked("aoki", "subject-1");
    assert_eq!(met.world.ask(&mut first, "GET", "/api/v1/session", &NONE).body["name"], "aoki");
    let factors = met.world.ask(&mut first, "GET", "/api/v1/factors", &NONE);
    assert!(factors.body.to_string().contains("\"kind\":\"provider\""), "{}", factors.body);
    let mut browser = Browser::default();
    let came = met.through(&mut browser, &sign_in(), "subject-1", &json!({}));
    assert_eq!((came.status, &came.body["session"]["name"]), (200, &json!("aoki")), "{}", came.body);
    assert!(browser.cookies.iter().all(|(name, _)| !name.contains("provider")), "the ticket is over");
    assert!(met.actions().contains("\"evidence\":\"amr otp+pwd\""));
    // Proof Key: what was shown for the token is what the browser was sent with.
    let requests = met.hostile.shared.lock().unwrap().0.requests.clone();
    let token = requests.iter().rfind(|request| request.starts_with("POST /token")).unwrap();
    let verifier = token.split("code_verifier=").nth(1).unwrap().split('&').next().unwrap();
    let trip = met.leave(&mut browser, &sign_in());
    assert!(trip.address.contains("code_challenge_method=S256") && verifier.len() == 43);
    let challenge = base64url(Digest::of(verifier.as_bytes()).as_bytes());
    assert_ne!(challenge, trip.challenge, "another one each time");
    assert!(
        !trip.address.contains(verifier)
            && token.contains("redirect_uri=https%3A%2F%2Fhinomi.example.jp%2Foidc")
    );
    // «s3cret +&» and the name, each encoded as in a form, then both as Basic.
    assert!(
        token.to_lowercase().contains("authorization: basic")
            && token.contains("aGlub21pOnMzY3JldCUyMCUyQiUyNg=="),
        "{token}"
    );
    // Neither addresses nor steps hold the code, the token or the secret.
    for secret in ["the-code", "secret-access", "s3cret", verifier] {
        assert!(!met.actions().contains(secret), "{secret}");
    }
}

#[test]
fn nobody_comes_in_whom_nobody_invited_whatever_the_provider_says() {
    let Some(met) = met() else { return };
    let _ = met.linked("aoki", "subject-1");
    let mut stranger = Browser::default();
    let mail = json!({ "email": "aoki@example.jp", "email_verified": true, "preferred_username": "aoki", "groups": ["administrators"] });
    for subject in ["subject-2", "aoki", "a1", "SUBJECT-1", "subject-1 "] {
        let came = met.through(&mut stranger, &sign_in(), subject, &mail);
        assert_eq!(came.status, 401, "{subject}: {}", came.body);
        assert!(stranger.session().is_none());
    }
    // The right identity with roles of the provider: roles are ours.
    let came = met.through(&mut stranger, &sign_in(), "subject-1", &mail);
    assert_eq!(came.body["session"]["roles"], json!(["analyst"]), "{}", came.body);
    // Somebody whom an administrator named comes without a link, as that identity only, once.
    let named = {
        let mut gate = met.world.gate.lock().unwrap();
        let root = Principal::command_line(None);
        let roles = Roles::from([Role::Viewer]);
        let wanted = (&"mori".parse().unwrap(), "M", &roles);
        let made = gate.invite(&root, wanted, met.world.now(), &*met.world.entropy).unwrap();
        let identity = Identity::new(&met.hostile.issuer, "subject-3").unwrap();
        gate.expect_identity(&root, (made.account.unwrap(), &identity), met.world.now()).unwrap();
        let taken = Identity::new(&met.hostile.issuer, "subject-1").unwrap();
        assert!(gate.expect_identity(&root, (made.account.unwrap(), &taken), met.world.now()).is_err());
        made.text.reveal().to_owned()
    };
    let mut mori = Browser::default();
    let weak = met.through(&mut mori, &sign_in(), "subject-3", &json!({ "amr": ["pwd"] }));
    assert_eq!((weak.status, &weak.body["reason"]), (401, &json!("second_factor")));
    let came = met.through(&mut mori, &sign_in(), "subject-3", &json!({}));
    assert_eq!(came.body["session"]["name"], "mori", "{}", came.body);
    let link = json!({ "link": named });
    assert_eq!(met.world.ask(&mut mori, "POST", "/api/v1/enrolment", &link).code(), "link_unknown");
}

#[test]
fn a_disabled_account_stays_disabled_whatever_the_provider_says() {
    let Some(met) = met() else { return };
    let browser = met.linked("aoki", "subject-1");
    {
        let mut gate = met.world.gate.lock().unwrap();
        let id = gate.registry().named("aoki").unwrap().id;
        gate.disable(&Principal::command_line(None), (id, None), met.world.now()).unwrap();
    }
    assert_eq!(met.world.ask(&mut browser.clone(), "GET", "/api/v1/factors", &NONE).code(), "not_signed_in");
    for _ in 0..2 {
        let came = met.through(&mut Browser::default(), &sign_in(), "subject-1", &json!({}));
        assert_eq!((came.code(), &came.body["reason"]), ("provider_refused", &json!("not_linked")));
    }
}

/// Everything that a token may have wrong, over the wire: nobody is signed in, and the reason is told and written down.
#[test]
fn tokens_of_a_hostile_provider_sign_nobody_in() {
    let Some(met) = met() else { return };
    let _ = met.linked("aoki", "subject-1");
    let now = met.world.now().as_seconds();
    let refused = |change: Value, reason: &str| {
        let mut browser = Browser::default();
        let came = met.through(&mut browser, &sign_in(), "subject-1", &change);
        assert_eq!((came.status, &came.body["reason"]), (401, &json!(reason)), "{change}: {}", came.body);
        assert!(browser.session().is_none());
        met.world.pass(400);
    };
    let later = |change: Value| {
        let now = met.world.now().as_seconds();
        let mut times = json!({ "iat": now, "exp": now + 300, "auth_time": now });
        times.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        times
    };
    refused(later(json!({ "nonce": "other" })), "nonce");
    refused(later(json!({ "aud": "other" })), "audience");
    refused(later(json!({ "aud": ["hinomi", "other"], "azp": "other" })), "audience");
    refused(later(json!({ "iss": "https://evil.example" })), "issuer");
    refused(later(json!({ "exp": now - 3_600 })), "time");
    refused(later(json!({ "iat": now - 3_600 })), "time");
    let header = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid }).to_string();
    met.behave(|b| {
        b.sign = Box::new(move |signers, payload| {
            let token = signers.now.token_with(&header("none", "one"), payload);
            format!("{}.", token.rsplit_once('.').unwrap().0)
        });
    });
    refused(json!({}), "algorithm");
    for rsa in [true, false] {
        met.behave(|b| {
            b.sign = Box::new(move |signers, payload| {
                let signer = if rsa { &signers.rsa } else { &signers.now };
                token_with_secret(&header("HS256", &signer.id), payload, signer.public().as_bytes())
            });
        });
        refused(json!({}), "algorithm");
    }
    met.behave(|b| b.sign = Box::new(|_, payload| TokenSigner::p256("one").token(payload)));
    refused(json!({}), "signature");
    met.behave(|b| b.sign = Box::new(|_, payload| TokenSigner::p256("three").token(payload)));
    refused(json!({}), "key");
    met.behave(|b| b.sign = Box::new(|_, _| "rubbish".to_owned()));
    refused(json!({}), "form");
    for why in ["nonce", "audience", "issuer", "time", "algorithm", "signature", "key", "form"] {
        assert!(met.actions().contains(&format!("\"why\":\"{why}\"")), "{why} is written down");
    }
    // A good one still works, also with a key that was new a moment ago.
    met.behave(|b| b.sign = Box::new(|signers, payload| signers.next.token(payload)));
    met.hostile.shared.lock().unwrap().1.rotated = true;
    assert_eq!(met.through(&mut Browser::default(), &sign_in(), "subject-1", &json!({})).status, 200);
}

/// Redirects, rubbish, endless answers and other issuers, at each address.
#[test]
fn answers_of_a_hostile_provider_are_bounded_and_followed_nowhere() {
    let Some(met) = met() else { return };
    let _ = met.linked("aoki", "subject-1");
    let endless = Says::This(200, format!("{{\"keys\":[{}]}}", "{},".repeat(200_000)));
    let many = Says::This(200, format!("{{\"keys\":[{}{{}}]}}", "{},".repeat(64)));
    let bad = [
        Says::Redirect,
        Says::This(200, "rubbish".to_owned()),
        Says::This(200, "{}".to_owned()),
        Says::This(200, "[".repeat(50_000)),
        Says::This(500, "secret-of-the-provider".to_owned()),
        endless,
    ];
    for says in bad.iter().chain([&many]) {
        for at in ["description", "keys", "token"] {
            // What is remembered of before is forgotten.
            met.world.pass(4_000);
            let mut browser = Browser::default();
            let trip = met.leave(&mut browser, &sign_in());
            met.world.pass(if at == "description" { 500 } else { 0 });
            let payload = met.payload(&trip, "subject-1");
            met.behave(|behaviour| {
                behaviour.payload = payload;
                match at {
                    "description" => behaviour.description = says.clone(),
                    "keys" => behaviour.keys = says.clone(),
                    _ => behaviour.token = says.clone(),
                }
            });
            if at == "description" {
                met.world.pass(4_000);
                let answered = met.world.ask(&mut browser, "POST", BEGIN, &sign_in());
                assert_eq!(answered.code(), "provider_unavailable", "{}", answered.body);
                met.world.pass(10);
            } else if !(at == "token"
                && matches!(says, Says::This(200, body) if body.starts_with("{\"keys\"")))
            {
                let came = met.come(&mut browser, &trip);
                assert!(came.status == 401 || came.status == 503, "{at}: {}", came.body);
                assert!(!came.body.to_string().contains("secret-of-the-provider"));
            }
            assert!(browser.session().is_none());
            met.behave(|behaviour| {
                (behaviour.description, behaviour.keys, behaviour.token) =
                    (Says::Good, Says::Good, Says::Good);
            });
        }
    }
    let requests = met.hostile.shared.lock().unwrap().0.requests.clone();
    assert!(requests.len() > 20 && !requests.iter().any(|request| request.contains("/elsewhere")));
    for more in [
        json!({ "issuer": "https://evil.example" }),
        json!({ "token_endpoint": "http://localhost/token" }),
        json!({ "jwks_uri": "file:///etc/passwd" }),
        json!({ "authorization_endpoint": "javascript:alert(1)" }),
        json!({ "code_challenge_methods_supported": ["plain"] }),
    ] {
        met.world.pass(4_000);
        met.behave(|behaviour| behaviour.more = more.clone());
        let answered = met.world.ask(&mut Browser::default(), "POST", BEGIN, &sign_in());
        assert_eq!(
            (answered.code(), &answered.body["reason"]),
            ("provider_unavailable", &json!("description")),
            "{more}"
        );
        met.behave(|behaviour| behaviour.more = json!({}));
    }
}

/// A provider that hangs costs whoever asked it some seconds, and nobody else anything.
#[test]
fn a_provider_that_hangs_holds_nobody_else_up() {
    let Some(met) = met() else { return };
    let (mut local, mut device) = met.world.somebody("mori", &[Role::Viewer]);
    for says in [Says::Nothing, Says::Drip] {
        met.behave(|behaviour| behaviour.description = says.clone());
        met.world.pass(4_000);
        let asked = || met.hostile.shared.lock().unwrap().0.requests.len();
        let before = asked();
        std::thread::scope(|scope| {
            let waits: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| met.world.ask(&mut Browser::default(), "POST", BEGIN, &sign_in())))
                .collect();
            let began = Instant::now();
            while asked() < before + 2 && began.elapsed() < Duration::from_mins(1) {
                std::thread::yield_now();
            }
            // Two talk at a time; others are told at once.
            let third = met.world.ask(&mut Browser::default(), "POST", BEGIN, &sign_in());
            assert_eq!(third.code(), "too_many", "{}", third.body);
            // Meanwhile, somebody with a passkey.
            assert_eq!(met.world.sign_in(&mut local, &mut device).status, 200);
            assert!(waits.iter().all(|wait| !wait.is_finished()), "the provider hangs still");
            for wait in waits {
                assert_eq!(wait.join().unwrap().code(), "provider_unavailable");
            }
        });
    }
    // Nobody waits for it again at once.
    let began = Instant::now();
    let answered = met.world.ask(&mut Browser::default(), "POST", BEGIN, &sign_in());
    assert_eq!(answered.body["reason"], "no_answer");
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Forgery and fixation: a way back counts in the browser that left, once, for its wish, from its provider, for its time.
#[test]
fn a_way_back_belongs_to_one_browser_and_counts_once() {
    let Some(met) = met() else { return };
    let _ = met.linked("aoki", "subject-1");
    let ready = |trip: &Trip| {
        let payload = met.payload(trip, "subject-1");
        met.behave(|behaviour| behaviour.payload = payload);
    };
    let code = |answered: &Answered| answered.code().to_owned();
    // The intruder's own way back in the browser of somebody else (forged sign-in).
    let mut intruder = Browser::default();
    let trip = met.leave(&mut intruder, &sign_in());
    ready(&trip);
    assert_eq!(code(&met.come(&mut Browser::default(), &trip)), "sign_in_failed");
    let mut victim = Browser::default();
    let _ = met.leave(&mut victim, &sign_in());
    assert_eq!(code(&met.come(&mut victim, &trip)), "sign_in_failed");
    // A planted session is not the one that is signed in.
    let mut planted = intruder.clone();
    planted.cookies.push(("__Host-hinomi".to_owned(), "A".repeat(43)));
    let mut again = intruder.clone();
    assert_eq!(met.come(&mut planted, &trip).status, 200);
    assert_ne!(planted.session().unwrap(), "A".repeat(43));
    assert_eq!(code(&met.come(&mut again, &trip)), "sign_in_failed", "once");
    // Another provider (mix-up), or one that does not say who it is although it said that it would.
    for iss in [json!("https://evil.example"), NONE] {
        let mut browser = Browser::default();
        let trip = met.leave(&mut browser, &sign_in());
        ready(&trip);
        let asked = met.hostile.shared.lock().unwrap().0.requests.len();
        let mut body = json!({ "state": trip.state, "code": "the-code" });
        if !iss.is_null() {
            body["iss"] = iss;
        }
        let came = met.world.ask(&mut browser, "POST", RETURN, &body);
        assert_eq!(came.body["reason"], "issuer");
        assert_eq!(met.hostile.shared.lock().unwrap().0.requests.len(), asked, "the code is shown to nobody");
    }
    // A ticket of one wish does not do for another.
    let link = met.world.link("mori", &[Role::Administrator]);
    let mut browser = Browser::default();
    let trip = met.leave(&mut browser, &sign_in());
    ready(&trip);
    let (_, ticket) = browser.cookies[0].1.split_once('.').unwrap();
    for wish in [format!("e{}", Digest::of(link.as_bytes())), "a1".to_owned(), "n".to_owned()] {
        let mut bent =
            Browser { cookies: vec![("__Host-hinomi-provider".to_owned(), format!("{wish}.{ticket}"))] };
        assert_eq!(code(&met.come(&mut bent, &trip)), "sign_in_failed", "{wish}");
    }
    // What another site makes a browser send.
    let body = json!({ "state": trip.state, "code": "the-code", "iss": met.hostile.issuer });
    let forged = browser.request("POST", RETURN, &body).with("origin", "https://evil.example");
    assert_eq!(met.world.send(&forged).code(), "cross_site");
    let get = browser.request("GET", RETURN, &NONE);
    assert_eq!(met.world.send(&get).code(), "method_not_allowed");
    // Late.
    met.world.pass(601);
    assert_eq!(code(&met.come(&mut browser, &trip)), "sign_in_failed");
    for name in ["Set", "x"] {
        let bad = json!({ "state": name.repeat(3_000), "code": "c" });
        assert_eq!(met.world.ask(&mut browser, "POST", RETURN, &bad).status / 100, 4);
    }
}

#[test]
fn without_evidence_of_two_factors_one_is_asked_here_and_never_none() {
    let Some(met) = met() else { return };
    // Somebody with a passkey links their identity, which says nothing of two factors.
    let (mut browser, mut device) = met.world.somebody("aoki", &[Role::Analyst]);
    let one = json!({ "amr": ["pwd"] });
    let linked = met.through(&mut browser, &json!({ "wish": "link" }), "subject-1", &one);
    assert_eq!(linked.body["outcome"], "linked", "{}", linked.body);
    for change in [
        one.clone(),
        json!({ "amr": NONE }),
        json!({ "amr": ["pwd", "sms"] }),
        json!({ "acr": "2", "amr": [] }),
    ] {
        let mut there = Browser::default();
        let came = met.through(&mut there, &sign_in(), "subject-1", &change);
        assert_eq!(came.body["outcome"], "second_factor", "{}", came.body);
        assert!(there.session().is_none(), "one factor is no session");
        assert_eq!(met.world.ask(&mut there, "GET", "/api/v1/factors", &NONE).code(), "not_signed_in");
        let options = met.world.ask(&mut there, "POST", OPTIONS, &NONE);
        assert_eq!(options.body["code"], false);
        // A passkey of somebody else does not do, nor a code that nobody enrolled.
        let (_, mut other) =
            met.world.somebody(&format!("x{}", met.world.memory.0.lock().unwrap().len()), &[Role::Viewer]);
        let challenge = options.body["passkey"]["challenge"].as_str().unwrap();
        let proof =
            |device: &mut Authenticator| -> Value { serde_json::from_str(&device.sign(challenge)).unwrap() };
        let wrong = json!({ "assertion": proof(&mut other) });
        assert_eq!(met.world.ask(&mut there, "POST", FACTOR, &wrong).code(), "sign_in_failed");
        assert_eq!(
            met.world.ask(&mut there, "POST", FACTOR, &json!({ "code": "123456" })).code(),
            "sign_in_failed"
        );
        // What a passkey is asked with is no ticket: nobody makes theirs last longer.
        let (account, _) = there.cookies[0].1.split_once('.').unwrap();
        let longer = format!("{account}.{challenge}");
        let mut longer = Browser { cookies: vec![(there.cookies[0].0.clone(), longer)] };
        assert_eq!(met.world.ask(&mut longer, "POST", OPTIONS, &NONE).code(), "sign_in_failed");
        let right = json!({ "assertion": proof(&mut device) });
        let mut copy = there.clone();
        let proven = met.world.ask(&mut there, "POST", FACTOR, &right);
        assert_eq!((proven.status, &proven.body["name"]), (200, &json!("aoki")), "{}", proven.body);
        assert_eq!(
            met.world.ask(&mut copy, "POST", OPTIONS, &NONE).code(),
            "sign_in_failed",
            "a ticket counts once"
        );
        met.world.pass(60);
    }
    // With evidence none is asked.
    let came = met.through(&mut Browser::default(), &sign_in(), "subject-1", &json!({ "amr": ["mfa"] }));
    assert_eq!(came.body["outcome"], "signed_in");
}

#[test]
fn a_code_of_the_generator_stands_in_for_the_second_factor_and_guessing_is_slowed() {
    let Some(met) = met() else { return };
    let (mut browser, link) = (Browser::default(), met.world.link("aoki", &[Role::Analyst]));
    let offer =
        met.world.ask(&mut browser, "POST", "/api/v1/enrolment/password/options", &json!({ "link": link }));
    let secret = offer.body["secret"].as_str().unwrap().to_owned();
    let code = |met: &Met| totp(&secret, met.world.now().as_seconds());
    let body = json!({ "link": link, "password": "a long enough sentence", "code": code(&met) });
    assert_eq!(met.world.ask(&mut browser, "POST", "/api/v1/enrolment/password", &body).status, 200);
    let one = json!({ "amr": ["pwd"] });
    assert_eq!(
        met.through(&mut browser, &json!({ "wish": "link" }), "subject-1", &one).body["outcome"],
        "linked"
    );
    met.world.pass(90);
    let mut there = Browser::default();
    assert_eq!(met.through(&mut there, &sign_in(), "subject-1", &one).body["outcome"], "second_factor");
    assert_eq!(met.world.ask(&mut there, "POST", OPTIONS, &NONE).body["code"], true);
    let mut slowed = 0;
    for guess in 0..20 {
        let answered = met.world.ask(&mut there, "POST", FACTOR, &json!({ "code": format!("{guess:06}") }));
        assert!(answered.session_less());
        slowed += u32::from(answered.code() == "too_many");
    }
    assert!(slowed >= 10, "{slowed}");
    met.world.pass(200);
    let right = json!({ "code": code(&met) });
    let proven = met.world.ask(&mut there, "POST", FACTOR, &right);
    assert_eq!((proven.status, &proven.body["name"]), (200, &json!("aoki")), "{}", proven.body);
    assert!(met.actions().contains("provider_totp"));
    // The code was used.
    let mut again = Browser::default();
    let _ = met.through(&mut again, &sign_in(), "subject-1", &one);
    assert_ne!(met.world.ask(&mut again, "POST", FACTOR, &right).status, 200);
}

#[test]
fn an_identity_that_never_showed_two_factors_cannot_be_all_that_is_left() {
    let Some(met) = met() else { return };
    let (mut browser, _) = met.world.somebody("aoki", &[Role::Analyst]);
    let linked =
        met.through(&mut browser, &json!({ "wish": "link" }), "subject-1", &json!({ "amr": ["pwd"] }));
    let passkey = met.world.ask(&mut browser, "GET", "/api/v1/factors", &NONE).body["items"].clone();
    let passkey =
        passkey.as_array().unwrap().iter().find(|factor| factor["kind"] == "passkey").unwrap()["id"].clone();
    let target = format!("/api/v1/factors/{}", passkey.as_str().unwrap());
    assert_eq!(met.world.ask(&mut browser, "DELETE", &target, &NONE).code(), "last_factor");
    let target = format!("/api/v1/factors/{}", linked.body["factor"]["id"].as_str().unwrap());
    assert_eq!(met.world.ask(&mut browser, "DELETE", &target, &NONE).status / 100, 2);
    // An identity of somebody else is not taken over, and linking needs a session with a fresh proof.
    let _ = met.linked("mori", "subject-2");
    let taken = met.through(&mut browser, &json!({ "wish": "link" }), "subject-2", &json!({}));
    assert_eq!(taken.code(), "conflict");
    met.world.pass(400);
    let late = met.world.ask(&mut browser, "POST", BEGIN, &json!({ "wish": "link" }));
    assert_eq!(late.code(), "step_up_needed");
    let nobody = met.world.ask(&mut Browser::default(), "POST", BEGIN, &json!({ "wish": "link" }));
    assert_eq!(nobody.code(), "not_signed_in");
}

/// A sign-in through the provider is as fresh as the last time the provider asked.
#[test]
fn what_is_grave_needs_a_person_whom_the_provider_asked_a_moment_ago() {
    let Some(met) = met() else { return };
    let _ = met.linked("aoki", "subject-1");
    let now = met.world.now().as_seconds();
    let offer = "/api/v1/factors/passkey/options";
    for (change, status) in [
        (json!({ "auth_time": now - 4_000 }), 403),
        (json!({ "auth_time": NONE }), 403),
        (json!({ "auth_time": now }), 200),
    ] {
        let mut browser = Browser::default();
        let came = met.through(&mut browser, &sign_in(), "subject-1", &change);
        assert_eq!(came.status, 200, "{}", came.body);
        assert_eq!(met.world.ask(&mut browser, "POST", offer, &NONE).status, status, "{change}");
    }
    let anew = json!({ "wish": "anew" });
    let mut browser = Browser::default();
    let trip = met.leave(&mut browser, &anew);
    assert!(trip.address.contains("&prompt=login&max_age=0"));
    let came = met.through(&mut browser, &anew, "subject-1", &json!({ "auth_time": now - 4_000 }));
    assert_eq!(came.body["reason"], "not_anew");
    assert_eq!(met.through(&mut browser, &anew, "subject-1", &json!({})).status, 200);
}

#[test]
fn when_the_provider_is_gone_everybody_with_a_factor_here_comes_in_and_so_does_the_envelope() {
    let Some(met) = met() else { return };
    let (mut browser, mut device) = met.world.somebody("mori", &[Role::Viewer]);
    met.behave(|behaviour| behaviour.description = Says::This(503, String::new()));
    assert_eq!(met.world.ask(&mut browser, "POST", BEGIN, &sign_in()).code(), "provider_unavailable");
    assert_eq!(met.world.sign_in(&mut browser, &mut device).status, 200);
    let sealed = {
        let mut gate = met.world.gate.lock().unwrap();
        let made = gate.seal(&Principal::command_line(None), met.world.now(), &*met.world.entropy).unwrap();
        made.text.reveal().to_owned()
    };
    let (mut opened, _) = met.world.enrol(&sealed);
    assert_eq!(met.world.ask(&mut opened, "GET", "/api/v1/session", &NONE).body["break_glass"], true);
    // The envelope is for a passkey, never for the provider.
    let sealed = json!({ "wish": "enrol", "link": sealed });
    assert_ne!(met.world.ask(&mut Browser::default(), "POST", BEGIN, &sealed).status, 200);
}

impl Answered {
    pub fn session_less(&self) -> bool {
        !self
            .response
            .headers
            .iter()
            .any(|(name, value)| *name == "set-cookie" && value.contains("__Host-hinomi="))
    }
}

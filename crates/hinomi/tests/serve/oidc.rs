//! A real identity provider (npm's oidc-provider) in front of a server at work: there and back with curl as the browser.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::access::{raw, recorded, run, secret};
use crate::support::{Answer, Served, certificates, command, free_port, program, write_configuration};

struct Real {
    child: Child,
    input: ChildStdin,
    said: BufReader<std::process::ChildStdout>,
    issuer: String,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Real {
    /// `None` where the provider is not installed.
    fn start(folder: &Path) -> Option<Self> {
        let modules = std::env::var_os("HINOMI_OIDC_PROVIDER").map(PathBuf::from);
        let there = modules.filter(|path| path.join("oidc-provider").is_dir());
        let (Some(modules), Some(node), Some(_)) =
            (there, program(&["/usr/bin/node", "/usr/local/bin/node"]), program(&["/usr/bin/curl"]))
        else {
            println!("SKIPPED: needs node, curl and HINOMI_OIDC_PROVIDER (node_modules with oidc-provider)");
            return None;
        };
        certificates(folder)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve/oidc-provider.mjs");
        let mut child = Command::new(node)
            .args([script.as_path(), &modules, folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, said) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut real = Self { child, input, said, issuer: String::new() };
        real.issuer = real.line();
        Some(real)
    }

    fn line(&mut self) -> String {
        // It writes notices, too.
        loop {
            let mut line = String::new();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "the provider ended");
            if let Ok(said) = serde_json::from_str::<Value>(&line) {
                return said["issuer"].as_str().unwrap().to_owned();
            }
        }
    }

    fn tell(&mut self, what: &Value) {
        writeln!(self.input, "{what}").unwrap();
        let _ = self.line();
    }

    fn login(&mut self, subject: &str, amr: &Value, acr: &str) {
        self.tell(&json!({ "login": { "id": subject, "amr": amr, "acr": acr } }));
    }
}

struct World {
    served: Served,
    real: Real,
    at: SocketAddr,
    origin: String,
}

/// A public key of P-256 as JSON, from openssl's text of it.
fn public_key(pem: &Path) -> Value {
    let script = "const k = require('crypto').createPublicKey(require('fs').readFileSync(process.argv[1]));\
        console.log(JSON.stringify({ ...k.export({ format: 'jwk' }), kid: 'ours', use: 'sig' }))";
    let output = Command::new("node").args(["-e", script]).arg(pem).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A server with pages and a provider. With a key it proves itself by signing, otherwise by a secret.
fn world(with_key: bool) -> Option<World> {
    let folder = TempDir::new().unwrap();
    let mut real = Real::start(folder.path())?;
    let port = free_port();
    let origin = format!("http://localhost:{port}");
    let mut client = json!({
        "client_id": "hinomi", "redirect_uris": [format!("{origin}/oidc")], "response_types": ["code"],
        "grant_types": ["authorization_code"], "id_token_signed_response_alg": if with_key { "RS256" } else { "ES256" },
    });
    let proof = if with_key {
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ours.pem"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success());
        client["token_endpoint_auth_method"] = json!("private_key_jwt");
        client["token_endpoint_auth_signing_alg"] = json!("ES256");
        client["jwks"] = json!({ "keys": [public_key(&folder.path().join("ours.pem"))] });
        "client_key = \"ours.pem\"\nclient_key_id = \"ours\""
    } else {
        std::fs::write(folder.path().join("oidc.secret"), "s3cret: of +tests&\n").unwrap();
        client["client_secret"] = json!("s3cret: of +tests&");
        "client_secret_file = \"oidc.secret\""
    };
    real.tell(&json!({ "clients": [client] }));
    let configuration = format!(
        "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n[pages]\nat = \"127.0.0.1:{port}\"\n\
         [pages.oidc]\nissuer = \"{}\"\nclient_id = \"hinomi\"\n{proof}\nca = \"ca.pem\"\nname = \"Tests\"\n\
         amr = [\"mfa\", \"pwd+otp\"]\nacr = [\"urn:example:2\"]\n",
        real.issuer
    );
    write_configuration(folder.path(), &configuration);
    let mut served = Served::start_in(folder);
    let line = served.wait_for_line("pages");
    let at = line["at"].as_str().unwrap().parse().unwrap();
    Some(World { served, real, at, origin })
}

impl World {
    fn folder(&self) -> PathBuf {
        self.served.data().parent().unwrap().to_owned()
    }

    fn send(&self, path: &str, cookies: &str, body: &Value) -> Answer {
        let host = self.origin.trim_start_matches("http://").to_owned();
        let headers = [
            ("x-hinomi", "1"),
            ("origin", self.origin.as_str()),
            ("content-type", "application/json"),
            ("cookie", cookies),
        ];
        raw(self.at, "POST", path, &host, &headers, &body.to_string())
    }

    /// To the provider as a browser goes, through its pages, and back here.
    fn through(&self, wish: &Value) -> Answer {
        let begun = self.send("/api/v1/session/provider", "", wish);
        assert_eq!(begun.status, 200, "{}", String::from_utf8_lossy(&begun.body));
        let cookie = begun.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let address = begun.json()["address"].as_str().unwrap().to_owned();
        let jar = TempDir::new().unwrap();
        let (folder, jar) = (self.folder(), jar.path().join("jar"));
        let output = Command::new("curl")
            .args(["-sS", "-L", "--max-time", "30", "-o", "/dev/null", "-w", "%{url_effective} %{http_code}"])
            .arg("--cacert")
            .arg(folder.join("ca.pem"))
            .arg("-c")
            .arg(&jar)
            .arg("-b")
            .arg(&jar)
            .arg(&address)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (back, status) = text.rsplit_once(' ').unwrap();
        assert_eq!(status, "200", "the page is there: {text}");
        assert!(back.starts_with(&format!("{}/oidc?", self.origin)), "{back}");
        let mut body = json!({});
        for pair in back.split_once('?').unwrap().1.split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            if ["code", "state", "iss", "error"].contains(&name) {
                body[name] = json!(value.replace("%3A", ":").replace("%2F", "/"));
            }
        }
        self.send("/api/v1/session/provider/return", &cookie, &body)
    }
}

fn outcome(answer: &Answer) -> (u16, Value) {
    let body = answer.json();
    let what = if answer.status == 200 { &body["outcome"] } else { &body["reason"] };
    (answer.status, what.clone())
}

fn everything(with_key: bool) {
    let Some(mut world) = world(with_key) else { return };
    let data = world.served.data();
    let (_, invited) = run(&data, &["invite", "aoki", "--role", "analyst"]);
    let enrol = json!({ "wish": "enrol", "link": secret(&invited) });
    let sign_in = json!({ "wish": "sign_in" });
    // One factor there, none here: the invitation stays as it is.
    world.real.login("7f3c", &json!(["pwd"]), "urn:example:1");
    assert_eq!(outcome(&world.through(&enrol)), (401, json!("second_factor")));
    world.real.login("7f3c", &json!(["pwd", "otp"]), "urn:example:1");
    assert_eq!(outcome(&world.through(&enrol)), (200, json!("signed_in")));
    let came = world.through(&sign_in);
    assert_eq!(outcome(&came), (200, json!("signed_in")));
    assert_eq!(came.json()["session"]["name"], "aoki");
    assert!(came.head.contains("set-cookie: hinomi="), "{}", came.head);
    // What shows two factors: methods, or a context that was configured; nothing else.
    for (amr, acr, expected) in [
        (json!(null), "urn:example:1", (401, json!("second_factor"))),
        (json!(["pwd"]), "urn:example:2", (200, json!("signed_in"))),
        (json!(["mfa", "pwd"]), "urn:example:1", (200, json!("signed_in"))),
        (json!(["pwd", "sms"]), "urn:example:1", (401, json!("second_factor"))),
    ] {
        world.real.login("7f3c", &amr, acr);
        assert_eq!(outcome(&world.through(&sign_in)), expected, "{amr} {acr}");
    }
    // Asked anew, and so a fresh proof.
    world.real.login("7f3c", &json!(["mfa"]), "urn:example:1");
    assert_eq!(outcome(&world.through(&json!({ "wish": "anew" }))), (200, json!("signed_in")));
    world.real.tell(&json!({ "login": null }));
    assert_eq!(outcome(&world.through(&sign_in)), (401, json!("denied")));
    named_by_an_administrator(&mut world);
    // Disabled here is disabled.
    assert_eq!(run(&data, &["revoke", "aoki"]).0, Some(0));
    world.real.login("7f3c", &json!(["mfa"]), "urn:example:1");
    assert_eq!(outcome(&world.through(&sign_in)), (401, json!("not_linked")));
    let actions = recorded(&data, 15);
    for action in ["enrolled", "signed_in", "sign_in_failed", "identity_expected", "enrolled_by_provider"] {
        assert!(actions.iter().any(|one| one == action), "{action} in {actions:?}");
    }
    gone(&mut world);
}

/// Somebody comes as the identity that an administrator wrote down, without a link.
fn named_by_an_administrator(world: &mut World) {
    let data = world.served.data();
    world.real.login("b2d9", &json!(["mfa"]), "urn:example:1");
    let sign_in = json!({ "wish": "sign_in" });
    assert_eq!(outcome(&world.through(&sign_in)), (401, json!("not_linked")));
    assert_eq!(run(&data, &["invite", "mori", "--role", "viewer"]).0, Some(0));
    let issuer = world.real.issuer.clone();
    let expect =
        |name: &str, subject: &str| run(&data, &["expect", name, "--issuer", &issuer, "--subject", subject]);
    assert_eq!(expect("nobody", "b2d9").0, Some(2));
    assert_eq!(expect("mori", "7f3c").0, Some(2), "of somebody else");
    assert_eq!(expect("aoki", "b2d9").0, Some(2), "here already");
    assert_eq!(expect("mori", "b2d9").0, Some(0));
    let came = world.through(&sign_in);
    assert_eq!(came.json()["session"]["name"], "mori");
    let (_, listed) = run(&data, &["list", "--lang", "ja"]);
    assert!(listed.contains("sub: b2d9") && listed.contains("認証手段：provider"), "{listed}");
    let (_, refused) = run(&data, &["expect", "mori", "--issuer", &issuer, "--subject", "x", "--lang", "ja"]);
    assert!(refused.contains("本人がサインインして"), "{refused}");
}

/// Doctor looks at the provider; when it is gone that is said, here and there.
fn gone(world: &mut World) {
    let config = world.folder().join("hinomi.toml");
    let doctor = || {
        let args = ["doctor", "--config", config.to_str().unwrap(), "--json"];
        let output = command(&args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let checks: Value = serde_json::from_str(&text).unwrap();
        let all = checks["checks"].as_array().unwrap().clone();
        all.into_iter().find(|check| check["check"] == "provider").unwrap()
    };
    assert_eq!(doctor()["state"], "ok");
    world.real.child.kill().unwrap();
    world.real.child.wait().unwrap();
    assert_eq!(doctor()["state"], "fail");
    let begun = world.send("/api/v1/session/provider", "", &json!({ "wish": "sign_in" }));
    // What is remembered of it is an hour old at most, so that the way there is still known.
    assert!(begun.status == 200 || begun.status == 503, "{}", begun.status);
    let passkey = world.send("/api/v1/session/passkey/options", "", &Value::Null);
    assert_eq!(passkey.status, 200, "others sign in here");
}

#[test]
fn people_come_through_a_real_provider_that_knows_a_secret() {
    everything(false);
}

#[test]
fn people_come_through_a_real_provider_that_checks_a_signature() {
    everything(true);
}

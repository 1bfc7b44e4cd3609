//! Senders of other makers, unmodified: rsyslog and syslog-ng, over requests, TCP and TLS.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Sender, Served, TOKEN, certificates, program};

const RSYSLOG: [&str; 1] = ["/usr/sbin/rsyslogd"];
/// Messages that are sent.
const MESSAGES: usize = 2_000;

/// rsyslog reading a file and delivering it as `actions` say.
pub(crate) struct Rsyslog {
    folder: TempDir,
}

impl Rsyslog {
    /// Prepares it, or says that the test is skipped.
    pub(crate) fn prepare(modules: &[&str], globals: &str, actions: &str) -> Option<Self> {
        program(&RSYSLOG)?;
        for module in modules {
            let found = [
                "/usr/lib/x86_64-linux-gnu/rsyslog",
                "/usr/lib/aarch64-linux-gnu/rsyslog",
                "/usr/lib/rsyslog",
            ];
            let files: Vec<String> = found.iter().map(|folder| format!("{folder}/{module}.so")).collect();
            program(&files.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        let folder = TempDir::new().unwrap();
        let work = folder.path().display();
        let text = format!(
            "global(workDirectory=\"{work}\"{globals})\nmodule(load=\"imfile\")\n\
             input(type=\"imfile\" File=\"{work}/in.log\" Tag=\"app:\")\n{actions}\n"
        );
        std::fs::write(folder.path().join("rsyslog.conf"), text).unwrap();
        Some(Self { folder })
    }

    /// The file that it reads.
    pub(crate) fn input(&self) -> PathBuf {
        self.folder.path().join("in.log")
    }

    pub(crate) fn start(&self) -> Sender {
        let file = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(RSYSLOG[0]);
        command.arg("-n").arg("-f").arg(file("rsyslog.conf")).arg("-i").arg(file("pid"));
        Sender::start(&mut command)
    }
}

/// An action that delivers documents to `_bulk`, and keeps on disk what it cannot deliver.
pub(crate) fn bulk_action(port: u16) -> String {
    format!(
        "module(load=\"omelasticsearch\")\n\
         template(name=\"doc\" type=\"list\") {{ constant(value=\"{{\\\"message\\\":\\\"\") \
         property(name=\"msg\" format=\"json\") constant(value=\"\\\"}}\") }}\n\
         action(type=\"omelasticsearch\" server=\"127.0.0.1\" serverport=\"{port}\" template=\"doc\" \
         searchIndex=\"logs\" searchType=\"\" bulkmode=\"on\" uid=\"any\" pwd=\"{TOKEN}\" \
         action.resumeRetryCount=\"-1\" action.resumeInterval=\"1\" \
         queue.type=\"LinkedList\" queue.filename=\"bulk\" queue.saveOnShutdown=\"on\")"
    )
}

fn messages() -> String {
    (0..MESSAGES).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "message number {n} \u{706b}\u{306e}\u{898b} \"quoted\"");
        text
    })
}

/// The numbers in records.
pub(crate) fn numbers(records: &[Vec<u8>]) -> Vec<usize> {
    let number = |record: &Vec<u8>| {
        let text = String::from_utf8_lossy(record);
        let rest = text.split("message number ").nth(1).unwrap_or_else(|| panic!("{text}")).to_owned();
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    records.iter().map(number).collect()
}

fn listen(name: &str, protocol: &str) -> String {
    format!("[[listen]]\nname = \"{name}\"\nat = \"127.0.0.1:0\"\nreceive = [\"{protocol}\"]\n")
}

fn everything_came(records: &[Vec<u8>]) {
    let numbers = numbers(records);
    assert_eq!(numbers.len(), MESSAGES, "each message once");
    assert_eq!(numbers.iter().copied().collect::<BTreeSet<_>>(), (0..MESSAGES).collect());
}

#[test]
fn rsyslog_delivers_documents_and_syslog() {
    let mut served = Served::start(&[listen("h", "http"), listen("n", "syslog-tcp")].concat());
    let (http, tcp) = (served.at("h", "http").port(), served.at("n", "syslog-tcp").port());
    let forward = |framing: &str, queue: &str| {
        format!(
            "\naction(type=\"omfwd\" target=\"127.0.0.1\" port=\"{tcp}\" protocol=\"tcp\" TCP_Framing=\"{framing}\" \
             template=\"RSYSLOG_SyslogProtocol23Format\" queue.type=\"LinkedList\" queue.filename=\"{queue}\")"
        )
    };
    let actions = [bulk_action(http), forward("octet-counted", "a"), forward("traditional", "b")].concat();
    let Some(rsyslog) = Rsyslog::prepare(&["imfile", "omelasticsearch"], "", &actions) else { return };
    std::fs::write(rsyslog.input(), messages()).unwrap();
    let running = rsyslog.start();
    served.await_figure("hinomi_events_total", "\"h\"", MESSAGES as u64);
    served.await_figure("hinomi_events_total", "\"n\"", 2 * MESSAGES as u64);
    drop(running);
    let records = served.records();
    everything_came(&records["h/bulk/tests@127.0.0.1"]);
    let document: serde_json::Value = serde_json::from_slice(&records["h/bulk/tests@127.0.0.1"][7]).unwrap();
    assert!(document["message"].as_str().unwrap().ends_with("\u{706b}\u{306e}\u{898b} \"quoted\""));
    // Both ways of framing end in the same messages, each twice. This template ends in a line feed, which is part of a
    // counted message and the end of any other.
    let mut syslog = records["n/tcp@127.0.0.1"].clone();
    let counted = syslog.iter_mut().filter_map(|line| line.pop_if(|last| *last == b'\n')).count();
    assert_eq!(counted, MESSAGES);
    assert!(syslog.iter().all(|line| line.starts_with(b"<133>1 ") && line.ends_with(b"\"quoted\"")));
    syslog.sort();
    let (once, twice): (Vec<_>, Vec<_>) =
        syslog.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).unzip();
    everything_came(&once);
    assert_eq!(once, twice);
}

fn tls_listener(folder: &Path) -> String {
    let tls = |name: &str| folder.join(name).display().to_string();
    let (certificate, key, clients) = (tls("server.pem"), tls("server.key"), tls("ca.pem"));
    format!(
        "{}by_address = false\ntls = {{ certificate = {certificate:?}, key = {key:?}, clients = {clients:?} }}\n",
        listen("s", "syslog-tls")
    )
}

#[test]
fn rsyslog_delivers_over_tls_with_its_certificate() {
    let folder = TempDir::new().unwrap();
    let Some(()) = certificates(folder.path()) else { return };
    let mut served = Served::start(&tls_listener(folder.path()));
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (ca, certificate, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let globals = format!(
        " defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"{ca}\" \
         defaultNetstreamDriverCertFile=\"{certificate}\" defaultNetstreamDriverKeyFile=\"{key}\""
    );
    let action = format!(
        "action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{}\" protocol=\"tcp\" TCP_Framing=\"octet-counted\" \
         StreamDriver=\"ossl\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/certvalid\")",
        served.at("s", "syslog-tls").port()
    );
    let Some(rsyslog) = Rsyslog::prepare(&["imfile", "lmnsd_ossl"], &globals, &action) else { return };
    std::fs::write(rsyslog.input(), messages()).unwrap();
    let running = rsyslog.start();
    served.await_figure("hinomi_events_total", "\"s\"", MESSAGES as u64);
    drop(running);
    let records = served.records();
    assert_eq!(records.keys().collect::<Vec<_>>(), ["s/tls/web01.example.jp"]);
    everything_came(&records["s/tls/web01.example.jp"]);
}

/// syslog-ng, from its package, or unpacked into the folder that `HINOMI_SYSLOG_NG` names: it cannot be installed beside
/// rsyslog.
fn syslog_ng() -> Option<Command> {
    let unpacked = std::env::var("HINOMI_SYSLOG_NG").unwrap_or_default();
    let found = program(&["/usr/sbin/syslog-ng", &format!("{unpacked}/usr/sbin/syslog-ng")])?;
    let mut command = Command::new(&found);
    if !unpacked.is_empty() && found.starts_with(&unpacked) {
        let modules = std::fs::read_dir(format!("{unpacked}/usr/lib/syslog-ng")).unwrap();
        let modules = modules.map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap();
        command.env("LD_LIBRARY_PATH", format!("{unpacked}/usr/lib/syslog-ng"));
        command.arg(format!("--module-path={}", modules.display()));
        // Unpacked, not installed: what it needs may be missing.
        let tried = Command::new(&found)
            .env("LD_LIBRARY_PATH", format!("{unpacked}/usr/lib/syslog-ng"))
            .arg("--version")
            .output()
            .unwrap();
        if !tried.status.success() {
            println!("SKIPPED: syslog-ng does not start: {}", String::from_utf8_lossy(&tried.stderr));
            return None;
        }
    }
    Some(command)
}

#[test]
fn syslog_ng_delivers_requests_and_syslog_over_tcp_and_tls() {
    let folder = TempDir::new().unwrap();
    let (Some(mut syslog_ng), Some(())) = (syslog_ng(), certificates(folder.path())) else { return };
    let mut served = Served::start(
        &[listen("h", "http"), listen("n", "syslog-tcp"), tls_listener(folder.path())].concat(),
    );
    let file = |name: &str| folder.path().join(name).display().to_string();
    let port = |name: &str, protocol: &str| served.at(name, protocol).port();
    let (http, tcp, tls) = (port("h", "http"), port("n", "syslog-tcp"), port("s", "syslog-tls"));
    let (input, ca, certificate, key) =
        (file("in.log"), file("ca.pem"), file("client.pem"), file("client.key"));
    let text = format!(
        "@version: 3.38\n\
         source s {{ file(\"{input}\" flags(no-parse)); }};\n\
         destination bulk {{ http(url(\"http://127.0.0.1:{http}/_bulk\") method(\"POST\") user(\"any\") \
             password(\"{TOKEN}\") headers(\"Content-Type: application/x-ndjson\") delimiter(\"\\n\") \
             body-suffix(\"\\n\") batch-lines(100) batch-timeout(200) \
             body('{{\"index\":{{}}}}\n$(format-json message=$MSG)')); }};\n\
         destination lines {{ network(\"127.0.0.1\" port({tcp}) transport(\"tcp\")); }};\n\
         destination counted {{ syslog(\"127.0.0.1\" port({tls}) transport(\"tls\") \
             tls(ca-file(\"{ca}\") cert-file(\"{certificate}\") key-file(\"{key}\"))); }};\n\
         log {{ source(s); destination(bulk); destination(lines); destination(counted); }};\n"
    );
    std::fs::write(file("syslog-ng.conf"), text).unwrap();
    std::fs::write(&input, messages()).unwrap();
    let own = [("-f", "syslog-ng.conf"), ("-R", "persist"), ("-c", "control"), ("-p", "pid")];
    syslog_ng.args(["-F", "--no-caps"]);
    for (option, name) in own {
        syslog_ng.arg(option).arg(file(name));
    }
    let running = Sender::start(&mut syslog_ng);
    for listener in ["\"h\"", "\"n\"", "\"s\""] {
        served.await_figure("hinomi_events_total", listener, MESSAGES as u64);
    }
    drop(running);
    let records = served.records();
    for source in ["h/bulk/tests@127.0.0.1", "n/tcp@127.0.0.1", "s/tls/web01.example.jp"] {
        everything_came(&records[source]);
    }
}

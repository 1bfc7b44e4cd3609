//! Alerts as people meet them: told by webhook, mail and syslog to programs of other makers, acknowledged, and never lost.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hinomi_ledger::{FileDisk, Places, Reader};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    PATIENCE, Sender, Served, certificates, command, free_port, program, send, write_configuration,
};

const SECRET: &str = "a secret of these tests, thirty-two bytes and more";
const LISTEN: &str = "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n";
/// Fires on one word in any event.
const RULE: &str = "title: A marker of tests\nid: 6f0a5f3c-53d5-4c1e-9d6b-0c1f2b7a9e11\nstatus: test\n\
    author: tests\nlevel: LEVEL\nlogsource:\n  product: windows\ndetection:\n  words:\n    - 'marker-LEVEL'\n  condition: words\n";

/// Waits until `what` gives something.
pub(crate) fn until<T>(name: &str, mut what: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "{name}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a helper noted, line by line.
fn seen(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("seen")).unwrap_or_default();
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A receiver of webhooks, in a folder of its own.
pub(crate) struct Webhook {
    folder: TempDir,
    port: u16,
    _running: Sender,
}

impl Webhook {
    pub(crate) fn start(mode: &str) -> Option<Self> {
        if Command::new("python3").arg("--version").output().is_err() {
            println!("SKIPPED: python3 is not installed");
            return None;
        }
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("webhook.py"), include_str!("webhook.py")).unwrap();
        std::fs::write(folder.path().join("mode"), mode).unwrap();
        let mut python = Command::new("python3");
        python.arg(folder.path().join("webhook.py")).arg(folder.path()).arg(SECRET);
        let running = Sender::start(&mut python);
        let port = until("the webhook listens", || std::fs::read_to_string(folder.path().join("port")).ok());
        Some(Self { folder, port: port.parse().unwrap(), _running: running })
    }

    fn mode(&self, mode: &str) {
        let next = self.folder.path().join("mode.new");
        std::fs::write(&next, mode).unwrap();
        std::fs::rename(next, self.folder.path().join("mode")).unwrap();
    }

    /// Messages that were answered as a mode says.
    pub(crate) fn seen(&self, mode: &str) -> Vec<Value> {
        seen(self.folder.path()).into_iter().filter(|one| one["mode"] == mode).collect()
    }

    fn await_seen(&self, mode: &str, at_least: usize) -> Vec<Value> {
        until("messages arrive", || Some(self.seen(mode)).filter(|all| all.len() >= at_least))
    }

    pub(crate) fn sink(&self, folder: &Path) -> String {
        std::fs::write(folder.join("secret"), format!("{SECRET}\n")).unwrap();
        let port = self.port;
        format!(
            "[[sink]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/in?key=geheim\"\n\
             secret_file = \"secret\"\n"
        )
    }
}

/// Everybody is told by one sink, and reminded after a minute.
pub(crate) fn policy(sink: &str) -> String {
    format!(
        "[alerts]\nzone = \"Asia/Tokyo\"\nroute = {{ critical = \"all\", high = \"all\" }}\n\
         [[policy]]\nname = \"all\"\nstep = [{{ tell = [\"sink:{sink}\"] }}]\nrepeat_minutes = 600\n"
    )
}

/// A folder with the two rules and a configuration.
pub(crate) fn prepared(sections: impl Fn(&Path) -> String) -> TempDir {
    let folder = TempDir::new().unwrap();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    for level in ["critical", "high"] {
        let id = if level == "high" { "0c1f2b7a9e12" } else { "0c1f2b7a9e11" };
        let rule = RULE.replace("LEVEL", level).replace("0c1f2b7a9e11", id);
        std::fs::write(rules.join(format!("{level}.yml")), rule).unwrap();
    }
    let rules = "[detection]\nrules = [\"rules\"]\n";
    write_configuration(folder.path(), &[rules, LISTEN, &sections(folder.path())].concat());
    folder
}

/// A server that looks after alerts.
fn at_work(folder: TempDir) -> Served {
    let served = Served::start_in(folder);
    let socket = served.data().join("alerts/socket");
    until("the socket is open", || socket.exists().then_some(()));
    served
}

/// Events of a host that hold a word.
pub(crate) fn events(served: &Served, host: &str, word: &str, count: usize) {
    let lines: String = (0..count)
        .map(|n| {
            format!(
                "{{\"@timestamp\":\"2026-11-22T21:00:{:02}Z\",\"Channel\":\"Security\",\"EventID\":4624,\"Computer\":\"{host}\",\
                 \"TargetUserName\":\"mika\",\"n\":{n},\"message\":\"{word}\"}}\n",
                n % 60
            )
        })
        .collect();
    assert_eq!(send(served.at("h", "http"), "/ndjson", &[], lines.as_bytes()).status, 200);
}

fn hinomi(served: &Served, args: &[&str]) -> (Option<i32>, String) {
    let data = served.data();
    let done = command(&[args, &["--data", data.to_str().unwrap()]].concat()).output().unwrap();
    let text = [String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap()].concat();
    (done.status.code(), text)
}

fn body(message: &Value) -> Value {
    serde_json::from_str(message["body"].as_str().unwrap()).unwrap()
}

/// Steps of alerts in the decision ledger.
fn recorded(data: &Path) -> Vec<Value> {
    let reader = Reader::open(Arc::new(FileDisk), Places::in_data_dir(data, "decisions"), true).unwrap();
    let blocks = reader.blocks(0, reader.size()).map(Result::unwrap);
    let alerts = blocks.filter(|block| block.block.scope.source == "alerts");
    alerts.flat_map(|b| b.records).map(|r| serde_json::from_slice(&r.bytes).unwrap()).collect()
}

#[test]
fn many_detections_are_one_signed_message_and_one_acknowledgement() {
    let Some(hook) = Webhook::start("200") else { return };
    let folder = prepared(|folder| hook.sink(folder) + &policy("hook"));
    let mut served = at_work(folder);
    events(&served, "ws5", "marker-critical", 400);
    let first = hook.await_seen("200", 1).remove(0);
    assert_eq!(first["signed"], true);
    let told = body(&first);
    assert_eq!((&told["purpose"], &told["alerts"][0]["level"]), (&"alert".into(), &"critical".into()));
    assert_eq!((&told["alerts"][0]["host"], &told["alerts"][0]["id"]), (&"ws5".into(), &"A1".into()));
    let evidence = told["alerts"][0]["evidence"][0].as_str().unwrap();
    assert!(evidence.starts_with("log:"), "{evidence}");
    assert!(told["text"].as_str().unwrap().contains("2026-11-23 06:00:00 +09:00 (Asia/Tokyo)"), "{told}");
    // All are counted, by the one alert.
    until("all are counted", || {
        let (code, text) = hinomi(&served, &["alert", "list", "--json"]);
        assert_eq!(code, Some(1), "something is open: {text}");
        let all: Value = serde_json::from_str(&text).unwrap();
        (all[0]["count"] == 400).then_some(())
    });
    events(&served, "ws6", "marker-high", 1);
    hook.await_seen("200", 2);
    assert_eq!(served.figure("hinomi_alerts_open", ""), 2);
    assert_eq!(served.figure("hinomi_alert_sent_total", "hook"), 2);
    let (code, said) = hinomi(&served, &["alert", "ack", "A1", "a2", "--by", "青木", "--note", "planned"]);
    assert_eq!((code, said.as_str()), (Some(0), "A1: acknowledged\nA2: acknowledged\n"));
    let (code, said) = hinomi(&served, &["alert", "ack", "A1", "--by", "mori"]);
    assert!(code == Some(0) && said.contains("青木 acknowledged it at"), "{said}");
    assert_eq!(hinomi(&served, &["alert", "ack", "A9", "--by", "mori"]).0, Some(3));
    assert_eq!(hinomi(&served, &["alert", "ack", "A1", "--by", ""]).0, Some(2));
    assert_eq!(hinomi(&served, &["alert", "list"]), (Some(0), "nothing is open\n".to_owned()));
    let (_, shown) = hinomi(&served, &["alert", "show", "A1", "--lang", "ja"]);
    assert!(shown.contains("青木 が確認しました") && shown.contains("400 回"), "{shown}");
    until("steps are recorded", || (served.figure("hinomi_alert_steps_unrecorded", "") == 0).then_some(()));
    served.kill();
    served.restart();
    let (_, text) = hinomi(&served, &["alert", "list", "--all", "--json"]);
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&all[0]["state"]["by"], &all[1]["id"]), (&"青木".into(), &2.into()));
    assert_eq!(served.terminate(), Some(0));
    assert_eq!(hook.seen("200").len(), 2, "nothing is told twice");
    let steps = recorded(&served.data());
    let numbers: Vec<u64> = steps.iter().map(|step| step["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..steps.len() as u64).collect::<Vec<_>>());
    for expected in ["made", "climbed", "queued", "sent", "acknowledged"] {
        assert!(steps.iter().any(|step| step["step"] == expected), "{expected}: {steps:?}");
    }
    // What is lost on disk is in the decision ledger.
    for file in ["state", "steps"] {
        std::fs::remove_file(served.data().join("alerts").join(file)).unwrap();
    }
    served.restart();
    until("the alerts are there again", || {
        let again: Value =
            serde_json::from_str(&hinomi(&served, &["alert", "list", "--all", "--json"]).1).ok()?;
        (again == all).then_some(())
    });
    events(&served, "ws7", "marker-critical", 1);
    assert_eq!(body(&hook.await_seen("200", 3)[2])["alerts"][0]["id"], "A3");
}

#[test]
fn what_was_not_told_when_the_server_was_killed_is_told_under_its_old_id() {
    let Some(hook) = Webhook::start("503") else { return };
    let folder = prepared(|folder| hook.sink(folder) + &policy("hook"));
    let mut served = at_work(folder);
    for host in ["a", "b", "c"] {
        events(&served, host, "marker-critical", 1);
    }
    until("three alerts are there", || (served.figure("hinomi_alerts_open", "critical") == 3).then_some(()));
    hook.await_seen("503", 1);
    served.await_figure("hinomi_alert_oldest_unsent_seconds", "", 1);
    assert_eq!(served.admin("/readyz").0, 200, "receiving does not depend on sinks");
    served.kill();
    hook.mode("200");
    served.restart();
    let arrived = hook.await_seen("200", 3);
    let id = |message: &Value| message["id"].as_str().unwrap().to_owned();
    let ids: std::collections::BTreeSet<String> = arrived.iter().map(id).collect();
    assert_eq!(ids.len(), 3, "three messages, each once: {ids:?}");
    for failed in hook.seen("503") {
        assert!(ids.contains(&id(&failed)), "a message keeps its id");
        assert!(arrived.iter().any(|a| id(a) == id(&failed) && body(a)["alerts"] == body(&failed)["alerts"]));
    }
    until("nothing is on its way", || {
        (served.figure("hinomi_alert_messages_on_their_way", "") == 0).then_some(())
    });
}

#[test]
fn hostile_webhooks_get_nothing_and_learn_nothing() {
    let Some(hook) = Webhook::start("redirect") else { return };
    let folder = prepared(|folder| hook.sink(folder) + &policy("hook"));
    let served = at_work(folder);
    for (mode, said) in
        [("redirect", "it answered 302"), ("endless", "longer than allowed"), ("404", "it answered 404")]
    {
        hook.mode(mode);
        let (code, text) = hinomi(&served, &["alert", "test", "hook"]);
        assert_eq!(code, Some(4), "{text}");
        assert!(text.contains(said) && !text.contains("geheim"), "{text}");
    }
    hook.mode("200");
    let (code, text) = hinomi(&served, &["alert", "test", "hook", "--by", "青木"]);
    assert_eq!((code, text.as_str()), (Some(0), "hook: the test message was taken\n"));
    let all = seen(hook.folder.path());
    assert!(all.iter().all(|one| one["path"] == "/in?key=geheim"), "a redirection was followed");
    let message = body(all.last().unwrap());
    assert_eq!(message["purpose"], "test");
    assert!(message["text"].as_str().unwrap().contains("青木"));
    assert_eq!(hinomi(&served, &["alert", "test", "nothing"]).0, Some(2));
}

#[test]
fn who_is_told_and_what_sources_promise_are_read_again_and_what_makes_no_sense_changes_nothing() {
    let (Some(first), Some(second)) = (Webhook::start("200"), Webhook::start("200")) else { return };
    let folder = prepared(|folder| first.sink(folder) + &policy("hook"));
    let mut served = at_work(folder);
    let config = served.folder.path().join("hinomi.toml");
    let before = std::fs::read_to_string(&config).unwrap();
    // One that is not there is no sink, and neither are promises of anybody.
    let broken = before.replace("secret_file = \"secret\"", "secret_file = \"gone\"");
    std::fs::write(&config, broken).unwrap();
    let said = served.read_again("everything stays as it was");
    assert!(said["why"].as_str().unwrap().contains("gone"), "{said}");
    let other = before.replace(&first.port.to_string(), &second.port.to_string());
    std::fs::write(&config, &other).unwrap();
    let sources = served.data().join("sources.yaml");
    std::fs::write(&sources, "schema_version: 1\nsources: { x: { heard_every: 5m } }\n").unwrap();
    let said = served.read_again("everything stays as it was");
    assert!(said["why"].as_str().unwrap().contains("owner"), "{said}");
    events(&served, "ws1", "marker-critical", 1);
    assert_eq!(body(&first.await_seen("200", 1)[0])["alerts"][0]["host"], "ws1");
    // Now it makes sense: the other one is told, in another zone, with the alerts that there are.
    let other = other
        .replace("Asia/Tokyo", "Europe/Berlin")
        .replace("[detection]", "[limits]\nsources = 9\n[detection]");
    std::fs::write(&config, &other).unwrap();
    std::fs::write(&sources, "schema_version: 1\nsources: { x: { owner: a, heard_every: 5m } }\n").unwrap();
    let said = served.read_again("configuration, tokens and certificates were read again");
    assert_eq!(said["changed"], "[alerts], sink hook, promises of 1 sources", "{said}");
    assert_eq!(said["waits_for_the_next_start"], "[limits]");
    events(&served, "ws2", "marker-critical", 1);
    let told = body(&second.await_seen("200", 1)[0]);
    assert_eq!((&told["alerts"][0]["host"], &told["alerts"][0]["id"]), (&"ws2".into(), &"A2".into()));
    assert!(told["text"].as_str().unwrap().contains("(Europe/Berlin)"), "{told}");
    let (_, listed) = hinomi(&served, &["alert", "list", "--lang", "ja"]);
    assert_eq!(listed.matches(" +01:00  ").count(), 2, "{listed}");
    let said = served.read_again("configuration, tokens and certificates were read again");
    assert!(said["changed"].is_null(), "nothing changed: {said}");
    assert_eq!((first.seen("200").len(), second.seen("200").len()), (1, 1));
    assert_eq!(served.terminate(), Some(0));
}

#[test]
fn signs_of_life_come() {
    let Some(hook) = Webhook::start("200") else { return };
    let folder = prepared(|folder| {
        std::fs::write(folder.join("beat"), format!("http://127.0.0.1:{}/alive\n", hook.port)).unwrap();
        let beat = "[[heartbeat]]\nname = \"outside\"\nurl_file = \"beat\"\nevery_minutes = 1\n";
        [&hook.sink(folder), &policy("hook"), beat].concat()
    });
    let _served = at_work(folder);
    let first = hook.await_seen("200", 1).remove(0);
    assert_eq!((&first["path"], &first["body"]), (&"/alive".into(), &"alive\n".into()));
}

#[test]
fn what_the_ledger_finds_out_about_a_source_is_told() {
    let Some(hook) = Webhook::start("200") else { return };
    let folder = prepared(|folder| hook.sink(folder) + &policy("hook"));
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let promised =
        "schema_version: 1\nsources:\n  h/ndjson/tests@127.0.0.1:\n    owner: tests\n    heard_every: 1s\n";
    std::fs::write(data.join("sources.yaml"), promised).unwrap();
    let mut served = at_work(folder);
    events(&served, "ws5", "nothing", 12);
    assert_eq!(served.terminate(), Some(0));
    // Silence is found when the clock of the ledger ticks: every minute, and when it is opened.
    std::thread::sleep(Duration::from_millis(1_500));
    served.restart();
    let told = body(&hook.await_seen("200", 1).remove(0));
    let alert = &told["alerts"][0];
    assert_eq!((&alert["kind"], &alert["rule"]), (&"source".into(), &"source-silent".into()), "{told}");
    assert_eq!(alert["host"], "h/ndjson/tests@127.0.0.1");
    assert!(told["text"].as_str().unwrap().contains("hinomi ledger sources --data"), "{told}");
}

/// A mail server, or `None` after saying that the test is skipped.
fn mail_server(folder: &Path, tls: &str, port: u16) -> Option<Sender> {
    let Some(python) = std::env::var_os("HINOMI_SMTP_PYTHON") else {
        println!("SKIPPED: HINOMI_SMTP_PYTHON names no python with aiosmtpd");
        return None;
    };
    certificates(folder)?;
    let script = folder.join("smtp.py");
    std::fs::write(&script, include_str!("smtp.py")).unwrap();
    let mut command = Command::new(python);
    let running = Sender::start(command.arg(script).arg(folder).arg(tls).arg(port.to_string()));
    until("the mail server listens", || folder.join("started").is_file().then_some(()));
    Some(running)
}

fn mail_sink(folder: &Path, files: &Path, tls: &str, port: u16, to: &str) -> String {
    std::fs::write(folder.join("password"), "合言葉\n").unwrap();
    let ca = files.join("ca.pem");
    format!(
        "[[sink]]\nname = \"mail\"\nkind = \"mail\"\nserver = \"localhost:{port}\"\ntls = \"{tls}\"\n\
         user = \"hinomi\"\npassword_file = \"password\"\nfrom = \"hinomi@example.jp\"\nto = [{to}]\n\
         language = \"ja\"\nca = \"{}\"\n",
        ca.display()
    )
}

#[test]
fn mail_arrives_in_japanese_over_tls() {
    for tls in ["starttls", "implicit"] {
        let (files, port) = (TempDir::new().unwrap(), free_port());
        let Some(_running) = mail_server(files.path(), tls, port) else { return };
        let to = "\"soc@example.jp\", \"nobody@example.jp\", \"aoki@example.jp\"";
        let folder = prepared(|folder| mail_sink(folder, files.path(), tls, port, to) + &policy("mail"));
        let served = at_work(folder);
        events(&served, "受付5", "marker-critical", 1);
        let taken =
            until("mail arrives", || seen(files.path()).into_iter().find(|m| m["subject"].is_string()));
        let subject = taken["subject"].as_str().unwrap();
        assert!(subject.contains("【緊急】A1 A marker of tests(受付5)"), "{subject}");
        let text = taken["text"].as_str().unwrap();
        assert!(
            text.contains("使われた認証情報: mika(誰が使ったかは不明)")
                && text.contains("hinomi alert ack A1"),
            "{text}"
        );
        assert_eq!(
            (&taken["to"], &taken["tls"]),
            (&serde_json::json!(["soc@example.jp", "aoki@example.jp"]), &true.into())
        );
        assert!(
            taken["longest"].as_u64().unwrap() <= 76 + 20 && taken["defects"] == serde_json::json!([]),
            "{taken}"
        );
        let login = seen(files.path()).into_iter().find(|m| m["login"].is_string()).unwrap();
        let method = if tls == "implicit" { "LOGIN" } else { "PLAIN" };
        assert_eq!((&login["login"], &login["known"]), (&method.into(), &true.into()));
    }
}

#[test]
fn mail_that_is_refused_for_good_is_given_up_and_what_may_come_again_does() {
    let (files, port) = (TempDir::new().unwrap(), free_port());
    let Some(_running) = mail_server(files.path(), "starttls", port) else { return };
    let folder = prepared(|folder| {
        let refused = mail_sink(folder, files.path(), "starttls", port, "\"nobody@example.jp\"");
        let busy = mail_sink(folder, files.path(), "starttls", port, "\"busy@example.jp\"");
        let [refused, busy] = [
            refused.replace("\"mail\"\nkind", "\"refused\"\nkind"),
            busy.replace("\"mail\"\nkind", "\"busy\"\nkind"),
        ];
        let policy = policy("refused").replace("[\"sink:refused\"]", "[\"sink:refused\", \"sink:busy\"]");
        [refused, busy, policy].concat()
    });
    let served = at_work(folder);
    events(&served, "ws5", "marker-critical", 1);
    served.await_figure("hinomi_alert_given_up_total", "refused", 1);
    served.await_figure("hinomi_alert_failed_total", "busy", 1);
    std::fs::write(files.path().join("free"), "").unwrap();
    served.await_figure("hinomi_alert_sent_total", "busy", 1);
    assert_eq!(served.figure("hinomi_alert_sent_total", "refused"), 0);
}

#[test]
fn certificates_of_mail_servers_are_checked() {
    let (files, port) = (TempDir::new().unwrap(), free_port());
    let Some(_running) = mail_server(files.path(), "starttls", port) else { return };
    let other = TempDir::new().unwrap();
    certificates(other.path()).unwrap();
    let folder = prepared(|folder| {
        mail_sink(folder, other.path(), "starttls", port, "\"soc@example.jp\"") + &policy("mail")
    });
    let served = at_work(folder);
    let (code, text) = hinomi(&served, &["alert", "test", "mail"]);
    assert!(code == Some(4) && text.contains("certificate"), "{text}");
    assert!(!seen(files.path()).iter().any(|one| one["login"].is_string()), "no password was sent");
}

/// rsyslog as a collector, writing what it reads into a file.
fn collector(folder: &Path, input: &str) -> Option<Sender> {
    program(&["/usr/sbin/rsyslogd"])?;
    let (work, out) = (folder.display(), folder.join("out").display().to_string());
    let text = format!(
        "global(workDirectory=\"{work}\" maxMessageSize=\"64k\")\n{input}\n\
         template(name=\"read\" type=\"string\" string=\"%pri% %app-name% %msgid% %hostname% %msg%\\n\")\n\
         action(type=\"omfile\" file=\"{out}\" template=\"read\")\n"
    );
    std::fs::write(folder.join("rsyslog.conf"), text).unwrap();
    let mut command = Command::new("/usr/sbin/rsyslogd");
    command.arg("-n").arg("-f").arg(folder.join("rsyslog.conf")).arg("-i").arg(folder.join("pid"));
    command.stdin(Stdio::null());
    Some(Sender::start(&mut command))
}

fn collector_input(transport: &str, port: u16, files: &Path) -> String {
    match transport {
        "udp" => {
            format!("module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")")
        }
        "tcp" => {
            format!("module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")")
        }
        _ => {
            let file = |name: &str| files.join(name).display().to_string();
            format!(
                "global(DefaultNetstreamDriver=\"ossl\" DefaultNetstreamDriverCAFile=\"{}\" \
                 DefaultNetstreamDriverCertFile=\"{}\" DefaultNetstreamDriverKeyFile=\"{}\")\n\
                 module(load=\"imtcp\" StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\" \
                 StreamDriver.AuthMode=\"anon\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")",
                file("ca.pem"),
                file("server.pem"),
                file("server.key")
            )
        }
    }
}

#[test]
fn a_collector_reads_alerts_over_udp_tcp_and_tls() {
    for transport in ["udp", "tcp", "tls"] {
        let (files, port) = (TempDir::new().unwrap(), free_port());
        if transport == "tls" && certificates(files.path()).is_none() {
            return;
        }
        let input = collector_input(transport, port, files.path());
        let Some(_running) = collector(files.path(), &input) else { return };
        let folder = prepared(|_| {
            let ca = files.path().join("ca.pem").display().to_string();
            let ca = if transport == "tls" { format!("ca = \"{ca}\"\n") } else { String::new() };
            let sink = format!(
                "[[sink]]\nname = \"siem\"\nkind = \"syslog\"\nserver = \"127.0.0.1:{port}\"\ntransport = \"{transport}\"\n"
            );
            [sink, ca, policy("siem")].concat()
        });
        let served = at_work(folder);
        let out: PathBuf = files.path().join("out");
        // A datagram to a collector that has not begun is lost, so that tests are sent until one arrives.
        let line = until("the collector reads", || {
            let _ = hinomi(&served, &["alert", "test", "siem"]);
            let text = std::fs::read_to_string(&out).unwrap_or_default();
            text.lines().find(|line| line.contains("\"purpose\":\"test\"")).map(str::to_owned)
        });
        assert!(line.starts_with("38 hinomi test "), "facility auth, severity informational: {line}");
        events(&served, "ws5", "marker-critical", 1);
        let line = until("the alert is read", || {
            let text = std::fs::read_to_string(&out).unwrap_or_default();
            text.lines().find(|line| line.contains("\"purpose\":\"alert\"")).map(str::to_owned)
        });
        assert!(line.starts_with("34 hinomi alert "), "{line}");
        let json = &line[line.find('{').unwrap()..];
        let fields: Value = serde_json::from_str(json).unwrap();
        assert_eq!(fields["alerts"][0]["host"], "ws5");
    }
}

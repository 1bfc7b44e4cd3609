//! Sources that fall silent in five ways, each with a benign twin: real senders, each in a network namespace of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Served, command, free_port, program, write_arguments, write_configuration};

const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];
/// Time between two lines of a sender.
const BEAT: Duration = Duration::from_millis(100);
const WATCHED: &str = "--learn 5s --silent-after 5s";

fn run(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn must(line: &str) {
    assert!(run(line), "{line}");
}

/// A host: a namespace with one link to this machine, and rsyslog in it, which sends over UDP what two programs log.
struct Host {
    name: String,
    link: String,
    address: String,
    folder: TempDir,
    agent: Option<Child>,
    programs: Vec<JoinHandle<()>>,
    off: Arc<AtomicBool>,
}

impl Host {
    /// `None` where namespaces cannot be made.
    fn new(number: u32, port: u16) -> Option<Self> {
        let id = std::process::id();
        let (name, link) = (format!("hl{id}n{number}"), format!("hl{}v{number}", id % 100_000));
        if !run(&format!("ip netns add {name}")) {
            return None;
        }
        let folder = TempDir::new().unwrap();
        let net = format!("10.{}.{number}", 20 + id % 200);
        let address = format!("{net}.2");
        let off = Arc::default();
        let host = Self { name, link, address, folder, agent: None, programs: Vec::new(), off };
        let (name, link) = (&host.name, &host.link);
        must(&format!("ip link add {link} type veth peer name eth0 netns {name}"));
        must(&format!("ip addr add {net}.1/30 dev {link}"));
        must(&format!("ip link set {link} up"));
        must(&format!("ip -n {name} addr add {net}.2/30 dev eth0"));
        must(&format!("ip -n {name} link set eth0 up"));
        host.configure(port, "*.*");
        std::fs::write(host.file("clock"), "+0").unwrap();
        Some(host)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn source(&self) -> String {
        format!("net/udp@{}", self.address)
    }

    /// `level` is a selector of what is sent.
    fn configure(&self, port: u16, level: &str) {
        let work = self.folder.path().display();
        let (net, name) = (self.address.rsplit_once('.').unwrap().0, &self.name);
        let input = |severity: &str| {
            format!(
                "input(type=\"imfile\" File=\"{work}/{severity}.log\" Tag=\"app:\" Severity=\"{severity}\")\n"
            )
        };
        let text = format!(
            "global(workDirectory=\"{work}\" localHostname=\"{name}\")\nmodule(load=\"imfile\")\n{}{}\
             {level} action(type=\"omfwd\" target=\"{net}.1\" port=\"{port}\" protocol=\"udp\" \
             template=\"RSYSLOG_SyslogProtocol23Format\")\n",
            input("info"),
            input("warning")
        );
        std::fs::write(self.file("rsyslog.conf"), text).unwrap();
    }

    fn start_agent(&mut self, zone: &str) {
        let mut agent = Command::new("ip");
        agent
            .args(["netns", "exec", &self.name, "/usr/sbin/rsyslogd", "-n", "-f"])
            .arg(self.file("rsyslog.conf"));
        agent.arg("-i").arg(self.file("pid")).env("TZ", zone);
        if let Some(library) = FAKETIME.iter().find(|path| Path::new(path).is_file()) {
            agent.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", self.file("clock"));
            agent.env("FAKETIME_NO_CACHE", "1").env("DONT_FAKE_MONOTONIC", "1");
        }
        let agent = agent.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.agent = Some(agent);
    }

    fn kill_agent(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().unwrap();
            agent.wait().unwrap();
        }
    }

    /// Two programs that log, one at level info and one at warning; `text` is what they say, and when they do.
    fn start_programs(&mut self, text: &str, talks: fn(Duration) -> bool) {
        for severity in ["info", "warning"] {
            let (path, off, text) =
                (self.file(&format!("{severity}.log")), self.off.clone(), text.to_owned());
            let mut file = std::fs::File::create(path).unwrap();
            let since = Instant::now();
            self.programs.push(std::thread::spawn(move || {
                while !off.load(Ordering::Relaxed) {
                    if talks(since.elapsed()) {
                        writeln!(file, "{text} {}", since.elapsed().as_millis()).unwrap();
                    }
                    std::thread::sleep(BEAT);
                }
            }));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.off.store(true, Ordering::Relaxed);
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        let _ = run(&format!("ip link del {}", self.link));
        let _ = run(&format!("ip netns del {}", self.name));
    }
}

fn always(_: Duration) -> bool {
    true
}

/// Two seconds of every four.
fn now_and_then(passed: Duration) -> bool {
    passed.as_secs() % 4 < 2
}

fn state(served: &Served, source: &str) -> Option<String> {
    let text = served.admin("/metrics").1;
    let of = format!("hinomi_source_health{{source=\"{source}\",state=\"");
    let line = text.lines().find(|line| line.starts_with(&of) && line.ends_with(" 1"))?;
    Some(line[of.len()..].split('"').next().unwrap().to_owned())
}

fn await_state(served: &Served, source: &str, expected: &str) {
    let since = Instant::now();
    while state(served, source).as_deref() != Some(expected) {
        let now = state(served, source);
        assert!(since.elapsed() < crate::support::PATIENCE, "{source} is {now:?}, not {expected}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What was said about a source, but that it was heard for the first time.
fn about<'a>(said: &'a [Value], source: &str) -> Vec<&'a str> {
    let of = said.iter().filter(|line| line["message"] == "about a source" && line["source"] == source);
    of.map(|line| line["text"].as_str().unwrap())
        .filter(|text| !text.starts_with("heard for the first"))
        .collect()
}

/// Nine hosts, or `None` after saying why not.
fn hosts(port: u16) -> Option<Vec<Host>> {
    program(&["/usr/sbin/rsyslogd"])?;
    program(&["/usr/sbin/nft"])?;
    program(&FAKETIME)?;
    let hosts: Option<Vec<Host>> = (0..9).map(|number| Host::new(number, port)).collect();
    if hosts.is_none() {
        println!("SKIPPED: network namespaces cannot be made here");
    }
    hosts
}

fn serve_at(port: u16, data: &str) -> Served {
    let folder = TempDir::new().unwrap();
    let listen = format!(
        "[[listen]]\nname = \"net\"\nat = \"0.0.0.0:{port}\"\nreceive = [\"syslog-udp\"]\nplain = true\n"
    );
    write_configuration(folder.path(), &listen);
    write_arguments(folder.path(), WATCHED);
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/sources.yaml"), data).unwrap();
    Served::start_in(folder)
}

fn planned(source: &str) -> String {
    let now = jiff::Timestamp::now();
    let (from, to) = (now - Duration::from_mins(1), now + Duration::from_mins(10));
    format!(
        "schema_version: 1\nsources: {{}}\nplanned:\n  - {{sources: ['{source}'], from: '{from}', to: '{to}', \
         owner: network team, reason: firmware}}\n"
    )
}

#[test]
fn sources_silenced_in_five_ways_are_named_and_their_twins_are_not() {
    let port = free_port();
    let Some(mut hosts) = hosts(port) else { return };
    let mut served = serve_at(port, "schema_version: 1\nsources: {}\n");
    let names: Vec<String> = hosts.iter().map(Host::source).collect();
    let [killed, off, filtered, set, lowered, stopped, restarted, zoned, network] = &names[..] else {
        panic!()
    };
    let seen = format!("flow {} to {}", hosts[0].address, hosts[2].address);
    for (number, host) in hosts.iter_mut().enumerate() {
        let text = if number == 8 { &seen } else { "something happened" };
        host.start_programs(text, if number == 7 { now_and_then } else { always });
        host.start_agent("UTC");
    }
    names.iter().for_each(|name| await_state(&served, name, "usual"));
    // Kinds and times are learnt later than the rhythm.
    let beats = |name: &String| if name == zoned { 90 } else { 180 };
    names.iter().for_each(|name| served.await_figure("hinomi_source_events_total", name, beats(name)));
    // The plan is made while the server runs.
    std::fs::write(served.data().join("sources.yaml"), planned(stopped)).unwrap();
    await_state(&served, stopped, "planned");
    let begun = Instant::now();
    hosts[0].kill_agent();
    must(&format!("ip -n {} link set eth0 down", hosts[1].name));
    must(&format!("ip netns exec {} nft add table inet f", hosts[2].name));
    must(&format!(
        "ip netns exec {} nft add chain inet f out {{ type filter hook output priority 0 ; policy drop ; }}",
        hosts[2].name
    ));
    std::fs::write(hosts[3].file("clock"), "-7200").unwrap();
    hosts[4].kill_agent();
    hosts[4].configure(port, "*.warning");
    hosts[4].start_agent("UTC");
    hosts[5].kill_agent();
    hosts[6].kill_agent();
    hosts[6].start_agent("UTC");
    // Its times change by hours on paper and not at all in truth, as in spring and autumn.
    hosts[7].kill_agent();
    hosts[7].start_agent("Asia/Tokyo");
    let bad = [killed, off, filtered, set, lowered];
    let said = served.said_until(|said| bad.iter().all(|name| !about(said, name).is_empty()));
    println!("all five named {:.1} s after they began", begun.elapsed().as_secs_f64());
    for (name, expected) in [
        (killed, "still saw the host"),
        (off, "Nobody else here saw the host"),
        (filtered, "still saw the host"),
        (set, "+2 h from their receipt"),
        (lowered, "syslog local0.info"),
    ] {
        let texts = about(said, name);
        assert!(texts[0].contains(expected) || texts[0].contains("7200"), "{name}: {texts:?}");
    }
    // The twins have had as long as the others, and now three seconds more.
    let before = served.figure("hinomi_source_events_total", network);
    served.await_figure("hinomi_source_events_total", network, before + 60);
    let said = served.said_until(|_| true);
    for name in [stopped, restarted, zoned, network] {
        assert_eq!(about(said, name), Vec::<&str>::new(), "{name}");
    }
    assert_eq!(state(&served, stopped).as_deref(), Some("planned"));
    assert_eq!(state(&served, killed).as_deref(), Some("silent"));
    drop(hosts);
    the_table_and_the_log_say_the_same(&mut served, killed, stopped);
}

/// What was named is in the log, with a reference, and in both languages.
fn the_table_and_the_log_say_the_same(served: &mut Served, killed: &str, stopped: &str) {
    assert_eq!(served.terminate(), Some(0));
    let data = served.data();
    let asked = |more: &[&str]| {
        let args = [&["ledger", "sources", "--data", data.to_str().unwrap()], more].concat();
        let output = command(&args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&asked(&["--json"])).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let quiet = findings.iter().find(|f| f["source"] == killed && f["what"]["finding"] == "quiet").unwrap();
    assert!(quiet["reference"].as_str().unwrap().starts_with("log:"), "{quiet}");
    let of = |name: &str| {
        json["sources"].as_array().unwrap().iter().find(|s| s["source"] == name).unwrap().clone()
    };
    assert_eq!(of(killed)["health"]["state"], "silent");
    assert_eq!(of(stopped)["health"]["planned"]["owner"], "network team");
    assert!(asked(&["--lang", "en"]).contains("SILENT"));
    assert!(asked(&["--lang", "ja"]).contains("途絶"));
    let verified = command(&["verify", "ledger", "--data", data.to_str().unwrap()]).output().unwrap();
    // Nobody outside vouches for it: 3, and not 4.
    assert_eq!(verified.status.code(), Some(3), "{verified:?}");
}

#[test]
fn without_the_watcher_nothing_is_named() {
    let folder = TempDir::new().unwrap();
    let listen = "[[listen]]\nname = \"net\"\nat = \"127.0.0.1:0\"\nreceive = [\"syslog-tcp\"]\n";
    write_configuration(folder.path(), listen);
    write_arguments(folder.path(), &format!("{WATCHED} --no-health"));
    let mut served = Served::start_in(folder);
    let mut stream = std::net::TcpStream::connect(served.at("net", "syslog-tcp")).unwrap();
    let mut talk = |lines: u32| {
        for line in 0..lines {
            writeln!(stream, "<14>1 2026-11-22T00:00:00Z h a - - - {line}").unwrap();
            std::thread::sleep(BEAT);
        }
    };
    talk(80);
    served.await_figure("hinomi_events_total", "net", 80);
    // Longer than it takes to be named with the watcher.
    std::thread::sleep(Duration::from_secs(7));
    let said = served.said_until(|_| true);
    assert_eq!(about(said, "net/tcp@127.0.0.1"), Vec::<&str>::new());
    assert_eq!(state(&served, "net/tcp@127.0.0.1"), None);
}

//! Vault and witness as they are meant to run: other user, other root directory, other network namespace than the
//! primary; and root on the primary takes a day back.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hinomi_ledger::{
    Creation, FileDisk, Ledger, Options, Places, Record, Surroundings, SystemClock, SystemEntropy,
    VaultRecipient,
};
use serde_json::Value;

const HOUR: u64 = 3_600_000_000_000;
const VAULT_USER: u32 = 40_001;
const WITNESS_USER: u32 = 40_002;

fn run(words: &[&str]) -> Option<String> {
    let output = Command::new(words[0]).args(&words[1..]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Some(text);
    }
    eprintln!("{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    None
}

/// Network namespaces with a link between them, removed at the end.
struct Networks(Vec<String>);

impl Networks {
    fn new() -> Option<Self> {
        let id = std::process::id();
        let networks = Self(["p", "v", "w"].iter().map(|n| format!("hn{n}{id}")).collect());
        for name in &networks.0 {
            run(&["ip", "netns", "add", name])?;
            run(&["ip", "-n", name, "link", "set", "lo", "up"])?;
        }
        networks.link(0, 1, "10.213.77")?;
        networks.link(1, 2, "10.213.78")?;
        Some(networks)
    }

    fn link(&self, one: usize, other: usize, net: &str) -> Option<()> {
        let (a, b) = (&self.0[one], &self.0[other]);
        let (near, far) = (format!("l{one}{other}a"), format!("l{one}{other}b"));
        run(&["ip", "-n", a, "link", "add", &near, "type", "veth", "peer", "name", &far, "netns", b])?;
        for (space, device, host) in [(a, &near, 1), (b, &far, 2)] {
            run(&["ip", "-n", space, "addr", "add", &format!("{net}.{host}/24"), "dev", device])?;
            run(&["ip", "-n", space, "link", "set", device, "up"])?;
        }
        Some(())
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
        }
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A root directory with nothing in it but the program, what it is linked with, and a home that `user` owns.
fn jail(folder: &Path, user: u32) -> PathBuf {
    let root = folder.join(format!("root-{user}"));
    let program = env!("CARGO_BIN_EXE_hinomi");
    let linked = run(&["ldd", program]).unwrap();
    let libraries = linked.split_whitespace().filter(|w| w.starts_with('/'));
    for library in libraries {
        let to = root.join(library.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(library, to).unwrap();
    }
    std::fs::copy(program, root.join("hinomi")).unwrap();
    std::fs::create_dir_all(root.join("home")).unwrap();
    std::os::unix::fs::chown(root.join("home"), Some(user), Some(user)).unwrap();
    root
}

/// The program in a network, a root directory and as a user.
fn jailed(network: &str, root: &Path, user: u32, words: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", network, "chroot", &format!("--userspec={user}:{user}")]);
    command.arg(root).arg("/hinomi").args(words).stdout(Stdio::piped());
    command
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn append(ledger: &Ledger, times: impl Iterator<Item = u64>) {
    for received_ns in times {
        let bytes = format!("received {received_ns}").into_bytes();
        ledger.append("fw", "security", vec![Record { received_ns, sequence: None, bytes }]).unwrap();
    }
    ledger.tick().unwrap();
}

struct Primary {
    places: Places,
    around: Surroundings,
    options: Options,
}

impl Primary {
    fn new(data: &Path) -> Self {
        let places = Places::in_data_dir(data, "evidence");
        let around = Surroundings {
            disk: Arc::new(FileDisk),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let options = Options { threads: 0, ..Options::default() };
        let creation = Creation { origin: "primary.example.jp/evidence".to_owned(), eraser: None };
        Ledger::create(&around, &places, &creation, &options).unwrap();
        Self { places, around, options }
    }

    fn open(&self) -> Ledger {
        Ledger::open(self.around.clone(), self.places.clone(), self.options.clone()).unwrap().0
    }
}

fn certificate(folder: &Path, address: &str) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let name = format!("subjectAltName=IP:{address}");
    let (c, k) = (certificate.to_str()?, key.to_str()?);
    run(&[
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=primary",
        "-addext",
        &name,
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        k,
        "-out",
        c,
    ])?;
    Some((certificate, key))
}

#[test]
fn a_rollback_by_a_day_is_noticed_from_another_world_within_a_minute() {
    let skipped = |why: &str| {
        assert!(std::env::var_os("HINOMI_REQUIRE_TOOLS").is_none(), "{why}");
        eprintln!("SKIPPED: isolation of vault and witness: {why}");
    };
    if run(&["id", "-u"]).as_deref() != Some("0\n") {
        return skipped("needs root, to become others");
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(networks) = Networks::new() else { return skipped("needs ip and network namespaces") };
    let Some((certificate, key)) = certificate(folder.path(), "10.213.77.1") else {
        return skipped("needs openssl");
    };
    // Others must be able to reach their root directories.
    run(&["chmod", "711", folder.path().to_str().unwrap()]).unwrap();
    let data = folder.path().join("data");
    let mut primary = Primary::new(&data);
    let log = primary.open().identity().signer.to_string();

    // Vault and witness come into being in their own worlds.
    let vault_root = jail(folder.path(), VAULT_USER);
    let witness_root = jail(folder.path(), WITNESS_USER);
    std::fs::copy(&certificate, vault_root.join("ca.pem")).unwrap();
    let [primary_net, vault_net, witness_net] = &networks.0[..] else { unreachable!() };
    let vault = |words: &[&str]| jailed(vault_net, &vault_root, VAULT_USER, words);
    let born = vault(&["vault", "init", "/home/v", "--name", "vault.example.jp/1", "--log", &log, "--json"]);
    let born: Value = serde_json::from_slice(&{ born }.output().unwrap().stdout).unwrap();
    let witness = |words: &[&str]| jailed(witness_net, &witness_root, WITNESS_USER, words);
    let witness_key =
        witness(&["witness", "init", "/home/w", "--name", "witness.example.jp/1"]).output().unwrap();
    let witness_key = String::from_utf8(witness_key.stdout).unwrap().trim().to_owned();
    assert!(witness(&["witness", "watch", "/home/w", "--log", &log]).status().unwrap().success());
    let serve = ["witness", "serve", "/home/w", "--listen", "10.213.78.2:8443", "--plain-http"];
    let mut serving = Running(witness(&serve).spawn().unwrap());
    assert_eq!(first_line(&mut serving.0), "10.213.78.2:8443");

    // The day before yesterday, which is kept, and the day since, which root will take back.
    let recipient =
        (0..64).step_by(2).map(|i| u8::from_str_radix(&born["recipient"].as_str().unwrap()[i..i + 2], 16));
    let recipient: Vec<u8> = recipient.map(Result::unwrap).collect();
    primary.options.vaults = vec![VaultRecipient(recipient.try_into().unwrap())];
    let day_ago = now_ns() - 24 * HOUR;
    let ledger = primary.open();
    append(&ledger, (0..10).map(|h| day_ago - (11 - h) * HOUR));
    ledger.close().unwrap();
    let kept = folder.path().join("kept");
    assert!(Command::new("cp").arg("-a").arg(&data).arg(&kept).status().unwrap().success());
    let ledger = primary.open();
    append(&ledger, (0..24).map(|h| day_ago + h * HOUR));
    ledger.close().unwrap();

    let credentials = folder.path().join("vaults.txt");

    std::fs::write(&credentials, born["credential"].as_str().unwrap()).unwrap();
    let mut publish = Command::new("ip");
    publish.args(["netns", "exec", primary_net, env!("CARGO_BIN_EXE_hinomi"), "vault", "publish"]);
    publish
        .args(["--listen", "10.213.77.1:8444", "--data"])
        .arg(&data)
        .arg("--credentials")
        .arg(&credentials);
    publish.arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key).stdout(Stdio::piped());
    let mut publishing = Running(publish.spawn().unwrap());
    assert_eq!(first_line(&mut publishing.0), "10.213.77.1:8444");

    let pull = [
        "vault",
        "pull",
        "/home/v",
        "--from",
        "https://10.213.77.1:8444",
        "--ca",
        "/ca.pem",
        "--watch",
        "5",
        "--json",
        "--reserve",
        "0",
        "--witness",
        "http://10.213.78.2:8443",
        "--witness-key",
        &witness_key,
        "--witness-plain-http",
    ];
    let mut pulling = Running(vault(&pull).spawn().unwrap());
    let mut lines = BufReader::new(pulling.0.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(first["troubles"], serde_json::json!([]), "{first}");
    assert_eq!((first["records"].as_u64(), first["witness"].is_null()), (Some(34), true), "{first}");

    // Other user, other root, other network: as the kernel sees it.
    let process = PathBuf::from("/proc").join(pulling.0.id().to_string());
    let status = std::fs::read_to_string(process.join("status")).unwrap();
    assert!(status.contains(&format!("Uid:\t{VAULT_USER}\t{VAULT_USER}\t{VAULT_USER}")), "{status}");
    assert_eq!(std::fs::read_link(process.join("root")).unwrap(), vault_root);
    let network = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    assert_ne!(network(pulling.0.id()), network(publishing.0.id()));
    assert_ne!(network(serving.0.id()), network(pulling.0.id()));

    // Root on the primary.
    std::fs::remove_dir_all(&data).unwrap();
    assert!(Command::new("cp").arg("-a").arg(&kept).arg(&data).status().unwrap().success());
    let began = now_ns();
    let alarm = loop {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if let Some(alarm) = line["news"].as_array().and_then(|n| n.iter().find(|a| a["kind"] == "rollback"))
        {
            break alarm.clone();
        }
        assert!(now_ns() - began < 60_000_000_000, "no alarm within a minute: {line}");
    };
    let took = Duration::from_nanos(now_ns() - began);
    assert_eq!(alarm["lost"]["first_ns"].as_u64(), Some(day_ago), "{alarm}");
    assert_eq!(alarm["lost"]["last_ns"].as_u64(), Some(day_ago + 23 * HOUR), "{alarm}");
    assert_eq!(alarm["lost"]["records"].as_u64(), Some(24), "{alarm}");
    eprintln!("rollback by a day noticed after {took:?}");
    drop(pulling);
    let output = vault(&["vault", "status", "/home/v", "--json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let signatures = status["checkpoint"].as_str().unwrap().matches('\u{2014}').count();
    assert_eq!(signatures, 3, "log, vault and witness signed what is held");
}

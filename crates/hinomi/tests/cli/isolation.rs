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
        let options = Options { threads: 0, watch: false, ..Options::default() };
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

/// Primary, vault and witness, each in a world of its own.
struct Worlds {
    folder: tempfile::TempDir,
    networks: Networks,
    certificate: PathBuf,
    key: PathBuf,
    vault_root: PathBuf,
    witness_root: PathBuf,
    /// The folder that root on the primary rules.
    data: PathBuf,
}

impl Worlds {
    /// `None`, said aloud, where they cannot be made.
    fn new() -> Option<Self> {
        let skipped = |why: &str| {
            assert!(std::env::var_os("HINOMI_REQUIRE_TOOLS").is_none(), "{why}");
            eprintln!("SKIPPED: isolation of vault and witness: {why}");
        };
        if run(&["id", "-u"]).as_deref() != Some("0\n") {
            skipped("needs root, to become others");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let Some(networks) = Networks::new() else {
            skipped("needs ip and network namespaces");
            return None;
        };
        let Some((certificate, key)) = certificate(folder.path(), "10.213.77.1") else {
            skipped("needs openssl");
            return None;
        };
        // Others must be able to reach their root directories.
        run(&["chmod", "711", folder.path().to_str().unwrap()]).unwrap();
        let (vault_root, witness_root) = (jail(folder.path(), VAULT_USER), jail(folder.path(), WITNESS_USER));
        std::fs::copy(&certificate, vault_root.join("ca.pem")).unwrap();
        let data = folder.path().join("data");
        Some(Self { folder, networks, certificate, key, vault_root, witness_root, data })
    }

    fn vault(&self, words: &[&str]) -> Command {
        jailed(&self.networks.0[1], &self.vault_root, VAULT_USER, words)
    }

    fn witness(&self, words: &[&str]) -> Command {
        jailed(&self.networks.0[2], &self.witness_root, WITNESS_USER, words)
    }

    /// A witness at work, and its key.
    fn start_witness(&self, log: &str) -> (Running, String) {
        let key =
            self.witness(&["witness", "init", "/home/w", "--name", "witness.example.jp/1"]).output().unwrap();
        let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
        assert!(self.witness(&["witness", "watch", "/home/w", "--log", log]).status().unwrap().success());
        let serve = ["witness", "serve", "/home/w", "--listen", "10.213.78.2:8443", "--plain-http"];
        let mut serving = Running(self.witness(&serve).spawn().unwrap());
        assert_eq!(first_line(&mut serving.0), "10.213.78.2:8443");
        (serving, key)
    }

    fn publish(&self, credential: &str) -> Running {
        let credentials = self.folder.path().join("vaults.txt");
        std::fs::write(&credentials, credential).unwrap();
        let mut publish = Command::new("ip");
        publish.args([
            "netns",
            "exec",
            &self.networks.0[0],
            env!("CARGO_BIN_EXE_hinomi"),
            "vault",
            "publish",
        ]);
        publish.args(["--listen", "10.213.77.1:8444", "--data"]).arg(&self.data);
        publish.arg("--credentials").arg(&credentials).arg("--tls-cert").arg(&self.certificate);
        publish.arg("--tls-key").arg(&self.key).stdout(Stdio::piped());
        let mut publishing = Running(publish.spawn().unwrap());
        assert_eq!(first_line(&mut publishing.0), "10.213.77.1:8444");
        publishing
    }

    fn copy(from: &Path, to: &Path) {
        let _ = std::fs::remove_dir_all(to);
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    }
}

fn recipient(born: &Value) -> VaultRecipient {
    let text = born["recipient"].as_str().unwrap();
    let bytes = (0..64).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap());
    VaultRecipient(bytes.collect::<Vec<u8>>().try_into().unwrap())
}

/// Other user, other root, other network: as the kernel sees it.
fn assert_apart(pulling: u32, vault_root: &Path, others: &[u32]) {
    let process = PathBuf::from("/proc").join(pulling.to_string());
    let status = std::fs::read_to_string(process.join("status")).unwrap();
    assert!(status.contains(&format!("Uid:\t{VAULT_USER}\t{VAULT_USER}\t{VAULT_USER}")), "{status}");
    assert_eq!(std::fs::read_link(process.join("root")).unwrap(), vault_root);
    let network = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    for other in others {
        assert_ne!(network(pulling), network(*other));
    }
}

/// The alarm, if it comes within a minute.
fn rollback(lines: &mut dyn Iterator<Item = std::io::Result<String>>) -> Value {
    let began = now_ns();
    loop {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if let Some(alarm) = line["news"].as_array().and_then(|n| n.iter().find(|a| a["kind"] == "rollback"))
        {
            return alarm.clone();
        }
        assert!(now_ns() - began < 60_000_000_000, "no alarm within a minute: {line}");
    }
}

#[test]
fn a_rollback_by_a_day_is_noticed_from_another_world_within_a_minute() {
    let Some(worlds) = Worlds::new() else { return };
    let mut primary = Primary::new(&worlds.data);
    let log = primary.open().identity().signer.to_string();
    let init = ["vault", "init", "/home/v", "--name", "vault.example.jp/1", "--log", &log, "--json"];
    let born: Value = serde_json::from_slice(&worlds.vault(&init).output().unwrap().stdout).unwrap();
    let (serving, witness_key) = worlds.start_witness(&log);

    // The day before yesterday, which is kept, and the day since, which root will take back.
    primary.options.vaults = vec![recipient(&born)];
    let day_ago = now_ns() - 24 * HOUR;
    let ledger = primary.open();
    append(&ledger, (0..10).map(|h| day_ago - (11 - h) * HOUR));
    ledger.close().unwrap();
    let kept = worlds.folder.path().join("kept");
    Worlds::copy(&worlds.data, &kept);
    let ledger = primary.open();
    append(&ledger, (0..24).map(|h| day_ago + h * HOUR));
    ledger.close().unwrap();

    let publishing = worlds.publish(born["credential"].as_str().unwrap());
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
    let mut pulling = Running(worlds.vault(&pull).spawn().unwrap());
    let mut lines = BufReader::new(pulling.0.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(first["troubles"], serde_json::json!([]), "{first}");
    assert_eq!((first["records"].as_u64(), first["witness"].is_null()), (Some(34), true), "{first}");
    assert_apart(
        pulling.0.id(),
        &worlds.vault_root,
        &[publishing.0.id(), serving.0.id(), std::process::id()],
    );

    // Root on the primary.
    Worlds::copy(&kept, &worlds.data);
    let began = now_ns();
    let alarm = rollback(&mut lines);
    eprintln!("rollback by a day noticed after {:?}", Duration::from_nanos(now_ns() - began));
    let lost = &alarm["lost"];
    assert_eq!(
        (lost["first_ns"].as_u64(), lost["last_ns"].as_u64()),
        (Some(day_ago), Some(day_ago + 23 * HOUR))
    );
    assert_eq!(lost["records"].as_u64(), Some(24), "{alarm}");
    drop(pulling);
    let output = worlds.vault(&["vault", "status", "/home/v", "--json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let signatures = status["checkpoint"].as_str().unwrap().matches('\u{2014}').count();
    assert_eq!(signatures, 3, "log, vault and witness signed what is held");
}

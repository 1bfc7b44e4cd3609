//! `hinomi doctor`: a sound installation is all right, and everything that is broken for real is found.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Served, certificates, command, free_port, program, write_configuration};

/// What the machine that runs the test is like is not the test's affair.
const OF_THE_MACHINE: [&str; 6] = ["clock", "entropy", "open-files", "disk-space", "unit", "udp-buffers"];
const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// An installation: a ledger with a vault, and a configuration with certificates.
struct Installation {
    folder: TempDir,
    port: u16,
}

impl Installation {
    /// A copy of one that was made once; `None` after saying that the test is skipped.
    fn new() -> Option<Self> {
        static PRISTINE: OnceLock<Option<TempDir>> = OnceLock::new();
        let pristine = PRISTINE.get_or_init(Self::make).as_ref()?;
        let installed = Self { folder: TempDir::new().unwrap(), port: free_port() };
        installed.shell(&format!("cp -a {}/. .", pristine.path().display()));
        installed.configure("[\"syslog-tls\"]");
        Some(installed)
    }

    fn make() -> Option<TempDir> {
        let installed = Self { folder: TempDir::new().unwrap(), port: 0 };
        certificates(installed.path())?;
        installed.shell(&sign("-days 90", "-extfile server.ext"));
        let data = installed.data();
        let data = data.to_str().unwrap();
        run(command(&["ledger", "create", "--data", data, "--origin", "tests/1"]));
        installed.write("a.log", "one\ntwo\n");
        let log = installed.path().join("a.log");
        run(command(&[
            "ledger",
            "append",
            "--data",
            data,
            "--source",
            "net/tls/web01",
            log.to_str().unwrap(),
        ]));
        let credential = format!("vault.example.jp/1 {} {}\n", "a1".repeat(32), "09".repeat(32));
        installed.write("data/vaults.txt", &credential);
        installed.shell("chmod 700 data && chmod 600 data/vaults.txt");
        Some(installed.folder)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn shell(&self, script: &str) {
        let done = Command::new("sh").args(["-ec", script]).current_dir(self.path()).output().unwrap();
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn configure(&self, receive: &str) {
        let (port, admin) = (self.port, free_port());
        let listen = format!(
            "[admin]\nat = \"127.0.0.1:{admin}\"\n[[listen]]\nname = \"net\"\nat = \"127.0.0.1:{port}\"\nreceive = {receive}\n\
             tls = {{ certificate = \"server.pem\", key = \"server.key\", clients = \"ca.pem\" }}\n"
        );
        self.write("hinomi.toml", &listen);
    }

    fn doctor(&self, more: &[&str]) -> Command {
        let (data, config) = (self.data(), self.path().join("hinomi.toml"));
        let mut doctor =
            command(&["doctor", "--data", data.to_str().unwrap(), "--config", config.to_str().unwrap()]);
        doctor.args(more);
        doctor
    }

    fn checks(&self) -> Vec<(String, String, String)> {
        checks(self.doctor(&["--json"]))
    }
}

/// The command that makes the server's certificate again.
fn sign(days: &str, names: &str) -> String {
    format!("openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -out server.pem {days} {names}")
}

fn run(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Name, state and text of each check; the exit code is that of the worst.
fn checks(mut doctor: Command) -> Vec<(String, String, String)> {
    let output = doctor.output().unwrap();
    let read: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let checks = read["checks"].as_array().unwrap().iter();
    let all: Vec<_> = checks.map(|c| (text(c, "check"), text(c, "state"), text(c, "text"))).collect();
    let any = |state: &str| all.iter().any(|check| check.1 == state);
    let expected = if any("fail") { 4 } else { i32::from(any("warn")) };
    assert_eq!(output.status.code(), Some(expected), "{all:#?}");
    all
}

/// Breaks a fresh installation and expects one check, and no other, to be of a state.
fn broken(name: &str, state: &str, says: &str, sabotage: impl FnOnce(&Installation)) {
    let Some(installed) = Installation::new() else { return };
    sabotage(&installed);
    let all = installed.checks();
    let found = all
        .iter()
        .any(|check| (check.0.as_str(), check.1.as_str()) == (name, state) && check.2.contains(says));
    assert!(found, "{name} {state} {says}: {all:#?}");
    let others: Vec<_> = all
        .iter()
        .filter(|check| check.0 != name && !OF_THE_MACHINE.contains(&check.0.as_str()))
        .filter(|check| !["ok", "unknown"].contains(&check.1.as_str()))
        .collect();
    assert!(others.is_empty(), "{name}: {others:#?}");
}

#[test]
fn a_sound_installation_is_all_right() {
    let Some(installed) = Installation::new() else { return };
    let all = installed.checks();
    let named: Vec<&str> = all.iter().map(|check| check.0.as_str()).collect();
    for (name, state, text) in &all {
        // Nothing has run here yet: what only a server at work knows is not known.
        let at_work = ["server", "detection", "sources", "backup"].contains(&name.as_str());
        let fine = state == if at_work { "unknown" } else { "ok" };
        assert!(fine || OF_THE_MACHINE.contains(&name.as_str()), "{name} {state}: {text}");
    }
    for name in [
        "configuration",
        "listener",
        "certificates",
        "permissions",
        "owners",
        "ledger",
        "vaults",
        "key-age",
        "rules",
    ] {
        assert!(named.contains(&name), "{named:?}");
    }
    let said =
        |lang: &str| String::from_utf8(installed.doctor(&["--lang", lang]).output().unwrap().stdout).unwrap();
    assert!(
        said("en").contains("the signing key is 0 days old")
            && said("ja").contains("署名鍵は今日作成したもの")
    );
    assert_eq!(said("en").lines().filter(|line| !line.contains('→')).count(), all.len());
}

#[test]
fn a_server_at_work_is_found_and_one_that_does_not_listen_is_told() {
    let folder = TempDir::new().unwrap();
    let (admin, port) = (free_port(), free_port());
    write_configuration(
        folder.path(),
        &format!("[[listen]]\nname = \"n\"\nat = \"127.0.0.1:{port}\"\nreceive = [\"syslog-tcp\"]\n"),
    );
    let file = folder.path().join("hinomi.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("127.0.0.1:0", &format!("127.0.0.1:{admin}"));
    std::fs::write(&file, &text).unwrap();
    let served = Served::start_in(folder);
    let doctor = || {
        checks(command(&[
            "doctor",
            "--config",
            file.to_str().unwrap(),
            "--data",
            served.data().to_str().unwrap(),
            "--json",
        ]))
    };
    let is = |all: &[(String, String, String)], name: &str, state: &str| {
        assert!(
            all.iter().any(|c| (c.0.as_str(), c.1.as_str()) == (name, state)),
            "{name} {state}: {all:#?}"
        );
    };
    let all = doctor();
    for name in ["server", "listener", "ledger"] {
        is(&all, name, "ok");
    }
    let more = format!(
        "{text}[[listen]]\nname = \"m\"\nat = \"127.0.0.1:{}\"\nreceive = [\"syslog-tcp\"]\n",
        free_port()
    );
    std::fs::write(&file, more).unwrap();
    is(&doctor(), "listener", "fail");
}

#[test]
fn rights_and_old_keys_are_found() {
    let mode = |installed: &Installation, name: &str, mode: u32| {
        std::fs::set_permissions(installed.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    broken("permissions", "fail", "can write", |i| mode(i, "data/keys/evidence/signer", 0o622));
    broken("permissions", "fail", "can read", |i| mode(i, "data/keys/evidence/signer", 0o640));
    broken("permissions", "warn", "can read", |i| mode(i, "data", 0o755));
    broken("key-age", "warn", "500 days", |i| {
        i.shell("touch -d '500 days ago' data/keys/evidence/signer");
        i.shell(r#"printf '{"at":"%s","to":"x","leaves":1}' "$(date -u +%FT%TZ)" > data/last-backup.json"#);
    });
}

#[test]
fn lists_that_make_no_sense_are_found() {
    broken("vaults", "warn", "nobody outside", |i| i.shell("rm data/vaults.txt"));
    broken("vaults", "fail", "vaults.txt", |i| i.write("data/vaults.txt", "nonsense\n"));
    broken("tokens", "fail", "line 1", |i| i.write("data/tokens.txt", "nonsense\n"));
    broken("tokens", "warn", "idle01", |i| {
        i.write("data/tokens.txt", &format!("idle01 {}\n", "ab".repeat(32)));
    });
    broken("sources.yaml", "fail", "owner", |i| {
        i.write("data/sources.yaml", "schema_version: 1\nsources: {a: {}}\n");
    });
}

#[test]
fn a_configuration_or_ledger_that_cannot_be_read_is_found() {
    broken("configuration", "fail", "line 1", |i| i.write("hinomi.toml", "x = 1\n"));
    broken("rules", "warn", "1 that cannot be used", |i| {
        i.shell("mkdir rules && printf 'title: x\nlogsource: {}\n' > rules/bad.yml");
        let text = std::fs::read_to_string(i.path().join("hinomi.toml")).unwrap();
        i.write("hinomi.toml", &format!("[detection]\nrules = [\"bundled\", \"rules\"]\n{text}"));
    });
    broken("ledger", "fail", "", |i| i.shell("printf x > data/evidence/log/checkpoint"));
}

#[test]
fn certificates_that_senders_will_refuse_are_found() {
    let expired = format!("faketime '400 days ago' {}", sign("-days 10", "-extfile server.ext"));
    if program(&FAKETIME).is_some() {
        broken("certificates", "fail", "expired on", |i| i.shell(&expired));
    }
    broken("certificates", "warn", "4 days left", |i| i.shell(&sign("-days 5", "-extfile server.ext")));
    broken("certificates", "warn", "no host", |i| {
        i.shell(&format!(
            "echo basicConstraints=CA:FALSE > plain.ext; {}",
            sign("-days 90", "-extfile plain.ext")
        ));
    });
    broken("certificates", "fail", "", |i| i.shell("cp client.key server.key"));
    broken("certificates", "fail", "server.pem", |i| i.shell("rm server.pem"));
}

#[test]
fn ports_that_cannot_be_had_and_datagrams_that_were_dropped_are_found() {
    let Some(installed) = Installation::new() else { return };
    let other = TcpListener::bind(("127.0.0.1", installed.port)).unwrap();
    let has = |all: &[(String, String, String)], name: &str, state: &str, says: &str| {
        assert!(all.iter().any(|c| c.0 == name && c.1 == state && c.2.contains(says)), "{all:#?}");
    };
    has(&installed.checks(), "listener", "fail", "another program");
    drop(other);
    installed.configure("[\"syslog-tls\", \"syslog-udp\"]");
    has(&installed.checks(), "udp-drops", "ok", "0 dropped");
    // A socket that nobody reads.
    let socket = UdpSocket::bind(("127.0.0.1", installed.port)).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    (0..20_000).for_each(|_| drop(sender.send_to(&[b'x'; 1_000], socket.local_addr().unwrap())));
    has(&installed.checks(), "udp-drops", "warn", "dropped by the kernel");
    drop(socket);
    let elsewhere = std::fs::read_to_string(installed.path().join("hinomi.toml")).unwrap();
    installed.write(
        "hinomi.toml",
        &elsewhere
            .replace(&format!("127.0.0.1:{}", installed.port), "192.0.2.1:6514")
            .replace("tls =", "plain = true\ntls ="),
    );
    has(&installed.checks(), "listener", "fail", "no such address");
}

#[test]
fn full_disks_few_files_weak_units_and_clocks_that_went_back_are_found() {
    let Some(installed) = Installation::new() else { return };
    let is = |doctor: Command, name: &str, state: &str| {
        let all = checks(doctor);
        assert!(all.iter().any(|c| c.0 == name && c.1 == state), "{name} {state}: {all:#?}");
    };
    installed.write("weak.service", "[Service]\nExecStart=/usr/bin/hinomi serve\n");
    let unit = installed.path().join("weak.service");
    is(installed.doctor(&["--json", "--unit", unit.to_str().unwrap()]), "unit", "warn");
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/hinomi.service");
    is(installed.doctor(&["--json", "--unit", ours]), "unit", "ok");
    let line = format!(
        "ulimit -n 200; exec {} doctor --json --data {}",
        env!("CARGO_BIN_EXE_hinomi"),
        installed.data().display()
    );
    let mut few = Command::new("sh");
    few.args(["-c", &line]);
    is(few, "open-files", "warn");
    if let Some(library) = program(&FAKETIME) {
        let mut early = installed.doctor(&["--json"]);
        early.env("LD_PRELOAD", library).env("FAKETIME", "-1d");
        is(early, "ledger", "fail");
    }
    let small = installed.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=64m,mode=0700", "none"]).arg(&small).output();
    if !mounted.is_ok_and(|done| done.status.success()) {
        println!("SKIPPED: a small file system cannot be mounted here");
        return;
    }
    installed.shell("cp -a data/. small/");
    let doctor = command(&["doctor", "--json", "--data", small.to_str().unwrap()]);
    let all = checks(doctor);
    installed.shell("umount small");
    assert!(all.iter().any(|c| c.0 == "disk-space" && c.1 == "fail"), "{all:#?}");
}

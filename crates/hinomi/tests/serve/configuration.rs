//! Configurations, first starts, health and endings.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{Served, ask, command, records};

fn output(args: &[&str]) -> (Option<i32>, String, String) {
    let output = command(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_configuration_is_checked_with_line_and_key() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("hinomi.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        output(&["config", "check", file.to_str().unwrap()])
    };
    let listen = "[[listen]]\nname = \"a\"\nat = \"127.0.0.1:0\"\nreceive = [\"syslog-tcp\"]\n";
    assert_eq!(check(listen).0, Some(0));
    let (code, _, said) = check(&format!("{listen}clas = \"x\"\n"));
    assert_eq!(code, Some(2));
    assert!(said.contains("hinomi.toml: line 5:") && said.contains("clas"), "{said}");
    // The example is complete but for its certificates.
    let (_, example, _) = output(&["config", "example"]);
    let (code, _, said) = check(&example);
    assert_eq!(code, Some(2));
    assert!(said.contains("tls/server.pem"), "{said}");
    assert_eq!(output(&["config", "check", "/nonexistent"]).0, Some(3));
}

#[test]
fn tokens_are_kept_as_digests_and_readable_by_their_owner_alone() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().to_str().unwrap();
    let (code, token, _) = output(&["config", "token", "web01", "--data", data]);
    assert_eq!((code, token.trim().len()), (Some(0), 40));
    let file = folder.path().join("tokens.txt");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.starts_with("web01 ") && !kept.contains(token.trim()));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(output(&["config", "token", "a/b", "--data", data]).0, Some(2));
}

#[test]
fn tokens_are_given_and_withdrawn_without_a_new_start() {
    let mut served = Served::start("[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n");
    let (at, data) = (served.at("h", "http"), served.data());
    let (_, token, _) = output(&["config", "token", "web01", "--data", data.to_str().unwrap()]);
    let bearer = format!("Bearer {}", token.trim());
    let asked = || ask(at, "POST", "/ndjson", &[("authorization", &bearer)], b"{}\n").status;
    let (renewed, refused) =
        ("configuration, tokens and certificates were read again", "everything stays as it was");
    assert_eq!(asked(), 401);
    served.read_again(renewed);
    assert_eq!(asked(), 200);
    let file = data.join("tokens.txt");
    std::fs::write(&file, "nonsense\n").unwrap();
    assert!(served.read_again(refused)["why"].as_str().unwrap().contains("tokens.txt"));
    assert_eq!(asked(), 200, "a file that makes no sense changes nothing");
    std::fs::write(&file, "").unwrap();
    served.read_again(renewed);
    assert_eq!(asked(), 401);
}

/// The first start without any configuration, where the usual ports are free.
#[test]
fn a_first_start_listens_on_this_machine_only_and_shows_a_token_once() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let args = ["serve", "--data", data.to_str().unwrap()];
    let start = || {
        let mut child = command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut journal = BufReader::new(child.stderr.take().unwrap());
        let mut errors = String::new();
        // Three listeners, or the end.
        while errors.matches("protocol=").count() < 3 && journal.read_line(&mut errors).unwrap() > 0 {}
        let listening = Command::new("ss").args(["-Hltunp"]).output();
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        journal.read_to_string(&mut errors).unwrap();
        let code = child.wait().unwrap().code();
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        let mine = format!("pid={},", child.id());
        let sockets: Vec<String> = listening.map_or_else(
            |_| Vec::new(),
            |o| {
                String::from_utf8_lossy(&o.stdout)
                    .lines()
                    .filter(|l| l.contains(&mine))
                    .map(str::to_owned)
                    .collect()
            },
        );
        (code, said, errors, sockets)
    };
    let (code, said, errors, sockets) = start();
    if errors.contains("cannot listen on") {
        println!("SKIPPED: the usual ports are taken: {errors}");
        return;
    }
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(said.matches("shown this once").count(), 1);
    assert!(errors.contains("the protocol has no acknowledgements"), "{errors}");
    assert!(sockets.iter().all(|socket| socket.contains("127.0.0.1:")), "{sockets:?}");
    let link = |said: &str| said.lines().find(|line| line.contains("/#/enrol/")).map(str::to_owned);
    let first = link(&said);
    let (code, said, ..) = start();
    assert_eq!((code, said.contains("shown this once")), (Some(0), false), "not again");
    // Nobody looks after accounts yet: each start makes a link. Where the usual port is taken there are no pages.
    assert!(first.is_none() || link(&said) != first, "the link before is void: {said}");
}

#[test]
fn health_figures_and_an_orderly_end() {
    let mut served = Served::start("[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n");
    assert_eq!(served.admin("/healthz"), (200, "alive\n".to_owned()));
    assert_eq!(served.admin("/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(served.admin("/tokens.txt").0, 404);
    let at = served.at("h", "http");
    assert_eq!(ask(at, "POST", "/ndjson", &[], b"{}\n").status, 401);
    assert_eq!(served.figure("hinomi_unauthorised_total", "h"), 1);
    assert_eq!(served.figure("hinomi_ready", ""), 1);
    // A second server on the same data is refused.
    let (code, _, said) = output(&[
        "serve",
        "--data",
        served.data().to_str().unwrap(),
        "--config",
        served.folder.path().join("hinomi.toml").to_str().unwrap(),
    ]);
    assert_eq!(code, Some(2));
    assert!(said.contains("in use"), "{said}");
    assert_eq!(served.terminate(), Some(0));
    assert!(records(&served.data()).is_empty());
}

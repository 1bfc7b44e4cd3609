//! What a server at work reads again: certificates, and what it looks for. Files that make no sense change nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Served, certificates};

/// The SHA-256 of the certificate that is shown at an address, if the handshake succeeds with these authorities.
fn shown(at: &str, authorities: &Path) -> Option<String> {
    let script = "openssl s_client -connect \"$1\" -CAfile \"$2\" -verify_return_error </dev/null 2>/dev/null \
        | openssl x509 -noout -fingerprint -sha256 2>/dev/null";
    let done = Command::new("sh")
        .args(["-c", script, "sh", at, authorities.to_str().unwrap()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}

#[test]
fn certificates_are_renewed_without_a_new_start_and_broken_ones_are_not_taken() {
    let (old, new) = (tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap());
    let Some(()) = certificates(old.path()).and_then(|()| certificates(new.path())) else { return };
    let file = |name: &str| old.path().join(name).display().to_string();
    let listeners = format!(
        "[[listen]]\nname = \"s\"\nat = \"127.0.0.1:0\"\nreceive = [\"syslog-tls\"]\n\
         tls = {{ certificate = {:?}, key = {:?} }}\n",
        file("server.pem"),
        file("server.key")
    );
    let mut served = Served::start(&listeners);
    let at = served.at("s", "syslog-tls").to_string();
    let ca = |folder: &Path| folder.join("ca.pem");
    let first = shown(&at, &ca(old.path())).expect("a certificate");
    assert_eq!(shown(&at, &ca(new.path())), None, "another authority's");

    std::fs::write(old.path().join("server.pem"), "nonsense").unwrap();
    let said = served.read_again("everything stays as it was");
    assert!(said["why"].as_str().unwrap().contains("server.pem"), "{said}");
    assert_eq!(shown(&at, &ca(old.path())), Some(first.clone()));

    for name in ["server.pem", "server.key"] {
        std::fs::copy(new.path().join(name), old.path().join(name)).unwrap();
    }
    let config = served.folder.path().join("hinomi.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let more = "[[listen]]\nname = \"later\"\nat = \"127.0.0.1:0\"\nreceive = [\"syslog-tcp\"]\n[limits]\nsources = 7\n";
    std::fs::write(&config, format!("{text}{more}")).unwrap();
    let said = served.read_again("configuration, tokens and certificates were read again");
    assert_eq!(
        (said["certificates"].as_str(), said["waits_for_the_next_start"].as_str()),
        (Some("1"), Some("[limits], listen later"))
    );
    let second = shown(&at, &ca(new.path())).expect("the new certificate");
    assert_ne!(first, second);
    assert_eq!(shown(&at, &ca(old.path())), None);
}

#[test]
fn what_is_looked_for_is_read_again_and_what_cannot_be_used_leaves_it_as_it_was() {
    let rule = "title: A word of the tests\nid: 5b1f2b66-0c55-4f0c-9f0e-2f5b0a6d8a01\n\
        logsource:\n  product: windows\n  category: process_creation\n\
        detection:\n  words:\n    CommandLine|contains: kazaguruma\n  condition: words\nlevel: high\n";
    let listeners = "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n";
    let mut served = Served::start(listeners);
    served.wait_for_line("rules hold");
    let config = served.folder.path().join("hinomi.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}[detection]\nrules = [\"own.yml\"]\n")).unwrap();
    // The file is not there yet.
    served.read_again("configuration, tokens and certificates were read again");
    let said = served.wait_for_line("new rules cannot be used, the old ones stay in force");
    assert!(said["why"].as_str().unwrap().contains("own.yml"), "{said}");
    std::fs::write(served.folder.path().join("own.yml"), rule).unwrap();
    let said = loop {
        let said = served.wait_for_line("rules hold");
        if said["rules"] == "1" {
            break said;
        }
    };
    assert_eq!(said["rejected"], "0");
    let at = served.at("h", "http");
    let line = br#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"Hostname":"w","Image":"C:\\a.exe","CommandLine":"a kazaguruma","UtcTime":"2026-11-22 10:00:00.000"}
"#;
    assert_eq!(crate::support::send(at, "/ndjson", &[], line).status, 200);
    assert_eq!(served.wait_for_line("detection")["title"], "A word of the tests");
}

//! Searches beside a server that has the ledger open.

use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{PATIENCE, command, free_port, send, token_section};

#[test]
fn what_was_received_is_found_while_the_server_is_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let at: SocketAddr = format!("127.0.0.1:{}", free_port()).parse().unwrap();
    let configuration = folder.path().join("hinomi.toml");
    let listener = format!("[[listen]]\nname = \"h\"\nat = \"{at}\"\nreceive = [\"http\"]\n");
    let text = format!("[admin]\nat = \"127.0.0.1:0\"\n{}{listener}", token_section());
    std::fs::write(&configuration, text).unwrap();
    let (data, configuration) = (folder.path().join("data"), configuration.display().to_string());
    let data = data.display().to_string();
    let mut served = command(&["serve", "--data", &data, "--config", &configuration, "--derive", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let mut wait = |done: &dyn Fn() -> bool| {
        while !done() {
            assert!(begun.elapsed() < PATIENCE && served.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    wait(&|| TcpStream::connect(at).is_ok());
    for number in 1..=2 {
        let line = format!("{{\"@timestamp\": \"2026-10-07T08:00:00Z\", \"word\": \"needle{number}\"}}\n");
        assert_eq!(send(at, "/ndjson", &[], line.as_bytes()).status, 200);
        wait(&|| {
            let found = command(&["search", "--in", &data, "-q", "-o", "json", &format!("needle{number}")]);
            let output = { found }.output().unwrap();
            serde_json::from_slice::<Value>(&output.stdout).is_ok_and(|answer| answer["matches"] == 1)
        });
    }
    let asked = std::process::Command::new("kill").arg(served.id().to_string()).status().unwrap();
    assert!(asked.success());
    assert_eq!(served.wait().unwrap().code(), Some(0));
    assert_eq!(
        command(&["verify", "derived", "--in", &data, "--rebuild", "-q"]).status().unwrap().code(),
        Some(0)
    );
}

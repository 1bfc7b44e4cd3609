//! What Hinomi publishes, judged by a verifier that shares no code with it: Go's `sumdb/note` and `sumdb/tlog`.

use std::path::{Path, PathBuf};
use std::process::Command;

use hinomi_ledger::Ledger;
use hinomi_ledger::note::{Algorithm, SignerKey};

use crate::support::{Home, inline, record, rewrite};

/// Builds the verifier; `None`, said aloud, where Go is not installed.
fn verifier(folder: &Path) -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/independent/build.sh");
    let out = folder.join("verify");
    let status = Command::new(script).arg(&out).env("GOCACHE", folder.join("cache")).status().unwrap();
    match status.code() {
        Some(0) => Some(out),
        Some(77) if std::env::var_os("HINOMI_REQUIRE_TOOLS").is_none() => {
            eprintln!("SKIPPED: independent verification needs golang-go and golang-golang-x-mod-dev");
            None
        }
        other => unreachable!("the verifier cannot be built: {other:?}"),
    }
}

/// What is changed, in which file, how.
type Case = (&'static str, String, fn(&mut Vec<u8>));

fn write(ledger: &Ledger, from: u64, count: u64) {
    for at in from..from + count {
        ledger.append(&format!("source{}", at % 7), "security", vec![record(at, "x")]).unwrap();
        if at % 20 == 19 {
            ledger.tick().unwrap();
        }
    }
    ledger.tick().unwrap();
}

#[test]
fn go_accepts_the_log_and_refuses_every_change() {
    let home = Home::new(inline());
    let Some(verify) = verifier(home.folder.path()) else { return };
    let (ledger, _) = home.open();
    let key = ledger.identity().signer.to_string();
    let log = home.places.evidence.join("log");
    let earlier = home.folder.path().join("earlier");
    let check = |log: &Path, earlier: &Path| {
        let output = Command::new(&verify).arg(log).arg(&key).arg(earlier).output().unwrap();
        (output.status.code() == Some(0), String::from_utf8(output.stdout).unwrap())
    };
    write(&ledger, 0, 140);
    rewrite(&earlier, ledger.checkpoint().1.as_bytes());
    let old = home.folder.path().join("old");
    assert!(Command::new("cp").arg("-a").arg(&log).arg(&old).status().unwrap().success());
    write(&ledger, 140, 800);
    let size = ledger.checkpoint().0;
    assert!(size > 256, "{size} leaves: full and partial tiles on two levels");
    assert_eq!(check(&log, &earlier), (true, format!("OK: {size} leaves of logs.example.jp/evidence\n")));
    // Rolled back to an earlier, consistent state.
    rewrite(&earlier, ledger.checkpoint().1.as_bytes());
    let (good, said) = check(&old, &earlier);
    assert!(!good && said.contains("rolled back"), "{said}");
    // Signed, but by somebody else of the same name.
    let name = ledger.identity().signer.name().clone();
    let stranger = SignerKey::from_seed(name, &[99; 32]).verifier(Algorithm::Ed25519).to_string();
    let output = Command::new(&verify).arg(&log).arg(stranger).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("no verifiable signatures"));
    let last = size % 256;
    let cases: [Case; 6] = [
        ("an altered leaf", "tile/entries/000".to_owned(), |b| b[1000] ^= 1),
        ("an altered last leaf", format!("tile/entries/{:03}.p/{last}", size / 256), |b| {
            let end = b.len() - 1;
            b[end] ^= 1;
        }),
        ("a flipped tile", "tile/0/000".to_owned(), |b| b[4000] ^= 0x80),
        ("a flipped upper tile", "tile/1/000.p/".to_owned() + &(size / 256).to_string(), |b| b[0] ^= 1),
        ("a cut checkpoint", "checkpoint".to_owned(), |b| b.truncate(40)),
        ("another size", "checkpoint".to_owned(), |b| {
            let text = String::from_utf8(b.clone()).unwrap();
            *b = text.replacen('\n', "\n1", 1).into_bytes();
        }),
    ];
    for (name, path, how) in cases {
        let path = log.join(path);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        how(&mut bad);
        rewrite(&path, &bad);
        let (accepted, said) = check(&log, &earlier);
        assert!(!accepted && said.starts_with("REFUSED"), "{name}: {said}");
        rewrite(&path, &good);
    }
    let tile = log.join("tile/0/000");
    let kept = home.folder.path().join("kept");
    std::fs::rename(&tile, &kept).unwrap();
    assert!(!check(&log, &earlier).0, "a deleted tile");
    std::fs::rename(&kept, &tile).unwrap();
    assert!(check(&log, &earlier).0, "put back");
}

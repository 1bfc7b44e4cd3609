//! A committed ledger: today's program reads it, and writes the same bytes given the same seeds, clock and records.
//!
//! When the format changes on purpose, `HINOMI_BLESS=1 cargo test -p hinomi-ledger golden` writes it anew; the change then
//! shows in the diff, and `docs/ledger-format.md` has to say why.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hinomi_ledger::note::{Algorithm, KeyName, SignerKey};
use hinomi_ledger::{
    ERASER_NAME, Leaf, LedgerError, Options, Places, Reader, Record, Verdict, VerifyOptions, verify,
};

use crate::support::{Home, NOON, around, inline, record, rewrite};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

fn eraser() -> SignerKey {
    SignerKey::from_seed(KeyName::new(ERASER_NAME).unwrap(), &[7; 32])
}

/// One of everything: sources, sequences, binary records, a packed file, an erasure, a rotation.
fn make() -> Home {
    let public = *eraser().verifier(Algorithm::Ed25519).public();
    let home = Home::with(Options { wal_bytes: 1200, ..inline() }, Some(public));
    let (ledger, _) = home.open();
    ledger.append("firewall", "security", vec![record(1, "first"), record(2, "second")]).unwrap();
    ledger.append("mail", "personal", vec![record(3, "to be erased")]).unwrap();
    ledger.tick().unwrap();
    let numbered = Record { received_ns: NOON + 4, sequence: Some(41), bytes: vec![0, 10, 255] };
    ledger.append("agent", "security", vec![numbered]).unwrap();
    ledger.tick().unwrap();
    ledger.pack().unwrap();
    let order = {
        let reader = Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap();
        let mut scopes = reader.blocks(0, reader.size()).map(|b| b.unwrap().block.scope);
        let scope = scopes.find(|s| s.source == "mail").unwrap();
        ledger.erasure_order(&scope, "golden").unwrap().approve(&eraser()).unwrap()
    };
    ledger.erase(order.as_bytes()).unwrap();
    ledger.rotate_signer("golden").unwrap();
    ledger.close().unwrap();
    let home = Home { options: inline(), ..home };
    let (ledger, _) = home.open();
    ledger.append("firewall", "security", vec![record(5, "third")]).unwrap();
    ledger.close().unwrap();
    home
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, out: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, out);
            } else {
                out.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(folder, folder, &mut out);
    out
}

#[test]
fn golden_bytes_do_not_change() {
    let home = make();
    let written = files(&home.folder.path().join("data"));
    if std::env::var_os("HINOMI_BLESS").is_some() {
        let _ = fs::remove_dir_all(golden());
        for (path, bytes) in &written {
            let path = golden().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            rewrite(&path, bytes);
        }
    }
    let committed = files(&golden());
    assert_eq!(written.keys().collect::<Vec<_>>(), committed.keys().collect::<Vec<_>>());
    for (path, bytes) in &written {
        let differs = bytes.iter().zip(&committed[path]).position(|(a, b)| a != b);
        assert_eq!(bytes, &committed[path], "{} differs from byte {differs:?}", path.display());
    }
}

#[test]
fn the_golden_ledger_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files(&golden()) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        rewrite(&path, &bytes);
    }
    let places = Places::in_data_dir(folder.path(), "evidence");
    fs::set_permissions(&places.keys, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(&places.keys).unwrap() {
        fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let disk = around(1).disk;
    let found = verify(disk.clone(), &places, &VerifyOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((found.findings.as_slice(), found.verdict()), (&[][..], Verdict::Consistent));
    assert_eq!((found.blocks, found.records, found.erased_blocks), (3, 4, 1));
    let reader = Reader::open(disk, places, true).unwrap();
    let kinds: Vec<&str> = (0..reader.size())
        .map(|leaf| match reader.leaf(leaf).unwrap() {
            Leaf::Genesis(_) => "genesis",
            Leaf::KeyBorn(_) => "key",
            Leaf::Block(_) => "block",
            Leaf::SegmentSealed(_) => "segment",
            Leaf::Tombstone(_) => "tombstone",
            Leaf::Rotation(_) => "rotation",
            Leaf::Repair(_) => "repair",
            Leaf::Policy(_) => "policy",
        })
        .collect();
    let expected = ["genesis", "key", "key", "block", "block", "key", "block"];
    assert_eq!(kinds[..7], expected);
    assert!(kinds.contains(&"segment") && kinds.contains(&"tombstone") && kinds.contains(&"rotation"));
    let read = |leaf| {
        reader.block(leaf).map(|b| b.unwrap().records.into_iter().map(|r| r.bytes).collect::<Vec<_>>())
    };
    assert_eq!(read(3).unwrap(), [b"first".to_vec(), b"second".to_vec()]);
    assert!(matches!(read(4), Err(LedgerError::Erased { .. })));
    assert_eq!(read(6).unwrap(), [vec![0, 10, 255]]);
    assert_eq!(reader.block(6).unwrap().unwrap().records[0].sequence, Some(41));
}

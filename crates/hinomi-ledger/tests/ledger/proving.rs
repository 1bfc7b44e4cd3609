//! Bundles, and what erasing leaves of a ledger.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hinomi_ledger::note::{KeyName, SignerKey};
use hinomi_ledger::{Bundle, ERASER_NAME, LedgerError, Reader, Scope, Verdict, VerifyOptions, verify};
use sha2::{Digest as _, Sha256};

use crate::support::{Home, inline, record};

fn eraser() -> SignerKey {
    SignerKey::from_seed(KeyName::new(ERASER_NAME).unwrap(), &[42; 32])
}

fn erasable() -> Home {
    let public = *eraser().verifier(hinomi_ledger::note::Algorithm::Ed25519).public();
    Home::with(inline(), Some(public))
}

fn reader(home: &Home) -> Reader {
    Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap()
}

fn verdict(home: &Home) -> (Verdict, hinomi_ledger::Verification) {
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    let found = verify(home.around.disk.clone(), &home.places, &options, &mut |_| {}).unwrap();
    (found.verdict(), found)
}

fn scope(home: &Home, source: &str) -> Scope {
    let reader = reader(home);
    let found = reader.blocks(0, reader.size()).map(|b| b.unwrap().block.scope).find(|s| s.source == source);
    found.unwrap()
}

#[test]
fn a_bundle_proves_its_record_and_nothing_else() {
    let home = Home::new(inline());
    let (ledger, _) = home.open();
    for i in 0..5u64 {
        let records = (0..=i).map(|n| record(i * 10 + n, &format!("line {i} {n}"))).collect();
        ledger.append("fw", "security", records).unwrap();
        ledger.tick().unwrap();
    }
    let reader = reader(&home);
    let bundle = reader.prove(4, 2).unwrap();
    let known = [reader.identity().signer.clone()];
    let proven = bundle.verify(&known, &[]).unwrap();
    assert_eq!((proven.record.bytes.as_slice(), proven.signer_known), (&b"line 2 2"[..], true));
    assert!(!bundle.verify(&[], &[]).unwrap().signer_known);
    let json = bundle.to_json().unwrap();
    assert_eq!(Bundle::from_json(json.as_bytes()).unwrap(), bundle);
    assert!(reader.prove(4, 3).is_err() && reader.prove(1, 0).is_err() && reader.prove(99, 0).is_err());
    // Any single change of a value breaks it.
    let other = reader.prove(5, 1).unwrap();
    let mut altered: Vec<(&str, Bundle)> = Vec::new();
    let mut change = |what, alter: &dyn Fn(&mut Bundle)| {
        let mut changed = bundle.clone();
        alter(&mut changed);
        altered.push((what, changed));
    };
    change("bytes", &|b| b.record.bytes = other.record.bytes.clone());
    change("salt", &|b| b.record.salt = other.record.salt.clone());
    change("time", &|b| b.record.received_ns += 1);
    change("sequence", &|b| b.record.sequence = Some(0));
    change("record index", &|b| b.record.index = 1);
    change("leaf index", &|b| b.leaf.index = 5);
    change("leaf", &|b| b.leaf.bytes = other.leaf.bytes.clone());
    change("proof of the leaf", &|b| b.leaf.proof.truncate(1));
    change("proof of the record", &|b| b.record.proof = Vec::new());
    change("checkpoint", &|b| b.checkpoint = b.checkpoint.replace("\n7\n", "\n8\n"));
    change("origin", &|b| b.origin = "another/log".to_owned());
    assert_eq!(altered.len(), 11);
    for (what, changed) in altered {
        assert_ne!(changed, bundle, "{what}");
        assert!(changed.verify(&known, &[]).is_err(), "{what}");
    }
}

#[test]
fn an_erased_day_is_gone_and_everything_else_holds() {
    let home = erasable();
    let (ledger, _) = home.open();
    let secret = "the name of a person that must go";
    ledger.append("mail", "personal", vec![record(1, secret), record(2, "more of the kind")]).unwrap();
    ledger.append("fw", "security", vec![record(3, "what stays")]).unwrap();
    ledger.tick().unwrap();
    let bundle = reader(&home).prove(4, 0).unwrap();
    let salted = bundle.verify(&[], &[]).unwrap();
    assert_eq!(salted.record.bytes, secret.as_bytes());
    let kek = fs::read(home.places.keys.join("0000000000000001.kek")).unwrap();

    let order = ledger.erasure_order(&scope(&home, "mail"), "request 7").unwrap();
    let stranger = SignerKey::from_seed(KeyName::new(ERASER_NAME).unwrap(), &[1; 32]);
    let refused = ledger.erase(order.approve(&stranger).unwrap().as_bytes());
    assert!(matches!(refused, Err(LedgerError::NotAuthentic { .. })), "{refused:?}");
    assert_eq!(reader(&home).prove(4, 0).unwrap().record, bundle.record);

    let erasure = ledger.erase(order.approve(&eraser()).unwrap().as_bytes()).unwrap();
    assert_eq!((erasure.keys, erasure.leaves.len()), (order.keys.clone(), 1));
    let after = reader(&home);
    let tombstone = erasure.leaves[0];
    assert!(matches!(after.block(4), Err(LedgerError::Erased { tombstone: t }) if t == tombstone));
    assert!(matches!(after.prove(4, 0), Err(LedgerError::Erased { .. })));
    assert_eq!(after.block(3).unwrap().unwrap().records[0].bytes, b"what stays");
    let (verdict_after, found) = verdict(&home);
    assert_eq!(
        (verdict_after, found.erased_blocks, found.blocks),
        (Verdict::Consistent, 1, 1),
        "{:?}",
        found.findings
    );

    // The old key of keys is nowhere, and a guess cannot be checked: without the salt the commitment tells nothing.
    assert!(!home.places.keys.join("0000000000000001.kek").exists());
    let block = salted.block;
    let guess = |salt: &[u8]| {
        let leaf = |text: &str, n: u64| {
            let sequence = [0xff; 8];
            let at = (crate::support::NOON + n).to_be_bytes();
            Sha256::new_with_prefix([0])
                .chain_update(salt)
                .chain_update(at)
                .chain_update(sequence)
                .chain_update(text)
                .finalize()
        };
        let (a, b) = (leaf(secret, 1), leaf("more of the kind", 2));
        Sha256::new_with_prefix([1]).chain_update(a).chain_update(b).finalize().to_vec()
    };
    assert_ne!(guess(&[0; 32]), block.root);
    for file in walk(home.folder.path()) {
        let bytes = fs::read(&file).unwrap();
        for needle in [secret.as_bytes(), kek.as_slice()] {
            assert!(!bytes.windows(needle.len()).any(|w| w == needle), "{}", file.display());
        }
    }

    // The source goes on under a new key, the order cannot be used again, and reopening changes nothing.
    ledger.append("mail", "personal", vec![record(5, "after")]).unwrap();
    ledger.tick().unwrap();
    assert!(ledger.erase(order.approve(&eraser()).unwrap().as_bytes()).is_err());
    ledger.close().unwrap();
    let (ledger, recovery) = home.open();
    assert_eq!(recovery.keys_destroyed, 0);
    drop(ledger);
    assert_eq!(verdict(&home).0, Verdict::Consistent);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(walk(&path)) } else { out.push(path) }
    }
    out
}

#[test]
fn a_key_ring_from_before_an_erasure_is_noticed() {
    let home = erasable();
    let (ledger, _) = home.open();
    ledger.append("mail", "personal", vec![record(1, "x")]).unwrap();
    ledger.tick().unwrap();
    let before: Vec<(std::path::PathBuf, Vec<u8>)> = ["0000000000000001.kek", "0000000000000001.ring"]
        .map(|n| home.places.keys.join(n))
        .map(|p| (p.clone(), fs::read(p).unwrap()))
        .into();
    let order = ledger.erasure_order(&scope(&home, "mail"), "request 8").unwrap();
    ledger.erase(order.approve(&eraser()).unwrap().as_bytes()).unwrap();
    ledger.close().unwrap();
    for entry in fs::read_dir(&home.places.keys).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("signer") {
            fs::remove_file(path).unwrap();
        }
    }
    for (path, bytes) in before {
        crate::support::rewrite(&path, &bytes);
        std::process::Command::new("chmod").arg("600").arg(&path).status().unwrap();
    }
    let (verdict, found) = verdict(&home);
    assert_eq!(verdict, Verdict::Damaged);
    assert!(
        found.findings.iter().any(|f| f.what.contains("destroyed, and is there again")),
        "{:?}",
        found.findings
    );
    // Opening for writing carries the erasure out again.
    let (_, recovery) = home.open();
    assert_eq!(recovery.keys_destroyed, 1);
}

#[test]
fn the_signing_key_changes_with_continuity() {
    let home = Home::new(inline());
    let (ledger, _) = home.open();
    ledger.append("fw", "security", vec![record(1, "under the first key")]).unwrap();
    ledger.tick().unwrap();
    let first = reader(&home).identity().signer.clone();
    let before = fs::read(home.places.keys.join("signer")).unwrap();
    let second = ledger.rotate_signer("yearly").unwrap();
    assert_ne!(first, second);
    let both = reader(&home).note().to_string();
    let origin = reader(&home).identity().origin.clone();
    let opens = |note: &str, key: &hinomi_ledger::note::VerifierKey| {
        let keys = std::slice::from_ref(key);
        hinomi_ledger::checkpoint::VerifiedCheckpoint::open(note.as_bytes(), &origin, keys, &[]).is_ok()
    };
    assert!(opens(&both, &first) && opens(&both, &second), "the hand-over is signed by both");
    ledger.append("fw", "security", vec![record(2, "under the second key")]).unwrap();
    ledger.close().unwrap();
    let now = reader(&home).note().to_string();
    assert!(!opens(&now, &first) && opens(&now, &second));
    assert_eq!(verdict(&home).0, Verdict::Consistent);
    let (ledger, _) = home.open();
    ledger.rotate_signer("again").unwrap();
    ledger.close().unwrap();
    assert_eq!(verdict(&home).0, Verdict::Consistent);
    let third = fs::read(home.places.keys.join("signer")).unwrap();
    // The first key, put back, neither verifies nor signs.
    crate::support::rewrite(&home.places.keys.join("signer"), &before);
    assert_eq!(verdict(&home).0, Verdict::Damaged);
    let opened = hinomi_ledger::Ledger::open(home.around.clone(), home.places.clone(), inline());
    assert!(matches!(opened, Err(LedgerError::Refused { .. })), "{opened:?}");
    crate::support::rewrite(&home.places.keys.join("signer"), &third);
    home.open();
}

/// A record under the third signing key, with bundles from before and after each rotation.
fn rotated_twice() -> Rotated {
    rotated_twice_as(1)
}

type Rotated = (Home, Vec<hinomi_ledger::Bundle>, Vec<hinomi_ledger::note::VerifierKey>);

fn rotated_twice_as(seed: u64) -> Rotated {
    let home = Home::seeded(inline(), None, seed);
    let (ledger, _) = home.open();
    let mut keys = vec![ledger.identity().signer.clone()];
    let mut bundles = Vec::new();
    for round in 0..3 {
        if round > 0 {
            keys.push(ledger.rotate_signer("yearly").unwrap());
            bundles.push(reader(&home).prove(2, 0).unwrap());
        }
        ledger.append("fw", "security", vec![record(round, &format!("event {round}"))]).unwrap();
        ledger.tick().unwrap();
        let reader = reader(&home);
        let leaf = (0..reader.size()).rfind(|n| reader.block(*n).unwrap().is_some()).unwrap();
        bundles.push(reader.prove(leaf, 0).unwrap());
    }
    ledger.close().unwrap();
    (home, bundles, keys)
}

#[test]
fn a_bundle_after_two_rotations_is_believed_by_whoever_knows_any_of_the_keys() {
    let (_home, bundles, keys) = rotated_twice();
    let last = bundles.last().unwrap();
    assert_eq!((bundles[0].chain.len(), last.chain.len()), (0, 3));
    let verify = |known: &[hinomi_ledger::note::VerifierKey]| last.verify(known, &[]);
    for (known, key) in keys.iter().enumerate() {
        let proven = verify(std::slice::from_ref(key)).unwrap();
        assert_eq!((proven.signer_known, proven.rotations, proven.leaf), (true, 2 - known, last.leaf.index));
        assert_eq!(proven.record.bytes, b"event 2");
    }
    assert_eq!(last.claimed_keys().unwrap(), keys);
    assert!(!verify(&[]).unwrap().signer_known);
    let stranger = Home::seeded(inline(), None, 5);
    assert!(verify(&[reader(&stranger).identity().signer.clone()]).is_err());
    // Also those that the hand-over's checkpoint covers, and after a way through JSON.
    for bundle in &bundles {
        let again = hinomi_ledger::Bundle::from_json(bundle.to_json().unwrap().as_bytes()).unwrap();
        assert!(again.verify(&keys[..1], &[]).unwrap().signer_known);
    }
    let without = hinomi_ledger::Bundle { chain: Vec::new(), ..last.clone() };
    assert!(without.verify(&keys[..1], &[]).is_err(), "the chain is needed");
    assert!(without.verify(&keys[2..], &[]).is_ok(), "the present key is enough");
}

#[test]
fn a_forged_chain_of_keys_is_rejected_whatever_part_is_altered() {
    let (_home, bundles, keys) = rotated_twice();
    let sound = bundles.last().unwrap();
    let refused = |what: &str, alter: &dyn Fn(&mut hinomi_ledger::Bundle)| {
        let mut forged = sound.clone();
        alter(&mut forged);
        assert_ne!(forged, *sound, "{what} changes nothing");
        assert!(forged.verify(&keys[..1], &[]).is_err(), "{what}");
    };
    let mut altered = 0;
    for link in 0..sound.chain.len() {
        // Every byte of every leaf of the chain: signer, reason, endorsement, ledger, origin.
        let bytes = STANDARD.decode(&sound.chain[link].bytes).unwrap();
        for at in 0..bytes.len() {
            refused(&format!("byte {at} of link {link}"), &|bundle| {
                let mut other = bytes.clone();
                other[at] ^= 1;
                bundle.chain[link].bytes = STANDARD.encode(other);
            });
            altered += 1;
        }
        refused("index", &|bundle| bundle.chain[link].index += 1);
        for hash in 0..sound.chain[link].proof.len() {
            let other = STANDARD.encode([7; 32]);
            refused("proof", &|bundle| bundle.chain[link].proof[hash].clone_from(&other));
        }
        refused("shorter proof", &|bundle| drop(bundle.chain[link].proof.pop()));
        refused("a link less", &|bundle| drop(bundle.chain.remove(link)));
        refused("a link twice", &|bundle| bundle.chain.insert(link, sound.chain[link].clone()));
    }
    assert!(altered > 800, "{altered}");
    refused("order", &|bundle| bundle.chain.swap(1, 2));
    // An intruder's key that endorses itself.
    let (_other, foreign, _) = rotated_twice_as(6);
    let foreign = foreign.last().unwrap();
    refused("another ledger's chain", &|bundle| bundle.chain.clone_from(&foreign.chain));
    refused("another ledger", &|bundle| *bundle = foreign.clone());
    refused("its rotation under this genesis", &|bundle| bundle.chain[1] = foreign.chain[1].clone());
}

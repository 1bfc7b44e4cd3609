//! What an intruder may do to the files, one change at a time: every change is found, and named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hinomi_ledger::checkpoint::Checkpoint;
use hinomi_ledger::note::Note;
use hinomi_ledger::{
    Anchor, Ledger, Options, Places, Reader, Record, Verdict, Verification, VerifyOptions, verify,
};

use crate::support::{Home, inline, record, rewrite};

fn check(home: &Home) -> Verification {
    check_with(home, Vec::new())
}

fn check_with(home: &Home, anchors: Vec<Anchor>) -> Verification {
    let options = VerifyOptions { anchors, threads: 1, ..VerifyOptions::default() };
    verify(home.around.disk.clone(), &home.places, &options, &mut |_| {}).unwrap()
}

/// A ledger with two segments, a write-ahead file and three sources.
fn small() -> Home {
    let home = Home::new(Options { wal_bytes: 1500, ..inline() });
    let (ledger, _) = home.open();
    for i in 0..4u64 {
        ledger
            .append(
                "fw",
                "security",
                vec![record(10 * i, &format!("first {i}")), record(10 * i + 1, "second")],
            )
            .unwrap();
        ledger.append(["proxy", "dc"][(i % 2) as usize], "access", vec![record(10 * i, "x")]).unwrap();
        ledger.tick().unwrap();
    }
    ledger.pack().unwrap();
    ledger.close().unwrap();
    // The last file stays as it is.
    let home = Home { options: inline(), ..home };
    let (ledger, _) = home.open();
    ledger.append("fw", "security", vec![record(100, "the last")]).unwrap();
    ledger.close().unwrap();
    home
}

/// The writer packs a file and ends before a leaf names the segment: readers take it all the same.
#[test]
fn a_segment_that_no_leaf_names_yet_is_compared_as_well() {
    let home = Home::new(Options { wal_bytes: 1500, ..inline() });
    let (ledger, _) = home.open();
    for i in 0..8 {
        ledger.append("fw", "security", vec![record(10 * i, &format!("line {i} of some length"))]).unwrap();
        ledger.tick().unwrap();
    }
    ledger.close().unwrap();
    let before = check(&home);
    // What packing makes of the first file, from a copy of the ledger.
    let other = tempfile::tempdir().unwrap();
    let mut copy = std::process::Command::new("cp");
    copy.arg("-a").arg(home.folder.path().join("data")).arg(other.path());
    assert!(copy.status().unwrap().success());
    let places = Places::in_data_dir(&other.path().join("data"), "evidence");
    let (ledger, _) = Ledger::open(home.around.clone(), places.clone(), home.options.clone()).unwrap();
    ledger.pack().unwrap();
    ledger.close().unwrap();
    let name = "segments/0000000000000001.seg";
    let sound = fs::read(places.evidence.join(name)).unwrap();
    assert!(home.places.evidence.join("wal/0000000000000001.wal").exists());
    let segment = home.places.evidence.join(name);
    rewrite(&segment, &sound);
    let found = check(&home);
    assert_eq!(found.findings, []);
    assert_eq!((found.blocks, found.records, found.bytes), (before.blocks, before.records, before.bytes));
    for at in (0..sound.len()).step_by(7) {
        let mut changed = sound.clone();
        changed[at] ^= 1 << (at % 8);
        rewrite(&segment, &changed);
        let found = check(&home);
        assert!(found.findings.iter().any(|f| f.path.as_ref() == Some(&segment)), "byte {at}: {found:?}");
    }
    rewrite(&segment, &sound[..sound.len() / 2]);
    assert_eq!(check(&home).verdict(), Verdict::Damaged);
}

fn files(home: &Home) -> Vec<PathBuf> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, out) } else { out.push(path) }
        }
    }
    let mut out = Vec::new();
    walk(home.folder.path(), &mut out);
    out.sort();
    out
}

fn anchor(home: &Home) -> Anchor {
    let bytes = fs::read(home.places.evidence.join("log/checkpoint")).unwrap();
    let checkpoint: Checkpoint = Note::parse(&bytes).unwrap().unverified_text().parse().unwrap();
    Anchor { name: "a witness".to_owned(), checkpoint }
}

#[test]
fn an_unharmed_ledger_is_consistent_and_with_an_anchor_anchored() {
    let home = small();
    let found = check(&home);
    assert_eq!(found.findings, []);
    assert_eq!(found.verdict(), Verdict::Consistent);
    assert_eq!((found.blocks, found.records), (9, 13));
    let found = check_with(&home, vec![anchor(&home)]);
    assert_eq!(found.verdict(), Verdict::Anchored(found.size));
}

/// Flips every byte of the files whose path contains `part`, one at a time.
fn flip(part: &str, at_least: usize) {
    let home = small();
    assert_eq!(check(&home).findings, []);
    let mut flips = 0;
    for path in files(&home).into_iter().filter(|p| p.to_str().unwrap().contains(part)) {
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            // Another bit each time; also the case of letters in text.
            changed[at] ^= 1 << (at % 8);
            rewrite(&path, &changed);
            let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
            let found = verify(home.around.disk.clone(), &home.places, &options, &mut |_| {});
            let damaged = found.as_ref().is_ok_and(|v| v.verdict() == Verdict::Damaged) || found.is_err();
            assert!(damaged, "byte {at} of {}: {found:?}", path.display());
            flips += 1;
        }
        rewrite(&path, &bytes);
    }
    assert!(flips >= at_least, "only {flips} bytes");
    assert_eq!(check(&home).findings, []);
}

#[test]
fn every_flipped_byte_of_the_write_ahead_log_is_found() {
    flip("/wal/", 3500);
}

#[test]
fn every_flipped_byte_of_segments_is_found() {
    flip("/segments/", 1500);
}

#[test]
fn every_flipped_byte_of_the_published_log_is_found() {
    flip("/log/", 2000);
}

/// A checkpoint without a valid signature may claim any size; the time that this takes is bounded by what the files hold.
#[test]
fn a_checkpoint_that_claims_more_leaves_than_there_can_be_is_found_at_once() {
    let home = small();
    let path = home.places.evidence.join("log/checkpoint");
    let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    let size = check(&home).size;
    for claimed in [size + 1, 1 << 40, u64::MAX] {
        rewrite(&path, text.replacen(&format!("\n{size}\n"), &format!("\n{claimed}\n"), 1).as_bytes());
        let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
        match verify(home.around.disk.clone(), &home.places, &options, &mut |_| {}) {
            Ok(found) => assert_eq!(found.verdict(), Verdict::Damaged, "{claimed}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn every_flipped_byte_of_keys_and_format_is_found() {
    flip("/keys/", 500);
    flip("/evidence/format", 100);
}

#[test]
fn deleted_truncated_swapped_and_duplicated_files_are_found() {
    let home = small();
    let all = files(&home);
    let contents: BTreeMap<PathBuf, Vec<u8>> =
        all.iter().map(|p| (p.clone(), fs::read(p).unwrap())).collect();
    let newest = check(&home).size.to_string();
    let damaged = |what: &str| {
        let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
        match verify(home.around.disk.clone(), &home.places, &options, &mut |_| {}) {
            Ok(found) => assert_eq!(found.verdict(), Verdict::Damaged, "{what}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    };
    for (path, bytes) in &contents {
        if path.ends_with("lock") {
            continue;
        }
        let aside = home.folder.path().join("aside");
        fs::rename(path, &aside).unwrap();
        // The partial tiles of earlier checkpoints may go at any time.
        let outdated = path.parent().unwrap().ends_with("000.p") && !path.ends_with(&newest);
        if !outdated {
            damaged(&format!("{} deleted", path.display()));
        }
        fs::rename(&aside, path).unwrap();
        for len in [0, bytes.len() / 2, bytes.len() - 1] {
            rewrite(path, &bytes[..len]);
            damaged(&format!("{} cut to {len}", path.display()));
        }
        rewrite(path, bytes);
        let copy = path.with_file_name(
            path.file_name().unwrap().to_str().unwrap().replace("0000000000000001", "0000000000000009") + "",
        );
        if !contents.contains_key(&copy) {
            rewrite(&copy, bytes);
            damaged(&format!("{} is also {}", path.display(), copy.display()));
            fs::remove_file(&copy).unwrap();
        }
        for (other, theirs) in contents.iter().filter(|(o, _)| *o > path && o.extension() == path.extension())
        {
            if theirs == bytes {
                continue;
            }
            rewrite(path, theirs);
            rewrite(other, bytes);
            damaged(&format!("{} and {} swapped", path.display(), other.display()));
            rewrite(other, theirs);
        }
        rewrite(path, bytes);
    }
    assert_eq!(check(&home).findings, []);
}

#[test]
fn going_back_to_an_earlier_state_is_found_against_an_anchor() {
    let home = small();
    let earlier = home.folder.path().join("earlier");
    let copy = |from: &Path, to: &Path| {
        assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    copy(&home.folder.path().join("data"), &earlier);
    let (ledger, _) = home.open();
    ledger.append("fw", "security", vec![record(200, "what the intruder wants gone")]).unwrap();
    ledger.close().unwrap();
    let seen = anchor(&home);
    fs::remove_dir_all(home.folder.path().join("data")).unwrap();
    copy(&earlier, &home.folder.path().join("data"));
    let alone = check(&home);
    assert_eq!(alone.verdict(), Verdict::Consistent, "nothing on this machine knows better");
    let found = check_with(&home, vec![seen]);
    assert_eq!(found.verdict(), Verdict::Damaged);
    let what = &found.findings[0].what;
    assert!(what.contains("rolled back") && what.contains("2026-01-02T03:04:05"), "{what}");
}

#[test]
fn a_fork_is_found_against_an_anchor() {
    let home = small();
    let earlier = home.folder.path().join("earlier");
    let copy = |from: &Path, to: &Path| {
        assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    copy(&home.folder.path().join("data"), &earlier);
    let write = |text: &str| {
        let (ledger, _) = home.open();
        ledger.append("fw", "security", vec![record(200, text)]).unwrap();
        ledger.close().unwrap();
    };
    write("what happened");
    let seen = anchor(&home);
    fs::remove_dir_all(home.folder.path().join("data")).unwrap();
    copy(&earlier, &home.folder.path().join("data"));
    write("what did not happen");
    write("and more of it");
    let found = check_with(&home, vec![seen]);
    assert!(found.findings[0].what.contains("are not those"), "{:?}", found.findings);
}

/// Recomputes the checksum of a segment's index frame, as somebody does who has read the format.
fn resign_index(segment: &mut [u8]) {
    let number = |bytes: &[u8]| bytes.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
    let at = number(&segment[segment.len() - 16..segment.len() - 8]);
    let (header, body) = (number(&segment[at + 28..at + 32]), number(&segment[at + 32..at + 36]));
    let content = at + 40..at + 40 + header + body;
    let crc = crc32fast::hash(&segment[content.clone()]).to_be_bytes();
    segment[content.end..content.end + 4].copy_from_slice(&crc);
}

#[test]
fn a_tampered_index_of_a_segment_never_leads_to_other_records() {
    let home = small();
    let path = home.places.evidence.join("segments/0000000000000001.seg");
    let good = fs::read(&path).unwrap();
    let records = || -> Result<Vec<_>, hinomi_ledger::LedgerError> {
        let reader = hinomi_ledger::Reader::open(home.around.disk.clone(), home.places.clone(), true)?;
        reader.blocks(0, reader.size()).map(|block| block.map(|b| (b.leaf, b.records))).collect()
    };
    let sound = records().unwrap();
    let at = good.len() - 16;
    let begin = u64::from_be_bytes(good[at..at + 8].try_into().unwrap()) as usize + 40;
    let mut resigned = good.clone();
    resign_index(&mut resigned);
    assert_eq!(resigned, good, "the checksum is computed as the ledger does");
    let mut refused = 0;
    for (byte, bit) in (begin..at - 4).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
        let mut bad = good.clone();
        bad[byte] ^= 1 << bit;
        resign_index(&mut bad);
        rewrite(&path, &bad);
        match records() {
            Ok(read) => assert_eq!(read, sound, "byte {byte} bit {bit}"),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
        let found = check(&home);
        let named = found.findings.iter().any(|f| f.path.as_deref() == Some(&*path));
        assert!(named, "byte {byte} bit {bit}: {:?}", found.findings);
    }
    assert!(refused > 50, "{refused}");
    // A tile that is not of this tree, found when a record is asked for, not only by verification.
    rewrite(&path, &good);
    let size = check(&home).size;
    let tile = home.places.evidence.join(format!("log/tile/0/000.p/{size}"));
    let mut bytes = fs::read(&tile).unwrap();
    bytes[5] ^= 1;
    rewrite(&tile, &bytes);
    assert!(matches!(records(), Err(hinomi_ledger::LedgerError::NotAuthentic { .. })));
}

/// Records of all blocks that open, as their data keys give them.
fn opened(home: &Home) -> BTreeMap<u64, Vec<Record>> {
    let Ok(reader) = Reader::open(home.around.disk.clone(), home.places.clone(), true) else {
        return BTreeMap::new();
    };
    let open = |leaf: u64| Some((leaf, reader.opened(leaf).ok()??.records().cloned().collect()));
    (0..reader.size()).filter_map(open).collect()
}

#[test]
fn what_a_data_key_opens_was_sealed_with_it() {
    let home = small();
    let reader = Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap();
    let sound = opened(&home);
    assert_eq!(sound.len(), 9);
    for (leaf, records) in &sound {
        assert_eq!(reader.block(*leaf).unwrap().unwrap().records, *records);
    }
    let mut closed = 0;
    for folder in ["wal", "segments"] {
        for entry in fs::read_dir(home.places.evidence.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let whole = fs::read(&path).unwrap();
            for at in (0..whole.len()).step_by(5) {
                let mut bent = whole.clone();
                bent[at] ^= 1;
                rewrite(&path, &bent);
                let found = opened(&home);
                closed += sound.len() - found.len();
                assert!(found.iter().all(|(leaf, records)| sound.get(leaf) == Some(records)), "byte {at}");
            }
            rewrite(&path, &whole);
        }
    }
    assert!(closed > 100, "{closed}");
}

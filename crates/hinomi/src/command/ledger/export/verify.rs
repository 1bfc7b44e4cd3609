//! `hinomi verify export`: every record, what is missing, and the chain of custody, without the ledger.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use hinomi_ledger::checkpoint::VerifiedCheckpoint;
use hinomi_ledger::note::VerifierKey;
use hinomi_ledger::{Block, Bundle, ExportedBlock, LeafProof};
use hinomi_model::{Digest, Hashing};
use serde_json::json;

use super::super::verify::key;
use super::custody::{self, Entry};
use super::manifest::{BLOCKS, KIND, MANIFEST, Manifest, PROOFS, RECORD, RecordsFile, ledger_record, time};
use super::print;
use crate::args::{Lang, VerifyExport};
use crate::exit::{Exit, Failure};
use crate::render::harmless;

/// The longest line of the files of blocks and proofs: a block of many small records.
const LINE: u64 = 256 << 20;

/// What was found.
struct Found {
    manifest: Manifest,
    signer_known: bool,
    cosignatures: usize,
    records: u64,
    /// Sources whose blocks follow each other without a gap.
    unbroken: usize,
    /// Records in blocks that could not be read: source, first and last time, how many, why.
    missing: Vec<(Block, String)>,
    custody: Vec<Entry>,
}

/// Verifies an export.
pub(in super::super::super) fn verify_export(args: &VerifyExport) -> Result<Exit, Failure> {
    let keys = |texts: &[String]| texts.iter().map(|t| key(t)).collect::<Result<Vec<_>, _>>();
    let (signers, witnesses, holders) = (keys(&args.key)?, keys(&args.witness)?, keys(&args.holder)?);
    let found = check(&args.export, &signers, &witnesses, &holders)
        .map_err(|what| Failure::new(Exit::Failed, format!("{}: {what}", args.export.display())))?;
    let text = if args.json {
        as_json(&found)
    } else {
        as_text(&found, args.lang.unwrap_or_else(super::super::super::investigate::language))
    };
    print(text.as_bytes())?;
    let holds =
        found.signer_known && found.missing.is_empty() && found.unbroken == found.manifest.files.len();
    Ok(if holds { Exit::Clean } else { Exit::Unreadable })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn check(
    export: &Path,
    signers: &[VerifierKey],
    witnesses: &[VerifierKey],
    holders: &[VerifierKey],
) -> Result<Found, String> {
    let bytes = read(&export.join(MANIFEST))?;
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|e| format!("{MANIFEST} is not that of an export: {e}"))?;
    if manifest.kind != KIND {
        return Err(format!("{MANIFEST}: {} is not known here", harmless(&manifest.kind)));
    }
    let bundle = Bundle::from_json(&read(&export.join(RECORD))?).map_err(|e| format!("{RECORD}: {e}"))?;
    let proven = bundle.verify(signers, witnesses).map_err(|e| format!("{RECORD}: {e}"))?;
    if proven.record.bytes != ledger_record(&manifest, &Digest::of(&bytes)).as_bytes() {
        return Err(format!("{MANIFEST} is not the one that the ledger keeps a record of"));
    }
    if bundle.origin != manifest.origin {
        return Err(format!("{MANIFEST} and {RECORD} speak of different ledgers"));
    }
    let (blocks, missing) = check_blocks(export, &manifest, &proven.checkpoint)?;
    Ok(Found {
        signer_known: proven.signer_known,
        cosignatures: proven.checkpoint.cosignatures().len(),
        records: manifest.files.iter().map(|f| f.records).sum(),
        unbroken: unbroken(&manifest, &blocks),
        missing,
        custody: custody::read(export, holders)?,
        manifest,
    })
}

/// Lines of JSON, one at a time.
struct Lines {
    reader: BufReader<File>,
    hashing: Hashing,
    name: &'static str,
}

impl Lines {
    fn open(export: &Path, name: &'static str) -> Result<Self, String> {
        let file = File::open(export.join(name)).map_err(|e| format!("{name}: {e}"))?;
        Ok(Self { reader: BufReader::new(file), hashing: Hashing::default(), name })
    }

    fn next<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>, String> {
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(LINE).read_until(b'\n', &mut line);
        read.map_err(|e| format!("{}: {e}", self.name))?;
        self.hashing.update(&line);
        if line.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).map_err(|e| format!("{}: {e}", self.name))
    }
}

/// A file that is hashed while it is read.
struct Hashed(BufReader<File>, Hashing);

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Blocks by leaf, and what is missing.
type Checked = (BTreeMap<u64, Block>, Vec<(Block, String)>);

fn check_blocks(
    export: &Path,
    manifest: &Manifest,
    checkpoint: &VerifiedCheckpoint,
) -> Result<Checked, String> {
    let mut proofs: BTreeMap<u64, LeafProof> = BTreeMap::new();
    let mut lines = Lines::open(export, PROOFS)?;
    while let Some(proof) = lines.next::<LeafProof>()? {
        proofs.insert(proof.leaf, proof);
    }
    let proof_of = |leaf: u64| proofs.get(&leaf).ok_or_else(|| format!("{PROOFS}: none for leaf {leaf}"));
    let mut blocks = BTreeMap::new();
    let mut lines = Lines::open(export, BLOCKS)?;
    for file in &manifest.files {
        check_file(export, file, &mut lines, &proof_of, checkpoint, &mut blocks)?;
    }
    if lines.next::<ExportedBlock>()?.is_some() {
        return Err(format!("{BLOCKS} holds more than {MANIFEST} says"));
    }
    if lines.hashing.finish().to_string() != manifest.blocks_sha256 {
        return Err(format!("{BLOCKS} is not the one that {MANIFEST} names"));
    }
    let mut missing = Vec::new();
    for left in &manifest.left_out {
        let block = left.block.block(proof_of(left.block.leaf)?, checkpoint);
        let block = block.map_err(|e| format!("leaf {}: {e}", left.block.leaf))?;
        blocks.insert(left.block.leaf, block.clone());
        missing.push((block, left.why.clone()));
    }
    Ok((blocks, missing))
}

/// The records of one source against their blocks.
fn check_file<'a>(
    export: &Path,
    file: &RecordsFile,
    lines: &mut Lines,
    proof_of: &dyn Fn(u64) -> Result<&'a LeafProof, String>,
    checkpoint: &VerifiedCheckpoint,
    blocks: &mut BTreeMap<u64, Block>,
) -> Result<(), String> {
    let name = harmless(&file.path);
    if Path::new(&file.path).components().any(|c| !matches!(c, std::path::Component::Normal(_))) {
        return Err(format!("{name}: it is not below the export"));
    }
    let opened = File::open(export.join(&file.path)).map_err(|e| format!("{name}: {e}"))?;
    let mut data = Hashed(BufReader::new(opened), Hashing::default());
    let mut records = 0;
    for _ in 0..file.blocks {
        let block: ExportedBlock = lines.next()?.ok_or_else(|| format!("{BLOCKS} ends early"))?;
        let proven = block.verify(proof_of(block.leaf)?, checkpoint, &mut data);
        let proven = proven.map_err(|e| format!("{name}, leaf {}: {e}", block.leaf))?;
        if proven.scope.source != file.source {
            return Err(format!("{name}, leaf {}: it is of another source", block.leaf));
        }
        records += u64::from(proven.count);
        if blocks.insert(block.leaf, proven).is_some() {
            return Err(format!("{name}, leaf {}: it is there twice", block.leaf));
        }
    }
    let behind = std::io::copy(&mut data, &mut std::io::sink()).map_err(|e| format!("{name}: {e}"))?;
    if behind > 0 || records != file.records || data.1.finish().to_string() != file.sha256 {
        return Err(format!("{name}: it is not what {MANIFEST} says"));
    }
    Ok(())
}

/// How many sources have blocks that each name the one before: nothing between the first and the last was left out.
fn unbroken(manifest: &Manifest, blocks: &BTreeMap<u64, Block>) -> usize {
    let follows = |source: &str| {
        let of_source: Vec<_> = blocks.iter().filter(|(_, b)| b.scope.source == source).collect();
        of_source.windows(2).all(|pair| match pair {
            [(before, _), (_, block)] => block.previous == Some(**before),
            _ => true,
        })
    };
    manifest.files.iter().filter(|f| follows(&f.source)).count()
}

fn as_json(found: &Found) -> String {
    let missing: Vec<_> = found
        .missing
        .iter()
        .map(|(b, why)| {
            json!({"source": b.scope.source, "from": time(b.first_ns), "to": time(b.last_ns), "records": b.count, "why": why})
        })
        .collect();
    let custody: Vec<_> = found
        .custody
        .iter()
        .map(|e| {
            json!({"at": e.at, "action": e.action, "note": e.note, "signer": e.signer, "signer_known": e.signer_known})
        })
        .collect();
    let m = &found.manifest;
    let body = json!({"schema_version": "1.0", "holds": true, "signer_known": found.signer_known,
        "cosignatures": found.cosignatures, "origin": m.origin, "exported": m.exported, "by": m.by, "case": m.case,
        "reason": m.reason, "sources": m.files.len(), "unbroken_sources": found.unbroken, "records": found.records,
        "missing": missing, "custody": custody});
    format!("{body:#}\n")
}

fn as_text(found: &Found, lang: Lang) -> String {
    let m = &found.manifest;
    let (records, sources, unbroken) = (found.records, m.files.len(), found.unbroken);
    let [origin, by, case, reason] = [&m.origin, &m.by, &m.case, &m.reason].map(|t| harmless(t));
    let exported = harmless(&m.exported);
    let ja = lang == Lang::Ja;
    let mut text = if ja {
        format!(
            "{records} 件、{sources} ソースのすべてのレコードが台帳 {origin} のものと一致します\n\
             書き出し {exported}、{by}、案件 {case}、理由 {reason}\n\
             {sources} ソース中 {unbroken} は先頭から末尾まで欠けなく連続しています\n"
        )
    } else {
        format!(
            "every one of {records} records of {sources} sources is that of ledger {origin}\n\
             exported {exported} by {by}, case {case}, reason {reason}\n\
             {unbroken} of {sources} sources are unbroken from their first to their last block\n"
        )
    };
    for (block, why) in &found.missing {
        let (source, from, to) = (harmless(&block.scope.source), time(block.first_ns), time(block.last_ns));
        let (count, why) = (block.count, harmless(why));
        text.push_str(&if ja {
            format!("欠落 {source} {from} – {to} {count} 件: {why}\n")
        } else {
            format!("missing {source} {from} – {to} {count} records: {why}\n")
        });
    }
    for entry in &found.custody {
        let [at, action, note, signer] =
            [&entry.at, &entry.action, &entry.note, &entry.signer].map(|t| harmless(t));
        let known = match (entry.signer_known, ja) {
            (true, _) => "",
            (false, true) => "（鍵は未確認。--holder で指定してください）",
            (false, false) => " (unknown key: give it with --holder)",
        };
        text.push_str(&format!("{at} {signer}{known}: {action}; {note}\n"));
    }
    if !found.signer_known {
        text.push_str(if ja {
            "台帳の鍵は書き出し自身が名乗るものです（--key を指定してください）\n"
        } else {
            "the key of the ledger is only what the export says (give --key)\n"
        });
    }
    text
}

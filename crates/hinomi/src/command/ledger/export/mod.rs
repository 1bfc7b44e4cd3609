//! `hinomi ledger export`: records for somebody outside, who can verify each of them and through whose hands they went.
//!
//! The order of things: records and what is needed for their hashes are written, the manifest names them by digest, the
//! ledger keeps a record of the manifest's digest, and only then the proofs are made, against the checkpoint that
//! covers this record. So the ledger itself bears witness to what was handed out, to whom and why, and nobody can
//! exchange the export without the difference being seen.

mod custody;
mod manifest;
mod verify;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, IoSlice, Write as _};
use std::path::{Path, PathBuf};

use hinomi_ledger::completeness::is_built_in;
use hinomi_ledger::{Block, LedgerError, Reader, Record};
use hinomi_model::{Access, Digest, Hashing};
use serde::Serialize;
use serde_json::json;

use super::{failure, keyfile, lang, opening, print, reader, surroundings};
use crate::args::{Lang, LedgerExport};
use crate::exit::{Exit, Failure};
use crate::render::Percent;
use manifest::{
    Asked, BLOCKS, CUSTODY, KIND, LeftOut, MANIFEST, Manifest, PROOFS, RECORD, RecordsFile, ledger_record,
};

pub(super) use custody::{add as add_custody, make_key as make_custody_key};
pub(in super::super) use verify::verify_export;

/// The source of records about exports.
const SOURCE: &str = "hinomi:custody";
const CLASS: &str = "audit";

pub(super) fn run(args: &LedgerExport) -> Result<Exit, Failure> {
    for (name, text) in [("--by", &args.by), ("--case", &args.case), ("--reason", &args.reason)] {
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err(Failure::new(Exit::Usage, format!("{name}: a line of text is needed")));
        }
    }
    let day = |text: &Option<String>| text.as_deref().map(super::day).transpose();
    let days = (day(&args.from)?, day(&args.to)?);
    let wanted = |block: &Block| {
        let source = &block.scope.source;
        // What the ledger keeps of itself is handed out when it is asked for.
        let asked = args.source.contains(source) || (args.source.is_empty() && !is_built_in(source));
        asked
            && days.0.is_none_or(|first| block.scope.day >= first)
            && days.1.is_none_or(|last| block.scope.day <= last)
    };
    let reader = reader(&args.at.data)?;
    let mut sources: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for block in reader.block_leaves() {
        let (leaf, block) = block.map_err(failure)?;
        if wanted(&block) {
            sources.entry(block.scope.source).or_default().push(leaf);
        }
    }
    if sources.is_empty() {
        return Err(Failure::new(Exit::Unreadable, "the ledger holds no record of that kind")
            .hint("hinomi ledger stats --data DIR says what it holds"));
    }
    fs::create_dir(&args.out).map_err(|e| at(&args.out, e))?;
    fs::create_dir(args.out.join("records")).map_err(|e| at(&args.out, e))?;
    fs::create_dir(args.out.join(CUSTODY)).map_err(|e| at(&args.out, e))?;
    let (files, left_out, blocks_sha256) = write_records(&reader, &sources, &args.out)?;
    let now = surroundings().clock.now();
    let manifest = Manifest {
        kind: KIND.to_owned(),
        origin: reader.identity().origin.as_str().to_owned(),
        verifier_key: reader.checkpoint_signer().map_err(failure)?.to_string(),
        exported: now.to_string(),
        by: args.by.clone(),
        case: args.case.clone(),
        reason: args.reason.clone(),
        asked: Asked { sources: args.source.clone(), from: args.from.clone(), to: args.to.clone() },
        files,
        blocks_sha256,
        left_out,
    };
    drop(reader);
    let text = format!("{}\n", serde_json::to_string_pretty(&manifest).map_err(internal)?);
    write(&args.out.join(MANIFEST), text.as_bytes())?;
    let reader = record_in_ledger(args, &ledger_record(&manifest, &Digest::of(text.as_bytes())))?;
    write_proofs(&reader, &sources, &args.out.join(PROOFS))?;
    report(args, &manifest)
}

fn at(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format!("{}: {error}", path.display()))
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Internal, error)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = surroundings().disk.open(path, Access::CreateNew { mode: 0o644 }).and_then(|file| {
        file.write_all_at(&[IoSlice::new(bytes)], 0)?;
        file.sync_data()
    });
    written.map_err(|e| at(path, e))
}

/// A file that is hashed while it is written.
struct Hashed {
    file: BufWriter<File>,
    hashing: Hashing,
    bytes: u64,
    path: PathBuf,
}

impl Hashed {
    fn create(path: PathBuf) -> Result<Self, Failure> {
        let file = File::create_new(&path).map_err(|e| at(&path, e))?;
        Ok(Self { file: BufWriter::new(file), hashing: Hashing::default(), bytes: 0, path })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.hashing.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|e| at(&self.path, e))
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(value).map_err(internal)?;
        line.push(b'\n');
        self.put(&line)
    }

    fn finish(mut self) -> Result<(u64, Digest), Failure> {
        self.file.flush().map_err(|e| at(&self.path, e))?;
        Ok((self.bytes, self.hashing.finish()))
    }
}

type Written = (Vec<RecordsFile>, Vec<LeftOut>, String);

fn write_records(
    reader: &Reader,
    sources: &BTreeMap<String, Vec<u64>>,
    out: &Path,
) -> Result<Written, Failure> {
    let mut blocks = Hashed::create(out.join(BLOCKS))?;
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    let (mut percent, mut done) = (Percent::new(false), 0);
    let all = sources.values().map(|leaves| leaves.len() as u64).sum();
    for (number, (source, leaves)) in (1..).zip(sources) {
        let path = format!("records/{number:04}");
        let mut file = Hashed::create(out.join(&path))?;
        let (mut records, mut count) = (0, 0);
        for &leaf in leaves {
            percent.at(done, all);
            done += 1;
            match reader.export(leaf) {
                Ok(Some((block, exported))) => {
                    blocks.line(&block)?;
                    exported.iter().try_for_each(|record| file.put(&record.bytes))?;
                    records += exported.len() as u64;
                    count += 1;
                }
                Ok(None) => {}
                Err(error) => {
                    let why = match &error {
                        LedgerError::Erased { tombstone } => format!("erased by order, see leaf {tombstone}"),
                        other => other.to_string(),
                    };
                    let block = reader.export_leaf(leaf).map_err(failure)?;
                    left_out.push(LeftOut { block, why });
                }
            }
        }
        let (bytes, sha256) = file.finish()?;
        let sha256 = sha256.to_string();
        files.push(RecordsFile { source: source.clone(), path, bytes, sha256, records, blocks: count });
    }
    let (_, digest) = blocks.finish()?;
    Ok((files, left_out, digest.to_string()))
}

/// Has the ledger keep that this export was made, and writes the proof of it. The view that is returned covers it.
fn record_in_ledger(args: &LedgerExport, text: &str) -> Result<Reader, Failure> {
    let received_ns = u64::try_from(surroundings().clock.now().as_nanos()).unwrap_or(0);
    let (ledger, _) = opening::open(&args.at.data)?;
    let record = Record { received_ns, sequence: None, bytes: text.as_bytes().to_vec() };
    let located = ledger.append(SOURCE, CLASS, vec![record]).map_err(failure)?;
    located.wait().map_err(failure)?;
    ledger.tick().map_err(failure)?;
    ledger.close().map_err(failure)?;
    let reader = reader(&args.at.data)?;
    let mut last = None;
    for block in reader.block_leaves() {
        let (leaf, block) = block.map_err(failure)?;
        if block.scope.source == SOURCE {
            last = Some(leaf);
        }
    }
    let block = reader.block(last.unwrap_or_default()).map_err(failure)?;
    let found =
        block.and_then(|b| (0..).zip(b.records).find(|(_, r)| r.bytes == text.as_bytes()).map(|(n, _)| n));
    let (Some(leaf), Some(record)) = (last, found) else {
        return Err(Failure::new(Exit::Internal, "the ledger does not show the record of this export"));
    };
    let bundle = reader.prove(leaf, record).map_err(failure)?;
    write(&args.out.join(RECORD), bundle.to_json().map_err(failure)?.as_bytes())?;
    Ok(reader)
}

fn write_proofs(reader: &Reader, sources: &BTreeMap<String, Vec<u64>>, path: &Path) -> Result<(), Failure> {
    let mut proofs = Hashed::create(path.to_owned())?;
    for leaf in sources.values().flatten() {
        proofs.line(&reader.leaf_proof(*leaf).map_err(failure)?)?;
    }
    proofs.finish().map(|_| ())
}

fn report(args: &LedgerExport, manifest: &Manifest) -> Result<Exit, Failure> {
    let records: u64 = manifest.files.iter().map(|f| f.records).sum();
    let (sources, left_out) = (manifest.files.len(), manifest.left_out.len());
    let out = args.out.display();
    let text = match (args.at.json, lang(&args.at)) {
        (true, _) => format!(
            "{:#}\n",
            json!({"schema_version": "1.0", "export": args.out, "records": records, "sources": sources,
                "left_out_blocks": left_out})
        ),
        (false, Lang::En) => format!(
            "{records} records of {sources} sources are in {out}; {left_out} blocks could not be read\n\
             hinomi verify export {out} --key '{}' proves them, without this ledger\n",
            manifest.verifier_key
        ),
        (false, Lang::Ja) => format!(
            "{sources} ソースの {records} 件を {out} に書き出しました（読めないブロック {left_out}）\n\
             hinomi verify export {out} --key '{}' で、この台帳がなくても検証できます\n",
            manifest.verifier_key
        ),
    };
    print(text.as_bytes())?;
    Ok(if left_out == 0 { Exit::Clean } else { Exit::Unreadable })
}

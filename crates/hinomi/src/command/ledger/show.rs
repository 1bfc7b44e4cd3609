//! What a ledger holds.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use hinomi_ledger::completeness::is_built_in;
use hinomi_ledger::vault::is_vault;
use hinomi_ledger::{BlockRecords, FileDisk, Leaf, LedgerError, Reader};
use hinomi_model::{Digest, EvidencePlace, EvidenceRef, NANOS_PER_SECOND, Timestamp};
use serde_json::json;

use super::super::print;
use super::{failure, lang, reader};
use crate::args::{Lang, LedgerData, LedgerTail};
use crate::exit::{Exit, Failure};
use crate::render::harmless;

/// Leaf and record that a reference names; the part from `#` may be missing.
pub(super) fn parse_reference(text: &str, origin: &str) -> Result<(u64, u32), Failure> {
    let bad = || {
        Failure::new(Exit::Usage, format!("{text}: not a reference of this ledger"))
            .hint(format!("log:{origin}/<leaf>/<record>, as hinomi ledger tail prints it"))
    };
    let place = text.split_once('#').map_or(text, |(place, _)| place);
    match place.parse().map_err(|_| bad())? {
        EvidencePlace::Log { origin: named, leaf, record } if named == origin => Ok((leaf, record)),
        _ => Err(bad()),
    }
}

pub(super) fn reference(origin: &str, leaf: u64, record: u32, bytes: &[u8]) -> String {
    let place = EvidencePlace::Log { origin: origin.to_owned(), leaf, record };
    EvidenceRef { place, offset: 0, sub: 0, event: Digest::of(bytes) }.to_string()
}

fn time(ns: u64) -> String {
    Timestamp::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX)).to_string()
}

/// The last blocks that hold `wanted` records between them, oldest first, and the number of blocks without a key here.
/// Erased ones are passed over, and unless `own` those of the ledger itself.
fn last_blocks(reader: &Reader, wanted: usize, own: bool) -> Result<(Vec<BlockRecords>, u64), Failure> {
    let (mut blocks, mut held, mut closed) = (Vec::new(), 0, 0);
    for leaf in (0..reader.size()).rev() {
        if held >= wanted {
            break;
        }
        match reader.leaf(leaf).map_err(failure)? {
            Leaf::Block(block) if own || !is_built_in(&block.scope.source) => {}
            _ => continue,
        }
        match reader.block(leaf) {
            Ok(Some(block)) => {
                held += block.records.len();
                blocks.push(block);
            }
            Ok(None) | Err(LedgerError::Erased { .. }) => {}
            Err(LedgerError::Missing { what: "data key", .. }) => closed += 1,
            Err(error) => return Err(failure(error)),
        }
    }
    blocks.reverse();
    Ok((blocks, closed))
}

/// Says on standard error that blocks could not be opened.
fn tell_closed(closed: u64, data: &Path, lang: Lang) {
    let vault = is_vault(&FileDisk, data);
    let text = match (closed, vault, lang) {
        (0, ..) => return,
        (_, true, Lang::En) => {
            format!("{closed} blocks are not shown: their keys were not sealed to this vault\n")
        }
        (_, true, Lang::Ja) => {
            format!("{closed} ブロックは表示できません：鍵がこのボールト向けに封緘されていません\n")
        }
        (_, false, Lang::En) => {
            format!(
                "{closed} blocks are not shown: their keys are missing; hinomi verify ledger says which\n"
            )
        }
        (_, false, Lang::Ja) => {
            format!(
                "{closed} ブロックは表示できません：鍵がありません（hinomi verify ledger で確認できます）\n"
            )
        }
    };
    let _ = std::io::stderr().write_all(text.as_bytes());
}

pub(super) fn tail(args: &LedgerTail) -> Result<Exit, Failure> {
    let reader = reader(&args.at.data)?;
    let origin = reader.identity().origin.as_str().to_owned();
    let (blocks, closed) = last_blocks(&reader, args.records, args.own)?;
    tell_closed(closed, &args.at.data, lang(&args.at));
    let all = blocks.iter().flat_map(|b| (0..).zip(&b.records).map(move |(n, r)| (b, n, r)));
    let all: Vec<_> = all.collect();
    let mut text = String::new();
    for (block, number, record) in all.iter().skip(all.len().saturating_sub(args.records)) {
        let reference = reference(&origin, block.leaf, *number, &record.bytes);
        let source = &block.block.scope.source;
        if args.at.json {
            let body = json!({"reference": reference, "received": time(record.received_ns), "source": source,
                "class": block.block.scope.class, "bytes": record.bytes.len(),
                "text": String::from_utf8_lossy(&record.bytes)});
            text.push_str(&format!("{body}\n"));
        } else {
            let shown: String = String::from_utf8_lossy(&record.bytes).trim_end().chars().take(200).collect();
            let (source, shown) = (harmless(source), harmless(&shown));
            text.push_str(&format!("{} {source}: {shown}\n  {reference}\n", time(record.received_ns)));
        }
    }
    print(text.as_bytes())
}

/// What is known of one source, class and day.
#[derive(Default)]
struct Row {
    records: u64,
    bytes: u64,
    blocks: u64,
    erased: bool,
}

pub(super) fn stats(args: &LedgerData) -> Result<Exit, Failure> {
    let reader = reader(&args.data)?;
    let mut rows: BTreeMap<(String, String, u32), Row> = BTreeMap::new();
    let mut segments = 0;
    for leaf in 0..reader.size() {
        match reader.leaf(leaf).map_err(failure)? {
            Leaf::Block(block) => {
                let row = rows.entry((block.scope.source, block.scope.class, block.scope.day)).or_default();
                row.records += u64::from(block.count);
                row.bytes += block.bytes;
                row.blocks += 1;
            }
            Leaf::Tombstone(tombstone) => {
                let scope = tombstone.scope;
                rows.entry((scope.source, scope.class, scope.day)).or_default().erased = true;
            }
            Leaf::SegmentSealed(_) => segments += 1,
            _ => {}
        }
    }
    let day = |day: u32| {
        let text = Timestamp::from_nanos(i64::from(day) * 86_400 * NANOS_PER_SECOND).to_string();
        text.get(..10).unwrap_or_default().to_owned()
    };
    let identity = reader.identity();
    if args.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|((source, class, d), row)| {
                json!({"source": source, "class": class, "day": day(*d), "records": row.records, "bytes": row.bytes,
                    "blocks": row.blocks, "erased": row.erased})
            })
            .collect();
        let body = json!({"schema_version": "1.0", "origin": identity.origin.as_str(),
            "verifier_key": identity.signer.to_string(), "fingerprint": identity.signer.fingerprint(),
            "leaves": reader.size(), "segments": segments, "rows": rows});
        return print(format!("{body:#}\n").as_bytes());
    }
    let japanese = lang(args) == Lang::Ja;
    let (leaves, files) = if japanese { ("リーフ", "セグメント") } else { ("leaves", "segments") };
    let fingerprint = if japanese { "フィンガープリント" } else { "fingerprint" };
    let mut text = format!(
        "{}  {} {leaves}  {segments} {files}\n{fingerprint} {}\n",
        identity.origin,
        reader.size(),
        identity.signer.fingerprint()
    );
    for ((source, class, d), row) in &rows {
        let erased = match (row.erased, japanese) {
            (false, _) => "",
            (true, false) => "  erased by order",
            (true, true) => "  命令により消去済み",
        };
        let (records, bytes) = if japanese { ("件", "バイト") } else { ("records", "bytes") };
        let (source, class) = (harmless(source), harmless(class));
        text.push_str(&format!(
            "{}  {source}  {class}  {} {records}  {} {bytes}{erased}\n",
            day(*d),
            row.records,
            row.bytes
        ));
    }
    print(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_name_leaf_and_record() {
        let origin = "logs.example.jp/evidence";
        let text = reference(origin, 12, 3, b"x");
        assert_eq!(parse_reference(&text, origin).unwrap(), (12, 3));
        assert_eq!(parse_reference("log:logs.example.jp/evidence/12/3", origin).unwrap(), (12, 3));
        for bad in [
            "",
            "log:other/12/3",
            "log:logs.example.jp/evidence/12",
            "file:x",
            "log:logs.example.jp/evidence/a/b",
        ] {
            assert!(parse_reference(bad, origin).is_err(), "{bad}");
        }
    }
}

//! `hinomi verify ledger` and `hinomi verify bundle`.

use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::checkpoint::VerifiedCheckpoint;
use hinomi_ledger::note::VerifierKey;
use hinomi_ledger::vault::is_vault;
use hinomi_ledger::{
    Anchor, Bundle, FileDisk, Finding, LedgerError, Progress, Reader, Verdict, Verification, VerifyOptions,
    verify,
};
use hinomi_model::{Digest, Timestamp};
use serde_json::json;

use super::super::investigate::language;
use super::super::print;
use super::{failure, lang, places};
use crate::args::{Lang, VerifyBundle, VerifyLedger};
use crate::exit::{Exit, Failure};
use crate::render::{Percent, harmless};

pub(super) fn key(text: &str) -> Result<VerifierKey, Failure> {
    let bad =
        |e| Failure::new(Exit::Usage, format!("{text}: {e}")).hint("a verifier key is name+keyid+base64");
    text.parse().map_err(bad)
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))
}

/// Checkpoints that somebody else kept; a signature of the ledger on them must hold, and one of a witness if any is named.
fn anchors(args: &VerifyLedger) -> Result<Vec<Anchor>, Failure> {
    if args.anchor.is_empty() {
        return Ok(Vec::new());
    }
    let reader = Reader::open(Arc::new(FileDisk), places(&args.at.data), false).map_err(failure)?;
    let origin = &reader.identity().origin;
    let mut signers = reader.signers().map_err(failure)?;
    // A ledger that was begun by somebody else is a finding; what was kept of the real one must still be readable.
    signers.extend(args.key.as_deref().map(key).transpose()?);
    let witnesses = args.witness.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
    let mut anchors = Vec::new();
    for path in &args.anchor {
        // The folder of a vault holds the checkpoint that it cosigned.
        let file = if path.is_dir() { path.join("evidence/log/checkpoint") } else { path.clone() };
        let refused = |why: String| {
            Failure::new(Exit::Failed, format!("{}: {why}", file.display()))
                .hint("an anchor is a signed checkpoint of this ledger, kept where this machine could not change it")
        };
        let opened = VerifiedCheckpoint::open(&bytes_of(&file)?, origin, &signers, &witnesses)
            .map_err(|e| refused(e.to_string()))?;
        if !witnesses.is_empty() && opened.cosignatures().is_empty() {
            return Err(refused("none of the witnesses cosigned it".to_owned()));
        }
        anchors.push(Anchor { name: path.display().to_string(), checkpoint: opened.checkpoint().clone() });
    }
    Ok(anchors)
}

fn leaves(text: &str) -> Result<std::ops::Range<u64>, Failure> {
    let bad =
        || Failure::new(Exit::Usage, format!("{text}: not a range of leaves")).hint("for example 100..200");
    let (from, to) = text.split_once("..").ok_or_else(bad)?;
    Ok(from.parse().map_err(|_| bad())?..to.parse().map_err(|_| bad())?)
}

/// Verifies a whole ledger or a part of it.
pub(in super::super) fn verify_ledger(args: &VerifyLedger) -> Result<Exit, Failure> {
    if is_vault(&FileDisk, &args.at.data) {
        let text = format!("{}: a vault checks every record when it pulls it", args.at.data.display());
        return Err(Failure::new(Exit::Usage, text)
            .hint("verify the primary with --data, and give this folder as its --anchor; hinomi vault status says what is held"));
    }
    let options = VerifyOptions {
        anchors: anchors(args)?,
        signer: args.key.as_deref().map(key).transpose()?,
        leaves: args.leaves.as_deref().map(leaves).transpose()?,
        ..VerifyOptions::default()
    };
    let mut percent = Percent::new(args.quiet);
    let mut progress = |p: Progress| percent.at(p.done, p.total);
    let found =
        verify(Arc::new(FileDisk), &places(&args.at.data), &options, &mut progress).map_err(failure)?;
    drop(percent);
    let text = if args.at.json { as_json(&found) } else { as_text(&found, lang(&args.at)) };
    print(text.as_bytes())?;
    Ok(match found.verdict() {
        Verdict::Damaged => Exit::Failed,
        Verdict::Consistent => Exit::Unreadable,
        Verdict::Anchored(_) => Exit::Clean,
    })
}

fn place(finding: &Finding) -> String {
    let mut text = String::new();
    if let Some(path) = &finding.path {
        text.push_str(&path.display().to_string());
    }
    if let Some(offset) = finding.offset {
        text.push_str(&format!(" @{offset}"));
    }
    if let Some(leaf) = finding.leaf {
        text.push_str(&format!(" leaf {leaf}"));
    }
    text.trim_start().to_owned()
}

fn time(ns: u64) -> String {
    Timestamp::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX)).to_string()
}

fn as_json(found: &Verification) -> String {
    let findings: Vec<_> = found
        .findings
        .iter()
        .map(|f| {
            let concerns = f.concerns.as_ref();
            json!({"path": f.path, "offset": f.offset, "leaf": f.leaf, "what": f.what,
                "source": concerns.map(|c| &c.0), "from": concerns.map(|c| time(c.1)), "to": concerns.map(|c| time(c.2))})
        })
        .collect();
    let anchors: Vec<_> =
        found.anchors.iter().map(|a| json!({"name": a.name, "size": a.size, "holds": a.holds})).collect();
    let (verdict, anchored) = match found.verdict() {
        Verdict::Damaged => ("damaged", None),
        Verdict::Consistent => ("internally consistent only", None),
        Verdict::Anchored(size) => ("anchored", Some(size)),
    };
    let body = json!({"schema_version": "1.0", "verdict": verdict, "anchored_size": anchored,
        "origin": found.identity.origin.as_str(), "size": found.size, "blocks": found.blocks, "records": found.records,
        "bytes": found.bytes, "erased_blocks": found.erased_blocks, "unopened_blocks": found.unopened_blocks,
        "stored_bytes": found.stored_bytes, "anchors": anchors, "findings": findings,
        "unlisted_findings": found.unlisted_findings, "remarks": found.remarks});
    format!("{body:#}\n")
}

fn as_text(found: &Verification, lang: Lang) -> String {
    let mut text = String::new();
    for finding in &found.findings {
        text.push_str(&format!("✗ {}: {}\n", harmless(&place(finding)), harmless(&finding.what)));
        if let Some((source, from, to)) = &finding.concerns {
            text.push_str(&format!("    {}  {} – {}\n", harmless(source), time(*from), time(*to)));
        }
    }
    found.remarks.iter().for_each(|remark| text.push_str(&format!("- {}\n", harmless(remark))));
    let (size, records, bytes, erased) = (found.size, found.records, found.bytes, found.erased_blocks);
    text.push_str(&match lang {
        Lang::En => format!("{size} leaves, {records} records, {bytes} bytes read and compared; {erased} blocks erased by order\n"),
        Lang::Ja => format!("リーフ {size} 枚、レコード {records} 件、{bytes} バイトを照合。命令による消去 {erased} ブロック\n"),
    });
    if found.unopened_blocks > 0 {
        let unopened = found.unopened_blocks;
        text.push_str(&match lang {
            Lang::En => format!("{unopened} blocks were not opened\n"),
            Lang::Ja => format!("{unopened} ブロックは開いていません\n"),
        });
    }
    let findings = found.findings.len() as u64 + found.unlisted_findings;
    text.push_str(&match (found.verdict(), lang) {
        (Verdict::Damaged, Lang::En) => format!("DAMAGED: {findings} findings ({} listed)\n", found.findings.len()),
        (Verdict::Damaged, Lang::Ja) => format!("破損：指摘 {findings} 件（うち表示 {} 件）\n", found.findings.len()),
        (Verdict::Consistent, Lang::En) => "internally consistent only: without an anchor from another machine, whoever held \
            the signing key could have made all of this today (give --anchor)\n".to_owned(),
        (Verdict::Consistent, Lang::Ja) => "内部の整合のみ：この機器の外にある基準点がなければ、署名鍵を持つ者が今日すべてを作り直した可能性を否定できません\
            （--anchor を指定してください）\n".to_owned(),
        (Verdict::Anchored(size), Lang::En) => format!("holds: the first {size} leaves are those that the anchor has seen\n"),
        (Verdict::Anchored(size), Lang::Ja) => format!("真正：先頭のリーフ {size} 枚は基準点と一致します\n"),
    });
    text
}

/// The keys that a bundle names and whose fingerprint somebody wrote down; each fingerprint must be one of them.
fn known_by_fingerprint(bundle: &Bundle, fingerprints: &[String]) -> Result<Vec<VerifierKey>, Failure> {
    let claimed = bundle.claimed_keys().map_err(|e| Failure::new(Exit::Failed, e))?;
    let find = |wanted: &String| {
        let plain = |text: &str| text.trim().to_ascii_lowercase();
        let found = claimed.iter().find(|key| plain(&key.fingerprint()) == plain(wanted)).cloned();
        found.ok_or_else(|| {
            let text = format!("no key of the bundle has the fingerprint {}", harmless(wanted));
            Failure::new(Exit::Failed, text).hint("the ledger printed it when it was made")
        })
    };
    fingerprints.iter().map(find).collect()
}

/// Verifies a bundle, offline.
pub(in super::super) fn verify_bundle(args: &VerifyBundle) -> Result<Exit, Failure> {
    let keys = |texts: &[String]| texts.iter().map(|t| key(t)).collect::<Result<Vec<_>, _>>();
    let (mut signers, witnesses) = (keys(&args.key)?, keys(&args.witness)?);
    let bundle = Bundle::from_json(&bytes_of(&args.bundle)?).map_err(|e| Failure::new(Exit::Failed, e))?;
    signers.extend(known_by_fingerprint(&bundle, &args.fingerprint)?);
    let proven =
        bundle.verify(&signers, &witnesses).map_err(|e: LedgerError| Failure::new(Exit::Failed, e))?;
    let (record, block) = (&proven.record, &proven.block);
    let cosigned = proven.checkpoint.cosignatures().len();
    let known = proven.signer_known;
    if args.json {
        let body = json!({"schema_version": "1.0", "holds": true, "signer_known": known, "cosignatures": cosigned,
            "rotations": proven.rotations, "leaf": proven.leaf, "record": proven.index, "source": block.scope.source, "class": block.scope.class,
            "received": time(record.received_ns), "sha256": Digest::of(&record.bytes).to_string(),
            "checkpoint_size": proven.checkpoint.size(), "text": String::from_utf8_lossy(&record.bytes)});
        print(format!("{body:#}\n").as_bytes())?;
    } else {
        let shown: String = String::from_utf8_lossy(&record.bytes).chars().take(2000).collect();
        let (source, received) = (harmless(&block.scope.source), time(record.received_ns));
        let (leaf, index, size) = (proven.leaf, proven.index, proven.checkpoint.size());
        let said = match (args.lang.unwrap_or_else(language), known) {
            (Lang::En, true) => format!(
                "holds: received {received} from {source}; leaf {leaf}, record {index} of a log of {size}; {cosigned} cosignatures\n"
            ),
            (Lang::Ja, true) => format!(
                "真正：{received} に {source} から受信。{size} 枚中リーフ {leaf}、レコード {index}。連署 {cosigned} 件\n"
            ),
            (Lang::En, false) => format!(
                "consistent in itself: received {received} from {source}, says a key that only the bundle names (give --key or --fingerprint)\n"
            ),
            (Lang::Ja, false) => format!(
                "束の内部では整合：{received} に {source} から受信。ただし鍵は束自身が名乗るもの（--key か --fingerprint を指定してください）\n"
            ),
        };
        print(format!("{said}{}\n", harmless(&shown)).as_bytes())?;
    }
    Ok(if known { Exit::Clean } else { Exit::Unreadable })
}

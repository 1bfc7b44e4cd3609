//! `hinomi vault copy`.

use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::objects::{Copied, Copies, CopyFault, Depth, Immutability, ObjectStore, probe};
use hinomi_ledger::{FileDisk, SystemClock};
use hinomi_model::Clock as _;
use hinomi_server::Client;
use hinomi_server::s3::{S3Keys, S3Store};
use serde_json::json;

use super::{ledger_failure, server_failure, trust_for};
use crate::args::{CheckDepth, CopyArgs, Lang};
use crate::command::investigate::language;
use crate::command::print;
use crate::exit::{Exit, Failure};

const DAY_NS: u64 = 86_400_000_000_000;

/// What was done with one store.
struct Outcome {
    store: String,
    proof: Immutability,
    copied: Copied,
    faults: Vec<CopyFault>,
    lost: Vec<String>,
}

pub(super) fn run(args: &CopyArgs) -> Result<Exit, Failure> {
    let mut copies = Copies::open(Arc::new(FileDisk), &args.dir, &args.prefix).map_err(ledger_failure)?;
    let mut first = store(args, &args.to, &args.keys)?;
    let mut second = match (&args.second, &args.second_keys) {
        (Some(to), Some(keys)) => Some(store(args, to, keys)?),
        _ => None,
    };
    let mut outcomes = vec![tend(args, &mut copies, &mut first, second.as_mut())?];
    if let Some(second) = &mut second {
        outcomes.push(tend(args, &mut copies, second, Some(&mut first))?);
    }
    let lang = args.lang.unwrap_or_else(language);
    let text = if args.json { as_json(&outcomes) } else { outcomes.iter().map(|o| shown(o, lang)).collect() };
    print(text.as_bytes())?;
    let bad = outcomes.iter().any(|o| !o.proof.holds() || !o.faults.is_empty());
    Ok(if bad { Exit::Failed } else { Exit::Clean })
}

fn store(args: &CopyArgs, address: &str, keys: &Path) -> Result<S3Store, Failure> {
    let (url, bucket) = address
        .trim_end_matches('/')
        .rsplit_once('/')
        .ok_or_else(|| Failure::new(Exit::Usage, format!("{address}: an address and a bucket are needed")))?;
    let text = std::fs::read_to_string(keys)
        .map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", keys.display())))?;
    let keys = S3Keys::parse(keys, &text).map_err(server_failure)?;
    let trust = trust_for(url, args.ca.as_deref(), args.plain_http)?;
    let client = Client::patient(url, trust).map_err(server_failure)?;
    S3Store::new(client, bucket, keys, Arc::new(SystemClock)).map_err(server_failure)
}

/// Proves, copies, checks and puts back. Nothing is copied into a store that fails the proof.
fn tend(
    args: &CopyArgs,
    copies: &mut Copies,
    store: &mut S3Store,
    other: Option<&mut S3Store>,
) -> Result<Outcome, Failure> {
    let now = u64::try_from(SystemClock.now().as_nanos()).unwrap_or(0);
    let until = now.saturating_add(args.retain.saturating_mul(DAY_NS));
    let depth = if args.check == CheckDepth::Content { Depth::Content } else { Depth::Presence };
    let proof = probe(store, &args.prefix, now).map_err(ledger_failure)?;
    let faults = copies.check(store, depth).map_err(ledger_failure)?;
    let (mut done, mut lost) = (Copied::default(), Vec::new());
    if proof.holds() {
        let other = other.map(|o| o as &mut dyn ObjectStore);
        lost = copies.restore(store, other, &faults, until).map_err(ledger_failure)?;
        done = copies.copy(store, until).map_err(ledger_failure)?;
    }
    Ok(Outcome { store: store.name(), proof, copied: done, faults, lost })
}

fn as_json(outcomes: &[Outcome]) -> String {
    let stores: Vec<_> = outcomes
        .iter()
        .map(|o| {
            json!({
                "store": o.store, "immutable": o.proof.holds(), "proof": o.proof, "copied_objects": o.copied.objects,
                "copied_bytes": o.copied.bytes, "faults": o.faults, "lost": o.lost,
            })
        })
        .collect();
    format!("{:#}\n", json!({"schema_version": "1.0", "stores": stores}))
}

fn shown(outcome: &Outcome, lang: Lang) -> String {
    let Outcome { store, proof, copied, faults, lost } = outcome;
    let mut text = format!("{store}\n");
    text.push_str(&match (lang, proof.holds()) {
        (Lang::En, true) => {
            "  immutable: it refused deletion, shortening and weakening of a lock\n".to_owned()
        }
        (Lang::Ja, true) => "  変更不可: 削除・短縮・弱体化をいずれも拒否しました\n".to_owned(),
        (Lang::En, false) => format!("  NOT IMMUTABLE, nothing was copied: {proof:?}\n"),
        (Lang::Ja, false) => format!("  変更不可ではありません。複製していません: {proof:?}\n"),
    });
    let (objects, bytes) = (copied.objects, copied.bytes);
    text.push_str(&match lang {
        Lang::En => format!("  {objects} new copies, {bytes} bytes\n"),
        Lang::Ja => format!("  新しい複製 {objects} 件、{bytes} バイト\n"),
    });
    for fault in faults {
        let gone = lost.iter().any(|key| key == fault.key());
        let (what, key) = match (fault, lang) {
            (CopyFault::Missing { key }, Lang::En) => ("MISSING", key),
            (CopyFault::Missing { key }, Lang::Ja) => ("消失", key),
            (CopyFault::Altered { key }, Lang::En) => ("ALTERED", key),
            (CopyFault::Altered { key }, Lang::Ja) => ("改変", key),
            (CopyFault::Unlocked { key }, Lang::En) => ("NOT LOCKED AS ASKED", key),
            (CopyFault::Unlocked { key }, Lang::Ja) => ("ロック不足", key),
        };
        let then = match (gone, proof.holds(), lang) {
            (true, _, Lang::En) => "no other copy is left",
            (true, _, Lang::Ja) => "ほかに複製がありません",
            (false, true, Lang::En) => "put back",
            (false, true, Lang::Ja) => "復元しました",
            (false, false, Lang::En) => "not put back",
            (false, false, Lang::Ja) => "復元していません",
        };
        text.push_str(&format!("  {what}: {key} ({then})\n"));
    }
    text
}

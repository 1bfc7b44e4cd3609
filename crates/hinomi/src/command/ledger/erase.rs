//! Erasure: a key kept elsewhere, an order, its signature, and the deed.

use std::io::IoSlice;
use std::path::Path;

use hinomi_ledger::note::{Algorithm, KeyName, SignerKey};
use hinomi_ledger::{ERASER_NAME, ErasureOrder, Ledger, Options, Scope};
use hinomi_model::{Access, NANOS_PER_SECOND, Timestamp};
use serde_json::json;

use super::super::print;
use super::{failure, lang, places, surroundings};
use crate::args::{Lang, LedgerErase};
use crate::exit::{Exit, Failure};

const FIRST_LINE: &str = "hinomi erasure key 1\n";

/// Makes the key; prints its public half.
pub(super) fn make_key(out: &Path) -> Result<Exit, Failure> {
    let around = surroundings();
    let mut seed = [0u8; 32];
    around.entropy.fill(&mut seed).map_err(|e| Failure::new(Exit::Internal, format!("random bytes: {e}")))?;
    let hex: String = seed.iter().map(|b| format!("{b:02x}")).collect();
    let written = around.disk.open(out, Access::CreateNew { mode: 0o600 }).and_then(|file| {
        let text = format!("{FIRST_LINE}{hex}\n");
        file.write_all_at(&[IoSlice::new(text.as_bytes())], 0)?;
        file.sync_data()
    });
    written.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", out.display())))?;
    let key = signer(&seed)?;
    print(format!("{}\n", key.verifier(Algorithm::Ed25519)).as_bytes())
}

fn signer(seed: &[u8; 32]) -> Result<SignerKey, Failure> {
    Ok(SignerKey::from_seed(KeyName::new(ERASER_NAME).map_err(failure)?, seed))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))
}

/// Signs an order.
pub(super) fn approve(key: &Path, order: &Path) -> Result<Exit, Failure> {
    let text = read(key)?;
    let bad =
        || Failure::new(Exit::Usage, format!("{}: not a key of hinomi ledger erasure-key", key.display()));
    let hex = text
        .strip_prefix(FIRST_LINE)
        .map(str::trim_end)
        .filter(|h| h.len() == 64 && h.is_ascii())
        .ok_or_else(bad)?;
    let mut seed = [0u8; 32];
    for (byte, pair) in seed.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(pair).map_err(|_| bad())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| bad())?;
    }
    let order = ErasureOrder::parse(&read(order)?).map_err(|e| Failure::new(Exit::Usage, e))?;
    print(order.approve(&signer(&seed)?).map_err(failure)?.as_bytes())
}

/// Writes an order, or carries one out.
pub(super) fn run(args: &LedgerErase) -> Result<Exit, Failure> {
    let (ledger, _) =
        Ledger::open(surroundings(), places(&args.at.data), Options::default()).map_err(failure)?;
    let Some(approval) = &args.approval else {
        let scope = scope(args)?;
        let order =
            ledger.erasure_order(&scope, args.reason.as_deref().unwrap_or_default()).map_err(failure)?;
        return print(order.text().as_bytes());
    };
    let erased = ledger.erase(read(approval)?.as_bytes()).map_err(failure)?;
    ledger.close().map_err(failure)?;
    let (keys, leaves) = (erased.keys.len(), &erased.leaves);
    let text = match (args.at.json, lang(&args.at)) {
        (true, _) => format!("{:#}\n", json!({"schema_version": "1.0", "keys": keys, "tombstones": leaves})),
        (false, Lang::En) => format!(
            "{keys} keys destroyed; tombstones are leaves {leaves:?}\n\
             Vaults follow when they pull. Copies of the key files that backups or snapshots hold are not reached.\n"
        ),
        (false, Lang::Ja) => format!(
            "鍵 {keys} 個を破棄しました（消去記録はリーフ {leaves:?}）\n\
             ボールトは次の取得時に従います。鍵ファイルのバックアップやスナップショットまでは消えません。\n"
        ),
    };
    print(text.as_bytes())
}

fn scope(args: &LedgerErase) -> Result<Scope, Failure> {
    let text = args.day.as_deref().unwrap_or_default();
    let day = format!("{text}T00:00:00Z").parse::<Timestamp>().ok();
    let day = day.and_then(|t| u32::try_from(t.as_nanos() / (86_400 * NANOS_PER_SECOND)).ok());
    let bad = || Failure::new(Exit::Usage, format!("{text}: not a day")).hint("for example 2026-11-02");
    let source = args.source.clone().unwrap_or_default();
    Ok(Scope { source, class: args.class.clone(), day: day.ok_or_else(bad)? })
}

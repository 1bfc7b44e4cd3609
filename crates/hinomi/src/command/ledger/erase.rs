//! Erasure: a key kept elsewhere, an order, its signature, and the deed.

use std::path::Path;

use hinomi_ledger::note::{Algorithm, KeyName};
use hinomi_ledger::{ERASER_NAME, ErasureOrder, Leaf, Scope};
use serde_json::json;

use super::super::print;
use super::{failure, keyfile, lang, opening};
use crate::args::{Lang, LedgerErase};
use crate::exit::{Exit, Failure};

const FIRST_LINE: &str = "hinomi erasure key 1";

/// Makes the key; prints its public half.
pub(super) fn make_key(out: &Path) -> Result<Exit, Failure> {
    let key = keyfile::make(FIRST_LINE, KeyName::new(ERASER_NAME).map_err(failure)?, out)?;
    print(format!("{}\n", key.verifier(Algorithm::Ed25519)).as_bytes())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))
}

/// Signs an order.
pub(super) fn approve(key: &Path, order: &Path) -> Result<Exit, Failure> {
    let key = keyfile::read(FIRST_LINE, key, "hinomi ledger erasure-key")?;
    let order = ErasureOrder::parse(&read(order)?).map_err(|e| Failure::new(Exit::Usage, e))?;
    print(order.approve(&key).map_err(failure)?.as_bytes())
}

/// Writes an order, or carries one out.
pub(super) fn run(args: &LedgerErase) -> Result<Exit, Failure> {
    let (ledger, _) = opening::open(&args.at.data)?;
    let Some(approval) = &args.approval else {
        let scope = scope(args)?;
        erasable(&args.at.data)?;
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

/// An order for a ledger in which nothing can be erased would only be refused later.
fn erasable(data: &Path) -> Result<(), Failure> {
    match super::reader(data)?.leaf(0).map_err(failure)? {
        Leaf::Genesis(genesis) if genesis.eraser == [0; 32] => {
            let text = "this ledger was made without an erasure key: nothing in it can be erased";
            Err(Failure::new(Exit::Usage, text)
                .hint("a new ledger takes one: hinomi ledger create --erasure-key KEY"))
        }
        _ => Ok(()),
    }
}

fn scope(args: &LedgerErase) -> Result<Scope, Failure> {
    let day = super::day(args.day.as_deref().unwrap_or_default())?;
    let source = args.source.clone().unwrap_or_default();
    Ok(Scope { source, class: args.class.clone(), day })
}

//! What holds of a restored folder, and what does not.

use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::checkpoint::{Origin, VerifiedCheckpoint};
use hinomi_ledger::note::VerifierKey;
use hinomi_ledger::{
    Anchor, FileDisk, LedgerError, Places, Reader, Verification, VerifyOptions, check_keys, verify,
};
use hinomi_server::receive::Token;
use hinomi_server::serve::Configuration;

use super::archive::{LedgerFacts, Manifest};
use crate::access::known_accounts;
use crate::alerting;
use crate::command::doctor::outcome::{Both, Check, both};
use crate::command::ledger::{VAULTS, plans, read_vaults};
use crate::command::serve::TOKENS;
use crate::live::{DECISIONS, saved_position};
use crate::recorded::EVIDENCE;

/// Everything, in the order in which it matters.
pub(super) fn look(folder: &Path, manifest: &Manifest) -> Vec<Check> {
    let (files, bytes) = (manifest.files, manifest.bytes);
    let mut checks = vec![Check::ok(
        "archive",
        both(
            &format!("{files} files, {bytes} bytes, each as it was sealed"),
            &format!("{files} ファイル、{bytes} バイト、すべて封印時のまま"),
        ),
    )];
    if manifest.with_evidence {
        checks.push(ledger("evidence", folder, EVIDENCE, &manifest.evidence));
    } else {
        checks.push(keys(folder, &manifest.evidence));
    }
    checks.push(match &manifest.decisions {
        Some(facts) => ledger("decisions", folder, DECISIONS, facts),
        None => {
            Check::unknown("decisions", both("there was no decision ledger", "判断の台帳は含まれていない"))
        }
    });
    checks.push(detection(folder, manifest));
    checks.push(alerts(folder));
    checks.push(accounts(folder));
    checks.push(configuration(folder, manifest));
    checks.push(lists(folder));
    checks
}

/// A backup knows nothing of what was ended after it.
fn accounts(folder: &Path) -> Check {
    let name = "accounts";
    match known_accounts(folder) {
        Ok(None) => Check::ok(name, both("there were none", "アカウントは含まれていない")),
        Ok(Some((count, _))) => {
            let found = both(
                &format!(
                    "{count} as of the backup: what was ended or used since counts again, links, tokens and sealed codes too"
                ),
                &format!(
                    "バックアップ時点の {count} 件。それ以降に無効にしたアカウント・トークン・リンク・封印コードは再び有効になる"
                ),
            );
            let hint = both(
                "before others can reach it: hinomi access list, revoke what was ended, make a new code for the envelope",
                "外から届くようにする前に hinomi access list で確かめ、無効にすべきものを revoke し、封印コードを作り直す",
            );
            Check::warn(name, found, hint)
        }
        Err(error) => {
            let hint = both("an older backup may be sound", "より古いバックアップを試す");
            Check::fail(name, said(&error.to_string()), hint)
        }
    }
}

fn said(text: &str) -> Both {
    both(text, text)
}

/// Whole verification, with the checkpoint of the backup as an anchor.
fn ledger(name: &'static str, folder: &Path, ledger: &str, facts: &LedgerFacts) -> Check {
    let places = Places::in_data_dir(folder, ledger);
    let hint = both(
        "an older backup may be sound; a vault's copy mends evidence: hinomi ledger repair",
        "より古いバックアップか、ボールトの写し（hinomi ledger repair）を使う",
    );
    match verified(&places, facts) {
        Ok(found) if found.findings.is_empty() => {
            let (size, records) = (found.size, found.records);
            Check::ok(
                name,
                both(
                    &format!("{size} leaves and {records} records hold, up to the checkpoint of the backup"),
                    &format!(
                        "{size} リーフ・{records} レコードを、バックアップ時のチェックポイントまで検証済み"
                    ),
                ),
            )
        }
        Ok(found) => {
            let first = found.findings.first().map(|f| f.what.clone()).unwrap_or_default();
            let count = found.findings.len() as u64 + found.unlisted_findings;
            let found = both(
                &format!("{count} things do not hold, the first: {first}"),
                &format!("{count} 件の検証に失敗。最初の 1 件：{first}"),
            );
            Check::fail(name, found, hint)
        }
        Err(error) => Check::fail(name, said(&cause(&error)), hint),
    }
}

fn verified(places: &Places, facts: &LedgerFacts) -> Result<Verification, LedgerError> {
    let reader = Reader::open(Arc::new(FileDisk), places.clone(), true)?;
    let anchor = anchor(&reader, "backup", facts.checkpoint.as_bytes())?;
    let options = VerifyOptions { anchors: vec![anchor], ..VerifyOptions::default() };
    verify(Arc::new(FileDisk), places, &options, &mut |_| {})
}

/// A checkpoint that one of the ledger's own keys signed.
pub(super) fn anchor(reader: &Reader, name: &str, note: &[u8]) -> Result<Anchor, LedgerError> {
    let origin = &reader.identity().origin;
    let opened = VerifiedCheckpoint::open(note, origin, &reader.signers()?, &[])?;
    Ok(Anchor { name: name.to_owned(), checkpoint: opened.checkpoint().clone() })
}

/// The keys alone: do they open, and did they sign what the backup says?
fn keys(folder: &Path, facts: &LedgerFacts) -> Check {
    let places = Places::in_data_dir(folder, EVIDENCE);
    let ledger = u128::from_str_radix(&facts.ledger, 16).unwrap_or(0).to_be_bytes();
    let found = check_keys(&FileDisk, &places, ledger).and_then(|found| {
        let origin = Origin::new(&facts.origin)?;
        let signer: VerifierKey = found.signer.clone();
        VerifiedCheckpoint::open(facts.checkpoint.as_bytes(), &origin, &[signer], &[])?;
        Ok(found)
    });
    let hint = both(
        "without its keys the evidence can be read at a vault only: try an older backup",
        "鍵がなければ証拠はボールトでしか読めない。より古いバックアップを試す",
    );
    match found {
        Ok(found) => {
            let (keys, size) = (found.keys, facts.size);
            Check::ok(
                "keys",
                both(
                    &format!(
                        "{keys} data keys open, and the signing key signed {size} leaves; the evidence comes from a vault"
                    ),
                    &format!(
                        "データ鍵 {keys} 個を復号でき、署名鍵は {size} リーフまでの署名と一致。証拠本体はボールトから取り戻す"
                    ),
                ),
            )
        }
        Err(error) => Check::fail("keys", said(&cause(&error)), hint),
    }
}

fn cause(error: &LedgerError) -> String {
    let source = std::error::Error::source(error).map(|s| format!(": {s}")).unwrap_or_default();
    format!("{error}{source}")
}

/// Live detection goes on from its saved state, and what was learnt of sources is in it.
fn detection(folder: &Path, manifest: &Manifest) -> Check {
    let name = "detection";
    match saved_position(folder, &manifest.evidence.origin).map(|(position, _)| position) {
        Some(position) if position <= manifest.evidence.size => Check::ok(
            name,
            both(
                &format!("its state is sound, up to leaf {position}"),
                &format!("検知状態に問題なし（リーフ {position} まで）"),
            ),
        ),
        Some(position) => {
            let hint = both("it is made again from leaf 0", "リーフ 0 から作り直される");
            let found = both(
                &format!("its state is of leaf {position}, which the evidence does not reach"),
                &format!("検知状態はリーフ {position} 時点だが、証拠がそこまで揃っていない"),
            );
            Check::warn(name, found, hint)
        }
        None => Check::unknown(
            name,
            both(
                "no state was saved; it is made again from leaf 0",
                "保存された状態がない。リーフ 0 から作り直される",
            ),
        ),
    }
}

fn alerts(folder: &Path) -> Check {
    let name = "alerts";
    match alerting::view(folder) {
        Ok(Some(view)) => {
            let open = view.desk.alerts().filter(|alert| alert.is_open()).count();
            Check::ok(name, both(&format!("{open} open"), &format!("未確認 {open} 件")))
        }
        Ok(None) => Check::unknown(name, both("there were never any", "警報は一度も出ていない")),
        Err(error) => {
            let hint = both("they are made again from the decision ledger", "判断の台帳から作り直される");
            Check::warn(name, said(&error.to_string()), hint)
        }
    }
}

fn configuration(folder: &Path, manifest: &Manifest) -> Check {
    let name = "configuration";
    let Some(file) = &manifest.configuration else {
        return Check::unknown(name, both("it was not taken (--config)", "対象外（--config の指定なし）"));
    };
    let path = folder.join(file);
    let read = std::fs::read_to_string(&path).map_err(|e| e.to_string());
    let parsed = read.and_then(|text| Configuration::parse(&text, Path::new("/")).map_err(|e| e.to_string()));
    match parsed {
        Ok(_) if manifest.left_out.is_empty() => {
            Check::ok(name, both(&format!("it makes sense: {file}"), &format!("内容に誤りはない：{file}")))
        }
        Ok(_) => {
            let what = manifest.left_out.join("; ");
            let hint = both("bring these from elsewhere", "別途用意する");
            Check::warn(
                name,
                both(&format!("not everything was taken: {what}"), &format!("対象外のものがある：{what}")),
                hint,
            )
        }
        Err(why) => {
            let hint = both("hinomi config check FILE says more", "hinomi config check FILE で確認");
            Check::warn(name, said(&why), hint)
        }
    }
}

/// Vaults, tokens and promises.
fn lists(folder: &Path) -> Check {
    let mut wrong = Vec::new();
    let vaults = folder.join(VAULTS);
    if vaults.exists()
        && let Err(failure) = read_vaults(&vaults)
    {
        wrong.push(failure.message);
    }
    if let Ok(text) = std::fs::read_to_string(folder.join(TOKENS))
        && let Err(error) = Token::parse_all(&text)
    {
        wrong.push(format!("{TOKENS}: {error}"));
    }
    if let Err(failure) = plans(folder) {
        wrong.push(failure.message);
    }
    if wrong.is_empty() {
        return Check::ok(
            "lists",
            both("vaults, tokens and sources.yaml make sense", "vaults、tokens、sources.yaml に誤りはない"),
        );
    }
    let hint = both("the server says the same when it starts", "サーバーの起動時にも同じ内容が表示される");
    Check::warn("lists", said(&wrong.join("; ")), hint)
}

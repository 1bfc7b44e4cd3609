//! `hinomi vault`, except pulling.

use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::checkpoint::VerifiedCheckpoint;
use hinomi_ledger::note::KeyName;
use hinomi_ledger::vault::{DirectorySource, Pinned, Policy, Restart, Status, Vault};
use hinomi_ledger::{FileDisk, Places, SystemClock, SystemEntropy};
use hinomi_model::Digest;
use hinomi_server::listen::Bounds;
use hinomi_server::publication::Publication;
use serde_json::json;

use super::{copy, ledger_failure, log_keys, pull, start, unopened, verifier_key, words};
use crate::args::{Lang, ListenArgs, LogArgs, VaultVerb};
use crate::command::investigate::language;
use crate::command::ledger::{VAULTS, read_vaults};
use crate::command::state::recovery_key;
use crate::command::{in_language, print};
use crate::exit::{Exit, Failure};
use crate::render::harmless;

pub(crate) fn run(verb: VaultVerb) -> Result<Exit, Failure> {
    match verb {
        VaultVerb::Init { dir, name, log, json } => init(&dir, &name, &log, json),
        VaultVerb::Publish { data, credentials, listen } => publish(&data, credentials.as_deref(), &listen),
        VaultVerb::Pull(args) => pull::run(&args),
        VaultVerb::Copy(args) => copy::run(&args),
        VaultVerb::Status { dir, json, lang } => status(&dir, json, lang.unwrap_or_else(language)),
        VaultVerb::Trust { dir, keys } => {
            let keys = keys.iter().map(|k| verifier_key(k)).collect::<Result<_, _>>()?;
            open(&dir)?.pin(keys).map_err(ledger_failure)?;
            Ok(Exit::Clean)
        }
        VaultVerb::Restart { dir, name, reason, json } => restart(&dir, &name, &reason, json),
        VaultVerb::HandBack { dir, to, out } => hand_back(&dir, &to, &out),
        VaultVerb::Object { dir, leaf } => {
            open(&dir)?.refuse_erasure(leaf).map_err(ledger_failure)?;
            Ok(Exit::Clean)
        }
    }
}

fn open(dir: &Path) -> Result<Vault, Failure> {
    Vault::open(Arc::new(FileDisk), Arc::new(SystemClock), dir, Policy::default())
        .map_err(|e| unopened(e, "a vault that pulls holds the lock; ask again when it is not"))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn init(dir: &Path, name: &str, log: &LogArgs, as_json: bool) -> Result<Exit, Failure> {
    let (origin, keys) = log_keys(log)?;
    let name = KeyName::new(name).map_err(ledger_failure)?;
    let pinned = Pinned { origin, keys };
    let (disk, clock) = (Arc::new(FileDisk), Arc::new(SystemClock));
    let vault = Vault::create(disk, clock, &SystemEntropy, dir, &name, &pinned).map_err(ledger_failure)?;
    let status = vault.status();
    let token = Digest::of(&*vault.token().map_err(ledger_failure)?);
    let recipient = hex(&status.recipient.0);
    let credential = format!("{name} {token} {recipient}");
    let text = if as_json {
        let body = json!({
            "schema_version": "1.0", "verifier_key": status.cosigner.to_string(), "recipient": recipient,
            "fingerprint": status.cosigner.fingerprint(), "credential": credential,
        });
        format!("{body:#}\n")
    } else {
        let text = format!(
            "verifier key  {}\nrecipient     {recipient}\ncredential    {credential}\n\n\
             On the primary: put the credential as a line into vaults.txt in the ledger's data directory. New keys are\n\
             sealed to this vault from then on, and `hinomi vault publish` lets it read.\n\
             Keep the verifier key where verification happens: it is an anchor.\n",
            status.cosigner
        );
        in_language(text, None)
    };
    print(text.as_bytes())
}

fn restart(dir: &Path, name: &str, reason: &str, as_json: bool) -> Result<Exit, Failure> {
    let name = KeyName::new(name).map_err(ledger_failure)?;
    let ended = open(dir)?.restart(&SystemEntropy, &name, reason).map_err(ledger_failure)?;
    let key = open(dir)?.status().cosigner;
    let past = dir.join("past").join(ended.past.to_string());
    let text = if as_json {
        let body = json!({"schema_version": "1.0", "verifier_key": key.to_string(), "fingerprint": key.fingerprint(),
            "past": past, "ended": ended});
        format!("{body:#}\n")
    } else {
        let text = format!(
            "verifier key  {key}\nold copy      {} ({} leaves)\n\n\
             The next pull begins anew. Keep the new verifier key where verification happens, and the old one for the\n\
             old copy. A witness that saw the old history has to decide for itself.\n",
            past.display(),
            ended.size
        );
        in_language(text, None)
    };
    print(text.as_bytes())
}

/// Seals the vault's keys to a recovery key.
fn hand_back(dir: &Path, to: &str, out: &Path) -> Result<Exit, Failure> {
    let recipient = recovery_key::recipient(to)?;
    let (keys, count) = hinomi_ledger::vault::hand_back(Arc::new(FileDisk), dir).map_err(ledger_failure)?;
    recovery_key::seal(out, recipient, &keys)?;
    print(in_language(format!("{}: {count} keys\n", out.display()), None).as_bytes())
}

fn publish(data: &Path, credentials: Option<&Path>, listen: &ListenArgs) -> Result<Exit, Failure> {
    let beside = data.join(VAULTS);
    let credentials = read_vaults(credentials.unwrap_or(&beside))?;
    let source = DirectorySource::new(Arc::new(FileDisk), Places::in_data_dir(data, "evidence"));
    let bounds = Bounds { body_bytes: 0, ..Bounds::default() };
    let running = start(listen, bounds, Arc::new(Publication::new(source, credentials)))?;
    print(format!("{}\n", running.address()).as_bytes())?;
    running.wait();
    Err(Failure::new(Exit::Internal, "the server ended"))
}

fn status(dir: &Path, as_json: bool, lang: Lang) -> Result<Exit, Failure> {
    let vault = open(dir)?;
    let (status, history) = (vault.status(), vault.history().map_err(ledger_failure)?);
    let text = if as_json {
        format!("{:#}\n", status_json(&status, &history))
    } else {
        let past: String = history.iter().map(|ended| past_text(ended, lang)).collect();
        status_text(&status, lang) + &past
    };
    print(text.as_bytes())
}

fn past_text(ended: &Restart, lang: Lang) -> String {
    let (at, past, size) = (words::time(ended.at_ns, lang), ended.past, ended.size);
    let reason = harmless(&ended.reason);
    match lang {
        Lang::En => format!("  {at}  a copy of {size} leaves was ended (past/{past}): {reason}\n"),
        Lang::Ja => format!("  {at}  {size} リーフの写しを終了（past/{past}）：{reason}\n"),
    }
}

fn status_json(status: &Status, history: &[Restart]) -> serde_json::Value {
    let held = status.held.as_ref();
    json!({
        "schema_version": "1.0",
        "origin": status.pinned.origin.as_str(),
        "log_keys": status.pinned.keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "verifier_key": status.cosigner.to_string(),
        "recipient": hex(&status.recipient.0),
        "size": held.map_or(0, VerifiedCheckpoint::size),
        "root": held.map(|h| h.root().to_string()),
        "checkpoint": held.map(|h| h.note().to_string()),
        "pulled_ns": status.pulled_ns,
        "grown_ns": status.grown_ns,
        "opaque_blocks": status.opaque_blocks,
        "alarms": status.alarms,
        "history": history,
    })
}

fn status_text(status: &Status, lang: Lang) -> String {
    let size = status.held.as_ref().map_or(0, VerifiedCheckpoint::size);
    let (pulled, grown) = (words::time(status.pulled_ns, lang), words::time(status.grown_ns, lang));
    let (origin, opaque) = (&status.pinned.origin, status.opaque_blocks);
    let mut text = match lang {
        Lang::En => format!(
            "{origin}\n  {size} leaves held, {opaque} blocks of them unreadable here\n  last pull {pulled}, last growth {grown}\n"
        ),
        Lang::Ja => format!(
            "{origin}\n  保管 {size} リーフ、うちここで読めないブロック {opaque}\n  最終取得 {pulled}、最終増加 {grown}\n"
        ),
    };
    if status.alarms.is_empty() {
        text.push_str(match lang {
            Lang::En => "  no alarm so far\n",
            Lang::Ja => "  警報なし\n",
        });
    }
    for alarm in &status.alarms {
        let noticed = words::time(alarm.noticed_ns, lang);
        text.push_str(&format!("  {noticed}  {}\n", words::trouble(&alarm.trouble, lang)));
    }
    text
}

//! `hinomi ledger`, `hinomi prove`: evidence in, evidence out.

mod erase;
mod framing;
mod show;
mod verify;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::{
    Creation, FileDisk, Ledger, LedgerError, Options, Places, Reader, Record, Surroundings, SystemClock,
    SystemEntropy,
};
use serde_json::json;

use super::investigate::language;
use super::print;
use crate::args::{Lang, Ledger as Verb, LedgerAppend, LedgerData, Prove};
use crate::exit::{Exit, Failure};

pub(super) use verify::{verify_bundle, verify_ledger};

pub(super) fn run(verb: Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Append(args) => append(&args),
        Verb::Tail(args) => show::tail(&args),
        Verb::Stats(args) => show::stats(&args),
        Verb::ErasureKey { out } => erase::make_key(&out),
        Verb::Erase(args) => erase::run(&args),
        Verb::Approve { key, order } => erase::approve(&key, &order),
    }
}

/// The ledger of evidence in a data directory.
const EVIDENCE: &str = "evidence";

fn places(data: &Path) -> Places {
    Places::in_data_dir(data, EVIDENCE)
}

fn surroundings() -> Surroundings {
    Surroundings { disk: Arc::new(FileDisk), clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
}

fn failure(error: LedgerError) -> Failure {
    let exit = match &error {
        LedgerError::Refused { .. } | LedgerError::Locked { .. } | LedgerError::TooLarge { .. } => {
            Exit::Usage
        }
        LedgerError::Damaged { .. } | LedgerError::NotAuthentic { .. } => Exit::Failed,
        _ => Exit::Unreadable,
    };
    let cause = std::error::Error::source(&error).map(|s| format!(": {s}")).unwrap_or_default();
    let failure = Failure::new(exit, format!("{error}{cause}"));
    match error {
        LedgerError::Missing { what: "ledger", .. } => {
            failure.hint("hinomi ledger append --data DIR FILE makes one")
        }
        LedgerError::Damaged { .. } => {
            failure.hint("hinomi verify ledger --data DIR says what else is wrong")
        }
        LedgerError::Newer { .. } => failure.hint("use the newer program"),
        _ => failure,
    }
}

fn reader(data: &Path) -> Result<Reader, Failure> {
    Reader::open(Arc::new(FileDisk), places(data), true).map_err(failure)
}

fn lang(at: &LedgerData) -> Lang {
    at.lang.unwrap_or_else(language)
}

fn append(args: &LedgerAppend) -> Result<Exit, Failure> {
    let around = surroundings();
    let places = places(&args.at.data);
    let options = Options::default();
    let is_new = !places.evidence.join("format").exists();
    if is_new {
        let creation = Creation { origin: origin(args, &around)?, eraser: eraser(args)? };
        Ledger::create(&around, &places, &creation, &options).map_err(failure)?;
    } else if args.origin.is_some() || args.erasure_key.is_some() {
        let text = "--origin and --erasure-key belong to a new ledger; there is one already";
        return Err(Failure::new(Exit::Usage, text));
    }
    let (ledger, recovery) = Ledger::open(around.clone(), places, options).map_err(failure)?;
    let (mut records, mut bytes) = (0u64, 0u64);
    for path in &args.files {
        let name = path.display().to_string();
        let source = args.source.clone().unwrap_or_else(|| source_of(path));
        let input: Box<dyn Read> = if name == "-" {
            Box::new(io::stdin())
        } else {
            let opened = File::open(path).map_err(|e| Failure::new(Exit::Unreadable, format!("{name}: {e}")));
            Box::new(opened?)
        };
        let mut last = None;
        let done = framing::frames(input, |batch| {
            let received_ns = u64::try_from(around.clock.now().as_nanos()).unwrap_or(0);
            records += batch.len() as u64;
            bytes += batch.iter().map(|r| r.len() as u64).sum::<u64>();
            let batch = batch.into_iter().map(|bytes| Record { received_ns, sequence: None, bytes });
            let ticket = ledger.append(&source, &args.class, batch.collect()).map_err(io::Error::other)?;
            last = Some(ticket);
            Ok(())
        });
        done.map_err(|e| Failure::new(Exit::Unreadable, format!("{name}: {e}")))?;
        if let Some(ticket) = last {
            ticket.wait().map_err(failure)?;
        }
    }
    ledger.tick().map_err(failure)?;
    let (size, _) = ledger.checkpoint();
    let identity = ledger.identity().clone();
    ledger.close().map_err(failure)?;
    let fingerprint = identity.signer.fingerprint();
    if args.at.json {
        let body = json!({"schema_version": "1.0", "created": is_new, "origin": identity.origin.as_str(),
            "verifier_key": identity.signer.to_string(), "fingerprint": fingerprint, "records": records, "bytes": bytes,
            "leaves": size, "recovered_records": recovery.open_records, "dropped_bytes": recovery.dropped_bytes});
        return print(format!("{body:#}\n").as_bytes());
    }
    let mut text = String::new();
    if is_new {
        text.push_str(&match lang(&args.at) {
            Lang::En => format!(
                "new ledger {}\nverifier key  {}\nfingerprint   {fingerprint}\n\
                 Write the fingerprint down outside this machine: it is how others will know this ledger.\n",
                identity.origin, identity.signer
            ),
            Lang::Ja => format!(
                "新しい台帳 {}\n検証鍵          {}\nフィンガープリント {fingerprint}\n\
                 フィンガープリントをこの機器の外に控えてください。この台帳を見分ける唯一の手がかりです。\n",
                identity.origin, identity.signer
            ),
        });
    }
    text.push_str(&match lang(&args.at) {
        Lang::En => format!("{records} records, {bytes} bytes are durable and committed; {size} leaves\n"),
        Lang::Ja => format!("{records} 件、{bytes} バイトを保存し署名しました（リーフ {size} 枚）\n"),
    });
    print(text.as_bytes())
}

fn source_of(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    name.filter(|n| n != "-").unwrap_or_else(|| "stdin".to_owned())
}

fn origin(args: &LedgerAppend, around: &Surroundings) -> Result<String, Failure> {
    if let Some(origin) = &args.origin {
        return Ok(origin.clone());
    }
    let mut number = [0u8; 4];
    around
        .entropy
        .fill(&mut number)
        .map_err(|e| Failure::new(Exit::Internal, format!("random bytes: {e}")))?;
    Ok(format!("hinomi/{:08x}", u32::from_be_bytes(number)))
}

fn eraser(args: &LedgerAppend) -> Result<Option<[u8; 32]>, Failure> {
    let Some(text) = &args.erasure_key else { return Ok(None) };
    let key: hinomi_ledger::note::VerifierKey = text.parse().map_err(|e| {
        Failure::new(Exit::Usage, format!("{text}: {e}")).hint("give what hinomi ledger erasure-key printed")
    })?;
    Ok(Some(*key.public()))
}

/// Writes the bundle for one record.
pub(super) fn prove(args: &Prove) -> Result<Exit, Failure> {
    let reader = reader(&args.at.data)?;
    let (leaf, record) = show::parse_reference(&args.reference, reader.identity().origin.as_str())?;
    let bundle = reader.prove(leaf, record).map_err(failure)?;
    let json = bundle.to_json().map_err(failure)?;
    print(format!("{json}\n").as_bytes())
}

//! A new ledger, and a new signing key for one.

use std::path::Path;

use hinomi_ledger::note::VerifierKey;
use hinomi_ledger::{Creation, Identity, Ledger, Reader};
use serde_json::json;

use super::super::print;
use super::{failure, lang, opening, places, surroundings};
use crate::args::{Lang, LedgerData, NewLedger};
use crate::exit::{Exit, Failure};

/// `hinomi ledger create`.
pub(super) fn run(at: &LedgerData, new: &NewLedger) -> Result<Exit, Failure> {
    make(&at.data, new)?;
    // Opening it for writing would already record something, before any vault is named.
    let reader = Reader::open(surroundings().disk, places(&at.data), false).map_err(failure)?;
    let identity = reader.identity().clone();
    let text = if at.json {
        let body = json!({"schema_version": "1.0", "origin": identity.origin.as_str(),
            "verifier_key": identity.signer.to_string(), "fingerprint": identity.signer.fingerprint()});
        format!("{body:#}\n")
    } else {
        introduction(&identity, lang(at))
    };
    print(text.as_bytes())
}

/// `hinomi ledger rotate-key`.
pub(super) fn rotate(at: &LedgerData, reason: &str) -> Result<Exit, Failure> {
    if reason.trim().is_empty() || reason.chars().any(char::is_control) {
        return Err(Failure::new(Exit::Usage, "--reason: a line of text is needed"));
    }
    let (ledger, _) = opening::open(&at.data)?;
    let key = ledger.rotate_signer(reason).map_err(failure)?;
    ledger.close().map_err(failure)?;
    let text = match (at.json, lang(at)) {
        (true, _) => {
            let body = json!({"schema_version": "1.0", "verifier_key": key.to_string(), "fingerprint": key.fingerprint()});
            format!("{body:#}\n")
        }
        (false, Lang::En) => format!(
            "new verifier key  {key}\nfingerprint       {}\n\
             The old key endorsed it in the log and was destroyed. Vaults and witnesses follow by themselves when they see\n\
             the checkpoint that both keys signed; write the fingerprint down outside this machine.\n",
            key.fingerprint()
        ),
        (false, Lang::Ja) => format!(
            "新しい検証鍵       {key}\nフィンガープリント {}\n\
             旧い鍵がログの中で引き継ぎに署名し、破棄されました。両方の鍵が署名したチェックポイントを見れば、ボールトと立会人は自動で従います。\n\
             フィンガープリントをこの機器の外に控えてください。\n",
            key.fingerprint()
        ),
    };
    print(text.as_bytes())
}

/// Makes an empty ledger where there is none; whether it did.
pub(super) fn make_if_missing(data: &Path, new: &NewLedger) -> Result<bool, Failure> {
    super::super::state::refuse_unsettled(data)?;
    if !places(data).evidence.join("format").exists() {
        return make(data, new).map(|()| true);
    }
    if new.origin.is_some() || new.erasure_key.is_some() {
        let text = "--origin and --erasure-key belong to a new ledger; there is one already";
        return Err(Failure::new(Exit::Usage, text));
    }
    Ok(false)
}

/// Makes an empty ledger.
pub(super) fn make(data: &Path, new: &NewLedger) -> Result<(), Failure> {
    let creation = Creation { origin: origin(new)?, eraser: eraser(new)? };
    let options = opening::options(&opening::vaults(data)?);
    Ledger::create(&surroundings(), &places(data), &creation, &options).map_err(|error| {
        let named = failure(error);
        Failure { message: format!("{}: {}", data.display(), named.message), ..named }
    })
}

/// What its owner has to know of a new ledger.
pub(super) fn introduction(identity: &Identity, lang: Lang) -> String {
    let (origin, signer, fingerprint) = (&identity.origin, &identity.signer, identity.signer.fingerprint());
    match lang {
        Lang::En => format!(
            "new ledger    {origin}\nverifier key  {signer}\nfingerprint   {fingerprint}\n\
             Write the fingerprint down outside this machine: it is how others will know this ledger.\n"
        ),
        Lang::Ja => format!(
            "新しい台帳         {origin}\n検証鍵             {signer}\nフィンガープリント {fingerprint}\n\
             フィンガープリントをこの機器の外に控えてください。この台帳を見分ける唯一の手がかりです。\n"
        ),
    }
}

fn origin(new: &NewLedger) -> Result<String, Failure> {
    if let Some(origin) = &new.origin {
        return Ok(origin.clone());
    }
    let mut number = [0u8; 4];
    let filled = surroundings().entropy.fill(&mut number);
    filled.map_err(|e| Failure::new(Exit::Internal, format!("random bytes: {e}")))?;
    Ok(format!("hinomi/{:08x}", u32::from_be_bytes(number)))
}

fn eraser(new: &NewLedger) -> Result<Option<[u8; 32]>, Failure> {
    let Some(text) = &new.erasure_key else { return Ok(None) };
    let key: VerifierKey = text.parse().map_err(|e| {
        Failure::new(Exit::Usage, format!("{text}: {e}")).hint("give what hinomi ledger erasure-key printed")
    })?;
    Ok(Some(*key.public()))
}

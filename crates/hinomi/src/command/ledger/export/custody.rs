//! The chain of custody: who had an export in hand, when and why, each entry signed and bound to the one before.
//!
//! An entry is a C2SP signed note below `custody/`, numbered from 0001. Its text:
//!
//! ```text
//! hinomi custody 1
//! manifest <sha256 of manifest.json>
//! previous <sha256 of the entry before, of export.bundle.json for the first>
//! at <time>
//! action <received, handed over, copied, examined, …>
//! note <free text>
//! ```

use std::fs;
use std::path::Path;

use hinomi_ledger::note::{Algorithm, KeyName, Note, VerifierKey};
use hinomi_model::Digest;
use serde_json::json;

use super::manifest::{CUSTODY, MANIFEST, RECORD};
use super::{at, failure, keyfile, print, surroundings, write};
use crate::args::{CustodyAdd, CustodyKey};
use crate::exit::{Exit, Failure};

const KEY_LINE: &str = "hinomi custody key 1";
const FIRST_LINE: &str = "hinomi custody 1";
/// More entries than any case has.
const MOST: usize = 9_999;

/// One entry that was read.
pub(super) struct Entry {
    pub at: String,
    pub action: String,
    pub note: String,
    pub signer: String,
    pub signer_known: bool,
}

/// Makes the key of somebody who takes part in a chain; prints its public half.
pub(in super::super) fn make_key(args: &CustodyKey) -> Result<Exit, Failure> {
    let name = KeyName::new(&args.name).map_err(|e| {
        Failure::new(Exit::Usage, format!("{}: {e}", args.name)).hint("a name has no space and no plus sign")
    })?;
    let key = keyfile::make(KEY_LINE, name, &args.out)?;
    print(format!("{}\n", key.verifier(Algorithm::Ed25519)).as_bytes())
}

fn entry_path(export: &Path, number: usize) -> std::path::PathBuf {
    export.join(CUSTODY).join(format!("{number:04}.note"))
}

/// Digests that the next entry has to name: of the manifest, and of what stands before it; and its number.
fn head(export: &Path) -> Result<(Digest, Digest, usize), Failure> {
    let digest = |path: &Path| fs::read(path).map(|bytes| Digest::of(&bytes)).map_err(|e| at(path, e));
    let manifest = digest(&export.join(MANIFEST))?;
    let mut previous = digest(&export.join(RECORD))?;
    let mut number = 1;
    while number <= MOST && entry_path(export, number).exists() {
        previous = digest(&entry_path(export, number))?;
        number += 1;
    }
    Ok((manifest, previous, number))
}

/// Adds an entry.
pub(in super::super) fn add(args: &CustodyAdd) -> Result<Exit, Failure> {
    let line = |name: &str, text: &str| {
        let is_line = !text.trim().is_empty() && !text.chars().any(char::is_control);
        if is_line {
            Ok(())
        } else {
            Err(Failure::new(Exit::Usage, format!("{name}: a line of text is needed")))
        }
    };
    line("--action", &args.action)?;
    line("--note", &args.note)?;
    let key = keyfile::read(KEY_LINE, &args.key, "hinomi ledger custody-key")?;
    let (manifest, previous, number) = head(&args.export)?;
    let now = surroundings().clock.now();
    let (action, note) = (&args.action, &args.note);
    let text = format!(
        "{FIRST_LINE}\nmanifest {manifest}\nprevious {previous}\nat {now}\naction {action}\nnote {note}\n"
    );
    let signed = Note::new(&text, vec![key.sign(&text).map_err(failure)?]).map_err(failure)?;
    let path = entry_path(&args.export, number);
    write(&path, signed.to_string().as_bytes())?;
    let body = json!({"schema_version": "1.0", "entry": number, "signer": key.verifier(Algorithm::Ed25519).to_string()});
    print(format!("{body:#}\n").as_bytes())
}

/// Reads the chain; an entry that does not hold is an error that says which.
pub(super) fn read(export: &Path, keys: &[VerifierKey]) -> Result<Vec<Entry>, String> {
    let digest = |path: &Path| fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let manifest = Digest::of(&digest(&export.join(MANIFEST))?).to_string();
    let mut previous = Digest::of(&digest(&export.join(RECORD))?).to_string();
    let names = fs::read_dir(export.join(CUSTODY)).map_err(|e| format!("{CUSTODY}: {e}"))?;
    let count = names.count();
    let mut entries = Vec::new();
    for number in 1..=count.min(MOST) {
        let bytes = digest(&entry_path(export, number))
            .map_err(|_| format!("entry {number} of the chain of custody is missing"))?;
        let wrong = |what: &str| format!("entry {number} of the chain of custody {what}");
        let note = Note::parse(&bytes).map_err(|_| wrong("is no signed note"))?;
        let mut lines = note.unverified_text().lines();
        let mut field = |name: &str| {
            let line = lines.next().and_then(|l| l.strip_prefix(name)).map(str::trim_start);
            line.map(str::to_owned).ok_or_else(|| wrong("has another form"))
        };
        field(FIRST_LINE)?;
        if field("manifest")? != manifest {
            return Err(wrong("speaks of another manifest"));
        }
        if field("previous")? != previous {
            return Err(wrong("does not follow the one before"));
        }
        let (time, action, text) = (field("at")?, field("action")?, field("note")?);
        let signature = note.signatures().first().ok_or_else(|| wrong("is not signed"))?;
        let known = note.verify(keys).ok().and_then(|(_, signers)| signers.into_iter().next());
        if known.is_none() && keys.iter().any(|k| k.id() == signature.id()) {
            return Err(wrong("is not what its holder signed"));
        }
        entries.push(Entry {
            at: time,
            action,
            note: text,
            signer: signature.name().to_string(),
            signer_known: known.is_some(),
        });
        previous = Digest::of(&bytes).to_string();
    }
    Ok(entries)
}

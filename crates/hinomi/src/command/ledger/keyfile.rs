//! Private keys of people, each in a file of its own: a line that says what for, a name, and the seed in hexadecimal.

use std::io::IoSlice;
use std::path::Path;

use hinomi_ledger::note::{KeyName, SignerKey};
use hinomi_model::Access;

use super::surroundings;
use crate::exit::{Exit, Failure};

/// Makes a key and writes it to a new file that only its owner may read.
pub(super) fn make(first_line: &str, name: KeyName, out: &Path) -> Result<SignerKey, Failure> {
    let around = surroundings();
    let mut seed = [0u8; 32];
    around.entropy.fill(&mut seed).map_err(|e| Failure::new(Exit::Internal, format!("random bytes: {e}")))?;
    let key = SignerKey::from_seed(name, &seed);
    let hex: String = key.seed().iter().map(|b| format!("{b:02x}")).collect();
    let written = around.disk.open(out, Access::CreateNew { mode: 0o600 }).and_then(|file| {
        let text = format!("{first_line}\n{}\n{hex}\n", key.name().as_str());
        file.write_all_at(&[IoSlice::new(text.as_bytes())], 0)?;
        file.sync_data()
    });
    written.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", out.display())))?;
    Ok(key)
}

/// Reads a key that begins with that line. `made_by`: the verb that makes such keys.
pub(super) fn read(first_line: &str, path: &Path, made_by: &str) -> Result<SignerKey, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))?;
    parse(first_line, &text)
        .ok_or_else(|| Failure::new(Exit::Usage, format!("{}: not a key of {made_by}", path.display())))
}

fn parse(first_line: &str, text: &str) -> Option<SignerKey> {
    let mut lines = text.lines();
    if lines.next()? != first_line {
        return None;
    }
    let name = KeyName::new(lines.next()?).ok()?;
    let hex = lines.next().filter(|h| h.len() == 64 && h.is_ascii())?;
    let mut seed = [0u8; 32];
    for (byte, pair) in seed.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(SignerKey::from_seed(name, &seed))
}

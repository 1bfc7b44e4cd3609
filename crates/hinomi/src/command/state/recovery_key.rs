//! Recovery keys: what opens backups. The private half is a file that is kept away from the server; the public half, the
//! recipient, is a text with a checksum, because a backup that is sealed to a misspelt key is none.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use hinomi_ledger::{SealedReader, SealedWriter, SystemEntropy, VaultKey, VaultRecipient};
use hinomi_model::{Digest, Entropy as _};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

const FIRST_LINE: &str = "hinomi recovery key 1";
const PREFIX: &str = "hnr1";
/// Digits of the checksum.
const CHECK: usize = 8;
/// Most bytes of keys that are read at once.
const MOST_SEALED: u64 = 1 << 30;
/// The file in a data directory that names recipients, a line each.
pub(super) const RECIPIENTS: &str = "recovery.txt";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn bytes32(text: &str) -> Option<[u8; 32]> {
    text.parse::<Digest>().ok().map(|digest| *digest.as_bytes())
}

fn checksum(recipient: &[u8; 32]) -> String {
    let digest = Digest::of(&[PREFIX.as_bytes(), recipient].concat()).to_string();
    digest.get(..CHECK).unwrap_or_default().to_owned()
}

/// How a recipient is written.
pub(in crate::command) fn text_of(recipient: &VaultRecipient) -> String {
    format!("{PREFIX}{}{}", hex(&recipient.0), checksum(&recipient.0))
}

/// Reads a recipient.
pub(in crate::command) fn recipient(text: &str) -> Result<VaultRecipient, Failure> {
    let text = text.trim();
    let parts = text.strip_prefix(PREFIX).and_then(|rest| rest.split_at_checked(64));
    let found = parts.and_then(|(key, check)| {
        let key = bytes32(key)?;
        (check == checksum(&key)).then_some(VaultRecipient(key))
    });
    found.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{text:?} is no recipient, or is misspelt"))
            .hint("it begins with hnr1, as hinomi state key printed it")
            .japanese(
                format!("{text:?} は受取鍵ではないか、写し間違いがあります"),
                "hinomi state key が表示した、hnr1 で始まる文字列です",
            )
    })
}

/// The recipients that are named, else those of the data directory.
pub(in crate::command) fn recipients(named: &[String], data: &Path) -> Result<Vec<VaultRecipient>, Failure> {
    if !named.is_empty() {
        return named.iter().map(|text| recipient(text)).collect();
    }
    let path = data.join(RECIPIENTS);
    let hint =
        "hinomi state key --out FILE, on another machine, makes one; a backup is never written in clear";
    let at = |e: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("no --recipient, and {}: {e}", path.display())).hint(hint)
    };
    let found = std::fs::metadata(&path).map_err(|e| at(&e))?;
    // Whoever writes here receives all keys.
    if found.mode() & 0o022 != 0 {
        return Err(at(&"others can write to it, and would be given keys").hint("chmod go-w"));
    }
    let text = std::fs::read_to_string(&path).map_err(|e| at(&e))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let all: Vec<VaultRecipient> = lines.map(recipient).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(at(&"it names nobody")) } else { Ok(all) }
}

/// Makes a key in a new file and gives its recipient.
pub(in crate::command) fn make(out: &Path) -> Result<VaultRecipient, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    SystemEntropy
        .fill(seed.as_mut())
        .map_err(|e| Failure::new(Exit::Internal, format!("random bytes: {e}")))?;
    let text = Zeroizing::new(format!("{FIRST_LINE}\n{}\n", hex(seed.as_ref())));
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let written = opened.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", out.display())))?;
    Ok(VaultKey::from_seed(*seed).recipient())
}

/// Reads a key.
pub(in crate::command) fn read(path: &Path) -> Result<VaultKey, Failure> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))?;
    let seed = text.strip_prefix(FIRST_LINE).and_then(|rest| bytes32(rest.trim())).map(Zeroizing::new);
    let seed = seed.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{}: not a recovery key", path.display()))
            .hint("give the file that hinomi state key wrote")
            .japanese(
                format!("{}：復旧鍵ではありません", path.display()),
                "hinomi state key が書き出したファイルを指定してください",
            )
    })?;
    Ok(VaultKey::from_seed(*seed))
}

/// Seals something small to a recipient, in a new file.
pub(in crate::command) fn seal(out: &Path, to: VaultRecipient, plain: &[u8]) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("{}: {e}", out.display()));
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let file = opened.map_err(|e| failed(&e))?;
    let mut sealed = SealedWriter::new(file, &[to], &SystemEntropy).map_err(|e| failed(&e))?;
    let file = sealed.write_all(plain).and_then(|()| sealed.finish());
    file.and_then(|file| file.sync_all()).map_err(|e| failed(&e))
}

/// Opens what [`seal`] made.
pub(in crate::command) fn unseal(path: &Path, key: &VaultKey) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed =
        |e: &dyn std::fmt::Display| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display()));
    let file = std::fs::File::open(path).map_err(|e| failed(&e))?;
    let mut sealed = SealedReader::new(file, path, key).map_err(|e| failed(&e))?;
    let mut plain = Zeroizing::new(Vec::new());
    (&mut sealed).take(MOST_SEALED).read_to_end(&mut plain).map_err(|e| failed(&e))?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_recipient_is_refused() {
        let key = VaultKey::from_seed([5; 32]).recipient();
        let text = text_of(&key);
        assert_eq!(recipient(&format!(" {text}\n")).unwrap(), key);
        for at in 0..text.len() {
            let mut bad = text.clone().into_bytes();
            bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
            assert!(recipient(std::str::from_utf8(&bad).unwrap()).is_err(), "{at}");
            assert!(recipient(&text[..at]).is_err());
        }
        assert!(recipient(&format!("{text}0")).is_err());
        assert!(recipient("hnr1ééééééééééééééééééééééééééééééééééééé").is_err());
    }

    #[test]
    fn a_key_is_its_owners_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = make(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().recipient(), made);
        assert!(make(&path).is_err());
    }
}

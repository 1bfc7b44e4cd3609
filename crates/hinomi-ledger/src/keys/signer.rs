//! The signing key in its file.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hinomi_model::{Disk, Entropy};
use zeroize::Zeroizing;

use crate::LedgerError;
use crate::files;
use crate::note::{KeyName, SignerKey};

const HEADER: &str = "hinomi signing key 1";

/// Makes a signing key and its file.
pub(crate) fn create_signer(
    disk: &dyn Disk,
    path: &Path,
    name: &str,
    entropy: &dyn Entropy,
) -> Result<SignerKey, LedgerError> {
    let mut seed = Zeroizing::new([0; 32]);
    entropy.fill(seed.as_mut()).map_err(super::ring::no_entropy)?;
    let key = SignerKey::from_seed(KeyName::new(name)?, &seed);
    files::create(disk, path, 0o600, encode(&key).as_bytes())?;
    Ok(key)
}

/// Reads a signing key.
pub(crate) fn load_signer(disk: &dyn Disk, path: &Path) -> Result<SignerKey, LedgerError> {
    let bad = |what| LedgerError::Malformed { kind: "signing key", what };
    let bytes = Zeroizing::new(disk.read(path, 4096).map_err(files::io_error("read", path))?);
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is not text"))?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(bad("its first line"));
    }
    let name = KeyName::new(lines.next().ok_or_else(|| bad("it has no name"))?)?;
    let seed = lines.next().and_then(|l| STANDARD.decode(l).ok()).map(Zeroizing::new);
    let seed = seed.ok_or_else(|| bad("it has no key"))?;
    let seed: [u8; 32] = seed.as_slice().try_into().map_err(|_| bad("its key has another length"))?;
    let key = SignerKey::from_seed(name, &Zeroizing::new(seed));
    // One spelling, so that no change of the file goes unnoticed.
    if *encode(&key) == *text { Ok(key) } else { Err(bad("it has another form")) }
}

fn encode(key: &SignerKey) -> Zeroizing<String> {
    Zeroizing::new(format!("{HEADER}\n{}\n{}\n", key.name().as_str(), STANDARD.encode(*key.seed())))
}

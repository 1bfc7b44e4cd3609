//! A new signing key: named by the old one in a leaf, and both sign the checkpoint that covers it.
//!
//! # Invariants
//! - The new key is durable before its leaf; the old one is destroyed after both signatures are durable and published.
//! - Whoever trusts the first key can follow the leaves to the last one: each is endorsed by the one before.

use std::path::PathBuf;

use hinomi_model::Disk;

use super::ledger::{Ledger, lock};
use crate::LedgerError;
use crate::files::{self, io_error};
use crate::keys::{create_signer, load_signer};
use crate::leaf::{Leaf, Rotation};
use crate::note::{Algorithm, Note, SignerKey, VerifierKey};
use crate::options::Places;
use crate::reader::hex;

/// What the old key signs: that at this leaf of this ledger the new one takes over.
pub fn rotation_text(ledger: &[u8; 16], leaf: u64, signer: &str) -> String {
    format!("hinomi rotation 1\nledger {}\nleaf {leaf}\nsigner {signer}\n", hex(ledger))
}

/// The signed note of a rotation leaf.
pub(super) fn endorse(
    old: &SignerKey,
    ledger: &[u8; 16],
    leaf: u64,
    signer: &str,
) -> Result<Vec<u8>, LedgerError> {
    let text = rotation_text(ledger, leaf, signer);
    Ok(Note::new(&text, vec![old.sign(&text)?])?.to_string().into_bytes())
}

/// The key that a rotation leaf hands over to, if the key before endorsed it there.
///
/// # Errors
/// [`LedgerError::NotAuthentic`], [`LedgerError::Malformed`].
pub(crate) fn successor(
    rotation: &Rotation,
    ledger: &[u8; 16],
    leaf: u64,
    before: &VerifierKey,
) -> Result<VerifierKey, LedgerError> {
    let note = Note::parse(&rotation.endorsement)?;
    let (text, _) = note.verify(std::slice::from_ref(before))?;
    if text != rotation_text(ledger, leaf, &rotation.signer) {
        return Err(LedgerError::NotAuthentic { what: "the endorsement of a signing key" });
    }
    rotation.signer.parse()
}

fn next_path(places: &Places) -> PathBuf {
    places.keys.join("signer.next")
}

/// Finishes or forgets a rotation that was interrupted. `rotated`: the signer that the log names last, if any.
pub(super) fn settle(disk: &dyn Disk, places: &Places, rotated: Option<&str>) -> Result<(), LedgerError> {
    let next = next_path(places);
    if !disk.exists(&next).map_err(io_error("look for", &next))? {
        return Ok(());
    }
    match load_signer(disk, &next) {
        Ok(key) if rotated == Some(key.verifier(Algorithm::Ed25519).to_string().as_str()) => {
            take_over(disk, places)
        }
        // Never committed, or never written whole.
        _ => files::shred(disk, &next),
    }
}

fn take_over(disk: &dyn Disk, places: &Places) -> Result<(), LedgerError> {
    files::shred(disk, &places.signer())?;
    let signer = places.signer();
    disk.rename(&next_path(places), &signer).map_err(io_error("rename", &signer))?;
    files::sync_dir(disk, &places.keys)
}

impl Ledger {
    /// Changes the signing key and gives the new verifier key.
    ///
    /// # Errors
    /// [`LedgerError::Io`], [`LedgerError::Poisoned`]; opening again finishes or forgets what was interrupted.
    pub fn rotate_signer(&self, reason: &str) -> Result<VerifierKey, LedgerError> {
        let shared = &self.shared;
        let disk = &*shared.around.disk;
        files::shred(disk, &next_path(&shared.places))?;
        let name = shared.identity.origin.as_str();
        let key = create_signer(disk, &next_path(&shared.places), name, &*shared.around.entropy)?;
        let verifier = key.verifier(Algorithm::Ed25519);
        let rotation =
            Rotation { signer: verifier.to_string(), reason: reason.to_owned(), endorsement: Vec::new() };
        Leaf::Rotation(rotation.clone()).encode()?;
        lock(&shared.core).next_signer = Some(key);
        shared.commit_leaf(Leaf::Rotation(rotation))?;
        take_over(disk, &shared.places)?;
        Ok(verifier)
    }
}

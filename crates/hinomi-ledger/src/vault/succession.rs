//! Following a change of the log's signing key of which the vault saw neither signature.
//!
//! # Trust
//! What is read here is not proven to be in any tree. It need not be: a key is believed because one that the administrator
//! trusts endorsed it, for this ledger and this leaf. Whatever it signed is then compared with what is held, as always.

use super::leaves::Remote;
use super::{Source, Vault};
use crate::checkpoint::{Checkpoint, VerifiedCheckpoint};
use crate::engine::successor;
use crate::error::LedgerError;
use crate::leaf::Leaf;
use crate::note::Note;
use crate::tlog::WIDTH;

/// Leaves beyond those held that are searched for an endorsement.
const MAX_LEAVES: u64 = 1 << 20;

impl Vault {
    /// A checkpoint that no trusted key signed, if the log hands over from a trusted key to one that did.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`].
    pub(super) fn open_by_successor(
        &self,
        source: &mut dyn Source,
        bytes: &[u8],
    ) -> Result<Option<VerifiedCheckpoint>, LedgerError> {
        let shown = Note::parse(bytes).and_then(|note| note.unverified_text().parse::<Checkpoint>());
        let held = self.state.size();
        let searched = |shown: &Checkpoint| {
            shown.origin == self.pinned.origin
                && shown.size.checked_sub(held).is_some_and(|new| (1..=MAX_LEAVES).contains(&new))
        };
        let Some(shown) = shown.ok().filter(searched) else { return Ok(None) };
        let (mut keys, mut ledger) = (self.pinned.keys.clone(), self.ledger());
        let mut remote = Remote(source);
        for bundle in held / WIDTH..shown.size.div_ceil(WIDTH) {
            let entries = match remote.bundle(bundle, shown.size) {
                Ok(entries) => entries,
                Err(error @ LedgerError::Unreachable { .. }) => return Err(error),
                Err(_) => return Ok(None),
            };
            for (index, entry) in (bundle * WIDTH..).zip(&entries).filter(|(index, _)| *index >= held) {
                match Leaf::decode(entry) {
                    Ok(Leaf::Genesis(genesis)) if index == 0 => ledger = genesis.ledger,
                    Ok(Leaf::Rotation(rotation)) => {
                        let endorsed = |before| successor(&rotation, &ledger, index, before).ok();
                        let next = keys.iter().rev().find_map(endorsed);
                        keys.extend(next);
                    }
                    _ => {}
                }
            }
        }
        Ok(VerifiedCheckpoint::open(bytes, &self.pinned.origin, &keys, &[]).ok())
    }
}

//! A view that follows a ledger that is being written.

use std::sync::PoisonError;

use super::{Cache, Keys, Reader};
use crate::LedgerError;
use crate::files::numbered;
use crate::keys::KeyRing;
use crate::leaf::Leaf;
use crate::leaves::Published;

impl Reader {
    /// Looks again: the view becomes that of the checkpoint that is published now, at the cost of what is new. False when
    /// nothing is.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when the log did not only grow, or nobody whom it names signed the new checkpoint; what
    /// opening meets otherwise. The view stays what it was.
    pub fn refresh(&mut self) -> Result<bool, LedgerError> {
        let log = self.places.log();
        let published = Published::open(self.disk.clone(), &log, &self.identity.origin)?;
        let (size, root) = (self.published.size(), self.published.checkpoint.root);
        if published.size() == size && published.checkpoint.root == root {
            return Ok(false);
        }
        if published.size() < size {
            return Err(LedgerError::NotAuthentic { what: "a log that is shorter than it was" });
        }
        published.consistency(size, &root)?;
        let before = std::mem::replace(&mut self.published, published);
        let rotations = self.rotations.clone();
        let looked = self.take_in(size);
        if looked.is_err() {
            self.published = before;
            self.rotations = rotations;
        }
        looked.map(|()| true)
    }

    /// Lists the files again: what was packed since the last look is found in its segment.
    ///
    /// # Errors
    /// What reading the files meets.
    pub fn look_again(&mut self) -> Result<(), LedgerError> {
        self.index()?;
        self.forget_packed()
    }

    /// Takes in what came with the leaves from `size` on.
    fn take_in(&mut self, size: u64) -> Result<(), LedgerError> {
        let (mut keys, mut packed) = (false, false);
        for leaf in size..self.size() {
            match Leaf::decode(&self.published.leaf_bytes(leaf)?)? {
                Leaf::KeyBorn(_) | Leaf::Tombstone(_) => keys = true,
                Leaf::SegmentSealed(_) => packed = true,
                Leaf::Rotation(_) => {
                    if let Some(known) = self.rotations.get_mut() {
                        known.push(leaf);
                    }
                }
                _ => {}
            }
        }
        self.checkpoint_signer()?;
        if keys {
            self.renew_keys()?;
        }
        self.index()?;
        if packed {
            self.forget_packed()?;
        }
        Ok(())
    }

    /// Reads the ring again. A vault's keys are read when they are needed.
    fn renew_keys(&mut self) -> Result<(), LedgerError> {
        let slot = self.keys.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(Keys::Ring(ring)) = slot {
            *ring = KeyRing::load(&*self.disk, &self.places.keys, self.identity.ledger, false)?;
        }
        Ok(())
    }

    /// Forgets the frames of write-ahead files that are gone, and with them whatever was read from there.
    fn forget_packed(&mut self) -> Result<(), LedgerError> {
        let files = numbered(&*self.disk, &self.places.wal(), ".wal")?;
        self.scanned.retain(|number, _| files.contains(number));
        self.wal.retain(|_, places| {
            places.retain(|place| files.contains(&place.file));
            !places.is_empty()
        });
        *self.cache.get_mut().unwrap_or_else(PoisonError::into_inner) = Cache::default();
        Ok(())
    }
}

//! Erasing: a signed order becomes a tombstone, and then the key is destroyed.
//!
//! # Invariants
//! - The tombstone is durable and signed before the key is touched; opening finishes what a crash interrupted.
//! - Once an order is accepted no record is encrypted with the key any more: the next one of the scope gets a new key.
//! - What is under a legal hold is not erased, whoever signed.

use super::ledger::{Ledger, Shared, lock};
use crate::LedgerError;
use crate::completeness::is_built_in;
use crate::erasure::ErasureOrder;
use crate::leaf::{DataKeyId, Genesis, Leaf, Scope, Tombstone};

const OWN: &str = "what the ledger found itself is not erased";

/// What an erasure did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erasure {
    /// The tombstones.
    pub leaves: Vec<u64>,
    /// The keys that are gone.
    pub keys: Vec<DataKeyId>,
}

impl Ledger {
    /// The order that has to be signed to erase a scope: it names the keys that the scope has now.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] when the scope has no key: nothing was received, or it is erased.
    pub fn erasure_order(&self, scope: &Scope, reason: &str) -> Result<ErasureOrder, LedgerError> {
        if is_built_in(&scope.source) {
            return Err(LedgerError::Refused { why: OWN });
        }
        let ring = lock(&self.shared.ring);
        let keys: Vec<_> = ring.entries().filter(|e| e.scope == *scope).map(|e| e.key).collect();
        if keys.is_empty() {
            let name = format!("{} ({}) on day {}", scope.source, scope.class, scope.day);
            return Err(LedgerError::Missing { what: "records of", name });
        }
        let ledger = self.shared.identity.ledger;
        Ok(ErasureOrder { ledger, scope: scope.clone(), keys, reason: reason.to_owned() })
    }

    /// Carries out a signed order: commits the tombstones, then destroys the keys. Vaults follow when they pull.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when the order is not signed by the erasure key that leaf 0 names,
    /// [`LedgerError::Refused`] under a legal hold, [`LedgerError::Missing`] when a key is not (or no longer) there.
    pub fn erase(&self, approval: &[u8]) -> Result<Erasure, LedgerError> {
        let shared = &self.shared;
        // The log on the disk has to be as far as the holds that were just set.
        self.tick()?;
        let disk = shared.around.disk.clone();
        let log = shared.published()?;
        let (Leaf::Genesis(Genesis { eraser, .. }), _, _) = log.leaf(0)? else {
            return Err(LedgerError::NotAuthentic { what: "the first leaf" });
        };
        let order = ErasureOrder::open_approved(approval, &eraser, &shared.identity.ledger)?;
        if is_built_in(&order.scope.source) {
            return Err(LedgerError::Refused { why: OWN });
        }
        shared.check_hold(&log, &order.scope)?;
        shared.retire(&order)?;
        // Everything under these keys is committed, and the state needs none of it any more.
        self.tick()?;
        shared.keep_state()?;
        let mut leaves = Vec::new();
        for key in &order.keys {
            let tombstone = Tombstone {
                key: *key,
                scope: order.scope.clone(),
                erased_ns: shared.around.now_ns(),
                approval: approval.to_vec(),
            };
            leaves.push(shared.commit_leaf(Leaf::Tombstone(tombstone))?);
        }
        let destroyed = lock(&shared.ring).destroy(&*disk, &order.keys, &*shared.around.entropy);
        if let Err(error) = destroyed {
            // The tombstones are in the log, so the order must not be taken again; opening finishes it.
            shared.poison(&error);
            return Err(error);
        }
        Ok(Erasure { leaves, keys: order.keys })
    }
}

impl Shared {
    /// Makes sure that nothing more is encrypted with these keys.
    fn retire(&self, order: &ErasureOrder) -> Result<(), LedgerError> {
        let mut intake = self.healthy()?;
        let mut ring = lock(&self.ring);
        for key in &order.keys {
            match ring.entry(*key) {
                Some(entry) if entry.scope == order.scope => {}
                _ => {
                    let name = crate::reader::hex(&key.0);
                    return Err(LedgerError::Missing { what: "data key of this scope", name });
                }
            }
        }
        order.keys.iter().for_each(|key| ring.retire(*key));
        drop(ring);
        let level = self.options.level;
        let scope = std::sync::Arc::new(order.scope.clone());
        intake.cut(&scope, true, level);
        self.jobs.notify_all();
        self.ready.notify_one();
        Ok(())
    }
}

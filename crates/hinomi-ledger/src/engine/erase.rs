//! Erasing: a signed order becomes a tombstone, and then the key is destroyed.
//!
//! # Invariants
//! - The tombstone is durable and signed before the key is touched; opening finishes what a crash interrupted.
//! - Once an order is accepted no record is encrypted with the key any more: the next one of the scope gets a new key.
//! - What is under a legal hold is not erased, whoever signed.

use super::ledger::{Ledger, Shared, lock};
use crate::LedgerError;
use crate::completeness::Day;
use crate::erasure::ErasureOrder;
use crate::leaf::{DataKeyId, Genesis, Leaf, Policy, Scope, Tombstone};
use crate::leaves::Published;
use crate::retention::{Reason, Retention, Verdict};

const DAY_NS: u64 = 86_400_000_000_000;
/// How the leaf of rules of retention is marked.
const RETENTION: &str = "retention";

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
        let log = Published::open(disk.clone(), &shared.places.log(), &shared.identity.origin)?;
        let (Leaf::Genesis(Genesis { eraser, .. }), _, _) = log.leaf(0)? else {
            return Err(LedgerError::NotAuthentic { what: "the first leaf" });
        };
        let order = ErasureOrder::open_approved(approval, &eraser, &shared.identity.ledger)?;
        check_hold(&log, &order.scope, shared.around.now_ns())?;
        shared.retire(&order)?;
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

    /// Records rules of retention, holds and incidents with them; they are in force from then on.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when they contradict themselves, [`LedgerError::TooLarge`] above 65,535 bytes.
    pub fn record_retention(&self, rules: &Retention) -> Result<u64, LedgerError> {
        rules.check()?;
        let bad = |_| LedgerError::Malformed { kind: "rules of retention", what: "they cannot be written" };
        let document = serde_json::to_vec(rules).map_err(bad)?;
        let leaf = Leaf::Policy(Policy { change: RETENTION.to_owned(), document });
        leaf.encode()?;
        self.shared.commit_leaf(leaf)
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

/// The rules of retention that were recorded last, with their leaf.
fn retention_in_force(log: &Published) -> Result<Option<(u64, Retention)>, LedgerError> {
    for leaf in (0..log.size()).rev() {
        if let Leaf::Policy(policy) = Leaf::decode(&log.leaf_bytes(leaf)?)?
            && policy.change == RETENTION
        {
            let bad = |_| LedgerError::Malformed {
                kind: "rules of retention",
                what: "the last ones cannot be read",
            };
            return serde_json::from_slice(&policy.document).map(|rules| Some((leaf, rules))).map_err(bad);
        }
    }
    Ok(None)
}

/// Whether a hold or an open incident keeps a scope, by the rules in force.
fn check_hold(log: &Published, scope: &Scope, now_ns: u64) -> Result<(), LedgerError> {
    let Some((_, rules)) = retention_in_force(log)? else { return Ok(()) };
    let (day, today) = (Day(scope.day as i32), Day((now_ns / DAY_NS) as i32));
    match rules.verdict(&scope.source, &scope.class, day, today) {
        Verdict::Keep(reasons)
            if reasons.iter().any(|r| matches!(r, Reason::Hold(_) | Reason::OpenIncident(_))) =>
        {
            Err(LedgerError::Refused {
                why: "these records are under a legal hold or belong to an open incident",
            })
        }
        _ => Ok(()),
    }
}

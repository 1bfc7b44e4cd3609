//! Recording what keeps records and what sources promise, and what of it is in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ledger::{Ledger, Shared, lock};
use crate::LedgerError;
use crate::completeness::Day;
use crate::leaf::{Leaf, Scope};
use crate::leaves::Published;
use crate::policy::{Declared, InForce, PolicyChange, Recorded};
use crate::reader::Reader;
use crate::retention::{Reason, Verdict};
use crate::tlog::{Frontier, leaf_hash};

impl Ledger {
    /// Records changes of policy, all of them in one commit; they are in force from then on. The leaves that hold them.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when one contradicts itself or what is in force, and [`LedgerError::TooLarge`] for one
    /// above 65,535 bytes; nothing is recorded then.
    pub fn record(&self, changes: &[PolicyChange]) -> Result<Vec<u64>, LedgerError> {
        let shared = &self.shared;
        let _alone = lock(&shared.policies);
        let mut force = self.in_force()?;
        let mut leaves = Vec::new();
        for change in changes {
            let leaf = Recorded::leaf(change, shared.around.now_ns())?;
            force.apply(&Recorded::read(&leaf)?)?;
            let leaf = Leaf::Policy(leaf);
            leaf.encode()?;
            leaves.push(leaf);
        }
        shared.commit_leaves(leaves)
    }

    /// States what sources promise: all that is stated from now on. What changed is recorded, and nothing else.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    pub fn declare(&self, sources: &BTreeMap<String, Declared>) -> Result<Vec<u64>, LedgerError> {
        let force = self.in_force()?.sources;
        let stated = sources.iter().filter(|(source, declared)| force.get(*source) != Some(declared));
        let stated = stated.map(|(source, declared)| (source, Some(declared.clone())));
        let withdrawn =
            force.keys().filter(|source| !sources.contains_key(*source)).map(|source| (source, None));
        let change =
            |(source, declared): (&String, _)| PolicyChange::Source { source: source.clone(), declared };
        let changes: Vec<_> = stated.chain(withdrawn).map(change).collect();
        if changes.is_empty() { Ok(Vec::new()) } else { self.record(&changes) }
    }

    /// What is in force.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when the log holds a policy that contradicts those before.
    pub fn in_force(&self) -> Result<InForce, LedgerError> {
        self.tick()?;
        in_force(&self.shared.published()?)
    }
}

impl Shared {
    pub(super) fn published(&self) -> Result<Published, LedgerError> {
        Published::open(self.around.disk.clone(), &self.places.log(), &self.identity.origin)
    }

    /// Adds leaves that are no blocks and waits until they are committed, together.
    fn commit_leaves(&self, leaves: Vec<Leaf>) -> Result<Vec<u64>, LedgerError> {
        let cells = {
            let mut intake = self.healthy()?;
            let cells: Vec<_> = leaves.into_iter().map(|leaf| intake.push_leaf(leaf)).collect();
            self.queue_tick(&mut intake, Arc::default());
            cells
        };
        if self.options.threads == 0 {
            self.commit_inline()?;
        }
        cells.iter().map(|cell| cell.wait()).collect()
    }

    /// Adds one leaf that is no block and waits until it is committed.
    pub(super) fn commit_leaf(&self, leaf: Leaf) -> Result<u64, LedgerError> {
        Ok(self.commit_leaves(vec![leaf])?.pop().unwrap_or_default())
    }

    /// Whether a hold or an incident keeps a scope, by what is in force.
    pub(super) fn check_hold(&self, log: &Published, scope: &Scope) -> Result<(), LedgerError> {
        let days = |day: u64| Day(i32::try_from(day).unwrap_or(i32::MAX));
        let (day, today) = (days(u64::from(scope.day)), days(self.around.now_ns() / super::ledger::DAY_NS));
        let Verdict::Keep(reasons) =
            in_force(log)?.retention.verdict(&scope.source, &scope.class, day, today)
        else {
            return Ok(());
        };
        let why = |reason: &Reason| match reason {
            Reason::Hold(_) => Some("these records are under a legal hold"),
            Reason::OpenIncident(_) => Some("these records belong to an open incident"),
            Reason::ClosedIncident(..) => {
                Some("these records belong to an incident that was closed not long ago")
            }
            Reason::Policy(_) | Reason::NoPolicy => None,
        };
        match reasons.iter().find_map(why) {
            Some(why) => Err(LedgerError::Refused { why }),
            None => Ok(()),
        }
    }
}

impl Reader {
    /// What is in force, as of this view.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when the leaves are not those of the checkpoint; [`LedgerError::Malformed`].
    pub fn in_force(&self) -> Result<InForce, LedgerError> {
        in_force(self.published())
    }
}

/// Applies every policy leaf; together the leaves must give the root of the checkpoint.
fn in_force(log: &Published) -> Result<InForce, LedgerError> {
    let (mut force, mut tree) = (InForce::default(), Frontier::default());
    for index in 0..log.size() {
        let bytes = log.leaf_bytes(index)?;
        tree.push(leaf_hash(&[&bytes]));
        if let Leaf::Policy(policy) = Leaf::decode(&bytes)? {
            force.apply(&Recorded::read(&policy)?)?;
        }
    }
    if tree.root() != log.checkpoint.root {
        return Err(LedgerError::NotAuthentic { what: "the log, of which its policies are a part," });
    }
    Ok(force)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf::Policy;
    use crate::options::{Creation, Options, Places, Surroundings};
    use crate::retention::Extent;
    use crate::sources::{SystemClock, SystemEntropy};
    use crate::verify::{Verdict as Verified, VerifyOptions, verify};
    use crate::{FileDisk, LedgerError};

    /// A changed program may record what contradicts; whoever verifies sees it.
    #[test]
    fn what_contradicts_is_found_in_the_log() {
        let hold = |name: &str| {
            let (name, reason, owner) = (name.to_owned(), "suit 7".to_owned(), "counsel".to_owned());
            Leaf::Policy(
                Recorded::leaf(&PolicyChange::Hold { name, extent: Extent::default(), reason, owner }, 5)
                    .unwrap(),
            )
        };
        let release = PolicyChange::Release { name: "B".into(), reason: "r".into(), owner: "o".into() };
        let raw = |change: &str, document: &[u8]| {
            Leaf::Policy(Policy { change: change.to_owned(), document: document.to_vec() })
        };
        for (leaves, what) in [
            (vec![hold("A"), hold("A")], "already"),
            (vec![hold("A"), Leaf::Policy(Recorded::leaf(&release, 5).unwrap())], "no hold of this name"),
            (vec![hold("A"), raw("hold", b"{}")], "not of this form"),
            (vec![hold("A"), raw("other", b"{}")], "kind is unknown"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let places = Places::in_data_dir(folder.path(), "evidence");
            let around = Surroundings {
                disk: Arc::new(FileDisk),
                clock: Arc::new(SystemClock),
                entropy: Arc::new(SystemEntropy),
            };
            let options = Options { threads: 0, watch: false, ..Options::default() };
            let creation = Creation { origin: "test/1".to_owned(), eraser: None };
            Ledger::create(&around, &places, &creation, &options).unwrap();
            let (ledger, _) = Ledger::open(around.clone(), places.clone(), options).unwrap();
            let at = ledger.shared.commit_leaves(leaves).unwrap();
            assert!(matches!(ledger.in_force(), Err(LedgerError::Malformed { .. })));
            ledger.close().unwrap();
            let found = verify(around.disk, &places, &VerifyOptions::default(), &mut |_| {}).unwrap();
            assert_eq!(found.verdict(), Verified::Damaged);
            let [finding] = &found.findings[..] else { panic!("{:?}", found.findings) };
            assert_eq!(finding.leaf, at.last().copied());
            assert!(finding.what.contains(what), "{}", finding.what);
        }
    }
}

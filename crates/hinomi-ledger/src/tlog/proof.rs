//! Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2; verification as RFC 9162 spells it out).

use super::{Frontier, Hash, NodeSource, node_hash};
use crate::LedgerError;

/// Longest proof of a tree with 2^64 leaves.
const MAX_HASHES: usize = 64;

/// That a leaf is in a tree: the siblings from the leaf up to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The leaf's index.
    pub index: u64,
    /// Leaves in the tree.
    pub tree_size: u64,
    /// Siblings, from the leaf upwards.
    pub hashes: Vec<Hash>,
}

/// That a tree is the beginning of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Leaves in the earlier tree.
    pub old_size: u64,
    /// Leaves in the later tree.
    pub new_size: u64,
    /// The hashes of RFC 6962's PROOF(m, D\[n\]).
    pub hashes: Vec<Hash>,
}

fn not_proven(what: &'static str) -> LedgerError {
    LedgerError::NotAuthentic { what }
}

impl InclusionProof {
    /// Checks that `leaf` is the leaf at `index` of the tree with this `root`.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when it is not proven.
    pub fn verify(&self, leaf: &Hash, root: &Hash) -> Result<(), LedgerError> {
        let bad = || not_proven("the inclusion proof");
        if self.index >= self.tree_size || self.hashes.len() > MAX_HASHES {
            return Err(bad());
        }
        let (mut at, mut last) = (self.index, self.tree_size - 1);
        let mut hash = *leaf;
        for sibling in &self.hashes {
            if last == 0 {
                return Err(bad());
            }
            if at & 1 == 1 || at == last {
                hash = node_hash(sibling, &hash);
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            at >>= 1;
            last >>= 1;
        }
        if last == 0 && hash == *root { Ok(()) } else { Err(bad()) }
    }
}

impl ConsistencyProof {
    /// Checks that the tree with `old_root` is the beginning of the tree with `new_root`.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when it is not proven.
    pub fn verify(&self, old_root: &Hash, new_root: &Hash) -> Result<(), LedgerError> {
        let bad = || not_proven("the consistency proof");
        let (old, new) = (self.old_size, self.new_size);
        if old > new || self.hashes.len() > MAX_HASHES {
            return Err(bad());
        }
        if old == 0 || old == new {
            let same = (old != 0 || *old_root == Hash::empty_root()) && (old != new || old_root == new_root);
            return if same && self.hashes.is_empty() { Ok(()) } else { Err(bad()) };
        }
        let mut path = self.hashes.iter();
        // A complete old tree is its own first node and is not repeated in the proof.
        let first = if old.is_power_of_two() { old_root } else { path.next().ok_or_else(bad)? };
        let (mut at, mut last) = (old - 1, new - 1);
        while at & 1 == 1 {
            at >>= 1;
            last >>= 1;
        }
        let (mut old_hash, mut new_hash) = (*first, *first);
        for hash in path {
            if last == 0 {
                return Err(bad());
            }
            if at & 1 == 1 || at == last {
                old_hash = node_hash(hash, &old_hash);
                new_hash = node_hash(hash, &new_hash);
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                new_hash = node_hash(&new_hash, hash);
            }
            at >>= 1;
            last >>= 1;
        }
        if last == 0 && old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(bad()) }
    }
}

/// Root of leaves `from..to`, where `from` is a multiple of the smallest power of two that is at least `to - from`.
///
/// # Errors
/// Whatever `nodes` meets.
pub fn range_root(nodes: &mut dyn NodeSource, from: u64, to: u64) -> Result<Hash, LedgerError> {
    let mut peaks = Vec::new();
    let mut at = from;
    while at < to {
        let level = (to - at).ilog2();
        peaks.push(nodes.node(level as u8, at >> level)?);
        at += 1 << level;
    }
    let size = to.saturating_sub(from);
    Frontier::from_parts(size, peaks).map(|f| f.root()).ok_or_else(|| not_proven("a range of leaves"))
}

/// Largest power of two below `n`, for `n` of at least 2.
fn split(n: u64) -> u64 {
    1 << (n.saturating_sub(1)).max(1).ilog2()
}

/// Builds the proof that leaf `index` is in the tree of `tree_size` leaves.
///
/// # Errors
/// [`LedgerError::Missing`] when there is no such leaf; whatever `nodes` meets.
pub fn prove_inclusion(
    nodes: &mut dyn NodeSource,
    index: u64,
    tree_size: u64,
) -> Result<InclusionProof, LedgerError> {
    if index >= tree_size {
        return Err(LedgerError::Missing { what: "leaf", name: index.to_string() });
    }
    let mut hashes = Vec::new();
    let (mut from, mut to) = (0, tree_size);
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            hashes.push(range_root(nodes, middle, to)?);
            to = middle;
        } else {
            hashes.push(range_root(nodes, from, middle)?);
            from = middle;
        }
    }
    hashes.reverse();
    Ok(InclusionProof { index, tree_size, hashes })
}

/// Builds the proof that the tree of `old_size` leaves is the beginning of the one of `new_size` leaves.
///
/// # Errors
/// [`LedgerError::Missing`] when the old tree is larger; whatever `nodes` meets.
pub fn prove_consistency(
    nodes: &mut dyn NodeSource,
    old_size: u64,
    new_size: u64,
) -> Result<ConsistencyProof, LedgerError> {
    let mut hashes = Vec::new();
    if old_size > new_size {
        return Err(LedgerError::Missing { what: "tree of size", name: old_size.to_string() });
    }
    if old_size > 0 && old_size < new_size {
        let (mut from, mut to) = (0, new_size);
        // Walk down to the node that ends where the old tree ends.
        while to != old_size {
            let middle = from + split(to - from);
            if old_size <= middle {
                hashes.push(range_root(nodes, middle, to)?);
                to = middle;
            } else {
                hashes.push(range_root(nodes, from, middle)?);
                from = middle;
            }
        }
        if from > 0 {
            hashes.push(range_root(nodes, from, to)?);
        }
        hashes.reverse();
    }
    Ok(ConsistencyProof { old_size, new_size, hashes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{leaf_hash, root_of};

    fn leaves(n: u64) -> Vec<Hash> {
        (0..n).map(|i| leaf_hash(&[&i.to_be_bytes()])).collect()
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proven_and_no_other() {
        let all = leaves(70);
        for size in 1..=70u64 {
            let part = &all[..size as usize];
            let root = root_of(part.iter().copied());
            for index in 0..size {
                let proof = prove_inclusion(&mut &*part, index, size).unwrap();
                let leaf = all[index as usize];
                proof.verify(&leaf, &root).unwrap();
                for other in 0..70u64 {
                    let wrong = all[other as usize];
                    assert_eq!(proof.verify(&wrong, &root).is_ok(), other == index);
                    let moved = InclusionProof { index: other, ..proof.clone() };
                    assert!(
                        other == index || moved.verify(&leaf, &root).is_err(),
                        "{index} as {other} of {size}"
                    );
                }
                let mut longer = proof.clone();
                longer.hashes.push(leaf);
                assert!(longer.verify(&leaf, &root).is_err());
                let mut shorter = proof.clone();
                if shorter.hashes.pop().is_some() {
                    assert!(shorter.verify(&leaf, &root).is_err());
                }
            }
            assert!(prove_inclusion(&mut &*part, size, size).is_err());
        }
    }

    #[test]
    fn every_pair_of_small_trees_is_consistent_and_no_fork_is() {
        let all = leaves(40);
        let mut forked = all.clone();
        forked[5] = leaf_hash(&[b"rewritten"]);
        for new in 0..=40u64 {
            let new_root = root_of(all[..new as usize].iter().copied());
            let forked_root = root_of(forked[..new as usize].iter().copied());
            for old in 0..=new {
                let old_root = root_of(all[..old as usize].iter().copied());
                let proof = prove_consistency(&mut &all[..], old, new).unwrap();
                proof.verify(&old_root, &new_root).unwrap();
                let fork = prove_consistency(&mut &forked[..], old, new).unwrap();
                assert_eq!(fork.verify(&old_root, &forked_root).is_ok(), old <= 5, "{old} {new}");
                for at in 0..proof.hashes.len() {
                    let mut bad = proof.clone();
                    bad.hashes[at] = forked[5];
                    assert!(bad.verify(&old_root, &new_root).is_err(), "{old} {new} {at}");
                }
                let mut longer = proof.clone();
                longer.hashes.push(new_root);
                assert!(longer.verify(&old_root, &new_root).is_err());
            }
        }
    }

    #[test]
    fn hostile_sizes_are_refused_without_work() {
        let root = root_of(leaves(3));
        for (old, new) in
            [(u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX), (0, u64::MAX), (u64::MAX - 1, u64::MAX)]
        {
            let proof = ConsistencyProof { old_size: old, new_size: new, hashes: vec![root; 64] };
            assert!(proof.verify(&root, &root).is_err());
            let proof = InclusionProof { index: old, tree_size: new, hashes: vec![root; 64] };
            assert!(proof.verify(&root, &root).is_err());
        }
    }
}

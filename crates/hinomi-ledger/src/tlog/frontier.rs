//! The right edge of a growing tree: enough to append and to know the root, in logarithmic memory.

use super::{Hash, node_hash};

/// The roots of the complete subtrees that make up a tree, from the largest (leftmost) to the smallest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A frontier from its parts; `None` when the number of peaks does not belong to the size.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (size.count_ones() as usize == peaks.len()).then_some(Self { size, peaks })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root (RFC 6962 MTH) of the tree so far.
    pub fn root(&self) -> Hash {
        let mut right_to_left = self.peaks.iter().rev().copied();
        let Some(last) = right_to_left.next() else { return Hash::empty_root() };
        right_to_left.fold(last, |right, left| node_hash(&left, &right))
    }
}

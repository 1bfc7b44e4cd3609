//! Hashes of a Merkle tree (RFC 6962, section 2.1).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::Frontier;
use crate::LedgerError;

/// A node of a Merkle tree: SHA-256, shown in base64 as checkpoints do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Bytes in a hash.
    pub const BYTES: usize = 32;

    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a hash of exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The root of the tree without leaves: SHA-256 of nothing.
    pub fn empty_root() -> Self {
        Self(Sha256::digest([]).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let bad = LedgerError::Malformed { kind: "tree hash", what: "44 characters of base64" };
        if text.len() != 44 {
            return Err(bad);
        }
        STANDARD.decode(text).ok().and_then(|b| Self::from_slice(&b)).ok_or(bad)
    }
}

/// Hash of a leaf whose data is the concatenation of `parts`: SHA-256(0x00 || data).
pub fn leaf_hash(parts: &[&[u8]]) -> Hash {
    let mut sha = Sha256::new();
    sha.update([0]);
    for part in parts {
        sha.update(part);
    }
    Hash(sha.finalize().into())
}

/// Hash of an inner node: SHA-256(0x01 || left || right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut sha = Sha256::new();
    sha.update([1]);
    sha.update(left.0);
    sha.update(right.0);
    Hash(sha.finalize().into())
}

/// Root of the tree with these leaf hashes.
pub fn root_of(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let mut frontier = Frontier::default();
    leaves.into_iter().for_each(|leaf| frontier.push(leaf));
    frontier.root()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962, 2.1, written as the text has it.
    fn definition(data: &[&[u8]]) -> [u8; 32] {
        match data.len() {
            0 => Sha256::digest([]).into(),
            1 => Sha256::digest([&[0][..], data[0]].concat()).into(),
            n => {
                let k = 1 << (usize::BITS - 1 - (n - 1).leading_zeros());
                let (left, right) = (definition(&data[..k]), definition(&data[k..]));
                Sha256::digest([&[1][..], &left, &right].concat()).into()
            }
        }
    }

    #[test]
    fn roots_follow_the_definition() {
        let data: Vec<Vec<u8>> = (0..600u32).map(|i| i.to_be_bytes()[..(i % 5) as usize].to_vec()).collect();
        for size in (0..70).chain([127, 128, 129, 255, 256, 257, 511, 513, 600]) {
            let part: Vec<&[u8]> = data[..size].iter().map(Vec::as_slice).collect();
            let root = root_of(part.iter().map(|d| leaf_hash(&[d])));
            assert_eq!(root.as_bytes(), &definition(&part), "{size} leaves");
        }
    }

    #[test]
    fn published_roots() {
        // The eight leaves and roots that the reference implementations of RFC 6962 publish as test vectors.
        let hex = |t: &str| -> Vec<u8> {
            (0..t.len() / 2).map(|i| u8::from_str_radix(&t[2 * i..2 * i + 2], 16).unwrap()).collect()
        };
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let root = |n: usize| root_of(leaves[..n].iter().map(|l| leaf_hash(&[&hex(l)])));
        let expected = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
        assert_eq!(root(8).as_bytes().to_vec(), hex(expected));
        let expected = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(root(1).as_bytes().to_vec(), hex(expected));
        assert_eq!(root(0), Hash::empty_root());
    }

    #[test]
    fn text_is_strict() {
        let hash = leaf_hash(&[b"a"]);
        assert_eq!(hash.to_string().parse::<Hash>().unwrap(), hash);
        let text = hash.to_string();
        for bad in [&text[..43], &format!("{text}="), &text.replace('=', "A"), "", "é"] {
            assert!(bad.parse::<Hash>().is_err(), "{bad}");
        }
        // Same bytes, unused bits set: a second spelling of one hash would let two texts differ and mean the same.
        let last = text.as_bytes()[42];
        let other = format!("{}{}=", &text[..42], char::from(last + 1));
        assert!(other.parse::<Hash>().is_err());
    }
}

//! Leaves: the entries of the Merkle log. Everything that must not be changed, dropped or dated back is one of them.
//!
//! A leaf begins with its kind and the version of that kind; integers are big-endian, short strings stand behind a
//! length of one byte. The full table is in `docs/ledger-format.md`.
//!
//! # Invariants
//! - A leaf has exactly one encoding, of at most 65,535 bytes (the bound of an entry in C2SP tlog-tiles).
//! - Leaves hold no content of records and no secret: they are never deleted, also when the records are erased.

use crate::LedgerError;
use crate::cursor::{Cursor, put_bytes16, put_short_str};

/// The longest leaf.
pub const MAX_LEAF: usize = 65_535;
/// The longest name of a source or class, in bytes.
pub const MAX_NAME: usize = 255;

/// Which records one data key encrypts: a source, a UTC day of receipt and a retention class.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Scope {
    /// Name of the source. It stays readable for ever, so it must not be personal data.
    pub source: String,
    /// Retention class.
    pub class: String,
    /// Days since 1970-01-01.
    pub day: u32,
}

impl Scope {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), LedgerError> {
        put_short_str(out, "name of a source", &self.source)?;
        put_short_str(out, "name of a class", &self.class)?;
        out.extend_from_slice(&self.day.to_be_bytes());
        Ok(())
    }

    fn take(at: &mut Cursor<'_>) -> Result<Self, LedgerError> {
        Ok(Self { source: at.short_str()?.to_owned(), class: at.short_str()?.to_owned(), day: at.u32()? })
    }

    /// The encoding inside leaves and key files.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        let mut out = Vec::new();
        self.put(&mut out)?;
        Ok(out)
    }

    pub(crate) fn decode(at: &mut Cursor<'_>) -> Result<Self, LedgerError> {
        Self::take(at)
    }
}

/// Number of a data key: random, unique in a ledger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DataKeyId(pub [u8; 16]);

/// Number of a block: random, unique in a ledger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlockId(pub [u8; 16]);

/// Leaf 0: what the ledger is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Genesis {
    /// Random number of the ledger.
    pub ledger: [u8; 16],
    /// Format of the files below.
    pub format: u32,
    /// When it was created, nanoseconds since 1970.
    pub created_ns: u64,
    /// Origin line of its checkpoints.
    pub origin: String,
    /// Verifier key (C2SP signed-note) of the first signer.
    pub signer: String,
    /// Ed25519 public key whose signature an erasure needs; all zeros where there is none and nothing can be erased.
    pub eraser: [u8; 32],
}

/// A data key came into being.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyBorn {
    /// Its number.
    pub key: DataKeyId,
    /// What it encrypts.
    pub scope: Scope,
    /// SHA-256 of a label and the key: ciphertexts and copies can be checked against it, the key cannot be found.
    pub commitment: [u8; 32],
    /// X25519 public keys of the vaults that it was sealed to.
    pub recipients: Vec<[u8; 32]>,
}

/// A block of consecutive records of one scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Key of the records.
    pub key: DataKeyId,
    /// Number of the block; the salts depend on it.
    pub block: BlockId,
    /// Source, class and day, as in the key's leaf.
    pub scope: Scope,
    /// Receive time of the first record.
    pub first_ns: u64,
    /// Receive time of the last record.
    pub last_ns: u64,
    /// Number of records.
    pub count: u32,
    /// Sum of their lengths.
    pub bytes: u64,
    /// Root of the record tree.
    pub root: [u8; 32],
    /// Leaf of the block before, of the same source; `None` for the first.
    pub previous: Option<u64>,
}

/// A write-ahead file became a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentSealed {
    /// Number of the segment, that of the write-ahead file it replaces.
    pub number: u64,
    /// Length of the file.
    pub len: u64,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// First leaf whose block lies in it.
    pub first_leaf: u64,
    /// One behind the last leaf whose block lies in it.
    pub end_leaf: u64,
    /// Number of records.
    pub records: u64,
    /// Sum of their lengths.
    pub bytes: u64,
}

/// A data key was destroyed, by an approved order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tombstone {
    /// The key.
    pub key: DataKeyId,
    /// What it encrypted.
    pub scope: Scope,
    /// When, nanoseconds since 1970.
    pub erased_ns: u64,
    /// The signed order, byte for byte.
    pub approval: Vec<u8>,
}

/// The signing key changes: this leaf is still under the old one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// Verifier key (C2SP signed-note) of the signer from the next checkpoint on.
    pub signer: String,
    /// Why.
    pub reason: String,
    /// The signed note in which the old key names the new one ([`crate::rotation_text`]).
    pub endorsement: Vec<u8>,
}

/// A file was repaired from a copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repair {
    /// Path below the ledger.
    pub file: String,
    /// SHA-256 of what was there; all zeros if nothing was.
    pub before: [u8; 32],
    /// SHA-256 of what is there now.
    pub after: [u8; 32],
    /// Where the good copy came from.
    pub from: String,
}

/// A legal hold or a rule of retention was set or lifted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// `hold`, `release` or `retention`.
    pub change: String,
    /// The change, as JSON: scope, owner, reason, expiry.
    pub document: Vec<u8>,
}

/// An entry of the Merkle log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Leaf {
    /// What the ledger is.
    Genesis(Genesis),
    /// A data key came into being.
    KeyBorn(KeyBorn),
    /// Records.
    Block(Block),
    /// A write-ahead file became a segment.
    SegmentSealed(SegmentSealed),
    /// A data key was destroyed.
    Tombstone(Tombstone),
    /// The signing key changes.
    Rotation(Rotation),
    /// A file was repaired.
    Repair(Repair),
    /// A hold or retention changed.
    Policy(Policy),
}

const VERSION: u8 = 1;

impl Leaf {
    /// The bytes that the Merkle log hashes.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] if a name exceeds 255 bytes or the leaf [`MAX_LEAF`].
    pub fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        let mut out = vec![self.kind(), VERSION];
        match self {
            Self::Genesis(leaf) => leaf.put(&mut out)?,
            Self::KeyBorn(leaf) => leaf.put(&mut out)?,
            Self::Block(leaf) => leaf.put(&mut out)?,
            Self::SegmentSealed(leaf) => leaf.put(&mut out),
            Self::Tombstone(leaf) => leaf.put(&mut out)?,
            Self::Rotation(leaf) => {
                put_short_str(&mut out, "verifier key", &leaf.signer)?;
                put_short_str(&mut out, "reason", &leaf.reason)?;
                put_bytes16(&mut out, "endorsement", &leaf.endorsement)?;
            }
            Self::Repair(leaf) => {
                put_short_str(&mut out, "path", &leaf.file)?;
                out.extend_from_slice(&leaf.before);
                out.extend_from_slice(&leaf.after);
                put_short_str(&mut out, "origin of the copy", &leaf.from)?;
            }
            Self::Policy(leaf) => {
                put_short_str(&mut out, "change", &leaf.change)?;
                put_bytes16(&mut out, "policy", &leaf.document)?;
            }
        }
        if out.len() > MAX_LEAF {
            return Err(LedgerError::TooLarge {
                what: "leaf",
                found: out.len() as u64,
                bound: MAX_LEAF as u64,
            });
        }
        Ok(out)
    }

    /// Reads a leaf.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] with the rule that is broken.
    pub fn decode(bytes: &[u8]) -> Result<Self, LedgerError> {
        let mut at = Cursor::new(bytes, "leaf");
        let (kind, version) = (at.u8()?, at.u8()?);
        if version != VERSION {
            return Err(at.malformed("its version is unknown"));
        }
        let leaf = match kind {
            0 => Self::Genesis(Genesis::take(&mut at)?),
            1 => Self::Block(Block::take(&mut at)?),
            2 => Self::KeyBorn(KeyBorn::take(&mut at)?),
            3 => Self::SegmentSealed(SegmentSealed::take(&mut at)?),
            4 => Self::Tombstone(Tombstone::take(&mut at)?),
            5 => Self::Rotation(Rotation {
                signer: at.short_str()?.to_owned(),
                reason: at.short_str()?.to_owned(),
                endorsement: at.bytes16()?.to_vec(),
            }),
            6 => Self::Repair(Repair {
                file: at.short_str()?.to_owned(),
                before: at.array()?,
                after: at.array()?,
                from: at.short_str()?.to_owned(),
            }),
            7 => {
                Self::Policy(Policy { change: at.short_str()?.to_owned(), document: at.bytes16()?.to_vec() })
            }
            _ => return Err(at.malformed("its kind is unknown")),
        };
        at.end()?;
        Ok(leaf)
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Genesis(_) => 0,
            Self::Block(_) => 1,
            Self::KeyBorn(_) => 2,
            Self::SegmentSealed(_) => 3,
            Self::Tombstone(_) => 4,
            Self::Rotation(_) => 5,
            Self::Repair(_) => 6,
            Self::Policy(_) => 7,
        }
    }
}

impl Genesis {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), LedgerError> {
        out.extend_from_slice(&self.ledger);
        out.extend_from_slice(&self.format.to_be_bytes());
        out.extend_from_slice(&self.created_ns.to_be_bytes());
        put_short_str(out, "origin", &self.origin)?;
        put_short_str(out, "verifier key", &self.signer)?;
        out.extend_from_slice(&self.eraser);
        Ok(())
    }

    fn take(at: &mut Cursor<'_>) -> Result<Self, LedgerError> {
        Ok(Self {
            ledger: at.array()?,
            format: at.u32()?,
            created_ns: at.u64()?,
            origin: at.short_str()?.to_owned(),
            signer: at.short_str()?.to_owned(),
            eraser: at.array()?,
        })
    }
}

impl KeyBorn {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), LedgerError> {
        out.extend_from_slice(&self.key.0);
        self.scope.put(out)?;
        out.extend_from_slice(&self.commitment);
        let too_many = |_| LedgerError::TooLarge {
            what: "number of vaults",
            found: self.recipients.len() as u64,
            bound: 255,
        };
        out.push(u8::try_from(self.recipients.len()).map_err(too_many)?);
        self.recipients.iter().for_each(|r| out.extend_from_slice(r));
        Ok(())
    }

    fn take(at: &mut Cursor<'_>) -> Result<Self, LedgerError> {
        let (key, scope, commitment) = (DataKeyId(at.array()?), Scope::take(at)?, at.array()?);
        let count = at.u8()?;
        let recipients = (0..count).map(|_| at.array()).collect::<Result<_, _>>()?;
        Ok(Self { key, scope, commitment, recipients })
    }
}

impl Block {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), LedgerError> {
        out.extend_from_slice(&self.key.0);
        out.extend_from_slice(&self.block.0);
        self.scope.put(out)?;
        out.extend_from_slice(&self.first_ns.to_be_bytes());
        out.extend_from_slice(&self.last_ns.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.bytes.to_be_bytes());
        out.extend_from_slice(&self.root);
        out.extend_from_slice(&self.previous.unwrap_or(u64::MAX).to_be_bytes());
        Ok(())
    }

    fn take(at: &mut Cursor<'_>) -> Result<Self, LedgerError> {
        Ok(Self {
            key: DataKeyId(at.array()?),
            block: BlockId(at.array()?),
            scope: Scope::take(at)?,
            first_ns: at.u64()?,
            last_ns: at.u64()?,
            count: at.u32()?,
            bytes: at.u64()?,
            root: at.array()?,
            previous: Some(at.u64()?).filter(|leaf| *leaf != u64::MAX),
        })
    }
}

impl SegmentSealed {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.len.to_be_bytes());
        out.extend_from_slice(&self.sha256);
        for number in [self.first_leaf, self.end_leaf, self.records, self.bytes] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }

    fn take(at: &mut Cursor<'_>) -> Result<Self, LedgerError> {
        Ok(Self {
            number: at.u64()?,
            len: at.u64()?,
            sha256: at.array()?,
            first_leaf: at.u64()?,
            end_leaf: at.u64()?,
            records: at.u64()?,
            bytes: at.u64()?,
        })
    }
}

impl Tombstone {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), LedgerError> {
        out.extend_from_slice(&self.key.0);
        self.scope.put(out)?;
        out.extend_from_slice(&self.erased_ns.to_be_bytes());
        put_bytes16(out, "approval", &self.approval)
    }

    fn take(at: &mut Cursor<'_>) -> Result<Self, LedgerError> {
        Ok(Self {
            key: DataKeyId(at.array()?),
            scope: Scope::take(at)?,
            erased_ns: at.u64()?,
            approval: at.bytes16()?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope { source: "fw".to_owned(), class: "sec".to_owned(), day: 20_000 }
    }

    fn one_of_each() -> Vec<Leaf> {
        let (key, block) = (DataKeyId([1; 16]), BlockId([2; 16]));
        vec![
            Leaf::Genesis(Genesis {
                ledger: [9; 16],
                format: 1,
                created_ns: 5,
                origin: "o".to_owned(),
                signer: "k".to_owned(),
                eraser: [3; 32],
            }),
            Leaf::KeyBorn(KeyBorn {
                key,
                scope: scope(),
                commitment: [4; 32],
                recipients: vec![[5; 32], [6; 32]],
            }),
            Leaf::Block(Block {
                key,
                block,
                scope: scope(),
                first_ns: 10,
                last_ns: 20,
                count: 3,
                bytes: 99,
                root: [7; 32],
                previous: None,
            }),
            Leaf::SegmentSealed(SegmentSealed {
                number: 4,
                len: 100,
                sha256: [8; 32],
                first_leaf: 1,
                end_leaf: 9,
                records: 12,
                bytes: 3000,
            }),
            Leaf::Tombstone(Tombstone { key, scope: scope(), erased_ns: 77, approval: b"signed".to_vec() }),
            Leaf::Rotation(Rotation {
                signer: "new".to_owned(),
                reason: "yearly".to_owned(),
                endorsement: b"signed".to_vec(),
            }),
            Leaf::Repair(Repair {
                file: "segments/1.seg".to_owned(),
                before: [0; 32],
                after: [1; 32],
                from: "vault".to_owned(),
            }),
            Leaf::Policy(Policy { change: "hold".to_owned(), document: b"{}".to_vec() }),
        ]
    }

    #[test]
    fn leaves_survive_and_have_one_form() {
        for leaf in one_of_each() {
            let bytes = leaf.encode().unwrap();
            assert_eq!(Leaf::decode(&bytes).unwrap(), leaf);
            for cut in 0..bytes.len() {
                assert!(Leaf::decode(&bytes[..cut]).is_err(), "{leaf:?} cut at {cut}");
            }
            let longer = [&bytes[..], &[0]].concat();
            assert!(Leaf::decode(&longer).is_err());
        }
    }

    #[test]
    fn hand_made_block_leaf() {
        let bytes = one_of_each()[2].encode().unwrap();
        let mut expected = vec![1, 1];
        expected.extend_from_slice(&[1; 16]);
        expected.extend_from_slice(&[2; 16]);
        expected.extend_from_slice(b"\x02fw\x03sec\x00\x00\x4e\x20");
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 3]);
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 99]);
        expected.extend_from_slice(&[7; 32]);
        expected.extend_from_slice(&[0xff; 8]);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn too_long_is_refused() {
        let leaf = Leaf::Rotation(Rotation {
            signer: "x".repeat(256),
            reason: String::new(),
            endorsement: Vec::new(),
        });
        assert!(matches!(leaf.encode(), Err(LedgerError::TooLarge { bound: 255, .. })));
        let document = vec![b' '; MAX_LEAF];
        let leaf = Leaf::Policy(Policy { change: "hold".to_owned(), document });
        assert!(matches!(leaf.encode(), Err(LedgerError::TooLarge { .. })));
    }
}

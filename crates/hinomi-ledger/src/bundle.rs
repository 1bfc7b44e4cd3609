//! Bundles: one record with everything that proves it, for somebody who has neither the ledger nor its keys.
//!
//! A bundle is JSON; binary values are base64. The leaf of a block commits to the root of the record tree, and both trees
//! are RFC 6962, so any tool that knows that standard and C2SP checkpoints can follow it:
//!
//! 1. the note is signed by the ledger's key, and states size and root of the log;
//! 2. SHA-256(0x00, leaf) is at `leaf.index` of that tree, by `leaf.proof`;
//! 3. the leaf (`docs/ledger-format.md`) holds the root and the number of its records;
//! 4. SHA-256(0x00, salt, receive time, sequence, bytes) is at `record.index` of that tree, by `record.proof`.
//!
//! When the signing key was changed since the ledger began, `chain` has leaf 0, which names the first key, and every
//! rotation, in which the key before endorses the next: whoever knows any of the keys can follow it to the one that
//! signed the note.
//!
//! # Trust
//! A bundle comes from anywhere. [`Bundle::verify`] checks all four steps; what is left to trust is the key that the
//! caller gives, and that it was not stolen when the note was signed. A cosignature by a witness narrows that down. A key
//! that was retired and stolen afterwards can endorse a chain of its own: whoever knows a later key should give that one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::LedgerError;
use crate::checkpoint::{Origin, VerifiedCheckpoint};
use crate::data_key::record_hash;
use crate::engine::successor;
use crate::leaf::{Block, Leaf};
use crate::note::VerifierKey;
use crate::reader::Reader;
use crate::records::Record;
use crate::tlog::{Hash, InclusionProof, leaf_hash, prove_inclusion};

/// Version of the JSON.
const SCHEMA: u32 = 1;
/// Longest bundle read: a record of 16 MiB in base64 with its proofs.
pub const MAX_BUNDLE: usize = 32 * 1024 * 1024;

/// A record with its proofs, as JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bundle {
    /// Version, 1.
    pub schema_version: u32,
    /// Origin of the ledger.
    pub origin: String,
    /// Verifier key that signed the checkpoint, as the ledger says; whoever verifies should know it from elsewhere.
    pub signer: String,
    /// The checkpoint, a signed note with cosignatures.
    pub checkpoint: String,
    /// The leaf.
    pub leaf: BundleLeaf,
    /// The record.
    pub record: BundleRecord,
    /// Leaf 0 and every rotation of the signing key, in order; empty while the first key signs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<BundleLeaf>,
}

/// A leaf of a bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BundleLeaf {
    /// Its index in the log.
    pub index: u64,
    /// Its bytes, base64.
    pub bytes: String,
    /// Hashes from the leaf to the root, base64.
    pub proof: Vec<String>,
}

/// The record of a bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BundleRecord {
    /// Its number in the block.
    pub index: u32,
    /// When it was received, nanoseconds since 1970.
    pub received_ns: u64,
    /// The number its source gave it.
    pub sequence: Option<u64>,
    /// The salt of its commitment, base64.
    pub salt: String,
    /// The bytes as received, base64.
    pub bytes: String,
    /// Hashes from the record to the root of the block, base64.
    pub proof: Vec<String>,
}

/// What a bundle proved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// The record.
    pub record: Record,
    /// Its number in the block.
    pub index: u32,
    /// The leaf of its block.
    pub leaf: u64,
    /// What the leaf says: source, times.
    pub block: Block,
    /// The checkpoint, with the cosignatures that hold.
    pub checkpoint: VerifiedCheckpoint,
    /// Whether the caller knew the signer or one before it; otherwise the bundle vouches only for itself.
    pub signer_known: bool,
    /// How often the signing key was changed between the one that the caller knew and the one that signed.
    pub rotations: usize,
}

impl Reader {
    /// Proves a record: bytes, salt, and both paths up to the published checkpoint.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] when there is no such record, [`LedgerError::Erased`], and what reading meets.
    pub fn prove(&self, leaf: u64, record: u32) -> Result<Bundle, LedgerError> {
        let (decoded, bytes, proof) = self.published().leaf(leaf)?;
        let no_record = || LedgerError::Missing { what: "record", name: format!("{leaf}/{record}") };
        let Leaf::Block(block) = decoded else { return Err(no_record()) };
        let (records, hashes, secret) = self.verified(leaf, &block)?;
        let found = records.get(record as usize).ok_or_else(no_record)?;
        let path = prove_inclusion(&mut hashes.as_slice(), u64::from(record), hashes.len() as u64)?;
        Ok(Bundle {
            schema_version: SCHEMA,
            origin: self.identity().origin.as_str().to_owned(),
            signer: self.signer()?.to_string(),
            checkpoint: self.note().to_string(),
            leaf: BundleLeaf { index: leaf, bytes: STANDARD.encode(bytes), proof: texts(&proof.hashes) },
            record: BundleRecord {
                index: record,
                received_ns: found.received_ns,
                sequence: found.sequence,
                salt: STANDARD.encode(Self::salt(&secret, block.block, record)),
                bytes: STANDARD.encode(&found.bytes),
                proof: texts(&path.hashes),
            },
            chain: self.chain()?,
        })
    }

    /// Leaf 0 and the rotations, with their proofs, if there are any.
    fn chain(&self) -> Result<Vec<BundleLeaf>, LedgerError> {
        let rotations = self.rotations()?;
        let leaves = rotations.first().map(|_| 0).into_iter().chain(rotations.iter().copied());
        let proven = leaves.map(|index| {
            let (_, bytes, proof) = self.published().leaf(index)?;
            Ok(BundleLeaf { index, bytes: STANDARD.encode(bytes), proof: texts(&proof.hashes) })
        });
        proven.collect()
    }
}

impl Bundle {
    /// The JSON.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when it cannot be written.
    pub fn to_json(&self) -> Result<String, LedgerError> {
        serde_json::to_string_pretty(self).map_err(|_| bad("it cannot be written"))
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`], [`LedgerError::TooLarge`].
    pub fn from_json(json: &[u8]) -> Result<Self, LedgerError> {
        if json.len() > MAX_BUNDLE {
            let (found, bound) = (json.len() as u64, MAX_BUNDLE as u64);
            return Err(LedgerError::TooLarge { what: "bundle", found, bound });
        }
        let bundle: Self = serde_json::from_slice(json).map_err(|_| bad("it is not the JSON of a bundle"))?;
        if bundle.schema_version == SCHEMA { Ok(bundle) } else { Err(bad("its version is unknown")) }
    }

    /// Every key that the bundle claims to be the ledger's, first to last: for a caller who knows a fingerprint.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`].
    pub fn claimed_keys(&self) -> Result<Vec<VerifierKey>, LedgerError> {
        let mut keys = Vec::new();
        for link in &self.chain {
            match Leaf::decode(&bytes_of(&link.bytes)?)? {
                Leaf::Genesis(genesis) => keys.push(genesis.signer.parse()?),
                Leaf::Rotation(rotation) => keys.push(rotation.signer.parse()?),
                _ => return Err(bad("its chain has other leaves than rotations")),
            }
        }
        if keys.is_empty() {
            keys.push(self.signer.parse()?);
        }
        Ok(keys)
    }

    /// The keys that the chain hands over to, from leaf 0 on, each endorsed by the one before.
    fn endorsed_keys(&self) -> Result<Vec<VerifierKey>, LedgerError> {
        let Some((first, rest)) = self.chain.split_first() else { return Ok(Vec::new()) };
        let Leaf::Genesis(genesis) = Leaf::decode(&bytes_of(&first.bytes)?)? else {
            return Err(bad("its chain does not begin with leaf 0"));
        };
        if genesis.origin != self.origin || first.index != 0 {
            return Err(LedgerError::NotAuthentic { what: "the beginning of the chain of keys" });
        }
        let mut keys = vec![genesis.signer.parse::<VerifierKey>()?];
        let mut before = 0;
        for link in rest {
            let Leaf::Rotation(rotation) = Leaf::decode(&bytes_of(&link.bytes)?)? else {
                return Err(bad("its chain has other leaves than rotations"));
            };
            let Some(key) = keys.last().filter(|_| link.index > before) else {
                return Err(bad("its chain is out of order"));
            };
            keys.push(successor(&rotation, &genesis.ledger, link.index, key)?);
            before = link.index;
        }
        Ok(keys)
    }

    /// The keys to open the note with, and how many rotations lie between them and what the caller knows.
    fn keys_for(&self, signers: &[VerifierKey]) -> Result<(Vec<VerifierKey>, usize), LedgerError> {
        let chain = self.endorsed_keys()?;
        let known = chain.iter().rposition(|key| signers.contains(key));
        match (chain.last(), known) {
            (Some(last), Some(known)) => Ok((vec![last.clone()], chain.len() - 1 - known)),
            (Some(last), None) if signers.is_empty() => Ok((vec![last.clone()], chain.len() - 1)),
            (None, _) if signers.is_empty() => Ok((vec![self.signer.parse()?], 0)),
            _ => Ok((signers.to_vec(), 0)),
        }
    }

    /// Follows the proofs. `signers`: verifier keys of the ledger that the caller knows, the first or any later one; if
    /// there are none the one in the bundle is used and [`Proven::signer_known`] is false. `witnesses`: keys whose
    /// cosignatures are looked for.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] with the step that fails, [`LedgerError::Malformed`].
    pub fn verify(&self, signers: &[VerifierKey], witnesses: &[VerifierKey]) -> Result<Proven, LedgerError> {
        let origin = Origin::new(&self.origin)?;
        let (keys, rotations) = self.keys_for(signers)?;
        let checkpoint = VerifiedCheckpoint::open(self.checkpoint.as_bytes(), &origin, &keys, witnesses)?;
        for link in &self.chain {
            link.verify(&checkpoint)?;
        }
        let leaf = self.leaf.verify(&checkpoint)?;
        let Leaf::Block(block) = Leaf::decode(&leaf)? else { return Err(bad("its leaf is not a block")) };
        let record = Record {
            received_ns: self.record.received_ns,
            sequence: self.record.sequence,
            bytes: bytes_of(&self.record.bytes)?,
        };
        let salt = bytes_of(&self.record.salt)?;
        if salt.len() != crate::data_key::SALT || self.record.sequence == Some(u64::MAX) {
            return Err(bad("its salt or sequence"));
        }
        let path = InclusionProof {
            index: u64::from(self.record.index),
            tree_size: u64::from(block.count),
            hashes: hashes(&self.record.proof)?,
        };
        path.verify(&record_hash(&salt, &record), &Hash::from_bytes(block.root))?;
        Ok(Proven {
            record,
            index: self.record.index,
            leaf: self.leaf.index,
            block,
            checkpoint,
            signer_known: !signers.is_empty(),
            rotations,
        })
    }
}

impl BundleLeaf {
    /// The bytes, if they are in the tree of the checkpoint.
    fn verify(&self, checkpoint: &VerifiedCheckpoint) -> Result<Vec<u8>, LedgerError> {
        let bytes = bytes_of(&self.bytes)?;
        let hashes = hashes(&self.proof)?;
        let path = InclusionProof { index: self.index, tree_size: checkpoint.size(), hashes };
        path.verify(&leaf_hash(&[&bytes]), checkpoint.root())?;
        Ok(bytes)
    }
}

fn bad(what: &'static str) -> LedgerError {
    LedgerError::Malformed { kind: "bundle", what }
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

fn hashes(texts: &[String]) -> Result<Vec<Hash>, LedgerError> {
    texts.iter().map(|t| t.parse()).collect()
}

fn bytes_of(text: &str) -> Result<Vec<u8>, LedgerError> {
    STANDARD.decode(text).map_err(|_| bad("a value is not base64"))
}

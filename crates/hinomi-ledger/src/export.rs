//! Whole blocks for somebody who has neither the ledger nor its keys: the records in a file of their own, and beside it
//! what proves each of them.
//!
//! The proof of a record is that of a [`crate::Bundle`], for all records of a block at once: lengths, times and salts
//! give the record tree, its root stands in the leaf, the leaf in the tree of a checkpoint.
//!
//! # Trust
//! What is read comes from anywhere. [`ExportedBlock::verify`] believes the checkpoint alone.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::LedgerError;
use crate::checkpoint::VerifiedCheckpoint;
use crate::data_key::{SALT, record_hash};
use crate::leaf::{Block, Leaf};
use crate::reader::Reader;
use crate::records::{MAX_RECORD, Record};
use crate::tlog::{InclusionProof, leaf_hash, root_of};

/// A block without the bytes of its records, as one line of JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedBlock {
    /// Its leaf.
    pub leaf: u64,
    /// The leaf's bytes, base64.
    pub bytes: String,
    /// Its records, in order.
    pub records: Vec<ExportedRecord>,
}

/// What the hash of a record covers besides its bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedRecord {
    /// When it was received, nanoseconds since 1970.
    pub received_ns: u64,
    /// The number its source gave it.
    pub sequence: Option<u64>,
    /// Length in bytes.
    pub length: u32,
    /// The salt of its commitment, base64.
    pub salt: String,
}

/// The way from a leaf to the root, as one line of JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafProof {
    /// The leaf.
    pub leaf: u64,
    /// Hashes from the leaf to the root, base64.
    pub proof: Vec<String>,
}

fn bad(what: &'static str) -> LedgerError {
    LedgerError::Malformed { kind: "export", what }
}

impl Reader {
    /// A block with everything that proves its records except the way to the root ([`Reader::leaf_proof`]), and the records;
    /// `None` when the leaf is not a block.
    ///
    /// # Errors
    /// As [`Reader::block`].
    pub fn export(&self, leaf: u64) -> Result<Option<(ExportedBlock, Vec<Record>)>, LedgerError> {
        let (decoded, bytes, _) = self.published().leaf(leaf)?;
        let Leaf::Block(block) = decoded else { return Ok(None) };
        let (records, _, secret) = self.verified(leaf, &block)?;
        let salts = secret.salts(block.block, 0, records.len());
        let exported = records.iter().zip(salts.chunks_exact(SALT)).map(|(record, salt)| ExportedRecord {
            received_ns: record.received_ns,
            sequence: record.sequence,
            length: u32::try_from(record.bytes.len()).unwrap_or(u32::MAX),
            salt: STANDARD.encode(salt),
        });
        let exported = ExportedBlock { leaf, bytes: STANDARD.encode(bytes), records: exported.collect() };
        Ok(Some((exported, records)))
    }

    /// A leaf as [`Reader::export`] gives it, without records: what is known of a block that cannot be read.
    ///
    /// # Errors
    /// As [`Reader::leaf`].
    pub fn export_leaf(&self, leaf: u64) -> Result<ExportedBlock, LedgerError> {
        let (_, bytes, _) = self.published().leaf(leaf)?;
        Ok(ExportedBlock { leaf, bytes: STANDARD.encode(bytes), records: Vec::new() })
    }

    /// The way from a leaf to the root of the published checkpoint.
    ///
    /// # Errors
    /// As [`Reader::leaf`].
    pub fn leaf_proof(&self, leaf: u64) -> Result<LeafProof, LedgerError> {
        let (_, _, proof) = self.published().leaf(leaf)?;
        Ok(LeafProof { leaf, proof: proof.hashes.iter().map(ToString::to_string).collect() })
    }
}

impl ExportedBlock {
    /// What the leaf says, which the proof leads to the checkpoint; records are not looked at.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] or [`LedgerError::Malformed`] with the step that fails.
    pub fn block(&self, proof: &LeafProof, checkpoint: &VerifiedCheckpoint) -> Result<Block, LedgerError> {
        let leaf = STANDARD.decode(&self.bytes).map_err(|_| bad("a value is not base64"))?;
        if proof.leaf != self.leaf {
            return Err(bad("a proof belongs to another leaf"));
        }
        let hashes = proof.proof.iter().map(|h| h.parse()).collect::<Result<_, _>>()?;
        let path = InclusionProof { index: self.leaf, tree_size: checkpoint.size(), hashes };
        path.verify(&leaf_hash(&[&leaf]), checkpoint.root())?;
        match Leaf::decode(&leaf)? {
            Leaf::Block(block) => Ok(block),
            _ => Err(bad("a leaf is not a block")),
        }
    }

    /// Reads the records of the block from `data` and follows the proof to the checkpoint.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] or [`LedgerError::Malformed`] with the step that fails.
    pub fn verify(
        &self,
        proof: &LeafProof,
        checkpoint: &VerifiedCheckpoint,
        data: &mut dyn Read,
    ) -> Result<Block, LedgerError> {
        let block = self.block(proof, checkpoint)?;
        if self.records.len() != block.count as usize {
            return Err(bad("a block has another number of records than its leaf says"));
        }
        let mut hashes = Vec::with_capacity(self.records.len());
        for record in &self.records {
            let salt = STANDARD.decode(&record.salt).map_err(|_| bad("a value is not base64"))?;
            if salt.len() != SALT || record.sequence == Some(u64::MAX) || record.length as usize > MAX_RECORD
            {
                return Err(bad("a salt, sequence or length is out of range"));
            }
            let mut bytes = Vec::new();
            let read = data.take(u64::from(record.length)).read_to_end(&mut bytes);
            if !read.is_ok_and(|read| read == record.length as usize) {
                return Err(bad("a file of records ends early"));
            }
            let (received_ns, sequence) = (record.received_ns, record.sequence);
            hashes.push(record_hash(&salt, &Record { received_ns, sequence, bytes }));
        }
        if root_of(hashes).as_bytes() != &block.root {
            return Err(LedgerError::NotAuthentic { what: "the records of a block" });
        }
        Ok(block)
    }
}

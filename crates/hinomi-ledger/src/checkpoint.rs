//! Checkpoints (C2SP tlog-checkpoint): the origin, size and root of a log, as the text of a signed note.
//!
//! # Invariants
//! A [`VerifiedCheckpoint`] was signed by a key of its log that the caller trusts; nothing else makes one.
//!
//! # Trust
//! Checkpoints are read from disks and networks that an intruder may own. Reading is strict: a checkpoint has one
//! spelling, so equal size and root mean equal text apart from extension lines.

use std::fmt;
use std::str::FromStr;

use crate::cosignature;
use crate::error::LedgerError;
use crate::note::{Algorithm, Note, NoteSignature, SignerKey, VerifiedSignature, VerifierKey};
use crate::tlog::Hash;

fn bad(what: &'static str) -> LedgerError {
    LedgerError::Malformed { kind: "checkpoint", what }
}

/// The identity of a log, as in every one of its checkpoints.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin(String);

impl Origin {
    /// Checks an origin: 1 to 255 visible characters without spaces.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when it cannot be one.
    pub fn new(text: &str) -> Result<Self, LedgerError> {
        if text.is_empty() || text.len() > 255 {
            return Err(bad("an origin has 1 to 255 bytes"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(bad("an origin has no white space, control characters or plus sign"));
        }
        if text == cosignature::HEADER.trim_end() {
            return Err(bad("this origin would make a checkpoint look like a cosignature"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a log says of itself at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree of those leaves.
    pub root: Hash,
    /// Further lines, which no cosigner vouches for.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// Signs it with the log's key.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when an extension line is no line.
    pub fn sign(&self, key: &SignerKey) -> Result<Note, LedgerError> {
        let text = self.to_string();
        // What was written must read back as itself, or an extension could pose as something else.
        if text.parse::<Self>().ok().as_ref() != Some(self) {
            return Err(bad("an extension is one line that is not empty"));
        }
        Note::new(&text, vec![key.sign(&text)?])
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let body = text.strip_suffix('\n').ok_or_else(|| bad("it ends with a line feed"))?;
        let mut lines = body.split('\n');
        let origin = Origin::new(lines.next().unwrap_or_default())?;
        let size = lines.next().and_then(decimal).ok_or_else(|| bad("the second line is the size"))?;
        let root = lines.next().unwrap_or_default().parse()?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(bad("an extension is one line that is not empty"));
        }
        Ok(Self { origin, size, root, extensions })
    }
}

/// A decimal number without sign, leading zeroes or anything else; at most 2^63 - 1, as other readers hold sizes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number: u64 = if plain { text.parse().ok()? } else { return None };
    i64::try_from(number).is_ok().then_some(number)
}

/// A checkpoint signed by a trusted key of its log, with the signature lines it came with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
    cosignatures: Vec<VerifiedSignature>,
}

impl VerifiedCheckpoint {
    /// Reads a signed checkpoint and checks that it is of `origin` and that one of `log_keys` signed it. Cosignatures
    /// of `cosigners` are checked as well and kept.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`], [`LedgerError::TooLarge`] or [`LedgerError::NotAuthentic`].
    pub fn open(
        bytes: &[u8],
        origin: &Origin,
        log_keys: &[VerifierKey],
        cosigners: &[VerifierKey],
    ) -> Result<Self, LedgerError> {
        let note = Note::parse(bytes)?;
        // Roles are kept apart: a cosigner's key is no log key, whatever list it stands in.
        let logs: Vec<VerifierKey> =
            log_keys.iter().filter(|k| k.algorithm() == Algorithm::Ed25519).cloned().collect();
        let (text, _) = note.verify(&logs)?;
        let checkpoint: Checkpoint = text.parse()?;
        if checkpoint.origin != *origin {
            return Err(LedgerError::NotAuthentic { what: "a checkpoint of another log" });
        }
        let witnesses: Vec<VerifierKey> =
            cosigners.iter().filter(|k| k.algorithm() == Algorithm::CosignatureV1).cloned().collect();
        let known = note
            .signatures()
            .iter()
            .any(|s| witnesses.iter().any(|k| k.id() == s.id() && k.name() == s.name()));
        let cosignatures = if known { note.verify(&witnesses)?.1 } else { Vec::new() };
        Ok(Self { checkpoint, note, cosignatures })
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Root of the tree.
    pub fn root(&self) -> &Hash {
        &self.checkpoint.root
    }

    /// The signed note as it came.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The cosignatures that hold.
    pub fn cosignatures(&self) -> &[VerifiedSignature] {
        &self.cosignatures
    }

    /// Reads back what this process's own key cosigned and stored; the caller has verified that signature.
    pub(crate) fn cosigned_by_us(note: Note) -> Result<Self, LedgerError> {
        let checkpoint = note.unverified_text().parse()?;
        Ok(Self { checkpoint, note, cosignatures: Vec::new() })
    }

    /// Drops every signature line that is not of `keys`: strangers' lines are not stored and not passed on.
    pub(crate) fn keep_only(&mut self, keys: &[VerifierKey]) -> Result<(), LedgerError> {
        let known = |s: &&NoteSignature| keys.iter().any(|k| k.id() == s.id() && k.name() == s.name());
        let lines = self.note.signatures().iter().filter(known).cloned().collect();
        self.note = Note::new(self.note.unverified_text(), lines)?;
        Ok(())
    }

    /// Adds a cosignature line that was just made or verified; it takes the place of an older one of the same key.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when the note is full.
    pub fn add(&mut self, line: NoteSignature) -> Result<(), LedgerError> {
        self.note.renew(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosignature::cosign;
    use crate::note::KeyName;
    use crate::tlog::leaf_hash;

    fn key(name: &str, seed: u8) -> SignerKey {
        SignerKey::from_seed(KeyName::new(name).unwrap(), &[seed; 32])
    }

    fn checkpoint(extensions: &[&str]) -> Checkpoint {
        let extensions = extensions.iter().map(|e| (*e).to_owned()).collect();
        Checkpoint {
            origin: Origin::new("example.org/a").unwrap(),
            size: 7,
            root: leaf_hash(&[]),
            extensions,
        }
    }

    #[test]
    fn checkpoints_open_only_for_their_origin_and_key() {
        let log = key("example.org/a", 1);
        let log_key = log.verifier(Algorithm::Ed25519);
        let note = checkpoint(&["x 1"]).sign(&log).unwrap().to_string();
        let origin = Origin::new("example.org/a").unwrap();
        let open = |origin: &Origin, keys: &[VerifierKey]| {
            VerifiedCheckpoint::open(note.as_bytes(), origin, keys, &[])
        };
        assert_eq!(open(&origin, std::slice::from_ref(&log_key)).unwrap().size(), 7);
        assert!(open(&Origin::new("example.org/b").unwrap(), &[log_key]).is_err());
        assert!(open(&origin, &[key("example.org/a", 2).verifier(Algorithm::Ed25519)]).is_err());
        assert!(open(&origin, &[]).is_err());
    }

    #[test]
    fn a_cosigner_cannot_stand_in_for_the_log() {
        let (log, witness) = (key("example.org/a", 1), key("example.org/w", 2));
        let (log_key, witness_key) =
            (log.verifier(Algorithm::Ed25519), witness.verifier(Algorithm::CosignatureV1));
        let origin = Origin::new("example.org/a").unwrap();
        let note = checkpoint(&[]).sign(&log).unwrap().to_string();
        let mut opened =
            VerifiedCheckpoint::open(note.as_bytes(), &origin, std::slice::from_ref(&log_key), &[]).unwrap();
        opened.add(cosign(&witness, &opened, 1_700_000_000).unwrap()).unwrap();
        let both = opened.note().to_string();
        let again = VerifiedCheckpoint::open(
            both.as_bytes(),
            &origin,
            std::slice::from_ref(&log_key),
            std::slice::from_ref(&witness_key),
        )
        .unwrap();
        assert_eq!(again.cosignatures().len(), 1);
        assert_eq!(again.cosignatures()[0].time, Some(1_700_000_000));
        let (text, signatures) = both.split_once("\n\n").unwrap();
        let alone = format!("{text}\n\n{}\n", signatures.lines().nth(1).unwrap());
        let opened = VerifiedCheckpoint::open(
            alone.as_bytes(),
            &origin,
            &[log_key, witness_key.clone()],
            &[witness_key],
        );
        assert!(opened.is_err(), "a cosignature without the log's signature opens nothing");
    }

    #[test]
    fn a_broken_cosignature_of_a_trusted_witness_rejects_the_checkpoint() {
        let (log, witness) = (key("example.org/a", 1), key("example.org/w", 2));
        let origin = Origin::new("example.org/a").unwrap();
        let mut note = checkpoint(&[]).sign(&log).unwrap();
        let other = checkpoint(&["other"]).to_string();
        note.add(witness.cosign(&other, 5).unwrap()).unwrap();
        let keys = [log.verifier(Algorithm::Ed25519)];
        let text = note.to_string();
        let trusted = [witness.verifier(Algorithm::CosignatureV1)];
        assert!(VerifiedCheckpoint::open(text.as_bytes(), &origin, &keys, &trusted).is_err());
        assert!(VerifiedCheckpoint::open(text.as_bytes(), &origin, &keys, &[]).is_ok());
    }

    #[test]
    fn one_spelling() {
        let good = checkpoint(&["ext"]).to_string();
        assert_eq!(good.parse::<Checkpoint>().unwrap(), checkpoint(&["ext"]));
        for bad in [
            good.replace("\n7\n", "\n07\n"),
            good.replace("\n7\n", "\n+7\n"),
            good.replace("\n7\n", "\n7 \n"),
            good.replace("\n7\n", "\n9223372036854775808\n"),
            good.replace("example.org/a", "a b"),
            good.replace("ext\n", "\n"),
            good.replace("ext\n", "ext"),
            "cosignature/v1\ntime 1\nx\n".to_owned(),
            "example.org/a\n7\n".to_owned(),
            good.replacen('=', "", 1),
        ] {
            assert!(bad.parse::<Checkpoint>().is_err(), "{bad:?}");
        }
        assert!(checkpoint(&["a\nb"]).sign(&key("k", 1)).is_err());
        assert!(checkpoint(&[""]).sign(&key("k", 1)).is_err());
    }

    #[test]
    fn a_cosigner_has_one_line_however_often_it_cosigns() {
        let log = key("log.example/1", 1);
        let note = checkpoint(&[]).sign(&log).unwrap();
        let keys = [log.verifier(Algorithm::Ed25519)];
        let origin = checkpoint(&[]).origin;
        let mut held = VerifiedCheckpoint::open(note.to_string().as_bytes(), &origin, &keys, &[]).unwrap();
        let (one, other) = (key("w.example/1", 2), key("w.example/2", 3));
        for time in 1..200 {
            held.add(cosign(&one, &held, time).unwrap()).unwrap();
        }
        held.add(cosign(&other, &held, 7).unwrap()).unwrap();
        assert_eq!(held.note().signatures().len(), 3, "the log and two cosigners");
        let cosigners = [one, other].map(|k| k.verifier(Algorithm::CosignatureV1));
        let again =
            VerifiedCheckpoint::open(held.note().to_string().as_bytes(), &origin, &keys, &cosigners).unwrap();
        assert_eq!(again.cosignatures().iter().map(|c| c.time).collect::<Vec<_>>(), [Some(199), Some(7)]);
    }
}

//! The approval of an erasure: a signed note by the eraser, whose private key is not on the primary.
//!
//! The text has five lines: `hinomi erasure approval 1`, `ledger` and its number, `key` and the number of the data key,
//! `scope` and what it encrypts (for people), `reason` and why. It is signed as a C2SP note under the name
//! [`ERASER_NAME`].
//!
//! # Invariants
//! The text cannot be a checkpoint (an origin has no spaces) and a checkpoint cannot be an approval, so a key that was
//! used in both roles by mistake still does not turn one into the other.

use std::fmt::Write as _;

use crate::error::LedgerError;
use crate::leaf::{DataKeyId, Genesis, Scope, Tombstone};
use crate::note::{Algorithm, KeyName, Note, VerifierKey};

/// The name that erasers sign under.
pub const ERASER_NAME: &str = "hinomi-eraser";
const FIRST_LINE: &str = "hinomi erasure approval 1";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// One line, whatever is in it.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What the eraser signs to let go of one data key.
pub fn approval_text(ledger: &[u8; 16], key: DataKeyId, scope: &Scope, reason: &str) -> String {
    let what = format!("{} / {} / day {}", scope.source, scope.class, scope.day);
    let (ledger, key) = (hex(ledger), hex(&key.0));
    format!("{FIRST_LINE}\nledger {ledger}\nkey {key}\nscope {}\nreason {}\n", line(&what), line(reason))
}

/// Checks that the eraser named at the ledger's birth approved this erasure.
///
/// # Errors
/// [`LedgerError::NotAuthentic`] or [`LedgerError::Malformed`] when he did not.
pub fn check_approval(genesis: &Genesis, tombstone: &Tombstone) -> Result<(), LedgerError> {
    let unsigned = LedgerError::NotAuthentic { what: "the approval of an erasure" };
    if genesis.eraser == [0; 32] {
        return Err(unsigned);
    }
    let eraser = VerifierKey::new(KeyName::new(ERASER_NAME)?, Algorithm::Ed25519, &genesis.eraser)?;
    let note = Note::parse(&tombstone.approval)?;
    let (text, _) = note.verify(&[eraser])?;
    let reason = text.lines().nth(4).and_then(|l| l.strip_prefix("reason ")).unwrap_or_default();
    if text == approval_text(&genesis.ledger, tombstone.key, &tombstone.scope, reason) {
        Ok(())
    } else {
        Err(LedgerError::NotAuthentic { what: "the approval of another erasure" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::SignerKey;

    fn parts() -> (SignerKey, Genesis, Tombstone) {
        let eraser = SignerKey::from_seed(KeyName::new(ERASER_NAME).unwrap(), &[7; 32]);
        let genesis = Genesis {
            ledger: [1; 16],
            format: 1,
            created_ns: 0,
            origin: "o".to_owned(),
            signer: String::new(),
            eraser: *eraser.verifier(Algorithm::Ed25519).public(),
        };
        let scope = Scope { source: "fw\n1".to_owned(), class: "security".to_owned(), day: 20_000 };
        let key = DataKeyId([2; 16]);
        let text = approval_text(&[1; 16], key, &scope, "request 17 of a data subject");
        let approval = Note::new(&text, vec![eraser.sign(&text).unwrap()]).unwrap().to_string().into();
        (eraser, genesis, Tombstone { key, scope, erased_ns: 5, approval })
    }

    #[test]
    fn only_the_eraser_approves_and_only_what_he_signed() {
        let (_, genesis, tombstone) = parts();
        check_approval(&genesis, &tombstone).unwrap();
        let mut other = tombstone.clone();
        other.key = DataKeyId([3; 16]);
        assert!(check_approval(&genesis, &other).is_err());
        let mut other = tombstone.clone();
        other.scope.day += 1;
        assert!(check_approval(&genesis, &other).is_err());
        for elsewhere in
            [Genesis { ledger: [9; 16], ..genesis.clone() }, Genesis { eraser: [0; 32], ..genesis.clone() }]
        {
            assert!(check_approval(&elsewhere, &tombstone).is_err());
        }
        let stranger = SignerKey::from_seed(KeyName::new(ERASER_NAME).unwrap(), &[8; 32]);
        let text = approval_text(&[1; 16], tombstone.key, &tombstone.scope, "x");
        let approval = Note::new(&text, vec![stranger.sign(&text).unwrap()]).unwrap().to_string().into();
        assert!(check_approval(&genesis, &Tombstone { approval, ..tombstone }).is_err());
    }
}

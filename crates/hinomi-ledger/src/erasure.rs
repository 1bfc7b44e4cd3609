//! Orders to erase: what is asked for, who approved it, and what the log keeps of it.
//!
//! An order is a signed note. Its text, one field per line:
//!
//! ```text
//! hinomi erasure 1
//! ledger <32 hexadecimal digits>
//! source <name, percent-encoded>
//! class <name, percent-encoded>
//! day <days since 1970>
//! key <32 hexadecimal digits>        one line per key
//! reason <text, percent-encoded>
//! ```
//!
//! The signature is Ed25519 under the name `hinomi-eraser`, by the key that leaf 0 names.
//!
//! # Trust
//! The private half of the erasure key does not belong on this machine: with it, root here could order the destruction of
//! evidence everywhere. Without it, root can only destroy what is here, and the vaults keep theirs.

use std::fmt::Write as _;

use crate::LedgerError;
use crate::leaf::{DataKeyId, Scope, Tombstone};
use crate::note::{Algorithm, KeyName, Note, SignerKey, VerifierKey};
use crate::reader::hex;

const FIRST_LINE: &str = "hinomi erasure 1";
/// Name of the key that approves erasures.
pub const ERASER_NAME: &str = "hinomi-eraser";

/// What is to be erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErasureOrder {
    /// Number of the ledger.
    pub ledger: [u8; 16],
    /// Source, class and day.
    pub scope: Scope,
    /// The data keys of that scope.
    pub keys: Vec<DataKeyId>,
    /// Why: the law, the request, the ticket.
    pub reason: String,
}

impl ErasureOrder {
    /// The text that the holder of the erasure key signs.
    pub fn text(&self) -> String {
        let mut out = format!(
            "{FIRST_LINE}\nledger {}\nsource {}\nclass {}\nday {}\n",
            hex(&self.ledger),
            escape(&self.scope.source),
            escape(&self.scope.class),
            self.scope.day
        );
        for key in &self.keys {
            let _ = writeln!(out, "key {}", hex(&key.0));
        }
        let _ = writeln!(out, "reason {}", escape(&self.reason));
        out
    }

    /// Reads the text of an order.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let bad = |what| LedgerError::Malformed { kind: "order to erase", what };
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(bad("its first line"));
        }
        let mut field = |name: &'static str| {
            let line = lines.next().and_then(|l| l.strip_prefix(name)).and_then(|l| l.strip_prefix(' '));
            line.ok_or_else(|| bad(name))
        };
        let ledger = unhex(field("ledger")?).ok_or_else(|| bad("ledger"))?;
        let source = unescape(field("source")?).ok_or_else(|| bad("source"))?;
        let class = unescape(field("class")?).ok_or_else(|| bad("class"))?;
        let day = field("day")?.parse().map_err(|_| bad("day"))?;
        let (mut keys, mut reason) = (Vec::new(), None);
        for line in lines {
            match line.split_once(' ') {
                Some(("key", key)) if reason.is_none() => {
                    keys.push(DataKeyId(unhex(key).ok_or_else(|| bad("key"))?));
                }
                Some(("reason", text)) if reason.is_none() => reason = unescape(text),
                _ => return Err(bad("a line that is not known")),
            }
        }
        let reason = reason.ok_or_else(|| bad("reason"))?;
        let order = Self { ledger, scope: Scope { source, class, day }, keys, reason };
        // One spelling: what was signed is what is understood.
        if order.text() == text { Ok(order) } else { Err(bad("it has another spelling")) }
    }

    /// Signs an order.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when the key has another name.
    pub fn approve(&self, eraser: &SignerKey) -> Result<String, LedgerError> {
        let text = self.text();
        Ok(Note::new(&text, vec![eraser.sign(&text)?])?.to_string())
    }

    /// Reads a signed order and checks that the holder of the erasure key signed it for this ledger.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`], [`LedgerError::Malformed`]; [`LedgerError::Refused`] when the ledger has no erasure
    /// key.
    pub fn open_approved(approval: &[u8], eraser: &[u8; 32], ledger: &[u8; 16]) -> Result<Self, LedgerError> {
        if *eraser == [0; 32] {
            return Err(LedgerError::Refused { why: "this ledger was made without an erasure key" });
        }
        let key = VerifierKey::new(KeyName::new(ERASER_NAME)?, Algorithm::Ed25519, eraser)?;
        let note = Note::parse(approval)?;
        let (text, _) = note.verify(&[key])?;
        let order = Self::parse(text)?;
        if order.ledger != *ledger {
            return Err(LedgerError::NotAuthentic { what: "an order for another ledger" });
        }
        Ok(order)
    }
}

/// Whether a tombstone carries an order for what it destroyed.
pub(crate) fn check_tombstone(
    tombstone: &Tombstone,
    eraser: &[u8; 32],
    ledger: &[u8; 16],
) -> Result<(), LedgerError> {
    let order = ErasureOrder::open_approved(&tombstone.approval, eraser, ledger)?;
    if order.scope == tombstone.scope && order.keys.contains(&tombstone.key) {
        Ok(())
    } else {
        Err(LedgerError::NotAuthentic { what: "an order for something else" })
    }
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
            out.push((digit()? * 16 + digit()?) as u8);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let value = (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok())??;
    Some(value.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> ErasureOrder {
        ErasureOrder {
            ledger: [7; 16],
            scope: Scope { source: "fw 東京\n%".to_owned(), class: "sec".to_owned(), day: 20_000 },
            keys: vec![DataKeyId([1; 16]), DataKeyId([2; 16])],
            reason: "request 12, article 17".to_owned(),
        }
    }

    #[test]
    fn orders_survive_and_have_one_spelling() {
        let text = order().text();
        assert_eq!(ErasureOrder::parse(&text).unwrap(), order());
        assert!(text.is_ascii());
        for bad in [
            text.replace("day 20000", "day 020000"),
            text.replace("%0A", "%0a"),
            text.replace("ledger 07", "ledger +7"),
            text.replace("reason", "because"),
            format!("{text}key 01\n"),
            text.trim_end().to_owned(),
        ] {
            assert!(ErasureOrder::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_erasure_key_approves() {
        let key = |seed| SignerKey::from_seed(KeyName::new(ERASER_NAME).unwrap(), &[seed; 32]);
        let public = *key(1).verifier(Algorithm::Ed25519).public();
        let open = |text: &str, ledger| ErasureOrder::open_approved(text.as_bytes(), &public, &[ledger; 16]);
        let approval = order().approve(&key(1)).unwrap();
        assert_eq!(open(&approval, 7).unwrap(), order());
        assert!(open(&order().approve(&key(2)).unwrap(), 7).is_err());
        assert!(open(&approval.replace("day 20000", "day 20001"), 7).is_err());
        assert!(open(&approval, 8).is_err());
        assert!(ErasureOrder::open_approved(approval.as_bytes(), &[0; 32], &[7; 16]).is_err());
    }
}

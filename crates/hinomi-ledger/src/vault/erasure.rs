//! Erasures as a vault sees them: root on the primary must not be able to destroy evidence by ordering its erasure.
//!
//! # Invariants
//! - A key is destroyed only when the log holds a tombstone whose approval is signed by the eraser that the ledger named
//!   at its birth, after the delay, and if nobody objected. Until then every pull says what is due.
//! - The journal of erasures is only appended to.

use crate::error::LedgerError;
use crate::leaf::{DataKeyId, Scope, Tombstone};

use super::pull::News;
use super::{Pulled, Trouble, Vault};

/// Longest journal read.
const MAX_JOURNAL: u64 = 64 << 20;

/// What became of an approved erasure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Due(u64),
    Refused,
    Done,
}

/// A line of the journal: leaf, key, scope, fate.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    leaf: u64,
    key: DataKeyId,
    scope: String,
    fate: Fate,
}

fn shown(scope: &Scope) -> String {
    format!("{} / {} / day {}", scope.source, scope.class, scope.day)
}

impl Entry {
    fn line(&self) -> String {
        let key: String = self.key.0.iter().map(|b| format!("{b:02x}")).collect();
        let fate = match self.fate {
            Fate::Due(ns) => format!("due {ns}"),
            Fate::Refused => "refused".to_owned(),
            Fate::Done => "done".to_owned(),
        };
        let scope: String = self.scope.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{}\t{key}\t{fate}\t{scope}\n", self.leaf)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        let (leaf, key) = (parts.next()?.parse().ok()?, parts.next().filter(|k| k.len() == 32)?);
        let key = DataKeyId(u128::from_str_radix(key, 16).ok()?.to_be_bytes());
        let fate = match parts.next()? {
            "refused" => Fate::Refused,
            "done" => Fate::Done,
            due => Fate::Due(due.strip_prefix("due ")?.parse().ok()?),
        };
        Some(Self { leaf, key, scope: parts.next()?.to_owned(), fate })
    }
}

impl Vault {
    /// Looks at new tombstones: those with a good approval begin to wait, the others are an alarm for ever.
    pub(super) fn check_erasures(&mut self, news: &News, pulled: &mut Pulled) -> Result<(), LedgerError> {
        let known = self.erasures()?;
        for (leaf, tombstone) in &news.tombstones {
            if let Err(what) = self.approved(tombstone) {
                let scope = shown(&tombstone.scope);
                pulled.troubles.push(Trouble::ErasureNotApproved { leaf: *leaf, scope, what });
            } else if !known.iter().any(|e| e.leaf == *leaf) {
                let fate = Fate::Due(self.now_ns().saturating_add(self.policy.erasure_delay_ns));
                let entry = Entry { leaf: *leaf, key: tombstone.key, scope: shown(&tombstone.scope), fate };
                self.dir.append("erasures", &entry.line())?;
            }
        }
        Ok(())
    }

    fn approved(&self, tombstone: &Tombstone) -> Result<(), String> {
        let genesis = self.genesis.as_ref().ok_or("the ledger is not known yet")?;
        crate::erasure::check_tombstone(tombstone, &genesis.eraser, &genesis.ledger)
            .map_err(|e| e.to_string())
    }

    /// The last word on each erasure.
    fn erasures(&self) -> Result<Vec<Entry>, LedgerError> {
        let text = self.dir.text("erasures", MAX_JOURNAL)?;
        let mut last: Vec<Entry> = Vec::new();
        for entry in text.lines().filter_map(Entry::parse) {
            match last.iter_mut().find(|e| e.leaf == entry.leaf) {
                Some(known) => *known = entry,
                None => last.push(entry),
            }
        }
        Ok(last)
    }

    /// Carries out what is due and says what is coming.
    pub(super) fn erasures_due(&mut self, pulled: &mut Pulled) -> Result<(), LedgerError> {
        let now = self.now_ns();
        for entry in self.erasures()? {
            let Fate::Due(due_ns) = entry.fate else { continue };
            // Only what the vault holds: a tombstone in a checkpoint that was not accepted is not in the log yet.
            if entry.leaf >= self.state.size() {
                continue;
            }
            if now < due_ns {
                let (leaf, scope) = (entry.leaf, entry.scope.clone());
                pulled.troubles.push(Trouble::ErasurePending { leaf, scope, due_ns });
                continue;
            }
            self.keys.destroy(entry.key)?;
            self.dir.append("erasures", &Entry { fate: Fate::Done, ..entry }.line())?;
        }
        Ok(())
    }

    /// Objects to an erasure: the vault keeps its copy of the key, whatever the log says.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] when no such erasure waits.
    pub fn refuse_erasure(&mut self, leaf: u64) -> Result<(), LedgerError> {
        let waiting = self.erasures()?.into_iter().find(|e| e.leaf == leaf && matches!(e.fate, Fate::Due(_)));
        let entry =
            waiting.ok_or(LedgerError::Missing { what: "erasure that waits", name: leaf.to_string() })?;
        self.dir.append("erasures", &Entry { fate: Fate::Refused, ..entry }.line())
    }
}

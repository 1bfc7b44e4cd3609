//! Comparing a vault's view of a log with a witness's: one primary cannot show them different histories for long.

use crate::error::LedgerError;
use crate::note::{NoteSignature, VerifierKey};
use crate::tlog::{Tile, TileReader, prove_consistency};
use crate::witness::AddCheckpoint;

use super::{Alarm, Trouble, Vault};

/// A witness that a vault can ask.
pub trait WitnessView {
    /// Its key, as the administrator pinned it.
    fn key(&self) -> &VerifierKey;

    /// Sends an `add-checkpoint` request: status and body of the answer.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`].
    fn add_checkpoint(&mut self, body: &[u8]) -> Result<(u16, Vec<u8>), LedgerError>;
}

impl Vault {
    /// Shows the held checkpoint to a witness. Its cosignature is kept beside the vault's own; what contradicts the
    /// vault's history is returned as an alarm and recorded.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`] when the witness does not answer; [`LedgerError::Io`].
    pub fn compare(&mut self, witness: &mut dyn WitnessView) -> Result<Option<Alarm>, LedgerError> {
        let Some(held) = self.state.held.clone() else { return Ok(None) };
        let size = held.size();
        let name = witness.key().name().to_string();
        let mut old = 0;
        let mut what = "it kept changing its mind".to_owned();
        for _ in 0..3 {
            let mut reader = TileReader::new(size, |tile: Tile| self.leaves.read(tile));
            let proof = prove_consistency(&mut reader, old, size)?;
            let (status, body) = witness.add_checkpoint(&AddCheckpoint::new(proof, held.note()).to_body())?;
            let text = String::from_utf8_lossy(&body).into_owned();
            match status {
                200 => return self.add_cosignature(witness.key(), &text).map(|()| None),
                409 => match text.strip_suffix('\n').and_then(crate::checkpoint::decimal) {
                    Some(theirs) if theirs > size => return Ok(None),
                    Some(theirs) if theirs != old => old = theirs,
                    _ => {
                        what = format!("it has another root for {size} leaves");
                        break;
                    }
                },
                422 => {
                    what =
                        format!("the {old} leaves that it saw are not the beginning of the {size} held here");
                    break;
                }
                other => {
                    let what = format!("status {other}");
                    return Err(LedgerError::Unreachable { peer: name, what });
                }
            }
        }
        let trouble = Trouble::SplitView { witness: name, what };
        let now = self.now_ns();
        let news = self.journal.record(&self.dir, now, std::slice::from_ref(&trouble))?;
        Ok(Some(news.into_iter().next().unwrap_or(Alarm { noticed_ns: now, trouble })))
    }

    fn add_cosignature(&mut self, key: &VerifierKey, text: &str) -> Result<(), LedgerError> {
        let Some(held) = self.state.held.clone() else { return Ok(()) };
        let lines: Vec<NoteSignature> = text.lines().take(16).filter_map(|l| l.parse().ok()).collect();
        let mut next = held;
        for line in lines.into_iter().filter(|l| l.name() == key.name() && l.id() == key.id()) {
            let alone = crate::note::Note::new(next.note().unverified_text(), vec![line.clone()])?;
            alone.verify(std::slice::from_ref(key))?;
            next.add(line)?;
        }
        let mut state = self.state.clone();
        state.held = Some(next);
        self.dir.store(&state)?;
        self.state = state;
        self.write_checkpoint()
    }
}

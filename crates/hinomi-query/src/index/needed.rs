//! Words that a block of rows must hold, as a formula, and the blocks for which it holds.
//!
//! # Invariants
//! [`Needed::Anything`] is always a safe answer: it leaves out nothing.

use std::collections::BTreeSet;

use super::token::{self, TokenHash};
use crate::QueryError;
use crate::read::CheckedFile;

/// Most words that are looked up for one formula; more would cost as much as reading.
const WORDS: usize = 96;

/// What a block must hold so that something can match in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Needed {
    /// Nothing is known.
    Anything,
    /// All these words.
    Words(Vec<TokenHash>),
    /// All of these.
    All(Vec<Needed>),
    /// One of these; nothing matches when there is none.
    Any(Vec<Needed>),
}

impl Needed {
    /// The words of a piece of text that a value holds in any case. `open_start` and `open_end` say that letters of the value
    /// may stand right beside it. What is not ASCII is not looked up: its folded form can depend on what stands beside it.
    pub fn text(piece: &str, open_start: bool, open_end: bool) -> Self {
        if !piece.is_ascii() {
            return Self::Anything;
        }
        let words = token::required(&token::fold(piece), open_start, open_end);
        if words.is_empty() { Self::Anything } else { Self::Words(words) }
    }

    /// All of them.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<Self> = parts.into_iter().filter(|p| *p != Self::Anything).collect();
        if parts.is_empty() { Self::Anything } else { Self::All(parts) }
    }

    /// One of them.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<Self> = parts.into_iter().collect();
        if parts.contains(&Self::Anything) { Self::Anything } else { Self::Any(parts) }
    }

    /// The formula, or none where it would take too many look-ups.
    #[must_use]
    pub fn bounded(self) -> Self {
        if self.words() > WORDS { Self::Anything } else { self }
    }

    fn words(&self) -> usize {
        match self {
            Self::Anything => 0,
            Self::Words(words) => words.len(),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::words).sum(),
        }
    }

    /// The blocks of a file for which it can hold; `None` for all of them.
    ///
    /// # Errors
    /// What reading meets.
    pub fn blocks(&self, file: &CheckedFile) -> Result<Option<BTreeSet<u32>>, QueryError> {
        match self {
            Self::Anything => Ok(None),
            Self::Words(words) => file.blocks(words),
            Self::All(parts) => {
                let mut both: Option<BTreeSet<u32>> = None;
                for part in parts {
                    let Some(found) = part.blocks(file)? else { continue };
                    both = Some(both.map_or_else(|| found.clone(), |both| &both & &found));
                    if both.as_ref().is_some_and(BTreeSet::is_empty) {
                        break;
                    }
                }
                Ok(both)
            }
            Self::Any(parts) => {
                let mut either = BTreeSet::new();
                for part in parts {
                    let Some(mut found) = part.blocks(file)? else { return Ok(None) };
                    either.append(&mut found);
                }
                Ok(Some(either))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_which_nothing_is_known_loosens_alternatives_and_not_conjunctions() {
        let word = || Needed::text("alpha", false, false);
        assert_eq!(Needed::any([word(), Needed::Anything]), Needed::Anything);
        assert_eq!(Needed::all([word(), Needed::Anything]), Needed::All(vec![word()]));
        assert_eq!(Needed::all([]), Needed::Anything);
        assert_eq!(Needed::any([]), Needed::Any(Vec::new()));
        assert_eq!(Needed::text("alpha", true, false), Needed::Anything);
        assert_eq!(Needed::text("倉庫", false, false), Needed::Anything);
        let many = (0..=WORDS).map(|n| Needed::text(&format!("w{n}"), false, false));
        assert_eq!(Needed::any(many).bounded(), Needed::Anything);
    }
}

//! What evidence says about a claim.

use serde::{Deserialize, Serialize};

/// What evidence says about one claim for one entity, in one span of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Observations contradict the claim, and nobody has excepted the entity from it.
    Contradicted,
    /// Observations contradict the claim; an exception that covered it has ended.
    ExpiredException,
    /// Nothing was observed that could decide: the source is absent, silent, or does not say.
    Unknown,
    /// Observations contradict the claim; a valid exception with an owner and a reason covers it.
    Excepted,
    /// Everything observed agrees with the claim, and what would have shown the contrary was observed.
    Supported,
}

impl Outcome {
    /// All, in order.
    pub const ALL: [Self; 5] =
        [Self::Contradicted, Self::ExpiredException, Self::Unknown, Self::Excepted, Self::Supported];

    /// The outcome of several observations together: the one that most needs attention.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Whether somebody has to act or find out.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Contradicted | Self::ExpiredException | Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn support_never_hides_what_is_unknown_or_contradicted() {
        assert_eq!(Outcome::Supported.and(Outcome::Unknown), Outcome::Unknown);
        assert_eq!(Outcome::Unknown.and(Outcome::Contradicted), Outcome::Contradicted);
        assert_eq!(Outcome::Excepted.and(Outcome::Supported), Outcome::Excepted);
        assert!(!Outcome::Excepted.is_open() && Outcome::ExpiredException.is_open());
    }
}

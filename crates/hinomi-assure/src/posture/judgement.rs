//! What a judgement says and why.

use hinomi_model::Timestamp;
use serde::Serialize;

use crate::Outcome;

/// A claim judged for one subject.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Judgement {
    /// The claim.
    pub claim: String,
    /// For what.
    pub subject: Subject,
    /// The outcome.
    pub outcome: Outcome,
    /// Why: for support what was found, otherwise what is wrong or missing, the nearest miss first.
    pub because: Vec<Because>,
}

/// What a claim was judged for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Subject {
    /// What it is called in the document.
    pub label: String,
    /// The document; empty when no document was handed in that the claim could be judged from.
    pub document: String,
    /// Where in it, as a JSON pointer.
    pub pointer: String,
}

/// A place in a document, and what stands there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Place {
    /// The document.
    pub document: String,
    /// The JSON pointer (RFC 6901).
    pub pointer: String,
    /// The value there as JSON, cut when long.
    pub shown: String,
}

/// A reason of a judgement.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Because {
    /// A value was found and does or does not meet what is expected.
    Found {
        /// Where and what.
        place: Place,
        /// What was expected.
        expected: String,
        /// Whether it is met.
        met: bool,
    },
    /// The document does not hold a field that decides.
    Absent {
        /// The document.
        document: String,
        /// Where the field was looked for.
        pointer: String,
        /// What was expected of it.
        expected: String,
    },
    /// A value is not of a sort that could be compared.
    Undecidable {
        /// Where and what.
        place: Place,
        /// What was expected.
        expected: String,
    },
    /// A value that the claim lists is or is not among those that the document gives.
    Member {
        /// The document.
        document: String,
        /// The value.
        member: String,
        /// What was expected.
        expected: String,
        /// Whether it is met.
        met: bool,
    },
    /// Items were counted.
    Counted {
        /// The document.
        document: String,
        /// What was counted, as the claim writes it.
        what: String,
        /// At least so many; the items about which the document says enough.
        from: u64,
        /// At most so many.
        to: u64,
        /// What was expected.
        expected: String,
        /// Whether it is met.
        met: bool,
    },
    /// The list was there and had nothing in it that passes.
    NothingIn {
        /// Where.
        place: Place,
        /// What was looked for.
        expected: String,
    },
    /// The document says that a part could not be collected.
    NotCollected {
        /// The document.
        document: String,
        /// The part.
        part: String,
    },
    /// No document holds a part that the claim needs.
    NoDocument {
        /// The part.
        part: String,
    },
    /// Several other documents hold the part, and nothing says which belongs to this one.
    Ambiguous {
        /// The part.
        part: String,
    },
    /// An exception of the register was needed.
    Exempted {
        /// The kind of value (users, groups …).
        scope: String,
        /// The value.
        value: String,
        /// When the exception ends, in nanoseconds since 1970.
        until_nanos: i64,
        /// Whether it has ended.
        ended: bool,
    },
    /// The bound on work was reached.
    TooMuchWork,
    /// More reasons of the same weight.
    More {
        /// How many are not listed.
        left_out: u64,
    },
}

/// A value that the exception register excepts from a claim.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Exemption {
    /// The claim.
    pub claim: String,
    /// The kind of value: users, groups, applications … as the claim names it.
    pub scope: String,
    /// The value, as documents write it.
    pub value: String,
    /// When it ends.
    pub until: Timestamp,
}

//! What the tracker finds: the records of the source [`COMPLETENESS_SOURCE`].

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::LedgerError;

/// The built-in source whose records are findings.
pub const COMPLETENESS_SOURCE: &str = "hinomi:completeness";
/// The built-in source whose records are the ticks of the ledger's clock; steps of it are findings about this source.
pub const CLOCK_SOURCE: &str = "hinomi:clock";
/// The built-in source whose records hold the state of completeness, so that it need not be computed from the beginning.
pub const STATE_SOURCE: &str = "hinomi:state";

/// Whether a source is this program's own: receivers may not take records under such a name.
pub fn is_built_in(source: &str) -> bool {
    source.starts_with("hinomi:")
}

/// Whether a source is one that the ledger alone writes to.
pub(crate) fn is_reserved(source: &str) -> bool {
    [COMPLETENESS_SOURCE, CLOCK_SOURCE, STATE_SOURCE].contains(&source)
}

/// Version of the form of a finding; it grows when a field changes its meaning.
pub const FINDING_VERSION: u32 = 1;

/// One finding about one source. Times are of receipt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Form of this finding.
    pub schema_version: u32,
    /// Which source it is about.
    pub source: String,
    /// When it was found, by the clock of the ledger.
    #[serde(with = "nanos")]
    pub found: Timestamp,
    /// What was found.
    #[serde(flatten)]
    pub what: What,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum What {
    /// The source sent its first record.
    Appeared,
    /// Numbers that the source gave out never came, or not within the time that reordering may take.
    Gap {
        /// First number that is missing.
        first: u64,
        /// Last number that is missing.
        last: u64,
        /// How many.
        missing: u64,
        /// When the number before the gap was received.
        #[serde(with = "nanos")]
        after: Timestamp,
        /// When the number behind it was received.
        #[serde(with = "nanos")]
        before: Timestamp,
    },
    /// Numbers of a gap came after all.
    GapFilled {
        /// First of them.
        first: u64,
        /// Last of them.
        last: u64,
    },
    /// The source counts anew: it was set up again, or its log was cleared. What was lost in between is unknown.
    Restarted {
        /// Last number of the old count.
        from: u64,
        /// First number of the new one.
        to: u64,
        /// When the old count was last heard.
        #[serde(with = "nanos")]
        after: Timestamp,
        /// When the new one was first heard.
        #[serde(with = "nanos")]
        before: Timestamp,
    },
    /// A single record with a number far from where the source was before and after it.
    Stray {
        /// Its number.
        number: u64,
    },
    /// A number that the source cannot have given out.
    Impossible {
        /// The number.
        number: u64,
    },
    /// Nothing was heard for longer than the source promised.
    Silent {
        /// When it was last heard, or since when it was expected.
        #[serde(with = "nanos")]
        since: Timestamp,
        /// The promise, in nanoseconds.
        promised_ns: i64,
    },
    /// A silent source was heard again.
    Resumed {
        /// When the silence had begun.
        #[serde(with = "nanos")]
        since: Timestamp,
    },
    /// The clock of the ledger went backwards, or forwards by more than its ticks are apart: either the clock was
    /// changed, or nothing was received in between.
    ClockStep {
        /// The time before.
        #[serde(with = "nanos")]
        from: Timestamp,
        /// The time behind.
        #[serde(with = "nanos")]
        to: Timestamp,
    },
    /// The ledger was not running, so that nothing could be received.
    NotRunning {
        /// Its last tick.
        #[serde(with = "nanos")]
        from: Timestamp,
        /// When it was opened again.
        #[serde(with = "nanos")]
        to: Timestamp,
    },
    /// More was found about the source on this day than is written down; the calendar counts it all the same.
    Abridged,
    /// Nothing was heard for longer than ever in the weeks before.
    Quiet {
        /// When it was last heard, or since when it could be.
        #[serde(with = "nanos")]
        since: Timestamp,
        /// Longest pause of the weeks before, in nanoseconds.
        longest_ns: i64,
        /// Records that were to be expected since.
        expected: u64,
        /// Who saw the host since then, if anybody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Witness>,
    },
    /// A source that says nothing was seen by another one.
    SeenElsewhere {
        /// When its silence had begun.
        #[serde(with = "nanos")]
        since: Timestamp,
        /// Who saw it.
        by: Witness,
    },
    /// Far fewer records came than usual.
    Fell {
        /// Beginning of the stretch that was compared.
        #[serde(with = "nanos")]
        since: Timestamp,
        /// Records that were to be expected in it.
        expected: u64,
        /// Records that came.
        received: u64,
    },
    /// Kinds of records stay away while others come.
    KindsGone {
        /// When the first of them last came.
        #[serde(with = "nanos")]
        since: Timestamp,
        /// The kinds.
        kinds: Vec<String>,
        /// Kinds that came for the first time since: records that are no longer recognised are of a new kind.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        new: Vec<String>,
        /// Records of the source since then.
        records: u64,
    },
    /// The distance between the times that records state and their receipt jumped.
    TimesJumped {
        /// When that was first seen.
        #[serde(with = "nanos")]
        since: Timestamp,
        /// Received minus stated, usually at the utmost, in nanoseconds.
        usual_ns: i64,
        /// … and now.
        now_ns: i64,
    },
    /// Another host speaks under the name of a source that was one host's.
    OtherHost {
        /// When it was first heard.
        #[serde(with = "nanos")]
        since: Timestamp,
        /// The host.
        host: String,
        /// The host whose name it was.
        usual: String,
    },
    /// A host speaks under a new name: its address or certificate changed, or another uses its name.
    HostMoved {
        /// When it was first heard there.
        #[serde(with = "nanos")]
        since: Timestamp,
        /// The host.
        host: String,
        /// The source under whose name it spoke until then.
        before: String,
    },
}

/// A source that saw another one's host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Witness {
    /// The source whose record speaks of it.
    pub source: String,
    /// When that record was received.
    #[serde(with = "nanos")]
    pub at: Timestamp,
}

impl What {
    /// The times that it speaks of, given when it was found.
    pub fn span(&self, found: Timestamp) -> (Timestamp, Timestamp) {
        match self {
            Self::Gap { after, before, .. } | Self::Restarted { after, before, .. } => {
                ((*after).min(*before), (*after).max(*before))
            }
            Self::ClockStep { from, to } | Self::NotRunning { from, to } => {
                ((*from).min(*to), (*from).max(*to))
            }
            Self::Silent { since, .. }
            | Self::Resumed { since }
            | Self::Quiet { since, .. }
            | Self::SeenElsewhere { since, .. }
            | Self::Fell { since, .. }
            | Self::KindsGone { since, .. }
            | Self::TimesJumped { since, .. }
            | Self::OtherHost { since, .. }
            | Self::HostMoved { since, .. } => (*since, found.max(*since)),
            Self::Appeared
            | Self::GapFilled { .. }
            | Self::Stray { .. }
            | Self::Impossible { .. }
            | Self::Abridged => (found, found),
        }
    }
}

impl Finding {
    /// The bytes of the record: one line of JSON.
    ///
    /// # Errors
    /// None in practice; the encoder's type says so.
    pub fn to_record(&self) -> Result<Vec<u8>, LedgerError> {
        serde_json::to_vec(self)
            .map_err(|_| LedgerError::Malformed { kind: "finding", what: "cannot be written as JSON" })
    }

    /// Reads the bytes of a record.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] if they are no finding of a known form.
    pub fn from_record(bytes: &[u8]) -> Result<Self, LedgerError> {
        let malformed = |what| LedgerError::Malformed { kind: "finding", what };
        let finding: Self = serde_json::from_slice(bytes).map_err(|_| malformed("is not of this form"))?;
        if finding.schema_version > FINDING_VERSION {
            return Err(malformed("was written by a newer program"));
        }
        Ok(finding)
    }
}

/// Times as nanoseconds since 1970, so that none is rounded.
pub(crate) mod nanos {
    use hinomi_model::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_i64(time.as_nanos())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_nanos)
    }
}

//! What a vault tells people at any hour, and the journal in which it never forgets that it did.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::LedgerError;

use super::dir::VaultDir;

/// Records that the vault holds and the primary no longer shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lost {
    /// First leaf that is missing or different.
    pub first_leaf: u64,
    /// One behind the last one.
    pub end_leaf: u64,
    /// Receive time of the first record in them, nanoseconds since 1970; 0 when they hold no records.
    pub first_ns: u64,
    /// Receive time of the last record in them.
    pub last_ns: u64,
    /// Number of records.
    pub records: u64,
}

/// What is wrong. Every kind needs a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trouble {
    /// The primary shows an earlier state of its log than it showed before.
    Rollback {
        /// Leaves that the vault holds.
        held: u64,
        /// Leaves that the primary shows.
        shown: u64,
        /// What went.
        lost: Lost,
    },
    /// The primary shows another history than it showed before.
    Fork {
        /// Leaves that the vault holds.
        held: u64,
        /// Leaves that the primary shows.
        shown: u64,
        /// What differs.
        lost: Lost,
        /// File that keeps the contradicting checkpoint, which the log's own key signed.
        evidence: String,
    },
    /// The primary answers, but its log has not grown for too long.
    Silence {
        /// When it last grew, nanoseconds since 1970.
        since_ns: u64,
    },
    /// The primary does not answer.
    Unreachable {
        /// Last successful contact, nanoseconds since 1970; 0 for never.
        since_ns: u64,
        /// What happened instead.
        what: String,
    },
    /// What the primary shows as its checkpoint is not signed by the key that the vault knows.
    NotTheLog {
        /// Why it is refused.
        what: String,
    },
    /// Something that the log has signed is not shown.
    Withheld {
        /// Leaf that needs it.
        leaf: u64,
        /// What is missing.
        what: String,
    },
    /// What is shown is not what was signed.
    Damaged {
        /// Which file.
        file: String,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// Records claim a time of receipt before the last pull, although they were not there then.
    Backdated {
        /// First such leaf.
        leaf: u64,
        /// How many blocks.
        blocks: u64,
        /// Earliest receive time claimed.
        claimed_ns: u64,
        /// Time of the pull that did not show them.
        absent_ns: u64,
    },
    /// Records claim a time of receipt in the future.
    Postdated {
        /// First such leaf.
        leaf: u64,
        /// How many blocks.
        blocks: u64,
        /// Latest receive time claimed.
        claimed_ns: u64,
    },
    /// New records are encrypted with a key that this vault cannot open.
    NotSealed {
        /// Leaf of the key.
        leaf: u64,
    },
    /// An erasure was ordered and its approval holds; the vault will destroy its copy of the key.
    ErasurePending {
        /// Leaf of the order.
        leaf: u64,
        /// Source, class and day of the records.
        scope: String,
        /// When, nanoseconds since 1970.
        due_ns: u64,
    },
    /// An erasure is in the log, but nobody who may do so approved it.
    ErasureNotApproved {
        /// Leaf of the order.
        leaf: u64,
        /// Source, class and day of the records.
        scope: String,
        /// What is wrong with the approval.
        what: String,
    },
    /// A witness saw another history than this vault.
    SplitView {
        /// Which witness.
        witness: String,
        /// What contradicts what.
        what: String,
    },
    /// The vault's own disk is nearly full; it has stopped pulling.
    DiskLow {
        /// Bytes that are left.
        free: u64,
    },
}

impl Trouble {
    /// Two alarms with the same key tell of the same thing; the second one is not news.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Rollback { shown, .. } => format!("rollback {shown}"),
            Self::Fork { lost, .. } => format!("fork {}", lost.first_leaf),
            Self::Silence { since_ns } => format!("silence {since_ns}"),
            Self::Unreachable { since_ns, .. } => format!("unreachable {since_ns}"),
            Self::NotTheLog { what } => format!("not the log {what}"),
            Self::Withheld { leaf, .. } => format!("withheld {leaf}"),
            Self::Damaged { file, offset, .. } => format!("damaged {file} {offset}"),
            Self::Backdated { leaf, .. } => format!("backdated {leaf}"),
            Self::Postdated { leaf, .. } => format!("postdated {leaf}"),
            Self::NotSealed { leaf } => format!("not sealed {leaf}"),
            Self::ErasurePending { leaf, .. } => format!("erasure {leaf}"),
            Self::ErasureNotApproved { leaf, .. } => format!("erasure not approved {leaf}"),
            Self::SplitView { witness, what } => format!("split {witness} {what}"),
            Self::DiskLow { .. } => "disk".to_owned(),
        }
    }
}

/// A line of the journal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alarm {
    /// When the vault noticed, nanoseconds since 1970.
    pub noticed_ns: u64,
    /// What.
    #[serde(flatten)]
    pub trouble: Trouble,
}

/// The journal of alarms.
#[derive(Debug, Default)]
pub(super) struct Journal {
    newest: Vec<Alarm>,
    /// What was wrong at the last pull.
    active: BTreeSet<String>,
}

/// Longest tail of the journal that is read back.
const MAX_TAIL: u64 = 16 << 20;
/// Alarms kept in memory.
const MAX_NEWEST: usize = 1000;

impl Journal {
    pub(super) fn load(dir: &VaultDir) -> Result<Self, LedgerError> {
        let text = dir.text("alarms", MAX_TAIL)?;
        // A torn last line was never returned to anybody.
        let mut newest: Vec<Alarm> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        let excess = newest.len().saturating_sub(MAX_NEWEST);
        newest.drain(..excess);
        let active = newest.iter().map(|a| a.trouble.key()).collect();
        Ok(Self { newest, active })
    }

    pub(super) fn newest(&self) -> &[Alarm] {
        &self.newest
    }

    /// Writes down what is not known yet, and returns it.
    pub(super) fn record(
        &mut self,
        dir: &VaultDir,
        now_ns: u64,
        troubles: &[Trouble],
    ) -> Result<Vec<Alarm>, LedgerError> {
        let fresh = troubles.iter().filter(|t| !self.active.contains(&t.key())).cloned();
        let fresh: Vec<Alarm> = fresh.map(|trouble| Alarm { noticed_ns: now_ns, trouble }).collect();
        if !fresh.is_empty() {
            let lines: Vec<String> = fresh.iter().filter_map(|a| serde_json::to_string(a).ok()).collect();
            dir.append("alarms", &format!("{}\n", lines.join("\n")))?;
        }
        self.active.extend(fresh.iter().map(|a| a.trouble.key()));
        self.newest.extend(fresh.iter().cloned());
        let excess = self.newest.len().saturating_sub(MAX_NEWEST);
        self.newest.drain(..excess);
        Ok(fresh)
    }
}

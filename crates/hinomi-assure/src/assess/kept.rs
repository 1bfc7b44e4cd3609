//! Verdicts that are kept, and all of them counted.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::Verdict;
use crate::{Outcome, Session, Truth};

/// How many verdicts and rows of a claim came to what.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Entities by outcome.
    pub entities: BTreeMap<Outcome, u64>,
    /// Rows by outcome.
    pub rows: BTreeMap<Outcome, u64>,
}

/// Sign-ins by what is known of a second factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct FactorTally {
    /// There was one.
    pub proven: u64,
    /// There was none.
    pub disproven: u64,
    /// It is not known.
    pub unknown: u64,
}

impl FactorTally {
    pub(super) fn add(&mut self, session: &Session) {
        match session.second_factor {
            Truth::True => self.proven += 1,
            Truth::False => self.disproven += 1,
            Truth::Unknown => self.unknown += 1,
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            proven: self.proven + other.proven,
            disproven: self.disproven + other.disproven,
            unknown: self.unknown + other.unknown,
        }
    }
}

/// The latest sign-ins, up to a number.
pub(super) struct Latest {
    most: usize,
    sessions: Vec<Session>,
}

impl Latest {
    pub(super) fn new(most: usize) -> Self {
        Self { most, sessions: Vec::new() }
    }

    pub(super) fn add(&mut self, session: &Session) {
        if self.most > 0 {
            self.sessions.push(session.clone());
            self.bound();
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.sessions.extend(other.sessions);
        self.bound();
    }

    /// Sorting is worth it when there is twice as much as may stay.
    fn bound(&mut self) {
        if self.sessions.len() / 2 >= self.most {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let account = |s: &Session| s.account.as_ref().map(|a| Arc::clone(&a.id));
        self.sessions.sort_by_cached_key(|s| (Reverse(s.time), account(s), s.events.clone()));
        self.sessions.truncate(self.most);
    }

    /// In order of time.
    pub(super) fn finish(mut self) -> Vec<Session> {
        self.cut();
        self.sessions.reverse();
        self.sessions
    }
}

/// Verdicts of one claim: those that need attention most, up to a number.
pub(super) struct Kept {
    most: usize,
    verdicts: Vec<Verdict>,
    tally: Tally,
}

impl Kept {
    pub(super) fn new(most: usize) -> Self {
        Self { most, verdicts: Vec::new(), tally: Tally::default() }
    }

    pub(super) fn add(&mut self, (verdicts, tally): (Vec<Verdict>, Tally)) {
        for (known, more) in [(&mut self.tally.entities, tally.entities), (&mut self.tally.rows, tally.rows)]
        {
            more.into_iter().for_each(|(outcome, count)| *known.entry(outcome).or_default() += count);
        }
        self.verdicts.extend(verdicts);
        // Sorting is worth it when there is twice as much as may stay.
        if self.verdicts.len() / 2 >= self.most {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.verdicts.sort_by(|a, b| (a.outcome, &a.entity).cmp(&(b.outcome, &b.entity)));
        self.verdicts.truncate(self.most);
    }

    pub(super) fn finish(mut self) -> (Vec<Verdict>, Tally) {
        self.cut();
        (self.verdicts, self.tally)
    }
}

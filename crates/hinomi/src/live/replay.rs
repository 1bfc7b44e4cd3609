//! The decision ledger against the evidence: everything is found again, or it is not the same function.

use std::collections::VecDeque;
use std::path::Path;

use super::LiveError;
use super::course::Course;
use super::crew::Crew;
use super::decisions::{History, Written};
use super::entry::{Decided, LiveDetection};
use super::follower::live_subjects;
use crate::scan::StageGround;

/// A place at which what is found is not what is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What is found and what is written there.
    pub text: String,
}

/// The result of a replay.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// Leaves looked at.
    pub leaves: u64,
    /// Events in them.
    pub events: u64,
    /// Detections that are written and were found again.
    pub same: u64,
    /// Detections that follow from leaves behind the last decision: nobody followed that far yet.
    pub unwritten: u64,
    /// Where it differs, at most [`MOST_DIFFERENCES`].
    pub differences: Vec<Difference>,
}

const MOST_DIFFERENCES: usize = 100;

/// Finds everything again from leaf 0 with the rules that were in force, and compares it with what is written. Writes
/// nothing.
///
/// # Errors
/// What reading the ledgers meets.
pub fn replay(data: &Path) -> Result<Replayed, LiveError> {
    let mut history = History::read(data, 0)?;
    let subjects = live_subjects()?;
    let mut course = Course::open(data)?;
    let mut written = std::mem::take(&mut history.written);
    let mut replayed = Replayed::default();
    while let Some(activation) =
        history.active(course.position).filter(|_| course.position < course.reader.size())
    {
        let (engine, _) = history.pack(activation)?.compile(&subjects)?;
        course.begin(activation, &engine)?;
        let ground = StageGround::default();
        let mut crew = Crew::new(&engine, &subjects, &ground);
        let until = history.next_change(course.position).min(course.reader.size());
        while course.position < until {
            course.advance(
                until,
                &mut crew,
                &engine,
                || false,
                |leaf, step| {
                    replayed.compare(leaf, &step.detections, &mut written, history.last);
                    Ok(())
                },
            )?;
        }
    }
    replayed.leaves = course.position;
    replayed.events = course.counts.events;
    Ok(replayed)
}

impl Replayed {
    /// Counts what was found at a leaf.
    fn compare(
        &mut self,
        leaf: u64,
        found: &[LiveDetection],
        written: &mut VecDeque<Written>,
        last: Option<Decided>,
    ) {
        let known = found.iter().filter(|d| last.is_some_and(|last| d.decided <= last)).count() as u64;
        self.unwritten += found.len() as u64 - known;
        match compare(leaf, found, written, last) {
            Ok(()) => self.same += known,
            Err(error) if self.differences.len() < MOST_DIFFERENCES => {
                self.differences.push(Difference { text: error.to_string() });
            }
            Err(_) => {}
        }
    }
}

/// Compares what was found at a leaf with what is written for it, up to the last that is written.
pub(super) fn compare(
    leaf: u64,
    found: &[LiveDetection],
    written: &mut VecDeque<Written>,
    last: Option<Decided>,
) -> Result<(), LiveError> {
    let mut here = Vec::new();
    while let Some(one) = written.pop_front_if(|w| w.decided.leaf <= leaf) {
        here.push(one);
    }
    let found = found.iter().filter(|d| last.is_some_and(|last| d.decided <= last));
    let found: Vec<(Decided, &str)> = found.map(|d| (d.decided, d.id.as_str())).collect();
    let known: Vec<(Decided, &str)> = here.iter().map(|w| (w.decided, w.id.as_str())).collect();
    if found == known {
        return Ok(());
    }
    let listed = |all: &[(Decided, &str)]| {
        let all: Vec<String> = all.iter().map(|(at, id)| format!("{}.{} {id}", at.leaf, at.index)).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    };
    Err(LiveError::Differs { leaf, found: listed(&found), written: listed(&known) })
}

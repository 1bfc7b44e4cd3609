//! One file under a name that other files had before it or will have after it.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::content::Content;
use super::place::{Identity, Mark};

/// Bytes at the beginning that tell files apart.
const HEAD: usize = 1_024;
/// Bytes before the place that was read to.
const TAIL: usize = 64;
/// A file that was rotated away and has not grown for so long is read to its very end.
const QUIET: Duration = Duration::from_secs(5);
/// … and for so long is not held open any more.
const LINGER: Duration = Duration::from_mins(1);

/// Places before the one that was read to that are remembered, and bytes between them at least.
const PAST: usize = 16;
const APART: u64 = 512;

/// Which file it is and how far it was read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Trail {
    pub(super) identity: Identity,
    pub(super) offset: u64,
    head: Mark,
    tail: Mark,
    /// What stood before places that were read to earlier.
    #[serde(default)]
    past: VecDeque<Mark>,
    /// Nobody wants what is behind it.
    #[serde(default)]
    pub(super) left: bool,
}

impl Trail {
    pub(super) fn new(identity: Identity) -> Self {
        let nothing = || Mark::of(0, b"");
        Self { identity, offset: 0, head: nothing(), tail: nothing(), past: VecDeque::new(), left: false }
    }

    /// As if a file had been read to `offset`.
    pub(super) fn behind(identity: Identity, content: &mut Content, offset: u64) -> io::Result<Self> {
        let mut read = |from: u64, most: usize| {
            let length = usize::try_from(offset - from).unwrap_or(most).min(most);
            Ok::<_, io::Error>(Mark::of(from, &content.read(from, length)?))
        };
        let (head, tail) = (read(0, HEAD)?, read(offset.saturating_sub(TAIL as u64), TAIL)?);
        Ok(Self { identity, offset, head, tail, past: VecDeque::new(), left: false })
    }

    /// Nobody wants what is behind it.
    pub(super) fn left(self) -> Self {
        Self { left: true, ..self }
    }

    /// Its number belongs to another file now; its bytes may be in a copy.
    pub(super) fn disown(&mut self) {
        self.identity = Identity { device: 0, number: 0 };
    }

    /// The same, of a copy with another number.
    pub(super) fn under(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Whether enough was read to know the file again by its bytes.
    pub(super) fn is_known(&self) -> bool {
        self.offset > 0 && self.tail.length > 0
    }

    /// Whether what was read is what a file begins with.
    pub(super) fn is_of(&self, content: &mut Content) -> io::Result<bool> {
        Ok(holds(&self.head, content)? && holds(&self.tail, content)?)
    }

    /// Whether a file is the beginning of what was read: a copy that was made a moment before its original was cut, in which
    /// what was written between is missing.
    pub(super) fn began_as(&self, content: &mut Content) -> io::Result<bool> {
        if !self.is_known() {
            return Ok(false);
        }
        let head = reaches(&self.head, content)?;
        if head == Some(false) {
            return Ok(false);
        }
        // In order of places: a packed file is unpacked once. What counts is the last place that the file reaches.
        let mut last = None;
        for mark in &self.past {
            last = reaches(mark, content)?.or(last);
        }
        let is_of = last.unwrap_or(self.past.is_empty() && head == Some(true));
        Ok(is_of && content.read(self.offset - 1, 1)?.is_empty())
    }

    /// Takes on what was read behind it. `beginning` is the file's beginning as far as it was read.
    fn advance(&mut self, read: &[u8], beginning: &[u8]) {
        let apart = self.past.back().is_none_or(|last| self.tail.at >= last.at + APART);
        if self.tail.length > 0 && apart {
            self.past.push_back(self.tail.clone());
            self.past.drain(..self.past.len().saturating_sub(PAST));
        }
        self.offset += read.len() as u64;
        let tail = read.get(read.len().saturating_sub(TAIL)..).unwrap_or_default();
        self.tail = Mark::of(self.offset - tail.len() as u64, tail);
        if beginning.len() as u64 > self.head.length {
            self.head = Mark::of(0, beginning);
        }
    }

    /// As [`Trail::advance`], of a file that is not at hand.
    pub(super) fn catch_up(&mut self, record: &[u8]) {
        self.advance(record, b"");
    }
}

/// Whether a file has these bytes at their place; none are anywhere.
fn holds(mark: &Mark, content: &mut Content) -> io::Result<bool> {
    let length = usize::try_from(mark.length).unwrap_or(0);
    Ok(length == 0 || mark.holds(&content.read(mark.at, length)?))
}

/// Whether a file has these bytes at their place; `None` when there are none, or it ends before.
fn reaches(mark: &Mark, content: &mut Content) -> io::Result<Option<bool>> {
    let length = usize::try_from(mark.length).unwrap_or(0);
    let bytes = content.read(mark.at, length)?;
    Ok((length > 0 && bytes.len() == length).then(|| mark.holds(&bytes)))
}

/// A file.
#[derive(Debug)]
pub(super) struct Generation {
    /// Unlike that of any other of its path.
    pub(super) number: u64,
    pub(super) trail: Trail,
    pub(super) content: Option<Content>,
    /// Whether the path still means it.
    pub(super) at_path: bool,
    beginning: Vec<u8>,
    /// Length when it was last looked at, and since when that has not changed.
    pub(super) length: u64,
    since: Instant,
    /// Length at which there was nothing whole to read.
    pub(super) stalled: Option<u64>,
    /// It cannot be read any further.
    pub(super) ended: bool,
    pub(super) told: bool,
}

impl Generation {
    pub(super) fn new(number: u64, trail: Trail, now: Instant) -> Self {
        Self {
            number,
            trail,
            content: None,
            at_path: false,
            beginning: Vec::new(),
            length: 0,
            since: now,
            stalled: None,
            ended: false,
            told: false,
        }
    }

    /// The file was found.
    pub(super) fn attach(
        &mut self,
        mut content: Content,
        identity: Identity,
        now: Instant,
    ) -> io::Result<()> {
        let known = usize::try_from(self.trail.offset).unwrap_or(HEAD).min(HEAD);
        self.beginning = content.read(0, known)?;
        self.content = Some(content);
        self.trail.identity = identity;
        (self.since, self.stalled) = (now, None);
        self.refresh(now)
    }

    /// The file has other contents now, which are not this one's any more.
    pub(super) fn detach(&mut self, now: Instant) {
        self.trail.disown();
        (self.content, self.at_path) = (None, false);
        (self.length, self.since) = (0, now);
    }

    /// Looks how long it is.
    pub(super) fn refresh(&mut self, now: Instant) -> io::Result<()> {
        if let Some(Content::Plain(file)) = &self.content {
            let length = file.metadata()?.len();
            if length != self.length {
                (self.length, self.since) = (length, now);
            }
        }
        Ok(())
    }

    /// Whether nobody writes to it any more, as far as one can tell.
    pub(super) fn is_final(&self, now: Instant) -> bool {
        let packed = self.content.as_ref().is_some_and(Content::is_packed);
        packed || !self.at_path && now.saturating_duration_since(self.since) >= QUIET
    }

    pub(super) fn waits_since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    pub(super) fn is_ready(&self, now: Instant) -> bool {
        match &self.content {
            None => false,
            Some(_) if self.ended => false,
            Some(Content::Packed(_)) => true,
            Some(Content::Plain(_)) => {
                let whole = self.stalled != Some(self.length) || self.is_final(now);
                self.length > self.trail.offset && whole
            }
        }
    }

    /// Bytes that are there and were not read, as far as that is known.
    pub(super) fn behind(&self) -> u64 {
        self.length.saturating_sub(self.trail.offset)
    }

    /// Whether it need not be held open any more.
    pub(super) fn is_done(&self, now: Instant) -> bool {
        let Some(content) = &self.content else { return false };
        if self.ended {
            return true;
        }
        let quiet = now.saturating_duration_since(self.since) >= LINGER;
        !content.is_packed() && !self.at_path && quiet && self.length <= self.trail.offset
    }

    /// These bytes, which follow what was read, are read.
    pub(super) fn advance(&mut self, read: &[u8]) {
        let wanted = HEAD.saturating_sub(self.beginning.len());
        if self.trail.offset == self.beginning.len() as u64 {
            self.beginning.extend(read.iter().take(wanted));
        }
        self.trail.advance(read, &self.beginning);
        self.stalled = None;
    }

    /// Nobody wrote what is before this place.
    pub(super) fn skip_to(&mut self, offset: u64) {
        self.trail.offset = offset;
    }
}

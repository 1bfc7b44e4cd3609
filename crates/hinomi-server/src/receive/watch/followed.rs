//! One path: the file that it means, those that it meant before, and the lines that are taken from them.
//!
//! # Invariants
//! - The oldest file that has something to read is read first, and all that was taken is durable before lines are taken
//!   from another file, so that the ledger itself says how far each was read (see `positions`).
//! - A file is not given up while there may be something in it: it is held open when its name is gone, and looked for
//!   beside the path, by number or by its bytes, when it was not open.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hinomi_ledger::Record;
use tokio::time::Instant;

use super::beside::Beside;
use super::content::Content;
use super::generation::{Generation, Trail};
use super::lines;
use super::place::{self, Identity, Unread};
use super::positions::Position;
use super::{Around, DAY_NS};
use crate::receive::{Pending, RECORD_COST, Refusal, Source};

/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;
/// Deliveries of one path that are on their way.
const ON_THE_WAY: usize = 64;
/// Files of one path that are remembered.
const REMEMBERED: usize = 64;

/// What was handed in and is not known to be durable.
#[derive(Debug)]
struct Outstanding {
    pending: Pending,
    /// The state once it is.
    trail: Trail,
    next: u64,
    day: u64,
    leaf: u64,
}

/// A path.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) path: PathBuf,
    /// The configured folder, without links.
    pub(super) within: PathBuf,
    pub(super) source: Arc<Source>,
    pub(super) files: Vec<Generation>,
    pub(super) done: VecDeque<Trail>,
    pub(super) beside: Beside,
    current: Option<u64>,
    wanted: Option<u64>,
    numbers: u64,
    next: u64,
    outstanding: VecDeque<Outstanding>,
    /// The current file and the next line, as far as they are durable.
    settled: (Option<Trail>, u64),
    /// Lines may not be taken before the positions are saved.
    pub(super) unsaved: bool,
    /// Bytes of a hole that were left out and not told yet.
    left_out: u64,
    /// What was last complained about, if it still is so.
    complaint: Option<String>,
    /// A packed file that the path means and that was taken up already, with its length.
    resting: Option<(Identity, u64)>,
    /// Whether the file could not be opened for lack of rights, or because of what it is.
    pub(super) denied: bool,
    pub(super) refused: bool,
}

impl Followed {
    /// Goes on from a saved position, or begins.
    pub(super) fn new(
        path: PathBuf,
        within: PathBuf,
        source: Arc<Source>,
        saved: Option<Position>,
        around: &Around<'_>,
    ) -> Self {
        let fresh = saved.as_ref().is_none_or(|saved| saved.files.is_empty() && saved.done.is_empty());
        let saved = saved.unwrap_or_default();
        let mut this = Self {
            path,
            within,
            source,
            files: Vec::new(),
            done: saved.done.into(),
            beside: Beside::new(fresh && !around.history),
            current: None,
            wanted: None,
            numbers: 0,
            next: saved.next,
            outstanding: VecDeque::new(),
            settled: (None, saved.next),
            unsaved: true,
            left_out: 0,
            complaint: None,
            resting: None,
            denied: false,
            refused: false,
        };
        for (at, trail) in saved.files.into_iter().enumerate() {
            let number = this.number();
            if saved.current == Some(at) {
                this.current = Some(number);
                this.settled.0 = Some(trail.clone());
            }
            this.files.push(Generation::new(number, trail, around.now));
        }
        this
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// What is saved of it.
    pub(super) fn position(&self) -> Position {
        let trail = |file: &Generation| match (&self.settled.0, self.current == Some(file.number)) {
            (Some(settled), true) => settled.clone(),
            _ => file.trail.clone(),
        };
        Position {
            path: self.path.to_string_lossy().into_owned(),
            next: self.settled.1,
            current: self.files.iter().position(|file| self.current == Some(file.number)),
            files: self.files.iter().map(trail).collect(),
            done: self.done.iter().cloned().collect(),
        }
    }

    /// The leaf from which on something of it may be that is not durable yet.
    pub(super) fn leaf(&self) -> Option<u64> {
        self.outstanding.front().map(|first| first.leaf)
    }

    /// Whether everything taken is durable.
    pub(super) fn is_settled(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// Notes what has become durable.
    pub(super) fn acknowledge(&mut self) -> Result<(), Refusal> {
        while let Some(first) = self.outstanding.front_mut() {
            match first.pending.look() {
                None => break,
                Some(Ok(())) => {
                    self.settled = (Some(first.trail.clone()), first.next);
                    self.outstanding.pop_front();
                }
                Some(Err(refusal)) => return Err(refusal),
            }
        }
        Ok(())
    }

    /// Looks which file the path means now and how long its files are.
    pub(super) fn look(&mut self, around: &Around<'_>) {
        let found = place::look(&self.path);
        let identity = found.as_ref().ok().map(Identity::of);
        if let Some(at) = self.files.iter().position(|file| file.at_path) {
            let same = self.files.get(at).is_some_and(|file| Some(file.trail.identity) == identity);
            match self.check(at, around) {
                Ok(true) if same => {}
                Ok(true) => self.moved(at, around),
                Ok(false) => self.cut_short(at, around),
                Err(error) => self.complain(&Unread::Failed(error), around),
            }
        }
        if !self.files.iter().any(|file| file.at_path) {
            match found.and_then(|_| self.begin(around)) {
                Ok(()) => (self.complaint, self.denied, self.refused) = (None, false, false),
                Err(Unread::Gone) => {}
                Err(why) => self.complain(&why, around),
            }
        }
        for file in &mut self.files {
            // A file that cannot be asked for its length has none that is new.
            let _ = file.refresh(around.now);
        }
    }

    /// Whether a file still begins with what was read of it.
    fn check(&mut self, at: usize, around: &Around<'_>) -> std::io::Result<bool> {
        let Some(file) = self.files.get_mut(at) else { return Ok(true) };
        let before = file.length;
        file.refresh(around.now)?;
        if file.length < file.trail.offset {
            return Ok(false);
        }
        let known = file.trail.is_known() && file.length != before;
        match &mut file.content {
            Some(content) if known => file.trail.is_of(content),
            _ => Ok(true),
        }
    }

    /// The file was renamed or removed; it stays open.
    fn moved(&mut self, at: usize, around: &Around<'_>) {
        around.counted.rotated.fetch_add(1, Ordering::Relaxed);
        self.beside.look_now();
        if let Some(file) = self.files.get_mut(at) {
            file.at_path = false;
        }
    }

    /// The file has other contents than it had: what it held may be in a copy beside it.
    fn cut_short(&mut self, at: usize, around: &Around<'_>) {
        around.counted.rotated.fetch_add(1, Ordering::Relaxed);
        self.beside.look_now();
        let Some(file) = self.files.get_mut(at) else { return };
        file.detach(around.now);
        if !file.trail.is_known() {
            let (number, trail) = (file.number, file.trail.clone());
            self.files.remove(at);
            self.remember(number, trail);
        }
    }

    /// Opens what the path means now.
    fn begin(&mut self, around: &Around<'_>) -> Result<(), Unread> {
        let (file, metadata) = place::open(&self.path, &self.within)?;
        let (identity, length) = (Identity::of(&metadata), metadata.len());
        if around.is_taken(identity, &self.source.name) || self.resting == Some((identity, length)) {
            return Ok(());
        }
        let packed =
            super::rotation::form(self.path.as_os_str().as_encoded_bytes()) == super::rotation::Form::Packed;
        let mut content = if packed { Content::packed(file) } else { Content::Plain(file) };
        around.takes(identity, &self.source.name);
        if packed {
            self.resting = Some((identity, length));
        }
        if let Some(at) = self.resume(identity, length, &mut content)? {
            if let Some(file) = self.files.get_mut(at) {
                file.at_path = !packed;
                if file.content.is_none() {
                    file.attach(content, identity, around.now)?;
                }
            }
            return Ok(());
        }
        let skips = self.beside.skips_history();
        let trail = Trail::behind(identity, &mut content, if skips { length } else { 0 })?;
        let mut file = Generation::new(self.number(), trail, around.now);
        file.ended = packed && skips;
        file.attach(content, identity, around.now)?;
        file.at_path = !packed;
        self.files.push(file);
        self.unsaved = true;
        self.bound();
        Ok(())
    }

    /// The place of a file that is known: open under another name a moment ago, read in part, or read to its end.
    fn resume(
        &mut self,
        identity: Identity,
        length: u64,
        content: &mut Content,
    ) -> std::io::Result<Option<usize>> {
        let packed = content.is_packed();
        for (at, file) in
            self.files.iter_mut().enumerate().filter(|(_, file)| file.trail.identity == identity)
        {
            if file.content.is_some()
                || (packed || file.trail.offset <= length) && file.trail.is_of(content)?
            {
                return Ok(Some(at));
            }
            // The number belongs to another file now.
            file.trail.disown();
        }
        for at in 0..self.done.len() {
            let done = self.done.get(at).filter(|done| done.identity == identity && done.is_known());
            if let Some(done) = done
                && done.is_of(content)?
            {
                let Some(trail) = self.done.remove(at) else { break };
                let number = self.number();
                let mut file = Generation::new(number, trail, Instant::now());
                file.ended = packed;
                self.files.push(file);
                self.unsaved = true;
                return Ok(Some(self.files.len() - 1));
            }
        }
        Ok(None)
    }

    /// A file beside the path that nobody has read.
    pub(super) fn adopt(
        &mut self,
        content: Content,
        trail: Trail,
        around: &Around<'_>,
    ) -> std::io::Result<()> {
        let identity = trail.identity;
        let mut file = Generation::new(self.number(), trail, around.now);
        file.attach(content, identity, around.now)?;
        let at = self.files.iter().position(|file| file.at_path).unwrap_or(self.files.len());
        self.files.insert(at, file);
        self.unsaved = true;
        self.bound();
        Ok(())
    }

    /// Forgets the oldest files that were not found again.
    fn bound(&mut self) {
        while self.files.len() > REMEMBERED {
            let Some(at) = self.files.iter().position(|file| file.content.is_none()) else { break };
            self.files.remove(at);
        }
        self.done.drain(..self.done.len().saturating_sub(REMEMBERED));
    }

    fn remember(&mut self, number: u64, trail: Trail) {
        if self.current == Some(number) {
            self.current = None;
        }
        if trail.is_known() {
            self.done.push_back(trail);
        }
        self.unsaved = true;
        self.bound();
    }

    /// Lets go of files that were read to their end, and decides which is read next.
    pub(super) fn choose(&mut self, around: &Around<'_>) {
        let free = |file: &&Generation| {
            file.is_done(around.now) && (self.current != Some(file.number) || self.outstanding.is_empty())
        };
        if let Some(number) = self.files.iter().find(free).map(|file| file.number)
            && let Some(at) = self.files.iter().position(|file| file.number == number)
        {
            let file = self.files.remove(at);
            self.remember(number, file.trail);
        }
        let ready = self.files.iter().find(|file| file.is_ready(around.now));
        self.wanted = ready.map(|file| file.number);
        if let Some(file) = ready
            && self.current != self.wanted
            && self.outstanding.is_empty()
        {
            self.settled.0 = Some(file.trail.clone());
            self.current = self.wanted;
            self.unsaved = true;
        }
    }

    /// Takes lines; whether there were any.
    pub(super) fn take(&mut self, around: &Around<'_>) -> bool {
        if self.unsaved || self.wanted.is_none() || self.wanted != self.current {
            return false;
        }
        if self.outstanding.len() >= ON_THE_WAY || !self.source.pace.debt(around.now).is_zero() {
            return false;
        }
        let Some(at) = self.files.iter().position(|file| Some(file.number) == self.current) else {
            return false;
        };
        match self.take_from(at, around) {
            Ok(any) => any,
            Err(error) => {
                around.counted.damaged.fetch_add(1, Ordering::Relaxed);
                around.tell(&self.path, "a file cannot be read any further", &error.to_string());
                if let Some(file) = self.files.get_mut(at) {
                    file.ended = true;
                }
                false
            }
        }
    }

    fn take_from(&mut self, at: usize, around: &Around<'_>) -> std::io::Result<bool> {
        let Some(file) = self.files.get_mut(at) else { return Ok(false) };
        let (offset, is_final) = (file.trail.offset, file.is_final(around.now));
        let Some(content) = &mut file.content else { return Ok(false) };
        let most = CHUNK.max(around.longest + 1);
        let bytes = content.read(offset, most)?;
        let at_end = bytes.len() < most;
        if bytes.is_empty() {
            file.ended = content.is_packed();
            file.stalled = Some(file.length);
            return Ok(false);
        }
        let hole = lines::hole(&bytes);
        if hole > 0 {
            let behind = offset + hole as u64;
            let next = if hole == bytes.len() { content.data_from(behind) } else { Some(behind) };
            // What is at the end of a file may still be written.
            let waits = next.is_none() || hole == bytes.len() && at_end;
            if waits && !is_final {
                file.stalled = Some(file.length);
                return Ok(false);
            }
            let to = next.unwrap_or(file.length);
            return Ok(self.skip(at, to));
        }
        let cut = lines::cut(&bytes, around.longest, at_end && is_final);
        if cut.lines.is_empty() {
            file.stalled = Some(file.length);
            return Ok(false);
        }
        Ok(self.hand_in(at, &bytes, cut, around))
    }

    /// Leaves a hole out, once everything before it is durable.
    fn skip(&mut self, at: usize, to: u64) -> bool {
        let Some(file) = self.files.get_mut(at).filter(|_| self.outstanding.is_empty()) else { return false };
        self.left_out += to.saturating_sub(file.trail.offset);
        file.skip_to(to);
        self.settled.0 = Some(file.trail.clone());
        self.unsaved = true;
        true
    }

    fn hand_in(&mut self, at: usize, bytes: &[u8], cut: lines::Cut, around: &Around<'_>) -> bool {
        let receiving = around.receiving;
        let received_ns = receiving.now_ns();
        let day = received_ns / DAY_NS;
        // The ledger keeps days apart: what comes later must not be durable earlier.
        if self.outstanding.back().is_some_and(|last| last.day != day) {
            return false;
        }
        let room = cut.lines.iter().map(|line| line.len() as u64 + RECORD_COST).sum();
        let Some(held) = receiving.budget.hold(&self.source, room) else { return false };
        let Some(file) = self.files.get_mut(at) else { return false };
        if self.left_out > 0 {
            let why = format!("{} bytes that nobody wrote", std::mem::take(&mut self.left_out));
            around.tell(&self.path, "a hole in a file was left out", &why);
        }
        let count = cut.lines.len() as u64;
        let numbered = cut.lines.into_iter().zip(self.next..);
        let record = |(bytes, number)| Record { received_ns, sequence: Some(number), bytes };
        let records = numbered.map(record).collect();
        file.advance(bytes.get(..cut.used).unwrap_or_default());
        self.next += count;
        around.port.counted.oversized.fetch_add(cut.oversized, Ordering::Relaxed);
        self.source.pace.spend(count, room, around.now);
        let pending = receiving.intake.submit(around.port, &self.source, records, held);
        let (trail, next, leaf) = (file.trail.clone(), self.next, around.leaf);
        self.outstanding.push_back(Outstanding { pending, trail, next, day, leaf });
        true
    }

    /// Bytes that are there and not read.
    pub(super) fn behind(&self) -> u64 {
        self.files.iter().map(Generation::behind).sum()
    }

    /// Whether it has this file open, or has read it under another name.
    pub(super) fn has(&self, identity: Identity, path: &Path) -> bool {
        let open = |file: &Generation| file.content.is_some() && file.trail.identity == identity;
        let read = |done: &&Trail| done.identity == identity && done.is_known();
        self.files.iter().any(open)
            || self.done.iter().filter(read).any(|done| {
                let file = place::open(path, &self.within).ok();
                file.is_some_and(|(file, _)| done.is_of(&mut Content::Plain(file)).unwrap_or(false))
            })
    }

    /// Says once why the path is not read.
    fn complain(&mut self, why: &Unread, around: &Around<'_>) {
        self.denied = matches!(why, Unread::Denied);
        self.refused = matches!(why, Unread::Special | Unread::Outside);
        let why = why.why();
        if self.complaint.as_ref() != Some(&why) {
            around.tell(&self.path, "a file is not read", &why);
            self.complaint = Some(why);
        }
    }
}

//! Saving the state beside the work: the follower packs it, another thread writes and syncs it.
//!
//! # Invariants
//! One state is on its way at a time, so that an older one never replaces a newer one.

use std::io;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hinomi_model::Timestamp;

use super::course::Course;
use super::follower::since;
use super::{LiveError, resume};
use crate::clock;

/// Packing a state takes no more than one part in so many of the follower's time.
const SHARE: u32 = 50;

/// What saves.
#[derive(Debug)]
pub(super) struct Saving {
    path: PathBuf,
    every: Duration,
    /// When the last state was packed, and how long that took.
    last: Timestamp,
    took: Duration,
    writing: Option<JoinHandle<io::Result<()>>>,
}

impl Saving {
    pub(super) fn new(path: PathBuf, every: Duration) -> Self {
        Self { path, every, last: clock::now(), took: Duration::ZERO, writing: None }
    }

    /// Whether it is time for another one.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let busy = self.writing.as_ref().is_some_and(|writing| !writing.is_finished());
        !busy && since(self.last, now) >= self.every.max(self.took.saturating_mul(SHARE))
    }

    /// Packs the state and begins to write it.
    ///
    /// # Errors
    /// When it cannot be packed, or the one before could not be written.
    pub(super) fn begin(&mut self, course: &Course) -> Result<(), LiveError> {
        self.end()?;
        let began = clock::now();
        let Some(state) = course.state().map_err(|source| self.failed(source))? else { return Ok(()) };
        self.last = clock::now();
        self.took = since(began, self.last);
        let path = self.path.clone();
        let write = move || resume::write(&path, &state);
        let writing = thread::Builder::new().name("save".to_owned()).spawn(write);
        self.writing = Some(writing.map_err(|source| self.failed(source))?);
        Ok(())
    }

    /// Waits for what is being written.
    ///
    /// # Errors
    /// When it could not be.
    pub(super) fn end(&mut self) -> Result<(), LiveError> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let written =
            writing.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes ended")));
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> LiveError {
        LiveError::State { path: self.path.clone(), source }
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        // What comes after it may write the same file.
        let _ = self.end();
    }
}

//! One line on standard error while reading.

use std::io::{IsTerminal as _, Write as _};

use super::style::{fit, group_digits};
use super::words::words;
use crate::args::Lang;
use crate::scan::ScanProgress;

/// Draws the line over the previous one.
pub fn progress(progress: &ScanProgress, lang: Lang) {
    let reading = progress.reading();
    let width = terminal_size::terminal_size().map_or(80, |(w, _)| usize::from(w.0));
    let share = (reading.bytes_read * 100).checked_div(reading.bytes_total).unwrap_or(0);
    let filled = (share.min(100) as usize) / 5;
    let bar = format!("{}{}", "█".repeat(filled), "░".repeat(20 - filled));
    let words = words(lang);
    let text = format!(
        "{bar} {share:>3}%  {} {}  {} {}  {}",
        group_digits(progress.events()),
        words.events,
        group_digits(progress.hits()),
        words.matches,
        reading.place
    );
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[2K{}", fit(&text, width.saturating_sub(1)));
    let _ = stderr.flush();
}

/// Removes the line.
pub fn clear_progress() {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[2K");
    let _ = stderr.flush();
}

/// A share of the work, drawn on standard error when that is a terminal, and gone when dropped.
#[derive(Debug)]
pub struct Percent {
    draws: bool,
    shown: Option<u64>,
}

impl Percent {
    /// Nothing is drawn if `quiet`.
    pub fn new(quiet: bool) -> Self {
        Self { draws: !quiet && std::io::stderr().is_terminal(), shown: None }
    }

    /// So much of it is done.
    pub fn at(&mut self, done: u64, total: u64) {
        let share = (done * 100).checked_div(total).unwrap_or(100);
        if self.draws && self.shown != Some(share) {
            self.shown = Some(share);
            let _ = write!(std::io::stderr(), "\r\x1b[2K{share} %");
        }
    }
}

impl Drop for Percent {
    fn drop(&mut self) {
        if self.shown.is_some() {
            clear_progress();
        }
    }
}

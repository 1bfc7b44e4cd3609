//! Reports as text: for people, for programs, for other tools.

pub(crate) mod calendar;
mod indented;
mod machine;
mod progress;
pub(crate) mod style;
mod terminal;
mod words;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use hinomi_model::Level;
use jiff::tz::TimeZone;

use crate::args::Lang;

pub(crate) use machine::csv_row;
pub use machine::{json, json_lines, timesketch};
pub use progress::{Percent, clear_progress, progress};
pub(crate) use style::harmless;
pub use terminal::terminal;

/// How people want to see a report.
#[derive(Clone, Debug)]
pub struct View {
    /// Language.
    pub lang: Lang,
    /// Zone of shown times.
    pub zone: TimeZone,
    /// Colours.
    pub color: bool,
    /// Columns of the terminal; `None` asks it.
    pub width: Option<usize>,
    /// Lowest level in the timeline.
    pub min_level: Level,
    /// No folding of repeated detections.
    pub all: bool,
    /// Names of the fields worth showing, most telling first.
    pub details: Vec<String>,
}

/// Runs `write` on standard output; a reader that went away is no error.
///
/// # Errors
/// Any other error of standard output.
pub fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let result = write(&mut out).and_then(|()| out.flush());
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Runs `write` on a new file beside `path` and renames it, so that a half-written report never takes its name.
///
/// # Errors
/// Errors of the file system.
pub fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = Path::new(&name);
    #[expect(clippy::disallowed_methods, reason = "this is the output module")]
    let file = File::create(partial)?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(partial, path)
}

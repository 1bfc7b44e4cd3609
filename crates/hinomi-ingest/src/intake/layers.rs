//! From outer files to members: opens, peels and descends.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use hinomi_model::{DiagnosticKind, Hashing, NANOS_PER_SECOND, Timestamp};

use super::budget::Budget;
use super::class::Class;
use super::entry::Entry;
use super::item::{FileDone, Progress};
use super::losses::Losses;
use super::name;
use super::options::{Format, Options, Root};
use super::peel;
use super::sniff::{self, Packing};
use super::source::{Backing, Source, Span, Stream};
use super::tar::Tar;
use super::utf16::{self, Transcoded};
use super::walk::{Found, Walk};
use super::zip::Zip;
use crate::Member;

/// gzip in gzip is a mistake people make; deeper is a trick.
const PEELS: u32 = 2;

/// A member and its bytes.
pub(crate) struct Leaf {
    pub(crate) member: Arc<Member>,
    pub(crate) class: Class,
    pub(crate) modified: Option<Timestamp>,
    /// Bytes, or the bytes seen so far unless `is_whole`.
    pub(crate) size: u64,
    pub(crate) is_whole: bool,
    /// Records that somebody joined: each may be a document.
    pub(crate) joined: bool,
    /// All bytes from the first; absent when the member could not be opened.
    pub(crate) stream: Option<Stream>,
}

pub(crate) enum Step {
    Leaf(Leaf),
    File(FileDone),
}

/// One open archive.
struct Layer {
    archive: Archive,
    inner: String,
    place: String,
}

enum Archive {
    Tar(Tar),
    Zip(Zip),
}

/// The outer file being read.
struct Outer {
    number: u32,
    path: String,
    open: Option<PathBuf>,
    size: Option<u64>,
    read: Arc<AtomicU64>,
    modified: Option<Timestamp>,
    budget: Arc<Budget>,
    backing: Option<Arc<Backing>>,
    arrival: Option<Arrival>,
}

/// The stack of open archives over the walk.
pub(crate) struct Layers {
    options: Options,
    walk: Walk,
    stack: Vec<Layer>,
    outer: Option<Outer>,
    /// Inner name of the only member wanted; others are not opened.
    wanted: Option<String>,
    /// Whether UTF-16 text becomes UTF-8.
    transcodes: bool,
    next_number: u32,
    progress: Progress,
    pub(crate) losses: Losses,
}

impl Layers {
    pub(crate) fn new(roots: Vec<Root>, options: Options) -> Self {
        Self {
            options,
            walk: Walk::new(roots),
            stack: Vec::new(),
            outer: None,
            wanted: None,
            transcodes: true,
            next_number: 0,
            progress: Progress::default(),
            losses: Losses::default(),
        }
    }

    /// Opens nothing but the way to one member.
    pub(crate) fn only(mut self, inner: &str) -> Self {
        self.wanted = Some(inner.to_owned());
        self
    }

    /// Leaves UTF-16 text as it is.
    pub(crate) fn untranscoded(mut self) -> Self {
        self.transcodes = false;
        self
    }

    /// Counts files and bytes ahead of reading them.
    pub(crate) fn survey(&mut self) {
        let mut walk = self.walk.again();
        let mut ignored = Losses::default();
        while let Some(found) = walk.next(&mut ignored) {
            if let Found::File { metadata, .. } = found {
                self.progress.files_total += 1;
                self.progress.bytes_total += metadata.len();
            }
        }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn progress(&self) -> Progress {
        let mut progress = self.progress.clone();
        if let Some(outer) = &self.outer {
            let read = outer.read.load(Relaxed);
            progress.bytes_read += outer.size.map_or(read, |size| read.min(size));
            progress.place.clone_from(&outer.path);
        }
        progress.bytes_total = progress.bytes_total.max(progress.bytes_read);
        progress
    }

    pub(crate) fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(layer) = self.stack.last_mut() {
                let entry = match &mut layer.archive {
                    Archive::Tar(tar) => tar.next(&layer.place, &mut self.losses),
                    Archive::Zip(zip) => zip.next(&layer.place, &mut self.losses),
                };
                match entry {
                    Some(entry) => {
                        if let Some(leaf) = self.enter(entry) {
                            return Some(Step::Leaf(leaf));
                        }
                    }
                    None => {
                        self.stack.pop();
                    }
                }
            } else if let Some(outer) = self.outer.take() {
                return Some(Step::File(self.finish(outer)));
            } else {
                let leaf = match self.walk.next(&mut self.losses)? {
                    Found::File { path, metadata } => self.file(path, &metadata),
                    Found::Stream { name, reader } => self.stream(name, reader),
                    Found::Records { name, reader, latest } => Some(self.records(name, reader, latest)),
                };
                if let Some(leaf) = leaf {
                    return Some(Step::Leaf(leaf));
                }
            }
        }
    }

    fn file(&mut self, path: PathBuf, metadata: &std::fs::Metadata) -> Option<Leaf> {
        let read: Arc<AtomicU64> = Arc::default();
        let size = metadata.len();
        let shown = name::of_path(&path);
        let opened = File::open(&path);
        let own = || metadata.modified().ok().and_then(timestamp).filter(|time| is_plausible(*time));
        let name = shown.rsplit('/').next().unwrap_or(&shown).to_owned();
        let known = self.options.modified.get_mut(&(name, size)).and_then(VecDeque::pop_front);
        let modified = known.unwrap_or_else(own);
        self.outer = Some(Outer {
            number: self.number(),
            path: shown.clone(),
            open: Some(path),
            size: Some(size),
            read: Arc::clone(&read),
            modified,
            budget: Budget::new(&self.options.limits, Arc::new(AtomicU64::new(size))),
            backing: None,
            arrival: None,
        });
        match opened {
            Ok(file) => {
                let backing = Backing::file(file, read);
                if let Some(outer) = &mut self.outer {
                    outer.backing = Some(Arc::clone(&backing));
                }
                let span = Span::whole(backing, size);
                self.look(Source::of_span(span), String::new(), modified)
            }
            Err(error) => {
                self.losses.push(&shown, 0, DiagnosticKind::Unreadable, error.to_string());
                Some(self.closed(String::new(), Class::Unreadable, modified, size))
            }
        }
    }

    fn stream(&mut self, name: String, reader: Stream) -> Option<Leaf> {
        let read: Arc<AtomicU64> = Arc::default();
        let arrival = Arrival::new(reader, Arc::clone(&read));
        self.arriving(name, read, None, Some(arrival.clone()));
        self.look(Source::of_stream(Box::new(arrival)), String::new(), None)
    }

    /// Joined records are a log as they stand.
    fn records(&mut self, name: String, reader: Stream, latest: Timestamp) -> Leaf {
        let read: Arc<AtomicU64> = Arc::default();
        self.arriving(name, Arc::clone(&read), Some(latest), None);
        let mut source = Source::of_stream(Box::new(Counted { stream: reader, read }));
        if let Some(error) = source.failed() {
            self.losses.failure(&self.place(""), 0, &error);
            return self.closed(String::new(), Class::Unreadable, Some(latest), 0);
        }
        let class = match sniff::class(source.head(), source.ends_in_head()) {
            Class::Empty => Class::Empty,
            Class::Log(format) => Class::Log(self.options.forced.unwrap_or(format)),
            _ => Class::Log(self.options.forced.unwrap_or(Format::Text)),
        };
        let (size, is_whole) = (source.head().len() as u64, source.ends_in_head());
        let member = self.member(String::new());
        let (modified, stream) = (Some(latest), Some(source.into_stream()));
        Leaf { member, class, modified, size, is_whole, joined: true, stream }
    }

    /// Begins an outer file without a known end.
    fn arriving(
        &mut self,
        path: String,
        read: Arc<AtomicU64>,
        modified: Option<Timestamp>,
        arrival: Option<Arrival>,
    ) {
        self.progress.files_total += 1;
        self.outer = Some(Outer {
            number: self.number(),
            path,
            open: None,
            size: None,
            read: Arc::clone(&read),
            modified,
            budget: Budget::new(&self.options.limits, read),
            backing: None,
            arrival,
        });
    }

    fn number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        number
    }

    fn enter(&mut self, entry: Entry) -> Option<Leaf> {
        let above = self.stack.last().map_or("", |layer| layer.inner.as_str());
        let inner = if above.is_empty() { entry.name } else { format!("{above}/{}", entry.name) };
        if let Some(outer) = &self.outer
            && !outer.budget.admit()
        {
            let message = format!("more than {} members: the rest is not read", self.options.limits.members);
            self.losses.push(&outer.path, 0, DiagnosticKind::LimitExceeded, message);
            self.stack.clear();
            return None;
        }
        if self.wanted.as_deref().is_some_and(|wanted| !leads_to(&inner, wanted)) {
            return None;
        }
        let outer = self.outer.as_ref().and_then(|outer| outer.modified);
        self.look(entry.body.open(), inner, entry.modified.filter(|time| is_plausible(*time)).or(outer))
    }

    /// Peels compression off, then descends into an archive or returns a member.
    fn look(&mut self, mut source: Source, inner: String, mut modified: Option<Timestamp>) -> Option<Leaf> {
        let mut peeled = 0;
        loop {
            let size = source.span().map_or(source.head().len() as u64, Span::length);
            if let Some(error) = source.failed() {
                self.losses.failure(&self.place(&inner), 0, &error);
                return Some(self.closed(inner, Class::Unreadable, modified, size));
            }
            let Some(packing) = sniff::packing(source.head()) else { break };
            match packing {
                Packing::Gzip | Packing::Zstd if peeled >= PEELS => {
                    return Some(self.refused(inner, "compressed more than twice", modified, size));
                }
                Packing::Gzip | Packing::Zstd => {
                    peeled += 1;
                    modified =
                        gzip_time(packing, source.head()).filter(|time| is_plausible(*time)).or(modified);
                    match self.peel(packing, source) {
                        Ok(stream) => source = Source::of_stream(stream),
                        Err(error) => {
                            self.losses.failure(&self.place(&inner), 0, &error);
                            return Some(self.closed(inner, Class::Unreadable, modified, size));
                        }
                    }
                }
                Packing::Unsupported(what) => return Some(self.refused(inner, what, modified, size)),
                Packing::Zip | Packing::Tar if self.stack.len() as u32 >= self.options.limits.depth => {
                    return Some(self.refused(inner, "archives nested too deep", modified, size));
                }
                Packing::Zip | Packing::Tar => {
                    self.descend(packing, source, inner);
                    return None;
                }
            }
        }
        Some(self.leaf(source, inner, modified))
    }

    fn peel(&self, packing: Packing, source: Source) -> io::Result<Stream> {
        let Some(outer) = &self.outer else { return Err(io::ErrorKind::NotFound.into()) };
        match packing {
            Packing::Zstd => peel::zstd(source.into_stream(), &outer.budget),
            _ => Ok(peel::gzip(source.into_stream(), &outer.budget)),
        }
    }

    fn descend(&mut self, packing: Packing, source: Source, inner: String) {
        let place = self.place(&inner);
        let Some(outer) = &self.outer else { return };
        let archive = match packing {
            Packing::Zip => {
                let zone = &self.options.zone;
                Archive::Zip(Zip::open(source, &outer.budget, zone, &place, &mut self.losses))
            }
            _ => Archive::Tar(Tar::new(source.into_stream())),
        };
        self.stack.push(Layer { archive, inner, place });
    }

    fn leaf(&self, source: Source, inner: String, modified: Option<Timestamp>) -> Leaf {
        let whole = source.ends_in_head();
        let class = sniff::class(source.head(), whole);
        let is_settled =
            matches!(class, Class::Empty | Class::NotALog(_) | Class::Log(Format::Evtx | Format::Flow));
        let wide = sniff::wide(source.head()).filter(|_| !is_settled);
        let class = wide.map_or(class, |wide| sniff::class(&utf16::head(source.head(), wide), whole));
        let (source, inner) = match wide {
            // The JSON decoder reads UTF-16 itself and cites the original bytes.
            Some(wide) if self.transcodes && class == Class::Log(Format::Text) => {
                let stream = Transcoded::new(source.into_stream(), wide);
                (Source::of_stream(Box::new(stream)), inner + name::UTF16)
            }
            _ => (source, inner),
        };
        let class = match (self.options.forced, class) {
            (Some(format), Class::Log(_) | Class::Unrecognised) => Class::Log(format),
            (_, class) => class,
        };
        let size = source.span().map_or(source.head().len() as u64, Span::length);
        let span = source.span().is_some();
        // Only the outermost file has random access and no name inside it.
        let member = Arc::new(Member { verbatim: span && inner.is_empty(), ..self.member_named(inner) });
        let is_whole = span || source.ends_in_head();
        Leaf { member, class, modified, size, is_whole, joined: false, stream: Some(source.into_stream()) }
    }

    fn refused(&mut self, inner: String, what: &'static str, modified: Option<Timestamp>, size: u64) -> Leaf {
        let kind = match what {
            "compressed more than twice" | "archives nested too deep" => DiagnosticKind::LimitExceeded,
            _ => DiagnosticKind::RefusedMember,
        };
        self.losses.push(&self.place(&inner), 0, kind, format!("not read: {what}"));
        self.closed(inner, Class::Unsupported(what), modified, size)
    }

    fn closed(&self, inner: String, class: Class, modified: Option<Timestamp>, size: u64) -> Leaf {
        Leaf {
            member: self.member(inner),
            class,
            modified,
            size,
            is_whole: false,
            joined: false,
            stream: None,
        }
    }

    fn member(&self, inner: String) -> Arc<Member> {
        Arc::new(self.member_named(inner))
    }

    fn member_named(&self, inner: String) -> Member {
        let (file, path) = self.outer.as_ref().map_or((0, ""), |outer| (outer.number, outer.path.as_str()));
        Member { file, path: path.to_owned(), inner, verbatim: false }
    }

    fn place(&self, inner: &str) -> String {
        self.member(inner.to_owned()).place()
    }

    /// Hashes the outer file of that number while it is read, if it still is.
    pub(crate) fn hash_along(&self, file: u32) {
        let outer = self.outer.as_ref().filter(|outer| outer.number == file);
        if let Some(backing) = outer.and_then(|outer| outer.backing.as_ref()) {
            // A file that cannot be read twice is reported by whoever needs its digest.
            let _ = backing.hash_along();
        }
    }

    fn finish(&mut self, outer: Outer) -> FileDone {
        let along = outer.backing.and_then(|backing| backing.finish_hashing()?.ok());
        let arrived = outer.arrival.and_then(|arrival| match arrival.finish() {
            Ok(digest) => Some(digest),
            Err(error) => {
                self.losses.failure(&outer.path, outer.read.load(Relaxed), &error);
                None
            }
        });
        let bytes = outer.size.unwrap_or_else(|| outer.read.load(Relaxed));
        self.progress.bytes_read += bytes;
        self.progress.files_done += 1;
        let Outer { number, open, path, modified, .. } = outer;
        FileDone { file: number, open, path, bytes, modified, digest: along.or(arrived) }
    }

    pub(crate) fn count_member(&mut self) {
        self.progress.members_done += 1;
    }
}

/// True when the member is the wanted one or an archive on the way to it.
fn leads_to(inner: &str, wanted: &str) -> bool {
    wanted
        .strip_prefix(inner)
        .is_some_and(|rest| rest.is_empty() || rest == name::UTF16 || rest.starts_with('/'))
}

fn gzip_time(packing: Packing, head: &[u8]) -> Option<Timestamp> {
    let seconds = if packing == Packing::Gzip { peel::gzip_time(head)? } else { return None };
    seconds.checked_mul(NANOS_PER_SECOND).map(Timestamp::from_nanos)
}

/// Archivers write 1970 or 1980 for no time at all.
fn is_plausible(time: Timestamp) -> bool {
    const YEAR_2000: i64 = 946_684_800;
    time.as_nanos() >= YEAR_2000 * NANOS_PER_SECOND
}

fn timestamp(time: std::time::SystemTime) -> Option<Timestamp> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().map(Timestamp::from_nanos)
}

/// A stream whose bytes are counted as they pass.
struct Counted {
    stream: Stream,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.read.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

/// A stream that is hashed as it passes and can be run to its end afterwards.
#[derive(Clone)]
struct Arrival(Arc<Mutex<Arriving>>);

struct Arriving {
    stream: Stream,
    hashing: Hashing,
    read: Arc<AtomicU64>,
}

impl Arrival {
    fn new(stream: Stream, read: Arc<AtomicU64>) -> Self {
        Self(Arc::new(Mutex::new(Arriving { stream, hashing: Hashing::default(), read })))
    }

    fn finish(mut self) -> io::Result<hinomi_model::Digest> {
        io::copy(&mut self, &mut io::sink())?;
        let arriving = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(arriving.hashing.clone().finish())
    }
}

impl Read for Arrival {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut arriving = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = arriving.stream.read(buffer)?;
        arriving.hashing.update(buffer.get(..read).unwrap_or_default());
        arriving.read.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

//! Files that are being written: each line becomes a record, once, whatever happens to the file and to the server.
//!
//! ```text
//! paths ─ patterns ─▶ followed ─ oldest file first ─▶ lines ─ budget, pace ─▶ intake ─ durable ─▶ positions
//! ```
//!
//! # Invariants
//! - A line is in the ledger once: positions are saved after the ledger has the lines, and what it has beyond them is
//!   read from the ledger itself when the server starts (`recovery`).
//! - Files are looked at every quarter of a second and read while the ledger takes what is read; nothing else is held of
//!   them than one chunk at a time.
//! - Lines of a path are numbered without gaps from 0, over all files that it ever meant, so that the ledger's
//!   completeness sees if any went missing.
//!
//! # Trust
//! Whoever can write in a configured folder decides what is read from it, and nothing beyond it: see `place`.
//!
//! # Not here
//! What the lines say, and events of several lines (`hinomi-ingest`).

mod beside;
mod content;
mod figures;
mod followed;
mod generation;
mod lines;
mod pattern;
mod place;
mod positions;
mod recovery;
mod rotation;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hinomi_ledger::{Ledger, LedgerError};
use hinomi_model::Digest;
use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) use figures::{Figures, exposition};
pub(crate) use pattern::Pattern;

use super::{Port, Receiving, Refusal};
use followed::Followed;
use pattern::Found;
use place::Identity;
use positions::{Position, Positions};
use rotation::Folders;

const DAY_NS: u64 = 86_400_000_000_000;
/// Time between two looks at files.
const LOOK: Duration = Duration::from_millis(250);
/// Time between two looks for new paths.
const DISCOVER: Duration = Duration::from_secs(1);
/// Time between two savings of positions that need not be saved at once.
const SAVE: Duration = Duration::from_secs(5);
/// Longest part of a path in the name of a source.
const MAX_PATH: usize = 180;

/// What is followed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) patterns: Vec<Pattern>,
    /// Whether what was there before a path was first met is read.
    pub(crate) history: bool,
    /// Paths that are followed at most.
    pub(crate) most: usize,
    /// The longest line; a longer one is cut.
    pub(crate) longest: usize,
}

/// What following a path needs from around it.
struct Around<'a> {
    receiving: &'a Receiving,
    port: &'a Arc<Port>,
    counted: &'a Figures,
    /// Files that are followed, and under which source.
    taken: RefCell<BTreeMap<Identity, String>>,
    now: Instant,
    /// Size of the ledger's tree before anything of this turn was handed in.
    leaf: u64,
    longest: usize,
    history: bool,
}

impl Around<'_> {
    /// Whether another path means the same file.
    fn is_taken(&self, identity: Identity, source: &str) -> bool {
        self.taken.borrow().get(&identity).is_some_and(|other| other != source)
    }

    /// This source reads it.
    fn takes(&self, identity: Identity, source: &str) {
        self.taken.borrow_mut().insert(identity, source.to_owned());
    }

    fn tell(&self, path: &Path, what: &str, why: &str) {
        let path = path.to_string_lossy();
        self.receiving.journal.warn(what, &[("watch", &self.port.name), ("path", &path), ("why", why)]);
    }
}

/// The name of the source of a path; no two paths have the same.
fn source_name(watch: &str, path: &Path) -> String {
    let text = path.to_string_lossy();
    let odd = |c: char| {
        c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffd}')
    };
    if text.len() <= MAX_PATH && !text.contains(odd) {
        return format!("{watch}/file{text}");
    }
    let plain: String = text.chars().map(|c| if odd(c) { '_' } else { c }).collect();
    let far = plain.len().saturating_sub(MAX_PATH - 20);
    let from = (far..plain.len()).find(|at| plain.is_char_boundary(*at)).unwrap_or(0);
    let digest = Digest::of(path.as_os_str().as_encoded_bytes()).to_string();
    let end = plain.get(from..).unwrap_or_default();
    format!("{watch}/file/~{}/{}", digest.get(..12).unwrap_or_default(), end.trim_start_matches('/'))
}

/// What a link below `base` means, named as it is there. `within` is the folder that `base` is once its own links are
/// followed.
fn link_to(path: &Path, (base, within): (&Path, &Path)) -> Option<PathBuf> {
    let link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let target = link.then(|| std::fs::canonicalize(path).ok()).flatten()?;
    Some(base.join(target.strip_prefix(within).ok()?))
}

/// The files of one watch.
struct Watch {
    setting: Setting,
    receiving: Arc<Receiving>,
    port: Arc<Port>,
    counted: Arc<Figures>,
    ledger: Arc<Ledger>,
    /// Where positions are saved.
    file: PathBuf,
    saved: BTreeMap<String, Position>,
    followed: BTreeMap<PathBuf, Followed>,
    unreadable: BTreeSet<PathBuf>,
    /// Paths that belong to others, as they were met since a minute at most.
    rotated: (Instant, BTreeSet<PathBuf>),
    discovered: Option<Instant>,
    stored: Instant,
}

/// Begins to follow files, on a thread of its own.
///
/// # Errors
/// What reading the ledger meets.
pub(crate) fn start(
    setting: Setting,
    receiving: Arc<Receiving>,
    port: Arc<Port>,
    counted: Arc<Figures>,
    ledger: Arc<Ledger>,
    stop: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, LedgerError> {
    let watch = Watch::open(setting, receiving, port, counted, ledger)?;
    let failed =
        |source| LedgerError::Io { action: "start a thread for", path: PathBuf::from("files"), source };
    thread::Builder::new().name("watch".to_owned()).spawn(move || watch.run(&stop)).map_err(failed)
}

/// Where positions of a watch are saved.
fn positions_at(ledger: &Ledger, name: &str) -> PathBuf {
    let data = ledger.places().evidence.parent().unwrap_or(Path::new("")).to_owned();
    data.join("watch").join(format!("{name}.json"))
}

impl Watch {
    fn open(
        setting: Setting,
        receiving: Arc<Receiving>,
        port: Arc<Port>,
        counted: Arc<Figures>,
        ledger: Arc<Ledger>,
    ) -> Result<Self, LedgerError> {
        let file = positions_at(&ledger, &port.name);
        ledger.tick()?;
        let recovered = recovery::recover(&ledger, &file, &format!("{}/file", port.name))?;
        for remark in &recovered.remarks {
            let fields = [("watch", port.name.as_str()), ("why", remark.as_str())];
            receiving.journal.warn("about positions in files", &fields);
        }
        let (ahead, known) = (recovered.ahead.to_string(), recovered.sources.len().to_string());
        let fields = [("watch", port.name.as_str()), ("known_paths", &known), ("lines_beyond_saved", &ahead)];
        receiving.journal.info("watching", &fields);
        Ok(Self {
            setting,
            receiving,
            port,
            counted,
            ledger,
            file,
            saved: recovered.sources,
            followed: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            rotated: (Instant::now(), BTreeSet::new()),
            discovered: None,
            stored: Instant::now(),
        })
    }

    fn run(mut self, stop: &watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.turn(Instant::now()) {
                Ok(true) => {}
                Ok(false) => thread::sleep(LOOK),
                // The ledger takes nothing any more; whoever waits for it says so.
                Err(_) => return,
            }
        }
        // What was handed in is answered, or the ledger says why not.
        while self.followed.values().any(|followed| !followed.is_settled()) {
            if self.followed.values_mut().any(|followed| followed.acknowledge().is_err()) {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let leaf = self.ledger.checkpoint().0;
        self.save(leaf);
    }

    /// Looks at everything once and takes what there is; whether anything was taken.
    fn turn(&mut self, now: Instant) -> Result<bool, Refusal> {
        let leaf = self.ledger.checkpoint().0;
        for followed in self.followed.values_mut() {
            followed.acknowledge()?;
        }
        let (receiving, port, counted) = (self.receiving.clone(), self.port.clone(), self.counted.clone());
        let around = Around {
            receiving: &receiving,
            port: &port,
            counted: &counted,
            taken: RefCell::new(self.taken()),
            now,
            leaf,
            longest: self.setting.longest,
            history: self.setting.history,
        };
        let due = |last: Instant, after| now.saturating_duration_since(last) >= after;
        if self.discovered.is_none_or(|last| due(last, DISCOVER)) {
            self.discovered = Some(now);
            self.discover(&around);
        }
        let mut folders = Folders::default();
        for followed in self.followed.values_mut() {
            followed.look(&around);
            followed.look_beside(&mut folders, &around);
            followed.choose(&around);
        }
        if self.followed.values().any(|followed| followed.unsaved) || due(self.stored, SAVE) {
            self.save(leaf);
        }
        let mut any = false;
        for followed in self.followed.values_mut() {
            any |= followed.take(&around);
        }
        self.count(any);
        Ok(any)
    }

    fn taken(&self) -> BTreeMap<Identity, String> {
        let open = |followed: &Followed| {
            let name = followed.source.name.clone();
            let files = followed.files.iter().filter(|file| file.content.is_some());
            files.map(move |file| (file.trail.identity, name.clone())).collect::<Vec<_>>()
        };
        self.followed.values().flat_map(open).collect()
    }

    /// Finds new paths.
    fn discover(&mut self, around: &Around<'_>) {
        let mut beyond = 0;
        if around.now.saturating_duration_since(self.rotated.0) >= Duration::from_mins(1) {
            self.rotated = (around.now, BTreeSet::new());
        }
        for pattern in self.setting.patterns.clone() {
            let mut found = Found::default();
            pattern.walk(&mut found);
            self.complain(&found, around);
            let Ok(within) = std::fs::canonicalize(pattern.base()) else { continue };
            // Files that are gone may have a rest beside them.
            let before = self.saved.values().map(|saved| PathBuf::from(&saved.path));
            let mut paths = found.paths;
            paths.extend(before.filter(|path| path.starts_with(pattern.base())));
            for path in &paths {
                if self.followed.contains_key(path) || self.rotated.1.contains(path) {
                    continue;
                }
                let other = link_to(path, (pattern.base(), &within));
                let twice = other.is_some_and(|p| paths.contains(&p) || self.followed.contains_key(&p));
                if twice || self.is_rotated(path, &paths) {
                    self.rotated.1.insert(path.clone());
                    continue;
                }
                if self.followed.len() >= self.setting.most {
                    beyond += 1;
                    continue;
                }
                let name = source_name(&self.port.name, path);
                let Some(source) = self.receiving.sources.local(&self.port, &name) else {
                    beyond += 1;
                    continue;
                };
                let saved = self.saved.remove(&name);
                let followed = Followed::new(path.clone(), within.clone(), source, saved, around);
                self.followed.insert(path.clone(), followed);
            }
        }
        if beyond > 0 && self.counted.beyond.swap(beyond, Ordering::Relaxed) == 0 {
            let why = format!("{beyond} more than `files` and `sources` allow");
            around.tell(Path::new(""), "files are not followed", &why);
        }
    }

    /// Whether a path is a file that rotated away from another path, or is one that is followed already.
    fn is_rotated(&self, path: &Path, all: &BTreeSet<PathBuf>) -> bool {
        let Some(name) = path.file_name() else { return true };
        let beside = |other: &PathBuf| {
            let base = other.file_name().filter(|_| other.parent() == path.parent());
            base.is_some_and(|base| rotation::is_of(base.as_encoded_bytes(), name.as_encoded_bytes()))
        };
        let identity = std::fs::metadata(path).ok().map(|metadata| Identity::of(&metadata));
        let has = |identity| self.followed.values().any(|followed| followed.has(identity, path));
        all.iter().chain(self.followed.keys()).any(beside) || identity.is_some_and(has)
    }

    fn complain(&mut self, found: &Found, around: &Around<'_>) {
        for (folder, why) in &found.unreadable {
            if self.unreadable.len() < 1_000 && self.unreadable.insert(folder.clone()) {
                around.tell(folder, "a folder is not read", why);
            }
        }
        if found.cut && self.unreadable.insert(PathBuf::new()) {
            around.tell(Path::new(""), "not all files are looked at", "there are too many in the folders");
        }
    }

    /// Saves how far files were read, and lets lines be taken from those that waited for it.
    fn save(&mut self, leaf: u64) {
        let leaf = self.followed.values().filter_map(Followed::leaf).fold(leaf, u64::min);
        let live = self.followed.values().map(|f| (f.source.name.clone(), f.position()));
        let sources = self.saved.clone().into_iter().chain(live).collect();
        self.stored = Instant::now();
        match Positions::new(leaf, sources).save(&self.file) {
            Ok(()) => self.followed.values_mut().for_each(|followed| followed.unsaved = false),
            Err(error) => {
                let (path, why) = (self.file.to_string_lossy().into_owned(), error.to_string());
                let fields = [("path", path.as_str()), ("why", why.as_str())];
                self.receiving.journal.repeated("positions in files cannot be saved", &fields);
            }
        }
    }

    fn count(&self, any: bool) {
        let store =
            |counter: &std::sync::atomic::AtomicU64, value: u64| counter.store(value, Ordering::Relaxed);
        let of = |is: fn(&Followed) -> bool| self.followed.values().filter(|f| is(f)).count() as u64;
        store(&self.counted.files, self.followed.len() as u64);
        store(&self.counted.behind, self.followed.values().map(Followed::behind).sum());
        store(&self.counted.denied, of(|f| f.denied));
        store(&self.counted.refused, of(|f| f.refused));
        if any {
            store(&self.counted.last_read_seconds, self.receiving.now_ns() / 1_000_000_000);
        }
    }
}

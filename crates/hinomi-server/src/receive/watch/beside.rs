//! Files beside a path that were rotated away from it: the rest of what was read in part, and what nobody has read.
//!
//! # Invariants
//! - A file is known by number and bytes, a copy or a packed one by the bytes at its beginning and before the place that
//!   was read to.
//! - Nothing is taken for unread before it has stayed the same for two seconds: it may be a copy in the making.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Around;
use super::content::Content;
use super::followed::Followed;
use super::generation::Trail;
use super::place::{self, Identity, Unread};
use super::rotation::{Folders, Form, form};

/// A file is the same for so long before it is taken for one that nobody has read.
const STABLE: Duration = Duration::from_secs(2);
/// Time between two looks when nothing is looked for.
const SELDOM: Duration = Duration::from_secs(10);
/// After so long it is said that the rest of a file is not found.
const PATIENCE: Duration = Duration::from_mins(1);
/// Files beside a path that are remembered.
const REMEMBERED: usize = 4_096;

/// A file beside, as it was when it was last looked at.
#[derive(Clone, Copy, Debug)]
struct Met {
    length: u64,
    changed: (i64, i64),
    since: Instant,
    /// It holds nothing that is not read.
    known: bool,
}

/// What is known of the files beside a path.
#[derive(Debug)]
pub(super) struct Beside {
    met: BTreeMap<Identity, Met>,
    looked: Option<Instant>,
    /// What was there before the path was first met is not read.
    skips: bool,
}

/// What a file beside is to those that are known.
enum Is {
    /// All of it is read, or will be.
    Known,
    /// The rest of the file at this place of the list.
    RestOf(usize),
    /// It goes on behind what was read of it.
    Longer(Trail),
    Unread,
    Undecided,
}

impl Beside {
    pub(super) fn new(skips: bool) -> Self {
        Self { met: BTreeMap::new(), looked: None, skips }
    }

    pub(super) fn look_now(&mut self) {
        self.looked = None;
        // What held nothing that was unread may be the copy that is looked for now.
        self.met.clear();
    }

    /// Whether what was there before is left out; the first file is met before anything was looked at.
    pub(super) fn skips_history(&self) -> bool {
        self.skips
    }
}

impl Followed {
    fn is_due(&self, now: Instant) -> bool {
        let searching = self.files.iter().any(|file| file.content.is_none() && !file.told);
        let waiting = self.beside.met.values().any(|met| !met.known);
        let often = if searching || waiting { Duration::from_millis(500) } else { SELDOM };
        self.beside.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= often)
    }

    /// Looks beside the path.
    pub(super) fn look_beside(&mut self, folders: &mut Folders, around: &Around<'_>) {
        if !self.is_due(around.now) {
            return;
        }
        let first = self.beside.looked.replace(around.now).is_none() && self.beside.skips;
        let mut found: Vec<_> = folders
            .beside(&self.path)
            .into_iter()
            .filter_map(|path| {
                let metadata = std::fs::symlink_metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
                Some((metadata.mtime(), metadata.mtime_nsec(), path, metadata))
            })
            .collect();
        found.sort_by(|a, b| (a.0, a.1, &b.2).cmp(&(b.0, b.1, &a.2)));
        for (_, _, path, metadata) in found {
            self.meet(&path, &metadata, first, around);
        }
        self.beside.skips &= !first;
        self.tell_of_lost(around);
    }

    fn meet(&mut self, path: &Path, metadata: &std::fs::Metadata, skip: bool, around: &Around<'_>) {
        let identity = Identity::of(metadata);
        let open =
            |file: &super::generation::Generation| file.content.is_some() && file.trail.identity == identity;
        if self.files.iter().any(open) || around.is_taken(identity, &self.source.name) {
            return;
        }
        let (length, changed) = (metadata.len(), (metadata.ctime(), metadata.ctime_nsec()));
        let before =
            self.beside.met.get(&identity).filter(|met| met.length == length && met.changed == changed);
        let met = before.copied().unwrap_or(Met { length, changed, since: around.now, known: false });
        if self.beside.met.len() >= REMEMBERED {
            self.beside.met.clear();
        }
        self.beside.met.insert(identity, met);
        if met.known {
            return;
        }
        let stable = around.now.saturating_duration_since(met.since) >= STABLE;
        let weighed = if skip {
            self.leave(path, identity)
        } else {
            self.weigh(path, identity, length, stable, around)
        };
        let done = match weighed {
            Ok(done) => done,
            Err(why) => {
                // It is met again when it changes.
                around.tell(path, "a rotated file is not read", &why.why());
                true
            }
        };
        if let Some(met) = self.beside.met.get_mut(&identity) {
            met.known = done;
        }
    }

    /// Notes a file as one that nobody wants.
    fn leave(&mut self, path: &Path, identity: Identity) -> Result<bool, Unread> {
        let (file, _) = place::open(path, &self.within)?;
        let packed = form(path.as_os_str().as_bytes()) == Form::Packed;
        let mut content = if packed { Content::packed(file) } else { Content::Plain(file) };
        let beginning = content.read(0, 1_024)?.len() as u64;
        let trail = Trail::behind(identity, &mut content, beginning)?.left();
        self.done.push_back(trail);
        Ok(true)
    }

    /// Decides about a file and takes it up if it has to be read; false when that cannot be decided yet.
    fn weigh(
        &mut self,
        path: &Path,
        identity: Identity,
        length: u64,
        stable: bool,
        around: &Around<'_>,
    ) -> Result<bool, Unread> {
        let form = form(path.as_os_str().as_bytes());
        if form == Form::Foreign {
            if stable {
                let why = "packed in a way that is not read here; hinomi ledger append reads it";
                around.tell(path, "a rotated file is not read", why);
            }
            return Ok(stable);
        }
        // A packed file in the making has no end yet.
        if form == Form::Packed && !stable {
            return Ok(false);
        }
        let (file, _) = place::open(path, &self.within)?;
        let mut content = if form == Form::Packed { Content::packed(file) } else { Content::Plain(file) };
        match self.compare(&mut content, length, stable)? {
            Is::Known => Ok(true),
            Is::Undecided => Ok(false),
            Is::RestOf(at) => {
                if let Some(file) = self.files.get_mut(at) {
                    file.attach(content, identity, around.now)?;
                    self.unsaved = true;
                }
                Ok(true)
            }
            Is::Longer(trail) => {
                self.done.retain(|done| *done != trail);
                self.adopt(content, trail.under(identity), around)?;
                Ok(true)
            }
            Is::Unread => {
                around.counted.found.fetch_add(1, Ordering::Relaxed);
                around.tell(path, "a rotated file that nobody has read is read now", "");
                self.adopt(content, Trail::new(identity), around)?;
                Ok(true)
            }
        }
    }

    fn compare(&mut self, content: &mut Content, length: u64, stable: bool) -> std::io::Result<Is> {
        let plain = !content.is_packed();
        for (at, file) in self.files.iter().enumerate() {
            let trail = &file.trail;
            // Of one that was never begun nothing is known but a number, which may belong to another file by now.
            let missing = file.content.is_none() && trail.is_known();
            if missing && (!plain || trail.offset <= length) && trail.is_of(content)? {
                return Ok(Is::RestOf(at));
            }
            if file.content.is_some() && trail.is_known() && trail.is_of(content)? {
                return Ok(Is::Known);
            }
            // Nothing is known yet of one that is open, so that it could be a copy of that.
            if file.content.is_some() && file.length > 0 && !trail.is_known() {
                return Ok(Is::Undecided);
            }
        }
        for done in self.done.iter().filter(|done| done.is_known()) {
            if done.is_of(content)? {
                let longer = !done.left && !content.read(done.offset, 1)?.is_empty();
                return Ok(if longer { Is::Longer(done.clone()) } else { Is::Known });
            }
        }
        let empty = content.read(0, 1)?.is_empty();
        let shorter = !empty && stable && self.has_read_beyond(content)?;
        Ok(match stable {
            _ if empty || shorter => Is::Known,
            true => Is::Unread,
            false => Is::Undecided,
        })
    }

    /// Whether a file is a copy of what was read, and more was read than it holds.
    fn has_read_beyond(&self, content: &mut Content) -> std::io::Result<bool> {
        for trail in self.files.iter().map(|file| &file.trail).chain(&self.done) {
            if trail.began_as(content)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Says of files that are not found again that their rest is not known.
    fn tell_of_lost(&mut self, around: &Around<'_>) {
        let path = self.path.clone();
        // Of what was never begun nothing is known: if its file is still there, it is read as one that nobody has read.
        let begun = |file: &super::generation::Generation| file.content.is_some() || file.trail.is_known();
        self.files.retain(|file| begun(file) || file.waits_since(around.now) < PATIENCE);
        for file in &mut self.files {
            if file.content.is_none() && !file.told && file.waits_since(around.now) >= PATIENCE {
                file.told = true;
                around.counted.lost.fetch_add(1, Ordering::Relaxed);
                let why = format!("what came behind byte {} is not known", file.trail.offset);
                around.tell(&path, "a file was cut short or removed before its end was read", &why);
            }
        }
    }
}

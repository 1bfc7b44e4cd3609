//! Segments: what a write-ahead file becomes. They are fetched whole, compared with the SHA-256 that the log has signed,
//! and opened to see that every block in them is the one that was signed.

use std::io::IoSlice;
use std::path::PathBuf;

use hinomi_model::{Access, Hashing};

use crate::error::LedgerError;
use crate::files::{self, folder_of, io_error, temporary};
use crate::frame::FrameKind;
use crate::leaf::{Leaf, SegmentSealed};
use crate::scan::{Buffered, Found, Scan};

use super::blocks::Verdict;
use super::follow::Target;
use super::pull::News;
use super::source::{CHUNK, FileName, Listed, Source};
use super::{Pulled, Trouble, Vault};

impl Vault {
    /// Covers leaves with a segment whose write-ahead file this vault never saw whole.
    pub(super) fn cover_from_segment(
        &mut self,
        source: &mut dyn Source,
        number: u64,
        news: &News,
        target: &mut Target<'_>,
        pulled: &mut Pulled,
    ) -> Result<(), LedgerError> {
        let name = FileName::Segment(number).to_string();
        let fresh = news.segments.iter().find(|(_, s)| s.number == number).map(|(_, s)| s.clone());
        let sealed = match fresh {
            Some(sealed) => Some(sealed),
            None => self.segment_leaf(number, target.held)?,
        };
        // The leaf of a segment comes after the file; a checkpoint from in between has to be asked for again.
        let Some(sealed) = sealed else {
            return Err(LedgerError::Missing { what: "leaf of the file", name });
        };
        let Some(path) = self.fetch_segment(source, &sealed, pulled)? else { return Ok(()) };
        self.blocks.clear();
        self.read_segment(&sealed, &path, pulled)?;
        let end = sealed.end_leaf.min(target.size);
        while target.covered < end {
            let index = target.covered;
            let leaf = self.leaves.leaf(index, target.size)?;
            // Blocks that lie before what the segment says it holds were covered by other files.
            self.cover(index, &leaf, target, pulled);
        }
        target.touched.push(path);
        Ok(())
    }

    /// The held leaf of a segment. Every leaf is looked at once in the life of this object.
    fn segment_leaf(&mut self, number: u64, held: u64) -> Result<Option<SegmentSealed>, LedgerError> {
        while self.segment_leaves.0 < held {
            if let Leaf::SegmentSealed(sealed) = self.leaves.leaf(self.segment_leaves.0, held)? {
                self.segment_leaves.1.insert(sealed.number, sealed);
            }
            self.segment_leaves.0 += 1;
        }
        Ok(self.segment_leaves.1.get(&number).cloned())
    }

    /// Fetches a segment and gives it its name if its bytes are the signed ones.
    fn fetch_segment(
        &mut self,
        source: &mut dyn Source,
        sealed: &SegmentSealed,
        pulled: &mut Pulled,
    ) -> Result<Option<PathBuf>, LedgerError> {
        let name = FileName::Segment(sealed.number);
        let path = self.dir.evidence().join(name.path());
        let disk = self.dir.disk.clone();
        if disk.exists(&path).map_err(io_error("look for", &path))? {
            return Ok(Some(path));
        }
        let next = temporary(&path);
        files::remove(&*disk, &next)?;
        let file = disk.open(&next, Access::CreateNew { mode: 0o600 }).map_err(io_error("create", &next))?;
        let mut sha = Hashing::default();
        let mut have = 0;
        while have < sealed.len {
            let want = u32::try_from(sealed.len - have).unwrap_or(CHUNK).min(CHUNK);
            self.check_room()?;
            let bytes = source.read(name, have, want)?;
            if bytes.is_empty() || bytes.len() > want as usize {
                break;
            }
            sha.update(&bytes);
            file.write_all_at(&[IoSlice::new(&bytes)], have).map_err(io_error("write", &next))?;
            have += bytes.len() as u64;
        }
        pulled.bytes += have;
        if have != sealed.len || sha.finish().as_bytes() != &sealed.sha256 {
            files::remove(&*disk, &next)?;
            let what = "its bytes are not those that the log has signed".to_owned();
            pulled.troubles.push(Trouble::Damaged { file: name.to_string(), offset: have, what });
            return Ok(None);
        }
        file.sync_data().map_err(io_error("sync", &next))?;
        disk.rename(&next, &path).map_err(io_error("rename", &path))?;
        files::sync_dir(&*disk, folder_of(&path))?;
        Ok(Some(path))
    }

    /// Reads every frame of records of a segment into the blocks.
    fn read_segment(
        &mut self,
        sealed: &SegmentSealed,
        path: &std::path::Path,
        pulled: &mut Pulled,
    ) -> Result<(), LedgerError> {
        let ledger = self.ledger();
        let mut scan = Scan::new(Buffered::open(&*self.dir.disk, path)?, sealed.number);
        let file = FileName::Segment(sealed.number).to_string();
        loop {
            let (place, frame) = match scan.next(None)? {
                Found::Frame(place, frame) => (place, frame),
                Found::End => return Ok(()),
                Found::Unused | Found::Bad(_) => {
                    let what = "a frame of a signed segment is not sound".to_owned();
                    pulled.troubles.push(Trouble::Damaged { file, offset: scan.at(), what });
                    return Ok(());
                }
            };
            match frame.prelude.kind {
                FrameKind::Records => {}
                // Behind it stands only where it begins.
                FrameKind::Index => return Ok(()),
                _ => continue,
            }
            match self.blocks.add(&frame, &ledger, &mut self.keys) {
                Err(LedgerError::Malformed { what, .. } | LedgerError::NotAuthentic { what }) => {
                    let (file, what) = (file.clone(), what.to_owned());
                    pulled.troubles.push(Trouble::Damaged { file, offset: place.offset, what });
                }
                other => other?,
            }
        }
    }

    /// Fetches segments whose leaves are held, checks that every block in them is still the signed one, and then lets
    /// go of the write-ahead files that they replace.
    pub(super) fn pull_segments(
        &mut self,
        source: &mut dyn Source,
        listed: &[Listed],
        pulled: &mut Pulled,
    ) -> Result<(), LedgerError> {
        let size = self.state.size();
        let numbers: Vec<u64> = listed
            .iter()
            .filter_map(|f| if let FileName::Segment(n) = f.name { Some(n) } else { None })
            .filter(|n| *n >= self.state.segments && *n < self.state.cursor.wal)
            .collect();
        for number in numbers {
            let Some(sealed) = self.segment_leaf(number, size)? else { return Ok(()) };
            let Some(path) = self.fetch_segment(source, &sealed, pulled)? else { return Ok(()) };
            if !self.segment_is_whole(&sealed, &path, pulled)? {
                return Ok(());
            }
            let wal = self.dir.evidence().join(FileName::Wal(number).path());
            let mut next = self.state.clone();
            next.segments = number + 1;
            self.dir.store(&next)?;
            self.state = next;
            files::remove(&*self.dir.disk, &wal)?;
            files::sync_dir(&*self.dir.disk, folder_of(&wal))?;
        }
        Ok(())
    }

    /// Whether every block of the leaves that a segment stands for is in it, unchanged.
    fn segment_is_whole(
        &mut self,
        sealed: &SegmentSealed,
        path: &std::path::Path,
        pulled: &mut Pulled,
    ) -> Result<bool, LedgerError> {
        let size = self.state.size();
        let known = pulled.troubles.len();
        self.blocks.clear();
        self.read_segment(sealed, path, pulled)?;
        for index in sealed.first_leaf..sealed.end_leaf.min(size) {
            let Leaf::Block(block) = self.leaves.leaf(index, size)? else { continue };
            let what = match self.blocks.settle(&block) {
                Verdict::Good | Verdict::Opaque => continue,
                Verdict::Bad(what) => what,
                Verdict::Absent => "a block of its range is not in it",
            };
            let (file, what) = (FileName::Segment(sealed.number).to_string(), what.to_owned());
            pulled.troubles.push(Trouble::Damaged { file, offset: 0, what });
        }
        Ok(pulled.troubles.len() == known)
    }
}

//! Following the write-ahead files of a primary: fetching their bytes, and checking every frame before it counts.

use std::io::IoSlice;
use std::path::PathBuf;

use hinomi_model::{Access, DiskFile};

use crate::checkpoint::Checkpoint;
use crate::cursor::Cursor as Bytes;
use crate::error::LedgerError;
use crate::files::{self, folder_of, io_error};
use crate::frame::{Frame, FrameKind};
use crate::leaf::Leaf;
use crate::note::Note;
use crate::scan::{Buffered, Found, Scan};
use crate::tlog::TiledTree;
use crate::wal::Opening;

use super::blocks::Verdict;
use super::dir::Cursor;
use super::source::{CHUNK, FileName, Source};
use super::{Pulled, Trouble, Vault};

/// What is being checked: leaves `held..size` of the new tree.
pub(super) struct Target<'a> {
    pub held: u64,
    pub size: u64,
    pub tree: &'a TiledTree,
    /// Leaves below this one were compared with the files.
    pub covered: u64,
    pub cursor: Cursor,
    pub opaque: u64,
    pub touched: Vec<PathBuf>,
}

/// Why following a file came to an end.
pub(super) enum Stop {
    /// The checkpoint that is pulled was reached.
    Reached,
    /// The file was sealed; the next one goes on.
    Sealed,
    /// The primary has no more bytes of it that make sense.
    Dry,
}

impl Vault {
    /// Follows the write-ahead file of the cursor until the target is reached or the file ends.
    pub(super) fn follow(
        &mut self,
        source: &mut dyn Source,
        len: u64,
        target: &mut Target<'_>,
        pulled: &mut Pulled,
    ) -> Result<Stop, LedgerError> {
        let name = FileName::Wal(target.cursor.wal);
        let path = self.dir.evidence().join(name.path());
        let file = self.open_copy(&path, target.cursor.held)?;
        target.touched.push(path.clone());
        self.blocks.clear();
        let mut have = target.cursor.held;
        let mut at = target.cursor.scanned;
        let mut bad = "the file ends before the checkpoint";
        loop {
            // Whatever is here already is looked at before more is fetched.
            let mut scan = Scan::from(Buffered::open(&*self.dir.disk, &path)?, target.cursor.wal, at);
            let stop = loop {
                match scan.next(None)? {
                    Found::Frame(place, frame) => {
                        let next = place.offset + place.len;
                        match self.frame(&frame, place.offset, target, pulled)? {
                            Next::Go => at = next,
                            Next::Beyond => break Some(Stop::Reached),
                            Next::Checkpoint => {
                                target.cursor.held = next;
                                target.cursor.scanned =
                                    if self.blocks.is_empty() { next } else { target.cursor.scanned };
                                at = next;
                                if target.covered == target.size {
                                    break Some(Stop::Reached);
                                }
                            }
                            Next::Sealed => {
                                target.cursor.held = next;
                                break Some(Stop::Sealed);
                            }
                        }
                    }
                    Found::Bad(what) => {
                        bad = what;
                        break None;
                    }
                    Found::End | Found::Unused => break None,
                }
            };
            if let Some(stop) = stop {
                file.set_len(target.cursor.held).map_err(io_error("cut", &path))?;
                return Ok(stop);
            }
            let fetched = self.more(source, name, &*file, &path, have, len)?;
            if fetched == 0 {
                let file = name.to_string();
                let what = bad.to_owned();
                pulled.troubles.push(Trouble::Damaged { file, offset: at, what });
                return Ok(Stop::Dry);
            }
            have += fetched;
            pulled.bytes += fetched;
        }
    }

    /// Opens the copy of a file and cuts off what an interrupted pull left behind what is held.
    fn open_copy(
        &self,
        path: &std::path::Path,
        held: u64,
    ) -> Result<std::sync::Arc<dyn DiskFile>, LedgerError> {
        let there = self.dir.disk.exists(path).map_err(io_error("look for", path))?;
        let access = if there { Access::ReadWrite } else { Access::CreateNew { mode: 0o600 } };
        let file = self.dir.disk.open(path, access).map_err(io_error("open", path))?;
        let len = file.len().map_err(io_error("measure", path))?;
        if len < held {
            let what = "the copy is shorter than what was held";
            return Err(LedgerError::Damaged { path: path.to_owned(), offset: len, what });
        }
        if len > held {
            file.set_len(held).map_err(io_error("cut", path))?;
        }
        Ok(file)
    }

    /// Fetches the next bytes of a file. 0 when the source has no more.
    fn more(
        &mut self,
        source: &mut dyn Source,
        name: FileName,
        file: &dyn DiskFile,
        path: &std::path::Path,
        have: u64,
        len: u64,
    ) -> Result<u64, LedgerError> {
        let want = CHUNK.min(u32::try_from(len.saturating_sub(have)).unwrap_or(CHUNK));
        if want == 0 {
            return Ok(0);
        }
        self.check_room()?;
        let bytes = source.read(name, have, want)?;
        if bytes.len() > want as usize {
            return Err(LedgerError::Malformed { kind: "answer", what: "more bytes than asked for" });
        }
        file.write_all_at(&[IoSlice::new(&bytes)], have).map_err(io_error("write", path))?;
        Ok(bytes.len() as u64)
    }

    fn frame(
        &mut self,
        frame: &Frame,
        offset: u64,
        target: &mut Target<'_>,
        pulled: &mut Pulled,
    ) -> Result<Next, LedgerError> {
        let file = FileName::Wal(target.cursor.wal);
        let damaged = |what: &str| Trouble::Damaged { file: file.to_string(), offset, what: what.to_owned() };
        match frame.prelude.kind {
            FrameKind::Open => {
                let opening = Opening::decode(frame.header(), frame.body(), &self.ledger());
                let fits = opening.is_ok_and(|o| {
                    let tree = if o.state.size() == target.size {
                        Ok(target.tree.root())
                    } else {
                        self.leaves.tree(o.state.size(), target.size).map(|t| t.root())
                    };
                    o.state.size() <= target.size && tree.is_ok_and(|root| root == o.state.root())
                });
                if !fits {
                    pulled.troubles.push(damaged("it does not begin with a state of this log"));
                }
                Ok(Next::Go)
            }
            FrameKind::Records => {
                let ledger = self.ledger();
                match self.blocks.add(frame, &ledger, &mut self.keys) {
                    Err(LedgerError::Malformed { what, .. } | LedgerError::NotAuthentic { what }) => {
                        pulled.troubles.push(damaged(what));
                    }
                    other => other?,
                }
                Ok(Next::Go)
            }
            FrameKind::Leaves => self.leaves_frame(frame, target, pulled, &damaged),
            FrameKind::Checkpoint => {
                let claimed = Note::parse(frame.body()).ok();
                let claimed: Option<Checkpoint> = claimed.and_then(|n| n.unverified_text().parse().ok());
                let size = claimed.as_ref().map_or(0, |c| c.size);
                if size > target.size {
                    return Ok(Next::Beyond);
                }
                let new = size >= target.held;
                let root = if size == target.size {
                    Some(target.tree.root())
                } else if new {
                    self.leaves.tree(size, target.size).ok().map(|t| t.root())
                } else {
                    None
                };
                if new && (root.is_none() || root != claimed.map(|c| c.root)) {
                    pulled.troubles.push(damaged("its checkpoint is not of this log"));
                }
                Ok(Next::Checkpoint)
            }
            FrameKind::Seal => Ok(Next::Sealed),
            FrameKind::Index => {
                pulled.troubles.push(damaged("a frame that has no place in a write-ahead file"));
                Ok(Next::Go)
            }
        }
    }

    fn leaves_frame(
        &mut self,
        frame: &Frame,
        target: &mut Target<'_>,
        pulled: &mut Pulled,
        damaged: &dyn Fn(&str) -> Trouble,
    ) -> Result<Next, LedgerError> {
        let mut header = Bytes::new(frame.header(), "leaves");
        let mut body = Bytes::new(frame.body(), "leaves");
        let mut index = header.u64()?;
        if index >= target.size {
            return Ok(Next::Beyond);
        }
        while body.remaining() > 0 {
            let bytes = body.bytes16()?;
            if index >= target.size || self.leaves.bytes(index, target.size)? != bytes {
                pulled.troubles.push(damaged("a leaf is not the one that was signed"));
                return Ok(Next::Go);
            }
            if index >= target.covered {
                self.cover(index, &Leaf::decode(bytes)?, target, pulled);
            } else if let Leaf::Block(block) = Leaf::decode(bytes)? {
                // Held already; its frames are read again only because another block was open beside it.
                let _ = self.blocks.settle(&block);
            }
            index += 1;
        }
        Ok(Next::Go)
    }

    /// Takes in a new leaf, whose frames have been read.
    pub(super) fn cover(&mut self, index: u64, leaf: &Leaf, target: &mut Target<'_>, pulled: &mut Pulled) {
        target.covered = index + 1;
        let Leaf::Block(block) = leaf else { return };
        let what = match self.blocks.settle(block) {
            Verdict::Good => {
                pulled.records += u64::from(block.count);
                return;
            }
            Verdict::Opaque => {
                target.opaque += 1;
                return;
            }
            Verdict::Bad(what) => what,
            Verdict::Absent => "its records are not in the files shown",
        };
        pulled.troubles.push(Trouble::Withheld { leaf: index, what: what.to_owned() });
    }

    /// Makes the bytes of copied files durable.
    pub(super) fn sync_copies(&self, touched: &[PathBuf]) -> Result<(), LedgerError> {
        for path in touched {
            let file = self.dir.disk.open(path, Access::ReadWrite).map_err(io_error("open", path))?;
            file.sync_data().map_err(io_error("sync", path))?;
            files::sync_dir(&*self.dir.disk, folder_of(path))?;
        }
        Ok(())
    }

    pub(super) fn check_room(&self) -> Result<(), LedgerError> {
        let folder = self.dir.evidence();
        let free = self.dir.disk.free_bytes(&folder).map_err(io_error("measure", &folder))?;
        if free < self.policy.reserve_bytes {
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(LedgerError::Io { action: "keep the reserve free in", path: folder, source });
        }
        Ok(())
    }
}

/// What a frame means for going on.
enum Next {
    Go,
    /// It belongs to a later checkpoint than the one pulled.
    Beyond,
    Checkpoint,
    Sealed,
}

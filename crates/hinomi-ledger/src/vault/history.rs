//! Comparing what a primary shows with what a vault holds: where they part, and which records that concerns.

use crate::checkpoint::VerifiedCheckpoint;
use crate::error::LedgerError;
use crate::leaf::Leaf;
use crate::tlog::WIDTH;

use super::leaves::Remote;
use super::source::Source;
use super::{Lost, Trouble, Vault};

impl Vault {
    /// What to say of a checkpoint that does not continue the one held.
    pub(super) fn contradiction(
        &mut self,
        source: &mut dyn Source,
        shown: &VerifiedCheckpoint,
    ) -> Result<Trouble, LedgerError> {
        let (held, size) = (self.state.size(), shown.size());
        if size < held && self.leaves.tree(size, held)?.root() == *shown.root() {
            return Ok(Trouble::Rollback { held, shown: size, lost: self.lost(size)? });
        }
        let evidence = self.keep_fork(shown)?;
        // Where the histories part is looked up in what the primary itself shows; it may lie about that, but not hide
        // that the signed roots contradict each other.
        let parting = self.parting(source, size).unwrap_or(None).unwrap_or(size.min(held));
        Ok(Trouble::Fork { held, shown: size, lost: self.lost(parting)?, evidence })
    }

    /// The first leaf that differs, searched by halves over bundles.
    fn parting(&mut self, source: &mut dyn Source, shown: u64) -> Result<Option<u64>, LedgerError> {
        let held = self.state.size();
        let both = held.min(shown);
        let mut remote = Remote(source);
        let (mut same, mut different) = (0, both.div_ceil(WIDTH));
        while same < different {
            let middle = same + (different - same) / 2;
            let theirs = remote.bundle(middle, shown)?;
            if self.first_difference(middle, both, &theirs)?.is_some() {
                different = middle;
            } else {
                same = middle + 1;
            }
        }
        if same * WIDTH >= both {
            return Ok(None);
        }
        let theirs = remote.bundle(same, shown)?;
        self.first_difference(same, both, &theirs)
    }

    fn first_difference(
        &mut self,
        bundle: u64,
        both: u64,
        theirs: &[Vec<u8>],
    ) -> Result<Option<u64>, LedgerError> {
        let held = self.state.size();
        let from = bundle * WIDTH;
        for (index, entry) in (from..both.min(from + WIDTH)).zip(theirs) {
            if self.leaves.bytes(index, held)? != *entry {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// The records in the held leaves from `first` on.
    pub(super) fn lost(&mut self, first: u64) -> Result<Lost, LedgerError> {
        let end = self.state.size();
        let mut lost = Lost { first_leaf: first, end_leaf: end, first_ns: u64::MAX, last_ns: 0, records: 0 };
        for index in first..end {
            if let Leaf::Block(block) = self.leaves.leaf(index, end)? {
                lost.first_ns = lost.first_ns.min(block.first_ns);
                lost.last_ns = lost.last_ns.max(block.last_ns);
                lost.records += u64::from(block.count);
            }
        }
        if lost.records == 0 {
            lost.first_ns = 0;
        }
        Ok(lost)
    }

    /// Keeps a contradicting checkpoint, bounded in number.
    fn keep_fork(&mut self, shown: &VerifiedCheckpoint) -> Result<String, LedgerError> {
        const MAX_FORKS: usize = 64;
        let folder = self.dir.folder.join("forks");
        let text = shown.note().to_string();
        let name = hinomi_model::Digest::of(shown.note().unverified_text().as_bytes()).to_string();
        let path = folder.join(&name);
        let entries = self.dir.disk.list(&folder).map_err(crate::files::io_error("list", &folder))?;
        if entries.len() < MAX_FORKS && !entries.iter().any(|e| e.name.to_string_lossy() == name) {
            crate::files::replace(&*self.dir.disk, &path, 0o600, text.as_bytes(), true)?;
        }
        Ok(path.display().to_string())
    }
}

//! One pull, from the checkpoint to the cosignature.

use std::collections::BTreeMap;

use crate::checkpoint::VerifiedCheckpoint;
use crate::cosignature::cosign;
use crate::engine::Identity;
use crate::error::LedgerError;
use crate::leaf::{DataKeyId, KeyBorn, Leaf, SegmentSealed, Tombstone};
use crate::note::Algorithm;

use super::follow::{Stop, Target};
use super::keys::KeyStore;
use super::leaves::Fetched;
use super::source::{FileName, KEYS_AT_ONCE, Listed, MAX_FILES, Source};
use super::{Pulled, SECOND, SealedEntry, Trouble, Vault};

/// How often a pull begins again because the primary moved on meanwhile.
const ATTEMPTS: usize = 4;
/// Keys taken in by one pull.
const MAX_NEW_KEYS: usize = 1_000_000;

/// What the new leaves, taken together, say.
#[derive(Debug, Default)]
pub(super) struct News {
    pub segments: Vec<(u64, SegmentSealed)>,
    pub tombstones: Vec<(u64, Tombstone)>,
    keys: Vec<(u64, KeyBorn)>,
    rotations: Vec<String>,
}

impl Vault {
    /// Pulls once. What is wrong with the primary is in the answer; the error is for the vault's own disk.
    ///
    /// # Errors
    /// [`LedgerError::Io`] or [`LedgerError::Damaged`] of this vault.
    pub fn pull(&mut self, source: &mut dyn Source) -> Result<Pulled, LedgerError> {
        let before = self.state.size();
        let mut pulled = Pulled { before, held: before, ..Pulled::default() };
        let mut outcome = Ok(());
        for _ in 0..ATTEMPTS {
            pulled.troubles.clear();
            outcome = self.attempt(source, &mut pulled);
            // A file or tile that is gone is usual while the primary works; a second look decides.
            let moved_on = matches!(&outcome, Err(LedgerError::Missing { .. }))
                || (outcome.is_ok() && pulled.troubles.iter().any(|t| matches!(t, Trouble::Withheld { .. })));
            if !moved_on {
                break;
            }
        }
        match outcome {
            Ok(()) => {}
            Err(LedgerError::Unreachable { what, .. }) => self.unreachable(what, &mut pulled),
            Err(LedgerError::Missing { what, name }) => {
                let what = format!("no such {what}: {name}");
                pulled.troubles.push(Trouble::Withheld { leaf: self.state.size(), what });
            }
            Err(LedgerError::Malformed { kind, what }) => {
                let what = format!("malformed {kind}: {what}");
                pulled.troubles.push(Trouble::Damaged { file: "answer".to_owned(), offset: 0, what });
            }
            Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::StorageFull => {
                let folder = self.dir.evidence();
                let free = self.dir.disk.free_bytes(&folder).unwrap_or(0);
                pulled.troubles.push(Trouble::DiskLow { free });
            }
            Err(other) => return Err(other),
        }
        pulled.held = self.state.size();
        self.erasures_due(&mut pulled)?;
        pulled.news = self.journal.record(&self.dir, self.now_ns(), &pulled.troubles)?;
        Ok(pulled)
    }

    fn unreachable(&self, what: String, pulled: &mut Pulled) {
        let since_ns = self.state.pulled_ns;
        if since_ns == 0 || self.now_ns().saturating_sub(since_ns) > self.policy.unreachable_ns {
            pulled.troubles.push(Trouble::Unreachable { since_ns, what });
        }
    }

    fn attempt(&mut self, source: &mut dyn Source, pulled: &mut Pulled) -> Result<(), LedgerError> {
        let bytes = source.checkpoint()?;
        let opened = VerifiedCheckpoint::open(&bytes, &self.pinned.origin, &self.pinned.keys, &[]);
        let shown = match opened {
            Ok(shown) => shown,
            Err(error) => {
                let Some(shown) = self.open_by_successor(source, &bytes)? else {
                    pulled.shown = None;
                    pulled.troubles.push(Trouble::NotTheLog { what: error.to_string() });
                    return Ok(());
                };
                shown
            }
        };
        pulled.shown = Some(shown.size());
        let held = self.state.held.as_ref().map(|h| (h.size(), *h.root()));
        let (held, root) = held.unwrap_or((0, crate::tlog::Hash::empty_root()));
        if shown.size() < held || (shown.size() == held && *shown.root() != root) {
            pulled.troubles.push(self.contradiction(source, &shown)?);
            return Ok(());
        }
        if shown.size() == held {
            return self.nothing_new(source, pulled);
        }
        let Some(fetched) = self.leaves.fetch(source, held, shown.size(), shown.root())? else {
            pulled.troubles.push(self.contradiction(source, &shown)?);
            return Ok(());
        };
        self.accept(source, &shown, &fetched, pulled)
    }

    fn nothing_new(&mut self, source: &mut dyn Source, pulled: &mut Pulled) -> Result<(), LedgerError> {
        let now = self.now_ns();
        let since_ns = self.state.grown_ns;
        if since_ns > 0 && now.saturating_sub(since_ns) > self.policy.silence_ns {
            pulled.troubles.push(Trouble::Silence { since_ns });
        }
        let files = list(source)?;
        self.pull_segments(source, &files, pulled)?;
        self.state.pulled_ns = now;
        self.dir.store(&self.state)
    }

    /// Checks what the new leaves need, makes it durable and cosigns.
    fn accept(
        &mut self,
        source: &mut dyn Source,
        shown: &VerifiedCheckpoint,
        fetched: &Fetched,
        pulled: &mut Pulled,
    ) -> Result<(), LedgerError> {
        let (held, size) = (self.state.size(), shown.size());
        self.load_genesis(size)?;
        let news = self.read_news(held, size, pulled)?;
        let next_key = self.take_keys(source, &news, held, pulled)?;
        self.check_erasures(&news, pulled)?;
        let files = list(source)?;
        self.keep_format()?;
        let mut target = Target {
            held,
            size,
            tree: &fetched.tree,
            covered: held,
            cursor: self.state.cursor,
            opaque: 0,
            touched: Vec::new(),
        };
        self.cover_all(source, &files, &news, &mut target, pulled)?;
        if pulled.troubles.iter().any(blocks_acceptance) {
            return Ok(());
        }
        self.leaves.sync(fetched)?;
        self.sync_copies(&target.touched)?;
        self.follow_rotations(&news.rotations)?;
        let now = self.now_ns();
        let mut next = self.state.clone();
        let mut checkpoint = shown.clone();
        checkpoint.keep_only(&self.pinned.keys)?;
        checkpoint.add(cosign(&self.signer, &checkpoint, now / SECOND)?)?;
        next.held = Some(checkpoint);
        next.cursor = target.cursor;
        next.next_key = next_key;
        (next.pulled_ns, next.grown_ns) = (now, now);
        next.opaque += target.opaque;
        self.dir.store(&next)?;
        self.state = next;
        self.write_checkpoint()?;
        self.leaves.forget_partials(held, size)?;
        self.pull_segments(source, &files, pulled)
    }

    /// The copy's own `checkpoint` file, for tools that read a published log.
    pub(super) fn write_checkpoint(&self) -> Result<(), LedgerError> {
        let Some(held) = &self.state.held else { return Ok(()) };
        let path = self.dir.log().join("checkpoint");
        crate::files::replace(&*self.dir.disk, &path, 0o600, held.note().to_string().as_bytes(), true)
    }

    fn read_news(&mut self, held: u64, size: u64, pulled: &mut Pulled) -> Result<News, LedgerError> {
        let mut news = News::default();
        let now = self.now_ns();
        let slack = self.policy.clock_slack_ns;
        let absent_ns = self.state.pulled_ns;
        // First leaf, number of blocks, extreme time.
        let mut back: Option<(u64, u64, u64)> = None;
        let mut ahead: Option<(u64, u64, u64)> = None;
        for index in held..size {
            let leaf = self.leaves.leaf(index, size)?;
            match leaf {
                Leaf::Block(block) => {
                    if held > 0 && block.first_ns.saturating_add(slack) < absent_ns {
                        let (leaf, blocks, ns) = back.unwrap_or((index, 0, u64::MAX));
                        back = Some((leaf, blocks + 1, ns.min(block.first_ns)));
                    }
                    if block.last_ns > now.saturating_add(slack) {
                        let (leaf, blocks, ns) = ahead.unwrap_or((index, 0, 0));
                        ahead = Some((leaf, blocks + 1, ns.max(block.last_ns)));
                    }
                }
                Leaf::KeyBorn(key) => news.keys.push((index, key)),
                Leaf::SegmentSealed(segment) => news.segments.push((index, segment)),
                Leaf::Tombstone(tombstone) => news.tombstones.push((index, tombstone)),
                Leaf::Rotation(rotation) => news.rotations.push(rotation.signer),
                _ => {}
            }
        }
        if let Some((leaf, blocks, claimed_ns)) = back {
            pulled.troubles.push(Trouble::Backdated { leaf, blocks, claimed_ns, absent_ns });
        }
        if let Some((leaf, blocks, claimed_ns)) = ahead {
            pulled.troubles.push(Trouble::Postdated { leaf, blocks, claimed_ns });
        }
        Ok(news)
    }

    /// Takes in the data keys whose leaves are new. Returns the ordinal from which to ask next time.
    fn take_keys(
        &mut self,
        source: &mut dyn Source,
        news: &News,
        held: u64,
        pulled: &mut Pulled,
    ) -> Result<u64, LedgerError> {
        let recipient = self.keys.vault().recipient();
        let mut offered: BTreeMap<DataKeyId, SealedEntry> = BTreeMap::new();
        let mut next = self.state.next_key;
        if news.keys.is_empty() {
            return Ok(next);
        }
        loop {
            let some = source.keys(recipient, next)?;
            let Some(last) = some.last().map(|e| e.ordinal) else { break };
            if last < next || some.len() > KEYS_AT_ONCE || offered.len() > MAX_NEW_KEYS {
                return Err(LedgerError::Malformed { kind: "answer", what: "keys that were not asked for" });
            }
            next = last + 1;
            offered.extend(some.into_iter().map(|entry| (entry.key, entry)));
        }
        let ledger = self.ledger();
        for (leaf, key) in &news.keys {
            let sealed_to_us = key.recipients.contains(&recipient.0);
            match offered.remove(&key.key) {
                Some(entry)
                    if KeyStore::agrees(&entry, key) && entry.open(&ledger, self.keys.vault()).is_ok() =>
                {
                    self.keys.keep(&entry)?;
                }
                Some(_) => {
                    let what = "the sealed data key is not the one that was signed".to_owned();
                    pulled.troubles.push(Trouble::Withheld { leaf: *leaf, what });
                }
                None if news.tombstones.iter().any(|(_, t)| t.key == key.key) => {}
                None if sealed_to_us => {
                    let what = "the data key that is sealed to this vault".to_owned();
                    pulled.troubles.push(Trouble::Withheld { leaf: *leaf, what });
                }
                None if held > 0 && !self.policy.accept_unsealed => {
                    pulled.troubles.push(Trouble::NotSealed { leaf: *leaf });
                }
                None => {}
            }
        }
        // What has no leaf yet is asked for again.
        Ok(offered.values().map(|e| e.ordinal).min().unwrap_or(next))
    }

    /// Reads the files, in their order, until every new leaf is covered.
    fn cover_all(
        &mut self,
        source: &mut dyn Source,
        files: &[Listed],
        news: &News,
        target: &mut Target<'_>,
        pulled: &mut Pulled,
    ) -> Result<(), LedgerError> {
        let len = |name: FileName| files.iter().find(|f| f.name == name).map(|f| f.len);
        if target.cursor.wal == 0 {
            let first = files.iter().filter_map(|f| match f.name {
                FileName::Wal(n) | FileName::Segment(n) => Some(n),
                FileName::Format => None,
            });
            target.cursor.wal = first.min().unwrap_or(1);
        }
        while target.covered < target.size {
            let number = target.cursor.wal;
            if let Some(len) = len(FileName::Wal(number)) {
                match self.follow(source, len, target, pulled)? {
                    Stop::Reached => break,
                    Stop::Sealed => {
                        target.cursor = super::dir::Cursor { wal: number + 1, ..Default::default() }
                    }
                    Stop::Dry => return Ok(()),
                }
            } else if len(FileName::Segment(number)).is_some() {
                self.cover_from_segment(source, number, news, target, pulled)?;
                target.cursor = super::dir::Cursor { wal: number + 1, ..Default::default() };
            } else {
                let name = FileName::Wal(number).to_string();
                return Err(LedgerError::Missing { what: "file", name });
            }
        }
        Ok(())
    }

    /// What the ledger is: a small file that the copy needs to be read as a ledger. It says what the first leaf says, which is signed.
    fn keep_format(&self) -> Result<(), LedgerError> {
        let Some(genesis) = &self.genesis else { return Ok(()) };
        let format = Identity::of_genesis(genesis)?.encode();
        let path = self.dir.evidence().join(FileName::Format.path());
        match self.dir.disk.read(&path, 4096) {
            Ok(kept) if kept == format.as_bytes() => return Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(crate::files::io_error("read", &path)(error));
            }
            _ => {}
        }
        crate::files::replace(&*self.dir.disk, &path, 0o600, format.as_bytes(), true)
    }

    /// A new signing key that the log has announced, signed by one that is trusted, is trusted too.
    fn follow_rotations(&mut self, rotations: &[String]) -> Result<(), LedgerError> {
        let fresh = rotations.iter().filter_map(|r| r.parse().ok());
        let fresh: Vec<_> = fresh
            .filter(|k: &crate::note::VerifierKey| {
                k.algorithm() == Algorithm::Ed25519 && !self.pinned.keys.contains(k)
            })
            .collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let mut keys = self.pinned.keys.clone();
        keys.extend(fresh);
        self.pin(keys)
    }
}

/// Whether a vault that sees this may not say that it holds what is shown.
fn blocks_acceptance(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Withheld { .. } | Trouble::Damaged { .. } | Trouble::NotSealed { .. })
}

fn list(source: &mut dyn Source) -> Result<Vec<Listed>, LedgerError> {
    let mut files = source.files()?;
    if files.len() > MAX_FILES {
        return Err(LedgerError::Malformed { kind: "answer", what: "more files than any ledger has" });
    }
    files.sort_unstable();
    files.dedup_by_key(|f| f.name);
    Ok(files)
}

//! Verification: reads everything and says what does not fit, where, and when it was from.
//!
//! It recomputes the Merkle tree from the leaves and compares it with tiles, checkpoint and anchors; decrypts every frame
//! whose key still exists and compares every record tree with its leaf; compares segments with the digests in the log,
//! the write-ahead log with the leaves, and the key ring with the keys that the log says were born and destroyed.
//!
//! # Invariants
//! - Damage is a finding, not an error: the rest is still checked.
//! - Without an anchor from outside this machine the best verdict is [`Verdict::Consistent`]: whoever held the signing
//!   key could have made all of it today.
//!
//! # Trust
//! Every byte read here may have been written by an intruder. What is believed in the end: the anchors that the caller
//! verified, and the signer if the caller names one.

mod blocks;
mod files;
mod keys;
mod log;
mod storage;
mod stray;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use hinomi_model::Disk;

use crate::LedgerError;
use crate::checkpoint::{Checkpoint, VerifiedCheckpoint};
use crate::engine::{Identity, load_identity};
use crate::keys::KeyRing;
use crate::leaves::Published;
use crate::note::VerifierKey;
use crate::options::Places;
use crate::tlog::Hash;

/// A checkpoint of this ledger that somebody else kept, and whose signature or cosignature the caller has verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anchor {
    /// Who kept it.
    pub name: String,
    /// What they kept.
    pub checkpoint: Checkpoint,
}

/// Findings that are listed; more are counted.
pub const MAX_FINDINGS: usize = 10_000;

/// What to verify.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Checkpoints from outside.
    pub anchors: Vec<Anchor>,
    /// The signer that the ledger must have begun with, if the caller knows it.
    pub signer: Option<VerifierKey>,
    /// Whether to open frames, which needs the keys. Without, digests of files are compared only.
    pub with_keys: bool,
    /// Only open the blocks of these leaves. The log itself is always read whole.
    pub leaves: Option<Range<u64>>,
    /// Threads that open frames.
    pub threads: usize,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { anchors: Vec::new(), signer: None, with_keys: true, leaves: None, threads: 2 }
    }
}

/// Something that does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The file, if one is to blame.
    pub path: Option<PathBuf>,
    /// Where in the file.
    pub offset: Option<u64>,
    /// The leaf that is concerned.
    pub leaf: Option<u64>,
    /// Source and receive times (nanoseconds since 1970) of what is lost or changed.
    pub concerns: Option<(String, u64, u64)>,
    /// What is wrong.
    pub what: String,
}

/// What an anchor says of the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnchorResult {
    /// Who kept it.
    pub name: String,
    /// Leaves that it covers.
    pub size: u64,
    /// Whether the ledger continues it.
    pub holds: bool,
}

/// How good it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Something is wrong.
    Damaged,
    /// Everything fits together, but nobody outside vouches for it.
    Consistent,
    /// Everything fits together, and an anchor covers the leaves below this number.
    Anchored(u64),
}

/// The outcome of a verification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verification {
    /// What was verified.
    pub identity: Identity,
    /// Leaves.
    pub size: u64,
    /// Root of the tree of the leaves.
    pub root: Hash,
    /// What does not fit.
    pub findings: Vec<Finding>,
    /// Findings beyond [`MAX_FINDINGS`].
    pub unlisted_findings: u64,
    /// What is worth knowing and no damage.
    pub remarks: Vec<String>,
    /// What each anchor says.
    pub anchors: Vec<AnchorResult>,
    /// Blocks whose records were compared with their leaf.
    pub blocks: u64,
    /// Their records.
    pub records: u64,
    /// Sum of the lengths of the records.
    pub bytes: u64,
    /// Blocks that cannot be opened because their key was destroyed in order.
    pub erased_blocks: u64,
    /// Blocks that were not opened: outside the range, or no keys.
    pub unopened_blocks: u64,
    /// Bytes of files read.
    pub stored_bytes: u64,
}

impl Verification {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        if !self.findings.is_empty() {
            return Verdict::Damaged;
        }
        let anchored = self.anchors.iter().filter(|a| a.holds).map(|a| a.size).max();
        anchored.map_or(Verdict::Consistent, Verdict::Anchored)
    }
}

/// How far a verification is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Bytes of files read.
    pub done: u64,
    /// Bytes to read in all.
    pub total: u64,
}

/// What the parts of a verification share.
pub(crate) struct Context<'a> {
    pub disk: Arc<dyn Disk>,
    pub places: &'a Places,
    pub identity: Identity,
    pub options: &'a VerifyOptions,
    pub published: Published,
    pub ring: Option<KeyRing>,
    pub out: Verification,
    /// Whether segments are read.
    pub segments: bool,
    pub progress: &'a mut dyn FnMut(Progress),
    pub total: u64,
}

impl Context<'_> {
    pub(crate) fn find(&mut self, finding: Finding) {
        if self.out.findings.len() < MAX_FINDINGS {
            self.out.findings.push(finding);
        } else {
            self.out.unlisted_findings += 1;
        }
    }

    pub(crate) fn find_in(&mut self, path: PathBuf, offset: Option<u64>, what: impl Into<String>) {
        self.find(Finding { path: Some(path), offset, leaf: None, concerns: None, what: what.into() });
    }

    pub(crate) fn find_leaf(&mut self, leaf: u64, what: impl Into<String>) {
        self.find(Finding { path: None, offset: None, leaf: Some(leaf), concerns: None, what: what.into() });
    }

    /// Turns an error about a file into a finding.
    pub(crate) fn find_error(&mut self, path: PathBuf, error: &LedgerError) {
        match error {
            LedgerError::Damaged { path, offset, what } => {
                self.find_in(path.clone(), Some(*offset), *what);
            }
            other => {
                let source = std::error::Error::source(other).map_or_else(String::new, |s| format!(": {s}"));
                self.find_in(path, None, format!("{other}{source}"));
            }
        }
    }

    pub(crate) fn advance(&mut self, bytes: u64) {
        self.out.stored_bytes += bytes;
        let (done, total) = (self.out.stored_bytes, self.total.max(self.out.stored_bytes));
        (self.progress)(Progress { done, total });
    }
}

/// Verifies a ledger. It may be open for writing by another process.
///
/// # Errors
/// Only what prevents verification: no ledger, a newer format. Everything else is a finding.
pub fn verify(
    disk: Arc<dyn Disk>,
    places: &Places,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verification, LedgerError> {
    verify_parts(disk, places, options, true, progress)
}

/// As [`verify`], taking for granted that every segment is the one that its leaf names.
pub(crate) fn verify_without_segments(
    disk: Arc<dyn Disk>,
    places: &Places,
    options: &VerifyOptions,
) -> Result<Verification, LedgerError> {
    verify_parts(disk, places, options, false, &mut |_| {})
}

fn verify_parts(
    disk: Arc<dyn Disk>,
    places: &Places,
    options: &VerifyOptions,
    segments: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verification, LedgerError> {
    let identity = load_identity(&*disk, places)?;
    let mut out = Verification {
        identity: identity.clone(),
        size: 0,
        root: Hash::empty_root(),
        findings: Vec::new(),
        unlisted_findings: 0,
        remarks: Vec::new(),
        anchors: Vec::new(),
        blocks: 0,
        records: 0,
        bytes: 0,
        erased_blocks: 0,
        unopened_blocks: 0,
        stored_bytes: 0,
    };
    let published = match Published::open(disk.clone(), &places.log(), &identity.origin) {
        Ok(published) => published,
        Err(error) => {
            let finding = Finding {
                path: Some(places.checkpoint()),
                offset: None,
                leaf: None,
                concerns: None,
                what: format!("there is no readable checkpoint, so nothing else can be checked: {error}"),
            };
            out.findings.push(finding);
            return Ok(out);
        }
    };
    (out.size, out.root) = (published.size(), published.checkpoint.root);
    let total = files::stored_bytes(&*disk, places);
    let mut context =
        Context { disk, places, identity, options, published, ring: None, out, segments, progress, total };
    let files = files::prescan(&mut context);
    let log = log::check(&mut context, &files);
    check_signature(&mut context, &log);
    check_anchors(&mut context, &log);
    keys::check(&mut context, &log);
    files::check_replayed(&mut context, &log, &files);
    storage::check(&mut context, &log, &files);
    stray::check(&mut context, &log);
    files::check_checkpoint_is_newest(&mut context, &files);
    Ok(context.out)
}

fn check_signature(context: &mut Context<'_>, log: &log::Log) {
    let path = context.places.checkpoint();
    if let Some(expected) = &context.options.signer
        && *expected != context.identity.signer
    {
        let what = format!("the ledger was begun by {}, not by {expected}", context.identity.signer);
        context.find_in(context.places.format(), None, what);
    }
    let bytes = context.published.note.to_string().into_bytes();
    let opened =
        VerifiedCheckpoint::open(&bytes, &context.identity.origin, std::slice::from_ref(&log.signer), &[]);
    if let Err(error) = opened {
        context.find_in(path, None, format!("its signature does not hold: {error}"));
    }
}

fn check_anchors(context: &mut Context<'_>, log: &log::Log) {
    for anchor in context.options.anchors.clone() {
        let size = anchor.checkpoint.size;
        let mut wrong = None;
        if anchor.checkpoint.origin != context.identity.origin {
            wrong = Some(format!("anchor {} is of another ledger", anchor.name));
        } else if size > context.published.size() {
            wrong = Some(format!(
                "rolled back: anchor {} has seen {size} leaves, the ledger has {}; what came after {} is missing",
                anchor.name,
                context.published.size(),
                date(log.newest_ns),
            ));
        } else if log.roots.get(&size).copied().flatten() != Some(anchor.checkpoint.root) {
            wrong =
                Some(format!("the first {size} leaves are not those that anchor {} has seen", anchor.name));
        }
        let holds = wrong.is_none();
        context.out.anchors.push(AnchorResult { name: anchor.name, size, holds });
        if let Some(what) = wrong {
            context.find(Finding { path: None, offset: None, leaf: None, concerns: None, what });
        }
    }
}

/// A time in nanoseconds, for people.
pub(crate) fn date(ns: u64) -> String {
    match i64::try_from(ns) {
        Ok(ns) if ns > 0 => hinomi_model::Timestamp::from_nanos(ns).to_string(),
        _ => "the beginning".to_owned(),
    }
}

/// Runs `work` on all `items`, in a few threads, and gives the results in their order.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut results: BTreeMap<usize, R> = BTreeMap::new();
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(run)).collect();
        results.extend(run());
        for other in others {
            match other.join() {
                Ok(done) => results.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results.into_values().collect()
}

//! Reading records back, from segments and from the write-ahead log.
//!
//! A reader is a view of the ledger at the moment of its opening, as of the published checkpoint. It needs no lock and
//! may run beside the writer; when the writer packs a file that the reader has not read yet, the reader finds the segment.
//!
//! # Invariants
//! No record is returned that is not committed: the whole block is hashed and compared with its leaf, and the leaf is
//! proven to be in the tree of the checkpoint.

mod refresh;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hinomi_model::Disk;

use crate::LedgerError;
use crate::checkpoint::VerifiedCheckpoint;
use crate::cursor::Cursor;
use crate::data_key::{DataKey, SALT};
use crate::engine::{Identity, damaged_at, load_identity, successor};
use crate::files::numbered;
use crate::frame::{Frame, FrameKind};
use crate::keys::KeyRing;
use crate::leaf::{Block, BlockId, DataKeyId, Leaf, Scope};
use crate::leaves::Published;
use crate::note::VerifierKey;
use crate::options::Places;
use crate::records::Record;
use crate::scan::{Buffered, Scan, read_frame};
use crate::seal::{RecordsHeader, unpack};
use crate::segment::{SegmentFile, segment_path};
use crate::tlog::{Hash, root_of};
use crate::vault::KeyStore;
use crate::wal::{Place, wal_path};

/// Decoded frames kept, so that a frame with many blocks is not opened for each of them.
const CACHED_FRAMES: usize = 6;
const CACHED_SEGMENTS: usize = 16;

/// The records of a block, their hashes and their key.
type Verified = (Vec<Record>, Vec<Hash>, Arc<DataKey>);
type Decoded = Arc<(RecordsHeader, Vec<Record>)>;

/// A view of a ledger.
pub struct Reader {
    disk: Arc<dyn Disk>,
    places: Places,
    identity: Identity,
    published: Published,
    keys: Mutex<Option<Keys>>,
    /// Frames of blocks in write-ahead files.
    wal: BTreeMap<BlockId, Vec<Place>>,
    /// How far each write-ahead file was looked through.
    scanned: BTreeMap<u64, u64>,
    /// Number and end of the leaves of each segment, by its first leaf.
    segments: BTreeMap<u64, (u64, u64)>,
    cache: Mutex<Cache>,
    /// Leaves that change the signing key, once somebody asked.
    rotations: OnceLock<Vec<u64>>,
}

#[derive(Default)]
struct Cache {
    frames: VecDeque<((bool, Place), Decoded)>,
    segments: BTreeMap<u64, Arc<SegmentFile>>,
}

/// Where data keys come from.
enum Keys {
    /// The ledger's own ring.
    Ring(KeyRing),
    /// What is sealed to the vault that holds this copy.
    Vault(KeyStore),
}

impl Keys {
    fn data_key(&mut self, ledger: &[u8; 16], key: DataKeyId) -> Result<Option<Arc<DataKey>>, LedgerError> {
        match self {
            Self::Ring(ring) => ring.data_key(key),
            Self::Vault(store) => store.data_key(ledger, key),
        }
    }

    /// Scope and commitment of a key that is there.
    fn described(&self, key: DataKeyId) -> Result<Option<(Scope, [u8; 32])>, LedgerError> {
        Ok(match self {
            Self::Ring(ring) => ring.entry(key).map(|entry| (entry.scope.clone(), entry.commitment)),
            Self::Vault(store) => store.entry(key)?.map(|entry| (entry.scope, entry.commitment)),
        })
    }
}

/// The records of a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockRecords {
    /// The leaf that commits to them.
    pub leaf: u64,
    /// What the leaf says.
    pub block: Block,
    /// The records, in order.
    pub records: Vec<Record>,
}

/// A block whose frames its data key opened. Its records were not compared with the tree, which takes the hashes of all of them.
#[derive(Debug)]
pub struct OpenedBlock {
    /// What the leaf says.
    pub block: Block,
    /// Frames, the first record of each that is of this block, and how many are.
    parts: Vec<(Decoded, usize, usize)>,
}

impl OpenedBlock {
    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.parts.iter().flat_map(|(decoded, first, count)| decoded.1.iter().skip(*first).take(*count))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({})", self.places.evidence.display())
    }
}

impl Reader {
    /// Opens a view. `with_keys`: also the keys, without which no record can be read but everything else.
    ///
    /// # Errors
    /// [`LedgerError::Missing`], [`LedgerError::Newer`], [`LedgerError::Damaged`], [`LedgerError::Io`].
    pub fn open(disk: Arc<dyn Disk>, places: Places, with_keys: bool) -> Result<Self, LedgerError> {
        let identity = load_identity(&*disk, &places)?;
        let load = || KeyRing::load(&*disk, &places.keys, identity.ledger, false).map(Keys::Ring);
        let keys = with_keys.then(load).transpose()?;
        Self::with(disk, places, identity, keys)
    }

    /// Opens a view of the copy in the folder of a vault, with the keys that were sealed to that vault. Records whose key
    /// was not are missing their key.
    ///
    /// # Errors
    /// As [`Reader::open`]; [`LedgerError::Refused`] when others than its owner may read the vault's key.
    pub fn open_vault(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, LedgerError> {
        let places = Places { evidence: folder.join("evidence"), keys: folder.join("keys") };
        let identity = load_identity(&*disk, &places)?;
        let keys = KeyStore::of_vault(disk.clone(), folder)?;
        Self::with(disk, places, identity, Some(Keys::Vault(keys)))
    }

    fn with(
        disk: Arc<dyn Disk>,
        places: Places,
        identity: Identity,
        keys: Option<Keys>,
    ) -> Result<Self, LedgerError> {
        let published = Published::open(disk.clone(), &places.log(), &identity.origin)?;
        let mut reader = Self {
            disk,
            places,
            identity,
            published,
            keys: Mutex::new(keys),
            wal: BTreeMap::new(),
            scanned: BTreeMap::new(),
            segments: BTreeMap::new(),
            cache: Mutex::default(),
            rotations: OnceLock::new(),
        };
        reader.index()?;
        Ok(reader)
    }

    /// What the ledger is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Number of leaves that the published checkpoint covers.
    pub fn size(&self) -> u64 {
        self.published.size()
    }

    /// The published checkpoint, not verified.
    pub fn note(&self) -> &crate::note::Note {
        &self.published.note
    }

    pub(crate) fn published(&self) -> &Published {
        &self.published
    }

    /// A leaf, proven against the checkpoint.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when it is not in the tree.
    pub fn leaf(&self, leaf: u64) -> Result<Leaf, LedgerError> {
        self.published.leaf(leaf).map(|(leaf, _, _)| leaf)
    }

    /// The leaves that change the signing key. Looks at every leaf once, unless the first key signed the checkpoint
    /// alone.
    pub(crate) fn rotations(&self) -> Result<&[u64], LedgerError> {
        if let Some(known) = self.rotations.get() {
            return Ok(known);
        }
        let mut found = Vec::new();
        let by_first = self.published.note.verify(std::slice::from_ref(&self.identity.signer)).is_ok();
        // The checkpoint that first covers a rotation is signed by both keys.
        let signatures = self.published.note.signatures().iter();
        let of_log = signatures.filter(|s| s.name().as_str() == self.identity.origin.as_str()).count();
        if !by_first || of_log > 1 {
            for leaf in 0..self.size() {
                if let Leaf::Rotation(_) = Leaf::decode(&self.published.leaf_bytes(leaf)?)? {
                    found.push(leaf);
                }
            }
        }
        Ok(self.rotations.get_or_init(|| found))
    }

    /// The signer in force: the last that a rotation names, else the first.
    pub(crate) fn signer(&self) -> Result<VerifierKey, LedgerError> {
        let Some(last) = self.rotations()?.last() else { return Ok(self.identity.signer.clone()) };
        match Leaf::decode(&self.published.leaf_bytes(*last)?)? {
            Leaf::Rotation(rotation) => rotation.signer.parse(),
            _ => Err(LedgerError::NotAuthentic { what: "the published checkpoint" }),
        }
    }

    /// Every key that signed for this log: the first, and each that was endorsed by the one before.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when an endorsement does not hold, and what reading leaves meets.
    pub fn signers(&self) -> Result<Vec<VerifierKey>, LedgerError> {
        let mut signers = vec![self.identity.signer.clone()];
        for leaf in self.rotations()? {
            let before = signers.last().unwrap_or(&self.identity.signer);
            if let Leaf::Rotation(rotation) = self.leaf(*leaf)? {
                signers.push(successor(&rotation, &self.identity.ledger, *leaf, before)?);
            }
        }
        Ok(signers)
    }

    /// The signer in force, whose signature on the published checkpoint holds.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when nobody whom the log names signed it.
    pub fn checkpoint_signer(&self) -> Result<VerifierKey, LedgerError> {
        let signer = self.signer()?;
        let note = self.published.note.to_string();
        let keys = std::slice::from_ref(&signer);
        VerifiedCheckpoint::open(note.as_bytes(), &self.identity.origin, keys, &[])?;
        Ok(signer)
    }

    /// Root of the tree of the published checkpoint.
    pub fn root(&self) -> Hash {
        self.published.checkpoint.root
    }

    /// Whether the log only grew since it had `size` leaves and this root.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when it did not, and what reading tiles meets.
    pub fn continues(&self, size: u64, root: &Hash) -> Result<(), LedgerError> {
        if size > self.size() {
            return Err(LedgerError::NotAuthentic { what: "a log that is shorter than it was" });
        }
        self.published.consistency(size, root).map(|_| ())
    }

    /// What every leaf says that is a block, in order, not proven yet: [`Reader::block`] proves it.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] or [`LedgerError::Io`] when the leaves cannot be read.
    pub fn block_leaves(&self) -> impl Iterator<Item = Result<(u64, Block), LedgerError>> {
        (0..self.size()).filter_map(|leaf| {
            let decoded = self.published.leaf_bytes(leaf).and_then(|bytes| Leaf::decode(&bytes));
            match decoded {
                Ok(Leaf::Block(block)) => Some(Ok((leaf, block))),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            }
        })
    }

    /// The leaves that say that a key was destroyed, in order, not proven yet.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] or [`LedgerError::Io`] when the leaves cannot be read.
    pub fn tombstone_leaves(&self) -> impl Iterator<Item = Result<u64, LedgerError>> {
        (0..self.size()).filter_map(|leaf| {
            let decoded = self.published.leaf_bytes(leaf).and_then(|bytes| Leaf::decode(&bytes));
            match decoded {
                Ok(Leaf::Tombstone(_)) => Some(Ok(leaf)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            }
        })
    }

    fn index(&mut self) -> Result<(), LedgerError> {
        let folder = self.places.wal();
        for number in numbered(&*self.disk, &folder, ".wal")? {
            self.index_wal(&wal_path(&folder, number), number)?;
        }
        // Listed after the write-ahead files: what was packed meanwhile is found in one of the two.
        let folder = self.places.segments();
        for number in numbered(&*self.disk, &folder, ".seg")? {
            if self.segments.values().any(|(known, _)| *known == number) {
                continue;
            }
            let path = segment_path(&folder, number);
            let (opening, _) = SegmentFile::opening(&*self.disk, &path, number, &self.identity.ledger)?;
            self.segments.insert(opening.first_leaf, (number, opening.end_leaf));
        }
        Ok(())
    }

    fn index_wal(&mut self, path: &Path, number: u64) -> Result<(), LedgerError> {
        let source = match Buffered::open(&*self.disk, path) {
            // It was packed since its folder was listed.
            Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(());
            }
            other => other?,
        };
        let mut scan = Scan::from(source, number, self.scanned.get(&number).copied().unwrap_or(0));
        // What cannot be read is missed when its leaf is asked for; a writer may be in the middle of the last frame.
        while let Some((place, frame)) = scan.next_sound()? {
            if frame.prelude.kind == FrameKind::Records {
                let header = RecordsHeader::decode(frame.header()).map_err(damaged_at(path, place.offset))?;
                for part in header.parts {
                    self.wal.entry(part.block).or_default().push(place);
                }
            }
            self.scanned.insert(number, scan.at());
        }
        Ok(())
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segment(&self, number: u64) -> Result<Arc<SegmentFile>, LedgerError> {
        if let Some(known) = self.cache().segments.get(&number) {
            return Ok(known.clone());
        }
        let path = segment_path(&self.places.segments(), number);
        let file = Arc::new(SegmentFile::open(&*self.disk, &path, number, &self.identity.ledger)?);
        let mut cache = self.cache();
        if cache.segments.len() >= CACHED_SEGMENTS {
            cache.segments.pop_first();
        }
        cache.segments.insert(number, file.clone());
        Ok(file)
    }

    /// The frames of a block: whether in a segment, and where.
    fn places_of(&self, leaf: u64, block: &Block) -> Result<Vec<(bool, Place)>, LedgerError> {
        let in_segment = self.segments.range(..=leaf).next_back().filter(|(_, (_, end))| leaf < *end);
        if let Some((_, (number, _))) = in_segment {
            let segment = self.segment(*number)?;
            let frames = segment.leaves.get(&leaf).into_iter().flatten();
            let places = frames.filter_map(|(frame, _)| Some((true, segment.frames.get(*frame)?.place)));
            return Ok(places.collect());
        }
        let places = self.wal.get(&block.block).into_iter().flatten();
        Ok(places.map(|place| (false, *place)).collect())
    }

    fn path_of(&self, in_segment: bool, number: u64) -> std::path::PathBuf {
        if in_segment {
            segment_path(&self.places.segments(), number)
        } else {
            wal_path(&self.places.wal(), number)
        }
    }

    fn decoded(&self, at: (bool, Place), secret: &DataKey, key: DataKeyId) -> Result<Decoded, LedgerError> {
        if let Some((_, known)) = self.cache().frames.iter().find(|(place, _)| *place == at) {
            return Ok(known.clone());
        }
        let path = self.path_of(at.0, at.1.file);
        let frame: Frame = read_frame(&*self.disk, &path, at.1)?;
        let here = |error| damaged_at(&path, at.1.offset)(error);
        let header = RecordsHeader::decode(frame.header()).map_err(here)?;
        if header.key != key {
            return Err(here(LedgerError::NotAuthentic {
                what: "a frame under another key than its leaf names",
            }));
        }
        let records = unpack(secret, &header, &frame).map_err(here)?;
        let decoded = Arc::new((header, records));
        let mut cache = self.cache();
        if cache.frames.len() >= CACHED_FRAMES {
            cache.frames.pop_front();
        }
        cache.frames.push_back((at, decoded.clone()));
        Ok(decoded)
    }

    /// The data key with a number.
    ///
    /// # Errors
    /// [`LedgerError::Erased`] when a tombstone says where it went, [`LedgerError::Missing`] otherwise.
    fn data_key(&self, key: DataKeyId) -> Result<Arc<DataKey>, LedgerError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match keys.as_mut() {
            Some(keys) => keys.data_key(&self.identity.ledger, key)?,
            None => {
                return Err(LedgerError::Missing {
                    what: "key ring",
                    name: "opened without keys".to_owned(),
                });
            }
        };
        drop(keys);
        match found {
            Some(secret) => Ok(secret),
            None => match self.tombstone_of(key)? {
                Some(tombstone) => Err(LedgerError::Erased { tombstone }),
                None => Err(LedgerError::Missing { what: "data key", name: hex(&key.0) }),
            },
        }
    }

    fn tombstone_of(&self, key: DataKeyId) -> Result<Option<u64>, LedgerError> {
        for leaf in (0..self.size()).rev() {
            let bytes = self.published.leaf_bytes(leaf)?;
            if let Ok(Leaf::Tombstone(tombstone)) = Leaf::decode(&bytes)
                && tombstone.key == key
            {
                return Ok(Some(leaf));
            }
        }
        Ok(None)
    }

    /// The records of a leaf, verified; `None` if the leaf is not a block.
    ///
    /// # Errors
    /// [`LedgerError::Erased`], [`LedgerError::Damaged`] with the place, [`LedgerError::NotAuthentic`] when what is stored
    /// is not what the leaf commits to.
    pub fn block(&self, leaf: u64) -> Result<Option<BlockRecords>, LedgerError> {
        match self.published.leaf(leaf)? {
            (Leaf::Block(block), _, _) => {
                let (records, _, _) = self.verified(leaf, &block)?;
                Ok(Some(BlockRecords { leaf, block, records }))
            }
            _ => Ok(None),
        }
    }

    /// A leaf's block with its records as the data key gives them, for whoever shows a few of many; `None` if the leaf is not a
    /// block. Whoever has the key could have put other records there: what proves something takes [`Self::block`].
    ///
    /// # Errors
    /// As [`Self::block`], but that records which are not those of the tree are not noticed.
    pub fn opened(&self, leaf: u64) -> Result<Option<OpenedBlock>, LedgerError> {
        match self.published.leaf(leaf)? {
            (Leaf::Block(block), _, _) => {
                let secret = self.key_of(&block)?;
                let parts = self.parts(leaf, &block, &secret)?;
                Ok(Some(OpenedBlock { block, parts }))
            }
            _ => Ok(None),
        }
    }

    /// The data key of a block, as its leaf commits to it.
    fn key_of(&self, block: &Block) -> Result<Arc<DataKey>, LedgerError> {
        let secret = self.data_key(block.key)?;
        if *secret.commitment() != self.commitment_of(block)? {
            return Err(LedgerError::NotAuthentic { what: "the data key of a block" });
        }
        Ok(secret)
    }

    /// Frames with records of a block: which of them, and how many.
    fn parts(
        &self,
        leaf: u64,
        block: &Block,
        secret: &DataKey,
    ) -> Result<Vec<(Decoded, usize, usize)>, LedgerError> {
        let (mut parts, mut records) = (Vec::new(), 0);
        for at in self.places_of(leaf, block)? {
            let decoded = self.decoded(at, secret, block.key)?;
            let mut skip = 0;
            for part in &decoded.0.parts {
                let count = part.count as usize;
                if part.block == block.block && part.first as usize == records {
                    parts.push((decoded.clone(), skip, count));
                    records += count;
                }
                skip += count;
            }
        }
        if records != block.count as usize {
            return Err(LedgerError::Missing { what: "records of leaf", name: leaf.to_string() });
        }
        Ok(parts)
    }

    /// Records of a block, its hashes and its key.
    pub(crate) fn verified(&self, leaf: u64, block: &Block) -> Result<Verified, LedgerError> {
        let secret = self.key_of(block)?;
        let opened = OpenedBlock { block: block.clone(), parts: self.parts(leaf, block, &secret)? };
        let records: Vec<Record> = opened.records().cloned().collect();
        let hashes = secret.record_hashes(block.block, 0, &records);
        if root_of(hashes.iter().copied()).as_bytes() != &block.root {
            return Err(LedgerError::NotAuthentic { what: "the records of a block" });
        }
        Ok((records, hashes, secret))
    }

    /// The commitment that is kept with the key of a block, whose scope must be the block's.
    fn commitment_of(&self, block: &Block) -> Result<[u8; 32], LedgerError> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let described = keys.as_ref().map(|keys| keys.described(block.key)).transpose()?.flatten();
        let (scope, commitment) =
            described.ok_or_else(|| LedgerError::Missing { what: "data key", name: hex(&block.key.0) })?;
        if scope != block.scope {
            return Err(LedgerError::NotAuthentic { what: "the scope of a data key" });
        }
        Ok(commitment)
    }

    /// The blocks among leaves `from..to`, in order.
    pub fn blocks(&self, from: u64, to: u64) -> impl Iterator<Item = Result<BlockRecords, LedgerError>> {
        (from..to.min(self.size())).filter_map(|leaf| self.block(leaf).transpose())
    }

    pub(crate) fn salt(secret: &DataKey, block: BlockId, record: u32) -> [u8; SALT] {
        let salt = secret.salts(block, record, 1);
        salt.first_chunk().copied().unwrap_or_default()
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The leaves of a frame of leaves, with the index of the first.
pub(crate) fn leaves_of(frame: &Frame) -> Result<(u64, Vec<Vec<u8>>), LedgerError> {
    let mut header = Cursor::new(frame.header(), "frame of leaves");
    let first = header.u64()?;
    header.end()?;
    let mut body = Cursor::new(frame.body(), "frame of leaves");
    let mut leaves = Vec::new();
    while !body.is_at_end() {
        leaves.push(body.bytes16()?.to_vec());
    }
    Ok((first, leaves))
}

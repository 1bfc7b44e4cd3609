//! The file beside each Parquet file: digests of its pieces, and which block of rows holds which word.
//!
//! ```text
//! head:    "HnX2" | 0 1 | shift of the hashes' Rice code 1 | bits of the bucket number 1 | bits of a hash 1 | rows per block 4 | blocks 4 | pieces 4 | bytes of all buckets 4
//!          | SHA-256 of each piece of the Parquet file 32 …
//!          | per bucket: offset behind the head 4 | first 16 bytes of its SHA-256
//! bucket:  number of hashes | per hash: difference to the one before, Rice coded | number of its blocks | the blocks
//! blocks:  nothing if all; a bit for each block if an eighth or more hold the word; else the first and the differences, Rice coded
//! ```
//! Numbers are gamma coded. An entry is the upper bits of a word's hash; so many bits that a word that is nowhere is mistaken
//! for another with odds of about one in 256. The upper bits choose the bucket, so a look-up reads the head and one bucket per
//! word.
//!
//! # Invariants
//! - A word that is in a block is found there. A word that is not is reported with odds of less than one in a hundred per file.
//! - Every byte is compared with a digest before it is used: the head with the manifest, pieces and buckets with the head.
//!
//! # Trust
//! Lengths and numbers come from a file; none is allocated from before the head's digest was compared.

use std::collections::BTreeSet;

use hinomi_model::Digest;

use super::token::TokenHash;

/// Rows of a block.
pub const BLOCK_ROWS: u32 = 8192;
/// Bytes of a piece of a Parquet file.
pub const PIECE: u64 = 256 << 10;
/// Most bits of a hash that are kept, and how many more than needed to number the entries.
const HASH_BITS: u32 = 32;
const SPARE_BITS: u32 = 8;
/// Hashes of a bucket, on average.
const BUCKET_HASHES: usize = 512;
/// A bit per block takes less than differences when one block in so many holds a word.
const DENSE: u32 = 8;
const MAGIC: &[u8; 4] = b"HnX2";
const FIXED: usize = 24;
const BUCKET_ROW: usize = 20;

/// Gathers the words of the blocks of one file.
#[derive(Debug, Default)]
pub struct IndexBuilder {
    /// Upper bits of hashes, block after block.
    words: Vec<u32>,
    /// Where each block ends in them.
    ends: Vec<usize>,
}

impl IndexBuilder {
    /// Adds the words of the next block.
    pub fn block(&mut self, words: impl Iterator<Item = TokenHash>) {
        self.words.extend(words.map(|hash| (hash >> (64 - HASH_BITS)) as u32));
        self.ends.push(self.words.len());
    }

    /// Bytes held, roughly.
    pub fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>()
    }

    /// Upper bits of a hash before the number of a block, in order, each once.
    fn entries(&self) -> Vec<u64> {
        let mut entries = Vec::with_capacity(self.words.len());
        let mut from = 0;
        for (block, &end) in (0u64..).zip(&self.ends) {
            let words = self.words.get(from..end).unwrap_or_default();
            entries.extend(words.iter().map(|word| u64::from(*word) << 32 | block));
            from = end;
        }
        entries.sort_unstable();
        entries.dedup();
        entries
    }

    /// The sidecar, and how long its head is.
    pub fn finish(self, pieces: &[Digest]) -> (Vec<u8>, u32) {
        let mut entries = self.entries();
        let blocks = self.ends.len() as u32;
        drop(self);
        let words = by_hash(&entries).count();
        let hash_bits = (words.max(1).ilog2() + 1 + SPARE_BITS).min(HASH_BITS);
        let short = |e: &mut u64| *e = *e >> 32 >> (HASH_BITS - hash_bits) << 32 | *e & 0xffff_ffff;
        entries.iter_mut().for_each(short);
        // Words that have become one stand in the order of their longer hashes, not of their blocks.
        entries.sort_unstable();
        entries.dedup();
        let distinct = by_hash(&entries).count();
        let bucket_bits = (distinct / BUCKET_HASHES).max(1).ilog2().min(hash_bits);
        let buckets = 1usize << bucket_bits;
        let shift = rice_shift(1u64 << hash_bits, distinct as u64);
        let (mut bodies, mut rows) = (Vec::new(), Vec::new());
        let mut rest = entries.as_slice();
        for bucket in 0..buckets as u64 {
            let bits = hash_bits - bucket_bits;
            let end = rest.partition_point(|e| (e >> 32) >> bits <= bucket);
            let (own, after) = rest.split_at(end);
            rest = after;
            let start = bodies.len();
            write_bucket(own, bucket << bits, shift, blocks, &mut bodies);
            let digest = Digest::of(bodies.get(start..).unwrap_or_default());
            rows.extend_from_slice(&(start as u32).to_le_bytes());
            rows.extend_from_slice(digest.as_bytes().get(..16).unwrap_or_default());
        }
        let mut file = Vec::with_capacity(FIXED + pieces.len() * 32 + rows.len() + bodies.len());
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&[0, shift as u8, bucket_bits as u8, hash_bits as u8]);
        for number in [BLOCK_ROWS, blocks, pieces.len() as u32, bodies.len() as u32] {
            file.extend_from_slice(&number.to_le_bytes());
        }
        pieces.iter().for_each(|p| file.extend_from_slice(p.as_bytes()));
        file.extend_from_slice(&rows);
        let head = file.len() as u32;
        file.extend_from_slice(&bodies);
        (file, head)
    }
}

/// The entries of each hash.
fn by_hash(entries: &[u64]) -> impl Iterator<Item = &[u64]> {
    entries.chunk_by(|a, b| a >> 32 == b >> 32)
}

/// The shift for which Rice codes of the gaps between `count` numbers below `universe` are about shortest.
fn rice_shift(universe: u64, count: u64) -> u32 {
    let mean = (universe / count.max(1)).max(1);
    (mean.saturating_mul(69) / 100).max(1).ilog2().min(56)
}

fn write_bucket(entries: &[u64], base: u64, shift: u32, blocks: u32, out: &mut Vec<u8>) {
    let mut bits = BitWriter { out, held: 0, count: 0 };
    bits.gamma(by_hash(entries).count() as u64 + 1);
    let mut previous = base;
    for own in by_hash(entries) {
        let hash = own.first().map_or(0, |e| e >> 32);
        bits.rice(hash - previous, shift);
        previous = hash;
        write_blocks(own, blocks, &mut bits);
    }
    bits.finish();
}

fn write_blocks(entries: &[u64], blocks: u32, bits: &mut BitWriter<'_>) {
    let numbers = entries.iter().map(|e| *e as u32);
    let count = entries.len() as u32;
    bits.gamma(u64::from(count));
    if count == blocks {
        return;
    }
    let mut next = 0;
    if count.saturating_mul(DENSE) >= blocks {
        for number in numbers {
            for _ in next..number {
                bits.bits(0, 1);
            }
            bits.bits(1, 1);
            next = number + 1;
        }
        (next..blocks).for_each(|_| bits.bits(0, 1));
        return;
    }
    let shift = rice_shift(blocks.into(), count.into());
    for number in numbers {
        bits.rice(u64::from(number - next), shift);
        next = number + 1;
    }
}

/// The head of a sidecar whose digest was compared.
#[derive(Debug)]
pub struct Head {
    shift: u32,
    bucket_bits: u32,
    hash_bits: u32,
    blocks: u32,
    pieces: Vec<[u8; 32]>,
    buckets: Vec<(u32, [u8; 16])>,
    body: u32,
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl Head {
    /// Reads a head; `None` when it is not one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..4)? != MAGIC || number(bytes, 8)? != BLOCK_ROWS {
            return None;
        }
        let small = |at: usize| bytes.get(at).map(|&b| u32::from(b));
        let (shift, bucket_bits, hash_bits) = (small(5)?, small(6)?, small(7)?);
        if shift > 56 || bucket_bits > hash_bits || !(1..=HASH_BITS).contains(&hash_bits) {
            return None;
        }
        let pieces_end = FIXED.checked_add((number(bytes, 16)? as usize).checked_mul(32)?)?;
        let pieces =
            bytes.get(FIXED..pieces_end)?.chunks_exact(32).filter_map(|c| c.try_into().ok()).collect();
        let row = |c: &[u8]| Some((number(c, 0)?, c.get(4..20)?.try_into().ok()?));
        let buckets: Vec<_> = bytes.get(pieces_end..)?.chunks_exact(BUCKET_ROW).filter_map(row).collect();
        (buckets.len() == 1 << bucket_bits).then_some(())?;
        Some(Self {
            shift,
            bucket_bits,
            hash_bits,
            blocks: number(bytes, 12)?,
            pieces,
            buckets,
            body: number(bytes, 20)?,
        })
    }

    /// Number of blocks of rows.
    pub fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Digest of a piece of the Parquet file.
    pub fn piece(&self, number: usize) -> Option<&[u8; 32]> {
        self.pieces.get(number)
    }

    /// Where the bucket of a word stands behind the head: from, to.
    pub fn bucket_of(&self, hash: TokenHash) -> (usize, u32, u32) {
        let bucket = ((hash >> (64 - self.hash_bits)) >> (self.hash_bits - self.bucket_bits)) as usize;
        let from = self.buckets.get(bucket).map_or(self.body, |b| b.0);
        let to = self.buckets.get(bucket + 1).map_or(self.body, |b| b.0);
        (bucket, from, to.max(from))
    }

    /// Whether the bytes are those of a bucket.
    pub fn is_bucket(&self, bucket: usize, bytes: &[u8]) -> bool {
        let digest = Digest::of(bytes);
        self.buckets.get(bucket).is_some_and(|(_, own)| digest.as_bytes().get(..16) == Some(own.as_slice()))
    }

    /// The blocks that hold a word, from the bytes of its bucket.
    pub fn blocks_with(&self, hash: TokenHash, bucket: usize, bytes: &[u8]) -> BTreeSet<u32> {
        self.look_up(hash >> (64 - self.hash_bits), bucket, bytes).unwrap_or_default()
    }

    /// `None` where the hash is not, or the bytes end early.
    fn look_up(&self, wanted: u64, bucket: usize, bytes: &[u8]) -> Option<BTreeSet<u32>> {
        let mut bits = BitReader { bytes, at: 0 };
        let mut hash = (bucket as u64) << (self.hash_bits - self.bucket_bits);
        for _ in 1..bits.gamma()? {
            hash = hash.saturating_add(bits.rice(self.shift)?);
            if hash > wanted {
                return None;
            }
            let mut found = BTreeSet::new();
            self.read_blocks(&mut bits, |block| {
                if hash == wanted {
                    found.insert(block);
                }
            })?;
            if hash == wanted {
                return Some(found);
            }
        }
        None
    }

    fn read_blocks(&self, bits: &mut BitReader<'_>, mut found: impl FnMut(u32)) -> Option<()> {
        let count = u32::try_from(bits.gamma()?).ok()?;
        if count == self.blocks {
            (0..self.blocks).for_each(found);
        } else if count.saturating_mul(DENSE) >= self.blocks {
            for block in 0..self.blocks {
                if bits.bits(1)? == 1 {
                    found(block);
                }
            }
        } else {
            let shift = rice_shift(self.blocks.into(), count.into());
            let mut next = 0u64;
            for _ in 0..count {
                next = next.saturating_add(bits.rice(shift)?);
                found(u32::try_from(next).ok().filter(|block| *block < self.blocks)?);
                next += 1;
            }
        }
        Some(())
    }
}

/// Bits, least significant first.
struct BitWriter<'o> {
    out: &'o mut Vec<u8>,
    held: u64,
    count: u32,
}

impl BitWriter<'_> {
    fn bits(&mut self, value: u64, mut width: u32) {
        let mut value = value;
        while width > 0 {
            let take = width.min(8 - self.count % 8).min(8);
            self.held |= (value & ((1 << take) - 1)) << self.count;
            self.count += take;
            value >>= take;
            width -= take;
            if self.count == 8 {
                self.out.push(self.held as u8);
                self.held = 0;
                self.count = 0;
            }
        }
    }

    /// Elias gamma code of a number above zero.
    fn gamma(&mut self, value: u64) {
        let width = value.max(1).ilog2();
        self.bits(0, width);
        self.bits(1, 1);
        self.bits(value & ((1u64 << width) - 1), width);
    }

    fn rice(&mut self, value: u64, shift: u32) {
        let high = value >> shift;
        // A gap many times the mean would be a long run of zeros: its length is coded instead, behind 48 of them.
        if high < 48 {
            self.bits(0, high as u32);
            self.bits(1, 1);
        } else {
            self.bits(0, 48);
            self.bits(1, 1);
            self.gamma(high);
        }
        self.bits(value & ((1u64 << shift) - 1), shift);
    }

    fn finish(self) {
        if self.count > 0 {
            self.out.push(self.held as u8);
        }
    }
}

struct BitReader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl BitReader<'_> {
    /// The next bits, at least 57 of them as far as there are so many, and zeros behind the end.
    fn window(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let mut next = [0; 8];
        let held = rest.len().min(8);
        if let (Some(to), Some(from)) = (next.get_mut(..held), rest.get(..held)) {
            to.copy_from_slice(from);
        }
        u64::from_le_bytes(next) >> (self.at % 8)
    }

    fn skip(&mut self, bits: u32) -> Option<()> {
        self.at += bits as usize;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    fn bits(&mut self, width: u32) -> Option<u64> {
        if width > 32 {
            let low = self.bits(32)?;
            return Some(low | self.bits(width - 32)? << 32);
        }
        let value = self.window() & ((1u64 << width) - 1);
        self.skip(width)?;
        Some(value)
    }

    /// How many zeros stand before the next one.
    fn zeros(&mut self, most: u32) -> Option<u32> {
        let mut count = 0;
        loop {
            let zeros = self.window().trailing_zeros();
            if zeros < 57 {
                self.skip(zeros + 1)?;
                count += zeros;
                return (count <= most).then_some(count);
            }
            self.skip(57)?;
            count += 57;
        }
    }

    fn gamma(&mut self) -> Option<u64> {
        let width = self.zeros(63)?;
        Some(1u64 << width | self.bits(width)?)
    }

    fn rice(&mut self, shift: u32) -> Option<u64> {
        let high = match self.zeros(48)? {
            48 => self.gamma()?,
            high => u64::from(high),
        };
        high.checked_shl(shift).map(|h| h | self.bits(shift).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::token::scattered as word;

    fn look_up(file: &[u8], head: &Head, length: u32, hash: u64) -> BTreeSet<u32> {
        let (bucket, from, to) = head.bucket_of(hash);
        let bytes = &file[(length + from) as usize..(length + to) as usize];
        assert!(head.is_bucket(bucket, bytes));
        head.blocks_with(hash, bucket, bytes)
    }

    #[test]
    fn what_was_put_in_is_found_and_little_else() {
        let mut builder = IndexBuilder::default();
        for block in 0..100u64 {
            // One word everywhere, a thousand of each block alone.
            builder.block((0..1000).map(|n| word(block * 1000 + n)).chain([word(u64::MAX)]));
        }
        let pieces = [Digest::of(b"a"), Digest::of(b"b")];
        let (file, length) = builder.finish(&pieces);
        let head = Head::parse(&file[..length as usize]).unwrap();
        assert_eq!((head.blocks(), head.piece(1)), (100, Some(pieces[1].as_bytes())));
        for n in (0..100_000).step_by(77) {
            assert!(look_up(&file, &head, length, word(n)).contains(&((n / 1000) as u32)));
        }
        assert_eq!(look_up(&file, &head, length, word(u64::MAX)).len(), 100);
        let wrong: usize = (200_000..201_000).map(|n| look_up(&file, &head, length, word(n)).len()).sum();
        assert!(wrong < 15, "{wrong} of a thousand absent words were reported");
        assert!(file.len() < 100_000 * 5 / 2, "{} bytes", file.len());
    }

    #[test]
    fn words_of_few_of_many_and_of_all_blocks_are_found_there() {
        for blocks in [1, 7, 64, 129] {
            let stands = |n: u64, block: u64| match n % 4 {
                0 => true,
                1 => (block + n).is_multiple_of(3),
                2 => (block * 31 + n).is_multiple_of(23),
                _ => block == n % blocks,
            };
            let mut builder = IndexBuilder::default();
            for block in 0..blocks {
                builder.block((0..600).filter(|n| stands(*n, block)).map(word));
            }
            let (file, length) = builder.finish(&[]);
            let head = Head::parse(&file[..length as usize]).unwrap();
            let mut taken_for_another = 0;
            for n in 0..600 {
                let expected: BTreeSet<u32> =
                    (0..blocks).filter(|block| stands(n, *block)).map(|block| block as u32).collect();
                let found = look_up(&file, &head, length, word(n));
                assert!(found.is_superset(&expected), "{n} of {blocks} blocks: {found:?} {expected:?}");
                taken_for_another += usize::from(found != expected);
            }
            assert!(
                taken_for_another < 40,
                "{taken_for_another} of three thousand words stand elsewhere too"
            );
        }
    }

    #[test]
    fn damaged_buckets_end_and_name_no_block_that_is_not_there() {
        let mut builder = IndexBuilder::default();
        (0..40).for_each(|block| builder.block((0..200).map(|n| word(block % 9 * 50 + n))));
        let (file, length) = builder.finish(&[]);
        let head = Head::parse(&file[..length as usize]).unwrap();
        for seed in 0..2000 {
            let garbage: Vec<u8> = (0..seed % 97).flat_map(|n| word(seed * 100 + n).to_le_bytes()).collect();
            let (bucket, ..) = head.bucket_of(word(seed));
            assert!(head.blocks_with(word(seed), bucket, &garbage).iter().all(|block| *block < 40));
        }
    }

    #[test]
    fn an_empty_index_and_an_altered_bucket() {
        let (file, length) = IndexBuilder::default().finish(&[]);
        let head = Head::parse(&file).unwrap();
        assert_eq!(look_up(&file, &head, length, word(1)).len(), 0);
        let mut builder = IndexBuilder::default();
        builder.block((0..9).map(word));
        let (mut file, length) = builder.finish(&[]);
        let head = Head::parse(&file[..length as usize]).unwrap();
        let (bucket, from, to) = head.bucket_of(word(3));
        file[(length + from) as usize] ^= 1;
        assert!(!head.is_bucket(bucket, &file[(length + from) as usize..(length + to) as usize]));
        assert!(Head::parse(&file[..length as usize - 1]).is_none());
    }
}

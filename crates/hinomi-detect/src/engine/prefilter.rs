//! Whether raw bytes can hold any keyword at all.
//!
//! Keyword rules search every value of an event, which would force every field to be kept. Instead the bytes of
//! an event (or of the chunk around it) are sampled for fragments of the keywords, in UTF-8 and UTF-16LE, before anything is decoded for them;
//! only what may match is decoded in full.
//!
//! # Invariants
//! No false negative: bytes that [`KeywordPrefilter::may_match`] rejects hold no event that one of its rules
//! matches, whether its values stand in the bytes as UTF-8, as UTF-16LE, or JSON-escaped. (Two characters outside
//! ASCII fold into it, the Kelvin sign and the long s; keywords written with them are not looked for.)

use std::sync::{LazyLock, OnceLock};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use memchr::memmem;

use super::commonness::gram_commonness;
use super::fold::fold;
use crate::sigma::{Search, Test, Token};

/// How values stand in raw bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RawEncoding {
    /// As UTF-8, perhaps with JSON's escapes.
    Utf8,
    /// As UTF-16LE, unescaped; what is not text may stand there in binary.
    Utf16,
    /// As [`RawEncoding::Utf16`], or in one byte per character.
    Mixed,
}

/// Sampler of raw bytes for fragments of all keywords.
#[derive(Debug, Default)]
pub struct KeywordPrefilter {
    utf8: Fragments,
    mixed: Fragments,
    // Samplers are made when the first bytes of their kind come: most logs are of one kind.
    /// Of `utf8`, one byte per character.
    text: OnceLock<Sampler>,
    /// Of `mixed`, one byte per character.
    narrow: OnceLock<Sampler>,
    /// Of `mixed`, two bytes per character.
    wide: OnceLock<Sampler>,
}

/// Fragments of which one stands in the bytes of any event that a rule matches.
#[derive(Debug, Default)]
struct Fragments {
    any: Vec<Vec<u8>>,
    /// Some rule has no usable fragment: everything may match.
    always: bool,
}

/// Shorter fragments are not worth sampling for.
const SHORTEST: usize = 3;

impl KeywordPrefilter {
    /// Adds the keywords of one rule, and what it looks for in `bulky` fields. A rule that could match without any keyword
    /// makes everything a candidate. All rules are added before anything is looked at.
    pub(crate) fn add_condition(&mut self, condition: &Search, bulky: &[String]) {
        self.utf8.add(necessary_fragments(condition, bulky, RawEncoding::Utf8));
        self.mixed.add(necessary_fragments(condition, bulky, RawEncoding::Mixed));
    }

    /// Whether a keyword rule can match an event in `bytes`, whose values stand there as `encoding` says.
    pub fn may_match(&self, bytes: &[u8], encoding: RawEncoding) -> bool {
        match encoding {
            // An escaped ASCII letter could hide a fragment from the sampler; loggers do not write them.
            RawEncoding::Utf8 => self.utf8.always || self.text().any(bytes) || hides_letters(bytes),
            RawEncoding::Utf16 => self.mixed.always || self.wide().any(bytes),
            RawEncoding::Mixed => self.mixed.always || self.wide().any(bytes) || self.narrow().any(bytes),
        }
    }

    fn text(&self) -> &Sampler {
        self.text.get_or_init(|| Sampler::new(self.utf8.any.clone()))
    }

    fn narrow(&self) -> &Sampler {
        self.narrow.get_or_init(|| Sampler::new(self.mixed.any.clone()))
    }

    fn wide(&self) -> &Sampler {
        let doubled = |fragment: &Vec<u8>| fragment.iter().flat_map(|&byte| [byte, 0]).collect();
        self.wide.get_or_init(|| Sampler::new(self.mixed.any.iter().map(doubled).collect()))
    }
}

impl Fragments {
    fn add(&mut self, fragments: Option<Vec<Vec<u8>>>) {
        match fragments {
            Some(mut fragments) => self.any.append(&mut fragments),
            None => self.always = true,
        }
    }
}

/// Whether a JSON escape stands for a letter or digit.
fn hides_letters(bytes: &[u8]) -> bool {
    static ESCAPE: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\\u00"));
    ESCAPE.find_iter(bytes).any(|at| {
        let digits = bytes.get(at + 4..at + 6).and_then(|d| std::str::from_utf8(d).ok());
        let code = digits.and_then(|d| u8::from_str_radix(d, 16).ok());
        code.is_some_and(|c| c.is_ascii_alphanumeric() || c == b' ')
    })
}

/// Fragments of which one must stand in the bytes for `search` to hold; `None` when there is no such list.
fn necessary_fragments(search: &Search, bulky: &[String], encoding: RawEncoding) -> Option<Vec<Vec<u8>>> {
    match search {
        Search::Field(name, Test::Match(patterns)) if bulky.contains(name) => {
            patterns.any.iter().map(|p| longest_plain_run(&p.0, encoding)).collect()
        }
        Search::Keyword(patterns) => patterns.any.iter().map(|p| longest_plain_run(&p.0, encoding)).collect(),
        Search::All(parts) => {
            let lists = parts.iter().filter_map(|p| necessary_fragments(p, bulky, encoding));
            lists.max_by_key(|list| list.iter().map(Vec::len).min().unwrap_or(usize::MAX))
        }
        Search::Any(parts) => {
            let lists: Option<Vec<_>> =
                parts.iter().map(|p| necessary_fragments(p, bulky, encoding)).collect();
            lists.map(|l| l.into_iter().flatten().collect())
        }
        Search::Not(_) | Search::Field(..) | Search::KeywordRegex(_) => None,
    }
}

/// The longest run of characters that stand in the bytes as they are. In text any format may escape quotes,
/// slashes and the like. In binary records nothing is escaped, but what looks like a number, time, address,
/// identifier or truth value may stand there as such.
fn longest_plain_run(tokens: &[Token], encoding: RawEncoding) -> Option<Vec<u8>> {
    let plain = |b: &u8| match encoding {
        RawEncoding::Utf8 => b.is_ascii_alphanumeric() || b" -_.:,;()[]{}!@#$%^*=|~".contains(b),
        RawEncoding::Utf16 | RawEncoding::Mixed => b.is_ascii_graphic() || *b == b' ',
    };
    let rendered = |run: &[u8]| {
        run.iter().all(|b| b.is_ascii_hexdigit() || b" xstz{}-+.,:".contains(b))
            || memmem::find(b"true", run).is_some()
            || memmem::find(b"false", run).is_some()
    };
    let literals = tokens.iter().filter_map(|t| match t {
        Token::Literal(text) => Some(fold(text)),
        _ => None,
    });
    let runs = literals.flat_map(|l| l.split(|b| !plain(b)).map(<[u8]>::to_vec).collect::<Vec<_>>());
    let usable = |run: &Vec<u8>| run.len() >= SHORTEST && (encoding == RawEncoding::Utf8 || !rendered(run));
    runs.filter(usable).max_by_key(Vec::len)
}

/// Looks at every `stride`-th position only: any fragment is long enough to cover one sampled gram whole.
#[derive(Debug, Default)]
struct Sampler {
    /// One of [`STRIDES`].
    stride: usize,
    /// The bytes of a number that are the gram's, at most eight.
    mask: u64,
    /// Hashes of grams; none without fragments.
    bits: Option<Box<Bits>>,
    /// Folded gram → fragments that hold it, and where.
    places: HashMap<u64, Vec<(u32, u32)>, RandomState>,
    fragments: Vec<Vec<u8>>,
}

type Bits = [u64; 1 << (BITS_LOG2 - 6)];

const BITS_LOG2: u32 = 16;

/// Strides for which there is a loop of its own.
const STRIDES: [usize; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 11, 16];

/// Bytes looked at between two questions whether anything was hit.
const BLOCK: usize = 64 + 8;

impl Sampler {
    /// `fragments` are in lower case.
    fn new(mut fragments: Vec<Vec<u8>>) -> Self {
        fragments.sort();
        fragments.dedup();
        let shortest = fragments.iter().map(Vec::len).min().unwrap_or_default();
        // Longer grams hit less by chance, shorter ones allow a longer stride.
        let gram = (shortest / 2).clamp(4, 8).min(shortest);
        let strides = STRIDES.into_iter().filter(|stride| gram + stride <= shortest + 1);
        let mut sampler = Self {
            stride: strides.max().unwrap_or(1),
            mask: u64::MAX.checked_shr(64 - 8 * gram as u32).unwrap_or(0),
            bits: None,
            places: HashMap::default(),
            fragments,
        };
        let mut bits: Box<Bits> = Box::new([0; 1 << (BITS_LOG2 - 6)]);
        for (number, fragment) in (0u32..).zip(&sampler.fragments) {
            let first = rarest_window(fragment, gram, sampler.stride);
            let wanted = (0u32..).zip(fragment.windows(gram.max(1))).skip(first).take(sampler.stride);
            for (at, window) in wanted {
                let eight = window.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
                let folded = (eight | FOLD) & sampler.mask;
                let bit = hash(folded);
                if let Some(word) = bits.get_mut(bit / 64) {
                    *word |= 1 << (bit % 64);
                }
                sampler.places.entry(folded).or_default().push((number, at));
            }
        }
        sampler.bits = Some(bits).filter(|_| !sampler.fragments.is_empty());
        sampler
    }

    fn any(&self, bytes: &[u8]) -> bool {
        let Some(bits) = self.bits.as_deref() else { return false };
        // With the stride as a constant the positions of a block are laid out one after the other.
        match self.stride {
            2 => self.scan::<2>(bits, bytes),
            3 => self.scan::<3>(bits, bytes),
            4 => self.scan::<4>(bits, bytes),
            5 => self.scan::<5>(bits, bytes),
            6 => self.scan::<6>(bits, bytes),
            7 => self.scan::<7>(bits, bytes),
            8 => self.scan::<8>(bits, bytes),
            11 => self.scan::<11>(bits, bytes),
            16 => self.scan::<16>(bits, bytes),
            _ => self.scan::<1>(bits, bytes),
        }
    }

    fn scan<const STRIDE: usize>(&self, bits: &Bits, bytes: &[u8]) -> bool {
        let mut at = 0;
        while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            let mut hits = 0;
            let mut inside = 0;
            while let Some(eight) = block.get(inside..inside + 8).and_then(<[u8]>::first_chunk) {
                hits |= probe(bits, (u64::from_le_bytes(*eight) | FOLD) & self.mask);
                inside += STRIDE;
            }
            if hits & 1 == 1 && self.look::<STRIDE>(bits, bytes, (at, at + inside)) {
                return true;
            }
            at += inside;
        }
        self.look::<STRIDE>(bits, bytes, (at, bytes.len()))
    }

    /// Whether a fragment stands around a position between two offsets, of which the first is one.
    fn look<const STRIDE: usize>(&self, bits: &Bits, bytes: &[u8], (from, to): (usize, usize)) -> bool {
        (from..to).step_by(STRIDE).any(|at| {
            let rest = bytes.get(at..).unwrap_or_default();
            let eight = rest.first_chunk().copied().unwrap_or_else(|| {
                let mut last = [0; 8];
                last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                last
            });
            let folded = (u64::from_le_bytes(eight) | FOLD) & self.mask;
            probe(bits, folded) & 1 == 1 && self.stands(bytes, at, folded)
        })
    }

    /// Whether a fragment that holds the gram stands around `at`.
    #[cold]
    fn stands(&self, bytes: &[u8], at: usize, folded: u64) -> bool {
        self.places.get(&folded).into_iter().flatten().any(|&(number, offset)| {
            let Some(fragment) = self.fragments.get(number as usize) else { return false };
            let start = at.checked_sub(offset as usize);
            let text = start.and_then(|start| bytes.get(start..start + fragment.len()));
            text.is_some_and(|text| text.eq_ignore_ascii_case(fragment))
        })
    }
}

/// Where the `length` neighbours among the grams of a fragment begin that ordinary text holds least: of a longer
/// fragment any run of as many positions as the stride is enough. Letters are more common than other characters, and
/// some runs of letters more common than others.
fn rarest_window(fragment: &[u8], gram: usize, length: usize) -> usize {
    let runs: Vec<u32> = fragment.windows(4).map(gram_commonness).collect();
    let inside = gram.saturating_sub(3);
    let cost = |(at, gram): (usize, &[u8])| {
        let letters = gram.iter().filter(|b| b.is_ascii_alphabetic()).count() as u32;
        let rarest = runs.get(at..at + inside).and_then(|runs| runs.iter().min());
        letters + rarest.copied().unwrap_or_default()
    };
    let costs: Vec<u32> = fragment.windows(gram.max(1)).enumerate().map(cost).collect();
    let windows = costs.windows(length.max(1)).enumerate();
    let rarest = windows.min_by_key(|(_, window)| window.iter().sum::<u32>());
    rarest.map_or(0, |(at, _)| at)
}

/// Sets bit 5 of every byte, which folds ASCII letters and merges a few other characters harmlessly.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// The lowest bit says whether the gram may be one of a fragment.
#[inline]
fn probe(bits: &Bits, folded: u64) -> u64 {
    let bit = hash(folded);
    bits.get(bit / 64).map_or(0, |word| word >> (bit % 64))
}

#[inline]
fn hash(folded: u64) -> usize {
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - BITS_LOG2)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigma::{Pattern, Patterns};

    fn prefilter(keywords: &[&str]) -> KeywordPrefilter {
        let any = keywords.iter().map(|k| Pattern(vec![Token::Literal((*k).to_owned())])).collect();
        let mut filter = KeywordPrefilter::default();
        filter.add_condition(&Search::Keyword(Patterns { any, cased: false }), &[]);
        filter
    }

    #[test]
    fn finds_keywords_at_every_offset_in_both_encodings() {
        let filter = prefilter(&["token::dump", "secret word"]);
        for shift in 0..40 {
            let narrow = [vec![b'.'; shift], b"xxSECRET Wordyy".to_vec()].concat();
            assert!(filter.may_match(&narrow, RawEncoding::Mixed), "{shift}");
            assert!(filter.may_match(&narrow, RawEncoding::Utf8), "{shift}");
            let wide: Vec<u8> = "Token::DUMP".bytes().flat_map(|b| [b, 0]).collect();
            let wide = [vec![7; shift], wide].concat();
            assert!(filter.may_match(&wide, RawEncoding::Mixed), "{shift}");
            assert!(filter.may_match(&wide, RawEncoding::Utf16), "{shift}");
            assert!(!filter.may_match(&narrow, RawEncoding::Utf16));
            let other = [vec![b'.'; shift], b"secret  word token:dump".to_vec()].concat();
            assert!(!filter.may_match(&other, RawEncoding::Mixed));
        }
    }

    #[test]
    fn a_keyword_of_any_length_is_found_at_every_offset() {
        for length in SHORTEST..40 {
            let keyword: String = ('a'..='z').chain('0'..='9').cycle().take(length).collect();
            let filter = prefilter(&[&keyword]);
            for (before, after) in
                (0..2 * BLOCK + 20).flat_map(|before| [(before, 0), (before, 1), (before, 90)])
            {
                let text = [".".repeat(before), keyword.clone(), ".".repeat(after)].concat();
                assert!(filter.may_match(text.as_bytes(), RawEncoding::Utf8), "{length} {before} {after}");
                let other = text.replace(&keyword, keyword.get(1..).unwrap());
                assert!(!filter.may_match(other.as_bytes(), RawEncoding::Utf8), "{length} {before} {after}");
            }
        }
    }

    #[test]
    fn short_or_negated_keywords_disable_it() {
        assert!(prefilter(&["rm"]).may_match(b"", RawEncoding::Utf8));
        // In a binary record these may be a number, a time, an identifier or a truth value.
        for rendered in ["0x1f4", "2021-03-01T", "S-1-5-18", "{0197cd1f-", "true"] {
            assert!(prefilter(&[rendered]).may_match(b"", RawEncoding::Mixed), "{rendered}");
        }
        let mut filter = KeywordPrefilter::default();
        filter.add_condition(&Search::Not(Box::new(Search::All(vec![]))), &[]);
        assert!(filter.may_match(b"", RawEncoding::Utf8));
    }

    #[test]
    fn slashes_count_only_where_nothing_is_escaped() {
        let filter = prefilter(&["ATK/"]);
        assert!(filter.may_match(b"..atk/..", RawEncoding::Mixed));
        assert!(!filter.may_match(b"..atk-..", RawEncoding::Mixed));
        assert!(filter.may_match(br"..atk\/..", RawEncoding::Utf8));
        assert!(!filter.may_match(b"..at/..", RawEncoding::Utf8));
    }

    #[test]
    fn escaped_letters_are_not_missed() {
        assert!(prefilter(&["secret word"]).may_match(br#"{"a":"secre\u0074 word"}"#, RawEncoding::Utf8));
        assert!(!prefilter(&["secret word"]).may_match(br#"{"a":"it\u0027s"}"#, RawEncoding::Utf8));
    }
}

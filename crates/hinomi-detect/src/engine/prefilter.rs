//! Whether raw bytes can hold any keyword at all.
//!
//! Keyword rules search every value of an event, which would force every field to be kept. Instead the bytes of
//! an event (or of the chunk around it) are sampled for fragments of the keywords, in UTF-8 and UTF-16LE, before anything is decoded for them;
//! only what may match is decoded in full.
//!
//! # Invariants
//! No false negative: bytes that [`KeywordPrefilter::may_match`] rejects hold no event that one of its rules
//! matches, whether its values stand in the bytes as UTF-8, as UTF-16LE, or JSON-escaped.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use memchr::memmem;

use super::fold::fold;
use crate::sigma::{Search, Test, Token};

/// How values stand in raw bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RawEncoding {
    /// As UTF-8, perhaps with JSON's escapes.
    Utf8,
    /// As UTF-16LE or in one byte per character, unescaped.
    Mixed,
}

/// Sampler of raw bytes for fragments of all keywords.
#[derive(Debug, Default)]
pub struct KeywordPrefilter {
    fragments: Vec<Vec<u8>>,
    /// Some keyword has no usable fragment: everything may match.
    always: bool,
    narrow: Sampler,
    wide: Sampler,
}

/// Shorter fragments are not worth sampling for.
const SHORTEST: usize = 5;

impl KeywordPrefilter {
    /// Adds the keywords of one rule, and what it looks for in `bulky` fields. A rule that could match without any keyword makes everything a candidate.
    pub(crate) fn add_condition(&mut self, condition: &Search, bulky: &[String]) {
        match necessary_fragments(condition, bulky) {
            Some(mut fragments) => self.fragments.append(&mut fragments),
            None => self.always = true,
        }
    }

    /// Prepares the sampling tables; called once after everything was added.
    pub(crate) fn build(&mut self) {
        self.fragments.sort();
        self.fragments.dedup();
        let wide = self.fragments.iter().map(|f| f.iter().flat_map(|&b| [b, 0]).collect()).collect();
        self.wide = Sampler::new(wide, 8);
        self.narrow = Sampler::new(self.fragments.clone(), 4);
    }

    /// Whether a keyword rule can match an event in `bytes`, whose values stand there as `encoding` says.
    pub fn may_match(&self, bytes: &[u8], encoding: RawEncoding) -> bool {
        if self.always {
            return true;
        }
        if self.fragments.is_empty() {
            return false;
        }
        // An escaped ASCII letter could hide a fragment from the sampler; loggers do not write them.
        match encoding {
            RawEncoding::Utf8 => hides_letters(bytes) || self.narrow.any(bytes),
            RawEncoding::Mixed => self.narrow.any(bytes) || self.wide.any(bytes),
        }
    }
}

/// Whether a JSON escape stands for a letter or digit.
fn hides_letters(bytes: &[u8]) -> bool {
    memmem::find_iter(bytes, b"\\u00").any(|at| {
        let digits = bytes.get(at + 4..at + 6).and_then(|d| std::str::from_utf8(d).ok());
        let code = digits.and_then(|d| u8::from_str_radix(d, 16).ok());
        code.is_some_and(|c| c.is_ascii_alphanumeric() || c == b' ')
    })
}

/// Fragments of which one must stand in the bytes for `search` to hold; `None` when there is no such list.
fn necessary_fragments(search: &Search, bulky: &[String]) -> Option<Vec<Vec<u8>>> {
    match search {
        Search::Field(name, Test::Match(patterns)) if bulky.contains(name) => {
            patterns.any.iter().map(|p| longest_plain_run(&p.0)).collect()
        }
        Search::Keyword(patterns) => patterns.any.iter().map(|p| longest_plain_run(&p.0)).collect(),
        Search::All(parts) => {
            let lists = parts.iter().filter_map(|p| necessary_fragments(p, bulky));
            lists.max_by_key(|list| list.iter().map(Vec::len).min().unwrap_or(usize::MAX))
        }
        Search::Any(parts) => {
            let lists: Option<Vec<_>> = parts.iter().map(|p| necessary_fragments(p, bulky)).collect();
            lists.map(|l| l.into_iter().flatten().collect())
        }
        Search::Not(_) | Search::Field(..) | Search::KeywordRegex(_) => None,
    }
}

/// The longest run of characters that no format escapes: ASCII letters, digits and harmless punctuation.
fn longest_plain_run(tokens: &[Token]) -> Option<Vec<u8>> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b" -_.:,;()[]{}!@#$%^*=|~".contains(b);
    let literals = tokens.iter().filter_map(|t| match t {
        Token::Literal(text) => Some(fold(text)),
        _ => None,
    });
    let runs = literals.flat_map(|l| l.split(|b| !plain(b)).map(<[u8]>::to_vec).collect::<Vec<_>>());
    runs.max_by_key(Vec::len).filter(|run| run.len() >= SHORTEST)
}

/// Looks at every `stride`-th position only: any fragment is long enough to cover one sampled gram whole.
#[derive(Debug, Default)]
struct Sampler {
    gram: usize,
    stride: usize,
    bits: Vec<u64>,
    /// Folded gram → fragments that hold it, and where.
    places: HashMap<u64, Vec<(u32, u32)>, RandomState>,
    fragments: Vec<Vec<u8>>,
}

const BITS_LOG2: u32 = 16;

impl Sampler {
    /// `fragments` are in lower case and at least `gram` bytes long; `gram` is 4 or 8.
    fn new(fragments: Vec<Vec<u8>>, gram: usize) -> Self {
        let shortest = fragments.iter().map(Vec::len).min().unwrap_or(gram);
        let mut sampler = Self {
            gram,
            stride: shortest.saturating_sub(gram) + 1,
            bits: vec![0; 1 << (BITS_LOG2 - 6)],
            places: HashMap::default(),
            fragments,
        };
        for (number, fragment) in (0u32..).zip(&sampler.fragments) {
            for (at, window) in (0u32..).zip(fragment.windows(gram)) {
                let folded = fold_gram(window);
                let bit = hash(folded);
                if let Some(word) = sampler.bits.get_mut(bit / 64) {
                    *word |= 1 << (bit % 64);
                }
                sampler.places.entry(folded).or_default().push((number, at));
            }
        }
        sampler
    }

    fn any(&self, bytes: &[u8]) -> bool {
        if self.gram == 4 { self.sample::<4>(bytes) } else { self.sample::<8>(bytes) }
    }

    fn sample<const GRAM: usize>(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while let Some(window) = rest.first_chunk::<GRAM>() {
            let folded = fold_gram(window);
            let bit = hash(folded);
            let hit = self.bits.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1);
            if hit && self.stands(bytes, bytes.len() - rest.len(), folded) {
                return true;
            }
            rest = rest.get(self.stride..).unwrap_or_default();
        }
        false
    }

    /// Whether a fragment that holds the gram stands around `at`.
    fn stands(&self, bytes: &[u8], at: usize, folded: u64) -> bool {
        self.places.get(&folded).into_iter().flatten().any(|&(number, offset)| {
            let Some(fragment) = self.fragments.get(number as usize) else { return false };
            let start = at.checked_sub(offset as usize);
            let text = start.and_then(|start| bytes.get(start..start + fragment.len()));
            text.is_some_and(|text| text.eq_ignore_ascii_case(fragment))
        })
    }
}

/// A number under which upper and lower case ASCII letters agree: bit 5 of every byte is set, which folds letters
/// and merges a few other characters harmlessly.
#[inline]
fn fold_gram(gram: &[u8]) -> u64 {
    match (gram.first_chunk::<8>(), gram.first_chunk::<4>()) {
        (Some(eight), _) => u64::from_le_bytes(*eight) | 0x2020_2020_2020_2020,
        (None, Some(four)) => u64::from(u32::from_le_bytes(*four) | 0x2020_2020),
        (None, None) => 0,
    }
}

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
        filter.build();
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
            assert!(filter.may_match(&[vec![7; shift], wide].concat(), RawEncoding::Mixed), "{shift}");
            let other = [vec![b'.'; shift], b"secret  word token:dump".to_vec()].concat();
            assert!(!filter.may_match(&other, RawEncoding::Mixed));
        }
    }

    #[test]
    fn short_or_negated_keywords_disable_it() {
        assert!(prefilter(&["rm"]).may_match(b"", RawEncoding::Utf8));
        let mut filter = KeywordPrefilter::default();
        filter.add_condition(&Search::Not(Box::new(Search::All(vec![]))), &[]);
        filter.build();
        assert!(filter.may_match(b"", RawEncoding::Utf8));
    }

    #[test]
    fn escaped_letters_are_not_missed() {
        assert!(prefilter(&["secret word"]).may_match(br#"{"a":"secre\u0074 word"}"#, RawEncoding::Utf8));
        assert!(!prefilter(&["secret word"]).may_match(br#"{"a":"it\u0027s"}"#, RawEncoding::Utf8));
    }
}

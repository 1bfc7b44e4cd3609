//! Finds which of many thousand literals occur in a text, in one pass over the text.
//!
//! Every literal of four bytes or more is entered under its rarest run of four bytes. The pass looks up each position's
//! run in a small bitmap and verifies the few candidates. A few shorter ones are searched one by one; where there are
//! many, they are entered under their first two bytes or one, and further passes look for these.
//! Building is a hash insert per literal, so a rule set of tens of thousands of literals is ready in
//! milliseconds, which an automaton is not.
//!
//! # Invariants
//! A literal is reported exactly when it stands in the text at its place; order and multiplicity of reports are
//! unspecified.

use memchr::memmem::Finder;

use super::commonness::gram_commonness;
use crate::sigma::Place;

/// Number of a literal, as given by the builder.
pub(crate) type LiteralId = u32;

/// Which ends of a part are ends of the whole value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Edges {
    pub(crate) start: bool,
    pub(crate) end: bool,
}

#[derive(Clone, Debug)]
struct Literal {
    bytes: Box<[u8]>,
    place: Place,
    /// Offset of the indexed run inside the literal.
    run_at: u32,
    id: LiteralId,
    /// Offset of four of its bytes that lie far from the run, and these; compared first, because they stand here.
    far: (u32, u32),
}

impl Literal {
    fn new(bytes: Box<[u8]>, place: Place, run_at: usize, id: LiteralId) -> Self {
        let far = if run_at * 2 < bytes.len() { bytes.len().saturating_sub(4) } else { 0 };
        let far_run = bytes.get(far..).map_or(0, run_of);
        Self { bytes, place, run_at: run_at as u32, id, far: (far as u32, far_run) }
    }

    /// Whether the text holds it from `start` on, given that its run stands there.
    #[inline]
    fn stands_at(&self, text: &[u8], start: usize) -> bool {
        let (far, run) = self.far;
        let rest = text.get(start..).unwrap_or_default();
        match &*self.bytes {
            // The run is all there is, or all but a byte.
            [_] | [_, _] | [_, _, _, _] => true,
            [_, _, third] => rest.get(2) == Some(third),
            bytes => {
                rest.get(far as usize..).is_some_and(|far| run_of(far) == run) && rest.starts_with(bytes)
            }
        }
    }
}

/// Index of literals by one run of bytes each.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiteralIndex {
    four: RunTable,
    two: RunTable,
    one: RunTable,
    literals: Vec<Literal>,
    few: Vec<Short>,
    spans_lines: bool,
}

/// A literal of fewer than four bytes that is searched by itself.
#[derive(Clone, Debug)]
struct Short {
    bytes: Finder<'static>,
    place: Place,
    id: LiteralId,
}

impl Short {
    fn stands_in(&self, text: &[u8], edges: Edges) -> bool {
        let bytes = self.bytes.needle();
        match self.place {
            Place::Anywhere => self.bytes.find(text).is_some(),
            Place::Start => edges.start && text.starts_with(bytes),
            Place::End => edges.end && text.ends_with(bytes),
            Place::Whole => edges.start && edges.end && text == bytes,
        }
    }
}

/// Short literals up to which each is searched by itself: in logs a search costs what the passes and what they find cost per byte.
const MOST_FEW: usize = 48;

impl LiteralIndex {
    /// Builds the index. Empty literals must be handled by the caller and are ignored.
    pub(crate) fn new(literals: impl IntoIterator<Item = (Box<[u8]>, Place, LiteralId)>) -> Self {
        let mut index = Self::default();
        let (mut four, mut two, mut one) = (Vec::new(), Vec::new(), Vec::new());
        let literals: Vec<_> = literals.into_iter().collect();
        let shared = SharedRuns::of(literals.iter().map(|(bytes, ..)| &**bytes));
        let is_few = literals.iter().filter(|(bytes, ..)| bytes.len() < 4).count() <= MOST_FEW;
        for (bytes, place, id) in literals {
            index.spans_lines |= bytes.contains(&b'\n');
            if is_few && (1..4).contains(&bytes.len()) {
                index.few.push(Short { bytes: Finder::new(&bytes).into_owned(), place, id });
                continue;
            }
            let number = index.literals.len() as u32;
            let run_at = rarest_run(&bytes, &shared);
            match *bytes {
                [] => continue,
                [a] => one.push((u32::from(a), number)),
                [a, b] | [a, b, _] => two.push((u32::from(a) | u32::from(b) << 8, number)),
                _ => four.push((bytes.get(run_at..).map_or(0, run_of), number)),
            }
            index.literals.push(Literal::new(bytes, place, run_at, id));
        }
        index.four = RunTable::new(four);
        index.two = RunTable::new(two);
        index.one = RunTable::new(one);
        index
    }

    /// Whether a literal holds a line break, so that looking line by line would miss it.
    pub(crate) fn spans_lines(&self) -> bool {
        self.spans_lines
    }

    /// Reports every literal found in `text`, the whole value.
    pub(crate) fn find(&self, text: &[u8], report: impl FnMut(LiteralId)) {
        self.find_in_part(text, Edges { start: true, end: true }, report);
    }

    /// Reports every literal found in `text`, a part of the value; `edges` says which ends of the value are its own.
    pub(crate) fn find_in_part(&self, text: &[u8], edges: Edges, mut report: impl FnMut(LiteralId)) {
        if !self.four.is_empty() {
            for (at, window) in text.array_windows().enumerate() {
                let run = u32::from_le_bytes(*window);
                if self.four.may_contain(run) {
                    self.verify(&self.four, run, (text, edges), at, &mut report);
                }
            }
        }
        self.few.iter().filter(|short| short.stands_in(text, edges)).for_each(|short| report(short.id));
        if !self.two.is_empty() {
            for (at, &[a, b]) in text.array_windows().enumerate() {
                let run = u32::from(a) | u32::from(b) << 8;
                if self.two.may_contain(run) {
                    self.verify(&self.two, run, (text, edges), at, &mut report);
                }
            }
        }
        if !self.one.is_empty() {
            for (at, &byte) in text.iter().enumerate() {
                if self.one.may_contain(u32::from(byte)) {
                    self.verify(&self.one, u32::from(byte), (text, edges), at, &mut report);
                }
            }
        }
    }

    fn verify(
        &self,
        table: &RunTable,
        run: u32,
        (text, edges): (&[u8], Edges),
        at: usize,
        report: &mut impl FnMut(LiteralId),
    ) {
        for &number in table.candidates(run) {
            let Some(literal) = self.literals.get(number as usize) else { continue };
            let Some(start) = at.checked_sub(literal.run_at as usize) else { continue };
            let end = start + literal.bytes.len();
            let placed = match literal.place {
                Place::Anywhere => true,
                Place::Start => start == 0 && edges.start,
                Place::End => end == text.len() && edges.end,
                Place::Whole => start == 0 && end == text.len() && edges.start && edges.end,
            };
            if placed && literal.stands_at(text, start) {
                report(literal.id);
            }
        }
    }
}

fn run_of(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |run| u32::from_le_bytes(*run))
}

/// Offset of the run of four bytes that is least common in log values and that fewest other literals share: under
/// a run that starts every literal of a long list, all of them would have to be verified.
fn rarest_run(bytes: &[u8], shared: &SharedRuns) -> usize {
    let runs = bytes.windows(4).enumerate();
    runs.min_by_key(|(_, run)| gram_commonness(run) + shared.count(run)).map_or(0, |(at, _)| at)
}

/// How often each run stands in the literals of an index, roughly: runs may share a counter.
struct SharedRuns(Vec<u32>);

impl SharedRuns {
    fn of<'l>(literals: impl ExactSizeIterator<Item = &'l [u8]>) -> Self {
        let mut shared = Self(vec![0; (literals.len() * 16).next_power_of_two().min(1 << 16)]);
        for run in literals.flat_map(|bytes| bytes.windows(4)) {
            let slot = shared.slot(run);
            if let Some(count) = shared.0.get_mut(slot) {
                *count = count.saturating_add(1);
            }
        }
        shared
    }

    fn count(&self, run: &[u8]) -> u32 {
        self.0.get(self.slot(run)).copied().unwrap_or_default().saturating_sub(1)
    }

    fn slot(&self, run: &[u8]) -> usize {
        mix(run_of(run)) as usize & (self.0.len() - 1)
    }
}

/// Runs to literal numbers, behind a bitmap.
#[derive(Clone, Debug, Default)]
struct RunTable {
    bits: Vec<u64>,
    shift: u32,
    /// Open addressing; `u32::MAX` in `.1` marks a free slot.
    slots: Vec<(u32, u32, u32)>,
    numbers: Vec<u32>,
}

const FREE: u32 = u32::MAX;

impl RunTable {
    fn new(mut runs: Vec<(u32, u32)>) -> Self {
        if runs.is_empty() {
            return Self::default();
        }
        runs.sort_unstable();
        let bits_log2 = (runs.len() * 32).next_power_of_two().ilog2().clamp(10, 18);
        let mut table = Self {
            bits: vec![0; 1 << (bits_log2 - 6)],
            shift: 32 - bits_log2,
            slots: vec![(0, FREE, FREE); (runs.len() * 2).next_power_of_two()],
            numbers: runs.iter().map(|r| r.1).collect(),
        };
        let mut from = 0u32;
        for group in runs.chunk_by(|a, b| a.0 == b.0) {
            let to = from + group.len() as u32;
            if let [(run, _), ..] = group {
                table.enter(*run, from, to);
            }
            from = to;
        }
        table
    }

    fn enter(&mut self, run: u32, from: u32, to: u32) {
        let bit = mix(run) >> self.shift;
        if let Some(word) = self.bits.get_mut(bit as usize / 64) {
            *word |= 1 << (bit % 64);
        }
        let mask = self.slots.len() - 1;
        let mut at = mix(run) as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.1 == FREE {
                *slot = (run, from, to);
                return;
            }
            at = (at + 1) & mask;
        }
    }

    fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    #[inline]
    fn may_contain(&self, run: u32) -> bool {
        let bit = mix(run) >> self.shift;
        self.bits.get(bit as usize / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    fn candidates(&self, run: u32) -> &[u32] {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = mix(run) as usize & mask;
        while let Some(&(key, from, to)) = self.slots.get(at) {
            if from == FREE {
                return &[];
            }
            if key == run {
                return self.numbers.get(from as usize..to as usize).unwrap_or_default();
            }
            at = (at + 1) & mask;
        }
        &[]
    }
}

/// Multiplicative mixing (Knuth, TAOCP 3, 6.4) with the high half folded in.
#[inline]
fn mix(run: u32) -> u32 {
    let product = u64::from(run).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (product >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(literals: &[(&str, Place)], text: &str) -> Vec<u32> {
        let entries = literals.iter().zip(0..).map(|((l, p), id)| (l.as_bytes().into(), *p, id));
        let mut ids = Vec::new();
        LiteralIndex::new(entries).find(text.as_bytes(), |id| ids.push(id));
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    #[test]
    fn places_are_respected() {
        let literals = [
            ("\\cmd.exe", Place::End),
            ("c:\\", Place::Start),
            ("cmd.exe", Place::Whole),
            ("md.e", Place::Anywhere),
            ("x", Place::Anywhere),
            ("c:", Place::Start),
        ];
        assert_eq!(found(&literals, "c:\\win\\cmd.exe"), [0, 1, 3, 4, 5]);
        assert_eq!(found(&literals, "cmd.exe"), [2, 3, 4]);
        assert_eq!(found(&literals, ""), [] as [u32; 0]);
    }

    proptest! {
        #[test]
        fn equals_plain_search(
            literals in prop::collection::vec(("[ab\\\\.]{1,7}", 0..4usize), 1..40),
            text in "[ab\\\\.c]{0,40}",
        ) {
            let places = [Place::Whole, Place::Start, Place::End, Place::Anywhere];
            let literals: Vec<(&str, Place)> =
                literals.iter().map(|(l, p)| (l.as_str(), places[*p])).collect();
            let plain: Vec<u32> = literals.iter().zip(0u32..).filter(|((l, p), _)| match p {
                Place::Whole => text == *l,
                Place::Start => text.starts_with(l),
                Place::End => text.ends_with(l),
                Place::Anywhere => text.contains(l),
            }).map(|(_, id)| id).collect();
            prop_assert_eq!(found(&literals, &text), plain);
        }
    }
}

//! Plain fragments one after the other that differ in their values only.
//!
//! Who writes text in place of templates writes the same elements for every event of a kind. Where the bytes between the
//! values of a fragment are those of the one before, so is its canonical form: it need not be written again.
//!
//! # Invariants
//! Only within one chunk. Names are those of the fragment before, because references are part of the bytes that are
//! compared and point in front of both fragments.

use super::canonical::is_blank;
use super::cursor::Cursor;
use super::record::Value;
use super::template::TemplateId;
use super::value::kind;

/// What may differ, and where it stands in the chunk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hole {
    /// Size of an element or of its attributes, which nobody needs.
    Size(usize),
    /// A value, with its length in front.
    Text(usize),
}

/// How the plain fragment before was laid out.
#[derive(Debug, Default)]
pub(super) struct Layout {
    start: usize,
    end: usize,
    holes: Vec<Hole>,
    /// Names were read that do not stand in front of it, or other things that depend on where it stands.
    bound: bool,
    /// The template it is; `None` when the next fragment cannot be told by it.
    template: Option<TemplateId>,
}

impl Layout {
    /// Forgets the fragment before; another one is read from `start` on.
    pub(super) fn begin(&mut self, start: usize) {
        self.holes.clear();
        (self.start, self.bound, self.template) = (start, false, None);
    }

    /// Notes a place that may differ.
    pub(super) fn hole(&mut self, hole: Hole) {
        self.holes.push(hole);
    }

    /// Notes a name at an offset of the chunk.
    pub(super) fn name(&mut self, offset: usize) {
        self.bound |= offset >= self.start;
    }

    /// Notes something that is only what it is in this place.
    pub(super) fn bind(&mut self) {
        self.bound = true;
    }

    /// The fragment ends in front of `end` and is this template.
    pub(super) fn finish(&mut self, end: usize, template: TemplateId) {
        self.end = end;
        self.template = (!self.bound).then_some(template);
    }

    /// Takes the values of the fragment at the cursor if it is laid out alike; otherwise nothing is taken.
    pub(super) fn follow(&self, cursor: &mut Cursor<'_>, values: &mut Vec<Value>) -> Option<TemplateId> {
        let template = self.template.filter(|_| cursor.at() > self.start)?;
        let before = values.len();
        let end = self.values_of(cursor.data(), cursor.at(), values);
        if end.and_then(|end| cursor.take(end.checked_sub(cursor.at())?).ok()).is_none() {
            values.truncate(before);
            return None;
        }
        Some(template)
    }

    /// Reads the values; the end of the fragment if all else is equal.
    fn values_of(&self, data: &[u8], start: usize, values: &mut Vec<Value>) -> Option<usize> {
        let (mut known, mut at) = (self.start, start);
        let same = |from: usize, to: usize, at: usize| {
            let expected = data.get(from..to)?;
            data.get(at..)?.starts_with(expected).then_some(at + expected.len())
        };
        for hole in &self.holes {
            match *hole {
                Hole::Size(place) => {
                    at = same(known, place, at)? + 4;
                    known = place + 4;
                }
                Hole::Text(place) => {
                    let from = same(known, place, at)? + 2;
                    let length = text_bytes(data, from - 2)?;
                    if is_blank(data.get(from..from + length)?) {
                        return None;
                    }
                    let value = Value { at: from as u32, length: length.try_into().ok()?, ty: kind::STRING };
                    values.push(value);
                    at = from + length;
                    known = place + 2 + text_bytes(data, place)?;
                }
            }
        }
        same(known, self.end, at)
    }
}

/// Bytes of the text whose number of units stands at an offset.
fn text_bytes(data: &[u8], at: usize) -> Option<usize> {
    let units = data.get(at..)?.first_chunk::<2>()?;
    Some(2 * usize::from(u16::from_le_bytes(*units)))
}

#[cfg(test)]
mod tests {
    use super::super::template::Templates;
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 4] = ["Event", "Data", "Name", "Computer"];
    const TEXTS: [&str; 6] = ["", " \n", "a", "bb", "é", "a longer text"];

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn with_length(text: &str) -> Vec<u8> {
        [&(text.encode_utf16().count() as u16).to_le_bytes()[..], &utf16(text)].concat()
    }

    /// Name, attribute with its text, text.
    type Part = (usize, Option<(usize, usize)>, usize);

    /// A chunk with the names in front, and where fragments of an element each stand in it. `inline` fragments bring the
    /// name of their element along.
    fn chunk(fragments: &[(Vec<Part>, bool)]) -> (Vec<u8>, Vec<(usize, usize)>) {
        let mut chunk = vec![0; 512];
        let names = NAMES.map(|name| {
            let at = chunk.len() as u32;
            chunk.extend([&[0; 6][..], &with_length(name), &[0, 0]].concat());
            at
        });
        let mut places = Vec::new();
        for (parts, inline) in fragments {
            let start = chunk.len();
            for (name, attribute, text) in parts {
                chunk.push(if attribute.is_some() { 0x41 } else { 0x01 });
                // Sizes are whatever they are.
                chunk.extend((chunk.len() as u32).to_le_bytes());
                if *inline {
                    chunk.extend((chunk.len() as u32 + 4).to_le_bytes());
                    chunk.extend([&[0; 6][..], &with_length(NAMES[*name]), &[0, 0]].concat());
                } else {
                    chunk.extend(names[*name].to_le_bytes());
                }
                if let Some((name, text)) = attribute {
                    chunk.extend((chunk.len() as u32).to_le_bytes());
                    chunk.push(0x06);
                    chunk.extend(names[*name].to_le_bytes());
                    chunk.extend([&[0x05, 0x01][..], &with_length(TEXTS[*text])].concat());
                }
                chunk.extend([&[0x02, 0x05, 0x01][..], &with_length(TEXTS[*text]), &[0x04]].concat());
            }
            chunk.push(0);
            places.push((start, chunk.len()));
        }
        (chunk, places)
    }

    fn read(
        templates: &mut Templates,
        chunk: &[u8],
        (start, end): (usize, usize),
    ) -> (String, Vec<(u32, u16)>, usize) {
        let (mut cursor, mut values) = (Cursor::new(chunk, start, end), Vec::new());
        let id = templates.canonical(chunk, &mut cursor, Some(&mut values)).unwrap();
        let values = values.into_iter().map(|v| (v.at, v.length)).collect();
        (format!("{:?}", templates.tree(id)), values, cursor.at())
    }

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let attribute = prop::option::of((1..4_usize, 0..TEXTS.len()));
        prop::collection::vec((0..2_usize, attribute, 0..TEXTS.len()), 1..3)
    }

    proptest! {
        /// Whatever came before, a fragment reads as it does by itself.
        #[test]
        fn a_fragment_does_not_depend_on_those_before(
            fragments in prop::collection::vec((parts(), prop::bool::weighted(0.1)), 2..12),
        ) {
            let (chunk, places) = chunk(&fragments);
            let mut templates = Templates::default();
            for place in places {
                let alone = read(&mut Templates::default(), &chunk, place);
                prop_assert_eq!(read(&mut templates, &chunk, place), alone);
            }
        }
    }

    #[test]
    fn fragments_that_differ_in_values_only_are_followed() {
        let fragment = |text| (vec![(0, Some((3, text)), text), (1, None, text)], false);
        let (chunk, places) = chunk(&[fragment(2), fragment(5), fragment(1), fragment(3)]);
        let mut templates = Templates::default();
        let mut follows = |place: (usize, usize)| {
            let (mut cursor, mut values) = (Cursor::new(&chunk, place.0, place.1), Vec::new());
            let followed = templates.layout().follow(&mut cursor, &mut values).is_some();
            assert_eq!((values.len(), cursor.at()), if followed { (3, place.1) } else { (0, place.0) });
            read(&mut templates, &chunk, place);
            followed
        };
        // A blank text is no value.
        assert_eq!(places.into_iter().map(&mut follows).collect::<Vec<_>>(), [false, true, false, false]);
    }
}

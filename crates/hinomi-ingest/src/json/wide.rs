//! UTF-16 input: transcoded, with offsets that still cite the original bytes.

use super::cut::Wide;

/// From offsets in the UTF-8 text to offsets in the UTF-16 original.
#[derive(Debug)]
pub(super) struct Offsets {
    /// Pairs of (offset in the text, offset in the original), one every [`STEP`] characters.
    marks: Vec<(usize, usize)>,
    /// Something was not valid UTF-16.
    pub(super) replaced: bool,
}

const STEP: usize = 256;

impl Offsets {
    /// The text of `bytes` without a byte order mark, and the way back.
    pub(super) fn transcode(bytes: &[u8], order: Wide) -> (Vec<u8>, Self) {
        let mark: &[u8] = if order == Wide::Little { b"\xff\xfe" } else { b"\xfe\xff" };
        let body = bytes.strip_prefix(mark).unwrap_or(bytes);
        let units = body.chunks(2).map(|pair| match (pair, order) {
            ([low, high], Wide::Little) => u16::from_le_bytes([*low, *high]),
            ([high, low], Wide::Big) => u16::from_be_bytes([*high, *low]),
            _ => 0xfffd,
        });
        let mut text = String::with_capacity(body.len() / 2);
        let mut marks = Vec::new();
        let mut original = bytes.len() - body.len();
        let mut replaced = body.len() % 2 == 1;
        for (number, decoded) in char::decode_utf16(units).enumerate() {
            if number % STEP == 0 {
                marks.push((text.len(), original));
            }
            let character = decoded.unwrap_or_else(|_| {
                replaced = true;
                char::REPLACEMENT_CHARACTER
            });
            text.push(character);
            original += character.len_utf16() * 2;
        }
        (text.into_bytes(), Self { marks, replaced })
    }

    /// Offset in the original of an offset in the text.
    pub(super) fn original(&self, at: usize, text: &[u8]) -> usize {
        let mark = self.marks.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        let Some(&(start, original)) = self.marks.get(mark) else { return 0 };
        let between = text.get(start..at.min(text.len())).unwrap_or_default();
        let units = String::from_utf8_lossy(between).chars().map(char::len_utf16).sum::<usize>();
        original + units * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_lead_back() {
        let text = "a😀ロ{\"x\":1}".repeat(200);
        for order in [Wide::Little, Wide::Big] {
            let wide: Vec<u8> = std::iter::once(0xfeff)
                .chain(text.encode_utf16())
                .flat_map(|u: u16| if order == Wide::Little { u.to_le_bytes() } else { u.to_be_bytes() })
                .collect();
            let (narrow, offsets) = Offsets::transcode(&wide, order);
            assert_eq!(narrow, text.as_bytes());
            let mut expected = 2;
            for (at, character) in text.char_indices() {
                assert_eq!(offsets.original(at, &narrow), expected);
                expected += character.len_utf16() * 2;
            }
        }
    }
}

//! UTF-16LE, in which nearly all text of event logs stands, to UTF-8.
//!
//! Nearly all of it is ASCII: that is told and copied many characters at a time.

/// Units looked at together.
const BLOCK: usize = 16;

/// The text of all of `raw`; what is no character becomes U+FFFD.
pub(super) fn text(raw: &[u8]) -> String {
    let mut out = Vec::with_capacity(raw.len() / 2);
    let units = raw.as_chunks().0;
    let (plain, rest) = units.split_at_checked(ascii_units(units)).unwrap_or_default();
    out.extend(plain.iter().map(|[low, _]| *low));
    wide(rest.iter().copied().map(u16::from_le_bytes), &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends the ASCII characters at the start of `raw` up to the first zero; returns the units from there on.
pub(super) fn ascii<'r>(raw: &'r [u8], out: &mut Vec<u8>) -> &'r [[u8; 2]] {
    let units = raw.as_chunks().0;
    let (plain, rest) = units.split_at_checked(ascii_units(units)).unwrap_or_default();
    out.extend(plain.iter().map(|[low, _]| *low));
    rest
}

/// Appends the characters of `units`; what is no character becomes U+FFFD.
pub(super) fn wide(units: impl Iterator<Item = u16>, out: &mut Vec<u8>) {
    for c in char::decode_utf16(units) {
        push_char(c.unwrap_or(char::REPLACEMENT_CHARACTER), out);
    }
}

/// Appends one character.
pub(super) fn push_char(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// How many units at the start are ASCII and not zero.
fn ascii_units(units: &[[u8; 2]]) -> usize {
    let blocks = units.as_chunks::<BLOCK>().0.iter();
    let plain = BLOCK * blocks.take_while(|block| is_plain(block.as_slice())).count();
    let rest = units.get(plain..).unwrap_or_default();
    plain + rest.iter().take_while(|unit| is_plain(std::slice::from_ref(*unit))).count()
}

/// Whether all are ASCII and not zero.
fn is_plain(units: &[[u8; 2]]) -> bool {
    // Zero, of which one is subtracted, and everything from 0x80 on have a high bit.
    let high = units.iter().map(|unit| u16::from_le_bytes(*unit));
    high.fold(0, |high, unit| high | unit | unit.wrapping_sub(1)) & 0xFF80 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(units: &[u16]) -> Vec<u8> {
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    proptest! {
        /// Whatever stands where among how much ASCII: the text is that of the standard library.
        #[test]
        fn equals_the_general_decoder(
            before in prop::collection::vec(1..0x80_u16, 0..70),
            odd in prop::collection::vec(prop_oneof![Just(0), any::<u16>()], 0..4),
            after in prop::collection::vec(1..0x80_u16, 0..40),
        ) {
            let units = [before, odd, after].concat();
            prop_assert_eq!(text(&raw(&units)), String::from_utf16_lossy(&units));
            let mut plain = b"x".to_vec();
            let bytes = raw(&units);
            let rest = ascii(&bytes, &mut plain);
            prop_assert_eq!(rest.len() + plain.len() - 1, units.len());
            prop_assert!(units.get(plain.len() - 1).is_none_or(|unit| *unit == 0 || *unit > 0x7f));
            let ascii: Vec<u8> = units.iter().take(plain.len() - 1).map(|unit| *unit as u8).collect();
            prop_assert_eq!(plain.get(1..), Some(ascii.as_slice()));
        }
    }

    #[test]
    fn half_a_unit_at_the_end_is_none() {
        assert_eq!(text(b"a\0b"), "a");
        assert_eq!(text(b""), "");
    }
}

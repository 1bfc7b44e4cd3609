//! The part of the Basic Encoding Rules that LDAP and certificates use (RFC 4511, 5.1; X.690): definite lengths, tags of one byte.

/// An element that was read: its tag, what it holds, and what follows it.
pub(crate) struct Element<'b> {
    pub(crate) tag: u8,
    pub(crate) content: &'b [u8],
    pub(crate) rest: &'b [u8],
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const SEQUENCE: u8 = 0x30;

/// Reads the element at the beginning.
pub(crate) fn read(bytes: &[u8]) -> Option<Element<'_>> {
    let (tag, after) = bytes.split_first()?;
    let (length, header) = length(after)?;
    let (content, rest) = after.get(header..)?.split_at_checked(length)?;
    Some(Element { tag: *tag, content, rest })
}

/// Reads the element at the beginning if it has this tag.
pub(crate) fn read_as(bytes: &[u8], tag: u8) -> Option<Element<'_>> {
    read(bytes).filter(|element| element.tag == tag)
}

/// A length and the bytes that state it, from what follows a tag. `None` when some of them are missing or state more than
/// 32 bits.
pub(crate) fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let (first, more) = bytes.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), 1));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return None;
    }
    let length = more.get(..count)?.iter().fold(0usize, |all, byte| all << 8 | usize::from(*byte));
    Some((length, 1 + count))
}

/// Small integers and enumerations.
pub(crate) fn number(content: &[u8]) -> Option<i64> {
    let first = *content.first()?;
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    (content.len() <= 8).then(|| content.iter().fold(start, |all, byte| all << 8 | i64::from(*byte)))
}

/// An element of a tag around some content.
pub(crate) fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = (length as u64).to_be_bytes();
        let used = bytes.iter().skip_while(|b| **b == 0);
        let used: Vec<u8> = used.copied().collect();
        out.push(0x80 | used.len() as u8);
        out.extend(used);
    }
    out.extend_from_slice(content);
    out
}

/// Elements one after the other inside of another.
pub(crate) fn write_all(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    write(tag, &parts.concat())
}

/// An integer of 32 bits that is not negative, or an enumeration.
pub(crate) fn write_number(tag: u8, number: u32) -> Vec<u8> {
    let bytes = i64::from(number).to_be_bytes();
    // The shortest form whose first bit is not set.
    let lead = bytes.windows(2).take_while(|pair| matches!(pair, [0, next] if next & 0x80 == 0)).count();
    write(tag, bytes.get(lead..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_numbers_are_read_as_written() {
        for n in [0, 1, 127, 128, 255, 256, 65_535, 1_000_000] {
            let written = write_number(INTEGER, n);
            let element = read_as(&written, INTEGER).unwrap();
            assert_eq!((number(element.content), element.rest.len()), (Some(i64::from(n)), 0), "{n}");
            let content = vec![7; usize::try_from(n).unwrap()];
            let long = write(OCTETS, &content);
            assert_eq!(read(&long).unwrap().content, content);
        }
        // X.690, 8.3 and 8.1.3.5.
        assert_eq!(write_number(INTEGER, 128), [2, 2, 0, 0x80]);
        assert_eq!(write(OCTETS, &[0; 201])[..3], [4, 0x81, 201]);
    }

    #[test]
    fn what_is_cut_off_or_endless_is_nothing() {
        for bytes in
            [&[][..], &[0x30], &[0x30, 2, 1], &[0x30, 0x80], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x82, 1]]
        {
            assert!(read(bytes).is_none(), "{bytes:?}");
        }
        assert_eq!(number(&[0xff]), Some(-1));
        assert_eq!(number(&[1; 9]), None);
    }
}

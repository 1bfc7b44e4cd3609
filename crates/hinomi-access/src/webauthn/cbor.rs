//! CBOR (RFC 8949) as authenticators write it (CTAP2 canonical form): definite lengths, no tags, no floats.

/// Deepest nesting: an attestation has chains of certificates in an array in a map.
const DEEPEST: usize = 6;
/// Most elements of all maps and arrays together.
const MOST: usize = 256;

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value<'b> {
    Int(i64),
    Bytes(&'b [u8]),
    Text(&'b str),
    Array(Vec<Value<'b>>),
    Map(Vec<(Value<'b>, Value<'b>)>),
    /// False, true and null: nobody here reads them.
    Simple,
}

impl<'b> Value<'b> {
    fn find(&self, wanted: &Value<'_>) -> Option<&Value<'b>> {
        match self {
            Self::Map(pairs) => pairs.iter().find(|(key, _)| key == wanted).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value of a text key of a map.
    pub(super) fn text_key(&self, key: &str) -> Option<&Value<'b>> {
        self.find(&Value::Text(key))
    }

    /// The value of a number key of a map.
    pub(super) fn int_key(&self, key: i64) -> Option<&Value<'b>> {
        self.find(&Value::Int(key))
    }
}

/// Reads one value that is all there is.
pub(super) fn read_whole(bytes: &[u8]) -> Option<Value<'_>> {
    read(bytes).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// Reads one value, and gives what follows.
pub(super) fn read(bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let mut reader = Reader { rest: bytes, left: MOST };
    let value = reader.value(DEEPEST)?;
    Some((value, reader.rest))
}

struct Reader<'b> {
    rest: &'b [u8],
    left: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// Kind and number of what begins here.
    fn head(&mut self) -> Option<(u8, u64)> {
        let first = *self.take(1)?.first()?;
        let number = match first & 0x1f {
            small @ 0..=23 => u64::from(small),
            long @ 24..=27 => {
                let bytes = self.take(1 << (long - 24))?;
                bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
            }
            _ => return None,
        };
        Some((first >> 5, number))
    }

    fn value(&mut self, deepest: usize) -> Option<Value<'b>> {
        let deepest = deepest.checked_sub(1)?;
        self.left = self.left.checked_sub(1)?;
        let (kind, number) = self.head()?;
        Some(match kind {
            0 => Value::Int(i64::try_from(number).ok()?),
            1 => Value::Int(-1 - i64::try_from(number).ok()?),
            2 => Value::Bytes(self.take(usize::try_from(number).ok()?)?),
            3 => Value::Text(std::str::from_utf8(self.take(usize::try_from(number).ok()?)?).ok()?),
            4 => {
                let elements = (0..self.count(number)?).map(|_| self.value(deepest));
                Value::Array(elements.collect::<Option<_>>()?)
            }
            5 => Value::Map(self.map(number, deepest)?),
            7 if (20..=22).contains(&number) => Value::Simple,
            _ => return None,
        })
    }

    fn map(&mut self, number: u64, deepest: usize) -> Option<Vec<(Value<'b>, Value<'b>)>> {
        let mut pairs: Vec<(Value<'b>, Value<'b>)> = Vec::new();
        for _ in 0..self.count(number)? {
            let key = self.value(deepest)?;
            // Two readers could see two different things.
            if pairs.iter().any(|(other, _)| *other == key) {
                return None;
            }
            let value = self.value(deepest)?;
            pairs.push((key, value));
        }
        Some(pairs)
    }

    fn count(&self, number: u64) -> Option<usize> {
        usize::try_from(number).ok().filter(|number| *number <= self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of appendix A of the RFC.
    #[test]
    fn examples_of_the_standard_are_read() {
        let int = |n| Some(Value::Int(n));
        assert_eq!(read_whole(&[0x00]), int(0));
        assert_eq!(read_whole(&[0x18, 0x64]), int(100));
        assert_eq!(read_whole(&[0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0]), int(1_000_000_000_000));
        assert_eq!(read_whole(&[0x38, 0x63]), int(-100));
        assert_eq!(read_whole(b"\x64IETF"), Some(Value::Text("IETF")));
        assert_eq!(read_whole(&[0x44, 1, 2, 3, 4]), Some(Value::Bytes(&[1, 2, 3, 4])));
        let map = read_whole(b"\xa2\x61a\x01\x61b\x82\x02\x03").unwrap();
        assert_eq!(map.text_key("b"), Some(&Value::Array(vec![Value::Int(2), Value::Int(3)])));
    }

    #[test]
    fn what_no_authenticator_writes_is_refused() {
        // Indefinite length, a tag, a float, nesting without end, a length beyond the end, two equal keys, leftovers.
        let deep = [0x81; 64];
        let faults: [&[u8]; 8] = [
            &[0x5f, 0x41, 0, 0xff],
            &[0xc0, 0x00],
            &[0xf9, 0, 0],
            &deep,
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            b"\xa2\x61a\x01\x61a\x02",
            &[0x00, 0x00],
        ];
        for fault in faults {
            assert_eq!(read_whole(fault), None, "{fault:02x?}");
        }
    }
}

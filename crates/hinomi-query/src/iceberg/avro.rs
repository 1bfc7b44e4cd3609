//! As much of Avro as two fixed schemas need: object container files without compression.
//!
//! Format: Apache Avro 1.12 specification, «Object Container Files» and «Binary encoding».

/// Values in the order of a record's fields.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// `null` of an optional field.
    Null,
    /// `int` or `long`.
    Number(i64),
    /// `string`.
    Text(String),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// The second branch of an optional field.
    Some(Box<Value>),
    /// A record.
    Record(Vec<Value>),
    /// An array.
    Array(Vec<Value>),
}

impl Value {
    /// The second branch of an optional field, or `null`.
    pub(super) fn optional(value: Option<Self>) -> Self {
        value.map_or(Self::Null, |v| Self::Some(Box::new(v)))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => number(0, out),
            Self::Number(n) => number(*n, out),
            Self::Text(text) => bytes(text.as_bytes(), out),
            Self::Bytes(all) => bytes(all, out),
            Self::Some(value) => {
                number(1, out);
                value.encode(out);
            }
            Self::Record(fields) => fields.iter().for_each(|f| f.encode(out)),
            Self::Array(items) => {
                if !items.is_empty() {
                    number(items.len() as i64, out);
                    items.iter().for_each(|i| i.encode(out));
                }
                number(0, out);
            }
        }
    }
}

/// Zigzag, then seven bits a byte.
fn number(n: i64, out: &mut Vec<u8>) {
    let mut rest = ((n << 1) ^ (n >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn bytes(all: &[u8], out: &mut Vec<u8>) {
    number(all.len() as i64, out);
    out.extend_from_slice(all);
}

/// A container file of records in one block. `sync` parts blocks; any 16 bytes will do.
pub(super) fn container(
    schema: &str,
    metadata: &[(&str, String)],
    records: &[Value],
    sync: [u8; 16],
) -> Vec<u8> {
    let mut out = b"Obj\x01".to_vec();
    let head = [("avro.schema", schema), ("avro.codec", "null")];
    let all: Vec<(&str, &str)> =
        head.into_iter().chain(metadata.iter().map(|(k, v)| (*k, v.as_str()))).collect();
    number(all.len() as i64, &mut out);
    for (key, value) in all {
        bytes(key.as_bytes(), &mut out);
        bytes(value.as_bytes(), &mut out);
    }
    number(0, &mut out);
    out.extend_from_slice(&sync);
    if !records.is_empty() {
        let mut block = Vec::new();
        records.iter().for_each(|r| r.encode(&mut block));
        number(records.len() as i64, &mut out);
        bytes(&block, &mut out);
        out.extend_from_slice(&sync);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_the_specification_lists_them() {
        // Avro 1.12, «Binary encoding»: 0, -1, 1, -2, 2, -64, 64.
        let shown = [
            (0, vec![0]),
            (-1, vec![1]),
            (1, vec![2]),
            (-2, vec![3]),
            (2, vec![4]),
            (-64, vec![0x7f]),
            (64, vec![0x80, 1]),
        ];
        for (n, expected) in shown {
            let mut out = Vec::new();
            number(n, &mut out);
            assert_eq!(out, expected, "{n}");
        }
    }

    #[test]
    fn a_record_as_the_specification_shows_it() {
        // Avro 1.12: a record of the long 27 and the string "foo" is 36 06 66 6f 6f.
        let mut out = Vec::new();
        Value::Record(vec![Value::Number(27), Value::Text("foo".to_owned())]).encode(&mut out);
        assert_eq!(out, [0x36, 0x06, 0x66, 0x6f, 0x6f]);
        // The union ["null","string"] with "a" is 02 02 61; the array of 3 and 27 is 04 06 36 00.
        let mut out = Vec::new();
        Value::optional(Some(Value::Text("a".to_owned()))).encode(&mut out);
        Value::Array(vec![Value::Number(3), Value::Number(27)]).encode(&mut out);
        assert_eq!(out, [2, 2, 0x61, 4, 6, 0x36, 0]);
    }
}

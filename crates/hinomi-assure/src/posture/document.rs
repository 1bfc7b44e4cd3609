//! Exported configuration documents as they are handed in.

use serde_json::Value;

/// A document larger than this is not read.
const MAX_BYTES: usize = 64 << 20;

/// An exported configuration document: JSON, named so that a place in it can be cited.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) name: String,
    pub(super) value: Value,
}

/// Why bytes are not a configuration document.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DocumentError {
    /// More bytes than are read.
    #[error("{document}: {bytes} bytes are more than the {limit} that are read")]
    TooLarge {
        /// The document.
        document: String,
        /// Its size.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// Not JSON, or nested deeper than the parser goes.
    #[error("{document}: {reason}")]
    NotJson {
        /// The document.
        document: String,
        /// What the parser said, with line and column.
        reason: String,
    },
}

impl Document {
    /// Reads JSON. A byte order mark is allowed, and UTF-16 is read as well: shells of administrators write both.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, DocumentError> {
        let document = || name.to_owned();
        if bytes.len() > MAX_BYTES {
            let (bytes, limit) = (bytes.len(), MAX_BYTES);
            return Err(DocumentError::TooLarge { document: document(), bytes, limit });
        }
        let parsed = match bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) {
            [0xff, 0xfe, text @ ..] => serde_json::from_str(&utf16(text, u16::from_le_bytes)),
            [0xfe, 0xff, text @ ..] => serde_json::from_str(&utf16(text, u16::from_be_bytes)),
            text => serde_json::from_slice(text),
        };
        match parsed {
            Ok(value) => Ok(Self { name: document(), value }),
            Err(error) => Err(DocumentError::NotJson { document: document(), reason: error.to_string() }),
        }
    }

    /// A document made of what is in memory already.
    pub fn new(name: &str, value: Value) -> Self {
        Self { name: name.to_owned(), value }
    }

    /// The name it was handed in with.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .map(|found| found.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_wide_text_are_read_and_damage_is_named() {
        let text = r#"{"状態": "enabled"}"#;
        let wide = |unit: fn(u16) -> [u8; 2], mark: [u8; 2]| {
            mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect::<Vec<u8>>()
        };
        let forms = [
            text.as_bytes().to_vec(),
            [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
            wide(u16::to_le_bytes, [0xff, 0xfe]),
            wide(u16::to_be_bytes, [0xfe, 0xff]),
        ];
        for bytes in &forms {
            assert_eq!(Document::parse("d", bytes).unwrap().value["状態"], "enabled");
        }
        let error = Document::parse("tenant.json", b"{\"a\": tru").unwrap_err();
        assert!(
            error.to_string().starts_with("tenant.json: ") && error.to_string().contains("column 9"),
            "{error}"
        );
        let deep = "[".repeat(100_000);
        assert!(matches!(Document::parse("d", deep.as_bytes()), Err(DocumentError::NotJson { .. })));
    }

    #[test]
    fn a_document_beyond_the_bound_is_refused() {
        let bytes = vec![b' '; MAX_BYTES + 1];
        assert!(matches!(Document::parse("d", &bytes), Err(DocumentError::TooLarge { .. })));
    }
}

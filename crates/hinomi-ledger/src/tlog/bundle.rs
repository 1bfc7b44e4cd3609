//! Entry bundles: leaves with a 16-bit big-endian length before each (C2SP tlog-tiles).

use crate::LedgerError;

/// Longest leaf that a bundle can hold.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// The bundle of these leaves.
///
/// # Errors
/// [`LedgerError::TooLarge`] for a leaf above [`MAX_ENTRY_BYTES`].
pub fn encode_entries<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, LedgerError> {
    let mut out = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| LedgerError::TooLarge {
            what: "a leaf in bytes",
            found: entry.len() as u64,
            bound: MAX_ENTRY_BYTES as u64,
        })?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(entry);
    }
    Ok(out)
}

/// The leaves of a bundle of exactly `width` entries.
///
/// # Errors
/// [`LedgerError::Malformed`] when the bytes are not such a bundle.
pub fn decode_entries(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, LedgerError> {
    let bad = |what| LedgerError::Malformed { kind: "entry bundle", what };
    let mut entries = Vec::with_capacity(usize::from(width.min(256)));
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, after) = after.split_at_checked(length).ok_or_else(|| bad("it ends inside an entry"))?;
        entries.push(entry);
        rest = after;
        if entries.len() > usize::from(width) {
            return Err(bad("it holds more entries than it should"));
        }
    }
    if !rest.is_empty() {
        return Err(bad("it ends inside a length"));
    }
    if entries.len() == usize::from(width) {
        Ok(entries)
    } else {
        Err(bad("it holds fewer entries than it should"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_round_trip_and_nothing_else_is_one() {
        let longest = vec![7; 65_535];
        let leaves: [&[u8]; 3] = [b"a", b"", &longest];
        let bytes = encode_entries(leaves).unwrap();
        assert_eq!(decode_entries(&bytes, 3).unwrap(), leaves);
        assert!(decode_entries(&bytes, 2).is_err());
        assert!(decode_entries(&bytes, 4).is_err());
        assert!(decode_entries(&bytes[..bytes.len() - 1], 3).is_err());
        assert!(decode_entries(&[&bytes[..], &[0]].concat(), 3).is_err());
        assert!(encode_entries([vec![0; 65_536].as_slice()]).is_err());
        assert_eq!(decode_entries(&[], 0).unwrap(), Vec::<&[u8]>::new());
    }
}

//! What was uploaded before, as the ledger says: each upload has a record of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use hinomi_ledger::{FileDisk, Leaf, LedgerError, Places, Reader};
use hinomi_model::Digest;
use serde::Deserialize;

/// Uploads that are remembered.
const MAX: usize = 100_000;

/// An upload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Upload {
    pub(super) time: String,
    pub(super) source: String,
    pub(super) name: String,
}

/// By digest of the file, the latest of each.
#[derive(Debug, Default)]
pub(super) struct Earlier(BTreeMap<[u8; 32], Upload>);

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "@timestamp")]
    time: String,
    upload: Uploaded,
}

#[derive(Deserialize)]
struct Uploaded {
    name: String,
    sha256: String,
}

/// Whether records of uploads stand under a name: a listener, the way, a sender, and no log behind them.
fn is_of_uploads(source: &str) -> bool {
    let mut parts = source.split('/');
    parts.next().is_some()
        && parts.next() == Some("upload")
        && parts.next().is_some()
        && parts.next().is_none()
}

impl Earlier {
    /// Reads the records of uploads in a ledger. Blocks that cannot be read say nothing.
    pub(super) fn read(ledger: &Places) -> Result<Self, LedgerError> {
        let reader = Reader::open(Arc::new(FileDisk), ledger.clone(), true)?;
        let mut earlier = Self::default();
        let mut leaves = Vec::new();
        for block in reader.block_leaves() {
            let (leaf, block) = block?;
            if is_of_uploads(&block.scope.source) {
                leaves.push(leaf);
            }
        }
        for leaf in leaves {
            if let (Ok(Leaf::Block(of)), Ok(Some(block))) = (reader.leaf(leaf), reader.block(leaf)) {
                block.records.iter().for_each(|record| earlier.take(&of.scope.source, &record.bytes));
            }
        }
        Ok(earlier)
    }

    /// Remembers what a record says.
    pub(super) fn take(&mut self, source: &str, record: &[u8]) {
        let Ok(Line { time, upload }) = serde_json::from_slice::<Line>(record) else { return };
        let Ok(digest) = upload.sha256.parse::<Digest>() else { return };
        if self.0.len() < MAX {
            let upload = Upload { time, source: source.to_owned(), name: upload.name };
            self.0.insert(*digest.as_bytes(), upload);
        }
    }

    pub(super) fn of(&self, digest: &Digest) -> Option<&Upload> {
        self.0.get(digest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_uploads_are_told_from_others() {
        assert!(is_of_uploads("h/upload/ir@192.0.2.1") && is_of_uploads("h/upload/others"));
        for other in ["h/upload/ir@192.0.2.1/a.zip!b", "h/bulk/upload", "upload", "h/upload"] {
            assert!(!is_of_uploads(other), "{other}");
        }
        let mut earlier = Earlier::default();
        let digest = Digest::of(b"x");
        earlier.take(
            "s",
            format!("{{\"@timestamp\":\"t\",\"upload\":{{\"name\":\"n\",\"sha256\":\"{digest}\"}}}}")
                .as_bytes(),
        );
        for nonsense in
            [&b""[..], b"{}", b"[", b"{\"@timestamp\":\"t\",\"upload\":{\"name\":\"n\",\"sha256\":\"x\"}}"]
        {
            earlier.take("s", nonsense);
        }
        assert_eq!(earlier.0.len(), 1);
        assert_eq!(earlier.of(&digest).map(|u| u.name.as_str()), Some("n"));
    }
}

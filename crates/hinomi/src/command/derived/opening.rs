//! Derived data, opened; of a ledger brought up to date first, and compared with what the ledger says of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_ledger::{LedgerError, Reader};
use hinomi_model::Digest;
use hinomi_query::{Archive, MANIFEST, Manifest, QueryError};

use super::failure;
use super::refresh::{Extent, Wish, refresh};
use crate::args::{DerivedAt, Lang};
use crate::command::investigate::language;
use crate::command::ledger;
use crate::exit::{Exit, Failure};
use crate::recorded::{Recorded, open_reader};

pub(super) use crate::derived::{DERIVED, DERIVED_SOURCE as SOURCE};

/// Derived data and what an answer has to say about it.
pub(super) struct Opened {
    pub(super) archive: Archive,
    pub(super) notes: Vec<String>,
}

/// Opens what `--in` names.
pub(super) fn open(at: &DerivedAt) -> Result<Opened, Failure> {
    let lang = at.lang.unwrap_or_else(language);
    let mut notes = Vec::new();
    let folder = if Recorded::is_at(&at.folder) {
        let wish = Wish {
            extent: Extent::Question,
            tz: None,
            jobs: None,
            quiet: at.quiet,
            lang,
            ledger: None,
            stop: Arc::default(),
        };
        if at.as_is {
            check_registered(&at.folder)?;
        } else if let Err(error) = refresh(&at.folder, &wish) {
            // Another process holds the ledger: what was derived so far still answers, and says so.
            if !is_busy(&error) || !at.folder.join(DERIVED).join(MANIFEST).exists() {
                return Err(error);
            }
            notes.push(match lang {
                Lang::En => format!("not up to date: {}", error.message),
                Lang::Ja => format!("最新ではありません: {}", error.message),
            });
            check_registered(&at.folder)?;
        }
        at.folder.join(DERIVED)
    } else {
        at.folder.clone()
    };
    let archive = Archive::open(&folder).map_err(failure)?;
    let outdated = archive.rows_of_other_mappings();
    if outdated > 0 {
        notes.push(match lang {
            Lang::En => format!(
                "{outdated} events stand in columns of another mapping; hinomi ledger reindex (or derive, for files) makes them again"
            ),
            Lang::Ja => format!(
                "イベント {outdated} 件は別の版のマッピングの列です。ledger reindex（ファイルの場合は derive）で作り直せます"
            ),
        });
    }
    Ok(Opened { archive, notes })
}

/// How the message ends when somebody else writes.
pub(super) const BUSY: &str = "is in use by another process";

/// Whether a refresh failed only because somebody else writes to the ledger.
pub(super) fn is_busy(failure: &Failure) -> bool {
    failure.exit == Exit::Usage && failure.message.ends_with(BUSY)
}

/// Digest of the manifest that the ledger names last.
pub(super) fn registered(reader: &Reader) -> Result<Option<Digest>, LedgerError> {
    let mut last = None;
    for block in reader.block_leaves() {
        let (leaf, block) = block?;
        if block.scope.source == SOURCE {
            last = Some(leaf);
        }
    }
    let Some(block) = last.map(|leaf| reader.block(leaf)).transpose()?.flatten() else { return Ok(None) };
    let named = |bytes: &[u8]| -> Option<Digest> {
        let document: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        document.get("manifest")?.as_str()?.parse().ok()
    };
    Ok(block.records.last().and_then(|record| named(&record.bytes)))
}

/// Compares the manifest with what the ledger says.
pub(super) fn check_registered(data: &Path) -> Result<(), Failure> {
    let folder = data.join(DERIVED);
    let (_, digest) = Manifest::read(&folder).map_err(failure)?;
    let reader = open_reader(data).map_err(ledger::failure)?;
    if registered(&reader).map_err(ledger::failure)? == Some(digest) {
        return Ok(());
    }
    Err(failure(QueryError::Damaged {
        path: folder.join(MANIFEST),
        what: "not the one that the ledger names".to_owned(),
    }))
}

/// The folder of derived data that `--in` names.
pub(super) fn folder(at: &DerivedAt) -> PathBuf {
    if Recorded::is_at(&at.folder) { at.folder.join(DERIVED) } else { at.folder.clone() }
}

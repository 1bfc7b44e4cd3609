//! Files that do not belong to a ledger, and tiles of earlier sizes.

use std::path::{Path, PathBuf};

use hinomi_model::EntryKind;

use super::Context;
use super::log::Log;
use crate::tlog::{Tile, TileKind};
use crate::wal::wal_path;

/// Files that do not belong here, and partial tiles of earlier checkpoints.
pub(crate) fn check(context: &mut Context<'_>, log: &Log) {
    let places = context.places;
    let evidence = places.evidence.clone();
    walk(context, &evidence, &mut |context, path| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        let parent = path.parent().unwrap_or(Path::new(""));
        let number = |ending: &str| {
            name.strip_suffix(ending).filter(|n| n.len() == 16).and_then(|n| n.parse::<u64>().ok())
        };
        let known = if parent == places.evidence {
            matches!(name.as_str(), "format" | "lock")
        } else if parent == places.wal() {
            number(".wal").is_some()
        } else if parent == places.segments() {
            // A segment whose leaf is about to come has its write-ahead file still.
            number(".seg").or_else(|| number(".seg.new")).is_some_and(|n| {
                log.segments.contains_key(&n)
                    || context.disk.exists(&wal_path(&places.wal(), n)).unwrap_or(false)
            })
        } else if path.starts_with(places.log()) {
            *path == places.checkpoint()
                || *path == crate::files::temporary(&places.checkpoint())
                || is_sound_tile(context, path)
        } else {
            false
        };
        if !known {
            context.find_in(path.clone(), None, "it does not belong here");
        } else if name == "lock" && context.disk.metadata(path).is_ok_and(|m| m.len > 0) {
            context.find_in(path.clone(), None, "the lock file is not empty");
        }
    });
    if context.options.with_keys {
        let keys = places.keys.clone();
        walk(context, &keys, &mut |context, path| {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if name != "signer" && ending != "kek" && ending != "ring" {
                context.find_in(path.clone(), None, "it does not belong here");
            }
        });
    }
}

/// Whether a file is a tile of the log; a partial one must be the beginning of what the log has in its place now.
fn is_sound_tile(context: &mut Context<'_>, path: &Path) -> bool {
    let log = context.places.log();
    let Some(tile) = path.strip_prefix(&log).ok().and_then(Path::to_str).and_then(Tile::parse) else {
        return false;
    };
    let Some(now) = Tile::in_tree(tile.kind, tile.index, context.published.size()) else {
        // Ahead of the checkpoint: a writer is about to publish, or did since.
        return true;
    };
    if tile.width >= now.width {
        return true;
    }
    let (Ok(bytes), Ok(whole)) =
        (context.disk.read(path, 1 << 25), context.disk.read(&log.join(now.path()), 1 << 25))
    else {
        return true;
    };
    let expected = match tile.kind {
        TileKind::Hashes(_) => whole.get(..usize::from(tile.width) * 32).map(<[u8]>::to_vec),
        TileKind::Entries => crate::leaves::cut_bundle(&whole, tile.width)
            .and_then(|leaves| crate::tlog::encode_entries(leaves.iter().map(Vec::as_slice)))
            .ok(),
    };
    if expected.is_some_and(|expected| expected != bytes) {
        context.find_in(path.to_owned(), None, "a partial tile is not the beginning of the present one");
    }
    true
}

fn walk(context: &mut Context<'_>, folder: &Path, visit: &mut dyn FnMut(&mut Context<'_>, &PathBuf)) {
    let Ok(entries) = context.disk.list(folder) else { return };
    for entry in entries {
        let path = folder.join(&entry.name);
        match entry.kind {
            EntryKind::Folder => walk(context, &path, visit),
            EntryKind::File => visit(context, &path),
            EntryKind::Other => context.find_in(path, None, "it is neither a file nor a folder"),
        }
    }
}

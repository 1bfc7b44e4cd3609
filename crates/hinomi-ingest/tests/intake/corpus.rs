//! Logs that others recorded, packed as others packed them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hinomi_ingest::intake::{Class, Format};
use hinomi_model::Digest;

use crate::fixture::{Folder, read};

fn corpora() -> Option<PathBuf> {
    let named = std::env::var_os("HINOMI_CORPORA").map(PathBuf::from);
    let path = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"));
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: no corpora at {}", path.display());
    None
}

fn packed(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(packed(&path));
        } else if path.to_str().is_some_and(|p| p.ends_with(".tar.zst")) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Class and digest of what the units held, by path below the root or inside the archive.
type Seen = BTreeMap<String, (Class, Digest)>;

fn seen(path: &Path) -> Seen {
    let read = read(path);
    let root = format!("{}/", path.display());
    let name = |member: &hinomi_ingest::Member| {
        let below = member.path.strip_prefix(&root).unwrap_or_default();
        let parts: Vec<&str> = [below, &member.inner].into_iter().filter(|p| !p.is_empty()).collect();
        parts.join("/").replace("/!utf16", "!utf16")
    };
    let digest = |place: &str| Digest::of(read.contents.get(place).map_or(&[], Vec::as_slice));
    read.members.iter().map(|m| (name(&m.member), (m.class, digest(&m.member.place())))).collect()
}

#[test]
fn packed_corpora_read_like_unpacked_ones() {
    let Some(corpora) = corpora() else { return };
    let mut compared = 0;
    for archive in packed(&corpora) {
        let folder = Folder::new();
        let unpacked = std::process::Command::new("tar")
            .args(["--zstd", "-xf"])
            .arg(&archive)
            .arg("-C")
            .arg(folder.path())
            .status();
        if !unpacked.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: tar --zstd is not installed");
            return;
        }
        let (inside, beside) = (seen(&archive), seen(folder.path()));
        for (name, found) in &beside {
            // `./` is how some archives begin their names.
            let other = inside.get(name).or_else(|| inside.get(&format!("./{name}")));
            assert_eq!(other, Some(found), "{name} in {}", archive.display());
        }
        assert_eq!(inside.len(), beside.len(), "{}", archive.display());
        compared += beside.len();
    }
    eprintln!("{compared} files compared");
    assert!(compared > 1000);
}

#[test]
fn every_event_log_and_capture_of_the_corpora_is_recognised() {
    let Some(corpora) = corpora() else { return };
    for archive in packed(&corpora) {
        let read = read(&archive);
        for member in &read.members {
            let name = &member.member.inner;
            let extension = Path::new(name).extension().and_then(|e| e.to_str()).map(str::to_lowercase);
            let expected = match extension.as_deref() {
                Some("evtx") => Some(Format::Evtx),
                Some("json") if member.class != Class::Empty => Some(Format::Json),
                _ => None,
            };
            if let Some(expected) = expected {
                assert_eq!(member.class, Class::Log(expected), "{name} in {}", archive.display());
            }
        }
    }
}

//! The names of files and folders: as they are seen, as they would survive, and the changes between the two.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};

use crate::seeded::Seeded;

use super::content::Survival;

/// A file or folder, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct NodeId(pub(super) u64);

/// The folder that holds everything.
pub(super) const ROOT: NodeId = NodeId(0);

/// A place for a node: a name in a folder.
pub(super) type Place = (NodeId, String);

/// One change of names, which happens as a whole.
#[derive(Clone, Debug)]
struct NameChange {
    step: u64,
    parts: Vec<(Place, Option<NodeId>)>,
}

impl NameChange {
    fn touches(&self, places: &BTreeSet<&Place>) -> bool {
        self.parts.iter().any(|(place, _)| places.contains(place))
    }
}

/// All names.
#[derive(Default, Debug)]
pub(super) struct Names {
    live: BTreeMap<Place, NodeId>,
    durable: BTreeMap<Place, NodeId>,
    pending: Vec<NameChange>,
}

impl Names {
    pub(super) fn find(&self, place: &Place) -> Option<NodeId> {
        self.live.get(place).copied()
    }

    /// The folder and the last name of a path; the folder must exist.
    pub(super) fn place(&self, path: &Path) -> io::Result<Place> {
        let mut parts = parts(path)?;
        let name = parts.pop().ok_or(io::ErrorKind::InvalidInput)?;
        let mut folder = ROOT;
        for part in parts {
            folder = self.find(&(folder, part)).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok((folder, name))
    }

    /// What a path stands for.
    pub(super) fn resolve(&self, path: &Path) -> io::Result<NodeId> {
        if parts(path)?.is_empty() {
            return Ok(ROOT);
        }
        Ok(self.find(&self.place(path)?).ok_or(io::ErrorKind::NotFound)?)
    }

    pub(super) fn list(&self, folder: NodeId) -> impl Iterator<Item = (&str, NodeId)> {
        self.live
            .range((folder, String::new())..)
            .take_while(move |((holder, _), _)| *holder == folder)
            .map(|((_, name), node)| (name.as_str(), *node))
    }

    pub(super) fn nodes(&self) -> BTreeSet<NodeId> {
        self.live.values().copied().collect()
    }

    pub(super) fn change(&mut self, step: u64, parts: Vec<(Place, Option<NodeId>)>) {
        let change = NameChange { step, parts };
        apply(&mut self.live, &change);
        self.pending.push(change);
    }

    /// Makes the changes in one folder durable, with the earlier changes that they build on.
    pub(super) fn sync(&mut self, folder: NodeId) {
        let chosen = |change: &NameChange| change.parts.iter().any(|((holder, _), _)| *holder == folder);
        let keep = self.with_what_they_build_on(self.pending.iter().map(chosen).collect());
        self.settle(&keep);
    }

    /// A flush of a folder that did not succeed: some of its changes are durable, a later flush may write the others.
    pub(super) fn sync_badly(&mut self, folder: NodeId, random: &mut Seeded) {
        let chosen = |change: &NameChange| change.parts.iter().any(|((holder, _), _)| *holder == folder);
        let keep: Vec<bool> = self.pending.iter().map(|change| chosen(change) && random.chance(50)).collect();
        let keep = self.with_what_they_build_on(keep);
        self.settle(&keep);
    }

    /// Power was lost and is back.
    pub(super) fn crash(&mut self, survival: Survival, random: &mut Seeded) {
        let survives = |change: &NameChange| match survival {
            Survival::None => false,
            Survival::All => true,
            Survival::Before(cut) => change.step < cut,
            Survival::Sectors => random.chance(50),
        };
        let keep: Vec<bool> = self.pending.iter().map(survives).collect();
        let keep = self.with_what_they_build_on(keep);
        self.settle(&keep);
        self.pending.clear();
        self.live = self.durable.clone();
    }

    /// A change of a name survives only with the earlier changes of the same name.
    fn with_what_they_build_on(&self, mut keep: Vec<bool>) -> Vec<bool> {
        let mut needed: BTreeSet<&Place> = BTreeSet::new();
        for (kept, change) in keep.iter_mut().zip(&self.pending).rev() {
            *kept |= change.touches(&needed);
            if *kept {
                needed.extend(change.parts.iter().map(|(place, _)| place));
            }
        }
        keep
    }

    fn settle(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        let durable = &mut self.durable;
        self.pending.retain(|change| {
            let kept = keep.next().copied().unwrap_or(false);
            if kept {
                apply(durable, change);
            }
            !kept
        });
    }
}

fn apply(names: &mut BTreeMap<Place, NodeId>, change: &NameChange) {
    for (place, node) in &change.parts {
        match node {
            Some(node) => names.insert(place.clone(), *node),
            None => names.remove(place),
        };
    }
}

fn parts(path: &Path) -> io::Result<Vec<String>> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => {
                parts.push(name.to_str().ok_or(io::ErrorKind::InvalidFilename)?.to_owned());
            }
            Component::ParentDir | Component::Prefix(_) => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(parts)
}

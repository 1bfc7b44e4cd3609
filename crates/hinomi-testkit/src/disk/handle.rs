//! [`Disk`] and [`DiskFile`] on top of the state of a [`MemoryDisk`].

use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use hinomi_model::{Access, DirEntry, Disk, DiskFile, DiskLock, DiskMetadata, EntryKind};

use super::fault::{Extent, Operation};
use super::names::NodeId;
use super::{Flush, MemoryDisk, State};

/// An open file of a [`MemoryDisk`].
#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    node: NodeId,
    name: String,
    writable: bool,
}

/// A held lock of a [`MemoryDisk`].
#[derive(Debug)]
struct MemoryLock {
    disk: MemoryDisk,
    node: NodeId,
}

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        if let Ok(mut state) = self.disk.alive() {
            state.locks.retain(|node| *node != self.node);
        }
    }
}

impl MemoryDisk {
    fn file(&self, node: NodeId, path: &Path, writable: bool) -> Arc<dyn DiskFile> {
        Arc::new(MemoryFile { disk: self.clone(), node, name: shown(path), writable })
    }

    fn remove(&self, path: &Path, folder: bool) -> io::Result<()> {
        self.step(Operation::Remove, &shown(path), |state, extent| {
            let node = state.names.resolve(path)?;
            let kind = state.node(node)?.kind;
            match (kind == EntryKind::Folder, folder) {
                (true, false) => return Err(io::ErrorKind::IsADirectory.into()),
                (false, true) => return Err(io::ErrorKind::NotADirectory.into()),
                (true, true) if state.names.list(node).next().is_some() => {
                    return Err(io::ErrorKind::DirectoryNotEmpty.into());
                }
                _ => {}
            }
            if extent != Extent::Nothing {
                let place = state.names.place(path)?;
                let step = state.steps;
                state.names.change(step, vec![(place, None)]);
            }
            Ok(())
        })
    }

    fn create(&self, path: &Path, kind: EntryKind, mode: u32, operation: Operation) -> io::Result<NodeId> {
        self.step(operation, &shown(path), |state, extent| {
            let place = state.names.place(path)?;
            if state.names.find(&place).is_some() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if state.node(place.0)?.kind != EntryKind::Folder {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            let node = state.add_node(kind, mode);
            if extent != Extent::Nothing {
                let step = state.steps;
                state.names.change(step, vec![(place, Some(node))]);
            }
            Ok(node)
        })
    }
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        if let Access::CreateNew { mode } = access {
            let node = self.create(path, EntryKind::File, mode, Operation::Create)?;
            return Ok(self.file(node, path, true));
        }
        let mut state = self.alive()?;
        let node = state.names.resolve(path)?;
        if state.node(node)?.kind == EntryKind::Folder {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(self.file(node, path, access == Access::ReadWrite))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let shown = format!("{} to {}", shown(from), shown(to));
        self.step(Operation::Rename, &shown, |state, extent| {
            let node = state.names.resolve(from)?;
            let (source, target) = (state.names.place(from)?, state.names.place(to)?);
            if state.node(target.0)?.kind != EntryKind::Folder {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            if let Some(old) = state.names.find(&target)
                && state.node(old)?.kind == EntryKind::Folder
            {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            if extent != Extent::Nothing && source != target {
                let step = state.steps;
                state.names.change(step, vec![(source, None), (target, Some(node))]);
                if state.watched.as_ref().is_some_and(|ending| to.to_string_lossy().ends_with(ending)) {
                    let seen = state.node(node)?.content.live().to_vec();
                    state.shown.push(seen);
                }
            }
            Ok(())
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.remove(path, false)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.remove(path, true)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.create(path, EntryKind::Folder, mode, Operation::CreateDir).map(drop)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<DirEntry>> {
        let mut state = self.alive()?;
        let folder = state.names.resolve(folder)?;
        if state.node(folder)?.kind != EntryKind::Folder {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let kind = |node: NodeId| state.nodes.get(&node).map_or(EntryKind::Other, |node| node.kind);
        let entry = |(name, node): (&str, NodeId)| DirEntry { name: OsString::from(name), kind: kind(node) };
        Ok(state.names.list(folder).map(entry).collect())
    }

    fn metadata(&self, path: &Path) -> io::Result<DiskMetadata> {
        let mut state = self.alive()?;
        let id = state.names.resolve(path)?;
        let node = state.node(id)?;
        let len = node.content.live().len() as u64;
        Ok(DiskMetadata { kind: node.kind, len, mode: node.mode, owner: 0 })
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        let node = self.alive()?.names.resolve(folder)?;
        self.flush(Operation::SyncDir, &shown(folder), Flush::Folder(node))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let mut state = self.alive()?;
        let node = state.names.resolve(path)?;
        if state.locks.contains(&node) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.locks.push(node);
        Ok(Box::new(MemoryLock { disk: self.clone(), node }))
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let state = self.alive()?;
        state.names.resolve(folder)?;
        Ok(state.free())
    }
}

impl MemoryFile {
    fn change<T>(
        &self,
        operation: Operation,
        act: impl FnOnce(&mut State, Extent) -> io::Result<T>,
    ) -> io::Result<T> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.disk.step(operation, &self.name, act)
    }
}

impl DiskFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.alive()?.node(self.node)?.content.live().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.alive()?;
        let percent = state.read_error_percent;
        let fails = state.random.chance(percent);
        if fails && state.random.chance(50) {
            return Err(io::Error::other("the medium cannot be read"));
        }
        let flip = if fails { state.random.next_u64() } else { 0 };
        let live = state.node(self.node)?.content.live();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(live.len());
        let bytes = live.get(from..).unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        let (Some(place), Some(bytes)) = (buffer.get_mut(..count), bytes.get(..count)) else { return Ok(0) };
        place.copy_from_slice(bytes);
        if fails
            && count > 0
            && let Some(byte) = place.get_mut((flip >> 3) as usize % count)
        {
            *byte ^= 1 << (flip & 7);
        }
        Ok(count)
    }

    fn write_all_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.change(Operation::Write, |state, extent| {
            match extent {
                Extent::Nothing => return Ok(()),
                Extent::Partly => bytes.truncate(state.random.index(bytes.len() + 1)),
                Extent::Wholly => {}
            }
            let (step, free) = (state.steps, state.free());
            let content = &mut state.node(self.node)?.content;
            let excess = content.growth(offset + bytes.len()).saturating_sub(free) as usize;
            bytes.truncate(bytes.len().saturating_sub(excess));
            content.write(step, offset, bytes);
            if excess > 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.change(Operation::SetLen, |state, extent| {
            if extent != Extent::Nothing {
                let step = state.steps;
                state.node(self.node)?.content.set_len(step, len);
            }
            Ok(())
        })
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.change(Operation::Allocate, |state, extent| {
            let (step, free) = (state.steps, state.free());
            let content = &mut state.node(self.node)?.content;
            if content.growth(len) > free {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if extent != Extent::Nothing {
                content.extend(step, len);
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.flush(Operation::SyncData, &self.name, Flush::File(self.node))
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

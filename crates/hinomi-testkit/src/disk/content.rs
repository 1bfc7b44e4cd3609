//! The bytes of one file: as they are read, as they would survive, and the changes between the two.

use crate::seeded::Seeded;

/// One change that is not durable yet.
#[derive(Clone, Debug)]
enum Change {
    Write {
        offset: usize,
        bytes: Vec<u8>,
    },
    /// Cut or lengthen with zeros.
    SetLen(usize),
    /// Lengthen with zeros if shorter.
    Extend(usize),
}

/// A file.
#[derive(Default, Debug)]
pub(super) struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<(u64, Change)>,
    /// Up to here space is taken; sparse lengthening takes none.
    reserved: usize,
    /// Up to here space was taken before it was written: it reads as zeros until it is.
    allocated: usize,
}

/// Which of the pending changes reach the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Survival {
    /// None.
    None,
    /// All.
    All,
    /// Those made before this step, and part of the one made in it.
    Before(u64),
    /// For each sector, those before a random one: later sectors may survive without earlier ones.
    Sectors,
}

/// How the disk keeps bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Medium {
    /// Bytes that are written together, unless power is lost in between.
    pub(super) sector: usize,
    /// Whether space that a write took by itself reads as other bytes than zeros when the bytes did not survive.
    pub(super) garbage: bool,
}

impl Content {
    pub(super) fn live(&self) -> &[u8] {
        &self.live
    }

    pub(super) fn used(&self) -> u64 {
        self.reserved as u64
    }

    /// Bytes a write would newly take.
    pub(super) fn growth(&self, end: usize) -> u64 {
        end.saturating_sub(self.reserved) as u64
    }

    pub(super) fn write(&mut self, step: u64, offset: usize, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.reserved = self.reserved.max(offset + bytes.len());
        self.change(step, Change::Write { offset, bytes });
    }

    pub(super) fn set_len(&mut self, step: u64, len: usize) {
        self.reserved = self.reserved.min(len);
        self.allocated = self.allocated.min(len);
        self.change(step, Change::SetLen(len));
    }

    pub(super) fn extend(&mut self, step: u64, len: usize) {
        self.reserved = self.reserved.max(len);
        self.allocated = self.allocated.max(len);
        self.change(step, Change::Extend(len));
    }

    fn change(&mut self, step: u64, change: Change) {
        apply(&mut self.live, &change);
        self.pending.push((step, change));
    }

    /// Changes bytes on the disk and in the cache, as decay or an intruder below the file system would.
    pub(super) fn alter(&mut self, alter: impl Fn(&mut Vec<u8>)) {
        alter(&mut self.live);
        alter(&mut self.durable);
    }

    pub(super) fn sync(&mut self) {
        for (_, change) in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    /// A flush that did not succeed: what survives of the pending changes is settled now, and no later flush will write
    /// the rest, which stays readable until power is lost.
    pub(super) fn sync_badly(&mut self, survival: Survival, medium: Medium, random: &mut Seeded) {
        self.durable = self.survivor(survival, medium, random);
        self.pending.clear();
    }

    /// Power was lost and is back.
    pub(super) fn crash(&mut self, survival: Survival, medium: Medium, random: &mut Seeded) {
        self.durable = self.survivor(survival, medium, random);
        self.pending.clear();
        self.live = self.durable.clone();
        self.reserved = self.live.len();
        self.allocated = self.allocated.min(self.live.len());
    }

    fn survivor(&self, survival: Survival, medium: Medium, random: &mut Seeded) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        match survival {
            Survival::None => {}
            Survival::All => self.pending.iter().for_each(|(_, change)| apply(&mut bytes, change)),
            Survival::Before(cut) => {
                for (step, change) in &self.pending {
                    if *step < cut {
                        apply(&mut bytes, change);
                    } else if *step == cut {
                        apply_torn(&mut bytes, change, random);
                    }
                }
            }
            Survival::Sectors => return self.sectors(medium, random),
        }
        bytes
    }

    /// Every sector, and the length, ends at its own point of the sequence of changes.
    fn sectors(&self, medium: Medium, random: &mut Seeded) -> Vec<u8> {
        let count = self.pending.len();
        let mut len = self.durable.len();
        for (_, change) in self.pending.iter().take(any_cut(count, random)) {
            len = length_after(len, change);
        }
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let start = bytes.len();
            let end = (start + medium.sector).min(len);
            let old = self.durable.get(start..end.min(self.durable.len())).unwrap_or_default();
            let mut sector = old.to_vec();
            sector.resize(end - start, 0);
            if old.is_empty() && medium.garbage && start >= self.allocated {
                random.fill(&mut sector);
            }
            let cut = any_cut(count, random);
            for (_, change) in self.pending.iter().take(cut) {
                apply_within(&mut sector, start, change);
            }
            if let (true, Some((_, change))) = (random.chance(20), self.pending.get(cut)) {
                let before = sector.clone();
                apply_within(&mut sector, start, change);
                let torn = random.index(sector.len() + 1);
                sector.truncate(torn);
                sector.extend_from_slice(before.get(torn..).unwrap_or_default());
            }
            bytes.append(&mut sector);
        }
        bytes
    }
}

/// How many of the changes survive: often all or none, sometimes some.
fn any_cut(count: usize, random: &mut Seeded) -> usize {
    match random.below(4) {
        0 => 0,
        1 | 2 => count,
        _ => random.index(count + 1),
    }
}

fn length_after(len: usize, change: &Change) -> usize {
    match change {
        Change::Write { offset, bytes } => len.max(offset + bytes.len()),
        Change::SetLen(to) => *to,
        Change::Extend(to) => len.max(*to),
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    bytes.resize(length_after(bytes.len(), change), 0);
    if let Change::Write { offset, bytes: new } = change
        && let Some(place) = bytes.get_mut(*offset..offset + new.len())
    {
        place.copy_from_slice(new);
    }
}

/// The beginning of a write, or any point on the way of a change of length.
fn apply_torn(bytes: &mut Vec<u8>, change: &Change, random: &mut Seeded) {
    match change {
        Change::Write { offset, bytes: new } => {
            let part = new.get(..=random.index(new.len())).unwrap_or_default();
            apply(bytes, &Change::Write { offset: *offset, bytes: part.to_vec() });
        }
        Change::SetLen(_) | Change::Extend(_) if random.chance(50) => apply(bytes, change),
        Change::SetLen(_) | Change::Extend(_) => {}
    }
}

/// What a change does to the bytes of one sector, which begins at `start` and keeps its length.
fn apply_within(sector: &mut [u8], start: usize, change: &Change) {
    match change {
        Change::Write { offset, bytes } => {
            let (from, to) = (start.max(*offset), (start + sector.len()).min(offset + bytes.len()));
            if from < to
                && let Some(place) = sector.get_mut(from - start..to - start)
                && let Some(new) = bytes.get(from - offset..to - offset)
            {
                place.copy_from_slice(new);
            }
        }
        Change::SetLen(len) => {
            let kept = len.saturating_sub(start).min(sector.len());
            sector.get_mut(kept..).unwrap_or_default().fill(0);
        }
        Change::Extend(_) => {}
    }
}

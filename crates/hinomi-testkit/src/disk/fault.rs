//! Which operation of the disk goes wrong, and how.

use std::io;

use crate::seeded::Seeded;

/// What is done to the disk. Only operations that change something are steps, and only steps can be told to fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// A new file.
    Create,
    /// Bytes written to a file.
    Write,
    /// A file cut or lengthened.
    SetLen,
    /// Space taken for a file.
    Allocate,
    /// A file flushed.
    SyncData,
    /// A folder flushed.
    SyncDir,
    /// A name changed.
    Rename,
    /// A name removed.
    Remove,
    /// A new folder.
    CreateDir,
}

/// How a step goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Power is lost during the step, which may have happened wholly, partly or not at all.
    Crash,
    /// The step fails and nothing of it happens. A failed flush still leaves the cache clean: what it should have
    /// made durable is lost unless luck had it, although it can be read until the next crash.
    Error(io::ErrorKind),
    /// The step fails, but happened partly or wholly.
    ErrorButDone(io::ErrorKind),
    /// A flush that reports success and does nothing. For planting mistakes into a writer: on the disk, leaving a call
    /// out and lying about it are the same.
    Skip,
    /// A flush that reports success and happens only so many steps later: what a writer does that acknowledges or
    /// publishes too early.
    Late(u64),
}

/// When a fault strikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum When {
    /// At one step, counted from 0 since the disk was made; restarts do not set the count back.
    Step(u64),
    /// At every step of this kind on a path that contains the text.
    Every(Operation, String),
    /// At the first step of this kind on a path that contains the text, from the given step on.
    Next(Operation, String, u64),
}

/// What was decided for one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Done,
    Failed { kind: io::ErrorKind, extent: Extent },
    Crashed { extent: Extent },
    Skipped,
    Late(u64),
}

/// How much of a step happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extent {
    Nothing,
    Partly,
    Wholly,
}

/// The faults that are still to come.
#[derive(Default, Debug)]
pub(super) struct Plan(Vec<(When, Fault)>);

impl Plan {
    pub(super) fn add(&mut self, when: When, fault: Fault) {
        self.0.push((when, fault));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn decide(
        &mut self,
        step: u64,
        operation: Operation,
        path: &str,
        random: &mut Seeded,
    ) -> Outcome {
        let strikes = |when: &When| match when {
            When::Step(at) => *at == step,
            When::Every(kind, part) => *kind == operation && path.contains(part.as_str()),
            When::Next(kind, part, from) => {
                *kind == operation && path.contains(part.as_str()) && step >= *from
            }
        };
        let Some(at) = self.0.iter().position(|(when, _)| strikes(when)) else { return Outcome::Done };
        let Some((when, fault)) = self.0.get(at).cloned() else { return Outcome::Done };
        if !matches!(when, When::Every(..)) {
            self.0.remove(at);
        }
        let flush = matches!(operation, Operation::SyncData | Operation::SyncDir);
        match fault {
            Fault::Crash => Outcome::Crashed { extent: any_extent(random) },
            Fault::Error(kind) => Outcome::Failed { kind, extent: Extent::Nothing },
            Fault::ErrorButDone(kind) => {
                let extent = if random.chance(50) { Extent::Partly } else { Extent::Wholly };
                Outcome::Failed { kind, extent }
            }
            Fault::Skip if flush => Outcome::Skipped,
            Fault::Late(steps) if flush => Outcome::Late(steps),
            Fault::Skip | Fault::Late(_) => Outcome::Done,
        }
    }
}

fn any_extent(random: &mut Seeded) -> Extent {
    match random.below(3) {
        0 => Extent::Nothing,
        1 => Extent::Partly,
        _ => Extent::Wholly,
    }
}

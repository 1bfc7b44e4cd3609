//! Units of several leaves decoded and evaluated at once, on as many threads as the machine has processors.
//!
//! # Invariants
//! Results stand in the order of the units, whichever thread took which: what is found does not depend on it.

use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hinomi_detect::Engine;

use super::assembly::Assembled;
use crate::scan::{Processed, Stage, StageGround, Subjects};

/// Most threads. Each remembers values of its own, some ten megabytes.
const MOST_THREADS: usize = 8;

/// Stages that share the work.
pub(super) struct Crew<'e> {
    stages: Vec<Stage<'e>>,
}

impl<'e> Crew<'e> {
    /// A stage for each processor.
    pub(super) fn new(engine: &'e Engine, subjects: &'e Subjects, ground: &'e StageGround) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        Self { stages: (0..threads).map(|_| Stage::new(engine, subjects, ground)).collect() }
    }

    /// What the units hold, in their order; `outlined` as for [`Stage::process`].
    pub(super) fn process(&mut self, units: &[&Assembled], outlined: bool) -> Vec<Processed> {
        let run = |stage: &mut Stage<'e>, unit: &Assembled| stage.process(unit.format, &unit.unit, outlined);
        if let (Some(stage), true) = (self.stages.first_mut(), units.len() < 2) {
            return units.iter().map(|unit| run(stage, unit)).collect();
        }
        let next = AtomicUsize::new(0);
        let mut results: Vec<OnceLock<Processed>> = units.iter().map(|_| OnceLock::new()).collect();
        let take = |stage: &mut Stage<'e>| {
            while let at = next.fetch_add(1, Ordering::Relaxed)
                && let (Some(unit), Some(result)) = (units.get(at), results.get(at))
            {
                // Nobody else has this number.
                let _ = result.set(run(stage, unit));
            }
        };
        thread::scope(|scope| {
            for stage in &mut self.stages {
                scope.spawn(|| take(stage));
            }
        });
        results.iter_mut().map(|result| result.take().unwrap_or_default()).collect()
    }
}

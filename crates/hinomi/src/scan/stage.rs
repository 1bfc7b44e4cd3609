//! Units one at a time, for whoever cannot wait for the end of the input.

use std::collections::BTreeMap;

use hinomi_detect::Engine;
use hinomi_detect::completeness::Window;
use hinomi_ingest::Unit;
use hinomi_ingest::intake::Format;
use hinomi_model::Diagnostics;

use super::worker::{Filter, Sampling, Worker};
use super::{Digests, EventOutline, Hit, Limits, Sampled, ScanProgress, Subjects};

/// Bytes of values that a stage remembers, twice: with the fields that rules name, and with all fields for what searches
/// everything. Larger ones find few more values again, since what repeats comes within seconds.
const STORE_BYTES: usize = 8 << 20;

/// What every stage shares.
#[derive(Debug, Default)]
pub(crate) struct StageGround {
    progress: ScanProgress,
    unsampled: BTreeMap<hinomi_detect::RuleIndex, Sampled>,
}

/// Decodes and evaluates units; remembers what it learnt about values.
pub(crate) struct Stage<'e> {
    worker: Worker<'e>,
}

/// What one unit held.
#[derive(Debug, Default)]
pub(crate) struct Processed {
    /// Matches in order of (offset, number in the record, rule).
    pub(crate) hits: Vec<Hit>,
    /// Events decoded.
    pub(crate) events: u64,
    /// What they say about their source, if that was asked for.
    pub(crate) outline: Option<EventOutline>,
    /// What could not be read.
    pub(crate) diagnostics: Diagnostics,
}

impl<'e> Stage<'e> {
    pub(crate) fn new(engine: &'e Engine, subjects: &'e Subjects, ground: &'e StageGround) -> Self {
        let filter = Filter { window: Window { since: None, until: None }, hosts: Vec::new() };
        let limits = Limits { store_bytes: STORE_BYTES, ..Limits::of(u64::MAX) };
        let sampling = Sampling::new(&ground.unsampled);
        let bounds = (limits, Digests::Files);
        Self { worker: Worker::new(engine, subjects, filter, sampling, bounds, &ground.progress) }
    }

    /// `outlined`: what the events say about their source is wanted.
    pub(crate) fn process(&mut self, format: Format, unit: &Unit, outlined: bool) -> Processed {
        if outlined {
            self.worker.outline();
        }
        self.worker.process(format, unit);
        let findings = self.worker.take_findings();
        let mut hits = findings.hits;
        hits.sort_by_key(|hit| (hit.event.offset, hit.event.sub, hit.rule));
        Processed {
            hits,
            events: findings.events,
            outline: findings.outline,
            diagnostics: findings.diagnostics,
        }
    }
}

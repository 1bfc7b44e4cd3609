//! From a plan to bytes, hour by hour.
//!
//! # Invariants
//! Lines of a file are in order of time. What an hour's deeds leave for later hours is kept until then; everything else
//! of an hour is forgotten when it is written.

mod occur;
mod stream;

use std::collections::BTreeMap;
use std::io;

use hinomi_model::Timestamp;

use crate::calendar::HOUR;
use crate::compile::Compiler;
use crate::entity::{EntityId, IP, NAME, Population};
use crate::error::ScenarioError;
use crate::plan::{Era, Plan, Planner, Selection, Timing};
use crate::seed::{below, mix, word};
use crate::spec::Library;
use crate::splice::SpliceSource;
use crate::truth::{HostTruth, StepTruth, Truth};
use occur::{Happening, Occurrences, Payload};
use stream::Streams;

/// What to render.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request {
    /// Seed of the background.
    pub seed: u64,
    /// Seed of a variant of the case: other tools, hours, people.
    pub variant: Option<u64>,
    /// Days instead of the scenario's own.
    pub days: Option<u32>,
    /// Hosts instead of the organisation's own.
    pub hosts: Option<u32>,
    /// About so many lines.
    pub events: Option<u64>,
    /// Leave the case out: background and twins only.
    pub without_case: bool,
    /// Leave the background out: case and twins only.
    pub without_background: bool,
}

/// Where rendered bytes go.
pub trait Sink {
    /// Appends to the file at `path`, which uses `/` and begins with the name of a host.
    ///
    /// # Errors
    /// Whatever keeps it from being written.
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
}

/// Totals of a rendering.
pub type Summary = Truth;

/// Renders `library` into `sink`; gives the truth. `recordings` gives the events of recordings that steps splice.
///
/// # Errors
/// The scenario is wrong, or the sink or a recording fails.
pub fn render(
    library: &Library,
    request: &Request,
    recordings: &mut dyn SpliceSource,
    sink: &mut dyn Sink,
) -> Result<Truth, ScenarioError> {
    let population = Population::new(library, request.hosts)?;
    let choices = choices(library, request.variant);
    let mut compiler = Compiler::new(library, &population, &choices);
    let era = Era::new(library, request.days)?;
    let selection = Selection {
        seed: request.seed,
        variant: request.variant,
        case: !request.without_case,
        background: !request.without_background,
    };
    let plan = Planner::new(library, &population, &mut compiler, selection).plan(era)?;
    let mut streams = Streams::new(library, &population, &mut compiler, &plan)?;
    let factor = request.events.map_or(1.0, |wanted| factor(&plan, wanted));
    let mut occurrences = Occurrences::new(&plan, &population, factor);
    occurrences.once(recordings, &mut streams)?;
    let (start, end) = (plan.era.start(), plan.era.end());
    let mut slice = start.div_euclid(HOUR) * HOUR;
    while slice < end {
        let mut happenings = occurrences.slice(slice, start, end);
        happenings.sort_unstable_by_key(|h| (h.stream_key, h.time, h.tie));
        for happening in &happenings {
            streams.write(happening, &compiler, &population, occurrences.steps_mut(), sink)?;
        }
        slice += HOUR;
    }
    streams.flush(sink)?;
    let steps = occurrences.finish();
    Ok(truth(library, request, &choices, &population, &plan, streams, steps))
}

/// Number of the row taken of each choice.
fn choices(library: &Library, variant: Option<u64>) -> BTreeMap<String, usize> {
    let choice = |(name, rows): (&String, &Vec<BTreeMap<String, String>>)| {
        let at = variant.map_or(0, |v| below(mix(v, word(name)), rows.len() as u64) as usize);
        (name.clone(), at)
    };
    library.scenario.choices.iter().map(choice).collect()
}

/// By how much rates are multiplied to come near `wanted` lines.
fn factor(plan: &Plan, wanted: u64) -> f64 {
    let (mut fixed, mut variable) = (0.0, 0.0);
    let hours = u64::from(plan.era.days) * 24;
    for deed in &plan.deeds {
        let subjects = deed.per.as_ref().map_or(1, |(_, members)| members.len()) as f64;
        let mean = |p: &crate::plan::Part| (p.repeat.low + p.repeat.high) as f64 / 2.0 * p.chance;
        let lines: f64 = deed.parts.iter().map(mean).sum();
        match &deed.timing {
            Timing::Rate { per_day, shape } => {
                let weight = |h: u64| match shape.and_then(|s| plan.hours.get(s)) {
                    Some(shape) => shape.weight(&plan.era, plan.era.start() + h as i64 * HOUR),
                    None => 1.0,
                };
                let sum: f64 = (0..hours).map(weight).sum();
                variable += per_day / 24.0 * sum * subjects * lines;
            }
            Timing::At { clocks, chance, .. } => {
                fixed += clocks.len() as f64 * f64::from(plan.era.days) * chance * subjects * lines;
            }
            Timing::Every { period, chance } => {
                let times = (plan.era.end() - plan.era.start()) as f64 / *period as f64;
                fixed += times * chance * subjects * lines;
            }
            Timing::Once { .. } => fixed += lines,
        }
    }
    if variable > 0.0 { ((wanted as f64 - fixed) / variable).max(0.02) } else { 1.0 }
}

/// RFC 3339 of nanoseconds.
fn instant(nanos: i64) -> String {
    Timestamp::from_nanos(nanos).to_string()
}

fn truth(
    library: &Library,
    request: &Request,
    choices: &BTreeMap<String, usize>,
    population: &Population,
    plan: &Plan,
    streams: Streams,
    (steps, more_twins): (Vec<StepTruth>, u64),
) -> Truth {
    let host = |(id, role): (EntityId, &crate::entity::RoleMembers)| HostTruth {
        name: population.value(id, NAME).to_owned(),
        ip: population.value(id, IP).to_owned(),
        role: role.name.clone(),
    };
    let (files, losses) = streams.totals();
    Truth {
        schema_version: "1.0".to_owned(),
        scenario: library.scenario.name.clone(),
        organisation: library.organisation.name.clone(),
        seed: request.seed,
        variant: request.variant,
        choices: choices.clone(),
        utc_offset_seconds: plan.era.offset,
        from: instant(plan.era.start()),
        until: instant(plan.era.end()),
        days: plan.era.days,
        events: files.iter().map(|f| f.events).sum(),
        bytes: files.iter().map(|f| f.bytes).sum(),
        hosts: population.hosts().map(host).collect(),
        steps,
        more_twins,
        losses,
        files,
    }
}

/// Marks what belongs to no step.
const NO_STEP: u32 = u32::MAX;

impl Happening {
    /// Whether it is a line of the plan, not of a recording.
    fn is_planned(&self) -> bool {
        matches!(self.payload, Payload::Line { .. })
    }
}

//! What happens in an hour: occurrences of deeds, taken apart into lines.

use std::collections::BTreeMap;

use hinomi_model::NANOS_PER_SECOND;

use super::stream::Streams;
use super::{NO_STEP, instant};
use crate::calendar::{DAY, HOUR};
use crate::compile::CAST;
use crate::entity::{EntityId, IP, NAME, Population};
use crate::error::ScenarioError;
use crate::plan::{Binding, Deed, Part, Plan, Timing};
use crate::seed::{Rng, below, mix};
use crate::splice::{SpliceSource, splice};
use crate::truth::{MOST_STEPS, StepKind, StepTruth};

/// One line that is due.
#[derive(Debug)]
pub(super) struct Happening {
    /// Host, then format: lines of one file are written together.
    pub(super) stream_key: u64,
    pub(super) time: i64,
    /// Order among lines of the same instant.
    pub(super) tie: u64,
    /// Index into the truth's steps, or [`NO_STEP`].
    pub(super) step: u32,
    pub(super) payload: Payload,
}

/// What the line says.
#[derive(Debug)]
pub(super) enum Payload {
    /// To be filled from a template.
    Line {
        /// Number of the line.
        line: u32,
        /// Seed of the occurrence.
        seed: u64,
        /// Who plays which part.
        cast: [EntityId; CAST],
    },
    /// Rewritten already.
    Ready(Box<[u8]>),
}

/// Makes happenings, and keeps those of later hours.
pub(super) struct Occurrences<'a> {
    plan: &'a Plan,
    population: &'a Population,
    factor: f64,
    later: BTreeMap<i64, Vec<Happening>>,
    steps: Vec<StepTruth>,
    more_twins: u64,
    tie: u64,
    formats: Vec<u32>,
}

/// Key of a file: host and format.
pub(super) fn stream_key(host: EntityId, format: u32) -> u64 {
    (u64::from(host) << 16) | u64::from(format)
}

impl<'a> Occurrences<'a> {
    pub(super) fn new(plan: &'a Plan, population: &'a Population, factor: f64) -> Self {
        Self {
            plan,
            population,
            factor,
            later: BTreeMap::new(),
            steps: Vec::new(),
            more_twins: 0,
            tie: 0,
            formats: Vec::new(),
        }
    }

    pub(super) fn steps_mut(&mut self) -> &mut [StepTruth] {
        &mut self.steps
    }

    /// Puts the steps of the case on the list, recordings included.
    pub(super) fn once(
        &mut self,
        recordings: &mut dyn SpliceSource,
        streams: &mut Streams,
    ) -> Result<(), ScenarioError> {
        self.formats = streams.line_formats().to_vec();
        let plan = self.plan;
        for deed in &plan.deeds {
            let Timing::Once { time } = deed.timing else { continue };
            if !(plan.era.start()..plan.era.end()).contains(&time) {
                continue;
            }
            let mut cast = deed.cast;
            let mut rng = Rng::new(deed.seed);
            bind(&deed.bind, &mut cast, &mut rng, 0);
            let step = self.open_step(deed, &cast, time);
            self.perform(deed, cast, time, step);
            for (spec, hosts, accounts) in &deed.splice {
                let entity = |at: &usize| cast.get(*at).copied().unwrap_or_default();
                let hosts: Vec<EntityId> = hosts.iter().map(entity).collect();
                let accounts: Vec<EntityId> = accounts.iter().map(entity).collect();
                let place = deed.tale.as_ref().map_or("", |t| t.id.as_str());
                for line in splice(place, spec, (&hosts, &accounts), self.population, time, recordings)? {
                    let format = streams.format(place, &spec.format)?;
                    self.note_end(step, line.time);
                    let payload = Payload::Ready(line.bytes.into());
                    self.push(stream_key(line.host, format), line.time, step, payload);
                }
            }
        }
        Ok(())
    }

    /// Everything due in the hour from `slice` on.
    pub(super) fn slice(&mut self, slice: i64, start: i64, end: i64) -> Vec<Happening> {
        let plan = self.plan;
        let (from, until) = (slice.max(start), (slice + HOUR).min(end));
        for deed in &plan.deeds {
            let mut rng = Rng::new(mix(deed.seed, slice as u64));
            match &deed.timing {
                Timing::Rate { per_day, shape } => {
                    let weight =
                        shape.and_then(|s| plan.hours.get(s)).map_or(1.0, |s| s.weight(&plan.era, slice));
                    let subjects = deed.per.as_ref().map_or(1, |(_, m)| m.len());
                    // Twins keep their own rate: there is one for each occasion, whatever the noise.
                    let factor = if deed.tale.is_some() { 1.0 } else { self.factor };
                    let share = (until - from) as f64 / HOUR as f64;
                    let mean = per_day / 24.0 * weight * subjects as f64 * factor * share;
                    for _ in 0..rng.count(mean) {
                        let time = rng.between(from, until - 1);
                        let subject = rng.next();
                        self.begin(deed, time, subject, rng.next());
                    }
                }
                Timing::At { clocks, days, chance } => {
                    self.at(deed, (from, until), clocks, *days, *chance);
                }
                Timing::Every { period, chance } => self.every(deed, (from, until), *period, *chance),
                Timing::Once { .. } => {}
            }
        }
        let mut due = self.later.remove(&slice).unwrap_or_default();
        due.retain(|h| h.time >= start && h.time < end);
        due
    }

    fn at(&mut self, deed: &Deed, (from, until): (i64, i64), clocks: &[i64], days: u8, chance: f64) {
        let (day, _, weekday) = self.plan.era.local(from);
        if days & (1 << weekday) == 0 {
            return;
        }
        let midnight = day * DAY - self.plan.era.offset * NANOS_PER_SECOND;
        for clock in clocks.iter().filter(|c| (from..until).contains(&(midnight + **c))) {
            self.all_subjects(deed, midnight + clock, chance);
        }
    }

    fn every(&mut self, deed: &Deed, (from, until): (i64, i64), period: i64, chance: f64) {
        let mut time = (from + period - 1).div_euclid(period) * period;
        while time < until {
            self.all_subjects(deed, time, chance);
            time += period;
        }
    }

    fn all_subjects(&mut self, deed: &Deed, time: i64, chance: f64) {
        let subjects = deed.per.as_ref().map_or(1, |(_, m)| m.len());
        for subject in 0..subjects {
            let mut rng = Rng::new(mix(mix(deed.seed, time as u64), subject as u64));
            if lucky(&mut rng, chance) {
                let time = time + rng.between(0, deed.jitter);
                let number = ((subject as u128) << 64).div_ceil(subjects as u128) as u64;
                self.begin(deed, time, number, rng.next());
            }
        }
    }

    /// One occurrence of `deed`; `subject` is a random word that picks among its subjects.
    fn begin(&mut self, deed: &Deed, time: i64, subject: u64, seed: u64) {
        let mut cast = deed.cast;
        if let Some((number, members)) = &deed.per {
            let drawn = members.get(below(subject, members.len() as u64) as usize);
            if let (Some(slot), Some(id)) = (cast.get_mut(*number), drawn) {
                *slot = *id;
            }
        }
        let mut rng = Rng::new(seed);
        bind(&deed.bind, &mut cast, &mut rng, 0);
        let step = self.open_step(deed, &cast, time);
        self.perform_seeded(deed, cast, time, step, seed);
    }

    fn perform(&mut self, deed: &Deed, cast: [EntityId; CAST], time: i64, step: u32) {
        self.perform_seeded(deed, cast, time, step, deed.seed);
    }

    fn perform_seeded(&mut self, deed: &Deed, mut cast: [EntityId; CAST], time: i64, step: u32, seed: u64) {
        let mut rng = Rng::new(mix(seed, 5));
        let mut now = time;
        for part in &deed.parts {
            if part.chance < 1.0 && !lucky(&mut rng, part.chance) {
                continue;
            }
            now += rng.between(part.after.low, part.after.high);
            now = self.emit(part, &mut cast, now, (step, seed), &mut rng);
        }
        self.note_end(step, now);
    }

    /// A step lasts at least until `time`.
    fn note_end(&mut self, step: u32, time: i64) {
        if step != NO_STEP
            && let Some(truth) = self.steps.get_mut(step as usize)
        {
            truth.end = truth.end.clone().max(instant(time));
        }
    }

    fn emit(
        &mut self,
        part: &Part,
        cast: &mut [EntityId; CAST],
        mut now: i64,
        (step, seed): (u32, u64),
        rng: &mut Rng,
    ) -> i64 {
        let times = rng.between(part.repeat.low, part.repeat.high);
        for repetition in 0..times {
            if repetition > 0 {
                now += rng.between(part.every.low, part.every.high);
            }
            bind(&part.bind, cast, rng, repetition as usize);
            let host = cast.get(part.on).copied().unwrap_or_default();
            let format = self.formats.get(part.line as usize).copied().unwrap_or_default();
            let payload = Payload::Line { line: part.line, seed, cast: *cast };
            self.push(stream_key(host, format), now, step, payload);
        }
        now
    }

    fn push(&mut self, stream_key: u64, time: i64, step: u32, payload: Payload) {
        self.tie += 1;
        let happening = Happening { stream_key, time, tie: self.tie, step, payload };
        self.later.entry(time.div_euclid(HOUR) * HOUR).or_default().push(happening);
    }

    fn open_step(&mut self, deed: &Deed, cast: &[EntityId; CAST], time: i64) -> u32 {
        let Some(tale) = &deed.tale else { return NO_STEP };
        if self.steps.len() >= MOST_STEPS {
            self.more_twins += 1;
            return NO_STEP;
        }
        let value = |number: Option<usize>, attribute: u32| {
            let id = number.and_then(|n| cast.get(n).copied());
            id.map(|id| self.population.value(id, attribute).to_owned()).unwrap_or_default()
        };
        let address = value(tale.source, IP);
        let truth = StepTruth {
            id: tale.id.clone(),
            kind: if tale.twin_of.is_empty() { StepKind::Attack } else { StepKind::Twin },
            twin_of: tale.twin_of.clone(),
            stage: tale.stage.clone(),
            techniques: tale.techniques.clone(),
            what: tale.what.en.clone(),
            what_ja: tale.what.ja.clone(),
            host: value(tale.host, NAME),
            account: value(tale.account, NAME),
            source: if address.is_empty() { value(tale.source, NAME) } else { address },
            start: instant(time),
            end: instant(time),
            visible: false,
            lost: 0,
            evidence: Vec::new(),
            more_evidence: 0,
        };
        self.steps.push(truth);
        self.steps.len() as u32 - 1
    }

    /// Steps by beginning, and how many twins were not listed.
    pub(super) fn finish(self) -> (Vec<StepTruth>, u64) {
        let mut steps = self.steps;
        steps.sort_by(|a, b| (&a.start, &a.id).cmp(&(&b.start, &b.id)));
        (steps, self.more_twins)
    }
}

fn lucky(rng: &mut Rng, chance: f64) -> bool {
    rng.below(1_000_000) < (chance * 1_000_000.0) as u64
}

/// Gives each part whoever is bound to it.
fn bind(bindings: &[(usize, Binding)], cast: &mut [EntityId; CAST], rng: &mut Rng, repetition: usize) {
    for (number, binding) in bindings {
        let id = match binding {
            Binding::Fixed(id) => Some(*id),
            Binding::Any(members) => members.get(rng.below(members.len() as u64) as usize).copied(),
            Binding::Of(owner, members) => {
                let owner = cast.get(*owner).copied().unwrap_or_default();
                members.get(below(mix(u64::from(owner), 11), members.len() as u64) as usize).copied()
            }
            Binding::Each(members) => members.get(repetition % members.len().max(1)).copied(),
        };
        if let (Some(slot), Some(id)) = (cast.get_mut(*number), id) {
            *slot = id;
        }
    }
}

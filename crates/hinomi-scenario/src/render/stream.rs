//! The files: buffers, numbering, losses, and the truth about where lines stand.

use std::collections::BTreeMap;

use super::occur::{Happening, Payload, stream_key};
use super::{NO_STEP, Sink, instant};
use crate::calendar::Dial;
use crate::compile::{Compiler, Filling};
use crate::entity::{NAME, Population};
use crate::error::ScenarioError;
use crate::plan::Plan;
use crate::seed::mix;
use crate::spec::Library;
use crate::truth::{Evidence, FileTotal, LossTruth, MOST_EVIDENCE, StepTruth};

/// Bytes of a file kept before they are handed to the sink.
const BUFFER: usize = 128 << 10;

/// All files of a rendering.
pub(super) struct Streams {
    files: BTreeMap<u64, Stream>,
    formats: Vec<String>,
    line_formats: Vec<u32>,
    losses: Vec<Loss>,
    dial: Dial,
}

/// One file.
struct Stream {
    path: String,
    buffer: Vec<u8>,
    written: u64,
    events: u64,
    /// Next number, by counter.
    next: Vec<u64>,
    /// Indices of losses that concern it.
    losses: Vec<usize>,
}

struct Loss {
    counter: Option<u32>,
    from: i64,
    until: i64,
    numbered: bool,
    truth: LossTruth,
}

impl Streams {
    pub(super) fn new(
        library: &Library,
        population: &Population,
        compiler: &mut Compiler<'_>,
        plan: &Plan,
    ) -> Result<Self, ScenarioError> {
        let mut files = BTreeMap::new();
        for (host, role) in population.hosts() {
            for log in &role.logs {
                let unknown =
                    || ScenarioError::Unknown { place: role.name.clone(), kind: "format", name: log.clone() };
                let format = compiler.format(log).ok_or_else(unknown)?;
                let file = library.formats.get(log).ok_or_else(unknown)?;
                let path = format!("{}/{}", population.value(host, NAME), file.file);
                // Sources had been numbering before the span begins.
                let first = 1000 + mix(u64::from(host), u64::from(format)) % 5_000_000;
                let next = vec![first; compiler.counters.get(format as usize).map_or(1, |c| c.len().max(1))];
                let stream =
                    Stream { path, buffer: Vec::new(), written: 0, events: 0, next, losses: Vec::new() };
                files.insert(stream_key(host, format), stream);
            }
        }
        let mut streams = Self {
            files,
            formats: compiler.formats.clone(),
            line_formats: compiler.lines.iter().map(|l| l.format).collect(),
            losses: Vec::new(),
            dial: Dial::new(plan.era.offset),
        };
        streams.add_losses(library, compiler, plan)?;
        Ok(streams)
    }

    fn add_losses(
        &mut self,
        library: &Library,
        compiler: &mut Compiler<'_>,
        plan: &Plan,
    ) -> Result<(), ScenarioError> {
        for loss in &library.scenario.losses {
            let unknown = |kind, name: &String| ScenarioError::Unknown {
                place: "losses".to_owned(),
                kind,
                name: name.clone(),
            };
            let time = |id: &String, otherwise: i64| {
                if id.is_empty() {
                    return Ok(otherwise);
                }
                plan.step_times.get(id).copied().ok_or_else(|| unknown("step", id))
            };
            let (from, until) = (time(&loss.from, plan.era.start())?, time(&loss.until, plan.era.end())?);
            let format = compiler.format(&loss.format).ok_or_else(|| unknown("format", &loss.format))?;
            let counter = (!loss.counter.is_empty()).then(|| compiler.counter(format, &loss.counter));
            for host in &loss.hosts {
                let id = plan.cast.get(host).ok_or_else(|| unknown("part", host))?;
                let stream = self.files.get_mut(&stream_key(*id, format));
                let stream = stream.ok_or_else(|| unknown("log of host", host))?;
                stream.losses.push(self.losses.len());
                let truth = LossTruth {
                    file: stream.path.clone(),
                    counter: loss.counter.clone(),
                    from: instant(from),
                    until: instant(until),
                    numbered: loss.numbered,
                    why: loss.why.en.clone(),
                    why_ja: loss.why.ja.clone(),
                    lines: 0,
                };
                self.losses.push(Loss { counter, from, until, numbered: loss.numbered, truth });
            }
        }
        Ok(())
    }

    /// Formats of lines, by number of line.
    pub(super) fn line_formats(&self) -> &[u32] {
        &self.line_formats
    }

    pub(super) fn format(&self, place: &str, name: &str) -> Result<u32, ScenarioError> {
        let at = self.formats.iter().position(|f| f == name);
        at.map(|at| at as u32).ok_or_else(|| ScenarioError::Unknown {
            place: place.to_owned(),
            kind: "format",
            name: name.to_owned(),
        })
    }

    /// Writes one line, or counts it as lost.
    pub(super) fn write(
        &mut self,
        happening: &Happening,
        compiler: &Compiler<'_>,
        population: &Population,
        steps: &mut [StepTruth],
        sink: &mut dyn Sink,
    ) -> Result<(), ScenarioError> {
        let line = match &happening.payload {
            Payload::Line { line, .. } => compiler.lines.get(*line as usize),
            Payload::Ready(_) => None,
        };
        let numbering = line.map(|l| l.counter);
        let counter = numbering.unwrap_or_default();
        let Some(stream) = self.files.get_mut(&happening.stream_key) else {
            // The machine has no such log.
            lose(steps, happening.step);
            return Ok(());
        };
        if let Some(loss) = stream.loss(&mut self.losses, happening, numbering) {
            if loss {
                stream.number(counter);
            }
            lose(steps, happening.step);
            return Ok(());
        }
        let sequence = if happening.is_planned() { stream.number(counter) } else { 0 };
        let begin = stream.buffer.len();
        match (&happening.payload, line) {
            (Payload::Line { seed, cast, .. }, Some(line)) => {
                let fresh = mix(*seed, happening.tie);
                let filling =
                    Filling { population, cast, seed: *seed, fresh, time: happening.time, sequence };
                line.write(&mut stream.buffer, &filling, &mut self.dial);
            }
            (Payload::Ready(bytes), _) => {
                stream.buffer.extend_from_slice(bytes);
                stream.buffer.push(b'\n');
            }
            _ => {}
        }
        stream.events += 1;
        if happening.step != NO_STEP {
            stream.note(steps, happening.step, begin);
        }
        if stream.buffer.len() >= BUFFER { stream.flush(sink) } else { Ok(()) }
    }

    pub(super) fn flush(&mut self, sink: &mut dyn Sink) -> Result<(), ScenarioError> {
        self.files.values_mut().try_for_each(|s| s.flush(sink))
    }

    /// Totals of files with lines, and what was lost.
    pub(super) fn totals(self) -> (Vec<FileTotal>, Vec<LossTruth>) {
        let total = |s: Stream| FileTotal { path: s.path, events: s.events, bytes: s.written };
        let mut files: Vec<FileTotal> =
            self.files.into_values().map(total).filter(|f| f.events > 0).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        (files, self.losses.into_iter().map(|l| l.truth).collect())
    }
}

impl Stream {
    fn number(&mut self, counter: u32) -> u64 {
        let Some(next) = self.next.get_mut(counter as usize) else { return 0 };
        *next += 1;
        *next
    }

    /// `Some(numbered)` if the line is lost. Of a recorded line nobody knows the counter: any loss takes it.
    fn loss(&self, losses: &mut [Loss], happening: &Happening, counter: Option<u32>) -> Option<bool> {
        for &at in &self.losses {
            let Some(loss) = losses.get_mut(at) else { continue };
            let concerned = loss.counter.is_none_or(|c| counter.is_none_or(|known| known == c));
            if concerned && (loss.from..loss.until).contains(&happening.time) {
                loss.truth.lines += 1;
                return Some(loss.numbered);
            }
        }
        None
    }

    fn note(&self, steps: &mut [StepTruth], step: u32, begin: usize) {
        if let Some(truth) = steps.get_mut(step as usize) {
            truth.visible = true;
            if truth.evidence.len() >= MOST_EVIDENCE {
                truth.more_evidence += 1;
                return;
            }
            truth.evidence.push(Evidence {
                file: self.path.clone(),
                offset: self.written + begin as u64,
                length: (self.buffer.len() - begin).saturating_sub(1) as u32,
            });
        }
    }

    fn flush(&mut self, sink: &mut dyn Sink) -> Result<(), ScenarioError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let failed = |source| ScenarioError::Sink { path: self.path.clone(), source };
        sink.append(&self.path, &self.buffer).map_err(failed)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn lose(steps: &mut [StepTruth], step: u32) {
    if step != NO_STEP
        && let Some(truth) = steps.get_mut(step as usize)
    {
        truth.lost += 1;
    }
}

//! From activities and steps to deeds: names resolved, times known, lines compiled.

use std::collections::BTreeMap;

use hinomi_model::NANOS_PER_SECOND;

use crate::calendar::{DAY, HOUR, parse_clock, parse_date, parse_offset};
use crate::compile::{CAST, Compiler, Scope};
use crate::entity::{EntityId, Population};
use crate::error::ScenarioError;
use crate::seed::{below, mix, word};
use crate::spec::{Activity, Emission, Library, Shape, Span, Splice, Step, Words, counts, span};

/// Most lines of one emission.
const MOST_REPEATS: i64 = 200_000;

/// Who is bound to a part.
#[derive(Clone, Debug)]
pub(crate) enum Binding {
    /// Always this one.
    Fixed(EntityId),
    /// Any of these.
    Any(Vec<EntityId>),
    /// The one that belongs to another part.
    Of(usize, Vec<EntityId>),
    /// One after the other, repetition by repetition.
    Each(Vec<EntityId>),
}

/// One emission, resolved.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) on: usize,
    pub(crate) line: u32,
    pub(crate) after: Span,
    pub(crate) repeat: Span,
    pub(crate) every: Span,
    pub(crate) chance: f64,
    pub(crate) bind: Vec<(usize, Binding)>,
}

/// When a deed is done.
#[derive(Debug)]
pub(crate) enum Timing {
    /// So many times a day for each subject, spread over a shape.
    Rate { per_day: f64, shape: Option<usize> },
    /// At these local times of day, on days whose bit is set (bit 0 is Monday).
    At { clocks: Vec<i64>, days: u8, chance: f64 },
    /// Again and again.
    Every { period: i64, chance: f64 },
    /// Once.
    Once { time: i64 },
}

/// Something done: background, a twin, or a step of the case.
#[derive(Debug)]
pub(crate) struct Deed {
    pub(crate) seed: u64,
    pub(crate) per: Option<(usize, Vec<EntityId>)>,
    pub(crate) timing: Timing,
    pub(crate) jitter: i64,
    pub(crate) cast: [EntityId; CAST],
    pub(crate) bind: Vec<(usize, Binding)>,
    pub(crate) parts: Vec<Part>,
    pub(crate) splice: Vec<(Splice, Vec<usize>, Vec<usize>)>,
    pub(crate) tale: Option<Tale>,
}

/// What the truth says of a deed.
#[derive(Clone, Debug)]
pub(crate) struct Tale {
    pub(crate) id: String,
    pub(crate) twin_of: Vec<String>,
    pub(crate) stage: String,
    pub(crate) techniques: Vec<String>,
    pub(crate) what: Words,
    pub(crate) host: Option<usize>,
    pub(crate) account: Option<usize>,
    pub(crate) source: Option<usize>,
}

/// Local time of the organisation.
#[derive(Debug)]
pub(crate) struct Era {
    /// Seconds east of UTC.
    pub(crate) offset: i64,
    /// First local day, since the epoch.
    pub(crate) first_day: i64,
    pub(crate) days: u32,
    pub(crate) holidays: Vec<i64>,
}

impl Era {
    pub(crate) fn new(library: &Library, days: Option<u32>) -> Result<Self, ScenarioError> {
        let organisation = &library.organisation;
        let wrong = |value: &str, expected| ScenarioError::Notation {
            place: organisation.name.clone(),
            value: value.to_owned(),
            expected,
        };
        let date = |text: &String| parse_date(text).ok_or_else(|| wrong(text, "a date such as 2026-06-05"));
        Ok(Self {
            offset: parse_offset(&organisation.utc_offset)
                .ok_or_else(|| wrong(&organisation.utc_offset, "an offset such as +09:00"))?,
            first_day: date(&library.scenario.start)?,
            days: days.unwrap_or(library.scenario.days),
            holidays: organisation.holidays.iter().map(date).collect::<Result<_, _>>()?,
        })
    }

    /// The instant at which local day `day` of the span begins.
    pub(crate) fn midnight(&self, day: i64) -> i64 {
        (self.first_day + day) * DAY - self.offset * NANOS_PER_SECOND
    }

    pub(crate) fn start(&self) -> i64 {
        self.midnight(0)
    }

    pub(crate) fn end(&self) -> i64 {
        self.midnight(i64::from(self.days))
    }

    /// Local day since the epoch, hour, and day of the week (0 is Monday) of an instant.
    pub(crate) fn local(&self, nanos: i64) -> (i64, usize, usize) {
        let local = nanos + self.offset * NANOS_PER_SECOND;
        let day = local.div_euclid(DAY);
        // 1970-01-01 was a Thursday.
        (day, (local.rem_euclid(DAY) / HOUR) as usize, (day + 3).rem_euclid(7) as usize)
    }
}

/// Weights of hours with mean 1 on a working day.
#[derive(Debug)]
pub(crate) struct Hours {
    weights: Vec<f64>,
    saturday: f64,
    sunday: f64,
    holiday: f64,
}

impl Hours {
    fn new(name: &str, shape: &Shape) -> Result<Self, ScenarioError> {
        let numbers: Option<Vec<f64>> =
            shape.hours.split_whitespace().map(|h| h.parse::<f64>().ok().filter(|n| *n >= 0.0)).collect();
        let numbers = numbers.filter(|n| n.len() == 24 && n.iter().sum::<f64>() > 0.0);
        let numbers = numbers.ok_or_else(|| ScenarioError::Notation {
            place: format!("shape {name}"),
            value: shape.hours.clone(),
            expected: "24 numbers",
        })?;
        let sum: f64 = numbers.iter().sum();
        let weights = numbers.iter().map(|n| n * 24.0 / sum).collect();
        Ok(Self { weights, saturday: shape.saturday, sunday: shape.sunday, holiday: shape.holiday })
    }

    /// Weight of the hour of an instant.
    pub(crate) fn weight(&self, era: &Era, nanos: i64) -> f64 {
        let (day, hour, weekday) = era.local(nanos);
        let of_day = match weekday {
            _ if era.holidays.contains(&day) => self.holiday,
            5 => self.saturday,
            6 => self.sunday,
            _ => 1.0,
        };
        self.weights.get(hour).copied().unwrap_or(1.0) * of_day
    }
}

/// Everything that will happen.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) era: Era,
    pub(crate) hours: Vec<Hours>,
    pub(crate) deeds: Vec<Deed>,
    /// Beginnings of steps, by id.
    pub(crate) step_times: BTreeMap<String, i64>,
    pub(crate) cast: BTreeMap<String, EntityId>,
}

/// Which parts of a scenario are rendered, and how it varies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    pub(crate) seed: u64,
    pub(crate) variant: Option<u64>,
    pub(crate) case: bool,
    pub(crate) background: bool,
}

/// Resolves a library.
pub(crate) struct Planner<'a, 'c> {
    pub(crate) library: &'a Library,
    pub(crate) population: &'a Population,
    pub(crate) compiler: &'c mut Compiler<'a>,
    pub(crate) selection: Selection,
    shapes: Vec<String>,
    cast: BTreeMap<String, EntityId>,
}

impl<'a, 'c> Planner<'a, 'c> {
    pub(crate) fn new(
        library: &'a Library,
        population: &'a Population,
        compiler: &'c mut Compiler<'a>,
        selection: Selection,
    ) -> Self {
        let shapes = library.organisation.shapes.keys().cloned().collect();
        Self { library, population, compiler, selection, shapes, cast: BTreeMap::new() }
    }

    pub(crate) fn plan(mut self, era: Era) -> Result<Plan, ScenarioError> {
        let library = self.library;
        let hours = library.organisation.shapes.iter().map(|(n, s)| Hours::new(n, s));
        let hours = hours.collect::<Result<Vec<_>, _>>()?;
        for (name, role) in &library.scenario.cast {
            let place = format!("cast {name}");
            let members = self.members(&place, role)?;
            let drawn = below(mix(self.draw_seed(), word(name)), members.len() as u64);
            let id = members.get(drawn as usize).copied();
            self.cast.insert(name.clone(), id.ok_or_else(|| unknown(&place, "member of role", role))?);
        }
        let mut deeds = Vec::new();
        if self.selection.background {
            for activity in &library.organisation.noise {
                deeds.push(self.activity(activity)?);
            }
        }
        for twin in &library.scenario.twins {
            deeds.push(self.activity(twin)?);
        }
        let mut step_times = BTreeMap::new();
        for step in &library.scenario.steps {
            let deed = self.step(step, &era)?;
            if let Timing::Once { time } = deed.timing {
                step_times.insert(step.id.clone(), time);
            }
            if self.selection.case {
                deeds.push(deed);
            }
        }
        Ok(Plan { era, hours, deeds, step_times, cast: self.cast })
    }

    /// Casts stay the same from seed to seed unless a variant is asked for.
    fn draw_seed(&self) -> u64 {
        self.selection.variant.map_or(1, |v| mix(v, 77))
    }

    fn activity(&mut self, activity: &Activity) -> Result<Deed, ScenarioError> {
        let place = &activity.name;
        let mut scope = Scope::new(place);
        let mut per = None;
        for (name, role) in &activity.per {
            per = Some((scope.add_cast(name)?, self.members(place, role)?));
        }
        let bind = self.bindings(&mut scope, &activity.bind)?;
        let cast = self.known_cast(&mut scope, &activity.emit)?;
        scope.add_draws(&activity.draw)?;
        let parts = self.parts(&mut scope, &activity.emit)?;
        let tale = (!activity.twin_of.is_empty()).then(|| Tale {
            id: activity.name.clone(),
            twin_of: activity.twin_of.clone(),
            stage: String::new(),
            techniques: Vec::new(),
            what: activity.what.clone(),
            host: scope.cast_number(&activity.host).or(parts.first().map(|p| p.on)),
            account: scope.cast_number(&activity.account),
            source: None,
        });
        Ok(Deed {
            seed: mix(self.selection.seed, word(place)),
            per,
            timing: self.timing(activity)?,
            jitter: optional_span(place, &activity.jitter)?.high,
            cast,
            bind,
            parts,
            splice: Vec::new(),
            tale,
        })
    }

    fn step(&mut self, step: &Step, era: &Era) -> Result<Deed, ScenarioError> {
        let place = &step.id;
        let mut scope = Scope::new(place);
        let bind = self.bindings(&mut scope, &step.bind)?;
        for name in [&step.host, &step.account, &step.source] {
            if !name.is_empty() && self.cast.contains_key(name) {
                scope.add_cast(name)?;
            }
        }
        for name in step.splice.iter().flat_map(|s| s.hosts.iter().chain(&s.accounts)) {
            scope.add_cast(name)?;
        }
        let cast = self.known_cast(&mut scope, &step.emit)?;
        scope.add_draws(&step.draw)?;
        let parts = self.parts(&mut scope, &step.emit)?;
        let numbers =
            |names: &[String]| -> Vec<usize> { names.iter().filter_map(|n| scope.cast_number(n)).collect() };
        let splice =
            step.splice.iter().map(|s| (s.clone(), numbers(&s.hosts), numbers(&s.accounts))).collect();
        Ok(Deed {
            seed: mix(mix(self.selection.seed, self.draw_seed()), word(place)),
            per: None,
            timing: Timing::Once { time: self.step_time(step, era)? },
            jitter: 0,
            cast,
            bind,
            splice,
            tale: Some(Tale {
                id: step.id.clone(),
                twin_of: Vec::new(),
                stage: step.stage.clone(),
                techniques: step.techniques.clone(),
                what: step.what.clone(),
                host: scope.cast_number(&step.host).or(parts.first().map(|p| p.on)),
                account: scope.cast_number(&step.account),
                source: scope.cast_number(&step.source),
            }),
            parts,
        })
    }

    /// A variant moves all steps by the same hours and stretches the time between them, so that their order stays.
    fn step_time(&self, step: &Step, era: &Era) -> Result<i64, ScenarioError> {
        let variant = &self.library.scenario.variant;
        let pick = |salt: u64, most: usize| {
            self.selection.variant.map(|v| below(mix(v, salt), most as u64) as usize)
        };
        let pace = pick(1, variant.pace_percent.len()).and_then(|at| variant.pace_percent.get(at));
        let shift = pick(2, variant.shift_hours.len()).and_then(|at| variant.shift_hours.get(at));
        let offsets = self.library.scenario.steps.iter().map(offset).collect::<Result<Vec<_>, _>>()?;
        let first = offsets.into_iter().min().unwrap_or_default();
        let since = (offset(step)? - first) / 100 * i64::from(pace.copied().unwrap_or(100));
        // Moved to before the span, the case begins a day later.
        let begin = first + shift.copied().unwrap_or(0) * HOUR;
        let begin = if begin < 0 { begin + DAY } else { begin };
        Ok(era.midnight(0) + begin + since)
    }

    fn timing(&self, activity: &Activity) -> Result<Timing, ScenarioError> {
        let place = &activity.name;
        let chance = activity.chance.unwrap_or(1.0);
        let wrong = |value: &str, expected| ScenarioError::Notation {
            place: place.clone(),
            value: value.to_owned(),
            expected,
        };
        if !activity.at.is_empty() {
            let clock = |t: &String| parse_clock(t).ok_or_else(|| wrong(t, "a time of day such as 02:00"));
            let clocks = activity.at.iter().map(clock).collect::<Result<_, _>>()?;
            return Ok(Timing::At { clocks, days: days(&activity.days, &wrong)?, chance });
        }
        if !activity.every.is_empty() {
            let period = span(place, &activity.every)?.low;
            if period < NANOS_PER_SECOND {
                return Err(wrong(&activity.every, "a period of at least one second"));
            }
            return Ok(Timing::Every { period, chance });
        }
        let shape = if activity.shape.is_empty() {
            None
        } else {
            let at = self.shapes.iter().position(|s| *s == activity.shape);
            Some(at.ok_or_else(|| unknown(place, "shape", &activity.shape))?)
        };
        Ok(Timing::Rate { per_day: activity.rate, shape })
    }

    /// Parts whose names the case's cast knows.
    fn known_cast(
        &self,
        scope: &mut Scope,
        emissions: &[Emission],
    ) -> Result<[EntityId; CAST], ScenarioError> {
        let named = |text: &str, name: &str| text.contains(&format!("<{name}."));
        for name in self.cast.keys() {
            let used = emissions.iter().any(|e| e.on == *name || e.with.values().any(|w| named(w, name)));
            if used || self.in_choices(name) {
                scope.add_cast(name)?;
            }
        }
        let mut cast = [0; CAST];
        for (slot, name) in cast.iter_mut().zip(&scope.cast) {
            *slot = self.cast.get(name).copied().unwrap_or_default();
        }
        Ok(cast)
    }

    /// Whether a choice's texts name this part.
    fn in_choices(&self, name: &str) -> bool {
        let hole = format!("<{name}.");
        let mut texts = self.library.scenario.choices.values().flatten().flat_map(BTreeMap::values);
        texts.any(|t| t.contains(&hole))
    }

    fn bindings(
        &self,
        scope: &mut Scope,
        bind: &BTreeMap<String, String>,
    ) -> Result<Vec<(usize, Binding)>, ScenarioError> {
        // Those that belong to another part come after it.
        let mut found = Vec::new();
        for dependent in [false, true] {
            for (name, role) in bind.iter().filter(|(_, r)| r.contains('@') == dependent) {
                let binding = self.binding(scope, role)?;
                found.push((scope.add_cast(name)?, binding));
            }
        }
        Ok(found)
    }

    fn binding(&self, scope: &Scope, role: &str) -> Result<Binding, ScenarioError> {
        let place = &scope.place;
        if let Some((role, owner)) = role.split_once('@') {
            let owner_number = scope.cast_number(owner).ok_or_else(|| unknown(place, "part", owner))?;
            return Ok(Binding::Of(owner_number, self.members(place, role)?));
        }
        if let Some(role) = role.strip_suffix("#*") {
            return Ok(Binding::Each(self.members(place, role)?));
        }
        if let Some(id) = self.cast.get(role) {
            return Ok(Binding::Fixed(*id));
        }
        let members = self.members(place, role)?;
        Ok(match members.as_slice() {
            [only] => Binding::Fixed(*only),
            _ => Binding::Any(members),
        })
    }

    /// Members of `role`, `role|other` or `role#2` (the second).
    fn members(&self, place: &str, expression: &str) -> Result<Vec<EntityId>, ScenarioError> {
        let mut all = Vec::new();
        for part in expression.split('|') {
            let (role, number) = part.split_once('#').map_or((part, None), |(r, n)| (r, Some(n)));
            let found = self.population.role(role).ok_or_else(|| unknown(place, "role", role))?;
            match number {
                None => all.extend(&found.members),
                Some(number) => {
                    let at = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                    let id = at.and_then(|at| found.members.get(at % found.members.len().max(1)));
                    all.push(*id.ok_or_else(|| unknown(place, "member", part))?);
                }
            }
        }
        if all.is_empty() { Err(unknown(place, "member of role", expression)) } else { Ok(all) }
    }

    fn parts(&mut self, scope: &mut Scope, emissions: &[Emission]) -> Result<Vec<Part>, ScenarioError> {
        let mut parts = Vec::new();
        for emission in emissions {
            let bind = self.bindings(scope, &emission.bind)?;
            let place = scope.place.clone();
            let repeat = if emission.repeat.is_empty() {
                Span { low: 1, high: 1 }
            } else {
                counts(&place, &emission.repeat)?
            };
            if repeat.high > MOST_REPEATS {
                let most = MOST_REPEATS as usize;
                return Err(ScenarioError::TooMany { place, kind: "lines of one emission", most });
            }
            let on = scope.cast_number(&emission.on).ok_or_else(|| unknown(&place, "part", &emission.on))?;
            parts.push(Part {
                on,
                line: self.compiler.line(scope, emission, on)?,
                after: optional_span(&place, &emission.after)?,
                repeat,
                every: optional_span(&place, &emission.every)?,
                chance: emission.chance.unwrap_or(1.0),
                bind,
            });
        }
        Ok(parts)
    }
}

/// Time of a step since the beginning of the span.
fn offset(step: &Step) -> Result<i64, ScenarioError> {
    let clock = parse_clock(&step.at).ok_or_else(|| ScenarioError::Notation {
        place: step.id.clone(),
        value: step.at.clone(),
        expected: "a time of day such as 23:41",
    })?;
    Ok(i64::from(step.day) * DAY + clock)
}

fn optional_span(place: &str, text: &str) -> Result<Span, ScenarioError> {
    if text.is_empty() { Ok(Span::default()) } else { span(place, text) }
}

fn unknown(place: &str, kind: &'static str, name: &str) -> ScenarioError {
    ScenarioError::Unknown { place: place.to_owned(), kind, name: name.to_owned() }
}

fn days(names: &[String], wrong: &dyn Fn(&str, &'static str) -> ScenarioError) -> Result<u8, ScenarioError> {
    const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let mut bits = 0;
    for name in names {
        let at = WEEK.iter().position(|d| d == name).ok_or_else(|| wrong(name, "mon, tue, … or sun"))?;
        bits |= 1 << at;
    }
    Ok(if bits == 0 { 0x7f } else { bits })
}

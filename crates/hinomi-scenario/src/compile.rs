//! From templates to lines that can be written without looking anything up by name.

use std::collections::BTreeMap;

use crate::calendar::{Dial, TimeForm};
use crate::draw::Draw;
use crate::entity::{EntityId, Population};
use crate::error::ScenarioError;
use crate::seed::{below, mix};
use crate::spec::{DrawKind, Emission, EventSpec, Format, Library, draw_kind};
use crate::template::{Filter, Piece, pieces};
use crate::text;

/// Most parts that an activity has.
pub(crate) const CAST: usize = 12;
/// In templates: the machine whose log the line stands in.
const HERE: &str = "host";
/// Templates inside templates.
const DEEPEST: u32 = 10;

/// A part of a line.
#[derive(Debug)]
enum Op {
    Literal(Box<[u8]>),
    Attribute {
        cast: u8,
        attribute: u32,
        filter: Filter,
    },
    /// The same for all lines of an occurrence.
    Drawn {
        index: u32,
        draw: Draw,
    },
    /// Anew in each line.
    Fresh {
        index: u32,
        draw: Draw,
    },
    /// One of several, drawn once per occurrence.
    Row {
        index: u32,
        rows: Vec<Vec<Op>>,
    },
    Time(TimeForm),
    Sequence,
}

/// A compiled line.
#[derive(Debug)]
pub(crate) struct Line {
    ops: Vec<Op>,
    json: bool,
    /// Number of the counter among those of its format.
    pub(crate) counter: u32,
    /// Number of the format.
    pub(crate) format: u32,
}

/// What an occurrence of a line is filled with.
pub(crate) struct Filling<'a> {
    pub(crate) population: &'a Population,
    pub(crate) cast: &'a [EntityId; CAST],
    /// Seed of the occurrence.
    pub(crate) seed: u64,
    /// Seed of the line.
    pub(crate) fresh: u64,
    pub(crate) time: i64,
    pub(crate) sequence: u64,
}

impl Line {
    /// Appends the line with its line break.
    pub(crate) fn write(&self, out: &mut Vec<u8>, filling: &Filling<'_>, dial: &mut Dial) {
        write_ops(&self.ops, self.json, out, filling, dial);
        out.push(b'\n');
    }
}

fn write_ops(ops: &[Op], json: bool, out: &mut Vec<u8>, filling: &Filling<'_>, dial: &mut Dial) {
    for op in ops {
        match op {
            Op::Literal(bytes) => out.extend_from_slice(bytes),
            Op::Attribute { cast, attribute, filter } => {
                let id = filling.cast.get(usize::from(*cast)).copied().unwrap_or_default();
                let value = filling.population.value(id, *attribute);
                match filter {
                    Filter::None => text::push(out, value.as_bytes(), json),
                    Filter::Raw => out.extend_from_slice(value.as_bytes()),
                    _ => text::push(out, filter.apply(value).as_bytes(), json),
                }
            }
            Op::Drawn { index, draw } => draw.write(out, mix(filling.seed, u64::from(*index))),
            Op::Fresh { index, draw } => draw.write(out, mix(filling.fresh, u64::from(*index))),
            Op::Row { index, rows } => {
                let drawn = below(mix(filling.seed, u64::from(*index)), rows.len() as u64);
                if let Some(row) = rows.get(drawn as usize) {
                    write_ops(row, json, out, filling, dial);
                }
            }
            Op::Time(form) => dial.write(out, *form, filling.time),
            Op::Sequence => crate::calendar::number(out, filling.sequence as i64),
        }
    }
}

/// What the templates of an activity may name.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) place: String,
    /// Cast names, in order of their numbers.
    pub(crate) cast: Vec<String>,
    /// Draws, in order of their numbers.
    pub(crate) draws: Vec<(String, DrawKind)>,
}

impl Scope {
    pub(crate) fn new(place: &str) -> Self {
        Self { place: place.to_owned(), cast: Vec::new(), draws: Vec::new() }
    }

    pub(crate) fn add_cast(&mut self, name: &str) -> Result<usize, ScenarioError> {
        if let Some(known) = self.cast_number(name) {
            return Ok(known);
        }
        if name == HERE {
            return Err(self.unknown("free name", name));
        }
        if self.cast.len() == CAST {
            return Err(ScenarioError::TooMany { place: self.place.clone(), kind: "parts", most: CAST });
        }
        self.cast.push(name.to_owned());
        Ok(self.cast.len() - 1)
    }

    pub(crate) fn add_draws(&mut self, draws: &BTreeMap<String, String>) -> Result<(), ScenarioError> {
        for (name, kind) in draws {
            self.draws.push((name.clone(), draw_kind(&self.place, kind)?));
        }
        Ok(())
    }

    pub(crate) fn cast_number(&self, name: &str) -> Option<usize> {
        self.cast.iter().position(|c| c == name)
    }

    fn unknown(&self, kind: &'static str, name: &str) -> ScenarioError {
        ScenarioError::Unknown { place: self.place.clone(), kind, name: name.to_owned() }
    }
}

/// Compiles lines; formats and their counters get numbers in order of first use.
pub(crate) struct Compiler<'a> {
    library: &'a Library,
    population: &'a Population,
    /// The row taken of each choice.
    choices: &'a BTreeMap<String, usize>,
    pub(crate) lines: Vec<Line>,
    pub(crate) formats: Vec<String>,
    pub(crate) counters: Vec<Vec<String>>,
    fresh: u32,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(
        library: &'a Library,
        population: &'a Population,
        choices: &'a BTreeMap<String, usize>,
    ) -> Self {
        let formats: Vec<String> = library.formats.keys().cloned().collect();
        let counters = vec![Vec::new(); formats.len()];
        Self { library, population, choices, lines: Vec::new(), formats, counters, fresh: 0 }
    }

    /// Number of a format.
    pub(crate) fn format(&self, name: &str) -> Option<u32> {
        self.formats.iter().position(|f| f == name).map(|at| at as u32)
    }

    /// Number of a counter's value in a format.
    pub(crate) fn counter(&mut self, format: u32, value: &str) -> u32 {
        let Some(known) = self.counters.get_mut(format as usize) else { return 0 };
        let at = known.iter().position(|c| c == value).unwrap_or_else(|| {
            known.push(value.to_owned());
            known.len() - 1
        });
        at as u32
    }

    /// Compiles one emission; gives the number of its line.
    pub(crate) fn line(
        &mut self,
        scope: &Scope,
        emission: &Emission,
        on: usize,
    ) -> Result<u32, ScenarioError> {
        let event = emission.event.as_str();
        let unknown = || scope.unknown("event", event);
        let (format_name, event_name) = event.split_once('/').ok_or_else(unknown)?;
        let number = self.format(format_name).ok_or_else(unknown)?;
        let format = self.library.formats.get(format_name).ok_or_else(unknown)?;
        let spec = format.events.get(event_name).ok_or_else(unknown)?;
        let source = Source { with: &emission.with, spec, format, on };
        let mut ops = Vec::new();
        self.template(scope, &source, &format.frame, Place::top(format.json), &mut ops)?;
        let mut label = Vec::new();
        self.template(scope, &source, &format.counter, Place::top(false), &mut label)?;
        let label: Vec<u8> = label
            .iter()
            .filter_map(|op| if let Op::Literal(bytes) = op { Some(bytes.as_ref()) } else { None })
            .flatten()
            .copied()
            .collect();
        let counter = self.counter(number, &String::from_utf8_lossy(&label));
        self.lines.push(Line { ops: joined(ops), json: format.json, counter, format: number });
        Ok(self.lines.len() as u32 - 1)
    }

    fn template(
        &mut self,
        scope: &Scope,
        source: &Source<'_>,
        template: &str,
        place: Place,
        ops: &mut Vec<Op>,
    ) -> Result<(), ScenarioError> {
        if place.depth > DEEPEST {
            return Err(ScenarioError::TooMany {
                place: format!("{}: {template:?}", scope.place),
                kind: "templates inside each other",
                most: DEEPEST as usize,
            });
        }
        for piece in pieces(&scope.place, template)? {
            match piece {
                Piece::Text(text) => {
                    let mut bytes = Vec::new();
                    text::push(&mut bytes, text.as_bytes(), place.inserted && place.json);
                    ops.push(Op::Literal(bytes.into()));
                }
                Piece::Hole { name, filter } => self.hole(scope, source, (&name, filter), place, ops)?,
            }
        }
        Ok(())
    }

    fn hole(
        &mut self,
        scope: &Scope,
        source: &Source<'_>,
        (name, filter): (&str, Filter),
        place: Place,
        ops: &mut Vec<Op>,
    ) -> Result<(), ScenarioError> {
        if name == "@body" {
            return self.template(scope, source, source.spec.body(), place.deeper(), ops);
        }
        if let Some(built_in) = name.strip_prefix('@') {
            ops.push(self.built_in(scope, built_in)?);
            return Ok(());
        }
        let inner = if filter == Filter::Raw { place.deeper() } else { place.insert() };
        if let Some(value) = source.value(name) {
            if matches!(filter, Filter::Upper | Filter::Lower) {
                return Err(scope.unknown("filter for a template", name));
            }
            return self.template(scope, source, value, inner, ops);
        }
        if let Some(index) = scope.draws.iter().position(|(n, _)| n == name)
            && let Some((_, kind)) = scope.draws.get(index)
            && let Some(draw) = Draw::of(kind)
        {
            ops.push(Op::Drawn { index: index as u32, draw });
            return Ok(());
        }
        if let Some(value) = self.library.organisation.constants.get(name) {
            let value = filter.apply(value);
            return self.template(scope, source, &value, inner, ops);
        }
        let Some((owner, field)) = name.split_once('.') else {
            return Err(scope.unknown("value", name));
        };
        let cast = if owner == HERE { Some(source.on) } else { scope.cast_number(owner) };
        if let Some(cast) = cast {
            let attribute =
                self.population.attribute(field).ok_or_else(|| scope.unknown("attribute", name))?;
            ops.push(Op::Attribute { cast: cast as u8, attribute, filter });
            return Ok(());
        }
        if let Some(rows) = self.library.scenario.choices.get(owner) {
            let taken = self.choices.get(owner).copied().unwrap_or_default();
            let value = rows.get(taken).and_then(|r| r.get(field));
            let value = filter.apply(value.ok_or_else(|| scope.unknown("choice", name))?);
            return self.template(scope, source, &value, inner, ops);
        }
        self.row(scope, source, (owner, field), inner, ops)
    }

    fn row(
        &mut self,
        scope: &Scope,
        source: &Source<'_>,
        (owner, field): (&str, &str),
        place: Place,
        ops: &mut Vec<Op>,
    ) -> Result<(), ScenarioError> {
        let name = format!("{owner}.{field}");
        let drawn = scope.draws.iter().position(|(n, _)| n == owner);
        let index = drawn.ok_or_else(|| scope.unknown("value", &name))?;
        let Some((_, DrawKind::Row(list))) = scope.draws.get(index) else {
            return Err(scope.unknown("row", &name));
        };
        let library = self.library;
        let rows = library.organisation.lists.get(list).ok_or_else(|| scope.unknown("list", list))?;
        let mut compiled = Vec::with_capacity(rows.len());
        for row in rows {
            let value = row.get(field).ok_or_else(|| scope.unknown("field of a row", &name))?;
            let mut inner = Vec::new();
            self.template(scope, source, value, place, &mut inner)?;
            compiled.push(joined(inner));
        }
        ops.push(Op::Row { index: index as u32, rows: compiled });
        Ok(())
    }

    /// `<@utc>`, `<@seq>`, `<@draw:hex:8>`.
    fn built_in(&mut self, scope: &Scope, name: &str) -> Result<Op, ScenarioError> {
        if name == "seq" {
            return Ok(Op::Sequence);
        }
        if let Some(kind) = name.strip_prefix("draw:") {
            let draw = Draw::of(&draw_kind(&scope.place, kind)?);
            self.fresh += 1;
            let draw = draw.ok_or_else(|| scope.unknown("draw", name))?;
            return Ok(Op::Fresh { index: self.fresh, draw });
        }
        TimeForm::named(name).map(Op::Time).ok_or_else(|| scope.unknown("built-in value", name))
    }
}

/// Where the values of an event come from, nearest first.
struct Source<'a> {
    with: &'a BTreeMap<String, String>,
    spec: &'a EventSpec,
    format: &'a Format,
    /// Number of the part whose log it is.
    on: usize,
}

impl Source<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        let with = self.with.get(name).map(String::as_str);
        with.or_else(|| self.spec.value(name)).or_else(|| self.format.set.get(name).map(String::as_str))
    }
}

/// Where in a line a template stands.
#[derive(Clone, Copy)]
struct Place {
    json: bool,
    /// It fills a hole, so that its text is escaped.
    inserted: bool,
    depth: u32,
}

impl Place {
    fn top(json: bool) -> Self {
        Self { json, inserted: false, depth: 0 }
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn insert(self) -> Self {
        Self { depth: self.depth + 1, inserted: true, ..self }
    }
}

/// Neighbouring literals in one.
fn joined(ops: Vec<Op>) -> Vec<Op> {
    let mut out: Vec<Op> = Vec::with_capacity(ops.len());
    for op in ops {
        match (out.last_mut(), op) {
            (Some(Op::Literal(before)), Op::Literal(after)) => {
                *before = [before.as_ref(), after.as_ref()].concat().into();
            }
            (_, op) => out.push(op),
        }
    }
    out
}

//! What datagrams need of those before them: templates, sampling, the start of the exporter, the last sequence number.
//!
//! # Invariants
//! What is kept is bounded; the templates that came first go first when there are too many.

use std::collections::BTreeMap;

use super::datagram::{Datagram, Version, u16_at, u32_at};
use super::template::{Field, Template, VARIABLE, templates};

/// Fields of all templates together.
const MOST_FIELDS: usize = 8_192;
/// Observation domains.
const MOST_DOMAINS: usize = 1_024;
/// A count that jumps further was begun anew.
const FAR: u32 = 1_000_000;

/// Version and observation domain.
type Domain = (Version, u32);

/// Values as they stand in a datagram.
pub(super) type Values<'b> = Vec<(Field, &'b [u8])>;

/// A flow: its values as they stand in the datagram, with their fields.
#[derive(Debug)]
pub(super) struct Flow<'c> {
    pub(super) values: Values<'c>,
    /// One of so many packets was looked at.
    pub(super) sampling: u64,
    /// Milliseconds since 1970 when the exporter started, if it has said so.
    pub(super) started_ms: Option<u64>,
    /// Offset and length in the datagram.
    pub(super) at: usize,
    pub(super) length: usize,
}

/// See above.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Context {
    templates: BTreeMap<(Domain, u16), Template>,
    sampling: BTreeMap<Domain, u64>,
    started_ms: BTreeMap<Domain, u64>,
    /// Sequence number of the last datagram, and how many it counts for.
    last: BTreeMap<Domain, (u32, u32)>,
}

/// Fields of a record of version 5, which has no templates: number and length, 0 for what says nothing.
const V5: [(u16, u16); 18] = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 2),
    (14, 2),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (0, 1),
    (6, 1),
    (4, 1),
    (5, 1),
    (16, 2),
    (17, 2),
    (0, 4),
];

fn v5() -> Template {
    let field = |(number, length)| Field { number, enterprise: 0, length };
    Template { fields: V5.map(field).to_vec(), options: false }
}

/// One record at the beginning of bytes, and its length.
fn record<'b>(template: &Template, bytes: &'b [u8]) -> Option<(Values<'b>, usize)> {
    let (mut values, mut at) = (Vec::with_capacity(template.fields.len()), 0);
    for field in &template.fields {
        let mut length = usize::from(field.length);
        if field.length == VARIABLE {
            length = usize::from(*bytes.get(at)?);
            at += 1;
            if length == 255 {
                length = usize::from(u16_at(bytes, at)?);
                at += 2;
            }
        }
        values.push((*field, bytes.get(at..at + length)?));
        at += length;
    }
    Some((values, at))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

impl Context {
    /// Takes a datagram: hands out its flows, and reports what is missing or makes no sense.
    pub(super) fn take<'b>(
        &mut self,
        datagram: &Datagram<'b>,
        hand_out: &mut dyn FnMut(Flow<'b>),
        report: &mut dyn FnMut(usize, String),
    ) {
        let domain = (datagram.version, datagram.domain);
        let mut counted = Some(0);
        if datagram.version == Version::V5 {
            let sampling = u64::from(datagram.sampling);
            counted = Some(records(&v5(), datagram.body, datagram.header, (sampling, None), hand_out));
        } else {
            let mut at = 0;
            while let Some((id, set)) = set(datagram.body, at) {
                let read = self.set(domain, id, set, datagram.header + at + 4, hand_out, report);
                counted = counted.zip(read).map(|(all, more)| all + more);
                at += set.len() + 4;
            }
            let rest = datagram.body.len() - at;
            if rest > 0 && datagram.body.iter().skip(at).any(|byte| *byte != 0) {
                report(
                    datagram.header + at,
                    format!("{rest} bytes behind the last set of a datagram of flows"),
                );
            }
        }
        if datagram.version == Version::V9 {
            counted = Some(1);
        }
        self.compare(domain, datagram.sequence, counted, report);
        match counted {
            Some(counted) if self.last.len() < MOST_DOMAINS => {
                self.last.insert(domain, (datagram.sequence, counted));
            }
            _ => drop(self.last.remove(&domain)),
        }
    }

    /// Says how many the exporter has counted that did not come. IPFIX counts the records before a datagram; some count those
    /// in it, too: what is missing in either way of counting is missing.
    fn compare(
        &mut self,
        domain: Domain,
        sequence: u32,
        counted: Option<u32>,
        report: &mut dyn FnMut(usize, String),
    ) {
        let Some((last, had)) = self.last.get(&domain) else { return };
        let behind = |count: u32| {
            let missing = sequence.wrapping_sub(*last).wrapping_sub(count);
            if (1..FAR).contains(&missing) { missing } else { 0 }
        };
        let mut missing = behind(*had);
        if domain.0 == Version::Ipfix {
            missing = missing.min(counted.map_or(0, behind));
        }
        if missing > 0 {
            let what = if domain.0 == Version::V9 { "datagrams" } else { "flows" };
            let of = domain.1;
            report(0, format!("{missing} {what} that the exporter has counted did not come (domain {of})"));
        }
    }

    /// Takes a set; how many records of data it held, `None` if nobody can say.
    fn set<'b>(
        &mut self,
        domain: Domain,
        id: u16,
        set: &'b [u8],
        at: usize,
        hand_out: &mut dyn FnMut(Flow<'b>),
        report: &mut dyn FnMut(usize, String),
    ) -> Option<u32> {
        let (plain, options) = if domain.0 == Version::V9 { (0, 1) } else { (2, 3) };
        if id == plain || id == options {
            for (id, template) in templates(set, domain.0, id == options) {
                self.define(domain, id, template);
            }
            return Some(0);
        }
        let Some(template) = self.templates.get(&(domain, id)) else {
            report(at, format!("{} bytes of flows whose template {id} has not come are unknown", set.len()));
            return None;
        };
        if !template.options {
            let sampling = self.sampling.get(&domain).copied().unwrap_or(0);
            let stated = (sampling, self.started_ms.get(&domain).copied());
            return Some(records(template, set, at, stated, hand_out));
        }
        let (mut rest, mut count) = (set, 0);
        while rest.len() >= template.shortest()
            && let Some((values, length)) = record(template, rest)
        {
            let of = |wanted: &[u16]| {
                values
                    .iter()
                    .find(|(f, _)| f.enterprise == 0 && wanted.contains(&f.number))
                    .map(|v| number(v.1))
            };
            // One of so many; or so many, and then so many not.
            let interval = of(&[34, 50]).or_else(|| Some((of(&[305])? + of(&[306])?) / of(&[305])?.max(1)));
            if let Some(interval) = interval.filter(|_| self.sampling.len() < MOST_DOMAINS) {
                self.sampling.insert(domain, interval);
            }
            if let Some(started) = of(&[160]).filter(|_| self.started_ms.len() < MOST_DOMAINS) {
                self.started_ms.insert(domain, started);
            }
            rest = rest.get(length..).unwrap_or_default();
            count += 1;
        }
        Some(count)
    }

    fn define(&mut self, domain: Domain, id: u16, template: Option<Template>) {
        match template {
            None => drop(self.templates.remove(&(domain, id))),
            Some(template) => drop(self.templates.insert((domain, id), template)),
        }
        while self.templates.values().map(|t| t.fields.len()).sum::<usize>() > MOST_FIELDS {
            self.templates.pop_first();
        }
    }

    /// As bytes, which [`Context::read`] reads.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let head = |out: &mut Vec<u8>, kind: u8, domain: &Domain| {
            out.extend([kind, domain.0 as u8]);
            out.extend(domain.1.to_be_bytes());
        };
        for ((domain, id), template) in &self.templates {
            head(&mut out, if template.options { 2 } else { 1 }, domain);
            out.extend(id.to_be_bytes());
            out.extend((template.fields.len() as u16).to_be_bytes());
            for field in &template.fields {
                out.extend(field.number.to_be_bytes());
                out.extend(field.enterprise.to_be_bytes());
                out.extend(field.length.to_be_bytes());
            }
        }
        for (domain, interval) in &self.sampling {
            head(&mut out, 3, domain);
            out.extend(interval.to_be_bytes());
        }
        for (domain, started) in &self.started_ms {
            head(&mut out, 5, domain);
            out.extend(started.to_be_bytes());
        }
        for (domain, (sequence, counted)) in &self.last {
            head(&mut out, 4, domain);
            out.extend(sequence.to_be_bytes());
            out.extend(counted.to_be_bytes());
        }
        out
    }

    /// What [`Context::write`] wrote; as far as it makes sense.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut context = Self::default();
        let mut rest = bytes;
        while let Some(length) = context.read_one(rest) {
            rest = rest.get(length..).unwrap_or_default();
        }
        context
    }

    fn read_one(&mut self, bytes: &[u8]) -> Option<usize> {
        let version = match *bytes.get(1)? {
            0 => Version::V5,
            1 => Version::V9,
            2 => Version::Ipfix,
            _ => return None,
        };
        let domain = (version, u32_at(bytes, 2)?);
        match *bytes.first()? {
            kind @ (1 | 2) => {
                let (id, count) = (u16_at(bytes, 6)?, usize::from(u16_at(bytes, 8)?));
                let field = |n: usize| {
                    let at = 10 + n * 8;
                    let (number, enterprise) = (u16_at(bytes, at)?, u32_at(bytes, at + 2)?);
                    Some(Field { number, enterprise, length: u16_at(bytes, at + 6)? })
                };
                let fields = (0..count).map(field).collect::<Option<Vec<_>>>()?;
                self.define(domain, id, Some(Template { fields, options: kind == 2 }));
                Some(10 + count * 8)
            }
            3 => {
                self.sampling.insert(domain, number(bytes.get(6..14)?));
                Some(14)
            }
            5 => {
                self.started_ms.insert(domain, number(bytes.get(6..14)?));
                Some(14)
            }
            4 => {
                self.last.insert(domain, (u32_at(bytes, 6)?, u32_at(bytes, 10)?));
                Some(14)
            }
            _ => None,
        }
    }
}

/// The set at a place of a datagram's body.
fn set(body: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let (id, length) = (u16_at(body, at)?, usize::from(u16_at(body, at + 2)?));
    let set = body.get(at + 4..at + length)?;
    (!(4..=255).contains(&id)).then_some((id, set))
}

/// Hands out the records of a set.
fn records<'b>(
    template: &Template,
    set: &'b [u8],
    from: usize,
    (sampling, started_ms): (u64, Option<u64>),
    hand_out: &mut dyn FnMut(Flow<'b>),
) -> u32 {
    let (mut at, mut count) = (0, 0);
    // What is shorter than a record is padding.
    while set.len() - at >= template.shortest()
        && let Some((values, length)) = record(template, set.get(at..).unwrap_or_default())
    {
        hand_out(Flow { values, sampling, started_ms, at: from + at, length });
        at += length;
        count += 1;
    }
    count
}

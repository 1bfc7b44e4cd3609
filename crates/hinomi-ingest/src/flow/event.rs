//! A flow into a row.

use std::net::{Ipv4Addr, Ipv6Addr};

use hinomi_columns::{FieldId, Row, Store, ValueId};
use hinomi_model::{KindId, Timestamp};

use super::context::Flow;
use super::datagram::Datagram;
use super::field::{Form, named, protocol};

/// Longest value that is kept of a field that is not known.
const MAX_UNKNOWN: usize = 64;
const NANOS: i128 = 1_000_000_000;
/// Seconds between 1900, where NTP begins, and 1970.
const NTP: i128 = 2_208_988_800;

/// Writes flows of one datagram.
pub(super) struct Writer<'s> {
    pub(super) store: &'s mut Store,
    pub(super) kind: KindId,
    /// Offset of the datagram in the unit.
    pub(super) base: usize,
    pub(super) datagram: &'s Datagram<'s>,
}

/// When a flow began and ended.
#[derive(Default)]
struct Times {
    start: Option<i128>,
    end: Option<i128>,
}

fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.len() > 8 {
        return None;
    }
    Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn hex(bytes: &[u8], between: &str) -> String {
    let pairs: Vec<String> = bytes.iter().take(MAX_UNKNOWN).map(|byte| format!("{byte:02x}")).collect();
    pairs.join(between)
}

impl Writer<'_> {
    pub(super) fn write(&mut self, flow: &Flow<'_>) {
        let mut cells = Vec::with_capacity(flow.values.len() + 4);
        let mut times = Times::default();
        for (field, bytes) in &flow.values {
            match named(field.enterprise, field.number) {
                _ if field.number == 0 && field.enterprise == 0 => {}
                Some((_, Form::Time)) => self.time(field.number, bytes, flow.started_ms, &mut times),
                Some((name, form)) => self.value(name, form, bytes, &mut cells),
                None => {
                    let name = match field.enterprise {
                        0 => format!("field_{}", field.number),
                        whose => format!("field_{whose}_{}", field.number),
                    };
                    let form = if bytes.len() <= 8 { Form::Number } else { Form::Hardware };
                    self.value(&name, form, bytes, &mut cells);
                }
            }
        }
        let exported = i128::from(self.datagram.seconds) * NANOS + i128::from(self.datagram.nanos);
        let (start, end) = (times.start.or(times.end), times.end.or(times.start));
        let stamp = |nanos: i128| i64::try_from(nanos).ok().map(Timestamp::from_nanos);
        for (name, at) in [("start", start), ("end", end)] {
            if let Some(at) = at.and_then(stamp) {
                self.text(name, &at.to_string(), &mut cells);
            }
        }
        if let (Some(start), Some(end)) = (start, end) {
            let millis = (end - start).max(0) / 1_000_000;
            self.number("duration_ms", u64::try_from(millis).unwrap_or(u64::MAX), &mut cells);
        }
        if flow.sampling > 1 {
            self.number("sampling_interval", flow.sampling, &mut cells);
        }
        self.number("domain", u64::from(self.datagram.domain), &mut cells);
        let row = Row {
            time: stamp(start.unwrap_or(exported)),
            sequence: None,
            offset: (self.base + flow.at) as u64,
            length: u32::try_from(flow.length).unwrap_or(u32::MAX),
            sub: 0,
        };
        self.store.push(self.kind, row, &mut cells);
    }

    fn text(&mut self, name: &str, text: &str, cells: &mut Vec<(FieldId, ValueId)>) {
        if let Some(field) = self.store.field(name) {
            cells.push((field, self.store.dictionary_mut(field).text(text)));
        }
    }

    fn number(&mut self, name: &str, number: u64, cells: &mut Vec<(FieldId, ValueId)>) {
        if let Some(field) = self.store.field(name) {
            cells.push((field, self.store.dictionary_mut(field).number(&number.to_string())));
        }
    }

    fn value(&mut self, name: &str, form: Form, bytes: &[u8], cells: &mut Vec<(FieldId, ValueId)>) {
        match form {
            Form::Number => match number(bytes) {
                Some(value) => self.number(name, value, cells),
                None => self.text(name, &hex(bytes, ""), cells),
            },
            Form::Protocol => match number(bytes) {
                Some(value) => {
                    let known = u8::try_from(value).ok().and_then(protocol);
                    self.text(name, known.unwrap_or(&value.to_string()), cells);
                }
                None => self.text(name, &hex(bytes, ""), cells),
            },
            Form::Address => {
                let four = <[u8; 4]>::try_from(bytes).map(|b| Ipv4Addr::from(b).to_string());
                let six = <[u8; 16]>::try_from(bytes).map(|b| Ipv6Addr::from(b).to_string());
                self.text(name, &four.or(six).unwrap_or_else(|_| hex(bytes, "")), cells);
            }
            Form::Hardware => self.text(name, &hex(bytes, if bytes.len() == 6 { ":" } else { "" }), cells),
            Form::Text | Form::Time => {
                let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(256)).unwrap_or_default());
                self.text(name, text.trim_end_matches('\0'), cells);
            }
        }
    }

    /// A time of the flow, in nanoseconds since 1970.
    fn time(&self, field: u16, bytes: &[u8], started_ms: Option<u64>, times: &mut Times) {
        let Some(value) = number(bytes) else { return };
        let exported = i128::from(self.datagram.seconds) * NANOS + i128::from(self.datagram.nanos);
        let value_of = i128::from(value);
        let ntp =
            || (i128::from(value >> 32) - NTP) * NANOS + ((i128::from(value & 0xffff_ffff) * NANOS) >> 32);
        let at = match field {
            // Milliseconds since the exporter started, modulo 2³²: the time nearest to that of export.
            21 | 22 => {
                let exported_ms = exported / 1_000_000;
                let uptime = |uptime: u32| exported_ms - i128::from(uptime);
                let started = self.datagram.uptime_ms.map(uptime).or(started_ms.map(i128::from));
                started.map(|started| {
                    let ago = (exported_ms - started - value_of).rem_euclid(1 << 32);
                    let ago = if ago > 1 << 31 { ago - (1 << 32) } else { ago };
                    // Version 5 says nanoseconds, which count.
                    exported - ago * 1_000_000
                })
            }
            150 | 151 => Some(value_of * NANOS),
            152 | 153 => Some(value_of * 1_000_000),
            154..=157 => Some(ntp()),
            158 | 159 => Some(exported - value_of * 1_000),
            161 => {
                times.end = times.start.map(|start| start + value_of * 1_000_000).or(times.end);
                None
            }
            _ => None,
        };
        match field {
            22 | 150 | 152 | 154 | 156 | 158 => times.start = at.or(times.start),
            21 | 151 | 153 | 155 | 157 | 159 => times.end = at.or(times.end),
            _ => {}
        }
    }
}

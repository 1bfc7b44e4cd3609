//! Events as pages show them: what every event has, and the line that was received, read from the evidence.
//!
//! # Invariants
//! A reference carries the digest of the bytes that stand in the ledger, not of what was derived of them. An event whose record was erased is
//! not shown.
//!
//! # Trust
//! A line is what the data key of its block gives, as derived data is: it is compared with the tree when somebody opens or verifies it.

use std::collections::BTreeMap;

use hinomi_ledger::{LedgerError, OpenedBlock, Reader};
use hinomi_model::{Digest, EvidencePlace, EvidenceRef};
use hinomi_query::search::Found;
use hinomi_query::shown;
use serde::Serialize;

use super::super::evidence::Evidence;
use super::super::{Asked, Refused};
use crate::framing::Joining;

/// Bytes of a line that are shown.
const MOST_SHOWN: usize = 4096;
/// Blocks in which an event may go on.
const MOST_BLOCKS: u64 = 8;
/// Columns of places, which the reference holds.
const PLACE: [&str; 5] = ["leaf", "record", "offset", "sub", "length"];

/// An event.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct FoundEvent {
    time: Option<String>,
    kind: String,
    host: Option<String>,
    source: String,
    reference: String,
    raw: String,
    fields: BTreeMap<String, String>,
}

/// Events with what the ledger has of them.
pub(super) fn events(
    found: Vec<Found>,
    origin: &str,
    (evidence, asked): (&Evidence, &Asked<'_>),
) -> Result<Vec<FoundEvent>, Refused> {
    let mut order: Vec<(usize, Found)> = found.into_iter().enumerate().collect();
    // Blocks one after the other: each is read once.
    order.sort_by_key(|(_, event)| (number(event, "leaf"), number(event, "record")));
    // What is searched may be ahead of the view of the evidence, by a whole event or by its end.
    let last = order.last().and_then(|(_, event)| number(event, "leaf")).unwrap_or_default();
    let lines = evidence.with_leaf(last, |opened| {
        let found = lines(&order, &opened.reader)?;
        let lacks = found.iter().any(Option::is_none) && opened.reader.refresh()?;
        if lacks { lines(&order, &opened.reader) } else { Ok(found) }
    })?;
    let mut shown = BTreeMap::new();
    for ((at, event), bytes) in order.iter().zip(lines) {
        if let Some(event) = bytes.and_then(|bytes| one(event, origin, &bytes, asked)) {
            shown.insert(*at, event);
        }
    }
    Ok(shown.into_values().collect())
}

/// The bytes of events that stand in the order of their blocks. Two threads unpack.
fn lines(order: &[(usize, Found)], reader: &Reader) -> Result<Vec<Option<Vec<u8>>>, Refused> {
    let leaf = |at: usize| order.get(at).and_then(|(_, event)| number(event, "leaf"));
    let middle = order.len() / 2;
    let split = (middle..order.len()).find(|at| leaf(*at) != leaf(at.saturating_sub(1)));
    let (front, back) = order.split_at(split.unwrap_or(order.len()));
    if back.is_empty() {
        return part(front, reader);
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(|| part(back, reader));
        let mut all = part(front, reader)?;
        all.extend(other.join().map_err(|_| Refused::Failed("reading lines broke off".to_owned()))??);
        Ok(all)
    })
}

fn part(order: &[(usize, Found)], reader: &Reader) -> Result<Vec<Option<Vec<u8>>>, Refused> {
    let mut blocks = Blocks { reader, held: None };
    order.iter().map(|(_, event)| bytes(&mut blocks, event)).collect()
}

fn number(event: &Found, name: &str) -> Option<u64> {
    event.field(name)?.parse().ok()
}

/// Leaf, record and offset of an event.
fn placed(event: &Found) -> Option<(u64, u32, u64)> {
    let record = u32::try_from(number(event, "record")?).ok()?;
    Some((number(event, "leaf")?, record, number(event, "offset").unwrap_or_default()))
}

fn one(event: &Found, origin: &str, bytes: &[u8], asked: &Asked<'_>) -> Option<FoundEvent> {
    let of = |name: &str| event.field(name).map(shown).unwrap_or_default();
    let (leaf, record, offset) = placed(event)?;
    let place = EvidencePlace::Log { origin: origin.to_owned(), leaf, record };
    let sub = number(event, "sub").and_then(|sub| u32::try_from(sub).ok()).unwrap_or_default();
    let reference = EvidenceRef { place, offset, sub, event: Digest::of(bytes) };
    let mut fields = BTreeMap::new();
    for (name, value) in event.fields.iter().filter(|(name, _)| !PLACE.contains(&name.as_str())) {
        let value = match name.as_str() {
            "kind" | "host" | "source" => continue,
            "account" => accounts(value, asked),
            _ => shown(value),
        };
        fields.insert(name.clone(), value);
    }
    let time =
        event.time.map(|t| super::super::time(hinomi_model::Timestamp::from_nanos(t.saturating_mul(1000))));
    Some(FoundEvent {
        time,
        kind: of("kind"),
        host: Some(of("host")).filter(|host| !host.is_empty()),
        source: of("source"),
        reference: reference.to_string(),
        raw: line(bytes).unwrap_or_else(|| told(&fields)),
        fields,
    })
}

/// Names of accounts, each as this person may see it.
fn accounts(value: &str, asked: &Asked<'_>) -> String {
    let names: Vec<String> =
        hinomi_query::elements(value).map(|name| asked.names.account(name, None)).collect();
    names.join(", ")
}

/// Blocks of the ledger; the last one is held.
struct Blocks<'r> {
    reader: &'r Reader,
    held: Option<(u64, OpenedBlock)>,
}

impl Blocks<'_> {
    /// A block; `None` when it was erased, or is none.
    fn at(&mut self, leaf: u64) -> Result<Option<&OpenedBlock>, Refused> {
        if self.held.as_ref().is_none_or(|(held, _)| *held != leaf) {
            self.held = None;
            if leaf >= self.reader.size() {
                return Ok(None);
            }
            self.held = match self.reader.opened(leaf) {
                Ok(block) => block.map(|block| (leaf, block)),
                Err(LedgerError::Erased { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(self.held.as_ref().map(|(_, block)| block))
    }
}

/// The bytes of an event; `None` when they were erased, or are not there.
fn bytes(blocks: &mut Blocks<'_>, event: &Found) -> Result<Option<Vec<u8>>, Refused> {
    let Some((leaf, record, offset)) = placed(event) else { return Ok(None) };
    let Ok(length) = usize::try_from(number(event, "length").unwrap_or_default()) else { return Ok(None) };
    let (mut bytes, mut joining) = (Vec::new(), Joining::default());
    let (mut first, mut skip) = (record as usize, usize::try_from(offset).unwrap_or(usize::MAX));
    let mut source: Option<String> = None;
    for leaf in leaf..leaf.saturating_add(MOST_BLOCKS) {
        // Blocks of other sources stand between those of one.
        let Some(block) = blocks.at(leaf)? else {
            if source.is_none() {
                return Ok(None);
            }
            continue;
        };
        if source.as_ref().is_some_and(|source| *source != block.block.scope.source) {
            continue;
        }
        for record in block.records().skip(first) {
            let rest = record.bytes.get(skip..).unwrap_or_default();
            bytes.extend_from_slice(rest.get(..rest.len().min(length - bytes.len())).unwrap_or_default());
            if bytes.len() < length && joining.lacks_line_feed(&record.bytes) {
                bytes.push(b'\n');
            }
            skip = 0;
            if bytes.len() >= length {
                return Ok(Some(bytes));
            }
        }
        source.get_or_insert_with(|| block.block.scope.source.clone());
        first = 0;
    }
    Ok(None)
}

/// The beginning of a line of text; `None` for what is none.
fn line(bytes: &[u8]) -> Option<String> {
    let part = bytes.get(..MOST_SHOWN.min(bytes.len())).unwrap_or_default();
    if part.contains(&0) {
        return None;
    }
    let text = match std::str::from_utf8(part) {
        Ok(text) => text,
        // A character that was cut through at the end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(part.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    Some(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// What was read of an event that is no text.
fn told(fields: &BTreeMap<String, String>) -> String {
    let parts = fields.iter().filter(|(name, _)| name.as_str() != "class_uid");
    let mut text: String = parts.map(|(name, value)| format!("{name}={value} ")).collect();
    text.truncate(text.floor_char_boundary(MOST_SHOWN));
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_text_or_nothing() {
        assert_eq!(line(b"a b\r\n").as_deref(), Some("a b"));
        assert_eq!(line(b"a\0b"), None);
        assert_eq!(line(b"a\xffb"), None);
        let long = "火".repeat(MOST_SHOWN);
        let shown = line(long.as_bytes()).unwrap();
        assert!(shown.len() <= MOST_SHOWN && shown.len() > MOST_SHOWN - 3 && long.starts_with(&shown));
        // The bound lies within a character that is sound, and at the end there is one that is not.
        assert_eq!(line("é".as_bytes().get(..1).unwrap()).as_deref(), Some(""));
    }
}

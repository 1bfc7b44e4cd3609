//! What people did about incidents, suppressions and hunts, out of the decision ledger, newest first.
//!
//! # Invariants
//! Leaves are walked from the end back, once each, as far as answers need; one look walks for half a second at most and then says
//! where it goes on. A record of a form that is not known is passed over.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use hinomi_model::Timestamp;
use hinomi_server::pages::{Deed, DeedKind, Deeds, DeedsAsked};
use serde_json::{Map, Value};

use super::Refused;
use crate::clock;
use crate::live::{CASES, DecisionReader, HUNTS};

/// Time that one look may walk.
const LOOK_NS: i64 = 500_000_000;
/// Records of a leaf that a position tells apart.
const PLACES: u64 = 1 << 16;
/// Characters of a text that are listed.
const LONGEST: usize = 400;

/// Where work stands in the decision ledger.
#[derive(Debug, Default)]
pub(super) struct Work(Mutex<Walk>);

#[derive(Debug, Default)]
struct Walk {
    reader: Option<DecisionReader>,
    /// Leaves from `low` on and below `high` were walked; those of work among them are `leaves`.
    low: u64,
    high: u64,
    leaves: BTreeSet<u64>,
}

impl Work {
    /// Those below a position, newest first.
    pub(super) fn list(&self, data: &Path, asked: &DeedsAsked<'_>) -> Result<Deeds, Refused> {
        let mut walk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if walk.reader.is_none() {
            walk.reader = DecisionReader::open(data)?;
        }
        let Some(mut reader) = walk.reader.take() else { return Ok(Deeds::default()) };
        let found = walk.list(&mut reader, asked);
        walk.reader = Some(reader);
        found
    }
}

impl Walk {
    fn list(&mut self, reader: &mut DecisionReader, asked: &DeedsAsked<'_>) -> Result<Deeds, Refused> {
        let begun = clock::now().as_nanos();
        let is_late = || clock::now().as_nanos() - begun > LOOK_NS;
        self.catch_up(reader, is_late)?;
        let below = asked.below.unwrap_or(u64::MAX);
        let mut items = Vec::new();
        let mut top = (below / PLACES).min(self.high);
        loop {
            while let Some(leaf) = self.leaves.range(..=top).next_back().copied() {
                take(reader, leaf, asked, below, &mut items)?;
                if items.len() > asked.limit {
                    items.truncate(asked.limit);
                    let below = items.last().map(|last: &Deed| last.position);
                    return Ok(Deeds { items, below });
                }
                let Some(before) = leaf.checked_sub(1) else { return Ok(Deeds { items, below: None }) };
                top = before;
            }
            if self.low == 0 {
                return Ok(Deeds { items, below: None });
            }
            if is_late() {
                return Ok(Deeds { items, below: Some(self.low * PLACES) });
            }
            self.low -= 1;
            if reader.notes_of(self.low, &[CASES, HUNTS])?.is_some() {
                self.leaves.insert(self.low);
            }
        }
    }

    /// Walks what came since; where that is too much, the walk begins anew at the end.
    fn catch_up(&mut self, reader: &mut DecisionReader, is_late: impl Fn() -> bool) -> Result<(), Refused> {
        let size = reader.size()?;
        if self.high == 0 {
            (self.low, self.high) = (size, size);
        }
        while self.high < size {
            if is_late() {
                self.leaves.clear();
                (self.low, self.high) = (size, size);
                break;
            }
            if reader.notes_of(self.high, &[CASES, HUNTS])?.is_some() {
                self.leaves.insert(self.high);
            }
            self.high += 1;
        }
        Ok(())
    }
}

/// Takes the records of a leaf that are below a position and of the kind that is asked for.
fn take(
    reader: &DecisionReader,
    leaf: u64,
    asked: &DeedsAsked<'_>,
    below: u64,
    items: &mut Vec<Deed>,
) -> Result<(), Refused> {
    let of_hunts = reader.notes_of(leaf, &[HUNTS])?.is_some();
    for (index, bytes) in reader.notes_at(leaf)?.iter().enumerate().rev() {
        let position = leaf * PLACES + index as u64;
        let Ok(record) = serde_json::from_slice::<Value>(bytes) else { continue };
        let deed = deed(&record, position, of_hunts, asked).filter(|_| position < below);
        items.extend(deed.filter(|deed| asked.kind.is_none_or(|kind| kind == deed.kind)));
    }
    Ok(())
}

fn deed(record: &Value, position: u64, of_hunts: bool, asked: &DeedsAsked<'_>) -> Option<Deed> {
    let action = record.get("step")?.as_str()?;
    let kind = match action {
        _ if of_hunts => DeedKind::Hunt,
        "suppressed" | "lifted" | "hid" => DeedKind::Suppression,
        _ => DeedKind::Incident,
    };
    let by = record.get("by").filter(|by| !by.is_null());
    let actor = by.map(|by| {
        let of = |name: &str| by.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        by.as_str().map_or_else(|| (of("account"), of("name")), |name| (String::new(), name.to_owned()))
    });
    let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
    let hunt = record.get("hunt");
    let on = match kind {
        DeedKind::Hunt => hunt.and_then(|hunt| hunt.get("name")).and_then(Value::as_str).map(str::to_owned),
        _ => text("name"),
    };
    Some(Deed {
        position,
        number: record.get("number")?.as_u64()?,
        at: record.get("at")?.as_str()?.parse::<Timestamp>().ok()?,
        kind,
        action: action.to_owned(),
        actor,
        on,
        incident: text("incident"),
        details: details(record, asked),
    })
}

/// What is listed of an act. Names of accounts that logs have are pseudonyms here as on other pages; evidence and digests are in
/// the ledger.
fn details(record: &Value, asked: &DeedsAsked<'_>) -> Map<String, Value> {
    const LISTED: [&str; 15] = [
        "assignee",
        "state",
        "text",
        "decision",
        "reason",
        "kind",
        "since",
        "due",
        "over",
        "clock",
        "bytes",
        "names",
        "suppression",
        "count",
        "critical",
    ];
    let clipped = |value: &Value| match value {
        Value::String(text) => Value::String(text.chars().take(LONGEST).collect()),
        other => other.clone(),
    };
    let mut found: Map<String, Value> = LISTED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), clipped(record.get(name)?))))
        .filter(|(_, value)| !value.is_null())
        .collect();
    if let Some(expires) = record.get("expires") {
        found.insert("expires".to_owned(), expires.clone());
    }
    for name in ["rule", "host", "account"] {
        let Some(value) = record.get("condition").and_then(|of| of.get(name)).and_then(Value::as_str) else {
            continue;
        };
        let shown = if name == "account" { asked.names.account(value, None) } else { value.to_owned() };
        found.insert(name.to_owned(), Value::String(shown));
    }
    found
}

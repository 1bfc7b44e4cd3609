//! Derived columns back into a store, for whoever evaluates rules over them.
//!
//! # Invariants
//! A row gets the cells that its event had, with exact names and lists as lists; only fields that were present without value
//! (a JSON null) are absent.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use hinomi_columns::{FieldId, Row, Store, ValueId};
use hinomi_model::{LogKind, Timestamp};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::{CheckedFile, batches, numbers_of_blocks, rows_of_blocks};
use crate::columns::Mapping;
use crate::search::apart;
use crate::{QueryError, value};

/// Where events come from, as far as the kind of log, channel, provider and event id go.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Origin {
    /// Kind of log.
    pub kind: LogKind,
    /// Values of the fields that route events.
    pub routing: [Option<String>; 3],
}

/// Rows of a file that follow each other and come from the same origin: first row, number of rows.
pub type Stretch = (u64, u64);

/// Names of the fields that route events.
const ROUTING: [&str; 3] = ["Channel", "Provider_Name", "EventID"];

fn text(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column.filter(|c| c.is_valid(row)).map(|c| c.value(row))
}

fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Option<&'b StringArray> {
    batch.column_by_name(name).and_then(|c| c.as_string_opt())
}

fn kind_of(name: Option<&str>, categories: Option<&str>) -> LogKind {
    let (product, service) =
        name.unwrap_or_default().split_once('/').unwrap_or((name.unwrap_or_default(), ""));
    let categories = categories.into_iter().flat_map(|c| c.split(',')).map(str::to_owned).collect();
    LogKind { product: product.to_owned(), service: service.to_owned(), categories }
}

/// The stretches of a file, or of some of its blocks, by origin.
///
/// # Errors
/// What reading meets.
pub fn origins(
    file: &CheckedFile,
    blocks: Option<&BTreeSet<u32>>,
) -> Result<HashMap<Origin, Vec<Stretch>>, QueryError> {
    let rows = file.entry().rows;
    let mut numbers = numbers_of_blocks(blocks, rows);
    let selection = blocks.map(|blocks| rows_of_blocks(blocks, rows));
    let has_other = ROUTING.iter().any(|name| file.entry().other.contains_key(*name));
    let wanted = |name: &str| {
        matches!(name, "kind" | "category") || ROUTING.contains(&name) || (has_other && name == "other")
    };
    let mut origins: HashMap<Origin, Vec<Stretch>> = HashMap::new();
    let mut last: Option<(Origin, Stretch)> = None;
    for batch in batches(file, &wanted, selection)? {
        let batch = batch?;
        let columns =
            ["kind", "category", "Channel", "Provider_Name", "EventID"].map(|name| texts(&batch, name));
        let other = texts(&batch, "other").filter(|_| has_other);
        let equal = |a: usize, b: usize| {
            columns.iter().all(|c| text(*c, a) == text(*c, b)) && text(other, a) == text(other, b)
        };
        for row in 0..batch.num_rows() {
            let number = numbers.next().unwrap_or(u64::MAX);
            let follows = |(_, (from, length)): &&mut (Origin, Stretch)| *from + *length == number;
            if let Some((_, (_, length))) =
                last.as_mut().filter(follows).filter(|_| row > 0 && equal(row, row - 1))
            {
                *length += 1;
                continue;
            }
            let [kind, category, routing @ ..] = columns.map(|c| text(c, row));
            let apart = text(other, row).map(apart).unwrap_or_default();
            let find = |name: &str| apart.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            let mut route = routing.map(|r| r.map(str::to_owned));
            for (slot, name) in route.iter_mut().zip(ROUTING) {
                *slot = slot.take().or_else(|| find(name));
            }
            let origin = Origin { kind: kind_of(kind, category), routing: route };
            if let Some((_, (_, length))) = last.as_mut().filter(follows).filter(|(o, _)| *o == origin) {
                *length += 1;
            } else if let Some((origin, stretch)) = last.replace((origin, (number, 1))) {
                origins.entry(origin).or_default().push(stretch);
            }
        }
    }
    if let Some((origin, stretch)) = last {
        origins.entry(origin).or_default().push(stretch);
    }
    Ok(origins)
}

/// An event of an origin without other fields, to ask what could match there.
pub fn probe(store: &mut Store, origin: &Origin) {
    let kind = store.kind(&origin.kind);
    let mut cells = Vec::new();
    for (name, value) in ROUTING.iter().zip(&origin.routing) {
        if let (Some(value), Some(field)) = (value, store.field(name)) {
            cells.push((field, intern(store, field, value)));
        }
    }
    store.push(kind, Row { time: None, sequence: None, offset: 0, length: 0, sub: 0 }, &mut cells);
}

fn intern(store: &mut Store, field: FieldId, text: &str) -> ValueId {
    let dictionary = store.dictionary_mut(field);
    if text.ends_with(value::ELEMENT_END) && !text.starts_with(value::VERBATIM) {
        let elements: Vec<ValueId> = value::elements(text).map(|e| dictionary.text(e)).collect();
        return dictionary.list(&elements);
    }
    dictionary.text(value::elements(text).next().unwrap_or_default())
}

/// Rows as a selection among all rows of a file. The stretches ascend.
fn selection(stretches: &[Stretch], rows: u64) -> RowSelection {
    let mut selectors = Vec::new();
    let mut at = 0;
    for &(from, length) in stretches {
        selectors.push(RowSelector::skip(from.saturating_sub(at) as usize));
        selectors.push(RowSelector::select(length as usize));
        at = from + length;
    }
    selectors.push(RowSelector::skip(rows.saturating_sub(at) as usize));
    RowSelection::from(selectors)
}

/// Puts the rows of some stretches into `store` and hands it to `each`, a few thousand rows at a time; the offset of a row is
/// its number in the file. `each` has to drop the rows.
///
/// # Errors
/// What reading meets, and what `each` returns.
pub fn refill(
    file: &CheckedFile,
    mapping: &Mapping,
    stretches: &[Stretch],
    store: &mut Store,
    each: &mut dyn FnMut(&mut Store) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let mut stretches = stretches.to_vec();
    stretches.sort_unstable();
    let entry = file.entry();
    // A column here is named as the field, or with `_` behind where the name was taken.
    let field_name = |column: &str| -> Option<String> {
        let stripped = column.strip_suffix('_').filter(|s| mapping.is_taken(&s.to_lowercase()));
        (!mapping.is_taken(&column.to_lowercase())).then(|| stripped.unwrap_or(column).to_owned())
    };
    let mut fields: HashMap<String, FieldId> = HashMap::new();
    for name in entry.fields.keys().chain(entry.other.keys()) {
        if let Some(id) = field_name(name).and_then(|n| store.field(&n)) {
            fields.insert(name.clone(), id);
        }
    }
    let reads_other = entry.other.keys().any(|n| fields.contains_key(n));
    let wanted = |name: &str| {
        matches!(name, "time" | "kind" | "category")
            || fields.contains_key(name)
            || (reads_other && name == "other")
    };
    let mut numbers = stretches.iter().flat_map(|(from, length)| *from..*from + *length);
    for batch in batches(file, &wanted, Some(selection(&stretches, entry.rows)))? {
        let batch = batch?;
        push(&batch, store, &fields, &mut numbers);
        each(store)?;
    }
    Ok(())
}

fn push(
    batch: &RecordBatch,
    store: &mut Store,
    fields: &HashMap<String, FieldId>,
    numbers: &mut dyn Iterator<Item = u64>,
) {
    let schema = batch.schema();
    let columns: Vec<(FieldId, Vec<ValueId>)> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .filter_map(|(field, array)| {
            let id = *fields.get(field.name())?;
            let texts = array.as_string_opt::<i32>()?;
            Some((id, interned(store, id, texts)))
        })
        .collect();
    let times = batch.column_by_name("time").and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
    let (kinds, categories, other) = (texts(batch, "kind"), texts(batch, "category"), texts(batch, "other"));
    let mut last_kind = None;
    let mut cells = Vec::new();
    for row in 0..batch.num_rows() {
        let named = (text(kinds, row), text(categories, row));
        let kind = match last_kind {
            Some((before, kind)) if before == named => kind,
            _ => store.kind(&kind_of(named.0, named.1)),
        };
        last_kind = Some((named, kind));
        cells.clear();
        for (id, values) in &columns {
            if let Some(value) = values.get(row).filter(|v| !v.is_absent()) {
                cells.push((*id, *value));
            }
        }
        for (name, value) in text(other, row).map(apart).unwrap_or_default() {
            if let Some(&id) = fields.get(&name) {
                cells.push((id, intern(store, id, &value)));
            }
        }
        let time = times
            .filter(|t| t.is_valid(row))
            .map(|t| Timestamp::from_nanos(t.value(row).saturating_mul(1000)));
        let offset = numbers.next().unwrap_or_default();
        store.push(kind, Row { time, sequence: None, offset, length: 0, sub: 0 }, &mut cells);
    }
}

/// The values of a column; equal texts often follow each other.
fn interned(store: &mut Store, id: FieldId, texts: &StringArray) -> Vec<ValueId> {
    let mut last: Option<(&str, ValueId)> = None;
    let mut values = Vec::with_capacity(texts.len());
    for text in texts {
        let Some(text) = text else {
            values.push(ValueId::ABSENT);
            continue;
        };
        let found = match last {
            Some((before, known)) if before == text => known,
            _ => intern(store, id, text),
        };
        last = Some((text, found));
        values.push(found);
    }
    values
}

//! The small tables beside `events`.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};

use crate::read::Archive;
use crate::{Mapping, QueryError};

/// Tables that need nothing but derived data.
pub(super) const ALWAYS: [&str; 4] = ["events", "sources", "fields", "files"];

pub(super) fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, QueryError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

/// Columns of the small ones among them.
pub(super) fn small_columns(table: &str) -> &'static [&'static str] {
    match table {
        "sources" => &["kind", "host", "day", "events"],
        "fields" => &["name", "family", "events"],
        "files" => &["path", "family", "events", "bytes", "index_bytes", "sha256"],
        _ => &[],
    }
}

/// Those with numbers.
const NUMBERS: [&str; 3] = ["events", "bytes", "index_bytes"];

/// A table that needs nothing but derived data.
#[derive(Clone, Debug)]
pub struct BaseTable {
    /// Its name.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// Names of its columns and their types, for people.
    pub columns: Vec<(String, String)>,
}

/// The tables that need nothing but derived data.
///
/// # Errors
/// As [`Mapping::bundled`].
pub fn base_tables() -> Result<Vec<BaseTable>, QueryError> {
    let mapping = Mapping::bundled()?;
    let type_name = |kind: &DataType| match kind {
        DataType::Int64 => "integer",
        DataType::Timestamp(..) => "time",
        _ => "text",
    };
    let events =
        mapping.fields().iter().map(|f| (f.name().clone(), type_name(f.data_type()).to_owned())).collect();
    let named = |table| {
        let type_name = |name: &str| if NUMBERS.contains(&name) { "integer" } else { "text" };
        small_columns(table).iter().map(|n| ((*n).to_owned(), type_name(n).to_owned())).collect()
    };
    let table = |name, about, columns| BaseTable { name, about, columns };
    Ok(vec![
        table(
            "events",
            "one row for each event; besides these columns every field that a vendor gave it, as text",
            events,
        ),
        table("sources", "how many events of a kind a host has on a day (UTC)", named("sources")),
        table(
            "fields",
            "the fields of vendors, and how many events of a family have a value",
            named("fields"),
        ),
        table("files", "the registered files", named("files")),
    ])
}

fn texts<'t>(values: impl Iterator<Item = &'t str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn numbers(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(UInt64Array::from_iter_values(values))
}

/// `sources`: events by kind of log, host and day.
pub(super) fn sources(archive: &Archive) -> Result<RecordBatch, QueryError> {
    let rows = archive.manifest().coverage();
    batch(vec![
        ("kind", texts(rows.iter().map(|r| r.kind.as_str()))),
        ("host", texts(rows.iter().map(|r| r.host.as_str()))),
        ("day", texts(rows.iter().map(|r| r.day.as_str()))),
        ("events", numbers(rows.iter().map(|r| r.events))),
    ])
}

/// `fields`: vendor columns by family of files, and how many events have a value.
pub(super) fn fields(archive: &Archive) -> Result<RecordBatch, QueryError> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for file in &archive.manifest().files {
        for (name, count) in file.fields.iter().chain(&file.other) {
            *counts.entry((archive.column(name).unwrap_or(name), &file.family)).or_default() += count;
        }
    }
    batch(vec![
        ("name", texts(counts.keys().map(|k| k.0))),
        ("family", texts(counts.keys().map(|k| k.1))),
        ("events", numbers(counts.values().copied())),
    ])
}

/// `files`: what is registered.
pub(super) fn files(archive: &Archive) -> Result<RecordBatch, QueryError> {
    let rows = &archive.manifest().files;
    batch(vec![
        ("path", texts(rows.iter().map(|f| f.path.as_str()))),
        ("family", texts(rows.iter().map(|f| f.family.as_str()))),
        ("events", numbers(rows.iter().map(|f| f.rows))),
        ("bytes", numbers(rows.iter().map(|f| f.bytes))),
        ("index_bytes", numbers(rows.iter().map(|f| f.index_bytes))),
        ("sha256", texts(rows.iter().map(|f| f.sha256.as_str()))),
    ])
}

/// Type of a text column in answers.
pub(super) const TEXT: DataType = DataType::Utf8View;

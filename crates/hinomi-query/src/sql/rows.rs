//! Rows as text and as JSON.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray as _, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{QueryError, value};

/// Each row's cells as people read them; times in a zone.
///
/// # Errors
/// When a column has a type without text form.
pub fn cells(batches: &[RecordBatch], zone: &jiff::tz::TimeZone) -> Result<Vec<Vec<String>>, QueryError> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<Column<'_>> =
            batch.columns().iter().map(|c| Column::new(c.as_ref())).collect::<Result<_, _>>()?;
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|c| c.text(row, zone)).collect()));
    }
    Ok(rows)
}

/// A row as an object whose members are in the order of its columns.
#[derive(Clone, Debug)]
pub struct JsonRow {
    names: Arc<[String]>,
    values: Vec<Value>,
}

impl JsonRow {
    /// The value of a column.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.names.iter().position(|n| n == name)?;
        self.values.get(at)
    }

    /// Its values, in the order of the columns.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }
}

impl Serialize for JsonRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.names.iter().zip(&self.values))
    }
}

/// Names of columns, each once: the second `host` is `host_2`.
pub fn names(schema: &SchemaRef) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut number = 1;
        while names.contains(&name) {
            number += 1;
            name = format!("{}_{number}", field.name());
        }
        names.push(name);
    }
    names
}

/// Each row as an object.
///
/// # Errors
/// As [`cells`].
pub fn json_rows(batches: &[RecordBatch]) -> Result<Vec<JsonRow>, QueryError> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<Column<'_>> =
            batch.columns().iter().map(|c| Column::new(c.as_ref())).collect::<Result<_, _>>()?;
        let names: Arc<[String]> = names(&batch.schema()).into();
        rows.extend((0..batch.num_rows()).map(|row| JsonRow {
            names: Arc::clone(&names),
            values: columns.iter().map(|c| c.json(row)).collect(),
        }));
    }
    Ok(rows)
}

struct Column<'c> {
    array: &'c dyn Array,
    formatter: ArrayFormatter<'c>,
}

impl<'c> Column<'c> {
    fn new(array: &'c dyn Array) -> Result<Self, QueryError> {
        let formatter = ArrayFormatter::try_new(array, &FormatOptions::default())?;
        Ok(Self { array, formatter })
    }

    fn time(&self, row: usize) -> Option<jiff::Timestamp> {
        match self.array.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let micros = self.array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row);
                jiff::Timestamp::from_microsecond(micros).ok()
            }
            _ => None,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self.array.data_type(), DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
    }

    fn text(&self, row: usize, zone: &jiff::tz::TimeZone) -> String {
        if self.array.is_null(row) {
            return String::new();
        }
        if let Some(time) = self.time(row) {
            return time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.6f%:z").to_string();
        }
        let text = self.formatter.value(row).to_string();
        if self.is_text() { value::shown(&text) } else { text }
    }

    fn json(&self, row: usize) -> Value {
        if self.array.is_null(row) {
            return Value::Null;
        }
        if let Some(time) = self.time(row) {
            return Value::String(time.to_string());
        }
        let text = self.formatter.value(row).to_string();
        match self.array.data_type() {
            DataType::Boolean => Value::Bool(text == "true"),
            kind if kind.is_integer() || kind.is_floating() => {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            }
            _ if self.is_text() => Value::String(value::shown(&text)),
            _ => Value::String(text),
        }
    }
}

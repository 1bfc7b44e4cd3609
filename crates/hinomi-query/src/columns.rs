//! Columns that every event has, whatever its vendor calls things: names, types, and the fields they are taken from.
//!
//! # Invariants
//! The name of a vendor's field is the name of its column, except that a name that is taken by a column here gets `_` behind
//! it: engines that read the files compare names without case. Of names in one file that differ only in case one is a column.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field, TimeUnit};
use hinomi_columns::{Batch, Dictionary, Store, ValueId, ValueKind, well_known};
use serde::Deserialize;

use crate::QueryError;

/// Columns before the normalised ones.
pub const FIRST: [&str; 6] = ["time", "kind", "category", "host", "account", "class_uid"];
/// Columns behind them.
pub const LAST: [&str; 8] = ["sequence", "source", "leaf", "record", "offset", "sub", "length", "other"];

/// The type of a column that every event has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Text.
    #[default]
    Text,
    /// Whole numbers of 64 bits.
    Integer,
}

impl ColumnType {
    /// As Arrow has it.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int64,
        }
    }
}

/// A normalised column.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalised {
    /// Its name.
    pub name: String,
    /// The OCSF attribute it stands for.
    pub ocsf: String,
    /// Its type.
    #[serde(default, rename = "type")]
    pub column_type: ColumnType,
    from: Vec<From>,
}

#[derive(Debug, Deserialize)]
struct From {
    name: String,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    only: BTreeMap<String, Vec<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    class: i64,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    event_ids: Vec<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: u32,
    ocsf: String,
    nobody: Vec<String>,
    columns: Vec<Normalised>,
    classes: Vec<Class>,
}

/// The part of the table of subjects that is needed here.
#[derive(Debug, Deserialize)]
struct Subjects {
    version: u32,
    account: Vec<From>,
    host: Vec<String>,
    nobody: Vec<String>,
}

/// How events become columns.
#[derive(Debug)]
pub struct Mapping {
    /// Changes whenever a column may mean something else.
    pub version: String,
    /// Release of OCSF whose attributes and classes are named.
    pub ocsf: String,
    columns: Vec<Normalised>,
    classes: Vec<Class>,
    account: Normalised,
    host: Normalised,
    nobody: Vec<String>,
}

impl Mapping {
    /// The tables that ship with the program.
    ///
    /// # Errors
    /// When a table does not parse, which a test excludes.
    pub fn bundled() -> Result<Self, QueryError> {
        let table: Table = serde_yaml_ng::from_str(include_str!("../../../mappings/columns.yaml"))?;
        let subjects: Subjects = serde_yaml_ng::from_str(include_str!("../../../mappings/subjects.yaml"))?;
        let subject = |name: &str, ocsf: &str, from: Vec<From>| Normalised {
            name: name.to_owned(),
            ocsf: ocsf.to_owned(),
            column_type: ColumnType::Text,
            from,
        };
        let host = subjects.host.into_iter().map(|name| From { name, domain: None, only: BTreeMap::new() });
        Ok(Self {
            version: format!("{}.{}", table.version, subjects.version),
            ocsf: table.ocsf,
            columns: table.columns,
            classes: table.classes,
            account: subject("account", "actor.user.name", subjects.account),
            host: subject("host", "device.hostname", host.collect()),
            nobody: table.nobody.into_iter().chain(subjects.nobody).collect(),
        })
    }

    /// Normalised columns in order.
    pub fn normalised(&self) -> &[Normalised] {
        &self.columns
    }

    /// Fields of the columns that every file has, in order.
    pub fn fields(&self) -> Vec<Field> {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let first = FIRST.iter().map(|&name| match name {
            "time" => Field::new(name, time.clone(), true),
            "class_uid" => Field::new(name, DataType::Int64, true),
            _ => Field::new(name, DataType::Utf8, true),
        });
        let middle = self.columns.iter().map(|c| Field::new(&c.name, c.column_type.data_type(), true));
        let last = LAST.iter().map(|&name| match name {
            "source" | "other" => Field::new(name, DataType::Utf8, true),
            _ => Field::new(name, DataType::Int64, true),
        });
        first.chain(middle).chain(last).collect()
    }

    /// Whether a name belongs to a column that every event has.
    pub fn is_taken(&self, lower: &str) -> bool {
        FIRST.iter().chain(&LAST).any(|n| *n == lower) || self.columns.iter().any(|c| c.name == lower)
    }

    /// The column of a vendor's field.
    pub fn column_of(&self, field: &str) -> String {
        if self.is_taken(&field.to_lowercase()) { format!("{field}_") } else { field.to_owned() }
    }

    /// OCSF class of the events of a batch.
    pub(crate) fn class_of(&self, store: &Store, batch: &Batch) -> Option<i64> {
        let shape = batch.shape();
        let channel = store.text(well_known::CHANNEL, shape.channel);
        let event_id = store.text(well_known::EVENT_ID, shape.event_id);
        let kind = store.kinds().kind(shape.kind).map(hinomi_model::LogKind::name).unwrap_or_default();
        let is = |class: &&Class| {
            class.channel.as_ref().is_none_or(|c| c.eq_ignore_ascii_case(channel))
                && class.kind.as_ref().is_none_or(|k| *k == kind)
                && (class.event_ids.is_empty()
                    || event_id.parse().is_ok_and(|id: u32| class.event_ids.contains(&id)))
        };
        self.classes.iter().find(is).map(|c| c.class)
    }

    /// Where the host of a batch's events stands.
    pub(crate) fn host<'s>(&'s self, store: &'s Store, batch: &'s Batch) -> Choice<'s> {
        Choice::new(self, &self.host, store, batch)
    }

    /// Where the account stands.
    pub(crate) fn account<'s>(&'s self, store: &'s Store, batch: &'s Batch) -> Choice<'s> {
        Choice::new(self, &self.account, store, batch)
    }

    /// Where a normalised column's value stands.
    pub(crate) fn choice<'s>(&'s self, of: &'s Normalised, store: &'s Store, batch: &'s Batch) -> Choice<'s> {
        Choice::new(self, of, store, batch)
    }
}

struct Candidate<'s> {
    dictionary: &'s Dictionary,
    column: &'s [ValueId],
    domain: Option<(&'s Dictionary, &'s [ValueId])>,
}

/// The fields of one batch that a column may be taken from.
pub(crate) struct Choice<'s> {
    candidates: Vec<Candidate<'s>>,
    nobody: &'s [String],
}

/// A value: a cell, perhaps with the cell of its domain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Chosen<'s> {
    pub(crate) text: &'s str,
    pub(crate) domain: Option<&'s str>,
}

impl Chosen<'_> {
    pub(crate) fn joined(&self) -> String {
        match self.domain {
            Some(domain) if !self.text.contains(['\\', '@']) => format!("{domain}\\{}", self.text),
            _ => self.text.to_owned(),
        }
    }
}

impl<'s> Choice<'s> {
    fn new(mapping: &'s Mapping, of: &'s Normalised, store: &'s Store, batch: &'s Batch) -> Self {
        let shape = batch.shape();
        let channel = store.text(well_known::CHANNEL, shape.channel);
        let event_id: Option<u32> = store.text(well_known::EVENT_ID, shape.event_id).parse().ok();
        let applies = |from: &&From| {
            let of_event = |ids: &Vec<u32>| event_id.is_some_and(|id| ids.contains(&id));
            from.only.is_empty()
                || from.only.iter().any(|(c, ids)| c.eq_ignore_ascii_case(channel) && of_event(ids))
        };
        let column = |name: &str| {
            let field = store.fields().known(name)?;
            Some((store.dictionary(field)?, batch.column(batch.position(field)?)))
        };
        let candidate = |from: &'s From| {
            let (dictionary, cells) = column(&from.name)?;
            let domain = from.domain.as_deref().and_then(column);
            Some(Candidate { dictionary, column: cells, domain })
        };
        let candidates = of.from.iter().filter(applies).filter_map(candidate).collect();
        Self { candidates, nobody: &mapping.nobody }
    }

    /// Whether no event of the batch can have a value.
    pub(crate) fn is_never(&self) -> bool {
        self.candidates.is_empty()
    }

    fn text(&self, dictionary: &'s Dictionary, column: &[ValueId], row: usize) -> Option<&'s str> {
        let value = column.get(row).copied().filter(|v| !v.is_absent())?;
        let single = match dictionary.kind(value) {
            ValueKind::Null => return None,
            ValueKind::List => dictionary.elements(value).next()?,
            _ => value,
        };
        let text = dictionary.str(single);
        let nobody = text.is_empty() || self.nobody.iter().any(|n| n.eq_ignore_ascii_case(text));
        (!nobody).then_some(text)
    }

    /// The value of a row.
    pub(crate) fn of(&self, row: usize) -> Option<Chosen<'s>> {
        self.candidates.iter().find_map(|c| {
            let text = self.text(c.dictionary, c.column, row)?;
            let domain = c.domain.and_then(|(dictionary, column)| self.text(dictionary, column, row));
            Some(Chosen { text, domain })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_tables_parse_and_name_columns_once() {
        let mapping = Mapping::bundled().unwrap();
        let mut names: Vec<String> = mapping.fields().iter().map(|f| f.name().to_lowercase()).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!((mapping.column_of("Host"), mapping.column_of("Image")), ("Host_".into(), "Image".into()));
    }
}

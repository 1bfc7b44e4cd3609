//! Rows of a store as columns of one file.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int32Type;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_columns::{Batch, Dictionary, FieldId, Store, ValueId, ValueKind};
use hinomi_model::LogKind;

use crate::columns::{Choice, ColumnType, Mapping, Normalised};
use crate::value;

/// A row of a store and where its event stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowAt {
    pub(super) batch: u32,
    pub(super) row: u32,
    /// Microseconds since 1970.
    pub(super) time: Option<i64>,
    pub(super) source: u32,
    pub(super) place: Place,
}

/// Where a record stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Leaf and record in a ledger.
    pub record: Option<(u64, u32)>,
    /// Offset in the record or file.
    pub offset: u64,
}

/// Which fields the rows of a group have: by the name of the column.
pub(super) type Present = BTreeMap<String, Vec<FieldId>>;

/// The fields of some batches.
pub(super) fn present(store: &Store, mapping: &Mapping, batches: &[&Batch]) -> Present {
    let mut ids: Vec<FieldId> = batches.iter().flat_map(|b| b.fields()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Present::new();
    for id in ids {
        let name = mapping.column_of(store.fields().name(id));
        found.entry(name).or_default().push(id);
    }
    found
}

/// Text values, each once, and a key per row.
struct Keys<K> {
    known: HashMap<K, i32, RandomState>,
    texts: Vec<String>,
    keys: Vec<Option<i32>>,
}

impl<K: Hash + Eq> Keys<K> {
    fn new(rows: usize) -> Self {
        Self { known: HashMap::default(), texts: Vec::new(), keys: Vec::with_capacity(rows) }
    }

    fn push(&mut self, key: K, text: impl FnOnce() -> String) {
        let texts = &mut self.texts;
        let number = *self.known.entry(key).or_insert_with(|| {
            texts.push(text());
            texts.len() as i32 - 1
        });
        self.keys.push(Some(number));
    }

    fn none(&mut self) {
        self.keys.push(None);
    }

    fn count(&self) -> u64 {
        self.keys.iter().filter(|k| k.is_some()).count() as u64
    }

    fn finish(self) -> ArrayRef {
        let values: ArrayRef = Arc::new(StringArray::from_iter_values(self.texts));
        let keys = Int32Array::from(self.keys);
        // Keys come from the vector of values above, so the check cannot fail.
        match DictionaryArray::<Int32Type>::try_new(keys, values) {
            Ok(array) => Arc::new(array),
            Err(_) => Arc::new(StringArray::new_null(0)),
        }
    }
}

/// The columns of a group of rows.
pub(super) struct Columns {
    pub(super) arrays: Vec<ArrayRef>,
    /// Rows with a value per vendor column.
    pub(super) counts: BTreeMap<String, u64>,
    /// Rows per field that went to `other`.
    pub(super) other: BTreeMap<String, u64>,
}

/// A number in the one way to write it, so that searching for its digits finds the vendor's text in the index.
fn canonical(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

/// What columns are built from.
pub(super) struct Source<'s> {
    pub(super) store: &'s Store,
    pub(super) mapping: &'s Mapping,
    pub(super) batches: &'s [&'s Batch],
    pub(super) rows: &'s [RowAt],
    pub(super) sources: &'s [String],
}

impl Source<'_> {
    /// Columns in the order of a file: what every event has, the vendor columns named, `other`.
    pub(super) fn columns(&self, present: &Present, vendor: &[(String, String)]) -> Columns {
        let mut arrays = self.leading();
        let mut counts = BTreeMap::new();
        let named = |name: &String| vendor.iter().any(|(_, n)| n == name);
        for (_, name) in vendor {
            let ids = present.get(name).map(Vec::as_slice).unwrap_or_default();
            let (array, count) = self.vendor(ids);
            if count > 0 {
                counts.insert(name.clone(), count);
            }
            arrays.push(array);
        }
        let rest: Vec<(&String, &[FieldId])> =
            present.iter().filter(|(n, _)| !named(n)).map(|(name, ids)| (name, ids.as_slice())).collect();
        let mut columns = Columns { arrays, counts, other: BTreeMap::new() };
        let other = self.other(&rest, &mut columns);
        columns.arrays.push(other);
        columns
    }

    fn batch(&self, at: &RowAt) -> Option<&Batch> {
        self.batches.get(at.batch as usize).copied()
    }

    fn integers(&self, value: impl Fn(&RowAt) -> Option<i64>) -> ArrayRef {
        Arc::new(self.rows.iter().map(value).collect::<Int64Array>())
    }

    fn leading(&self) -> Vec<ArrayRef> {
        let times: TimestampMicrosecondArray = self.rows.iter().map(|r| r.time).collect();
        let times = times.with_timezone("UTC");
        let mapping = self.mapping;
        let classes: Vec<Option<i64>> =
            self.batches.iter().map(|b| mapping.class_of(self.store, b)).collect();
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(times),
            self.kinds(|kind| Some(kind.name())),
            self.kinds(|kind| (!kind.categories.is_empty()).then(|| kind.categories.join(","))),
            self.chosen(|b| mapping.host(self.store, b)),
            self.chosen(|b| mapping.account(self.store, b)),
            self.integers(|r| classes.get(r.batch as usize).copied().flatten()),
        ];
        arrays.extend(mapping.normalised().iter().map(|c| self.normalised(c)));
        let header = |r: &RowAt| self.batch(r).and_then(|b| b.rows().get(r.row as usize).copied());
        arrays.push(self.integers(|r| header(r)?.sequence.and_then(|s| i64::try_from(s).ok())));
        arrays.push(self.source_names());
        arrays.push(self.integers(|r| i64::try_from(r.place.record?.0).ok()));
        arrays.push(self.integers(|r| Some(i64::from(r.place.record?.1))));
        arrays.push(self.integers(|r| i64::try_from(r.place.offset).ok()));
        arrays.push(self.integers(|r| Some(i64::from(header(r)?.sub))));
        arrays.push(self.integers(|r| Some(i64::from(header(r)?.length))));
        arrays
    }

    /// What the kind of log says.
    fn kinds(&self, said: impl Fn(&LogKind) -> Option<String>) -> ArrayRef {
        let mut keys = Keys::new(self.rows.len());
        for row in self.rows {
            let kind = self.batch(row).map(|b| b.shape().kind);
            match kind.and_then(|kind| Some((kind, self.store.kinds().kind(kind).and_then(&said)?))) {
                Some((kind, text)) => keys.push(kind, || text),
                None => keys.none(),
            }
        }
        keys.finish()
    }

    fn source_names(&self) -> ArrayRef {
        let mut keys = Keys::new(self.rows.len());
        for row in self.rows {
            let name = || self.sources.get(row.source as usize).cloned().unwrap_or_default();
            keys.push(row.source, name);
        }
        keys.finish()
    }

    fn normalised(&self, column: &Normalised) -> ArrayRef {
        match column.column_type {
            ColumnType::Text => self.chosen(|b| self.mapping.choice(column, self.store, b)),
            ColumnType::Integer => {
                let choices: Vec<Choice<'_>> =
                    self.batches.iter().map(|b| self.mapping.choice(column, self.store, b)).collect();
                self.integers(|r| canonical(choices.get(r.batch as usize)?.of(r.row as usize)?.text.trim()))
            }
        }
    }

    fn chosen<'a>(&'a self, choice: impl Fn(&'a Batch) -> Choice<'a>) -> ArrayRef {
        let choices: Vec<Choice<'a>> = self.batches.iter().map(|b| choice(b)).collect();
        if choices.iter().all(Choice::is_never) {
            let mut keys: Keys<u32> = Keys::new(self.rows.len());
            self.rows.iter().for_each(|_| keys.none());
            return keys.finish();
        }
        let mut keys = Keys::new(self.rows.len());
        for row in self.rows {
            match choices.get(row.batch as usize).and_then(|c| c.of(row.row as usize)) {
                Some(chosen) => keys.push(chosen, || chosen.joined()),
                None => keys.none(),
            }
        }
        keys.finish()
    }

    /// One vendor column and how many rows have a value. Of several fields with this name the first that holds a value counts.
    fn vendor(&self, ids: &[FieldId]) -> (ArrayRef, u64) {
        let cells: Vec<Vec<(FieldId, &Dictionary, &[ValueId])>> =
            self.batches.iter().map(|b| ids.iter().filter_map(|id| self.cells(b, *id)).collect()).collect();
        let mut keys = Keys::new(self.rows.len());
        for row in self.rows {
            let columns = cells.get(row.batch as usize).map(Vec::as_slice).unwrap_or_default();
            let value = columns.iter().find_map(|(id, dictionary, column)| {
                let value = column.get(row.row as usize).copied().filter(|v| !v.is_absent())?;
                (dictionary.kind(value) != ValueKind::Null).then_some((*id, value, *dictionary))
            });
            match value {
                Some((id, value, dictionary)) => keys.push((id, value), || value::encode(dictionary, value)),
                None => keys.none(),
            }
        }
        let count = keys.count();
        (keys.finish(), count)
    }

    fn cells<'a>(
        &'a self,
        batch: &'a Batch,
        id: FieldId,
    ) -> Option<(FieldId, &'a Dictionary, &'a [ValueId])> {
        Some((id, self.store.dictionary(id)?, batch.column(batch.position(id)?)))
    }

    /// Fields without a column of their own, as JSON.
    fn other(&self, rest: &[(&String, &[FieldId])], columns: &mut Columns) -> ArrayRef {
        let mut texts: Vec<Option<String>> = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let Some(batch) = self.batch(row).filter(|_| !rest.is_empty()) else {
                texts.push(None);
                continue;
            };
            let mut object = serde_json::Map::new();
            for (name, ids) in rest {
                for (_, dictionary, column) in ids.iter().filter_map(|id| self.cells(batch, *id)) {
                    let Some(value) = column.get(row.row as usize).copied() else { continue };
                    if value.is_absent()
                        || dictionary.kind(value) == ValueKind::Null
                        || object.contains_key(*name)
                    {
                        continue;
                    }
                    let text = value::encode(dictionary, value);
                    object.insert((*name).clone(), serde_json::Value::String(text));
                    *columns.other.entry((*name).clone()).or_default() += 1;
                }
            }
            texts.push((!object.is_empty()).then(|| serde_json::Value::Object(object).to_string()));
        }
        Arc::new(StringArray::from(texts))
    }
}

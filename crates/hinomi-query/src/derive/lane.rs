//! One writer's share of derivation: columns in, files out.
//!
//! # Invariants
//! The files of a lane are a function of the units it is given, in their order; so the same input, mapping and number of
//! lanes make the same bytes again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use hinomi_columns::{Batch, Row, Shape, Store, well_known};
use hinomi_model::Timestamp;

use super::file::{OpenFile, Rank, places};
use super::table::{Place, Present, RowAt, Source, present};
use crate::QueryError;
use crate::columns::Mapping;
use crate::manifest::{CoverageRow, DerivedFile};

/// Bounds of a lane.
#[derive(Clone, Copy, Debug)]
pub struct LaneLimits {
    /// Rows gathered before they are sorted and written.
    pub rows: usize,
    /// Bytes of columns and dictionaries before they are written.
    pub store_bytes: usize,
    /// Bytes that the words of open files may take.
    pub index_bytes: usize,
    /// Files that are open at a time.
    pub open_files: usize,
    /// Rows of a file.
    pub file_rows: u64,
    /// Vendor columns of a file; fields beyond them are kept together.
    pub columns: usize,
}

impl Default for LaneLimits {
    fn default() -> Self {
        Self {
            rows: 131_072,
            store_bytes: 192 << 20,
            index_bytes: 192 << 20,
            open_files: 128,
            file_rows: 1 << 20,
            columns: 768,
        }
    }
}

/// Bytes of an index's entries at which a file ends.
const INDEX_BYTES: usize = 48 << 20;

/// Bytes of events that are appended at once.
const APPENDED_BYTES: usize = 128 << 20;
/// Families of a lane. Whoever sends events names their channels: beyond so many they share a family.
const FAMILIES: usize = 256;
/// The family of all others.
const OTHERS: &str = "others";

/// What a unit is: the member it belongs to, and where its rows stand.
pub struct UnitPlace<'u> {
    /// Name of the log.
    pub source: &'u str,
    /// Where a row stands, from its offset in the unit.
    pub place: &'u dyn Fn(&Row) -> Place,
}

/// A lane.
pub struct Lane {
    folder: PathBuf,
    /// First part of the names of its files.
    prefix: String,
    mapping: Arc<Mapping>,
    limits: LaneLimits,
    sources: Vec<String>,
    source_index: HashMap<String, u32>,
    /// Per batch, in the order of rows: the source, and where each row stands.
    places: HashMap<Shape, Vec<(u32, Place)>>,
    families: BTreeSet<String>,
    open: BTreeMap<(String, String), OpenFile>,
    numbers: BTreeMap<(String, String), u32>,
    done: Vec<DerivedFile>,
    coverage: HashMap<(String, String, String), u64>,
    rows: u64,
}

impl Lane {
    /// A lane that writes below `folder`.
    pub fn new(folder: PathBuf, prefix: String, mapping: Arc<Mapping>, limits: LaneLimits) -> Self {
        Self {
            folder,
            prefix,
            mapping,
            limits,
            sources: Vec::new(),
            source_index: HashMap::new(),
            places: HashMap::new(),
            families: BTreeSet::new(),
            open: BTreeMap::new(),
            numbers: BTreeMap::new(),
            done: Vec::new(),
            coverage: HashMap::new(),
            rows: 0,
        }
    }

    /// Takes note of the rows that decoding a unit added to `store`, and writes when there are enough.
    ///
    /// # Errors
    /// Errors of writing.
    pub fn absorb(&mut self, store: &mut Store, unit: &UnitPlace<'_>) -> Result<u64, QueryError> {
        let next = self.sources.len() as u32;
        let source = *self.source_index.entry(unit.source.to_owned()).or_insert(next);
        if source == next {
            self.sources.push(unit.source.to_owned());
        }
        let mut added = 0;
        for batch in store.batches() {
            let places = self.places.entry(batch.shape()).or_default();
            let new = batch.rows().get(places.len()..).unwrap_or_default();
            added += new.len() as u64;
            places.extend(new.iter().map(|row| (source, (unit.place)(row))));
        }
        self.rows += added;
        if store.row_count() >= self.limits.rows || store.bytes() >= self.limits.store_bytes {
            self.write(store)?;
        }
        Ok(added)
    }

    /// Writes what is gathered and ends all files.
    ///
    /// # Errors
    /// Errors of writing.
    pub fn finish(mut self, store: &mut Store) -> Result<(Vec<DerivedFile>, Vec<CoverageRow>), QueryError> {
        self.write(store)?;
        for (_, file) in std::mem::take(&mut self.open) {
            self.done.push(file.finish()?);
        }
        let row = |((kind, host, day), events)| CoverageRow { kind, host, day, events };
        let mut coverage: Vec<CoverageRow> = self.coverage.into_iter().map(row).collect();
        coverage.sort();
        self.done.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((self.done, coverage))
    }

    fn write(&mut self, store: &mut Store) -> Result<(), QueryError> {
        let mut families: BTreeMap<String, Vec<&Batch>> = BTreeMap::new();
        for batch in store.batches() {
            families.entry(self.family(store, batch)).or_default().push(batch);
        }
        for (family, batches) in &families {
            self.count(store, batches);
            self.write_family(store, family, batches)?;
        }
        self.places.clear();
        store.drop_rows();
        if store.bytes() >= self.limits.store_bytes / 2 {
            store.reset();
        }
        Ok(())
    }

    fn family(&mut self, store: &Store, batch: &Batch) -> String {
        let family = family_of(store, batch);
        if self.families.len() >= FAMILIES && !self.families.contains(&family) {
            return OTHERS.to_owned();
        }
        self.families.insert(family.clone());
        family
    }

    fn write_family(&mut self, store: &Store, family: &str, batches: &[&Batch]) -> Result<(), QueryError> {
        let mapping = Arc::clone(&self.mapping);
        let mut months: BTreeMap<String, Vec<RowAt>> = BTreeMap::new();
        let mut last: Option<(i64, String)> = None;
        for (number, batch) in batches.iter().enumerate() {
            let places = self.places.get(&batch.shape()).map(Vec::as_slice).unwrap_or_default();
            for ((at, row), (source, place)) in batch.rows().iter().enumerate().zip(places) {
                let time = row.time.map(|t| t.as_nanos().div_euclid(1000));
                let row =
                    RowAt { batch: number as u32, row: at as u32, time, source: *source, place: *place };
                let day = time.map_or(i64::MAX, |t| t.div_euclid(86_400_000_000));
                if last.as_ref().is_none_or(|(d, _)| *d != day) {
                    last = Some((day, month_of(time)));
                }
                let month = last.as_ref().map(|(_, m)| m.as_str()).unwrap_or_default();
                match months.get_mut(month) {
                    Some(rows) => rows.push(row),
                    None => drop(months.insert(month.to_owned(), vec![row])),
                }
            }
        }
        let ranks: Vec<Rank> = batches.iter().map(|b| rank(store, b)).collect();
        let places = places(&ranks);
        let rank = |row: &RowAt| places.get(row.batch as usize).copied().unwrap_or_default();
        let present = present(store, &mapping, batches);
        for (month, mut rows) in months {
            rows.sort_by_cached_key(|r| {
                (rank(r), r.time.is_none(), r.time, r.source, r.place.record, r.place.offset, r.batch, r.row)
            });
            let sources = self.sources.clone();
            for rows in slices(&rows, batches) {
                let source = Source { store, mapping: &mapping, batches, rows, sources: &sources };
                self.append(family, &month, &present, &source, &ranks)?;
            }
        }
        Ok(())
    }

    fn append(
        &mut self,
        family: &str,
        month: &str,
        present: &Present,
        source: &Source<'_>,
        ranks: &[Rank],
    ) -> Result<(), QueryError> {
        let key = (family.to_owned(), month.to_owned());
        let times: Vec<Option<i64>> = source.rows.iter().map(|r| r.time).collect();
        let fields = counted(source, present);
        if let Some(file) = self.open.get(&key)
            && self.is_outgrown(file, &fields, times.len())
            && let Some(file) = self.open.remove(&key)
        {
            self.done.push(file.finish()?);
        }
        if !self.open.contains_key(&key) {
            self.make_room()?;
            let number = self.numbers.entry(key.clone()).or_default();
            let name = format!("events/family={family}/month={month}/{}-{number:04}.parquet", self.prefix);
            *number += 1;
            let vendor = chosen(&fields, self.limits.columns);
            let file = OpenFile::create(&self.folder, name, family, &self.mapping, vendor)?;
            self.open.insert(key.clone(), file);
        }
        if let Some(file) = self.open.get_mut(&key) {
            let columns = source.columns(present, &file.vendor);
            let stretches = source.rows.chunk_by(|a, b| a.batch == b.batch);
            let ranked = stretches.filter_map(|rows| {
                let rank = ranks.get(rows.first()?.batch as usize)?;
                Some((rank.clone(), rows.len()))
            });
            file.append(columns, &times, ranked)?;
        }
        self.bound_memory()
    }

    /// Whether new rows belong into a new file: it is full, or many of them have fields that it has no column for.
    fn is_outgrown(&self, file: &OpenFile, fields: &BTreeMap<String, u64>, rows: usize) -> bool {
        let full = file.rows() + rows as u64 > self.limits.file_rows || file.index_bytes() > INDEX_BYTES;
        let lacks = |name: &String| !file.vendor.iter().any(|(lower, _)| *lower == name.to_lowercase());
        let common = |count: u64| count * 64 >= rows as u64 && count >= 16;
        let growing = file.vendor.len() < self.limits.columns;
        full || (growing && fields.iter().any(|(name, count)| common(*count) && lacks(name)))
    }

    /// Ends the fullest file if there are as many as may be open: small ones would stay small.
    fn make_room(&mut self) -> Result<(), QueryError> {
        if self.open.len() >= self.limits.open_files {
            self.end(|file| file.rows() as usize)?;
        }
        Ok(())
    }

    fn end(&mut self, most: impl Fn(&OpenFile) -> usize) -> Result<(), QueryError> {
        let key = self.open.iter().max_by_key(|(_, f)| most(f)).map(|(k, _)| k.clone());
        if let Some(file) = key.and_then(|key| self.open.remove(&key)) {
            self.done.push(file.finish()?);
        }
        Ok(())
    }

    fn bound_memory(&mut self) -> Result<(), QueryError> {
        let words: usize = self.open.values().map(OpenFile::index_bytes).sum();
        if words > self.limits.index_bytes {
            self.end(OpenFile::index_bytes)?;
        }
        Ok(())
    }

    fn count(&mut self, store: &Store, batches: &[&Batch]) {
        for batch in batches {
            let kind = kind_name(store, batch);
            let hosts = self.mapping.host(store, batch);
            let mut counts: HashMap<(&str, i64), u64> = HashMap::new();
            for (at, row) in batch.rows().iter().enumerate() {
                let host = hosts.of(at).map_or("", |c| c.text);
                let day = row.time.map_or(i64::MAX, |t| t.as_nanos().div_euclid(86_400_000_000_000));
                *counts.entry((host, day)).or_default() += 1;
            }
            for ((host, day), events) in counts {
                let key = (kind.clone(), host.to_owned(), day_name(day));
                *self.coverage.entry(key).or_default() += events;
            }
        }
    }
}

/// Rows whose events are long in all are appended in parts: what has no column of its own is copied for each row.
fn slices<'r>(rows: &'r [RowAt], batches: &[&Batch]) -> Vec<&'r [RowAt]> {
    let length = |row: &RowAt| {
        let header = batches.get(row.batch as usize).and_then(|b| b.rows().get(row.row as usize));
        header.map_or(0, |h| h.length as usize)
    };
    let (mut slices, mut rest) = (Vec::new(), rows);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|row| {
            bytes += length(row);
            bytes <= APPENDED_BYTES
        });
        let count = fits.count().max(1);
        let (now, later) = rest.split_at(count);
        slices.push(now);
        rest = later;
    }
    slices
}

/// How many rows of a group can have each field.
fn counted(source: &Source<'_>, present: &Present) -> BTreeMap<String, u64> {
    let mut rows_of: Vec<u64> = vec![0; source.batches.len()];
    for row in source.rows {
        if let Some(count) = rows_of.get_mut(row.batch as usize) {
            *count += 1;
        }
    }
    let count = |ids: &[hinomi_columns::FieldId]| {
        let has = |batch: &&Batch| ids.iter().any(|id| batch.position(*id).is_some());
        source.batches.iter().zip(&rows_of).filter(|(b, _)| has(b)).map(|(_, n)| n).sum::<u64>()
    };
    let counts = present.iter().map(|(name, ids)| (name.clone(), count(ids)));
    counts.filter(|(_, n)| *n > 0).collect()
}

/// The most frequent fields, in order of name; of names that differ in case only the most frequent. The others are kept
/// together, with their exact names.
fn chosen(fields: &BTreeMap<String, u64>, most: usize) -> Vec<(String, String)> {
    let mut ranked: Vec<(&String, u64)> = fields.iter().map(|(name, count)| (name, *count)).collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut columns: BTreeMap<String, String> = BTreeMap::new();
    for (name, _) in ranked {
        if columns.len() < most {
            columns.entry(name.to_lowercase()).or_insert_with(|| name.clone());
        }
    }
    columns.into_iter().collect()
}

/// Channel and event id of a batch, equal for batches that differ in their fields only.
fn rank(store: &Store, batch: &Batch) -> Rank {
    let shape = batch.shape();
    let id = store.text(well_known::EVENT_ID, shape.event_id);
    let channel = store.text(well_known::CHANNEL, shape.channel);
    (channel.to_owned(), id.parse().unwrap_or(u64::MAX), id.to_owned())
}

pub(super) fn kind_name(store: &Store, batch: &Batch) -> String {
    let name = store.kinds().kind(batch.shape().kind).map(hinomi_model::LogKind::name).unwrap_or_default();
    match name.as_str() {
        "" => "unknown".to_owned(),
        _ => name,
    }
}

/// Family of a batch: its kind of log and, for Windows, the channel, as a name for a folder.
fn family_of(store: &Store, batch: &Batch) -> String {
    let mut name = kind_name(store, batch);
    let channel = store.text(well_known::CHANNEL, batch.shape().channel);
    if !channel.is_empty() {
        name = format!("{name}-{channel}");
    }
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = name.chars().take(80).map(safe).collect();
    slug.split('-').filter(|p| !p.is_empty()).collect::<Vec<_>>().join("-")
}

fn month_of(time: Option<i64>) -> String {
    let Some(micros) = time else { return "unknown".to_owned() };
    let ((year, month, _), _, _) = Timestamp::from_nanos(micros.saturating_mul(1000)).to_civil();
    format!("{year:04}-{month:02}")
}

pub(super) fn day_name(day: i64) -> String {
    if day == i64::MAX {
        return "unknown".to_owned();
    }
    let ((year, month, day), _, _) = Timestamp::from_nanos(day.saturating_mul(86_400_000_000_000)).to_civil();
    format!("{year:04}-{month:02}-{day:02}")
}

//! Finds the events for which all terms hold.
//!
//! Time, the columns that a file has and the index say which blocks of rows can hold a match; only those are read, first the
//! columns that decide, then all columns of the rows that are shown.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::parse::Term;
use crate::index::token;
use crate::read::{Archive, CheckedFile, batches, numbers_of_blocks, rows_of_blocks};
use crate::{QueryError, value};

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Search {
    /// All must hold.
    pub terms: Vec<Term>,
    /// Only events from this time on, in microseconds since 1970.
    pub since: Option<i64>,
    /// Only events before this time.
    pub until: Option<i64>,
    /// Most events returned.
    pub limit: usize,
    /// Return the earliest events instead of the latest.
    pub earliest: bool,
}

/// An event that was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// Microseconds since 1970.
    pub time: Option<i64>,
    /// Columns with a value, in the order of the file; what is kept together comes apart.
    pub fields: Vec<(String, String)>,
}

impl Found {
    /// The value of a column.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// What a search found and how.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Answer {
    /// The latest (or earliest) events, in order of time; those without time last.
    pub events: Vec<Found>,
    /// Events that match, as far as was read.
    pub matches: u64,
    /// Whether everything was read that could match: if not, there may be more matches.
    pub is_complete: bool,
    /// Rows whose deciding columns were read.
    pub rows_read: u64,
    /// Rows in all files.
    pub rows: u64,
}

/// Asked now and then; true ends the search with what was found.
pub type Stop<'s> = &'s dyn Fn(&Answer) -> bool;

struct Candidate<'a> {
    file: &'a CheckedFile,
    blocks: Option<BTreeSet<u32>>,
}

/// Where a shown event stands among the files.
type Kept = BTreeSet<(i64, usize, u64)>;

/// Runs a search.
///
/// # Errors
/// [`QueryError::Refused`] for a field that no event has; what reading meets.
pub fn run(archive: &Archive, search: &Search, stop: Stop<'_>) -> Result<Answer, QueryError> {
    find(archive, search, stop).map_err(|error| archive.blame(error))
}

fn find(archive: &Archive, search: &Search, stop: Stop<'_>) -> Result<Answer, QueryError> {
    let columns = columns_of(archive, search)?;
    let mut answer = Answer { rows: archive.manifest().rows(), is_complete: true, ..Answer::default() };
    let mut order: Vec<&CheckedFile> = archive.files().iter().filter(|f| may_be_in(f, search)).collect();
    order.sort_by_key(|f| {
        let (first, last) = f.entry().times.unwrap_or((i64::MAX, i64::MIN));
        if search.earliest { first } else { last.saturating_neg() }
    });
    let mut kept = Kept::new();
    for (number, file) in order.iter().enumerate() {
        if kept.len() >= search.limit && !could_replace(file, &kept, search) {
            answer.is_complete = false;
            continue;
        }
        let blocks = match candidates(archive, file, search, &columns)? {
            Candidates::Nothing => continue,
            Candidates::Everything => None,
            Candidates::Blocks(blocks) => Some(blocks),
        };
        let candidate = Candidate { file, blocks };
        if stop(&answer) {
            answer.is_complete = false;
            break;
        }
        for (time, row) in matches(archive, &candidate, search, &columns, &mut answer, stop)? {
            let time = time.unwrap_or(i64::MAX);
            kept.insert((if search.earliest { time } else { time.saturating_neg() }, number, row));
            if kept.len() > search.limit {
                kept.pop_last();
            }
        }
    }
    answer.events = fetch(&order, &kept)?;
    Ok(answer)
}

/// The column of each term that names one.
pub(super) fn columns_of(archive: &Archive, search: &Search) -> Result<Vec<Option<String>>, QueryError> {
    let named = |t: &Term| t.field.as_deref().map(|f| resolve(archive, f)).transpose();
    search.terms.iter().map(named).collect()
}

/// The name in the files of a field as typed.
pub(super) fn resolve(archive: &Archive, typed: &str) -> Result<String, QueryError> {
    let lower = typed.to_lowercase();
    if archive.mapping().is_taken(&lower) {
        return Ok(lower);
    }
    archive.column(typed).map(str::to_owned).ok_or_else(|| {
        let near = near(archive, &lower);
        QueryError::Refused {
            message: format!("no event has a field {typed:?}"),
            hint: if near.is_empty() {
                "answers show the names of fields, docs/query.md the columns that every event has; put quotation marks \
                 around the text to search it in any field"
                    .to_owned()
            } else {
                format!("there are {}", near.join(", "))
            },
        }
    })
}

/// Fields whose names hold the typed one or begin like it.
pub(crate) fn near<'a>(archive: &'a Archive, lower: &str) -> Vec<&'a str> {
    let start: String = lower.chars().take(4).collect();
    let alike = |name: &&str| {
        let name = name.to_lowercase();
        name.contains(lower) || (start.len() == 4 && name.starts_with(&start))
    };
    archive.columns().filter(alike).take(8).collect()
}

pub(super) fn may_be_in(file: &CheckedFile, search: &Search) -> bool {
    let entry = file.entry();
    let Some((first, last)) = entry.times else { return true };
    // Events without time may be of any time.
    entry.timeless > 0
        || (search.since.is_none_or(|since| last >= since) && search.until.is_none_or(|until| first < until))
}

fn could_replace(file: &CheckedFile, kept: &Kept, search: &Search) -> bool {
    let Some((first, last)) = file.entry().times else { return false };
    let worst = kept.last().map_or(i64::MAX, |(time, ..)| *time);
    (if search.earliest { first } else { last.saturating_neg() }) < worst
}

/// Where in a file a match can stand.
pub(super) enum Candidates {
    /// Nowhere.
    Nothing,
    /// In these blocks.
    Blocks(BTreeSet<u32>),
    /// Anywhere.
    Everything,
}

/// The blocks of a file that can hold a match.
pub(super) fn candidates(
    archive: &Archive,
    file: &CheckedFile,
    search: &Search,
    columns: &[Option<String>],
) -> Result<Candidates, QueryError> {
    let entry = file.entry();
    let mut words = Vec::new();
    for (term, column) in search.terms.iter().zip(columns) {
        let lacks = |name: &String| {
            let lower = name.to_lowercase();
            let has = |n: &String| n.to_lowercase() == lower;
            !archive.mapping().is_taken(&lower)
                && !entry.fields.keys().any(has)
                && !entry.other.keys().any(has)
        };
        if column.as_ref().is_some_and(lacks) && !term.negated {
            return Ok(Candidates::Nothing);
        }
        if is_indexed(column.as_deref()) {
            words.extend(term.words());
        }
    }
    let blocks = file.blocks(&words)?;
    Ok(match blocks {
        None => Candidates::Everything,
        Some(blocks) if blocks.is_empty() => Candidates::Nothing,
        Some(blocks) => Candidates::Blocks(blocks),
    })
}

/// Whether the words of a column are in the index: those of any field are, names of sources and kinds are not.
pub(super) fn is_indexed(column: Option<&str>) -> bool {
    !column.is_some_and(|c| matches!(c, "source" | "kind" | "category" | "time") || is_number(c))
}

fn is_number(name: &str) -> bool {
    matches!(name, "sequence" | "leaf" | "record" | "offset" | "sub" | "length" | "class_uid")
}

/// Times and numbers of the rows that match.
fn matches(
    archive: &Archive,
    candidate: &Candidate<'_>,
    search: &Search,
    columns: &[Option<String>],
    answer: &mut Answer,
    stop: Stop<'_>,
) -> Result<Vec<(Option<i64>, u64)>, QueryError> {
    let file = candidate.file;
    let wanted = |name: &str| decides(archive, search, columns, name);
    let rows = candidate.blocks.as_ref().map(|blocks| rows_of_blocks(blocks, file.entry().rows));
    let mut numbers = numbers_of_blocks(candidate.blocks.as_ref(), file.entry().rows);
    let mut found = Vec::new();
    for batch in batches(file, &wanted, rows)? {
        let batch = batch?;
        answer.rows_read += batch.num_rows() as u64;
        for (time, hit) in verdicts(&batch, search, columns) {
            let number = numbers.next().unwrap_or(u64::MAX);
            if hit {
                answer.matches += 1;
                found.push((time, number));
            }
        }
        if stop(answer) {
            answer.is_complete = false;
            break;
        }
    }
    Ok(found)
}

/// Whether a column is needed to say what matches.
pub(super) fn decides(archive: &Archive, search: &Search, columns: &[Option<String>], name: &str) -> bool {
    name == "time"
        || search.terms.iter().zip(columns).any(|(_, column)| match column {
            Some(column) => column.eq_ignore_ascii_case(name) || name == "other",
            None => is_searched(archive, name),
        })
}

/// The time of each row of a batch, and whether it matches.
pub(super) fn verdicts(
    batch: &RecordBatch,
    search: &Search,
    columns: &[Option<String>],
) -> impl Iterator<Item = (Option<i64>, bool)> {
    let times =
        batch.column_by_name("time").and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>().cloned());
    let hits = evaluate(batch, search, columns);
    let (since, until) = (search.since, search.until);
    hits.into_iter().enumerate().map(move |(at, hit)| {
        let time = times.as_ref().filter(|t| t.is_valid(at)).map(|t| t.value(at));
        let within = time.is_none_or(|t| since.is_none_or(|s| t >= s) && until.is_none_or(|u| t < u));
        (time, hit && within)
    })
}

/// Whether terms without field look at a column: vendors' fields, not what is derived from them.
fn is_searched(archive: &Archive, name: &str) -> bool {
    name == "other" || !archive.mapping().is_taken(&name.to_lowercase())
}

/// Which rows of a batch all terms hold for.
fn evaluate(batch: &RecordBatch, search: &Search, columns: &[Option<String>]) -> Vec<bool> {
    let mut all = vec![true; batch.num_rows()];
    for (term, column) in search.terms.iter().zip(columns) {
        let mut any = vec![false; batch.num_rows()];
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            match column {
                Some(column) if column.eq_ignore_ascii_case(field.name()) => mark(term, array, &mut any),
                _ if field.name() == "other" => mark_other(term, column.as_deref(), array, &mut any),
                None if field.name() != "time" => mark(term, array, &mut any),
                _ => {}
            }
        }
        for (all, any) in all.iter_mut().zip(any) {
            *all &= any != term.negated;
        }
    }
    all
}

/// Marks the rows whose value a term accepts. Equal values often follow each other: the last verdict is kept.
fn mark(term: &Term, array: &dyn Array, any: &mut [bool]) {
    if let Some(texts) = array.as_string_opt::<i32>() {
        let mut last: Option<(&str, bool)> = None;
        for (text, any) in texts.iter().zip(any) {
            let Some(text) = text.filter(|_| !*any) else { continue };
            let verdict = match last {
                Some((before, verdict)) if before == text => verdict,
                _ => value::elements(text).any(|e| term.accepts(&token::fold(e))),
            };
            last = Some((text, verdict));
            *any = verdict;
        }
    } else if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
        for (number, any) in numbers.iter().zip(any) {
            *any |= number.is_some_and(|n| term.accepts(&n.to_string()));
        }
    }
}

fn mark_other(term: &Term, column: Option<&str>, array: &dyn Array, any: &mut [bool]) {
    let Some(texts) = array.as_string_opt::<i32>() else { return };
    for (text, any) in texts.iter().zip(any) {
        let Some(text) = text.filter(|_| !*any) else { continue };
        let wanted = |name: &str| column.is_none_or(|c| c.eq_ignore_ascii_case(name));
        let accepts = |text: &str| value::elements(text).any(|e| term.accepts(&token::fold(e)));
        *any = apart(text).iter().any(|(name, value)| wanted(name) && accepts(value));
    }
}

/// The fields that are kept together.
pub fn apart(text: &str) -> Vec<(String, String)> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let text = |value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    object.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// All columns of the rows that are shown, in order of time.
fn fetch(order: &[&CheckedFile], kept: &Kept) -> Result<Vec<Found>, QueryError> {
    let places: BTreeSet<(usize, u64)> = kept.iter().map(|(_, file, row)| (*file, *row)).collect();
    let mut found = events_at(order, &places)?;
    Ok(kept.iter().filter_map(|(_, file, row)| found.remove(&(*file, *row))).collect())
}

/// All columns of some rows, by the number of the file and of the row in it.
///
/// # Errors
/// What reading meets.
pub fn events_at(
    order: &[&CheckedFile],
    places: &BTreeSet<(usize, u64)>,
) -> Result<BTreeMap<(usize, u64), Found>, QueryError> {
    columns_at(order, places, &|_| true)
}

/// As [`events_at`], of the columns wanted.
pub(super) fn columns_at(
    order: &[&CheckedFile],
    places: &BTreeSet<(usize, u64)>,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<(usize, u64), Found>, QueryError> {
    let mut rows: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    for (file, row) in places {
        rows.entry(*file).or_default().insert(*row);
    }
    let mut found: BTreeMap<(usize, u64), Found> = BTreeMap::new();
    for (number, rows) in rows {
        let Some(file) = order.get(number) else { continue };
        let mut selectors = Vec::new();
        let mut at = 0;
        for &row in &rows {
            selectors.extend([RowSelector::skip((row - at) as usize), RowSelector::select(1)]);
            at = row + 1;
        }
        let mut numbers = rows.iter();
        for batch in batches(file, wanted, Some(RowSelection::from(selectors)))? {
            let batch = batch?;
            for (at, row) in (0..batch.num_rows()).zip(&mut numbers) {
                found.insert((number, *row), event(&batch, at));
            }
        }
    }
    Ok(found)
}

fn event(batch: &RecordBatch, row: usize) -> Found {
    let mut found = Found { time: None, fields: Vec::new() };
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        if array.is_null(row) {
            continue;
        }
        match field.data_type() {
            DataType::Timestamp(..) => {
                found.time = array.as_primitive_opt::<TimestampMicrosecondType>().map(|t| t.value(row));
            }
            DataType::Int64 => {
                let number = array.as_primitive_opt::<Int64Type>().map(|n| n.value(row).to_string());
                found.fields.extend(number.map(|n| (field.name().clone(), n)));
            }
            _ => {
                let text = array.as_string_opt::<i32>().map(|t| t.value(row)).unwrap_or_default();
                if field.name() == "other" {
                    found.fields.extend(apart(text));
                } else {
                    found.fields.push((field.name().clone(), text.to_owned()));
                }
            }
        }
    }
    found
}

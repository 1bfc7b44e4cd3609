//! Reads recordings that steps of a scenario splice, with the same readers as an investigation.

use std::path::{Component, Path, PathBuf};

use hinomi_columns::{Batch, Projection, Store, ValueKind, well_known};
use hinomi_ingest::intake::{Intake, Item, Options, Root};
use hinomi_ingest::{AnyDecoder, Unit};
use hinomi_model::{Diagnostics, Timestamp};
use hinomi_scenario::{Recorded, SpliceSource};
use serde_json::{Map, Value};

use crate::clock;
use crate::exit::{Exit, Failure};
use crate::scan::Subjects;

/// Most events read from one recording.
const MOST: usize = 200_000;

/// Recordings below a folder.
pub struct Recordings {
    folder: Option<PathBuf>,
    subjects: Subjects,
    now: Timestamp,
}

impl Recordings {
    /// Recordings below `folder`; without one, every recording is missing.
    ///
    /// # Errors
    /// The bundled table of subject fields cannot be read.
    pub fn new(folder: Option<PathBuf>) -> Result<Self, Failure> {
        let subjects = Subjects::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
        Ok(Self { folder, subjects, now: clock::now() })
    }

    fn read(&self, path: PathBuf) -> Vec<Recorded> {
        let mut intake = Intake::new(vec![Root::Path(path)], Options::at(self.now));
        let projection = Projection::of(self.subjects.fields()).and_all_others();
        let mut store = Store::new(&projection);
        let mut decoder = AnyDecoder::default();
        let mut found = Vec::new();
        while let Some(item) = intake.next() {
            let Item::Unit(format, unit) = item else { continue };
            decoder.decode(format, &unit, &mut store, &mut Diagnostics::default());
            for batch in store.batches() {
                found.extend((0..batch.rows().len()).map(|row| self.event(&store, batch, row, &unit)));
            }
            store.reset();
            if found.len() >= MOST {
                break;
            }
        }
        // Batches group events by shape; the recording's own order is wanted.
        found.sort_by_key(|(at, _)| *at);
        found.into_iter().take(MOST).map(|(_, event)| event).collect()
    }

    fn event(&self, store: &Store, batch: &Batch, row: usize, unit: &Unit) -> ((u64, u64, u32), Recorded) {
        let header = batch.rows().get(row);
        let mut fields = Map::new();
        for &field in batch.fields().iter().filter(|f| **f != well_known::RAW) {
            let value = batch.cell(row, field);
            if let Some(dictionary) = store.dictionary(field).filter(|_| !value.is_absent()) {
                let one = |id| match dictionary.kind(id) {
                    ValueKind::Null => Value::Null,
                    ValueKind::Number => {
                        dictionary.str(id).parse().map_or_else(|_| dictionary.str(id).into(), Value::Number)
                    }
                    _ => Value::from(dictionary.str(id)),
                };
                let json = match dictionary.kind(value) {
                    ValueKind::List => Value::Array(dictionary.elements(value).map(one).collect()),
                    _ => one(value),
                };
                fields.insert(store.fields().name(field).to_owned(), json);
            }
        }
        let shape = batch.shape();
        let shared = [
            (well_known::CHANNEL, shape.channel),
            (well_known::PROVIDER, shape.provider),
            (well_known::EVENT_ID, shape.event_id),
        ];
        for (field, value) in shared.into_iter().filter(|(_, v)| !v.is_absent()) {
            fields.entry(store.fields().name(field)).or_insert_with(|| store.text(field, value).into());
        }
        let time = header.and_then(|h| h.time);
        if let Some(time) = time {
            fields.insert("@timestamp".to_owned(), time.to_string().into());
        }
        let account = self.subjects.account(store, batch, row);
        let account = if self.subjects.is_shared_account(&account) { String::new() } else { account };
        let host = self.subjects.host(store, batch, row);
        let place = header.map_or((0, 0), |h| (unit.offset + h.offset, h.sub));
        ((unit.ordinal, place.0, place.1), Recorded { time, host, account, fields })
    }
}

impl SpliceSource for Recordings {
    fn events(&mut self, recording: &str) -> Result<Vec<Recorded>, String> {
        let folder = self.folder.as_ref().ok_or("give the folder of recordings with --recordings")?;
        let name = Path::new(recording);
        if name.components().any(|c| !matches!(c, Component::Normal(_))) {
            return Err("recordings are named by a path below their folder".to_owned());
        }
        let path = folder.join(name);
        if !path.is_file() {
            return Err(format!("{} is no file", path.display()));
        }
        let events = self.read(path);
        if events.is_empty() { Err("no event can be read from it".to_owned()) } else { Ok(events) }
    }
}

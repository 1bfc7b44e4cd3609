//! What the events of a unit say about their source: kinds, latest time, hosts. Two rows of each batch stand for its hosts.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_columns::{Batch, Store, well_known};
use hinomi_model::{LogKind, Timestamp};

use super::Subjects;

/// Hosts of one unit that are kept.
const MOST_HOSTS: usize = 16;
/// Kinds of one unit that are kept.
const MOST_KINDS: usize = 256;

/// What one unit held, without its events.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventOutline {
    pub(crate) kinds: BTreeMap<String, u64>,
    pub(crate) latest: Option<Timestamp>,
    pub(crate) hosts: BTreeSet<String>,
}

impl EventOutline {
    pub(super) fn add(&mut self, subjects: &Subjects, store: &Store, batch: &Batch) {
        let rows = batch.rows();
        self.latest = self.latest.max(rows.iter().filter_map(|row| row.time).max());
        let kind = kind_of(store, batch);
        if self.kinds.len() < MOST_KINDS || self.kinds.contains_key(&kind) {
            *self.kinds.entry(kind).or_default() += rows.len() as u64;
        }
        for row in [0, rows.len().saturating_sub(1)] {
            let host = subjects.host(store, batch, row);
            if !host.is_empty() && self.hosts.len() < MOST_HOSTS {
                self.hosts.insert(host);
            }
        }
    }
}

/// Kind of log, channel and number of event, as far as there are any.
fn kind_of(store: &Store, batch: &Batch) -> String {
    let shape = batch.shape();
    let kind = store.kinds().kind(shape.kind).map(LogKind::name).unwrap_or_default();
    let channel = store.text(well_known::CHANNEL, shape.channel);
    let event = store.text(well_known::EVENT_ID, shape.event_id);
    [kind.as_str(), channel, event].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

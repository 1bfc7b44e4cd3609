//! Detections that belong together: a first, plain grouping.
//!
//! Two detections of at least [`LEAST`] are joined when they name the same host, or the same account that is not
//! one of many services, within [`PAUSE_NS`]. Joining is transitive; the order of input does not matter.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{Level, NANOS_PER_SECOND, Timestamp};

use super::model::{DetectionEntry, IncidentEntry};
use crate::scan::Subjects;

/// Lower levels tell the story of an incident but do not make one.
const LEAST: Level = Level::Medium;
/// A pause longer than this on the same host or account separates incidents.
const PAUSE_NS: i64 = 24 * 3600 * NANOS_PER_SECOND;

/// Groups `detections`, which are in order of time.
pub(super) fn group(detections: &[DetectionEntry], subjects: &Subjects) -> Vec<IncidentEntry> {
    let members: Vec<usize> =
        (0..detections.len()).filter(|&at| detections.get(at).is_some_and(|d| d.level >= LEAST)).collect();
    let mut sets = DisjointSets::new(members.len());
    let mut last_seen: BTreeMap<(u8, String), (usize, Option<Timestamp>)> = BTreeMap::new();
    for (set, &at) in members.iter().enumerate() {
        let Some(detection) = detections.get(at) else { continue };
        let account = Some(&detection.account).filter(|a| !subjects.is_shared_account(a));
        let host = Some(&detection.host).filter(|h| !h.is_empty());
        for (kind, name) in host.map(|h| (0, h)).into_iter().chain(account.map(|a| (1, a))) {
            let key = (kind, name.to_lowercase());
            if let Some((other, time)) = last_seen.get(&key)
                && close(*time, detection.time)
            {
                sets.join(set, *other);
            }
            last_seen.insert(key, (set, detection.time));
        }
    }
    let mut groups: BTreeMap<usize, Vec<&DetectionEntry>> = BTreeMap::new();
    for (set, &at) in members.iter().enumerate() {
        if let Some(detection) = detections.get(at) {
            groups.entry(sets.find(set)).or_default().push(detection);
        }
    }
    let mut incidents: Vec<IncidentEntry> = groups.into_values().filter_map(|g| describe(&g)).collect();
    incidents.sort_by(|a, b| (a.first.is_none(), a.first, &a.id).cmp(&(b.first.is_none(), b.first, &b.id)));
    incidents
}

/// Unknown times are near nothing but each other.
fn close(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => b.as_nanos().saturating_sub(a.as_nanos()).abs() <= PAUSE_NS,
        (None, None) => true,
        _ => false,
    }
}

fn describe(group: &[&DetectionEntry]) -> Option<IncidentEntry> {
    let first = group.first()?;
    let names = |pick: fn(&DetectionEntry) -> &String| {
        let set: BTreeSet<&String> = group.iter().map(|d| pick(d)).filter(|n| !n.is_empty()).collect();
        set.into_iter().cloned().collect()
    };
    let techniques: BTreeSet<_> = group.iter().flat_map(|d| d.techniques.iter().cloned()).collect();
    let times = || group.iter().filter_map(|d| d.time);
    Some(IncidentEntry {
        id: first.id.clone(),
        level: group.iter().map(|d| d.level).max()?,
        first: group.iter().filter_map(|d| d.first_time.or(d.time)).min(),
        last: times().max(),
        hosts: names(|d| &d.host),
        accounts: names(|d| &d.account),
        techniques: techniques.into_iter().collect(),
        detections: group.iter().map(|d| d.id.clone()).collect(),
        rules: group.iter().map(|d| &d.rule_id).collect::<BTreeSet<_>>().len() as u64,
    })
}

/// Union by smaller root, with path halving.
struct DisjointSets(Vec<usize>);

impl DisjointSets {
    fn new(len: usize) -> Self {
        Self((0..len).collect())
    }

    fn find(&mut self, mut at: usize) -> usize {
        while let Some(&parent) = self.0.get(at) {
            if parent == at {
                break;
            }
            let grandparent = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(at) {
                *slot = grandparent;
            }
            at = grandparent;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        if let Some(slot) = self.0.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }
}

//! From logs to observations.

use std::collections::BTreeMap;
use std::sync::Arc;

use hinomi_assure::Observation;
use hinomi_assure::assess::SourceLog;

use super::Content;
use crate::scan::{Event, Findings};

/// What was observed, and the events that show it.
pub struct Gathered {
    /// Facts; their numbers of events point into `events`.
    pub observations: Vec<Observation>,
    /// The events.
    pub events: Vec<Arc<Event>>,
    /// The logs.
    pub logs: Vec<SourceLog>,
    /// Selected events that state no time, and so support nothing.
    pub without_time: u64,
}

/// Makes observations of what a scan selected. The sources are taken out of `findings`.
pub fn gather(content: &Content, findings: &mut Findings) -> Gathered {
    let mut gathered =
        Gathered { observations: Vec::new(), events: Vec::new(), logs: Vec::new(), without_time: 0 };
    let mut logs: BTreeMap<(u32, String), usize> = BTreeMap::new();
    for hit in &findings.hits {
        let rule = hit.rule.0 as usize;
        let Some(spec) = content.specs.get(rule) else { continue };
        let event = &hit.event;
        let next = logs.len();
        let log = *logs.entry((event.member.file, event.member.inner.clone())).or_insert(next);
        let number = gathered.events.len();
        let field = |name: &str| match name {
            // A host is known by what the event is filed under, if it names none itself.
            "Computer" => event.field(name).or(Some(event.host.as_str()).filter(|h| !h.is_empty())),
            _ => event.field(name),
        };
        match spec.observe(rule, (number, log), event.time, field) {
            Some(observation) => {
                gathered.observations.push(observation);
                gathered.events.push(Arc::clone(event));
            }
            None => gathered.without_time += 1,
        }
    }
    let sources = std::mem::take(&mut findings.sources).finish();
    gathered.logs = sources
        .into_iter()
        .map(|s| SourceLog { host: s.host, channel: s.channel, kind: s.kind, hours: s.hours, last: s.last })
        .collect();
    gathered
}

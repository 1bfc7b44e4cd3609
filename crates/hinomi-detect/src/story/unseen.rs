//! What an incident does not show, and which log would settle it.
//!
//! «No trace» is said only of a log that was there for the whole span of the incident; otherwise the answer is unknown.

use hinomi_model::Timestamp;

use super::table::{Scope, StageId, StoryTable, glob};

/// A source that was read.
#[derive(Clone, Copy, Debug)]
pub struct SourceSeen<'a> {
    /// Host; empty when its events state none.
    pub host: &'a str,
    /// Channel.
    pub channel: &'a str,
    /// Kind of log.
    pub kind: &'a str,
    /// First event.
    pub first: Option<Timestamp>,
    /// Last event.
    pub last: Option<Timestamp>,
    /// Spans in which something is missing.
    pub holes: &'a [(Option<Timestamp>, Option<Timestamp>)],
}

/// What can be said of a stage that no step shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnseenState {
    /// The log was there all the time and shows no trace.
    NoTrace,
    /// The log was there, but parts of it are missing.
    Holes,
    /// The log was there for a part of the time.
    Partly,
    /// There is no such log.
    NoLog,
}

impl UnseenState {
    /// Name in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoTrace => "no-trace",
            Self::Holes => "holes",
            Self::Partly => "partly",
            Self::NoLog => "no-log",
        }
    }
}

/// A stage that no step shows, with a log that would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The stage.
    pub stage: StageId,
    /// Number among the stage's settling logs.
    pub settled_by: usize,
    /// The host that lacks the log; empty when any host's would do.
    pub host: String,
    /// What can be said.
    pub state: UnseenState,
}

/// Hosts of an incident that are asked one by one.
const MOST_HOSTS: usize = 12;

/// What can be said of the stages that `seen` does not hold, for an incident on `hosts` within `span`.
pub fn unseen(
    table: &StoryTable,
    seen: &[StageId],
    hosts: &[String],
    span: (Option<Timestamp>, Option<Timestamp>),
    sources: &[SourceSeen<'_>],
) -> Vec<Unseen> {
    let mut found = Vec::new();
    for (number, entry) in table.stages().iter().enumerate() {
        let id = StageId::try_from(number).unwrap_or(StageId::MAX);
        if seen.contains(&id) {
            continue;
        }
        for (settled_by, log) in entry.settled_by.iter().enumerate() {
            let asked: Vec<&str> = match log.scope {
                Scope::Any => vec![""],
                Scope::Host => hosts.iter().take(MOST_HOSTS).map(String::as_str).collect(),
            };
            for host in asked {
                let matching = sources.iter().filter(|s| {
                    let place = host.is_empty() || s.host.eq_ignore_ascii_case(host);
                    place && log.sources.iter().any(|p| glob(p, s.channel) || glob(p, s.kind))
                });
                let state = matching.map(|s| covered(s, span)).min().unwrap_or(UnseenState::NoLog);
                found.push(Unseen { stage: id, settled_by, host: host.to_owned(), state });
            }
        }
    }
    found
}

fn covered(source: &SourceSeen<'_>, (from, to): (Option<Timestamp>, Option<Timestamp>)) -> UnseenState {
    let (Some(from), Some(to)) = (from, to) else { return UnseenState::Partly };
    let begins = source.first.is_some_and(|f| f <= from);
    let ends = source.last.is_some_and(|l| l >= to);
    let hole =
        source.holes.iter().any(|h| h.0.is_none_or(|start| start <= to) && h.1.is_none_or(|end| end >= from));
    match (begins && ends, hole) {
        (true, false) => UnseenState::NoTrace,
        (true, true) => UnseenState::Holes,
        (false, _) => UnseenState::Partly,
    }
}

//! What people did about the incidents of a story, in the form of the contract.

use std::collections::BTreeMap;

use serde::Serialize;

use super::told::Story;
use crate::casework::{Actor, Casework, Clock, Extent, Joint, Note, Reasoned, State};
use crate::pages::{Text, time};

/// What a list says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::pages) struct Brief {
    pub(in crate::pages) version: u64,
    pub(in crate::pages) state: State,
    /// It was contained or closed, and is open because it grew.
    pub(in crate::pages) grown: bool,
    pub(in crate::pages) assignee: Option<String>,
    pub(in crate::pages) next_due: Option<String>,
}

impl Default for Brief {
    fn default() -> Self {
        Self { version: 0, state: State::Open, grown: false, assignee: None, next_due: None }
    }
}

/// What is said of one incident.
#[derive(Debug, Default, Serialize)]
pub(in crate::pages) struct Details {
    pub(in crate::pages) notes: Vec<NoteRow>,
    pub(in crate::pages) decisions: Vec<DecisionRow>,
    pub(in crate::pages) clocks: Vec<ClockRow>,
    pub(in crate::pages) clock_kinds: Vec<KindRow>,
}

#[derive(Debug, Serialize)]
pub(in crate::pages) struct NoteRow {
    pub(in crate::pages) id: String,
    pub(in crate::pages) at: String,
    pub(in crate::pages) by: String,
    pub(in crate::pages) text: String,
}

#[derive(Debug, Serialize)]
pub(in crate::pages) struct DecisionRow {
    pub(in crate::pages) id: String,
    pub(in crate::pages) at: String,
    pub(in crate::pages) by: String,
    pub(in crate::pages) decision: String,
    pub(in crate::pages) reason: String,
    pub(in crate::pages) evidence: Vec<String>,
    approved_by: Option<String>,
    approved_at: Option<String>,
}

#[derive(Debug, Serialize)]
pub(in crate::pages) struct ClockRow {
    pub(in crate::pages) id: String,
    kind: String,
    pub(in crate::pages) name: Text,
    /// Who began it, why, and what it rests on.
    #[serde(skip)]
    pub(in crate::pages) began: (String, String, Vec<String>),
    pub(in crate::pages) started: String,
    pub(in crate::pages) due: String,
    pub(in crate::pages) closed: Option<ClosedRow>,
}

#[derive(Debug, Serialize)]
pub(in crate::pages) struct ClosedRow {
    pub(in crate::pages) at: String,
    pub(in crate::pages) by: String,
    pub(in crate::pages) reason: String,
    pub(in crate::pages) evidence: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(in crate::pages) struct KindRow {
    id: String,
    name: Text,
    about: Text,
    source: Text,
}

pub(in crate::pages) fn name(by: Option<&Actor>) -> String {
    by.map(|by| by.name.clone()).unwrap_or_default()
}

impl From<&Note> for NoteRow {
    fn from(note: &Note) -> Self {
        Self {
            id: format!("n{}", note.number),
            at: time(note.at),
            by: name(note.by.as_ref()),
            text: note.text.clone(),
        }
    }
}

impl From<&Reasoned> for DecisionRow {
    fn from(done: &Reasoned) -> Self {
        Self {
            id: format!("d{}", done.number),
            at: time(done.at),
            by: name(done.by.as_ref()),
            decision: done.what.clone(),
            reason: done.reason.clone(),
            evidence: done.evidence.clone(),
            approved_by: None,
            approved_at: None,
        }
    }
}

impl From<&Clock> for ClockRow {
    fn from(clock: &Clock) -> Self {
        let closed = |met: &Reasoned| ClosedRow {
            at: time(met.at),
            by: name(met.by.as_ref()),
            reason: met.reason.clone(),
            evidence: met.evidence.clone(),
        };
        Self {
            id: format!("c{}", clock.number),
            kind: clock.kind.clone(),
            name: Text::new(&clock.name.en, &clock.name.ja),
            began: (name(clock.began.by.as_ref()), clock.began.reason.clone(), clock.began.evidence.clone()),
            started: time(clock.since),
            due: time(clock.due),
            closed: clock.met.as_ref().map(closed),
        }
    }
}

fn brief(joint: &Joint<'_>, extent: Extent) -> Brief {
    let (state, grown) = joint.state(extent);
    Brief {
        version: joint.version(),
        state,
        grown,
        assignee: joint.assignee().map(str::to_owned),
        next_due: joint.next_due().map(time),
    }
}

/// Ids under which something was done about the incident at a place.
pub(in crate::pages) fn ids_of(story: &Story, casework: &Casework, place: usize) -> Vec<String> {
    let of = |id: &&str| story.places.get(*id) == Some(&place);
    casework.with(|desk| desk.ids().filter(of).map(str::to_owned).collect())
}

/// What was done about each incident about which something was, by its id.
pub(in crate::pages) fn briefs(story: &Story, casework: &Casework) -> BTreeMap<String, Brief> {
    casework.with(|desk| {
        let mut ids: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for id in desk.ids() {
            if let Some(place) = story.places.get(id) {
                ids.entry(*place).or_default().push(id);
            }
        }
        let one = |(place, ids): (usize, Vec<&str>)| {
            let incident = story.incidents.get(place)?;
            let joint = desk.joint(ids.iter().copied());
            Some((incident.id.clone(), brief(&joint, story.extent(place))))
        };
        ids.into_iter().filter_map(one).collect()
    })
}

/// What was done about the incident at a place.
pub(in crate::pages) fn details(story: &Story, casework: &Casework, place: usize) -> Details {
    let ids = ids_of(story, casework, place);
    let kind = |kind: &crate::casework::Kind| KindRow {
        id: kind.id.clone(),
        name: Text::new(&kind.name.en, &kind.name.ja),
        about: Text::new(&kind.about.en, &kind.about.ja),
        source: Text::new(&kind.source.en, &kind.source.ja),
    };
    let clock_kinds = casework.kinds().iter().map(kind).collect();
    casework.with(|desk| {
        let joint = desk.joint(ids.iter().map(String::as_str));
        Details {
            notes: joint.notes().into_iter().map(NoteRow::from).collect(),
            decisions: joint.decisions().into_iter().map(DecisionRow::from).collect(),
            clocks: joint.clocks().into_iter().map(ClockRow::from).collect(),
            clock_kinds,
        }
    })
}

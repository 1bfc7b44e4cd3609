//! From detections to incidents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hinomi_model::{Digest, EvidenceRef, Timestamp};

use super::known::Detected;
use super::linked::Links;
use crate::casework::Extent;
use crate::live::{Decided, LiveDetection};
use crate::pages::Refused;
use crate::pages::rulebook::{Known, Rules};
use crate::report::{DetectionEntry, EventEntry, Found, IncidentEntry, Technique, Told, told};
use crate::scan::{Event, Subjects};

/// What was told, once.
#[derive(Debug)]
pub(in crate::pages) struct Story {
    /// With the ids of this module, gravest first.
    pub(in crate::pages) incidents: Vec<IncidentEntry>,
    pub(in crate::pages) detections: BTreeMap<String, DetectionEntry>,
    /// Detections whose events came too late for correlations.
    pub(in crate::pages) late: BTreeSet<String>,
    /// The incident of each detection, by its place.
    pub(in crate::pages) places: BTreeMap<String, usize>,
    /// Where the newest detection of each incident was made, by its place.
    newest: Vec<Decided>,
    pub(in crate::pages) rules: Arc<Rules>,
    pub(in crate::pages) subjects: Subjects,
    /// Older detections are left out.
    pub(in crate::pages) is_cut: bool,
    /// Blocks are left to be read.
    pub(in crate::pages) is_behind: bool,
}

impl Story {
    /// What the incident at a place consists of: what somebody judges who closes it.
    pub(in crate::pages) fn extent(&self, place: usize) -> Extent {
        let detections = self.incidents.get(place).map_or(0, |incident| incident.detections.len() as u64);
        let newest = self.newest.get(place).map_or((0, 0), |decided| (decided.leaf, decided.index));
        Extent { detections, newest }
    }
}

/// Tells it.
pub(super) fn tell(detected: &Detected, links: &Links, rules: Arc<Rules>) -> Result<Story, Refused> {
    let subjects = Subjects::bundled().map_err(|error| Refused::Failed(error.to_string()))?;
    let found = gathered(detected, links, &rules);
    let Told { mut incidents, detections } = told(found, &subjects, links.prevalence(), links.sources());
    let order: BTreeMap<&str, Decided> = detected.all().map(|d| (d.id.as_str(), d.decided)).collect();
    for incident in &mut incidents {
        let first = incident.detections.iter().min_by_key(|id| order.get(id.as_str()));
        if let Some(first) = first.cloned() {
            incident.id = first;
        }
    }
    incidents.sort_by(|a, b| {
        let rank = |i: &IncidentEntry| (std::cmp::Reverse(i.severity), std::cmp::Reverse(i.last));
        rank(a).cmp(&rank(b)).then_with(|| a.id.cmp(&b.id))
    });
    let newest = incidents.iter().map(|incident| {
        let made = incident.detections.iter().filter_map(|id| order.get(id.as_str()));
        made.max().copied().unwrap_or(Decided { leaf: 0, index: 0 })
    });
    let newest = newest.collect();
    let mut places = BTreeMap::new();
    for (place, incident) in incidents.iter().enumerate() {
        let all = incident.detections.iter().chain(&incident.weak_signals).chain(&incident.context);
        places.extend(all.map(|id| (id.clone(), place)));
    }
    Ok(Story {
        incidents,
        late: late(detected, &detections),
        detections: detections.into_iter().map(|entry| (entry.id.clone(), entry)).collect(),
        places,
        newest,
        rules,
        subjects,
        is_cut: detected.is_cut(),
        is_behind: links.is_behind(),
    })
}

/// Detections whose events came too late, of sources that also deliver in time: of a collection that was imported at once, all came
/// late, and that says nothing.
fn late(detected: &Detected, entries: &[DetectionEntry]) -> BTreeSet<String> {
    // A place is a source and a month, with a space between.
    let place = |entry: &DetectionEntry| {
        let cited = entry.evidence.last().map(|cited| cited.place.as_str()).unwrap_or_default();
        cited.rsplit_once(' ').map_or(cited, |(source, _)| source).to_owned()
    };
    let places: BTreeMap<&str, String> =
        entries.iter().map(|entry| (entry.id.as_str(), place(entry))).collect();
    let of = |d: &LiveDetection| places.get(d.id.as_str()).cloned().unwrap_or_default();
    let in_time: BTreeSet<String> = detected.all().filter(|d| !d.late).map(of).collect();
    let late = detected.all().filter(|d| d.late && in_time.contains(&of(d)));
    late.map(|d| d.id.clone()).collect()
}

/// Detections in the form of the story.
fn gathered(detected: &Detected, links: &Links, rules: &Rules) -> Vec<Found> {
    let mut own: BTreeMap<&str, Arc<Event>> = BTreeMap::new();
    for detection in detected.all().filter(|d| d.group.is_empty() && d.evidence.len() == 1) {
        let Some(cited) = detection.evidence.first() else { continue };
        let event = links.event(&cited.reference).cloned();
        let event = event.or_else(|| stated(detection, &cited.reference).map(Arc::new));
        if let Some(event) = event {
            own.entry(cited.reference.as_str()).or_insert(event);
        }
    }
    let found = |detection: &LiveDetection| {
        let rule = rules.all.get(&detection.rule_id);
        let event = |reference: &str| links.event(reference).or_else(|| own.get(reference)).cloned();
        // The last events come first: they are what the detection describes.
        let mut events: Vec<Arc<Event>> =
            detection.evidence.iter().rev().filter_map(|cited| event(&cited.reference)).collect();
        if events.is_empty() {
            let last = detection.evidence.last();
            events.extend(last.and_then(|cited| stated(detection, &cited.reference)).map(Arc::new));
        }
        let direct = detection.group.is_empty() && detection.first_time.is_none();
        Found { entry: entry(detection, rule, &events), events, tags: tags(detection, rule).into(), direct }
    };
    detected.all().map(found).collect()
}

/// Tags of the rule; of one that is no longer in force its techniques.
pub(super) fn tags(detection: &LiveDetection, rule: Option<&Known>) -> Vec<String> {
    let techniques =
        || detection.techniques.iter().map(|id| format!("attack.{}", id.to_lowercase())).collect();
    rule.map_or_else(techniques, |rule| rule.tags.clone())
}

/// The event as the detection states it.
fn stated(detection: &LiveDetection, reference: &str) -> Option<Event> {
    let reference: EvidenceRef = reference.parse().ok()?;
    Some(Event {
        time: parsed(detection.time.as_ref()),
        sub: reference.sub,
        offset: reference.offset,
        digest: reference.event,
        host: detection.host.clone(),
        channel: detection.channel.clone(),
        account: detection.account.clone(),
        fields: detection.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect(),
        ..Event::unknown()
    })
}

fn parsed(time: Option<&String>) -> Option<Timestamp> {
    time.and_then(|text| text.parse().ok())
}

fn entry(detection: &LiveDetection, rule: Option<&Known>, events: &[Arc<Event>]) -> DetectionEntry {
    let evidence = detection.evidence.iter().map(|cited| EventEntry {
        reference: cited.reference.clone(),
        place: events.iter().find_map(|event| place(event, &cited.reference)).unwrap_or_default(),
        offset: 0,
        length: 0,
        sequence: None,
        time: parsed(cited.time.as_ref()),
    });
    let named = |id: &String| Technique {
        name: crate::attack::technique_name(id).unwrap_or_default().to_owned(),
        id: id.clone(),
    };
    let explanation = rule.and_then(|rule| rule.explanation.as_ref());
    let explanation = explanation.into_iter().flat_map(|text| [("en", &text.en), ("ja", &text.ja)]);
    DetectionEntry {
        id: detection.id.clone(),
        rule_id: detection.rule_id.clone(),
        title: detection.title.clone(),
        title_translations: detection.title_ja.iter().map(|ja| ("ja", ja.clone())).collect(),
        author: detection.author.clone(),
        license: detection.license.clone(),
        level: detection.level,
        time: parsed(detection.time.as_ref()),
        first_time: parsed(detection.first_time.as_ref()),
        host: detection.host.clone(),
        account: detection.account.clone(),
        channel: detection.channel.clone(),
        techniques: detection.techniques.iter().map(named).collect(),
        other_explanations: explanation.map(|(lang, text)| (lang, text.clone())).collect(),
        fields: detection.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect(),
        evidence: evidence.collect(),
        more_evidence: detection.more_evidence,
        group: detection.group.clone(),
    }
}

/// Where an event stands, for people: source and month.
fn place(event: &Event, reference: &str) -> Option<String> {
    let cited: Digest = reference.parse::<EvidenceRef>().ok()?.event;
    let path = event.member.path.as_str();
    (event.digest == cited && !path.is_empty())
        .then(|| path.split_once(':').map_or(path, |(_, s)| s).to_owned())
}

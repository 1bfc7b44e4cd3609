//! An incident as one file.
//!
//! # Invariants
//! - That it leaves is on disk before it does: by whom, when, the digest of the file, whether names are in it.
//! - Records, which have names as logs have them, are in it only when whoever asks may search them and is shown every name of
//!   the incident.
//! - The file is bounded: steps, records, and bytes of proofs.

use std::collections::BTreeSet;

use hinomi_model::{Digest, Timestamp};
use hinomi_server::pages::{File, Told, verifier};

use super::incidents::{Brief, Details, Scene, found};
use super::work::Person;
use super::{Asked, Reading, Refused, Text, record};
use crate::casework::State;
use crate::document::{Document, Done, Exported, Proof, Proofs, Said2, exported};

/// Records with their proofs, and bytes of these.
const MOST_PROOFS: usize = 300;
const MOST_BYTES: usize = 8 << 20;

fn said(text: &Text) -> Said2 {
    Said2::new(&text.en, &text.ja)
}

fn state(work: &Brief) -> Said2 {
    let (en, ja) = match work.state {
        State::Open => ("open", "未終了"),
        State::Contained => ("contained", "封じ込め済み"),
        State::Closed => ("closed", "完了"),
    };
    match &work.assignee {
        Some(name) => Said2::new(format!("{en}, in the hands of {name}"), format!("{ja}、担当 {name}")),
        None => Said2::new(format!("{en}, in nobody's hands"), format!("{ja}、担当なし")),
    }
}

/// What people did, as rows, oldest first.
fn rows(details: &Details) -> Vec<Done> {
    let plain = |text: &str| Said2::new(text, text);
    let at = |text: &str| text.parse().ok();
    let mut rows: Vec<Done> = Vec::new();
    rows.extend(details.notes.iter().map(|note| Done {
        at: at(&note.at),
        by: note.by.clone(),
        kind: Said2::new("note", "メモ"),
        text: plain(&note.text),
        ..Done::default()
    }));
    rows.extend(details.decisions.iter().map(|done| Done {
        at: at(&done.at),
        due: None,
        by: done.by.clone(),
        kind: Said2::new("decision", "判断"),
        text: plain(&done.decision),
        reason: done.reason.clone(),
        evidence: done.evidence.clone(),
    }));
    for clock in &details.clocks {
        let (by, reason, evidence) = clock.began.clone();
        rows.push(Done {
            at: at(&clock.started),
            due: at(&clock.due),
            by,
            kind: Said2::new("deadline began", "期限の開始"),
            text: said(&clock.name),
            reason,
            evidence,
        });
        rows.extend(clock.closed.iter().map(|met| Done {
            at: at(&met.at),
            due: None,
            by: met.by.clone(),
            kind: Said2::new("deadline met", "期限の完了"),
            text: said(&clock.name),
            reason: met.reason.clone(),
            evidence: met.evidence.clone(),
        }));
    }
    rows.sort_by_key(|row| row.at);
    rows
}

impl Reading {
    /// Proofs of the records that a document and the acts of people cite.
    fn proofs(&self, document: &Document, done: &[Done]) -> Result<Proofs, Refused> {
        let cited = document.citations.iter().map(|cite| cite.reference.to_string());
        let cited = cited.chain(done.iter().flat_map(|one| one.evidence.iter().cloned()));
        let (mut proofs, mut bytes, mut more) = (Vec::new(), 0, 0);
        let mut seen = BTreeSet::new();
        for reference in cited.filter(|reference| seen.insert(reference.clone())) {
            if proofs.len() >= MOST_PROOFS || bytes >= MOST_BYTES {
                more += 1;
                continue;
            }
            // One at a time, so that others read meanwhile.
            match self.evidence().with(|opened| record::bundle(&opened.reader, &reference)) {
                Ok((bundle, length)) => {
                    let text = serde_json::to_string(&bundle).unwrap_or_default();
                    if bytes + text.len() > MOST_BYTES {
                        more += 1;
                        continue;
                    }
                    bytes += text.len();
                    proofs.push(Proof { reference, length, bundles: vec![text] });
                }
                // Erased since; its reference stays in the list.
                Err(Refused::NotFound) => more += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(Proofs::Here { proofs, more })
    }
}

/// The file, and that it leaves.
pub(super) fn export(
    reading: &Reading,
    asked: &Asked<'_>,
    (person, now): (&Person, Timestamp),
) -> Result<Told, Refused> {
    let casework = reading.casework()?;
    let lang = match asked.value("lang")?.as_deref() {
        None | Some("en") => "en",
        Some("ja") => "ja",
        Some(_) => return Err(Refused::Senseless("lang: en or ja".to_owned())),
    };
    let story = reading.story()?;
    let (place, incident) = found(&story, asked)?;
    let kinds = reading.kinds(Some(&story))?;
    let scene = Scene::new(&story, incident, asked, &kinds)?;
    let names = scene.shows_all();
    let document = scene.exported(lang);
    let done = rows(&super::incidents::details(&story, casework, place));
    let proofs = if names && person.raw { reading.proofs(&document, &done)? } else { Proofs::Withheld };
    let html = exported(&Exported {
        document: &document,
        table: scene.table(),
        by: &person.actor.name,
        at: now,
        state: state(&kinds.work(&incident.id)),
        done: &done,
        proofs: &proofs,
        verifier: verifier(),
    });
    let html = html.map_err(|error| Refused::Failed(error.to_string()))?.into_bytes();
    let (sha256, bytes) = (Digest::of(&html).to_string(), html.len() as u64);
    casework.exported((&person.actor, now), &incident.id, (sha256, bytes), names)?;
    let name = format!("incident-{}.html", incident.id.get(..8).unwrap_or("x"));
    Ok(Told::file(File { name, html }))
}

//! What configuration says, as plain data.

use std::collections::BTreeMap;

use hinomi_assure::declared::{Declaration, Declared, Disagreement, Says};
use hinomi_assure::posture::{Because, Framework, Pack, Place, Subject, is_of};
use hinomi_assure::{Bilingual, Outcome};
use hinomi_model::Timestamp;
use serde::Serialize;

use super::words;
use crate::assure::model::{ClaimEntry, EvidenceEntry, ReasonEntry, time};

/// What configuration says. It proves nothing of what happened.
#[derive(Debug, Serialize)]
pub struct ConfigurationReport {
    /// Documents that were recognised.
    pub documents: Vec<DocumentEntry>,
    /// Claims, in their order.
    pub claims: Vec<ConfigurationClaim>,
}

/// A document.
#[derive(Debug, Serialize)]
pub struct DocumentEntry {
    /// The file.
    pub document: String,
    /// Kind of document.
    pub kind: String,
    /// What such a document is.
    pub title: Bilingual,
    /// What it calls the whole that it is of, such as a tenant.
    pub label: Option<String>,
}

/// A claim about configuration.
#[derive(Debug, Serialize)]
pub struct ConfigurationClaim {
    /// Its name.
    pub id: String,
    /// What is claimed.
    pub title: Bilingual,
    /// Why it matters.
    pub why: Bilingual,
    /// Framework → controls.
    pub controls: BTreeMap<String, Vec<String>>,
    /// Whether accounts are judged, whose names pages keep to themselves.
    pub about_accounts: bool,
    /// What needs attention most.
    pub outcome: Outcome,
    /// Subjects by outcome.
    pub subjects: BTreeMap<Outcome, u64>,
    /// Per subject, what needs attention first.
    pub judgements: Vec<JudgementEntry>,
}

/// What a claim comes to for one subject.
#[derive(Debug, Serialize)]
pub struct JudgementEntry {
    /// Its name, document and JSON pointer.
    pub subject: Subject,
    /// What it comes to.
    pub outcome: Outcome,
    /// Who answers for it; `null` when no list says so.
    pub owner: Option<String>,
    /// Exceptions that cover it or did.
    pub exceptions: Vec<String>,
    /// Why.
    pub because: Vec<BecauseEntry>,
}

/// A reason, typed and as a sentence.
#[derive(Debug, Serialize)]
pub struct BecauseEntry {
    /// As a sentence.
    pub text: Bilingual,
    /// Typed.
    #[serde(flatten)]
    pub detail: Because,
}

/// What is declared and what evidence shows, where they disagree.
#[derive(Debug, Serialize)]
pub struct DisagreementEntry {
    /// The declaration.
    pub says: SaysEntry,
    /// The evidence.
    pub shows: ShowsEntry,
    /// Who answers for what declares.
    pub owner: Option<String>,
    /// As a sentence that names nobody.
    pub text: Bilingual,
}

/// A declaration.
#[derive(Debug, Serialize)]
pub struct SaysEntry {
    /// `configuration` or `list`.
    pub kind: &'static str,
    /// The claim about configuration.
    pub claim: Option<String>,
    /// The attribute of the list.
    pub attribute: Option<String>,
    /// As a sentence.
    pub text: Bilingual,
    /// Places that declare: of configuration a JSON pointer, of a list a line.
    pub places: Vec<SaysPlace>,
}

/// A place that declares.
#[derive(Debug, Serialize)]
pub struct SaysPlace {
    /// The document.
    pub document: String,
    /// JSON pointer in it.
    pub pointer: Option<String>,
    /// Line in it.
    pub line: Option<u64>,
    /// What stands there.
    pub value: String,
}

/// What evidence shows.
#[derive(Debug, Serialize)]
pub struct ShowsEntry {
    /// The claim.
    pub claim: String,
    /// What kind of thing the entity is.
    pub about: String,
    /// The entity.
    pub entity: String,
    /// What its evidence comes to.
    pub outcome: Outcome,
    /// When it was shown.
    #[serde(serialize_with = "time")]
    pub time: Option<Timestamp>,
    /// As a sentence.
    pub text: Bilingual,
    /// Reasons.
    pub reasons: Vec<ReasonEntry>,
    /// Events.
    pub evidence: Vec<EvidenceEntry>,
}

/// What claims say about one category of a framework. A category with no claim at all is there too.
#[derive(Debug, Serialize)]
pub struct CoverageEntry {
    /// The framework.
    pub framework: String,
    /// The category.
    pub category: String,
    /// What it is about.
    pub title: Bilingual,
    /// Claims that evidence answers, by outcome.
    pub evidence: BTreeMap<Outcome, u64>,
    /// Claims about evidence that apply to nothing that was read.
    pub not_applicable: u64,
    /// Claims that configuration answers, by outcome.
    pub configuration: BTreeMap<Outcome, u64>,
}

/// Puts what configuration says into the form of the report.
pub(in crate::assure) fn report(pack: &Pack, declaration: &Declaration) -> ConfigurationReport {
    let mut by_claim: BTreeMap<&str, Vec<&Declared>> = BTreeMap::new();
    for declared in &declaration.judged {
        by_claim.entry(declared.judgement.claim.as_str()).or_default().push(declared);
    }
    let claims = pack.claims().iter().map(|claim| {
        let mut judged = by_claim.remove(claim.id()).unwrap_or_default();
        judged.sort_by_key(|d| d.judgement.outcome);
        let mut subjects = BTreeMap::new();
        judged.iter().for_each(|d| *subjects.entry(d.judgement.outcome).or_default() += 1);
        ConfigurationClaim {
            id: claim.id().to_owned(),
            title: claim.title().clone(),
            why: claim.rationale().clone(),
            controls: claim.controls().clone(),
            about_accounts: pack.is_about_people(claim),
            outcome: subjects.keys().copied().reduce(Outcome::and).unwrap_or(Outcome::Unknown),
            subjects,
            judgements: judged.into_iter().map(judgement).collect(),
        }
    });
    let documents = declaration.documents.iter().filter_map(|d| {
        let (kind, title) = (d.kind.clone()?, d.title.clone()?);
        Some(DocumentEntry { document: d.document.clone(), kind, title, label: d.label.clone() })
    });
    ConfigurationReport { claims: claims.collect(), documents: documents.collect() }
}

fn judgement(declared: &Declared) -> JudgementEntry {
    let judgement = &declared.judgement;
    let because = judgement.because.iter();
    JudgementEntry {
        subject: judgement.subject.clone(),
        outcome: judgement.outcome,
        owner: declared.owner.clone(),
        exceptions: declared.exceptions.clone(),
        because: because
            .map(|detail| BecauseEntry {
                text: words::because(detail, &judgement.subject.document),
                detail: detail.clone(),
            })
            .collect(),
    }
}

/// Disagreements with their sides in words; `cite` makes evidence of the numbers of events.
pub(in crate::assure) fn disagreement_entries(
    found: Vec<Disagreement>,
    claims: &[ClaimEntry],
    mut cite: impl FnMut(&Disagreement) -> (Vec<ReasonEntry>, Vec<EvidenceEntry>),
) -> Vec<DisagreementEntry> {
    let entry = |found: Disagreement| {
        let (reasons, evidence) = cite(&found);
        let about = claims.iter().find(|c| c.id == found.claim).map(|c| c.about.clone()).unwrap_or_default();
        let text = words::disagreement(&found);
        DisagreementEntry {
            says: says(found.says, found.declares),
            shows: ShowsEntry {
                claim: found.claim,
                about,
                entity: found.entity,
                outcome: found.outcome,
                time: found.time,
                text: found.shows,
                reasons,
                evidence,
            },
            owner: found.owner,
            text,
        }
    };
    found.into_iter().map(entry).collect()
}

fn says(says: Says, text: Bilingual) -> SaysEntry {
    match says {
        Says::Configuration { claim, places } => {
            let place = |p: Place| SaysPlace {
                document: p.document,
                pointer: Some(p.pointer),
                line: None,
                value: p.shown,
            };
            let places = places.into_iter().map(place).collect();
            SaysEntry { kind: "configuration", claim: Some(claim), attribute: None, text, places }
        }
        Says::List { place, attribute, value } => {
            let line = Some(place.line);
            let places = vec![SaysPlace { document: place.document, pointer: None, line, value }];
            SaysEntry { kind: "list", claim: None, attribute: Some(attribute), text, places }
        }
    }
}

/// Coverage of every category of every framework.
pub(in crate::assure) fn coverage(
    frameworks: &[Framework],
    evidence: &[ClaimEntry],
    configuration: &[ConfigurationClaim],
) -> Vec<CoverageEntry> {
    let mut entries = Vec::new();
    for framework in frameworks {
        for category in &framework.categories {
            let answers = |controls: &BTreeMap<String, Vec<String>>| {
                controls.get(&framework.id).is_some_and(|all| all.iter().any(|c| is_of(c, &category.id)))
            };
            let mut entry = CoverageEntry {
                framework: framework.id.clone(),
                category: category.id.clone(),
                title: category.title.clone(),
                evidence: BTreeMap::new(),
                not_applicable: 0,
                configuration: BTreeMap::new(),
            };
            for claim in evidence.iter().filter(|c| answers(&c.controls)) {
                match claim.outcome {
                    Some(outcome) => *entry.evidence.entry(outcome).or_default() += 1,
                    None => entry.not_applicable += 1,
                }
            }
            for claim in configuration.iter().filter(|c| answers(&c.controls)) {
                *entry.configuration.entry(claim.outcome).or_default() += 1;
            }
            entries.push(entry);
        }
    }
    entries
}

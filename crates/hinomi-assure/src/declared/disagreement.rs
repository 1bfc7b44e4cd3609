//! Where configuration or a list says one thing and evidence shows another. Which of them speak of the same matter is data:
//! `claims/links.yaml`.

use hinomi_model::Timestamp;
use serde::Deserialize;

use super::register::Declared;
use crate::assess::{Assessment, Ground, Reason, Verdict};
use crate::inventory::{EntityKind, Inventory, Place};
use crate::posture::{self, Because};
use crate::{Bilingual, Outcome};

const BUNDLED: &str = include_str!("../../../../claims/links.yaml");

/// Which declarations and which claims of evidence speak of the same matter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// Version of the file.
    pub version: u32,
    links: Vec<Link>,
}

/// The links cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Not in the form of `claims/links.yaml`.
    #[error("links.yaml: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    says: Declares,
    /// What is declared, as a sentence.
    declares: Bilingual,
    /// The claim of evidence.
    evidence: String,
    /// What contradicting evidence shows, as a sentence.
    shows: Bilingual,
    /// Services of the sign-ins that the declaration is about; all, without.
    #[serde(default)]
    services: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", untagged)]
enum Declares {
    /// A claim about configuration that is supported.
    Configuration {
        /// Its name.
        configuration: String,
    },
    /// An attribute of a list's entry about the entity.
    List {
        /// Kind of list.
        list: EntityKind,
        /// The attribute.
        attribute: String,
        /// Its values that declare.
        is: Vec<String>,
    },
}

/// The place that declares.
#[derive(Clone, PartialEq, Debug)]
pub enum Says {
    /// A claim about configuration is supported.
    Configuration {
        /// The claim.
        claim: String,
        /// Where in which document, and what stands there; several where several places decided.
        places: Vec<posture::Place>,
    },
    /// A list says so of the entity.
    List {
        /// Where.
        place: Place,
        /// The attribute.
        attribute: String,
        /// Its value.
        value: String,
    },
}

/// One matter in which what is declared and what is shown disagree, for one entity.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// What declares.
    pub says: Says,
    /// What is declared.
    pub declares: Bilingual,
    /// What evidence shows.
    pub shows: Bilingual,
    /// The claim of evidence.
    pub claim: String,
    /// The entity.
    pub entity: String,
    /// What its evidence comes to.
    pub outcome: Outcome,
    /// Who answers for what declares.
    pub owner: Option<String>,
    /// When it was shown first, of what is cited.
    pub time: Option<Timestamp>,
    /// Why evidence says so.
    pub reasons: Vec<Reason>,
    /// Events that show it.
    pub events: Vec<usize>,
}

impl Links {
    /// The links of this program.
    ///
    /// # Errors
    /// When they do not parse, which a test excludes.
    pub fn bundled() -> Result<Self, LinkError> {
        Ok(serde_yaml_ng::from_str(BUNDLED)?)
    }
}

/// Every disagreement, in the order of links, claims and entities.
pub fn disagreements(
    links: &Links,
    declared: &[Declared],
    assessment: &Assessment,
    inventory: &Inventory,
    now: Timestamp,
) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for link in &links.links {
        for verdict in assessment.verdicts.iter().filter(|v| v.claim == link.evidence) {
            let Some((outcome, ground)) = contradicting(link, verdict) else { continue };
            let time = ground.time.unwrap_or(now);
            let Some((says, owner)) = said(link, verdict, declared, inventory, (time, now)) else { continue };
            found.push(Disagreement {
                says,
                declares: link.declares.clone(),
                shows: link.shows.clone(),
                claim: verdict.claim.clone(),
                entity: verdict.entity.clone(),
                outcome,
                owner,
                time: ground.time,
                reasons: ground.reasons.clone(),
                events: ground.events.clone(),
            });
        }
    }
    found
}

/// The first ground that contradicts, of the services that are spoken of. What a valid exception covers is agreed on.
fn contradicting<'v>(link: &Link, verdict: &'v Verdict) -> Option<(Outcome, &'v Ground)> {
    let contradicts = |g: &&Ground| matches!(g.outcome, Outcome::Contradicted | Outcome::ExpiredException);
    let of_service = |g: &&Ground| {
        link.services.is_empty() || g.service.as_ref().is_some_and(|s| link.services.contains(s))
    };
    let ground = verdict.grounds.iter().filter(contradicts).find(of_service)?;
    Some((ground.outcome, ground))
}

fn said(
    link: &Link,
    verdict: &Verdict,
    declared: &[Declared],
    inventory: &Inventory,
    (at, known): (Timestamp, Timestamp),
) -> Option<(Says, Option<String>)> {
    match &link.says {
        Declares::Configuration { configuration } => {
            let mut judged = declared.iter().filter(|d| d.judgement.claim == *configuration).peekable();
            let first = judged.peek()?;
            let owner = first.owner.clone();
            let places: Vec<posture::Place> = deciding(first).cloned().collect();
            // Of a part of the organisation it does not say whether the entity belongs to it.
            let everywhere = judged.all(|d| d.judgement.outcome == Outcome::Supported);
            let claim = configuration.clone();
            everywhere.then_some((Says::Configuration { claim, places }, owner))
        }
        Declares::List { list, attribute, is } => {
            let entity = inventory.believed(*list, &verdict.entity, at, known)?;
            let value = entity.value(attribute).filter(|v| is.iter().any(|i| i == v))?.to_owned();
            let (place, attribute) = (entity.place.clone(), attribute.clone());
            Some((Says::List { place, attribute, value }, entity.value("owner").map(str::to_owned)))
        }
    }
}

/// The places that decided a judgement.
fn deciding(declared: &Declared) -> impl Iterator<Item = &posture::Place> {
    declared.judgement.because.iter().filter_map(|because| match because {
        Because::Found { place, met: true, .. } => Some(place),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_services_and_lists_that_exist() {
        let links = Links::bundled().unwrap();
        assert!(links.links.len() >= 4);
        assert!(links.links.iter().any(|l| matches!(l.says, Declares::List { .. })));
        assert!(links.links.iter().any(|l| matches!(l.says, Declares::Configuration { .. })));
    }
}

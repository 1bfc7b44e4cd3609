//! What is known per category of a control framework, with what is unknown kept in every total.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Bilingual, Outcome};

use super::judgement::Judgement;
use super::pack::Pack;
use super::reader::{ClaimFileError, Mistake};

/// A control framework and its categories, as data.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// The name by which claims answer it, such as `csf`.
    pub id: String,
    /// What it is.
    pub title: Bilingual,
    /// Its categories, in its order.
    pub categories: Vec<Category>,
}

/// A category of a framework.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its id, such as `PR.AA`.
    pub id: String,
    /// What it is about.
    pub title: Bilingual,
}

impl Framework {
    /// Parses a framework file.
    pub fn parse(file: &str, text: &str) -> Result<Self, ClaimFileError> {
        serde_yaml_ng::from_str(text).map_err(|error| ClaimFileError {
            file: file.to_owned(),
            place: String::new(),
            reason: Mistake::NotYaml(error.to_string()),
        })
    }
}

/// What claims say about one category of a framework.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct CategoryCoverage {
    /// The category, such as `PR.AA`.
    pub category: String,
    /// Claims that answer a control of it. None: nothing is known about the category, and nothing is shown as fine.
    pub claims: u64,
    /// Claims by their outcome over all subjects.
    pub by_claim: BTreeMap<Outcome, u64>,
    /// Judged subjects by outcome.
    pub by_subject: BTreeMap<Outcome, u64>,
}

impl CategoryCoverage {
    /// How many claims are supported, of all claims of the category, unknown ones included; `None` without claims.
    pub fn supported_of_all(&self) -> Option<(u64, u64)> {
        let supported = self.by_claim.get(&Outcome::Supported).copied().unwrap_or_default();
        (self.claims > 0).then_some((supported, self.claims))
    }
}

/// Coverage of every category of a framework, in its order; a category without claims is there too. A control belongs to
/// the category that it equals or begins with, before `-`, `.` or the end: `PR.AA-05` is of `PR.AA`.
pub fn coverage(pack: &Pack, judgements: &[Judgement], framework: &Framework) -> Vec<CategoryCoverage> {
    let mut by_claim: BTreeMap<&str, Vec<Outcome>> = BTreeMap::new();
    for judgement in judgements {
        by_claim.entry(&judgement.claim).or_default().push(judgement.outcome);
    }
    let mut covered = Vec::new();
    for category in &framework.categories {
        let mut found = CategoryCoverage { category: category.id.clone(), ..CategoryCoverage::default() };
        let belongs = |control: &String| is_of(control, &category.id);
        for claim in pack.claims().iter().filter(|claim| claim.answers(&framework.id).iter().any(belongs)) {
            let outcomes = by_claim.get(claim.id()).map_or(&[][..], Vec::as_slice);
            // A claim that was not judged is unknown, not absent.
            let whole = outcomes.iter().copied().reduce(Outcome::and).unwrap_or(Outcome::Unknown);
            found.claims += 1;
            *found.by_claim.entry(whole).or_default() += 1;
            for outcome in outcomes {
                *found.by_subject.entry(*outcome).or_default() += 1;
            }
        }
        covered.push(found);
    }
    covered
}

/// Whether a control belongs to a category: it equals it, or begins with it before `-` or `.`.
pub fn is_of(control: &str, category: &str) -> bool {
    control.strip_prefix(category).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posture::Document;
    use hinomi_model::Timestamp;
    use serde_json::json;

    const FRAMEWORK: &str = "
id: csf
title: {en: f, ja: f}
categories:
  - {id: PR.AA, title: {en: a, ja: a}}
  - {id: DE.CM, title: {en: d, ja: d}}
  - {id: RC.RP, title: {en: r, ja: r}}
";
    const PACK: &str = r"
kinds:
  - id: k
    title: {en: K, ja: K}
    recognise: {at: /k, exists: true}
    parts: {k: {at: /k}, other: {at: /other}}
claims:
  - {id: a, title: {en: a, ja: a}, rationale: {en: a, ja: a}, each: $k/*, require: {at: /on, is: true},
     answers: {csf: [PR.AA-01, PR.AA-05, DE.CM]}}
  - {id: b, title: {en: b, ja: b}, rationale: {en: b, ja: b}, once: $other, require: {at: $other/on, is: true},
     answers: {csf: [PR.AA-03]}}
  - {id: c, title: {en: c, ja: c}, rationale: {en: c, ja: c}, each: $k/*, require: {at: /on, in: [true, false]},
     answers: {csf: [PR.AAX-01]}}
";

    #[test]
    fn unknown_claims_stay_in_the_total_and_untouched_categories_show_none() {
        let pack = Pack::parse(&[("p.yaml", PACK)]).unwrap();
        let documents = [Document::new("d", json!({"k": [{"on": true}, {"on": false}]}))];
        let judged = pack.judge(&documents, &[], Timestamp::from_nanos(0));
        let framework = Framework::parse("f.yaml", FRAMEWORK).unwrap();
        let covered = coverage(&pack, &judged, &framework);
        assert_eq!(covered[0].claims, 2, "PR.AAX is another category");
        assert_eq!(covered[0].by_claim, BTreeMap::from([(Outcome::Contradicted, 1), (Outcome::Unknown, 1)]));
        assert_eq!(covered[0].supported_of_all(), Some((0, 2)));
        let subjects = [(Outcome::Contradicted, 1), (Outcome::Unknown, 1), (Outcome::Supported, 1)];
        assert_eq!(covered[0].by_subject, BTreeMap::from(subjects));
        assert_eq!(covered[1].claims, 1);
        assert_eq!((covered[2].claims, covered[2].supported_of_all()), (0, None));
        let unjudged = coverage(&pack, &[], &framework);
        assert_eq!(unjudged[0].by_claim, BTreeMap::from([(Outcome::Unknown, 2)]));
    }
}

//! What the claims that help to answer a question come to together.
//!
//! # Invariants
//! The weakest decides, as [`Outcome::and`] has it: what is supported never hides what is unknown or contradicted.

use hinomi_assure::Outcome;
use hinomi_assure::claim::Question;

use super::super::Text;
use super::super::incidents::Fact;
use super::claims::{Unknown, unknowns};
use super::entity::Scope;
use crate::judge::{Claim, Report, Verdict};

/// Claims that are named as facts, events cited of each, and unknowns.
const MOST_FACTS: usize = 8;
const MOST_CITED: usize = 3;
const MOST_UNKNOWN: usize = 12;

/// Claims of a question with what each comes to.
#[derive(Debug, Default)]
pub(super) struct Weighed<'r> {
    judged: Vec<One<'r>>,
}

#[derive(Debug)]
struct One<'r> {
    claim: &'r Claim,
    outcome: Outcome,
    /// Entities that come to that.
    entities: u64,
}

/// What a verdict comes to on a day; as a whole, without. A claim about the whole span has no days.
fn on(verdict: &Verdict, day: Option<&str>) -> Option<Outcome> {
    let Some(day) = day else { return Some(verdict.outcome) };
    let of_day = |of: &Option<String>| of.as_deref().is_none_or(|of| of == day);
    verdict.days.iter().filter(|of| of_day(&of.day)).map(|of| of.outcome).reduce(Outcome::and)
}

impl<'r> Weighed<'r> {
    /// Claims that help to answer a question about a part of what was judged.
    pub(super) fn of(report: &'r Report, question: Question, scope: &Scope) -> Self {
        let claims = report.claims.iter().filter(|claim| claim.questions.contains(&question));
        let one = |claim: &'r Claim| {
            if scope.is_whole() {
                let outcome = claim.outcome?;
                return Some(One {
                    claim,
                    outcome,
                    entities: claim.entities.get(&outcome).copied().unwrap_or(0),
                });
            }
            let own = claim.verdicts.iter().filter(|verdict| scope.concerns(claim, &verdict.entity));
            let outcomes: Vec<Outcome> = own.filter_map(|own| on(own, scope.day.as_deref())).collect();
            let outcome = outcomes.iter().copied().reduce(Outcome::and)?;
            let entities = outcomes.iter().filter(|one| **one == outcome).count() as u64;
            Some(One { claim, outcome, entities })
        };
        Self { judged: claims.filter_map(one).collect() }
    }

    /// The weakest; `None` when no claim applies.
    pub(super) fn worst(&self) -> Option<Outcome> {
        self.judged.iter().map(|one| one.outcome).reduce(Outcome::and)
    }

    /// How many claims apply.
    pub(super) fn count(&self) -> usize {
        self.judged.len()
    }

    /// How many of them come to one of these.
    pub(super) fn with(&self, outcomes: &[Outcome]) -> usize {
        self.judged.iter().filter(|one| outcomes.contains(&one.outcome)).count()
    }

    /// What evidence contradicts or exceptions cover, the worst first; then what it supports, in one sentence.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mut open: Vec<&One<'_>> = self
            .judged
            .iter()
            .filter(|one| !matches!(one.outcome, Outcome::Unknown | Outcome::Supported))
            .collect();
        open.sort_by(|a, b| (a.outcome, &a.claim.id).cmp(&(b.outcome, &b.claim.id)));
        let mut facts: Vec<Fact> = open.into_iter().take(MOST_FACTS).map(One::fact).collect();
        let supported = self.with(&[Outcome::Supported]);
        if supported > 0 {
            let all = self.judged.len();
            facts.push(Fact {
                text: Text::new(
                    format!("{supported} of {all} claims are supported by evidence."),
                    format!("要件 {all} 件中 {supported} 件は証拠で裏付けられています。"),
                ),
                link: Some("/claims".to_owned()),
                evidence: Vec::new(),
            });
        }
        facts
    }

    /// What no evidence decides.
    pub(super) fn unknown(&self) -> Vec<Unknown> {
        let open = self.judged.iter().filter(|one| one.outcome == Outcome::Unknown);
        let all = open.flat_map(|one| {
            let stated = unknowns(one.claim);
            if stated.is_empty() {
                let what = Text::from(&one.claim.title);
                return vec![Unknown { what, reason: "undecided", settled_by: None }];
            }
            stated
        });
        all.take(MOST_UNKNOWN).collect()
    }
}

impl One<'_> {
    fn fact(&self) -> Fact {
        let (en, ja) = match self.outcome {
            Outcome::ExpiredException => ("its exception has ended", "例外の期限切れ"),
            Outcome::Excepted => ("excepted", "例外として許可"),
            _ => ("contradicted", "証拠と矛盾"),
        };
        let (title, count) = (&self.claim.title, self.entities);
        let worst = self.claim.verdicts.iter().filter(|verdict| verdict.outcome == self.outcome);
        let evidence = worst.flat_map(|verdict| &verdict.grounds).flat_map(|ground| &ground.evidence);
        Fact {
            text: Text::new(
                format!("{}: {en} for {count}.", title.en),
                format!("{}：{ja}（{count} 件）。", title.ja),
            ),
            link: Some(format!("/claims?claim={}", self.claim.id)),
            evidence: evidence.filter_map(|one| one.reference.clone()).take(MOST_CITED).collect(),
        }
    }
}

//! Exceptions: somebody answers for them, they have a reason and an end, and they show what they hide.

use std::collections::BTreeMap;

use hinomi_model::Timestamp;

use crate::Outcome;
use crate::claim::Claim;
use crate::inventory::{Entity, EntityKind, Inventory, Place, Resolver};

/// What an exception did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExceptionUse {
    /// Its name.
    pub id: String,
    /// The claim that it excepts from.
    pub claim: String,
    /// The entity, or `*`.
    pub entity: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// What is done instead; empty when nothing is stated.
    pub compensation: String,
    /// Its end.
    pub until: Timestamp,
    /// Whether it has ended.
    pub ended: bool,
    /// Contradictions that it covers.
    pub covers: u64,
    /// Contradictions after its end.
    pub after_end: u64,
    /// Where it stands.
    pub place: Place,
}

/// An exception that covers nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExceptionProblem {
    /// Its name.
    pub id: String,
    /// What it lacks: `claim`, `owner`, `reason`, `valid_until`.
    pub lacks: Vec<&'static str>,
    /// A claim that does not exist.
    pub unknown_claim: Option<String>,
    /// The parts that it has; empty where it lacks them.
    pub claim: String,
    /// The entity, as it is written.
    pub entity: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// What is done instead.
    pub compensation: String,
    /// Its end.
    pub until: Option<Timestamp>,
    /// Where it stands.
    pub place: Place,
}

impl ExceptionProblem {
    /// What is wrong with an entry of a list, and what is there.
    pub(crate) fn of(entity: &Entity, lacks: Vec<&'static str>, unknown_claim: Option<String>) -> Self {
        let said = |name| entity.value(name).unwrap_or_default().to_owned();
        Self {
            id: entity.id.clone(),
            lacks,
            unknown_claim,
            claim: said("claim"),
            entity: said("entity"),
            owner: said("owner"),
            reason: said("reason"),
            compensation: said("compensation"),
            until: entity.valid.until,
            place: entity.place.clone(),
        }
    }
}

/// What an exception lacks to cover anything.
pub(crate) fn lacks(entity: &Entity) -> Vec<&'static str> {
    let said = ["claim", "entity", "owner", "reason"].into_iter();
    let unended = entity.valid.until.is_none().then_some("valid_until");
    said.filter(|name| entity.value(name).is_none()).chain(unended).collect()
}

#[derive(Clone)]
pub(super) struct Exceptions {
    valid: Vec<(Entity, ExceptionUse)>,
    by_claim: BTreeMap<String, Vec<usize>>,
    problems: Vec<ExceptionProblem>,
}

impl Exceptions {
    pub(super) fn of(inventory: &Inventory, claims: &[Claim], resolver: &Resolver) -> Self {
        let mut exceptions = Self { valid: Vec::new(), by_claim: BTreeMap::new(), problems: Vec::new() };
        for entity in inventory.versions(EntityKind::Exception) {
            exceptions.add(entity, claims, resolver);
        }
        exceptions
    }

    fn add(&mut self, entity: &Entity, claims: &[Claim], resolver: &Resolver) {
        let said = |name| entity.value(name).unwrap_or_default().to_owned();
        let claim = said("claim");
        let known = claims.iter().find(|c| c.id.eq_ignore_ascii_case(&claim));
        let lacks = lacks(entity);
        let unknown_claim = (known.is_none() && !claim.is_empty()).then(|| claim.clone());
        let (Some(known), Some(until), []) = (known, entity.valid.until, lacks.as_slice()) else {
            self.problems.push(ExceptionProblem::of(entity, lacks, unknown_claim));
            return;
        };
        let named = said("entity");
        let meant = match known.about.as_str() {
            _ if named == "*" => named,
            "account" => resolver.account(&named, None).id.to_string(),
            "host" | "device" => resolver.host(&named).id.to_string(),
            _ => named,
        };
        self.by_claim.entry(known.id.clone()).or_default().push(self.valid.len());
        let used = ExceptionUse {
            id: entity.id.clone(),
            claim: known.id.clone(),
            entity: meant,
            owner: said("owner"),
            reason: said("reason"),
            compensation: said("compensation"),
            until,
            ended: false,
            covers: 0,
            after_end: 0,
            place: entity.place.clone(),
        };
        self.valid.push((entity.clone(), used));
    }

    /// What a contradiction at a moment becomes, and by which exception.
    pub(super) fn cover(
        &mut self,
        claim: &str,
        entity: &str,
        at: Timestamp,
        now: Timestamp,
    ) -> (Outcome, Option<String>) {
        let mut ended = None;
        for number in self.by_claim.get(claim).into_iter().flatten() {
            let Some((written, used)) = self.valid.get_mut(*number) else { continue };
            used.ended = written.valid.is_over_at(now);
            if used.entity != "*" && !used.entity.eq_ignore_ascii_case(entity) {
                continue;
            }
            if written.valid.holds_at(at) {
                used.covers += 1;
                return (Outcome::Excepted, Some(used.id.clone()));
            }
            if written.valid.is_over_at(at) {
                ended = Some(*number);
            }
        }
        match ended.and_then(|number| self.valid.get_mut(number)) {
            Some((_, used)) => {
                used.after_end += 1;
                (Outcome::ExpiredException, Some(used.id.clone()))
            }
            None => (Outcome::Contradicted, None),
        }
    }

    /// Adds what the same exceptions covered elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        for ((_, used), (_, more)) in self.valid.iter_mut().zip(&other.valid) {
            used.covers += more.covers;
            used.after_end += more.after_end;
            used.ended |= more.ended;
        }
    }

    pub(super) fn uses(&self) -> Vec<ExceptionUse> {
        self.valid.iter().map(|(_, used)| used.clone()).collect()
    }

    pub(super) fn problems(&self) -> Vec<ExceptionProblem> {
        self.problems.clone()
    }
}

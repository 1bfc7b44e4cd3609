//! Judgements of configuration with what the organisation's lists add: exceptions, and who answers.

use std::collections::BTreeMap;

use hinomi_model::Timestamp;

use crate::Outcome;
use crate::assess::{ExceptionProblem, ExceptionUse, lacks};
use crate::inventory::{Entity, EntityKind, Inventory};
use crate::posture::{Because, Document, Exemption, Judgement, Pack, Recognised};

/// What configuration says of one subject.
#[derive(Clone, PartialEq, Debug)]
pub struct Declared {
    /// The judgement, exceptions counted in.
    pub judgement: Judgement,
    /// Exceptions that cover it or did.
    pub exceptions: Vec<String>,
    /// Who answers for the subject, or for the service that the document is of.
    pub owner: Option<String>,
}

/// What configuration says.
#[derive(Debug, Default)]
pub struct Declaration {
    /// The documents, with their kinds.
    pub documents: Vec<Recognised>,
    /// Per claim and subject, in the order of claims.
    pub judged: Vec<Declared>,
    /// What exceptions cover.
    pub exceptions: Vec<ExceptionUse>,
    /// Exceptions that cover nothing because something is missing in them.
    pub problems: Vec<ExceptionProblem>,
}

/// Kinds of lists in which somebody who answers for a subject may stand.
const OWNED: [EntityKind; 5] =
    [EntityKind::Service, EntityKind::Store, EntityKind::Host, EntityKind::Account, EntityKind::Copy];

/// Judges every claim about configuration as of `now`, with the exceptions of the lists. An exception names what it excepts
/// as `scope: value` (`groups: suppliers`), as the subject is called, or `*`.
pub fn declare(pack: &Pack, documents: &[Document], inventory: &Inventory, now: Timestamp) -> Declaration {
    let mut register = Register::of(pack, inventory, now);
    let exemptions: Vec<Exemption> = register.entries.iter().filter_map(Entry::exemption).collect();
    let recognised = pack.recognise(documents);
    let judged = pack.judge(documents, &exemptions, now);
    let judged = judged.into_iter().map(|judgement| {
        let owner = owner(inventory, &judgement, &recognised, now);
        register.cover(judgement, owner)
    });
    let judged = judged.collect();
    let exceptions = register.entries.into_iter().map(|entry| entry.used).collect();
    Declaration { documents: recognised, judged, exceptions, problems: register.problems }
}

struct Entry {
    used: ExceptionUse,
    /// Kind of value and value, where it excepts values and not a subject.
    value: Option<(String, String)>,
}

impl Entry {
    fn exemption(&self) -> Option<Exemption> {
        let (scope, value) = self.value.clone()?;
        // The register's end is the first moment that no longer counts.
        let until = Timestamp::from_nanos(self.used.until.as_nanos().saturating_sub(1));
        Some(Exemption { claim: self.used.claim.clone(), scope, value, until })
    }
}

struct Register {
    entries: Vec<Entry>,
    by_claim: BTreeMap<String, Vec<usize>>,
    problems: Vec<ExceptionProblem>,
}

impl Register {
    fn of(pack: &Pack, inventory: &Inventory, now: Timestamp) -> Self {
        let mut register = Self { entries: Vec::new(), by_claim: BTreeMap::new(), problems: Vec::new() };
        for entity in inventory.versions(EntityKind::Exception) {
            let named = entity.value("claim").unwrap_or_default();
            if let Some(claim) = pack.claims().iter().find(|claim| claim.id().eq_ignore_ascii_case(named)) {
                register.add(entity, claim.id(), now);
            }
        }
        register
    }

    fn add(&mut self, entity: &Entity, claim: &str, now: Timestamp) {
        let lacks = lacks(entity);
        let (Some(until), []) = (entity.valid.until, lacks.as_slice()) else {
            self.problems.push(ExceptionProblem::of(entity, lacks, None));
            return;
        };
        if entity.valid.from.is_some_and(|from| from > now) || entity.known_from.is_some_and(|k| k > now) {
            return;
        }
        let said = |name| entity.value(name).unwrap_or_default().to_owned();
        let subject = said("entity");
        let value = subject.split_once(':').map(|(scope, value)| (scope.trim(), value.trim()));
        let value = value.filter(|(scope, value)| {
            !value.is_empty() && scope.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        });
        self.by_claim.entry(claim.to_owned()).or_default().push(self.entries.len());
        self.entries.push(Entry {
            value: value.map(|(scope, value)| (scope.to_owned(), value.to_owned())),
            used: ExceptionUse {
                id: entity.id.clone(),
                claim: claim.to_owned(),
                entity: subject,
                owner: said("owner"),
                reason: said("reason"),
                compensation: said("compensation"),
                until,
                ended: entity.valid.is_over_at(now),
                covers: 0,
                after_end: 0,
                place: entity.place.clone(),
            },
        });
    }

    /// A judgement with the exceptions that it rests on, or that except its subject as a whole.
    fn cover(&mut self, mut judgement: Judgement, owner: Option<String>) -> Declared {
        let mut exceptions = Vec::new();
        let numbers = self.by_claim.get(&judgement.claim).cloned().unwrap_or_default();
        let mut softened = None;
        for number in numbers {
            let Some(entry) = self.entries.get_mut(number) else { continue };
            let whole =
                entry.used.entity == "*" || entry.used.entity.eq_ignore_ascii_case(&judgement.subject.label);
            let counted = match judgement.outcome {
                Outcome::Excepted | Outcome::ExpiredException => entry.is_counted(&judgement.because),
                Outcome::Contradicted => whole,
                Outcome::Unknown | Outcome::Supported => false,
            };
            if !counted {
                continue;
            }
            exceptions.push(entry.used.id.clone());
            if entry.used.ended {
                entry.used.after_end += 1;
                softened = softened.or(Some(Outcome::ExpiredException));
            } else {
                entry.used.covers += 1;
                softened = Some(Outcome::Excepted);
            }
        }
        if judgement.outcome == Outcome::Contradicted {
            judgement.outcome = softened.unwrap_or(Outcome::Contradicted);
        }
        Declared { judgement, exceptions, owner }
    }
}

impl Entry {
    /// Whether a judgement says that it needed this exception.
    fn is_counted(&self, because: &[Because]) -> bool {
        let Some(own) = self.exemption() else { return false };
        because.iter().any(|reason| {
            matches!(reason, Because::Exempted { scope, value, until_nanos, .. }
                if *scope == own.scope && *value == own.value && *until_nanos == own.until.as_nanos())
        })
    }
}

/// Who answers: for the subject, for the whole that its document is of, or for that kind of document.
fn owner(
    inventory: &Inventory,
    judgement: &Judgement,
    documents: &[Recognised],
    now: Timestamp,
) -> Option<String> {
    let document = documents.iter().find(|d| d.document == judgement.subject.document);
    let of_document = document.into_iter().flat_map(|d| [d.label.as_deref(), d.kind.as_deref()]).flatten();
    let names = std::iter::once(judgement.subject.label.as_str()).chain(of_document);
    let entities =
        names.flat_map(|name| OWNED.iter().filter_map(move |kind| inventory.believed(*kind, name, now, now)));
    entities.filter_map(|entity| entity.value("owner")).map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inventory::{Formats, Importer, Inventory};

    const PACK: &str = r"
kinds:
  - id: gate
    title: {en: Gate, ja: 門}
    recognise: {at: /doors, exists: true}
    label: /name
    parts: {doors: {at: /doors, list: true}}
claims:
  - {id: doors-locked, title: {en: d, ja: d}, rationale: {en: r, ja: r}, each: $doors/*, label: /name,
     require: {all: [{at: /locked, is: true}, {values: /open_to/*, within: {exempt: users}}]}}
";

    fn inventory(exceptions: &str) -> Inventory {
        let formats = Formats::bundled().unwrap();
        let mut importer = Importer::new(&formats, crate::inventory::day("2026-06-01", false).unwrap());
        let head = "exception,claim,entity,owner,reason,valid from,valid until";
        importer.read("exceptions.csv", format!("{head}\n{exceptions}").as_bytes()).unwrap();
        let services = "service,owner\nhead office,IT\nside,janitor\n";
        importer.read("services.csv", services.as_bytes()).unwrap();
        importer.finish()
    }

    fn judged(exceptions: &str) -> Declaration {
        let pack = Pack::parse(&[("p.yaml", PACK)]).unwrap();
        let doors = json!([
            {"name": "front", "locked": true, "open_to": ["u1"]},
            {"name": "side", "locked": false, "open_to": []},
        ]);
        let document = Document::new("gate.json", json!({"name": "head office", "doors": doors}));
        let now = crate::inventory::day("2026-06-01", false).unwrap();
        declare(&pack, &[document], &inventory(exceptions), now)
    }

    fn outcomes(declaration: &Declaration) -> Vec<(Outcome, Vec<String>)> {
        declaration.judged.iter().map(|d| (d.judgement.outcome, d.exceptions.clone())).collect()
    }

    #[test]
    fn exceptions_except_values_and_subjects_until_they_end() {
        let open = || (Outcome::Contradicted, Vec::new());
        assert_eq!(outcomes(&judged("")), [open(), open()]);
        let valid = judged(
            "E1,doors-locked,users: u1,CISO,key lost,2026-01-01,2026-12-31\nE2,doors-locked,side,CISO,repair,2026-01-01,2026-12-31",
        );
        let by = |outcome, id: &str| (outcome, vec![id.to_owned()]);
        assert_eq!(outcomes(&valid), [by(Outcome::Excepted, "E1"), by(Outcome::Excepted, "E2")]);
        assert!(valid.exceptions.iter().all(|e| (e.covers, e.after_end) == (1, 0)));
        let over = judged(
            "E1,doors-locked,users: u1,CISO,key lost,2025-01-01,2025-12-31\nE2,doors-locked,*,CISO,repair,2025-01-01,2025-12-31",
        );
        assert_eq!(
            outcomes(&over),
            [
                (Outcome::ExpiredException, vec!["E1".to_owned()]),
                (Outcome::ExpiredException, vec!["E2".to_owned()])
            ]
        );
    }

    #[test]
    fn an_exception_without_owner_or_of_the_future_covers_nothing() {
        let lacking = judged("E1,doors-locked,side,,repair,2026-01-01,2026-12-31");
        assert_eq!(lacking.problems[0].lacks, ["owner"]);
        let early = judged("E1,doors-locked,side,CISO,repair,2026-07-01,2026-12-31");
        for declaration in [lacking, early] {
            assert!(declaration.judged.iter().all(|d| d.judgement.outcome == Outcome::Contradicted));
        }
    }

    #[test]
    fn who_answers_is_the_subjects_owner_else_that_of_the_whole() {
        let owners: Vec<Option<String>> = judged("").judged.into_iter().map(|d| d.owner).collect();
        assert_eq!(owners, [Some("IT".to_owned()), Some("janitor".to_owned())]);
    }
}

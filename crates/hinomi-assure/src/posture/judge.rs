//! Recognises documents and judges every claim from them.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Timestamp;
use serde_json::Value;

use crate::{Bilingual, Outcome, Truth};

use super::document::Document;
use super::eval::{MAX_REASONS, PartState, Scope, Verdict};
use super::judgement::{Because, Exemption, Judgement, Place, Subject};
use super::pack::{Claim, Kind, Pack, Part};
use super::path::{Node, OutOfSteps, Path, Steps};

/// Work allowed for one claim over one document.
const STEPS_PER_CLAIM: u64 = 4_000_000;
/// Work allowed to recognise a document and find its parts.
const STEPS_PER_DOCUMENT: u64 = 1_000_000;
/// Subjects of one claim in one document; beyond these the claim is unknown.
const MAX_SUBJECTS: usize = 100_000;

/// What a document was recognised as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recognised {
    /// The document.
    pub document: String,
    /// The kind, when there is one.
    pub kind: Option<String>,
    /// What such a document is.
    pub title: Option<Bilingual>,
    /// What the document calls the whole that it is of, such as a tenant.
    pub label: Option<String>,
}

/// A document with its kind and its parts.
struct View<'d> {
    parts: BTreeMap<String, PartState<'d>>,
    root: Node<'d>,
    label: String,
}

/// Which exceptions are counted in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    None,
    Valid,
    Ended,
}

impl Pack {
    /// Which kind each document is.
    pub fn recognise(&self, documents: &[Document]) -> Vec<Recognised> {
        let names = names(documents);
        let recognised = |(index, document): (usize, &Document)| {
            let kind = kind_of(self, index, document, &names);
            Recognised {
                document: document.name.clone(),
                kind: kind.map(|kind| kind.id.clone()),
                title: kind.map(|kind| kind.title.clone()),
                label: kind.and_then(|kind| label(kind, &root(index, document, kind.fold_case), &names)),
            }
        };
        documents.iter().enumerate().map(recognised).collect()
    }

    /// Judges every claim from these documents as of `now`, in the order of the claims, then of the documents, then of
    /// the subjects in them. A claim that no document can decide is judged once, as unknown.
    pub fn judge(&self, documents: &[Document], exemptions: &[Exemption], now: Timestamp) -> Vec<Judgement> {
        let names = names(documents);
        let views: Vec<View<'_>> =
            documents.iter().enumerate().filter_map(|(i, d)| view(self, i, d, &names, now)).collect();
        let judge = Judge { names: &names, views: &views, exemptions, now };
        self.claims.iter().flat_map(|claim| judge.claim(claim)).collect()
    }
}

fn names(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(|document| document.name.as_str()).collect()
}

fn root(index: usize, document: &Document, fold_case: bool) -> Node<'_> {
    Node { document: index, pointer: String::new(), value: &document.value, fold_case }
}

fn kind_of<'p>(pack: &'p Pack, index: usize, document: &Document, names: &[&str]) -> Option<&'p Kind> {
    let (parts, exempt) = (BTreeMap::new(), BTreeMap::new());
    let now = Timestamp::from_nanos(0);
    let scope = Scope { names, parts: &parts, subject: None, exempt: &exempt, now };
    let recognises = |kind: &&Kind| {
        let item = root(index, document, kind.fold_case);
        let verdict = scope.judge(&kind.recognise, &item, &mut Steps::new(STEPS_PER_DOCUMENT));
        verdict.is_ok_and(|verdict| verdict.answer == Truth::True)
    };
    pack.kinds.iter().find(recognises)
}

fn view<'d>(
    pack: &Pack,
    index: usize,
    document: &'d Document,
    names: &[&str],
    now: Timestamp,
) -> Option<View<'d>> {
    let kind = kind_of(pack, index, document, names)?;
    let root = root(index, document, kind.fold_case);
    let (none, exempt) = (BTreeMap::new(), BTreeMap::new());
    let scope = Scope { names, parts: &none, subject: None, exempt: &exempt, now };
    let mut steps = Steps::new(STEPS_PER_DOCUMENT);
    let mut parts = BTreeMap::new();
    for (name, part) in &kind.parts {
        let state = part_state(&scope, name, part, &root, &document.name, &mut steps);
        parts.insert(name.clone(), state.unwrap_or(PartState::Gone(Because::TooMuchWork)));
    }
    let label = label(kind, &root, names).unwrap_or_else(|| document.name.clone());
    Some(View { parts, root, label })
}

/// What a document calls the whole that it is of.
fn label(kind: &Kind, root: &Node<'_>, names: &[&str]) -> Option<String> {
    let (parts, exempt) = (BTreeMap::new(), BTreeMap::new());
    let now = Timestamp::from_nanos(0);
    let scope = Scope { names, parts: &parts, subject: None, exempt: &exempt, now };
    texts(&scope, &[kind.label.as_ref()?], root, &mut Steps::new(STEPS_PER_DOCUMENT)).ok().flatten()
}

fn part_state<'d>(
    scope: &Scope<'_, 'd>,
    name: &str,
    part: &Part,
    root: &Node<'d>,
    document: &str,
    steps: &mut Steps,
) -> Result<PartState<'d>, OutOfSteps> {
    if let Some(failed) = &part.failed
        && scope.judge(failed, root, steps)?.answer == Truth::True
    {
        let (document, part) = (document.to_owned(), name.to_owned());
        return Ok(PartState::Gone(Because::NotCollected { document, part }));
    }
    for path in &part.at {
        let (nodes, _) = scope.nodes(path, root, steps)?;
        if !nodes.is_empty() {
            return Ok(PartState::Here(nodes, part.list));
        }
    }
    let pointer = part.at.first().map(|path| path.text.clone()).unwrap_or_default();
    let expected = format!("the part {name}");
    Ok(PartState::Gone(Because::Absent { document: document.to_owned(), pointer, expected }))
}

/// The texts at paths, joined: what a subject is called. `None` when there is none.
fn texts<'d>(
    scope: &Scope<'_, 'd>,
    paths: &[&Path],
    item: &Node<'d>,
    steps: &mut Steps,
) -> Result<Option<String>, OutOfSteps> {
    let mut found = Vec::new();
    for path in paths {
        for node in scope.nodes(path, item, steps)?.0 {
            match node.value {
                Value::String(text) if !text.is_empty() => found.push(text.clone()),
                Value::Number(number) => found.push(number.to_string()),
                _ => {}
            }
        }
    }
    Ok((!found.is_empty()).then(|| found.join(" / ")))
}

struct Judge<'j, 'd> {
    names: &'j [&'j str],
    views: &'j [View<'d>],
    exemptions: &'j [Exemption],
    now: Timestamp,
}

impl<'d> Judge<'_, 'd> {
    fn claim(&self, claim: &Claim) -> Vec<Judgement> {
        let needed = claim.parts();
        let main = needed.first().copied().unwrap_or_default();
        let holders: Vec<&View<'d>> =
            self.views.iter().filter(|view| view.parts.contains_key(main)).collect();
        if holders.is_empty() {
            let subject = Subject { label: String::new(), document: String::new(), pointer: String::new() };
            let because = vec![Because::NoDocument { part: main.to_owned() }];
            return vec![Judgement { claim: claim.id.clone(), subject, outcome: Outcome::Unknown, because }];
        }
        let mut judged = Vec::new();
        for view in holders {
            let parts = self.parts_for(view, &needed);
            let mut steps = Steps::new(STEPS_PER_CLAIM);
            match self.document(claim, view, &parts, &mut steps) {
                Ok(judgements) => judged.extend(judgements),
                // All or nothing: half of a population must not look like the whole.
                Err(OutOfSteps) => judged.push(self.whole(claim, view, Because::TooMuchWork)),
            }
        }
        judged
    }

    /// The parts that a claim needs: of this document, else of the only other one that has it.
    fn parts_for(&self, view: &View<'d>, needed: &[&str]) -> BTreeMap<String, PartState<'d>> {
        let mut parts = BTreeMap::new();
        for part in needed {
            let own = view.parts.get(*part);
            let mut others = self.views.iter().filter_map(|other| other.parts.get(*part));
            let state = match (own, others.next(), others.next()) {
                (Some(state), _, _) | (None, Some(state), None) => state.clone(),
                (None, Some(_), Some(_)) => PartState::Gone(Because::Ambiguous { part: (*part).to_owned() }),
                (None, None, _) => PartState::Gone(Because::NoDocument { part: (*part).to_owned() }),
            };
            parts.insert((*part).to_owned(), state);
        }
        parts
    }

    fn whole(&self, claim: &Claim, view: &View<'d>, because: Because) -> Judgement {
        let subject = self.subject(view, &view.root, Some(view.label.clone()));
        Judgement { claim: claim.id.clone(), subject, outcome: Outcome::Unknown, because: vec![because] }
    }

    fn subject(&self, view: &View<'d>, node: &Node<'d>, label: Option<String>) -> Subject {
        let last = node.pointer.rsplit('/').next().unwrap_or_default();
        let label = label.unwrap_or_else(|| {
            if last.is_empty() { view.label.clone() } else { last.replace("~1", "/").replace("~0", "~") }
        });
        let document = self.names.get(node.document).copied().unwrap_or_default().to_owned();
        Subject { label, document, pointer: node.pointer.clone() }
    }

    fn document(
        &self,
        claim: &Claim,
        view: &View<'d>,
        parts: &BTreeMap<String, PartState<'d>>,
        steps: &mut Steps,
    ) -> Result<Vec<Judgement>, OutOfSteps> {
        let none = BTreeMap::new();
        let scope = Scope { names: self.names, parts, subject: None, exempt: &none, now: self.now };
        let population = &claim.population;
        let (nodes, gone) = scope.nodes(&population.path, &view.root, steps)?;
        // What is missing is said beside what is there: neither hides the other.
        let mut judged: Vec<Judgement> =
            gone.into_iter().take(MAX_REASONS).map(|because| self.whole(claim, view, because)).collect();
        if population.once && !nodes.is_empty() {
            let subject = self.subject(view, &view.root, Some(view.label.clone()));
            judged.push(self.judge(claim, subject, &view.root, parts, steps)?);
            return Ok(judged);
        }
        let (chosen, unsure) = choose(&scope, claim, nodes, steps)?;
        let chosen = foremost(&scope, claim, chosen, steps)?;
        if chosen.len() + unsure.len() > MAX_SUBJECTS {
            return Err(OutOfSteps);
        }
        let labels: Vec<&Path> = population.label.iter().collect();
        for node in chosen {
            let subject = self.subject(view, &node, texts(&scope, &labels, &node, steps)?);
            judged.push(self.judge(claim, subject, &node, parts, steps)?);
        }
        for (node, verdict) in unsure {
            let subject = self.subject(view, &node, texts(&scope, &labels, &node, steps)?);
            let because = reasons(verdict);
            judged.push(Judgement { claim: claim.id.clone(), subject, outcome: Outcome::Unknown, because });
        }
        if judged.is_empty() {
            let mut judgement = self.whole(claim, view, empty(claim, view));
            judgement.outcome = population.when_none;
            judged.push(judgement);
        }
        Ok(judged)
    }

    fn judge(
        &self,
        claim: &Claim,
        subject: Subject,
        item: &Node<'d>,
        parts: &BTreeMap<String, PartState<'d>>,
        steps: &mut Steps,
    ) -> Result<Judgement, OutOfSteps> {
        let run = |counting, steps: &mut Steps| {
            let exempt = self.exempt(claim, counting);
            let scope =
                Scope { names: self.names, parts, subject: Some(item), exempt: &exempt, now: self.now };
            scope.judge(&claim.require, item, steps)
        };
        let strict = run(Counting::None, steps)?;
        let mut outcome = match strict.answer {
            Truth::True => Outcome::Supported,
            Truth::Unknown => Outcome::Unknown,
            Truth::False => Outcome::Contradicted,
        };
        let mut because = reasons(strict);
        let registered = self.exemptions.iter().any(|exemption| exemption.claim == claim.id);
        if outcome == Outcome::Contradicted && registered {
            for (counting, softened) in
                [(Counting::Valid, Outcome::Excepted), (Counting::Ended, Outcome::ExpiredException)]
            {
                if run(counting, steps)?.answer == Truth::True {
                    outcome = softened;
                    because.extend(self.used(claim, counting));
                    break;
                }
            }
        }
        Ok(Judgement { claim: claim.id.clone(), subject, outcome, because })
    }

    fn counted(&self, claim: &Claim, counting: Counting) -> impl Iterator<Item = &Exemption> {
        let valid = move |exemption: &&Exemption| match counting {
            Counting::None => false,
            Counting::Valid => exemption.until >= self.now,
            Counting::Ended => true,
        };
        let id = claim.id.clone();
        self.exemptions.iter().filter(move |exemption| exemption.claim == id).filter(valid)
    }

    fn exempt(&self, claim: &Claim, counting: Counting) -> BTreeMap<String, Vec<String>> {
        let mut exempt: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for exemption in self.counted(claim, counting) {
            exempt.entry(exemption.scope.clone()).or_default().push(exemption.value.clone());
        }
        exempt
    }

    /// The exceptions that were counted in, those that have ended first.
    fn used(&self, claim: &Claim, counting: Counting) -> Vec<Because> {
        let mut used: Vec<&Exemption> = self.counted(claim, counting).collect();
        used.sort_by_key(|exemption| exemption.until);
        let reason = |exemption: &&Exemption| Because::Exempted {
            scope: exemption.scope.clone(),
            value: exemption.value.clone(),
            until_nanos: exemption.until.as_nanos(),
            ended: exemption.until < self.now,
        };
        used.iter().take(MAX_REASONS).map(reason).collect()
    }
}

/// The items that belong to the population, and those of which the document does not say whether they do.
type Chosen<'d> = (Vec<Node<'d>>, Vec<(Node<'d>, Verdict)>);

fn choose<'d>(
    scope: &Scope<'_, 'd>,
    claim: &Claim,
    nodes: Vec<Node<'d>>,
    steps: &mut Steps,
) -> Result<Chosen<'d>, OutOfSteps> {
    let Some(choose) = &claim.population.choose else { return Ok((nodes, Vec::new())) };
    let (mut chosen, mut unsure) = (Vec::new(), Vec::new());
    for node in nodes {
        let verdict = scope.judge(choose, &node, steps)?;
        match verdict.answer {
            Truth::True => chosen.push(node),
            Truth::Unknown => unsure.push((node, verdict)),
            Truth::False => {}
        }
    }
    Ok((chosen, unsure))
}

/// Of the items that agree in the `one_per` paths, the one that ranks highest; the first of equals.
fn foremost<'d>(
    scope: &Scope<'_, 'd>,
    claim: &Claim,
    nodes: Vec<Node<'d>>,
    steps: &mut Steps,
) -> Result<Vec<Node<'d>>, OutOfSteps> {
    let population = &claim.population;
    let Some(highest) = &population.highest else { return Ok(nodes) };
    let mut best: BTreeMap<Vec<String>, (f64, usize)> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let mut group = Vec::new();
        for path in &population.one_per {
            let (found, _) = scope.nodes(path, node, steps)?;
            group.push(found.first().map(|node| node.value.to_string()).unwrap_or_default());
        }
        let (ranks, _) = scope.nodes(highest, node, steps)?;
        let rank = ranks.first().and_then(|node| node.value.as_f64()).unwrap_or(f64::NEG_INFINITY);
        if best.get(&group).is_none_or(|(known, _)| rank > *known) {
            best.insert(group, (rank, index));
        }
    }
    let kept: BTreeSet<usize> = best.into_values().map(|(_, index)| index).collect();
    Ok(nodes.into_iter().enumerate().filter(|(i, _)| kept.contains(i)).map(|(_, node)| node).collect())
}

fn empty(claim: &Claim, view: &View<'_>) -> Because {
    let place = Place { document: String::new(), pointer: view.root.pointer.clone(), shown: String::new() };
    Because::NothingIn { place, expected: claim.population.path.text.clone() }
}

fn reasons(verdict: Verdict) -> Vec<Because> {
    let mut because = verdict.because;
    if verdict.left_out > 0 {
        because.push(Because::More { left_out: verdict.left_out });
    }
    because
}

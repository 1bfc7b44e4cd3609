//! Evaluates conditions: yes, no or unknown, with what decided.
//!
//! # Invariants
//! - What is absent is unknown; no condition is met by absence. (`Exists` is confined to choosing by the parser.)
//! - Work is bounded by [`Steps`]; the number of reasons kept is bounded.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Timestamp;

use crate::Truth;

use super::check::Check;
use super::condition::{Condition, Number, Quantifier, Set, SetRelation};
use super::judgement::{Because, Place};
use super::path::{Found, Node, OutOfSteps, Path, Root, Segment, Steps};

/// Reasons kept of one judgement.
pub(super) const MAX_REASONS: usize = 12;
/// Characters shown of a value.
const MAX_SHOWN: usize = 160;

/// What a check that may not apply says.
fn known(holds: Option<bool>) -> Truth {
    holds.map_or(Truth::Unknown, Truth::from)
}

/// An answer and its reasons.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) answer: Truth,
    /// How many conditions were not met: the fewer, the nearer a miss.
    pub(super) misses: usize,
    pub(super) because: Vec<Because>,
    pub(super) left_out: u64,
}

impl Verdict {
    fn new(answer: Truth, because: Because) -> Self {
        let misses = usize::from(answer != Truth::True);
        Self { answer, misses, because: vec![because], left_out: 0 }
    }

    fn bare(answer: Truth) -> Self {
        Self { answer, misses: usize::from(answer != Truth::True), because: Vec::new(), left_out: 0 }
    }

    /// Takes over the reasons of another, up to the bound.
    fn add(&mut self, other: Self) {
        self.left_out += other.left_out;
        for because in other.because {
            if self.because.len() < MAX_REASONS {
                self.because.push(because);
            } else {
                self.left_out += 1;
            }
        }
    }

    /// The verdict of several together, of which the lowest (`all`) or the highest (`any`) answer decides.
    fn join(verdicts: Vec<Self>, decide: fn(Truth, Truth) -> Truth, start: Truth) -> Self {
        let answer = verdicts.iter().map(|verdict| verdict.answer).fold(start, decide);
        let misses = verdicts.iter().filter(|verdict| verdict.answer != Truth::True).map(|v| v.misses).sum();
        let mut joined = Self { answer, misses, because: Vec::new(), left_out: 0 };
        let mut deciding: Vec<Self> =
            verdicts.into_iter().filter(|verdict| verdict.answer == answer).collect();
        deciding.sort_by_key(|verdict| verdict.misses);
        deciding.into_iter().for_each(|verdict| joined.add(verdict));
        joined
    }
}

/// Where a part is to be found.
#[derive(Clone, Debug)]
pub(super) enum PartState<'d> {
    /// Here; `true` when it is a list of which one item may stand alone.
    Here(Vec<Node<'d>>, bool),
    /// Nowhere, and this is why.
    Gone(Because),
}

/// What conditions are evaluated in.
pub(super) struct Scope<'s, 'd> {
    pub(super) names: &'s [&'s str],
    pub(super) parts: &'s BTreeMap<String, PartState<'d>>,
    pub(super) subject: Option<&'s Node<'d>>,
    /// Values that the exception register excepts, by scope.
    pub(super) exempt: &'s BTreeMap<String, Vec<String>>,
    pub(super) now: Timestamp,
}

type Outcome<T> = Result<T, OutOfSteps>;

/// What a path leads to: places, or the reason why the part is not there.
enum Reached<'d> {
    Places(Vec<Found<'d>>),
    Gone(Because),
}

impl<'d> Scope<'_, 'd> {
    fn reach(&self, path: &Path, item: &Node<'d>, steps: &mut Steps) -> Outcome<Reached<'d>> {
        let part = match &path.root {
            Root::Item => return Ok(Reached::Places(item.walk(&path.segments, steps)?)),
            Root::Subject => {
                let start = self.subject.unwrap_or(item);
                return Ok(Reached::Places(start.walk(&path.segments, steps)?));
            }
            Root::Part(part) => part,
        };
        match self.parts.get(part) {
            None => Ok(Reached::Gone(Because::NoDocument { part: part.clone() })),
            Some(PartState::Gone(because)) => Ok(Reached::Gone(because.clone())),
            Some(PartState::Here(nodes, list)) => {
                let mut found = Vec::new();
                for node in nodes {
                    found.extend(node.walk_part(&path.segments, *list, steps)?);
                }
                Ok(Reached::Places(found))
            }
        }
    }

    /// The nodes that a path leads to, and reasons for those that are absent.
    pub(super) fn nodes(
        &self,
        path: &Path,
        item: &Node<'d>,
        steps: &mut Steps,
    ) -> Outcome<(Vec<Node<'d>>, Vec<Because>)> {
        let (mut nodes, mut gone) = (Vec::new(), Vec::new());
        match self.reach(path, item, steps)? {
            Reached::Gone(because) => gone.push(because),
            Reached::Places(found) => {
                for found in found {
                    match found {
                        Found::Value(node) => nodes.push(node),
                        Found::Absent { document, pointer } => {
                            gone.push(self.absent(document, pointer, "present"));
                        }
                    }
                }
            }
        }
        Ok((nodes, gone))
    }

    fn name(&self, document: usize) -> String {
        self.names.get(document).copied().unwrap_or_default().to_owned()
    }

    fn absent(&self, document: usize, pointer: String, expected: &str) -> Because {
        Because::Absent { document: self.name(document), pointer, expected: expected.to_owned() }
    }

    fn place(&self, node: &Node<'d>) -> Place {
        let mut shown = node.value.to_string();
        if let Some((cut, _)) = shown.char_indices().nth(MAX_SHOWN) {
            shown.truncate(cut);
            shown.push('…');
        }
        Place { document: self.name(node.document), pointer: node.pointer.clone(), shown }
    }

    /// Evaluates a condition for an item.
    pub(super) fn judge(
        &self,
        condition: &Condition,
        item: &Node<'d>,
        steps: &mut Steps,
    ) -> Outcome<Verdict> {
        steps.take(1)?;
        match condition {
            Condition::All(inner) => {
                let verdicts =
                    inner.iter().map(|one| self.judge(one, item, steps)).collect::<Outcome<Vec<_>>>()?;
                Ok(Verdict::join(verdicts, Truth::and, Truth::True))
            }
            Condition::Any(inner) => {
                let verdicts =
                    inner.iter().map(|one| self.judge(one, item, steps)).collect::<Outcome<Vec<_>>>()?;
                Ok(Verdict::join(verdicts, Truth::or, Truth::False))
            }
            Condition::Not(inner) => {
                let mut verdict = self.judge(inner, item, steps)?;
                verdict.answer = verdict.answer.negated();
                verdict.misses = usize::from(verdict.answer != Truth::True);
                verdict.because.iter_mut().for_each(negate);
                Ok(verdict)
            }
            Condition::At(path, checks) => self.at(path, checks, item, steps),
            Condition::Among(quantifier, path, inner) => self.among(*quantifier, path, inner, item, steps),
            Condition::Count(left, relation, right) => {
                let (low, high) = self.number(left, item, steps)?;
                let (bound_low, bound_high) = self.number(right, item, steps)?;
                let ends = [(low, bound_low), (low, bound_high), (high, bound_low), (high, bound_high)];
                let held = ends.iter().filter(|(value, bound)| relation.holds(*value, *bound)).count();
                let answer = match held {
                    4 => Truth::True,
                    0 if !relation.may_hold_between((low, high), (bound_low, bound_high)) => Truth::False,
                    _ => Truth::Unknown,
                };
                let because = Because::Counted {
                    document: self.name(item.document),
                    what: left.to_string(),
                    from: low as u64,
                    to: if high.is_finite() { high as u64 } else { u64::MAX },
                    expected: format!("{relation} {right}"),
                    met: answer == Truth::True,
                };
                Ok(Verdict::new(answer, because))
            }
            Condition::Set(left, relation, right) => self.compare(left, *relation, right, item, steps),
        }
    }

    fn at(&self, path: &Path, checks: &[Check], item: &Node<'d>, steps: &mut Steps) -> Outcome<Verdict> {
        let expected = || checks.iter().map(Check::to_string).collect::<Vec<_>>().join(" and ");
        let found = match self.reach(path, item, steps)? {
            Reached::Gone(because) => return Ok(Verdict::new(Truth::Unknown, because)),
            Reached::Places(found) => found,
        };
        let mut verdicts = Vec::new();
        for found in found {
            verdicts.push(match found {
                Found::Absent { document, pointer } => {
                    let wanted = checks.iter().find_map(|check| match check {
                        Check::Exists(wanted) => Some(!*wanted),
                        _ => None,
                    });
                    Verdict::new(known(wanted), self.absent(document, pointer, &expected()))
                }
                Found::Value(node) => self.value(&node, checks),
            });
        }
        Ok(match verdicts.len() {
            0 => Verdict::bare(Truth::Unknown),
            _ => Verdict::join(verdicts, Truth::and, Truth::True),
        })
    }

    fn value(&self, node: &Node<'d>, checks: &[Check]) -> Verdict {
        let verdicts = checks.iter().map(|check| {
            let answer = known(check.holds(node.value, self.now));
            let (place, expected) = (self.place(node), check.to_string());
            Verdict::new(
                answer,
                match answer {
                    Truth::Unknown => Because::Undecidable { place, expected },
                    answer => Because::Found { place, expected, met: answer == Truth::True },
                },
            )
        });
        Verdict::join(verdicts.collect(), Truth::and, Truth::True)
    }

    fn among(
        &self,
        quantifier: Quantifier,
        path: &Path,
        inner: &Condition,
        item: &Node<'d>,
        steps: &mut Steps,
    ) -> Outcome<Verdict> {
        let (nodes, gone) = self.nodes(path, item, steps)?;
        let mut verdicts: Vec<Verdict> =
            nodes.iter().map(|node| self.judge(inner, node, steps)).collect::<Outcome<_>>()?;
        verdicts.extend(gone.into_iter().map(|because| Verdict::new(Truth::Unknown, because)));
        if verdicts.is_empty() {
            let answer = if quantifier == Quantifier::Some { Truth::False } else { Truth::True };
            return Ok(Verdict::new(answer, self.nothing(path, item, steps)?));
        }
        Ok(match quantifier {
            Quantifier::Every => Verdict::join(verdicts, Truth::and, Truth::True),
            Quantifier::Some => Verdict::join(verdicts, Truth::or, Truth::False),
            Quantifier::No => {
                let mut verdict = Verdict::join(verdicts, Truth::or, Truth::False);
                verdict.answer = verdict.answer.negated();
                verdict.misses = usize::from(verdict.answer != Truth::True);
                verdict.because.iter_mut().for_each(negate);
                verdict
            }
        })
    }

    /// The reason that a list holds nothing: the list itself.
    fn nothing(&self, path: &Path, item: &Node<'d>, steps: &mut Steps) -> Outcome<Because> {
        let depth = path.segments.iter().rposition(|one| *one == Segment::Every).unwrap_or(0);
        let segments = path.segments.iter().take(depth).cloned().collect();
        let list = Path { root: path.root.clone(), segments, text: String::new() };
        let (lists, _) = self.nodes(&list, item, steps)?;
        let place = self.place(lists.first().unwrap_or(item));
        Ok(Because::NothingIn { place, expected: path.text.clone() })
    }

    /// Bounds of a number: what certainly counts, and what may.
    fn number(&self, number: &Number, item: &Node<'d>, steps: &mut Steps) -> Outcome<(f64, f64)> {
        let (path, filter, distinct) = match number {
            Number::Literal(literal) => return Ok((*literal, *literal)),
            Number::Count { path, filter, distinct } => (path, filter.as_deref(), distinct.as_ref()),
        };
        let chosen = self.chosen(path, filter, distinct, item, steps)?;
        let count = |nodes: Vec<&Node<'d>>| match distinct {
            Some(_) => nodes.into_iter().map(key).collect::<BTreeSet<_>>().len() as f64,
            None => nodes.len() as f64,
        };
        let low = count(chosen.values.iter().filter(|(_, sure)| *sure).map(|(node, _)| node).collect());
        let high = count(chosen.values.iter().map(|(node, _)| node).collect());
        Ok((low, if chosen.gone.is_empty() { high } else { f64::INFINITY }))
    }

    fn chosen(
        &self,
        path: &Path,
        filter: Option<&Condition>,
        take: Option<&Path>,
        item: &Node<'d>,
        steps: &mut Steps,
    ) -> Outcome<Chosen<'d>> {
        let (nodes, mut gone) = self.nodes(path, item, steps)?;
        let mut values = Vec::new();
        for node in nodes {
            let answer = match filter {
                None => Truth::True,
                Some(filter) => self.judge(filter, &node, steps)?.answer,
            };
            if answer == Truth::False {
                continue;
            }
            match take {
                None => values.push((node, answer == Truth::True)),
                Some(take) => {
                    let (taken, absent) = self.nodes(take, &node, steps)?;
                    values.extend(taken.into_iter().map(|taken| (taken, answer == Truth::True)));
                    gone.extend(absent);
                }
            }
        }
        Ok(Chosen { values, gone })
    }

    fn members(&self, set: &Set, item: &Node<'d>, steps: &mut Steps) -> Outcome<Members<'d>> {
        match set {
            Set::Literal(texts) => Ok(Members::of(texts.iter().cloned())),
            Set::Exempt(scope) => Ok(Members::of(self.exempt.get(scope).into_iter().flatten().cloned())),
            Set::Union(sets) => {
                let mut union = Members::of([]);
                for set in sets {
                    let members = self.members(set, item, steps)?;
                    union.values.extend(members.values);
                    union.gone.extend(members.gone);
                }
                Ok(union)
            }
            Set::Values { path, filter, take } => {
                let chosen = self.chosen(path, filter.as_deref(), take.as_ref(), item, steps)?;
                let values = chosen.values.into_iter().map(|(node, sure)| (key(&node), sure, Some(node)));
                Ok(Members { values: values.collect(), gone: chosen.gone })
            }
        }
    }

    fn compare(
        &self,
        left: &Set,
        relation: SetRelation,
        right: &Set,
        item: &Node<'d>,
        steps: &mut Steps,
    ) -> Outcome<Verdict> {
        let (first, second) = (self.members(left, item, steps)?, self.members(right, item, steps)?);
        let (inner, outer, wanted) = match relation {
            SetRelation::Within => (&first, &second, true),
            SetRelation::Covers => (&second, &first, true),
            SetRelation::Apart => (&first, &second, false),
        };
        let expected = format!("{relation} {right}");
        let mut verdicts = Vec::new();
        for (text, sure, node) in &inner.values {
            let (in_outer, there) = outer.holds(text, steps)?;
            let answer = if wanted { in_outer } else { in_outer.negated() };
            let answer = if *sure || answer == Truth::True { answer } else { Truth::Unknown };
            let (expected, met) = (expected.clone(), answer == Truth::True);
            let because = match node.as_ref().or(there) {
                Some(node) => Because::Found { place: self.place(node), expected, met },
                None => Because::Member {
                    document: self.name(item.document),
                    member: text.clone(),
                    expected,
                    met,
                },
            };
            verdicts.push(Verdict::new(answer, because));
        }
        verdicts.extend(inner.gone.iter().map(|because| Verdict::new(Truth::Unknown, because.clone())));
        let unsure = verdicts.iter().any(|verdict| verdict.answer == Truth::Unknown);
        if unsure {
            verdicts.extend(outer.gone.iter().map(|because| Verdict::new(Truth::Unknown, because.clone())));
        }
        if verdicts.is_empty() {
            let because = Because::NothingIn { place: self.place(item), expected: left.to_string() };
            return Ok(Verdict::new(Truth::True, because));
        }
        Ok(Verdict::join(verdicts, Truth::and, Truth::True))
    }
}

fn negate(because: &mut Because) {
    match because {
        Because::Found { expected, met, .. }
        | Because::Member { expected, met, .. }
        | Because::Counted { expected, met, .. } => {
            *met = !*met;
            *expected = match expected.strip_prefix("not: ") {
                Some(plain) => plain.to_owned(),
                None => format!("not: {expected}"),
            };
        }
        _ => {}
    }
}

/// The text by which values are compared as members of a set.
fn key(node: &Node<'_>) -> String {
    node.value.as_str().map_or_else(|| node.value.to_string(), str::to_owned)
}

struct Chosen<'d> {
    /// Items with whether they certainly belong.
    values: Vec<(Node<'d>, bool)>,
    gone: Vec<Because>,
}

struct Members<'d> {
    values: Vec<(String, bool, Option<Node<'d>>)>,
    gone: Vec<Because>,
}

impl<'d> Members<'d> {
    fn of(texts: impl IntoIterator<Item = String>) -> Self {
        Self { values: texts.into_iter().map(|text| (text, true, None)).collect(), gone: Vec::new() }
    }

    /// Whether a text is among the members, and where the document says so.
    fn holds(&self, text: &str, steps: &mut Steps) -> Outcome<(Truth, Option<&Node<'d>>)> {
        steps.take(self.values.len() as u64)?;
        let mut answer = if self.gone.is_empty() { Truth::False } else { Truth::Unknown };
        let mut there = None;
        for (_, sure, node) in self.values.iter().filter(|(member, _, _)| member == text) {
            answer = answer.or(if *sure { Truth::True } else { Truth::Unknown });
            there = there.or(node.as_ref());
        }
        Ok((answer, there))
    }
}

//! Examples in claim files: small documents and what the claims must say about them.

use std::collections::BTreeMap;

use hinomi_model::Timestamp;
use serde_json::Value;

use crate::Outcome;

use super::document::Document;
use super::judgement::Exemption;
use super::pack::Pack;
use super::reader::{Mistake, Parsed, Reader};

/// A set of documents and what is expected of them.
#[derive(Clone, Debug)]
pub(super) struct Example {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) documents: Vec<Document>,
    pub(super) exemptions: Vec<Exemption>,
    pub(super) now: Timestamp,
    /// By claim, and by label of the subject; an empty label is the claim over all subjects.
    pub(super) expected: BTreeMap<(String, String), Outcome>,
}

/// An example that does not come out as it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExampleFailure {
    /// The file.
    pub file: String,
    /// The example.
    pub example: String,
    /// The claim.
    pub claim: String,
    /// The subject; empty for all of them together.
    pub subject: String,
    /// What the example says.
    pub expected: Outcome,
    /// What came out; `None` when nothing was judged.
    pub judged: Option<Outcome>,
}

/// `examples:` is a list of groups; each has a `document` (or several, by name), the day it is judged `on`, and `cases` that
/// `set` or `remove` values by JSON pointer and say what to `expect`.
pub(super) fn parse(reader: &Reader<'_>) -> Parsed<Vec<Example>> {
    let mut examples = Vec::new();
    for group in reader.items()? {
        group.only(&["document", "documents", "on", "cases"])?;
        let mut documents = Vec::new();
        if let Some(one) = group.get("document") {
            documents.push(Document::new("document", one.value.clone()));
        }
        for (name, value) in group.get("documents").map(|all| all.members()).transpose()?.unwrap_or_default()
        {
            documents.push(Document::new(name, value.value.clone()));
        }
        let now = day(&group.need("on")?)?;
        for case in group.need("cases")?.items()? {
            examples.push(example(&case, documents.clone(), now)?);
        }
    }
    Ok(examples)
}

fn example(case: &Reader<'_>, mut documents: Vec<Document>, now: Timestamp) -> Parsed<Example> {
    case.only(&["name", "set", "remove", "exempt", "expect"])?;
    for (pointer, value) in case.get("set").map(|all| all.members()).transpose()?.unwrap_or_default() {
        put(&value, &mut documents, pointer, Some(value.value.clone()))?;
    }
    for pointer in case.get("remove").map(|all| all.items()).transpose()?.unwrap_or_default() {
        put(&pointer, &mut documents, pointer.text()?, None)?;
    }
    let mut exemptions = Vec::new();
    for one in case.get("exempt").map(|all| all.items()).transpose()?.unwrap_or_default() {
        one.only(&["claim", "scope", "value", "until"])?;
        exemptions.push(Exemption {
            claim: one.need("claim")?.text()?.to_owned(),
            scope: one.need("scope")?.text()?.to_owned(),
            value: one.need("value")?.text()?.to_owned(),
            until: day(&one.need("until")?)?,
        });
    }
    let mut expected = BTreeMap::new();
    for (claim, outcomes) in case.need("expect")?.members()? {
        if outcomes.value.is_string() {
            expected.insert((claim.to_owned(), String::new()), outcomes.read("an outcome")?);
            continue;
        }
        for (subject, outcome) in outcomes.members()? {
            expected.insert((claim.to_owned(), subject.to_owned()), outcome.read("an outcome")?);
        }
    }
    let (name, file) = (case.need("name")?.text()?.to_owned(), case.file.to_owned());
    Ok(Example { name, file, documents, exemptions, now, expected })
}

fn day(reader: &Reader<'_>) -> Parsed<Timestamp> {
    let time = Timestamp::parse_iso(format!("{}T00:00:00Z", reader.text()?).as_bytes(), true);
    time.map_or_else(|| reader.fail(Mistake::Expected("a day such as 2026-04-01")), Ok)
}

/// Sets or removes what stands at a JSON pointer of the only document; with several, the pointer begins with the name of one.
fn put(reader: &Reader<'_>, documents: &mut [Document], pointer: &str, value: Option<Value>) -> Parsed<()> {
    let unknown = || Mistake::UnknownName("place in the example's document", pointer.to_owned());
    let (document, pointer) = match documents {
        [only] => (only, pointer),
        several => {
            let split = |document: &&mut Document| pointer.starts_with(&format!("{}/", document.name));
            let Some(document) = several.iter_mut().find(split) else { return reader.fail(unknown()) };
            let rest = pointer.get(document.name.len()..).unwrap_or_default();
            (document, rest)
        }
    };
    let Some((parent, last)) = pointer.rsplit_once('/') else { return reader.fail(unknown()) };
    let key = last.replace("~1", "/").replace("~0", "~");
    let done = match (document.value.pointer_mut(parent), value) {
        (Some(Value::Object(members)), Some(value)) => {
            members.insert(key, value);
            true
        }
        (Some(Value::Object(members)), None) => members.remove(&key).is_some(),
        (Some(Value::Array(items)), value) => match (key.parse::<usize>(), value) {
            (Ok(index), Some(value)) => items.get_mut(index).map(|item| *item = value).is_some(),
            (Ok(index), None) if index < items.len() => {
                items.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    };
    if done { Ok(()) } else { reader.fail(unknown()) }
}

impl Pack {
    /// Runs the examples of all claim files.
    pub fn run_examples(&self) -> Vec<ExampleFailure> {
        self.examples.iter().flat_map(|example| self.run_example(example)).collect()
    }

    fn run_example(&self, example: &Example) -> Vec<ExampleFailure> {
        let judged = self.judge(&example.documents, &example.exemptions, example.now);
        let mut failures = Vec::new();
        for ((claim, subject), expected) in &example.expected {
            let mine = judged.iter().filter(|judgement| judgement.claim == *claim);
            let mine = mine.filter(|judgement| subject.is_empty() || judgement.subject.label == *subject);
            let outcome = mine.map(|judgement| judgement.outcome).reduce(Outcome::and);
            if outcome != Some(*expected) {
                failures.push(ExampleFailure {
                    file: example.file.clone(),
                    example: example.name.clone(),
                    claim: claim.clone(),
                    subject: subject.clone(),
                    expected: *expected,
                    judged: outcome,
                });
            }
        }
        failures
    }

    /// Claims whose examples do not show one of these outcomes, with the outcome.
    pub fn unshown(&self, outcomes: &[Outcome]) -> Vec<(String, Outcome)> {
        let shown = |claim: &str, outcome| {
            let expected = self.examples.iter().flat_map(|example| &example.expected);
            expected.into_iter().any(|((name, _), expected)| name == claim && *expected == outcome)
        };
        let wanted =
            self.claims.iter().flat_map(|claim| outcomes.iter().map(move |outcome| (claim, *outcome)));
        let missing = wanted.filter(|(claim, outcome)| !shown(&claim.id, *outcome));
        missing.map(|(claim, outcome)| (claim.id.clone(), outcome)).collect()
    }
}

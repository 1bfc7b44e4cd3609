//! Rules put to small inputs: the examples they bring along, and the explanation of a match.

mod described;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::Arc;

use hinomi_detect::sigma::{Document, LogSource, Meta, Placeholders, Rule, RuleTest, Search, rule_tests};
use hinomi_detect::{Engine, LogSources};
use hinomi_ingest::intake::{Options, Root};
use hinomi_model::Timestamp;

use crate::correlated::correlations;
use crate::document::Said2;
use crate::rulebook::Rulebook;
use crate::scan::{Digests, Event, Findings, Limits, Request, ScanProgress, Subjects, scan};

/// One example that a rule brought along, run.
#[derive(Debug, Clone)]
pub struct TrialResult {
    /// The example.
    pub test: RuleTest,
    /// Whether the rule fired.
    pub fired: bool,
    /// Events that were read from the example; none means that the example itself is broken.
    pub events: u64,
}

impl TrialResult {
    /// Whether the rule did what the example says, on at least one event.
    pub fn passed(&self) -> bool {
        self.events > 0 && self.fired == self.test.positive
    }
}

/// A clock for inputs that state no year: examples are written as of 2026.
const NOW: Timestamp = Timestamp::from_nanos(1_798_761_599 * hinomi_model::NANOS_PER_SECOND);

/// Runs every example of a rule file through the whole pipeline.
pub fn run_examples(text: &str, sources: &LogSources, subjects: &Subjects) -> Vec<TrialResult> {
    let mut book = Rulebook::default();
    book.add(text, "rule", &Placeholders::default());
    let (engine, _) = Engine::compile(book.documents, sources, &subjects.fields());
    let run = |test: RuleTest| {
        let input = match &test.lines {
            Some(lines) => lines.clone().into_bytes(),
            None => test.events.iter().flat_map(|e| [e.as_bytes(), b"\n"].concat()).collect(),
        };
        let findings = scan_bytes(input, &engine, subjects);
        let single =
            findings.hits.iter().any(|h| engine.rule(h.rule).is_some_and(|r| r.meta.id == test.rule));
        let together = correlations(&engine, &findings).0.iter().any(|c| c.meta.id == test.rule);
        TrialResult { fired: single || together, events: findings.events, test }
    };
    rule_tests(text).into_iter().map(run).collect()
}

fn scan_bytes(input: Vec<u8>, engine: &Engine, subjects: &Subjects) -> Findings {
    let request = Request {
        roots: vec![Root::Stream { name: "example".to_owned(), reader: Box::new(Cursor::new(input)) }],
        reading: Options::at(NOW),
        ledgers: Vec::new(),
        engine,
        subjects,
        window: hinomi_detect::completeness::Window::default(),
        hosts: Vec::new(),
        threads: 1,
        sampled: BTreeMap::new(),
        limits: Limits::default(),
        digests: Digests::Files,
    };
    scan(request, &ScanProgress::default())
}

/// Why a rule holds for an event or not: its tree with the truth of every part.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The event, with the fields the rule reads.
    pub event: Arc<Event>,
    /// Whether the event belongs to the rule's log source.
    pub routed: bool,
    /// Whether the rule matches.
    pub matched: bool,
    /// Parts of the condition, outermost first, with their depth.
    pub parts: Vec<Part>,
}

/// One part of a condition.
#[derive(Debug, Clone)]
pub struct Part {
    /// Nesting.
    pub depth: usize,
    /// What it asks.
    pub text: Said2,
    /// Whether it holds.
    pub holds: bool,
    /// Value of the field asked for, when there is one.
    pub value: Option<String>,
}

/// Explains `rule` on every event of `input`. Each part of the condition is compiled as a rule of its own and run
/// by the same engine, so that the explanation cannot differ from the detection.
pub fn explain(rule: &Rule, input: Vec<u8>, sources: &LogSources, subjects: &Subjects) -> Vec<Explanation> {
    let whole = Search::Any(rule.conditions.clone());
    let mut parts = Vec::new();
    flatten(&whole, 0, &mut parts);
    let as_rule = |id: String, logsource: LogSource, condition: Search| {
        let meta = Meta { id, ..Meta::default() };
        Document::Rule(Rule { meta, logsource, conditions: vec![condition], fields: rule.fields.clone() })
    };
    let everything = || Search::All(Vec::new());
    let mut documents = vec![
        as_rule("every".to_owned(), LogSource::default(), everything()),
        as_rule("routed".to_owned(), rule.logsource.clone(), everything()),
    ];
    for (number, (_, part)) in parts.iter().enumerate() {
        documents.push(as_rule(format!("part-{number}"), rule.logsource.clone(), (*part).clone()));
    }
    let (engine, _) = Engine::compile(documents, sources, &subjects.fields());
    let findings = scan_bytes(input, &engine, subjects);
    let mut held: BTreeMap<(u64, u32), Held> = BTreeMap::new();
    for hit in &findings.hits {
        let entry = held.entry((hit.event.offset, hit.event.sub)).or_default();
        entry.rules.insert(engine.rule(hit.rule).map(|r| r.meta.id.clone()).unwrap_or_default());
        entry.seen.push(Arc::clone(&hit.event));
    }
    held.into_values().filter_map(|event| event.explain(&parts)).collect()
}

/// What the rules of an explanation found for one event.
#[derive(Default)]
struct Held {
    rules: BTreeSet<String>,
    /// The event as each rule kept it.
    seen: Vec<Arc<Event>>,
}

impl Held {
    fn explain(&self, parts: &[(usize, &Search)]) -> Option<Explanation> {
        let value = |name: &str| self.seen.iter().find_map(|e| e.field(name)).map(str::to_owned);
        let part = |(number, (depth, search)): (usize, &(usize, &Search))| Part {
            depth: *depth,
            text: described::of(search),
            holds: self.rules.contains(&format!("part-{number}")),
            value: match search {
                Search::Field(name, _) => value(name),
                _ => None,
            },
        };
        Some(Explanation {
            event: Arc::clone(self.seen.first()?),
            routed: self.rules.contains("routed"),
            matched: self.rules.contains("part-0"),
            parts: parts.iter().enumerate().map(part).collect(),
        })
    }
}

fn flatten<'s>(search: &'s Search, depth: usize, out: &mut Vec<(usize, &'s Search)>) {
    match search {
        Search::All(parts) | Search::Any(parts) if parts.len() == 1 => {
            parts.iter().for_each(|p| flatten(p, depth, out));
        }
        Search::All(parts) | Search::Any(parts) => {
            out.push((depth, search));
            parts.iter().for_each(|p| flatten(p, depth + 1, out));
        }
        Search::Not(inner) => {
            out.push((depth, search));
            flatten(inner, depth + 1, out);
        }
        Search::Field(..) | Search::Keyword(_) | Search::KeywordRegex(_) => out.push((depth, search)),
    }
}

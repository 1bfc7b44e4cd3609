//! The engine over columns against the naive evaluator, on random rules and events.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use hinomi_columns::{FieldId, Row, Store, ValueId};
use hinomi_detect::sigma::{Document, LogSource, Meta, Rule, Search};
use hinomi_detect::{Depth, Engine, Evaluator, LogSources};
use hinomi_model::LogKind;
use hinomi_testkit::naive::{NaiveEvent, NaiveValue};
use hinomi_testkit::random;
use proptest::collection::vec;
use proptest::prelude::*;

fn rule(number: usize, search: Search) -> Document {
    Document::Rule(Rule {
        meta: Meta { id: number.to_string(), ..Meta::default() },
        logsource: LogSource { product: Some("product".to_owned()), ..LogSource::default() },
        conditions: vec![search],
        fields: Vec::new(),
    })
}

fn fill(store: &mut Store, events: &[NaiveEvent]) {
    let kind = store.kind(&LogKind { product: "product".to_owned(), ..LogKind::default() });
    for (number, event) in (0..).zip(events) {
        let mut cells: Vec<(FieldId, ValueId)> = Vec::new();
        for (name, values) in &event.0 {
            let Some(field) = store.field(name) else { continue };
            let dictionary = store.dictionary_mut(field);
            let mut ids: Vec<ValueId> = Vec::new();
            for value in values {
                ids.push(match value {
                    NaiveValue::Text(text) => dictionary.text(text),
                    NaiveValue::Null => dictionary.null(),
                });
            }
            let cell = if let [single] = ids.as_slice() { *single } else { dictionary.list(&ids) };
            cells.push((field, cell));
        }
        store.push(kind, Row { time: None, sequence: None, offset: number, length: 0, sub: 0 }, &mut cells);
    }
}

/// (rule, event) pairs, ascending.
fn by_engine(searches: &[Search], batches: &[Vec<NaiveEvent>]) -> Vec<(usize, usize)> {
    let documents = searches.iter().cloned().enumerate().map(|(number, search)| rule(number, search));
    let (engine, errors) =
        Engine::compile(documents.collect(), &LogSources::bundled().expect("bundled"), &[]);
    assert!(errors.is_empty(), "{errors:?}");
    let mut found = Vec::new();
    for depth in [Depth::Named, Depth::Keywords] {
        let mut evaluator = Evaluator::new(&engine, depth);
        let projection = match depth {
            Depth::Named => engine.projection().clone(),
            Depth::Keywords => engine.projection().clone().and_all_others(),
        };
        let mut store = Store::new(&projection);
        let mut before = 0;
        for events in batches {
            fill(&mut store, events);
            for batch in store.batches() {
                evaluator.evaluate(&store, batch, |rule, row| {
                    let at = batch.rows().get(row).map_or(0, |row| row.offset as usize);
                    found.push((rule.0 as usize, before + at));
                });
            }
            store.drop_rows();
            before += events.len();
        }
    }
    found.sort_unstable();
    found
}

fn by_definition(searches: &[Search], batches: &[Vec<NaiveEvent>]) -> Vec<(usize, usize)> {
    let events: Vec<&NaiveEvent> = batches.iter().flatten().collect();
    let mut found = Vec::new();
    for (rule, search) in searches.iter().enumerate() {
        let matched = events.iter().enumerate().filter(|(_, event)| event.satisfies(search));
        found.extend(matched.map(|(at, _)| (rule, at)));
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_matches_what_the_definition_matches(
        searches in vec(random::search(), 1..8),
        batches in vec(vec(random::event(), 1..12), 1..3),
    ) {
        prop_assert_eq!(by_engine(&searches, &batches), by_definition(&searches, &batches));
    }
}

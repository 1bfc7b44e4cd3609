//! Correlations against their definition, on random rules and matches.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_detect::correlate::{BaseMatch, Limits, MatchedEvent, correlate};
use hinomi_detect::sigma::{
    Comparison, Correlation, CorrelationKind, CountCondition, Meta, RuleExpression, TemporalCondition,
};
use hinomi_model::{Digest, Timestamp};
use hinomi_testkit::naive_correlation::{NaiveHit, NaiveOccurrence, occurrences};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

const RULES: [&str; 3] = ["a", "b", "c"];

struct Event {
    hit: NaiveHit,
    digest: Digest,
}

impl MatchedEvent for Event {
    fn time(&self) -> Option<Timestamp> {
        Some(Timestamp::from_nanos(self.hit.time))
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.hit.fields.get(name).map(String::as_str)
    }
}

fn hit() -> impl Strategy<Value = NaiveHit> {
    let rules = btree_set(select(&RULES[..]).prop_map(str::to_owned), 1..3);
    let user = prop_oneof![8 => select(&["x", "y"][..]).prop_map(Some), 1 => Just(None)];
    let value = prop_oneof![8 => (-2..4i32).prop_map(|n| Some(n.to_string())), 1 => Just(Some("many".into())), 1 => Just(None)];
    (rules, 0..40i64, user, value).prop_map(|(rules, time, user, value)| {
        let mut fields = BTreeMap::new();
        fields.extend(user.map(|u| ("u".to_owned(), u.to_owned())));
        fields.extend(value.map(|v| ("v".to_owned(), v)));
        NaiveHit { rules, time, fields }
    })
}

fn count() -> impl Strategy<Value = CountCondition> {
    let comparison = select(
        &[Comparison::Greater, Comparison::GreaterOrEqual, Comparison::Less, Comparison::LessOrEqual][..],
    );
    let bounds = vec((comparison, (0..5i32).prop_map(f64::from)), 1..3);
    let rising = vec(((0..5i32).prop_map(f64::from)).prop_map(|n| (Comparison::GreaterOrEqual, n)), 1..2);
    let bounded = |bounds| CountCondition { bounds, ..CountCondition::default() };
    let exact = (0..5i32, any::<bool>()).prop_map(|(n, equal)| {
        let n = Some(f64::from(n));
        let (equals, not_equals) = if equal { (n, None) } else { (None, n) };
        CountCondition { equals, not_equals, ..CountCondition::default() }
    });
    prop_oneof![4 => rising.prop_map(bounded), 2 => bounds.prop_map(bounded), 1 => exact]
}

fn rising() -> impl Strategy<Value = CountCondition> {
    (1..4i32).prop_map(|n| CountCondition {
        bounds: vec![(Comparison::GreaterOrEqual, f64::from(n))],
        ..CountCondition::default()
    })
}

/// Expressions that need some rule to occur, with or without `not`.
fn expression(with_not: bool) -> impl Strategy<Value = RuleExpression> {
    let leaf = || select(&RULES[..]).prop_map(|name| RuleExpression::Rule(name.to_owned()));
    let second = (leaf(), any::<bool>()).prop_map(move |(leaf, not)| {
        if not && with_not { RuleExpression::Not(Box::new(leaf)) } else { leaf }
    });
    let either = (leaf(), leaf()).prop_map(|(a, b)| RuleExpression::Any(vec![a, b]));
    prop_oneof![leaf(), either].prop_flat_map(move |first| {
        second.clone().prop_map(move |second| RuleExpression::All(vec![first.clone(), second]))
    })
}

fn kind() -> impl Strategy<Value = CorrelationKind> {
    let field = || "v".to_owned();
    prop_oneof![
        count().prop_map(CorrelationKind::EventCount),
        count().prop_map(move |condition| CorrelationKind::ValueCount { fields: vec![field()], condition }),
        count().prop_map(move |condition| CorrelationKind::ValueSum(field(), condition)),
        count().prop_map(move |condition| CorrelationKind::ValueAverage(field(), condition)),
        (count(), 0..=20u32)
            .prop_map(move |(c, p)| { CorrelationKind::ValuePercentile(field(), f64::from(p) * 5.0, c) }),
        Just(CorrelationKind::Temporal(TemporalCondition::All)),
        count().prop_map(|c| CorrelationKind::Temporal(TemporalCondition::Count(c))),
        expression(true).prop_map(|e| CorrelationKind::Temporal(TemporalCondition::Expression(e))),
        Just(CorrelationKind::TemporalOrdered(TemporalCondition::All)),
        rising().prop_map(|c| CorrelationKind::TemporalOrdered(TemporalCondition::Count(c))),
        expression(false).prop_map(|e| CorrelationKind::TemporalOrdered(TemporalCondition::Expression(e))),
    ]
}

fn correlation() -> impl Strategy<Value = Correlation> {
    let rules = select(vec![vec!["a", "b", "c"], vec!["b", "a"], vec!["a"], vec!["c", "a", "c"]]);
    (kind(), rules, any::<bool>(), 1..15i64).prop_map(|(kind, rules, grouped, timespan_ns)| {
        let expression = matches!(
            kind,
            CorrelationKind::Temporal(TemporalCondition::Expression(_))
                | CorrelationKind::TemporalOrdered(TemporalCondition::Expression(_))
        );
        let rules = if expression { RULES.to_vec() } else { rules };
        Correlation {
            meta: Meta { id: "r".into(), ..Meta::default() },
            kind,
            rules: rules.into_iter().map(str::to_owned).collect(),
            group_by: if grouped { vec!["u".to_owned()] } else { Vec::new() },
            timespan_ns,
            aliases: BTreeMap::new(),
            generate: false,
        }
    })
}

fn by_engine(correlation: &Correlation, hits: &[NaiveHit]) -> Vec<NaiveOccurrence> {
    let metas: Vec<Meta> = RULES.map(|id| Meta { id: id.into(), ..Meta::default() }).into();
    let digest = |hit: &NaiveHit| Digest::of(format!("{hit:?}").as_bytes());
    let events: Vec<Event> = hits.iter().map(|hit| Event { hit: hit.clone(), digest: digest(hit) }).collect();
    let mut matches = Vec::new();
    for (number, event) in (0..).zip(&events) {
        let rules = metas.iter().filter(|meta| event.hit.rules.contains(&meta.id));
        matches.extend(rules.map(|rule| BaseMatch { rule, event, number }));
    }
    let outcome =
        correlate(std::slice::from_ref(correlation), &matches[..], matches.len(), &Limits::default());
    let mut found: Vec<NaiveOccurrence> = Vec::new();
    for occurrence in outcome.occurrences {
        let numbers: BTreeSet<usize> =
            occurrence.matches.iter().filter_map(|at| matches.get(*at)).map(|m| m.number as usize).collect();
        found.push(NaiveOccurrence {
            fired: occurrence.fired.as_nanos(),
            group: occurrence.group.into_iter().map(|(_, value)| value).collect(),
            events: numbers.into_iter().collect(),
        });
    }
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn windows_agree_with_their_definition(correlation in correlation(), hits in vec(hit(), 0..24)) {
        prop_assert_eq!(by_engine(&correlation, &hits), occurrences(&correlation, &hits));
    }
}

#[test]
fn an_event_without_a_number_moves_no_window() {
    let condition =
        CountCondition { bounds: vec![(Comparison::GreaterOrEqual, 0.0)], ..CountCondition::default() };
    let correlation = Correlation {
        meta: Meta { id: "r".into(), ..Meta::default() },
        kind: CorrelationKind::ValueSum("v".to_owned(), condition),
        rules: vec!["a".to_owned()],
        group_by: Vec::new(),
        timespan_ns: 3,
        aliases: BTreeMap::new(),
        generate: false,
    };
    let hit = |time, value: &str| NaiveHit {
        rules: BTreeSet::from(["a".to_owned()]),
        time,
        fields: BTreeMap::from([("v".to_owned(), value.to_owned())]),
    };
    // At the third event the first leaves the window, and the rest would meet the condition.
    assert_eq!(by_engine(&correlation, &[hit(9, "-1"), hit(11, "0"), hit(13, "many")]), []);
    assert_eq!(by_engine(&correlation, &[hit(9, "-1"), hit(11, "0"), hit(13, "0")]).len(), 1);
}

//! One pass against batches with saved state, against correlation of everything at once, and hand-made vectors.

use std::collections::BTreeSet;

use hinomi_model::{Digest, NANOS_PER_SECOND, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::LogSources;
use crate::correlate::{BaseMatch, Limits, MatchedEvent, correlate};
use crate::sigma::parse_documents;

const RULES: &str = "
title: A
id: a
logsource: {product: p}
detection: {s: {EventID: 1}, condition: s}
---
title: B
id: b
logsource: {product: p}
detection: {s: {EventID: 2}, condition: s}
---
title: C, which alerts by itself
id: c
logsource: {product: p}
detection: {s: {EventID: 3}, condition: s}
---
title: many
id: many
correlation: {type: event_count, rules: [a], group-by: [u], timespan: 20s, condition: {gte: 3}}
---
title: few
id: few
correlation: {type: event_count, rules: [b], group-by: [u], timespan: 15s, condition: {lt: 3}}
---
title: chain
id: chain
correlation: {type: temporal_ordered, rules: [many, b, c], group-by: [u], timespan: 60s, generate: true}
---
title: after a quiet window
id: after
correlation: {type: temporal_ordered, rules: [few, a], group-by: [u], timespan: 40s}
---
title: values
id: values
correlation: {type: value_count, rules: [c], group-by: [u], timespan: 30s, generate: true, condition: {field: v, gte: 2}}
";

fn engine(text: &str) -> Engine {
    let documents = parse_documents(text, "test").into_iter().map(Result::unwrap).collect();
    let (engine, errors) = Engine::compile(documents, &LogSources::bundled().unwrap(), &[]);
    assert!(errors.is_empty(), "{errors:?}");
    engine
}

fn seconds(n: i64) -> Timestamp {
    Timestamp::from_nanos(n * NANOS_PER_SECOND)
}

/// [`RULES`], compiled once.
fn rules() -> &'static Engine {
    static ENGINE: std::sync::OnceLock<Engine> = std::sync::OnceLock::new();
    ENGINE.get_or_init(|| engine(RULES))
}

/// A leaf: time of receipt in seconds, events as (rule, time in seconds, user, value).
/// Without the packed form, which is compared with it.
impl MatchedEvent for Event {
    fn time(&self) -> Option<Timestamp> {
        self.time
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| **n == *name).map(|(_, value)| &**value)
    }
}

type TestLeaf = (i64, Vec<TestEvent>);
type TestEvent = (u32, Option<i64>, u8, u8);

/// Equal events of different leaves are different events unless `twins`.
fn arrivals((received, events): &TestLeaf, leaf: usize, twins: bool) -> (Timestamp, Vec<Arrival>) {
    let one = |(at, (rule, time, user, value)): (usize, &TestEvent)| {
        let salt = if twins { (0, 0) } else { (leaf, at) };
        let event = Event {
            time: time.map(seconds),
            digest: Digest::of(format!("{rule} {time:?} {user} {value} {salt:?}").as_bytes()),
            reference: format!("{leaf}/{at}"),
            host: String::new(),
            account: String::new(),
            channel: String::new(),
            fields: vec![("u".into(), user.to_string().into()), ("v".into(), value.to_string().into())],
        };
        Arrival { event, rules: vec![RuleIndex(*rule)] }
    };
    (seconds(*received), events.iter().enumerate().map(one).collect())
}

/// Where a run is interrupted and goes on from its saved form, and where the rules are activated again.
#[derive(Default)]
struct Interruptions {
    restarts: BTreeSet<usize>,
    reloads: BTreeSet<usize>,
}

fn reload(live: &Live, engine: &Engine, bounds: Bounds) -> Live {
    let text = serde_json::to_string(&live.saved()).unwrap();
    let again = Live::load(serde_json::from_str(&text).unwrap(), engine, bounds).unwrap();
    assert_eq!(serde_json::to_string(&again.saved()).unwrap(), text, "loading changed the state");
    again
}

fn run(leaves: &[TestLeaf], at: &Interruptions, bounds: Bounds, twins: bool) -> Vec<(usize, Detection)> {
    let engine = rules();
    let mut live = Live::new(engine, 10 * NANOS_PER_SECOND, bounds);
    let mut found = Vec::new();
    for (leaf, given) in leaves.iter().enumerate() {
        if at.restarts.contains(&leaf) {
            live = reload(&live, engine, bounds);
        }
        if at.reloads.contains(&leaf) {
            live.activate(engine, 10 * NANOS_PER_SECOND);
        }
        let (received, arrived) = arrivals(given, leaf, twins);
        found.extend(live.step(engine, received, arrived).into_iter().map(|d| (leaf, d)));
    }
    found
}

/// What correlating everything at once finds, when the logs end at `until` or else with the last event.
fn at_once(leaves: &[TestLeaf], until: Option<i64>, lagging: bool) -> BTreeSet<String> {
    let engine = rules();
    let arrived: Vec<Arrival> =
        leaves.iter().enumerate().flat_map(|(n, leaf)| arrivals(leaf, n, false).1).collect();
    let metas: Vec<&Meta> = engine.rules().iter().map(|r| &r.meta).collect();
    let mut matches = Vec::new();
    let mut ids = BTreeSet::new();
    for (number, arrival) in (0..).zip(&arrived) {
        let rule = metas[arrival.rules[0].0 as usize];
        matches.push(BaseMatch { rule, event: &arrival.event, number });
        if engine.rules()[arrival.rules[0].0 as usize].alerts {
            ids.insert(detection_id(&rule.id, &[], &mut [arrival.event.digest], 0));
        }
    }
    let until = until.map(seconds).or_else(|| arrived.iter().filter_map(|a| a.event.time).max());
    let limits = Limits { observed_until: until, ..Limits::default() };
    for o in correlate(engine.correlations(), &matches[..], matches.len(), &limits).occurrences {
        let fired = o.matches.iter().take(o.fired_with);
        let mut digests: Vec<Digest> = fired.map(|at| matches[*at].event.digest).collect();
        let meta = &engine.correlations()[o.correlation].meta;
        if o.alerts && (lagging || o.correlation != LAGGING) {
            ids.insert(detection_id(&meta.id, &o.group, &mut digests, o.number));
        }
    }
    ids
}

fn leaves(delay: std::ops::Range<i64>) -> impl Strategy<Value = Vec<TestLeaf>> {
    let event = (0..3u32, proptest::option::weighted(0.97, delay), 0..2u8, 0..3u8);
    vec((0..4i64, vec(event, 0..5)), 1..60).prop_map(|steps| {
        let mut now = 1000;
        let leaf = |(pause, events): TestLeaf| {
            now += pause;
            (now, events.into_iter().map(|(r, delay, u, v)| (r, delay.map(|d| now - d), u, v)).collect())
        };
        steps.into_iter().map(leaf).collect()
    })
}

/// The correlation of [`RULES`] that refers to one that waits for the end of its windows.
const LAGGING: usize = 3;

fn ids(found: &[(usize, Detection)], lagging: bool) -> BTreeSet<String> {
    let wanted = |d: &Detection| lagging || d.cause != Cause::Correlation(LAGGING);
    found.iter().filter(|(_, d)| wanted(d)).map(|(_, d)| d.id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    /// Events up to 40 s late with 10 s allowed, small bounds, twins: whatever is late, dropped or repeated is so in every
    /// run.
    #[test]
    fn restarts_and_reloads_change_nothing(
        given in leaves(-5..40),
        restarts in proptest::collection::btree_set(0..60usize, 0..12),
        reloads in proptest::collection::btree_set(0..60usize, 0..6),
        items in 3..40usize,
        twins in any::<bool>(),
    ) {
        let bounds = Bounds { groups: 2, items, backlog: 8, ids: 12 };
        let whole = run(&given, &Interruptions::default(), bounds, twins);
        let broken = run(&given, &Interruptions { restarts, reloads }, bounds, twins);
        prop_assert_eq!(whole, broken);
    }

    /// Where nothing is late, live detection finds what correlating everything at once finds, once time has passed on: with
    /// windows that are still open at the end, and when all are over. What refers to a correlation that waits for the end
    /// of its windows comes later by that time.
    #[test]
    fn on_time_is_the_same_as_at_once(given in leaves(0..10)) {
        let last = given.last().map_or(0, |(received, _)| *received);
        let newest = given.iter().flat_map(|(_, events)| events.iter().filter_map(|e| e.1)).max();
        let end = newest.unwrap_or(0).max(last - 10);
        for (end, lagging) in [(end, false), (end + 1000, true)] {
            let ending = [&given[..], &[(end + 10, Vec::new())]].concat();
            let found = run(&ending, &Interruptions::default(), Bounds::default(), false);
            prop_assert!(found.iter().all(|(_, d)| !d.late));
            prop_assert_eq!(ids(&found, lagging), at_once(&given, Some(end), lagging));
        }
    }

    /// What is imported at once, long after it happened, is correlated as a whole when it falls quiet.
    #[test]
    fn an_import_is_correlated_as_a_whole(given in leaves(100_000..100_040)) {
        let last = given.last().map_or(0, |(received, _)| *received);
        // Also the first leaf, before which there is no watermark.
        let ending = [&given[..], &[(last + 601, Vec::new())]].concat();
        let at = Interruptions { restarts: [6, 19, given.len()].into(), reloads: [10].into() };
        let found: BTreeSet<String> = run(&ending, &at, Bounds::default(), false)
            .into_iter()
            .map(|(_, d)| { assert!(d.late || d.events[0].time.is_none(), "{d:?}"); d.id })
            .collect();
        prop_assert_eq!(found, at_once(&given, None, true));
    }
}

/// Titles of detections, with the leaf and `late`.
fn shown(leaves: &[TestLeaf]) -> Vec<String> {
    let engine = rules();
    let title = |d: &Detection| match d.cause {
        Cause::Rule(rule) => engine.rule(rule).unwrap().meta.id.clone(),
        Cause::Correlation(at) => engine.correlations()[at].meta.id.clone(),
    };
    let found = run(leaves, &Interruptions::default(), Bounds::default(), false);
    found
        .iter()
        .map(|(leaf, d)| format!("{leaf} {}{}", title(d), if d.late { " late" } else { "" }))
        .collect()
}

#[test]
fn a_single_event_fires_at_its_leaf_and_a_correlation_when_the_watermark_passes() {
    let a = |time| (0, Some(time), 1, 0);
    let c = |time| (2, Some(time), 1, 0);
    // 10 s are allowed: 102 is settled when something is received at 112.
    let leaves = [
        (103, vec![a(100), a(101), c(102)]),
        (104, vec![a(102)]),
        (111, vec![]),
        (112, vec![]),
        (300, vec![]),
    ];
    assert_eq!(shown(&leaves), ["0 c", "3 many"]);
}

#[test]
fn the_order_of_arrival_within_the_lateness_changes_nothing() {
    let (a, b, c) = ((0, Some(100), 1, 0), (1, Some(105), 1, 0), (2, Some(106), 1, 0));
    let three = vec![a, (0, Some(101), 1, 0), (0, Some(102), 1, 0)];
    let straight = [(107, three.clone()), (107, vec![b]), (107, vec![c]), (200, vec![])];
    let backwards = [(107, vec![c]), (107, vec![b]), (107, three), (200, vec![])];
    assert_eq!(shown(&straight), ["2 c", "3 many", "3 chain"].map(str::to_owned).to_vec());
    assert_eq!(shown(&backwards), ["0 c", "3 many", "3 chain"].map(str::to_owned).to_vec());
}

#[test]
fn what_is_late_meets_single_rules_and_waits_for_its_like() {
    let c = |time, v| (2, Some(time), 1, v);
    // At 150 the watermark is 140: 100 and 101 are late, and correlate with each other ten minutes later, not with 141.
    let leaves = [(150, vec![]), (151, vec![c(100, 0), c(101, 1), c(145, 2)]), (300, vec![]), (751, vec![])];
    assert_eq!(shown(&leaves), ["1 c late", "1 c late", "1 c", "3 values late"]);
}

#[test]
fn a_time_far_ahead_of_its_receipt_is_not_believed() {
    let a = |time| (0, Some(time), 1, 0);
    let tomorrow = 100 + 2 * 86_400;
    let leaves = [(100, vec![a(tomorrow), a(tomorrow + 1), a(tomorrow + 2)]), (800, vec![])];
    assert_eq!(shown(&leaves), ["1 many late"], "otherwise three matches would wait for two days");
}

#[test]
fn the_same_line_twice_is_one_detection_for_a_day() {
    let engine = rules();
    let mut live = Live::new(engine, 0, Bounds::default());
    let mut at = |received: i64| {
        let (received, arrived) = arrivals(&(received, vec![(2, Some(100), 1, 1)]), 0, true);
        live.step(engine, received, arrived).len()
    };
    assert_eq!([at(100), at(101), at(86_500), at(86_501), at(86_502)], [1, 0, 0, 1, 0]);
    assert_eq!(live.tally().repeated, 3);
}

#[test]
fn other_rules_keep_the_state_of_correlations_that_are_the_same() {
    let c = |time, v| (2, Some(time), 1, v);
    let feed = |changed: &str| {
        let (before, after) = (engine(RULES), engine(changed));
        let mut live = Live::new(&before, 0, Bounds::default());
        let (received, arrived) = arrivals(&(100, vec![c(100, 0)]), 0, false);
        live.step(&before, received, arrived);
        live.activate(&after, 0);
        let (received, arrived) = arrivals(&(110, vec![c(110, 1)]), 1, false);
        let found = live.step(&after, received, arrived);
        found.iter().filter(|d| matches!(d.cause, Cause::Correlation(_))).count()
    };
    assert_eq!(feed(RULES), 1);
    let more = "---\ntitle: one more\nid: x\nlogsource: {product: p}\ndetection: {s: {A: 1}, condition: s}\n";
    assert_eq!(feed(&format!("{RULES}{more}")), 1);
    assert_eq!(feed(&RULES.replace("title: values", "title: other words")), 1);
    assert_eq!(feed(&RULES.replace("field: v, gte: 2", "field: v, gt: 1")), 0, "another condition");
    assert_eq!(feed(&RULES.replace("EventID: 3", "EventID: 4")), 0, "another rule behind it");
}

#[test]
fn memory_does_not_grow_with_time() {
    let engine = rules();
    let mut live = Live::new(engine, NANOS_PER_SECOND, Bounds::default());
    let mut most = 0;
    for second in 0..50_000i64 {
        let user = (second % 250) as u8;
        let given = (second, vec![(0, Some(second), user, 0), (2, Some(second), user, (second % 7) as u8)]);
        let (received, arrived) = arrivals(&given, second as usize, false);
        live.step(engine, received, arrived);
        most = most.max(live.kept());
    }
    // Windows of 60 s hold a few hundred matches; sweeps come at twice what was left and some thousands.
    assert!(most < 10_000, "{most} matches were kept");
    assert!(serde_json::to_string(&live.saved()).unwrap().len() < 12 << 20);
}

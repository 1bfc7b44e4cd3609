//! Vectors worked out by hand from the definitions.

use super::*;
use crate::sigma::{Document, parse_documents};

/// An event of a test: time in nanoseconds, fields.
struct Probe {
    time: Option<i64>,
    digest: Digest,
    fields: Vec<(&'static str, String)>,
}

impl MatchedEvent for Probe {
    fn time(&self) -> Option<Timestamp> {
        self.time.map(Timestamp::from_nanos)
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }
}

const SECOND: i64 = 1_000_000_000;

fn correlations(text: &str) -> Vec<Correlation> {
    let documents = parse_documents(text, "test");
    let each = documents.into_iter().map(|document| match document {
        Ok(Document::Correlation(correlation)) => correlation,
        other => panic!("{text}: {other:?}"),
    });
    each.collect()
}

/// `rule@nanoseconds field=value …`, one event a line; `a+b` is one event that two rules matched, `-` no time.
fn run(rules: &str, events: &str, limits: &Limits) -> Outcome {
    let metas: Vec<Meta> = ["a", "b", "c", "d"]
        .map(|id| Meta { id: id.into(), name: Some(id.repeat(2)), ..Meta::default() })
        .into();
    let mut probes = Vec::new();
    for line in events.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let (rules, time) = words.next().unwrap().split_once('@').unwrap();
        let field = |word: &str| {
            let (name, value) = word.split_once('=').unwrap();
            let name = ["u", "v", "src", "dst", "host"].into_iter().find(|known| *known == name).unwrap();
            (name, value.to_owned())
        };
        let time = time.parse().ok();
        probes.push((
            rules,
            Probe { time, digest: Digest::of(line.as_bytes()), fields: words.map(field).collect() },
        ));
    }
    let mut matches = Vec::new();
    for (number, (rules, event)) in (0..).zip(&probes) {
        for rule in rules.split('+') {
            let rule = metas.iter().find(|meta| meta.id == rule).unwrap();
            matches.push(BaseMatch { rule, event, number });
        }
    }
    let correlations = correlations(rules);
    let outcome = correlate(&correlations, &matches[..], matches.len(), limits);
    for step in [1, 2, 3] {
        let again = in_steps(&correlations, (&matches[..], matches.len()), limits, step);
        assert_eq!(outcome, again, "the steps of time changed the result");
    }
    let order: Vec<usize> = (0..matches.len()).rev().collect();
    let reversed: Vec<BaseMatch<'_, Probe>> = matches.into_iter().rev().collect();
    let mut again = correlate(&correlations, &reversed[..], reversed.len(), limits);
    for occurrence in &mut again.occurrences {
        occurrence.matches.iter_mut().for_each(|at| *at = order[*at]);
    }
    assert_eq!(outcome, again, "the order of input changed the result");
    outcome
}

/// `group fired first..last count` in seconds, for each occurrence.
fn shown(outcome: &Outcome) -> Vec<String> {
    let seconds = |time: Timestamp| {
        let nanos = time.as_nanos();
        if nanos % SECOND == 0 { format!("{}", nanos / SECOND) } else { format!("{nanos}ns") }
    };
    let one = |o: &Occurrence| {
        let group: Vec<&str> = o.group.iter().map(|(_, value)| value.as_str()).collect();
        let (fired, first, last) = (seconds(o.fired), seconds(o.first), seconds(o.last));
        let count = o.matches.len() as u64 + o.more;
        format!("{}:{} {fired} {first}..{last} {count}", o.correlation, group.join(","))
    };
    outcome.occurrences.iter().map(one).collect()
}

fn rule(kind: &str, rules: &str, condition: &str) -> String {
    format!(
        "title: t\nid: r\ncorrelation:\n  type: {kind}\n  rules: [{rules}]\n  group-by: [u]\n  timespan: 10s\n{condition}"
    )
}

fn seconds(events: &[(&str, i64, &str)]) -> String {
    events
        .iter()
        .map(|(rule, at, fields)| format!("{rule}@{} {fields}\n", at * SECOND))
        .collect::<Vec<_>>()
        .concat()
}

fn check(rules: &str, events: &[(&str, i64, &str)], expected: &[&str]) {
    let outcome = run(rules, &seconds(events), &Limits::default());
    assert_eq!(shown(&outcome), expected, "{rules}\n{events:?}");
}

#[test]
fn a_window_is_closed_at_both_ends() {
    let two = rule("event_count", "a", "  condition: {gte: 2}");
    let at = |last: i64| format!("a@0 u=x\na@{last} u=x");
    assert_eq!(shown(&run(&two, &at(10 * SECOND), &Limits::default())), ["0:x 10 0..10 2"]);
    assert_eq!(shown(&run(&two, &at(10 * SECOND + 1), &Limits::default())), [""; 0]);
}

#[test]
fn an_occurrence_is_extended_and_then_armed_again() {
    let three = rule("event_count", "a", "  condition: {gte: 3}");
    // 0, 4, 8 reach three; 12 sees 4, 8, 12; 16 sees 8, 12, 16: one occurrence. 40 ends it.
    let busy = [("a", 0, "u=x"), ("a", 4, "u=x"), ("a", 8, "u=x"), ("a", 12, "u=x"), ("a", 16, "u=x")];
    check(&three, &busy, &["0:x 8 0..16 5"]);
    let later = [("a", 40, "u=x"), ("a", 41, "u=x"), ("a", 42, "u=x")];
    check(&three, &[&busy[..], &later[..]].concat(), &["0:x 8 0..16 5", "0:x 42 40..42 3"]);
    // At 13 only 8 and 13 are in the window: it ends there; at 14 the window 8, 13, 14 fires anew.
    let dip = [("a", 0, "u=x"), ("a", 1, "u=x"), ("a", 8, "u=x"), ("a", 13, "u=x"), ("a", 14, "u=x")];
    check(&three, &dip, &["0:x 8 0..8 3", "0:x 14 8..14 3"]);
}

#[test]
fn a_threshold_of_one_fires_again_only_after_a_gap_longer_than_the_window() {
    let one = rule("event_count", "a", "  condition: {gte: 1}");
    let events = [("a", 0, "u=x"), ("a", 10, "u=x"), ("a", 21, "u=x")];
    check(&one, &events, &["0:x 0 0..10 2", "0:x 21 21..21 1"]);
}

#[test]
fn groups_do_not_mix_and_duplicates_are_one_event() {
    let two = rule("event_count", "a, b", "  condition: {gte: 2}");
    check(&two, &[("a", 0, "u=x"), ("a", 1, "u=y")], &[]);
    // One event matched by both rules is one item.
    check(&two, &[("a+b", 0, "u=x")], &[]);
    check(&two, &[("a+b", 0, "u=x"), ("b", 0, "u=x")], &["0:x 0 0..0 3"]);
}

#[test]
fn events_without_time_or_group_are_counted_and_left_out() {
    let two = rule("event_count", "a", "  condition: {gte: 2}");
    let outcome = run(&two, "a@- u=x\na@0 u=x\na@1 host=h\na@2000000000 u=x", &Limits::default());
    assert_eq!(shown(&outcome), ["0:x 2 0..2 2"]);
    let expected = Diagnosis { without_time: 1, without_group: 1, ..Diagnosis::default() };
    assert_eq!(outcome.diagnoses, [expected]);
}

#[test]
fn upper_bounds_wait_for_the_end_of_the_window() {
    let few = rule("event_count", "a", "  condition: {gte: 2, lt: 4}");
    // [0, 10] holds three; [11, 21] holds four; [30, 40] holds two.
    let events = [0, 5, 10, 11, 12, 13, 21, 30, 31].map(|at| ("a", at, "u=x"));
    check(&few, &events, &["0:x 10 0..10 3", "0:x 31 30..31 2"]);
    let limits = Limits { observed_until: Some(Timestamp::from_nanos(40 * SECOND - 1)), ..Limits::default() };
    let outcome = run(&few, &seconds(&events), &limits);
    assert_eq!((shown(&outcome), outcome.diagnoses[0].open_windows), (vec!["0:x 10 0..10 3".to_owned()], 1));
    check(&rule("event_count", "a", "  condition: {eq: 2}"), &events, &["0:x 31 30..31 2"]);
    check(
        &rule("event_count", "a", "  condition: {neq: 3}"),
        &events,
        &["0:x 21 11..21 4", "0:x 31 30..31 2"],
    );
}

#[test]
fn distinct_values_leave_with_their_last_event() {
    let two = rule("value_count", "a", "  condition: {field: v, gte: 2}");
    check(&two, &[("a", 0, "u=x v=1"), ("a", 5, "u=x v=1"), ("a", 11, "u=x v=2")], &["0:x 11 5..11 2"]);
    check(&two, &[("a", 0, "u=x v=1"), ("a", 5, "u=x v=1"), ("a", 9, "u=x")], &[]);
    let pair = rule("value_count", "a", "  condition: {field: [v, host], gte: 2}");
    check(&pair, &[("a", 0, "u=x v=1 host=h"), ("a", 1, "u=x v=1 host=i")], &["0:x 1 0..1 2"]);
}

#[test]
fn sums_averages_and_percentiles() {
    let sum = rule("value_sum", "a", "  condition: {field: v, gte: 0.3}");
    // Ten times 0.1 in binary floating point is not 1; here 0.1 + 0.2 is 0.3, and taking 0.1 out leaves 0.2.
    check(&sum, &[("a", 0, "u=x v=0.1"), ("a", 1, "u=x v=0.2")], &["0:x 1 0..1 2"]);
    check(
        &sum,
        &[("a", 0, "u=x v=0.1"), ("a", 11, "u=x v=0.2"), ("a", 12, "u=x v=0.1")],
        &["0:x 12 11..12 2"],
    );
    check(&sum, &[("a", 0, "u=x v=many"), ("a", 1, "u=x v=5"), ("a", 2, "u=x v=-9")], &["0:x 1 1..1 1"]);
    let average = rule("value_avg", "a", "  condition: {field: v, gt: 2}");
    check(&average, &[("a", 0, "u=x v=9"), ("a", 1, "u=x v=0"), ("a", 2, "u=x v=0")], &["0:x 2 0..2 3"]);
    check(&average, &[("a", 0, "u=x v=6"), ("a", 1, "u=x v=0"), ("a", 2, "u=x v=0")], &[]);
    // Nearest rank: of 1..=4 the 75th percentile is the third value.
    let third = rule("value_percentile", "a", "  condition: {field: v, percentile: 75, eq: 3}");
    let four = [("a", 0, "u=x v=4"), ("a", 1, "u=x v=1"), ("a", 2, "u=x v=3"), ("a", 3, "u=x v=2")];
    check(&third, &four, &["0:x 3 0..3 4"]);
}

#[test]
fn temporal_in_any_order() {
    let both = rule("temporal", "a, b", "");
    check(&both, &[("b", 0, "u=x"), ("a", 10, "u=x")], &["0:x 10 0..10 2"]);
    check(&both, &[("b", 0, "u=x"), ("a", 11, "u=x")], &[]);
    check(&both, &[("b", 0, "u=x"), ("a", 1, "u=y")], &[]);
    check(&both, &[("a+b", 0, "u=x")], &["0:x 0 0..0 2"]);
    let two_of_three = rule("temporal", "a, b, c", "  condition: {gte: 2}");
    check(&two_of_three, &[("a", 0, "u=x"), ("a", 1, "u=x"), ("c", 2, "u=x")], &["0:x 2 0..2 3"]);
    let without = rule("temporal", "a, b", "  condition: a and not b");
    check(&without, &[("a", 0, "u=x"), ("b", 10, "u=x")], &[]);
    check(&without, &[("a", 0, "u=x"), ("b", 11, "u=x")], &["0:x 0 0..0 1"]);
}

#[test]
fn temporal_in_order() {
    let ordered = rule("temporal_ordered", "a, b", "");
    check(&ordered, &[("a", 0, "u=x"), ("b", 10, "u=x")], &["0:x 10 0..10 2"]);
    check(&ordered, &[("b", 0, "u=x"), ("a", 1, "u=x")], &[]);
    // Equal times are in order, but one event cannot follow itself.
    check(&ordered, &[("b", 5, "u=x"), ("a", 5, "u=x")], &["0:x 5 5..5 2"]);
    check(&ordered, &[("a+b", 5, "u=x")], &[]);
    check(&ordered, &[("a+b", 5, "u=x"), ("a", 5, "u=x")], &["0:x 5 5..5 3"]);
    // The first a is too old for the b at 15, the second is not.
    check(&ordered, &[("a", 0, "u=x"), ("a", 6, "u=x"), ("b", 15, "u=x")], &["0:x 15 6..15 2"]);
    check(&ordered, &[("a", 0, "u=x"), ("b", 11, "u=x")], &[]);
    let twice = rule("temporal_ordered", "a, b, a", "");
    check(&twice, &[("a", 0, "u=x"), ("b", 1, "u=x")], &[]);
    check(&twice, &[("a", 0, "u=x"), ("b", 1, "u=x"), ("a", 2, "u=x")], &["0:x 2 0..2 3"]);
    let some = rule("temporal_ordered", "a, b, c", "  condition: a and (b or c)");
    check(&some, &[("b", 0, "u=x"), ("a", 1, "u=x"), ("c", 2, "u=x")], &["0:x 2 0..2 3"]);
    check(&some, &[("b", 0, "u=x"), ("c", 1, "u=x"), ("a", 2, "u=x")], &[]);
    let two = rule("temporal_ordered", "a, b, c", "  condition: {gte: 2}");
    check(&two, &[("c", 0, "u=x"), ("b", 1, "u=x"), ("a", 2, "u=x")], &[]);
    check(&two, &[("c", 0, "u=x"), ("a", 1, "u=x"), ("b", 2, "u=x")], &["0:x 2 0..2 3"]);
}

#[test]
fn aliases_name_other_fields_of_each_rule() {
    let text = "title: t\ncorrelation:\n  type: temporal\n  rules: [aa, bb]\n  group-by: [ip]\n  timespan: 10s\n  \
                aliases: {ip: {aa: src, bb: dst}}";
    check(text, &[("a", 0, "src=1 dst=9"), ("b", 1, "src=9 dst=1")], &["0:1 1 0..1 2"]);
    check(text, &[("a", 0, "src=1"), ("b", 1, "src=1")], &[]);
}

#[test]
fn correlations_of_correlations() {
    let text = "title: success after failures\ncorrelation:\n  type: temporal_ordered\n  rules: [many, b]\n  \
                group-by: [u]\n  timespan: 1h\n---\ntitle: many\nid: many\ncorrelation:\n  type: event_count\n  \
                rules: [a]\n  group-by: [host]\n  timespan: 10s\n  condition: {gte: 3}";
    // The inner correlation groups by host and fires at 2; the outer goes by user alone.
    let failures = [("a", 0, "u=x host=h"), ("a", 1, "u=x host=h"), ("a", 2, "u=x host=h")];
    let then = |user: &'static str| [&failures[..], &[("b", 60, user)]].concat();
    check(text, &then("u=x host=i"), &["1:h 2 0..2 3", "0:x 60 2..60 4"]);
    check(text, &then("u=y host=h"), &["1:h 2 0..2 3"]);
    let outcome = run(text, &seconds(&then("u=x")), &Limits::default());
    let alerts: Vec<(usize, bool)> = outcome.occurrences.iter().map(|o| (o.correlation, o.alerts)).collect();
    assert_eq!(alerts, [(1, false), (0, true)]);
}

#[test]
fn cycles_and_towers_are_refused() {
    let link = |id: &str, to: &str| {
        format!(
            "title: t\nid: {id}\ncorrelation: {{type: event_count, rules: [{to}], timespan: 1s, condition: {{gte: 1}}}}\n---\n"
        )
    };
    let outcome = run(&[link("p", "q"), link("q", "p"), link("s", "a")].concat(), "a@0", &Limits::default());
    assert_eq!(shown(&outcome), ["2: 0 0..0 1"]);
    assert_eq!(outcome.errors.len(), 2);
    let tower: Vec<String> = (0..40)
        .map(|n| link(&format!("t{n}"), &if n == 0 { "a".to_owned() } else { format!("t{}", n - 1) }))
        .collect();
    let outcome = run(&tower.concat(), "a@0", &Limits::default());
    assert_eq!((outcome.occurrences.len(), outcome.errors.len()), (33, 7));
}

#[test]
fn memory_is_bounded_and_what_was_dropped_is_counted() {
    let one = rule("event_count", "a", "  condition: {gte: 1}");
    let limits = Limits { groups: 2, kept: 2, ..Limits::default() };
    let outcome = run(&one, "a@0 u=x\na@1 u=x\na@2 u=x\na@3 u=y\na@4 u=z", &limits);
    assert_eq!(outcome.diagnoses[0].over_limit, 1);
    let kept: Vec<(usize, u64)> = outcome.occurrences.iter().map(|o| (o.matches.len(), o.more)).collect();
    assert_eq!(kept, [(2, 1), (1, 0)]);
}

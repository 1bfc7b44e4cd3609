//! The language of claims: mistakes are named with their place, and conditions mean what the documentation says.

use hinomi_model::Timestamp;
use serde_json::{Value, json};

use crate::Outcome;

use super::document::Document;
use super::judgement::{Because, Exemption, Judgement};
use super::pack::Pack;

const KIND: &str = "
kinds:
  - id: k
    title: {en: K, ja: K}
    recognise: {at: /items, exists: true}
    label: /name
    parts: {items: {at: /items, list: true, failed: {some: /failed/*, is: items}}, extra: {at: /extra}}
";

fn with_claim(claim: &str) -> String {
    format!("{KIND}\nclaims:\n  - {{id: c, title: {{en: c, ja: c}}, rationale: {{en: c, ja: c}}, {claim}}}\n")
}

fn judged(claim: &str, documents: &[Value]) -> Vec<Judgement> {
    judged_with(claim, documents, &[])
}

fn judged_with(claim: &str, documents: &[Value], exemptions: &[Exemption]) -> Vec<Judgement> {
    let text = with_claim(claim);
    let pack = Pack::parse(&[("c.yaml", &text)]).unwrap_or_else(|mistakes| panic!("{claim}: {mistakes:#?}"));
    let named = |(i, value): (usize, &Value)| Document::new(&format!("d{i}"), value.clone());
    let documents: Vec<Document> = documents.iter().enumerate().map(named).collect();
    pack.judge(&documents, exemptions, Timestamp::parse_iso(b"2026-04-01T00:00:00Z", true).unwrap())
}

/// The outcome for the whole document.
fn whole(require: &str, document: Value) -> Outcome {
    let judged = judged(&format!("once: $items, require: {require}"), &[document]);
    assert_eq!(judged.len(), 1);
    judged[0].outcome
}

/// What stands in a claim, and what is said about it.
const MISTAKES: &[(&str, &str)] = &[
    ("each: $items/*", "/claims/0: `require` is missing"),
    ("each: $items/*, require: {at: /a}", "/claims/0/require: no check is given: say what the value must be"),
    (
        "each: $items/*, require: {at: /a, iss: 1}",
        "/claims/0/require/iss: `iss` means nothing here; known are is, ",
    ),
    (
        "each: $items/*, require: {at: /a/*, is: 1}",
        "/claims/0/require/at: `/a/*` leads to many values: say `some`, ",
    ),
    (
        "each: $items/*, require: {at: a, is: 1}",
        "/claims/0/require/at: `a` is no path: a path begins with / or ",
    ),
    ("each: $items/*, require: {at: /a, matches: '('}", "/claims/0/require/matches: no usable pattern: "),
    (
        "each: $items/*, require: {at: /a, matches: 'a{9999}{9999}'}",
        "/claims/0/require/matches: no usable pattern: ",
    ),
    (
        "each: $items/*, require: {at: /a, some: /b, is: 1}",
        "/claims/0/require: exactly one of all, any, not, ",
    ),
    ("each: $items/*, require: {all: []}", "/claims/0/require/all: no check is given: the list is empty"),
    (
        "each: $items/*, require: {use: nothing}",
        "/claims/0/require/use: no condition defined before is named `nothing`",
    ),
    ("each: $items/*, require: {at: /a, in: {list: l}}", "/claims/0/require/in/list: no list is named `l`"),
    (
        "each: $items/*, require: {at: /a, exists: false}",
        "/claims/0/require/exists: `exists` is for recognising",
    ),
    (
        "each: $items/*, require: {not: {some: /a/*, exists: true}}",
        "/claims/0/require/not/exists: `exists` is ",
    ),
    (
        "each: $items/*, require: {values: /a}",
        "/claims/0/require: exactly one of within, covers, apart_from must",
    ),
    (
        "each: $items/*, require: {count: /a}",
        "/claims/0/require: no check is given: say at_least, at_most or equals",
    ),
    ("each: $items/*, require: {at: /a, at_most: many}", "/claims/0/require/at_most: expected a number"),
    ("each: /items/*, require: {at: /a, is: 1}", "/claims/0: expected a population that begins at a part"),
    (
        "once: $items, each: $items/*, require: {at: /a, is: 1}",
        "/claims/0: exactly one of each, once must be given",
    ),
    (
        "each: $items/*, whre: {at: /a, is: 1}, require: {at: /a, is: 1}",
        "/claims/0: `whre` means nothing here; ",
    ),
    ("each: $itms/*, require: {at: /a, is: 1}", "claim c: no part of any kind of document is named `itms`"),
    ("each: $items/*, when_none: fine, require: {at: /a, is: 1}", "/claims/0/when_none: expected an outcome"),
];

#[test]
fn mistakes_are_named_with_file_place_and_reason() {
    for (claim, expected) in MISTAKES {
        let text = with_claim(claim);
        let mistakes = Pack::parse(&[("c.yaml", &text)]).err().unwrap_or_else(|| panic!("accepted: {claim}"));
        let said = mistakes[0].to_string();
        assert!(
            said.starts_with(&format!("c.yaml: {expected}")),
            "{claim}\n  said {said}\n  not  {expected}"
        );
    }
    let said = Pack::parse(&[("c.yaml", "claims: [")]).unwrap_err()[0].to_string();
    assert!(said.starts_with("c.yaml: : not YAML: "), "{said}");
}

#[test]
fn files_cannot_explode() {
    let deep = format!("{}{{at: /a, is: 1}}{}", "{not: ".repeat(14), "}".repeat(14));
    let text = with_claim(&format!("each: $items/*, require: {deep}"));
    assert!(
        Pack::parse(&[("c", &text)]).unwrap_err()[0].to_string().contains("conditions inside one another")
    );
    let mut doubled = String::from("define:\n  - {name: n0, means: {at: /a, is: 1}}\n");
    for i in 1..14 {
        doubled += &format!("  - {{name: n{i}, means: {{all: [{{use: n{0}}}, {{use: n{0}}}]}}}}\n", i - 1);
    }
    assert!(
        Pack::parse(&[("c", &doubled)]).unwrap_err()[0].to_string().contains("more than 2000 conditions")
    );
    let itself = "define:\n  - {name: n, means: {not: {use: n}}}\n";
    assert!(
        Pack::parse(&[("c", itself)]).unwrap_err()[0]
            .to_string()
            .contains("no condition defined before is named `n`")
    );
}

#[test]
fn absence_is_unknown_under_every_condition() {
    let item = json!({"items": [{"b": 1}]});
    for require in [
        "{some: $items/*, satisfies: {at: /a, is: 1}}",
        "{every: $items/*, satisfies: {at: /a, is_not: 1}}",
        "{no: $items/*, satisfies: {at: /a, is: 1}}",
        "{not: {some: $items/*, satisfies: {at: /a, empty: true}}}",
        "{every: $items/*/a, not_matches: x}",
        "{no: $items/*/a/*, has: x}",
        "{count: $items/*, where: {at: /a, is: 1}, equals: 0}",
        "{count: $items/*/a/*, at_most: 5}",
        "{values: $items/*/a, within: [x]}",
        "{values: $items/*/a, apart_from: [x]}",
        "{values: $items/*/a, covers: [x]}",
        "{values: $items/*/b, within: {values: $items/*/a}}",
        "{at: $extra/on, is: true}",
    ] {
        assert_eq!(whole(require, item.clone()), Outcome::Unknown, "{require}");
    }
}

#[test]
fn what_is_known_decides_past_what_is_not() {
    let items = json!({"items": [{"a": 1}, {"b": 1}, {"a": 2}]});
    assert_eq!(whole("{some: $items/*, satisfies: {at: /a, is: 1}}", items.clone()), Outcome::Supported);
    assert_eq!(whole("{every: $items/*, satisfies: {at: /a, is: 1}}", items.clone()), Outcome::Contradicted);
    assert_eq!(
        whole("{count: $items/*, where: {at: /a, is: 1}, at_least: 1}", items.clone()),
        Outcome::Supported
    );
    assert_eq!(
        whole("{count: $items/*, where: {at: /a, is: 1}, at_least: 2}", items.clone()),
        Outcome::Unknown
    );
    assert_eq!(
        whole("{count: $items/*, where: {at: /a, is: 1}, at_least: 3}", items.clone()),
        Outcome::Contradicted
    );
    assert_eq!(
        whole("{count: $items/*, where: {at: /a, is: 1}, equals: 0}", items.clone()),
        Outcome::Contradicted
    );
    assert_eq!(whole("{values: $items/*/a, within: ['1']}", items.clone()), Outcome::Contradicted);
    assert_eq!(whole("{values: $items/*/a, covers: ['1']}", items), Outcome::Supported);
}

#[test]
fn empty_lists_and_nothing_are_answers() {
    let items = || json!({"items": [{"list": [], "nothing": null}]});
    assert_eq!(whole("{some: $items/*/list/*, is: 1}", items()), Outcome::Contradicted);
    assert_eq!(whole("{no: $items/*/nothing/*, is: 1}", items()), Outcome::Supported);
    assert_eq!(whole("{values: $items/*/list/*, within: []}", items()), Outcome::Supported);
    assert_eq!(whole("{every: $items/*/nothing/deeper, empty: true}", items()), Outcome::Supported);
    assert_eq!(whole("{count: $items/*/list/*, equals: 0}", items()), Outcome::Supported);
}

#[test]
fn sets_counts_and_distinct_values() {
    let items = || json!({"items": [{"on": true, "roles": ["x", "y"]}, {"on": true, "roles": "z"}, {"on": false, "roles": ["q"]}]});
    let covered = "values: $items/*, where: {at: /on, is: true}, take: /roles/*";
    assert_eq!(whole(&format!("{{{covered}, covers: [x, z]}}"), items()), Outcome::Supported);
    assert_eq!(whole(&format!("{{{covered}, covers: [x, q]}}"), items()), Outcome::Contradicted);
    assert_eq!(whole(&format!("{{{covered}, apart_from: [q]}}"), items()), Outcome::Supported);
    assert_eq!(
        whole(&format!("{{{covered}, within: {{union: [[x, y], {{values: $items/*/roles/*}}]}}}}"), items()),
        Outcome::Supported
    );
    assert_eq!(whole("{count: $items/*, distinct: /on, equals: 2}", items()), Outcome::Supported);
    assert_eq!(
        whole("{count: $items/*, at_most: {count: $items/*, where: {at: /on, is: true}}}", items()),
        Outcome::Contradicted
    );
}

#[test]
fn populations_are_chosen_labelled_ranked_and_never_silently_empty() {
    let items = json!({"name": "Minato", "items": [
        {"id": "a", "kind": "x", "rank": 1, "on": false}, {"id": "a", "kind": "x", "rank": 2, "on": true},
        {"id": "b", "kind": "x", "rank": 1, "on": false}, {"id": "c", "kind": "y", "rank": 9, "on": false}, {"id": "d"}]});
    let claim = "each: $items/*, where: {at: /kind, is: x}, label: /id, one_per: /id, highest: /rank, require: {at: /on, is: true}";
    let found: Vec<(String, Outcome)> = judged(claim, std::slice::from_ref(&items))
        .into_iter()
        .map(|one| (one.subject.label, one.outcome))
        .collect();
    let expected = [("a", Outcome::Supported), ("b", Outcome::Contradicted), ("d", Outcome::Unknown)];
    assert_eq!(found, expected.map(|(label, outcome)| (label.to_owned(), outcome)));
    let none = judged(
        "each: $items/*, where: {at: /kind, is: z}, require: {at: /on, is: true}",
        &[json!({"items": []})],
    );
    assert_eq!(none[0].outcome, Outcome::Unknown);
    let none = "each: $items/*, when_none: supported, require: {at: /on, is: true}";
    assert_eq!(judged(none, &[json!({"items": []})])[0].outcome, Outcome::Supported);
    assert_eq!(
        judged(none, &[json!({"items": [], "failed": "items"})])[0].outcome,
        Outcome::Unknown,
        "not collected"
    );
    let once = judged("once: $items, require: {some: $items/*, satisfies: {at: /on, is: true}}", &[items]);
    assert_eq!(once[0].subject.label, "Minato");
}

#[test]
fn parts_come_from_the_same_document_or_the_only_other_one() {
    let claim = "once: $items, require: {at: $extra/on, is: true}";
    let (items, extra) = (json!({"items": []}), |on: bool| json!({"items": [], "extra": {"on": on}}));
    let outcomes =
        |documents: &[Value]| judged(claim, documents).iter().map(|one| one.outcome).collect::<Vec<_>>();
    assert_eq!(outcomes(&[extra(true)]), [Outcome::Supported]);
    assert_eq!(
        outcomes(&[extra(true), extra(false)]),
        [Outcome::Supported, Outcome::Contradicted],
        "each its own"
    );
    let judged = judged(claim, &[items]);
    assert!(
        matches!(&judged[0].because[0], Because::Absent { pointer, .. } if pointer == "/extra"),
        "{judged:?}"
    );
}

#[test]
fn a_judgement_cites_the_value_that_decided_and_the_nearest_miss_comes_first() {
    let claim = "once: $items, require: {some: $items/*, satisfies: {all: [{at: /a, is: 1}, {at: /b, is: 1}, {at: /c, is: 1}]}}";
    let judged = judged(
        claim,
        &[json!({"items": [{"a": 2, "b": 2, "c": 2}, {"a": 1, "b": "long".repeat(99), "c": 1}]})],
    );
    let Because::Found { place, expected, met } = &judged[0].because[0] else { panic!("{judged:?}") };
    assert_eq!(
        (place.document.as_str(), place.pointer.as_str(), expected.as_str(), *met),
        ("d0", "/items/1/b", "is 1", false)
    );
    assert!(
        place.shown.starts_with("\"longlong")
            && place.shown.ends_with('…')
            && place.shown.chars().count() == 161
    );
    assert_eq!(judged[0].because.len(), 4);
}

#[test]
fn members_of_sets_cite_where_they_stand_or_that_they_stand_nowhere() {
    let claim = "once: $items, require: {values: $items/*/role, covers: [x, z]}";
    let judged = judged(claim, &[json!({"items": [{"role": "y"}, {"role": "x"}]})]);
    let missing = Because::Member {
        document: "d0".to_owned(),
        member: "z".to_owned(),
        expected: "covers [x, z]".to_owned(),
        met: false,
    };
    assert_eq!(judged[0].because, [missing]);
    let covered = self::judged(claim, &[json!({"items": [{"role": "z"}, {"role": "x"}]})]);
    let places: Vec<&str> = covered[0]
        .because
        .iter()
        .map(|because| match because {
            Because::Found { place, met: true, .. } => place.pointer.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(places, ["/items/1/role", "/items/0/role"]);
}

#[test]
fn exceptions_soften_a_contradiction_and_never_what_is_unknown() {
    let claim = "once: $items, require: {values: $items/*/out/*, within: {exempt: users}}";
    let exemption = |value: &str, until: &[u8]| Exemption {
        claim: "c".to_owned(),
        scope: "users".to_owned(),
        value: value.to_owned(),
        until: Timestamp::parse_iso(until, true).unwrap(),
    };
    let (valid, ended) = (exemption("u1", b"2026-04-01T00:00:00Z"), exemption("u2", b"2026-03-31T00:00:00Z"));
    let outcome = |out: Value, exemptions: &[Exemption]| {
        judged_with(claim, &[json!({"items": [{"out": out}]})], exemptions)[0].outcome
    };
    assert_eq!(outcome(json!([]), &[]), Outcome::Supported);
    assert_eq!(outcome(json!(["u1"]), &[]), Outcome::Contradicted);
    assert_eq!(outcome(json!(["u1"]), std::slice::from_ref(&valid)), Outcome::Excepted);
    assert_eq!(outcome(json!(["u1", "u2"]), std::slice::from_ref(&valid)), Outcome::Contradicted);
    assert_eq!(outcome(json!(["u1", "u2"]), &[valid.clone(), ended]), Outcome::ExpiredException);
    let absent = judged_with(claim, &[json!({"items": [{}]})], &[valid]);
    assert_eq!(absent[0].outcome, Outcome::Unknown);
}

#[test]
fn a_claim_that_would_take_too_much_work_is_unknown_as_a_whole() {
    let items: Vec<Value> = (0..400).map(|i| json!({"a": i})).collect();
    let claim = "each: $items/*, require: {every: $items/*, satisfies: {every: $items/*, satisfies: {at: /a, at_least: 0}}}";
    let judged = judged(claim, &[json!({"items": items})]);
    assert_eq!(judged.len(), 1, "half of a population must not look like the whole");
    assert_eq!((judged[0].outcome, &judged[0].because[..]), (Outcome::Unknown, &[Because::TooMuchWork][..]));
}

//! Random trees written as rules read back as the same trees, and no text makes the parser panic.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use hinomi_detect::sigma::{
    Document, Placeholders, Search, parse_documents, parse_documents_with, rule_tests,
};
use hinomi_testkit::{random, sigma_text};
use proptest::prelude::*;

fn conditions(text: &str) -> Vec<Search> {
    let mut documents = parse_documents(text, "test");
    assert_eq!(documents.len(), 1, "{text}");
    match documents.remove(0) {
        Ok(Document::Rule(rule)) => rule.conditions,
        other => panic!("{text}: {other:?}"),
    }
}

/// Rules that use as much of the language as fits, for mutation.
const SEEDS: [&str; 3] = [
    "title: a\nid: b\nname: c\nlevel: high\ntags: [x, y]\nlogsource: {product: windows}\ndetection:\n  \
     sel: &s\n    A|contains|all: ['x*', \"y\\n\"]\n    B|re|i: '^a(b|c){2,3}[[:alpha:]\\d-]+$'\n    \
     C|windash|base64offset|contains: ' -x'\n    D|cidr: 10.0.0.0/8\n  other: [*s, {E|gte: 5}]\n  \
     kw:\n    - foo\n    - bar\n  '_x':\n    F|expand: '%p%'\n  condition:\n    - sel and not 1 of o*\n    \
     - (kw or all of them)\n",
    "title: a\ncorrelation:\n  type: value_percentile\n  rules: [a, b]\n  group-by: [x]\n  timespan: 5m\n  \
     aliases: {u: {a: x, b: y}}\n  condition: {field: v, gte: 5, percentile: 95}\n---\naction: global\n\
     title: g\n---\ntitle: f\nlogsource: {category: x}\nfilter:\n  rules: any\n  s: {U: v}\n  condition: not s\n",
    "title: t\nhinomi:\n  tests:\n    positive:\n      - name: a\n        events: [{a: 1, b: [x, null]}]\n    \
     benign:\n      - lines: |\n          x\n          y\n",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trees_survive_the_notation(search in random::search()) {
        let text = sigma_text::rule_text(&search);
        prop_assert_eq!(conditions(&text), [search], "{}", text);
    }

    #[test]
    fn mutated_rules_never_panic(
        seed in 0..SEEDS.len(),
        cuts in proptest::collection::vec((0..2000usize, 0..12usize, "[ \\t\\n\\-:{}\\[\\],*&!|>'\"%#@`?\\\\a-c0-9é]{0,6}"), 0..6),
    ) {
        let mut text: Vec<char> = SEEDS[seed].chars().collect();
        for (at, length, with) in cuts {
            let at = at % (text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, with.chars());
        }
        let text: String = text.into_iter().collect();
        let mut placeholders = Placeholders::default();
        placeholders.insert("p", ["x".to_owned(), "y*".to_owned()]);
        let _ = parse_documents_with(&text, "test", &placeholders);
        let _ = rule_tests(&text);
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>(), value in any::<String>()) {
        let _ = parse_documents(&text, "test");
        let quoted = value.replace('\'', "''");
        for key in ["A", "A|re", "A|cidr", "A|windash|contains", "A|wide|base64offset|contains", "A|gt", "A|expand"] {
            let rule = format!("title: t\nlogsource: {{product: p}}\ndetection:\n  s:\n    {key}: '{quoted}'\n  condition: s\n");
            let _ = parse_documents(&rule, "test");
        }
        let rule = format!("title: t\nlogsource: {{product: p}}\ndetection:\n  s: [a]\n  condition: '{quoted}'\n");
        let _ = parse_documents(&rule, "test");
    }
}

#[test]
fn explosions_are_bounded() {
    let many_values = (0..3000).map(|n| format!("v{n}")).collect::<Vec<_>>().join(",");
    let selections = (0..500).map(|n| format!("  s{n}: {{A: *v}}\n")).collect::<Vec<_>>().concat();
    let conditions = "    - 1 of s* or all of them\n".repeat(250);
    let text = format!(
        "title: t\nlogsource: {{product: p}}\nvalues: &v [{many_values}]\ndetection:\n{selections}  condition:\n{conditions}"
    );
    let result = parse_documents(&text, "test");
    assert!(result.iter().all(Result::is_err), "{result:?}");
    let nested = format!("{}a{}", "(".repeat(60), ")".repeat(60));
    let rule = |condition: &str| {
        format!("title: t\nlogsource: {{product: p}}\ndetection:\n  a: [x]\n  condition: '{condition}'\n")
    };
    assert!(parse_documents(&rule(&nested), "test")[0].is_ok());
    assert!(parse_documents(&rule(&"not ".repeat(100_000)), "test")[0].is_err());
}

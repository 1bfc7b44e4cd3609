//! The cases a rule brings along to prove itself: `hinomi.tests`.

use std::fmt::Write as _;

use super::document::text;
use super::yaml::{self, Content, Node, Scalar};

/// One case: input that must, or must not, make the rule fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTest {
    /// Id of the document the case belongs to, as in [`super::Meta::id`].
    pub rule: String,
    /// What the case shows.
    pub name: String,
    /// The rule must fire (`positive`), or must not (`benign`).
    pub positive: bool,
    /// Events, each as JSON text.
    pub events: Vec<String>,
    /// Raw lines as a source writes them.
    pub lines: Option<String>,
}

/// The cases of every document of a rule file. A case that is neither events nor lines is returned empty, so that
/// whoever runs it sees the mistake.
pub fn rule_tests(content: &str) -> Vec<RuleTest> {
    let mut all = Vec::new();
    for document in yaml::documents(content).into_iter().flatten() {
        let id = ["id", "name", "title"].iter().find_map(|key| text(document.get(key))).unwrap_or_default();
        let Some(tests) = document.get("hinomi").and_then(|extension| extension.get("tests")) else {
            continue;
        };
        for (key, positive) in [("positive", true), ("benign", false)] {
            let cases = tests.get(key).filter(|node| !node.is_null());
            all.extend(
                cases.map(Node::elements).unwrap_or_default().iter().map(|node| case(node, &id, positive)),
            );
        }
    }
    all
}

fn case(node: &Node<'_>, rule: &str, positive: bool) -> RuleTest {
    let events = node.get("events").filter(|events| !events.is_null());
    let lines = node.get("lines").filter(|lines| !lines.is_null()).map(|lines| {
        let each = lines.elements().iter().filter_map(Node::scalar).map(|s| s.text.trim_end_matches('\n'));
        each.flat_map(|line| [line, "\n"]).collect()
    });
    RuleTest {
        rule: rule.to_owned(),
        name: text(node.get("name")).unwrap_or_default(),
        positive,
        events: events.map(Node::elements).unwrap_or_default().iter().map(event).collect(),
        lines,
    }
}

/// A map as JSON; a scalar is JSON text already.
fn event(node: &Node<'_>) -> String {
    if let Some(scalar) = node.scalar() {
        return scalar.text.to_string();
    }
    let mut out = String::new();
    json(node, &mut out);
    out
}

fn json(node: &Node<'_>, out: &mut String) {
    match &node.content {
        Content::Scalar(scalar) => json_scalar(scalar, out),
        Content::List(nodes) => {
            out.push('[');
            for (at, node) in nodes.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                json(node, out);
            }
            out.push(']');
        }
        Content::Map(entries) => {
            out.push('{');
            for (at, entry) in entries.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                json_text(&entry.key, out);
                out.push(':');
                json(&entry.value, out);
            }
            out.push('}');
        }
    }
}

/// Plain scalars that JSON writes the same way keep their type.
fn json_scalar(scalar: &Scalar<'_>, out: &mut String) {
    let text = &*scalar.text;
    if scalar.is_null() {
        out.push_str("null");
    } else if scalar.plain && (matches!(text, "true" | "false") || is_json_number(text)) {
        out.push_str(text);
    } else {
        json_text(text, out);
    }
}

/// The grammar of RFC 8259, section 6.
fn is_json_number(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

fn json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0'..='\x1f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_become_json_and_lines() {
        let tests = rule_tests(
            r#"
id: r1
hinomi:
  tests:
    positive:
      - name: one
        events:
          - {EventID: 4688, Image: 'C:\a"b', Ok: true, V: '1', N: null, L: [01, 1.5e3], M: {x: no}}
          - '{"raw":1}'
    benign:
      - name: two
        lines: |
          first
          second
      - name: three
        lines: [a, b]
"#,
        );
        assert_eq!(tests.len(), 3);
        assert!(tests[0].positive && !tests[1].positive);
        assert_eq!(
            tests[0].events,
            [
                r#"{"EventID":4688,"Image":"C:\\a\"b","Ok":true,"V":"1","N":null,"L":["01",1.5e3],"M":{"x":"no"}}"#,
                r#"{"raw":1}"#
            ]
        );
        assert_eq!(tests[1].lines.as_deref(), Some("first\nsecond\n"));
        assert_eq!(tests[2].lines.as_deref(), Some("a\nb\n"));
        assert_eq!((tests[0].rule.as_str(), tests[0].name.as_str()), ("r1", "one"));
    }
}

//! A search tree written as the YAML of a Sigma rule, one selection for every test.

use std::fmt::Write as _;

use hinomi_detect::sigma::{Comparison, Pattern, Patterns, Place, Regex, Search, Test, TimePart, Token};

/// A whole rule that means `search`. The tree must be one the parser can produce: `All` and `Any` have two
/// members at least, patterns have merged literals, keywords begin and end with a wildcard.
pub fn rule_text(search: &Search) -> String {
    let mut selections = Vec::new();
    let condition = condition(search, &mut selections);
    let mut out = String::from("title: random\nlogsource:\n  product: any\ndetection:\n");
    for (number, selection) in selections.iter().enumerate() {
        let _ = writeln!(out, "  s{number}:\n{selection}");
    }
    let _ = writeln!(out, "  condition: {condition}");
    out
}

fn condition(search: &Search, selections: &mut Vec<String>) -> String {
    let leaf = |text: String, selections: &mut Vec<String>| {
        selections.push(text);
        format!("s{}", selections.len() - 1)
    };
    match search {
        Search::All(parts) => joined(parts, " and ", selections),
        Search::Any(parts) => joined(parts, " or ", selections),
        Search::Not(inner) => format!("not {}", condition(inner, selections)),
        Search::Field(field, test) => leaf(field_text(field, test), selections),
        Search::Keyword(patterns) => {
            leaf(entry(if patterns.cased { "|cased" } else { "|contains" }, &values(patterns)), selections)
        }
        Search::KeywordRegex(regex) => {
            leaf(entry(&regex_key("", regex), &[quoted(&regex.pattern)]), selections)
        }
    }
}

fn joined(parts: &[Search], by: &str, selections: &mut Vec<String>) -> String {
    let parts: Vec<String> = parts.iter().map(|part| condition(part, selections)).collect();
    format!("({})", parts.join(by))
}

fn field_text(field: &str, test: &Test) -> String {
    match test {
        Test::Match(patterns) => {
            let key = if patterns.cased { format!("{field}|cased") } else { field.to_owned() };
            entry(&key, &values(patterns))
        }
        Test::Regex(regex) => entry(&regex_key(field, regex), &[quoted(&regex.pattern)]),
        Test::Cidr(networks) => {
            let texts: Vec<String> = networks.iter().map(|n| format!("{}/{}", n.address, n.prefix)).collect();
            entry(&format!("{field}|cidr"), &texts)
        }
        Test::Exists(truth) => format!("    {}: {truth}", quoted(&format!("{field}|exists"))),
        Test::Absent => format!("    {}: null", quoted(field)),
        Test::Compare(comparison, operand) => {
            entry(&format!("{field}|{}", comparison_name(*comparison)), &[operand.to_string()])
        }
        Test::FieldRef { other, place, cased } => {
            let place = match place {
                Place::Whole => "",
                Place::Start => "|startswith",
                Place::End => "|endswith",
                Place::Anywhere => "|contains",
            };
            let cased = if *cased { "|cased" } else { "" };
            entry(&format!("{field}|fieldref{place}{cased}"), &[quoted(other)])
        }
        Test::TimePart(part, comparison, operand) => {
            let part = match part {
                TimePart::Minute => "minute",
                TimePart::Hour => "hour",
                TimePart::Day => "day",
                TimePart::Week => "week",
                TimePart::Month => "month",
                TimePart::Year => "year",
            };
            let comparison = comparison.map(|c| format!("|{}", comparison_name(c))).unwrap_or_default();
            entry(&format!("{field}|{part}{comparison}"), &[operand.to_string()])
        }
    }
}

fn comparison_name(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "lt",
        Comparison::LessOrEqual => "lte",
        Comparison::Greater => "gt",
        Comparison::GreaterOrEqual => "gte",
    }
}

fn regex_key(field: &str, regex: &Regex) -> String {
    let flag = |on: bool, name: &'static str| if on { name } else { "" };
    let flags = [flag(regex.ignore_case, "|i"), flag(regex.multi_line, "|m"), flag(regex.dot_all, "|s")];
    format!("{field}|re{}", flags.concat())
}

fn entry(key: &str, values: &[String]) -> String {
    format!("    {}: [{}]", quoted(key), values.join(", "))
}

fn values(patterns: &Patterns) -> Vec<String> {
    patterns.any.iter().map(|pattern| quoted(&pattern_text(pattern))).collect()
}

fn pattern_text(pattern: &Pattern) -> String {
    let mut out = String::new();
    for token in &pattern.0 {
        match token {
            Token::Many => out.push('*'),
            Token::One => out.push('?'),
            Token::Literal(text) => {
                for c in text.chars() {
                    if matches!(c, '\\' | '*' | '?') {
                        out.push('\\');
                    }
                    out.push(c);
                }
            }
        }
    }
    out
}

/// A single-quoted YAML scalar. Line breaks are not supported.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

//! Parts of conditions in words close to the rule's own.

use hinomi_detect::sigma::{Comparison, Network, Pattern, Place, Search, Test, TimePart, Token};

use crate::document::Said2;

/// Values of a list that are shown.
const MOST: usize = 6;

/// What a part of a condition asks.
pub(super) fn of(search: &Search) -> Said2 {
    match search {
        Search::All(_) => Said2::new("all of", "すべて"),
        Search::Any(_) => Said2::new("any of", "いずれか"),
        Search::Not(_) => Said2::new("not", "次ではない"),
        Search::Keyword(patterns) => {
            let list = list(&patterns.any, pattern);
            Said2::new(format!("any value contains {list}"), format!("いずれかの値が {list} を含む"))
        }
        Search::KeywordRegex(regex) => {
            let regex = &regex.pattern;
            Said2::new(format!("any value matches /{regex}/"), format!("いずれかの値が /{regex}/ に一致"))
        }
        Search::Field(name, test) => of_field(name, test),
    }
}

fn of_field(name: &str, test: &Test) -> Said2 {
    let same = |text: String| Said2::new(text.clone(), text);
    match test {
        Test::Match(patterns) => same(format!("{name} = {}", list(&patterns.any, pattern))),
        Test::Regex(regex) => {
            let regex = &regex.pattern;
            Said2::new(format!("{name} matches /{regex}/"), format!("{name} が /{regex}/ に一致"))
        }
        Test::Cidr(networks) => {
            let list = list(networks, |n: &Network| format!("{}/{}", n.address, n.prefix));
            Said2::new(format!("{name} lies in {list}"), format!("{name} が {list} の範囲内"))
        }
        Test::Exists(true) => Said2::new(format!("{name} exists"), format!("{name} がある")),
        Test::Exists(false) => Said2::new(format!("{name} does not exist"), format!("{name} がない")),
        Test::Absent => Said2::new(format!("{name} is null or absent"), format!("{name} が null かない")),
        Test::Compare(comparison, number) => same(format!("{name} {} {number}", sign(Some(*comparison)))),
        Test::FieldRef { other, place, .. } => match place {
            Place::Whole => same(format!("{name} = {other}")),
            Place::Start => {
                Said2::new(format!("{name} starts with {other}"), format!("{name} が {other} の値で始まる"))
            }
            Place::End => {
                Said2::new(format!("{name} ends with {other}"), format!("{name} が {other} の値で終わる"))
            }
            Place::Anywhere => {
                Said2::new(format!("{name} contains {other}"), format!("{name} が {other} の値を含む"))
            }
        },
        Test::TimePart(part, comparison, number) => {
            let (en, ja) = match part {
                TimePart::Minute => ("minute", "分"),
                TimePart::Hour => ("hour", "時"),
                TimePart::Day => ("day", "日"),
                TimePart::Week => ("week", "週番号"),
                TimePart::Month => ("month", "月"),
                TimePart::Year => ("year", "年"),
            };
            let sign = sign(*comparison);
            Said2::new(format!("{en} of {name} {sign} {number}"), format!("{name} の{ja} {sign} {number}"))
        }
    }
}

fn sign(comparison: Option<Comparison>) -> &'static str {
    match comparison {
        Some(Comparison::Less) => "<",
        Some(Comparison::LessOrEqual) => "≤",
        Some(Comparison::Greater) => ">",
        Some(Comparison::GreaterOrEqual) => "≥",
        None => "=",
    }
}

fn pattern(pattern: &Pattern) -> String {
    let token = |token: &Token| match token {
        Token::Literal(text) => text.clone(),
        Token::Many => "*".to_owned(),
        Token::One => "?".to_owned(),
    };
    pattern.0.iter().map(token).collect()
}

fn list<T>(all: &[T], said: impl Fn(&T) -> String) -> String {
    let shown: Vec<String> = all.iter().take(MOST).map(said).collect();
    let more = all.len().saturating_sub(MOST);
    if more > 0 { format!("{} … +{more}", shown.join(" | ")) } else { shown.join(" | ") }
}

#[cfg(test)]
mod tests {
    use hinomi_detect::sigma::{Document, parse_documents};

    use super::*;

    #[test]
    fn every_test_is_told_in_both_languages() {
        for (field, en, ja) in [
            (
                "f|cidr: [10.0.0.0/8, 'fc00::/7']",
                "f lies in 10.0.0.0/8 | fc00::/7",
                "f が 10.0.0.0/8 | fc00::/7 の範囲内",
            ),
            ("f|gte: 5", "f ≥ 5", "f ≥ 5"),
            ("f|re: 'a+'", "f matches /a+/", "f が /a+/ に一致"),
            ("f|exists: false", "f does not exist", "f がない"),
            ("f: null", "f is null or absent", "f が null かない"),
            ("f|fieldref|startswith: g", "f starts with g", "f が g の値で始まる"),
            ("f|hour|lt: 6", "hour of f < 6", "f の時 < 6"),
            ("f|startswith: [a, b]", "f = a* | b*", "f = a* | b*"),
        ] {
            let rule = format!(
                "title: t\nid: r\nlogsource: {{product: x}}\ndetection:\n  s:\n    {field}\n  condition: s\n"
            );
            let rule = match parse_documents(&rule, "test").into_iter().next() {
                Some(Ok(Document::Rule(rule))) => rule,
                other => panic!("{field}: {other:?}"),
            };
            let mut search = &rule.conditions[0];
            while let Search::All(parts) | Search::Any(parts) = search {
                search = &parts[0];
            }
            let said = of(search);
            assert_eq!((said.en.as_str(), said.ja.as_str()), (en, ja), "{field}");
        }
    }
}

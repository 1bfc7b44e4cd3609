//! Random rules and events over so small an alphabet that matches happen.

use std::net::{IpAddr, Ipv4Addr};

use hinomi_detect::sigma::{
    Comparison, Network, Pattern, Patterns, Place, Regex, Search, Test, TimePart, Token,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::naive::{NaiveEvent, NaiveValue};

/// Names of the fields that rules test and events have.
pub const FIELDS: [&str; 4] = ["alpha", "beta", "Gamma", "delta.x"];

/// A tree of at most three levels.
pub fn search() -> impl Strategy<Value = Search> {
    leaf().prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Search::All),
            vec(inner.clone(), 2..4).prop_map(Search::Any),
            inner.prop_map(|inner| Search::Not(Box::new(inner))),
        ]
    })
}

/// An event with some of the fields.
pub fn event() -> impl Strategy<Value = NaiveEvent> {
    let values = prop_oneof![
        6 => value().prop_map(|text| vec![NaiveValue::Text(text)]),
        1 => Just(vec![NaiveValue::Null]),
        1 => vec(value().prop_map(NaiveValue::Text), 2..4),
    ];
    btree_map(select(&FIELDS[..]).prop_map(str::to_owned), values, 0..5).prop_map(NaiveEvent)
}

fn field() -> impl Strategy<Value = String> {
    select(&FIELDS[..]).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    let word = vec(select(&LETTERS[..]), 0..6).prop_map(|letters| letters.into_iter().collect::<String>());
    prop_oneof![
        6 => word,
        1 => (0..30i32).prop_map(|n| n.to_string()),
        1 => select(&["0x10", "-3", "2.5", "1e1", "nan", ""][..]).prop_map(str::to_owned),
        1 => (0..4u8, 0..4u8).prop_map(|(a, b)| format!("10.0.{a}.{b}")),
        1 => select(&["::1", "::ffff:10.0.1.1", "fe80::1"][..]).prop_map(str::to_owned),
        1 => (1..29u32, 0..24u32).prop_map(|(day, hour)| format!("2026-01-{day:02}T{hour:02}:30:00Z")),
    ]
}

const LETTERS: [char; 15] = ['a', 'A', 'b', 'B', 'c', 'é', 'É', 'ſ', 'S', 'İ', '\\', '*', '?', ' ', '-'];

fn leaf() -> impl Strategy<Value = Search> {
    let on_field = (field(), test()).prop_map(|(field, test)| Search::Field(field, test));
    let keyword = (vec(keyword_pattern(), 1..3), any::<bool>());
    prop_oneof![
        10 => on_field,
        1 => keyword.prop_map(|(any, cased)| Search::Keyword(Patterns { any, cased })),
        1 => regex().prop_map(Search::KeywordRegex),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    let patterns = (vec(pattern(), 1..4), any::<bool>()).prop_map(|(any, cased)| Patterns { any, cased });
    let place = select(&[Place::Whole, Place::Start, Place::End, Place::Anywhere][..]);
    let field_ref = (field(), place, any::<bool>());
    let part = (select(&PARTS[..]), proptest::option::of(comparison()), 1..13i64);
    prop_oneof![
        8 => patterns.prop_map(Test::Match),
        2 => regex().prop_map(Test::Regex),
        1 => vec(network(), 1..3).prop_map(Test::Cidr),
        1 => any::<bool>().prop_map(Test::Exists),
        1 => Just(Test::Absent),
        1 => (comparison(), -5..30i32).prop_map(|(c, n)| Test::Compare(c, f64::from(n))),
        1 => field_ref.prop_map(|(other, place, cased)| Test::FieldRef { other, place, cased }),
        1 => part.prop_map(|(part, comparison, number)| Test::TimePart(part, comparison, number)),
    ]
}

const PARTS: [TimePart; 6] =
    [TimePart::Minute, TimePart::Hour, TimePart::Day, TimePart::Week, TimePart::Month, TimePart::Year];

fn comparison() -> impl Strategy<Value = Comparison> {
    let all = [Comparison::Less, Comparison::LessOrEqual, Comparison::Greater, Comparison::GreaterOrEqual];
    proptest::sample::select(all.to_vec())
}

fn network() -> impl Strategy<Value = Network> {
    (0..4u8, select(&[24u8, 16, 8][..])).prop_map(|(third, prefix)| {
        let third = if prefix == 24 { third } else { 0 };
        Network { address: IpAddr::V4(Ipv4Addr::new(10, 0, third, 0)), prefix }
    })
}

fn regex() -> impl Strategy<Value = Regex> {
    let pattern = select(&["a.*b", "^a", "(?:ab|cé)+", "[^a]b", "b{2}", "A", "a|^c", "é.?a"][..]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (pattern, flags).prop_map(|(pattern, (ignore_case, multi_line, dot_all))| Regex {
        pattern: pattern.to_owned(),
        ignore_case,
        multi_line,
        dot_all,
    })
}

/// Tokens in the form the parser leaves: literals merged and not empty, no wildcard `*` beside another.
fn pattern() -> impl Strategy<Value = Pattern> {
    let token = prop_oneof![
        4 => vec(select(&LETTERS[..]), 1..4).prop_map(|l| Token::Literal(l.into_iter().collect())),
        2 => Just(Token::Many),
        1 => Just(Token::One),
    ];
    vec(token, 0..5).prop_map(normal)
}

fn normal(tokens: Vec<Token>) -> Pattern {
    let mut out: Vec<Token> = Vec::new();
    for token in tokens {
        match (out.last_mut(), token) {
            (Some(Token::Literal(last)), Token::Literal(more)) => last.push_str(&more),
            (Some(Token::Many), Token::Many) => {}
            (_, token) => out.push(token),
        }
    }
    Pattern(out)
}

fn keyword_pattern() -> impl Strategy<Value = Pattern> {
    pattern().prop_map(|Pattern(tokens)| {
        let with = [vec![Token::Many], tokens, vec![Token::Many]].concat();
        normal(with)
    })
}

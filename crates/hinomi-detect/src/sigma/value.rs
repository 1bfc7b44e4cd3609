//! One key of a map and its values to a test.

use std::net::IpAddr;

use super::ast::{Network, Pattern, Patterns, Regex, Search, Test, TimePart};
use super::error::{Fault, Problem, excerpt};
use super::modifier::{Join, Kind, Modifiers, Transform};
use super::pattern::{self, MAX_ALTERNATIVES, Text};
use super::pcre;
use super::placeholder::Placeholders;
use super::yaml::{Content, Entry, Node, Scalar};

/// What an entry of a map tests; `key` is `field|modifier|…`, and `|modifier…` tests keywords.
pub(crate) fn entry(entry: &Entry<'_>, placeholders: &Placeholders) -> Result<Search, Fault> {
    let (field, names) = entry.key.split_at(entry.key.find('|').unwrap_or(entry.key.len()));
    let modifiers = Modifiers::parse(&entry.key, names).map_err(|p| Fault::at(entry.line, p))?;
    if field.is_empty() && names.is_empty() {
        let shape = Problem::Shape { key: String::new(), expected: "the name of a field" };
        return Err(Fault::at(entry.line, shape));
    }
    let field = (!field.is_empty()).then_some(field);
    Item { key: &entry.key, field, modifiers, placeholders }.search(&entry.value)
}

/// A list of texts without a field.
pub(crate) fn keywords(nodes: &[&Node<'_>], placeholders: &Placeholders) -> Result<Search, Fault> {
    let modifiers = Modifiers::parse("", "").map_err(|problem| Fault { line: None, problem })?;
    let item = Item { key: "keywords", field: None, modifiers, placeholders };
    item.of_values(nodes.iter().copied())
}

/// Joins alternatives; one alone needs no joint.
pub(crate) fn any(mut all: Vec<Search>) -> Search {
    match all.len() {
        1 => all.pop().unwrap_or(Search::Any(Vec::new())),
        _ => Search::Any(all),
    }
}

/// Joins what must hold together; one alone needs no joint.
pub(crate) fn all(mut all: Vec<Search>) -> Search {
    match all.len() {
        1 => all.pop().unwrap_or(Search::All(Vec::new())),
        _ => Search::All(all),
    }
}

struct Item<'a> {
    key: &'a str,
    field: Option<&'a str>,
    modifiers: Modifiers,
    placeholders: &'a Placeholders,
}

/// One written value as a test.
enum Value {
    Patterns(Vec<Pattern>),
    Networks(Vec<Network>),
    Other(Test),
}

impl Item<'_> {
    fn search(&self, node: &Node<'_>) -> Result<Search, Fault> {
        let elements = node.elements();
        if elements.is_empty() {
            return Err(self.shape(node.line, "at least one value"));
        }
        if self.modifiers.kind == Kind::Exists && !matches!(node.content, Content::Scalar(_)) {
            return Err(self.shape(node.line, "one truth value"));
        }
        self.of_values(elements.iter())
    }

    fn of_values<'n>(&self, nodes: impl Iterator<Item = &'n Node<'n>>) -> Result<Search, Fault> {
        let mut values = Vec::new();
        for node in nodes {
            let scalar = node.scalar().ok_or_else(|| self.shape(node.line, "a value or a list of values"))?;
            values.push(self.value(scalar).map_err(|problem| Fault::at(node.line, problem))?);
        }
        let search = if self.modifiers.join == Join::All {
            all(values.into_iter().map(|value| self.test(value)).collect())
        } else {
            self.alternatives(values)
        };
        Ok(if self.modifiers.negated { Search::Not(Box::new(search)) } else { search })
    }

    /// Patterns and networks of all values share one test.
    fn alternatives(&self, values: Vec<Value>) -> Search {
        let (mut patterns, mut networks, mut others) = (None, None, Vec::new());
        for value in values {
            match value {
                Value::Patterns(more) => patterns.get_or_insert_with(Vec::new).extend(more),
                Value::Networks(more) => networks.get_or_insert_with(Vec::new).extend(more),
                Value::Other(test) => others.push(test),
            }
        }
        let mut tests: Vec<Search> = Vec::with_capacity(1 + others.len());
        tests.extend(patterns.map(|p| self.test(Value::Patterns(p))));
        tests.extend(networks.map(|n| self.test(Value::Networks(n))));
        tests.extend(others.into_iter().map(|test| self.test(Value::Other(test))));
        any(tests)
    }

    fn test(&self, value: Value) -> Search {
        let cased = self.modifiers.cased;
        let test = match (value, self.field) {
            (Value::Patterns(any), None) => return Search::Keyword(Patterns { any, cased }),
            (Value::Other(Test::Regex(regex)), None) => return Search::KeywordRegex(regex),
            (Value::Patterns(any), _) => Test::Match(Patterns { any, cased }),
            (Value::Networks(networks), _) => Test::Cidr(networks),
            (Value::Other(test), _) => test,
        };
        Search::Field(self.field.unwrap_or_default().to_owned(), test)
    }

    fn value(&self, scalar: &Scalar<'_>) -> Result<Value, Problem> {
        if self.field.is_none() {
            self.check_keyword(scalar)?;
        }
        let test = match self.modifiers.kind {
            Kind::Text => return self.text(scalar),
            Kind::Cidr => {
                let texts = self.expanded(scalar)?;
                let networks = texts.iter().map(|t| network(t).map_err(|r| self.refuse(t, r)));
                return networks.collect::<Result<_, _>>().map(Value::Networks);
            }
            Kind::Regex => {
                let flags = self.modifiers.regex;
                Test::Regex(Regex {
                    pattern: pcre::translate(self.not_null(scalar)?, flags.multi_line)?,
                    ignore_case: flags.ignore_case,
                    multi_line: flags.multi_line,
                    dot_all: flags.dot_all,
                })
            }
            Kind::Exists => {
                let truth = scalar.truth();
                Test::Exists(truth.ok_or_else(|| self.refuse(&scalar.text, "exists takes true or false"))?)
            }
            Kind::FieldRef => Test::FieldRef {
                other: self.not_null(scalar)?.to_owned(),
                place: self.modifiers.place(),
                cased: self.modifiers.cased,
            },
            Kind::Compare(comparison) => Test::Compare(comparison, self.number(scalar)?),
            Kind::Time(part, comparison) => {
                let number = self.number(scalar)?;
                let whole = number.fract() == 0.0 && number.abs() < 1e6;
                if !whole || (comparison.is_none() && !in_range(part, number)) {
                    return Err(self.refuse(&scalar.text, "outside the range of this part of a time"));
                }
                Test::TimePart(part, comparison, number as i64)
            }
        };
        Ok(Value::Other(test))
    }

    fn check_keyword(&self, scalar: &Scalar<'_>) -> Result<(), Problem> {
        if scalar.text.is_empty() || scalar.is_null() {
            return Err(self.refuse(&scalar.text, "a keyword is a text that is not empty"));
        }
        match self.modifiers.kind {
            Kind::Text | Kind::Regex => Ok(()),
            _ => Err(Problem::Modifiers { key: self.key.to_owned(), reason: "this test needs a field" }),
        }
    }

    fn text(&self, scalar: &Scalar<'_>) -> Result<Value, Problem> {
        if scalar.is_null() {
            let plain = self.modifiers.transforms.is_empty() && !self.modifiers.expand;
            let refused = || self.refuse("null", "null has no text to modify");
            return if plain { Ok(Value::Other(Test::Absent)) } else { Err(refused()) };
        }
        let mut texts: Vec<Text> =
            self.expanded(scalar)?.iter().map(|text| Text::Tokens(pattern::parse(text))).collect();
        for transform in &self.modifiers.transforms {
            let mut next = Vec::with_capacity(texts.len());
            for text in texts {
                next.extend(apply(*transform, text).map_err(|reason| self.refuse(&scalar.text, reason))?);
            }
            if next.len() > MAX_ALTERNATIVES {
                return Err(Problem::TooLarge { what: "alternatives of one value", limit: MAX_ALTERNATIVES });
            }
            texts = next;
        }
        let not_text = "in UTF-16 it is not text; add base64 or base64offset";
        let finish = |text| pattern::finish(text).ok_or_else(|| self.refuse(&scalar.text, not_text));
        let mut patterns = texts.into_iter().map(finish).collect::<Result<Vec<_>, _>>()?;
        if self.field.is_none() {
            // A keyword stands anywhere in the message.
            patterns = patterns
                .into_iter()
                .map(|p| Pattern(pattern::place(p.0, super::ast::Place::Anywhere)))
                .collect();
        }
        Ok(Value::Patterns(patterns))
    }

    fn expanded(&self, scalar: &Scalar<'_>) -> Result<Vec<String>, Problem> {
        let text = self.not_null(scalar)?;
        if self.modifiers.expand { self.placeholders.expand(text) } else { Ok(vec![text.to_owned()]) }
    }

    fn not_null<'s>(&self, scalar: &'s Scalar<'_>) -> Result<&'s str, Problem> {
        if scalar.is_null() {
            return Err(self.refuse("null", "the modifier needs a value"));
        }
        Ok(&scalar.text)
    }

    fn number(&self, scalar: &Scalar<'_>) -> Result<f64, Problem> {
        number(&scalar.text).ok_or_else(|| self.refuse(&scalar.text, "a number is needed"))
    }

    fn refuse(&self, value: &str, reason: &'static str) -> Problem {
        Problem::Value { key: self.key.to_owned(), value: excerpt(value), reason }
    }

    fn shape(&self, line: u32, expected: &'static str) -> Fault {
        Fault::at(line, Problem::Shape { key: self.key.to_owned(), expected })
    }
}

fn apply(transform: Transform, text: Text) -> Result<Vec<Text>, &'static str> {
    const NO_WILDCARDS: &str = "a value with wildcards cannot be encoded";
    match (transform, text) {
        (Transform::Windash, Text::Tokens(tokens)) => {
            let all = pattern::windash(&tokens).ok_or("too many dashes to permute")?;
            Ok(all.into_iter().map(Text::Tokens).collect())
        }
        (Transform::Utf16(order), text) => pattern::utf16(text, order).map(|t| vec![t]).ok_or(NO_WILDCARDS),
        (Transform::Base64, text) => pattern::base64(text).map(|t| vec![t]).ok_or(NO_WILDCARDS),
        (Transform::Base64Offset, text) => pattern::base64_offset(text).ok_or(NO_WILDCARDS),
        (Transform::Place(at), Text::Tokens(tokens)) => Ok(vec![Text::Tokens(pattern::place(tokens, at))]),
        (Transform::Place(at), text @ Text::Bytes(_)) => {
            let Pattern(tokens) =
                pattern::finish(text).ok_or("in UTF-16 it is not text; add base64 or base64offset")?;
            Ok(vec![Text::Tokens(pattern::place(tokens, at))])
        }
        (Transform::Windash, Text::Bytes(_)) => Err("windash stands before an encoding"),
    }
}

/// Decimal, `0x` or `0o`, as YAML writes numbers; infinite and undefined ones are refused.
pub(crate) fn number(text: &str) -> Option<f64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let based = |prefix, radix| digits.strip_prefix(prefix).map(|d| u64::from_str_radix(d, radix).ok());
    let value = match based("0x", 16).or_else(|| based("0o", 8)) {
        Some(value) => value? as f64,
        None if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => digits.parse().ok()?,
        None => return None,
    };
    value.is_finite().then_some(if negative { -value } else { value })
}

fn in_range(part: TimePart, number: f64) -> bool {
    let range = match part {
        TimePart::Minute => 0.0..=59.0,
        TimePart::Hour => 0.0..=23.0,
        TimePart::Day => 1.0..=31.0,
        TimePart::Week => 1.0..=53.0,
        TimePart::Month => 1.0..=12.0,
        TimePart::Year => 1.0..=9999.0,
    };
    range.contains(&number)
}

fn network(text: &str) -> Result<Network, &'static str> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.trim().parse().map_err(|_| "not an IP network")?;
    let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => bits,
        Some(text) => text.trim().parse().ok().filter(|p| *p <= bits).ok_or("the prefix is out of range")?,
    };
    let host_bits = match address {
        IpAddr::V4(a) => a.to_bits().checked_shl(u32::from(prefix)).unwrap_or(0) != 0,
        IpAddr::V6(a) => a.to_bits().checked_shl(u32::from(prefix)).unwrap_or(0) != 0,
    };
    if host_bits {
        return Err("bits after the prefix are set; write the network's own address");
    }
    Ok(Network { address, prefix })
}

//! Parses conditions. A condition is a map with one key that says what it is (`all`, `any`, `not`, `use`, `at`, `some`,
//! `every`, `no`, `count`, `values`) and the checks that go with it.

use std::collections::BTreeMap;

use regex::RegexBuilder;

use super::check::{Check, Relation};
use super::condition::{Condition, Number, Quantifier, Set, SetRelation};
use super::path::Path;
use super::reader::{Mistake, Parsed, Reader};

const HEADS: [&str; 10] = ["all", "any", "not", "use", "at", "some", "every", "no", "count", "values"];
const HEADS_SHOWN: &str = "all, any, not, use, at, some, every, no, count, values";
const CHECKS: [&str; 18] = [
    "is",
    "is_not",
    "in",
    "not_in",
    "has",
    "has_any",
    "has_none",
    "empty",
    "exists",
    "at_least",
    "at_most",
    "equals",
    "matches",
    "not_matches",
    "lasts_at_most_days",
    "older_than_days",
    "within_days",
    "past",
];
/// Deeper conditions are refused.
const MAX_DEPTH: usize = 12;
/// A condition of more parts, with what it uses put in, is refused.
const MAX_SIZE: usize = 2000;
const MAX_PATTERN: usize = 1 << 18;

/// What conditions of a file may refer to by name.
#[derive(Clone, Default, Debug)]
pub(super) struct Names {
    pub(super) conditions: BTreeMap<String, Condition>,
    pub(super) lists: BTreeMap<String, Vec<String>>,
}

/// Where a condition stands: absence may recognise or choose, but never satisfy a requirement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Choosing,
    Requiring,
}

pub(super) fn condition(reader: &Reader<'_>, names: &Names, purpose: Purpose) -> Parsed<Condition> {
    let parser = Parser { names, purpose };
    let parsed = parser.condition(reader, 0)?;
    if parsed.size() > MAX_SIZE {
        return reader.fail(Mistake::TooMany("conditions", MAX_SIZE));
    }
    Ok(parsed)
}

struct Parser<'n> {
    names: &'n Names,
    purpose: Purpose,
}

impl Parser<'_> {
    fn condition(&self, reader: &Reader<'_>, depth: usize) -> Parsed<Condition> {
        if depth > MAX_DEPTH {
            return reader.fail(Mistake::TooMany("conditions inside one another", MAX_DEPTH));
        }
        let heads: Vec<&str> =
            reader.map()?.keys().map(String::as_str).filter(|key| HEADS.contains(key)).collect();
        let [head] = heads.as_slice() else { return reader.fail(Mistake::OneOf(HEADS_SHOWN, heads.len())) };
        let Some(body) = reader.get(head) else { return reader.fail(Mistake::OneOf(HEADS_SHOWN, 0)) };
        match *head {
            "all" | "any" => {
                reader.only(&[head])?;
                let inner = body.items()?;
                let inner =
                    inner.iter().map(|one| self.condition(one, depth + 1)).collect::<Parsed<Vec<_>>>()?;
                if inner.is_empty() {
                    return body.fail(Mistake::NoCheck("the list is empty"));
                }
                Ok(if *head == "all" { Condition::All(inner) } else { Condition::Any(inner) })
            }
            "not" => {
                reader.only(&["not"])?;
                Ok(Condition::Not(Box::new(self.condition(&body, depth + 1)?)))
            }
            "use" => {
                reader.only(&["use"])?;
                self.named(&body)
            }
            "at" => self.at(reader, &body),
            "some" => self.among(Quantifier::Some, reader, &body, depth),
            "every" => self.among(Quantifier::Every, reader, &body, depth),
            "no" => self.among(Quantifier::No, reader, &body, depth),
            "count" => self.count(reader, depth),
            _ => self.set_relation(reader, depth),
        }
    }

    fn named(&self, body: &Reader<'_>) -> Parsed<Condition> {
        let name = body.text()?;
        match self.names.conditions.get(name) {
            Some(condition) => Ok(condition.clone()),
            None => body.fail(Mistake::UnknownName("condition defined before", name.to_owned())),
        }
    }

    fn at(&self, reader: &Reader<'_>, body: &Reader<'_>) -> Parsed<Condition> {
        let checks = self.checks(reader, "at")?;
        Ok(Condition::At(body.single_path()?, checks))
    }

    fn among(
        &self,
        quantifier: Quantifier,
        reader: &Reader<'_>,
        body: &Reader<'_>,
        depth: usize,
    ) -> Parsed<Condition> {
        let head = match quantifier {
            Quantifier::Some => "some",
            Quantifier::Every => "every",
            Quantifier::No => "no",
        };
        let path = body.path()?;
        let inner = if let Some(inner) = reader.get("satisfies") {
            reader.only(&[head, "satisfies"])?;
            self.condition(&inner, depth + 1)?
        } else {
            Condition::At(Path::item(), self.checks(reader, head)?)
        };
        Ok(Condition::Among(quantifier, path, Box::new(inner)))
    }

    fn checks(&self, reader: &Reader<'_>, head: &str) -> Parsed<Vec<Check>> {
        let mut checks = Vec::new();
        for (key, value) in reader.members()? {
            if key == head {
                continue;
            }
            if key == "exists" && self.purpose == Purpose::Requiring {
                return value.fail(Mistake::ExistsInRequirement);
            }
            checks.push(self.check(key, &value)?);
        }
        if checks.is_empty() {
            return reader.fail(Mistake::NoCheck("say what the value must be"));
        }
        Ok(checks)
    }

    fn check(&self, key: &str, value: &Reader<'_>) -> Parsed<Check> {
        Ok(match key {
            "is" => Check::Is(value.value.clone()),
            "is_not" => Check::IsNot(value.value.clone()),
            "in" => Check::In(self.list(value)?),
            "not_in" => Check::NotIn(self.list(value)?),
            "has" => Check::Has(self.list(value)?),
            "has_any" => Check::HasAny(self.list(value)?),
            "has_none" => Check::HasNone(self.list(value)?),
            "empty" => Check::Empty(value.flag()?),
            "exists" => Check::Exists(value.flag()?),
            "at_least" => Check::Compare(Relation::AtLeast, value.number()?),
            "at_most" => Check::Compare(Relation::AtMost, value.number()?),
            "equals" => Check::Compare(Relation::Exactly, value.number()?),
            "matches" => Check::Matches(pattern(value)?),
            "not_matches" => Check::NotMatches(pattern(value)?),
            "lasts_at_most_days" => Check::LastsAtMostDays(value.number()?),
            "older_than_days" => Check::OlderThanDays(value.number()? as i64),
            "within_days" => Check::WithinDays(value.number()? as i64),
            "past" => Check::Past(value.flag()?),
            other => {
                let known = [&CHECKS[..], &["satisfies"]].concat().join(", ");
                return value.fail(Mistake::UnknownKey(other.to_owned(), known));
            }
        })
    }

    /// A list, one bare value, or `{list: name}`.
    fn list(&self, reader: &Reader<'_>) -> Parsed<Vec<serde_json::Value>> {
        match reader.value {
            serde_json::Value::Object(_) => {
                Ok(self.named_list(reader)?.into_iter().map(Into::into).collect())
            }
            serde_json::Value::Array(items) => Ok(items.clone()),
            bare => Ok(vec![bare.clone()]),
        }
    }

    fn named_list(&self, reader: &Reader<'_>) -> Parsed<Vec<String>> {
        reader.only(&["list"])?;
        let name = reader.need("list")?;
        match self.names.lists.get(name.text()?) {
            Some(list) => Ok(list.clone()),
            None => name.fail(Mistake::UnknownName("list", name.text()?.to_owned())),
        }
    }

    fn count(&self, reader: &Reader<'_>, depth: usize) -> Parsed<Condition> {
        reader.only(&["count", "where", "distinct", "at_least", "at_most", "equals"])?;
        let left = self.counted(reader, depth)?;
        let bounds =
            [("at_least", Relation::AtLeast), ("at_most", Relation::AtMost), ("equals", Relation::Exactly)];
        let mut conditions = Vec::new();
        for (key, relation) in bounds {
            if let Some(bound) = reader.get(key) {
                let right = if bound.value.is_object() {
                    bound.only(&["count", "where", "distinct"])?;
                    self.counted(&bound, depth)?
                } else {
                    Number::Literal(bound.number()?)
                };
                conditions.push(Condition::Count(left.clone(), relation, right));
            }
        }
        match conditions.len() {
            0 => reader.fail(Mistake::NoCheck("say at_least, at_most or equals")),
            _ => Ok(Condition::All(conditions)),
        }
    }

    fn counted(&self, reader: &Reader<'_>, depth: usize) -> Parsed<Number> {
        let path = reader.need("count")?.path()?;
        let distinct = reader.get("distinct").map(|path| path.path()).transpose()?;
        Ok(Number::Count { path, filter: self.filter(reader, depth)?, distinct })
    }

    fn filter(&self, reader: &Reader<'_>, depth: usize) -> Parsed<Option<Box<Condition>>> {
        let chooser = Parser { names: self.names, purpose: Purpose::Choosing };
        let filter = reader.get("where").map(|filter| chooser.condition(&filter, depth + 1)).transpose()?;
        Ok(filter.map(Box::new))
    }

    fn set_relation(&self, reader: &Reader<'_>, depth: usize) -> Parsed<Condition> {
        let relations = [
            ("within", SetRelation::Within),
            ("covers", SetRelation::Covers),
            ("apart_from", SetRelation::Apart),
        ];
        let given: Vec<_> =
            relations.iter().filter_map(|(key, relation)| Some((reader.get(key)?, *relation))).collect();
        let [(right, relation)] = given.as_slice() else {
            return reader.fail(Mistake::OneOf("within, covers, apart_from", given.len()));
        };
        let keys: Vec<&str> = reader.map()?.keys().map(String::as_str).collect();
        if let Some(key) = keys.iter().find(|key| {
            !["values", "where", "take"].contains(key) && !relations.iter().any(|(name, _)| name == *key)
        }) {
            let known = "values, where, take, within, covers, apart_from".to_owned();
            return reader.fail(Mistake::UnknownKey((*key).to_owned(), known));
        }
        Ok(Condition::Set(self.values(reader, depth)?, *relation, self.set(right, depth)?))
    }

    fn values(&self, reader: &Reader<'_>, depth: usize) -> Parsed<Set> {
        let path = reader.need("values")?.path()?;
        let take = reader.get("take").map(|path| path.path()).transpose()?;
        Ok(Set::Values { path, filter: self.filter(reader, depth)?, take })
    }

    /// A list of texts, `{list: …}`, `{exempt: …}`, `{values: …}` or `{union: […]}`.
    fn set(&self, reader: &Reader<'_>, depth: usize) -> Parsed<Set> {
        if depth > MAX_DEPTH {
            return reader.fail(Mistake::TooMany("sets inside one another", MAX_DEPTH));
        }
        if reader.value.is_array() {
            return Ok(Set::Literal(reader.texts()?));
        }
        let keys: Vec<&str> = reader.map()?.keys().map(String::as_str).collect();
        match keys.as_slice() {
            ["list"] => Ok(Set::Literal(self.named_list(reader)?)),
            ["exempt"] => Ok(Set::Exempt(reader.need("exempt")?.text()?.to_owned())),
            ["union"] => {
                let sets = reader.need("union")?.items()?;
                Ok(Set::Union(sets.iter().map(|set| self.set(set, depth + 1)).collect::<Parsed<_>>()?))
            }
            keys if keys.contains(&"values") => {
                reader.only(&["values", "where", "take"])?;
                self.values(reader, depth + 1)
            }
            keys => reader.fail(Mistake::OneOf("list, exempt, values, union", keys.len())),
        }
    }
}

fn pattern(reader: &Reader<'_>) -> Parsed<regex::Regex> {
    let built = RegexBuilder::new(reader.text()?).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build();
    built.or_else(|error| reader.fail(Mistake::Pattern(error.to_string())))
}

//! Correlation documents.

use std::collections::BTreeMap;

use super::ast::{
    Comparison, Correlation, CorrelationKind, CountCondition, Meta, RuleExpression, TemporalCondition,
};
use super::condition::{self, Expression};
use super::document::{text, texts};
use super::error::{Fault, Problem};
use super::value::number;
use super::yaml::Node;

/// Most rules one correlation refers to.
const MAX_RULES: usize = 1000;
/// Most rules that must occur in order.
const MAX_ORDERED: usize = 32;
/// Most rules of which some must occur in order.
const MAX_ORDERED_CHOICES: usize = 8;

/// Reads the `correlation` section of `document`.
pub(crate) fn read(document: &Node<'_>, section: &Node<'_>, meta: Meta) -> Result<Correlation, Fault> {
    let missing = |key| Fault::at(section.line, Problem::Missing { key });
    let shape = |line, key: &str, expected| Fault::at(line, Problem::Shape { key: key.to_owned(), expected });
    if section.map().is_none() {
        return Err(shape(section.line, "correlation", "a map"));
    }
    let kind = section.get("type").ok_or_else(|| missing("type"))?;
    let condition = Condition::read(section)?;
    let mut rules = texts(section.get("rules"));
    if rules.is_empty() {
        rules = condition.named_rules();
    }
    if rules.is_empty() {
        return Err(missing("rules"));
    }
    if rules.len() > MAX_RULES {
        let problem = Problem::TooLarge { what: "rules in a correlation", limit: MAX_RULES };
        return Err(Fault::at(section.line, problem));
    }
    let timespan = section.get("timespan").or_else(|| section.get("timeframe"));
    let timespan = timespan.ok_or_else(|| missing("timespan"))?;
    let written = text(Some(timespan)).unwrap_or_default();
    let timespan_ns = nanoseconds(&written)
        .ok_or_else(|| Fault::at(timespan.line, Problem::Timespan { text: written.clone() }))?;
    let generate = section.get("generate").or_else(|| document.get("generate"));
    let generate = match generate {
        None => false,
        Some(node) => {
            let truth = node.scalar().and_then(super::yaml::Scalar::truth);
            truth.ok_or_else(|| shape(node.line, "generate", "true or false"))?
        }
    };
    Ok(Correlation {
        meta,
        kind: condition.kind(kind, &rules)?,
        rules,
        group_by: texts(section.get("group-by")),
        timespan_ns,
        aliases: aliases(section.get("aliases"))?,
        generate,
    })
}

fn aliases(node: Option<&Node<'_>>) -> Result<BTreeMap<String, BTreeMap<String, String>>, Fault> {
    let Some(node) = node.filter(|node| !node.is_null()) else { return Ok(BTreeMap::new()) };
    let shape = |line| {
        let expected = "a map of alias names to maps of rules to fields";
        Fault::at(line, Problem::Shape { key: "aliases".into(), expected })
    };
    let mut all = BTreeMap::new();
    for alias in node.map().ok_or_else(|| shape(node.line))? {
        let mut fields = BTreeMap::new();
        for entry in alias.value.map().ok_or_else(|| shape(alias.line))? {
            let field = text(Some(&entry.value)).ok_or_else(|| shape(entry.line))?;
            fields.insert(entry.key.to_string(), field);
        }
        all.insert(alias.key.to_string(), fields);
    }
    Ok(all)
}

/// `90m` in nanoseconds. A month is a twelfth of a year of 365.2425 days.
fn nanoseconds(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        'M' => 2_629_746,
        'y' => 31_556_952,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    let count: i64 = digits.parse().ok().filter(|count| *count > 0)?;
    count.checked_mul(seconds)?.checked_mul(hinomi_model::NANOS_PER_SECOND)
}

/// The `condition` of a correlation, before its type is known.
struct Condition {
    line: u32,
    count: CountCondition,
    fields: Vec<String>,
    percentile: Option<f64>,
    expression: Option<RuleExpression>,
    absent: bool,
}

impl Condition {
    fn read(section: &Node<'_>) -> Result<Self, Fault> {
        let mut this = Self {
            line: section.line,
            count: CountCondition::default(),
            fields: Vec::new(),
            percentile: None,
            expression: None,
            absent: false,
        };
        let Some(node) = section.get("condition").filter(|node| !node.is_null()) else {
            this.absent = true;
            return Ok(this);
        };
        this.line = node.line;
        if let Some(text) = node.scalar() {
            let parsed = condition::parse(&text.text).and_then(|e| rule_expression(&e, &text.text));
            this.expression = Some(parsed.map_err(|problem| Fault::at(node.line, problem))?);
            return Ok(this);
        }
        let entries = node.map().ok_or_else(|| this.refuse("it is a map or a text"))?;
        for entry in entries {
            let operand = |scalar: &super::yaml::Scalar<'_>| number(&scalar.text);
            let refuse = |reason| Fault::at(entry.line, Problem::CorrelationCondition { reason });
            let value = entry.value.scalar().and_then(operand);
            let needed = || value.ok_or_else(|| refuse("a comparison needs a number"));
            let bound = match &*entry.key {
                "lt" => Comparison::Less,
                "lte" => Comparison::LessOrEqual,
                "gt" => Comparison::Greater,
                "gte" => Comparison::GreaterOrEqual,
                "eq" => {
                    this.count.equals = Some(needed()?);
                    continue;
                }
                "neq" => {
                    this.count.not_equals = Some(needed()?);
                    continue;
                }
                "percentile" => {
                    this.percentile = Some(needed()?);
                    continue;
                }
                "field" => {
                    this.fields = texts(Some(&entry.value));
                    continue;
                }
                _ => return Err(refuse("its keys are field, percentile, gt, gte, lt, lte, eq and neq")),
            };
            this.count.bounds.push((bound, needed()?));
        }
        Ok(this)
    }

    fn refuse(&self, reason: &'static str) -> Fault {
        Fault::at(self.line, Problem::CorrelationCondition { reason })
    }

    /// Rules the expression names, in order of appearance.
    fn named_rules(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.expression.iter().for_each(|e| collect_names(e, &mut names));
        names
    }

    fn kind(self, written: &Node<'_>, rules: &[String]) -> Result<CorrelationKind, Fault> {
        let name = text(Some(written)).unwrap_or_default();
        let kind = match name.as_str() {
            "event_count" => CorrelationKind::EventCount(self.compared()?),
            "value_count" if self.fields.is_empty() => return Err(self.refuse("value_count needs `field`")),
            "value_count" => {
                let condition = self.compared()?;
                CorrelationKind::ValueCount { fields: self.fields, condition }
            }
            "value_sum" => CorrelationKind::ValueSum(self.field()?, self.compared()?),
            "value_avg" => CorrelationKind::ValueAverage(self.field()?, self.compared()?),
            "value_median" => CorrelationKind::ValuePercentile(self.field()?, 50.0, self.compared()?),
            "value_percentile" => {
                let percentile = self.percentile.filter(|p| (0.0..=100.0).contains(p));
                let needed = || self.refuse("value_percentile needs `percentile` from 0 to 100");
                let percentile = percentile.ok_or_else(needed)?;
                CorrelationKind::ValuePercentile(self.field()?, percentile, self.compared()?)
            }
            "temporal" | "extended_temporal" => CorrelationKind::Temporal(self.temporal(rules)?),
            "temporal_ordered" | "extended_temporal_ordered" | "ordered_temporal" => {
                CorrelationKind::TemporalOrdered(self.ordered(rules)?)
            }
            _ => return Err(Fault::at(written.line, Problem::CorrelationType { name })),
        };
        Ok(kind)
    }

    fn field(&self) -> Result<String, Fault> {
        match self.fields.as_slice() {
            [field] => Ok(field.clone()),
            _ => Err(self.refuse("this type needs exactly one `field`")),
        }
    }

    /// The comparisons, of which there must be one.
    fn compared(&self) -> Result<CountCondition, Fault> {
        if self.count == CountCondition::default() {
            return Err(self.refuse("a comparison such as gte is missing"));
        }
        Ok(self.count.clone())
    }

    /// Absence has no order, and sets of rules are tried one by one: so neither `not` nor many rules.
    fn ordered(&self, rules: &[String]) -> Result<TemporalCondition, Fault> {
        let condition = self.temporal(rules)?;
        let rising = match &condition {
            TemporalCondition::All if rules.len() > MAX_ORDERED => {
                let problem = Problem::TooLarge { what: "rules in order", limit: MAX_ORDERED };
                return Err(Fault::at(self.line, problem));
            }
            TemporalCondition::All => return Ok(condition),
            TemporalCondition::Count(count) => {
                let up = |c: &Comparison| matches!(c, Comparison::Greater | Comparison::GreaterOrEqual);
                count.bounds.iter().all(|(c, _)| up(c))
                    && count.equals.is_none()
                    && count.not_equals.is_none()
            }
            TemporalCondition::Expression(expression) => !has_not(expression),
        };
        if !rising {
            return Err(self.refuse("temporal_ordered takes gt, gte, or an expression without not"));
        }
        if rules.len() > MAX_ORDERED_CHOICES {
            let what = "rules in order under a condition";
            return Err(Fault::at(self.line, Problem::TooLarge { what, limit: MAX_ORDERED_CHOICES }));
        }
        Ok(condition)
    }

    fn temporal(&self, rules: &[String]) -> Result<TemporalCondition, Fault> {
        let Some(expression) = &self.expression else {
            return Ok(if self.absent {
                TemporalCondition::All
            } else {
                TemporalCondition::Count(self.compared()?)
            });
        };
        if self.named_rules().iter().any(|name| !rules.contains(name)) {
            return Err(self.refuse("the expression names a rule that is not under `rules`"));
        }
        if holds_for_none(expression) {
            return Err(self.refuse("the expression also holds when no rule occurs at all"));
        }
        Ok(TemporalCondition::Expression(expression.clone()))
    }
}

fn collect_names(expression: &RuleExpression, names: &mut Vec<String>) {
    match expression {
        RuleExpression::Rule(name) if !names.contains(name) => names.push(name.clone()),
        RuleExpression::Rule(_) => {}
        RuleExpression::All(parts) | RuleExpression::Any(parts) => {
            parts.iter().for_each(|part| collect_names(part, names));
        }
        RuleExpression::Not(inner) => collect_names(inner, names),
    }
}

fn has_not(expression: &RuleExpression) -> bool {
    match expression {
        RuleExpression::Rule(_) => false,
        RuleExpression::All(parts) | RuleExpression::Any(parts) => parts.iter().any(has_not),
        RuleExpression::Not(_) => true,
    }
}

fn holds_for_none(expression: &RuleExpression) -> bool {
    match expression {
        RuleExpression::Rule(_) => false,
        RuleExpression::All(parts) => parts.iter().all(holds_for_none),
        RuleExpression::Any(parts) => parts.iter().any(holds_for_none),
        RuleExpression::Not(inner) => !holds_for_none(inner),
    }
}

fn rule_expression(expression: &Expression, written: &str) -> Result<RuleExpression, Problem> {
    let each = |parts: &[Expression]| {
        parts.iter().map(|part| rule_expression(part, written)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match expression {
        Expression::Name(name) => RuleExpression::Rule(name.clone()),
        Expression::All(parts) => RuleExpression::All(each(parts)?),
        Expression::Any(parts) => RuleExpression::Any(each(parts)?),
        Expression::Not(inner) => RuleExpression::Not(Box::new(rule_expression(inner, written)?)),
        Expression::Of { .. } => {
            return Err(Problem::Condition {
                condition: super::error::excerpt(written),
                reason: "1 of and all of are not defined between rules".into(),
            });
        }
    })
}

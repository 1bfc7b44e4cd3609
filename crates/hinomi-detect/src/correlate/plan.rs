//! Correlations made ready: references resolved, in an order in which each follows those it refers to.

use std::collections::BTreeMap;

use crate::sigma::{
    Comparison, Correlation, CorrelationKind, CountCondition, RuleExpression, TemporalCondition,
};

/// A correlation that cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorrelateError {
    /// It refers to itself, directly or through others.
    #[error("correlation {id} refers to itself")]
    Cycle {
        /// Id of the correlation.
        id: String,
    },
    /// It refers to correlations of correlations, too many levels deep.
    #[error("correlation {id} stands on more than {limit} levels of other correlations")]
    TooDeep {
        /// Id of the correlation.
        id: String,
        /// Levels that are evaluated.
        limit: usize,
    },
}

/// Most levels of correlations of correlations.
const MAX_LEVELS: usize = 32;

/// What is evaluated over a window.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    Events(CountCondition),
    Distinct(CountCondition),
    Sum(CountCondition),
    Average(CountCondition),
    Percentile(f64, CountCondition),
    /// Expression or count over the rules that occurred, by position.
    Rules(RulesGoal),
    /// Any of these chains of rules, by position.
    Chains(Vec<Vec<usize>>),
}

#[derive(Clone, Debug)]
pub(super) enum RulesGoal {
    Count(CountCondition),
    Expression(Positions),
}

/// [`RuleExpression`] with positions for names.
#[derive(Clone, Debug)]
pub(super) enum Positions {
    Rule(usize),
    All(Vec<Positions>),
    Any(Vec<Positions>),
    Not(Box<Positions>),
}

impl Positions {
    pub(super) fn holds(&self, occurs: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Self::Rule(at) => occurs(*at),
            Self::All(parts) => parts.iter().all(|part| part.holds(occurs)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(occurs)),
            Self::Not(inner) => !inner.holds(occurs),
        }
    }

    fn is_rising(&self) -> bool {
        match self {
            Self::Rule(_) => true,
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::is_rising),
            Self::Not(_) => false,
        }
    }
}

/// One correlation, ready.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub index: usize,
    pub correlation: Correlation,
    /// For each referred name, the correlation it names, if it is one.
    pub inner: Vec<Option<usize>>,
    pub goal: Goal,
    /// Evaluated on a sliding window.
    pub rising: bool,
    pub alerts: bool,
    /// Fields whose values are counted or added.
    pub values: Vec<String>,
    /// How long after their time, in nanoseconds, items can still come from the correlations it refers to: those that wait
    /// for the end of a window fire in the past.
    pub lag_ns: i64,
}

/// The plans, those referred to first, and the correlations that refer to themselves.
pub(super) fn plan(correlations: &[Correlation]) -> (Vec<Plan>, Vec<CorrelateError>) {
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, correlation) in correlations.iter().enumerate() {
        for name in
            [Some(correlation.meta.id.as_str()), correlation.meta.name.as_deref()].into_iter().flatten()
        {
            named.entry(name).or_insert(at);
        }
    }
    let inner_of = |c: &Correlation| -> Vec<Option<usize>> {
        c.rules.iter().map(|name| named.get(name.as_str()).copied()).collect()
    };
    let inner: Vec<Vec<Option<usize>>> = correlations.iter().map(inner_of).collect();
    // Levels below a planned correlation; `None` until it is planned.
    let mut levels: Vec<Option<usize>> = vec![None; correlations.len()];
    let (mut plans, mut errors) = (Vec::new(), Vec::new());
    loop {
        let ready = |(at, needs): &(usize, &Vec<Option<usize>>)| {
            levels.get(*at) == Some(&None) && needs.iter().flatten().all(|n| levels.get(*n) != Some(&None))
        };
        let Some((at, needs)) = inner.iter().enumerate().find(ready) else { break };
        let Some(correlation) = correlations.get(at) else { break };
        let below = needs.iter().flatten().filter_map(|need| levels.get(*need).copied().flatten()).max();
        let level = below.map_or(0, |below| below + 1);
        if let Some(slot) = levels.get_mut(at) {
            *slot = Some(level);
        }
        if level > MAX_LEVELS {
            errors.push(CorrelateError::TooDeep { id: correlation.meta.id.clone(), limit: MAX_LEVELS });
            continue;
        }
        let used = |needs: &Vec<Option<usize>>| needs.contains(&Some(at));
        let lag = |plan: &Plan| {
            let own = if plan.rising { 0 } else { plan.correlation.timespan_ns };
            plan.lag_ns.saturating_add(own)
        };
        let referred = plans.iter().filter(|plan: &&Plan| needs.contains(&Some(plan.index)));
        let lag_ns = referred.map(lag).max().unwrap_or(0);
        plans.push(Plan {
            index: at,
            correlation: correlation.clone(),
            lag_ns,
            inner: needs.clone(),
            goal: goal(correlation),
            rising: is_rising(&correlation.kind, correlation),
            alerts: correlations.iter().zip(&inner).all(|(outer, needs)| outer.generate || !used(needs)),
            values: values(&correlation.kind),
        });
    }
    let left = correlations.iter().zip(&levels).filter(|(_, level)| level.is_none());
    errors.extend(left.map(|(c, _)| CorrelateError::Cycle { id: c.meta.id.clone() }));
    (plans, errors)
}

fn goal(correlation: &Correlation) -> Goal {
    match &correlation.kind {
        CorrelationKind::EventCount(condition) => Goal::Events(condition.clone()),
        CorrelationKind::ValueCount { condition, .. } => Goal::Distinct(condition.clone()),
        CorrelationKind::ValueSum(_, condition) => Goal::Sum(condition.clone()),
        CorrelationKind::ValueAverage(_, condition) => Goal::Average(condition.clone()),
        CorrelationKind::ValuePercentile(_, p, condition) => Goal::Percentile(*p, condition.clone()),
        CorrelationKind::Temporal(condition) => Goal::Rules(rules_goal(condition, &correlation.rules)),
        CorrelationKind::TemporalOrdered(TemporalCondition::All) => {
            Goal::Chains(vec![(0..correlation.rules.len()).collect()])
        }
        CorrelationKind::TemporalOrdered(condition) => {
            Goal::Chains(smallest_sets(&rules_goal(condition, &correlation.rules), correlation.rules.len()))
        }
    }
}

fn rules_goal(condition: &TemporalCondition, rules: &[String]) -> RulesGoal {
    match condition {
        TemporalCondition::All => {
            RulesGoal::Expression(Positions::All((0..rules.len()).map(Positions::Rule).collect()))
        }
        TemporalCondition::Count(condition) => RulesGoal::Count(condition.clone()),
        TemporalCondition::Expression(expression) => RulesGoal::Expression(positions(expression, rules)),
    }
}

fn positions(expression: &RuleExpression, rules: &[String]) -> Positions {
    let each = |parts: &[RuleExpression]| parts.iter().map(|part| positions(part, rules)).collect();
    match expression {
        // A name that is not under `rules` never occurs; the parser refuses it.
        RuleExpression::Rule(name) => {
            Positions::Rule(rules.iter().position(|r| r == name).unwrap_or(usize::MAX))
        }
        RuleExpression::All(parts) => Positions::All(each(parts)),
        RuleExpression::Any(parts) => Positions::Any(each(parts)),
        RuleExpression::Not(inner) => Positions::Not(Box::new(positions(inner, rules))),
    }
}

/// Every set of rules that meets the goal and of which no smaller part does, as ascending positions. The parser
/// admits eight rules at most here.
fn smallest_sets(goal: &RulesGoal, rules: usize) -> Vec<Vec<usize>> {
    let members = |mask: u32| (0..rules.min(8)).filter(move |at| mask >> at & 1 == 1);
    let meets = |mask: &u32| goal.holds(&|at| members(*mask).any(|m| m == at), members(*mask).count());
    let mut sets: Vec<u32> = Vec::new();
    let mut masks: Vec<u32> = (0..1u32 << rules.min(8)).filter(meets).collect();
    masks.sort_by_key(|mask| (mask.count_ones(), *mask));
    for mask in masks {
        if !sets.iter().any(|smaller| smaller & mask == *smaller) {
            sets.push(mask);
        }
    }
    sets.into_iter().map(|mask| members(mask).collect()).collect()
}

impl RulesGoal {
    /// Whether it holds when `occurs` tells which rules occurred, `different` of them.
    pub(super) fn holds(&self, occurs: &dyn Fn(usize) -> bool, different: usize) -> bool {
        match self {
            Self::Count(condition) => holds(condition, different as f64),
            Self::Expression(expression) => expression.holds(occurs),
        }
    }
}

fn is_rising(kind: &CorrelationKind, correlation: &Correlation) -> bool {
    let rising = |condition: &CountCondition| {
        let up = |(c, _): &(Comparison, f64)| matches!(c, Comparison::Greater | Comparison::GreaterOrEqual);
        condition.equals.is_none() && condition.not_equals.is_none() && condition.bounds.iter().all(up)
    };
    match kind {
        CorrelationKind::EventCount(condition)
        | CorrelationKind::ValueCount { condition, .. }
        | CorrelationKind::ValueSum(_, condition)
        | CorrelationKind::Temporal(TemporalCondition::Count(condition)) => rising(condition),
        CorrelationKind::Temporal(condition) => match rules_goal(condition, &correlation.rules) {
            RulesGoal::Expression(expression) => expression.is_rising(),
            RulesGoal::Count(condition) => rising(&condition),
        },
        CorrelationKind::TemporalOrdered(_) => true,
        CorrelationKind::ValueAverage(..) | CorrelationKind::ValuePercentile(..) => false,
    }
}

fn values(kind: &CorrelationKind) -> Vec<String> {
    match kind {
        CorrelationKind::ValueCount { fields, .. } => fields.clone(),
        CorrelationKind::ValueSum(field, _)
        | CorrelationKind::ValueAverage(field, _)
        | CorrelationKind::ValuePercentile(field, _, _) => vec![field.clone()],
        _ => Vec::new(),
    }
}

/// Whether `value` meets every part of the condition.
pub(super) fn holds(condition: &CountCondition, value: f64) -> bool {
    let within = |(comparison, bound): &(Comparison, f64)| match comparison {
        Comparison::Less => value < *bound,
        Comparison::LessOrEqual => value <= *bound,
        Comparison::Greater => value > *bound,
        Comparison::GreaterOrEqual => value >= *bound,
    };
    condition.bounds.iter().all(within)
        && condition.equals.is_none_or(|n| value.total_cmp(&n).is_eq())
        && condition.not_equals.is_none_or(|n| value.total_cmp(&n).is_ne())
}

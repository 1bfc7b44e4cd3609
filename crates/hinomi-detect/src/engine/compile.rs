//! Rules to predicates, expressions and watch lists.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_columns::{FieldId, Projection, well_known};

use super::field_matcher::FieldMatcher;
use super::logsource::{LogSources, Route};
use super::predicate::{ANY_FIELD, Expression, PredicateId, Predicates};
use crate::sigma::{
    Correlation, Document, Filter, LogSource, Meta, Pattern, Patterns, Rule, Search, Test, Token,
};

/// Number of a rule in an [`Engine`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleIndex(pub u32);

/// A rule as loaded.
#[derive(Debug, Clone)]
pub struct EngineRule {
    /// Description.
    pub meta: Meta,
    /// Which events it reads.
    pub logsource: LogSource,
    /// Conditions, filters applied.
    pub conditions: Vec<Search>,
    /// Whether a match is a detection by itself; false for rules that only feed correlations.
    pub alerts: bool,
    /// Names of the fields the rule reads, as the rule names them, in order of appearance, followed by those
    /// of `fields:`.
    pub fields: Vec<String>,
}

/// A document that parsed but cannot be used with the others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A correlation or filter names a rule that is not loaded.
    #[error("{origin}: refers to rule {reference:?}, which is not loaded")]
    UnknownRule {
        /// File and document.
        origin: String,
        /// The name or id.
        reference: String,
    },
    /// Two documents share an id; the later one is left out.
    #[error("{origin}: the id {id} is already used by {first}; this document is left out")]
    DuplicateId {
        /// File and document.
        origin: String,
        /// The id.
        id: String,
        /// Where it was first seen.
        first: String,
    },
}

impl CompileError {
    /// File and document of the fault.
    pub fn origin(&self) -> &str {
        match self {
            Self::UnknownRule { origin, .. } | Self::DuplicateId { origin, .. } => origin,
        }
    }
}

/// One way in which one rule may match: its expression over the fields of one route.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) rule: RuleIndex,
    pub(crate) route: u32,
    pub(crate) expression: Expression,
    /// Reads keywords or bulky fields, so that every field of the event is needed.
    pub(crate) deep: bool,
}

/// A compiled rule set. Immutable; shared between threads.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<EngineRule>,
    correlations: Vec<Correlation>,
    projection: Projection,
    /// Fields kept only together with all others.
    pub(crate) bulky: Vec<String>,
    pub(crate) predicates: Predicates,
    pub(crate) matchers: Vec<Option<FieldMatcher>>,
    pub(crate) keywords: Option<FieldMatcher>,
    pub(crate) routes: Vec<Route>,
    pub(crate) variants: Vec<Variant>,
    /// Predicate → variants that cannot match without it (each variant waits for one of a few predicates).
    pub(crate) watchers: Vec<Vec<u32>>,
    /// Variants per route that wait for nothing.
    pub(crate) always: Vec<Vec<u32>>,
}

impl Engine {
    /// Compiles `documents`. Fields in `kept` are kept in the columns even if no rule reads them.
    pub fn compile(
        documents: Vec<Document>,
        sources: &LogSources,
        kept: &[&str],
    ) -> (Self, Vec<CompileError>) {
        let mut errors = Vec::new();
        let (rules, correlations) = link(documents, &mut errors);
        let mut compiler = Compiler::new(kept, &correlations);
        let free = |name: &&String| !compiler.field_ids.contains_key(name.as_str());
        compiler.bulky = sources.bulky_fields().iter().filter(free).cloned().collect();
        for (index, rule) in (0..).map(RuleIndex).zip(&rules) {
            compiler.add(index, rule, sources);
        }
        (compiler.finish(rules, correlations), errors)
    }

    /// The rules, by [`RuleIndex`].
    pub fn rules(&self) -> &[EngineRule] {
        &self.rules
    }

    /// One rule.
    pub fn rule(&self, index: RuleIndex) -> Option<&EngineRule> {
        self.rules.get(index.0 as usize)
    }

    /// Whether a correlation counts the matches of a rule.
    pub fn feeds_correlations(&self, index: RuleIndex) -> bool {
        let named = |c: &Correlation, rule: &EngineRule| c.rules.iter().any(|r| is_named(&rule.meta, r));
        self.rule(index).is_some_and(|rule| self.correlations.iter().any(|c| named(c, rule)))
    }

    /// Names, in the events, of every field that a rule reads or that a correlation needs of it.
    pub fn fields_of(&self, index: RuleIndex) -> Vec<String> {
        let mut ids = std::collections::BTreeSet::new();
        for variant in self.variants_of(index) {
            variant.expression.visit(&mut |p| ids.extend(self.predicates.get(p).map(|p| p.field)));
        }
        let mut fields: Vec<String> =
            ids.into_iter().filter_map(|id| self.projection.name(id)).map(str::to_owned).collect();
        if let Some(rule) = self.rule(index) {
            fields.extend(rule.fields.iter().cloned());
            let used = |c: &&Correlation| c.rules.iter().any(|r| is_named(&rule.meta, r));
            fields.extend(self.correlations.iter().filter(used).flat_map(Correlation::fields));
        }
        fields.extend(self.aliases_of(index).into_iter().map(|(_, physical)| physical));
        fields
    }

    /// Fields that a correlation needs of a rule's events under the name that rules use, with the name that events
    /// of some of the rule's sources use instead.
    pub fn aliases_of(&self, index: RuleIndex) -> Vec<(String, String)> {
        let Some(rule) = self.rule(index) else { return Vec::new() };
        let used = |c: &&Correlation| c.rules.iter().any(|r| is_named(&rule.meta, r));
        let needed: Vec<String> =
            self.correlations.iter().filter(used).flat_map(Correlation::fields).collect();
        if needed.is_empty() {
            return Vec::new();
        }
        let routes = self.variants_of(index).iter().map(|v| v.route);
        let renames = routes.filter_map(|r| self.routes.get(r as usize)).flat_map(|r| &r.rename);
        renames.filter(|(name, _)| needed.contains(name)).map(|(n, p)| (n.clone(), p.clone())).collect()
    }

    /// The variants of a rule, which stand together because rules are compiled one after the other.
    fn variants_of(&self, index: RuleIndex) -> &[Variant] {
        let from = self.variants.partition_point(|v| v.rule < index);
        let own = self.variants.get(from..).unwrap_or_default();
        own.get(..own.partition_point(|v| v.rule == index)).unwrap_or_default()
    }

    /// The correlations, in load order.
    pub fn correlations(&self) -> &[Correlation] {
        &self.correlations
    }

    /// Fields that a store must keep for this engine.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }
}

/// Separates rules from correlations, applies filters, marks rules that only feed correlations.
fn link(documents: Vec<Document>, errors: &mut Vec<CompileError>) -> (Vec<EngineRule>, Vec<Correlation>) {
    let (mut rules, mut correlations, mut filters) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for document in documents {
        let meta = match &document {
            Document::Rule(rule) => &rule.meta,
            Document::Correlation(correlation) => &correlation.meta,
            Document::Filter(filter) => &filter.meta,
        };
        if let Some(first) = seen.get(&meta.id) {
            let (origin, id) = (meta.origin.clone(), meta.id.clone());
            errors.push(CompileError::DuplicateId { origin, id, first: first.clone() });
            continue;
        }
        seen.insert(meta.id.clone(), meta.origin.clone());
        match document {
            Document::Rule(rule) => rules.push(EngineRule::from(rule)),
            Document::Correlation(correlation) => correlations.push(correlation),
            Document::Filter(filter) => filters.push(filter),
        }
    }
    for correlation in &correlations {
        mark_feeders(correlation, &mut rules, &correlations, errors);
    }
    for filter in &filters {
        apply_filter(filter, &mut rules, errors);
    }
    (rules, correlations)
}

impl From<Rule> for EngineRule {
    fn from(rule: Rule) -> Self {
        let Rule { meta, logsource, conditions, fields: shown } = rule;
        let mut fields = Vec::new();
        conditions.iter().for_each(|c| collect_fields(c, &mut fields));
        fields.extend(shown);
        let mut seen = std::collections::BTreeSet::new();
        fields.retain(|f| seen.insert(f.clone()));
        Self { meta, logsource, conditions, alerts: true, fields }
    }
}

fn collect_fields(search: &Search, out: &mut Vec<String>) {
    match search {
        Search::All(parts) | Search::Any(parts) => parts.iter().for_each(|p| collect_fields(p, out)),
        Search::Not(inner) => collect_fields(inner, out),
        Search::Field(name, test) => {
            out.push(name.clone());
            if let Test::FieldRef { other, .. } = test {
                out.push(other.clone());
            }
        }
        Search::Keyword(_) | Search::KeywordRegex(_) => {}
    }
}

fn is_named(meta: &Meta, reference: &str) -> bool {
    meta.id == reference || meta.name.as_deref() == Some(reference)
}

fn mark_feeders(
    correlation: &Correlation,
    rules: &mut [EngineRule],
    all: &[Correlation],
    errors: &mut Vec<CompileError>,
) {
    for reference in &correlation.rules {
        let mut known = all.iter().any(|c| is_named(&c.meta, reference));
        for rule in rules.iter_mut().filter(|r| is_named(&r.meta, reference)) {
            known = true;
            rule.alerts &= correlation.generate;
        }
        if !known {
            let origin = correlation.meta.origin.clone();
            errors.push(CompileError::UnknownRule { origin, reference: reference.clone() });
        }
    }
}

fn apply_filter(filter: &Filter, rules: &mut [EngineRule], errors: &mut Vec<CompileError>) {
    for reference in &filter.rules {
        if !rules.iter().any(|r| is_named(&r.meta, reference)) {
            let origin = filter.meta.origin.clone();
            errors.push(CompileError::UnknownRule { origin, reference: reference.clone() });
        }
    }
    let covers = |have: &Option<String>, wanted: &Option<String>| wanted.is_none() || have == wanted;
    for rule in rules {
        let named = filter.rules.is_empty() || filter.rules.iter().any(|r| is_named(&rule.meta, r));
        let source = covers(&rule.logsource.category, &filter.logsource.category)
            && covers(&rule.logsource.product, &filter.logsource.product)
            && covers(&rule.logsource.service, &filter.logsource.service);
        if named && source {
            for condition in &mut rule.conditions {
                let original = std::mem::replace(condition, Search::All(Vec::new()));
                *condition = Search::All(vec![original, filter.condition.clone()]);
            }
        }
    }
}

struct Compiler {
    field_names: Vec<String>,
    field_ids: HashMap<String, FieldId, RandomState>,
    predicates: Predicates,
    routes: Vec<Route>,
    route_index: BTreeMap<Route, u32>,
    variants: Vec<Variant>,
    always: Vec<Vec<u32>>,
    watched: Vec<(PredicateId, u32)>,
    routes_of_source: HashMap<LogSource, Vec<u32>, RandomState>,
    /// Fields kept only together with all others.
    bulky: Vec<String>,
    /// Fields that correlations read.
    correlated: std::collections::BTreeSet<String>,
}

impl Compiler {
    fn new(kept: &[&str], correlations: &[Correlation]) -> Self {
        let mut compiler = Self {
            field_names: Vec::new(),
            field_ids: HashMap::default(),
            predicates: Predicates::default(),
            routes: Vec::new(),
            route_index: BTreeMap::new(),
            variants: Vec::new(),
            always: Vec::new(),
            watched: Vec::new(),
            routes_of_source: HashMap::default(),
            bulky: Vec::new(),
            correlated: std::collections::BTreeSet::new(),
        };
        well_known::NAMES.iter().chain(kept).for_each(|name| {
            compiler.field(name);
        });
        for name in correlations.iter().flat_map(Correlation::fields) {
            compiler.field(&name);
            compiler.correlated.insert(name);
        }
        compiler
    }

    fn field(&mut self, name: &str) -> FieldId {
        if let Some(&id) = self.field_ids.get(name) {
            return id;
        }
        let id = FieldId(self.field_names.len() as u32);
        self.field_names.push(name.to_owned());
        self.field_ids.insert(name.to_owned(), id);
        id
    }

    fn add(&mut self, index: RuleIndex, rule: &EngineRule, sources: &LogSources) {
        for route in self.routes_of(&rule.logsource, sources) {
            let any = rule.conditions.iter().map(|c| self.expression(c, route)).collect::<Box<[_]>>();
            let bulky = |name: &str| self.bulky.iter().any(|b| b == name);
            let deep = rule.conditions.iter().any(|c| reads_everything(c, &bulky));
            let expression = Expression::Any(any);
            let number = self.variants.len() as u32;
            match self.witness(&expression) {
                Some((_, predicates)) => self.watched.extend(predicates.into_iter().map(|p| (p, number))),
                None => {
                    if let Some(always) = self.always.get_mut(route as usize) {
                        always.push(number);
                    }
                }
            }
            self.variants.push(Variant { rule: index, route, expression, deep });
        }
    }

    fn routes_of(&mut self, source: &LogSource, sources: &LogSources) -> Vec<u32> {
        if let Some(known) = self.routes_of_source.get(source) {
            return known.clone();
        }
        let mut numbers = Vec::new();
        for route in sources.routes(source) {
            let next = self.routes.len() as u32;
            let number = *self.route_index.entry(route.clone()).or_insert(next);
            if number == next {
                let renamed = route.rename.iter().filter(|(name, _)| self.correlated.contains(*name));
                let physical: Vec<String> = renamed.map(|(_, physical)| physical.clone()).collect();
                physical.iter().for_each(|name| {
                    self.field(name);
                });
                self.routes.push(route);
                self.always.push(Vec::new());
            }
            numbers.push(number);
        }
        self.routes_of_source.insert(source.clone(), numbers.clone());
        numbers
    }

    fn expression(&mut self, search: &Search, route: u32) -> Expression {
        match search {
            Search::All(parts) => Expression::All(parts.iter().map(|p| self.expression(p, route)).collect()),
            Search::Any(parts) => Expression::Any(parts.iter().map(|p| self.expression(p, route)).collect()),
            Search::Not(inner) => Expression::Not(Box::new(self.expression(inner, route))),
            Search::Keyword(patterns) => {
                Expression::Predicate(self.predicates.patterns(ANY_FIELD, &anywhere(patterns)))
            }
            Search::KeywordRegex(regex) => self.predicates.regex(ANY_FIELD, regex),
            Search::Field(name, test) => self.field_test(name, test, route),
        }
    }

    fn field_test(&mut self, name: &str, test: &Test, route: u32) -> Expression {
        let Some(origin) = self.routes.get(route as usize) else { return Expression::Any(Box::new([])) };
        let physical = |name: &str| origin.rename.get(name).cloned().unwrap_or_else(|| name.to_owned());
        let test = match (origin.values.get(name), test) {
            (Some(values), Test::Match(patterns)) => &Test::Match(translate(patterns, values)),
            _ => test,
        };
        let other = match test {
            Test::FieldRef { other, .. } => Some(physical(other)),
            _ => None,
        };
        let own = physical(name);
        let field = self.field(&own);
        let other = other.map_or(field, |name| self.field(&name));
        self.predicates.test(field, test, |_| other)
    }

    /// Predicates of which one must hold for the expression to hold, with their summed share of events; `None`
    /// when nothing need hold (a negation alone) or only lazily decided predicates would do.
    fn witness(&self, expression: &Expression) -> Option<(f64, Vec<PredicateId>)> {
        match expression {
            Expression::Predicate(id) => {
                let predicate = self.predicates.get(*id)?;
                predicate.lazy.is_none().then(|| (predicate.share, vec![*id]))
            }
            Expression::Not(_) => None,
            Expression::All(parts) => {
                let witnesses = parts.iter().filter_map(|p| self.witness(p));
                witnesses.min_by(|a, b| a.0.total_cmp(&b.0))
            }
            Expression::Any(parts) => parts.iter().try_fold((0.0, Vec::new()), |(share, mut all), part| {
                let (more, mut predicates) = self.witness(part)?;
                all.append(&mut predicates);
                Some((share + more, all))
            }),
        }
    }

    fn finish(mut self, rules: Vec<EngineRule>, correlations: Vec<Correlation>) -> Engine {
        let (matchers, keywords) = self.predicates.build_matchers(self.field_names.len());
        let mut watchers = vec![Vec::new(); self.predicates.all.len()];
        for (predicate, variant) in self.watched {
            if let Some(list) = watchers.get_mut(predicate.index()) {
                list.push(variant);
            }
        }
        let names = self.field_names.iter().skip(well_known::NAMES.len());
        Engine {
            rules,
            correlations,
            projection: Projection::of(names).except(&self.bulky),
            bulky: self.bulky,
            predicates: self.predicates,
            matchers,
            keywords,
            routes: self.routes,
            variants: self.variants,
            watchers,
            always: self.always,
        }
    }
}

/// Whether a condition reads what is not kept for every event: any value, or a bulky field.
fn reads_everything(search: &Search, bulky: &impl Fn(&str) -> bool) -> bool {
    match search {
        Search::All(parts) | Search::Any(parts) => parts.iter().any(|p| reads_everything(p, bulky)),
        Search::Not(inner) => reads_everything(inner, bulky),
        Search::Keyword(_) | Search::KeywordRegex(_) => true,
        Search::Field(name, test) => {
            bulky(name) || matches!(test, Test::FieldRef { other, .. } if bulky(other))
        }
    }
}

/// Keywords stand anywhere in a value.
fn anywhere(patterns: &Patterns) -> Patterns {
    let open = |pattern: &Pattern| {
        let mut tokens = pattern.0.clone();
        if tokens.first() != Some(&Token::Many) {
            tokens.insert(0, Token::Many);
        }
        if tokens.last() != Some(&Token::Many) || tokens.len() == 1 {
            tokens.push(Token::Many);
        }
        Pattern(tokens)
    };
    Patterns { any: patterns.any.iter().map(open).collect(), cased: patterns.cased }
}

/// Replaces whole values by those another source uses for the same thing.
fn translate(patterns: &Patterns, values: &BTreeMap<String, String>) -> Patterns {
    let swap = |pattern: &Pattern| match pattern.0.as_slice() {
        [Token::Literal(text)] => match values.get(&text.to_lowercase()) {
            Some(to) => Pattern(vec![Token::Literal(to.clone())]),
            None => pattern.clone(),
        },
        _ => pattern.clone(),
    };
    Patterns { any: patterns.any.iter().map(swap).collect(), cased: patterns.cased }
}

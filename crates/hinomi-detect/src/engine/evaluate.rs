//! Batches in, matches out.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_columns::{Batch, FieldId, LayoutId, Shape, Store, ValueId, ValueKind, well_known};
use hinomi_model::KindId;

use super::compile::{Engine, RuleIndex};
use super::field_matcher::{FieldMatcher, Scratch};
use super::predicate::{ANY_FIELD, Lazy, PredicateId, relates};
use super::prefilter::KeywordPrefilter;

/// Which variants an evaluator runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Depth {
    /// Rules that name their fields; the store keeps [`Engine::projection`].
    Named,
    /// Rules that search every value; the store keeps every field.
    Keywords,
}

/// Evaluates batches of one store. One per worker; holds what was learned about values and rows.
#[derive(Debug)]
pub struct Evaluator<'e> {
    engine: &'e Engine,
    depth: Depth,
    epoch: u32,
    sets: SetTable,
    /// Per field and value: number of its predicate set, or [`UNKNOWN`].
    value_sets: Vec<Vec<u32>>,
    /// Per field: number of the set that holds when it is absent, or [`UNKNOWN`].
    absent_sets: Vec<u32>,
    /// One per set of keyword rules, with their variants: most shapes share one.
    filters: Vec<(Vec<u32>, KeywordPrefilter)>,
    filter_index: HashMap<Vec<u32>, FilterId, RandomState>,
    programs: Vec<Program>,
    program_index: HashMap<Vec<u32>, u32, RandomState>,
    plans: Vec<Plan>,
    plan_of_layout: HashMap<(u32, LayoutId, KindId), u32, RandomState>,
    plan_of_shape: HashMap<Shape, (u32, Option<FilterId>), RandomState>,
    truth: Marks,
    tried: Marks,
    lazy_results: HashMap<(PredicateId, ValueId), bool, RandomState>,
    scratch: Scratch,
    key: Vec<u32>,
}

/// Number of a [`KeywordPrefilter`] of one [`Evaluator`]; equal numbers mean equal filters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FilterId(u32);

const UNKNOWN: u32 = u32::MAX;
const EMPTY_SET: u32 = 0;
/// Remembered tuples per plan and remembered lazy results, before starting afresh.
const MEMORY_LIMIT: usize = 1 << 16;

/// The variants that apply to events of the same routes.
#[derive(Debug)]
struct Program {
    /// One bit per variant.
    members: Vec<u64>,
    always: Vec<u32>,
    fields: Vec<FieldId>,
    is_empty: bool,
    /// The keyword rules among the routes, whatever the depth.
    deep: Vec<u32>,
}

/// How to evaluate rows of one layout under one program.
#[derive(Debug)]
struct Plan {
    program: u32,
    /// Columns whose values decide something: position and field.
    columns: Vec<(u32, FieldId)>,
    /// Predicates that hold because fields are missing from the layout.
    base: Vec<PredicateId>,
    outcomes: HashMap<Box<[u32]>, u32, RandomState>,
    found: Vec<Outcome>,
}

/// What rows with one tuple of sets yield.
#[derive(Debug, Default, Clone)]
struct Outcome {
    matched: Box<[RuleIndex]>,
    undecided: Box<[u32]>,
}

impl<'e> Evaluator<'e> {
    /// A fresh evaluator.
    pub fn new(engine: &'e Engine, depth: Depth) -> Self {
        Self {
            engine,
            depth,
            epoch: 0,
            sets: SetTable::default(),
            value_sets: Vec::new(),
            absent_sets: Vec::new(),
            filters: Vec::new(),
            filter_index: HashMap::default(),
            programs: Vec::new(),
            program_index: HashMap::default(),
            plans: Vec::new(),
            plan_of_layout: HashMap::default(),
            plan_of_shape: HashMap::default(),
            truth: Marks::new(engine.predicates.all.len()),
            tried: Marks::new(engine.variants.len()),
            lazy_results: HashMap::default(),
            scratch: Scratch::default(),
            key: Vec::new(),
        }
    }

    /// The filter for keyword rules that may match events of this batch; `None` when there are none. Events
    /// that pass it need a [`Depth::Keywords`] pass.
    pub fn keywords(&mut self, store: &Store, batch: &Batch) -> Option<FilterId> {
        self.follow(store);
        self.plan_of(store, batch).1
    }

    /// The filter of that number.
    pub fn filter(&self, id: FilterId) -> Option<&KeywordPrefilter> {
        self.filters.get(id.0 as usize).map(|(_, filter)| filter)
    }

    /// The filter that passes whatever one of `filters` passes, so that bytes are looked at once for all.
    pub fn joined(&mut self, filters: &[FilterId]) -> Option<FilterId> {
        if let [only] = filters {
            return Some(*only);
        }
        let rules = filters.iter().filter_map(|id| self.filters.get(id.0 as usize));
        let mut deep: Vec<u32> = rules.flat_map(|(deep, _)| deep.iter().copied()).collect();
        deep.sort_unstable();
        deep.dedup();
        self.filter_for(deep)
    }

    /// Reports each rule that matches each row of `batch`, in row order; a rule once per row.
    pub fn evaluate(&mut self, store: &Store, batch: &Batch, mut report: impl FnMut(RuleIndex, usize)) {
        self.follow(store);
        let (number, _) = self.plan_of(store, batch);
        if self.program_of_plan(number).is_none_or(|p| p.is_empty) {
            return;
        }
        let columns = self.plans.get(number as usize).map(|p| p.columns.clone()).unwrap_or_default();
        let cells: Vec<(&[ValueId], FieldId)> =
            columns.iter().map(|&(position, field)| (batch.column(position as usize), field)).collect();
        let mut key = std::mem::take(&mut self.key);
        for row in 0..batch.rows().len() {
            key.clear();
            for &(column, field) in &cells {
                let value = column.get(row).copied().unwrap_or(ValueId::ABSENT);
                key.push(self.set_of(store, field, value));
            }
            let outcome = self.outcome(number, &key);
            outcome.matched.iter().for_each(|&rule| report(rule, row));
            if !outcome.undecided.is_empty() {
                let outcome = outcome.clone();
                self.decide_lazily(store, batch, row, number, &key, &outcome, &mut report);
            }
        }
        self.key = key;
    }

    /// Forgets everything keyed by values of an earlier epoch.
    fn follow(&mut self, store: &Store) {
        if self.epoch != store.epoch() {
            self.epoch = store.epoch();
            self.sets = SetTable::default();
            self.value_sets.iter_mut().for_each(Vec::clear);
            self.absent_sets.clear();
            self.plans.clear();
            self.plan_of_layout.clear();
            self.plan_of_shape.clear();
            self.lazy_results.clear();
        }
    }

    fn program_of_plan(&self, plan: u32) -> Option<&Program> {
        let plan = self.plans.get(plan as usize)?;
        self.programs.get(plan.program as usize)
    }

    fn plan_of(&mut self, store: &Store, batch: &Batch) -> (u32, Option<FilterId>) {
        let shape = batch.shape();
        if let Some(&known) = self.plan_of_shape.get(&shape) {
            return known;
        }
        let program = self.program_for(store, shape);
        let key = (program, shape.layout, shape.kind);
        let plan = match self.plan_of_layout.get(&key) {
            Some(&plan) => plan,
            None => self.new_plan(program, batch, key),
        };
        let deep = self.possible_keyword_rules(store, shape, program);
        let filter = self.filter_for(deep);
        self.plan_of_shape.insert(shape, (plan, filter));
        (plan, filter)
    }

    fn program_for(&mut self, store: &Store, shape: Shape) -> u32 {
        let Some(kind) = store.kinds().kind(shape.kind) else { return self.program(Vec::new()) };
        let channel = store.text(well_known::CHANNEL, shape.channel);
        let provider = store.text(well_known::PROVIDER, shape.provider);
        let event_id = store.text(well_known::EVENT_ID, shape.event_id);
        let routes = self.engine.routes.iter().zip(0u32..);
        let matching = routes.filter(|(r, _)| r.matches(kind, channel, provider, event_id)).map(|(_, n)| n);
        let matching = matching.collect();
        self.program(matching)
    }

    fn program(&mut self, routes: Vec<u32>) -> u32 {
        if let Some(&known) = self.program_index.get(&routes) {
            return known;
        }
        let program = Program::new(self.engine, &routes, self.depth);
        let number = self.programs.len() as u32;
        self.programs.push(program);
        self.program_index.insert(routes, number);
        number
    }

    /// Whether any rule could match some event of this batch's kind, channel, provider and event id.
    pub fn may_match(&mut self, store: &Store, batch: &Batch) -> bool {
        self.follow(store);
        let program = self.program_for(store, batch.shape());
        let variants = self.programs.get(program as usize).map(Program::variants).unwrap_or_default();
        !self.possible(store, batch.shape(), variants).is_empty()
    }

    /// The keyword rules of a program that channel, provider and event id do not rule out.
    fn possible_keyword_rules(&mut self, store: &Store, shape: Shape, program: u32) -> Vec<u32> {
        let deep = self.programs.get(program as usize).map(|p| p.deep.clone()).unwrap_or_default();
        self.possible(store, shape, deep)
    }

    /// Those of some variants that channel, provider and event id do not rule out.
    fn possible(&mut self, store: &Store, shape: Shape, variants: Vec<u32>) -> Vec<u32> {
        let fixed = [
            (well_known::CHANNEL, shape.channel),
            (well_known::PROVIDER, shape.provider),
            (well_known::EVENT_ID, shape.event_id),
        ];
        let facts = fixed.map(|(field, value)| (field, self.set_of(store, field, value)));
        let (engine, sets) = (self.engine, &self.sets);
        let mut truth = |id: PredicateId| {
            let predicate = engine.predicates.get(id).filter(|p| p.lazy.is_none())?;
            let (_, set) = facts.iter().find(|(field, _)| *field == predicate.field)?;
            Some(sets.members(*set).contains(&id))
        };
        let mut possible = |number: &u32| {
            let variant = engine.variants.get(*number as usize);
            variant.is_some_and(|v| v.expression.evaluate(&mut truth) != Some(false))
        };
        variants.into_iter().filter(|n| possible(n)).collect()
    }

    /// The filter for these keyword rules; `None` for none.
    fn filter_for(&mut self, deep: Vec<u32>) -> Option<FilterId> {
        if deep.is_empty() {
            return None;
        }
        if let Some(&known) = self.filter_index.get(&deep) {
            return Some(known);
        }
        let mut filter = KeywordPrefilter::default();
        let rules = deep.iter().filter_map(|&n| self.engine.variants.get(n as usize));
        for rule in rules.filter_map(|v| self.engine.rule(v.rule)) {
            rule.conditions.iter().for_each(|c| filter.add_condition(c, &self.engine.bulky));
        }
        let id = FilterId(self.filters.len() as u32);
        self.filters.push((deep.clone(), filter));
        self.filter_index.insert(deep, id);
        Some(id)
    }

    fn new_plan(&mut self, program: u32, batch: &Batch, key: (u32, LayoutId, KindId)) -> u32 {
        let mut plan = Plan {
            program,
            columns: Vec::new(),
            base: Vec::new(),
            outcomes: HashMap::default(),
            found: Vec::new(),
        };
        if let Some(program) = self.programs.get(program as usize) {
            let read = |field: FieldId| self.depth == Depth::Keywords || program.fields.contains(&field);
            let columns = batch.fields().iter().zip(0u32..).filter(|(f, _)| read(**f));
            plan.columns = columns.map(|(&f, position)| (position, f)).collect();
            for &field in program.fields.iter().filter(|f| batch.position(**f).is_none()) {
                let matcher = self.engine.matchers.get(field.index()).and_then(Option::as_ref);
                plan.base.extend(matcher.map(FieldMatcher::when_absent).unwrap_or_default());
            }
        }
        let number = self.plans.len() as u32;
        self.plans.push(plan);
        self.plan_of_layout.insert(key, number);
        number
    }

    #[inline]
    fn set_of(&mut self, store: &Store, field: FieldId, value: ValueId) -> u32 {
        if value.is_absent() {
            return self.absent_set(field);
        }
        let known = self.value_sets.get(field.index()).and_then(|sets| sets.get(value.index()));
        match known {
            Some(&set) if set != UNKNOWN => set,
            _ => self.test_value(store, field, value),
        }
    }

    fn absent_set(&mut self, field: FieldId) -> u32 {
        match self.absent_sets.get(field.index()) {
            Some(&set) if set != UNKNOWN => set,
            _ => self.learn_absent(field),
        }
    }

    #[cold]
    fn learn_absent(&mut self, field: FieldId) -> u32 {
        let matcher = self.engine.matchers.get(field.index()).and_then(Option::as_ref);
        let predicates = matcher.map(FieldMatcher::when_absent).unwrap_or_default();
        let set = self.sets.number(predicates.to_vec());
        if self.absent_sets.len() <= field.index() {
            self.absent_sets.resize(field.index() + 1, UNKNOWN);
        }
        if let Some(slot) = self.absent_sets.get_mut(field.index()) {
            *slot = set;
        }
        set
    }

    #[cold]
    fn test_value(&mut self, store: &Store, field: FieldId, value: ValueId) -> u32 {
        let mut holds = Vec::new();
        if let Some(dictionary) = store.dictionary(field) {
            let matcher = self.engine.matchers.get(field.index()).and_then(Option::as_ref);
            let keywords = self.engine.keywords.as_ref().filter(|_| self.depth == Depth::Keywords);
            for matcher in matcher.into_iter().chain(keywords) {
                if dictionary.kind(value) == ValueKind::List {
                    for element in dictionary.elements(value) {
                        let (text, kind) = (dictionary.str(element), dictionary.kind(element));
                        matcher.test(text, kind, &mut self.scratch, &mut holds);
                    }
                } else {
                    matcher.test(
                        dictionary.str(value),
                        dictionary.kind(value),
                        &mut self.scratch,
                        &mut holds,
                    );
                }
            }
        }
        let set = self.sets.number(holds);
        while self.value_sets.len() <= field.index() {
            self.value_sets.push(Vec::new());
        }
        if let Some(sets) = self.value_sets.get_mut(field.index()) {
            if sets.len() <= value.index() {
                sets.resize(value.index() + 1, UNKNOWN);
            }
            if let Some(slot) = sets.get_mut(value.index()) {
                *slot = set;
            }
        }
        set
    }

    fn outcome(&mut self, plan: u32, key: &[u32]) -> &Outcome {
        static NOTHING: std::sync::LazyLock<Outcome> = std::sync::LazyLock::new(Outcome::default);
        let known = self.plans.get(plan as usize).and_then(|p| p.outcomes.get(key)).copied();
        let at = known.unwrap_or_else(|| self.learn(plan, key));
        self.plans.get(plan as usize).and_then(|p| p.found.get(at as usize)).unwrap_or(&NOTHING)
    }

    #[cold]
    fn learn(&mut self, plan: u32, key: &[u32]) -> u32 {
        let outcome = self.evaluate_rules(plan, key);
        let Some(plan) = self.plans.get_mut(plan as usize) else { return UNKNOWN };
        if plan.found.len() >= MEMORY_LIMIT {
            plan.outcomes.clear();
            plan.found.clear();
        }
        let at = plan.found.len() as u32;
        plan.found.push(outcome);
        plan.outcomes.insert(key.into(), at);
        at
    }

    /// Marks the predicates that hold for a tuple of sets.
    fn mark_truth(&mut self, plan: u32, key: &[u32]) {
        self.truth.next();
        let base = self.plans.get(plan as usize).map_or(&[][..], |p| p.base.as_slice());
        for predicate in base.iter().chain(key.iter().flat_map(|&set| self.sets.members(set))) {
            self.truth.mark(predicate.index());
        }
    }

    #[cold]
    fn evaluate_rules(&mut self, number: u32, key: &[u32]) -> Outcome {
        self.mark_truth(number, key);
        self.tried.next();
        let engine = self.engine;
        let Some(plan) = self.plans.get(number as usize) else { return Outcome::default() };
        let Some(program) = self.programs.get(plan.program as usize) else { return Outcome::default() };
        let (mut matched, mut undecided) = (Vec::new(), Vec::new());
        let holding = plan.base.iter().chain(key.iter().flat_map(|&set| self.sets.members(set)));
        let woken = holding.flat_map(|p| engine.watchers.get(p.index()).into_iter().flatten());
        for &number in woken.chain(&program.always) {
            if !program.contains(number) || !self.tried.mark(number as usize) {
                continue;
            }
            let Some(variant) = engine.variants.get(number as usize) else { continue };
            let truth = &self.truth;
            let result = variant.expression.evaluate(&mut |p| {
                let lazy = engine.predicates.get(p).is_some_and(|p| p.lazy.is_some());
                if lazy { None } else { Some(truth.is_marked(p.index())) }
            });
            match result {
                Some(true) => matched.push(variant.rule),
                Some(false) => {}
                None => undecided.push(number),
            }
        }
        matched.sort_unstable();
        matched.dedup();
        undecided.sort_unstable();
        Outcome { matched: matched.into(), undecided: undecided.into() }
    }

    #[expect(clippy::too_many_arguments, reason = "the row under evaluation, spelled out")]
    fn decide_lazily(
        &mut self,
        store: &Store,
        batch: &Batch,
        row: usize,
        plan: u32,
        key: &[u32],
        outcome: &Outcome,
        report: &mut impl FnMut(RuleIndex, usize),
    ) {
        self.mark_truth(plan, key);
        if self.lazy_results.len() >= MEMORY_LIMIT {
            self.lazy_results.clear();
        }
        let mut reported: Vec<RuleIndex> = outcome.matched.to_vec();
        for &number in &outcome.undecided {
            let Some(variant) = self.engine.variants.get(number as usize) else { continue };
            if reported.contains(&variant.rule) {
                continue;
            }
            let (engine, truth, results) = (self.engine, &self.truth, &mut self.lazy_results);
            let result = variant.expression.evaluate(&mut |id| {
                let predicate = engine.predicates.get(id)?;
                Some(match &predicate.lazy {
                    None => truth.is_marked(id.index()),
                    Some(lazy) => RowView { store, batch, row }.holds(id, predicate.field, lazy, results),
                })
            });
            if result == Some(true) {
                reported.push(variant.rule);
                report(variant.rule, row);
            }
        }
    }
}

/// One event, for tests that look at its texts.
struct RowView<'s> {
    store: &'s Store,
    batch: &'s Batch,
    row: usize,
}

impl RowView<'_> {
    fn holds(
        &self,
        id: PredicateId,
        field: FieldId,
        lazy: &Lazy,
        results: &mut HashMap<(PredicateId, ValueId), bool, RandomState>,
    ) -> bool {
        match lazy {
            Lazy::Regex { .. } if field == ANY_FIELD => {
                let fields = self.batch.fields().iter();
                fields.into_iter().any(|&f| self.texts(f).any(|text| lazy.is_match(text)))
            }
            Lazy::Regex { .. } => {
                let value = self.batch.cell(self.row, field);
                *results
                    .entry((id, value))
                    .or_insert_with(|| self.texts(field).any(|text| lazy.is_match(text)))
            }
            Lazy::FieldRef { other, place, cased } => self
                .texts(field)
                .any(|text| self.texts(*other).any(|reference| relates(text, reference, *place, *cased))),
        }
    }

    /// The texts of a field: none when absent or null, several for a list.
    fn texts(&self, field: FieldId) -> impl Iterator<Item = &str> {
        let value = self.batch.cell(self.row, field);
        let dictionary = self.store.dictionary(field);
        dictionary.into_iter().flat_map(move |d| d.elements(value).map(move |e| d.str(e)))
    }
}

impl Program {
    fn new(engine: &Engine, routes: &[u32], depth: Depth) -> Self {
        let mut program = Self {
            members: vec![0; engine.variants.len().div_ceil(64)],
            always: Vec::new(),
            fields: Vec::new(),
            is_empty: true,
            deep: Vec::new(),
        };
        let mut fields = std::collections::BTreeSet::new();
        for (variant, number) in engine.variants.iter().zip(0u32..) {
            if !routes.contains(&variant.route) {
                continue;
            }
            if variant.deep {
                program.deep.push(number);
            }
            if variant.deep != (depth == Depth::Keywords) {
                continue;
            }
            program.is_empty = false;
            if let Some(word) = program.members.get_mut(number as usize / 64) {
                *word |= 1 << (number % 64);
            }
            variant.expression.visit(&mut |p| {
                fields.extend(engine.predicates.get(p).filter(|p| p.lazy.is_none()).map(|p| p.field));
            });
        }
        fields.remove(&ANY_FIELD);
        program.fields = fields.into_iter().collect();
        for &route in routes {
            program.always.extend(engine.always.get(route as usize).into_iter().flatten());
        }
        program
    }

    /// Every variant among the routes, whatever the depth.
    fn variants(&self) -> Vec<u32> {
        let own = (0..self.members.len() as u32 * 64).filter(|n| self.contains(*n));
        own.chain(self.deep.iter().copied()).collect()
    }

    fn contains(&self, variant: u32) -> bool {
        self.members.get(variant as usize / 64).is_some_and(|word| word >> (variant % 64) & 1 == 1)
    }
}

/// Numbered sets of predicates; 0 is the empty set.
#[derive(Debug)]
struct SetTable {
    sets: Vec<Box<[PredicateId]>>,
    index: HashMap<Box<[PredicateId]>, u32, RandomState>,
}

impl Default for SetTable {
    fn default() -> Self {
        Self { sets: vec![Box::new([])], index: HashMap::default() }
    }
}

impl SetTable {
    fn number(&mut self, mut predicates: Vec<PredicateId>) -> u32 {
        if predicates.is_empty() {
            return EMPTY_SET;
        }
        predicates.sort_unstable();
        predicates.dedup();
        if let Some(&known) = self.index.get(predicates.as_slice()) {
            return known;
        }
        let number = self.sets.len() as u32;
        let set: Box<[PredicateId]> = predicates.into();
        self.sets.push(set.clone());
        self.index.insert(set, number);
        number
    }

    fn members(&self, number: u32) -> &[PredicateId] {
        self.sets.get(number as usize).map_or(&[], AsRef::as_ref)
    }
}

/// A set of indices that is emptied in constant time.
#[derive(Debug)]
struct Marks {
    stamps: Vec<u32>,
    now: u32,
}

impl Marks {
    fn new(len: usize) -> Self {
        Self { stamps: vec![0; len], now: 0 }
    }

    fn next(&mut self) {
        self.now = self.now.wrapping_add(1);
        if self.now == 0 {
            self.stamps.fill(0);
            self.now = 1;
        }
    }

    /// Marks; true when it was not marked yet.
    fn mark(&mut self, at: usize) -> bool {
        let now = self.now;
        self.stamps.get_mut(at).is_some_and(|stamp| std::mem::replace(stamp, now) != now)
    }

    fn is_marked(&self, at: usize) -> bool {
        self.stamps.get(at) == Some(&self.now)
    }
}

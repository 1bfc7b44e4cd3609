//! All sources of a ledger.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use serde::{Deserialize, Serialize};

use super::arrivals::Run;
use super::calendar::DayFacts;
use super::finding::nanos;
use super::sequence::{GRACE_NS, Sequence};
use super::{
    CLOCK_SOURCE, Day, DayCell, FINDING_VERSION, Finding, Loss, MAX_DAYS, MAX_SOURCES, Numbering, What,
};

/// A clock of the ledger that goes back by more than this was changed.
const CLOCK_JITTER_NS: i64 = NANOS_PER_SECOND;
/// Spans of one source that are kept apart; more are joined.
const MAX_SPANS: usize = 4096;

/// What a source is said to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Promise {
    /// How it numbers its records. Without a statement, a source whose records carry numbers is a plain counter.
    pub numbering: Option<Numbering>,
    /// Whether it sends records again, with the same number, when it is unsure that they arrived. Then a number that comes
    /// twice is no sign of a new count, and one that comes late still counts.
    pub redelivers: bool,
    /// The longest time between two records, in nanoseconds, if it promises to be heard.
    pub heard_every_ns: Option<i64>,
}

/// One record as it was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// When.
    pub at: Timestamp,
    /// Numbers of the first and the last event in it, if the source numbers them.
    pub numbers: Option<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    #[serde(with = "nanos")]
    from: Timestamp,
    #[serde(with = "nanos")]
    to: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Source {
    sequence: Option<Sequence>,
    /// Records came without a number since the source numbers them, or the other way round.
    unnumbered: Vec<Span>,
    redelivers: bool,
    heard_every_ns: Option<i64>,
    /// Since when it is expected to be heard.
    #[serde(with = "nanos")]
    since: Timestamp,
    #[serde(with = "nanos")]
    latest: Timestamp,
    heard: bool,
    silent: bool,
    silences: Vec<Span>,
    days: BTreeMap<Day, u64>,
    /// The latest day whose number of records was forgotten.
    forgotten: Option<Day>,
    erased: BTreeSet<Day>,
    records: u64,
}

/// What is known of one source as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceSummary {
    /// Records received.
    pub records: u64,
    /// Records whose number had come before.
    pub repeated: u64,
    /// Whether the sequence of its records is known.
    pub numbered: bool,
    /// Since when it is known, and when it was last heard; the same time if never.
    pub since: Timestamp,
    /// Time of the latest record.
    pub latest: Timestamp,
    /// Whether it is silent against its promise.
    pub silent: bool,
    /// When records were lost, in order of time.
    pub losses: Vec<Loss>,
}

/// The completeness of all sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    sources: BTreeMap<String, Source>,
    beyond_bound: u64,
    /// Time of the latest tick, in nanoseconds.
    tick: Option<i64>,
    /// Time of the tick before the clock went ahead, until it comes back.
    ahead_since: Option<i64>,
}

impl Completeness {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records of sources beyond [`MAX_SOURCES`].
    pub fn beyond_bound(&self) -> u64 {
        self.beyond_bound
    }

    /// Time of the latest tick of the ledger's clock.
    pub fn last_tick(&self) -> Option<Timestamp> {
        self.tick.map(Timestamp::from_nanos)
    }

    /// Names of the sources, in order.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// A source is known, and what it promises, from `at` on. Later promises replace earlier ones; numbers that were
    /// tracked stay unless the way of numbering changes.
    pub fn expect(&mut self, source: &str, promise: Promise, at: Timestamp) {
        let Some(known) = self.source(source, at) else { return };
        match (promise.numbering, &mut known.sequence) {
            (Some(numbering), Some(sequence)) if sequence.numbering() != numbering => {
                sequence.renumber(numbering, at);
            }
            (Some(numbering), none @ None) => *none = Some(Sequence::new(numbering, promise.redelivers)),
            _ => {}
        }
        known.redelivers = promise.redelivers;
        known.sequence.iter_mut().for_each(|sequence| sequence.set_redelivers(promise.redelivers));
        if known.heard_every_ns != promise.heard_every_ns {
            known.heard_every_ns = promise.heard_every_ns;
            known.since = at;
        }
    }

    /// A record was received.
    pub fn observe(&mut self, source: &str, arrival: Arrival, found: &mut Vec<Finding>) {
        self.observe_runs(source, &[Run { at: arrival.at, numbers: arrival.numbers, records: 1 }], found);
    }

    /// The records of a block were received.
    pub(crate) fn observe_runs(&mut self, source: &str, runs: &[Run], found: &mut Vec<Finding>) {
        let Some(first) = runs.first() else { return };
        let Some(known) = self.source(source, first.at) else {
            let records: u64 = runs.iter().map(|run| run.records).sum();
            self.beyond_bound = self.beyond_bound.saturating_add(records);
            return;
        };
        let mut what = Vec::new();
        for run in runs {
            known.observe(*run, &mut what);
            found.extend(what.drain(..).map(|what| finding(source, run.at, what)));
        }
    }

    /// Records of a source are in the log and cannot be read any more: how they were numbered is in doubt for ever.
    pub(crate) fn unreadable(
        &mut self,
        source: &str,
        (from, to): (Timestamp, Timestamp),
        records: u64,
        found: &mut Vec<Finding>,
    ) {
        let Some(known) = self.source(source, from) else {
            self.beyond_bound = self.beyond_bound.saturating_add(records);
            return;
        };
        let mut what = Vec::new();
        known.observe(Run { at: from, numbers: None, records }, &mut what);
        known.latest = known.latest.max(to);
        join(&mut known.unnumbered, from, to);
        found.extend(what.into_iter().map(|what| finding(source, from, what)));
    }

    /// The ledger's clock has ticked: what is overdue is found. `every_ns` is the time between ticks.
    pub fn tick(&mut self, now: Timestamp, every_ns: i64, found: &mut Vec<Finding>) {
        self.ticked(now, every_ns, false, found);
    }

    /// The ledger was opened: from its last tick until now nothing can have been received.
    pub fn opened(&mut self, now: Timestamp, every_ns: i64, found: &mut Vec<Finding>) {
        self.ticked(now, every_ns, true, found);
    }

    fn ticked(&mut self, now: Timestamp, every_ns: i64, opened: bool, found: &mut Vec<Finding>) {
        if let Some(before) = self.tick.replace(now.as_nanos()) {
            let from = Timestamp::from_nanos(before);
            let passed = now.as_nanos().saturating_sub(before);
            let stepped = passed < -CLOCK_JITTER_NS || passed > every_ns.saturating_mul(3);
            if opened && passed > every_ns {
                found.push(finding(CLOCK_SOURCE, now, What::NotRunning { from, to: now }));
            } else if stepped {
                found.push(finding(CLOCK_SOURCE, now, What::ClockStep { from, to: now }));
            }
            if stepped {
                self.step_clock(before, now);
            }
        }
        for (name, source) in &mut self.sources {
            let mut what = Vec::new();
            source.tick(now, &mut what);
            found.extend(what.into_iter().map(|what| finding(name, now, what)));
        }
    }

    /// A clock that went ahead and came back, to no earlier than where it left, leaves times behind that never were.
    /// They are cut to now, or days to come would carry silences and gaps of a year that was never reached. A clock that
    /// comes back further is not believed: that would take doubt away from days that were.
    fn step_clock(&mut self, before: i64, now: Timestamp) {
        if now.as_nanos() > before {
            self.ahead_since.get_or_insert(before);
        } else if self.ahead_since.take().is_some_and(|since| since <= now.as_nanos()) {
            self.sources.values_mut().for_each(|source| source.clamp(now));
        }
    }

    /// The records of a source and day were erased by order.
    pub fn erased(&mut self, source: &str, day: Day) {
        if let Some(known) = self.sources.get_mut(source) {
            known.erased.insert(day);
        }
    }

    /// What is known of one source.
    pub fn summary(&self, source: &str) -> Option<SourceSummary> {
        self.sources.get(source).map(Source::summary)
    }

    /// The days from `first` to `last` of a source, as known at `as_of`. Days that nobody has seen are unknown, for
    /// unknown sources all of them.
    pub fn calendar(&self, source: &str, first: Day, last: Day, as_of: Timestamp) -> Vec<DayCell> {
        let known = self.sources.get(source);
        let facts = |day| {
            let unknown = DayFacts {
                day,
                as_of,
                records: 0,
                missing: 0,
                gap: false,
                doubt: false,
                numbered_through: false,
                silent: None,
                silent_in_part: false,
                erased: false,
                known: false,
                accountable: false,
            };
            known.map_or(unknown, |source| source.facts(unknown))
        };
        (first.0..=last.0).map(|day| facts(Day(day)).judge()).collect()
    }

    fn source(&mut self, name: &str, at: Timestamp) -> Option<&mut Source> {
        if !self.sources.contains_key(name) {
            if self.sources.len() >= MAX_SOURCES {
                return None;
            }
            self.sources.insert(name.to_owned(), Source::new(at));
        }
        self.sources.get_mut(name)
    }
}

impl Source {
    fn new(at: Timestamp) -> Self {
        Self {
            sequence: None,
            unnumbered: Vec::new(),
            redelivers: false,
            heard_every_ns: None,
            since: at,
            latest: at,
            heard: false,
            silent: false,
            silences: Vec::new(),
            days: BTreeMap::new(),
            forgotten: None,
            erased: BTreeSet::new(),
            records: 0,
        }
    }

    fn observe(&mut self, run: Run, found: &mut Vec<What>) {
        let at = run.at;
        if !self.heard {
            found.push(What::Appeared);
        }
        self.note_silence(at, found);
        if self.silent {
            self.silent = false;
            let since = self.latest.max(self.since);
            found.push(What::Resumed { since });
        }
        match (run.numbers, &mut self.sequence) {
            (Some(numbers), Some(sequence)) => sequence.observe(numbers, at, found),
            (Some(numbers), none) => {
                // Records without a number came before: what those were is in doubt for ever.
                let mut sequence = Sequence::new(Numbering::COUNTER, self.redelivers);
                sequence.observe(numbers, at, found);
                *none = Some(sequence);
            }
            (None, Some(_)) => join(&mut self.unnumbered, at, at),
            (None, None) => {}
        }
        self.heard = true;
        self.latest = at;
        self.records = self.records.saturating_add(run.records);
        let of_day = self.days.entry(Day::of(at)).or_default();
        *of_day = of_day.saturating_add(run.records);
        if self.days.len() > MAX_DAYS {
            self.forgotten = self.forgotten.max(self.days.pop_first().map(|(day, _)| day));
        }
    }

    fn tick(&mut self, now: Timestamp, found: &mut Vec<What>) {
        self.note_silence(now, found);
        if let Some(sequence) = &mut self.sequence {
            sequence.tick(now, found);
        }
    }

    /// The silence that reaches to `now`: it begins when the promise is broken.
    fn silence_until(&self, now: Timestamp) -> Option<Span> {
        let heard = self.latest.max(self.since).as_nanos();
        let from = Timestamp::from_nanos(heard.saturating_add(self.heard_every_ns?));
        (now > from).then_some(Span { from, to: now })
    }

    fn note_silence(&mut self, now: Timestamp, found: &mut Vec<What>) {
        let Some(silence) = self.silence_until(now) else { return };
        if self.silent {
            if let Some(last) = self.silences.last_mut() {
                last.to = last.to.max(now);
            }
            return;
        }
        self.silent = true;
        let (since, promised_ns) = (self.latest.max(self.since), self.heard_every_ns.unwrap_or(0));
        found.push(What::Silent { since, promised_ns });
        self.silences.push(silence);
        if self.silences.len() > MAX_SPANS {
            let oldest = self.silences.remove(0);
            if let Some(next) = self.silences.first_mut() {
                next.from = next.from.min(oldest.from);
                next.to = next.to.max(oldest.to);
            }
        }
    }

    fn clamp(&mut self, now: Timestamp) {
        self.sequence.iter_mut().for_each(|sequence| sequence.clamp(now));
        self.latest = self.latest.min(now);
        self.since = self.since.min(now);
        for span in self.silences.iter_mut().chain(&mut self.unnumbered) {
            span.from = span.from.min(now);
            span.to = span.to.min(now);
        }
    }

    fn summary(&self) -> SourceSummary {
        let mut losses: Vec<Loss> = self.sequence.iter().flat_map(Sequence::losses).collect();
        losses.sort_by_key(|loss| (loss.after, loss.before));
        SourceSummary {
            records: self.records,
            repeated: self.sequence.as_ref().map_or(0, Sequence::repeated),
            numbered: self.sequence.is_some(),
            since: self.since,
            latest: self.latest,
            silent: self.silent,
            losses,
        }
    }

    fn facts(&self, mut facts: DayFacts) -> DayFacts {
        let day = facts.day;
        facts.records = self.days.get(&day).copied().unwrap_or(0);
        facts.erased = self.erased.contains(&day);
        facts.known = true;
        facts.accountable = self.sequence.is_some() || self.heard_every_ns.is_some();
        // A record that was overtaken by the one before the gap may have been due a little earlier.
        let early = |at: Timestamp| Timestamp::from_nanos(at.as_nanos().saturating_sub(GRACE_NS));
        for loss in self.sequence.iter().flat_map(Sequence::losses) {
            let (from, to) = (loss.after.min(loss.before), loss.after.max(loss.before));
            if day.meets(early(from), to) {
                facts.gap |= loss.missing.is_some();
                facts.doubt |= loss.missing.is_none();
                facts.missing = facts.missing.saturating_add(loss.missing.unwrap_or(0));
            }
        }
        facts.doubt |= self.forgotten.is_some_and(|forgotten| day <= forgotten);
        facts.doubt |= self.unnumbered.iter().any(|span| day.meets(span.from, span.to));
        if let Some((first, last)) = self.sequence.as_ref().and_then(Sequence::span) {
            facts.numbered_through = first < day.start() && early(last) >= day.end();
        }
        let now = self.silence_until(facts.as_of);
        facts.silent_in_part = self.silences.iter().chain(&now).any(|s| day.meets(s.from, s.to));
        if self.heard_every_ns.is_some() && self.since <= day.start() {
            facts.silent = Some(facts.silent_in_part);
        }
        facts
    }
}

/// Adds an interval to a list of them, bounded by joining the last two.
fn join(spans: &mut Vec<Span>, from: Timestamp, to: Timestamp) {
    let full = spans.len() >= MAX_SPANS;
    match spans.last_mut() {
        Some(last) if full || Day::of(last.to) == Day::of(from) => {
            last.from = last.from.min(from);
            last.to = last.to.max(to);
        }
        _ => spans.push(Span { from, to }),
    }
}

fn finding(source: &str, found: Timestamp, what: What) -> Finding {
    Finding { schema_version: FINDING_VERSION, source: source.to_owned(), found, what }
}

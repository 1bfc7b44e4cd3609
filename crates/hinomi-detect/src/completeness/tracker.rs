//! Counting while reading.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_columns::{Batch, Store, ValueId, well_known};
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::runs::Runs;
use super::{Active, MAX_HOURS, MAX_SOURCES, Silence, SourceReport};

/// Largest gaps and silences listed per source.
const MOST_LISTED: usize = 50;
const HOUR_NS: i64 = 3600 * NANOS_PER_SECOND;
const MINUTE_NS: i64 = 60 * NANOS_PER_SECOND;
/// A stretch is worth naming from this many hours …
const SHORTEST_SILENCE: u64 = 6;
/// … and this many times the source's usual pause between active hours.
const UNUSUAL_FACTOR: u64 = 4;

/// The span of time an investigation looks at; `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Inclusive start.
    pub since: Option<Timestamp>,
    /// Exclusive end.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether an event of this time counts. Events without time always do: unknown is not outside.
    pub fn contains(&self, time: Option<Timestamp>) -> bool {
        time.is_none_or(|t| self.since.is_none_or(|s| t >= s) && self.until.is_none_or(|u| t < u))
    }

    /// Whether something between two times, in either order, may lie inside. Unknown is not outside.
    pub(super) fn meets(&self, one: Option<Timestamp>, other: Option<Timestamp>) -> bool {
        let Some((one, other)) = one.zip(other) else { return true };
        let (first, last) = (one.min(other), one.max(other));
        self.since.is_none_or(|since| last >= since) && self.until.is_none_or(|until| first < until)
    }
}

/// Everything seen of every source.
#[derive(Clone, Debug, Default)]
pub struct SourceTracker {
    sources: BTreeMap<(String, String, String), Source>,
    /// Units begun.
    units: u64,
    window: Window,
}

#[derive(Clone, Debug, Default)]
struct Source {
    seen: u64,
    without_time: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Minutes with events as bits, by hour.
    hours: HashMap<i64, u64, RandomState>,
    last_minute: Option<i64>,
    runs: Runs,
    numbered: bool,
}

impl SourceTracker {
    /// The batches that follow are of another unit of the input than those before.
    pub fn begin_unit(&mut self) {
        self.units += 1;
    }

    /// Adds every row of `batch` inside `window`, which is the same for all. The numbers of the others are noted, so that what
    /// stands outside is not missing.
    pub fn add(&mut self, store: &Store, batch: &Batch, window: &Window) {
        let Some(kind) = store.kinds().kind(batch.shape().kind).map(hinomi_model::LogKind::name) else {
            return;
        };
        let channel = store.text(well_known::CHANNEL, batch.shape().channel);
        // Only channels number their events without holes; other sources' numbers are shared or skip.
        let numbered = !channel.is_empty();
        let channel = if channel.is_empty() { kind.as_str() } else { channel };
        let hosts = batch.hosts().unwrap_or_default();
        let units = self.units;
        self.window = *window;
        let mut from = 0;
        while from < batch.rows().len() {
            let host = hosts.get(from).copied().unwrap_or(ValueId::ABSENT);
            let same = |row: &usize| hosts.get(*row).copied().unwrap_or(ValueId::ABSENT) == host;
            let to = (from..batch.rows().len()).take_while(same).count() + from;
            let source = self.source(store.text(well_known::COMPUTER, host), channel, &kind);
            source.runs.begin(units);
            for row in batch.rows().get(from..to).unwrap_or_default() {
                if window.contains(row.time) {
                    source.add(row.time);
                }
                if let Some(number) = row.sequence.filter(|_| numbered) {
                    source.numbered = true;
                    source.runs.add(number, row.time);
                }
            }
            from = to;
        }
    }

    fn source(&mut self, host: &str, channel: &str, kind: &str) -> &mut Source {
        let full = self.sources.len() >= MAX_SOURCES;
        let mut key = (host.to_lowercase(), channel.to_owned(), kind.to_owned());
        if full && !self.sources.contains_key(&key) {
            key = (String::new(), String::new(), String::new());
        }
        self.sources.entry(key).or_default()
    }

    /// Adds what another tracker saw.
    pub fn merge(&mut self, other: Self) {
        if self.sources.is_empty() {
            *self = other;
            return;
        }
        if !other.sources.is_empty() {
            self.window = other.window;
        }
        for ((host, channel, kind), source) in other.sources {
            self.source(&host, &channel, &kind).merge(source);
        }
    }

    /// Latest stated time of any event.
    pub fn latest(&self) -> Option<Timestamp> {
        self.sources.values().filter_map(|s| s.last).max()
    }

    /// Reports in order of host and channel.
    pub fn finish(self) -> Vec<SourceReport> {
        let sources = self.sources.into_iter().filter(|(_, s)| s.seen > 0);
        let window = self.window;
        sources.map(|((host, channel, kind), source)| source.finish((host, channel, kind), &window)).collect()
    }
}

impl Source {
    fn add(&mut self, time: Option<Timestamp>) {
        self.seen += 1;
        match time {
            None => self.without_time += 1,
            Some(time) => {
                self.first = Some(self.first.map_or(time, |f| f.min(time)));
                self.last = Some(self.last.map_or(time, |l| l.max(time)));
                let minute = time.as_nanos().div_euclid(MINUTE_NS);
                if self.last_minute != Some(minute) {
                    self.last_minute = Some(minute);
                    self.note(minute.div_euclid(60), 1 << minute.rem_euclid(60));
                }
            }
        }
    }

    fn note(&mut self, hour: i64, minutes: u64) {
        if self.hours.len() < MAX_HOURS || self.hours.contains_key(&hour) {
            *self.hours.entry(hour).or_default() |= minutes;
        }
    }

    fn merge(&mut self, other: Self) {
        self.seen += other.seen;
        self.without_time += other.without_time;
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.into_iter().chain(other.last).max();
        for (hour, minutes) in other.hours {
            self.note(hour, minutes);
        }
        self.runs.merge(other.runs);
        self.numbered |= other.numbered;
    }

    fn finish(self, (host, channel, kind): (String, String, String), window: &Window) -> SourceReport {
        let minutes: BTreeMap<i64, u64> = self.hours.into_iter().collect();
        let hours: Vec<i64> = minutes.keys().copied().collect();
        let silences = silences(&hours);
        let found = self.runs.finish(MOST_LISTED, window);
        SourceReport {
            host,
            channel,
            kind,
            first: self.first,
            last: self.last,
            seen: self.seen,
            without_time: self.without_time,
            gaps: self.numbered.then_some(found.gaps),
            gap_count: found.gap_count,
            missing: found.missing,
            gaps_complete: found.complete,
            clock_jumps: found.jumps,
            clock_jump_count: found.jump_count,
            silences,
            hours,
            active: Active(minutes.into_iter().collect()),
        }
    }
}

/// Stretches of hours without events that are long both in themselves and for this source.
fn silences(hours: &[i64]) -> Vec<Silence> {
    let mut pauses: Vec<i64> = hours.windows(2).filter_map(|w| Some(w.last()? - w.first()?)).collect();
    if pauses.is_empty() {
        return Vec::new();
    }
    let middle = pauses.len() / 2;
    let usual = *pauses.select_nth_unstable(middle).1;
    let least = SHORTEST_SILENCE.max(usual as u64 * UNUSUAL_FACTOR);
    let stretch = |pair: &[i64]| {
        let (from, to) = (*pair.first()? + 1, *pair.last()?);
        let hours = u64::try_from(to - from).ok()?;
        let at = |hour: i64| Timestamp::from_nanos(hour.saturating_mul(HOUR_NS));
        (hours >= least).then(|| Silence { from: at(from), to: at(to), hours })
    };
    let mut found: Vec<Silence> = hours.windows(2).filter_map(stretch).collect();
    found.sort_by_key(|s| (std::cmp::Reverse(s.hours), s.from));
    found.truncate(MOST_LISTED);
    found.sort_by_key(|s| s.from);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_silence_only_where_the_source_is_usually_busy() {
        let busy: Vec<i64> = (0..24).chain(40..48).collect();
        let found = silences(&busy);
        assert_eq!(
            found.iter().map(|s| (s.from.as_nanos() / HOUR_NS, s.hours)).collect::<Vec<_>>(),
            [(24, 16)]
        );
        let weekly: Vec<i64> = (0..10).map(|week| week * 168).collect();
        assert_eq!(silences(&weekly), []);
        assert_eq!(silences(&[5]), []);
    }

    #[test]
    fn the_window_keeps_events_of_unknown_time() {
        let at = |n| Some(Timestamp::from_nanos(n));
        let window = Window { since: at(10), until: at(20) };
        let inside: Vec<bool> = [at(9), at(10), at(19), at(20), None].map(|t| window.contains(t)).to_vec();
        assert_eq!(inside, [false, true, true, false, true]);
    }
}

//! Runs of consecutive sequence numbers with the times at their ends.
//!
//! Each unit of the input is joined by itself, and all of them at the end: whichever thread read which unit, and in whatever
//! order its batches came, the same runs are joined. (Only beyond twice [`MAX_RUNS`] some are joined before.)
//!
//! # Definition
//! A clock jump stands between two neighbouring numbers of one batch, or between the only runs that end and begin there.
//! Where another run goes on across the place, two recordings overlap, and which number follows which is not known.

use std::collections::BTreeSet;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::{ClockJump, Gap, MAX_RUNS, Window};

/// A clock that goes back by less than this between neighbours is jitter of the writer.
const JITTER_NS: i64 = 60 * NANOS_PER_SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    first: u64,
    last: u64,
    first_time: Option<Timestamp>,
    last_time: Option<Timestamp>,
}

/// Numbers seen, in any order.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    /// Those of units that were left, then those of the present one.
    runs: Vec<Run>,
    /// How many are of units that were left.
    left: usize,
    unit: u64,
    /// What comes next continues no run.
    begins: bool,
    /// The first [`MAX_JUMPS`] by number; what was recorded twice stands once.
    jumps: BTreeSet<ClockJump>,
    dropped: u64,
}

/// What [`Runs::finish`] found.
pub(super) struct Findings {
    pub(super) gaps: Vec<Gap>,
    pub(super) gap_count: u64,
    pub(super) missing: u64,
    pub(super) jumps: Vec<ClockJump>,
    pub(super) jump_count: u64,
    /// False when the bound on runs was exceeded, so that counts are lower bounds.
    pub(super) complete: bool,
}

/// Clock jumps counted, and listed of these; a source with more has a broken clock.
const MAX_JUMPS: usize = 10_000;
const MOST_JUMPS: usize = 100;

impl Runs {
    /// Begins a batch of a unit; units have a number each.
    pub(super) fn begin(&mut self, unit: u64) {
        if self.unit != unit || self.runs.len() - self.left > 2 * MAX_RUNS {
            self.leave();
            self.unit = unit;
        }
        self.begins = true;
    }

    pub(super) fn add(&mut self, number: u64, time: Option<Timestamp>) {
        let begins = std::mem::take(&mut self.begins);
        if let Some(run) = self.runs.last_mut().filter(|_| !begins)
            && number == run.last.wrapping_add(1)
        {
            let before = run.last_time;
            run.last = number;
            run.last_time = time.or(before);
            self.note_jump(number, before, time);
            return;
        }
        self.runs.push(Run { first: number, last: number, first_time: time, last_time: time });
    }

    fn note_jump(&mut self, number: u64, before: Option<Timestamp>, after: Option<Timestamp>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        if before.as_nanos().saturating_sub(after.as_nanos()) <= JITTER_NS {
            return;
        }
        self.keep(ClockJump { at_sequence: number, from: before, to: after });
    }

    fn keep(&mut self, jump: ClockJump) {
        self.jumps.insert(jump);
        if self.jumps.len() > MAX_JUMPS {
            self.jumps.pop_last();
        }
    }

    pub(super) fn merge(&mut self, mut other: Self) {
        self.leave();
        other.leave();
        self.runs.append(&mut other.runs);
        self.left = self.runs.len();
        other.jumps.into_iter().for_each(|jump| self.keep(jump));
        self.dropped += other.dropped;
        self.shrink();
    }

    /// Joins the runs of the present unit, to which nothing is added any more.
    fn leave(&mut self) {
        let mut present = self.runs.split_off(self.left);
        self.join(&mut present);
        self.runs.append(&mut present);
        self.left = self.runs.len();
        self.shrink();
    }

    /// Keeps to the bound. Past it the last runs are dropped, and counted: their numbers then show as missing after the
    /// last gap, never as seen.
    fn shrink(&mut self) {
        if self.left > 2 * MAX_RUNS {
            self.join_all();
        }
    }

    fn join_all(&mut self) {
        let mut all = std::mem::take(&mut self.runs);
        self.join(&mut all);
        self.dropped += all.len().saturating_sub(MAX_RUNS) as u64;
        all.truncate(MAX_RUNS);
        self.left = all.len();
        self.runs = all;
    }

    /// Sorts, and joins runs that touch or overlap.
    fn join(&mut self, runs: &mut Vec<Run>) {
        if runs.len() < 2 {
            return;
        }
        runs.sort_unstable();
        self.jumps_between(runs);
        runs.dedup_by(|run, before| {
            if run.first > before.last.saturating_add(1) {
                return false;
            }
            if run.first == before.first {
                before.first_time = earlier(before.first_time, run.first_time);
            }
            if run.last > before.last {
                (before.last, before.last_time) = (run.last, run.last_time.or(before.last_time));
            } else if run.last == before.last {
                before.last_time = before.last_time.max(run.last_time);
            }
            true
        });
    }

    /// Notes where one run ends, the next begins earlier by the clock, and no other goes on across.
    fn jumps_between(&mut self, runs: &[Run]) {
        let mut ends: Vec<(u64, Option<Timestamp>)> = runs.iter().map(|r| (r.last, r.last_time)).collect();
        ends.sort_unstable();
        let mut ends = ends.chunk_by(|a, b| a.0 == b.0).peekable();
        // The greatest number of the runs that begin before.
        let mut reach = 0;
        for beginning in runs.chunk_by(|a, b| a.first == b.first) {
            let Some(number) = beginning.first().map(|run| run.first) else { continue };
            while ends.next_if(|end| end.first().is_some_and(|e| e.0.saturating_add(1) < number)).is_some() {}
            let touching =
                ends.peek().filter(|end| end.first().is_some_and(|e| e.0.checked_add(1) == Some(number)));
            if let Some(ending) = touching.filter(|_| reach < number) {
                let before = ending.iter().filter_map(|end| end.1).min();
                let after = beginning.iter().filter_map(|run| run.first_time).max();
                self.note_jump(number, before, after);
            }
            reach = beginning.iter().map(|run| run.last).max().unwrap_or(0).max(reach);
        }
    }

    /// Gaps between the runs, the clock jumps, and the totals of both, as far as they may lie in the window; `most` gaps
    /// are listed, the largest.
    pub(super) fn finish(mut self, most: usize, window: &Window) -> Findings {
        self.leave();
        self.join_all();
        let mut gaps: Vec<Gap> = Vec::new();
        for pair in self.runs.windows(2) {
            let [before, after] = pair else { continue };
            let gap = Gap {
                first_missing: before.last + 1,
                last_missing: after.first - 1,
                after: before.last_time,
                before: after.first_time,
            };
            if window.meets(gap.after, gap.before) {
                gaps.push(gap);
            }
        }
        let missing = gaps.iter().map(Gap::missing).sum();
        let count = gaps.len() as u64;
        gaps.sort_by_key(|g| (std::cmp::Reverse(g.missing()), g.first_missing));
        gaps.truncate(most);
        gaps.sort_by_key(|g| g.first_missing);
        let mut jumps: Vec<ClockJump> = self.jumps.into_iter().collect();
        jumps.retain(|jump| window.meets(Some(jump.from), Some(jump.to)));
        let jump_count = jumps.len() as u64;
        jumps.truncate(MOST_JUMPS);
        Findings { gaps, gap_count: count, missing, jumps, jump_count, complete: self.dropped == 0 }
    }
}

/// The earlier of two times as far as they are known.
fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[expect(clippy::unnecessary_wraps, reason = "times of events are optional")]
    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp::from_nanos(seconds * NANOS_PER_SECOND))
    }

    #[test]
    fn gaps_are_found_whatever_the_order() {
        let mut a = Runs::default();
        for n in [5, 6, 7, 20] {
            a.add(n, at(n as i64));
        }
        let mut b = Runs::default();
        for n in [8, 9, 3, 6] {
            b.add(n, at(n as i64));
        }
        a.merge(b);
        let Findings { gaps, gap_count: count, missing, jumps, .. } = a.finish(10, &Window::default());
        let ends: Vec<_> =
            gaps.iter().map(|g| (g.first_missing, g.last_missing, g.after, g.before)).collect();
        assert_eq!(ends, [(4, 4, at(3), at(5)), (10, 19, at(9), at(20))]);
        assert_eq!((count, missing, jumps.len()), (2, 11, 0));
    }

    #[test]
    fn a_clock_set_back_is_a_jump_and_jitter_is_not() {
        let mut runs = Runs::default();
        for (n, t) in [(1, 1000), (2, 950), (3, 400), (4, 500)] {
            runs.add(n, at(t));
        }
        let Findings { jumps, jump_count: count, .. } = runs.finish(10, &Window::default());
        assert_eq!(count, 1);
        assert_eq!(jumps, [ClockJump { at_sequence: 3, from: at(950).unwrap(), to: at(400).unwrap() }]);
    }

    #[test]
    fn recordings_that_overlap_show_no_jump_where_one_begins() {
        let mut runs = Runs::default();
        for (unit, numbers, time) in [(0, 1..=9, 5000), (1, 10..=20, 100), (2, 5..=15, 50)] {
            runs.begin(unit);
            numbers.for_each(|n| runs.add(n, at(time + n as i64)));
        }
        assert_eq!(runs.clone().finish(10, &Window::default()).jump_count, 0);
        // Without the third one, whatever follows 9 is ten.
        let mut alone = Runs::default();
        for (unit, numbers, time) in [(1, 10..=20, 100), (0, 1..=9, 5000)] {
            alone.begin(unit);
            numbers.for_each(|n| alone.add(n, at(time + n as i64)));
        }
        assert_eq!(
            alone.finish(10, &Window::default()).jumps,
            [ClockJump { at_sequence: 10, from: at(5009).unwrap(), to: at(110).unwrap() }]
        );
    }

    #[test]
    fn what_was_recorded_twice_is_one_jump() {
        let mut runs = Runs::default();
        for unit in 0..2 {
            runs.begin(unit);
            [(1, 1000), (2, 400), (3, 300)].into_iter().for_each(|(n, t)| runs.add(n, at(t)));
        }
        let told = |since: i64, until: i64| {
            let window = Window { since: at(since), until: at(until) };
            runs.clone().finish(10, &window).jump_count
        };
        assert_eq!([told(0, 2000), told(350, 500), told(0, 350), told(1001, 2000)], [2, 2, 1, 0]);
    }

    /// Batches of (first number, how many, first second, seconds per number).
    type Unit = Vec<(u64, u64, i64, i64)>;

    fn read(runs: &mut Runs, unit: u64, batches: &[(u64, u64, i64, i64)]) {
        for &(first, count, second, step) in batches {
            runs.begin(unit);
            (0..count).for_each(|n| runs.add(first + n, at(second + n as i64 * step)));
        }
    }

    fn units() -> impl Strategy<Value = Vec<Unit>> {
        let batch = (0..60_u64, 1..8_u64, 0..400_i64, -70..70_i64);
        prop::collection::vec(prop::collection::vec(batch, 1..5), 1..9)
    }

    proptest! {
        /// Who read which unit, and in which order its batches came, changes nothing.
        #[test]
        fn threads_do_not_show(
            units in units(),
            who in prop::collection::vec((0..3_usize, any::<bool>()), 9),
            backwards in any::<bool>(),
        ) {
            let mut one = Runs::default();
            (0..).zip(&units).for_each(|(number, unit)| read(&mut one, number, unit));
            let mut threads = [(); 3].map(|()| Runs::default());
            for ((number, unit), (thread, reversed)) in (0..).zip(&units).zip(who) {
                let mut unit = unit.clone();
                if reversed {
                    unit.reverse();
                }
                read(&mut threads[thread], number, &unit);
            }
            if backwards {
                threads.reverse();
            }
            let [mut all, second, third] = threads;
            all.merge(second);
            all.merge(third);
            let told = |runs: Runs| {
                let f = runs.finish(100, &Window::default());
                (f.gaps, f.gap_count, f.missing, f.jumps, f.jump_count, f.complete)
            };
            prop_assert_eq!(told(all), told(one));
        }
    }
}

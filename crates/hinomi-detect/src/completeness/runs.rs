//! Runs of consecutive sequence numbers with the times at their ends.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::{ClockJump, Gap, MAX_RUNS};

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
    runs: Vec<Run>,
    jumps: Vec<ClockJump>,
    jump_count: u64,
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

/// Clock jumps kept verbatim.
const MAX_JUMPS: usize = 100;

impl Runs {
    pub(super) fn add(&mut self, number: u64, time: Option<Timestamp>) {
        if let Some(run) = self.runs.last_mut()
            && number == run.last.wrapping_add(1)
        {
            let before = run.last_time;
            run.last = number;
            run.last_time = time.or(before);
            self.note_jump(number, before, time);
            return;
        }
        self.runs.push(Run { first: number, last: number, first_time: time, last_time: time });
        if self.runs.len() > 2 * MAX_RUNS {
            self.normalise();
        }
    }

    fn note_jump(&mut self, number: u64, before: Option<Timestamp>, after: Option<Timestamp>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        if before.as_nanos().saturating_sub(after.as_nanos()) <= JITTER_NS {
            return;
        }
        self.jump_count += 1;
        if self.jumps.len() < MAX_JUMPS {
            self.jumps.push(ClockJump { at_sequence: number, from: before, to: after });
        }
    }

    pub(super) fn merge(&mut self, mut other: Self) {
        self.runs.append(&mut other.runs);
        self.jumps.append(&mut other.jumps);
        self.jump_count += other.jump_count;
        self.dropped += other.dropped;
        if self.runs.len() > 2 * MAX_RUNS {
            self.normalise();
        }
    }

    /// Sorts and joins runs that touch or overlap. Past the bound the last runs are dropped, and counted: their
    /// numbers then show as missing after the last gap, never as seen.
    fn normalise(&mut self) {
        self.runs.sort_unstable();
        let mut joined: Vec<Run> = Vec::with_capacity(self.runs.len());
        for run in std::mem::take(&mut self.runs) {
            match joined.last_mut() {
                Some(last) if run.first <= last.last.saturating_add(1) => {
                    if run.first == last.last.saturating_add(1) {
                        let (before, after) = (last.last_time, run.first_time);
                        if run.last > last.last {
                            (last.last, last.last_time) = (run.last, run.last_time.or(before));
                        }
                        self.note_jump(run.first, before, after);
                    } else if run.last > last.last {
                        (last.last, last.last_time) = (run.last, run.last_time);
                    }
                }
                _ => joined.push(run),
            }
        }
        self.dropped += joined.len().saturating_sub(MAX_RUNS) as u64;
        joined.truncate(MAX_RUNS);
        self.runs = joined;
    }

    /// Gaps between the runs, the clock jumps, and the totals of both.
    pub(super) fn finish(mut self, most: usize) -> Findings {
        self.normalise();
        let mut gaps: Vec<Gap> = Vec::new();
        for pair in self.runs.windows(2) {
            let [before, after] = pair else { continue };
            gaps.push(Gap {
                first_missing: before.last + 1,
                last_missing: after.first - 1,
                after: before.last_time,
                before: after.first_time,
            });
        }
        let missing = gaps.iter().map(Gap::missing).sum();
        let count = gaps.len() as u64;
        gaps.sort_by_key(|g| (std::cmp::Reverse(g.missing()), g.first_missing));
        gaps.truncate(most);
        gaps.sort_by_key(|g| g.first_missing);
        self.jumps.sort_by_key(|j| j.at_sequence);
        self.jumps.dedup();
        Findings {
            gaps,
            gap_count: count,
            missing,
            jumps: self.jumps,
            jump_count: self.jump_count,
            complete: self.dropped == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let Findings { gaps, gap_count: count, missing, jumps, .. } = a.finish(10);
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
        let Findings { jumps, jump_count: count, .. } = runs.finish(10);
        assert_eq!(count, 1);
        assert_eq!(jumps, [ClockJump { at_sequence: 3, from: at(950).unwrap(), to: at(400).unwrap() }]);
    }
}

//! Sources as they are, played against what the tracker says of them.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use proptest::prelude::*;

use super::*;

const DAY: i64 = 86_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * NANOS_PER_SECOND)
}

fn numbered(seconds: i64, number: u64) -> Arrival {
    Arrival { at: at(seconds), numbers: Some((number, number)) }
}

fn states(cells: &[DayCell]) -> Vec<DayState> {
    cells.iter().map(|cell| cell.state).collect()
}

fn promised(seconds: i64) -> Promise {
    Promise { heard_every_ns: Some(seconds * NANOS_PER_SECOND), ..Promise::default() }
}

/// A tracker that knows one source, and what it found.
struct Run {
    tracker: Completeness,
    found: Vec<Finding>,
}

impl Run {
    fn new(promise: Promise) -> Self {
        let mut tracker = Completeness::new();
        tracker.expect("fw", promise, at(0));
        Self { tracker, found: Vec::new() }
    }

    fn numbering(numbering: Numbering) -> Self {
        Self::new(Promise { numbering: Some(numbering), ..Promise::default() })
    }

    fn redelivering(numbering: Numbering) -> Self {
        Self::new(Promise { numbering: Some(numbering), redelivers: true, heard_every_ns: None })
    }

    /// Records without numbers.
    fn hear_plain(&mut self, seconds: impl IntoIterator<Item = i64>) -> &mut Self {
        for seconds in seconds {
            self.tracker.observe("fw", Arrival { at: at(seconds), numbers: None }, &mut self.found);
        }
        self
    }

    fn hear(&mut self, arrivals: impl IntoIterator<Item = (i64, u64)>) -> &mut Self {
        for (seconds, number) in arrivals {
            self.tracker.observe("fw", numbered(seconds, number), &mut self.found);
        }
        self
    }

    fn tick(&mut self, seconds: i64) -> &mut Self {
        self.tracker.tick(at(seconds), 300 * NANOS_PER_SECOND, &mut self.found);
        self
    }

    /// What was found, apart from the appearance and the clock.
    fn found(&self) -> Vec<What> {
        let what = self.found.iter().filter(|f| f.source == "fw").map(|f| f.what.clone());
        what.filter(|what| *what != What::Appeared).collect()
    }

    fn days(&self, days: i32, as_of: i64) -> Vec<DayState> {
        states(&self.tracker.calendar("fw", Day(0), Day(days - 1), at(as_of)))
    }
}

#[test]
fn a_day_without_records_is_unknown_unless_numbers_or_a_promise_speak() {
    use DayState::{Missing, Partial, Present, Unknown};
    let nobody = Completeness::new().calendar("none", Day(0), Day(2), at(9 * DAY));
    assert_eq!(states(&nobody), [Unknown; 3]);

    let mut plain = Run::new(Promise::default());
    plain.hear_plain([DAY + 5]);
    assert_eq!(plain.days(4, 9 * DAY), [Unknown; 4]);
    assert_eq!(plain.tracker.calendar("fw", Day(1), Day(1), at(9 * DAY))[0].records, 1);

    // Numbers go on from day 0 to day 3: what was not received on day 1 and 2 was not sent.
    let mut quiet = Run::numbering(Numbering::EVENT_RECORD_ID);
    quiet.hear([(-9, 1), (200, 2), (3 * DAY + 100, 3)]);
    assert_eq!(quiet.days(5, 9 * DAY), [Present, Present, Present, Unknown, Unknown]);

    // Number 3 is missing: it can have been sent on any of these days.
    let mut gap = Run::numbering(Numbering::EVENT_RECORD_ID);
    gap.hear([(-9, 1), (200, 2), (3 * DAY + 100, 4), (4 * DAY + 100, 5)]);
    assert_eq!(gap.days(5, 9 * DAY), [Partial, Missing, Missing, Partial, Unknown]);

    let mut beat = Run::new(promised(600));
    beat.hear_plain((0..=2 * DAY + 5000).step_by(500));
    assert_eq!(beat.days(5, 5 * DAY), [Present, Present, Partial, Missing, Missing]);
    assert_eq!(beat.days(3, 2 * DAY + 5100), [Present, Present, Unknown], "the day is not over");
}

#[test]
fn a_gap_is_reported_once_reordering_can_no_longer_explain_it() {
    let mut run = Run::redelivering(Numbering::COUNTER);
    run.hear([(0, 0), (1, 1), (10, 5)]).tick(60);
    assert_eq!(run.found(), []);
    run.hear([(61, 3)]).tick(70);
    let gap = |n| What::Gap { first: n, last: n, missing: 1, after: at(1), before: at(10) };
    assert_eq!(run.found(), [gap(2), gap(4)]);
    run.tick(71).hear([(80, 4), (81, 4), (82, 6)]);
    assert_eq!(run.found()[2..], [What::GapFilled { first: 4, last: 4 }]);
    let summary = run.tracker.summary("fw").unwrap();
    assert_eq!(summary.repeated, 1);
    assert_eq!(summary.losses, [Loss { after: at(1), before: at(10), missing: Some(1) }]);
}

#[test]
fn records_that_hold_many_events_are_counted_by_their_numbers() {
    let mut run = Run::redelivering(Numbering::EVENT_RECORD_ID);
    let mut chunk = |seconds, first, last| {
        let arrival = Arrival { at: at(seconds), numbers: Some((first, last)) };
        run.tracker.observe("fw", arrival, &mut run.found);
    };
    chunk(0, 1, 90);
    chunk(1, 91, 180);
    // The last chunk of a log is sent again while it grows.
    chunk(2, 91, 200);
    chunk(3, 300, 400);
    chunk(4, 190, 250);
    run.tick(500);
    assert_eq!(run.found(), [What::Gap { first: 251, last: 299, missing: 49, after: at(2), before: at(3) }]);
}

#[test]
fn a_source_that_counts_anew_leaves_doubt_behind() {
    let mut run = Run::numbering(Numbering::EVENT_RECORD_ID);
    run.hear((1..6000).map(|n| (n as i64, n)));
    run.hear([(2 * DAY, 1), (2 * DAY + 1, 2), (3 * DAY + 100, 3)]).tick(3 * DAY + 200);
    let restarted = What::Restarted { from: 5999, to: 1, after: at(5999), before: at(2 * DAY) };
    assert_eq!(run.found(), [restarted]);
    run.hear([(4 * DAY + 100, 4)]);
    let days = run.days(4, 9 * DAY);
    assert_eq!((&days[..3], days[3]), (&[DayState::Unknown; 3][..], DayState::Present));
}

#[test]
fn one_forged_number_does_not_make_a_source_restart_or_lose() {
    for forged in [3, 1 << 40] {
        let mut run = Run::numbering(Numbering::COUNTER);
        run.hear((0..9000).map(|n| (n as i64, n)));
        run.hear([(9000, forged), (9001, 9000), (9002, 9001)]).tick(9500);
        assert_eq!(run.found(), [What::Stray { number: forged }]);
        assert_eq!(run.tracker.summary("fw").unwrap().losses, []);
    }
    // Near the true numbers a stray one may be a new count that meets the old one: the day is in doubt.
    let mut near = Run::numbering(Numbering::COUNTER);
    near.hear((0..90).map(|n| (n as i64, n))).hear([(90, 3), (91, 90), (2 * DAY + 100, 91)]);
    assert_eq!(near.found(), [What::Stray { number: 3 }]);
    assert_eq!(near.days(2, 3 * DAY), [DayState::Unknown, DayState::Present]);
    let mut believed = Run::numbering(Numbering::COUNTER);
    believed.hear([(0, 0), (1, 50_000)]).tick(100);
    let gap = What::Gap { first: 1, last: 49_999, missing: 49_999, after: at(0), before: at(1) };
    assert_eq!(believed.found(), [gap], "nothing contradicted it for a minute");
    let mut impossible = Run::numbering(Numbering::SYSLOG);
    impossible.hear([(0, 1), (1, 0), (2, 1 << 31)]);
    assert_eq!(impossible.found(), [What::Impossible { number: 0 }, What::Impossible { number: 1 << 31 }]);
}

#[test]
fn syslog_numbers_wrap_without_a_gap() {
    let mut run = Run::numbering(Numbering::SYSLOG);
    let last = Numbering::SYSLOG.last;
    run.hear([(0, last - 1), (1, last), (2, 1), (3, 3)]).tick(100);
    assert_eq!(run.found(), [What::Gap { first: 2, last: 2, missing: 1, after: at(2), before: at(3) }]);
}

#[test]
fn silence_begins_where_the_promise_breaks_and_ends_with_the_next_record() {
    let mut run = Run::new(promised(60));
    run.tick(50).tick(100).tick(150);
    let silent = |since| What::Silent { since: at(since), promised_ns: 60 * NANOS_PER_SECOND };
    assert_eq!(run.found(), [silent(0)], "expected from 0 on, and never heard");
    run.hear([(200, 1), (230, 2)]).tick(260).tick(291);
    assert_eq!(run.found()[1..], [What::Resumed { since: at(0) }, silent(230)]);
    assert!(run.tracker.summary("fw").unwrap().silent);
}

#[test]
fn steps_of_the_clock_are_found_and_do_not_darken_days_to_come() {
    let mut run = Run::new(promised(900));
    run.hear_plain([10]).tick(100).tick(400).tick(500 * DAY).tick(700);
    run.hear_plain((800..3 * DAY).step_by(800));
    let steps: Vec<_> = run.found.iter().filter(|f| f.source == CLOCK_SOURCE).map(|f| &f.what).collect();
    assert_eq!(
        steps,
        [
            &What::ClockStep { from: at(400), to: at(500 * DAY) },
            &What::ClockStep { from: at(500 * DAY), to: at(700) }
        ]
    );
    assert_eq!(run.days(2, 3 * DAY), [DayState::Partial, DayState::Present]);

    // Setting the clock back to before a silence takes nothing away from it.
    let mut hidden = Run::new(promised(900));
    hidden.hear_plain([10]).tick(3 * DAY).tick(20).hear_plain([DAY]);
    assert_eq!(hidden.days(2, 3 * DAY), [DayState::Partial; 2]);
}

#[test]
fn a_new_promise_does_not_forget_what_was_lost() {
    let mut run = Run::numbering(Numbering::COUNTER);
    run.hear([(0, 0), (10, 2), (DAY, 3)]);
    let promise = Promise { numbering: Some(Numbering::SYSLOG), ..Promise::default() };
    run.tracker.expect("fw", promise, at(DAY + 5));
    run.hear([(DAY + 10, 7), (3 * DAY, 8)]);
    assert_eq!(run.days(3, 4 * DAY), [DayState::Partial, DayState::Unknown, DayState::Unknown]);
    assert_eq!(run.tracker.summary("fw").unwrap().losses.len(), 2);
}

#[test]
fn unnumbered_records_among_numbered_ones_leave_the_day_unknown() {
    let mut run = Run::numbering(Numbering::COUNTER);
    run.hear([(-9, 0), (DAY + 5, 1)]);
    run.hear_plain([DAY + 6]).hear([(DAY + 7, 2), (2 * DAY + 100, 3), (3 * DAY + 100, 4)]);
    assert_eq!(run.days(3, 4 * DAY), [DayState::Present, DayState::Unknown, DayState::Present]);
}

#[test]
fn erased_days_say_so() {
    let mut run = Run::numbering(Numbering::COUNTER);
    run.hear([(0, 0), (2 * DAY, 1)]).tracker.erased("fw", Day(1));
    let cells = run.tracker.calendar("fw", Day(0), Day(1), at(3 * DAY));
    assert_eq!(cells.iter().map(|c| c.erased).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn memory_stays_bounded_and_what_is_forgotten_is_unknown() {
    let mut run = Run::numbering(Numbering::COUNTER);
    // Every second number is missing, for ever; one record a day.
    run.hear((0..9_000_u64).map(|n| (n as i64 * DAY, n * 2)));
    let summary = run.tracker.summary("fw").unwrap();
    assert!(summary.losses.len() <= super::sequence::MAX_OPEN + super::sequence::MAX_LOSSES);
    assert_eq!(summary.losses.iter().map(|l| l.missing.unwrap()).sum::<u64>(), 8_999);
    assert!(run.days(9_000, 9_001 * DAY).iter().all(|state| *state != DayState::Present));
    let mut quiet = Run::numbering(Numbering::COUNTER);
    quiet.hear((0..9_000_u64).map(|n| (n as i64 * DAY, n)));
    let days = quiet.days(9_000, 9_001 * DAY);
    let known = days.iter().filter(|state| **state == DayState::Present).count();
    assert_eq!((days[0], days[8_000], known), (DayState::Unknown, DayState::Present, MAX_DAYS - 2));
}

/// What happens to one source: after `pause` seconds it makes `made` records at once, of which the link loses those in
/// `lost`, and delays the others by less than a minute. If it counts anew, its first record arrives; were that lost too,
/// and the next ones until the old count is met, nothing could be seen.
#[derive(Clone, Debug)]
struct Step {
    pause: i64,
    made: u64,
    lost: Vec<bool>,
    delays: Vec<i64>,
    /// The source counts anew before this step, and what the step makes is numbered from the first number.
    anew: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![4 => 1..4_000_i64, 2 => 20_000..100_000_i64, 1 => 200_000..300_000_i64];
    let made = prop_oneof![24 => 1..6_u64, 1 => 4_000..6_000_u64];
    let lost = prop_oneof![3 => Just(vec![false]), 1 => prop::collection::vec(any::<bool>(), 1..6), 1 => Just(vec![true])];
    let delays = prop::collection::vec(0..60_i64, 1..5);
    let step = (pause, made, lost, delays, prop::bool::weighted(0.03))
        .prop_map(|(pause, made, lost, delays, anew)| Step { pause, made, lost, delays, anew });
    prop::collection::vec(step, 1..60)
}

/// The records that the source made: when they arrived or would have, number, whether they were lost, and when they were made.
fn play(steps: &[Step], numbering: Numbering, start: u64) -> Vec<(i64, u64, bool, i64)> {
    let (mut now, mut number) = (0, start);
    let mut made = Vec::new();
    for step in steps {
        // Thousands at once keep their order: so many are not put in order again.
        now += if step.made > 5 { step.pause.max(61) } else { step.pause };
        if step.anew {
            number = numbering.first;
        }
        for n in 0..step.made as usize {
            let delay = if step.made > 5 { 0 } else { step.delays[n % step.delays.len()] };
            let lost = step.lost[n % step.lost.len()] && !(step.anew && n == 0);
            made.push((now + delay, number, lost, now));
            number = if number == numbering.last { numbering.first } else { number + 1 };
        }
    }
    made
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// No day on which a record was lost is ever called present, and findings survive writing. What is lost around midnight may
    /// have been due on either day: how long it would have been under way nobody knows.
    #[test]
    fn a_day_with_a_loss_is_never_present(steps in steps(), wraps in any::<bool>()) {
        let small = Numbering { first: 1, last: 40_000, wraps: true };
        let (numbering, start) = if wraps { (small, 39_000) } else { (Numbering::EVENT_RECORD_ID, 1) };
        let made = play(&steps, numbering, start);
        let mut heard: Vec<(i64, u64)> = made.iter().filter(|m| !m.2).map(|m| (m.0, m.1)).collect();
        heard.sort_by_key(|(seconds, _)| *seconds);
        let mut run = Run::numbering(numbering);
        let mut ticked = 0;
        for (seconds, number) in heard {
            while ticked + 300 < seconds {
                ticked += 300;
                run.tick(ticked);
            }
            run.hear([(seconds, number)]);
        }
        let end = made.last().map_or(0, |m| m.0) + DAY;
        let cells = run.tracker.calendar("fw", Day(0), Day((end / DAY) as i32), at(end));
        for (_, number, _, at) in made.iter().filter(|m| m.2) {
            let due = |cell: &&DayCell| (at / DAY..=(at + 59) / DAY).contains(&i64::from(cell.day.0));
            let is_seen = cells.iter().filter(due).any(|cell| cell.state != DayState::Present);
            prop_assert!(is_seen, "{number}, made at {at}, is lost: {:?}", cells.iter().filter(due).collect::<Vec<_>>());
        }
        for finding in &run.found {
            let bytes = finding.to_record().unwrap();
            prop_assert_eq!(&Finding::from_record(&bytes).unwrap(), finding);
        }
        let state = serde_json::to_vec(&run.tracker).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Completeness>(&state).unwrap(), run.tracker);
    }

    /// Where nothing was lost, every day is present that the numbers reach over, and no gap is reported.
    #[test]
    fn a_day_without_loss_is_present(mut steps in steps()) {
        for step in &mut steps {
            step.lost = vec![false];
            step.anew = false;
        }
        let mut heard = play(&steps, Numbering::EVENT_RECORD_ID, 1);
        heard.sort_by_key(|m| m.0);
        let last = heard.last().map_or(0, |m| m.0);
        let mut run = Run::numbering(Numbering::EVENT_RECORD_ID);
        run.hear(heard.iter().map(|m| (m.0, m.1))).tick(last + 120);
        prop_assert!(run.found().is_empty(), "{:?}", run.found().first());
        let whole = (last - 120).div_euclid(DAY);
        let first = heard.first().map_or(0, |m| m.0).div_euclid(DAY) + 1;
        for cell in run.tracker.calendar("fw", Day(first as i32), Day(whole as i32 - 1), at(last)) {
            prop_assert_eq!(cell.state, DayState::Present, "{:?}", cell);
        }
    }

    /// Without restarts, what is reported as missing is exactly what is missing between the ends.
    #[test]
    fn gaps_add_up(mut steps in steps()) {
        steps.iter_mut().for_each(|step| step.anew = false);
        let made = play(&steps, Numbering::COUNTER, 0);
        let mut heard: Vec<(i64, u64)> = made.iter().filter(|m| !m.2).map(|m| (m.0, m.1)).collect();
        heard.sort_by_key(|(seconds, _)| *seconds);
        prop_assume!(!heard.is_empty());
        let mut run = Run::numbering(Numbering::COUNTER);
        run.hear(heard.iter().copied()).tick(heard.last().unwrap().0 + 120);
        let ends = (heard.iter().map(|h| h.1).min().unwrap(), heard.iter().map(|h| h.1).max().unwrap());
        let lost = made.iter().filter(|m| m.2 && ends.0 < m.1 && m.1 < ends.1).count() as u64;
        let (mut gaps, mut filled, mut strays) = (0, 0, 0);
        for what in run.found() {
            match what {
                What::Gap { missing, .. } => gaps += missing,
                What::GapFilled { first, last } => filled += last - first + 1,
                // Far ahead and out of order: not believed at once, and then counted as missing.
                What::Stray { .. } => strays += 1,
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert!((lost..=lost + strays).contains(&(gaps - filled)), "{gaps} - {filled}, lost {lost}, {strays}");
    }

    /// Whatever numbers come, at whatever times, nothing panics and no state grows without bound.
    #[test]
    fn hostile_numbers(arrivals in prop::collection::vec((any::<i64>(), any::<u64>(), any::<u64>()), 0..200)) {
        let nonsense = Numbering { first: 9, last: 3, wraps: true };
        let numberings = [Numbering::COUNTER, Numbering::SYSLOG, Numbering::EVENT_RECORD_ID, nonsense];
        for (numbering, redelivers) in numberings.into_iter().zip([true, false, false, true]) {
            let mut run = Run::new(Promise { numbering: Some(numbering), redelivers, heard_every_ns: Some(1) });
            for (seconds, first, last) in &arrivals {
                let time = Timestamp::from_nanos(*seconds);
                let arrival = Arrival { at: time, numbers: Some((*first, *last)) };
                run.tracker.observe("fw", arrival, &mut run.found);
                run.tracker.tick(time, 1, &mut run.found);
            }
            run.tracker.calendar("fw", Day(-9), Day(9), Timestamp::from_nanos(i64::MAX));
        }
    }
}

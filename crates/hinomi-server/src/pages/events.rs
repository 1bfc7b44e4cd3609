//! Server-sent events: what of the pages has changed. An event names a part and holds nothing to show.
//!
//! # Invariants
//! - Nothing waits for whoever reads slowly: there is no queue. Of each part the last change counts, and it is written when
//!   there is room; what came between is told once.
//! - Whoever follows has to be in still: a session that has ended, other roles, or a token that is void end it within seconds,
//!   and following keeps no session open.
//! - Followers are bounded, in all and of an account, and each ends by itself and comes again.
//!
//! # Not here
//! What changed (`ReadModel::marks`); how an answer that goes on is carried (`http::body`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hinomi_access::{AccountId, Gate, Permission, Principal};
use hinomi_model::{Clock, Digest, Entropy};
use hyper::body::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::problem::Problem;
use super::read::{Marks, ReadModel, Topic};
use crate::http::{Endless, Next};

/// Followers in all, and of one account.
const MOST: usize = 256;
const MOST_OF_ACCOUNT: usize = 16;
/// Seconds after which one comes again who found no room.
const AGAIN: i64 = 60;
/// Time between two looks at what changed and who is in still.
const LOOK: Duration = Duration::from_secs(1);
/// Time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long one follows at a time: less than a connection lives.
const LIFE: Duration = Duration::from_mins(9);
/// Looks between two events about a part that changes all the time.
const RESTING: u64 = 10;
/// Longest `Last-Event-ID` that is looked at.
const LONGEST_ID: usize = 64;

/// Who follows.
struct Following {
    principal: Principal,
    session: Option<Digest>,
}

#[derive(Default)]
struct State {
    followers: BTreeMap<u64, Following>,
    next: u64,
    looks: u64,
    marks: Marks,
    /// Number of the last event about each part, and the look at which it was made.
    told: BTreeMap<Topic, (u64, u64)>,
    last: u64,
    is_looking: bool,
}

/// What all followers share.
pub(super) struct Hub {
    gate: Arc<Mutex<Gate>>,
    clock: Arc<dyn Clock>,
    reads: Arc<dyn ReadModel>,
    /// Tells numbers of this run from those of another.
    run: String,
    state: Mutex<State>,
    moved: watch::Sender<u64>,
}

impl Hub {
    pub(super) fn new(
        gate: Arc<Mutex<Gate>>,
        clock: Arc<dyn Clock>,
        (reads, entropy): (Arc<dyn ReadModel>, &dyn Entropy),
    ) -> Self {
        let mut drawn = [0; 4];
        // Without randomness a follower of another run may be told too little, until the next change.
        let _ = entropy.fill(&mut drawn);
        let run = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { gate, clock, reads, run, state: Mutex::default(), moved: watch::Sender::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody follow from an event on.
    pub(super) fn join(
        self: &Arc<Self>,
        (principal, session): (Principal, Option<Digest>),
        last_event: Option<&str>,
    ) -> Result<Follower, Problem> {
        // Before it counts as told: what changed while nobody followed.
        self.look();
        let mut state = self.state();
        let of_account = |account: AccountId| {
            state.followers.values().filter(|one| one.principal.account() == Some(account)).count()
        };
        let own = principal.account().map_or(0, of_account);
        if state.followers.len() >= MOST || own >= MOST_OF_ACCOUNT {
            return Err(Problem::wait(AGAIN));
        }
        if !state.is_looking {
            self.start().map_err(|_| Problem::wait(AGAIN))?;
            state.is_looking = true;
        }
        let number = state.next;
        state.next += 1;
        state.followers.insert(number, Following { principal, session });
        let from = match last_event {
            None => Some(state.last),
            Some(text) => self.number(text).map(|last| last.min(state.last)),
        };
        let told = match from {
            Some(from) => Topic::ALL.map(|topic| (topic, from)).into(),
            // Of another run: everything may have changed.
            None => BTreeMap::new(),
        };
        let moved = self.moved.subscribe();
        let place = Place { hub: self.clone(), number };
        Ok(Follower { place, told, moved, greeted: false, end: Instant::now() + LIFE })
    }

    /// The number in the id of an event of this run.
    fn number(&self, id: &str) -> Option<u64> {
        let digits = id.get(..LONGEST_ID.min(id.len()))?.strip_prefix(&self.run)?.strip_prefix('-')?;
        digits.parse().ok()
    }

    /// Looks on a thread of its own, as long as somebody follows.
    fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let hub = Arc::downgrade(self);
        let run = move || {
            loop {
                std::thread::sleep(LOOK);
                let Some(hub) = hub.upgrade() else { return };
                hub.look();
                if hub.may_rest() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("events".to_owned()).spawn(run).map(drop)
    }

    /// Whether nobody follows any more. Whoever comes then begins another thread, and nobody else does.
    fn may_rest(&self) -> bool {
        let mut state = self.state();
        state.is_looking = !state.followers.is_empty();
        !state.is_looking
    }

    /// Looks at what changed and who is in still.
    fn look(&self) {
        let marks = self.reads.marks();
        let gone = self.gone();
        let mut state = self.state();
        state.looks += 1;
        gone.iter().for_each(|number| drop(state.followers.remove(number)));
        let moved = state.take(marks);
        drop(state);
        if moved || !gone.is_empty() {
            self.moved.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Followers who are in no more.
    fn gone(&self) -> Vec<u64> {
        let now = self.clock.now().into();
        let state = self.state();
        if state.followers.is_empty() {
            return Vec::new();
        }
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let out = |one: &Following| !gate.is_in(&one.principal, one.session.as_ref(), Permission::Read, now);
        state.followers.iter().filter(|(_, one)| out(one)).map(|(number, _)| *number).collect()
    }
}

impl State {
    /// Compares what is shown with what was. True when there are events.
    fn take(&mut self, marks: Marks) -> bool {
        let mut changed: Vec<Topic> = Vec::new();
        for topic in Topic::ALL.into_iter().filter(|topic| *topic != Topic::Today) {
            if marks.of(topic) == self.marks.of(topic) {
                continue;
            }
            let last = self.told.get(&topic).map(|(_, look)| *look);
            // It stays changed until it is told.
            if topic.is_restless() && last.is_some_and(|look| self.looks < look + RESTING) {
                continue;
            }
            self.marks.set(topic, marks.of(topic));
            changed.push(topic);
        }
        if changed.is_empty() {
            return false;
        }
        changed.push(Topic::Today);
        for topic in changed {
            self.last += 1;
            self.told.insert(topic, (self.last, self.looks));
        }
        true
    }
}

/// The place of a follower, which is free when it is dropped.
struct Place {
    hub: Arc<Hub>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.state().followers.remove(&self.number);
    }
}

/// Somebody who follows.
pub(super) struct Follower {
    place: Place,
    /// Number of the last event about each part that was written; a part that is not in it is told.
    told: BTreeMap<Topic, u64>,
    moved: watch::Receiver<u64>,
    greeted: bool,
    end: Instant,
}

impl Follower {
    /// What is not written yet; `None` when the follower is in no more.
    fn pending(&mut self) -> Option<String> {
        let hub = &self.place.hub;
        let state = hub.state();
        if !state.followers.contains_key(&self.place.number) {
            return None;
        }
        let mut news: Vec<(u64, Topic)> = Vec::new();
        for topic in Topic::ALL {
            let last = state.told.get(&topic).map_or(0, |(number, _)| *number);
            if self.told.get(&topic).is_none_or(|told| *told < last) {
                self.told.insert(topic, last);
                news.push((last, topic));
            }
        }
        drop(state);
        news.sort_unstable();
        let event = |(number, topic): (u64, Topic)| {
            let (run, what) = (&hub.run, topic.name());
            format!("id: {run}-{number}\nevent: changed\ndata: {{\"what\":\"{what}\",\"id\":null}}\n\n")
        };
        Some(news.into_iter().map(event).collect())
    }

    async fn part(&mut self) -> Option<String> {
        if !self.greeted {
            self.greeted = true;
            return Some(format!("retry: 3000\n\n{}", self.pending()?));
        }
        let beat = Instant::now() + HEARTBEAT;
        loop {
            // Seen before it is looked at: what comes in between wakes again.
            self.moved.borrow_and_update();
            let news = self.pending()?;
            if !news.is_empty() {
                return Some(news);
            }
            let until = beat.min(self.end);
            tokio::select! {
                moved = self.moved.changed() => moved.ok()?,
                () = sleep_until(until) => {
                    return (until < self.end).then(|| ":\n\n".to_owned());
                }
            }
        }
    }
}

impl Endless for Follower {
    fn next(mut self: Box<Self>) -> Next {
        Box::pin(async move {
            let end = self.end.saturating_duration_since(Instant::now());
            let part = timeout(end, self.part()).await.ok()??;
            Some((Bytes::from(part), self as Box<dyn Endless>))
        })
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("followers", &self.state().followers.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(topic: Topic, value: u64) -> Marks {
        let mut marks = Marks::default();
        marks.set(topic, value);
        marks
    }

    #[test]
    fn a_part_that_changes_all_the_time_is_told_now_and_then_and_its_last_change_always() {
        let mut state = State::default();
        let mut events = 0;
        for look in 0..100 {
            state.looks = look;
            events += u64::from(state.take(marks(Topic::Ledger, look.min(95) + 1)));
        }
        assert_eq!(events, 10);
        assert_eq!(state.marks.of(Topic::Ledger), 91);
        state.looks = 101;
        assert!(state.take(marks(Topic::Ledger, 96)), "the last change is told when its rest is over");
        assert!(!state.take(marks(Topic::Ledger, 96)));
    }

    /// Whoever does not read for a thousand changes gets the last one about each part, and nothing was kept for that.
    #[test]
    fn a_slow_reader_gets_each_part_once() {
        let mut state = State::default();
        for look in 1..=1_000 {
            state.looks = look;
            for topic in Topic::ALL {
                state.take(marks(topic, look));
            }
        }
        assert_eq!(state.told.len(), Topic::ALL.len());
        let last = state.told.values().map(|(number, _)| *number).max();
        assert_eq!(last, Some(state.last));
    }

    #[test]
    fn incidents_are_told_at_once_and_the_first_page_with_them() {
        let mut state = State::default();
        assert!(state.take(marks(Topic::Incidents, 1)));
        assert!(state.take(marks(Topic::Incidents, 2)));
        let told: Vec<(Topic, u64)> =
            state.told.iter().map(|(topic, (number, _))| (*topic, *number)).collect();
        assert_eq!(told, [(Topic::Today, 4), (Topic::Incidents, 3)]);
    }
}

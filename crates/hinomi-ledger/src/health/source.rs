//! One source: what was learnt of it, and what is named.

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::hosts::Hosts;
use super::kinds::Kinds;
use super::rhythm::Rhythm;
use super::times::Times;
use super::volume::Volume;
use super::{FINDINGS_PER_DAY, Outline, Settings};
use crate::completeness::{Day, What, Witness};

/// Records that a silence has to have expected so that what came around it is not compared with what is usual.
const LONG_SILENCE: f64 = 30.0;
/// How many times the threshold of a silence doubles on one day.
const MOST_DOUBLED: u32 = 6;

/// A silence that was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Silence {
    pub(super) since_ns: i64,
    /// Somebody else was known to see it.
    pub(super) seen: bool,
}

/// One source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) rhythm: Rhythm,
    pub(super) volume: Volume,
    pub(super) kinds: Kinds,
    pub(super) times: Times,
    pub(super) hosts: Hosts,
    pub(super) silence: Option<Silence>,
    /// Beginning of the stretch with too little that was named.
    pub(super) fell: Option<i64>,
    /// It was named as a host that has another source.
    pub(super) moved: bool,
    /// A day and how many silences were named on it: each doubles what it takes to name the next.
    silences: Option<(Day, u32)>,
    /// A day and how many findings it had.
    quota: Option<(Day, u32)>,
}

fn time(ns: i64) -> Timestamp {
    Timestamp::from_nanos(ns)
}

impl Source {
    /// Records came. `whole` is false when the pause before them is not to be learnt.
    pub(super) fn arrived(&mut self, at_ns: i64, records: u64, whole: bool) {
        let watched = whole && self.rhythm.is_watched();
        // A long silence is one finding, not also one of little that came.
        if !watched || self.rhythm.expected_since(at_ns) >= LONG_SILENCE {
            self.volume.begin(at_ns);
        }
        self.rhythm.note(at_ns, records, watched && self.silence.is_none());
        let rhythm = &self.rhythm;
        self.volume.note(at_ns, records, rhythm.longest(), |from, to| rhythm.expected(from, to));
        if self.volume.fallen().is_none() {
            self.fell = None;
        }
    }

    pub(super) fn held(&mut self, at_ns: i64, outline: &Outline, settings: &Settings) {
        self.kinds.note(at_ns, outline.records, &outline.kinds);
        if let Some(latest) = outline.latest {
            self.times.note(at_ns, latest.as_nanos(), settings);
        }
        self.hosts.note(at_ns, &outline.hosts);
    }

    /// A finding about it is in the log.
    pub(super) fn found(&mut self, at: Timestamp, what: &What) {
        let day = Day::of(at);
        let before = self.quota.filter(|(of, _)| *of == day).map_or(0, |(_, found)| found);
        self.quota = Some((day, before.saturating_add(1)));
        match what {
            What::Quiet { since, seen, .. } => {
                let before = self.silences.filter(|(of, _)| *of == day).map_or(0, |(_, named)| named);
                self.silences = Some((day, before.saturating_add(1)));
                self.silence = Some(Silence { since_ns: since.as_nanos(), seen: seen.is_some() });
            }
            What::SeenElsewhere { .. } => {
                self.silence = self.silence.map(|silence| Silence { seen: true, ..silence });
            }
            What::Resumed { .. } => self.silence = None,
            What::Fell { since, .. } => self.fell = Some(since.as_nanos()),
            What::KindsGone { kinds, .. } => self.kinds.named(kinds),
            What::TimesJumped { now_ns, .. } => self.times.named(*now_ns),
            What::OtherHost { host, .. } => self.hosts.named(host),
            What::HostMoved { .. } => self.moved = true,
            _ => {}
        }
    }

    /// Whether more may be said about it today.
    pub(super) fn may_be_named(&self, now_ns: i64) -> bool {
        let day = Day::of(time(now_ns));
        self.quota.is_none_or(|(of, found)| of != day || found < FINDINGS_PER_DAY)
    }

    /// What is to be named now. `witness` saw it since it was last heard.
    pub(super) fn due(&self, now_ns: i64, witness: Option<&Witness>, settings: &Settings) -> Vec<What> {
        if let Some(silence) = self.silence {
            return self.in_silence(silence, witness).into_iter().collect();
        }
        let since_ns = self.rhythm.since();
        let today = self.silences.filter(|(day, _)| *day == Day::of(time(now_ns)));
        let needed = f64::from(1_u32 << today.map_or(0, |(_, named)| named.min(MOST_DOUBLED)));
        if self.rhythm.silence(now_ns, settings).is_some_and(|reached| reached >= needed) {
            let what = What::Quiet {
                since: time(since_ns),
                longest_ns: self.rhythm.longest_ns(),
                expected: self.rhythm.expected_since(now_ns) as u64,
                seen: witness.cloned(),
            };
            return vec![what];
        }
        let fell = self.volume.fallen().filter(|_| self.fell.is_none()).map(|fallen| What::Fell {
            since: time(fallen.from_ns),
            expected: fallen.expected,
            received: fallen.received,
        });
        let gone = self.kinds.missing(self.rhythm.last_ns(), settings).map(|missing| What::KindsGone {
            since: time(missing.since_ns),
            kinds: missing.kinds,
            new: missing.new,
            records: missing.records,
        });
        let jumped = self.times.jump(settings).map(|jump| What::TimesJumped {
            since: time(jump.since_ns),
            usual_ns: jump.usual_ns,
            now_ns: jump.now_ns,
        });
        let stranger = self.hosts.stranger(settings).map(|(usual, host, since)| What::OtherHost {
            since: time(since),
            host: host.to_owned(),
            usual: usual.to_owned(),
        });
        fell.into_iter().chain(gone).chain(jumped).chain(stranger).collect()
    }

    /// It is silent, and that was named.
    fn in_silence(&self, silence: Silence, witness: Option<&Witness>) -> Option<What> {
        let since = time(silence.since_ns);
        if self.rhythm.last_ns() > silence.since_ns {
            return Some(What::Resumed { since });
        }
        let witness = witness.filter(|_| !silence.seen)?;
        Some(What::SeenElsewhere { since, by: witness.clone() })
    }
}

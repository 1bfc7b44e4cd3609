//! One event in several logs, each in a form of its own.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use crate::scan::{Event, Hit};

/// How much later an event may be stamped where it is passed on to.
const LATER_NS: i64 = NANOS_PER_SECOND / 10;

/// How far apart two logs put one event at most: see [`is_one_moment`].
const APART_NS: i64 = NANOS_PER_SECOND + LATER_NS;

/// Fields that name the host, which logs write with its domain or without.
const HOSTS: [&str; 2] = ["Computer", "device.hostname"];

/// What a rule matched within the last moments.
///
/// # Definitions
/// A sign-in stands in the log of its host, in the journal of that host and in what it sent to another one: with other bytes, and the
/// same host, account and fields. What a rule matched in one log is not matched again by such an event of another log of the same
/// moment: each event of a log stands for one of every other log at most, the nearest. Where both have a number of their source, it
/// is the same.
#[derive(Default)]
pub(super) struct Forms<'a> {
    met: HashMap<u64, Vec<Met<'a>>>,
    /// Entries from which old ones are looked for.
    full: usize,
}

struct Met<'a> {
    event: &'a Event,
    hit: &'a Hit,
    /// Logs that hold it.
    logs: Vec<(u32, &'a str)>,
}

impl<'a> Forms<'a> {
    /// Whether another log holds the event that was matched, in some form. Hits come in order of time; events that name no host or
    /// say nothing else are never known.
    pub(super) fn is_known(&mut self, hit: &'a Hit) -> bool {
        let event = hit.event.as_ref();
        let Some(now) = event.time.map(Timestamp::as_nanos) else { return false };
        if event.host.is_empty() || said(event).next().is_none() {
            return false;
        }
        let is_recent = |met: &Met<'_>| met.event.time.is_some_and(|time| now - time.as_nanos() <= APART_NS);
        if self.met.len() >= self.full {
            self.met.retain(|_, met| met.last().is_some_and(is_recent));
            self.full = (2 * self.met.len()).max(1024);
        }
        let key = self.key(hit);
        let met = self.met.entry(key).or_default();
        met.retain(is_recent);
        let same = met.iter_mut().rev().find(|met| {
            met.hit.rule == hit.rule && !met.logs.contains(&event.log()) && is_one(met.event, event)
        });
        if let Some(met) = same {
            met.logs.push(event.log());
            return true;
        }
        met.push(Met { event, hit, logs: vec![event.log()] });
        false
    }

    /// A copy of what is known, byte for byte, stands in this log.
    pub(super) fn copied(&mut self, hit: &'a Hit) {
        let key = self.key(hit);
        let (event, log) = (hit.event.as_ref(), hit.event.log());
        let is_copy = |met: &&mut Met<'_>| {
            let of = met.event;
            (of.time, of.digest) == (event.time, event.digest) && !met.logs.contains(&log)
        };
        if let Some(met) = self.met.get_mut(&key).and_then(|met| met.iter_mut().find(is_copy)) {
            met.logs.push(log);
        }
    }

    fn key(&self, hit: &Hit) -> u64 {
        let mut hash = self.met.hasher().build_hasher();
        hit.rule.hash(&mut hash);
        hit.event.account.hash(&mut hash);
        said(&hit.event).for_each(|pair| pair.hash(&mut hash));
        hash.finish()
    }
}

fn is_one(a: &Event, b: &Event) -> bool {
    if !a.time.zip(b.time).is_some_and(|(a, b)| is_one_moment(a.as_nanos(), b.as_nanos())) {
        return false;
    }
    let same_number = a.sequence.zip(b.sequence).is_none_or(|(a, b)| a == b);
    let same_host = bare_host(&a.host).eq_ignore_ascii_case(bare_host(&b.host));
    same_number && same_host && a.account == b.account && said(a).eq(said(b))
}

/// Whether two stamps may be of one moment: one may have been cut to its second, and one be that of passing it on.
fn is_one_moment(a: i64, b: i64) -> bool {
    let is_whole = |stamp: i64| stamp % NANOS_PER_SECOND == 0;
    match (is_whole(a), is_whole(b)) {
        (true, true) => a == b,
        (false, false) => (b - a).abs() <= LATER_NS,
        (true, false) => (-LATER_NS..=APART_NS).contains(&(b - a)),
        (false, true) => (-LATER_NS..=APART_NS).contains(&(a - b)),
    }
}

/// What an event says beside its host.
fn said(event: &Event) -> impl Iterator<Item = (&str, &str)> {
    event.fields.pairs().filter(|(name, _)| !HOSTS.contains(name))
}

/// A host without its domain.
fn bare_host(host: &str) -> &str {
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    if is_address { host } else { host.split('.').next().unwrap_or(host) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hinomi_detect::RuleIndex;
    use hinomi_ingest::Member;

    use super::*;

    fn hit(file: u32, seconds: f64, host: &str, fields: &[(&str, &str)]) -> Hit {
        let member = Member { file, path: String::new(), inner: String::new(), verbatim: true };
        let time = Timestamp::from_nanos((seconds * 1e9) as i64);
        let event = Event {
            time: Some(time),
            member: Arc::new(member),
            host: host.to_owned(),
            account: "op1".to_owned(),
            fields: fields.iter().copied().collect(),
            ..Event::unknown()
        };
        Hit::of(RuleIndex(0), event)
    }

    fn counted(hits: &[Hit]) -> usize {
        let mut forms = Forms::default();
        hits.iter().filter(|hit| !forms.is_known(hit)).count()
    }

    const SAID: [(&str, &str); 2] = [("pid", "57"), ("src_endpoint.ip", "192.0.2.7")];

    #[test]
    fn an_event_in_three_forms_is_one_and_two_events_are_two() {
        let forms = |at: f64| {
            let named = [&SAID[..], &[("Computer", "gw01.example.jp")]].concat();
            [
                hit(0, at.floor(), "gw01", &SAID),
                hit(1, at, "GW01.example.jp", &named),
                hit(2, at + 0.002, "gw01", &SAID),
            ]
        };
        assert_eq!(counted(&forms(100.9995)), 1);
        let mut twice: Vec<Hit> = forms(100.2).into_iter().chain(forms(100.7)).collect();
        twice.sort_by_key(|hit| hit.event.time);
        assert_eq!(counted(&twice), 2);
    }

    #[test]
    fn what_differs_or_stands_in_one_log_counts() {
        let one = || hit(0, 100.0, "gw01", &SAID);
        assert_eq!(counted(&[one(), one(), one()]), 3, "as often as the log says");
        assert_eq!(counted(&[one(), hit(1, 101.0, "gw01", &SAID)]), 2, "another second");
        assert_eq!(counted(&[one(), hit(1, 101.2, "gw01", &SAID)]), 2, "beyond its second");
        assert_eq!(counted(&[hit(0, 100.1, "gw01", &SAID), hit(1, 100.3, "gw01", &SAID)]), 2, "too late");
        assert_eq!(counted(&[one(), hit(1, 100.0, "gw02", &SAID)]), 2, "another host");
        assert_eq!(counted(&[one(), hit(1, 100.0, "gw01", &[("pid", "58"), SAID[1]])]), 2, "another process");
        assert_eq!(counted(&[hit(0, 100.0, "", &SAID), hit(1, 100.0, "", &SAID)]), 2, "hosts unknown");
        assert_eq!(counted(&[hit(0, 100.0, "10.1.1.1", &SAID), hit(1, 100.0, "10.1.1.2", &SAID)]), 2);
        let mut numbered = [one(), hit(1, 100.0, "gw01", &SAID)];
        for (number, hit) in (7..).zip(&mut numbered) {
            Arc::get_mut(&mut hit.event).unwrap().sequence = Some(number);
        }
        assert_eq!(counted(&numbered), 2, "the source gave them other numbers");
        let mut other = [one(), hit(1, 100.0, "gw01", &SAID)];
        other[1].rule = RuleIndex(1);
        assert_eq!(counted(&other), 2, "another rule");
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let mut forms = Forms::default();
        let hits: Vec<Hit> = (0..20_000).map(|at| hit(0, f64::from(at), &format!("h{at}"), &SAID)).collect();
        assert!(hits.iter().all(|hit| !forms.is_known(hit)));
        assert!(forms.met.len() <= 2048, "{}", forms.met.len());
    }
}

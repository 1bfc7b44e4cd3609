//! The health of sources while a follower runs: what each leaf says goes into [`Health`], and what that names goes into
//! the evidence ledger, from where it comes back like any record.
//!
//! # Invariants
//! Before a finding is written, everything that the ledger accepted until then is committed and looked at: a commit that
//! takes long is nobody's silence.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use hinomi_ledger::completeness::{CLOCK_SOURCE, Finding, is_built_in};
use hinomi_ledger::health::{HEALTH_SOURCE, Health, Outline, Plans, Settings};
use hinomi_ledger::{Block, Ledger, LedgerError, OWN_CLASS, Record};
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::LiveError;
use crate::scan::EventOutline;

/// Time between two looks at what is due.
const LOOK: Duration = Duration::from_secs(1);
/// Facilities and severities of syslog (RFC 5424 section 6.2.1).
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// How the health of sources is watched.
#[derive(Clone)]
pub struct HealthWatch {
    /// The ledger that findings are written to; the one that is followed.
    pub ledger: Arc<Ledger>,
    /// What is not learnt.
    pub settings: Settings,
    /// Plans as they stand, once they could be read.
    pub plans: Arc<dyn Fn() -> Option<Plans> + Send + Sync>,
    /// Takes figures in the text format of Prometheus, about once a second.
    pub figures: Arc<dyn Fn(String) + Send + Sync>,
}

impl std::fmt::Debug for HealthWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HealthWatch").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The state, and what is going on.
#[derive(Debug)]
pub(super) struct Vitals {
    health: Health,
    watch: HealthWatch,
    looked: Timestamp,
    /// When something was due that is looked at again once all is committed.
    suspected: Option<Timestamp>,
    /// Plans that are on their way to the log.
    handed: Option<Plans>,
}

impl Vitals {
    pub(super) fn new(watch: HealthWatch) -> Self {
        let mut vitals = Self {
            health: Health::default(),
            watch,
            looked: Timestamp::from_nanos(0),
            suspected: None,
            handed: None,
        };
        vitals.resume(Health::default());
        vitals
    }

    /// Goes on with a state that was saved, judged as it is wished now.
    pub(super) fn resume(&mut self, mut saved: Health) {
        saved.set(self.watch.settings);
        self.health = saved;
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// A block of the ledger's own.
    fn own(&mut self, source: &str, records: &[Record]) {
        for record in records {
            match source {
                CLOCK_SOURCE if record.sequence == Some(0) => self.health.opened(received(record)),
                CLOCK_SOURCE => self.health.ticked(received(record)),
                HEALTH_SOURCE => drop(self.health.written(&record.bytes)),
                _ => {}
            }
        }
    }

    /// A block and its records.
    pub(super) fn block(&mut self, block: &Block, records: &[Record]) {
        let source = &block.scope.source;
        if is_built_in(source) {
            self.own(source, records);
            return;
        }
        self.health.arrived(source, records);
        let Some(last) = records.last() else { return };
        let outline =
            Outline { records: records.len() as u64, kinds: priorities(records), ..Outline::default() };
        self.health.held(source, received(last), &outline);
    }

    /// The events of a source, received until `at`.
    pub(super) fn events(&mut self, source: &str, at: Timestamp, outline: EventOutline) {
        let EventOutline { kinds, latest, hosts } = outline;
        let (kinds, hosts) = (kinds.into_iter().collect(), hosts.into_iter().collect());
        let outline = Outline { records: 0, kinds, latest, hosts };
        self.health.held(source, at, &outline);
    }

    /// Looks at what is due; everything published was looked at. What is named is on its way to the log then.
    ///
    /// # Errors
    /// What the ledger meets.
    pub(super) fn look(&mut self, now: Timestamp) -> Result<(), LiveError> {
        if let Some(at) = self.suspected.take() {
            let due = self.health.due(at);
            let records = due.iter().map(Finding::to_record).collect::<Result<Vec<_>, _>>()?;
            self.health.handed_in(&due);
            return self.write(now, records).map(drop);
        }
        let passed = now.as_nanos().saturating_sub(self.looked.as_nanos());
        if (0..LOOK.as_nanos() as i64).contains(&passed) {
            return Ok(());
        }
        self.looked = now;
        let plans = (self.watch.plans)().filter(|plans| plans != self.health.plans());
        if let Some(plans) = plans.filter(|plans| self.handed.as_ref() != Some(plans)) {
            self.handed = self.write(now, vec![plans.to_record()?])?.then_some(plans);
        }
        if !self.health.due(now).is_empty() {
            self.watch.ledger.tick()?;
            self.suspected = Some(now);
        }
        (self.watch.figures)(self.exposition(now));
        Ok(())
    }

    /// Says whether there was space for them.
    fn write(&self, now: Timestamp, records: Vec<Vec<u8>>) -> Result<bool, LiveError> {
        let received_ns = u64::try_from(now.as_nanos()).unwrap_or(0);
        let record = |bytes| Record { received_ns, sequence: None, bytes };
        let records: Vec<Record> = records.into_iter().map(record).collect();
        if records.is_empty() {
            return Ok(true);
        }
        match self.watch.ledger.append_while(HEALTH_SOURCE, OWN_CLASS, records, &|| false) {
            Ok(_) => Ok(true),
            // On a full disk nobody is waited for: what is still so in a minute is handed in again.
            Err(LedgerError::Io { source, .. }) if source.kind() == ErrorKind::StorageFull => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn exposition(&self, now: Timestamp) -> String {
        let mut out = String::new();
        let _ = write!(
            out,
            "# HELP hinomi_source_health 1 for the state that a source is in\n# TYPE hinomi_source_health gauge\n"
        );
        for status in self.health.status(now) {
            let source = quoted(status.source);
            let _ = writeln!(
                out,
                "hinomi_source_health{{source=\"{source}\",state=\"{}\"}} 1",
                status.state.name()
            );
        }
        let seconds = |ns: i64| ns as f64 / NANOS_PER_SECOND as f64;
        let silent = |last: Timestamp| seconds(now.as_nanos().saturating_sub(last.as_nanos()).max(0));
        let mut gauge = |name: &str, help: &str, of: &dyn Fn(&hinomi_ledger::health::Status<'_>) -> f64| {
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n");
            for status in self.health.status(now) {
                let _ = writeln!(out, "{name}{{source=\"{}\"}} {}", quoted(status.source), of(&status));
            }
        };
        let help = "Seconds since something of a source was received";
        gauge("hinomi_source_silent_seconds", help, &|status| silent(status.last));
        let help = "Longest pause of a source in the last five weeks";
        gauge("hinomi_source_longest_pause_seconds", help, &|status| seconds(status.longest_ns));
        let help = "Records an hour that are to be expected of a source now";
        gauge("hinomi_source_expected_per_hour", help, &|status| status.per_hour);
        out
    }
}

/// A value of a label, quoted.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn received(record: &Record) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(record.received_ns).unwrap_or(i64::MAX))
}

/// Facility and severity of records that begin with their priority.
fn priorities(records: &[Record]) -> Vec<(String, u64)> {
    let mut counts = [0_u64; 192];
    for record in records {
        if let Some(count) = priority(&record.bytes).and_then(|priority| counts.get_mut(priority)) {
            *count += 1;
        }
    }
    let named = |(priority, count): (usize, u64)| {
        let (facility, severity) = (FACILITIES.get(priority / 8)?, SEVERITIES.get(priority % 8)?);
        (count > 0).then(|| (format!("syslog {facility}.{severity}"), count))
    };
    counts.into_iter().enumerate().filter_map(named).collect()
}

fn priority(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|b| *b == b'>')?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_counted_by_name() {
        let record = |text: &str| Record { received_ns: 0, sequence: None, bytes: text.as_bytes().to_vec() };
        let records =
            ["<30>a", "<30>1 b", "<191>c", "<192>d", "<>e", "<3", "30>", "", "<-1>f", "<00000030>g"]
                .map(record);
        let expected = [("syslog daemon.info".to_owned(), 2), ("syslog local7.debug".to_owned(), 1)];
        assert_eq!(priorities(&records), expected);
    }
}

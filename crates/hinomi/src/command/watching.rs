//! The health of sources beside `hinomi serve`: plans from the file, figures to the server.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use hinomi_ledger::Ledger;
use hinomi_ledger::completeness::Finding;
use hinomi_ledger::health::{Plans, Settings};
use hinomi_server::serve::{Board, Journal};

use super::ledger::{SOURCES, plans};
use crate::args::{HealthArgs, Lang};
use crate::live::HealthWatch;
use crate::render::calendar::sentence;

/// What the file said when it was read last.
#[derive(Default)]
struct Known {
    looked: bool,
    /// When the file was changed, if it was there.
    changed: Option<SystemTime>,
    plans: Option<Plans>,
}

/// How to watch the sources of a ledger; `None` if that is not wanted.
pub(super) fn health(
    args: HealthArgs,
    data: &Path,
    ledger: &Arc<Ledger>,
    (board, journal): (Board, Journal),
) -> Option<HealthWatch> {
    if args.no_health {
        return None;
    }
    let nanos = |time: std::time::Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    let settings = Settings { learn_ns: nanos(args.learn), least_ns: nanos(args.silent_after) };
    let file = data.join(SOURCES);
    let data = data.to_owned();
    let known: Mutex<Known> = Mutex::default();
    let current = move || -> Option<Plans> {
        let now = std::fs::metadata(&file).and_then(|meta| meta.modified()).ok();
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut known.looked, true) || known.changed != now {
            known.changed = now;
            match plans(&data) {
                Ok(plans) => known.plans = Some(plans),
                Err(failure) => {
                    journal.warn("planned stops stay as they were", &[("why", &failure.message)]);
                }
            }
        }
        known.plans.clone()
    };
    let show = move |lines| board.put("health", lines);
    Some(HealthWatch { ledger: ledger.clone(), settings, plans: Arc::new(current), figures: Arc::new(show) })
}

/// Writes a finding about a source into the journal.
pub(super) fn write_down(journal: &Journal, finding: &Finding) {
    let body = serde_json::to_string(finding).unwrap_or_default();
    let text = sentence(&finding.what, Lang::En);
    let fields = [("source", finding.source.as_str()), ("text", &text), ("finding", &body)];
    journal.warn("about a source", &fields);
}

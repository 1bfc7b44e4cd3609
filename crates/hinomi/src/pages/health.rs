//! What `hinomi doctor` finds, for a page.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use serde::Serialize;

use super::{Text, time};
use crate::args::Doctor;
use crate::clock;
use crate::command::doctor::{Both, Check, look};

/// How long checks hold: they compile all rules and ask every listener.
const HOLD_NS: i64 = 60 * NANOS_PER_SECOND;

/// The page.
#[derive(Clone, Debug, Serialize)]
pub(super) struct HealthPage {
    as_of: String,
    checks: Vec<CheckRow>,
}

#[derive(Clone, Debug, Serialize)]
struct CheckRow {
    check: &'static str,
    state: &'static str,
    text: Text,
    hint: Option<Text>,
}

/// Looks, at most once a minute, and one at a time.
#[derive(Debug)]
pub(super) struct Health {
    doctor: Doctor,
    last: Mutex<Option<(Timestamp, HealthPage)>>,
}

fn text(both: &Both) -> Text {
    Text::new(&both.en, &both.ja)
}

impl Health {
    pub(super) fn new(data: PathBuf, config: Option<PathBuf>) -> Self {
        let doctor = Doctor { data: Some(data), config, unit: None, json: true, lang: None };
        Self { doctor, last: Mutex::default() }
    }

    /// What was found within the last minute.
    pub(super) fn page(&self) -> HealthPage {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        let fresh = |made: &Timestamp| (0..HOLD_NS).contains(&(now.as_nanos() - made.as_nanos()));
        if let Some((_, page)) = last.as_ref().filter(|(made, _)| fresh(made)) {
            return page.clone();
        }
        let checks = look(&self.doctor).iter().map(row).collect();
        let page = HealthPage { as_of: time(now), checks };
        *last = Some((clock::now(), page.clone()));
        page
    }
}

fn row(check: &Check) -> CheckRow {
    CheckRow {
        check: check.name,
        state: check.state.name(),
        text: text(&check.found),
        hint: check.hint.as_ref().map(text),
    }
}

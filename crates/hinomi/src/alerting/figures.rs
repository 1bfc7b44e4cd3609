//! Figures about alerts, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use hinomi_alert::{Desk, Moment};
use hinomi_model::Level;

use crate::clock;

/// What is shown, as of the last look.
#[derive(Debug, Default)]
pub(super) struct Figures(Mutex<Values>);

#[derive(Clone, Debug, Default)]
struct Values {
    open: Vec<(Level, u64)>,
    /// When the oldest message on its way was made.
    oldest: Option<Moment>,
    on_their_way: u64,
    held: u64,
    sinks: Vec<(String, u64, u64, u64)>,
    unrecorded: usize,
    dropped: u64,
    unsaved: usize,
}

impl Figures {
    pub(super) fn update(&self, desk: &Desk, (unrecorded, dropped): (usize, u64), unsaved: usize) {
        let open = |level: Level| {
            (level, desk.alerts().filter(|alert| alert.is_open() && alert.level == level).count() as u64)
        };
        let sinks =
            desk.counts().map(|(sink, sent, failed, given_up)| (sink.to_owned(), sent, failed, given_up));
        let values = Values {
            open: Level::ALL.into_iter().map(open).collect(),
            oldest: desk.deliveries().map(|delivery| delivery.made).min(),
            on_their_way: desk.deliveries().count() as u64,
            held: desk.held().iter().map(|held| held.alerts.len() as u64 + held.more).sum(),
            sinks: sinks.collect(),
            unrecorded,
            dropped,
            unsaved,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = values;
    }

    pub(super) fn exposition(&self) -> String {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut out = String::new();
        heading(&mut out, "hinomi_alerts_open", "gauge", "Alerts that nobody has acknowledged");
        for (level, count) in values.open {
            let _ = writeln!(out, "hinomi_alerts_open{{level=\"{level}\"}} {count}");
        }
        let age = values.oldest.map_or(0, |made| Moment::from(clock::now()).since(made).as_secs());
        for (name, help, value) in [
            ("hinomi_alert_oldest_unsent_seconds", "Age of the oldest message that has not arrived", age),
            ("hinomi_alert_messages_on_their_way", "Messages that have not arrived", values.on_their_way),
            ("hinomi_alert_held_back", "Alerts that wait for a summary", values.held),
            (
                "hinomi_alert_steps_unrecorded",
                "Steps not in the decision ledger yet",
                values.unrecorded as u64,
            ),
            ("hinomi_alert_steps_unsaved", "Steps that could not be saved yet", values.unsaved as u64),
        ] {
            heading(&mut out, name, "gauge", help);
            let _ = writeln!(out, "{name} {value}");
        }
        let name = "hinomi_alert_steps_dropped_total";
        heading(&mut out, name, "counter", "Steps that the decision ledger will never have");
        let _ = writeln!(out, "{name} {}", values.dropped);
        for (at, name, help) in [
            (0, "hinomi_alert_sent_total", "Messages that arrived at a sink"),
            (1, "hinomi_alert_failed_total", "Attempts that failed"),
            (2, "hinomi_alert_given_up_total", "Messages that were given up"),
        ] {
            heading(&mut out, name, "counter", help);
            for (sink, sent, failed, given_up) in &values.sinks {
                let value = [sent, failed, given_up].get(at).copied().copied().unwrap_or(0);
                let _ = writeln!(out, "{name}{{sink=\"{sink}\"}} {value}");
            }
        }
        out
    }
}

fn heading(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

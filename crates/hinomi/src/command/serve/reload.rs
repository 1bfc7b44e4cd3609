//! SIGHUP: what a server at work reads again.
//!
//! # Invariants
//! All that can be read and checked is, before anything changes: a file that makes no sense leaves everything as it was.

use hinomi_ledger::Ledger;
use hinomi_server::serve::{Configuration, Journal, Renewed, Service};

use super::{configuration, tokens};
use crate::alerting::{Alerts, Prepared};
use crate::args::Serve;
use crate::command::alert;
use crate::command::ledger::{Sources, declared, failure};
use crate::command::trust::server_failure;
use crate::exit::Failure;

/// A server at work.
pub(super) struct AtWork<'a> {
    pub(super) args: &'a Serve,
    pub(super) service: &'a Service,
    pub(super) ledger: &'a Ledger,
    pub(super) journal: &'a Journal,
}

/// What was read, checked and opened.
struct New {
    configuration: Configuration,
    renewed: Renewed,
    sources: Option<Sources>,
    alerts: Option<Prepared>,
}

impl AtWork<'_> {
    /// Reads everything again and gives what is in force now; `None` when something makes no sense.
    pub(super) fn reload(
        &self,
        in_force: &Configuration,
        alerts: &mut Option<Alerts>,
    ) -> Option<Configuration> {
        let new = match self.read(alerts.as_ref()) {
            Ok(new) => new,
            Err(failure) => {
                self.journal.warn("everything stays as it was", &[("why", &failure.message)]);
                return None;
            }
        };
        let New { configuration, renewed, sources, alerts: prepared } = new;
        let mut changed = Vec::new();
        if in_force.detection != configuration.detection {
            changed.push("[detection]".to_owned());
        }
        if in_force.assure() != configuration.assure() {
            changed.push("[assure]".to_owned());
        }
        if let (Some(alerts), Some(prepared)) = (alerts, prepared) {
            changed.extend(in_force.alert_changes(&configuration));
            if let Err(error) = alerts.renew(prepared) {
                self.journal.warn("signs of life do not begin", &[("why", &error.to_string())]);
            }
        }
        changed.extend(sources.and_then(|sources| self.promises(&sources)));
        self.say(&renewed, &changed.join(", "));
        Some(configuration)
    }

    fn say(&self, renewed: &Renewed, changed: &str) {
        let (certificates, waits) = (renewed.certificates.to_string(), renewed.waits.join(", "));
        let all = [("changed", changed), ("waits_for_the_next_start", waits.as_str())];
        let mut fields = vec![("certificates", certificates.as_str())];
        fields.extend(all.into_iter().filter(|(_, value)| !value.is_empty()));
        self.journal.info("configuration, tokens and certificates were read again", &fields);
    }

    /// Reads and checks all; the last step takes tokens and certificates over.
    fn read(&self, alerts: Option<&Alerts>) -> Result<New, Failure> {
        let configuration = configuration(self.args)?;
        let tokens = tokens(&configuration, &self.args.data, self.args.config.is_some())?;
        let sources = declared(&self.args.data)?;
        let prepared = match (alerts, configuration.alerting()) {
            (Some(alerts), Some(alerting)) => Some(alerts.prepare(alerting).map_err(alert::failure)?),
            _ => None,
        };
        let renewed = self.service.renew(&configuration, tokens).map_err(server_failure)?;
        Ok(New { configuration, renewed, sources, alerts: prepared })
    }

    /// Has the ledger record what sources promise now, and says of how many that changed.
    fn promises(&self, sources: &Sources) -> Option<String> {
        // Nobody may wait here for a disk that is full.
        let recorded = if self.service.takes_nothing().is_some() {
            Err("the ledger takes nothing now; SIGHUP again later".to_owned())
        } else {
            self.ledger.declare(sources.declared()).map_err(|error| failure(error).message)
        };
        match recorded {
            Ok(leaves) if leaves.is_empty() => None,
            Ok(leaves) => Some(format!("promises of {} sources", leaves.len())),
            Err(why) => {
                self.journal.warn("promises of sources.yaml stay as they were", &[("why", &why)]);
                None
            }
        }
    }
}

//! Alerts of `hinomi serve`.

use std::sync::Arc;

use hinomi_ledger::{Ledger, SystemEntropy};
use hinomi_server::serve::{Configuration, Journal, Service};

use super::alert::failure;
use crate::alerting::{Alerts, Surroundings};
use crate::args::Serve;
use crate::casework::Casework;
use crate::exit::{Exit, Failure};

/// Begins to look after alerts, if any are configured.
pub(super) fn start(
    args: &Serve,
    configuration: &Configuration,
    (service, ledger): (&Service, &Ledger),
    casework: Option<&Arc<Casework>>,
    journal: &Journal,
) -> Result<Option<Alerts>, Failure> {
    let Some(alerting) = configuration.alerting() else {
        journal.info("nobody is told: there is no section [alerts]", &[]);
        return Ok(None);
    };
    if args.no_detect {
        return Err(Failure::new(Exit::Usage, "[alerts] needs detection in this process")
            .hint("leave out --no-detect, or the section"));
    }
    for (name, rota) in &alerting.plan.rotas {
        let gap = rota.first_gap(crate::clock::now().into(), 28);
        if let Some(at) = gap {
            let at =
                hinomi_model::Timestamp::from_nanos(at.as_millis().saturating_mul(1_000_000)).to_string();
            let fields = [("rota", name.as_str()), ("from", &at)];
            journal.info("nobody is on shift then; others are told instead", &fields);
        }
    }
    let around = Surroundings {
        data: args.data.clone(),
        site: ledger.identity().origin.as_str().to_owned(),
        log_zone: configuration.detection.zone.clone().unwrap_or_else(|| "UTC".to_owned()),
        journal: journal.clone(),
        ready: Arc::new(service.readiness()),
        entropy: Arc::new(SystemEntropy),
        casework: casework.cloned(),
    };
    let alerts = Alerts::start(alerting, &around).map_err(failure)?;
    service.board().show("alerts", alerts.figures());
    Ok(Some(alerts))
}

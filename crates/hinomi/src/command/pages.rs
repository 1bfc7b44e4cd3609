//! Pages and accounts of `hinomi serve`.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use hinomi_ledger::{Ledger, SystemEntropy};
use hinomi_server::pages::{ReadModel, ReadNothing};
use hinomi_server::serve::{Configuration, Journal};

use super::print;
use crate::access::{Access, AccessError, Surroundings};
use crate::alerting::Alerts;
use crate::args::Serve;
use crate::casework::Casework;
use crate::exit::Failure;
use crate::judge::{Fault, Judge, Order, Run};
use crate::pages::{Hunts, Reading};

/// What pages read of, beside the ledger.
pub(super) struct Beside<'a> {
    pub(super) judge: Option<&'a Arc<Judge>>,
    pub(super) casework: Option<&'a Arc<Casework>>,
    pub(super) hunts: &'a Arc<Hunts>,
    /// Of times that state none.
    pub(super) zone: Option<&'a str>,
}

/// Begins to serve pages, if any are wanted. Without them everything else works: what is received comes first.
pub(super) fn start(
    args: &Serve,
    configuration: &Configuration,
    ledger: &Ledger,
    (alerts, beside): (Option<&Alerts>, &Beside<'_>),
    journal: &Journal,
) -> Result<Option<Access>, Failure> {
    let Some(setup) = configuration.pages() else {
        journal.info("there are no pages: there is no section [pages]", &[]);
        return Ok(None);
    };
    let around = Surroundings {
        data: args.data.clone(),
        site: ledger.identity().origin.as_str().to_owned(),
        journal: journal.clone(),
        faults: alerts.map(Alerts::faults),
        entropy: Arc::new(SystemEntropy),
        reads: reads(args, beside, journal),
    };
    let access = match Access::start(&setup, &around) {
        Ok(access) => access,
        // Whoever wrote down where pages are has to know at once that they are not there.
        Err(error @ (AccessError::Listener(_) | AccessError::Place(_))) if args.config.is_some() => {
            return Err(super::access::failure(error));
        }
        Err(error) => {
            let why = std::error::Error::source(&error)
                .map_or(error.to_string(), |source| format!("{error}: {source}"));
            journal.warn("there are no pages", &[("why", &why)]);
            return Ok(None);
        }
    };
    let at = access.address().to_string();
    journal.info("pages", &[("origin", access.origin()), ("at", &at)]);
    invite_first(args, &access, journal)?;
    Ok(Some(access))
}

/// What is judged for pages, under this configuration.
fn order(args: &Serve, configuration: &Configuration) -> io::Result<Order> {
    let zone = args.how.tz.as_ref().or(configuration.detection.zone.as_ref());
    Ok(Order {
        program: std::env::current_exe()?,
        data: args.data.clone(),
        section: configuration.assure().clone(),
        zone: zone.map_or_else(|| "UTC".to_owned(), Clone::clone),
    })
}

/// Begins to have claims judged, if there are pages that show it. Whatever goes wrong, everything else works.
pub(super) fn judge(args: &Serve, configuration: &Configuration, journal: &Journal) -> Option<Arc<Judge>> {
    configuration.pages()?;
    let own = journal.clone();
    let tell = move |told: Result<&Run, &Fault>| match told {
        Ok(run) => own.info("claims were judged", &[("seconds", &run.seconds().to_string())]),
        Err(fault) => own.warn("claims could not be judged; the last result stays", &[("why", &fault.why)]),
    };
    match order(args, configuration).and_then(|order| Judge::start(order, Box::new(tell))) {
        Ok(judge) => Some(Arc::new(judge)),
        Err(error) => {
            journal.warn("claims are not judged", &[("why", &error.to_string())]);
            None
        }
    }
}

/// What pages read. Without a thread for it pages still let people in, and say that there is nothing to see.
fn reads(args: &Serve, beside: &Beside<'_>, journal: &Journal) -> Arc<dyn ReadModel> {
    let started =
        Reading::start_in(beside.zone, args.data.clone(), args.config.clone(), beside.judge.cloned());
    match started {
        Ok(reading) => {
            let reading = reading.with_hunts(beside.hunts.clone());
            match beside.casework {
                Some(casework) => Arc::new(reading.with_casework(casework.clone())),
                None => Arc::new(reading),
            }
        }
        Err(error) => {
            journal.warn("pages show no evidence", &[("why", &error.to_string())]);
            Arc::new(ReadNothing)
        }
    }
}

/// What people do about incidents. Without it they are shown all the same, and nothing is suppressed.
pub(super) fn casework(args: &Serve, journal: &Journal) -> Option<Arc<Casework>> {
    let (casework, remarks) = match Casework::open(&args.data, &SystemEntropy) {
        Ok(opened) => opened,
        Err(error) => {
            journal.warn("what people do about incidents is not kept", &[("why", &error.to_string())]);
            return None;
        }
    };
    if let Some(why) = &remarks.loss {
        journal
            .warn("acts on incidents may be missing; what the decision ledger has is there", &[("why", why)]);
    }
    if let Some(why) = &remarks.clocks {
        journal.warn("clocks.yaml cannot be used; the deadlines of this program hold", &[("why", why)]);
    }
    Some(Arc::new(casework))
}

/// As long as nobody looks after accounts: the link, where somebody reads it, and nowhere where it would be kept.
fn invite_first(args: &Serve, access: &Access, journal: &Journal) -> Result<(), Failure> {
    if access.has_administrator() {
        return Ok(());
    }
    if args.config.is_some() && !io::stdout().is_terminal() {
        let hint = format!("hinomi access first --data {}", args.data.display());
        journal.info("nobody looks after accounts yet; this prints a link", &[("command", &hint)]);
        return Ok(());
    }
    match access.first_link() {
        Ok(Some(link)) => {
            let text = format!("link for the first administrator, once, within a day:\n  {link}\n");
            print(text.as_bytes()).map(drop)
        }
        Ok(None) => Ok(()),
        Err(error) => {
            journal.warn("no link for the first administrator", &[("why", &error.to_string())]);
            Ok(())
        }
    }
}

/// Judges from now on as this configuration says.
pub(super) fn renew_judge(args: &Serve, judge: Option<&Arc<Judge>>, configuration: &Configuration) {
    if let (Some(judge), Ok(order)) = (judge, order(args, configuration)) {
        judge.renew(order);
    }
}

/// Shows new connections the certificate that is in the files now.
pub(super) fn renew(access: Option<&Access>, configuration: &Configuration, journal: &Journal) {
    if let (Some(access), Some(setup)) = (access, configuration.pages())
        && let Err(error) = access.renew(&setup)
    {
        journal.warn("pages keep their certificate", &[("why", &error.to_string())]);
    }
}

//! `hinomi serve` and `hinomi config`.

mod intake;
mod reload;

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hinomi_ledger::{Ledger, SystemClock, SystemEntropy};
use hinomi_server::receive::{Token, TokenError, Tokens};
use hinomi_server::serve::{Configuration, DetectionSection, EXAMPLE, Journal, Service};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::alerting;
#[cfg(feature = "query")]
use super::derived::Keeper;
use super::ledger::{failure, open_or_make, uploading};
use super::trust::server_failure;
use super::{in_language, pages, print, watching};
use crate::access::Access;
use crate::alerting::{Alerts, Fault};
use crate::args::{ConfigVerb, Serve};
use crate::casework::Casework;
use crate::exit::{Exit, Failure};
use crate::live::{HealthWatch, Notes, Options, Told, Watching};
use crate::pages::Hunts;
use intake::Intake;
use reload::AtWork;

/// The file in a data directory that keeps the SHA-256 of tokens.
pub(super) const TOKENS: &str = "tokens.txt";
/// Time between two looks at signals and at the ledger.
const LOOK: Duration = Duration::from_millis(200);

/// `hinomi serve`.
pub(super) fn run(args: &Serve) -> Result<Exit, Failure> {
    let configuration = configuration(args)?;
    let journal = Journal::new(configuration.log.format, Arc::new(SystemClock), Box::new(io::stderr()));
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(|e| Failure::new(Exit::Internal, e))?;
    let ledger = Arc::new(open_or_make(&args.data, &args.new)?);
    journal.info("the ledger is open", &[("origin", ledger.identity().origin.as_str())]);
    let tokens = first_tokens(args, &configuration, &journal)?;
    let service = Service::start(
        &configuration,
        tokens,
        ledger.clone(),
        (Arc::new(SystemClock), journal.clone()),
        Some(uploading(&args.data)),
    )
    .map_err(server_failure)?;
    announce(&service, &journal);
    // Whatever follows the ledger begins here, and ends before the service stops.
    let zone = zone(args, &configuration);
    #[cfg(feature = "query")]
    let keeper = std::num::NonZeroU32::new(args.derive)
        .map(|every| Keeper::start((&args.data, zone.clone()), ledger.clone(), every, journal.clone()));
    let casework = pages::casework(args, &journal);
    let alerts = alerting::start(args, &configuration, (&service, &ledger), casework.as_ref(), &journal)?;
    let health =
        watching::health(args.health, &args.data, &ledger, (service.board().clone(), journal.clone()));
    let judge = pages::judge(args, &configuration, &journal);
    let hunts = Hunts::new(&args.data);
    let works = pages::Beside {
        judge: judge.as_ref(),
        casework: casework.as_ref(),
        hunts: &hunts,
        zone: zone.as_deref(),
    };
    let access = pages::start(args, &configuration, &ledger, (alerts.as_ref(), &works), &journal)?;
    let mut beside = Beside { alerts, access, health, casework, hunts };
    let mut watching = watching(args, &configuration.detection, &beside, &journal)?;
    let mut in_force = configuration;
    let mut intake = Intake::new(beside.alerts.as_ref().map(Alerts::faults), journal.clone());
    let failed = wait(&mut signals, &service, &mut intake, || {
        let at_work = AtWork { args, service: &service, ledger: &ledger, journal: &journal };
        let Some(renewed) = at_work.reload(&in_force, &mut beside.alerts) else { return };
        pages::renew(beside.access.as_ref(), &renewed, &journal);
        pages::renew_judge(args, judge.as_ref(), &renewed);
        if renewed.detection != in_force.detection {
            // The one that runs ends first: there is one writer of decisions.
            watching.take().into_iter().for_each(Watching::stop);
            match self::watching(args, &renewed.detection, &beside, &journal) {
                Ok(begun) => watching = begun,
                Err(failure) => journal.warn("detection does not follow", &[("why", &failure.message)]),
            }
        }
        in_force = renewed;
    });
    journal.info("stopping", &[]);
    let Beside { alerts, access, health, .. } = beside;
    drop((access, judge));
    alerts.into_iter().for_each(Alerts::stop);
    #[cfg(feature = "query")]
    keeper.into_iter().for_each(Keeper::stop);
    let failed = service.stop().or(failed);
    // Behind the receivers, so that what they took last is looked at in this run, as far as it is committed.
    watching.into_iter().for_each(Watching::stop);
    drop(health);
    close(ledger)?;
    ended(failed, &journal)
}

/// The tokens of senders, when the server begins.
fn first_tokens(args: &Serve, configuration: &Configuration, journal: &Journal) -> Result<Tokens, Failure> {
    let tokens = tokens(configuration, &args.data, args.config.is_some())?;
    if tokens.is_empty() && configuration.needs_tokens() {
        let hint = "hinomi config token NAME --data DIR makes one; then SIGHUP";
        journal.warn("no request can be accepted: there are no tokens", &[("hint", hint)]);
    }
    Ok(tokens)
}

/// Says how it ended.
fn ended(failed: Option<String>, journal: &Journal) -> Result<Exit, Failure> {
    if let Some(reason) = failed {
        journal.warn("stopped; what was received last was not kept", &[("why", &reason)]);
        return Err(Failure::new(Exit::Internal, reason).hint("start again: opening the ledger recovers it"));
    }
    journal.info("stopped; everything received is durable", &[]);
    Ok(Exit::Clean)
}

/// The zone of times that state none, unless detection is told otherwise later.
fn zone(args: &Serve, configuration: &Configuration) -> Option<String> {
    args.how.tz.clone().or_else(|| configuration.detection.zone.clone())
}

/// What runs beside detection and is told of it.
struct Beside {
    alerts: Option<Alerts>,
    access: Option<Access>,
    health: Option<HealthWatch>,
    casework: Option<Arc<Casework>>,
    hunts: Arc<Hunts>,
}

/// Detection while records arrive, unless it is not wanted.
fn watching(
    args: &Serve,
    configured: &DetectionSection,
    beside: &Beside,
    journal: &Journal,
) -> Result<Option<Watching>, Failure> {
    if args.no_detect {
        return Ok(None);
    }
    let journal = journal.clone();
    let options = super::detect::options(&args.data, &args.how, configured)?;
    let options = Options { health: beside.health.clone(), ..options };
    let notes = beside.alerts.as_ref().map(Alerts::notes).into_iter();
    let hunts = beside.hunts.clone() as Arc<dyn Notes>;
    let notes = notes.chain(beside.access.as_ref().map(Access::notes)).chain([hunts]);
    let notes = notes.chain(beside.casework.as_ref().map(|work| work.notes())).collect();
    let faults = beside.alerts.as_ref().map(Alerts::faults);
    let tell = move |told: Told<'_>| {
        write_down(&journal, &told);
        if let (Told::Failed(why), Some(faults)) = (&told, &faults) {
            faults.tell(Fault::Detection, &why.to_string());
        }
    };
    let watching = Watching::start(options, notes, tell);
    watching.map(Some).map_err(|e| Failure::new(Exit::Internal, e))
}

fn write_down(journal: &Journal, told: &Told<'_>) {
    match told {
        Told::Detection(d) => {
            let reference = d.evidence.first().map_or("", |cited| cited.reference.as_str());
            let late = if d.late { "yes" } else { "no" };
            let fields =
                [("id", d.id.as_str()), ("rule", &d.rule_id), ("level", d.level.name()), ("title", &d.title)];
            let event =
                [("time", d.time.as_deref().unwrap_or("")), ("host", &d.host), ("account", &d.account)];
            journal.info(
                "detection",
                &[&fields[..], &event, &[("late", late), ("evidence", reference)]].concat(),
            );
        }
        Told::Activated { from_leaf, rules, rejected } => {
            let (leaf, rules, rejected) =
                (from_leaf.to_string(), rules.to_string(), rejected.len().to_string());
            journal.info("rules hold", &[("from_leaf", &leaf), ("rules", &rules), ("rejected", &rejected)]);
        }
        Told::Refused(error) => {
            journal
                .warn("new rules cannot be used, the old ones stay in force", &[("why", &error.to_string())]);
        }
        Told::Loss(why) => journal.warn("a remark on what was read", &[("what", why)]),
        Told::Finding(finding) => watching::write_down(journal, finding),
        Told::Differs(why) => {
            journal.warn("what is written is not what is found", &[("why", &why.to_string())]);
        }
        Told::Failed(why) => {
            journal.warn("detection does not follow; it is tried again", &[("why", &why.to_string())]);
        }
        Told::CaughtUp(_) => {}
    }
}

/// `hinomi config`.
pub(super) fn config(verb: ConfigVerb) -> Result<Exit, Failure> {
    match verb {
        ConfigVerb::Example => print(EXAMPLE.as_bytes()),
        ConfigVerb::Check { file } => {
            read(&file)?.check_files().map_err(server_failure)?;
            print(in_language(format!("{}: nothing is wrong\n", file.display()), None).as_bytes())
        }
        ConfigVerb::Token { name, data } => print(format!("{}\n", new_token(&name, &data)?).as_bytes()),
    }
}

fn configuration(args: &Serve) -> Result<Configuration, Failure> {
    match &args.config {
        Some(file) => read(file),
        None => Configuration::without_file().map_err(|e| Failure::new(Exit::Internal, e)),
    }
}

fn read(file: &Path) -> Result<Configuration, Failure> {
    let at = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let text = std::fs::read_to_string(file).map_err(|e| Failure::new(Exit::Unreadable, at(&e)))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    Configuration::parse(&text, folder)
        .map_err(|e| Failure::new(Exit::Usage, at(&e)).hint("hinomi config example shows every key"))
}

/// The tokens of the configuration and of the data directory. Where senders need some and there are none, one is made and
/// shown, unless there is a configuration.
fn tokens(configuration: &Configuration, data: &Path, configured: bool) -> Result<Tokens, Failure> {
    let usage = |e: &dyn std::fmt::Display| Failure::new(Exit::Usage, e);
    let path = data.join(TOKENS);
    let mut all = configuration.tokens().map_err(|e| usage(&e))?;
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let named = |e: TokenError| usage(&format!("{}: {e}", path.display()));
            all.extend(Token::parse_all(&text).map_err(named)?);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::new(Exit::Unreadable, format!("{}: {error}", path.display()))),
    }
    // Where there is a configuration, what is printed goes into some journal: secrets do not.
    let shown = !configured && configuration.needs_tokens();
    if all.is_empty() && shown {
        let token = new_token("first", data)?;
        let text = format!("token of the sender \"first\", shown this once: {token}\n");
        print(in_language(text, None).as_bytes())?;
        return tokens(configuration, data, configured);
    }
    Tokens::new(all).map_err(|e| usage(&e))
}

/// Makes a token and keeps its SHA-256; the token itself is nowhere but in what is returned.
fn new_token(name: &str, data: &Path) -> Result<String, Failure> {
    let (token, text) = Token::generate(name, &SystemEntropy).map_err(|e| Failure::new(Exit::Usage, e))?;
    let path = data.join(TOKENS);
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let kept = opened.and_then(|mut file| {
        file.write_all(token.line().as_bytes())?;
        file.sync_all()
    });
    kept.map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))?;
    Ok(text)
}

fn announce(service: &Service, journal: &Journal) {
    let started = service.started();
    journal.info("health and figures", &[("at", &started.admin.to_string())]);
    for listening in &started.listening {
        let (name, at) = (listening.name.as_str(), listening.address.to_string());
        let told = if listening.protocol.starts_with("http") {
            "after it is durable"
        } else {
            "never; the protocol has no acknowledgements"
        };
        let fields =
            [("listener", name), ("protocol", listening.protocol), ("at", &at), ("acknowledged", told)];
        journal.info("listening", &fields);
    }
}

/// Waits until somebody asks to stop, or the ledger fails, and says why.
fn wait(
    signals: &mut Signals,
    service: &Service,
    intake: &mut Intake,
    mut reload: impl FnMut(),
) -> Option<String> {
    loop {
        for signal in signals.pending() {
            if signal != SIGHUP {
                return None;
            }
            reload();
        }
        if let Some(reason) = service.failure() {
            intake.failed(&reason);
            return Some(reason);
        }
        intake.look(service.takes_nothing());
        thread::sleep(LOOK);
    }
}

fn close(ledger: Arc<Ledger>) -> Result<(), Failure> {
    match Arc::try_unwrap(ledger) {
        Ok(ledger) => ledger.close().map_err(failure),
        Err(_) => Err(Failure::new(Exit::Internal, "the ledger is still in use")),
    }
}

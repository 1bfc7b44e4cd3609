//! The thread that looks after alerts.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hinomi_alert::{
    Acknowledged, Acknowledgement, Cursors, Desk, Event, Fact, Moment, Signal, Site, Step, compose,
};
use hinomi_model::{Entropy, Level};
use hinomi_server::LocalServer;
use hinomi_server::serve::{Alerting, Exposition, FindingsSection, Journal};

use super::answering::{Answer, LONGEST_NAME, LONGEST_NOTE, Question};
use super::dispatch::{Dispatch, Tried};
use super::feed::Feed;
use super::figures::Figures;
use super::heart::{self, Vital};
use super::store::{Found, Saved, Store, identity};
use super::{AlertsError, socket, sources};
use crate::casework::Casework;
use crate::clock;
use crate::live::{ALERTS, Notes};
use crate::outbox::{Numbered, Outbox};

/// Time between two looks at the ledgers.
const LOOK: Duration = Duration::from_millis(250);
/// What waits for the thread.
const WAITING: usize = 1_024;
/// Steps that wait for the decision ledger; beyond that the oldest are dropped and counted.
const MOST_WAITING: usize = 100_000;
/// Rounds after which the places in the ledgers are saved although nothing happened.
const SAVE_PLACES: u64 = 240;
/// How long messages that are being sent may take when the server stops.
const FAREWELL: u32 = 20;
/// Outcomes of test messages that are remembered for whoever asks.
const REMEMBERED: usize = 100;

impl Numbered for Step {
    fn number(&self) -> u64 {
        self.number
    }
}

/// What alerts need of the rest of the program.
pub struct Surroundings {
    /// Data directory.
    pub data: PathBuf,
    /// Name of the ledger.
    pub site: String,
    /// Zone that detection reads times without one in.
    pub log_zone: String,
    /// Where lines about the program go.
    pub journal: Journal,
    /// Whether what is sent to the receivers is taken.
    pub ready: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What people suppress, and which deadlines they began.
    pub casework: Option<Arc<Casework>>,
}

/// Something for the thread to do.
enum Command {
    Tried(Tried),
    Ask(Option<u32>, Question, SyncSender<Answer>),
    Fault(Fault, String),
    Renew(Box<Prepared>),
    Stop,
}

/// Alerts at work.
pub struct Alerts {
    commands: SyncSender<Command>,
    thread: JoinHandle<()>,
    hearts: Vec<JoinHandle<()>>,
    vital: Vital,
    journal: Journal,
    data: PathBuf,
    outbox: Arc<Outbox<Step>>,
    figures: Arc<Figures>,
    // Closes the socket when it is dropped.
    _door: Option<LocalServer>,
}

/// A fault of this program or its machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Detection does not follow.
    Detection,
    /// The ledger takes nothing.
    Ledger,
    /// Something about accounts that somebody has to hear of at once.
    Access,
}

impl Fault {
    fn signal(self, why: &str, levels: &FindingsSection) -> Signal {
        let (rule, level, what) = match self {
            Self::Detection => (
                "detection-stopped",
                levels.detection,
                ("Detection does not follow what is received", "受信した記録の検知が止まっています"),
            ),
            Self::Ledger => (
                "ledger-takes-nothing",
                levels.ledger,
                (
                    "The ledger takes nothing: what is sent is not kept",
                    "台帳が記録を受け付けていません(届いたログは保存されません)",
                ),
            ),
            Self::Access => (
                "access",
                Level::Critical,
                ("Somebody has to look at accounts", "アカウントの操作を確認してください"),
            ),
        };
        sources::program(rule, level, what, why, clock::now())
    }
}

/// What tells of faults.
#[derive(Clone)]
pub struct Faults(SyncSender<Command>);

impl Faults {
    /// Something does not work, and why.
    pub fn tell(&self, fault: Fault, why: &str) {
        // A full queue: it is told again as long as it lasts.
        let _ = self.0.try_send(Command::Fault(fault, why.to_owned()));
    }

    /// Something about accounts that somebody has to hear of at once.
    pub fn access(&self, what: &str, account: &str) {
        self.tell(Fault::Access, &format!("{what} ({account})"));
    }
}

/// What is configured, with everything that it needs opened, so that it can take the place of what is in force.
pub struct Prepared {
    alerting: Alerting,
    dispatch: Dispatch,
    hearts: Vec<heart::Ready>,
}

struct Thread {
    alerting: Alerting,
    site: Site,
    journal: Journal,
    store: Store,
    desk: Desk,
    cursors: Cursors,
    /// What could not be saved.
    unsaved: Vec<Step>,
    outbox: Arc<Outbox<Step>>,
    figures: Arc<Figures>,
    feed: Feed,
    casework: Option<Arc<Casework>>,
    dispatch: Dispatch,
    rounds: Arc<AtomicU64>,
    /// What became of the last test messages.
    tests: VecDeque<(u64, Answer)>,
}

impl Alerts {
    /// Begins where the last run ended.
    ///
    /// # Errors
    /// [`AlertsError`] when what is kept cannot be read, or a sink cannot be used.
    pub fn start(alerting: Alerting, around: &Surroundings) -> Result<Self, AlertsError> {
        let Found { store, mut saved, first, loss } = Store::open(&around.data)?;
        let journal = around.journal.clone();
        if let Some(loss) = loss {
            journal.warn("alerts may be missing; what the decision ledger has is there", &[("why", &loss)]);
        }
        let feed = Feed::new(&around.data, alerting.findings.clone(), first);
        let mut feed = feed.with_casework(around.casework.clone());
        feed.place(&mut saved.cursors);
        let named = identity(&around.data, &*around.entropy)?;
        let site = Site {
            name: around.site.clone(),
            data: around.data.display().to_string(),
            log_zone: around.log_zone.clone(),
            secret: *hinomi_model::Digest::of(named.secret.as_bytes()).as_bytes(),
            instance: named.instance,
        };
        let (commands, waiting) = sync_channel(WAITING);
        let Prepared { alerting, dispatch, hearts } = prepare(alerting, &commands)?;
        save_zone(&around.data, &alerting, &journal);
        let (rounds, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let vital = Vital { rounds: rounds.clone(), ready: around.ready.clone(), stop };
        let hearts = heart::start(hearts, &vital, &journal)?;
        let Saved { desk, cursors, unrecorded } = saved;
        let (outbox, figures) =
            (Arc::new(Outbox::new(ALERTS, MOST_WAITING, unrecorded)), Arc::new(Figures::default()));
        let door = open_door(around, &commands);
        let mut thread = Thread {
            alerting,
            site,
            journal: journal.clone(),
            store,
            desk,
            cursors,
            unsaved: Vec::new(),
            outbox: outbox.clone(),
            figures: figures.clone(),
            feed,
            casework: around.casework.clone(),
            dispatch,
            rounds,
            tests: VecDeque::new(),
        };
        let run = move || thread.run(&waiting);
        let thread =
            thread::Builder::new().name("alerts".to_owned()).spawn(run).map_err(AlertsError::Thread)?;
        let data = around.data.clone();
        Ok(Self { commands, thread, hearts, vital, journal, data, outbox, figures, _door: door })
    }

    /// Reads secrets and certificates and opens sinks for what is configured now. Nothing changes by that.
    ///
    /// # Errors
    /// [`AlertsError`] of the first sink or sign of life that cannot be used.
    pub fn prepare(&self, alerting: Alerting) -> Result<Prepared, AlertsError> {
        prepare(alerting, &self.commands)
    }

    /// From now on this is in force. Alerts, their timers and messages on their way stay.
    ///
    /// # Errors
    /// [`AlertsError`] when no sign of life can be begun; everything else is in force then.
    pub fn renew(&mut self, mut prepared: Prepared) -> Result<(), AlertsError> {
        save_zone(&self.data, &prepared.alerting, &self.journal);
        let hearts = std::mem::take(&mut prepared.hearts);
        // Fails when the thread has ended, which ends the server's alerts for other reasons.
        let _ = self.commands.send(Command::Renew(Box::new(prepared)));
        self.vital.stop.store(true, Ordering::Relaxed);
        self.hearts.iter().for_each(|heart| heart.thread().unpark());
        self.vital.stop = Arc::new(AtomicBool::new(false));
        self.hearts = heart::start(hearts, &self.vital, &self.journal)?;
        Ok(())
    }

    /// Steps on their way into the decision ledger.
    pub fn notes(&self) -> Arc<dyn Notes> {
        self.outbox.clone()
    }

    /// Figures about alerts.
    pub fn figures(&self) -> Exposition {
        let figures = self.figures.clone();
        Box::new(move || figures.exposition())
    }

    /// Where faults of this program are told.
    pub fn faults(&self) -> Faults {
        Faults(self.commands.clone())
    }

    /// Lets messages that are being sent arrive, saves everything and stops.
    pub fn stop(self) {
        self.vital.stop.store(true, Ordering::Relaxed);
        self.hearts.iter().for_each(|heart| heart.thread().unpark());
        let _ = self.commands.send(Command::Stop);
        // A thread that failed has said so.
        let _ = self.thread.join();
    }
}

fn prepare(alerting: Alerting, commands: &SyncSender<Command>) -> Result<Prepared, AlertsError> {
    let outcomes = commands.clone();
    // Fails when the thread has ended: the message is tried again after the next start.
    let tell = move |tried| drop(outcomes.send(Command::Tried(tried)));
    let dispatch = Dispatch::start(&alerting.sinks, &tell)?;
    let hearts = heart::open(&alerting.heartbeats)?;
    Ok(Prepared { alerting, dispatch, hearts })
}

/// For whoever lists alerts on this machine.
fn save_zone(data: &Path, alerting: &Alerting, journal: &Journal) {
    let Some(name) = alerting.plan.zone.iana_name() else { return };
    if let Err(error) = super::store::save_zone(data, name) {
        let why = error.to_string();
        journal.warn("alerts are listed in another zone than they are told in", &[("why", &why)]);
    }
}

/// The socket; without it alerts are sent all the same.
fn open_door(around: &Surroundings, commands: &SyncSender<Command>) -> Option<LocalServer> {
    let commands = commands.clone();
    let answering = move |uid: Option<u32>, question: &str| {
        let refused = |why: String| Answer::Refused { why };
        let answer = match serde_json::from_str(question) {
            Ok(question) => {
                let (sender, answer) = sync_channel(1);
                let asked = commands.try_send(Command::Ask(uid, question, sender));
                let answer = asked.ok().and_then(|()| answer.recv_timeout(Duration::from_secs(20)).ok());
                answer.unwrap_or_else(|| refused("the server is busy or stops".to_owned()))
            }
            Err(error) => refused(error.to_string()),
        };
        serde_json::to_string(&answer).unwrap_or_default()
    };
    let path = socket(&around.data);
    match LocalServer::open(&path, Arc::new(answering)) {
        Ok(door) => Some(door),
        Err(error) => {
            let (path, why) = (path.display().to_string(), error.to_string());
            around.journal.warn("nobody can acknowledge alerts", &[("socket", &path), ("why", &why)]);
            None
        }
    }
}

impl Thread {
    fn run(&mut self, waiting: &Receiver<Command>) {
        let mut idle = 0;
        loop {
            let stop = self.wait(waiting, LOOK);
            let steps = self.look();
            let happened = self.settle(steps);
            self.look_at_casework(stop);
            idle = if happened { 0 } else { idle + 1 };
            if idle >= SAVE_PLACES {
                idle = 0;
                self.keep(Vec::new());
            }
            self.send();
            self.rounds.fetch_add(1, Ordering::Relaxed);
            self.figures.update(&self.desk, self.outbox.counts(), self.unsaved.len());
            if stop {
                return self.finish(waiting);
            }
        }
    }

    /// Waits a while for messages that are being sent.
    fn finish(&mut self, waiting: &Receiver<Command>) {
        for _ in 0..FAREWELL {
            if self.dispatch.is_idle() {
                break;
            }
            self.wait(waiting, LOOK);
        }
        self.save();
    }

    /// Does what others ask for; true when they ask to stop.
    fn wait(&mut self, waiting: &Receiver<Command>, patience: Duration) -> bool {
        let mut next = waiting.recv_timeout(patience);
        let mut left = WAITING;
        loop {
            match next {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
                Ok(command) => self.obey(command),
            }
            left -= 1;
            if left == 0 {
                return false;
            }
            next = waiting.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Tried(Tried { sink, delivery, outcome }) => {
                self.dispatch.done(&sink);
                self.happens(Event::Tried { delivery, outcome });
            }
            Command::Fault(fault, why) => {
                let signal = fault.signal(&why, &self.alerting.findings);
                self.happens(Event::Signals(&[signal]));
            }
            Command::Renew(prepared) => {
                let Prepared { alerting, mut dispatch, .. } = *prepared;
                self.feed.judge_by(alerting.findings.clone());
                std::mem::swap(&mut self.dispatch, &mut dispatch);
                self.dispatch.succeed(dispatch);
                self.alerting = alerting;
            }
            Command::Ask(uid, question, sender) => {
                let answer = self.answer(uid, question);
                // Whoever asked may have gone.
                let _ = sender.try_send(answer);
            }
            Command::Stop => {}
        }
    }

    fn answer(&mut self, uid: Option<u32>, question: Question) -> Answer {
        let long = |text: &str, most| text.chars().count() > most || text.contains(|c: char| c.is_control());
        match question {
            Question::Acknowledge { by, .. } | Question::Test { by, .. }
                if by.trim().is_empty() || long(&by, LONGEST_NAME) =>
            {
                Answer::Refused { why: format!("--by: a name of at most {LONGEST_NAME} characters") }
            }
            Question::Acknowledge { note, .. } if long(&note, LONGEST_NOTE) => {
                Answer::Refused { why: format!("--note: a line of at most {LONGEST_NOTE} characters") }
            }
            Question::Acknowledge { alert, by, note } => match self.desk.acknowledgement(alert) {
                Acknowledged::Before(who) => Answer::Before { who },
                Acknowledged::Unknown => Answer::Unknown,
                Acknowledged::Now => {
                    let who = Acknowledgement { by, uid, at: Moment::default(), note };
                    self.happens(Event::Acknowledge { alert, who });
                    Answer::Acknowledged
                }
            },
            Question::Test { sink, .. } if !self.alerting.plan.sinks.contains_key(&sink) => Answer::Unknown,
            Question::Test { sink, by } => {
                self.happens(Event::Test { sink, by });
                let delivery = self.desk.deliveries().map(|delivery| delivery.id).max().unwrap_or(0);
                self.tests.push_back((delivery, Answer::OnItsWay));
                if self.tests.len() > REMEMBERED {
                    self.tests.pop_front();
                }
                Answer::Queued { delivery }
            }
            Question::Delivery { id } => {
                let known = self.tests.iter().find(|(delivery, _)| *delivery == id);
                known.map_or(Answer::Unknown, |(_, answer)| answer.clone())
            }
        }
    }

    /// Reads what the ledgers gained, and lets time pass.
    fn look(&mut self) -> Vec<Step> {
        let read = self.feed.read(&mut self.cursors);
        for loss in &read.losses {
            self.journal.warn("alerts may be missing", &[("why", loss)]);
        }
        let event = if read.signals.is_empty() { Event::Tick } else { Event::Signals(&read.signals) };
        self.desk.step(&self.alerting.plan, clock::now().into(), event)
    }

    /// Tells of deadlines, and of what suppressions hid that somebody has to know.
    fn look_at_casework(&mut self, stop: bool) {
        let Some(casework) = self.casework.clone() else { return };
        let now = clock::now();
        for reminder in casework.reminders(now) {
            // Told first: a crash in between tells it twice, and never not at all.
            self.happens(Event::Signals(&[sources::deadline(&reminder, now)]));
            if let Err(error) = casework.reminded(&reminder, now) {
                self.journal.repeated("deadlines cannot be saved", &[("why", &error.to_string())]);
            }
        }
        match casework.count(now, stop) {
            Ok(hidden) => {
                for (name, count) in hidden {
                    self.happens(Event::Signals(&[sources::hidden(&name, count, now)]));
                }
            }
            Err(error) => {
                self.journal
                    .repeated("what suppressions hide cannot be saved", &[("why", &error.to_string())]);
            }
        }
    }

    fn happens(&mut self, event: Event<'_>) {
        let steps = self.desk.step(&self.alerting.plan, clock::now().into(), event);
        self.settle(steps);
    }

    /// Saves steps and says what they are. True when there were any.
    fn settle(&mut self, steps: Vec<Step>) -> bool {
        if steps.is_empty() {
            return false;
        }
        for step in &steps {
            self.say(step);
            self.remember_test(step);
        }
        self.outbox.add(steps.iter().cloned());
        self.keep(steps);
        if self.store.is_long() {
            self.save();
        }
        true
    }

    fn keep(&mut self, steps: Vec<Step>) {
        self.unsaved.extend(steps);
        match self.store.keep(self.cursors, self.unsaved.clone()) {
            Ok(()) => self.unsaved.clear(),
            Err(error) => {
                let why = error.to_string();
                self.journal.repeated("alerts cannot be saved; they are sent all the same", &[("why", &why)]);
            }
        }
    }

    fn save(&mut self) {
        let saved =
            Saved { desk: self.desk.clone(), cursors: self.cursors, unrecorded: self.outbox.waiting() };
        match self.store.save(&saved) {
            Ok(()) => self.unsaved.clear(),
            Err(error) => {
                self.journal.repeated("alerts cannot be saved", &[("why", &error.to_string())]);
            }
        }
    }

    /// Hands what is due to sinks that are free.
    fn send(&mut self) {
        let now = clock::now().into();
        let mut jobs: BTreeMap<String, u64> = BTreeMap::new();
        for delivery in self.desk.ready(now) {
            let sink = &delivery.to.sink;
            if self.dispatch.is_free(sink) && !jobs.contains_key(sink) {
                jobs.insert(sink.clone(), delivery.id);
            }
        }
        for (sink, id) in jobs {
            let Some(delivery) = self.desk.delivery(id) else { continue };
            let letter = compose(&self.desk, &self.alerting.plan, &self.site, delivery, now);
            self.dispatch.send(&sink, (id, letter, now));
        }
    }

    fn remember_test(&mut self, step: &Step) {
        let (id, answer) = match &step.fact {
            Fact::Sent { delivery, .. } => (*delivery, Answer::Arrived),
            Fact::GivenUp { delivery, why, .. } => (*delivery, Answer::GivenUp { why: why.clone() }),
            _ => return,
        };
        if let Some((_, known)) = self.tests.iter_mut().find(|(delivery, _)| *delivery == id) {
            *known = answer;
        }
    }

    /// A line for what somebody should see.
    fn say(&self, step: &Step) {
        let journal = &self.journal;
        let listed = |alerts: &[hinomi_alert::AlertId]| {
            let names: Vec<String> = alerts.iter().take(20).map(ToString::to_string).collect();
            names.join(" ")
        };
        match &step.fact {
            Fact::Made { alert } => {
                let (id, level) = (alert.id.to_string(), alert.level.name());
                let place =
                    [("rule", alert.rule.as_str()), ("host", &alert.host), ("account", &alert.account)];
                let what = [("alert", id.as_str()), ("level", level), ("title", &alert.title)];
                journal.info("alert", &[&what[..], &place].concat());
            }
            Fact::Sent { delivery, to, alerts } => {
                let (delivery, alerts) = (delivery.to_string(), listed(alerts));
                let person = to.person.as_deref().unwrap_or("");
                let fields = [
                    ("message", delivery.as_str()),
                    ("sink", &to.sink),
                    ("person", person),
                    ("alerts", &alerts),
                ];
                journal.info("told", &fields);
            }
            Fact::Failed { sink, why, .. } => {
                let what = "a sink takes nothing; it is tried again";
                journal.repeated_of(sink, what, &[("sink", sink), ("why", why)]);
            }
            Fact::GivenUp { delivery, to, alerts, why } => {
                let (delivery, alerts) = (delivery.to_string(), listed(alerts));
                let fields =
                    [("message", delivery.as_str()), ("sink", &to.sink), ("alerts", &alerts), ("why", why)];
                journal.warn("a message is given up", &fields);
            }
            Fact::Acknowledged { alert, who } => {
                journal.info("acknowledged", &[("alert", &alert.to_string()), ("by", &who.by)]);
            }
            Fact::Climbed { alert, taken, round, told, .. }
                if *taken > 1 || *round > 0 || told.is_empty() =>
            {
                let (step, round) = (taken.to_string(), round.to_string());
                let fields = [("alert", alert.to_string()), ("step", step), ("round", round)];
                let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
                journal.warn("nobody has acknowledged", &fields);
            }
            Fact::ClockBack { .. } => journal.warn("the clock went back; timers of alerts go with it", &[]),
            _ => {}
        }
    }
}

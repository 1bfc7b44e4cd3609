//! The sections of the configuration about alerts: what they say, and what is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hinomi_alert::{Days, Language, Override, Person, Plan, Policy, Quiet, Rota, Rung, Shift, Sink, Target};
use hinomi_model::Level;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::alert_sinks::{HeartbeatSection, SinkSection};
use super::configuration::{Configuration, Fault};
use crate::alert::{Heartbeat, Setup};
use crate::error::ServerError;

/// Most parts of a kind.
const MOST: usize = 200;

/// Everything about alerts.
#[derive(Clone, Debug)]
pub struct Alerting {
    /// Who is told of what.
    pub plan: Plan,
    /// What sinks are made from, by name.
    pub sinks: BTreeMap<String, Setup>,
    /// Signs of life.
    pub heartbeats: Vec<Heartbeat>,
    /// How severe findings are.
    pub findings: FindingsSection,
}

/// `[alerts]`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlertsSection {
    zone: String,
    window_minutes: u64,
    give_up_minutes: u64,
    route: RouteSection,
    findings: FindingsSection,
}

impl Default for AlertsSection {
    fn default() -> Self {
        Self {
            zone: "UTC".to_owned(),
            window_minutes: 60,
            give_up_minutes: 1_440,
            route: RouteSection::default(),
            findings: FindingsSection::default(),
        }
    }
}

/// `[alerts.route]`: a policy for each level that makes alerts.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RouteSection {
    critical: Option<String>,
    high: Option<String>,
    medium: Option<String>,
    low: Option<String>,
    informational: Option<String>,
}

/// `[alerts.findings]`: how severe what the ledger finds out about sources is, and what happens to this program.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FindingsSection {
    /// A source was not heard for longer than it promised.
    pub silent: Level,
    /// A source was not heard for longer than ever before, or far less than usual.
    pub quiet: Level,
    /// A source that says nothing is seen by another one.
    pub seen_elsewhere: Level,
    /// Kinds of records stay away, times jumped, or another host speaks under a name.
    pub changed: Level,
    /// Numbered records are missing.
    pub gap: Level,
    /// A source counts anew.
    pub restarted: Level,
    /// A number that the source cannot have given out.
    pub impossible: Level,
    /// The clock of this machine was changed.
    pub clock: Level,
    /// Nothing could be received for a time.
    pub not_running: Level,
    /// Detection does not follow.
    pub detection: Level,
    /// The ledger takes nothing: its disk is full, or failed.
    pub ledger: Level,
}

impl Default for FindingsSection {
    fn default() -> Self {
        Self {
            silent: Level::High,
            quiet: Level::Medium,
            seen_elsewhere: Level::High,
            changed: Level::Medium,
            gap: Level::Medium,
            restarted: Level::Medium,
            impossible: Level::Medium,
            clock: Level::Medium,
            not_running: Level::Medium,
            detection: Level::High,
            ledger: Level::Critical,
        }
    }
}

/// `[[person]]`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonSection {
    name: String,
    sinks: Vec<String>,
    mail: Option<String>,
    language: Option<Language>,
    quiet: Option<QuietSection>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuietSection {
    from: String,
    to: String,
    zone: Option<String>,
}

/// `[[rota]]`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotaSection {
    name: String,
    zone: Option<String>,
    otherwise: Vec<String>,
    #[serde(default)]
    shift: Vec<ShiftSection>,
    #[serde(default, rename = "override")]
    instead: Vec<OverrideSection>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShiftSection {
    people: Vec<String>,
    #[serde(default = "every_day")]
    days: Vec<String>,
    from: String,
    to: String,
    since: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OverrideSection {
    from: String,
    to: String,
    person: Option<String>,
}

/// `[[policy]]`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicySection {
    name: String,
    #[serde(default = "yes")]
    acknowledge: bool,
    repeat_minutes: Option<u64>,
    #[serde(default)]
    step: Vec<StepSection>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepSection {
    tell: Vec<String>,
    #[serde(default)]
    after_minutes: u64,
}

fn yes() -> bool {
    true
}

fn every_day() -> Vec<String> {
    DAYS.iter().map(|(name, _)| (*name).to_owned()).collect()
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Configuration {
    /// What is configured about alerts; `None` when nothing is.
    pub fn alerting(&self) -> Option<Alerting> {
        // `parse` has ruled faults out.
        self.read_alerting().ok().flatten()
    }

    pub(super) fn read_alerting(&self) -> Result<Option<Alerting>, Fault> {
        let Some(alerts) = &self.alerts else { return self.without_alerts().map(|()| None) };
        let fault = |what: String| (alerts.span(), what);
        let section = alerts.as_ref();
        let zone = zone(&section.zone).map_err(|what| fault(format!("alerts.zone: {what}")))?;
        let window = minutes(section.window_minutes, "alerts.window_minutes").map_err(fault)?;
        let give_up = minutes(section.give_up_minutes, "alerts.give_up_minutes").map_err(fault)?;
        let mut plan = Plan {
            zone,
            window,
            give_up,
            routes: section.route.by_level(),
            sinks: BTreeMap::new(),
            people: BTreeMap::new(),
            rotas: BTreeMap::new(),
            policies: BTreeMap::new(),
        };
        let sinks = self.read_sinks(&mut plan.sinks)?;
        plan.people = named("person", &self.person, |s| &s.name, PersonSection::person)?;
        let zone = section.zone.as_str();
        plan.rotas = named("rota", &self.rota, |s| &s.name, |section| section.rota(zone))?;
        plan.policies = named("policy", &self.policy, |s| &s.name, PolicySection::policy)?;
        self.check_plan(&plan)?;
        let heartbeats = named("heartbeat", &self.heartbeat, |s| &s.name, HeartbeatSection::heartbeat)?;
        let heartbeats = heartbeats.into_values().collect();
        Ok(Some(Alerting { plan, sinks, heartbeats, findings: section.findings.clone() }))
    }

    /// Parts that nobody uses are a mistake that would only be noticed at night.
    fn without_alerts(&self) -> Result<(), Fault> {
        let spans = [
            self.sink.first().map(Spanned::span),
            self.person.first().map(Spanned::span),
            self.rota.first().map(Spanned::span),
            self.policy.first().map(Spanned::span),
            self.heartbeat.first().map(Spanned::span),
        ];
        match spans.into_iter().flatten().next() {
            Some(span) => {
                Err((span, "alerts: this is used by nothing without a section [alerts]".to_owned()))
            }
            None => Ok(()),
        }
    }

    fn read_sinks(&self, of_plan: &mut BTreeMap<String, Sink>) -> Result<BTreeMap<String, Setup>, Fault> {
        let both = named("sink", &self.sink, |s| &s.name, |s| Ok((s.sink()?, s.setup()?)))?;
        let mut sinks = BTreeMap::new();
        for (name, (sink, setup)) in both {
            of_plan.insert(name.clone(), sink);
            sinks.insert(name, setup);
        }
        Ok(sinks)
    }

    /// The faults of a plan, at the part that they are in.
    fn check_plan(&self, plan: &Plan) -> Result<(), Fault> {
        plan.check().map_err(|error| {
            let at = match error.section {
                "person" => place(&self.person, |s| s.name == error.name),
                "rota" => place(&self.rota, |s| s.name == error.name),
                "policy" => place(&self.policy, |s| s.name == error.name),
                _ => self.alerts.as_ref().map(Spanned::span),
            };
            let what = if error.section == "alerts" {
                format!("alerts.route.{}: {}", error.name, error.what)
            } else {
                format!("{}.{}", error.section, error.what)
            };
            (at.unwrap_or_default(), what)
        })
    }

    /// What about alerts is not as it was in `self`: sections, and parts by their names.
    pub fn alert_changes(&self, new: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.alerts.as_ref().map(AsRef::as_ref) != new.alerts.as_ref().map(AsRef::as_ref) {
            changes.push("[alerts]".to_owned());
        }
        changed(&mut changes, "sink", &self.sink, &new.sink, |s| &s.name);
        changed(&mut changes, "person", &self.person, &new.person, |s| &s.name);
        changed(&mut changes, "rota", &self.rota, &new.rota, |s| &s.name);
        changed(&mut changes, "policy", &self.policy, &new.policy, |s| &s.name);
        changed(&mut changes, "heartbeat", &self.heartbeat, &new.heartbeat, |s| &s.name);
        changes
    }

    /// The files that sinks and heartbeats name.
    pub(super) fn alert_files(&self) -> Vec<PathBuf> {
        let mut sinks: Vec<SinkSection> = self.sink.iter().map(|sink| sink.as_ref().clone()).collect();
        let mut beats: Vec<HeartbeatSection> = self.heartbeat.iter().map(|b| b.as_ref().clone()).collect();
        let sinks = sinks.iter_mut().flat_map(SinkSection::files);
        sinks.chain(beats.iter_mut().flat_map(HeartbeatSection::files)).map(|path| path.clone()).collect()
    }

    /// Relative paths are meant from a folder.
    pub(super) fn place_alert_files(&mut self, folder: &Path) {
        let mut files: Vec<&mut PathBuf> = Vec::new();
        files.extend(self.sink.iter_mut().flat_map(|sink| sink.as_mut().files()));
        files.extend(self.heartbeat.iter_mut().flat_map(|beat| beat.as_mut().files()));
        files.into_iter().for_each(|path| *path = folder.join(&*path));
    }
}

impl Alerting {
    /// Reads the secrets and certificates that are named.
    ///
    /// # Errors
    /// [`ServerError`] of the first that cannot be used.
    pub(super) fn check_files(&self) -> Result<(), ServerError> {
        let part = |kind, name: &str| {
            let name = name.to_owned();
            move |source| ServerError::Part { kind, name, source: Box::new(source) }
        };
        for (name, setup) in &self.sinks {
            setup.open().map(drop).map_err(part("sink", name))?;
        }
        for beat in &self.heartbeats {
            beat.open().map(drop).map_err(part("heartbeat", &beat.name))?;
        }
        Ok(())
    }
}

fn place<T>(all: &[Spanned<T>], is: impl Fn(&T) -> bool) -> Option<std::ops::Range<usize>> {
    all.iter().find(|section| is(section.as_ref())).map(Spanned::span)
}

/// Names the parts that came, went or differ.
fn changed<T: PartialEq>(
    changes: &mut Vec<String>,
    kind: &str,
    old: &[Spanned<T>],
    new: &[Spanned<T>],
    name: impl Fn(&T) -> &String,
) {
    let called_so =
        |all: &'_ [Spanned<T>], wanted: &str| all.iter().position(|part| name(part.as_ref()) == wanted);
    let names: BTreeSet<&String> = old.iter().chain(new).map(|part| name(part.as_ref())).collect();
    for called in names {
        let before = called_so(old, called).and_then(|at| old.get(at)).map(Spanned::as_ref);
        let after = called_so(new, called).and_then(|at| new.get(at)).map(Spanned::as_ref);
        if before != after {
            changes.push(format!("{kind} {called}"));
        }
    }
}

/// Parts by name.
fn named<T, U>(
    kind: &str,
    all: &[Spanned<T>],
    name: impl Fn(&T) -> &String,
    build: impl Fn(&T) -> Result<U, String>,
) -> Result<BTreeMap<String, U>, Fault> {
    let mut made = BTreeMap::new();
    for section in all {
        let fault = |what: String| (section.span(), format!("{kind}.{what}"));
        let called = name(section.as_ref());
        if !crate::receive::is_name(called) {
            let what = format!("name: {called:?}: 1 to 64 letters, digits, dots, dashes and underscores");
            return Err(fault(what));
        }
        if made.len() == MOST {
            return Err(fault(format!("name: there are more than {MOST}")));
        }
        let part = build(section.as_ref()).map_err(fault)?;
        if made.insert(called.clone(), part).is_some() {
            return Err(fault(format!("name: there are two of the name {called}")));
        }
    }
    Ok(made)
}

impl RouteSection {
    fn by_level(&self) -> BTreeMap<Level, String> {
        let all = [&self.informational, &self.low, &self.medium, &self.high, &self.critical];
        Level::ALL.into_iter().zip(all).filter_map(|(level, name)| Some((level, name.clone()?))).collect()
    }
}

impl PersonSection {
    fn person(&self) -> Result<Person, String> {
        if let Some(mail) = self.mail.as_ref().filter(|mail| !crate::alert::is_mail_address(mail)) {
            return Err(format!("mail: {mail:?} is no address of mail"));
        }
        let quiet = self.quiet.as_ref().map(QuietSection::quiet).transpose()?;
        Ok(Person { sinks: self.sinks.clone(), mail: self.mail.clone(), language: self.language, quiet })
    }
}

impl QuietSection {
    fn quiet(&self) -> Result<Quiet, String> {
        let zone =
            zone(self.zone.as_deref().unwrap_or("UTC")).map_err(|what| format!("quiet.zone: {what}"))?;
        let (from, to) = (time("quiet.from", &self.from)?, time("quiet.to", &self.to)?);
        if from == to {
            return Err("quiet.to: the same as from".to_owned());
        }
        Ok(Quiet { zone, from, to })
    }
}

impl RotaSection {
    fn rota(&self, default_zone: &str) -> Result<Rota, String> {
        let named = self.zone.as_deref().unwrap_or(default_zone);
        let zone = zone(named).map_err(|what| format!("zone: {what}"))?;
        let shifts = self.shift.iter().map(ShiftSection::shift).collect::<Result<_, _>>()?;
        let overrides = self.instead.iter().map(OverrideSection::instead).collect::<Result<_, _>>()?;
        let otherwise = targets("otherwise", &self.otherwise)?;
        Ok(Rota { zone, shifts, overrides, otherwise })
    }
}

impl ShiftSection {
    fn shift(&self) -> Result<Shift, String> {
        let mut days = Days::default();
        for name in &self.days {
            let day = DAYS.iter().find(|(known, _)| known == name);
            let (_, day) =
                day.ok_or_else(|| format!("shift.days: {name:?}: mon, tue, wed, thu, fri, sat or sun"))?;
            days = days.and(*day);
        }
        let (from, to) = (time("shift.from", &self.from)?, time("shift.to", &self.to)?);
        let since: Option<Date> = match &self.since {
            Some(text) => Some(
                text.parse().map_err(|_| format!("shift.since: {text:?} is no date such as 2026-11-02"))?,
            ),
            None if self.people.len() > 1 => {
                return Err(
                    "shift.since: say in which week the first of the people has their turn".to_owned()
                );
            }
            None => None,
        };
        Ok(Shift { people: self.people.clone(), since: since.unwrap_or_default(), days, from, to })
    }
}

impl OverrideSection {
    fn instead(&self) -> Result<Override, String> {
        let read = |key: &str, text: &str| -> Result<DateTime, String> {
            text.parse().map_err(|_| format!("override.{key}: {text:?} is no time such as 2026-12-29T09:00"))
        };
        let (from, to) = (read("from", &self.from)?, read("to", &self.to)?);
        if to <= from {
            return Err("override.to: not later than from".to_owned());
        }
        Ok(Override { from, to, person: self.person.clone() })
    }
}

impl PolicySection {
    fn policy(&self) -> Result<Policy, String> {
        let step_of = |step: &StepSection| {
            let after = Duration::from_secs(step.after_minutes.min(MOST_MINUTES) * 60);
            Ok(Rung { tell: targets("step.tell", &step.tell)?, after })
        };
        let rungs = self.step.iter().map(step_of).collect::<Result<_, String>>()?;
        let repeat = self.repeat_minutes.map(|n| minutes(n, "repeat_minutes")).transpose()?;
        Ok(Policy { rungs, repeat, acknowledge: self.acknowledge })
    }
}

fn targets(key: &str, all: &[String]) -> Result<Vec<Target>, String> {
    let target = |text: &String| match text.split_once(':') {
        Some(("rota", name)) => Ok(Target::Rota(name.to_owned())),
        Some(("person", name)) => Ok(Target::Person(name.to_owned())),
        Some(("sink", name)) => Ok(Target::Sink(name.to_owned())),
        _ => Err(format!("{key}: {text:?}: rota:NAME, person:NAME or sink:NAME")),
    };
    all.iter().map(target).collect()
}

/// A month.
const MOST_MINUTES: u64 = 31 * 1_440;

fn minutes(number: u64, key: &str) -> Result<Duration, String> {
    if (1..=MOST_MINUTES).contains(&number) {
        return Ok(Duration::from_secs(number * 60));
    }
    Err(format!("{key}: 1 to {MOST_MINUTES}"))
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("{name:?} is no name of the IANA database"))
}

fn time(key: &str, text: &str) -> Result<Time, String> {
    text.parse().map_err(|_| format!("{key}: {text:?} is no time such as 09:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTEN: &str = "[[listen]]\nname = \"a\"\nat = \"127.0.0.1:1\"\nreceive = [\"syslog-tcp\"]\n";
    const ALERTS: &str = "[alerts]\nroute = { high = \"p\" }\n";
    const SINK: &str = "[[sink]]\nname = \"s\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\n";
    const WEBHOOK: &str = "kind = \"webhook\"\nurl = \"http://127.0.0.1:1/\"";
    const POLICY: &str = "[[policy]]\nname = \"p\"\nstep = [{ tell = [\"sink:s\"] }]\n";

    fn parsed(text: &str) -> Result<Configuration, String> {
        Configuration::parse(text, Path::new("/etc/hinomi")).map_err(|e| e.to_string())
    }

    #[test]
    fn the_example_says_what_it_means() {
        let example = parsed(super::super::EXAMPLE).unwrap().alerting().unwrap();
        assert_eq!(example.sinks.keys().collect::<Vec<_>>(), ["chat", "mail", "siem", "soc"]);
        assert_eq!(example.plan.people.len(), 2);
        assert_eq!(example.plan.policies["urgent"].rungs.len(), 3);
        assert_eq!((example.heartbeats.len(), example.findings.silent), (1, Level::High));
        let Setup::Webhook(soc) = &example.sinks["soc"] else { panic!() };
        let secret = crate::alert::SecretSource::File(PathBuf::from("/etc/hinomi/secrets/soc"));
        assert_eq!(soc.secret, Some(secret));
        let Setup::Mail(mail) = &example.sinks["mail"] else { panic!() };
        assert_eq!((mail.server.host.as_str(), mail.server.port), ("mail.example.jp", 587));
        assert!(parsed(LISTEN).unwrap().alerting().is_none());
    }

    #[test]
    fn faults_name_the_line_and_the_key() {
        let whole = [LISTEN, ALERTS, SINK, POLICY].concat();
        assert!(parsed(&whole).unwrap().alerting().is_some());
        let changed = |from: &str, to: &str| whole.replace(from, to);
        let person = |rest: &str| format!("{whole}[[person]]\nname = \"x\"\nsinks = [\"s\"]\n{rest}");
        let rota = |rest: &str| {
            let person = person("");
            format!("{person}[[rota]]\nname = \"r\"\notherwise = [\"sink:s\"]\n[[rota.shift]]\n{rest}")
        };
        for (text, line, key) in [
            (format!("{LISTEN}{SINK}"), 5, "without a section [alerts]"),
            (changed("high = \"p\"", "high = \"q\""), 5, "alerts.route.high"),
            (changed("high", "hgih"), 6, "hgih"),
            (changed("[alerts]", "[alerts]\nzone = \"Asia/Nowhere\""), 5, "alerts.zone"),
            (changed("[alerts]", "[alerts]\nwindow_minutes = 0"), 5, "alerts.window_minutes"),
            (changed("[alerts]", "[alerts]\nfindings = { silent = \"loud\" }"), 6, "loud"),
            (changed("webhook", "pigeon"), 9, "pigeon"),
            (changed("name = \"s\"", "name = \"s/t\""), 7, "sink.name"),
            (format!("{whole}{SINK}"), 14, "sink.name"),
            (changed("url =", "url_file = \"x\"\nurl ="), 7, "sink.url"),
            (changed("url = \"http://127.0.0.1:1/\"\n", ""), 7, "sink.url"),
            (changed("kind = \"webhook\"", "kind = \"webhook\"\ntransport = \"tls\""), 7, "sink.transport"),
            (changed("kind = \"webhook\"", "kind = \"webhook\"\nper_ten_minutes = 0"), 7, "per_ten_minutes"),
            (changed(WEBHOOK, "kind = \"syslog\"\nserver = \"x\""), 7, "sink.transport"),
            (changed(WEBHOOK, "kind = \"mail\"\nserver = \"x\""), 7, "sink.from"),
            (changed("sink:s\"", "sink:t\""), 11, "no sink t"),
            (changed("sink:s\"", "s\""), 11, "rota:NAME"),
            (changed("step = [{ tell = [\"sink:s\"] }]", ""), 11, "policy.step"),
            (changed("] }]", "], after_minutes = 5 }]"), 11, "policy.step.after_minutes"),
            (changed("] }]", "] }, { tell = [\"sink:s\"] }]"), 11, "policy.step.after_minutes"),
            (changed("] }]", "] }]\nacknowledge = false\nrepeat_minutes = 5"), 11, "policy.acknowledge"),
            (person("mail = \"a b@c\""), 14, "person.mail"),
            (person("quiet = { from = \"22h\", to = \"07:00\" }"), 14, "quiet.from"),
            (person("sinks = 3"), 17, "duplicate key"),
            (rota("people = [\"y\"]\nfrom = \"09:00\"\nto = \"18:00\""), 17, "no person y"),
            (rota("people = [\"x\", \"x\"]\nfrom = \"09:00\"\nto = \"18:00\""), 17, "shift.since"),
            (rota("people = [\"x\"]\nfrom = \"09:00\"\nto = \"25:00\""), 17, "shift.to"),
            (
                rota("people = [\"x\"]\ndays = [\"monday\"]\nfrom = \"09:00\"\nto = \"10:00\""),
                17,
                "shift.days",
            ),
            (rota("people = []\nfrom = \"09:00\"\nto = \"10:00\""), 17, "nobody takes it"),
            (
                format!("{whole}[[heartbeat]]\nname = \"h\"\nurl = \"x\"\nevery_minutes = 0\n"),
                14,
                "every_minutes",
            ),
        ] {
            let said = parsed(&text).map(drop).unwrap_err();
            assert!(said.starts_with(&format!("line {line}: ")) && said.contains(key), "{said:?} for {text}");
        }
    }

    #[test]
    fn plain_text_stays_on_this_machine() {
        for (kind, fine) in [
            ("webhook\"\nurl = \"http://192.0.2.1/", false),
            ("webhook\"\nurl = \"http://127.0.0.1/", true),
            ("syslog\"\ntransport = \"udp\"\nserver = \"192.0.2.1", false),
            ("syslog\"\ntransport = \"tcp\"\nserver = \"[::1]:514", true),
            ("mail\"\ntls = \"none\"\nfrom = \"a@b\"\nserver = \"mail.example.jp", false),
            ("mail\"\ntls = \"none\"\nfrom = \"a@b\"\nserver = \"localhost", true),
        ] {
            for plain in ["", "plain = true\n"] {
                let sink = format!("[[sink]]\nname = \"s\"\nkind = \"{kind}\"\n{plain}");
                let checked = parsed(&[LISTEN, ALERTS, &sink, POLICY].concat()).unwrap().check_files();
                assert_eq!(checked.is_ok(), fine || !plain.is_empty(), "{sink}");
            }
        }
    }
}

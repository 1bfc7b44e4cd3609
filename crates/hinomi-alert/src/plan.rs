//! What was configured: sinks, people, rotas, policies, and which level takes which policy.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hinomi_model::Level;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::Moment;
use crate::quiet::Quiet;
use crate::rota::Rota;

/// A language that people are told in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

/// A way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sink {
    /// Language, unless the person has one.
    pub language: Language,
    /// Whether names of accounts are told; otherwise a pseudonym that stays the same.
    pub names: bool,
    /// Messages in ten minutes; what comes beyond is told in a summary.
    pub per_ten_minutes: usize,
}

/// Somebody who is told.
#[derive(Clone, Debug)]
pub struct Person {
    /// Ways to reach them, all of which are used.
    pub sinks: Vec<String>,
    /// Address that mail goes to instead of the sink's own.
    pub mail: Option<String>,
    /// Language, instead of the sink's.
    pub language: Option<Language>,
    /// When low and medium wait.
    pub quiet: Option<Quiet>,
}

/// Whom a step tells.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Target {
    /// Whoever is on shift.
    Rota(String),
    /// A person.
    Person(String),
    /// A sink.
    Sink(String),
}

/// A step of a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    /// Whom.
    pub tell: Vec<Target>,
    /// How long after the first step, if nobody has acknowledged.
    pub after: Duration,
}

/// Whom to tell, and whom next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Steps; the first is taken at once.
    pub rungs: Vec<Rung>,
    /// How long after the last step everything begins anew, if it does.
    pub repeat: Option<Duration>,
    /// Whether an acknowledgement is expected. Otherwise there is one step and nothing after it.
    pub acknowledge: bool,
}

/// Everything that was configured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Zone that times are shown in.
    pub zone: TimeZone,
    /// Signals with one key within this time are one alert.
    pub window: Duration,
    /// When a message that nobody takes is given up.
    pub give_up: Duration,
    /// Policy by level; a level without one makes no alerts.
    pub routes: BTreeMap<Level, String>,
    /// Sinks by name.
    pub sinks: BTreeMap<String, Sink>,
    /// People by name.
    pub people: BTreeMap<String, Person>,
    /// Rotas by name.
    pub rotas: BTreeMap<String, Rota>,
    /// Policies by name.
    pub policies: BTreeMap<String, Policy>,
}

/// A name that stands for nothing, or a part that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanError {
    /// Section: `policy`, `rota`, `person` or `alerts`.
    pub section: &'static str,
    /// Name of the part.
    pub name: String,
    /// What is wrong.
    pub what: String,
}

/// Somebody who is told something, and why they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Recipient {
    pub(crate) sink: String,
    pub(crate) person: Option<String>,
    /// Rota that has nobody on shift.
    pub(crate) instead_of: Option<String>,
}

impl Plan {
    /// Who is told when a target is.
    pub(crate) fn recipients(&self, targets: &[Target], at: Moment) -> Vec<Recipient> {
        let mut all: Vec<Recipient> = Vec::new();
        for target in targets {
            for one in self.of(target, at, None) {
                if !all.iter().any(|known| known.sink == one.sink && known.person == one.person) {
                    all.push(one);
                }
            }
        }
        all
    }

    fn of(&self, target: &Target, at: Moment, instead_of: Option<&str>) -> Vec<Recipient> {
        let recipient = |sink: &String, person: Option<&String>| Recipient {
            sink: sink.clone(),
            person: person.cloned(),
            instead_of: instead_of.map(str::to_owned),
        };
        match target {
            Target::Sink(sink) => vec![recipient(sink, None)],
            Target::Person(name) => {
                let sinks = self.people.get(name).map(|p| p.sinks.as_slice()).unwrap_or_default();
                sinks.iter().map(|sink| recipient(sink, Some(name))).collect()
            }
            Target::Rota(name) => {
                let Some(rota) = self.rotas.get(name) else { return Vec::new() };
                let people = rota.on_shift(at);
                if people.is_empty() {
                    // A rota never stands in for another: `check` refuses that.
                    let others = rota.otherwise.iter().filter(|t| !matches!(t, Target::Rota(_)));
                    return others.flat_map(|t| self.of(t, at, Some(name))).collect();
                }
                people.into_iter().flat_map(|p| self.of(&Target::Person(p), at, None)).collect()
            }
        }
    }

    /// The policy of a level.
    pub(crate) fn route(&self, level: Level) -> Option<&str> {
        self.routes.get(&level).map(String::as_str)
    }

    /// Whether every name stands for something, and every policy tells somebody.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<(), PlanError> {
        let fault =
            |section, name: &str, what: String| Err(PlanError { section, name: name.to_owned(), what });
        for (level, policy) in &self.routes {
            if !self.policies.contains_key(policy) {
                return fault("alerts", level.name(), format!("there is no policy {policy}"));
            }
        }
        for (name, person) in &self.people {
            if let Some(missing) = person.sinks.iter().find(|sink| !self.sinks.contains_key(*sink)) {
                return fault("person", name, format!("there is no sink {missing}"));
            }
            if person.sinks.is_empty() {
                return fault("person", name, "sinks: there is no way to reach them".to_owned());
            }
        }
        for (name, rota) in &self.rotas {
            self.check_rota(rota).or_else(|what| fault("rota", name, what))?;
        }
        for (name, policy) in &self.policies {
            self.check_policy(policy).or_else(|what| fault("policy", name, what))?;
        }
        Ok(())
    }

    fn check_target(&self, target: &Target) -> Result<(), String> {
        let (known, what, name) = match target {
            Target::Rota(name) => (self.rotas.contains_key(name), "rota", name),
            Target::Person(name) => (self.people.contains_key(name), "person", name),
            Target::Sink(name) => (self.sinks.contains_key(name), "sink", name),
        };
        if known { Ok(()) } else { Err(format!("there is no {what} {name}")) }
    }

    fn check_rota(&self, rota: &Rota) -> Result<(), String> {
        let shifts = rota.shifts.iter().flat_map(|shift| &shift.people);
        let mut people = shifts.chain(rota.overrides.iter().filter_map(|o| o.person.as_ref()));
        if let Some(missing) = people.find(|name| !self.people.contains_key(*name)) {
            return Err(format!("there is no person {missing}"));
        }
        if rota.shifts.iter().any(|shift| shift.people.is_empty()) {
            return Err("shift: nobody takes it".to_owned());
        }
        if rota.otherwise.iter().any(|target| matches!(target, Target::Rota(_))) {
            return Err("otherwise: a sink or a person, not another rota".to_owned());
        }
        if rota.otherwise.is_empty() {
            return Err("otherwise: say who is told when nobody is on shift".to_owned());
        }
        rota.otherwise.iter().try_for_each(|target| self.check_target(target))
    }

    fn check_policy(&self, policy: &Policy) -> Result<(), String> {
        let Some(first) = policy.rungs.first() else { return Err("step: there is none".to_owned()) };
        if !first.after.is_zero() {
            return Err("step.after_minutes: the first step is taken at once".to_owned());
        }
        if policy.rungs.iter().any(|rung| rung.tell.is_empty()) {
            return Err("step.tell: nobody is told".to_owned());
        }
        let later = |pair: &[Rung]| matches!(pair, [a, b] if b.after <= a.after);
        if policy.rungs.windows(2).any(later) {
            return Err("step.after_minutes: each step comes later than the one before".to_owned());
        }
        if policy.repeat.is_some_and(|every| every < Duration::from_mins(1)) {
            return Err("repeat_minutes: at least 1".to_owned());
        }
        if !policy.acknowledge && (policy.rungs.len() > 1 || policy.repeat.is_some()) {
            return Err(
                "acknowledge: without acknowledgement there is one step, and no repetition".to_owned()
            );
        }
        let targets: BTreeSet<&Target> = policy.rungs.iter().flat_map(|rung| &rung.tell).collect();
        targets.into_iter().try_for_each(|target| self.check_target(target))
    }
}

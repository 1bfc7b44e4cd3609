//! What people do about incidents: bodies of requests become acts, and what is there then is the answer.
//!
//! # Invariants
//! A record that an act cites was looked up: it is in the ledger, and the digest of the reference is that of what stands there.

use hinomi_model::Timestamp;
use hinomi_server::pages::Told;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::incidents::{ClockRow, DecisionRow, NoteRow, Story, found, ids_of, name};
use super::{Asked, Reading, Refused, export, record, time};
use crate::access::is_active;
use crate::casework::{Actor, Assignee, Casework, Change, Condition, Quiet, Refusal, State, Wanted};
use crate::clock;

/// Ended suppressions that are listed, the newest.
const MOST_ENDED: usize = 500;

/// Refusals of acts that people meet, in Japanese; others keep their words.
const JAPANESE: [(&str, &str); 13] = [
    (
        "reason: 1 to 4,096 characters, none of them a control character",
        "理由：1〜4,096 文字（制御文字は不可）",
    ),
    ("evidence: at most 100 references", "証拠：参照は 100 件まで"),
    (
        "evidence: a deadline is met by at least one record",
        "証拠：期限の完了には 1 件以上のレコードが必要です",
    ),
    ("assignee or state: one of them changes", "担当者か状態のどちらかを変更してください"),
    ("assignee: the name of an active account", "担当者：有効なアカウントの名前を指定してください"),
    ("a deadline of the incident is not met", "このインシデントに完了していない期限があります"),
    ("this deadline runs already", "この期限はすでに進行中です"),
    (
        "since: not in the future, and not more than three years ago",
        "起点：未来や 3 年より前は指定できません",
    ),
    ("since: beyond what a calendar holds", "起点：暦の範囲を超えています"),
    ("name: one line of 1 to 256 characters", "名前：1〜256 文字の 1 行"),
    ("expires: in the future, at most 366 days ahead", "期限：未来で 366 日以内"),
    ("a suppression of this name is in force", "同じ名前の抑止が有効です"),
    ("it has ended already", "すでに終了しています"),
];

fn in_japanese(refused: Refused) -> Refused {
    let said =
        |text: String| JAPANESE.iter().find(|(en, _)| *en == text).map_or(text, |(_, ja)| (*ja).to_owned());
    match refused {
        Refused::Senseless(text) => Refused::Senseless(said(text)),
        Refused::Conflict(text) => Refused::Conflict(said(text)),
        other => other,
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Senseless(what) => Self::Senseless(what.to_owned()),
            Refusal::NotFound => Self::NotFound,
            Refusal::Conflict(what) => Self::Conflict(what.to_owned()),
            Refusal::VersionNeeded => Self::VersionNeeded,
            Refusal::Changed => Self::Changed,
            Refusal::Full(_) | Refusal::NotKept(_) => Self::Failed(refusal.to_string()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IncidentChange {
    #[serde(default)]
    assignee: Stated,
    state: Option<State>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNote {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDecision {
    decision: String,
    reason: String,
    evidence: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewClock {
    kind: String,
    since: String,
    reason: String,
    evidence: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockClosing {
    reason: String,
    evidence: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSuppression {
    name: String,
    rule: Option<String>,
    host: Option<String>,
    account: Option<String>,
    reason: String,
    expires: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuppressionEnd {
    reason: String,
}

/// Tells `null` from nothing.
#[derive(Default)]
enum Stated {
    #[default]
    Nothing,
    /// Somebody, or nobody.
    Said(Option<String>),
}

impl<'de> Deserialize<'de> for Stated {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<String>::deserialize(from).map(Self::Said)
    }
}

#[derive(Debug, Serialize)]
struct SuppressionRow {
    id: String,
    name: String,
    rule: Option<String>,
    host: Option<String>,
    account: Option<String>,
    owner: String,
    reason: String,
    expires: String,
    expired: bool,
    lifted: bool,
    hidden: u64,
    hidden_critical: u64,
    last_hidden: Option<String>,
}

/// Suppressions with what they hid.
#[derive(Debug, Serialize)]
pub(super) struct Suppressions {
    items: Vec<SuppressionRow>,
}

fn row(number: u64, quiet: &Quiet, asked: &Asked<'_>, now: Timestamp) -> SuppressionRow {
    // A pseudonym stays one; a name is shown to whoever may see names.
    let account = |named: &String| {
        if named.starts_with("account-") { named.clone() } else { asked.names.account(named, None) }
    };
    SuppressionRow {
        id: format!("s{number}"),
        name: quiet.name.clone(),
        rule: quiet.condition.rule.clone(),
        host: quiet.condition.host.clone(),
        account: quiet.condition.account.as_ref().map(account),
        owner: name(quiet.owner.as_ref()),
        reason: quiet.reason.clone(),
        expires: time(quiet.expires),
        expired: !quiet.is_in_force(now),
        lifted: quiet.lifted,
        hidden: quiet.hidden,
        hidden_critical: quiet.critical,
        last_hidden: quiet.last_hidden_ns.map(|ns| time(Timestamp::from_nanos(ns))),
    }
}

/// Those in force first, then those that have ended, the newest first.
pub(super) fn suppressions(casework: &Casework, asked: &Asked<'_>) -> Result<Suppressions, Refused> {
    let now = clock::now();
    casework.with(|desk| {
        let (in_force, ended): (Vec<_>, Vec<_>) =
            desk.quiets().rev().partition(|(_, quiet)| quiet.is_in_force(now));
        let all = in_force.into_iter().chain(ended.into_iter().take(MOST_ENDED));
        Ok(Suppressions { items: all.map(|(number, quiet)| row(number, quiet, asked, now)).collect() })
    })
}

fn body<T: DeserializeOwned>(asked: &Asked<'_>) -> Result<T, Refused> {
    serde_json::from_slice(asked.body).map_err(|error| Refused::Senseless(error.to_string()))
}

fn instant(text: &str, what: &str) -> Result<Timestamp, Refused> {
    text.parse().map_err(|_| Refused::Senseless(format!("{what}: a time such as 2026-11-23T09:00:00Z")))
}

/// The number in an id such as `c12`.
fn number(id: &str, letter: char) -> Result<u64, Refused> {
    let digits = id.strip_prefix(letter).filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Refused::NotFound)
}

fn told(status: u16, body: impl Serialize, version: Option<u64>) -> Result<Told, Refused> {
    let body = serde_json::to_value(body).map_err(|error| Refused::Failed(error.to_string()))?;
    Ok(Told { status, version, ..Told::ok(body) })
}

/// Somebody who acts.
#[derive(Clone, Debug)]
pub struct Person {
    /// As it is written down.
    pub actor: Actor,
    /// Whether they may see records as they were received.
    pub raw: bool,
}

/// An incident on which somebody acts.
struct On {
    story: std::sync::Arc<Story>,
    place: usize,
    incident: String,
    ids: Vec<String>,
}

impl Reading {
    /// The answer to an act of somebody; `None` when it is none.
    pub fn act(&self, asked: &Asked<'_>, person: &Person) -> Option<Result<Told, Refused>> {
        let now = clock::now();
        let by = (&person.actor, now);
        let told = match asked.operation {
            "changeIncident" => self.change(asked, by),
            "addNote" => self.note(asked, by),
            "addDecision" => self.decide(asked, by),
            "startClock" => self.begin(asked, by),
            "closeClock" => self.meet(asked, by),
            "addSuppression" => self.suppress(asked, by),
            "endSuppression" => self.lift(asked, by),
            "exportIncident" => export::export(self, asked, (person, now)),
            _ => return None,
        };
        Some(told.map_err(|refused| if asked.japanese { in_japanese(refused) } else { refused }))
    }

    fn on(&self, asked: &Asked<'_>) -> Result<On, Refused> {
        let story = self.story()?;
        let (place, incident) = found(&story, asked)?;
        let ids = ids_of(&story, self.casework()?, place);
        let incident = incident.id.clone();
        Ok(On { story, place, incident, ids })
    }

    /// Looks records up that an act on an incident cites.
    fn look_up(&self, asked: &Asked<'_>, cited: &[String], on: &On) -> Result<Vec<String>, Refused> {
        let known = |reference: &str| {
            on.story.detections.values().any(|d| d.evidence.iter().any(|cited| cited.reference == reference))
        };
        cited.iter().map(|text| record::look_up(self.evidence(), (text, asked.japanese), &known)).collect()
    }

    fn change(&self, asked: &Asked<'_>, by: (&Actor, Timestamp)) -> Result<Told, Refused> {
        let casework = self.casework()?;
        let IncidentChange { assignee, state, reason } = body(asked)?;
        if let Stated::Said(Some(name)) = &assignee
            && !is_active(self.evidence().data(), name).map_err(|error| Refused::Failed(error.to_string()))?
        {
            return Err(Refused::Senseless("assignee: the name of an active account".to_owned()));
        }
        let on = self.on(asked)?;
        let seen = on.story.extent(on.place);
        let assignee = match assignee {
            Stated::Nothing => Assignee::Same,
            Stated::Said(None) => Assignee::Nobody,
            Stated::Said(Some(name)) => Assignee::Somebody(name),
        };
        let change = Change { assignee, state, reason };
        casework.change(by, (&on.incident, &on.ids, seen), &change, asked.version)?;
        let version = self.version(asked)?;
        told(200, self.incident(asked)?, Some(version))
    }

    fn note(&self, asked: &Asked<'_>, by: (&Actor, Timestamp)) -> Result<Told, Refused> {
        let casework = self.casework()?;
        let NewNote { text } = body(asked)?;
        let on = self.on(asked)?;
        let made = casework.note(by, (&on.incident, &on.ids), &text)?;
        self.made(&on, |joint| {
            joint.notes().into_iter().find(|note| made.contains(&note.number)).map(NoteRow::from)
        })
    }

    fn decide(&self, asked: &Asked<'_>, by: (&Actor, Timestamp)) -> Result<Told, Refused> {
        let casework = self.casework()?;
        let NewDecision { decision, reason, evidence } = body(asked)?;
        let on = self.on(asked)?;
        let evidence = self.look_up(asked, &evidence, &on)?;
        let made = casework.decide(by, (&on.incident, &on.ids), (&decision, &reason, &evidence))?;
        self.made(&on, |joint| {
            joint.decisions().into_iter().find(|done| made.contains(&done.number)).map(DecisionRow::from)
        })
    }

    fn begin(&self, asked: &Asked<'_>, by: (&Actor, Timestamp)) -> Result<Told, Refused> {
        let casework = self.casework()?;
        let NewClock { kind, since, reason, evidence } = body(asked)?;
        let since = instant(&since, "since")?;
        let on = self.on(asked)?;
        let evidence = self.look_up(asked, &evidence, &on)?;
        let made = casework.begin(by, (&on.incident, &on.ids), (&kind, since), (&reason, &evidence))?;
        self.made(&on, |joint| {
            joint.clocks().into_iter().find(|clock| made.contains(&clock.number)).map(ClockRow::from)
        })
    }

    /// The answer to what was made, which is there now.
    fn made<T: Serialize>(
        &self,
        on: &On,
        find: impl FnOnce(&crate::casework::Joint<'_>) -> Option<T>,
    ) -> Result<Told, Refused> {
        let ids = ids_of(&on.story, self.casework()?, on.place);
        let found = self.casework()?.with(|desk| find(&desk.joint(ids.iter().map(String::as_str))));
        told(201, found.ok_or(Refused::NotFound)?, None)
    }

    fn meet(&self, asked: &Asked<'_>, by: (&Actor, Timestamp)) -> Result<Told, Refused> {
        let casework = self.casework()?;
        let clock = number(&asked.part("clock")?, 'c')?;
        let ClockClosing { reason, evidence } = body(asked)?;
        let on = self.on(asked)?;
        let evidence = self.look_up(asked, &evidence, &on)?;
        casework.meet(by, &on.ids, (clock, asked.version), (&reason, &evidence))?;
        let met = casework.with(|desk| desk.clock(clock).map(|(_, clock)| ClockRow::from(clock)));
        told(200, met.ok_or(Refused::NotFound)?, None)
    }

    fn suppress(&self, asked: &Asked<'_>, by: (&Actor, Timestamp)) -> Result<Told, Refused> {
        let casework = self.casework()?;
        let NewSuppression { name, rule, host, account, reason, expires } = body(asked)?;
        let expires = instant(&expires, "expires")?;
        let condition = Condition { rule, host, account };
        let made = casework.suppress(by, Wanted { name, condition, reason, expires })?;
        told(201, self.suppression(asked, made.first().copied())?, None)
    }

    fn lift(&self, asked: &Asked<'_>, by: (&Actor, Timestamp)) -> Result<Told, Refused> {
        let number = number(&asked.part("id")?, 's')?;
        let SuppressionEnd { reason } = body(asked)?;
        self.casework()?.lift(by, number, &reason)?;
        told(200, self.suppression(asked, Some(number))?, None)
    }

    fn suppression(&self, asked: &Asked<'_>, number: Option<u64>) -> Result<Value, Refused> {
        let now = clock::now();
        let number = number.ok_or(Refused::NotFound)?;
        let found =
            self.casework()?.with(|desk| desk.quiet(number).map(|quiet| row(number, quiet, asked, now)));
        serde_json::to_value(found.ok_or(Refused::NotFound)?).map_err(|e| Refused::Failed(e.to_string()))
    }
}

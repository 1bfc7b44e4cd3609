//! Alerts: what somebody was told, and who takes care.

use hinomi_alert::{Alert, AlertId, Kind, Moment, State};
use hinomi_model::Level;
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::{Asked, Refused, Text, page};
use crate::alerting::{AlertsError, Answer, Question, ask, is_at_work, view};

/// Longest body that is looked at, in bytes.
const LONGEST: usize = 64 * 1024;

/// A page of alerts.
#[derive(Debug, Serialize)]
pub(super) struct Alerts {
    /// False: nobody is told of anything.
    at_work: bool,
    items: Vec<AlertRow>,
    next: Option<String>,
}

/// One alert.
#[derive(Debug, Serialize)]
pub(super) struct AlertRow {
    id: String,
    kind: &'static str,
    level: Level,
    state: &'static str,
    title: Text,
    rule: Option<String>,
    host: String,
    account: String,
    count: u64,
    first: Option<String>,
    last: Option<String>,
    made: String,
    acknowledged_by: Option<String>,
    acknowledged_at: Option<String>,
    next_step_at: Option<String>,
    told: Vec<String>,
}

/// How many are open, for other pages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) open: u64,
    pub(super) unacknowledged: u64,
    pub(super) oldest_unacknowledged: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledging {
    note: String,
}

fn failed(error: &AlertsError) -> Refused {
    match error {
        AlertsError::Door { .. } => Refused::NotAvailable("alerts are not at work on this server"),
        _ => Refused::Failed(error.to_string()),
    }
}

fn time(at: Moment) -> String {
    super::time(hinomi_model::Timestamp::from_nanos(at.as_millis().saturating_mul(1_000_000)))
}

fn all(evidence: &Evidence) -> Result<Vec<Alert>, Refused> {
    let view = view(evidence.data()).map_err(|error| failed(&error))?;
    let mut alerts: Vec<Alert> = view.iter().flat_map(|view| view.desk.alerts()).cloned().collect();
    alerts
        .sort_by_key(|alert| (!alert.is_open(), std::cmp::Reverse(alert.level), std::cmp::Reverse(alert.id)));
    Ok(alerts)
}

/// Open ones first, the gravest and newest before others.
pub(super) fn alerts(evidence: &Evidence, asked: &Asked<'_>) -> Result<Alerts, Refused> {
    let (alerts, next) = page(all(evidence)?, asked)?;
    let at_work = is_at_work(evidence.data());
    Ok(Alerts { at_work, items: alerts.iter().map(|alert| row(alert, asked)).collect(), next })
}

/// How many there are.
pub(super) fn counts(evidence: &Evidence) -> Result<Counts, Refused> {
    let alerts = all(evidence)?;
    let open: Vec<&Alert> = alerts.iter().filter(|alert| alert.is_open()).collect();
    let held = alerts.iter().filter(|alert| alert.state != State::Told).count();
    Ok(Counts {
        open: held as u64,
        unacknowledged: open.len() as u64,
        oldest_unacknowledged: open.iter().map(|alert| alert.made).min().map(time),
    })
}

/// Alerts made since a time, newest first, with their titles.
pub(super) fn made_since(evidence: &Evidence, since_ms: i64) -> Result<Vec<(String, Level, Text)>, Refused> {
    let mut new: Vec<Alert> =
        all(evidence)?.into_iter().filter(|alert| alert.made.as_millis() >= since_ms).collect();
    new.sort_by_key(|alert| std::cmp::Reverse(alert.id));
    Ok(new.iter().map(|alert| (time(alert.made), alert.level, title(alert))).collect())
}

fn title(alert: &Alert) -> Text {
    Text::new(&alert.title, alert.title_ja.as_ref().unwrap_or(&alert.title))
}

fn row(alert: &Alert, asked: &Asked<'_>) -> AlertRow {
    let acknowledged = match &alert.state {
        State::Acknowledged(who) => Some(who),
        State::Open | State::Told => None,
    };
    AlertRow {
        id: alert.id.to_string(),
        kind: match alert.kind {
            Kind::Detection => "detection",
            Kind::Source => "source",
            Kind::Program => "program",
        },
        level: alert.level,
        state: match &alert.state {
            State::Open => "open",
            State::Acknowledged(_) => "acknowledged",
            State::Told => "closed",
        },
        title: title(alert),
        rule: (alert.kind == Kind::Detection).then(|| alert.rule.clone()),
        host: alert.host.clone(),
        account: asked.names.account(&alert.account, None),
        count: alert.count,
        first: alert.first.clone(),
        last: alert.last.clone(),
        made: time(alert.made),
        acknowledged_by: acknowledged.map(|who| who.by.clone()),
        acknowledged_at: acknowledged.map(|who| time(who.at)),
        next_step_at: alert.ladder.next.filter(|_| alert.is_open()).map(time),
        // The desk counts messages that arrived, and remembers the policy, not the people.
        told: (alert.ladder.arrived > 0).then(|| alert.ladder.policy.clone()).into_iter().collect(),
    }
}

/// Somebody takes care of an alert. Who was first stays.
pub(super) fn acknowledge(evidence: &Evidence, asked: &Asked<'_>) -> Result<AlertRow, Refused> {
    let alert: AlertId = asked.part("id")?.parse().map_err(|_| Refused::NotFound)?;
    let senseless = || Refused::Senseless("the body is {\"note\": …}".to_owned());
    let body = asked.body.get(..LONGEST.min(asked.body.len())).unwrap_or_default();
    let Acknowledging { note } = serde_json::from_slice(body).map_err(|_| senseless())?;
    let question = Question::Acknowledge { alert, by: asked.by.to_owned(), note };
    match ask(evidence.data(), &question).map_err(|error| failed(&error))? {
        Answer::Acknowledged | Answer::Before { .. } => {}
        Answer::Unknown => return Err(Refused::NotFound),
        Answer::Refused { why } => return Err(Refused::Senseless(why)),
        _ => return Err(Refused::Failed("the alerts answered something else than was asked".to_owned())),
    }
    let found = all(evidence)?.into_iter().find(|known| known.id == alert);
    found.map(|alert| row(&alert, asked)).ok_or(Refused::NotFound)
}

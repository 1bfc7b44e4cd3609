//! A message as JSON, for programs: the form is in `docs/alerts.md`.

use serde_json::{Value, json};

use super::{Told, clean};
use crate::delivery::Purpose;
use crate::{Alert, Language, Moment, State};

/// Version of the form; it grows when a field changes its meaning.
const VERSION: u32 = 1;

pub(super) fn fields(
    told: &Told<'_>,
    id: &str,
    language: Language,
    (subject, text): (&str, &str),
    now: Moment,
) -> Value {
    let (purpose, more) = match &told.delivery.purpose {
        Purpose::Alert { .. } => ("alert", 0),
        Purpose::Summary { more } => ("summary", *more),
        Purpose::HandOver { more, .. } => ("hand-over", *more),
        Purpose::Test { .. } => ("test", 0),
    };
    let mut fields = json!({
        "schema_version": VERSION,
        "id": id,
        "purpose": purpose,
        "site": told.site.name,
        "sent": rfc3339(now),
        "language": language,
        "subject": subject,
        "text": text,
        "alerts": told.alerts.iter().map(|alert| of_alert(told, alert)).collect::<Vec<Value>>(),
        "more": more,
    });
    if let (Purpose::Alert { rung, round, instead_of }, Some(all)) =
        (&told.delivery.purpose, fields.as_object_mut())
    {
        all.insert("step".to_owned(), json!(rung));
        all.insert("round".to_owned(), json!(round));
        all.insert("nobody_on_shift_in".to_owned(), json!(instead_of));
    }
    fields
}

fn rfc3339(at: Moment) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().to_string()
}

fn of_alert(told: &Told<'_>, alert: &Alert) -> Value {
    let state = match &alert.state {
        State::Open => "open",
        State::Acknowledged(_) => "acknowledged",
        State::Told => "told",
    };
    json!({
        "id": alert.id.to_string(),
        "kind": alert.kind,
        "level": alert.level,
        "state": state,
        "rule": alert.rule,
        "title": alert.title,
        "title_ja": alert.title_ja,
        "host": clean(&alert.host),
        "account": told.account(alert),
        "count": alert.count,
        "first": alert.first,
        "last": alert.last,
        "made": rfc3339(alert.made),
        "signals": alert.signals,
        "evidence": alert.evidence,
    })
}

//! What people are told: subject, text and the fields of a message.
//!
//! # Invariants
//! - Both languages say the same. No text accuses: an account is a credential that was used.
//! - Without names no account appears, neither in the text nor in the fields. Titles come from rules and hold none.
//! - What logs say cannot break lines, forge them or turn the direction of writing.

mod english;
mod fields;
mod japanese;

use hinomi_model::{Level, pseudonym};

use crate::delivery::{Delivery, Purpose};
use crate::{Alert, Desk, Kind, Language, Moment, Plan};

/// Longest value from a log that is told.
const LONGEST: usize = 300;

/// Where this program runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// Name of the ledger.
    pub name: String,
    /// Beginning of the ids of messages, drawn once.
    pub instance: String,
    /// Data directory, for the commands that are told.
    pub data: String,
    /// Zone that times without one are read in, for those commands, too.
    pub log_zone: String,
    /// What pseudonyms are made with.
    pub secret: [u8; 32],
}

/// A message as sinks send it.
#[derive(Clone, PartialEq, Debug)]
pub struct Letter {
    /// The same at every attempt: who receives it twice can tell.
    pub id: String,
    /// A line.
    pub subject: String,
    /// Lines.
    pub text: String,
    /// The highest level of what it tells.
    pub level: Level,
    /// Address of mail, instead of the sink's own.
    pub mail: Option<String>,
    /// Everything as fields.
    pub fields: serde_json::Value,
}

/// What both languages tell.
struct Told<'a> {
    plan: &'a Plan,
    site: &'a Site,
    delivery: &'a Delivery,
    alerts: Vec<&'a Alert>,
    names: bool,
}

/// Writes a message.
pub fn compose(desk: &Desk, plan: &Plan, site: &Site, delivery: &Delivery, now: Moment) -> Letter {
    let person = delivery.to.person.as_ref().and_then(|name| plan.people.get(name));
    let sink = plan.sinks.get(&delivery.to.sink);
    let language = person.and_then(|p| p.language).or_else(|| sink.map(|s| s.language)).unwrap_or_default();
    let alerts: Vec<&Alert> = delivery.alerts.iter().filter_map(|id| desk.alert(*id)).collect();
    let level = alerts.iter().map(|alert| alert.level).max().unwrap_or_default();
    // A sink that is unknown gets no names.
    let told = Told { plan, site, delivery, alerts, names: sink.is_some_and(|sink| sink.names) };
    let (subject, text) = match language {
        Language::En => (english::subject(&told), english::text(&told)),
        Language::Ja => (japanese::subject(&told), japanese::text(&told)),
    };
    let id = format!("{}-{}", site.instance, delivery.id);
    let fields = fields::fields(&told, &id, language, (&subject, &text), now);
    Letter { id, subject, text, level, mail: person.and_then(|p| p.mail.clone()), fields }
}

impl Told<'_> {
    /// The one alert that is told of, unless it is a list.
    fn single(&self) -> Option<&Alert> {
        match (&self.delivery.purpose, self.alerts.as_slice()) {
            (Purpose::Alert { .. }, [alert]) => Some(alert),
            _ => None,
        }
    }

    /// The account, or what stands for it.
    fn account(&self, alert: &Alert) -> String {
        if self.names || alert.account.is_empty() {
            return clean(&alert.account);
        }
        pseudonym(&self.site.secret, &alert.account)
    }

    /// A time of the log on clocks of the zone, and the zone.
    fn time(&self, text: &str) -> String {
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => self.moment(time.into()),
            Err(_) => clean(text),
        }
    }

    fn moment(&self, at: Moment) -> String {
        let zoned = at.zoned(&self.plan.zone);
        let zone = self.plan.zone.iana_name().unwrap_or("UTC");
        format!("{} ({zone})", zoned.strftime("%Y-%m-%d %H:%M:%S %:z"))
    }

    /// When somebody else is told, if a step follows.
    fn next(&self, alert: &Alert) -> Option<(String, usize, usize)> {
        let rungs = self.plan.policies.get(&alert.ladder.policy)?.rungs.len();
        let next = alert.ladder.next?;
        Some((self.moment(next), alert.ladder.taken % rungs.max(1) + 1, rungs))
    }

    /// The command that shows what happened around it on the host.
    fn investigate(&self, alert: &Alert, language: &str) -> String {
        let host = if alert.host.is_empty() || alert.kind != Kind::Detection {
            String::new()
        } else {
            format!(" --host {}", quoted(&clean(&alert.host)))
        };
        let (data, zone) = (quoted(&self.site.data), quoted(&self.site.log_zone));
        format!("hinomi investigate {data}{host} --tz {zone} --lang {language}")
    }

    fn acknowledge(&self, alert: &Alert) -> String {
        format!("hinomi alert ack {} --by NAME --data {}", alert.id, quoted(&self.site.data))
    }
}

/// Text from a log, on one line and in one direction.
fn clean(text: &str) -> String {
    let harmless = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
        if c.is_control() || turns { '\u{fffd}' } else { c }
    };
    let mut text: String = text.chars().map(harmless).take(LONGEST + 1).collect();
    if text.chars().count() > LONGEST {
        text.pop();
        text.push('…');
    }
    text
}

/// Text as a shell takes it for one word: values come from logs, and commands are copied.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_logs_stay_one_word_and_one_line() {
        assert_eq!(quoted("ws-5.example.jp"), "ws-5.example.jp");
        assert_eq!(quoted("a; rm -rf ~"), "'a; rm -rf ~'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("-x"), "'-x'");
        assert_eq!(quoted(""), "''");
        assert_eq!(clean("a\nb\u{202e}c\u{1b}[2J"), "a\u{fffd}b\u{fffd}c\u{fffd}[2J");
        assert_eq!(clean(&"火".repeat(1_000)).chars().count(), LONGEST + 1);
    }
}

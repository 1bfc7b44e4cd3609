//! Detections that say that records of a host are missing: data, not code.

use hinomi_model::Level;
use serde::Deserialize;

/// How records were lost.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Lost {
    /// What stood in the log until then was taken out of it.
    Emptied,
    /// From then on nothing was written, until somebody began again.
    Stopped,
}

impl Lost {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emptied => "emptied",
            Self::Stopped => "stopped",
        }
    }
}

/// A row of the table: which detections, and what they say is missing. The first one that fits holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LossRule {
    /// Ids of rules; any if there are none.
    #[serde(default)]
    rules: Vec<String>,
    /// Techniques of the rule, any of them; a rule of lower level than high does not count then.
    #[serde(default)]
    techniques: Vec<String>,
    /// A field of the event …
    #[serde(default)]
    field: Option<String>,
    /// … that holds one of these, in any case.
    #[serde(default)]
    contains: Vec<String>,
    /// How; nothing is missing where it is null.
    lost: Option<Lost>,
    /// The log that says so is the one.
    #[serde(default)]
    own_log: bool,
    /// Channels or kinds of logs, with `*` at the end.
    #[serde(default)]
    logs: Vec<String>,
}

/// What a detection says is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss<'t> {
    /// How.
    pub lost: Lost,
    /// Of the log that says so.
    pub own_log: bool,
    /// Of these channels or kinds, with `*` at the end; of some log of the host where there are none and it is not its own.
    pub logs: &'t [String],
}

/// What is asked of a detection.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'d> {
    /// Id of its rule.
    pub rule: &'d str,
    /// Level.
    pub level: Level,
    /// Tags of its rule.
    pub tags: &'d [String],
}

impl Loss<'_> {
    /// Whether records of a log are meant, given the channel of the event that says so.
    pub fn is_of(&self, own: &str, channel: &str, kind: &str) -> bool {
        if self.own_log {
            return own.eq_ignore_ascii_case(channel);
        }
        self.logs.iter().any(|log| super::table::glob(log, channel) || super::table::glob(log, kind))
    }
}

impl LossRule {
    fn fits<'v>(&self, shown: Shown<'_>, value: impl Fn(&str) -> Option<&'v str>) -> bool {
        let named = self.rules.is_empty() || self.rules.iter().any(|rule| rule == shown.rule);
        let tagged = |tag: &String| {
            let name = tag.strip_prefix("attack.").unwrap_or(tag);
            self.techniques.iter().any(|technique| technique.eq_ignore_ascii_case(name))
        };
        let tagged =
            self.techniques.is_empty() || (shown.level >= Level::High && shown.tags.iter().any(tagged));
        let holds = |field: &String| {
            let text = value(field).unwrap_or_default().to_lowercase();
            self.contains.iter().any(|part| text.contains(&part.to_lowercase()))
        };
        named && tagged && self.field.as_ref().is_none_or(holds)
    }
}

/// What a detection says is missing, by the first row that fits.
pub(super) fn lost<'t, 'v>(
    rows: &'t [LossRule],
    shown: Shown<'_>,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Option<Loss<'t>> {
    let row = rows.iter().find(|row| row.fits(shown, &value))?;
    Some(Loss { lost: row.lost?, own_log: row.own_log, logs: &row.logs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::StoryTable;

    fn of(rule: &str, level: Level, tag: &str, command: &str) -> Option<(Lost, bool, Vec<String>)> {
        let table = StoryTable::bundled().unwrap();
        let tags = [format!("attack.{tag}")];
        let value = |field: &str| (field == "CommandLine" && !command.is_empty()).then_some(command);
        let loss = table.lost(Shown { rule, level, tags: &tags }, value)?;
        Some((loss.lost, loss.own_log, loss.logs.to_vec()))
    }

    #[test]
    fn rows_say_which_log_is_meant_and_the_first_that_fits_holds() {
        let any = Level::High;
        let own = of("7eefd787-21d6-4867-ae6a-3127cdc577b2", any, "t1070.001", "");
        assert_eq!(own, Some((Lost::Emptied, true, vec![])));
        let journal = of("x", any, "t1070.002", "/usr/bin/JOURNALCTL --vacuum-time=1s").unwrap();
        assert_eq!((journal.0, journal.2), (Lost::Emptied, vec!["linux/journald".to_owned()]));
        assert_eq!(of("x", any, "t1070.002", ""), Some((Lost::Emptied, false, vec![])));
        assert_eq!(of("x", any, "T1562.012", "").map(|loss| loss.0), Some(Lost::Stopped));
    }

    #[test]
    fn what_takes_no_records_away_says_nothing() {
        // An exclusion of a scanner is a weakened tool, and no log of it ends.
        assert_eq!(of("x", Level::High, "t1562.001", "Add-MpPreference -ExclusionPath C:\\"), None);
        // A test program's log is emptied now and then.
        assert_eq!(of("x", Level::Medium, "t1070.001", ""), None);
        assert_eq!(of("x", Level::Critical, "t1059", "journalctl -u ssh"), None);
    }
}

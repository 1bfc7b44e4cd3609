//! Where lists contradict each other about one entity.

use hinomi_model::Timestamp;

use super::MergeRules;
use crate::inventory::{Entity, day};

/// What a list says of something that is no more.
const ENDED: &str = "ended";

/// Statements that cannot both be right, each with its place and the day since which it is known.
pub(super) fn contradictions(
    rules: &MergeRules,
    rows: &[&Entity],
    holding: &[&Entity],
    at: Timestamp,
) -> Vec<String> {
    let mut found = Vec::new();
    for name in &rules.compare {
        let said: Vec<(&Entity, String)> =
            holding.iter().filter_map(|row| Some((*row, row.value(name)?.to_lowercase()))).collect();
        if let Some((first, value)) = said.first()
            && let Some((other, differs)) = said.iter().find(|(_, v)| v != value)
        {
            found.push(format!("{name}: {value} {} / {differs} {}", place(first), place(other)));
        }
    }
    for row in rows {
        let Some((since, what)) = end(row, at, holding) else { continue };
        let mut others = holding.iter().filter(|other| other.list.name != row.list.name);
        if let Some((other, what_other)) = others.find_map(|o| Some((*o, alive(o, since)?))) {
            found.push(format!("{what} {} / {what_other} {}", place(row), place(other)));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Since when a list says that the entity is no more, and in which words. A state without a day counts from when the list
/// is known, and from ever if that is not known either.
fn end(row: &Entity, at: Timestamp, holding: &[&Entity]) -> Option<(Option<Timestamp>, String)> {
    if row.value("state") == Some(ENDED) && holding.iter().any(|held| held.place == row.place) {
        return Some((row.known_from, "state: ended".to_owned()));
    }
    let until = row.valid.until.filter(|until| *until <= at)?;
    // A later row of the same list that holds takes the end back.
    let taken_back = holding.iter().any(|held| held.list.name == row.list.name);
    (!taken_back).then(|| (Some(until), format!("ended {}", date(until))))
}

/// How another list shows that it still was there after that.
fn alive(row: &Entity, since: Option<Timestamp>) -> Option<String> {
    let seen = row.value("last_seen").and_then(|text| day(text, false));
    match (seen, since) {
        (Some(seen), Some(since)) if seen > since => return Some(format!("seen {}", date(seen))),
        (Some(seen), None) => return Some(format!("seen {}", date(seen))),
        _ => {}
    }
    // An export that is not older than the end, and has it enabled.
    let is_later = since.zip(row.known_from).is_none_or(|(since, known)| known >= since);
    (row.value("enabled") == Some("yes") && is_later).then(|| "enabled".to_owned())
}

fn date(time: Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}

fn place(row: &Entity) -> String {
    let known = row.known_from.map(|known| format!(", {}", date(known))).unwrap_or_default();
    format!("({}:{}{known})", row.place.document, row.place.line)
}

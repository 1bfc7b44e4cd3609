//! What leaves of names of accounts: each through [`Shown`], wherever in a text it stands.
//!
//! # Invariants
//! Names that detections state as accounts are looked for in every other text of the same answer: in paths, command lines,
//! sentences. What no event states as an account is not known to be one, and stays.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_detect::story::StoryTable;

use crate::correlated::bare_account;
use crate::pages::Shown;
use crate::report::DetectionEntry;
use crate::scan::Subjects;

/// Shorter names are not looked for inside texts: they stand in too many words.
const SHORTEST: usize = 3;

/// Shows texts of one incident.
pub(super) struct Mask<'a> {
    names: &'a dyn Shown,
    incident: &'a str,
    fields: BTreeSet<&'a str>,
    /// Names in lower case, and what stands for them; the longest first.
    known: Vec<(String, String)>,
}

impl<'a> Mask<'a> {
    /// For texts that are made of these detections.
    pub(super) fn new<'d>(
        (names, incident): (&'a dyn Shown, &'a str),
        subjects: &'a Subjects,
        detections: impl Iterator<Item = &'d DetectionEntry>,
    ) -> Self {
        let own = subjects.account_fields().into_iter().map(|(name, _)| name);
        let told = subjects.story().into_iter().flat_map(StoryTable::account_fields);
        let fields: BTreeSet<&str> = own.chain(told).collect();
        let mut stated: BTreeMap<String, String> = BTreeMap::new();
        for detection in detections {
            let fields_of = detection.fields.pairs().chain(pairs(&detection.group));
            let values = fields_of.filter(|(name, _)| is_account(&fields, name)).map(|(_, value)| value);
            for name in values.chain([detection.account.as_str()]) {
                let bare = bare_account(name).map(str::to_lowercase);
                let shown = names.account(name, Some(incident));
                // A name that may be shown may be so without its domain.
                let is_shown = shown == *name;
                if let Some(bare) = bare {
                    let instead = if is_shown { bare.clone() } else { shown.clone() };
                    stated.entry(bare).or_insert(instead);
                }
                stated.insert(name.to_lowercase(), if is_shown { name.to_lowercase() } else { shown });
            }
        }
        let of_people = |(name, _): &(String, String)| {
            name.chars().count() >= SHORTEST && !subjects.is_shared_account(name)
        };
        let mut known: Vec<(String, String)> = stated.into_iter().filter(of_people).collect();
        known.retain(|(name, shown)| !shown.eq_ignore_ascii_case(name));
        known.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self { names, incident, fields, known }
    }

    /// What is shown of an account.
    pub(super) fn account(&self, name: &str) -> String {
        self.names.account(name, Some(self.incident))
    }

    /// What is shown of any other text.
    pub(super) fn text(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, (name, shown)| replaced(&text, name, shown))
    }

    /// What is shown of the value of a field.
    pub(super) fn field(&self, name: &str, value: &str) -> String {
        if is_account(&self.fields, name) { self.account(value) } else { self.text(value) }
    }

    /// What is shown of fields.
    pub(super) fn fields<'f, C: FromIterator<(String, String)>>(
        &self,
        fields: impl Iterator<Item = (&'f str, &'f str)>,
    ) -> C {
        fields.map(|(name, value)| (name.to_owned(), self.field(name, value))).collect()
    }

    /// A detection as sentences may be made of it.
    pub(super) fn detection(&self, detection: &DetectionEntry) -> DetectionEntry {
        DetectionEntry {
            account: self.account(&detection.account),
            host: self.text(&detection.host),
            fields: self.fields(detection.fields.pairs()),
            group: self.fields(pairs(&detection.group)),
            ..detection.clone()
        }
    }

    /// Whether every name is shown.
    pub(super) fn shows(&self, accounts: &[String]) -> bool {
        accounts.iter().all(|name| self.account(name) == *name)
    }
}

fn pairs(fields: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// Correlations name the account that an event has in whatever field.
fn is_account(fields: &BTreeSet<&str>, name: &str) -> bool {
    name == crate::correlated::ACCOUNT || fields.contains(name)
}

/// Puts something in the place of a name (in lower case) wherever it stands as a word.
fn replaced(text: &str, name: &str, shown: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = position(rest, name) {
        let (before, from) = rest.split_at(at);
        let after = from.get(name.len()..).unwrap_or_default();
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let inside = before.chars().next_back().or_else(|| out.chars().next_back()).is_some_and(word)
            || after.chars().next().is_some_and(word);
        out.push_str(before);
        if inside {
            let one = from.chars().next().map_or(0, char::len_utf8);
            out.push_str(from.get(..one).unwrap_or_default());
            rest = from.get(one..).unwrap_or_default();
        } else {
            out.push_str(shown);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Where a name stands, whatever the case of its ASCII letters; others have to be the same.
fn position(text: &str, name: &str) -> Option<usize> {
    let same = |at: usize| text.get(at..at + name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name));
    (0..text.len()).find(|at| same(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_replaced_where_it_is_a_word() {
        for (text, expected) in [
            (r"C:\Users\Aoki\x.exe", r"C:\Users\X\x.exe"),
            ("aoki", "X"),
            ("aokiaoki aoki", "aokiaoki X"),
            ("aoki-aoki", "X-X"),
            ("火aoki aoki火 (aoki)", "火aoki aoki火 (X)"),
            ("aok", "aok"),
            ("", ""),
        ] {
            assert_eq!(replaced(text, "aoki", "X"), expected, "{text}");
        }
    }
}

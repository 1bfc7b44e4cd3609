//! Reading of a record by a shape.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hinomi_model::Timestamp;

use super::convert::Converted;
use super::{Path, Shape, Source, View};
use crate::Truth;
use crate::claim::{Condition, Row, Value};

/// What a record states.
#[derive(Debug, Default)]
pub(in crate::inventory) struct Stated {
    pub(in crate::inventory) id: String,
    pub(in crate::inventory) aliases: Vec<String>,
    pub(in crate::inventory) attributes: BTreeMap<String, Vec<String>>,
    pub(in crate::inventory) valid_until: Option<Timestamp>,
    pub(in crate::inventory) known_from: Option<Timestamp>,
    pub(in crate::inventory) member_of: Vec<String>,
    pub(in crate::inventory) members: Vec<String>,
    /// The latest moment that it speaks of as past.
    pub(in crate::inventory) latest: Option<Timestamp>,
    /// What is not written as it should be.
    pub(in crate::inventory) problems: Vec<String>,
}

impl Row for View<'_> {
    fn attribute(&self, name: &str) -> Value<'_> {
        let Ok(path) = Path::parse(name) else { return Value::Absent };
        let texts = path.texts(*self);
        if !texts.is_empty() {
            return Value::Words(texts);
        }
        // A list or an object is there, too.
        if path.values(*self).is_empty() { Value::Absent } else { Value::Words(vec!["".into()]) }
    }
}

impl Shape {
    /// Whether a record is of this shape.
    pub(in crate::inventory) fn fits(&self, view: View<'_>) -> bool {
        self.has.iter().all(|path| path.is_there(view))
            && self.when.as_ref().is_none_or(|when| when.holds(&view) == Truth::True)
    }

    /// Whether an object inside of a record is an entity.
    pub(in crate::inventory) fn fits_inside(&self, view: View<'_>) -> bool {
        self.only.as_ref().is_none_or(|only| only.holds(&view) == Truth::True)
    }

    /// What a record states; nothing, if it has no name.
    pub(in crate::inventory) fn read(&self, view: View<'_>) -> Option<Stated> {
        let mut reading = Reading { view, stated: Stated::default(), is_past: true };
        let id = reading.first(&self.id, "id")?;
        reading.stated.id = id;
        let names = reading.all(&self.aliases, "aliases");
        let own = reading.stated.id.to_lowercase();
        for name in names {
            if name.to_lowercase() != own && !reading.stated.aliases.contains(&name) {
                reading.stated.aliases.push(name);
            }
        }
        for (name, sources) in &self.attributes {
            let values = reading.values(sources, name);
            if !values.is_empty() {
                reading.stated.attributes.insert(name.clone(), values);
            }
        }
        reading.stated.member_of = reading.all(&self.member_of, "member_of");
        reading.stated.members = reading.all(&self.members, "members");
        reading.is_past = false;
        reading.stated.valid_until = reading.time(&self.valid_until, "valid_until");
        reading.stated.known_from = reading.time(&self.known_from, "known_from");
        Some(reading.stated)
    }
}

struct Reading<'r> {
    view: View<'r>,
    stated: Stated,
    /// Whether the moments being read lie in the past of the document.
    is_past: bool,
}

impl Reading<'_> {
    fn holds(&self, when: Option<&Condition>) -> bool {
        when.is_none_or(|when| when.holds(&self.view) == Truth::True)
    }

    /// Values of the first source that has some.
    fn values(&mut self, sources: &[Source], name: &str) -> Vec<String> {
        sources
            .iter()
            .map(|source| self.of(source, name))
            .find(|values| !values.is_empty())
            .unwrap_or_default()
    }

    /// Values of all sources.
    fn all(&mut self, sources: &[Source], name: &str) -> Vec<String> {
        sources.iter().flat_map(|source| self.of(source, name)).collect()
    }

    fn first(&mut self, sources: &[Source], name: &str) -> Option<String> {
        self.values(sources, name).into_iter().next()
    }

    fn time(&mut self, sources: &[Source], name: &str) -> Option<Timestamp> {
        self.first(sources, name)?.parse().ok()
    }

    fn of(&mut self, source: &Source, name: &str) -> Vec<String> {
        match source {
            Source::Word { is, when } if self.holds(Some(when)) => vec![is.clone()],
            Source::Word { .. } => Vec::new(),
            Source::Joined { parts, between } => {
                let parts: Option<Vec<String>> =
                    parts.iter().map(|part| self.of(part, name).into_iter().next()).collect();
                parts.map(|parts| parts.join(between)).into_iter().collect()
            }
            Source::Paths { when, .. } if !self.holds(when.as_ref()) => Vec::new(),
            Source::Paths { from, form: Some(form), .. } if form.is_time() => {
                let view = self.view;
                let texts = from.iter().flat_map(|p| p.texts(view));
                let times: Vec<Timestamp> =
                    texts.filter_map(|t| self.moment(form.convert(&t), name, &t)).collect();
                times.into_iter().max().map(written).into_iter().collect()
            }
            Source::Paths { from, form, .. } => {
                let texts = from.iter().map(|p| p.texts(self.view)).find(|t| !t.is_empty());
                let converted = |text: Cow<'_, str>| match form.map(|form| form.convert(&text)) {
                    None => Some(text.into_owned()),
                    Some(Converted::Text(text)) => Some(text),
                    // A name that is not written so has no such part; that is no fault of the list.
                    Some(_) => None,
                };
                texts.unwrap_or_default().into_iter().filter_map(converted).collect()
            }
        }
    }

    fn moment(&mut self, converted: Converted, name: &str, text: &str) -> Option<Timestamp> {
        match converted {
            Converted::Time(time) => {
                if self.is_past {
                    self.stated.latest = self.stated.latest.max(Some(time));
                }
                Some(time)
            }
            Converted::Nothing | Converted::Text(_) => None,
            Converted::Not => {
                let shown: String = text.chars().take(80).collect();
                self.stated.problems.push(format!("{name}: {shown:?} is not written as expected"));
                None
            }
        }
    }
}

/// As RFC 3339, without a fraction that is zero.
fn written(time: Timestamp) -> String {
    let text = time.to_string();
    text.strip_suffix(".000000000Z").map_or(text.clone(), |whole| format!("{whole}Z"))
}

//! Which fields name the account of an event and which are worth showing: data, not code.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hinomi_columns::{Batch, FieldId, Store, ValueId, ValueKind, well_known};
use hinomi_detect::story::{self, Census, StoryTable, StoryTableError};
use serde::Deserialize;

/// The table of subject fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subjects {
    /// Version of the table.
    pub version: u32,
    account: Vec<AccountField>,
    host: Vec<String>,
    /// Values that mean «none».
    nobody: Vec<String>,
    details: Vec<String>,
    shared_accounts: Vec<String>,
    cleared: Vec<ClearedEvent>,
    #[serde(default)]
    audit_changed: Vec<ClearedEvent>,
    /// What the story of detections is told by.
    #[serde(skip)]
    story: Option<StoryTable>,
    /// Fields that only the story needs.
    #[serde(skip)]
    links: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClearedEvent {
    channel: String,
    provider: String,
    event_ids: Vec<u32>,
}

impl ClearedEvent {
    fn is(&self, channel: &str, provider: &str, event_id: &str) -> bool {
        self.channel.eq_ignore_ascii_case(channel)
            && (provider.is_empty() || self.provider.eq_ignore_ascii_case(provider))
            && self.event_ids.iter().any(|id| event_id.parse() == Ok(*id))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountField {
    name: String,
    #[serde(default)]
    domain: Option<String>,
    /// Channel → event ids; the entry applies to these only.
    #[serde(default)]
    only: BTreeMap<String, Vec<u32>>,
}

/// A table does not parse.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The table of subject fields.
    #[error("subject field table: {0}")]
    Subjects(#[from] serde_yaml_ng::Error),
    /// The table of the story.
    #[error(transparent)]
    Story(#[from] StoryTableError),
}

impl Subjects {
    /// The table that ships with the program.
    ///
    /// # Errors
    /// When the table does not parse, which a test excludes.
    pub fn bundled() -> Result<Self, SubjectError> {
        let mut table: Self = serde_yaml_ng::from_str(include_str!("../../../../mappings/subjects.yaml"))?;
        let story = StoryTable::bundled()?;
        let extra = story.fields().into_iter().filter(|f| !table.details.iter().any(|d| d == f));
        table.links = extra.map(str::to_owned).collect();
        table.story = Some(story);
        Ok(table)
    }

    /// The bundled table for a scan that tells no story: of each event the named fields are kept.
    ///
    /// # Errors
    /// When the table does not parse, which a test excludes.
    pub fn keeping(fields: Vec<String>) -> Result<Self, SubjectError> {
        let mut table = Self::bundled()?;
        table.details = fields;
        table.links = Vec::new();
        table.story = None;
        Ok(table)
    }

    /// What the story of detections is told by.
    pub fn story(&self) -> Option<&StoryTable> {
        self.story.as_ref()
    }

    /// A census of who meets whom, when there is a table for it.
    pub(super) fn census(&self) -> Option<Census<'_>> {
        let story = self.story.as_ref()?;
        Some(Census::new(story, self.account_fields(), &self.shared_accounts))
    }

    /// Names of the fields by which detections join, beyond those worth showing.
    pub fn links(&self) -> &[String] {
        &self.links
    }

    /// Fields that may hold an account and where they count, first choice first.
    pub fn account_fields(&self) -> Vec<story::AccountField<'_>> {
        self.account.iter().map(|a| (a.name.as_str(), &a.only)).collect()
    }

    /// Every field the table names.
    pub fn fields(&self) -> Vec<&str> {
        let accounts = self.account.iter().flat_map(|a| [Some(&a.name), a.domain.as_ref()]).flatten();
        let others = self.host.iter().chain(&self.details).chain(&self.links);
        accounts.chain(others).map(String::as_str).collect()
    }

    /// Names of the fields worth showing, in order of importance.
    pub fn details(&self) -> &[String] {
        &self.details
    }

    /// Whether an event of this origin says that its log was emptied. An export may leave the provider out.
    pub fn says_cleared(&self, channel: &str, provider: &str, event_id: &str) -> bool {
        self.cleared.iter().any(|c| c.is(channel, provider, event_id))
    }

    /// Whether an event of this origin says that less, or something else, is recorded from then on.
    pub fn says_audit_changed(&self, channel: &str, provider: &str, event_id: &str) -> bool {
        self.audit_changed.iter().any(|c| c.is(channel, provider, event_id))
    }

    /// Whether many unrelated things run under the account: no account, a service's, or a machine's own.
    pub fn is_shared_account(&self, account: &str) -> bool {
        account.is_empty()
            || account.ends_with('$')
            || self.shared_accounts.iter().any(|s| s.eq_ignore_ascii_case(account))
    }

    fn value<'s>(&self, store: &'s Store, batch: &Batch, row: usize, name: &str) -> Option<&'s str> {
        let field = store.fields().known(name)?;
        let text = text_of(store, batch, row, field)?;
        let nobody = self.nobody.iter().any(|n| n.eq_ignore_ascii_case(text));
        (!nobody).then_some(text)
    }

    /// `DOMAIN\name`, or the name alone; empty when the event names no account.
    pub(crate) fn account(&self, store: &Store, batch: &Batch, row: usize) -> String {
        let channel = store.text(well_known::CHANNEL, batch.shape().channel);
        let event_id = store.text(well_known::EVENT_ID, batch.shape().event_id);
        for entry in &self.account {
            let applies = entry.only.is_empty()
                || entry.only.iter().any(|(c, ids)| {
                    c.eq_ignore_ascii_case(channel) && ids.iter().any(|id| event_id.parse() == Ok(*id))
                });
            let Some(name) = applies.then(|| self.value(store, batch, row, &entry.name)).flatten() else {
                continue;
            };
            let domain = entry.domain.as_ref().and_then(|d| self.value(store, batch, row, d));
            return match domain {
                Some(domain) if !name.contains(['\\', '@']) => format!("{domain}\\{name}"),
                _ => name.to_owned(),
            };
        }
        String::new()
    }

    /// The host the event names; empty when it names none.
    pub(crate) fn host(&self, store: &Store, batch: &Batch, row: usize) -> String {
        let mut names = self.host.iter().filter_map(|name| self.value(store, batch, row, name));
        names.next().map(str::to_owned).unwrap_or_default()
    }
}

/// Text of a value, members of a list separated by commas; `None` when it is absent or null.
pub(crate) fn whole_text_of(store: &Store, field: FieldId, value: ValueId) -> Option<Cow<'_, str>> {
    let dictionary = store.dictionary(field).filter(|_| !value.is_absent())?;
    match dictionary.kind(value) {
        ValueKind::Null => None,
        ValueKind::List => {
            let items: Vec<_> = dictionary.elements(value).map(|item| dictionary.str(item)).collect();
            Some(items.join(", ").into())
        }
        _ => Some(dictionary.str(value).into()),
    }
}

/// Text of a cell; the first element of a list; `None` when absent, null or empty.
pub(super) fn text_of<'s>(store: &'s Store, batch: &Batch, row: usize, field: FieldId) -> Option<&'s str> {
    let dictionary = store.dictionary(field)?;
    let value = batch.cell(row, field);
    let first = dictionary.elements(value).next()?;
    Some(dictionary.str(first)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_table_parses_and_names_fields_once() {
        let table = Subjects::bundled().unwrap();
        let mut details = table.details().to_vec();
        let count = details.len();
        details.sort();
        details.dedup();
        assert_eq!(details.len(), count);
        assert!(table.fields().contains(&"Computer"));
    }
}

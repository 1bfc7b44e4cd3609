//! The rules in force, as pages name them.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_detect::LogSources;
use hinomi_detect::sigma::{Document, LogSource, Meta};
use hinomi_model::Level;

use super::Text;
use crate::live::{Pack, PackError};
use crate::report::{RejectedRule, Technique, techniques};

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) title: Text,
    pub(super) level: Level,
    pub(super) tags: Vec<String>,
    pub(super) techniques: Vec<Technique>,
    pub(super) origin: String,
    pub(super) author: String,
    pub(super) license: String,
    /// Another explanation that fits.
    pub(super) explanation: Option<Text>,
    /// The log it reads; a correlation reads what other rules find.
    pub(super) reads: Option<Text>,
    /// The log source of a rule; a correlation has none.
    pub(super) source: Option<LogSource>,
    /// The name by which correlations may call it.
    name: Option<String>,
    /// What a correlation counts, by id or name.
    counts: Vec<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) all: BTreeMap<String, Known>,
    pub(super) rejected: Vec<RejectedRule>,
    documents: Vec<Document>,
    files: BTreeMap<String, String>,
}

impl Rules {
    /// The rules of a pack.
    pub(super) fn of(pack: &Pack) -> Result<Self, PackError> {
        let book = pack.book()?;
        let all = book.documents.iter().filter_map(known).map(|known| (known.id.clone(), known)).collect();
        let files = pack.files().map(|file| (file.origin.clone(), file.sha256.clone())).collect();
        Ok(Self { all, rejected: book.rejected, documents: book.documents, files })
    }

    /// Digest of the file that a rule stands in.
    pub(super) fn file_of(&self, rule: &Known) -> Option<&str> {
        let file = self.files.get(&rule.origin).or_else(|| {
            let (file, number) = rule.origin.rsplit_once('#')?;
            number.parse::<u32>().ok()?;
            self.files.get(file)
        });
        file.map(String::as_str)
    }

    /// Rules that may read one of these logs, kind and channel, and correlations of such rules, by id. What is not among them
    /// certainly finds nothing in these logs.
    pub(super) fn hearing<'r>(
        &'r self,
        table: &LogSources,
        logs: &BTreeSet<(&str, &str)>,
    ) -> BTreeSet<&'r str> {
        let reads =
            |source: &LogSource| logs.iter().any(|(kind, channel)| table.may_read(source, kind, channel));
        let alone = self.all.values().filter(|rule| rule.source.as_ref().is_some_and(reads));
        let mut heard: BTreeSet<&str> = alone.flat_map(Known::called).collect();
        // A correlation may count correlations: once more for each level that was added.
        loop {
            let before = heard.len();
            let counts = |rule: &&Known| rule.counts.iter().any(|counted| heard.contains(counted.as_str()));
            let more: Vec<&str> = self.all.values().filter(counts).flat_map(Known::called).collect();
            heard.extend(more);
            if heard.len() == before {
                return heard;
            }
        }
    }

    /// Whether these files of rules are in force, origin and digest.
    pub(super) fn holds(&self, files: &[(String, String)]) -> bool {
        files.iter().all(|(origin, sha256)| self.files.get(origin) == Some(sha256))
    }

    /// The documents of some rules, with those that correlations among them count, and every filter.
    pub(super) fn documents(&self, ids: &BTreeSet<&str>) -> Vec<Document> {
        let mut wanted: BTreeSet<&str> = ids.clone();
        // A correlation may count correlations: once more for each level that was added.
        loop {
            let before = wanted.len();
            for document in &self.documents {
                if let Document::Correlation(correlation) = document
                    && is_named(&correlation.meta, &wanted)
                {
                    wanted.extend(correlation.rules.iter().map(String::as_str));
                }
            }
            if wanted.len() == before {
                break;
            }
        }
        let needed = |document: &&Document| match document {
            Document::Rule(rule) => is_named(&rule.meta, &wanted),
            Document::Correlation(correlation) => is_named(&correlation.meta, &wanted),
            Document::Filter(_) => true,
        };
        self.documents.iter().filter(needed).cloned().collect()
    }
}

impl Known {
    /// Its id, and its name if it has one.
    fn called(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.name.as_deref())
    }
}

fn is_named(meta: &Meta, wanted: &BTreeSet<&str>) -> bool {
    wanted.contains(meta.id.as_str()) || meta.name.as_ref().is_some_and(|name| wanted.contains(name.as_str()))
}

fn known(document: &Document) -> Option<Known> {
    let others = || Some(Text::new("what other rules find", "他のルールの検知結果"));
    let (meta, reads, source, counts) = match document {
        Document::Rule(rule) => {
            (&rule.meta, reads(&rule.logsource), Some(rule.logsource.clone()), Vec::new())
        }
        Document::Correlation(correlation) => (&correlation.meta, others(), None, correlation.rules.clone()),
        Document::Filter(_) => return None,
    };
    let extension = |key: &str| meta.extension.get(key);
    Some(Known {
        id: meta.id.clone(),
        title: Text::new(&meta.title, extension("title_ja").unwrap_or(&meta.title)),
        level: meta.level,
        tags: meta.tags.clone(),
        techniques: techniques(&meta.tags),
        origin: meta.origin.clone(),
        author: meta.author.clone(),
        license: meta.license.clone(),
        explanation: extension("explain_en").zip(extension("explain_ja")).map(|(en, ja)| Text::new(en, ja)),
        reads,
        source,
        name: meta.name.clone(),
        counts,
    })
}

/// The log that a rule reads, in the words of the rule; `None` when it reads all.
fn reads(source: &LogSource) -> Option<Text> {
    let parts = [&source.product, &source.category, &source.service];
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    (!parts.is_empty()).then(|| Text::new(parts.join(" / "), parts.join(" / ")))
}

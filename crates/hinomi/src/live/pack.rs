//! Rules as they are activated: the texts of all files, so that a later run has what this one had.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hinomi_detect::sigma::Placeholders;
use hinomi_detect::{Engine, LogSourceError, LogSources};
use hinomi_model::Digest;
use serde::{Deserialize, Serialize};

use crate::report::RejectedRule;
use crate::rulebook::{RuleSource, Rulebook, RulebookError};
use crate::scan::{SubjectError, Subjects};

/// Where rules come from.
#[derive(Clone, Debug, Default)]
pub struct PackSources {
    /// The bundled pack, files, folders; empty means the bundled pack.
    pub rules: Vec<RuleSource>,
    /// Files of placeholders.
    pub placeholders: Vec<PathBuf>,
    /// Lists of indicators.
    pub indicators: Vec<PathBuf>,
}

/// What a file of a pack is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackKind {
    /// A rule file.
    Rules,
    /// Values of placeholders.
    Placeholders,
    /// A list of indicators.
    Indicators,
}

/// A file of a pack, as an activation names it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PackFile {
    /// What it is.
    pub kind: PackKind,
    /// Where it stood.
    pub origin: String,
    /// Digest of its text.
    pub sha256: String,
}

/// Files and their texts, in load order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pack {
    files: Vec<(PackFile, String)>,
}

/// Rules that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file or folder that is named.
    #[error(transparent)]
    Rules(#[from] RulebookError),
    /// A file of placeholders.
    #[error("{origin}: {message}")]
    Placeholders {
        /// Where it stands.
        origin: String,
        /// What was expected.
        message: String,
    },
    /// Documents of a new pack that do not parse or compile, while the one in force has no such fault.
    #[error("{} of the documents cannot be used; the first is {}: {}", .0.len(), first(.0).0, first(.0).1)]
    Rejected(Vec<RejectedRule>),
    /// No document is a rule; what is wrong with those that are there.
    #[error("no rule can be used; {} of the documents are rejected: {}: {}", .0.len(), first(.0).0, first(.0).1)]
    Empty(Vec<RejectedRule>),
    /// The bundled table of log sources.
    #[error(transparent)]
    LogSources(#[from] LogSourceError),
    /// The bundled table of fields.
    #[error(transparent)]
    Subjects(#[from] SubjectError),
}

fn first(rejected: &[RejectedRule]) -> (&str, &str) {
    rejected.first().map_or(("", ""), |r| (r.origin.as_str(), r.reason.as_str()))
}

/// State of files on disk: paths, lengths, times of change.
pub(super) type Stamps = Vec<(PathBuf, u64, Option<SystemTime>)>;

impl PackSources {
    /// Reads the files.
    ///
    /// # Errors
    /// When a file or folder cannot be read.
    pub fn read(&self) -> Result<Pack, PackError> {
        let bundled = [RuleSource::Bundled];
        let rules = if self.rules.is_empty() { &bundled[..] } else { &self.rules };
        let mut pack = Pack::default();
        for (kind, paths) in
            [(PackKind::Placeholders, &self.placeholders), (PackKind::Indicators, &self.indicators)]
        {
            for path in paths {
                let unreadable = |source| RulebookError::Unreadable { path: path.clone(), source };
                let text = std::fs::read_to_string(path).map_err(unreadable)?;
                pack.add(kind, path.display().to_string(), text);
            }
        }
        for (origin, text) in Rulebook::texts(rules)? {
            pack.add(PackKind::Rules, origin, text);
        }
        Ok(pack)
    }

    /// How the files stand on disk; they are read again when this changes.
    pub(super) fn stamps(&self) -> Stamps {
        let rules = self.rules.iter().filter_map(|source| match source {
            RuleSource::Path(path) => Some(path),
            RuleSource::Bundled => None,
        });
        let mut stamps = Vec::new();
        for path in rules.chain(&self.placeholders).chain(&self.indicators) {
            stamp(path, &mut stamps);
        }
        stamps.sort();
        stamps
    }
}

/// How many rules and correlations of these files can be used, and how many documents cannot.
///
/// # Errors
/// When none can, or the files cannot be read.
pub fn usable(sources: &PackSources) -> Result<(usize, usize), PackError> {
    let subjects = super::follower::live_subjects()?;
    let (engine, rejected) = sources.read()?.compile(&subjects)?;
    Ok((engine.rules().len() + engine.correlations().len(), rejected.len()))
}

fn stamp(path: &Path, stamps: &mut Stamps) {
    let Ok(metadata) = std::fs::metadata(path) else {
        stamps.push((path.to_owned(), 0, None));
        return;
    };
    if metadata.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| stamp(&entry.path(), stamps));
    } else {
        stamps.push((path.to_owned(), metadata.len(), metadata.modified().ok()));
    }
}

impl Pack {
    fn add(&mut self, kind: PackKind, origin: String, text: String) {
        let sha256 = Digest::of(text.as_bytes()).to_string();
        self.files.push((PackFile { kind, origin, sha256 }, text));
    }

    /// A pack of files whose texts `text` knows by digest.
    ///
    /// # Errors
    /// The digest of a text it does not know.
    pub(super) fn of<'t>(files: &[PackFile], text: impl Fn(&str) -> Option<&'t str>) -> Result<Self, String> {
        let file =
            |f: &PackFile| Ok((f.clone(), text(&f.sha256).ok_or_else(|| f.sha256.clone())?.to_owned()));
        Ok(Self { files: files.iter().map(file).collect::<Result<_, String>>()? })
    }

    /// The files, as an activation names them.
    pub fn files(&self) -> impl Iterator<Item = &PackFile> {
        self.files.iter().map(|(file, _)| file)
    }

    /// The texts by digest.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(file, text)| (file.sha256.as_str(), text.as_str()))
    }

    /// A text by its digest.
    pub(crate) fn text(&self, sha256: &str) -> Option<&str> {
        self.texts().find(|(known, _)| *known == sha256).map(|(_, text)| text)
    }

    /// The documents, and what is wrong with those that do not parse.
    ///
    /// # Errors
    /// When placeholders cannot be read.
    pub(crate) fn book(&self) -> Result<Rulebook, PackError> {
        let mut values = Placeholders::default();
        let of = |kind: PackKind| self.files.iter().filter(move |(file, _)| file.kind == kind);
        for (file, text) in of(PackKind::Placeholders) {
            values.read(text).map_err(|(line, problem)| PackError::Placeholders {
                origin: file.origin.clone(),
                message: line.map_or_else(|| problem.to_string(), |line| format!("line {line}: {problem}")),
            })?;
        }
        let mut book = Rulebook::default();
        of(PackKind::Rules).for_each(|(file, text)| book.add(text, &file.origin, &values));
        of(PackKind::Indicators).for_each(|(f, text)| book.add_indicator_list(text, Path::new(&f.origin)));
        Ok(book)
    }

    /// Compiles the rules; documents that cannot be used are returned beside them.
    ///
    /// # Errors
    /// When nothing can be used.
    pub fn compile(&self, subjects: &Subjects) -> Result<(Engine, Vec<RejectedRule>), PackError> {
        let book = self.book()?;
        let (engine, errors) = Engine::compile(book.documents, &LogSources::bundled()?, &subjects.fields());
        let mut rejected = book.rejected;
        rejected.extend(
            errors.iter().map(|e| RejectedRule { origin: e.origin().to_owned(), reason: e.to_string() }),
        );
        if engine.rules().is_empty() { Err(PackError::Empty(rejected)) } else { Ok((engine, rejected)) }
    }
}

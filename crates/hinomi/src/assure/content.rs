//! Observation rules, claims and lists, from the program and from folders.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use hinomi_assure::ObservationSpec;
use hinomi_assure::claim::{self, Claim, ClaimError};
use hinomi_assure::inventory::{Formats, ImportError, Imported, Importer, Inventory, decode_text};
use hinomi_assure::posture::ClaimFileError;
use hinomi_detect::sigma::{Document, Placeholders};
use hinomi_detect::{Engine, LogSources, RuleIndex};
use hinomi_model::Timestamp;
use serde::Deserialize;

use super::configuration;
use crate::rulebook::{RuleSource, Rulebook};
use crate::scan::{Sampled, Subjects};

include!(concat!(env!("OUT_DIR"), "/bundled_observations.rs"));
include!(concat!(env!("OUT_DIR"), "/bundled_claims.rs"));

/// What selects observations, and what is claimed of them.
pub struct Content {
    /// Compiled selection.
    pub engine: Engine,
    /// What the rules observe, by rule of the engine.
    pub specs: Vec<ObservationSpec>,
    /// Titles of the rules, likewise: English, Japanese.
    pub titles: Vec<(String, String)>,
    /// Fields that are kept, and rules of which one match a minute is enough.
    pub subjects: Subjects,
    /// Rules of which one match a minute is enough, with the fields that tell what they speak of.
    pub sampled: BTreeMap<RuleIndex, Sampled>,
    /// Claims.
    pub claims: Vec<Claim>,
}

/// Content cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A file or folder cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A claim.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Two claims of one name.
    #[error("{origin}: a claim {id:?} exists already")]
    Twice {
        /// The second file.
        origin: String,
        /// The name.
        id: String,
    },
    /// No claim at all.
    #[error("{}: no .yaml file with a claim in this folder", .0.display())]
    NoClaims(PathBuf),
    /// A file of claims about configuration; the first mistake.
    #[error(transparent)]
    Pack(#[from] ClaimFileError),
    /// An observation rule.
    #[error("{origin}: {problem}")]
    Observation {
        /// The file.
        origin: String,
        /// What is wrong.
        problem: String,
    },
    /// A list.
    #[error(transparent)]
    List(#[from] ImportError),
    /// A table inside the program, which tests exclude.
    #[error("{0}")]
    Table(String),
}

/// The part of a rule file that is read here.
#[derive(Deserialize)]
struct ObservationFile {
    hinomi: Extension,
}

#[derive(Deserialize)]
struct Extension {
    observe: ObservationSpec,
    #[serde(default)]
    title_ja: String,
}

impl Content {
    /// Bundled content; `claims` adds folders or files of claims, `observations` of observation rules.
    ///
    /// # Errors
    /// When anything in it cannot be used, with the file and the reason.
    pub fn load(claims: &[PathBuf], observations: &[PathBuf]) -> Result<Self, ContentError> {
        let mut texts: Vec<(String, String)> =
            BUNDLED_OBSERVATIONS.iter().map(|(n, t)| (format!("bundled:{n}"), (*t).to_owned())).collect();
        let added: Vec<RuleSource> = observations.iter().cloned().map(RuleSource::Path).collect();
        let problem = |origin: &str, problem: &dyn std::fmt::Display| ContentError::Observation {
            origin: origin.to_owned(),
            problem: problem.to_string(),
        };
        texts.extend(Rulebook::texts(&added).map_err(|e| problem("--observations", &e))?);
        let mut documents: Vec<Document> = Vec::new();
        let mut specs = Vec::new();
        let mut titles = Vec::new();
        for (origin, text) in &texts {
            let mut book = Rulebook::default();
            book.add(text, origin, &Placeholders::default());
            if let Some(rejected) = book.rejected.first() {
                return Err(problem(origin, &rejected.reason));
            }
            let file: ObservationFile = serde_yaml_ng::from_str(text).map_err(|e| problem(origin, &e))?;
            let [Document::Rule(rule)] = book.documents.as_slice() else {
                return Err(problem(origin, &"one rule per file, and no correlation"));
            };
            titles.push((rule.meta.title.clone(), file.hinomi.title_ja));
            specs.push(file.hinomi.observe);
            documents.append(&mut book.documents);
        }
        Self::compile(documents, specs, titles, read_claims(claims)?)
    }

    fn compile(
        documents: Vec<Document>,
        specs: Vec<ObservationSpec>,
        titles: Vec<(String, String)>,
        claims: Vec<Claim>,
    ) -> Result<Self, ContentError> {
        let table = |e: &dyn std::fmt::Display| ContentError::Table(e.to_string());
        let mut fields: Vec<String> =
            specs.iter().flat_map(ObservationSpec::fields).map(str::to_owned).collect();
        fields.sort_unstable();
        fields.dedup();
        let subjects = Subjects::keeping(fields).map_err(|e| table(&e))?;
        let sources = LogSources::bundled().map_err(|e| table(&e))?;
        let (engine, errors) = Engine::compile(documents, &sources, &subjects.fields());
        if let Some(error) = errors.first() {
            let (origin, problem) = (error.origin().to_owned(), error.to_string());
            return Err(ContentError::Observation { origin, problem });
        }
        if engine.rules().len() != specs.len() {
            return Err(ContentError::Table("an observation rule did not become one rule".to_owned()));
        }
        let numbered = (0..).map(RuleIndex).zip(&specs);
        let sampled = numbered.filter_map(|(rule, spec)| {
            let (sample, fields) = spec.sampling()?;
            Some((rule, Sampled { span_ns: sample.span_ns(), fields }))
        });
        let sampled = sampled.collect();
        Ok(Self { engine, specs, titles, subjects, sampled, claims })
    }
}

fn read_claims(added: &[PathBuf]) -> Result<Vec<Claim>, ContentError> {
    let mut claims: Vec<Claim> = Vec::new();
    let mut add = |text: &str, origin: &str| {
        let claim = claim::parse(text, origin)?;
        if claims.iter().any(|c| c.id == claim.id) {
            return Err(ContentError::Twice { origin: origin.to_owned(), id: claim.id });
        }
        claims.push(claim);
        Ok(())
    };
    for (name, text) in BUNDLED_CLAIMS {
        add(text, &format!("bundled:{name}"))?;
    }
    for path in added {
        let files = files(path, Some(&["yaml", "yml"]))?;
        if files.is_empty() {
            return Err(ContentError::NoClaims(path.clone()));
        }
        for file in files {
            let bytes = read(&file)?;
            let text = decode_text(&bytes).0;
            if !configuration::is_pack(&text) {
                add(&text, &file.display().to_string())?;
            }
        }
    }
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(claims)
}

/// A list and what was read in it.
pub struct ListRead {
    /// The file.
    pub document: String,
    /// What it held, or why it is no list.
    pub imported: Result<Imported, ImportError>,
}

/// Endings of files that are lists: one of which nothing can be read is an error, not a file of something else.
const LISTS: [&str; 8] = ["csv", "tsv", "txt", "ldif", "ldf", "ndjson", "jsonl", "xml"];

/// Reads every list and export below a folder, or one file, and joins what was known at `known` of each entity. What a
/// file is, its content says.
///
/// # Errors
/// When one cannot be read, or is of nothing known: a list that is silently left out would make what it names look
/// unregistered. Other files in a folder are returned as such.
pub fn lists(
    paths: &[PathBuf],
    present: Timestamp,
    known: Timestamp,
) -> Result<(Inventory, Vec<ListRead>), ContentError> {
    let formats = Formats::bundled()?;
    let mut importer = Importer::new(&formats, present);
    let mut read_lists = Vec::new();
    for path in paths {
        for file in files(path, None)? {
            let document = file.display().to_string();
            let opened = fs::File::open(&file)
                .map_err(|source| ContentError::Unreadable { path: file.clone(), source })?;
            let held = match importer.read(&document, BufReader::new(opened)) {
                Err(error) if file == *path || ends_in(&file, &LISTS) => return Err(error.into()),
                held => held,
            };
            read_lists.push(ListRead { document, imported: held });
        }
    }
    Ok((importer.finish().joined(formats.merge_rules(), known), read_lists))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, ContentError> {
    fs::read(path).map_err(|source| ContentError::Unreadable { path: path.to_owned(), source })
}

fn ends_in(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    endings.contains(&ending.as_str())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// A file itself, or the files of a folder and those below it with one of these endings, in order of name; without
/// endings, all that are not hidden.
pub(super) fn files(path: &Path, endings: Option<&[&str]>) -> Result<Vec<PathBuf>, ContentError> {
    let unreadable = |source| ContentError::Unreadable { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            found.extend(files(&path, endings)?);
        } else if endings.map_or(!is_hidden(&path), |endings| ends_in(&path, endings)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

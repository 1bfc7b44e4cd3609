//! Rule files to documents: bundled, from folders, and from lists of indicators.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hinomi_detect::sigma::{
    Document, LogSource, Meta, Pattern, Patterns, Placeholders, Regex, Rule, Search, Token,
    parse_documents_with,
};
use hinomi_model::{Digest, Level};

use crate::report::RejectedRule;

include!(concat!(env!("OUT_DIR"), "/bundled_rules.rs"));

/// Where rules come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// The pack inside the program.
    Bundled,
    /// A file, or a folder searched for `.yml` and `.yaml` files.
    Path(PathBuf),
}

/// Documents and what could not be used.
#[derive(Debug, Default)]
pub struct Rulebook {
    /// Usable documents in load order.
    pub documents: Vec<Document>,
    /// Rejected documents.
    pub rejected: Vec<RejectedRule>,
    /// Rule files read.
    pub files: u64,
}

/// A rule or indicator file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum RulebookError {
    /// No such file, or no permission.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder holds no rule file.
    #[error("{}: no .yml or .yaml file in this folder", .0.display())]
    Empty(PathBuf),
    /// A placeholder file that is not a map of lists.
    #[error("{}: {message}", path.display())]
    Placeholders {
        /// Where.
        path: PathBuf,
        /// What was expected.
        message: String,
    },
}

/// Longest rule file read, in bytes.
const LONGEST_FILE: u64 = 16 << 20;

impl Rulebook {
    /// Loads `sources` in order.
    ///
    /// # Errors
    /// When a named file or folder cannot be read; single documents that cannot be used are in `rejected`.
    pub fn load(sources: &[RuleSource], placeholders: &Placeholders) -> Result<Self, RulebookError> {
        let mut book = Self::default();
        for source in sources {
            match source {
                RuleSource::Bundled => {
                    for (name, text) in BUNDLED {
                        book.add(text, &format!("bundled:{name}"), placeholders);
                    }
                }
                RuleSource::Path(path) => book.load_path(path, placeholders)?,
            }
        }
        Ok(book)
    }

    fn load_path(&mut self, path: &Path, placeholders: &Placeholders) -> Result<(), RulebookError> {
        let mut files = Vec::new();
        collect(path, &mut files)?;
        if files.is_empty() {
            return Err(RulebookError::Empty(path.to_owned()));
        }
        files.sort();
        for file in files {
            match read_text(&file) {
                Ok(text) => self.add(&text, &file.display().to_string(), placeholders),
                Err(reason) => {
                    self.rejected.push(RejectedRule { origin: file.display().to_string(), reason });
                }
            }
        }
        Ok(())
    }

    /// Texts of the rule files of `sources`, with their origins, in load order. Unreadable files are left to
    /// [`Rulebook::load`] to report.
    ///
    /// # Errors
    /// When a named file or folder cannot be read.
    pub fn texts(sources: &[RuleSource]) -> Result<Vec<(String, String)>, RulebookError> {
        let mut texts = Vec::new();
        for source in sources {
            match source {
                RuleSource::Bundled => {
                    texts.extend(BUNDLED.iter().map(|(n, t)| (format!("bundled:{n}"), (*t).to_owned())));
                }
                RuleSource::Path(path) => {
                    let mut files = Vec::new();
                    collect(path, &mut files)?;
                    files.sort();
                    let read = |f: &PathBuf| Some((f.display().to_string(), read_text(f).ok()?));
                    texts.extend(files.iter().filter_map(read));
                }
            }
        }
        Ok(texts)
    }

    /// Adds the documents of one file.
    pub fn add(&mut self, text: &str, origin: &str, placeholders: &Placeholders) {
        self.files += 1;
        for document in parse_documents_with(text, origin, placeholders) {
            match document {
                Ok(document) => self.documents.push(document),
                Err(error) => {
                    let origin = error.origin.clone();
                    self.rejected.push(RejectedRule { origin, reason: error.to_string() });
                }
            }
        }
    }

    /// Adds a rule per indicator of a list: one value a line, `#` starts a comment, text after a comma or tab is
    /// the description. The value is searched in every field of every event.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn add_indicators(&mut self, path: &Path) -> Result<(), RulebookError> {
        let text = fs::read_to_string(path)
            .map_err(|source| RulebookError::Unreadable { path: path.to_owned(), source })?;
        self.add_indicator_list(&text, path);
        Ok(())
    }

    /// As [`Rulebook::add_indicators`], of the text of a list; rules name `path` as their author.
    pub fn add_indicator_list(&mut self, text: &str, path: &Path) {
        let mut seen = BTreeSet::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.split(" #").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (value, note) = line.split_once([',', '\t']).unwrap_or((line, ""));
            // Analysts write defanged indicators; the logs do not.
            let value = value.trim().trim_matches('"').replace("[.]", ".").replace("hxxp", "http");
            if value.len() >= 4 && seen.insert(value.clone()) {
                self.documents.push(indicator(&value, note.trim().trim_matches('"'), path));
            }
        }
    }
}

fn indicator(value: &str, note: &str, path: &Path) -> Document {
    let id: String = Digest::of(value.as_bytes()).to_string().chars().take(16).collect();
    let title_ja = format!("指標 {value} が記録にある");
    Document::Rule(Rule {
        meta: Meta {
            id: format!("indicator-{id}"),
            title: format!("Indicator {value} appears"),
            description: note.to_owned(),
            author: path.display().to_string(),
            level: Level::High,
            origin: path.display().to_string(),
            extension: BTreeMap::from([("title_ja".to_owned(), title_ja)]),
            ..Meta::default()
        },
        logsource: LogSource::default(),
        conditions: vec![sought(value)],
        fields: Vec::new(),
    })
}

/// What to look for: an address is not found inside a longer one, nor a name in another that only ends like it.
fn sought(value: &str) -> Search {
    let pattern = Pattern(vec![Token::Literal(value.to_owned())]);
    let literal = Search::Keyword(Patterns { any: vec![pattern], cased: false });
    let Some((before, after)) = edges(value) else { return literal };
    let pattern = format!("(?:^|{before}){}(?:$|{after})", value.replace('.', r"\."));
    let whole = Regex { pattern, ignore_case: true, multi_line: false, dot_all: false };
    Search::All(vec![literal, Search::KeywordRegex(whole)])
}

/// Expressions of what may stand in front of an address or name and behind it; a dot behind it may end a sentence.
fn edges(value: &str) -> Option<(&'static str, &'static str)> {
    let is_name = || {
        let named = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        value.contains('.') && !value.starts_with('.') && value.chars().all(named)
    };
    match value.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => Some(("[^0-9.]", r"[^0-9.]|\.(?:$|[^0-9])")),
        Ok(IpAddr::V6(_)) => Some(("[^0-9A-Za-z:.]", "[^0-9A-Za-z:]")),
        Err(_) => is_name().then_some(("[^0-9A-Za-z_-]", r"[^0-9A-Za-z_.-]|\.(?:$|[^0-9A-Za-z_-])")),
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), RulebookError> {
    let unreadable = |source| RulebookError::Unreadable { path: path.to_owned(), source };
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "yml" || e == "yaml") {
            files.push(path);
        }
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > LONGEST_FILE {
        return Err(format!("{size} bytes: a rule file has at most {LONGEST_FILE}"));
    }
    let bytes = fs::read(path).map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

/// Reads a placeholder file into `placeholders`.
///
/// # Errors
/// When it cannot be read or is not a map of names to values.
pub fn add_placeholders(path: &Path, placeholders: &mut Placeholders) -> Result<(), RulebookError> {
    let text = fs::read_to_string(path)
        .map_err(|source| RulebookError::Unreadable { path: path.to_owned(), source })?;
    placeholders.read(&text).map_err(|(line, problem)| RulebookError::Placeholders {
        path: path.to_owned(),
        message: line.map_or_else(|| problem.to_string(), |line| format!("line {line}: {problem}")),
    })
}

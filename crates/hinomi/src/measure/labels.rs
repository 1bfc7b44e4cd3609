//! Labels of recorded sets: one JSON object a line.

use std::path::Path;

use serde::Deserialize;

/// What is known of one recording.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Path below the folder of the set: a file, an archive or a folder.
    pub capture: String,
    /// ATT&CK techniques that it shows.
    #[serde(default)]
    pub techniques: Vec<String>,
    /// ATT&CK tactics, as in the tags of rules (`defense-evasion`), where the label names no technique.
    #[serde(default)]
    pub tactics: Vec<String>,
    /// Ordinary or noisy data without a labelled attack.
    #[serde(default)]
    pub benign: bool,
    /// Part of the set, for totals.
    #[serde(default)]
    pub group: String,
}

/// Labels cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// No such file.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line is no label.
    #[error("{path}: line {line}: {source}")]
    Line {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// There is none.
    #[error("{0}: no label in it")]
    Empty(String),
}

/// Reads a file of labels.
///
/// # Errors
/// It is missing, empty, or a line is wrong.
pub fn read_labels(path: &Path) -> Result<Vec<Label>, LabelError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| LabelError::Unreadable { path: shown.clone(), source })?;
    let mut labels = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let label = serde_json::from_str(line);
        labels.push(label.map_err(|source| LabelError::Line {
            path: shown.clone(),
            line: at + 1,
            source,
        })?);
    }
    if labels.is_empty() { Err(LabelError::Empty(shown)) } else { Ok(labels) }
}

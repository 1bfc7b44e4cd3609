//! Words that name nodes: `tier0`, `backups`, `supplier:NAME`, `kind:KIND`, or the name of one.

use super::build::Estate;
use super::names::{ACCOUNT, HOST};
use crate::graph::NodeId;

/// A word names nothing, or too much.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// Nothing has this name.
    #[error("nothing is named {word:?}{}", suggestion(.near))]
    Unknown {
        /// The word.
        word: String,
        /// Names that contain it.
        near: Vec<String>,
    },
    /// Several have it.
    #[error("{word:?} names several: {}", .several.join(", "))]
    Ambiguous {
        /// The word.
        word: String,
        /// Their identifiers.
        several: Vec<String>,
    },
    /// There is no such kind of nodes.
    #[error("there is no kind {word:?}")]
    Kind {
        /// The word.
        word: String,
    },
}

/// Names shown with an error.
const MOST_NAMES: usize = 5;

fn suggestion(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; there are {}", near.join(", ")) }
}

/// The nodes that words name, each once. A set (`tier0`, `backups`, a kind, all suppliers) may be empty, a name may not.
///
/// # Errors
/// When a word names nothing or several things.
pub fn select(estate: &Estate, words: &[String]) -> Result<Vec<NodeId>, SelectionError> {
    let mut nodes = Vec::new();
    for word in words.iter().flat_map(|w| w.split(',')).map(str::trim).filter(|w| !w.is_empty()) {
        nodes.extend(one(estate, word)?);
    }
    nodes.sort_unstable();
    nodes.dedup();
    Ok(nodes)
}

fn one(estate: &Estate, word: &str) -> Result<Vec<NodeId>, SelectionError> {
    let graph = &estate.graph;
    match word {
        "tier0" => return Ok(graph.tier0()),
        "backups" => return Ok(graph.of_kind("backup-copy")),
        "supplier" | "suppliers" | "supplier:*" => return Ok(graph.of_kind("supplier")),
        _ => {}
    }
    if let Some(kind) = word.strip_prefix("kind:") {
        if graph.kind_words(kind).is_none() {
            return Err(SelectionError::Kind { word: kind.to_owned() });
        }
        return Ok(graph.of_kind(kind));
    }
    let exact = graph.find(word).into_iter().collect::<Vec<_>>();
    let resolved = || [estate.account(word), estate.host(word)].iter().find_map(|id| graph.find(id));
    let bare = word.strip_prefix("supplier:").unwrap_or(word);
    let mut found = if exact.is_empty() { graph.named(bare) } else { exact };
    if found.is_empty() {
        found.extend(resolved());
    }
    if found.is_empty() {
        found =
            graph.nodes().filter(|n| is_first_part(graph.node(*n).name, graph.node(*n).kind, bare)).collect();
    }
    match found.as_slice() {
        [_] => Ok(found),
        [] => {
            let part = bare.to_lowercase();
            let names =
                graph.nodes().map(|n| graph.node(n).name).filter(|n| n.to_lowercase().contains(&part));
            Err(SelectionError::Unknown {
                word: word.to_owned(),
                near: names.take(MOST_NAMES).map(str::to_owned).collect(),
            })
        }
        several => {
            let several = several.iter().take(MOST_NAMES).map(|n| graph.node(*n).id.to_owned()).collect();
            Err(SelectionError::Ambiguous { word: word.to_owned(), several })
        }
    }
}

/// Whether a name begins with the word, before its domain.
fn is_first_part(name: &str, kind: &str, word: &str) -> bool {
    let separator = match kind {
        ACCOUNT => '@',
        HOST => '.',
        _ => return false,
    };
    name.split_once(separator).is_some_and(|(first, _)| first.eq_ignore_ascii_case(word))
}

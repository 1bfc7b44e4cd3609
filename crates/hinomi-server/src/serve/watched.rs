//! `[[watch]]`: files that are being written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::configuration::{check_class, default_class};
use crate::receive::watch::{Pattern, Setting};
use crate::receive::{Counted, Port, Rate, is_name};

/// A section.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WatchSection {
    pub(crate) name: String,
    paths: Vec<PathBuf>,
    #[serde(default = "default_class")]
    class: String,
    #[serde(default = "yes")]
    history: bool,
    #[serde(default = "default_files")]
    files: usize,
    #[serde(default)]
    events_per_second: u64,
    #[serde(default)]
    bytes_per_second: u64,
}

fn yes() -> bool {
    true
}

fn default_files() -> usize {
    1_000
}

impl WatchSection {
    /// What is wrong with it.
    pub(super) fn check(&self, folder: &Path) -> Result<(), String> {
        if !is_name(&self.name) {
            let name = &self.name;
            return Err(format!(
                "watch.name: {name:?}: 1 to 64 letters, digits, dots, dashes and underscores"
            ));
        }
        check_class(&self.class).map_err(|why| format!("watch.{why}"))?;
        if self.paths.is_empty() || self.files == 0 {
            return Err("watch.paths, watch.files: nothing would be followed".to_owned());
        }
        self.patterns(folder).map(drop)
    }

    fn patterns(&self, folder: &Path) -> Result<Vec<Pattern>, String> {
        let pattern = |path: &PathBuf| {
            Pattern::parse(&folder.join(path))
                .map_err(|why| format!("watch.paths: {}: {why}", path.display()))
        };
        self.paths.iter().map(pattern).collect()
    }

    /// How files are followed; `longest` is the longest line.
    pub(super) fn setting(&self, longest: usize) -> Setting {
        let patterns = self.patterns(Path::new("/")).unwrap_or_default();
        Setting { patterns, history: self.history, most: self.files, longest }
    }

    /// Relative paths are meant from `folder`.
    pub(super) fn anchor(&mut self, folder: &Path) {
        self.paths.iter_mut().for_each(|path| *path = folder.join(&*path));
    }

    pub(super) fn port(&self) -> Arc<Port> {
        Arc::new(Port {
            name: self.name.clone(),
            kind: "file",
            class: self.class.clone(),
            by_address: false,
            acknowledges: true,
            rate: Rate { events: self.events_per_second, bytes: self.bytes_per_second },
            counted: Counted::default(),
        })
    }
}

//! What the renderer of scenarios needs of the outside: its files, a folder to write to, recordings.
//!
//! # Not here
//! Rendering (`hinomi-scenario`).

mod folder;
mod recording;

use std::path::{Path, PathBuf};

use hinomi_scenario::{Library, ScenarioError};

pub use folder::FolderSink;
pub use recording::Recordings;

use crate::exit::{Exit, Failure};

include!(concat!(env!("OUT_DIR"), "/bundled_scenarios.rs"));

/// Loads a bundled scenario by name, or a file with what it names beside it.
///
/// # Errors
/// There is none, or it is wrong.
pub fn load_scenario(name: &str) -> Result<Library, Failure> {
    let path = Path::new(name);
    let loaded = if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
        let folder: PathBuf = path.parent().unwrap_or(Path::new("")).to_owned();
        let file = path.file_name().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
        Library::load(&file, &|wanted| std::fs::read_to_string(folder.join(wanted)).ok())
    } else {
        let bundled = |wanted: &str| BUNDLED_SCENARIOS.iter().find(|(n, _)| *n == wanted);
        Library::load(&format!("{name}.yaml"), &|wanted| bundled(wanted).map(|(_, t)| (*t).to_owned()))
    };
    loaded.map_err(|error| {
        let hint = match &error {
            ScenarioError::Missing { .. } => {
                "hinomi scenario list names the bundled ones; a file ends in .yaml"
            }
            _ => "see scenarios/README.md for the notation",
        };
        Failure::new(Exit::Unreadable, error).hint(hint)
    })
}

//! What configuration says, beside what evidence shows: judged from exports, and never mixed with verdicts of evidence.

mod model;
mod page;
mod terminal;
mod words;

use std::path::PathBuf;

use hinomi_assure::declared::Links;
use hinomi_assure::inventory::decode_text;
use hinomi_assure::posture::{ClaimFileError, Framework, Pack};

use super::content::{ContentError, files, read};

pub use model::{ConfigurationReport, CoverageEntry, DisagreementEntry};
pub(super) use model::{coverage, disagreement_entries, report};
pub(super) use words::{Mask, rows};

include!(concat!(env!("OUT_DIR"), "/bundled_pack.rs"));
include!(concat!(env!("OUT_DIR"), "/bundled_frameworks.rs"));

/// Claims about configuration and what they are summed up by.
pub struct Standards {
    /// Claims, and the kinds of documents that they read.
    pub pack: Pack,
    /// Frameworks.
    pub frameworks: Vec<Framework>,
    /// Which of them speak of the same matter as claims about evidence.
    pub links: Links,
}

impl Standards {
    /// Bundled content, and packs among the files and folders of `--claims`.
    ///
    /// # Errors
    /// When a file of it cannot be used, with the place and the reason.
    pub fn load(added: &[PathBuf]) -> Result<Self, ContentError> {
        let mut texts: Vec<(String, String)> =
            BUNDLED_PACK.iter().map(|(name, text)| (format!("bundled:{name}"), (*text).to_owned())).collect();
        for path in added {
            for file in files(path, Some(&["yaml", "yml"]))? {
                let bytes = read(&file)?;
                let text = decode_text(&bytes).0;
                if is_pack(&text) {
                    texts.push((file.display().to_string(), text.into_owned()));
                }
            }
        }
        let borrowed: Vec<(&str, &str)> = texts.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        let refused = |mistakes: Vec<ClaimFileError>| {
            let first = mistakes.into_iter().next();
            first
                .map_or_else(|| ContentError::Table("claims refused without a reason".to_owned()), Into::into)
        };
        let pack = Pack::parse(&borrowed).map_err(refused)?;
        let frameworks = BUNDLED_FRAMEWORKS.iter().map(|(name, text)| Framework::parse(name, text));
        let frameworks = frameworks.collect::<Result<_, _>>()?;
        let links = Links::bundled().map_err(|e| ContentError::Table(e.to_string()))?;
        Ok(Self { pack, frameworks, links })
    }
}

/// Whether a claim file is about configuration: it has a list of claims or kinds instead of being one claim.
pub(super) fn is_pack(text: &str) -> bool {
    let keys = ["claims:", "kinds:", "define:", "lists:", "examples:"];
    text.lines().any(|line| keys.iter().any(|key| line.starts_with(key)))
        && !text.lines().any(|line| line.starts_with("id:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_files_are_told_apart() {
        assert!(BUNDLED_PACK.iter().all(|(_, text)| is_pack(text)));
        assert!(!is_pack("id: x\nversion: 1\n"));
        let standards = Standards::load(&[]).unwrap();
        assert!(standards.pack.claims().len() > 70 && standards.frameworks.len() == 1);
    }
}

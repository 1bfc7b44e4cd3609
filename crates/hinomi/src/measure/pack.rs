//! The rules under trial, and the program around them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hinomi_detect::completeness::Window;
use hinomi_detect::sigma::{Document, Meta, Placeholders};
use hinomi_detect::{Engine, LogSources};
use hinomi_ingest::intake::{Options, Root};
use hinomi_model::{Digest, Timestamp};

use super::committed::digest_of;
use crate::correlated::correlations;
use crate::report::{Material, Report, assemble};
use crate::rulebook::{RuleSource, Rulebook, RulebookError};
use crate::scan::{Digests, Limits, Request, ScanProgress, Subjects, scan};
use crate::suppress::Suppressions;

/// Rules, compiled once for all trials.
pub struct Pack {
    engine: Engine,
    subjects: Subjects,
    now: Timestamp,
    threads: usize,
    /// Matches kept per investigation.
    pub most_hits: u64,
    /// Tags of rules, by id.
    tags: BTreeMap<String, Vec<String>>,
    /// Digest of the texts of all rule files, those left out included.
    pub digest: Digest,
    /// Documents left out.
    pub removed: u64,
}

/// Rules cannot be put under trial.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// They cannot be read.
    #[error(transparent)]
    Rules(#[from] RulebookError),
    /// A table inside the program does not parse.
    #[error("{0}")]
    Table(String),
    /// A part to leave out that no rule has.
    #[error("--without {0}: no rule is of this family, tag or id")]
    NothingRemoved(String),
    /// A worker failed, so that a report would lack its part.
    #[error("{0}: a part of the input made the program fail")]
    Lost(String),
}

impl Pack {
    /// Reads and compiles `sources` without the parts in `without`.
    ///
    /// # Errors
    /// Rules cannot be read, or a part to leave out does not exist.
    pub fn new(
        sources: &[RuleSource],
        without: &[String],
        now: Timestamp,
        threads: usize,
    ) -> Result<Self, PackError> {
        let table = |e: &dyn std::fmt::Display| PackError::Table(e.to_string());
        let subjects = Subjects::bundled().map_err(|e| table(&e))?;
        let log_sources = LogSources::bundled().map_err(|e| table(&e))?;
        let texts = Rulebook::texts(sources)?;
        let mut book = Rulebook::load(sources, &Placeholders::default())?;
        let before = book.documents.len();
        for part in without {
            let left = book.documents.len();
            book.documents.retain(|d| !meta(d).is_some_and(|m| belongs(m, part)));
            if book.documents.len() == left {
                return Err(PackError::NothingRemoved(part.clone()));
            }
        }
        let removed = (before - book.documents.len()) as u64;
        let tags = book.documents.iter().filter_map(meta).map(|m| (m.id.clone(), m.tags.clone())).collect();
        let (engine, _) = Engine::compile(book.documents, &log_sources, &subjects.fields());
        let most_hits = Limits::default().hits;
        Ok(Self { engine, subjects, now, threads, most_hits, tags, digest: digest_of(&texts), removed })
    }

    /// Rules of all kinds that can raise something.
    pub fn rules(&self) -> u64 {
        let single = self.engine.rules().iter().filter(|r| r.alerts).count();
        (single + self.engine.correlations().len()) as u64
    }

    /// What an investigation of `paths` reports.
    ///
    /// # Errors
    /// A worker failed.
    pub fn investigate(&self, paths: Vec<PathBuf>) -> Result<Report, PackError> {
        let named = paths.first().map(|p| p.display().to_string()).unwrap_or_default();
        let request = Request {
            roots: paths.into_iter().map(Root::Path).collect(),
            reading: Options::at(self.now),
            ledgers: Vec::new(),
            engine: &self.engine,
            subjects: &self.subjects,
            window: Window::default(),
            hosts: Vec::new(),
            threads: self.threads,
            sampled: BTreeMap::new(),
            limits: Limits::of(self.most_hits),
            digests: Digests::Files,
        };
        let findings = scan(request, &ScanProgress::default());
        if findings.lost_workers > 0 {
            return Err(PackError::Lost(named));
        }
        let (correlated, rejected) = correlations(&self.engine, &findings);
        Ok(assemble(Material {
            findings,
            engine: &self.engine,
            correlated,
            subjects: &self.subjects,
            suppressions: &mut Suppressions::default(),
            rejected,
        }))
    }

    /// Whether a rule carries the tag `attack.TACTIC`.
    pub fn has_tactic(&self, rule: &str, tactic: &str) -> bool {
        let plain = |t: &str| t.to_lowercase().replace(['_', ' '], "-");
        let wanted = format!("attack.{}", plain(tactic));
        self.tags.get(rule).is_some_and(|tags| tags.iter().any(|t| plain(t) == wanted))
    }

    /// Techniques that any rule names.
    pub fn techniques(&self) -> BTreeSet<String> {
        let id = |tag: &String| {
            let id = tag.to_uppercase();
            let id = id.strip_prefix("ATTACK.")?.to_owned();
            id.strip_prefix('T').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit())).then_some(id)
        };
        self.tags.values().flatten().filter_map(id).collect()
    }

    /// Seed of the `number`th variant: from the digest of the rules.
    pub fn seed(&self, number: u32) -> u64 {
        let mut bytes = self.digest.as_bytes().to_vec();
        bytes.extend_from_slice(&number.to_be_bytes());
        let drawn = Digest::of(&bytes);
        drawn.as_bytes().iter().take(8).fold(0, |seed, b| (seed << 8) | u64::from(*b))
    }
}

fn meta(document: &Document) -> Option<&Meta> {
    match document {
        Document::Rule(rule) => Some(&rule.meta),
        Document::Correlation(correlation) => Some(&correlation.meta),
        Document::Filter(_) => None,
    }
}

/// Whether a rule belongs to a folder or file of the pack, carries a tag, or has the id.
fn belongs(meta: &Meta, part: &str) -> bool {
    let part = part.to_lowercase();
    let origin = meta.origin.to_lowercase();
    let path =
        origin.rsplit_once(':').filter(|(head, _)| *head == "bundled").map_or(origin.as_str(), |(_, p)| p);
    let in_path = path.split('/').any(|piece| {
        let stem = piece.split(['.', '#', ' ']).next().unwrap_or_default();
        stem.strip_prefix("bundled:").unwrap_or(stem) == part
    });
    let tag = |t: &String| {
        let t = t.to_lowercase();
        t == part || t.strip_prefix("attack.").is_some_and(|t| t == part)
    };
    in_path || meta.id.to_lowercase() == part || meta.tags.iter().any(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(without: &[&str]) -> Result<Pack, PackError> {
        let without: Vec<String> = without.iter().map(|w| (*w).to_owned()).collect();
        Pack::new(&[RuleSource::Bundled], &without, Timestamp::from_nanos(0), 1)
    }

    #[test]
    fn parts_are_left_out_by_folder_file_tag_and_id() {
        let whole = pack(&[]).unwrap();
        assert_eq!(whole.removed, 0);
        for part in [
            "backup",
            "security_log_cleared",
            "attack.t1490",
            "T1490",
            "bdeb54ac-694b-4fcc-b5ab-3135035367a9",
        ] {
            let less = pack(&[part]).unwrap();
            assert!(less.removed > 0 && less.rules() < whole.rules(), "{part}: {} left out", less.removed);
            assert_eq!(less.digest, whole.digest, "the digest names the pack, not the ablation");
        }
        assert!(matches!(pack(&["no-such-family"]), Err(PackError::NothingRemoved(_))));
    }

    #[test]
    fn seeds_follow_the_rules() {
        let folder = std::env::temp_dir().join(format!("hinomi-pack-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let rule = |value: &str| {
            let text = format!(
                "title: t\nid: x\nlogsource: {{product: windows}}\ndetection: {{s: {{a: {value}}}, condition: s}}\n"
            );
            #[expect(clippy::disallowed_methods, reason = "a test writes its own scratch file")]
            std::fs::write(folder.join("r.yml"), text).unwrap();
            Pack::new(&[RuleSource::Path(folder.clone())], &[], Timestamp::from_nanos(0), 1).unwrap()
        };
        let (one, same, other) = (rule("1"), rule("1"), rule("2"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(one.seed(3), same.seed(3));
        assert_ne!(one.seed(3), one.seed(4));
        assert_ne!(one.seed(3), other.seed(3));
    }
}

//! `[assure]`: what claims are judged with while a server works.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::configuration::Configuration;
use crate::error::ServerError;

/// `[assure]`. Without it the claims of the program are judged by the logs alone.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AssureSection {
    /// Lists of accounts, hosts, suppliers, segments, logs, backups and exceptions: folders or files.
    pub inventory: Vec<PathBuf>,
    /// Exports of settings and of a directory.
    pub exports: Vec<PathBuf>,
    /// Claims beside those of the program.
    pub claims: Vec<PathBuf>,
    /// Observation rules beside those of the program.
    pub observations: Vec<PathBuf>,
    /// Minutes between two judgements, if something new has come; 0 for none at all.
    pub every_minutes: u32,
    /// Most of one processor that judging takes, in percent, over the time from one judgement to the next.
    pub share_percent: u32,
    /// Most memory that judging may have.
    pub memory_mib: u64,
}

impl Default for AssureSection {
    fn default() -> Self {
        Self {
            inventory: Vec::new(),
            exports: Vec::new(),
            claims: Vec::new(),
            observations: Vec::new(),
            every_minutes: 60,
            share_percent: 25,
            memory_mib: 2_048,
        }
    }
}

impl AssureSection {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.every_minutes > 7 * 24 * 60 {
            return Err("assure.every_minutes: a week, 10080, at most; 0 for never".to_owned());
        }
        if !(1..=100).contains(&self.share_percent) {
            return Err("assure.share_percent: 1 to 100".to_owned());
        }
        if !(128..=1 << 20).contains(&self.memory_mib) {
            return Err("assure.memory_mib: 128 to 1048576".to_owned());
        }
        Ok(())
    }

    fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let lists = [&mut self.inventory, &mut self.exports, &mut self.claims, &mut self.observations];
        lists.into_iter().flatten()
    }

    /// Every file and folder that it names.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.inventory, &self.exports, &self.claims, &self.observations].into_iter().flatten()
    }

    /// Relative paths are meant from `folder`.
    pub(super) fn anchor(&mut self, folder: &Path) {
        self.paths_mut().for_each(|path| *path = folder.join(&*path));
    }

    /// What is named has to be there.
    pub(super) fn check_files(&self) -> Result<(), ServerError> {
        let unreadable = |path: &PathBuf| {
            let source =
                if path.is_dir() { std::fs::read_dir(path).err() } else { std::fs::File::open(path).err() };
            source.map(|error| ServerError::Credential { path: path.clone(), what: error.to_string() })
        };
        self.paths().find_map(unreadable).map_or(Ok(()), Err)
    }
}

impl Configuration {
    /// What claims are judged with.
    pub fn assure(&self) -> &AssureSection {
        self.assure.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(section: &str) -> Result<AssureSection, String> {
        let text =
            format!("[[listen]]\nname = \"n\"\nat = \"127.0.0.1:1\"\nreceive = [\"syslog-tcp\"]\n{section}");
        let read = Configuration::parse(&text, Path::new("/etc/hinomi"));
        read.map(|read| read.assure().clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn paths_are_meant_from_the_file_and_bounds_are_kept() {
        assert_eq!(parse(""), Ok(AssureSection::default()));
        let read = parse("[assure]\ninventory = [\"lists\", \"/srv/cmdb\"]\nevery_minutes = 5\n").unwrap();
        assert_eq!(read.inventory, [Path::new("/etc/hinomi/lists"), Path::new("/srv/cmdb")]);
        assert_eq!(read.every_minutes, 5);
        for bad in [
            "share_percent = 0",
            "share_percent = 101",
            "memory_mib = 1",
            "every_minutes = 99999",
            "lists = []",
        ] {
            let error = parse(&format!("[assure]\n{bad}\n")).unwrap_err();
            assert!(error.starts_with("line "), "{bad}: {error}");
        }
    }

    #[test]
    fn what_is_named_has_to_be_there() {
        let read = parse("[assure]\nclaims = [\"nowhere\"]\n").unwrap();
        let error = read.check_files().unwrap_err().to_string();
        assert!(error.contains("/etc/hinomi/nowhere"), "{error}");
    }
}

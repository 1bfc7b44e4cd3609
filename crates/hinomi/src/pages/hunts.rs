//! Saved hunts: questions that somebody gave a name.
//!
//! # Invariants
//! A change is on disk before it is told, and goes to the decision ledger, in order, with who made it. Until it is there its step is kept.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Asked, Refused};
use crate::clock;
use crate::kept::{Files, KeptError, groups, make_folder, state};
use crate::live::{HUNTS, Notes};
use crate::outbox::{Numbered, handed};

/// Before the state.
const HEADER: &str = "hinomi-hunts 1 ";
/// Bytes of steps at which they are joined into the state.
const JOIN: u64 = 1 << 20;
/// Hunts that are kept.
const MOST: usize = 1_000;
/// Longest name and question, in characters.
const LONGEST_NAME: usize = 256;
const LONGEST_QUESTION: usize = 65_536;
/// Steps that wait for it; beyond that the oldest are dropped.
const MOST_WAITING: usize = 10_000;

/// What a question is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Language {
    Terms,
    Sql,
}

/// A saved hunt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Hunt {
    id: String,
    name: String,
    language: Language,
    question: String,
    owner: String,
    changed: String,
    version: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewHunt {
    name: String,
    language: Language,
    question: String,
}

/// A list of them.
#[derive(Debug, Serialize)]
pub(super) struct List {
    items: Vec<Hunt>,
}

/// Something that was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Step {
    number: u64,
    at: String,
    by: String,
    #[serde(flatten)]
    fact: Fact,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Fact {
    Saved { hunt: Hunt },
    Removed { id: String },
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    /// Number of the next step.
    next: u64,
    hunts: BTreeMap<String, Hunt>,
    /// Steps that the decision ledger may not have yet.
    waiting: VecDeque<Step>,
}

#[derive(Debug)]
struct Open {
    state: State,
    files: Files,
}

/// The hunts of a data directory. They are read when they are first asked for.
#[derive(Debug)]
pub struct Hunts {
    folder: PathBuf,
    open: Mutex<Option<Open>>,
}

impl Numbered for Step {
    fn number(&self) -> u64 {
        self.number
    }
}

impl State {
    fn apply(&mut self, step: &Step) {
        if step.number < self.next {
            return;
        }
        match &step.fact {
            Fact::Saved { hunt } => drop(self.hunts.insert(hunt.id.clone(), hunt.clone())),
            Fact::Removed { id } => drop(self.hunts.remove(id)),
        }
        self.next = step.number + 1;
        self.waiting.push_back(step.clone());
        while self.waiting.len() > MOST_WAITING {
            self.waiting.pop_front();
        }
    }
}

impl Open {
    fn at(folder: &Path) -> Result<Self, KeptError> {
        make_folder(folder)?;
        let mut known: State = state(folder, HEADER)?.unwrap_or_default();
        for step in groups::<Step>(folder) {
            known.apply(&step);
        }
        let mut files = Files::open(folder, HEADER)?;
        // Half a line at the end would hide what comes behind it.
        files.save(&known)?;
        Ok(Self { state: known, files })
    }

    fn keep(&mut self, by: &str, at: Timestamp, fact: Fact) -> Result<(), KeptError> {
        let step = Step { number: self.state.next, at: super::time(at), by: by.to_owned(), fact };
        self.files.keep(&step)?;
        self.state.apply(&step);
        if self.files.length() > JOIN {
            self.files.save(&self.state)?;
        }
        Ok(())
    }
}

fn failed(error: &KeptError) -> Refused {
    Refused::Failed(error.to_string())
}

impl Hunts {
    /// Those of a data directory.
    pub fn new(data: &Path) -> Arc<Self> {
        Arc::new(Self { folder: data.join("hunts"), open: Mutex::default() })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Open) -> Result<T, Refused>) -> Result<T, Refused> {
        let mut slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match slot.as_mut() {
            Some(open) => open,
            None => slot.insert(Open::at(&self.folder).map_err(|error| failed(&error))?),
        };
        work(open)
    }

    /// All, by name.
    pub(super) fn list(&self) -> Result<List, Refused> {
        self.with(|open| {
            let mut items: Vec<Hunt> = open.state.hunts.values().cloned().collect();
            items.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            Ok(List { items })
        })
    }

    /// Saves a new one.
    pub(super) fn save(&self, asked: &Asked<'_>) -> Result<Hunt, Refused> {
        let wanted: Result<NewHunt, _> = serde_json::from_slice(asked.body);
        let Ok(NewHunt { name, language, question }) = wanted else {
            let form = "the body is {\"name\": …, \"language\": \"terms\" or \"sql\", \"question\": …}";
            return Err(Refused::Senseless(form.to_owned()));
        };
        let is_long = |text: &str, most| text.is_empty() || text.chars().count() > most;
        if is_long(&name, LONGEST_NAME) || is_long(&question, LONGEST_QUESTION) {
            let text = format!("a name has 1 to {LONGEST_NAME} characters, a question {LONGEST_QUESTION}");
            return Err(Refused::Senseless(text));
        }
        let now = clock::now();
        self.with(|open| {
            if open.state.hunts.len() >= MOST {
                return Err(Refused::Senseless(format!("there are {MOST} hunts; remove one first")));
            }
            let number = open.state.next;
            let (owner, changed) = (asked.by.to_owned(), super::time(now));
            let hunt =
                Hunt { id: format!("h{number}"), name, language, question, owner, changed, version: number };
            open.keep(asked.by, now, Fact::Saved { hunt: hunt.clone() }).map_err(|error| failed(&error))?;
            Ok(hunt)
        })
    }

    /// Removes one.
    pub(super) fn remove(&self, asked: &Asked<'_>) -> Result<(), Refused> {
        let id = asked.part("id")?;
        let wanted = asked.version.ok_or(Refused::VersionNeeded)?;
        self.with(|open| {
            let hunt = open.state.hunts.get(&id).ok_or(Refused::NotFound)?;
            if hunt.version != wanted {
                return Err(Refused::Changed);
            }
            open.keep(asked.by, clock::now(), Fact::Removed { id: id.clone() })
                .map_err(|error| failed(&error))
        })
    }
}

impl Notes for Hunts {
    fn source(&self) -> &'static str {
        HUNTS
    }

    fn from(&self, number: u64) -> Vec<(u64, Vec<u8>)> {
        let some = self.with(|open| {
            open.state.waiting.retain(|step| step.number >= number);
            // A folder that was lost counts on where the ledger is, so that no number comes twice.
            open.state.next = open.state.next.max(number);
            Ok(handed(open.state.waiting.iter()))
        });
        some.unwrap_or_default()
    }

    fn durable(&self, number: u64) {
        // Nothing is lost when that cannot be kept: the ledger is asked again after the next start.
        let _ = self.with(|open| {
            open.state.waiting.retain(|step| step.number >= number);
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Plain;
    use super::*;

    fn asked<'a>(body: &'a str, parts: &'a [(&'static str, &'a str)], version: Option<u64>) -> Asked<'a> {
        Asked {
            operation: "",
            by: "aoki",
            names: &Plain,
            parts,
            query: "",
            body: body.as_bytes(),
            version,
            japanese: false,
        }
    }

    #[test]
    fn hunts_are_there_after_a_restart_and_their_steps_until_the_ledger_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let hunts = Hunts::new(folder.path());
        let body = r#"{"name": "遠隔操作", "language": "terms", "question": "rclone"}"#;
        let saved = hunts.save(&asked(body, &[], None)).unwrap();
        let second = hunts.save(&asked(body, &[], None)).unwrap();
        assert_ne!(saved.id, second.id);
        drop(hunts);
        let hunts = Hunts::new(folder.path());
        assert_eq!(hunts.list().unwrap().items, [saved.clone(), second.clone()]);
        let parts = [("id", saved.id.as_str())];
        assert!(matches!(hunts.remove(&asked("", &parts, None)), Err(Refused::VersionNeeded)));
        assert!(matches!(hunts.remove(&asked("", &parts, Some(saved.version + 1))), Err(Refused::Changed)));
        hunts.remove(&asked("", &parts, Some(saved.version))).unwrap();
        assert!(matches!(hunts.remove(&asked("", &parts, Some(saved.version))), Err(Refused::NotFound)));
        let numbers = |from| hunts.from(from).iter().map(|(number, _)| *number).collect::<Vec<_>>();
        assert_eq!(numbers(0), [0, 1, 2]);
        hunts.durable(2);
        assert_eq!(numbers(2), [2]);
        let text = String::from_utf8(hunts.from(2).remove(0).1).unwrap();
        assert!(text.contains("\"removed\"") && text.contains("\"aoki\""), "{text}");
        drop(hunts);
        assert_eq!(Hunts::new(folder.path()).list().unwrap().items, [second]);
    }

    #[test]
    fn what_makes_no_sense_is_not_saved() {
        let folder = tempfile::tempdir().unwrap();
        let hunts = Hunts::new(folder.path());
        let long = format!(r#"{{"name": "{}", "language": "terms", "question": "x"}}"#, "n".repeat(257));
        let empty = r#"{"name": "", "language": "terms", "question": "x"}"#;
        let other = r#"{"name": "n", "language": "perl", "question": "x"}"#;
        let more = r#"{"name": "n", "language": "sql", "question": "x", "owner": "somebody"}"#;
        for body in ["", "[]", "\u{0}", &long, empty, other, more] {
            assert!(matches!(hunts.save(&asked(body, &[], None)), Err(Refused::Senseless(_))), "{body}");
        }
        assert!(hunts.list().unwrap().items.is_empty());
    }

    #[test]
    fn numbers_go_on_where_the_ledger_is_when_the_folder_was_lost() {
        let folder = tempfile::tempdir().unwrap();
        let hunts = Hunts::new(folder.path());
        assert!(hunts.from(41).is_empty());
        let body = r#"{"name": "n", "language": "sql", "question": "SELECT 1"}"#;
        hunts.save(&asked(body, &[], None)).unwrap();
        assert_eq!(hunts.from(41).first().map(|(number, _)| *number), Some(41));
    }
}

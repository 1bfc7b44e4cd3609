//! Claim files: kinds of documents, and claims about them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Bilingual, Outcome};

use super::condition::Condition;
use super::example::{self, Example};
use super::parse::{Names, Purpose, condition};
use super::path::{Path, Root};
use super::reader::{ClaimFileError, Mistake, Parsed, Reader};

/// A larger file is refused.
const MAX_FILE_BYTES: usize = 1 << 20;
const FILE_KEYS: [&str; 5] = ["kinds", "lists", "define", "claims", "examples"];
const CLAIM_KEYS: [&str; 11] = [
    "id",
    "title",
    "rationale",
    "each",
    "once",
    "where",
    "label",
    "one_per",
    "highest",
    "when_none",
    "require",
];

/// All claims and the kinds of documents that they need.
#[derive(Clone, Default, Debug)]
pub struct Pack {
    pub(super) kinds: Vec<Kind>,
    pub(super) claims: Vec<Claim>,
    pub(super) examples: Vec<Example>,
}

/// A kind of document, recognised by what it holds.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) id: String,
    pub(super) title: Bilingual,
    pub(super) recognise: Condition,
    /// Exporters disagree on the case of names.
    pub(super) fold_case: bool,
    /// What to call the whole of it, for instance the tenant.
    pub(super) label: Option<Path>,
    pub(super) parts: BTreeMap<String, Part>,
}

/// A part of a document that claims refer to by name.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Where it is; the first that exists.
    pub(super) at: Vec<Path>,
    /// It is a list; one map stands for a list of one.
    pub(super) list: bool,
    /// How the document says that it could not be collected.
    pub(super) failed: Option<Condition>,
    /// Its items are accounts: a list of those that fail a claim helps an intruder.
    pub(super) people: bool,
}

/// A claim about configuration.
#[derive(Clone, Debug)]
pub struct Claim {
    pub(super) id: String,
    pub(super) title: Bilingual,
    pub(super) rationale: Bilingual,
    pub(super) population: Population,
    pub(super) require: Condition,
    pub(super) answers: BTreeMap<String, Vec<String>>,
    pub(super) file: String,
}

/// What a claim is judged for.
#[derive(Clone, Debug)]
pub(super) struct Population {
    pub(super) path: Path,
    /// Once for the document instead of once per item.
    pub(super) once: bool,
    pub(super) choose: Option<Condition>,
    pub(super) label: Vec<Path>,
    /// Of the items that agree in these, one is judged: the one with the highest value at `highest`.
    pub(super) one_per: Vec<Path>,
    pub(super) highest: Option<Path>,
    pub(super) when_none: Outcome,
}

impl Claim {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it claims.
    pub fn title(&self) -> &Bilingual {
        &self.title
    }

    /// Why it matters.
    pub fn rationale(&self) -> &Bilingual {
        &self.rationale
    }

    /// The controls of a framework that it answers.
    pub fn answers(&self, framework: &str) -> &[String] {
        self.answers.get(framework).map_or(&[], Vec::as_slice)
    }

    /// Every framework that it answers, with the controls.
    pub fn controls(&self) -> &BTreeMap<String, Vec<String>> {
        &self.answers
    }

    /// The file it stands in.
    pub fn file(&self) -> &str {
        &self.file
    }
}

impl Pack {
    /// Parses claim files, given as (name, text). Every file with a mistake is reported, with its first mistake.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, Vec<ClaimFileError>> {
        let mut pack = Self::default();
        let mut mistakes = Vec::new();
        for (name, text) in files {
            if let Err(mistake) = pack.add(name, text) {
                mistakes.push(mistake);
            }
        }
        mistakes.extend(pack.unknown_parts());
        if mistakes.is_empty() { Ok(pack) } else { Err(mistakes) }
    }

    /// The claims, in the order of the files.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Whether a claim reads a part whose items are accounts.
    pub fn is_about_people(&self, claim: &Claim) -> bool {
        let needed = claim.parts();
        let mut parts = self.kinds.iter().flat_map(|kind| &kind.parts);
        parts.any(|(name, part)| part.people && needed.contains(&name.as_str()))
    }

    fn add(&mut self, file: &str, text: &str) -> Parsed<()> {
        let fail = |reason| Err(ClaimFileError { file: file.to_owned(), place: String::new(), reason });
        if text.len() > MAX_FILE_BYTES {
            return fail(Mistake::TooMany("bytes", MAX_FILE_BYTES));
        }
        let value: Value = match serde_yaml_ng::from_str(text) {
            Ok(value) => value,
            Err(error) => return fail(Mistake::NotYaml(error.to_string())),
        };
        let reader = Reader { file, place: String::new(), value: &value };
        reader.only(&FILE_KEYS)?;
        let mut names = Names::default();
        for (name, list) in section(&reader, "lists")? {
            names.lists.insert(name.to_owned(), list.texts()?);
        }
        for definition in reader.get("define").map(|all| all.items()).transpose()?.unwrap_or_default() {
            // A list, because a definition may use those before it and no other: nothing can go in circles.
            let name = definition.need("name")?.text()?.to_owned();
            definition.only(&["name", "means"])?;
            let parsed = condition(&definition.need("means")?, &names, Purpose::Requiring)?;
            if names.conditions.insert(name.clone(), parsed).is_some() {
                return definition.fail(Mistake::Duplicate("condition", name));
            }
        }
        for kind in reader.get("kinds").map(|all| all.items()).transpose()?.unwrap_or_default() {
            self.add_kind(&kind, &names)?;
        }
        for claim in reader.get("claims").map(|all| all.items()).transpose()?.unwrap_or_default() {
            self.add_claim(&claim, &names)?;
        }
        if let Some(examples) = reader.get("examples") {
            self.examples.extend(example::parse(&examples)?);
        }
        Ok(())
    }

    fn add_kind(&mut self, reader: &Reader<'_>, names: &Names) -> Parsed<()> {
        reader.only(&["id", "title", "recognise", "fold_case", "label", "parts"])?;
        let id = reader.need("id")?.text()?.to_owned();
        let title = reader.need("title")?.read("a text in `en` and `ja`")?;
        if self.kinds.iter().any(|kind| kind.id == id) {
            return reader.fail(Mistake::Duplicate("kind", id));
        }
        let mut parts = BTreeMap::new();
        for (name, part) in reader.need("parts")?.members()? {
            parts.insert(name.to_owned(), self::part(&part, names)?);
        }
        self.kinds.push(Kind {
            id,
            title,
            recognise: condition(&reader.need("recognise")?, names, Purpose::Choosing)?,
            fold_case: reader.get("fold_case").map(|flag| flag.flag()).transpose()?.unwrap_or(false),
            label: reader.get("label").map(|path| path.path()).transpose()?,
            parts,
        });
        Ok(())
    }

    fn add_claim(&mut self, reader: &Reader<'_>, names: &Names) -> Parsed<()> {
        reader.only(&[&CLAIM_KEYS[..], &["answers"]].concat())?;
        let id = reader.need("id")?.text()?.to_owned();
        if self.claims.iter().any(|claim| claim.id == id) {
            return reader.fail(Mistake::Duplicate("claim", id));
        }
        let mut answers = BTreeMap::new();
        for (framework, controls) in section(reader, "answers")? {
            answers.insert(framework.to_owned(), controls.texts()?);
        }
        self.claims.push(Claim {
            id,
            title: reader.need("title")?.read("a text in `en` and `ja`")?,
            rationale: reader.need("rationale")?.read("a text in `en` and `ja`")?,
            population: population(reader, names)?,
            require: condition(&reader.need("require")?, names, Purpose::Requiring)?,
            answers,
            file: reader.file.to_owned(),
        });
        Ok(())
    }

    /// Claims that refer to a part that no kind of document has.
    fn unknown_parts(&self) -> Vec<ClaimFileError> {
        let known: BTreeSet<&String> = self.kinds.iter().flat_map(|kind| kind.parts.keys()).collect();
        let mut mistakes = Vec::new();
        for claim in &self.claims {
            let missing = claim.parts().into_iter().find(|part| !known.iter().any(|name| name == part));
            mistakes.extend(missing.map(|part| ClaimFileError {
                file: claim.file.clone(),
                place: format!("claim {}", claim.id),
                reason: Mistake::UnknownName("part of any kind of document", part.to_owned()),
            }));
        }
        mistakes
    }
}

impl Claim {
    /// The parts of documents that it needs, that of its population first.
    pub(super) fn parts(&self) -> Vec<&str> {
        let mut paths = vec![&self.population.path];
        self.population.choose.iter().for_each(|choose| choose.paths(&mut paths));
        self.require.paths(&mut paths);
        let mut parts: Vec<&str> = Vec::new();
        for path in paths {
            if let Root::Part(part) = &path.root
                && !parts.contains(&part.as_str())
            {
                parts.push(part);
            }
        }
        parts
    }
}

fn section<'v>(reader: &Reader<'v>, key: &str) -> Parsed<Vec<(&'v str, Reader<'v>)>> {
    reader.get(key).map(|section| section.members()).transpose().map(Option::unwrap_or_default)
}

fn part(reader: &Reader<'_>, names: &Names) -> Parsed<Part> {
    reader.only(&["at", "list", "failed", "people"])?;
    let at = reader.need("at")?;
    let at = match at.value {
        Value::Array(_) => at.items()?.iter().map(Reader::path).collect::<Parsed<_>>()?,
        _ => vec![at.path()?],
    };
    let failed =
        reader.get("failed").map(|failed| condition(&failed, names, Purpose::Choosing)).transpose()?;
    let flag = |key: &str| reader.get(key).map(|flag| flag.flag()).transpose();
    Ok(Part { at, list: flag("list")?.unwrap_or(false), failed, people: flag("people")?.unwrap_or(false) })
}

fn population(reader: &Reader<'_>, names: &Names) -> Parsed<Population> {
    let (once, path) = match (reader.get("each"), reader.get("once")) {
        (Some(each), None) => (false, each.path()?),
        (None, Some(once)) => (true, once.path()?),
        (each, _) => return reader.fail(Mistake::OneOf("each, once", usize::from(each.is_some()) * 2)),
    };
    if !matches!(path.root, Root::Part(_)) {
        return reader.fail(Mistake::Expected("a population that begins at a part, such as $roles/*"));
    }
    let list = |key: &str| match reader.get(key) {
        None => Ok(Vec::new()),
        Some(single) if single.value.is_string() => Ok(vec![single.path()?]),
        Some(many) => many.items()?.iter().map(Reader::path).collect::<Parsed<Vec<_>>>(),
    };
    let when_none = match reader.get("when_none") {
        None => Outcome::Unknown,
        Some(outcome) => outcome.read("an outcome such as `unknown` or `supported`")?,
    };
    Ok(Population {
        path,
        once,
        choose: reader.get("where").map(|one| condition(&one, names, Purpose::Choosing)).transpose()?,
        label: list("label")?,
        one_per: list("one_per")?,
        highest: reader.get("highest").map(|path| path.single_path()).transpose()?,
        when_none,
    })
}

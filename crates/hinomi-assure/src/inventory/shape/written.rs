//! Shapes from YAML.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_yaml_ng::Value as Yaml;

use super::{As, Binary, Form, Of, Path, Shape, Shapes, Source};
use crate::claim::{self, Condition};
use crate::inventory::{EntityKind, ImportError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    binary: BTreeMap<String, Binary>,
    #[serde(default)]
    privileged_groups: Vec<String>,
    #[serde(default)]
    references: Vec<String>,
    shapes: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    class: String,
    #[serde(default)]
    register: bool,
    form: Form,
    #[serde(default)]
    lists: Vec<String>,
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    when: Option<Yaml>,
    #[serde(default)]
    each: Option<String>,
    #[serde(default)]
    only: Option<Yaml>,
    #[serde(default)]
    also: bool,
    of: WrittenOf,
    id: OneOrMore,
    #[serde(default)]
    aliases: OneOrMore,
    #[serde(default)]
    attributes: BTreeMap<String, OneOrMore>,
    #[serde(default)]
    valid_until: OneOrMore,
    #[serde(default)]
    known_from: OneOrMore,
    #[serde(default)]
    member_of: OneOrMore,
    #[serde(default)]
    members: OneOrMore,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenOf {
    Entity(EntityKind),
    Other(Other),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Other {
    Group,
    Nothing,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    More(Vec<WrittenSource>),
    One(WrittenSource),
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenSource {
    Path(String),
    Rule(Rule),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    from: Vec<String>,
    #[serde(default, rename = "as")]
    form: Option<As>,
    #[serde(default)]
    when: Option<Yaml>,
    #[serde(default)]
    is: Option<String>,
    #[serde(default)]
    parts: Vec<WrittenSource>,
    #[serde(default)]
    between: String,
}

/// Deepest nesting of parts.
const DEEPEST: usize = 4;

/// Adds the shapes of a file.
pub(super) fn add(all: &mut Shapes, origin: &str, text: &str) -> Result<(), ImportError> {
    let file: File = serde_yaml_ng::from_str(text)?;
    let fault = |at: &str, problem: &str| ImportError::Shape {
        origin: origin.to_owned(),
        at: at.to_owned(),
        problem: problem.to_owned(),
    };
    if file.version != 1 {
        return Err(fault("version", "only version 1 is known"));
    }
    all.binary.extend(file.binary);
    all.privileged.extend(file.privileged_groups);
    all.references.extend(file.references);
    for written in file.shapes {
        let name = written.name.clone();
        all.shapes.push(shape(written).map_err(|problem| fault(&name, &problem))?);
    }
    Ok(())
}

fn shape(written: Written) -> Result<Shape, String> {
    let mut compiler = Compiler { used: BTreeSet::new() };
    let attributes = written.attributes.into_iter();
    let attributes = attributes
        .map(|(name, sources)| Ok((name, compiler.sources(sources)?)))
        .collect::<Result<BTreeMap<_, _>, String>>()?;
    Ok(Shape {
        has: written.has.iter().map(|p| compiler.path(p)).collect::<Result<_, _>>()?,
        when: written.when.as_ref().map(|yaml| compiler.condition(yaml)).transpose()?,
        each: written.each.as_deref().map(|p| compiler.path(p)).transpose()?,
        only: written.only.as_ref().map(|yaml| compiler.condition(yaml)).transpose()?,
        is_also: written.also,
        id: compiler.sources(written.id)?,
        aliases: compiler.sources(written.aliases)?,
        valid_until: compiler.sources(written.valid_until)?,
        known_from: compiler.sources(written.known_from)?,
        member_of: compiler.sources(written.member_of)?,
        members: compiler.sources(written.members)?,
        name: written.name,
        class: written.class,
        is_register: written.register,
        form: written.form,
        lists: written.lists,
        of: match written.of {
            WrittenOf::Entity(kind) => Of::Entity(kind),
            WrittenOf::Other(Other::Group) => Of::Group,
            WrittenOf::Other(Other::Nothing) => Of::Nothing,
        },
        attributes,
        used: compiler.used,
    })
}

/// Turns what is written into what is read with, and remembers the fields.
struct Compiler {
    used: BTreeSet<String>,
}

impl Compiler {
    fn path(&mut self, text: &str) -> Result<Path, String> {
        let path = Path::parse(text).map_err(|why| format!("{text:?}: {why}"))?;
        self.used.extend(path.first().map(str::to_owned));
        Ok(path)
    }

    fn condition(&mut self, yaml: &Yaml) -> Result<Condition, String> {
        let condition = claim::condition(yaml, "when", 0).map_err(|(at, why)| format!("{at}: {why}"))?;
        for name in condition.attributes() {
            self.path(name)?;
        }
        Ok(condition)
    }

    fn sources(&mut self, written: OneOrMore) -> Result<Vec<Source>, String> {
        match written {
            OneOrMore::One(one) => Ok(vec![self.source(one, 0)?]),
            OneOrMore::More(more) => more.into_iter().map(|s| self.source(s, 0)).collect(),
        }
    }

    fn source(&mut self, written: WrittenSource, depth: usize) -> Result<Source, String> {
        let rule = match written {
            WrittenSource::Path(path) => {
                return Ok(Source::Paths { from: vec![self.path(&path)?], form: None, when: None });
            }
            WrittenSource::Rule(rule) => rule,
        };
        let when = rule.when.as_ref().map(|yaml| self.condition(yaml)).transpose()?;
        match (rule.is, when, rule.parts.is_empty(), rule.from.is_empty()) {
            (Some(is), Some(when), true, true) => Ok(Source::Word { is, when }),
            (None, None, false, true) if depth < DEEPEST => {
                let parts =
                    rule.parts.into_iter().map(|p| self.source(p, depth + 1)).collect::<Result<_, _>>()?;
                Ok(Source::Joined { parts, between: rule.between })
            }
            (None, when, true, false) => {
                let from = rule.from.iter().map(|p| self.path(p)).collect::<Result<_, _>>()?;
                Ok(Source::Paths { from, form: rule.form, when })
            }
            _ => Err("write from (with as and when), or is with when, or parts with between".to_owned()),
        }
    }
}

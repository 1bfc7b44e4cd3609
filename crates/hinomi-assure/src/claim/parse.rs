//! Claims from YAML.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_yaml_ng::Value as Yaml;

use super::condition::{Condition, Test};
use crate::Bilingual;

/// What a claim judges.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Every sign-in.
    Session,
    /// Every account that was seen or is on a list.
    Account,
    /// Every host, day by day.
    HostDay,
    /// Every log that should arrive, day by day.
    SourceDay,
    /// Every known weakness of a host.
    Weakness,
    /// Every account with every host that it administers.
    Administrator,
    /// Every right that was granted to an account.
    Grant,
    /// Every pair of source and destination between which bytes went, day by day.
    Flow,
    /// Every host of a list or a log.
    Host,
    /// Every exposed service of a list or a scan.
    Exposure,
    /// Every supplier of a list, or that an account names.
    Supplier,
    /// Every backup copy of a list or a console.
    Copy,
}

/// One of the four questions that evidence answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Would we have noticed?
    Noticed,
    /// Could we have stopped it?
    Stopped,
    /// Can we restore?
    Restore,
    /// Can we explain it?
    Explain,
}

impl Question {
    /// All, in the order in which they are asked.
    pub const ALL: [Self; 4] = [Self::Noticed, Self::Stopped, Self::Restore, Self::Explain];
}

/// A claim.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its name, for exceptions and links.
    pub id: String,
    /// Version of its meaning.
    pub version: u32,
    /// What is claimed, in one sentence.
    pub title: Bilingual,
    /// What goes wrong where it does not hold.
    pub why: Bilingual,
    /// What is judged.
    pub of: Subject,
    /// The attribute with the entity that answers for it.
    pub about: String,
    /// To which of them it applies; all, without.
    pub scope: Option<Condition>,
    /// What must hold.
    pub holds: Condition,
    /// Accesses of sign-ins, or roles of logs, without which nothing is supported.
    pub needs: Vec<String>,
    /// What to do where it is contradicted.
    pub remedy: Bilingual,
    /// Framework → controls that it answers.
    pub controls: BTreeMap<String, Vec<String>>,
    /// Questions that it helps to answer; a claim about lists alone answers none.
    pub questions: Vec<Question>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    version: u32,
    title: Bilingual,
    why: Bilingual,
    of: Subject,
    about: String,
    #[serde(default)]
    scope: Option<Yaml>,
    holds: Yaml,
    #[serde(default)]
    needs: Vec<String>,
    remedy: Bilingual,
    #[serde(default)]
    controls: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    questions: Vec<Question>,
}

/// A claim cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Not the YAML of a claim.
    #[error("{origin}: {source}")]
    Yaml {
        /// The file.
        origin: String,
        /// Why.
        source: serde_yaml_ng::Error,
    },
    /// A condition that means nothing.
    #[error("{origin}: {path}: {problem}")]
    Condition {
        /// The file.
        origin: String,
        /// Where in it.
        path: String,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

/// Deepest nesting of conditions.
const DEEPEST: usize = 32;

/// Reads a file with one claim.
///
/// # Errors
/// When it is not one, with the place and what to write instead.
pub fn parse(text: &str, origin: &str) -> Result<Claim, ClaimError> {
    let written: Written = serde_yaml_ng::from_str(text)
        .map_err(|source| ClaimError::Yaml { origin: origin.to_owned(), source })?;
    let named = |(path, problem)| ClaimError::Condition { origin: origin.to_owned(), path, problem };
    let scope = written.scope.as_ref().map(|yaml| condition(yaml, "scope", 0)).transpose().map_err(named)?;
    let holds = condition(&written.holds, "holds", 0).map_err(named)?;
    Ok(Claim {
        id: written.id,
        version: written.version,
        title: written.title,
        why: written.why,
        of: written.of,
        about: written.about,
        scope,
        holds,
        needs: written.needs,
        remedy: written.remedy,
        controls: written.controls,
        questions: written.questions,
    })
}

pub(crate) type Fault = (String, String);

pub(crate) fn condition(yaml: &Yaml, path: &str, depth: usize) -> Result<Condition, Fault> {
    let fault = |problem: &str| (path.to_owned(), problem.to_owned());
    if depth > DEEPEST {
        return Err(fault("nested too deeply"));
    }
    let Yaml::Mapping(map) = yaml else {
        return Err(fault("write a map of attributes and what they must be, or all, any or not"));
    };
    let mut parts = Vec::new();
    for (key, value) in map {
        let Some(key) = key.as_str() else { return Err(fault("the name of an attribute must be a text")) };
        let inner = format!("{path}.{key}");
        parts.push(match key {
            "all" => Condition::All(list(value, &inner, depth)?),
            "any" => Condition::Any(list(value, &inner, depth)?),
            "not" => Condition::Not(Box::new(condition(value, &inner, depth + 1)?)),
            name => Condition::Test(name.to_owned(), test(value, &inner)?),
        });
    }
    match parts.len() {
        0 => Err(fault("an empty condition holds for nothing and everything")),
        1 => Ok(parts.remove(0)),
        _ => Ok(Condition::All(parts)),
    }
}

fn list(yaml: &Yaml, path: &str, depth: usize) -> Result<Vec<Condition>, Fault> {
    let Yaml::Sequence(parts) = yaml else {
        return Err((path.to_owned(), "write a list of conditions".to_owned()));
    };
    let numbered = parts.iter().enumerate();
    numbered.map(|(at, part)| condition(part, &format!("{path}[{at}]"), depth + 1)).collect()
}

fn test(yaml: &Yaml, path: &str) -> Result<Test, Fault> {
    let fault = |problem: String| Err((path.to_owned(), problem));
    let Yaml::Mapping(map) = yaml else { return Ok(Test::Is(words(yaml, path)?)) };
    let mut entries = map.iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        return fault("write one comparison".to_owned());
    };
    let number = || value.as_f64().ok_or((path.to_owned(), "write a number".to_owned()));
    match key.as_str().unwrap_or_default() {
        "exists" => match value.as_bool() {
            Some(wanted) => Ok(Test::Exists(wanted)),
            None => fault("exists is true or false".to_owned()),
        },
        "in_networks" => Ok(Test::InNetworks(words(value, path)?)),
        "among_those_of" => Ok(Test::AmongThoseOf(words(value, path)?)),
        "allowed_by" => Ok(Test::AllowedBy(words(value, path)?)),
        "within_hours" => Ok(Test::WithinHours(words(value, path)?)),
        "less_than" => Ok(Test::LessThan(number()?)),
        "more_than" => Ok(Test::MoreThan(number()?)),
        other => fault(format!(
            "unknown comparison {other:?}; there are exists, in_networks, among_those_of, allowed_by, within_hours, less_than, more_than"
        )),
    }
}

fn words(yaml: &Yaml, path: &str) -> Result<Vec<String>, Fault> {
    let word = |yaml: &Yaml| match yaml {
        Yaml::String(text) => Ok(text.clone()),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(true) => Ok("yes".to_owned()),
        Yaml::Bool(false) => Ok("no".to_owned()),
        _ => Err((path.to_owned(), "write a word or a list of words".to_owned())),
    };
    match yaml {
        Yaml::Sequence(list) if !list.is_empty() => list.iter().map(word).collect(),
        other => Ok(vec![word(other)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "id: x\nversion: 1\ntitle: {en: a, ja: b}\nwhy: {en: a, ja: b}\nremedy: {en: a, ja: b}\nof: session\nabout: account\n";

    fn holds(condition: &str) -> Result<Condition, String> {
        parse(&format!("{HEAD}holds: {condition}\n"), "x.yaml").map(|c| c.holds).map_err(|e| e.to_string())
    }

    #[test]
    fn conditions_are_read_as_written() {
        let is = |name: &str, words: &[&str]| {
            Condition::Test(name.into(), Test::Is(words.iter().map(|w| (*w).to_owned()).collect()))
        };
        assert_eq!(
            holds("{a: true, b: [x, 3]}"),
            Ok(Condition::All(vec![is("a", &["yes"]), is("b", &["x", "3"])]))
        );
        assert_eq!(
            holds("{any: [{a: x}, {not: {b: {exists: false}}}]}"),
            Ok(Condition::Any(vec![
                is("a", &["x"]),
                Condition::Not(Box::new(Condition::Test("b".into(), Test::Exists(false)))),
            ]))
        );
    }

    #[test]
    fn mistakes_name_the_place_and_the_way_out() {
        for (written, said) in [
            ("{}", "x.yaml: holds: an empty condition"),
            ("{all: {a: b}}", "x.yaml: holds.all: write a list"),
            (
                "{any: [{a: {greater: 3}}]}",
                "holds.any[0].a: unknown comparison \"greater\"; there are exists",
            ),
            ("{a: {more_than: many}}", "holds.a: write a number"),
            ("{a: []}", "holds.a: write a word"),
            ("[a]", "holds: write a map"),
        ] {
            let error = holds(written).unwrap_err();
            assert!(error.contains(said), "{written}: {error}");
        }
        assert!(parse("id: x", "x.yaml").unwrap_err().to_string().starts_with("x.yaml: missing field"));
        let deep = format!("{}{{a: b}}{}", "{not: ".repeat(40), "}".repeat(40));
        assert!(holds(&deep).unwrap_err().contains("nested too deeply"));
    }
}

//! The `detection` of a rule: selections and conditions to search trees.

use super::ast::{Patterns, Search, Test};
use super::condition::{self, Expression, name_matches};
use super::error::{Fault, Problem};
use super::placeholder::Placeholders;
use super::value;
use super::yaml::{Content, Entry, Node};

/// Bound on the size of the tree of one condition: selections are copied to every place that names them.
const MAX_TREE: usize = 200_000;
/// Most conditions of one rule.
const MAX_CONDITIONS: usize = 256;

/// A named selection.
struct Selection<'a> {
    name: &'a str,
    search: Search,
}

/// One tree per condition. Keys in `reserved` are not selections.
pub(crate) fn conditions(
    detection: &Node<'_>,
    key: &'static str,
    reserved: &[&str],
    placeholders: &Placeholders,
) -> Result<Vec<Search>, Fault> {
    let shape = |expected| Fault::at(detection.line, Problem::Shape { key: key.to_owned(), expected });
    let entries = detection.map().ok_or_else(|| shape("a map of selections and a condition"))?;
    let mut selections = Vec::with_capacity(entries.len());
    for entry in entries {
        if entry.key != "condition" && entry.key != "timeframe" && !reserved.contains(&&*entry.key) {
            selections.push(Selection { name: &entry.key, search: selection(entry, placeholders)? });
        }
    }
    let missing = || Fault::at(detection.line, Problem::Missing { key: "condition" });
    let written = detection.get("condition").ok_or_else(missing)?;
    let nodes = written.elements();
    if nodes.is_empty() || nodes.len() > MAX_CONDITIONS {
        return Err(shape("a condition or a short list of conditions"));
    }
    let mut budget = MAX_TREE;
    let mut resolve = |node: &Node<'_>| {
        let text = node.scalar().ok_or_else(|| shape("a condition or a list of conditions"))?;
        let expression = condition::parse(&text.text).map_err(|problem| Fault::at(node.line, problem))?;
        let tree = Resolver { selections: &selections, budget: &mut budget }.search(&expression);
        tree.map_err(|problem| Fault::at(node.line, problem))
    };
    nodes.iter().map(&mut resolve).collect()
}

fn selection(entry: &Entry<'_>, placeholders: &Placeholders) -> Result<Search, Fault> {
    let shape = |expected| Fault::at(entry.line, Problem::Shape { key: entry.key.to_string(), expected });
    match &entry.value.content {
        Content::Map(entries) if entries.is_empty() => Err(shape("a map with at least one field")),
        Content::Map(entries) => map(entries, placeholders),
        Content::Scalar(_) => value::keywords(&[&entry.value], placeholders),
        Content::List(nodes) if nodes.is_empty() => Err(shape("a list with at least one element")),
        Content::List(nodes) => {
            let mut searches = Vec::new();
            let scalars: Vec<&Node<'_>> = nodes.iter().filter(|node| node.scalar().is_some()).collect();
            if !scalars.is_empty() {
                searches.push(value::keywords(&scalars, placeholders)?);
            }
            for node in nodes {
                match &node.content {
                    Content::Scalar(_) => {}
                    Content::Map(entries) if !entries.is_empty() => {
                        searches.push(map(entries, placeholders)?);
                    }
                    _ => return Err(shape("a list of texts and maps")),
                }
            }
            Ok(value::any(searches))
        }
    }
}

fn map(entries: &[Entry<'_>], placeholders: &Placeholders) -> Result<Search, Fault> {
    let searches = entries.iter().map(|entry| value::entry(entry, placeholders)).collect::<Result<_, _>>()?;
    Ok(value::all(searches))
}

struct Resolver<'a> {
    selections: &'a [Selection<'a>],
    budget: &'a mut usize,
}

impl Resolver<'_> {
    fn search(&mut self, expression: &Expression) -> Result<Search, Problem> {
        match expression {
            Expression::Name(name) => {
                let found = self.selections.iter().find(|s| s.name == name);
                let found = found.ok_or_else(|| Problem::MissingSelection { name: name.clone() })?;
                self.copy(&found.search)
            }
            Expression::Of { all, pattern } => {
                let them = pattern.eq_ignore_ascii_case("them");
                let wanted = |s: &&Selection<'_>| {
                    if them { !s.name.starts_with('_') } else { name_matches(pattern, s.name) }
                };
                let selections = self.selections;
                let found: Vec<_> = selections.iter().filter(wanted).collect();
                if found.is_empty() {
                    return Err(Problem::MissingSelection { name: pattern.clone() });
                }
                let copies = found.into_iter().map(|s| self.copy(&s.search)).collect::<Result<_, _>>()?;
                Ok(if *all { value::all(copies) } else { value::any(copies) })
            }
            Expression::All(parts) => Ok(Search::All(self.each(parts)?)),
            Expression::Any(parts) => Ok(Search::Any(self.each(parts)?)),
            Expression::Not(inner) => Ok(Search::Not(Box::new(self.search(inner)?))),
        }
    }

    fn each(&mut self, parts: &[Expression]) -> Result<Vec<Search>, Problem> {
        parts.iter().map(|part| self.search(part)).collect()
    }

    fn copy(&mut self, search: &Search) -> Result<Search, Problem> {
        let too_large = Problem::TooLarge { what: "tests in the conditions of a rule", limit: MAX_TREE };
        *self.budget = self.budget.checked_sub(size(search)).ok_or(too_large)?;
        Ok(search.clone())
    }
}

fn size(search: &Search) -> usize {
    let patterns = |p: &Patterns| p.any.len();
    1 + match search {
        Search::All(parts) | Search::Any(parts) => parts.iter().map(size).sum(),
        Search::Not(inner) => size(inner),
        Search::Field(_, Test::Match(p)) | Search::Keyword(p) => patterns(p),
        Search::Field(_, Test::Cidr(networks)) => networks.len(),
        Search::Field(..) | Search::KeywordRegex(_) => 0,
    }
}

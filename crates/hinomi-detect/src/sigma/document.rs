//! Whole documents: descriptions, rules and filters.

use hinomi_model::Level;

use super::ast::{Document, Filter, LogSource, Meta, Rule, Search};
use super::error::{Fault, Problem};
use super::placeholder::Placeholders;
use super::yaml::{Content, Node};
use super::{correlation, detection};

/// Keys of `hinomi:` that are texts for the reader.
const EXTENSION_TEXTS: [&str; 4] = ["title_ja", "description_ja", "explain_en", "explain_ja"];

/// Reads a document of any kind.
pub(crate) fn read(node: &Node<'_>, origin: &str, placeholders: &Placeholders) -> Result<Document, Fault> {
    if node.map().is_none() {
        let shape = Problem::Shape { key: "document".into(), expected: "a map" };
        return Err(Fault::at(node.line, shape));
    }
    let meta = meta(node, origin)?;
    if let Some(section) = node.get("correlation") {
        return correlation::read(node, section, meta).map(Document::Correlation);
    }
    if let Some(section) = node.get("detection") {
        let conditions = detection::conditions(section, "detection", &[], placeholders)?;
        let logsource = logsource(node)?;
        return Ok(Document::Rule(Rule { meta, logsource, conditions, fields: texts(node.get("fields")) }));
    }
    match node.get("filter") {
        Some(section) => filter(node, section, meta, placeholders).map(Document::Filter),
        None => Err(Fault::at(node.line, Problem::NoKind)),
    }
}

fn meta(node: &Node<'_>, origin: &str) -> Result<Meta, Fault> {
    let one = |key| text(node.get(key)).unwrap_or_default();
    let name = text(node.get("name"));
    let mut title = one("title");
    let id = [text(node.get("id")), name.clone(), Some(title.clone())].into_iter().flatten();
    let id = id.into_iter().find(|text| !text.is_empty());
    let id = id.ok_or_else(|| Fault::at(node.line, Problem::Missing { key: "title" }))?;
    if title.is_empty() {
        title = name.clone().unwrap_or_else(|| id.clone());
    }
    let level = match node.get("level").filter(|level| !level.is_null()) {
        None => Level::default(),
        Some(level) => {
            let written = text(Some(level)).unwrap_or_default();
            written.parse().map_err(|e| Fault::at(level.line, Problem::Level(e)))?
        }
    };
    let extension = node.get("hinomi").map(|extension| {
        let found = EXTENSION_TEXTS.iter().map(|key| (*key, text(extension.get(key))));
        found.filter_map(|(key, text)| Some((key.to_owned(), text?))).collect()
    });
    Ok(Meta {
        id,
        name,
        title,
        author: texts(node.get("author")).join(", "),
        license: one("license"),
        description: one("description"),
        level,
        status: one("status"),
        tags: texts(node.get("tags")),
        false_positives: texts(node.get("falsepositives")),
        references: texts(node.get("references")),
        extension: extension.unwrap_or_default(),
        origin: origin.to_owned(),
    })
}

/// The text of a scalar that is not null.
pub(crate) fn text(node: Option<&Node<'_>>) -> Option<String> {
    let scalar = node?.scalar().filter(|scalar| !scalar.is_null())?;
    Some(scalar.text.trim().to_owned())
}

/// The texts of a list, or of one scalar; anything else inside is left out.
pub(crate) fn texts(node: Option<&Node<'_>>) -> Vec<String> {
    node.map(Node::elements).unwrap_or_default().iter().filter_map(|n| text(Some(n))).collect()
}

fn logsource(node: &Node<'_>) -> Result<LogSource, Fault> {
    let missing = || Fault::at(node.line, Problem::Missing { key: "logsource" });
    let section = node.get("logsource").ok_or_else(missing)?;
    let part = |key| text(section.get(key)).filter(|t| !t.is_empty()).map(|t| t.to_ascii_lowercase());
    let source = LogSource { category: part("category"), product: part("product"), service: part("service") };
    if source == LogSource::default() {
        let expected = "a map with at least one of category, product and service";
        return Err(Fault::at(section.line, Problem::Shape { key: "logsource".into(), expected }));
    }
    Ok(source)
}

fn filter(
    node: &Node<'_>,
    section: &Node<'_>,
    meta: Meta,
    placeholders: &Placeholders,
) -> Result<Filter, Fault> {
    let logsource = logsource(node)?;
    let missing = |key| Fault::at(section.line, Problem::Missing { key });
    let rules = section.get("rules").ok_or_else(|| missing("rules"))?;
    let any = rules.scalar().is_some_and(|s| s.text.eq_ignore_ascii_case("any"));
    let named = if any { Vec::new() } else { texts(Some(rules)) };
    if !any && named.is_empty() {
        let expected = "a list of rules, or any";
        return Err(Fault::at(rules.line, Problem::Shape { key: "rules".into(), expected }));
    }
    let mut conditions = detection::conditions(section, "filter", &["rules"], placeholders)?;
    let condition = match conditions.len() {
        1 => conditions.remove(0),
        _ => Search::Any(conditions),
    };
    Ok(Filter { meta, logsource, rules: named, condition })
}

/// Title of a document that may be of any shape, for messages.
pub(crate) fn title(node: &Node<'_>) -> Option<String> {
    match &node.content {
        Content::Map(_) => text(node.get("title")).or_else(|| text(node.get("id"))),
        _ => None,
    }
}

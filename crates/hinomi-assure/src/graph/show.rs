//! Nodes and edges in words: what an edge says and what cuts it, in both languages.

use serde::Serialize;

use super::store::{Edge, EdgeId, Graph, NodeId};
use crate::Bilingual;

/// An edge as plain data, to be printed or sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Step {
    /// Name of its beginning.
    pub from: String,
    /// Name of its kind.
    pub kind: String,
    /// Name of its end.
    pub to: String,
    /// What it says.
    pub sentence: Bilingual,
    /// What somebody does to cut it; `None` where nothing does.
    pub act: Option<Bilingual>,
    /// What that costs compared with other acts.
    pub cost: Option<u32>,
    /// Seen in use.
    pub is_observed: bool,
    /// In force by itself, used or not.
    pub is_fact: bool,
    /// From an access list higher up, where it has to be cut.
    pub is_inherited: bool,
    /// Document that states it; `None` where the directory implies it.
    pub document: Option<String>,
    /// Byte offset of the object or line that states it.
    pub offset: Option<u64>,
}

/// What a node is called in a text.
pub type Naming<'n> = &'n dyn Fn(NodeId) -> String;

impl Graph {
    /// What an edge says, in both languages.
    pub fn sentence(&self, edge: EdgeId) -> Option<Bilingual> {
        let edge = self.edge(edge)?;
        Some(filled_both(&edge.kind.text, &edge, &self.names()))
    }

    /// What somebody does to cut an edge; `None` where it cannot be cut.
    pub fn act(&self, edge: EdgeId) -> Option<Bilingual> {
        let edge = self.edge(edge)?;
        Some(filled_both(&edge.kind.act.as_ref()?.text, &edge, &self.names()))
    }

    /// Edges of a way or a cut as plain data.
    pub fn steps(&self, edges: &[EdgeId]) -> Vec<Step> {
        self.steps_named(edges, &self.names())
    }

    /// Edges of a way or a cut as plain data, with nodes called as `name` says.
    pub fn steps_named(&self, edges: &[EdgeId], name: Naming<'_>) -> Vec<Step> {
        edges.iter().filter_map(|id| Some(step(&self.edge(*id)?, name))).collect()
    }

    fn names(&self) -> impl Fn(NodeId) -> String + '_ {
        |node| self.node(node).name.to_owned()
    }

    /// What a kind of nodes is called.
    pub fn kind_words(&self, kind: &str) -> Option<&Bilingual> {
        self.catalogue.nodes.iter().find(|(name, _)| name == kind).map(|(_, words)| words)
    }
}

fn step(edge: &Edge<'_>, name: Naming<'_>) -> Step {
    let act = edge.kind.act.as_ref();
    Step {
        from: name(edge.from),
        kind: edge.kind.name.clone(),
        to: name(edge.to),
        sentence: filled_both(&edge.kind.text, edge, name),
        act: act.map(|act| filled_both(&act.text, edge, name)),
        cost: act.map(|act| act.cost),
        is_observed: edge.is_observed,
        is_fact: edge.kind.is_fact,
        is_inherited: edge.is_inherited,
        document: edge.origin.map(|(document, _)| document.to_owned()),
        offset: edge.origin.map(|(_, offset)| offset),
    }
}

fn filled_both(text: &Bilingual, edge: &Edge<'_>, name: Naming<'_>) -> Bilingual {
    let (from, to) = (name(edge.from), name(edge.to));
    Bilingual { en: filled(&text.en, &from, &to), ja: filled(&text.ja, &from, &to) }
}

/// The sentence with both names; names that contain braces are not filled again.
fn filled(text: &str, from: &str, to: &str) -> String {
    let mut out = String::with_capacity(text.len() + from.len() + to.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, at_brace) = rest.split_at(open);
        out.push_str(before);
        let known = [("{from}", from), ("{to}", to)];
        let hit =
            known.iter().find_map(|(mark, value)| at_brace.strip_prefix(mark).map(|after| (*value, after)));
        let (value, after) = hit.unwrap_or_else(|| ("{", at_brace.strip_prefix('{').unwrap_or_default()));
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_braces_are_names() {
        assert_eq!(filled("{from} owns {to}.", "{to}", "{from}"), "{to} owns {from}.");
        assert_eq!(filled("{ {x} {to", "a", "b"), "{ {x} {to");
    }
}

//! What a graph may hold, as data: kinds of nodes and edges, acts that cut, what a directory implies.
//!
//! # Trust
//! The bundled files are part of the program. A catalogue from elsewhere is trusted to be meant, not to be consistent: names
//! it uses and does not define are errors.
//!
//! # Not here
//! Formats of imports ([`super::import`]).

use std::collections::HashMap;

use serde::Deserialize;

use super::error::GraphError;
use crate::Bilingual;

const BUNDLED: &str = include_str!("../../../../mappings/graph-edges.yaml");
const FILE: &str = "graph-edges.yaml";

/// Number of a kind of nodes, in the order of the catalogue.
pub(super) type NodeKind = u8;

/// Whether whoever holds the beginning of an edge gets any further.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// The beginning can take or act as the end.
    Control,
    /// Packets pass; counted where a question asks for it.
    Network,
    /// Kept and shown, never walked.
    None,
}

/// A kind of edges.
#[derive(Debug, Clone)]
pub struct EdgeKind {
    /// Name in kebab-case; of an unknown kind as the import states it.
    pub name: String,
    /// Sentence with `{from}` and `{to}`.
    pub text: Bilingual,
    /// Whether it is walked.
    pub flow: Flow,
    /// What cuts it; `None` where nothing does.
    pub act: Option<Act>,
    /// In force by itself: it counts as used without an observation.
    pub is_fact: bool,
    /// Holding the beginning hands over a secret of the end.
    pub is_credential: bool,
    /// False where the catalogue does not have it.
    pub is_known: bool,
}

/// What somebody does to cut an edge.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "ActEntry")]
pub struct Act {
    /// Name.
    pub name: String,
    /// Effort compared with other acts, at least 1.
    pub cost: u32,
    /// Sentence with `{from}` and `{to}`.
    pub text: Bilingual,
}

/// Rights that give control only together.
#[derive(Debug, Clone)]
pub(super) struct Together {
    pub(super) kind: u16,
    pub(super) all: Vec<u16>,
    pub(super) through: u16,
    /// Kind of the nodes on which they are held.
    pub(super) on: NodeKind,
}

/// Edges that hold between identifiers with certain ends.
#[derive(Debug, Clone)]
pub(super) struct Implied {
    pub(super) kind: u16,
    pub(super) from: Vec<String>,
    pub(super) to: Vec<String>,
}

/// Nodes by the end of their identifier or by kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) endings: Vec<String>,
    pub(super) kinds: Vec<NodeKind>,
}

/// Kinds of nodes and edges, and what follows from them.
#[derive(Debug, Clone)]
pub struct Catalogue {
    pub(super) nodes: Vec<(String, Bilingual)>,
    pub(super) edges: Vec<EdgeKind>,
    pub(super) unknown: Bilingual,
    pub(super) together: Vec<Together>,
    pub(super) implied: Vec<Implied>,
    pub(super) tier0: Selection,
    pub(super) protected: Selection,
    /// Kind by folded name and by its own name, and whether the name states it the other way round.
    names: HashMap<String, (u16, bool)>,
}

impl Catalogue {
    /// The catalogue of this program.
    pub fn bundled() -> Result<Self, GraphError> {
        Self::parse(BUNDLED)
    }

    /// A catalogue in YAML, in the form of `mappings/graph-edges.yaml`.
    pub fn parse(text: &str) -> Result<Self, GraphError> {
        let file: File =
            serde_yaml_ng::from_str(text).map_err(|source| GraphError::Data { file: FILE, source })?;
        if file.version != 1 {
            return Err(GraphError::Version { file: FILE, version: file.version });
        }
        file.resolve()
    }

    /// The kind that a name states, and whether it states it the other way round.
    pub(super) fn edge(&self, name: &str) -> Option<(u16, bool)> {
        self.names.get(name).or_else(|| self.names.get(&folded(name))).copied()
    }

    /// The kind of nodes with a name.
    pub(super) fn node(&self, name: &str) -> Option<NodeKind> {
        let exact = self.nodes.iter().position(|(known, _)| known == name);
        let spelt = || self.nodes.iter().position(|(known, _)| folded(known) == folded(name));
        exact.or_else(spelt).and_then(|n| NodeKind::try_from(n).ok())
    }

    /// The kind of nodes whose kind nobody stated: the last of the list.
    pub(super) fn unknown_node(&self) -> NodeKind {
        u8::try_from(self.nodes.len().saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// An edge kind that the catalogue does not have.
    pub(super) fn unknown_edge(&self, name: &str) -> EdgeKind {
        EdgeKind {
            name: name.to_owned(),
            text: self.unknown.clone(),
            flow: Flow::None,
            act: None,
            is_fact: false,
            is_credential: false,
            is_known: false,
        }
    }
}

/// A name without case, hyphens, underscores and spaces.
fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    nodes: Vec<NodeEntry>,
    acts: Vec<Act>,
    edges: Vec<EdgeEntry>,
    unknown: Bilingual,
    #[serde(default)]
    together: Vec<TogetherEntry>,
    #[serde(default)]
    implied: Vec<ImpliedEntry>,
    #[serde(default)]
    tier0: SelectionEntry,
    #[serde(default)]
    protected: SelectionEntry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeEntry {
    name: String,
    en: String,
    ja: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActEntry {
    name: String,
    cost: u32,
    en: String,
    ja: String,
}

impl From<ActEntry> for Act {
    fn from(entry: ActEntry) -> Self {
        Self { name: entry.name, cost: entry.cost, text: Bilingual { en: entry.en, ja: entry.ja } }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EdgeEntry {
    name: String,
    flow: Flow,
    cut: Option<String>,
    #[serde(default)]
    never: bool,
    #[serde(default)]
    fact: bool,
    #[serde(default)]
    credential: bool,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    reversed: Vec<String>,
    en: String,
    ja: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TogetherEntry {
    kind: String,
    all: Vec<String>,
    through: String,
    on: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImpliedEntry {
    kind: String,
    from: Vec<String>,
    to: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct SelectionEntry {
    #[serde(default)]
    endings: Vec<String>,
    #[serde(default)]
    kinds: Vec<String>,
}

impl File {
    fn resolve(self) -> Result<Catalogue, GraphError> {
        let mut names = HashMap::new();
        let mut edges = Vec::with_capacity(self.edges.len());
        for (number, entry) in self.edges.into_iter().enumerate() {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            let along = entry.names.iter().map(|n| (n, false)).chain([(&entry.name, false)]);
            for (name, against) in along.chain(entry.reversed.iter().map(|n| (n, true))) {
                if names.insert(folded(name), (number, against)).is_some() {
                    return Err(GraphError::Twice { file: FILE, name: name.clone() });
                }
            }
            edges.push(entry.resolve(&self.acts)?);
        }
        for (number, kind) in (0u16..).zip(&edges) {
            let kind: &EdgeKind = kind;
            names.entry(kind.name.clone()).or_insert((number, false));
        }
        let mut catalogue = Catalogue {
            nodes: self.nodes.into_iter().map(|n| (n.name, Bilingual { en: n.en, ja: n.ja })).collect(),
            edges,
            unknown: self.unknown,
            together: Vec::new(),
            implied: Vec::new(),
            tier0: Selection::default(),
            protected: Selection::default(),
            names,
        };
        catalogue.together =
            self.together.into_iter().map(|t| t.resolve(&catalogue)).collect::<Result<_, _>>()?;
        catalogue.implied =
            self.implied.into_iter().map(|i| i.resolve(&catalogue)).collect::<Result<_, _>>()?;
        catalogue.tier0 = self.tier0.resolve(&catalogue)?;
        catalogue.protected = self.protected.resolve(&catalogue)?;
        Ok(catalogue)
    }
}

fn undefined(name: &str) -> GraphError {
    GraphError::Undefined { file: FILE, name: name.to_owned() }
}

impl EdgeEntry {
    /// An edge that is walked has an act, or says that there is none.
    fn resolve(self, acts: &[Act]) -> Result<EdgeKind, GraphError> {
        let act = match &self.cut {
            Some(name) => {
                let act = acts.iter().find(|a| a.name == *name && a.cost > 0);
                Some(act.cloned().ok_or_else(|| undefined(name))?)
            }
            None if self.never || self.flow == Flow::None => None,
            None => return Err(undefined(&format!("{}: cut", self.name))),
        };
        Ok(EdgeKind {
            name: self.name,
            text: Bilingual { en: self.en, ja: self.ja },
            flow: self.flow,
            act,
            is_fact: self.fact,
            is_credential: self.credential,
            is_known: true,
        })
    }
}

fn edge_number(catalogue: &Catalogue, name: &str) -> Result<u16, GraphError> {
    catalogue.edge(name).map(|(kind, _)| kind).ok_or_else(|| undefined(name))
}

impl TogetherEntry {
    fn resolve(self, catalogue: &Catalogue) -> Result<Together, GraphError> {
        let all = self.all.iter().map(|name| edge_number(catalogue, name));
        Ok(Together {
            kind: edge_number(catalogue, &self.kind)?,
            all: all.collect::<Result<_, _>>()?,
            through: edge_number(catalogue, &self.through)?,
            on: catalogue.node(&self.on).ok_or_else(|| undefined(&self.on))?,
        })
    }
}

impl ImpliedEntry {
    fn resolve(self, catalogue: &Catalogue) -> Result<Implied, GraphError> {
        Ok(Implied { kind: edge_number(catalogue, &self.kind)?, from: self.from, to: self.to })
    }
}

impl SelectionEntry {
    fn resolve(self, catalogue: &Catalogue) -> Result<Selection, GraphError> {
        let kinds = self.kinds.iter().map(|name| catalogue.node(name).ok_or_else(|| undefined(name)));
        Ok(Selection { endings: self.endings, kinds: kinds.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_every_spelling() {
        let catalogue = Catalogue::bundled().unwrap();
        let (kind, against) = catalogue.edge("MemberOf").unwrap();
        assert_eq!((catalogue.edges[kind as usize].name.as_str(), against), ("member-of", false));
        assert_eq!(catalogue.edge("member_of"), catalogue.edge("Member Of"));
        assert_eq!(catalogue.edge("has-session").map(|k| k.0), catalogue.edge("SessionOn").map(|k| k.0));
        assert!(catalogue.edge("session-on").unwrap().1, "stated the other way round");
        assert_eq!(catalogue.edge("no such kind"), None);
        assert_eq!(catalogue.nodes[catalogue.unknown_node() as usize].0, "unknown");
    }

    #[test]
    fn what_is_walked_can_be_cut_or_says_that_it_cannot() {
        let text = BUNDLED
            .replace("{name: contains, flow: control, never: true,", "{name: contains, flow: control,");
        assert_ne!(text, BUNDLED);
        assert!(
            matches!(Catalogue::parse(&text), Err(GraphError::Undefined { name, .. }) if name == "contains: cut")
        );
    }

    #[test]
    fn names_are_unique_and_defined() {
        let twice = BUNDLED.replace("name: can-rdp,", "name: Admin_Of,");
        assert!(matches!(Catalogue::parse(&twice), Err(GraphError::Twice { .. })));
        let missing = BUNDLED.replace("kinds: [backup-copy]", "kinds: [tape]");
        assert!(
            matches!(Catalogue::parse(&missing), Err(GraphError::Undefined { name, .. }) if name == "tape")
        );
        let newer = BUNDLED.replace("version: 1", "version: 2");
        assert!(matches!(Catalogue::parse(&newer), Err(GraphError::Version { version: 2, .. })));
    }

    #[test]
    fn every_sentence_has_both_sides_in_both_languages() {
        let catalogue = Catalogue::bundled().unwrap();
        let acts = catalogue.edges.iter().filter_map(|k| k.act.as_ref()).map(|a| &a.text);
        for text in catalogue.edges.iter().map(|k| &k.text).chain(acts) {
            for side in ["{from}", "{to}"] {
                assert!(text.en.contains(side) && text.ja.contains(side), "{}", text.en);
            }
        }
    }
}

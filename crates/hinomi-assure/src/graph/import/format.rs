//! How directory exports state things, compiled from data into a tree of field names.

use std::collections::HashMap;

use serde::Deserialize;

use super::super::catalogue::{Catalogue, NodeKind};
use super::super::error::GraphError;

const BUNDLED: &str = include_str!("../../../../../mappings/graph-directory.yaml");
const FILE: &str = "graph-directory.yaml";

/// Where directory exports have which statement.
#[derive(Debug)]
pub struct DirectoryFormat {
    pub(super) list: String,
    pub(super) about: String,
    pub(super) type_field: String,
    pub(super) version_field: String,
    pub(super) versions: Vec<u64>,
    pub(super) types: HashMap<String, NodeKind>,
    pub(super) principals: HashMap<String, NodeKind>,
    /// Step 0 is the object itself.
    pub(super) steps: Vec<Step>,
    pub(super) records: Vec<Record>,
    /// Kinds of the lists of a policy, by number of the list.
    pub(super) grants: Vec<String>,
    pub(super) grant_kind: NodeKind,
    pub(super) flag_count: usize,
    pub(super) choice_count: usize,
    pub(super) collected: Vec<String>,
}

/// A place in an object.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) children: HashMap<String, u32>,
    pub(super) slots: Vec<Slot>,
    /// Records that stand here.
    pub(super) records: Vec<u16>,
    /// Choices that are made within one object here.
    pub(super) choices: Vec<u16>,
}

/// What a value is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Id,
    Name,
    Marked,
    Deleted,
    Other(u16),
    OtherKind(u16),
    Object(u16),
    Right(u16),
    Inherited(u16),
    Choice(u16),
    Flag(u16),
    Collected(u16),
}

/// One kind of statement.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) role: Role,
    pub(super) other_is: NodeKind,
    pub(super) is_towards_object: bool,
    pub(super) is_observed: bool,
    /// Flag that must be set.
    pub(super) when: Option<u16>,
}

/// What becomes of a record.
#[derive(Debug)]
pub(super) enum Role {
    /// An edge of one kind.
    Edge(String),
    /// An edge whose kind the record names.
    Named,
    /// An edge whose kind the end of a text decides: number of the choice, kinds by ending, kind otherwise.
    Chosen(u16, Vec<(String, String)>, String),
    /// A host on which a policy grants something.
    GrantHost,
    /// Somebody to whom a policy grants something: number of the list.
    GrantMember(u16),
}

impl DirectoryFormat {
    /// The format of this program.
    pub fn bundled(catalogue: &Catalogue) -> Result<Self, GraphError> {
        Self::parse(BUNDLED, catalogue)
    }

    /// A format in YAML, in the form of `mappings/graph-directory.yaml`.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Self, GraphError> {
        let file: File =
            serde_yaml_ng::from_str(text).map_err(|source| GraphError::Data { file: FILE, source })?;
        if file.format != 1 {
            return Err(GraphError::Version { file: FILE, version: file.format });
        }
        Compiler::new(&file, catalogue)?.compile(&file)
    }

    /// Whether the beginning or the end of a document describes it as such an export: it names a type that is read, and a
    /// version.
    pub fn recognises(&self, head: &str, tail: &str) -> bool {
        let has_list =
            head.contains(&format!("\"{}\"", self.list)) || tail.contains(&format!("\"{}\"", self.list));
        has_list && [head, tail].iter().any(|text| self.is_about(text))
    }

    fn is_about(&self, text: &str) -> bool {
        let name = format!("\"{}\"", self.about);
        let Some((_, rest)) = text.rsplit_once(&name) else { return false };
        let about = rest.trim_start().strip_prefix(':').and_then(|rest| rest.split_once('}'));
        let Some((about, _)) = about else { return false };
        let Ok(about) = serde_json::from_str::<serde_json::Value>(&format!("{about}}}")) else {
            return false;
        };
        let kind = about.get(&self.type_field).and_then(serde_json::Value::as_str);
        kind.is_some_and(|kind| self.types.contains_key(kind)) && about.get(&self.version_field).is_some()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    list: String,
    about: String,
    #[serde(rename = "type")]
    type_field: String,
    version: String,
    versions: Vec<u64>,
    types: HashMap<String, String>,
    principals: HashMap<String, String>,
    object: ObjectEntry,
    collected: Vec<String>,
    records: Vec<RecordEntry>,
    grants: GrantsEntry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectEntry {
    id: String,
    name: String,
    marked: Vec<String>,
    deleted: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordEntry {
    at: String,
    #[serde(default)]
    other: Vec<String>,
    other_kind: Option<String>,
    other_is: Option<String>,
    object: Option<String>,
    right: Option<String>,
    kind: Option<String>,
    choose: Option<String>,
    #[serde(default)]
    kinds: HashMap<String, String>,
    #[serde(rename = "else")]
    otherwise: Option<String>,
    inherited: Option<String>,
    #[serde(default)]
    observed: bool,
    when: Option<String>,
    #[serde(default)]
    towards: Towards,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Towards {
    #[default]
    Object,
    Other,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantsEntry {
    node: String,
    hosts: RecordEntry,
    lists: Vec<RecordEntry>,
}

fn undefined(name: &str) -> GraphError {
    GraphError::Undefined { file: FILE, name: name.to_owned() }
}

struct Compiler<'c> {
    catalogue: &'c Catalogue,
    format: DirectoryFormat,
    /// Paths of flags and choices, by number.
    flags: Vec<String>,
    choices: Vec<String>,
}

impl<'c> Compiler<'c> {
    fn new(file: &File, catalogue: &'c Catalogue) -> Result<Self, GraphError> {
        let kind = |name: &String| catalogue.node(name).ok_or_else(|| undefined(name));
        let kinds = |names: &HashMap<String, String>| -> Result<HashMap<String, NodeKind>, GraphError> {
            names.iter().map(|(stated, name)| Ok((stated.clone(), kind(name)?))).collect()
        };
        let format = DirectoryFormat {
            list: file.list.clone(),
            about: file.about.clone(),
            type_field: file.type_field.clone(),
            version_field: file.version.clone(),
            versions: file.versions.clone(),
            types: kinds(&file.types)?,
            principals: kinds(&file.principals)?,
            steps: vec![Step::default()],
            records: Vec::new(),
            grants: Vec::new(),
            grant_kind: kind(&file.grants.node)?,
            flag_count: 0,
            choice_count: 0,
            collected: file.collected.clone(),
        };
        Ok(Self { catalogue, format, flags: Vec::new(), choices: Vec::new() })
    }

    fn compile(mut self, file: &File) -> Result<DirectoryFormat, GraphError> {
        self.slot(&file.object.id, Slot::Id);
        self.slot(&file.object.name, Slot::Name);
        self.slot(&file.object.deleted, Slot::Deleted);
        for path in &file.object.marked {
            self.slot(path, Slot::Marked);
        }
        for (number, list) in (0u16..).zip(&file.collected) {
            self.slot(&format!("{list}.Collected"), Slot::Collected(number));
        }
        for entry in &file.records {
            let role = self.role(entry)?;
            self.record(entry, role)?;
        }
        self.record(&file.grants.hosts, Role::GrantHost)?;
        for (number, entry) in (0u16..).zip(&file.grants.lists) {
            let kind = self.edge_kind(entry.kind.as_deref().unwrap_or_default())?;
            self.format.grants.push(kind);
            self.record(entry, Role::GrantMember(number))?;
        }
        self.format.flag_count = self.flags.len();
        self.format.choice_count = self.choices.len();
        Ok(self.format)
    }

    fn role(&mut self, entry: &RecordEntry) -> Result<Role, GraphError> {
        if let Some(path) = &entry.choose {
            let choice = self.choice(path);
            let mut kinds = Vec::new();
            for (ending, kind) in &entry.kinds {
                kinds.push((ending.clone(), self.edge_kind(kind)?));
            }
            // The longest ending first, then in order: the map has none of its own.
            kinds.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
            let otherwise = self.edge_kind(entry.otherwise.as_deref().unwrap_or_default())?;
            return Ok(Role::Chosen(choice, kinds, otherwise));
        }
        match (&entry.kind, &entry.right) {
            (Some(kind), _) => Ok(Role::Edge(self.edge_kind(kind)?)),
            (None, Some(_)) => Ok(Role::Named),
            (None, None) => Err(undefined(&format!("{}: kind", entry.at))),
        }
    }

    fn edge_kind(&self, name: &str) -> Result<String, GraphError> {
        self.catalogue.edge(name).map(|_| name.to_owned()).ok_or_else(|| undefined(name))
    }

    fn record(&mut self, entry: &RecordEntry, role: Role) -> Result<(), GraphError> {
        let number = u16::try_from(self.format.records.len()).unwrap_or(u16::MAX);
        let other_is = match &entry.other_is {
            Some(name) => self.catalogue.node(name).ok_or_else(|| undefined(name))?,
            None => self.catalogue.unknown_node(),
        };
        let when = entry.when.as_ref().map(|path| self.flag(path));
        let step = self.step(&entry.at);
        if let Some(step) = self.format.steps.get_mut(step as usize) {
            step.records.push(number);
        }
        let field = |name: &str| format!("{}.{name}", entry.at);
        for name in &entry.other {
            self.slot(&field(name), Slot::Other(number));
        }
        let named = [
            (&entry.other_kind, Slot::OtherKind(number)),
            (&entry.object, Slot::Object(number)),
            (&entry.right, Slot::Right(number)),
            (&entry.inherited, Slot::Inherited(number)),
        ];
        for (name, slot) in named {
            if let Some(name) = name {
                self.slot(&field(name), slot);
            }
        }
        self.format.records.push(Record {
            role,
            other_is,
            is_towards_object: entry.towards == Towards::Object,
            is_observed: entry.observed,
            when,
        });
        Ok(())
    }

    fn flag(&mut self, path: &str) -> u16 {
        let known = self.flags.iter().position(|p| p == path);
        let number = u16::try_from(known.unwrap_or(self.flags.len())).unwrap_or(u16::MAX);
        if known.is_none() {
            self.flags.push(path.to_owned());
            self.slot(path, Slot::Flag(number));
        }
        number
    }

    fn choice(&mut self, path: &str) -> u16 {
        let known = self.choices.iter().position(|p| p == path);
        let number = u16::try_from(known.unwrap_or(self.choices.len())).unwrap_or(u16::MAX);
        if known.is_none() {
            self.choices.push(path.to_owned());
            self.slot(path, Slot::Choice(number));
            let around = path.rsplit_once('.').map_or("", |(around, _)| around);
            let step = self.step(around);
            if let Some(step) = self.format.steps.get_mut(step as usize) {
                step.choices.push(number);
            }
        }
        number
    }

    fn slot(&mut self, path: &str, slot: Slot) {
        let step = self.step(path);
        if let Some(step) = self.format.steps.get_mut(step as usize) {
            step.slots.push(slot);
        }
    }

    /// The step at a path, made where it is new.
    fn step(&mut self, path: &str) -> u32 {
        let mut at = 0;
        for name in path.split('.').filter(|name| !name.is_empty()) {
            let next = u32::try_from(self.format.steps.len()).unwrap_or(u32::MAX);
            let Some(step) = self.format.steps.get_mut(at as usize) else { return at };
            let child = *step.children.entry(name.to_owned()).or_insert(next);
            if child == next {
                self.format.steps.push(Step::default());
            }
            at = child;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_format_names_only_what_the_catalogue_has() {
        let catalogue = Catalogue::bundled().unwrap();
        let format = DirectoryFormat::bundled(&catalogue).unwrap();
        assert!(format.records.len() > 25 && format.grants.len() == 4 && format.choice_count == 3);
        let wrong = BUNDLED.replace("kind: has-sid-history", "kind: had-sid-history");
        let error = DirectoryFormat::parse(&wrong, &catalogue);
        assert!(matches!(error, Err(GraphError::Undefined { name, .. }) if name == "had-sid-history"));
        let wrong = BUNDLED.replace("other_is: domain", "other_is: kingdom");
        assert!(matches!(DirectoryFormat::parse(&wrong, &catalogue), Err(GraphError::Undefined { .. })));
    }
}

//! Exports of directory collectors: JSON documents with one kind of objects each.

use std::io::BufRead;

use hinomi_model::DiagnosticKind;
use serde_json::Value;

use super::Import;
use super::format::{DirectoryFormat, Role};
use super::walk::{Object, State};
use crate::elements::{End, Layout, Spot, Take, cut};
use crate::graph::build::{Builder, DocumentId, Row};

/// Kind of the edge between somebody and what a policy grants.
const GRANTED: &str = "granted-by-policy";

impl Builder {
    /// Reads one document of a directory export. Large documents are read object by object.
    pub fn read_directory(&mut self, format: &DirectoryFormat, name: &str, reader: impl BufRead) -> Import {
        let document = self.document(name);
        let largest = self.bounds.object_bytes;
        let mut taker = Taker {
            state: State::new(format, self),
            name,
            document,
            import: Import::default(),
            described: Vec::new(),
        };
        let end = cut(reader, Layout::Named(&[&format.list], &format.about), largest, &mut taker);
        match end {
            End::Whole => {}
            End::Cut(at) => taker.diagnose(at, DiagnosticKind::Truncated, "the document ends in the middle"),
            End::Unreadable(at) => taker.diagnose(at, DiagnosticKind::Unreadable, "cannot be read further"),
        }
        taker.finish()
    }
}

/// A node that the document describes, until the document says of what kind its nodes are.
struct Described {
    node: u32,
    name: String,
    is_marked: bool,
}

struct Taker<'b> {
    state: State<'b>,
    name: &'b str,
    document: DocumentId,
    import: Import,
    described: Vec<Described>,
}

impl Take for Taker<'_> {
    fn element(&mut self, bytes: &[u8], Spot { offset, .. }: Spot) {
        if let Err(error) = self.state.read(bytes) {
            self.import.skipped += 1;
            let message = format!("an object is skipped: {error}");
            self.diagnose(offset, DiagnosticKind::Malformed, &message);
            return;
        }
        self.import.objects += 1;
        if self.state.object.id.is_empty() {
            self.import.skipped += 1;
            self.diagnose(offset, DiagnosticKind::Malformed, "an object without identifier is skipped");
            return;
        }
        self.object(offset);
    }

    fn about(&mut self, bytes: &[u8], Spot { offset, .. }: Spot) {
        let Ok(about) = serde_json::from_slice::<Value>(bytes) else {
            self.diagnose(
                offset,
                DiagnosticKind::Malformed,
                "the description of the document cannot be read",
            );
            return;
        };
        let format = self.state.format;
        self.import.kind = about.get(&format.type_field).and_then(Value::as_str).map(str::to_owned);
        self.import.version = about.get(&format.version_field).and_then(Value::as_u64);
        if let Some(version) = self.import.version.filter(|v| !format.versions.contains(v)) {
            let message =
                format!("version {version} is not among those that were tried: statements may be missed");
            self.diagnose(offset, DiagnosticKind::Unrecognised, &message);
        }
    }

    fn refused(&mut self, Spot { offset, .. }: Spot, why: &'static str) {
        self.import.skipped += 1;
        self.diagnose(offset, DiagnosticKind::Malformed, why);
    }
}

impl Taker<'_> {
    fn diagnose(&mut self, offset: u64, kind: DiagnosticKind, message: &str) {
        self.state.builder.diagnostics.push(self.name, offset, kind, message);
    }

    /// Hands the edges of the object that was read to the builder.
    fn object(&mut self, offset: u64) {
        let mut object = std::mem::take(&mut self.state.object);
        object.id.make_ascii_uppercase();
        let builder = &mut *self.state.builder;
        let unknown = builder.catalogue.unknown_node();
        if !object.is_deleted
            && let Some(node) = builder.node(&object.id, unknown)
        {
            let origin = builder.place(self.document, offset).0;
            self.statements(&object, node, origin);
            self.grants(&object, origin);
            let (name, is_marked) = (std::mem::take(&mut object.name), object.is_marked);
            self.described.push(Described { node, name, is_marked });
        }
        self.state.object = object;
    }

    fn statements(&mut self, object: &Object, node: u32, origin: u32) {
        for statement in &object.statements {
            let record = self.state.format.records.get(usize::from(statement.record));
            let (Some(record), Some((kind, is_reversed))) = (record, statement.kind) else { continue };
            let (this, other) = (statement.object.unwrap_or(node), statement.other);
            let towards_this = record.is_towards_object != is_reversed;
            let (from, to) = if towards_this { (other, this) } else { (this, other) };
            self.push(Row { from, to, kind, flags: statement.flags, origin });
        }
        for (record, other) in &object.conditional {
            let Some(record) = self.state.format.records.get(usize::from(*record)) else { continue };
            let is_set = record.when.is_some_and(|flag| object.flags.get(usize::from(flag)) == Some(&true));
            if let (Role::Edge(kind), true) = (&record.role, is_set)
                && let Some(other) = self.state.builder.node(other, record.other_is)
            {
                let (kind, _) = self.state.builder.kind(kind);
                let (from, to) = if record.is_towards_object { (other, node) } else { (node, other) };
                self.push(Row { from, to, kind, flags: 0, origin });
            }
        }
    }

    fn push(&mut self, row: Row) {
        self.import.statements += 1;
        self.state.builder.push(row);
    }

    /// What a policy grants on hosts: its members reach a node of the grant, and that node the hosts.
    fn grants(&mut self, object: &Object, origin: u32) {
        if object.hosts.is_empty() {
            return;
        }
        for (list, kind) in (0u16..).zip(&self.state.format.grants) {
            let mut members = object.members.iter().filter(|(l, _)| *l == list).peekable();
            if members.peek().is_none() {
                continue;
            }
            let builder = &mut *self.state.builder;
            let id = format!("{}|{kind}", object.id);
            let Some(grant) = builder.node(&id, self.state.format.grant_kind) else { continue };
            builder.describe_node(
                grant,
                self.state.format.grant_kind,
                &format!("{}: {kind}", object.name),
                false,
            );
            let (granted, _) = builder.kind(GRANTED);
            let (kind, _) = builder.kind(kind);
            for (_, member) in members {
                self.push(Row { from: *member, to: grant, kind: granted, flags: 0, origin });
            }
            for host in &object.hosts {
                self.push(Row { from: grant, to: *host, kind, flags: 0, origin });
            }
        }
    }

    fn finish(mut self) -> Import {
        let format = self.state.format;
        let stated = self.import.kind.as_deref();
        let kind = stated.and_then(|name| format.types.get(name)).copied();
        if kind.is_none() {
            let message = match stated {
                Some(name) => format!("objects of type «{name}» are of unknown kind"),
                None => "the document does not say what its objects are".to_owned(),
            };
            self.diagnose(0, DiagnosticKind::Unrecognised, &message);
        }
        let kind = kind.unwrap_or(self.state.builder.catalogue.unknown_node());
        for node in &self.described {
            self.state.builder.describe_node(node.node, kind, &node.name, node.is_marked);
        }
        let lists = format.collected.iter().zip(&self.state.collected);
        let stated = lists.filter(|(_, (yes, no))| yes + no > 0);
        self.import.collected = stated.map(|(name, (yes, no))| (name.clone(), *yes, *no)).collect();
        self.import.unread = std::mem::take(&mut self.state.unread).into_iter().collect();
        self.import
    }
}

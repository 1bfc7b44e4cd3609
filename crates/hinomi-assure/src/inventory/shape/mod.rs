//! How exports of products state entities: data, so that a product is a page of YAML and no code.
//!
//! # Not here
//! Lists that people keep, whose columns have usual names ([`super::table`]).

mod convert;
mod path;
mod read;
mod written;

pub(super) use convert::As;
pub(super) use path::{Path, View};
pub(super) use read::Stated;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{EntityKind, ImportError};
use crate::claim::Condition;

/// How the bytes of a document are laid out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Rows with a header.
    Csv,
    /// JSON objects: in a list, in a named list, or one per line.
    Json,
    /// LDAP Data Interchange Format (RFC 2849).
    Ldif,
    /// XML elements.
    Xml,
}

impl Form {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Ldif => "LDIF",
            Self::Xml => "XML",
        }
    }
}

/// What a record is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    Entity(EntityKind),
    /// A group: it makes its members what it is.
    Group,
    /// Nothing that is kept: it is known, and passed over.
    Nothing,
}

/// How one kind of record of one product is read.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: String,
    /// What such a list is to the organisation: `directory`, `sensor`, `backup` …
    pub(super) class: String,
    /// Whether the organisation keeps it by hand: what stands in it is registered.
    pub(super) is_register: bool,
    pub(super) form: Form,
    /// Names of lists, or the element of a record.
    pub(super) lists: Vec<String>,
    pub(super) has: Vec<Path>,
    pub(super) when: Option<Condition>,
    /// Objects inside of a record that are the entities, and which of them.
    pub(super) each: Option<Path>,
    pub(super) only: Option<Condition>,
    /// Whether a record of another shape may be of this one, too.
    pub(super) is_also: bool,
    pub(super) of: Of,
    pub(super) id: Vec<Source>,
    pub(super) aliases: Vec<Source>,
    pub(super) attributes: BTreeMap<String, Vec<Source>>,
    pub(super) valid_until: Vec<Source>,
    pub(super) known_from: Vec<Source>,
    pub(super) member_of: Vec<Source>,
    pub(super) members: Vec<Source>,
    /// Fields of a record that it reads.
    pub(super) used: BTreeSet<String>,
}

/// Where a value comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// Values of the first of these paths that has some.
    Paths { from: Vec<Path>, form: Option<As>, when: Option<Condition> },
    /// A word, where a condition holds.
    Word { is: String, when: Condition },
    /// Several values joined into one, if all are there.
    Joined { parts: Vec<Source>, between: String },
}

/// All shapes.
#[derive(Debug)]
pub(super) struct Shapes {
    pub(super) shapes: Vec<Shape>,
    /// Attributes of LDIF that are binary, and what they hold.
    pub(super) binary: BTreeMap<String, Binary>,
    /// Patterns of names of groups whose members are privileged.
    pub(super) privileged: Vec<String>,
    /// Attributes whose value may be the name of an account in the same lists.
    pub(super) references: Vec<String>,
}

/// What the bytes of an attribute are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Binary {
    /// A security identifier (MS-DTYP 2.4.2.2).
    Sid,
    /// A globally unique identifier (MS-DTYP 2.3.4.2).
    Guid,
}

/// Shapes that ship with the program.
const BUNDLED: [(&str, &str); 5] = [
    ("directory", include_str!("../../../../../mappings/inventory/directory.yaml")),
    ("identity", include_str!("../../../../../mappings/inventory/identity.yaml")),
    ("devices", include_str!("../../../../../mappings/inventory/devices.yaml")),
    ("backups", include_str!("../../../../../mappings/inventory/backups.yaml")),
    ("network", include_str!("../../../../../mappings/inventory/network.yaml")),
];

impl Shapes {
    /// Those that ship with the program.
    pub(super) fn bundled() -> Result<Self, ImportError> {
        let mut all = Self {
            shapes: Vec::new(),
            binary: BTreeMap::new(),
            privileged: Vec::new(),
            references: Vec::new(),
        };
        for (origin, text) in BUNDLED {
            written::add(&mut all, origin, text)?;
        }
        Ok(all)
    }

    /// Shapes of a form, in order.
    pub(super) fn of_form(&self, form: Form) -> impl Iterator<Item = &Shape> {
        self.shapes.iter().filter(move |s| s.form == form)
    }

    /// Names of lists, or elements of records, of a form.
    pub(super) fn lists(&self, form: Form) -> Vec<&str> {
        let mut names: Vec<&str> = self.of_form(form).flat_map(|s| &s.lists).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

//! Documents of any known form into an inventory.
//!
//! What a document is of is told by its content, record by record. Membership and references between lists are followed
//! when everything has been read.
//!
//! # Invariants
//! - What is not read is said, with its place: nothing is left out in silence.
//! - A document in which nothing is recognised is an error: what it names would look unregistered.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, Read as _};

use hinomi_model::Timestamp;
use serde_json::{Map, Value};

use super::csv::{self, Row};
use super::form::{self, Sink};
use super::groups::Groups;
use super::shape::{Form, Of, Path, Shape, Shapes, Stated, View};
use super::table::{ImportTable, normal};
use super::{Entity, EntityKind, ImportError, Inventory, ListKind, MergeRules, Place, Validity};

/// Problems that are kept per document; more are counted.
const MOST_PROBLEMS: usize = 200;
/// Names of fields that are kept to say that they are not read.
const MOST_UNUSED: usize = 40;
/// Rows of all lists together.
const MOST_ROWS: usize = 4_000_000;

/// How lists and exports are read.
#[derive(Debug)]
pub struct Formats {
    table: ImportTable,
    shapes: Shapes,
}

impl Formats {
    /// Those that ship with the program.
    ///
    /// # Errors
    /// When they do not parse, which a test excludes.
    pub fn bundled() -> Result<Self, ImportError> {
        Ok(Self { table: ImportTable::bundled()?, shapes: Shapes::bundled()? })
    }

    /// Attributes of a directory that are read from its export.
    pub fn directory_attributes(&self) -> Vec<String> {
        let used: BTreeSet<&String> = self.shapes.of_form(Form::Ldif).flat_map(|s| &s.used).collect();
        used.into_iter().filter(|name| *name != "dn").cloned().collect()
    }

    /// How the statements of several lists become one.
    pub fn merge_rules(&self) -> &MergeRules {
        &self.table.merge
    }
}

/// What one document held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// Its form.
    pub form: Form,
    /// Names of the lists that it holds, such as `register`, or that of the product's export.
    pub lists: BTreeSet<String>,
    /// Rows by what they are of.
    pub rows: BTreeMap<EntityKind, u64>,
    /// Groups, which make accounts what they are.
    pub groups: u64,
    /// Records of kinds that are known and no entities.
    pub passed_over: u64,
    /// Records that are not used.
    pub refused: u64,
    /// Since when it can be known: as it states, or not before the latest moment that it speaks of.
    pub known_from: Option<Timestamp>,
    /// Line and problem.
    pub problems: Vec<(u64, String)>,
    /// Problems beyond those.
    pub more_problems: u64,
}

impl Imported {
    fn new(form: Form) -> Self {
        Self {
            form,
            lists: BTreeSet::new(),
            rows: BTreeMap::new(),
            groups: 0,
            passed_over: 0,
            refused: 0,
            known_from: None,
            problems: Vec::new(),
            more_problems: 0,
        }
    }

    fn problem(&mut self, line: u64, what: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push((line, what));
        } else {
            self.more_problems += 1;
        }
    }

    /// Rows of all kinds, and groups.
    pub fn used(&self) -> u64 {
        self.rows.values().sum::<u64>() + self.groups
    }
}

/// Reads documents, one after the other.
#[derive(Debug)]
pub struct Importer<'f> {
    formats: &'f Formats,
    present: Timestamp,
    rows: Vec<(Entity, Vec<String>)>,
    groups: Groups,
    /// Rows of lists that say who is in which groups.
    follows: BTreeSet<usize>,
}

impl<'f> Importer<'f> {
    /// Begins. Moments after `present` do not date a document.
    pub fn new(formats: &'f Formats, present: Timestamp) -> Self {
        Self { formats, present, rows: Vec::new(), groups: Groups::default(), follows: BTreeSet::new() }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// When it cannot be read, or nothing in it is of a known kind.
    pub fn read(&mut self, document: &str, mut reader: impl BufRead) -> Result<Imported, ImportError> {
        let unreadable = |source| ImportError::Unreadable { document: document.to_owned(), source };
        let (first, mut rest) = form::first_bytes(&mut reader).map_err(unreadable)?;
        if form::is_wide(&first) || form::sniff(&first) == Form::Csv {
            let mut bytes = Vec::new();
            rest.take(form::LARGEST_WHOLE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
            if bytes.len() as u64 > form::LARGEST_WHOLE {
                let why = format!("larger than {} MiB: split it", form::LARGEST_WHOLE >> 20);
                return Err(unreadable(std::io::Error::new(std::io::ErrorKind::FileTooLarge, why)));
            }
            let (text, replaced) = csv::decode_text(&bytes);
            let mut imported = match form::sniff(text.as_bytes()) {
                Form::Csv => self.table(document, &text)?,
                form => self.records(document, form, &mut text.as_bytes())?,
            };
            if replaced {
                imported.problems.insert(0, (0, "some characters are in no known encoding".to_owned()));
            }
            return Ok(imported);
        }
        self.records(document, form::sniff(&first), &mut rest)
    }

    fn records(
        &mut self,
        document: &str,
        form: Form,
        reader: &mut dyn BufRead,
    ) -> Result<Imported, ImportError> {
        let formats = self.formats;
        let mut reading = Reading::new(self, document, form);
        form::read(form, &formats.shapes, reader, &mut reading);
        reading.finish()
    }

    /// Rows with a header: of a product's export, or of a list that people keep.
    fn table(&mut self, document: &str, text: &str) -> Result<Imported, ImportError> {
        let rows = csv::rows(text);
        let formats = self.formats;
        if let Some((header, records)) = rows.split_first() {
            let columns: Vec<String> = header.cells.iter().map(|c| normal(c)).collect();
            let empty: Map<String, Value> =
                columns.iter().map(|c| (c.clone(), Value::String(String::new()))).collect();
            if formats.shapes.of_form(Form::Csv).any(|s| s.has_columns(&empty)) {
                let mut reading = Reading::new(self, document, Form::Csv);
                records.iter().for_each(|row| reading.record("", cells(&columns, row), row.line));
                return reading.finish();
            }
        }
        let read = formats.table.entities(document, &rows)?;
        let mut imported = Imported::new(Form::Csv);
        imported.lists.insert(ListKind::default().class);
        imported.refused = read.refused;
        read.problems.into_iter().for_each(|(line, what)| imported.problem(line, what));
        for entity in read.entities {
            *imported.rows.entry(entity.kind).or_default() += 1;
            self.rows.push((entity, Vec::new()));
        }
        Ok(imported)
    }

    /// Follows membership and references, and gives the inventory.
    pub fn finish(mut self) -> Inventory {
        if !self.groups.is_empty() || !self.follows.is_empty() {
            self.follow_membership();
        }
        self.follow_references();
        let mut inventory = Inventory::default();
        self.rows.into_iter().for_each(|(entity, _)| inventory.add(entity));
        inventory
    }

    fn follow_membership(&mut self) {
        let groups = std::mem::take(&mut self.groups);
        let membership = groups.follow(&self.rows, &self.formats.shapes.privileged);
        let found = membership.direct.into_iter().zip(membership.privileged);
        for (at, ((entity, _), (direct, through))) in self.rows.iter_mut().zip(found).enumerate() {
            let mut set = |name: &str, values: Vec<String>| {
                entity.attributes.insert(name.to_owned(), values);
            };
            if !through.is_empty() {
                set("privileged", vec!["yes".to_owned()]);
                set("privileged_by", through);
            } else if self.follows.contains(&at) {
                // Its list tells of groups, and none of those that administer has it.
                entity.attributes.entry("privileged".to_owned()).or_insert_with(|| vec!["no".to_owned()]);
            }
            if !direct.is_empty() {
                entity.attributes.insert("groups".to_owned(), direct);
            }
        }
    }

    /// Directories name people by their place in the tree: where the same lists have it, it becomes the account's name.
    fn follow_references(&mut self) {
        let mut names: HashMap<String, String> = HashMap::new();
        for (entity, _) in self.rows.iter().filter(|(e, _)| e.kind == EntityKind::Account) {
            for name in &entity.aliases {
                names.entry(name.to_lowercase()).or_insert_with(|| entity.id.clone());
            }
        }
        for (entity, _) in &mut self.rows {
            for name in &self.formats.shapes.references {
                for value in entity.attributes.get_mut(name).into_iter().flatten() {
                    if let Some(id) = names.get(&value.to_lowercase()) {
                        value.clone_from(id);
                    }
                }
            }
        }
    }
}

/// A row as a record: cells by their normal header, empty ones too.
fn cells(columns: &[String], row: &Row) -> Value {
    let cells = row.cells.iter().cloned().chain(std::iter::repeat(String::new()));
    let pairs = columns.iter().zip(cells).filter(|(name, _)| !name.is_empty());
    Value::Object(pairs.map(|(name, cell)| (name.clone(), Value::String(cell))).collect())
}

impl Shape {
    fn has_columns(&self, header: &Map<String, Value>) -> bool {
        let needed = |path: &Path| path.first().is_some_and(|name| header.contains_key(name));
        self.has.iter().all(needed)
    }
}

/// One document while it is read.
struct Reading<'i, 'f> {
    importer: &'i mut Importer<'f>,
    name: &'i str,
    imported: Imported,
    /// Fields of the document itself.
    fields: Value,
    stated: Option<Timestamp>,
    latest: Option<Timestamp>,
    first_row: usize,
    unused: BTreeSet<String>,
    /// Records of no known kind, and the fields of the first.
    strange: u64,
    strange_fields: Option<(u64, String)>,
}

impl<'i, 'f> Reading<'i, 'f> {
    fn new(importer: &'i mut Importer<'f>, name: &'i str, form: Form) -> Self {
        Self {
            first_row: importer.rows.len(),
            importer,
            name,
            imported: Imported::new(form),
            fields: Value::Null,
            stated: None,
            latest: None,
            unused: BTreeSet::new(),
            strange: 0,
            strange_fields: None,
        }
    }

    fn finish(mut self) -> Result<Imported, ImportError> {
        // An export may well be empty, or hold what is known and no entity; not a document of something else.
        if self.imported.used() + self.imported.passed_over == 0 && self.imported.refused > 0 {
            let form = self.imported.form.name();
            let fields = self.strange_fields.map(|(_, fields)| format!("the first has the fields {fields}"));
            let problem = || self.imported.problems.first().map(|(line, what)| format!("{line}: {what}"));
            let said = fields.or_else(problem).unwrap_or_default();
            return Err(ImportError::UnknownRecords { document: self.name.to_owned(), form, said });
        }
        if let Some((line, fields)) = self.strange_fields.take() {
            let count = self.strange;
            self.imported
                .problem(line, format!("{count} records are of no known kind; the first has {fields}"));
        }
        if !self.unused.is_empty() {
            let more = if self.unused.len() >= MOST_UNUSED { " and more" } else { "" };
            let names: Vec<String> = std::mem::take(&mut self.unused).into_iter().collect();
            self.imported.problem(0, format!("fields that are not used: {}{more}", names.join(", ")));
        }
        self.imported.known_from = self.stated.or(self.latest);
        let rows = self.importer.rows.get_mut(self.first_row..).unwrap_or_default();
        for (entity, _) in rows.iter_mut().filter(|(e, _)| e.known_from.is_none()) {
            entity.known_from = self.imported.known_from;
        }
        Ok(self.imported)
    }

    /// One object that is an entity or a group.
    fn take(&mut self, shape: &Shape, view: View<'_>, line: u64) {
        if shape.of == Of::Nothing {
            self.imported.passed_over += 1;
            return;
        }
        let Some(stated) = shape.read(view) else {
            self.imported.refused += 1;
            return self.imported.problem(line, format!("{}: a record without a name", shape.name));
        };
        for problem in &stated.problems {
            self.imported.problem(line, problem.clone());
        }
        self.latest = self.latest.max(stated.latest.filter(|time| *time <= self.importer.present));
        if stated.latest.is_some_and(|time| time > self.importer.present) {
            self.imported.problem(line, format!("{}: it speaks of a moment in the future", stated.id));
        }
        self.stated = self.stated.max(stated.known_from);
        self.imported.lists.insert(shape.name.clone());
        match shape.of {
            Of::Group => {
                self.imported.groups += 1;
                self.importer.groups.add(stated.id, stated.aliases, stated.members);
            }
            Of::Entity(kind) => self.entity(shape, kind, stated, line),
            Of::Nothing => {}
        }
    }

    fn entity(&mut self, shape: &Shape, kind: EntityKind, stated: Stated, line: u64) {
        if self.importer.rows.len() >= MOST_ROWS {
            self.imported.refused += 1;
            return self.imported.problem(line, format!("more than {MOST_ROWS} rows of all lists together"));
        }
        *self.imported.rows.entry(kind).or_default() += 1;
        let table = &self.importer.formats.table;
        let meant = |(name, values): (String, Vec<String>)| {
            let values = values.into_iter().map(|v| table.meaning(&name, v)).collect();
            (name, values)
        };
        let list =
            ListKind { name: shape.name.clone(), class: shape.class.clone(), is_register: shape.is_register };
        let place = Place { document: self.name.to_owned(), line };
        let entity = Entity {
            aliases: stated.aliases,
            attributes: stated.attributes.into_iter().map(meant).collect(),
            valid: Validity { from: None, until: stated.valid_until },
            known_from: stated.known_from,
            ..Entity::new(kind, stated.id, place, list)
        };
        if !stated.member_of.is_empty() {
            self.importer.follows.insert(self.importer.rows.len());
        }
        self.importer.rows.push((entity, stated.member_of));
    }

    fn note_unused(&mut self, record: &Value, shapes: &[&Shape]) {
        for field in record.as_object().into_iter().flat_map(Map::keys) {
            // One export of a directory holds several kinds, and its fields are those of all of them.
            let same_class = |s: &&Shape| shapes.iter().any(|fitting| fitting.class == s.class);
            let mut known = self.importer.formats.shapes.of_form(self.imported.form).filter(same_class);
            let is_used = shapes.iter().any(|s| s.of == Of::Nothing) || known.any(|s| s.used.contains(field));
            if !is_used && self.unused.len() < MOST_UNUSED && !self.unused.contains(field) {
                self.unused.insert(field.chars().take(40).collect());
            }
        }
    }

    fn strange(&mut self, record: &Value, line: u64) {
        self.strange += 1;
        self.imported.refused += 1;
        if self.strange_fields.is_none() {
            let names = record.as_object().into_iter().flat_map(Map::keys);
            let names: Vec<String> = names.take(12).map(|n| n.chars().take(40).collect()).collect();
            self.strange_fields = Some((line, names.join(", ")));
        }
    }
}

impl Sink for Reading<'_, '_> {
    fn record(&mut self, list: &str, record: Value, line: u64) {
        let formats = self.importer.formats;
        let document = std::mem::take(&mut self.fields);
        let view = View { record: &record, around: &Value::Null, document: &document };
        let mut shapes = formats.shapes.of_form(self.imported.form);
        let fits = |s: &&Shape| (list.is_empty() || s.lists.iter().any(|l| l == list)) && s.fits(view);
        let first = shapes.find(fits);
        // A record may be of several kinds: a scanned host and its services.
        let all: Vec<&Shape> = first.into_iter().chain(shapes.filter(|s| s.is_also && fits(s))).collect();
        if all.is_empty() {
            self.strange(&record, line);
        } else {
            self.note_unused(&record, &all);
        }
        for shape in all {
            match &shape.each {
                None => self.take(shape, view, line),
                Some(each) => {
                    for inner in each.values(view) {
                        let view = View { record: inner, around: &record, document: &document };
                        if shape.fits_inside(view) {
                            self.take(shape, view, line);
                        }
                    }
                }
            }
        }
        self.fields = document;
    }

    fn document(&mut self, fields: Value) {
        self.fields = fields;
    }

    fn refused(&mut self, line: u64, why: String) {
        self.imported.refused += 1;
        self.imported.problem(line, why);
    }

    fn noted(&mut self, line: u64, what: String) {
        self.imported.problem(line, what);
    }
}

//! Lists and exports of every form: what is read of them, against counts made by hand, and what is refused.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod directory;
mod exports;
mod hostile;
mod scan;

use hinomi_assure::inventory::{Entity, EntityKind, Formats, Imported, Importer, Inventory};
use hinomi_model::Timestamp;

fn present() -> Timestamp {
    "2026-02-01T00:00:00Z".parse().unwrap()
}

/// Reads documents, and gives the inventory and what each held.
fn read(documents: &[(&str, &str)]) -> (Inventory, Vec<Imported>) {
    let formats = Formats::bundled().unwrap();
    let mut importer = Importer::new(&formats, present());
    let read = documents.iter().map(|(name, text)| importer.read(name, text.as_bytes()).unwrap()).collect();
    (importer.finish(), read)
}

fn error(text: &str) -> String {
    let formats = Formats::bundled().unwrap();
    Importer::new(&formats, present()).read("x", text.as_bytes()).unwrap_err().to_string()
}

fn entity<'i>(inventory: &'i Inventory, kind: EntityKind, id: &str) -> &'i Entity {
    inventory.believed(kind, id, present(), present()).unwrap()
}

fn ids(inventory: &Inventory, kind: EntityKind) -> Vec<&str> {
    inventory.versions(kind).map(|e| e.id.as_str()).collect()
}

/// Values of an attribute, joined.
fn value(entity: &Entity, attribute: &str) -> String {
    entity.values(attribute).join("; ")
}

fn rows(imported: &Imported) -> Vec<(&'static str, u64)> {
    imported.rows.iter().map(|(kind, rows)| (kind.name(), *rows)).collect()
}

fn problems(imported: &Imported) -> Vec<String> {
    imported.problems.iter().map(|(line, what)| format!("{line}: {what}")).collect()
}

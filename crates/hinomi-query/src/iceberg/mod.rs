//! Derived files as an Apache Iceberg table (format version 2), for engines that read such tables.
//!
//! Only metadata is written: one snapshot of all registered files. Columns are found by name, all spellings of a field being
//! one column. Format: Apache Iceberg table specification, version 2.
//!
//! # Not here
//! Catalogues. The metadata file is named where engines that open a table by its path look for it.

mod avro;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::datatypes::DataType;
use hinomi_model::{Digest, Timestamp};
use serde_json::{Value as Json, json};

use crate::QueryError;
use crate::manifest::DerivedFile;
use crate::read::Archive;
use avro::{Value, container};

/// Folder of metadata below that of derived data.
pub const METADATA: &str = "metadata";
/// Ids of the fields that a partition consists of.
const PARTITION: [(i64, &str); 2] = [(1000, "family"), (1001, "month")];

/// A column of the table.
struct Column {
    id: i64,
    name: String,
    kind: &'static str,
    /// All spellings of it in files.
    names: BTreeSet<String>,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Published {
    /// The metadata file.
    pub metadata: PathBuf,
    /// Columns of the table.
    pub columns: usize,
    /// Data files.
    pub files: usize,
    /// Rows.
    pub rows: u64,
}

/// Writes the metadata of a table that stands at `location` (a URL; default: where the folder is).
///
/// # Errors
/// What writing meets.
pub fn publish(archive: &Archive, location: Option<&str>, now: Timestamp) -> Result<Published, QueryError> {
    let folder = archive.folder();
    let location = if let Some(url) = location {
        url.trim_end_matches('/').to_owned()
    } else {
        let whole = std::fs::canonicalize(folder).map_err(QueryError::io(folder))?;
        format!("file://{}", whole.display())
    };
    let below = folder.join(METADATA);
    std::fs::create_dir_all(&below).map_err(QueryError::io(&below))?;
    let version = latest(&below)? + 1;
    let digest = archive.digest();
    let table = Table {
        columns: columns_of(archive)?,
        location,
        version,
        snapshot: i64::from_be_bytes(first(digest)) & i64::MAX,
        uuid: uuid(digest),
        now: now.as_nanos() / 1_000_000,
        sync: first(Digest::of(b"hinomi iceberg")),
    };
    let files = &archive.manifest().files;
    let entries = files.iter().map(|f| table.entry(f)).collect::<Vec<_>>();
    let data = table.manifest(&entries);
    let (manifest, list) = (format!("{version}-m0.avro"), format!("snap-{version}.avro"));
    let rows = archive.manifest().rows();
    write(&below.join(&manifest), &data)?;
    write(&below.join(&list), &table.list(&manifest, data.len(), files.len(), rows))?;
    let metadata = below.join(format!("v{version}.metadata.json"));
    let document = table.metadata(&list, files.len(), rows);
    write(&metadata, format!("{document:#}\n").as_bytes())?;
    write(&below.join("version-hint.text"), version.to_string().as_bytes())?;
    Ok(Published { metadata, columns: table.columns.len(), files: files.len(), rows })
}

#[expect(clippy::disallowed_methods, reason = "metadata is written by this crate")]
fn write(path: &Path, bytes: &[u8]) -> Result<(), QueryError> {
    let part = path.with_extension("part");
    std::fs::write(&part, bytes).map_err(QueryError::io(&part))?;
    std::fs::rename(&part, path).map_err(QueryError::io(path))
}

/// Highest version among the metadata files.
fn latest(folder: &Path) -> Result<u64, QueryError> {
    let mut highest = 0;
    for entry in std::fs::read_dir(folder).map_err(QueryError::io(folder))? {
        let name = entry.map_err(QueryError::io(folder))?.file_name();
        let number =
            name.to_str().and_then(|n| n.strip_prefix('v')?.strip_suffix(".metadata.json")?.parse().ok());
        highest = highest.max(number.unwrap_or_default());
    }
    Ok(highest)
}

fn first<const N: usize>(digest: Digest) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
    out
}

/// A UUID of the bits of a digest (RFC 9562, version 8).
fn uuid(digest: Digest) -> String {
    let mut bits = u128::from_be_bytes(first(digest));
    bits = bits & !(0xf << 76) | 0x8 << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

fn columns_of(archive: &Archive) -> Result<Vec<Column>, QueryError> {
    let mut columns: Vec<Column> = Vec::new();
    let mut add = |name: &str, kind, names: BTreeSet<String>| {
        let id = columns.len() as i64 + 1;
        columns.push(Column { id, name: name.to_owned(), kind, names });
    };
    for field in archive.mapping().fields() {
        let kind = match field.data_type() {
            DataType::Int64 => "long",
            DataType::Timestamp(..) => "timestamptz",
            _ => "string",
        };
        add(field.name(), kind, BTreeSet::from([field.name().clone()]));
    }
    for (_, name) in PARTITION {
        add(name, "string", BTreeSet::new());
    }
    let mut spellings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // Of the files themselves: one may have a column without a single value, which the manifest does not count.
    for file in archive.files() {
        let metadata = file.metadata()?;
        for field in metadata.file_metadata().schema().get_fields() {
            let lower = field.name().to_lowercase();
            if !archive.mapping().is_taken(&lower) {
                spellings.entry(lower).or_default().insert(field.name().to_owned());
            }
        }
    }
    for (lower, names) in spellings {
        // A field may be named as a part of the path is.
        let taken = PARTITION.iter().any(|(_, name)| *name == lower);
        let name = archive.column(&lower).unwrap_or(&lower).to_owned();
        add(&if taken { format!("{name}_") } else { name }, "string", names);
    }
    Ok(columns)
}

struct Table {
    columns: Vec<Column>,
    location: String,
    version: u64,
    snapshot: i64,
    uuid: String,
    now: i64,
    sync: [u8; 16],
}

impl Table {
    fn schema(&self) -> Json {
        let field = |c: &Column| json!({"id": c.id, "name": c.name, "required": false, "type": c.kind});
        json!({"type": "struct", "schema-id": 0, "fields": self.columns.iter().map(field).collect::<Vec<_>>()})
    }

    fn id(&self, name: &str) -> i64 {
        self.columns.iter().find(|c| c.name == name).map_or(0, |c| c.id)
    }

    fn spec(&self) -> Json {
        let field = |(id, name): &(i64, &str)| json!({"source-id": self.id(name), "field-id": id, "name": name, "transform": "identity"});
        PARTITION.iter().map(field).collect()
    }

    fn mapping(&self) -> String {
        let mapped = self.columns.iter().filter(|c| !c.names.is_empty());
        mapped.map(|c| json!({"field-id": c.id, "names": c.names})).collect::<Json>().to_string()
    }

    /// A data file as `manifest_entry` has it.
    fn entry(&self, file: &DerivedFile) -> Value {
        let of_path = |name: &str| {
            let part = file.path.split('/').find_map(|p| p.strip_prefix(name)?.strip_prefix('='));
            Value::optional(part.map(|p| Value::Text(p.to_owned())))
        };
        let bound = |time: Option<i64>| {
            let pair = |t: i64| {
                Value::Record(vec![Value::Number(self.id("time")), Value::Bytes(t.to_le_bytes().to_vec())])
            };
            Value::optional(time.map(|t| Value::Array(vec![pair(t)])))
        };
        let nulls = Value::Record(vec![Value::Number(self.id("time")), Value::Number(file.timeless as i64)]);
        let data = Value::Record(vec![
            Value::Number(0),
            Value::Text(format!("{}/{}", self.location, file.path)),
            Value::Text("PARQUET".to_owned()),
            Value::Record(PARTITION.iter().map(|(_, name)| of_path(name)).collect()),
            Value::Number(file.rows as i64),
            Value::Number(file.bytes as i64),
            Value::optional(Some(Value::Array(vec![nulls]))),
            bound(file.times.map(|t| t.0)),
            bound(file.times.map(|t| t.1)),
        ]);
        let sequence = || Value::optional(Some(Value::Number(self.version as i64)));
        let snapshot = Value::optional(Some(Value::Number(self.snapshot)));
        Value::Record(vec![Value::Number(1), snapshot, sequence(), sequence(), data])
    }

    fn manifest(&self, entries: &[Value]) -> Vec<u8> {
        let partition: Vec<Json> =
            PARTITION.iter().map(|(id, name)| optional(name, *id, json!("string"))).collect();
        let map = |name: &str, id: i64, key: i64, value: i64, of: &str| {
            let pair = json!({"type": "record", "name": format!("k{key}_v{value}"), "fields": [
                required("key", key, json!("int")), required("value", value, json!(of))]});
            optional(name, id, json!({"type": "array", "items": pair, "logicalType": "map"}))
        };
        let data = json!({"type": "record", "name": "r2", "fields": [
            required("content", 134, json!("int")),
            required("file_path", 100, json!("string")),
            required("file_format", 101, json!("string")),
            required("partition", 102, json!({"type": "record", "name": "r102", "fields": partition})),
            required("record_count", 103, json!("long")),
            required("file_size_in_bytes", 104, json!("long")),
            map("null_value_counts", 110, 121, 122, "long"),
            map("lower_bounds", 125, 126, 127, "bytes"),
            map("upper_bounds", 128, 129, 130, "bytes")]});
        let schema = json!({"type": "record", "name": "manifest_entry", "fields": [
            required("status", 0, json!("int")),
            optional("snapshot_id", 1, json!("long")),
            optional("sequence_number", 3, json!("long")),
            optional("file_sequence_number", 4, json!("long")),
            required("data_file", 2, data)]});
        let metadata = [
            ("schema", self.schema().to_string()),
            ("schema-id", "0".to_owned()),
            ("partition-spec", self.spec().to_string()),
            ("partition-spec-id", "0".to_owned()),
            ("format-version", "2".to_owned()),
            ("content", "data".to_owned()),
        ];
        container(&schema.to_string(), &metadata, entries, self.sync)
    }

    fn list(&self, manifest: &str, length: usize, files: usize, rows: u64) -> Vec<u8> {
        let columns = [
            ("manifest_path", 500, "string", Value::Text(format!("{}/{METADATA}/{manifest}", self.location))),
            ("manifest_length", 501, "long", Value::Number(length as i64)),
            ("partition_spec_id", 502, "int", Value::Number(0)),
            ("content", 517, "int", Value::Number(0)),
            ("sequence_number", 515, "long", Value::Number(self.version as i64)),
            ("min_sequence_number", 516, "long", Value::Number(self.version as i64)),
            ("added_snapshot_id", 503, "long", Value::Number(self.snapshot)),
            ("added_files_count", 504, "int", Value::Number(files as i64)),
            ("existing_files_count", 505, "int", Value::Number(0)),
            ("deleted_files_count", 506, "int", Value::Number(0)),
            ("added_rows_count", 512, "long", Value::Number(rows as i64)),
            ("existing_rows_count", 513, "long", Value::Number(0)),
            ("deleted_rows_count", 514, "long", Value::Number(0)),
        ];
        let fields: Vec<Json> =
            columns.iter().map(|(name, id, kind, _)| required(name, *id, json!(kind))).collect();
        let schema = json!({"type": "record", "name": "manifest_file", "fields": fields});
        let row = Value::Record(columns.into_iter().map(|(.., value)| value).collect());
        let metadata = [
            ("snapshot-id", self.snapshot.to_string()),
            ("parent-snapshot-id", "null".to_owned()),
            ("sequence-number", self.version.to_string()),
            ("format-version", "2".to_owned()),
        ];
        container(&schema.to_string(), &metadata, &[row], self.sync)
    }

    fn metadata(&self, list: &str, files: usize, rows: u64) -> Json {
        let snapshot = json!({"snapshot-id": self.snapshot, "sequence-number": self.version, "timestamp-ms": self.now,
            "manifest-list": format!("{}/{METADATA}/{list}", self.location), "schema-id": 0,
            "summary": {"operation": "append", "added-data-files": files.to_string(), "added-records": rows.to_string(),
                "total-data-files": files.to_string(), "total-records": rows.to_string()}});
        json!({"format-version": 2, "table-uuid": self.uuid, "location": self.location,
            "last-sequence-number": self.version, "last-updated-ms": self.now, "last-column-id": self.columns.len(),
            "current-schema-id": 0, "schemas": [self.schema()],
            "default-spec-id": 0, "partition-specs": [{"spec-id": 0, "fields": self.spec()}], "last-partition-id": 1001,
            "default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}],
            "properties": {"schema.name-mapping.default": self.mapping()},
            "current-snapshot-id": self.snapshot, "refs": {"main": {"snapshot-id": self.snapshot, "type": "branch"}},
            "snapshots": [snapshot],
            "snapshot-log": [{"snapshot-id": self.snapshot, "timestamp-ms": self.now}], "metadata-log": []})
    }
}

fn required(name: &str, id: i64, kind: Json) -> Json {
    json!({"name": name, "field-id": id, "type": kind})
}

fn optional(name: &str, id: i64, kind: Json) -> Json {
    json!({"name": name, "field-id": id, "type": ["null", kind], "default": null})
}

//! One Parquet file and its sidecar while they are written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use hinomi_model::Digest;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::digesting::Digesting;
use super::pending::Pending;
use super::table::Columns;
use super::words::Words;
use crate::QueryError;
use crate::columns::Mapping;
use crate::index::sidecar::BLOCK_ROWS;
use crate::manifest::{DerivedFile, sidecar_name};

/// Level of compression: a tenth less to keep than at level 3, and no slower to read.
const LEVEL: i32 = 9;
/// Rows at which a row group is written.
const GROUP_ROWS: usize = 131_072;
/// Bytes of one column at which a row group is written.
const COLUMN_BYTES: u64 = 64 << 20;
/// Number of the column of times.
const TIME: usize = 0;
/// Columns whose pages have statistics of their own.
const PAGE_STATISTICS: [&str; 3] = ["time", "event_id", "class_uid"];
/// Columns of numbers that grow from row to row for the most part: differences are smaller than dictionaries.
const GROWING: [&str; 6] = ["time", "sequence", "leaf", "record", "offset", "length"];
/// Ending of files that are not registered yet.
pub const PARTIAL: &str = ".partial";

#[expect(clippy::disallowed_methods, reason = "derived files are written here and nowhere else")]
fn create(path: &Path) -> Result<File, QueryError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(QueryError::io(folder))?;
    }
    File::create(path).map_err(QueryError::io(path))
}

/// What rows are sorted by before their time: channel and event id, numbers as numbers.
pub(super) type Rank = (String, u64, String);

/// The place of each rank among all.
pub(super) fn places(ranks: &[Rank]) -> Vec<u32> {
    let mut sorted: Vec<&Rank> = ranks.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    ranks.iter().map(|rank| sorted.binary_search(&rank).unwrap_or_default() as u32).collect()
}

/// A file that is being written. Rows wait on disk until there are enough for a row group.
pub(super) struct OpenFile {
    writer: SerializedFileWriter<Digesting>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// Vendor columns: name without case, name.
    pub(super) vendor: Vec<(String, String)>,
    path: PathBuf,
    entry: DerivedFile,
    pending: Pending,
    /// Ranks of the rows that wait, and how many rows of each follow each other.
    ranks: Vec<(Rank, usize)>,
    words: Words,
    /// Number of columns before the vendor columns.
    leading: usize,
}

fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn schema(mapping: &Mapping, vendor: &[(String, String)]) -> (SchemaRef, usize) {
    let mut fields = mapping.fields();
    let other = fields.pop();
    let texts = |field: Field| match field.data_type() {
        DataType::Utf8 => field.with_data_type(dictionary_type()),
        _ => field,
    };
    let mut fields: Vec<Field> = fields.into_iter().map(texts).collect();
    let leading = fields.len();
    fields.extend(vendor.iter().map(|(_, name)| Field::new(name, dictionary_type(), true)));
    fields.extend(other);
    (Arc::new(Schema::new(fields)), leading)
}

fn properties(mapping: &Mapping) -> WriterProperties {
    let level = ZstdLevel::try_new(LEVEL).unwrap_or_default();
    let about = [("hinomi.mapping", mapping.version.as_str()), ("hinomi.ocsf", mapping.ocsf.as_str())];
    let about = about
        .map(|(key, value)| parquet::file::metadata::KeyValue::new(key.to_owned(), Some(value.to_owned())));
    let mut builder = WriterProperties::builder()
        .set_created_by("hinomi".to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(level))
        .set_data_page_row_count_limit(BLOCK_ROWS as usize)
        .set_write_batch_size(BLOCK_ROWS as usize)
        .set_data_page_size_limit(4 << 20)
        .set_dictionary_page_size_limit(1 << 20)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_statistics_truncate_length(Some(32))
        .set_key_value_metadata(Some(about.to_vec()));
    for column in GROWING {
        let path = ColumnPath::from(column);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    for column in PAGE_STATISTICS {
        builder = builder.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::Page);
    }
    builder.build()
}

impl OpenFile {
    /// Begins a file; `name` is its path below the folder.
    pub(super) fn create(
        folder: &Path,
        name: String,
        family: &str,
        mapping: &Mapping,
        vendor: Vec<(String, String)>,
    ) -> Result<Self, QueryError> {
        let path = folder.join(&name);
        let file = create(&with_ending(&path))?;
        let (schema, leading) = schema(mapping, &vendor);
        let failed = QueryError::parquet(&path);
        let described = ArrowSchemaConverter::new().convert(&schema).map_err(failed)?;
        let properties = Arc::new(properties(mapping));
        let writer = SerializedFileWriter::new(Digesting::new(file), described.root_schema_ptr(), properties);
        let writer = writer.map_err(QueryError::parquet(&path))?;
        let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&schema));
        let pending = Pending::create(with_ending(&path.with_extension("rows")), schema.fields().len())?;
        let entry = DerivedFile { path: name, family: family.to_owned(), ..DerivedFile::default() };
        let (ranks, words) = (Vec::new(), Words::default());
        Ok(Self { writer, factory, schema, vendor, path, entry, pending, ranks, words, leading })
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.entry.rows
    }

    /// Bytes of the index's entries.
    pub(super) fn index_bytes(&self) -> usize {
        self.words.bytes()
    }

    /// Takes rows; `ranks` says what they are to be sorted by besides their time.
    pub(super) fn append(
        &mut self,
        columns: Columns,
        times: &[Option<i64>],
        ranks: impl Iterator<Item = (Rank, usize)>,
    ) -> Result<(), QueryError> {
        let Columns { arrays, counts, other } = columns;
        self.pending.put(&arrays, times.len())?;
        self.ranks.extend(ranks);
        for (total, counts) in [(&mut self.entry.fields, counts), (&mut self.entry.other, other)] {
            counts.into_iter().for_each(|(name, count)| *total.entry(name).or_default() += count);
        }
        self.entry.rows += times.len() as u64;
        let known = times.iter().flatten();
        for &time in known {
            let (first, last) = self.entry.times.unwrap_or((time, time));
            self.entry.times = Some((first.min(time), last.max(time)));
        }
        self.entry.timeless += times.iter().filter(|t| t.is_none()).count() as u64;
        if self.pending.rows() >= GROUP_ROWS || self.pending.largest() >= COLUMN_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    /// The numbers of the rows that wait in the order in which they are written: by rank, then by time, else as they came.
    fn order(&mut self) -> Result<Vec<u32>, QueryError> {
        let (ranks, rows): (Vec<Rank>, Vec<usize>) = std::mem::take(&mut self.ranks).into_iter().unzip();
        let ranks =
            places(&ranks).into_iter().zip(rows).flat_map(|(place, rows)| std::iter::repeat_n(place, rows));
        let times = self.pending.numbers(TIME)?;
        let mut keys: Vec<(u32, bool, Option<i64>, u32)> = (0u32..)
            .zip(ranks.zip(times))
            .map(|(at, (rank, time))| (rank, time.is_none(), time, at))
            .collect();
        keys.sort_unstable();
        Ok(keys.into_iter().map(|key| key.3).collect())
    }

    /// Writes what waits as a row group, a column at a time.
    fn write_group(&mut self) -> Result<(), QueryError> {
        let rows = self.pending.rows();
        if rows == 0 {
            return Ok(());
        }
        let order = self.order()?;
        let failed = || QueryError::parquet(&self.path);
        let number = self.writer.flushed_row_groups().len();
        let writers = self.factory.create_column_writers(number).map_err(failed())?;
        let mut group = self.writer.next_row_group().map_err(failed())?;
        for ((number, field), mut writer) in self.schema.fields().iter().enumerate().zip(writers) {
            let array = column(&self.pending, number, field.data_type(), &order)?;
            if number >= self.leading {
                self.words.add(&array);
            }
            for leaf in compute_leaves(field, &array).map_err(failed())? {
                writer.write(&leaf).map_err(failed())?;
            }
            let chunk = writer.close().map_err(failed())?;
            chunk.append_to_row_group(&mut group).map_err(failed())?;
        }
        group.close().map_err(failed())?;
        self.words.end_group(rows);
        self.pending.clear()
    }

    /// Ends the file and writes the sidecar. Both still have the ending of what is not registered.
    pub(super) fn finish(mut self) -> Result<DerivedFile, QueryError> {
        self.write_group()?;
        self.pending.remove()?;
        let metadata = self.writer.finish().map_err(QueryError::parquet(&self.path))?;
        for group in metadata.row_groups() {
            for column in group.columns() {
                let name = column.column_path().string();
                let family = size_family(&name, self.leading, &self.schema);
                let size = u64::try_from(column.compressed_size()).unwrap_or_default();
                *self.entry.sizes.entry(family).or_default() += size;
            }
        }
        let columns: u64 = self.entry.sizes.values().sum();
        let finished = self.writer.inner_mut().finish();
        let (length, sha256, pieces) = finished.map_err(QueryError::io(&self.path))?;
        let (sidecar, head) = self.words.finish(&pieces);
        self.entry.sizes.insert("footers".to_owned(), length.saturating_sub(columns));
        self.entry.bytes = length;
        self.entry.sha256 = sha256.to_string();
        self.entry.index_bytes = sidecar.len() as u64;
        self.entry.index_sha256 = Digest::of(&sidecar).to_string();
        self.entry.head_bytes = head;
        self.entry.head_sha256 = Digest::of(sidecar.get(..head as usize).unwrap_or_default()).to_string();
        let name = self.path.file_name().map(|n| sidecar_name(&n.to_string_lossy())).unwrap_or_default();
        let path = with_ending(&self.path.with_file_name(name));
        let mut file = create(&path)?;
        file.write_all(&sidecar).and_then(|()| file.sync_all()).map_err(QueryError::io(&path))?;
        Ok(self.entry)
    }
}

/// A column of the rows that wait, in the order given.
fn column(
    pending: &Pending,
    number: usize,
    data_type: &DataType,
    order: &[u32],
) -> Result<ArrayRef, QueryError> {
    let sorted = |at: &u32| *at as usize;
    Ok(match data_type {
        DataType::Int64 | DataType::Timestamp(..) => {
            let values = pending.numbers(number)?;
            let values = order.iter().map(|at| values.get(sorted(at)).copied().flatten());
            match data_type {
                DataType::Int64 => Arc::new(values.collect::<Int64Array>()),
                _ => Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            }
        }
        _ => {
            let (texts, keys) = pending.texts(number)?;
            let keys = order.iter().map(|at| keys.get(sorted(at)).copied().filter(|key| *key >= 0));
            let texts: ArrayRef = Arc::new(texts.into_array()?);
            let array = DictionaryArray::<Int32Type>::try_new(keys.collect(), texts)?;
            if matches!(data_type, DataType::Dictionary(..)) {
                Arc::new(array)
            } else {
                // What has a text of its own in each row gains nothing from a dictionary.
                let texts = array.downcast_dict::<StringArray>();
                Arc::new(texts.into_iter().flatten().collect::<StringArray>())
            }
        }
    })
}

/// The path under which a file stands until it is registered.
pub(super) fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL);
    PathBuf::from(name)
}

/// For the account of sizes: columns that every event has by what they are for, the longest text by its name, the rest.
fn size_family(name: &str, leading: usize, schema: &Schema) -> String {
    let position = schema.index_of(name).unwrap_or(usize::MAX);
    let family = match name {
        "sequence" | "source" | "leaf" | "record" | "offset" | "sub" | "length" => "reference",
        _ if position < leading => "normalised",
        "Message" | "_raw" => "message",
        _ => "vendor",
    };
    family.to_owned()
}

/// Sums by family.
pub fn total_sizes(files: &[DerivedFile]) -> BTreeMap<String, u64> {
    let mut total = BTreeMap::new();
    for (family, size) in files.iter().flat_map(|f| &f.sizes) {
        *total.entry(family.clone()).or_default() += size;
    }
    *total.entry("index".to_owned()).or_default() += files.iter().map(|f| f.index_bytes).sum::<u64>();
    total
}

//! The table `events`: all registered files as one, with the columns that a question names.
//!
//! # Invariants
//! Leaving out files and blocks never changes an answer: the engine still applies every condition to every row it is given.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

use super::prune::Hints;
use super::reader::Readers;
use super::views::TEXT;
use super::{engine::Asked, function};
use crate::QueryError;
use crate::read::{Archive, CheckedFile, rows_of_blocks};

/// The table.
#[derive(Debug)]
pub(super) struct Events {
    archive: Arc<Archive>,
    schema: SchemaRef,
    readers: Arc<Readers>,
    asked: Arc<Mutex<Asked>>,
}

/// How the columns of a question are found in some files: in place, or by another spelling or in `other`.
type Spelling = Vec<(String, Place)>;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    Here,
    /// In a column of this name, if any, and else in `other` under this one, if any.
    Elsewhere(Option<String>, Option<String>),
}

fn as_view(field: &Field) -> Field {
    match field.data_type() {
        DataType::Utf8 => Field::new(field.name(), TEXT, true),
        _ => field.clone(),
    }
}

impl Events {
    /// The table with what every event has and the vendor columns named.
    pub(super) fn new(
        archive: Arc<Archive>,
        columns: impl Iterator<Item = String>,
        asked: Arc<Mutex<Asked>>,
    ) -> Self {
        let mut fields: Vec<Field> = archive.mapping().fields().iter().map(as_view).collect();
        fields.extend(columns.map(|name| Field::new(name, TEXT, true)));
        let readers = Arc::new(Readers::new(archive.files().iter().cloned()));
        Self { archive, schema: Arc::new(Schema::new(fields)), readers, asked }
    }

    /// Files that can hold rows, with the blocks that can, by how their columns are found.
    fn candidates(
        &self,
        hints: &Hints,
        fields: &[String],
    ) -> Result<BTreeMap<Spelling, Vec<PartitionedFile>>, QueryError> {
        let mut groups: BTreeMap<Spelling, Vec<PartitionedFile>> = BTreeMap::new();
        for file in self.archive.files() {
            let entry = file.entry();
            let within = entry.times.is_some_and(|(first, last)| {
                hints.since.is_none_or(|t| last >= t) && hints.until.is_none_or(|t| first <= t)
            });
            // A condition on time leaves out events without one.
            let bounded = hints.since.is_some() || hints.until.is_some();
            let lacks = |name: &String| {
                !self.archive.mapping().is_taken(name) && place(file, name) == Place::Here && !has(file, name)
            };
            if (bounded && !within) || hints.present.iter().any(lacks) {
                continue;
            }
            let blocks = if hints.words.is_empty() { None } else { file.blocks(&hints.words)? };
            if blocks.as_ref().is_some_and(std::collections::BTreeSet::is_empty) {
                continue;
            }
            let mut planned = PartitionedFile::new(entry.path.clone(), entry.bytes);
            if let Some(blocks) = blocks {
                planned =
                    planned.with_extension(ParquetRowSelection::new(rows_of_blocks(&blocks, entry.rows)));
            }
            let spelling = fields.iter().map(|f| (f.clone(), place(file, f)));
            let spelling = spelling.filter(|(_, place)| *place != Place::Here).collect();
            groups.entry(spelling).or_default().push(planned);
        }
        Ok(groups)
    }

    /// A plan that reads the files of a group and gives them the columns of the table.
    fn plan(
        &self,
        state: &dyn Session,
        fields: &[&Field],
        spelling: &Spelling,
        files: Vec<PartitionedFile>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let place =
            |field: &Field| spelling.iter().find(|(name, _)| name == field.name()).map(|(_, place)| place);
        let mut stored: Vec<Field> = Vec::new();
        let mut exprs: Vec<(Arc<dyn PhysicalExpr>, String)> = Vec::new();
        let mut column = |name: &str, field: Field| -> Arc<dyn PhysicalExpr> {
            let at = stored.iter().position(|f| f.name() == name).unwrap_or_else(|| {
                stored.push(field);
                stored.len() - 1
            });
            Arc::new(Column::new(name, at))
        };
        for &field in fields {
            let expr = match place(field) {
                None | Some(Place::Here) => column(field.name(), field.clone()),
                Some(Place::Elsewhere(Some(name), None)) => column(name, field.clone().with_name(name)),
                Some(Place::Elsewhere(name, other)) => {
                    let text = |text: &str| -> Arc<dyn PhysicalExpr> {
                        Arc::new(Literal::new(ScalarValue::Utf8View(Some(text.to_owned()))))
                    };
                    let own: Arc<dyn PhysicalExpr> = match name {
                        Some(name) => column(name, field.clone().with_name(name)),
                        None => Arc::new(Literal::new(ScalarValue::Utf8View(None))),
                    };
                    let others = column("other", Field::new("other", TEXT, true));
                    Arc::new(ScalarFunctionExpr::new(
                        function::OTHER,
                        Arc::new(function::or_other()),
                        vec![own, others, text(other.as_deref().unwrap_or_default())],
                        Arc::new(field.clone()),
                        Arc::new(ConfigOptions::default()),
                    ))
                }
            };
            exprs.push((expr, field.name().clone()));
        }
        let mut source = ParquetSource::new(Arc::new(Schema::new(stored)))
            .with_table_parquet_options(state.default_table_options().parquet)
            .with_parquet_file_reader_factory(Arc::clone(&self.readers) as _);
        source = source.with_enable_page_index(true);
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
            .with_file_groups(groups)
            .with_limit(limit)
            .build();
        let scan = DataSourceExec::from_data_source(config);
        if spelling.is_empty() {
            return Ok(scan);
        }
        Ok(Arc::new(ProjectionExec::try_new(exprs, scan)?))
    }
}

/// Where a file keeps a vendor column.
fn place(file: &CheckedFile, name: &str) -> Place {
    let entry = file.entry();
    let lower = name.to_lowercase();
    let same = |n: &&String| n.to_lowercase() == lower;
    let other = entry.other.keys().find(same);
    let own = entry.fields.keys().find(same);
    match (own, other) {
        (None, None) => Place::Here,
        (Some(own), None) if own == name => Place::Here,
        (own, other) => Place::Elsewhere(own.cloned(), other.cloned()),
    }
}

fn has(file: &CheckedFile, name: &str) -> bool {
    file.entry().fields.contains_key(name)
}

impl From<QueryError> for DataFusionError {
    fn from(error: QueryError) -> Self {
        Self::External(Box::new(error))
    }
}

#[async_trait::async_trait]
impl TableProvider for Events {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let hints = Hints::of(filters);
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let fields: Vec<&Field> =
            wanted.iter().filter_map(|at| self.schema.fields().get(*at)).map(AsRef::as_ref).collect();
        let taken = |name: &str| self.archive.mapping().is_taken(name);
        let vendor: Vec<String> = fields.iter().map(|f| f.name().clone()).filter(|n| !taken(n)).collect();
        let groups = self.candidates(&hints, &vendor)?;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).add(&hints, &groups);
        // Rows are left out only before conditions are applied where there are none.
        let limit = limit.filter(|_| filters.is_empty());
        let mut plans = Vec::new();
        for (spelling, files) in groups {
            plans.push(self.plan(state, &fields, &spelling, files, limit)?);
        }
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(Arc::new(Schema::new(
                fields.into_iter().cloned().collect::<Vec<_>>(),
            ))))),
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

/// Rows that the engine may read of the files of groups.
pub(super) fn rows_of(groups: &BTreeMap<impl Sized, Vec<PartitionedFile>>) -> (usize, u64) {
    let files = groups.values().flatten();
    files.fold((0, 0), |(count, bytes), file| (count + 1, bytes + file.object_meta.size))
}

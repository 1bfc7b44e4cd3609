//! From a question to rows, within bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::SchemaError;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::SessionConfig;
use futures::StreamExt as _;

use super::events::{Events, rows_of};
use super::prune::Hints;
use super::reports::Views;
use super::{function, guard, truncate, views};
use crate::QueryError;
use crate::read::Archive;

/// Bounds of a question.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes that the engine may hold.
    pub memory: usize,
    /// How long it may take.
    pub time: Duration,
    /// Rows that are handed out; there may be more.
    pub rows: usize,
    /// Threads.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 1 << 30, time: Duration::from_mins(1), rows: 10_000, threads: 1 }
    }
}

/// A question and its bounds.
#[derive(Clone, Debug)]
pub struct Question {
    /// The text.
    pub sql: String,
    /// Reports whose tables can be asked too.
    pub reports: Vec<serde_json::Value>,
    /// Its bounds.
    pub limits: Limits,
}

/// What a question was found to ask of the events.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Asked {
    since: Option<i64>,
    until: Option<i64>,
    scans: u64,
    files: usize,
    bytes: u64,
}

impl Asked {
    /// Adds one use of the table. Different ranges are joined.
    pub(super) fn add(&mut self, hints: &Hints, groups: &BTreeMap<impl Sized, Vec<PartitionedFile>>) {
        if self.scans == 0 {
            (self.since, self.until) = (hints.since, hints.until);
        } else {
            self.since = self.since.zip(hints.since).map(|(a, b)| a.min(b));
            self.until = self.until.zip(hints.until).map(|(a, b)| a.max(b));
        }
        self.scans += 1;
        let (files, bytes) = rows_of(groups);
        self.files += files;
        self.bytes += bytes;
    }
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Columns.
    pub schema: SchemaRef,
    /// Rows.
    pub batches: Vec<RecordBatch>,
    /// Whether rows were left out because there are more than were asked for.
    pub is_cut: bool,
    /// Range of time that the question is about, in microseconds; both ends included.
    pub since: Option<i64>,
    /// Its end.
    pub until: Option<i64>,
    /// Files that could hold rows, and all files; `None` when no event was asked for.
    pub files: Option<(usize, usize)>,
}

impl Rows {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// Answers a question.
///
/// # Errors
/// [`QueryError::Refused`] when it may not be asked or is none, [`QueryError::Limit`] when a bound was reached, and what reading
/// meets.
pub fn ask(archive: &Arc<Archive>, question: &Question) -> Result<Rows, QueryError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(question.limits.threads.max(1))
        .enable_time()
        .build()
        .map_err(|e| QueryError::Engine(e.to_string()))?;
    let limits = question.limits;
    let answer = runtime.block_on(async {
        let answer = tokio::spawn(rows(Arc::clone(archive), question.clone()));
        match tokio::time::timeout(limits.time, answer).await {
            Ok(joined) => joined.map_err(|e| QueryError::Engine(e.to_string()))?,
            Err(_) => Err(QueryError::Limit(format!("no answer within {} s", limits.time.as_secs()))),
        }
    });
    // Whatever is still at work for an answer that nobody waits for any more.
    runtime.shutdown_background();
    answer.map_err(|error| archive.blame(error))
}

/// The tables that a question names.
///
/// # Errors
/// [`QueryError::Refused`] when it may not be asked or is none.
pub fn tables_of(archive: &Archive, sql: &str) -> Result<BTreeSet<String>, QueryError> {
    Ok(guard::allow(archive, &Views::bundled()?, sql)?.tables)
}

async fn rows(archive: Arc<Archive>, question: Question) -> Result<Rows, QueryError> {
    let tables = Views::bundled()?;
    let allowed = guard::allow(&archive, &tables, &question.sql)?;
    let asked = Arc::new(Mutex::new(Asked::default()));
    let context = context(&archive, &question.limits)?;
    let events = Events::new(Arc::clone(&archive), allowed.columns.into_iter(), Arc::clone(&asked));
    context.register_table("events", Arc::new(events)).map_err(failed)?;
    for view in tables.tables.iter().filter(|v| allowed.tables.contains(&v.name)) {
        if !question.reports.iter().any(|r| view.is_in(r)) {
            return Err(QueryError::Refused {
                message: format!("no report has {}", view.name),
                hint: "--judge makes one of the evidence; --report FILE takes one that investigate or assure wrote with --json".to_owned(),
            });
        }
        context.register_batch(&view.name, view.table(&question.reports)?).map_err(failed)?;
    }
    let plan = context.state().statement_to_plan(allowed.statement).await.map_err(failed)?;
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(&plan).map_err(failed)?;
    let frame = context.execute_logical_plan(plan).await.map_err(failed)?;
    let mut stream = frame.execute_stream().await.map_err(failed)?;
    let schema = stream.schema();
    let (mut batches, mut count, mut is_cut) = (Vec::new(), 0, false);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(failed)?;
        let room = question.limits.rows - count;
        is_cut = batch.num_rows() > room;
        let batch = if is_cut { batch.slice(0, room) } else { batch };
        count += batch.num_rows();
        batches.push(batch);
        if is_cut {
            break;
        }
    }
    let Asked { since, until, files, scans, .. } =
        asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let files = (scans > 0).then(|| (files, archive.files().len()));
    Ok(Rows { schema, batches, is_cut, since, until, files })
}

fn context(archive: &Archive, limits: &Limits) -> Result<SessionContext, QueryError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.threads.max(1))
        .with_information_schema(false)
        .with_batch_size(8192);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.execution.parquet.bloom_filter_on_read = false;
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory)))
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(failed)?;
    let context = SessionContext::new_with_config_rt(config, runtime);
    context.register_udf(function::matches());
    context.register_udf(truncate::date_trunc());
    for (name, batch) in [
        ("sources", views::sources(archive)?),
        ("fields", views::fields(archive)?),
        ("files", views::files(archive)?),
    ] {
        context.register_batch(name, batch).map_err(failed)?;
    }
    Ok(context)
}

/// An error of the engine as the user is to see it.
fn failed(error: DataFusionError) -> QueryError {
    const HINT: &str = "hinomi query --tables lists tables and columns; SELECT name, events FROM fields lists the fields of vendors";
    let root = error.find_root();
    let refused = |message: String| QueryError::Refused { message, hint: HINT.to_owned() };
    match root {
        DataFusionError::ResourcesExhausted(_) => {
            QueryError::Limit("the answer needs more memory than it may take".to_owned())
        }
        DataFusionError::SchemaError(what, _) => match &**what {
            SchemaError::FieldNotFound { field, .. } => {
                refused(format!("there is no column {}", field.flat_name()))
            }
            other => refused(other.to_string()),
        },
        DataFusionError::Plan(_) | DataFusionError::SQL(..) | DataFusionError::NotImplemented(_) => {
            let text = root.strip_backtrace();
            // Only the first line: the rest speaks of settings that cannot be made here.
            refused(text.lines().next().unwrap_or_default().to_owned())
        }
        DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => refused(root.strip_backtrace()),
        other => QueryError::Engine(other.strip_backtrace()),
    }
}

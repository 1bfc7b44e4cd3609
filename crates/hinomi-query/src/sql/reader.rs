//! Registered files as the engine reads them: every byte compared first.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use crate::read::{CheckedFile, as_parquet};

/// Gives the engine readers of registered files and of nothing else.
#[derive(Debug)]
pub(super) struct Readers {
    files: HashMap<String, CheckedFile>,
}

impl Readers {
    pub(super) fn new(files: impl Iterator<Item = CheckedFile>) -> Self {
        Self { files: files.map(|f| (f.entry().path.clone(), f)).collect() }
    }
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        _: usize,
        file: PartitionedFile,
        _: Option<usize>,
        _: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let location = file.object_meta.location.to_string();
        let Some(file) = self.files.get(&location) else {
            return datafusion::common::exec_err!("{location} is not registered");
        };
        Ok(Box::new(Reader(file.clone())))
    }
}

struct Reader(CheckedFile);

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let bytes = self.0.range(range.start, range.end).map_err(as_parquet);
        std::future::ready(bytes).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        std::future::ready(self.0.metadata().map_err(as_parquet)).boxed()
    }
}

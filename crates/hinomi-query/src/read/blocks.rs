//! Columns of some rows of a file, and blocks of the index as rows.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};

use super::CheckedFile;
use crate::QueryError;
use crate::index::sidecar::BLOCK_ROWS;

/// The columns wanted of the rows that are selected, or of all.
///
/// # Errors
/// What reading meets.
pub(crate) fn batches<'f>(
    file: &'f CheckedFile,
    wanted: &dyn Fn(&str) -> bool,
    rows: Option<RowSelection>,
) -> Result<impl Iterator<Item = Result<RecordBatch, QueryError>> + use<'f>, QueryError> {
    let metadata = ArrowReaderMetadata::try_new(file.metadata()?, ArrowReaderOptions::new())
        .map_err(QueryError::parquet(file.path()))?;
    let schema = metadata.schema();
    let projected = (0..schema.fields().len()).filter(|at| wanted(schema.field(*at).name()));
    let mask = ProjectionMask::roots(metadata.parquet_schema(), projected);
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata)
        .with_projection(mask)
        .with_batch_size(BLOCK_ROWS as usize);
    if let Some(rows) = rows {
        builder = builder.with_row_selection(rows);
    }
    let reader = builder.build().map_err(QueryError::parquet(file.path()))?;
    Ok(reader.map(|batch| batch.map_err(QueryError::from)))
}

/// Numbers of the rows of the blocks, or of all rows.
pub fn numbers_of_blocks(blocks: Option<&BTreeSet<u32>>, rows: u64) -> Box<dyn Iterator<Item = u64> + '_> {
    match blocks {
        None => Box::new(0..rows),
        Some(blocks) => Box::new(blocks.iter().flat_map(move |block| {
            let from = u64::from(*block) * u64::from(BLOCK_ROWS);
            from..(from + u64::from(BLOCK_ROWS)).min(rows)
        })),
    }
}

/// Rows of the blocks, as a selection of all rows of the file.
pub fn rows_of_blocks(blocks: &BTreeSet<u32>, rows: u64) -> RowSelection {
    let mut selectors = Vec::new();
    let mut at = 0u64;
    for block in blocks {
        let from = u64::from(*block) * u64::from(BLOCK_ROWS);
        let to = (from + u64::from(BLOCK_ROWS)).min(rows);
        if from > at {
            selectors.push(RowSelector::skip((from - at) as usize));
        }
        selectors.push(RowSelector::select(to.saturating_sub(from) as usize));
        at = to;
    }
    selectors.push(RowSelector::skip(rows.saturating_sub(at) as usize));
    RowSelection::from(selectors)
}

//! When the events of each block of rows happened, as the statistics of the pages of times say.

use parquet::file::page_index::column_index::ColumnIndexMetaData;

use super::CheckedFile;
use crate::QueryError;
use crate::index::sidecar::BLOCK_ROWS;

/// The times of a block of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockTimes {
    /// Earliest and latest, in microseconds since 1970; `None` when no event of the block states a time.
    pub range: Option<(i64, i64)>,
    /// Whether an event of the block states none, or may.
    pub timeless: bool,
}

/// Rows from and to, and their times.
type Page = (u64, u64, BlockTimes);

/// The times of all blocks of a file. Where the file has no statistics, a block has the times of the whole file.
pub(super) fn of(file: &CheckedFile) -> Result<Vec<BlockTimes>, QueryError> {
    let entry = file.entry();
    let whole = BlockTimes { range: entry.times, timeless: entry.timeless > 0 };
    let pages = pages(file)?;
    let count = entry.rows.div_ceil(u64::from(BLOCK_ROWS));
    let mut blocks = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    let mut at = 0;
    for number in 0..count {
        let (from, to) = (number * u64::from(BLOCK_ROWS), (number + 1) * u64::from(BLOCK_ROWS));
        while pages.get(at).is_some_and(|(_, end, _)| *end <= from) {
            at += 1;
        }
        let within = pages.iter().skip(at).take_while(|(start, ..)| *start < to.min(entry.rows));
        let joined = within.map(|(.., times)| *times).reduce(join);
        blocks.push(joined.unwrap_or(whole));
    }
    Ok(blocks)
}

fn join(a: BlockTimes, b: BlockTimes) -> BlockTimes {
    let range = match (a.range, b.range) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    };
    BlockTimes { range, timeless: a.timeless || b.timeless }
}

/// The pages of the column of times, in order; none when the file does not describe all of them.
fn pages(file: &CheckedFile) -> Result<Vec<Page>, QueryError> {
    let metadata = file.metadata()?;
    let schema = metadata.file_metadata().schema_descr();
    let column = schema.columns().iter().position(|c| c.name() == "time");
    let (Some(column), Some(times), Some(places)) =
        (column, metadata.column_index(), metadata.offset_index())
    else {
        return Ok(Vec::new());
    };
    let (mut pages, mut start) = (Vec::new(), 0u64);
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let end = start + u64::try_from(group.num_rows()).unwrap_or_default();
        let index = times.get(number).and_then(|columns| columns.get(column));
        let place = places.get(number).and_then(|columns| columns.get(column));
        let (Some(ColumnIndexMetaData::INT64(index)), Some(place)) = (index, place) else {
            return Ok(Vec::new());
        };
        let firsts: Vec<u64> = place
            .page_locations()
            .iter()
            .map(|page| start + u64::try_from(page.first_row_index).unwrap_or_default())
            .collect();
        if firsts.len() as u64 != index.num_pages() {
            return Ok(Vec::new());
        }
        for (at, &from) in firsts.iter().enumerate() {
            let range = index.min_value(at).copied().zip(index.max_value(at).copied());
            let timeless = index.null_count(at).is_none_or(|nulls| nulls > 0) || range.is_none();
            pages.push((from, firsts.get(at + 1).copied().unwrap_or(end), BlockTimes { range, timeless }));
        }
        start = end;
    }
    Ok(pages)
}

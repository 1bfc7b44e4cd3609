//! Reads and writes of tables by 32-bit number that cannot panic: what is not there reads as the default, and is not written.

/// The entry, or the default where there is none.
#[inline]
pub(super) fn at<T: Copy + Default>(table: &[T], index: u32) -> T {
    table.get(index as usize).copied().unwrap_or_default()
}

/// Replaces the entry, where there is one.
#[inline]
pub(super) fn set<T>(table: &mut [T], index: u32, value: T) {
    if let Some(entry) = table.get_mut(index as usize) {
        *entry = value;
    }
}

/// The entries of a range, or none.
#[inline]
pub(super) fn slice<T>(table: &[T], range: std::ops::Range<u32>) -> &[T] {
    table.get(range.start as usize..range.end as usize).unwrap_or_default()
}

/// A length as a 32-bit number; tables are bounded far below.
#[inline]
pub(super) fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Starts of the groups of a table of `keys` (each below `groups`), as prefix sums with the total at the end.
pub(super) fn starts(groups: usize, keys: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut starts = vec![0u32; groups + 1];
    for key in keys {
        if let Some(count) = starts.get_mut(key as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    starts
}

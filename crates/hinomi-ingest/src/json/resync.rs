//! Where reading goes on after a damaged object.

use memchr::{memchr_iter, memrchr};

use super::scan::{byte, part, skip_space};

/// Offset of the next object that starts its line in the same column as the damaged one did. `line` is an offset
/// in the line of the damaged object that no earlier object reaches; `start` is where the damaged object begins.
///
/// The column keeps the inner objects of a damaged object printed over many lines from being read as events.
pub(super) fn next_object(text: &[u8], line: usize, start: usize) -> Option<usize> {
    let line_start = memrchr(b'\n', part(text, line, start)).map_or(line, |at| line + at + 1);
    let indent = part(text, line_start, start);
    let indent = if indent.iter().all(|b| matches!(b, b' ' | b'\t')) { indent } else { b"" };
    memchr_iter(b'\n', text.get(start..)?).map(|at| start + at + 1).find(|&at| {
        let rest = text.get(at..).unwrap_or_default();
        let body = rest.strip_prefix(indent).map(|r| byte(r, 0));
        matches!(body, Some(b'{')) || (indent.is_empty() && byte(rest, 0) == b'[')
    })
}

/// Offset after the line that holds `at`.
pub(super) fn next_line(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(text.len(), |n| at + n + 1)
}

/// Offset of the next `{` that follows `}` and a comma after `from`: the next element of an array on one line.
pub(super) fn next_element(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    memchr_iter(b',', rest).map(|at| from + at).find_map(|comma| {
        let before = part(text, 0, comma).iter().rev().find(|b| !b.is_ascii_whitespace());
        let next = skip_space(text, comma + 1);
        (before == Some(&b'}') && byte(text, next) == b'{').then_some(next)
    })
}

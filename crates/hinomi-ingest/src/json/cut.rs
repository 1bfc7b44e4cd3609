//! Where a stream of JSON may be cut so that every piece holds whole events.
//!
//! # Invariants
//! - Memory needed by the caller is bounded by [`MAX_OBJECT`] plus its read size, also for one document of many
//!   gigabytes.
//! - Pieces put together are the stream; nothing is reordered.
//!
//! # Trust
//! A cut decides only how bytes are grouped: damaged input may be grouped badly, never lost.

use memchr::{memchr_iter, memrchr_iter};

use super::envelope::{self, Opening};
use super::resync;
use super::scan::{byte, part, skip_space, skip_value, string_end};

/// An object longer than this is not read.
pub const MAX_OBJECT: usize = 16 << 20;

/// What to do with the first bytes of a buffer of JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JsonCut {
    /// The first so many bytes are whole records: hand them to [`crate::JsonDecoder`] as one unit.
    Records(usize),
    /// No record ends here. Append more bytes and ask again; double the buffer, it never needs more than
    /// [`MAX_OBJECT`] plus one read.
    NeedMore,
    /// The first so many bytes belong to an object above [`MAX_OBJECT`]: drop them and record a
    /// `LimitExceeded` diagnostic at their offset (once per run of skips).
    Skip(usize),
}

/// What [`json_cut`] remembers about one stream.
#[derive(Clone, Debug, Default)]
pub struct JsonCutState {
    started: bool,
    wide: Option<Wide>,
    skipping: Option<Nest>,
}

/// How deep a skipped object stands open.
#[derive(Clone, Copy, Debug, Default)]
struct Nest {
    open: usize,
    in_string: bool,
    escaped: bool,
}

impl Nest {
    /// Reads on; says after how many bytes the object has ended.
    fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.open += 1,
                b'}' | b']' if !self.in_string => {
                    self.open = self.open.saturating_sub(1);
                    if self.open == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Byte order of UTF-16 input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wide {
    Little,
    Big,
}

/// Says how many leading bytes of `bytes` can be handed over. `bytes` starts where the previous answer ended (at
/// the start of the stream at first); `at_end` says that nothing follows. Works for lines, arrays, envelopes and
/// objects printed over many lines alike, in UTF-8 or UTF-16.
pub fn json_cut(bytes: &[u8], at_end: bool, state: &mut JsonCutState) -> JsonCut {
    if bytes.is_empty() {
        return JsonCut::NeedMore;
    }
    if !state.started && (bytes.len() >= 4 || at_end) {
        state.started = true;
        state.wide = wide_order(bytes);
    }
    if let Some(nest) = state.skipping {
        return skip_on(bytes, at_end, nest, state);
    }
    if at_end {
        return JsonCut::Records(bytes.len());
    }
    let cut = match state.wide {
        Some(order) => after_last_wide_line(bytes, order),
        None => after_last_line(bytes).or_else(|| after_last_object(bytes).0),
    };
    match cut {
        Some(cut) if cut > 0 => JsonCut::Records(cut),
        _ if bytes.len() < MAX_OBJECT => JsonCut::NeedMore,
        _ => over_limit(bytes, state),
    }
}

/// Byte order of UTF-16 text, by its mark or by the zero half of an opening ASCII character.
pub(super) fn wide_order(bytes: &[u8]) -> Option<Wide> {
    match bytes {
        [0xff, 0xfe, ..] | [b'{' | b'[' | b' ' | b'\n' | b'\r', 0, ..] => Some(Wide::Little),
        [0xfe, 0xff, ..] | [0, b'{' | b'[' | b' ' | b'\n' | b'\r', ..] => Some(Wide::Big),
        _ => None,
    }
}

/// The end of the last line that is certainly the end of an object: `}`, line break, `{` in the first column.
fn after_last_line(bytes: &[u8]) -> Option<usize> {
    memrchr_iter(b'\n', bytes).find_map(|at| {
        let before = part(bytes, 0, at);
        let ended = before.strip_suffix(b"\r").unwrap_or(before).last() == Some(&b'}');
        (ended && byte(bytes, at + 1) == b'{').then_some(at + 1)
    })
}

fn after_last_wide_line(bytes: &[u8], order: Wide) -> Option<usize> {
    let is_break = |pair: &[u8]| match order {
        Wide::Little => pair == b"\n\0",
        Wide::Big => pair == b"\0\n",
    };
    bytes.chunks_exact(2).rposition(is_break).map(|pair| pair * 2 + 2)
}

/// The end of the last complete event of an array, an envelope or a run of objects, and where what follows it
/// starts.
fn after_last_object(bytes: &[u8]) -> (Option<usize>, usize) {
    let mut at = 0;
    let mut cut = None;
    loop {
        at = skip_space(bytes, at);
        let Some(&next) = bytes.get(at) else { return (cut, at) };
        let step = match next {
            b'{' => match envelope::opening(bytes, at) {
                Opening::Unknown => return (cut, at),
                Opening::Events { at, .. } => Some(at),
                Opening::Event => skip_value(bytes, at),
            },
            b'"' => after_member(bytes, at),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => skip_value(bytes, at).filter(|&end| end < bytes.len()),
            _ => Some(at + 1),
        };
        let Some(end) = step else { return (cut, at) };
        if matches!(next, b'{' | b'"') && end <= bytes.len() && byte(bytes, end.wrapping_sub(1)) == b'}' {
            cut = Some(end);
        }
        at = end;
    }
}

/// After a member of an envelope that follows its events; into the value if that holds events itself.
fn after_member(bytes: &[u8], at: usize) -> Option<usize> {
    let (end, _) = string_end(bytes, at + 1)?;
    let colon = skip_space(bytes, end + 1);
    if byte(bytes, colon) != b':' {
        return (colon < bytes.len()).then_some(end + 1);
    }
    let value = skip_space(bytes, colon + 1);
    if envelope::is_path_key(part(bytes, at + 1, end)) && byte(bytes, value) == b'[' {
        return Some(value);
    }
    skip_value(bytes, value)
}

/// The object at the start of `bytes` is too long or does not end: hand over what a resynchronisation would skip,
/// or start skipping.
fn over_limit(bytes: &[u8], state: &mut JsonCutState) -> JsonCut {
    let mut nest = Nest::default();
    let mut start = 0;
    if state.wide.is_none() {
        start = after_last_object(bytes).1;
        if let Some(next) = resync::next_object(bytes, 0, start).filter(|&next| next > 0) {
            return JsonCut::Records(next);
        }
    }
    let ended = nest.feed(part(bytes, start, bytes.len()));
    state.skipping = ended.is_none().then_some(nest);
    JsonCut::Skip(ended.map_or(bytes.len() & !usize::from(state.wide.is_some()), |end| start + end))
}

/// Continues skipping up to the end of the object or a line that starts with one, whichever comes first: a
/// damaged object may never end.
fn skip_on(bytes: &[u8], at_end: bool, mut nest: Nest, state: &mut JsonCutState) -> JsonCut {
    let fresh = match state.wide {
        Some(order) => after_last_wide_line(bytes, order),
        None => memchr_iter(b'\n', bytes).map(|at| at + 1).find(|&at| byte(bytes, at) == b'{'),
    };
    let ended =
        if state.wide.is_none() { nest.feed(part(bytes, 0, fresh.unwrap_or(bytes.len()))) } else { None };
    if let Some(at) = ended.or(fresh) {
        state.skipping = None;
        return JsonCut::Skip(at);
    }
    if at_end {
        return JsonCut::Skip(bytes.len());
    }
    // A line break at the very end may be followed by an object that is not here yet.
    if bytes == b"\n" {
        return JsonCut::NeedMore;
    }
    let keep = usize::from(bytes.last() == Some(&b'\n'));
    let mut nest = state.skipping.unwrap_or_default();
    let taken = (bytes.len() - keep) & !usize::from(state.wide.is_some());
    nest.feed(part(bytes, 0, taken));
    state.skipping = Some(nest);
    JsonCut::Skip(taken)
}

//! Typed BinXML values to text.
//!
//! Forms follow what Windows renders: numbers in decimal, `HexInt` as `0x…` in lower case, GUIDs in braces, SIDs
//! as `S-1-…`, times with seven digits of fraction, binary in upper-case hexadecimal ([MS-EVEN6] 2.2.4).

use std::io::Write as _;

use hinomi_columns::{Dictionary, ValueId, ValueKind};

use super::utf16::{self, push_char};

/// Value types ([MS-EVEN6] 2.2.4.1); [`ARRAY`] is set for arrays of them.
pub(super) mod kind {
    pub(in super::super) const NULL: u8 = 0x00;
    pub(in super::super) const STRING: u8 = 0x01;
    pub(in super::super) const ANSI: u8 = 0x02;
    pub(in super::super) const UINT64: u8 = 0x0a;
    pub(in super::super) const GUID: u8 = 0x0f;
    pub(in super::super) const FILETIME: u8 = 0x11;
    pub(in super::super) const SYSTEMTIME: u8 = 0x12;
    pub(in super::super) const SID: u8 = 0x13;
    pub(in super::super) const FRAGMENT: u8 = 0x21;
}

/// Flag of array types.
pub(super) const ARRAY: u8 = 0x80;

/// Dictionary tags of these values start here, one per type.
const TAG: u8 = hinomi_columns::TAG_EVTX;

/// Interns one value of type `ty` (not an array); `hint` is the id the same place had last time.
#[inline]
pub(super) fn intern(dictionary: &mut Dictionary, hint: ValueId, ty: u8, raw: &[u8]) -> ValueId {
    match ty {
        kind::STRING => dictionary.raw_near(hint, TAG + ty, until_padding(raw), convert_string),
        kind::NULL => dictionary.null(),
        _ if ty & ARRAY != 0 => intern_array(dictionary, ty & !ARRAY, raw),
        _ => match width(ty) {
            Some(0) => dictionary.raw_near(hint, TAG + ty, raw, |raw, out| convert(ty, raw, out)),
            Some(width) => match raw.get(..width) {
                Some(raw) => dictionary.raw_near(hint, TAG + ty, raw, |raw, out| convert(ty, raw, out)),
                None => dictionary.null(),
            },
            None => dictionary.null(),
        },
    }
}

/// Bytes of a value of fixed size, 0 for types of any size, `None` for types that hold no value.
fn width(ty: u8) -> Option<usize> {
    Some(match ty {
        0x03 | 0x04 => 1,
        0x05 | 0x06 => 2,
        0x07 | 0x08 | 0x0b | 0x0d | 0x14 => 4,
        0x09 | 0x0a | 0x0c | kind::FILETIME | 0x15 => 8,
        kind::GUID | kind::SYSTEMTIME => 16,
        kind::STRING | kind::ANSI | 0x0e | 0x10 | kind::SID => 0,
        _ => return None,
    })
}

/// A string value may be padded with zero units; they are no part of it.
#[inline]
fn until_padding(mut raw: &[u8]) -> &[u8] {
    while let [head @ .., 0, 0] = raw {
        if head.len() % 2 != 0 {
            break;
        }
        raw = head;
    }
    raw
}

#[cold]
fn intern_array(dictionary: &mut Dictionary, ty: u8, raw: &[u8]) -> ValueId {
    let mut ids = Vec::new();
    let mut push = |dictionary: &mut Dictionary, item: &[u8]| {
        ids.push(intern(dictionary, ValueId::ABSENT, ty, item));
    };
    match ty {
        kind::STRING => split_strings(raw).for_each(|item| push(dictionary, item)),
        kind::ANSI => {
            let body = raw.strip_suffix(b"\0").unwrap_or(raw);
            body.split(|&b| b == 0).for_each(|item| push(dictionary, item));
        }
        kind::SID => {
            let mut rest = raw;
            while let Some((item, after)) =
                rest.get(1).and_then(|&n| rest.split_at_checked(8 + 4 * usize::from(n)))
            {
                push(dictionary, item);
                rest = after;
            }
        }
        _ => match width(ty) {
            None | Some(0) => {}
            Some(width) => raw.chunks_exact(width).for_each(|item| push(dictionary, item)),
        },
    }
    match ids.as_slice() {
        [] => dictionary.null(),
        [single] => *single,
        many => dictionary.list(many),
    }
}

/// Zero-terminated UTF-16 strings one after the other.
fn split_strings(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        if rest.len() < 2 {
            return None;
        }
        let units = rest.as_chunks::<2>().0;
        let length = units.iter().position(|u| u == &[0, 0]).unwrap_or(units.len()) * 2;
        let (item, after) = rest.split_at_checked(length)?;
        rest = after.get(2..).unwrap_or_default();
        Some(item)
    })
}

fn convert_string(raw: &[u8], out: &mut Vec<u8>) -> ValueKind {
    let rest = utf16::ascii(raw, out);
    let units = rest.iter().copied().map(u16::from_le_bytes);
    utf16::wide(units.take_while(|&unit| unit != 0), out);
    ValueKind::Text
}

/// Appends the text of a value.
pub(super) fn convert(ty: u8, raw: &[u8], out: &mut Vec<u8>) -> ValueKind {
    match ty {
        kind::STRING => return convert_string(raw, out),
        kind::ANSI => raw.iter().filter(|&&b| b != 0).for_each(|&b| push_char(windows_1252(b), out)),
        0x03..=0x0a => return integer(ty, raw, out),
        0x0b => put(out, format_args!("{:?}", f32::from_le_bytes(first(raw)))),
        0x0c => put(out, format_args!("{:?}", f64::from_le_bytes(first(raw)))),
        0x0d => return boolean(raw, out),
        0x0e => raw.iter().for_each(|b| put(out, format_args!("{b:02X}"))),
        kind::GUID => guid(first(raw), out),
        0x10 if raw.len() == 4 => put(out, format_args!("{:#x}", u32::from_le_bytes(first(raw)))),
        0x10 | 0x15 => put(out, format_args!("{:#x}", u64::from_le_bytes(first(raw)))),
        0x14 => put(out, format_args!("{:#x}", u32::from_le_bytes(first(raw)))),
        kind::FILETIME => filetime(u64::from_le_bytes(first(raw)), out),
        kind::SYSTEMTIME => systemtime(raw, out),
        kind::SID => sid(raw, out),
        _ => return ValueKind::Null,
    }
    ValueKind::Text
}

/// Writing to a vector cannot fail.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// The first `N` bytes, zero where the value is shorter.
fn first<const N: usize>(raw: &[u8]) -> [u8; N] {
    let mut found = [0; N];
    found.iter_mut().zip(raw).for_each(|(to, from)| *to = *from);
    found
}

fn integer(ty: u8, raw: &[u8], out: &mut Vec<u8>) -> ValueKind {
    let unsigned = u64::from_le_bytes(first(raw));
    match ty {
        0x03 => put(out, format_args!("{}", unsigned as i8)),
        0x05 => put(out, format_args!("{}", unsigned as i16)),
        0x07 => put(out, format_args!("{}", unsigned as i32)),
        0x09 => put(out, format_args!("{}", unsigned as i64)),
        _ => put(out, format_args!("{unsigned}")),
    }
    ValueKind::Number
}

/// Some providers keep bit masks in truth values; they are printed as the numbers they are.
fn boolean(raw: &[u8], out: &mut Vec<u8>) -> ValueKind {
    match i32::from_le_bytes(first(raw)) {
        0 => out.extend_from_slice(b"false"),
        1 => out.extend_from_slice(b"true"),
        other => {
            put(out, format_args!("{other}"));
            return ValueKind::Number;
        }
    }
    ValueKind::Bool
}

fn guid(raw: [u8; 16], out: &mut Vec<u8>) {
    let value = uuid_order(raw);
    let [high, low] = [(value >> 64) as u64, value as u64];
    put(
        out,
        format_args!(
            "{{{:08x}-{:04x}-{:04x}-{:04x}-{:012x}}}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        ),
    );
}

/// The first three groups of a GUID are stored little-endian.
fn uuid_order(raw: [u8; 16]) -> u128 {
    let group = |from: usize, length: usize| {
        let bytes = raw.get(from..from + length).unwrap_or_default();
        bytes.iter().rev().fold(0_u128, |value, byte| value << 8 | u128::from(*byte))
    };
    let tail = u128::from(u128::from_be_bytes(raw) as u64);
    group(0, 4) << 96 | group(4, 2) << 80 | group(6, 2) << 64 | tail
}

/// [MS-DTYP] 2.4.2: revision, count, authority (big-endian), sub-authorities.
fn sid(raw: &[u8], out: &mut Vec<u8>) {
    let Some(([revision, count, authority @ ..], subs)) = raw.split_first_chunk::<8>() else {
        out.extend_from_slice(b"S-?");
        return;
    };
    let authority = authority.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    put(out, format_args!("S-{revision}-{authority}"));
    for sub in subs.as_chunks().0.iter().take(usize::from(*count)) {
        put(out, format_args!("-{}", u32::from_le_bytes(*sub)));
    }
}

/// Ticks of 100 ns since 1601; values beyond the signed range are shown as zeros, as Windows does.
fn filetime(ticks: u64, out: &mut Vec<u8>) {
    const PER_SECOND: u64 = 10_000_000;
    if i64::try_from(ticks).is_err() {
        out.extend_from_slice(b"0000-00-00T00:00:00.0000000Z");
        return;
    }
    let seconds = ticks / PER_SECOND;
    let (year, month, day) = civil_since_1601(seconds / 86_400);
    let rest = seconds % 86_400;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    date_time([year % 10_000, month, day, hour, minute, second], ticks % PER_SECOND, out);
}

fn date_time([year, month, day, hour, minute, second]: [u64; 6], ticks: u64, out: &mut Vec<u8>) {
    put(out, format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ticks:07}Z"));
}

/// Proleptic Gregorian date, counting years from March so that leap days end them.
fn civil_since_1601(days: u64) -> (u64, u64, u64) {
    const TO_MARCH_1600: u64 = 306;
    const PER_ERA: u64 = 146_097;
    let shifted = days + TO_MARCH_1600;
    let (era, day_of_era) = (shifted / PER_ERA, shifted % PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / (PER_ERA - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = 1600 + era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// Eight 16-bit parts; what is no time is shown as 1601-01-01, as Windows does.
fn systemtime(raw: &[u8], out: &mut Vec<u8>) {
    let [year, month, day, hour, minute, second, millis] = system_parts(raw);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let date_ok = (1601..=30_827).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day);
    if date_ok && hour < 24 && minute < 60 && second < 60 && millis < 1000 {
        date_time([year % 10_000, month, day, hour, minute, second], millis * 10_000, out);
    } else {
        date_time([1601, 1, 1, 0, 0, 0], 0, out);
    }
}

/// Year, month, day, hour, minute, second, milliseconds; the day of the week is left out.
pub(super) fn system_parts(raw: &[u8]) -> [u64; 7] {
    let mut parts = [0; 7];
    let units = raw.as_chunks().0.iter().copied().map(u16::from_le_bytes).map(u64::from);
    let without_weekday = units.enumerate().filter(|(at, _)| *at != 2).map(|(_, part)| part);
    parts.iter_mut().zip(without_weekday).for_each(|(to, from)| *to = from);
    parts
}

/// The code page of Western Windows; the five unassigned bytes map to their C1 controls.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let high = byte.checked_sub(0x80).and_then(|at| HIGH.get(usize::from(at)));
    high.copied().unwrap_or(char::from(byte))
}

/// Appends the text of a value or, separated by commas, of the items of an array.
pub(super) fn append(ty: u8, raw: &[u8], out: &mut Vec<u8>) {
    if ty & ARRAY == 0 {
        convert(ty, raw, out);
        return;
    }
    let mut scratch = Dictionary::default();
    let id = intern_array(&mut scratch, ty & !ARRAY, raw);
    for (at, item) in scratch.elements(id).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(scratch.str(item).as_bytes());
    }
}

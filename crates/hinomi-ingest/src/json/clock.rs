//! Times as JSON logs write them.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use jiff::tz::TimeZone;

use super::mapping::TimeFormat;

/// A time and whether a zone had to be assumed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reading {
    pub(super) time: Timestamp,
    pub(super) assumed: bool,
}

impl Reading {
    fn sure(time: Timestamp) -> Self {
        Self { time, assumed: false }
    }
}

/// Reads `text` in one format; `zone` is that of times which state none.
pub(super) fn read(text: &[u8], format: TimeFormat, zone: &TimeZone) -> Option<Reading> {
    match format {
        TimeFormat::Iso => Timestamp::parse_iso(text, false).map(Reading::sure),
        TimeFormat::IsoUtc => Timestamp::parse_iso(text, true).map(Reading::sure),
        TimeFormat::IsoLocal => match Timestamp::parse_iso(text, false) {
            Some(time) => Some(Reading::sure(time)),
            None => local(Timestamp::parse_iso(text, true)?, zone),
        },
        TimeFormat::OffsetOf => None,
        TimeFormat::EpochS => epoch(text, NANOS_PER_SECOND),
        TimeFormat::EpochMs => epoch(text, 1_000_000),
        TimeFormat::EpochUs => epoch(text, 1_000),
        TimeFormat::Epoch => epoch_by_size(text),
        TimeFormat::Audit => epoch(text.split(|b| *b == b':').next()?, NANOS_PER_SECOND),
        TimeFormat::Auto => {
            dotnet(text).or_else(|| epoch_by_size(text)).or_else(|| read(text, TimeFormat::IsoLocal, zone))
        }
    }
}

/// A civil time of `zone`, given as if it were UTC.
fn local(civil: Timestamp, zone: &TimeZone) -> Option<Reading> {
    let ((year, month, day), (hour, minute, second), nanos) = civil.to_civil();
    let date = jiff::civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
    let time = date.ok()?.at(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, 0);
    let seconds = zone.to_timestamp(time).ok()?.as_second();
    let nanos = seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(i64::from(nanos))?;
    Some(Reading { time: Timestamp::from_nanos(nanos), assumed: true })
}

/// `local_time` without a zone, corrected by the difference between `reference_local` and `reference_utc`, which
/// is rounded to a quarter of an hour: the two describe the same moment on two clocks.
pub(super) fn offset_of(local_time: &[u8], reference_local: &[u8], reference_utc: &[u8]) -> Option<Reading> {
    const QUARTER: i64 = 900 * NANOS_PER_SECOND;
    let time = Timestamp::parse_iso(local_time, true)?.as_nanos();
    let there = Timestamp::parse_iso(reference_local, true)?.as_nanos();
    let here = Timestamp::parse_iso(reference_utc, true)?.as_nanos();
    let quarters = here.checked_sub(there)?.checked_add(QUARTER / 2)?.div_euclid(QUARTER);
    // UTC-12 to UTC+14; anything else is not a zone but a clock that is wrong.
    if !(-56..=48).contains(&quarters) {
        return None;
    }
    time.checked_add(quarters * QUARTER).map(|t| Reading::sure(Timestamp::from_nanos(t)))
}

/// A decimal number of units of `unit` nanoseconds; the fraction is read exactly, exponents are not.
fn epoch(text: &[u8], unit: i64) -> Option<Reading> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        return scientific(mantissa, exponent, unit);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    let mut nanos = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let mut scale = unit;
    for digit in fraction.bytes() {
        scale /= 10;
        let part = i64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?) * scale;
        nanos = nanos.checked_add(if negative { -part } else { part })?;
    }
    Some(Reading::sure(Timestamp::from_nanos(nanos)))
}

/// `1.5e9`: serialisers of floating point write large numbers so.
fn scientific(mantissa: &str, exponent: &str, unit: i64) -> Option<Reading> {
    let exponent = usize::try_from(exponent.trim_start_matches('+').parse::<i32>().ok()?).ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if exponent > 18 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{fraction:0<exponent$}");
    let (moved, rest) = padded.split_at_checked(exponent)?;
    epoch(format!("{whole}{moved}.{rest}").as_bytes(), unit)
}

/// Seconds below 10^11, milliseconds below 10^14, microseconds below 10^17, else nanoseconds: unambiguous for
/// 1973 to 5138. Smaller numbers are not times.
fn epoch_by_size(text: &[u8]) -> Option<Reading> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let is_number = text.iter().all(|b| matches!(b, b'0'..=b'9' | b'.'));
    match digits {
        _ if !is_number => scientific_seconds(text),
        9..=11 => epoch(text, NANOS_PER_SECOND),
        12..=14 => epoch(text, 1_000_000),
        15..=17 => epoch(text, 1_000),
        18..=19 => epoch(text, 1),
        _ => None,
    }
}

fn scientific_seconds(text: &[u8]) -> Option<Reading> {
    let is_float = text.first()?.is_ascii_digit() && text.iter().any(|b| matches!(b, b'e' | b'E'));
    let reading = epoch(text, NANOS_PER_SECOND).filter(|_| is_float)?;
    (reading.time.as_nanos() > 100_000_000 * NANOS_PER_SECOND).then_some(reading)
}

/// `/Date(1600000000000)/`, as older .NET serialisers write times.
fn dotnet(text: &[u8]) -> Option<Reading> {
    let inner = text.strip_suffix(b"/").map(|t| t.strip_suffix(b"\\").unwrap_or(t))?;
    let inner = inner.strip_prefix(b"\\").unwrap_or(inner).strip_prefix(b"/Date(")?.strip_suffix(b")")?;
    let sign = inner.iter().skip(1).position(|b| matches!(b, b'+' | b'-')).map_or(inner.len(), |at| at + 1);
    epoch(inner.get(..sign)?, 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, format: TimeFormat, expected: Option<&str>) {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let read = read(text.as_bytes(), format, &zone).map(|r| r.time.to_string());
        assert_eq!(read.as_deref(), expected.map(|e| format!("{e}Z")).as_deref(), "{text}");
    }

    #[test]
    fn numbers_are_read_without_loss() {
        check("1600000000", TimeFormat::EpochS, Some("2020-09-13T12:26:40.000000000"));
        check("1600000000.123456", TimeFormat::EpochS, Some("2020-09-13T12:26:40.123456000"));
        check("1600000000123", TimeFormat::EpochMs, Some("2020-09-13T12:26:40.123000000"));
        check("1600000000123456", TimeFormat::EpochUs, Some("2020-09-13T12:26:40.123456000"));
        check("1.600000000123456E9", TimeFormat::EpochS, Some("2020-09-13T12:26:40.123456000"));
        check("-1.5", TimeFormat::EpochS, Some("1969-12-31T23:59:58.500000000"));
        check("99999999999999999999", TimeFormat::EpochS, None);
    }

    #[test]
    fn magnitude_tells_the_unit() {
        for text in ["1600000000", "1600000000000", "1600000000000000", "1600000000000000000", "1.6e9"] {
            check(text, TimeFormat::Epoch, Some("2020-09-13T12:26:40.000000000"));
        }
        check("42", TimeFormat::Epoch, None);
        check("1e3", TimeFormat::Epoch, None);
    }

    #[test]
    fn zones_are_stated_assumed_or_derived() {
        check("2020-09-13T12:26:40Z", TimeFormat::Iso, Some("2020-09-13T12:26:40.000000000"));
        check("2020-09-13T12:26:40", TimeFormat::Iso, None);
        check("2020-09-13T12:26:40", TimeFormat::IsoUtc, Some("2020-09-13T12:26:40.000000000"));
        check("2020-09-13 12:26:40.5", TimeFormat::IsoLocal, Some("2020-09-13T03:26:40.500000000"));
        check("/Date(1600000000000)/", TimeFormat::Auto, Some("2020-09-13T12:26:40.000000000"));
        check("\\/Date(1600000000000+0900)\\/", TimeFormat::Auto, Some("2020-09-13T12:26:40.000000000"));
        let derived =
            offset_of(b"2020-09-18 13:05:52", b"2020-09-18 13:07:52", b"2020-09-18T17:07:52.019Z").unwrap();
        assert_eq!(derived.time.to_string(), "2020-09-18T17:05:52.000000000Z");
        assert_eq!(offset_of(b"2020-09-18 13:05:52", b"2020-09-18 13:07:52", b"2020-09-20T17:07:52Z"), None);
    }
}

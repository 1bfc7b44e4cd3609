//! Points in time: UTC, nanoseconds.

use std::fmt;
use std::str::FromStr;

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted; covers the years 1678 to 2261.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// A Windows FILETIME: 100 ns ticks since 1601-01-01 (MS-DTYP 2.3.3). `None` outside the range.
    pub fn from_filetime(ticks: u64) -> Option<Self> {
        const TICKS_TO_EPOCH: i64 = 116_444_736_000_000_000;
        let ticks = i64::try_from(ticks).ok()?.checked_sub(TICKS_TO_EPOCH)?;
        ticks.checked_mul(100).map(Self)
    }

    /// Civil UTC date and time. `None` when a part is out of range. Seconds may be 60 (a leap second).
    pub fn from_civil(date: (i32, u32, u32), time: (u32, u32, u32), nanos: u32) -> Option<Self> {
        let (year, month, day) = date;
        let (hour, minute, second) = time;
        if hour > 23 || minute > 59 || second > 60 || nanos > 999_999_999 {
            return None;
        }
        let days = days_from_civil(year, month, day)?;
        let seconds = days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(i64::from(nanos)).map(Self)
    }

    /// Civil UTC parts: (year, month, day), (hour, minute, second), nanoseconds.
    pub fn to_civil(self) -> ((i32, u32, u32), (u32, u32, u32), u32) {
        let seconds = self.0.div_euclid(NANOS_PER_SECOND);
        let nanos = self.0.rem_euclid(NANOS_PER_SECOND) as u32;
        let days = seconds.div_euclid(86_400);
        let rest = seconds.rem_euclid(86_400) as u32;
        (civil_from_days(days), (rest / 3600, rest / 60 % 60, rest % 60), nanos)
    }

    /// Parses RFC 3339 and its common relatives: a space for `T`, missing seconds fraction, `Z`, `z`, `+09:00`,
    /// `+0900`, up to nine digits of fraction (more are cut). A missing zone is read as UTC only when
    /// `assume_utc` is set. `None` when the text is not such a time.
    pub fn parse_iso(text: &[u8], assume_utc: bool) -> Option<Self> {
        let number = |from: usize, to: usize| digits(text.get(from..to)?);
        let byte = |at: usize| text.get(at).copied();
        if byte(4)? != b'-' || byte(7)? != b'-' || !matches!(byte(10)?, b'T' | b't' | b' ' | b'_') {
            return None;
        }
        if byte(13)? != b':' || byte(16)? != b':' {
            return None;
        }
        let date = (number(0, 4)? as i32, number(5, 7)?, number(8, 10)?);
        let time = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let mut at = 19;
        let mut nanos = 0;
        if matches!(byte(at), Some(b'.' | b',')) {
            at += 1;
            let mut scale = 100_000_000;
            while let Some(digit) = byte(at).filter(u8::is_ascii_digit) {
                nanos += u32::from(digit - b'0') * scale;
                scale /= 10;
                at += 1;
            }
        }
        let local = Self::from_civil(date, time, nanos)?;
        let offset = parse_offset(text.get(at..)?, assume_utc)?;
        local.0.checked_sub(offset.checked_mul(NANOS_PER_SECOND)?).map(Self)
    }
}

/// Seconds east of UTC for `Z`, `+hh:mm`, `+hhmm`, `+hh`, ` UTC` or nothing.
fn parse_offset(zone: &[u8], assume_utc: bool) -> Option<i64> {
    match zone {
        [] => assume_utc.then_some(0),
        b"Z" | b"z" | b" UTC" | b" Z" => Some(0),
        [b' ', rest @ ..] => parse_offset(rest, assume_utc),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, minutes) = match rest {
                [h1, h2] => ([*h1, *h2], [b'0', b'0']),
                [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => ([*h1, *h2], [*m1, *m2]),
                _ => return None,
            };
            let seconds = i64::from(digits(&hours)?) * 3600 + i64::from(digits(&minutes)?) * 60;
            (seconds <= 64_800).then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn digits(text: &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for &byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u32::from(byte - b'0');
    }
    Some(value)
}

/// Days since the epoch of a proleptic Gregorian date (Hinnant, «chrono-Compatible Low-Level Date Algorithms»).
fn days_from_civil(year: i32, month: u32, day: u32) -> Option<i64> {
    const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let longest = *DAYS.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if day == 0 || day > longest || (month == 2 && day == 29 && !leap) {
        return None;
    }
    let shifted = i64::from(year) - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = i64::from((153 * (month + if month > 2 { 0 } else { 12 } - 3) + 2) / 5 + day - 1);
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn civil_from_days(days: i64) -> (i32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * month_index + 2) / 5 + 1) as u32;
    let month = (if month_index < 10 { month_index + 3 } else { month_index - 9 }) as u32;
    ((year_of_era + era * 400 + i64::from(month <= 2)) as i32, month, day)
}

/// RFC 3339 in UTC with nanoseconds: `2026-01-31T12:00:00.123456789Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (hour, minute, second), nanos) = self.to_civil();
        // The range of the type ends in 1677 and 2262. Reports hold many thousand times, and the general
        // formatter is slow.
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let fields =
            [(4, year as u32), (7, month), (10, day), (13, hour), (16, minute), (19, second), (29, nanos)];
        for (end, value) in fields {
            let mut rest = value;
            for digit in text.iter_mut().take(end).rev().take_while(|byte| byte.is_ascii_digit()) {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Text that is not an RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time such as 2026-01-31T12:00:00Z")]
pub struct TimeError(String);

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        Self::parse_iso(text.as_bytes(), false).ok_or_else(|| TimeError(text.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_logs_contain() {
        let check = |text: &str, expected: &str| {
            let parsed = Timestamp::parse_iso(text.as_bytes(), true).map(|t| t.to_string());
            assert_eq!(parsed.as_deref(), Some(expected), "{text}");
        };
        check("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000000Z");
        check("2026-01-31 12:00:00.1234567 UTC", "2026-01-31T12:00:00.123456700Z");
        check("2026-01-01T08:59:60+09:00", "2026-01-01T00:00:00.000000000Z");
        check("2024-02-29T00:00:00,5-0330", "2024-02-29T03:30:00.500000000Z");
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for text in [
            "",
            "2026-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00+99:00",
        ] {
            assert_eq!(Timestamp::parse_iso(text.as_bytes(), true), None, "{text}");
        }
        assert_eq!(Timestamp::parse_iso(b"2026-01-01T00:00:00", false), None);
    }

    #[test]
    fn filetime_epoch() {
        // MS-DTYP: 116444736000000000 ticks is 1970-01-01.
        assert_eq!(Timestamp::from_filetime(116_444_736_000_000_000), Some(Timestamp::from_nanos(0)));
        assert_eq!(Timestamp::from_filetime(u64::MAX), None);
    }

    #[test]
    fn civil_round_trip_over_five_centuries() {
        for day in (-100_000i64..100_000).step_by(37) {
            let time = Timestamp::from_nanos(day * 86_400 * NANOS_PER_SECOND + 1);
            let (date, clock, nanos) = time.to_civil();
            assert_eq!(Timestamp::from_civil(date, clock, nanos), Some(time));
        }
    }

    /// The general formatter of the standard library says what the digits should be.
    #[test]
    fn prints_every_part_in_its_place() {
        let step = i64::MAX / 997;
        for nanos in (-997..=997).map(|n| n * step).chain([0, -1, 1, i64::MIN, i64::MAX]) {
            let time = Timestamp::from_nanos(nanos);
            let ((year, month, day), (hour, minute, second), fraction) = time.to_civil();
            let date = format!("{year:04}-{month:02}-{day:02}");
            assert_eq!(time.to_string(), format!("{date}T{hour:02}:{minute:02}:{second:02}.{fraction:09}Z"));
        }
    }
}

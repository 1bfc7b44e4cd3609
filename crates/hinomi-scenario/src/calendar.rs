//! Local days, hours and the ways in which logs write times.

use std::io::Write as _;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

/// Nanoseconds in an hour.
pub(crate) const HOUR: i64 = 3600 * NANOS_PER_SECOND;
/// Nanoseconds in a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// A notation of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeForm {
    /// `2026-06-05T01:02:03.456Z`
    Utc,
    /// `2026-06-05 01:02:03.456`, UTC
    UtcSpaced,
    /// `2026-06-05T01:02:03Z`
    UtcSeconds,
    /// `2026-06-05T10:02:03.456789+09:00`
    Local,
    /// `2026-06-05`, local
    Date,
    /// `10:02:03`, local
    Clock,
    /// `Jun  5 10:02:03`, local
    Syslog,
    /// `05/Jun/2026:10:02:03 +0900`, local
    Bracketed,
    /// Seconds since the epoch
    Epoch,
    /// Seconds since the epoch with milliseconds
    EpochMillis,
    /// Seconds since the epoch with microseconds
    EpochMicros,
    /// Nanoseconds since the epoch
    Nanos,
    /// `+0900`
    Offset,
}

impl TimeForm {
    /// The form of a placeholder's name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "utc" => Self::Utc,
            "utc-spaced" => Self::UtcSpaced,
            "utc-seconds" => Self::UtcSeconds,
            "local" => Self::Local,
            "date" => Self::Date,
            "clock" => Self::Clock,
            "syslog" => Self::Syslog,
            "bracketed" => Self::Bracketed,
            "epoch" => Self::Epoch,
            "epoch-millis" => Self::EpochMillis,
            "epoch-micros" => Self::EpochMicros,
            "nanos" => Self::Nanos,
            "offset" => Self::Offset,
            _ => return None,
        })
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Writes times; remembers the date it wrote last.
#[derive(Debug)]
pub(crate) struct Dial {
    offset_seconds: i64,
    utc: Day,
    local: Day,
}

#[derive(Debug, Default)]
struct Day {
    number: Option<i64>,
    date: (i32, u32, u32),
}

impl Day {
    fn date(&mut self, number: i64) -> (i32, u32, u32) {
        if self.number != Some(number) {
            self.date = Timestamp::from_nanos(number.saturating_mul(DAY)).to_civil().0;
            self.number = Some(number);
        }
        self.date
    }
}

impl Dial {
    pub(crate) fn new(offset_seconds: i64) -> Self {
        Self { offset_seconds, utc: Day::default(), local: Day::default() }
    }

    /// Appends `nanos` in the given form.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, form: TimeForm, nanos: i64) {
        match form {
            TimeForm::Epoch => number(out, nanos.div_euclid(NANOS_PER_SECOND)),
            TimeForm::EpochMillis => epoch(out, nanos, 3),
            TimeForm::EpochMicros => epoch(out, nanos, 6),
            TimeForm::Nanos => number(out, nanos),
            TimeForm::Offset => self.offset(out, false),
            TimeForm::Utc | TimeForm::UtcSpaced | TimeForm::UtcSeconds => {
                let date = self.utc.date(nanos.div_euclid(DAY));
                write_date(out, date);
                out.push(if form == TimeForm::UtcSpaced { b' ' } else { b'T' });
                write_clock(out, nanos);
                if form != TimeForm::UtcSeconds {
                    fraction(out, nanos, 3);
                }
                if form != TimeForm::UtcSpaced {
                    out.push(b'Z');
                }
            }
            _ => self.write_local(out, form, nanos.saturating_add(self.offset_seconds * NANOS_PER_SECOND)),
        }
    }

    fn write_local(&mut self, out: &mut Vec<u8>, form: TimeForm, local: i64) {
        let date = self.local.date(local.div_euclid(DAY));
        let month = || MONTHS.get(date.1.saturating_sub(1) as usize).copied().unwrap_or("???").as_bytes();
        match form {
            TimeForm::Date => write_date(out, date),
            TimeForm::Clock => write_clock(out, local),
            TimeForm::Syslog => {
                out.extend_from_slice(month());
                out.push(b' ');
                if date.2 < 10 {
                    out.push(b' ');
                }
                number(out, i64::from(date.2));
                out.push(b' ');
                write_clock(out, local);
            }
            TimeForm::Bracketed => {
                two(out, date.2);
                out.push(b'/');
                out.extend_from_slice(month());
                out.push(b'/');
                number(out, i64::from(date.0));
                out.push(b':');
                write_clock(out, local);
                out.push(b' ');
                self.offset(out, false);
            }
            _ => {
                write_date(out, date);
                out.push(b'T');
                write_clock(out, local);
                fraction(out, local, 6);
                self.offset(out, true);
            }
        }
    }

    fn offset(&self, out: &mut Vec<u8>, colon: bool) {
        let minutes = self.offset_seconds.unsigned_abs() as u32 / 60;
        out.push(if self.offset_seconds < 0 { b'-' } else { b'+' });
        two(out, minutes / 60);
        if colon {
            out.push(b':');
        }
        two(out, minutes % 60);
    }
}

fn epoch(out: &mut Vec<u8>, nanos: i64, digits: u32) {
    number(out, nanos.div_euclid(NANOS_PER_SECOND));
    fraction(out, nanos, digits);
}

/// Appends a number in decimal.
pub(crate) fn number(out: &mut Vec<u8>, value: i64) {
    if (0..100).contains(&value) {
        if value >= 10 {
            out.push(b'0' + (value / 10) as u8);
        }
        out.push(b'0' + (value % 10) as u8);
        return;
    }
    // Writing into a Vec cannot fail.
    let _ = write!(out, "{value}");
}

fn two(out: &mut Vec<u8>, value: u32) {
    out.push(b'0' + (value / 10 % 10) as u8);
    out.push(b'0' + (value % 10) as u8);
}

fn write_date(out: &mut Vec<u8>, date: (i32, u32, u32)) {
    number(out, i64::from(date.0));
    out.push(b'-');
    two(out, date.1);
    out.push(b'-');
    two(out, date.2);
}

fn write_clock(out: &mut Vec<u8>, nanos: i64) {
    let seconds = nanos.rem_euclid(DAY).div_euclid(NANOS_PER_SECOND) as u32;
    two(out, seconds / 3600);
    out.push(b':');
    two(out, seconds / 60 % 60);
    out.push(b':');
    two(out, seconds % 60);
}

fn fraction(out: &mut Vec<u8>, nanos: i64, digits: u32) {
    let mut rest = nanos.rem_euclid(NANOS_PER_SECOND) as u32;
    let mut scale = 100_000_000;
    out.push(b'.');
    for _ in 0..digits {
        out.push(b'0' + (rest / scale) as u8);
        rest %= scale;
        scale /= 10;
    }
}

/// Days since the epoch of a local date `2026-06-05`.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let time = Timestamp::parse_iso(format!("{text}T00:00:00Z").as_bytes(), false)?;
    (text.len() == 10).then(|| time.as_nanos().div_euclid(DAY))
}

/// Nanoseconds after midnight of `23:41` or `23:41:05`.
pub(crate) fn parse_clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|p| p.parse::<i64>().ok().filter(|_| p.len() == 2));
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().map_or(Some(0), |s| s)?;
    let fits = hour < 24 && minute < 60 && second < 60 && parts.next().is_none();
    fits.then_some(((hour * 60 + minute) * 60 + second) * NANOS_PER_SECOND)
}

/// Seconds east of UTC of `+09:00`.
pub(crate) fn parse_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    Some(sign * parse_clock(rest)? / NANOS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(form: TimeForm, nanos: i64) -> String {
        let mut out = Vec::new();
        Dial::new(9 * 3600).write(&mut out, form, nanos);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_form() {
        // 2026-06-04T16:02:03.456789Z is the next day at nine hours east.
        let nanos = 1_780_588_923_456_789_012;
        let check = |form, expected: &str| assert_eq!(shown(form, nanos), expected, "{form:?}");
        check(TimeForm::Utc, "2026-06-04T16:02:03.456Z");
        check(TimeForm::UtcSpaced, "2026-06-04 16:02:03.456");
        check(TimeForm::UtcSeconds, "2026-06-04T16:02:03Z");
        check(TimeForm::Local, "2026-06-05T01:02:03.456789+09:00");
        check(TimeForm::Date, "2026-06-05");
        check(TimeForm::Clock, "01:02:03");
        check(TimeForm::Syslog, "Jun  5 01:02:03");
        check(TimeForm::Bracketed, "05/Jun/2026:01:02:03 +0900");
        check(TimeForm::Epoch, "1780588923");
        check(TimeForm::EpochMillis, "1780588923.456");
        check(TimeForm::EpochMicros, "1780588923.456789");
        check(TimeForm::Nanos, "1780588923456789012");
        check(TimeForm::Offset, "+0900");
    }

    #[test]
    fn notations() {
        assert_eq!(parse_clock("23:41"), Some((23 * 60 + 41) * 60 * NANOS_PER_SECOND));
        assert_eq!(parse_clock("24:00"), None);
        assert_eq!(parse_clock("7:00"), None);
        assert_eq!(parse_offset("-03:30"), Some(-12_600));
        assert_eq!(parse_offset("09:00"), None);
        assert_eq!(parse_date("1970-01-02"), Some(1));
        assert_eq!(parse_date("2026-02-30"), None);
    }
}

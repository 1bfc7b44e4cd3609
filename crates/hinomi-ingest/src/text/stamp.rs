//! The times logs begin with, in the many ways they are written.
//!
//! # Invariants
//! - What is not stated (year, zone) stays open here; [`super::clock`] completes it and says so.
//!
//! # Not here
//! Assumptions about year and zone (`clock`).

use hinomi_model::Timestamp;

/// Zone of a written time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Zone {
    /// Not stated.
    Unstated,
    /// Seconds east of UTC.
    Offset(i32),
}

/// A written time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stamp {
    /// Calendar date and time of day.
    Civil { year: Option<i32>, month: u32, day: u32, time: (u32, u32, u32), nanos: u32, zone: Zone },
    /// Seconds since the epoch.
    Instant(Timestamp),
}

impl Stamp {
    /// True when nothing about the zone must be assumed.
    pub(crate) fn is_zoned(self) -> bool {
        !matches!(self, Self::Civil { zone: Zone::Unstated, .. })
    }
}

/// Reads the time at the start of `text`: the time and how many bytes it takes.
pub(crate) fn leading(text: &[u8]) -> Option<(Stamp, usize)> {
    let mut cursor = Cursor { text, at: 0, zone: None };
    let first = *text.first()?;
    let stamp = match first {
        b'0'..=b'9' => cursor.digit_first()?,
        b'A'..=b'Z' | b'a'..=b'z' => cursor.letter_first()?,
        b'@' => cursor.tai64n()?,
        b'*' | b'.' => {
            // Network gear marks an unsynchronised clock with a star or a dot.
            cursor.at = 1;
            cursor.letter_first()?
        }
        _ => return None,
    };
    Some((stamp, cursor.at))
}

/// Reads a whole value as a time, for fields that are known to hold one: also bare epoch counts of any unit.
pub(crate) fn whole(text: &str) -> Option<Stamp> {
    let text = text.trim().trim_matches(['"', '[', ']']);
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return epoch(text);
    }
    let (stamp, length) = leading(text.as_bytes())?;
    text.get(length..)?.trim().is_empty().then_some(stamp)
}

/// A count since the epoch in seconds, milli-, micro- or nanoseconds, told apart by its digits.
fn epoch(text: &str) -> Option<Stamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let count: i64 = whole.parse().ok()?;
    let unit: i64 = match whole.len() {
        9 | 10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    let nanos = if unit == 1_000_000_000 { fraction_nanos(fraction.as_bytes()) } else { 0 };
    let nanos = count.checked_mul(unit)?.checked_add(i64::from(nanos))?;
    Some(Stamp::Instant(Timestamp::from_nanos(nanos)))
}

fn fraction_nanos(digits: &[u8]) -> u32 {
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    padded.fold(0, |sum, digit| sum * 10 + u32::from(digit.saturating_sub(b'0').min(9)))
}

const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
const WEEKDAYS: [&[u8; 3]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
/// Zone abbreviations that mean one offset only, in minutes.
const ZONES: [(&[u8], i32); 16] = [
    (b"UTC", 0),
    (b"GMT", 0),
    (b"JST", 540),
    (b"KST", 540),
    (b"EST", -300),
    (b"EDT", -240),
    (b"CDT", -300),
    (b"MST", -420),
    (b"MDT", -360),
    (b"PST", -480),
    (b"PDT", -420),
    (b"CEST", 120),
    (b"CET", 60),
    (b"MSK", 180),
    (b"EEST", 180),
    (b"EET", 120),
];

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    /// Zone met before the year.
    zone: Option<i32>,
}

type Clock = ((u32, u32, u32), u32);

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn eat_any(&mut self, bytes: &[u8]) -> Option<u8> {
        let found = self.peek().filter(|b| bytes.contains(b))?;
        self.at += 1;
        Some(found)
    }

    fn spaces(&mut self) -> usize {
        let from = self.at;
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let mut value = 0u32;
        let mut count = 0;
        while count < most {
            let Some(digit) = self.peek().filter(u8::is_ascii_digit) else { break };
            value = value * 10 + u32::from(digit - b'0');
            self.at += 1;
            count += 1;
        }
        (count >= least).then_some(value)
    }

    fn digits_ahead(&self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        rest.iter().take(20).take_while(|b| b.is_ascii_digit()).count()
    }

    fn word(&mut self, table: &[&[u8; 3]]) -> Option<u32> {
        let word = self.text.get(self.at..self.at + 3)?;
        let index = table.iter().position(|m| word.eq_ignore_ascii_case(*m))?;
        self.at += 3;
        Some(index as u32 + 1)
    }

    fn month(&mut self) -> Option<u32> {
        let month = self.word(&MONTHS)?;
        // The rest of a name written out.
        while self.peek().is_some_and(|b| b.is_ascii_lowercase()) {
            self.at += 1;
        }
        Some(month)
    }

    fn digit_first(&mut self) -> Option<Stamp> {
        let digits = self.digits_ahead();
        match digits {
            10 | 13 => self.epoch_count(digits),
            8 => self.compact(),
            6 => self.short_compact(),
            4 => self.year_first(),
            1 | 2 => self.day_or_month_first(),
            _ => None,
        }
    }

    fn epoch_count(&mut self, digits: usize) -> Option<Stamp> {
        let mut end = self.at + digits;
        if self.text.get(end) == Some(&b'.') {
            let fraction = self.text.get(end + 1..).unwrap_or_default();
            let count = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            end += if count > 0 { count + 1 } else { 0 };
        }
        // 1980-01-06 to 2096: a number that merely has ten digits is rarely in range.
        let text = std::str::from_utf8(self.text.get(self.at..end)?).ok()?;
        if !matches!(text.as_bytes().first(), Some(b'1'..=b'3')) {
            return None;
        }
        if self.text.get(end).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return None;
        }
        let stamp = epoch(text)?;
        self.at = end;
        Some(stamp)
    }

    /// `20260131T120000`, `20260131 12:00:00`, `20260131-12:00:00`.
    fn compact(&mut self) -> Option<Stamp> {
        let date = (self.number(4, 4)? as i32, self.number(2, 2)?, self.number(2, 2)?);
        self.eat_any(b"T -")?;
        if self.digits_ahead() == 6 {
            let time = (self.number(2, 2)?, self.number(2, 2)?, self.number(2, 2)?);
            return self.finish(Some(date.0), date.1, date.2, (time, 0));
        }
        let clock = self.clock()?;
        self.finish(Some(date.0), date.1, date.2, clock)
    }

    /// `260131 12:00:00`.
    fn short_compact(&mut self) -> Option<Stamp> {
        let date = (self.number(2, 2)? as i32, self.number(2, 2)?, self.number(2, 2)?);
        self.spaces();
        let clock = self.clock()?;
        self.finish(Some(2000 + date.0), date.1, date.2, clock)
    }

    /// `2026-01-31T12:00:00`, `2026/01/31 12:00:00`, `2026 Jan 31 12:00:00`.
    fn year_first(&mut self) -> Option<Stamp> {
        let year = self.number(4, 4)? as i32;
        let separator = self.eat_any(b"-/. ")?;
        let month = match self.peek()? {
            b'0'..=b'9' => self.number(1, 2)?,
            _ => self.month()?,
        };
        self.eat(separator)?;
        self.spaces();
        let day = self.number(1, 2)?;
        self.eat_any(b"Tt _-:,")?;
        self.spaces();
        let clock = self.clock()?;
        self.finish(Some(year), month, day, clock)
    }

    /// `31/Jan/2026:12:00:00`, `31-Jan-2026 12:00:00`, `31.01.2026 12:00:00`, `01/31/2026 12:00:00`,
    /// `01/31-12:00:00`, `31 Jan 2026 12:00:00`.
    fn day_or_month_first(&mut self) -> Option<Stamp> {
        let first = self.number(1, 2)?;
        let separator = self.eat_any(b"/-. ")?;
        if self.peek()?.is_ascii_alphabetic() {
            let month = self.month()?;
            self.eat(separator)?;
            let year = self.number(4, 4)? as i32;
            self.eat_any(b": ,")?;
            self.spaces();
            let clock = self.clock()?;
            return self.finish(Some(year), month, first, clock);
        }
        if separator == b' ' {
            return None;
        }
        let second = self.number(1, 2)?;
        let (month, day) = if separator == b'.' || first > 12 { (second, first) } else { (first, second) };
        if separator == b'/' && self.eat(b'-').is_some() {
            let clock = self.clock()?;
            return self.finish(None, month, day, clock);
        }
        self.eat(separator)?;
        let year = if self.digits_ahead() == 2 { 2000 + self.number(2, 2)? } else { self.number(4, 4)? };
        self.eat_any(b": ,-T")?;
        self.spaces();
        let clock = self.clock()?;
        self.finish(Some(year as i32), month, day, clock)
    }

    /// `Jan 31 12:00:00`, `Jan 31 2026 12:00:00`, `Sat Jan 31 12:00:00 2026`, `Sat, 31 Jan 2026 12:00:00`.
    fn letter_first(&mut self) -> Option<Stamp> {
        let mut weekday = false;
        if self.word(&WEEKDAYS).is_some() {
            weekday = true;
            while self.peek().is_some_and(|b| b.is_ascii_lowercase()) {
                self.at += 1;
            }
            let _ = self.eat(b',');
            self.spaces();
            if self.peek()?.is_ascii_digit() {
                return self.day_or_month_first_or_year();
            }
        }
        let month = self.month()?;
        let _ = self.eat_any(b"-");
        self.spaces();
        let day = self.number(1, 2)?;
        let _ = self.eat(b',');
        let gap = self.spaces();
        let mut year = None;
        if self.digits_ahead() == 4 && gap > 0 {
            year = Some(self.number(4, 4)? as i32);
            let _ = self.eat_any(b",:");
            self.spaces();
        }
        let clock = self.clock()?;
        if weekday && year.is_none() {
            year = self.trailing_year();
        }
        self.finish(year, month, day, clock)
    }

    fn day_or_month_first_or_year(&mut self) -> Option<Stamp> {
        if self.digits_ahead() == 4 { self.year_first() } else { self.day_or_month_first() }
    }

    /// The year after the time of day, perhaps behind a zone: ` 2026`, ` UTC 2026`.
    fn trailing_year(&mut self) -> Option<i32> {
        let from = self.at;
        self.spaces();
        let zone = self.zone_name();
        self.spaces();
        if self.digits_ahead() == 4 {
            self.zone = zone;
            return self.number(4, 4).map(|year| year as i32);
        }
        self.at = from;
        None
    }

    fn clock(&mut self) -> Option<Clock> {
        self.spaces();
        let mut hour = self.number(1, 2)?;
        self.eat(b':')?;
        let minute = self.number(2, 2)?;
        self.eat(b':')?;
        let second = self.number(2, 2)?;
        let mut nanos = 0;
        if matches!(self.peek(), Some(b'.' | b',' | b':')) {
            let fraction = self.text.get(self.at + 1..).unwrap_or_default();
            let count = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            if count > 0 {
                nanos = fraction_nanos(fraction.get(..count).unwrap_or_default());
                self.at += 1 + count;
            }
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let half = rest.strip_prefix(b" ").and_then(|r| r.get(..2));
        if half.is_some_and(|h| h.eq_ignore_ascii_case(b"PM")) {
            hour = hour % 12 + 12;
            self.at += 3;
        } else if half.is_some_and(|h| h.eq_ignore_ascii_case(b"AM")) && hour <= 12 {
            hour %= 12;
            self.at += 3;
        }
        Some(((hour, minute, second), nanos))
    }

    fn zone_name(&mut self) -> Option<i32> {
        let rest = self.text.get(self.at..)?;
        let (name, minutes) = ZONES.iter().find(|(name, _)| {
            rest.starts_with(name) && !rest.get(name.len()).is_some_and(u8::is_ascii_alphanumeric)
        })?;
        self.at += name.len();
        Some(minutes * 60)
    }

    /// `Z`, `+09:00`, `+0900`, ` +0900`, ` UTC`; leaves the cursor alone when none is there.
    fn zone(&mut self) -> Zone {
        let from = self.at;
        self.spaces();
        if self.at == from && self.eat_any(b"Zz").is_some() {
            return Zone::Offset(0);
        }
        if let Some(offset) = self.zone_name() {
            return Zone::Offset(offset);
        }
        if let Some(offset) = self.numeric_zone() {
            return Zone::Offset(offset);
        }
        self.at = from;
        Zone::Unstated
    }

    fn numeric_zone(&mut self) -> Option<i32> {
        let sign = if self.eat_any(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.number(2, 2)? as i32;
        let _ = self.eat(b':');
        let minutes = if self.digits_ahead() == 2 { self.number(2, 2)? as i32 } else { 0 };
        if self.digits_ahead() > 0 || hours > 14 || minutes > 59 {
            return None;
        }
        Some(sign * (hours * 3600 + minutes * 60))
    }

    fn finish(&mut self, year: Option<i32>, month: u32, day: u32, clock: Clock) -> Option<Stamp> {
        let (time, nanos) = clock;
        let zone = self.zone.take().map_or_else(|| self.zone(), Zone::Offset);
        // Every month has its 29th in some year: the true check needs the year and is done when it is known.
        Timestamp::from_civil((year.unwrap_or(2024), month, day), time, nanos)?;
        Some(Stamp::Civil { year, month, day, time, nanos, zone })
    }

    /// `@` and 24 hexadecimal digits (TAI64N, <https://cr.yp.to/libtai/tai64.html>); leap seconds are not undone.
    fn tai64n(&mut self) -> Option<Stamp> {
        let hex = |range| {
            u64::from_str_radix(
                std::str::from_utf8(self.text.get::<std::ops::Range<usize>>(range)?).ok()?,
                16,
            )
            .ok()
        };
        let seconds = hex(1..17)?.checked_sub((1 << 62) + 10)?;
        let nanos = hex(17..25)?;
        let total = i64::try_from(seconds)
            .ok()?
            .checked_mul(1_000_000_000)?
            .checked_add(i64::try_from(nanos).ok()?)?;
        self.at = 25;
        Some(Stamp::Instant(Timestamp::from_nanos(total)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(stamp: Stamp) -> String {
        match stamp {
            Stamp::Instant(time) => time.to_string(),
            Stamp::Civil { year, month, day, time: (h, m, s), nanos, zone } => {
                let year = year.map_or("????".to_owned(), |y| y.to_string());
                let zone = match zone {
                    Zone::Unstated => String::new(),
                    Zone::Offset(seconds) => format!("{:+}", seconds / 60),
                };
                format!("{year}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}.{nanos:09}{zone}")
            }
        }
    }

    #[test]
    fn reads_the_times_logs_begin_with() {
        let check = |text: &str, expected: &str, rest: &str| {
            let (stamp, length) = leading(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((show(stamp).as_str(), &text[length..]), (expected, rest), "{text}");
        };
        check("Jan 31 12:00:00 host", "????-01-31 12:00:00.000000000", " host");
        check("Feb  3 2:00:00 h", "????-02-03 02:00:00.000000000", " h");
        check("Feb 29 12:00:00.5 h", "????-02-29 12:00:00.500000000", " h");
        check("Jan 31 2026 12:00:00: %X", "2026-01-31 12:00:00.000000000", ": %X");
        check("*Mar  1 18:46:11.123 UTC: %X", "????-03-01 18:46:11.123000000+0", ": %X");
        check("Sat Jan 31 12:00:00 2026 x", "2026-01-31 12:00:00.000000000", " x");
        check("Sat Jan 31 12:00:00.123456 2026] x", "2026-01-31 12:00:00.123456000", "] x");
        check("Sat Jan 31 12:00:00 JST 2026 x", "2026-01-31 12:00:00.000000000+540", " x");
        check("Sat, 31 Jan 2026 12:00:00 +0900 x", "2026-01-31 12:00:00.000000000+540", " x");
        check("31/Jan/2026:12:00:00 +0900] x", "2026-01-31 12:00:00.000000000+540", "] x");
        check("31-Jan-2026 12:00:00.250 q", "2026-01-31 12:00:00.250000000", " q");
        check("2026-01-31T12:00:00.123456789Z x", "2026-01-31 12:00:00.123456789+0", " x");
        check("2026-01-31 12:00:00,5 x", "2026-01-31 12:00:00.500000000", " x");
        check("2026/01/31 12:00:00 [e]", "2026-01-31 12:00:00.000000000", " [e]");
        check("2026 Jan 31 12:00:00 h", "2026-01-31 12:00:00.000000000", " h");
        check("20260131T120000 h", "2026-01-31 12:00:00.000000000", " h");
        check("01/31-12:00:00.5 h", "????-01-31 12:00:00.500000000", " h");
        check("01/31/2026 1:02:03 PM x", "2026-01-31 13:02:03.000000000", " x");
        check("31.01.2026 12:00:00 x", "2026-01-31 12:00:00.000000000", " x");
        check("1769860800.250 x", "2026-01-31T12:00:00.250000000Z", " x");
        check("2026-01-31 12:00:00 -0330 x", "2026-01-31 12:00:00.000000000-210", " x");
        check("2026-01-31 12:00:00 -ordinary", "2026-01-31 12:00:00.000000000", " -ordinary");
        check("260131  1:00:00 x", "2026-01-31 01:00:00.000000000", " x");
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for text in
            ["", "Jan", "January is cold", "2026-13-01 00:00:00", "12", "9999999999 x", "Feb 30 00:00:00"]
        {
            assert_eq!(leading(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn whole_values_may_count_in_any_unit() {
        for text in ["1769860800", "1769860800000", "1769860800000000", "1769860800000000000"] {
            assert_eq!(whole(text).map(show).as_deref(), Some("2026-01-31T12:00:00.000000000Z"), "{text}");
        }
    }
}

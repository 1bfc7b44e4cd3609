//! Completes written times: zone and year that a log does not state.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::stamp::{Stamp, Zone};
use crate::Clocks;

const DAY: i64 = 86_400 * NANOS_PER_SECOND;

/// What had to be assumed about the times of one unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Assumed {
    /// A zone was not stated.
    pub(crate) zone: bool,
    /// A year was not stated.
    pub(crate) year: bool,
}

/// Turns [`Stamp`]s into [`Timestamp`]s under the assumptions of a unit.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    /// Local hour (counted from the epoch) and its offset: zones change on the hour or not at all.
    cached: Option<(i64, i64)>,
    pub(crate) assumed: Assumed,
}

impl Resolver {
    /// The instant of `stamp`, or `None` when there is no such day.
    pub(crate) fn resolve(&mut self, stamp: Stamp, clocks: &Clocks) -> Option<Timestamp> {
        let (year, month, day, time, nanos, zone) = match stamp {
            Stamp::Instant(time) => return Some(time),
            Stamp::Civil { year, month, day, time, nanos, zone } => (year, month, day, time, nanos, zone),
        };
        if let Some(year) = year {
            return self.on(year, (month, day), time, nanos, zone, clocks);
        }
        self.assumed.year = true;
        let latest = clocks.latest.as_nanos().saturating_add(DAY);
        let ((newest, _, _), _, _) = Timestamp::from_nanos(latest).to_civil();
        // A local time may fall into the next UTC year, and the 29th of February up to eight years back.
        (newest - 8..=newest + 1).rev().find_map(|year| {
            let found = self.on(year, (month, day), time, nanos, zone, clocks)?;
            (found.as_nanos() <= latest).then_some(found)
        })
    }

    fn on(
        &mut self,
        year: i32,
        (month, day): (u32, u32),
        time: (u32, u32, u32),
        nanos: u32,
        zone: Zone,
        clocks: &Clocks,
    ) -> Option<Timestamp> {
        let local = Timestamp::from_civil((year, month, day), time, nanos)?.as_nanos();
        let offset = match zone {
            Zone::Offset(seconds) => i64::from(seconds),
            Zone::Unstated => {
                self.assumed.zone = true;
                self.local_offset(local, clocks)
            }
        };
        local.checked_sub(offset * NANOS_PER_SECOND).map(Timestamp::from_nanos)
    }

    fn local_offset(&mut self, local: i64, clocks: &Clocks) -> i64 {
        let hour = local.div_euclid(3600 * NANOS_PER_SECOND);
        match self.cached {
            Some((cached, offset)) if cached == hour => offset,
            _ => {
                let offset = offset_at(local, clocks);
                self.cached = Some((hour, offset));
                offset
            }
        }
    }
}

fn offset_at(local: i64, clocks: &Clocks) -> i64 {
    let ((year, month, day), (hour, minute, second), _) = Timestamp::from_nanos(local).to_civil();
    let civil = jiff::civil::DateTime::new(
        i16::try_from(year).unwrap_or(1970),
        month as i8,
        day as i8,
        hour as i8,
        minute as i8,
        second as i8,
        0,
    );
    let zoned = civil.ok().and_then(|c| clocks.zone.to_ambiguous_zoned(c).compatible().ok());
    zoned.map_or(0, |z| i64::from(z.offset().seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::stamp;

    fn check(text: &str, zone: &str, latest: &str, expected: Option<&str>) {
        let zone = jiff::tz::TimeZone::get(zone).unwrap();
        let clocks = Clocks { zone, latest: latest.parse().unwrap() };
        let stamp = stamp::whole(text).unwrap();
        let found = Resolver::default().resolve(stamp, &clocks).map(|t| t.to_string());
        assert_eq!(found.as_deref(), expected.map(|e| format!("{e}.000000000Z")).as_deref(), "{text}");
    }

    #[test]
    fn a_missing_year_is_the_latest_that_is_not_in_the_future() {
        check("Dec 31 23:59:59", "UTC", "2026-01-05T00:00:00Z", Some("2025-12-31T23:59:59"));
        check("Jan  1 00:00:01", "UTC", "2026-01-05T00:00:00Z", Some("2026-01-01T00:00:01"));
        check("Jan  5 20:00:00", "UTC", "2026-01-05T00:00:00Z", Some("2026-01-05T20:00:00"));
        check("Jan  6 20:00:00", "UTC", "2026-01-05T00:00:00Z", Some("2025-01-06T20:00:00"));
        check("Feb 29 01:00:00", "UTC", "2026-01-05T00:00:00Z", Some("2024-02-29T01:00:00"));
        check("Jan  1 08:00:00", "Asia/Tokyo", "2025-12-31T23:30:00Z", Some("2025-12-31T23:00:00"));
    }

    #[test]
    fn a_missing_zone_is_the_assumed_one_with_its_summer_time() {
        check("2026-01-31 12:00:00", "Asia/Tokyo", "2027-01-01T00:00:00Z", Some("2026-01-31T03:00:00"));
        check("2026-07-01 12:00:00", "Europe/Berlin", "2027-01-01T00:00:00Z", Some("2026-07-01T10:00:00"));
        check("2026-07-01 12:00:00 -0500", "Asia/Tokyo", "2027-01-01T00:00:00Z", Some("2026-07-01T17:00:00"));
    }
}

//! Hours in which what can wait, waits.

use jiff::ToSpan as _;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::Moment;

/// Quiet hours of every day.
#[derive(Clone, Debug)]
pub struct Quiet {
    /// Zone of the hours.
    pub zone: TimeZone,
    /// When they begin.
    pub from: Time,
    /// When they end; not later than `from` means the next day.
    pub to: Time,
}

impl Quiet {
    /// When the quiet hours end that a moment lies in, if it does.
    pub fn end(&self, at: Moment) -> Option<Moment> {
        let local = at.zoned(&self.zone).datetime();
        let (time, over_midnight) = (local.time(), self.to <= self.from);
        let evening = time >= self.from && (over_midnight || time < self.to);
        let morning = over_midnight && time < self.to;
        if !evening && !morning {
            return None;
        }
        let day =
            if evening && over_midnight { local.date().checked_add(1.day()).ok()? } else { local.date() };
        let end = day.to_datetime(self.to).to_zoned(self.zone.clone()).ok()?;
        // Where clocks are put forward over the end, it lies behind the gap.
        Some(Moment::from(end.timestamp()).max(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(from: i8, to: i8, at: &str) -> Option<String> {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let quiet = Quiet { zone, from: Time::constant(from, 0, 0, 0), to: Time::constant(to, 0, 0, 0) };
        let at: jiff::Timestamp = at.parse().unwrap();
        quiet.end(at.into()).map(|m| jiff::Timestamp::from_millisecond(m.as_millis()).unwrap().to_string())
    }

    #[test]
    fn nights_and_afternoons() {
        // 22:00 to 07:00 in Tokyo is 13:00 to 22:00 UTC.
        assert_eq!(end(22, 7, "2026-11-22T12:59:59Z"), None);
        assert_eq!(end(22, 7, "2026-11-22T13:00:00Z").unwrap(), "2026-11-22T22:00:00Z");
        assert_eq!(end(22, 7, "2026-11-22T16:00:00Z").unwrap(), "2026-11-22T22:00:00Z");
        assert_eq!(end(22, 7, "2026-11-22T22:00:00Z"), None);
        assert_eq!(end(12, 13, "2026-11-22T03:30:00Z").unwrap(), "2026-11-22T04:00:00Z");
        assert_eq!(end(12, 13, "2026-11-22T04:00:00Z"), None);
    }

    #[test]
    fn an_end_that_clocks_jump_over() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let quiet = Quiet { zone, from: Time::constant(23, 0, 0, 0), to: Time::constant(2, 30, 0, 0) };
        let at: jiff::Timestamp = "2026-03-29T00:59:00Z".parse().unwrap();
        // 01:59 in Berlin; at 02:00 it becomes 03:00.
        let end = quiet.end(at.into()).unwrap();
        assert!(end > at.into() && end.since(at.into()).as_secs() <= 3600);
    }
}

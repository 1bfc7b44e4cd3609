//! Who is on shift.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use crate::Moment;
use crate::plan::Target;

/// Days of the week.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Days(u8);

impl Days {
    /// Every day.
    pub const ALL: Self = Self(0x7f);

    /// With one more day.
    #[must_use]
    pub fn and(self, day: Weekday) -> Self {
        Self(self.0 | 1 << day.to_monday_zero_offset())
    }

    fn holds(self, date: Date) -> bool {
        self.0 & (1 << date.weekday().to_monday_zero_offset()) != 0
    }
}

/// A shift that comes again every week.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shift {
    /// Who takes it: one, or several by turns, a week each.
    pub people: Vec<String>,
    /// A day of a week of the first of them.
    pub since: Date,
    /// Days on which it begins.
    pub days: Days,
    /// When it begins.
    pub from: Time,
    /// When it ends; not later than `from` means the next day.
    pub to: Time,
}

impl Shift {
    /// The day on which the shift began that is on now, if it is.
    fn begun(&self, now: DateTime) -> Option<Date> {
        let (date, time, over_midnight) = (now.date(), now.time(), self.to <= self.from);
        if self.days.holds(date) && time >= self.from && (over_midnight || time < self.to) {
            return Some(date);
        }
        let before = date.checked_sub(1.day()).ok()?;
        (over_midnight && self.days.holds(before) && time < self.to).then_some(before)
    }

    /// Whose turn it is in the week of a day. Weeks begin on Monday.
    fn turn(&self, day: Date) -> Option<&str> {
        let monday = |date: Date| {
            let back = i64::from(date.weekday().to_monday_zero_offset());
            date.checked_sub(back.days()).unwrap_or(date)
        };
        let days = (monday(day) - monday(self.since)).get_days();
        let number = i64::try_from(self.people.len()).ok().filter(|n| *n > 0)?;
        let turn = i64::from(days.div_euclid(7)).rem_euclid(number);
        self.people.get(usize::try_from(turn).ok()?).map(String::as_str)
    }
}

/// Something else than the shifts say, for once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// From when on.
    pub from: DateTime,
    /// Until when.
    pub to: DateTime,
    /// Who stands in; nobody means that nobody is on shift.
    pub person: Option<String>,
}

/// Shifts in a zone.
#[derive(Clone, PartialEq, Debug)]
pub struct Rota {
    /// Zone of all its hours.
    pub zone: TimeZone,
    /// Shifts.
    pub shifts: Vec<Shift>,
    /// Exceptions; the last that holds wins.
    pub overrides: Vec<Override>,
    /// Who is told when nobody is on shift: sinks and people, such as a monitoring company.
    pub otherwise: Vec<Target>,
}

impl Rota {
    /// Who is on shift at a moment.
    pub fn on_shift(&self, at: Moment) -> Vec<String> {
        let now = at.zoned(&self.zone).datetime();
        if let Some(instead) = self.overrides.iter().rev().find(|o| o.from <= now && now < o.to) {
            return instead.person.iter().cloned().collect();
        }
        let mut people: Vec<String> = Vec::new();
        for shift in &self.shifts {
            let person = shift.begun(now).and_then(|day| shift.turn(day));
            people.extend(person.filter(|p| !people.iter().any(|known| known == p)).map(str::to_owned));
        }
        people
    }

    /// The first hour of the next days in which nobody is on shift, if there is one.
    pub fn first_gap(&self, from: Moment, days: u32) -> Option<Moment> {
        let hours = (0..days * 24).map(|hour| from.plus(Duration::from_hours(u64::from(hour))));
        hours.into_iter().find(|at| self.on_shift(*at).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    fn shift(people: &[&str], days: Days, from: i8, to: i8) -> Shift {
        let people = people.iter().map(|p| (*p).to_owned()).collect();
        let since = Date::constant(2026, 11, 2);
        Shift { people, since, days, from: Time::constant(from, 0, 0, 0), to: Time::constant(to, 0, 0, 0) }
    }

    fn rota(shifts: Vec<Shift>) -> Rota {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        Rota { zone, shifts, overrides: Vec::new(), otherwise: Vec::new() }
    }

    #[test]
    fn shifts_turns_and_overrides() {
        let working =
            [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
        let week = working.into_iter().fold(Days::default(), Days::and);
        let mut rota =
            rota(vec![shift(&["aoki"], week, 9, 18), shift(&["mori", "hayashi"], Days::ALL, 18, 9)]);
        // 2026-11-02 is a Monday; 09:00 in Tokyo is 00:00 UTC.
        for (time, expected) in [
            ("2026-11-02T00:00:00Z", "aoki"),
            ("2026-11-02T08:59:59Z", "aoki"),
            ("2026-11-02T09:00:00Z", "mori"),
            // The night of Sunday to Monday belongs to the week of Sunday.
            ("2026-11-08T23:59:59Z", "mori"),
            ("2026-11-09T09:00:00Z", "hayashi"),
            ("2026-11-16T09:00:00Z", "mori"),
            // Weeks before the first.
            ("2026-10-26T09:00:00Z", "hayashi"),
            // Saturday noon.
            ("2026-11-07T03:00:00Z", ""),
        ] {
            assert_eq!(rota.on_shift(at(time)).join(" "), expected, "{time}");
        }
        assert_eq!(rota.first_gap(at("2026-11-06T10:00:00Z"), 7), Some(at("2026-11-07T00:00:00Z")));
        let (from, to) =
            (Date::constant(2026, 11, 2).at(8, 0, 0, 0), Date::constant(2026, 11, 3).at(0, 0, 0, 0));
        rota.overrides.push(Override { from, to, person: None });
        assert_eq!(rota.on_shift(at("2026-11-02T00:00:00Z")), Vec::<String>::new());
        assert_eq!(rota.on_shift(at("2026-11-02T15:00:00Z")), ["mori"]);
    }
}

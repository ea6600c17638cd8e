//! Moments, spans and numbers as people read them: always with the zone, relative only for glances.
//! A file of its own because a wrong or zoneless time is how incident reports go wrong.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::words::Words;

impl Words {
    /// A moment in full: *25 Nov 2026, 14:02 EET*; in the hour that the clock repeats also with its offset.
    pub fn moment(&self, at: &Timestamp) -> String {
        self.with_all("moment", &[("date", &self.date(at)), ("clock", &self.clock(at))])
    }

    /// A moment to the second: *25 Nov 2026, 14:02:09 EET*, for log lines and journals.
    pub fn moment_to_second(&self, at: &Timestamp) -> String {
        let clock = at.to_zoned_datetime(self.zone.clone()).strftime("%H:%M:%S").to_string();
        self.with_all("moment", &[("date", &self.date(at)), ("clock", &format!("{clock} {}", self.zone_of(at)))])
    }

    /// Hour, minute and zone: *14:02 EET*.
    pub fn clock(&self, at: &Timestamp) -> String {
        let zoned = at.to_zoned_datetime(self.zone.clone());
        format!("{} {}", zoned.strftime("%H:%M"), self.zone_of(at))
    }

    /// The date: *25 Nov 2026*.
    pub fn date(&self, at: &Timestamp) -> String {
        let zoned = at.to_zoned_datetime(self.zone.clone());
        let month = self.word("month", &zoned.month().to_string());
        let (day, year) = (zoned.day().to_string(), zoned.year().to_string());
        self.with_all("date", &[("day", &day), ("month", &month), ("year", &year)])
    }

    /// The clock alone for moments of today, with *yesterday* or *tomorrow* beside today, the full moment otherwise.
    pub fn near_moment(&self, at: &Timestamp) -> String {
        let day = at.to_zoned_datetime(self.zone.clone()).date();
        let today = self.now.to_zoned_datetime(self.zone.clone()).date();
        let apart = today.until(day).map_or(i32::MAX, |span| span.get_days());
        match apart {
            0 => self.with("moment-today", "clock", &self.clock(at)),
            1 => self.with("moment-tomorrow", "clock", &self.clock(at)),
            -1 => self.with("moment-yesterday", "clock", &self.clock(at)),
            _ => self.moment(at),
        }
    }

    /// How far away a moment is: *in 6 h 12 min*, *12 min ago*.
    pub fn apart(&self, at: &Timestamp) -> String {
        let seconds = at.as_second() - self.now.as_second();
        let key = if seconds >= 0 { "span-ahead" } else { "span-ago" };
        self.with(key, "span", &self.span(seconds.unsigned_abs()))
    }

    /// A length of time in its two largest units.
    pub fn span(&self, seconds: u64) -> String {
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        let two = |key: &str, large: u64, small: u64| {
            self.with_all(key, &[("large", &large.to_string()), ("small", &small.to_string())])
        };
        match (days, hours, minutes) {
            (0, 0, 0) => self.with("span-seconds", "large", &seconds.to_string()),
            (0, 0, minutes) => self.with("span-minutes", "large", &minutes.to_string()),
            (0, hours, minutes) => two("span-hours", hours, minutes % 60),
            (days, hours, _) => two("span-days", days, hours % 24),
        }
    }

    /// A number with its thousands apart: *12,345*.
    pub fn number(&self, number: &u64) -> String {
        let digits = number.to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push_str(&self.t("number-group"));
            }
            grouped.push(digit);
        }
        grouped
    }

    fn zone_of(&self, at: &Timestamp) -> String {
        let zoned = at.to_zoned_datetime(self.zone.clone());
        let name = zoned.strftime("%Z").to_string();
        let repeated = self.zone.to_ambiguous_timestamp(zoned.datetime()).is_ambiguous();
        if repeated { format!("{name} ({})", zoned.strftime("%:z")) } else { name }
    }
}

/// Reads what a `datetime-local` field sends, in the zone the page was shown in; or an exact RFC 3339 moment.
pub fn read_moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Some(exact);
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

/// A moment as a `datetime-local` field wants it.
pub fn field_moment(at: &Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M").to_string()
}

//! Reads an event's own time from all the forms that logs write it in.
//! A file of its own because the two written rules live here: a missing zone is the source's `zone` option (UTC where none
//! is set), and a missing year is the latest one that does not put the event more than a day after it was received.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Path;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Where a time is, and in which zone where it states none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimePath {
    /// The native path.
    pub path: Path,
    /// Whether a time without a zone is UTC by the field's definition (Sysmon's `UtcTime`) instead of the source's zone.
    pub naive: Naive,
}

/// What a time without a zone means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naive {
    /// The source's zone option; UTC where none is set.
    SourceZone,
    /// UTC by definition of the field.
    Utc,
}

impl TimePath {
    /// Reads a value found under the path; `None` where it is no time.
    pub fn read(&self, text: &str, received_at: Timestamp, source_zone: &TimeZone) -> Option<Timestamp> {
        match self.naive {
            Naive::SourceZone => read(text, received_at, source_zone),
            Naive::Utc => read(text, received_at, &TimeZone::UTC),
        }
    }
}

/// Reads any of: RFC 3339 (zone optional, space or `T`), epoch seconds to nanoseconds, `audit(…)`, RFC 3164 (year
/// optional), Orthanc's `MMDD hh:mm:ss`, access logs' `24/Nov/2026:08:16:53 +0100`, and PAN-OS's `2026/11/24 08:16:53`.
pub(crate) fn read(text: &str, received_at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim().trim_start_matches(['*', '.']);
    let first = text.bytes().next()?;
    if first.is_ascii_alphabetic() {
        if let Some(inside) = text.strip_prefix("audit(") {
            return epoch(inside.split(':').next()?);
        }
        return month_name(text, received_at, zone);
    }
    iso(text, zone)
        .or_else(|| epoch(text))
        .or_else(|| month_and_day(text, received_at, zone))
        .or_else(|| slashed(text, zone))
        .or_else(|| year_first(text, zone))
}

fn iso(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let text = text.replacen(',', ".", 1);
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    let naive: DateTime = text.parse().ok()?;
    zone.to_timestamp(naive).ok()
}

/// Digits alone or with a fraction: 1–11 of them are seconds, 12–14 milli-, 15–17 micro-, 18–19 nanoseconds.
fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let number: i128 = whole.parse().ok()?;
    let unit: i128 = match whole.len() {
        9..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        18..=19 => 1,
        _ => return None,
    };
    Timestamp::from_nanosecond(number * unit + nanoseconds(fraction) * unit / 1_000_000_000).ok()
}

/// A decimal fraction as billionths.
fn nanoseconds(fraction: &str) -> i128 {
    let digits = fraction.bytes().take(9).filter(u8::is_ascii_digit);
    let (value, count) =
        digits.fold((0_i128, 0_u32), |(value, count), b| (value * 10 + i128::from(b - b'0'), count + 1));
    value * 10_i128.pow(9 - count)
}

/// `Oct  9 10:07:07[.123]`, `Nov 24 2026 08:16:53`.
fn month_name(text: &str, received_at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut words = text.split_whitespace();
    let name = words.next()?.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|known| *known == name)? as i8 + 1;
    let day: i8 = words.next()?.parse().ok()?;
    let next = words.next()?;
    match next.contains(':') {
        true => latest_year(month, day, clock(next)?, received_at, zone),
        false => at(next.parse().ok()?, month, day, clock(words.next()?)?, zone),
    }
}

/// `1124 08:00:00.125397`.
fn month_and_day(text: &str, received_at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let (day, time) = text.split_once(' ')?;
    if day.len() != 4 {
        return None;
    }
    let month = day.get(..2)?.parse().ok()?;
    latest_year(month, day.get(2..)?.parse().ok()?, clock(time)?, received_at, zone)
}

/// `24/Nov/2026:08:16:53 +0100`.
fn slashed(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (date, time) = text.split_once(':')?;
    let mut parts = date.split('/');
    let day: i8 = parts.next()?.parse().ok()?;
    let name = parts.next()?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|known| *known == name)? as i8 + 1;
    let year: i16 = parts.next()?.parse().ok()?;
    let (time, offset) = time.split_once(' ').unwrap_or((time, ""));
    if offset.is_empty() {
        return at(year, month, day, clock(time)?, zone);
    }
    format!("{year:04}-{month:02}-{day:02}T{time}{offset}").parse().ok()
}

/// `2026/11/24 08:16:53`.
fn year_first(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (date, time) = text.split_once(' ')?;
    let mut parts = date.split('/');
    let (year, month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    at(year, month, day, clock(time)?, zone)
}

fn clock(text: &str) -> Option<Time> {
    text.trim_end_matches(':').replacen(',', ".", 1).parse().ok()
}

fn at(year: i16, month: i8, day: i8, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    let date = Date::new(year, month, day).ok()?;
    zone.to_timestamp(date.to_datetime(time)).ok()
}

/// The latest year that does not put the event more than a day ahead: on New Year's Day, December is last year.
/// Shape: eight years back are tried, because 29 February may be that far away.
fn latest_year(month: i8, day: i8, time: Time, received_at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let limit = received_at.checked_add(SignedDuration::from_hours(24)).ok()?;
    let newest = zone.to_datetime(limit).year();
    let candidates = (0..=8).map(|back| newest.saturating_sub(back));
    candidates.filter_map(|year| at(year, month, day, time, zone)).find(|time| *time <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let received: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let read = read(text, received, &zone).map(|t| t.to_string());
        assert_eq!(read.as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn forms_with_a_zone() {
        check("2026-11-24T08:16:53.298343+00:00", "2026-11-24T08:16:53.298343Z");
        check("2026-11-24T08:00:40.690240+0000", "2026-11-24T08:00:40.69024Z");
        check("2026-11-24T08:16:53Z", "2026-11-24T08:16:53Z");
        check("2026-11-24 08:16:53,5+01:00", "2026-11-24T07:16:53.5Z");
        check("24/Nov/2026:08:16:53 +0100", "2026-11-24T07:16:53Z");
        check("1760000003.490", "2025-10-09T08:53:23.49Z");
        check("audit(1760000003.490:3)", "2025-10-09T08:53:23.49Z");
        check("1760000003490", "2025-10-09T08:53:23.49Z");
        check("1760000003490000000", "2025-10-09T08:53:23.49Z");
    }

    #[test]
    fn a_missing_zone_is_the_sources() {
        check("2026-11-24T08:16:53", "2026-11-24T07:16:53Z");
        check("2026-11-24 08:16:53.5", "2026-11-24T07:16:53.5Z");
        check("Nov 24 2026 08:16:53", "2026-11-24T07:16:53Z");
        check("1124 08:00:00.125397", "2026-11-24T07:00:00.125397Z");
        check("2026/11/24 08:16:53", "2026-11-24T07:16:53Z");
    }

    #[test]
    fn a_missing_year_is_the_latest_possible() {
        check("Nov 24 08:16:53", "2026-11-24T07:16:53Z");
        check("Oct  9 10:07:07", "2026-10-09T08:07:07Z");
        check("*Mar  1 18:46:11.5", "2026-03-01T17:46:11.5Z");
        check("Jan  1 00:00:01", "2025-12-31T23:00:01Z");
        check("Nov 25 09:00:00", "2026-11-25T08:00:00Z");
        check("Nov 26 09:00:00", "2025-11-26T08:00:00Z");
        let new_year: Timestamp = "2027-01-01T00:10:00Z".parse().unwrap();
        let read = read("Dec 31 23:59:59", new_year, &TimeZone::UTC).unwrap();
        assert_eq!(read.to_string(), "2026-12-31T23:59:59Z");
        let leap: Timestamp = "2028-03-01T00:00:00Z".parse().unwrap();
        assert_eq!(super::read("Feb 29 10:00:00", leap, &TimeZone::UTC).unwrap().to_string(), "2028-02-29T10:00:00Z");
    }

    #[test]
    fn what_is_no_time() {
        let now = Timestamp::UNIX_EPOCH;
        for text in
            ["", "-", "x", "12", "Nov", "Nov 99 10:00:00", "9999 99:99:99", "2026-13-40T00:00:00Z", "1/2/3", "é"]
        {
            assert_eq!(read(text, now, &TimeZone::UTC), None, "{text}");
        }
    }
}

//! Finds the timestamp at the start of a text and says how long it is, without reading its meaning.
//! A file of its own because several headers (3164, ESXi, Cisco, plain files) begin with one.

use super::cursor::Cursor;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Splits a leading timestamp off: ISO 8601 with or without zone, or RFC 3164's `Mmm dd [yyyy] hh:mm:ss[.fff]`.
/// Shape: `(timestamp, rest)`; the rest keeps its leading space or colon.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let length = iso_length(text).or_else(|| bsd_length(text))?;
    Some((text.get(..length)?, text.get(length..)?))
}

/// The length of a leading `yyyy-mm-dd(T| )hh:mm:ss[.fff][zone]`.
fn iso_length(text: &str) -> Option<usize> {
    let mut cursor = Cursor::new(text);
    digits(&mut cursor, 4)?;
    cursor.eat("-").then_some(())?;
    digits(&mut cursor, 2)?;
    cursor.eat("-").then_some(())?;
    digits(&mut cursor, 2)?;
    (cursor.eat("T") || cursor.eat(" ")).then_some(())?;
    clock(&mut cursor)?;
    zone(&mut cursor);
    Some(text.len() - cursor.rest().len())
}

/// The length of a leading `Mmm dd [yyyy] hh:mm:ss[.fff]`; Cisco's `*` or `.` (clock not set) may come first.
fn bsd_length(text: &str) -> Option<usize> {
    let mut cursor = Cursor::new(text);
    let _ = cursor.eat("*") || cursor.eat(".");
    let month = cursor.take(3)?;
    MONTHS.contains(&month).then_some(())?;
    cursor.eat(" ").then_some(())?;
    cursor.skip_spaces();
    let day = cursor.take_while(|c| c.is_ascii_digit());
    (1..=2).contains(&day.len()).then_some(())?;
    cursor.eat(" ").then_some(())?;
    let mut with_year = cursor;
    if digits(&mut with_year, 4).is_some() && with_year.eat(" ") {
        cursor = with_year;
    }
    clock(&mut cursor)?;
    Some(text.len() - cursor.rest().len())
}

fn digits(cursor: &mut Cursor<'_>, count: usize) -> Option<()> {
    let taken = cursor.take(count)?;
    taken.bytes().all(|b| b.is_ascii_digit()).then_some(())
}

fn clock(cursor: &mut Cursor<'_>) -> Option<()> {
    digits(cursor, 2)?;
    cursor.eat(":").then_some(())?;
    digits(cursor, 2)?;
    cursor.eat(":").then_some(())?;
    digits(cursor, 2)?;
    let mut fraction = *cursor;
    if fraction.eat(".") || fraction.eat(",") {
        let taken = fraction.take_while(|c| c.is_ascii_digit());
        if !taken.is_empty() {
            *cursor = fraction;
        }
    }
    Some(())
}

fn zone(cursor: &mut Cursor<'_>) {
    if cursor.eat("Z") || cursor.eat("z") {
        return;
    }
    let mut offset = *cursor;
    if !(offset.eat("+") || offset.eat("-")) || digits(&mut offset, 2).is_none() {
        return;
    }
    let _ = offset.eat(":");
    if digits(&mut offset, 2).is_some() {
        *cursor = offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_timestamp_is_split_off() {
        let check = |text: &str, stamp: &str| assert_eq!(split(text).map(|s| s.0), Some(stamp), "{text}");
        check("Nov 24 08:16:53 vm kis", "Nov 24 08:16:53");
        check("Nov  4 08:16:53 vm", "Nov  4 08:16:53");
        check("Nov 24 2026 08:16:53: %ASA", "Nov 24 2026 08:16:53");
        check("*Mar  1 18:46:11.123: %SYS", "*Mar  1 18:46:11.123");
        check("2026-11-24T08:16:53.298343+00:00 vm", "2026-11-24T08:16:53.298343+00:00");
        check("2026-11-24T08:16:53Z", "2026-11-24T08:16:53Z");
        check("2026-11-24T08:16:53+0100 x", "2026-11-24T08:16:53+0100");
        check("2026-11-24 08:16:53,123 x", "2026-11-24 08:16:53,123");
        check("2026-11-24T08:16:53-bad", "2026-11-24T08:16:53");
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        for text in ["", "Nov", "Nov 24 8:1", "2026-11-24", "May the force be", "Mär 24 08:16:53"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}

//! Sizes and durations as people write them: `64 MiB`, `15 s`, `30 days`. A file of its own because every limit of the
//! configuration is read here, and a bare number is refused: units belong in the file.

use std::time::Duration;

/// Reads a size. Shape: a whole number and `B`, `KiB`, `MiB`, `GiB` or `TiB`. Units: bytes.
pub fn size(text: &str) -> Result<u64, &'static str> {
    const INSTEAD: &str = "write a whole number and a unit: B, KiB, MiB, GiB or TiB, e.g. \"64 MiB\"";
    let (number, unit) = split(text).ok_or(INSTEAD)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1_u64 << 40,
        _ => return Err(INSTEAD),
    };
    number.checked_mul(factor).ok_or(INSTEAD)
}

/// Reads a duration. Shape: a whole number and `ms`, `s`, `min`, `h` or `days`.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const INSTEAD: &str = "write a whole number and a unit: ms, s, min, h or days, e.g. \"15 s\"";
    let (number, unit) = split(text).ok_or(INSTEAD)?;
    let factor_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "day" | "days" => 86_400_000,
        _ => return Err(INSTEAD),
    };
    number.checked_mul(factor_ms).map(Duration::from_millis).ok_or(INSTEAD)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_need_their_unit() {
        assert_eq!(size("64 MiB"), Ok(64 << 20));
        assert_eq!(size("1TiB"), Ok(1 << 40));
        assert!(size("64").is_err() && size("64 MB").is_err() && size("-1 B").is_err());
        assert!(size("99999999999 TiB").is_err(), "too large a number is refused, not wrapped");
        assert_eq!(duration("15 s"), Ok(Duration::from_secs(15)));
        assert_eq!(duration("90 days"), Ok(Duration::from_secs(90 * 86_400)));
        assert!(duration("15").is_err() && duration("15 sec").is_err() && duration("").is_err());
    }
}

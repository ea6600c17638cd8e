//! One instant in the spellings that log lines use.
//! A file of its own because a day of a hundred thousand lines needs the calendar date without a general formatter.

use jiff::Timestamp;

/// An instant split once, written many times. All spellings are UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    second_of_epoch: i64,
    micro: u32,
    year: i64,
    month: u32,
    day: u32,
    second_of_day: u32,
}

/// How a log line writes its time; the words are the placeholders of templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `2026-03-03T10:00:00Z`
    Iso,
    /// `2026-03-03T10:00:00.123Z`
    Iso3,
    /// `2026-03-03T10:00:00.123456Z`
    Iso6,
    /// `2026-03-03 10:00:00.123` (Sysmon)
    Utc,
    /// `Mar  3 10:00:00` (RFC 3164)
    Rfc3164,
    /// `0303 10:00:00.123456` (Orthanc)
    Orthanc,
    /// `2026-03-03`
    Date,
    /// `2026/03/03 10:00:00` (PAN-OS)
    Slashed,
    /// `10:00:00`
    Clock,
    /// `03/Mar/2026:10:00:00 +0000` (access logs)
    Combined,
    /// Seconds since 1970.
    Epoch,
    /// Nanoseconds since 1970.
    EpochNs,
}

impl Spelling {
    /// Reads the placeholder's word.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "iso" => Self::Iso,
            "iso3" => Self::Iso3,
            "iso6" => Self::Iso6,
            "utc" => Self::Utc,
            "rfc3164" => Self::Rfc3164,
            "orthanc" => Self::Orthanc,
            "date" => Self::Date,
            "slashed" => Self::Slashed,
            "clock" => Self::Clock,
            "combined" => Self::Combined,
            "epoch" => Self::Epoch,
            "epoch_ns" => Self::EpochNs,
            _ => return None,
        })
    }
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

impl Moment {
    /// Splits an instant. Source of the calendar arithmetic: the proleptic Gregorian calendar, counted from 1 March.
    pub fn new(at: Timestamp) -> Self {
        let micros = at.as_microsecond();
        let second_of_epoch = micros.div_euclid(1_000_000);
        let days = second_of_epoch.div_euclid(86_400) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
        Self {
            second_of_epoch,
            micro: micros.rem_euclid(1_000_000) as u32,
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32,
            second_of_day: second_of_epoch.rem_euclid(86_400) as u32,
        }
    }

    /// Appends the instant in one spelling.
    pub fn write(&self, spelling: Spelling, out: &mut Vec<u8>) {
        match spelling {
            Spelling::Iso => self.iso(out, b'T', Fraction::None, b"Z"),
            Spelling::Iso3 => self.iso(out, b'T', Fraction::Millis, b"Z"),
            Spelling::Iso6 => self.iso(out, b'T', Fraction::Micros, b"Z"),
            Spelling::Utc => self.iso(out, b' ', Fraction::Millis, b""),
            Spelling::Rfc3164 => {
                out.extend_from_slice(self.month_name());
                out.push(b' ');
                if self.day < 10 {
                    out.push(b' ');
                }
                number(out, u64::from(self.day));
                out.push(b' ');
                self.clock(out);
            }
            Spelling::Orthanc => {
                padded(out, self.month, 2);
                padded(out, self.day, 2);
                out.push(b' ');
                self.clock(out);
                self.fraction(out, Fraction::Micros);
            }
            Spelling::Date => self.date(out),
            Spelling::Slashed => {
                number(out, self.year.unsigned_abs());
                out.push(b'/');
                padded(out, self.month, 2);
                out.push(b'/');
                padded(out, self.day, 2);
                out.push(b' ');
                self.clock(out);
            }
            Spelling::Clock => self.clock(out),
            Spelling::Combined => {
                padded(out, self.day, 2);
                out.push(b'/');
                out.extend_from_slice(self.month_name());
                out.push(b'/');
                number(out, self.year.unsigned_abs());
                out.push(b':');
                self.clock(out);
                out.extend_from_slice(b" +0000");
            }
            Spelling::Epoch => number(out, self.second_of_epoch.unsigned_abs()),
            Spelling::EpochNs => {
                number(out, self.second_of_epoch.unsigned_abs());
                padded(out, self.micro, 6);
                out.extend_from_slice(b"000");
            }
        }
    }

    fn iso(&self, out: &mut Vec<u8>, between: u8, fraction: Fraction, end: &[u8]) {
        self.date(out);
        out.push(between);
        self.clock(out);
        self.fraction(out, fraction);
        out.extend_from_slice(end);
    }

    fn date(&self, out: &mut Vec<u8>) {
        padded(out, self.year.unsigned_abs() as u32, 4);
        out.push(b'-');
        padded(out, self.month, 2);
        out.push(b'-');
        padded(out, self.day, 2);
    }

    fn clock(&self, out: &mut Vec<u8>) {
        padded(out, self.second_of_day / 3_600, 2);
        out.push(b':');
        padded(out, self.second_of_day / 60 % 60, 2);
        out.push(b':');
        padded(out, self.second_of_day % 60, 2);
    }

    fn fraction(&self, out: &mut Vec<u8>, fraction: Fraction) {
        match fraction {
            Fraction::None => {}
            Fraction::Millis => {
                out.push(b'.');
                padded(out, self.micro / 1_000, 3);
            }
            Fraction::Micros => {
                out.push(b'.');
                padded(out, self.micro, 6);
            }
        }
    }

    fn month_name(&self) -> &'static [u8] {
        MONTHS.get(self.month as usize - 1).map_or(b"???", |name| name.as_slice())
    }
}

#[derive(Clone, Copy)]
enum Fraction {
    None,
    Millis,
    Micros,
}

/// Appends a number in decimal.
pub fn number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn padded(out: &mut Vec<u8>, value: u32, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10_u32.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(spelling: &str, at: &str) -> String {
        let mut out = Vec::new();
        Moment::new(at.parse().unwrap()).write(Spelling::from_word(spelling).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_spelling() {
        let check = |spelling: &str, expected: &str| {
            assert_eq!(written(spelling, "2026-03-03T10:04:05.120034Z"), expected, "{spelling}")
        };
        check("iso", "2026-03-03T10:04:05Z");
        check("iso3", "2026-03-03T10:04:05.120Z");
        check("iso6", "2026-03-03T10:04:05.120034Z");
        check("utc", "2026-03-03 10:04:05.120");
        check("rfc3164", "Mar  3 10:04:05");
        check("orthanc", "0303 10:04:05.120034");
        check("date", "2026-03-03");
        check("slashed", "2026/03/03 10:04:05");
        check("clock", "10:04:05");
        check("combined", "03/Mar/2026:10:04:05 +0000");
        check("epoch", "1772532245");
        check("epoch_ns", "1772532245120034000");
    }

    #[test]
    fn the_calendar_agrees_with_jiff_over_centuries() {
        for day in (-40_000..80_000).step_by(37) {
            let at = Timestamp::from_second(day * 86_400 + 86_399).unwrap();
            let civil = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            assert_eq!(written("iso", &at.to_string()), civil);
        }
    }
}

//! The codes of authenticator apps: six digits, SHA-1, thirty seconds, as every app speaks them. Pure: secret and
//! moment in, code out. Source: RFC 6238 (TOTP), RFC 4226 §5.3 (truncation), RFC 4648 §6 (base 32).

use jiff::Timestamp;
use ring::hmac;

/// A step, in seconds. Source: RFC 6238 §4.1, the default.
const STEP_SECONDS: i64 = 30;
/// Digits of a code.
const DIGITS: u32 = 6;
/// A clock may be this many steps off, either way. Source: RFC 6238 §5.2 recommends at most one.
const TOLERANCE_STEPS: i64 = 1;
/// Bytes of a secret. Source: RFC 4226 §4 R6 recommends 160 bits.
pub(crate) const SECRET_BYTES: usize = 20;

/// The step of a moment.
fn step_at(now: Timestamp) -> i64 {
    now.as_second().div_euclid(STEP_SECONDS)
}

/// The code of a step.
pub(crate) fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let four = tag.get(offset..offset + 4).unwrap_or(&[0; 4]);
    let number = four.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 10_u32.pow(DIGITS))
}

/// The step whose code this is, among those that a clock which is a little off may show and that come after the last
/// one used. Blanks in the code do not matter.
pub(crate) fn matching_step(secret: &[u8], given: &str, now: Timestamp, last_step: i64) -> Option<i64> {
    let given: String = given.chars().filter(|character| !character.is_whitespace()).collect();
    let here = step_at(now);
    // every step is compared, so that time does not tell which
    let mut found = None;
    for step in here - TOLERANCE_STEPS..=here + TOLERANCE_STEPS {
        if same(&code(secret, step), &given) && step > last_step {
            found = Some(step);
        }
    }
    found
}

fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}

/// The secret as people type it: base 32.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let number = (0..5).fold(0_u64, |number, at| (number << 8) | u64::from(chunk.get(at).copied().unwrap_or(0)));
        let letters = (chunk.len() * 8).div_ceil(5);
        for at in 0..letters {
            let value = (number >> (35 - 5 * at)) & 31;
            text.push(LETTERS.get(usize::try_from(value).unwrap_or(0)).map_or('A', |letter| char::from(*letter)));
        }
    }
    text
}

/// What the QR code says. Source: the Key Uri Format of the Google Authenticator wiki, which every app reads.
pub(crate) fn uri(node: &str, account: &str, secret: &[u8]) -> String {
    let issuer = escaped(&format!("Lazaret {node}"));
    format!("otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}", escaped(account), base32(secret))
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// RFC 6238 appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (second, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(SECRET, step_at(at(second))), &eight[2..], "{second}");
        }
    }

    #[test]
    fn one_step_off_is_taken_and_no_step_twice() {
        let now = at(1_234_567_890);
        let here = step_at(now);
        let check = |step: i64, last: i64| matching_step(SECRET, &code(SECRET, step), now, last);
        assert_eq!(check(here, 0), Some(here));
        assert_eq!(check(here - 1, 0), Some(here - 1));
        assert_eq!(check(here + 1, 0), Some(here + 1));
        assert_eq!(check(here + 2, 0), None);
        assert_eq!(check(here - 2, 0), None);
        assert_eq!(check(here, here), None, "used");
        assert_eq!(check(here - 1, here), None, "older than the one used");
        assert_eq!(matching_step(SECRET, "005 924", now, 0), Some(here), "as apps show it");
        assert_eq!(matching_step(SECRET, "", now, 0), None);
        assert_eq!(matching_step(SECRET, "005925", now, 0), None);
    }

    /// RFC 4648 §10, without padding.
    #[test]
    fn base_32_is_that_of_the_standard() {
        for (bytes, text) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert_eq!(
            uri("Spital Județean", "ana@x", b"foo"),
            "otpauth://totp/Lazaret%20Spital%20Jude%C8%9Bean:ana%40x?secret=MZXW6&issuer=Lazaret%20Spital%20Jude%C8%9Bean"
        );
    }
}

//! Cisco's `%FACILITY-SEVERITY-MNEMONIC: text` with the many things that may stand in front of it.
//! A file of its own because the header comes in half a dozen orders, and the `%` mark is the only fixed point.

use super::pairs::Pairs;
use super::stamp;
use super::syslog::{Header, priority};

/// The furthest into a line that the mark may stand.
const MARK_WITHIN_BYTES: usize = 200;

/// Reads a line with a Cisco mark: `[<PRI>][host ][seq: ][host: ][timestamp: ]%FAC-SEV-MNEMONIC: text`.
/// Shape: the header as far as it is there, and the pairs `Facility`, `SeverityNumber`, `Mnemonic`.
pub fn read<'a>(text: &'a str, pairs: &mut Pairs<'a>) -> Option<Header<'a>> {
    let (priority, text) = priority(text).unwrap_or((None, text));
    let (before, mark, body) = split_mark(text)?;
    let mut parts = mark.splitn(2, '-');
    let facility = parts.next()?;
    let (severity, mnemonic) = severity_of(parts.next()?)?;
    pairs.push("Facility", facility);
    pairs.push("SeverityNumber", severity);
    pairs.push("Mnemonic", mnemonic);
    let mut header = Header { priority, body, program: Some(mark), ..Header::default() };
    front(before, &mut header);
    Some(header)
}

/// Splits at `%MARK: `; `None` where no well-formed mark stands near the start.
fn split_mark(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find('%') {
        let at = from + found;
        if at > MARK_WITHIN_BYTES {
            return None;
        }
        let behind = text.get(at + 1..)?;
        if let Some((mark, body)) = behind.split_once(':')
            && is_mark(mark)
        {
            return Some((text.get(..at)?, mark, body.trim_start()));
        }
        from = at + 1;
    }
    None
}

/// `SYS-5-CONFIG_I`, `ASA-6-302013`, `PARSER-SW1-5-CFGLOG`.
fn is_mark(mark: &str) -> bool {
    mark.len() <= 80
        && mark.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && mark.split_once('-').is_some_and(|(facility, rest)| !facility.is_empty() && severity_of(rest).is_some())
}

/// The one digit between dashes and the mnemonic behind it.
fn severity_of(rest: &str) -> Option<(&str, &str)> {
    let mut rest = rest;
    loop {
        let (part, behind) = rest.split_once('-')?;
        if matches!(part.as_bytes(), [b'0'..=b'7']) && !behind.is_empty() {
            return Some((part, behind));
        }
        rest = behind;
    }
}

/// What stands in front: words that end in a colon or space, of which one may be a timestamp and one a host.
fn front<'a>(before: &'a str, header: &mut Header<'a>) {
    let mut rest = before.trim_start_matches([':', ' ']);
    for _ in 0..8 {
        if let Some((timestamp, behind)) = stamp::split(rest) {
            // the device's own time is nearer to the event than a relay's
            header.timestamp = Some(timestamp);
            rest = behind.trim_start_matches([':', ' ']);
            continue;
        }
        let end = rest.find(' ').unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or("").trim_end_matches(':');
        rest = rest.get(end..).unwrap_or("").trim_start();
        if word.is_empty() && rest.is_empty() {
            return;
        }
        let is_sequence = word.bytes().all(|b| b.is_ascii_digit());
        let is_zone = word.len() <= 5 && word.bytes().all(|b| b.is_ascii_uppercase());
        if !is_sequence && !is_zone && header.hostname.is_none() {
            header.hostname = Some(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, host: Option<&str>, time: Option<&str>, mark: &str, body: &str) {
        let mut pairs = Pairs::new();
        let header = read(line, &mut pairs).unwrap();
        assert_eq!(
            (header.hostname, header.timestamp, header.program, header.body),
            (host, time, Some(mark), body),
            "{line}"
        );
    }

    #[test]
    fn every_order_seen() {
        check(
            "172.16.5.10 6705: Feb 17 13:40:03.673: %PARSER-5-CFGLOG_LOGGEDCMD: User:admin  logged command:no",
            Some("172.16.5.10"),
            Some("Feb 17 13:40:03.673"),
            "PARSER-5-CFGLOG_LOGGEDCMD",
            "User:admin  logged command:no",
        );
        check(
            "<189>29: *Mar  1 18:46:11: %SYS-5-CONFIG_I: Configured",
            None,
            Some("*Mar  1 18:46:11"),
            "SYS-5-CONFIG_I",
            "Configured",
        );
        check(
            "<189>29: sw1: Mar  1 18:46:11 CET: %SYS-5-CONFIG_I: C",
            Some("sw1"),
            Some("Mar  1 18:46:11"),
            "SYS-5-CONFIG_I",
            "C",
        );
        check(
            "<166>Nov 24 2026 08:16:53 fw1 : %ASA-6-302013: Built",
            Some("fw1"),
            Some("Nov 24 2026 08:16:53"),
            "ASA-6-302013",
            "Built",
        );
        check(
            "<166>:Nov 24 08:16:53 UTC: %ASA-session-6-302013: B",
            None,
            Some("Nov 24 08:16:53"),
            "ASA-session-6-302013",
            "B",
        );
    }

    #[test]
    fn percent_signs_elsewhere() {
        for line in ["disk 90% full: yes", "%TEMP%-5-x: y", "100%-5-: z", "%A-9-B: c", "%"] {
            assert_eq!(read(line, &mut Pairs::new()), None, "{line}");
        }
    }
}

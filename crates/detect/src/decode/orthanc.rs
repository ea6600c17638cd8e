//! Log lines of the Orthanc DICOM server: `L MMDD hh:mm:ss.uuuuuu [thread] file:line] [(category)] text`.
//! A file of its own because at default verbosity these lines are all that a PACS says about strangers.

use super::cursor::{Cursor, between, word_after};
use super::pairs::Pairs;

/// Whether a line begins like Orthanc's: level letter, four digits, a clock.
pub fn is_line(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    let level = cursor.take(1).is_some_and(|l| matches!(l, "E" | "W" | "I" | "T"));
    let day = cursor.take(4).is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit()));
    level && day && cursor.eat(" ") && cursor.take(3).is_some_and(|c| c.ends_with(':')) && text.contains("] ")
}

/// Reads a line; `None` where the fixed part is not whole.
/// Shape: `Level` (E, W, I, T), `Timestamp` (`MMDD hh:mm:ss.uuuuuu`, local, no year), `Thread`,
/// `SourceFile`, `SourceLine`, `Category`, `message`, and what the sentence says: `Operation`, `Outcome`, `CallingAET`,
/// `CalledAET`, `TargetAET`, `SourceIp`, `TargetIp`, `QueryLevel`, `ResourceCount`, `HttpMethod`, `HttpPath`.
pub fn read<'a>(text: &'a str, pairs: &mut Pairs<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    let level = cursor.take(1)?;
    let (stamp, behind) = split_stamp(cursor.rest())?;
    let (place, message) = behind.split_once("] ").or_else(|| behind.strip_suffix(']').map(|p| (p, "")))?;
    let (thread, place) = place.rsplit_once(' ').map_or((None, place), |(thread, place)| (Some(thread), place));
    let (file, line) = place.rsplit_once(':')?;
    pairs.push("Level", level);
    pairs.push("Timestamp", stamp);
    pairs.push_some("Thread", thread);
    pairs.push("SourceFile", file);
    pairs.push("SourceLine", line);
    let message = match message.strip_prefix('(').and_then(|m| m.split_once(") ")) {
        Some((category, rest)) if category.bytes().all(|b| b.is_ascii_lowercase()) => {
            pairs.push("Category", category);
            rest
        }
        _ => message,
    };
    pairs.push("message", message);
    sentence(message, pairs);
    Some(())
}

/// `1124 08:00:00.125397` and what stands behind the space.
fn split_stamp(text: &str) -> Option<(&str, &str)> {
    let (day, behind) = text.split_once(' ')?;
    let (clock, rest) = behind.split_once(' ')?;
    let end = day.len() + 1 + clock.len();
    Some((text.get(..end)?, rest.trim_start()))
}

/// The sentence's meaning, by its fixed words.
fn sentence<'a>(message: &'a str, pairs: &mut Pairs<'a>) {
    let known: [(&str, &str, &str); 10] = [
        ("Association Received from AET ", "association", "received"),
        ("Association Acknowledged ", "association", "accepted"),
        ("Association Release ", "association", "released"),
        ("Incoming connection from AET ", "association", "received"),
        ("DICOM authorization rejected", "association", "rejected"),
        ("Rejected ", "", "rejected"),
        ("Incoming ", "", "received"),
        ("DICOM C-Find request at level", "C-FIND", "received"),
        ("Move-SCU request received for AET ", "C-MOVE", "received"),
        ("Opening a DICOM SCU connection ", "SCU", "opened"),
    ];
    if let Some((lead, operation, outcome)) = known.iter().find(|(lead, _, _)| message.starts_with(lead)) {
        let behind = message.get(lead.len()..).unwrap_or("");
        let named = match *operation {
            "" => dimse(behind),
            operation => Some(operation),
        };
        pairs.push_some("Operation", named);
        pairs.push("Outcome", *outcome);
    }
    if let Some(count) = message.strip_prefix("Number of matching resources: ") {
        pairs.push("Operation", "C-FIND");
        pairs.push("ResourceCount", count.trim());
    }
    peers(message, pairs);
    pairs.push_some("QueryLevel", message.split_once("request at level: ").map(|(_, level)| level.trim()));
    http(message, pairs);
}

/// `Find request …` → `C-FIND`.
fn dimse(behind: &str) -> Option<&'static str> {
    let operations =
        [("Find", "C-FIND"), ("Move", "C-MOVE"), ("Get", "C-GET"), ("Store", "C-STORE"), ("Echo", "C-ECHO")];
    operations.iter().find(|(word, _)| behind.starts_with(word)).map(|(_, name)| *name)
}

/// Application entity titles and addresses, by the words in front of them.
fn peers<'a>(message: &'a str, pairs: &mut Pairs<'a>) {
    let target = message.starts_with("Move-SCU") || message.starts_with("Opening a DICOM SCU");
    if target {
        pairs.push_some(
            "TargetAET",
            between(message, "to AET \"", "\"").or_else(|| between(message, "for AET \"", "\"")),
        );
        pairs.push_some(
            "TargetIp",
            word_after(message, " on host ").and_then(|host| host.rsplit_once(':')).map(|h| h.0),
        );
        return;
    }
    let quoted = between(message, "with AET \"", "\"");
    let caller = ["from AET ", "for AET ", "with AET ", "to AET "].iter().find_map(|lead| word_after(message, lead));
    pairs.push_some("CallingAET", quoted.or(caller));
    pairs.push_some("CalledAET", word_after(message, "calling AET "));
    let address = word_after(message, " on IP ").or_else(|| between(message, "hostname \"", "\""));
    pairs.push_some("SourceIp", address.map(|a| a.trim_end_matches([':', ')'])));
}

/// `GET /patients` of the REST API.
fn http<'a>(message: &'a str, pairs: &mut Pairs<'a>) {
    let Some((method, path)) = message.split_once(' ') else { return };
    if matches!(method, "GET" | "POST" | "PUT" | "DELETE") && path.starts_with('/') {
        pairs.push("Operation", "HTTP");
        pairs.push("HttpMethod", method);
        pairs.push("HttpPath", path.split(' ').next().unwrap_or(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[(&str, &str)]) {
        let mut pairs = Pairs::new();
        assert!(is_line(line), "{line}");
        read(line, &mut pairs).unwrap();
        for (name, value) in expected {
            assert_eq!(pairs.get(name), Some(*value), "{name} in {line}");
        }
    }

    #[test]
    fn captured_lines() {
        let ip = ("SourceIp", "127.0.0.1");
        check(
            "W1124 08:00:00.125397 main.cpp:404] DICOM authorization rejected  for AET EVIL2 on IP 127.0.0.1: This AET is not listed in configuration option \"DicomModalities\"",
            &[
                ("Level", "W"),
                ("Timestamp", "1124 08:00:00.125397"),
                ("SourceFile", "main.cpp"),
                ("Operation", "association"),
                ("Outcome", "rejected"),
                ("CallingAET", "EVIL2"),
                ip,
            ],
        );
        check(
            "W1124 08:00:00.125422 CommandDispatcher.cpp:828] Rejected Find request from remote DICOM modality with AET \"EVIL2\" and hostname \"127.0.0.1\"",
            &[("Operation", "C-FIND"), ("Outcome", "rejected"), ("CallingAET", "EVIL2"), ip],
        );
        check(
            "I1124 07:59:57.285309 main.cpp:352] Incoming Store request from AET CT1 on IP 127.0.0.1, calling AET ORTHANC",
            &[("Operation", "C-STORE"), ("CallingAET", "CT1"), ("CalledAET", "ORTHANC"), ip],
        );
        check(
            "I1124 08:00:00.233451 OrthancFindRequestHandler.cpp:653] (dicom) DICOM C-Find request at level: Study",
            &[("Category", "dicom"), ("Operation", "C-FIND"), ("QueryLevel", "Study")],
        );
        check(
            "I1124 08:00:00.235045 ServerContext.cpp:1502] Number of matching resources: 30",
            &[("ResourceCount", "30")],
        );
        check(
            "I1124 08:00:01.382049 DicomAssociation.cpp:275] (dicom) Opening a DICOM SCU connection without DICOM TLS from AET \"ORTHANC\" to AET \"EVIL\" on host 127.0.0.1:14243 (manufacturer: Generic, timeout: 10s)",
            &[("Operation", "SCU"), ("TargetAET", "EVIL"), ("TargetIp", "127.0.0.1")],
        );
        check(
            "I1124 08:00:01.726398 HttpServer.cpp:1244] (http) GET /patients",
            &[("Operation", "HTTP"), ("HttpMethod", "GET"), ("HttpPath", "/patients")],
        );
    }

    #[test]
    fn newer_lines_name_the_thread() {
        check(
            "I0102 12:34:56.123456             MAIN main.cpp:2017] Orthanc version: 1.12.6",
            &[("SourceFile", "main.cpp"), ("SourceLine", "2017")],
        );
        check(
            "W0102 12:34:56.123456 DICOM-1 main.cpp:404] DICOM authorization rejected for AET X on IP 10.0.0.9: y",
            &[("Thread", "DICOM-1"), ("CallingAET", "X"), ("SourceIp", "10.0.0.9")],
        );
    }

    #[test]
    fn other_lines() {
        for line in ["", "W1124", "Warning 08:00", "I1124 08:00:00 x", "E11 24 08:00] x"] {
            assert!(!is_line(line) || read(line, &mut Pairs::new()).is_none(), "{line}");
        }
    }
}

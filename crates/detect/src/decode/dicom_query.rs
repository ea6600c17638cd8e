//! The query inside an audit message: base64 of a raw DICOM data set, of an HL7 v2 query or of a QIDO-RS URL.
//! A file of its own because it walks DICOM elements, which nothing else here does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::pairs::Pairs;

/// The largest query that is decoded, in bytes of base64.
const QUERY_BYTES_MAX: usize = 64 * 1024;
/// The most elements that are read of one data set.
const ELEMENTS_MAX: usize = 256;

/// The attributes that queries name (DICOM PS3.6).
const KEYWORDS: [(u32, &str); 14] = [
    (0x0008_0005, "SpecificCharacterSet"),
    (0x0008_0020, "StudyDate"),
    (0x0008_0050, "AccessionNumber"),
    (0x0008_0052, "QueryRetrieveLevel"),
    (0x0008_0060, "Modality"),
    (0x0008_0061, "ModalitiesInStudy"),
    (0x0008_0090, "ReferringPhysicianName"),
    (0x0008_1030, "StudyDescription"),
    (0x0010_0010, "PatientName"),
    (0x0010_0020, "PatientID"),
    (0x0010_0030, "PatientBirthDate"),
    (0x0020_000D, "StudyInstanceUID"),
    (0x0020_000E, "SeriesInstanceUID"),
    (0x0008_0018, "SOPInstanceUID"),
];

/// Decodes and pushes `Query` (readable), `QueryLevel`, `QueryUniversal` and `QueryKey.<keyword>`.
pub(crate) fn push(encoded: &str, pairs: &mut Pairs<'_>) {
    let Some(bytes) = decode(encoded) else { return };
    let Some(elements) = data_set(&bytes) else {
        if let Some(text) = printable(&bytes) {
            pairs.push("Query", text);
        }
        return;
    };
    let shown: Vec<String> = elements.iter().map(|e| format!("{}={}", e.name, e.value)).collect();
    pairs.push("Query", shown.join(" "));
    let level = elements.iter().find(|e| e.tag == 0x0008_0052);
    if let Some(level) = level {
        pairs.push("QueryLevel", level.value.clone());
    }
    let restricts = |e: &Element| {
        !matches!(e.tag, 0x0008_0052 | 0x0008_0005) && !e.value.chars().all(|c| matches!(c, '*' | '?' | ' '))
    };
    pairs.push("QueryUniversal", if elements.iter().any(restricts) { "false" } else { "true" });
    for element in elements.into_iter().filter(|e| !e.name.starts_with('(')) {
        pairs.push(format!("QueryKey.{}", element.name), element.value);
    }
}

/// A base64 value as text, where it is text.
pub(crate) fn text_of(encoded: &str) -> Option<String> {
    decode(encoded).and_then(|bytes| printable(&bytes))
}

fn decode(encoded: &str) -> Option<Vec<u8>> {
    if encoded.is_empty() || encoded.len() > QUERY_BYTES_MAX {
        return None;
    }
    let compact: Vec<u8> = encoded.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).ok()
}

fn printable(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.chars().all(|c| !c.is_control() || matches!(c, '\r' | '\n' | '\t')).then(|| text.to_owned())
}

struct Element {
    tag: u32,
    name: String,
    value: String,
}

/// Reads a little-endian data set, implicit or explicit VR, with or without the 128-byte preamble.
fn data_set(bytes: &[u8]) -> Option<Vec<Element>> {
    let start = match bytes.get(128..132) {
        Some(b"DICM") => 132,
        _ => 0,
    };
    let mut rest = bytes.get(start..)?;
    let mut elements = Vec::new();
    while rest.len() >= 8 && elements.len() < ELEMENTS_MAX {
        let (tag, length, behind) = element_head(rest)?;
        let value = behind.get(..length)?;
        rest = behind.get(length..)?;
        let known = KEYWORDS.iter().find(|(known, _)| *known == tag);
        let name =
            known.map_or_else(|| format!("({:04X},{:04X})", tag >> 16, tag & 0xffff), |(_, name)| (*name).to_owned());
        let text = String::from_utf8_lossy(value);
        elements.push(Element { tag, name, value: text.trim_end_matches(['\0', ' ']).to_owned() });
    }
    (!elements.is_empty() && rest.is_empty()).then_some(elements)
}

/// Tag, value length and what follows the head. Groups above 0x0040 are not queried for: not a data set then.
fn element_head(bytes: &[u8]) -> Option<(u32, usize, &[u8])> {
    let short = |at: usize| bytes.get(at..at + 2).map(|b| u32::from(b[0]) | u32::from(b[1]) << 8);
    let long = |at: usize| Some(short(at)? | short(at + 2)? << 16);
    let group = short(0)?;
    if group == 0 || group > 0x0040 {
        return None;
    }
    let tag = group << 16 | short(2)?;
    let representation = bytes.get(4..6)?;
    if !representation.iter().all(u8::is_ascii_uppercase) {
        return Some((tag, long(4)? as usize, bytes.get(8..)?));
    }
    match representation {
        b"OB" | b"OW" | b"OF" | b"SQ" | b"UT" | b"UN" | b"UC" | b"UR" => {
            Some((tag, long(8)? as usize, bytes.get(12..)?))
        }
        _ => Some((tag, short(6)? as usize, bytes.get(8..)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn implicit(elements: &[(u32, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (tag, value) in elements {
            bytes.extend(((tag >> 16) as u16).to_le_bytes());
            bytes.extend((*tag as u16).to_le_bytes());
            bytes.extend((value.len() as u32).to_le_bytes());
            bytes.extend(value.as_bytes());
        }
        bytes
    }

    fn explicit(elements: &[(u32, &str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (tag, representation, value) in elements {
            bytes.extend(((tag >> 16) as u16).to_le_bytes());
            bytes.extend((*tag as u16).to_le_bytes());
            bytes.extend(representation.as_bytes());
            bytes.extend((value.len() as u16).to_le_bytes());
            bytes.extend(value.as_bytes());
        }
        bytes
    }

    fn pushed(bytes: &[u8]) -> Pairs<'static> {
        let mut pairs = Pairs::new();
        push(&STANDARD.encode(bytes), &mut pairs);
        pairs
    }

    #[test]
    fn data_sets_of_both_encodings() {
        let pairs = pushed(&implicit(&[(0x0008_0052, "STUDY "), (0x0010_0010, "*"), (0x0010_0020, "")]));
        assert_eq!(pairs.get("Query"), Some("QueryRetrieveLevel=STUDY PatientName=* PatientID="));
        assert_eq!(pairs.get("QueryUniversal"), Some("true"));
        let pairs = pushed(&explicit(&[(0x0008_0052, "CS", "STUDY "), (0x0010_0020, "LO", "4711")]));
        assert_eq!(pairs.get("QueryLevel"), Some("STUDY"));
        assert_eq!(pairs.get("QueryKey.PatientID"), Some("4711"));
        assert_eq!(pairs.get("QueryUniversal"), Some("false"));
    }

    #[test]
    fn text_queries_and_rubbish() {
        assert_eq!(pushed(b"/studies?PatientID=*&limit=500").get("Query"), Some("/studies?PatientID=*&limit=500"));
        assert!(pushed(&[0xff, 0xfe, 0, 1, 2, 3, 4, 5, 6, 7]).is_empty());
        let mut pairs = Pairs::new();
        push("%%%", &mut pairs);
        assert!(pairs.is_empty());
    }
}

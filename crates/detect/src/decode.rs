//! Bytes → what they are: recognises a log format by its content and hands over its fields.
//! A file of its own because it is the one place that knows the order in which formats are tried; each format is a file
//! in `decode/`. What is *not* here: meaning (mappings give it), and JSON's fields (read lazily in `event`).

mod access_log;
mod asa;
mod atna;
mod auditd;
mod cef;
mod cisco;
mod cursor;
mod dicom_query;
pub mod evtx;
pub mod json;
mod keyvalue;
mod leef;
pub mod lines;
mod linux;
pub mod objects;
mod orthanc;
mod pairs;
mod pan_os;
mod stamp;
mod structured_data;
mod syslog;
pub mod unpack;
mod veeam;
mod vmware;
mod wrapped;

use std::borrow::Cow;
use std::fmt;

pub use pairs::{PAIRS_MAX, Pair, Pairs};

/// How an event arrived: a hint for decoding, not a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// A syslog listener.
    Syslog,
    /// An HTTP listener (NDJSON, `_bulk`).
    Http,
    /// A line of a followed or scanned file.
    File,
    /// A record of a Windows event log file, rendered as JSON.
    Evtx,
}

/// What the bytes turned out to be; mappings are chosen by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// A JSON object, alone or as the body of a syslog message.
    Json,
    /// A syslog message whose body is a sentence.
    Syslog,
    /// FortiGate's pairs.
    Fortigate,
    /// Any other line of `key=value` pairs.
    KeyValue,
    /// ArcSight Common Event Format.
    Cef,
    /// IBM Log Event Extended Format.
    Leef,
    /// A record of the Linux audit daemon.
    Auditd,
    /// An ATNA audit message.
    Atna,
    /// A line of an Orthanc server.
    Orthanc,
    /// VMware ESXi or vCenter.
    Vmware,
    /// Veeam Backup & Replication.
    Veeam,
    /// Cisco's `%FACILITY-SEVERITY-MNEMONIC`.
    Cisco,
    /// Palo Alto Networks PAN-OS.
    PanOs,
    /// A web server's access log.
    AccessLog,
    /// None of these; the line is its `message`.
    Text,
}

impl Format {
    /// The word that mapping files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Syslog => "syslog",
            Self::Fortigate => "fortigate",
            Self::KeyValue => "keyvalue",
            Self::Cef => "cef",
            Self::Leef => "leef",
            Self::Auditd => "auditd",
            Self::Atna => "atna",
            Self::Orthanc => "orthanc",
            Self::Vmware => "vmware",
            Self::Veeam => "veeam",
            Self::Cisco => "cisco",
            Self::PanOs => "pan-os",
            Self::AccessLog => "access-log",
            Self::Text => "text",
        }
    }

    /// Every format, for messages and checks.
    pub const ALL: [Self; 15] = [
        Self::Json,
        Self::Syslog,
        Self::Fortigate,
        Self::KeyValue,
        Self::Cef,
        Self::Leef,
        Self::Auditd,
        Self::Atna,
        Self::Orthanc,
        Self::Vmware,
        Self::Veeam,
        Self::Cisco,
        Self::PanOs,
        Self::AccessLog,
        Self::Text,
    ];

    /// Reads [`Format::as_str`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the bytes turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The format that was recognised.
    pub format: Format,
    /// Header and body fields, in order; a repeated name means any of its values. Header fields are `syslog.*`, the body
    /// of every text format is also there whole as `message`.
    pub pairs: Vec<Pair<'a>>,
    /// The JSON object inside: the whole line, or the body of a syslog message.
    pub json: Option<&'a [u8]>,
}

/// Recognises and decodes one event. Total: rubbish becomes [`Format::Text`].
/// Shape: text that is not UTF-8 is read as Latin-1, as old devices write it.
pub fn decode(bytes: &[u8], carrier: Carrier) -> Decoded<'_> {
    let trimmed = trim(bytes);
    if trimmed.first() == Some(&b'{') || carrier == Carrier::Evtx {
        return json_event(trimmed);
    }
    match std::str::from_utf8(trimmed) {
        Ok(text) => {
            let mut pairs = Pairs::new();
            let (format, json) = text_event(text, &mut pairs);
            Decoded { format, pairs: pairs.into_list(), json: json.map(str::as_bytes) }
        }
        Err(_) => latin1_event(trimmed),
    }
}

/// Without byte order mark, surrounding white space and the NULs that some senders end with.
fn trim(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let is_blank = |b: &u8| b.is_ascii_whitespace() || *b == 0;
    let start = bytes.iter().position(|b| !is_blank(b)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|b| !is_blank(b)).map_or(start, |at| at + 1);
    bytes.get(start..end).unwrap_or(&[])
}

/// A line that is an object. Shippers wrap plain lines as `message`: those are decoded too, as pairs beside the JSON.
fn json_event(bytes: &[u8]) -> Decoded<'_> {
    let mut decoded = Decoded { format: Format::Json, pairs: Vec::new(), json: Some(bytes) };
    let Some(line) = wrapped::line(bytes) else { return decoded };
    let mut pairs = Pairs::new();
    let (format, inner) = text_event(&line, &mut pairs);
    if inner.is_none() && !matches!(format, Format::Json | Format::Text) {
        decoded.pairs = pairs.into_owned().into_list();
        decoded.format = format;
    }
    decoded
}

/// Latin-1 text has to be rewritten, so its pairs are owned and JSON inside it is not looked for.
fn latin1_event(bytes: &[u8]) -> Decoded<'static> {
    let text: String = bytes.iter().map(|b| char::from(*b)).collect();
    let mut pairs = Pairs::new();
    let (format, _) = text_event(&text, &mut pairs);
    Decoded { format, pairs: pairs.into_owned().into_list(), json: None }
}

/// Tries the formats that need no syslog header first, then the header, then the body.
fn text_event<'a>(text: &'a str, pairs: &mut Pairs<'a>) -> (Format, Option<&'a str>) {
    if let Some(format) = bare_event(text, pairs) {
        return (format, None);
    }
    if let Some(header) = cisco::read(text, pairs) {
        syslog::push(&header, pairs);
        pairs.push("message", header.body);
        if matches!(pairs.get("Facility"), Some("ASA" | "FTD")) {
            asa::read(header.body, pairs);
        }
        return (Format::Cisco, None);
    }
    match syslog::read(text, pairs) {
        Some(header) => {
            syslog::push(&header, pairs);
            body_event(&header, pairs)
        }
        None => {
            let header = syslog::Header { body: text, ..syslog::Header::default() };
            let (format, json) = body_event(&header, pairs);
            (if format == Format::Syslog { Format::Text } else { format }, json)
        }
    }
}

/// Lines of files and tools that have their own header.
fn bare_event<'a>(text: &'a str, pairs: &mut Pairs<'a>) -> Option<Format> {
    if orthanc::is_line(text) && orthanc::read(text, pairs).is_some() {
        return Some(Format::Orthanc);
    }
    if auditd::is_record(text) && auditd::read(text, pairs).is_some() {
        pairs.push("message", text);
        return Some(Format::Auditd);
    }
    if access_log::read(text, pairs).is_some() {
        pairs.push("message", text);
        return Some(Format::AccessLog);
    }
    None
}

/// What stands behind a syslog header (or is the whole line).
fn body_event<'a>(header: &syslog::Header<'a>, pairs: &mut Pairs<'a>) -> (Format, Option<&'a str>) {
    let body = header.body.trim();
    let program = header.program.unwrap_or("");
    if let Some(json) = json_body(body) {
        return (Format::Json, Some(json));
    }
    if veeam::is_event(header, pairs) {
        veeam::read(header, pairs);
        return (Format::Veeam, None);
    }
    if orthanc::is_line(body) && orthanc::read(body, pairs).is_some() {
        return (Format::Orthanc, None);
    }
    let format = structured_body(body, program, pairs);
    pairs.push("message", header.body);
    (format, None)
}

/// JSON at the start of the body, also behind the cookies `@cee:` (rsyslog) and `ossec:`.
fn json_body(body: &str) -> Option<&str> {
    let body = body.strip_prefix("@cee:").or_else(|| body.strip_prefix("ossec: ")).unwrap_or(body).trim_start();
    (body.starts_with('{') && body.ends_with('}')).then_some(body)
}

/// The formats told apart by their body alone, then by the program.
fn structured_body<'a>(body: &'a str, program: &str, pairs: &mut Pairs<'a>) -> Format {
    if atna::is_message(body) && read_atna(body, pairs) {
        return Format::Atna;
    }
    if keyvalue::is_fortigate(body) {
        keyvalue::read_fortigate(body, pairs);
        return Format::Fortigate;
    }
    if let Some(at) = body.find("CEF:").filter(|at| *at < 64)
        && let Some(cef) = body.get(at..)
        && cef::read(cef, pairs).is_some()
    {
        return Format::Cef;
    }
    if let Some(at) = body.find("LEEF:").filter(|at| *at < 64)
        && let Some(leef) = body.get(at..)
        && leef::read(leef, pairs).is_some()
    {
        return Format::Leef;
    }
    if pan_os::read(body, pairs).is_some() {
        return Format::PanOs;
    }
    if auditd::is_record(body) && auditd::read(body, pairs).is_some() {
        return Format::Auditd;
    }
    if vmware::is_program(program) || vmware::is_body(body) {
        vmware::read(program, body, pairs);
        return Format::Vmware;
    }
    if access_log::read(body, pairs).is_some() {
        return Format::AccessLog;
    }
    if keyvalue::is_pairs(body) {
        keyvalue::read(body, pairs);
        return Format::KeyValue;
    }
    linux::read(program, body, pairs);
    Format::Syslog
}

/// A refused audit message is kept as text and says why.
fn read_atna<'a>(body: &'a str, pairs: &mut Pairs<'a>) -> bool {
    match atna::read(body, pairs) {
        Ok(()) => true,
        Err(error) => {
            pairs.push("decode.refused", error.to_string());
            false
        }
    }
}

/// The first value under a name, for tests and one-off reads.
pub fn first<'p>(pairs: &'p [Pair<'_>], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_ref())
}

/// Text as a borrowed or owned string: UTF-8 as it is, anything else as Latin-1.
pub fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect()),
    }
}

#[cfg(test)]
mod tests;

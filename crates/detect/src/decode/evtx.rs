//! Windows event log files: records as JSON bytes, one after the other, a damaged chunk reported and passed over.
//! A file of its own because it is the only binary format; the caller brings the reader, so nothing is opened here.

use std::io::{Read, Seek};

use evtx::{EvtxParser, ParserSettings};

/// The first bytes of every event log file.
pub const MAGIC: &[u8; 8] = b"ElfFile\0";

/// The file cannot be read as an event log at all.
#[derive(Debug, thiserror::Error)]
#[error("not a readable event log: {0}")]
pub struct EvtxError(String);

/// One record of the file, or what could not be read of it.
#[derive(Debug)]
pub enum Record {
    /// A record as the JSON object `{"Event":{…}}`.
    Event {
        /// EventRecordID.
        id: u64,
        /// When it was written, from the record header.
        written_at: jiff::Timestamp,
        /// The object.
        json: Vec<u8>,
    },
    /// A chunk or record that is damaged; reading went on behind it.
    Damaged(String),
}

/// Calls `each` with every record in order, until it says stop.
/// Errors: the file header is unreadable. Panics of the parser inside are not caught here.
pub fn records<R: Read + Seek>(
    reader: R,
    mut each: impl FnMut(Record) -> std::ops::ControlFlow<()>,
) -> Result<(), EvtxError> {
    let parser = EvtxParser::from_read_seek(reader).map_err(|error| EvtxError(chain(&error)))?;
    let mut parser = parser.with_configuration(ParserSettings::new().num_threads(1).indent(false));
    for record in parser.records_json_bytes() {
        let record = match record {
            Ok(record) => {
                Record::Event { id: record.event_record_id, written_at: time_of(record.timestamp), json: record.data }
            }
            Err(error) => Record::Damaged(chain(&error)),
        };
        if each(record).is_break() {
            break;
        }
    }
    Ok(())
}

/// The parser has its own version of jiff, so the time crosses as nanoseconds.
fn time_of(timestamp: evtx::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(timestamp.as_nanosecond()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let line = inner.to_string();
        if !text.contains(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn rubbish_is_an_error_and_an_empty_log_is_empty() {
        let mut seen = 0;
        let mut count = |_: Record| {
            seen += 1;
            ControlFlow::Continue(())
        };
        assert!(records(Cursor::new(b"not an event log".to_vec()), &mut count).is_err());
        assert!(records(Cursor::new(Vec::new()), &mut count).is_err());
        assert_eq!(seen, 0);
    }
}

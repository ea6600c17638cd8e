//! Readers of log records and log files, in `detect::decode`.

use std::io::Cursor;
use std::ops::ControlFlow;

use detect::decode::lines::Cut;
use detect::decode::objects::{Objects, spans_lines};
use detect::decode::{Carrier, decode, evtx as event_log, lines::Lines, unpack};
use detect::event::Event;

/// What one input may unpack to before reading stops, in bytes.
const UNPACKED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// One record that came over syslog: any of the text formats.
pub fn log_line(bytes: &[u8]) {
    event(bytes, Carrier::Syslog);
}

/// One record that came over HTTP: a JSON object, most likely.
pub fn json_event(bytes: &[u8]) {
    event(bytes, Carrier::Http);
}

fn event(bytes: &[u8], carrier: Carrier) {
    let decoded = decode(bytes, carrier);
    assert!(decoded.pairs.len() <= detect::decode::PAIRS_MAX, "more pairs than the limit");
    if let Ok(event) = Event::new(bytes, decoded) {
        assert_eq!(event.raw(), bytes, "the raw bytes are kept exactly");
        event.each_scalar(&mut |value| assert!(value.text().len() <= bytes.len().saturating_mul(3)));
        for path in ["EventID", "Event.System.EventID", "alert.signature", "message", "a.b.c"] {
            drop(event.texts(path));
        }
    }
}

/// One DICOM audit message, as it comes: behind a syslog header.
pub fn atna(bytes: &[u8]) {
    event(&[b"<85>1 2026-11-24T08:16:53Z pacs atna 7 IHE+RFC-3881 - ", bytes].concat(), Carrier::Syslog);
}

/// A Windows event log file. The parser inside may panic on damage: whoever
/// reads such files catches that, and so does this.
pub fn evtx(bytes: &[u8]) {
    let mut unpacked = 0;
    let read = || {
        event_log::records(Cursor::new(bytes), |record| {
            if let event_log::Record::Event { json, .. } = record {
                unpacked += json.len();
                drop(Event::from_json(&json));
            }
            match unpacked > UNPACKED_BYTES_MAX {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
    };
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)));
}

/// A file of lines or of frames, packed or not.
pub fn log_file(bytes: &[u8]) {
    let Ok(source) = unpack::reader(bytes) else {
        return;
    };
    let mut lines = Lines::new(source);
    let (mut line, mut unpacked) = (Vec::new(), 0);
    while unpacked < UNPACKED_BYTES_MAX
        && let Ok(Some(_)) = lines.next(&mut line)
    {
        unpacked += line.len() + 1;
        assert!(lines.line() > 0, "lines count from one");
    }
}

/// JSON objects whatever the line breaks: cut the same however the stream is buffered, and each one is its bytes.
pub fn json_objects(bytes: &[u8]) {
    let _ = spans_lines(bytes);
    let whole = objects(bytes, bytes.len().max(1));
    assert_eq!(whole, objects(bytes, 7), "an object depends on how the stream is buffered");
    let held: usize = whole.iter().map(|(_, object)| object.len()).sum();
    assert!(held <= bytes.len(), "{held} bytes out of {}", bytes.len());
    assert!(whole.iter().all(|(_, object)| object.first() == Some(&b'{')), "an object begins with its brace");
    assert!(whole.windows(2).all(|pair| pair[0].0 <= pair[1].0), "lines count up");
}

fn objects(bytes: &[u8], buffer_bytes: usize) -> Vec<(u64, Vec<u8>)> {
    let mut objects = Objects::new(std::io::BufReader::with_capacity(buffer_bytes, bytes));
    let (mut object, mut found) = (Vec::new(), Vec::new());
    while let Ok(Some(cut)) = objects.next(&mut object) {
        assert!(matches!(cut, Cut::Event), "no input is as long as an event may be");
        found.push((objects.line(), object.clone()));
    }
    found
}

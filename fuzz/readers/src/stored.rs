//! Readers of what we stored ourselves, when the disk has damaged it.

use eventstore::{Batch, EventLog, Limits};

/// Events that are read in one go.
const EVENTS_MAX: usize = 4_096;

/// A segment of the event log, being written or sealed, as the first byte says.
pub fn event_log_segment(bytes: &[u8]) {
    let Some((kind, content)) = bytes.split_first() else {
        return;
    };
    let Ok(folder) = tempfile::tempdir() else {
        return;
    };
    let ending = if *kind == b'r' { "raw" } else { "seg" };
    let file = folder.path().join(format!("00000000000000000001.{ending}"));
    if std::fs::write(file, content).is_err() {
        return;
    }
    let Ok((log, _)) = EventLog::open(folder.path(), Limits::default()) else {
        return;
    };
    let mut batch = Batch::default();
    let mut from = log.tail();
    while from < log.head() && log.read(from, EVENTS_MAX, 1 << 20, &mut batch).is_ok() {
        assert!(batch.next_seq() > from, "reading makes no progress at {from}");
        from = batch.next_seq();
    }
}

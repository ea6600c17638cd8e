//! Readers of what comes over a socket: frames, streams and messages of the link.

use app::link::{Push, Receipt, StreamItem};
use bytes::Bytes;
use connect::link::sse::Reader;
use connect::listen::bodies::{self, Found};
use connect::listen::framing::{Framed, Framer, Quiet};

/// The longest message the framer is told to take, in bytes: small, so that the limit is met.
const MESSAGE_BYTES_MAX: usize = 512;

/// A stream of syslog, in pieces whose sizes the input itself chooses.
pub fn syslog_framing(bytes: &[u8]) {
    let mut framer = Framer::new(MESSAGE_BYTES_MAX);
    let mut told = 0;
    for piece in pieces(bytes) {
        framer.feed(piece);
        while let Some(framed) = framer.next_message() {
            told += size(&framed);
        }
        assert!(framer.pending() <= MESSAGE_BYTES_MAX * 4 + piece.len(), "the framer hoards {}", framer.pending());
    }
    while let Some(framed) = framer.flush(Quiet::Closed) {
        told += size(&framed);
    }
    assert!(told <= bytes.len() as u64, "{told} bytes told of {}", bytes.len());
}

fn size(framed: &Framed) -> u64 {
    match framed {
        Framed::Message(message) | Framed::Cut(message) => {
            assert!(message.len() <= MESSAGE_BYTES_MAX, "a message of {} bytes", message.len());
            message.len() as u64
        }
        Framed::Refused { bytes, .. } => *bytes,
    }
}

/// Splits the input at places that depend on it, as a network would.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let first = usize::from(*rest.first()?);
        let (piece, behind) = rest.split_at((first % 23 + 1).min(rest.len()));
        rest = behind;
        Some(piece)
    })
}

/// A stream of Server-Sent Events: however it is cut, the same events come out.
pub fn event_stream(bytes: &[u8]) {
    let Ok(whole) = Reader::default().push(bytes) else {
        return;
    };
    let mut reader = Reader::default();
    let cut: Vec<_> = pieces(bytes).filter_map(|piece| reader.push(piece).ok()).flatten().collect();
    assert_eq!(whole, cut, "an event depends on where the stream was cut");
}

/// What nodes say to each other: read, and what was read is written and read again.
pub fn link_message(bytes: &[u8]) {
    if let Ok(push) = serde_json::from_slice::<Push>(bytes) {
        let again = serde_json::to_vec(&push).map(|json| serde_json::from_slice::<Push>(&json).ok());
        assert_eq!(again.ok().flatten(), Some(push));
    }
    if let Ok(receipt) = serde_json::from_slice::<Receipt>(bytes) {
        let again = serde_json::to_vec(&receipt).map(|json| serde_json::from_slice::<Receipt>(&json).ok());
        assert_eq!(again.ok().flatten(), Some(receipt));
    }
    if let Ok(item) = serde_json::from_slice::<StreamItem>(bytes) {
        drop(serde_json::from_slice::<domain::release::Release>(&item.release.bytes));
    }
    drop(serde_json::from_slice::<domain::release::Release>(bytes));
}

/// The body of an Elasticsearch `_bulk` request.
pub fn bulk_body(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    match bodies::bulk(&body, MESSAGE_BYTES_MAX) {
        Ok(found) => events_are_of(&body, &found),
        Err(why) => assert!(why.contains('['), "the line is named: {why}"),
    }
}

/// The body of `POST /ingest`: JSON lines, and the same bytes as text.
pub fn lines_body(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    let json = bodies::json_lines(&body, MESSAGE_BYTES_MAX);
    let text = bodies::text_lines(&body, MESSAGE_BYTES_MAX);
    events_are_of(&body, &json);
    events_are_of(&body, &text);
    assert!(json.events.iter().all(|event| text.events.contains(event)), "a JSON line is a line");
    let lines = |found: &Found| found.events.len() + found.refused;
    assert_eq!(lines(&json), lines(&text), "every line is an event or refused");
}

/// Nothing is made up and nothing is told twice: the events are parts of the body, in its order, within the limit.
fn events_are_of(body: &Bytes, found: &Found) {
    let mut from = body.as_ptr() as usize;
    for event in &found.events {
        assert!(event.len() <= MESSAGE_BYTES_MAX && !event.is_empty(), "an event of {} bytes", event.len());
        let at = event.as_ptr() as usize;
        assert!(at >= from && at + event.len() <= body.as_ptr() as usize + body.len(), "an event from elsewhere");
        from = at + event.len();
    }
}

//! The bodies of HTTP requests, apart from any request: bytes in, events out. A file of its own because it is all that a
//! fuzzer needs of the HTTP intake, and the shapes of the answers are nobody else's business.

use bytes::Bytes;

use super::{HasEvents, ndjson};

/// What a body held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The events, each a part of the body.
    pub events: Vec<Bytes>,
    /// How many lines or items are none, or are longer than an event may be.
    pub refused: usize,
}

/// The body of `POST /ingest` with JSON lines.
pub fn json_lines(body: &Bytes, event_bytes_max: usize) -> Found {
    found(&ndjson::read(body, ndjson::Lines::Json, event_bytes_max))
}

/// The body of `POST /ingest` with `Content-Type: text/plain`.
pub fn text_lines(body: &Bytes, event_bytes_max: usize) -> Found {
    found(&ndjson::read(body, ndjson::Lines::Text, event_bytes_max))
}

/// The body of `_bulk`. Errors: an action that cannot be read refuses the whole body, with its line.
pub fn bulk(body: &Bytes, event_bytes_max: usize) -> Result<Found, String> {
    Ok(found(&super::bulk::read(body, None, event_bytes_max)?))
}

fn found(read: &impl HasEvents) -> Found {
    Found { events: read.events().to_vec(), refused: read.bad_lines() }
}

//! `POST /ingest`: one event a line. JSON objects by default; with
//! `Content-Type: text/plain` any line of text, so that `curl` can send a log
//! file as it is.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use serde_json::value::RawValue;

use super::HasEvents;

/// Bad lines described in an answer; further ones are only counted.
const DESCRIBED_MAX: usize = 100;

/// What a line must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    Json,
    Text,
}

impl Lines {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if kind.trim_start().starts_with("text/plain") { Lines::Text } else { Lines::Json }
    }
}

/// What a body held.
#[derive(Debug, Default)]
pub(super) struct Ingest {
    pub events: Vec<Bytes>,
    /// 1-based line and what is wrong with it.
    pub described: Vec<(usize, String)>,
    pub bad_lines: usize,
}

impl HasEvents for Ingest {
    fn events(&self) -> &[Bytes] {
        &self.events
    }

    fn bad_lines(&self) -> usize {
        self.bad_lines
    }
}

/// Reads the lines; a bad one never drops the others.
pub(super) fn read(body: &Bytes, lines: Lines, event_bytes_max: usize) -> Ingest {
    let mut read = Ingest::default();
    for (number, line) in (1..).zip(body.split(|b| *b == b'\n')) {
        let line = line.trim_ascii_end();
        if line.trim_ascii_start().is_empty() {
            continue;
        }
        match check(line, lines, event_bytes_max) {
            Ok(()) => read.events.push(body.slice_ref(line)),
            Err(why) => {
                read.bad_lines += 1;
                if read.described.len() < DESCRIBED_MAX {
                    read.described.push((number, why));
                }
            }
        }
    }
    read
}

fn check(line: &[u8], lines: Lines, event_bytes_max: usize) -> Result<(), String> {
    if line.len() > event_bytes_max {
        return Err(format!("{} bytes; an event has at most {event_bytes_max}", line.len()));
    }
    match lines {
        Lines::Text => Ok(()),
        Lines::Json => object(line),
    }
}

/// Whether these bytes are one JSON object; else what is wrong.
pub(super) fn object(bytes: &[u8]) -> Result<(), String> {
    let value: &RawValue = serde_json::from_slice(bytes).map_err(|e| format!("no JSON: {e}"))?;
    if value.get().trim_start().starts_with('{') { Ok(()) } else { Err("JSON, but no object".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_never_drops_the_others() {
        let body = Bytes::from_static(b"{\"a\":1}\r\n\n[1]\n {\"b\": \"\xC3\xA4\"}\nnope\n{\"c\":3}");
        let read = read(&body, Lines::Json, 100);
        let events: Vec<&[u8]> = read.events.iter().map(|e| &e[..]).collect();
        assert_eq!(events, [&b"{\"a\":1}"[..], b" {\"b\": \"\xC3\xA4\"}", b"{\"c\":3}"]);
        let lines: Vec<usize> = read.described.iter().map(|(line, _)| *line).collect();
        assert_eq!((lines, read.bad_lines), (vec![3, 5], 2));
    }

    #[test]
    fn text_lines_are_taken_as_they_are() {
        let body = Bytes::from_static(b"<13>one\ntwo\nfar too long for this\n");
        let read = read(&body, Lines::Text, 10);
        assert_eq!(read.events, [&b"<13>one"[..], b"two"]);
        assert_eq!(read.bad_lines, 1);
    }
}

//! Server-Sent Events as this link speaks them, both ways: writing and an incremental reader.
//! A file of its own because the reader takes bytes from outside and is fuzzed alone. Source: HTML Living Standard §9.2.
//!
//! Limits: one event at most [`EVENT_BYTES_MAX`]; a longer one ends the stream with an error.

/// The longest event that is read: the largest warning (50 rules of 64 KiB and 5,000 indicators) in base64, and room.
pub const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What keeps an idle stream known to be alive.
pub const HEARTBEAT: &str = ": heartbeat\n\n";

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its kind; `message` where none was named.
    pub name: String,
    /// The cursor, where one was given.
    pub id: Option<String>,
    /// Its data, lines joined by `\n`.
    pub data: String,
}

/// What the reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A comment: the other side lives.
    Heartbeat,
    /// An event.
    Event(Event),
}

/// The other side sent an event beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {EVENT_BYTES_MAX} bytes")]
pub struct EventTooLong;

/// Reads a stream piece by piece.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    after_return: bool,
    event: Event,
    has_data: bool,
}

impl Event {
    /// The event as it goes over the wire. `data` must hold no line break (ours is JSON, which has none).
    pub fn text(&self) -> String {
        let id = self.id.as_ref().map(|id| format!("id: {id}\n")).unwrap_or_default();
        format!("{id}event: {}\ndata: {}\n\n", self.name, self.data)
    }
}

impl Reader {
    /// Takes the next bytes and answers what they completed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Found>, EventTooLong> {
        let mut found = Vec::new();
        for &byte in bytes {
            let second_of_pair = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            match byte {
                _ if second_of_pair => {}
                b'\n' | b'\r' => found.extend(self.end_line()),
                _ if self.line.len() + self.event.data.len() >= EVENT_BYTES_MAX => return Err(EventTooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(found)
    }

    fn end_line(&mut self) -> Option<Found> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.end_event();
        }
        if line.first() == Some(&b':') {
            return Some(Found::Heartbeat);
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event.name = value.to_owned(),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Found> {
        let mut event = std::mem::take(&mut self.event);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        if event.name.is_empty() {
            "message".clone_into(&mut event.name);
        }
        Some(Found::Event(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, data: &str) -> Event {
        Event { name: "release".to_owned(), id: Some(id.to_owned()), data: data.to_owned() }
    }

    #[test]
    fn every_way_of_cutting_the_bytes_reads_the_same() {
        let text = format!("{}{HEARTBEAT}{}", event("7", "{\"a\":1}").text(), event("8", "ä: b").text());
        let whole = Reader::default().push(text.as_bytes()).unwrap();
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0], Found::Event(event("7", "{\"a\":1}")));
        assert_eq!(whole[1], Found::Heartbeat);
        assert_eq!(whole[2], Found::Event(event("8", "ä: b")));
        for size in 1..text.len() {
            let mut reader = Reader::default();
            let found: Vec<Found> =
                text.as_bytes().chunks(size).flat_map(|piece| reader.push(piece).unwrap()).collect();
            assert_eq!(found, whole, "pieces of {size}");
        }
    }

    #[test]
    fn line_ends_of_all_three_kinds_are_read() {
        let text = "event: release\r\nid: 7\rdata: x\ndata: y\r\n\r\n";
        let found = Reader::default().push(text.as_bytes()).unwrap();
        assert_eq!(found, vec![Found::Event(event("7", "x\ny"))]);
    }

    #[test]
    fn an_event_without_data_is_none() {
        assert_eq!(Reader::default().push(b"event: release\n\n\n").unwrap(), vec![]);
    }

    #[test]
    fn a_line_without_end_is_refused_and_not_kept() {
        let mut reader = Reader::default();
        let piece = vec![b'a'; 1024 * 1024];
        let refused = (0..9).any(|_| reader.push(&piece).is_err());
        assert!(refused);
    }
}

//! Cuts a stream into events: one a line, octet-counted syslog frames, and audit messages that span lines.
//! A file of its own because the limit on a line and what happens beyond it are decided here, once.

use std::io::{self, BufRead};

/// The longest line that is read, in bytes; longer ones are reported and skipped.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// The most lines that one audit message may span.
const JOINED_LINES_MAX: usize = 2_000;

/// One cut of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// An event is in the buffer.
    Event,
    /// A line (or frame) was longer than [`LINE_BYTES_MAX`]; the buffer is empty.
    TooLong,
}

/// Reads events one after the other and counts lines.
/// Shape: `line` is the 1-based number of the first line of the event last cut.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    lines_read: u64,
    line: u64,
    /// What stood behind a frame on the same line.
    behind_frame: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Starts before the first line.
    pub fn new(source: R) -> Self {
        Self { source, lines_read: 0, line: 0, behind_frame: Vec::new() }
    }

    /// The 1-based number of the (first) line of the event last cut.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Cuts the next event into `buffer` (cleared first); blank lines are passed over. `None` at the end.
    /// Errors: reading the stream.
    pub fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<Cut>> {
        loop {
            buffer.clear();
            let cut = match self.behind_frame.is_empty() {
                true => self.read_line(buffer)?,
                false => {
                    buffer.append(&mut self.behind_frame);
                    Some(Cut::Event)
                }
            };
            let Some(cut) = cut else { return Ok(None) };
            self.line = self.lines_read;
            if cut == Cut::TooLong {
                return Ok(Some(cut));
            }
            if let Some(length) = octet_count(buffer) {
                self.fill_frame(buffer, length)?;
            } else if opens_audit(buffer) {
                self.join_audit(buffer)?;
            }
            if !buffer.trim_ascii().is_empty() {
                return Ok(Some(Cut::Event));
            }
        }
    }

    /// One line without its end; a too long one is read to its end and dropped.
    fn read_line(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<Cut>> {
        let start = buffer.len();
        let mut too_long = false;
        let mut seen = false;
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            seen = true;
            let end = memchr::memchr2(b'\n', 0, available);
            let taken = end.unwrap_or(available.len());
            if buffer.len() - start + taken > LINE_BYTES_MAX {
                too_long = true;
                buffer.truncate(start);
            }
            if !too_long {
                buffer.extend_from_slice(available.get(..taken).unwrap_or(&[]));
            }
            self.source.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                break;
            }
        }
        if !seen {
            return Ok(None);
        }
        self.lines_read += 1;
        if buffer.last() == Some(&b'\r') {
            buffer.pop();
        }
        Ok(Some(if too_long { Cut::TooLong } else { Cut::Event }))
    }

    /// An octet-counted frame that goes on behind this line end (RFC 6587 §3.4.1).
    fn fill_frame(&mut self, buffer: &mut Vec<u8>, length: usize) -> io::Result<()> {
        for _ in 0..JOINED_LINES_MAX {
            // the last byte of a frame is often the line end itself
            if buffer.len() + 1 >= length || buffer.len() >= LINE_BYTES_MAX {
                break;
            }
            buffer.push(b'\n');
            if !matches!(self.read_line(buffer)?, Some(Cut::Event)) {
                break;
            }
        }
        if buffer.len() > length && buffer.get(length).is_some_and(u8::is_ascii_digit) {
            self.behind_frame = buffer.split_off(length);
        }
        Ok(())
    }

    /// An audit message whose XML was pretty-printed.
    fn join_audit(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut seen = 0;
        for _ in 0..JOINED_LINES_MAX {
            if closes_audit(buffer.get(seen..).unwrap_or(&[])) || buffer.len() >= LINE_BYTES_MAX {
                return Ok(());
            }
            seen = buffer.len();
            buffer.push(b'\n');
            if !matches!(self.read_line(buffer)?, Some(Cut::Event)) {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Whether `</AuditMessage>`, `</ns:AuditMessage>` or `<AuditMessage/>` is in the text.
fn closes_audit(text: &[u8]) -> bool {
    memchr::memmem::find_iter(text, b"AuditMessage").any(|at| {
        let before = text.get(..at).unwrap_or(&[]);
        let tag = before.iter().rposition(|b| *b == b'<').and_then(|open| before.get(open + 1..));
        let behind = text.get(at + b"AuditMessage".len()..).unwrap_or(&[]);
        tag.is_some_and(|tag| tag.first() == Some(&b'/')) || behind.starts_with(b"/>")
    })
}

/// Strips `LEN SP` in front of a `<PRI>` and returns how many bytes the frame has.
fn octet_count(buffer: &mut Vec<u8>) -> Option<usize> {
    let digits = buffer.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=7).contains(&digits) || buffer.get(digits..digits + 2) != Some(b" <") {
        return None;
    }
    let length: usize = std::str::from_utf8(buffer.get(..digits)?).ok()?.parse().ok()?;
    let is_priority = buffer.get(digits + 2).is_some_and(u8::is_ascii_digit);
    (is_priority && length <= LINE_BYTES_MAX).then(|| {
        buffer.drain(..=digits);
        length
    })
}

/// Whether an audit message begins on this line and does not end on it.
fn opens_audit(buffer: &[u8]) -> bool {
    let begins = memchr::memmem::find(buffer, b"<AuditMessage").is_some()
        || (memchr::memmem::find(buffer, b"<?xml").is_some() && memchr::memmem::find(buffer, b"RFC-3881").is_some());
    let first = buffer.trim_ascii_start();
    (begins && first.first() != Some(&b'{')) || first.starts_with(b"<?xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(bytes: &[u8]) -> Vec<(u64, String)> {
        let mut lines = Lines::new(io::BufReader::with_capacity(16, bytes));
        let (mut buffer, mut found) = (Vec::new(), Vec::new());
        while let Some(cut) = lines.next(&mut buffer).unwrap() {
            let text = String::from_utf8_lossy(&buffer).into_owned();
            found.push((lines.line(), if cut == Cut::TooLong { "too long".into() } else { text }));
        }
        found
    }

    #[test]
    fn lines_keep_their_numbers() {
        assert_eq!(events(b"a\r\n\n  \nb\nc"), [(1, "a".into()), (4, "b".into()), (5, "c".into())]);
        assert!(events(b"").is_empty());
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_whole() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX + 1];
        bytes.extend(b"\nnext\n");
        assert_eq!(events(&bytes), [(1, "too long".into()), (2, "next".into())]);
    }

    #[test]
    fn frames_and_audit_messages_span_lines() {
        assert_eq!(events(b"9 <13>a: b\nx\n"), [(1, "<13>a: b".into()), (2, "x".into())]);
        assert_eq!(events(b"10 <13>a:\n b\nx"), [(1, "<13>a:\n b".into()), (3, "x".into())]);
        assert_eq!(events(b"8 <13>a: b8 <13>c: d"), [(1, "<13>a: b".into()), (1, "<13>c: d".into())]);
        let audit = "<85>1 - - - - IHE+RFC-3881 - <?xml version=\"1.0\"?>\n<AuditMessage>\n</AuditMessage>\nnext";
        assert_eq!(events(audit.as_bytes()).len(), 2);
        assert_eq!(events(audit.as_bytes())[1], (4, "next".into()));
    }
}

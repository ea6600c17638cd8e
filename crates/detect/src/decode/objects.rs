//! Cuts JSON objects out of a stream whatever the line breaks: pretty-printed files, arrays, objects back to back.
//! A file of its own because JSON lines are cut by line ends (`lines`), and these cannot be.

use std::io::{self, BufRead};

use super::lines::Cut;
use crate::event::EVENT_BYTES_MAX;

/// Reads objects one after the other. Shape: `line` is the 1-based line of the object's opening brace; brackets, commas
/// and anything else between objects are passed over.
#[derive(Debug)]
pub struct Objects<R> {
    source: R,
    lines_read: u64,
    line: u64,
}

/// Where the reader is inside an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Inside,
    Text,
    Escape,
}

impl<R: BufRead> Objects<R> {
    /// Starts before the first object.
    pub fn new(source: R) -> Self {
        Self { source, lines_read: 1, line: 0 }
    }

    /// The 1-based line on which the object last cut begins.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Cuts the next object into `buffer` (cleared first). `None` at the end; an object that the end tears is given as it is.
    /// Errors: reading the stream.
    pub fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<Cut>> {
        buffer.clear();
        let (mut state, mut depth, mut too_long) = (State::Outside, 0_usize, false);
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                let torn = (!buffer.is_empty()).then_some(Cut::Event);
                return Ok(if too_long { Some(Cut::TooLong) } else { torn });
            }
            let mut taken = 0;
            let mut done = false;
            for byte in available {
                taken += 1;
                self.lines_read += u64::from(*byte == b'\n');
                let before = state;
                (state, depth) = step(state, depth, *byte);
                if state == State::Outside && before == State::Outside {
                    continue;
                }
                if before == State::Outside {
                    self.line = self.lines_read;
                }
                if buffer.len() < EVENT_BYTES_MAX {
                    buffer.push(*byte);
                } else {
                    too_long = true;
                }
                if state == State::Outside {
                    done = true;
                    break;
                }
            }
            self.source.consume(taken);
            if done {
                if too_long {
                    buffer.clear();
                }
                return Ok(Some(if too_long { Cut::TooLong } else { Cut::Event }));
            }
        }
    }
}

fn step(state: State, depth: usize, byte: u8) -> (State, usize) {
    match (state, byte) {
        (State::Outside, b'{') => (State::Inside, 1),
        (State::Inside, b'{') => (State::Inside, depth + 1),
        (State::Inside, b'}') if depth <= 1 => (State::Outside, 0),
        (State::Inside, b'}') => (State::Inside, depth - 1),
        (State::Inside, b'"') => (State::Text, depth),
        (State::Text, b'\\') => (State::Escape, depth),
        (State::Text, b'"') => (State::Inside, depth),
        (State::Escape, _) => (State::Text, depth),
        (other, _) => (other, depth),
    }
}

/// Whether a file's head shows JSON that is not one object a line: an array, or an object that the first line leaves open.
pub fn spans_lines(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head.first() {
        Some(b'[') => head.get(1..).unwrap_or(&[]).trim_ascii_start().starts_with(b"{"),
        Some(b'{') => {
            let Some(end) = memchr::memchr(b'\n', head) else { return false };
            let (mut state, mut depth) = (State::Outside, 0);
            for byte in head.get(..end).unwrap_or(&[]) {
                (state, depth) = step(state, depth, *byte);
            }
            state != State::Outside
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> Vec<(u64, String)> {
        let mut objects = Objects::new(io::BufReader::with_capacity(7, text.as_bytes()));
        let (mut buffer, mut found) = (Vec::new(), Vec::new());
        while objects.next(&mut buffer).unwrap().is_some() {
            found.push((objects.line(), String::from_utf8_lossy(&buffer).into_owned()));
        }
        found
    }

    #[test]
    fn pretty_printed_arrays_and_torn_ends() {
        let pretty = "[\n  {\n    \"a\": \"}\\\"{\",\n    \"b\": {}\n  },\n  {\"c\": 1}{\"d\":2}\n]\n";
        assert!(spans_lines(pretty.as_bytes()));
        let found = objects(pretty);
        assert_eq!(found[0], (2, "{\n    \"a\": \"}\\\"{\",\n    \"b\": {}\n  }".into()));
        assert_eq!(found[1..], [(6, "{\"c\": 1}".into()), (6, "{\"d\":2}".into())]);
        assert_eq!(objects("{\"a\":1"), [(1, "{\"a\":1".into())]);
        assert!(objects(" \n[ , ]").is_empty());
    }

    #[test]
    fn json_lines_are_not_theirs() {
        let check = |head: &str, spans: bool| assert_eq!(spans_lines(head.as_bytes()), spans, "{head}");
        check("{\"a\":1}\n{\"a\":2}\n", false);
        check("{\n\"a\":1}", true);
        check("[{\"a\":1}]", true);
        check("[root]: ls\n", false);
        check("", false);
        check("{\"a\":", false);
    }
}

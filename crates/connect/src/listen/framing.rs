//! Where one message ends and the next begins in a syslog byte stream, decided
//! message by message: a length in front (RFC 6587 §3.4.1, RFC 5425 §4.3), a line
//! feed, a NUL, or nothing at all until the sender falls silent.
//!
//! Sans-I/O: bytes go in as they come, split anywhere; messages come out. A file
//! of its own because this must be right for every sender there is, and can only
//! be proved without sockets.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

use super::reason;

#[cfg(test)]
mod tests;

/// Digits that are still looked at as a length: enough to recognise a length of
/// gigabytes for what it is.
const LENGTH_DIGITS_MAX: usize = 10;
const AUDIT_START: &[u8] = b"<AuditMessage";
const AUDIT_END: &[u8] = b"</AuditMessage>";

/// What comes out of a [`Framer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// A whole message, without its frame.
    Message(Bytes),
    /// The start of a message that was longer than the limit, or whose sender
    /// went away in the middle: to be stored, and counted as cut.
    Cut(Bytes),
    /// Bytes that are no message: to be counted under this reason.
    Refused {
        /// One of the words in `reason`.
        reason: &'static str,
        /// How many bytes.
        bytes: u64,
    },
}

/// Why the caller flushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing came for a while, but it may go on.
    Idle,
    /// Nothing can come any more.
    Closed,
}

/// Splits one stream into messages.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    message_bytes_max: usize,
    /// No terminator stands before this place of the buffer.
    looked_at: usize,
    /// The stream has ended a message by LF, NUL or length before: silence alone
    /// ends none.
    ends_messages: bool,
    /// The last message had a length: what follows must be a new message.
    after_length: bool,
    /// The rest of an overlong message is being dropped; so many bytes so far.
    dropping: Option<(&'static str, u64)>,
}

/// What the start of the buffer is, as to a length.
#[derive(Debug, PartialEq, Eq)]
enum Prefix {
    None,
    Undecided,
    /// The length and how many bytes it and its space take.
    Length(u64, usize),
}

impl Framer {
    /// A framer for a new stream; a message has at most so many bytes.
    pub fn new(message_bytes_max: usize) -> Self {
        Framer {
            buffer: BytesMut::new(),
            message_bytes_max,
            looked_at: 0,
            ends_messages: false,
            after_length: false,
            dropping: None,
        }
    }

    /// Takes bytes as they were read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait for more.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The next message, `None` when more bytes are needed.
    pub fn next_message(&mut self) -> Option<Framed> {
        if self.dropping.is_some()
            && let Some(refused) = self.drop_on()
        {
            return Some(refused);
        }
        if self.dropping.is_some() {
            return None;
        }
        self.skip_separators();
        match prefix(&self.buffer) {
            _ if self.buffer.is_empty() => None,
            Prefix::Undecided => None,
            Prefix::Length(length, start) if length > self.message_bytes_max as u64 => {
                self.buffer.advance(start);
                self.after_length = false;
                Some(refused(reason::LENGTH_PREFIX, start))
            }
            Prefix::Length(length, start) => self.counted(length as usize, start),
            Prefix::None if self.after_length => match starts_message(&self.buffer) {
                Some(true) => self.terminated(),
                Some(false) => {
                    self.dropping = Some((reason::LENGTH_MISMATCH, 0));
                    self.drop_on()
                }
                None => None,
            },
            Prefix::None => self.terminated(),
        }
    }

    /// What a silent or closed stream leaves: a message that nothing ended. An
    /// idle stream that has ended messages before keeps its unfinished one.
    pub fn flush(&mut self, quiet: Quiet) -> Option<Framed> {
        let line = memchr::memchr2(b'\n', 0, &self.buffer);
        let may_go_on = (self.ends_messages && line.is_none()) || prefix(&self.buffer) != Prefix::None;
        if quiet == Quiet::Idle && may_go_on {
            return None;
        }
        if let Some((reason, bytes)) = self.dropping.take() {
            let rest = self.take_all().len() as u64;
            return Some(Framed::Refused { reason, bytes: bytes + rest });
        }
        self.skip_separators();
        if self.buffer.is_empty() {
            return None;
        }
        if let Prefix::Length(_, start) = prefix(&self.buffer) {
            self.buffer.advance(start);
            return Some(Framed::Cut(self.take_all()));
        }
        if self.after_length && starts_message(&self.buffer) != Some(true) {
            let bytes = self.take_all().len();
            return Some(refused(reason::LENGTH_MISMATCH, bytes));
        }
        let whole = self.buffer.len();
        let end = memchr::memchr2(b'\n', 0, &self.buffer).or(glued_message(&self.buffer));
        let message = self.take(end.unwrap_or(whole));
        Some(checked(without_terminator(message)))
    }

    fn take_all(&mut self) -> Bytes {
        self.take(self.buffer.len())
    }

    fn take(&mut self, len: usize) -> Bytes {
        self.looked_at = 0;
        self.buffer.split_to(len).freeze()
    }

    /// Between messages line ends and NULs carry nothing.
    fn skip_separators(&mut self) {
        let blank = self.buffer.iter().take_while(|b| matches!(b, b'\n' | b'\r' | 0)).count();
        if blank > 0 {
            self.buffer.advance(blank);
            self.looked_at = 0;
        }
    }

    /// A message with its length in front.
    fn counted(&mut self, length: usize, start: usize) -> Option<Framed> {
        let body = self.buffer.get(start..)?;
        let whole = body.get(..length)?;
        let is_open = is_open_audit(whole);
        let length = if is_open {
            self.end_of_audit(start, length)?
        } else if starts_message(body.get(length..)?) != Some(false) {
            length
        } else {
            // More follows, and it is no new message: perhaps the sender counted
            // characters. Believe it if a message starts where that leads.
            match bytes_of_characters(body, length) {
                Some(end) if starts_message(body.get(end..)?) != Some(false) => end,
                _ => length,
            }
        };
        self.buffer.advance(start);
        self.ends_messages = true;
        self.after_length = true;
        let message = without_terminator(self.take(length));
        Some(Framed::Message(message))
    }

    /// The end of an audit message whose length was counted in characters; the
    /// stated length when that does not come within reach.
    fn end_of_audit(&self, start: usize, length: usize) -> Option<usize> {
        let body = self.buffer.get(start..)?;
        // A character has at most three bytes for each UTF-16 unit.
        let reach = length.saturating_mul(3).min(self.message_bytes_max);
        let within = body.get(..reach.min(body.len()))?;
        match memmem::find(within, AUDIT_END) {
            Some(at) => Some(at + AUDIT_END.len()),
            None if body.len() < reach && starts_message(body.get(length..)?) != Some(true) => None,
            None => Some(length),
        }
    }

    /// A message that a line feed or a NUL ends.
    fn terminated(&mut self) -> Option<Framed> {
        let from = self.looked_at.min(self.buffer.len());
        let end = match memchr::memchr2(b'\n', 0, self.buffer.get(from..)?) {
            Some(at) => self.end_of_text(from + at),
            None => {
                self.looked_at = self.buffer.len();
                End::Unknown
            }
        };
        match end {
            End::At(end) if end <= self.message_bytes_max => {
                self.ends_messages = true;
                self.after_length = false;
                let message = self.take(end);
                Some(checked(without_terminator(message)))
            }
            _ if self.buffer.len() > self.message_bytes_max => {
                self.dropping = Some((reason::TOO_LONG, 0));
                Some(Framed::Cut(self.take(self.message_bytes_max)))
            }
            End::At(_) | End::Unknown => None,
        }
    }

    /// Whether a terminator at `at` ends the message: an audit message goes on
    /// over line feeds up to its last tag, but never over the start of another.
    fn end_of_text(&self, at: usize) -> End {
        let Some(line) = self.buffer.get(..at) else { return End::Unknown };
        let is_xml = line.first() == Some(&b'<') && (is_open_audit(line) || line.ends_with(b"?>"));
        if self.buffer.get(at) == Some(&0) || !is_xml {
            return End::At(at);
        }
        let rest = self.buffer.get(at..).unwrap_or_default();
        let end = memmem::find(rest, AUDIT_END).map(|e| at + e + AUDIT_END.len());
        let next =
            memmem::find_iter(rest, b"\n<").find(|n| rest.get(n + 2).is_some_and(u8::is_ascii_digit)).map(|n| at + n);
        match (end, next) {
            (Some(end), Some(next)) if next < end => End::At(at),
            (Some(end), _) => End::At(end),
            (None, Some(_)) => End::At(at),
            (None, None) if rest.len() + at > self.message_bytes_max => End::At(at),
            (None, None) => End::Unknown,
        }
    }

    /// Drops bytes up to a place where a message may start.
    fn drop_on(&mut self) -> Option<Framed> {
        let (reason, so_far) = self.dropping?;
        match resync(&self.buffer) {
            Some(at) => {
                self.buffer.advance(at);
                self.looked_at = 0;
                self.dropping = None;
                self.after_length = false;
                Some(Framed::Refused { reason, bytes: so_far + at as u64 })
            }
            None => {
                // Keep what may be the start of a length.
                let keep = self.buffer.len().min(LENGTH_DIGITS_MAX + 2);
                let dropped = self.buffer.len() - keep;
                self.buffer.advance(dropped);
                self.looked_at = 0;
                self.dropping = Some((reason, so_far + dropped as u64));
                None
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    At(usize),
    Unknown,
}

fn refused(reason: &'static str, bytes: usize) -> Framed {
    Framed::Refused { reason, bytes: bytes as u64 }
}

/// A length is digits, a space and the `<` of the message's priority; a line of
/// text that merely starts with a number is none.
fn prefix(buffer: &[u8]) -> Prefix {
    let digits = buffer.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || digits > LENGTH_DIGITS_MAX || buffer.first() == Some(&b'0') {
        return Prefix::None;
    }
    match (buffer.get(digits), buffer.get(digits + 1)) {
        (None, _) | (Some(b' '), None) => Prefix::Undecided,
        (Some(b' '), Some(b'<')) => {
            let text = buffer.get(..digits).and_then(|d| std::str::from_utf8(d).ok());
            match text.and_then(|t| t.parse().ok()) {
                Some(length) => Prefix::Length(length, digits + 1),
                None => Prefix::None,
            }
        }
        _ => Prefix::None,
    }
}

/// Whether a message starts here: a length, a priority, or a line end before
/// one. `None` when there are too few bytes to tell.
fn starts_message(buffer: &[u8]) -> Option<bool> {
    match (buffer.first()?, buffer.get(1)) {
        (b'\n' | b'\r' | 0, _) => Some(true),
        (b'<', None) => None,
        (b'<', Some(next)) => Some(next.is_ascii_digit()),
        _ => match prefix(buffer) {
            Prefix::None => Some(false),
            Prefix::Undecided => None,
            Prefix::Length(..) => Some(true),
        },
    }
}

/// Where dropping may stop: after a line end, or before a length and its message.
fn resync(buffer: &[u8]) -> Option<usize> {
    let line = memchr::memchr2(b'\n', 0, buffer);
    let within = buffer.get(..line.unwrap_or(buffer.len()))?;
    let length = memmem::find_iter(within, b" <").find_map(|space| {
        let has_priority = within.get(space + 2).is_some_and(u8::is_ascii_digit);
        let digits =
            within.get(..space)?.iter().rev().take(LENGTH_DIGITS_MAX).take_while(|b| b.is_ascii_digit()).count();
        (has_priority && digits > 0).then_some(space - digits)
    });
    length.or(line.map(|l| l + 1))
}

fn is_open_audit(message: &[u8]) -> bool {
    memmem::find(message, AUDIT_START).is_some() && memmem::find(message, AUDIT_END).is_none()
}

/// How many bytes hold `units` characters as JavaScript counts them.
fn bytes_of_characters(body: &[u8], units: usize) -> Option<usize> {
    let mut left = units;
    let mut at = 0;
    while left > 0 {
        let (bytes, taken) = match body.get(at)? {
            0x00..=0x7F => (1, 1),
            0xC0..=0xDF => (2, 1),
            0xE0..=0xEF => (3, 1),
            0xF0..=0xF7 => (4, 2),
            _ => return None,
        };
        at += bytes;
        left = left.checked_sub(taken)?;
    }
    (at <= body.len()).then_some(at)
}

/// rsyslog counts the line feed into the length; other carriers take it off.
/// One terminator is taken off, so that a record is the same however it came.
fn without_terminator(mut message: Bytes) -> Bytes {
    let mut len = message.len();
    if matches!(message.last(), Some(b'\n' | 0)) {
        len -= 1;
    }
    if message.get(..len).is_some_and(|m| m.ends_with(b"\r")) {
        len -= 1;
    }
    message.truncate(len);
    message
}

/// A datagram is one message whatever it holds.
pub(super) fn datagram(bytes: &[u8]) -> Option<Framed> {
    let message = without_terminator(Bytes::copy_from_slice(bytes));
    (!message.is_empty()).then(|| checked(message))
}

/// Refuses what is no text: a TLS or other binary handshake on a plain port.
fn checked(message: Bytes) -> Framed {
    const LOOKED_AT: usize = 32;
    let head = message.get(..message.len().min(LOOKED_AT)).unwrap_or_default();
    if head.starts_with(&[0x16, 0x03]) {
        return refused(reason::TLS_ON_PLAIN, message.len());
    }
    let is_text = |b: &u8| !b.is_ascii_control() || matches!(b, b'\t' | b'\n' | b'\r' | 0x1B);
    if head.first() != Some(&b'<') && !head.iter().all(is_text) {
        return refused(reason::GARBAGE, message.len());
    }
    Framed::Message(message)
}

/// Where, in bytes that nothing terminated, a second RFC 5424 message starts:
/// `<PRI>1 ` and a year, after the first.
fn glued_message(buffer: &[u8]) -> Option<usize> {
    memmem::find_iter(buffer, b">1 ").find_map(|at| {
        let digits = buffer.get(..at)?.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let start = at.checked_sub(digits + 1)?;
        let has_year = buffer.get(at + 3..at + 7)?.iter().all(u8::is_ascii_digit);
        let is_start = start > 0 && (1..=3).contains(&digits) && buffer.get(start) == Some(&b'<');
        (is_start && has_year).then_some(start)
    })
}

//! JSON lines: a safe scalar scanner that validates the text once and records where keys and values are.
//! A file of its own because nothing else reads JSON events; no value is parsed, copied or unescaped here unless asked for.
//! Lenient in one point: raw control characters inside strings are accepted, since senders write them and a lost line is worse.

use crate::event::{DEPTH_MAX, EVENT_BYTES_MAX, Entry, EntryKind, FIELDS_MAX, KeyForm, ScalarKind, Span, hash_key};

/// What is wrong with a JSON event, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct JsonError {
    /// Offset from the start of the JSON text.
    pub offset: usize,
    /// What the scanner expected or refused.
    pub what: &'static str,
}

/// Records the members of the JSON object that `text` is. Errors: anything that is not exactly one object within the limits.
/// Shape: `memory` is emptied and given back filled.
pub(crate) fn scan(text: &str, mut memory: Vec<Entry>) -> Result<Vec<Entry>, JsonError> {
    memory.clear();
    if text.len() > EVENT_BYTES_MAX {
        return Err(JsonError { offset: EVENT_BYTES_MAX, what: "event larger than the limit" });
    }
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, entries: memory };
    scan.space();
    scan.recorded_object(0)?;
    scan.space();
    if scan.at < scan.bytes.len() {
        return Err(scan.error("text after the object"));
    }
    Ok(scan.entries)
}

/// Calls `see` with each member of an array that is a scalar; nested arrays are flattened, objects are skipped.
pub(crate) fn each_member(text: &str, array: Span, see: &mut dyn FnMut(Span, ScalarKind)) {
    let mut scan = Scan::at(text, array);
    // The span was validated when the event was scanned, so an error cannot happen; nothing is seen twice if it did.
    let _ = scan.members(0, &mut |part| {
        if let Part::Scalar(span, kind) = part {
            see(span, kind);
        }
    });
}

/// Calls `see` with every scalar inside an array, at any depth, keys excluded.
pub(crate) fn each_scalar(text: &str, array: Span, see: &mut dyn FnMut(Span, ScalarKind)) {
    each_member(text, array, see);
    for entries in objects_of(text, array) {
        for entry in entries {
            match entry.kind {
                EntryKind::Scalar(kind) => see(entry.value, kind),
                EntryKind::Array => each_scalar(text, entry.value, see),
                EntryKind::Object => {}
            }
        }
    }
}

/// The objects that are members of an array, each as its list of entries.
pub(crate) fn objects_of(text: &str, array: Span) -> Vec<Vec<Entry>> {
    let mut objects = Vec::new();
    let mut scan = Scan::at(text, array);
    let _ = scan.members(0, &mut |part| {
        if let Part::Object(span) = part {
            let mut inner = Scan::at(text, span);
            if inner.recorded_object(0).is_ok() {
                objects.push(inner.entries);
            }
        }
    });
    objects
}

/// Resolves JSON escapes. Shape: a lone surrogate becomes U+FFFD; the text was validated before.
pub fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        if rest.as_bytes().get(at + 1) == Some(&b'u') {
            // Surrogates may take two escapes, so what follows is read character by character.
            unescape_into(&rest[at..], &mut |c| out.push(c));
            return out;
        }
        out.push(short_escape(rest.as_bytes().get(at + 1).copied()));
        rest = rest.get(at + 2..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// What a one-letter escape stands for. Shape: the text was validated, so anything else stands for itself.
pub(crate) fn short_escape(letter: Option<u8>) -> char {
    match letter {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(other) => char::from(other),
        None => '\\',
    }
}

/// Resolves JSON escapes character by character.
pub(crate) fn unescape_into(raw: &str, push: &mut dyn FnMut(char)) {
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            push(c);
            continue;
        }
        match rest.next() {
            Some('n') => push('\n'),
            Some('t') => push('\t'),
            Some('r') => push('\r'),
            Some('b') => push('\u{8}'),
            Some('f') => push('\u{c}'),
            Some('u') => push(unicode_escape(&mut rest)),
            Some(other) => push(other),
            None => push('\\'),
        }
    }
}

fn unicode_escape(rest: &mut std::str::Chars<'_>) -> char {
    let high = four_digits(rest);
    if !(0xD800..0xDC00).contains(&high) {
        return char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = rest.clone();
    if ahead.next() == Some('\\') && ahead.next() == Some('u') {
        let low = four_digits(&mut ahead);
        if (0xDC00..0xE000).contains(&low) {
            *rest = ahead;
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
    }
    char::REPLACEMENT_CHARACTER
}

fn four_digits(rest: &mut std::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |code, _| code * 16 + rest.next().and_then(|c| c.to_digit(16)).unwrap_or(0))
}

enum Part {
    Scalar(Span, ScalarKind),
    Object(Span),
}

struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    entries: Vec<Entry>,
}

impl<'t> Scan<'t> {
    fn at(text: &'t str, span: Span) -> Self {
        Self { bytes: text.as_bytes(), at: span.start as usize, entries: Vec::new() }
    }

    fn error(&self, what: &'static str) -> JsonError {
        JsonError { offset: self.at, what }
    }

    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if self.peek() != byte {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { start: start as u32, len: (end - start) as u32 }
    }

    fn recorded_object(&mut self, depth: usize) -> Result<(), JsonError> {
        self.open(depth, b'{', "expected an object")?;
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            self.recorded_member(depth)?;
            if self.closes(b'}') {
                return Ok(());
            }
            self.expect(b',', "expected ',' or '}'")?;
            self.space();
        }
    }

    fn recorded_member(&mut self, depth: usize) -> Result<(), JsonError> {
        let (key, escapes) = self.string()?;
        self.space();
        self.expect(b':', "expected ':'")?;
        self.space();
        if self.entries.len() >= FIELDS_MAX {
            return Err(self.error("more fields than the limit"));
        }
        let index = self.entries.len();
        self.entries.push(self.entry(key, escapes));
        let start = self.at;
        let kind = match self.peek() {
            b'{' => {
                self.recorded_object(depth + 1)?;
                EntryKind::Object
            }
            b'[' => {
                self.members(depth + 1, &mut |_| {})?;
                EntryKind::Array
            }
            _ => {
                let (span, kind) = self.scalar()?;
                self.entries[index].value = span;
                self.entries[index].kind = EntryKind::Scalar(kind);
                return Ok(());
            }
        };
        let members = (self.entries.len() - index - 1) as u32;
        let value = self.span(start, self.at);
        let entry = &mut self.entries[index];
        (entry.kind, entry.value, entry.members) = (kind, value, members);
        Ok(())
    }

    fn entry(&self, key: Span, escapes: KeyForm) -> Entry {
        let raw = &self.bytes[key.start as usize..(key.start + key.len) as usize];
        let hash = match escapes {
            KeyForm::Plain => hash_key(raw),
            KeyForm::Escaped => hash_key(unescape(&String::from_utf8_lossy(raw)).as_bytes()),
        };
        let value = Span { start: 0, len: 0 };
        Entry { hash, key, value, members: 0, kind: EntryKind::Object, key_escaped: escapes }
    }

    fn skip_object(&mut self, depth: usize) -> Result<(), JsonError> {
        self.open(depth, b'{', "expected an object")?;
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            self.string()?;
            self.space();
            self.expect(b':', "expected ':'")?;
            self.space();
            match self.peek() {
                b'{' => self.skip_object(depth + 1)?,
                b'[' => self.members(depth + 1, &mut |_| {})?,
                _ => {
                    self.scalar()?;
                }
            }
            if self.closes(b'}') {
                return Ok(());
            }
            self.expect(b',', "expected ',' or '}'")?;
            self.space();
        }
    }

    fn members(&mut self, depth: usize, see: &mut dyn FnMut(Part)) -> Result<(), JsonError> {
        self.open(depth, b'[', "expected an array")?;
        if self.closes(b']') {
            return Ok(());
        }
        loop {
            match self.peek() {
                b'{' => {
                    let start = self.at;
                    self.skip_object(depth + 1)?;
                    see(Part::Object(self.span(start, self.at)));
                }
                b'[' => self.members(depth + 1, see)?,
                _ => {
                    let (span, kind) = self.scalar()?;
                    see(Part::Scalar(span, kind));
                }
            }
            if self.closes(b']') {
                return Ok(());
            }
            self.expect(b',', "expected ',' or ']'")?;
            self.space();
        }
    }

    fn open(&mut self, depth: usize, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if depth >= DEPTH_MAX {
            return Err(self.error("nested deeper than the limit"));
        }
        self.expect(byte, what)?;
        self.space();
        Ok(())
    }

    fn closes(&mut self, byte: u8) -> bool {
        self.space();
        let closes = self.peek() == byte;
        self.at += usize::from(closes);
        closes
    }

    fn scalar(&mut self) -> Result<(Span, ScalarKind), JsonError> {
        match self.peek() {
            b'"' => {
                let (span, escapes) = self.string()?;
                let kind = match escapes {
                    KeyForm::Plain => ScalarKind::Text,
                    KeyForm::Escaped => ScalarKind::EscapedText,
                };
                Ok((span, kind))
            }
            b't' => self.word("true", ScalarKind::Bool),
            b'f' => self.word("false", ScalarKind::Bool),
            b'n' => self.word("null", ScalarKind::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &'static str, kind: ScalarKind) -> Result<(Span, ScalarKind), JsonError> {
        let start = self.at;
        let end = start + word.len();
        if self.bytes.get(start..end) != Some(word.as_bytes()) {
            return Err(self.error("expected a value"));
        }
        self.at = end;
        Ok((self.span(start, end), kind))
    }

    fn number(&mut self) -> Result<(Span, ScalarKind), JsonError> {
        let start = self.at;
        self.at += usize::from(self.peek() == b'-');
        if self.peek() == b'0' {
            self.at += 1;
            if self.peek().is_ascii_digit() {
                return Err(self.error("number with a leading zero"));
            }
        } else {
            self.digits("expected a value")?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits("expected a digit")?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            self.digits("expected a digit")?;
        }
        Ok((self.span(start, self.at), ScalarKind::Number))
    }

    fn digits(&mut self, what: &'static str) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err(self.error(what)) } else { Ok(()) }
    }

    /// The range between the quotes, and whether escapes are in it.
    fn string(&mut self) -> Result<(Span, KeyForm), JsonError> {
        self.expect(b'"', "expected '\"'")?;
        let start = self.at;
        let mut form = KeyForm::Plain;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or(&[]);
            let Some(step) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = self.bytes.len();
                return Err(self.error("string without an end"));
            };
            self.at += step;
            if self.peek() == b'"' {
                let span = self.span(start, self.at);
                self.at += 1;
                return Ok((span, form));
            }
            form = KeyForm::Escaped;
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let code = self.bytes.get(self.at + 1).copied().unwrap_or(0);
        match code {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let digits = self.bytes.get(self.at + 2..self.at + 6).unwrap_or(&[]);
                if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(self.error("\\u without four hexadecimal digits"));
                }
                self.at += 6;
            }
            _ => return Err(self.error("unknown escape")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{DEPTH_MAX, Event};

    fn texts(json: &str, path: &str) -> Vec<String> {
        Event::from_json(json.as_bytes()).unwrap().texts(path)
    }

    #[test]
    fn reads_flat_nested_dotted_and_array_fields() {
        let json = r#"{"a":"x","id.orig_h":"10.0.0.1","w":{"e.d":{"Cmd":"c \"q\" \u00e4 \ud83d\ude00"}},
            "list":["p",1,[true,null]],"objs":[{"k":"1"},{"k":"2","z":{"y":"3"}}],"a":"second","empty":[],"o":{}}"#;
        assert_eq!(texts(json, "a"), ["x", "second"]);
        assert_eq!(texts(json, "id.orig_h"), ["10.0.0.1"]);
        assert_eq!(texts(json, "w.e.d.Cmd"), ["c \"q\" ä 😀"]);
        assert_eq!(texts(json, "list"), ["p", "1", "true", ""]);
        assert_eq!(texts(json, "objs.k"), ["1", "2"]);
        assert_eq!(texts(json, "objs.z.y"), ["3"]);
        assert_eq!(texts(json, "empty"), [""]);
        assert_eq!(texts(json, "o"), [""]);
        assert!(texts(json, "missing").is_empty());
    }

    #[test]
    fn an_escaped_key_is_the_same_key() {
        assert_eq!(texts(r#"{"Comm\u0061ndLine":"x"}"#, "CommandLine"), ["x"]);
    }

    #[test]
    fn malformed_text_names_its_byte() {
        let check = |json: &str, offset: usize| {
            assert_eq!(Event::from_json(json.as_bytes()).unwrap_err().offset, offset, "{json}");
        };
        check("", 0);
        check("[1]", 0);
        check(r#"{"a":1"#, 6);
        check(r#"{"a":1,}"#, 7);
        check(r#"{"a" 1}"#, 5);
        check(r#"{"a":tru}"#, 5);
        check(r#"{"a":01}"#, 6);
        check(r#"{"a":"\q"}"#, 6);
        check(r#"{"a":"\u12"}"#, 6);
        check(r#"{"a":"x}"#, 8);
        check(r#"{"a":1} x"#, 8);
        check(r#"{"a":1.}"#, 7);
    }

    #[test]
    fn nesting_has_a_limit() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert!(Event::from_json(deep.as_bytes()).is_err());
        let fine = format!("{{\"a\":{}1{}}}", "[".repeat(DEPTH_MAX - 2), "]".repeat(DEPTH_MAX - 2));
        assert_eq!(texts(&fine, "a"), ["1"]);
    }

    #[test]
    fn agrees_with_a_full_parser_about_validity() {
        for json in [
            r#"{"a":-0.5e+3}"#,
            r#"{"a":[{},{"b":[]}]}"#,
            "{ }",
            r#"{"":""}"#,
            r#"{"a":00}"#,
            r#"{"a":+1}"#,
            r#"{"a":{"b":}}"#,
            "{\"a\":nul}",
        ] {
            let full = serde_json::from_str::<serde_json::Value>(json).is_ok();
            assert_eq!(Event::from_json(json.as_bytes()).is_ok(), full, "{json}");
        }
    }
}

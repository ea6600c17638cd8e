//! A small reader over a text line: take while, skip, until. All text decoders walk lines with it, so that none
//! of them indexes into outside bytes.

/// What is left to read of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes the given text if it comes next.
    pub(crate) fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(crate) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Takes the longest prefix whose characters satisfy the test (possibly empty).
    pub(crate) fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !test(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Takes up to the delimiter and the delimiter itself; `None` (and no move) where it does not come.
    pub(crate) fn take_until(&mut self, delimiter: &str) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_once(delimiter)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes the next word (up to a space or the end) and the space behind it.
    pub(crate) fn word(&mut self) -> Option<&'a str> {
        let taken = self.take_while(|c| c != ' ');
        self.eat(" ");
        (!taken.is_empty()).then_some(taken)
    }

    /// Takes exactly `count` bytes if they lie on a character boundary.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a str> {
        let taken = self.rest.get(..count)?;
        self.rest = self.rest.get(count..)?;
        Some(taken)
    }
}

/// What stands between the first `open` and the next `close` behind it.
pub(crate) fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, behind) = text.split_once(open)?;
    behind.split_once(close).map(|(inside, _)| inside)
}

/// The word that follows the first `lead`, ended by a space, comma, semicolon or the end.
pub(crate) fn word_after<'a>(text: &'a str, lead: &str) -> Option<&'a str> {
    let (_, behind) = text.split_once(lead)?;
    let end = behind.find([' ', ',', ';']).unwrap_or(behind.len());
    behind.get(..end).filter(|word| !word.is_empty())
}

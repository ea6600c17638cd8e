//! One log record: the raw bytes, and fields read lazily out of them.
//! A file of its own because decoders produce it, mappings select from it and rules match on it.
//! What is *not* here: a parsed tree. JSON values stay raw slices; text formats hand over pairs.

mod path_table;

use std::borrow::Cow;

use crate::decode::{Decoded, json};

pub use path_table::PathTable;

/// The deepest nesting of objects and arrays an event may have. Deeper JSON is refused, counted and shown.
pub const DEPTH_MAX: usize = 64;
/// The most fields (at all depths) one event may have.
pub const FIELDS_MAX: usize = 8_192;
/// The largest event, in bytes.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most dotted segments one field path may have.
pub const PATH_SEGMENTS_MAX: usize = 12;

/// A range of the event's text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub len: u32,
}

impl Span {
    pub(crate) fn of(self, text: &str) -> &str {
        let start = self.start as usize;
        text.get(start..start + self.len as usize).unwrap_or("")
    }
}

/// What a JSON value is, and for text whether it holds escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarKind {
    /// Text whose raw slice is the value.
    Text,
    /// Text whose raw slice still holds JSON escapes.
    EscapedText,
    /// A number, as written.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
    /// An object or an array without members: present, but without a value to compare.
    Container,
}

/// One member of a JSON object: where its key and value are. Objects are followed by their members.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub hash: u64,
    pub key: Span,
    pub value: Span,
    /// How many entries after this one are its members, at any depth.
    pub members: u32,
    pub kind: EntryKind,
    pub key_escaped: KeyForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyForm {
    Plain,
    Escaped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Scalar(ScalarKind),
    Object,
    Array,
}

/// One log record. Shape: raw bytes kept exactly; `pairs` from a text format and, where there is one, a JSON object.
#[derive(Debug)]
pub struct Event<'a> {
    raw: &'a [u8],
    json_text: Cow<'a, str>,
    entries: Vec<Entry>,
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pair_hashes: Vec<u64>,
}

impl<'a> Event<'a> {
    /// Reads what a decoder found. Errors: malformed JSON, by byte offset; anything over a limit.
    pub fn new(raw: &'a [u8], decoded: Decoded<'a>) -> Result<Self, json::JsonError> {
        Self::with_memory(raw, decoded, Vec::new())
    }

    /// [`Event::new`] with the memory of an event before, see [`Event::into_memory`].
    pub(crate) fn with_memory(
        raw: &'a [u8],
        decoded: Decoded<'a>,
        entries: Vec<Entry>,
    ) -> Result<Self, json::JsonError> {
        let mut event = Self {
            raw,
            json_text: Cow::Borrowed(""),
            entries: Vec::new(),
            pair_hashes: decoded.pairs.iter().map(|(key, _)| hash_key(key.as_bytes())).collect(),
            pairs: decoded.pairs,
        };
        if let Some(bytes) = decoded.json {
            event.json_text = text_of(bytes);
            event.entries = json::scan(&event.json_text, entries)?;
        }
        Ok(event)
    }

    /// An event of one JSON object. Errors: malformed JSON, by byte offset.
    pub fn from_json(raw: &'a [u8]) -> Result<Self, json::JsonError> {
        let json_text = text_of(raw);
        let entries = json::scan(&json_text, Vec::new())?;
        Ok(Self { raw, json_text, entries, pairs: Vec::new(), pair_hashes: Vec::new() })
    }

    /// An event of name–value pairs as a text decoder found them.
    pub fn from_pairs(raw: &'a [u8], pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let pair_hashes = pairs.iter().map(|(key, _)| hash_key(key.as_bytes())).collect();
        Self { raw, json_text: Cow::Borrowed(""), entries: Vec::new(), pairs, pair_hashes }
    }

    /// Gives the memory on to the next event.
    pub(crate) fn into_memory(self) -> Vec<Entry> {
        self.entries
    }

    /// The bytes exactly as they arrived.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The pairs a text decoder found; empty for plain JSON.
    pub fn pairs(&self) -> &[(Cow<'a, str>, Cow<'a, str>)] {
        &self.pairs
    }

    /// Whether the event holds a JSON object.
    pub fn is_json(&self) -> bool {
        !self.entries.is_empty() || !self.json_text.is_empty()
    }

    /// The first value at `path` as text. For tests, mappings' samples and one-off reads: the hot path uses [`PathTable`].
    pub fn text(&self, path: &str) -> Option<String> {
        let mut slots = Slots::default();
        slots.extract(self, &PathTable::new([path]));
        slots.values(0).next().map(|value| value.text().into_owned())
    }

    /// Every value at `path` as text, `null` included as an empty text.
    pub fn texts(&self, path: &str) -> Vec<String> {
        let mut slots = Slots::default();
        slots.extract(self, &PathTable::new([path]));
        slots.values(0).map(|value| value.text().into_owned()).collect()
    }

    /// Calls `see` with every scalar at any depth, in order. Shape: path-less; the raw value and its kind.
    pub fn each_scalar<'e>(&'e self, see: &mut dyn FnMut(Value<'e>)) {
        for (_, text) in &self.pairs {
            see(Value::borrowed(text, ScalarKind::Text));
        }
        for entry in &self.entries {
            match entry.kind {
                EntryKind::Scalar(kind) => see(Value::borrowed(entry.value.of(&self.json_text), kind)),
                EntryKind::Array => json::each_scalar(&self.json_text, entry.value, &mut |span, kind| {
                    see(Value::borrowed(span.of(&self.json_text), kind));
                }),
                EntryKind::Object => {}
            }
        }
    }

    fn key_is(&self, entry: &Entry, key: &str) -> bool {
        let raw = entry.key.of(&self.json_text);
        match entry.key_escaped {
            KeyForm::Plain => raw == key,
            KeyForm::Escaped => json::unescape(raw) == key,
        }
    }
}

/// Bytes as text; what is not UTF-8 becomes U+FFFD.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// One value of a field: its raw text and what it is.
#[derive(Debug, Clone)]
pub struct Value<'e> {
    /// The raw text; JSON escapes still in it where `kind` is [`ScalarKind::EscapedText`].
    pub raw: Cow<'e, str>,
    /// What the value is.
    pub kind: ScalarKind,
    next: u32,
}

impl<'e> Value<'e> {
    /// A value that borrows from the event.
    pub fn borrowed(raw: &'e str, kind: ScalarKind) -> Self {
        Self { raw: Cow::Borrowed(raw), kind, next: NONE }
    }

    /// A text made from the event, by a transform.
    pub fn made(text: Cow<'e, str>) -> Self {
        Self { raw: text, kind: ScalarKind::Text, next: NONE }
    }

    /// The value as text, escapes resolved; `null` and containers are empty.
    pub fn text(&self) -> Cow<'_, str> {
        match self.kind {
            ScalarKind::EscapedText => Cow::Owned(json::unescape(&self.raw)),
            ScalarKind::Null | ScalarKind::Container => Cow::Borrowed(""),
            _ => Cow::Borrowed(&self.raw),
        }
    }
}

const NONE: u32 = u32::MAX;

/// The values of one event's fields, by slot of a [`PathTable`]. Kept by the caller and reused, so that an event costs no allocation.
#[derive(Debug, Default)]
pub struct Slots<'e> {
    heads: Vec<(u32, u32)>,
    values: Vec<Value<'e>>,
}

impl<'e> Slots<'e> {
    /// Reads all fields of `table` in one pass. Repeated keys and array members all count.
    pub fn extract(&mut self, event: &'e Event<'_>, table: &PathTable) {
        self.values.clear();
        self.heads.clear();
        self.heads.resize(table.slot_count, (NONE, NONE));
        let Some(root) = table.nodes.first() else { return };
        for ((key, text), hash) in event.pairs.iter().zip(&event.pair_hashes) {
            if let Some(bucket) = root.find(*hash, |wanted| wanted == key)
                && bucket.slot != NONE
            {
                self.push(bucket.slot as usize, Value::borrowed(text, ScalarKind::Text));
            }
        }
        self.walk(event, table, 0, &event.entries);
    }

    fn walk(&mut self, event: &'e Event<'_>, table: &PathTable, node: usize, entries: &[Entry]) {
        let mut at = 0;
        while at < entries.len() {
            let entry = &entries[at];
            let end = at + 1 + entry.members as usize;
            if let Some(bucket) = table.nodes[node].find(entry.hash, |key| event.key_is(entry, key)) {
                if bucket.slot != NONE {
                    self.push_entry(event, entry, bucket.slot as usize);
                }
                if bucket.child != NONE {
                    self.descend(event, table, bucket.child as usize, entry, entries.get(at + 1..end).unwrap_or(&[]));
                }
            }
            if let Some(any) = table.nodes[node].any {
                self.descend(event, table, any as usize, entry, entries.get(at + 1..end).unwrap_or(&[]));
            }
            at = end;
        }
    }

    fn descend(&mut self, event: &'e Event<'_>, table: &PathTable, child: usize, entry: &Entry, members: &[Entry]) {
        match entry.kind {
            EntryKind::Object => self.walk(event, table, child, members),
            EntryKind::Array => {
                for member in json::objects_of(&event.json_text, entry.value) {
                    self.walk(event, table, child, &member);
                }
            }
            EntryKind::Scalar(_) => {}
        }
    }

    fn push_entry(&mut self, event: &'e Event<'_>, entry: &Entry, slot: usize) {
        let text: &'e str = &event.json_text;
        match entry.kind {
            EntryKind::Scalar(kind) => self.push(slot, Value::borrowed(entry.value.of(text), kind)),
            EntryKind::Object => self.push(slot, Value::borrowed(entry.value.of(text), ScalarKind::Container)),
            EntryKind::Array => {
                let before = self.values.len();
                json::each_member(text, entry.value, &mut |span, kind| {
                    self.push(slot, Value::borrowed(span.of(text), kind));
                });
                if self.values.len() == before {
                    self.push(slot, Value::borrowed(entry.value.of(text), ScalarKind::Container));
                }
            }
        }
    }

    /// Appends a value to a slot.
    pub fn push(&mut self, slot: usize, value: Value<'e>) {
        let index = self.values.len() as u32;
        self.values.push(value);
        let (head, tail) = self.heads[slot];
        if head == NONE {
            self.heads[slot] = (index, index);
        } else {
            self.values[tail as usize].next = index;
            self.heads[slot].1 = index;
        }
    }

    /// Adds an empty slot after the table's own, for values made by transforms.
    pub fn add_slot(&mut self) -> usize {
        self.heads.push((NONE, NONE));
        self.heads.len() - 1
    }

    /// Makes `slot` show the values of `from`.
    pub fn alias(&mut self, slot: usize, from: usize) {
        self.heads[slot] = self.heads[from];
    }

    /// Whether the event has the field at all, `null` included.
    pub fn present(&self, slot: usize) -> bool {
        self.heads.get(slot).is_some_and(|(head, _)| *head != NONE)
    }

    /// The values of a slot, in the event's order.
    pub fn values(&self, slot: usize) -> impl Iterator<Item = &Value<'e>> {
        self.indexes(slot).map(|index| &self.values[index])
    }

    /// The values of a slot as indexes for [`Slots::value`].
    pub(crate) fn indexes(&self, slot: usize) -> impl Iterator<Item = usize> {
        let mut next = self.heads.get(slot).map_or(NONE, |(head, _)| *head);
        std::iter::from_fn(move || {
            let index = next;
            (index != NONE).then(|| {
                next = self.values[index as usize].next;
                index as usize
            })
        })
    }

    pub(crate) fn first_index(&self, slot: usize) -> Option<usize> {
        self.heads.get(slot).and_then(|(head, _)| (*head != NONE).then_some(*head as usize))
    }

    pub(crate) fn next_index(&self, index: usize) -> Option<usize> {
        let next = self.values[index].next;
        (next != NONE).then_some(next as usize)
    }

    pub(crate) fn value(&self, index: usize) -> &Value<'e> {
        &self.values[index]
    }

    /// How many values were read.
    pub(crate) fn value_count(&self) -> usize {
        self.values.len()
    }

    /// Gives the memory on to the next event.
    pub(crate) fn recycle<'n>(self) -> Slots<'n> {
        let mut values = self.values;
        values.clear();
        // Collecting an empty vector in place keeps its allocation and lets the lifetime change.
        let values = values.into_iter().map(|value| value.detached()).collect();
        Slots { heads: self.heads, values }
    }
}

impl Value<'_> {
    fn detached<'n>(self) -> Value<'n> {
        Value { raw: Cow::Borrowed(""), kind: self.kind, next: NONE }
    }
}

/// The values of a mapping's selectors in one event. Shape: index = position in `MappingSet::selectors()`.
pub struct Selected<'s, 'e> {
    slots: &'s Slots<'e>,
}

impl<'s, 'e> Selected<'s, 'e> {
    /// Wraps what was extracted with the table of selectors.
    pub fn new(slots: &'s Slots<'e>) -> Self {
        Self { slots }
    }

    /// Whether the event has the field.
    pub fn present(&self, index: usize) -> bool {
        self.slots.present(index)
    }

    /// The field's first value as text.
    pub fn text(&self, index: usize) -> Option<Cow<'s, str>> {
        let first = self.slots.first_index(index)?;
        Some(self.slots.value(first).text())
    }
}

/// A fast hash of a field name. Shape: not keyed; only probed by events, never grown by them.
pub(crate) fn hash_key(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        hash = (hash ^ word).wrapping_mul(MULTIPLIER).rotate_left(29);
    }
    let mut tail = 0_u64;
    for (shift, byte) in chunks.remainder().iter().enumerate() {
        tail |= u64::from(*byte) << (shift * 8);
    }
    hash = (hash ^ tail).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 32)
}

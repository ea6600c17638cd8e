//! Compiled tests on one event's values. A file of its own because it is the only code that compares rules with events.
//! Values are folded at most once an event, tests are evaluated at most once an event (epoch stamps), nothing is allocated.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::cidr::parse_address;
use super::compile::{Check, Compiled, KEYWORDS, Node, Predicate, canonical_number};
use super::expr::{Place, TimePart};
use super::expression::Budget;
use super::fold::{Fold, fold_char, fold_text};
use super::pattern::{Letters, Pattern};
use super::prefilter::Index;
use crate::decode::json;
use crate::event::{Event, ScalarKind, Slots, Value};

/// The slot of a field that no native path stands for.
pub const NO_SLOT: u32 = u32::MAX;

/// Memory that is kept from event to event.
#[derive(Debug, Default)]
pub struct Buffers {
    arena: String,
    folded: Vec<Option<(u32, u32)>>,
    keywords: Option<Vec<(u32, u32)>>,
    memo: Vec<u32>,
    epoch: u32,
    budget: Budget,
}

/// Whether a test's result is remembered for the rest of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memo {
    /// Each test is evaluated once.
    Keep,
    /// Each test is evaluated every time; for the full scan that checks the fast one.
    Forget,
}

impl Buffers {
    /// Forgets the last event's values.
    pub fn begin_event(&mut self, value_count: usize) {
        self.arena.clear();
        self.folded.clear();
        self.folded.resize(value_count, None);
        self.keywords = None;
        self.budget = Budget::default();
    }

    /// How many searches with regular expressions gave up in this event.
    pub fn gave_up(&self) -> u64 {
        self.budget.gave_up()
    }

    /// Forgets test results: another event, or the same with other names for its fields.
    pub fn begin_part(&mut self, predicate_count: usize) {
        self.epoch += 2;
        if self.memo.len() != predicate_count || self.epoch >= u32::MAX - 2 {
            self.memo.clear();
            self.memo.resize(predicate_count, 0);
            self.epoch = 2;
        }
    }
}

/// One event, seen through one set of field names.
pub struct View<'v, 'e> {
    /// The rules' tests.
    pub compiled: &'v Compiled,
    /// Field number → slot, or [`NO_SLOT`].
    pub field_slots: &'v [u32],
    /// The event's values.
    pub slots: &'v Slots<'e>,
    /// The event.
    pub event: &'v Event<'e>,
    /// Memory.
    pub buffers: &'v mut Buffers,
    /// Whether results are remembered.
    pub memo: Memo,
}

impl View<'_, '_> {
    /// Whether the condition holds.
    pub fn holds(&mut self, node: &Node) -> bool {
        match node {
            Node::Test(test) => self.test(*test),
            Node::And(parts) => parts.iter().all(|part| self.holds(part)),
            Node::Or(parts) => parts.iter().any(|part| self.holds(part)),
            Node::Not(inner) => !self.holds(inner),
            Node::AtLeast(count, parts) => {
                let mut left = *count;
                for part in parts {
                    if left > 0 && self.holds(part) {
                        left -= 1;
                    }
                }
                left == 0
            }
        }
    }

    fn test(&mut self, test: u32) -> bool {
        let index = test as usize;
        let epoch = self.buffers.epoch;
        if self.memo == Memo::Keep {
            match self.buffers.memo[index] {
                stamp if stamp == epoch => return false,
                stamp if stamp == epoch + 1 => return true,
                _ => {}
            }
        }
        let compiled = self.compiled;
        let holds = self.check(&compiled.predicates[index]);
        self.buffers.memo[index] = epoch + u32::from(holds);
        holds
    }

    fn slot(&self, field: u32) -> usize {
        self.field_slots.get(field as usize).map_or(NO_SLOT as usize, |slot| *slot as usize)
    }

    fn check(&mut self, predicate: &Predicate) -> bool {
        if predicate.field == KEYWORDS {
            return self.keyword(&predicate.check);
        }
        let slot = self.slot(predicate.field);
        match &predicate.check {
            Check::Exists => self.slots.present(slot),
            Check::Null => {
                !self.slots.present(slot) || self.slots.values(slot).any(|value| value.kind == ScalarKind::Null)
            }
            check => self.first_fitting(slot, check).is_some(),
        }
    }

    /// The first of a slot's values that fits.
    fn first_fitting(&mut self, slot: usize, check: &Check) -> Option<usize> {
        let mut next = self.slots.first_index(slot);
        while let Some(index) = next {
            if self.value_fits(index, check) {
                return Some(index);
            }
            next = self.slots.next_index(index);
        }
        None
    }

    fn value_fits(&mut self, index: usize, check: &Check) -> bool {
        let slots = self.slots;
        let value = slots.value(index);
        if matches!(value.kind, ScalarKind::Null | ScalarKind::Container) {
            return false;
        }
        match check {
            Check::Text(pattern) => self.text_fits(index, value, pattern),
            Check::FieldRef(other, place, letters) => self.refers(value, *other, *place, *letters),
            other => scalar_fits(value, other, &mut self.buffers.budget),
        }
    }

    fn text_fits(&mut self, index: usize, value: &Value<'_>, pattern: &Pattern) -> bool {
        match pattern.letters {
            Letters::Exact => pattern.fits(&value.text()),
            Letters::Folded(Fold::Wide) => pattern.fits(self.folded(index)),
            Letters::Folded(Fold::Narrow) => {
                let folded = self.folded(index);
                // Both folds are equal where the value is ASCII, which JSON escapes of other characters are not.
                if value.raw.is_ascii() && (value.kind != ScalarKind::EscapedText || !value.raw.contains("\\u")) {
                    return pattern.fits(folded);
                }
                pattern.fits(&fold_text(&value.text(), Fold::Narrow))
            }
        }
    }

    /// A value in the wide fold, made once an event.
    pub fn folded(&mut self, index: usize) -> &str {
        let buffers = &mut *self.buffers;
        let (start, end) = match buffers.folded[index] {
            Some(range) => range,
            None => {
                let range = fold_into(&mut buffers.arena, self.slots.value(index));
                buffers.folded[index] = Some(range);
                range
            }
        };
        &buffers.arena[start as usize..end as usize]
    }

    /// The first value of a field by its Sigma name.
    pub fn field_text(&self, name: &str) -> Option<Cow<'_, str>> {
        let field = self.compiled.fields.iter().position(|held| held == name)?;
        self.slots.values(self.slot(field as u32)).next().map(Value::text)
    }

    /// Looks a value up among witnesses.
    pub fn look_up(&mut self, value: usize, index: &Index, see: &mut impl FnMut(u32)) {
        let slots = self.slots;
        match slots.value(value).kind {
            ScalarKind::Null | ScalarKind::Container => {}
            ScalarKind::Number => {
                let raw = &slots.value(value).raw;
                index.find(raw, see);
                let canonical = canonical_number(raw);
                if *canonical != **raw {
                    index.find(&canonical, see);
                }
            }
            _ => index.find(self.folded(value), see),
        }
    }

    fn refers(&self, value: &Value<'_>, other: u32, place: Place, letters: Letters) -> bool {
        let form = |text: Cow<'_, str>| match letters {
            Letters::Exact => text.into_owned(),
            Letters::Folded(fold) => fold_text(&text, fold),
        };
        let own = form(value.text());
        self.slots.values(self.slot(other)).any(|other| {
            if matches!(other.kind, ScalarKind::Null | ScalarKind::Container) {
                return false;
            }
            let other = form(other.text());
            match place {
                Place::Whole => own == other,
                Place::Contains => own.contains(&other),
                Place::Start => own.starts_with(&other),
                Place::End => own.ends_with(&other),
            }
        })
    }

    fn keyword(&mut self, check: &Check) -> bool {
        let Check::Text(pattern @ Pattern { letters: Letters::Folded(Fold::Wide), .. }) = check else {
            let mut found = false;
            let budget = &mut self.buffers.budget;
            self.event.each_scalar(&mut |value| found = found || keyword_fits(&value, check, budget));
            return found;
        };
        self.fold_keywords();
        let buffers = &*self.buffers;
        let ranges = buffers.keywords.as_deref().unwrap_or(&[]);
        ranges.iter().any(|(start, end)| pattern.fits(&buffers.arena[*start as usize..*end as usize]))
    }

    fn fold_keywords(&mut self) {
        if self.buffers.keywords.is_some() {
            return;
        }
        let mut ranges = Vec::new();
        let arena = &mut self.buffers.arena;
        self.event.each_scalar(&mut |value| {
            if !matches!(value.kind, ScalarKind::Null | ScalarKind::Container) {
                ranges.push(fold_into(arena, &value));
            }
        });
        self.buffers.keywords = Some(ranges);
    }

    /// Every value of the event in the wide fold, for the pre-filter of keywords.
    pub fn folded_keywords(&mut self) -> impl Iterator<Item = &str> {
        self.fold_keywords();
        let buffers = &*self.buffers;
        let ranges = buffers.keywords.as_deref().unwrap_or(&[]);
        ranges.iter().map(|(start, end)| &buffers.arena[*start as usize..*end as usize])
    }

    /// The fields that make the condition hold, with the values that fit. Shape: `see(field name, value)`; negations are left out.
    pub fn explain(&mut self, node: &Node, see: &mut dyn FnMut(&str, Cow<'_, str>)) {
        match node {
            Node::Test(test) => self.explain_test(*test, see),
            Node::And(parts) | Node::Or(parts) | Node::AtLeast(_, parts) => {
                for part in parts {
                    if self.holds(part) {
                        self.explain(part, see);
                    }
                }
            }
            Node::Not(_) => {}
        }
    }

    fn explain_test(&mut self, test: u32, see: &mut dyn FnMut(&str, Cow<'_, str>)) {
        let compiled = self.compiled;
        let predicate = &compiled.predicates[test as usize];
        if predicate.field == KEYWORDS {
            let mut first = true;
            let budget = &mut self.buffers.budget;
            self.event.each_scalar(&mut |value| {
                if first && keyword_fits(&value, &predicate.check, budget) {
                    first = false;
                    see("keywords", value.text());
                }
            });
            return;
        }
        let name = compiled.fields.get(predicate.field as usize).map_or("", String::as_str);
        let slot = self.slot(predicate.field);
        let index = match predicate.check {
            Check::Exists => self.slots.first_index(slot),
            Check::Null => None,
            ref check => self.first_fitting(slot, check),
        };
        see(name, index.map_or(Cow::Borrowed(""), |index| self.slots.value(index).text()));
    }
}

fn keyword_fits(value: &Value<'_>, check: &Check, budget: &mut Budget) -> bool {
    if matches!(value.kind, ScalarKind::Null | ScalarKind::Container) {
        return false;
    }
    match check {
        Check::Text(pattern) => match pattern.letters {
            Letters::Exact => pattern.fits(&value.text()),
            Letters::Folded(fold) => pattern.fits(&fold_text(&value.text(), fold)),
        },
        other => scalar_fits(value, other, budget),
    }
}

fn scalar_fits(value: &Value<'_>, check: &Check, budget: &mut Budget) -> bool {
    match check {
        Check::Number(text) => match value.kind {
            ScalarKind::Number => *canonical_number(&value.raw) == **text,
            // No number holds a character that must be escaped.
            ScalarKind::EscapedText if !value.raw.contains("\\u") => false,
            _ => *value.text() == **text,
        },
        Check::Regex(regex) => regex.is_found(&value.text(), budget),
        Check::Cidr(block) => parse_address(&value.text()).is_some_and(|address| block.contains(address)),
        Check::Compare(comparison, limit) => {
            value.text().trim().parse::<f64>().is_ok_and(|own| comparison.holds(own, *limit))
        }
        Check::TimePart(part, number) => time_part(&value.text(), *part) == Some(*number),
        Check::Null | Check::Exists | Check::Text(_) | Check::FieldRef(..) => false,
    }
}

fn time_part(text: &str, part: TimePart) -> Option<i64> {
    let time = civil_time(text.trim())?;
    Some(match part {
        TimePart::Minute => i64::from(time.minute()),
        TimePart::Hour => i64::from(time.hour()),
        TimePart::Day => i64::from(time.day()),
        TimePart::Week => i64::from(time.date().iso_week_date().week()),
        TimePart::Month => i64::from(time.month()),
        TimePart::Year => i64::from(time.year()),
    })
}

/// A time in UTC: RFC 3339, a date and time without zone (taken as UTC), or seconds or milliseconds since 1970.
fn civil_time(text: &str) -> Option<DateTime> {
    let utc = |timestamp: Timestamp| TimeZone::UTC.to_datetime(timestamp);
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(utc(timestamp));
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return Some(time);
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)?;
    // Seconds reach this number in the year 5138, milliseconds did in 1973.
    let millis = if number < 1e11 { number * 1_000.0 } else { number };
    Timestamp::from_millisecond(millis as i64).ok().map(utc)
}

/// Appends the value's wide fold to the arena. Shape: the range it has there.
pub(crate) fn fold_into(arena: &mut String, value: &Value<'_>) -> (u32, u32) {
    let start = arena.len();
    if value.raw.is_ascii() && value.kind != ScalarKind::EscapedText {
        arena.push_str(&value.raw);
        arena[start..].make_ascii_lowercase();
    } else if value.kind == ScalarKind::EscapedText {
        fold_escaped(arena, &value.raw);
    } else {
        arena.extend(value.raw.chars().map(|c| fold_char(c, Fold::Wide)));
    }
    (start as u32, arena.len() as u32)
}

/// Escaped text: runs without escapes are copied whole where they are ASCII.
fn fold_escaped(arena: &mut String, raw: &str) {
    if !raw.is_ascii() || raw.contains("\\u") {
        json::unescape_into(raw, &mut |c| arena.push(fold_char(c, Fold::Wide)));
        return;
    }
    let start = arena.len();
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        arena.push_str(&rest[..at]);
        arena.push(json::short_escape(rest.as_bytes().get(at + 1).copied()));
        rest = rest.get(at + 2..).unwrap_or("");
    }
    arena.push_str(rest);
    arena[start..].make_ascii_lowercase();
}

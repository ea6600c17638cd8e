//! Which rules can match at all: for each field, the texts of which a rule needs one ("witnesses"), looked up in the value.
//! A file of its own because it may only ever leave out rules that cannot match; the full scan proves that it does.
//! Contained texts are found by their rarest four bytes: one table probe a byte, then an exact comparison.

use std::collections::HashMap;

use memchr::memmem;

use super::compile::{Check, Compiled, KEYWORDS, Node};
use super::fold::Fold;
use super::pattern::{Letters, Shape};

/// The tests of which at least one must hold for the condition to hold, and how often we guess one does.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Test numbers.
    pub tests: Vec<u32>,
    score: f64,
}

/// The best witness of a condition; `None` where it can hold without any test that a lookup finds.
pub fn witness(compiled: &Compiled, node: &Node) -> Option<Witness> {
    match node {
        Node::Test(test) => {
            let predicate = &compiled.predicates[*test as usize];
            let score = chance(&predicate.check, predicate.field)?;
            Some(Witness { tests: vec![*test], score })
        }
        Node::And(parts) => {
            let found = parts.iter().filter_map(|part| witness(compiled, part));
            found.min_by(|a, b| a.score.total_cmp(&b.score))
        }
        Node::Or(parts) | Node::AtLeast(_, parts) => {
            let mut all = Witness { tests: Vec::new(), score: 0.0 };
            for part in parts {
                let one = witness(compiled, part)?;
                all.tests.extend(one.tests);
                all.score += one.score;
            }
            (!all.tests.is_empty()).then_some(all)
        }
        Node::Not(_) => None,
    }
}

/// A guess at how often a test holds, in events of its route; `None` where no lookup finds it.
fn chance(check: &Check, field: u32) -> Option<f64> {
    let Check::Text(pattern) = check else {
        return match check {
            Check::Number(_) => Some(0.05),
            _ => None,
        };
    };
    if pattern.letters != Letters::Folded(Fold::Wide) {
        return None;
    }
    let length = pattern.required_text().len() as i32;
    let by_length = 0.75_f64.powi(length.min(40));
    let by_shape = match pattern.shape {
        Shape::Any => return None,
        Shape::Whole(_) => 0.02 * (0.2 + by_length),
        Shape::End(_) => 0.02 + 0.3 * by_length,
        Shape::Start(_) => 0.02 + 0.6 * by_length,
        Shape::Contains(_) => 0.005 + by_length,
        Shape::Glob(_) if length < GRAM as i32 => return None,
        Shape::Glob(_) => 0.005 + by_length,
    };
    Some(if field == KEYWORDS { by_shape * 4.0 } else { by_shape })
}

/// Witnesses of many rules over the values of one field.
#[derive(Debug, Default)]
pub struct Index {
    whole: HashMap<Box<str>, Vec<u32>>,
    starts: Edge,
    ends: Edge,
    contained: Grams,
    short: Vec<(memmem::Finder<'static>, Vec<u32>)>,
}

impl Index {
    /// Adds a witness test of a rule. Shape: tests that [`witness`] returned.
    pub fn add(&mut self, check: &Check, rule: u32) {
        match check {
            Check::Number(text) => self.whole.entry(text.clone()).or_default().push(rule),
            Check::Text(pattern) => match &pattern.shape {
                Shape::Whole(text) => self.whole.entry(text.clone()).or_default().push(rule),
                Shape::Start(text) => self.starts.add(text, rule, head_key),
                Shape::End(text) => self.ends.add(text, rule, tail_key),
                _ => self.add_contained(pattern.required_text(), rule),
            },
            _ => {}
        }
    }

    fn add_contained(&mut self, text: &str, rule: u32) {
        if text.len() >= GRAM {
            self.contained.add(text, rule);
            return;
        }
        match self.short.iter_mut().find(|(finder, _)| finder.needle() == text.as_bytes()) {
            Some((_, rules)) => rules.push(rule),
            None => self.short.push((memmem::Finder::new(text.as_bytes()).into_owned(), vec![rule])),
        }
    }

    /// Finishes the tables after the last [`Index::add`].
    pub fn finish(&mut self) {
        self.contained.finish();
    }

    /// Calls `see` with every rule one of whose witnesses a folded value fits; some more than once.
    pub fn find(&self, value: &str, see: &mut impl FnMut(u32)) {
        if let Some(rules) = self.whole.get(value) {
            rules.iter().for_each(|rule| see(*rule));
        }
        self.starts.find(value, head_key, |value, text| value.starts_with(text), see);
        self.ends.find(value, tail_key, |value, text| value.ends_with(text), see);
        self.contained.find(value.as_bytes(), see);
        for (finder, rules) in &self.short {
            if finder.find(value.as_bytes()).is_some() {
                rules.iter().for_each(|rule| see(*rule));
            }
        }
    }
}

/// Texts at one end of a value, looked up by their outermost bytes: eight where they have so many, else as many as they have.
#[derive(Debug, Default)]
struct Edge {
    by_length: [HashMap<u64, EdgeTexts>; EDGE],
    lengths: u8,
}

const EDGE: usize = 8;

/// Texts with the same outermost bytes, each with its rules.
type EdgeTexts = Vec<(Box<str>, Vec<u32>)>;

fn head_key(text: &[u8], length: usize) -> Option<u64> {
    text.get(..length).map(key_of)
}

fn tail_key(text: &[u8], length: usize) -> Option<u64> {
    text.len().checked_sub(length).and_then(|start| text.get(start..)).map(key_of)
}

fn key_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |key, byte| key << 8 | u64::from(*byte))
}

impl Edge {
    fn add(&mut self, text: &str, rule: u32, key: fn(&[u8], usize) -> Option<u64>) {
        let length = text.len().clamp(1, EDGE);
        let Some(key) = key(text.as_bytes(), length) else { return };
        self.lengths |= 1 << (length - 1);
        let bucket = self.by_length[length - 1].entry(key).or_default();
        match bucket.iter_mut().find(|(held, _)| **held == *text) {
            Some((_, rules)) => rules.push(rule),
            None => bucket.push((text.into(), vec![rule])),
        }
    }

    fn find(
        &self,
        value: &str,
        key: fn(&[u8], usize) -> Option<u64>,
        fits: fn(&str, &str) -> bool,
        see: &mut impl FnMut(u32),
    ) {
        if self.lengths == 0 {
            return;
        }
        for (place, table) in self.by_length.iter().enumerate() {
            if self.lengths & (1 << place) == 0 {
                continue;
            }
            let Some(bucket) = key(value.as_bytes(), place + 1).and_then(|key| table.get(&key)) else { continue };
            for (_, rules) in bucket.iter().filter(|(text, _)| fits(value, text)) {
                rules.iter().for_each(|rule| see(*rule));
            }
        }
    }
}

const GRAM: usize = 4;

/// Texts anywhere in a value, by one four-byte window each.
#[derive(Debug, Default)]
struct Grams {
    texts: Vec<(Box<[u8]>, Vec<u32>)>,
    by_text: HashMap<Box<[u8]>, u32>,
    /// One bit a hash; small enough to stay in the first-level cache.
    bits: Vec<u64>,
    /// Open addressing: gram → range in `members`; an empty range ends a probe.
    table: Vec<(u32, u32, u32)>,
    /// (text number, where the gram is in the text).
    members: Vec<(u32, u32)>,
}

const BITS_LOG2: u32 = 15;

impl Grams {
    fn add(&mut self, text: &str, rule: u32) {
        let bytes: Box<[u8]> = text.as_bytes().into();
        match self.by_text.get(&bytes) {
            Some(number) => self.texts[*number as usize].1.push(rule),
            None => {
                self.by_text.insert(bytes.clone(), self.texts.len() as u32);
                self.texts.push((bytes, vec![rule]));
            }
        }
    }

    fn finish(&mut self) {
        self.by_text = HashMap::new();
        if self.texts.is_empty() {
            return;
        }
        let mut by_gram: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
        for (number, (text, _)) in self.texts.iter().enumerate() {
            let at = rarest_gram(text);
            by_gram.entry(gram(text, at)).or_default().push((number as u32, at as u32));
        }
        self.bits = vec![0; 1 << (BITS_LOG2 - 6)];
        let size = (by_gram.len() * 2).next_power_of_two();
        self.table = vec![(0, 0, 0); size];
        for (gram, members) in by_gram {
            let hash = gram_hash(gram);
            self.bits[(hash >> 6) as usize] |= 1 << (hash & 63);
            let start = self.members.len() as u32;
            self.members.extend(members);
            let mut at = table_place(gram, size);
            while self.table[at].2 != 0 {
                at = (at + 1) & (size - 1);
            }
            self.table[at] = (gram, start, self.members.len() as u32);
        }
    }

    fn find(&self, value: &[u8], see: &mut impl FnMut(u32)) {
        if self.texts.is_empty() {
            return;
        }
        for (at, window) in value.windows(GRAM).enumerate() {
            let gram = window.try_into().map_or(0, u32::from_le_bytes);
            let hash = gram_hash(gram);
            if self.bits[(hash >> 6) as usize] & (1 << (hash & 63)) != 0 {
                self.verify(gram, at, value, see);
            }
        }
    }

    #[cold]
    fn verify(&self, gram: u32, at: usize, value: &[u8], see: &mut impl FnMut(u32)) {
        let mask = self.table.len() - 1;
        let mut place = table_place(gram, self.table.len());
        loop {
            let (held, start, end) = self.table[place];
            if end == 0 {
                return;
            }
            if held == gram {
                for (number, offset) in &self.members[start as usize..end as usize] {
                    let (text, rules) = &self.texts[*number as usize];
                    let fits = at.checked_sub(*offset as usize).and_then(|start| value.get(start..start + text.len()));
                    if fits.is_some_and(|part| *part == **text) {
                        rules.iter().for_each(|rule| see(*rule));
                    }
                }
                return;
            }
            place = (place + 1) & mask;
        }
    }
}

fn gram(text: &[u8], at: usize) -> u32 {
    text.get(at..at + GRAM).and_then(|window| window.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn gram_hash(gram: u32) -> u32 {
    gram.wrapping_mul(0x9E37_79B1) >> (32 - BITS_LOG2)
}

fn table_place(gram: u32, size: usize) -> usize {
    (gram.wrapping_mul(0x85EB_CA6B) >> 7) as usize & (size - 1)
}

/// Where a text's rarest four bytes begin, by a guess: letters that are rare in paths and commands weigh more.
fn rarest_gram(text: &[u8]) -> usize {
    let weight = |byte: &u8| match byte {
        b'e' | b's' | b't' | b'i' | b'o' | b'n' | b'r' | b'a' | b' ' | b'\\' | b'.' => 1,
        b'c' | b'd' | b'l' | b'm' | b'p' | b'u' | b'w' | b'x' | b'/' | b'-' => 2,
        b'0' | b'1' | b'2' | b'3' | b'f' | b'g' | b'h' | b'b' | b'y' | b'v' => 3,
        _ => 5,
    };
    let score = |at: &usize| text[*at..*at + GRAM].iter().map(weight).sum::<u32>();
    (0..=text.len() - GRAM).max_by_key(score).unwrap_or(0)
}

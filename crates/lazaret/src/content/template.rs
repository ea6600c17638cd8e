//! Log lines with placeholders: `{iso3}`, `{num:1-240}`, `{pick:user}`, `{oneof:a|b}`, `{host}`.
//! A file of its own because samples, the ordinary day and the scenarios share one small language.
//! What is *not* here: what a placeholder's name stands for (the caller's [`Scope`] and values).
//!
//! Shape: a placeholder is `{`, a lower-case word of letters, digits and `_`, optionally `:` and an argument, `}`.
//! Everything else is literal, so JSON (`{"a":1}`) and GUIDs (`{54849625-…}`) need no escaping.
//! Limits: nesting of placeholders in arguments is at most [`DEPTH_MAX`].

use super::moment::{self, Moment, Spelling};
use super::random::Random;

/// How deep arguments of `oneof` may nest.
pub const DEPTH_MAX: usize = 6;

/// Which names a template may use. Order gives the index of the value at rendering time.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Names of single values, e.g. `domain`.
    pub variables: Vec<String>,
    /// Names of lists for `{pick:…}`, e.g. `user`.
    pub pools: Vec<String>,
}

/// The values behind a [`Scope`] for one line.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// One value a variable, in the order of the scope.
    pub variables: &'a [String],
    /// One list a pool, in the order of the scope.
    pub pools: &'a [Vec<String>],
    /// The line's time.
    pub moment: &'a Moment,
    /// What `{n}` says.
    pub counter: u64,
}

/// A line with placeholders, read once.
#[derive(Debug, Clone)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(Box<[u8]>),
    Variable(usize),
    Time(Spelling),
    Counter,
    Number(u64, u64),
    Hex(usize, &'static [u8; 16]),
    Guid(&'static [u8; 16]),
    Pick(usize),
    OneOf(Vec<Template>),
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Why a template cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The placeholder as written.
    pub placeholder: String,
    /// What to write instead.
    pub instead: String,
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{{}}} is no placeholder here; {}", self.placeholder, self.instead)
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Reads a template against the names it may use.
    pub fn read(text: &str, scope: &Scope) -> Result<Self, TemplateError> {
        read_nested(text, scope, 0)
    }

    /// Appends the line.
    pub fn render(&self, values: &Values<'_>, random: &mut Random, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Variable(index) => {
                    out.extend_from_slice(values.variables.get(*index).map_or(b"", |value| value.as_bytes()))
                }
                Part::Time(spelling) => values.moment.write(*spelling, out),
                Part::Counter => moment::number(out, values.counter),
                Part::Number(low, high) => moment::number(out, random.between(*low, *high)),
                Part::Hex(digits, alphabet) => hex(out, random, *digits, alphabet),
                Part::Guid(alphabet) => {
                    for (group, digits) in [8, 4, 4, 4, 12].into_iter().enumerate() {
                        if group > 0 {
                            out.push(b'-');
                        }
                        hex(out, random, digits, alphabet);
                    }
                }
                Part::Pick(pool) => {
                    if let Some(list) = values.pools.get(*pool) {
                        let index = random.index(list.len());
                        out.extend_from_slice(list.get(index).map_or(b"", |value| value.as_bytes()));
                    }
                }
                Part::OneOf(choices) => {
                    let index = random.index(choices.len());
                    if let Some(choice) = choices.get(index) {
                        choice.render(values, random, out);
                    }
                }
            }
        }
    }
}

fn hex(out: &mut Vec<u8>, random: &mut Random, digits: usize, alphabet: &[u8; 16]) {
    let mut left = digits;
    while left > 0 {
        let mut bits = random.next();
        for _ in 0..left.min(16) {
            out.push(alphabet[(bits & 15) as usize]);
            bits >>= 4;
        }
        left -= left.min(16);
    }
}

fn read_nested(text: &str, scope: &Scope, depth: usize) -> Result<Template, TemplateError> {
    let mut parts = Vec::new();
    let (mut literal_from, mut at) = (0, 0);
    while let Some(found) = text[at..].find('{') {
        let open = at + found;
        let Some((word, argument, end)) = placeholder(text, open) else {
            at = open + 1;
            continue;
        };
        if open > literal_from {
            parts.push(Part::Text(text.as_bytes()[literal_from..open].into()));
        }
        parts.push(part(word, argument, scope, depth)?);
        (literal_from, at) = (end, end);
    }
    if literal_from < text.len() {
        parts.push(Part::Text(text.as_bytes()[literal_from..].into()));
    }
    Ok(Template(parts))
}

/// The word, argument and end of the placeholder that starts at `open`; nothing where it is literal text.
fn placeholder(text: &str, open: usize) -> Option<(&str, Option<&str>, usize)> {
    let rest = &text[open + 1..];
    let length =
        rest.bytes().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_').count();
    let word = &rest[..length];
    if !word.starts_with(|first: char| first.is_ascii_lowercase()) {
        return None;
    }
    match rest.as_bytes().get(length)? {
        b'}' => Some((word, None, open + 1 + length + 1)),
        b':' => {
            let inside = &rest[length + 1..];
            let close = closing(inside)?;
            Some((word, Some(&inside[..close]), open + 1 + length + 1 + close + 1))
        }
        _ => None,
    }
}

fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn part(word: &str, argument: Option<&str>, scope: &Scope, depth: usize) -> Result<Part, TemplateError> {
    let fail = |instead: &str| TemplateError {
        placeholder: argument.map_or(word.to_owned(), |argument| format!("{word}:{argument}")),
        instead: instead.to_owned(),
    };
    let Some(argument) = argument else {
        if let Some(index) = scope.variables.iter().position(|name| name == word) {
            return Ok(Part::Variable(index));
        }
        if let Some(spelling) = Spelling::from_word(word) {
            return Ok(Part::Time(spelling));
        }
        return match word {
            "n" => Ok(Part::Counter),
            "guid" => Ok(Part::Guid(UPPER)),
            "guidlow" => Ok(Part::Guid(LOWER)),
            _ => Err(fail(&format!("known names: {}", scope.variables.join(", ")))),
        };
    };
    match word {
        "num" => range(argument)
            .map(|(low, high)| Part::Number(low, high))
            .ok_or_else(|| fail("write a range such as {num:1-240}")),
        "hex" | "hexup" => {
            let digits = argument.parse().map_err(|_| fail("write the number of digits, such as {hex:8}"))?;
            Ok(Part::Hex(digits, if word == "hex" { LOWER } else { UPPER }))
        }
        "pick" => {
            let index = scope.pools.iter().position(|name| name == argument);
            index.map(Part::Pick).ok_or_else(|| fail(&format!("known lists: {}", scope.pools.join(", "))))
        }
        "oneof" if depth >= DEPTH_MAX => Err(fail("nest less deeply")),
        "oneof" => {
            let choices = choices(argument).into_iter().map(|choice| read_nested(choice, scope, depth + 1));
            Ok(Part::OneOf(choices.collect::<Result<_, _>>()?))
        }
        _ => Err(fail("write num, hex, hexup, pick or oneof before the colon")),
    }
}

/// Splits `a|b{num:1|2}|c` at the bars outside braces.
fn choices(argument: &str) -> Vec<&str> {
    let (mut found, mut depth, mut from) = (Vec::new(), 0_usize, 0);
    for (at, byte) in argument.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b'|' if depth == 0 => {
                found.push(&argument[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&argument[from..]);
    found
}

/// Reads `3` or `3-9`.
pub fn range(text: &str) -> Option<(u64, u64)> {
    match text.split_once('-') {
        Some((low, high)) => {
            let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
            (low <= high).then_some((low, high))
        }
        None => text.trim().parse().ok().map(|value| (value, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, TemplateError> {
        let scope = Scope { variables: vec!["host".to_owned()], pools: vec!["user".to_owned()] };
        let moment = Moment::new("2026-03-03T10:00:00Z".parse().unwrap());
        let values = Values {
            variables: &["pc7".to_owned()],
            pools: &[vec!["a.nagel".to_owned()]],
            moment: &moment,
            counter: 4,
        };
        let mut out = Vec::new();
        Template::read(text, &scope)?.render(&values, &mut Random::new(1), &mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn placeholders_are_filled_and_json_is_left_alone() {
        let check = |text: &str, expected: &str| assert_eq!(rendered(text).unwrap(), expected, "{text}");
        check(r#"{"host":"{host}","n":{n}}"#, r#"{"host":"pc7","n":4}"#);
        check("{54849625-5478} {a0c1853b-5c40} {DEFAULT} {}", "{54849625-5478} {a0c1853b-5c40} {DEFAULT} {}");
        check("{iso} {pick:user} {num:7-7} {num:9}", "2026-03-03T10:00:00Z a.nagel 7 9");
        check("{oneof:{host}.x}", "pc7.x");
        check("{{host}}", "{pc7}");
        check("ends with {", "ends with {");
    }

    #[test]
    fn hex_and_guid_have_their_length() {
        assert_eq!(rendered("{hex:40}").unwrap().len(), 40);
        assert_eq!(rendered("{guid}").unwrap().len(), 36);
        assert_eq!(rendered("{hexup:3}").unwrap(), rendered("{hexup:3}").unwrap().to_uppercase());
    }

    #[test]
    fn an_unknown_name_is_refused_with_what_to_write() {
        assert!(rendered("{hots}").unwrap_err().to_string().contains("known names: host"));
        assert!(rendered("{pick:nobody}").unwrap_err().instead.contains("user"));
        assert!(rendered("{num:9-2}").is_err());
        assert!(rendered("{say:hello}").is_err());
        let deep = "{oneof:".repeat(9) + "x" + &"}".repeat(9);
        assert!(rendered(&deep).is_err());
    }
}

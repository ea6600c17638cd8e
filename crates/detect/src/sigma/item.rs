//! One line of a selection, `field|modifiers: value(s)`, → tests.
//! A file of its own because every modifier of the specification is decided here, and nowhere else.
//! Source: Sigma specification 2.x, *modifiers*. What is *not* here: strings themselves (`text.rs`).

use super::expr::{Ask, Comparison, Expr, FieldRef, LetterCase, Place, Test, TimePart};
use super::expression::{Allowance, Expression, Flags};
use super::text::{self, Atom, Utf16};
use super::yaml::{Node, Yaml};

/// The most values one line may list.
pub const VALUES_MAX: usize = 20_000;
/// What is wrong, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line in the file.
    pub line: u32,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

impl Mistake {
    /// A mistake at a line.
    pub fn new(line: u32, what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { line, what: what.into(), instead: instead.into() }
    }
}

/// Reads one line. `key` is everything before the colon; an empty field name means keywords.
pub fn read(key: &str, line: u32, values: &Node, regexes: &mut Allowance) -> Result<Expr, Mistake> {
    let (field, words) = key.split_once('|').unwrap_or((key, ""));
    let field = (!field.is_empty()).then(|| field.to_owned());
    let modifiers = Modifiers::read(words, line)?;
    let items = match &values.value {
        Yaml::List(items) => items.as_slice(),
        Yaml::Map(_) => {
            return Err(Mistake::new(
                line,
                format!("a map as the value of {key:?}"),
                "write a value or a list of values",
            ));
        }
        _ => std::slice::from_ref(values),
    };
    if items.len() > VALUES_MAX {
        let what = format!("{} values, more than the limit of {VALUES_MAX}", items.len());
        return Err(Mistake::new(line, what, "use an indicator list, or split the rule"));
    }
    if items.is_empty() {
        return Err(Mistake::new(line, format!("an empty list for {key:?}"), "write at least one value"));
    }
    let tests = items.iter().map(|item| modifiers.tests(field.as_deref(), item, regexes));
    let parts = tests.collect::<Result<Vec<_>, _>>()?;
    let joined = if modifiers.all { Expr::all(parts) } else { Expr::any(parts) };
    Ok(if modifiers.neq { Expr::Not(Box::new(joined)) } else { joined })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rewrite {
    Utf16(Utf16),
    Base64,
    Base64Offset,
    Windash,
    Expand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Regex,
    Cidr,
    Compare(Comparison),
    Exists,
    FieldRef,
    TimePart(TimePart),
}

struct Modifiers {
    rewrites: Vec<Rewrite>,
    place: Place,
    kind: Kind,
    case: LetterCase,
    all: bool,
    neq: bool,
    flags: String,
}

impl Modifiers {
    fn read(words: &str, line: u32) -> Result<Self, Mistake> {
        let mut read = Self {
            rewrites: Vec::new(),
            place: Place::Whole,
            kind: Kind::Text,
            case: LetterCase::Folded,
            all: false,
            neq: false,
            flags: String::new(),
        };
        for word in words.split('|').filter(|word| !word.is_empty()) {
            read.take(word, line)?;
        }
        Ok(read)
    }

    fn take(&mut self, word: &str, line: u32) -> Result<(), Mistake> {
        match word {
            "all" => self.all = true,
            "neq" => self.neq = true,
            "cased" => self.case = LetterCase::Exact,
            "contains" => self.place = Place::Contains,
            "startswith" => self.place = Place::Start,
            "endswith" => self.place = Place::End,
            "i" | "ignorecase" | "m" | "multiline" | "s" | "dotall" => {
                if self.kind != Kind::Regex {
                    return Err(Mistake::new(
                        line,
                        format!("{word:?} without 're' before it"),
                        "write |re|i, |re|m or |re|s",
                    ));
                }
                let flag = if word == "dotall" { "s" } else { &word[..1] };
                self.flags.push_str(flag);
            }
            _ => return self.take_rewrite_or_kind(word, line),
        }
        Ok(())
    }

    fn take_rewrite_or_kind(&mut self, word: &str, line: u32) -> Result<(), Mistake> {
        let rewrite = match word {
            "wide" | "utf16le" => Rewrite::Utf16(Utf16::Little),
            "utf16be" => Rewrite::Utf16(Utf16::Big),
            "utf16" => Rewrite::Utf16(Utf16::Marked),
            "base64" => Rewrite::Base64,
            "base64offset" => Rewrite::Base64Offset,
            "windash" => Rewrite::Windash,
            "expand" => Rewrite::Expand,
            _ => return self.take_kind(word, line),
        };
        self.rewrites.push(rewrite);
        Ok(())
    }

    fn take_kind(&mut self, word: &str, line: u32) -> Result<(), Mistake> {
        let kind = match word {
            "re" => Kind::Regex,
            "cidr" => Kind::Cidr,
            "lt" => Kind::Compare(Comparison::Lt),
            "lte" => Kind::Compare(Comparison::Lte),
            "gt" => Kind::Compare(Comparison::Gt),
            "gte" => Kind::Compare(Comparison::Gte),
            "exists" => Kind::Exists,
            "fieldref" => Kind::FieldRef,
            "minute" => Kind::TimePart(TimePart::Minute),
            "hour" => Kind::TimePart(TimePart::Hour),
            "day" => Kind::TimePart(TimePart::Day),
            "week" => Kind::TimePart(TimePart::Week),
            "month" => Kind::TimePart(TimePart::Month),
            "year" => Kind::TimePart(TimePart::Year),
            _ => {
                let instead =
                    "use a modifier of the Sigma specification 2: contains, startswith, endswith, all, re, cidr, …";
                return Err(Mistake::new(line, format!("unknown modifier {word:?}"), instead));
            }
        };
        // A time part may be compared: `field|hour|gte: 22`.
        let comparable = matches!((self.kind, kind), (Kind::TimePart(_), Kind::Compare(_)));
        if self.kind != Kind::Text || comparable {
            let what = format!("{word:?} after another modifier that decides how values are compared");
            return Err(Mistake::new(line, what, "keep one of them, and write the other as a second line"));
        }
        self.kind = kind;
        Ok(())
    }

    fn tests(&self, field: Option<&str>, item: &Node, regexes: &mut Allowance) -> Result<Expr, Mistake> {
        let test = |ask| Expr::Test(Test { field: field.map(str::to_owned), ask });
        let ask = match self.kind {
            Kind::Text => return self.text_tests(field, item),
            Kind::Regex => Ask::Regex(self.regex(item, regexes)?),
            Kind::Cidr => Ask::Cidr(block(item)?),
            Kind::Compare(comparison) => Ask::Compare(comparison, number(item)?),
            Kind::TimePart(part) => Ask::TimePart(part, number(item)? as i64),
            Kind::FieldRef => Ask::FieldRef(self.field_ref(item)?),
            Kind::Exists => {
                let Yaml::Bool(wanted) = item.value else {
                    return Err(Mistake::new(item.line, "'exists' without true or false", "write true or false"));
                };
                let exists = test(Ask::Exists);
                return Ok(if wanted { exists } else { Expr::Not(Box::new(exists)) });
            }
        };
        if field.is_none() && !matches!(ask, Ask::Regex(_)) {
            return Err(Mistake::new(item.line, "this modifier without a field name", "name the field before the '|'"));
        }
        Ok(test(ask))
    }

    fn text_tests(&self, field: Option<&str>, item: &Node) -> Result<Expr, Mistake> {
        let test = |ask| Expr::Test(Test { field: field.map(str::to_owned), ask });
        let plain = self.rewrites.is_empty() && self.place == Place::Whole;
        match &item.value {
            Yaml::Null if plain && field.is_some() => return Ok(test(Ask::Null)),
            Yaml::Number(text) if plain && field.is_some() => return Ok(test(Ask::Number(text.clone()))),
            _ => {}
        }
        let Some(text) = item.scalar() else {
            return Err(Mistake::new(item.line, "a value that is no text", "write a text or a number"));
        };
        let asks = self.variants(&text, item.line)?.into_iter().map(|atoms| {
            let place = if field.is_none() && self.place == Place::Whole { Place::Contains } else { self.place };
            test(Ask::Text(placed(atoms, place), self.case))
        });
        Ok(Expr::any(asks.collect()))
    }

    /// The strings that the value stands for, after the rewriting modifiers in their order.
    fn variants(&self, text: &str, line: u32) -> Result<Vec<Vec<Atom>>, Mistake> {
        let mut variants = vec![text::parse(text)];
        let mut bytes: Option<Vec<u8>> = None;
        for rewrite in &self.rewrites {
            match rewrite {
                Rewrite::Windash => variants = variants.into_iter().map(text::windash).collect(),
                Rewrite::Expand => variants = variants.into_iter().map(text::placeholders).collect(),
                Rewrite::Utf16(form) => bytes = Some(text::utf16(&plain(&variants, line)?, *form)),
                Rewrite::Base64 => {
                    let source = take_bytes(&mut bytes, &variants, line)?;
                    variants = vec![vec![Atom::Literal(text::base64(&source))]];
                }
                Rewrite::Base64Offset => {
                    let source = take_bytes(&mut bytes, &variants, line)?;
                    variants =
                        text::base64_offsets(&source).into_iter().map(|part| vec![Atom::Literal(part)]).collect();
                }
            }
        }
        if let Some(bytes) = bytes {
            // UTF-16 without Base64 after it: the text as a log shows it, one character a byte.
            variants = vec![vec![Atom::Literal(bytes.into_iter().map(char::from).collect())]];
        }
        Ok(variants)
    }

    fn regex(&self, item: &Node, regexes: &mut Allowance) -> Result<Expression, Mistake> {
        if self.place != Place::Whole || !self.rewrites.is_empty() {
            return Err(Mistake::new(
                item.line,
                "'re' with another text modifier",
                "put the anchors into the expression",
            ));
        }
        let Some(pattern) = item.scalar() else {
            return Err(Mistake::new(
                item.line,
                "a value that is no expression",
                "write the expression in single quotes",
            ));
        };
        let flag = |letter| self.flags.contains(letter);
        let flags = Flags { ignore_case: flag('i'), multi_line: flag('m'), dot_all: flag('s') };
        let expression = Expression::new(&pattern, flags).map_err(|why| {
            let instead = "write it without look-around, back-references and very large repetitions";
            Mistake::new(item.line, format!("an expression that cannot be used: {why}"), instead)
        })?;
        let instead = "use contains, startswith or endswith, or split the rule";
        regexes.take(&expression).map_err(|why| Mistake::new(item.line, why, instead))?;
        Ok(expression)
    }

    fn field_ref(&self, item: &Node) -> Result<FieldRef, Mistake> {
        match item.scalar() {
            Some(field) => Ok(FieldRef { field, place: self.place, case: self.case }),
            None => Err(Mistake::new(item.line, "'fieldref' without a field name", "write the other field's name")),
        }
    }
}

fn plain(variants: &[Vec<Atom>], line: u32) -> Result<String, Mistake> {
    variants.first().and_then(|atoms| text::plain(atoms)).ok_or_else(|| {
        Mistake::new(
            line,
            "a wildcard or dash in a value that is encoded",
            "escape it with a backslash, or drop the encoding",
        )
    })
}

fn take_bytes(bytes: &mut Option<Vec<u8>>, variants: &[Vec<Atom>], line: u32) -> Result<Vec<u8>, Mistake> {
    match bytes.take() {
        Some(bytes) => Ok(bytes),
        None => plain(variants, line).map(String::into_bytes),
    }
}

fn placed(mut atoms: Vec<Atom>, place: Place) -> Vec<Atom> {
    if matches!(place, Place::Contains | Place::End) && atoms.first() != Some(&Atom::Star) {
        atoms.insert(0, Atom::Star);
    }
    if matches!(place, Place::Contains | Place::Start) && atoms.last() != Some(&Atom::Star) {
        atoms.push(Atom::Star);
    }
    atoms
}

fn block(item: &Node) -> Result<super::cidr::Cidr, Mistake> {
    let text = item.scalar().unwrap_or_default();
    text.parse().map_err(|error: super::cidr::CidrError| {
        Mistake::new(item.line, error.to_string(), "write 10.0.0.0/8 or fe80::/10")
    })
}

fn number(item: &Node) -> Result<f64, Mistake> {
    let number = item.scalar().and_then(|text| text.trim().parse::<f64>().ok()).filter(|n| n.is_finite());
    number.ok_or_else(|| Mistake::new(item.line, "a value that is no number", "write a number"))
}

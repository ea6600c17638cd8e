//! What a rule tests, as written: a tree of tests on named fields, before names are resolved and letters folded.
//! A file of its own because the reader (`item.rs`, `parse.rs`) makes it and the compiler (`compile.rs`) consumes it.

use super::cidr::Cidr;
use super::expression::Expression;
use super::text::Atom;

/// A tree of tests.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// One test.
    Test(Test),
    /// All of these.
    And(Vec<Expr>),
    /// Any of these.
    Or(Vec<Expr>),
    /// At least so many of these.
    AtLeast(usize, Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
}

impl Expr {
    /// All of `parts`; one part stays itself.
    pub fn all(mut parts: Vec<Expr>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::And(parts) }
    }

    /// Any of `parts`; one part stays itself.
    pub fn any(mut parts: Vec<Expr>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::Or(parts) }
    }

    /// Calls `see` with every test in the tree.
    pub fn each_test<'e>(&'e self, see: &mut dyn FnMut(&'e Test)) {
        match self {
            Self::Test(test) => see(test),
            Self::And(parts) | Self::Or(parts) | Self::AtLeast(_, parts) => {
                for part in parts {
                    part.each_test(see);
                }
            }
            Self::Not(inner) => inner.each_test(see),
        }
    }
}

/// One test. Shape: `field` is a Sigma name, or `None` for a keyword that any value may hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// The Sigma field name.
    pub field: Option<String>,
    /// What is asked of the field's values; any value that fits is enough.
    pub ask: Ask,
}

/// What a test asks of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Absent, or JSON `null`.
    Null,
    /// The event has the field, whatever its value.
    Exists,
    /// Text with wildcards.
    Text(Vec<Atom>, LetterCase),
    /// A number, equal as a number or as its text.
    Number(String),
    /// A regular expression, searched for anywhere in the value.
    Regex(Expression),
    /// An address inside a block.
    Cidr(Cidr),
    /// A number on one side of a limit.
    Compare(Comparison, f64),
    /// The value of another field.
    FieldRef(FieldRef),
    /// One part of a time, in UTC.
    TimePart(TimePart, i64),
}

/// Whether letters that differ in case are one letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LetterCase {
    /// They are (Sigma's default).
    Folded,
    /// They are not (`cased`).
    Exact,
}

/// `lt`, `lte`, `gt`, `gte`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
}

impl Comparison {
    /// Whether `value` is on the right side of `limit`.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Lt => value < limit,
            Self::Lte => value <= limit,
            Self::Gt => value > limit,
            Self::Gte => value >= limit,
        }
    }
}

/// How a value is compared with another field's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldRef {
    /// The other field's Sigma name.
    pub field: String,
    /// Where in this field's value the other's must be.
    pub place: Place,
    /// Whether case matters.
    pub case: LetterCase,
}

/// Where in a value a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The whole value.
    Whole,
    /// Anywhere.
    Contains,
    /// At its start.
    Start,
    /// At its end.
    End,
}

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimePart {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// Day of the month.
    Day,
    /// ISO week of the year.
    Week,
    /// 1 to 12.
    Month,
    /// The year.
    Year,
}

//! The `condition` line of a rule: words → a tree over the names of selections.
//! A file of its own because the grammar is complete in itself. Precedence: `not`, then `and`, then `or`.
//! What is *not* here: what a selection tests (`item.rs`) and how `1 of` finds its selections (`parse.rs`).

/// The deepest nesting of parentheses and `not`.
pub const CONDITION_DEPTH_MAX: usize = 32;
/// The most words in one condition.
pub const CONDITION_WORDS_MAX: usize = 1_000;

/// A parsed condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of these.
    And(Vec<Condition>),
    /// Any of these.
    Or(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// The selection of this name.
    Name(String),
    /// So many of the selections that fit a pattern.
    Of(Quantity, Pattern),
}

/// How many selections must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Every one.
    All,
    /// At least so many.
    AtLeast(usize),
}

/// Which selections `of` is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// `them`: every selection whose name does not begin with `_`.
    Them,
    /// A name with `*` in it.
    Name(String),
}

impl Pattern {
    /// Whether a selection's name fits.
    pub fn fits(&self, name: &str) -> bool {
        match self {
            Self::Them => !name.starts_with('_'),
            Self::Name(pattern) => fits(pattern, name),
        }
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or("");
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

/// What is wrong with a condition and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: &'static str,
}

/// Reads a condition.
pub fn parse(text: &str) -> Result<Condition, ConditionError> {
    let words = words(text)?;
    let mut parser = Words { words: &words, at: 0 };
    let condition = parser.or(0)?;
    match parser.next() {
        None => Ok(condition),
        Some(word) => Err(unexpected(word)),
    }
}

fn words(text: &str) -> Result<Vec<&str>, ConditionError> {
    let mut words = Vec::new();
    for chunk in text.split_whitespace() {
        let mut rest = chunk;
        while let Some(at) = rest.find(['(', ')', '|']) {
            if at > 0 {
                words.push(&rest[..at]);
            }
            words.push(&rest[at..=at]);
            rest = &rest[at + 1..];
        }
        if !rest.is_empty() {
            words.push(rest);
        }
    }
    if words.contains(&"|") {
        let instead = "write the aggregation as a correlation rule (event_count, value_count, …) in its own document";
        return Err(ConditionError {
            what: "an aggregation after '|', which Sigma 2 no longer has".to_owned(),
            instead,
        });
    }
    if words.len() > CONDITION_WORDS_MAX {
        let what = format!("more than {CONDITION_WORDS_MAX} words");
        return Err(ConditionError { what, instead: "use '1 of' or 'all of' with a name pattern" });
    }
    Ok(words)
}

fn unexpected(word: &str) -> ConditionError {
    ConditionError {
        what: format!("{word:?} is not expected here"),
        instead: "join names with and, or, not and parentheses",
    }
}

struct Words<'w> {
    words: &'w [&'w str],
    at: usize,
}

impl<'w> Words<'w> {
    fn peek(&self) -> Option<&'w str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'w str> {
        let word = self.peek();
        self.at += 1;
        word
    }

    fn is(&mut self, word: &str) -> bool {
        let is = self.peek().is_some_and(|held| held.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    fn or(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        let mut any = vec![self.and(depth)?];
        while self.is("or") {
            any.push(self.and(depth)?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Condition::Or(any) })
    }

    fn and(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        let mut all = vec![self.not(depth)?];
        while self.is("and") {
            all.push(self.not(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::And(all) })
    }

    fn not(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        if depth > CONDITION_DEPTH_MAX {
            let what = format!("nested deeper than {CONDITION_DEPTH_MAX}");
            return Err(ConditionError { what, instead: "flatten it" });
        }
        if self.is("not") {
            return Ok(Condition::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.is("(") {
            let inner = self.or(depth + 1)?;
            if self.is(")") {
                return Ok(inner);
            }
            return Err(ConditionError { what: "'(' without ')'".to_owned(), instead: "close the parenthesis" });
        }
        self.name_or_of()
    }

    fn name_or_of(&mut self) -> Result<Condition, ConditionError> {
        let Some(word) = self.next() else {
            return Err(ConditionError { what: "the condition ends early".to_owned(), instead: "name a selection" });
        };
        if self.peek().is_some_and(|next| next.eq_ignore_ascii_case("of")) {
            self.at += 1;
            return self.of(word);
        }
        let reserved = ["and", "or", "of", "them", ")"].iter().any(|r| r.eq_ignore_ascii_case(word));
        if reserved { Err(unexpected(word)) } else { Ok(Condition::Name(word.to_owned())) }
    }

    fn of(&mut self, quantity: &str) -> Result<Condition, ConditionError> {
        let quantity = match (quantity.to_ascii_lowercase().as_str(), quantity.parse::<usize>()) {
            ("all", _) => Quantity::All,
            ("any", _) => Quantity::AtLeast(1),
            (_, Ok(count)) if count > 0 => Quantity::AtLeast(count),
            _ => {
                let what = format!("{quantity:?} before 'of'");
                return Err(ConditionError { what, instead: "write 'all', 'any' or a number from 1" });
            }
        };
        let Some(pattern) = self.next() else {
            return Err(ConditionError {
                what: "nothing after 'of'".to_owned(),
                instead: "write 'them' or a name pattern",
            });
        };
        let pattern = match pattern.eq_ignore_ascii_case("them") {
            true => Pattern::Them,
            false => Pattern::Name(pattern.to_owned()),
        };
        Ok(Condition::Of(quantity, pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Condition {
        Condition::Name(text.to_owned())
    }

    #[test]
    fn not_binds_before_and_before_or() {
        let parsed = parse("a or not b and (c OR d)").unwrap();
        let inner = Condition::Or(vec![name("c"), name("d")]);
        let and = Condition::And(vec![Condition::Not(Box::new(name("b"))), inner]);
        assert_eq!(parsed, Condition::Or(vec![name("a"), and]));
    }

    #[test]
    fn quantities_and_patterns() {
        let of = |q, p: &str| Condition::Of(q, Pattern::Name(p.to_owned()));
        assert_eq!(parse("1 of sel_*").unwrap(), of(Quantity::AtLeast(1), "sel_*"));
        assert_eq!(parse("any of sel_*").unwrap(), of(Quantity::AtLeast(1), "sel_*"));
        assert_eq!(parse("3 of sel_*").unwrap(), of(Quantity::AtLeast(3), "sel_*"));
        assert_eq!(parse("all of them").unwrap(), Condition::Of(Quantity::All, Pattern::Them));
        assert!(Pattern::Them.fits("a") && !Pattern::Them.fits("_a"));
        assert!(Pattern::Name("*_x_*y".to_owned()).fits("a_x_by"));
        assert!(!Pattern::Name("sel*".to_owned()).fits("asel"));
    }

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, part: &str| assert!(parse(text).unwrap_err().what.contains(part), "{text}");
        check("a | count() > 5", "aggregation");
        check("(a and b", "without ')'");
        check("a b", "\"b\" is not expected");
        check("a and", "ends early");
        check("0 of them", "before 'of'");
        check(&"not ".repeat(50), "deeper");
    }
}

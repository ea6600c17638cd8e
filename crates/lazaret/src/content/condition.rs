//! Writes a Sigma condition back as text.
//! A file of its own because only the mutation of rules needs this direction; reading conditions is `detect`'s.

use detect::sigma::condition::{Condition, Pattern, Quantity};

/// The condition as text that reads back to the same tree.
pub fn text(condition: &Condition) -> String {
    match condition {
        Condition::And(parts) => joined(parts, " and "),
        Condition::Or(parts) => joined(parts, " or "),
        Condition::Not(part) => format!("not ({})", text(part)),
        Condition::Name(name) => name.clone(),
        Condition::Of(quantity, pattern) => {
            let quantity = match quantity {
                Quantity::All => "all".to_owned(),
                Quantity::AtLeast(count) => count.to_string(),
            };
            let pattern = match pattern {
                Pattern::Them => "them",
                Pattern::Name(name) => name,
            };
            format!("{quantity} of {pattern}")
        }
    }
}

fn joined(parts: &[Condition], between: &str) -> String {
    parts.iter().map(|part| format!("({})", text(part))).collect::<Vec<_>>().join(between)
}

/// Whether a part that grows makes the whole match more or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polarity {
    /// More.
    Positive,
    /// Less: it stands under a `not`.
    Negative,
}

impl Polarity {
    /// The other one.
    pub fn flipped(self) -> Self {
        match self {
            Self::Positive => Self::Negative,
            Self::Negative => Self::Positive,
        }
    }
}

/// In which direction a selection counts; nothing where the condition does not use it.
pub fn polarity(condition: &Condition, selection: &str) -> Option<Polarity> {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().find_map(|part| polarity(part, selection)),
        Condition::Not(part) => polarity(part, selection).map(Polarity::flipped),
        Condition::Name(name) => (name == selection).then_some(Polarity::Positive),
        Condition::Of(_, pattern) => pattern.fits(selection).then_some(Polarity::Positive),
    }
}

/// The condition with one operand of one `and` or `or` left out, for every such operand: what was left out, whether the
/// result matches more (positive) or less, and the rest.
pub fn without_each_operand(condition: &Condition) -> Vec<(String, Polarity, Condition)> {
    match condition {
        Condition::And(parts) => without(parts, Polarity::Positive, Condition::And),
        Condition::Or(parts) => without(parts, Polarity::Negative, Condition::Or),
        Condition::Not(part) => {
            let inside = without_each_operand(part).into_iter();
            inside.map(|(what, effect, rest)| (what, effect.flipped(), Condition::Not(Box::new(rest)))).collect()
        }
        Condition::Name(_) | Condition::Of(..) => Vec::new(),
    }
}

fn without(
    parts: &[Condition],
    effect: Polarity,
    join: fn(Vec<Condition>) -> Condition,
) -> Vec<(String, Polarity, Condition)> {
    let mut found = Vec::new();
    for (left_out, part) in parts.iter().enumerate() {
        let mut rest = parts.to_vec();
        rest.remove(left_out);
        let rest = if rest.len() == 1 { rest.remove(0) } else { join(rest) };
        found.push((text(part), effect, rest));
        for (what, effect, inside) in without_each_operand(part) {
            let mut changed = parts.to_vec();
            changed[left_out] = inside;
            found.push((what, effect, join(changed)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use detect::sigma::condition::parse;

    use super::*;

    #[test]
    fn text_reads_back_to_the_same_tree() {
        for written in ["a", "a and b or not c", "1 of sel_* and not (x or all of y*)", "2 of them"] {
            let condition = parse(written).unwrap();
            assert_eq!(parse(&text(&condition)).unwrap(), condition, "{written}");
        }
    }

    #[test]
    fn every_operand_is_left_out_once_with_its_effect() {
        let found = without_each_operand(&parse("a and (b or c) and not (d or e)").unwrap());
        let short: Vec<(String, Polarity)> = found.into_iter().map(|(what, effect, _)| (what, effect)).collect();
        let expected = [
            ("a", Polarity::Positive),
            ("(b) or (c)", Polarity::Positive),
            ("b", Polarity::Negative),
            ("c", Polarity::Negative),
            ("not ((d) or (e))", Polarity::Positive),
            ("d", Polarity::Positive),
            ("e", Polarity::Positive),
        ];
        assert_eq!(short, expected.map(|(what, effect)| (what.to_owned(), effect)));
    }

    #[test]
    fn polarity_flips_under_not() {
        let condition = parse("a and not 1 of filter_*").unwrap();
        assert_eq!(polarity(&condition, "a"), Some(Polarity::Positive));
        assert_eq!(polarity(&condition, "filter_x"), Some(Polarity::Negative));
        assert_eq!(polarity(&condition, "other"), None);
    }
}

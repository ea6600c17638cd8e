//! The fast way and the full scan find the same (line, rule) pairs: on the public data, and on events made of rules' own texts.

use detect::engine::{Carrier, Logsource, Scanner};
use detect::sigma::Rule;
use detect::sigma::expr::Ask;
use detect::sigma::text::Atom;

use crate::support::{CORPUS_ENGINE, MAPPED_ENGINE, RULES, Way, corpus_lines, pairs, scan, shared};

/// A small reproducible source of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// A text that fits a test, or nearly.
fn example(ask: &Ask, dice: &mut Dice) -> Option<String> {
    let text = match ask {
        Ask::Text(atoms, _) => atoms.iter().map(|atom| piece(atom, dice)).collect(),
        Ask::Number(text) => text.clone(),
        Ask::Compare(_, limit) => format!("{}", limit + dice.below(3) as f64 - 1.0),
        Ask::Null => return None,
        _ => "10.0.0.1".to_owned(),
    };
    Some(match dice.below(8) {
        0 => text.to_uppercase(),
        1 => format!("{text}x"),
        2 => format!(" {text}"),
        3 if !text.is_empty() => text.chars().skip(1).collect(),
        _ => text,
    })
}

fn piece(atom: &Atom, dice: &mut Dice) -> String {
    match atom {
        Atom::Literal(text) => text.clone(),
        Atom::One => "é".to_owned(),
        Atom::Star => ["", "a", "ß b"][dice.below(3)].to_owned(),
        Atom::Dash => ["-", "/", "–"][dice.below(3)].to_owned(),
        Atom::Placeholder(name) => name.clone(),
    }
}

/// An event of the rule's logsource, out of the rule's own fields and texts.
fn event_for(rule: &Rule, dice: &mut Dice) -> String {
    let mut fields: Vec<(String, serde_json::Value)> = Vec::new();
    let Logsource { product, service, category } = &rule.meta.logsource;
    for (name, value) in [("product", product), ("service", service), ("category", category)] {
        let text = value.clone().unwrap_or_else(|| "none".to_owned());
        fields.push((name.to_owned(), text.into()));
    }
    let mut tests = Vec::new();
    rule.expr.each_test(&mut |test| tests.push(test));
    for _ in 0..6 + dice.below(6) {
        let test = tests[dice.below(tests.len())];
        let name = test.field.clone().unwrap_or_else(|| "Message".to_owned());
        let Some(text) = example(&test.ask, dice) else { continue };
        let value = match text.parse::<i64>() {
            Ok(number) if dice.below(2) == 0 => number.into(),
            _ => serde_json::Value::from(text),
        };
        fields.push((name, value));
    }
    let members: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str()))).collect();
    format!("{{{}}}", members.join(","))
}

fn agree(scanner: &mut Scanner, lines: &[impl AsRef<[u8]>], carrier: Carrier) -> usize {
    let fast = scan(scanner, lines, carrier, Way::Fast);
    let full = scan(scanner, lines, carrier, Way::Full);
    assert_eq!(fast.quarantined, full.quarantined);
    let (fast, full) = (pairs(&fast), pairs(&full));
    let differ: Vec<_> = fast
        .iter()
        .filter(|pair| !full.contains(pair))
        .chain(full.iter().filter(|pair| !fast.contains(pair)))
        .collect();
    let show =
        |pair: &&(u64, String)| format!("{} {}", pair.1, String::from_utf8_lossy(lines[pair.0 as usize - 1].as_ref()));
    assert!(differ.is_empty(), "{} differ, first: {:?}", differ.len(), differ.first().map(show));
    fast.len()
}

#[test]
fn events_made_of_rule_texts_match_alike_both_ways() {
    if shared().is_none() {
        return;
    }
    let mut dice = Dice(20_261_125);
    let rules = RULES.0.rules();
    let lines: Vec<String> = (0..600).map(|_| event_for(&rules[dice.below(rules.len())], &mut dice)).collect();
    let found = agree(&mut Scanner::new(CORPUS_ENGINE.clone()), &lines, Carrier::File);
    assert!(found > 300, "only {found} matches: the events test nothing");
}

#[test]
fn a_sample_of_the_corpus_matches_alike_both_ways() {
    let Some(shared) = shared() else { return };
    let lines = corpus_lines(&shared, 401);
    agree(&mut Scanner::new(CORPUS_ENGINE.clone()), &lines, Carrier::File);
    // the same lines with the product's mappings, where their own words about their logsource count for nothing
    agree(&mut Scanner::new(MAPPED_ENGINE.clone()), &lines, Carrier::File);
}

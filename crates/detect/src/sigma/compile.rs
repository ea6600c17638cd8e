//! Rules as written → rules to run: every different test once, numbered; trees ordered by cost; placeholders filled in.
//! A file of its own because de-duplication over all rules is its whole point. It knows no event and no route (`plan.rs`).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::cidr::Cidr;
use super::expr::{Ask, Comparison, Expr, LetterCase, Place, Test, TimePart};
use super::expression::Expression;
use super::fold::Fold;
use super::pattern::{Letters, Pattern};
use super::text::{Atom, VARIANTS_MAX};
use super::{Filter, Rule, RuleMeta, Scope};

/// The field number of keywords, which any value may hold.
pub const KEYWORDS: u32 = u32::MAX;

/// All rules, compiled together.
#[derive(Debug, Default)]
pub struct Compiled {
    /// Sigma field names; a field's number is its place here.
    pub fields: Vec<String>,
    /// Every different test.
    pub predicates: Vec<Predicate>,
    /// The rules that can run.
    pub rules: Vec<CompiledRule>,
    /// Rules that are loaded but cannot run, and why.
    pub inactive: Vec<Inactive>,
}

impl Compiled {
    /// Makes a rule's plans read more fields than its condition does; for what correlations need of its matches.
    pub fn read_too(&mut self, rule: u32, names: &[String]) {
        for name in names {
            let number = match self.fields.iter().position(|held| held == name) {
                Some(number) => number,
                None => {
                    self.fields.push(name.clone());
                    self.fields.len() - 1
                }
            };
            if let Some(rule) = self.rules.get_mut(rule as usize)
                && let Err(place) = rule.fields.binary_search(&(number as u32))
            {
                rule.fields.insert(place, number as u32);
            }
        }
    }
}

/// A loaded rule that cannot run.
#[derive(Debug, Clone)]
pub struct Inactive {
    /// The rule.
    pub meta: Arc<RuleMeta>,
    /// Why it cannot run, and what would let it.
    pub reason: String,
}

/// A rule to run.
#[derive(Debug)]
pub struct CompiledRule {
    /// What it is.
    pub meta: Arc<RuleMeta>,
    /// Its condition.
    pub root: Node,
    /// What is looked at once the condition holds.
    pub filters: Vec<CompiledFilter>,
    /// The fields it reads, filters included, sorted, each once; without [`KEYWORDS`].
    pub fields: Vec<u32>,
}

/// A filter to run after its rule matched.
#[derive(Debug)]
pub struct CompiledFilter {
    /// What it is.
    pub meta: Arc<RuleMeta>,
    /// Where it applies.
    pub scope: Scope,
    /// What must hold for the match to stay.
    pub root: Node,
}

/// A condition over numbered tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// The test of this number.
    Test(u32),
    /// All, cheapest first, negations last.
    And(Box<[Node]>),
    /// Any, cheapest first.
    Or(Box<[Node]>),
    /// At least so many.
    AtLeast(usize, Box<[Node]>),
    /// Not this.
    Not(Box<Node>),
}

/// A test on one field.
#[derive(Debug)]
pub struct Predicate {
    /// The field's number, or [`KEYWORDS`].
    pub field: u32,
    /// What is asked.
    pub check: Check,
}

/// What a compiled test asks.
#[derive(Debug)]
pub enum Check {
    /// Absent or `null`.
    Null,
    /// Present.
    Exists,
    /// A string pattern.
    Text(Pattern),
    /// A number in its canonical text.
    Number(Box<str>),
    /// A regular expression over the value as written.
    Regex(Expression),
    /// An address in a block.
    Cidr(Cidr),
    /// A number against a limit.
    Compare(Comparison, f64),
    /// Another field's value.
    FieldRef(u32, Place, Letters),
    /// A part of a time.
    TimePart(TimePart, i64),
}

impl Predicate {
    /// How dear the test is, relative to others.
    pub fn cost(&self) -> u32 {
        let own = match &self.check {
            Check::Null | Check::Exists => 1,
            Check::Number(..) => 2,
            Check::Text(pattern) => pattern.cost(),
            Check::Compare(..) => 15,
            Check::Cidr(_) => 20,
            Check::FieldRef(..) | Check::TimePart(..) => 40,
            Check::Regex(_) => 80,
        };
        if self.field == KEYWORDS { own * 20 } else { own }
    }
}

/// Compiles rules with a table of placeholder values for `expand`.
pub fn compile(rules: &[Rule], placeholders: &BTreeMap<String, Vec<String>>) -> Compiled {
    let mut compiler =
        Compiler { out: Compiled::default(), fields: HashMap::new(), tests: HashMap::new(), placeholders };
    for rule in rules {
        match compiler.node(&rule.expr, Fold::Wide) {
            Ok(root) => {
                let mut fields = Vec::new();
                compiler.fields_of(&root, &mut fields);
                let filters: Vec<_> = rule.filters.iter().filter_map(|filter| compiler.filter(filter)).collect();
                filters.iter().for_each(|filter| compiler.fields_of(&filter.root, &mut fields));
                fields.sort_unstable();
                fields.dedup();
                compiler.out.rules.push(CompiledRule { meta: rule.meta.clone(), root, filters, fields });
            }
            Err(reason) => compiler.out.inactive.push(Inactive { meta: rule.meta.clone(), reason }),
        }
    }
    compiler.out
}

struct Compiler<'p> {
    out: Compiled,
    fields: HashMap<String, u32>,
    tests: HashMap<Box<[u8]>, u32>,
    placeholders: &'p BTreeMap<String, Vec<String>>,
}

impl Compiler<'_> {
    /// A filter that cannot run hides nothing: the rule it is for stays as it is.
    fn filter(&mut self, filter: &Filter) -> Option<CompiledFilter> {
        match self.node(&filter.expr, Fold::Wide) {
            Ok(root) => Some(CompiledFilter { meta: filter.meta.clone(), scope: filter.scope.clone(), root }),
            Err(reason) => {
                self.out.inactive.push(Inactive { meta: filter.meta.clone(), reason });
                None
            }
        }
    }

    fn field(&mut self, name: &str) -> u32 {
        if let Some(number) = self.fields.get(name) {
            return *number;
        }
        let number = self.out.fields.len() as u32;
        self.out.fields.push(name.to_owned());
        self.fields.insert(name.to_owned(), number);
        number
    }

    fn fields_of(&self, node: &Node, fields: &mut Vec<u32>) {
        match node {
            Node::Test(test) => {
                let predicate = &self.out.predicates[*test as usize];
                if predicate.field != KEYWORDS {
                    fields.push(predicate.field);
                }
                if let Check::FieldRef(other, ..) = predicate.check {
                    fields.push(other);
                }
            }
            Node::And(parts) | Node::Or(parts) | Node::AtLeast(_, parts) => {
                parts.iter().for_each(|part| self.fields_of(part, fields));
            }
            Node::Not(inner) => self.fields_of(inner, fields),
        }
    }

    /// `fold` is wide where a match makes the rule fire and narrow where it keeps it silent.
    fn node(&mut self, expr: &Expr, fold: Fold) -> Result<Node, String> {
        Ok(match expr {
            Expr::Test(test) => self.test(test, fold)?,
            Expr::Not(inner) => {
                let other = if fold == Fold::Wide { Fold::Narrow } else { Fold::Wide };
                Node::Not(Box::new(self.node(inner, other)?))
            }
            Expr::And(parts) => {
                let mut flat = Vec::new();
                for part in parts {
                    match self.node(part, fold)? {
                        Node::And(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                self.joined(flat, Node::And)
            }
            Expr::Or(parts) => {
                let mut flat = Vec::new();
                for part in parts {
                    match self.node(part, fold)? {
                        Node::Or(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                self.joined(flat, Node::Or)
            }
            Expr::AtLeast(count, parts) => {
                let parts = parts.iter().map(|part| self.node(part, fold)).collect::<Result<Vec<_>, _>>()?;
                Node::AtLeast(*count, parts.into())
            }
        })
    }

    fn joined(&self, mut parts: Vec<Node>, join: fn(Box<[Node]>) -> Node) -> Node {
        parts.sort_by_key(|part| (matches!(part, Node::Not(_)), self.cost(part)));
        if parts.len() == 1 { parts.remove(0) } else { join(parts.into()) }
    }

    fn cost(&self, node: &Node) -> u32 {
        match node {
            Node::Test(test) => self.out.predicates[*test as usize].cost(),
            Node::And(parts) | Node::Or(parts) | Node::AtLeast(_, parts) => {
                parts.iter().fold(0_u32, |sum, part| sum.saturating_add(self.cost(part)))
            }
            Node::Not(inner) => self.cost(inner),
        }
    }

    fn test(&mut self, test: &Test, fold: Fold) -> Result<Node, String> {
        let field = test.field.as_deref().map_or(KEYWORDS, |name| self.field(name));
        let Ask::Text(atoms, case) = &test.ask else {
            return Ok(Node::Test(self.other_test(field, &test.ask, fold)));
        };
        let letters = letters(*case, fold);
        if !atoms.iter().any(|atom| matches!(atom, Atom::Placeholder(_))) {
            return Ok(Node::Test(self.text_test(field, atoms, letters)));
        }
        let variants = self.expand(atoms)?;
        let tests = variants.iter().map(|atoms| Node::Test(self.text_test(field, atoms, letters))).collect();
        Ok(self.joined(tests, Node::Or))
    }

    /// Every combination of the placeholders' values.
    fn expand(&self, atoms: &[Atom]) -> Result<Vec<Vec<Atom>>, String> {
        let mut variants = vec![Vec::new()];
        for atom in atoms {
            let Atom::Placeholder(name) = atom else {
                variants.iter_mut().for_each(|variant| variant.push(atom.clone()));
                continue;
            };
            let values = self.placeholders.get(name).filter(|values| !values.is_empty());
            let values = values.ok_or_else(|| {
                format!("the placeholder %{name}% has no values here; name them in the configuration")
            })?;
            if variants.len().saturating_mul(values.len()) > VARIANTS_MAX {
                return Err(format!("the placeholder %{name}% makes more than {VARIANTS_MAX} texts; shorten its list"));
            }
            variants = variants
                .iter()
                .flat_map(|variant| values.iter().map(|value| [variant.clone(), super::text::parse(value)].concat()))
                .collect();
        }
        Ok(variants)
    }

    fn text_test(&mut self, field: u32, atoms: &[Atom], letters: Letters) -> u32 {
        let mut key = Key::new(b't', field);
        key.letters(letters);
        for atom in atoms {
            match atom {
                Atom::Literal(text) => key.text(b'L', text),
                Atom::One => key.0.push(b'?'),
                Atom::Star => key.0.push(b'*'),
                Atom::Dash => key.0.push(b'-'),
                Atom::Placeholder(name) => key.text(b'%', name),
            }
        }
        self.intern(key, field, || Check::Text(Pattern::new(atoms, letters)))
    }

    fn other_test(&mut self, field: u32, ask: &Ask, fold: Fold) -> u32 {
        match ask {
            Ask::Null => self.intern(Key::new(b'0', field), field, || Check::Null),
            Ask::Exists => self.intern(Key::new(b'e', field), field, || Check::Exists),
            Ask::Number(text) => {
                let text = canonical_number(text);
                let mut key = Key::new(b'n', field);
                key.text(b'L', &text);
                self.intern(key, field, || Check::Number(text.as_ref().into()))
            }
            Ask::Regex(regex) => {
                let mut key = Key::new(b'r', field);
                key.text(b'L', &regex.written());
                self.intern(key, field, || Check::Regex(regex.clone()))
            }
            Ask::Cidr(block) => {
                let mut key = Key::new(b'c', field);
                let (first, last) = block.range();
                key.0.extend(first.to_le_bytes());
                key.0.extend(last.to_le_bytes());
                self.intern(key, field, || Check::Cidr(*block))
            }
            Ask::Compare(comparison, limit) => {
                let mut key = Key::new(b'<', field);
                key.0.push(*comparison as u8);
                key.0.extend(limit.to_bits().to_le_bytes());
                self.intern(key, field, || Check::Compare(*comparison, *limit))
            }
            Ask::FieldRef(reference) => {
                let other = self.field(&reference.field);
                let letters = letters(reference.case, fold);
                let mut key = Key::new(b'f', field);
                key.letters(letters);
                key.0.push(reference.place as u8);
                key.0.extend(other.to_le_bytes());
                self.intern(key, field, || Check::FieldRef(other, reference.place, letters))
            }
            Ask::TimePart(part, number) => {
                let mut key = Key::new(b'd', field);
                key.0.push(*part as u8);
                key.0.extend(number.to_le_bytes());
                self.intern(key, field, || Check::TimePart(*part, *number))
            }
            Ask::Text(atoms, case) => self.text_test(field, atoms, letters(*case, fold)),
        }
    }

    fn intern(&mut self, key: Key, field: u32, check: impl FnOnce() -> Check) -> u32 {
        if let Some(number) = self.tests.get(key.0.as_slice()) {
            return *number;
        }
        let number = self.out.predicates.len() as u32;
        self.out.predicates.push(Predicate { field, check: check() });
        self.tests.insert(key.0.into_boxed_slice(), number);
        number
    }
}

/// A number's text without needless form: 4625.0 and 4.625e3 are 4625. Shape: integers stay as written.
pub fn canonical_number(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) {
        return Cow::Borrowed(text);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Cow::Owned(number.to_string()),
        _ => Cow::Borrowed(text),
    }
}

fn letters(case: LetterCase, fold: Fold) -> Letters {
    match case {
        LetterCase::Folded => Letters::Folded(fold),
        LetterCase::Exact => Letters::Exact,
    }
}

/// What makes two tests the same test, as bytes.
struct Key(Vec<u8>);

impl Key {
    fn new(tag: u8, field: u32) -> Self {
        let mut bytes = Vec::with_capacity(48);
        bytes.push(tag);
        bytes.extend(field.to_le_bytes());
        Self(bytes)
    }

    fn letters(&mut self, letters: Letters) {
        self.0.push(match letters {
            Letters::Folded(Fold::Wide) => b'w',
            Letters::Folded(Fold::Narrow) => b'n',
            Letters::Exact => b'x',
        });
    }

    fn text(&mut self, tag: u8, text: &str) {
        self.0.push(tag);
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }
}

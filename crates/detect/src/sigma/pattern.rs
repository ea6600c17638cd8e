//! Compiled string patterns: whole, start, end, anywhere, or with wildcards inside.
//! A file of its own because it is the innermost loop of the engine and depends on nothing but text.

use memchr::memmem;

use super::fold::{Fold, fold_text};
use super::text::{Atom, DASHES};

/// Which form of a value a pattern is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Letters {
    /// Folded, see [`Fold`].
    Folded(Fold),
    /// As written.
    Exact,
}

/// A pattern over one form of a value.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// Which form of the value it is compared with.
    pub letters: Letters,
    /// The shape.
    pub shape: Shape,
}

/// The shape of a pattern.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Any text at all.
    Any,
    /// The whole value.
    Whole(Box<str>),
    /// The value's start.
    Start(Box<str>),
    /// The value's end.
    End(Box<str>),
    /// Anywhere in the value.
    Contains(Box<memmem::Finder<'static>>),
    /// Wildcards inside.
    Glob(Box<Glob>),
}

/// Runs of text and single-character wildcards between stars.
#[derive(Debug, Clone)]
pub struct Glob {
    runs: Vec<Vec<Piece>>,
    starts_with_star: bool,
    ends_with_star: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    One,
    Dash,
}

impl Pattern {
    /// Compiles a string whose placeholders are already filled in.
    pub fn new(atoms: &[Atom], letters: Letters) -> Self {
        let runs = runs(atoms, letters);
        let stars = atoms.iter().filter(|atom| **atom == Atom::Star).count();
        let starts_with_star = atoms.first() == Some(&Atom::Star);
        let ends_with_star = atoms.last() == Some(&Atom::Star);
        let single = match runs.as_slice() {
            [run] => match run.as_slice() {
                [Piece::Text(text)] => Some(text.clone()),
                _ => None,
            },
            _ => None,
        };
        let shape = match (single, starts_with_star, ends_with_star) {
            _ if runs.is_empty() && stars > 0 => Shape::Any,
            _ if runs.is_empty() => Shape::Whole("".into()),
            (Some(text), false, false) => Shape::Whole(text),
            (Some(text), false, true) => Shape::Start(text),
            (Some(text), true, false) => Shape::End(text),
            (Some(text), true, true) => Shape::Contains(Box::new(memmem::Finder::new(text.as_bytes()).into_owned())),
            (None, ..) => Shape::Glob(Box::new(Glob { runs, starts_with_star, ends_with_star })),
        };
        Self { letters, shape }
    }

    /// Whether the value, already in the form of `letters`, fits.
    pub fn fits(&self, value: &str) -> bool {
        match &self.shape {
            Shape::Any => true,
            Shape::Whole(text) => **text == *value,
            Shape::Start(text) => value.starts_with(&**text),
            Shape::End(text) => value.ends_with(&**text),
            Shape::Contains(finder) => finder.find(value.as_bytes()).is_some(),
            Shape::Glob(glob) => glob.fits(value),
        }
    }

    /// How dear a comparison is, relative to the others.
    pub fn cost(&self) -> u32 {
        match self.shape {
            Shape::Any => 1,
            Shape::Whole(_) => 2,
            Shape::Start(_) | Shape::End(_) => 3,
            Shape::Contains(_) => 12,
            Shape::Glob(_) => 30,
        }
    }

    /// The longest text that every fitting value holds, in the form of `letters`; empty where there is none.
    pub fn required_text(&self) -> &str {
        match &self.shape {
            Shape::Any => "",
            Shape::Whole(text) | Shape::Start(text) | Shape::End(text) => text,
            Shape::Contains(finder) => std::str::from_utf8(finder.needle()).unwrap_or(""),
            Shape::Glob(glob) => glob.required_text(),
        }
    }
}

fn runs(atoms: &[Atom], letters: Letters) -> Vec<Vec<Piece>> {
    let mut runs: Vec<Vec<Piece>> = Vec::new();
    let mut run = Vec::new();
    let mut text = String::new();
    let flush = |text: &mut String, run: &mut Vec<Piece>| {
        if !text.is_empty() {
            run.push(Piece::Text(std::mem::take(text).into()));
        }
    };
    for atom in atoms {
        match atom {
            Atom::Literal(part) => match letters {
                Letters::Folded(fold) => text.push_str(&fold_text(part, fold)),
                Letters::Exact => text.push_str(part),
            },
            Atom::One | Atom::Dash => {
                flush(&mut text, &mut run);
                run.push(if *atom == Atom::One { Piece::One } else { Piece::Dash });
            }
            Atom::Star => {
                flush(&mut text, &mut run);
                if !run.is_empty() {
                    runs.push(std::mem::take(&mut run));
                }
            }
            // Filled in before; one that is left over fits only its own text.
            Atom::Placeholder(name) => text.push_str(&format!("%{name}%")),
        }
    }
    flush(&mut text, &mut run);
    if !run.is_empty() {
        runs.push(run);
    }
    runs
}

impl Glob {
    fn fits(&self, value: &str) -> bool {
        let mut runs = self.runs.as_slice();
        let mut rest = value;
        if !self.starts_with_star
            && let Some((first, others)) = runs.split_first()
        {
            let Some(end) = run_at(first, rest) else { return false };
            rest = &rest[end..];
            runs = others;
            if runs.is_empty() && !self.ends_with_star {
                return rest.is_empty();
            }
        }
        let last = match self.ends_with_star {
            true => None,
            false => runs.split_last().map(|(last, others)| {
                runs = others;
                last
            }),
        };
        for run in runs {
            let Some(end) = find_run(run, rest) else { return false };
            rest = &rest[end..];
        }
        last.is_none_or(|run| ends_with_run(run, rest))
    }

    fn required_text(&self) -> &str {
        let texts = self.runs.iter().flatten().filter_map(|piece| match piece {
            Piece::Text(text) => Some(&**text),
            _ => None,
        });
        texts.max_by_key(|text| text.len()).unwrap_or("")
    }
}

/// The end of the run where it begins at the start of `text`.
fn run_at(run: &[Piece], text: &str) -> Option<usize> {
    let mut rest = text;
    for piece in run {
        rest = match piece {
            Piece::Text(part) => rest.strip_prefix(&**part)?,
            Piece::One => {
                let mut chars = rest.chars();
                chars.next()?;
                chars.as_str()
            }
            Piece::Dash => rest.strip_prefix(DASHES)?,
        };
    }
    Some(text.len() - rest.len())
}

/// The end of the first place where the run is found.
fn find_run(run: &[Piece], text: &str) -> Option<usize> {
    if let Some(Piece::Text(first)) = run.first() {
        return memmem::find_iter(text.as_bytes(), first.as_bytes())
            .find_map(|start| run_at(run, text.get(start..)?).map(|end| start + end));
    }
    text.char_indices().find_map(|(start, _)| run_at(run, &text[start..]).map(|end| start + end))
}

/// Whether `text` ends with the run. Shape: a run without stars always covers the same number of characters.
fn ends_with_run(run: &[Piece], text: &str) -> bool {
    let mut rest = text;
    for piece in run.iter().rev() {
        let shorter = match piece {
            Piece::Text(part) => rest.strip_suffix(&**part),
            Piece::One => {
                let mut chars = rest.chars();
                chars.next_back().map(|_| chars.as_str())
            }
            Piece::Dash => rest.strip_suffix(DASHES),
        };
        match shorter {
            Some(shorter) => rest = shorter,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigma::text;

    fn fits(pattern: &str, value: &str) -> bool {
        let letters = Letters::Folded(Fold::Wide);
        Pattern::new(&text::parse(pattern), letters).fits(&fold_text(value, Fold::Wide))
    }

    #[test]
    fn shapes_and_wildcards() {
        let check = |pattern: &str, value: &str, expected: bool| {
            assert_eq!(fits(pattern, value), expected, "{pattern} {value}")
        };
        check("ABC", "abc", true);
        check("abc", "abcd", false);
        check("abc*", "ABCD", true);
        check("*bcd", "abcd", true);
        check("*bc*", "abcd", true);
        check("a*d", "abcd", true);
        check("a*d", "ad", true);
        check("a*d", "a", false);
        check("a?c", "aßc", true);
        check("a?c", "ac", false);
        check("*1?", "0x10", true);
        check("*1?", "0x1", false);
        check("*a*b*c", "xaxbxc", true);
        check("*ab*ab", "ab", false);
        check("??", "ab", true);
        check("??", "abc", false);
        check("*", "", true);
        check("", "", true);
        check("", "a", false);
        check("a*?", "a", false);
        check("a*?", "ab", true);
    }

    #[test]
    fn dashes_are_one_class() {
        let pattern = Pattern::new(&text::windash(text::parse("* -accepteula*")), Letters::Folded(Fold::Wide));
        for dash in DASHES {
            assert!(pattern.fits(&format!("procdump {dash}accepteula")));
        }
        assert!(!pattern.fits("procdump +accepteula"));
        assert_eq!(pattern.required_text(), "accepteula");
    }

    #[test]
    fn agrees_with_a_naive_matcher() {
        fn naive(pattern: &[char], value: &[char]) -> bool {
            match pattern.split_first() {
                None => value.is_empty(),
                Some(('*', rest)) => (0..=value.len()).any(|skip| naive(rest, &value[skip..])),
                Some(('?', rest)) => !value.is_empty() && naive(rest, &value[1..]),
                Some((c, rest)) => value.first() == Some(c) && naive(rest, &value[1..]),
            }
        }
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..20_000 {
            let pattern: String = (0..next(7)).map(|_| ['a', 'b', '*', '?'][next(4) as usize]).collect();
            let value: String = (0..next(8)).map(|_| ['a', 'b'][next(2) as usize]).collect();
            let expected = naive(&pattern.chars().collect::<Vec<_>>(), &value.chars().collect::<Vec<_>>());
            assert_eq!(fits(&pattern, &value), expected, "{pattern} {value}");
        }
    }
}

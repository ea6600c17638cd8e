//! Regular expressions whose search has a written end.
//! A file of its own because a linear-time engine alone is no limit: `a[ab]{4000}c` is 25 bytes, takes 700 kB compiled,
//! and one search of a megabyte takes half a minute. So every event has a number of steps, a step being one state of the
//! expression at one byte of the value. What would need more is searched with an automaton that gives up when it does
//! not come on; giving up is no match, and is counted.
//!
//! Nothing here reads a clock: the same event and rules always end the same way.

use std::sync::{Arc, OnceLock};

use regex_automata::hybrid::dfa::DFA;
use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

/// The longest regular expression, in bytes.
pub const REGEX_BYTES_MAX: usize = 8 * 1024;
/// The most memory one compiled regular expression may take, in bytes. Public rules need 3.2 million for `\w{1,64}`.
pub const REGEX_COMPILED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most regular expressions of one rule.
pub const RULE_REGEXES_MAX: usize = 100;
/// The most memory that one rule's regular expressions may take compiled, in bytes.
pub const RULE_REGEX_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most regular expressions of all rules that one warning brings.
pub const WARNING_REGEXES_MAX: usize = 200;
/// The most memory that the regular expressions of one warning may take compiled, in bytes.
pub const WARNING_REGEX_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most memory that one expression's states may take while it is searched, in bytes.
const SEARCH_BYTES_MAX: usize = 1024 * 1024;
/// States times bytes that one event's ordinary searches may need: less than a second at the worst.
pub const EVENT_STEPS_MAX: u64 = 100_000_000;
/// Searches beyond those steps that one event may cause; each ends after [`CLEARS_MAX`] full memories at the latest.
pub const EVENT_LONG_SEARCHES_MAX: u32 = 100;
/// Long searches of one event that may give up; then none is begun any more.
pub const EVENT_GIVE_UPS_MAX: u32 = 4;
/// How often a long search may fill [`SEARCH_BYTES_MAX`] before it gives up.
const CLEARS_MAX: usize = 3;

/// A regular expression, compiled. Shape: two are equal when they are written alike; copies share everything.
#[derive(Debug, Clone)]
pub struct Expression(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pattern: String,
    flags: Flags,
    regex: regex::Regex,
    /// How many states its program has, and the bytes it takes.
    states: u64,
    bytes: usize,
    /// Made when a value is too long for the ordinary search; none where it cannot be made.
    long: OnceLock<Option<DFA>>,
}

/// `|re` and the modifiers behind it. Source: Sigma specification 2.x, *re*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// `i`: letters that differ in case are one letter.
    pub ignore_case: bool,
    /// `m`: `^` and `$` are ends of lines.
    pub multi_line: bool,
    /// `s`: `.` is a line end too.
    pub dot_all: bool,
}

/// How many regular expressions, and how much memory of them, may still be read.
#[derive(Debug)]
pub struct Allowance {
    whose: &'static str,
    count_max: usize,
    bytes_max: usize,
    count: usize,
    bytes: usize,
}

impl Allowance {
    /// For one rule of a file. Limits: [`RULE_REGEXES_MAX`], [`RULE_REGEX_BYTES_MAX`].
    pub fn of_a_rule() -> Self {
        let (count_max, bytes_max) = (RULE_REGEXES_MAX, RULE_REGEX_BYTES_MAX);
        Self { whose: "one rule", count_max, bytes_max, count: 0, bytes: 0 }
    }

    /// For all rules of a warning. Limits: [`WARNING_REGEXES_MAX`], [`WARNING_REGEX_BYTES_MAX`].
    pub fn of_a_warning() -> Self {
        let (count_max, bytes_max) = (WARNING_REGEXES_MAX, WARNING_REGEX_BYTES_MAX);
        Self { whose: "the rules of one warning", count_max, bytes_max, count: 0, bytes: 0 }
    }

    /// Takes one more. Errors: which limit is passed, in words.
    pub fn take(&mut self, expression: &Expression) -> Result<(), String> {
        let Self { whose, count_max, bytes_max, .. } = *self;
        self.count += 1;
        self.bytes = self.bytes.saturating_add(expression.compiled_bytes());
        if self.count > count_max {
            return Err(format!("{whose} with more than the limit of {count_max} regular expressions"));
        }
        if self.bytes > bytes_max {
            return Err(format!(
                "{whose} with regular expressions of more than the limit of {bytes_max} bytes compiled"
            ));
        }
        Ok(())
    }
}

/// What the searches of one event may still cost, and what they could not do.
#[derive(Debug)]
pub struct Budget {
    steps: u64,
    long_searches: u32,
    give_ups: u32,
    gave_up: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: EVENT_STEPS_MAX,
            long_searches: EVENT_LONG_SEARCHES_MAX,
            give_ups: EVENT_GIVE_UPS_MAX,
            gave_up: 0,
        }
    }
}

impl Budget {
    /// How many searches of this event gave up.
    pub fn gave_up(&self) -> u64 {
        self.gave_up
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.pattern == other.0.pattern && self.0.flags == other.0.flags
    }
}

impl Expression {
    /// Compiles an expression. Limits: [`REGEX_BYTES_MAX`], [`REGEX_COMPILED_BYTES_MAX`]. Errors: what is wrong, in words.
    pub fn new(pattern: &str, flags: Flags) -> Result<Self, String> {
        if pattern.len() > REGEX_BYTES_MAX {
            return Err(format!("it has {} bytes, more than the limit of {REGEX_BYTES_MAX}", pattern.len()));
        }
        let regex = regex::RegexBuilder::new(pattern)
            .case_insensitive(flags.ignore_case)
            .multi_line(flags.multi_line)
            .dot_matches_new_line(flags.dot_all)
            .size_limit(REGEX_COMPILED_BYTES_MAX)
            .dfa_size_limit(SEARCH_BYTES_MAX)
            .build();
        let regex = regex.map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => format!("compiled it takes more than the limit of {limit} bytes"),
            other => other.to_string().replace('\n', " "),
        })?;
        let program = program(pattern, flags).ok_or("it cannot be compiled")?;
        let (states, bytes) = (program.states().len() as u64, program.memory_usage());
        let pattern = pattern.to_owned();
        Ok(Self(Arc::new(Inner { pattern, flags, regex, states, bytes, long: OnceLock::new() })))
    }

    /// What makes it the same expression as another, as one text.
    pub fn written(&self) -> String {
        let flag = |on: bool, letter| if on { letter } else { "" };
        let Flags { ignore_case, multi_line, dot_all } = self.0.flags;
        format!("(?{}{}{}){}", flag(ignore_case, "i"), flag(multi_line, "m"), flag(dot_all, "s"), self.0.pattern)
    }

    /// How many bytes its program takes.
    pub fn compiled_bytes(&self) -> usize {
        self.0.bytes
    }

    /// Whether it is found anywhere in the text. Shape: false where it gave up; the budget tells.
    pub fn is_found(&self, text: &str, budget: &mut Budget) -> bool {
        let steps = self.0.states.saturating_mul(text.len() as u64 + 1);
        if let Some(left) = budget.steps.checked_sub(steps) {
            budget.steps = left;
            return self.0.regex.is_match(text);
        }
        self.long_search(text, budget).unwrap_or_else(|| {
            budget.give_ups = budget.give_ups.saturating_sub(1);
            budget.gave_up += 1;
            false
        })
    }

    /// A search that gives up (`None`) instead of taking its time.
    fn long_search(&self, text: &str, budget: &mut Budget) -> Option<bool> {
        budget.long_searches = budget.long_searches.checked_sub(1)?;
        if budget.give_ups == 0 {
            return None;
        }
        let automaton = self.0.long.get_or_init(|| automaton(&self.0.pattern, self.0.flags)).as_ref()?;
        // new for each search: how far another one got must not decide how far this one gets
        let mut states = automaton.create_cache();
        automaton.try_search_fwd(&mut states, &Input::new(text).earliest(true)).ok().map(|found| found.is_some())
    }
}

fn program(pattern: &str, flags: Flags) -> Option<NFA> {
    let syntax = syntax::Config::new()
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multi_line)
        .dot_matches_new_line(flags.dot_all);
    let config = NFA::config().nfa_size_limit(Some(REGEX_COMPILED_BYTES_MAX)).which_captures(WhichCaptures::None);
    NFA::compiler().syntax(syntax).configure(config).build(pattern).ok()
}

fn automaton(pattern: &str, flags: Flags) -> Option<DFA> {
    let config = DFA::config()
        .match_kind(MatchKind::LeftmostFirst)
        .unicode_word_boundary(true)
        .cache_capacity(SEARCH_BYTES_MAX)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(CLEARS_MAX));
    DFA::builder().configure(config).build_from_nfa(program(pattern, flags)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(pattern: &str) -> Expression {
        Expression::new(pattern, Flags::default()).unwrap()
    }

    /// A text on which every start is another state.
    fn noise(bytes: usize) -> String {
        let mut state = 7_u64;
        let letter = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state & 256 == 0 { 'a' } else { 'b' }
        };
        (0..bytes).map(letter).collect()
    }

    #[test]
    fn a_bomb_gives_up_and_is_counted_and_the_next_event_is_searched() {
        let bomb = expression("a[ab]{4000}c");
        let mut budget = Budget::default();
        assert!(!bomb.is_found(&noise(1 << 20), &mut budget));
        assert_eq!(budget.gave_up(), 1);
        let mut next = Budget::default();
        assert!(bomb.is_found(&format!("a{}c", "b".repeat(4_000)), &mut next));
        assert_eq!(next.gave_up(), 0);
    }

    #[test]
    fn many_bombs_cost_one_event_no_more_than_a_few() {
        let mut budget = Budget::default();
        let text = noise(1 << 20);
        for length in 3_000..3_050 {
            assert!(!expression(&format!("a[ab]{{{length}}}c")).is_found(&text, &mut budget));
        }
        assert_eq!(budget.gave_up(), 50, "after {EVENT_GIVE_UPS_MAX} none is begun");
        assert_eq!(budget.long_searches, EVENT_LONG_SEARCHES_MAX - 50);
    }

    #[test]
    fn harmless_expressions_find_the_same_in_long_values() {
        let check = |pattern: &str, text: &str, found: bool| {
            let expression = expression(pattern);
            let mut spent = Budget { steps: 0, ..Budget::default() };
            assert_eq!(expression.is_found(text, &mut spent), found, "{pattern}");
            assert_eq!(spent.gave_up(), 0, "{pattern}");
            assert_eq!(expression.is_found(text, &mut Budget::default()), found, "{pattern}");
        };
        let long = "x ".repeat(200_000);
        check(".{1000,}", &long, true);
        check(r"-k\s\w{1,64}(?:\s?(?:-p|-s))?", &long, false);
        check(r"-k\s\w{1,64}(?:\s?(?:-p|-s))?", &format!("{long}-k netsvcs"), true);
        check(r"\bend\b", &format!("{long}end"), true);
        check("^x.*y$", &long, false);
        check("(?i)X X$", long.trim_end(), true);
    }

    #[test]
    fn what_is_too_large_says_the_limit() {
        let check = |pattern: &str, part: &str| {
            let why = Expression::new(pattern, Flags::default()).unwrap_err();
            assert!(why.contains(part), "{why}");
        };
        check(&"a".repeat(REGEX_BYTES_MAX + 1), "8192");
        check(r"((\w{100}){100}){100}", "4194304");
        check("(a", "unclosed");
        check("(?=a)", "look-around");
    }
}

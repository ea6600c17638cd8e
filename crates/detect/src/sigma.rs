//! Sigma: rule files → rules, filters and correlations; compiled; matched. The words callers use are here.
//! What is *not* here: routing and scanning (`engine.rs`), windows of correlation (`correlate.rs`).

pub mod cidr;
pub mod compile;
pub mod condition;
pub mod correlation;
pub mod expr;
pub mod expression;
pub mod filter;
pub mod fold;
pub mod item;
pub mod matching;
pub mod parse;
pub mod pattern;
pub mod plan;
pub mod prefilter;
pub mod text;
pub mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use domain::telemetry::Level;

pub use correlation::Correlation;
pub use filter::{Filter, Scope};

/// One YAML file with one or more documents.
#[derive(Debug, Clone)]
pub struct RuleText {
    /// Where it came from, for messages; a path or a warning's name.
    pub path: String,
    /// The YAML.
    pub text: String,
    /// Who brought it.
    pub origin: RuleOrigin,
    /// A mark that everything it causes inherits.
    pub mark: Option<Mark>,
}

/// Who brought a rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RuleOrigin {
    /// Part of the binary.
    BuiltIn,
    /// From the operator's own folders.
    Local,
    /// From a hub's warning with this record id.
    Warning(String),
}

/// A mark that travels from a rule to what it causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// An exercise.
    Drill,
}

/// Something in a rule file that could not be used as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// The file.
    pub path: String,
    /// The line in the file, from 1.
    pub line: u32,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.what, self.instead)
    }
}

/// Where events come from, as Sigma's rules and our mappings name it. Source: Sigma specification 2.x, *logsource*.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Logsource {
    /// `windows`, `linux`, `zeek`, …
    pub product: Option<String>,
    /// `security`, `sysmon`, `sshd`, …
    pub service: Option<String>,
    /// `process_creation`, `firewall`, …
    pub category: Option<String>,
}

impl Logsource {
    /// Whether an event of `source` is what a rule of this logsource asks for: every dimension the rule states is equal.
    pub fn satisfied_by(&self, source: &Logsource) -> bool {
        let stated = |rule: &Option<String>, event: &Option<String>| rule.is_none() || rule == event;
        stated(&self.product, &source.product)
            && stated(&self.service, &source.service)
            && stated(&self.category, &source.category)
    }
}

impl fmt::Display for Logsource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |dimension: &Option<String>| dimension.clone().unwrap_or_else(|| "*".to_owned());
        write!(f, "{}/{}/{}", part(&self.product), part(&self.service), part(&self.category))
    }
}

/// What people and later stages need to know of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleMeta {
    /// Sigma id; where a rule has none, its path and place in the file.
    pub id: String,
    /// The name other documents may refer to it by.
    pub name: Option<String>,
    /// Title.
    pub title: String,
    /// Level; `medium` where the rule has none.
    pub level: Level,
    /// `lazaret.family`, else the first ATT&CK technique, else the id.
    pub family: String,
    /// Status word of the rule.
    pub status: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Author.
    pub author: Option<String>,
    /// Links.
    pub references: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Known harmless causes.
    pub falsepositives: Vec<String>,
    /// Fields worth showing.
    pub fields: Vec<String>,
    /// Logsource; empty for a correlation.
    pub logsource: Logsource,
    /// Who brought it.
    pub origin: RuleOrigin,
    /// Inherited by what it causes.
    pub mark: Option<Mark>,
    /// The file it is in.
    pub path: String,
    /// The line its document starts at.
    pub line: u32,
    /// `date` as written.
    pub date: Option<String>,
    /// `modified` as written.
    pub modified: Option<String>,
    /// Our own fields (`lazaret.…` or below `lazaret:`), without the prefix.
    pub custom: BTreeMap<String, Vec<String>>,
    /// The YAML of the whole file.
    pub yaml: Arc<str>,
}

/// A rule that tests single events.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it is.
    pub meta: Arc<RuleMeta>,
    /// What it tests.
    pub expr: Arc<expr::Expr>,
    /// What is looked at once it matched: a filter that does not hold hides the match.
    pub filters: Vec<Arc<Filter>>,
}

/// Rules, filters (already applied to their rules) and correlations out of many files.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) correlations: Vec<Correlation>,
}

impl RuleSet {
    /// Reads rule files. Shape: what could be read, and what could not with its place; one bad document never drops the rest.
    pub fn parse(texts: &[RuleText]) -> (Self, Vec<RuleProblem>) {
        parse::rule_set(texts)
    }

    /// Adds another set's rules and correlations. Shape: a rule or correlation whose id is already here is left out and returned as a problem.
    pub fn extend(&mut self, other: Self) -> Vec<RuleProblem> {
        parse::extend(self, other)
    }

    /// Puts filters on the rules they name. Shape: what could not be applied; the rest is.
    pub fn filter(&mut self, filters: &[Arc<Filter>]) -> Vec<RuleProblem> {
        let mut problems = Vec::new();
        filter::apply(self, filters, &mut problems);
        problems
    }

    /// Keeps the rules and correlations that `keep` answers yes to. Shape: a correlation over a rule that went sees less.
    pub fn retain(&mut self, keep: impl Fn(&RuleMeta) -> bool) {
        self.rules.retain(|rule| keep(&rule.meta));
        self.correlations.retain(|correlation| keep(&correlation.meta));
    }

    /// The rules on single events that stand behind a rule: itself, or what a correlation is over, to the bottom.
    /// Shape: without correlations and without filters, so that each of them reports what it finds.
    pub fn behind(&self, id: &str) -> Self {
        let mut ids = vec![id];
        let mut at = 0;
        while let Some(id) = ids.get(at).copied() {
            at += 1;
            let inner = self.correlations.iter().find(|correlation| correlation.meta.id == id);
            for id in inner.iter().flat_map(|correlation| &correlation.rules) {
                if !ids.contains(&id.as_str()) {
                    ids.push(id);
                }
            }
        }
        let named = self.rules.iter().filter(|rule| ids.contains(&rule.meta.id.as_str()));
        let rules = named.map(|rule| Rule { filters: Vec::new(), ..rule.clone() }).collect();
        Self { rules, correlations: Vec::new() }
    }

    /// How many rules on single events there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is nothing to match.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.correlations.is_empty()
    }

    /// The rules on single events.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The correlations.
    pub fn correlations(&self) -> &[Correlation] {
        &self.correlations
    }
}

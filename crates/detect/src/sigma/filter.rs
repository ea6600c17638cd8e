//! Sigma filters: a condition that is added to rules written by others, so that an exception needs no copy of the rule.
//! It is looked at only once the rule has matched, and what it hides is told, so that an exception can be counted.
//! A file of its own because it is a kind of document of its own. Source: Sigma filters specification 2.x.

use std::sync::Arc;

use super::expr::Expr;
use super::expression::Allowance;
use super::item::Mistake;
use super::parse::{one_filter, problem, read_detection};
use super::yaml::{Node, Yaml};
use super::{Rule, RuleMeta, RuleProblem, RuleSet, RuleText};

/// The most filters that one rule may get.
pub const RULE_FILTERS_MAX: usize = 100;

/// A filter as written.
#[derive(Debug, Clone)]
pub struct Filter {
    /// What it is.
    pub meta: Arc<RuleMeta>,
    /// Where it applies.
    pub scope: Scope,
    /// What must hold for a match to stay.
    pub(crate) expr: Expr,
    rules: Named,
}

/// Where a filter applies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// To every event.
    #[default]
    Everywhere,
    /// To events of one sender, e.g. `syslog:10.0.0.7`.
    Source(String),
    /// To events that name this host; letters of either case.
    Host(String),
}

impl Scope {
    /// Whether an event of this sender that names this host is within.
    pub fn holds(&self, source: &str, host: Option<&str>) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Source(own) => own == source,
            Self::Host(own) => host.is_some_and(|host| host.eq_ignore_ascii_case(own)),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Named {
    /// `any`: every rule that the filter's logsource covers.
    Any,
    /// Ids or names, with their lines.
    Rules(Vec<(String, u32)>),
}

impl Filter {
    /// Reads a text that holds one filter and nothing else. Errors: where, what, and what to write instead.
    pub fn parse(text: &RuleText) -> Result<Self, RuleProblem> {
        one_filter(text)
    }

    /// The same filter where it applies to less.
    pub fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// The same filter under another id, by which what it hides is counted.
    pub fn called(self, id: String) -> Self {
        let meta = Arc::new(RuleMeta { id, ..RuleMeta::clone(&self.meta) });
        Self { meta, ..self }
    }

    /// The rules it names; none where it is for any rule of its logsource.
    pub fn names(&self) -> Option<impl Iterator<Item = &str>> {
        match &self.rules {
            Named::Any => None,
            Named::Rules(names) => Some(names.iter().map(|(name, _)| name.as_str())),
        }
    }
}

/// Reads the body of a filter document.
pub(super) fn read(meta: RuleMeta, body: &Node, regexes: &mut Allowance) -> Result<Filter, Mistake> {
    let instead = "write 'rules:' with ids or names, or 'any'";
    let Some(rules) = body.get("rules") else {
        return Err(Mistake::new(body.line, "a filter without 'rules'", instead));
    };
    let rules = match &rules.value {
        Yaml::Text(word) if word == "any" => Named::Any,
        Yaml::List(items) => {
            Named::Rules(items.iter().filter_map(|item| item.scalar().map(|name| (name, item.line))).collect())
        }
        _ => Named::Rules(rules.scalar().map(|name| (name, rules.line)).into_iter().collect()),
    };
    if rules == Named::Rules(Vec::new()) {
        return Err(Mistake::new(body.line, "a filter for no rule", instead));
    }
    Ok(Filter { meta: Arc::new(meta), scope: Scope::Everywhere, rules, expr: read_detection(body, regexes)? })
}

/// Puts every filter on the rules it names. A name that is no rule is a problem; the other names still count.
pub(super) fn apply(set: &mut RuleSet, filters: &[Arc<Filter>], problems: &mut Vec<RuleProblem>) {
    for filter in filters {
        match &filter.rules {
            Named::Any => {
                for rule in set.rules.iter_mut().filter(|rule| covers(filter, &rule.meta)) {
                    if let Err((what, instead)) = add(rule, filter) {
                        problems.push(problem(&filter.meta.path, Mistake::new(filter.meta.line, what, instead)));
                    }
                }
            }
            Named::Rules(names) => {
                for (name, line) in names {
                    if let Err((what, instead)) = put_on(set, filter, name) {
                        problems.push(problem(&filter.meta.path, Mistake::new(*line, what, instead)));
                    }
                }
            }
        }
    }
}

/// Puts a filter on the rule of this name. Errors: what is wrong, and what to write instead.
fn put_on(set: &mut RuleSet, filter: &Arc<Filter>, name: &str) -> Result<(), (String, String)> {
    if let Some(rule) = set.rules.iter_mut().find(|rule| is_named(&rule.meta, name)) {
        if !covers(filter, &rule.meta) {
            let what = format!("the filter's logsource does not cover the rule {name}");
            return Err((what, format!("write the logsource of the rule: {}", rule.meta.logsource)));
        }
        return add(rule, filter);
    }
    match set.correlations.iter().find(|correlation| is_named(&correlation.meta, name)) {
        Some(correlation) => {
            let what = format!("the filter names {name:?}, which is a correlation and looks at no event itself");
            Err((what, format!("name the rules it is over: {}", correlation.rules.join(", "))))
        }
        None => {
            let what = format!("the filter names {name:?}, which is no loaded rule");
            Err((what, "correct the id or name".to_owned()))
        }
    }
}

/// Whether `meta` is what another document calls `name`.
pub(super) fn is_named(meta: &RuleMeta, name: &str) -> bool {
    meta.id == name || meta.name.as_deref() == Some(name)
}

fn covers(filter: &Filter, rule: &RuleMeta) -> bool {
    filter.meta.logsource.satisfied_by(&rule.logsource)
}

/// Adds a filter to a rule. Errors: the rule has too many.
fn add(rule: &mut Rule, filter: &Arc<Filter>) -> Result<(), (String, String)> {
    if rule.filters.len() >= RULE_FILTERS_MAX {
        let what = format!("more than {RULE_FILTERS_MAX} filters for the rule {}", rule.meta.id);
        return Err((what, "join filters into one".to_owned()));
    }
    rule.filters.push(Arc::clone(filter));
    Ok(())
}

//! Sigma filters: a condition that is added to rules written by others, so that an exception needs no copy of the rule.
//! A file of its own because it is a kind of document of its own. Source: Sigma filters specification 2.x.

use std::collections::HashMap;
use std::sync::Arc;

use super::expr::Expr;
use super::expression::Allowance;
use super::item::Mistake;
use super::parse::{problem, read_detection};
use super::yaml::{Node, Yaml};
use super::{Rule, RuleMeta, RuleProblem, RuleSet};

/// The most filters that one rule may get.
pub const RULE_FILTERS_MAX: usize = 100;

/// A filter as written.
#[derive(Debug, Clone)]
pub struct Filter {
    /// What it is.
    pub meta: Arc<RuleMeta>,
    rules: Named,
    expr: Expr,
}

#[derive(Debug, Clone, PartialEq)]
enum Named {
    /// `any`: every rule that the filter's logsource covers.
    Any,
    /// Ids or names, with their lines.
    Rules(Vec<(String, u32)>),
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
    Ok(Filter { meta: Arc::new(meta), rules, expr: read_detection(body, regexes)? })
}

/// Adds every filter to the rules it names. A name that is no rule is a problem; the other names still count.
pub(super) fn apply(set: &mut RuleSet, filters: &[Filter], problems: &mut Vec<RuleProblem>) {
    let mut applied = HashMap::new();
    for filter in filters {
        let mut append = |rule: &mut Rule, line: u32| append(rule, filter, line, &mut applied).err();
        match &filter.rules {
            Named::Any => {
                for rule in &mut set.rules {
                    if covers(filter, &rule.meta) {
                        problems.extend(append(rule, filter.meta.line));
                    }
                }
            }
            Named::Rules(names) => {
                for (name, line) in names {
                    let named = set.rules.iter_mut().find(|rule| is_named(&rule.meta, name));
                    match named {
                        Some(rule) if covers(filter, &rule.meta) => problems.extend(append(rule, *line)),
                        Some(rule) => {
                            let what = format!("the filter's logsource does not cover the rule {name}");
                            let instead = format!("write the logsource of the rule: {}", rule.meta.logsource);
                            problems.push(problem(&filter.meta.path, Mistake::new(*line, what, instead)));
                        }
                        None => {
                            let what = format!("the filter names {name:?}, which is no loaded rule");
                            problems
                                .push(problem(&filter.meta.path, Mistake::new(*line, what, "correct the id or name")));
                        }
                    }
                }
            }
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

/// Adds a filter to a rule, the first time as a new condition over both, then beside the filters that are there.
fn append(
    rule: &mut Rule,
    filter: &Filter,
    line: u32,
    applied: &mut HashMap<String, usize>,
) -> Result<(), RuleProblem> {
    let count = applied.entry(rule.meta.id.clone()).or_default();
    if *count >= RULE_FILTERS_MAX {
        let what = format!("more than {RULE_FILTERS_MAX} filters for the rule {}", rule.meta.id);
        return Err(problem(&filter.meta.path, Mistake::new(line, what, "join filters into one")));
    }
    *count += 1;
    match (Arc::make_mut(&mut rule.expr), *count) {
        (Expr::And(parts), 2..) => parts.push(filter.expr.clone()),
        (own, _) => {
            let own = std::mem::replace(own, Expr::And(Vec::new()));
            rule.expr = Arc::new(Expr::And(vec![own, filter.expr.clone()]));
        }
    }
    Ok(())
}

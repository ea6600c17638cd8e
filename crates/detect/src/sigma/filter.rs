//! Sigma filters: a condition that is added to rules written by others, so that an exception needs no copy of the rule.
//! A file of its own because it is a kind of document of its own. Source: Sigma filters specification 2.x.

use std::sync::Arc;

use super::expr::Expr;
use super::item::Mistake;
use super::parse::{problem, read_detection};
use super::yaml::{Node, Yaml};
use super::{RuleMeta, RuleProblem, RuleSet};

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
pub(super) fn read(meta: RuleMeta, body: &Node) -> Result<Filter, Mistake> {
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
    Ok(Filter { meta: Arc::new(meta), rules, expr: read_detection(body)? })
}

/// Adds every filter to the rules it names. A name that is no rule is a problem; the other names still count.
pub(super) fn apply(set: &mut RuleSet, filters: &[Filter], problems: &mut Vec<RuleProblem>) {
    for filter in filters {
        match &filter.rules {
            Named::Any => {
                for rule in &mut set.rules {
                    if covers(filter, &rule.meta) {
                        append(&mut rule.expr, &filter.expr);
                    }
                }
            }
            Named::Rules(names) => {
                for (name, line) in names {
                    let named = set.rules.iter_mut().find(|rule| is_named(&rule.meta, name));
                    match named {
                        Some(rule) if covers(filter, &rule.meta) => append(&mut rule.expr, &filter.expr),
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

fn append(rule: &mut Arc<Expr>, filter: &Expr) {
    *rule = Arc::new(Expr::And(vec![Expr::clone(rule), filter.clone()]));
}

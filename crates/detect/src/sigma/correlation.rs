//! Correlation documents as written: which rules, grouped by what, within which time, over which limit.
//! A file of its own because it is a kind of document of its own; the windows themselves are in `correlate.rs`.
//! Source: Sigma correlation rules specification 2.x.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::{self, Condition};
use super::expr::Comparison;
use super::filter::is_named;
use super::item::Mistake;
use super::parse::problem;
use super::yaml::{Node, Yaml};
use super::{RuleMeta, RuleProblem, RuleSet};

/// The most rules one correlation may refer to.
pub const REFERENCES_MAX: usize = 64;
/// The most fields a correlation may group by.
pub const GROUP_FIELDS_MAX: usize = 16;
/// The deepest correlation over correlations.
pub const CORRELATION_DEPTH_MAX: usize = 8;
/// The longest window, in seconds: a year.
pub const TIMESPAN_SECONDS_MAX: i64 = 366 * 86_400;

/// A correlation rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// What it is.
    pub meta: Arc<RuleMeta>,
    /// What is counted or ordered.
    pub kind: CorrelationKind,
    /// Ids of the rules it is over, in the order written.
    pub rules: Vec<String>,
    /// The names those rules were written with, same order; aliases and conditions use them.
    pub written: Vec<String>,
    /// Fields whose values make a group.
    pub group_by: Vec<String>,
    /// Length of the window, in seconds.
    pub timespan_seconds: i64,
    /// alias → (written rule name → field).
    pub aliases: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether the rules it is over still report on their own.
    pub generate: Generate,
    line: u32,
}

/// Whether the rules of a correlation report on their own too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generate {
    /// They do not (Sigma's default).
    CorrelationOnly,
    /// They do.
    RulesToo,
}

/// What a correlation asks of its window.
#[derive(Debug, Clone, PartialEq)]
pub enum CorrelationKind {
    /// How many events.
    EventCount(Vec<Limit>),
    /// How many distinct values of a field.
    ValueCount(String, Vec<Limit>),
    /// The sum of a field.
    ValueSum(String, Vec<Limit>),
    /// The average of a field.
    ValueAvg(String, Vec<Limit>),
    /// Which rules matched, in any order. Shape: names in the condition are the written rule names.
    Temporal(Condition),
    /// The rules matched in the order written; the condition, where given, must hold too.
    TemporalOrdered(Condition),
}

/// One side of a limit, e.g. `gte: 10`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// An inequality.
    Side(Comparison, f64),
    /// `eq`.
    Equal(f64),
    /// `neq`.
    NotEqual(f64),
}

impl Limit {
    /// Whether the value is within the limit.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Side(comparison, limit) => comparison.holds(value, limit),
            Self::Equal(limit) => value == limit,
            Self::NotEqual(limit) => value != limit,
        }
    }
}

/// Reads the body of a correlation document.
pub(super) fn read(meta: RuleMeta, body: &Node) -> Result<Correlation, Mistake> {
    let line = body.line;
    let rules = body.get("rules").map(Node::scalars).unwrap_or_default();
    if rules.is_empty() || rules.len() > REFERENCES_MAX {
        let what = format!("{} rules; a correlation is over 1 to {REFERENCES_MAX}", rules.len());
        return Err(Mistake::new(line, what, "write 'rules:' with ids or names"));
    }
    if let Some(twice) = rules.iter().enumerate().find_map(|(at, name)| rules[..at].contains(name).then_some(name)) {
        return Err(Mistake::new(line, format!("the rule {twice:?} twice"), "name every rule once"));
    }
    let group_by = body.get("group-by").map(Node::scalars).unwrap_or_default();
    if group_by.len() > GROUP_FIELDS_MAX {
        let what = format!("more than {GROUP_FIELDS_MAX} fields in 'group-by'");
        return Err(Mistake::new(line, what, "group by fewer fields"));
    }
    let generate = match body.get("generate").map(|node| &node.value) {
        Some(Yaml::Bool(true)) => Generate::RulesToo,
        _ => Generate::CorrelationOnly,
    };
    Ok(Correlation {
        kind: read_kind(body, &rules)?,
        timespan_seconds: read_timespan(body)?,
        aliases: read_aliases(body)?,
        meta: Arc::new(meta),
        written: rules.clone(),
        rules,
        group_by,
        generate,
        line,
    })
}

fn read_kind(body: &Node, rules: &[String]) -> Result<CorrelationKind, Mistake> {
    let kind = body.get("type").and_then(Node::scalar).unwrap_or_default();
    let instead = "write event_count, value_count, value_sum, value_avg, temporal or temporal_ordered";
    Ok(match kind.as_str() {
        "event_count" => CorrelationKind::EventCount(read_limits(body)?),
        "value_count" => CorrelationKind::ValueCount(read_field(body)?, read_limits(body)?),
        "value_sum" => CorrelationKind::ValueSum(read_field(body)?, read_limits(body)?),
        "value_avg" => CorrelationKind::ValueAvg(read_field(body)?, read_limits(body)?),
        "temporal" | "temporal_extended" => CorrelationKind::Temporal(read_names(body, rules)?),
        "temporal_ordered" | "temporal_ordered_extended" => CorrelationKind::TemporalOrdered(read_names(body, rules)?),
        other => return Err(Mistake::new(body.line, format!("correlation type {other:?}"), instead)),
    })
}

fn read_field(body: &Node) -> Result<String, Mistake> {
    let field = body.get("condition").and_then(|condition| condition.get("field"));
    field.and_then(|field| field.scalars().into_iter().next()).ok_or_else(|| {
        Mistake::new(body.line, "this correlation type without 'condition: field'", "name the field whose values count")
    })
}

fn read_limits(body: &Node) -> Result<Vec<Limit>, Mistake> {
    let instead = "write 'condition:' with gte, gt, lte, lt, eq or neq and a number";
    let Some(Node { value: Yaml::Map(entries), .. }) = body.get("condition") else {
        return Err(Mistake::new(body.line, "a correlation without a limit", instead));
    };
    let mut limits = Vec::new();
    for (key, value) in entries {
        let number = value.scalar().and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite());
        let limit: fn(f64) -> Limit = match key.text.as_str() {
            "gte" => |n| Limit::Side(Comparison::Gte, n),
            "gt" => |n| Limit::Side(Comparison::Gt, n),
            "lte" => |n| Limit::Side(Comparison::Lte, n),
            "lt" => |n| Limit::Side(Comparison::Lt, n),
            "eq" => Limit::Equal,
            "neq" => Limit::NotEqual,
            "field" => continue,
            other => return Err(Mistake::new(key.line, format!("{other:?} in a correlation's condition"), instead)),
        };
        let Some(number) = number else {
            return Err(Mistake::new(value.line, "a limit that is no number", instead));
        };
        limits.push(limit(number));
    }
    if limits.is_empty() { Err(Mistake::new(body.line, "a correlation without a limit", instead)) } else { Ok(limits) }
}

/// The condition of a temporal correlation; without one, all rules must have matched.
fn read_names(body: &Node, rules: &[String]) -> Result<Condition, Mistake> {
    let Some(node) = body.get("condition") else {
        return Ok(Condition::And(rules.iter().cloned().map(Condition::Name).collect()));
    };
    if let Yaml::Map(_) = node.value {
        // `gte: n` on a temporal correlation means how many of the rules; written out as a quantity.
        let count = read_limits(body)?.iter().find_map(|limit| match limit {
            Limit::Side(Comparison::Gte, n) | Limit::Equal(n) => Some(*n as usize),
            Limit::Side(Comparison::Gt, n) => Some(*n as usize + 1),
            _ => None,
        });
        let instead = "write names with and, or, not, or 'gte:' and a number of rules";
        let count = count.ok_or_else(|| Mistake::new(node.line, "this limit on a temporal correlation", instead))?;
        return Ok(Condition::Of(condition::Quantity::AtLeast(count), condition::Pattern::Name("*".to_owned())));
    }
    let text = node.scalar().unwrap_or_default();
    let parsed = condition::parse(&text).map_err(|error| Mistake::new(node.line, error.what, error.instead))?;
    check_names(&parsed, rules, node.line)?;
    Ok(parsed)
}

fn check_names(condition: &Condition, rules: &[String], line: u32) -> Result<(), Mistake> {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().try_for_each(|part| check_names(part, rules, line))
        }
        Condition::Not(inner) => check_names(inner, rules, line),
        Condition::Name(name) if !rules.contains(name) => {
            let what = format!("the condition names {name:?}, which is not in 'rules'");
            Err(Mistake::new(line, what, "add it to 'rules', or correct the name"))
        }
        Condition::Name(_) | Condition::Of(..) => Ok(()),
    }
}

fn read_timespan(body: &Node) -> Result<i64, Mistake> {
    let instead = "write a number and s, m, h, d or w, e.g. 5m";
    let node = body.get("timespan").or_else(|| body.get("timeframe"));
    let Some(node) = node else {
        return Err(Mistake::new(body.line, "a correlation without 'timespan'", instead));
    };
    let text = node.scalar().unwrap_or_default();
    let unit = text.chars().last().and_then(|unit| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        'w' => Some(7 * 86_400),
        'M' => Some(30 * 86_400),
        'y' => Some(365 * 86_400),
        _ => None,
    });
    let number = text.get(..text.len().saturating_sub(1)).and_then(|digits| digits.trim().parse::<i64>().ok());
    let seconds = unit.zip(number).and_then(|(unit, number)| number.checked_mul(unit));
    match seconds {
        Some(seconds) if (1..=TIMESPAN_SECONDS_MAX).contains(&seconds) => Ok(seconds),
        Some(_) => {
            Err(Mistake::new(node.line, format!("the timespan {text:?} is outside 1 second to a year"), instead))
        }
        None => Err(Mistake::new(node.line, format!("the timespan {text:?}"), instead)),
    }
}

fn read_aliases(body: &Node) -> Result<BTreeMap<String, BTreeMap<String, String>>, Mistake> {
    let Some(node) = body.get("aliases") else { return Ok(BTreeMap::new()) };
    let instead = "write 'alias:' and below it 'rule: field'";
    let Yaml::Map(entries) = &node.value else {
        return Err(Mistake::new(node.line, "'aliases' that is no map", instead));
    };
    let mut aliases = BTreeMap::new();
    for (alias, fields) in entries {
        let Yaml::Map(fields) = &fields.value else {
            return Err(Mistake::new(fields.line, "an alias that is no map", instead));
        };
        let fields = fields.iter().filter_map(|(rule, field)| field.scalar().map(|field| (rule.text.clone(), field)));
        aliases.insert(alias.text.clone(), fields.collect());
    }
    Ok(aliases)
}

/// Turns written names into rule ids, and drops (with a problem) correlations over rules that are not loaded or over themselves.
pub(super) fn resolve(set: &mut RuleSet, problems: &mut Vec<RuleProblem>) {
    let mut metas: Vec<Arc<RuleMeta>> = set.rules.iter().map(|rule| rule.meta.clone()).collect();
    metas.extend(set.correlations.iter().map(|correlation| correlation.meta.clone()));
    set.correlations.retain_mut(|correlation| match resolve_one(correlation, &metas) {
        Ok(()) => true,
        Err(mistake) => {
            problems.push(problem(&correlation.meta.path, mistake));
            false
        }
    });
    drop_orphans(set, problems);
}

fn resolve_one(correlation: &mut Correlation, metas: &[Arc<RuleMeta>]) -> Result<(), Mistake> {
    for (id, written) in correlation.rules.iter_mut().zip(&correlation.written) {
        match metas.iter().find(|meta| is_named(meta, written)) {
            Some(meta) => id.clone_from(&meta.id),
            None => {
                let what = format!("the correlation names {written:?}, which is no loaded rule");
                return Err(Mistake::new(correlation.line, what, "correct the id or name, or add the rule"));
            }
        }
    }
    Ok(())
}

/// Orders correlations so that each comes after those it is over; what is left is a circle, hangs on a dropped one, or is
/// one of more than [`CORRELATION_DEPTH_MAX`] on top of each other.
fn drop_orphans(set: &mut RuleSet, problems: &mut Vec<RuleProblem>) {
    let mut known: std::collections::HashSet<String> = set.rules.iter().map(|rule| rule.meta.id.clone()).collect();
    let mut waiting = std::mem::take(&mut set.correlations);
    for _ in 0..CORRELATION_DEPTH_MAX {
        let (ready, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|correlation| correlation.rules.iter().all(|id| known.contains(id)));
        waiting = rest;
        if ready.is_empty() {
            break;
        }
        known.extend(ready.iter().map(|correlation| correlation.meta.id.clone()));
        set.correlations.extend(ready);
    }
    for correlation in waiting {
        let what = format!(
            "a correlation over itself, over one that was refused, or over more than {CORRELATION_DEPTH_MAX} others on top \
             of each other"
        );
        let mistake = Mistake::new(correlation.line, what, "point it at rules on events");
        problems.push(problem(&correlation.meta.path, mistake));
    }
}

//! Leaves one condition out of a rule at a time, to prove that every condition is needed.
//! A file of its own because it works on the YAML tree alone and knows neither samples nor engine.
//!
//! A mutant either matches more than the rule (a condition is gone) or less (an alternative is gone). A rule's samples are
//! good enough when each wider mutant fires on some sample on which the rule must not, and each narrower one misses a
//! sample on which it must.

use detect::sigma::condition::{self as sigma_condition, Condition};
use detect::sigma::yaml::{self, Node, Yaml};
use serde_json::{Map, Value, json};

use super::condition::{self, Polarity};

/// A rule file with one condition left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutant {
    /// What was left out, for people.
    pub what: String,
    /// Whether it matches more or less than the rule.
    pub effect: Effect,
    /// The whole file, as text that parses like a rule file.
    pub text: String,
}

/// What leaving something out does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Matches more: some no-match sample must fire.
    Wider,
    /// Matches less: some match sample must go silent.
    Narrower,
}

/// A field that no event has: testing it for null matches everything.
const ABSENT_FIELD: &str = "Lazaret.absent";

/// Every mutant of a rule file. Documents that are no YAML give none; the rule parser complains about them.
pub fn mutants(text: &str) -> Vec<Mutant> {
    let documents: Vec<Value> = yaml::documents(text).into_iter().flatten().map(|node| value(&node)).collect();
    let mut found = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        for (what, effect, changed) in of_document(document, &documents) {
            let mut all = documents.clone();
            all[index] = changed;
            let what = if documents.len() > 1 { format!("{}: {what}", title(document)) } else { what };
            found.push(Mutant { what, effect, text: written(&all) });
        }
    }
    found
}

/// A rule that matches every event of a logsource, for counting what a rule's own source sends.
pub fn everything_of(product: Option<&str>, service: Option<&str>, category: Option<&str>, id: &str) -> String {
    let stated = [("product", product), ("service", service), ("category", category)];
    let logsource: Map<String, Value> =
        stated.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect();
    let detection = json!({ "all": { ABSENT_FIELD: null }, "condition": "all" });
    json!({ "title": "every event", "id": id, "level": "informational", "logsource": logsource, "detection": detection }).to_string()
}

fn title(document: &Value) -> &str {
    document.get("title").and_then(Value::as_str).unwrap_or("untitled")
}

fn written(documents: &[Value]) -> String {
    documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n")
}

fn value(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(yes) => json!(yes),
        Yaml::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Yaml::Text(text) => json!(text),
        Yaml::List(items) => items.iter().map(value).collect(),
        Yaml::Map(entries) => {
            Value::Object(entries.iter().map(|(key, node)| (key.text.clone(), value(node))).collect())
        }
    }
}

type Change = (String, Effect, Value);

fn of_document(document: &Value, all: &[Value]) -> Vec<Change> {
    if let Some(correlation) = document.get("correlation").and_then(Value::as_object) {
        let put = |(what, effect, changed): (String, Effect, Map<String, Value>)| {
            (what, effect, replaced(document, "correlation", Value::Object(changed)))
        };
        return of_correlation(correlation, &asked_by_another(document, all)).into_iter().map(put).collect();
    }
    let Some(detection) = document.get("detection").and_then(Value::as_object) else { return Vec::new() };
    let Some(condition) = detection.get("condition").and_then(Value::as_str) else { return Vec::new() };
    let Ok(condition) = sigma_condition::parse(condition) else { return Vec::new() };
    let mut found = Vec::new();
    for (what, effect, rest) in condition::without_each_operand(&condition) {
        let mut changed = detection.clone();
        changed.insert("condition".to_owned(), json!(condition::text(&rest)));
        found.push((
            format!("without {what}"),
            effect_of(effect),
            replaced(document, "detection", Value::Object(changed)),
        ));
    }
    for (name, selection) in detection.iter().filter(|(name, _)| *name != "condition") {
        let Some(polarity) = condition::polarity(&condition, name) else { continue };
        let only = condition == Condition::Name(name.clone());
        for (what, grows, changed_selection) in of_selection(selection, only) {
            let effect = effect_of(if polarity == Polarity::Positive { grows } else { grows.flipped() });
            let mut changed = detection.clone();
            changed.insert(name.clone(), changed_selection);
            found.push((
                format!("{name} without {what}"),
                effect,
                replaced(document, "detection", Value::Object(changed)),
            ));
        }
    }
    found
}

fn effect_of(polarity: Polarity) -> Effect {
    match polarity {
        Polarity::Positive => Effect::Wider,
        Polarity::Negative => Effect::Narrower,
    }
}

fn replaced(document: &Value, key: &str, changed: Value) -> Value {
    let mut document = document.clone();
    if let Some(map) = document.as_object_mut() {
        map.insert(key.to_owned(), changed);
    }
    document
}

/// What can be left out of one selection, and whether the selection then matches more.
fn of_selection(selection: &Value, only: bool) -> Vec<(String, Polarity, Value)> {
    match selection {
        Value::Object(fields) => of_fields(fields, only),
        Value::Array(alternatives) => {
            let mut found = Vec::new();
            for (index, alternative) in alternatives.iter().enumerate() {
                if alternatives.len() > 1 {
                    found.push((
                        format!("alternative {}", index + 1),
                        Polarity::Negative,
                        without(alternatives, index),
                    ));
                }
                if let Value::Object(fields) = alternative {
                    for (what, grows, changed) in of_fields(fields, false) {
                        let mut all = alternatives.clone();
                        all[index] = changed;
                        found.push((what, grows, Value::Array(all)));
                    }
                }
            }
            found
        }
        _ => Vec::new(),
    }
}

fn of_fields(fields: &Map<String, Value>, only: bool) -> Vec<(String, Polarity, Value)> {
    let mut found = Vec::new();
    for (field, values) in fields {
        if fields.len() > 1 {
            let mut changed = fields.clone();
            changed.remove(field);
            found.push((field.clone(), Polarity::Positive, Value::Object(changed)));
        } else if only {
            found.push((field.clone(), Polarity::Positive, json!({ ABSENT_FIELD: null })));
        }
        let Value::Array(values) = values else { continue };
        if values.len() < 2 {
            continue;
        }
        let grows =
            if field.split('|').any(|modifier| modifier == "all") { Polarity::Positive } else { Polarity::Negative };
        for (index, one) in values.iter().enumerate() {
            let mut changed = fields.clone();
            changed.insert(field.clone(), without(values, index));
            found.push((format!("{field} {one}"), grows, Value::Object(changed)));
        }
    }
    found
}

fn without(list: &[Value], index: usize) -> Value {
    let mut rest = list.to_vec();
    rest.remove(index);
    Value::Array(rest)
}

/// The fields by which other correlations of the file group this one. Leaving such a field out here makes nothing wider:
/// the other one then misses its field and falls silent.
fn asked_by_another(document: &Value, all: &[Value]) -> Vec<Value> {
    let Some(name) = document.get("name") else { return Vec::new() };
    let list =
        |correlation: &Value, key: &str| correlation.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let correlations = all.iter().filter_map(|other| other.get("correlation"));
    correlations
        .filter(|correlation| list(correlation, "rules").contains(name))
        .flat_map(|correlation| list(correlation, "group-by"))
        .collect()
}

fn of_correlation(correlation: &Map<String, Value>, kept: &[Value]) -> Vec<(String, Effect, Map<String, Value>)> {
    let mut found = Vec::new();
    let mut change = |what: String, changes: &[(&str, Option<Value>)]| {
        let mut changed = correlation.clone();
        for (key, value) in changes {
            match value {
                Some(value) => changed.insert((*key).to_owned(), value.clone()),
                None => changed.remove(*key),
            };
        }
        found.push((what, Effect::Wider, changed));
    };
    let kind = correlation.get("type").and_then(Value::as_str).unwrap_or("");
    let list = |key: &str| correlation.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let groups = list("group-by");
    for (index, group) in groups.iter().enumerate() {
        if kept.contains(group) {
            continue;
        }
        // An alias that nothing groups by any more does no harm, and the groups that stay need theirs.
        let rest = (groups.len() > 1).then(|| without(&groups, index));
        change(format!("without group-by {group}"), &[("group-by", rest)]);
    }
    change("without timespan".to_owned(), &[("timespan", Some(json!("365d")))]);
    if kind == "temporal_ordered" {
        change("without order".to_owned(), &[("type", Some(json!("temporal")))]);
    }
    if kind.starts_with("temporal") {
        let rules = list("rules");
        for (index, rule) in rules.iter().enumerate() {
            let mut changes = vec![("rules", Some(without(&rules, index)))];
            if rules.len() == 2 {
                changes.extend([
                    ("type", Some(json!("event_count"))),
                    ("condition", Some(json!({ "gte": 1 }))),
                    ("aliases", None),
                    ("group-by", None),
                ]);
            }
            change(format!("without rule {rule}"), &changes);
        }
    }
    let condition = correlation.get("condition").and_then(Value::as_object).cloned().unwrap_or_default();
    for (comparison, threshold) in condition.iter().filter_map(|(key, value)| Some((key, value.as_u64()?))) {
        // One less; a sum is not exact to the unit, so a tenth less.
        let lower = if kind == "value_sum" { threshold / 10 * 9 } else { threshold.saturating_sub(1) };
        let mut lowered = condition.clone();
        lowered.insert(comparison.clone(), json!(lower));
        change(format!("{comparison} {lower} in place of {threshold}"), &[("condition", Some(Value::Object(lowered)))]);
    }
    if kind == "value_count" {
        let mut counted = condition.clone();
        counted.remove("field");
        change(
            "events in place of values".to_owned(),
            &[("type", Some(json!("event_count"))), ("condition", Some(Value::Object(counted)))],
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(rule: &str) -> Vec<(String, Effect)> {
        mutants(rule).into_iter().map(|mutant| (mutant.what, mutant.effect)).collect()
    }

    #[test]
    fn a_rule_loses_each_of_its_conditions_once() {
        let rule = "title: t\ndetection:\n  sel:\n    A: 1\n    B|contains|all: [x, y]\n  skip:\n    C: [p, q]\n  condition: sel and not skip\n";
        let expected = [
            ("without sel", Effect::Wider),
            ("without not (skip)", Effect::Wider),
            ("sel without A", Effect::Wider),
            ("sel without B|contains|all", Effect::Wider),
            ("sel without B|contains|all \"x\"", Effect::Wider),
            ("sel without B|contains|all \"y\"", Effect::Wider),
            ("skip without C \"p\"", Effect::Wider),
            ("skip without C \"q\"", Effect::Wider),
        ];
        assert_eq!(short(rule), expected.map(|(what, effect)| (what.to_owned(), effect)));
    }

    #[test]
    fn a_correlation_over_a_correlation_keeps_the_fields_that_the_outer_one_needs() {
        let rule = "title: o\ncorrelation:\n  type: temporal_ordered\n  rules: [many, a]\n  group-by: [ip]\n  timespan: 1h\n---\n\
                    title: i\nname: many\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [ip, host]\n  timespan: 1m\n  condition: {gte: 5}\n";
        let groups: Vec<String> =
            short(rule).into_iter().map(|(what, _)| what).filter(|what| what.contains("group-by")).collect();
        assert_eq!(groups, ["o: without group-by \"ip\"", "i: without group-by \"host\""]);
    }

    #[test]
    fn an_only_condition_is_replaced_by_one_that_always_holds() {
        let rule = "title: t\ndetection:\n  sel:\n    A: [1, 2]\n  condition: sel\n";
        let found = mutants(rule);
        assert_eq!(found[0].what, "sel without A");
        assert!(found[0].text.contains("\"Lazaret.absent\":null"));
        assert_eq!((found[1].effect, found.len()), (Effect::Narrower, 3));
    }

    #[test]
    fn a_correlation_loses_group_time_order_and_threshold() {
        let rule = "title: c\ncorrelation:\n  type: value_count\n  rules: [a]\n  group-by: [h]\n  timespan: 1h\n  condition: {gte: 5, field: u}\n";
        let expected =
            ["without group-by \"h\"", "without timespan", "gte 4 in place of 5", "events in place of values"];
        assert_eq!(short(rule).into_iter().map(|(what, _)| what).collect::<Vec<_>>(), expected);
        let ordered = "title: c\ncorrelation:\n  type: temporal_ordered\n  rules: [a, b]\n  timespan: 1h\n";
        let expected = ["without timespan", "without order", "without rule \"a\"", "without rule \"b\""];
        assert_eq!(short(ordered).into_iter().map(|(what, _)| what).collect::<Vec<_>>(), expected);
    }
}

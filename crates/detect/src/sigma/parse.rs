//! Rule files → rules: documents, their metadata, selections and conditions.
//! A file of its own because it is the one place where a rule's text is judged; every refusal says where, what, and what instead.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::telemetry::Level;

use super::condition::{self, Condition, Quantity};
use super::correlation::{self, Correlation};
use super::expr::Expr;
use super::expression::Allowance;
use super::filter::{self, Filter};
use super::item::{self, Mistake};
use super::yaml::{self, Node, Yaml};
use super::{Logsource, Rule, RuleMeta, RuleOrigin, RuleProblem, RuleSet, RuleText};

/// The most tests one rule may hold after its condition is written out.
pub const TESTS_MAX: usize = 50_000;
/// The most selections of one rule.
pub const SELECTIONS_MAX: usize = 500;
/// The most conditions of one rule.
pub const CONDITIONS_MAX: usize = 50;

enum Document {
    Rule(Rule),
    Correlation(Correlation),
    Filter(Filter),
}

/// Reads all files; see [`RuleSet::parse`].
pub(super) fn rule_set(texts: &[RuleText]) -> (RuleSet, Vec<RuleProblem>) {
    let mut set = RuleSet::default();
    let mut filters = Vec::new();
    let mut problems = Vec::new();
    let mut of_warnings = Allowance::of_a_warning();
    for text in texts {
        let yaml: Arc<str> = Arc::from(text.text.as_str());
        for (index, document) in yaml::documents(&text.text).into_iter().enumerate() {
            let read =
                document.map_err(|error| Mistake::new(error.line, error.what, error.instead)).and_then(
                    |node| match text.origin {
                        RuleOrigin::Warning(_) => read_document(&node, text, &yaml, index, &mut of_warnings),
                        _ => read_document(&node, text, &yaml, index, &mut Allowance::of_a_rule()),
                    },
                );
            match read {
                Ok(Document::Rule(rule)) => set.rules.push(rule),
                Ok(Document::Correlation(correlation)) => set.correlations.push(correlation),
                Ok(Document::Filter(filter)) => filters.push(Arc::new(filter)),
                Err(mistake) => problems.push(problem(&text.path, mistake)),
            }
        }
    }
    drop_repeated_ids(&mut set, &mut problems);
    filter::apply(&mut set, &filters, &mut problems);
    correlation::resolve(&mut set, &mut problems);
    (set, problems)
}

/// Reads one filter; see [`Filter::parse`].
pub(super) fn one_filter(text: &RuleText) -> Result<Filter, RuleProblem> {
    let alone = || Mistake::new(1, "more or less than one document", "write one filter and nothing else");
    let yaml: Arc<str> = Arc::from(text.text.as_str());
    let mut documents = yaml::documents(&text.text).into_iter();
    let read = match (documents.next(), documents.next()) {
        (Some(document), None) => document
            .map_err(|error| Mistake::new(error.line, error.what, error.instead))
            .and_then(|node| match read_document(&node, text, &yaml, 0, &mut Allowance::of_a_rule())? {
                Document::Filter(filter) => Ok(filter),
                Document::Rule(_) | Document::Correlation(_) => {
                    Err(Mistake::new(node.line, "a rule where a filter is wanted", "write 'filter:' with its rules"))
                }
            }),
        _ => Err(alone()),
    };
    read.map_err(|mistake| problem(&text.path, mistake))
}

/// A mistake with its file.
pub(super) fn problem(path: &str, mistake: Mistake) -> RuleProblem {
    RuleProblem { path: path.to_owned(), line: mistake.line, what: mistake.what, instead: mistake.instead }
}

/// Adds the rules of another set; see [`RuleSet::extend`].
pub(super) fn extend(set: &mut RuleSet, other: RuleSet) -> Vec<RuleProblem> {
    set.rules.extend(other.rules);
    set.correlations.extend(other.correlations);
    let mut problems = Vec::new();
    drop_repeated_ids(set, &mut problems);
    problems
}

fn drop_repeated_ids(set: &mut RuleSet, problems: &mut Vec<RuleProblem>) {
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut keep = |meta: &RuleMeta| match seen.get(&meta.id) {
        None => {
            seen.insert(meta.id.clone(), meta.path.clone());
            true
        }
        Some(first) => {
            let what = format!("the id {} is already used by {first}", meta.id);
            problems.push(problem(&meta.path, Mistake::new(meta.line, what, "give every rule its own id (a UUID)")));
            false
        }
    };
    set.rules.retain(|rule| keep(&rule.meta));
    set.correlations.retain(|correlation| keep(&correlation.meta));
}

fn read_document(
    node: &Node,
    text: &RuleText,
    yaml: &Arc<str>,
    index: usize,
    regexes: &mut Allowance,
) -> Result<Document, Mistake> {
    if !matches!(node.value, Yaml::Map(_)) {
        return Err(Mistake::new(node.line, "a document that is no map", "begin with 'title:'"));
    }
    if let Some(action) = node.get("action") {
        let instead = "write the shared part into every rule";
        return Err(Mistake::new(action.line, "'action', which Sigma 2 no longer has", instead));
    }
    let meta = read_meta(node, text, yaml, index)?;
    if let Some(body) = node.get("correlation") {
        return correlation::read(meta, body).map(Document::Correlation);
    }
    if let Some(body) = node.get("filter") {
        return filter::read(meta, body, regexes).map(Document::Filter);
    }
    let Some(detection) = node.get("detection") else {
        let instead = "write 'detection:' with selections and a condition";
        return Err(Mistake::new(node.line, "a rule without 'detection'", instead));
    };
    let expr = read_detection(detection, regexes)?;
    Ok(Document::Rule(Rule { meta: Arc::new(meta), expr: Arc::new(expr), filters: Vec::new() }))
}

fn read_meta(node: &Node, text: &RuleText, yaml: &Arc<str>, index: usize) -> Result<RuleMeta, Mistake> {
    let word = |key: &str| node.get(key).and_then(Node::scalar);
    let list = |key: &str| node.get(key).map(Node::scalars).unwrap_or_default();
    let Some(title) = word("title") else {
        return Err(Mistake::new(node.line, "a rule without a title", "write 'title:' first"));
    };
    let level = match node.get("level") {
        None => Level::Medium,
        Some(level) => {
            level.scalar().unwrap_or_default().parse().map_err(|error: domain::telemetry::LevelUnknown| {
                Mistake::new(level.line, error.to_string(), "write one of the five levels")
            })?
        }
    };
    let id = word("id").unwrap_or_else(|| format!("{}#{}", text.path, index + 1));
    let tags = list("tags");
    Ok(RuleMeta {
        family: family(node, &tags).unwrap_or_else(|| id.clone()),
        logsource: node.get("logsource").map(read_logsource).transpose()?.unwrap_or_default(),
        id,
        name: word("name"),
        title,
        level,
        status: word("status"),
        description: word("description"),
        author: word("author"),
        references: list("references"),
        tags,
        falsepositives: list("falsepositives"),
        fields: list("fields"),
        origin: text.origin.clone(),
        mark: text.mark,
        path: text.path.clone(),
        line: node.line,
        date: word("date"),
        modified: word("modified"),
        custom: custom(node),
        yaml: Arc::clone(yaml),
    })
}

/// Everything below `lazaret:` and every `lazaret.…` key, by its name without the prefix.
fn custom(node: &Node) -> BTreeMap<String, Vec<String>> {
    let Yaml::Map(entries) = &node.value else { return BTreeMap::new() };
    let mut custom = BTreeMap::new();
    for (key, value) in entries {
        if let Some(name) = key.text.strip_prefix("lazaret.") {
            custom.insert(name.to_owned(), value.scalars());
        } else if key.text == "lazaret"
            && let Yaml::Map(own) = &value.value
        {
            custom.extend(own.iter().map(|(name, value)| (name.text.clone(), value.scalars())));
        }
    }
    custom
}

fn family(node: &Node, tags: &[String]) -> Option<String> {
    let own = node.get("lazaret.family").or_else(|| node.get("lazaret").and_then(|own| own.get("family")));
    own.and_then(Node::scalar).or_else(|| {
        tags.iter().find_map(|tag| {
            let technique = tag.strip_prefix("attack.")?;
            let number = technique.strip_prefix(['t', 'T'])?;
            number.starts_with(|c: char| c.is_ascii_digit()).then(|| technique.to_ascii_lowercase())
        })
    })
}

/// Reads `logsource`.
fn read_logsource(node: &Node) -> Result<Logsource, Mistake> {
    let Yaml::Map(entries) = &node.value else {
        return Err(Mistake::new(
            node.line,
            "'logsource' that is no map",
            "write product, service or category below it",
        ));
    };
    let mut logsource = Logsource::default();
    for (key, value) in entries {
        let dimension = match key.text.as_str() {
            "product" => &mut logsource.product,
            "service" => &mut logsource.service,
            "category" => &mut logsource.category,
            // `definition` and what others add describe the source for people.
            _ => continue,
        };
        *dimension = value.scalar();
    }
    Ok(logsource)
}

/// Reads `detection` (or the body of a filter): selections and the condition over them.
pub(super) fn read_detection(node: &Node, regexes: &mut Allowance) -> Result<Expr, Mistake> {
    let Yaml::Map(entries) = &node.value else {
        return Err(Mistake::new(node.line, "'detection' that is no map", "write selections and a condition below it"));
    };
    let Some(condition) = node.get("condition") else {
        return Err(Mistake::new(node.line, "no condition", "write 'condition:' with the selections' names"));
    };
    if let Some(timeframe) = node.get("timeframe") {
        let instead = "write a correlation rule with 'timespan' in its own document";
        return Err(Mistake::new(timeframe.line, "'timeframe', which Sigma 2 no longer has", instead));
    }
    if entries.len() > SELECTIONS_MAX {
        let what = format!("{} selections, more than the limit of {SELECTIONS_MAX}", entries.len());
        return Err(Mistake::new(node.line, what, "put values into lists, or split the rule"));
    }
    let texts = condition.scalars();
    if texts.len() > CONDITIONS_MAX {
        let what = format!("{} conditions, more than the limit of {CONDITIONS_MAX}", texts.len());
        return Err(Mistake::new(condition.line, what, "join them with 'or', or split the rule"));
    }
    let mut conditions = Vec::new();
    for text in texts {
        let parsed = condition::parse(&text)
            .map_err(|error| Mistake::new(condition.line, format!("condition: {}", error.what), error.instead))?;
        conditions.push(parsed);
    }
    let mut selections = Selections { line: condition.line, list: Vec::new(), tests_left: TESTS_MAX };
    for (key, value) in entries {
        if !matches!(key.text.as_str(), "condition" | "rules") {
            let uses = conditions.iter().map(|condition| uses(condition, &key.text)).sum();
            selections.list.push(Selection { name: &key.text, uses, expr: read_selection(value, regexes)? });
        }
    }
    let any = conditions.iter().map(|condition| selections.resolve(condition)).collect::<Result<Vec<_>, _>>()?;
    if any.is_empty() {
        return Err(Mistake::new(condition.line, "an empty condition", "name a selection"));
    }
    Ok(Expr::any(any))
}

fn read_selection(node: &Node, regexes: &mut Allowance) -> Result<Expr, Mistake> {
    match &node.value {
        Yaml::Map(entries) => {
            if entries.is_empty() {
                return Err(Mistake::new(node.line, "an empty selection", "write at least one field"));
            }
            let items = entries.iter().map(|(key, value)| item::read(&key.text, key.line, value, regexes));
            Ok(Expr::all(items.collect::<Result<_, _>>()?))
        }
        Yaml::List(items) => {
            if items.is_empty() {
                return Err(Mistake::new(node.line, "an empty selection", "write at least one value"));
            }
            let parts = items.iter().map(|part| match part.value {
                Yaml::Map(_) | Yaml::List(_) => read_selection(part, regexes),
                _ => item::read("", part.line, part, regexes),
            });
            Ok(Expr::any(parts.collect::<Result<_, _>>()?))
        }
        _ => item::read("", node.line, node, regexes),
    }
}

/// The selections of one rule while its condition is written out.
struct Selections<'s> {
    line: u32,
    list: Vec<Selection<'s>>,
    tests_left: usize,
}

struct Selection<'s> {
    name: &'s str,
    /// How often the condition still names it; the last time it is moved instead of copied.
    uses: usize,
    expr: Expr,
}

fn uses(condition: &Condition, name: &str) -> usize {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().map(|part| uses(part, name)).sum(),
        Condition::Not(inner) => uses(inner, name),
        Condition::Name(held) => usize::from(held == name),
        Condition::Of(_, pattern) => usize::from(pattern.fits(name)),
    }
}

impl Selections<'_> {
    fn resolve(&mut self, condition: &Condition) -> Result<Expr, Mistake> {
        Ok(match condition {
            Condition::And(parts) => Expr::And(self.resolve_each(parts)?),
            Condition::Or(parts) => Expr::Or(self.resolve_each(parts)?),
            Condition::Not(inner) => Expr::Not(Box::new(self.resolve(inner)?)),
            Condition::Name(name) => match self.list.iter().position(|selection| selection.name == name) {
                Some(place) => self.take(place)?,
                None => {
                    let names: Vec<&str> = self.list.iter().map(|selection| selection.name).collect();
                    let instead = format!("write one of: {}", names.join(", "));
                    let what = format!("the condition names {name:?}, which is no selection");
                    return Err(Mistake::new(self.line, what, instead));
                }
            },
            Condition::Of(quantity, pattern) => {
                let mut fitting = Vec::new();
                for place in 0..self.list.len() {
                    if pattern.fits(self.list[place].name) {
                        fitting.push(self.take(place)?);
                    }
                }
                if fitting.is_empty() {
                    let what = format!("'of' with {pattern:?}, which fits no selection");
                    return Err(Mistake::new(self.line, what, "correct the name pattern"));
                }
                match quantity {
                    Quantity::All => Expr::all(fitting),
                    Quantity::AtLeast(1) => Expr::any(fitting),
                    Quantity::AtLeast(count) => Expr::AtLeast(*count, fitting),
                }
            }
        })
    }

    fn resolve_each(&mut self, parts: &[Condition]) -> Result<Vec<Expr>, Mistake> {
        parts.iter().map(|part| self.resolve(part)).collect()
    }

    /// A selection's tests, as long as the rule's tests stay within the limit.
    fn take(&mut self, place: usize) -> Result<Expr, Mistake> {
        let selection = &mut self.list[place];
        let mut tests = 0_usize;
        selection.expr.each_test(&mut |_| tests += 1);
        self.tests_left = self.tests_left.checked_sub(tests).ok_or_else(|| {
            Mistake::new(self.line, format!("more tests than the limit of {TESTS_MAX}"), "split the rule")
        })?;
        selection.uses = selection.uses.saturating_sub(1);
        Ok(match selection.uses {
            0 => std::mem::replace(&mut selection.expr, Expr::And(Vec::new())),
            _ => selection.expr.clone(),
        })
    }
}

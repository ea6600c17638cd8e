//! Correlation over event time: windows of base detections, by group, and when they fire.
//! A file of its own because it is the only state that outlives an event; it can be rebuilt from base detections alone.
//!
//! A window ends at a base detection and reaches `timespan` back. A base detection that arrives late is looked at in every
//! window that holds it, unless it is a whole `timespan` behind its group: then it is counted and left out. A group fires
//! when its condition becomes true, and again after `timespan` while it stays true.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::sigma::condition::{Condition, Quantity};
use crate::sigma::correlation::{Correlation, CorrelationKind, Limit};
use crate::sigma::{RuleMeta, RuleSet};

/// The most groups one correlation keeps; the one that was silent longest goes first, and is counted.
pub const GROUPS_MAX: usize = 20_000;
/// The most base detections one group keeps; the oldest goes first, and is counted.
pub const GROUP_ENTRIES_MAX: usize = 5_000;
/// The most base detections a correlated detection names.
pub const NAMED_BASES_MAX: usize = 100;

/// One match of a rule that a correlation is over, with what its windows need. Shape: kept by the caller until
/// [`Correlator::kept_seconds`] have passed, and given back after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseDetection {
    /// The event's number.
    pub seq: u64,
    /// The rule that matched.
    pub rule_id: String,
    /// The event's time.
    pub time: Timestamp,
    /// The host, where the event names one.
    pub host: Option<String>,
    /// Sigma field → its first value, for the fields that correlations over this rule read.
    pub fields: BTreeMap<String, String>,
}

/// A correlation that fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlated {
    /// The correlation rule.
    pub rule: Arc<RuleMeta>,
    /// The base detection that completed the window.
    pub seq: u64,
    /// Its time.
    pub time: Timestamp,
    /// Its host.
    pub host: Option<String>,
    /// The group: field and value.
    pub group: Vec<(String, String)>,
    /// Events in the window, oldest first. Limits: the last [`NAMED_BASES_MAX`].
    pub because: Vec<u64>,
}

/// What was left out because of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CorrelationLosses {
    /// Groups that were evicted.
    pub groups: u64,
    /// Base detections that were evicted from a full group.
    pub entries: u64,
    /// Base detections that came too late for any window.
    pub late: u64,
}

/// All windows of all correlations.
#[derive(Debug, Default)]
pub struct Correlator {
    windows: Vec<Windows>,
    by_rule: HashMap<String, Vec<usize>>,
    losses: CorrelationLosses,
}

impl Correlator {
    /// Empty windows for the correlations of a rule set.
    pub fn new(rules: &RuleSet) -> Self {
        let windows: Vec<Windows> = rules.correlations().iter().cloned().map(Windows::new).collect();
        let mut by_rule: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, window) in windows.iter().enumerate() {
            for id in window.correlation.rules.iter().collect::<HashSet<_>>() {
                by_rule.entry(id.clone()).or_default().push(index);
            }
        }
        Self { windows, by_rule, losses: CorrelationLosses::default() }
    }

    /// Takes over the windows of correlations that are unchanged.
    pub fn take_over(&mut self, old: Self) {
        self.losses = old.losses;
        let mut old: HashMap<String, Windows> =
            old.windows.into_iter().map(|windows| (windows.correlation.meta.id.clone(), windows)).collect();
        for windows in &mut self.windows {
            if let Some(held) = old.remove(&windows.correlation.meta.id)
                && held.correlation.asks_the_same(&windows.correlation)
            {
                let correlation = windows.correlation.clone();
                *windows = Windows { correlation, ..held };
            }
        }
    }

    /// Whether any correlation is over this rule.
    pub fn is_over(&self, rule_id: &str) -> bool {
        self.by_rule.contains_key(rule_id)
    }

    /// What was left out so far.
    pub fn losses(&self) -> CorrelationLosses {
        self.losses
    }

    /// For how long base detections can still matter, in seconds of event time.
    pub fn kept_seconds(&self) -> i64 {
        self.windows.iter().map(|windows| windows.correlation.timespan_seconds * 2).max().unwrap_or(0)
    }

    /// Adds a base detection; returns what fired, correlations over correlations included.
    pub fn add(&mut self, base: &BaseDetection) -> Vec<Correlated> {
        let mut fired = Vec::new();
        let Some(over) = self.by_rule.get(&base.rule_id) else { return fired };
        for index in over.clone() {
            let Some(found) = self.windows[index].add(base, &mut self.losses) else { continue };
            // Correlations are ordered so that one comes after those it is over: this ends.
            let as_base = BaseDetection {
                rule_id: found.rule.id.clone(),
                fields: base
                    .fields
                    .iter()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .chain(found.group.iter().cloned())
                    .collect(),
                ..base.clone()
            };
            fired.push(found);
            fired.extend(self.add(&as_base));
        }
        fired
    }
}

/// The windows of one correlation.
#[derive(Debug)]
struct Windows {
    correlation: Correlation,
    groups: HashMap<Vec<String>, Group>,
    /// When a group last got an entry → which group; for eviction.
    order: BTreeMap<u64, Vec<String>>,
    stamps: u64,
}

#[derive(Debug, Default)]
struct Group {
    stamp: u64,
    /// Ordered by time, then event number.
    entries: VecDeque<Entry>,
    /// Whether the condition held when it was last looked at, and when it last fired.
    holds: bool,
    fired_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    time: Timestamp,
    seq: u64,
    /// Place of the rule in the correlation.
    rule: usize,
    value: Option<String>,
}

impl Windows {
    fn new(correlation: Correlation) -> Self {
        Self { correlation, groups: HashMap::new(), order: BTreeMap::new(), stamps: 0 }
    }

    fn add(&mut self, base: &BaseDetection, losses: &mut CorrelationLosses) -> Option<Correlated> {
        let rule = self.correlation.rules.iter().position(|id| *id == base.rule_id)?;
        let field = |name: &str| base.fields.get(self.correlation.field_of(rule, name)).cloned();
        let key: Vec<String> = self.correlation.group_by.iter().map(|name| field(name)).collect::<Option<_>>()?;
        let value = self.correlation.value_field().and_then(field);
        let entry = Entry { time: base.time, seq: base.seq, rule, value };
        let span = SignedDuration::from_secs(self.correlation.timespan_seconds);
        self.touch(&key, losses);
        let group = self.groups.get_mut(&key)?;
        if !group.insert(entry.clone(), span, losses) {
            return None;
        }
        let window = group.firing_window(&self.correlation, &entry, span)?;
        let group_values = self.correlation.group_by.iter().cloned().zip(key.iter().cloned()).collect();
        let skip = window.len().saturating_sub(NAMED_BASES_MAX);
        Some(Correlated {
            rule: self.correlation.meta.clone(),
            seq: base.seq,
            time: base.time,
            host: base.host.clone(),
            group: group_values,
            because: window[skip..].to_vec(),
        })
    }

    /// Makes the group the youngest, creating it and evicting the oldest where there are too many.
    fn touch(&mut self, key: &[String], losses: &mut CorrelationLosses) {
        self.stamps += 1;
        let group = self.groups.entry(key.to_vec()).or_default();
        self.order.remove(&group.stamp);
        group.stamp = self.stamps;
        self.order.insert(self.stamps, key.to_vec());
        if self.groups.len() > GROUPS_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.groups.remove(&oldest);
            losses.groups += 1;
        }
    }
}

impl Group {
    /// Puts an entry in its place. Shape: false where it is there already or too late for any window.
    fn insert(&mut self, entry: Entry, span: SignedDuration, losses: &mut CorrelationLosses) -> bool {
        let newest = self.entries.back().map_or(entry.time, |last| last.time.max(entry.time));
        if newest.duration_since(entry.time) >= span {
            losses.late += 1;
            return false;
        }
        let place =
            self.entries.partition_point(|held| (held.time, held.seq, held.rule) < (entry.time, entry.seq, entry.rule));
        if self
            .entries
            .get(place)
            .is_some_and(|held| (held.time, held.seq, held.rule) == (entry.time, entry.seq, entry.rule))
        {
            return false;
        }
        self.entries.insert(place, entry);
        while self.entries.front().is_some_and(|first| newest.duration_since(first.time) >= span * 2) {
            self.entries.pop_front();
        }
        if self.entries.len() > GROUP_ENTRIES_MAX {
            self.entries.pop_front();
            losses.entries += 1;
        }
        true
    }

    /// Looks at every window that holds the new entry; the event numbers of the first that makes the group fire.
    fn firing_window(&mut self, correlation: &Correlation, new: &Entry, span: SignedDuration) -> Option<Vec<u64>> {
        let entries = self.entries.make_contiguous();
        let first_end =
            entries.partition_point(|held| (held.time, held.seq, held.rule) < (new.time, new.seq, new.rule));
        let mut held = None;
        for (end, last) in entries.iter().enumerate().skip(first_end) {
            if last.time.duration_since(new.time) >= span {
                break;
            }
            let start = entries.partition_point(|entry| last.time.duration_since(entry.time) >= span);
            if correlation.holds(&entries[start..=end]) {
                held = Some((last.time, entries[start..=end].iter().map(|entry| entry.seq).collect()));
                break;
            }
        }
        let Some((time, window)) = held else {
            self.holds = false;
            return None;
        };
        let again = self.fired_at.is_none_or(|fired| time.duration_since(fired).abs() >= span);
        let fires = !self.holds || again;
        self.holds = true;
        if fires {
            self.fired_at = Some(time);
        }
        fires.then_some(window)
    }
}

impl Correlation {
    fn asks_the_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.rules == other.rules
            && self.written == other.written
            && self.group_by == other.group_by
            && self.timespan_seconds == other.timespan_seconds
            && self.aliases == other.aliases
    }

    /// The field of a rule that a name in `group-by` or `field` stands for.
    pub(crate) fn field_of<'c>(&'c self, rule: usize, name: &'c str) -> &'c str {
        let aliased = self.aliases.get(name).and_then(|fields| fields.get(self.written.get(rule)?));
        aliased.map_or(name, String::as_str)
    }

    /// The field whose values are counted or summed.
    pub(crate) fn value_field(&self) -> Option<&str> {
        match &self.kind {
            CorrelationKind::ValueCount(field, _)
            | CorrelationKind::ValueSum(field, _)
            | CorrelationKind::ValueAvg(field, _) => Some(field),
            _ => None,
        }
    }

    fn holds(&self, window: &[Entry]) -> bool {
        let within = |limits: &[Limit], value: f64| limits.iter().all(|limit| limit.holds(value));
        let numbers = || window.iter().filter_map(|entry| entry.value.as_deref()?.trim().parse::<f64>().ok());
        match &self.kind {
            CorrelationKind::EventCount(limits) => {
                let events = match self.rules.len() {
                    1 => window.len(),
                    // An event that several of the rules matched is one event.
                    _ => window.iter().map(|entry| entry.seq).collect::<HashSet<_>>().len(),
                };
                within(limits, events as f64)
            }
            CorrelationKind::ValueCount(_, limits) => {
                let values: HashSet<&str> = window.iter().filter_map(|entry| entry.value.as_deref()).collect();
                within(limits, values.len() as f64)
            }
            CorrelationKind::ValueSum(_, limits) => within(limits, numbers().sum()),
            CorrelationKind::ValueAvg(_, limits) => {
                let count = numbers().count();
                count > 0 && within(limits, numbers().sum::<f64>() / count as f64)
            }
            CorrelationKind::Temporal(condition) => self.names_hold(condition, window),
            CorrelationKind::TemporalOrdered(condition) => self.names_hold(condition, window) && in_order(window),
        }
    }

    fn names_hold(&self, condition: &Condition, window: &[Entry]) -> bool {
        let matched = |name: &str| window.iter().any(|entry| self.written[entry.rule] == name);
        match condition {
            Condition::And(parts) => parts.iter().all(|part| self.names_hold(part, window)),
            Condition::Or(parts) => parts.iter().any(|part| self.names_hold(part, window)),
            Condition::Not(inner) => !self.names_hold(inner, window),
            Condition::Name(name) => matched(name),
            Condition::Of(quantity, pattern) => {
                let mut fitting = self.written.iter().filter(|name| pattern.fits(name));
                match quantity {
                    Quantity::All => fitting.all(|name| matched(name)),
                    Quantity::AtLeast(count) => fitting.filter(|name| matched(name)).count() >= *count,
                }
            }
        }
    }
}

/// Whether the rules that matched at all can be found one after the other, in the order in which they are written.
fn in_order(window: &[Entry]) -> bool {
    let mut wanted: Vec<usize> = window.iter().map(|entry| entry.rule).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut wanted = wanted.into_iter().peekable();
    for entry in window {
        if wanted.peek() == Some(&entry.rule) {
            wanted.next();
        }
    }
    wanted.peek().is_none()
}

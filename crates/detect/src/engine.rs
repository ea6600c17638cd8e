//! The one entrance: rules, mappings and indicators compiled into an [`Engine`]; a [`Scanner`] runs events through it.
//! A file of its own because callers need nothing else of this crate. The engine is immutable and shared; what is mutable
//! (windows, memory, route cache) is the scanner's, one for each thread. Nothing here reads a clock.

mod scanner;
mod source_time;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use domain::telemetry::{Indicator, Level, Observable};
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::correlate::{BaseDetection, CorrelationLosses};
pub use crate::decode::Carrier;
pub use crate::indicator::IndicatorSet;
pub use crate::mapping::MappingSet;
pub use crate::sigma::{Filter, Logsource, Mark, RuleMeta, RuleOrigin, RuleProblem, RuleSet, RuleText, Scope};
pub use scanner::Scanner;
pub use source_time::{AHEAD_SECONDS_MAX, BEHIND_SECONDS_MAX, TimeFlag};

use crate::event::PathTable;
use crate::mapping::RouteId;
use crate::sigma::compile::{self, Compiled};
use crate::sigma::plan::{Origin, RoutePlan};

/// The most fields that a detection names.
pub const MATCHED_MAX: usize = 32;
/// The longest value that a detection quotes, in bytes.
pub const MATCHED_VALUE_BYTES_MAX: usize = 2 * 1024;
/// The most observables that a detection carries.
pub const OBSERVABLES_MAX: usize = 64;

/// One event as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct RawEvent<'a> {
    /// The caller's number for it.
    pub seq: u64,
    /// Who sent it, e.g. `syslog:10.0.0.7`.
    pub source: &'a str,
    /// How it arrived.
    pub carrier: Carrier,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What a detection rests on.
#[derive(Debug, Clone, PartialEq)]
pub enum By {
    /// A Sigma rule or correlation.
    Rule(Arc<RuleMeta>),
    /// An indicator.
    Indicator(Arc<Indicator>),
}

/// One rule or indicator that matched one event.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// The event's number; for a correlation, the event that completed it.
    pub seq: u64,
    /// What matched.
    pub by: By,
    /// When: the event's own time, or the received time where that is not to be trusted.
    pub time: Timestamp,
    /// Whether the event's own time was used.
    pub time_flag: TimeFlag,
    /// The host that the event names.
    pub host: Option<String>,
    /// Who sent the event.
    pub source: String,
    /// The fields that made it match, with their values. Limits: [`MATCHED_MAX`], [`MATCHED_VALUE_BYTES_MAX`].
    pub matched: Vec<(String, String)>,
    /// Values of the attacker's side in the event. Limits: [`OBSERVABLES_MAX`].
    pub observables: Vec<Observable>,
    /// For a correlation: the events in its window, oldest first.
    pub because: Vec<u64>,
}

impl Detection {
    /// The rule id, or `indicator`.
    pub fn rule_id(&self) -> &str {
        match &self.by {
            By::Rule(rule) => &rule.id,
            By::Indicator(_) => "indicator",
        }
    }

    /// The level; an indicator is as grave as its sender's warning, which is high.
    pub fn level(&self) -> Level {
        match &self.by {
            By::Rule(rule) => rule.level,
            By::Indicator(_) => Level::High,
        }
    }

    /// The mark that the rule hands on.
    pub fn mark(&self) -> Option<Mark> {
        match &self.by {
            By::Rule(rule) => rule.mark,
            By::Indicator(_) => None,
        }
    }
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The event's number.
    pub seq: u64,
    /// The time used.
    pub time: Timestamp,
    /// Whether that is the event's own.
    pub time_flag: TimeFlag,
    /// The host that the event names.
    pub host: Option<String>,
    /// The format that was recognised, e.g. `json`.
    pub format: &'static str,
    /// The form that a mapping recognised, e.g. `windows/evtx`; `None` where none did.
    pub shape: Option<Arc<str>>,
    /// Whether any rule could see it by its logsource.
    pub routed: Routed,
}

/// Whether an event's logsources are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routed {
    /// They are.
    Yes,
    /// No mapping recognised the event.
    No,
}

/// An event that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The event's number.
    pub seq: u64,
    /// Why, with the byte where it applies.
    pub reason: String,
}

/// An event on which rules with regular expressions were not searched to their end, because a limit was hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// The event's number.
    pub seq: u64,
    /// How many searches gave up.
    pub searches: u64,
    /// The first rule concerned; its expression counts as not found.
    pub rule_id: String,
}

/// A rule that matched an event, and a filter that hid it. Shape: one for each filter that hides the match.
#[derive(Debug, Clone, PartialEq)]
pub struct Hidden {
    /// The event's number.
    pub seq: u64,
    /// The rule that matched.
    pub rule: Arc<RuleMeta>,
    /// The filter that hid it.
    pub filter: Arc<RuleMeta>,
    /// When: as for a detection.
    pub time: Timestamp,
    /// The host that the event names.
    pub host: Option<String>,
}

/// The result of one batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scan {
    /// Rules and indicators that matched.
    pub detections: Vec<Detection>,
    /// Base detections that correlation windows need; the caller keeps them for [`Engine::base_kept_seconds`].
    pub base: Vec<BaseDetection>,
    /// Matches that a filter hid: neither detections nor base detections.
    pub hidden: Vec<Hidden>,
    /// One for each event that could be read.
    pub seen: Vec<Seen>,
    /// One for each event that could not.
    pub quarantined: Vec<Quarantined>,
    /// One for each event on which regular expressions gave up.
    pub given_up: Vec<GivenUp>,
}

/// Whether events may state their own logsource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmbeddedLogsource {
    /// They may not: an attacker who writes a log line would choose which rules see it.
    #[default]
    Ignored,
    /// Fields `product`, `service` and `category` count, `none` meaning none; for prepared corpora.
    Honoured,
}

/// What the operator decides.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Values of `expand` placeholders, by name without the percent signs.
    pub placeholders: BTreeMap<String, Vec<String>>,
    /// Whether events may state their own logsource.
    pub embedded_logsource: EmbeddedLogsource,
    /// The zone of times without one.
    pub zone: TimeZone,
    /// The same for single sources, by source id.
    pub source_zones: BTreeMap<String, TimeZone>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            placeholders: BTreeMap::new(),
            embedded_logsource: EmbeddedLogsource::default(),
            zone: TimeZone::UTC,
            source_zones: BTreeMap::new(),
        }
    }
}

/// What was loaded, for people.
#[derive(Debug, Clone, Default)]
pub struct EngineReport {
    /// Rules that can run.
    pub rules: usize,
    /// Correlations.
    pub correlations: usize,
    /// Indicators.
    pub indicators: usize,
    /// Rules by level.
    pub by_level: BTreeMap<Level, usize>,
    /// Different tests over all rules.
    pub predicates: usize,
    /// Rules that are loaded but cannot run, and why.
    pub inactive: Vec<InactiveRule>,
    /// Rules' logsources that no mapping can ever produce, with the number of rules.
    pub unseen: BTreeMap<Logsource, usize>,
    /// Indicators that could not be used: value and reason.
    pub unusable_indicators: Vec<(String, &'static str)>,
}

/// A rule that is loaded but cannot run.
#[derive(Debug, Clone)]
pub struct InactiveRule {
    /// The rule.
    pub rule: Arc<RuleMeta>,
    /// Why, and what would let it run.
    pub reason: String,
}

/// Rules, mappings and indicators, compiled. Immutable; replaced whole.
#[derive(Debug)]
pub struct Engine {
    compiled: Compiled,
    rules: RuleSet,
    mappings: Arc<MappingSet>,
    indicators: Arc<IndicatorSet>,
    options: EngineOptions,
    report: EngineReport,
    selectors: PathTable,
    presence_only: Vec<bool>,
    /// By number of the rule: what correlations read from its matches.
    base_fields: HashMap<u32, Vec<String>>,
    /// By number of the rule: whether it reports on its own.
    silent: Vec<bool>,
    /// Ids of the correlations that only feed other ones.
    silent_correlations: HashSet<String>,
    plans: RwLock<HashMap<PlanKey, Arc<RoutePlan>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    pub(crate) route: RouteId,
    pub(crate) embedded: Option<Logsource>,
}

impl Engine {
    /// Compiles everything but the plans of routes, which are compiled when their first event arrives.
    pub fn build(
        rules: RuleSet,
        mappings: impl Into<Arc<MappingSet>>,
        indicators: impl Into<Arc<IndicatorSet>>,
        options: EngineOptions,
    ) -> Self {
        let (mappings, indicators) = (mappings.into(), indicators.into());
        let mut compiled = compile::compile(rules.rules(), &options.placeholders);
        let (base_fields, silent) = correlated(&mut compiled, &rules);
        let silent_correlations = silent_correlations(&rules);
        let report = report(&compiled, &rules, &mappings, &indicators, &options);
        let own = ["product", "service", "category"];
        let paths = mappings.selectors().iter().map(|selector| selector.path.as_str()).chain(own);
        let selectors = PathTable::new(paths);
        let presence = mappings.selectors().iter().map(|selector| selector.needs == crate::mapping::Needs::Presence);
        let presence_only = presence.collect();
        let plans = RwLock::default();
        Self {
            compiled,
            rules,
            mappings,
            indicators,
            options,
            report,
            selectors,
            presence_only,
            base_fields,
            silent,
            silent_correlations,
            plans,
        }
    }

    /// What was loaded.
    pub fn report(&self) -> &EngineReport {
        &self.report
    }

    /// Every rule that can run, correlations after rules on events.
    pub fn rules(&self) -> impl Iterator<Item = &RuleMeta> {
        let events = self.compiled.rules.iter().map(|rule| &*rule.meta);
        events.chain(self.rules.correlations().iter().map(|correlation| &*correlation.meta))
    }

    /// The rule set that the engine was built from.
    pub fn rule_set(&self) -> &RuleSet {
        &self.rules
    }

    /// The mappings.
    pub fn mappings(&self) -> &Arc<MappingSet> {
        &self.mappings
    }

    /// The indicators.
    pub fn indicators(&self) -> &Arc<IndicatorSet> {
        &self.indicators
    }

    /// For how long base detections must be kept, in seconds of event time.
    pub fn base_kept_seconds(&self) -> i64 {
        self.rules.correlations().iter().map(|correlation| correlation.timespan_seconds * 2).max().unwrap_or(0)
    }

    pub(crate) fn plan(&self, key: &PlanKey) -> Arc<RoutePlan> {
        if let Some(plan) = self.plans.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return plan.clone();
        }
        let origin = match &key.embedded {
            Some(logsource) => Origin::Embedded(&self.mappings, key.route, logsource),
            None => Origin::Mapped(&self.mappings, key.route),
        };
        let plan = Arc::new(RoutePlan::new(&self.compiled, &origin));
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        plans.entry(key.clone()).or_insert(plan).clone()
    }
}

/// Which rules feed correlations, with which fields, and which of them report nothing themselves.
fn correlated(compiled: &mut Compiled, rules: &RuleSet) -> (HashMap<u32, Vec<String>>, Vec<bool>) {
    let numbers: HashMap<String, u32> =
        compiled.rules.iter().enumerate().map(|(number, rule)| (rule.meta.id.clone(), number as u32)).collect();
    let mut base_fields: HashMap<u32, Vec<String>> = HashMap::new();
    let mut generates: HashMap<u32, bool> = HashMap::new();
    for correlation in rules.correlations() {
        for (place, id) in base_rules(rules, &correlation.rules) {
            let Some(number) = numbers.get(id) else { continue };
            let names = correlation.group_by.iter().map(String::as_str).chain(correlation.value_field());
            let fields = base_fields.entry(*number).or_default();
            for name in names {
                let field = place.map_or(name, |place| correlation.field_of(place, name)).to_owned();
                if !fields.contains(&field) {
                    fields.push(field);
                }
            }
            let too = correlation.generate == crate::sigma::correlation::Generate::RulesToo;
            *generates.entry(*number).or_default() |= too;
        }
    }
    for (number, names) in &base_fields {
        compiled.read_too(*number, names);
    }
    let silent = (0..compiled.rules.len() as u32).map(|number| generates.get(&number) == Some(&false)).collect();
    (base_fields, silent)
}

/// Ids of the correlations that others are over and that none of those lets report on its own.
fn silent_correlations(rules: &RuleSet) -> HashSet<String> {
    let mut generates: HashMap<&str, bool> = HashMap::new();
    for outer in rules.correlations() {
        let too = outer.generate == crate::sigma::correlation::Generate::RulesToo;
        for id in outer.rules.iter().filter(|id| rules.correlations().iter().any(|inner| inner.meta.id == **id)) {
            *generates.entry(id).or_default() |= too;
        }
    }
    generates.into_iter().filter(|(_, generates)| !generates).map(|(id, _)| id.to_owned()).collect()
}

/// The rules on events below a correlation's rules; for direct ones with their place, for the aliases.
fn base_rules<'r>(rules: &'r RuleSet, ids: &'r [String]) -> Vec<(Option<usize>, &'r str)> {
    let mut base = Vec::new();
    for (place, id) in ids.iter().enumerate() {
        match rules.correlations().iter().find(|inner| inner.meta.id == *id) {
            Some(inner) => base.extend(base_rules(rules, &inner.rules).into_iter().map(|(_, id)| (None, id))),
            None => base.push((Some(place), id.as_str())),
        }
    }
    base
}

fn report(
    compiled: &Compiled,
    rules: &RuleSet,
    mappings: &MappingSet,
    indicators: &IndicatorSet,
    options: &EngineOptions,
) -> EngineReport {
    let mut report = EngineReport {
        rules: compiled.rules.len(),
        correlations: rules.correlations().len(),
        indicators: indicators.len(),
        predicates: compiled.predicates.len(),
        inactive: compiled
            .inactive
            .iter()
            .map(|inactive| InactiveRule { rule: inactive.meta.clone(), reason: inactive.reason.clone() })
            .collect(),
        ..EngineReport::default()
    };
    let problems = indicators.problems().iter();
    report.unusable_indicators = problems.map(|problem| (problem.indicator.value.clone(), problem.what)).collect();
    let mut sees: HashMap<&Logsource, bool> = HashMap::new();
    for rule in &compiled.rules {
        *report.by_level.entry(rule.meta.level).or_default() += 1;
        let logsource = &rule.meta.logsource;
        let seen = *sees.entry(logsource).or_insert_with(|| mappings.sees(logsource));
        if !seen && options.embedded_logsource == EmbeddedLogsource::Ignored {
            *report.unseen.entry(logsource.clone()).or_default() += 1;
        }
    }
    report
}

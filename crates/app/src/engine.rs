//! The running engine of a node: built-in rules, the operator's rules, and what warnings in force brought in.
//! Immutable once built and swapped whole; the scanner notices the new generation before its next batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use detect::engine::{Engine, EngineOptions};
use detect::indicator::IndicatorSet;
use detect::mapping::MappingSet;
use detect::sigma::{Filter, RuleMeta, RuleOrigin, RuleProblem, RuleSet, RuleText};
use domain::release::WarningContent;
use domain::telemetry::Indicator;
use jiff::Timestamp;
use store::Store;
use uuid::Uuid;

use crate::data_protection;
use crate::suppliers::SupplierList;
use crate::tuning::{Switch, read_filter};
use crate::{App, AppConfig, Error, RecordedAttack, Result, SourceGuide};

/// The setting under which first-seen times of rules that are not built in are kept.
const RULES_SINCE: &str = "rules-since";

/// What changes without a compiler, as texts: the binary reads files and built-in tables and hands them over.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// Rule files: the built-in ones and the operator's.
    pub rules: Vec<RuleText>,
    /// Built-in rules that observe staff; they run only once they are switched on.
    pub staff_rules: Vec<RuleText>,
    /// Mapping files: path and text.
    pub mappings: Vec<(String, String)>,
    /// Lists of values that are never the attacker's side.
    pub warninglists: Vec<String>,
    /// Suppliers and products.
    pub suppliers: SupplierList,
    /// How each product is connected.
    pub guides: Vec<SourceGuide>,
    /// Attacks on record, to hold the node's sight against.
    pub attacks: Vec<RecordedAttack>,
    /// Options of the engine.
    pub options: EngineOptions,
}

/// The engine in use and what it was built from.
pub(crate) struct Holder {
    engine: ArcSwap<Engine>,
    parts: Mutex<Parts>,
    options: EngineOptions,
    mappings: Arc<MappingSet>,
    refused: Refused,
}

/// Rule documents that do not load, by who brought them.
#[derive(Debug, Default)]
struct Refused {
    own: AtomicU64,
    of_warnings: AtomicU64,
}

/// Whom rules may observe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observing {
    /// Nobody: rules that observe staff do not run.
    #[default]
    Nobody,
    /// Staff too.
    Staff,
}

struct Parts {
    base: RuleSet,
    staff: RuleSet,
    observing: Observing,
    /// Contents in force, by issuer and release.
    warnings: BTreeMap<(String, Uuid), Arc<WarningContent>>,
    /// When rules that are not built in were first seen here.
    since: BTreeMap<String, Timestamp>,
    /// Exceptions that work, with their end.
    exceptions: BTreeMap<Uuid, (Timestamp, Arc<Filter>)>,
    /// Ids of rules that are off.
    off: BTreeSet<String>,
}

impl Holder {
    pub(crate) async fn start(content: Content, config: &AppConfig, store: &Store, now: Timestamp) -> Result<Self> {
        let (mappings, mapping_problems) = MappingSet::parse(&content.mappings);
        let mappings = Arc::new(mappings);
        for problem in &mapping_problems {
            tracing::warn!(%problem, country = config.country, "a mapping file is left out");
        }
        let (base, problems) = RuleSet::parse(&with_probe(content.rules));
        for problem in &problems {
            tracing::warn!(%problem, "a rule does not load");
        }
        let since = match store.setting(RULES_SINCE).await? {
            Some(json) => serde_json::from_str(&json)?,
            None => BTreeMap::new(),
        };
        let warnings = store
            .live_warnings()
            .await?
            .into_iter()
            .filter_map(|live| Some(((live.issuer.0.clone(), live.release), Arc::new(live.content?))))
            .collect();
        let refused = Refused::default();
        refused.own.store(problems.len() as u64, Relaxed);
        let (staff, problems) = RuleSet::parse(&content.staff_rules);
        for problem in &problems {
            tracing::warn!(%problem, "a rule that observes staff does not load");
        }
        let observing = match store.setting(data_protection::SETTING).await? {
            Some(json) => serde_json::from_str::<data_protection::Kept>(&json)?.observing,
            None => Observing::Nobody,
        };
        let off = store.rules_off().await?.into_iter().map(|rule| rule.rule_id).collect();
        let exceptions = exceptions(store, now).await?;
        let parts = Parts { base, staff, observing, warnings, since, exceptions, off };
        let engine = ArcSwap::from_pointee(build(&parts, &mappings, &content.options, &refused));
        Ok(Self { engine, parts: Mutex::new(parts), options: content.options, mappings, refused })
    }

    /// The engine in use.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        self.engine.load_full()
    }

    pub(crate) fn rule_count(&self) -> u64 {
        self.engine.load().rules().count() as u64
    }

    /// The rules that observe staff, running or not.
    pub(crate) fn staff_rules(&self) -> Vec<RuleMeta> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        Engine::build(parts.staff.clone(), Arc::clone(&self.mappings), IndicatorSet::default(), self.options.clone())
            .rules()
            .filter(|rule| rule.custom.contains_key("family"))
            .cloned()
            .collect()
    }

    /// Lets rules observe staff or nobody, and swaps the engine where that changes something.
    pub(crate) fn observe(&self, observing: Observing) {
        if self.parts.lock().unwrap_or_else(PoisonError::into_inner).observing != observing {
            self.change(|parts| parts.observing = observing);
        }
    }

    /// An engine with nothing but the rules and indicators of one content: for the trial and the look-back.
    pub(crate) fn only(&self, origin: Uuid, content: &WarningContent) -> Engine {
        let (rules, _) = RuleSet::parse(&rule_texts(origin, content));
        let indicators = IndicatorSet::build(indicators(origin, content));
        Engine::build(rules, Arc::clone(&self.mappings), indicators, self.options.clone())
    }

    /// Puts a content in force, replacing an earlier version, and swaps the engine.
    pub(crate) fn put(&self, issuer: &str, release: Uuid, content: WarningContent) {
        self.change(|parts| {
            parts.warnings.insert((issuer.to_owned(), release), Arc::new(content));
        });
    }

    /// Takes a content out of force and swaps the engine. False where it was not in force.
    pub(crate) fn remove(&self, issuer: &str, release: Uuid) -> bool {
        let key = (issuer.to_owned(), release);
        let known = self.parts.lock().unwrap_or_else(PoisonError::into_inner).warnings.contains_key(&key);
        if known {
            self.change(|parts| {
                parts.warnings.remove(&key);
            });
        }
        known
    }

    /// Replaces the built-in and the operator's rules. Returns what does not load.
    pub(crate) fn replace_rules(&self, texts: Vec<RuleText>) -> Vec<RuleProblem> {
        let (base, problems) = RuleSet::parse(&with_probe(texts));
        self.refused.own.store(problems.len() as u64, Relaxed);
        self.change(|parts| {
            parts.base = base;
        });
        problems
    }

    /// Puts an exception in force, or moves its end, and swaps the engine.
    pub(crate) fn except(&self, id: Uuid, until: Timestamp, filter: Arc<Filter>) {
        self.change(|parts| {
            parts.exceptions.insert(id, (until, filter));
        });
    }

    /// Takes exceptions out of force and swaps the engine.
    pub(crate) fn end_exceptions(&self, ids: &[Uuid]) {
        self.change(|parts| parts.exceptions.retain(|id, _| !ids.contains(id)));
    }

    /// Exceptions in force whose time is over.
    pub(crate) fn expired_exceptions(&self, now: Timestamp) -> Vec<Uuid> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.exceptions.iter().filter(|(_, (until, _))| *until <= now).map(|(id, _)| *id).collect()
    }

    /// Switches a rule on or off and swaps the engine.
    pub(crate) fn switch(&self, rule_id: &str, switch: Switch) {
        self.change(|parts| {
            match switch {
                Switch::Off => parts.off.insert(rule_id.to_owned()),
                Switch::On => parts.off.remove(rule_id),
            };
        });
    }

    /// The rules in use, and those that are off, without any filter: what exceptions are held against.
    pub(crate) fn rule_set(&self) -> RuleSet {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        all_rules(&parts).0
    }

    /// A rule that is in use or off.
    pub(crate) fn rule(&self, id: &str) -> Option<Arc<RuleMeta>> {
        let in_set = |set: &RuleSet| {
            let metas = set.rules().iter().map(|rule| &rule.meta);
            metas.chain(set.correlations().iter().map(|one| &one.meta)).find(|meta| meta.id == id).cloned()
        };
        let own = in_set(&self.parts.lock().unwrap_or_else(PoisonError::into_inner).base);
        own.or_else(|| in_set(self.engine.load().rule_set())).or_else(|| in_set(&self.rule_set()))
    }

    /// The mappings.
    pub(crate) fn mappings(&self) -> &Arc<MappingSet> {
        &self.mappings
    }

    /// What the operator decided about the engine.
    pub(crate) fn options(&self) -> &EngineOptions {
        &self.options
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut parts);
        self.engine.store(Arc::new(build(&parts, &self.mappings, &self.options, &self.refused)));
    }

    /// When a rule that is not built in was first seen here; notes it if this is the first time.
    fn since(&self, rule_id: &str, now: Timestamp) -> (Timestamp, Option<BTreeMap<String, Timestamp>>) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = parts.since.get(rule_id) {
            return (*since, None);
        }
        parts.since.insert(rule_id.to_owned(), now);
        (now, Some(parts.since.clone()))
    }
}

impl App {
    /// Replaces the rules (after the operator changed files) and swaps the engine. Returns what does not load.
    pub fn reload_rules(&self, texts: Vec<RuleText>) -> Vec<RuleProblem> {
        let problems = self.engine.replace_rules(texts);
        self.count_rebuild();
        self.changed();
        problems
    }

    pub(crate) fn count_rebuild(&self) {
        self.metrics.add("lazaret_engine_rebuilds_total", "", 1);
        self.show_engine();
    }

    /// Puts what the running engine holds, and what it could not take, into the metrics.
    pub(crate) fn show_engine(&self) {
        self.metrics.set("lazaret_engine_rules", "", self.engine.rule_count());
        let refused = &self.engine.refused;
        self.metrics.set("lazaret_rules_refused", r#"from="own""#, refused.own.load(Relaxed));
        self.metrics.set("lazaret_rules_refused", r#"from="warnings""#, refused.of_warnings.load(Relaxed));
    }

    /// When a rule came into this engine, for the *everyone at once* guard: a built-in rule's own date, otherwise when
    /// it was first seen here.
    pub(crate) async fn rule_since(&self, rule: &RuleMeta) -> Result<Timestamp> {
        if matches!(rule.origin, RuleOrigin::BuiltIn)
            && let Some(date) = rule.modified.as_deref().or(rule.date.as_deref()).and_then(midnight)
        {
            return Ok(date);
        }
        let (since, changed) = self.engine.since(&rule.id, self.now());
        if let Some(all) = changed {
            let audit = self.audit_line(
                domain::party::Actor::Policy { name: "rule-first-seen".to_owned() },
                "rule-first-seen",
                &rule.id,
                "",
            );
            self.store.set_setting(RULES_SINCE, &serde_json::to_string(&all).map_err(Error::from)?, audit).await?;
        }
        Ok(since)
    }
}

/// The start of a day that a rule names, `2026-11-25` or `2026/11/25`, UTC.
fn midnight(date: &str) -> Option<Timestamp> {
    format!("{}T00:00:00Z", date.trim().replace('/', "-")).parse().ok()
}

fn build(parts: &Parts, mappings: &Arc<MappingSet>, options: &EngineOptions, refused: &Refused) -> Engine {
    let (mut rules, values, refused_of_warnings) = all_rules(parts);
    refused.of_warnings.store(refused_of_warnings, Relaxed);
    rules.retain(|rule| !parts.off.contains(&rule.id));
    let filters: Vec<Arc<Filter>> = parts.exceptions.values().map(|(_, filter)| Arc::clone(filter)).collect();
    for problem in &rules.filter(&filters) {
        // its rule is off or was taken away; the page of exceptions says so
        tracing::debug!(%problem, "an exception applies to no rule");
    }
    Engine::build(rules, Arc::clone(mappings), IndicatorSet::build(values.into_iter()), options.clone())
}

/// The built-in and the operator's rules and those of warnings, without exceptions; the warnings' indicators; and how many
/// rules of warnings do not load.
fn all_rules(parts: &Parts) -> (RuleSet, Vec<Indicator>, u64) {
    let mut rules = parts.base.clone();
    if parts.observing == Observing::Staff {
        for problem in &rules.extend(parts.staff.clone()) {
            tracing::warn!(%problem, "a rule that observes staff is here already");
        }
    }
    let mut values = Vec::new();
    let mut refused_of_warnings = 0;
    for ((_, release), content) in &parts.warnings {
        let (more, problems) = RuleSet::parse(&rule_texts(*release, content));
        refused_of_warnings += problems.len() as u64;
        for problem in &problems {
            tracing::warn!(%problem, %release, "a rule of a warning does not load");
        }
        for problem in &rules.extend(more) {
            tracing::warn!(%problem, %release, "a rule of a warning is here already");
        }
        values.extend(indicators(*release, content));
    }
    (rules, values, refused_of_warnings)
}

/// The exceptions that work now. One that cannot be read any more hides nothing, and is told.
async fn exceptions(store: &Store, now: Timestamp) -> Result<BTreeMap<Uuid, (Timestamp, Arc<Filter>)>> {
    let mut exceptions = BTreeMap::new();
    for exception in store.exceptions().await?.into_iter().filter(|exception| exception.works(now)) {
        match read_filter(exception.id, &exception.filter, &exception.scope) {
            Ok(filter) => _ = exceptions.insert(exception.id, (exception.expires_at, filter)),
            Err(problem) => tracing::warn!(%problem, "an exception cannot be read any more; it hides nothing"),
        }
    }
    Ok(exceptions)
}

/// The rules, and the one that finds probes.
fn with_probe(mut texts: Vec<RuleText>) -> Vec<RuleText> {
    texts.push(crate::probe::rule());
    texts
}

fn rule_texts(release: Uuid, content: &WarningContent) -> Vec<RuleText> {
    let text = |(index, text): (usize, &String)| RuleText {
        path: format!("warning {release} rule {}", index + 1),
        text: text.clone(),
        origin: RuleOrigin::Warning(release.to_string()),
        mark: None,
    };
    content.rules.iter().enumerate().map(text).collect()
}

fn indicators(release: Uuid, content: &WarningContent) -> impl Iterator<Item = Indicator> + '_ {
    content
        .indicators
        .iter()
        .map(move |indicator| Indicator { origin: format!("warning:{release}"), ..indicator.clone() })
}

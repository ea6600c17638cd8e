//! New rules before they go live: what loads, what does not and why, what no connected source delivers, and what would
//! have fired in the last day of kept events. A file of its own because the command line asks and nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use detect::sigma::{RuleProblem, RuleSet, RuleText};
use domain::telemetry::Level;
use eventstore::LookBack;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alerts::CARDS_MAX;
use crate::replay::{LOOK_BACK_BYTES_MAX, Replay};
use crate::{App, Result};

/// How far back new rules are tried, in hours.
const TRIAL_HOURS: i64 = 24;
/// How many hosts of a rule that fired are named.
const HOSTS_MAX: usize = 5;

/// What new rules would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesTrial {
    /// Rules that load and are new.
    pub loads: Vec<TriedRule>,
    /// Rules that are here already, by id; they stay as they are.
    pub known: u64,
    /// What does not load, and why: file, line, what, what to write instead.
    pub problems: Vec<String>,
    /// Rules that load but cannot run, and why.
    pub cannot_run: Vec<(String, String)>,
    /// What rules look at that no connected source delivers.
    pub not_connected: Vec<NeededLog>,
    /// Rules that would have fired, the loudest first.
    pub fired: Vec<FiredRule>,
    /// How many cards of ordinary alerts the period would have brought, critical ones aside.
    pub cards: u64,
    /// Alerts that would have been grouped, not shown as cards.
    pub grouped: u64,
    /// Critical alerts; each is a card.
    pub critical: u64,
    /// Everything kept that was received from here on was gone through.
    pub from: Timestamp,
    /// The end of the period.
    pub to: Timestamp,
    /// Events gone through.
    pub events: u64,
    /// Whether a limit ended it early.
    pub limited: bool,
}

/// A rule that loads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedRule {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub level: Level,
}

/// A kind of log that new rules look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededLog {
    /// As Sigma names it.
    pub logsource: String,
    /// How many of the new rules look at it.
    pub rules: u64,
    /// Whether this program could read it at all, were it connected.
    pub readable: bool,
}

/// A rule that would have fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiredRule {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub level: Level,
    /// How often it matched.
    pub detections: u64,
    /// How many alerts that would have been: one a host and day.
    pub alerts: u64,
    /// Some of the hosts.
    pub hosts: Vec<String>,
}

impl App {
    /// Tries rule files on the kept events of the last day, oldest first, within the look-back's limit. Changes nothing.
    /// `seen` hears how many of how many events are done.
    pub async fn try_rules(
        &self,
        texts: Vec<RuleText>,
        mut seen: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<RulesTrial> {
        let formats: Vec<String> = self.store.sources().await?.into_iter().map(|source| source.format).collect();
        let (log, names, now) = (Arc::clone(&self.log), self.sources.names(), self.now());
        let (holder, events_max) = (Arc::clone(&self.engine), self.config.trial.look_back_events_max);
        tokio::task::spawn_blocking(move || {
            let (mut rules, problems) = RuleSet::parse(&texts);
            let known = leave_out_known(&mut rules, &holder.rule_set());
            let mut trial = about(&rules, &problems, known, now);
            let engine = Arc::new(detect::engine::Engine::build(
                rules,
                Arc::clone(holder.mappings()),
                detect::engine::IndicatorSet::default(),
                holder.options().clone(),
            ));
            let inactive = engine.report().inactive.iter();
            trial.cannot_run = inactive.map(|one| (one.rule.title.clone(), one.reason.clone())).collect();
            trial.not_connected = needed(&engine, &formats);
            let look = LookBack {
                from: (now - SignedDuration::from_hours(TRIAL_HOURS)).as_microsecond(),
                to: now.as_microsecond().saturating_add(1),
                events_max,
                bytes_max: LOOK_BACK_BYTES_MAX,
            };
            let mut fired: BTreeMap<String, Fired> = BTreeMap::new();
            let replay = Replay { log: &log, names: &names, now, look, time_max: None };
            let replayed = replay.oldest_first(
                engine,
                &mut |scan, _| scan.detections.iter().for_each(|detection| note(&mut fired, detection)),
                &mut seen,
            )?;
            (trial.from, trial.events, trial.limited) = (replayed.from, replayed.events, replayed.limited);
            trial.judge(fired);
            Ok(trial)
        })
        .await?
    }
}

fn leave_out_known(rules: &mut RuleSet, held: &RuleSet) -> u64 {
    let mut ids: BTreeSet<&str> = held.rules().iter().map(|rule| rule.meta.id.as_str()).collect();
    ids.extend(held.correlations().iter().map(|one| one.meta.id.as_str()));
    let before = rules.len() + rules.correlations().len();
    rules.retain(|meta| !ids.contains(meta.id.as_str()));
    (before - rules.len() - rules.correlations().len()) as u64
}

fn about(rules: &RuleSet, problems: &[RuleProblem], known: u64, now: Timestamp) -> RulesTrial {
    let metas = rules.rules().iter().map(|rule| &rule.meta).chain(rules.correlations().iter().map(|one| &one.meta));
    RulesTrial {
        loads: metas
            .map(|meta| TriedRule { id: meta.id.clone(), title: meta.title.clone(), level: meta.level })
            .collect(),
        known,
        problems: problems.iter().map(ToString::to_string).collect(),
        cannot_run: Vec::new(),
        not_connected: Vec::new(),
        fired: Vec::new(),
        cards: 0,
        grouped: 0,
        critical: 0,
        from: now,
        to: now,
        events: 0,
        limited: false,
    }
}

/// What the rules look at that no connected source delivers, most rules first.
fn needed(engine: &detect::engine::Engine, formats: &[String]) -> Vec<NeededLog> {
    let mut rules_by: BTreeMap<&detect::engine::Logsource, u64> = BTreeMap::new();
    for rule in engine.rule_set().rules() {
        *rules_by.entry(&rule.meta.logsource).or_default() += 1;
    }
    let connected =
        |source: &detect::engine::Logsource| formats.iter().any(|format| engine.mappings().shape_sees(format, source));
    let mut needed: Vec<NeededLog> = rules_by
        .into_iter()
        .filter(|(source, _)| !connected(source))
        .map(|(source, rules)| NeededLog {
            logsource: source.to_string(),
            rules,
            readable: engine.mappings().sees(source),
        })
        .collect();
    needed.sort_by(|one, other| other.rules.cmp(&one.rules).then_with(|| one.logsource.cmp(&other.logsource)));
    needed
}

struct Fired {
    rule: FiredRule,
    family: String,
    /// Host and day.
    alerts: BTreeSet<(String, i64)>,
}

fn note(fired: &mut BTreeMap<String, Fired>, detection: &detect::engine::Detection) {
    let detect::engine::By::Rule(rule) = &detection.by else { return };
    let entry = fired.entry(rule.id.clone()).or_insert_with(|| Fired {
        rule: FiredRule {
            id: rule.id.clone(),
            title: rule.title.clone(),
            level: rule.level,
            detections: 0,
            alerts: 0,
            hosts: Vec::new(),
        },
        family: rule.family.clone(),
        alerts: BTreeSet::new(),
    });
    entry.rule.detections += 1;
    let host = detection.host.clone().unwrap_or_else(|| detection.source.clone());
    if entry.rule.hosts.len() < HOSTS_MAX && !entry.rule.hosts.contains(&host) {
        entry.rule.hosts.push(host.clone());
    }
    entry.alerts.insert((host, detection.time.as_second().div_euclid(24 * 3_600)));
}

impl RulesTrial {
    /// Counts cards as *Alerts* would show them: one a family, at most five, critical ones each.
    fn judge(&mut self, fired: BTreeMap<String, Fired>) {
        let mut families = BTreeSet::new();
        let mut ordinary = 0;
        for fired in fired.into_values() {
            let alerts = fired.alerts.len() as u64;
            if fired.rule.level == Level::Critical {
                self.critical += alerts;
            } else {
                ordinary += alerts;
                if fired.rule.level >= Level::Medium {
                    families.insert(fired.family.clone());
                }
            }
            self.fired.push(FiredRule { alerts, ..fired.rule });
        }
        self.cards = families.len().min(CARDS_MAX) as u64;
        self.grouped = ordinary - self.cards;
        self.fired.sort_by(|one, other| {
            other
                .level
                .cmp(&one.level)
                .then(other.detections.cmp(&one.detections))
                .then_with(|| one.title.cmp(&other.title))
        });
    }
}

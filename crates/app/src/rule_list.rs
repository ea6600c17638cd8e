//! Rules and exceptions as one page shows them: what hides what, until when, who said so and why; what is off; which
//! rules are noisy; every rule with its state. Only reading; what changes them is in `tuning.rs`.

use std::collections::BTreeMap;

use detect::sigma::{RuleMeta, RuleOrigin};
use domain::telemetry::Level;
use jiff::{SignedDuration, Timestamp};
use store::{Exception, RuleNoise, RuleOff, SuspectedRule};
use uuid::Uuid;

use crate::audit::actor_name;
use crate::{App, Error, Result};

/// How many noisy rules are ranked.
const NOISY_MAX: u32 = 20;
/// How many exceptions that no longer work are shown.
const ENDED_SHOWN_MAX: usize = 50;
/// The short period of the ranking.
const SHORT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The long period of the ranking.
const LONG: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Everything the page shows.
#[derive(Debug, Clone)]
pub struct RulesView {
    /// Exceptions that work, the first to end first.
    pub exceptions: Vec<ExceptionView>,
    /// Exceptions that expired or were ended, the newest first.
    pub ended: Vec<ExceptionView>,
    /// Filters that the operator's rule files brought.
    pub filters: Vec<FileFilter>,
    /// Rules that are off.
    pub off: Vec<RuleOffView>,
    /// The loudest rules, with whether each is off.
    pub noisy: Vec<RuleNoise>,
    /// Rules that a hub suspects.
    pub suspected: Vec<SuspectedRule>,
    /// How many rules run.
    pub running: u64,
}

/// An exception with the names that a page shows.
#[derive(Debug, Clone)]
pub struct ExceptionView {
    /// The exception.
    pub exception: Exception,
    /// Who made it.
    pub author: String,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// Whether it works now.
    pub works: bool,
    /// Whether its rule is here and on; where not, it hides nothing.
    pub rule_runs: bool,
}

/// A filter of a rule file, and what it hid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFilter {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How many matches it hid.
    pub hidden: u64,
}

/// A rule that is off, with the name of who did it.
#[derive(Debug, Clone)]
pub struct RuleOffView {
    /// What and why.
    pub off: RuleOff,
    /// Who.
    pub author: String,
}

/// A rule in the list of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub level: Level,
    /// `built-in`, `local` or `warning`.
    pub origin: &'static str,
    /// What it looks at; empty for a correlation.
    pub logsource: String,
    /// How it stands.
    pub state: RuleState,
    /// How many exceptions from it work.
    pub exceptions: u64,
}

/// How a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleState {
    /// It runs, and a connected source sends what it looks at.
    Runs,
    /// It runs, but no connected source sends what it looks at.
    NoSource,
    /// It cannot run as it is written here, e.g. because it needs a list of values.
    CannotRun,
    /// Somebody switched it off.
    Off,
}

impl RuleState {
    /// The stable word in filters and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::NoSource => "no-source",
            Self::CannotRun => "cannot-run",
            Self::Off => "off",
        }
    }
}

/// Where a rule came from, as a word.
pub(crate) fn origin_word(rule: &RuleMeta) -> &'static str {
    match rule.origin {
        RuleOrigin::BuiltIn => "built-in",
        RuleOrigin::Local => "local",
        RuleOrigin::Warning(_) => "warning",
    }
}

impl App {
    /// What the page of rules and exceptions shows.
    pub async fn rules_view(&self) -> Result<RulesView> {
        let now = self.now();
        let (working, mut ended): (Vec<_>, Vec<_>) =
            self.exception_views().await?.into_iter().partition(|view| view.works);
        ended.sort_by_key(|view| std::cmp::Reverse(view.exception.ended_at.unwrap_or(view.exception.expires_at)));
        ended.truncate(ENDED_SHOWN_MAX);
        let names = self.account_names().await?;
        let off = self.store.rules_off().await?;
        Ok(RulesView {
            exceptions: working,
            ended,
            filters: self.file_filters().await?,
            off: off.into_iter().map(|off| RuleOffView { author: actor_name(&off.author, &names), off }).collect(),
            noisy: self.store.rule_noise(now - SHORT, now - LONG, NOISY_MAX).await?,
            suspected: self.suspected_rules().await?,
            running: self.engine.rule_count(),
        })
    }

    /// One exception.
    pub async fn exception(&self, id: Uuid) -> Result<ExceptionView> {
        let found = self.exception_views().await?.into_iter().find(|view| view.exception.id == id);
        found.ok_or(Error::NotFound)
    }

    /// Every exception of one rule.
    pub async fn exceptions_of(&self, rule_id: &str) -> Result<Vec<ExceptionView>> {
        let all = self.exception_views().await?.into_iter();
        Ok(all.filter(|view| view.exception.rule_id == rule_id).collect())
    }

    async fn exception_views(&self) -> Result<Vec<ExceptionView>> {
        let (now, names) = (self.now(), self.account_names().await?);
        let engine = self.engine.engine();
        let view = |exception: Exception| ExceptionView {
            author: actor_name(&exception.author, &names),
            ended_by: exception.ended_by.as_ref().map(|actor| actor_name(actor, &names)),
            works: exception.works(now),
            rule_runs: engine.rules().any(|rule| rule.id == exception.rule_id),
            exception,
        };
        Ok(self.store.exceptions().await?.into_iter().map(view).collect())
    }

    async fn file_filters(&self) -> Result<Vec<FileFilter>> {
        let counts: BTreeMap<String, u64> =
            self.store.filter_counts().await?.into_iter().map(|count| (count.filter, count.hidden)).collect();
        let mut filters: BTreeMap<String, FileFilter> = BTreeMap::new();
        for filter in self.engine.rule_set().rules().iter().flat_map(|rule| &rule.filters) {
            let (id, title) = (filter.meta.id.clone(), filter.meta.title.clone());
            let hidden = counts.get(&id).copied().unwrap_or_default();
            filters.entry(id.clone()).or_insert(FileFilter { id, title, hidden });
        }
        Ok(filters.into_values().collect())
    }

    /// Every rule with its state, by title; those whose title, id or logsource contain the text.
    pub async fn rule_rows(&self, text: &str, state: Option<RuleState>) -> Result<Vec<RuleRow>> {
        let (engine, all) = (self.engine.engine(), self.engine.rule_set());
        let off = self.store.rules_off().await?;
        let formats: Vec<String> = self.store.sources().await?.into_iter().map(|source| source.format).collect();
        let now = self.now();
        let mut exceptions: BTreeMap<String, u64> = BTreeMap::new();
        for exception in self.store.exceptions().await?.into_iter().filter(|exception| exception.works(now)) {
            *exceptions.entry(exception.rule_id).or_default() += 1;
        }
        let mut seen: BTreeMap<String, bool> = BTreeMap::new();
        let text = text.to_lowercase();
        let events = all.rules().iter().map(|rule| &*rule.meta);
        let mut rows = Vec::new();
        for rule in events.chain(all.correlations().iter().map(|one| &*one.meta)) {
            let logsource = rule.logsource.to_string();
            let fits = |held: &str| held.to_lowercase().contains(&text);
            if !text.is_empty() && !fits(&rule.title) && !fits(&rule.id) && !fits(&logsource) {
                continue;
            }
            let connected = *seen
                .entry(logsource.clone())
                .or_insert_with(|| formats.iter().any(|format| engine.mappings().shape_sees(format, &rule.logsource)));
            let of_rule = if off.iter().any(|off| off.rule_id == rule.id) {
                RuleState::Off
            } else if engine.report().inactive.iter().any(|inactive| inactive.rule.id == rule.id) {
                RuleState::CannotRun
            } else if connected {
                RuleState::Runs
            } else {
                RuleState::NoSource
            };
            if state.is_none_or(|state| state == of_rule) {
                rows.push(RuleRow {
                    id: rule.id.clone(),
                    title: rule.title.clone(),
                    level: rule.level,
                    origin: origin_word(rule),
                    logsource,
                    state: of_rule,
                    exceptions: exceptions.get(&rule.id).copied().unwrap_or_default(),
                });
            }
        }
        rows.sort_by(|one, other| one.title.cmp(&other.title).then_with(|| one.id.cmp(&other.id)));
        Ok(rows)
    }

    /// Why and since when a rule is off; none where it is on.
    pub async fn rule_off(&self, rule_id: &str) -> Result<Option<RuleOffView>> {
        let found = self.store.rules_off().await?.into_iter().find(|off| off.rule_id == rule_id);
        let names = self.account_names().await?;
        Ok(found.map(|off| RuleOffView { author: actor_name(&off.author, &names), off }))
    }

    /// The moment from which the ranking of noisy rules counts its long period.
    pub fn noise_since(&self) -> Timestamp {
        self.now() - LONG
    }
}

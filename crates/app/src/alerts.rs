//! Alerts as people see them: today's cards, lists, one alert with its lines and its rule, and putting one away.

use std::collections::BTreeMap;

use detect::sigma::RuleOrigin;
use domain::party::Role;
use domain::record::RecordId;
use domain::telemetry::Level;
use jiff::{SignedDuration, Timestamp};
use store::{Alert, AlertQuery, AlertStage, AlertState, Page};
use uuid::Uuid;

use crate::{App, Error, Result, Session, scanner};

/// The most cards a day that are not critical; the rest is grouped, never hidden.
pub const CARDS_MAX: usize = 5;
/// How many of an alert's lines a page shows.
const LINES_MAX: usize = 20;
/// How many older critical alerts that nobody dealt with are shown.
const OLDER_CRITICAL_MAX: u32 = 20;
/// How many alerts of a day are looked at for cards and groups.
const TODAY_ALERTS_MAX: u32 = 2_000;

/// One log line as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLine {
    /// Its number in the event log.
    pub seq: u64,
    /// When it was received.
    pub received_at: Timestamp,
    /// Which source sent it.
    pub source: String,
    /// Its bytes as text; what is no UTF-8 is replaced.
    pub text: String,
}

/// What is known of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub level: Level,
    /// What it looks for.
    pub description: String,
    /// What to do now.
    pub action: String,
    /// When it is wrong.
    pub falsepositives: Vec<String>,
    /// Its tags, e.g. ATT&CK techniques.
    pub tags: Vec<String>,
    /// Where it came from, as a word: `built-in`, `local` or `warning`.
    pub origin: &'static str,
    /// The rule itself.
    pub text: String,
}

/// One alert with everything a page shows.
#[derive(Debug, Clone)]
pub struct AlertView {
    /// The alert.
    pub alert: Alert,
    /// Its lines, as far as they are kept, newest first.
    pub lines: Vec<RawLine>,
    /// Its rule, if it is still in the engine; none for an indicator.
    pub rule: Option<RuleInfo>,
    /// The case it is in.
    pub case: Option<RecordId>,
}

/// What today brought: cards for people, the rest grouped.
#[derive(Debug, Clone)]
pub struct Today {
    /// Every critical alert, and others up to five in all.
    pub cards: Vec<Alert>,
    /// The rest by family.
    pub grouped: Vec<AlertGroup>,
}

/// Alerts of one family that got no card of their own.
#[derive(Debug, Clone)]
pub struct AlertGroup {
    /// The family.
    pub family: String,
    /// How many alerts.
    pub alerts: u64,
    /// How many detections stand behind them.
    pub count: u64,
    /// The gravest level.
    pub level: Level,
    /// The newest of them.
    pub latest: Alert,
}

impl App {
    /// Alerts, newest first.
    pub async fn alerts(&self, query: AlertQuery) -> Result<Page<Alert>> {
        Ok(self.store.alerts(query).await?)
    }

    /// One alert with its lines and its rule.
    pub async fn alert(&self, id: Uuid) -> Result<AlertView> {
        let alert = self.store.alert(id).await?.ok_or(Error::NotFound)?;
        let seqs: Vec<u64> = alert.seqs.iter().rev().take(LINES_MAX).copied().collect();
        let lines = self.lines(seqs).await?;
        let case = match alert.state {
            AlertState::InCase(case) => Some(case),
            AlertState::Open | AlertState::Dismissed => None,
        };
        Ok(AlertView { rule: self.rule(&alert.rule_id), lines, case, alert })
    }

    /// Lines of the event log by number, as far as they are kept.
    pub(crate) async fn lines(&self, seqs: Vec<u64>) -> Result<Vec<RawLine>> {
        let (log, names) = (std::sync::Arc::clone(&self.log), self.sources.names());
        tokio::task::spawn_blocking(move || {
            let mut lines = Vec::with_capacity(seqs.len());
            for seq in seqs {
                let Some(event) = log.get(seq)? else { continue };
                lines.push(RawLine {
                    seq,
                    received_at: scanner::micros(event.received_at),
                    source: names.get(&event.source).cloned().unwrap_or_default(),
                    text: String::from_utf8_lossy(&event.bytes).into_owned(),
                });
            }
            Ok(lines)
        })
        .await?
    }

    /// A rule, also one that is off.
    pub fn rule(&self, id: &str) -> Option<RuleInfo> {
        let rule = self.engine.rule(id)?;
        Some(RuleInfo {
            id: rule.id.clone(),
            title: rule.title.clone(),
            level: rule.level,
            description: rule.description.clone().unwrap_or_default(),
            action: scanner::custom(&rule, "action").join(" "),
            falsepositives: rule.falsepositives.clone(),
            tags: rule.tags.clone(),
            origin: match rule.origin {
                RuleOrigin::BuiltIn => "built-in",
                RuleOrigin::Local => "local",
                RuleOrigin::Warning(_) => "warning",
            },
            text: rule.yaml.to_string(),
        })
    }

    /// What the last day brought, most grave and newest first. A critical alert stays until somebody deals with it,
    /// however old it is.
    pub async fn today(&self) -> Result<Today> {
        let since = self.now() - SignedDuration::from_hours(24);
        let query = AlertQuery {
            state: Some(AlertStage::Open),
            level_min: Some(Level::Low),
            since: Some(since),
            limit: TODAY_ALERTS_MAX,
            ..AlertQuery::default()
        };
        let mut alerts = self.store.alerts(query).await?.items;
        let older = AlertQuery {
            state: Some(AlertStage::Open),
            level_min: Some(Level::Critical),
            limit: OLDER_CRITICAL_MAX,
            ..AlertQuery::default()
        };
        let older = self.store.alerts(older).await?.items;
        alerts.extend(older.into_iter().filter(|alert| alert.last_at < since));
        alerts.sort_by(|one, other| other.level.cmp(&one.level).then(other.last_at.cmp(&one.last_at)));
        Ok(cards_and_groups(alerts))
    }

    /// Puts an alert away. It stays in the list, and comes back when its level rises.
    pub async fn dismiss_alert(&self, session: &Session, id: Uuid) -> Result<()> {
        self.set_alert_state(session, id, AlertState::Dismissed, "alert-dismissed").await
    }

    /// Drops alerts whose last detection is older than `kept`, unless they are in a case. Returns how many.
    pub async fn retain_alerts(&self, kept: std::time::Duration) -> Result<u64> {
        let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
        let before = self.now().checked_sub(kept).unwrap_or(Timestamp::MIN);
        Ok(self.store.retain_alerts(before).await?)
    }

    /// Takes an alert out again.
    pub async fn reopen_alert(&self, session: &Session, id: Uuid) -> Result<()> {
        self.set_alert_state(session, id, AlertState::Open, "alert-reopened").await
    }

    async fn set_alert_state(&self, session: &Session, id: Uuid, state: AlertState, verb: &str) -> Result<()> {
        session.needs(Role::Operator)?;
        let alert = self.store.alert(id).await?.ok_or(Error::NotFound)?;
        if matches!(alert.state, AlertState::InCase(_)) {
            return Err(Error::Input { code: "refusal-alert-in-case" });
        }
        let audit = self.audit_line(session.actor(), verb, &id.to_string(), &alert.rule_id);
        self.store.set_alert_state(id, state, audit).await?;
        self.changed();
        Ok(())
    }
}

/// Every critical alert is a card; others of at least medium level fill up to [`CARDS_MAX`], one a family first, so
/// that one noisy rule does not take them all. What has no card is grouped by family, never hidden.
fn cards_and_groups(alerts: Vec<Alert>) -> Today {
    let mut cards: Vec<Alert> = Vec::new();
    let mut rest: Vec<Alert> = Vec::new();
    for alert in alerts {
        let first_of_family = !cards.iter().any(|card| card.family == alert.family);
        let room = cards.len() < CARDS_MAX && first_of_family && alert.level >= Level::Medium;
        if alert.level == Level::Critical || room { cards.push(alert) } else { rest.push(alert) }
    }
    let mut groups: BTreeMap<String, AlertGroup> = BTreeMap::new();
    for alert in rest {
        let group = groups.entry(alert.family.clone()).or_insert_with(|| AlertGroup {
            family: alert.family.clone(),
            alerts: 0,
            count: 0,
            level: alert.level,
            latest: alert.clone(),
        });
        group.alerts += 1;
        group.count += alert.count;
        group.level = group.level.max(alert.level);
        if alert.last_at > group.latest.last_at {
            group.latest = alert;
        }
    }
    let mut grouped: Vec<AlertGroup> = groups.into_values().collect();
    grouped.sort_by(|one, other| other.level.cmp(&one.level).then(other.count.cmp(&one.count)));
    Today { cards, grouped }
}

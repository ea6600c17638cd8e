//! *Rules and exceptions* and *False alarm*: what hides what, until when and why; noisy rules; one rule; one exception.

use askama::Template;
use domain::telemetry::Level;
use jiff::Timestamp;

use super::Choice;
use crate::frame::{Frame, Link, Scheme};

#[derive(Template)]
#[template(path = "false-alarm.html", whitespace = "minimize")]
pub(crate) struct FalseAlarmPage {
    pub f: Frame,
    pub alert: String,
    pub alert_title: String,
    pub lead: String,
    pub reason: String,
    pub scopes: Vec<Choice>,
    pub days: Vec<Choice>,
    pub filter: String,
}

/// A match that an exception would have hidden.
#[derive(Debug, Clone)]
pub(crate) struct HiddenRow {
    pub at: Timestamp,
    pub host: String,
    pub what: String,
}

#[derive(Template)]
#[template(path = "false-alarm-check.html", whitespace = "minimize")]
pub(crate) struct FalseAlarmCheckPage {
    pub f: Frame,
    pub alert: String,
    pub alert_title: String,
    pub rule_title: String,
    pub reason: String,
    pub scope: String,
    pub until: Timestamp,
    pub filter: String,
    /// What the trial says, sentence by sentence.
    pub says: Vec<String>,
    pub examples: Vec<HiddenRow>,
    /// The answers as they are sent on.
    pub fields: Vec<(&'static str, String)>,
}

/// An exception as tables show it.
#[derive(Debug, Clone)]
pub(crate) struct ExceptionRow {
    pub id: String,
    pub rule: String,
    pub scope: String,
    pub reason: String,
    pub author: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub hidden: u64,
    pub state: String,
}

/// A rule that is off.
#[derive(Debug, Clone)]
pub(crate) struct OffRow {
    pub href: String,
    pub id: String,
    pub title: String,
    pub reason: String,
    pub author: String,
    pub since: Timestamp,
}

/// A rule in the ranking.
#[derive(Debug, Clone)]
pub(crate) struct NoiseRow {
    pub href: String,
    pub alerts_href: String,
    pub title: String,
    pub level: Level,
    pub week: String,
    pub month: String,
    pub dismissed: String,
}

#[derive(Template)]
#[template(path = "rules.html", whitespace = "minimize")]
pub(crate) struct RulesPage {
    pub f: Frame,
    pub running: u64,
    pub exceptions: Vec<ExceptionRow>,
    pub ended_count: u64,
    pub ended: Vec<ExceptionRow>,
    pub off: Vec<OffRow>,
    pub noisy: Vec<NoiseRow>,
    /// Filters of rule files: title and how much each hid.
    pub filters: Vec<(String, u64)>,
    /// Rules that a hub suspects: title, link, how many hospitals.
    pub suspected: Vec<(String, String, String)>,
}

/// A rule in the list of all.
#[derive(Debug, Clone)]
pub(crate) struct RuleLine {
    pub href: String,
    pub title: String,
    pub level: Level,
    pub origin: &'static str,
    pub logsource: String,
    pub state: &'static str,
    pub exceptions: u64,
}

#[derive(Template)]
#[template(path = "rule-list.html", whitespace = "minimize")]
pub(crate) struct RuleListPage {
    pub f: Frame,
    pub total: u64,
    pub text: String,
    pub states: Vec<Choice>,
    pub rows: Vec<RuleLine>,
    pub first: Option<String>,
    pub more: Option<String>,
}

#[derive(Template)]
#[template(path = "rule.html", whitespace = "minimize")]
pub(crate) struct RulePage {
    pub f: Frame,
    pub id: String,
    pub level: Level,
    pub origin: &'static str,
    pub description: String,
    pub false_positives: Vec<String>,
    pub text: String,
    /// Where this node has alerts at all.
    pub alerts_href: Option<String>,
    pub exceptions: Vec<ExceptionRow>,
    /// Since when, by whom and why it is off.
    pub off: Option<String>,
    pub reason: String,
    /// How many hospitals fired it at once, and whether this node can say that somebody looked.
    pub suspected: Option<String>,
    pub clears: bool,
}

#[derive(Template)]
#[template(path = "exception.html", whitespace = "minimize")]
pub(crate) struct ExceptionPage {
    pub f: Frame,
    pub row: ExceptionRow,
    pub rule_href: String,
    pub alert_href: Option<String>,
    pub hidden_last_at: Option<Timestamp>,
    pub filter: String,
    /// Whether it can be renewed and ended.
    pub open: bool,
    pub days: Vec<Choice>,
}

//! *Alerts*: today's cards, the full list, one alert with its lines.

use askama::Template;
use domain::telemetry::Level;
use jiff::Timestamp;

use super::{Choice, Pager};
use crate::frame::{Frame, Link, Scheme};

/// An alert as cards and tables show it.
#[derive(Debug, Clone)]
pub(crate) struct AlertRow {
    pub id: String,
    pub title: String,
    pub level: Level,
    pub host: String,
    pub source: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub count: u64,
    pub action: String,
    /// `open`, `dismissed` or `in-case`.
    pub state: &'static str,
    pub drill: bool,
}

/// Alerts of one family that are no card of their own.
#[derive(Debug, Clone)]
pub(crate) struct GroupRow {
    pub href: String,
    pub family: String,
    pub level: Level,
    pub count: u64,
    pub latest: Timestamp,
}

#[derive(Template)]
#[template(path = "alerts.html", whitespace = "minimize")]
pub(crate) struct AlertsPage {
    pub f: Frame,
    pub cards: Vec<AlertRow>,
    pub groups: Vec<GroupRow>,
}

#[derive(Template)]
#[template(path = "alert-list.html", whitespace = "minimize")]
pub(crate) struct AlertListPage {
    pub f: Frame,
    pub total: u64,
    pub levels: Vec<Choice>,
    pub states: Vec<Choice>,
    pub text: String,
    pub rows: Vec<AlertRow>,
    pub pager: Pager,
}

/// A raw line as it was received.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub number: String,
    pub received_at: Timestamp,
    pub source: String,
    pub text: String,
}

/// The rule behind an alert, in words.
#[derive(Debug, Clone)]
pub(crate) struct RuleShown {
    pub description: String,
    pub false_positives: Vec<String>,
    pub text: String,
}

#[derive(Template)]
#[template(path = "alert.html", whitespace = "minimize")]
pub(crate) struct AlertPage {
    pub f: Frame,
    pub alert: AlertRow,
    pub created_at: Timestamp,
    pub origin: String,
    pub case: Option<String>,
    pub matched: Vec<(String, String)>,
    pub observables: Vec<(&'static str, String)>,
    pub rule: Option<RuleShown>,
    pub line_count: u64,
    /// Who was called about it.
    pub notice: Option<super::reach::NoticeShown>,
    pub lines: Vec<Line>,
    pub wrapped: bool,
}

//! People and rota, one notice with its calls, and the page behind the link of a message.

use askama::Template;
use domain::telemetry::Level;
use jiff::Timestamp;

use super::Choice;
use crate::frame::{Frame, Link, Scheme};

/// One way to one person.
#[derive(Debug, Clone)]
pub(crate) struct RouteRow {
    pub id: String,
    pub person: String,
    pub channel: &'static str,
    pub address: String,
    /// Whether this node has the channel.
    pub usable: bool,
    /// Whether whoever looks may change it.
    pub mine: bool,
}

/// Somebody's quiet hours.
#[derive(Debug, Clone)]
pub(crate) struct QuietRow {
    pub person: String,
    pub says: String,
}

/// One shift.
#[derive(Debug, Clone)]
pub(crate) struct ShiftRow {
    pub id: String,
    pub person: String,
    pub deputies: String,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
}

/// What was typed and has to be corrected.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed {
    pub address: String,
    pub from: String,
    pub until: String,
    pub quiet_from: String,
    pub quiet_to: String,
}

#[derive(Template)]
#[template(path = "rota.html", whitespace = "minimize")]
pub(crate) struct RotaPage {
    pub f: Frame,
    /// Why nobody would be reached; empty where somebody would.
    pub gap: String,
    pub channels_says: String,
    pub routes: Vec<RouteRow>,
    pub quiet: Vec<QuietRow>,
    pub shifts: Vec<ShiftRow>,
    pub people: Vec<Choice>,
    pub deputies: Vec<Choice>,
    pub channels: Vec<Choice>,
    pub levels: Vec<Choice>,
    pub typed: Typed,
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct CallRow {
    pub person: String,
    pub channel: &'static str,
    pub address: String,
    pub state: &'static str,
    pub at: Timestamp,
    pub took: String,
    pub reason: String,
}

/// A notice with its calls, also as a part of an alert's page.
#[derive(Debug, Clone)]
pub(crate) struct NoticeShown {
    pub id: String,
    pub title: String,
    pub level: Level,
    pub raised_at: Timestamp,
    /// Whether it can still be acknowledged.
    pub open: bool,
    /// Who acknowledged, or that nobody has.
    pub says: String,
    /// Who is called next; empty where nobody is.
    pub next: String,
    pub calls: Vec<CallRow>,
}

#[derive(Template)]
#[template(path = "notice.html", whitespace = "minimize")]
pub(crate) struct NoticePage {
    pub f: Frame,
    pub notice: NoticeShown,
    /// Where the matter itself is shown, where it has a page.
    pub matter: Option<String>,
}

#[derive(Template)]
#[template(path = "acknowledge.html", whitespace = "minimize")]
pub(crate) struct AcknowledgePage {
    pub f: Frame,
    pub title: String,
    pub level: Level,
    pub hospital: String,
    pub raised_at: Timestamp,
    pub action: String,
}

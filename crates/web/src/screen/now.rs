//! *Now*: what needs somebody, the nearest legal time first, then the doors. The same page in every role.

use askama::Template;
use domain::telemetry::Level;
use jiff::Timestamp;

use crate::frame::{Frame, Link, Scheme};

/// One thing that needs somebody.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub href: String,
    pub title: String,
    pub hint: String,
    /// What sort of thing it is, where it has no level.
    pub sort: String,
    pub level: Option<Level>,
    pub status: String,
    pub class: &'static str,
    pub due: Option<Timestamp>,
    pub drill: bool,
}

/// A way to go when nothing is listed, or something else is on one's mind.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub href: &'static str,
    pub title: String,
    pub hint: String,
}

/// One number with its definition.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub label: String,
    pub value: String,
}

#[derive(Template)]
#[template(path = "now.html", whitespace = "minimize")]
pub(crate) struct NowPage {
    pub f: Frame,
    pub tasks: Vec<Task>,
    pub empty_hint: &'static str,
    pub doors: Vec<Door>,
    pub figures: Vec<Figure>,
}

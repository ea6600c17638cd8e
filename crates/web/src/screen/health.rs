//! *This node*: how the node itself is. Not a place of the menu: it stands behind the account's name.

use askama::Template;
use jiff::Timestamp;

use crate::frame::{Frame, Link, Scheme};

/// One thing about the node.
#[derive(Debug, Clone)]
pub(crate) struct HealthRow {
    pub name: String,
    /// `good`, `bad` or `unknown`.
    pub state: &'static str,
    pub says: String,
    pub at: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "health.html", whitespace = "minimize")]
pub(crate) struct HealthPage {
    pub f: Frame,
    pub rows: Vec<HealthRow>,
}

//! One's own way in, and an administrator's view of somebody else's.

use askama::Template;
use jiff::Timestamp;

use super::account::PersonRow;
use crate::frame::{Frame, Link, Scheme};
use crate::parts::Html;

/// One session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    pub device: String,
    pub address: String,
    pub proof: String,
    pub since: Timestamp,
    pub seen_at: Timestamp,
    pub this: bool,
    pub end: String,
}

#[derive(Template)]
#[template(path = "security.html", whitespace = "minimize")]
pub(crate) struct SecurityPage {
    pub f: Frame,
    pub due: bool,
    pub printed: bool,
    pub app_since: Option<Timestamp>,
    pub sessions: Vec<SessionRow>,
}

#[derive(Template)]
#[template(path = "authenticator.html", whitespace = "minimize")]
pub(crate) struct AuthenticatorPage {
    pub f: Frame,
    pub picture: Html,
    pub key: String,
    pub ticket: String,
}

#[derive(Template)]
#[template(path = "person.html", whitespace = "minimize")]
pub(crate) struct PersonPage {
    pub f: Frame,
    pub person: PersonRow,
    pub sessions: Vec<SessionRow>,
    pub end_all: String,
    pub audit: String,
}

#[derive(Template)]
#[template(path = "break-glass.html", whitespace = "minimize")]
pub(crate) struct BreakGlassPage {
    pub f: Frame,
    pub made_at: Option<Timestamp>,
    pub used: Option<(Timestamp, String)>,
}

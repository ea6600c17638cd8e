//! Behind the account's name: preferences, people, audit.

use askama::Template;
use jiff::Timestamp;

use super::{Choice, Pager};
use crate::frame::{Frame, Link, Scheme};

#[derive(Template)]
#[template(path = "preferences.html", whitespace = "minimize")]
pub(crate) struct PreferencesPage {
    pub f: Frame,
    pub schemes: Vec<Choice>,
    pub languages: Vec<Choice>,
}

/// One account.
#[derive(Debug, Clone)]
pub(crate) struct PersonRow {
    pub id: String,
    pub name: String,
    pub role: &'static str,
    pub state: String,
    pub disabled: bool,
    pub me: bool,
    pub printed: bool,
    pub last_login_at: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "people.html", whitespace = "minimize")]
pub(crate) struct PeoplePage {
    pub f: Frame,
    pub rows: Vec<PersonRow>,
    pub name: String,
    pub roles: Vec<Choice>,
}

/// One audit fact.
#[derive(Debug, Clone)]
pub(crate) struct AuditRow {
    pub at: Timestamp,
    pub who: String,
    pub what: String,
    pub object: String,
    pub detail: String,
}

#[derive(Template)]
#[template(path = "audit.html", whitespace = "minimize")]
pub(crate) struct AuditPage {
    pub f: Frame,
    pub who: Vec<Choice>,
    pub verbs: Vec<Choice>,
    pub from: String,
    pub to: String,
    pub csv: String,
    pub rows: Vec<AuditRow>,
    pub pager: Pager,
}

//! *Cases*: the list, one case with its journal, and the pages that open and close one. The pages *check your answers*
//! and *confirm* are here because cases use them first; the warning desk uses the same.

use askama::Template;
use jiff::Timestamp;

use super::alerts::AlertRow;
use super::{Choice, Happened, Pager};
use crate::frame::{Frame, Link, Scheme};

/// A case as lists show it.
#[derive(Debug, Clone)]
pub(crate) struct CaseRow {
    pub id: String,
    pub title: String,
    pub sort: &'static str,
    pub stage: &'static str,
    /// The owner's name, or the words for *nobody yet*.
    pub owner: String,
    pub opened_at: Timestamp,
    pub drill: bool,
}

/// A note with its author's name.
#[derive(Debug, Clone)]
pub(crate) struct NoteShown {
    pub at: Timestamp,
    pub who: String,
    pub text: String,
}

#[derive(Template)]
#[template(path = "cases.html", whitespace = "minimize")]
pub(crate) struct CasesPage {
    pub f: Frame,
    pub total: u64,
    pub stages: Vec<Choice>,
    pub rows: Vec<CaseRow>,
    pub pager: Pager,
}

#[derive(Template)]
#[template(path = "case.html", whitespace = "minimize")]
pub(crate) struct CasePage {
    pub f: Frame,
    pub row: CaseRow,
    pub mine: bool,
    pub outcome: Option<&'static str>,
    /// When the first event of its alerts happened.
    pub happened_at: Option<Timestamp>,
    pub duties: Vec<(String, Timestamp)>,
    pub notes: Vec<NoteShown>,
    pub draft: String,
    pub evidence_count: u64,
    pub evidence: Vec<String>,
    pub alerts: Vec<AlertRow>,
    pub warnings: Vec<(String, String)>,
    pub journal: Vec<Happened>,
}

#[derive(Template)]
#[template(path = "case-form.html", whitespace = "minimize")]
pub(crate) struct CaseFormPage {
    pub f: Frame,
    pub from: Option<String>,
    pub action: String,
    pub warning: Option<String>,
    pub title: String,
    pub sorts: Vec<Choice>,
}

/// One answer that is checked before anything happens.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub name: String,
    pub value: String,
    /// Where it can be changed.
    pub change: Option<String>,
}

#[derive(Template)]
#[template(path = "check-answers.html", whitespace = "minimize")]
pub(crate) struct CheckPage {
    pub f: Frame,
    pub answers: Vec<Answer>,
    pub consequence: String,
    pub action: String,
    pub fields: Vec<(&'static str, String)>,
    pub button: String,
    /// Where a form goes back to with its answers, where links cannot carry them.
    pub edit_action: Option<String>,
    pub cancel: String,
}

/// Asks before something that cannot be undone.
#[derive(Template)]
#[template(path = "confirm.html", whitespace = "minimize")]
pub(crate) struct ConfirmPage {
    pub f: Frame,
    pub consequence: String,
    pub action: String,
    pub field: &'static str,
    pub question: String,
    pub choices: Vec<Choice>,
    pub class: &'static str,
    pub button: String,
    pub cancel: String,
}

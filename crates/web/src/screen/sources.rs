//! *Sources*: where logs come from, how to point one here, what we are blind to; and the page that shows a secret once.

use askama::Template;
use jiff::Timestamp;

use super::Choice;
use crate::frame::{Frame, Link, Scheme};

/// A source of events with its counts.
#[derive(Debug, Clone)]
pub(crate) struct SourceRow {
    pub number: u32,
    pub key: String,
    pub name: String,
    pub carrier: String,
    pub format: String,
    pub zone: String,
    pub last_at: Option<Timestamp>,
    /// How often it usually sends and since when nothing came, where it is silent.
    pub silent: Option<String>,
    pub stored: u64,
    pub refused: u64,
    pub flagged: u64,
    pub undecoded: u64,
    pub supplier: String,
}

/// One way to send logs here, as lines that only need to be pasted.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub name: String,
    pub hint: String,
    pub lines: String,
}

/// How many rules look at a logsource, and whether any event of it arrives.
#[derive(Debug, Clone)]
pub(crate) struct CoverageRow {
    pub name: String,
    pub rules: u64,
    pub seen: bool,
}

#[derive(Template)]
#[template(path = "sources.html", whitespace = "minimize")]
pub(crate) struct SourcesPage {
    pub f: Frame,
    pub total: u64,
    pub rows: Vec<SourceRow>,
    pub ways: Vec<Way>,
    pub token_name: String,
    pub coverage: Vec<CoverageRow>,
}

#[derive(Template)]
#[template(path = "source.html", whitespace = "minimize")]
pub(crate) struct SourcePage {
    pub f: Frame,
    pub row: SourceRow,
    pub refused_by: Vec<(String, u64)>,
    pub suppliers: Vec<Choice>,
}

/// Shows a secret that is never shown again.
#[derive(Template)]
#[template(path = "secret.html", whitespace = "minimize")]
pub(crate) struct SecretPage {
    pub f: Frame,
    pub once: String,
    pub secret: String,
    pub lines: String,
    pub back: String,
}

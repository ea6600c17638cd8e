//! *Connect a source*: the products, the lines of one, and what this node would see of attacks on record.

use askama::Template;
use jiff::Timestamp;

use crate::frame::{Frame, Link, Scheme};

/// A product in the list.
#[derive(Debug, Clone)]
pub(crate) struct GuideRow {
    pub id: String,
    pub name: String,
    pub shows: String,
    /// How many sources send.
    pub sources: u64,
}

/// One thing to do.
#[derive(Debug, Clone)]
pub(crate) struct StepRow {
    pub say: String,
    /// Filled in; empty where nothing is pasted.
    pub lines: String,
    /// How far the lines were tried; empty where nothing is pasted.
    pub tried: String,
    /// What is missing here before the lines can work; empty where nothing is.
    pub lacking: String,
}

/// A source that sends.
#[derive(Debug, Clone)]
pub(crate) struct SenderRow {
    pub number: u32,
    pub name: String,
    pub format: String,
    pub last_at: Option<Timestamp>,
}

/// One stage of an attack on record.
#[derive(Debug, Clone)]
pub(crate) struct StageRow {
    pub day: String,
    pub stage: String,
    pub seen: String,
    /// `alert`, `kept` or `blind`.
    pub sight: &'static str,
    pub rules: Vec<String>,
    /// The guide that closes the gap: id and name.
    pub connect: Option<(String, String)>,
}

/// One attack on record.
#[derive(Debug, Clone)]
pub(crate) struct AttackRows {
    pub title: String,
    pub label: String,
    /// How many stages this node would see, keep and miss, as a sentence.
    pub finding: String,
    pub stages: Vec<StageRow>,
}

#[derive(Template)]
#[template(path = "connect-list.html", whitespace = "minimize")]
pub(crate) struct ConnectListPage {
    pub f: Frame,
    pub rows: Vec<GuideRow>,
}

#[derive(Template)]
#[template(path = "connect.html", whitespace = "minimize")]
pub(crate) struct ConnectPage {
    pub f: Frame,
    pub shows: String,
    pub connected: Vec<SenderRow>,
    pub others: Vec<SenderRow>,
    pub steps: Vec<StepRow>,
}

#[derive(Template)]
#[template(path = "sight.html", whitespace = "minimize")]
pub(crate) struct SightPage {
    pub f: Frame,
    pub attacks: Vec<AttackRows>,
}

//! *Warnings* at the one who is warned: the verdict first, then why, what to do, the evidence.

use askama::Template;
use domain::marking::Tlp;
use domain::telemetry::{Level, Verdict};
use jiff::Timestamp;

use super::alerts::AlertRow;
use crate::frame::{Frame, Link, Scheme};

/// A received warning as cards show it.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedRow {
    pub id: String,
    pub title: String,
    pub level: Level,
    pub verdict: Verdict,
    /// The verdict as a sentence.
    pub sentence: String,
    pub issuer: String,
    pub received_at: Timestamp,
    /// `trial`, `held`, `live`, `ignored` or `withdrawn`.
    pub state: &'static str,
    pub tlp: Tlp,
    pub drill: bool,
}

/// A kept event that holds what the warning names.
#[derive(Debug, Clone)]
pub(crate) struct HitRow {
    pub at: Timestamp,
    pub host: String,
    pub what: String,
}

#[derive(Template)]
#[template(path = "received-list.html", whitespace = "minimize")]
pub(crate) struct ReceivedListPage {
    pub f: Frame,
    pub rows: Vec<ReceivedRow>,
}

#[derive(Template)]
#[template(path = "received.html", whitespace = "minimize")]
pub(crate) struct ReceivedPage {
    pub f: Frame,
    pub row: ReceivedRow,
    pub why: String,
    /// Where the step is that closes the gap of *cannot tell*.
    pub gap_href: Option<&'static str>,
    pub would_match: u64,
    pub advice: String,
    pub summary: String,
    /// What was searched and until when, in a sentence.
    pub searched: String,
    pub hit_count: u64,
    pub hits: Vec<HitRow>,
    pub alerts: Vec<AlertRow>,
    pub basis: String,
    pub version: String,
    pub issued_at: Timestamp,
    pub suppliers: String,
    pub countries: String,
    pub indicator_count: u64,
    pub indicators: Vec<(&'static str, String)>,
    pub more_indicators: u64,
    pub rules: Vec<String>,
    /// Other nodes' warnings of the same attack.
    pub others: Vec<ReceivedRow>,
}

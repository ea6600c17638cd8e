//! *Warning desk*: what waits for a decision with its evidence and thresholds, what is in force, and one's own warning.

use askama::Template;
use domain::telemetry::Level;
use jiff::Timestamp;

use super::now::Figure;
use super::received::ReceivedRow;
use super::{Choice, Happened, Pager};
use crate::frame::{Frame, Link, Scheme};

/// A warning as the desk lists it.
#[derive(Debug, Clone)]
pub(crate) struct DeskRow {
    pub id: String,
    pub title: String,
    pub level: Level,
    pub stage: &'static str,
    pub one_source: bool,
    /// What it rests on and which threshold it passed, in a sentence.
    pub basis: String,
    pub hospitals: u64,
    pub at: Timestamp,
    pub drill: bool,
}

/// A rule that many fired at once with nothing else in common.
#[derive(Debug, Clone)]
pub(crate) struct SuspectedRow {
    pub id: String,
    pub rule: String,
    pub hospitals: u64,
    pub at: Timestamp,
}

#[derive(Template)]
#[template(path = "desk.html", whitespace = "minimize")]
pub(crate) struct DeskPage {
    pub f: Frame,
    pub waiting_count: u64,
    pub waiting: Vec<DeskRow>,
    pub suspected: Vec<SuspectedRow>,
    pub others: Vec<DeskRow>,
    pub pager: Pager,
    /// Warnings from the hub above; none where there is no hub above.
    pub above: Option<Vec<ReceivedRow>>,
}

/// A warning from the hub above.
#[derive(Template)]
#[template(path = "desk-above.html", whitespace = "minimize")]
pub(crate) struct AbovePage {
    pub f: Frame,
    pub row: ReceivedRow,
    pub state_says: String,
    pub reach: Vec<Figure>,
    pub summary: String,
    pub advice: String,
    pub delivery_count: u64,
    pub deliveries: Vec<DeliveryRow>,
    pub basis: String,
    pub version: String,
    pub issued_at: Timestamp,
    pub suppliers: String,
    pub countries: String,
    pub indicator_count: u64,
    pub indicators: Vec<(&'static str, String)>,
    pub more_indicators: u64,
    pub rules: Vec<String>,
    pub others: Vec<ReceivedRow>,
}

/// One sighting behind a warning.
#[derive(Debug, Clone)]
pub(crate) struct SeenRow {
    pub hospital: String,
    pub received_at: Timestamp,
    pub family: String,
    pub level: Level,
    pub observables: String,
}

/// What became of a warning at one member.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryRow {
    pub member: String,
    /// `sent`, `received` or a verdict's word.
    pub state: &'static str,
    pub at: Timestamp,
    pub latency: String,
}

#[derive(Template)]
#[template(path = "desk-warning.html", whitespace = "minimize")]
pub(crate) struct DeskWarningPage {
    pub f: Frame,
    pub row: DeskRow,
    pub stage_says: String,
    pub can_decide: bool,
    pub in_force: bool,
    pub reach: Option<Vec<Figure>>,
    pub summary: String,
    pub advice: String,
    pub sighting_count: u64,
    pub sightings: Vec<SeenRow>,
    pub delivery_count: u64,
    pub deliveries: Vec<DeliveryRow>,
    pub version: String,
    pub proposer: String,
    pub approver: Option<String>,
    pub suppliers: String,
    pub countries: String,
    pub indicator_count: u64,
    pub indicators: Vec<(&'static str, String)>,
    pub more_indicators: u64,
    pub rules: Vec<String>,
    pub others: Vec<DeskRow>,
    pub journal: Vec<Happened>,
}

#[derive(Template)]
#[template(path = "desk-form.html", whitespace = "minimize")]
pub(crate) struct DeskFormPage {
    pub f: Frame,
    pub lead: String,
    pub action: String,
    pub title: String,
    pub summary: String,
    pub advice: String,
    pub levels: Vec<Choice>,
    pub indicators: String,
    pub suppliers: Vec<Choice>,
    /// Empty for an update: it keeps its source and marking.
    pub sources: Vec<Choice>,
    pub tlps: Vec<Choice>,
    pub cancel: String,
}

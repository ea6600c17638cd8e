//! *Sharing*: exactly what leaves, before it leaves; and the questions whose answers let warnings be matched here.

use askama::Template;
use jiff::Timestamp;

use super::Choice;
use crate::frame::{Frame, Link, Scheme};

/// One item as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct OutgoingRow {
    pub position: i64,
    pub name: String,
    pub at: Timestamp,
    pub text: String,
    pub held: bool,
    /// Why the hub did not take it; empty where it did, or was not asked yet.
    pub not_taken: String,
}

/// How many items of a class wait.
#[derive(Debug, Clone)]
pub(crate) struct Depth {
    pub name: String,
    pub count: u64,
    pub oldest: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "sharing.html", whitespace = "minimize")]
pub(crate) struct SharingPage {
    pub f: Frame,
    pub policy: Vec<Choice>,
    pub depths: Vec<Depth>,
    pub gaps: Vec<String>,
    pub next_count: u64,
    pub next: Vec<OutgoingRow>,
    pub sent_count: u64,
    pub sent: Vec<OutgoingRow>,
    pub not_taken_count: u64,
    pub not_taken: Vec<OutgoingRow>,
    pub suppliers_open: u64,
}

/// A supplier or product with the answer given.
#[derive(Debug, Clone)]
pub(crate) struct SupplierRow {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub product: bool,
    pub answers: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "suppliers.html", whitespace = "minimize")]
pub(crate) struct SuppliersPage {
    pub f: Frame,
    pub open: u64,
    pub rows: Vec<SupplierRow>,
}

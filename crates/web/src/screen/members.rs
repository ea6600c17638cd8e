//! *Members*: who belongs to this hub, and inviting one more.

use askama::Template;
use jiff::Timestamp;

use super::Choice;
use crate::frame::{Frame, Link, Scheme};

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct MemberRow {
    pub node: String,
    /// The first digits of its key's fingerprint, to read out on the phone.
    pub fingerprint: String,
    pub name: String,
    pub country: String,
    pub role: &'static str,
    pub state: &'static str,
    pub last_seen_at: Option<Timestamp>,
    pub certificate_until: Timestamp,
    /// How its clock is, in words.
    pub clock: String,
    /// Whether its clock is so far off that somebody has to act.
    pub clock_wrong: bool,
}

/// Sightings that a member dropped before they reached this hub.
#[derive(Debug, Clone)]
pub(crate) struct LossRow {
    pub member: String,
    pub dropped: u64,
    pub from: Timestamp,
    pub to: Timestamp,
    pub told_at: Timestamp,
}

/// An item that came with two contents.
#[derive(Debug, Clone)]
pub(crate) struct ConflictRow {
    pub member: String,
    pub item: String,
    /// The first digits of its name and its version.
    pub name: String,
    pub at: Timestamp,
}

#[derive(Template)]
#[template(path = "members.html", whitespace = "minimize")]
pub(crate) struct MembersPage {
    pub f: Frame,
    pub total: u64,
    pub rows: Vec<MemberRow>,
    pub losses: Vec<LossRow>,
    pub conflicts: Vec<ConflictRow>,
}

#[derive(Template)]
#[template(path = "invite.html", whitespace = "minimize")]
pub(crate) struct InvitePage {
    pub f: Frame,
    pub name: String,
    pub countries: Vec<Choice>,
    pub roles: Vec<Choice>,
}

//! What an operator decides about a node, already validated: the binary reads it from a file and hands it over.
//! A file of its own because every limit and policy of the use cases stands here with its default.

use domain::cluster::Thresholds;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

/// The decided configuration of the use cases.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// The node's name as people know it.
    pub name: String,
    /// ISO 3166-1 alpha-2 code of its country.
    pub country: String,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// Domains, addresses and blocks of the organisation itself; they never leave.
    pub own: Vec<String>,
    /// Where invited members find this node's link; none where it has none.
    pub invite: Option<InviteAddress>,
    /// Older than this, the last backup is worth a word; none where this node makes none.
    pub backup_older_than: Option<SignedDuration>,
    /// Whether what comes from the hub above is passed on to members below.
    pub passes_on: bool,
    /// Whether this node takes logs of its own, so that a missing source or answer is worth a word.
    pub listens: bool,
    /// What happens to sightings on their way out.
    pub sightings: Outgoing,
    /// Who approves what the correlator proposes.
    pub approval: Approval,
    /// When sightings are one attack.
    pub thresholds: Thresholds,
    /// How far the local trial and the look-back reach.
    pub trial: Trial,
    /// How long telemetry is kept.
    pub kept: Kept,
    /// Written limits.
    pub limits: Limits,
}

/// How long telemetry is kept; what screens and documents say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Events, by age.
    pub events_days: u64,
    /// Events, by size in bytes.
    pub events_bytes: u64,
    /// Alerts.
    pub alerts_days: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { events_days: 90, events_bytes: 100 << 30, alerts_days: 400 }
    }
}

/// What an invite code says of this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteAddress {
    /// Where the link answers; tried in order.
    pub urls: Vec<String>,
    /// SHA-256 of the CA certificate (DER), 64 hexadecimal digits.
    pub ca_fingerprint: String,
}

/// What happens to sightings on their way out. Warnings and withdrawals of a hub follow their approval, not this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outgoing {
    /// They leave at once.
    Send,
    /// A person releases or drops each one.
    Hold,
}

/// Who approves what the correlator proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// A person, always.
    Person,
    /// A policy, where hospitals share an attacker-side value; a person otherwise.
    SharedIndicator,
    /// A policy, where hospitals share a value or a supplier; a person otherwise.
    SharedIndicatorOrSupplier,
}

/// How a warning is tried before it enters the running engine, and how far the hospital looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// Hours of kept events it is tried on.
    pub hours: u32,
    /// What matches more than this many of those events is held for a person.
    pub matches_max: u64,
    /// The look-back is a linear scan of at most this many of the newest kept events.
    pub look_back_events_max: u64,
}

impl Default for Trial {
    fn default() -> Self {
        Self { hours: 24, matches_max: 50, look_back_events_max: 5_000_000 }
    }
}

/// Written limits of the use cases. Hitting one is counted and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events scanned in one batch.
    pub batch_events_max: usize,
    /// Bytes scanned in one batch.
    pub batch_bytes_max: usize,
    /// Sightings that wait for a hub; the oldest are dropped and counted as a gap.
    pub sightings_waiting_max: u64,
    /// Positions of the published log served in one page.
    pub stream_page_items_max: usize,
    /// How long the published log is kept; longer for a member that was here within this time and has not read it.
    pub published_kept: SignedDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_events_max: 4_096,
            batch_bytes_max: 8 * 1024 * 1024,
            sightings_waiting_max: 10_000,
            stream_page_items_max: 200,
            published_kept: SignedDuration::from_hours(400 * 24),
        }
    }
}

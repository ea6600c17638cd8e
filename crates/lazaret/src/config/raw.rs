//! The configuration as it stands in the file: every key optional, every value a text or number. Nothing here is
//! decided; `Config::decide` is the only place that validates. A file of its own because it *is* the file format.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    /// `hospital`, `national` or `union`.
    pub role: Option<String>,
    /// The node's name.
    pub name: Option<String>,
    /// Two letters.
    pub country: Option<String>,
    /// An IANA zone.
    pub zone: Option<String>,
    /// Relative to the file.
    pub data_dir: Option<String>,
    /// The console.
    pub console: RawConsole,
    /// How people log in.
    pub accounts: RawAccounts,
    /// Metrics and health.
    pub admin: RawListen,
    /// The database.
    pub store: RawStore,
    /// Log listeners.
    pub listen: RawListeners,
    /// Files to follow.
    pub follow: Vec<RawFollow>,
    /// Kept events.
    pub events: RawEvents,
    /// The operator's rules.
    pub rules: RawRules,
    /// What leaves.
    pub sharing: RawSharing,
    /// The local trial of warnings.
    pub trial: RawTrial,
    /// A hub's link address.
    pub link: RawLink,
    /// A member's way to its hub.
    pub uplink: RawUplink,
    /// A hub's warnings.
    pub warnings: RawWarnings,
    /// How people are called.
    pub reach: super::reach::RawReach,
    /// The node's own log.
    pub log: RawLog,
    /// Backups.
    pub backup: RawBackup,
}

/// `[accounts]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawAccounts {
    /// A role, or `nobody`.
    pub second_factor_from: Option<String>,
}

/// `[console]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConsole {
    /// Address and port.
    pub listen: Option<String>,
    /// Where browsers find it.
    pub url: Option<String>,
    /// PEM file.
    pub certificate: Option<String>,
    /// PEM file.
    pub key: Option<String>,
    /// A language tag.
    pub language: Option<String>,
}

/// A section with an address only.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawListen {
    /// Address and port.
    pub listen: Option<String>,
}

/// `[store]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawStore {
    /// A connection URL; without it SQLite in the data directory.
    pub postgres: Option<String>,
}

/// `[listen]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawListeners {
    /// Address and port.
    pub syslog_udp: Option<String>,
    /// Address and port.
    pub syslog_tcp: Option<String>,
    /// Address and port.
    pub syslog_tls: Option<String>,
    /// Address and port.
    pub http: Option<String>,
    /// Address and port.
    pub https: Option<String>,
    /// PEM file.
    pub certificate: Option<String>,
    /// PEM file.
    pub key: Option<String>,
    /// `token` or `anyone`.
    pub http_senders: Option<String>,
    /// Address blocks.
    pub syslog_senders: Vec<String>,
    /// Events a second from one source.
    pub source_rate: Option<u32>,
    /// Events at once from one source.
    pub source_burst: Option<u32>,
}

/// One `[[follow]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawFollow {
    /// The file.
    pub path: Option<String>,
}

/// `[events]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawEvents {
    /// A duration.
    pub keep: Option<String>,
    /// A size.
    pub keep_bytes: Option<String>,
    /// A size.
    pub free_bytes: Option<String>,
    /// A size.
    pub event_bytes: Option<String>,
    /// A size.
    pub segment_bytes: Option<String>,
    /// A duration.
    pub keep_alerts: Option<String>,
}

/// `[rules]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawRules {
    /// A directory.
    pub dir: Option<String>,
}

/// `[sharing]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawSharing {
    /// `send` or `hold`.
    pub sightings: Option<String>,
    /// Own domains, addresses, blocks.
    pub own: Vec<String>,
    /// How many may wait.
    pub waiting_max: Option<u64>,
}

/// `[trial]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawTrial {
    /// Hours.
    pub hours: Option<u32>,
    /// Events.
    pub matches_max: Option<u64>,
    /// Events.
    pub look_back_events_max: Option<u64>,
}

/// `[link]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLink {
    /// Address and port.
    pub listen: Option<String>,
    /// Where members find it.
    pub urls: Vec<String>,
    /// A duration.
    pub heartbeat: Option<String>,
    /// A duration.
    pub keep_published: Option<String>,
}

/// `[uplink]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawUplink {
    /// An `http://` URL.
    pub proxy: Option<String>,
    /// A duration.
    pub backoff_max: Option<String>,
}

/// `[warnings]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawWarnings {
    /// `person`, `shared-indicator` or `shared-indicator-or-supplier`.
    pub approve: Option<String>,
    /// The thresholds by name.
    pub thresholds: BTreeMap<String, u32>,
}

/// `[log]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLog {
    /// `text` or `json`.
    pub format: Option<String>,
    /// `error`, `warn`, `info`, `debug` or a filter.
    pub level: Option<String>,
}

/// `[backup]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawBackup {
    /// A folder, `sftp://…` or `s3+https://…`.
    pub target: Option<String>,
    /// An age public key.
    pub recipient: Option<String>,
    /// A duration.
    pub every: Option<String>,
    /// A duration.
    pub older_than: Option<String>,
    /// A private key file for SFTP.
    pub sftp_key: Option<String>,
    /// A file of two lines.
    pub s3_credentials: Option<String>,
    /// PEM file.
    pub s3_authority: Option<String>,
}

//! The decided configuration of one node. `RawConfig` is what the file says; `decide` is the only place that
//! validates, and it reports every problem at once: where, what, and what to write instead.

mod accounts;
mod backup;
mod decide;
mod measure;
mod raw;
mod reach;
mod template;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use app::AppConfig;
use connect::listen::{HttpSenders, Quota, Senders};

use crate::roles::Role;

pub use reach::{MailServer, ModemLine, Reach, SmsTemplate, Webhooks};
pub use template::{Answers, ListenAnswers, template};

/// Everything one node runs with.
#[derive(Debug, Clone)]
pub struct Config {
    /// What kind of node it is.
    pub role: Role,
    /// What the use cases need.
    pub app: AppConfig,
    /// Where everything of this node is kept.
    pub data_dir: PathBuf,
    /// The console.
    pub console: Console,
    /// Metrics and health; none switches them off.
    pub admin: Option<SocketAddr>,
    /// How people log in.
    pub accounts: Accounts,
    /// The database.
    pub store: StoreTarget,
    /// Log listeners.
    pub listeners: Listeners,
    /// Files to follow.
    pub follow: Vec<PathBuf>,
    /// Limits of the event log.
    pub events: eventstore::Limits,
    /// How long alerts are kept.
    pub alerts_kept: Duration,
    /// The operator's own rules.
    pub rules_dir: Option<PathBuf>,
    /// A hub's link address.
    pub link: Option<Link>,
    /// A member's way to its hub; used once the node is enrolled.
    pub uplink: UplinkWay,
    /// How people are called.
    pub reach: Reach,
    /// The node's own log.
    pub log: Log,
    /// Backups; none where nobody has said where to.
    pub backup: Option<crate::backup::Settings>,
    /// The file it was read from; none where it was given as text.
    pub file: Option<PathBuf>,
}

/// The console's address and how browsers reach it.
#[derive(Debug, Clone)]
pub struct Console {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What printed links begin with; none: made from the address.
    pub url: Option<String>,
    /// Certificate and key files; without them plain HTTP, which is allowed on loopback only.
    pub tls: Option<TlsFiles>,
    /// The language shown where the browser asks for none we have.
    pub language: String,
}

/// How people log in.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Accounts of this role and of those above need a second factor; none: nobody must have one.
    pub second_factor_from: Option<domain::party::Role>,
}

/// A certificate and its key, PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Which database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreTarget {
    /// `lazaret.sqlite` in the data directory.
    Sqlite(PathBuf),
    /// PostgreSQL, by URL.
    Postgres(String),
}

/// Which log listeners are open.
#[derive(Debug, Clone, Default)]
pub struct Listeners {
    /// Syslog over UDP.
    pub syslog_udp: Option<SocketAddr>,
    /// Syslog over TCP.
    pub syslog_tcp: Option<SocketAddr>,
    /// Syslog over TLS.
    pub syslog_tls: Option<SocketAddr>,
    /// HTTP: NDJSON and the `_bulk` shape.
    pub http: Option<SocketAddr>,
    /// The same over TLS.
    pub https: Option<SocketAddr>,
    /// What the TLS listeners show.
    pub tls: Option<TlsFiles>,
    /// Whose events the HTTP listeners take.
    pub senders: HttpSenders,
    /// From where syslog is taken.
    pub syslog_senders: Senders,
    /// What one source may send.
    pub quota: Quota,
}

/// A hub's link address.
#[derive(Debug, Clone)]
pub struct Link {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where members find it; goes into invite codes. Empty with port 0 only: then made from the bound address.
    pub urls: Vec<String>,
    /// How often an idle stream shows that it lives.
    pub heartbeat: Duration,
}

/// A member's way to its hub.
#[derive(Debug, Clone)]
pub struct UplinkWay {
    /// An HTTP proxy.
    pub proxy: Option<String>,
    /// The longest wait between two tries.
    pub backoff_max: Duration,
}

/// How the node writes its own log.
#[derive(Debug, Clone)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// A filter in the form `tracing-subscriber` reads.
    pub level: String,
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// One thing wrong with a configuration: where, what, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, e.g. `console.listen`; empty where the file as a whole is meant.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

/// A configuration that cannot be used: every problem of it.
#[derive(Debug)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

impl std::error::Error for ConfigError {}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} cannot be used:", self.path.display())?;
        for Problem { key, what, instead } in &self.problems {
            let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
            write!(f, "\n  {key}{what}\n    instead: {instead}")?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads and decides a file. Errors: all problems at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let error = |what: String, instead: &str| ConfigError {
            path: path.to_owned(),
            problems: vec![Problem { key: String::new(), what, instead: instead.to_owned() }],
        };
        let text = std::fs::read_to_string(path)
            .map_err(|problem| error(problem.to_string(), "name a readable file, or make one with `lazaret init`"))?;
        let base = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let read = Self::read(&text, &base).map_err(|problems| ConfigError { path: path.to_owned(), problems })?;
        Ok(Self { file: Some(path.to_owned()), ..read })
    }

    /// Decides a text; relative paths start at `base`.
    pub fn read(text: &str, base: &Path) -> Result<Self, Vec<Problem>> {
        let raw: raw::RawConfig = toml::from_str(text).map_err(|problem| {
            vec![Problem {
                key: String::new(),
                what: problem.to_string().trim_end().replace('\n', "\n  "),
                instead: "correct the line; `lazaret init` writes a commented example".to_owned(),
            }]
        })?;
        decide::decide(&raw, base)
    }
}

#[cfg(test)]
mod tests;

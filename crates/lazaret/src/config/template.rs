//! The commented configuration that `lazaret init` writes. A file of its own because operators read it more often than
//! any other text of ours: every key stands in it, with its default and its reason.

use std::fmt::Write as _;

use crate::roles::{Has, Role};

/// What `init` was told.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The kind of node.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// Two capital letters.
    pub country: String,
    /// An IANA zone.
    pub zone: String,
    /// Where everything but the configuration is kept, as the file says it.
    pub data_dir: String,
    /// The console's address and port.
    pub console: String,
    /// The admin address and port.
    pub admin: String,
    /// The link's address and port (hubs).
    pub link: String,
    /// Where members find the link (hubs); empty: made from the address.
    pub link_urls: Vec<String>,
    /// The log listeners' addresses and ports (hospitals).
    pub listeners: ListenAnswers,
}

/// Which listeners `init` opens.
#[derive(Debug, Clone)]
pub struct ListenAnswers {
    /// Syslog over UDP.
    pub syslog_udp: String,
    /// Syslog over TCP.
    pub syslog_tcp: String,
    /// HTTP.
    pub http: String,
}

/// The text of a node's `lazaret.toml`.
pub fn template(answers: &Answers) -> String {
    let parts = answers.role.parts();
    let mut out = head(answers);
    if parts.intake == Has::Yes {
        out.push_str(&intake(&answers.listeners));
        out.push_str(SHARING);
    }
    if parts.members == Has::Yes {
        out.push_str(&link(answers));
    }
    if parts.uplink == Has::Yes {
        out.push_str(UPLINK);
    }
    out.push_str(BACKUP);
    out.push_str(super::reach::TEMPLATE);
    out.push_str(LOG);
    out
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn head(answers: &Answers) -> String {
    format!(
        r#"# Lazaret, role {role}. Every key of this file is explained where it stands; what is commented out shows its default.
# After a change: `lazaret config check --config lazaret.toml`, then restart.

role = {role_word}
# The name that people and other nodes see.
name = {name}
# ISO 3166-1 alpha-2.
country = {country}
# Times are shown in this zone; they are stored in UTC.
zone = {zone}
# Database, event log and keys. Relative paths start where this file is.
data_dir = {data_dir}

[console]
# The pages for people. Plain HTTP is allowed on loopback only.
listen = {console}
# What links begin with when somebody else's proxy stands in front.
# url = "https://lazaret.example"
# certificate = "console.pem"
# key = "console.key"
# language = "en"

[accounts]
# Accounts of this role and of those above must have a second factor: viewer, operator, approver, admin or nobody.
# second_factor_from = "nobody"

[admin]
# /metrics, /health/live and /health/ready, without a login: keep it away from people.
listen = {admin}

[store]
# SQLite in data_dir, unless a PostgreSQL is named.
# postgres = "postgres://lazaret@db.example/lazaret"
"#,
        role = answers.role.as_str(),
        role_word = quoted(answers.role.as_str()),
        name = quoted(&answers.name),
        country = quoted(&answers.country),
        zone = quoted(&answers.zone),
        data_dir = quoted(&answers.data_dir),
        console = quoted(&answers.console),
        admin = quoted(&answers.admin),
    )
}

fn intake(listeners: &ListenAnswers) -> String {
    format!(
        r#"
[listen]
# Syslog (RFC 3164 and 5424; newline, NUL and octet counting). Port 514 needs a capability or a redirect.
syslog_udp = {udp}
syslog_tcp = {tcp}
# syslog_tls = "0.0.0.0:6514"
# NDJSON at /ingest, and the Elasticsearch _bulk shape for Winlogbeat. Answers 200 only when the events are durable.
http = {http}
# https = "0.0.0.0:8089"
# What syslog_tls and https show.
# certificate = "listen.pem"
# key = "listen.key"
# HTTP senders show a token that the page Sources makes ("token"), or may be anybody who reaches the port ("anyone").
# http_senders = "token"
# From where syslog is taken; syslog has no other proof of who sends. Empty is from everywhere. What is refused is counted
# on the page Sources.
# syslog_senders = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
# What one source may send: events a second on average, and at once after a silence. A sender over it waits (TCP, HTTP) or
# is counted (UDP); the others are not touched.
# source_rate = 5000
# source_burst = 50000

# Files to follow; repeat the section for each.
# [[follow]]
# path = "/var/log/orthanc/Orthanc.log"

[events]
# Raw events are kept this long, or until they take this much, whichever comes first.
# keep = "90 days"
# keep_bytes = "100 GiB"
# Below this much free space events are refused (HTTP 507) and counted; the rest is for records.
# free_bytes = "512 MiB"
# event_bytes = "1 MiB"
# segment_bytes = "64 MiB"
# keep_alerts = "400 days"

[rules]
# Your own Sigma rules, beside the built-in ones; `lazaret rules add` puts others' there.
# dir = "rules"

[trial]
# What a warning brings runs over this many hours of kept events first.
# hours = 24
# What would match more events than this is held for a person.
# matches_max = 50
# look_back_events_max = 5000000
"#,
        udp = quoted(&listeners.syslog_udp),
        tcp = quoted(&listeners.syslog_tcp),
        http = quoted(&listeners.http),
    )
}

const SHARING: &str = r#"
[sharing]
# Sightings leave at once ("send"), or a person releases each one ("hold"). The page Sharing shows them exactly.
# sightings = "send"
# Your own domains, addresses and blocks: they never leave.
# own = ["hospital.example", "198.51.100.0/24"]
# Without a hub this many sightings wait; then the oldest are dropped and counted.
# waiting_max = 10000
"#;

const UPLINK: &str = r#"
[uplink]
# Who the hub is comes from `lazaret enrol CODE`. Only the way out is configured here.
# proxy = "http://proxy.example:3128"
# backoff_max = "60 s"
"#;

const BACKUP: &str = r#"
[backup]
# Records, events, keys and this file, sealed to a key that is not here. Make one on another machine with
# `lazaret backup key`, keep the private half there and on paper, and write the public half here.
#   recipient = "age1…"
# A folder that is mounted, another machine, or an object store:
#   target = "/mnt/backup"
#   target = "sftp://lazaret@backup.example/lazaret"
#   target = "s3+https://s3.example/bucket/lazaret?region=eu-central-1"
#   sftp_key = "backup_ed25519"
# Two lines: the access key and its secret.
#   s3_credentials = "s3.credentials"
#   s3_authority = "s3-ca.pem"
#   every = "24 h"
# The console says so when the last one is older than this.
#   older_than = "36 h"
"#;

const LOG: &str = r#"
[log]
# "text" for people, "json" for machines.
# format = "text"
# level = "info"
"#;

fn link(answers: &Answers) -> String {
    let mut out = format!(
        r#"
[link]
# Where members' nodes call; another address than the console's.
listen = {listen}
"#,
        listen = quoted(&answers.link)
    );
    let urls: Vec<String> = answers.link_urls.iter().map(|url| quoted(url)).collect();
    let _ = match urls.is_empty() {
        true => writeln!(out, "# What invite codes say; up to four.\n# urls = [\"https://link.hub.example:8444\"]"),
        false => writeln!(out, "# What invite codes say; up to four.\nurls = [{}]", urls.join(", ")),
    };
    out.push_str(
        r#"# heartbeat = "15 s"
# Warnings and withdrawals stay readable for members this long; longer for one that was here within this time and has not
# read them yet. A member that was away longer is told what it misses.
# keep_published = "400 days"

[warnings]
# Who approves what the correlator proposes: "person", "shared-indicator" (a policy, where hospitals share an
# attacker-side value) or "shared-indicator-or-supplier".
# approve = "shared-indicator"

[warnings.thresholds]
# How many hospitals within how many hours are one attack.
# indicator_hospitals = 2
# indicator_window_hours = 96
# supplier_hospitals = 2
# supplier_window_hours = 48
# family_hospitals = 3
# family_window_hours = 24
# A rule younger than this that so many percent of the members fire is suspected itself.
# young_rule_hours = 24
# everyone_percent = 50
"#,
    );
    out
}

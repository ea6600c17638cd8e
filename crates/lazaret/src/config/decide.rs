//! From what the file says to what is decided. A file of its own: the only validation of configuration there is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use app::{AppConfig, Approval, Kept, Limits, Outgoing, Trial};
use connect::listen::{HttpSenders, Quota, Senders};
use domain::cluster::Thresholds;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::raw::{RawConfig, RawConsole, RawEvents, RawLink, RawListeners, RawLog};
use super::{Config, Console, Link, Listeners, Log, LogFormat, Problem, StoreTarget, TlsFiles, UplinkWay, measure};
use crate::roles::{Has, Parts, Role};

/// Collects problems while it decides, so that one run shows them all.
pub(super) struct Deciding<'a> {
    base: &'a Path,
    problems: Vec<Problem>,
}

/// Decides everything. Errors: every problem found.
pub fn decide(raw: &RawConfig, base: &Path) -> Result<Config, Vec<Problem>> {
    let mut deciding = Deciding { base, problems: Vec::new() };
    let config = deciding.all(raw);
    match (config, deciding.problems) {
        (Some(config), problems) if problems.is_empty() => Ok(config),
        (_, problems) => Err(problems),
    }
}

impl Deciding<'_> {
    fn all(&mut self, raw: &RawConfig) -> Option<Config> {
        let role = self.word("role", raw.role.as_deref(), None, Role::from_word, "hospital, national or union");
        let data_dir = self.path(raw.data_dir.as_deref().unwrap_or("."));
        let console = self.console(&raw.console);
        let accounts = self.accounts(&raw.accounts);
        let admin = self.address("admin.listen", raw.admin.listen.as_deref());
        let listeners = self.listeners(&raw.listen);
        let follow = self.follow(raw);
        let events = self.events(&raw.events);
        let alerts_kept = self.duration("events.keep_alerts", raw.events.keep_alerts.as_deref(), days(400));
        let kept = Kept {
            events_days: events.age_max.as_secs() / 86_400,
            events_bytes: events.total_bytes_max,
            alerts_days: alerts_kept.as_secs() / 86_400,
        };
        let link = self.link(&raw.link);
        let uplink = UplinkWay {
            proxy: self.proxy(raw),
            backoff_max: self.duration(
                "uplink.backoff_max",
                raw.uplink.backoff_max.as_deref(),
                Duration::from_secs(60),
            ),
        };
        let log = self.log(&raw.log);
        let backup = self.backup(&raw.backup);
        let reach = super::reach::decide(&raw.reach, self.base, &mut self.problems);
        // the parts matter only where the role is known; the other problems are told either way
        let app = self.app(raw, role.unwrap_or(Role::Hospital).parts());
        let older_than = backup.as_ref().and_then(|backup| SignedDuration::try_from(backup.older_than).ok());
        let app = app.map(|app| AppConfig { backup_older_than: older_than, ..app });
        let rules_dir = Some(raw.rules.dir.as_deref().map_or_else(|| data_dir.join("rules"), |dir| self.path(dir)));
        let store = match &raw.store.postgres {
            Some(url) => StoreTarget::Postgres(url.clone()),
            None => StoreTarget::Sqlite(data_dir.join("lazaret.sqlite")),
        };
        let config = Config {
            role: role?,
            app: AppConfig { kept, ..app? },
            data_dir,
            console: console?,
            accounts,
            admin,
            store,
            listeners,
            follow,
            events,
            alerts_kept,
            rules_dir,
            link,
            uplink,
            reach,
            log,
            backup,
            file: None,
        };
        self.fits_role(&config);
        Some(config)
    }

    pub(super) fn problem(&mut self, key: &str, what: impl Into<String>, instead: impl Into<String>) {
        self.problems.push(Problem { key: key.to_owned(), what: what.into(), instead: instead.into() });
    }

    /// A word from a closed list.
    pub(super) fn word<T>(
        &mut self,
        key: &str,
        text: Option<&str>,
        default: Option<T>,
        read: impl Fn(&str) -> Option<T>,
        list: &str,
    ) -> Option<T> {
        let Some(text) = text else {
            if default.is_none() {
                self.problem(key, "it is missing", format!("write {key} = … with one of: {list}"));
            }
            return default;
        };
        let decided = read(text);
        if decided.is_none() {
            self.problem(key, format!("{text:?} is none of the words known here"), format!("write {list}"));
        }
        decided
    }

    fn address(&mut self, key: &str, text: Option<&str>) -> Option<SocketAddr> {
        let text = text?;
        let decided = text.parse().ok();
        if decided.is_none() {
            self.problem(
                key,
                format!("{text:?} is no address and port"),
                "write e.g. \"127.0.0.1:8443\" or \"[::]:514\"",
            );
        }
        decided
    }

    pub(super) fn duration(&mut self, key: &str, text: Option<&str>, default: Duration) -> Duration {
        match text.map(measure::duration) {
            None => default,
            Some(Ok(duration)) => duration,
            Some(Err(instead)) => {
                self.problem(key, format!("{:?} is no duration", text.unwrap_or_default()), instead);
                default
            }
        }
    }

    fn size(&mut self, key: &str, text: Option<&str>, default: u64) -> u64 {
        match text.map(measure::size) {
            None => default,
            Some(Ok(size)) => size,
            Some(Err(instead)) => {
                self.problem(key, format!("{:?} is no size", text.unwrap_or_default()), instead);
                default
            }
        }
    }

    /// A path that starts where the file is; `dir/.` becomes `dir`.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.base.join(text).components().collect()
    }

    fn tls(&mut self, key: &str, certificate: Option<&str>, private: Option<&str>) -> Option<TlsFiles> {
        match (certificate, private) {
            (Some(certificate), Some(private)) => {
                Some(TlsFiles { certificate: self.path(certificate), key: self.path(private) })
            }
            (None, None) => None,
            _ => {
                self.problem(key, "certificate and key belong together", "name both files, or neither");
                None
            }
        }
    }

    fn console(&mut self, raw: &RawConsole) -> Option<Console> {
        let listen = self.address("console.listen", raw.listen.as_deref().or(Some("127.0.0.1:8443")))?;
        let tls = self.tls("console.certificate", raw.certificate.as_deref(), raw.key.as_deref());
        if tls.is_none() && !listen.ip().is_loopback() {
            let instead = "name console.certificate and console.key, or listen on 127.0.0.1 behind your own TLS proxy";
            self.problem("console.listen", "passwords would cross the network in clear", instead);
        }
        let url = raw.url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        let language = raw.language.clone().unwrap_or_else(|| "en".to_owned());
        Some(Console { listen, url, tls, language })
    }

    fn listeners(&mut self, raw: &RawListeners) -> Listeners {
        let tls = self.tls("listen.certificate", raw.certificate.as_deref(), raw.key.as_deref());
        let syslog_tls = self.address("listen.syslog_tls", raw.syslog_tls.as_deref());
        let https = self.address("listen.https", raw.https.as_deref());
        for (key, address) in [("listen.syslog_tls", syslog_tls), ("listen.https", https)] {
            if address.is_some() && tls.is_none() {
                self.problem(key, "TLS needs a certificate", "name listen.certificate and listen.key");
            }
        }
        let senders = |word: &str| match word {
            "token" => Some(HttpSenders::WithToken),
            "anyone" => Some(HttpSenders::Anyone),
            _ => None,
        };
        let known = "token or anyone";
        let given = raw.http_senders.as_deref();
        let senders = self.word("listen.http_senders", given, Some(HttpSenders::WithToken), senders, known);
        let plain = Quota::default();
        let quota = Quota {
            events_per_s: raw.source_rate.unwrap_or(plain.events_per_s).max(1),
            events_burst: raw.source_burst.unwrap_or(plain.events_burst).max(1),
        };
        let syslog_senders = Senders::parse(raw.syslog_senders.iter().map(String::as_str)).unwrap_or_else(|text| {
            let what = format!("{text:?} is no address block");
            self.problem("listen.syslog_senders", what, "write e.g. [\"10.0.0.0/8\", \"fd00::/8\"]");
            Senders::default()
        });
        Listeners {
            syslog_udp: self.address("listen.syslog_udp", raw.syslog_udp.as_deref()),
            syslog_tcp: self.address("listen.syslog_tcp", raw.syslog_tcp.as_deref()),
            syslog_tls,
            http: self.address("listen.http", raw.http.as_deref()),
            https,
            tls,
            senders: senders.unwrap_or_default(),
            syslog_senders,
            quota,
        }
    }

    fn follow(&mut self, raw: &RawConfig) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for (index, follow) in raw.follow.iter().enumerate() {
            match &follow.path {
                Some(path) => paths.push(self.path(path)),
                None => self.problem(&format!("follow[{index}].path"), "it is missing", "name the file to follow"),
            }
        }
        paths
    }

    fn events(&mut self, raw: &RawEvents) -> eventstore::Limits {
        let plain = eventstore::Limits::default();
        let event_bytes = self.size("events.event_bytes", raw.event_bytes.as_deref(), plain.event_bytes_max as u64);
        eventstore::Limits {
            segment_bytes_max: self.size("events.segment_bytes", raw.segment_bytes.as_deref(), plain.segment_bytes_max),
            free_bytes_min: self.size("events.free_bytes", raw.free_bytes.as_deref(), plain.free_bytes_min),
            event_bytes_max: usize::try_from(event_bytes).unwrap_or(usize::MAX),
            total_bytes_max: self.size("events.keep_bytes", raw.keep_bytes.as_deref(), plain.total_bytes_max),
            age_max: self.duration("events.keep", raw.keep.as_deref(), plain.age_max),
            ..plain
        }
    }

    fn link(&mut self, raw: &RawLink) -> Option<Link> {
        let listen = self.address("link.listen", raw.listen.as_deref());
        for url in raw.urls.iter().filter(|url| !url.starts_with("https://")) {
            self.problem(
                "link.urls",
                format!("{url:?} is no https address"),
                "write e.g. \"https://link.hub.example:8444\"",
            );
        }
        let listen = listen?;
        if raw.urls.is_empty() && listen.port() != 0 && listen.ip().is_unspecified() {
            let instead = "write link.urls = [\"https://…\"]: it goes into every invite code";
            self.problem("link.urls", "members could not find this hub", instead);
        }
        let heartbeat = self.duration("link.heartbeat", raw.heartbeat.as_deref(), Duration::from_secs(15));
        let urls = raw.urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Some(Link { listen, urls, heartbeat })
    }

    fn proxy(&mut self, raw: &RawConfig) -> Option<String> {
        let proxy = raw.uplink.proxy.clone()?;
        if !proxy.starts_with("http://") {
            self.problem(
                "uplink.proxy",
                format!("{proxy:?} is no http:// address"),
                "write e.g. \"http://proxy.example:3128\"",
            );
        }
        Some(proxy)
    }

    fn log(&mut self, raw: &RawLog) -> Log {
        let read = |word: &str| match word {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        };
        let format = self.word("log.format", raw.format.as_deref(), Some(LogFormat::Text), read, "text or json");
        Log { format: format.unwrap_or(LogFormat::Text), level: raw.level.clone().unwrap_or_else(|| "info".to_owned()) }
    }

    fn app(&mut self, raw: &RawConfig, parts: Parts) -> Option<AppConfig> {
        let name = raw.name.as_deref().map(str::trim).filter(|name| !name.is_empty() && name.len() <= 200);
        if name.is_none() {
            self.problem(
                "name",
                "it is missing, empty or longer than 200 bytes",
                "write the name people know this node by",
            );
        }
        let country =
            raw.country.as_deref().filter(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()));
        if country.is_none() {
            self.problem(
                "country",
                "it is no country code",
                "write two capital letters (ISO 3166-1), e.g. country = \"RO\"",
            );
        }
        let zone = self.zone(raw.zone.as_deref());
        let sightings = self.word(
            "sharing.sightings",
            raw.sharing.sightings.as_deref(),
            Some(Outgoing::Send),
            outgoing,
            "send or hold",
        );
        let approval = self.word(
            "warnings.approve",
            raw.warnings.approve.as_deref(),
            Some(Approval::SharedIndicator),
            approval,
            "person, shared-indicator or shared-indicator-or-supplier",
        );
        let plain = Trial::default();
        let limits = Limits::default();
        Some(AppConfig {
            name: name?.to_owned(),
            country: country?.to_owned(),
            zone,
            own: raw.sharing.own.clone(),
            // filled in with the other limits of storage
            kept: Kept::default(),
            // filled in where the link's address and the CA are known
            invite: None,
            backup_older_than: None,
            passes_on: parts.members == Has::Yes,
            listens: parts.intake == Has::Yes,
            sightings: sightings?,
            approval: approval?,
            thresholds: self.thresholds(&raw.warnings.thresholds),
            trial: Trial {
                hours: raw.trial.hours.unwrap_or(plain.hours),
                matches_max: raw.trial.matches_max.unwrap_or(plain.matches_max),
                look_back_events_max: raw.trial.look_back_events_max.unwrap_or(plain.look_back_events_max),
            },
            limits: Limits {
                sightings_waiting_max: raw.sharing.waiting_max.unwrap_or(limits.sightings_waiting_max),
                published_kept: self.published_kept(raw, limits.published_kept),
                ..limits
            },
        })
    }

    fn published_kept(&mut self, raw: &RawConfig, default: SignedDuration) -> SignedDuration {
        let plain = Duration::try_from(default).unwrap_or(Duration::MAX);
        let kept = self.duration("link.keep_published", raw.link.keep_published.as_deref(), plain);
        SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX)
    }

    fn zone(&mut self, text: Option<&str>) -> TimeZone {
        let Some(text) = text else { return TimeZone::UTC };
        TimeZone::get(text).unwrap_or_else(|_| {
            self.problem("zone", format!("{text:?} is no time zone"), "write an IANA name, e.g. \"Europe/Bucharest\"");
            TimeZone::UTC
        })
    }

    fn thresholds(&mut self, raw: &BTreeMap<String, u32>) -> Thresholds {
        let table: toml::Table =
            raw.iter().map(|(key, value)| (key.clone(), toml::Value::Integer(i64::from(*value)))).collect();
        match toml::Value::Table(table).try_into() {
            Ok(thresholds) => thresholds,
            Err(problem) => {
                self.problem("warnings.thresholds", problem.to_string(), "use the names that `lazaret init` writes");
                Thresholds::default()
            }
        }
    }

    fn fits_role(&mut self, config: &Config) {
        let parts = config.role.parts();
        if parts.members == Has::Yes && config.link.is_none() {
            self.problem(
                "link.listen",
                "a hub needs an address for its members",
                "write link.listen = \"0.0.0.0:8444\"",
            );
        }
        if parts.members == Has::No && config.link.is_some() {
            self.problem("link", "only a hub has members", "remove [link], or set role = \"national\"");
        }
        let Listeners { syslog_udp, syslog_tcp, syslog_tls, http, https, .. } = config.listeners;
        let listens = syslog_udp.or(syslog_tcp).or(syslog_tls).or(http).or(https).is_some();
        if parts.intake == Has::No && (listens || !config.follow.is_empty()) {
            self.problem("listen", "a hub reads no logs", "remove [listen] and [[follow]], or set role = \"hospital\"");
        }
    }
}

pub(super) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

fn outgoing(word: &str) -> Option<Outgoing> {
    match word {
        "send" => Some(Outgoing::Send),
        "hold" => Some(Outgoing::Hold),
        _ => None,
    }
}

fn approval(word: &str) -> Option<Approval> {
    match word {
        "person" => Some(Approval::Person),
        "shared-indicator" => Some(Approval::SharedIndicator),
        "shared-indicator-or-supplier" => Some(Approval::SharedIndicatorOrSupplier),
        _ => None,
    }
}

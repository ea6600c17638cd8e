//! The doors of a node: console, admin, link and log listeners. All are bound before the node says that it runs, so
//! that a port in use is an error at the start and port 0 can be told.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use connect::link::{Authority, Hub, LinkLimits};
use connect::listen::{FollowFrom, ListenLimits, ListenerConfig};
use connect::serve::{HttpLimits, HttpServer, Refused, Security};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::{Extras, Starting};
use crate::config::{Config, Link, TlsFiles};
use crate::data_dir::{DataDir, invite_address};
use crate::roles::Has;

/// Where a node's doors are; those it does not have are none.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// What the console's links begin with.
    pub console: String,
    /// Metrics and health, as an address.
    pub admin: Option<String>,
    /// The link, as members reach it.
    pub link: Option<String>,
    /// Syslog over UDP.
    pub syslog_udp: Option<SocketAddr>,
    /// Syslog over TCP.
    pub syslog_tcp: Option<SocketAddr>,
    /// Syslog over TLS.
    pub syslog_tls: Option<SocketAddr>,
    /// HTTP intake.
    pub http: Option<SocketAddr>,
    /// HTTP intake over TLS.
    pub https: Option<SocketAddr>,
}

/// What links to a node's console begin with; none while port 0 is not bound yet.
pub fn console_base(config: &Config, bound: Option<SocketAddr>) -> Option<String> {
    if let Some(url) = &config.console.url {
        return Some(url.clone());
    }
    let address = bound.unwrap_or(config.console.listen);
    let scheme = if config.console.tls.is_some() { "https" } else { "http" };
    (address.port() != 0).then(|| format!("{scheme}://{address}"))
}

impl Starting {
    pub(super) async fn open_doors(
        &mut self,
        extras: &Extras,
        link: Option<BoundLink>,
        closing: &watch::Receiver<bool>,
    ) -> anyhow::Result<Doors> {
        let mut doors = Doors::default();
        if let Some(link) = link {
            let BoundLink { server, authority, limits } = link;
            doors.link = self.config.app.invite.as_ref().and_then(|invite| invite.urls.first().cloned());
            // its streams end when doors close; what was pushed before is finished
            let hub = Hub { app: Arc::clone(&self.app), authority, limits, shutdown: closing.clone() };
            let server = server.telling(self.counted(r#"door="link""#));
            self.door_tasks.spawn(server.run(connect::link::router(hub), closing.clone()));
        }
        if self.config.role.parts().intake == Has::Yes {
            self.open_listeners(closing, &mut doors).await?;
        }
        self.open_console(extras, closing, &mut doors).await?;
        if let Some(address) = self.config.admin {
            let server = bind("admin.listen", address, Security::Plain).await?;
            doors.admin = server.address().map(|address| address.to_string());
            let router = crate::admin::router(Arc::clone(&self.app));
            let server = server.telling(self.counted(r#"door="admin""#));
            self.door_tasks.spawn(server.run(router, closing.clone()));
        }
        Ok(doors)
    }

    /// Counts what comes to nothing at a door.
    fn counted(&self, door: &'static str) -> Refused {
        let app = Arc::clone(&self.app);
        Arc::new(move |why| app.metrics().add("lazaret_calls_refused_total", &format!("{door},reason=\"{why}\""), 1))
    }

    async fn open_console(
        &mut self,
        extras: &Extras,
        closing: &watch::Receiver<bool>,
        doors: &mut Doors,
    ) -> anyhow::Result<()> {
        let console = self.config.console.clone();
        let security = match &console.tls {
            Some(files) => Security::Tls(TlsAcceptor::from(self.certificates.show(files)?)),
            None => Security::Plain,
        };
        let secure_cookies = match (&console.tls, &console.url) {
            (Some(_), _) => web::SecureCookies::Yes,
            (None, Some(url)) if url.starts_with("https://") => web::SecureCookies::Yes,
            (None, _) => web::SecureCookies::No,
        };
        let server = bind("console.listen", console.listen, security).await?;
        doors.console = console_base(&self.config, server.address()).unwrap_or_default();
        self.app.set_log_in(app::LogInPolicy {
            second_factor_from: self.config.accounts.second_factor_from,
            console: doors.console.clone(),
        });
        let site = web::Site {
            cookie_name: format!("lazaret-{}", &self.app.node().0[..12]),
            places: self.config.role.parts().places.to_vec(),
            theatre: extras.theatre.clone(),
            secure_cookies,
            lang: console.language.clone(),
            listeners: listeners_shown(doors, self.config.listeners.tls.as_ref()),
        };
        let router: Router = web::router(Arc::clone(&self.app), site)
            .map_err(|fault| anyhow::anyhow!("the message catalogue is faulty: {fault:?}"))?;
        let server = server.telling(self.counted(r#"door="console""#));
        self.door_tasks.spawn(server.run(router, closing.clone()));
        Ok(())
    }
}

impl Starting {
    /// Log listeners and followed files.
    async fn open_listeners(&mut self, closing: &watch::Receiver<bool>, doors: &mut Doors) -> anyhow::Result<()> {
        let listeners = self.config.listeners.clone();
        let tls = listeners.tls.as_ref().map(|files| self.certificates.show(files)).transpose()?;
        let udp = listeners.syslog_udp.map(|address| ListenerConfig::SyslogUdp { address });
        let tcp = listeners.syslog_tcp.map(|address| ListenerConfig::SyslogTcp { address, tls: None });
        let over_tls = listeners.syslog_tls.map(|address| ListenerConfig::SyslogTcp { address, tls: tls.clone() });
        let senders = listeners.senders;
        let http = listeners.http.map(|address| ListenerConfig::Http { address, tls: None, senders });
        let https = listeners.https.map(|address| ListenerConfig::Http { address, tls: tls.clone(), senders });
        doors.syslog_udp = self.listen("listen.syslog_udp", udp, closing).await?;
        doors.syslog_tcp = self.listen("listen.syslog_tcp", tcp, closing).await?;
        doors.syslog_tls = self.listen("listen.syslog_tls", over_tls, closing).await?;
        doors.http = self.listen("listen.http", http, closing).await?;
        doors.https = self.listen("listen.https", https, closing).await?;
        for path in self.config.follow.clone() {
            let follow = ListenerConfig::Follow { path, from: FollowFrom::Start };
            self.listen("follow", Some(follow), closing).await?;
        }
        Ok(())
    }

    async fn listen(
        &mut self,
        key: &str,
        listener: Option<ListenerConfig>,
        closing: &watch::Receiver<bool>,
    ) -> anyhow::Result<Option<SocketAddr>> {
        let Some(listener) = listener else { return Ok(None) };
        let message_bytes_max = self.config.events.event_bytes_max;
        let limits = ListenLimits {
            message_bytes_max,
            senders: self.config.listeners.syslog_senders.clone(),
            quota: self.config.listeners.quota,
            ..ListenLimits::default()
        };
        let bound = connect::listen::bind(listener, limits).await.with_context(|| key.to_owned())?;
        let address = bound.address();
        self.door_tasks.spawn(bound.run(Arc::clone(&self.app), closing.clone()));
        Ok(address)
    }
}

fn listeners_shown(doors: &Doors, tls: Option<&TlsFiles>) -> Vec<web::Listener> {
    let certificate = tls.and_then(|files| std::fs::read_to_string(&files.certificate).ok());
    let doors = [
        (web::ListenerKind::SyslogUdp, doors.syslog_udp),
        (web::ListenerKind::SyslogTcp, doors.syslog_tcp),
        (web::ListenerKind::SyslogTls, doors.syslog_tls),
        (web::ListenerKind::Http, doors.http),
        (web::ListenerKind::HttpTls, doors.https),
    ];
    let shown = |(kind, door): (web::ListenerKind, Option<SocketAddr>)| {
        let address = door?;
        let host = if address.ip().is_unspecified() { String::new() } else { address.ip().to_string() };
        let over_tls = matches!(kind, web::ListenerKind::SyslogTls | web::ListenerKind::HttpTls);
        let certificate = certificate.clone().filter(|_| over_tls);
        Some(web::Listener { kind, host, port: address.port(), certificate })
    };
    doors.into_iter().filter_map(shown).collect()
}

/// A hub's link, bound before anything else so that invite codes can name its address.
pub(super) struct BoundLink {
    server: HttpServer,
    authority: Arc<Authority>,
    limits: LinkLimits,
}

/// Binds the link where the node has one, and notes in the configuration what invite codes say.
pub(super) async fn bind_link(config: &mut Config, dir: &DataDir) -> anyhow::Result<Option<BoundLink>> {
    let Some(link) = &config.link else { return Ok(None) };
    let authority = Arc::new(dir.authority()?);
    let limits = LinkLimits { heartbeat: link.heartbeat, ..LinkLimits::default() };
    let server = connect::link::bind(link.listen, &names(link), Arc::clone(&authority), &limits).await?;
    let bound = server.address().map(|address| format!("https://{address}"));
    let urls = if link.urls.is_empty() { bound.into_iter().collect() } else { link.urls.clone() };
    config.app.invite = Some(invite_address(urls, &authority));
    Ok(Some(BoundLink { server, authority, limits }))
}

/// What the link's certificate must name: the hosts of its addresses, and where it listens.
fn names(link: &Link) -> Vec<String> {
    let host = |url: &String| {
        let rest = url.strip_prefix("https://")?;
        let host = rest.split('/').next()?;
        let host = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        Some(host.trim_matches(['[', ']']).to_owned())
    };
    let mut names: Vec<String> = link.urls.iter().filter_map(host).collect();
    let own = link.listen.ip();
    if !own.is_unspecified() {
        names.push(own.to_string());
    }
    if names.is_empty() || own.is_loopback() {
        names.push("localhost".to_owned());
    }
    names.sort();
    names.dedup();
    names
}

async fn bind(key: &str, address: SocketAddr, security: Security) -> anyhow::Result<HttpServer> {
    HttpServer::bind(address, security, HttpLimits::default())
        .await
        .with_context(|| format!("cannot listen on {key} = \"{address}\"; is another process using it?"))
}

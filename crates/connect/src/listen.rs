//! What listens for logs: syslog over UDP, TCP and TLS, HTTP, and files that are
//! followed. Each reads, frames, limits and hands over; what is kept and what it
//! means is decided behind [`Intake`].
//!
//! Use: [`bind`] a [`ListenerConfig`], take the address and the counters from the
//! [`Bound`], then `run` it until the watched value turns true.
//!
//! What is *not* here: the formats of log lines (`detect`), the log (`eventstore`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use app::intake::Intake;
use rustls::ServerConfig;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;

mod accept;
mod certificate;
mod counters;
mod follow;
pub mod framing;
mod hand_over;
mod http;
mod kernel_drops;
mod limits;
mod peers;
mod quota;
pub mod reason;
mod senders;
mod syslog_stream;
mod syslog_udp;
mod tls;

#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub use counters::{Counted, Counters};
pub use follow::FollowFrom;
pub use http::{HttpSenders, bodies};
pub use limits::{ListenLimits, Quota};
pub use senders::Senders;
pub use tls::{TlsProblem, tls_config};

/// What to listen on. Port 0 takes any free port.
#[derive(Debug, Clone)]
pub enum ListenerConfig {
    /// Syslog datagrams (RFC 5426).
    SyslogUdp {
        /// Where.
        address: SocketAddr,
    },
    /// Syslog streams (RFC 6587); with `tls` RFC 5425.
    SyslogTcp {
        /// Where.
        address: SocketAddr,
        /// From [`tls_config`].
        tls: Option<Arc<ServerConfig>>,
    },
    /// `POST /ingest` and the `_bulk` shape.
    Http {
        /// Where.
        address: SocketAddr,
        /// From [`tls_config`].
        tls: Option<Arc<ServerConfig>>,
        /// Who may send.
        senders: HttpSenders,
    },
    /// A file that a program on this machine writes.
    Follow {
        /// Its path; it need not exist yet.
        path: PathBuf,
        /// Where to start the first time.
        from: FollowFrom,
    },
}

/// An address could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// The address of the configuration.
    pub address: SocketAddr,
    /// What the system said.
    pub source: std::io::Error,
}

/// A listener that has its address and does not read yet.
#[derive(Debug)]
pub struct Bound {
    what: What,
    limits: ListenLimits,
    counters: Arc<Counters>,
}

#[derive(Debug)]
enum What {
    SyslogUdp(UdpSocket),
    SyslogTcp(TcpListener, Option<Arc<ServerConfig>>),
    Http(TcpListener, Option<Arc<ServerConfig>>, HttpSenders),
    Follow(PathBuf, FollowFrom),
}

/// Takes the address of a listener.
///
/// # Errors
/// The system does not give the address.
pub async fn bind(config: ListenerConfig, limits: ListenLimits) -> Result<Bound, BindError> {
    let at = |address| move |source| BindError { address, source };
    let what = match config {
        ListenerConfig::SyslogUdp { address } => {
            let socket = syslog_udp::bind(address, limits.receive_buffer_bytes).await.map_err(at(address))?;
            What::SyslogUdp(socket)
        }
        ListenerConfig::SyslogTcp { address, tls } => {
            What::SyslogTcp(TcpListener::bind(address).await.map_err(at(address))?, tls)
        }
        ListenerConfig::Http { address, tls, senders } => {
            What::Http(TcpListener::bind(address).await.map_err(at(address))?, tls, senders)
        }
        ListenerConfig::Follow { path, from } => What::Follow(path, from),
    };
    Ok(Bound { what, limits, counters: Arc::default() })
}

impl Bound {
    /// Where it listens; `None` for a file.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.what {
            What::SyslogUdp(socket) => socket.local_addr().ok(),
            What::SyslogTcp(listener, _) | What::Http(listener, ..) => listener.local_addr().ok(),
            What::Follow(..) => None,
        }
    }

    /// Its counters, to be read at any time.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Reads until `shutdown` turns true; then hands over what it holds, or
    /// counts it.
    pub async fn run<I: Intake>(self, intake: Arc<I>, shutdown: watch::Receiver<bool>) {
        let shared = Arc::new(hand_over::Shared {
            intake,
            counters: self.counters,
            quotas: quota::Quotas::new(self.limits.quota),
            peers: peers::Peers::new(self.limits.peers_max),
            limits: self.limits,
            shutdown,
        });
        match self.what {
            What::SyslogUdp(socket) => syslog_udp::listen(socket, shared).await,
            What::SyslogTcp(listener, tls) => {
                accept::accept_all(listener, tls, app::intake::Carrier::Syslog, shared, syslog_stream::speak).await;
            }
            What::Http(listener, tls, senders) => http::listen(listener, tls, senders, shared).await,
            What::Follow(path, from) => follow::follow(path, from, shared).await,
        }
    }
}

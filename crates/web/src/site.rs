//! What lazaret decides about a console: its cookie, its places, its addresses. The console itself never asks
//! which role its node has.

use std::sync::Arc;

use crate::frame::Place;
use crate::theatre::TheatreData;

/// Gives what the theatre shows, whenever somebody looks.
pub type Theatre = Arc<dyn Fn() -> TheatreData + Send + Sync>;

/// One console's settings.
#[derive(Clone)]
pub struct Site {
    /// The session cookie's name; one a node, because cookies do not tell ports apart.
    pub cookie_name: String,
    /// The menu, in its order; also which pages there are. Limits: at most seven.
    pub places: Vec<Place>,
    /// The theatre, where there is one. It needs no login.
    pub theatre: Option<Theatre>,
    /// Whether the cookie may travel over plain HTTP.
    pub secure_cookies: SecureCookies,
    /// The language before anybody says otherwise; a BCP 47 tag.
    pub lang: String,
    /// Where logs can be sent, as senders reach it; empty where this node takes none.
    pub listeners: Vec<Listener>,
}

/// Whether the session cookie may travel over plain HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecureCookies {
    /// Only over TLS.
    Yes,
    /// Also over plain HTTP: loopback and tests.
    No,
}

/// One address that takes logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// What is spoken there.
    pub kind: ListenerKind,
    /// Name or address as senders reach it; empty where it takes any address of this machine.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What it shows over TLS, PEM.
    pub certificate: Option<String>,
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerKind {
    /// Syslog over UDP.
    SyslogUdp,
    /// Syslog over TCP.
    SyslogTcp,
    /// Syslog over TLS.
    SyslogTls,
    /// HTTP: newline-delimited JSON and `_bulk`.
    Http,
    /// The same over TLS.
    HttpTls,
}

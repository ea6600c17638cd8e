//! The link between nodes: HTTPS on one port, the member calls, the hub answers. Up go pushes, down comes the hub's
//! published log. What travels is `app::link`'s; here are the sockets, certificates, cursors and patience.
//!
//! What is *not* here: no judgement about a sighting or a warning, no SQL, no role. A node that is a member of a hub
//! runs [`client`], a node that has members runs [`server`]; one in the middle runs both.

mod authority;
mod client;
mod connection;
mod decide;
mod endpoints;
mod enrol;
mod hub_time;
mod server;
pub mod sse;
mod stream;
mod tls;
mod uplink;
mod verify;
mod wire;

pub use authority::{
    Authority, AuthorityFiles, BACKDATED_HOURS, CERTIFICATE_DAYS, Issued, ServerCertificate, certificate_request,
    fingerprint,
};
pub use client::{Client, run as run_client};
pub use connection::{Connection, Opened, Proxy};
pub use decide::{Backoff, Batch, End, Life, Listening, Mode, Tempo};
pub use endpoints::{Hub, router};
pub use enrol::{Enrolment, enrol};
pub use hub_time::hub_ahead;
pub use server::{LinkLimits, bind};
pub use tls::now as tls_now;
pub(crate) use tls::{certificates, provider};
pub use uplink::{Uplink, UplinkFile};
pub use verify::{Period, Proved, proved};
pub use wire::{AckRequest, EnrolAnswer, EnrolRequest, RenewAnswer, RenewRequest, SIGNATURE_HEADER};

use domain::party::NodeId;

/// Why something on the link did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate or request cannot be made or read.
    #[error("certificate: {0}")]
    Certificate(String),
    /// TLS refused.
    #[error("tls: {0}")]
    Tls(#[from] rustls::Error),
    /// The other side was not reached, or the connection broke.
    #[error("the hub was not reached: {0}")]
    Unreachable(String),
    /// The other side answered no.
    #[error("the hub answered {status}: {text}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// What it said, cut to 300 characters.
        text: String,
    },
    /// The answer cannot be read, or its signature is not the hub's.
    #[error("the hub's answer is unusable: {0}")]
    Unusable(String),
    /// A use case failed.
    #[error(transparent)]
    App(#[from] app::Error),
    /// A file cannot be read or written.
    #[error("{path}: {problem}")]
    File {
        /// Where.
        path: String,
        /// What.
        problem: String,
    },
}

impl From<rcgen::Error> for Error {
    fn from(problem: rcgen::Error) -> Self {
        Self::Certificate(problem.to_string())
    }
}

impl Error {
    /// Whether trying the same again later can help: the hub away, busy or failing.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Answer { status, .. } => *status >= 500 || *status == 429 || *status == 408,
            Self::Certificate(_) | Self::Tls(_) | Self::Unusable(_) | Self::App(_) | Self::File { .. } => false,
        }
    }
}

/// The identity that belongs to a public key: see [`NodeId`].
fn node_id(public_key: &[u8]) -> NodeId {
    app::node_id_of(public_key)
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    domain::record::hex(bytes)
}

//! The link's small messages: enrolment, renewal, acknowledgement. The large ones (push, receipt, release) are
//! `app::link`'s, because use cases make and take them. A file of its own: this is the wire format, format 1.

use domain::party::NodeId;
use serde::{Deserialize, Serialize};

/// The version of these messages; a reader refuses others by name.
pub const FORMAT: u16 = app::link::LINK_FORMAT;
/// The header that carries a hub's signature over a receipt, base64.
pub const SIGNATURE_HEADER: &str = "lazaret-signature";

/// A new member asks to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// [`FORMAT`].
    pub format: u16,
    /// The invite's secret.
    pub secret: String,
    /// The member's name as its operator wrote it; the hub keeps the name it invited.
    pub name: String,
    /// A certificate request (DER, base64), signed by the node's key.
    pub request: String,
}

/// The hub's answer to an enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// [`FORMAT`].
    pub format: u16,
    /// The member's certificate and the CA's, PEM.
    pub chain: String,
    /// When the certificate ends. Units: seconds since 1970.
    pub until_s: u64,
    /// The hub's name.
    pub hub_name: String,
    /// The hub's identity.
    pub hub_node: NodeId,
    /// The hub's raw Ed25519 key, hexadecimal: it signs receipts and releases.
    pub hub_public_key: String,
    /// The hub's CA certificate, PEM.
    pub authority: String,
}

/// A member asks for a new certificate for the key it enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewRequest {
    /// [`FORMAT`].
    pub format: u16,
    /// A certificate request (DER, base64), signed by the node's key.
    pub request: String,
}

/// The hub's answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewAnswer {
    /// [`FORMAT`].
    pub format: u16,
    /// The new certificate and the CA's, PEM.
    pub chain: String,
    /// When it ends. Units: seconds since 1970.
    pub until_s: u64,
}

/// A member confirms what it has taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckRequest {
    /// [`FORMAT`].
    pub format: u16,
    /// Everything up to this position is durable at the member.
    pub position: i64,
}

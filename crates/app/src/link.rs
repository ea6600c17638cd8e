//! What travels between nodes besides releases: pushes up, receipts back, pages of the published log down.
//! A file of its own because both ends of the link and the tests share these words; sockets are `connect`'s.

use domain::release::SignedRelease;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version of the link's messages; a reader refuses others by name.
pub const LINK_FORMAT: u16 = 1;
/// The most items one push may carry.
pub const PUSH_ITEMS_MAX: usize = 500;
/// The most bytes the bodies of one push may have together.
pub const PUSH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A batch on its way up. Idempotent on (origin, epoch, kind, key, version) and the body's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// [`LINK_FORMAT`].
    pub format: u16,
    /// Raised by every restore, so that new work is never taken for old.
    pub epoch: i64,
    /// The sender's clock, RFC 3339; the hub shows a clock that drifts.
    pub sent_at: jiff::Timestamp,
    /// The items, records before releases before sightings.
    pub items: Vec<PushItem>,
    /// What was dropped here because a limit was reached.
    pub gaps: Vec<OutboxGap>,
}

/// One item of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushItem {
    /// Its place in the sender's outbox; only the sender reads it again.
    pub position: i64,
    /// `sighting`, `passed-sighting`, `release` or `verdict`.
    pub kind: String,
    /// What it is about.
    pub key: Uuid,
    /// Counts up per key.
    pub version: u64,
    /// SHA-256 of the body, 64 hexadecimal digits.
    pub hash: String,
    /// The exact bytes, base64.
    #[serde(with = "base64_bytes")]
    pub body: Vec<u8>,
}

/// Sightings that were dropped because the outbox was full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxGap {
    /// The sender's id of this gap.
    pub id: i64,
    /// How many items.
    pub dropped: u64,
    /// From when.
    pub from: jiff::Timestamp,
    /// To when.
    pub to: jiff::Timestamp,
}

/// What became of a push, after the hub's commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`LINK_FORMAT`].
    pub format: u16,
    /// The epoch of the push.
    pub epoch: i64,
    /// One outcome an item, in the push's order.
    pub outcomes: Vec<ItemOutcome>,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemOutcome {
    /// The item's position.
    pub position: i64,
    /// What became of it.
    #[serde(flatten)]
    pub result: ItemResult,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum ItemResult {
    /// It is durable at the hub and took effect.
    New,
    /// It was there already; nothing happened twice.
    Duplicate,
    /// The same key and version was there with other bytes. Kept visibly at the hub.
    Conflict,
    /// The hub cannot read it; sending it again will not help.
    Refused {
        /// Why.
        why: String,
    },
}

/// One item of the published log on its way down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamItem {
    /// Its place in the hub's log: the cursor.
    pub position: i64,
    /// The release.
    pub release: WireRelease,
    /// Where another node signed the release: this hub's word that it checked it, over [`relay_signing_input`].
    #[serde(with = "base64_bytes")]
    pub relay: Vec<u8>,
}

/// A signed release as JSON carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireRelease {
    /// The exact bytes, base64.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
    /// The signer's public key, base64.
    #[serde(with = "base64_bytes")]
    pub key: Vec<u8>,
    /// The signature, base64.
    #[serde(with = "base64_bytes")]
    pub signature: Vec<u8>,
}

impl From<SignedRelease> for WireRelease {
    fn from(signed: SignedRelease) -> Self {
        Self { bytes: signed.bytes, key: signed.key, signature: signed.signature }
    }
}

impl From<WireRelease> for SignedRelease {
    fn from(wire: WireRelease) -> Self {
        Self { bytes: wire.bytes, key: wire.key, signature: wire.signature }
    }
}

/// What a hub signs when it passes on what another node signed.
pub fn relay_signing_input(release: &SignedRelease) -> Vec<u8> {
    const PREFIX: &[u8] = b"lazaret relay 1\0";
    [PREFIX, &release.key, &release.bytes].concat()
}

/// What a hub signs in a receipt: the exact bytes of its JSON.
pub fn receipt_signing_input(bytes: &[u8]) -> Vec<u8> {
    const PREFIX: &[u8] = b"lazaret receipt 1\0";
    [PREFIX, bytes].concat()
}

/// A page of the published log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPage {
    /// The items after the cursor, oldest first.
    pub items: Vec<StreamItem>,
    /// Which release and version each of them is, for [`crate::App::note_sent`].
    pub releases: Vec<(Uuid, u32)>,
    /// The last position looked at: items that are not for this member count, so that its cursor moves on.
    pub end: i64,
    /// The newest position there is.
    pub head: i64,
    /// Where items after the cursor are no longer kept.
    pub gap: Option<StreamGap>,
}

/// Positions that are no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamGap {
    /// The first missing position.
    pub from: i64,
    /// The last missing position.
    pub to: i64,
}

/// A sighting that a national hub passes on: the hospital is a pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedSighting {
    /// HMAC of the member's id under the national hub's key, 32 hexadecimal digits.
    pub pseudonym: String,
    /// What was seen.
    pub sighting: domain::telemetry::Sighting,
}

/// What a member answers to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictNote {
    /// The release's id.
    pub release: Uuid,
    /// Its version.
    pub version: u32,
    /// What the member can say about itself.
    pub verdict: domain::telemetry::Verdict,
    /// When it was decided there.
    pub at: jiff::Timestamp,
}

mod base64_bytes {
    //! Bytes as standard base64 in JSON.
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_format_is_read_for_ever() {
        let golden = r#"{"format":1,"epoch":2,"sent_at":"2026-11-25T02:00:00Z","items":[{"position":7,"kind":"sighting","key":"00000000-0000-0000-0000-000000000009","version":3,"hash":"ab","body":"aGk="}],"gaps":[]}"#;
        let push: Push = serde_json::from_str(golden).unwrap();
        assert_eq!(push.items[0].body, b"hi");
        assert_eq!(serde_json::to_string(&push).unwrap(), golden);
    }

    #[test]
    fn a_refused_item_says_why() {
        let outcome = ItemOutcome { position: 1, result: ItemResult::Refused { why: "format 9".to_owned() } };
        let text = serde_json::to_string(&outcome).unwrap();
        assert_eq!(text, r#"{"position":1,"result":"refused","why":"format 9"}"#);
    }
}

//! Releases: what a node tells others, signed over the exact bytes sent.
//! A file of its own because only releases and sightings ever cross a border, and one egress function asks this file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::marking::Marking;
use crate::party::NodeId;
use crate::telemetry::{Indicator, Level};

/// The version of the release format written today; readers refuse others by name.
pub const RELEASE_FORMAT: u16 = 1;
/// The most indicators one warning may carry.
pub const WARNING_INDICATORS_MAX: usize = 5_000;
/// The most rules one warning may carry.
pub const WARNING_RULES_MAX: usize = 50;
/// The longest a rule text may be, in bytes.
pub const WARNING_RULE_BYTES_MAX: usize = 64 * 1024;

/// One thing told to others. Signed over its exact serialised bytes (see [`SignedRelease`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// [`RELEASE_FORMAT`].
    pub format: u16,
    /// The record it speaks of; all versions share it.
    pub id: Uuid,
    /// Counts up from 1; a higher version replaces the lower ones.
    pub version: u32,
    /// Which attack it speaks of: two hubs that warn of one attack derive the same id, so a hospital shows one card.
    pub cluster: Uuid,
    /// The node that speaks.
    pub issuer: NodeId,
    /// That node's name as people know it.
    pub issuer_name: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// How far it may travel and what may be done with it.
    pub marking: Marking,
    /// True where an exercise caused it; it then reaches only the exercise's players.
    pub drill: bool,
    /// What is said.
    pub body: ReleaseBody,
}

/// What a release says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "kebab-case")]
pub enum ReleaseBody {
    /// A warning, first version or update.
    Warning(Box<WarningContent>),
    /// The warning no longer holds: its indicators and rules leave the engine.
    Withdrawal {
        /// Why, as a code that screens translate.
        reason: WithdrawalReason,
    },
}

/// Why a warning was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithdrawalReason {
    /// It was wrong.
    FalseAlarm,
    /// It was right and is over.
    Over,
    /// Another warning replaces it.
    Replaced,
}

impl WithdrawalReason {
    /// The stable word used in forms and storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FalseAlarm => "false-alarm",
            Self::Over => "over",
            Self::Replaced => "replaced",
        }
    }
}

/// The content of a warning: what hospitals read and what their engines take.
/// Limits: [`WARNING_INDICATORS_MAX`], [`WARNING_RULES_MAX`], [`WARNING_RULE_BYTES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarningContent {
    /// One line.
    pub title: String,
    /// What happened, in plain words.
    pub summary: String,
    /// What to do now, in plain words.
    pub advice: String,
    /// How grave.
    pub level: Level,
    /// The rule family it grew from; empty where an outside source speaks.
    pub family: String,
    /// Supplier ids it is about; empty means it can concern anybody.
    pub suppliers: Vec<String>,
    /// Product ids it is about.
    pub products: Vec<String>,
    /// Countries it was seen in (ISO 3166-1 alpha-2).
    pub countries: Vec<String>,
    /// Values for the indicator engine.
    pub indicators: Vec<Indicator>,
    /// Sigma rule texts for the rule engine.
    pub rules: Vec<String>,
    /// What it rests on.
    pub basis: Basis,
}

/// What a warning rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "basis", rename_all = "kebab-case")]
pub enum Basis {
    /// Sightings of several hospitals that share something.
    Correlated {
        /// Distinct hospitals; never fewer than [`CORRELATED_HOSPITALS_MIN`].
        hospitals: u32,
        /// Sightings behind it.
        sightings: u32,
        /// How many hospitals the threshold asked for.
        threshold: u32,
        /// The window, in hours.
        window_hours: u32,
        /// What they share: `indicator`, `supplier` or `family`.
        shared: Shared,
    },
    /// One confirmed victim or an outside source; marked *one source* wherever it is shown.
    OneSource {
        /// Where it came from.
        source: OutsideSource,
    },
}

/// The fewest hospitals that a machine's proposal may rest on.
pub const CORRELATED_HOSPITALS_MIN: u32 = 2;

/// What the hospitals of a cluster share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shared {
    /// An attacker-side value.
    Indicator,
    /// A supplier, together with a rule family.
    Supplier,
    /// A rule family alone.
    Family,
}

impl Shared {
    /// The stable word used in storage and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Indicator => "indicator",
            Self::Supplier => "supplier",
            Self::Family => "family",
        }
    }
}

/// Where a one-source warning came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutsideSource {
    /// A hospital that confirmed to be a victim.
    ConfirmedVictim,
    /// A mail.
    Mail,
    /// A document.
    Document,
    /// A phone call.
    Phone,
    /// A vendor's advisory.
    Advisory,
}

impl OutsideSource {
    /// All of them, in the order a form shows.
    pub const ALL: [Self; 5] = [Self::ConfirmedVictim, Self::Mail, Self::Document, Self::Phone, Self::Advisory];

    /// The stable word used in forms and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmedVictim => "confirmed-victim",
            Self::Mail => "mail",
            Self::Document => "document",
            Self::Phone => "phone",
            Self::Advisory => "advisory",
        }
    }
}

/// A release as it travels and is kept: the exact bytes, who signed, and the detached Ed25519 signature over
/// the domain-separated bytes (`lazaret release 1` followed by a zero byte and the bytes).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRelease {
    /// The exact JSON bytes of a [`Release`].
    pub bytes: Vec<u8>,
    /// The signer's raw Ed25519 public key, 32 bytes; its hash is the issuer's node id.
    pub key: Vec<u8>,
    /// The signature, 64 bytes.
    pub signature: Vec<u8>,
}

/// What is signed and verified for a release: a prefix no other message of ours shares, then the bytes.
pub fn release_signing_input(bytes: &[u8]) -> Vec<u8> {
    const PREFIX: &[u8] = b"lazaret release 1\0";
    [PREFIX, bytes].concat()
}

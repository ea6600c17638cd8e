//! The words of telemetry: level, observable, indicator, detection's rule, alert and sighting.
//! A file of its own because telemetry is never journaled: these values are fast, many, and expire.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How grave a rule says a match is. Source: Sigma specification 2.x, *level*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Context for other rules; never a card of its own.
    Informational,
    /// Notable, rarely an incident.
    Low,
    /// To be reviewed regularly.
    Medium,
    /// To be reviewed promptly.
    High,
    /// To be handled at once.
    Critical,
}

impl Level {
    /// The lower-case word of the Sigma specification.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no level.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no level; write informational, low, medium, high or critical")]
pub struct LevelUnknown(pub String);

impl FromStr for Level {
    type Err = LevelUnknown;

    fn from_str(word: &str) -> Result<Self, LevelUnknown> {
        Ok(match word {
            "informational" => Self::Informational,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "critical" => Self::Critical,
            other => return Err(LevelUnknown(other.to_owned())),
        })
    }
}

/// What kind of value an observable or indicator is. Spelled as STIX 2.1 §6 object paths are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservableKind {
    /// One IPv4 address, or a CIDR block where it is an indicator (STIX `ipv4-addr`).
    Ipv4Addr,
    /// One IPv6 address, or a CIDR block where it is an indicator (STIX `ipv6-addr`).
    Ipv6Addr,
    /// A domain name; as an indicator it covers its subdomains (STIX `domain-name`).
    DomainName,
    /// A URL (STIX `url`).
    Url,
    /// A file hash of 32, 40 or 64 hexadecimal digits: MD5, SHA-1 or SHA-256 (STIX `file:hashes`).
    FileHash,
    /// A mail address (STIX `email-addr`).
    EmailAddr,
    /// A file name without its path (STIX `file:name`).
    FileName,
}

impl ObservableKind {
    /// The stable word used in storage, on the wire and in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4Addr => "ipv4-addr",
            Self::Ipv6Addr => "ipv6-addr",
            Self::DomainName => "domain-name",
            Self::Url => "url",
            Self::FileHash => "file-hash",
            Self::EmailAddr => "email-addr",
            Self::FileName => "file-name",
        }
    }

    /// Reads [`ObservableKind::as_str`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "ipv4-addr" => Self::Ipv4Addr,
            "ipv6-addr" => Self::Ipv6Addr,
            "domain-name" => Self::DomainName,
            "url" => Self::Url,
            "file-hash" => Self::FileHash,
            "email-addr" => Self::EmailAddr,
            "file-name" => Self::FileName,
            _ => return None,
        })
    }
}

/// One value seen in an event on the attacker's side: a public address, domain, URL, hash or sender.
/// Shape: `value` is normalised (lower case, no trailing dot, no port). Never an internal host or user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Observable {
    /// What kind of value it is.
    pub kind: ObservableKind,
    /// The value in its normalised form.
    pub value: String,
}

/// A value that somebody warns of. Source: STIX 2.1 §4.7, reduced to one value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Indicator {
    /// What kind of value it is.
    pub kind: ObservableKind,
    /// The value in its normalised form; addresses may be CIDR blocks, domains cover subdomains.
    pub value: String,
    /// Where it came from: a file name, a STIX id, or `warning:<record id>`.
    pub origin: String,
}

/// Whether an address is one that only a public network routes (so it can be the attacker's side).
/// Shape: excludes private, loopback, link-local, shared (RFC 6598), multicast, reserved and unspecified ranges.
pub fn is_public_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (b == 18 || b == 19);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || shared
        || benchmark
        || a == 0
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    let unique_local = first & 0xfe00 == 0xfc00;
    let link_local = first & 0xffc0 == 0xfe80;
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || unique_local || link_local)
}

/// What leaves a hospital for its hub: one rule family's matches of one hour, with the attacker's side in the clear.
/// Shape: never a host, a user, an internal address, a patient or a raw line; the hospital is who sent it (its link key),
/// and becomes a pseudonym when the national hub passes it on to the union.
/// Limits: at most [`SIGHTING_OBSERVABLES_MAX`] observables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Deterministic: the same alert's next version keeps it, so a repeat replaces and never adds.
    pub id: uuid::Uuid,
    /// Sigma rule id, or `indicator` where an indicator matched.
    pub rule_id: String,
    /// The rule's family, e.g. `backup-sabotage` or `t1490`.
    pub family: String,
    /// The rule's level.
    pub level: Level,
    /// When the first event happened, cut to the hour.
    pub hour: Timestamp,
    /// How many detections stand behind it; a count says nothing about how many hospitals.
    pub count: u64,
    /// ISO 3166-1 alpha-2 code of the hospital's country.
    pub country: String,
    /// Ids from the supplier list that the hospital says it uses and the rule's source belongs to.
    pub suppliers: Vec<String>,
    /// Ids from the supplier list (products) likewise.
    pub products: Vec<String>,
    /// Attacker-side values that survived the warninglists.
    pub observables: Vec<Observable>,
    /// When the rule that fired came into this engine, for the *everyone at once* guard.
    pub rule_since: Timestamp,
    /// True where an exercise caused it; drills never mix with real counts.
    pub drill: bool,
}

/// The family of a detection that rests on an indicator alone: it says nothing about the kind of attack.
pub const INDICATOR_FAMILY: &str = "indicator";

/// The most observables one sighting may carry.
pub const SIGHTING_OBSERVABLES_MAX: usize = 32;

/// What a hospital can say about itself and a warning. A closed set; screens show it before any data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Kept events contain what the warning names.
    Hit,
    /// The named supplier or product is used here, and nothing was found in the events searched.
    Exposed,
    /// The hospital says it does not use what the warning is about, and nothing was found.
    NotConcerned,
    /// No answer about the supplier, or no source covers it.
    CannotTell,
}

impl Verdict {
    /// The stable word used in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Exposed => "exposed",
            Self::NotConcerned => "not-concerned",
            Self::CannotTell => "cannot-tell",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_publicly_routed_addresses_are_public() {
        let check = |text: &str, public: bool| {
            assert_eq!(is_public_address(text.parse().unwrap()), public, "{text}");
        };
        check("10.1.2.3", false);
        check("172.31.0.1", false);
        check("100.64.0.1", false);
        check("169.254.1.1", false);
        check("::ffff:192.168.1.1", false);
        check("fe80::1", false);
        check("fd00::1", false);
        check("255.255.255.255", false);
        check("9.9.9.9", true);
        check("2a00:1450::1", true);
    }

    #[test]
    fn levels_read_back_and_order_by_gravity() {
        for level in [Level::Informational, Level::Low, Level::Medium, Level::High, Level::Critical] {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        assert!(Level::Critical > Level::High);
        assert!("urgent".parse::<Level>().is_err());
    }
}

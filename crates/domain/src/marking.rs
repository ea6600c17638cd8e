//! Markings: how far something may travel (TLP 2.0) and what may be done with it (PAP).
//! A file of its own because every stored and wire format carries one and egress has a single question to ask it.

use serde::{Deserialize, Serialize};

/// Traffic Light Protocol 2.0. Source: FIRST TLP 2.0 (August 2022). Ordered from the freest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tlp {
    /// May be published.
    #[serde(rename = "TLP:CLEAR")]
    Clear,
    /// May circulate in the community (every hospital and hub), not in public.
    #[serde(rename = "TLP:GREEN")]
    Green,
    /// Recipients and those of their clients who need to know.
    #[serde(rename = "TLP:AMBER")]
    Amber,
    /// Recipients' own organisation only.
    #[serde(rename = "TLP:AMBER+STRICT")]
    AmberStrict,
    /// The named recipients only.
    #[serde(rename = "TLP:RED")]
    Red,
}

impl Tlp {
    /// The label as FIRST writes it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Clear => "TLP:CLEAR",
            Self::Green => "TLP:GREEN",
            Self::Amber => "TLP:AMBER",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Red => "TLP:RED",
        }
    }
}

/// Permissible Actions Protocol. Source: MISP taxonomy `PAP`, ordered from the freest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pap {
    /// No restriction on use.
    #[serde(rename = "PAP:CLEAR")]
    Clear,
    /// Active use allowed (blocking, sinkholing nobody notices).
    #[serde(rename = "PAP:GREEN")]
    Green,
    /// Passive cross-check only.
    #[serde(rename = "PAP:AMBER")]
    Amber,
    /// Nothing that the adversary could notice.
    #[serde(rename = "PAP:RED")]
    Red,
}

/// Both restrictions together. Default-deny: what says nothing is `TLP:AMBER+STRICT`, `PAP:AMBER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marking {
    /// How far it may travel.
    pub tlp: Tlp,
    /// What may be done with it.
    pub pap: Pap,
}

impl Default for Marking {
    fn default() -> Self {
        Self { tlp: Tlp::AmberStrict, pap: Pap::Amber }
    }
}

impl Marking {
    /// What warnings of the federation carry unless somebody chose otherwise: the community, active use.
    pub const COMMUNITY: Self = Self { tlp: Tlp::Green, pap: Pap::Green };

    /// The stricter of the two in each respect; a bundle is as strict as its strictest part.
    pub fn strictest(self, other: Self) -> Self {
        Self { tlp: self.tlp.max(other.tlp), pap: self.pap.max(other.pap) }
    }

    /// Whether the egress function may let it cross from one organisation to the whole community.
    pub fn may_reach_community(self) -> bool {
        self.tlp <= Tlp::Green
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmarked_never_reaches_the_community() {
        assert!(!Marking::default().may_reach_community());
        assert!(Marking::COMMUNITY.may_reach_community());
    }

    #[test]
    fn the_strictest_part_wins() {
        let red = Marking { tlp: Tlp::Red, pap: Pap::Clear };
        assert_eq!(red.strictest(Marking::COMMUNITY), Marking { tlp: Tlp::Red, pap: Pap::Green });
    }
}

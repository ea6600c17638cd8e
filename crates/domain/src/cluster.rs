//! Clusters: when sightings of several hospitals are one attack. The hub's whole judgement, as a pure function.
//! A file of its own because this is what Lazaret exists for, and a reader must be able to check it in one sitting.
//!
//! Counts are of *organisations*, never of events: one hospital flooding a thousandfold is still one hospital.
//! A shared attacker-side value says most, a shared supplier with the same rule family less, a family alone least.
//! When everyone fires a young rule at once and nothing else is shared, the rule is suspected, not the attacker.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::release::{CORRELATED_HOSPITALS_MIN, Shared};
use crate::telemetry::{INDICATOR_FAMILY, Level, Observable, Sighting};

/// A sighting as a hub keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The organisation it came from: a member's id at a national hub, a pseudonym at the union's.
    pub hospital: String,
    /// When this hub received it; hub windows use this, not the sender's clock.
    pub received_at: Timestamp,
    /// Whether this says nothing by its family: the hospital showed it in ordinary times (on three or more earlier
    /// days), or its rule is suspected and nobody has looked at it yet.
    pub familiar: bool,
    /// What was sent.
    pub sighting: Sighting,
}

/// What several hospitals can share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Key {
    /// An attacker-side value.
    Indicator {
        /// The value.
        observable: Observable,
    },
    /// A supplier, together with a rule family.
    Supplier {
        /// Id from the supplier list.
        supplier: String,
        /// The family.
        family: String,
    },
    /// A rule family alone.
    Family {
        /// The family.
        family: String,
    },
}

impl Key {
    /// What is shared, in one word.
    pub fn shared(&self) -> Shared {
        match self {
            Self::Indicator { .. } => Shared::Indicator,
            Self::Supplier { .. } => Shared::Supplier,
            Self::Family { .. } => Shared::Family,
        }
    }

    /// The text under which a hub stores and finds it.
    pub fn text(&self) -> String {
        match self {
            Self::Indicator { observable } => format!("indicator|{}|{}", observable.kind.as_str(), observable.value),
            Self::Supplier { supplier, family } => format!("supplier|{supplier}|{family}"),
            Self::Family { family } => format!("family|{family}"),
        }
    }

    /// The id of the cluster that this key founds. Two hubs derive the same one. Shape: UUID version 8.
    pub fn cluster(&self) -> Uuid {
        let digest = Sha256::new().chain_update(b"lazaret cluster 1\0").chain_update(self.text()).finalize();
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// Every key of one sighting, the most telling first. Hospitals that hit different indicators share nothing by that.
pub fn keys(sighting: &Sighting) -> Vec<Key> {
    let indicators = sighting.observables.iter().map(|observable| Key::Indicator { observable: observable.clone() });
    let family = &sighting.family;
    let suppliers =
        sighting.suppliers.iter().map(|supplier| Key::Supplier { supplier: supplier.clone(), family: family.clone() });
    if family == INDICATOR_FAMILY {
        return indicators.collect();
    }
    indicators.chain(suppliers).chain([Key::Family { family: family.clone() }]).collect()
}

/// When hospitals that share something are enough, and for how long a sighting counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Hospitals that must share one attacker-side value.
    pub indicator_hospitals: u32,
    /// Hours within which they must.
    pub indicator_window_hours: u32,
    /// Hospitals that must share a supplier and a family.
    pub supplier_hospitals: u32,
    /// Hours within which they must.
    pub supplier_window_hours: u32,
    /// Hospitals that must show the same family and nothing else in common.
    pub family_hospitals: u32,
    /// Hours within which they must.
    pub family_window_hours: u32,
    /// A rule younger than this many hours may itself be the cause.
    pub young_rule_hours: u32,
    /// From this share of all members on, a young rule is suspected. Units: percent.
    pub everyone_percent: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            indicator_hospitals: 2,
            indicator_window_hours: 96,
            supplier_hospitals: 2,
            supplier_window_hours: 48,
            family_hospitals: 3,
            family_window_hours: 24,
            young_rule_hours: 24,
            everyone_percent: 50,
        }
    }
}

impl Thresholds {
    fn of(&self, shared: Shared) -> (u32, u32) {
        match shared {
            Shared::Indicator => (self.indicator_hospitals, self.indicator_window_hours),
            Shared::Supplier => (self.supplier_hospitals, self.supplier_window_hours),
            Shared::Family => (self.family_hospitals, self.family_window_hours),
        }
    }

    /// The longest window: older sightings need not be loaded.
    pub fn window_hours_max(&self) -> u32 {
        self.indicator_window_hours.max(self.supplier_window_hours).max(self.family_window_hours)
    }
}

/// Hospitals that are one attack, and why we think so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// What founds it; its id comes from this.
    pub key: Key,
    /// Everything the same hospitals share, the founding key included.
    pub keys: Vec<Key>,
    /// The organisations.
    pub hospitals: BTreeSet<String>,
    /// The sightings behind it.
    pub sightings: Vec<Uuid>,
    /// How many hospitals were asked for.
    pub threshold: u32,
    /// Within how many hours.
    pub window_hours: u32,
    /// The attacker-side values that at least two of the hospitals share.
    pub observables: Vec<Observable>,
    /// Suppliers that all of the hospitals share; empty where there is none.
    pub suppliers: Vec<String>,
    /// Rule families seen, the most frequent first.
    pub families: Vec<String>,
    /// Countries seen.
    pub countries: BTreeSet<String>,
    /// The gravest level seen.
    pub level: Level,
}

/// What the hub makes of one more sighting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing to tell yet.
    Nothing,
    /// Several hospitals are one attack.
    Propose(Box<Cluster>),
    /// Many fire one young rule and share nothing else: a person looks at the rule.
    RuleSuspected {
        /// The rule.
        rule_id: String,
        /// How many organisations fired it.
        hospitals: u32,
    },
}

/// Judges one new sighting against those that share a key with it (the new one may be among them).
/// `members` is how many organisations this hub has. Drills are judged among drills only.
pub fn judge(new: &Seen, related: &[Seen], members: u32, thresholds: &Thresholds, now: Timestamp) -> Judgement {
    let mut suspected = Judgement::Nothing;
    for key in keys(&new.sighting) {
        let (threshold, window_hours) = thresholds.of(key.shared());
        let since = now - SignedDuration::from_hours(i64::from(window_hours));
        let sharing: Vec<&Seen> = std::iter::once(new)
            .chain(related.iter().filter(|seen| seen.sighting.id != new.sighting.id))
            .filter(|seen| seen.sighting.drill == new.sighting.drill && seen.received_at >= since)
            .filter(|seen| keys(&seen.sighting).contains(&key))
            .filter(|seen| counts(seen, key.shared()))
            .collect();
        let hospitals: BTreeSet<&str> = sharing.iter().map(|seen| seen.hospital.as_str()).collect();
        let enough = hospitals.len() >= threshold as usize;
        let grave = sharing.iter().any(|seen| seen.sighting.level >= Level::High);
        if !enough || !grave {
            continue;
        }
        if key.shared() != Shared::Indicator && everyone_at_once(&sharing, members, thresholds) {
            suspected = Judgement::RuleSuspected {
                rule_id: new.sighting.rule_id.clone(),
                hospitals: u32::try_from(hospitals.len()).unwrap_or(u32::MAX),
            };
            continue;
        }
        return Judgement::Propose(Box::new(cluster(key, &sharing, threshold, window_hours)));
    }
    suspected
}

/// Whether a new cluster is one more side of an attack that was warned of already: a supplier that all hospitals of
/// both share, and as many hospitals in both as make a machine's warning. The caller gives hospitals of the new cluster's
/// window only, so that the two overlap in time.
pub fn is_one_more_side(new: &Cluster, warned_suppliers: &[String], warned_hospitals: &BTreeSet<String>) -> bool {
    let in_both = new.hospitals.intersection(warned_hospitals).count();
    in_both >= CORRELATED_HOSPITALS_MIN as usize
        && new.suppliers.iter().any(|supplier| warned_suppliers.contains(supplier))
}

/// Whether a sighting says anything about an attack when this is what is shared. A value that several hospitals met in
/// a medium rule counts beside a grave one elsewhere; a family or supplier counts only where it is grave and not the
/// hospital's everyday.
fn counts(seen: &Seen, shared: Shared) -> bool {
    match shared {
        Shared::Indicator => seen.sighting.level >= Level::Medium,
        Shared::Supplier | Shared::Family => seen.sighting.level >= Level::High && !seen.familiar,
    }
}

fn everyone_at_once(sharing: &[&Seen], members: u32, thresholds: &Thresholds) -> bool {
    let young = SignedDuration::from_hours(i64::from(thresholds.young_rule_hours));
    let firing: BTreeSet<&str> = sharing
        .iter()
        .filter(|seen| seen.received_at.duration_since(seen.sighting.rule_since) < young)
        .map(|seen| seen.hospital.as_str())
        .collect();
    let share = firing.len() as u64 * 100;
    firing.len() >= 2 && share >= u64::from(members) * u64::from(thresholds.everyone_percent)
}

fn cluster(key: Key, sharing: &[&Seen], threshold: u32, window_hours: u32) -> Cluster {
    let hospitals: BTreeSet<String> = sharing.iter().map(|seen| seen.hospital.clone()).collect();
    let observables = shared_by_two(sharing);
    let suppliers = shared_by_all(sharing);
    let families = by_frequency(sharing.iter().map(|seen| seen.sighting.family.clone()));
    let mut keys = vec![key.clone()];
    for observable in &observables {
        let more = Key::Indicator { observable: observable.clone() };
        if !keys.contains(&more) {
            keys.push(more);
        }
    }
    if key.shared() != Shared::Family {
        for supplier in &suppliers {
            let family = families.first().cloned().unwrap_or_default();
            let more = Key::Supplier { supplier: supplier.clone(), family };
            if !keys.contains(&more) {
                keys.push(more);
            }
        }
    }
    Cluster {
        keys,
        hospitals,
        sightings: sharing.iter().map(|seen| seen.sighting.id).collect(),
        threshold,
        window_hours,
        observables,
        suppliers,
        families,
        countries: sharing.iter().map(|seen| seen.sighting.country.clone()).collect(),
        level: sharing.iter().map(|seen| seen.sighting.level).max().unwrap_or(Level::High),
        key,
    }
}

fn shared_by_two(sharing: &[&Seen]) -> Vec<Observable> {
    let mut holders: BTreeMap<&Observable, BTreeSet<&str>> = BTreeMap::new();
    for seen in sharing {
        for observable in &seen.sighting.observables {
            holders.entry(observable).or_default().insert(&seen.hospital);
        }
    }
    holders
        .into_iter()
        .filter(|(_, hospitals)| hospitals.len() >= 2)
        .map(|(observable, _)| observable.clone())
        .collect()
}

fn shared_by_all(sharing: &[&Seen]) -> Vec<String> {
    let hospitals: BTreeSet<&str> = sharing.iter().map(|seen| seen.hospital.as_str()).collect();
    let mut holders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for seen in sharing {
        for supplier in &seen.sighting.suppliers {
            holders.entry(supplier).or_default().insert(&seen.hospital);
        }
    }
    holders
        .into_iter()
        .filter(|(_, holding)| holding.len() == hospitals.len())
        .map(|(supplier, _)| supplier.to_owned())
        .collect()
}

fn by_frequency(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let mut words: Vec<(String, usize)> = counts.into_iter().collect();
    words.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    words.into_iter().map(|(word, _)| word).collect()
}

#[cfg(test)]
mod tests;

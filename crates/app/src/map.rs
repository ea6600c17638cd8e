//! Where and when: sightings by country for the map, and by cluster and hour for the strip under it.

use std::collections::BTreeMap;

use domain::cluster::{self, Key};
use domain::release::Shared;
use domain::telemetry::Level;
use jiff::Timestamp;
use store::{RecordQuery, SightingQuery};
use uuid::Uuid;

use crate::{App, Result};

/// The most sightings a strip looks at; the page says when there were more.
const STRIP_SIGHTINGS_MAX: u32 = 20_000;
/// The most lanes a strip shows: those with the most hospitals.
const LANES_MAX: usize = 12;

/// One country of the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountryRow {
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// Hospitals with a sighting in the window.
    pub hospitals: u64,
    /// Their sightings.
    pub sightings: u64,
    /// The gravest level.
    pub level: Option<Level>,
}

/// The strip of hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// One lane a cluster, indicator, supplier or family.
    pub lanes: Vec<Lane>,
    /// Whether there were more sightings than it looks at.
    pub cut: bool,
}

/// One lane of the strip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// What its sightings share.
    pub label: String,
    /// What sort of thing that is.
    pub shared: Shared,
    /// The warning that speaks of it.
    pub warning: Option<Uuid>,
    /// Its sightings; coincident ones are one dot with a count.
    pub dots: Vec<Dot>,
    /// When a warning went out.
    pub warned_at: Option<Timestamp>,
    /// Distinct hospitals.
    pub hospitals: u64,
}

/// Sightings of one hospital in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dot {
    /// The hour it was received in.
    pub at: Timestamp,
    /// The hospital.
    pub hospital: String,
    /// Sightings.
    pub count: u64,
}

impl App {
    /// When the newest sighting was received; none before the first.
    pub async fn newest_sighting(&self) -> Result<Option<Timestamp>> {
        Ok(self.store.newest_sighting().await?)
    }

    /// Sightings by country from a moment on and before another.
    pub async fn map(&self, from: Timestamp, to: Timestamp) -> Result<Vec<CountryRow>> {
        let rows = self.store.sighting_counts_by_country(from, to).await?;
        Ok(rows
            .into_iter()
            .map(|row| CountryRow {
                country: row.country,
                hospitals: row.hospitals,
                sightings: row.sightings,
                level: Some(row.level_max),
            })
            .collect())
    }

    /// Sightings by what they share, hour by hour.
    pub async fn strip(&self, from: Timestamp, to: Timestamp) -> Result<Strip> {
        let query =
            SightingQuery { since: Some(from), until: Some(to), limit: STRIP_SIGHTINGS_MAX, ..Default::default() };
        let seen = self.store.sightings(query).await?;
        let cut = seen.len() >= STRIP_SIGHTINGS_MAX as usize;
        let mut by_key: BTreeMap<Key, BTreeMap<(Timestamp, String), u64>> = BTreeMap::new();
        for one in &seen {
            let hour = hour_of(one.received_at);
            for key in cluster::keys(&one.sighting) {
                *by_key.entry(key).or_default().entry((hour, one.hospital.clone())).or_default() += 1;
            }
        }
        let warnings = self.warnings(RecordQuery { limit: 200, ..RecordQuery::default() }).await?;
        let mut lanes: Vec<Lane> = by_key.into_iter().map(|(key, dots)| lane(&key, dots)).collect();
        lanes.sort_by(|one, other| other.hospitals.cmp(&one.hospitals).then(one.shared.cmp(&other.shared)));
        lanes.truncate(LANES_MAX);
        for lane in &mut lanes {
            let speaks = warnings.items.iter().find(|row| {
                row.content.indicators.iter().any(|indicator| indicator.value == lane.label)
                    || row.content.family == lane.label
            });
            lane.warning = speaks.map(|row| row.id.0);
            lane.warned_at = speaks.and_then(|row| row.warning.sent.as_ref().map(|sent| sent.at));
        }
        Ok(Strip { from, to, lanes, cut })
    }
}

fn lane(key: &Key, dots: BTreeMap<(Timestamp, String), u64>) -> Lane {
    let label = match key {
        Key::Indicator { observable } => observable.value.clone(),
        Key::Supplier { supplier, family } => format!("{supplier}: {family}"),
        Key::Family { family } => family.clone(),
    };
    let hospitals: std::collections::BTreeSet<&String> = dots.keys().map(|(_, hospital)| hospital).collect();
    Lane {
        label,
        shared: key.shared(),
        warning: None,
        warned_at: None,
        hospitals: hospitals.len() as u64,
        dots: dots.into_iter().map(|((at, hospital), count)| Dot { at, hospital, count }).collect(),
    }
}

fn hour_of(time: Timestamp) -> Timestamp {
    let seconds = time.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(3_600)).unwrap_or(time)
}

//! The theatre's picture of a run, made from the record: which hospital saw its first sign when, what reached which
//! hub, who was warned. A file of its own because it turns observations into the page's plain data and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use app::RecordQuery;
use app::observe::{Observed, What};
use domain::party::NodeId;
use domain::release::{Basis, Shared};
use uuid::Uuid;
use web::theatre::{Attack, Hospital, Hub, Moment, Progress, TheatreData, What as Shows};

use super::record::Record;
use super::stage::{self, Stage};
use super::world::World;
use crate::content::cast::SEATS_FIRST_COUNTRY;

/// What is needed to draw a run at any time. Clones share it.
#[derive(Clone)]
pub struct Picture {
    stage: Arc<Stage>,
    record: Record,
    known: Arc<Mutex<Known>>,
}

/// What only the running world can tell.
#[derive(Default)]
struct Known {
    hubs: Vec<NodeId>,
    hub_names: Vec<String>,
    hospitals: Vec<NodeId>,
    shared: BTreeMap<Uuid, Shared>,
    titles: BTreeMap<Uuid, String>,
    over: bool,
}

impl Picture {
    /// A picture of a run that has not begun.
    pub fn new(stage: Arc<Stage>, record: Record) -> Self {
        Self { stage, record, known: Arc::default() }
    }

    /// Learns who the nodes are.
    pub fn know(&self, world: &World) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let hubs = || std::iter::once(&world.union).chain(&world.hubs);
        known.hubs = hubs().map(|hub| hub.id()).collect();
        known.hub_names = hubs().map(|hub| hub.app().name().to_owned()).collect();
        known.hospitals = world.hospitals.iter().map(|node| node.id()).collect();
    }

    /// Learns what the warnings say, when the run is over.
    pub async fn finish(&self, world: &World) -> anyhow::Result<()> {
        let (mut shared, mut titles) = (BTreeMap::new(), BTreeMap::new());
        for hub in std::iter::once(&world.union).chain(&world.hubs) {
            let rows = hub.app().warnings(RecordQuery { limit: 1_000, ..RecordQuery::default() }).await?;
            for row in rows.items {
                if let Basis::Correlated { shared: by, .. } = row.content.basis {
                    shared.insert(row.warning.cluster, by);
                }
                titles.insert(row.warning.cluster, row.content.title);
            }
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (known.shared, known.titles, known.over) = (shared, titles, true);
        Ok(())
    }

    /// The page's data as of now.
    pub fn data(&self) -> TheatreData {
        let record = self.record.all();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let attacks = self.stage.attacks.iter().map(|attack| self.attack(attack, &record, &known)).collect();
        TheatreData { attacks }
    }

    fn attack(&self, attack: &stage::Attack, record: &[Observed], known: &Known) -> Attack {
        let hospitals = self.stage.cast.seats.iter().enumerate().map(|(seat, at)| Hospital {
            name: at.names.title.clone(),
            country: at.country.to_owned(),
            hub: 1 + usize::from(seat >= SEATS_FIRST_COUNTRY),
        });
        let scenario = &attack.scenario;
        Attack {
            key: scenario.id.clone(),
            title: format!("{} ({})", scenario.title, scenario.label),
            hubs: known.hub_names.iter().map(|name| Hub { name: name.clone() }).collect(),
            hospitals: hospitals.collect(),
            moments: Moments::new(attack, known, record).of(record),
            // moments carry the attack's own time, not the replay's
            minutes_a_second: None,
            progress: if known.over { Progress::Over } else { Progress::Unfolding },
        }
    }
}

/// Turns observations of one attack into moments.
struct Moments<'a> {
    attack: &'a stage::Attack,
    known: &'a Known,
    /// Which hospital a sighting came from.
    origin: BTreeMap<Uuid, usize>,
    signed: BTreeSet<usize>,
    sighted: BTreeSet<(usize, usize)>,
    warned: BTreeSet<(usize, Uuid)>,
}

impl<'a> Moments<'a> {
    fn new(attack: &'a stage::Attack, known: &'a Known, record: &[Observed]) -> Self {
        let families = &attack.families;
        let origin = record.iter().filter_map(|one| match &one.what {
            What::SightingCommitted { id, family } if families.contains(family) => {
                Some((*id, known.hospitals.iter().position(|node| *node == one.node)?))
            }
            _ => None,
        });
        Self {
            attack,
            known,
            origin: origin.collect(),
            signed: BTreeSet::new(),
            sighted: BTreeSet::new(),
            warned: BTreeSet::new(),
        }
    }

    fn of(mut self, record: &[Observed]) -> Vec<Moment> {
        // the last warning of an attack may land a moment after its last line
        let until = self.attack.to + jiff::SignedDuration::from_hours(1);
        let within = |one: &&Observed| one.time >= self.attack.from && one.time <= until;
        let during: Vec<&Observed> = record.iter().filter(within).collect();
        during.into_iter().filter_map(|one| Some(Moment { at: one.time, what: self.shows(one)? })).collect()
    }

    fn shows(&mut self, one: &Observed) -> Option<Shows> {
        let hospital = self.known.hospitals.iter().position(|node| *node == one.node);
        let hub = self.known.hubs.iter().position(|node| *node == one.node);
        match &one.what {
            What::Alert { family, title, .. } => {
                let hospital = hospital?;
                let first = self.attack.families.contains(family) && self.signed.insert(hospital);
                first.then(|| Shows::FirstSign { hospital, rule: title.clone() })
            }
            What::SightingReceived { id, .. } => {
                let (hospital, hub) = (*self.origin.get(id)?, hub?);
                self.sighted.insert((hospital, hub)).then_some(Shows::Sighting { hospital, hub })
            }
            What::Proposed { cluster, hospitals, .. } => {
                let shared = self.known.shared.get(cluster).copied().unwrap_or(Shared::Indicator);
                Some(Shows::Correlation { hub: hub?, hospitals: *hospitals, shared })
            }
            What::Sent { cluster, .. } => {
                let title = self.known.titles.get(cluster).cloned().unwrap_or_default();
                Some(Shows::Warning { hub: hub?, title })
            }
            What::Received { cluster, verdict, withdrawal: false, .. } => {
                let hospital = hospital?;
                let first = self.warned.insert((hospital, *cluster));
                first.then_some(Shows::Warned { hospital, verdict: *verdict })
            }
            What::SightingCommitted { .. } | What::RuleSuspected { .. } | What::Received { .. } => None,
        }
    }
}

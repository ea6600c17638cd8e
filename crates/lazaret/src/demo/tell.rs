//! Tells what happens as it happens: calm, aligned, one line an event. A file of its own because the words of the story
//! are here and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use app::observe::{Observed, What};
use domain::party::NodeId;
use domain::telemetry::{Level, Verdict};
use jiff::Timestamp;
use uuid::Uuid;

use super::world::World;
use crate::output::{Colours, Tone};

/// Tells a story once: what was said is not said again.
pub struct Teller {
    colours: Colours,
    width: usize,
    names: BTreeMap<NodeId, String>,
    hospitals: BTreeSet<NodeId>,
    families: BTreeSet<String>,
    committed: BTreeMap<Uuid, (NodeId, Instant, String)>,
    deciding: BTreeMap<Uuid, Uuid>,
    /// What was said of the attack that goes on.
    said: BTreeSet<String>,
}

impl Teller {
    /// A teller for these nodes.
    pub fn new(world: &World, colours: Colours) -> Self {
        let names: BTreeMap<NodeId, String> =
            world.nodes().map(|node| (node.id(), node.app().name().to_owned())).collect();
        Self {
            colours,
            width: names.values().map(|name| name.chars().count()).max().unwrap_or(20),
            names,
            hospitals: world.hospitals.iter().map(|node| node.id()).collect(),
            families: BTreeSet::new(),
            committed: BTreeMap::new(),
            deciding: BTreeMap::new(),
            said: BTreeSet::new(),
        }
    }

    /// An attack begins: of sightings only those of its families are told, and everything may be said again.
    pub fn begin(&mut self, families: &BTreeSet<String>) {
        self.families.clone_from(families);
        self.said.clear();
    }

    /// One line of the story.
    pub fn line(&self, at: Timestamp, place: &str, what: &str, tone: Tone, says: &str) -> String {
        let when = at.strftime("%a %d %b %H:%M").to_string();
        let width = self.width;
        let place = format!("{place:<width$}");
        let what = self.colours.paint(tone, &format!("{what:<12}"));
        format!("{}  {place}  {what}  {says}", self.colours.paint(Tone::Quiet, &when))
    }

    /// What an observation adds to the story; none where it was said or is everyday.
    pub fn tell(&mut self, one: &Observed) -> Option<String> {
        let (what, tone, says) = self.says(one)?;
        let new = self.said.insert(format!("{}|{what}|{says}", one.name));
        let says = match &one.what {
            What::Received { cluster, .. } => format!("{says}{}", self.took(*cluster, one.at)),
            _ => says,
        };
        new.then(|| self.line(one.time, &one.name, what, tone, &says))
    }

    fn says(&mut self, one: &Observed) -> Option<(&'static str, Tone, String)> {
        match &one.what {
            What::Alert { title, level, .. } => (*level >= Level::High).then(|| ("alert", Tone::Strong, title.clone())),
            What::SightingCommitted { id, family } => {
                self.committed.insert(*id, (one.node.clone(), one.at, family.clone()));
                None
            }
            What::SightingReceived { id, .. } => {
                let (from, _, family) = self.committed.get(id)?;
                let from = self.names.get(from)?;
                self.families.contains(family).then(|| ("sighting", Tone::Plain, format!("{family}, from {from}")))
            }
            What::Proposed { cluster, hospitals, deciding } => {
                self.deciding.insert(*cluster, *deciding);
                Some(("correlation", Tone::Strong, format!("{hospitals} hospitals are one attack")))
            }
            What::RuleSuspected { .. } => Some((
                "rule",
                Tone::Plain,
                "many fire one young rule: the rule is suspected, nobody is warned".to_owned(),
            )),
            What::Sent { version, .. } => Some(("warning", Tone::Alarm, format!("sent, version {version}"))),
            What::Received { verdict, title, withdrawal: false, .. } if self.hospitals.contains(&one.node) => {
                let (what, tone) = verdict_word(*verdict);
                Some((what, tone, title.clone()))
            }
            What::Received { withdrawal: true, .. } => {
                Some(("withdrawn", Tone::Plain, "leaves the engine again".to_owned()))
            }
            What::Received { .. } => None,
        }
    }

    /// How long after the commit of the deciding sighting.
    fn took(&self, cluster: Uuid, at: Instant) -> String {
        let from = self.deciding.get(&cluster).and_then(|deciding| self.committed.get(deciding));
        let took = from
            .map(|(_, from, _)| format!("  ({} ms after the deciding sighting)", at.duration_since(*from).as_millis()));
        self.colours.paint(Tone::Quiet, &took.unwrap_or_default())
    }
}

fn verdict_word(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Hit => ("ALREADY HIT", Tone::Alarm),
        Verdict::Exposed => ("WARNED", Tone::Good),
        Verdict::NotConcerned => ("no concern", Tone::Quiet),
        Verdict::CannotTell => ("cannot tell", Tone::Quiet),
    }
}

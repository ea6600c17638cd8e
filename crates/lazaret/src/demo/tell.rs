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
    alerts: BTreeSet<Uuid>,
    committed: BTreeMap<Uuid, (NodeId, Instant)>,
    sighted: BTreeSet<(NodeId, Uuid)>,
    deciding: BTreeMap<Uuid, Uuid>,
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
            alerts: BTreeSet::new(),
            committed: BTreeMap::new(),
            sighted: BTreeSet::new(),
            deciding: BTreeMap::new(),
        }
    }

    /// One line of the story.
    pub fn line(&self, at: Timestamp, place: &str, what: &str, tone: Tone, says: &str) -> String {
        let when = at.strftime("%a %d %b %H:%M").to_string();
        let width = self.width;
        let place = format!("{place:<width$}");
        let what = self.colours.paint(tone, &format!("{what:<12}"));
        format!("{}  {place}  {what}  {says}", self.colours.paint(Tone::Quiet, &when))
    }

    /// What an observation adds to the story; none where it was told or is everyday.
    pub fn tell(&mut self, one: &Observed) -> Option<String> {
        let at = |teller: &Self, what: &str, tone: Tone, says: &str| {
            Some(teller.line(one.time, &one.name, what, tone, says))
        };
        match &one.what {
            What::Alert { id, title, level, host, .. } => {
                let new = self.alerts.insert(*id) && *level >= Level::High;
                new.then(|| self.line(one.time, &one.name, "alert", Tone::Strong, &format!("{title} ({host})")))
            }
            What::SightingCommitted { id, .. } => {
                self.committed.insert(*id, (one.node.clone(), one.at));
                None
            }
            What::SightingReceived { id, .. } => {
                if !self.sighted.insert((one.node.clone(), *id)) {
                    return None;
                }
                let from = self.committed.get(id).and_then(|(node, _)| self.names.get(node));
                at(self, "sighting", Tone::Plain, &format!("from {}", from.map_or("a hospital", String::as_str)))
            }
            What::Proposed { cluster, hospitals, deciding } => {
                self.deciding.insert(*cluster, *deciding);
                at(self, "correlation", Tone::Strong, &format!("{hospitals} hospitals are one attack"))
            }
            What::RuleSuspected { hospitals, .. } => at(
                self,
                "rule",
                Tone::Plain,
                &format!("{hospitals} hospitals fire one young rule: the rule is suspected"),
            ),
            What::Sent { version, .. } => at(self, "warning", Tone::Alarm, &format!("sent, version {version}")),
            What::Received { cluster, verdict, title, withdrawal: false, .. } => {
                let took = self.deciding.get(cluster).and_then(|deciding| self.committed.get(deciding));
                let took = took.map(|(_, from)| format!(" after {} ms", one.at.duration_since(*from).as_millis()));
                let (what, tone) = verdict_word(*verdict);
                let says = format!("{title}{}", self.colours.paint(Tone::Quiet, &took.unwrap_or_default()));
                at(self, what, tone, &says)
            }
            What::Received { withdrawal: true, .. } => at(self, "withdrawn", Tone::Plain, "leaves the engine again"),
        }
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

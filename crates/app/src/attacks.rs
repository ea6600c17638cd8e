//! What this node would see of attacks that are on record: their log lines run through the running engine, and each
//! stage is held against the sources that send. A file of its own because blindness is shown per stage, not per rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use detect::engine::{By, Carrier, RawEvent, Scanner};
use jiff::Timestamp;

use crate::{App, Result};

/// An attack as content carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAttack {
    /// Stable id.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// What screens must say about it: `reconstruction`.
    pub label: String,
    /// Its stages in order of time.
    pub stages: Vec<RecordedStage>,
}

/// One moment of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedStage {
    /// One or two words.
    pub stage: String,
    /// What happened, one or two sentences.
    pub seen: String,
    /// Whole days since the attack began.
    pub day: u32,
    /// The log lines that it leaves.
    pub events: Vec<RecordedEvent>,
}

/// One log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// How it arrives.
    pub carrier: Carrier,
    /// The time it says.
    pub at: Timestamp,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// An attack and what this node would see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttackView {
    /// Title for people.
    pub title: String,
    /// `reconstruction`.
    pub label: String,
    /// The stages in order.
    pub stages: Vec<StageView>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageView {
    /// Whole days since the attack began.
    pub day: u32,
    /// One or two words.
    pub stage: String,
    /// What happened.
    pub seen: String,
    /// What this node would do.
    pub sight: Sight,
}

/// What a node would see of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Rules would raise an alert: their titles.
    Alert(Vec<String>),
    /// The lines would be kept and no rule says anything; a later warning finds them by look-back.
    Kept,
    /// No source sends such lines.
    Blind {
        /// The guide that closes the gap: id and product.
        connect: Option<(String, String)>,
        /// The rules that would raise an alert then.
        rules: Vec<String>,
    },
}

impl App {
    /// The attacks on record, each stage held against the running engine and the sources that send.
    pub async fn attack_coverage(&self) -> Result<Vec<AttackView>> {
        let arriving: BTreeSet<String> = self.store.sources().await?.into_iter().map(|source| source.format).collect();
        let (engine, attacks) = (self.engine.engine(), Arc::clone(&self.attacks));
        let run = move || attacks.iter().map(|attack| run(&engine, attack)).collect::<Vec<_>>();
        let ran = tokio::task::spawn_blocking(run).await?;
        let view = |(attack, stages): (&RecordedAttack, Vec<BTreeMap<String, BTreeSet<String>>>)| AttackView {
            title: attack.title.clone(),
            label: attack.label.clone(),
            stages: attack
                .stages
                .iter()
                .zip(stages)
                .map(|(stage, by_shape)| StageView {
                    day: stage.day,
                    stage: stage.stage.clone(),
                    seen: stage.seen.clone(),
                    sight: self.sight(&by_shape, &arriving),
                })
                .collect(),
        };
        Ok(self.attacks.iter().zip(ran).map(view).collect())
    }

    fn sight(&self, by_shape: &BTreeMap<String, BTreeSet<String>>, arriving: &BTreeSet<String>) -> Sight {
        let titles = |shapes: &mut dyn Iterator<Item = (&String, &BTreeSet<String>)>| -> Vec<String> {
            shapes.flat_map(|(_, rules)| rules).cloned().collect::<BTreeSet<_>>().into_iter().collect()
        };
        let seen = titles(&mut by_shape.iter().filter(|(shape, _)| arriving.contains(*shape)));
        if !seen.is_empty() {
            return Sight::Alert(seen);
        }
        let missing = by_shape.iter().filter(|(shape, _)| !arriving.contains(*shape));
        let best = missing.clone().max_by_key(|(_, rules)| rules.len());
        let kept = by_shape.keys().any(|shape| arriving.contains(shape));
        match best {
            Some((shape, rules)) if !kept || !rules.is_empty() => {
                let guide = self.guide_of_shape(shape);
                let connect = guide.map(|guide| (guide.id.clone(), guide.name.clone()));
                Sight::Blind { connect, rules: rules.iter().cloned().collect() }
            }
            _ => Sight::Kept,
        }
    }
}

/// For each stage: the titles of the rules that fire, by the shape of the line that makes them fire.
fn run(engine: &Arc<detect::engine::Engine>, attack: &RecordedAttack) -> Vec<BTreeMap<String, BTreeSet<String>>> {
    let mut scanner = Scanner::new(Arc::clone(engine));
    let mut stages = Vec::new();
    for stage in &attack.stages {
        let mut by_shape: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (seq, event) in (0_u64..).zip(&stage.events) {
            let raw =
                RawEvent { seq, source: "record", carrier: event.carrier, received_at: event.at, bytes: &event.bytes };
            let scan = scanner.scan(&[raw], raw.received_at);
            let seen = scan.seen.iter().find(|seen| seen.seq == seq);
            let shape = seen.map_or("", |seen| seen.shape.as_deref().unwrap_or(seen.format));
            let rules = by_shape.entry(shape.to_owned()).or_default();
            rules.extend(scan.detections.iter().filter_map(|detection| match &detection.by {
                By::Rule(rule) => Some(rule.title.clone()),
                By::Indicator(_) => None,
            }));
        }
        stages.push(by_shape);
    }
    stages
}

//! The judgement of a run: who had to be warned, who was and how fast, and what should not have been. From the record
//! and from what the nodes' own use cases show, never from what the demo meant to happen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use app::observe::{Observed, What};
use app::{ReceivedWarning, RecordQuery};
use domain::party::NodeId;
use domain::release::WarningContent;
use domain::telemetry::Verdict;
use serde::Serialize;
use uuid::Uuid;

use super::record::Record;
use super::stage::{Attack, Stage};
use super::world::World;
use crate::content::cast::Variant;
use crate::node::Node;

/// From the sender's commit of the deciding sighting to the receiver's commit of the card.
pub const LATENCY_MAX: Duration = Duration::from_secs(5);

/// What became of one run.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// By attack.
    pub scenarios: Vec<ScenarioResult>,
    /// What should not have been, in words.
    pub false_warnings: Vec<String>,
}

/// What became of one attack in one run.
#[derive(Debug, Clone)]
pub struct ScenarioResult {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Seats of the hospitals that had to be warned.
    pub expected: BTreeSet<usize>,
    /// Who was, and how fast.
    pub warned: BTreeMap<usize, Duration>,
}

/// Figures over latencies.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Latency {
    /// How many.
    pub n: usize,
    /// The median, in milliseconds.
    pub p50: Option<u64>,
    /// The longest, in milliseconds.
    pub max: Option<u64>,
}

/// Figures over all runs: the last line of `demo --headless`.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    runs: u32,
    control: bool,
    expected_hospitals: usize,
    warned_hospitals: usize,
    latency_ms: Latency,
    false_warnings: usize,
    scenarios: Vec<ScenarioSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    #[serde(skip)]
    latencies: Vec<Duration>,
}

/// One attack over all runs.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioSummary {
    id: String,
    title: String,
    expected_hospitals: usize,
    warned_hospitals: usize,
    latency_ms: Latency,
    #[serde(skip)]
    latencies: Vec<Duration>,
}

impl Latency {
    fn of(latencies: &[Duration]) -> Self {
        let mut sorted: Vec<u64> =
            latencies.iter().map(|one| u64::try_from(one.as_millis()).unwrap_or(u64::MAX)).collect();
        sorted.sort_unstable();
        Self { n: sorted.len(), p50: sorted.get(sorted.len() / 2).copied(), max: sorted.last().copied() }
    }

    fn in_words(&self) -> String {
        match (self.p50, self.max) {
            (Some(p50), Some(max)) => format!("median {p50} ms, longest {max} ms"),
            _ => "no latency".to_owned(),
        }
    }
}

impl RunResult {
    /// One line for people.
    pub fn in_words(&self) -> String {
        let expected: usize = self.scenarios.iter().map(|one| one.expected.len()).sum();
        let latencies: Vec<Duration> = self.scenarios.iter().flat_map(|one| one.warned.values().copied()).collect();
        let warned = latencies.len();
        let mut text = format!("{warned} of {expected} hospitals warned, {}", Latency::of(&latencies).in_words());
        for problem in &self.false_warnings {
            text.push_str(&format!("\n  FALSE: {problem}"));
        }
        text
    }
}

impl Summary {
    /// Nothing yet.
    pub fn new(control: bool) -> Self {
        Self {
            runs: 0,
            control,
            expected_hospitals: 0,
            warned_hospitals: 0,
            latency_ms: Latency::default(),
            false_warnings: 0,
            scenarios: Vec::new(),
            problems: Vec::new(),
            latencies: Vec::new(),
        }
    }

    /// Adds a run.
    pub fn add(&mut self, run: RunResult) {
        self.runs += 1;
        self.false_warnings += run.false_warnings.len();
        self.problems.extend(run.false_warnings.into_iter().take(20));
        for result in run.scenarios {
            self.expected_hospitals += result.expected.len();
            self.warned_hospitals += result.warned.len();
            self.latencies.extend(result.warned.values());
            let place = self.scenarios.iter().position(|one| one.id == result.id);
            let place = place.unwrap_or_else(|| {
                self.scenarios.push(ScenarioSummary::new(&result));
                self.scenarios.len() - 1
            });
            self.scenarios[place].add(&result);
        }
        self.latency_ms = Latency::of(&self.latencies);
    }

    /// Whether the promises held: everybody warned in time and nobody else, or in the control nobody at all.
    pub fn held(&self) -> bool {
        let in_time = self.latencies.iter().all(|one| *one < LATENCY_MAX);
        let everybody = self.warned_hospitals == self.expected_hospitals;
        let somebody = self.control || self.expected_hospitals > 0;
        self.runs > 0 && self.false_warnings == 0 && in_time && everybody && somebody
    }

    /// A few lines for people.
    pub fn in_words(&self) -> String {
        let mut text = format!(
            "{} runs: {} of {} hospitals warned, {}, {} false warnings",
            self.runs,
            self.warned_hospitals,
            self.expected_hospitals,
            self.latency_ms.in_words(),
            self.false_warnings
        );
        for one in &self.scenarios {
            text.push_str(&format!(
                "\n  {}: {} of {}, {}",
                one.title,
                one.warned_hospitals,
                one.expected_hospitals,
                one.latency_ms.in_words()
            ));
        }
        text.push_str(if self.held() { "\nEvery promise held." } else { "\nA promise did NOT hold." });
        text
    }
}

impl ScenarioSummary {
    fn new(result: &ScenarioResult) -> Self {
        Self {
            id: result.id.clone(),
            title: result.title.clone(),
            expected_hospitals: 0,
            warned_hospitals: 0,
            latency_ms: Latency::default(),
            latencies: Vec::new(),
        }
    }

    fn add(&mut self, result: &ScenarioResult) {
        self.expected_hospitals += result.expected.len();
        self.warned_hospitals += result.warned.len();
        self.latencies.extend(result.warned.values());
        self.latency_ms = Latency::of(&self.latencies);
    }
}

impl Attack {
    /// Whether a warning speaks of this attack: by a value that all its hospitals saw, or by their common supplier and
    /// one of the attack's families.
    pub fn is_meant_by(&self, content: &WarningContent) -> bool {
        let by_value = content.indicators.iter().any(|one| self.shared_values.contains(&one.value.to_lowercase()));
        let by_supplier = content.suppliers.iter().any(|one| self.shared_suppliers.contains(one))
            && self.families.contains(&content.family);
        by_value || by_supplier
    }
}

/// Judges a run that has settled.
pub async fn judge(stage: &Stage, world: &World, record: &Record) -> anyhow::Result<RunResult> {
    anyhow::ensure!(record.lost() == 0, "{} observations were lost: nothing can be judged", record.lost());
    let record = record.all();
    let mut false_warnings = Vec::new();
    for hub in world.hubs.iter().chain([&world.union]) {
        false_warnings.extend(false_at_hub(stage, hub).await?);
    }
    let mut scenarios: Vec<ScenarioResult> = stage.attacks.iter().map(|attack| expected(stage, attack)).collect();
    for (seat, node) in world.hospitals.iter().enumerate() {
        for card in node.app().received().await? {
            let Some(content) = &card.content else { continue };
            match stage.attacks.iter().position(|attack| attack.is_meant_by(content)) {
                None => false_warnings.push(format!("{}: a card {:?} of no attack", node.app().name(), content.title)),
                Some(index) => {
                    let expected = scenarios[index].expected.contains(&seat);
                    let concerned = matches!(card.verdict, Verdict::Hit | Verdict::Exposed);
                    if concerned && !expected {
                        let name = node.app().name();
                        false_warnings.push(format!("{name}: {:?} says {}", content.title, card.verdict.as_str()));
                    }
                    if concerned && expected {
                        note_latency(&mut scenarios[index], seat, &card, node, &record);
                    }
                }
            }
        }
    }
    Ok(RunResult { scenarios, false_warnings })
}

fn expected(stage: &Stage, attack: &Attack) -> ScenarioResult {
    let expected = match stage.cast.variant {
        Variant::Attack => attack.scenario.pattern.seats.clone(),
        Variant::Control => BTreeSet::new(),
    };
    let (id, title) = (attack.scenario.id.clone(), attack.scenario.title.clone());
    ScenarioResult { id, title, expected, warned: BTreeMap::new() }
}

/// Warnings at a hub that speak of no attack, sent or only proposed.
async fn false_at_hub(stage: &Stage, hub: &Node) -> anyhow::Result<Vec<String>> {
    let rows = hub.app().warnings(RecordQuery { limit: 1_000, ..RecordQuery::default() }).await?;
    let none = |content: &WarningContent| !stage.attacks.iter().any(|attack| attack.is_meant_by(content));
    Ok(rows
        .items
        .iter()
        .filter(|row| none(&row.content))
        .map(|row| format!("{}: a warning {:?} of no attack", hub.app().name(), row.content.title))
        .collect())
}

/// The first card of an attack counts, and the sighting that decided its warning.
fn note_latency(result: &mut ScenarioResult, seat: usize, card: &ReceivedWarning, node: &Node, record: &[Observed]) {
    let Some(latency) = latency(card.release, &node.id(), record) else { return };
    let kept = result.warned.entry(seat).or_insert(latency);
    *kept = latency.min(*kept);
}

/// From the commit of the deciding sighting at its hospital to the first commit of the card here.
fn latency(release: Uuid, here: &NodeId, record: &[Observed]) -> Option<Duration> {
    let received = record.iter().find(|one| {
        one.node == *here && matches!(one.what, What::Received { release: of, withdrawal: false, .. } if of == release)
    })?;
    let (hub, cluster, sent_at) = record.iter().find_map(|one| match one.what {
        What::Sent { release: of, cluster, .. } if of == release => Some((&one.node, cluster, one.at)),
        _ => None,
    })?;
    let deciding = record.iter().rev().find_map(|one| match one.what {
        What::Proposed { cluster: of, deciding, .. } if of == cluster && one.node == *hub && one.at <= sent_at => {
            Some(deciding)
        }
        _ => None,
    })?;
    let committed: Instant = record.iter().rev().find_map(|one| match one.what {
        What::SightingCommitted { id, .. } if id == deciding && one.at <= sent_at => Some(one.at),
        _ => None,
    })?;
    Some(received.at.duration_since(committed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(warned: &[(usize, u64)], false_warnings: &[&str]) -> RunResult {
        RunResult {
            scenarios: vec![ScenarioResult {
                id: "x".to_owned(),
                title: "X".to_owned(),
                expected: BTreeSet::from([0, 1]),
                warned: warned.iter().map(|(seat, ms)| (*seat, Duration::from_millis(*ms))).collect(),
            }],
            false_warnings: false_warnings.iter().map(|one| (*one).to_owned()).collect(),
        }
    }

    fn held(runs: &[RunResult]) -> bool {
        let mut summary = Summary::new(false);
        runs.iter().cloned().for_each(|run| summary.add(run));
        summary.held()
    }

    #[test]
    fn a_run_holds_only_when_everybody_is_warned_in_time_and_nobody_else() {
        assert!(held(&[run(&[(0, 300), (1, 4_999)], &[])]));
        assert!(!held(&[run(&[(0, 300)], &[])]), "one hospital was not warned");
        assert!(!held(&[run(&[(0, 300), (1, 5_000)], &[])]), "too late");
        assert!(!held(&[run(&[(0, 300), (1, 300)], &["x"])]), "a false warning");
        assert!(!held(&[run(&[(0, 300), (1, 300)], &[]), run(&[], &[])]), "one bad run spoils all");
        assert!(!held(&[]), "no run is no proof");
    }

    #[test]
    fn the_last_line_has_the_promised_fields() {
        let mut summary = Summary::new(false);
        summary.add(run(&[(0, 300), (1, 500)], &[]));
        let line = serde_json::to_value(&summary).unwrap();
        assert_eq!(line["runs"], 1);
        assert_eq!(line["warned_hospitals"], 2);
        assert_eq!(line["latency_ms"], serde_json::json!({ "n": 2, "p50": 500, "max": 500 }));
        assert_eq!(line["false_warnings"], 0);
        assert_eq!(line["scenarios"][0]["warned_hospitals"], 2);
    }
}

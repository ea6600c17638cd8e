//! Which rule families the lines of an attack raise, found by running the engine over those lines alone. The judgement
//! needs it: a warning belongs to an attack only if the attack's own lines could have caused it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use detect::engine::{By, Engine, IndicatorSet, MappingSet, RawEvent, RuleSet, Scanner};
use jiff::Timestamp;

use crate::content::scenario::Beat;

/// Compiles the built-in rules without any warning's.
pub fn built_in_engine() -> anyhow::Result<Arc<Engine>> {
    let content = crate::load::content(None, &[])?;
    let (rules, _) = RuleSet::parse(&content.rules);
    let (mappings, _) = MappingSet::parse(&content.mappings);
    Ok(Arc::new(Engine::build(rules, mappings, IndicatorSet::default(), content.options)))
}

/// The families that beats raise, each hospital's on its own. `from` is when the story of the beats begins.
pub fn families<'a>(engine: &Arc<Engine>, beats: impl Iterator<Item = &'a Beat>, from: Timestamp) -> BTreeSet<String> {
    let mut by_hospital: BTreeMap<usize, Vec<&Beat>> = BTreeMap::new();
    for beat in beats {
        by_hospital.entry(beat.hospital).or_default().push(beat);
    }
    let mut families = BTreeSet::new();
    for beats in by_hospital.into_values() {
        let mut scanner = Scanner::new(Arc::clone(engine));
        for beat in beats {
            let lines = beat.lines(from + beat.offset);
            let events: Vec<RawEvent<'_>> = lines
                .iter()
                .zip(1..)
                .map(|((after, bytes), seq)| RawEvent {
                    seq,
                    source: &beat.source,
                    carrier: beat.carrier,
                    received_at: from + beat.offset + *after,
                    bytes,
                })
                .collect();
            let now = events.last().map_or(from, |event| event.received_at);
            for detection in scanner.scan(&events, now).detections {
                if let By::Rule(rule) = &detection.by {
                    families.insert(rule.family.clone());
                }
            }
        }
    }
    families
}

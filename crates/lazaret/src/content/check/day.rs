//! The ordinary day: no critical, few cards, every rule at most once, and enough lines of every rule's own source.
//! A file of its own because it is the slow check and needs one engine over all rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use detect::engine::{Engine, EngineOptions, IndicatorSet, Logsource, MappingSet, RawEvent, RuleSet, Scanner};
use domain::telemetry::Level;
use jiff::Timestamp;

use super::{Content, Finding, Report};
use crate::content::mutate::everything_of;
use crate::content::names::HospitalNames;
use crate::content::ordinary_day::{DayEvent, OrdinaryDay, Size};
use crate::content::rule_text;

/// The fewest lines of the whole day.
pub const DAY_LINES_MIN: usize = 100_000;
/// The fewest lines of a rule's own source.
pub const SOURCE_LINES_MIN: usize = 5_000;
/// The most rules that may fire on the day.
pub const CARDS_MAX: usize = 5;
/// The seed of the bundled day.
pub const DAY_SEED: u64 = 1;
/// Ids of the counting rules begin with this.
const COUNTS: &str = "counts ";
const PATH: &str = "ordinary_day";
const BATCH: usize = 1_000;

/// Replays the bundled day with every rule, packs included.
pub(super) fn check(content: &Content, mappings: &Arc<MappingSet>, report: &mut Report) {
    let begins = "2026-03-03T00:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let names = HospitalNames::draw(content, DAY_SEED, 0);
    let day = match names.and_then(|names| OrdinaryDay::new(content, DAY_SEED, &names, begins, Size::Whole)) {
        Ok(day) => day,
        Err(error) => return report.findings.push(Finding::of_file(PATH, format!("{error:#}"), "correct the file")),
    };
    let mut texts: Vec<_> = content
        .under("rules")
        .filter(|(path, _)| path.ends_with(".yml"))
        .map(|(path, text)| rule_text(path, text))
        .collect();
    let (rules, _) = RuleSet::parse(&texts);
    let sources: BTreeSet<Logsource> = rules.rules().iter().map(|rule| rule.meta.logsource.clone()).collect();
    for source in &sources {
        let [product, service, category] = [&source.product, &source.service, &source.category].map(Option::as_deref);
        texts.push(rule_text("counting", &everything_of(product, service, category, &format!("{COUNTS}{source}"))));
    }
    let (rules, _) = RuleSet::parse(&texts);
    let engine = Arc::new(Engine::build(
        rules,
        Arc::clone(mappings),
        IndicatorSet::build(std::iter::empty()),
        EngineOptions::default(),
    ));
    let replayed = replay(day, &engine);
    report.day_lines = replayed.lines;
    report.findings.extend(judge(&engine, &sources, &replayed));
    report.day_cards = replayed
        .fired
        .into_iter()
        .filter(|((id, _), _)| !id.starts_with(COUNTS))
        .map(|((_, title), count)| (title, count))
        .collect();
}

/// What came of a day.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// How many lines it had.
    pub lines: usize,
    /// How many of them no mapping recognised, with one example of each source.
    pub unrouted: BTreeMap<Arc<str>, (usize, String)>,
    /// How many could not be read.
    pub quarantined: usize,
    /// How often each rule fired, by id and title.
    pub fired: BTreeMap<(String, String), usize>,
    /// The gravest level that fired, counting rules aside.
    pub levels: BTreeMap<Level, usize>,
}

/// Runs a day through an engine, in batches as a node would.
pub(crate) fn replay(mut day: OrdinaryDay, engine: &Arc<Engine>) -> Replayed {
    let mut scanner = Scanner::new(Arc::clone(engine));
    let titles: BTreeMap<String, String> = engine.rules().map(|rule| (rule.id.clone(), rule.title.clone())).collect();
    let mut replayed = Replayed::default();
    loop {
        let batch: Vec<DayEvent> = day.by_ref().take(BATCH).collect();
        let Some(last) = batch.last() else { return replayed };
        let raw: Vec<RawEvent<'_>> = batch
            .iter()
            .enumerate()
            .map(|(seq, event)| RawEvent {
                seq: seq as u64,
                source: &event.source,
                carrier: event.carrier,
                received_at: event.time,
                bytes: &event.bytes,
            })
            .collect();
        let scan = scanner.scan(&raw, last.time);
        replayed.lines += batch.len();
        replayed.quarantined += scan.quarantined.len();
        for detection in scan.detections {
            let id = detection.rule_id().to_owned();
            if !id.starts_with(COUNTS) {
                *replayed.levels.entry(detection.level()).or_default() += 1;
            }
            let title = titles.get(&id).cloned().unwrap_or_default();
            *replayed.fired.entry((id, title)).or_default() += 1;
        }
        for seen in scan.seen.iter().filter(|seen| seen.routed == detect::engine::Routed::No) {
            let Some(event) = batch.get(seen.seq as usize) else { continue };
            let example = || (0, String::from_utf8_lossy(&event.bytes).into_owned());
            replayed.unrouted.entry(Arc::clone(&event.source)).or_insert_with(example).0 += 1;
        }
    }
}

fn judge(engine: &Engine, sources: &BTreeSet<Logsource>, replayed: &Replayed) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut need = |holds: bool, what: String, instead: &str| {
        if !holds {
            findings.push(Finding::of_file(PATH, what, instead));
        }
    };
    need(replayed.lines >= DAY_LINES_MIN, format!("only {} lines", replayed.lines), "raise the counts of the episodes");
    need(
        replayed.quarantined == 0,
        format!("{} lines cannot be read", replayed.quarantined),
        "write them as the device does",
    );
    for (source, (count, example)) in &replayed.unrouted {
        need(
            false,
            format!("{count} lines of {source} are recognised by no mapping, e.g. {example}"),
            "write them as the device does, or add a mapping",
        );
    }
    let cards: Vec<_> = replayed.fired.iter().filter(|((id, _), _)| !id.starts_with(COUNTS)).collect();
    for ((_, title), count) in &cards {
        need(**count <= 1, format!("{title:?} fires {count} times"), "make the rule more exact");
    }
    need(cards.len() <= CARDS_MAX, format!("{} rules fire", cards.len()), "make the rules more exact");
    let critical = replayed.levels.get(&Level::Critical).copied().unwrap_or(0);
    need(critical == 0, format!("{critical} critical detections"), "make the rule more exact");
    for source in sources {
        let count = replayed
            .fired
            .iter()
            .find(|((id, _), _)| *id == format!("{COUNTS}{source}"))
            .map_or(0, |(_, count)| *count);
        let rules = engine.rules().filter(|rule| &rule.logsource == source && !rule.id.starts_with(COUNTS)).count();
        need(
            count >= SOURCE_LINES_MIN,
            format!("{source}, the source of {rules} rules, has {count} lines"),
            "add episodes of this source",
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::check::{Depth, check};

    #[test]
    fn the_bundled_content_keeps_every_promise() {
        let report = check(&Content::builtin(), Depth::Day);
        let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{} findings:\n{}", told.len(), told.join("\n"));
        assert!(report.rules >= 130 && report.mutants == report.mutants_killed && report.mutants > 1_000);
        assert!(report.day_lines >= DAY_LINES_MIN);
    }

    #[test]
    fn a_rule_that_is_too_wide_is_found_on_the_day() {
        let mut content = Content::builtin();
        let bad = content.text("scenarios/bad-rule.yml").unwrap().to_owned();
        content.put("rules/bad-rule.yml", bad);
        let (mappings, _) = MappingSet::parse(&content.mappings());
        let mut report = Report::default();
        super::check(&content, &Arc::new(mappings), &mut report);
        assert!(
            report.findings.iter().any(|finding| finding.what.contains("a bad rule") && finding.what.contains("times"))
        );
    }
}

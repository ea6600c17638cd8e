//! SigmaHQ's rules over the ordinary day: what a hospital that adds them would see. Runs where their tree is at hand.
//! A file of its own because it needs files that are not part of this project.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use detect::engine::{Engine, EngineOptions, IndicatorSet, MappingSet, RuleOrigin, RuleSet, RuleText};
use domain::telemetry::Level;

use super::day::{CARDS_MAX, DAY_SEED, replay};
use crate::content::Content;
use crate::content::names::HospitalNames;
use crate::content::ordinary_day::{OrdinaryDay, Size};
use crate::output::print_line;

fn rule_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            rule_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            found.push(path);
        }
    }
}

/// With SigmaHQ's high and critical rules beside ours: no critical, and at most five different rules fire.
#[test]
fn the_ordinary_day_stays_quiet_with_sigma_hq() {
    #[allow(clippy::disallowed_methods, reason = "the environment is read in this crate only")]
    let Some(shared) = std::env::var_os("LAZARET_SHARED") else {
        print_line("LAZARET_SHARED is unset: SigmaHQ's rules were not replayed");
        return;
    };
    let mut files = Vec::new();
    for folder in ["rules", "rules-emerging-threats"] {
        rule_files(&Path::new(&shared).join("data/sigma").join(folder), &mut files);
    }
    let content = Content::builtin();
    let mut texts = content.rules(&[]);
    texts.extend(files.iter().filter_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        Some(RuleText { path: path.display().to_string(), text, origin: RuleOrigin::Local, mark: None })
    }));
    let (rules, _) = RuleSet::parse(&texts);
    assert!(rules.len() > 3_000, "{} rules loaded", rules.len());
    let (mappings, _) = MappingSet::parse(&content.mappings());
    let engine = Engine::build(rules, mappings, IndicatorSet::build(std::iter::empty()), EngineOptions::default());
    let levels: std::collections::BTreeMap<String, Level> =
        engine.rules().map(|rule| (rule.id.clone(), rule.level)).collect();
    let names = HospitalNames::draw(&content, DAY_SEED, 0).unwrap();
    let day =
        OrdinaryDay::new(&content, DAY_SEED, &names, "2026-03-03T00:00:00Z".parse().unwrap(), Size::Whole).unwrap();
    let replayed = replay(day, &Arc::new(engine));
    let grave: Vec<_> = replayed
        .fired
        .iter()
        .filter(|((id, _), _)| levels.get(id).is_some_and(|level| *level >= Level::High))
        .collect();
    print_line(&format!("levels: {:?}; high and critical: {grave:?}", replayed.levels));
    assert_eq!(replayed.levels.get(&Level::Critical), None);
    assert!(grave.len() <= CARDS_MAX);
}

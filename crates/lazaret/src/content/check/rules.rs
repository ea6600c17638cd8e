//! Rules: that they read, say what people need, fire on their samples and only there, and need every condition they have.
//! A file of its own because it is the largest check and replays samples for every mutant.

use std::collections::BTreeSet;
use std::sync::Arc;

use detect::engine::{Engine, EngineOptions, IndicatorSet, MappingSet, RuleMeta, RuleSet};

use super::{Content, Depth, Finding, Report};
use crate::content::mutate::{self, Effect};
use crate::content::samples::{self, Fires, Sample};
use crate::content::{pack, rule_text};

/// Checks every rule file.
pub(super) fn check(content: &Content, mappings: &Arc<MappingSet>, depth: Depth, report: &mut Report) {
    let categories: BTreeSet<String> = content
        .suppliers()
        .map(|list| list.categories.into_iter().map(|category| category.id).collect())
        .unwrap_or_default();
    let mut catalogue = BTreeSet::new();
    for (path, text) in content.under("rules").filter(|(path, _)| path.ends_with(".yml")) {
        let Some(engine) = engine(path, text, mappings, report) else { continue };
        let visible: Vec<RuleMeta> =
            engine.rules().filter(|rule| rule.custom.contains_key("family")).cloned().collect();
        let [rule] = visible.as_slice() else {
            let what = format!("{} rules with lazaret.family", visible.len());
            report.findings.push(Finding::of_file(
                path,
                what,
                "one rule that people see in each file; its parts have no lazaret.family",
            ));
            continue;
        };
        report.rules += 1;
        catalogue.extend(rule.custom.get("catalogue").into_iter().flatten().cloned());
        report.findings.extend(words(path, rule, &categories));
        report.findings.extend(unseen(path, &engine));
        check_samples(content, (path, text), rule, &engine, mappings, depth, report);
    }
    report.findings.extend(catalogue_gaps(content, &catalogue));
}

/// The engine of one rule file alone; its problems become findings.
fn engine(path: &str, text: &str, mappings: &Arc<MappingSet>, report: &mut Report) -> Option<Arc<Engine>> {
    let (rules, problems) = RuleSet::parse(&[rule_text(path, text)]);
    let found = problems.len();
    report.findings.extend(problems.into_iter().map(|problem| Finding {
        path: problem.path,
        line: problem.line,
        what: problem.what,
        instead: problem.instead,
    }));
    if found > 0 || (rules.is_empty() && rules.correlations().is_empty()) {
        return None;
    }
    Some(Arc::new(Engine::build(
        rules,
        Arc::clone(mappings),
        IndicatorSet::build(std::iter::empty()),
        EngineOptions::default(),
    )))
}

/// What a person needs to read in a rule.
fn words(path: &str, rule: &RuleMeta, categories: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut need = |holds: bool, what: &str, instead: &str| {
        if !holds {
            let finding =
                Finding { path: path.to_owned(), line: rule.line, what: what.to_owned(), instead: instead.to_owned() };
            findings.push(finding);
        }
    };
    let custom = |name: &str| rule.custom.get(name).map(Vec::as_slice).unwrap_or_default();
    need(uuid::Uuid::parse_str(&rule.id).is_ok(), "the id is no UUID", "write a fresh UUID as id");
    need(
        rule.description.as_ref().is_some_and(|text| text.len() > 40),
        "no description",
        "say in plain words what happened",
    );
    need(!rule.falsepositives.is_empty(), "no falsepositives", "name a harmless cause");
    need(
        !rule.references.is_empty() && rule.references.iter().all(|link| link.starts_with("https://")),
        "no public reference",
        "add an https address",
    );
    need(rule.tags.iter().any(|tag| tag.starts_with("attack.")), "no ATT&CK tag", "add attack.… to tags");
    need(
        custom("action").iter().any(|text| text.len() > 20),
        "no lazaret.action",
        "say in one or two sentences what to do now",
    );
    let family = custom("family").first().map(String::as_str).unwrap_or_default();
    let dashed = !family.is_empty()
        && family.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    need(dashed, "lazaret.family is no dash-separated word", "write a word such as backup-sabotage");
    let concerns = custom("concerns");
    let known = !concerns.is_empty() && concerns.iter().all(|category| categories.contains(category));
    need(known, "lazaret.concerns names no supplier category", "write categories of suppliers.toml");
    need(
        custom("pack").first().map(String::as_str) == pack(path),
        "lazaret.pack and the folder differ",
        "put the rule into rules/<pack>/",
    );
    findings
}

fn unseen(path: &str, engine: &Engine) -> Vec<Finding> {
    let report = engine.report();
    let unseen = report.unseen.keys().map(|logsource| {
        Finding::of_file(path, format!("no mapping ever gives {logsource}"), "add a mapping or correct the logsource")
    });
    let inactive = report
        .inactive
        .iter()
        .map(|rule| Finding::of_file(path, format!("cannot run: {}", rule.reason), "correct the rule"));
    unseen.chain(inactive).collect()
}

fn check_samples(
    content: &Content,
    (path, text): (&str, &str),
    rule: &RuleMeta,
    engine: &Arc<Engine>,
    mappings: &Arc<MappingSet>,
    depth: Depth,
    report: &mut Report,
) {
    let sidecar = path.replace(".yml", ".samples.toml");
    let samples = match content.text(&sidecar).map(samples::read) {
        Some(Ok(samples)) => samples,
        Some(Err(error)) => {
            return report.findings.push(Finding::of_file(&sidecar, format!("{error:#}"), "correct the sample"));
        }
        None => return report.findings.push(Finding::of_file(path, "no samples", format!("write {sidecar}"))),
    };
    report.samples += samples.len();
    for fires in [Fires::Yes, Fires::No] {
        if !samples.iter().any(|sample| sample.fires == fires) {
            report.findings.push(Finding::of_file(
                &sidecar,
                format!("no sample with fires = {}", fires == Fires::Yes),
                "add one",
            ));
        }
    }
    let mut wrong = false;
    for sample in &samples {
        let (fired, unreadable) = sample.replay(engine);
        let fires = fired.contains(&rule.id);
        if fires != (sample.fires == Fires::Yes) || !unreadable.is_empty() {
            wrong = true;
            let unreadable = unreadable.first().map(|reason| format!(" (unreadable: {reason})")).unwrap_or_default();
            let what = format!(
                "{:?} {}{unreadable}",
                sample.name,
                if fires { "fires and must not" } else { "does not fire and must" }
            );
            report.findings.push(Finding::of_file(&sidecar, what, "correct the rule or the sample"));
        }
    }
    if depth != Depth::Samples && !wrong {
        check_mutants(path, text, rule, &samples, mappings, report);
    }
}

fn check_mutants(
    path: &str,
    text: &str,
    rule: &RuleMeta,
    samples: &[Sample],
    mappings: &Arc<MappingSet>,
    report: &mut Report,
) {
    for mutant in mutate::mutants(text) {
        report.mutants += 1;
        let mut of_mutant = Report::default();
        let Some(engine) = engine(path, &mutant.text, mappings, &mut of_mutant) else {
            let why = of_mutant.findings.first().map(ToString::to_string).unwrap_or_default();
            report.findings.push(Finding::of_file(
                path,
                format!("cannot leave out {:?}: {why}", mutant.what),
                "simplify the rule",
            ));
            continue;
        };
        let (telling, instead) = match mutant.effect {
            Effect::Wider => (Fires::No, "add a sample with fires = false that only this condition holds back"),
            Effect::Narrower => (Fires::Yes, "add a sample with fires = true that needs this alternative"),
        };
        let told_apart = samples.iter().filter(|sample| sample.fires == telling).any(|sample| {
            let fires = sample.replay(&engine).0.contains(&rule.id);
            fires != (sample.fires == Fires::Yes)
        });
        if told_apart {
            report.mutants_killed += 1;
        } else {
            report.findings.push(Finding::of_file(path, format!("no sample notices {:?}", mutant.what), instead));
        }
    }
}

/// Each of H01 to H20 is either stated by a rule or listed with the mechanism that is missing.
fn catalogue_gaps(content: &Content, stated: &BTreeSet<String>) -> Vec<Finding> {
    let path = "rules/not-stated.toml";
    let table: toml::Table = content.text(path).and_then(|text| toml::from_str(text).ok()).unwrap_or_default();
    let mut findings = Vec::new();
    for number in 1..=20 {
        let id = format!("H{number:02}");
        let listed = table
            .get(&id)
            .and_then(|entry| entry.get("missing"))
            .and_then(toml::Value::as_str)
            .is_some_and(|text| !text.is_empty());
        match (stated.contains(&id), listed) {
            (false, false) => findings.push(Finding::of_file(
                path,
                format!("{id} is neither stated by a rule nor listed"),
                "name the missing mechanism",
            )),
            (true, true) => findings.push(Finding::of_file(
                path,
                format!("{id} is listed although a rule states it"),
                "remove it here",
            )),
            _ => {}
        }
    }
    findings
}

//! Suppliers, source guides, warninglists and scenarios: that they read, that a guide's shapes and placeholders exist,
//! and that no attacker's value is on a warninglist.
//! A file of its own because these checks are short and need neither samples nor the ordinary day.

use std::collections::BTreeSet;

use anyhow::Result;
use app::{PLACEHOLDERS, SourceGuide};
use detect::engine::MappingSet;

use super::{Content, Finding, Report};
use crate::content::cast::{Cast, Variant};
use crate::content::scenario::{self, SCENARIOS, Scenario};
use crate::content::warninglist;

/// How many seeds of every scenario are drawn.
const SEEDS: u64 = 4;

/// Checks what is neither a rule nor a mapping nor the ordinary day.
pub(super) fn check(content: &Content, mappings: &MappingSet, report: &mut Report) {
    guides(content, mappings, report);
    if let Err(error) = content.suppliers() {
        report.findings.push(Finding::of_file("suppliers.toml", format!("{error:#}"), "correct the list"));
    }
    let (lists, problems) = warninglist::read(content);
    for problem in problems {
        let what = format!("{:?} is neither a domain nor an address block", problem.text);
        let instead = "write example.org or 192.0.2.0/24, lower case".to_owned();
        report.findings.push(Finding { path: problem.path, line: problem.line as u32, what, instead });
    }
    let entries: Vec<warninglist::Entry> = lists.into_iter().flat_map(|(_, entries)| entries).collect();
    if entries.is_empty() {
        report.findings.push(Finding::of_file("warninglists", "no entries", "add lists"));
    }
    for seed in 0..SEEDS {
        if let Err(error) = draw(content, seed, &entries) {
            report.findings.push(Finding::of_file(
                "scenarios",
                format!("seed {seed}: {error:#}"),
                "correct the scenario",
            ));
        }
    }
}

/// Each guide reads, is called like its file, names shapes that mappings have, and leaves nothing unknown to fill in.
fn guides(content: &Content, mappings: &MappingSet, report: &mut Report) {
    let shapes: BTreeSet<&str> = mappings.shapes().collect();
    for (path, text) in content.under("sources").filter(|(path, _)| path.ends_with(".toml")) {
        let mut wrong = |what: String, instead: &str| report.findings.push(Finding::of_file(path, what, instead));
        let guide = match SourceGuide::parse(text) {
            Ok(guide) => guide,
            Err(error) => {
                wrong(error.to_string(), "see sources/README.md");
                continue;
            }
        };
        if path != format!("sources/{}.toml", guide.id) {
            wrong(format!("the id is {:?}", guide.id), "call the file like the id");
        }
        if guide.shapes.is_empty() {
            wrong("no shapes".to_owned(), "name the shapes in which its events are recognised");
        }
        for shape in guide.shapes.iter().filter(|shape| !shapes.contains(shape.as_str())) {
            wrong(format!("no mapping has the shape {shape:?}"), "write <mapping>/<shape> of content/mappings");
        }
        for (number, step) in guide.steps.iter().enumerate() {
            for unknown in unknown_placeholders(&step.lines) {
                wrong(format!("step {}: {{{unknown}}} is filled in by nobody", number + 1), "see sources/README.md");
            }
            if step.way.is_some() && step.lines.is_empty() {
                wrong(format!("step {}: a way without lines", number + 1), "write the lines, or no way");
            }
        }
    }
}

/// Words in braces that look like something to fill in and are not known.
fn unknown_placeholders(lines: &str) -> Vec<&str> {
    let word = |rest: &'_ str| -> Option<usize> { rest.find('}').filter(|end| *end > 0) };
    let opened = lines.match_indices('{').filter_map(|(at, _)| {
        let rest = lines.get(at + 1..)?;
        let inside = rest.get(..word(rest)?)?;
        inside.bytes().all(|b| b.is_ascii_lowercase()).then_some(inside)
    });
    opened.filter(|inside| !PLACEHOLDERS.contains(&format!("{{{inside}}}").as_str())).collect()
}

fn draw(content: &Content, seed: u64, entries: &[warninglist::Entry]) -> Result<()> {
    let scenarios: Vec<Scenario> = SCENARIOS.iter().map(|id| Scenario::read(content, id)).collect::<Result<_>>()?;
    for variant in [Variant::Attack, Variant::Control] {
        let cast = Cast::draw(content, seed, variant, &scenario::shared_suppliers(&scenarios))?;
        for scenario in &scenarios {
            scenario.beats(content, &cast)?;
            for (name, value) in scenario.shared_values(content, &cast)? {
                anyhow::ensure!(
                    !entries.iter().any(|entry| warninglist::covers(entry, &value)),
                    "{name} {value} is on a warninglist"
                );
            }
        }
        scenario::noise(content, &cast)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guide_with_an_unknown_shape_or_placeholder_is_found() {
        let mut content = Content::builtin();
        let text = content.text("sources/linux.toml").unwrap().replace("linux/auditd", "linux/nothing");
        content.put("sources/linux.toml", text.replace("{port}", "{prot}"));
        let (mappings, _) = MappingSet::parse(&content.mappings());
        let mut report = Report::default();
        guides(&content, &mappings, &mut report);
        let found: Vec<&str> = report.findings.iter().map(|finding| finding.what.as_str()).collect();
        assert!(found.iter().any(|what| what.contains("linux/nothing")), "{found:?}");
        assert!(found.iter().any(|what| what.contains("{prot}")), "{found:?}");
        let mut report = Report::default();
        guides(&Content::builtin(), &mappings, &mut report);
        assert_eq!(report.findings, []);
    }
}

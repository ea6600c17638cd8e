//! Suppliers, warninglists and scenarios: that they read, and that no attacker's value is on a warninglist.
//! A file of its own because these checks are short and need neither samples nor the ordinary day.

use anyhow::Result;

use super::{Content, Finding, Report};
use crate::content::cast::{Cast, Variant};
use crate::content::scenario::{self, SCENARIOS, Scenario};
use crate::content::warninglist;

/// How many seeds of every scenario are drawn.
const SEEDS: u64 = 4;

/// Checks what is neither a rule nor a mapping nor the ordinary day.
pub(super) fn check(content: &Content, report: &mut Report) {
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

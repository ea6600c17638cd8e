//! `lazaret content check`: every promise that content makes, checked, with path, line, what and what instead.
//! A file of its own because it is the command and the list of checks; each check is a file in `check/`.

mod day;
mod rest;
mod rules;
#[cfg(test)]
mod sigma_hq;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use detect::engine::MappingSet;
use serde::Serialize;

use super::Content;
use crate::output::{Output, print_line};

/// `lazaret content …`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check rules with their samples, mappings, suppliers, warninglists, scenarios and the ordinary day.
    Check(CheckArgs),
}

/// `lazaret content check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lazaret content check\n  lazaret content check --content my-content --output json\n\nExit \
                        codes: 0 nothing found; 1 something is wrong."
)]
pub struct CheckArgs {
    /// A folder with content that is laid over the built-in one.
    #[arg(long, value_name = "DIR")]
    content: Option<PathBuf>,
    /// How far to go.
    #[arg(long, value_enum, default_value_t)]
    depth: Depth,
}

/// How far a check goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Depth {
    /// Files and samples only.
    Samples,
    /// Also leaves out each condition of each rule in turn.
    Mutants,
    /// Also replays the ordinary day.
    #[default]
    Day,
}

/// Something wrong with content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 where no line is meant.
    pub line: u32,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

impl Finding {
    /// A finding about a whole file.
    pub fn of_file(path: &str, what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: 0, what: what.into(), instead: instead.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.what, self.instead)
    }
}

/// What a check looked at and what it found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What is wrong, in order of path.
    pub findings: Vec<Finding>,
    /// Rules that people see (the hidden parts of correlations are not counted).
    pub rules: usize,
    /// Samples of rules, written out.
    pub samples: usize,
    /// Samples of mappings.
    pub mapping_samples: usize,
    /// Rules with one condition left out.
    pub mutants: usize,
    /// How many of them the samples told apart from the rule.
    pub mutants_killed: usize,
    /// Lines of the ordinary day.
    pub day_lines: usize,
    /// Rules that fired on the ordinary day: title and how often.
    pub day_cards: Vec<(String, usize)>,
}

/// Checks content. Shape: everything wrong at once, never only the first.
pub fn check(content: &Content, depth: Depth) -> Report {
    let mut report = Report::default();
    let (mappings, problems) = MappingSet::parse(&content.mappings());
    for problem in problems {
        let what = format!("{}: {}", problem.key, problem.what);
        report.findings.push(Finding { path: problem.path, line: problem.line as u32, what, instead: problem.instead });
    }
    report.mapping_samples = mappings.sample_count();
    for failure in mappings.check_samples() {
        let what = format!("sample {}: {}", failure.number, failure.what);
        report.findings.push(Finding::of_file(&failure.path, what, "correct the mapping or the expectation"));
    }
    let mappings = Arc::new(mappings);
    rules::check(content, &mappings, depth, &mut report);
    rest::check(content, &mappings, &mut report);
    if depth == Depth::Day {
        day::check(content, &mappings, &mut report);
    }
    report.findings.sort();
    report
}

/// Runs `lazaret content …`. Exit code 1 where something is wrong.
pub fn run(args: Args, output: Output) -> Result<ExitCode> {
    let Command::Check(args) = args.command;
    let content = match &args.content {
        Some(directory) => Content::with_directory(directory)?,
        None => Content::builtin(),
    };
    let report = check(&content, args.depth);
    match output {
        Output::Json => output.answer("", &report)?,
        Output::Table => {
            for finding in &report.findings {
                print_line(&finding.to_string());
            }
            print_line(&summary(&report));
        }
    }
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(report: &Report) -> String {
    let cards: Vec<String> = report.day_cards.iter().map(|(title, count)| format!("\n  {count} × {title}")).collect();
    format!(
        "{} rules, {} samples, {} of {} mutants told apart, {} mapping samples; ordinary day of {} lines: {} rules fired{}\n{} findings",
        report.rules,
        report.samples,
        report.mutants_killed,
        report.mutants,
        report.mapping_samples,
        report.day_lines,
        report.day_cards.len(),
        cards.concat(),
        report.findings.len(),
    )
}

//! `cargo xtask check`: everything that must hold before a change is taken.
//!
//! The list of checks and nothing of what they look at: each is a name, what
//! it needs, and a function. A check that cannot run for want of a tool fails
//! at the end, with the words that say how to get the tool.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::layers::{self, Breach};
use crate::postgres::Cluster;
use crate::process::{self, Output, Place};
use crate::sources;
use crate::tools::{self, Need, Tools};
use crate::trial;

/// One check.
struct Check {
    name: &'static str,
    what: &'static str,
    needs: &'static [Need],
    run: fn(&Setting) -> anyhow::Result<String>,
}

/// What every check works with.
struct Setting {
    place: Place,
    tools: Tools,
}

/// How a check ended.
enum Outcome {
    /// Passed, with a note for the summary (may be empty).
    Passed(String),
    /// Failed; the reason.
    Failed(String),
    /// Could not run, or not wholly; what to install.
    Incomplete(String),
}

/// The checks, in the order in which they run.
const CHECKS: &[Check] = &[
    Check { name: "fmt", what: "the text is formatted", needs: &[], run: fmt },
    Check { name: "clippy", what: "no lint warns", needs: &[], run: clippy },
    Check {
        name: "tests",
        what: "all tests, readers over their corpus included, with a real PostgreSQL",
        needs: &[Need::CargoTools, Need::Postgres, Need::Rsyslog, Need::Orthanc, Need::Smtp],
        run: tests,
    },
    Check { name: "doctests", what: "the examples in the documentation", needs: &[], run: doctests },
    Check { name: "rustdoc", what: "the documentation's links", needs: &[], run: rustdoc },
    Check { name: "content", what: "rules, mappings and messages", needs: &[], run: content },
    Check {
        name: "licences",
        what: "licences, bans and origins of outside crates",
        needs: &[Need::CargoTools],
        run: licences,
    },
    Check { name: "layers", what: "the direction of the crates", needs: &[], run: layer_rules },
    Check {
        name: "browser",
        what: "every page, in a real browser",
        needs: &[Need::Chromium, Need::Node],
        run: browser,
    },
    Check {
        name: "package",
        what: "the Debian package: installed, started, upgraded, removed",
        needs: &[Need::Chroot],
        run: debian_package,
    },
];

/// What was asked for on the command line.
pub struct Options {
    only: Vec<String>,
    skip: Vec<String>,
    list: bool,
    output: Output,
}

impl Options {
    /// Reads the arguments after `check`. Errors: an unknown flag or check.
    pub fn parse(arguments: &[String]) -> anyhow::Result<Options> {
        let (mut only, mut skip, mut list) = (Vec::new(), Vec::new(), false);
        let mut output = Output::Table;
        let mut words = arguments.iter().peekable();
        while let Some(word) = words.next() {
            let mut names = || {
                let mut names = Vec::new();
                while let Some(name) = words.next_if(|next| !next.starts_with('-')) {
                    names.extend(name.split(',').map(str::to_string));
                }
                names
            };
            match word.as_str() {
                "--only" => only.extend(names()),
                "--skip" => skip.extend(names()),
                "--list" => list = true,
                "--output" => output = Output::parse(words.next())?,
                other => bail!("check does not know {other:?}; see cargo xtask --help"),
            }
        }
        if let Some(name) = only.iter().chain(&skip).find(|name| !is_check(name)) {
            bail!("there is no check {name:?}; `cargo xtask check --list` lists them");
        }
        Ok(Options { only, skip, list, output })
    }

    fn wants(&self, check: &Check) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == check.name);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

fn is_check(name: &str) -> bool {
    CHECKS.iter().any(|check| check.name == name)
}

/// One line of the summary.
struct Entry {
    check: &'static Check,
    outcome: Outcome,
    took: Duration,
}

/// Runs the checks that were asked for. Exit status: 0 all passed, 1 otherwise.
pub fn run(options: &Options) -> anyhow::Result<std::process::ExitCode> {
    let place = Place::of_checkout(options.output)?;
    if options.list {
        for check in CHECKS {
            place.say(&format!("{:<10} {}", check.name, check.what));
        }
        return Ok(std::process::ExitCode::SUCCESS);
    }
    let chosen: Vec<&'static Check> = CHECKS.iter().filter(|check| options.wants(check)).collect();
    let began = Instant::now();
    let setting = prepare(place, &chosen);
    let mut entries = Vec::new();
    for check in chosen {
        entries.push(one(&setting, check));
    }
    report(&setting.place, &entries, began.elapsed())
}

fn prepare(place: Place, chosen: &[&'static Check]) -> Setting {
    let mut needs: Vec<Need> = chosen.iter().flat_map(|check| check.needs).copied().collect();
    needs.sort();
    needs.dedup();
    let began = Instant::now();
    let tools = Tools::prepare(&place, &needs);
    if !needs.is_empty() {
        place.say(&format!("tools      ready, {}", seconds(began.elapsed())));
    }
    Setting { place, tools }
}

fn one(setting: &Setting, check: &'static Check) -> Entry {
    setting.place.say(&format!("\n── {}: {}", check.name, check.what));
    let began = Instant::now();
    let result = (check.run)(setting);
    let took = began.elapsed();
    let missing: Vec<&str> = check.needs.iter().filter_map(|need| setting.tools.missing(*need)).collect();
    let outcome = match result {
        Err(error) if missing.is_empty() => Outcome::Failed(format!("{error:#}")),
        Err(error) => Outcome::Incomplete(format!("{error:#}; {}", missing.join("; "))),
        Ok(_) if !missing.is_empty() => Outcome::Incomplete(missing.join("; ")),
        Ok(note) => Outcome::Passed(note),
    };
    let entry = Entry { check, outcome, took };
    setting.place.say(&line(&entry));
    entry
}

fn line(entry: &Entry) -> String {
    let (word, note) = words(&entry.outcome);
    let head = format!("{:<10} {word:<10} {:>8}", entry.check.name, seconds(entry.took));
    match note.is_empty() {
        true => head,
        false => format!("{head}  {note}"),
    }
}

fn words(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Passed(note) => ("passed", note),
        Outcome::Failed(reason) => ("FAILED", reason),
        Outcome::Incomplete(reason) => ("INCOMPLETE", reason),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn report(place: &Place, entries: &[Entry], took: Duration) -> anyhow::Result<std::process::ExitCode> {
    let passed = |entry: &Entry| matches!(entry.outcome, Outcome::Passed(_));
    let bad = entries.iter().filter(|entry| !passed(entry)).count();
    place.say("\n── summary");
    for entry in entries {
        place.say(&line(entry));
    }
    let verdict = match bad {
        0 => format!("all {} checks passed in {}", entries.len(), seconds(took)),
        _ => format!("{bad} of {} checks did not pass, in {}", entries.len(), seconds(took)),
    };
    place.say(&verdict);
    if place.output == Output::Json {
        writeln!(std::io::stdout(), "{}", as_json(entries, took, bad == 0))?;
    }
    Ok(match bad {
        0 => std::process::ExitCode::SUCCESS,
        _ => std::process::ExitCode::FAILURE,
    })
}

fn as_json(entries: &[Entry], took: Duration, passed: bool) -> serde_json::Value {
    let checks: Vec<serde_json::Value> = entries
        .iter()
        .map(|entry| {
            let (word, note) = words(&entry.outcome);
            serde_json::json!({
                "name": entry.check.name,
                "outcome": word.to_lowercase(),
                "seconds": entry.took.as_secs_f64(),
                "note": note,
            })
        })
        .collect();
    serde_json::json!({ "passed": passed, "seconds": took.as_secs_f64(), "checks": checks })
}

/// The end of a check that has nothing to add.
fn quiet(result: anyhow::Result<()>) -> anyhow::Result<String> {
    result.map(|()| String::new())
}

fn fmt(setting: &Setting) -> anyhow::Result<String> {
    quiet(process::succeed(&mut setting.place.cargo(&["fmt", "--all", "--check"])?))
}

fn clippy(setting: &Setting) -> anyhow::Result<String> {
    let words = ["clippy", "--locked", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    quiet(process::succeed(&mut setting.place.cargo(&words)?))
}

fn tests(setting: &Setting) -> anyhow::Result<String> {
    let cluster = match setting.tools.missing(Need::Postgres) {
        Some(_) => None,
        None => Some(Cluster::start()?),
    };
    let mut command = match setting.tools.program("cargo-nextest") {
        Some(nextest) => {
            let mut command = setting.place.command(nextest)?;
            command.args(["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]);
            command
        }
        None => setting.place.cargo(&["test", "--locked", "--workspace", "--all-targets", "--no-fail-fast"])?,
    };
    if let Some(cluster) = &cluster {
        // With CI set, a store test that finds no PostgreSQL fails instead of saying so.
        command.env("LAZARET_TEST_PG_URL", cluster.url()).env("CI", "true");
    }
    let (summary, verdict) = process::watch(&mut command, |line| line.trim_start().starts_with("Summary"))?;
    let summary = summary.unwrap_or_default();
    match verdict {
        Ok(()) => Ok(summary),
        Err(error) => Err(error.context(summary)),
    }
}

fn doctests(setting: &Setting) -> anyhow::Result<String> {
    let words = ["test", "--locked", "--workspace", "--doc", "--quiet"];
    quiet(process::succeed(&mut setting.place.cargo(&words)?))
}

fn rustdoc(setting: &Setting) -> anyhow::Result<String> {
    let words = ["doc", "--locked", "--workspace", "--no-deps", "--quiet"];
    let mut command = setting.place.cargo(&words)?;
    quiet(process::succeed(command.env("RUSTDOCFLAGS", "-D warnings")))
}

fn content(setting: &Setting) -> anyhow::Result<String> {
    let lazaret = build_lazaret(setting)?;
    let mut command = setting.place.command(lazaret)?;
    quiet(process::succeed(command.args(["content", "check"])))
}

fn licences(setting: &Setting) -> anyhow::Result<String> {
    let program = setting.tools.program("cargo-deny").context("cargo-deny is not there")?;
    let mut command = setting.place.command(program)?;
    // Advisories are left out: their database lies outside the package registries.
    command.args(["--locked", "--workspace", "--log-level", "error"]);
    command.args(["check", "licenses", "bans", "sources"]);
    quiet(process::succeed(&mut command))
}

fn layer_rules(setting: &Setting) -> anyhow::Result<String> {
    let mut breaches = layers::breaches(&setting.place)?;
    breaches.extend(sources::breaches(&setting.place)?);
    breaches.iter().for_each(|breach: &Breach| setting.place.say(&breach.to_string()));
    match breaches.len() {
        0 => Ok(String::new()),
        some => bail!("{some} breaches"),
    }
}

fn browser(setting: &Setting) -> anyhow::Result<String> {
    let missing = |need| setting.tools.missing(need).map(|why| anyhow::anyhow!("not run: {why}"));
    if let Some(why) = missing(Need::Chromium).or_else(|| missing(Need::Node)) {
        return Err(why);
    }
    let node = setting.tools.node().context("Node.js is not there")?;
    let chromium = setting.tools.chromium().context("Chromium is not there")?;
    let lazaret = build_lazaret(setting)?;
    let mut command = setting.place.command(node.program)?;
    command.current_dir(setting.place.root.join("tests/browser"));
    command.args(["--test", "--test-reporter", "spec"]);
    command.env("LAZARET_BINARY", lazaret).env("LAZARET_CHROMIUM", chromium);
    quiet(process::succeed(&mut command))
}

fn debian_package(setting: &Setting) -> anyhow::Result<String> {
    if let Some(why) = setting.tools.missing(Need::Chroot) {
        bail!("not run: {why}");
    }
    let base = setting.tools.chroot_base(&setting.place, None)?;
    trial::pack_and_run(&setting.place, &base, &build_lazaret(setting)?)
}

/// Builds the binary with the artefacts of the tests, so that nothing is built twice.
fn build_lazaret(setting: &Setting) -> anyhow::Result<std::path::PathBuf> {
    let words = ["build", "--locked", "--workspace", "--bins", "--tests", "--quiet"];
    process::succeed(&mut setting.place.cargo(&words)?)?;
    let binary = tools::target_folder(&setting.place).join("debug/lazaret");
    match binary.is_file() {
        true => Ok(binary),
        false => bail!("{} was not built", binary.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> anyhow::Result<Options> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
        Options::parse(&words)
    }

    fn names(options: &Options) -> Vec<&'static str> {
        let chosen = CHECKS.iter().filter(|check| options.wants(check));
        chosen.map(|check| check.name).collect()
    }

    #[test]
    fn only_and_skip_choose_checks() {
        let only = parse(&["--only", "fmt", "layers", "--skip", "layers"]);
        assert_eq!(names(&only.unwrap()), ["fmt"]);
        let comma = parse(&["--only", "fmt,tests"]);
        assert_eq!(names(&comma.unwrap()), ["fmt", "tests"]);
        assert_eq!(names(&parse(&[]).unwrap()).len(), CHECKS.len());
    }

    #[test]
    fn unknown_words_are_refused() {
        for words in [&["--only", "nothing"][..], &["--output", "xml"], &["--quick"]] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_json_line_tells_each_outcome() {
        let failed = Outcome::Failed("why".to_string());
        let entry = Entry { check: &CHECKS[0], outcome: failed, took: Duration::from_secs(2) };
        let json = as_json(&[entry], Duration::from_secs(3), false);
        assert_eq!(json["checks"][0]["outcome"], "failed");
        assert_eq!(json["checks"][0]["note"], "why");
        assert_eq!(json["passed"], false);
    }
}

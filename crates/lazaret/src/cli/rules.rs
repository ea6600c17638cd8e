//! `lazaret rules add|list|remove`: other people's Sigma rules beside the built-in ones. `add` shows what loads, what
//! does not and why, what nothing delivers, and what would have fired in the last day, before anything goes live.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use app::{App, RulesTrial};
use domain::telemetry::Level;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::ConfigArg;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::control::{self, Answer, Question};
use crate::data_dir::DataDir;
use crate::output::Output;
use crate::rules::gather::{self, Gathering};
use crate::rules::{self, Package, Sorted};

/// How many lines of each list people see; programs get all.
const SHOWN_MAX: usize = 10;

/// `rules`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Try Sigma rules on the last day of kept events, and add them.
    Add(AddArgs),
    /// List what was added.
    List(ListArgs),
    /// Take away what was added under a name.
    Remove(RemoveArgs),
}

/// `rules add`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "PATH is a folder, a rule file, a .zip or a .tar.gz, such as a release of SigmaHQ's rules; URL is an \
                  https address of one. Rules whose id is here already stay as they are.\n\nExit codes: 0 added; 1 \
                  nothing was added.\n\nExamples:\n  lazaret rules add sigma_core.zip --level high,critical\n  lazaret \
                  rules add https://example.org/rules.tar.gz --yes --output json"
)]
pub struct AddArgs {
    /// Where the rules are.
    #[arg(value_name = "PATH|URL")]
    pub from: String,
    /// Only rules of these levels, e.g. high,critical.
    #[arg(long, value_name = "LEVELS", value_delimiter = ',')]
    pub level: Vec<Level>,
    /// The name to keep them under; without it, made from PATH or URL. The same name replaces what it holds.
    #[arg(long)]
    pub name: Option<String>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `rules list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    config: ConfigArg,
}

/// `rules remove`.
#[derive(Debug, clap::Args)]
pub struct RemoveArgs {
    /// The name that `rules list` shows.
    name: String,
    #[command(flatten)]
    config: ConfigArg,
}

/// Runs it.
pub async fn run(command: Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Add(args) => {
            let config = args.config.load()?;
            add(&args, &config, output, &ask_person).await
        }
        Command::List(args) => list(&args.config.load()?, output),
        Command::Remove(args) => remove(&args.name, &args.config.load()?, output).await,
    }
}

fn list(config: &Config, output: Output) -> Result<ExitCode> {
    let packages = rules::packages(&rules::dir_of(config))?;
    let mut text = String::new();
    for package in &packages {
        let levels: Vec<String> = package.levels.iter().map(ToString::to_string).collect();
        let only = if levels.is_empty() { String::new() } else { format!(", only {}", levels.join(", ")) };
        text.push_str(&format!(
            "{:<24} {:>6} rules{only}, added {} from {}\n",
            package.name, package.rules, package.added_at, package.from
        ));
    }
    if packages.is_empty() {
        text = "Nothing was added beside the built-in rules.".to_owned();
    }
    output.answer(&text, &packages)?;
    Ok(ExitCode::SUCCESS)
}

async fn remove(name: &str, config: &Config, output: Output) -> Result<ExitCode> {
    let package = rules::remove(&rules::dir_of(config), name)?;
    let live = reload(config).await?;
    output.answer(
        &format!("{} rules of {name} are taken away. {}", package.rules, live.says()),
        &json!({ "removed": package, "live": live == Live::Now }),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Asks the person at the terminal. Errors: there is nobody to ask.
fn ask_person(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nothing was added: say --yes, or run it at a terminal and answer");
    }
    let mut out = std::io::stderr();
    write!(out, "{question} [y/N] ").and_then(|()| out.flush())?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// `rules add`: gathers, tries, tells, asks, installs.
pub(crate) async fn add(
    args: &AddArgs,
    config: &Config,
    output: Output,
    ask: &dyn Fn(&str) -> Result<bool>,
) -> Result<ExitCode> {
    let gathered = gather(&args.from, config).await?;
    let (left_out, others) = (gathered.left_out, gathered.others);
    let sorted = rules::sort(gathered.files, &args.level);
    if sorted.taken.is_empty() {
        bail!(
            "{}: no rule to add ({} of other levels, {} that do not load, {} files that are no rule)",
            args.from,
            sorted.other_levels,
            sorted.broken,
            others
        );
    }
    let trial = try_rules(config, &sorted).await?;
    if output == Output::Table {
        crate::output::print_line(&told(&sorted, &left_out, &trial));
    }
    let agreed = args.yes || ask("Add these rules?")?;
    let package = Package {
        format: 1,
        name: args.name.clone().unwrap_or_else(|| rules::name_from(&args.from)),
        from: args.from.clone(),
        added_at: app::Clock::now(&SystemClock),
        files: sorted.taken.len() as u64,
        rules: sorted.rules,
        levels: args.level.clone(),
    };
    let live = if agreed {
        rules::install(&rules::dir_of(config), &package, &sorted.taken)?;
        Some(reload(config).await?)
    } else {
        None
    };
    let text = match live {
        Some(live) => format!("{} rules are added as {}. {}", package.rules, package.name, live.says()),
        None => "Nothing was added.".to_owned(),
    };
    output.answer(&text, &answer(&package, &sorted, &left_out, &trial, live))?;
    Ok(if agreed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn answer(package: &Package, sorted: &Sorted, left_out: &[String], trial: &RulesTrial, live: Option<Live>) -> Value {
    json!({
        "added": live.is_some(),
        "live": live == Some(Live::Now),
        "package": package,
        "other_levels": sorted.other_levels,
        "problems": sorted.problems,
        "left_out": left_out,
        "trial": trial,
    })
}

async fn gather(from: &str, config: &Config) -> Result<Gathering> {
    if !from.contains("://") {
        let path = std::path::PathBuf::from(from);
        return tokio::task::spawn_blocking(move || gather::from_path(&path)).await?;
    }
    let bar = bar("fetched", Unit::Bytes);
    let proxy = config.uplink.proxy.as_deref();
    let bytes = gather::download(from, proxy, |done, all| {
        bar.set_length(all.unwrap_or(gather::ARCHIVE_BYTES_MAX));
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    let name = from.to_owned();
    tokio::task::spawn_blocking(move || gather::from_archive(&name, &bytes)).await?
}

/// Tries the rules on the events of the running node, or of the node that does not run.
async fn try_rules(config: &Config, sorted: &Sorted) -> Result<RulesTrial> {
    let bar = bar("events", Unit::Count);
    let files = sorted.taken.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
    let question = Question::TryRules(files);
    let answered = control::ask(&config.data_dir, &question, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })
    .await?;
    let trial = match answered {
        Some(Answer::Tried(trial)) => *trial,
        Some(other) => bail!("the node answered something else: {other:?}"),
        None => {
            let Question::TryRules(files) = question else { bail!("no rules to try") };
            let at_rest = AtRest::open(config).await?;
            let shown = bar.clone();
            let told = move |done, all| {
                shown.set_length(all);
                shown.set_position(done);
            };
            let trial = at_rest.app.try_rules(control::texts_of(files), told).await;
            at_rest.app.stop().await;
            trial?
        }
    };
    bar.finish_and_clear();
    Ok(trial)
}

/// A node that does not run, opened for one command under its lock.
struct AtRest {
    app: Arc<App>,
    _lock: crate::data_dir::Lock,
}

impl AtRest {
    async fn open(config: &Config) -> Result<Self> {
        let dir = DataDir::at(&config.data_dir);
        let lock = dir.lock().context("the node runs, but its control door does not answer")?;
        let app = crate::node::open(config, &dir, Arc::new(SystemClock), Vec::new()).await?;
        Ok(Self { app, _lock: lock })
    }
}

/// When changed rules take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Live {
    /// The running node has read them.
    Now,
    /// No node runs.
    AtStart,
}

impl Live {
    fn says(self) -> &'static str {
        match self {
            Self::Now => "The running node uses what is there now.",
            Self::AtStart => "No node runs; it reads them when it starts.",
        }
    }
}

async fn reload(config: &Config) -> Result<Live> {
    match control::ask(&config.data_dir, &Question::ReloadRules, |_, _| {}).await? {
        Some(Answer::Reloaded(_)) => Ok(Live::Now),
        Some(other) => bail!("the node answered something else: {other:?}"),
        None => Ok(Live::AtStart),
    }
}

/// What a bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Count,
}

/// A bar on standard error, only where that is a terminal.
fn bar(what: &'static str, unit: Unit) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let count = if unit == Unit::Bytes { "{bytes}/{total_bytes}" } else { "{human_pos}/{human_len}" };
    if let Ok(style) =
        ProgressStyle::with_template(&format!("{{bar:32}} {{percent:>3}} %  {count} {what}  {{eta}} left"))
    {
        bar.set_style(style);
    }
    bar
}

/// The trial for people.
fn told(sorted: &Sorted, left_out: &[String], trial: &RulesTrial) -> String {
    let mut text = Told::default();
    let new = trial.loads.len();
    text.line(&format!("{new} rules load and are new; {} are here already and stay as they are.", trial.known));
    if sorted.other_levels > 0 {
        text.line(&format!("{} files hold only rules of other levels and are left out.", sorted.other_levels));
    }
    text.list(&format!("{} problems; these rules are left out:", sorted.problems.len()), &sorted.problems);
    text.list(&format!("{} files cannot be read:", left_out.len()), left_out);
    let cannot: Vec<String> = trial.cannot_run.iter().map(|(title, reason)| format!("{title}: {reason}")).collect();
    text.list(&format!("{} rules load but cannot run here:", cannot.len()), &cannot);
    let without: u64 = trial.not_connected.iter().map(|need| need.rules).sum();
    let needs: Vec<String> = trial
        .not_connected
        .iter()
        .map(|need| {
            let how = if need.readable { "connect it to use them" } else { "no mapping reads it yet" };
            format!("{:<40} {:>5} rules; {how}", need.logsource, need.rules)
        })
        .collect();
    text.list(&format!("{without} rules look at logs that no connected source delivers:"), &needs);
    text.line(&format!(
        "\nTried on {} events, received from {} to {}{}.",
        trial.events,
        trial.from,
        trial.to,
        if trial.limited { " (a limit ended it there)" } else { "" }
    ));
    let fired: Vec<String> = trial
        .fired
        .iter()
        .map(|rule| {
            format!(
                "{:<8} {:>7} times, {:>4} alerts  {} ({})",
                rule.level,
                rule.detections,
                rule.alerts,
                rule.title,
                rule.hosts.join(", ")
            )
        })
        .collect();
    match fired.is_empty() {
        true => text.line("None of them would have fired."),
        false => text.list(&format!("{} of them would have fired:", fired.len()), &fired),
    }
    text.line(&format!(
        "That day would have brought {} critical alerts, {} cards of other alerts, and {} more in groups.",
        trial.critical, trial.cards, trial.grouped
    ));
    text.0
}

#[derive(Default)]
struct Told(String);

impl Told {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A headed list, cut for people; nothing where it is empty.
    fn list(&mut self, head: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.line(head);
        lines.iter().take(SHOWN_MAX).for_each(|line| self.line(&format!("  {line}")));
        if lines.len() > SHOWN_MAX {
            self.line(&format!("  … and {} more (all of them with --output json)", lines.len() - SHOWN_MAX));
        }
    }
}

#[cfg(test)]
mod tests;

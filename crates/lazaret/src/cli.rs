//! The command line. One file a command; here only which there are, and what their exit codes mean.

mod backup;
mod config_check;
mod doctor;
mod enrol;
mod erase;
mod init;
mod invite;
mod journal;
mod reach;
mod restore;
mod restored;
mod rules;
mod serve;
mod shell;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::output::Output;

pub(crate) use user::refused as password_refused;

/// Where the package's service reads its configuration.
pub(crate) const PACKAGED_CONFIG: &str = "/etc/lazaret/lazaret.toml";

/// Where the package's service keeps everything else.
pub(crate) const PACKAGED_DATA: &str = "/var/lib/lazaret";

/// Early warning for hospitals: one ship reports fever, every harbour knows.
#[derive(Debug, Parser)]
#[command(
    name = "lazaret",
    version,
    after_help = "Exit codes: 0 it went well; 1 it could not run, or the answer is no; 2 the command line is wrong \
                  (scan: some input or rule could not be read).\n\nExamples:\n  lazaret demo\n  lazaret init --role \
                  hospital --dir node --name \"County Hospital\" --country RO\n  lazaret serve --config \
                  node/lazaret.toml\n  lazaret scan evidence/ --rules sigma/rules --output json"
)]
pub struct Cli {
    /// For whom the answer is: a table for people, or JSON for programs.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Output,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Everything lazaret can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read logs and evidence with Sigma rules and indicators, and print what matched.
    Scan(crate::scan::Args),
    /// Run a node until it is told to stop.
    Serve(ServeArgs),
    /// Make a node: configuration, keys, and for a hub its certificate authority.
    Init(init::Args),
    /// Invite a new member to this hub and print its code.
    Invite(invite::Args),
    /// Join a hub with the code it printed.
    Enrol(enrol::Args),
    /// A small Europe in one process: two attacks, nine nodes, and the theatre.
    Demo(crate::demo::Args),
    /// Work on rules, mappings and other content.
    Content(crate::content::Args),
    /// Look after the journal of records.
    #[command(subcommand)]
    Journal(journal::Command),
    /// Look after the configuration.
    #[command(subcommand)]
    Config(config_check::Command),
    /// Say in plain words what is wrong with a node, and the command that mends it.
    Doctor(doctor::Args),
    /// See who would be called at night, and test it.
    #[command(subcommand)]
    Reach(reach::Command),
    /// Look after local accounts.
    #[command(subcommand)]
    User(user::Command),
    /// Copy records, events, keys and configuration to another place, sealed.
    Backup(backup::Args),
    /// Put a backup into an empty place; the node then goes on where it was.
    Restore(restore::Args),
    /// Erase events of a period, or every event that names a person.
    Erase(erase::Args),
    /// Add other people's Sigma rules, list them, take them away.
    #[command(subcommand)]
    Rules(rules::Command),
    /// Say that this node was put back from a backup, before it starts again.
    Restored(restored::Args),
    /// Print completions for a shell.
    Completions(shell::CompletionArgs),
    /// Print the manual page.
    Man,
}

/// `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lazaret serve --config /etc/lazaret/lazaret.toml\n\nStops at SIGTERM or Ctrl-C: \
                        listeners close first, what was accepted is finished. SIGHUP reads rules, certificates and the \
                        configuration again, and says in the log what needs a restart.")]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigArg,
}

/// Where the configuration is.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigArg {
    /// The node's configuration file; without it `lazaret.toml` here, or else the installed package's
    /// /etc/lazaret/lazaret.toml.
    #[arg(long, value_name = "FILE", default_value_os_t = usual_config(), hide_default_value = true)]
    pub config: PathBuf,
}

impl ConfigArg {
    /// Reads and decides it; root then goes on as the owner of the data directory ([`crate::owner::step_down`]), so
    /// call it before standard input is read and before anything is opened.
    pub fn load(&self) -> anyhow::Result<crate::config::Config> {
        let config = crate::config::Config::load(&self.config)?;
        crate::owner::step_down(&config.data_dir)?;
        Ok(config)
    }
}

/// The configuration where none is named.
fn usual_config() -> PathBuf {
    let (here, packaged) = (PathBuf::from("lazaret.toml"), PathBuf::from(PACKAGED_CONFIG));
    if !here.exists() && packaged.exists() { packaged } else { here }
}

/// Runs a command; a failure is told on standard error.
pub fn run(cli: Cli) -> ExitCode {
    match dispatch(cli) {
        Ok(code) => code,
        Err(problem) => {
            tell(&format!("lazaret: {problem:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes one line to standard error.
pub(crate) fn tell(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let output = cli.output;
    match cli.command {
        Command::Scan(args) => crate::scan::run(args, output),
        Command::Content(args) => crate::content::run(args, output),
        Command::Serve(args) => async_run(serve::run(args, output)),
        Command::Init(args) => async_run(init::run(args, output)),
        Command::Invite(args) => async_run(invite::run(args, output)),
        Command::Enrol(args) => async_run(enrol::run(args, output)),
        Command::Demo(args) => async_run(crate::demo::run(args, output)),
        Command::Journal(command) => async_run(journal::run(command, output)),
        Command::Config(command) => config_check::run(&command, output),
        Command::Reach(command) => async_run(reach::run(command, output)),
        Command::User(command) => async_run(user::run(command, output)),
        Command::Doctor(args) => async_run(doctor::run(args, output)),
        Command::Backup(args) => async_run(backup::run(args, output)),
        Command::Restore(args) => async_run(restore::run(args, output)),
        Command::Erase(args) => async_run(erase::run(args, output)),
        Command::Rules(command) => async_run(rules::run(command, output)),
        Command::Restored(args) => async_run(restored::run(args, output)),
        Command::Completions(args) => Ok(shell::completions(&args)),
        Command::Man => shell::manual(),
    }
}

fn async_run(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let answer = runtime.block_on(command);
    // a blocking read that hangs (a followed file on a dead share) must not keep the process
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    answer
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_takes_output_json() {
        for line in [
            "init --role union --dir d",
            "invite A --country RO",
            "enrol CODE",
            "config check",
            "user add a",
            "rules list",
            "user list",
        ] {
            let words = ["lazaret"].into_iter().chain(line.split(' ')).chain(["--output", "json"]);
            let cli = Cli::try_parse_from(words).unwrap_or_else(|problem| panic!("{line}: {problem}"));
            assert_eq!(cli.output, Output::Json);
        }
    }
}

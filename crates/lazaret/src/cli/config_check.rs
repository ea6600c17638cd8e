//! `lazaret config check`: every problem of a configuration at once, without starting anything.

use std::process::ExitCode;

use serde_json::json;

use super::ConfigArg;
use crate::config::Config;
use crate::output::Output;

/// What can be done with the configuration.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Tell every problem of a configuration: where, what, and what to write instead.
    #[command(after_help = "Example:\n  lazaret config check --config /etc/lazaret/lazaret.toml\n\nExit codes: 0 \
                            usable, 1 not.")]
    Check(ConfigArg),
}

/// Runs it.
pub fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    let Command::Check(arg) = command;
    let problems = match Config::load(&arg.config) {
        Ok(config) => {
            let text = format!("{} is usable: {} {:?}", arg.config.display(), config.role.as_str(), config.app.name);
            output.answer(&text, &json!({ "usable": true, "role": config.role.as_str(), "problems": [] }))?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => error,
    };
    let list: Vec<_> = problems
        .problems
        .iter()
        .map(|problem| json!({ "key": problem.key, "what": problem.what, "instead": problem.instead }))
        .collect();
    output.answer(&problems.to_string(), &json!({ "usable": false, "problems": list }))?;
    Ok(ExitCode::FAILURE)
}

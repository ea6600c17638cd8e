//! `lazaret completions` and `lazaret man`: what a package installs beside the binary.

use std::process::ExitCode;

use clap::CommandFactory as _;

use super::Cli;

/// `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lazaret completions bash > /etc/bash_completion.d/lazaret")]
pub struct CompletionArgs {
    /// Which shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Prints completions.
pub fn completions(args: &CompletionArgs) -> ExitCode {
    clap_complete::generate(args.shell, &mut Cli::command(), "lazaret", &mut std::io::stdout());
    ExitCode::SUCCESS
}

/// Prints the manual page (roff).
pub fn manual() -> anyhow::Result<ExitCode> {
    clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
    Ok(ExitCode::SUCCESS)
}

//! The binary: reads the command line and calls the library.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    lazaret::cli::run(lazaret::cli::Cli::parse())
}

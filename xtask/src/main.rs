//! The project's own tasks, run as `cargo xtask <task>`.
//!
//! A crate of its own so that it builds in seconds and before anything else:
//! it knows the repository's layout and tools, and none of the product's code.

mod check;
mod chroot;
mod dist;
mod layers;
mod package;
mod postgres;
mod process;
mod sbom;
mod sign;
mod sources;
mod tools;
mod trial;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask check [--only NAME…] [--skip NAME…] [--list] [--output table|json]
       cargo xtask dist [--key FILE] [--verify [--previous DEB] [--suite NAME]]
                        [--allow-changes] [--output table|json]

check runs all checks, in order, and says at the end which passed. What is missing
is installed when that is possible (root and apt-get, pip, npm); otherwise the
check says what to install, goes on, and fails at the end.

dist makes a release in target/dist: the binary, the Debian package, the bill of
materials, checksums and, with an SSH private key, their signature. --verify then
installs, starts, upgrades (from --previous, if named) and removes the package in
a minimal Debian (--suite; this machine's own if not named).";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    match arguments.split_first() {
        Some((task, rest)) if task == "check" => check::run(&check::Options::parse(rest)?),
        Some((task, rest)) if task == "dist" => dist::run(&dist::Options::parse(rest)?),
        Some((flag, _)) if flag == "--help" || flag == "-h" => {
            eprintln!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Some((task, _)) => anyhow::bail!("there is no task {task:?}\n\n{USAGE}"),
        None => anyhow::bail!("say which task\n\n{USAGE}"),
    }
}

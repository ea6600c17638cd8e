//! Runs the outside programs that the checks consist of.
//!
//! Apart from the checks so that all of them treat directory, output and
//! failure alike: a failed program is told by its command line and status.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Where people and programs read the result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A table for people; the programs' own output passes through.
    Table,
    /// One JSON line on standard output; everything else goes to standard error.
    Json,
}

impl Output {
    /// Reads the value of `--output`. Errors: another word, or none.
    pub fn parse(word: Option<&String>) -> anyhow::Result<Output> {
        match word.map(String::as_str) {
            Some("table") => Ok(Output::Table),
            Some("json") => Ok(Output::Json),
            _ => bail!("--output is table or json"),
        }
    }
}

/// The checkout in which programs run, and where their output goes.
#[derive(Clone)]
pub struct Place {
    /// The root of the checkout.
    pub root: PathBuf,
    /// Where people read.
    pub output: Output,
}

impl Place {
    /// The checkout that this program was built in. Errors: it lies nowhere.
    pub fn of_checkout(output: Output) -> anyhow::Result<Place> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        Ok(Place { root: root.context("xtask lies in the checkout")?.to_path_buf(), output })
    }

    /// A command that runs in the root of the checkout, without standard input.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> anyhow::Result<Command> {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        if self.output == Output::Json {
            command.stdout(stderr_handle()?);
        }
        Ok(command)
    }

    /// The cargo that started us, in the root of the checkout.
    pub fn cargo(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(cargo)?;
        command.args(arguments);
        Ok(command)
    }

    /// Says a line to people, wherever they read.
    pub fn say(&self, line: &str) {
        match self.output {
            // A closed pipe is no reason to stop checking.
            Output::Table => drop(writeln!(std::io::stdout(), "{line}")),
            Output::Json => eprintln!("{line}"),
        }
    }
}

fn stderr_handle() -> anyhow::Result<Stdio> {
    let handle = std::io::stderr().as_fd().try_clone_to_owned();
    Ok(Stdio::from(handle.context("standard error cannot be shared")?))
}

/// Runs a command to its end. Errors: it cannot start, or it fails.
pub fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let line = spelled(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs a command and returns what it printed. Errors: as [`succeed`], with its words.
pub fn read(command: &mut Command) -> anyhow::Result<String> {
    let line = spelled(command);
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed ({}): {}", output.status, words.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command, passes its standard error on line by line, and returns the
/// last line that satisfies `wanted`, beside whether the command succeeded.
pub fn watch(command: &mut Command, wanted: fn(&str) -> bool) -> anyhow::Result<(Option<String>, anyhow::Result<()>)> {
    let line = spelled(command);
    let mut child = command.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot start `{line}`"))?;
    let mut found = None;
    if let Some(stderr) = child.stderr.take() {
        for text in BufReader::new(stderr).split(b'\n') {
            let text = text.context("the output broke off")?;
            let text = String::from_utf8_lossy(&text);
            eprintln!("{text}");
            if wanted(&text) {
                found = Some(text.trim().to_string());
            }
        }
    }
    let status = child.wait().context("the program cannot be waited for")?;
    let verdict = match status.success() {
        true => Ok(()),
        false => Err(anyhow::anyhow!("`{line}` failed ({status})")),
    };
    Ok((found, verdict))
}

/// The command as a person would type it.
fn spelled(command: &Command) -> String {
    let mut words = vec![program_name(command)];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    words.join(" ")
}

fn program_name(command: &Command) -> String {
    let path = PathBuf::from(command.get_program());
    match path.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => path.to_string_lossy().into_owned(),
    }
}

/// The first file of that name on the search path.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Whether this process runs as root, read from the owner of its own `/proc` entry.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

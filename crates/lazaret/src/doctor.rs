//! The doctor: what is wrong with a node, in plain words, and the command that mends it. It looks at files, addresses
//! and clocks from outside, so that it works with the node running, stopped or broken; it changes nothing.
//! A module of its own because each check stands alone and none may stop the others.

mod files;
mod network;
mod records;

use std::path::Path;

use serde::Serialize;

use crate::config::Config;
use crate::data_dir::DataDir;

pub(crate) use files::certificate_end;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// In plain words.
    pub says: String,
    /// The command or line that mends it.
    pub mend: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// In order.
    Good,
    /// Not wrong, but worth a look.
    Look,
    /// Wrong.
    Wrong,
    /// It could not be found out.
    Unknown,
}

impl Finding {
    fn good(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, says: says.into(), mend: None }
    }

    fn look(check: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Look, says: says.into(), mend: Some(mend.into()) }
    }

    fn wrong(check: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Wrong, says: says.into(), mend: Some(mend.into()) }
    }

    fn unknown(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Unknown, says: says.into(), mend: None }
    }
}

/// Whether the node of a data directory runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Running {
    Yes,
    No,
}

/// Examines the node of a configuration file. A configuration that cannot be used is the only finding then.
pub async fn examine(file: &Path) -> Vec<Finding> {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(problem) => {
            let mend = format!("correct the lines above, then: lazaret config check --config {}", file.display());
            return vec![Finding::wrong("configuration", problem.to_string(), mend)];
        }
    };
    let mut findings = vec![Finding::good("configuration", format!("{} is usable", file.display()))];
    let dir = DataDir::at(&config.data_dir);
    if !config.data_dir.is_dir() {
        let says = format!("there is no folder {}", config.data_dir.display());
        let mend = "make the node with `lazaret init`, or put it back with `lazaret restore`";
        findings.push(Finding::wrong("data folder", says, mend));
        return findings;
    }
    let running = running(&dir);
    let file = file.display().to_string();
    findings.push(match running {
        Ok(Running::Yes) => Finding::good("process", "the node runs"),
        Ok(Running::No) => Finding::look("process", "the node does not run", format!("lazaret serve --config {file}")),
        Err(ref problem) => Finding::unknown("process", format!("{problem:#}")),
    });
    let running = running.unwrap_or(Running::Yes);
    findings.extend(files::examine(&config, &dir));
    findings.extend(network::examine(&config, &dir, running).await);
    findings.extend(records::examine(&config, &dir, running, &file).await);
    findings
}

fn running(dir: &DataDir) -> anyhow::Result<Running> {
    Ok(if dir.is_locked()? { Running::Yes } else { Running::No })
}

#[cfg(test)]
mod tests;

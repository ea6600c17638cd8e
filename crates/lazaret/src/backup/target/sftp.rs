//! Another machine over SSH, by the `sftp` program of OpenSSH: it knows the operator's keys, agents, jump hosts and
//! known hosts, which no library of ours would. It never asks anything: a host or key that is not known is an error.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// How long a silent peer is waited for. Units: seconds.
const CONNECT_SECONDS: &str = "ConnectTimeout=20";

/// A folder on another machine.
#[derive(Debug)]
pub struct Sftp {
    arguments: Vec<String>,
    folder: String,
    shown: String,
}

impl Sftp {
    /// Reads `user@host[:port]/folder`; the folder is relative to the login's unless it starts with two slashes.
    pub(super) fn read(text: &str, key: Option<&Path>) -> anyhow::Result<Self> {
        let (host, folder) = text.split_once('/').context("write sftp://user@host/folder")?;
        let (host, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
            _ => (host, None),
        };
        let plain = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains(['"', '\\', '\n']);
        anyhow::ensure!(plain(host) && plain(folder), "write sftp://user@host/folder, without quotes");
        let mut arguments: Vec<String> =
            ["-q", "-o", "BatchMode=yes", "-o", CONNECT_SECONDS, "-o", "ServerAliveInterval=20"]
                .map(str::to_owned)
                .into();
        if let Some(key) = key {
            arguments.extend(["-i".to_owned(), key.display().to_string()]);
        }
        if let Some(port) = port {
            arguments.extend(["-P".to_owned(), port.to_owned()]);
        }
        arguments.extend(["-b".to_owned(), "-".to_owned(), host.to_owned()]);
        let folder = folder.trim_end_matches('/').to_owned();
        Ok(Self { arguments, folder, shown: format!("sftp://{text}") })
    }

    /// A server program of this machine, without SSH: for tests.
    #[cfg(test)]
    pub(super) fn local(server: &Path, folder: &Path) -> Self {
        let arguments = ["-q", "-b", "-", "-D"].map(str::to_owned).into_iter();
        let arguments = arguments.chain([server.display().to_string()]).collect();
        Self { arguments, folder: folder.display().to_string(), shown: "sftp (local)".to_owned() }
    }

    pub(super) async fn list(&self, folder: &str) -> anyhow::Result<Vec<String>> {
        // a folder that is not there yet is an empty one: asked of its parent, which `put` makes
        let mut path = PathBuf::from(&self.folder);
        for part in folder.split('/') {
            let names = self.run(&format!("@ls -1 {}\n", quoted(&path)?)).await?;
            if !names_of(&names, &path).iter().any(|name| name == part) {
                return Ok(Vec::new());
            }
            path.push(part);
        }
        let names = self.run(&format!("@ls -1 {}\n", quoted(&path)?)).await?;
        Ok(names_of(&names, &path).into_iter().filter(|name| !name.ends_with(".part")).collect())
    }

    pub(super) async fn put(&self, name: &str, from: &Path) -> anyhow::Result<()> {
        let mut script = String::new();
        let to = Path::new(&self.folder).join(name);
        let mut folder = PathBuf::from(&self.folder);
        for part in Path::new(name).parent().map(Path::components).into_iter().flatten() {
            folder.push(part);
            // a minus in front: it may exist
            script.push_str(&format!("-@mkdir {}\n", quoted(&folder)?));
        }
        let part = to.with_added_extension("part");
        script.push_str(&format!("@put -f {} {}\n", quoted(from)?, quoted(&part)?));
        script.push_str(&format!("@rename {} {}\n", quoted(&part)?, quoted(&to)?));
        self.run(&script).await.map(drop)
    }

    pub(super) async fn get(&self, name: &str, to: &Path) -> anyhow::Result<()> {
        let from = Path::new(&self.folder).join(name);
        self.run(&format!("@get {} {}\n", quoted(&from)?, quoted(to)?)).await.map(drop)
    }

    async fn run(&self, script: &str) -> anyhow::Result<String> {
        let (arguments, script) = (self.arguments.clone(), script.to_owned());
        let done = tokio::task::spawn_blocking(move || run_now(&arguments, &script)).await??;
        let said = String::from_utf8_lossy(&done.stderr);
        anyhow::ensure!(done.status.success(), "sftp says: {}", said.trim());
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }
}

fn run_now(arguments: &[String], script: &str) -> anyhow::Result<std::process::Output> {
    let mut child = Command::new("sftp")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("the program sftp cannot be started; install openssh-client")?;
    if let Some(mut input) = child.stdin.take() {
        // a program that ended already says why
        let _ = input.write_all(script.as_bytes());
    }
    Ok(child.wait_with_output()?)
}

impl std::fmt::Display for Sftp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The last part of each line: servers answer with whole paths.
fn names_of(listing: &str, folder: &Path) -> Vec<String> {
    let folder = format!("{}/", folder.display());
    listing.lines().map(|line| line.trim_end().strip_prefix(&folder).unwrap_or(line.trim_end()).to_owned()).collect()
}

fn quoted(path: &Path) -> anyhow::Result<String> {
    let text = path.display().to_string();
    anyhow::ensure!(!text.contains(['"', '\\', '\n']), "{text:?} cannot be named to sftp; choose a plainer path");
    Ok(format!("\"{text}\""))
}

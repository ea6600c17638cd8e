//! A PostgreSQL server of the check's own, for the store's tests.
//!
//! A file of its own because it owns a process and a folder that must not
//! outlive the check. The server listens on a Unix socket in a private folder
//! only, keeps PostgreSQL's durability defaults, and never runs as root.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::process;
use crate::tools;

/// How long a new server may take to accept connections.
const START_SECONDS_MAX: u64 = 60;

/// A running server. It is stopped, and its folder removed, when this value goes.
pub struct Cluster {
    server: Child,
    folder: PathBuf,
}

/// Who the server runs as: root may not run PostgreSQL.
#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Cluster {
    /// Makes and starts a server. Errors: no programs, no unprivileged user, or it does not start.
    pub fn start() -> anyhow::Result<Cluster> {
        let programs = tools::postgres_programs().context("PostgreSQL's programs are not there")?;
        let owner = match process::is_root() {
            true => Some(unprivileged_owner()?),
            false => None,
        };
        let folder = private_folder(owner)?;
        let started =
            initialise(&programs, &folder, owner).and_then(|()| launch(&programs, &folder, owner)).and_then(|server| {
                let cluster = Cluster { server, folder: folder.clone() };
                cluster.ready()
            });
        if started.is_err() {
            // The error says more than a failed clean-up would.
            drop(std::fs::remove_dir_all(&folder));
        }
        started
    }

    /// The server's address, as a connection URL.
    pub fn url(&self) -> String {
        let socket = self.folder.display();
        format!("postgres://postgres@localhost/postgres?host={socket}")
    }

    /// Waits until the server writes `ready` into its lock file.
    fn ready(mut self) -> anyhow::Result<Cluster> {
        let lock = self.folder.join("data/postmaster.pid");
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        while Instant::now() < deadline {
            if let Some(status) = self.server.try_wait()? {
                let words = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                bail!("PostgreSQL stopped at once ({status}): {}", words.trim());
            }
            let state = std::fs::read_to_string(&lock).unwrap_or_default();
            if state.lines().last().is_some_and(|line| line.trim() == "ready") {
                return Ok(self);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("PostgreSQL was not ready within {START_SECONDS_MAX} s")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGQUIT's immediate shutdown is enough: the folder goes with it.
        let stop = Command::new("kill").arg("-QUIT").arg(self.server.id().to_string()).status();
        if !stop.is_ok_and(|status| status.success()) {
            drop(self.server.kill());
        }
        drop(self.server.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// The user `postgres` of Debian's package, or else `nobody`.
fn unprivileged_owner() -> anyhow::Result<Owner> {
    let users = std::fs::read_to_string("/etc/passwd").context("/etc/passwd cannot be read")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| owner_named(&users, name))
        .context("root may not run PostgreSQL, and there is neither a user postgres nor nobody")
}

fn owner_named(users: &str, name: &str) -> Option<Owner> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2);
    Some(Owner { user: numbers.next()?.parse().ok()?, group: numbers.next()?.parse().ok()? })
}

fn private_folder(owner: Option<Owner>) -> anyhow::Result<PathBuf> {
    let name = format!("lazaret-check-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
    if let Some(Owner { user, group }) = owner {
        std::os::unix::fs::chown(&folder, Some(user), Some(group))?;
    }
    Ok(folder)
}

fn initialise(programs: &Path, folder: &Path, owner: Option<Owner>) -> anyhow::Result<()> {
    let mut initdb = command_as(&programs.join("initdb"), folder, owner);
    initdb.arg("--pgdata").arg(folder.join("data"));
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
    initdb.args(["--locale=C", "--no-sync", "--no-instructions"]);
    process::read(&mut initdb).map(drop)
}

fn launch(programs: &Path, folder: &Path, owner: Option<Owner>) -> anyhow::Result<Child> {
    let log = std::fs::File::create(folder.join("log")).context("the log cannot be made")?;
    let mut postgres = command_as(&programs.join("postgres"), folder, owner);
    postgres.arg("-D").arg(folder.join("data"));
    postgres.arg("-k").arg(folder);
    postgres.args(["-c", "listen_addresses="]);
    postgres.stdout(Stdio::null()).stderr(log);
    postgres.spawn().context("PostgreSQL cannot be started")
}

fn command_as(program: &Path, folder: &Path, owner: Option<Owner>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    if let Some(Owner { user, group }) = owner {
        command.uid(user).gid(group);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_server_accepts_connections_and_leaves_nothing_behind() {
        if tools::postgres_programs().is_none() {
            eprintln!("not tried: PostgreSQL's programs are not there");
            return;
        }
        let cluster = Cluster::start().unwrap();
        let folder = cluster.folder.clone();
        assert!(cluster.url().ends_with(&format!("host={}", folder.display())));
        UnixStream::connect(folder.join(".s.PGSQL.5432")).unwrap();
        drop(cluster);
        assert!(!folder.exists());
    }

    #[test]
    fn owners_are_read_from_the_list_of_users() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:105:113::/var/lib:/bin/sh\n";
        let owner = owner_named(users, "postgres").unwrap();
        assert_eq!((owner.user, owner.group), (105, 113));
        assert!(owner_named(users, "nobody").is_none());
    }
}

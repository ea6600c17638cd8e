//! Tries a package as its users would: install, start, upgrade, remove, purge.
//!
//! A file of its own because it is one story, told once for the check and for
//! the release. The service is started by the very line of its unit, as the
//! unit's user with the unit's capabilities, and must say that it is ready.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::chroot::{Base, Chroot};
use crate::package::{self, Pack, Squeeze};
use crate::process::{self, Place};
use crate::{sbom, tools};

const UNIT: &str = "/usr/lib/systemd/system/lazaret.service";
const ENABLED: &str = "/etc/systemd/system/multi-user.target.wants/lazaret.service";
const CONFIG: &str = "/etc/lazaret/lazaret.toml";
const CONFFILE: &str = "/etc/lazaret/service.env";
const DATA: &str = "/var/lib/lazaret";
/// Where the service tells that it is ready.
const NOTIFY: &str = "/run/lazaret-trial";
/// How long a start or a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Packs a build of the tests under two versions, and tries them.
pub fn pack_and_run(place: &Place, base: &Base, built: &Path) -> anyhow::Result<String> {
    let into = tools::target_folder(place).join("check-package");
    std::fs::create_dir_all(&into).with_context(|| format!("{} cannot be made", into.display()))?;
    let binary = into.join("lazaret");
    process::read(Command::new("strip").arg("-o").arg(&binary).arg(built))?;
    let bill = sbom::Source::read(place)?.document(None)?;
    let pack = |version| {
        let squeeze = Squeeze::None;
        package::pack(place, &Pack { binary: &binary, version, bill: &bill, epoch: 0, squeeze, into: &into })
    };
    let (old, new) = (pack("0~check1")?, pack("0~check2")?);
    let seen = run(base, &old, &new);
    std::fs::remove_dir_all(&into).with_context(|| format!("{} cannot be removed", into.display()))?;
    seen
}

/// Goes through the whole life of two versions of a package; `old` must sort before `new`.
/// Returns what was seen, for the summary. Errors: the first thing that is not as promised.
pub fn run(base: &Base, old: &Path, new: &Path) -> anyhow::Result<String> {
    let chroot = Chroot::unpack(base)?;
    for (package, name) in [(old, "old.deb"), (new, "new.deb")] {
        std::fs::copy(package, chroot.outside(&format!("/root/{name}")))
            .with_context(|| format!("{} cannot be copied", package.display()))?;
    }
    let trial = Trial { chroot, ports: Ports::free()? };
    trial.install()?;
    let exposure = trial.unit()?;
    trial.init()?;
    let started = Instant::now();
    trial.serve(Then::AddAnAccount).context("after the installation")?;
    let took = started.elapsed();
    trial.upgrade()?;
    trial.serve(Then::Stop).context("after the upgrade")?;
    trial.remove()?;
    trial.purge()?;
    Ok(format!("installed, served in {:.1} s, upgraded, removed, purged; {exposure}", took.as_secs_f64()))
}

/// What happens while the service runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Root adds an account beside it.
    AddAnAccount,
    /// Nothing more.
    Stop,
}

struct Trial {
    chroot: Chroot,
    ports: Ports,
}

/// Ports on loopback that nobody uses.
struct Ports {
    admin: u16,
    /// Below 1024: only root, or who has the capability.
    syslog: u16,
}

impl Ports {
    fn free() -> anyhow::Result<Ports> {
        let admin = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let syslog = (600..1024).rev().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        Ok(Ports { admin, syslog: syslog.context("no port below 1024 is free")? })
    }
}

impl Trial {
    fn dpkg(&self, words: &[&str]) -> anyhow::Result<String> {
        self.chroot.run(&[&["dpkg", "--force-unsafe-io"], words].concat())
    }

    fn install(&self) -> anyhow::Result<()> {
        let told = self.dpkg(&["--install", "/root/old.deb"])?;
        ensure!(told.contains("lazaret init"), "the installation does not say what comes next: {told}");
        ensure!(is_link(&self.chroot.outside(ENABLED)), "the service is not enabled");
        let manual = self.chroot.outside("/usr/share/man/man1/lazaret.1.gz");
        ensure!(manual.is_file(), "there is no manual page");
        self.owned("/etc/lazaret", "root", 0o750)?;
        self.owned(DATA, "lazaret", 0o700)
    }

    /// The unit holds; how exposed systemd finds it.
    fn unit(&self) -> anyhow::Result<String> {
        let told = self.chroot.run(&["systemd-analyze", "verify", "--man=no", UNIT])?;
        ensure!(told.trim().is_empty(), "systemd warns of the unit: {told}");
        let told = self.chroot.run(&["systemd-analyze", "security", "--offline=true", "--threshold=25", UNIT])?;
        let line = told.lines().rev().find(|line| line.contains("exposure level"));
        let level = line.and_then(|line| line.split_once(".service:")).context("systemd names no exposure level")?;
        let number = level.1.split_whitespace().next().unwrap_or_default();
        Ok(format!("exposure {number}"))
    }

    fn init(&self) -> anyhow::Result<()> {
        let Ports { admin, syslog } = self.ports;
        let (admin, syslog) = (format!("127.0.0.1:{admin}"), format!("127.0.0.1:{syslog}"));
        let any = "127.0.0.1:0";
        let mut words = vec!["lazaret", "init", "--role", "hospital", "--name", "Trial", "--country", "BE"];
        words.extend(["--console", any, "--http", any, "--syslog-udp", any]);
        words.extend(["--admin", &admin, "--syslog-tcp", &syslog]);
        let told = self.chroot.run(&words)?;
        ensure!(told.contains("systemctl start lazaret"), "init does not say how to start: {told}");
        self.chroot.run(&["lazaret", "config", "check"])?;
        self.owned(CONFIG, "root", 0o640)?;
        self.owned(&format!("{DATA}/node.key"), "lazaret", 0o600)?;
        let again = self.chroot.run(&words);
        ensure!(again.is_err(), "a second init does not refuse");
        Ok(())
    }

    /// Starts the service, sees it answer, and stops it.
    fn serve(&self, then: Then) -> anyhow::Result<()> {
        let mut service = Service::start(&self.chroot)?;
        service.until("READY=1")?;
        let answer = get(self.ports.admin, "/health/ready")?;
        ensure!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.0 200"), "not ready: {answer}");
        TcpStream::connect(("127.0.0.1", self.ports.syslog)).context("syslog's port is not open")?;
        if then == Then::AddAnAccount {
            self.chroot.run(&["lazaret", "user", "add", "maria", "--role", "operator"])?;
        }
        service.stop()?;
        self.nothing_of_roots()
    }

    fn upgrade(&self) -> anyhow::Result<()> {
        let kept = self.kept()?;
        let conffile = self.chroot.outside(CONFFILE);
        let changed = format!("{}# changed here\n", std::fs::read_to_string(&conffile)?);
        std::fs::write(&conffile, &changed)?;
        let before = self.version()?;
        self.dpkg(&["--install", "/root/new.deb"])?;
        ensure!(self.version()? != before, "the version did not change");
        ensure!(std::fs::read_to_string(&conffile)? == changed, "the upgrade lost a change of {CONFFILE}");
        ensure!(self.kept()? == kept, "the upgrade changed the configuration or the node's key");
        ensure!(is_link(&self.chroot.outside(ENABLED)), "the upgrade disabled the service");
        Ok(())
    }

    fn remove(&self) -> anyhow::Result<()> {
        let kept = self.kept()?;
        let told = self.dpkg(&["--remove", "lazaret"])?;
        ensure!(told.contains("are kept"), "the removal does not say what stays: {told}");
        ensure!(!self.chroot.outside("/usr/bin/lazaret").exists(), "the program is still there");
        ensure!(self.kept()? == kept, "the removal changed what it keeps");
        self.dpkg(&["--install", "/root/new.deb"])?;
        ensure!(self.kept()? == kept, "installing again changed what was kept");
        self.owned(CONFIG, "root", 0o640)?;
        ensure!(is_link(&self.chroot.outside(ENABLED)), "installed again, the service is not enabled");
        Ok(())
    }

    fn purge(&self) -> anyhow::Result<()> {
        let told = self.dpkg(&["--purge", "lazaret"])?;
        for folder in [DATA, "/etc/lazaret"] {
            ensure!(told.contains(&format!("deleting {folder}")), "the purge does not name {folder}: {told}");
            ensure!(!self.chroot.outside(folder).exists(), "{folder} is still there");
        }
        for file in [UNIT, ENABLED, "/etc/systemd/system/lazaret.service", "/usr/share/doc/lazaret"] {
            let left = std::fs::symlink_metadata(self.chroot.outside(file)).is_ok();
            ensure!(!left, "{file} is still there");
        }
        Ok(())
    }

    fn version(&self) -> anyhow::Result<String> {
        self.chroot.run(&["dpkg-query", "--show", "lazaret"])
    }

    /// What must survive: the configuration and the node's identity.
    fn kept(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let read = |path: &str| std::fs::read(self.chroot.outside(path)).with_context(|| format!("{path} is gone"));
        [CONFIG, &format!("{DATA}/node.key"), &format!("{DATA}/lazaret.sqlite")].into_iter().map(read).collect()
    }

    fn owned(&self, path: &str, user: &str, mode: u32) -> anyhow::Result<()> {
        let entry = std::fs::metadata(self.chroot.outside(path)).with_context(|| format!("{path} is not there"))?;
        let wanted: u32 = self.chroot.run(&["id", "--user", user])?.trim().parse()?;
        ensure!(entry.uid() == wanted, "{path} is not {user}'s");
        let found = entry.permissions().mode() & 0o777;
        ensure!(found == mode, "{path} has mode {found:o}, not {mode:o}");
        Ok(())
    }

    fn nothing_of_roots(&self) -> anyhow::Result<()> {
        let found = self.chroot.run(&["find", DATA, "-user", "root"])?;
        ensure!(found.trim().is_empty(), "these are root's, and the service cannot write them: {found}");
        Ok(())
    }
}

/// The running service. It is killed when this value goes.
struct Service {
    child: Child,
    told: UnixDatagram,
    log: std::path::PathBuf,
}

impl Service {
    fn start(chroot: &Chroot) -> anyhow::Result<Service> {
        let unit = std::fs::read_to_string(chroot.outside(UNIT)).context("there is no unit")?;
        let socket = chroot.outside(NOTIFY);
        drop(std::fs::remove_file(&socket));
        let told = UnixDatagram::bind(&socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666))?;
        let log = chroot.outside("/root/service.log");
        let output = std::fs::File::create(&log)?;
        let words = as_systemd_does(&unit)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = chroot.command(&words);
        command.env("NOTIFY_SOCKET", NOTIFY).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().context("the service cannot be started")?;
        Ok(Service { child, told, log })
    }

    /// Waits until the service tells systemd this word.
    fn until(&mut self, word: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        // A short wait each time, so that a service that died is noticed at once.
        self.told.set_read_timeout(Some(Duration::from_millis(200)))?;
        while Instant::now() < deadline {
            let mut bytes = [0; 4096];
            if let Ok(length) = self.told.recv(&mut bytes)
                && String::from_utf8_lossy(&bytes[..length]).lines().any(|line| line == word)
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the service ended ({status}): {}", self.words());
            }
        }
        bail!("the service did not say {word} in time: {}", self.words())
    }

    fn stop(mut self) -> anyhow::Result<()> {
        process::read(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()))?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the service stopped with {status}: {}", self.words());
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the service did not stop: {}", self.words())
    }

    fn words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The unit's `ExecStart`, as its user and with its capabilities only.
fn as_systemd_does(unit: &str) -> anyhow::Result<Vec<String>> {
    let value = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(str::trim).with_context(|| format!("the unit has no {key}"))
    };
    let (user, group) = (value("User")?, value("Group")?);
    let capabilities: String = value("AmbientCapabilities")?
        .split_whitespace()
        .map(|name| format!(",+{}", name.trim_start_matches("CAP_").to_lowercase()))
        .collect();
    let mut words = vec!["setpriv".to_string(), format!("--reuid={user}"), format!("--regid={group}")];
    words.extend(["--init-groups".to_string(), "--no-new-privs".to_string()]);
    for set in ["inh-caps", "ambient-caps", "bounding-set"] {
        words.push(format!("--{set}=-all{capabilities}"));
    }
    words.extend(value("ExecStart")?.split_whitespace().map(str::to_string));
    Ok(words)
}

fn get(port: u16, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("the admin address does not answer")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|entry| entry.is_symlink())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_started_as_its_unit_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let unit = std::fs::read_to_string(root.join("packaging/lazaret.service")).unwrap();
        let words = as_systemd_does(&unit).unwrap().join(" ");
        assert!(words.starts_with("setpriv --reuid=lazaret --regid=lazaret "), "{words}");
        assert!(words.contains("--ambient-caps=-all,+net_bind_service "), "{words}");
        assert!(words.ends_with(" /usr/bin/lazaret serve --config /etc/lazaret/lazaret.toml"), "{words}");
        assert!(as_systemd_does("[Service]\nUser=lazaret\n").is_err());
    }
}

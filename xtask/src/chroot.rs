//! A minimal Debian in a folder, to try a package in.
//!
//! A file of its own because it owns a folder that must not outlive the trial.
//! It is made once by mmdebstrap from the machine's own Debian mirror and kept
//! as an archive under `target/`; each trial unpacks it anew. Nothing is
//! mounted, so that it works in a container that may not mount.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::process::{self, Place};

/// What is in it beside the essential packages: what our package depends on, and `systemd-analyze`.
const INCLUDED: &str = "systemd";

/// An archived minimal Debian.
#[derive(Clone)]
pub struct Base {
    archive: PathBuf,
}

impl Base {
    /// Finds the archive in a folder, or makes it. Errors: mmdebstrap's, after a second try (mirrors hiccup).
    pub fn provide(place: &Place, folder: &Path, suite: Option<&str>) -> anyhow::Result<Base> {
        let suite = match suite {
            Some(suite) => suite.to_string(),
            None => own_suite()?,
        };
        let archive = folder.join(format!("debian-{suite}-{INCLUDED}.tar"));
        if archive.is_file() {
            return Ok(Base { archive });
        }
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        place.say(&format!("making a minimal Debian ({suite}) to install in"));
        // Its name ends as the archive's does: mmdebstrap chooses the format by it.
        let unfinished = folder.join(format!("unfinished-{}.tar", std::process::id()));
        let made = make(place, &suite, &unfinished).or_else(|_| make(place, &suite, &unfinished));
        if made.is_err() {
            drop(std::fs::remove_file(&unfinished));
        }
        made?;
        std::fs::rename(&unfinished, &archive).with_context(|| format!("{} cannot be kept", archive.display()))?;
        Ok(Base { archive })
    }
}

fn make(place: &Place, suite: &str, archive: &Path) -> anyhow::Result<()> {
    let mut command = place.command("mmdebstrap")?;
    command.args(["--quiet", "--variant=essential", "--dpkgopt=force-unsafe-io"]);
    command.arg(format!("--include={INCLUDED}")).arg(suite).arg(archive);
    command.args(own_mirror(suite));
    process::read(&mut command).map(drop)
}

/// The suite of the machine: a build made here runs there.
fn own_suite() -> anyhow::Result<String> {
    let release = std::fs::read_to_string("/etc/os-release").context("/etc/os-release cannot be read")?;
    suite_in(&release).context("/etc/os-release names no Debian release (VERSION_CODENAME)")
}

fn suite_in(release: &str) -> Option<String> {
    let value = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim_matches('"').to_string()).filter(|name| !name.is_empty())
}

/// Where this machine gets that suite from; none: mmdebstrap's own choice.
fn own_mirror(suite: &str) -> Option<String> {
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(RELEASE) $(COMPONENT) $(SITE)", "Created-By: Packages"]);
    let targets = process::read(&mut apt).ok()?;
    targets.lines().find_map(|line| line.strip_prefix(&format!("{suite} main "))).map(str::to_string)
}

/// An unpacked one. It is removed when this value goes.
pub struct Chroot {
    root: PathBuf,
}

impl Chroot {
    /// Unpacks an archive into a folder of its own. Errors: `tar` fails; it needs root.
    pub fn unpack(base: &Base) -> anyhow::Result<Chroot> {
        // Beside other temporary files: the path of a socket inside must stay short.
        let root = std::env::temp_dir().join(format!("lazaret-chroot-{}", std::process::id()));
        std::fs::create_dir(&root).with_context(|| format!("{} cannot be made", root.display()))?;
        let chroot = Chroot { root };
        let mut tar = Command::new("tar");
        tar.arg("--extract").arg("--numeric-owner").arg("--file").arg(&base.archive);
        process::read(tar.arg("--directory").arg(&chroot.root))?;
        Ok(chroot)
    }

    /// Where a file inside lies outside.
    pub fn outside(&self, inside: &str) -> PathBuf {
        self.root.join(inside.trim_start_matches('/'))
    }

    /// A command inside, as root, with nothing of our environment.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command.arg(&self.root).args(words);
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("LANG", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
        command.stdin(Stdio::null());
        // A group of its own: Ctrl-C at the terminal stops us, and we stop what runs inside.
        command.process_group(0);
        command
    }

    /// Runs a command inside and returns all it printed. Errors: it fails.
    pub fn run(&self, words: &[&str]) -> anyhow::Result<String> {
        let output = self.command(words).output().with_context(|| format!("cannot start {words:?} inside"))?;
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        anyhow::ensure!(output.status.success(), "`{}` failed inside: {}", words.join(" "), text.trim());
        Ok(text)
    }
}

impl Drop for Chroot {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.root));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_is_the_code_name() {
        assert_eq!(suite_in("ID=debian\nVERSION_CODENAME=bookworm\n"), Some("bookworm".to_string()));
        assert_eq!(suite_in("ID=other\nVERSION_CODENAME=\n"), None);
    }
}

//! Packs a binary and everything that belongs beside it into a `.deb`.
//!
//! A file of its own because two tasks pack: the check, from the build of the
//! tests, and `dist`, from the release. What lies where is decided here; what
//! happens at installation is in `packaging/debian`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::process::{self, Place};

/// What is packed.
pub struct Pack<'a> {
    /// The program, for this machine's processor.
    pub binary: &'a Path,
    /// The package's version, as Debian orders them.
    pub version: &'a str,
    /// The bill of materials, a CycloneDX document.
    pub bill: &'a str,
    /// Every file's time, seconds since 1970: the same input makes the same package.
    pub epoch: u64,
    /// How hard it is compressed.
    pub squeeze: Squeeze,
    /// The folder that gets the package.
    pub into: &'a Path,
}

/// How hard a package is compressed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Squeeze {
    /// Not at all: it is unpacked at once.
    None,
    /// As Debian does.
    Xz,
}

/// Where files of the checkout go, as they are.
const PLAIN: &[(&str, &str)] = &[
    ("packaging/lazaret.service", "usr/lib/systemd/system/lazaret.service"),
    ("packaging/lazaret.sysusers", "usr/lib/sysusers.d/lazaret.conf"),
    ("packaging/service.env", "etc/lazaret/service.env"),
    ("packaging/debian/copyright", "usr/share/doc/lazaret/copyright"),
    ("LICENSE", "usr/share/doc/lazaret/LICENSE"),
    ("docs/install.md", "usr/share/doc/lazaret/install.md"),
];

/// What the program prints of itself, and where it goes.
const PRINTED: &[(&[&str], &str)] = &[
    (&["completions", "bash"], "usr/share/bash-completion/completions/lazaret"),
    (&["completions", "zsh"], "usr/share/zsh/vendor-completions/_lazaret"),
    (&["completions", "fish"], "usr/share/fish/vendor_completions.d/lazaret.fish"),
];

/// Packs, and returns the package's path. Errors: a file is missing, or `dpkg-deb` fails.
pub fn pack(place: &Place, pack: &Pack) -> anyhow::Result<PathBuf> {
    let stage = Stage::new(&pack.into.join(format!("stage-{}", pack.version)))?;
    stage.put("usr/bin/lazaret", &read(pack.binary)?, 0o755)?;
    for (from, to) in PLAIN {
        stage.put(to, &read(&place.root.join(from))?, 0o644)?;
    }
    for (words, to) in PRINTED {
        let text = process::read(std::process::Command::new(pack.binary).args(*words))?;
        stage.put(to, text.as_bytes(), 0o644)?;
    }
    let manual = process::read(std::process::Command::new(pack.binary).arg("man"))?;
    stage.put("usr/share/man/man1/lazaret.1", manual.as_bytes(), 0o644)?;
    stage.put("usr/share/doc/lazaret/changelog", &read(&place.root.join("CHANGELOG.md"))?, 0o644)?;
    for name in ["usr/share/man/man1/lazaret.1", "usr/share/doc/lazaret/changelog"] {
        process::read(std::process::Command::new("gzip").arg("-9n").arg(stage.folder.join(name)))?;
    }
    stage.put("usr/share/doc/lazaret/lazaret.cdx.json", pack.bill.as_bytes(), 0o644)?;
    stage.control(place, pack)?;
    build(&stage, pack)
}

fn build(stage: &Stage, pack: &Pack) -> anyhow::Result<PathBuf> {
    let package = pack.into.join(format!("lazaret_{}_{}.deb", pack.version, architecture()?));
    let mut command = std::process::Command::new("dpkg-deb");
    command.env("SOURCE_DATE_EPOCH", pack.epoch.to_string());
    command.arg("--root-owner-group").arg(match pack.squeeze {
        Squeeze::None => "-Znone",
        Squeeze::Xz => "-Zxz",
    });
    process::read(command.arg("--build").arg(&stage.folder).arg(&package))?;
    Ok(package)
}

/// The folder whose content becomes the package; removed when this value goes.
struct Stage {
    folder: PathBuf,
}

impl Stage {
    fn new(folder: &Path) -> anyhow::Result<Stage> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        let stage = Stage { folder: folder.to_path_buf() };
        stage.make(&stage.folder)?;
        Ok(stage)
    }

    /// Writes a file with exactly this mode, and makes the folders above it.
    fn put(&self, name: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            self.make(parent)?;
        }
        std::fs::write(&path, bytes)
            .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Makes folders that everybody may enter, whatever this process's mask is.
    fn make(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let open = || std::fs::Permissions::from_mode(0o755);
        for above in folder.ancestors().take_while(|above| above.starts_with(&self.folder)) {
            std::fs::set_permissions(above, open())?;
        }
        Ok(())
    }

    fn control(&self, place: &Place, pack: &Pack) -> anyhow::Result<()> {
        let debian = place.root.join("packaging/debian");
        let control = String::from_utf8(read(&debian.join("control"))?).context("control is not text")?;
        let size = size_kib(&self.folder)?.to_string();
        let (architecture, glibc) = (architecture()?, glibc_needed(pack.binary)?);
        let values = [
            ("@VERSION@", pack.version),
            ("@ARCHITECTURE@", architecture),
            ("@SIZE_KIB@", &size),
            ("@GLIBC@", &glibc.to_string()),
        ];
        let control = values.iter().fold(control, |text, (key, value)| text.replace(key, value));
        if let Some(line) = control.lines().find(|line| line.contains('@') && !line.starts_with("Maintainer")) {
            bail!("packaging/debian/control: nothing is known for {line:?}");
        }
        self.put("DEBIAN/control", control.as_bytes(), 0o644)?;
        self.put("DEBIAN/conffiles", &read(&debian.join("conffiles"))?, 0o644)?;
        for script in ["postinst", "prerm", "postrm"] {
            self.put(&format!("DEBIAN/{script}"), &read(&debian.join(script))?, 0o755)?;
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// A version of the C library, e.g. 2.28.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Glibc(pub u32, pub u32);

impl std::fmt::Display for Glibc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The oldest C library on which a program starts, read from the symbols it asks for.
pub fn glibc_needed(binary: &Path) -> anyhow::Result<Glibc> {
    let symbols = process::read(std::process::Command::new("objdump").arg("-T").arg(binary))?;
    let newest = symbols.split("GLIBC_").skip(1).filter_map(version_at_start).max();
    newest.with_context(|| format!("{} asks for no symbol of the C library", binary.display()))
}

fn version_at_start(text: &str) -> Option<Glibc> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let mut numbers = text[..end].split('.').map(str::parse);
    Some(Glibc(numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// This machine's processor, as Debian calls it.
pub fn architecture() -> anyhow::Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("no packages are made for {other}"),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn size_kib(folder: &Path) -> anyhow::Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        size += match entry.file_type()?.is_dir() {
            true => size_kib(&entry.path())?,
            false => entry.metadata()?.len().div_ceil(1024),
        };
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_numbers() {
        let symbols =
            "0 DF *UND* 0 (GLIBC_2.2.5) free\n0 DF *UND* 0 (GLIBC_2.28) fcntl64\n0 (GLIBC_2.9) x GLIBC_ABI_DT";
        let newest = symbols.split("GLIBC_").skip(1).filter_map(version_at_start).max();
        assert_eq!(newest, Some(Glibc(2, 28)));
        assert_eq!(Glibc(2, 28).to_string(), "2.28");
    }

    #[test]
    fn every_packed_file_is_in_the_checkout() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for (from, _) in PLAIN {
            assert!(root.join(from).is_file(), "{from}");
        }
    }
}

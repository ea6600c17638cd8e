//! `cargo xtask dist`: everything that a release consists of, in one folder.
//!
//! A binary for old C libraries, the Debian package, the bill of materials,
//! the checksums and their signature. Apart from the check because it takes
//! long and because what it makes leaves this machine: so it names no path of
//! this machine, and the same commit makes the same bytes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use serde_json::json;

use crate::package::{self, Glibc, Pack, Squeeze};
use crate::process::{self, Output, Place};
use crate::sign;
use crate::tools::{self, Need, Tools};
use crate::{sbom, trial};

/// The oldest C library that the release starts on (Debian 10, RHEL 8, Ubuntu 18.10).
const GLIBC: Glibc = Glibc(2, 28);

/// What was asked for on the command line.
pub struct Options {
    key: Option<PathBuf>,
    previous: Option<PathBuf>,
    suite: Option<String>,
    verify: bool,
    changed_too: bool,
    output: Output,
}

impl Options {
    /// Reads the arguments after `dist`. Errors: an unknown flag, or a value is missing.
    pub fn parse(arguments: &[String]) -> anyhow::Result<Options> {
        let (mut key, mut previous, mut suite) = (None, None, None);
        let (mut verify, mut changed_too, mut output) = (false, false, Output::Table);
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--key" => key = Some(absolute(value()?)?),
                "--previous" => previous = Some(absolute(value()?)?),
                "--suite" => suite = Some(value()?.clone()),
                "--verify" => verify = true,
                "--allow-changes" => changed_too = true,
                "--output" => output = Output::parse(words.next())?,
                other => bail!("dist does not know {other:?}; see cargo xtask --help"),
            }
        }
        Ok(Options { key, previous, suite, verify, changed_too, output })
    }
}

/// Programs run in the root of the checkout, people type paths from where they are.
fn absolute(word: &str) -> anyhow::Result<PathBuf> {
    std::path::absolute(word).with_context(|| format!("{word:?} is no path"))
}

/// Makes the release. Exit status 0, or an error.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let place = Place::of_checkout(options.output)?;
    let mut making = Making::prepare(place, options)?;
    making.build()?;
    let bill = making.bill()?;
    let packages = making.packages(&bill)?;
    making.sign(options)?;
    let seen = match options.verify {
        true => Some(making.verify(options, &packages)?),
        false => None,
    };
    making.report(options, seen)
}

/// A release that is being made.
struct Making {
    place: Place,
    tools: Tools,
    /// Where the finished files go.
    folder: PathBuf,
    /// Where what is not part of the release goes.
    scratch: PathBuf,
    version: String,
    commit: String,
    /// When the commit was made, seconds since 1970.
    epoch: u64,
    binary: PathBuf,
    began: Instant,
}

/// The same contents under the version that is released and under one that sorts before it.
struct Packages {
    released: PathBuf,
    before: PathBuf,
}

impl Making {
    fn prepare(place: Place, options: &Options) -> anyhow::Result<Making> {
        let changes = git(&place, &["status", "--porcelain"])?;
        ensure!(
            changes.is_empty() || options.changed_too,
            "there are changes that no commit holds, so nobody could make this release again; commit them, or say \
             --allow-changes"
        );
        let needs: &[Need] = match options.verify {
            true => &[Need::Zig, Need::Chroot],
            false => &[Need::Zig],
        };
        let tools = Tools::prepare(&place, needs);
        let missing: Vec<&str> = needs.iter().filter_map(|need| tools.missing(*need)).collect();
        ensure!(missing.is_empty(), "{}", missing.join("; "));
        let target = tools::target_folder(&place);
        let (folder, scratch) = (target.join("dist"), target.join("dist-scratch"));
        for folder in [&folder, &scratch] {
            drop(std::fs::remove_dir_all(folder));
            std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        Ok(Making {
            version: own_version(&place)?,
            commit: git(&place, &["rev-parse", "HEAD"])?,
            epoch: git(&place, &["log", "-1", "--format=%ct"])?.parse().context("git tells no time")?,
            binary: PathBuf::new(),
            began: Instant::now(),
            place,
            tools,
            folder,
            scratch,
        })
    }

    fn step(&self, words: &str) {
        self.place.say(&format!("{:>7.1} s  {words}", self.began.elapsed().as_secs_f64()));
    }

    /// Compiles, linked for the old C library, and looks at what came out.
    fn build(&mut self) -> anyhow::Result<()> {
        let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        self.step(&format!("compiling lazaret {} for {target}, C library {GLIBC}", self.version));
        let zigbuild = self.tools.program("cargo-zigbuild").context("cargo-zigbuild is not there")?;
        let mut command = self.place.command(&zigbuild)?;
        command.args(["zigbuild", "--locked", "--release", "--package", "lazaret"]);
        command.arg("--target").arg(format!("{target}.{GLIBC}"));
        command.args(["--config", "profile.release.strip=\"debuginfo\""]);
        self.surround(&mut command, &zigbuild)?;
        process::succeed(&mut command)?;
        let built = tools::target_folder(&self.place).join(target).join("release/lazaret");
        self.binary = self.folder.join(format!("lazaret-{}-linux-{}", self.version, std::env::consts::ARCH));
        std::fs::copy(&built, &self.binary).with_context(|| format!("{} was not built", built.display()))?;
        let needed = package::glibc_needed(&self.binary)?;
        ensure!(needed <= GLIBC, "the binary asks for C library {needed}, promised is {GLIBC}");
        self.names_no_path_of_ours()
    }

    /// The environment of the build: nothing of this machine gets into the binary, nothing is left outside `target/`.
    fn surround(&self, command: &mut std::process::Command, zigbuild: &Path) -> anyhow::Result<()> {
        let pairs = self.replaced_paths();
        let rust: Vec<String> = pairs.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect();
        let c: Vec<String> = pairs.iter().map(|(from, to)| format!("-ffile-prefix-map={from}={to}")).collect();
        command.env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}"));
        command.env("CFLAGS", format!("-g0 {}", c.join(" ")));
        command.env("SOURCE_DATE_EPOCH", self.epoch.to_string()).env("CARGO_INCREMENTAL", "0");
        let caches = tools::target_folder(&self.place).join("check-tools/zig");
        command.env("ZIG_GLOBAL_CACHE_DIR", &caches).env("ZIG_LOCAL_CACHE_DIR", &caches);
        command.env("XDG_CACHE_HOME", &caches);
        // cargo-zigbuild finds Zig through the Python of its environment.
        let programs = zigbuild.parent().context("cargo-zigbuild lies in a folder")?.to_path_buf();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)))?;
        command.env("PATH", path);
        Ok(())
    }

    /// Paths of this machine and what the binary says instead; the longest last, where it wins.
    fn replaced_paths(&self) -> Vec<(String, &'static str)> {
        let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let cargo = cargo.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
        let target = tools::target_folder(&self.place);
        let pairs = [(cargo, "/cargo"), (self.place.root.clone(), "/lazaret"), (target, "/target")];
        let known = pairs.into_iter().filter(|(from, _)| !from.as_os_str().is_empty());
        known.map(|(from, to)| (from.display().to_string(), to)).collect()
    }

    fn names_no_path_of_ours(&self) -> anyhow::Result<()> {
        let bytes = std::fs::read(&self.binary)?;
        for (path, _) in self.replaced_paths() {
            let named = bytes.windows(path.len()).any(|window| window == path.as_bytes());
            ensure!(!named, "the binary names {path}, a path of this machine: it cannot be made again elsewhere");
        }
        Ok(())
    }

    fn bill(&self) -> anyhow::Result<String> {
        self.step("writing the bill of materials");
        let sha256 = sha256(&self.binary)?;
        let timestamp = date_of(self.epoch)?;
        let subject = sbom::Subject { sha256: &sha256, timestamp: &timestamp };
        let bill = sbom::Source::read(&self.place)?.document(Some(&subject))?;
        std::fs::write(self.folder.join(format!("lazaret-{}.cdx.json", self.version)), &bill)?;
        Ok(bill)
    }

    fn packages(&self, bill: &str) -> anyhow::Result<Packages> {
        self.step("packing");
        let pack = |version: &str, squeeze, into: &Path| {
            let binary = &self.binary;
            package::pack(&self.place, &Pack { binary, version, bill, epoch: self.epoch, squeeze, into })
        };
        let released = pack(&self.version, Squeeze::Xz, &self.folder)?;
        let before = pack(&format!("{}~~before", self.version), Squeeze::None, &self.scratch)?;
        Ok(Packages { released, before })
    }

    fn sign(&self, options: &Options) -> anyhow::Result<()> {
        sign::write_sums(&self.folder)?;
        match &options.key {
            Some(key) => {
                self.step("signing");
                sign::sign(&self.folder, key)
            }
            None => {
                self.step("NOT signed: name a key with --key FILE");
                Ok(())
            }
        }
    }

    fn verify(&self, options: &Options, packages: &Packages) -> anyhow::Result<String> {
        self.step("installing, starting, upgrading and removing the package in a chroot");
        sign::check(&self.folder, options.key.is_some())?;
        let base = self.tools.chroot_base(&self.place, options.suite.as_deref())?;
        let before = options.previous.as_ref().unwrap_or(&packages.before);
        trial::run(&base, before, &packages.released)
    }

    fn report(&self, options: &Options, seen: Option<String>) -> anyhow::Result<ExitCode> {
        let took = self.began.elapsed();
        let mut files = Vec::new();
        for name in sign::names_in(&self.folder)? {
            let path = self.folder.join(&name);
            let bytes = std::fs::metadata(&path)?.len();
            self.place.say(&format!("{bytes:>12}  {name}"));
            files.push(json!({ "name": name, "bytes": bytes, "sha256": sha256(&path)? }));
        }
        if let Some(seen) = &seen {
            self.place.say(&format!("verified: {seen}"));
        }
        self.step(&format!("ready in {}", self.folder.display()));
        if options.output == Output::Json {
            let value = json!({
                "version": self.version, "commit": self.commit, "glibc": GLIBC.to_string(), "folder": self.folder,
                "files": files, "signed": options.key.is_some(), "verified": seen, "seconds": took.as_secs_f64(),
            });
            writeln!(std::io::stdout(), "{value}")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn own_version(place: &Place) -> anyhow::Result<String> {
    let words = ["metadata", "--locked", "--no-deps", "--format-version", "1"];
    let metadata: serde_json::Value = serde_json::from_str(&process::read(&mut place.cargo(&words)?)?)?;
    let packages = metadata["packages"].as_array().context("cargo tells no packages")?;
    let own = packages.iter().find(|package| package["name"] == "lazaret").context("there is no package lazaret")?;
    Ok(own["version"].as_str().context("lazaret has no version")?.to_string())
}

fn git(place: &Place, words: &[&str]) -> anyhow::Result<String> {
    let told = process::read(place.command("git")?.args(words)).context("a release is made from a git checkout")?;
    Ok(told.trim().to_string())
}

fn sha256(path: &Path) -> anyhow::Result<String> {
    let told = process::read(std::process::Command::new("sha256sum").arg(path))?;
    Ok(told.trim_start_matches('\\').split_whitespace().next().unwrap_or_default().to_string())
}

fn date_of(epoch: u64) -> anyhow::Result<String> {
    let mut date = std::process::Command::new("date");
    let told = process::read(date.args(["--utc", "+%Y-%m-%dT%H:%M:%SZ"]).arg(format!("--date=@{epoch}")))?;
    Ok(told.trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> anyhow::Result<Options> {
        Options::parse(&words.iter().map(|word| (*word).to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_read_and_unknown_ones_refused() {
        let options = parse(&["--verify", "--key", "release.key", "--output", "json"]).unwrap();
        assert!(options.verify && options.output == Output::Json && !options.changed_too);
        assert!(options.key.unwrap().is_absolute());
        for words in [&["--key"][..], &["--fast"], &["--output", "xml"]] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn times_are_told_as_the_bill_wants_them() {
        assert_eq!(date_of(0).unwrap(), "1970-01-01T00:00:00Z");
    }
}

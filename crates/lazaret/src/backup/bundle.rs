//! The small files of a node in one: keys, configuration, certificates, the operator's rules. A file of its own because
//! which files belong to a node is decided here and nowhere else.

use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data_dir::write_new;

/// What is not copied file by file: it is in the backup in another way, or belongs to a running process.
const ELSEWHERE: [&str; 4] = ["events", "lock", super::make::SCRATCH, super::make::LOCK];
/// Limits of a bundle: files, and bytes of one and of all.
const FILES_MAX: usize = 50_000;
const FILE_BYTES_MAX: u64 = 16 << 20;
const BYTES_MAX: u64 = 128 << 20;

/// The files.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bundle {
    /// The configuration, and where it stood.
    pub config: Option<Kept>,
    /// In the data directory, by their place there.
    pub inside: Vec<Kept>,
    /// Elsewhere, by their whole path.
    pub outside: Vec<Kept>,
}

/// One file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub path: PathBuf,
    pub mode: u32,
    /// Base64.
    pub bytes: String,
}

impl Bundle {
    /// Gathers them. A file that is larger than a small file may be is left out and told in the log.
    pub(super) fn gather(config: &Config) -> anyhow::Result<Self> {
        let dir = absolute(&config.data_dir)?;
        let mut left = BYTES_MAX;
        let mut inside = Vec::new();
        for path in walk(&dir)? {
            let place = path.strip_prefix(&dir)?.to_owned();
            inside.extend(kept(&path, place, &mut left)?);
        }
        let mut outside = Vec::new();
        for path in named(config) {
            let path = absolute(&path)?;
            let paths = if path.is_dir() { walk(&path)? } else { vec![path] };
            for path in paths.into_iter().filter(|path| !path.starts_with(&dir)) {
                outside.extend(kept(&path, path.clone(), &mut left)?);
            }
        }
        let config = match &config.file {
            Some(path) => kept(path, absolute(path)?, &mut left)?,
            None => None,
        };
        Ok(Self { config, inside, outside })
    }

    /// Writes the files of the data directory into `dir`, and those of elsewhere under `dir/outside`.
    pub(super) fn spread(&self, dir: &Path) -> anyhow::Result<()> {
        for file in &self.inside {
            file.write(&dir.join(plain(&file.path)?))?;
        }
        for file in &self.outside {
            file.write(&dir.join("outside").join(plain(&file.path)?))?;
        }
        Ok(())
    }
}

impl Kept {
    /// Writes it to a place that does not exist yet.
    pub(super) fn write(&self, to: &Path) -> anyhow::Result<()> {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        write_new(to, &BASE64.decode(&self.bytes)?, self.mode & 0o777)
    }
}

/// Files that the configuration names and that may stand elsewhere.
fn named(config: &Config) -> Vec<PathBuf> {
    let tls = [&config.console.tls, &config.listeners.tls].into_iter().flatten();
    let pairs = tls.flat_map(|files| [files.certificate.clone(), files.key.clone()]);
    let access = config.backup.iter().flat_map(|backup| {
        let access = &backup.access;
        [&access.sftp_key, &access.s3_credentials, &access.s3_authority].into_iter().flatten().cloned()
    });
    let mut paths: Vec<PathBuf> = pairs.chain(access).chain(config.rules_dir.clone()).filter(|p| p.exists()).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn kept(path: &Path, place: PathBuf, left: &mut u64) -> anyhow::Result<Option<Kept>> {
    use std::os::unix::fs::PermissionsExt as _;
    let about = match std::fs::metadata(path) {
        Ok(about) => about,
        // gone meanwhile: a file that was being replaced
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(problem) => return Err(problem).with_context(|| path.display().to_string()),
    };
    if about.len() > FILE_BYTES_MAX || about.len() > *left {
        tracing::warn!(path = %path.display(), bytes = about.len(), "too large for a backup of small files; left out");
        return Ok(None);
    }
    *left -= about.len();
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(Some(Kept { path: place, mode: about.permissions().mode(), bytes: BASE64.encode(bytes) }))
}

/// Every regular file below, without what is elsewhere in the backup.
fn walk(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let (name, kind) = (entry.file_name().to_string_lossy().into_owned(), entry.file_type()?);
            let top = folder == dir;
            let skipped = top && (ELSEWHERE.contains(&name.as_str()) || name.starts_with("lazaret.sqlite"));
            if skipped || name.ends_with(".tmp") {
                continue;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
            anyhow::ensure!(files.len() <= FILES_MAX, "more than {FILES_MAX} files in {}", dir.display());
        }
    }
    files.sort();
    Ok(files)
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::fs::canonicalize(path).with_context(|| path.display().to_string())
}

/// A path without its root and without steps upwards: a bundle never writes outside of where it is spread.
fn plain(path: &Path) -> anyhow::Result<PathBuf> {
    let parts: PathBuf = path.components().filter(|part| !matches!(part, Component::RootDir)).collect();
    let upwards = parts.components().any(|part| !matches!(part, Component::Normal(_)));
    anyhow::ensure!(!upwards && parts.components().count() > 0, "{} is no place to write to", path.display());
    Ok(parts)
}

//! A folder as a place for backups: a mounted share or another disk.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub(super) async fn list(root: &Path, folder: &str) -> anyhow::Result<Vec<String>> {
    let entries = match std::fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(problem) => return Err(problem.into()),
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: Vec<String> = names.collect::<io::Result<_>>()?;
    Ok(names.into_iter().filter(|name| !name.ends_with(".part")).collect())
}

pub(super) async fn put(root: &Path, name: &str, from: &Path) -> anyhow::Result<()> {
    // a share that is not mounted must not be replaced by a folder on this machine's own disk
    anyhow::ensure!(root.is_dir(), "there is no folder {}; mount it, or make it once", root.display());
    let (root, name, from) = (root.to_owned(), name.to_owned(), from.to_owned());
    tokio::task::spawn_blocking(move || put_now(&root, &name, &from)).await?
}

fn put_now(root: &Path, name: &str, from: &Path) -> anyhow::Result<()> {
    let to = root.join(name);
    let folder = to.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    std::fs::create_dir_all(&folder)?;
    let part = folder.join(format!("{}.part", to.file_name().unwrap_or_default().to_string_lossy()));
    let written = write_part(from, &part).and_then(|()| std::fs::rename(&part, &to));
    // shares that cannot sync a folder say so; the file itself is durable
    let _ = File::open(&folder).and_then(|folder| folder.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written.map_err(|problem| match problem.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            anyhow::Error::new(problem).context("it is full; free space there, or name another backup.target")
        }
        _ => problem.into(),
    })
}

fn write_part(from: &Path, part: &Path) -> io::Result<()> {
    std::fs::copy(from, part)?;
    File::open(part)?.sync_all()
}

pub(super) async fn get(root: &Path, name: &str, to: &Path) -> anyhow::Result<()> {
    let from = root.join(name);
    tokio::fs::copy(&from, to).await.with_context(|| from.display().to_string())?;
    Ok(())
}

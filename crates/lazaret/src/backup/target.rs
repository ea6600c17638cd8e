//! Where backups go: a folder (a mounted share, a disk), SFTP, or S3. Three ways to do the same four things, so that
//! making and restoring know none of them. Every way is atomic: a name shows a whole file or nothing.

mod folder;
mod s3;
mod sftp;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub use s3::S3;
pub use sftp::Sftp;

/// A place for backups.
#[derive(Debug)]
pub enum Target {
    /// A folder of this machine.
    Folder(PathBuf),
    /// Another machine, over SSH.
    Sftp(Sftp),
    /// An object store.
    S3(Box<S3>),
}

/// Secrets and hosts that some targets need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The private key for SFTP; none: what `ssh` finds by itself.
    pub sftp_key: Option<PathBuf>,
    /// A file of two lines, access key and secret, for S3.
    pub s3_credentials: Option<PathBuf>,
    /// PEM of the authority that an S3 of one's own shows.
    pub s3_authority: Option<PathBuf>,
}

impl Target {
    /// Reads a target. Shapes: `/path`, `sftp://user@host[:port]/path`, `s3+https://host[:port]/bucket[/prefix][?region=…]`.
    pub fn read(text: &str, access: &Access) -> anyhow::Result<Self> {
        if let Some(rest) = text.strip_prefix("sftp://") {
            return Ok(Self::Sftp(Sftp::read(rest, access.sftp_key.as_deref())?));
        }
        if let Some(rest) = text.strip_prefix("s3+") {
            return Ok(Self::S3(Box::new(S3::read(rest, access)?)));
        }
        anyhow::ensure!(
            !text.is_empty() && !text.contains("://"),
            "{text:?} is no place for backups; write /a/folder, sftp://user@host/folder or s3+https://host/bucket"
        );
        Ok(Self::Folder(PathBuf::from(text)))
    }

    /// The names of all files directly under a folder; empty where there is no such folder.
    pub async fn list(&self, folder: &str) -> anyhow::Result<Vec<String>> {
        let listed = match self {
            Self::Folder(root) => folder::list(root, folder).await,
            Self::Sftp(sftp) => sftp.list(folder).await,
            Self::S3(s3) => s3.list(folder).await,
        };
        listed.with_context(|| format!("cannot list {folder} in {self}"))
    }

    /// Puts a file there, whole and durable, replacing one of that name.
    pub async fn put(&self, name: &str, from: &Path) -> anyhow::Result<()> {
        let put = match self {
            Self::Folder(root) => folder::put(root, name, from).await,
            Self::Sftp(sftp) => sftp.put(name, from).await,
            Self::S3(s3) => s3.put(name, from).await,
        };
        put.with_context(|| format!("cannot write {name} to {self}"))
    }

    /// Fetches a file.
    pub async fn get(&self, name: &str, to: &Path) -> anyhow::Result<()> {
        let got = match self {
            Self::Folder(root) => folder::get(root, name, to).await,
            Self::Sftp(sftp) => sftp.get(name, to).await,
            Self::S3(s3) => s3.get(name, to).await,
        };
        got.with_context(|| format!("cannot read {name} from {self}"))
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Sftp(sftp) => write!(f, "{sftp}"),
            Self::S3(s3) => write!(f, "{s3}"),
        }
    }
}

#[cfg(test)]
mod tests;

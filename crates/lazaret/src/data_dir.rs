//! A node's data directory: where its files are, and the lock that keeps a second process out.
//! A file of its own because commands and the running node must agree on every name.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use app::Keys;
use connect::link::{Authority, AuthorityFiles, UplinkFile};

/// The directory of one node.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

/// The lock on a data directory; free again when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl DataDir {
    /// Names a directory; nothing is opened.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Makes it with mode 0700 where it does not exist.
    pub fn create(&self) -> anyhow::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.path).with_context(|| format!("cannot make {}", self.path.display()))
    }

    /// Takes the lock. Errors: another process has it.
    pub fn lock(&self) -> anyhow::Result<Lock> {
        let path = self.path.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        file.try_lock()
            .with_context(|| format!("{} is in use by another lazaret process; stop it first", self.path.display()))?;
        Ok(Lock { _file: file })
    }

    /// Whether another process has the lock. Errors: the lock cannot be opened.
    pub fn is_locked(&self) -> anyhow::Result<bool> {
        let path = self.path.join("lock");
        let file = match File::open(&path) {
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            opened => opened.with_context(|| format!("cannot open {}", path.display()))?,
        };
        Ok(matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
    }

    /// Where the event log is.
    pub fn events(&self) -> PathBuf {
        self.path.join("events")
    }

    /// Where the node's key is.
    pub fn key_file(&self) -> PathBuf {
        self.path.join("node.key")
    }

    /// Where the one-time secret of the first run waits until it is used.
    pub fn first_run(&self) -> PathBuf {
        self.path.join("first-run")
    }

    fn authority_files(&self) -> (PathBuf, PathBuf) {
        (self.path.join("link-ca.pem"), self.path.join("link-ca.key"))
    }

    /// What is known of the hub.
    pub fn uplink(&self) -> UplinkFile {
        UplinkFile::in_dir(&self.path)
    }

    /// Makes the node's key. Errors: there is one already.
    pub fn create_keys(&self) -> anyhow::Result<Keys> {
        let keys = Keys::generate()?;
        write_secret(&self.key_file(), keys.pkcs8())?;
        Ok(keys)
    }

    /// Reads the node's key.
    pub fn keys(&self) -> anyhow::Result<Keys> {
        let path = self.key_file();
        let bytes = std::fs::read(&path)
            .with_context(|| format!("cannot read {}; make a node with `lazaret init`", path.display()))?;
        Keys::from_pkcs8(&bytes).with_context(|| format!("{}", path.display()))
    }

    /// Makes a hub's CA. Errors: there is one already.
    pub fn create_authority(&self, hub_name: &str) -> anyhow::Result<Authority> {
        let files = Authority::create(hub_name, connect::link::tls_now())?;
        let (certificate, key) = self.authority_files();
        write_secret(&key, files.key_pem.as_bytes())?;
        write_new(&certificate, files.certificate_pem.as_bytes(), 0o644)?;
        Ok(Authority::load(&files)?)
    }

    /// Reads a hub's CA.
    pub fn authority(&self) -> anyhow::Result<Authority> {
        let (certificate, key) = self.authority_files();
        let read = |path: &Path| {
            std::fs::read_to_string(path).with_context(|| {
                format!("cannot read {}; make a hub with `lazaret init --role national`", path.display())
            })
        };
        Ok(Authority::load(&AuthorityFiles { certificate_pem: read(&certificate)?, key_pem: read(&key)? })?)
    }
}

/// What invite codes of a hub say.
pub fn invite_address(urls: Vec<String>, authority: &Authority) -> app::InviteAddress {
    app::InviteAddress { urls, ca_fingerprint: authority.fingerprint() }
}

fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_new(path, bytes, 0o600)
}

/// Writes a file that must not exist yet, and syncs it: a key that is lost in a crash cannot be made again.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("cannot make {}; nothing was overwritten", path.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}

//! Restoring into an empty place. Everything is checked and opened beside the place it will have, and moved there as
//! the last step: an interrupted or refused restore leaves nothing behind but a folder that the next one clears.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use app::Keys;
use domain::party::NodeId;
use jiff::Timestamp;
use serde::Serialize;
use store::Store;

use super::bundle::Bundle;
use super::manifest::{Manifest, Part, Records, Sealed};
use super::{Identity, Target, age, make::manifest_of, sealed_hash};
use crate::data_dir::DataDir;
use crate::erasure::{Doing, Erasure, FOLDER};

/// What to restore, and where.
pub struct Order {
    /// Where the backups are.
    pub from: Target,
    /// The private key that opens them.
    pub identity: Identity,
    /// The new data directory: it must not exist, or be empty.
    pub dir: PathBuf,
    /// Where the configuration goes; none: where it stood, if that is free.
    pub config: Option<PathBuf>,
    /// The beginning of the node's id, where the target holds several.
    pub node: Option<String>,
    /// The backup's name; none: the newest.
    pub backup: Option<String>,
    /// How much of it.
    pub wanted: Wanted,
}

/// How much is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    All,
    /// Without the events: the console is back sooner.
    WithoutEvents,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The backup's name.
    pub backup: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The node's name.
    pub name: String,
    /// Its identity.
    pub node: NodeId,
    /// Sealed bytes that were read.
    pub bytes: u64,
    /// Segments of the event log.
    pub segments: u64,
    /// Events that were erased after the backup was made, and are again.
    pub erased: u64,
    /// The raised epoch; none where the records are in PostgreSQL.
    pub epoch: Option<i64>,
    /// Where the configuration is now.
    pub config: Option<PathBuf>,
    /// Files that stood outside the data directory and wait in its folder `outside`.
    pub outside: Vec<PathBuf>,
}

/// Restores. `tell` is called with bytes done and bytes in all. Errors: with what is wrong; the place stays empty.
pub async fn restore(order: &Order, tell: &(dyn Fn(u64, u64) + Sync)) -> anyhow::Result<Restored> {
    check_empty(&order.dir)?;
    let staging = beside(&order.dir)?;
    if staging.exists() {
        std::fs::remove_dir_all(&staging).with_context(|| format!("cannot remove {}", staging.display()))?;
    }
    DataDir::at(&staging).create()?;
    let restored = Restoring { order, staging: &staging, tell }.all().await;
    if restored.is_err() {
        let _ = std::fs::remove_dir_all(&staging);
    }
    restored
}

struct Restoring<'a> {
    order: &'a Order,
    staging: &'a Path,
    tell: &'a (dyn Fn(u64, u64) + Sync),
}

impl Restoring<'_> {
    async fn all(&self) -> anyhow::Result<Restored> {
        let home = self.home().await?;
        let (backup, manifest) = self.choose(&home).await?;
        let wanted: Vec<&Sealed> = manifest.files.iter().filter(|file| self.is_wanted(file)).collect();
        let all = wanted.iter().map(|file| file.bytes).sum();
        std::fs::create_dir_all(DataDir::at(self.staging).events())?;
        let (mut done, mut segments, mut bundle) = (0, 0, None);
        for file in wanted {
            match &file.part {
                Part::Database => self.fetch(&home, file, &self.staging.join("lazaret.sqlite")).await?,
                Part::Files => bundle = Some(self.bundle(&home, file).await?),
                Part::Segment(name) => {
                    let plain = name.len() == 24 && !name.contains(['/', '\\']);
                    anyhow::ensure!(plain, "{name:?} is no name of a segment");
                    self.fetch(&home, file, &DataDir::at(self.staging).events().join(name)).await?;
                    segments += 1;
                }
            }
            done += file.bytes;
            (self.tell)(done, all);
        }
        let bundle = bundle.context("the backup holds no keys")?;
        bundle.spread(self.staging)?;
        check_owner(self.staging, &manifest)?;
        let epoch = match manifest.records {
            Records::Here => Some(raise_epoch(&self.staging.join("lazaret.sqlite")).await?),
            Records::InPostgres => None,
        };
        let erased = self.repeat_erasures(&home, &manifest.node).await?;
        let config = self.settle(&bundle)?;
        Ok(Restored {
            backup,
            made_at: manifest.made_at,
            name: manifest.name,
            node: manifest.node,
            bytes: done,
            segments,
            epoch,
            erased,
            config,
            outside: bundle.outside.into_iter().map(|file| file.path).collect(),
        })
    }

    fn is_wanted(&self, file: &Sealed) -> bool {
        self.order.wanted == Wanted::All || !matches!(file.part, Part::Segment(_))
    }

    /// The folder of the node that is meant.
    async fn home(&self) -> anyhow::Result<String> {
        let from = &self.order.from;
        let mut nodes = from.list("lazaret").await?;
        if let Some(wanted) = &self.order.node {
            nodes.retain(|node| wanted.starts_with(node.as_str()) || node.starts_with(wanted.as_str()));
        }
        match nodes.as_slice() {
            [node] => Ok(format!("lazaret/{node}")),
            [] => {
                anyhow::bail!("{from} holds no backup{}", if self.order.node.is_some() { " of that node" } else { "" })
            }
            many => {
                anyhow::bail!("{from} holds backups of several nodes; say which: --node {}", many.join(" or --node "))
            }
        }
    }

    /// The named backup, or the newest whose manifest its node has signed.
    async fn choose(&self, home: &str) -> anyhow::Result<(String, Manifest)> {
        let mut names = self.order.from.list(&format!("{home}/backups")).await?;
        names.sort();
        names.reverse();
        if let Some(wanted) = &self.order.backup {
            names.retain(|name| name == wanted);
            anyhow::ensure!(!names.is_empty(), "there is no backup {wanted}");
        }
        for name in names {
            match manifest_of(&self.order.from, home, &name, self.staging).await {
                Some(manifest) if home.ends_with(manifest.node.0.get(..16).unwrap_or_default()) => {
                    std::fs::remove_file(self.staging.join("manifest-read"))?;
                    return Ok((name, manifest));
                }
                _ => tracing::warn!(backup = name, "it has no manifest that its node signed: unfinished, or changed"),
            }
        }
        anyhow::bail!("no backup there has a manifest that its node signed: unfinished, or changed by somebody")
    }

    /// Fetches one file, checks that it is what was sent, and opens it.
    async fn fetch(&self, home: &str, file: &Sealed, to: &Path) -> anyhow::Result<()> {
        let sealed = self.staging.join("sealed");
        self.order.from.get(&format!("{home}/{}", file.name), &sealed).await?;
        let bytes = std::fs::metadata(&sealed)?.len();
        let same = bytes == file.bytes && sealed_hash(&sealed).await? == file.sha256;
        anyhow::ensure!(
            same,
            "{} is not what the node sent: it is damaged or was changed. Nothing was restored; try an older backup with \
             --backup, or --without-events if it is a segment",
            file.name
        );
        let (identity, from, target) = (self.order.identity.clone(), sealed.clone(), to.to_owned());
        let opened = tokio::task::spawn_blocking(move || open_file(&identity, &from, &target)).await?;
        opened.with_context(|| format!("cannot open {}", file.name))?;
        Ok(std::fs::remove_file(&sealed)?)
    }

    async fn bundle(&self, home: &str, file: &Sealed) -> anyhow::Result<Bundle> {
        let opened = self.staging.join("files");
        self.fetch(home, file, &opened).await?;
        let bundle = serde_json::from_reader(BufReader::new(File::open(&opened)?))?;
        std::fs::remove_file(&opened)?;
        Ok(bundle)
    }

    /// Erases again what was erased since: the list is the target's newest, not the backup's.
    async fn repeat_erasures(&self, home: &str, node: &NodeId) -> anyhow::Result<u64> {
        let folder = self.staging.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        for name in self.order.from.list(&format!("{home}/{FOLDER}")).await? {
            let to = folder.join(&name);
            if !to.exists() {
                self.order.from.get(&format!("{home}/{FOLDER}/{name}"), &to).await?;
            }
        }
        let mut erasures = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let erasure = Erasure::open(&std::fs::read(&path)?, &self.order.identity, node);
            erasures.push(erasure.with_context(|| format!("the erasure {} cannot be repeated", path.display()))?);
        }
        if erasures.is_empty() || self.order.wanted == Wanted::WithoutEvents {
            return Ok(0);
        }
        let events = DataDir::at(self.staging).events();
        tokio::task::spawn_blocking(move || {
            let limits = eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() };
            let (log, _) = eventstore::EventLog::open(&events, limits)?;
            let mut erased = 0;
            for erasure in erasures {
                erased += erasure.run(&log, Doing::Erasing)?.seqs.len() as u64;
            }
            Ok(erased)
        })
        .await?
    }

    /// Moves everything to its place; the configuration last.
    fn settle(&self, bundle: &Bundle) -> anyhow::Result<Option<PathBuf>> {
        sync_all(self.staging)?;
        if self.order.dir.exists() {
            std::fs::remove_dir(&self.order.dir)?;
        }
        std::fs::rename(self.staging, &self.order.dir)
            .with_context(|| format!("cannot move {} into place", self.order.dir.display()))?;
        if let Some(parent) = self.order.dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        let Some(config) = &bundle.config else { return Ok(None) };
        let name = config.path.file_name().context("the configuration has no name")?;
        let own = self.order.dir.join(name);
        if own.exists() && self.order.config.is_none() {
            return Ok(Some(own));
        }
        let wanted = self.order.config.clone().unwrap_or_else(|| config.path.clone());
        let place = if wanted.exists() { self.order.dir.join("restored.toml") } else { wanted };
        config.write(&place)?;
        Ok(Some(place))
    }
}

fn check_empty(dir: &Path) -> anyhow::Result<()> {
    match std::fs::read_dir(dir) {
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(problem) => Err(problem).with_context(|| dir.display().to_string()),
        Ok(mut entries) => {
            let instead = "restore into a new folder, or move this one away first; nothing was overwritten";
            anyhow::ensure!(entries.next().is_none(), "{} is not empty: {instead}", dir.display());
            Ok(())
        }
    }
}

/// Where a restore is put together: on the same disk.
fn beside(dir: &Path) -> anyhow::Result<PathBuf> {
    let name = dir.file_name().context("name a folder to restore into")?;
    Ok(dir.with_file_name(format!("{}.restoring", name.to_string_lossy())))
}

fn open_file(identity: &Identity, from: &Path, to: &Path) -> Result<(), age::Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let from = BufReader::new(File::open(from)?);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let mut to = BufWriter::new(file);
    age::open(identity, from, &mut to)?;
    to.flush()?;
    Ok(to.get_ref().sync_all()?)
}

/// The key inside must be the one that signed the manifest outside.
fn check_owner(dir: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let keys: Keys = DataDir::at(dir).keys()?;
    anyhow::ensure!(keys.node_id() == manifest.node, "the key in the backup is not the one that signed it");
    Ok(())
}

/// Checks the records and raises the epoch, so that the hub takes what comes now for new work.
async fn raise_epoch(database: &Path) -> anyhow::Result<i64> {
    let store = Store::open(&store::Target::Sqlite(database.to_owned())).await.context("the records do not open")?;
    let raised = async {
        store.integrity().await?;
        store.raise_epoch().await
    };
    let raised = raised.await;
    store.close().await;
    raised.context("the records are damaged")
}

fn sync_all(dir: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_all(&path)?;
        } else {
            File::open(&path)?.sync_all()?;
        }
    }
    Ok(File::open(dir)?.sync_all()?)
}

//! Making a backup, beside a running node or without one. The records are copied first and the events after them, so
//! that the events hold all that the records speak of; what came later is scanned again after a restore.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use app::Keys;
use jiff::Timestamp;
use serde::Serialize;

use super::manifest::{FORMAT, Manifest, Part, Records, SIGNED_BYTES_MAX, Sealed, signed, verified};
use super::{Recipient, Settings, Target, age, bundle::Bundle, home, sealed_hash};
use crate::config::{Config, StoreTarget};
use crate::data_dir::DataDir;
use crate::erasure::FOLDER;
use crate::visit::open_store;

/// Where a backup is put together, in the data directory.
pub(super) const SCRATCH: &str = "backup.tmp";
/// Held while one is made.
pub(super) const LOCK: &str = "backup.lock";
/// Free space that must be left over beside the copies. Units: bytes.
const SPARE_BYTES: u64 = 64 << 20;
/// A segment that is sealed while it is copied is looked for again this often.
const LOOKS_MAX: usize = 3;

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Its name in the target.
    pub name: String,
    /// Whose it is.
    pub node: String,
    /// Where it is.
    pub target: String,
    /// Sealed bytes that were sent now.
    pub sent_bytes: u64,
    /// Sealed bytes of the whole backup.
    pub bytes: u64,
    /// Sealed segments sent now.
    pub segments_sent: u64,
    /// Segments that were there already.
    pub segments_kept: u64,
    /// Where the records are.
    pub records: Records,
}

struct Making<'a> {
    target: &'a Target,
    recipient: &'a Recipient,
    home: String,
    scratch: PathBuf,
    name: String,
    /// What stands in the target already, by name.
    known: BTreeMap<String, Sealed>,
    files: Vec<Sealed>,
    sent_bytes: u64,
    segments_sent: u64,
    segments_kept: u64,
}

/// Makes one. Errors: with what to do; nothing in the target is changed but files that no manifest names.
pub async fn make(config: &Config, settings: &Settings, now: Timestamp) -> anyhow::Result<Made> {
    let lock = File::create(config.data_dir.join(LOCK)).context("the data directory cannot be written")?;
    lock.try_lock().map_err(|_| anyhow::anyhow!("another backup of this node is being made; wait for it"))?;
    let dir = DataDir::at(&config.data_dir);
    let keys = dir.keys()?;
    let scratch = config.data_dir.join(SCRATCH);
    clear(&scratch)?;
    DataDir::at(&scratch).create()?;
    let target = Target::read(&settings.target, &settings.access)?;
    let home = home(&keys.node_id());
    let known = known(&target, &home, &keys, &scratch).await?;
    let mut making = Making {
        target: &target,
        recipient: &settings.recipient,
        home,
        scratch: scratch.clone(),
        name: jiff::fmt::strtime::format("%Y%m%dT%H%M%SZ", now)?,
        known,
        files: Vec::new(),
        sent_bytes: 0,
        segments_sent: 0,
        segments_kept: 0,
    };
    let made = making.all(config, &keys, now).await;
    clear(&scratch)?;
    let records = made?;
    Ok(Made {
        name: making.name,
        node: keys.node_id().0,
        target: target.to_string(),
        sent_bytes: making.sent_bytes,
        bytes: making.files.iter().map(|file| file.bytes).sum(),
        segments_sent: making.segments_sent,
        segments_kept: making.segments_kept,
        records,
    })
}

impl Making<'_> {
    async fn all(&mut self, config: &Config, keys: &Keys, now: Timestamp) -> anyhow::Result<Records> {
        let records = self.records(config).await?;
        self.small_files(config).await?;
        self.segments(&DataDir::at(&config.data_dir).events()).await?;
        self.erasures(&config.data_dir.join(FOLDER)).await?;
        let manifest = Manifest {
            format: FORMAT,
            node: keys.node_id(),
            name: config.app.name.clone(),
            role: config.role.as_str().to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: now,
            records,
            files: self.files.clone(),
        };
        let file = self.scratch.join("manifest");
        std::fs::write(&file, signed(&manifest, keys)?).context(FULL)?;
        self.target.put(&format!("{}/backups/{}/manifest", self.home, self.name), &file).await?;
        Ok(records)
    }

    async fn records(&mut self, config: &Config) -> anyhow::Result<Records> {
        let StoreTarget::Sqlite(path) = &config.store else { return Ok(Records::InPostgres) };
        let bytes = std::fs::metadata(path).map(|about| about.len()).unwrap_or_default();
        let free = free_bytes(&self.scratch)?;
        let needed = 2 * bytes + SPARE_BYTES;
        anyhow::ensure!(
            free >= needed,
            "a backup needs {} MiB of free space in {} and {} MiB are free",
            needed >> 20,
            config.data_dir.display(),
            free >> 20
        );
        let copy = self.scratch.join("database");
        let store = open_store(&config.store).await?;
        let copied = store.backup(&copy).await;
        store.close().await;
        copied.context("the records cannot be copied")?;
        let name = format!("backups/{}/database.age", self.name);
        self.send(Part::Database, &name, &copy).await?;
        std::fs::remove_file(&copy)?;
        Ok(Records::Here)
    }

    async fn small_files(&mut self, config: &Config) -> anyhow::Result<()> {
        let file = self.scratch.join("files");
        let bundle = Bundle::gather(config)?;
        let mut to = BufWriter::new(File::create(&file)?);
        serde_json::to_writer(&mut to, &bundle)?;
        to.flush().context(FULL)?;
        let name = format!("backups/{}/files.age", self.name);
        self.send(Part::Files, &name, &file).await?;
        Ok(std::fs::remove_file(&file)?)
    }

    async fn segments(&mut self, events: &Path) -> anyhow::Result<()> {
        let mut done = BTreeSet::new();
        for _ in 0..LOOKS_MAX {
            let mut moved = false;
            for file in eventstore::segment_files(events).context("the event log cannot be listed")? {
                if done.contains(&file.name) {
                    continue;
                }
                let name = match &file.identity {
                    Some(identity) => format!("segments/{identity}.age"),
                    None => format!("backups/{}/{}.age", self.name, file.name),
                };
                let part = Part::Segment(file.name.clone());
                if let Some(known) = self.known.get(&name).filter(|_| file.identity.is_some()) {
                    self.files.push(Sealed { part, ..known.clone() });
                    self.segments_kept += 1;
                } else if self.send(part, &name, &events.join(&file.name)).await? == Sent::Gone {
                    moved = true;
                    continue;
                } else {
                    self.segments_sent += u64::from(file.identity.is_some());
                }
                done.insert(file.name);
            }
            if !moved {
                return Ok(());
            }
        }
        // what moved each time was dropped by retention
        Ok(())
    }

    /// Sends what was erased, sealed already: a restore from whatever backup repeats it.
    async fn erasures(&mut self, folder: &Path) -> anyhow::Result<()> {
        let kept = match std::fs::read_dir(folder) {
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(()),
            kept => kept?,
        };
        let there = self.target.list(&format!("{}/{FOLDER}", self.home)).await?;
        for entry in kept {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !there.contains(&name) {
                self.target.put(&format!("{}/{FOLDER}/{name}", self.home), &entry.path()).await?;
            }
        }
        Ok(())
    }

    /// Seals a file and puts it into the target.
    async fn send(&mut self, part: Part, name: &str, from: &Path) -> anyhow::Result<Sent> {
        let sealed = self.scratch.join("sealed");
        let (recipient, source, to) = (self.recipient.clone(), from.to_owned(), sealed.clone());
        let written = tokio::task::spawn_blocking(move || seal_file(&recipient, &source, &to)).await?;
        match written {
            Ok(()) => {}
            Err(age::Error::Io(problem)) if problem.kind() == io::ErrorKind::NotFound => return Ok(Sent::Gone),
            Err(problem) => return Err(problem).context(FULL).with_context(|| format!("cannot seal {name}")),
        }
        let bytes = std::fs::metadata(&sealed)?.len();
        let sha256 = sealed_hash(&sealed).await?;
        self.target.put(&format!("{}/{name}", self.home), &sealed).await?;
        self.sent_bytes += bytes;
        self.files.push(Sealed { part, name: name.to_owned(), bytes, sha256 });
        Ok(Sent::Whole)
    }
}

const FULL: &str = "the backup could not be put together in the data directory (is its disk full?)";

#[derive(PartialEq, Eq)]
enum Sent {
    Whole,
    /// The file went away before it was opened.
    Gone,
}

fn seal_file(recipient: &Recipient, from: &Path, to: &Path) -> Result<(), age::Error> {
    let from = BufReader::new(File::open(from)?);
    let mut to = BufWriter::new(File::create(to)?);
    age::seal(recipient, from, &mut to)?;
    Ok(to.flush()?)
}

/// The segments that the newest readable backup of this node names and that are really there.
async fn known(target: &Target, home: &str, keys: &Keys, scratch: &Path) -> anyhow::Result<BTreeMap<String, Sealed>> {
    let mut names = target.list(&format!("{home}/backups")).await?;
    names.sort();
    let there: BTreeSet<String> = target.list(&format!("{home}/segments")).await?.into_iter().collect();
    for name in names.iter().rev() {
        let Some(manifest) =
            manifest_of(target, home, name, scratch).await.filter(|found| found.node == keys.node_id())
        else {
            continue;
        };
        let segments = manifest.files.into_iter().filter(|file| {
            let name = file.name.strip_prefix("segments/");
            name.is_some_and(|name| there.contains(name))
        });
        return Ok(segments.map(|file| (file.name.clone(), file)).collect());
    }
    Ok(BTreeMap::new())
}

/// A backup's manifest; none where it has none yet, or one that its node did not sign.
pub(super) async fn manifest_of(target: &Target, home: &str, name: &str, scratch: &Path) -> Option<Manifest> {
    let file = scratch.join("manifest-read");
    target.get(&format!("{home}/backups/{name}/manifest"), &file).await.ok()?;
    let short = std::fs::metadata(&file).is_ok_and(|about| about.len() <= SIGNED_BYTES_MAX);
    let bytes = short.then(|| std::fs::read(&file).ok()).flatten()?;
    let (manifest, signer): (Manifest, _) = verified(&bytes).ok()?;
    (manifest.node == signer && manifest.format == FORMAT).then_some(manifest)
}

/// Removes what an interrupted backup left.
fn clear(scratch: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(scratch) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
            Err(problem).with_context(|| format!("cannot remove {}", scratch.display()))
        }
        _ => Ok(()),
    }
}

/// Bytes that may still be written where this path is.
pub(crate) fn free_bytes(path: &Path) -> anyhow::Result<u64> {
    let stat = rustix::fs::statvfs(path).with_context(|| path.display().to_string())?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

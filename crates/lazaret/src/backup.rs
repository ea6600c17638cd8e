//! Backups: a consistent copy of a node's records, events, keys and configuration, sealed to a public key that the node
//! cannot open, kept somewhere else. A module of its own beside the node because a backup must work when the node does
//! not: it opens files, not a running node.
//!
//! In the target, everything of one node stands under `lazaret/<first 16 digits of its id>/`:
//! `backups/<time>/manifest` (signed, written last: without it there is no backup), `backups/<time>/database.age`,
//! `files.age` and the segments that still grew; `segments/<identity>.age`, each sent once and used by every later
//! backup; `erasures/<id>.age`, repeated after a restore.

pub(crate) mod age;
mod bech32;
mod bundle;
mod make;
pub(crate) mod manifest;
mod restore;
mod schedule;
mod target;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

pub use age::{Identity, Recipient};
pub(crate) use make::free_bytes;
pub use make::{Made, make};
pub use manifest::Records;
pub use restore::{Order, Restored, Wanted, restore};
pub use schedule::run as run_schedule;
pub use target::{Access, Target};

/// `[backup]`, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to, as written.
    pub target: String,
    /// What the target needs.
    pub access: Access,
    /// Who can open them.
    pub recipient: Recipient,
    /// How often the running node makes one.
    pub every: Duration,
    /// Older than this, the last one is worth a word. Units: as [`Duration`].
    pub older_than: Duration,
}

/// Where everything of a node stands in a target.
fn home(node: &domain::party::NodeId) -> String {
    format!("lazaret/{}", node.0.get(..16).unwrap_or(&node.0))
}

/// SHA-256 of a file, hexadecimal.
pub(crate) async fn sealed_hash(path: &Path) -> anyhow::Result<String> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut file = File::open(&path).with_context(|| path.display().to_string())?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 256 * 1024]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(domain::record::hex(&hash.finalize()));
            }
            hash.update(buffer.get(..read).unwrap_or_default());
        }
    })
    .await?
}

#[cfg(test)]
mod tests;

//! What a member keeps about its hub: where it answers, how it is recognised, the certificate it gave.
//! A file of its own because it is a file of its own on disk too (`uplink.json`), replaced whole at every renewal.

use std::path::{Path, PathBuf};

use domain::party::NodeId;
use serde::{Deserialize, Serialize};

use super::Error;
use super::decide::Life;

/// A member's knowledge of its hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uplink {
    /// The version of this file.
    pub format: u16,
    /// Where the hub's link answers; tried in order.
    pub urls: Vec<String>,
    /// The hub's name.
    pub hub_name: String,
    /// The hub's identity.
    pub hub_node: NodeId,
    /// The hub's raw Ed25519 key, hexadecimal.
    pub hub_public_key: String,
    /// When the certificate was issued. Units: seconds since 1970.
    pub issued_s: u64,
    /// When the certificate ends. Units: seconds since 1970.
    pub until_s: u64,
    /// The hub's CA certificate, PEM.
    pub authority: String,
    /// The certificate and the CA's, PEM.
    pub chain: String,
}

impl Uplink {
    /// The hub's key as bytes; empty where the file was damaged by hand.
    pub fn hub_key(&self) -> Vec<u8> {
        let digits = self.hub_public_key.as_bytes();
        digits
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect::<Option<Vec<u8>>>()
            .unwrap_or_default()
    }

    /// How long the certificate holds.
    pub fn life(&self) -> Life {
        Life { from_s: self.issued_s, until_s: self.until_s }
    }
}

/// Where an uplink is kept: JSON in a file of mode 0600, replaced by renaming.
#[derive(Debug, Clone)]
pub struct UplinkFile {
    path: PathBuf,
}

impl UplinkFile {
    /// The file in a node's data directory.
    pub fn in_dir(data_dir: &Path) -> Self {
        Self { path: data_dir.join("uplink.json") }
    }

    /// Reads it; none where the node was never enrolled.
    pub fn read(&self) -> Result<Option<Uplink>, Error> {
        match std::fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|problem| self.problem(&problem)),
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(self.problem(&problem)),
        }
    }

    /// Replaces it: written beside, synced, renamed.
    pub fn write(&self, uplink: &Uplink) -> Result<(), Error> {
        let bytes = serde_json::to_vec_pretty(uplink).map_err(|problem| self.problem(&problem))?;
        self.replace(&bytes).map_err(|problem| self.problem(&problem))
    }

    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let beside = self.path.with_extension("tmp");
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        match self.path.parent() {
            Some(dir) => std::fs::File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }

    fn problem(&self, problem: &dyn std::fmt::Display) -> Error {
        Error::File { path: self.path.display().to_string(), problem: problem.to_string() }
    }
}

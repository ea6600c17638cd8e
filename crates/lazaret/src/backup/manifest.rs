//! What a backup consists of, signed by the node that made it. A file of its own because it is a stored format: one
//! line of JSON, and a line that signs exactly those bytes.

use anyhow::Context as _;
use app::Keys;
use domain::party::NodeId;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of the format.
pub(super) const FORMAT: u16 = 1;
/// What a signature of ours over such a file is for; nothing else is ever signed with it.
const SIGNED_FOR: &[u8] = b"lazaret backup 1\0";
/// The longest signed file read. Units: bytes.
pub(super) const SIGNED_BYTES_MAX: u64 = 256 << 20;

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub format: u16,
    /// Whose it is.
    pub node: NodeId,
    pub name: String,
    pub role: String,
    /// The version of the program that made it.
    pub program: String,
    pub made_at: Timestamp,
    /// Where the records are: in the backup, or with the operator of PostgreSQL.
    pub records: Records,
    pub files: Vec<Sealed>,
}

/// Where the records of a backed-up node are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Records {
    /// In the backup.
    Here,
    /// In PostgreSQL: `pg_dump` copies them.
    InPostgres,
}

/// One sealed file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// What is in it.
    pub part: Part,
    /// Its name in the target, below the node's folder.
    pub name: String,
    /// Bytes as sealed.
    pub bytes: u64,
    /// SHA-256 as sealed, hexadecimal.
    pub sha256: String,
}

/// What a sealed file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Part {
    /// The database.
    Database,
    /// Keys, configuration and what belongs to them.
    Files,
    /// A segment of the event log, with its name there.
    Segment(String),
}

#[derive(Serialize, Deserialize)]
struct Signature {
    key: String,
    signature: String,
}

/// A value with its signature, as it is written.
pub(crate) fn signed(value: &impl Serialize, keys: &Keys) -> anyhow::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)?;
    let hex = domain::record::hex;
    let signature = Signature { key: hex(keys.public_key()), signature: hex(&keys.sign(&input(&bytes))) };
    bytes.push(b'\n');
    serde_json::to_writer(&mut bytes, &signature)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads what [`signed`] wrote; answers who signed. Errors: it was changed, or cut.
pub(crate) fn verified<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<(T, NodeId)> {
    const CHANGED: &str = "it is damaged or was changed";
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (Some(value), Some(signature)) = (lines.next(), lines.next()) else { anyhow::bail!("{CHANGED}: no signature") };
    let signature: Signature = serde_json::from_slice(signature).context(CHANGED)?;
    let key = unhex(&signature.key).context(CHANGED)?;
    let holds = app::verify(&key, &input(value), &unhex(&signature.signature).context(CHANGED)?);
    anyhow::ensure!(holds, "{CHANGED}: its signature does not hold");
    Ok((serde_json::from_slice(value).context("it was written by a newer lazaret")?, app::node_id_of(&key)))
}

fn input(bytes: &[u8]) -> Vec<u8> {
    [SIGNED_FOR, bytes].concat()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.len().is_multiple_of(2).then(|| text.as_bytes().chunks(2).map(pair).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_manifest_is_noticed() {
        let keys = Keys::generate().unwrap();
        let bytes = signed(&"sixty segments", &keys).unwrap();
        let (value, node): (String, NodeId) = verified(&bytes).unwrap();
        assert_eq!((value.as_str(), node), ("sixty segments", keys.node_id()));
        for at in [0, 5, 30, bytes.len() - 10] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let read: anyhow::Result<(String, NodeId)> = verified(&changed);
            assert!(read.is_err() || read.unwrap().1 != keys.node_id(), "a change at {at}");
        }
        assert!(verified::<String>(&bytes[..20]).is_err());
    }
}

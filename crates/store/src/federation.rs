//! What members push: each item once, whatever the line repeats, and conflicts kept for people to see.
//! A file of its own because everything here is idempotent: a member repeats until it is answered.

use domain::party::NodeId;
use domain::telemetry::Sighting;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::{Row, Tx, bind};
use crate::{Error, NewOutboxItem, Store, outbox, sightings};

/// One item of a push, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxItem {
    /// What it is: `sighting`, `release`, `verdict`, `gap` …
    pub kind: String,
    /// Which one.
    pub key: Uuid,
    /// Its version.
    pub version: u64,
    /// SHA-256 of the bytes, 64 hexadecimal digits; the caller has checked it.
    pub hash: String,
    /// The exact bytes.
    pub body: Vec<u8>,
}

/// A sighting among the items of a push: item `kind` is `sighting` and item `key` is `sighting.id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedSighting {
    /// The organisation: the member's node id, or at the union the pseudonym that the national hub gave.
    pub hospital: String,
    /// What was seen.
    pub sighting: Sighting,
    /// The texts of its cluster keys.
    pub keys: Vec<String>,
    /// What this hub passes on to its own hub, stored with it; only where the item is new.
    pub relay: Option<NewOutboxItem>,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Stored.
    New,
    /// The same bytes were stored before.
    Duplicate,
    /// Other bytes were stored under this key and version; they stay, and the conflict is listed.
    Conflict {
        /// The hash of what is stored.
        stored_hash: String,
    },
}

/// Two different contents under one key: a restored or copied node, or worse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxConflict {
    /// Who sent it.
    pub origin: NodeId,
    /// In which epoch.
    pub epoch: i64,
    /// What it is.
    pub kind: String,
    /// Which one.
    pub key: Uuid,
    /// Its version.
    pub version: u64,
    /// What is stored.
    pub stored_hash: String,
    /// What came later.
    pub offered_hash: String,
    /// When it came.
    pub at: Timestamp,
}

impl Store {
    /// Stores a push in one transaction: each item once, sightings only where their item is new. One outcome an item.
    pub async fn receive(
        &self,
        origin: &NodeId,
        epoch: i64,
        items: &[InboxItem],
        sightings: &[ReceivedSighting],
        at: Timestamp,
    ) -> Result<Vec<Outcome>, Error> {
        let mut tx = self.db.begin().await?;
        let mut outcomes = Vec::with_capacity(items.len());
        let mut relay = Vec::new();
        for item in items {
            let is_sighting = matches!(item.kind.as_str(), "sighting" | "passed-sighting");
            let sighting = sightings.iter().find(|seen| is_sighting && seen.sighting.id == item.key);
            let outcome = receive_item(&mut tx, origin, epoch, item, sighting.is_none(), at).await?;
            if let (Outcome::New, Some(seen)) = (&outcome, sighting) {
                sightings::save_sighting(&mut tx, seen, (epoch, item.version), at).await?;
                relay.extend(seen.relay.clone());
            }
            outcomes.push(outcome);
        }
        let sql = "UPDATE member SET last_seen_at = $2, epoch = CASE WHEN epoch > $3 THEN epoch ELSE $3 END
                   WHERE node = $1";
        tx.execute(sql, bind![origin, at, epoch]).await?;
        outbox::enqueue(&mut tx, relay, at).await?;
        tx.commit().await?;
        Ok(outcomes)
    }

    /// The last conflicts, newest first.
    pub async fn inbox_conflicts(&self, limit: u32) -> Result<Vec<InboxConflict>, Error> {
        let sql = "SELECT origin, epoch, kind, key, version, stored_hash, offered_hash, at FROM inbox_conflict
                   ORDER BY at DESC, origin, key LIMIT $1";
        self.db.rows(sql, bind![limit]).await?.iter().map(inbox_conflict).collect()
    }

    /// The last items of one kind that came in, newest first: who sent it, and what.
    pub async fn inbox_recent(&self, kind: &str, limit: u32) -> Result<Vec<(NodeId, InboxItem, Timestamp)>, Error> {
        let sql = "SELECT origin, kind, key, version, hash, body, received_at FROM inbox WHERE kind = $1
                   ORDER BY received_at DESC, key, version DESC LIMIT $2";
        let rows = self.db.rows(sql, bind![kind, limit]).await?;
        rows.iter()
            .map(|row| {
                let item = InboxItem {
                    kind: row.get("kind")?,
                    key: row.get("key")?,
                    version: row.count("version")?,
                    hash: row.get("hash")?,
                    body: row.get::<Option<Vec<u8>>>("body")?.unwrap_or_default(),
                };
                Ok((NodeId(row.get("origin")?), item, row.at("received_at")?))
            })
            .collect()
    }
}

/// Stores one item once; what came before under the same key and version decides the outcome.
async fn receive_item(
    tx: &mut Tx,
    origin: &NodeId,
    epoch: i64,
    item: &InboxItem,
    keep_body: bool,
    at: Timestamp,
) -> Result<Outcome, Error> {
    let body = keep_body.then(|| item.body.clone());
    let sql = "INSERT INTO inbox (origin, epoch, kind, key, version, hash, body, received_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (origin, epoch, kind, key, version) DO NOTHING";
    let values = bind![origin, epoch, &item.kind, item.key, item.version, &item.hash, body, at];
    if tx.execute(sql, values).await? == 1 {
        return Ok(Outcome::New);
    }
    let sql = "SELECT hash FROM inbox WHERE origin = $1 AND epoch = $2 AND kind = $3 AND key = $4 AND version = $5";
    let row = tx.row(sql, bind![origin, epoch, &item.kind, item.key, item.version]).await?;
    let stored_hash: String = row.ok_or(Error::Missing { what: "inbox item" })?.get("hash")?;
    if stored_hash == item.hash {
        return Ok(Outcome::Duplicate);
    }
    let sql = "INSERT INTO inbox_conflict (origin, epoch, kind, key, version, stored_hash, offered_hash, body, at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    let (kind, hash, body) = (&item.kind, &item.hash, item.body.clone());
    tx.execute(sql, bind![origin, epoch, kind, item.key, item.version, &stored_hash, hash, body, at]).await?;
    Ok(Outcome::Conflict { stored_hash })
}

fn inbox_conflict(row: &Row) -> Result<InboxConflict, Error> {
    Ok(InboxConflict {
        origin: NodeId(row.get("origin")?),
        epoch: row.get("epoch")?,
        kind: row.get("kind")?,
        key: row.get("key")?,
        version: row.count("version")?,
        stored_hash: row.get("stored_hash")?,
        offered_hash: row.get("offered_hash")?,
        at: row.at("at")?,
    })
}

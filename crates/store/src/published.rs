//! The published log: releases that go down to members, each with a position that a member's cursor follows.
//! A file of its own because its one promise is hard: a reader behind a cursor never skips one that commits later.

use domain::party::NodeId;
use domain::record::hex;
use domain::release::SignedRelease;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::db::{Row, Tx, bind};
use crate::filter::Filter;
use crate::{Error, Store};

/// A release that goes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPublication {
    /// The signed bytes.
    pub release: SignedRelease,
    /// The release's id.
    pub id: Uuid,
    /// Its version.
    pub version: u32,
    /// Which attack it speaks of.
    pub cluster: Uuid,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The member that sent it here and does not get it back.
    pub skip: Option<NodeId>,
}

/// A release in the published log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its place in the log; the cursor of who has read it.
    pub position: i64,
    /// The signed bytes.
    pub release: SignedRelease,
    /// Who signed it.
    pub issuer: NodeId,
    /// The release's id.
    pub id: Uuid,
    /// Its version.
    pub version: u32,
    /// Which attack it speaks of.
    pub cluster: Uuid,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The member that does not get it.
    pub skip: Option<NodeId>,
    /// When it came into this log.
    pub published_at: Timestamp,
}

const PUBLISHED_COLUMNS: &str = "SELECT position, bytes, signer, signature, issuer, id, version, cluster, issued_at, \
     skip, published_at FROM published";

impl Store {
    /// Publishes a release; its position, or none if this issuer's version is in the log already.
    pub async fn publish(&self, publication: NewPublication, at: Timestamp) -> Result<Option<i64>, Error> {
        let mut tx = self.db.begin().await?;
        let position = publish(&mut tx, publication, at).await?;
        tx.commit().await?;
        Ok(position)
    }

    /// What comes after that position, in order.
    pub async fn published_after(&self, position: i64, limit: u32) -> Result<Vec<Published>, Error> {
        let sql = format!("{PUBLISHED_COLUMNS} WHERE position > $1 ORDER BY position LIMIT $2");
        self.db.rows(sql, bind![position, limit]).await?.iter().map(published).collect()
    }

    /// Every version of these releases, in the order they were published.
    pub async fn publications(&self, ids: &[Uuid]) -> Result<Vec<Published>, Error> {
        let mut filter = Filter::default();
        filter.and_in("id", ids.iter().map(|id| (*id).into()).collect());
        let (sql, values) = filter.statement(PUBLISHED_COLUMNS, " ORDER BY position", Vec::new());
        self.db.rows(sql, values).await?.iter().map(published).collect()
    }

    /// The newest position; 0 before the first publication.
    pub async fn published_head(&self) -> Result<i64, Error> {
        let row = self.db.row("SELECT head FROM stream WHERE name = 'published'", Vec::new()).await?;
        row.ok_or(Error::Missing { what: "stream" })?.get("head")
    }

    /// Up to here the log was trimmed: a cursor below it means a gap.
    pub async fn published_floor(&self) -> Result<i64, Error> {
        let row = self.db.row("SELECT floor FROM stream WHERE name = 'published'", Vec::new()).await?;
        row.ok_or(Error::Missing { what: "stream" })?.get("floor")
    }

    /// The last position of which everything up to it was published before that moment; 0 where nothing was.
    pub async fn published_before(&self, before: Timestamp) -> Result<i64, Error> {
        let sql = "SELECT MIN(position) AS first FROM published WHERE published_at >= $1";
        let first: Option<i64> = match self.db.row(sql, bind![before]).await? {
            Some(row) => row.get("first")?,
            None => None,
        };
        match first {
            Some(first) => Ok(first - 1),
            None => self.published_head().await,
        }
    }

    /// Drops everything up to and including that position; how many.
    pub async fn published_trim(&self, up_to: i64) -> Result<u64, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE stream SET floor = CASE WHEN $1 > head THEN head ELSE $1 END
                   WHERE name = 'published' AND floor < $1";
        tx.execute(sql, bind![up_to]).await?;
        let dropped = tx.execute("DELETE FROM published WHERE position <= $1", bind![up_to]).await?;
        tx.commit().await?;
        Ok(dropped)
    }
}

/// Publishes inside a transaction that does more. The stream's row is locked first and until commit.
pub(crate) async fn publish(tx: &mut Tx, new: NewPublication, at: Timestamp) -> Result<Option<i64>, Error> {
    let issuer = hex(&Sha256::digest(&new.release.key));
    let position = tx.positions("published", 1).await?;
    let sql = "INSERT INTO published
                 (position, bytes, signer, signature, issuer, id, version, cluster, issued_at, skip, published_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (issuer, id, version) DO NOTHING";
    let SignedRelease { bytes, key, signature } = new.release;
    let skip = new.skip.map(|node| node.0);
    let values =
        bind![position, bytes, key, signature, issuer, new.id, new.version, new.cluster, new.issued_at, skip, at];
    if tx.execute(sql, values).await? == 1 {
        return Ok(Some(position));
    }
    // It is there already: give the position back, so that positions stay gapless. The row is still locked.
    tx.execute("UPDATE stream SET head = head - 1 WHERE name = 'published'", Vec::new()).await?;
    Ok(None)
}

fn published(row: &Row) -> Result<Published, Error> {
    Ok(Published {
        position: row.get("position")?,
        release: SignedRelease { bytes: row.get("bytes")?, key: row.get("signer")?, signature: row.get("signature")? },
        issuer: NodeId(row.get("issuer")?),
        id: row.get("id")?,
        version: row.count32("version")?,
        cluster: row.get("cluster")?,
        issued_at: row.at("issued_at")?,
        skip: row.get::<Option<String>>("skip")?.map(NodeId),
        published_at: row.at("published_at")?,
    })
}

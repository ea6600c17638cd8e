//! The outbox: what goes up to the hub, in lanes, until the hub says it has it.
//! A file of its own because records in it are never dropped and everything else is dropped only with a count.

use domain::record::hex;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::db::{Row, Tx, bind};
use crate::{Error, NewAudit, Store, people};

/// How many sent items stay readable for the Sharing page, and as many that the hub did not take.
pub const SENT_KEPT_MAX: u32 = 50;

/// Which way out; the order is the priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Verdicts and what else belongs to records; never dropped.
    Record,
    /// Releases.
    Release,
    /// Sightings; the oldest go first when there is no room.
    Sighting,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Record, Self::Release, Self::Sighting];

    /// The stable word used on the wire and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Release => "release",
            Self::Sighting => "sighting",
        }
    }

    /// Stored as a number because the order is the priority.
    fn number(self) -> i64 {
        match self {
            Self::Record => 1,
            Self::Release => 2,
            Self::Sighting => 3,
        }
    }

    fn from_number(number: i64) -> Result<Self, Error> {
        let lane = Self::ALL.into_iter().find(|lane| lane.number() == number);
        lane.ok_or_else(|| Error::Corrupt { what: format!("lane {number}") })
    }
}

/// Whether the sharing policy of its class lets an item go by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It goes when its turn comes.
    #[default]
    Send,
    /// It waits until a person lets it go.
    Hold,
}

/// Something that is to go up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutboxItem {
    /// Which way.
    pub lane: Lane,
    /// What it is: `sighting`, `release`, `verdict` …
    pub kind: String,
    /// Which one.
    pub key: Uuid,
    /// Its version; a higher one replaces an unsent lower one, which keeps its turn.
    pub version: u64,
    /// The exact bytes that go.
    pub body: Vec<u8>,
    /// Whether it may go by itself.
    pub policy: Policy,
}

/// Why the hub did not take an item that reached it. Sending it again would not help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTaken {
    /// It cannot read or accept it.
    Refused {
        /// Its reason, in its words.
        why: String,
    },
    /// It holds other bytes under this name.
    Conflict,
}

/// Something in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// What confirms, releases or drops it; new with each version.
    pub position: i64,
    /// When this version was put there.
    pub created_at: Timestamp,
    /// Which way.
    pub lane: Lane,
    /// What it is.
    pub kind: String,
    /// Which one.
    pub key: Uuid,
    /// Its version.
    pub version: u64,
    /// The exact bytes.
    pub body: Vec<u8>,
    /// SHA-256 of the bytes, 64 hexadecimal digits.
    pub hash: String,
    /// When the hub answered; none while it waits.
    pub sent_at: Option<Timestamp>,
    /// Why the hub did not take it; none while it waits and where the hub took it.
    pub not_taken: Option<NotTaken>,
}

/// Items that were dropped because the hub was away too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What confirms it.
    pub id: i64,
    /// Whose lane.
    pub lane: Lane,
    /// How many items.
    pub dropped: u64,
    /// When the oldest of them was put there.
    pub from: Timestamp,
    /// When the newest of them was put there.
    pub to: Timestamp,
}

/// How full a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// The lane.
    pub lane: Lane,
    /// Items that wait for their turn.
    pub waiting: u64,
    /// Items that wait for a person.
    pub held: u64,
    /// When the oldest waiting one was put there.
    pub oldest: Option<Timestamp>,
}

const OUTBOX_COLUMNS: &str = "SELECT position, created_at, lane, kind, key, version, body, hash, sent_at, \
     answer, answer_why FROM outbox";

impl Store {
    /// Puts items into the outbox.
    pub async fn outbox_enqueue(&self, items: Vec<NewOutboxItem>, at: Timestamp) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        enqueue(&mut tx, items, at).await?;
        tx.commit().await
    }

    /// What goes next, the most urgent lane first, within it in turn.
    pub async fn outbox_pending(&self, limit: u32) -> Result<Vec<OutboxItem>, Error> {
        let sql = format!("{OUTBOX_COLUMNS} WHERE state = 'waiting' ORDER BY lane, turn LIMIT $1");
        self.db.rows(sql, bind![limit]).await?.iter().map(outbox_item).collect()
    }

    /// The hub answered: these it has, those it did not take. A version that replaced one of them on the way has a
    /// position of its own and stays.
    pub async fn outbox_confirm(
        &self,
        taken: &[i64],
        not_taken: &[(i64, NotTaken)],
        at: Timestamp,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let answers = taken.iter().map(|position| (position, None));
        for (position, answer) in answers.chain(not_taken.iter().map(|(position, answer)| (position, Some(answer)))) {
            let (word, why) = match answer {
                None => (None, None),
                Some(NotTaken::Conflict) => (Some("conflict".to_owned()), None),
                Some(NotTaken::Refused { why }) => (Some("refused".to_owned()), Some(why.clone())),
            };
            let sql = "UPDATE outbox SET state = 'sent', sent_at = $2, answer = $3, answer_why = $4
                       WHERE position = $1 AND state = 'waiting'";
            tx.execute(sql, bind![*position, at, word, why]).await?;
        }
        for of in ["answer IS NULL", "answer IS NOT NULL"] {
            let sql = format!(
                "DELETE FROM outbox WHERE state = 'sent' AND {of} AND position NOT IN (
                   SELECT position FROM outbox WHERE state = 'sent' AND {of}
                   ORDER BY sent_at DESC, position DESC LIMIT $1)"
            );
            tx.execute(sql, bind![SENT_KEPT_MAX]).await?;
        }
        tx.commit().await
    }

    /// Drops the oldest unsent items of a lane beyond `items_max`, and counts them in a gap; how many.
    /// The record lane is never trimmed.
    pub async fn outbox_trim(&self, lane: Lane, items_max: u64, at: Timestamp) -> Result<u64, Error> {
        if lane == Lane::Record {
            return Ok(0);
        }
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM outbox WHERE lane = $1 AND state <> 'sent' AND position NOT IN (
                     SELECT position FROM outbox WHERE lane = $1 AND state <> 'sent' ORDER BY turn DESC LIMIT $2)
                   RETURNING created_at";
        let rows = tx.rows(sql, bind![lane.number(), items_max]).await?;
        let times = rows.iter().map(|row| row.at("created_at")).collect::<Result<Vec<_>, _>>()?;
        if let (Some(from), Some(to)) = (times.iter().min(), times.iter().max()) {
            record_gap(&mut tx, lane, times.len() as u64, (*from, *to), at).await?;
        }
        tx.commit().await?;
        Ok(times.len() as u64)
    }

    /// Gaps that the hub has not been told of.
    pub async fn outbox_gaps_unsent(&self) -> Result<Vec<Gap>, Error> {
        let sql = "SELECT id, lane, dropped, from_at, to_at FROM gap WHERE sent_at IS NULL ORDER BY id";
        self.db.rows(sql, Vec::new()).await?.iter().map(gap).collect()
    }

    /// The last gaps, told or not, newest first: for the Sharing page.
    pub async fn outbox_gaps(&self, limit: u32) -> Result<Vec<Gap>, Error> {
        let sql = "SELECT id, lane, dropped, from_at, to_at FROM gap ORDER BY id DESC LIMIT $1";
        self.db.rows(sql, bind![limit]).await?.iter().map(gap).collect()
    }

    /// The hub was told of this gap. If it grew meanwhile, it stays unsent and is told again with the larger count.
    pub async fn outbox_confirm_gap(&self, gap: &Gap, at: Timestamp) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE gap SET sent_at = $3 WHERE id = $1 AND dropped = $2";
        tx.execute(sql, bind![gap.id, gap.dropped, at]).await?;
        tx.commit().await
    }

    /// How full each lane is.
    pub async fn outbox_depth(&self) -> Result<Vec<Depth>, Error> {
        let sql = "SELECT lane, state, COUNT(*) AS items, MIN(created_at) AS oldest FROM outbox
                   WHERE state <> 'sent' GROUP BY lane, state";
        let rows = self.db.rows(sql, Vec::new()).await?;
        let mut depths = Lane::ALL.map(|lane| Depth { lane, waiting: 0, held: 0, oldest: None });
        for row in rows {
            let lane = Lane::from_number(row.get("lane")?)?;
            let held = row.get::<String>("state")? == "held";
            for depth in depths.iter_mut().filter(|depth| depth.lane == lane) {
                match held {
                    true => depth.held = row.count("items")?,
                    false => {
                        depth.waiting = row.count("items")?;
                        depth.oldest = row.at_opt("oldest")?;
                    }
                }
            }
        }
        Ok(depths.to_vec())
    }

    /// What the hub took last, newest first; at most [`SENT_KEPT_MAX`].
    pub async fn outbox_recent_sent(&self, limit: u32) -> Result<Vec<OutboxItem>, Error> {
        self.answered("answer IS NULL", limit).await
    }

    /// What the hub did not take, newest first; at most [`SENT_KEPT_MAX`].
    pub async fn outbox_not_taken(&self, limit: u32) -> Result<Vec<OutboxItem>, Error> {
        self.answered("answer IS NOT NULL", limit).await
    }

    async fn answered(&self, of: &'static str, limit: u32) -> Result<Vec<OutboxItem>, Error> {
        let sql =
            format!("{OUTBOX_COLUMNS} WHERE state = 'sent' AND {of} ORDER BY sent_at DESC, position DESC LIMIT $1");
        self.db.rows(sql, bind![limit]).await?.iter().map(outbox_item).collect()
    }

    /// What waits for a person, oldest first.
    pub async fn outbox_held(&self, limit: u32) -> Result<Vec<OutboxItem>, Error> {
        let sql = format!("{OUTBOX_COLUMNS} WHERE state = 'held' ORDER BY turn LIMIT $1");
        self.db.rows(sql, bind![limit]).await?.iter().map(outbox_item).collect()
    }

    /// Lets a held item go. Errors: [`Error::Missing`], also where a newer version took its place.
    pub async fn release_held(&self, position: i64, audit: NewAudit) -> Result<(), Error> {
        let sql = "UPDATE outbox SET state = 'waiting' WHERE position = $1 AND state = 'held'";
        self.decide_held(sql, position, audit).await
    }

    /// Drops a held item. Errors: [`Error::Missing`], also where a newer version took its place.
    pub async fn drop_held(&self, position: i64, audit: NewAudit) -> Result<(), Error> {
        self.decide_held("DELETE FROM outbox WHERE position = $1 AND state = 'held'", position, audit).await
    }

    async fn decide_held(&self, sql: &'static str, position: i64, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute(sql, bind![position]).await? == 0 {
            return Err(Error::Missing { what: "held item" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }
}

/// Puts items into the outbox inside a transaction that does more.
pub(crate) async fn enqueue(tx: &mut Tx, items: Vec<NewOutboxItem>, at: Timestamp) -> Result<(), Error> {
    if items.is_empty() {
        return Ok(());
    }
    let first = tx.positions("outbox", items.len()).await?;
    for (position, item) in (first..).zip(items) {
        enqueue_one(tx, position, item, at).await?;
    }
    Ok(())
}

/// An unsent lower version goes and leaves its turn to the new one; an unsent equal or higher version stays.
async fn enqueue_one(tx: &mut Tx, position: i64, item: NewOutboxItem, at: Timestamp) -> Result<(), Error> {
    let sql = "DELETE FROM outbox WHERE kind = $1 AND key = $2 AND version < $3 AND state <> 'sent' RETURNING turn";
    let replaced = tx.row(sql, bind![&item.kind, item.key, item.version]).await?;
    let turn = replaced.map_or(Ok(position), |row| row.get("turn"))?;
    let sql = "INSERT INTO outbox (position, turn, lane, kind, key, version, body, hash, state, created_at)
               SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 WHERE NOT EXISTS (
                 SELECT 1 FROM outbox WHERE kind = $4 AND key = $5 AND version >= $6 AND state <> 'sent')";
    let hash = hex(&Sha256::digest(&item.body));
    let state = match item.policy {
        Policy::Send => "waiting",
        Policy::Hold => "held",
    };
    let (lane, kind) = (item.lane.number(), item.kind);
    let values = bind![position, turn, lane, kind, item.key, item.version, item.body, hash, state, at];
    tx.execute(sql, values).await.map(drop)
}

/// One unsent gap per lane grows; once told, the next one begins.
async fn record_gap(
    tx: &mut Tx,
    lane: Lane,
    dropped: u64,
    (from, to): (Timestamp, Timestamp),
    at: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE gap SET dropped = dropped + $2,
                 from_at = CASE WHEN from_at < $3 THEN from_at ELSE $3 END,
                 to_at = CASE WHEN to_at > $4 THEN to_at ELSE $4 END
               WHERE lane = $1 AND sent_at IS NULL";
    if tx.execute(sql, bind![lane.number(), dropped, from, to]).await? > 0 {
        return Ok(());
    }
    let sql = "INSERT INTO gap (lane, dropped, from_at, to_at, created_at) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, bind![lane.number(), dropped, from, to, at]).await.map(drop)
}

fn outbox_item(row: &Row) -> Result<OutboxItem, Error> {
    Ok(OutboxItem {
        position: row.get("position")?,
        created_at: row.at("created_at")?,
        lane: Lane::from_number(row.get("lane")?)?,
        kind: row.get("kind")?,
        key: row.get("key")?,
        version: row.count("version")?,
        body: row.get("body")?,
        hash: row.get("hash")?,
        sent_at: row.at_opt("sent_at")?,
        not_taken: not_taken(row)?,
    })
}

fn not_taken(row: &Row) -> Result<Option<NotTaken>, Error> {
    match row.get::<Option<String>>("answer")?.as_deref() {
        None => Ok(None),
        Some("conflict") => Ok(Some(NotTaken::Conflict)),
        Some("refused") => {
            let why: Option<String> = row.get("answer_why")?;
            Ok(Some(NotTaken::Refused { why: why.unwrap_or_default() }))
        }
        Some(other) => Err(Error::Corrupt { what: format!("outbox answer {other}") }),
    }
}

fn gap(row: &Row) -> Result<Gap, Error> {
    Ok(Gap {
        id: row.get("id")?,
        lane: Lane::from_number(row.get("lane")?)?,
        dropped: row.count("dropped")?,
        from: row.at("from_at")?,
        to: row.at("to_at")?,
    })
}

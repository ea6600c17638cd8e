//! The scanner's commit: cursor, alerts, base detections, outbox and counts in one transaction.
//! A file of its own because telemetry expires: none of this is journaled, and all of it can be rebuilt from events.

use jiff::Timestamp;

use crate::column::int;
use crate::db::{Tx, bind};
use crate::{AlertUpsert, Error, Hid, NewOutboxItem, Store, alerts, outbox, tuning};

/// A detection that an open correlation window still needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseRow {
    /// The rule it matched.
    pub rule_id: String,
    /// The correlation group it belongs to.
    pub group: String,
    /// Event time.
    pub at: Timestamp,
    /// The event's number in the log.
    pub seq: u64,
    /// What the correlator needs; its own bytes.
    pub payload: Vec<u8>,
}

/// An event that the engine could not survive; it is kept in the log and skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number in the log.
    pub seq: u64,
    /// What happened.
    pub reason: String,
}

/// A quarantined event as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedEvent {
    /// Its number in the log.
    pub seq: u64,
    /// What happened.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What one scan saw of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSeen {
    /// The source's number.
    pub source: u32,
    /// How many events.
    pub events: u64,
    /// Event time of the newest.
    pub last_at: Timestamp,
    /// How many carried a time that cannot be right.
    pub flagged: u64,
    /// How many no decoder knew.
    pub undecoded: u64,
    /// The format recognised last; empty if none.
    pub format: String,
}

/// Everything that one scan causes. All of it is stored, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanCommit {
    /// The event number that the next scan starts at.
    pub cursor: u64,
    /// What it found.
    pub alerts: Vec<AlertUpsert>,
    /// Base detections to keep.
    pub base: Vec<BaseRow>,
    /// Base detections older than this (event time) go.
    pub base_drop_before: Option<Timestamp>,
    /// What goes up.
    pub outbox: Vec<NewOutboxItem>,
    /// Events that were skipped.
    pub quarantined: Vec<Quarantined>,
    /// Matches that filters hid.
    pub hidden: Vec<Hid>,
    /// Counts per source.
    pub sources: Vec<SourceSeen>,
    /// The node's clock.
    pub at: Timestamp,
}

impl Store {
    /// Stores what one scan found and where the next one starts, in one transaction.
    pub async fn commit_scan(&self, mut scan: ScanCommit) -> Result<(), Error> {
        scan.alerts.sort_by_key(|alert| alert.id);
        let mut tx = self.db.begin().await?;
        for alert in &scan.alerts {
            alerts::upsert_alert(&mut tx, alert).await?;
        }
        for base in scan.base {
            let sql =
                "INSERT INTO base_detection (rule_id, window_group, at, seq, payload) VALUES ($1, $2, $3, $4, $5)";
            tx.execute(sql, bind![base.rule_id, base.group, base.at, base.seq, base.payload]).await?;
        }
        if let Some(before) = scan.base_drop_before {
            tx.execute("DELETE FROM base_detection WHERE at < $1", bind![before]).await?;
        }
        for event in scan.quarantined {
            let sql = "INSERT INTO quarantined (seq, reason, at) VALUES ($1, $2, $3) ON CONFLICT (seq) DO NOTHING";
            tx.execute(sql, bind![event.seq, event.reason, scan.at]).await?;
        }
        for seen in scan.sources {
            let sql = "UPDATE source SET scanned = scanned + $2, flagged = flagged + $3, undecoded = undecoded + $4,
                         first_at = COALESCE(first_at, $5),
                         last_at = CASE WHEN last_at > $5 THEN last_at ELSE $5 END,
                         format = CASE WHEN $6 = '' THEN format ELSE $6 END
                       WHERE number = $1";
            let values = bind![seen.source, seen.events, seen.flagged, seen.undecoded, seen.last_at, seen.format];
            tx.execute(sql, values).await?;
        }
        tuning::count_hidden(&mut tx, scan.hidden).await?;
        outbox::enqueue(&mut tx, scan.outbox, scan.at).await?;
        set_cursor(&mut tx, "scan", int(scan.cursor)).await?;
        tx.commit().await
    }

    /// The event number that the next scan starts at; 0 in a new database.
    pub async fn scan_cursor(&self) -> Result<u64, Error> {
        let position = self.cursor("scan").await?;
        u64::try_from(position).map_err(|_| Error::Corrupt { what: format!("scan cursor {position}") })
    }

    /// The detections that open correlation windows still need, oldest first.
    pub async fn base_detections(&self) -> Result<Vec<BaseRow>, Error> {
        let sql = "SELECT rule_id, window_group, at, seq, payload FROM base_detection ORDER BY at, number";
        let rows = self.db.rows(sql, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(BaseRow {
                    rule_id: row.get("rule_id")?,
                    group: row.get("window_group")?,
                    at: row.at("at")?,
                    seq: row.count("seq")?,
                    payload: row.get("payload")?,
                })
            })
            .collect()
    }

    /// The events that were skipped, newest first.
    pub async fn quarantined(&self, limit: u32) -> Result<Vec<QuarantinedEvent>, Error> {
        let rows =
            self.db.rows("SELECT seq, reason, at FROM quarantined ORDER BY seq DESC LIMIT $1", bind![limit]).await?;
        rows.iter()
            .map(|row| Ok(QuarantinedEvent { seq: row.count("seq")?, reason: row.get("reason")?, at: row.at("at")? }))
            .collect()
    }

    /// The position kept under that name; 0 if there is none yet.
    pub(crate) async fn cursor(&self, name: &'static str) -> Result<i64, Error> {
        let row = self.db.row("SELECT position FROM cursor WHERE name = $1", bind![name]).await?;
        row.map_or(Ok(0), |row| row.get("position"))
    }
}

/// Moves the cursor of that name.
pub(crate) async fn set_cursor(tx: &mut Tx, name: &'static str, position: i64) -> Result<(), Error> {
    let sql = "INSERT INTO cursor (name, position) VALUES ($1, $2)
               ON CONFLICT (name) DO UPDATE SET position = excluded.position";
    tx.execute(sql, bind![name, position]).await.map(drop)
}

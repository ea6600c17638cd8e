//! Warnings that came down, as the receiving node keeps them: their state in the engine and the verdict here.
//! A file of its own because this is the card that people see, saved together with the answer that goes back up.

use domain::marking::Marking;
use domain::party::NodeId;
use domain::release::{SignedRelease, WarningContent};
use domain::telemetry::Verdict;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::column::{json, word};
use crate::db::{Row, Tx, bind};
use crate::filter::Filter;
use crate::records::PAGE_ITEMS_DEFAULT;
use crate::{Error, NewAudit, NewOutboxItem, Store, outbox, people, telemetry};

/// What the engine does with a warning's indicators and rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceivedState {
    /// They run over the last day first.
    Trial,
    /// They would match more than the local limit: a person decides.
    Held {
        /// How many events they would match.
        would_match: u64,
    },
    /// They run.
    Live,
    /// A person switched them off, or this hub is ignored.
    Ignored,
    /// The issuer took the warning back.
    Withdrawn,
}

/// [`ReceivedState`] without its number, for filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceivedStage {
    /// They run over the last day first.
    Trial,
    /// A person decides.
    Held,
    /// They run.
    Live,
    /// Switched off.
    Ignored,
    /// Taken back.
    Withdrawn,
}

impl ReceivedStage {
    /// The stable word used in storage and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Held => "held",
            Self::Live => "live",
            Self::Ignored => "ignored",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl ReceivedState {
    /// The state without its number.
    pub fn stage(self) -> ReceivedStage {
        match self {
            Self::Trial => ReceivedStage::Trial,
            Self::Held { .. } => ReceivedStage::Held,
            Self::Live => ReceivedStage::Live,
            Self::Ignored => ReceivedStage::Ignored,
            Self::Withdrawn => ReceivedStage::Withdrawn,
        }
    }
}

/// One event that a look-back found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookBackHit {
    /// Its number in the event log.
    pub seq: u64,
    /// Event time.
    pub at: Timestamp,
    /// The value or rule that matched.
    pub what: String,
    /// The host; empty where the event names none.
    pub host: String,
}

/// What a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VerdictWhy {
    /// The oldest event that was searched.
    pub searched_from: Option<Timestamp>,
    /// The newest event that was searched.
    pub searched_to: Option<Timestamp>,
    /// How many.
    pub events_searched: u64,
    /// Whether a limit ended the search before all of them were looked at.
    pub limited: bool,
    /// How many were found.
    pub hits_total: u64,
    /// The first of them, oldest first; the caller limits how many.
    pub hits: Vec<LookBackHit>,
    /// Why in one code that screens translate, e.g. `no-source-covers` or `supplier-unknown`.
    pub reason: String,
}

/// A warning that came down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedWarning {
    /// Which attack it speaks of; cards group by it.
    pub cluster: Uuid,
    /// The release's id.
    pub release: Uuid,
    /// Its version.
    pub version: u32,
    /// Who signed it.
    pub issuer: NodeId,
    /// The issuer's name.
    pub issuer_name: String,
    /// What it says; none for a withdrawal whose warning never came here.
    pub content: Option<WarningContent>,
    /// The exact signed bytes.
    pub signed: SignedRelease,
    /// How far it may travel.
    pub marking: Marking,
    /// Whether an exercise caused it.
    pub drill: bool,
    /// When it came.
    pub received_at: Timestamp,
    /// What the engine does with it.
    pub state: ReceivedState,
    /// What it means here.
    pub verdict: Verdict,
    /// What that rests on.
    pub verdict_why: VerdictWhy,
    /// When the verdict was reached.
    pub decided_at: Timestamp,
    /// The account that read it first, and when.
    pub seen_by: Option<(Uuid, Timestamp)>,
}

/// What saving a received warning did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The first version here.
    New,
    /// It took the place of the same or a lower version.
    Replaced,
    /// A higher version is here already; only the cursor moved.
    Stale,
}

/// Which received warnings a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedQuery {
    /// In which states; empty means all.
    pub stages: Vec<ReceivedStage>,
    /// Of which attack.
    pub cluster: Option<Uuid>,
    /// How many at most, the newest first.
    pub limit: u32,
}

impl Default for ReceivedQuery {
    fn default() -> Self {
        Self { stages: Vec::new(), cluster: None, limit: PAGE_ITEMS_DEFAULT }
    }
}

const RECEIVED_COLUMNS: &str = "SELECT issuer, release, version, cluster, issuer_name, content, bytes, signer, \
     signature, tlp, pap, drill, received_at, state, would_match, verdict, verdict_why, decided_at, seen_by, seen_at \
     FROM received";

impl Store {
    /// Saves a warning that came down, the answer that goes up and how far the stream was read, in one transaction.
    /// Keyed by issuer and release: two hubs may derive the same release id from the same attack.
    pub async fn save_received(
        &self,
        warning: ReceivedWarning,
        outbox: Vec<NewOutboxItem>,
        down_cursor: Option<i64>,
    ) -> Result<Saved, Error> {
        let mut tx = self.db.begin().await?;
        let saved = save(&mut tx, &warning).await?;
        if saved != Saved::Stale {
            outbox::enqueue(&mut tx, outbox, warning.decided_at).await?;
        }
        if let Some(position) = down_cursor {
            telemetry::set_cursor(&mut tx, "down", position).await?;
        }
        tx.commit().await?;
        Ok(saved)
    }

    /// Received warnings, newest first.
    pub async fn received(&self, query: ReceivedQuery) -> Result<Vec<ReceivedWarning>, Error> {
        let mut filter = Filter::default();
        if !query.stages.is_empty() {
            filter.and_in("state", query.stages.iter().map(|stage| stage.as_str().into()).collect());
        }
        if let Some(cluster) = query.cluster {
            filter.and("cluster = ?", bind![cluster]);
        }
        let tail = " ORDER BY received_at DESC, issuer, release LIMIT ?";
        let (sql, values) = filter.statement(RECEIVED_COLUMNS, tail, bind![query.limit]);
        self.db.rows(sql, values).await?.iter().map(received).collect()
    }

    /// The warning of this issuer with this release id.
    pub async fn received_one(&self, issuer: &NodeId, release: Uuid) -> Result<Option<ReceivedWarning>, Error> {
        let sql = format!("{RECEIVED_COLUMNS} WHERE issuer = $1 AND release = $2");
        let row = self.db.row(sql, bind![issuer, release]).await?;
        row.as_ref().map(received).transpose()
    }

    /// The warnings whose indicators and rules run, oldest first: what the engine is built from.
    pub async fn live_warnings(&self) -> Result<Vec<ReceivedWarning>, Error> {
        let sql = format!("{RECEIVED_COLUMNS} WHERE state = 'live' ORDER BY received_at, issuer, release");
        self.db.rows(sql, Vec::new()).await?.iter().map(received).collect()
    }

    /// Says what the engine does with a warning, with its audit line. Errors: [`Error::Missing`].
    pub async fn set_received_state(
        &self,
        issuer: &NodeId,
        release: Uuid,
        state: ReceivedState,
        audit: NewAudit,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE received SET state = $3, would_match = $4 WHERE issuer = $1 AND release = $2";
        let values = bind![issuer, release, state.stage().as_str(), would_match(state)];
        if tx.execute(sql, values).await? == 0 {
            return Err(Error::Missing { what: "received warning" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Keeps what a later look-back found, and the answer that goes up. Errors: [`Error::Missing`], also where another
    /// version took its place meanwhile.
    pub async fn set_received_verdict(
        &self,
        warning: &ReceivedWarning,
        (verdict, why): (Verdict, VerdictWhy),
        outbox: Vec<NewOutboxItem>,
        at: Timestamp,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE received SET verdict = $4, verdict_why = $5, decided_at = $6
                   WHERE issuer = $1 AND release = $2 AND version = $3";
        let (issuer, release, version) = (&warning.issuer, warning.release, warning.version);
        let values = bind![issuer, release, version, verdict.as_str(), json(&why)?, at];
        if tx.execute(sql, values).await? == 0 {
            return Err(Error::Missing { what: "received warning" });
        }
        outbox::enqueue(&mut tx, outbox, at).await?;
        tx.commit().await
    }

    /// Keeps who read a warning first; later readers change nothing.
    pub async fn mark_received_seen(
        &self,
        issuer: &NodeId,
        release: Uuid,
        account: Uuid,
        at: Timestamp,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE received SET seen_by = $3, seen_at = $4
                   WHERE issuer = $1 AND release = $2 AND seen_by IS NULL";
        tx.execute(sql, bind![issuer, release, account, at]).await?;
        tx.commit().await
    }

    /// How far the hub's stream was read.
    pub async fn down_cursor(&self) -> Result<i64, Error> {
        self.cursor("down").await
    }

    /// Keeps how far the hub's stream was read, for items that are no warning.
    pub async fn set_down_cursor(&self, position: i64) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        telemetry::set_cursor(&mut tx, "down", position).await?;
        tx.commit().await
    }
}

async fn save(tx: &mut Tx, warning: &ReceivedWarning) -> Result<Saved, Error> {
    let sql = "UPDATE received SET version = version WHERE issuer = $1 AND release = $2 RETURNING version";
    let stored = tx.row(sql, bind![&warning.issuer, warning.release]).await?;
    let saved = match stored {
        None => Saved::New,
        Some(row) if row.count32("version")? > warning.version => return Ok(Saved::Stale),
        Some(_) => Saved::Replaced,
    };
    let sql = "INSERT INTO received (issuer, release, version, cluster, issuer_name, content, bytes, signer, signature,
                 tlp, pap, drill, received_at, state, would_match, verdict, verdict_why, decided_at, seen_by, seen_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
               ON CONFLICT (issuer, release) DO UPDATE SET version = excluded.version, cluster = excluded.cluster,
                 issuer_name = excluded.issuer_name, content = excluded.content, bytes = excluded.bytes,
                 signer = excluded.signer, signature = excluded.signature, tlp = excluded.tlp, pap = excluded.pap,
                 drill = excluded.drill, received_at = excluded.received_at, state = excluded.state,
                 would_match = excluded.would_match, verdict = excluded.verdict,
                 verdict_why = excluded.verdict_why, decided_at = excluded.decided_at,
                 seen_by = excluded.seen_by, seen_at = excluded.seen_at";
    let content = warning.content.as_ref().map(json).transpose()?;
    let signed = warning.signed.clone();
    let values = bind![
        &warning.issuer,
        warning.release,
        warning.version,
        warning.cluster,
        &warning.issuer_name,
        content,
        signed.bytes,
        signed.key,
        signed.signature,
        word(warning.marking.tlp)?,
        word(warning.marking.pap)?,
        warning.drill,
        warning.received_at,
        warning.state.stage().as_str(),
        would_match(warning.state),
        warning.verdict.as_str(),
        json(&warning.verdict_why)?,
        warning.decided_at,
        warning.seen_by.map(|(account, _)| account),
        warning.seen_by.map(|(_, at)| at),
    ];
    tx.execute(sql, values).await?;
    Ok(saved)
}

fn would_match(state: ReceivedState) -> Option<u64> {
    if let ReceivedState::Held { would_match } = state { Some(would_match) } else { None }
}

fn received(row: &Row) -> Result<ReceivedWarning, Error> {
    let would_match = row.get::<Option<i64>>("would_match")?.unwrap_or(0).unsigned_abs();
    let content = row.get::<Option<String>>("content")?;
    let seen_by = row.get::<Option<Uuid>>("seen_by")?.zip(row.at_opt("seen_at")?);
    Ok(ReceivedWarning {
        cluster: row.get("cluster")?,
        release: row.get("release")?,
        version: row.count32("version")?,
        issuer: NodeId(row.get("issuer")?),
        issuer_name: row.get("issuer_name")?,
        content: content.map(|text| crate::column::from_json(&text, "content")).transpose()?,
        signed: SignedRelease { bytes: row.get("bytes")?, key: row.get("signer")?, signature: row.get("signature")? },
        marking: Marking { tlp: row.word("tlp")?, pap: row.word("pap")? },
        drill: row.get("drill")?,
        received_at: row.at("received_at")?,
        state: match row.word("state")? {
            ReceivedStage::Trial => ReceivedState::Trial,
            ReceivedStage::Held => ReceivedState::Held { would_match },
            ReceivedStage::Live => ReceivedState::Live,
            ReceivedStage::Ignored => ReceivedState::Ignored,
            ReceivedStage::Withdrawn => ReceivedState::Withdrawn,
        },
        verdict: row.word("verdict")?,
        verdict_why: row.json("verdict_why")?,
        decided_at: row.at("decided_at")?,
        seen_by,
    })
}

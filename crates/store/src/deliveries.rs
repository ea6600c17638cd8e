//! Deliveries: how far each release came at each member, and what it means there.
//! A file of its own because it is bulk: one row a member and version, never a fact.

use domain::party::NodeId;
use domain::telemetry::Verdict;
use jiff::Timestamp;
use uuid::Uuid;

use crate::column::from_word;
use crate::db::{Row, Tx, bind};
use crate::{Error, Store};

/// How far a release came at one member. Only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Written to its stream.
    Sent,
    /// Confirmed by it.
    Received,
    /// Answered: what it means there.
    Verdict(Verdict),
}

/// A release at one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The release's id.
    pub release: Uuid,
    /// Its version.
    pub version: u32,
    /// The member.
    pub member: NodeId,
    /// How far it came.
    pub state: DeliveryState,
    /// When it came that far.
    pub at: Timestamp,
    /// From this hub's commit of the release to the moment it heard that the member has it, both by this hub's clock;
    /// what was known first stays. None before, and where the log no longer knows when it was published.
    pub latency_ms: Option<i64>,
}

/// How many members gave one verdict on the newest version that reached them; none: no verdict yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictCount {
    /// The verdict.
    pub verdict: Option<Verdict>,
    /// How many members.
    pub members: u64,
}

impl Store {
    /// Keeps how far releases came at members, in one transaction; never moves backwards, a later verdict replaces the
    /// earlier one.
    pub async fn upsert_deliveries(&self, deliveries: &[Delivery]) -> Result<(), Error> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for delivery in deliveries {
            upsert(&mut tx, delivery).await?;
        }
        tx.commit().await
    }

    /// How far every version of a release came at every member.
    pub async fn deliveries(&self, release: Uuid) -> Result<Vec<Delivery>, Error> {
        let sql = "SELECT release, version, member, step, verdict, at, latency_ms FROM delivery
                   WHERE release = $1 ORDER BY version, member";
        self.db.rows(sql, bind![release]).await?.iter().map(delivery).collect()
    }

    /// How many members gave which verdict on the newest version that reached them.
    pub async fn verdict_counts(&self, release: Uuid) -> Result<Vec<VerdictCount>, Error> {
        let sql = "SELECT verdict, COUNT(*) AS members FROM delivery AS newest WHERE release = $1 AND version = (
                     SELECT MAX(version) FROM delivery WHERE release = newest.release AND member = newest.member)
                   GROUP BY verdict ORDER BY verdict";
        let rows = self.db.rows(sql, bind![release]).await?;
        rows.iter().map(|row| Ok(VerdictCount { verdict: verdict(row)?, members: row.count("members")? })).collect()
    }
}

async fn upsert(tx: &mut Tx, delivery: &Delivery) -> Result<(), Error> {
    let (step, verdict) = match delivery.state {
        DeliveryState::Sent => (1_i64, None),
        DeliveryState::Received => (2, None),
        DeliveryState::Verdict(verdict) => (3, Some(verdict.as_str().to_owned())),
    };
    let sql = "INSERT INTO delivery (release, version, member, step, verdict, at, latency_ms)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (release, version, member) DO UPDATE SET step = excluded.step,
                 verdict = excluded.verdict, at = excluded.at,
                 latency_ms = COALESCE(delivery.latency_ms, excluded.latency_ms)
               WHERE delivery.step <= excluded.step";
    let Delivery { release, version, member, at, latency_ms, .. } = delivery;
    tx.execute(sql, bind![*release, *version, member, step, verdict, *at, *latency_ms]).await.map(drop)
}

fn verdict(row: &Row) -> Result<Option<Verdict>, Error> {
    row.get::<Option<String>>("verdict")?.map(|word| from_word(word, "verdict")).transpose()
}

fn delivery(row: &Row) -> Result<Delivery, Error> {
    let state = match (row.get::<i64>("step")?, verdict(row)?) {
        (1, _) => DeliveryState::Sent,
        (2, _) => DeliveryState::Received,
        (3, Some(verdict)) => DeliveryState::Verdict(verdict),
        (step, _) => return Err(Error::Corrupt { what: format!("delivery step {step}") }),
    };
    Ok(Delivery {
        release: row.get("release")?,
        version: row.count32("version")?,
        member: NodeId(row.get("member")?),
        state,
        at: row.at("at")?,
        latency_ms: row.get("latency_ms")?,
    })
}

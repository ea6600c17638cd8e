//! The hub's side of the link: what members sent, their sightings, who is a member, what reached whom.
//! A file of its own because everything here is idempotent: a member repeats until it is answered.

use domain::cluster::Seen;
use domain::party::NodeId;
use domain::telemetry::{Level, Sighting, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::column::{json, word};
use crate::db::{Row, Tx, bind};
use crate::filter::Filter;
use crate::records::PAGE_ITEMS_DEFAULT;
use crate::{Error, NewOutboxItem, Store, outbox, telemetry};

/// A hospital shows a family in ordinary times from this many earlier days on. Source: `domain::cluster::Seen`.
const FAMILIAR_DAYS_MIN: i64 = 3;

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

/// Which sightings a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SightingQuery {
    /// Received not before.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// From this country.
    pub country: Option<String>,
    /// Sharing one of these cluster key texts; empty means any.
    pub keys: Vec<String>,
    /// How many at most, the newest first.
    pub limit: u32,
}

impl Default for SightingQuery {
    fn default() -> Self {
        Self { since: None, until: None, country: None, keys: Vec::new(), limit: PAGE_ITEMS_DEFAULT }
    }
}

/// A rule that many hospitals fire at once and nothing else connects: a person looks at the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspectedRule {
    /// The rule.
    pub rule_id: String,
    /// How many organisations fired it, at most so far.
    pub hospitals: u32,
    /// When it was suspected first.
    pub first_at: Timestamp,
    /// When it was suspected last.
    pub last_at: Timestamp,
    /// When a person cleared it; taken back when more organisations fire it.
    pub cleared_at: Option<Timestamp>,
}

/// What one country shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountryCount {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Distinct organisations.
    pub hospitals: u64,
    /// Sightings.
    pub sightings: u64,
    /// The gravest level.
    pub level_max: Level,
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// A hospital.
    Hospital,
    /// A national hub.
    National,
}

/// Whether a member may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    /// It may.
    Active,
    /// It may not any more.
    Revoked,
}

/// A node that enrolled here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its identity.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// What it is.
    pub role: MemberRole,
    /// Its raw Ed25519 public key.
    pub public_key: Vec<u8>,
    /// How this hub names it towards its own hub.
    pub pseudonym: String,
    /// Whether it may connect.
    pub state: MemberState,
    /// Since when it is a member.
    pub enrolled_at: Timestamp,
    /// Until when its certificate holds.
    pub certificate_until: Timestamp,
    /// When it was last heard of.
    pub last_seen_at: Option<Timestamp>,
    /// The position of the published log that it confirmed.
    pub cursor: i64,
    /// The highest epoch it pushed in.
    pub epoch: i64,
}

/// A code that lets one node enrol once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// SHA-256 of the secret, 64 hexadecimal digits; the secret itself is never stored.
    pub secret_hash: String,
    /// The member's name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// What the member will be.
    pub role: MemberRole,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// The account that made it.
    pub created_by: Option<Uuid>,
}

/// Why an invite does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteRefused {
    /// No invite has this secret.
    #[error("no invite has this code")]
    Unknown,
    /// It is too old.
    #[error("the invite has expired")]
    Expired,
    /// A node enrolled with it already.
    #[error("the invite was used already")]
    Used,
}

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
    /// From this hub's commit to the member's commit of the card, if the member said so.
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

const MEMBER_COLUMNS: &str = "SELECT node, name, country, role, public_key, pseudonym, state, enrolled_at, \
     certificate_until, last_seen_at, cursor, epoch FROM member";

/// With `familiar`: on how many earlier days this hospital showed this family.
const SEEN_COLUMNS: &str = "SELECT position, hospital, received_at, body, (
       SELECT COUNT(*) FROM family_day WHERE family_day.hospital = sighting.hospital
         AND family_day.family = sighting.family AND family_day.day < sighting.day) AS family_days
     FROM sighting";

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
            let sighting = sightings.iter().find(|seen| item.kind == "sighting" && seen.sighting.id == item.key);
            let outcome = receive_item(&mut tx, origin, epoch, item, sighting.is_none(), at).await?;
            if let (Outcome::New, Some(seen)) = (&outcome, sighting) {
                save_sighting(&mut tx, seen, (epoch, item.version), at).await?;
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

    /// Sightings behind that position, in order; an update of one comes again under a new position.
    pub async fn sightings_since_cursor(&self, after: i64, limit: u32) -> Result<Vec<(i64, Seen)>, Error> {
        let sql = format!("{SEEN_COLUMNS} WHERE position > $1 ORDER BY position LIMIT $2");
        let rows = self.db.rows(sql, bind![after, limit]).await?;
        rows.iter().map(|row| Ok((row.get("position")?, seen(row)?))).collect()
    }

    /// Up to here sightings were judged.
    pub async fn judged_cursor(&self) -> Result<i64, Error> {
        self.cursor("judged").await
    }

    /// Keeps up to where sightings were judged.
    pub async fn set_judged_cursor(&self, position: i64) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        telemetry::set_cursor(&mut tx, "judged", position).await?;
        tx.commit().await
    }

    /// Sightings that share one of these key texts and are not older, newest first.
    pub async fn related(&self, keys: &[String], since: Timestamp, limit: u32) -> Result<Vec<Seen>, Error> {
        let query = SightingQuery { since: Some(since), keys: keys.to_vec(), limit, ..SightingQuery::default() };
        if keys.is_empty() { Ok(Vec::new()) } else { self.sightings(query).await }
    }

    /// Sightings for lists and maps, newest first.
    pub async fn sightings(&self, query: SightingQuery) -> Result<Vec<Seen>, Error> {
        let mut filter = Filter::default();
        if !query.keys.is_empty() {
            let keys = query.keys.iter().map(|key| key.into()).collect();
            filter.and_around("number IN (SELECT sighting FROM sighting_key WHERE key IN (", keys, "))");
        }
        if let Some(since) = query.since {
            filter.and("received_at >= ?", bind![since]);
        }
        if let Some(until) = query.until {
            filter.and("received_at < ?", bind![until]);
        }
        if let Some(country) = query.country {
            filter.and("country = ?", bind![country]);
        }
        let tail = " ORDER BY received_at DESC, position DESC LIMIT ?";
        let (sql, values) = filter.statement(SEEN_COLUMNS, tail, bind![query.limit]);
        self.db.rows(sql, values).await?.iter().map(seen).collect()
    }

    /// What each country shows in real life (no drills), by code.
    pub async fn sighting_counts_by_country(&self, since: Timestamp) -> Result<Vec<CountryCount>, Error> {
        let sql =
            "SELECT country, COUNT(DISTINCT hospital) AS hospitals, COUNT(*) AS sightings, MAX(level) AS level_max
                   FROM sighting WHERE received_at >= $1 AND drill = $2 GROUP BY country ORDER BY country";
        let rows = self.db.rows(sql, bind![since, false]).await?;
        rows.iter()
            .map(|row| {
                Ok(CountryCount {
                    country: row.get("country")?,
                    hospitals: row.count("hospitals")?,
                    sightings: row.count("sightings")?,
                    level_max: row.level("level_max")?,
                })
            })
            .collect()
    }

    /// How many organisations have ever shown anything here and are still remembered.
    pub async fn distinct_hospitals(&self) -> Result<u64, Error> {
        let row = self.db.row("SELECT COUNT(DISTINCT hospital) AS hospitals FROM sighting", Vec::new()).await?;
        row.map_or(Ok(0), |row| row.count("hospitals"))
    }

    /// Keeps that a rule is suspected; more organisations than before take an earlier clearing back.
    pub async fn note_suspected_rule(&self, rule_id: &str, hospitals: u32, at: Timestamp) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO suspected_rule (rule_id, hospitals, first_at, last_at) VALUES ($1, $2, $3, $3)
                   ON CONFLICT (rule_id) DO UPDATE SET last_at = excluded.last_at,
                     cleared_at = CASE WHEN excluded.hospitals > suspected_rule.hospitals THEN NULL
                                       ELSE suspected_rule.cleared_at END,
                     hospitals = CASE WHEN excluded.hospitals > suspected_rule.hospitals THEN excluded.hospitals
                                      ELSE suspected_rule.hospitals END";
        tx.execute(sql, bind![rule_id, hospitals, at]).await?;
        tx.commit().await
    }

    /// Suspected rules, cleared ones included, the last suspected first.
    pub async fn suspected_rules(&self) -> Result<Vec<SuspectedRule>, Error> {
        let sql = "SELECT rule_id, hospitals, first_at, last_at, cleared_at FROM suspected_rule
                   ORDER BY last_at DESC, rule_id";
        let rows = self.db.rows(sql, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(SuspectedRule {
                    rule_id: row.get("rule_id")?,
                    hospitals: row.count32("hospitals")?,
                    first_at: row.at("first_at")?,
                    last_at: row.at("last_at")?,
                    cleared_at: row.at_opt("cleared_at")?,
                })
            })
            .collect()
    }

    /// A person looked at the rule and found it sound, with the audit line. Errors: [`Error::Missing`].
    pub async fn clear_suspected_rule(&self, rule_id: &str, audit: crate::NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE suspected_rule SET cleared_at = $2 WHERE rule_id = $1";
        if tx.execute(sql, bind![rule_id, audit.at]).await? == 0 {
            return Err(Error::Missing { what: "suspected rule" });
        }
        crate::people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Drops sightings received before, and what was kept to recognise repeats of them; how many sightings.
    pub async fn retain_sightings(&self, before: Timestamp) -> Result<u64, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM sighting_key WHERE sighting IN (SELECT number FROM sighting WHERE received_at < $1)";
        tx.execute(sql, bind![before]).await?;
        let dropped = tx.execute("DELETE FROM sighting WHERE received_at < $1", bind![before]).await?;
        tx.execute("DELETE FROM inbox WHERE kind = 'sighting' AND received_at < $1", bind![before]).await?;
        tx.execute("DELETE FROM family_day WHERE day < $1", bind![day(before)]).await?;
        tx.commit().await?;
        Ok(dropped)
    }

    /// Keeps an invite. Errors: [`Error::Exists`].
    pub async fn create_invite(&self, invite: Invite) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO invite (secret_hash, name, country, role, expires_at, created_by)
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (secret_hash) DO NOTHING";
        let Invite { secret_hash, name, country, role, expires_at, created_by } = invite;
        let values = bind![secret_hash, name, country, word(role)?, expires_at, created_by];
        if tx.execute(sql, values).await? == 0 {
            return Err(Error::Exists { what: "invite" });
        }
        tx.commit().await
    }

    /// The invite of this secret, if it can be used now; nothing changes.
    pub async fn invite(&self, secret_hash: &str, now: Timestamp) -> Result<Result<Invite, InviteRefused>, Error> {
        let mut tx = self.db.snapshot().await?;
        usable_invite(&mut tx, secret_hash, now).await
    }

    /// Uses up the invite and adds the member, both or neither. The member's name, country and role are the invite's.
    pub async fn enrol(
        &self,
        secret_hash: &str,
        member: Member,
        now: Timestamp,
    ) -> Result<Result<Invite, InviteRefused>, Error> {
        let mut tx = self.db.begin().await?;
        // The row's lock: a second node with the same code waits here and then finds it used.
        tx.execute("UPDATE invite SET used_at = used_at WHERE secret_hash = $1", bind![secret_hash]).await?;
        let invite = match usable_invite(&mut tx, secret_hash, now).await? {
            Ok(invite) => invite,
            Err(refused) => return Ok(Err(refused)),
        };
        let sql = "UPDATE invite SET used_at = $2, used_by = $3 WHERE secret_hash = $1";
        tx.execute(sql, bind![secret_hash, now, &member.node]).await?;
        let member = Member { name: invite.name.clone(), country: invite.country.clone(), role: invite.role, ..member };
        save_member(&mut tx, &member).await?;
        tx.commit().await?;
        Ok(Ok(invite))
    }

    /// Every member, by name.
    pub async fn members(&self) -> Result<Vec<Member>, Error> {
        let sql = format!("{MEMBER_COLUMNS} ORDER BY name, node");
        self.db.rows(sql, Vec::new()).await?.iter().map(member).collect()
    }

    /// One member.
    pub async fn member(&self, node: &NodeId) -> Result<Option<Member>, Error> {
        let row = self.db.row(format!("{MEMBER_COLUMNS} WHERE node = $1"), bind![node]).await?;
        row.as_ref().map(member).transpose()
    }

    /// Takes a member's right to connect, with its audit line. Errors: [`Error::Missing`].
    pub async fn revoke_member(&self, node: &NodeId, audit: crate::NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute("UPDATE member SET state = 'revoked' WHERE node = $1", bind![node]).await? == 0 {
            return Err(Error::Missing { what: "member" });
        }
        crate::people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Keeps when a member was last heard of.
    pub async fn touch_member(&self, node: &NodeId, at: Timestamp) -> Result<(), Error> {
        self.set_member("UPDATE member SET last_seen_at = $2 WHERE node = $1", node, crate::column::micros(at)).await
    }

    /// Keeps up to where a member confirmed the published log. May move back: a restored member reads again.
    pub async fn set_member_cursor(&self, node: &NodeId, position: i64) -> Result<(), Error> {
        self.set_member("UPDATE member SET cursor = $2 WHERE node = $1", node, position).await
    }

    /// Keeps until when a member's certificate holds.
    pub async fn set_certificate_until(&self, node: &NodeId, until: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE member SET certificate_until = $2 WHERE node = $1";
        self.set_member(sql, node, crate::column::micros(until)).await
    }

    async fn set_member(&self, sql: &'static str, node: &NodeId, value: i64) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute(sql, bind![node, value]).await? == 0 {
            return Err(Error::Missing { what: "member" });
        }
        tx.commit().await
    }

    /// Keeps how far a release came at a member; never moves backwards, a later verdict replaces the earlier one.
    pub async fn upsert_delivery(&self, delivery: Delivery) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let (step, verdict) = match delivery.state {
            DeliveryState::Sent => (1_i64, None),
            DeliveryState::Received => (2, None),
            DeliveryState::Verdict(verdict) => (3, Some(verdict.as_str().to_owned())),
        };
        let sql = "INSERT INTO delivery (release, version, member, step, verdict, at, latency_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (release, version, member) DO UPDATE SET step = excluded.step,
                     verdict = excluded.verdict, at = excluded.at,
                     latency_ms = COALESCE(excluded.latency_ms, delivery.latency_ms)
                   WHERE delivery.step <= excluded.step";
        let Delivery { release, version, member, at, latency_ms, .. } = delivery;
        tx.execute(sql, bind![release, version, &member, step, verdict, at, latency_ms]).await?;
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

/// Stores a sighting under a new position; a higher epoch or version replaces the one before.
async fn save_sighting(
    tx: &mut Tx,
    seen: &ReceivedSighting,
    (epoch, version): (i64, u64),
    at: Timestamp,
) -> Result<(), Error> {
    let position = tx.positions("sighting", 1).await?;
    let sighting = &seen.sighting;
    let sql = "INSERT INTO sighting (position, hospital, id, epoch, version, received_at, day, family, level, country,
                 drill, body)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
               ON CONFLICT (hospital, id) DO UPDATE SET position = excluded.position, epoch = excluded.epoch,
                 version = excluded.version, received_at = excluded.received_at, day = excluded.day,
                 family = excluded.family, level = excluded.level, country = excluded.country,
                 drill = excluded.drill, body = excluded.body
               WHERE (sighting.epoch, sighting.version) < (excluded.epoch, excluded.version)
               RETURNING number";
    let (hospital, family, body) = (&seen.hospital, &sighting.family, json(sighting)?);
    let (level, country, drill, today) = (sighting.level, &sighting.country, sighting.drill, day(at));
    let values = bind![position, hospital, sighting.id, epoch, version, at, today, family, level, country, drill, body];
    // An older version than the stored one changes nothing.
    let Some(row) = tx.row(sql, values).await? else { return Ok(()) };
    let number: i64 = row.get("number")?;
    tx.execute("DELETE FROM sighting_key WHERE sighting = $1", bind![number]).await?;
    for key in &seen.keys {
        let sql = "INSERT INTO sighting_key (key, sighting) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        tx.execute(sql, bind![key, number]).await?;
    }
    if !drill {
        let sql = "INSERT INTO family_day (hospital, family, day) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        tx.execute(sql, bind![hospital, family, today]).await?;
    }
    Ok(())
}

/// Days since 1970, UTC.
fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(24 * 60 * 60)
}

async fn usable_invite(tx: &mut Tx, secret_hash: &str, now: Timestamp) -> Result<Result<Invite, InviteRefused>, Error> {
    let sql = "SELECT secret_hash, name, country, role, expires_at, created_by, used_at FROM invite
               WHERE secret_hash = $1";
    let Some(row) = tx.row(sql, bind![secret_hash]).await? else { return Ok(Err(InviteRefused::Unknown)) };
    if row.at_opt("used_at")?.is_some() {
        return Ok(Err(InviteRefused::Used));
    }
    let expires_at = row.at("expires_at")?;
    if expires_at <= now {
        return Ok(Err(InviteRefused::Expired));
    }
    Ok(Ok(Invite {
        secret_hash: row.get("secret_hash")?,
        name: row.get("name")?,
        country: row.get("country")?,
        role: row.word("role")?,
        expires_at,
        created_by: row.get("created_by")?,
    }))
}

/// Adds a member; one that enrols again with the same key keeps its cursor and is active again.
async fn save_member(tx: &mut Tx, member: &Member) -> Result<(), Error> {
    let sql = "INSERT INTO member (node, name, country, role, public_key, pseudonym, state, enrolled_at,
                 certificate_until, last_seen_at, cursor, epoch)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
               ON CONFLICT (node) DO UPDATE SET name = excluded.name, country = excluded.country,
                 role = excluded.role, pseudonym = excluded.pseudonym, state = excluded.state,
                 certificate_until = excluded.certificate_until";
    let values = bind![
        &member.node,
        &member.name,
        &member.country,
        word(member.role)?,
        member.public_key.clone(),
        &member.pseudonym,
        word(member.state)?,
        member.enrolled_at,
        member.certificate_until,
        member.last_seen_at,
        member.cursor,
        member.epoch,
    ];
    tx.execute(sql, values).await.map(drop)
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

fn seen(row: &Row) -> Result<Seen, Error> {
    Ok(Seen {
        hospital: row.get("hospital")?,
        received_at: row.at("received_at")?,
        familiar: row.get::<i64>("family_days")? >= FAMILIAR_DAYS_MIN,
        sighting: row.json("body")?,
    })
}

fn member(row: &Row) -> Result<Member, Error> {
    Ok(Member {
        node: NodeId(row.get("node")?),
        name: row.get("name")?,
        country: row.get("country")?,
        role: row.word("role")?,
        public_key: row.get("public_key")?,
        pseudonym: row.get("pseudonym")?,
        state: row.word("state")?,
        enrolled_at: row.at("enrolled_at")?,
        certificate_until: row.at("certificate_until")?,
        last_seen_at: row.at_opt("last_seen_at")?,
        cursor: row.get("cursor")?,
        epoch: row.get("epoch")?,
    })
}

fn verdict(row: &Row) -> Result<Option<Verdict>, Error> {
    row.get::<Option<String>>("verdict")?.map(|word| crate::column::from_word(word, "verdict")).transpose()
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

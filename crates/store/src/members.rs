//! Members of a hub and the invites that let them in.
//! A file of its own because a node's identity is its key on this list and nothing else.

use domain::party::NodeId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::column::{micros, word};
use crate::db::{Row, Tx, bind};
use crate::{Error, NewAudit, Store, people};

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
    /// How far its clock was from this hub's in its last push; above zero: behind. Units: milliseconds.
    pub clock_off_ms: Option<i64>,
}

/// Sightings that a member had to drop, as it told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberGap {
    /// The member.
    pub member: NodeId,
    /// In which of its epochs.
    pub epoch: i64,
    /// The member's own number of this gap.
    pub id: i64,
    /// How many.
    pub dropped: u64,
    /// When the oldest of them was put there, by the member's clock.
    pub from: Timestamp,
    /// When the newest of them was put there, by the member's clock.
    pub to: Timestamp,
    /// When this hub was told last.
    pub told_at: Timestamp,
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

const MEMBER_COLUMNS: &str = "SELECT node, name, country, role, public_key, pseudonym, state, enrolled_at, \
     certificate_until, last_seen_at, cursor, epoch, clock_off_ms FROM member";

impl Store {
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
        Ok(match usable_invite(&mut tx, secret_hash, now).await? {
            Ok((_, Some(_))) => Err(InviteRefused::Used),
            Ok((invite, None)) => Ok(invite),
            Err(refused) => Err(refused),
        })
    }

    /// Uses up the invite and adds the member, both or neither. The member's name, country and role are the invite's.
    /// The node that used it may repeat until it expires, as long as it is active: its answer may have been lost.
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
            Ok((invite, None)) => invite,
            Ok((invite, Some(user))) => {
                let repeats = user == member.node && is_active(&mut tx, &user).await?;
                return Ok(if repeats { Ok(invite) } else { Err(InviteRefused::Used) });
            }
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
    pub async fn revoke_member(&self, node: &NodeId, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute("UPDATE member SET state = 'revoked' WHERE node = $1", bind![node]).await? == 0 {
            return Err(Error::Missing { what: "member" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Keeps when a member was last heard of.
    pub async fn touch_member(&self, node: &NodeId, at: Timestamp) -> Result<(), Error> {
        self.set_member("UPDATE member SET last_seen_at = $2 WHERE node = $1", node, micros(at)).await
    }

    /// Keeps up to where a member confirmed the published log. May move back: a restored member reads again.
    pub async fn set_member_cursor(&self, node: &NodeId, position: i64) -> Result<(), Error> {
        self.set_member("UPDATE member SET cursor = $2 WHERE node = $1", node, position).await
    }

    /// Keeps until when a member's certificate holds.
    pub async fn set_certificate_until(&self, node: &NodeId, until: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE member SET certificate_until = $2 WHERE node = $1";
        self.set_member(sql, node, micros(until)).await
    }

    /// Keeps how far a member's clock is from this hub's; who is no member changes nothing. Units: milliseconds, above
    /// zero: behind.
    pub async fn set_member_clock(&self, node: &NodeId, off_ms: i64) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        tx.execute("UPDATE member SET clock_off_ms = $2 WHERE node = $1", bind![node, off_ms]).await?;
        tx.commit().await
    }

    /// Keeps what a member says it dropped; how many of them are new to this hub. The same gap again counts nothing, a
    /// gap that grew counts what it grew by.
    pub async fn note_member_gaps(&self, gaps: &[MemberGap]) -> Result<u64, Error> {
        let mut tx = self.db.begin().await?;
        let mut more = 0;
        for gap in gaps {
            let sql = "SELECT dropped FROM member_gap WHERE member = $1 AND epoch = $2 AND id = $3";
            let known = tx.row(sql, bind![&gap.member, gap.epoch, gap.id]).await?;
            let known = known.map_or(Ok(0), |row| row.count("dropped"))?;
            if gap.dropped <= known {
                continue;
            }
            let sql = "INSERT INTO member_gap (member, epoch, id, dropped, from_at, to_at, told_at)
                       VALUES ($1, $2, $3, $4, $5, $6, $7)
                       ON CONFLICT (member, epoch, id) DO UPDATE SET dropped = excluded.dropped,
                         from_at = excluded.from_at, to_at = excluded.to_at, told_at = excluded.told_at";
            let MemberGap { member, epoch, id, dropped, from, to, told_at } = gap;
            tx.execute(sql, bind![member, *epoch, *id, *dropped, *from, *to, *told_at]).await?;
            more += gap.dropped - known;
        }
        tx.commit().await?;
        Ok(more)
    }

    /// What members said they dropped, told since then, newest first.
    pub async fn member_gaps(&self, since: Timestamp, limit: u32) -> Result<Vec<MemberGap>, Error> {
        let sql = "SELECT member, epoch, id, dropped, from_at, to_at, told_at FROM member_gap WHERE told_at >= $1
                   ORDER BY told_at DESC, member, epoch, id LIMIT $2";
        self.db.rows(sql, bind![since, limit]).await?.iter().map(member_gap).collect()
    }

    async fn set_member(&self, sql: &'static str, node: &NodeId, value: i64) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute(sql, bind![node, value]).await? == 0 {
            return Err(Error::Missing { what: "member" });
        }
        tx.commit().await
    }
}

async fn is_active(tx: &mut Tx, node: &NodeId) -> Result<bool, Error> {
    let row = tx.row(format!("{MEMBER_COLUMNS} WHERE node = $1"), bind![node]).await?;
    Ok(row.as_ref().map(member).transpose()?.is_some_and(|member| member.state == MemberState::Active))
}

/// The invite of this secret, and the node that used it.
async fn usable_invite(
    tx: &mut Tx,
    secret_hash: &str,
    now: Timestamp,
) -> Result<Result<(Invite, Option<NodeId>), InviteRefused>, Error> {
    let sql = "SELECT secret_hash, name, country, role, expires_at, created_by, used_by FROM invite
               WHERE secret_hash = $1";
    let Some(row) = tx.row(sql, bind![secret_hash]).await? else { return Ok(Err(InviteRefused::Unknown)) };
    let used_by: Option<String> = row.get("used_by")?;
    let expires_at = row.at("expires_at")?;
    if expires_at <= now {
        return Ok(Err(if used_by.is_some() { InviteRefused::Used } else { InviteRefused::Expired }));
    }
    let invite = Invite {
        secret_hash: row.get("secret_hash")?,
        name: row.get("name")?,
        country: row.get("country")?,
        role: row.word("role")?,
        expires_at,
        created_by: row.get("created_by")?,
    };
    Ok(Ok((invite, used_by.map(NodeId))))
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
        clock_off_ms: row.get("clock_off_ms")?,
    })
}

fn member_gap(row: &Row) -> Result<MemberGap, Error> {
    Ok(MemberGap {
        member: NodeId(row.get("member")?),
        epoch: row.get("epoch")?,
        id: row.get("id")?,
        dropped: row.count("dropped")?,
        from: row.at("from_at")?,
        to: row.at("to_at")?,
        told_at: row.at("told_at")?,
    })
}

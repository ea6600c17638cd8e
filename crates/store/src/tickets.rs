//! Tickets: one-time secrets that stand between two steps of a log-in. A link that sets a password, a right password
//! that waits for its code, the challenge of a passkey, the way to an outside provider and back.
//! A file of its own because all of them are used once, expire, and must not fill the disk.

use jiff::Timestamp;
use uuid::Uuid;

use crate::audit::{NewAudit, insert_audit};
use crate::db::{Row, Tx, bind};
use crate::{Error, Store};

/// How many tickets of one purpose are open at a time; beyond it those that expire first go.
pub const TICKETS_MAX: u32 = 1_000;

/// A ticket to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTicket {
    /// SHA-256 of the secret.
    pub token_hash: String,
    /// What it is good for; a ticket is never good for anything else.
    pub purpose: &'static str,
    /// Whose it is, where that is known already.
    pub account: Option<Uuid>,
    /// What the second step must know.
    pub data: String,
    /// When it no longer holds.
    pub expires_at: Timestamp,
}

/// A ticket that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Whose it is.
    pub account: Option<Uuid>,
    /// What the second step must know.
    pub data: String,
}

impl Store {
    /// Keeps a ticket; expired ones go, and the oldest beyond [`TICKETS_MAX`].
    pub async fn put_ticket(&self, ticket: NewTicket, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        insert_ticket(&mut tx, ticket, now).await?;
        tx.commit().await
    }

    /// Keeps a link for an account in place of the links it had, with its line of audit.
    pub async fn put_account_link(&self, ticket: NewTicket, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM ticket WHERE purpose = $1 AND account = $2";
        tx.execute(sql, bind![ticket.purpose, ticket.account]).await?;
        insert_ticket(&mut tx, ticket, audit.at).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// A ticket that holds, left where it is.
    pub async fn ticket(&self, token_hash: &str, purpose: &str, now: Timestamp) -> Result<Option<Ticket>, Error> {
        let sql = "SELECT account, data FROM ticket WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3";
        let row = self.db.row(sql, bind![token_hash, purpose, now]).await?;
        row.as_ref().map(ticket).transpose()
    }

    /// Uses a ticket up; none where it does not hold (any more). Of two who try, one gets it.
    pub async fn take_ticket(&self, token_hash: &str, purpose: &str, now: Timestamp) -> Result<Option<Ticket>, Error> {
        let mut tx = self.db.begin().await?;
        let taken = take_ticket(&mut tx, token_hash, purpose, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Uses a link up and sets the password of its account, both or neither; its sessions end. The account; none where
    /// the link does not hold (any more).
    pub async fn use_account_link(
        &self,
        token_hash: &str,
        purpose: &str,
        password_hash: &str,
        audit: NewAudit,
    ) -> Result<Option<Uuid>, Error> {
        let mut tx = self.db.begin().await?;
        let taken = take_ticket(&mut tx, token_hash, purpose, audit.at).await?;
        let Some(account) = taken.and_then(|ticket| ticket.account) else { return Ok(None) };
        let sql = "UPDATE account SET password_hash = $2, failures = 0, locked_until = NULL
                   WHERE id = $1 AND disabled = $3";
        if tx.execute(sql, bind![account, password_hash, false]).await? == 0 {
            return Ok(None);
        }
        tx.execute("DELETE FROM session WHERE account = $1", bind![account]).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(Some(account))
    }
}

async fn insert_ticket(tx: &mut Tx, ticket: NewTicket, now: Timestamp) -> Result<(), Error> {
    tx.execute("DELETE FROM ticket WHERE expires_at <= $1", bind![now]).await?;
    let sql = "DELETE FROM ticket WHERE token_hash IN (
                 SELECT token_hash FROM ticket WHERE purpose = $1 ORDER BY expires_at DESC LIMIT 10000 OFFSET $2)";
    tx.execute(sql, bind![ticket.purpose, TICKETS_MAX - 1]).await?;
    let sql = "INSERT INTO ticket (token_hash, purpose, account, data, expires_at) VALUES ($1, $2, $3, $4, $5)";
    let NewTicket { token_hash, purpose, account, data, expires_at } = ticket;
    tx.execute(sql, bind![token_hash, purpose, account, data, expires_at]).await.map(drop)
}

async fn take_ticket(tx: &mut Tx, token_hash: &str, purpose: &str, now: Timestamp) -> Result<Option<Ticket>, Error> {
    let sql = "DELETE FROM ticket WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING account, data";
    tx.row(sql, bind![token_hash, purpose, now]).await?.as_ref().map(ticket).transpose()
}

fn ticket(row: &Row) -> Result<Ticket, Error> {
    Ok(Ticket { account: row.get("account")?, data: row.get("data")? })
}

//! Sessions: who is logged in, from where, by which proof, until when.
//! A file of its own because a session may end at any of five places, and all of them are here.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit::{NewAudit, insert_audit};
use crate::column::word;
use crate::db::{Row, Tx, bind};
use crate::people::Account;
use crate::{Error, Store};

/// A session's *last seen* is not written more often than this: reading a page is no write.
const SEEN_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// By what somebody proved who they are when the session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A password alone, or a one-time link.
    Password,
    /// A password and a code of an authenticator app.
    PasswordAndCode,
    /// A passkey that verified its user.
    Passkey,
    /// The printed code of the node.
    BreakGlass,
}

impl Proof {
    /// Whether more stands behind it than something one knows.
    pub fn is_strong(self) -> bool {
        self != Self::Password
    }

    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordAndCode => "password-and-code",
            Self::Passkey => "passkey",
            Self::BreakGlass => "break-glass",
        }
    }
}

/// A session to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// SHA-256 of the cookie's token; the token itself is never stored.
    pub token_hash: String,
    /// What lists and audit call it.
    pub id: Uuid,
    /// Whose it is.
    pub account: Uuid,
    /// What forms must carry.
    pub csrf: String,
    /// The address it began from; empty where none is known.
    pub address: String,
    /// Browser and system in words, e.g. `Firefox, Windows`; empty where none is known.
    pub device: String,
    /// What it began with.
    pub proof: Proof,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
    /// When it ends however busy it is.
    pub ends_at: Timestamp,
}

/// A session that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's token.
    pub token_hash: String,
    /// What lists and audit call it.
    pub id: Uuid,
    /// Whose it is.
    pub account: Account,
    /// What forms must carry.
    pub csrf: String,
    /// The address it began from.
    pub address: String,
    /// Browser and system in words.
    pub device: String,
    /// What it began with, or was strengthened by.
    pub proof: Proof,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
    /// When it ends however busy it is.
    pub ends_at: Timestamp,
}

const SESSION_COLUMNS: &str = "SELECT token_hash, id, account, csrf, address, device, proof, created_at, \
     last_seen_at, expires_at, ends_at FROM session";

impl Store {
    /// Keeps a session; expired ones go.
    pub async fn create_session(&self, session: NewSession) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        insert_session(&mut tx, session).await?;
        tx.commit().await
    }

    /// The session of this token, if it holds and its account may log in.
    pub async fn session(&self, token_hash: &str, now: Timestamp) -> Result<Option<Session>, Error> {
        let sql = format!("{SESSION_COLUMNS} WHERE token_hash = $1 AND expires_at > $2");
        let Some(row) = self.db.row(sql, bind![token_hash, now]).await? else { return Ok(None) };
        let account = self.account(row.get("account")?).await?;
        let Some(account) = account.filter(|account| !account.disabled) else { return Ok(None) };
        let session = session(&row, account)?;
        if now.duration_since(session.last_seen_at) >= SEEN_EVERY {
            let mut tx = self.db.begin().await?;
            tx.execute("UPDATE session SET last_seen_at = $2 WHERE token_hash = $1", bind![token_hash, now]).await?;
            tx.commit().await?;
        }
        Ok(Some(session))
    }

    /// Moves a session's end. Errors: [`Error::Missing`].
    pub async fn extend_session(&self, token_hash: &str, expires_at: Timestamp) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE session SET expires_at = $2 WHERE token_hash = $1";
        if tx.execute(sql, bind![token_hash, expires_at]).await? == 0 {
            return Err(Error::Missing { what: "session" });
        }
        tx.commit().await
    }

    /// Ends a session; one that has ended is no error.
    pub async fn end_session(&self, token_hash: &str) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        tx.execute("DELETE FROM session WHERE token_hash = $1", bind![token_hash]).await?;
        tx.commit().await
    }

    /// Ends one session of an account, with its line of audit; false where it had ended or is another account's.
    pub async fn end_session_of(&self, account: Uuid, id: Uuid, audit: NewAudit) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute("DELETE FROM session WHERE id = $1 AND account = $2", bind![id, account]).await? == 0 {
            return Ok(false);
        }
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Ends every session of an account except that one, with a line of audit where there was any; how many.
    pub async fn end_other_sessions(&self, account: Uuid, kept: Option<Uuid>, audit: NewAudit) -> Result<u64, Error> {
        let mut tx = self.db.begin().await?;
        let kept = kept.unwrap_or_default();
        let ended = tx.execute("DELETE FROM session WHERE account = $1 AND id <> $2", bind![account, kept]).await?;
        if ended > 0 {
            insert_audit(&mut tx, &audit).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }

    /// The sessions of an account that hold, newest first.
    pub async fn sessions_of(&self, id: Uuid, now: Timestamp) -> Result<Vec<Session>, Error> {
        let Some(account) = self.account(id).await? else { return Ok(Vec::new()) };
        let sql =
            format!("{SESSION_COLUMNS} WHERE account = $1 AND expires_at > $2 ORDER BY created_at DESC, token_hash");
        let rows = self.db.rows(sql, bind![id, now]).await?;
        rows.iter().map(|row| session(row, account.clone())).collect()
    }
}

/// Keeps a session inside the transaction of what let it begin.
pub(crate) async fn insert_session(tx: &mut Tx, session: NewSession) -> Result<(), Error> {
    tx.execute("DELETE FROM session WHERE expires_at <= $1", bind![session.created_at]).await?;
    let sql = "INSERT INTO session (token_hash, id, account, csrf, address, device, proof, created_at, last_seen_at,
                 expires_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10)";
    let NewSession { token_hash, id, account, csrf, address, device, proof, created_at, expires_at, ends_at } = session;
    let proof = word(proof)?;
    let values = bind![token_hash, id, account, csrf, address, device, proof, created_at, expires_at, ends_at];
    tx.execute(sql, values).await.map(drop)
}

fn session(row: &Row, account: Account) -> Result<Session, Error> {
    Ok(Session {
        token_hash: row.get("token_hash")?,
        id: row.get("id")?,
        account,
        csrf: row.get("csrf")?,
        address: row.get("address")?,
        device: row.get("device")?,
        proof: row.word("proof")?,
        created_at: row.at("created_at")?,
        last_seen_at: row.at("last_seen_at")?,
        expires_at: row.at("expires_at")?,
        ends_at: row.at("ends_at")?,
    })
}

//! What somebody has besides a password: the secret of an authenticator app, passkeys, the printed code of the node.
//! A file of its own because an administrator's reset takes all of it at once.

use jiff::Timestamp;
use uuid::Uuid;

use crate::audit::{NewAudit, insert_audit};
use crate::column::word;
use crate::db::{Row, bind};
use crate::sessions::{NewSession, Proof, insert_session};
use crate::{Error, NewAccount, Store, people};

/// The secret of an authenticator app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    /// The secret, sealed by the caller.
    pub sealed: Vec<u8>,
    /// The last step that was used; no code of it or an earlier one is taken. Units: periods since 1970.
    pub last_step: i64,
    /// When it was set up.
    pub created_at: Timestamp,
}

/// A passkey to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPasskey {
    /// The authenticator's name for it.
    pub credential: Vec<u8>,
    /// Our name for it.
    pub id: Uuid,
    /// Whose it is.
    pub account: Uuid,
    /// The public key as the authenticator gave it (COSE).
    pub public_key: Vec<u8>,
    /// The authenticator's count of signatures; 0 where it counts none.
    pub counter: u32,
    /// What its owner calls it.
    pub name: String,
    /// Whether it is kept somewhere else, too.
    pub backed_up: bool,
}

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// What the authenticator said.
    pub key: NewPasskey,
    /// When it was added.
    pub created_at: Timestamp,
    /// When somebody last logged in with it.
    pub last_used_at: Option<Timestamp>,
}

/// The printed code of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// The argon2 hash of the code, in PHC form.
    pub code_hash: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// From which address it was used.
    pub used_from: String,
}

impl Store {
    /// The secret of an account's authenticator app.
    pub async fn totp(&self, account: Uuid) -> Result<Option<Totp>, Error> {
        let sql = "SELECT sealed, last_step, created_at FROM totp WHERE account = $1";
        let row = self.db.row(sql, bind![account]).await?;
        let totp = |row: Row| {
            Ok(Totp { sealed: row.get("sealed")?, last_step: row.get("last_step")?, created_at: row.at("created_at")? })
        };
        row.map(totp).transpose()
    }

    /// Keeps the secret of an authenticator app whose first code was right; the session that proved it is strong from
    /// now on. Errors: [`Error::Exists`] where the account has one.
    pub async fn set_totp(&self, account: Uuid, totp: Totp, session: Uuid, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO totp (account, sealed, last_step, created_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT DO NOTHING";
        if tx.execute(sql, bind![account, totp.sealed, totp.last_step, totp.created_at]).await? == 0 {
            return Err(Error::Exists { what: "authenticator" });
        }
        let sql = "UPDATE session SET proof = $2 WHERE id = $1 AND proof = $3";
        tx.execute(sql, bind![session, word(Proof::PasswordAndCode)?, word(Proof::Password)?]).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Uses the code of a step up; false where that step or a later one was used already.
    pub async fn use_totp_step(&self, account: Uuid, step: i64) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE totp SET last_step = $2 WHERE account = $1 AND last_step < $2";
        let used = tx.execute(sql, bind![account, step]).await? == 1;
        tx.commit().await?;
        Ok(used)
    }

    /// Takes an account's authenticator app away; one that has none is no error.
    pub async fn remove_totp(&self, account: Uuid, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute("DELETE FROM totp WHERE account = $1", bind![account]).await? > 0 {
            insert_audit(&mut tx, &audit).await?;
        }
        tx.commit().await
    }

    /// Takes everything an account logs in with: password, authenticator app, passkeys, sessions. Errors:
    /// [`Error::Missing`].
    pub async fn reset_account(&self, account: Uuid, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE account SET password_hash = '', failures = 0, locked_until = NULL WHERE id = $1";
        if tx.execute(sql, bind![account]).await? == 0 {
            return Err(Error::Missing { what: "account" });
        }
        tx.execute("DELETE FROM totp WHERE account = $1", bind![account]).await?;
        tx.execute("DELETE FROM passkey WHERE account = $1", bind![account]).await?;
        tx.execute("DELETE FROM ticket WHERE account = $1", bind![account]).await?;
        tx.execute("DELETE FROM session WHERE account = $1", bind![account]).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// The printed code of the node, used or not.
    pub async fn break_glass(&self) -> Result<Option<BreakGlass>, Error> {
        let sql = "SELECT code_hash, made_at, used_at, used_from FROM break_glass ORDER BY made_at DESC LIMIT 1";
        let read = |row: Row| {
            Ok(BreakGlass {
                code_hash: row.get("code_hash")?,
                made_at: row.at("made_at")?,
                used_at: row.at_opt("used_at")?,
                used_from: row.get("used_from")?,
            })
        };
        self.db.row(sql, Vec::new()).await?.map(read).transpose()
    }

    /// Keeps a new code in place of the one before, and makes the account that it opens where there is none yet;
    /// that account may log in again. Errors: [`Error::Exists`] where another account has its name.
    pub async fn set_break_glass(&self, code_hash: &str, account: NewAccount, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        tx.execute("DELETE FROM break_glass", Vec::new()).await?;
        let sql = "INSERT INTO break_glass (code_hash, made_at, used_from) VALUES ($1, $2, '')";
        tx.execute(sql, bind![code_hash, audit.at]).await?;
        let sql = "UPDATE account SET disabled = $2, role = $3 WHERE id = $1";
        if tx.execute(sql, bind![account.id, false, account.role.as_str()]).await? == 0 {
            people::insert_account(&mut tx, &account, audit.at).await?;
        }
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Uses the code up and begins its session, both or neither; false where it was used or replaced meanwhile.
    pub async fn use_break_glass(&self, code_hash: &str, session: NewSession, audit: NewAudit) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE break_glass SET used_at = $2, used_from = $3 WHERE code_hash = $1 AND used_at IS NULL";
        if tx.execute(sql, bind![code_hash, audit.at, &session.address]).await? == 0 {
            return Ok(false);
        }
        insert_session(&mut tx, session).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Keeps a passkey; the session that added it is strong from now on. Errors: [`Error::Exists`] where it is kept
    /// already, for whomever.
    pub async fn add_passkey(&self, key: NewPasskey, session: Uuid, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO passkey (credential, id, account, public_key, counter, name, backed_up, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        let NewPasskey { credential, id, account, public_key, counter, name, backed_up } = key;
        let values = bind![credential, id, account, public_key, counter, name, backed_up, audit.at];
        if tx.execute(sql, values).await? == 0 {
            return Err(Error::Exists { what: "passkey" });
        }
        let sql = "UPDATE session SET proof = $2 WHERE id = $1 AND proof = $3";
        tx.execute(sql, bind![session, word(Proof::Passkey)?, word(Proof::Password)?]).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// An account's passkeys, oldest first.
    pub async fn passkeys_of(&self, account: Uuid) -> Result<Vec<Passkey>, Error> {
        let sql = format!("{PASSKEY_COLUMNS} WHERE account = $1 ORDER BY created_at, id");
        self.db.rows(sql, bind![account]).await?.iter().map(passkey).collect()
    }

    /// The passkey that an authenticator calls so.
    pub async fn passkey(&self, credential: &[u8]) -> Result<Option<Passkey>, Error> {
        let sql = format!("{PASSKEY_COLUMNS} WHERE credential = $1");
        self.db.row(sql, bind![credential.to_vec()]).await?.as_ref().map(passkey).transpose()
    }

    /// Notes that a passkey was used. False where its count did not rise though it counts: another may use a copy.
    pub async fn use_passkey(
        &self,
        credential: &[u8],
        counter: u32,
        backed_up: bool,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE passkey SET counter = $2, backed_up = $3, last_used_at = $4
                   WHERE credential = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0))";
        let used = tx.execute(sql, bind![credential.to_vec(), counter, backed_up, now]).await? == 1;
        tx.commit().await?;
        Ok(used)
    }

    /// Takes a passkey of an account away; false where it has none of that id.
    pub async fn remove_passkey(&self, account: Uuid, id: Uuid, audit: NewAudit) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute("DELETE FROM passkey WHERE id = $1 AND account = $2", bind![id, account]).await? == 0 {
            return Ok(false);
        }
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(true)
    }
}

const PASSKEY_COLUMNS: &str =
    "SELECT credential, id, account, public_key, counter, name, backed_up, created_at, last_used_at FROM passkey";

fn passkey(row: &Row) -> Result<Passkey, Error> {
    Ok(Passkey {
        key: NewPasskey {
            credential: row.get("credential")?,
            id: row.get("id")?,
            account: row.get("account")?,
            public_key: row.get("public_key")?,
            counter: row.count32("counter")?,
            name: row.get("name")?,
            backed_up: row.get("backed_up")?,
        },
        created_at: row.at("created_at")?,
        last_used_at: row.at_opt("last_used_at")?,
    })
}

//! People: accounts, lock-out, and the first-run link.
//! A file of its own because names and password hashes live here and in no fact.

use domain::party::Role;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::NewAudit;
pub(crate) use crate::audit::insert_audit;
use crate::db::{Row, Tx, bind};
use crate::{Error, Store};

/// Failed log-ins in a row after which an account is locked. Source: our default.
pub const LOGIN_FAILURES_MAX: u32 = 5;
/// How long it is locked then.
pub const LOCK_OUT_MINUTES: i64 = 15;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id; facts and audit use this.
    pub id: Uuid,
    /// The name it logs in with.
    pub name: String,
    /// The argon2 hash of its password, in PHC form.
    pub password_hash: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may log in at all.
    pub disabled: bool,
    /// Failed log-ins since the last success or lock.
    pub failures: u32,
    /// Until when it is locked.
    pub locked_until: Option<Timestamp>,
    /// Colour scheme, language and the like, as the console's JSON.
    pub preferences: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last logged in.
    pub last_login_at: Option<Timestamp>,
}

impl Account {
    /// Whether it is locked at that moment.
    pub fn locked(&self, now: Timestamp) -> bool {
        self.locked_until.is_some_and(|until| until > now)
    }
}

/// An account to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Its id.
    pub id: Uuid,
    /// The name it logs in with.
    pub name: String,
    /// The argon2 hash of its password, in PHC form.
    pub password_hash: String,
    /// What it may do.
    pub role: Role,
}

/// How a log-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOutcome {
    /// The password was right.
    Success,
    /// It was wrong.
    Failure,
}

const ACCOUNT_COLUMNS: &str = "SELECT id, name, password_hash, role, disabled, failures, locked_until, preferences, \
     created_at, last_login_at FROM account";

impl Store {
    /// Makes an account. Errors: [`Error::Exists`] where the name is taken.
    pub async fn create_account(&self, account: NewAccount, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        insert_account(&mut tx, &account, audit.at).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Every account, by name.
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        let sql = format!("{ACCOUNT_COLUMNS} ORDER BY name");
        self.db.rows(sql, Vec::new()).await?.iter().map(account).collect()
    }

    /// One account.
    pub async fn account(&self, id: Uuid) -> Result<Option<Account>, Error> {
        let row = self.db.row(format!("{ACCOUNT_COLUMNS} WHERE id = $1"), bind![id]).await?;
        row.as_ref().map(account).transpose()
    }

    /// The account that logs in with this name.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<Account>, Error> {
        let row = self.db.row(format!("{ACCOUNT_COLUMNS} WHERE name = $1"), bind![name]).await?;
        row.as_ref().map(account).transpose()
    }

    /// Changes a password, unlocks the account and ends its sessions. Errors: [`Error::Missing`].
    pub async fn set_password(&self, id: Uuid, password_hash: &str, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE account SET password_hash = $2, failures = 0, locked_until = NULL WHERE id = $1";
        change_account(&mut tx, sql, bind![id, password_hash]).await?;
        tx.execute("DELETE FROM session WHERE account = $1", bind![id]).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Changes what an account may do. Errors: [`Error::Missing`].
    pub async fn set_account_role(&self, id: Uuid, role: Role, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        change_account(&mut tx, "UPDATE account SET role = $2 WHERE id = $1", bind![id, role.as_str()]).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Takes the right to log in, and ends the account's sessions. Errors: [`Error::Missing`].
    pub async fn disable_account(&self, id: Uuid, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        change_account(&mut tx, "UPDATE account SET disabled = $2 WHERE id = $1", bind![id, true]).await?;
        tx.execute("DELETE FROM session WHERE account = $1", bind![id]).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Gives the right to log in back, and unlocks. Errors: [`Error::Missing`].
    pub async fn enable_account(&self, id: Uuid, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE account SET disabled = $2, failures = 0, locked_until = NULL WHERE id = $1";
        change_account(&mut tx, sql, bind![id, false]).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Keeps what a person likes. Errors: [`Error::Missing`].
    pub async fn set_preferences(&self, id: Uuid, preferences: &str) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        change_account(&mut tx, "UPDATE account SET preferences = $2 WHERE id = $1", bind![id, preferences]).await?;
        tx.commit().await
    }

    /// Counts a log-in; [`LOGIN_FAILURES_MAX`] failures in a row lock the account for [`LOCK_OUT_MINUTES`]. Returns the
    /// account as it stands then. Errors: [`Error::Missing`].
    pub async fn note_login(&self, id: Uuid, outcome: LoginOutcome, now: Timestamp) -> Result<Account, Error> {
        let mut tx = self.db.begin().await?;
        // The row's lock: attempts in parallel are counted one by one.
        change_account(&mut tx, "UPDATE account SET failures = failures WHERE id = $1", bind![id]).await?;
        let row = tx.row(format!("{ACCOUNT_COLUMNS} WHERE id = $1"), bind![id]).await?;
        let account = after_login(account(&row.ok_or(Error::Missing { what: "account" })?)?, outcome, now);
        let sql = "UPDATE account SET failures = $2, locked_until = $3, last_login_at = $4 WHERE id = $1";
        tx.execute(sql, bind![id, account.failures, account.locked_until, account.last_login_at]).await?;
        tx.commit().await?;
        Ok(account)
    }

    /// Keeps the one link with which the first account is made; it replaces the one before.
    pub async fn set_first_run_token(&self, token_hash: &str, expires_at: Timestamp) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        tx.execute("DELETE FROM first_run", Vec::new()).await?;
        let sql = "INSERT INTO first_run (token_hash, expires_at) VALUES ($1, $2)";
        tx.execute(sql, bind![token_hash, expires_at]).await?;
        tx.commit().await
    }

    /// Whether this link still works.
    pub async fn first_run_holds(&self, token_hash: &str, now: Timestamp) -> Result<bool, Error> {
        let sql = "SELECT token_hash FROM first_run WHERE token_hash = $1 AND expires_at > $2";
        Ok(self.db.row(sql, bind![token_hash, now]).await?.is_some())
    }

    /// Uses the link up and makes the first account, both or neither; false where the link does not work (any more).
    pub async fn use_first_run(&self, token_hash: &str, account: NewAccount, audit: NewAudit) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM first_run WHERE token_hash = $1 AND expires_at > $2";
        if tx.execute(sql, bind![token_hash, audit.at]).await? == 0 {
            return Ok(false);
        }
        insert_account(&mut tx, &account, audit.at).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Makes an account inside the transaction of what it belongs to.
pub(crate) async fn insert_account(tx: &mut Tx, account: &NewAccount, at: Timestamp) -> Result<(), Error> {
    let sql = "INSERT INTO account (id, name, password_hash, role, disabled, failures, preferences, created_at)
               VALUES ($1, $2, $3, $4, $5, 0, '{}', $6) ON CONFLICT DO NOTHING";
    let values = bind![account.id, &account.name, &account.password_hash, account.role.as_str(), false, at];
    if tx.execute(sql, values).await? == 0 { Err(Error::Exists { what: "account" }) } else { Ok(()) }
}

async fn change_account(tx: &mut Tx, sql: &'static str, values: Vec<crate::db::Value>) -> Result<(), Error> {
    if tx.execute(sql, values).await? == 0 { Err(Error::Missing { what: "account" }) } else { Ok(()) }
}

/// The account after one more log-in. A lock that has run out starts the count anew.
fn after_login(mut account: Account, outcome: LoginOutcome, now: Timestamp) -> Account {
    let lock_ran_out = account.locked_until.is_some_and(|until| until <= now);
    match outcome {
        // attempts in parallel: one that began before the lock ends behind it, right or wrong
        LoginOutcome::Success | LoginOutcome::Failure if account.locked(now) => {}
        LoginOutcome::Success => {
            account.failures = 0;
            account.locked_until = None;
            account.last_login_at = Some(now);
        }
        LoginOutcome::Failure => {
            account.failures = if lock_ran_out { 1 } else { account.failures.saturating_add(1) };
            let locks = account.failures >= LOGIN_FAILURES_MAX;
            account.locked_until = locks.then(|| now + SignedDuration::from_mins(LOCK_OUT_MINUTES));
        }
    }
    account
}

fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.get("id")?,
        name: row.get("name")?,
        password_hash: row.get("password_hash")?,
        role: row.word("role")?,
        disabled: row.get("disabled")?,
        failures: row.count32("failures")?,
        locked_until: row.at_opt("locked_until")?,
        preferences: row.get("preferences")?,
        created_at: row.at("created_at")?,
        last_login_at: row.at_opt("last_login_at")?,
    })
}

//! Settings that people change on a page, and leases that let one of several replicas run a job.
//! A file of its own because both are one small row under a name.

use jiff::Timestamp;

use crate::db::bind;
use crate::{Error, NewAudit, Store, people};

impl Store {
    /// The JSON kept under that key.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, Error> {
        let row = self.db.row("SELECT value FROM setting WHERE key = $1", bind![key]).await?;
        row.map(|row| row.get("value")).transpose()
    }

    /// Keeps JSON under that key, with its audit line.
    pub async fn set_setting(&self, key: &str, json: &str, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO setting (key, value, updated_at) VALUES ($1, $2, $3)
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
        tx.execute(sql, bind![key, json, audit.at]).await?;
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Takes or renews the lease of that name until then; false while another holder's lease runs.
    pub async fn take_lease(&self, name: &str, holder: &str, until: Timestamp, now: Timestamp) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO lease (name, holder, until_at) VALUES ($1, $2, $3)
                   ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at
                   WHERE lease.holder = excluded.holder OR lease.until_at <= $4";
        let taken = tx.execute(sql, bind![name, holder, until, now]).await? == 1;
        tx.commit().await?;
        Ok(taken)
    }

    /// Gives a lease back; one that another holder has is left alone.
    pub async fn release_lease(&self, name: &str, holder: &str) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        tx.execute("DELETE FROM lease WHERE name = $1 AND holder = $2", bind![name, holder]).await?;
        tx.commit().await
    }
}

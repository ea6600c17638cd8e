//! Who can be called and when: routes, quiet hours, shifts. A file of its own because people change these rows by hand,
//! while notices and calls (`notices`) come and go by themselves.

use std::collections::BTreeMap;

use domain::reach::{Quiet, Reachable, Route, Shift};
use uuid::Uuid;

use crate::column::json;
use crate::db::{Row, Tx, bind};
use crate::{Error, NewAudit, Store, people};

impl Store {
    /// Everybody whose account may log in, with their routes in the order in which they are tried.
    pub async fn reachable(&self) -> Result<Vec<Reachable>, Error> {
        let sql = "SELECT id, account, channel, address FROM reach_route ORDER BY account, turn, id";
        let mut routes: BTreeMap<Uuid, Vec<Route>> = BTreeMap::new();
        for row in self.db.rows(sql, Vec::new()).await? {
            routes.entry(row.get("account")?).or_default().push(route(&row)?);
        }
        let sql = "SELECT account, from_minute, to_minute, below FROM reach_quiet";
        let mut quiet: BTreeMap<Uuid, Quiet> = BTreeMap::new();
        for row in self.db.rows(sql, Vec::new()).await? {
            quiet.insert(row.get("account")?, quiet_hours(&row)?);
        }
        let accounts = self.accounts().await?.into_iter().filter(|account| !account.disabled);
        let reachable = accounts.map(|account| Reachable {
            account: account.id,
            routes: routes.remove(&account.id).unwrap_or_default(),
            quiet: quiet.remove(&account.id),
        });
        Ok(reachable.collect())
    }

    /// Adds a route behind the person's others. Errors: [`Error::Missing`] where there is no such account.
    pub async fn add_route(&self, account: Uuid, route: Route, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        known_account(&mut tx, account).await?;
        let sql = "INSERT INTO reach_route (id, account, turn, channel, address, created_at)
                   VALUES ($1, $2, (SELECT COALESCE(MAX(turn), 0) + 1 FROM reach_route WHERE account = $2), $3, $4, $5)";
        let Route { id, channel, address } = route;
        tx.execute(sql, bind![id, account, channel.as_str(), address, audit.at]).await?;
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Puts a route before the person's others. Errors: [`Error::Missing`].
    pub async fn put_route_first(&self, id: Uuid, audit: NewAudit) -> Result<(), Error> {
        let sql = "UPDATE reach_route SET turn = (SELECT MIN(own.turn) - 1 FROM reach_route own
                     WHERE own.account = reach_route.account) WHERE id = $1";
        self.change_reach(sql, id, audit).await
    }

    /// Takes a route away. Errors: [`Error::Missing`].
    pub async fn remove_route(&self, id: Uuid, audit: NewAudit) -> Result<(), Error> {
        self.change_reach("DELETE FROM reach_route WHERE id = $1", id, audit).await
    }

    /// Sets a person's quiet hours; none takes them away. Errors: [`Error::Missing`] where there is no such account.
    pub async fn set_quiet(&self, account: Uuid, quiet: Option<Quiet>, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        known_account(&mut tx, account).await?;
        tx.execute("DELETE FROM reach_quiet WHERE account = $1", bind![account]).await?;
        if let Some(Quiet { from_minute, to_minute, below }) = quiet {
            let sql = "INSERT INTO reach_quiet (account, from_minute, to_minute, below) VALUES ($1, $2, $3, $4)";
            tx.execute(sql, bind![account, u32::from(from_minute), u32::from(to_minute), below]).await?;
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// The shifts that run or come at that moment or later, by their beginning.
    pub async fn shifts(&self, from: jiff::Timestamp) -> Result<Vec<Shift>, Error> {
        let sql = "SELECT id, account, deputies, from_at, until_at FROM reach_shift
                   WHERE until_at IS NULL OR until_at > $1 ORDER BY from_at, id";
        self.db.rows(sql, bind![from]).await?.iter().map(shift).collect()
    }

    /// Adds a shift. Errors: [`Error::Missing`] where there is no such account.
    pub async fn add_shift(&self, shift: Shift, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        known_account(&mut tx, shift.person).await?;
        let sql = "INSERT INTO reach_shift (id, account, deputies, from_at, until_at) VALUES ($1, $2, $3, $4, $5)";
        let deputies = json(&shift.deputies)?;
        tx.execute(sql, bind![shift.id, shift.person, deputies, shift.from, shift.until]).await?;
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Takes a shift away. Errors: [`Error::Missing`].
    pub async fn remove_shift(&self, id: Uuid, audit: NewAudit) -> Result<(), Error> {
        self.change_reach("DELETE FROM reach_shift WHERE id = $1", id, audit).await
    }

    async fn change_reach(&self, sql: &'static str, id: Uuid, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute(sql, bind![id]).await? == 0 {
            return Err(Error::Missing { what: "line of the rota" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }
}

async fn known_account(tx: &mut Tx, account: Uuid) -> Result<(), Error> {
    let found = tx.row("SELECT id FROM account WHERE id = $1", bind![account]).await?;
    found.map(drop).ok_or(Error::Missing { what: "account" })
}

fn route(row: &Row) -> Result<Route, Error> {
    Ok(Route { id: row.get("id")?, channel: row.word("channel")?, address: row.get("address")? })
}

fn quiet_hours(row: &Row) -> Result<Quiet, Error> {
    let minute = |name| Ok::<_, Error>(u16::try_from(row.count32(name)?).unwrap_or(u16::MAX));
    Ok(Quiet { from_minute: minute("from_minute")?, to_minute: minute("to_minute")?, below: row.level("below")? })
}

fn shift(row: &Row) -> Result<Shift, Error> {
    Ok(Shift {
        id: row.get("id")?,
        person: row.get("account")?,
        deputies: row.json("deputies")?,
        from: row.at("from_at")?,
        until: row.at_opt("until_at")?,
    })
}

//! Bringing a database's schema up to date: numbered scripts, forward only, each with its checksum.
//! A file of its own because it must run before anything else is understood, and must refuse what is newer.

use sha2::{Digest, Sha256};

use crate::Error;
use crate::db::{Db, Tx, bind};

/// One step of the schema, in both dialects.
struct Migration {
    number: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

/// All steps, in order. A released step is never edited: add the next one.
const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        sqlite: include_str!("../migrations/sqlite/0001_first.sql"),
        postgres: include_str!("../migrations/postgres/0001_first.sql"),
    },
    Migration {
        number: 2,
        sqlite: include_str!("../migrations/sqlite/0002_federation.sql"),
        postgres: include_str!("../migrations/postgres/0002_federation.sql"),
    },
    Migration {
        number: 3,
        sqlite: include_str!("../migrations/sqlite/0003_reach.sql"),
        postgres: include_str!("../migrations/postgres/0003_reach.sql"),
    },
    Migration {
        number: 4,
        sqlite: include_str!("../migrations/sqlite/0004_rhythm.sql"),
        postgres: include_str!("../migrations/postgres/0004_rhythm.sql"),
    },
    Migration {
        number: 5,
        sqlite: include_str!("../migrations/sqlite/0005_tuning.sql"),
        postgres: include_str!("../migrations/postgres/0005_tuning.sql"),
    },
    Migration {
        number: 6,
        sqlite: include_str!("../migrations/sqlite/0006_accounts.sql"),
        postgres: include_str!("../migrations/postgres/0006_accounts.sql"),
    },
];

/// Serialises migrating replicas on PostgreSQL; any number that nothing else of ours uses.
const PG_ADVISORY_LOCK: i64 = 0x4c61_7a61_7265_7401;

/// Runs the missing steps in one transaction.
pub(crate) async fn run(db: &Db) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    if matches!(tx, Tx::Postgres(_)) {
        tx.execute("SELECT pg_advisory_xact_lock($1)", bind![PG_ADVISORY_LOCK]).await?;
    }
    tx.script(migration_table(&tx)).await?;
    let done = tx.rows("SELECT number, checksum FROM migration ORDER BY number DESC", Vec::new()).await?;
    for row in &done {
        check_known(row.get("number")?, &row.get::<String>("checksum")?, &tx)?;
    }
    let ran = done.iter().map(|row| row.get("number")).collect::<Result<Vec<i64>, Error>>()?;
    for migration in MIGRATIONS.iter().filter(|migration| !ran.contains(&migration.number)) {
        let script = migration.script(&tx);
        tx.script(script).await?;
        let insert = "INSERT INTO migration (number, checksum) VALUES ($1, $2)";
        tx.execute(insert, bind![migration.number, checksum(script)]).await?;
    }
    tx.commit().await
}

/// The newest step that ran in a database, 0 where none did, without running any. Errors: as [`run`].
pub(crate) async fn format(db: &Db) -> Result<i64, Error> {
    let mut tx = db.snapshot().await?;
    let there = match tx {
        Tx::Sqlite(_) => "SELECT COUNT(*) AS tables FROM sqlite_master WHERE type = 'table' AND name = 'migration'",
        Tx::Postgres(_) => {
            "SELECT COUNT(*) AS tables FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'migration'"
        }
    };
    let row = tx.row(there, Vec::new()).await?.ok_or(Error::Missing { what: "migration" })?;
    if row.count("tables")? == 0 {
        return Ok(0);
    }
    let done = tx.rows("SELECT number, checksum FROM migration ORDER BY number DESC", Vec::new()).await?;
    for row in &done {
        check_known(row.get("number")?, &row.get::<String>("checksum")?, &tx)?;
    }
    done.first().map_or(Ok(0), |row| row.get("number"))
}

/// The newest step built in.
pub(crate) fn known() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

fn migration_table(tx: &Tx) -> &'static str {
    match tx {
        Tx::Sqlite(_) => {
            "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT"
        }
        Tx::Postgres(_) => "CREATE TABLE IF NOT EXISTS migration (number BIGINT PRIMARY KEY, checksum TEXT NOT NULL)",
    }
}

impl Migration {
    fn script(&self, tx: &Tx) -> &'static str {
        match tx {
            Tx::Sqlite(_) => self.sqlite,
            Tx::Postgres(_) => self.postgres,
        }
    }
}

/// Refuses a step that this program does not know, or knows differently.
fn check_known(number: i64, found: &str, tx: &Tx) -> Result<(), Error> {
    let known = known();
    let Some(migration) = MIGRATIONS.iter().find(|migration| migration.number == number) else {
        return Err(Error::NewerSchema { found: number, known });
    };
    if checksum(migration.script(tx)) == found { Ok(()) } else { Err(Error::MigrationDiffers { number }) }
}

fn checksum(script: &str) -> String {
    domain::record::hex(&Sha256::digest(script.as_bytes()))
}

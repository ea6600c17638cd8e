//! Opening and closing: where the data is, the settings of the connections, the node's own row.
//! A file of its own because durability rests on these few settings.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::Connection;
use sqlx::Executor as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::db::{Db, bind};
use crate::{Error, migrate};

/// Connections that read, beside the one that writes (SQLite).
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL.
const PG_CONNECTIONS_MAX: u32 = 10;
/// Prepared statements that a connection keeps, the last used ones.
const STATEMENTS_KEPT: usize = 200;
/// How long a statement waits for another process's lock, and a caller for a connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Read and written by its owner only.
const PRIVATE: u32 = 0o600;
const WAL_ATTEMPTS_MAX: u32 = 100;
const WAL_RETRY: Duration = Duration::from_millis(50);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One file; it is made if it does not exist, its folder is not.
    Sqlite(PathBuf),
    /// A server: `postgres://user:password@host:port/database?options=…`.
    Postgres(String),
}

/// What the database knows about the node it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeMeta {
    /// Starts at 1, raised by one after each restore, so that hubs can tell new work from old.
    pub epoch: i64,
    /// When the database was made, by the database's own clock.
    pub created_at: Timestamp,
}

/// Which schema a database has, and which one this program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// What it has.
    pub found: i64,
    /// What this program writes; larger than `found`: opening brings it up to date.
    pub known: i64,
}

/// The store of one node. Cheap to clone; all clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) db: Db,
}

impl Store {
    /// Opens the database and brings its schema up to date. Before an older file is changed, a copy of it is kept beside
    /// it (`….format-N`). Errors: [`Error::NewerSchema`] before anything is touched.
    pub async fn open(target: &Target) -> Result<Self, Error> {
        let db = match target {
            Target::Sqlite(path) => open_sqlite(path).await?,
            Target::Postgres(url) => open_postgres(url).await?,
        };
        let store = Self { db };
        if let Target::Sqlite(path) = target {
            store.keep_copy_before_upgrade(path).await?;
        }
        migrate::run(&store.db).await?;
        Ok(store)
    }

    /// A copy of an older file under its own format's name. One that is there already is from a try that was cut off
    /// before the upgrade happened: the same.
    async fn keep_copy_before_upgrade(&self, path: &std::path::Path) -> Result<(), Error> {
        let found = migrate::format(&self.db).await?;
        let copy = path.with_added_extension(format!("format-{found}"));
        if found == 0 || found == migrate::known() || copy.exists() {
            return Ok(());
        }
        let part = path.with_added_extension(format!("part-{}", std::process::id()));
        let failed = |problem: std::io::Error| Error::from(sqlx::Error::Io(problem));
        match std::fs::remove_file(&part) {
            Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => return Err(failed(problem)),
            _ => {}
        }
        self.backup(&part).await?;
        std::fs::File::open(&part).and_then(|file| file.sync_all()).map_err(failed)?;
        std::fs::rename(&part, &copy).map_err(failed)?;
        tracing::info!(copy = %copy.display(), "the database is of an older format; a copy is kept before it is upgraded");
        Ok(())
    }

    /// Looks at the format of a database and changes nothing: none where it is new. Errors: [`Error::NewerSchema`],
    /// [`Error::MigrationDiffers`], or it cannot be reached.
    pub async fn format(target: &Target) -> Result<Option<Format>, Error> {
        let db = match target {
            Target::Sqlite(path) if !path.exists() => return Ok(None),
            Target::Sqlite(path) => open_sqlite(path).await?,
            Target::Postgres(url) => open_postgres(url).await?,
        };
        let found = migrate::format(&db).await;
        Self { db }.close().await;
        Ok(Some(found?).filter(|found| *found > 0).map(|found| Format { found, known: migrate::known() }))
    }

    /// The node's own row.
    pub async fn node(&self) -> Result<NodeMeta, Error> {
        let row = self.db.row("SELECT epoch, created_at FROM node", Vec::new()).await?;
        let row = row.ok_or(Error::Missing { what: "node" })?;
        Ok(NodeMeta { epoch: row.get("epoch")?, created_at: row.at("created_at")? })
    }

    /// Raises the epoch after a restore and returns the new one.
    pub async fn raise_epoch(&self) -> Result<i64, Error> {
        let mut tx = self.db.begin().await?;
        let row = tx.row("UPDATE node SET epoch = epoch + 1 RETURNING epoch", Vec::new()).await?;
        let epoch = row.ok_or(Error::Missing { what: "node" })?.get("epoch")?;
        tx.commit().await?;
        Ok(epoch)
    }

    /// Whether the file is sound (SQLite `quick_check`; a server answers for itself). Errors: [`Error::Corrupt`].
    pub async fn integrity(&self) -> Result<(), Error> {
        let sql = match &self.db {
            Db::Sqlite { .. } => "SELECT quick_check AS answer FROM pragma_quick_check",
            Db::Postgres(_) => "SELECT 'ok' AS answer FROM node",
        };
        let row = self.db.row(sql, bind![]).await?.ok_or(Error::Missing { what: "node" })?;
        match row.get::<String>("answer")? {
            answer if answer == "ok" => Ok(()),
            what => Err(Error::Corrupt { what }),
        }
    }

    /// Writes a consistent copy to a file that does not exist yet (SQLite; a server has its own tools: [`Error::Missing`]).
    pub async fn backup(&self, path: &std::path::Path) -> Result<(), Error> {
        let Db::Sqlite { writer, .. } = &self.db else { return Err(Error::Missing { what: "file database" }) };
        // SQLite takes an empty file, and no other, for one that does not exist
        make_private(path).map_err(|problem| Error::Unavailable(format!("{}: {problem}", path.display())))?;
        sqlx::query("VACUUM INTO $1").bind(path.to_string_lossy().into_owned()).execute(writer).await?;
        Ok(())
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(self) {
        match self.db {
            Db::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(path: &std::path::Path) -> Result<Db, Error> {
    make_private(path).map_err(|problem| Error::Unavailable(format!("{}: {problem}", path.display())))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: NORMAL loses the last commits when the power goes.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .pragma("journal_size_limit", "8388608");
    let writer = connect_writer(&options).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options.create_if_missing(false).pragma("query_only", "ON"));
    Ok(Db::Sqlite { writer, readers })
}

/// Nobody but the node's own user reads the file, whatever its folder allows. SQLite gives the files beside it (`-wal`,
/// `-shm`) the same mode.
fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let file = std::fs::OpenOptions::new().append(true).create(true).mode(PRIVATE).open(path)?;
    let wider = file.metadata()?.permissions().mode() & 0o777 != PRIVATE;
    if wider { file.set_permissions(std::fs::Permissions::from_mode(PRIVATE)) } else { Ok(()) }
}

/// Turning a new file to WAL takes a lock that the busy timeout does not wait for: two processes that make the same
/// database would fail by chance, so this asks again.
async fn connect_writer(options: &SqliteConnectOptions) -> Result<SqlitePool, Error> {
    let mut attempts = 1;
    loop {
        match writer_pool().connect_with(options.clone()).await.map_err(Error::from) {
            Err(Error::Unavailable(_)) if attempts < WAL_ATTEMPTS_MAX => attempts += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(WAL_RETRY).await;
    }
}

fn writer_pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        // SQLite itself rolls back when the disk is full. The driver does not notice, still counts one transaction and
        // would refuse every later one: such a connection is closed and replaced. (It is pinged when it is released.)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

async fn open_postgres(url: &str) -> Result<Db, Error> {
    let options = PgConnectOptions::from_str(url)?
        .statement_cache_capacity(STATEMENTS_KEPT)
        // a ROLLBACK where nothing is open is the ordinary case below, and worth no notice
        .options([("client_min_messages", "error")]);
    let pool = PgPoolOptions::new()
        .max_connections(PG_CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A caller that is dropped inside BEGIN leaves the server in a transaction that the driver does not count. The
        // next one would work inside it. So each connection is rolled back before it is lent; that also is the ping.
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async move {
                connection.execute("ROLLBACK").await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options)
        .await?;
    Ok(Db::Postgres(pool))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::party::Actor;

    fn note(number: u64) -> crate::NewAudit {
        crate::NewAudit {
            at: Timestamp::UNIX_EPOCH,
            actor: Actor::Policy { name: "test".to_owned() },
            verb: number.to_string(),
            object: "x".repeat(10_000),
            detail: String::new(),
        }
    }

    /// Also where an older version made the file readable to all, and for the files beside it and a copy.
    #[tokio::test]
    async fn the_database_is_read_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lazaret.sqlite");
        std::fs::write(&file, []).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let store = Store::open(&Target::Sqlite(file)).await.unwrap();
        store.add_audit(note(1)).await.unwrap();
        store.backup(&folder.path().join("copy.sqlite")).await.unwrap();
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?} has mode {mode:o}", entry.path());
            names.push(entry.file_name().into_string().unwrap());
        }
        names.sort();
        assert_eq!(names, ["copy.sqlite", "lazaret.sqlite", "lazaret.sqlite-shm", "lazaret.sqlite-wal"]);
    }

    /// A full disk is its own error, leaves what was there, and the store goes on when there is room again.
    #[tokio::test]
    async fn a_full_disk_is_said_and_survived() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Target::Sqlite(folder.path().join("full.sqlite"))).await.unwrap();
        let Db::Sqlite { writer, .. } = &store.db else { panic!("a file was asked for") };
        let limit = async |pages: u32| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(writer).await.unwrap();
        };
        // SQLite never sets the limit below what is used: this leaves no room at all.
        limit(1).await;
        let mut written = 0;
        let error = loop {
            match store.add_audit(note(written)).await {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Full), "{error}");
        assert_eq!(store.audit(None, 100).await.unwrap().len() as u64, written);
        limit(100_000).await;
        store.add_audit(note(written)).await.unwrap();
        assert_eq!(store.audit(None, 100).await.unwrap().len() as u64, written + 1);
        store.integrity().await.unwrap();
    }
}

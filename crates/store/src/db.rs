//! Two databases, one text of SQL: the connections, the transaction, bound values and read rows.
//! A file of its own because everything else in the crate is written once against these few words.
//!
//! SQLite accepts `$1`, so the same statement serves both. SQLite has one writer connection (load-then-save under a
//! deferred transaction fails at once with SNAPSHOT 517) that begins with `BEGIN IMMEDIATE`, and readers of the WAL.

use std::borrow::Cow;

use sqlx::postgres::{PgPool, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Postgres, Sqlite};
use uuid::Uuid;

use crate::Error;

/// The open database.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    /// One file.
    Sqlite {
        /// A pool of one connection: whoever holds it is the only writer.
        writer: SqlitePool,
        /// Connections that may only query.
        readers: SqlitePool,
    },
    /// A server.
    Postgres(PgPool),
}

/// A value bound to a statement. Each variant knows its type even when it is NULL, which PostgreSQL asks for.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
    Id(Option<Uuid>),
    Bool(bool),
}

/// Writes a list of bound values: `bind![id, version]`.
macro_rules! bind {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Value::from($value)),*] };
}
pub(crate) use bind;

/// Builds the driver's query; the one place that is expanded once per database.
macro_rules! bound {
    ($database:ty, $sql:expr, $values:expr) => {{
        let sql: Cow<'static, str> = $sql;
        let query = sqlx::query::<$database>(AssertSqlSafe(sql));
        $values.into_iter().fold(query, |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value.map(without_nul)),
            Value::Blob(value) => query.bind(value),
            Value::Id(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
        })
    }};
}

/// PostgreSQL refuses text with a NUL in it, and a host name in a log line may have one: a scan must not stop there.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// What a column can be read as, in both databases.
pub(crate) trait Column:
    for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>
{
}

impl<T> Column for T where
    T: for<'r> sqlx::Decode<'r, Sqlite>
        + sqlx::Type<Sqlite>
        + for<'r> sqlx::Decode<'r, Postgres>
        + sqlx::Type<Postgres>
{
}

/// One row of an answer.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The column of that name.
    pub(crate) fn get<T: Column>(&self, name: &str) -> Result<T, Error> {
        use sqlx::Row as _;
        Ok(match self {
            Self::Sqlite(row) => row.try_get(name)?,
            Self::Postgres(row) => row.try_get(name)?,
        })
    }
}

/// One transaction. Dropped without [`Tx::commit`], it leaves nothing.
pub(crate) enum Tx {
    Sqlite(sqlx::SqliteTransaction<'static>),
    Postgres(sqlx::PgTransaction<'static>),
}

impl Db {
    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Tx, Error> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that reads one moment of the database.
    pub(crate) async fn snapshot(&self) -> Result<Tx, Error> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Self::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// Reads rows outside a transaction.
    pub(crate) async fn rows(&self, sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Result<Vec<Row>, Error> {
        Ok(match self {
            Self::Sqlite { readers, .. } => {
                let rows = bound!(Sqlite, sql.into(), values).fetch_all(readers).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(pool) => {
                let rows = bound!(Postgres, sql.into(), values).fetch_all(pool).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Reads at most one row outside a transaction.
    pub(crate) async fn row(
        &self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value>,
    ) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }
}

impl Tx {
    /// Runs a statement; how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value>,
    ) -> Result<u64, Error> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(Sqlite, sql.into(), values).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => bound!(Postgres, sql.into(), values).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Reads rows, also those that a statement with `RETURNING` changed.
    pub(crate) async fn rows(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        Ok(match self {
            Self::Sqlite(tx) => {
                let rows = bound!(Sqlite, sql.into(), values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                let rows = bound!(Postgres, sql.into(), values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Reads at most one row.
    pub(crate) async fn row(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value>,
    ) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Runs a script of several statements without values: migrations only.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop)?,
            Self::Postgres(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop)?,
        }
        Ok(())
    }

    /// Makes it durable: when this returns, it survives a power cut.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Takes `count` consecutive positions of a stream and returns the first.
    ///
    /// The row stays locked until commit, so position order is commit order: a reader with `position > cursor` never
    /// skips one that commits later (a PostgreSQL sequence would).
    pub(crate) async fn positions(&mut self, stream: &'static str, count: usize) -> Result<i64, Error> {
        let count = crate::column::int(count as u64);
        let row = self
            .row("UPDATE stream SET head = head + $2 WHERE name = $1 RETURNING head", bind![stream, count])
            .await?
            .ok_or_else(|| Error::Corrupt { what: format!("the stream {stream} has no head") })?;
        Ok(row.get::<i64>("head")? - count + 1)
    }
}

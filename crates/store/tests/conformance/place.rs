//! Where a case runs: a database of its own, on SQLite or on a real PostgreSQL, and raw access to it for sabotage.

use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use store::{Store, Target};
use tempfile::TempDir;
use uuid::Uuid;

/// A database that belongs to one case.
pub enum Place {
    Sqlite(TempDir),
    Postgres { url: String, schema: String },
}

impl Place {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// A schema of its own on the server of `LAZARET_TEST_PG_URL`; none where that is unset, which CI does not accept.
    pub async fn postgres() -> Option<Self> {
        let Some(url) = environment("LAZARET_TEST_PG_URL") else {
            assert!(environment("CI").as_deref() != Some("true"), "CI=true needs LAZARET_TEST_PG_URL");
            eprintln!("LAZARET_TEST_PG_URL is unset: this case did not run on PostgreSQL");
            return None;
        };
        let schema = format!("t_{}", fresh_id().simple());
        let place = Self::Postgres { url, schema: schema.clone() };
        place.raw(&format!("CREATE SCHEMA {schema}")).await;
        Some(place)
    }

    pub fn target(&self) -> Target {
        match self {
            Self::Sqlite(dir) => Target::Sqlite(dir.path().join("state.sqlite")),
            Self::Postgres { url, schema } => {
                let join = if url.contains('?') { '&' } else { '?' };
                Target::Postgres(format!("{url}{join}options[search_path]={schema}"))
            }
        }
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.target()).await.unwrap()
    }

    /// Runs one statement behind the store's back; how many rows it changed.
    pub async fn raw(&self, sql: &str) -> u64 {
        match self.target() {
            Target::Sqlite(path) => {
                let mut connection = sqlite(&path).await;
                connection.execute(AssertSqlSafe(sql)).await.unwrap().rows_affected()
            }
            Target::Postgres(url) => {
                let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
                connection.execute(AssertSqlSafe(sql)).await.unwrap().rows_affected()
            }
        }
    }

    /// The first column of each row, as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        match self.target() {
            Target::Sqlite(path) => {
                let mut connection = sqlite(&path).await;
                let rows = connection.fetch_all(AssertSqlSafe(sql)).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Target::Postgres(url) => {
                let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
                let rows = connection.fetch_all(AssertSqlSafe(sql)).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// From now on writing to this table fails, in the middle of whatever transaction does it.
    pub async fn break_table(&self, table: &str) {
        match self {
            Self::Sqlite(_) => {
                for event in ["INSERT", "UPDATE"] {
                    self.raw(&format!(
                        "CREATE TRIGGER broken_{event} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
                    ))
                    .await;
                }
            }
            Self::Postgres { .. } => {
                let function = "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql
                                AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$";
                self.raw(function).await;
                let trigger = format!(
                    "CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION broken()"
                );
                self.raw(&trigger).await;
            }
        }
    }

    /// Leaves nothing on the server.
    pub async fn close(self) {
        if let Self::Postgres { schema, .. } = &self {
            self.raw(&format!("DROP SCHEMA {schema} CASCADE")).await;
        }
    }
}

/// Runs a script on a file that is no place.
pub async fn sqlite_script(path: &std::path::Path, script: &'static str) {
    sqlite(path).await.execute(script).await.unwrap();
}

async fn sqlite(path: &std::path::Path) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    sqlx::SqliteConnection::connect_with(&options).await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test learns from the environment where PostgreSQL is")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// An id that no other test process has: hashed from the process, a counter and a fresh allocation's random keys.
pub fn fresh_id() -> Uuid {
    use std::hash::{BuildHasher, RandomState};
    let random = || RandomState::new().hash_one(std::process::id());
    Uuid::from_u64_pair(random(), random())
}

/// Declares cases that run on SQLite and on PostgreSQL, each in a database of its own.
macro_rules! on_both {
    ($($module:ident: $($case:ident),+;)+) => {
        mod sqlite {
            $(mod $module { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let place = crate::place::Place::sqlite();
                    crate::$module::$case(&place).await;
                    place.close().await;
                }
            )+ })+
        }
        mod postgres {
            $(mod $module { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(place) = crate::place::Place::postgres().await {
                        crate::$module::$case(&place).await;
                        place.close().await;
                    }
                }
            )+ })+
        }
    };
}
pub(crate) use on_both;

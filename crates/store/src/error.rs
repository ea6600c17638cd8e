//! What can go wrong with the database. One enum for the crate, so that callers see situations and never a driver's code.

use domain::record::RecordId;

/// Why the store could not do what was asked. A refusal of the domain is never here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else changed the record between load and commit; nothing was written. Load again and decide again.
    #[error("record {record} was changed by somebody else meanwhile")]
    Conflict {
        /// The first record whose version did not match.
        record: RecordId,
    },
    /// The database was written by a newer program; nothing was touched.
    #[error("the database has schema {found} and this program knows up to {known}: start the newer program again")]
    NewerSchema {
        /// The newest migration that ran there.
        found: i64,
        /// The newest one built in here.
        known: i64,
    },
    /// A migration that ran in this database differs from the one built in.
    #[error("migration {number} of this database is not the one built into this program")]
    MigrationDiffers {
        /// Its number.
        number: i64,
    },
    /// The disk (or the database's own limit) is full; nothing was written.
    #[error("the disk of the database is full")]
    Full,
    /// The database cannot be reached or is too busy; the same call may work later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// What is stored cannot be read back.
    #[error("the database holds something unreadable: {what}")]
    Corrupt {
        /// Where and what.
        what: String,
    },
    /// The named thing does not exist.
    #[error("there is no such {what}")]
    Missing {
        /// What was looked for, e.g. `alert`.
        what: &'static str,
    },
    /// Something of this name exists already.
    #[error("this {what} exists already")]
    Exists {
        /// What it is, e.g. `account`.
        what: &'static str,
    },
    /// Any other answer of the database: a defect of this program.
    #[error("the database refused a statement: {0}")]
    Sql(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// SQLite result codes, extended ones included. Source: sqlite.org/rescode.html.
const SQLITE_FULL: [&str; 2] = ["13", "4874"];
const SQLITE_CORRUPT: [&str; 4] = ["11", "26", "267", "523"];
const SQLITE_BUSY: [&str; 4] = ["5", "6", "261", "517"];
/// PostgreSQL SQLSTATE `disk_full`. Source: PostgreSQL 15, appendix A.
const PG_FULL: &str = "53100";
/// SQLSTATE classes: connection exception, insufficient resources, operator intervention, transaction rollback.
const PG_UNAVAILABLE: [&str; 4] = ["08", "53", "57", "40"];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(answer) => from_code(answer.code().as_deref().unwrap_or(""), &error.to_string())
                .unwrap_or_else(|| Self::Sql(Box::new(error))),
            sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => Self::Full,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt { what: error.to_string() },
            _ => Self::Sql(Box::new(error)),
        }
    }
}

/// SQLSTATEs have five characters, SQLite's codes are shorter or numeric below 10,000.
fn from_code(code: &str, text: &str) -> Option<Error> {
    if code.len() == 5 {
        let class = code.get(..2).unwrap_or("");
        return match code {
            PG_FULL => Some(Error::Full),
            _ if PG_UNAVAILABLE.contains(&class) => Some(Error::Unavailable(text.to_owned())),
            _ => None,
        };
    }
    if SQLITE_FULL.contains(&code) {
        return Some(Error::Full);
    }
    if SQLITE_CORRUPT.contains(&code) {
        return Some(Error::Corrupt { what: text.to_owned() });
    }
    SQLITE_BUSY.contains(&code).then(|| Error::Unavailable(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_situations() {
        assert!(matches!(from_code("13", ""), Some(Error::Full)));
        assert!(matches!(from_code("53100", ""), Some(Error::Full)));
        assert!(matches!(from_code("11", ""), Some(Error::Corrupt { .. })));
        assert!(matches!(from_code("517", ""), Some(Error::Unavailable(_))));
        assert!(matches!(from_code("40P01", ""), Some(Error::Unavailable(_))));
        assert!(from_code("23505", "").is_none());
        assert!(from_code("1", "").is_none());
    }
}

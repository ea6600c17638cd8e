//! Sources: who sends logs here, what arrived and what was refused, how far followed files were read.
//! A file of its own because *blindness is shown as blindness* starts with these counts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::db::{Row, Tx, bind};
use crate::{Error, NewAudit, Store, people};

/// One source of logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its number in the event log; counts up from 1.
    pub number: u32,
    /// What it is recognised by, e.g. `syslog:10.1.2.3` or `http:<token name>`.
    pub key: String,
    /// What people call it; the key until somebody names it.
    pub name: String,
    /// How it comes: `syslog-udp`, `http`, `file` …
    pub carrier: String,
    /// The format recognised last; empty before the first event.
    pub format: String,
    /// IANA zone of its naive times; none means UTC.
    pub zone: Option<String>,
    /// Event time of the first event.
    pub first_at: Option<Timestamp>,
    /// Event time of the newest.
    pub last_at: Option<Timestamp>,
    /// Read from the wire or the file.
    pub received: u64,
    /// Durable in the event log.
    pub stored: u64,
    /// Refused, all reasons together.
    pub refused: u64,
    /// Refused, by reason code.
    pub refused_by: BTreeMap<String, u64>,
    /// Gone through the engine.
    pub scanned: u64,
    /// With a time that cannot be right.
    pub flagged: u64,
    /// That no decoder knew.
    pub undecoded: u64,
    /// Supplier id from the list, if somebody said so.
    pub supplier: Option<String>,
    /// SHA-256 of the token it authenticates with, if it has one.
    pub token_hash: Option<String>,
    /// When it was first heard of here.
    pub created_at: Timestamp,
}

/// What arrived from one source since the last call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCounts {
    /// The source's number.
    pub source: u32,
    /// Read.
    pub received: u64,
    /// Durable in the event log.
    pub stored: u64,
    /// Refused, by reason code.
    pub refused_by: BTreeMap<String, u64>,
}

/// What a person says about a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEdit {
    /// What people call it.
    pub name: String,
    /// IANA zone of its naive times.
    pub zone: Option<String>,
    /// Supplier id from the list.
    pub supplier: Option<String>,
}

/// How far a followed file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowPosition {
    /// The file's inode, to notice that it was replaced.
    pub inode: u64,
    /// The next byte to read.
    pub offset: u64,
}

const SOURCE_COLUMNS: &str = "SELECT number, key, name, carrier, format, zone, first_at, last_at, received, stored, \
     refused, scanned, flagged, undecoded, supplier, token_hash, created_at FROM source";

impl Store {
    /// The number of the source with this key; made if it is new.
    pub async fn source_number(&self, key: &str, carrier: &str, now: Timestamp) -> Result<u32, Error> {
        if let Some(row) = self.db.row("SELECT number FROM source WHERE key = $1", bind![key]).await? {
            return row.count32("number");
        }
        let mut tx = self.db.begin().await?;
        let number = insert_source(&mut tx, key, key, carrier, None, now).await?;
        tx.commit().await?;
        match number {
            Some(number) => Ok(number),
            // Somebody else made it meanwhile.
            None => {
                let row = self.db.row("SELECT number FROM source WHERE key = $1", bind![key]).await?;
                row.ok_or(Error::Missing { what: "source" })?.count32("number")
            }
        }
    }

    /// Every source, in the order they were first heard of.
    pub async fn sources(&self) -> Result<Vec<Source>, Error> {
        let mut tx = self.db.snapshot().await?;
        let rows = tx.rows(format!("{SOURCE_COLUMNS} ORDER BY number"), Vec::new()).await?;
        let mut sources = rows.iter().map(source).collect::<Result<Vec<_>, _>>()?;
        let refused = tx.rows("SELECT source, reason, events FROM source_refused ORDER BY source", Vec::new()).await?;
        for row in refused {
            let number = row.count32("source")?;
            if let Some(source) = sources.iter_mut().find(|source| source.number == number) {
                source.refused_by.insert(row.get("reason")?, row.count("events")?);
            }
        }
        Ok(sources)
    }

    /// Adds to the counts of sources, in one transaction.
    pub async fn add_source_counts(&self, counts: Vec<SourceCounts>) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        for count in counts {
            let refused: u64 = count.refused_by.values().sum();
            let sql = "UPDATE source SET received = received + $2, stored = stored + $3, refused = refused + $4
                       WHERE number = $1";
            tx.execute(sql, bind![count.source, count.received, count.stored, refused]).await?;
            for (reason, events) in count.refused_by {
                let sql = "INSERT INTO source_refused (source, reason, events) VALUES ($1, $2, $3)
                           ON CONFLICT (source, reason) DO UPDATE SET events = source_refused.events + excluded.events";
                tx.execute(sql, bind![count.source, reason, events]).await?;
            }
        }
        tx.commit().await
    }

    /// Keeps what a person says about a source, with its audit line. Errors: [`Error::Missing`].
    pub async fn set_source(&self, number: u32, edit: SourceEdit, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE source SET name = $2, zone = $3, supplier = $4 WHERE number = $1";
        if tx.execute(sql, bind![number, edit.name, edit.zone, edit.supplier]).await? == 0 {
            return Err(Error::Missing { what: "source" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// The source that authenticates with the token of this SHA-256.
    pub async fn source_by_token(&self, token_hash: &str) -> Result<Option<Source>, Error> {
        let row = self.db.row(format!("{SOURCE_COLUMNS} WHERE token_hash = $1"), bind![token_hash]).await?;
        row.as_ref().map(source).transpose()
    }

    /// Makes an HTTP source `http:<name>` with a token, or gives it a new one; its number.
    pub async fn add_source_token(&self, name: &str, token_hash: &str, audit: NewAudit) -> Result<u32, Error> {
        let key = format!("http:{name}");
        let mut tx = self.db.begin().await?;
        let number = match insert_source(&mut tx, &key, name, "http", Some(token_hash), audit.at).await? {
            Some(number) => number,
            None => {
                let sql = "UPDATE source SET token_hash = $2 WHERE key = $1 RETURNING number";
                let row = tx.row(sql, bind![key, token_hash]).await?;
                row.ok_or(Error::Missing { what: "source" })?.count32("number")?
            }
        };
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(number)
    }

    /// Takes a source's token away; it can no longer send. Errors: [`Error::Missing`].
    pub async fn remove_source_token(&self, number: u32, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE source SET token_hash = NULL WHERE number = $1 AND token_hash IS NOT NULL";
        if tx.execute(sql, bind![number]).await? == 0 {
            return Err(Error::Missing { what: "source token" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// How far the followed file was read.
    pub async fn follow_position(&self, key: &str) -> Result<Option<FollowPosition>, Error> {
        let row = self.db.row("SELECT inode, read_offset FROM follow WHERE key = $1", bind![key]).await?;
        row.map(|row| {
            // Inodes use all 64 bits; the column keeps the same bits as a signed number.
            let inode = row.get::<i64>("inode")?.cast_unsigned();
            Ok(FollowPosition { inode, offset: row.count("read_offset")? })
        })
        .transpose()
    }

    /// Keeps how far the followed file was read.
    pub async fn set_follow_position(&self, key: &str, position: FollowPosition) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO follow (key, inode, read_offset) VALUES ($1, $2, $3)
                   ON CONFLICT (key) DO UPDATE SET inode = excluded.inode, read_offset = excluded.read_offset";
        tx.execute(sql, bind![key, position.inode.cast_signed(), position.offset]).await?;
        tx.commit().await
    }
}

/// Makes a source; none if the key exists already.
async fn insert_source(
    tx: &mut Tx,
    key: &str,
    name: &str,
    carrier: &str,
    token_hash: Option<&str>,
    now: Timestamp,
) -> Result<Option<u32>, Error> {
    let sql = "INSERT INTO source (key, name, carrier, format, token_hash, created_at)
               VALUES ($1, $2, $3, '', $4, $5) ON CONFLICT (key) DO NOTHING RETURNING number";
    let row = tx.row(sql, bind![key, name, carrier, token_hash.map(str::to_owned), now]).await?;
    row.map(|row| row.count32("number")).transpose()
}

fn source(row: &Row) -> Result<Source, Error> {
    Ok(Source {
        number: row.count32("number")?,
        key: row.get("key")?,
        name: row.get("name")?,
        carrier: row.get("carrier")?,
        format: row.get("format")?,
        zone: row.get("zone")?,
        first_at: row.at_opt("first_at")?,
        last_at: row.at_opt("last_at")?,
        received: row.count("received")?,
        stored: row.count("stored")?,
        refused: row.count("refused")?,
        refused_by: BTreeMap::new(),
        scanned: row.count("scanned")?,
        flagged: row.count("flagged")?,
        undecoded: row.count("undecoded")?,
        supplier: row.get("supplier")?,
        token_hash: row.get("token_hash")?,
        created_at: row.at("created_at")?,
    })
}

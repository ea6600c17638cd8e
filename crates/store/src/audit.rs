//! The audit: who did what, in one table that only grows. A line is written inside the transaction of what it speaks
//! of. A file of its own because every area writes here, and only the account's pages read.

use domain::party::Actor;
use jiff::Timestamp;
use uuid::Uuid;

use crate::column::json;
use crate::db::{Row, Tx, bind};
use crate::filter::Filter;
use crate::{Error, Store};

/// Something that somebody did and that is no fact of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAudit {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was done, as a code, e.g. `alert-dismissed`.
    pub verb: String,
    /// To what, e.g. `alert:<id>`.
    pub object: String,
    /// Codes and numbers only; never free text or names.
    pub detail: String,
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number; counts up.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was done.
    pub verb: String,
    /// To what.
    pub object: String,
    /// Codes and numbers.
    pub detail: String,
}

/// Which lines of the audit are asked for. Empty: all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only this actor's: an account's id, a policy's name or a node's id.
    pub who: Option<String>,
    /// Only this act.
    pub verb: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Older than the line of this number: the last of the page before.
    pub after: Option<i64>,
}

impl Store {
    /// Writes a line of audit.
    pub async fn add_audit(&self, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Lines of audit, newest first; `after` is the number of the last line of the page before.
    pub async fn audit(&self, after: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, Error> {
        self.audit_where(&AuditQuery { after, ..AuditQuery::default() }, limit).await
    }

    /// The lines that a query names, newest first.
    pub async fn audit_where(&self, query: &AuditQuery, limit: u32) -> Result<Vec<AuditEntry>, Error> {
        let mut filter = Filter::default();
        if let Some(who) = &query.who {
            filter.and("who = ?", bind![who]);
        }
        if let Some(verb) = &query.verb {
            filter.and("verb = ?", bind![verb]);
        }
        if let Some(from) = query.from {
            filter.and("at >= ?", bind![from]);
        }
        if let Some(to) = query.to {
            filter.and("at < ?", bind![to]);
        }
        if let Some(after) = query.after {
            filter.and("number < ?", bind![after]);
        }
        let head = "SELECT number, at, actor, verb, object, detail FROM audit";
        let (sql, values) = filter.statement(head, " ORDER BY number DESC LIMIT ?", bind![limit]);
        self.db.rows(sql, values).await?.iter().map(audit_entry).collect()
    }

    /// Every act there is a line of.
    pub async fn audit_verbs(&self) -> Result<Vec<String>, Error> {
        let rows = self.db.rows("SELECT DISTINCT verb FROM audit ORDER BY verb", Vec::new()).await?;
        rows.iter().map(|row| row.get("verb")).collect()
    }

    /// Everybody who did something, each as [`AuditQuery::who`] has it, with the actor of one of the lines.
    pub async fn audit_actors(&self) -> Result<Vec<(String, Actor)>, Error> {
        let sql = "SELECT who, MAX(actor) AS actor FROM audit GROUP BY who ORDER BY who";
        let rows = self.db.rows(sql, Vec::new()).await?;
        rows.iter().map(|row| Ok((row.get("who")?, row.json("actor")?))).collect()
    }

    /// Notes that a session reads or exports something; once for each session, act and thing. Whether it was the first
    /// time.
    pub async fn note_read(&self, session: Uuid, audit: NewAudit) -> Result<bool, Error> {
        let sql = "SELECT verb FROM session_read WHERE session = $1 AND verb = $2 AND object = $3";
        if self.db.row(sql, bind![session, &audit.verb, &audit.object]).await?.is_some() {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        // a session that ended meanwhile leaves no mark of its own, and its reading is told all the same
        let sql = "INSERT INTO session_read (session, verb, object)
                   SELECT id, $2, $3 FROM session WHERE id = $1 ON CONFLICT DO NOTHING";
        tx.execute(sql, bind![session, &audit.verb, &audit.object]).await?;
        insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Writes a line of audit inside the transaction of what it speaks of.
pub(crate) async fn insert_audit(tx: &mut Tx, audit: &NewAudit) -> Result<(), Error> {
    let sql = "INSERT INTO audit (at, actor, verb, object, detail, who) VALUES ($1, $2, $3, $4, $5, $6)";
    let values = bind![audit.at, json(&audit.actor)?, &audit.verb, &audit.object, &audit.detail, who(&audit.actor)];
    tx.execute(sql, values).await.map(drop)
}

/// How an actor is asked for.
fn who(actor: &Actor) -> String {
    match actor {
        Actor::Person { account, .. } => account.to_string(),
        Actor::Policy { name } => name.clone(),
        Actor::Peer { node } => node.0.clone(),
    }
}

fn audit_entry(row: &Row) -> Result<AuditEntry, Error> {
    Ok(AuditEntry {
        number: row.get("number")?,
        at: row.at("at")?,
        actor: row.json("actor")?,
        verb: row.get("verb")?,
        object: row.get("object")?,
        detail: row.get("detail")?,
    })
}

//! Tuning that lasts: exceptions from rules, rules that are off, how much each filter hid, and which rules are noisy.
//! A file of its own because people decide all of it, and the scanner only counts.

use domain::party::Actor;
use domain::telemetry::Level;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::column::{from_json, json};
use crate::db::{Row, Tx, bind};
use crate::{Error, NewAudit, Store, people};

/// Where an exception applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", content = "of", rename_all = "kebab-case")]
pub enum ExceptionScope {
    /// To every event of this node.
    Node,
    /// To events of one sender, by its key.
    Source(String),
    /// To events that name this host.
    Host(String),
}

/// An exception to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewException {
    /// Its id.
    pub id: Uuid,
    /// The rule it was made for.
    pub rule_id: String,
    /// Its title then.
    pub rule_title: String,
    /// The Sigma filter.
    pub filter: String,
    /// Where it applies.
    pub scope: ExceptionScope,
    /// Why, in a person's words.
    pub reason: String,
    /// The alert that it was made from.
    pub alert: Option<Uuid>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// An exception as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its id.
    pub id: Uuid,
    /// The rule it was made for.
    pub rule_id: String,
    /// Its title then.
    pub rule_title: String,
    /// The Sigma filter.
    pub filter: String,
    /// Where it applies.
    pub scope: ExceptionScope,
    /// Why, in a person's words.
    pub reason: String,
    /// Who made it.
    pub author: Actor,
    /// The alert that it was made from.
    pub alert: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When a person ended it.
    pub ended_at: Option<Timestamp>,
    /// Who ended it.
    pub ended_by: Option<Actor>,
    /// How many matches it hid since it exists.
    pub hidden: u64,
    /// When it last hid one; event time.
    pub hidden_last_at: Option<Timestamp>,
}

impl Exception {
    /// Whether it works at that moment.
    pub fn works(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.expires_at > now
    }
}

/// A rule that somebody switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOff {
    /// The rule.
    pub rule_id: String,
    /// Its title then.
    pub rule_title: String,
    /// Why, in a person's words.
    pub reason: String,
    /// Who did.
    pub author: Actor,
    /// Since when.
    pub since: Timestamp,
}

/// Matches that one filter hid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hid {
    /// The exception's id as text, or the id of a filter in a rule file.
    pub filter: String,
    /// How many; from the scanner how many more, from the store how many in all.
    pub hidden: u64,
    /// Event time of the first of these.
    pub first_at: Timestamp,
    /// Event time of the last.
    pub last_at: Timestamp,
}

/// How loud one rule was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleNoise {
    /// The rule.
    pub rule_id: String,
    /// Its title in the newest alerts.
    pub rule_title: String,
    /// The gravest level of its alerts.
    pub level: Level,
    /// Alerts of the short period.
    pub alerts_short: u64,
    /// Detections behind them.
    pub events_short: u64,
    /// Alerts of the long period.
    pub alerts_long: u64,
    /// Detections behind them.
    pub events_long: u64,
    /// How many alerts of the long period were dismissed.
    pub dismissed_long: u64,
}

const EXCEPTION_COLUMNS: &str = "SELECT id, rule_id, rule_title, filter, scope, reason, author, \
     alert, created_at, expires_at, ended_at, ended_by FROM exception";

impl Store {
    /// Keeps an exception, with its audit line. Errors: [`Error::Exists`].
    pub async fn add_exception(&self, new: NewException, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO exception (id, rule_id, rule_title, filter, scope, reason, author, alert, created_at,
                     expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
        let NewException { id, rule_id, rule_title, filter, scope, reason, alert, expires_at } = new;
        let (scope, author) = (json(&scope)?, json(&audit.actor)?);
        let values = bind![id, rule_id, rule_title, filter, scope, reason, author, alert, audit.at, expires_at];
        if tx.execute(sql, values).await? == 0 {
            return Err(Error::Exists { what: "exception" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Ends an exception at once. Errors: [`Error::Missing`] where there is none that was not ended.
    pub async fn end_exception(&self, id: Uuid, audit: NewAudit) -> Result<(), Error> {
        let sql = "UPDATE exception SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL";
        let values = bind![id, audit.at, json(&audit.actor)?];
        self.change_exception(sql, values, audit).await
    }

    /// Moves an exception's end; one that expired works again. Errors: [`Error::Missing`] as above.
    pub async fn renew_exception(&self, id: Uuid, expires_at: Timestamp, audit: NewAudit) -> Result<(), Error> {
        let sql = "UPDATE exception SET expires_at = $2 WHERE id = $1 AND ended_at IS NULL";
        self.change_exception(sql, bind![id, expires_at], audit).await
    }

    async fn change_exception(
        &self,
        sql: &'static str,
        values: Vec<crate::db::Value>,
        audit: NewAudit,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute(sql, values).await? == 0 {
            return Err(Error::Missing { what: "exception" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Every exception, the one that ends first first.
    pub async fn exceptions(&self) -> Result<Vec<Exception>, Error> {
        let mut tx = self.db.snapshot().await?;
        let rows = tx.rows(format!("{EXCEPTION_COLUMNS} ORDER BY expires_at, id"), Vec::new()).await?;
        let counts = tx.rows("SELECT filter, hidden, first_at, last_at FROM filter_count", Vec::new()).await?;
        let counts = counts.iter().map(hid).collect::<Result<Vec<_>, _>>()?;
        rows.iter().map(|row| exception(row, &counts)).collect()
    }

    /// Switches a rule off, with its audit line; a rule that is off stays as it was. False where it was.
    pub async fn switch_rule_off(&self, off: RuleOff, audit: NewAudit) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO rule_off (rule_id, rule_title, reason, author, since_at) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT DO NOTHING";
        let values = bind![off.rule_id, off.rule_title, off.reason, json(&off.author)?, off.since];
        if tx.execute(sql, values).await? == 0 {
            return Ok(false);
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Switches a rule on again. Errors: [`Error::Missing`] where it is not off.
    pub async fn switch_rule_on(&self, rule_id: &str, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        if tx.execute("DELETE FROM rule_off WHERE rule_id = $1", bind![rule_id]).await? == 0 {
            return Err(Error::Missing { what: "rule that is off" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Every rule that is off, by title.
    pub async fn rules_off(&self) -> Result<Vec<RuleOff>, Error> {
        let sql = "SELECT rule_id, rule_title, reason, author, since_at FROM rule_off ORDER BY rule_title, rule_id";
        let rows = self.db.rows(sql, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(RuleOff {
                    rule_id: row.get("rule_id")?,
                    rule_title: row.get("rule_title")?,
                    reason: row.get("reason")?,
                    author: row.json("author")?,
                    since: row.at("since_at")?,
                })
            })
            .collect()
    }

    /// How much every filter hid, exceptions and those of rule files.
    pub async fn filter_counts(&self) -> Result<Vec<Hid>, Error> {
        let sql = "SELECT filter, hidden, first_at, last_at FROM filter_count ORDER BY hidden DESC, filter";
        self.db.rows(sql, Vec::new()).await?.iter().map(hid).collect()
    }

    /// The loudest rules: those with most alerts since `long`, then most detections. Exercises do not count.
    pub async fn rule_noise(&self, short: Timestamp, long: Timestamp, limit: u32) -> Result<Vec<RuleNoise>, Error> {
        let sql = "SELECT rule_id, MAX(rule_title) AS rule_title, MAX(level) AS level,
              CAST(SUM(CASE WHEN last_at >= $1 THEN 1 ELSE 0 END) AS BIGINT) AS alerts_short,
              CAST(SUM(CASE WHEN last_at >= $1 THEN count ELSE 0 END) AS BIGINT) AS events_short,
              COUNT(*) AS alerts_long, CAST(SUM(count) AS BIGINT) AS events_long,
              CAST(SUM(CASE WHEN state = 'dismissed' THEN 1 ELSE 0 END) AS BIGINT) AS dismissed_long
            FROM alert WHERE last_at >= $2 AND drill = $3 GROUP BY rule_id
            ORDER BY alerts_long DESC, events_long DESC, rule_id LIMIT $4";
        let rows = self.db.rows(sql, bind![short, long, false, limit]).await?;
        rows.iter()
            .map(|row| {
                Ok(RuleNoise {
                    rule_id: row.get("rule_id")?,
                    rule_title: row.get("rule_title")?,
                    level: row.level("level")?,
                    alerts_short: row.count("alerts_short")?,
                    events_short: row.count("events_short")?,
                    alerts_long: row.count("alerts_long")?,
                    events_long: row.count("events_long")?,
                    dismissed_long: row.count("dismissed_long")?,
                })
            })
            .collect()
    }
}

/// Adds to the counts of filters, inside the scanner's commit.
pub(crate) async fn count_hidden(tx: &mut Tx, hidden: Vec<Hid>) -> Result<(), Error> {
    for hid in hidden {
        let sql = "INSERT INTO filter_count (filter, hidden, first_at, last_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (filter) DO UPDATE SET hidden = filter_count.hidden + excluded.hidden,
                     first_at = CASE WHEN excluded.first_at < filter_count.first_at THEN excluded.first_at
                                     ELSE filter_count.first_at END,
                     last_at = CASE WHEN excluded.last_at > filter_count.last_at THEN excluded.last_at
                                    ELSE filter_count.last_at END";
        tx.execute(sql, bind![hid.filter, hid.hidden, hid.first_at, hid.last_at]).await?;
    }
    Ok(())
}

fn hid(row: &Row) -> Result<Hid, Error> {
    Ok(Hid {
        filter: row.get("filter")?,
        hidden: row.count("hidden")?,
        first_at: row.at("first_at")?,
        last_at: row.at("last_at")?,
    })
}

fn exception(row: &Row, counts: &[Hid]) -> Result<Exception, Error> {
    let id: Uuid = row.get("id")?;
    let own = id.to_string();
    let count = counts.iter().find(|count| count.filter == own);
    let ended_by: Option<String> = row.get("ended_by")?;
    Ok(Exception {
        id,
        rule_id: row.get("rule_id")?,
        rule_title: row.get("rule_title")?,
        filter: row.get("filter")?,
        scope: row.json("scope")?,
        reason: row.get("reason")?,
        author: row.json("author")?,
        alert: row.get("alert")?,
        created_at: row.at("created_at")?,
        expires_at: row.at("expires_at")?,
        ended_at: row.at_opt("ended_at")?,
        ended_by: ended_by.map(|text| from_json(&text, "ended_by")).transpose()?,
        hidden: count.map_or(0, |count| count.hidden),
        hidden_last_at: count.map(|count| count.last_at),
    })
}

//! Sightings at a hub: kept under positions, found by what they share, counted by country.
//! A file of its own because the correlator asks only these questions.

use domain::cluster::Seen;
use domain::telemetry::Level;
use jiff::Timestamp;

use crate::column::json;
use crate::db::{Row, Tx, bind};
use crate::filter::Filter;
use crate::records::PAGE_ITEMS_DEFAULT;
use crate::{Error, NewAudit, ReceivedSighting, Store, people, telemetry};

/// A hospital shows a family in ordinary times from this many earlier days on. Source: `domain::cluster::Seen`.
const FAMILIAR_DAYS_MIN: i64 = 3;

/// Which sightings a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SightingQuery {
    /// Received not before.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// From this country.
    pub country: Option<String>,
    /// Sharing one of these cluster key texts; empty means any.
    pub keys: Vec<String>,
    /// How many at most, the newest first.
    pub limit: u32,
}

impl Default for SightingQuery {
    fn default() -> Self {
        Self { since: None, until: None, country: None, keys: Vec::new(), limit: PAGE_ITEMS_DEFAULT }
    }
}

/// A rule that many hospitals fire at once and nothing else connects: a person looks at the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspectedRule {
    /// The rule.
    pub rule_id: String,
    /// How many organisations fired it, at most so far.
    pub hospitals: u32,
    /// When it was suspected first.
    pub first_at: Timestamp,
    /// When it was suspected last.
    pub last_at: Timestamp,
    /// When a person cleared it; taken back when more organisations fire it.
    pub cleared_at: Option<Timestamp>,
}

/// What one country shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountryCount {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Distinct organisations.
    pub hospitals: u64,
    /// Sightings.
    pub sightings: u64,
    /// The gravest level.
    pub level_max: Level,
}

/// With `familiar`: on how many earlier days this hospital showed this family.
const SEEN_COLUMNS: &str = "SELECT position, hospital, received_at, body, (
       SELECT COUNT(*) FROM family_day WHERE family_day.hospital = sighting.hospital
         AND family_day.family = sighting.family AND family_day.day < sighting.day) AS family_days
     FROM sighting";

impl Store {
    /// Sightings behind that position, in order; an update comes again under a new position with its first receipt.
    pub async fn sightings_since_cursor(&self, after: i64, limit: u32) -> Result<Vec<(i64, Seen)>, Error> {
        let sql = format!("{SEEN_COLUMNS} WHERE position > $1 ORDER BY position LIMIT $2");
        let rows = self.db.rows(sql, bind![after, limit]).await?;
        rows.iter().map(|row| Ok((row.get("position")?, seen(row)?))).collect()
    }

    /// Up to here sightings were judged.
    pub async fn judged_cursor(&self) -> Result<i64, Error> {
        self.cursor("judged").await
    }

    /// Keeps up to where sightings were judged.
    pub async fn set_judged_cursor(&self, position: i64) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        telemetry::set_cursor(&mut tx, "judged", position).await?;
        tx.commit().await
    }

    /// Sightings that share one of these key texts and are not older, newest first.
    pub async fn related(&self, keys: &[String], since: Timestamp, limit: u32) -> Result<Vec<Seen>, Error> {
        let query = SightingQuery { since: Some(since), keys: keys.to_vec(), limit, ..SightingQuery::default() };
        if keys.is_empty() { Ok(Vec::new()) } else { self.sightings(query).await }
    }

    /// Sightings for lists and maps, newest first.
    pub async fn sightings(&self, query: SightingQuery) -> Result<Vec<Seen>, Error> {
        let mut filter = Filter::default();
        if !query.keys.is_empty() {
            let keys = query.keys.iter().map(|key| key.into()).collect();
            filter.and_around("number IN (SELECT sighting FROM sighting_key WHERE key IN (", keys, "))");
        }
        if let Some(since) = query.since {
            filter.and("received_at >= ?", bind![since]);
        }
        if let Some(until) = query.until {
            filter.and("received_at < ?", bind![until]);
        }
        if let Some(country) = query.country {
            filter.and("country = ?", bind![country]);
        }
        let tail = " ORDER BY received_at DESC, position DESC LIMIT ?";
        let (sql, values) = filter.statement(SEEN_COLUMNS, tail, bind![query.limit]);
        self.db.rows(sql, values).await?.iter().map(seen).collect()
    }

    /// What each country shows in real life (no drills), by code.
    /// Shape: received from `since` on and before `until`.
    pub async fn sighting_counts_by_country(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<CountryCount>, Error> {
        let sql =
            "SELECT country, COUNT(DISTINCT hospital) AS hospitals, COUNT(*) AS sightings, MAX(level) AS level_max
                   FROM sighting WHERE received_at >= $1 AND received_at < $2 AND drill = $3 GROUP BY country ORDER BY country";
        let rows = self.db.rows(sql, bind![since, until, false]).await?;
        rows.iter()
            .map(|row| {
                Ok(CountryCount {
                    country: row.get("country")?,
                    hospitals: row.count("hospitals")?,
                    sightings: row.count("sightings")?,
                    level_max: row.level("level_max")?,
                })
            })
            .collect()
    }

    /// When the newest sighting was received, drills included as on the strip; none before the first.
    pub async fn newest_sighting(&self) -> Result<Option<Timestamp>, Error> {
        let row = self.db.row("SELECT MAX(received_at) AS newest FROM sighting", Vec::new()).await?;
        row.map_or(Ok(None), |row| row.at_opt("newest"))
    }

    /// How many organisations have ever shown anything here and are still remembered.
    pub async fn distinct_hospitals(&self) -> Result<u64, Error> {
        let row = self.db.row("SELECT COUNT(DISTINCT hospital) AS hospitals FROM sighting", Vec::new()).await?;
        row.map_or(Ok(0), |row| row.count("hospitals"))
    }

    /// Keeps that a rule is suspected; more organisations than before take an earlier clearing back.
    pub async fn note_suspected_rule(&self, rule_id: &str, hospitals: u32, at: Timestamp) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO suspected_rule (rule_id, hospitals, first_at, last_at) VALUES ($1, $2, $3, $3)
                   ON CONFLICT (rule_id) DO UPDATE SET last_at = excluded.last_at,
                     cleared_at = CASE WHEN excluded.hospitals > suspected_rule.hospitals THEN NULL
                                       ELSE suspected_rule.cleared_at END,
                     hospitals = CASE WHEN excluded.hospitals > suspected_rule.hospitals THEN excluded.hospitals
                                      ELSE suspected_rule.hospitals END";
        tx.execute(sql, bind![rule_id, hospitals, at]).await?;
        tx.commit().await
    }

    /// Suspected rules, cleared ones included, the last suspected first.
    pub async fn suspected_rules(&self) -> Result<Vec<SuspectedRule>, Error> {
        let sql = "SELECT rule_id, hospitals, first_at, last_at, cleared_at FROM suspected_rule
                   ORDER BY last_at DESC, rule_id";
        let rows = self.db.rows(sql, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(SuspectedRule {
                    rule_id: row.get("rule_id")?,
                    hospitals: row.count32("hospitals")?,
                    first_at: row.at("first_at")?,
                    last_at: row.at("last_at")?,
                    cleared_at: row.at_opt("cleared_at")?,
                })
            })
            .collect()
    }

    /// A person looked at the rule and found it sound, with the audit line. Errors: [`Error::Missing`].
    pub async fn clear_suspected_rule(&self, rule_id: &str, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE suspected_rule SET cleared_at = $2 WHERE rule_id = $1";
        if tx.execute(sql, bind![rule_id, audit.at]).await? == 0 {
            return Err(Error::Missing { what: "suspected rule" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Drops sightings received before, what was kept to recognise repeats of what members sent, conflicts and told
    /// gaps of then; how many sightings.
    pub async fn retain_sightings(&self, before: Timestamp) -> Result<u64, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM sighting_key WHERE sighting IN (SELECT number FROM sighting WHERE received_at < $1)";
        tx.execute(sql, bind![before]).await?;
        let dropped = tx.execute("DELETE FROM sighting WHERE received_at < $1", bind![before]).await?;
        for kind in ["sighting", "verdict", "release"] {
            tx.execute("DELETE FROM inbox WHERE kind = $1 AND received_at < $2", bind![kind, before]).await?;
        }
        tx.execute("DELETE FROM inbox_conflict WHERE at < $1", bind![before]).await?;
        tx.execute("DELETE FROM member_gap WHERE told_at < $1", bind![before]).await?;
        tx.execute("DELETE FROM family_day WHERE day < $1", bind![day(before)]).await?;
        tx.commit().await?;
        Ok(dropped)
    }
}

/// Stores a sighting under a new position, so that it is judged again; a higher epoch or version replaces the one
/// before and keeps when it was first received: an alert that goes on must not hold a window open.
pub(crate) async fn save_sighting(
    tx: &mut Tx,
    seen: &ReceivedSighting,
    (epoch, version): (i64, u64),
    at: Timestamp,
) -> Result<(), Error> {
    let position = tx.positions("sighting", 1).await?;
    let sighting = &seen.sighting;
    let sql = "INSERT INTO sighting (position, hospital, id, epoch, version, received_at, day, family, level, country,
                 drill, body)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
               ON CONFLICT (hospital, id) DO UPDATE SET position = excluded.position, epoch = excluded.epoch,
                 version = excluded.version, family = excluded.family, level = excluded.level, country = excluded.country,
                 drill = excluded.drill, body = excluded.body
               WHERE (sighting.epoch, sighting.version) < (excluded.epoch, excluded.version)
               RETURNING number";
    let (hospital, family, body) = (&seen.hospital, &sighting.family, json(sighting)?);
    let (level, country, drill, today) = (sighting.level, &sighting.country, sighting.drill, day(at));
    let values = bind![position, hospital, sighting.id, epoch, version, at, today, family, level, country, drill, body];
    // An older version than the stored one changes nothing.
    let Some(row) = tx.row(sql, values).await? else { return Ok(()) };
    let number: i64 = row.get("number")?;
    tx.execute("DELETE FROM sighting_key WHERE sighting = $1", bind![number]).await?;
    for key in &seen.keys {
        let sql = "INSERT INTO sighting_key (key, sighting) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        tx.execute(sql, bind![key, number]).await?;
    }
    if !drill {
        let sql = "INSERT INTO family_day (hospital, family, day) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        tx.execute(sql, bind![hospital, family, today]).await?;
    }
    Ok(())
}

/// Days since 1970, UTC.
fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(24 * 60 * 60)
}

fn seen(row: &Row) -> Result<Seen, Error> {
    Ok(Seen {
        hospital: row.get("hospital")?,
        received_at: row.at("received_at")?,
        familiar: row.get::<i64>("family_days")? >= FAMILIAR_DAYS_MIN,
        sighting: row.json("body")?,
    })
}

//! Alerts: how detections add up to one, what people make of it, how lists find it.
//! A file of its own because the scanner and people change the same rows and neither may overwrite the other.

use std::collections::BTreeSet;

use domain::record::RecordId;
use domain::telemetry::{Level, Observable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::column::{from_json, json};
use crate::db::{Row, Tx, bind};
use crate::filter::{Filter, contains_pattern};
use crate::records::PAGE_ITEMS_DEFAULT;
use crate::{Error, NewAudit, Page, Store, people};

/// The most event numbers an alert keeps; the first ones stay, the count goes on.
pub const ALERT_SEQS_MAX: usize = 50;

/// The most observables an alert keeps.
pub const ALERT_OBSERVABLES_MAX: usize = 32;

/// Where the rule behind an alert came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "origin", content = "of", rename_all = "kebab-case")]
pub enum AlertOrigin {
    /// It came with the program.
    BuiltIn,
    /// The hospital's own rule folder.
    Local,
    /// A warning's rule or indicator; the release's id.
    Warning(Uuid),
    /// An indicator of a local list.
    Indicator,
}

/// What the scanner adds to one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertUpsert {
    /// Deterministic: the same rule, host and window give the same id.
    pub id: Uuid,
    /// Sigma rule id, or `indicator`.
    pub rule_id: String,
    /// Its title.
    pub rule_title: String,
    /// Its family.
    pub family: String,
    /// How grave.
    pub level: Level,
    /// The host it happened on; empty where the event names none.
    pub host: String,
    /// The source's number.
    pub source: u32,
    /// Event time of the first of these detections.
    pub first_at: Timestamp,
    /// Event time of the last.
    pub last_at: Timestamp,
    /// How many more detections.
    pub add_count: u64,
    /// Numbers of the events in the log.
    pub seqs: Vec<u64>,
    /// The fields that matched in the newest one: name and value.
    pub matched: Vec<(String, String)>,
    /// The attacker's side.
    pub observables: Vec<Observable>,
    /// Where the rule came from.
    pub origin: AlertOrigin,
    /// What to do now, as the rule says; may be empty.
    pub action: String,
    /// True where an exercise caused it.
    pub drill: bool,
    /// The node's clock.
    pub at: Timestamp,
}

/// What a person made of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// Nothing yet.
    Open,
    /// Looked at and put away.
    Dismissed,
    /// Part of a case.
    InCase(RecordId),
}

impl AlertState {
    /// The state without its case.
    pub fn stage(self) -> AlertStage {
        match self {
            Self::Open => AlertStage::Open,
            Self::Dismissed => AlertStage::Dismissed,
            Self::InCase(_) => AlertStage::InCase,
        }
    }

    /// The case, if it is in one.
    pub fn case(self) -> Option<RecordId> {
        if let Self::InCase(case) = self { Some(case) } else { None }
    }
}

/// [`AlertState`] without its case, for filters and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertStage {
    /// Nothing yet.
    Open,
    /// Looked at and put away.
    Dismissed,
    /// Part of a case.
    InCase,
}

impl AlertStage {
    /// The stable word used in storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Dismissed => "dismissed",
            Self::InCase => "in-case",
        }
    }
}

/// Detections grouped for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Deterministic.
    pub id: Uuid,
    /// Sigma rule id, or `indicator`.
    pub rule_id: String,
    /// Its title.
    pub rule_title: String,
    /// Its family.
    pub family: String,
    /// The gravest level so far.
    pub level: Level,
    /// The host.
    pub host: String,
    /// The source's number.
    pub source: u32,
    /// Event time of the first detection.
    pub first_at: Timestamp,
    /// Event time of the last.
    pub last_at: Timestamp,
    /// How many detections.
    pub count: u64,
    /// Numbers of the first events; at most [`ALERT_SEQS_MAX`].
    pub seqs: Vec<u64>,
    /// The fields that matched in the newest detection.
    pub matched: Vec<(String, String)>,
    /// The attacker's side; at most [`ALERT_OBSERVABLES_MAX`].
    pub observables: Vec<Observable>,
    /// Where the rule came from.
    pub origin: AlertOrigin,
    /// What to do now.
    pub action: String,
    /// True where an exercise caused it.
    pub drill: bool,
    /// What a person made of it.
    pub state: AlertState,
    /// When it was made here.
    pub created_at: Timestamp,
    /// When it last changed here.
    pub updated_at: Timestamp,
    /// Starts at 1 and goes up by one with each change.
    pub version: u64,
}

/// Which alerts a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertQuery {
    /// In which state.
    pub state: Option<AlertStage>,
    /// At least this grave.
    pub level_min: Option<Level>,
    /// Whose last detection is not older.
    pub since: Option<Timestamp>,
    /// Whose title, rule, family, host or observables contain this; case does not matter.
    pub text: Option<String>,
    /// Of which case.
    pub case: Option<RecordId>,
    /// The last one of the page before.
    pub after: Option<Uuid>,
    /// How many at most.
    pub limit: u32,
}

impl Default for AlertQuery {
    fn default() -> Self {
        Self {
            state: None,
            level_min: None,
            since: None,
            text: None,
            case: None,
            after: None,
            limit: PAGE_ITEMS_DEFAULT,
        }
    }
}

/// How many alerts there are of one sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertCount {
    /// Of which level.
    pub level: Level,
    /// In which state.
    pub state: AlertStage,
    /// Whether an exercise caused them.
    pub drill: bool,
    /// How many.
    pub alerts: u64,
}

const ALERT_COLUMNS: &str = "SELECT id, rule_id, rule_title, family, level, host, source, first_at, last_at, count, \
     seqs, matched, observables, origin, action, drill, state, case_id, created_at, updated_at, version FROM alert";

impl Store {
    /// One alert.
    pub async fn alert(&self, id: Uuid) -> Result<Option<Alert>, Error> {
        let row = self.db.row(format!("{ALERT_COLUMNS} WHERE id = $1"), bind![id]).await?;
        row.as_ref().map(alert).transpose()
    }

    /// One page of alerts, the newest detection first.
    pub async fn alerts(&self, query: AlertQuery) -> Result<Page<Alert>, Error> {
        let mut filter = alert_filter(&query);
        let mut tx = self.db.snapshot().await?;
        let (sql, values) = filter.statement("SELECT COUNT(*) AS total FROM alert", "", Vec::new());
        let total = tx.row(sql, values).await?.map_or(Ok(0), |row| row.count("total"))?;
        if let Some(after) = query.after {
            filter.and("(last_at, id) < (SELECT last_at, id FROM alert WHERE id = ?)", bind![after]);
        }
        let limit = i64::from(query.limit) + 1;
        let (sql, values) = filter.statement(ALERT_COLUMNS, " ORDER BY last_at DESC, id DESC LIMIT ?", bind![limit]);
        let items = tx.rows(sql, values).await?.iter().map(alert).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, query.limit, total))
    }

    /// How many alerts there are whose last detection is not older, by level, state and drill; the gravest first.
    pub async fn alert_counts(&self, since: Timestamp) -> Result<Vec<AlertCount>, Error> {
        let sql = "SELECT level, state, drill, COUNT(*) AS alerts FROM alert WHERE last_at >= $1
                   GROUP BY level, state, drill ORDER BY level DESC, state, drill";
        let rows = self.db.rows(sql, bind![since]).await?;
        rows.iter()
            .map(|row| {
                Ok(AlertCount {
                    level: row.level("level")?,
                    state: row.word("state")?,
                    drill: row.get("drill")?,
                    alerts: row.count("alerts")?,
                })
            })
            .collect()
    }

    /// Says what a person made of an alert, with its audit line. Errors: [`Error::Missing`].
    pub async fn set_alert_state(&self, id: Uuid, state: AlertState, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE alert SET state = $2, case_id = $3, updated_at = $4, version = version + 1 WHERE id = $1";
        let case = state.case().map(|case| case.0);
        if tx.execute(sql, bind![id, state.stage().as_str(), case, audit.at]).await? == 0 {
            return Err(Error::Missing { what: "alert" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// Drops alerts whose last detection is older and that belong to no case; how many.
    pub async fn retain_alerts(&self, before: Timestamp) -> Result<u64, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM alert WHERE last_at < $1 AND case_id IS NULL";
        let dropped = tx.execute(sql, bind![before]).await?;
        tx.commit().await?;
        Ok(dropped)
    }
}

/// What alerts repeat of events that were erased goes too; which alerts there were stays.
impl Store {
    /// Forgets what alerts and open correlation windows repeat of these events, with the audit line of the erasure.
    /// Returns how many alerts said something of them.
    pub async fn forget_events(&self, seqs: &BTreeSet<u64>, audit: NewAudit) -> Result<u64, Error> {
        let mut tx = self.db.begin().await?;
        let mut forgotten = 0;
        for row in tx.rows("SELECT id, seqs FROM alert ORDER BY id", Vec::new()).await? {
            let told: Vec<u64> = row.json("seqs")?;
            if told.iter().any(|seq| seqs.contains(seq)) {
                let id: Uuid = row.get("id")?;
                let sql = "UPDATE alert SET matched = '[]', search_text = '', version = version + 1 WHERE id = $1";
                forgotten += tx.execute(sql, bind![id]).await?;
            }
        }
        for seq in seqs {
            tx.execute("DELETE FROM base_detection WHERE seq = $1", bind![*seq]).await?;
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}

/// Puts an alert into a case, inside the commit that opens or extends the case. An alert that expired is no error.
pub(crate) async fn link_to_case(tx: &mut Tx, id: Uuid, case: RecordId, at: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE alert SET state = 'in-case', case_id = $2, updated_at = $3, version = version + 1 WHERE id = $1";
    tx.execute(sql, bind![id, case, at]).await.map(drop)
}

fn alert_filter(query: &AlertQuery) -> Filter {
    let mut filter = Filter::default();
    if let Some(state) = query.state {
        filter.and("state = ?", bind![state.as_str()]);
    }
    if let Some(level) = query.level_min {
        filter.and("level >= ?", bind![level]);
    }
    if let Some(since) = query.since {
        filter.and("last_at >= ?", bind![since]);
    }
    if let Some(text) = query.text.as_deref().filter(|text| !text.is_empty()) {
        filter.and("search_text LIKE ? ESCAPE '\\'", bind![contains_pattern(text)]);
    }
    if let Some(case) = query.case {
        filter.and("case_id = ?", bind![case]);
    }
    filter
}

/// Adds to an alert, or makes it. The first statement locks the row, so that a person's decision is not overwritten.
pub(crate) async fn upsert_alert(tx: &mut Tx, add: &AlertUpsert) -> Result<(), Error> {
    let columns = ALERT_COLUMNS.trim_start_matches("SELECT ").trim_end_matches(" FROM alert");
    let sql = format!("UPDATE alert SET version = version + 1 WHERE id = $1 RETURNING {columns}");
    match tx.row(sql, bind![add.id]).await? {
        Some(row) => {
            let merged = merge(alert(&row)?, add);
            update_alert(tx, &merged).await
        }
        None => insert_alert(tx, &fresh(add)).await,
    }
}

fn fresh(add: &AlertUpsert) -> Alert {
    Alert {
        id: add.id,
        rule_id: add.rule_id.clone(),
        rule_title: add.rule_title.clone(),
        family: add.family.clone(),
        level: add.level,
        host: add.host.clone(),
        source: add.source,
        first_at: add.first_at,
        last_at: add.last_at,
        count: add.add_count,
        seqs: add.seqs.iter().copied().take(ALERT_SEQS_MAX).collect(),
        matched: add.matched.clone(),
        observables: add.observables.iter().take(ALERT_OBSERVABLES_MAX).cloned().collect(),
        origin: add.origin,
        action: add.action.clone(),
        drill: add.drill,
        state: AlertState::Open,
        created_at: add.at,
        updated_at: add.at,
        version: 1,
    }
}

/// Adds new detections to an alert. A dismissed one stays dismissed unless the level rises.
fn merge(mut alert: Alert, add: &AlertUpsert) -> Alert {
    if add.level > alert.level && alert.state == AlertState::Dismissed {
        alert.state = AlertState::Open;
    }
    if add.last_at >= alert.last_at {
        alert.matched = add.matched.clone();
        alert.rule_title = add.rule_title.clone();
        alert.action = add.action.clone();
    }
    alert.level = alert.level.max(add.level);
    alert.first_at = alert.first_at.min(add.first_at);
    alert.last_at = alert.last_at.max(add.last_at);
    alert.count = alert.count.saturating_add(add.add_count);
    for seq in &add.seqs {
        if alert.seqs.len() < ALERT_SEQS_MAX && !alert.seqs.contains(seq) {
            alert.seqs.push(*seq);
        }
    }
    for observable in &add.observables {
        if alert.observables.len() < ALERT_OBSERVABLES_MAX && !alert.observables.contains(observable) {
            alert.observables.push(observable.clone());
        }
    }
    alert.updated_at = add.at;
    alert
}

async fn insert_alert(tx: &mut Tx, alert: &Alert) -> Result<(), Error> {
    let sql = "INSERT INTO alert (id, rule_id, rule_title, family, level, host, source, first_at, last_at, count,
                 seqs, matched, observables, origin, action, drill, state, created_at, updated_at, version, search_text)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'open', $17, $17, 1, $18)";
    let values = bind![
        alert.id,
        &alert.rule_id,
        &alert.rule_title,
        &alert.family,
        alert.level,
        &alert.host,
        alert.source,
        alert.first_at,
        alert.last_at,
        alert.count,
        json(&alert.seqs)?,
        json(&alert.matched)?,
        json(&alert.observables)?,
        json(&alert.origin)?,
        &alert.action,
        alert.drill,
        alert.created_at,
        search_text(alert),
    ];
    tx.execute(sql, values).await.map(drop)
}

async fn update_alert(tx: &mut Tx, alert: &Alert) -> Result<(), Error> {
    let sql = "UPDATE alert SET rule_title = $2, level = $3, first_at = $4, last_at = $5, count = $6, seqs = $7,
                 matched = $8, observables = $9, action = $10, state = $11, updated_at = $12, search_text = $13
               WHERE id = $1";
    let values = bind![
        alert.id,
        &alert.rule_title,
        alert.level,
        alert.first_at,
        alert.last_at,
        alert.count,
        json(&alert.seqs)?,
        json(&alert.matched)?,
        json(&alert.observables)?,
        &alert.action,
        alert.state.stage().as_str(),
        alert.updated_at,
        search_text(alert),
    ];
    tx.execute(sql, values).await.map(drop)
}

/// What the search box looks at, in lower case: neither database folds more than ASCII by itself.
fn search_text(alert: &Alert) -> String {
    let words = [&alert.rule_title, &alert.rule_id, &alert.family, &alert.host];
    let observables = alert.observables.iter().map(|observable| &observable.value);
    words.into_iter().chain(observables).map(|word| word.to_lowercase()).collect::<Vec<_>>().join("\n")
}

fn alert(row: &Row) -> Result<Alert, Error> {
    let state = match (row.word("state")?, row.get::<Option<Uuid>>("case_id")?) {
        (AlertStage::Open, _) => AlertState::Open,
        (AlertStage::Dismissed, _) => AlertState::Dismissed,
        (AlertStage::InCase, Some(case)) => AlertState::InCase(RecordId(case)),
        (AlertStage::InCase, None) => return Err(Error::Corrupt { what: "an alert in no case".to_owned() }),
    };
    Ok(Alert {
        id: row.get("id")?,
        rule_id: row.get("rule_id")?,
        rule_title: row.get("rule_title")?,
        family: row.get("family")?,
        level: row.level("level")?,
        host: row.get("host")?,
        source: row.count32("source")?,
        first_at: row.at("first_at")?,
        last_at: row.at("last_at")?,
        count: row.count("count")?,
        seqs: from_json(&row.get::<String>("seqs")?, "seqs")?,
        matched: row.json("matched")?,
        observables: row.json("observables")?,
        origin: row.json("origin")?,
        action: row.get("action")?,
        drill: row.get("drill")?,
        state,
        created_at: row.at("created_at")?,
        updated_at: row.at("updated_at")?,
        version: row.count("version")?,
    })
}

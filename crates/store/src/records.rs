//! Records: states, journal, duties, facets and documents, saved with everything they cause in one transaction.
//! A file of its own because this is the promise *nothing acknowledged is lost* for all that law and people care about.

use domain::duty::Duty;
use domain::party::Role;
use domain::record::{Document, Fact, Kind, RECORD_FORMAT, RecordId, State, chain_hash};
use jiff::Timestamp;
use uuid::Uuid;

use crate::column::{json, word};
use crate::db::{Row, Tx, bind};
use crate::filter::Filter;
use crate::{Error, NewAudit, NewOutboxItem, NewPublication, Store, alerts, outbox, people, published};

/// A record as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Which one.
    pub id: RecordId,
    /// The number of its facts; a commit names it as the version it decided on.
    pub version: u64,
    /// Its state.
    pub state: State,
    /// The hash of its newest fact.
    pub head_hash: String,
    /// When it was made here.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a command did to one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordWrite {
    /// Which record.
    pub id: RecordId,
    /// The version that was decided on; 0 for a new record.
    pub expected_version: u64,
    /// What happened; empty means: only check that the version still holds.
    pub facts: Vec<Fact>,
    /// The state after all facts.
    pub state: State,
    /// The documents that the facts refer to.
    pub documents: Vec<Document>,
}

/// Everything that one command causes. All of it is stored, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// The node's clock.
    pub at: Timestamp,
    /// The records it changed or relied on.
    pub records: Vec<RecordWrite>,
    /// What goes up.
    pub outbox: Vec<NewOutboxItem>,
    /// What goes down.
    pub publish: Vec<NewPublication>,
    /// What the audit says.
    pub audit: Vec<NewAudit>,
    /// Cluster keys and the warning that speaks of them; a key moves to the newest.
    pub cluster_keys: Vec<(String, RecordId)>,
    /// Alerts that now belong to a case.
    pub link_alerts: Vec<(Uuid, RecordId)>,
}

impl Commit {
    /// A commit with nothing in it yet.
    pub fn new(at: Timestamp) -> Self {
        Self { at, ..Self::default() }
    }
}

/// What a commit was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// Positions of the new publications in the published log; one already there gets none.
    pub positions: Vec<i64>,
}

/// Which records a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordQuery {
    /// Of which kind.
    pub kind: Kind,
    /// Names and values that must all hold.
    pub facets: Vec<(String, String)>,
    /// The last one of the page before.
    pub after: Option<RecordId>,
    /// How many at most.
    pub limit: u32,
}

impl Default for RecordQuery {
    fn default() -> Self {
        Self { kind: Kind::Case, facets: Vec::new(), after: None, limit: PAGE_ITEMS_DEFAULT }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What it shows.
    pub items: Vec<T>,
    /// Whether there is a next page.
    pub more: bool,
    /// How many fit the filter on all pages.
    pub total: u64,
}

/// One fact in its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Counts up from 1 within the record.
    pub seq: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
    /// Its hash.
    pub hash: String,
    /// The hash of the fact before; none for the first.
    pub previous_hash: Option<String>,
}

/// One duty of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyRow {
    /// Whose duty it is.
    pub record: RecordId,
    /// That record's kind.
    pub kind: Kind,
    /// What must happen by when.
    pub duty: Duty,
    /// Whether an exercise caused it.
    pub drill: bool,
}

/// How many items a page has when the query does not say.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;

/// Values in one statement; both databases take many more.
const VALUES_MAX: usize = 1_000;

const RECORD_COLUMNS: &str = "SELECT id, version, state, head_hash, created_at, updated_at FROM record";

impl Store {
    /// The records of these ids, in id order; missing ones are absent.
    pub async fn load(&self, ids: &[RecordId]) -> Result<Vec<StoredRecord>, Error> {
        let mut filter = Filter::default();
        filter.and_in("id", ids.iter().map(|id| (*id).into()).collect());
        let (sql, values) = filter.statement(RECORD_COLUMNS, " ORDER BY id", Vec::new());
        self.db.rows(sql, values).await?.iter().map(stored_record).collect()
    }

    /// Stores everything a command causes in one transaction. Errors: [`Error::Conflict`] leaves nothing.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        let Commit { at, mut records, outbox, publish, audit, mut cluster_keys, mut link_alerts } = commit;
        // One order for everybody, so that two commits over the same records wait instead of dead-locking.
        records.sort_by_key(|write| write.id);
        cluster_keys.sort();
        link_alerts.sort();
        let mut tx = self.db.begin().await?;
        for write in &records {
            save_record(&mut tx, write, at).await?;
        }
        for (key, record) in cluster_keys {
            let sql = "INSERT INTO cluster_key (key, record) VALUES ($1, $2)
                       ON CONFLICT (key) DO UPDATE SET record = excluded.record";
            tx.execute(sql, bind![key, record]).await?;
        }
        for (alert, case) in link_alerts {
            alerts::link_to_case(&mut tx, alert, case, at).await?;
        }
        for entry in &audit {
            people::insert_audit(&mut tx, entry).await?;
        }
        outbox::enqueue(&mut tx, outbox, at).await?;
        let mut positions = Vec::new();
        for publication in publish {
            positions.extend(published::publish(&mut tx, publication, at).await?);
        }
        tx.commit().await?;
        Ok(Committed { positions })
    }

    /// One page of records, newest first.
    pub async fn list_records(&self, query: RecordQuery) -> Result<Page<StoredRecord>, Error> {
        let mut filter = Filter::default();
        filter.and("kind = ?", bind![query.kind.as_str()]);
        for (name, value) in query.facets {
            let condition =
                "EXISTS (SELECT 1 FROM facet WHERE facet.record = record.id AND facet.name = ? AND facet.value = ?)";
            filter.and(condition, bind![name, value]);
        }
        let mut tx = self.db.snapshot().await?;
        let (sql, values) = filter.statement("SELECT COUNT(*) AS total FROM record", "", Vec::new());
        let total = tx.row(sql, values).await?.map_or(Ok(0), |row| row.count("total"))?;
        if let Some(after) = query.after {
            let condition = "(created_at, id) < (SELECT created_at, id FROM record WHERE id = ?)";
            filter.and(condition, bind![after]);
        }
        let limit = i64::from(query.limit) + 1;
        let (sql, values) =
            filter.statement(RECORD_COLUMNS, " ORDER BY created_at DESC, id DESC LIMIT ?", bind![limit]);
        let items = tx.rows(sql, values).await?.iter().map(stored_record).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, query.limit, total))
    }

    /// Every fact of one record, in order.
    pub async fn journal(&self, record: RecordId) -> Result<Vec<JournalEntry>, Error> {
        let sql = "SELECT seq, at, body, hash, previous_hash FROM fact WHERE record = $1 ORDER BY seq";
        let rows = self.db.rows(sql, bind![record]).await?;
        rows.iter()
            .map(|row| {
                Ok(JournalEntry {
                    seq: row.count("seq")?,
                    at: row.at("at")?,
                    fact: row.json("body")?,
                    hash: row.get("hash")?,
                    previous_hash: row.get("previous_hash")?,
                })
            })
            .collect()
    }

    /// What must happen by when, soonest first.
    pub async fn duties(&self, limit: u32) -> Result<Vec<DutyRow>, Error> {
        let sql = "SELECT duty.record, record.kind, duty.key, duty.due_at, duty.bearer, duty.citation, record.drill
                   FROM duty JOIN record ON record.id = duty.record
                   ORDER BY duty.due_at, duty.record, duty.key LIMIT $1";
        self.db.rows(sql, bind![limit]).await?.iter().map(duty_row).collect()
    }

    /// The documents of these ids; erased and missing ones are absent.
    pub async fn documents(&self, ids: &[Uuid]) -> Result<Vec<Document>, Error> {
        let mut documents = Vec::with_capacity(ids.len());
        for some in ids.chunks(VALUES_MAX) {
            let mut filter = Filter::default();
            filter.and_in("id", some.iter().map(|id| (*id).into()).collect());
            filter.and("erased_at IS NULL", Vec::new());
            let (sql, values) = filter.statement("SELECT id, salt, body FROM document", " ORDER BY id", Vec::new());
            for row in self.db.rows(sql, values).await? {
                documents.push(document(&row)?);
            }
        }
        Ok(documents)
    }

    /// Erases a document's text and salt; the facts that name it stay verifiable. Errors: [`Error::Missing`].
    pub async fn erase_document(&self, id: Uuid, audit: NewAudit) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE document SET body = NULL, salt = NULL, erased_at = $2 WHERE id = $1 AND erased_at IS NULL";
        if tx.execute(sql, bind![id, audit.at]).await? == 0 {
            return Err(Error::Missing { what: "document" });
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await
    }

    /// The warning that speaks of the first of these cluster keys that any warning speaks of.
    pub async fn record_of_key(&self, keys: &[String]) -> Result<Option<RecordId>, Error> {
        let mut filter = Filter::default();
        filter.and_in("key", keys.iter().map(|key| key.into()).collect());
        let (sql, values) = filter.statement("SELECT key, record FROM cluster_key", "", Vec::new());
        let mut found = std::collections::BTreeMap::new();
        for row in self.db.rows(sql, values).await? {
            found.insert(row.get::<String>("key")?, RecordId(row.get("record")?));
        }
        Ok(keys.iter().find_map(|key| found.get(key).copied()))
    }
}

impl<T> Page<T> {
    /// Cuts a list that was read with one item too many.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, total: u64) -> Self {
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Self { items, more, total }
    }
}

pub(crate) fn stored_record(row: &Row) -> Result<StoredRecord, Error> {
    Ok(StoredRecord {
        id: RecordId(row.get("id")?),
        version: row.count("version")?,
        state: row.json("state")?,
        head_hash: row.get("head_hash")?,
        created_at: row.at("created_at")?,
        updated_at: row.at("updated_at")?,
    })
}

fn duty_row(row: &Row) -> Result<DutyRow, Error> {
    Ok(DutyRow {
        record: RecordId(row.get("record")?),
        kind: row.word("kind")?,
        duty: Duty {
            key: row.get("key")?,
            due_at: row.at("due_at")?,
            bearer: row.word::<Role>("bearer")?,
            citation: row.get("citation")?,
        },
        drill: row.get("drill")?,
    })
}

pub(crate) fn document(row: &Row) -> Result<Document, Error> {
    let salt: Vec<u8> = row.get("salt")?;
    let salt = salt.try_into().map_err(|_| Error::Corrupt { what: "a salt is not 16 bytes".to_owned() })?;
    let text = String::from_utf8(row.get("body")?)
        .map_err(|_| Error::Corrupt { what: "a document is not UTF-8".to_owned() })?;
    Ok(Document { id: row.get("id")?, salt, text })
}

/// Saves one record: version check, state, facts, duties, facets, documents.
async fn save_record(tx: &mut Tx, write: &RecordWrite, at: Timestamp) -> Result<(), Error> {
    let conflict = || Error::Conflict { record: write.id };
    let previous = lock_at_version(tx, write).await?.ok_or_else(conflict)?;
    if write.facts.is_empty() {
        return Ok(());
    }
    let mut entries = Vec::with_capacity(write.facts.len());
    let mut head = previous;
    for fact in &write.facts {
        let body = json(fact)?;
        let hash = chain_hash(head.as_deref(), body.as_bytes());
        entries.push((body, hash.clone(), head));
        head = Some(hash);
    }
    if save_state(tx, write, &head.unwrap_or_default(), at).await? == 0 {
        return Err(conflict());
    }
    for (seq, (body, hash, previous)) in (write.expected_version + 1..).zip(entries) {
        let sql = "INSERT INTO fact (record, seq, at, body, hash, previous_hash) VALUES ($1, $2, $3, $4, $5, $6)";
        tx.execute(sql, bind![write.id, seq, at, body, hash, previous]).await?;
    }
    save_derived(tx, write).await?;
    for document in &write.documents {
        let reference = document.reference();
        let sql = "INSERT INTO document (id, record, salt, body, hash) VALUES ($1, $2, $3, $4, $5)";
        let values =
            bind![document.id, write.id, document.salt.to_vec(), document.text.clone().into_bytes(), reference.hash];
        tx.execute(sql, values).await?;
    }
    Ok(())
}

/// The head hash of a record that is still at the expected version (outer `Some`); a new one has none (inner `None`).
/// Takes the row's lock on PostgreSQL, so that nobody slips in between.
async fn lock_at_version(tx: &mut Tx, write: &RecordWrite) -> Result<Option<Option<String>>, Error> {
    if write.expected_version == 0 {
        let row = tx.row("SELECT id FROM record WHERE id = $1", bind![write.id]).await?;
        return Ok(if row.is_none() { Some(None) } else { None });
    }
    let sql = "UPDATE record SET version = version WHERE id = $1 AND version = $2 RETURNING head_hash";
    match tx.row(sql, bind![write.id, write.expected_version]).await? {
        Some(row) => Ok(Some(Some(row.get("head_hash")?))),
        None => Ok(None),
    }
}

async fn save_state(tx: &mut Tx, write: &RecordWrite, head_hash: &str, at: Timestamp) -> Result<u64, Error> {
    let version = write.expected_version + write.facts.len() as u64;
    let state = json(&write.state)?;
    if write.expected_version > 0 {
        let sql = "UPDATE record SET version = $3, state = $4, head_hash = $5, tlp = $6, pap = $7, updated_at = $8
                   WHERE id = $1 AND version = $2";
        let marking = write.state.marking();
        let (tlp, pap) = (word(marking.tlp)?, word(marking.pap)?);
        let values = bind![write.id, write.expected_version, version, state, head_hash, tlp, pap, at];
        return tx.execute(sql, values).await;
    }
    let sql =
        "INSERT INTO record (id, kind, format, version, state, head_hash, tlp, pap, drill, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (id) DO NOTHING";
    let (kind, marking, format) = (write.state.kind().as_str(), write.state.marking(), i64::from(RECORD_FORMAT));
    let (tlp, pap, drill) = (word(marking.tlp)?, word(marking.pap)?, write.state.drill());
    tx.execute(sql, bind![write.id, kind, format, version, state, head_hash, tlp, pap, drill, at]).await
}

/// Duties and facets are derived anew at every change; the old ones go.
async fn save_derived(tx: &mut Tx, write: &RecordWrite) -> Result<(), Error> {
    tx.execute("DELETE FROM duty WHERE record = $1", bind![write.id]).await?;
    for duty in write.state.duties() {
        let sql = "INSERT INTO duty (record, key, due_at, bearer, citation) VALUES ($1, $2, $3, $4, $5)";
        tx.execute(sql, bind![write.id, duty.key, duty.due_at, duty.bearer.as_str(), duty.citation]).await?;
    }
    tx.execute("DELETE FROM facet WHERE record = $1", bind![write.id]).await?;
    for (name, value) in write.state.facets() {
        let sql = "INSERT INTO facet (record, name, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        tx.execute(sql, bind![write.id, name, value]).await?;
    }
    Ok(())
}
